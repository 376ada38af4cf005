// `voiced eval`: a table of questions, as a person would write it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, temporary, voiced } from '../tools/server.mjs';

const folder = temporary(), data = join(folder, 'data'), documents = join(folder, 'documents');
test.after(() => rmSync(folder, { recursive: true, force: true }));
const run = (...args) => {
  const r = spawnSync(voiced, [args[0], '--data', data, ...args.slice(1)], { encoding: 'utf8', timeout: 60000 });
  return { code: r.status, out: r.stdout, err: r.stderr };
};
const table = (name, ...rows) => {
  writeFileSync(join(folder, name), rows.map((r) => r.join('\t')).join('\n') + '\n');
  return join(folder, name);
};
const silence = (n) => {
  const b = Buffer.alloc(44 + 2 * n);
  b.write('RIFF'), b.writeUInt32LE(36 + 2 * n, 4), b.write('WAVEfmt ', 8), b.writeUInt32LE(16, 16), b.writeUInt16LE(1, 20);
  b.writeUInt16LE(1, 22), b.writeUInt32LE(16000, 24), b.writeUInt32LE(32000, 28), b.writeUInt16LE(2, 32);
  b.writeUInt16LE(16, 34), b.write('data', 36), b.writeUInt32LE(2 * n, 40);
  return b;
};

test('before anything has been ingested', () => {
  const r = run('eval', join(root, 'docs/eval-example.tsv'));
  assert.equal(r.code, 1);
  assert.match(r.err, /nothing has been ingested/);
});

test('questions are found, answered from the right place, or rightly not answered', () => {
  mkdirSync(documents);
  writeFileSync(join(documents, 'kitchen.md'), '# The kitchen\n\n## Kettle\n\nThe kettle is in the green cupboard.\n\n## Tea\n\nTea is served at four o\'clock.\n');
  writeFileSync(join(documents, 'garden.md'), '# The garden\n\nThe ladder is behind the shed. The gate is closed at eight o\'clock.\n');
  assert.equal(run('ingest', documents).code, 0);
  const q = table('q.tsv', ['id', 'sources', 'question', 'answer'],
    ['k1', 'kitchen.md#h=Kettle', 'Where is the kettle?', 'green  CUPBOARD'],
    ['g1', 'nowhere.md|documents/garden.md', 'Where is the ladder?', 'behind the shed'],
    ['g2', 'kitchen.md', 'When is the gate closed?', ''], // a wrong expectation: the garden answers
    ['n1', '-', 'Who won the football match in Lisbon?', '']);
  const r = run('eval', '--json', '-k', '1', '--against', 'mode=text k=2', q);
  assert.equal(r.code, 0, r.err);
  assert.match(r.err, /q\.tsv:3: the collection 'default' has no document 'nowhere\.md'/);
  const { configurations, counts, questions, times } = JSON.parse(r.out);
  assert.deepEqual(configurations.map((c) => c.mode), ['hybrid', 'text']);
  assert.deepEqual(questions.map((x) => x.results[0].verdict), ['right', 'right', 'wrong', 'abstained']);
  assert.deepEqual(questions.map((x) => x.results[0].rank), [1, 1, null, null]);
  assert.deepEqual(counts.right, { of: 3, count: [2, 2], better: 0, worse: 0, chance: 1 });
  assert.deepEqual(counts.said.count, [2, 2]);
  assert.deepEqual(counts.unanswerable_abstained.count, [1, 1]);
  assert.ok(times.answer_ms[0].median > 0);
  assert.match(questions[0].results[0].answer, /green cupboard/);

  const people = run('eval', q).out;
  assert.match(people, /1 +1 +right +[\d.]+ +k1 Where is the kettle\?/);
  assert.match(people, /answered from the right place +2 of +3\n/);
  assert.doesNotMatch(people, /chance|second/);
});

test('a recording goes through the recogniser; a silent one says nothing', () => {
  writeFileSync(join(folder, 'silent.wav'), silence(8000));
  const r = run('eval', '--json', table('spoken.tsv', ['question', 'audio', 'sources'], ['Where is the kettle?', 'silent.wav', 'kitchen.md']));
  assert.equal(r.code, 0, r.err);
  const { results } = JSON.parse(r.out).questions[0];
  assert.equal(results[0].verdict, 'unheard');
  assert.ok(results[0].hearing_ms > 0);
});

test('bad input meets one sentence', () => {
  const good = table('good.tsv', ['question', 'sources'], ['Where is the kettle?', 'kitchen.md']);
  const rows = [
    [1, [join(folder, 'missing.tsv')], /missing\.tsv: No such file/],
    [1, [folder], /directory/i],
    [1, [table('a.tsv', ['question', 'source'], ['x', 'y'])], /a\.tsv:1: no column 'sources'/],
    [1, [table('b.tsv', ['Where is it?'])], /b\.tsv:1: no column 'question'/],
    [1, [table('c.tsv', ['question', 'sources'], ['no tab here'])], /c\.tsv:2: the column 'sources' is missing/],
    [1, [table('d.tsv', ['question', 'sources'])], /d\.tsv has no questions/],
    [1, [table('e.tsv', ['question', 'sources'], ['gone.wav', 'kitchen.md'])], /e\.tsv:2: the recording .*gone\.wav cannot be read: No such file/],
    [1, ['--mode', 'best', good], /--mode wants text, vector or hybrid, not 'best'/],
    [1, ['--against', 'collection=other', good], /there is no collection 'other'/],
    [2, ['--against', 'colection=other', good], /did you mean --collection\?/],
    [2, ['--against', 'embedder=lsa', good], /ingest into two collections/],
    [2, ['--against', 'nothing', good], /cannot read the configuration nothing/],
    [2, [], /usage: voiced eval/],
    [2, [good, good], /usage: voiced eval/],
  ];
  for (const [code, args, why] of rows) {
    const r = run('eval', ...args);
    assert.equal(r.code, code, `${args.join(' ')}: ${r.out}${r.err}`);
    assert.match(r.err, why);
    assert.equal(r.err.trim().split('\n').length, 1, r.err);
  }
});
