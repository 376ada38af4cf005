// Secrets in every place that can carry one, in requests that are right, wrong, broken and cut off: at log level debug none of
// them, nor a part of one, is in what the server wrote, and none is kept in clear.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { root, serve, temporary, voiced } from '../tools/server.mjs';
import { closeAll, connect } from '../tools/session.mjs';
import { Raw, TEXT, frame, handshake } from '../tools/frames.mjs';
import { Wire, exchange, request } from '../tools/wire.mjs';

const KEY = 'Kq7ZrT2m-wX9vB4nL6pS1d-guessed-by-nobody';
const WRONG = 'Wd8HfY3k-cJ5gR7tN2xM9b-guessed-by-somebody';
const TOOL = 'Tz4PlE6u-hV1sA8qC3oI7y-of-another-service';
const secrets = new Map([['the key', KEY], ['a wrong key', WRONG], ['the token of a tool', TOOL]]);
const OFFER = readFileSync(join(root, 'fuzz/corpus/sdp/chromium-std'), 'utf8');
const servers = [];

afterEach(closeAll);
after(() => Promise.all(servers.map((s) => s.stop())));

// Each run of 14 octets of a secret, as it is and as base64 and percent signs would write it.
function traces(secret) {
  const list = new Set();
  for (let at = 0; at + 14 <= secret.length; at++) list.add(secret.slice(at, at + 14));
  for (const shift of [0, 1, 2]) list.add(Buffer.from(' '.repeat(shift) + secret).toString('base64').slice(4, -4));
  list.add([...secret].map((c) => `%${c.charCodeAt(0).toString(16)}`).join(''));
  list.add(Buffer.from(secret).toString('hex'));
  return [...list].filter((trace) => new Set(trace).size >= 8); // many zeros are nobody's secret
}

function assertAbsent(where, text) {
  for (const [what, secret] of secrets) {
    for (const trace of traces(secret)) {
      const at = text.indexOf(trace);
      assert.ok(at < 0, `${what} in ${where}: ${text.slice(Math.max(0, at - 80), at + 60)}`);
    }
  }
}

const escaped = (s) => [...s].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('');
const carriers = (key) => [
  ['Authorization', { fields: { authorization: `Bearer ${key}` } }], ['Authorization without Bearer', { fields: { authorization: key } }], ['Basic', { fields: { authorization: `Basic ${Buffer.from(`x:${key}`).toString('base64')}` } }],
  ['api-key', { fields: { 'api-key': key } }], ['query', { query: `api-key=${key}` }], ['query, twice', { query: `api-key=${key}&api-key=${key}x` }], ['query, escaped', { query: `api-key=${escaped(key)}` }],
  ['query, broken', { query: `api-key=${key}%zz%` }], ['query, Bearer', { query: `Authorization=Bearer%20${key}` }], ['query of another name', { query: `agent-access-token=${key}&token=${key}` }],
  ['subprotocol', { fields: { 'sec-websocket-protocol': `realtime, openai-insecure-api-key.${key}` } }], ['subprotocol alone', { fields: { 'sec-websocket-protocol': `openai-insecure-api-key.${key}` } }],
  ['cookie', { fields: { cookie: `voiced=${key}; x=${key}` } }], ['several', { fields: { authorization: `Bearer ${key}`, 'api-key': `${key}x`, 'sec-websocket-protocol': `openai-insecure-api-key.${key}x, realtime` }, query: `api-key=${key}` }],
];
const sockets = ['/v1/realtime?model=x', '/v1/realtime', '/realtime?model=x', '/openai/v1/realtime?model=x', '/openai/realtime?deployment=x&api-version=2024-10-01-preview', '/voice-live/realtime?model=x&api-version=2025-10-01', '/voice-live/realtime/calls?model=x',
  '/v1/realtime?call_id=rtc_nobody', '/v1/realtime?intent=transcription'];
const bodies = [['GET', '/api/status'], ['GET', '/metrics'], ['GET', '/nowhere'], ['PUT', '/v1/realtime'], ['POST', '/v1/realtime/calls', 'v=0\r\n', 'application/sdp'], ['POST', '/v1/realtime/calls', OFFER, 'application/sdp'], ['POST', '/v1/realtime/client_secrets', '{"session":', 'application/json'], ['POST', '/api/search', '{}', 'application/json'],
  ['POST', '/v1/realtime/calls/rtc_nobody/hangup', ''], ['OPTIONS', '/v1/realtime/calls']];
const at = (path, query) => (query ? `${path}${path.includes('?') ? '&' : '?'}${query}` : path);

// A reply, or the end; WebSockets are let go at once.
async function attempt(server, octets, options = {}) {
  const wire = await Wire.open(server, options);
  wire.write(octets);
  await wire.until('something', () => wire.octets.length || wire.ended).catch(() => {});
  wire.socket.destroy();
  return Number(wire.octets.toString('latin1', 9, 12));
}

async function ask(server, keys) {
  const seen = new Set(), list = [];
  for (const key of keys) {
    for (const [, { fields = {}, query }] of carriers(key)) {
      for (const path of sockets) list.push(handshake(server, at(path, query), fields));
      for (const [verb, path, body = '', type] of bodies) list.push(request(server, verb, at(path, query), { ...fields, ...(type ? { 'content-type': type } : {}) }, body));
      // Broken ones: what is wrong may be named, what was said must not be.
      list.push(handshake(server, at(sockets[0], query), { ...fields, 'sec-websocket-key': null }), handshake(server, at(sockets[0], query), { ...fields, 'sec-websocket-version': '7' }), handshake(server, at(sockets[0], query), { ...fields, origin: 'https://evil.example' }),
        request(server, 'GET', at('/api/status', query), { ...fields, host: 'evil.example' }), request(server, 'GET', at('/api/status', query), { ...fields, 'x y': 'z' }), request(server, 'GET', at('/api/status', query), { ...fields, 'content-length': '-1' }),
        request(server, 'G\u00cbT', at('/api/status', query), fields), request(server, 'GET', at(`/${'x'.repeat(70000)}`, query), fields), request(server, 'GET', at('/api/status', query), { ...fields, 'x-long': 'y'.repeat(70000) }),
        request(server, 'GET', at('/api/status', query), fields).replace('HTTP/1.1', 'HTTP/9.9'));
    }
    list.push(`${key}\r\n\r\n`, `GET ${key} HTTP/1.1\r\n\r\n`, request(server, 'GET', `/v1/realtime/calls/${key}`), request(server, 'GET', `/v1/realtime?call_id=${key}`), `GET /api/status HTTP/1.1\r\n${key}\r\n\r\n`, `GET /api/status HTTP/1.1\r\nauthorization : Bearer ${key}\r\n\r\n`,
      request(server, 'POST', '/api/login', { 'content-type': 'application/json' }, JSON.stringify({ key, code: key })), request(server, 'POST', '/api/login', { 'content-type': 'application/json' }, `{"key":"${key}`), request(server, 'POST', '/api/login', {}, key));
  }
  for (let i = 0; i < list.length; i += 16) for (const status of await Promise.all(list.slice(i, i + 16).map((o) => attempt(server, o)))) seen.add(status);
  return seen;
}

async function session(server, key) {
  const s = await connect(server, { path: '/v1/realtime?model=x', headers: { authorization: `Bearer ${key}` } });
  await s.event('session.created');
  const says = [{ type: key }, { type: 'x', event_id: key, api_key: key }, `{"key":"${key}"`, { type: 'session.update', session: { type: key } }, { type: 'session.update', session: { type: 'realtime', [key]: key, tools: [{ type: 'mcp', server_label: 'a', server_url: `https://a/?key=${TOOL}`, authorization: TOOL, headers: { authorization: TOOL } }] } },
    { type: 'conversation.item.create', item: { type: 'message', role: key } }, { type: 'conversation.item.delete', item_id: key }, Buffer.from(key)];
  for (const event of says) s.send(event);
  await s.event('session.updated');
  await s.until('the errors', () => s.of('error').length === says.length - 1);
  s.close();
  const raw = await Raw.open(server, { fields: { authorization: `Bearer ${key}` } });
  raw.send(frame(TEXT, Buffer.concat([Buffer.from(key), Buffer.from([0xff])])));
  assert.equal((await raw.next()).code, 1007);
}

const files = (dir) => readdirSync(dir, { recursive: true }).map((f) => join(dir, f)).filter((f) => statSync(f).isFile());

test('no secret is in the log, whoever brought it and however', async (t) => {
  const server = await serve({ data: temporary('secrets'), args: ['--key', KEY, '--log-level', 'debug'], decoders: 1 });
  servers.push(server);
  const minted = [];
  for (const [path, body] of [['/v1/realtime/client_secrets', { session: { type: 'realtime', tools: [{ type: 'mcp', server_label: 'a', server_url: 'https://a.example/', authorization: TOOL }] } }], ['/v1/realtime/sessions', { model: 'x' }], ['/v1/realtime/client_secrets', { voiced: { max_sessions: 1 } }]]) {
    const reply = await exchange(server, request(server, 'POST', path, { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }, JSON.stringify(body)));
    assert.equal(reply.status, 200, reply.body);
    const { value, client_secret: inside } = JSON.parse(reply.body);
    minted.push(value ?? inside.value);
  }
  minted.forEach((ek, i) => secrets.set(`client secret ${i}`, ek));
  const login = await exchange(server, request(server, 'POST', '/api/login', { 'content-type': 'application/json', origin: server.origin }, JSON.stringify({ code: server.out.match(/#code=(\w+)/)[1] })));
  const cookie = login.headers['set-cookie']?.match(/=([^;]+)/)?.[1];
  assert.ok(cookie?.length > 30, `${login.status} ${login.body}`);
  secrets.set('a cookie', cookie);

  const spoiled = `${minted[0].slice(0, -6)}AAAAAA`;
  const statuses = await ask(server, [KEY, WRONG, minted[0], minted[2], spoiled]);
  for (const status of [101, 200, 400, 401, 403, 404]) assert.ok(statuses.has(status), `${status} among ${[...statuses].sort()}`);
  for (const key of [KEY, minted[1]]) await session(server, key);
  assert.equal(await attempt(server, request(server, 'GET', '/api/status', { authorization: `Bearer ${KEY}` }), { secure: true }), 200);
  assert.equal(await attempt(server, request(server, 'GET', '/api/status', { cookie: `voiced=${cookie}` })), 200);
  // Cut off anywhere.
  const whole = handshake(server, `/v1/realtime?model=x&api-key=${KEY}`, { authorization: `Bearer ${KEY}` });
  for (let n = 20; n < whole.length; n += 17) {
    const wire = await Wire.open(server);
    wire.write(whole.slice(0, n));
    wire.socket.destroy();
  }
  const metrics = await exchange(server, request(server, 'GET', '/metrics', { authorization: `Bearer ${KEY}` }));
  const status = await exchange(server, request(server, 'GET', '/api/status', { authorization: `Bearer ${KEY}` }));
  await server.stop({ keep: true });

  assert.match(server.log, /call=rtc_\w+ begin=1/, 'there is a log');
  assert.ok(server.out.length > 0);
  assertAbsent('the log', server.log);
  assertAbsent('the output', server.out);
  assertAbsent('/metrics', metrics.body);
  assertAbsent('/api/status', status.body);
  secrets.delete('the token of a tool'); // it belongs to a session's settings, which are kept for their client secret
  for (const f of files(server.data)) assertAbsent(f, readFileSync(f).toString('latin1'));
  t.diagnostic(`${server.log.split('\n').length} lines of log`);
});

test('a start that fails does not tell the key either', async () => {
  const other = await serve({ decoders: 1 });
  servers.push(other);
  const file = join(temporary('config'), 'voiced.conf');
  writeFileSync(file, `key = ${KEY}\nnonsense = ${KEY}\n`);
  for (const args of [['--key', KEY, '--listen', 'nonsense'], ['--key', KEY, '--no-such-option'], ['--key', KEY, '--listen', `127.0.0.1:${other.port}`], [`--key=${KEY}`, '--no-such-option'], ['--key', KEY, '--config', '/nowhere'],
    ['--config', file], ['--key', KEY, '--cert', '/nowhere']]) {
    const run = spawnSync(voiced, ['serve', '--data', temporary('start'), '--log-level', 'debug', ...args], { encoding: 'utf8', timeout: 20000 });
    assert.ok(run.status > 0, `${args.at(-1)}: ${run.status} ${run.stderr}`);
    assertAbsent(`what is said of ${args.at(-1)}`, run.stderr + run.stdout);
  }
});
