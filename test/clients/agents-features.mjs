// agents-features.mjs - what @openai/agents-realtime is asked to do, in Node and, from its browser bundle, in a page.
//
//   sdk   the package's exports
//   io    media ('ws' | 'rtc'), transport(), url, key, mint(session), say(session), heard()
import assert from 'node:assert/strict';
import { BUS, CAT, Events, FIRE, orderly } from './kit.mjs';

const vad = { audio: { input: { turnDetection: { type: 'server_vad', silenceDurationMs: 500 } } } };

async function connect(sdk, io, { config, tools = [], key = io.key } = {}) {
  const agent = new sdk.RealtimeAgent({ name: 'guide', instructions: 'Be brief.', tools });
  const session = new sdk.RealtimeSession(agent, { transport: io.transport(), ...(config && { config }) });
  const events = new Events(), sound = [], faults = [];
  session.transport.on('*', (e) => events.push(e));
  session.on('audio', ({ data }) => sound.push(data));
  session.on('error', (e) => {
    faults.push(e);
    if (e.error?.type !== 'error') events.fail(e.error ?? e); // what the server says is in the events
  });
  await session.connect({ apiKey: key, url: io.url });
  return { session, events, sound, faults, dialect: 'ga', media: io.media };
}

const answers = (history) => history.filter((i) => i.type === 'message' && i.role === 'assistant' && i.status === 'completed')
  .flatMap((i) => i.content).map((p) => p.text ?? p.transcript).join(' ');
const questions = (history) => history.filter((i) => i.type === 'message' && i.role === 'user')
  .flatMap((i) => i.content).map((p) => p.text ?? p.transcript).join(' ');

// The answer to what was asked, as the SDK keeps it.
async function answer(talk, pattern) {
  const { response } = await talk.events.next('response.done', (e) => e.response.status !== 'cancelled');
  assert.equal(response.status, 'completed', JSON.stringify(response.status_details));
  assert.match(answers(talk.session.history), pattern);
}

async function heardAs(talk, pattern) {
  if (!pattern.test(questions(talk.session.history))) await talk.events.next('conversation.item.input_audio_transcription.completed');
  assert.match(questions(talk.session.history), pattern);
}

const features = {
  async text(talk) {
    talk.session.sendMessage(CAT.text);
    await answer(talk, CAT.answer);
    assert.match(questions(talk.session.history), CAT.heard);
    assert.ok(talk.events.all.some((e) => e.type === 'session.updated' && e.session.instructions === 'Be brief.'));
  },

  async voice(talk, io) {
    const saying = io.say(talk.session);
    await answer(talk, CAT.answer);
    if (io.media === 'ws') assert.ok(talk.sound.reduce((n, d) => n + d.byteLength, 0) > 24000, 'half a second of sound at least');
    else await io.heard();
    await heardAs(talk, CAT.heard);
    await saying;
  },

  async manual(talk, io) {
    if (io.media === 'ws') {
      await io.say(talk.session, { commit: true });
    } else {
      await io.say(talk.session);
      talk.session.transport.sendEvent({ type: 'input_audio_buffer.commit' });
    }
    await talk.events.next('input_audio_buffer.committed');
    talk.session.transport.requestResponse();
    await answer(talk, CAT.answer);
    await heardAs(talk, CAT.heard);
  },

  async tool(talk) {
    talk.session.sendMessage(BUS.text);
    await talk.events.next('response.done');
    await answer(talk, BUS.answer);
    assert.equal(talk.called.length, 1);
    assert.match(talk.called[0].query, /bus/i);
    const call = talk.session.history.find((i) => i.type === 'function_call');
    assert.deepEqual([call.name, call.status, call.output], [BUS.tool.name, 'completed', BUS.output]);
  },

  async barge(talk, io) {
    let interrupted = 0;
    talk.session.on('audio_interrupted', () => interrupted++);
    talk.session.sendMessage(FIRE.text);
    if (io.media === 'ws') {
      await talk.events.next('response.output_audio.delta');
      io.say(talk.session);
      await talk.events.next('input_audio_buffer.speech_started');
      await talk.events.next('conversation.item.truncated');
      assert.equal(interrupted, 1);
    } else {
      await talk.events.next('output_audio_buffer.started');
      await io.heard();
      talk.session.interrupt();
      await talk.events.next('output_audio_buffer.cleared');
      talk.session.sendMessage(FIRE.text);
      await talk.events.next('output_audio_buffer.started');
      await io.heard();
      const saying = io.say(talk.session);
      await talk.events.next('output_audio_buffer.cleared');
      await talk.events.next('conversation.item.truncated');
      await saying;
    }
    await answer(talk, CAT.answer);
  },

  async errors(talk) {
    talk.session.transport.sendEvent({ type: 'no.such.event', event_id: 'mine' });
    const { error } = await talk.events.next('error');
    assert.deepEqual([error.code, error.param, error.event_id], ['invalid_value', 'type', 'mine']);
    assert.equal(talk.faults.length, 1);
    talk.session.sendMessage(CAT.text);
    await answer(talk, CAT.answer);
  },
};

const CONFIG = { voice: vad, barge: vad, text: { outputModalities: ['text'] }, errors: { outputModalities: ['text'] },
  manual: { audio: { input: { turnDetection: null } } } };

export async function run(sdk, io, feature) {
  const called = [];
  const { name, description, parameters } = BUS.tool;
  const tools = feature === 'tool' ? [sdk.tool({ name, description, parameters, strict: true,
    execute: async (input) => { called.push(input); return BUS.output; } })] : [];
  const key = feature === 'secret' ? await io.mint({ type: 'realtime', audio: { output: { voice: 'sage' } } }) : io.key;
  const talk = { called, ...await connect(sdk, io, { config: CONFIG[feature], tools, key }) };
  await features[feature === 'secret' ? 'text' : feature](talk, io);
  orderly(talk);
  if (feature === 'secret') assert.equal(talk.events.all.find((e) => e.type === 'session.created').session.audio.output.voice, 'sage');
  if (feature === 'errors') await refused(sdk, io);
  talk.session.close();
}

// A key that is wrong: connect() rejects, or the session says it at once.
async function refused(sdk, io) {
  const wrong = 'ek_that_is_wrong';
  if (io.media === 'rtc') {
    await assert.rejects(connect(sdk, io, { key: wrong }), /status 401: \w/);
    return;
  }
  const { events, session } = await connect(sdk, io, { key: wrong });
  assert.equal((await events.next('error')).error.code, 'invalid_api_key');
  assert.ok(!events.types().includes('session.created'));
  session.close();
}
