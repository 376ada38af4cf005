// Strangers on the same port: what they send is not answered, and nobody else notices.
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect as tcp } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { Call, browse, phone } from '../tools/calls.mjs';
import { ingest, root, serve, sleep } from '../tools/server.mjs';
import { closeAll, converse } from '../tools/session.mjs';
import { Wire, exchange, request } from '../tools/wire.mjs';

const CAT = 'What is the station cat called?';
let server;

before(async () => {
  server = await serve({ data: ingest([join(root, 'examples')]) });
});
afterEach(closeAll);
after(() => server?.stop());

// --- datagrams ----------------------------------------------------------------------------------

const attribute = (type, value) => {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
};

// A STUN message (RFC 8489) whose fingerprint is right and whose integrity is as right as `password`.
function stun(type, username, password) {
  const parts = [];
  const message = (more) => {
    const head = Buffer.alloc(8);
    head.writeUInt16BE(type, 0);
    head.writeUInt16BE(parts.reduce((n, p) => n + p.length, 0) + more, 2);
    head.writeUInt32BE(0x2112a442, 4);
    return Buffer.concat([head, id, ...parts]);
  };
  const id = randomBytes(12);
  if (username) parts.push(attribute(0x0006, Buffer.from(username)));
  parts.push(attribute(0x0024, randomBytes(4)), attribute(0x802a, randomBytes(8)), attribute(0x0025, Buffer.alloc(0)));
  if (password) parts.push(attribute(0x0008, createHmac('sha1', password).update(message(24)).digest()));
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE((crc32(message(8)) ^ 0x5354554e) >>> 0);
  parts.push(attribute(0x8028, sum));
  return message(0);
}

// DTLS 1.2 records (RFC 6347) with a ClientHello for these cipher suites; in pieces of `size`.
function clientHello(suites, size = 1 << 14) {
  const list = Buffer.alloc(2 + 2 * suites.length);
  list.writeUInt16BE(2 * suites.length);
  suites.forEach((s, i) => list.writeUInt16BE(s, 2 + 2 * i));
  const body = Buffer.concat([Buffer.from([0xfe, 0xfd]), randomBytes(32), Buffer.from([0, 0]), list, Buffer.from([1, 0])]);
  const records = [];
  for (let at = 0; at < body.length; at += size) {
    const piece = body.subarray(at, at + size);
    const handshake = Buffer.alloc(12);
    handshake[0] = 1;
    handshake.writeUIntBE(body.length, 1, 3);
    handshake.writeUIntBE(at, 6, 3);
    handshake.writeUIntBE(piece.length, 9, 3);
    const record = Buffer.alloc(13);
    record.set([22, 0xfe, 0xff]);
    record.writeUInt16BE(records.length, 9);
    record.writeUInt16BE(12 + piece.length, 11);
    records.push(Buffer.concat([record, handshake, piece]));
  }
  return records;
}

function rtp(payloadType, ssrc, n = 80) {
  const b = randomBytes(12 + n);
  b[0] = 0x80;
  b[1] = payloadType;
  b.writeUInt32BE(ssrc, 8);
  return b;
}

const dice = (list) => list[Math.floor(Math.random() * list.length)];

test('datagrams of strangers get not one octet, and a call goes on', async (t) => {
  const browser = await browse();
  t.after(() => browser.close());
  const call = await Call.make(await phone(browser, server));
  await call.event('session.created');

  const find = (sdp, name) => sdp.match(new RegExp(`^a=${name}:(\\S+)`, 'm'))[1];
  const ours = find(call.answer, 'ice-ufrag'), theirs = find(call.offer, 'ice-ufrag');
  const theirPassword = find(call.offer, 'ice-pwd'); // signs what the server sends, not what it gets
  const ssrc = Number(find(call.offer, 'ssrc'));
  // What is promised is 1,000 a second of each of the first three; the rest comes on top.
  const flood = [
    { name: 'STUN', rate: 1000, make: [
      () => [stun(1, `${randomBytes(4).toString('hex')}:${theirs}`, 'whatever')], // unknown name
      () => [stun(1, `${ours}:${theirs}`, dice(['', 'wrong', theirPassword]) || null)], // right name, wrong password
      () => [stun(1, `${theirs}:${ours}`, theirPassword)], // names turned around
      () => [stun(1, null, null)],
      () => [stun(dice([0x0101, 0x0111, 0x0011]), `${ours}:${theirs}`, theirPassword)], // answers, an indication
      () => { const b = stun(1, `${ours}:${theirs}`, 'wrong'); return [b.subarray(0, Math.floor(Math.random() * b.length))]; },
    ] },
    { name: 'ClientHello', rate: 1000, make: [
      () => clientHello([0xc02b, 0xc02f, 0xc00a]),
      () => clientHello([0x0000, 0x0001, 0x0002, 0x003b, 0xc006]), // NULL suites
    ] },
    { name: 'SRTP', rate: 1000, make: [() => [rtp(111, ssrc), rtp(111, ssrc + 1)]] },
    { name: 'SRTCP', rate: 200, make: [() => [rtp(dice([200, 201, 203, 205, 206]), ssrc, 40)]] },
    { name: 'ClientHello in fragments', rate: 200, make: [() => clientHello([0xc02b], 16)] },
    { name: 'DTLS noise', rate: 200, make: [() => [Buffer.concat([Buffer.from([dice([20, 21, 22, 23]), 0xfe, 0xfd]), randomBytes(60)])]] },
    { name: 'noise', rate: 200, make: [() => [randomBytes(1 + Math.floor(Math.random() * 1400))], () => [Buffer.alloc(0)]] },
  ];
  // Made beforehand: what is measured is the server, not how fast this process can sign.
  for (const kind of flood) {
    kind.packets = [];
    while (kind.packets.length < 1000) for (const make of kind.make) kind.packets.push(...make());
  }
  // Several sockets: the kernel deals them out to both loops.
  const sockets = [];
  let received = 0;
  for (let i = 0; i < 8; i++) {
    const socket = createSocket('udp4').on('message', (d) => { received += d.length; });
    socket.on('error', () => { received += 1; }); // "connection refused" would be an answer, too
    await new Promise((r) => socket.connect(server.port, '127.0.0.1', r));
    sockets.push(socket);
  }
  t.after(() => sockets.forEach((s) => s.close()));

  let spraying = true, failed = 0;
  const count = (error) => { failed += Boolean(error); };
  const begun = performance.now(), seconds = () => (performance.now() - begun) / 1000;
  const sent = new Map(flood.map((k) => [k.name, 0]));
  const spray = (async () => {
    for (; spraying; await sleep(2)) {
      for (const { name, rate, packets } of flood) {
        let n = sent.get(name);
        for (const due = rate * 1.05 * seconds(); n < due; n++) sockets[n % sockets.length].send(packets[n % packets.length], count);
        sent.set(name, n);
      }
    }
    return seconds();
  })();
  try {
    for (let i = 0; i < 2; i++) assert.match(await call.ask(CAT), /Biscuit/);
    await sleep(Math.max(0, 5000 - seconds() * 1000));
  } finally {
    spraying = false;
  }
  const took = await spray;
  for (const { name, rate } of flood) {
    const perSecond = (sent.get(name) - failed) / took;
    t.diagnostic(`${name}: ${Math.floor(perSecond)} a second for ${took.toFixed(1)} s`);
    assert.ok(perSecond >= rate, `${name}: ${perSecond} a second`);
  }
  assert.match(await call.ask(CAT), /Biscuit/); // and long enough for any answer to have come
  assert.equal(await call.state(), 'connected');
  assert.equal(received, 0);
  await fetch(`${server.origin}${call.location}/hangup`, { method: 'POST' });
  await call.ended();
});

// --- connections ---------------------------------------------------------------------------------

test('garbage, half-said things and idle connections are let go; others are served', async (t) => {
  const opened = [];
  t.after(() => opened.forEach((w) => w.socket.destroy()));
  const open = async (octets, options) => {
    const wire = await Wire.open(server, options);
    opened.push(wire);
    if (octets) wire.write(octets);
    return wire;
  };

  // Neither TLS nor a letter: closed at once. A letter and noise: 400.
  const firsts = [];
  for (let first = 0; first < 256; first++) {
    const letter = /[a-z]/i.test(String.fromCharCode(first));
    if (first === 0x16) continue;
    const wire = await open(Buffer.concat([Buffer.from([first]), Buffer.from(letter ? '\0\x01\x02\r\n\r\n' : randomBytes(40))]));
    firsts.push([first, letter, wire]);
  }
  for (const [first, letter, wire] of firsts) {
    await wire.end();
    if (letter) assert.match(wire.octets.toString(), /^HTTP\/1\.1 40[05] /, String(first));
    else assert.equal(wire.octets.length, 0, String(first));
  }
  const badHello = await open(Buffer.concat([Buffer.from([0x16, 3, 1, 0, 40]), randomBytes(40)]));
  await badHello.end();
  assert.ok(badHello.octets.length < 20, 'at most an alert');

  // Those who say nothing more: none may stay for ever.
  const halfHello = await open(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]));
  const halfHead = await open(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nX-`);
  const halfBody = await open(request(server, 'POST', '/api/search', { 'content-length': 100 }) + '{"query"');
  const drop = await open(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n`);
  const dripping = setInterval(() => { if (!drop.ended) drop.write('x'); }, 100);
  t.after(() => clearInterval(dripping));
  const idle = [];
  for (let i = 0; i < 200; i++) idle.push(await open());
  const silentTls = await open('', { secure: true });

  const s = await converse(server, { output_modalities: ['text'] });
  assert.match((await s.ask(CAT)).at(-1).response.output[0].content[0].text, /Biscuit/);
  assert.equal((await exchange(server, request(server, 'GET', '/healthz'))).status, 200);
  assert.equal((await exchange(server, request(server, 'GET', '/healthz'), { secure: true })).status, 200);

  for (const [what, wire, octets] of [['half a hello', halfHello, /^$/], ['half a head', halfHead, /^HTTP\/1\.1 408 /], ['half a body', halfBody, /^HTTP\/1\.1 408 /],
    ['a dripping head', drop, /^HTTP\/1\.1 408 /], ['silence in TLS', silentTls, /^$/], ...idle.map((w) => ['silence', w, /^$/])]) {
    await wire.until(`the end of ${what}`, () => wire.ended || wire.failed, 60000);
    assert.match(wire.octets.toString('latin1'), octets, what);
  }
  assert.equal((await exchange(server, request(server, 'GET', '/healthz'))).status, 200);
});

test('hundreds of connections that break off anywhere leave nothing behind', async () => {
  const metric = async (name) => Number((await exchange(server, request(server, 'GET', '/metrics'))).body.match(new RegExp(`^voiced_${name} (\\d+)$`, 'm'))[1]);
  const whole = request(server, 'POST', '/api/search', {}, JSON.stringify({ query: CAT }));
  const upgrade = request(server, 'GET', '/v1/realtime?model=x', { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' });
  for (let i = 0; i < 300; i++) {
    const octets = i % 2 ? whole : upgrade;
    await new Promise((resolve) => {
      const socket = tcp(server.port, '127.0.0.1', () => {
        socket.write(octets.slice(0, 1 + Math.floor(Math.random() * octets.length * 1.2)), () => socket.resetAndDestroy());
      });
      socket.on('close', resolve).on('error', () => {});
    });
  }
  for (const end = Date.now() + 30000; await metric('sessions') !== 0; await sleep(50)) assert.ok(Date.now() < end, 'sessions remain');
  const s = await converse(server, { output_modalities: ['text'] });
  assert.match((await s.ask(CAT)).at(-1).response.output[0].content[0].text, /Biscuit/);
});
