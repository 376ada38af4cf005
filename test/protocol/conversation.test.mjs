// P-C: the items of a conversation.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loudness, silence } from '../tools/session.mjs';
import { checkEvent, checkItem, checkStream, dialects, settings } from '../tools/shapes.mjs';
import { CAT, FIRE, answer, hosted, last, open, spoken, tool } from './harness.mjs';

const server = hosted();
const { GA, BETA, AZURE, VL } = dialects;
const user = (text, id) => ({ ...(id && { id }), type: 'message', role: 'user', content: [{ type: 'input_text', text }] });
const create = (item, previous_item_id) => ({ type: 'conversation.item.create', item, ...(previous_item_id !== undefined && { previous_item_id }) });
const retrieve = async (s, item_id) => {
  s.send({ type: 'conversation.item.retrieve', item_id });
  return (await s.event('conversation.item.retrieved', (e) => e.item.id === item_id)).item;
};
const acks = (d) => ['conversation.item.added', 'conversation.item.done'].map(d.type).filter(Boolean);
const PIXEL = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

// An answer spoken in this session: its item, and the events.
async function answered(s, text = CAT) {
  const events = await s.ask(text);
  return { events, item: last(events, 'response.done').response.output[0] };
}

test('P-C01 an item keeps its id', async () => {
  for (const d of [GA, BETA, AZURE, VL]) {
    const s = await open(server, d);
    for (const id of ['mine', 'item-abcdefghijklmnopqrstuvwxyz1', undefined]) {
      const came = await s.after(create(user('Hello.', id)));
      assert.deepEqual(came.map((e) => e.type), acks(d));
      for (const e of came) {
        checkEvent(d, e);
        if (id) assert.equal(e.item.id, id);
        assert.deepEqual([e.item.status, e.item.role, e.item.content], ['completed', 'user', [{ type: 'input_text', text: 'Hello.' }]]);
      }
    }
  }
});

test('P-C02 where an item is placed', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d);
    const at = async (id, previous) => (await s.after(create(user(id, id), previous))).map((e) => e.previous_item_id);
    const same = (v) => acks(d).map(() => v);
    assert.deepEqual(await at('a'), same(null));
    assert.deepEqual(await at('b'), same('a'));
    assert.deepEqual(await at('c', 'a'), same('a'));
    assert.deepEqual(await at('d', 'root'), same(null));
    assert.deepEqual(await at('e', null), same('b'));
    assert.deepEqual(await at('f', 'd'), same('d'));
    assert.deepEqual(await at('g'), same('e'), 'the last one is still the last');
  }
});

test('P-C03 what cannot be placed', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d);
    await s.after(create(user('One.', 'one')));
    for (const [event, param] of [[create(user('Two.'), 'nowhere'), 'previous_item_id'], [create(user('One again.', 'one')), 'item.id']]) {
      const from = s.events.length, error = await s.refused(event);
      assert.deepEqual([error.type, error.code, error.param], ['invalid_request_error', 'invalid_value', param]);
      assert.deepEqual(s.types(from), ['error']);
    }
  }
});

test('P-C04 items are taken while a response is made', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d);
    s.type(CAT);
    s.send({ type: 'response.create' });
    s.send(create(user('And more.', 'more')));
    await s.event('response.done');
    const types = s.events.map((e) => e.type);
    const at = s.events.findIndex((e) => e.item?.id === 'more');
    assert.ok(at > types.indexOf('response.created') && at < types.indexOf('response.done'), `at ${at}`);
    assert.deepEqual(s.of('error'), []);
    assert.equal(last(s.events, 'response.done').response.status, 'completed');
  }
});

test('P-C05 items are retrieved', async () => {
  const s = await open(server, GA, settings.manual(GA, { model: 'whisper-1' }));
  await s.after(create(user('Written.', 'written')));
  assert.deepEqual(await retrieve(s, 'written'), { id: 'written', type: 'message', status: 'completed', role: 'user', content: [{ type: 'input_text', text: 'Written.' }] });
  await s.say(spoken(CAT), { every: 0 });
  s.send({ type: 'input_audio_buffer.commit' });
  const { item_id } = await s.event('input_audio_buffer.committed');
  const early = await retrieve(s, item_id);
  assert.ok(early.content[0].transcript === null || typeof early.content[0].transcript === 'string');
  await s.until('its words', () => s.of('conversation.item.input_audio_transcription.completed')[0]);
  const heard = await retrieve(s, item_id);
  checkItem(GA, heard);
  assert.match(heard.content[0].transcript, /station cat/);
  const back = Buffer.from(heard.content[0].audio, 'base64'), sent = spoken(CAT);
  assert.ok(Math.abs(back.length - sent.length) < 48 * 60, `${back.length} octets of ${sent.length}`);
  assert.ok(Math.abs(loudness(back) / loudness(sent) - 1) < 0.1);
  const { item } = await answered(s);
  const said = await retrieve(s, item.id);
  assert.deepEqual([said.status, said.content[0].type, said.content[0].transcript], ['completed', 'output_audio', item.content[0].transcript]);
  assert.ok(Buffer.from(said.content[0].audio, 'base64').length > 48000, 'the audio of an answer, too');
  assert.equal((await s.refused({ type: 'conversation.item.retrieve', item_id: 'nobody' })).code, 'item_retrieve_invalid_item_id');
});

test('P-C06 items are deleted', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d);
    await s.after(create(user('Gone soon.', 'gone')));
    const came = await s.after({ type: 'conversation.item.delete', item_id: 'gone' });
    assert.deepEqual(came.map((e) => [e.type, e.item_id]), [['conversation.item.deleted', 'gone']]);
    const error = await s.refused({ type: 'conversation.item.delete', item_id: 'gone' });
    assert.equal(error.code, 'item_delete_invalid_item_id');
    assert.match(error.message, /Error deleting item: the item with id 'gone' does not exist\./);
    assert.deepEqual((await s.after(create(user('First again.', 'gone')))).map((e) => e.previous_item_id), acks(d).map(() => null));
  }
});

test('P-C07 an answer is truncated to what was heard', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d);
    const { item } = await answered(s);
    const [truncated] = await s.after({ type: 'conversation.item.truncate', item_id: item.id, content_index: 0, audio_end_ms: 900 });
    checkEvent(d, truncated);
    assert.deepEqual([truncated.type, truncated.item_id, truncated.content_index, truncated.audio_end_ms], ['conversation.item.truncated', item.id, 0, 900]);
    if (d !== GA) continue;
    const left = await retrieve(s, item.id), transcript = left.content[0].transcript ?? '';
    assert.ok(transcript.length < item.content[0].transcript.length / 2, transcript);
    assert.ok(Buffer.from(left.content[0].audio ?? '', 'base64').length <= 48 * 901);
    const [none] = await s.after({ type: 'conversation.item.truncate', item_id: item.id, content_index: 0, audio_end_ms: 0 });
    assert.equal(none.audio_end_ms, 0);
    assert.equal((await retrieve(s, item.id)).content[0].transcript ?? '', '');
  }
});

test('P-C08 what cannot be truncated', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d);
    const { item } = await answered(s);
    await s.after(create(user('Mine.', 'mine')));
    const typed = last(await s.ask(FIRE, settings.text(d)), 'response.done').response.output[0];
    const refused = (item_id, audio_end_ms, content_index = 0) => s.refused({ type: 'conversation.item.truncate', item_id, content_index, audio_end_ms });
    const beyond = await refused(item.id, 600000);
    assert.equal(beyond.code, 'invalid_value');
    assert.match(beyond.message, /Audio content of \d+ms is already shorter than 600000ms/);
    for (const id of ['mine', typed.id]) {
      const error = await refused(id, 100);
      assert.ok([null, 'invalid_value'].includes(error.code), error.code);
      assert.match(error.message, /Only model output audio messages can be truncated/);
    }
    assert.equal((await refused('nobody', 100)).code, 'item_truncate_invalid_item_id');
    assert.equal((await refused(item.id, -1)).code, 'invalid_value');
    assert.deepEqual(s.of('conversation.item.truncated'), []);
  }
});

test('P-C09 added and done, or created, once', async () => {
  for (const d of [GA, BETA, AZURE, VL]) {
    const s = await open(server, d, settings.text(d));
    await s.ask(CAT);
    const seen = s.events.filter((e) => /^conversation\.item\.(added|done|created)$/.test(e.type)).map((e) => `${e.type} ${e.item.id}`);
    const ids = [...new Set(s.events.filter((e) => e.item).map((e) => e.item.id))];
    assert.equal(ids.length, 2);
    assert.deepEqual(seen.toSorted(), ids.flatMap((id) => acks(d).map((type) => `${type} ${id}`)).toSorted());
  }
});

test('P-C10 the output of a function belongs to its call; of an unknown call it is refused', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d, { ...settings.text(d), tools: [tool('find_animal')], tool_choice: 'required' });
    const { output: [call] } = last(await s.ask(CAT), 'response.done').response;
    assert.equal(call.type, 'function_call');
    const output = (call_id) => create({ type: 'function_call_output', call_id, output: 'The station cat is called Captain Pugwash.' });
    const error = await s.refused(output('call_none'));
    assert.deepEqual([error.code, error.param], ['invalid_value', 'item.call_id']);
    const [added] = await s.after(output(call.call_id));
    assert.equal(added.item.call_id, call.call_id);
    assert.match(answer(await s.respond({ tool_choice: 'auto' })), /Pugwash/);
  }
});

test('P-C11 images are taken', async () => {
  const s = await open(server, GA, settings.text(GA));
  const [added] = await s.after(create({ type: 'message', role: 'user', content: [{ type: 'input_image', image_url: PIXEL, detail: 'low' }, { type: 'input_text', text: CAT }] }));
  assert.equal(added.type, 'conversation.item.added');
  checkItem(GA, added.item);
  assert.equal(added.item.content[0].type, 'input_image');
  assert.match(answer(await s.respond()), /Biscuit/);
});

// Everything a session can emit, in every dialect, held against the shapes.
test('P-C12 nothing is null that has to be left out', async () => {
  for (const d of [GA, BETA, AZURE, VL]) {
    const s = await open(server, d, { tools: [tool('find_animal')], ...(d.nested ? { audio: { input: { turn_detection: null, transcription: { model: 'whisper-1' } } } }
      : { turn_detection: null, input_audio_transcription: { model: 'whisper-1' } }) });
    await s.say(Buffer.concat([spoken(CAT), silence(0.5)]), { every: 0 });
    s.send({ type: 'input_audio_buffer.commit' });
    await s.event('conversation.item.input_audio_transcription.completed');
    await s.respond();
    await s.ask(FIRE, settings.text(d));
    await s.ask(FIRE, { ...settings.text(d), tool_choice: { type: 'function', name: 'find_animal' } });
    const call = s.events.findLast((e) => e.item?.type === 'function_call')?.item;
    assert.ok(call, 'a function was called');
    await s.after(create({ type: 'function_call_output', call_id: call.call_id, output: '' }),
      create({ type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Be kind.' }] }),
      create({ type: 'message', role: 'assistant', content: [{ type: d.text, text: 'I am.' }] }),
      create({ type: 'message', role: 'user', content: [{ type: 'input_audio', audio: silence(0.2).toString('base64') }] }));
    checkStream(d, s.events.filter((e) => e.type !== 'error'));
    assert.deepEqual(s.of('error').map((e) => e.error.param), ['type'], 'only that of the fence');
  }
});
