// Collections: which documents a server, a session and a request are about.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Call, browse, phone } from '../tools/calls.mjs';
import { freePort, serve, temporary, until, voiced } from '../tools/server.mjs';
import { Refused, closeAll, connect } from '../tools/session.mjs';

const QUESTION = 'Where is the kettle?';
const NAMES = { default: 'blue cupboard', work: 'green drawer', 'Haus & Hof — ü': 'red shed' };
const data = temporary();
let server, browser;

function add(name, place) {
  const folder = temporary();
  writeFileSync(join(folder, 'kettle.md'), `# Kettle\n\nThe kettle is in the ${place}.\n`);
  execFileSync(voiced, ['ingest', '--data', data, '--collection', name, folder], { stdio: 'ignore' });
}

before(async () => {
  for (const [name, place] of Object.entries(NAMES)) add(name, place);
  server = await serve({ data, decoders: 1 });
  browser = await browse();
});
afterEach(closeAll);
after(async () => {
  await browser?.close();
  await server?.stop();
});

const TALK = '/v1/realtime?model=voiced';
const query = (name) => (name === null ? '' : `?collection=${encodeURIComponent(name)}`);
const answerOf = (events) => events.at(-1).response.output[0].content[0].text;

async function ask(at, name) {
  const s = await connect(at, { path: TALK + query(name).replace('?', '&') });
  await s.update({ output_modalities: ['text'] });
  const text = answerOf(await s.ask(QUESTION));
  s.close();
  return text;
}

test('a session is about the collection it names, or the served one', async () => {
  for (const [name, place] of [[null, 'blue cupboard'], ...Object.entries(NAMES)]) assert.match(await ask(server, name), new RegExp(place), name);
});

test('search and the list of documents, too', async () => {
  for (const [name, place] of Object.entries(NAMES)) {
    const found = await fetch(`${server.origin}/api/search${query(name)}`, { method: 'POST', body: JSON.stringify({ query: QUESTION }) });
    const { results, collection } = await found.json();
    assert.equal(collection, name);
    assert.match(results[0].text, new RegExp(place));
    const { documents } = await (await fetch(`${server.origin}/api/documents${query(name)}`)).json();
    assert.equal(documents.length, 1);
    const { text } = await (await fetch(`${server.origin}/api/documents/${documents[0].id}/text`)).json();
    assert.match(text, new RegExp(place));
  }
});

test('a call, its offer raw or in a form', async () => {
  const page = await phone(browser, server);
  for (const session of [undefined, { type: 'realtime', model: 'voiced' }]) {
    const call = await Call.make(page, { path: `/v1/realtime/calls${query('work')}`, session });
    await call.event('session.created');
    assert.match(await call.ask(QUESTION), /green drawer/, session ? 'form' : 'raw');
    await call.close();
  }
  await until('the calls to end', async () => (await (await fetch(`${server.origin}/healthz`)).json()).sessions === 0, 60000);
});

test('what is not there is said, and starts nothing', async () => {
  const long = 'x'.repeat(5000);
  for (const name of ['nowhere', '', 'Work', long]) {
    await assert.rejects(connect(server, { path: TALK + query(name).replace('?', '&') }), (e) => e instanceof Refused && e.status === 404
      && JSON.parse(e.body).error.code === 'collection_not_found' && JSON.parse(e.body).error.param === 'collection', name.slice(0, 20));
    for (const [method, path, body] of [['GET', '/api/documents'], ['POST', '/api/search', '{"query":"x"}'], ['POST', '/v1/realtime/calls', 'v=0\r\n']]) {
      const r = await fetch(server.origin + path + query(name), { method, body, headers: { 'content-type': 'application/sdp' } });
      assert.deepEqual([r.status, (await r.json()).error.code], [404, 'collection_not_found'], `${path} ${name.slice(0, 20)}`);
    }
  }
  assert.equal((await fetch(`${server.origin}/api/documents?collection=%zz`)).status, 404);
  assert.match(await (await fetch(`${server.origin}/metrics`)).text(), /^voiced_sessions 0$/m);
});

test('a collection that is made while the server runs can be named', async () => {
  add('late', 'old boathouse');
  await until('the collection to be known', async () => (await fetch(`${server.origin}/api/documents?collection=late`)).status === 200, 30000);
  assert.match(await ask(server, 'late'), /old boathouse/);
});

test('serve --collection says which is served', async (t) => {
  const other = await serve({ data, decoders: 1, args: ['--collection', 'work'] });
  t.after(() => other.stop({ keep: true }));
  assert.match(await ask(other, null), /green drawer/);
  assert.match(await ask(other, 'default'), /blue cupboard/);
  assert.equal((await (await fetch(`${other.origin}/healthz`)).json()).documents, 1);

  for (const args of [['serve', '--listen', `127.0.0.1:${await freePort()}`], ['ask', QUESTION], ['search', QUESTION]])
    for (const d of [data, temporary()]) {
      const r = spawnSync(voiced, [args[0], '--data', d, '--collection', 'nowhere', ...args.slice(1)], { encoding: 'utf8', timeout: 20000 });
      assert.equal(r.status, 1, `${args[0]}: ${r.stdout}`);
      assert.equal(r.stderr.trim().split('\n').length, 1, r.stderr);
      if (d === data || args[0] !== 'search') assert.match(r.stderr, /no collection 'nowhere'.*voiced ingest --collection nowhere/);
    }
});

test('serve --docs puts them into the collection it serves', async (t) => {
  const folder = temporary();
  writeFileSync(join(folder, 'kettle.md'), '# Kettle\n\nThe kettle is in the tower.\n');
  const own = await serve({ decoders: 1, args: ['--collection', 'tower', '--docs', folder] });
  t.after(() => own.stop());
  assert.match(await ask(own, null), /tower/);
});
