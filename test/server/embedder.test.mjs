// --embedder: a model from a folder, a service with all its faults, one voiced asking another; changed while search goes on.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ingest, root, serve, temporary, until, voiced } from '../tools/server.mjs';

const KEY = 'sk-a-secret-of-the-service';
const stops = [];
after(async () => { for (const stop of stops.reverse()) await stop(); });

// An embedding service whose vectors say which letters are in a text; `faults` are answered first, one a request.
async function service({ dims = 24, faults = [] } = {}) {
  const s = { dims, faults, requests: 0, texts: 0, queries: [], headers: [], urls: [], down: null };
  const vector = (text) => {
    const v = Array(s.dims).fill(0.01);
    for (const c of text.toLowerCase()) if (c >= 'a' && c <= 'z') v[(c.charCodeAt(0) - 97) % s.dims] += 1;
    return v;
  };
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (d) => { body += d; });
    req.on('end', () => {
      s.requests++;
      s.headers.push(req.headers);
      s.urls.push(req.url);
      const fault = s.down ?? s.faults.shift();
      if (fault?.never) return; // says nothing
      if (fault) return res.writeHead(fault.status ?? 200, fault.headers).end(fault.body ?? '');
      const { input, encoding_format } = JSON.parse(body);
      assert.equal(encoding_format, 'float');
      s.texts += input.length;
      if (input.length === 1) s.queries.push(input[0]);
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(
        { object: 'list', model: 'letters', data: input.map((t, index) => ({ object: 'embedding', index, embedding: vector(t) })) }));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => { server.closeAllConnections(); server.close(); });
  s.url = `http://127.0.0.1:${server.address().port}/v1`;
  return s;
}

const start = async (options) => {
  const server = await serve({ ready: false, ...options });
  stops.push(() => server.stop());
  return server;
};
const doctor = (data) => JSON.parse(spawnSync(voiced, ['doctor', '--data', data, '--json'], { encoding: 'utf8' }).stdout)
  .checks.find((c) => c.name === 'embedder').text;
const search = async (server, query) => (await fetch(`${server.origin}/api/search`,
  { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query }) })).json();
const env = { VOICED_EMBEDDER_KEY: KEY };
const remote = (s, ...more) => ['--embedder', s.url, '--embedder-model', 'letters', ...more];
// Not spawnSync: the service is in this process.
const command = (...args) => new Promise((resolve) => {
  const child = spawn(voiced, args, { env: { ...process.env, ...env } });
  const r = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name].on('data', (d) => { r[name] += d; });
  child.on('close', (status) => resolve({ ...r, status }));
});
const run = (data, args, paths = [join(root, 'examples')]) => command('ingest', '--data', data, ...args, ...paths);
const find = async (data, query) => JSON.parse((await command('search', '--data', data, '--json', query)).stdout);

test('a model from a folder, and back', async () => {
  const data = ingest([join(root, 'examples')]);
  assert.match(doctor(data), /^lsa-/);
  assert.equal((await run(data, ['--embedder', join(root, 'test/models/unigram')])).status, 0);
  assert.match(doctor(data), /^static-unigram-[0-9a-f]{16}, 32 dimensions$/);
  const found = await find(data, 'telescope');
  assert.match(found.results[0].text, /telescope/i);
  assert.equal((await run(data, [])).status, 0, 'whatever it has');
  assert.match(doctor(data), /^static-unigram/);
  assert.equal((await run(data, ['--embedder', 'lsa'])).status, 0);
  assert.match(doctor(data), /^lsa-/);
  const wrong = await run(data, ['--embedder', '/nowhere']);
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /\/nowhere cannot be read/);
});

test('a service that is slow, busy, broken: tried again, nothing asked twice, the key kept', async () => {
  const bad = (body) => ({ body });
  const s = await service({ faults: [{ status: 429, headers: { 'retry-after-ms': '20' } }, { status: 503 }] });
  const data = ingest([join(root, 'examples')]);
  const first = await run(data, remote(s));
  assert.equal(first.status, 0, first.stderr);
  assert.match(doctor(data), /^remote-letters-[0-9a-f]{16}, 32 dimensions$/);
  assert.equal(s.texts, 103, 'each passage once, and one for the dimensions');
  assert.ok(s.requests <= 2 + 1 + 16, `${s.requests} requests`);
  assert.ok(s.headers.every((h) => h.authorization === `Bearer ${KEY}`));
  assert.ok(s.urls.every((u) => u === '/v1/embeddings'));
  // New passages only; what is senseless changes nothing, and the documents are there.
  const folder = temporary();
  writeFileSync(join(folder, 'new.md'), '# Kettles\n\nThe kettle is in the green drawer of the galley.\n');
  for (const fault of [bad('{'), bad('{"data":[]}'), bad('{"data":[{"embedding":[NaN,1]}]}'), bad('{"data":[{"embedding":[1,2,3]}]}'), { status: 401 }]) {
    s.faults.push(fault);
    const again = await run(data, remote(s), [folder]);
    assert.equal(again.status, 0, again.stderr);
    assert.match(again.stderr, /what=embedder/);
  }
  const before = s.texts;
  assert.equal((await run(data, remote(s), [folder])).status, 0);
  assert.equal(s.texts, before + 1);
  assert.equal((await run(data, remote(s), [folder])).status, 0);
  assert.equal(s.texts, before + 1);
  for (const name of readdirSync(data).filter((n) => n.startsWith('voiced.db'))) assert.ok(!readFileSync(join(data, name)).includes(KEY), `${name} holds the key`);
});

test("Azure's form", async () => {
  const s = await service();
  const data = ingest([join(root, 'examples')]);
  const at = s.url.replace('/v1', '/openai/deployments/small?api-version=2024-10-21');
  assert.equal((await run(data, ['--embedder', at])).status, 0);
  assert.equal(s.urls[0], '/openai/deployments/small/embeddings?api-version=2024-10-21');
  assert.ok(s.headers.every((h) => h['api-key'] === KEY && !h.authorization));
});

test('changed while the server runs; killed in between, it goes on; a question waits for nobody', async () => {
  const s = await service();
  const data = ingest([join(root, 'examples')]);
  s.down = { status: 503, headers: { 'retry-after-ms': '10' } };
  let server = await start({ data, args: remote(s), env });
  const early = await until('search', async () => (await search(server, 'station cat')).results, 90000);
  assert.match(early[0].text, /cat/i, 'with the old vectors');
  assert.match(doctor(data), /^lsa-/);
  s.down = null;
  await until('some passages', () => s.texts > 0, 40000);
  await server.stop({ keep: true, signal: 'SIGKILL' });
  server = await start({ data, args: remote(s), env });
  await until('the new vectors', () => /^remote-letters/.test(doctor(data)), 40000);
  assert.ok(s.texts <= 2 + 102 + 64 + 2, `${s.texts} texts: what was answered is not asked again`);
  assert.ok(!server.log.includes(KEY));
  await until('a question', async () => { await search(server, 'where is the sledge'); return s.queries.includes('where is the sledge'); }, 20000);
  const asked = s.requests;
  await search(server, 'where is the sledge');
  assert.equal(s.requests, asked, 'it is remembered');
  s.down = { never: true };
  const from = Date.now();
  const found = await search(server, 'what is the station cat called');
  assert.ok(Date.now() - from < 3000, `${Date.now() - from} ms`);
  assert.ok(found.results.length > 0);
  assert.equal(found.words_only, true, 'and says so');
  const refused = await fetch(`${server.origin}/v1/embeddings`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"input":"a"}' });
  assert.equal((await refused.json()).error.code, 'model_not_served');
});

test('one voiced asks another', async () => {
  const giver = await start({ data: ingest([join(root, 'examples')]), args: ['--key', KEY] });
  const data = ingest([join(root, 'examples')]);
  const r = await run(data, ['--embedder', `${giver.origin}/v1`]);
  assert.equal(r.status, 0, r.stderr);
  assert.match(doctor(data), /^remote-model-[0-9a-f]{16}, 48 dimensions$/);
  const found = await find(data, 'rubber boat');
  assert.match(found.results[0].text, /boat/i);
});
