// P-H: secrets, calls and their errors over HTTP. What needs a browser (P-H13, P-H17) is in webrtc.test.mjs, what waits (P-H03) in slow.test.mjs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../tools/session.mjs';
import { checkSession, checkTranscriptionSession, dialects, members } from '../tools/shapes.mjs';
import { offer } from '../tools/sdp.mjs';
import { APP, KEY, MUTE, bearer, call, errorBody, hosted, post, protocols } from './harness.mjs';

const server = hosted({ ...MUTE, args: ['--key', KEY, '--allow-origin', APP] });
const SECRETS = '/v1/realtime/client_secrets';
const SDP = { 'content-type': 'application/sdp' };
const now = () => Date.now() / 1000;

const POSTS = [SECRETS, '/v1/realtime/calls', ...['accept', 'reject', 'refer', 'hangup'].map((verb) => `/v1/realtime/calls/rtc_none/${verb}`),
  '/v1/realtime', '/v1/realtime/sessions', '/v1/realtime/transcription_sessions', '/v1/realtimertc', '/openai/realtimeapi/sessions',
  '/openai/v1/realtime/client_secrets', '/openai/v1/realtime/calls', '/openai/v1/realtime/calls/rtc_none/hangup',
  '/openai/realtime/client_secrets', '/openai/realtime/calls'];

// The octets that undici sends for a form of these parts.
function form(parts, { boundary = '----formdata-undici-0123456789', quoted = false, tail = '' } = {}) {
  const text = parts.map(([name, type, body]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="blob"\r\n` +
    `Content-Type: ${type}\r\n\r\n${body}\r\n`).join('');
  return { fields: { 'content-type': `multipart/form-data; boundary=${quoted ? `"${boundary}"` : boundary}` }, body: `${text}--${boundary}--\r\n${tail}` };
}

function answered(reply, statuses = [201]) {
  assert.ok(statuses.includes(reply.status), `${reply.status}: ${reply.body}`);
  assert.match(reply.headers['content-type'], /^application\/sdp/);
  assert.match(reply.body, /^v=0\r\n/);
  assert.match(reply.body, /\r\na=fingerprint:sha-256 /);
}

const hangup = (reply) => call(server, 'POST', `${reply.headers.location}/hangup`, bearer(KEY));

function called(reply) {
  answered(reply);
  assert.match(reply.headers.location, /^\/v1\/realtime\/calls\/rtc_\w+$/);
  return hangup(reply);
}

test('P-H01 a secret of an empty request', async () => {
  for (const path of [SECRETS, `${SECRETS}/`]) {
    const reply = await post(server, path, {});
    members(reply, 'value expires_at session');
    assert.match(reply.value, /^ek_[\w.~-]+$/);
    assert.ok(reply.value.length <= 200, `${reply.value.length} characters`);
    assert.ok(Number.isInteger(reply.expires_at));
    assert.equal(reply.session.object, 'realtime.session');
    checkSession(dialects.GA, reply.session);
    assert.equal(reply.session.expires_at, 0);
  }
});

test('P-H02 a secret lives from 10 to 7200 seconds, 600 unless said', async () => {
  for (const seconds of [9, 7201, -1, 0, 1.5, '60'])
    errorBody(await call(server, 'POST', SECRETS, bearer(KEY), { expires_after: { anchor: 'created_at', seconds } }), 400);
  for (const [expires_after, seconds] of [[{ anchor: 'created_at', seconds: 10 }, 10], [{ anchor: 'created_at', seconds: 7200 }, 7200],
    [{ anchor: 'created_at' }, 600], [undefined, 600]]) {
    const { expires_at } = await post(server, SECRETS, { expires_after });
    assert.ok(Math.abs(expires_at - now() - seconds) < 5, `${seconds}: ${expires_at - now()}`);
  }
});

test('P-H04 the session of a secret is the one that is opened with it', async () => {
  const session = { type: 'realtime', model: 'gpt-realtime', instructions: 'Speak like a lighthouse keeper.', output_modalities: ['text'],
    audio: { input: { turn_detection: null }, output: { voice: 'marin' } } };
  const secret = await post(server, SECRETS, { session });
  const s = await connect(server, { path: '/v1/realtime?model=other', headers: bearer(secret.value) });
  const { session: created } = await s.event('session.created');
  for (const seen of [secret.session, created]) {
    assert.equal(seen.instructions, session.instructions);
    assert.deepEqual(seen.output_modalities, ['text']);
    assert.equal(seen.audio.input.turn_detection, null);
    assert.equal(seen.audio.output.voice, 'marin');
  }
  assert.equal((await s.update({ instructions: 'Otherwise.' })).instructions, 'Otherwise.', 'it is a default');
  errorBody(await call(server, 'POST', SECRETS, bearer(KEY), { session: { type: 'realtime', output_modalities: ['smell'] } }), 400, 'invalid_value');
});

test('P-H05 a secret of a transcription session', async () => {
  const secret = await post(server, SECRETS, { session: { type: 'transcription', audio: { input: { transcription: { model: 'whisper-1' } } } } });
  assert.equal(secret.session.object, 'realtime.transcription_session');
  for (const path of ['/v1/realtime?intent=transcription', '/v1/realtime?model=gpt-realtime']) {
    const s = await connect(server, { path, headers: bearer(secret.value) });
    const { session } = await s.event('session.created');
    checkTranscriptionSession(session);
    assert.equal(session.audio.input.transcription.model, 'whisper-1');
  }
});

test('P-H06 an offer as application/sdp', async () => {
  for (const path of ['/v1/realtime/calls', '/v1/realtime/calls/', '/v1/realtime/calls?model=gpt-realtime'])
    await called(await call(server, 'POST', path, { ...SDP, ...bearer(KEY) }, offer()));
});

test('P-H07 an offer as a form with its session', async () => {
  const { fields, body } = form([['sdp', 'application/sdp', offer()],
    ['session', 'application/json', '{"type":"realtime","model":"gpt-realtime","instructions":"Of the form."}']]);
  const reply = await call(server, 'POST', '/v1/realtime/calls', { ...fields, accept: 'application/sdp', ...bearer(KEY) }, body);
  answered(reply);
  const id = reply.headers.location.split('/').pop();
  const s = await connect(server, { path: `/v1/realtime?call_id=${id}`, headers: bearer(KEY) });
  const { session } = await s.event('session.created');
  assert.deepEqual([session.instructions, session.model], ['Of the form.', 'gpt-realtime']);
  await hangup(reply);
});

test('P-H08 forms of other shapes', async () => {
  const sdp = ['sdp', 'application/sdp', offer()], session = ['session', 'application/json', '{"type":"realtime"}'];
  for (const [parts, options] of [[[sdp]], [[session, sdp]], [[sdp, session], { quoted: true }], [[sdp], { boundary: "a'b(c)+_,-./:=?", quoted: true }],
    [[sdp, session], { tail: 'epilogue' }]]) {
    const { fields, body } = form(parts, options);
    await called(await call(server, 'POST', '/v1/realtime/calls', { ...fields, ...bearer(KEY) }, body));
  }
});

test('P-H09 a bad offer', async () => {
  for (const path of ['/v1/realtime/calls', '/openai/v1/realtime/calls'])
    for (const sdp of ['v=0\r\n', 'not an offer', offer().replace(/a=fingerprint.*\r\n/g, ''), offer().replace(/m=audio/, 'm=\u0000udio')])
      errorBody(await call(server, 'POST', path, { ...SDP, ...bearer(KEY) }, sdp), 400);
  const { fields, body } = form([['session', 'application/json', '{}']]);
  assert.equal(errorBody(await call(server, 'POST', '/v1/realtime/calls', { ...fields, ...bearer(KEY) }, body), 400).param, 'sdp');
});

test('P-H10 no key, and a wrong one', async () => {
  for (const path of POSTS)
    for (const fields of [{}, bearer('wrong'), { 'api-key': 'wrong' }, bearer('ek_wrong')])
      errorBody(await call(server, 'POST', path, { 'content-type': 'application/json', ...fields }, '{}'), 401, 'invalid_api_key');
});

test('P-H11 preflight of every endpoint', async () => {
  const asked = 'authorization, content-type, x-openai-agents-sdk, api-key';
  for (const path of POSTS) {
    const reply = await call(server, 'OPTIONS', path, { origin: APP, 'access-control-request-method': 'POST', 'access-control-request-headers': asked });
    assert.ok([200, 204].includes(reply.status), `${path}: ${reply.status}`);
    assert.equal(reply.headers['access-control-allow-origin'], APP);
    assert.match(reply.headers['access-control-allow-methods'], /\bPOST\b/);
    for (const field of asked.split(', '))
      assert.ok(reply.headers['access-control-allow-headers'].toLowerCase().includes(field), `${path}: ${field}`);
  }
});

test('P-H12 Location and errors are readable by pages', async () => {
  const good = await call(server, 'POST', '/v1/realtime/calls', { ...SDP, ...bearer(KEY), origin: APP }, offer());
  const minted = await call(server, 'POST', SECRETS, { ...bearer(KEY), origin: APP }, {});
  const bad = await call(server, 'POST', '/v1/realtime/calls', { ...SDP, ...bearer(KEY), origin: APP }, 'v=0\r\n');
  const out = await call(server, 'POST', '/v1/realtime/calls', { ...SDP, origin: APP }, offer());
  assert.deepEqual([good.status, minted.status, bad.status, out.status], [201, 200, 400, 401]);
  for (const reply of [good, minted, bad, out]) {
    assert.equal(reply.headers['access-control-allow-origin'], APP);
    assert.match(reply.headers['access-control-expose-headers'], /\bLocation\b/i);
  }
  await hangup(good);
});

test('P-H14 the verbs of calls', async () => {
  const reply = await call(server, 'POST', '/v1/realtime/calls', { ...SDP, ...bearer(KEY) }, offer());
  const at = (verb, body) => call(server, 'POST', `${reply.headers.location}/${verb}`, bearer(KEY), body);
  // What makes no sense for a call that is up already says so, and not that its body is wrong.
  const sensible = (r) => (r.status === 200 ? r : errorBody(r, 409));
  assert.match(errorBody(await at('accept', {}), 400).param, /type$/);
  assert.match(errorBody(await at('accept', { type: 'transcription' }), 400).param, /type$/);
  sensible(await at('accept', { type: 'realtime', instructions: 'Be brief.' }));
  assert.equal(errorBody(await at('refer', {}), 400).param, 'target_uri');
  sensible(await at('refer', { target_uri: 'tel:+14155550123' }));
  assert.equal(errorBody(await at('reject', { status_code: 'busy' }), 400).param, 'status_code');
  sensible(await at('reject', {}));
  await hangup(reply);
  for (const verb of ['accept', 'reject', 'refer', 'hangup'])
    errorBody(await call(server, 'POST', `/v1/realtime/calls/rtc_none/${verb}`, bearer(KEY), { type: 'realtime', target_uri: 'tel:1' }), 404);
});

function betaSession(reply, object = 'realtime.session') {
  assert.equal(reply.object, object);
  assert.match(reply.id, /^sess_\w+$/);
  members(reply.client_secret, 'value expires_at', 'client_secret');
  assert.match(reply.client_secret.value, /^ek_/);
  assert.ok(Number.isInteger(reply.client_secret.expires_at) && reply.client_secret.expires_at > now() + 50);
  for (const name of ['audio', 'output_modalities', 'type']) assert.ok(!(name in reply), `${name} is not of this dialect`);
}

test('P-H15 the flat session and its secret', async () => {
  const fields = { ...bearer(KEY), 'openai-beta': 'assistants=v2' };
  const reply = await post(server, '/v1/realtime/sessions', { model: 'gpt-4o-realtime-preview', voice: 'verse', modalities: ['audio', 'text'], instructions: 'Flat.' }, fields);
  betaSession(reply);
  const { client_secret, ...session } = reply;
  checkSession(dialects.BETA, session);
  assert.deepEqual([session.model, session.voice, session.instructions, session.input_audio_format], ['gpt-4o-realtime-preview', 'verse', 'Flat.', 'pcm16']);
  const s = await connect(server, { path: '/v1/realtime?model=gpt-4o-realtime-preview', protocols: protocols(client_secret.value) });
  const created = (await s.event('session.created')).session;
  checkSession(dialects.BETA, created);
  assert.equal(created.instructions, 'Flat.');
  betaSession(await post(server, '/v1/realtime/sessions', {}, fields));
});

test('P-H16 the flat transcription session and its secret', async () => {
  const reply = await post(server, '/v1/realtime/transcription_sessions', { input_audio_format: 'pcm16', input_audio_transcription: { model: 'whisper-1' } });
  betaSession(reply, 'realtime.transcription_session');
  for (const name of ['modalities', 'input_audio_format', 'input_audio_transcription', 'turn_detection']) assert.ok(name in reply, name);
  assert.equal(reply.input_audio_transcription.model, 'whisper-1');
  const s = await connect(server, { path: '/v1/realtime?intent=transcription', protocols: ['realtime', `openai-insecure-api-key.${reply.client_secret.value}`, 'openai-beta.realtime-v1'] });
  await s.until('its first event', () => s.events[0]);
  assert.match(s.events[0].type, /^(transcription_)?session\.created$/);
  assert.equal(s.events[0].session.object, 'realtime.transcription_session');
  assert.equal(s.events[0].session.input_audio_format, 'pcm16');
});

test('P-H18 the session of Azure, as C# reads it', async () => {
  const reply = await post(server, '/openai/realtimeapi/sessions?api-version=2025-04-01-preview', { model: 'gpt-4o-realtime', voice: 'alloy' }, { 'api-key': KEY });
  betaSession(reply);
  assert.equal(reply.max_response_output_tokens, 'inf');
  assert.ok(Number.isInteger(reply.expires_at));
  assert.ok(reply.turn_detection && typeof reply.turn_detection === 'object');
  assert.ok(Array.isArray(reply.tools));
  assert.equal(typeof reply.client_secret.value, 'string');
});

test('P-H19 a secret of Azure', async () => {
  for (const fields of [{ 'api-key': KEY }, bearer(KEY)]) {
    const reply = await post(server, '/openai/v1/realtime/client_secrets', { session: { type: 'realtime', model: 'd', instructions: 'Azure.', audio: { output: { voice: 'alloy' } } } }, fields);
    assert.match(reply.value, /^ek_/);
    assert.equal(reply.session.instructions, 'Azure.');
  }
});

test('P-H20 a call of Azure', async () => {
  const { value } = await post(server, '/openai/v1/realtime/client_secrets', {}, { 'api-key': KEY });
  for (const query of ['', '?webrtcfilter=on'])
    await called(await call(server, 'POST', `/openai/v1/realtime/calls${query}`, { ...SDP, ...bearer(value) }, offer()));
});

test('P-H21 the paths of the Azure client', async () => {
  const reply = await post(server, '/openai/realtime/client_secrets?api-version=2025-08-28', { session: { type: 'realtime', model: 'd' } }, { 'api-key': KEY });
  assert.match(reply.value, /^ek_/);
  await called(await call(server, 'POST', '/openai/realtime/calls?api-version=2025-08-28', { ...SDP, 'api-key': KEY }, offer()));
});

test('P-H22 headers that nobody asked for change nothing', async () => {
  const odd = { 'x-stainless-lang': 'js', 'x-stainless-retry-count': '0', 'x-ms-client-request-id': 'a', 'accept-encoding': 'gzip, deflate, br', 'user-agent': 'OpenAI/JS 7.55.0' };
  for (const fields of [{}, odd]) {
    const reply = await call(server, 'POST', SECRETS, { ...bearer(KEY), ...fields }, {});
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['content-encoding'], undefined);
    assert.deepEqual(Object.keys(JSON.parse(reply.body)).sort(), ['expires_at', 'session', 'value']);
  }
});

test('P-H23 bodies too large or of another type', async () => {
  const big = 'x'.repeat(4 << 20);
  errorBody(await call(server, 'POST', '/v1/realtime/calls', { ...SDP, ...bearer(KEY) }, big), 413);
  errorBody(await call(server, 'POST', SECRETS, { 'content-type': 'application/json', ...bearer(KEY) }, JSON.stringify({ a: big })), 413);
  for (const path of ['/v1/realtime/calls', '/openai/v1/realtime/calls'])
    errorBody(await call(server, 'POST', path, { 'content-type': 'text/plain', ...bearer(KEY) }, offer()), 415);
  errorBody(await call(server, 'POST', SECRETS, { 'content-type': 'application/xml', ...bearer(KEY) }, '<a/>'), 415);
});
