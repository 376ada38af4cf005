// relay.mjs - what a realtime service costs by way of voiced: time added to an event and to 20 ms of audio, processor and
// memory of a session, beside a relay in Node that passes frames on and does nothing else.
//
//   node bench/relay.mjs [--sessions 100] [--seconds 20] [--json]
//
// The service is here: it says 20 ms of audio every 20 ms for as long as an answer lasts, and notes when audio comes. Up: from an
// append to the next message that the service gets, and, by counting samples, to the last sample of those 20 ms: voiced resamples (24 to 16 to
// 24 kHz), and what resamplers hold back comes with the next append. Down: by counting samples. "direct" has nothing in between.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { freePort, root, serve, sleep, until } from '../test/tools/server.mjs';
import { atEnd } from '../test/tools/temporary.mjs';

const { WebSocket, WebSocketServer } = createRequire(join(root, 'test/package.json'))('ws');
const { values } = parseArgs({ options: { sessions: { type: 'string', default: '100' }, seconds: { type: 'string', default: '20' }, json: { type: 'boolean' } } });
const many = Number(values.sessions), seconds = Number(values.seconds);
const FRAME = 480; // samples of 20 ms

const cpu = (pid) => {
  const f = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  return (Number(f[11]) + Number(f[12])) / 100;
};
const rss = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);

const pcm = Buffer.alloc(FRAME * 2);
for (let i = 0; i < FRAME; i++) pcm.writeInt16LE(Math.round(2000 * Math.sin(i / 5)), 2 * i);
const base64 = pcm.toString('base64');

// --- the service ------------------------------------------------------------------------------------------------
const there = []; // its sessions, in the order of their coming
async function service() {
  const port = await freePort();
  const server = new WebSocketServer({ port, host: '127.0.0.1', perMessageDeflate: false });
  server.on('connection', (ws) => {
    const s = { samples: 0, arrivals: [], sent: [], cancelled: false };
    let n = 0;
    const send = (type, v) => ws.send(JSON.stringify({ type, event_id: `e${++n}`, ...v }));
    there.push(s);
    ws._socket.setNoDelay(true);
    ws.on('error', () => {});
    send('session.created', { session: { type: 'realtime', id: 'sess_1' } });
    ws.on('message', async (data) => {
      const e = JSON.parse(data);
      if (e.type === 'input_audio_buffer.append') {
        s.samples += e.audio.length * 3 / 8 - (e.audio.endsWith('==') ? 1 : e.audio.endsWith('=') ? 0.5 : 0);
        s.arrivals.push([s.samples, performance.now()]);
      } else if (e.type === 'session.update') send('session.updated', { session: { id: 'sess_1', ...e.session } });
      else if (e.type === 'response.create') {
        const id = `resp_${++n}`, item = { id: `item_${n}`, type: 'message', role: 'assistant', status: 'in_progress', content: [] };
        const at = { response_id: id, item_id: item.id, output_index: 0, content_index: 0 };
        const response = { object: 'realtime.response', id, status: 'in_progress', output: [], metadata: e.response?.metadata ?? null };
        send('response.created', { response });
        send('response.output_item.added', { response_id: id, output_index: 0, item });
        send('response.content_part.added', { ...at, part: { type: 'audio', transcript: '' } });
        const from = performance.now();
        for (let i = 0; i < seconds * 50 && ws.readyState === 1; i++) {
          s.sent.push(performance.now());
          send('response.output_audio.delta', { ...at, delta: base64 });
          if (i % 10 === 0) send('response.output_audio_transcript.delta', { ...at, delta: ' word' });
          const early = from + (i + 1) * 20 - performance.now();
          if (early > 0) await sleep(early);
        }
        send('response.output_audio.done', at);
        send('response.output_audio_transcript.done', { ...at, transcript: 'word' });
        send('response.output_item.done', { response_id: id, output_index: 0, item: { ...item, status: 'completed' } });
        send('response.done', { response: { ...response, status: 'completed', output: [item], usage: { total_tokens: 2, input_tokens: 1, output_tokens: 1 } } });
      }
    });
  });
  return `ws://127.0.0.1:${port}/v1/realtime`;
}

// --- a client ---------------------------------------------------------------------------------------------------
async function talk(origin) {
  const ws = new WebSocket(`${origin}/v1/realtime?model=m`, { perMessageDeflate: false });
  const c = { ws, up: [], down: [], samples: 0, done: false };
  await new Promise((resolve, reject) => {
    ws.on('error', reject);
    ws.on('message', (data) => {
      const e = JSON.parse(data);
      if (e.type === 'session.created') ws.send(JSON.stringify({ type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection: { type: 'server_vad' } } } } }));
      if (e.type === 'session.updated') resolve();
      if (e.type === 'response.output_audio.delta') { c.samples += Buffer.from(e.delta, 'base64').length / 2; c.down.push([c.samples, performance.now()]); }
      if (e.type === 'response.done') c.done = true;
      if (e.type === 'error') reject(new Error(data.toString()));
    });
  });
  ws._socket.setNoDelay(true);
  const append = JSON.stringify({ type: 'input_audio_buffer.append', audio: base64 });
  c.go = async () => {
    ws.send(JSON.stringify({ type: 'response.create' }));
    const from = performance.now();
    for (let i = 0; i < seconds * 50; i++) {
      c.up.push(performance.now());
      ws.send(append);
      const early = from + (i + 1) * 20 - performance.now();
      if (early > 0) await sleep(early);
    }
    await until('the end of the answer', () => c.done, 20000);
  };
  return c;
}

// For each frame the time from its sending to the first message that arrives after it: what the program takes.
function delays(sent, arrivals) {
  const out = [];
  let k = 0;
  for (const at of sent) {
    while (k < arrivals.length && arrivals[k][1] < at) k++;
    if (k < arrivals.length) out.push(arrivals[k][1] - at);
  }
  return out.sort((a, b) => a - b);
}

// For each frame the time from its sending to the arrival of its last sample.
function times(sent, arrivals) {
  const out = [];
  let k = 0;
  for (let i = 0; i < sent.length; i++) {
    while (k < arrivals.length && arrivals[k][0] < (i + 1) * FRAME) k++;
    if (k === arrivals.length) break;
    out.push(arrivals[k][1] - sent[i]);
  }
  return out.sort((a, b) => a - b);
}
const at = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];

async function measure(name, origin, pid) {
  const idle = pid && rss(pid);
  const one = await talk(origin);
  await one.go();
  const s = there.at(-1); // it may have been asked for late
  const up = delays(one.up, s.arrivals), whole = times(one.up, s.arrivals), down = times(s.sent, one.down);
  one.ws.terminate();
  const row = { name, whole50: at(whole, 0.5), up50: at(up, 0.5), up99: at(up, 0.99), down50: at(down, 0.5), down99: at(down, 0.99) };
  if (!pid) return row;
  await sleep(500);
  const clients = [];
  for (let i = 0; i < many; i++) clients.push(await talk(origin));
  const from = cpu(pid), began = performance.now();
  await Promise.all(clients.map(async (c, i) => { await sleep(i * 20 / many); await c.go(); }));
  row.cores = (cpu(pid) - from) / ((performance.now() - began) / 1000) / many;
  row.kb = (rss(pid) - idle) / many;
  for (const c of clients) c.ws.terminate();
  return row;
}

const url = await service();
const rows = [await measure('direct', url.replace('/v1/realtime', ''))];
{
  const port = await freePort();
  const child = spawn(process.execPath, [join(root, 'bench/peers/ws_relay.mjs'), String(port), url], { stdio: ['ignore', 'pipe', 'inherit'] });
  atEnd(() => child.kill('SIGKILL'));
  await new Promise((r) => child.stdout.once('data', r));
  rows.push(await measure('relay in Node', `ws://127.0.0.1:${port}`, child.pid));
  child.kill('SIGKILL');
}
{
  const server = await serve({ ready: false, decoders: 1, args: ['--realtime', url, '--turns', 'service'] });
  await sleep(3000); // the decoder is built
  rows.push(await measure('voiced', server.origin.replace('http', 'ws'), server.child.pid));
  await server.stop();
}
if (values.json) console.log(JSON.stringify(rows));
else for (const r of rows)
  console.log(`${r.name.padEnd(14)} 20 ms up: median ${r.up50.toFixed(2)} ms, p99 ${r.up99.toFixed(2)} (its last sample: ${r.whole50.toFixed(0)})   20 ms down: median ${r.down50.toFixed(2)} ms, p99 ${r.down99.toFixed(2)}` +
    (r.cores ? `   ${many} sessions both ways: ${(1 / r.cores).toFixed(0)} a core, ${r.kb.toFixed(0)} KB each` : ''));
process.exit(0);
