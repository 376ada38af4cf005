// A session over WebSocket against the real program: what a client sends, what comes, and in which order.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { ingest, root, serve, sleep, temporary, until } from '../tools/server.mjs';
import { closeAll, connect, converse, loudness, pcm, silence } from '../tools/session.mjs';
import { speak } from '../tools/speech.mjs';

const CAT = 'What is the station cat called?';
const manual = { turn_detection: null, transcription: { model: 'voiced' } };
let server;

before(async () => {
  server = await serve({ data: ingest([join(root, 'examples')]) });
});
after(() => server?.stop());
afterEach(closeAll);

// The types in order, runs of one type once; what depends on how the answer was cut is left out.
const order = (events) => events.map((e) => e.type).filter((t, i, all) => t !== all[i - 1]);
const joined = (events, type) => events.filter((e) => e.type === type).map((e) => e.delta).join('');
const sound = (events) => Buffer.concat(events.filter((e) => e.type === 'response.output_audio.delta')
  .map((e) => Buffer.from(e.delta, 'base64')));
const last = (events, type) => events.findLast((e) => e.type === type);
const sessions = async () => Number((await (await fetch(`${server.origin}/metrics`)).text())
  .match(/^voiced_sessions (\d+)$/m)[1]);

// The beginning of a text frame of n octets (RFC 6455, 5.2), masked with zeros.
function frameBeginning(n) {
  const head = Buffer.alloc(14 + 1000);
  head[0] = 0x81;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(n), 2);
  return head;
}

// One item, one part, and the same ids in all of its events.
function checkIds(events) {
  const { response } = events[0];
  const item = last(events, 'response.done').response.output[0];
  for (const e of events) {
    if (e.response_id) assert.equal(e.response_id, response.id, e.type);
    if (e.item_id) assert.equal(e.item_id, item.id, e.type);
  }
  assert.equal(new Set(events.map((e) => e.event_id)).size, events.length, 'every event has an id of its own');
  return item;
}

test('session.created comes first, with an id and the effective session', async () => {
  const s = await connect(server, { path: '/v1/realtime?model=gpt-realtime' });
  const first = await s.until('any event', () => s.events[0]);
  assert.equal(first.type, 'session.created');
  assert.match(first.session.id, /^sess_\w{16,}$/);
  assert.equal(first.session.model, 'gpt-realtime');
  assert.deepEqual(first.session.audio.output.format, { type: 'audio/pcm', rate: 24000 });
  const updated = await s.update({ instructions: 'Be brief.' });
  assert.equal(updated.id, first.session.id);
  assert.equal(updated.instructions, 'Be brief.');
  assert.equal(updated.model, 'gpt-realtime', 'the whole session, not the patch');
});

test('a typed question is answered in text, with its source', async () => {
  const s = await converse(server, { output_modalities: ['text'], include: ['voiced.sources'] });
  const events = await s.ask(CAT);
  assert.deepEqual(order(events.filter((e) => e.type !== 'voiced.response.sources')), [
    'response.created', 'response.output_item.added', 'conversation.item.added',
    'response.content_part.added', 'response.output_text.delta', 'response.output_text.done',
    'response.content_part.done', 'conversation.item.done', 'response.output_item.done', 'response.done']);
  const item = checkIds(events);
  const { text } = last(events, 'response.output_text.done');
  assert.match(text, /Biscuit/);
  assert.equal(joined(events, 'response.output_text.delta'), text);
  assert.deepEqual(last(events, 'response.content_part.done').part, { type: 'text', text });
  assert.deepEqual(item.content, [{ type: 'output_text', text }]);
  assert.equal(last(events, 'response.done').response.status, 'completed');
  const { sources: [source] } = last(events, 'voiced.response.sources');
  assert.equal(source.file, 'staff-handbook.md');
  const told = await (await fetch(`${server.origin}/api/documents/${source.document}/text?start=${source.start}&end=${source.end}`)).json();
  assert.match(told.text, /Biscuit/, 'the source is a place in the document');
});

test('a question that came to nothing is quoted, and does not spoil the next', async (t) => {
  const folder = temporary();
  writeFileSync(join(folder, 'fennibar.md'), '# The fennibar\n\nA fennibar is used for turning the dome by hand.\n');
  const other = await serve({ data: ingest([join(root, 'examples'), folder]) });
  t.after(() => other.stop());
  const s = await converse(other, { output_modalities: ['text'] });
  const ask = async (text) => (await s.ask(text)).at(-1).response.output[0].content[0].text;
  assert.equal(await ask('Who is the emperor of Japan?'), 'I found nothing about the emperor of Japan in your documents.');
  assert.match(await ask('What is a fennibar used for?'), /turning the dome by hand/);
  assert.equal(await ask('Who knighted the porter?'), 'I found nothing about "Who knighted the porter" in your documents.');
  assert.match(await ask('And what is it used for?'), /turning the dome by hand/, 'it: what was answered last');
});

test('a typed question is answered aloud, in PCM16 at 24 kHz', async () => {
  const s = await converse(server, { audio: { input: manual } });
  const events = await s.ask(CAT);
  assert.deepEqual(order(events).filter((t) => !/audio(_transcript)?\.delta$/.test(t)), [
    'response.created', 'response.output_item.added', 'conversation.item.added',
    'response.content_part.added', 'response.output_audio.done', 'response.output_audio_transcript.done',
    'response.content_part.done', 'conversation.item.done', 'response.output_item.done', 'response.done']);
  const item = checkIds(events);
  const { transcript } = last(events, 'response.output_audio_transcript.done');
  assert.match(transcript, /Biscuit/);
  assert.equal(joined(events, 'response.output_audio_transcript.delta'), transcript);
  assert.equal(item.content[0].transcript, transcript);
  const types = order(events);
  assert.ok(types.indexOf('response.output_audio_transcript.delta') < types.indexOf('response.output_audio.delta'),
    'words before their sound');
  const heard = sound(events);
  assert.ok(loudness(heard) > 300, `loudness ${loudness(heard)}`);

  // Only right samples at the right rate are words again when they are sent back as a question.
  for (let at = 0; at < heard.length; at += 1 << 17)
    s.send({ type: 'input_audio_buffer.append', audio: heard.subarray(at, at + (1 << 17)).toString('base64') });
  s.send({ type: 'input_audio_buffer.commit' });
  const back = await s.event('conversation.item.input_audio_transcription.completed');
  assert.match(back.transcript, /station cat is called/);
});

test('one response may differ from the session', async () => {
  const s = await converse(server);
  const events = await s.ask(CAT, { output_modalities: ['text'], metadata: { topic: 'animals' } });
  assert.match(last(events, 'response.output_text.done').text, /Biscuit/);
  assert.deepEqual(sound(events).length, 0);
  assert.deepEqual(last(events, 'response.done').response.metadata, { topic: 'animals' });
});

test('of the subprotocols only `realtime` is echoed', async () => {
  const key = `openai-insecure-api-key.${'k'.repeat(4096)}`;
  for (const [offered, echoed] of [[[key, 'realtime'], 'realtime'], [['realtime', key], 'realtime'],
    [['realtime'], 'realtime'], [[], undefined]]) {
    const s = await connect(server, { protocols: offered });
    assert.equal(s.headers['sec-websocket-protocol'], echoed);
    await s.event('session.created');
    s.close();
  }
});

test('compression is declined', async () => {
  const s = await connect(server, { perMessageDeflate: true });
  assert.equal(s.headers['sec-websocket-extensions'], undefined);
  await s.event('session.created');
});

test('what is not an event meets an error, and the session goes on', async () => {
  const s = await converse(server, { output_modalities: ['text'] });
  const rows = [
    ['{"type":', 'invalid_json'],
    ['[]', 'invalid_json'],
    ['"session.update"', 'invalid_json'],
    ['{"type":"session.update"', 'invalid_json'],
    [Buffer.from([1, 2, 3]), 'invalid_event'],
    [{ type: 'no.such.event' }, 'invalid_value', 'type'],
    [{}, 'missing_required_parameter', 'type'],
    [{ type: 'input_audio_buffer.append', audio: '%%%%' }, 'invalid_value', 'audio'],
    [{ type: 'input_audio_buffer.append' }, 'missing_required_parameter', 'audio'],
    [{ type: 'input_audio_buffer.commit' }, 'input_audio_buffer_commit_empty'],
    [{ type: 'response.cancel' }, 'response_cancel_not_active'],
    [{ type: 'conversation.item.delete', item_id: 'item_none' }, 'item_delete_invalid_item_id'],
  ];
  for (const [sent, code, param] of rows) {
    s.send(sent);
    const { error } = await s.event('error');
    assert.equal(error.code, code, JSON.stringify(sent));
    assert.equal(error.type, 'invalid_request_error');
    assert.match(error.message, /\w.*[^\s]$/, JSON.stringify(error));
    if (param) assert.equal(error.param, param);
  }
  s.send({ type: 'no.such.event', event_id: 'mine' });
  assert.equal((await s.event('error')).error.event_id, 'mine');
  assert.match(last(await s.ask(CAT), 'response.output_text.done').text, /Biscuit/);
});

test('twenty mebibytes in one message are taken, more than the limit ends the connection', async () => {
  const s = await converse(server, { audio: { input: { turn_detection: null } } });
  s.send({ type: 'input_audio_buffer.append', audio: 'A'.repeat(20 << 20) });
  s.send({ type: 'input_audio_buffer.clear' });
  await s.event('input_audio_buffer.cleared');
  assert.deepEqual(s.of('error'), []);
  assert.match(last(await s.ask(CAT, { output_modalities: ['text'] }), 'response.output_text.done').text, /Biscuit/);
  s.socket._socket.write(frameBeginning(22 << 20)); // its length says that it will be too much
  await until('the connection to close', () => s.closed, 60000);
  assert.equal(s.closed.code, 1009);
});

test('a message above the limit is told so, however much of it is under way', async () => {
  for (const origin of [server.origin, server.origin.replace('http', 'https')])
    for (let round = 0; round < 5; round++) {
      const s = await converse(server, null, { origin, rejectUnauthorized: false });
      s.send('x'.repeat(22 << 20));
      await until('the connection to close', () => s.closed, 60000);
      assert.equal(s.closed.code, 1009, origin);
    }
});

test('a spoken question is heard, answered and sourced', async () => {
  const s = await converse(server, { include: ['voiced.sources'], audio: { input: { transcription: { model: 'voiced' },
    turn_detection: { type: 'server_vad', silence_duration_ms: 500 } } } });
  const from = s.cursor;
  let answered = false;
  const spoken = s.say(Buffer.concat([pcm(speak(CAT, 'slt', { rate: 24000 })), silence(60)]), { meanwhile: () => !answered });
  const started = await s.event('input_audio_buffer.speech_started');
  const stopped = await s.event('input_audio_buffer.speech_stopped');
  const committed = await s.event('input_audio_buffer.committed');
  const added = await s.event('conversation.item.added');
  await s.event('conversation.item.done');
  const heard = await s.event('conversation.item.input_audio_transcription.completed');
  for (const id of [stopped.item_id, committed.item_id, added.item.id, heard.item_id]) assert.equal(id, started.item_id);
  assert.ok(stopped.audio_end_ms > started.audio_start_ms + 500);
  assert.match(heard.transcript, /station cat/);
  const done = await s.event('response.done');
  answered = true;
  await spoken;
  assert.equal(done.response.status, 'completed');
  assert.match(done.response.output[0].content[0].transcript, /Biscuit/);
  assert.ok(loudness(sound(s.events.slice(from))) > 300);
  assert.equal(s.of('voiced.response.sources').at(-1).sources[0].file, 'staff-handbook.md');
  assert.equal(s.of('response.created', from).length, 1);
});

test('exactly 100 ms can be committed, a sample less cannot', async () => {
  const s = await converse(server, { audio: { input: manual } });
  const append = (n) => s.send({ type: 'input_audio_buffer.append', audio: Buffer.alloc(n * 2).toString('base64') });
  for (let i = 0; i < 2; i++) {
    append(2399);
    s.send({ type: 'input_audio_buffer.commit' });
    assert.match((await s.event('error')).error.message, / 99\.96ms/);
    append(1);
    s.send({ type: 'input_audio_buffer.commit' });
    await s.event('input_audio_buffer.committed');
  }
});

test('a long turn that the client makes is recognised whole, and holds no recogniser until then', async (t) => {
  const input = { turn_detection: null, transcription: { model: 'voiced' } };
  const open = { output_modalities: ['text'], audio: { input } };
  const long = Buffer.concat([pcm(speak(CAT, 'slt', { rate: 24000 })), silence(38), pcm(speak('Where is the fire point?', 'slt', { rate: 24000 }))]);
  const talkers = await Promise.all([1, 2, 3, 4].map(() => converse(server, open))); // more than there are decoders
  for (const s of talkers)
    for (let at = 0; at < long.length; at += 480000) s.send({ type: 'input_audio_buffer.append', audio: long.subarray(at, at + 480000).toString('base64') });
  await sleep(3500);
  const other = await converse(server, open);
  const from = Date.now();
  other.send({ type: 'input_audio_buffer.append', audio: pcm(speak(CAT, 'slt', { rate: 24000 })).toString('base64') });
  other.send({ type: 'input_audio_buffer.commit' });
  assert.match((await other.event('conversation.item.input_audio_transcription.completed')).transcript, /station cat/);
  t.diagnostic(`another is heard within ${Date.now() - from} ms`);
  for (const s of talkers.splice(1)) s.close();
  const [s] = talkers;
  const committed = Date.now();
  s.send({ type: 'input_audio_buffer.commit' });
  const { transcript } = await s.event('conversation.item.input_audio_transcription.completed');
  t.diagnostic(`${(long.length / 48000).toFixed(1)} s are heard within ${Date.now() - committed} ms: ${transcript}`);
  assert.match(transcript, /station cat.*where is the fire/);
});

test('without turn detection the client makes the turns', async () => {
  const s = await converse(server, { output_modalities: ['text'], audio: { input: manual } });
  const from = s.cursor;
  await s.say(Buffer.concat([pcm(speak(CAT, 'slt', { rate: 24000 })), silence(2)]), { every: 0 });
  s.send({ type: 'input_audio_buffer.commit' });
  const { item_id } = await s.event('input_audio_buffer.committed');
  const heard = await s.event('conversation.item.input_audio_transcription.completed');
  assert.equal(heard.item_id, item_id);
  assert.match(heard.transcript, /station cat/);
  assert.deepEqual(s.types(from).filter((t) => /^response|speech_/.test(t)), [], 'nothing happens unasked');
  s.send({ type: 'response.create' });
  const done = await s.event('response.done');
  assert.match(done.response.output[0].content[0].text, /Biscuit/);
});

test('speech cuts the answer that is being made', async () => {
  const s = await converse(server, { audio: { input: { turn_detection: { type: 'server_vad', silence_duration_ms: 500 } } } });
  const speech = pcm(speak(CAT, 'slt', { rate: 24000, before: 0.1, after: 0 }));
  s.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user',
    content: [{ type: 'input_text', text: 'Where should everyone gather when there is a fire?' }] } });
  s.send({ type: 'response.create' });
  s.send({ type: 'input_audio_buffer.append', audio: speech.toString('base64') });
  const { response } = await s.event('response.created');
  const started = await s.event('input_audio_buffer.speech_started');
  const cut = await s.event('response.done');
  assert.equal(cut.response.id, response.id);
  assert.equal(cut.response.status, 'cancelled');
  assert.deepEqual(cut.response.status_details, { type: 'cancelled', reason: 'turn_detected' });
  for (const item of cut.response.output) assert.equal(item.status, 'incomplete');
  const end = s.cursor;
  await s.say(silence(1.5), { every: 0 });
  const next = await s.event('response.done');
  assert.equal(next.response.status, 'completed');
  assert.match(next.response.output[0].content[0].transcript, /Biscuit/);
  assert.equal(s.of('conversation.item.done').find((e) => e.item.id === started.item_id)?.item.role, 'user');
  assert.deepEqual(s.events.slice(end).filter((e) => e.response_id === response.id), [], 'nothing more of the one that was cut');
});

test('an answer is truncated to what was heard of it', async () => {
  const s = await converse(server);
  const events = await s.ask(CAT);
  const item = last(events, 'response.done').response.output[0];
  s.send({ type: 'conversation.item.truncate', item_id: item.id, content_index: 0, audio_end_ms: 900 });
  const truncated = await s.event('conversation.item.truncated');
  assert.deepEqual([truncated.item_id, truncated.content_index, truncated.audio_end_ms], [item.id, 0, 900]);
  s.send({ type: 'conversation.item.retrieve', item_id: item.id });
  const { transcript } = (await s.event('conversation.item.retrieved')).item.content[0];
  const whole = item.content[0].transcript;
  assert.ok(transcript.length > 0 && transcript.length < whole.length / 2, transcript);
  assert.ok(whole.startsWith(transcript), transcript);
});

test('response.cancel ends a response, and only the active one', async () => {
  const s = await converse(server);
  s.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: CAT }] } });
  s.send({ type: 'response.create' });
  s.send({ type: 'response.create' });
  s.send({ type: 'response.cancel' });
  assert.equal((await s.event('error')).error.code, 'conversation_already_has_active_response');
  const { response } = await s.event('response.done');
  assert.equal(response.status, 'cancelled');
  assert.deepEqual(response.status_details, { type: 'cancelled', reason: 'client_cancelled' });
  assert.equal(last(await s.ask(CAT), 'response.done').response.status, 'completed');
});

test('who pauses loses nothing; who never reads is let go; others notice neither', async () => {
  await until('former sessions to end', async () => await sessions() === 0);
  const [slow, stuck, other] = [await converse(server), await converse(server), await converse(server)];

  slow.socket.pause();
  slow.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: CAT }] } });
  slow.send({ type: 'response.create' });

  // Each answer to this is 100 kB; together they are more than the server lets wait.
  stuck.socket.pause();
  stuck.send({ type: 'conversation.item.create', item: { id: 'item_long', type: 'message', role: 'user',
    content: [{ type: 'input_text', text: 'x'.repeat(100000) }] } });
  for (let i = 0; i < 200; i++) stuck.send({ type: 'conversation.item.retrieve', item_id: 'item_long' });
  await until('the stuck session to be ended', async () => await sessions() === 2, 60000);

  assert.match(last(await other.ask(CAT), 'response.output_audio_transcript.done').transcript, /Biscuit/);
  slow.socket.resume();
  const done = await slow.event('response.done');
  assert.equal(done.response.status, 'completed');
  const transcript = done.response.output[0].content[0].transcript;
  assert.equal(joined(slow.events, 'response.output_audio_transcript.delta'), transcript);
  assert.equal(sound(slow.events).length, sound(other.events).length, 'all of the audio');
  assert.equal(await sessions(), 2);
});

test('a session ends with its socket, however it ends', async () => {
  for (const end of [(s) => s.close(), (s) => s.socket.terminate()]) {
    const s = await converse(server);
    s.send({ type: 'response.create' });
    end(s);
  }
  await until('all sessions to end', async () => await sessions() === 0);
});
