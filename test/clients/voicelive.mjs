// voicelive.mjs - @azure/ai-voicelive: its own names for everything, and only what it knows of the protocol.
import assert from 'node:assert/strict';
import { VoiceLiveClient } from '@azure/ai-voicelive';
import { pcm } from '../tools/session.mjs';
import { BUS, CAT, Events, FIRE, said } from './kit.mjs';

const PIECE = 4800; // 100 ms

async function connect(row, key = row.key) {
  const session = new VoiceLiveClient(row.origin, { key }).createSession({ model: 'gpt-realtime' });
  const events = new Events();
  session.subscribe({ onServerEvent: async (e) => events.push(e), onError: async (e) => events.fail(e.error),
    onDisconnected: async (e) => events.fail(`disconnected: ${e.reason}`) });
  await session.connect();
  const sound = pcm(row.speech.cat);
  return { session, events,
    update: async (settings) => {
      await session.updateSession(settings);
      return (await events.next('session.updated')).session;
    },
    ask: async (text, response) => {
      await session.addConversationItem({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] });
      await events.next('conversation.item.created', (e) => e.item.role === 'user');
      await session.sendEvent({ type: 'response.create', ...(response && { response }) });
    },
    say: async () => {
      for (let at = 0; at < sound.length; at += PIECE) await session.sendAudio(new Uint8Array(sound.subarray(at, at + PIECE)));
    } };
}

const spoken = { modalities: ['text', 'audio'], voice: { type: 'azure-standard', name: 'en-US-AvaNeural' },
  inputAudioTranscription: { model: 'azure-speech' } };
const vad = { type: 'azure_semantic_vad', silenceDurationInMs: 500, removeFillerWords: false };

async function completed(talk, pattern) {
  const { response } = await talk.events.next('response.done');
  assert.equal(response.status, 'completed', JSON.stringify(response.statusDetails));
  assert.match(said(response), pattern);
  return response;
}

async function transcribed(talk) {
  const before = talk.events.all.find((e) => e.type === 'conversation.item.input_audio_transcription.completed');
  assert.match((before ?? await talk.events.next('conversation.item.input_audio_transcription.completed')).transcript, CAT.heard);
}

const features = {
  async text(talk) {
    const effective = await talk.update({ modalities: ['text'], instructions: 'Be brief.' });
    assert.equal(effective.instructions, 'Be brief.');
    assert.ok(talk.session.sessionId);
    await talk.ask(CAT.text);
    const { usage } = await completed(talk, CAT.answer);
    if (usage) assert.ok(usage.inputTokenDetails.cachedTokensDetails);
    assert.match(talk.events.all.filter((e) => e.type === 'response.text.delta').map((e) => e.delta).join(''), CAT.answer);
  },

  async voice(talk) {
    const effective = await talk.update({ ...spoken, turnDetection: vad, inputAudioNoiseReduction: { type: 'azure_deep_noise_suppression' },
      inputAudioEchoCancellation: { type: 'server_echo_cancellation' } });
    assert.deepEqual([effective.turnDetection.type, effective.voice.name], [vad.type, spoken.voice.name]);
    talk.say();
    const started = await talk.events.next('input_audio_buffer.speech_started');
    const stopped = await talk.events.next('input_audio_buffer.speech_stopped');
    assert.equal(started.itemId, stopped.itemId);
    await completed(talk, CAT.answer);
    await transcribed(talk);
    const octets = talk.events.all.filter((e) => e.type === 'response.audio.delta').reduce((n, e) => n + e.delta.byteLength, 0);
    assert.ok(octets > 24000, 'half a second of sound at least');
  },

  async manual(talk) {
    await talk.update({ ...spoken, turnDetection: null });
    await talk.say();
    await talk.session.sendEvent({ type: 'input_audio_buffer.commit' });
    await talk.events.next('input_audio_buffer.committed');
    await talk.session.sendEvent({ type: 'response.create' });
    await completed(talk, CAT.answer);
    await transcribed(talk);
  },

  async tool(talk) {
    await talk.update({ modalities: ['text'], tools: [BUS.tool], toolChoice: 'auto' });
    await talk.ask(BUS.text, { toolChoice: 'required' });
    const call = await talk.events.next('response.function_call_arguments.done');
    assert.match(JSON.parse(call.arguments).query, /bus/i);
    await talk.events.next('response.done');
    await talk.session.addConversationItem({ type: 'function_call_output', callId: call.callId, output: BUS.output });
    await talk.session.sendEvent({ type: 'response.create' });
    await completed(talk, BUS.answer);
  },

  async barge(talk) {
    await talk.update({ ...spoken, turnDetection: { ...vad, interruptResponse: true } });
    await talk.ask(FIRE.text);
    talk.say();
    await talk.events.next('input_audio_buffer.speech_started');
    const { response } = await talk.events.next('response.done');
    assert.deepEqual([response.status, response.statusDetails?.reason], ['cancelled', 'turn_detected']);
    const { output: [item] } = await completed(talk, CAT.answer);
    await talk.session.sendEvent({ type: 'conversation.item.truncate', itemId: item.id, contentIndex: 0, audioEndInMs: 700 });
    const cut = await talk.events.next('conversation.item.truncated');
    assert.equal(cut.itemId, item.id);
  },

  async errors(talk, row) {
    await talk.update({ modalities: ['text'] });
    await talk.session.sendEvent({ type: 'conversation.item.delete', itemId: 'item_none', eventId: 'mine' });
    const { error } = await talk.events.next('error');
    assert.deepEqual([error.code, error.eventId], ['item_delete_invalid_item_id', 'mine']);
    await assert.rejects(connect(row, 'a-key-that-is-wrong'));
    await talk.ask(CAT.text);
    await completed(talk, CAT.answer);
  },
};

// Voice Live has no secrets of its own; ours open its sessions too.
async function mint(row) {
  const answer = await fetch(`${row.origin}/v1/realtime/client_secrets`, { method: 'POST', body: '{}',
    headers: { authorization: `Bearer ${row.key}`, 'content-type': 'application/json' } });
  assert.equal(answer.status, 200);
  return (await answer.json()).value;
}

export async function run(row, feature) {
  const talk = await connect(row, feature === 'secret' ? await mint(row) : row.key);
  await features[feature === 'secret' ? 'text' : feature](talk, row);
  assert.deepEqual(talk.events.all.filter((e) => e.error?.code === 'MessageParsingError'), [], 'the client can read all events');
  await talk.session.dispose();
}
