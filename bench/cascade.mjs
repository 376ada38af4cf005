// cascade.mjs - what voiced adds between services that hear, think and speak: from the end of the turn to the first sample at the client.
//
//   node bench/cascade.mjs [--turns 40] [--json]
//
// The three services are one scripted process here (test/tools/upstream.mjs), which takes 250 ms for words, 250 ms to the first token, 4 ms for
// each, 150 ms to the first sound, and notes when. A question is spoken over WebSocket. What is said is asked about after 200 ms of silence,
// and the turn's end is confirmed after 300 ms: silence by configuration. "Added" is from the end of speech to the first sample at the client
// without these 200 ms and without the services' own times. "Sentence": from the octets of the first sentence's last token to the request
// for its speech.
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { serve } from '../test/tools/server.mjs';
import { converse, pcm, silence } from '../test/tools/session.mjs';
import { speak } from '../test/tools/speech.mjs';
import { upstream } from '../test/tools/upstream.mjs';

const { values } = parseArgs({ options: { turns: { type: 'string', default: '40' }, json: { type: 'boolean' } } });
const turns = Number(values.turns);
const s = await upstream({ tokenMs: 4, first: { transcriptions: 250, chat: 250, speech: 150 }, transcripts: ['What is the station cat called?'],
  answers: ['The cat of the station is called Biscuit. It sleeps in the ticket office, and has done so for years now.'] });
const line = `${s.url} model=scripted`;
const server = await serve({ args: ['--stt', line, '--llm', line, '--tts', line, '--no-embedded'], ready: false });
const c = await converse(server, { include: ['voiced.latency'],
  audio: { input: { turn_detection: { type: 'server_vad', silence_duration_ms: 300 }, transcription: { model: 'x' } } } });
const question = pcm(speak('What is the station cat called?', 'slt', { rate: 24000, after: 0.02 }));
const whole = [], own = [], sentence = [];
for (let i = 0; i < turns; i++) {
  const from = c.events.length;
  s.requests.length = 0;
  s.wrote = [];
  await c.say(Buffer.concat([question, silence(0.9)]));
  await c.until('the answer', () => c.of('response.done', from).length && c.of('voiced.turn.latency', from).length);
  const [l] = c.of('voiced.turn.latency', from), chat = s.of('chat').at(-1), speech = s.of('speech')[0];
  const tokens = s.wrote.filter((w) => /chat\.completion/.test(w.piece)), last = tokens.find((w) => /Biscuit\./.test(w.piece));
  const words = 250, written = last.at - chat.at, sound = s.wrote.find((w) => Buffer.isBuffer(w.piece)).at - speech.at;
  whole.push(l.sent);
  own.push(words + written + sound);
  sentence.push(speech.at - last.at);
  await new Promise((r) => setTimeout(r, 300));
}
const at = (a, q) => [...a].sort((x, y) => x - y)[Math.min(a.length - 1, Math.floor(a.length * q))];
const added = whole.map((v, i) => v - own[i] - 200);
if (values.json) console.log(JSON.stringify({ whole, own, added, sentence }));
else {
  console.log(`${turns} turns: end of speech to first sample median ${at(whole, 0.5).toFixed(0)} ms, of which the services' own ${at(own, 0.5).toFixed(0)} ms`);
  console.log(`added here: median ${at(added, 0.5).toFixed(1)} ms, p90 ${at(added, 0.9).toFixed(1)} ms`);
  console.log(`sentence to the voice: median ${at(sentence, 0.5).toFixed(2)} ms, p90 ${at(sentence, 0.9).toFixed(2)} ms`);
}
await server.stop();
process.exit(0);
