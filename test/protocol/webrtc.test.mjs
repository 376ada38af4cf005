// P-X: calls from Chromium, their data channel, and the sockets beside them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Call, browse, phone } from '../tools/calls.mjs';
import { sleep, until } from '../tools/server.mjs';
import { connect } from '../tools/session.mjs';
import { checkEvent, checkResponse, checkSession, dialects } from '../tools/shapes.mjs';
import { offer } from '../tools/sdp.mjs';
import { speak } from '../tools/speech.mjs';
import { CAT, FIRE, call as http, closing, hosted, tool } from './harness.mjs';

const server = hosted();
const { GA, BETA } = dialects;
let browser, page;

before(async () => { browser = await browse(); });
after(() => browser?.close());
test.beforeEach(async () => { page = await phone(browser, server); });
test.afterEach(() => Promise.all(browser.contexts().map((c) => c.close())));

const make = (options) => Call.make(page, options);
const hangup = (call) => http(server, 'POST', `${call.location}/hangup`);
const beside = (call, options = {}) => connect(server, { path: `/v1/realtime?call_id=${call.location.split('/').pop()}`, ...options });
const types = async (call) => (await call.events()).map((e) => e.type);
const raw = async (sdp, query = '') => http(server, 'POST', `/v1/realtime/calls${query}`, { 'content-type': 'application/sdp' }, sdp);
const update = (session) => ({ type: 'session.update', session: { type: 'realtime', ...session } });
const text = { output_modalities: ['text'] };

async function type(call, words, response = {}) {
  await call.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: words }] } });
  await call.send({ type: 'response.create', response });
}

test('P-X01 an offer without candidates', async () => {
  const call = await make();
  assert.doesNotMatch(call.offer, /a=candidate/);
  assert.match(call.answer, /a=candidate/, 'the server says where it is');
  checkSession(GA, (await call.event('session.created')).session);
  assert.equal(await call.state(), 'connected');
});

test('P-X02 candidates that cannot be resolved', async () => {
  // As browsers write them for pages that may not use the microphone.
  const hidden = (sdp) => sdp.replace(/(a=candidate:\S+ \d \S+ \d+ )\S+/g, '$10a1b2c3d-0000-4000-8000-a1b2c3d4e5f6.local');
  const call = await Call.through(page, async (sdp) => {
    assert.match(hidden(sdp), /a=candidate:.*\.local /);
    const reply = await raw(hidden(sdp));
    assert.equal(reply.status, 201, reply.body);
    return reply.body;
  }, { gather: true });
  await call.event('session.created');
  const reply = await raw(offer({ candidates: ['1 1 udp 2113937151 0a-b.local 50000 typ host generation 0', '2 1 tcp 1518280447 x.local 9 typ host tcptype active', '3 1 udp 1 ::1 9 typ host'] }));
  assert.equal(reply.status, 201);
});

test('P-X03 the sections of the answer', async () => {
  for (const [sections, edit] of [[['audio', 'data']], [['data', 'audio']], [['audio']], [['audio', 'data'], (s) => s.replace(/a=setup:actpass/g, 'a=setup:active')],
    [['audio', 'data'], (s) => s.replace(/a=setup:actpass/g, 'a=setup:passive')], [['audio', 'data'], (s) => s.replace('a=mid:0', 'a=mid:sound').replace('a=mid:1', 'a=mid:data').replace('BUNDLE 0 1', 'BUNDLE sound data')]]) {
    const sdp = offer({ sections, edit }), { status, body } = await raw(sdp);
    assert.equal(status, 201, body);
    const lines = (s, pattern) => s.match(pattern) ?? [];
    assert.deepEqual(lines(body, /^m=\w+/gm), lines(sdp, /^m=\w+/gm));
    assert.deepEqual(lines(body, /^a=mid:.*/gm), lines(sdp, /^a=mid:.*/gm));
    assert.deepEqual(lines(body, /^a=group:.*/gm), lines(sdp, /^a=group:.*/gm));
    assert.equal(lines(body, /^a=rtcp-mux/gm).length, sections.includes('audio') ? 1 : 0);
    for (const role of lines(body, /^a=setup:.*/gm))
      assert.ok((sdp.includes('a=setup:active') ? ['a=setup:passive'] : sdp.includes('a=setup:passive') ? ['a=setup:active'] : ['a=setup:active', 'a=setup:passive']).includes(role.trim()), role);
    assert.match(body, /^a=fingerprint:sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}\r$/m);
    assert.match(body, /^a=ice-lite\r$/m);
  }
});

test('P-X04 Opus, or G.711 where there is none', async () => {
  const chosen = (sdp) => sdp.match(/^m=audio \S+ \S+ (.*)\r$/m)[1].split(' ');
  const opus = await make();
  assert.match(opus.answer, new RegExp(`^a=rtpmap:${chosen(opus.answer)[0]} opus/48000/2\r$`, 'm'));
  for (const [codec, pt] of [['PCMU', '0'], ['PCMA', '8']]) {
    const call = await make({ codecs: [codec] });
    assert.equal(chosen(call.answer)[0], pt);
    await call.event('session.created');
    await call.ask(CAT); // waits until it is heard
  }
});

test('P-X05 data channels by any name, none, and first', async () => {
  for (const options of [{ label: 'realtime-channel' }, { label: 'voice-live-events' }, { label: '' }, { order: 'data first' }]) {
    const call = await make(options);
    await call.event('session.created');
  }
  const call = await make({ data: false });
  assert.equal(await call.state(), 'connected');
});

test('P-X06 session.created is the first message', async () => {
  const call = await make();
  await type(call, CAT, text);
  await call.event('response.done');
  const events = await call.events();
  assert.equal(events[0].type, 'session.created');
  assert.equal(events.filter((e) => e.type === 'session.created').length, 1);
  for (const e of events) checkEvent(GA, e);
});

test('P-X07 an update is answered soon', async () => {
  const call = await make();
  await call.event('session.created');
  const from = Date.now();
  await call.send(update({ instructions: 'Soon.', tracing: 'auto' }));
  assert.equal((await call.event('session.updated')).session.instructions, 'Soon.');
  assert.ok(Date.now() - from < 5000, `${Date.now() - from} ms`);
});

test('P-X08 audio is media, not messages', async () => {
  const call = await make();
  await call.ask(CAT);
  const seen = await types(call);
  assert.ok(!seen.some((t) => /audio\.delta$/.test(t)), seen.join(' '));
  for (const t of ['response.output_audio.done', 'response.output_audio_transcript.delta', 'response.output_audio_transcript.done']) assert.ok(seen.includes(t), t);
});

test('P-X09 when the voice is heard, and when it has ended', async () => {
  const call = await make();
  await type(call, CAT);
  const { response_id } = await call.event('output_audio_buffer.started');
  const { response } = await call.event('response.done');
  const energy = (await call.received()).energy;
  const stopped = await call.event('output_audio_buffer.stopped');
  assert.deepEqual([stopped.response_id, response_id], [response.id, response.id]);
  const seen = await types(call);
  assert.ok(seen.indexOf('response.content_part.added') < seen.indexOf('output_audio_buffer.started'));
  const after = await call.received();
  assert.ok(after.energy > energy, 'it was heard until then');
  assert.ok(after.packets > 200, `${after.packets} packets of an answer of seven seconds`);
});

// Waits until an answer is heard, without waiting for its end.
async function speaking(call, words = FIRE) {
  await type(call, words);
  const { response_id } = await call.event('output_audio_buffer.started');
  await until('the voice', async () => (await call.received()).energy > 0.001);
  return response_id;
}

test('P-X10 what still plays can be cleared', async () => {
  const call = await make();
  const id = await speaking(call);
  await call.send({ type: 'response.cancel' });
  await call.send({ type: 'output_audio_buffer.clear' });
  const cleared = await call.event('output_audio_buffer.cleared');
  assert.equal(cleared.response_id, id);
  await sleep(400); // what is under way arrives
  const { packets } = await call.received();
  await sleep(500); // this half second is what is looked at
  assert.equal((await call.received()).packets, packets, 'silence');
  assert.ok(!(await types(call)).includes('output_audio_buffer.stopped'));
});

test('P-X11 who is interrupted is cut where the user heard it', async () => {
  const call = await make();
  await call.event('session.created');
  await call.send(update({ audio: { input: { turn_detection: { type: 'server_vad', silence_duration_ms: 500 } } } }));
  await call.event('session.updated');
  const id = await speaking(call);
  await call.speak(speak(CAT));
  await call.event('input_audio_buffer.speech_started');
  assert.equal((await call.event('output_audio_buffer.cleared')).response_id, id);
  const events = await until('the cut', async () => {
    const all = await call.events();
    return all.some((e) => e.type === 'conversation.item.truncated') && all.some((e) => e.type === 'response.done') && all;
  });
  const truncated = events.find((e) => e.type === 'conversation.item.truncated'), { response } = events.find((e) => e.type === 'response.done');
  assert.equal(response.id, id);
  assert.equal(truncated.item_id, response.output[0]?.id ?? truncated.item_id);
  assert.ok(truncated.audio_end_ms > 0 && truncated.audio_end_ms < 6000, `${truncated.audio_end_ms} ms`);
  assert.ok(['cancelled', 'completed'].includes(response.status));
  if (response.status === 'cancelled') assert.equal(response.status_details.reason, 'turn_detected');
  const next = await call.event('response.created');
  assert.notEqual(next.response.id, id, 'and what was said is answered');
});

test('P-X12 messages fit into the channel', async () => {
  const call = await make();
  await call.event('session.created');
  await call.send(update({ instructions: 'Be brief. '.repeat(6000), tools: [tool('f', 'x'.repeat(20000))] }));
  assert.equal((await call.event('session.updated')).session.instructions.length, 60000);
  // What would not fit: a session with 240 kB of tools.
  await call.send(update({ tools: Array.from({ length: 12 }, (_, i) => tool(`f${i}`, 'x'.repeat(20000))) }));
  await until('an answer', async () => (await types(call)).filter((t) => ['session.updated', 'error'].includes(t)).length >= 2);
  assert.ok(await call.largest() <= 262144, `${await call.largest()} octets`);
  await type(call, CAT, text);
  assert.equal((await call.event('response.done')).response.status, 'completed');
});

test('P-X13 a socket beside the call', async () => {
  for (const n of [0, 1, 2]) { // often enough to arrive on either loop
    const call = await make();
    await call.event('session.created');
    const s = await beside(call);
    const first = await s.until('its first event', () => s.events[0]);
    assert.equal(first.type, 'session.created');
    assert.equal(first.session.id, (await call.events())[0].session.id);
    await s.update({ tools: [tool('find_animal')], output_modalities: ['text'] });
    assert.equal((await call.event('session.updated')).session.tools[0].name, 'find_animal', 'the page sees it');
    await call.send(update({ instructions: 'From the page.' }));
    assert.equal((await s.event('session.updated')).session.instructions, 'From the page.');
    if (n) continue;
    await type(call, CAT, { tool_choice: 'required' });
    const { item } = await s.event('response.output_item.done');
    assert.deepEqual([item.type, item.status], ['function_call', 'completed']);
    await s.event('response.done');
    s.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: item.call_id, output: 'The station cat is called Captain Pugwash.' } });
    s.send({ type: 'response.create' });
    const { response } = await s.event('response.done');
    assert.match(response.output[0].content[0].text, /Pugwash/);
    for (let i = 0; i < 2; i++) await call.event('response.done'); // the page sees them
    assert.equal((await types(call)).filter((t) => t === 'response.done').length, 2);
    await s.update({ tools: [], output_modalities: ['audio'] });
    assert.ok(await call.ask(FIRE), 'spoken, and captioned');
    assert.deepEqual(s.types().filter((t) => /audio\.delta$/.test(t)), [], 'never audio');
  }
});

const FILTERED = ['input_audio_buffer.speech_started', 'input_audio_buffer.speech_stopped', 'output_audio_buffer.started', 'output_audio_buffer.stopped',
  'conversation.item.input_audio_transcription.completed', 'conversation.item.added', 'conversation.item.created', 'response.output_text.delta', 'response.output_text.done',
  'response.output_audio_transcript.delta', 'response.output_audio_transcript.done'];

test('P-X14 webrtcfilter=on', async () => {
  const call = await make({ path: '/openai/v1/realtime/calls?webrtcfilter=on' });
  const s = await connect(server, { path: `/openai/v1/realtime?call_id=${call.location.split('/').pop()}` });
  await s.event('session.created');
  await s.update({ audio: { input: { transcription: { model: 'whisper-1' }, turn_detection: { type: 'server_vad', silence_duration_ms: 500 } } } });
  await call.speak(speak(CAT));
  await s.event('response.done');
  await s.event('output_audio_buffer.stopped');
  await type(call, FIRE, text);
  await s.event('response.done');
  await until('the text on the channel', async () => (await types(call)).includes('response.output_text.done'));
  const seen = new Set(await types(call));
  assert.deepEqual([...seen].filter((t) => !FILTERED.includes(t)), []);
  assert.deepEqual(FILTERED.filter((t) => t !== 'conversation.item.created' && !seen.has(t)), []);
  for (const t of ['session.updated', 'response.created', 'response.done', 'conversation.item.done', 'input_audio_buffer.committed']) assert.ok(s.types().includes(t), t);
});

test('P-X15 a page that goes away', async () => {
  const call = await make();
  await call.event('session.created');
  const s = await beside(call);
  await s.event('session.created');
  await call.close();
  assert.equal((await closing(s)).code, 1000);
  await until('the call to be forgotten', async () => (await hangup(call)).status === 404);
});

test('P-H13 hanging up', async () => {
  const call = await make();
  await call.event('session.created');
  const s = await beside(call);
  await s.event('session.created');
  const reply = await http(server, 'POST', `${call.location}/hangup`, { 'content-length': '0' });
  assert.equal(reply.status, 200);
  assert.equal((await closing(s)).code, 1000);
  await call.ended();
  await until('the call to be forgotten', async () => (await hangup(call)).status === 404);
  assert.equal((await http(server, 'POST', '/v1/realtime/calls/rtc_none/hangup')).status, 404);
});

test('P-H17 the historic paths of calls', async () => {
  const { client_secret } = JSON.parse((await http(server, 'POST', '/v1/realtime/sessions', {}, { model: 'gpt-4o-realtime-preview', instructions: 'Of the token.' })).body);
  for (const path of ['/v1/realtime?model=gpt-4o-realtime-preview', '/v1/realtimertc?model=gpt-4o-realtime-preview']) {
    const call = await make({ path, headers: { authorization: `Bearer ${client_secret.value}` } });
    assert.ok([200, 201].includes(call.status));
    assert.match(call.answer, /^v=0/);
    const { session } = await call.event('session.created');
    checkSession(BETA, session);
    assert.equal(session.instructions, 'Of the token.');
    await type(call, CAT);
    checkResponse(BETA, (await call.event('response.done')).response);
    for (const e of await call.events()) if (e.type !== 'output_audio_buffer.started') checkEvent(BETA, e);
  }
});
