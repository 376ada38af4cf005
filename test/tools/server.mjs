// server.mjs - the real binary on a free loopback port, for tests and benchmarks.
import { spawn, execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { atEnd, temporary } from './temporary.mjs';

export { temporary };

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const voiced = resolve(process.env.VOICED ?? join(root, 'build/voiced'));

export const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

// Poll `probe` until it gives something truthy; what is awaited is named in the error.
export async function until(what, probe, ms = 10000) {
  for (const end = Date.now() + ms; ;) {
    const v = await probe();
    if (v) return v;
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await sleep(20);
  }
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const s = createServer().on('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });
}

// A data directory holding these documents.
export function ingest(paths, data = temporary()) {
  execFileSync(voiced, ['ingest', '--data', data, ...paths], { stdio: 'ignore' });
  return data;
}

// For servers that nobody speaks to: started as soon as they answer at all.
export const MUTE = { ready: false, decoders: 1 };

// RELAY=N in the environment: what every server of this process hears, thinks and says is another voiced's, one for all, where N may
// speak at once (two at least).
const DECODERS_BEHIND = Math.max(2, Number(process.env.RELAY) || 0);
let behind;
async function relayed() {
  // It has the examples' words: most questions are about them, and the general model mishears every fifth word.
  const port = await freePort(), data = ingest([join(root, 'examples')], temporary('behind'));
  const back = spawn(voiced, ['serve', '--data', data, '--listen', `127.0.0.1:${port}`, '--loops', '2', '--max-sessions', '5000',
    '--decoders', String(DECODERS_BEHIND)], { stdio: 'ignore' });
  atEnd(() => back.kill('SIGKILL'));
  back.unref();
  await until('the service to be ready', async () => (await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => null))?.status === 200, 60000);
  return ['--realtime', `ws://127.0.0.1:${port}/v1/realtime model=voiced`];
}

// What cannot be so behind a service, and why: options for a test of this name.
const APART = JSON.parse(readFileSync(join(root, 'test/tools/apart.json')));
export const apart = (name) => ({ skip: process.env.RELAY ? `behind a service: ${APART[name]}` : false });

// Starts `voiced serve`; two loops, so that arrival on the wrong one is the normal case. decoders: how many
// may speak at once; each costs a second of a core at the start.
export async function serve({ data = temporary(), args = [], host = '127.0.0.1', env = {}, ready = true, port, decoders } = {}) {
  port ??= await freePort();
  if (process.env.RELAY) {
    args = [...await (behind ??= relayed()), ...args];
    decoders = 1; // it does not hear
  }
  if (decoders) args = ['--decoders', String(decoders), ...args];
  const child = spawn(voiced, ['serve', '--data', data, '--listen', `${host}:${port}`, '--loops', '2', ...args],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const near = host === '0.0.0.0' ? '127.0.0.1' : host; // where we reach it
  const server = { child, port, data, origin: `http://${near}:${port}`, out: '', log: '', exit: null };
  child.stdout.on('data', (d) => { server.out += d; });
  child.stderr.on('data', (d) => { server.log += d; });
  const forget = atEnd(() => child.kill('SIGKILL'));
  const ended = new Promise((r) => child.on('exit', (code, signal) => { forget(); r(server.exit = { code, signal }); }));

  // Ends it by a signal; whatever it was doing, it must end well, unless it was killed.
  server.stop = async ({ keep = false, signal = 'SIGINT' } = {}) => {
    const alive = !server.exit && signal !== 'SIGKILL';
    if (!server.exit) child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 20000);
    await ended;
    clearTimeout(timer);
    if (!keep) rmSync(data, { recursive: true, force: true });
    if (alive && server.exit.code !== 0)
      throw new Error(`voiced ended with ${JSON.stringify(server.exit)}: ${server.log.slice(-4000)}`);
    if (process.env.RELAY && /service=127\.0\.0\.1 (status|what)=/.test(server.log)) // it has answered by itself
      throw new Error(`the service has failed: ${server.log.slice(-4000)}`);
    return server.exit;
  };
  try {
    await until('the port to open', async () => {
      if (server.exit) throw new Error(`voiced ended with ${JSON.stringify(server.exit)}: ${server.log}`);
      const health = await fetch(`${server.origin}/healthz`).catch(() => null);
      return health && (!ready || health.status === 200);
    }, 60000);
  } catch (e) {
    await server.stop().catch(() => {}); // `e` says more
    throw e;
  }
  return server;
}
