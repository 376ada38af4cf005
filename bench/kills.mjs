// kills.mjs - a realtime service that is cut off at random, while the user speaks and while it answers: what is lost, and how long it takes.
//
//   node bench/kills.mjs [--runs 100] [--json]
//
// Two scripted services stand behind voiced, each cut (its connections reset) at a random moment of a spoken turn of 10 words, or of the
// answer. Words are tones, whose pitch is the word (test/tools/upstream.mjs): what a service has heard when a turn is committed is
// compared with what was said. "Until it hears again": from the cut to the first audio that a service gets on a new connection;
// "until it speaks again": from the cut to the next audio of the answer at the client.
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { serve, sleep } from '../test/tools/server.mjs';
import { converse } from '../test/tools/session.mjs';
import { tones, upstream } from '../test/tools/upstream.mjs';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '100' }, json: { type: 'boolean' } } });
const runs = Number(values.runs);
let seed = 1;
const random = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed % n; };

const ANSWER = Array.from({ length: 15 }, (_, i) => `word${i}`).join(' ');
const services = [await upstream({ tokenMs: 20, answers: [ANSWER] }), await upstream({ tokenMs: 20, answers: [ANSWER] })];
const server = await serve({ args: services.flatMap((s) => ['--realtime', s.ws]), ready: false, decoders: 1 });
const c = await converse(server, { audio: { input: { turn_detection: null, transcription: { model: 'x' } } } });
const kill = () => services.forEach((s) => s.kill());
const sessions = () => services.flatMap((s) => s.sessions);
const audioAt = (after) => new Promise((resolve) => {
  const old = new Set(sessions());
  const look = () => {
    const fresh = sessions().find((s) => !old.has(s) && s.events.some((e) => e.type === 'input_audio_buffer.append'));
    if (fresh || performance.now() - after > 20000) resolve(performance.now() - after);
    else setTimeout(look, 1);
  };
  look();
});

const out = { said: 0, lost: 0, hears: [], speaks: [], answers: 0, cut: 0, native: 0 };
for (let i = 0; i < runs; i++) {
  const numbers = Array.from({ length: 10 }, () => random(40)), speech = i % 2 === 0, from = c.events.length;
  let heard;
  if (speech) setTimeout(() => { const t = performance.now(); kill(); heard = audioAt(t); }, 100 + random(900));
  await c.say(tones(numbers), { every: 10 }); // twice as fast as speech
  c.send({ type: 'input_audio_buffer.commit' });
  c.send({ type: 'response.create' });
  const { transcript } = await c.event('conversation.item.input_audio_transcription.completed');
  const got = transcript.split(' ').map(Number);
  out.said += numbers.length;
  out.lost += numbers.filter((n, k) => got[k] !== n).length;
  if (speech) out.hears.push(await heard);
  else {
    await c.event('response.output_audio.delta');
    await sleep(random(300));
    const n = c.of('response.output_audio.delta').length, t = performance.now();
    kill();
    await c.until('more audio', () => c.of('response.output_audio.delta').length > n || c.of('response.done', from).length);
    out.speaks.push(performance.now() - t);
  }
  await c.until('the end', () => c.of('response.done', from).length);
  out.answers++;
  out.cut += c.of('response.done', from)[0].response.status !== 'completed';
  c.cursor = c.events.length;
}
const median = (a) => [...a].sort((x, y) => x - y)[a.length >> 1], max = (a) => Math.max(...a);
if (values.json) console.log(JSON.stringify(out));
else {
  console.log(`${runs} cuts: ${out.lost} of ${out.said} words lost, ${out.cut} of ${out.answers} answers not completed, ${c.of('error').length} errors`);
  console.log(`until it hears again: median ${median(out.hears).toFixed(0)} ms, at most ${max(out.hears).toFixed(0)} ms`);
  console.log(`until it speaks again: median ${median(out.speaks).toFixed(0)} ms, at most ${max(out.speaks).toFixed(0)} ms`);
}
await server.stop();
process.exit(0);
