// memory.mjs - does the server keep anything of sessions that are over?
//
//   node bench/memory.mjs [--sessions 10000] [--at-once 20] [--json]
//
// WebSocket sessions, each with one text turn (item, response, done, close), against the real binary with the examples
// indexed; resident memory after every thousand. It fails when the last is more than 2 % above the second.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ingest, root, serve, sleep } from '../test/tools/server.mjs';

const { WebSocket } = createRequire(join(root, 'test/package.json'))('ws');
const { values } = parseArgs({ options: { sessions: { type: 'string', default: '10000' }, 'at-once': { type: 'string', default: '20' },
  json: { type: 'boolean' } } });
const sessions = Number(values.sessions), thousand = sessions / 10;
const server = await serve({ data: ingest([join(root, 'examples')]) });
const url = `${server.origin.replace('http', 'ws')}/v1/realtime?model=m`;
const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]);

const turn = () => new Promise((resolve, reject) => {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const say = (e) => socket.send(JSON.stringify(e));
  socket.on('error', reject);
  socket.on('close', resolve);
  socket.on('open', () => {
    say({ type: 'conversation.item.create', item: { type: 'message', role: 'user',
      content: [{ type: 'input_text', text: 'How long may the battery be charged?' }] } });
    say({ type: 'response.create', response: { output_modalities: ['text'] } });
  });
  socket.on('message', (data) => {
    const e = JSON.parse(data);
    if (e.type === 'error') reject(new Error(data.toString()));
    if (e.type === 'response.done') {
      if (e.response.status !== 'completed') reject(new Error(data.toString()));
      socket.close();
    }
  });
});

const after = [];
for (let done = 0; done < sessions;) {
  let left = thousand;
  await Promise.all(Array.from({ length: Number(values['at-once']) }, async () => { while (left-- > 0) { await turn(); done++; } }));
  await sleep(200);
  after.push(resident());
}
const growth = 100 * (after.at(-1) / after[1] - 1);
if (values.json) console.log(JSON.stringify({ after, growth }));
else {
  console.log(`resident after each ${thousand} of ${sessions} sessions with a text turn, MB: ${after.map((k) => (k / 1024).toFixed(1)).join(' ')}`);
  console.log(`the last is ${growth.toFixed(2)} % above the second (at most 2)`);
}
process.exit(growth <= 2 ? 0 : 1);
