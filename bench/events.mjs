// events.mjs - what a second of conversation over WebSocket costs the server's processor, beside servers that do nothing else.
//
//   node bench/events.mjs [--sockets 20] [--frames 2000] [--seconds 40] [--json]
//
// Appends of 20 ms (24 kHz) into a session whose turns are the client's, and answers in audio deltas of 200 ms, over loopback; each
// apart, then "both ways": 50 appends and 5 deltas a second. CPU time of the server's process, user and system. The
// first is build/src/api/bench_server: the real service (HTTP, WebSockets, sessions, resampling, voice detection)
// with engines that cost nothing; the others, Node's `ws` and Python's websockets, parse and write the same JSON, decode and encode the
// same base64, and keep nothing.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort, root, sleep } from '../test/tools/server.mjs';
import { atEnd } from '../test/tools/temporary.mjs';

const { WebSocket } = createRequire(join(root, 'test/package.json'))('ws');
const { values } = parseArgs({ options: { sockets: { type: 'string', default: '20' }, frames: { type: 'string', default: '2000' },
  seconds: { type: 'string', default: '40' }, json: { type: 'boolean' } } });
const sockets = Number(values.sockets), frames = Number(values.frames), seconds = Number(values.seconds);
execFileSync('ninja', ['-C', join(root, 'build'), '--quiet', 'src/api/bench_server'], { stdio: ['ignore', 'ignore', 'inherit'] });

const servers = [
  ['voiced', join(root, 'build/src/api/bench_server')],
  ['ws (Node)', process.execPath, join(root, 'bench/peers/ws_json.mjs')],
  ['websockets (Python)', '/usr/bin/python3', join(root, 'bench/peers/websockets_json.py')],
];

// utime and stime, in seconds
const cpu = (pid) => {
  const f = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  return (Number(f[11]) + Number(f[12])) / 100;
};
const listens = (port) => new Promise((resolve) => {
  const s = connectTcp(port, '127.0.0.1', () => { s.destroy(); resolve(true); }).on('error', () => resolve(false));
});

function open(port) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/realtime?model=m`, { perMessageDeflate: false });
    const waiting = [], client = { socket, deltas: 0, octets: 0 };
    client.say = (e) => socket.send(JSON.stringify(e));
    client.until = (type) => new Promise((r) => waiting.push([type, r]));
    socket.on('error', reject);
    socket.on('message', (data) => {
      const type = /"type":\s*"([^"]+)"/.exec(data.toString('latin1', 0, 80))[1];
      if (type === 'response.output_audio.delta') { client.deltas++; client.octets += /"delta":\s*"([^"]*)/.exec(data.toString('latin1'))[1].length; }
      if (type === 'error') reject(new Error(data.toString()));
      for (const w of waiting.filter(([t]) => t === type)) { waiting.splice(waiting.indexOf(w), 1); w[1](); }
    });
    client.until('session.created').then(() => resolve(client));
  });
}

const audio = Buffer.alloc(960);
for (let i = 0; i < 480; i++) audio.writeInt16LE(Math.round(300 * Math.sin(i / 5)), 2 * i);
const append = JSON.stringify({ type: 'input_audio_buffer.append', audio: audio.toString('base64') });

// A second of the fake voice is 17 letters.
const words = (s) => Array.from({ length: Math.ceil(s * 17 / 60) }, () => 'This sentence is said for some time, and is as long as others.').join(' ');

async function measure(name, command, ...args) {
  const port = await freePort();
  const child = spawn(command, [...args, String(port)], { stdio: ['ignore', 'ignore', 'inherit'] });
  const forget = atEnd(() => child.kill('SIGKILL'));
  while (!await listens(port)) {
    if (child.exitCode !== null) throw new Error(`${name} did not start`);
    await sleep(20);
  }
  const clients = await Promise.all(Array.from({ length: sockets }, () => open(port)));
  await Promise.all(clients.map((c) => {
    c.say({ type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection: null } } } });
    return c.until('session.updated');
  }));
  let from = cpu(child.pid);
  await Promise.all(clients.map(async (c) => {
    for (let n = 0; n < frames; n += 50) { // a second at a time
      for (let i = 0; i < 50; i++) c.socket.send(append);
      c.say({ type: 'input_audio_buffer.clear' });
      await c.until('input_audio_buffer.cleared');
    }
  }));
  const perAppend = (cpu(child.pid) - from) / (sockets * frames);
  from = cpu(child.pid);
  await Promise.all(clients.map(async (c) => {
    c.say({ type: 'response.create', response: { metadata: { seconds: String(seconds) },
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: words(seconds) }] }] } });
    await c.until('response.done');
  }));
  const said = clients.reduce((a, c) => a + c.octets, 0) * 3 / 4 / 48000;
  const perSecond = (cpu(child.pid) - from) / said;
  clients.forEach((c) => c.socket.terminate());
  child.kill('SIGTERM');
  forget();
  return { name, append_us: perAppend * 1e6, out_us: perSecond * 1e6, said, sessions: 1 / (50 * perAppend + perSecond) };
}

const rows = [];
for (const s of servers) rows.push(await measure(...s));
if (values.json) console.log(JSON.stringify(rows));
else {
  for (const r of rows) {
    console.log(`${r.name.padEnd(20)} append of 20 ms ${r.append_us.toFixed(1).padStart(6)} us   a second of audio out ${r.out_us.toFixed(0).padStart(5)} us   ` +
      `both ways ${r.sessions.toFixed(0).padStart(5)} sessions a core`);
  }
}
process.exit(0);
