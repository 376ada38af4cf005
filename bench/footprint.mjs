// footprint.mjs - how soon it is there, what an idle call costs, how long a search takes.
//
//   node bench/footprint.mjs [--starts 10] [--calls 100] [--searches 2000] [--json]
//
// exec to port open and to ready (a question asked now is answered), each start with the examples indexed; resident
// memory per idle WebRTC session with data channel open (real ICE, DTLS and SCTP by libdatachannel, no audio flowing),
// counted after all are connected and the machine has been still for two seconds; POST /api/search over loopback.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import nodeDataChannel from 'node-datachannel';
import { freePort, ingest, root, serve, sleep, until, voiced } from '../test/tools/server.mjs';
import { readTable } from '../test/questions/run.mjs';
import { atEnd } from '../test/tools/temporary.mjs';

const { values } = parseArgs({ options: { starts: { type: 'string', default: '10' }, calls: { type: 'string', default: '100' },
  searches: { type: 'string', default: '2000' }, json: { type: 'boolean' } } });
const quantile = (v, q) => [...v].sort((a, b) => a - b)[Math.min(v.length - 1, Math.floor(v.length * q))];
const data = ingest([join(root, 'examples')]);

const listens = (port) => new Promise((resolve) => {
  const socket = connectTcp(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});

async function start() {
  const port = await freePort(), from = performance.now();
  const child = spawn(voiced, ['serve', '--data', data, '--listen', `127.0.0.1:${port}`], { stdio: 'ignore' });
  const forget = atEnd(() => child.kill('SIGKILL'));
  while (!await listens(port)) await sleep(2);
  const open = performance.now() - from;
  while ((await fetch(`http://127.0.0.1:${port}/healthz`)).status !== 200) await sleep(5);
  const ready = performance.now() - from;
  const gone = new Promise((r) => child.on('exit', r)), stop = performance.now();
  child.kill('SIGINT');
  await gone;
  forget();
  return { open, ready, stop: performance.now() - stop };
}

function call(origin, keep) {
  return new Promise((resolve, reject) => {
    const pc = new nodeDataChannel.PeerConnection('client', { iceServers: [], bindAddress: '127.0.0.1' });
    const audio = new nodeDataChannel.Audio('0', 'SendRecv');
    let sent = false;
    audio.addOpusCodec(111);
    audio.addSSRC(1234, 'bench', 'stream', 'track');
    keep.push(pc, pc.addTrack(audio));
    pc.onGatheringStateChange(async (state) => {
      if (state !== 'complete' || sent) return;
      sent = true;
      const r = await fetch(`${origin}/v1/realtime/calls`, { method: 'POST', body: pc.localDescription().sdp,
        headers: { 'content-type': 'application/sdp' } });
      pc.setRemoteDescription(await r.text(), 'answer');
    });
    const channel = pc.createDataChannel('oai-events');
    keep.push(channel);
    channel.onMessage((m) => JSON.parse(m).type === 'session.created' && resolve());
    setTimeout(() => reject(new Error('a call was not connected within 15 s')), 15000).unref();
  });
}

const resident = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

const starts = [];
for (let i = 0; i < Number(values.starts); i++) starts.push(await start());

const server = await serve({ data }), keep = [];
await call(server.origin, keep); // what is made once is not a session's
await sleep(2000);
const before = resident(server.child.pid), n = Number(values.calls);
for (let i = 0; i < n; i++) await call(server.origin, keep);
await sleep(2000);
const perCall = (resident(server.child.pid) - before) / n;

const questions = readTable('examples.tsv').map((r) => r.question), times = [];
for (let i = 0; i < Number(values.searches); i++) {
  const from = performance.now();
  await (await fetch(`${server.origin}/api/search`, { method: 'POST', body: JSON.stringify({ query: questions[i % questions.length] }) })).json();
  times.push(performance.now() - from);
}
await server.stop();
const result = { open: quantile(starts.map((s) => s.open), 0.5), ready: quantile(starts.map((s) => s.ready), 0.5),
  stop: quantile(starts.map((s) => s.stop), 0.5), before, perCall, calls: n,
  search50: quantile(times, 0.5), search99: quantile(times, 0.99) };
if (values.json) console.log(JSON.stringify(result));
else {
  console.log(`exec to port open ${result.open.toFixed(0)} ms, to ready ${result.ready.toFixed(0)} ms, Ctrl-C to end ${result.stop.toFixed(0)} ms (medians of ${starts.length})`);
  console.log(`idle WebRTC session ${perCall.toFixed(0)} kB over ${n}; the process with decoders warm ${(before / 1024).toFixed(0)} MB`);
  console.log(`search over HTTP: median ${result.search50.toFixed(2)} ms, p99 ${result.search99.toFixed(2)} ms of ${times.length}`);
}
process.exit(0);
