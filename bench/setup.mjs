// setup.mjs - from the SDP request to DTLS open and to data channel open, at the client, on loopback.
//
//   node bench/setup.mjs [--runs 50] [--json]
//
// The same client (libdatachannel through node-datachannel) against voiced, aiortc and werift in turn, one
// connection at a time, the contestants alternating so that the machine's mood is shared.
import { spawn } from 'node:child_process';
import { connect as connectTcp } from 'node:net';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import nodeDataChannel from 'node-datachannel';
import { atEnd, temporary } from '../test/tools/temporary.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const version = (name) => JSON.parse(readFileSync(join(here, 'node_modules', name, 'package.json'))).version;
const voiced = process.env.VOICED ?? join(here, '../build/voiced');

const contestants = [
  { name: 'voiced', port: 18311, path: '/v1/realtime/calls',
    start: (port) => [voiced, 'serve', '--data', temporary('bench'), '--listen', `127.0.0.1:${port}`] },
  { name: 'aiortc', port: 18312, path: '/', start: (port) => ['/usr/bin/python3', join(here, 'peers/aiortc_server.py'), String(port)] },
  { name: 'werift', port: 18313, path: '/', start: (port) => [process.execPath, join(here, 'peers/werift_server.mjs'), String(port)] },
];

const listens = (port) => new Promise((resolve) => {
  const socket = connectTcp(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});

async function start(c) {
  const [command, ...args] = c.start(c.port);
  c.process = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  atEnd(() => c.process.kill('SIGKILL'));
  for (let i = 0; i < 100; i++) {
    if (await listens(c.port)) return;
    await new Promise((r) => setTimeout(r, 100));
  }
  throw new Error(`${c.name} did not start`);
}

function connect(c) {
  return new Promise((resolve, reject) => {
    const pc = new nodeDataChannel.PeerConnection('client', { iceServers: [], bindAddress: '127.0.0.1' });
    const audio = new nodeDataChannel.Audio('0', 'SendRecv');
    audio.addOpusCodec(111);
    audio.addSSRC(1234, 'bench', 'stream', 'track');
    const track = pc.addTrack(audio), times = {};
    const timeout = setTimeout(() => done(new Error(`${c.name}: no data channel within 10 s`)), 10000);
    let from, channel, sent = false;
    const done = (error) => {
      clearTimeout(timeout);
      channel?.close();
      pc.close();
      error ? reject(error) : resolve(times);
    };
    track.onOpen(() => { times.dtls ??= performance.now() - from; });
    pc.onGatheringStateChange(async (state) => {
      if (state !== 'complete' || sent) return;
      sent = true;
      from = performance.now();
      try {
        const response = await fetch(`http://127.0.0.1:${c.port}${c.path}`, {
          method: 'POST', body: pc.localDescription().sdp, headers: { 'content-type': 'application/sdp' } });
        times.answer = performance.now() - from;
        pc.setRemoteDescription(await response.text(), 'answer');
      } catch (e) { done(e); }
    });
    // Creating it begins the negotiation, so whoever listens is there already.
    channel = pc.createDataChannel('oai-events');
    channel.onOpen(() => { times.channel = performance.now() - from; setImmediate(done); });
  });
}

const median = (v) => v.sort((a, b) => a - b)[v.length >> 1];
const { values } = parseArgs({ options: { runs: { type: 'string', default: '50' }, json: { type: 'boolean' } } });
const results = Object.fromEntries(contestants.map((c) => [c.name, []]));
try {
  for (const c of contestants) await start(c);
  for (let i = 0; i < Number(values.runs) + 3; i++)
    for (const c of contestants) {
      const times = await connect(c);
      if (i >= 3) results[c.name].push(times);
      await new Promise((r) => setTimeout(r, 20));
    }
} finally {
  for (const c of contestants) c.process?.kill('SIGTERM');
}
const rows = contestants.map(({ name }) => ({ name, runs: results[name].length,
  ...Object.fromEntries(['answer', 'dtls', 'channel'].map((k) => [k, median(results[name].map((t) => t[k]))])) }));
if (values.json) console.log(JSON.stringify(rows));
else {
  console.log(`node-datachannel ${version('node-datachannel')}, werift ${version('werift')}; median of ${values.runs}, ms`);
  for (const r of rows) console.log(`${r.name.padEnd(8)} answer ${r.answer.toFixed(1)}  DTLS open ${r.dtls.toFixed(1)}  data channel open ${r.channel.toFixed(1)}`);
}
process.exit(0);
