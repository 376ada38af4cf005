// Labels and groups: who may read which documents, by every way in.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Call, browse, phone } from '../tools/calls.mjs';
import { KEY, NAME, hunt, lair, token } from '../tools/canary.mjs';
import { temporary, voiced } from '../tools/server.mjs';
import { Refused, closeAll, connect, refusal } from '../tools/session.mjs';

const QUESTION = `Where is the ${NAME} bonus paid?`, ANSWER = /flumdarb/;
const AZURE = '/openai/v1/realtime?model=voiced';
let place, server, board, sales, plain, browser;

before(async () => {
  [place, browser] = await Promise.all([lair({ label: 'board' }), browse()]);
  server = place.with;
  const folder = temporary();
  writeFileSync(join(folder, 'kettle.md'), '# Kettle\n\nThe kettle is in the green drawer.\n');
  execFileSync(voiced, ['ingest', '--data', server.data, '--collection', 'work', folder], { stdio: 'ignore' });
  [board, sales, plain] = await Promise.all([['it', 'board'], ['sales'], undefined].map((groups) => token(server, groups)));
});
afterEach(closeAll);
after(async () => {
  await browser?.close();
  await place?.stop();
});

const get = async (path, ek = KEY) => {
  const r = await fetch(server.origin + path, { headers: { authorization: `Bearer ${ek}` } });
  return { status: r.status, json: await r.json() };
};
const search = async (ek, query = QUESTION, more = '') => (await fetch(`${server.origin}/api/search${more}`, { method: 'POST', headers: { authorization: `Bearer ${ek}` }, body: JSON.stringify({ query }) })).json();
const files = ({ json }) => json.documents.map((d) => d.file);
const bearer = (ek, path) => ({ headers: { authorization: `Bearer ${ek}` }, ...(path && { path }) });

async function ask(ek, path, question = QUESTION) {
  const s = await connect(server, bearer(ek, path));
  await s.update({ output_modalities: ['text'] });
  return (await s.ask(question)).at(-1).response.output[0].content[0].text;
}

test('search, list, document and counts are those of the groups', async () => {
  for (const [ek, may] of [[KEY, true], [board, true], [sales, false], [plain, false]]) {
    const { results, words } = await search(ek);
    assert.equal(results.some((r) => r.file === `${NAME}.md`), may);
    assert.equal(words.find((w) => w.start === QUESTION.indexOf(NAME)).known, may);
    const list = await get('/api/documents', ek);
    assert.equal(files(list).includes(`${NAME}.md`), may);
    assert.equal((await get('/api/status', ek)).json.documents, list.json.documents.length);
    assert.deepEqual(list.json.documents.map((d) => d.labels), list.json.documents.map((d) => (ek !== KEY ? undefined : d.file === `${NAME}.md` ? ['board'] : [])));
    const { id } = (await get('/api/documents')).json.documents.find((d) => d.file === `${NAME}.md`);
    for (const path of [`/api/documents/${id}`, `/api/documents/${id}/text`]) {
      const { status, json } = await get(path, ek);
      assert.deepEqual([status, json.error?.code], may ? [200, undefined] : [404, 'not_found'], path);
    }
  }
  assert.equal((await get('/healthz')).json.documents, 4, 'anyone may ask: what anyone may read');
});

test('a conversation is about them, however it is held', async () => {
  for (const [ek, may] of [[KEY, true], [board, true], [sales, false], [plain, false]])
    assert.equal(ANSWER.test(await ask(ek)), may);
  const page = await phone(browser, server);
  for (const [ek, may] of [[board, true], [sales, false]]) {
    const call = await Call.make(page, { headers: { authorization: `Bearer ${ek}` }, session: { type: 'realtime', model: 'voiced' } });
    await call.event('session.created');
    assert.equal(ANSWER.test(await call.ask(QUESTION)), may);
    // Who listens beside it hears what it has read: only who may read that.
    const beside = `/v1/realtime?call_id=${call.location.split('/').at(-1)}`;
    for (const [other, joins] of [[KEY, true], [board, may], [sales, !may], [plain, false]]) {
      const s = await connect(server, bearer(other, beside)).catch((e) => e);
      assert.equal(s instanceof Refused ? s.status : 101, joins ? 101 : 404);
    }
    await call.close();
  }
});

test('a bound secret keeps to its collection, and nobody widens his groups', async () => {
  const work = await token(server, undefined, { collection: 'work' }), here = await token(server, ['board']);
  assert.match(await ask(work, undefined, 'Where is the kettle?'), /green drawer/);
  assert.deepEqual(files(await get('/api/documents', work)), ['kettle.md']);
  assert.match(await ask(plain, '/v1/realtime?model=voiced&collection=work', 'Where is the kettle?'), /green drawer/, 'an unbound one names it');
  for (const [ek, name] of [[work, 'default'], [work, 'nowhere'], [here, 'work'], [here, 'nowhere'], [work, 'x'.repeat(5000)]]) {
    const { status, json } = await get(`/api/documents?collection=${name}`, ek);
    assert.deepEqual([status, json.error.code], [403, 'collection_not_allowed']);
    for (const path of [`/v1/realtime?model=voiced&collection=${name}`, `${AZURE}&collection=${name}`]) {
      const s = await connect(server, bearer(ek, path)).catch((e) => e);
      assert.equal(s.status, 403, path);
    }
  }
  assert.equal((await get('/api/documents?collection=work', work)).status, 200, 'its own may be named');
  // A document of another collection is not there for it, by number either.
  const { id } = (await get('/api/documents')).json.documents[0];
  assert.equal((await get(`/api/documents/${id}`, work)).status, 404);
  assert.equal((await get(`/api/documents/${id}`)).status, 200);

  const count = async (ek, groups) => { const r = await get(`/api/documents?groups=${groups}`, ek); return r.status === 200 ? r.json.documents.length : r.json.error.code; };
  assert.deepEqual(await Promise.all([[KEY, ''], [KEY, 'board'], [KEY, 'sales,board'], [KEY, 'sales'], [board, 'board'], [board, ''], [board, 'sales'], [sales, 'board'], [plain, 'board'], [KEY, 'a,,b'], [KEY, ' a']]
    .map(([ek, groups]) => count(ek, groups))), [4, 5, 5, 4, 5, 4, 'group_not_allowed', 'group_not_allowed', 'group_not_allowed', 'invalid_value', 'invalid_value']);
});

test('what cannot be bound is refused; voiced token binds as well', async () => {
  for (const [voiced, param] of [[{ groups: 'hr' }, 'voiced.groups'], [{ groups: ['a,b'] }, 'voiced.groups'], [{ groups: [''] }, 'voiced.groups'], [{ groups: [7] }, 'voiced.groups'],
    [{ groups: Array.from({ length: 17 }, (_, i) => `g${i}`) }, 'voiced.groups'], [{ collection: 7 }, 'voiced.collection'], [{ collection: 'nowhere' }, 'voiced.collection'], [{ group: ['hr'] }, 'voiced.group']]) {
    const r = await fetch(`${server.origin}/v1/realtime/client_secrets`, { method: 'POST', headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }, body: JSON.stringify({ voiced }) });
    assert.deepEqual([r.status, (await r.json()).error?.param], [400, param]);
  }
  const made = (...args) => execFileSync(voiced, ['token', '--data', server.data, '--key', KEY, '--max-sessions', '0', ...args], { encoding: 'utf8' }).trim();
  const ek = made('--group', 'board', '--group', 'legal');
  assert.match(ek, /^ek_[\w-]{112}$/);
  assert.match(await ask(ek), ANSWER);
  assert.doesNotMatch(await ask(made('--group', 'legal')), ANSWER);
  assert.match(await ask(made('--collection', 'work'), undefined, 'Where is the kettle?'), /green drawer/);
  await refusal(place.without, 401, 'invalid_api_key', bearer(ek)); // the same key, but what it is bound to is not there
  // With an instruction as well: both are kept.
  const file = join(temporary(), 'session.json');
  writeFileSync(file, JSON.stringify({ type: 'realtime', instructions: 'From a file.' }));
  const s = await connect(server, bearer(made('--group', 'board', '--session', file)));
  assert.equal((await s.event('session.created')).session.instructions, 'From a file.');
});

test('the command line: labels, groups, and labels that change', async () => {
  const data = temporary(), folder = temporary();
  const run = (...args) => spawnSync(voiced, [args[0], '--data', data, ...args.slice(1)], { encoding: 'utf8' });
  writeFileSync(join(folder, 'kettle.md'), '# Kettle\n\nThe kettle is in the blue cupboard.\n');
  assert.match(run('ingest', '--label', 'hr', folder).stdout, /^1 added/);
  const asked = (...args) => /blue cupboard/.test(run('ask', ...args, 'Where is the kettle?').stdout);
  assert.deepEqual([asked(), asked('--group', 'hr'), asked('--group', 'it'), asked('--group', '')], [true, true, false, false]);
  assert.match(run('ingest', folder).stdout, /1 unchanged/, 'labels stay');
  assert.equal(asked('--group', ''), false);
  assert.match(run('ingest', '--label', 'it', '--label', 'ops', folder).stdout, /1 updated/);
  assert.deepEqual([asked('--group', 'hr'), asked('--group', 'ops')], [false, true]);
  assert.match(run('ingest', '--label', '', folder).stdout, /1 updated/, 'and go');
  assert.equal(asked('--group', ''), true);
  assert.equal(run('ingest', '--label', 'a,b', folder).status, 2);
});

test('a canary: what stands only in a document of others is nowhere, in 300 questions', async () => {
  const counts = await hunt(place, { groups: ['sales'], searches: 278, typed: 20, spoken: 2 });
  assert.deepEqual([counts.searches, counts.typed, counts.spoken, counts.leaks, counts.differences], [278, 20, 2, 0, 0]);
  assert.ok(counts.partials > 0 && counts.events > 200);
  for (const query of [NAME, 'kwervimaks', 'corvimax', 'quor vimax']) {
    assert.ok((await search(board, query)).results.some((r) => r.file === `${NAME}.md`), `a member finds it: ${query}`);
    assert.ok((await search(board, query)).words.some((w) => w.known || w.like.length), query);
  }
});
