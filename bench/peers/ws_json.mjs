// Node's `ws`, doing what bench/events.mjs asks for and no more: JSON and base64 of the same traffic. PORT
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const { WebSocketServer } = createRequire(fileURLToPath(new URL('../../test/package.json', import.meta.url)))('ws');
const pcm = Buffer.alloc(9600, 1); // 200 ms
let n = 0;
new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: false }).on('connection', (socket) => {
  const say = (e) => socket.send(JSON.stringify({ ...e, event_id: `event_${++n}` }));
  let held = 0;
  say({ type: 'session.created', session: { id: 'sess_1' } });
  socket.on('message', (data) => {
    const e = JSON.parse(data);
    if (e.type === 'input_audio_buffer.append') held += Buffer.from(e.audio, 'base64').length;
    if (e.type === 'input_audio_buffer.clear') say({ type: 'input_audio_buffer.cleared', held });
    if (e.type === 'session.update') say({ type: 'session.updated', session: e.session });
    if (e.type !== 'response.create') return;
    for (let i = 0; i < 5 * e.response.metadata.seconds; i++) {
      say({ type: 'response.output_audio.delta', response_id: 'resp_1', item_id: 'item_1', output_index: 0, content_index: 0,
        delta: pcm.toString('base64') });
    }
    say({ type: 'response.done', response: { id: 'resp_1' } });
  });
});
