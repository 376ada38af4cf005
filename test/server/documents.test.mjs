// Documents that come and go while the server runs: by HTTP, in a folder that is followed, by
// another process; found at once, also in a conversation that has begun.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { serve, temporary, until, voiced } from '../tools/server.mjs';
import { closeAll, connect } from '../tools/session.mjs';

const folder = temporary(), data = temporary();
let server, talk;

const write = (name, text) => writeFileSync(join(folder, name), text);
const note = (thing, place) => `# ${thing}\n\nThe ${thing.toLowerCase()} is in the ${place}.\n`;
const api = (path, options) => fetch(server.origin + path, options);
const list = async () => (await (await api('/api/documents')).json()).documents;
const upload = (name, body, query = '') => api(`/api/documents?name=${encodeURIComponent(name)}${query}`, { method: 'POST', body });

async function search(query) {
  const r = await api('/api/search', { method: 'POST', body: JSON.stringify({ query }) });
  return (await r.json()).results;
}
const found = (query, text) => until(`"${query}" to find "${text}"`, async () => (await search(query))[0]?.text.includes(text), 15000);
const gone = (query, text) => until(`"${text}" to be gone`, async () => !(await search(query)).some((r) => r.text.includes(text)), 15000);
const answer = async (question) => (await talk.ask(question)).at(-1).response.output[0].content[0].text;

before(async () => {
  write('kettle.md', note('Kettle', 'tower'));
  write('.voicedignore', 'drafts/\n');
  mkdirSync(join(folder, 'drafts'));
  write('drafts/secret.md', note('Teapot', 'moat'));
  server = await serve({ data, args: ['--docs', folder] });
  talk = await connect(server, { path: '/v1/realtime?model=voiced' });
  await talk.update({ output_modalities: ['text'] });
});
after(async () => {
  closeAll();
  await server?.stop();
});

test('the folder has been read when the server is ready; what is ignored has not', async () => {
  assert.match(await answer('Where is the kettle?'), /tower/);
  assert.deepEqual((await list()).map((d) => d.file), ['kettle.md']);
});

test('a folder is followed: new, changed, renamed, in new folders, deleted', async () => {
  write('ladder.md', note('Ladder', 'cellar'));
  await found('ladder', 'cellar');
  assert.match(await answer('Where is the ladder?'), /cellar/);
  const { id } = (await list()).find((d) => d.file === 'ladder.md');

  write('ladder.md', note('Ladder', 'attic, behind the chimney'));
  await found('ladder', 'attic');
  renameSync(join(folder, 'ladder.md'), join(folder, 'steps.md'));
  await until('the new name', async () => (await list()).some((d) => d.file === 'steps.md'));
  assert.equal((await list()).find((d) => d.file === 'steps.md').id, id, 'it is the same document');
  assert.equal((await api(`/api/documents/${id}/text`)).status, 200);

  mkdirSync(join(folder, 'garden/shed'), { recursive: true });
  write('garden/shed/rake.md', note('Rake', 'greenhouse'));
  await found('rake', 'greenhouse');
  renameSync(join(folder, 'garden'), join(folder, 'park'));
  write('park/shed/spade.md', note('Spade', 'orchard'));
  await found('spade', 'orchard');
  rmSync(join(folder, 'park'), { recursive: true });
  await gone('rake', 'greenhouse');
  rmSync(join(folder, 'steps.md'));
  await gone('ladder', 'attic');
  assert.deepEqual((await list()).map((d) => d.file), ['kettle.md']);
});

test('rules that change are obeyed', async () => {
  write('.voicedignore', '');
  await found('teapot', 'moat');
  write('.voicedignore', 'drafts/\n');
  await gone('teapot', 'moat');
});

test('an upload is findable when it is answered, in a running conversation, too', async () => {
  const r = await upload('lamp.md', note('Lamp', 'lighthouse'), '&tags=light,%20house');
  assert.equal(r.status, 201);
  const { id, state, documents } = await r.json();
  assert.equal(state, 'done');
  assert.deepEqual(documents.map((d) => [d.name, d.state]), [['lamp.md', 'added']]);
  assert.match((await search('lamp'))[0].text, /lighthouse/);
  assert.match(await answer('Where is the lamp?'), /lighthouse/);
  assert.deepEqual(await (await api(`/api/ingest/${id}`)).json(), { id, state, documents });
  const out = JSON.parse(execFileSync(voiced, ['documents', '--data', data, '--json', 'list', 'lamp.md']));
  assert.deepEqual(out.documents[0].tags, ['light', 'house']);

  assert.equal((await (await upload('lamp.md', note('Lamp', 'lighthouse'))).json()).documents[0].state, 'unchanged');
  assert.equal((await upload('lamp.md', note('Lamp', 'boathouse'))).status, 200);
  assert.match((await search('lamp'))[0].text, /boathouse/);
  const gone = await api(`/api/documents/${documents[0].id}`, { method: 'DELETE' });
  assert.deepEqual([gone.status, await gone.json()], [200, { id: documents[0].id, deleted: true }]);
  assert.ok(!(await search('lamp')).some((x) => /boathouse/.test(x.text)));
});

test('several in one form; what cannot be read is said, and the rest is there', async () => {
  const form = new FormData();
  form.append('file', new Blob([note('Bell', 'steeple')]), 'bell.md');
  form.append('file', new Blob(['\x00\x01\x02']), 'odd.bin');
  form.append('tags', 'metal');
  const r = await api('/api/documents', { method: 'POST', body: form });
  const { documents } = await r.json();
  assert.equal(r.status, 201);
  assert.deepEqual(documents.map((d) => [d.name, d.state]), [['bell.md', 'added'], ['odd.bin', 'failed']]);
  assert.match(documents[1].error, /^odd\.bin: is not a/);
  const report = await (await api('/api/ingest')).json();
  assert.equal(report.state, 'idle');
  assert.equal(report.failed.at(-1).file, 'odd.bin');
});

test('what will not do is refused with a sentence', async () => {
  const cases = [
    [await api('/api/documents', { method: 'POST', body: 'x' }), 400, 'invalid_value', /wants a name/],
    [await upload('../x.md', 'x'), 400, 'invalid_value', /no path/],
    [await upload('/etc/x.md', 'x'), 400, 'invalid_value', /no path/],
    [await upload('x\ny.md', 'x'), 400, 'invalid_value', /control/],
    [await upload('x.md', 'x', '&wait=later'), 400, 'invalid_value', /wait/],
    [await upload('empty.md', ''), 422, 'unreadable_document', /empty\.md: holds no text/],
    [await upload('x.md', 'x', '&collection=nowhere'), 404, 'collection_not_found', /no such collection/],
    [await api('/api/documents/999999', { method: 'DELETE' }), 404, 'not_found', /no such document/],
    [await api('/api/ingest/in_999', {}), 404, 'not_found', /no such upload/],
    [await api('/api/documents', { method: 'POST', body: 'x', headers: { 'content-type': 'multipart/form-data; boundary=b' } }), 400, 'invalid_multipart', /malformed/],
  ];
  for (const [r, status, code, why] of cases) {
    const { error } = await r.json();
    assert.deepEqual([r.status, error.code], [status, code]);
    assert.match(error.message, why);
  }
  const put = await api('/api/documents/1', { method: 'PUT' });
  assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, HEAD, DELETE']);
});

test('who does not want to wait is told where to look', async () => {
  const r = await upload('later.md', note('Clock', 'hall'), '&wait=0');
  const { id } = await r.json();
  assert.match(id, /^in_\d+$/);
  if (r.status === 202) await until('the upload to be done', async () => (await (await api(`/api/ingest/${id}`)).json()).state === 'done');
  await found('clock', 'hall');
});

test('another process beside the server is noticed', async () => {
  const other = temporary();
  writeFileSync(join(other, 'harp.md'), note('Harp', 'music room'));
  execFileSync(voiced, ['ingest', '--data', data, other], { stdio: 'ignore' });
  await found('harp', 'music room');
  execFileSync(voiced, ['documents', '--data', data, 'remove', other], { stdio: 'ignore' });
  await gone('harp', 'music room');
});

test('a client secret may read, but not write', async (t) => {
  const own = await serve({ args: ['--key', 'k'], ready: false });
  t.after(() => own.stop());
  const secret = execFileSync(voiced, ['token', '--data', own.data, '--key', 'k'], { encoding: 'utf8' }).trim();
  for (const [method, path] of [['POST', '/api/documents?name=a.md'], ['DELETE', '/api/documents/1']]) {
    const as = (key) => fetch(own.origin + path, { method, headers: key ? { authorization: `Bearer ${key}` } : {}, body: method === 'POST' ? 'text' : undefined });
    assert.equal((await as()).status, 401);
    assert.equal((await as(secret)).status, 403);
    assert.ok([200, 201].includes((await as('k')).status));
  }
});
