// P-W: how a WebSocket comes about, who may open one, and what its frames may be.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../tools/server.mjs';
import { Refused, connect } from '../tools/session.mjs';
import { checkSession, dialects, settings } from '../tools/shapes.mjs';
import { Wire, exchange, request } from '../tools/wire.mjs';
import { CAT, KEY, MUTE, answer, bearer, closing, hosted, open, protocols } from './harness.mjs';

const server = hosted(MUTE);
const keyed = hosted({ ...MUTE, args: ['--key', KEY] });
const { GA, BETA, AZURE, VL } = dialects;
const AGENTS = '/v1/realtime?model=gpt-realtime-2.1';
const VOICE_LIVE = '/voice-live/realtime?api-version=2026-07-15&model=gpt-realtime';
const GA_AZURE = '/openai/v1/realtime?model=gpt-realtime';
const sessions = async () => Number((await (await fetch(`${server.origin}/metrics`)).text()).match(/^voiced_sessions (\d+)$/m)[1]);

const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };

test('P-W01 TLS, as the openai package wants it', async () => {
  const s = await connect(server, { path: '/v1/realtime?model=gpt-realtime', origin: `https://127.0.0.1:${server.port}`, rejectUnauthorized: false,
    headers: { ...bearer('k'), 'user-agent': 'OpenAI/JS 7.55.0' } });
  checkSession(GA, (await s.event('session.created')).session);
});

test('P-W02 plain ws, as the other packages want it', async () => {
  const agents = await connect(server, { path: AGENTS, perMessageDeflate: true,
    headers: { ...bearer('k'), 'user-agent': 'Agents/JavaScript 0.20.0', 'x-openai-agents-sdk': 'openai-agents-sdk.0.20.0' } });
  checkSession(GA, (await agents.event('session.created')).session);
  const voiceLive = await connect(server, { path: `${VOICE_LIVE}&api-key=k`, perMessageDeflate: true,
    headers: { 'api-key': 'k', 'x-ms-client-request-id': '0b', 'user-agent': 'Azure-Voice-Live-SDK-JS/1.0.0' } });
  checkSession(VL, (await voiceLive.event('session.created')).session);
  const rt = await connect(server, { path: AZURE.path, headers: { 'api-key': 'k', 'user-agent': 'ms-rtclient/0.5.0', 'x-ms-client-request-id': '0b' } });
  checkSession(AZURE, (await rt.event('session.created')).session);
});

test('P-W03 of the subprotocols `realtime` is echoed, and the key taken', async () => {
  const [realtime, key] = protocols(KEY);
  for (const offered of [[realtime, key], [key, realtime], [realtime, key, 'openai-agents-sdk.0.20.0'],
    [realtime, key, 'openai-organization.org-1', 'openai-project.proj_1']]) {
    const s = await connect(keyed, { path: GA.path, protocols: offered });
    assert.equal(s.headers['sec-websocket-protocol'], 'realtime');
    assert.equal((await s.until('its first event', () => s.events[0])).type, 'session.created');
  }
  for (const path of [BETA.path, GA_AZURE, VOICE_LIVE, AZURE.path]) {
    const s = await connect(keyed, { path, protocols: protocols(KEY) });
    assert.equal(s.headers['sec-websocket-protocol'], 'realtime', path);
  }
});

test('P-W04 no subprotocol, none echoed', async () => {
  for (const path of [GA.path, GA_AZURE, AZURE.path, VOICE_LIVE])
    assert.equal((await connect(server, { path })).headers['sec-websocket-protocol'], undefined, path);
});

test('P-W05 the beta header or subprotocol makes it beta', async () => {
  const { path } = BETA;
  for (const options of [{ headers: { 'openai-beta': 'realtime=v1' } }, { protocols: [...protocols('k'), 'openai-beta.realtime-v1'] },
    { protocols: ['realtime', 'openai-beta.realtime-v1'] }]) {
    const s = await connect(server, { path, ...options });
    checkSession(BETA, (await s.event('session.created')).session);
  }
  const s = await connect(server, { path });
  checkSession(GA, (await s.event('session.created')).session);
});

test('P-W06 compression is declined', async () => {
  for (const offered of ['permessage-deflate', 'permessage-deflate; client_max_window_bits', 'permessage-deflate; server_no_context_takeover, x-webkit-deflate-frame']) {
    const reply = await exchange(server, request(server, 'GET', GA.path, { ...upgrade, 'sec-websocket-extensions': offered }));
    assert.equal(reply.status, 101);
    assert.equal(reply.headers['sec-websocket-extensions'], undefined);
  }
  const s = await connect(server, { dialect: GA, perMessageDeflate: true });
  await s.event('session.created');
  assert.match(answer(await s.ask(CAT, { output_modalities: ['text'] })), /Biscuit/);
});

const CARRIERS = [['Bearer', { headers: bearer(KEY) }], ['api-key', { headers: { 'api-key': KEY } }], ['subprotocol', { protocols: protocols(KEY) }],
  ['query api-key', { query: `api-key=${KEY}` }], ['query Authorization', { query: `Authorization=Bearer%20${KEY}` }],
  ['query Authorization with +', { query: `Authorization=Bearer+${KEY}` }]];

test('P-W07 the key by every carrier', async () => {
  for (const path of [GA.path, GA_AZURE, AZURE.path, VOICE_LIVE])
    for (const [name, { query, ...options }] of CARRIERS) {
      const s = await connect(keyed, { path: query ? `${path}&${query}` : path, ...options });
      assert.equal((await s.until('its first event', () => s.events[0])).type, 'session.created', `${path}: ${name}`);
      s.close();
    }
});

test('P-W08 a wrong key', async () => {
  for (const path of [GA.path, '/v1/realtime?intent=transcription']) {
    const s = await connect(keyed, { path, headers: bearer('wrong') });
    const { error } = await s.event('error');
    assert.deepEqual([error.type, error.code], ['invalid_request_error', 'invalid_api_key']);
    assert.deepEqual(await closing(s), { code: 3000, reason: 'invalid_request_error.invalid_api_key' });
    assert.deepEqual(s.types(), ['error']);
  }
  for (const path of [AZURE.path, GA_AZURE, VOICE_LIVE, '/voice-live/realtime/calls?api-version=2026-01-01-preview&model=m'])
    await assert.rejects(connect(keyed, { path, headers: { 'api-key': 'wrong' } }),
      (e) => e instanceof Refused && e.status === 401 && JSON.parse(e.body).error.code === 'invalid_api_key', path);
});

test('P-W09 no model, call or intent', async () => {
  for (const path of ['/v1/realtime', '/v1/realtime?model=', '/v1/realtime?x=1']) {
    const s = await connect(server, { path });
    assert.equal((await s.event('error')).error.code, 'missing_model');
    assert.deepEqual(await closing(s), { code: 4000, reason: 'invalid_request_error.missing_model' });
    assert.deepEqual(s.types(), ['error'], path);
  }
});

test('P-W10 unknown query keys, and names that are encoded', async () => {
  for (const [path, model] of [['/v1/realtime?model=my%20model%2Fv%C3%A9&foo=bar&foo=baz&x', 'my model/vé'], ['/v1/realtime?a=&model=gpt%2Drealtime', 'gpt-realtime'],
    ['/v1/realtime/?model=gpt-realtime', 'gpt-realtime'], ['/openai/realtime?api-version=2025-04-01-preview&deployment=my%20dep&extra=1', 'my dep'],
    [`${VOICE_LIVE.replace('gpt-realtime', 'a%2Bb')}&profile=byom-azure-openai-realtime&x=y`, 'a+b']]) {
    const s = await connect(server, { path });
    assert.equal((await s.event('session.created')).session.model, model, path);
  }
});

test('P-W11 Azure without version or deployment gets the defaults', async () => {
  for (const path of ['/openai/realtime', '/openai/realtime?deployment=d', '/openai/realtime?api-version=2024-10-01-preview', '/openai/realtime?api-version=2099-01-01&deployment=d']) {
    const s = await connect(server, { path });
    const { session } = await s.event('session.created');
    checkSession(AZURE, session);
    assert.ok(session.model.length > 0);
  }
});

test('P-W13 a close without status frees the session', async () => {
  const s = await open(server);
  s.type(CAT);
  s.send({ type: 'response.create' });
  s.socket.close();
  assert.ok([1005, 1000].includes((await closing(s)).code));
  await until('the session to be freed', async () => await sessions() === 0);
});

// A frame of a client (RFC 6455, 5.2), masked with zeros or not at all.
function frame(payload, { fin = true, opcode = 1, masked = true } = {}) {
  const body = Buffer.from(payload), length = body.length < 126 ? Buffer.alloc(0) : Buffer.alloc(body.length < 65536 ? 2 : 8);
  if (length.length === 2) length.writeUInt16BE(body.length);
  if (length.length === 8) length.writeBigUInt64BE(BigInt(body.length));
  const short = [body.length, 126, 127][[0, 2, 8].indexOf(length.length)];
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode, (masked ? 0x80 : 0) | short]), length, Buffer.alloc(masked ? 4 : 0), body]);
}

test('P-W14 fragments, long messages and frames without a mask', async () => {
  const s = await open(server, GA, settings.manual(GA));
  const raw = s.socket._socket;
  const text = JSON.stringify({ type: 'session.update', session: { type: 'realtime', instructions: 'In pieces: Grüße.' } });
  const octets = Buffer.from(text);
  for (let at = 0; at < octets.length; at += 7) // through the middle of characters, with a ping between the pieces
    raw.write(Buffer.concat([frame(octets.subarray(at, at + 7), { fin: at + 7 >= octets.length, opcode: at ? 0 : 1 }), frame('', { opcode: 9 })]));
  assert.equal((await s.event('session.updated')).session.instructions, 'In pieces: Grüße.');
  for (const n of [70000, 20 << 20]) {
    s.send({ type: 'input_audio_buffer.append', audio: 'A'.repeat(Math.floor(n / 4) * 4) });
    s.send({ type: 'input_audio_buffer.clear' });
    await s.event('input_audio_buffer.cleared');
  }
  assert.deepEqual(s.of('error'), []);
  raw.write(frame(text, { masked: false }));
  assert.equal((await closing(s)).code, 1002);
});

test('P-W15 a binary frame', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d);
    s.send(Buffer.from([1, 2, 3]));
    const { error } = await s.event('error');
    assert.deepEqual([error.type, error.code, error.event_id], ['invalid_request_error', 'invalid_event', null]);
    await s.update(settings.text(d));
  }
});

test('P-W16 what is not JSON, and what is not an event', async () => {
  const s = await open(server);
  for (const text of ['{"type":', '[]', 'null', '"session.update"', '{"type":"session.update"', '', '{}}']) {
    s.send(text);
    const { error } = await s.event('error');
    assert.deepEqual([error.code, error.event_id], ['invalid_json', null], text);
  }
  const error = await s.refused({ type: 'no.such.event' });
  assert.deepEqual([error.type, error.code, error.param], ['invalid_request_error', 'invalid_value', 'type']);
  assert.match(error.message, /no\.such\.event/);
  assert.match(error.message, /session\.update/, 'what there is, is listed');
  s.send({ type: 'no.such.event' });
  assert.equal((await s.event('error')).error.event_id, null);
  await s.update({ instructions: 'Still here.' });
});

test('P-W17 frames of the server are whole UTF-8 texts', async () => {
  const wire = await Wire.open(server);
  wire.write(request(server, 'GET', GA.path, upgrade));
  const send = (event) => wire.write(frame(JSON.stringify(event)));
  await wire.reply();
  const head = wire.octets.indexOf('\r\n\r\n') + 4;
  send({ type: 'session.update', session: { type: 'realtime', instructions: 'Ünï 😀 çödé'.repeat(800) } });
  send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: CAT }] } });
  send({ type: 'response.create' });
  const types = [];
  await wire.until('the answer', () => {
    types.length = 0;
    for (let at = head; at + 10 <= wire.octets.length;) {
      const first = wire.octets[at], short = wire.octets[at + 1];
      assert.ok(short < 128, 'not masked');
      const [n, from] = short < 126 ? [short, at + 2] : short === 126 ? [wire.octets.readUInt16BE(at + 2), at + 4] : [Number(wire.octets.readBigUInt64BE(at + 2)), at + 10];
      if (wire.octets.length < from + n) break;
      assert.equal(first, 0x81, 'a whole text frame');
      const text = new TextDecoder('utf-8', { fatal: true }).decode(wire.octets.subarray(from, from + n));
      types.push(JSON.parse(text).type);
      at = from + n;
    }
    return types.includes('response.done');
  });
  wire.socket.destroy();
  assert.ok(types.includes('session.updated') && types.includes('response.output_audio.delta'), types.join(' '));
});

test('P-W18 a call that does not exist', async () => {
  for (const path of ['/v1/realtime?call_id=rtc_none', '/openai/v1/realtime?call_id=rtc_00aaaaaaaaaaaaaaaaaaaaaa'])
    await assert.rejects(connect(server, { path }), (e) => e instanceof Refused && e.status === 404 && JSON.parse(e.body).error.message.length > 0);
});
