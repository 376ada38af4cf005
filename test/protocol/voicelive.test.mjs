// P-V: Voice Live: its plain sessions, and calls whose control channel is a WebSocket.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Call, browse, phone } from '../tools/calls.mjs';
import { apart, sleep, until } from '../tools/server.mjs';
import { connect } from '../tools/session.mjs';
import { checkEvent, checkSession, checkStream, dialects, members, orders, firsts } from '../tools/shapes.mjs';
import { offer } from '../tools/sdp.mjs';
import { speak } from '../tools/speech.mjs';
import { CAT, FIRE, KEY, MUTE, answer, hosted, last, open, sound, spoken, tool } from './harness.mjs';

const server = hosted();
const keyed = hosted({ ...MUTE, args: ['--key', KEY, '--log-level', 'debug'] });
const { VL } = dialects;
const CONTROL = '/voice-live/realtime/calls?api-version=2026-01-01-preview&model=gpt-realtime';
let browser;

before(async () => { browser = await browse(); });
after(() => browser?.close());
test.afterEach(() => Promise.all(browser.contexts().map((c) => c.close())));

const control = () => connect(server, { path: CONTROL, dialect: VL });
const sdpCreate = (sdp_offer, more = {}) => ({ type: 'rtc.call.sdp.create', event_id: 'client-1', sdp_offer, ...more });

async function negotiate(s, sdp, more) {
  s.send(sdpCreate(sdp, more));
  return s.event('rtc.call.sdp.created');
}

// A call whose media is a browser's and whose control channel is ours.
async function make(options = {}, more = {}) {
  const s = await control();
  const page = await phone(browser, server);
  const call = await Call.through(page, async (sdp) => (await negotiate(s, sdp, more)).sdp_answer, { label: 'voice-live-events', ...options });
  await s.event('session.created');
  return { s, call };
}

const types = async (call) => [...new Set((await call.events()).map((e) => e.type))];
const has = (call, type, n = 1) => until(type, async () => (await call.events()).filter((e) => e.type === type).length >= n, 30000);
const typed = (words) => ({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: words }] } });
const textual = { modalities: ['text'] };

async function rtcError(s, event) {
  s.send(event);
  const e = await s.event('rtc.call.error');
  assert.equal(e.operation, 'rtc.call.sdp.create');
  assert.equal(typeof e.event_id, 'string');
  assert.match(e.error.message, /\w/);
  assert.ok(['invalid_request_error', 'server_error'].includes(e.error.type));
  return e.error;
}

test('P-V01 the control channel is silent at first', async () => {
  for (const query of ['', '&agent-name=a&agent-project-name=p']) {
    const s = await connect(server, { path: CONTROL + query });
    await sleep(500); // nothing may come in this time
    assert.deepEqual(s.types(), []);
    assert.equal(s.closed, null);
  }
});

test('P-V02 the next frame is the answer', async () => {
  const s = await control();
  s.send(sdpCreate(offer()));
  const first = await s.until('its first frame', () => s.events[0]);
  assert.equal(first.type, 'rtc.call.sdp.created');
  members(first, 'type event_id rtc_call_id sdp_answer');
  assert.match(first.sdp_answer, /^v=0\r\n[^]*a=fingerprint:sha-256 /);
  assert.match(first.rtc_call_id, /^\w+$/);
  assert.equal(typeof first.event_id, 'string');
});

test('P-V03 then session.created, and updates', async () => {
  const s = await control();
  await negotiate(s, offer());
  const { session } = await s.event('session.created');
  assert.equal(s.types().indexOf('session.created'), 1);
  checkSession(VL, session);
  assert.equal((await s.update({ instructions: 'Controlled.' })).instructions, 'Controlled.');
});

test('P-V04 no offer', async () => {
  const s = await control();
  for (const event of [{ type: 'rtc.call.sdp.create' }, sdpCreate(''), sdpCreate(null), sdpCreate(7)]) {
    const error = await rtcError(s, event);
    assert.deepEqual([error.type, error.code], ['invalid_request_error', 'missing_sdp'], JSON.stringify(event));
  }
  assert.match((await negotiate(s, offer())).sdp_answer, /^v=0/);
  await s.event('session.created');
});

test('P-V05 a bad offer, and a second one', async () => {
  const s = await control();
  assert.equal((await rtcError(s, sdpCreate('v=0\r\nnonsense'))).type, 'invalid_request_error');
  const first = await negotiate(s, offer());
  await s.event('session.created');
  s.send(sdpCreate(offer()));
  const second = await s.event(/^rtc\.call\./);
  if (second.type === 'rtc.call.error') assert.deepEqual([second.error.code, second.rtc_call_id], ['call_already_exists', first.rtc_call_id]);
  else assert.match(second.sdp_answer, /^v=0/);
  await s.update({ instructions: 'Still there.' });
});

test('P-V06 functions on the socket, speech and words on the channel', async () => {
  const { s, call } = await make();
  await s.update({ tools: [tool('find_animal', 'Says where an animal lives.')], turn_detection: { type: 'server_vad', silence_duration_ms: 500 }, input_audio_transcription: { model: 'azure-speech' } });
  await call.speak(speak(CAT));
  await has(call, 'input_audio_buffer.speech_stopped');
  await has(call, 'conversation.item.input_audio_transcription.completed');
  await has(call, 'response.done');
  s.send(typed(CAT));
  s.send({ type: 'response.create', response: { tool_choice: 'required', modalities: ['text'] } });
  const { item } = await s.event('response.output_item.done', (e) => e.item.type === 'function_call');
  assert.equal(item.status, 'completed');
  await has(call, 'response.done', 2);
  const onSocket = new Set(s.types()), onChannel = await types(call);
  for (const t of ['response.function_call_arguments.delta', 'response.function_call_arguments.done', 'session.created', 'session.updated']) {
    assert.ok(onSocket.has(t), `${t} on the socket`);
    assert.ok(!onChannel.includes(t), `${t} not on the channel`);
  }
  for (const t of ['input_audio_buffer.speech_started', 'input_audio_buffer.speech_stopped', 'conversation.item.input_audio_transcription.completed',
    'response.audio_transcript.delta', 'response.audio_transcript.done', 'response.created', 'response.done']) assert.ok(onChannel.includes(t), `${t} on the channel`);
  for (const t of ['input_audio_buffer.speech_started', 'conversation.item.input_audio_transcription.completed', 'response.audio_transcript.delta'])
    assert.ok(!onSocket.has(t), `${t} not on the socket`);
});

test('P-V07 items go where their type belongs', async () => {
  const { s, call } = await make();
  await s.update({ tools: [tool('find_animal')] });
  s.send(typed(CAT));
  s.send({ type: 'response.create', response: { tool_choice: 'required', modalities: ['text'] } });
  const { item } = await s.event('response.output_item.done');
  await has(call, 'response.done');
  s.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: item.call_id, output: 'Pugwash.' } });
  s.send({ type: 'response.create', response: textual });
  await has(call, 'response.done', 2);
  const kinds = (events) => [...new Set(events.filter((e) => e.item).map((e) => e.item.type))].sort();
  assert.deepEqual(kinds(s.events), ['function_call', 'function_call_output']);
  assert.deepEqual(kinds(await call.events()), ['message']);
});

test('P-V08 without a data channel all is on the socket', async () => {
  const { s } = await make({ data: false });
  await s.update({ tools: [tool('find_animal', 'Says where an animal lives.')] });
  const events = await s.ask(CAT);
  for (const t of orders.VL.audio.filter((t) => !/audio\.delta$/.test(t))) assert.ok(events.some((e) => e.type === t), t);
  assert.ok(!s.types().some((t) => /audio\.delta$/.test(t)), 'the audio is media');
});

test('P-V09 client events on both channels, and the session of the offer', async () => {
  const { s, call } = await make({}, { session: { instructions: 'Of the offer.', voice: { type: 'azure-standard', name: 'en-US-AvaNeural' } } });
  const created = s.of('session.created')[0].session;
  assert.deepEqual([created.instructions, created.voice.name], ['Of the offer.', 'en-US-AvaNeural']);
  await call.send({ type: 'session.update', session: { instructions: 'Of the page.' } });
  assert.equal((await s.event('session.updated')).session.instructions, 'Of the page.');
  await call.send(typed(CAT));
  await call.send({ type: 'response.create', response: textual });
  await has(call, 'response.done');
  s.send(typed(FIRE));
  s.send({ type: 'response.create', response: textual });
  await has(call, 'response.done', 2);
  const said = (await call.events()).filter((e) => e.type === 'response.done').map((e) => e.response.output[0].content[0].text);
  assert.match(said[0], /Biscuit/);
  assert.match(said[1], /flagpole/);
  assert.equal((await s.refused({ type: 'response.cancel' })).code, 'response_cancel_not_active');
});

test('P-V10 the names are those of beta', async () => {
  const { s, call } = await make();
  s.send(typed(CAT));
  s.send({ type: 'response.create' });
  await has(call, 'response.done');
  const all = [...await call.events(), ...s.events].filter((e) => !e.type.startsWith('rtc.'));
  for (const e of all) if (!e.type.startsWith('output_audio_buffer.')) checkEvent(VL, e);
  assert.ok(all.some((e) => e.type === 'response.audio_transcript.delta'));
});

test('P-V11 no avatar here', async () => {
  const avatar = { type: 'session.avatar.connect', client_sdp: Buffer.from('{"type":"offer","sdp":"v=0"}').toString('base64') };
  const s = await control();
  await negotiate(s, offer());
  await s.event('session.created');
  const plain = await open(server, VL);
  for (const session of [s, plain]) {
    session.send(avatar);
    const e = await session.event(/^(error|warning)$/);
    assert.match((e.error ?? e.warning).message, /avatar/i);
    await session.update({ instructions: 'Still there.' });
  }
});

test('P-V12 a plain session needs no word of the client', async () => {
  const s = await connect(server, { dialect: VL });
  const first = await s.until('its first event', () => s.events[0]);
  assert.equal(first.type, 'session.created');
  const events = await s.ask(CAT);
  assert.deepEqual(firsts(events), orders.VL.audio);
  assert.ok(sound(events).length > 48000);
  checkStream(VL, s.events);
});

test('P-V13 agents by either spelling, without a model', async () => {
  const base = '/voice-live/realtime?api-version=2025-10-01';
  for (const query of ['agent-name=a&agent-project-name=p&agent-version=1&conversation-id=c', 'agent_id=a&project_id=p', 'agent-id=a&project-id=p&agent-access-token=t']) {
    const s = await connect(server, { path: `${base}&${query}`, dialect: VL });
    const { session } = await s.event('session.created');
    checkSession(VL, session);
    assert.match(answer(await s.ask(CAT, textual)), /Biscuit/);
  }
  for (const version of ['2025-05-01-preview', '2025-10-01', '2026-01-01-preview', '2026-04-10', '2026-07-15', '2031-12-31'])
    await (await connect(server, { path: `/voice-live/realtime?api-version=${version}&model=m` })).event('session.created');
});

// Offsets rise and stay within the sound; one event ends them, before their part is done.
function checkOffsets(events, list, end) {
  const offsets = list.map((e) => e.audio_offset_ms), ms = sound(events).length / 48;
  assert.deepEqual(offsets, offsets.toSorted((a, b) => a - b));
  assert.ok(offsets.every((o) => o >= 0 && o <= ms), `offsets within ${ms} ms`);
  const at = (type) => events.findIndex((e) => e.type === type);
  assert.equal(events.filter((e) => e.type === end).length, 1, end);
  assert.ok(at(end) < at('response.content_part.done'), `${end} before its part is done`);
}

test('P-V14 when each word comes', async () => {
  const s = await open(server, VL, { output_audio_timestamp_types: ['word'], turn_detection: null });
  const events = await s.ask(CAT), words = events.filter((e) => e.type === 'response.audio_timestamp.delta');
  checkStream(VL, events);
  assert.ok(words.length > 10, `${words.length} words`);
  checkOffsets(events, words, 'response.audio_timestamp.done');
  assert.ok(words.every((e) => e.timestamp_type === 'word' && e.audio_duration_ms > 0 && e.text.length > 0));
  assert.match(words.map((e) => e.text).join(' '), /cat.*Biscuit/);
  const quiet = await open(server, VL, { turn_detection: null });
  assert.deepEqual((await quiet.ask(CAT)).filter((e) => /timestamp|viseme/.test(e.type)), [], 'only who asks');
});

test('P-V14 when each mouth shape comes, beside the words', apart('P-V14 mouth shapes'), async () => {
  const s = await open(server, VL, { output_audio_timestamp_types: ['word'], animation: { outputs: ['viseme_id'] }, turn_detection: null });
  const events = await s.ask(CAT), visemes = events.filter((e) => e.type === 'response.animation_viseme.delta');
  checkStream(VL, events);
  assert.ok(visemes.length > 20, `${visemes.length} visemes`);
  checkOffsets(events, visemes, 'response.animation_viseme.done');
  assert.ok(visemes.every((e) => Number.isInteger(e.viseme_id) && e.viseme_id >= 0 && e.viseme_id <= 21));
  assert.ok(events.some((e) => e.type === 'response.audio_timestamp.delta'));
});

test('P-V15 frames are less than a mebibyte', async () => {
  const s = await connect(server, { dialect: VL, maxPayload: 1 << 20 });
  await s.event('session.created');
  await s.update({ instructions: 'Be brief. '.repeat(6000), tools: Array.from({ length: 10 }, (_, i) => tool(`f${i}`, 'x'.repeat(20000))), turn_detection: null });
  await s.say(spoken(CAT), { every: 0 });
  s.send({ type: 'input_audio_buffer.commit' });
  await s.event('conversation.item.created');
  await s.ask(CAT, { tool_choice: 'none' });
  for (const e of s.events) assert.ok(JSON.stringify(e).length < 1 << 20, e.type);
  assert.equal(s.closed, null);
});

test('P-V16 what was written before is spoken', async () => {
  const s = await open(server, VL, { turn_detection: null });
  const words = 'Welcome to the station. Mind the ice on the steps.';
  const events = await s.respond({ pre_generated_assistant_message: { type: 'message', role: 'assistant', content: [{ type: 'text', text: words }] } });
  assert.equal(answer(events), words);
  assert.ok(sound(events).length > 48000);
  checkStream(VL, events);
  const { item, previous_item_id } = last(events, 'conversation.item.created');
  assert.equal(previous_item_id, null);
  const [added] = await s.after(typed(CAT));
  assert.equal(added.previous_item_id, item.id, 'it is in the history');
});

test('P-V17 turns and texts in pieces', async () => {
  const s = await open(server, VL, { turn_detection: null, input_audio_transcription: { model: 'azure-speech' } });
  const speech = spoken(CAT);
  s.send({ type: 'input_audio.turn.start', turn_id: 't1' });
  for (let at = 0; at < speech.length; at += 9600) s.send({ type: 'input_audio.turn.append', turn_id: 't1', audio: speech.subarray(at, at + 9600).toString('base64') });
  s.send({ type: 'input_audio.turn.end', turn_id: 't1' });
  const { item_id } = await s.event('input_audio_buffer.committed');
  const { transcript } = await s.event('conversation.item.input_audio_transcription.completed', (e) => e.item_id === item_id);
  assert.match(transcript, /cat/);
  for (const event of [{ type: 'input_audio.turn.start', turn_id: 't2' }, { type: 'input_audio.turn.append', turn_id: 't2', audio: speech.toString('base64') },
    { type: 'input_audio.turn.cancel', turn_id: 't2' }, { type: 'input_audio.clear' }])
    assert.deepEqual((await s.after(event)).filter((e) => e.type !== 'input_audio_buffer.cleared'), [], event.type);
  assert.equal((await s.refused({ type: 'input_audio_buffer.commit' })).code, 'input_audio_buffer_commit_empty', 'it was dropped');
  for (const delta of ['Where should everyone ', 'gather when there is a fire?']) s.send({ type: 'input_text.delta', id: 'x1', delta });
  s.send({ type: 'input_text.done', id: 'x1' });
  const { item } = await s.event('conversation.item.created', (e) => e.item.content?.[0]?.type === 'input_text');
  assert.equal(item.content[0].text, FIRE);
  assert.match(answer(await s.respond(textual)), /flagpole/);
});

test('P-V18 a warning for what there is not', async () => {
  for (const session of [{ avatar: { character: 'lisa', style: 'casual-sitting', customized: false } }, { modalities: ['text', 'audio', 'avatar'] }, { animation: { outputs: ['blendshapes'] } }]) {
    const s = await open(server, VL);
    const v = await s.update({ ...session, instructions: 'Taken.' });
    assert.equal(v.instructions, 'Taken.');
    s.cursor = 0; // it may have come before the answer
    const { warning } = await s.event('warning');
    members(warning, 'message code? param?', 'warning');
    for (const x of Object.values(warning)) assert.equal(typeof x, 'string');
    assert.deepEqual(s.of('error'), []);
  }
});

test('P-V19 keys are in no log', async () => {
  for (const path of [`${VL.path}&api-key=${KEY}`, `${VL.path}&Authorization=Bearer%20${KEY}`, `${VL.path}&Authorization=Bearer+${KEY}`])
    await (await connect(keyed, { path })).event('session.created');
  await fetch(`${keyed.origin}/api/status?api-key=${KEY}`);
  await fetch(`${keyed.origin}/no/such/path?api-key=${KEY}`);
  await assert.rejects(connect(keyed, { path: `${VL.path}&api-key=${KEY}-wrong` }));
  await sleep(200); // what is written late
  assert.ok((keyed.log + keyed.out).length > 0);
  assert.ok(!(keyed.log + keyed.out).includes(KEY), 'the key was written');
  assert.ok(!(keyed.log + keyed.out).includes(KEY.slice(6)), 'nor a part of it');
});
