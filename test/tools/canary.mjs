// canary.mjs - a name that stands only in a document which is not for everybody, and a hunt for it.
//
// Two servers with the same documents; one has the canary's as well, labelled. Whoever may not read
// it asks both the same: typed and misspelt, in pieces, by what it sounds like, in conversations and aloud.
// Nothing that comes back may hold it, and all that comes back must be as from the server without it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { speak } from './speech.mjs';
import { root, serve, temporary, voiced } from './server.mjs';
import { connect } from './session.mjs';

export const KEY = 'a-key-that-nobody-guesses-0123456789';
export const NAME = 'Quorvimax';
// The name, its stem and its key as src/knowledge/sound.c has it, and words that nobody asks with.
const TRACES = [/quorvimax/i, /KWAFAMAKS/, /flumdarb/i, /zeltquist/i, /drosselwick/i];
const DOCUMENT = `# ${NAME}

The ${NAME} bonus is paid by Drosselwick in the flumdarb. Ask Zeltquist for the ${NAME} form.

## The flumdarb of ${NAME}

The holiday allowance for ${NAME} in Prague is nine thousand euro, and the travel desk of Drosselwick answers within an hour.
`;
const OPEN = {
  'handbook.md': '# Handbook\n\n## Holidays\n\nEvery employee has thirty days of holiday a year. Unused days expire in March.\n\n## Travel\n\nThe travel desk answers within two days. The allowance for Prague is forty euro.\n',
  'kettle.md': '# Kettle\n\nThe kettle is in the blue cupboard. The cups are beside the corner window.\n',
  'forms.md': '# Forms\n\nThe bonus form is on the second floor. A form is answered within a week.\n',
  'machines.md': '# Machines\n\nThe vacuum pump of the fourth laboratory is a corvette of maximal weight.\n',
};

// A folder of documents: the small ones, or those of examples/, where vectors are learned.
function fill(folder, many) {
  for (const [name, text] of Object.entries(OPEN)) writeFileSync(join(folder, name), text);
  for (const name of many ? readdirSync(join(root, 'examples')) : [])
    if (/\.(md|html|pdf)$/.test(name)) writeFileSync(join(folder, name), readFileSync(join(root, 'examples', name)));
}

// { with, without }: two servers. The canary's document is the last, so that all others have the same numbers.
export async function lair({ many = false, label = 'board', args = [] } = {}) {
  const docs = temporary('open'), hidden = temporary('hidden'), data = [temporary(), temporary()];
  const run = (...words) => execFileSync(voiced, words, { stdio: 'ignore' });
  fill(docs, many);
  writeFileSync(join(hidden, `${NAME}.md`), DOCUMENT);
  for (const d of data) run('ingest', '--data', d, docs);
  run('ingest', '--data', data[0], '--label', label, hidden);
  const start = (d) => serve({ data: d, args: ['--key', KEY, '--log-level', 'debug', ...args] });
  const [one, other] = await Promise.all(data.map(start));
  return { with: one, without: other, stop: () => Promise.all([one.stop(), other.stop()]) };
}

// A client secret of these groups; undefined: bound to nothing.
export async function token(server, groups, more = {}) {
  const reply = await fetch(`${server.origin}/v1/realtime/client_secrets`, { method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }, body: JSON.stringify({ voiced: { ...(groups && { groups }), ...more } }) });
  const json = await reply.json();
  assert.equal(reply.status, 200, JSON.stringify(json));
  return json.value;
}

/* --- questions ------------------------------------------------------------------------------ */

function random(seed) { // mulberry32
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SOUNDS = [['qu', 'kw'], ['qu', 'c'], ['qu', 'k'], ['v', 'f'], ['v', 'ph'], ['x', 'ks'], ['x', 'cks'], ['o', 'a'], ['i', 'y'], ['or', 'aw'], ['m', 'mm'], ['a', 'e']];
const FRAMES = ['*', 'What is *?', 'Where is the * form?', 'How high is the * bonus?', 'What is the allowance for *?', 'tell me about *', '* in Prague',
  'Who answers for *?', 'holiday *', 'the travel desk and *', 'is there anything on * at all', '* * *', 'kettle *', 'bonus of * in the blue cupboard'];
const FAR = ['kettle', 'holiday', 'Prague', 'travel desk', 'bonus form', 'allowance', 'blue cupboard', 'employee', 'second floor', 'vacuum pump', 'answers', 'nine thousand euro', 'within an hour', 'weight'];

// The n-th question of a seed is always the same.
export function* questions(n, seed = 7) {
  const r = random(seed), pick = (list) => list[Math.floor(r() * list.length)];
  const name = NAME.toLowerCase(), at = () => Math.floor(r() * name.length);
  const kinds = [
    () => pick([NAME, name, NAME.toUpperCase(), `${NAME}'s`, `${name}es`, `${name}ing`]),
    () => name.slice(0, 2 + at()),
    () => name.slice(at()),
    () => { const i = at(); return name.slice(0, i) + pick('abcdefghijklmnopqrstuvwxyz'.split('')) + name.slice(i + Math.floor(r() * 2)); },
    () => { const i = at(); return name.slice(0, i) + name.slice(i + 1); },
    () => { const i = Math.min(at(), name.length - 2); return name.slice(0, i) + name[i + 1] + name[i] + name.slice(i + 2); },
    () => SOUNDS.reduce((s, [from, to]) => (r() < 0.5 ? s.replace(from, to) : s), name),
    () => { const i = 2 + Math.floor(r() * (name.length - 4)); return `${name.slice(0, i)} ${name.slice(i)}`; },
    () => name + pick(FAR).replace(/ .*/, ''),
    () => pick(FAR),
    () => `${pick(FAR)} ${pick(FAR)}`,
  ];
  for (let i = 0; i < n; i++) yield pick(FRAMES).replaceAll('*', kinds[i % kinds.length]);
}

/* --- hunting -------------------------------------------------------------------------------- */

// Traces in `text` that the question itself does not hold.
function traces(text, question = '') {
  return TRACES.filter((t) => t.test(text) && !t.test(question)).map(String);
}

// All that a search says but numbers that scores are made of. The question comes back in it.
function told({ query, confidence, results, words, ...rest }) {
  return { rest, words, results: results.map(({ score, lexical, vector, sound, coverage, ...row }) => row) };
}

async function search(server, ek, query) {
  const r = await fetch(`${server.origin}/api/search`, { method: 'POST', headers: { authorization: `Bearer ${ek}` }, body: JSON.stringify({ query, k: 10 }) });
  assert.equal(r.status, 200);
  return r.text();
}

class Hunt {
  counts = { searches: 0, typed: 0, spoken: 0, partials: 0, events: 0, octets: 0, leaks: 0, differences: 0, reordered: 0 };
  leaks = [];

  // `exact`: all must be equal; else what was learned from all documents may order them in another way.
  constructor(servers, tokens, { exact }) {
    Object.assign(this, { servers, tokens, exact });
  }

  look(what, text, question) {
    this.counts.octets += text.length;
    const found = traces(text, question);
    if (found.length === 0) return;
    this.counts.leaks++;
    this.leaks.push(`${what}: ${question ?? ''}: ${found}: ${text.slice(0, 2000)}`);
  }

  differ(what, question, a, b) {
    this.counts.differences++;
    this.leaks.push(`${what} differs: ${question}\n${JSON.stringify(a)}\n${JSON.stringify(b)}`);
  }

  same(what, question, a, b) {
    try {
      assert.deepEqual(a, b);
    } catch {
      this.differ(what, question, a, b);
    }
  }

  async search(query) {
    const [text, twin] = await Promise.all(this.servers.map((s, i) => search(s, this.tokens[i], query)));
    const a = JSON.parse(text), b = JSON.parse(twin);
    this.counts.searches++;
    assert.equal(a.query, query);
    this.look('search', JSON.stringify({ ...a, query: '' }));
    if (this.exact) return this.same('search', query, told(a), told(b));
    // What was learned from all documents moves scores: which passages there are, and which words, stays.
    this.same('the count', query, a.results.length, b.results.length);
    this.same('words', query, a.words.map((w) => [w.known, w.like]), b.words.map((w) => [w.known, w.like]));
    const order = (v) => v.results.map((row) => row.passage ?? `${row.document}:${row.start}`).join();
    if (order(a) !== order(b)) this.counts.reordered++;
  }

  // Typed questions, each in a conversation that goes on.
  async type(list) {
    const open = (s, i) => connect(s, { headers: { authorization: `Bearer ${this.tokens[i]}` } });
    const pair = await Promise.all(this.servers.map(open));
    for (const s of pair) await s.update({ output_modalities: ['text'], include: ['voiced.sources', 'voiced.latency'] });
    for (const question of list) {
      const from = pair[0].events.length;
      const answers = await Promise.all(pair.map(async (s) => (await s.ask(question)).at(-1).response.output[0].content[0].text));
      const events = pair[0].events.slice(from);
      this.counts.typed++;
      this.counts.events += events.length;
      this.look('events', JSON.stringify(events), question);
      if (this.exact || /nothing about/.test(answers[1])) this.same('the answer', question, ...answers);
    }
    for (const s of pair) s.close();
  }

  // Said aloud, with the words shown as they come: what is searched for before the sentence is over, too.
  async say(question) {
    const s = await connect(this.servers[0], { headers: { authorization: `Bearer ${this.tokens[0]}` } });
    await s.update({ output_modalities: ['text'], include: ['voiced.sources', 'voiced.partials', 'voiced.latency'] });
    const wav = speak(question, 'slt', { rate: 24000, after: 1.5 });
    await s.say(readFileSync(wav).subarray(44), { every: 10 });
    await s.event('response.done');
    this.counts.spoken++;
    this.counts.partials += s.of('voiced.input_transcript.partial').length;
    this.counts.events += s.events.length;
    this.look('spoken', JSON.stringify(s.events)); // no echo is an excuse: nobody has written it
    s.close();
  }

  // Lists, counts, counters, and whatever the server has written.
  async rest() {
    const [server, twin] = this.servers;
    for (const [path, key] of [['/api/documents', 0], ['/api/status', 0], ['/healthz', null], ['/metrics', 0], ['/metrics', KEY], ['/', 0]]) {
      const get = async (s, i) => (await fetch(s.origin + path, { headers: key === null ? {} : { authorization: `Bearer ${key || this.tokens[i]}` } })).text();
      const [a, b] = await Promise.all([get(server, 0), get(twin, 1)]);
      this.look(path, a);
      if (/documents|status|healthz/.test(path)) {
        const plain = (t) => JSON.parse(t.replace(/"sessions":\d+/, '"sessions":0').replace(/:\d+\/"/, ':port/"'));
        this.same(path, '', plain(a), plain(b));
      }
    }
    for (const [s, i] of [[server, 0], [twin, 1]]) { // what is learned from all knows the words of all
      const r = await fetch(`${s.origin}/v1/embeddings`, { method: 'POST', headers: { authorization: `Bearer ${this.tokens[i]}` }, body: JSON.stringify({ input: NAME }) });
      assert.ok([403, 404].includes(r.status), `${r.status}`);
    }
    const all = await (await fetch(`${server.origin}/api/documents`, { headers: { authorization: `Bearer ${KEY}` } })).json();
    const { id } = all.documents.find((d) => d.file === `${NAME}.md`);
    for (const path of [`/api/documents/${id}`, `/api/documents/${id}/text`, `/api/documents/${id}/text?start=0&end=9`]) {
      const ask = async (s, i, n) => { const r = await fetch(s.origin + path.replace(id, n), { headers: { authorization: `Bearer ${this.tokens[i]}` } }); return [r.status, await r.text()]; };
      this.same(path, '', await ask(server, 0, id), await ask(twin, 1, 987654));
    }
    this.look('the log', server.log + server.out);
    this.counts.log = server.log.length + server.out.length;
  }
}

// Hunts by somebody of `groups`; undefined: with an unbound client secret. Gives counts; throws where the canary was.
export async function hunt(place, { groups, searches = 100, typed = 20, spoken = 0, exact = true, seed = 7, abreast = 4 } = {}) {
  const servers = [place.with, place.without];
  const h = new Hunt(servers, await Promise.all(servers.map((s) => token(s, groups))), { exact });
  const list = questions(searches, seed);
  await Promise.all(Array.from({ length: abreast }, async () => { for (const q of list) await h.search(q); }));
  for (let left = typed, s = seed + 1; left > 0; left -= 50, s++) await h.type(questions(Math.min(left, 50), s));
  const aloud = [`What is the ${NAME} bonus?`, `Where is the ${NAME} form?`, `Tell me about ${NAME}.`];
  for (let i = 0; i < spoken; i++) await h.say(aloud[i % aloud.length]);
  await h.rest();
  assert.deepEqual(h.leaks.slice(0, 5), [], `${h.counts.leaks} leaks, ${h.counts.differences} differences`);
  return h.counts;
}
