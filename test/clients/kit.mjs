// kit.mjs - what all clients are asked to do, and what must hold of the events that they get.
import assert from 'node:assert/strict';

const PATIENCE_MS = 30000;

// Questions about examples/, and what the answers say.
export const CAT = { text: 'What is the station cat called?', heard: /station cat/i, answer: /Biscuit/ };
export const FIRE = { text: 'Where should everyone gather when there is a fire?' };

// A function of the client that is about searching, so that the responder calls it.
export const BUS = {
  text: 'When does the last bus leave?', output: 'The last bus leaves at 23:40 from the main gate.', answer: /23:40/,
  tool: { type: 'function', name: 'search_timetable', description: 'Searches the bus timetable.', parameters: {
    $schema: 'http://json-schema.org/draft-07/schema#', type: 'object', additionalProperties: false,
    properties: { query: { type: 'string', description: 'what to search for' } }, required: ['query'] } },
};

// How the dialects name what we look at, and what must not come in them.
const beta = { text: 'response.text', audio: 'response.audio', transcript: 'response.audio_transcript', item: 'conversation.item.created',
  part: { text: 'text', audio: 'audio' },
  foreign: /^response\.output_(text|audio)|^conversation\.item\.(added|done)$|^conversation\.created$|^voiced\./ };
export const DIALECTS = {
  ga: { text: 'response.output_text', audio: 'response.output_audio', transcript: 'response.output_audio_transcript', item: 'conversation.item.added',
    part: { text: 'output_text', audio: 'output_audio' },
    foreign: /^response\.(text|audio|audio_transcript)\.|^conversation\.item\.created$|^voiced\./ },
  beta,
  'voice live': beta,
};

// All events that came, and a cursor: next() waits for one of a type behind the cursor and moves it there.
// An `error` that nobody waits for fails whoever waits for something else.
export class Events {
  all = [];
  cursor = 0;
  failure = null;
  #wake = new Set();

  push(event) {
    this.all.push(event);
    for (const wake of [...this.#wake]) wake();
  }

  // Nothing more will come, or something came that must not.
  fail(why) {
    this.failure ??= why instanceof Error ? why : new Error(String(why));
    for (const wake of [...this.#wake]) wake();
  }

  types(from = 0) {
    return this.all.slice(from).map((e) => e.type);
  }

  async next(type, fits = () => true, ms = PATIENCE_MS) {
    for (const end = Date.now() + ms; ;) {
      const at = this.all.findIndex((e, i) => i >= this.cursor && e.type === type && fits(e));
      if (at >= 0) {
        this.cursor = at + 1;
        return this.all[at];
      }
      const error = type !== 'error' && this.all.find((e, i) => i >= this.cursor && e.type === 'error');
      if (error) throw new Error(`an error instead of ${type}: ${JSON.stringify(error.error ?? error)}`);
      if (this.failure) throw new Error(`${this.failure.message}, before ${type}; came: ${this.runs()}`, { cause: this.failure });
      const left = end - Date.now();
      if (left <= 0) throw new Error(`waited ${ms} ms in vain for ${type}; came: ${this.runs()}`);
      await new Promise((resolve) => {
        const done = () => { this.#wake.delete(done); clearTimeout(timer); resolve(); };
        const timer = setTimeout(done, left);
        this.#wake.add(done);
      });
    }
  }

  runs() {
    return this.types().filter((t, i, all) => t !== all[i - 1]).join(' ') || 'nothing';
  }
}

// A session in a dialect. vad: undefined leaves turns to the client.
export function session(dialect, { text = false, vad, tools, instructions } = {}) {
  const turn_detection = vad ? { type: 'server_vad', threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 500, ...vad } : null;
  const own = { ...(tools && { tools, tool_choice: 'auto' }), ...(instructions && { instructions }) };
  const transcription = { model: dialect === 'voice live' ? 'azure-speech' : 'whisper-1' };
  if (dialect === 'ga')
    return { type: 'realtime', output_modalities: [text ? 'text' : 'audio'], audio: { input: { turn_detection, transcription } }, ...own };
  return { modalities: text ? ['text'] : ['text', 'audio'], turn_detection, input_audio_transcription: transcription, ...own };
}

const joined = (events, type) => events.filter((e) => e.type === type).map((e) => e.delta).join('');
export const said = (response) => response.output.flatMap((item) => item.content ?? []).map((part) => part.text ?? part.transcript).join(' ');

// What holds of any session's events (all from the first session.updated on, when the dialect is settled).
export function orderly(talk) {
  const { foreign, text, audio, transcript } = DIALECTS[talk.dialect];
  const settled = talk.events.all.findIndex((e) => e.type === 'session.updated');
  const events = talk.events.all.slice(Math.max(settled, 0));
  for (const e of events) {
    assert.doesNotMatch(e.type, foreign, `${e.type} is not of the dialect`);
    assert.equal(typeof e.event_id, 'string', `event_id of ${e.type}`);
  }
  assert.equal(new Set(events.map((e) => e.event_id)).size, events.length, 'every event has an id of its own');
  for (const created of events.filter((e) => e.type === 'response.created')) {
    const { id } = created.response;
    const own = events.filter((e) => e.response?.id === id || e.response_id === id);
    const done = own.filter((e) => e.type === 'response.done');
    assert.ok(done.length <= 1, `${done.length} × response.done`);
    const late = own.slice(own.indexOf(done[0]) + 1).filter((e) => done.length && !e.type.startsWith('output_audio_buffer.'));
    // Of two channels none waits for the other.
    if (!talk.channels) assert.deepEqual(late.map((e) => e.type), [], 'nothing after response.done');
    for (const [type, field] of [[`${text}.delta`, 'text'], [`${transcript}.delta`, 'transcript'], ['response.function_call_arguments.delta', 'arguments']])
      for (const end of own.filter((e) => e.type === type.replace(/delta$/, 'done')))
        assert.equal(joined(own.filter((e) => e.item_id === end.item_id && e.content_index === end.content_index), type), end[field], `${field} and its deltas`);
    if (talk.media === 'rtc') assert.deepEqual(own.filter((e) => e.type === `${audio}.delta`), [], 'sound goes over the media track');
    const { usage } = done[0]?.response ?? {};
    if (usage) {
      assert.ok(usage.input_token_details?.cached_tokens_details && usage.output_token_details, 'usage is complete');
      assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
    }
  }
}

// The features, for clients whose interface is the protocol's events:
//
//   talk.dialect, talk.media ('ws' | 'rtc')
//   talk.events, talk.send(event), talk.update(settings)
//   talk.say()     the spoken question about the cat; on a call it takes as long as it takes to say
//   talk.heard()   on a call: resolves when the answer is heard
// On a call sound comes all the time; without turn detection it would be kept for a turn.
const typing = (talk) => ({ text: true, ...(talk.media === 'rtc' && { vad: {} }) });
const message = (text) => ({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] } });
const ask = async (talk, { text }, response) => {
  await talk.send(message(text));
  await talk.events.next(DIALECTS[talk.dialect].item, (e) => e.item.role === 'user');
  await talk.send({ type: 'response.create', ...(response && { response }) });
};

async function text(talk) {
  const names = DIALECTS[talk.dialect];
  const { session: effective } = await talk.update({ ...typing(talk), instructions: 'Be brief.' });
  assert.equal(effective.instructions, 'Be brief.');
  assert.match(effective.id, /^sess_/);
  await ask(talk, CAT, { metadata: { topic: 'animals' } });
  const { response } = await talk.events.next('response.created');
  assert.equal(response.status, 'in_progress');
  const whole = await talk.events.next(`${names.text}.done`);
  assert.match(whole.text, CAT.answer);
  const done = await talk.events.next('response.done');
  assert.equal(done.response.id, response.id);
  assert.equal(done.response.status, 'completed', JSON.stringify(done.response.status_details));
  assert.deepEqual(done.response.metadata, { topic: 'animals' });
  assert.deepEqual(done.response.output[0].content.map((p) => [p.type, p.text]), [[names.part.text, whole.text]]);
}

// What follows a spoken question, up to the answer.
async function answered(talk, item_id) {
  const names = DIALECTS[talk.dialect];
  const heard = talk.events.all.findLast((e) => e.type === 'conversation.item.input_audio_transcription.completed' && e.item_id === item_id);
  const done = await talk.events.next('response.done');
  assert.equal(done.response.status, 'completed', JSON.stringify(done.response.status_details));
  // Where the words come late, they come after the answer.
  const transcription = heard ?? talk.events.all.find((e) => e.type === 'conversation.item.input_audio_transcription.completed' && e.item_id === item_id)
    ?? await talk.events.next('conversation.item.input_audio_transcription.completed', (e) => e.item_id === item_id);
  // How well it hears is measured elsewhere: a question that was misheard is asked once more (harness.mjs).
  if (!CAT.heard.test(transcription.transcript)) throw new Error(`misheard: "${transcription.transcript}"`);
  assert.match(said(done.response), CAT.answer);
  return { done, names };
}

async function voice(talk) {
  await talk.update({ vad: {} });
  const saying = talk.say();
  const started = await talk.events.next('input_audio_buffer.speech_started');
  const stopped = await talk.events.next('input_audio_buffer.speech_stopped');
  assert.equal(stopped.item_id, started.item_id);
  assert.ok(stopped.audio_end_ms > started.audio_start_ms, 'speech takes time');
  if (!talk.channels) {
    const committed = await talk.events.next('input_audio_buffer.committed');
    assert.equal(committed.item_id, started.item_id);
  }
  const { names } = await answered(talk, started.item_id);
  if (talk.media === 'ws') {
    const deltas = talk.events.all.filter((e) => e.type === `${names.audio}.delta`).map((e) => Buffer.from(e.delta, 'base64'));
    assert.ok(deltas.every((d) => d.length % 2 === 0), 'whole samples');
    assert.ok(Buffer.concat(deltas).length > 24000, 'half a second of sound at least');
  } else {
    await talk.heard();
  }
  await saying;
}

async function manual(talk) {
  const names = DIALECTS[talk.dialect];
  await talk.update({ text: true });
  await talk.say();
  await talk.send({ type: 'input_audio_buffer.commit' });
  const committed = await talk.events.next('input_audio_buffer.committed');
  assert.deepEqual(talk.events.types().filter((t) => /^response\.|speech_/.test(t)), [], 'nothing happens unasked');
  if (!talk.events.all.some((e) => e.type === names.item && e.item.id === committed.item_id))
    await talk.events.next(names.item, (e) => e.item.id === committed.item_id);
  await talk.send({ type: 'response.create' });
  await answered(talk, committed.item_id);
}

async function tool(talk) {
  await talk.update({ ...typing(talk), tools: [BUS.tool] });
  const asked = talk.events.cursor;
  await ask(talk, BUS, { tool_choice: 'required' });
  const added = await talk.events.next('response.output_item.added');
  assert.equal(added.item.type, 'function_call');
  assert.equal(added.item.status, 'in_progress');
  const { arguments: given } = await talk.events.next('response.function_call_arguments.done');
  assert.match(JSON.parse(given).query, /bus/i);
  const { item: call } = await talk.events.next('response.output_item.done');
  assert.deepEqual([call.type, call.name, call.status, call.arguments], ['function_call', BUS.tool.name, 'completed', given]);
  // Where events come by two channels, each has an order of its own.
  if (talk.channels) talk.events.cursor = asked;
  const first = await talk.events.next('response.done');
  assert.deepEqual([first.response.status, first.response.output.map((i) => i.type)], ['completed', ['function_call']]);
  await talk.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: call.call_id, output: BUS.output } });
  await talk.send({ type: 'response.create' });
  const { response } = await talk.events.next('response.done');
  assert.equal(response.status, 'completed', JSON.stringify(response.status_details));
  assert.match(said(response), BUS.answer);
}

// An answer that is being made is cut by the server; one that has been made and is still played, by the client.
async function bargeOnSocket(talk) {
  await talk.update({ vad: {} });
  await talk.send(message(FIRE.text));
  await talk.send({ type: 'response.create' });
  talk.say();
  const { response } = await talk.events.next('response.created');
  const speech = await talk.events.next('input_audio_buffer.speech_started');
  const { response: ended } = await talk.events.next('response.done');
  assert.equal(ended.id, response.id);
  assert.equal(ended.status, 'cancelled');
  assert.equal(ended.status_details.reason, 'turn_detected');
  assert.deepEqual(ended.output.filter((i) => i.status !== 'incomplete'), []);
  const { done: { response: { output: [item] } } } = await answered(talk, speech.item_id);
  talk.say();
  await talk.events.next('input_audio_buffer.speech_started');
  await talk.send({ type: 'conversation.item.truncate', item_id: item.id, content_index: 0, audio_end_ms: 700, event_id: 'cut' });
  const cut = await talk.events.next('conversation.item.truncated');
  assert.deepEqual([cut.item_id, cut.content_index, cut.audio_end_ms], [item.id, 0, 700]);
}

// The server plays the answer and knows what was heard of it.
async function bargeOnCall(talk) {
  await talk.update({ vad: {} });
  await ask(talk, FIRE);
  const { response_id } = await talk.events.next('output_audio_buffer.started');
  await talk.heard();
  const saying = talk.say();
  const speech = await talk.events.next('input_audio_buffer.speech_started');
  const cleared = await talk.events.next('output_audio_buffer.cleared');
  if (cleared.response_id) assert.equal(cleared.response_id, response_id);
  if (!talk.channels) await talk.events.next('conversation.item.truncated');
  await answered(talk, speech.item_id);
  await saying;
}

// Each is told of, and the session goes on.
async function errors(talk) {
  await talk.update(typing(talk));
  for (const [event, code, param] of [
    [{ type: 'no.such.event' }, 'invalid_value', 'type'],
    [{ type: 'response.cancel' }, 'response_cancel_not_active'],
    [{ type: 'input_audio_buffer.commit' }, talk.media === 'ws' && 'input_audio_buffer_commit_empty'],
    [{ type: 'conversation.item.delete', item_id: 'item_none' }, 'item_delete_invalid_item_id'],
  ]) {
    if (!code) continue;
    await talk.send({ ...event, event_id: `mine-${code}` });
    const { error } = await talk.events.next('error');
    assert.deepEqual([error.type, error.code, error.event_id], ['invalid_request_error', code, `mine-${code}`], JSON.stringify(error));
    if (param) assert.equal(error.param, param);
    assert.match(error.message, /\w/);
  }
  await ask(talk, CAT);
  assert.match(said((await talk.events.next('response.done')).response), CAT.answer);
}

export const features = { text, voice, manual, tool, errors,
  barge: (talk) => (talk.media === 'ws' ? bargeOnSocket : bargeOnCall)(talk) };
