// POST /v1/audio/transcriptions, /v1/audio/speech and /v1/chat/completions, asked by npm's openai as it is.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI, { AzureOpenAI, toFile } from 'openai';
import OpenAI6 from 'openai6';
import { ingest, root, serve, until } from '../tools/server.mjs';

const KEY = 'the-audio-key';
const QUESTION = 'What does a ticket for a child cost?';
let server, client;
const options = () => ({ apiKey: KEY, baseURL: `${server.origin}/v1`, maxRetries: 0 });
before(async () => {
  server = await serve({ data: ingest([join(root, 'examples')]), args: ['--key', KEY, '--max-sessions', '4'], decoders: 1 });
  client = new OpenAI(options());
});
after(() => server?.stop());

const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
const post = (path, body) => fetch(server.origin + path, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
const octets = async (response) => Buffer.from(await response.arrayBuffer());
const say = async (input, response_format = 'wav', more = {}) =>
  octets(await client.audio.speech.create({ model: 'tts-1', voice: 'alloy', input, response_format, ...more }));
const words = (s) => s.toLowerCase().replace(/[^a-z ]/g, '').split(' ').filter(Boolean);
const share = (said, heard) => words(said).filter((w) => words(heard).includes(w)).length / words(said).length;
const collect = async (stream) => { const all = []; for await (const e of stream) all.push(e); return all; };

test('speech: each format, and our own ears understand it', async () => {
  const text = 'The telescope is open on weekends. Please bring a warm jacket.';
  const magic = { wav: 'RIFF', flac: 'fLaC', opus: 'OggS' };
  const pcm = await say(text, 'pcm');
  const seconds = pcm.length / 2 / 24000;
  assert.ok(seconds > 2.5 && seconds < 7, `${seconds} s`);
  for (const format of ['wav', 'flac', 'opus', 'mp3']) {
    const file = await say(text, format);
    if (magic[format]) assert.equal(file.subarray(0, 4).toString('latin1'), magic[format]);
    const heard = await client.audio.transcriptions.create({ model: 'whisper-1', file: await toFile(file, `speech.${format}`), response_format: 'verbose_json' });
    assert.ok(Math.abs(heard.duration - seconds) < 0.3, `${format}: ${heard.duration} of ${seconds} s`);
    assert.ok(share(text, heard.text) > 0.5, `${format}: ${heard.text}`);
  }
  assert.ok((await say(text, 'pcm', { speed: 1.5 })).length < pcm.length * 0.8);
});

test('speech: streamed as events, and what is wrong is said', async () => {
  const response = await post('/v1/audio/speech', { model: 'm', input: 'Hello. This is the second sentence.', voice: 'nova', response_format: 'pcm', stream_format: 'sse' });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const events = (await response.text()).split('\n\n').filter(Boolean).map((e) => JSON.parse(e.replace(/^data: /, '')));
  assert.ok(events.length > 2);
  assert.equal(events.at(-1).type, 'speech.audio.done');
  assert.ok(events.at(-1).usage.output_tokens > 0);
  const audio = Buffer.concat(events.slice(0, -1).map((e) => Buffer.from(e.audio, 'base64')));
  assert.ok(audio.length > 24000 * 2);
  for (const [body, param] of [[{}, 'input'], [{ input: '' }, 'input'], [{ input: 'a'.repeat(4097) }, 'input'], [{ input: 'a', speed: 9 }, 'speed'],
    [{ input: 'a', response_format: 'aac' }, 'response_format'], [{ input: 'a', voice: 7 }, 'voice'], [{ input: 'a', stream_format: 'x' }, 'stream_format']]) {
    const wrong = await post('/v1/audio/speech', body);
    assert.deepEqual([wrong.status, (await wrong.json()).error.param], [400, param]);
  }
  await assert.rejects(say('hello', 'aac'), (e) => e.status === 400 && /AAC is not made here/.test(e.message));
  assert.equal((await post('/v1/audio/speech', '{')).status, 400);
});

test('speech: the first octets come while the rest is being spoken', async () => {
  const response = await post('/v1/audio/speech', { input: 'It goes on and on, until somebody has enough of it. '.repeat(70), response_format: 'pcm' });
  const from = performance.now();
  let first, n = 0;
  for await (const part of response.body) { first ??= performance.now() - from; n += part.length; }
  const all = performance.now() - from;
  assert.ok(n > 24000 * 2 * 60 && first < all / 4, `${first} of ${all} ms, ${n} octets`);
});

test('transcriptions: each shape, and streamed', async () => {
  const file = async () => toFile(await say(QUESTION), 'question.wav');
  const plain = await client.audio.transcriptions.create({ model: 'whisper-1', file: await file() });
  assert.ok(share(QUESTION, plain.text) > 0.5, plain.text);
  assert.ok(plain.usage.seconds > 1);
  const text = await client.audio.transcriptions.create({ model: 'm', file: await file(), response_format: 'text' });
  assert.ok(share(QUESTION, text) > 0.5 && text.endsWith('\n'), text);
  const verbose = await client.audio.transcriptions.create({ model: 'm', file: await file(), response_format: 'verbose_json', language: 'en', timestamp_granularities: ['segment'] });
  assert.ok(share(QUESTION, verbose.text) > 0.5, verbose.text);
  assert.ok(verbose.segments.length >= 1 && verbose.segments[0].end > verbose.segments[0].start);
  const srt = await client.audio.transcriptions.create({ model: 'm', file: await file(), response_format: 'srt' });
  assert.match(srt, /^1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n/);
  const vtt = await client.audio.transcriptions.create({ model: 'm', file: await file(), response_format: 'vtt' });
  assert.match(vtt, /^WEBVTT\n\n00:00:0\d\.\d{3} --> /);
  const events = await collect(await client.audio.transcriptions.create({ model: 'gpt-4o-transcribe', file: await file(), stream: true }));
  assert.equal(events.at(-1).type, 'transcript.text.done');
  assert.ok(share(QUESTION, events.at(-1).text) > 0.5, events.at(-1).text);
  assert.equal(events.slice(0, -1).map((e) => e.delta).join(''), events.at(-1).text);
});

test('transcriptions: what cannot be read is said', async () => {
  const hear = (body, more = {}) => toFile(Buffer.from(body), 'f').then((file) => client.audio.transcriptions.create({ model: 'm', file, ...more }));
  const ftyp = Buffer.concat([Buffer.from([0, 0, 0, 32]), Buffer.from('ftypM4A mp42isom'), Buffer.alloc(40)]);
  for (const [body, why] of [['', /holds no audio/], ['this is text', /no audio of a format/], [ftyp, /M4A files are not read here\. Send WAV, MP3/],
    [Buffer.from([0x1a, 0x45, 0xdf, 0xa3, 1, 2, 3]), /WebM files are not read/], ['OggS but not really', /damaged|no audio/]])
    await assert.rejects(hear(body), (e) => e.status === 400 && why.test(e.message), String(why));
  const quiet = Buffer.concat([(await say('a')).subarray(0, 44), Buffer.alloc(48000)]);
  assert.equal((await hear(quiet)).text, '', 'silence has no words');
  await assert.rejects(hear(quiet, { timestamp_granularities: ['word'] }), (e) => e.status === 400);
  await assert.rejects(hear(quiet, { response_format: 'srt', stream: true }), (e) => e.status === 400);
  const none = await fetch(`${server.origin}/v1/audio/transcriptions`, { method: 'POST', headers, body: '{}' });
  assert.deepEqual([none.status, (await none.json()).error.param], [400, 'file']);
});

for (const [name, Client] of [['openai', OpenAI], ['openai6', OpenAI6]])
  test(`${name}: chat: grounded answers with sources, whole and streamed`, async () => {
    const client = new Client(options());
    const ask = { model: 'gpt-4.1-mini', messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: [{ type: 'text', text: QUESTION }] }] };
    const whole = await client.chat.completions.create(ask);
    assert.match(whole.id, /^chatcmpl-/);
    assert.equal(whole.model, 'gpt-4.1-mini');
    const [choice] = whole.choices;
    assert.equal(choice.finish_reason, 'stop');
    assert.match(choice.message.content, /three pounds/i);
    const [source] = choice.message.voiced.sources;
    assert.ok(source.document && source.title && source.quote, JSON.stringify(source));
    assert.ok(whole.usage.total_tokens === whole.usage.prompt_tokens + whole.usage.completion_tokens && whole.usage.completion_tokens > 0);

    const chunks = await collect(await client.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } }));
    assert.equal(chunks[0].choices[0].delta.role, 'assistant');
    assert.equal(chunks.map((c) => c.choices[0]?.delta.content ?? '').join('').trim(), choice.message.content.trim());
    assert.equal(chunks.at(-2).choices[0].finish_reason, 'stop');
    assert.deepEqual(chunks.at(-2).choices[0].delta.voiced.sources.map((s) => s.quote), choice.message.voiced.sources.map((s) => s.quote));
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.ok(chunks.at(-1).usage.completion_tokens > 0);
    const short = await client.chat.completions.create({ ...ask, max_completion_tokens: 4 });
    assert.equal(short.choices[0].finish_reason, 'length');
  });

const weather = { type: 'function', function: { name: 'get_weather', description: 'The weather in a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } } };

test('chat: the client\'s functions', async () => {
  const messages = [{ role: 'user', content: 'What is the weather in Paris?' }];
  const ask = { model: 'm', messages, tools: [weather], tool_choice: { type: 'function', function: { name: 'get_weather' } } };
  const first = await client.chat.completions.create(ask);
  const { message, finish_reason } = first.choices[0];
  assert.equal(finish_reason, 'tool_calls');
  assert.equal(message.tool_calls[0].function.name, 'get_weather');
  assert.equal(typeof JSON.parse(message.tool_calls[0].function.arguments), 'object');
  const streamed = await client.chat.completions.stream({ ...ask }).finalChatCompletion();
  assert.equal(streamed.choices[0].message.tool_calls[0].function.name, 'get_weather');
  const told = await client.chat.completions.create({ ...ask, tool_choice: 'auto', messages: [...messages, message,
    { role: 'tool', tool_call_id: message.tool_calls[0].id, content: 'Sunny, 21 degrees.' }] });
  assert.match(told.choices[0].message.content, /sunny/i);
  const none = await client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'hello' }], tool_choice: 'none' });
  assert.match(none.choices[0].message.content, /Hello/);
});

test('chat: what is wrong is said', async () => {
  const ok = [{ role: 'user', content: 'hi' }];
  for (const [body, param] of [[{}, 'messages'], [{ messages: [] }, 'messages'], [{ messages: [{ role: 'wizard', content: 'x' }] }, 'messages'],
    [{ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] }, 'messages'], [{ messages: ok, n: 2 }, 'n'],
    [{ messages: ok, tools: 'x' }, 'tools'], [{ messages: ok, tool_choice: 'maybe' }, 'tool_choice'], [{ messages: ok, max_tokens: 0 }, 'max_completion_tokens'],
    [{ messages: ok, temperature: 3 }, 'temperature'], [{ messages: ok, response_format: { type: 'json_object' } }, 'response_format'],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages'], [{ messages: [{ role: 'assistant', tool_calls: [{}] }] }, 'messages']]) {
    const wrong = await post('/v1/chat/completions', body);
    assert.deepEqual([wrong.status, (await wrong.json()).error.param], [400, param], JSON.stringify(body));
  }
});

test('Azure\'s paths, models, and who may', async () => {
  const azure = new AzureOpenAI({ apiKey: KEY, endpoint: server.origin, apiVersion: '2025-03-01-preview', deployment: 'my-deployment', maxRetries: 0 });
  const answer = await azure.chat.completions.create({ model: '', messages: [{ role: 'user', content: 'hello' }] });
  assert.ok(answer.choices[0].message.content);
  const speech = await octets(await azure.audio.speech.create({ model: 'my-deployment', voice: 'alloy', input: QUESTION, response_format: 'wav' }));
  const heard = await azure.audio.transcriptions.create({ model: 'my-deployment', file: await toFile(speech, 'a.wav') });
  assert.ok(share(QUESTION, heard.text) > 0.5, heard.text);
  assert.equal((await post('/openai/v1/chat/completions', { messages: [{ role: 'user', content: 'hello' }] })).status, 200);
  const models = await collect(await client.models.list());
  assert.ok(models.some((m) => m.id === 'extract'), JSON.stringify(models));
  assert.equal((await client.models.retrieve('extract')).object, 'model');
  await assert.rejects(client.models.retrieve('nothing'), (e) => e.status === 404);
  for (const path of ['/v1/audio/speech', '/v1/audio/transcriptions', '/v1/chat/completions'])
    assert.equal((await fetch(server.origin + path, { method: 'POST', body: '{}' })).status, 401);
});

test('a client that goes away takes its work with it', async () => {
  const sessions = async () => Number(/^voiced_sessions (\d+)/m.exec(await (await fetch(`${server.origin}/metrics`, { headers })).text())[1]);
  const body = JSON.stringify({ input: 'Nobody will hear the end of this, as it is long. '.repeat(80), response_format: 'pcm' });
  for (let i = 0; i < 3; i++) {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(`POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await once(socket, 'data');
    if (i === 0) assert.equal(await sessions(), 1);
    socket.destroy();
  }
  await until('the work to end', async () => (await sessions()) === 0);
  assert.ok((await say('Still here.')).length > 10000);
});

test('another voiced with these ears, this mind and this voice, and what is left when they are gone', async () => {
  const line = `${server.origin}/v1 key-env=THE_KEY timeout=5`;
  const second = await serve({ data: ingest([join(root, 'examples/visitors.html')]), args: ['--stt', line, '--llm', line, '--tts', line], env: { THE_KEY: KEY }, decoders: 1 });
  const asked = async () => Number(/^voiced_http_requests_total (\d+)/m.exec(await (await fetch(`${server.origin}/metrics`, { headers })).text())[1]);
  try {
    const client = new OpenAI({ apiKey: 'none', baseURL: `${second.origin}/v1`, maxRetries: 0 });
    const round = async () => {
      const speech = await octets(await client.audio.speech.create({ model: 'm', voice: 'alloy', input: QUESTION, response_format: 'wav' }));
      const heard = await client.audio.transcriptions.create({ model: 'm', file: await toFile(speech, 'a.wav') });
      assert.ok(share(QUESTION, heard.text) > 0.5, heard.text);
      return (await client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: QUESTION }] })).choices[0].message.content;
    };
    const before = await asked();
    assert.match(await round(), /three pounds/i, 'from its own documents');
    assert.ok(await asked() >= before + 3);
    await server.stop({ keep: true, signal: 'SIGKILL' });
    assert.match(await round(), /three pounds/i, 'and without the first one');
  } finally {
    await second.stop();
  }
});
