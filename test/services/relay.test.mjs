// A realtime service behind the same conversation: another voiced in each dialect, and a scripted one that fails as it is told.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { MUTE, ingest, root, serve, sleep } from '../tools/server.mjs';
import { closeAll, converse, loudness, pcm, silence } from '../tools/session.mjs';
import { dialects } from '../tools/shapes.mjs';
import { speak } from '../tools/speech.mjs';
import { heard, tones, upstream } from '../tools/upstream.mjs';

const KEY = 'sk-a-secret-of-the-service';
const env = { THE_KEY: KEY };
const CAT = 'What is the station cat called?';
const stops = [];
let back;
const scripted = async (options) => {
  const s = await upstream({ key: KEY, ...options });
  stops.push(s.stop);
  return s;
};
const start = async (lines, { args = [], ...options } = {}) => {
  const server = await serve({ env, ...MUTE, ...options, args: [...lines.flatMap((l) => ['--realtime', `${l} key-env=THE_KEY`]), ...args] });
  stops.push(() => server.stop());
  return server;
};
before(async () => {
  back = await serve({ data: ingest([join(root, 'examples')]), args: ['--key', KEY] });
  stops.push(() => back.stop());
});
after(async () => { for (const stop of stops.reverse()) await stop(); });
afterEach(closeAll);

const ws = () => back.origin.replace('http', 'ws');
const sound = (c) => Buffer.concat(c.events.filter((e) => /^response\.(output_)?audio\.delta$/.test(e.type)).map((e) => Buffer.from(e.delta, 'base64')));
const said = (c, type = /^response\.(output_)?audio_transcript\.done$/) => c.events.findLast((e) => type.test(e.type))?.transcript ?? '';
const UPSTREAMS = [
  ['OpenAI GA', () => `${ws()}/v1/realtime model=gpt-realtime`],
  ['Azure GA', () => `${ws()}/openai/v1/realtime model=dep api=azure`],
  ['Azure preview', () => `${ws()}/openai/realtime model=dep api=azure-preview version=2025-04-01-preview`],
  ['Voice Live', () => `${ws()}/voice-live/realtime model=gpt-realtime api=voice-live version=2025-10-01`],
];

test('a spoken question, answered aloud: every dialect of clients before every dialect of services', async () => {
  const question = Buffer.concat([pcm(speak(CAT, 'slt', { rate: 24000 })), silence(0.8)]);
  for (const [name, line] of UPSTREAMS) {
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
  }
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

const manual = { audio: { input: { turn_detection: null, transcription: { model: 'x' } } } };
// Speaks numbers in tones, commits, asks: what the service heard in the end.
async function tell(c, numbers, { every = 2, meanwhile } = {}) {
  await c.say(tones(numbers), { every, meanwhile });
  c.send({ type: 'input_audio_buffer.commit' });
  c.send({ type: 'response.create' });
  const { transcript } = await c.event('conversation.item.input_audio_transcription.completed');
  await c.event('response.done');
  return transcript.split(' ').map(Number);
}

test('a service that goes away in the middle of speech costs no word', async () => {
  const s = await scripted({ answers: ['Thank you.'] });
  const server = await start([s.ws]);
  const c = await converse(server, manual);
  for (let i = 0; i < 8; i++) {
    const numbers = Array.from({ length: 12 }, (_, k) => (i * 7 + k * 5) % 40);
    setTimeout(s.kill, 10 + 40 * i);
    assert.deepEqual(await tell(c, numbers), numbers, `the ${i}th time`);
  }
  assert.ok(s.sessions.length > 4, `${s.sessions.length} connections`);
  assert.equal(c.of('error').length, 0);
});

test('an answer that was cut off there is an answer here', async () => {
  const s = await scripted({ tokenMs: 5, answers: ['One two three four five six seven eight.'], faults: { answer: [{ after: 9, then: 'cut' }, null, { after: 0, then: 'cut' }] } });
  const server = await start([s.ws]);
  const c = await converse(server, manual);
  for (let i = 0; i < 2; i++) {
    c.type('Count.');
    c.send({ type: 'response.create' });
    const { response } = await c.event('response.done');
    assert.equal(response.status, 'completed');
    assert.match(said(c), /eight/);
  }
  assert.equal(c.of('response.created').length, 2);
});

test('services in the order of their lines, then the embedded engine', async () => {
  const busy = Array(20).fill({ status: 429, headers: { 'retry-after': '30' }, body: '{"error":{"message":"too many"}}' });
  const bad = await scripted({ faults: { realtime: busy } }), good = await scripted({ answers: ['From the second one.'] });
  const server = await start([bad.ws, good.ws], { data: ingest([join(root, 'examples')]) });
  const c = await converse(server);
  c.type(CAT);
  c.send({ type: 'response.create' });
  await c.event('response.done');
  assert.equal(said(c), 'From the second one.');
  await good.stop();
  const d = await converse(server);
  d.type(CAT);
  d.send({ type: 'response.create' });
  await d.event('response.done');
  assert.match(said(d), /Biscuit/, 'quoted by the embedded one');
  assert.equal(bad.requests.length, 1, 'it is not asked again while it rests');
});

test('a service without room, and nobody else: told aloud and by its code, to all, until it wants to be asked again', async () => {
  const busy = { status: 429, headers: { 'retry-after': '6' }, body: '{"error":{"message":"too many"}}' };
  const s = await scripted({ faults: { realtime: [busy] }, answers: ['There is room again.'] });
  const server = await start([s.ws], { args: ['--no-embedded', '--tts', 'flite'] });
  const engines = async () => (await (await fetch(`${server.origin}/api/status`)).json()).engines;
  assert.deepEqual((await engines()).realtime.map((e) => [e.model ?? null, e.service, e.state]), [[null, true, 'well']]);
  for (const first of [true, false]) {
    const c = await converse(server);
    c.type(CAT);
    c.send({ type: 'response.create' });
    const { response } = await c.event('response.done');
    assert.equal(response.status, 'failed');
    assert.equal(response.status_details.error.code, 'rate_limit_exceeded', `${first}: ${JSON.stringify(response.status_details)}`);
    assert.ok(loudness(sound(c)) > 300, 'a sentence aloud');
    assert.match(said(c), /\w+ \w+/, 'and on the screen');
    c.close();
  }
  assert.equal(s.of('realtime').length, 1, 'it is left alone');
  const [shown] = (await engines()).realtime;
  assert.equal(shown.state, 'resting');
  assert.ok(shown.rest_ms > 0 && shown.rest_ms <= 6000, `${shown.rest_ms}`);
  const metrics = await (await fetch(`${server.origin}/metrics`)).text();
  assert.match(metrics, new RegExp(`voiced_realtime_resting\\{name="${shown.name}"\\} 1`));
  await sleep(shown.rest_ms + 50);
  const d = await converse(server);
  d.type(CAT);
  d.send({ type: 'response.create' });
  await d.event('response.done');
  assert.equal(said(d), 'There is room again.');
});

test('what no service should send does not hang or end a conversation', async () => {
  const odd = [ { after: 2, then: 'hang' }, { after: 2, then: Buffer.from([0x81, 0x7e, 0x10]) }, { after: 2, then: Buffer.from([0x81, 0x05, 0x7b, 0x22, 0x74, 0x79, 0x70]) },
    { after: 2, then: Buffer.from([0x81, 0x02, 0x5b, 0x5d]) }, { after: 2, then: Buffer.concat([Buffer.from([0x81, 0x7f, 0, 0, 0, 1, 0, 0, 0, 0]), Buffer.alloc(1000)]) },
    { after: 2, then: Buffer.from([0xf3, 0xff]) } ];
  for (const fault of odd) {
    const s = await scripted({ answers: ['All is well.'], faults: { answer: [fault] } });
    const server = await start([`${s.ws} timeout=1`]);
    const c = await converse(server, manual);
    c.type('How are things?');
    c.send({ type: 'response.create' });
    const { response } = await c.event('response.done');
    assert.ok(['completed', 'failed'].includes(response.status));
    c.type('And now?');
    c.send({ type: 'response.create' });
    await c.event('response.done');
    assert.equal(said(c), 'All is well.');
    await server.stop();
  }
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

test('the tones say what was said', () => assert.deepEqual(heard(tones([0, 39, 7])), [0, 39, 7]));
