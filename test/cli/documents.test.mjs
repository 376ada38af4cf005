// Documents on the command line: ignore files, names, standard input, tags; listed and removed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporary, voiced } from '../tools/server.mjs';

const data = temporary(), folder = temporary();
const run = (args, options = {}) => {
  const r = spawnSync(voiced, [args[0], '--data', data, ...args.slice(1)], { encoding: 'utf8', timeout: 60000, ...options });
  return { code: r.status, out: r.stdout, err: r.stderr };
};
const write = (name, text) => writeFileSync(join(folder, name), text);
const ingest = (...args) => JSON.parse(run(['ingest', '--json', ...args]).out);
const list = (...which) => JSON.parse(run(['documents', '--json', 'list', ...which]).out).documents;

test('a folder with an ignore file; what is renamed keeps its number and its tags', () => {
  mkdirSync(join(folder, 'drafts'));
  mkdirSync(join(folder, 'node_modules'));
  write('.voicedignore', 'drafts/\n*.old.md\n');
  write('kettle.md', '# Kettle\n\nThe kettle is in the tower.\n');
  write('lamp.txt', 'The lamp is in the lighthouse.\n');
  for (const name of ['drafts/a.md', 'node_modules/b.md', 'c.old.md', '.d.md', '~$e.md']) write(name, 'must not be found');
  assert.equal(ingest('--tag', 'house', '--tag', 'old', folder).added, 2);
  const [before] = list('lamp.txt');
  assert.deepEqual(before.tags, ['house', 'old']);
  renameSync(join(folder, 'lamp.txt'), join(folder, 'light.txt'));
  const again = ingest(folder);
  assert.deepEqual([again.added, again.updated, again.renamed, again.removed, again.unchanged], [0, 0, 1, 0, 1]);
  const [light] = list('*.txt');
  assert.deepEqual([light.id, light.title, light.tags], [before.id, 'light.txt', ['house', 'old']]);
  assert.match(run(['search', 'where is the lamp']).out, /light\.txt/);
});

test('standard input is a document that has been given a name', () => {
  const r = run(['ingest', '-', '--name', 'bell.md'], { input: '# Bell\n\nThe bell is in the steeple.\n' });
  assert.match(r.out, /^1 added/);
  assert.match(run(['search', 'bell']).out, /steeple/);
  for (const [args, why] of [[['-'], /wants a name/], [['-', folder, '--name', 'x'], /goes alone/], [[folder, '--name', 'x'], /--name goes with/]]) {
    const bad = run(['ingest', ...args], { input: '' });
    assert.equal(bad.code, 2);
    assert.match(bad.err, why);
  }
});

test('documents are listed, tagged and removed: by number, name, pattern, folder', () => {
  const people = run(['documents', 'list']);
  assert.match(people.out, /markdown.*kettle\.md {2}#house {2}#old\n[\s\S]*3 documents\n$/);
  const [kettle] = list('kettle.*');
  assert.match(run(['documents', 'tag', '--tag', 'kitchen', String(kettle.id), 'bell.md']).out, /^2 tagged/);
  assert.deepEqual(list('bell.md')[0].tags, ['kitchen']);
  assert.match(run(['documents', 'tag', '--tag', '', 'bell.md']).out, /^1 tagged/);
  assert.deepEqual(list('bell.md')[0].tags, []);
  assert.match(run(['documents', 'remove', 'bell.md']).out, /^1 removed/);
  assert.doesNotMatch(run(['search', 'bell']).out, /steeple/);
  assert.match(run(['documents', 'remove', folder]).out, /^2 removed/);
  assert.equal(list().length, 0);
  for (const [args, code, why] of [[['remove', 'nothing.md'], 1, /no document 'nothing\.md'/], [['remove'], 2, /which documents/], [['tag', 'x'], 2, /which tags/],
    [['lst'], 2, /did you mean 'list'/], [['list', '--collection', 'nowhere'], 1, /no collection 'nowhere'/]]) {
    const bad = run(['documents', ...args]);
    assert.equal(bad.code, code, bad.err);
    assert.match(bad.err, why);
    assert.equal(bad.err.trim().split('\n').length, 1);
  }
});
