// P-R: responses: their order, their objects, how they end, and what a request may change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apart } from '../tools/server.mjs';
import { loudness, silence } from '../tools/session.mjs';
import { RT_CLIENT, checkDeltas, checkItem, checkResponse, checkStream, checkUsage, dialects, firsts, order, orders, settings } from '../tools/shapes.mjs';
import { CAT, FIRE, answer, hosted, last, open, sound, spoken, tool } from './harness.mjs';

const server = hosted();
const deaf = hosted({ decoders: 1 });
const { GA, BETA, AZURE, VL } = dialects;
const ALL = [GA, BETA, AZURE, VL];
const manual = (d) => settings.manual(d);
const own = (events) => events.filter((e) => !/^voiced\.|^rate_limits/.test(e.type));
const done = (events) => last(events, 'response.done').response;
const find = [tool('find_animal')];

test('P-R01 the order of a text response', async () => {
  for (const d of ALL) {
    const s = await open(server, d, settings.text(d));
    const events = own(await s.ask(CAT));
    assert.deepEqual(order(events), orders[d.name].text, d.name);
    checkStream(d, events);
    const part = events.find((e) => e.type === 'response.content_part.added');
    assert.deepEqual(part.part, { type: 'text', text: '' });
    assert.deepEqual([events[1].item.status, events[1].item.content], ['in_progress', []]);
    assert.deepEqual(last(events, 'response.content_part.done').part, { type: 'text', text: answer(events) });
  }
});

test('P-R02 the order of a spoken response', async () => {
  for (const d of ALL) {
    const s = await open(server, d, manual(d));
    const events = own(await s.ask(CAT));
    assert.deepEqual(firsts(events), orders[d.name].audio, d.name);
    checkStream(d, events);
    assert.deepEqual(events.find((e) => e.type === 'response.content_part.added').part, { type: 'audio', transcript: '' });
    assert.deepEqual(last(events, 'response.content_part.done').part, { type: 'audio', transcript: answer(events) });
    assert.equal(done(events).output[0].content[0].type, d.audio);
    assert.ok(loudness(sound(events)) > 300);
    for (const e of events.filter((e) => /audio\.delta$/.test(e.type))) assert.equal(Buffer.from(e.delta, 'base64').length % 2, 0, 'whole samples');
  }
});

test('P-R03 what is done is what came piece by piece', async () => {
  for (const d of ALL) {
    const s = await open(server, d, manual(d));
    assert.equal(checkDeltas(await s.ask(CAT)), 1);
    assert.equal(checkDeltas(await s.ask(FIRE, settings.text(d))), 1);
    const events = await s.ask(CAT, { tools: find, tool_choice: 'required' });
    assert.equal(checkDeltas(events), 1, 'the arguments of a call');
    assert.ok(events.some((e) => e.type === 'response.function_call_arguments.done'));
  }
});

test('P-R04 usage and output are empty at first and complete at last', async () => {
  for (const d of ALL) {
    const s = await open(server, d, settings.text(d));
    const events = await s.ask(CAT);
    const { response } = events[0];
    assert.deepEqual([response.status, response.status_details, response.output, response.usage], ['in_progress', null, [], null]);
    checkUsage(done(events).usage);
    assert.ok(done(events).usage.output_tokens > 0 && done(events).usage.input_tokens > 0);
    assert.equal(done(events).output.length, 1);
  }
});

test('P-R05 the response object of each dialect', async () => {
  for (const d of ALL) {
    const s = await open(server, d, { ...settings.voice(d, 'marin'), ...manual(d), ...(d.nested && { audio: { input: { turn_detection: null }, output: { voice: 'marin' } } }) });
    for (const { response } of (await s.ask(CAT)).filter((e) => e.response)) {
      checkResponse(d, response);
      if (d.nested) assert.deepEqual([response.output_modalities, response.audio.output], [['audio'], { format: { type: 'audio/pcm', rate: 24000 }, voice: 'marin' }]);
      else assert.deepEqual([response.modalities.toSorted(), response.voice, response.output_audio_format, response.temperature], [['audio', 'text'], 'marin', 'pcm16', 0.8]);
      assert.equal(response.max_output_tokens, 'inf');
    }
  }
});

test('P-R06 one response at a time', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d);
    s.type(CAT);
    s.send({ type: 'response.create' });
    const error = await s.refused({ type: 'response.create' });
    assert.deepEqual([error.type, error.code], ['invalid_request_error', 'conversation_already_has_active_response']);
    const { response } = s.of('response.created')[0];
    assert.match(error.message, new RegExp(`^Conversation already has an active response in progress: ${response.id}\\. Wait until the response is finished before creating a new one\\.`));
    assert.equal((await s.event('response.done')).response.status, 'completed');
    assert.equal(s.of('response.created').length, 1);
  }
});

test('P-R07 a response is cancelled', async () => {
  for (const d of [GA, BETA, VL]) {
    const s = await open(server, d);
    assert.equal((await s.refused({ type: 'response.cancel' })).code, 'response_cancel_not_active');
    s.type(CAT);
    s.send({ type: 'response.create' });
    await s.event(/audio\.delta$/);
    s.send({ type: 'response.cancel' });
    const { response } = await s.event('response.done');
    assert.deepEqual([response.status, response.status_details], ['cancelled', { type: 'cancelled', reason: 'client_cancelled' }]);
    checkStream(d, s.events);
    const error = await s.refused({ type: 'response.cancel' });
    assert.equal(error.code, 'response_cancel_not_active');
    assert.match(error.message, /Cancellation failed: no active response found/);
    assert.match(answer(await s.ask(CAT, settings.text(d))), /Biscuit/);
  }
});

test('P-R08 a response that is over cannot be cancelled', async () => {
  const s = await open(server, GA, settings.text(GA));
  const { id } = done(await s.ask(CAT));
  s.type(CAT);
  s.send({ type: 'response.create', response: { output_modalities: ['audio'] } });
  const error = await s.refused({ type: 'response.cancel', response_id: id });
  assert.equal(error.code, 'response_cancel_not_active');
  assert.equal((await s.event('response.done')).response.status, 'completed');
});

// Speaks into an answer that is being made.
async function interrupt(d, detection) {
  const s = await open(server, d, settings.detection(d, { type: 'server_vad', silence_duration_ms: 500, ...detection }));
  s.type(FIRE);
  s.send({ type: 'response.create' });
  await s.say(spoken(CAT, { before: 0.1, after: 0 }), { every: 0 });
  await s.event('input_audio_buffer.speech_started');
  return s;
}

test('P-R09 speech cuts an answer', async () => {
  for (const d of [GA, BETA, VL]) {
    const s = await interrupt(d, {});
    const { response } = await s.event('response.done');
    assert.deepEqual([response.status, response.status_details], ['cancelled', { type: 'cancelled', reason: 'turn_detected' }]);
    for (const item of response.output) assert.equal(item.status, 'incomplete');
    checkStream(d, s.events);
    const types = s.types();
    assert.ok(types.indexOf('input_audio_buffer.speech_started') < types.indexOf('response.done'));
    if (response.output.length) assert.equal(last(s.events, 'response.output_item.done').item.status, 'incomplete');
    await s.say(silence(1.5), { every: 0 });
    const next = await s.event('response.done');
    assert.equal(next.response.status, 'completed');
    assert.match(answer([next]), /Biscuit/);
  }
});

test('P-R10 speech cuts nothing where it must not', async () => {
  for (const d of [GA, BETA]) {
    const s = await interrupt(d, { interrupt_response: false });
    const { response } = await s.event('response.done');
    assert.equal(response.status, 'completed');
    assert.match(answer([{ type: 'response.done', response }]), /flagpole/);
  }
});

const aside = (metadata, more = {}) => ({ conversation: 'none', metadata, ...more });

test('P-R11 responses out of band', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d);
    s.type(CAT);
    s.send({ type: 'response.create' });
    for (const topic of ['one', 'two']) s.send({ type: 'response.create', response: aside({ topic }, settings.text(d)) });
    const finished = await s.until('all three', () => s.of('response.done').length === 3 && s.of('response.done'));
    assert.deepEqual(s.of('error'), []);
    assert.deepEqual(finished.map((e) => e.response.status), ['completed', 'completed', 'completed']);
    const mine = (topic) => s.events.filter((e) => e.response?.metadata?.topic === topic).map((e) => [e.type, e.response.conversation_id]);
    for (const topic of ['one', 'two']) assert.deepEqual(mine(topic), [['response.created', null], ['response.done', null]]);
    const loose = finished.filter((e) => e.response.conversation_id === null).flatMap((e) => e.response.output.map((i) => i.id));
    assert.equal(loose.length, 2);
    assert.deepEqual(s.events.filter((e) => /^conversation\.item/.test(e.type) && loose.includes(e.item?.id)), []);
    assert.equal(new Set(finished.map((e) => e.response.conversation_id)).size, 2, 'the third is of the conversation');
    checkStream(d, s.events);
  }
});

test('P-R12 a response with its own input', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d, settings.text(d));
    await s.after({ type: 'conversation.item.create', item: { id: 'about_cat', type: 'message', role: 'user', content: [{ type: 'input_text', text: CAT }] } });
    const message = { type: 'message', role: 'user', content: [{ type: 'input_text', text: FIRE }] };
    assert.doesNotMatch(answer(await s.respond(aside({}, { input: [] }))), /Biscuit/, 'an empty context');
    assert.match(answer(await s.respond(aside({}, { input: [message] }))), /flagpole/);
    assert.match(answer(await s.respond(aside({}, { input: [{ type: 'item_reference', id: 'about_cat' }] }))), /Biscuit/);
    const error = await s.refused({ type: 'response.create', response: aside({}, { input: [{ type: 'item_reference', id: 'nobody' }] }) });
    assert.equal(error.type, 'invalid_request_error');
    assert.match(error.param, /^response\.input/);
    assert.equal(s.of('response.created').length, 3);
  }
});

test('P-R13 what one response is told, the session forgets', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d, manual(d));
    const before = await s.update({});
    const events = await s.ask(CAT, { instructions: 'Only this once.', tools: [tool('never_called', 'Opens the pod bay doors.')], tool_choice: 'none', ...settings.text(d), ...settings.voice(d, 'cedar') });
    const response = done(events);
    assert.deepEqual(d.nested ? [response.output_modalities, response.audio.output.voice] : [response.modalities, response.voice], [['text'], 'cedar']);
    assert.deepEqual(sound(events).length, 0);
    assert.deepEqual(await s.update({}), before);
    assert.ok(sound(await s.ask(CAT)).length > 0, 'the next one is spoken');
  }
});

test('P-R14 a limit of tokens', async () => {
  for (const d of [GA, BETA, VL]) {
    const s = await open(server, d, settings.text(d));
    for (const limit of [{ max_output_tokens: 3 }, ...(d.nested ? [] : [{ max_response_output_tokens: 3 }])]) {
      const events = await s.ask(FIRE, limit), response = done(events);
      assert.deepEqual([response.status, response.status_details], ['incomplete', { type: 'incomplete', reason: 'max_output_tokens' }]);
      assert.equal(response.max_output_tokens, 3);
      assert.equal(response.output[0].status, 'incomplete');
      assert.equal(last(events, 'response.output_item.done').item.status, 'incomplete');
      assert.ok(answer(events).split(' ').length <= 3, answer(events));
      checkStream(d, own(events));
    }
  }
});

// Who holds the only decoder keeps others from being understood.
test('P-R15 what fails behind the session ends a response', apart('P-R15'), async () => {
  const busy = await open(deaf, GA, settings.detection(GA, { type: 'server_vad', silence_duration_ms: 500 }));
  const speech = spoken(CAT, { before: 0.1, after: 0 });
  let over = false;
  const holding = (async () => { while (!over) await busy.say(speech, { meanwhile: () => !over }); })();
  try {
    await busy.event('input_audio_buffer.speech_started');
    for (const d of [GA, BETA]) await misheard(d, speech);
  } finally {
    over = true;
    await holding;
  }
});

async function misheard(d, speech) {
  const s = await open(deaf, d, d.nested ? { audio: { input: { transcription: { model: 'whisper-1' }, turn_detection: { type: 'server_vad', silence_duration_ms: 500 } } } }
    : { input_audio_transcription: { model: 'whisper-1' }, turn_detection: { type: 'server_vad', silence_duration_ms: 500 } });
  await s.say(Buffer.concat([speech, silence(1)]), { every: 0 });
  await s.event('conversation.item.input_audio_transcription.failed');
  const { response } = await s.event('response.done');
  checkResponse(d, response);
  assert.equal(response.status, 'failed');
  assert.match(response.status_details.error.code, /^\w+$/);
  assert.match(answer(await s.ask(CAT, settings.text(d))), /Biscuit/, 'the session goes on');
  checkStream(d, s.events);
}

test('P-R16 a call begins empty', async () => {
  for (const d of ALL) {
    const s = await open(server, d, { ...settings.text(d), tools: find });
    const events = own(await s.ask(CAT, { tool_choice: 'required' }));
    assert.deepEqual(order(events), orders[d.name].call);
    const [added, entered] = events.slice(1);
    const { object, ...item } = added.item;
    assert.deepEqual(item, { id: item.id, type: 'function_call', status: 'in_progress', name: 'find_animal', call_id: item.call_id, arguments: '' });
    assert.match(item.call_id, /^call_\w{1,27}$/);
    assert.deepEqual([entered.item.id, entered.item.call_id, 'previous_item_id' in entered], [item.id, item.call_id, true]);
  }
});

test('P-R17 a call ends with its arguments', async () => {
  for (const d of ALL) {
    const s = await open(server, d, { ...settings.text(d), tools: find });
    const events = await s.ask(CAT, { tool_choice: 'required' });
    const end = last(events, 'response.function_call_arguments.done'), { item } = last(events, 'response.output_item.done');
    assert.deepEqual([item.status, item.name, item.call_id, item.arguments], ['completed', 'find_animal', end.call_id, end.arguments]);
    assert.equal(end.name, 'find_animal');
    assert.match(JSON.parse(end.arguments).query, /cat/i, 'filled from what was asked');
    assert.deepEqual([done(events).status, done(events).output.map((i) => i.type)], ['completed', ['function_call']]);
    await s.after({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: end.call_id, output: 'The station cat is called Captain Pugwash.' } });
    assert.match(answer(await s.respond()), /Pugwash/);
  }
});

test('P-R18 calls in parallel', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d, { ...settings.text(d), tools: [tool('search_handbook', 'Searches the handbook.'), tool('search_emergencies', 'Searches the pages on emergencies.')] });
    const events = await s.ask(CAT, { tool_choice: 'required', parallel_tool_calls: true });
    const calls = done(events).output;
    assert.deepEqual(calls.map((c) => [c.type, c.name]), [['function_call', 'search_handbook'], ['function_call', 'search_emergencies']]);
    assert.equal(new Set(calls.map((c) => c.call_id)).size, 2);
    assert.deepEqual(events.filter((e) => e.type === 'response.output_item.added').map((e) => e.output_index), [0, 1]);
    checkStream(d, own(events));
    for (const c of calls) await s.after({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: c.call_id, output: `${c.name} found nothing.` } });
    assert.equal(done(await s.respond({ tool_choice: 'none' })).status, 'completed');
  }
});

test('P-R19 tool_choice', async () => {
  const doors = tool('open_doors', 'Opens the pod bay doors.');
  for (const d of [GA, BETA]) {
    const s = await open(server, d, { ...settings.text(d), tools: [doors, ...find] });
    const called = async (tool_choice) => done(await s.ask(CAT, tool_choice && { tool_choice })).output.filter((i) => i.type === 'function_call').map((i) => i.name);
    assert.deepEqual(await called('none'), []);
    assert.equal((await called('required')).length > 0, true);
    assert.deepEqual(await called({ type: 'function', name: 'open_doors' }), ['open_doors']);
    assert.deepEqual(await called({ type: 'function', name: 'find_animal' }), ['find_animal']);
    await s.update({ tool_choice: 'none' });
    assert.deepEqual(await called(), [], 'of the session');
    const error = await s.refused({ type: 'response.create', response: { tool_choice: 'perhaps' } });
    assert.deepEqual([error.code, error.param], ['invalid_value', 'response.tool_choice']);
  }
});

test('P-R20 nothing follows response.done', async () => {
  for (const d of [GA, BETA, VL]) {
    const s = await open(server, d);
    await s.ask(CAT);
    s.type(FIRE);
    s.send({ type: 'response.create' });
    await s.event(/audio\.delta$/);
    s.send({ type: 'response.cancel' });
    await s.event('response.done');
    await s.ask(CAT, settings.text(d));
    await s.after({ type: 'response.cancel' });
    checkStream(d, s.events);
    for (const { response } of s.of('response.done')) {
      const at = s.events.findIndex((e) => e.type === 'response.done' && e.response.id === response.id);
      const items = response.output.map((i) => i.id);
      assert.deepEqual(s.events.slice(at + 1).filter((e) => e.response_id === response.id || items.includes(e.item_id ?? e.item?.id)), []);
    }
  }
});

test('P-R21 rate limits follow', async () => {
  for (const d of [GA, BETA, AZURE]) {
    const s = await open(server, d, settings.text(d));
    await s.ask(CAT);
    const { rate_limits } = await s.event('rate_limits.updated');
    assert.ok(rate_limits.length > 0);
    for (const r of rate_limits) assert.ok(['tokens', 'requests'].includes(r.name) && r.remaining <= r.limit);
    checkStream(d, s.events);
  }
});

test('P-R22 speed, voice and format of what is said', async () => {
  const seconds = async (output) => {
    const s = await open(server, GA, { audio: { input: { turn_detection: null }, output } });
    const octets = sound(await s.ask(CAT));
    return { s: octets.length / (output.format ? 8000 : 48000) };
  };
  const plain = await seconds({}), fast = await seconds({ speed: 1.5 }), slow = await seconds({ speed: 0.75 }), ulaw = await seconds({ format: { type: 'audio/pcmu' } });
  assert.ok(Math.abs(plain.s / fast.s - 1.5) < 0.15, `${plain.s} s, ${fast.s} s`);
  assert.ok(Math.abs(slow.s / plain.s - 1 / 0.75) < 0.15, `${plain.s} s, ${slow.s} s`);
  assert.ok(Math.abs(ulaw.s - plain.s) < 0.05 * plain.s, `${ulaw.s} s`);
  const again = await seconds({}), other = await seconds({ voice: 'ash' });
  assert.ok(Math.abs(again.s - plain.s) < 0.01 * plain.s, 'the same voice takes as long');
  assert.ok(Math.abs(other.s - plain.s) > 0.01 * plain.s, 'another one does not');
});

test('P-R23 a conversation that is too long', async () => {
  const long = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Nothing of this matters here. '.repeat(4000) }] }; // 28,000 tokens or so
  const s = await open(server, GA, { ...settings.text(GA), truncation: 'disabled' });
  for (let i = 0; i < 6; i++) s.send({ type: 'conversation.item.create', item: long });
  s.type(CAT);
  s.send({ type: 'response.create' });
  const refused = await s.until('an error or a failed response', () => s.of('error')[0] ?? s.of('response.done')[0]);
  assert.ok(refused.type === 'error' || refused.response.status === 'failed', JSON.stringify(refused).slice(0, 400));
  await s.update({ truncation: 'auto' });
  const events = await s.respond();
  assert.equal(done(events).status, 'completed');
  assert.match(answer(events), /Biscuit/);
  assert.ok(done(events).usage.input_tokens <= 32768, `${done(events).usage.input_tokens} tokens`);
});

test('P-R24 rt-client gets only what it knows', async () => {
  const s = await open(server, AZURE, { turn_detection: { type: 'server_vad', silence_duration_ms: 500 }, input_audio_transcription: { model: 'whisper-1' }, tools: [tool('find_animal', 'Says where an animal lives.')] });
  await s.say(Buffer.concat([spoken(CAT), silence(2)]), { every: 0 });
  await s.event('response.done');
  await s.until('its words', () => s.of('conversation.item.input_audio_transcription.completed')[0]);
  await s.ask(FIRE, { modalities: ['text'] });
  const call = done(await s.ask(CAT, { tool_choice: 'required' })).output[0];
  assert.equal(call.type, 'function_call');
  s.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: call.call_id, output: '{}' } });
  const { item } = s.events.findLast((e) => e.item?.type === 'message' && e.item.role === 'assistant');
  s.send({ type: 'conversation.item.delete', item_id: item.id });
  s.send({ type: 'input_audio_buffer.clear' });
  await s.event('input_audio_buffer.cleared');
  assert.deepEqual(firsts(s.events).filter((t) => t === 'error' || !RT_CLIENT.includes(t)), []);
});

test('P-R25 items say what they are where beta does', async () => {
  for (const d of [GA, BETA, AZURE]) {
    const s = await open(server, d, settings.text(d));
    const events = await s.ask(CAT);
    for (const item of s.events.filter((e) => e.item).map((e) => e.item).concat(done(events).output)) {
      checkItem(d, item);
      assert.equal(item.object, d.nested ? undefined : 'realtime.item');
    }
  }
});
