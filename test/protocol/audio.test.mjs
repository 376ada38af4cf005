// P-A: audio in: the buffer, turns, and what was understood.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silence } from '../tools/session.mjs';
import { checkEvent, checkTranscriptionUsage, dialects, firsts, orders, settings } from '../tools/shapes.mjs';
import { CAT, FIRE, answer, hosted, open, spoken } from './harness.mjs';

const server = hosted();
const { GA, BETA, AZURE, VL } = dialects;
const WHISPER = { model: 'whisper-1' };
const VAD = { type: 'server_vad', silence_duration_ms: 500 };
const base64 = (b) => b.toString('base64');
const append = (s, pcm) => s.say(pcm, { every: 0 });
const listening = (d, detection = VAD, transcription = null) => (d.nested ? { output_modalities: ['text'], audio: { input: { turn_detection: detection, transcription } } }
  : { modalities: ['text'], turn_detection: detection, input_audio_transcription: transcription });
const TRANSCRIPTION = /input_audio_transcription/;

// Says something to an open session until its response is done; gives the events of the turn.
async function turn(s, text = CAT) {
  const from = s.events.length;
  await append(s, Buffer.concat([spoken(text), silence(2)]));
  await s.event('response.done');
  return s.events.slice(from);
}

// A second of speech, committed: the item's id.
async function commit(s, pcm = spoken(CAT)) {
  await append(s, pcm);
  s.send({ type: 'input_audio_buffer.commit' });
  return (await s.event('input_audio_buffer.committed')).item_id;
}

test('P-A01 append is not acknowledged; what is not base64 is an error', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d, settings.manual(d));
    assert.deepEqual(await s.after({ type: 'input_audio_buffer.append', audio: base64(silence(1)) }), []);
    for (const audio of ['%%%%', 'AAA', 'A', '====', 'AA=A', 'AAAA AAA', 7, null, undefined]) {
      const error = await s.refused({ type: 'input_audio_buffer.append', audio });
      assert.equal(error.param, 'audio', String(audio));
      assert.ok(['invalid_value', 'missing_required_parameter'].includes(error.code), error.code);
    }
    await commit(s, silence(0.2));
  }
});

test('P-A02 less than 100 ms cannot be committed', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d, settings.manual(d));
    for (const [ms, said] of [[0, '0.00'], [50, '50.00'], [49, '99.00']]) { // on top of each other
      s.send({ type: 'input_audio_buffer.append', audio: base64(silence(ms / 1000)) });
      const error = await s.refused({ type: 'input_audio_buffer.commit' });
      assert.equal(error.code, 'input_audio_buffer_commit_empty');
      assert.equal(error.message, `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${said}ms of audio.`);
    }
    await commit(s, silence(0.001));
  }
});

test('P-A03 a commit makes an item and no response', async () => {
  for (const d of [GA, BETA, VL]) {
    const s = await open(server, d, settings.manual(d));
    const from = s.events.length;
    const id = await commit(s);
    await s.after({ type: 'response.cancel' });
    const came = s.events.slice(from).filter((e) => e.type !== 'error');
    assert.deepEqual(came.map((e) => e.type), ['input_audio_buffer.committed', ...['conversation.item.added', 'conversation.item.done'].map(d.type).filter(Boolean)]);
    for (const e of came) {
      checkEvent(d, e);
      assert.equal(e.item_id ?? e.item.id, id);
    }
  }
});

test('P-A04 the item of a user who spoke', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d, settings.manual(d));
    const id = await commit(s);
    const { item } = await s.event(d.type('conversation.item.added'));
    const { object, ...plain } = item;
    assert.deepEqual(plain, { id, type: 'message', status: 'completed', role: 'user', content: [{ type: 'input_audio', transcript: null }] });
  }
});

test('P-A05 the order of a spoken turn', async () => {
  for (const d of [GA, BETA, VL]) {
    const s = await open(server, d, listening(d));
    const events = await turn(s);
    assert.deepEqual(firsts(events.filter((e) => !TRANSCRIPTION.test(e.type))).slice(0, orders[d.name].voice.length + 1), [...orders[d.name].voice, 'response.created']);
    const [started, stopped, committed, added] = orders[d.name].voice.map((type) => events.find((e) => e.type === type));
    for (const e of [stopped, committed]) assert.equal(e.item_id, started.item_id);
    assert.equal(added.item.id, started.item_id);
    for (const e of events) checkEvent(d, e);
    assert.match(answer(events), /Biscuit/);
  }
});

test('P-A06 previous_item_id', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d, settings.manual(d));
    const first = await commit(s, silence(0.3)), second = await commit(s, silence(0.3));
    const before = (id) => s.events.filter((e) => e.item?.id === id || e.item_id === id).filter((e) => 'previous_item_id' in e).map((e) => e.previous_item_id);
    await s.after({ type: 'response.cancel' });
    const n = d === GA ? 3 : 2;
    assert.deepEqual(before(first), Array(n).fill(null));
    assert.deepEqual(before(second), Array(n).fill(first));
  }
});

test('P-A07 times count the audio that came', async () => {
  const s = await open(server, GA, listening(GA));
  await append(s, silence(1));
  await turn(s);
  await turn(s, FIRE);
  const times = s.events.filter((e) => /speech_/.test(e.type)).map((e) => e.audio_start_ms ?? e.audio_end_ms);
  assert.equal(times.length, 4);
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
  const sent = (1 + 2 + 2) * 1000 + (spoken(CAT).length + spoken(FIRE).length) / 48;
  assert.ok(times[0] >= 900 && times[0] < 1700, `speech begins at ${times[0]} ms, after a second of silence and the file's 0.3 s`);
  assert.ok(times[3] <= sent, `${times[3]} of ${sent}`);
  const length = spoken(CAT).length / 48;
  assert.ok(times[1] > 1000 + length - 800 && times[1] < 1000 + length + 800, `${times[1]}: the silence window is in it`);
});

test('P-A08 turns without answers', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d, listening(d, { ...VAD, create_response: false }, WHISPER));
    await append(s, Buffer.concat([spoken(CAT), silence(2)]));
    await s.event('conversation.item.input_audio_transcription.completed');
    await append(s, silence(2));
    await s.after({ type: 'response.cancel' });
    assert.deepEqual(s.types().filter((t) => /^response\./.test(t)), []);
    assert.deepEqual(firsts(s.events.filter((e) => /^input_audio_buffer|^conversation\.item\.(added|done|created)/.test(e.type))), orders[d.name].voice);
  }
});

test('P-A09 without turn detection there are no turns', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d, settings.manual(d));
    await append(s, Buffer.concat([spoken(CAT), silence(2)]));
    assert.deepEqual((await s.after({ type: 'input_audio_buffer.clear' })).map((e) => e.type), ['input_audio_buffer.cleared']);
    assert.deepEqual(s.types().filter((t) => /speech_|committed/.test(t)), []);
  }
});

test('P-A10 clear empties the buffer', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d, settings.manual(d));
    await append(s, silence(1));
    s.send({ type: 'input_audio_buffer.clear' });
    checkEvent(d, await s.event('input_audio_buffer.cleared'));
    assert.equal((await s.refused({ type: 'input_audio_buffer.commit' })).code, 'input_audio_buffer_commit_empty');
  }
});

test('P-A11 who says nothing is asked', async () => {
  const s = await open(server, GA, listening(GA, { type: 'server_vad', idle_timeout_ms: 5000 }));
  await s.ask(CAT);
  const from = s.events.length;
  await append(s, silence(8)); // the clock of turns is the audio that comes; see also below
  const speaking = s.say(silence(8), { meanwhile: () => !s.of('response.created', from).length });
  const triggered = await s.event('input_audio_buffer.timeout_triggered');
  checkEvent(GA, triggered);
  assert.ok(triggered.audio_end_ms >= triggered.audio_start_ms);
  const committed = await s.event('input_audio_buffer.committed');
  assert.equal(committed.item_id, triggered.item_id);
  assert.equal((await s.event('conversation.item.added')).item.id, triggered.item_id);
  await s.event('response.created');
  await s.event('response.done');
  await speaking;
});

test('P-A12 transcription where it is wanted, and nowhere else', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d, settings.manual(d, WHISPER));
    const ids = [await commit(s), await commit(s, spoken(FIRE))];
    for (const id of ids) {
      const done = await s.until('its words', () => s.of('conversation.item.input_audio_transcription.completed').find((e) => e.item_id === id)); // in any order
      checkEvent(d, done);
      const parts = s.events.filter((e) => /transcription\.delta/.test(e.type) && e.item_id === id);
      if (parts.length) assert.equal(parts.map((e) => e.delta).join(''), done.transcript);
      assert.ok(s.events.findIndex((e) => e.type === d.type('conversation.item.added') && e.item.id === id) < s.events.indexOf(done), 'after its item');
    }
    await s.update(d.nested ? { audio: { input: { transcription: null } } } : { input_audio_transcription: null });
    const from = s.events.length;
    await commit(s);
    await s.ask(CAT, d.nested ? { output_modalities: ['text'] } : { modalities: ['text'] }); // its words are needed here, and are known now
    assert.deepEqual(s.types(from).filter((t) => TRANSCRIPTION.test(t)), []);
  }
});

test('P-A13 transcription says what it cost', async () => {
  const s = await open(server, GA, settings.manual(GA, WHISPER));
  await commit(s);
  const { usage } = await s.event('conversation.item.input_audio_transcription.completed');
  checkTranscriptionUsage(usage);
  if (usage.type === 'duration') assert.ok(Math.abs(usage.seconds - spoken(CAT).length / 48000) < 1.1, String(usage.seconds));
});

test('P-A14 no partial transcripts for rt-client', async () => {
  const s = await open(server, AZURE, listening(AZURE, VAD, WHISPER));
  await append(s, Buffer.concat([spoken(CAT), silence(2)]));
  await s.event('conversation.item.input_audio_transcription.completed');
  assert.deepEqual(s.of('conversation.item.input_audio_transcription.delta'), []);
});

test('P-A15 a client that commits beside the server makes no second item', async () => {
  // While the user speaks: that was the turn, and the silence behind it is none.
  const s = await open(server, GA, listening(GA, { ...VAD, create_response: false }, WHISPER));
  await append(s, spoken(CAT, { after: 0 }));
  s.send({ type: 'input_audio_buffer.commit' });
  const { item_id } = await s.event('input_audio_buffer.committed');
  await append(s, silence(2));
  await s.event('conversation.item.input_audio_transcription.completed');
  await s.after({ type: 'response.cancel' });
  assert.deepEqual([...new Set(s.of('conversation.item.added').map((e) => e.item.id))], [item_id]);
  assert.equal(s.of('input_audio_buffer.committed').length, 1);

  // Just behind the server's own commit: the question is answered all the same, and once.
  const late = await open(server, GA, listening(GA, VAD, WHISPER));
  await append(late, spoken(CAT));
  await late.event('input_audio_buffer.committed');
  late.send({ type: 'input_audio_buffer.commit' });
  await append(late, silence(2));
  await late.event('response.done');
  await late.until('its words', () => late.of('conversation.item.input_audio_transcription.completed').some((e) => /station cat/.test(e.transcript)));
  assert.match(answer(late.events), /Biscuit/);
  assert.equal(late.of('conversation.item.input_audio_transcription.completed').filter((e) => e.transcript).length, 1);
  assert.equal(late.of('response.created').length, 1);
});

test('P-A16 16 kHz where Voice Live says so', async () => {
  const s = await open(server, VL, { ...listening(VL, null, { model: 'azure-speech' }), input_audio_sampling_rate: 16000 });
  assert.equal((await s.update({})).input_audio_sampling_rate, 16000);
  const wide = spoken(CAT), narrow = Buffer.alloc(Math.floor(wide.length / 6) * 4);
  for (let i = 0; i < narrow.length / 2; i++) { // two of three samples, interpolated
    const at = i * 1.5, j = Math.floor(at);
    const a = wide.readInt16LE(j * 2), b = wide.readInt16LE(Math.min(j * 2 + 2, wide.length - 2));
    narrow.writeInt16LE(Math.round(a + (b - a) * (at - j)), i * 2);
  }
  s.send({ type: 'input_audio_buffer.append', audio: base64(narrow) });
  s.send({ type: 'input_audio_buffer.commit' });
  assert.match((await s.event('conversation.item.input_audio_transcription.completed')).transcript, /station cat/);
  s.send({ type: 'input_audio_buffer.append', audio: base64(Buffer.alloc(1600)) });
  assert.match((await s.refused({ type: 'input_audio_buffer.commit' })).message, /50\.00 ?ms/);
});
