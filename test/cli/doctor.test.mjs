// `voiced doctor` before services: who lets us in, who does not, and what mends it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { command, everything } from '../tools/mcp.mjs';
import { MUTE, freePort, serve, temporary, voiced } from '../tools/server.mjs';
import { upstream } from '../tools/upstream.mjs';

const KEY = 'sk-a-secret-of-the-service', data = temporary();
const stops = [];
after(async () => { for (const stop of stops.reverse()) await stop(); });

// Not spawnSync: the service that is asked runs in this process.
const doctor = (args, env = {}) => new Promise((resolve) => {
  execFile(voiced, ['doctor', '--data', data, ...args], { env: { ...process.env, THE_KEY: KEY, ...env } },
    (error, out, err) => resolve({ code: error?.code ?? 0, out, err }));
});
// What is said of the services.
const found = async (args, env) => {
  const r = await doctor(['--json', ...args], env);
  assert.ok(!(r.out + r.err).includes(KEY), 'no key is said');
  return JSON.parse(r.out).checks.filter((c) => /^(stt|llm|tts|realtime|mcp|tools)$/.test(c.name));
};
const scripted = async (options) => {
  const s = await upstream({ key: KEY, ...options });
  stops.push(s.stop);
  return s;
};

test('services that let us in: one line each, with the time it took', async () => {
  const s = await scripted();
  const line = `${s.url} model=scripted key-env=THE_KEY`, azure = `${s.url.replace('/v1', '')} model=dep api=azure key-env=THE_KEY`;
  const all = await found(['--stt', line, '--stt', 'pocketsphinx', '--llm', azure, '--llm', `${azure} version=2024-10-21`, '--tts', line,
    '--realtime', `${s.ws} model=scripted key-env=THE_KEY`]);
  assert.deepEqual(all.map((c) => [c.name, c.state]), [['stt', 'ok'], ['llm', 'ok'], ['llm', 'ok'], ['tts', 'ok'], ['realtime', 'ok']]);
  for (const c of all) assert.match(c.text, /^127\.0\.0\.1:\d+ lets us in \(\d+ ms\), model (scripted|dep)$/);
  assert.deepEqual(s.of('models').map((r) => r.url), ['/v1/models', '/openai/v1/models', '/openai/models?api-version=2024-10-21', '/v1/models']);
  assert.equal(s.of('models')[1].headers['api-key'], KEY);
  const text = await doctor(['--stt', line]);
  assert.match(text.out, /^stt {10}ok {7}127\.0\.0\.1:\d+ lets us in/m);
});

test('what keeps us out, and what mends it', async () => {
  const s = await scripted({ faults: { realtime: [] } }), nobody = await freePort();
  const cases = [
    [['--llm', `${s.url} model=scripted key-env=WRONG`], 'MISSING', /refuses our key/, /key-env/],
    [['--llm', `${s.url} model=scripted`], 'MISSING', /wants a key/, /add key-env=NAME/],
    [['--realtime', `${s.ws} model=scripted key-env=WRONG`], 'MISSING', /refuses our key/, /key-env/],
    [['--tts', `http://127.0.0.1:${nobody}/v1 model=x`], 'MISSING', /refuses the connection/, /start it/],
    [['--realtime', `ws://127.0.0.1:${nobody}/v1/realtime model=x`], 'MISSING', /refuses the connection/, /start it/],
    [['--stt', 'https://nobody.invalid/v1 model=x key-env=THE_KEY'], 'MISSING', /nobody\.invalid is a name that nobody knows/, /DNS/],
    [['--realtime', 'wss://nobody.invalid/v1/realtime model=x key-env=THE_KEY'], 'MISSING', /name that nobody knows/, /DNS/],
    [['--llm', `${s.url} model=another key-env=THE_KEY`], 'note', /lets us in .*not among the 1 it lists/, /begins with scripted/],
    [['--llm', 'no service at all'], 'MISSING', /begins with a URL/, /correct the line/],
  ];
  for (const [args, state, text, mend] of cases) {
    const [c] = await found(args, { WRONG: 'sk-wrong' });
    const what = `${args.join(' ')}: ${JSON.stringify(c)}`;
    assert.equal(c.state, state, what);
    assert.match(c.text, text, what);
    assert.match(c.mend, mend, what);
  }
  const faults = [[{ status: 404 }, 'note', /lists no models/], [{ status: 429, headers: { 'retry-after': '9' } }, 'note', /no room just now/],
    [{ status: 503 }, 'MISSING', /has failed/], [{ never: true }, 'MISSING', /does not answer/], [{ reset: true }, 'MISSING', /cannot be asked/]];
  for (const [fault, state, text] of faults) {
    s.faults.models = [fault];
    const [c] = await found(['--llm', `${s.url} model=scripted key-env=THE_KEY timeout=1`]);
    assert.equal(c.state, state, JSON.stringify(c));
    assert.match(c.text, text);
  }
  for (const [fault, state, text] of [[{ status: 429 }, 'note', /no room/], [{ status: 404 }, 'MISSING', /no such path or model/], [{ never: true }, 'MISSING', /does not answer/]]) {
    s.faults.realtime.push(fault);
    const [c] = await found(['--realtime', `${s.ws} model=scripted key-env=THE_KEY timeout=1`]);
    assert.equal(c.state, state, JSON.stringify(c));
    assert.match(c.text, text);
  }
});

test('a certificate that nobody vouches for, and one that somebody does', async () => {
  const server = await serve(MUTE); // makes one
  stops.push(() => server.stop());
  const file = (name) => join(server.data, name);
  const s = await scripted({ tls: { cert: readFileSync(file('cert.pem')), key: readFileSync(file('key.pem')) } });
  const lines = ['--llm', `${s.url} model=scripted key-env=THE_KEY`, '--realtime', `${s.ws} model=scripted key-env=THE_KEY`];
  for (const c of await found(lines)) {
    assert.equal(c.state, 'MISSING');
    assert.match(c.text, /certificate that is not trusted/, c.name);
    assert.match(c.mend, /update-ca-certificates/);
  }
  const trusted = await found(lines, { SSL_CERT_FILE: file('cert.pem') });
  assert.match(trusted[1].text, /lets us in/, JSON.stringify(trusted));
  const plain = await found(['--llm', `${s.url.replace('https', 'http')} model=scripted`]);
  assert.equal(plain[0].state, 'MISSING', JSON.stringify(plain));
});

test('MCP servers: a program, one over HTTP, none at all; tools of an OpenAPI document', async () => {
  const every = await everything();
  stops.push(every.stop);
  const api = join(data, 'shop.json');
  writeFileSync(api, JSON.stringify({ openapi: '3.1.0', info: { title: 'Shop', version: '1' }, servers: [{ url: 'http://127.0.0.1:9' }],
    paths: { '/stock': { get: { operationId: 'getStock', responses: {} } } } }));
  const all = await found(['--mcp', `local ${command}`, '--mcp', `far ${every.url}`, '--mcp', 'none no-such-program-at-all', '--mcp', 'x', '--tools', api]);
  assert.match(all[0].text, /^local starts, \d\d tools \(\d+ ms\)$/);
  assert.match(all[1].text, /^far starts, \d\d tools/);
  assert.match(all[2].text, /^none does not start: There is no such program/);
  assert.equal(all[3].state, 'MISSING');
  assert.match(all[4].text, /shop\.json describes 1 tool$/);
});
