// ahead.mjs - searching while the user still speaks: how often what a language model then asks for is there already, and after how long.
//
//   node bench/ahead.mjs [--questions 30] [--json]
//
// Questions of bench/dev_questions/examples.tsv, spoken by Flite, heard by the embedded recogniser; the language model is a script that calls
// `search` with the words of the question as it was heard, without those of a short list of small words, as models do; it is asked for
// nothing else. Where what was found is sure enough the model is given it with the question, and does not call at all: that counts as found.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ingest, root, serve } from '../test/tools/server.mjs';
import { converse, pcm, silence } from '../test/tools/session.mjs';
import { speak } from '../test/tools/speech.mjs';
import { upstream } from '../test/tools/upstream.mjs';

const { values } = parseArgs({ options: { questions: { type: 'string', default: '30' }, json: { type: 'boolean' } } });
const questions = readFileSync(join(root, 'bench/dev_questions/examples.tsv'), 'utf8').split('\n').filter((l) => l && !l.startsWith('#'))
  .map((l) => l.split('\t').find((f) => / .*\?$/.test(f))).filter(Boolean).slice(0, Number(values.questions));
const small = new Set('a an and are at be by can did do does for from had has have how i if in is it of on or the their there to was were what when where which who whom whose why will with you'.split(' '));
let called = 0;
const answer = (q) => {
  const last = q.messages.at(-1);
  if (last.role === 'tool') return { text: 'That is what I found.' };
  called++;
  const asked = q.messages.findLast((m) => m.role === 'user').content, words = typeof asked === 'string' ? asked : asked.map((p) => p.text ?? '').join(' ');
  const query = words.toLowerCase().replace(/[^a-z0-9' ]/g, ' ').split(/\s+/).filter((w) => w && !small.has(w)).join(' ');
  return { calls: [{ name: 'search', arguments: JSON.stringify({ query }) }] };
};
const s = await upstream({ answers: [answer] });
const server = await serve({ data: ingest([join(root, 'examples')]), args: ['--llm', `${s.url} model=scripted`] });
const c = await converse(server, { include: ['voiced.latency'], output_modalities: ['text'],
  audio: { input: { turn_detection: { type: 'server_vad', silence_duration_ms: 500 }, transcription: { model: 'x' } } } });
const out = { turns: 0, hit: 0, given: 0, miss: 0, hit_ms: [], miss_ms: [] };
for (const q of questions) {
  const from = c.events.length, before = called;
  await c.say(Buffer.concat([pcm(speak(q, 'slt', { rate: 24000, after: 0.1 })), silence(1)]));
  await c.until('the answer', () => c.of('response.done', from).length && c.of('voiced.turn.latency', from).length);
  const l = c.of('voiced.turn.latency', from).at(-1);
  out.turns++;
  if (l.search_ahead === 'hit' && called === before) out.given++;
  else if (l.search_ahead === 'hit') { out.hit++; out.hit_ms.push(l.search_ms); }
  else if (l.search_ahead === 'miss') { out.miss++; out.miss_ms.push(l.search_ms); }
}
const median = (a) => (a.length ? [...a].sort((x, y) => x - y)[a.length >> 1] : null);
if (values.json) console.log(JSON.stringify(out));
else {
  console.log(`${out.turns} spoken turns: ${out.given} given with the question, ${out.hit} called for and there (median ${median(out.hit_ms)} ms), ` +
    `${out.miss} searched for (median ${median(out.miss_ms)} ms), ${out.turns - out.given - out.hit - out.miss} without a search`);
}
await server.stop();
process.exit(0);
