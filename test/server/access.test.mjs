// Who may come in: names, origins, keys, cookies, certificates.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { connect as tlsConnect } from 'node:tls';
import { MUTE, freePort, ingest, root, serve, temporary, voiced } from '../tools/server.mjs';
import { closeAll, connect, refusal } from '../tools/session.mjs';
import { exchange, request } from '../tools/wire.mjs';

const KEY = 'a-key-that-nobody-guesses-0123456789';
const PATHS = ['/v1/realtime?model=x', '/realtime?model=x', '/openai/v1/realtime?model=x', '/openai/realtime?deployment=x', '/voice-live/realtime?model=x'];
const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };

afterEach(closeAll);

test('only our own names are answered, against DNS rebinding', async (t) => {
  const server = await serve({ args: ['--host', 'voice.example', '--host', 'proxied.example:8443'], ...MUTE });
  t.after(() => server.stop());
  const p = server.port;
  const rows = [
    [`127.0.0.1:${p}`, 200], ['127.0.0.1', 200], [`localhost:${p}`, 200], ['LOCALHOST', 200], [`localhost.:${p}`, 200],
    [`app.localhost:${p}`, 200], [`127.8.8.8:${p}`, 200], [`[::1]:${p}`, 200], [`voice.example:${p}`, 200], ['Voice.Example', 200],
    ['proxied.example:8443', 200],
    ['evil.example', 421], [`evil.example:${p}`, 421], [`127.0.0.1.nip.io:${p}`, 421], [`localhost.evil.example:${p}`, 421],
    [`notlocalhost:${p}`, 421], [`voice.example.evil:${p}`, 421], [`127.0.0.1:${p === 65535 ? 1 : p + 1}`, 421], ['proxied.example:8444', 421],
    [`0.0.0.0:${p}`, 421], [`10.0.0.1:${p}`, 421], [`[::]:${p}`, 421], [`2130706433:${p}`, 421], [`0x7f.1:${p}`, 421],
    [`127.0.0.1:${p}@evil.example`, 421], ['127.0.0.1:', 421],
  ];
  for (const [host, status] of rows) {
    for (const [path, fields] of [['/api/status', {}], ['/', {}], ['/v1/realtime', upgrade]]) {
      // An upgrade that is let in is 101.
      const got = (await exchange(server, request(server, 'GET', path, { host, ...fields }))).status;
      assert.equal(got, status === 200 && fields === upgrade ? 101 : status, `${host} ${path}`);
    }
  }
});

test('other people\'s pages are not', async (t) => {
  const server = await serve({ decoders: 1 });
  t.after(() => server.stop());
  const p = server.port;
  const rows = [
    [server.origin, 200], [`http://127.0.0.1:${p}`, 200],
    ['null', 403], ['https://evil.example', 403], [`http://evil.example:${p}`, 403], [`https://127.0.0.1:${p}`, 403],
    [`http://127.0.0.1:${p === 65535 ? 1 : p + 1}`, 403], ['http://127.0.0.1', 403], [`http://localhost:${p}`, 403], [`http://127.0.0.1:${p}.evil.example`, 403],
    ['', 403], ['file://', 403], ['chrome-extension://abc', 403], [`HTTP://127.0.0.1:${p}/path`, 403],
  ];
  for (const [origin, status] of rows) {
    const reply = await exchange(server, request(server, 'GET', '/api/status', { origin }));
    assert.equal(reply.status, status, origin);
    assert.equal(reply.headers['access-control-allow-origin'], undefined, origin);
    const post = await exchange(server, request(server, 'POST', '/api/search', { origin, 'content-type': 'text/plain' }, '{"query":"x"}'));
    assert.equal(post.status, status, `POST from ${origin}`);
    const preflight = await exchange(server, request(server, 'OPTIONS', '/api/search', { origin, 'access-control-request-method': 'POST' }));
    assert.equal(preflight.headers['access-control-allow-origin'], undefined, `preflight from ${origin}`);
    if (status === 200) await connect(server, { headers: { origin } });
    else await assert.rejects(connect(server, { headers: { origin } }), (e) => e.status === 403, `WebSocket from ${origin}`);
  }
});

test('pages of listed origins are, with CORS', async (t) => {
  const app = 'https://app.example', other = 'http://10.0.0.2:3000';
  const server = await serve({ args: ['--allow-origin', app, '--allow-origin', other], data: ingest([join(root, 'examples')]), decoders: 1 });
  t.after(() => server.stop());
  for (const origin of [app, other]) {
    const reply = await exchange(server, request(server, 'POST', '/api/search', { origin }, '{"query":"station cat"}'));
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['access-control-allow-origin'], origin);
    assert.match(reply.headers['access-control-expose-headers'], /Location/i);
    assert.match(reply.headers.vary, /Origin/i);
    const refused = await exchange(server, request(server, 'POST', '/v1/realtime/calls', { origin, 'content-type': 'application/sdp' }, 'v=0\r\n'));
    assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [400, origin], 'errors can be read, too');
    const preflight = await exchange(server, request(server, 'OPTIONS', '/v1/realtime/calls', { origin,
      'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type,x-openai-agents-sdk' }));
    assert.ok([200, 204].includes(preflight.status), String(preflight.status));
    assert.equal(preflight.headers['access-control-allow-origin'], origin);
    assert.match(preflight.headers['access-control-allow-methods'], /POST/);
    for (const field of ['authorization', 'content-type', 'x-openai-agents-sdk'])
      assert.ok(preflight.headers['access-control-allow-headers'].toLowerCase().includes(field), field);
    await (await connect(server, { headers: { origin } })).event('session.created');
  }
  assert.equal((await exchange(server, request(server, 'GET', '/api/status', { origin: `${app}.evil` }))).status, 403);
  assert.equal((await exchange(server, request(server, 'GET', '/api/status', { origin: 'http://app.example' }))).status, 403);
});

test('off loopback a key is required', async () => {
  for (const listen of ['0.0.0.0', '[::]', '192.0.2.1']) {
    const r = spawnSync(voiced, ['serve', '--data', temporary(), '--listen', `${listen}:${await freePort()}`],
      { encoding: 'utf8', timeout: 20000, env: { ...process.env, VOICED_KEY: undefined } });
    assert.equal(r.status, 1, listen);
    assert.match(r.stderr, /key/);
    assert.equal(r.stderr.trim().split('\n').length, 1, r.stderr);
  }
});

// A server on all addresses, with the key; over TLS as another machine would see it.
const guarded = (options = {}) => serve({ host: '0.0.0.0', args: ['--key', KEY, '--log-level', 'debug'], ...MUTE, ...options });

test('the key opens every route by every carrier, and nothing else does', async (t) => {
  const server = await guarded();
  t.after(() => server.stop());
  const status = async (path, fields = {}, verb = 'GET') => (await exchange(server, request(server, verb, path, fields))).status;

  const routes = [['GET', '/metrics'], ['GET', '/api/status'], ['POST', '/api/search'], ['GET', '/api/documents'], ['GET', '/api/documents/1'],
    ['GET', '/api/documents/1/text'], ...PATHS.map((path) => ['GET', path]), ['POST', '/v1/realtime'], ['POST', '/openai/realtimertc'],
    ['GET', '/voice-live/realtime/calls'], ['POST', '/v1/realtime/client_secrets'], ['POST', '/v1/realtime/sessions'], ['POST', '/api/session/begin'],
    ...['/v1', '/openai/v1', '/openai'].flatMap((base) => [['POST', ''], ['GET', '/rtc_00'], ['POST', '/rtc_00'], ['POST', '/rtc_00/hangup'], ['POST', '/rtc_00/accept']]
      .map(([verb, path]) => [verb, `${base}/realtime/calls${path}`]))];
  for (const [verb, path] of routes) {
    const refused = await exchange(server, request(server, verb, path));
    assert.equal(refused.status, 401, path);
    assert.equal(JSON.parse(refused.body).error.code, 'invalid_api_key');
    assert.notEqual(await status(path, { authorization: `Bearer ${KEY}` }, verb), 401, path);
  }
  for (const path of ['/', '/healthz', '/app.js']) assert.notEqual(await status(path), 401, path);

  const api = '/api/status';
  const good = [[api, { authorization: `Bearer ${KEY}` }], [api, { authorization: `bearer  ${KEY}` }], [api, { 'api-key': KEY }],
    [`${api}?api-key=${KEY}`, {}], [`${api}?Authorization=Bearer%20${KEY}`, {}]];
  for (const [path, fields] of good) assert.equal(await status(path, fields), 200, path + JSON.stringify(fields));
  const bad = [[api, { authorization: KEY }], [api, { authorization: `Basic ${KEY}` }], [api, { authorization: `Bearer ${KEY}x` }],
    [api, { authorization: `Bearer ${KEY.slice(1)}` }], [api, { authorization: 'Bearer ' }], [api, { 'api-key': '' }], [`${api}?api-key=`, {}],
    [`${api}?api-key=${KEY}%00`, {}], [api, { cookie: `voiced=${KEY}` }], [api, { cookie: `voiced=99999999999.${'0'.repeat(64)}` }],
    [api, { cookie: 'voiced=' }]];
  for (const [path, fields] of bad) assert.equal(await status(path, fields), 401, path + JSON.stringify(fields));

  const s = await connect(server, { protocols: ['realtime', `openai-insecure-api-key.${KEY}`] });
  assert.equal(s.headers['sec-websocket-protocol'], 'realtime');
  await (await connect(server, { headers: { authorization: `Bearer ${KEY}` } })).event('session.created');
  await (await connect(server, { path: `/v1/realtime?model=x&api-key=${KEY}` })).event('session.created');
  for (const path of PATHS)
    for (const options of [{}, { protocols: ['realtime', 'openai-insecure-api-key.wrong'] }, { protocols: ['realtime'] }, { headers: { authorization: `Bearer ${KEY}x` } }])
      await refusal(server, 401, 'invalid_api_key', { path, ...options });

  const { code } = await server.stop();
  assert.equal(code, 0);
  assert.ok(!(server.log + server.out).includes(KEY), 'the key is not written anywhere');
});

test('a key of 4 kB is one', async (t) => {
  const long = 'k'.repeat(4096);
  const server = await serve({ ...MUTE, env: { VOICED_KEY: long } });
  t.after(() => server.stop());
  assert.match(server.out, /http:\/\/localhost:\d+\/#code=\w+/, 'with a key the link lets its owner in, on loopback as well');
  for (const options of [{ protocols: [`openai-insecure-api-key.${long}`, 'realtime'] }, { headers: { authorization: `Bearer ${long}` } },
    { headers: { 'api-key': long } }, { path: `/v1/realtime?model=x&api-key=${long}` }])
    await (await connect(server, options)).event('session.created');
  for (const path of PATHS)
    await refusal(server, 401, 'invalid_api_key', { path, protocols: [`openai-insecure-api-key.${long}k`, 'realtime'] });
});

test('where the operator lists models there are no others', async (t) => {
  const server = await serve({ ...MUTE, args: ['--model', 'gpt-realtime', '--model', 'gpt-4o-realtime'] });
  t.after(() => server.stop());
  for (const path of PATHS) {
    const at = (name) => ({ path: path.replace(/x$/, name) });
    for (const name of ['gpt-realtime', 'gpt-4o-realtime']) await (await connect(server, at(name))).event('session.created');
    for (const name of ['gpt-realtim', 'gpt-realtime-2']) await refusal(server, 404, 'invalid_model', at(name));
  }
  await refusal(server, 400, 'missing_model', { path: '/v1/realtime' });
  const secret = await fetch(`${server.origin}/v1/realtime/client_secrets`, { method: 'POST', headers: { 'content-type': 'application/json' },
    body: '{"session":{"type":"realtime","model":"another"}}' });
  const headers = { authorization: `Bearer ${(await secret.json()).value}` };
  for (const path of ['/v1/realtime?model=gpt-realtime', '/openai/v1/realtime?model=gpt-realtime']) await refusal(server, 404, 'invalid_model', { path, headers });
  const form = new FormData();
  form.append('sdp', 'v=0\r\n');
  form.append('session', '{"type":"realtime","model":"another"}');
  const call = await fetch(`${server.origin}/v1/realtime/calls`, { method: 'POST', body: form });
  assert.deepEqual([call.status, (await call.json()).error.code], [404, 'invalid_model']);
});

test('the printed link works once, and its cookie goes on working', async (t) => {
  const server = await guarded();
  t.after(() => server.stop());
  const code = server.out.match(/https:\/\/\S+\/#code=(\w+)/)[1];
  const login = (body) => exchange(server, request(server, 'POST', '/api/login', { 'content-type': 'application/json' }, body), { secure: true });
  for (const wrong of ['', '{}', '{"code":""}', '{"code":"guess"}', `{"code":"${code.slice(1)}"}`, '{"code":7}'])
    assert.equal((await login(wrong)).status, 403, wrong);
  const reply = await login(JSON.stringify({ code }));
  assert.equal(reply.status, 204);
  const set = reply.headers['set-cookie'];
  for (const attribute of [/; HttpOnly/, /; SameSite=Strict/, /; Secure/, /; Path=\//]) assert.match(set, attribute);
  assert.ok(!set.includes(KEY));
  assert.equal((await login(JSON.stringify({ code }))).status, 403, 'once');

  const cookie = set.split(';')[0];
  const status = async (at, c = cookie) => (await exchange(at, request(at, 'GET', '/api/status', { cookie: `a=b; ${c}; d=e` }), { secure: true })).status;
  assert.equal(await status(server), 200);
  assert.equal(await status(server, cookie.replace(/\d/, (d) => (Number(d) + 1) % 10)), 401, 'its date cannot be changed');
  const s = await connect(server, { origin: server.origin.replace('http', 'https'), headers: { cookie }, rejectUnauthorized: false });
  await s.event('session.created');

  await server.stop({ keep: true });
  const again = await guarded({ data: server.data });
  t.after(() => again.stop());
  assert.equal(await status(again), 200, 'a restart does not end it');
  assert.notEqual(again.out.match(/#code=(\w+)/)[1], code);
  const other = await guarded({ args: ['--key', 'another-key'] });
  t.after(() => other.stop());
  assert.equal(await status(other), 401, 'another key does');
});

// What the server shows of itself in a TLS handshake.
const handshake = (port, options = {}) => new Promise((resolve, reject) => {
  const socket = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => {
    resolve({ certificate: socket.getPeerCertificate(), protocol: socket.getProtocol(), alpn: socket.alpnProtocol });
    socket.destroy();
  });
  socket.on('error', reject);
});

test('HTTPS on the same port, with a certificate that stays', async (t) => {
  const server = await serve({ ...MUTE, args: ['--host', 'voice.example'] });
  t.after(() => server.stop());
  const { certificate, protocol, alpn } = await handshake(server.port, { ALPNProtocols: ['h2', 'http/1.1'] });
  assert.equal(alpn, 'http/1.1');
  assert.equal(protocol, 'TLSv1.3');
  const names = certificate.subjectaltname.split(', ');
  for (const name of ['DNS:localhost', `DNS:${hostname()}`, 'IP Address:127.0.0.1', 'DNS:voice.example']) assert.ok(names.includes(name), `${name} in ${names}`);
  assert.ok(Date.parse(certificate.valid_to) > Date.now() + 300 * 86400e3);
  assert.equal((await handshake(server.port, { maxVersion: 'TLSv1.2' })).protocol, 'TLSv1.2');
  await assert.rejects(handshake(server.port, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' }));

  const secure = { origin: `https://127.0.0.1:${server.port}`, rejectUnauthorized: false };
  const s = await connect(server, secure);
  await s.event('session.created');
  assert.equal((await exchange(server, request(server, 'GET', '/', { origin: secure.origin }), { secure: true })).status, 200);
  assert.equal((await exchange(server, request(server, 'GET', '/', { origin: server.origin }), { secure: true })).status, 403, 'the scheme counts');
  assert.equal((await exchange(server, request(server, 'GET', '/'))).status, 200, 'plain HTTP is still there');

  assert.equal(statSync(join(server.data, 'key.pem')).mode & 0o777, 0o600);
  await server.stop({ keep: true });
  const again = await serve({ ...MUTE, args: ['--host', 'voice.example'], data: server.data });
  t.after(() => again.stop());
  assert.equal((await handshake(again.port)).certificate.fingerprint256, certificate.fingerprint256);
});

test('a certificate of one\'s own is used, half of one is not', async () => {
  const dir = temporary();
  const cert = join(dir, 'c.pem'), key = join(dir, 'k.pem');
  spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=mine', '-keyout', key, '-out', cert]);
  const server = await serve({ ...MUTE, args: ['--cert', cert, '--cert-key', key] });
  const { certificate } = await handshake(server.port);
  await server.stop();
  assert.equal(certificate.subject.CN, 'mine');
  for (const args of [['--cert', cert], ['--cert-key', key], ['--cert', cert, '--cert-key', cert], ['--cert', '/nowhere', '--cert-key', key]]) {
    const r = spawnSync(voiced, ['serve', '--data', dir, '--listen', `127.0.0.1:${await freePort()}`, ...args], { encoding: 'utf8', timeout: 20000 });
    assert.equal(r.status, 1, args.join(' '));
    assert.equal(r.stderr.trim().split('\n').length, 1, r.stderr);
  }
});
