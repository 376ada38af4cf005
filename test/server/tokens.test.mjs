// Client secrets: minted by the server or by `voiced token`, shown in place of the key.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac, randomFillSync } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Call, browse, phone } from '../tools/calls.mjs';
import { serve, temporary, voiced } from '../tools/server.mjs';
import { closeAll, connect } from '../tools/session.mjs';
import { exchange, request } from '../tools/wire.mjs';

const KEY = 'a-key-that-nobody-guesses-0123456789';
const PATH = '/v1/realtime/client_secrets';
const log = ['--log-level', 'debug'];
let guarded, open;

before(async () => {
  [guarded, open] = await Promise.all([serve({ args: ['--key', KEY, ...log] }), serve({ args: log })]);
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

const bearer = (ek, server = guarded, options = {}) => connect(server, { headers: { authorization: `Bearer ${ek}` }, ...options });
const refused = (status, code) => (e) => {
  assert.equal(e.status, status, e.message);
  const { error } = JSON.parse(e.body);
  assert.equal(error.code, code);
  assert.ok(error.message.length > 20);
  return true;
};

test('P-H01 {} and nothing at all are answered with a secret and the effective session', async () => {
  for (const body of ['{}', '', ' \r\n', '{"session":null,"expires_after":null,"voiced":null}']) {
    const secret = await mint(body);
    assert.match(secret.value, /^ek_[\w-]+$/);
    assert.ok(secret.value.length <= 200, String(secret.value.length));
    assert.ok(Number.isInteger(secret.expires_at));
    const left = secret.expires_at - Date.now() / 1000;
    assert.ok(left > 590 && left <= 601, String(left));
    assert.deepEqual([secret.session.type, secret.session.object, secret.session.expires_at], ['realtime', 'realtime.session', 0]);
    assert.match(secret.session.id, /^sess_\w+$/);
    assert.deepEqual(secret.session.output_modalities, ['audio']);
  }
  assert.equal((await post({}, { path: `${PATH}/` })).status, 200, 'with a slash at the end');
});

test('P-H02 expires_after is between 10 and 7200 seconds', async () => {
  for (const seconds of [10, 7200]) {
    const { expires_at } = await mint({ expires_after: { anchor: 'created_at', seconds } });
    const off = expires_at - Date.now() / 1000 - seconds;
    assert.ok(off > -5 && off <= 1, String(off));
  }
  for (const seconds of [9, 7201, 0, -1, 60.5, '60', true, 1e30]) {
    const { status, json } = await post({ expires_after: { anchor: 'created_at', seconds } });
    assert.deepEqual([status, json.error.code, json.error.param], [400, 'invalid_value', 'expires_after.seconds'], String(seconds));
  }
});

test('P-H03 a secret opens sessions by every carrier, more than once', async () => {
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
    await assert.rejects(bearer(wrong), refused(401, 'invalid_api_key'), wrong);
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

test('P-H03 after its expiry a secret is rejected', async () => {
  await (await bearer(forge(KEY, { seconds: 5 }))).event('session.created');
  for (const seconds of [0, -1, -100000]) await assert.rejects(bearer(forge(KEY, { seconds })), refused(401, 'token_expired'));
  await assert.rejects(bearer(forge(KEY, { seconds: 5, version: 2 })), refused(401, 'invalid_api_key'));
  await assert.rejects(bearer(forge(`${KEY}x`, { seconds: 5 })), refused(401, 'invalid_api_key'));
  const secret = readFileSync(join(open.data, 'token.key'));
  await (await bearer(forge(secret, { seconds: 5 }), open)).event('session.created');
  await assert.rejects(bearer(forge(secret, { seconds: 0 }), open), refused(401, 'token_expired'));
});

test('P-H04 the session that was minted is the session that is created', async () => {
  const session = { type: 'realtime', model: 'gpt-realtime', instructions: 'Answer in one sentence, with é and 日本語.', output_modalities: ['text'],
    audio: { input: { turn_detection: null }, output: { voice: 'marin' } } };
  const secret = await mint({ session });
  for (const from of [secret.session, (await (await bearer(secret.value)).event('session.created')).session]) {
    assert.equal(from.model, 'gpt-realtime');
    assert.equal(from.instructions, session.instructions);
    assert.deepEqual(from.output_modalities, ['text']);
    assert.equal(from.audio.input.turn_detection, null);
    assert.equal(from.audio.output.voice, 'marin');
  }
  const s = await bearer(secret.value, guarded, { path: '/v1/realtime?model=another' });
  assert.equal((await s.event('session.created')).session.model, 'gpt-realtime', 'what is bound is not for the URL to change');
  assert.equal((await s.update({ instructions: 'Be brief.' })).instructions, 'Be brief.');
});

test('P-H05 a secret of a transcription session opens one', async () => {
  const secret = await mint({ session: { type: 'transcription', audio: { input: { transcription: { model: 'whisper-1', language: 'en' } } } } });
  assert.deepEqual([secret.session.type, secret.session.object], ['transcription', 'realtime.transcription_session']);
  const { session } = await (await bearer(secret.value)).event('session.created');
  assert.deepEqual([session.type, session.object], ['transcription', 'realtime.transcription_session']);
  assert.equal(session.audio.input.transcription.language, 'en');
});

test('what cannot be minted is refused with the place of it', async () => {
  const rows = [
    [{ session: { type: 'translation' } }, 'session.type'], [{ session: { type: 7 } }, 'session.type'], [{ session: 7 }, 'session'],
    [{ session: { audio: { output: { speed: 9 } } } }, 'session.audio.output.speed'], [{ expires_after: 60 }, 'expires_after'],
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
  for (let i = 0; i < 4; i++) await assert.rejects(bearer(value), refused(401, 'token_used_up'));

  const three = (await mint({ voiced: { max_sessions: 3 } })).value;
  const all = await Promise.allSettled(Array.from({ length: 16 }, () => bearer(three)));
  assert.equal(all.filter((r) => r.status === 'fulfilled').length, 3, 'of many at once');
  for (const r of all) if (r.status === 'rejected') refused(401, 'token_used_up')(r.reason);
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
    await assert.rejects(connect(server, { headers: { authorization: `Bearer ${value}`, ...headers } }), refused(403, 'origin_not_allowed'));
});

test('a server without a key takes any key, but no false secret', async () => {
  const { value } = await mint({ session: { instructions: 'Be kind.' } }, { server: open });
  assert.equal((await (await bearer(value, open)).event('session.created')).session.instructions, 'Be kind.');
  await (await bearer('sk-anything', open)).event('session.created');
  const foreign = (await mint({})).value;
  for (const wrong of [foreign, `${value.slice(0, -4)}AAAA`, 'ek_anything']) await assert.rejects(bearer(wrong, open), refused(401, 'invalid_api_key'));
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
  await assert.rejects(bearer(once, server), refused(401, 'token_used_up'));
  assert.equal((await (await bearer(twice, server)).event('session.created')).session.instructions, 'Be kind.');
  closeAll();
  await server.stop({ keep: true });
  server = await start(['--key', KEY]);
  await assert.rejects(bearer(twice, server), refused(401, 'invalid_api_key'));

  // The same key elsewhere checks it; what it is bound to is not there.
  const bound = (await mint({ session: { instructions: 'Be kind.' } }, { server, key: KEY })).value;
  const free = (await mint({}, { server, key: KEY })).value;
  await (await bearer(free)).event('session.created');
  await assert.rejects(bearer(bound), refused(401, 'invalid_api_key'));
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
    await assert.rejects(bearer(text.trim(), server), refused(401, 'token_used_up'));
    const { value, expires_at, session } = JSON.parse(token(server, '--json', '--session', file, '--max-sessions', '2', '--expires', '60'));
    seen.add(value);
    assert.ok(expires_at - Date.now() / 1000 <= 61);
    assert.equal(session.instructions, 'From a file.');
    for (let i = 0; i < 2; i++) assert.equal((await (await bearer(value, server)).event('session.created')).session.instructions, 'From a file.');
  }
});

test('a call by a secret has its session; its posted one comes on top; the second is one too many', async (t) => {
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
  await assert.rejects(bearer(value, open), refused(401, 'token_used_up'));
});

test('no secret and no key is written anywhere', () => {
  for (const server of [guarded, open]) {
    assert.ok(seen.size > 10 && open.log.length > 0);
    for (const secret of [KEY, 'ek_', ...seen]) assert.ok(!(server.log + server.out).includes(secret), secret.slice(0, 8));
  }
});
