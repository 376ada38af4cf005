// Every route over HTTP: what it answers, and what it answers to requests that are wrong.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { MUTE, ingest, root, serve, temporary, until } from '../tools/server.mjs';
import { connect } from '../tools/session.mjs';
import { Wire, exchange, request } from '../tools/wire.mjs';

let server;
const get = (path, options) => fetch(server.origin + path, options);
const json = async (path, options) => (await get(path, options)).json();
const post = (path, body, type = 'application/json') =>
  get(path, { method: 'POST', body, headers: { 'content-type': type } });
const search = (o) => post('/api/search', JSON.stringify(o));

// Longer than one piece of text may be, with characters of one to four octets.
const LONG = 'The lighthouse — “Skerry”, 🗼 by name — shines for käyttäjät at night, every night.\n'.repeat(1500);

before(async () => {
  const folder = temporary();
  writeFileSync(join(folder, 'lighthouse.txt'), LONG);
  server = await serve({ data: ingest([join(root, 'examples'), folder]), decoders: 1 });
});
after(() => server?.stop());

const words = (text) => text.replace(/\s+/g, ' ').trim();

async function checkError(response, status, code, param) {
  assert.equal(response.status, status);
  assert.match(response.headers.get('content-type'), /^application\/json/);
  const { error } = await response.json();
  assert.ok(error.message.length > 10, JSON.stringify(error));
  assert.equal(error.code, code);
  if (param !== undefined) assert.equal(error.param, param);
  assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type']);
}

test('the page, unchanged when it is asked for again', async () => {
  const page = await get('/');
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type'), /^text\/html/);
  assert.match(await page.text(), /<html/);
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  const again = await get('/', { headers: { 'if-none-match': page.headers.get('etag') } });
  assert.equal(again.status, 304);
  assert.equal((await get('/app.js')).headers.get('content-type').split(';')[0], 'text/javascript');
  for (const path of ['/nowhere', '/../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/index.html/', '//', '/api', '/v1/', '/api/documents/1/text/2'])
    assert.equal((await exchange(server, request(server, 'GET', path))).status, 404, path);
});

test('health, status and counters', async () => {
  const health = await json('/healthz');
  assert.equal(health.status, 'ready');
  assert.equal(health.documents, 9);
  assert.match(health.version, /^\d+\.\d+\.\d+$/);
  const status = await json('/api/status');
  assert.deepEqual(Object.keys(status).sort(), ['documents', 'engines', 'listen', 'passages', 'questions', 'sessions', 'status', 'version', 'voices']);
  assert.ok(status.voices.some((v) => v.name === 'alloy'));

  const read = async () => Object.fromEntries((await (await get('/metrics')).text()).split('\n')
    .filter((l) => l && !l.startsWith('#')).map((l) => l.split(' ')).map(([k, v]) => [k, Number(v)]));
  const metrics = await read();
  assert.equal(metrics.voiced_ready, 1);
  assert.equal(metrics.voiced_sessions, 0);
  assert.ok((await read()).voiced_http_requests_total > metrics.voiced_http_requests_total);
});

test('search answers with places in documents', async () => {
  const response = await search({ query: 'What is the station cat called?', k: 2 });
  assert.equal(response.status, 200);
  const { results, confidence } = await response.json();
  assert.equal(results.length, 2);
  assert.ok(confidence > 0.5);
  assert.equal(results[0].file, 'staff-handbook.md');
  const at = await json(`/api/documents/${results[0].document}/text?start=${results[0].start}&end=${results[0].end}`);
  assert.equal(at.text.replace(/\s+/g, ' ').trim(), results[0].text.replace(/\s+/g, ' ').trim());
  assert.equal(at.heading, results[0].heading);
  assert.equal((await (await search({ searchKey: 'station cat' })).json()).results[0].file, 'staff-handbook.md', 'the older name');
  assert.deepEqual((await (await search({ query: 'zzyzx qwertz' })).json()).results, []);
});

test('search looks only where it is told to', async () => {
  const ask = async (more) => (await (await search({ query: 'What is the station cat called?', k: 20, ...more })).json()).results;
  const all = await ask({});
  assert.ok(new Set(all.map((r) => r.file)).size > 1);
  assert.ok((await ask({ file: '*.pdf' })).every((r) => r.file.endsWith('.pdf')));
  assert.deepEqual(await ask({ file: '*/*' }), [], 'folders are not for clients to know');
  assert.deepEqual(await ask({ tags: ['nobody', 'gave', 'these'] }), []);
  assert.deepEqual(await ask({ since: '2999-01-01' }), []);
  assert.equal((await ask({ until: '2999-01-01T00:00:00Z' })).length, all.length);
  assert.ok((await ask({ document: all[0].document })).every((r) => r.document === all[0].document));
  assert.ok((await ask({ mode: 'text' })).every((r) => r.vector === 0));
  assert.ok((await ask({ mode: 'vector' })).some((r) => r.vector > 0));
});

test('search refuses what is no question', async () => {
  const rows = [
    ['', 'invalid_json', null], ['{"query":', 'invalid_json', null],
    ['[]', 'invalid_value', 'query'], ['{}', 'invalid_value', 'query'], ['{"query":7}', 'invalid_value', 'query'], ['{"query":""}', 'invalid_value', 'query'],
    [JSON.stringify({ query: 'x'.repeat(4097) }), 'invalid_value', 'query'],
    ['{"query":"x","mode":"both"}', 'invalid_value', 'mode'], ['{"query":"x","tags":"a"}', 'invalid_value', 'tags'],
    ['{"query":"x","tags":["a,b"]}', 'invalid_value', 'tags'], ['{"query":"x","file":7}', 'invalid_value', 'file'],
    ['{"query":"x","since":"yesterday"}', 'invalid_value', 'since'], ['{"query":"x","until":1}', 'invalid_value', 'until'],
    ['{"query":"x","document":"1"}', 'invalid_value', 'document'],
    ['{"query":"x","k":0}', 'invalid_value', 'k'], ['{"query":"x","k":101}', 'invalid_value', 'k'], ['{"query":"x","k":-1}', 'invalid_value', 'k'],
  ];
  for (const [body, code, param] of rows) await checkError(await post('/api/search', body), 400, code, param);
  assert.equal((await search({ query: 'x'.repeat(4096) })).status, 200);
  assert.equal((await search({ query: 'station \u0000 cat' })).status < 500, true);
  assert.equal((await search({ query: '"; DROP TABLE documents; -- AND OR NOT NEAR( *' })).status, 200);
  await checkError(await post('/api/search', JSON.stringify({ query: 'x', pad: 'x'.repeat(65536) })), 413, 'body_too_large');
});

test('documents, and one of them', async () => {
  const { documents } = await json('/api/documents');
  assert.equal(documents.length, 9);
  const boat = documents.find((d) => d.file === 'boat-safety.pdf');
  assert.deepEqual([boat.type, boat.pages, boat.size], ['pdf', 6, 56900]);
  assert.deepEqual(await json(`/api/documents/${boat.id}`), boat);
  assert.deepEqual(await json(`/api/documents/${boat.id}/`), boat, 'a slash at the end changes nothing');
  for (const id of ['0', '999', '-1', 'x', '1x', '99999999999999999999', '%2e%2e'])
    await checkError(await get(`/api/documents/${id}`), 404, 'not_found');
});

test('the text of a document, in pieces that never split a character', async () => {
  const { documents } = await json('/api/documents');
  const { id, length } = documents.find((d) => d.file === 'lighthouse.txt');
  const text = (query) => json(`/api/documents/${id}/text${query}`);

  let whole = '', at = 0, pieces = 0;
  for (; at < length; pieces++) {
    const piece = await text(`?start=${at}`);
    assert.equal(piece.start, at);
    assert.ok(piece.end > at && piece.end - at <= 65536);
    assert.equal(Buffer.byteLength(piece.text), piece.end - piece.start);
    whole += piece.text;
    at = piece.end;
  }
  assert.ok(pieces > 1);
  assert.ok(words(whole) === words(LONG), 'the pieces are the whole');

  const dash = Buffer.from(whole).indexOf('—'); // three octets
  for (const [start, end] of [[dash + 1, dash + 20], [dash + 2, dash + 20], [0, dash + 1], [0, dash + 2], [dash + 1, dash + 2]]) {
    const piece = await text(`?start=${start}&end=${end}`);
    assert.doesNotMatch(piece.text, /\ufffd/);
    assert.equal(Buffer.byteLength(piece.text), piece.end - piece.start);
    assert.equal(piece.text, Buffer.from(whole).subarray(piece.start, piece.end).toString());
  }
  const rows = { '?start=5&end=5': '', [`?start=${length}`]: '', [`?start=${length + 5}&end=${length + 9}`]: '', '?end=3': 'The' };
  for (const [query, expected] of Object.entries(rows)) assert.equal((await text(query)).text, expected, query);
  assert.equal((await text(`?start=${length - 3}&end=999999999`)).end, length);
  for (const query of ['?start=-1', '?start=x', '?start=1x', '?end=', '?start=99999999999999999999', '?start=5&end=4', '?start=%20'])
    await checkError(await get(`/api/documents/${id}/text${query}`), 400, 'invalid_value');
  await checkError(await get('/api/documents/999/text'), 404, 'not_found');
});

test('another method is 405 and says which are served', async () => {
  const rows = [
    ['POST', '/healthz', 'GET, HEAD'], ['DELETE', '/api/documents', 'GET, HEAD, POST'], ['PUT', '/api/documents/1', 'GET, HEAD, DELETE'],
    ['GET', '/api/search', 'POST'], ['HEAD', '/api/search', 'POST'], ['PATCH', '/metrics', 'GET, HEAD'],
    ['GET', '/v1/realtime/calls', 'POST'], ['GET', '/v1/realtime/calls/rtc_1/hangup', 'POST'], ['PUT', '/v1/realtime', 'GET, HEAD, POST'],
    ['POST', '/realtime', 'GET, HEAD'], ['POST', '/openai/v1/realtime', 'GET, HEAD'], ['GET', '/v1/realtimertc', 'POST'],
    ['GET', '/v1/realtime/client_secrets', 'POST'], ['POST', '/voice-live/realtime', 'GET, HEAD'], ['GET', '/api/login', 'POST'], ['POST', '/', 'GET, HEAD'], ['DELETE', '/app.js', 'GET, HEAD'], ['OPTIONS', '/style.css', 'GET, HEAD'],
    ['PUT', '/v1/realtime/calls/rtc_1', 'GET, HEAD, POST'], ['DELETE', '/api/documents/1/text', 'GET, HEAD'],
  ];
  for (const [method, path, allow] of rows) {
    const response = await get(path, { method });
    assert.equal(response.status, 405, `${method} ${path}`);
    assert.equal(response.headers.get('allow'), allow, `${method} ${path}`);
    if (method !== 'HEAD') assert.equal((await response.json()).error.code, 'method_not_allowed');
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
    await checkError(await get('/nowhere', { method }), 404, 'not_found');
  assert.equal((await exchange(server, request(server, 'BREW', '/healthz'))).status, 405);
});

test('calls want an offer', async () => {
  await checkError(await post('/v1/realtime/calls', '{}', 'application/json'), 415, 'unsupported_content_type');
  await checkError(await get('/v1/realtime/calls', { method: 'POST' }), 415, 'unsupported_content_type');
  for (const sdp of ['', 'hello', 'v=0\r\n', '\0'.repeat(100), 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n'])
    await checkError(await post('/v1/realtime/calls', sdp, 'application/sdp'), 400, 'invalid_offer', 'sdp');
  assert.equal((await post('/v1/realtime/calls', 'v'.repeat((1 << 20) + 1), 'application/sdp')).status, 413);
  for (const id of ['rtc_', 'rtc_00', `rtc_00${'x'.repeat(22)}`, `rtc_01${'x'.repeat(22)}`, `rtc_zz${'x'.repeat(22)}`, 'x'.repeat(3000)]) {
    await checkError(await get(`/v1/realtime/calls/${id}/hangup`, { method: 'POST' }), 404, 'call_not_found');
    await checkError(await post(`/v1/realtime/calls/${id}`, 'v=0\r\n', 'application/sdp'), 404, 'call_not_found');
  }
  assert.match(await (await get('/metrics')).text(), /^voiced_sessions 0$/m, 'refused offers leave nothing behind');
});

test('the WebSocket path over plain HTTP says what it is', async () => {
  await checkError(await get('/v1/realtime'), 426, 'upgrade_required');
  const upgrade = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
  const bad = await exchange(server, request(server, 'GET', '/v1/realtime', { ...upgrade, 'sec-websocket-version': '8' }));
  assert.deepEqual([bad.status, bad.headers['sec-websocket-version']], [426, '13']);
  assert.equal((await exchange(server, request(server, 'GET', '/v1/realtime',
    { ...upgrade, 'sec-websocket-version': '13', 'sec-websocket-key': 'short' }))).status, 400);
});

test('HEAD is GET without the body', async () => {
  for (const path of ['/', '/healthz', '/metrics', '/api/documents', '/nowhere']) {
    const asGet = await exchange(server, request(server, 'GET', path));
    const asHead = await exchange(server, request(server, 'HEAD', path), { head: true });
    assert.equal(asHead.status, asGet.status, path);
    assert.equal(asHead.headers['content-type'], asGet.headers['content-type'], path);
    if (path !== '/metrics') assert.equal(asHead.headers['content-length'], asGet.headers['content-length'], path);
    assert.equal(asHead.body, '');
  }
});

test('a body may come in chunks, in any pieces', async () => {
  const body = JSON.stringify({ query: 'station cat', k: 1 });
  const chunks = [...body].map((c) => `1;ext=1\r\n${c}\r\n`).join('') + '0\r\nx-trailer: 1\r\n\r\n';
  const head = request(server, 'POST', '/api/search', { 'transfer-encoding': 'chunked' });
  const wire = await Wire.open(server);
  for (const octet of head + chunks) wire.write(octet);
  assert.match((await wire.reply()).body, /Biscuit/);
  wire.socket.destroy();
  const tooMuch = await exchange(server, head + '20000\r\n' + 'x'.repeat(0x20000));
  assert.equal(tooMuch.status, 413);
});

test('requests in one packet are answered in order, also across loops and waits', async () => {
  const wire = await Wire.open(server);
  const searchBody = JSON.stringify({ query: 'station cat', k: 1 });
  wire.write(request(server, 'GET', '/healthz') + request(server, 'POST', '/api/search', {}, searchBody)
    + request(server, 'GET', '/nowhere') + request(server, 'POST', `/v1/realtime/calls/rtc_00${'x'.repeat(22)}/hangup`)
    + request(server, 'POST', `/v1/realtime/calls/rtc_01${'x'.repeat(22)}/hangup`) + request(server, 'GET', '/api/documents/1'));
  await wire.reply(5);
  assert.deepEqual(wire.replies.map((r) => r.status), [200, 200, 404, 404, 404, 200]);
  assert.match(wire.replies[1].body, /Biscuit/);
  assert.equal(JSON.parse(wire.replies[5].body).id, 1);
  wire.write(request(server, 'GET', '/healthz', { connection: 'close' }));
  await wire.end();
  assert.equal(wire.replies.length, 7);
});

test('100 Continue is said to who waits for it, and 413 to who asks for too much', async () => {
  const wire = await Wire.open(server);
  const body = JSON.stringify({ query: 'station cat' });
  wire.write(request(server, 'POST', '/api/search', { expect: '100-continue', 'content-length': body.length }));
  assert.equal((await wire.reply(0)).status, 100);
  wire.write(body);
  assert.equal((await wire.reply(1)).status, 200);
  wire.socket.destroy();
  assert.equal((await exchange(server, request(server, 'POST', '/api/search', { expect: '100-continue', 'content-length': 1 << 20 }))).status, 413);
});

test('a refusal reaches who is still sending the body', async () => {
  const body = 'x'.repeat(20 << 20);
  for (const secure of [false, true]) {
    const wire = await Wire.open(server, { secure });
    wire.write(request(server, 'POST', '/api/search', {}, body));
    assert.equal((await wire.reply()).status, 413);
    await wire.end();
    assert.equal(wire.failed, null, 'no reset');
    assert.equal(wire.replies.length, 1);
  }
});

test('what two parsers could read differently is refused', async () => {
  const host = `Host: 127.0.0.1:${server.port}\r\n`;
  const rows = [
    [`GET / HTTP/1.1\r\n${host}${host}\r\n`, 400],
    [`GET / HTTP/1.1\r\n\r\n`, 400],
    [`GET / HTTP/1.1\n${host}\r\n`, 400],
    [`GET / HTTP/1.1\r\n${host}X : 1\r\n\r\n`, 400],
    [`GET / HTTP/1.1\r\n${host}X: 1\r\n folded\r\n\r\n`, 400],
    [`POST /api/search HTTP/1.1\r\n${host}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`, 400],
    [`POST /api/search HTTP/1.1\r\n${host}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    [`POST /api/search HTTP/1.1\r\n${host}Content-Length: +2\r\n\r\n{}`, 400],
    [`POST /api/search HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 400],
    [`POST /api/search HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n1x\r\n{\r\n0\r\n\r\n`, 400],
    [`GET /%00 HTTP/1.1\r\n${host}\r\n`, 400],
    [`GET /${'x'.repeat(17000)} HTTP/1.1\r\n${host}\r\n`, 414],
    [`GET / HTTP/1.1\r\n${host}${'X: 1\r\n'.repeat(101)}\r\n`, 431],
    [`GET / HTTP/1.1\r\n${host}X: ${'1'.repeat(33000)}\r\n\r\n`, 431],
  ];
  for (const [octets, status] of rows) {
    const wire = await Wire.open(server);
    wire.write(octets + request(server, 'GET', '/smuggled'));
    await wire.end();
    assert.deepEqual(wire.replies.map((r) => r.status), [status], octets.slice(0, 120));
    assert.match(wire.replies[0].headers['content-type'], /json/);
  }
});

test('without documents, everything says so', async (t) => {
  const empty = await serve(MUTE);
  t.after(() => empty.stop());
  const health = await fetch(`${empty.origin}/healthz`);
  assert.equal((await health.json()).documents, 0);
  assert.equal((await fetch(`${empty.origin}/api/status`)).status, 200);
  await checkError(await fetch(`${empty.origin}/api/documents/1`), 404, 'not_found');
  const found = await fetch(`${empty.origin}/api/search`, { method: 'POST', body: '{"query":"cat"}' });
  assert.deepEqual((await found.json()).results, []);
});

test('more conversations than are allowed are refused', async (t) => {
  const small = await serve({ data: ingest([join(root, 'examples')]), args: ['--max-sessions', '1'], decoders: 1 });
  t.after(() => small.stop());
  const first = await connect(small);
  await assert.rejects(connect(small), (e) => e.status === 503 && JSON.parse(e.body).error.code === 'session_limit_reached');
  first.close();
  const second = await until('room for the next', () => connect(small).catch(() => null), 20000);
  second.socket.terminate();
});
