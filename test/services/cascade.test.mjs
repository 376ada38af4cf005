// Services that hear, think and speak behind one conversation: another voiced, and a scripted service with its faults.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { MUTE, ingest, root, serve, sleep } from '../tools/server.mjs';
import { closeAll, converse, loudness, pcm, silence } from '../tools/session.mjs';
import { speak } from '../tools/speech.mjs';
import { upstream } from '../tools/upstream.mjs';

const KEY = 'sk-a-secret-of-the-service';
const env = { THE_KEY: KEY };
const stops = [];
after(async () => { for (const stop of stops.reverse()) await stop(); });
afterEach(closeAll);

const scripted = async (options) => {
  const s = await upstream({ key: KEY, ...options });
  stops.push(s.stop);
  return s;
};
const start = async (args, options = {}) => {
  const server = await serve({ args, env, data: ingest([join(root, 'examples')]), ...options });
  stops.push(() => server.stop());
  return server;
};
const line = (s, more = '') => `${s.url} model=scripted key-env=THE_KEY ${more}`;
const text = (events) => events.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join('');
const done = (events) => events.at(-1).response;
const sound = (events) => Buffer.concat(events.filter((e) => e.type === 'response.output_audio.delta').map((e) => Buffer.from(e.delta, 'base64')));
const TEXT = { output_modalities: ['text'] };

test('a language model behind the documents: it searches, answers, and the sources are ours', async () => {
  const s = await scripted({ answers: [
    { calls: [{ name: 'search', arguments: '{"query":"name of the station cat"}' }] },
    { text: 'The station cat is called Biscuit.', usage: { prompt_tokens: 900, completion_tokens: 11, total_tokens: 911, prompt_tokens_details: { cached_tokens: 512 } } },
  ] });
  const server = await start(['--llm', line(s)], MUTE);
  const c = await converse(server, { ...TEXT, instructions: 'Be brief.', include: ['voiced.sources'] });
  const events = await c.ask('What is the station cat called?');
  assert.equal(text(events), 'The station cat is called Biscuit.');
  assert.equal(done(events).status, 'completed');
  const { sources: [source] } = events.find((e) => e.type === 'voiced.response.sources');
  assert.equal(source.file, 'staff-handbook.md', 'found here, though the words are the model\'s');
  const [first, second] = s.of('chat').map((r) => ({ ...JSON.parse(r.body), headers: r.headers }));
  assert.equal(first.headers.authorization, `Bearer ${KEY}`);
  assert.equal(first.model, 'scripted');
  assert.equal(first.stream, true);
  assert.match(first.messages.find((m) => m.role === 'system').content, /Be brief\./);
  assert.ok(first.tools.some((t) => t.function.name === 'search'));
  const tool = second.messages.findLast((m) => m.role === 'tool');
  assert.match(tool.content, /Biscuit/);
  assert.ok(done(events).usage.input_tokens >= 900);
});

test('a sentence is spoken while the model still writes', async () => {
  const s = await scripted({ tokenMs: 60, answers: ['This is the first sentence of it. And then there is a second one, which takes its time to be written down.'] });
  const server = await start(['--llm', line(s), '--tts', line(s)], MUTE);
  const c = await converse(server);
  c.type('Tell me.');
  c.send({ type: 'response.create' });
  await c.event('response.output_audio.delta');
  assert.ok(!c.of('response.done').length);
  assert.equal(s.of('chat').length, 1);
  const first = JSON.parse(s.of('speech')[0].body);
  assert.match(first.input, /^This is the first sentence/);
  await c.event('response.done');
  assert.ok(loudness(sound(c.events)) > 1000, 'the service\'s tone');
});

test('a spoken question by way of three services, each another voiced\'s', async () => {
  const back = await serve({ data: ingest([join(root, 'examples')]), args: ['--key', KEY] });
  stops.push(() => back.stop());
  const to = `${back.origin}/v1 model=voiced key-env=THE_KEY`;
  const server = await start(['--stt', to, '--llm', to, '--tts', to], { decoders: 1 });
  const c = await converse(server, { audio: { input: { transcription: { model: 'x' }, turn_detection: { type: 'server_vad', silence_duration_ms: 400 } } } });
  await c.say(Buffer.concat([pcm(speak('What is the station cat called?', 'slt', { rate: 24000 })), silence(1)]), { every: 8 });
  const words = await c.event('conversation.item.input_audio_transcription.completed');
  assert.match(words.transcript, /station cat/i);
  await c.event('response.done');
  assert.match(c.of('response.output_audio_transcript.done')[0].transcript, /Biscuit/);
  assert.ok(loudness(sound(c.events)) > 300);
});

test('what a service does wrong ends in an answer by the embedded engine, or in a sentence', async () => {
  const faults = [
    { status: 500, body: '{"error":{"message":"boom"}}' },
    { status: 429, headers: { 'retry-after': '1' }, body: '{"error":{"message":"slow down"}}' },
    { status: 401, body: `{"error":{"message":"Incorrect API key provided: ${KEY}"}}` },
    { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>welcome</html>' },
    { status: 200, headers: { 'content-type': 'text/event-stream' }, body: 'data: {"choices":[{"del' },
    { status: 200, headers: { 'content-type': 'text/event-stream' }, body: '' },
    { reset: true },
  ];
  const broken = await Promise.all(faults.map((fault) => scripted({ faults: { chat: Array(9).fill(fault) } })));
  const lines = broken.map((s) => ['--llm', line(s)]);
  const fails = async (args, what, check) => {
    const server = await start(args, MUTE);
    const c = await converse(server, TEXT);
    check(await c.ask('What is the station cat called?'));
    assert.ok(!JSON.stringify(c.events).includes(KEY) && !server.log.includes(KEY), `the key stays here: ${what}`);
    await server.stop();
  };
  // Each alone, and all of them before the embedded one.
  await Promise.all(lines.map((args, i) => fails([...args, '--no-embedded'], JSON.stringify(faults[i]), (events) => {
    assert.equal(done(events).status, 'failed', JSON.stringify(faults[i]));
    assert.ok(done(events).status_details.error.message.length > 20);
  })));
  await fails(lines.flat(), 'all', (events) => {
    assert.equal(done(events).status, 'completed');
    assert.match(text(events), /Biscuit/);
  });
  for (const [i, s] of broken.entries()) assert.ok(s.of('chat').length >= 2, `asked alone, and asked among the others: ${JSON.stringify(faults[i])}`);
});

test('a service that hangs is given up, and rests', async () => {
  const s = await scripted({ faults: { chat: [{ never: true }, { after: 1, then: 'hang' }] } });
  const server = await start(['--llm', line(s, 'timeout=1')], MUTE);
  const c = await converse(server, TEXT);
  assert.match(text(await c.ask('What is the station cat called?')), /Biscuit/);
  assert.match(text(await c.ask('What is the station cat called?')), /Biscuit/);
  assert.equal(s.of('chat').length, 1, 'not asked again at once');
});

test('who is well is told, and where words go; never a key', async () => {
  const s = await scripted({ faults: { chat: Array(9).fill({ status: 429, headers: { 'retry-after': '60' }, body: 'no' }) } });
  const server = await start(['--llm', line(s), '--tts', line(s)], MUTE), name = s.url.match(/127[^/]+/)[0];
  assert.match(server.out, new RegExp(`Audio stays on this machine; words and passages of the documents go to ${name} \\(llm\\); answers to be spoken go to ${name} \\(tts\\)\\. Ctrl-C`));
  const told = async () => (await (await fetch(`${server.origin}/api/status`)).json()).engines;
  const [service, embedded] = [{ name, model: 'scripted', service: true, state: 'well' }, (e) => ({ name: e, service: false, state: 'well' })];
  assert.deepEqual(await told(), { stt: [embedded('pocketsphinx')], llm: [service, embedded('extract')], tts: [service, embedded('flite')], realtime: [] });
  const c = await converse(server, TEXT);
  await c.ask('What is the station cat called?');
  const { llm: [first, second], tts } = await told();
  assert.equal(first.state, 'resting');
  assert.ok(first.rest_ms > 50000 && first.rest_ms <= 60000, `${first.rest_ms}`);
  assert.deepEqual([second.state, tts[0].state], ['well', 'well']);
  const metrics = await (await fetch(`${server.origin}/metrics`)).text();
  assert.match(metrics, new RegExp(`# TYPE voiced_llm_resting gauge\nvoiced_llm_resting\\{name="${name}"\\} 1\nvoiced_llm_resting\\{name="extract"\\} 0`));
  assert.match(metrics, new RegExp(`voiced_tts_resting\\{name="${name}"\\} 0`));
  assert.ok(!(server.out + metrics + JSON.stringify(await told())).includes(KEY));
  const health = await (await fetch(`${server.origin}/healthz`)).json();
  assert.equal(health.engines, undefined, 'anyone may ask for that one');
});

test('the budget\'s cheaper engines know who rests', async () => {
  const broken = Array(9).fill({ status: 500, body: 'no' });
  const dear = await scripted({ answers: [{ text: 'From the dear one.', usage: { prompt_tokens: 9000, completion_tokens: 9000, total_tokens: 18000 } }],
    faults: { chat: [broken[0]] } });
  const bad = await scripted({ faults: { chat: [{ status: 429, headers: { 'retry-after': '60' } }, ...broken] } });
  const server = await start(['--llm', line(dear), '--llm', line(bad), '--budget-session', '20000 tokens'], MUTE);
  const c = await converse(server, { ...TEXT, include: ['voiced.cost'] });
  await c.ask('One?'); // the dear one fails, then the bad one
  assert.equal(bad.of('chat').length, 1);
  await sleep(1100); // the dear one has rested, and uses up most of the money
  assert.equal(text(await c.ask('Two?')), 'From the dear one.');
  await c.ask('Three?');
  assert.equal(c.of('voiced.turn.cost').at(-1).level, 'cheaper');
  assert.equal(bad.of('chat').length, 1, 'whatever the level, it is left alone');
});

test('a recogniser that fails costs no word: the next one hears the turn from its beginning', async () => {
  const bad = await scripted({ faults: { transcriptions: Array(9).fill({ status: 500, body: 'no' }) } });
  const good = await scripted({ transcripts: ['What is the station cat called?'], answers: ['Biscuit.'] });
  const server = await start(['--stt', line(bad), '--stt', line(good), '--llm', line(good), '--no-embedded', '--tts', line(good)], MUTE);
  const c = await converse(server, { audio: { input: { transcription: { model: 'x' }, turn_detection: { type: 'server_vad', silence_duration_ms: 300 } } } });
  const question = pcm(speak('What is the station cat called?', 'slt', { rate: 24000 }));
  await c.say(Buffer.concat([question, silence(1)]), { every: 8 });
  assert.equal((await c.event('conversation.item.input_audio_transcription.completed')).transcript, 'What is the station cat called?');
  await c.event('response.done');
  const { body } = good.of('transcriptions').at(-1);
  const said = question.length / 48000 - 1.1; // speak() puts silence around it
  assert.ok(body.length > said * 32000, `${body.length} octets of a turn of ${question.length}`);
});
