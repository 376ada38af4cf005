// Events that a client should not have sent, in each dialect: an error that says so and names the event, and the session goes on.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { serve } from '../tools/server.mjs';
import { closeAll, connect } from '../tools/session.mjs';

let server;

before(async () => {
  server = await serve({ decoders: 1 });
});
afterEach(closeAll);
after(() => server?.stop());

const dialects = {
  ga: { path: '/v1/realtime?model=x', update: { type: 'realtime' } },
  beta: { path: '/openai/realtime?api-version=2024-10-01-preview&deployment=x', update: {} },
  voice_live: { path: '/voice-live/realtime?api-version=2025-10-01&model=x', update: {} },
  ga_transcription: { path: '/v1/realtime?intent=transcription', update: { type: 'transcription' } },
  beta_transcription: { path: '/v1/realtime?intent=transcription', headers: { 'openai-beta': 'realtime=v1' }, update: {} },
};

async function open(name) {
  const { path, headers } = dialects[name];
  const s = await connect(server, { path, headers });
  await s.until('the first event', () => s.events.length);
  assert.match(s.events[0].type, /session\.created$/);
  return s;
}

// Sends all of these, each under an event_id of its own, and a session.update behind them: each must have been answered
// with one error, and nothing else may have come. `check` looks at each.
async function allWrong(s, name, events, check) {
  const from = s.events.length;
  events.forEach((e, i) => s.send({ event_id: `wrong-${i}`, ...e.event }));
  s.send({ type: 'session.update', event_id: 'right', session: dialects[name].update });
  await s.event('session.updated', (e) => s.events.indexOf(e) >= from);
  const came = s.events.slice(from, -1);
  events.forEach((e, i) => {
    const what = `${e.what}: ${JSON.stringify(e.event).slice(0, 300)}`;
    assert.equal(came[i]?.type, 'error', `${what} was answered with ${JSON.stringify(came[i])?.slice(0, 300)}`);
    const { error } = came[i];
    const told = `${what} was answered with ${JSON.stringify(error).slice(0, 400)}`;
    assert.equal(error.event_id, 'event_id' in e.event ? e.echoed ?? null : `wrong-${i}`, told);
    assert.equal(error.type, 'invalid_request_error', told);
    assert.ok(error.message.length > 10 && error.message.length < 800, told);
    assert.equal(typeof came[i].event_id, 'string');
    check?.(error, e, told);
    if (e.code) assert.equal(error.code, e.code, told);
    if (e.param !== undefined) assert.equal(error.param, e.param, told);
  });
  assert.equal(came.length, events.length, 'one error each');
}

// --- fields of another type, or without a meaning ------------------------------------------------------------------------

const samples = { boolean: true, integer: -7, real: -1.5, string: 'no such word', array: [{}], object: { no: 'such' } };
const ANY = Object.keys(samples);

// The paths of an event's fields, and the types of which a sample is right (or may be: what is kept as it is).
const turns = { 'turn_detection.type': [], 'turn_detection.threshold': [], 'turn_detection.prefix_padding_ms': [], 'turn_detection.silence_duration_ms': [], 'turn_detection.create_response': ['boolean'],
  'turn_detection.interrupt_response': ['boolean'] };
const heard = { model: ['string'], language: ['string'], prompt: ['string'] };
const under = (prefix, fields) => Object.fromEntries(Object.entries(fields).map(([k, v]) => [`${prefix}.${k}`, v]));
const shared = { instructions: ['string'], tools: [], tool_choice: [], parallel_tool_calls: ['boolean'] };
const input = { 'audio.input': ['object'], 'audio.input.format': [], 'audio.input.format.type': [], 'audio.input.format.rate': [], 'audio.input.transcription': ['object'], ...under('audio.input.transcription', heard),
  'audio.input.noise_reduction': [], 'audio.input.noise_reduction.type': [], 'audio.input.turn_detection': [], ...under('audio.input', turns), 'audio.input.turn_detection.idle_timeout_ms': [] };
const session = {
  ga: { type: [], ...shared, output_modalities: [], max_output_tokens: [], tracing: ['object'], truncation: [], include: [], audio: ['object'], ...input, 'audio.output': ['object'], 'audio.output.format': [], 'audio.output.voice': ['string'], 'audio.output.speed': [] },
  ga_transcription: { type: [], include: [], audio: ['object'], ...input },
};
session.beta = { ...shared, modalities: [], voice: ['string'], input_audio_format: [], output_audio_format: [], input_audio_transcription: ['object'], ...under('input_audio_transcription', heard), turn_detection: [], ...turns,
  input_audio_noise_reduction: [], 'input_audio_noise_reduction.type': [], temperature: [], max_response_output_tokens: [], max_output_tokens: [], speed: [], tracing: ['object'], include: [] };
session.voice_live = { ...session.beta, input_audio_sampling_rate: [], reasoning_effort: ['string'], output_audio_timestamp_types: [], 'turn_detection.auto_truncate': ['boolean'], 'turn_detection.remove_filler_words': ['boolean'],
  'turn_detection.type': ['string'], 'input_audio_noise_reduction.type': ['string'] }; // of a newer service: kept, and warned of
session.beta_transcription = { input_audio_format: [], input_audio_transcription: ['object'], ...under('input_audio_transcription', heard), turn_detection: [], ...turns, input_audio_noise_reduction: [], include: [] };

const message = (content) => ({ type: 'message', role: 'user', content });
const item = (fields, of) => [{ type: 'conversation.item.create', item: of }, under('item', fields)];
const audio = Buffer.alloc(960).toString('base64');
const everywhere = (name) => [
  [{ type: 'session.update', session: dialects[name].update }, { session: ['object'], ...under('session', session[name]) }, name.startsWith('ga') ? ['session', 'session.type'] : ['session']],
  [{ type: 'input_audio_buffer.append', audio }, { audio: [] }, ['audio']],
  [{ type: 'conversation.item.create', item: message([]) }, { item: [], previous_item_id: [] }, ['item']],
  [...item({ type: [], id: ['string'], role: [], content: [] }, message([])), ['item.type', 'item.content', 'item.role']],
  [...item({ 'content.0': [], 'content.0.type': [], 'content.0.text': ['string'] }, message([{ type: 'input_text', text: 'a' }])), ['item.content.0.text', 'item.content.0.type', 'item.content.0']],
  [...item({ 'content.0.audio': [], 'content.0.transcript': ['string'] }, message([{ type: 'input_audio', audio, transcript: 'a' }]))],
  [...item({ call_id: ['string'], name: ['string'], arguments: ['string'] }, { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' }), ['item.call_id', 'item.name', 'item.arguments']],
  [...item({ call_id: ['string'], output: ['string'] }, { type: 'function_call_output', call_id: 'c', output: 'o' }), ['item.call_id', 'item.output']],
  ...['retrieve', 'delete'].map((verb) => [{ type: `conversation.item.${verb}`, item_id: 'x' }, { item_id: [] }, ['item_id']]),
];
const realtime = (response) => [
  [{ type: 'conversation.item.truncate', item_id: 'x', content_index: 0, audio_end_ms: 0 }, { item_id: [], content_index: ['integer'], audio_end_ms: ['integer'] }, ['item_id', 'audio_end_ms']],
  [{ type: 'response.create', response: {} }, { response: ['object'], ...under('response', { conversation: [], input: [], 'input.0': [], metadata: ['object'], 'metadata.a': ['string'], ...shared, ...response }) }],
  [{ type: 'response.cancel' }, { response_id: [] }],
];
const flat = { modalities: [], voice: ['string'], output_audio_format: [], temperature: [], max_output_tokens: [], max_response_output_tokens: [] };
const events = {
  ga: [...everywhere('ga'), ...realtime({ output_modalities: [], max_output_tokens: [], audio: ['object'], 'audio.output': ['object'], 'audio.output.format': [], 'audio.output.voice': ['string'] })],
  beta: [...everywhere('beta'), ...realtime({ ...flat, commit: ['boolean'], cancel_previous: ['boolean'], input_items: [], append_input_items: [] })],
  voice_live: [...everywhere('voice_live'), ...realtime({ ...flat, commit: ['boolean'], cancel_previous: ['boolean'], input_items: [], append_input_items: [], pre_generated_assistant_message: ['object'], reasoning_effort: ['string'] }),
    [{ type: 'response.create' }, { additional_instructions: ['string'] }], [{ type: 'input_audio.turn.start', turn_id: 't' }, { turn_id: ['string'] }], [{ type: 'input_audio.turn.append', turn_id: 't', audio }, { turn_id: ['string'], audio: [] }, ['audio']],
    [{ type: 'input_audio.turn.end', turn_id: 't' }, { turn_id: ['string'] }], [{ type: 'input_audio.turn.cancel', turn_id: 't' }, { turn_id: ['string'] }], [{ type: 'input_text.delta', id: 'i', delta: 'd' }, { id: ['string'], delta: ['string'] }, ['id', 'delta']],
    [{ type: 'input_text.done', id: 'i' }, { id: [] }, ['id']]],
  ga_transcription: everywhere('ga_transcription'),
  beta_transcription: [...everywhere('beta_transcription'), [{ type: 'transcription_session.update', session: {} }, { session: ['object'], ...under('session', session.beta_transcription) }, ['session']]],
};

// A copy of the event in which the value at this path is another, or gone.
function altered(event, path, value) {
  const copy = structuredClone(event), words = path.split('.'), last = words.pop();
  let at = copy;
  for (const [i, w] of words.entries()) {
    at[w] ??= words[i + 1] === '0' || (i === words.length - 1 && last === '0') ? [] : {};
    if (w === 'turn_detection') at[w].type ??= 'server_vad';
    if (w === 'format') at[w].type ??= 'audio/pcm';
    at = at[w];
  }
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

// The place that an error names, without what stands in brackets: it must be the field, or what the field belongs to, or
// an object's part that was not understood.
const names = (param, path) => {
  const plain = path.replace(/\.\d+/g, ''), said = (param ?? '').replace(/\[\d+\]/g, '').replace('max_response_output', plain.includes('max_response') ? 'max_response_output' : 'max_output'); // two names of one thing
  return plain === said || plain.startsWith(`${said}.`) || said.startsWith(`${plain}.`) || (plain.startsWith('response.') && said.startsWith('item.'))
    || (plain.startsWith('response.') && plain.includes('input') && said === 'response.input');
};

for (const [name, list] of Object.entries(events)) {
  test(`${name}: a field of another type, or gone, is refused by name`, async (t) => {
    const wrong = [];
    for (const [event, fields, required = []] of list) {
      for (const [path, right] of Object.entries(fields)) {
        for (const type of ANY.filter((k) => !right.includes(k))) wrong.push({ what: `${path} is ${type}`, path, type, event: altered(event, path, samples[type]) });
      }
      for (const path of required) {
        wrong.push({ what: `${path} is missing`, path, event: altered(event, path) });
        wrong.push({ what: `${path} is null`, path, event: altered(event, path, null) });
      }
    }
    const s = await open(name);
    await allWrong(s, name, wrong, (error, { path, what, type }, told) => {
      assert.ok(['invalid_value', 'missing_required_parameter', ...(type === 'string' ? [/truncate|retrieve|delete/.exec(told), 'cancel'].map((v) => (v === 'cancel' ? 'response_cancel_not_active' : `item_${v}_invalid_item_id`)) : [])]
        .includes(error.code), told);
      assert.ok(names(error.param, path), told);
      if (what.endsWith('null') && !path.includes('content') && !path.includes('role')) assert.equal(error.code, 'missing_required_parameter', told);
    });
    t.diagnostic(`${wrong.length} events`);
  });
}

// --- envelopes, names, sizes -----------------------------------------------------------------------------------------------

const foreign = {
  ga: ['transcription_session.update', 'input_text.delta', 'input_audio.turn.start', 'mcp_approval_response'],
  beta: ['transcription_session.update', 'input_text.done', 'session.avatar.connect'],
  voice_live: ['transcription_session.update'],
  ga_transcription: ['response.create', 'response.cancel', 'conversation.item.truncate', 'transcription_session.update'],
  beta_transcription: ['response.create', 'output_audio_buffer.clear'],
};
const long = (n, c = 'x') => c.repeat(n);
const nested = (n) => JSON.parse(`${'['.repeat(n)}${']'.repeat(n)}`);

for (const name of Object.keys(dialects)) {
  test(`${name}: types and event_ids that are none`, async () => {
    const s = await open(name);
    const unknown = ['', ' ', 'no.such.event', 'session.created', 'error', 'response.done', 'Session.Update', 'session.update ', 'session', 'constructor', '__proto__', 'toString', '%s%n%x', '\u0001', '\u{1f600}'.repeat(30), long(10000), ...foreign[name]];
    await allWrong(s, name, [
      ...unknown.map((type) => ({ what: 'an unknown type', event: { type }, code: 'invalid_value', param: 'type' })),
      ...[true, 5, 1.5, [], {}].map((type) => ({ what: 'a type of another type', event: { type }, code: 'invalid_value', param: 'type' })),
      ...[{}, { type: null }].map((event) => ({ what: 'no type', event, code: 'missing_required_parameter', param: 'type' })),
      ...[true, 5, 1.5, [], {}].map((event_id) => ({ what: 'an event_id of another type', event: { type: 'input_audio_buffer.clear', event_id }, code: 'invalid_value', param: 'event_id' })),
      ...['', ' ', 'a', long(10000), '\u{1f600}\u0001"\\', '%s%n'].map((event_id) => ({ what: 'an event_id of any kind', event: { type: 'no.such.event', event_id }, echoed: event_id, code: 'invalid_value', param: 'type' })),
      { what: 'an event_id that is null', event: { type: 'no.such.event', event_id: null }, code: 'invalid_value', param: 'type' },
    ], (error, { what }, told) => {
      if (what !== 'an unknown type') return;
      const supported = events[name].map(([e]) => e.type); // all of them are listed
      for (const type of supported) assert.ok(error.message.includes(`'${type}'`), told);
      assert.ok(error.message.endsWith('.'), told);
    });
  });

  test(`${name}: texts that are no object, octets that are no text`, async () => {
    const s = await open(name);
    const texts = ['', ' ', '[]', '[{"type":"session.update"}]', '"session.update"', '5', 'true', 'null', '{', 'x', '{"type":"input_audio_buffer.clear"}{}', '\u0000', `{"x":${'['.repeat(64)}${']'.repeat(64)}}`, `{"x":${'{"a":'.repeat(100000)}1${'}'.repeat(100000)}}`, '['.repeat(1000000)];
    for (const text of texts) s.send(text);
    await s.until('an error each', () => s.of('error').length >= texts.length);
    for (const { error } of s.of('error')) assert.deepEqual([error.code, error.param, error.event_id], ['invalid_json', null, null], JSON.stringify(error));
    for (const n of [0, 1, 1000, 1 << 20]) s.send(Buffer.alloc(n, 0x7b));
    await s.until('an error each', () => s.of('error').length >= texts.length + 4);
    for (const { error } of s.of('error').slice(texts.length)) assert.deepEqual([error.code, error.param, error.event_id], ['invalid_event', null, null], JSON.stringify(error));
    await allWrong(s, name, []);
  });

  test(`${name}: ids, lists and texts that are too long`, async () => {
    const s = await open(name), id = long(10000), live = !name.includes('transcription');
    const say = (fields) => ({ type: 'conversation.item.create', item: { ...message([{ type: 'input_text', text: 'a' }]), ...fields } });
    await allWrong(s, name, [
      { what: 'an id of 10 kB', event: say({ id }), code: 'invalid_value', param: 'item.id' },
      { what: 'an empty id', event: say({ id: '' }), code: 'invalid_value', param: 'item.id' },
      { what: 'a role of 10 kB', event: say({ role: id }), code: 'invalid_value', param: 'item.role' },
      { what: 'a kind of 10 kB', event: say({ type: id }), code: 'invalid_value', param: 'item.type' },
      { what: 'a part of 10 kB', event: say({ content: [{ type: id }] }), code: 'invalid_value', param: 'item.content' },
      { what: 'a text of 300 kB', event: say({ content: [{ type: 'input_text', text: long(300000) }] }), code: 'invalid_value', param: 'item' },
      { what: 'a previous item of 10 kB', event: { ...say({}), previous_item_id: id }, code: 'invalid_value', param: 'previous_item_id' },
      ...['retrieve', 'delete', ...(live ? ['truncate'] : [])].map((verb) => ({ what: `${verb} an id of 10 kB`, event: { type: `conversation.item.${verb}`, item_id: id, content_index: 0, audio_end_ms: 0 }, code: `item_${verb}_invalid_item_id`, param: 'item_id' })),
      { what: 'audio that is none', event: { type: 'input_audio_buffer.append', audio: long(100001, '!') }, code: 'invalid_value', param: 'audio' },
      { what: 'more than 15 MiB of audio', event: { type: 'input_audio_buffer.append', audio: long(20.5 * 1024 * 1024 | 0, 'A') }, code: 'invalid_value', param: 'audio' },
      ...(live ? [
        { what: 'a response of 10 kB', event: { type: 'response.cancel', response_id: id }, code: 'response_cancel_not_active' },
        { what: 'instructions of 70 kB', event: { type: 'session.update', session: { ...dialects[name].update, instructions: long(70000) } }, code: 'invalid_value', param: 'session.instructions' },
        { what: 'a voice of 10 kB', event: { type: 'response.create', response: name === 'ga' ? { audio: { output: { voice: id } } } : { voice: id } }, code: 'invalid_value' },
        { what: '200 tools', event: { type: 'session.update', session: { ...dialects[name].update, tools: Array.from({ length: 200 }, (_, i) => ({ type: 'function', name: `f${i}` })) } }, code: 'invalid_value', param: 'session.tools' },
        { what: 'a tool with a name of 10 kB', event: { type: 'session.update', session: { ...dialects[name].update, tools: [{ type: 'function', name: id }] } }, code: 'invalid_value' },
        { what: 'a tool of 300 kB', event: { type: 'session.update', session: { ...dialects[name].update, tools: [{ type: 'function', name: 'f', description: long(300000) }] } }, code: 'invalid_value' },
        { what: '17 metadata', event: { type: 'response.create', response: { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, ''])) } }, code: 'invalid_value', param: 'response.metadata' },
        { what: 'a metadata key of 65', event: { type: 'response.create', response: { metadata: { [long(65)]: '' } } }, code: 'invalid_value', param: 'response.metadata' },
        { what: 'a metadata value of 513', event: { type: 'response.create', response: { metadata: { a: long(513) } } }, code: 'invalid_value', param: 'response.metadata' },
        { what: '3000 items', event: { type: 'response.create', response: { input: Array(3000).fill(message([])) } }, code: 'invalid_value', param: 'response.input' },
        { what: 'a reference of 10 kB', event: { type: 'response.create', response: { input: [{ type: 'item_reference', id }] } }, code: 'invalid_value', param: 'response.input' },
      ] : []),
      { what: 'a commit of nothing', event: { type: 'input_audio_buffer.commit' }, code: 'input_audio_buffer_commit_empty' },
    ]);
    // What is not known is passed over, however deep or long.
    s.send({ type: 'session.update', session: { ...dialects[name].update, nobody_knows: nested(55), [id]: id } });
    await s.event('session.updated');
    assert.equal(s.events.at(-1).session.nobody_knows, undefined);
  });
}

describe('after all of it', () => {
  for (const name of ['ga', 'beta', 'voice_live']) {
    test(`${name}: a question between wrong events is answered`, async () => {
      const s = await open(name);
      const bad = () => { for (const e of ['{', Buffer.from('x'), { type: 'x' }, { type: 'response.create', response: 5 }, { type: 'response.cancel', response_id: 'x' }]) s.send(e); };
      bad();
      s.send({ type: 'session.update', session: { ...dialects[name].update, [name === 'ga' ? 'output_modalities' : 'modalities']: ['text'] } });
      bad();
      s.send({ type: 'conversation.item.create', item: message([{ type: 'input_text', text: 'What is the station cat called?' }]) });
      bad();
      s.send({ type: 'response.create' });
      bad();
      const { response } = await s.event('response.done');
      assert.equal(response.status, 'completed');
      await s.until('the errors', () => s.of('error').length >= 20);
      assert.equal(s.of('response.done').length, 1);
    });
  }
});
