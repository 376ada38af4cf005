// POST /v1/embeddings, asked by npm's openai as it is and by hand.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import OpenAI6 from 'openai6';
import { ingest, root, serve } from '../tools/server.mjs';

const KEY = 'the-embedding-key';
let server;
before(async () => { server = await serve({ data: ingest([join(root, 'examples')]), args: ['--key', KEY], ready: false }); });
after(() => server?.stop());

const length = (v) => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
const cosine = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0) / length(a) / length(b);
const post = (body, headers = { authorization: `Bearer ${KEY}` }) => fetch(`${server.origin}/v1/embeddings`,
  { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) });

for (const [name, Client] of [['openai', OpenAI], ['openai6', OpenAI6]])
  test(`${name}: texts as vectors, as floats and as its own base64`, async () => {
    const client = new Client({ apiKey: KEY, baseURL: `${server.origin}/v1`, maxRetries: 0 });
    const input = ['the telescope and its mirror', 'a mirror of the telescope', 'life jackets on the boat'];
    const plain = await client.embeddings.create({ model: 'any', input, encoding_format: 'float' });
    assert.equal(plain.object, 'list');
    assert.equal(plain.model, 'lsa-2');
    assert.ok(plain.usage.total_tokens >= 10);
    const vectors = plain.data.map((d) => d.embedding);
    assert.deepEqual(plain.data.map((d) => d.index), [0, 1, 2]);
    for (const v of vectors) assert.ok(Math.abs(length(v) - 1) < 1e-4);
    assert.ok(cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2]) + 0.2);
    const usual = await client.embeddings.create({ model: 'any', input }); // base64 on the wire
    usual.data.forEach((d, i) => assert.ok(cosine([...d.embedding], vectors[i]) > 0.9999));
    const short = await client.embeddings.create({ model: 'any', input: input[0], dimensions: 16 });
    assert.equal(short.data[0].embedding.length, 16);
    assert.ok(Math.abs(length([...short.data[0].embedding]) - 1) < 1e-4);
    await assert.rejects(client.embeddings.create({ model: 'any', input: [[1, 2, 3]] }), /text, not tokens/);
  });

test('what is wrong is said', async () => {
  const cases = [
    ['{', 400, 'invalid_json'], ['[]', 400, 'invalid_json'], [{ model: 'm' }, 400, 'invalid_value', 'input'],
    [{ input: '' }, 400, 'invalid_value', 'input'], [{ input: [] }, 400, 'invalid_value', 'input'],
    [{ input: [1, 2] }, 400, 'invalid_value', 'input'], [{ input: ['a', ''] }, 400, 'invalid_value', 'input'],
    [{ input: Array(2049).fill('a') }, 400, 'invalid_value', 'input'], [{ input: 'a'.repeat(65537) }, 400, 'invalid_value', 'input'],
    [{ input: 'a', encoding_format: 'hex' }, 400, 'invalid_value', 'encoding_format'],
    [{ input: 'a', dimensions: 0 }, 400, 'invalid_value', 'dimensions'], [{ input: 'a', dimensions: 99999 }, 400, 'invalid_value', 'dimensions'],
  ];
  for (const [body, status, code, param] of cases) {
    const response = await post(body);
    const { error } = await response.json();
    assert.deepEqual([response.status, error.code, error.param ?? undefined], [status, code, param], JSON.stringify(body).slice(0, 80));
  }
  assert.equal((await post({ input: 'a' }, {})).status, 401);
  assert.equal((await fetch(`${server.origin}/v1/embeddings`, { headers: { authorization: `Bearer ${KEY}` } })).status, 405);
  const unknown = await (await post({ input: 'zzyzx' })).json();
  assert.ok(unknown.data[0].embedding.every((x) => x === 0), 'words nobody knows');
});
