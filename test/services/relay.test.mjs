// A realtime service behind the same conversation: another voiced in each dialect, and a scripted one.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { ingest, root, serve, sleep } from '../tools/server.mjs';
import { converse, loudness, pcm, silence } from '../tools/session.mjs';
import { dialects } from '../tools/shapes.mjs';
import { speak } from '../tools/speech.mjs';
import { CAT, KEY, said, scripted, sound, start, stops } from './relay.mjs';

let back;
before(async () => {
  back = await serve({ data: ingest([join(root, 'examples')]), args: ['--key', KEY], decoders: 4 });
  stops.push(() => back.stop());
});

const ws = () => back.origin.replace('http', 'ws');
const UPSTREAMS = [
  ['OpenAI GA', () => `${ws()}/v1/realtime model=gpt-realtime`],
  ['Azure GA', () => `${ws()}/openai/v1/realtime model=dep api=azure`],
  ['Azure preview', () => `${ws()}/openai/realtime model=dep api=azure-preview version=2025-04-01-preview`],
  ['Voice Live', () => `${ws()}/voice-live/realtime model=gpt-realtime api=voice-live version=2025-10-01`],
];

test('a spoken question, answered aloud: every dialect of clients before every dialect of services', async () => {
  const question = Buffer.concat([pcm(speak(CAT, 'slt', { rate: 24000 })), silence(0.8)]);
  await Promise.all(UPSTREAMS.map(async ([name, line]) => {
    const server = await start([line()]);
    for (const dialect of Object.values(dialects)) {
      const c = await converse(server, null, { dialect });
      const what = `${dialect.path} before ${name}`;
      await c.say(question, { every: 5 });
      await c.event('response.done');
      assert.match(said(c), /Biscuit/, what);
      assert.match(c.of('conversation.item.input_audio_transcription.completed')[0]?.transcript ?? 'Biscuit', /cat|Biscuit/i, what);
      assert.ok(loudness(sound(c)) > 300, what);
      assert.equal(c.of('error').length, 0, `${what}: ${JSON.stringify(c.of('error'))}`);
      c.close();
    }
    await server.stop();
  }));
});

test('typed questions, texts, and the key stays here', async () => {
  const server = await start([UPSTREAMS[0][1]()]);
  const c = await converse(server, { output_modalities: ['text'] });
  const events = await c.ask(CAT);
  assert.match(events.findLast((e) => e.type === 'response.output_text.done').text, /Biscuit/);
  assert.equal(events.at(-1).response.status, 'completed');
  assert.ok(!JSON.stringify(c.events).includes(KEY) && !server.log.includes(KEY));
});

test('the documents here answer for a model there: search runs in this process, and so do the sources', async () => {
  const s = await scripted({ answers: [
    { calls: [{ name: 'search', arguments: '{"query":"name of the station cat"}' }] },
    { text: 'The station cat is called Biscuit.' },
  ] });
  const server = await start([s.ws], { data: ingest([join(root, 'examples')]) });
  const c = await converse(server, { include: ['voiced.sources'], instructions: 'Mine.' });
  c.type(CAT);
  c.send({ type: 'response.create' });
  await c.event('response.done');
  assert.equal(said(c), 'The station cat is called Biscuit.');
  assert.equal(c.of('response.created').length, 1, 'one answer, as the client sees it');
  assert.equal(c.of('voiced.response.sources')[0].sources[0].file, 'staff-handbook.md');
  assert.ok(!c.events.some((e) => e.item?.type === 'function_call'), 'the server\'s tools are hidden');
  const there = s.sessions[0].events, output = there.find((e) => e.item?.type === 'function_call_output');
  assert.match(output.item.output, /Biscuit/);
  const update = there.find((e) => e.type === 'session.update').session;
  assert.match(update.instructions, /Mine\./);
  assert.ok(update.tools.some((t) => t.name === 'search'));
});

test('a client\'s function is called by a model there', async () => {
  const s = await scripted({ answers: [{ calls: [{ name: 'weather', arguments: '{"at":"home"}' }] }, { text: 'It rains at home.' }] });
  const server = await start([s.ws]);
  const c = await converse(server, { tools: [{ type: 'function', name: 'weather', parameters: { type: 'object' } }] });
  c.type('And the weather?');
  c.send({ type: 'response.create' });
  const { item } = await c.event('response.output_item.done', (e) => e.item.type === 'function_call');
  assert.equal(item.arguments, '{"at":"home"}');
  await c.event('response.done');
  c.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: item.call_id, output: '"rain"' } });
  c.send({ type: 'response.create' });
  await c.event('response.done');
  assert.equal(said(c), 'It rains at home.');
});

test('barge-in: the service forgets what was not heard', async () => {
  const s = await scripted({ tokenMs: 1, answers: ['One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen.'] });
  const server = await start([s.ws]);
  const c = await converse(server, { audio: { input: { turn_detection: { type: 'server_vad', silence_duration_ms: 300 }, transcription: { model: 'x' } } } });
  c.type('Count.');
  c.send({ type: 'response.create' });
  await c.event('response.output_audio.delta');
  await c.say(pcm(speak('Stop, please.', 'slt', { rate: 24000 })), { meanwhile: () => !c.of('input_audio_buffer.speech_started').length });
  await c.event('input_audio_buffer.speech_started');
  const item = c.of('response.output_item.added')[0].item.id;
  c.send({ type: 'conversation.item.truncate', item_id: item, content_index: 0, audio_end_ms: 400 });
  await c.event('conversation.item.truncated');
  await sleep(100);
  const there = s.sessions[0].events.find((e) => e.type === 'conversation.item.truncate');
  assert.equal(there.audio_end_ms, 400);
});

test('a service that finds the turns itself', async () => {
  const server = await start([UPSTREAMS[0][1]()], { args: ['--turns', 'service'] });
  const c = await converse(server, { audio: { input: { turn_detection: { type: 'server_vad', silence_duration_ms: 400 }, transcription: { model: 'x' } } } });
  await c.say(Buffer.concat([pcm(speak(CAT, 'slt', { rate: 24000 })), silence(1)]), { every: 5 });
  await c.event('input_audio_buffer.speech_started');
  await c.event('input_audio_buffer.speech_stopped');
  await c.event('response.done');
  assert.match(said(c), /Biscuit/);
});
