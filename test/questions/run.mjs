// run.mjs - the exam: how often is the right source first, typed and spoken?
//
//   node test/questions/run.mjs [--set examples|debian] [--voices slt,slt-hts,kdlpc] [--typed-only] [--verbose]
//
// Ingests the set's documents into a fresh directory, asks every question with `voiced ask --json`, and prints a
// table. Needs build/voiced (or $VOICED). Exit code 0 whatever the result: the figures are for people.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { speak } from '../tools/speech.mjs';
import { temporary } from '../tools/temporary.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const voiced = process.env.VOICED ?? join(here, '../../build/voiced');
const policy = '/usr/share/doc/debian-policy/policy.html';
const documents = {
  examples: () => [join(here, '../../examples')],
  debian: () => [...readdirSync(policy).filter((f) => /^ch-.*\.html$/.test(f)).map((f) => join(policy, f)),
    '/usr/share/developers-reference/developers-reference.pdf'],
};

export function readTable(name) {
  const [head, ...rows] = readFileSync(join(here, name), 'utf8').trimEnd().split('\n').map((l) => l.split('\t'));
  return rows.map((r) => Object.fromEntries(head.map((h, i) => [h, r[i] ?? ''])));
}

const plain = (s) => s.toLowerCase().replace(/\s+/g, ' ').trim();
const heading = (s) => plain(s).replace(/^[\d.]+\s+/, '').replace(/\s*¶$/, '');

export function isSource(source, accepted) {
  return accepted.split('|').some((a) => {
    const [file, place] = a.split('#');
    if (basename(source.file ?? '') !== file) return false;
    return place.startsWith('p=') ? Number(place.slice(2)) === source.page
      : heading(place.slice(2)) === heading(source.heading ?? '');
  });
}

export const hasAnswer = (text, answers) => answers.split('|').some((a) => plain(text).includes(plain(a)));

const run = (args) => JSON.parse(execFileSync(voiced, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 24 }));

function ask(data, question, voice) {
  const words = voice ? ['--wav', speak(question, voice)] : [question];
  return run(['ask', '--json', '--data', data, ...words]);
}

function exam(set, voices, verbose) {
  const data = temporary('exam');
  const rows = readTable(`${set}.tsv`), foreign = readTable('unanswerable.tsv').filter((r) => r.set === set);

  run(['ingest', '--json', '--data', data, ...documents[set]()]);
  for (const voice of [null, ...voices]) {
    let right = 0, answered = 0, invented = 0;
    for (const r of rows) {
      const a = ask(data, r.question, voice);
      const first = a.sources[0], ok = Boolean(first && isSource(first, r.sources));
      right += ok;
      answered += hasAnswer(a.answer, r.answer);
      if (verbose && !ok) {
        console.log(`  ${r.id} ${r.question}\n      heard: ${a.question}\n      said:  ${a.answer}\n      from:  ` +
          `${first ? `${basename(first.file)} p=${first.page} h=${first.heading}` : 'nothing'}; wanted ${r.sources}`);
      }
    }
    for (const r of foreign) {
      const a = ask(data, r.question, voice);
      invented += a.sources.length > 0;
      if (verbose && a.sources.length) console.log(`  ${r.id} ${r.question}\n      said:  ${a.answer}`);
    }
    console.log(`${set.padEnd(9)} ${(voice ?? 'typed').padEnd(8)} right source first ${right}/${rows.length}, ` +
      `answer said ${answered}/${rows.length}, unanswerable answered ${invented}/${foreign.length}`);
  }
  rmSync(data, { recursive: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: {
    set: { type: 'string' }, voices: { type: 'string', default: 'slt,slt-hts,kdlpc' },
    'typed-only': { type: 'boolean' }, verbose: { type: 'boolean' },
  } });
  for (const set of values.set ? [values.set] : ['examples', 'debian'])
    exam(set, values['typed-only'] ? [] : values.voices.split(','), values.verbose);
}
