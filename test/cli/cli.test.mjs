// The command line, tried as a person would.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, temporary, voiced } from '../tools/server.mjs';
import { speak } from '../tools/speech.mjs';

const run = (args, options = {}) => {
  const r = spawnSync(voiced, args, { encoding: 'utf8', timeout: 60000, ...options });
  return { code: r.status, out: r.stdout, err: r.stderr };
};
const examples = join(root, 'examples');
const data = temporary();
test.after(() => rmSync(data, { recursive: true, force: true }));

test('help, version, and a word that is nearly a command', () => {
  assert.match(run(['--help']).out, /serve[\s\S]*ingest[\s\S]*search[\s\S]*ask[\s\S]*eval[\s\S]*doctor[\s\S]*token/);
  assert.match(run(['--version']).out, /^voiced \d+\.\d+\.\d+\n$/);
  for (const c of ['serve', 'ingest', 'search', 'ask', 'eval', 'doctor', 'token']) {
    const r = run([c, '--help']);
    assert.equal(r.code, 0);
    assert.match(r.out, new RegExp(`usage: voiced ${c}`));
    assert.match(r.out, /--data DIR/);
  }
  assert.deepEqual([run([]).code, run(['injest']).code, run(['serve', '--lsten', 'x']).code], [2, 2, 2]);
  assert.match(run(['injest']).err, /did you mean 'ingest'\?/);
  assert.match(run(['serve', '--lsten', 'x']).err, /did you mean --listen\?/);
  assert.match(run(['search', '--k', 'many', 'x']).err, /whole number/);
});

test('ingest, again, and what has gone', () => {
  const first = run(['ingest', '--json', '--data', data, examples]);
  assert.equal(first.code, 0, first.err);
  const summary = JSON.parse(first.out);
  assert.equal(summary.added, 8);
  assert.equal(summary.failed.length, 0);
  const again = JSON.parse(run(['ingest', '--json', '--data', data, examples]).out);
  assert.deepEqual([again.added, again.unchanged], [0, 8]);

  const folder = temporary(), d = temporary();
  writeFileSync(join(folder, 'a.md'), '# A\n\nThe kettle is in the blue cupboard.\n');
  writeFileSync(join(folder, 'b.md'), '# B\n\nThe ladder is behind the shed.\n');
  run(['ingest', '--data', d, folder]);
  rmSync(join(folder, 'b.md'));
  writeFileSync(join(folder, 'a.md'), '# A\n\nThe kettle is in the green cupboard.\n');
  const changed = JSON.parse(run(['ingest', '--json', '--data', d, folder]).out);
  assert.deepEqual([changed.updated, changed.removed], [1, 1]);
  assert.match(run(['search', '--data', d, 'where is the kettle']).out, /green cupboard/);
  assert.doesNotMatch(run(['search', '--data', d, 'ladder shed']).out, /ladder/);
  rmSync(folder, { recursive: true });
  rmSync(d, { recursive: true });
});

test('search says document, page and heading', () => {
  const r = run(['search', '--json', '--data', data, '-k', '3', 'how far must a boat stay away from resting seals']);
  assert.equal(r.code, 0, r.err);
  const { results } = JSON.parse(r.out);
  assert.equal(results.length, 3);
  assert.match(results[0].file, /boat-safety\.pdf$/);
  assert.equal(results[0].page, 3);
  assert.ok(results[0].end > results[0].start);
  assert.match(run(['search', '--data', data, 'station cat']).out, /staff-handbook\.md/);
});

test('ask answers with its source, aloud too', () => {
  const wav = join(data, 'answer.wav');
  const r = run(['ask', '--data', data, '--speak', wav, 'What is the station cat called?']);
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /Biscuit/);
  assert.match(r.out, /staff-handbook\.md/);
  const header = readFileSync(wav).subarray(0, 12).toString('latin1');
  assert.match(header, /^RIFF....WAVE$/s);
  assert.ok(readFileSync(wav).length > 24000 * 2);
  assert.doesNotMatch(r.out, /\x1b/, 'no colours off a terminal');
});

test('ask hears a recording', () => {
  const r = run(['ask', '--json', '--data', data, '--wav', speak('How often does the Veltrani gauge record the water level?')]);
  assert.equal(r.code, 0, r.err);
  const a = JSON.parse(r.out);
  assert.match(a.answer, /every six minutes/i, `heard: ${a.question}`);
  assert.match(a.sources[0].file, /instruments\.md$/);
});

test('what is not in the documents is not answered', () => {
  const a = JSON.parse(run(['ask', '--json', '--data', data, 'Who won the football match in Lisbon last night?']).out);
  assert.equal(a.sources.length, 0);
  assert.match(a.answer, /found nothing|did not find/i);
});

test('bad input meets one sentence', () => {
  const d = temporary();
  writeFileSync(join(d, 'noise.wav'), 'this is no recording');
  writeFileSync(join(d, 'empty.wav'), '');
  mkdirSync(join(d, 'folder'));
  const rows = [
    [['ask', '--data', d, '--wav', join(d, 'noise.wav')], /not a WAV file/],
    [['ask', '--data', d, '--wav', join(d, 'empty.wav')], /not a WAV file|empty/],
    [['ask', '--data', d, '--wav', join(d, 'folder')], /directory/i],
    [['ask', '--data', d, '--wav', join(d, 'missing.wav')], /No such file/],
    [['ingest', '--data', d, join(d, 'missing')], /missing/],
    [['ingest', '--data', '/proc/voiced', examples], /\/proc\/voiced/],
  ];
  for (const [args, why] of rows) {
    const r = run(args);
    assert.equal(r.code, 1, `${args.join(' ')}: ${r.out}${r.err}`);
    assert.match(r.err, why);
    assert.equal(r.err.trim().split('\n').length, 1, r.err);
  }
  rmSync(d, { recursive: true });
});

test('token prints a client secret and nothing else', () => {
  const d = join(temporary(), 'new'), VOICED_KEY = '';
  const token = (...args) => run(['token', '--data', d, ...args], { env: { ...process.env, VOICED_KEY } });
  const first = token();
  assert.equal(first.code, 0, first.err);
  assert.match(first.out, /^ek_[\w-]{20,197}\n$/);
  assert.equal(first.err, '', 'hints are for terminals');
  assert.notEqual(token().out, first.out);
  assert.equal(statSync(join(d, 'token.key')).mode & 0o777, 0o600);

  const file = join(d, 'session.json');
  writeFileSync(file, '{"type":"transcription"}');
  const { value, expires_at, session } = JSON.parse(token('--json', '--session', file, '--expires', '10', '--max-sessions', '0',
    '--max-duration', '60', '--origin', 'https://app.example').out);
  assert.match(value, /^ek_/);
  assert.ok(Math.abs(expires_at - Date.now() / 1000 - 10) < 3);
  assert.equal(session.type, 'transcription');

  writeFileSync(join(d, 'wrong.json'), '{"audio":{"output":{"speed":9}}}');
  writeFileSync(join(d, 'translation.json'), '{"type":"translation"}');
  writeFileSync(join(d, 'text.json'), 'be kind');
  const rows = [
    [['--expires', '9'], 2, /--expires wants a number from 10 to 7200/], [['--expires', '7201'], 2, /--expires/],
    [['--max-sessions', '70000'], 2, /--max-sessions/], [['--max-duration', '3601'], 2, /--max-duration/],
    [['--origin', 'app.example'], 1, /--origin wants scheme and host/], [['--session', join(d, 'missing.json')], 1, /No such file/],
    [['--session', join(d, 'text.json')], 1, /no session object/], [['--session', join(d, 'wrong.json')], 1, /session\.audio\.output\.speed/],
    [['--session', join(d, 'translation.json')], 1, /neither realtime nor transcription/], [['--data', '/proc/voiced'], 1, /\/proc\/voiced/],
  ];
  for (const [args, code, why] of rows) {
    const r = token(...args);
    assert.equal(r.code, code, args.join(' '));
    assert.match(r.err, why);
    assert.deepEqual([r.out, r.err.trim().split('\n').length], ['', 1], r.err);
  }
});

test('doctor says where everything is', () => {
  const r = run(['doctor', '--data', data]);
  assert.match(r.out, new RegExp(data));
  assert.match(r.out, /certificate|recogni/i);
  assert.equal(r.code, 0, r.out);
  const missing = run(['doctor', '--data', join(data, 'nowhere')]);
  assert.match(missing.out + missing.err, /voiced ingest/);
});
