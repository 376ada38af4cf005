// Client secrets: minted by the server or by `voiced token`, shown in place of the key.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac, randomFillSync } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Call, browse, phone } from '../tools/calls.mjs';
import { serve, temporary, until, voiced } from '../tools/server.mjs';
import { Refused, closeAll, connect, refusal } from '../tools/session.mjs';
import { exchange, request } from '../tools/wire.mjs';

const KEY = 'a-key-that-nobody-guesses-0123456789';
const PATH = '/v1/realtime/client_secrets';
const log = ['--log-level', 'debug'];
let guarded, open;

before(async () => {
  [guarded, open] = await Promise.all([serve({ args: ['--key', KEY, ...log], decoders: 1 }), serve({ args: log, decoders: 1 })]);
});
afterEach(closeAll);
after(async () => {
  await Promise.all([guarded?.stop(), open?.stop()]);
});

const seen = new Set(); // every secret that was made here: none may be written anywhere

async function post(body, { server = guarded, key = server === guarded ? KEY : null, path = PATH, ...fields } = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const reply = await exchange(server, request(server, 'POST', path, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text),
    ...(key ? { authorization: `Bearer ${key}` } : {}), ...fields }, text));
  return { ...reply, json: JSON.parse(reply.body) };
}

async function mint(body = {}, options = {}) {
  const { status, json } = await post(body, options);
  assert.equal(status, 200, JSON.stringify(json));
  seen.add(json.value);
  return json;
}

const shown = (ek, options = {}) => ({ headers: { authorization: `Bearer ${ek}` }, ...options });
const bearer = (ek, server = guarded, options = {}) => connect(server, shown(ek, options));
// On a path of OpenAI's, which says so in a session of one event, and on one of Azure's, which says it by status.
const AZURE = '/openai/v1/realtime?model=voiced';
async function refuses(server, ek, status, code, options = {}) {
  for (const path of [undefined, AZURE]) await refusal(server, status, code, shown(ek, { path, ...options }));
}

test('nothing at all and nulls ask for a plain secret', async () => {
  for (const body of ['', ' \r\n', '{"session":null,"expires_after":null,"voiced":null}']) {
    const { value, expires_at, session } = await mint(body);
    assert.match(value, /^ek_[\w-]{112}$/);
    const left = expires_at - Date.now() / 1000;
    assert.ok(left > 590 && left <= 601, String(left));
    assert.deepEqual([session.type, session.output_modalities], ['realtime', ['audio']]);
  }
});

test('a secret opens sessions by every carrier, more than once', async () => {
  const { value } = await mint({});
  await (await bearer(value)).event('session.created');
  await (await bearer(value)).event('session.created');
  const protocols = ['realtime', `openai-insecure-api-key.${value}`, 'openai-agents-sdk.0.20.0'];
  const s = await connect(guarded, { protocols });
  assert.equal(s.headers['sec-websocket-protocol'], 'realtime');
  await s.event('session.created');
  for (const options of [{ headers: { 'api-key': value } }, { path: `/v1/realtime?model=x&api-key=${value}` }, { path: `/v1/realtime?model=x&Authorization=Bearer%20${value}` }])
    await (await connect(guarded, options)).event('session.created');
  const { status } = await exchange(guarded, request(guarded, 'POST', '/v1/realtime/calls', { authorization: `Bearer ${value}`, 'content-type': 'application/sdp' }, 'v=0\r\n'));
  assert.equal(status, 400, 'let in; the offer is none');
  const last = value.at(-1) === 'A' ? 'B' : 'A';
  for (const wrong of [`${value.slice(0, -1)}${last}`, value.slice(0, -1), `${value}A`, 'ek_', `ek_${'A'.repeat(112)}`])
    await refuses(guarded, wrong, 401, 'invalid_api_key');
});

// As docs/tokens.md has it: whoever knows the secret can make one.
function forge(key, { seconds, version = 1 }) {
  const sign = (k, data) => createHmac('sha256', k).update(data).digest();
  const claims = Buffer.alloc(64);
  claims[0] = version;
  claims.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000) + seconds), 8);
  randomFillSync(claims, 16, 16);
  const signature = sign(sign(key, 'voiced client secrets, version 1'), claims).subarray(0, 20);
  return `ek_${Buffer.concat([claims, signature]).toString('base64url')}`;
}

test('after its expiry a secret is rejected, and so is a forgery', async () => {
  await (await bearer(forge(KEY, { seconds: 5 }))).event('session.created');
  for (const seconds of [0, -1, -100000]) await refuses(guarded, forge(KEY, { seconds }), 401, 'token_expired');
  await refuses(guarded, forge(KEY, { seconds: 5, version: 2 }), 401, 'invalid_api_key');
  await refuses(guarded, forge(`${KEY}x`, { seconds: 5 }), 401, 'invalid_api_key');
  const secret = readFileSync(join(open.data, 'token.key'));
  await (await bearer(forge(secret, { seconds: 5 }), open)).event('session.created');
  await refuses(open, forge(secret, { seconds: 0 }), 401, 'token_expired');
});

test('the model and kind that are bound are not for the URL to change', async () => {
  const { value } = await mint({ session: { type: 'realtime', model: 'gpt-realtime', instructions: 'With é and 日本語.' } });
  for (const path of ['/v1/realtime?model=another', '/v1/realtime?intent=transcription', '/openai/v1/realtime?model=another']) {
    const { session } = await (await bearer(value, guarded, { path })).event('session.created');
    assert.deepEqual([session.type, session.model, session.instructions], ['realtime', 'gpt-realtime', 'With é and 日本語.'], path);
  }
});

test('what cannot be minted is refused with the place of it', async () => {
  const rows = [
    [{ session: { type: 'translation' } }, 'session.type'], [{ session: { type: 7 } }, 'session.type'], [{ session: 7 }, 'session'],
    [{ session: { audio: { output: { speed: 9 } } } }, 'session.audio.output.speed'], [{ expires_after: 60 }, 'expires_after'],
    ...[9, 7201, true, 1e30].map((seconds) => [{ expires_after: { anchor: 'created_at', seconds } }, 'expires_after.seconds']),
    [{ expires_after: { anchor: 'first_use', seconds: 60 } }, 'expires_after.anchor'], [{ voiced: [] }, 'voiced'],
    [{ voiced: { max_sessions: -1 } }, 'voiced.max_sessions'], [{ voiced: { max_sessions: 65536 } }, 'voiced.max_sessions'],
    [{ voiced: { max_duration_s: 0 } }, 'voiced.max_duration_s'], [{ voiced: { max_session: 1 } }, 'voiced.max_session'],
    ...['null', '*', 'app.example', 'https://app.example/page', 7].map((origin) => [{ voiced: { origin } }, 'voiced.origin']),
  ];
  for (const [body, param] of rows) {
    const { status, json } = await post(body);
    assert.deepEqual([status, json.error.type, json.error.param], [400, 'invalid_request_error', param], JSON.stringify(json));
  }
  for (const body of ['{', '[]', '7', 'null', '"ek_"', '\u0000'])
    assert.deepEqual([(await post(body)).status, (await post(body)).json.error.code], [400, 'invalid_json'], body);
  assert.equal((await post(JSON.stringify({ session: { instructions: 'x'.repeat(600000) } }))).status, 413);
});

test('only the key mints', async () => {
  const { value } = await mint({});
  for (const server of [guarded, open]) {
    const own = server === guarded ? value : (await mint({}, { server })).value;
    const { status, json } = await post({}, { server, key: own });
    assert.deepEqual([status, json.error.code], [403, 'token_not_allowed']);
  }
  assert.equal((await post({}, { key: null })).status, 401);
  assert.equal((await post({}, { key: 'another' })).status, 401);
});

test('max_sessions counts what is opened, over all loops and by every way in', async () => {
  const { value } = await mint({ voiced: { max_sessions: 1 } });
  await exchange(guarded, request(guarded, 'GET', '/api/status', { authorization: `Bearer ${value}` })); // checking spends nothing
  await exchange(guarded, request(guarded, 'POST', '/v1/realtime/calls', { authorization: `Bearer ${value}`, 'content-type': 'application/sdp' }, 'v=0\r\n'));
  await (await bearer(value)).event('session.created');
  for (let i = 0; i < 2; i++) await refuses(guarded, value, 401, 'token_used_up'); // whichever loop it meets

  const three = (await mint({ voiced: { max_sessions: 3 } })).value;
  const first = await Promise.all(Array.from({ length: 16 }, async (_, i) => {
    const s = await bearer(three, guarded, i % 2 ? { path: AZURE } : {}).catch((e) => e);
    return s instanceof Refused ? { type: 'status', ...JSON.parse(s.body) } : s.until('its first event', () => s.events[0]);
  }));
  assert.equal(first.filter((e) => e.type === 'session.created').length, 3, 'of many at once');
  for (const e of first) if (e.type !== 'session.created') assert.equal(e.error.code, 'token_used_up');
});

test('max_duration_s ends a session, and shows as its expires_at', async () => {
  const { value } = await mint({ voiced: { max_duration_s: 2 } });
  const s = await bearer(value);
  const { session } = await s.event('session.created');
  assert.ok(session.expires_at - Date.now() / 1000 <= 3, String(session.expires_at));
  await s.until('the end', () => s.closed);
  assert.equal(s.of('error').at(-1).error.code, 'session_expired');
});

test('origin: good in pages of that origin alone', async (t) => {
  const app = 'https://app.example', other = 'https://other.example';
  const server = await serve({ args: ['--allow-origin', app, '--allow-origin', other], ready: false });
  t.after(() => server.stop());
  const { value } = await mint({ voiced: { origin: `${app}/` } }, { server });
  await (await bearer(value, server, { headers: { authorization: `Bearer ${value}`, origin: app } })).event('session.created');
  for (const headers of [{ origin: other }, {}])
    await refuses(server, value, 403, 'origin_not_allowed', { headers: { authorization: `Bearer ${value}`, ...headers } });
});

test('a server without a key takes any key, but no false secret', async () => {
  const { value } = await mint({ session: { instructions: 'Be kind.' } }, { server: open });
  assert.equal((await (await bearer(value, open)).event('session.created')).session.instructions, 'Be kind.');
  await (await bearer('sk-anything', open)).event('session.created');
  const foreign = (await mint({})).value;
  for (const wrong of [foreign, `${value.slice(0, -4)}AAAA`, 'ek_anything']) await refuses(open, wrong, 401, 'invalid_api_key');
  assert.equal(statSync(join(open.data, 'token.key')).mode & 0o777, 0o600);
});

test('secrets outlive the server, and go with its key', async (t) => {
  const data = temporary();
  const start = (args) => serve({ data, args, ready: false });
  let server = await start([]);
  t.after(() => server.stop());
  const once = (await mint({ session: { instructions: 'Be kind.' }, voiced: { max_sessions: 1 } }, { server })).value;
  const twice = (await mint({ session: { instructions: 'Be kind.' }, voiced: { max_sessions: 2 } }, { server })).value;
  for (const ek of [once, twice]) await (await bearer(ek, server)).event('session.created');
  closeAll();
  await server.stop({ keep: true });
  server = await start([]);
  await refuses(server, once, 401, 'token_used_up');
  assert.equal((await (await bearer(twice, server)).event('session.created')).session.instructions, 'Be kind.');
  closeAll();
  await server.stop({ keep: true });
  server = await start(['--key', KEY]);
  await refuses(server, twice, 401, 'invalid_api_key');

  // The same key elsewhere checks it; what it is bound to is not there.
  const bound = (await mint({ session: { instructions: 'Be kind.' } }, { server, key: KEY })).value;
  const free = (await mint({}, { server, key: KEY })).value;
  await (await bearer(free)).event('session.created');
  await refuses(guarded, bound, 401, 'invalid_api_key');
});

test('voiced token makes them beside a running server', async () => {
  const file = join(temporary(), 'session.json');
  writeFileSync(file, JSON.stringify({ type: 'realtime', instructions: 'From a file.' }));
  const token = (server, ...args) => execFileSync(voiced, ['token', '--data', server.data, ...args], { encoding: 'utf8', env: { ...process.env, VOICED_KEY: server === guarded ? KEY : '' } });
  for (const server of [guarded, open]) {
    const text = token(server);
    assert.match(text, /^ek_[\w-]+\n$/);
    seen.add(text.trim());
    await (await bearer(text.trim(), server)).event('session.created');
    await refuses(server, text.trim(), 401, 'token_used_up');
    const { value, expires_at, session } = JSON.parse(token(server, '--json', '--session', file, '--max-sessions', '2', '--expires', '60'));
    seen.add(value);
    assert.ok(expires_at - Date.now() / 1000 <= 61);
    assert.equal(session.instructions, 'From a file.');
    for (let i = 0; i < 2; i++) assert.equal((await (await bearer(value, server)).event('session.created')).session.instructions, 'From a file.');
  }
});

test('a call by a secret has its session; its posted one comes on top; the third is one too many', async (t) => {
  const browser = await browse();
  t.after(() => browser.close());
  const page = await phone(browser, open);
  const { value } = await mint({ session: { instructions: 'Be kind.', audio: { output: { voice: 'marin' } } }, voiced: { max_sessions: 2 } }, { server: open });
  const path = `/v1/realtime/calls?api-key=${value}`;
  const call = await Call.make(page, { path });
  assert.equal(call.status, 201);
  assert.equal((await call.event('session.created')).session.instructions, 'Be kind.');
  const second = await Call.make(page, { path, session: { type: 'realtime', instructions: 'Be brief.' } });
  const { session } = await second.event('session.created');
  assert.deepEqual([session.instructions, session.audio.output.voice], ['Be brief.', 'marin']);
  const sessions = async () => (await (await fetch(`${open.origin}/healthz`)).json()).sessions;
  const before = await sessions();
  await assert.rejects(Call.make(page, { path }), /401: .*token_used_up/s);
  await refuses(open, value, 401, 'token_used_up');
  await until('the refused call to be hung up', async () => await sessions() === before, 5000);
  assert.match(await call.ask('Who are you?'), /\w/, 'those that were let in go on');
});

test('no secret and no key is written anywhere', () => {
  for (const server of [guarded, open]) {
    assert.ok(seen.size > 10 && open.log.length > 0);
    for (const secret of [KEY, 'ek_', ...seen]) assert.ok(!(server.log + server.out).includes(secret), secret.slice(0, 8));
  }
});
