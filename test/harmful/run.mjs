// run.mjs - ingests deliberately harmful files beside good ones and watches what becomes of everything:
// the program, its children's memory and time, files elsewhere, what is said and what is found.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, lstatSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, sleep, temporary, voiced } from '../tools/server.mjs';

const MB = 1024 * 1024;
const CHILD_MEMORY = 512 * MB, CHILD_MS = 20000, GRACE_MS = 3000, PARENT_MEMORY = 1024 * MB;
const CRASH = /segmentation|assert|sanitizer|runtime error|core dumped|aborted|smashing|corrupt|free\(\)|malloc|backtrace/i;

// Every file below a folder with its size and time, by octets: names may be in any encoding.
function snapshot(folder, leave) {
  const seen = new Map();
  const enter = (dir) => {
    for (const name of readdirSync(dir, { encoding: 'buffer' })) {
      const path = Buffer.concat([dir, Buffer.from('/'), name]);
      const st = lstatSync(path);
      if (leave.some((l) => path.equals(Buffer.from(l)))) continue;
      seen.set(path.toString('latin1'), st.isDirectory() ? 'folder' : `${st.size} ${st.mtimeMs}`);
      if (st.isDirectory()) enter(path);
    }
  };
  enter(Buffer.from(folder));
  return seen;
}

function processes() {
  const all = [];
  for (const pid of readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
    try {
      const text = readFileSync(`/proc/${pid}/status`, 'utf8');
      const field = (name) => text.match(new RegExp(`^${name}:\\s+(.*)$`, 'm'))?.[1];
      const kb = (name) => parseInt(field(name) ?? '0', 10) * 1024;
      all.push({ pid: +pid, parent: +field('PPid'), name: field('Name'), memory: kb('VmHWM') });
    } catch { /* gone */ }
  }
  return all;
}

// Milliseconds for which it wanted a processor and others had it.
function starved(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}

function descendants(pid) {
  const all = processes(), found = [];
  for (let level = [pid]; level.length;) {
    const next = all.filter((p) => level.includes(p.parent));
    found.push(...next);
    level = next.map((p) => p.pid);
  }
  return found;
}

// Runs it to its end; how large each process was at most, and how long each was there.
async function watch(args, options, every, tick) {
  const child = spawn(voiced, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const seen = new Map(), from = Date.now();
  const r = { out: '', err: '', memory: 0, children: seen };
  child.stdout.on('data', (d) => { r.out += d; });
  child.stderr.on('data', (d) => { r.err += d; });
  let ended = null;
  const end = new Promise((done) => child.on('close', (code, signal) => done(ended = { code, signal })));
  for (; !ended; await Promise.race([end, sleep(every)])) {
    const self = processes().find((p) => p.pid === child.pid);
    r.memory = Math.max(r.memory, self?.memory ?? 0);
    for (const p of descendants(child.pid)) {
      const known = seen.get(p.pid) ?? { name: p.name, memory: 0, from: Date.now() };
      seen.set(p.pid, { ...known, name: p.name, memory: Math.max(known.memory, p.memory),
        ms: Date.now() - known.from - starved(p.pid) });
    }
    tick();
  }
  r.ms = Date.now() - from;
  return Object.assign(r, ended);
}

const find = (data, query, k = 5) =>
  JSON.parse(execFileSync(voiced, ['search', '--json', '--data', data, '-k', `${k}`, query],
    { encoding: 'utf8', maxBuffer: 256 * MB })).results;

function checkProcesses(r) {
  assert.ok(r.memory < PARENT_MEMORY, `the program itself took ${Math.round(r.memory / MB)} MB`);
  const readers = [...r.children.values()];
  // The template is there all the time; a reader is its child, and is called as it is.
  const template = Math.max(...readers.map((p) => p.ms));
  for (const p of readers) {
    assert.ok(p.memory <= CHILD_MEMORY, `${p.name} took ${Math.round(p.memory / MB)} MB`);
    assert.ok(p.ms <= CHILD_MS + GRACE_MS || p.ms === template, `${p.name} was there for ${p.ms} ms`);
  }
}

function checkSentences(list, failed) {
  const by = new Map(failed.map((f) => [f.path, f.why]));
  for (const f of list.files) {
    const why = by.get(join(list.folder, f.file));
    if (f.expect === 'refused') assert.ok(why, `${f.file} was not refused`);
    if (f.expect === 'read') assert.equal(why, undefined, `${f.file} was refused`);
    if (why) assert.match(why, new RegExp(f.why || '.'), f.file);
    if (why) assert.ok(why.startsWith(`${f.file.split('/').pop()}: `), `${f.file} is not named in: ${why}`);
  }
  for (const { why } of failed) assert.doesNotMatch(why, /[\x00-\x1f\x7f\ufffd\u202e]/, `not to be shown: ${JSON.stringify(why)}`);
  const empty = list.files.filter((f) => f.expect === 'empty name').length;
  assert.equal(failed.filter((f) => f.path.startsWith(join(list.folder, 'names/'))).length, empty, 'each empty file is named');
}

function checkFound(list, data) {
  for (const word of list.words) assert.ok(find(data, word).some((row) => row.text.includes(word)), `${word} is not found`);
  const titles = new Set(find(data, 'the file with a difficult name', 100).map((row) => row.title));
  for (const f of list.files.filter((f) => f.expect === 'title')) assert.ok(titles.has(f.title), `${f.title} is not found`);
  for (const f of readdirSync(data, { recursive: true, withFileTypes: true }).filter((f) => f.isFile()))
    assert.ok(!readFileSync(join(f.parentPath ?? f.path, f.name)).includes(list.canary), `what no document may read is in ${f.name}`);
}

export async function harm({ quick = false, log = () => {} } = {}) {
  const top = temporary('harmful'), files = join(top, 'files'), data = join(top, 'data');
  const args = [join(root, 'test/harmful/make.py'), top, ...(quick ? ['--quick'] : [])];
  const made = spawnSync('python3', args, { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  const list = { ...JSON.parse(readFileSync(join(top, 'list.json'), 'utf8')), folder: files };
  for (const d of ['cwd', 'tmp', 'home']) mkdirSync(join(top, d));
  const growing = join(files, 'growing.txt');
  const grow = () => appendFileSync(growing, 'It grows while it is read. '.repeat(1000));
  grow();

  const before = snapshot(top, [data, growing]);
  const env = { ...process.env, TMPDIR: join(top, 'tmp'), HOME: join(top, 'home') };
  const r = await watch(['ingest', '--json', '--data', data, files], { cwd: join(top, 'cwd'), env }, quick ? 100 : 200, grow);
  log(`${list.files.length} files, ${r.ms} ms, ${r.children.size} children seen, largest ${Math.round(
    Math.max(...[...r.children.values()].map((p) => p.memory)) / MB)} MB in memory; the program itself ${Math.round(r.memory / MB)} MB`);
  assert.deepEqual([r.code, r.signal], [0, null], r.err);
  assert.doesNotMatch(r.err, CRASH);
  const said = JSON.parse(r.out);
  for (const f of said.failed) log(`  ${f.why}`);

  checkProcesses(r);
  assert.deepEqual(snapshot(top, [data, growing]), before, 'no file elsewhere is made, changed or removed');
  checkSentences(list, said.failed);
  checkFound(list, data);
  for (const end = Date.now() + 2000; ;) { // whose parent has ended is init's child
    const left = processes().filter((p) => r.children.has(p.pid) && r.children.get(p.pid).name === p.name);
    if (!left.length) break;
    assert.ok(Date.now() < end, `still there: ${left.map((p) => p.name)}`);
    await sleep(20);
  }
  return { said, list, data, ms: r.ms };
}
