// WebSocket as octets: the cases that the Autobahn test suite describes, in its order and under its numbers. The server echoes
// nothing, but it names the event_id of what it cannot do: so an echo is asked for with an event that no dialect knows.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { serve } from '../tools/server.mjs';
import { BINARY, CLOSE, MORE, PING, PONG, Raw, TEXT, closing, frame, handshake, pieces } from '../tools/frames.mjs';
import { exchange } from '../tools/wire.mjs';

let server;

before(async () => {
  server = await serve({ decoders: 1 });
});
after(() => server?.stop());

// --- what is expected --------------------------------------------------------------------------------
const errorOf = async (raw, what) => {
  const f = await raw.next(what);
  assert.equal(f.opcode, TEXT, `${what}: opcode ${f.opcode} ${f.code ?? ''}`);
  assert.deepEqual([f.fin, f.rsv, f.masked], [1, 0, 0], 'whole, plain and without a mask');
  const { type, error } = JSON.parse(f.payload);
  assert.equal(type, 'error');
  return error;
};
const echo = (id) => async (raw) => assert.equal((await errorOf(raw, `echo of ${String(id).slice(0, 60)}`)).event_id, id);
const code = (word) => async (raw) => assert.equal((await errorOf(raw, word)).code, word);
const notJson = code('invalid_json'), binary = code('invalid_event');
const pong = (payload = '') => async (raw) => {
  const f = await raw.next('a pong');
  assert.deepEqual([f.opcode, f.payload.toString('hex')], [PONG, Buffer.from(payload).toString('hex')]);
};
// A close frame with one of these codes (null: without), then the end of the connection and nothing in between.
const closed = (...codes) => Object.assign(async (raw) => {
  const f = await raw.next('a close frame');
  assert.equal(f.opcode, CLOSE, `opcode ${f.opcode}: ${f.payload}`);
  assert.ok(codes.includes(f.code ?? null), `closed with ${f.code}, not ${codes}`);
  await raw.wire.until('the end', () => raw.wire.ended);
  assert.equal(raw.rest.length, 0, 'nothing follows a close frame');
}, { last: true });
const violation = closed(1002), badText = closed(1007);

// --- what is sent -------------------------------------------------------------------------------------
const probe = (id) => JSON.stringify({ type: 'badinput.probe', event_id: id });
const sized = (n) => { // a text of so many octets, and the event_id in it
  const id = 'x'.repeat(n - probe('').length);
  return { text: probe(id), id };
};
const hello = () => frame(TEXT, probe('hello'));
const octets = (n, v = 0xfe) => Buffer.alloc(n, v);
const drip = (size, ...list) => Object.assign(list, { size });
const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');

// A case: its number, what it is, what is sent (a list of frames), what is to come.
const cases = [];
const add = (id, what, send, ...expect) => cases.push({ id, what, send, expect });

// --- 1 framing ------------------------------------------------------------------------------------------
add('1.1.1', 'an empty text', [frame(TEXT)], notJson);
[125, 126, 127, 128, 65535, 65536].forEach((n, i) => {
  const { text, id } = sized(n);
  add(`1.1.${i + 2}`, `a text of ${n} octets`, [frame(TEXT, text)], echo(id));
  add(`1.2.${i + 2}`, `${n} binary octets`, [frame(BINARY, octets(n))], binary);
});
add('1.1.8', 'a text of 65536 octets in chops of 997', drip(997, frame(TEXT, sized(65536).text)), echo(sized(65536).id));
add('1.2.1', 'an empty binary message', [frame(BINARY)], binary);
add('1.2.8', '65536 binary octets in chops of 997', drip(997, frame(BINARY, octets(65536))), binary);

// --- 2 pings and pongs ------------------------------------------------------------------------------------
const ten = Array.from({ length: 10 }, (_, i) => `payload-${i}`);
add('2.1', 'a ping without payload', [frame(PING)], pong());
add('2.2', 'a ping with text', [frame(PING, 'Hello, world!')], pong('Hello, world!'));
add('2.3', 'a ping with octets that are no text', [frame(PING, hex('00 ff fe fd fc fb 00 ff'))], pong(hex('00 ff fe fd fc fb 00 ff')));
add('2.4', 'a ping of 125 octets', [frame(PING, octets(125))], pong(octets(125)));
add('2.5', 'a ping of 126 octets', [frame(PING, octets(126))], violation);
add('2.6', 'a ping of 125 octets, octet by octet', drip(1, frame(PING, octets(125))), pong(octets(125)));
add('2.7', 'a pong nobody asked for', [frame(PONG), hello()], echo('hello'));
add('2.8', 'a pong with payload nobody asked for', [frame(PONG, 'unsolicited'), hello()], echo('hello'));
add('2.9', 'a pong, then a ping', [frame(PONG, 'unsolicited'), frame(PING, 'ping')], pong('ping'));
add('2.10', 'ten pings', ten.map((p) => frame(PING, p)), ...ten.map((p) => pong(p)));
add('2.11', 'ten pings, octet by octet', drip(1, ...ten.map((p) => frame(PING, p))), ...ten.map((p) => pong(p)));

// --- 3 reserved bits ----------------------------------------------------------------------------------------
add('3.1', 'text with RSV 1', [frame(TEXT, probe('a'), { rsv: 1 })], violation);
add('3.2', 'a text, then one with RSV 2, then a ping', [hello(), frame(TEXT, probe('a'), { rsv: 2 }), frame(PING)], echo('hello'), violation);
add('3.3', 'a text, then one with RSV 3, frame by frame', drip(64, hello(), frame(TEXT, probe('a'), { rsv: 3 }), frame(PING)), echo('hello'), violation);
add('3.4', 'a text, then one with RSV 4, octet by octet', drip(1, hello(), frame(TEXT, probe('a'), { rsv: 4 }), frame(PING)), echo('hello'), violation);
add('3.5', 'binary with RSV 5', [frame(BINARY, octets(8), { rsv: 5 })], violation);
add('3.6', 'a ping with RSV 6', [frame(PING, 'x', { rsv: 6 })], violation);
add('3.7', 'a close frame with RSV 7', [frame(CLOSE, hex('03e8'), { rsv: 7 })], violation);

// --- 4 opcodes that mean nothing --------------------------------------------------------------------------------
for (const [section, first] of [['4.1', 3], ['4.2', 11]]) {
  add(`${section}.1`, `opcode ${first}`, [frame(first)], violation);
  add(`${section}.2`, `opcode ${first + 1} with payload`, [frame(first + 1, 'reserved')], violation);
  add(`${section}.3`, `a text, then opcode ${first + 2} and a ping`, [hello(), frame(first + 2), frame(PING)], echo('hello'), violation);
  add(`${section}.4`, `a text, then opcode ${first + 3} with payload and a ping`, [hello(), frame(first + 3, 'reserved'), frame(PING)], echo('hello'), violation);
  add(`${section}.5`, `a text, then opcode ${first + 4} with payload and a ping, octet by octet`, drip(1, hello(), frame(first + 4, 'reserved'), frame(PING)), echo('hello'), violation);
}

// --- 5 fragmentation ----------------------------------------------------------------------------------------------
const whole = probe('in pieces'), half = [whole.slice(0, 20), whole.slice(20)];
const open = (payload) => frame(TEXT, payload, { fin: false });
const more = (payload, fin = false) => frame(MORE, payload, { fin });
add('5.1', 'a ping in two fragments', [frame(PING, 'a', { fin: false }), more('b', true)], violation);
add('5.2', 'a pong in two fragments', [frame(PONG, 'a', { fin: false }), more('b', true)], violation);
add('5.3', 'a text in two fragments', [open(half[0]), more(half[1], true)], echo('in pieces'));
add('5.4', 'a text in two fragments, in chops of 7', drip(7, open(half[0]), more(half[1], true)), echo('in pieces'));
add('5.5', 'a text in two fragments, octet by octet', drip(1, open(half[0]), more(half[1], true)), echo('in pieces'));
add('5.6', 'a ping between two fragments', [open(half[0]), frame(PING, 'between'), more(half[1], true)], pong('between'), echo('in pieces'));
add('5.7', 'a ping between two fragments, in chops of 7', drip(7, open(half[0]), frame(PING, 'between'), more(half[1], true)), pong('between'), echo('in pieces'));
add('5.8', 'a ping between two fragments, octet by octet', drip(1, open(half[0]), frame(PING, 'between'), more(half[1], true)), pong('between'), echo('in pieces'));
[9, 12].forEach((n) => {
  const fin = n === 9, list = [more('x', fin), hello()], what = fin ? 'a last fragment of nothing' : 'a fragment of nothing';
  add(`5.${n}`, `${what}, then a text`, list, violation);
  add(`5.${n + 1}`, `${what}, then a text, in chops of 7`, drip(7, ...list), violation);
  add(`5.${n + 2}`, `${what}, then a text, octet by octet`, drip(1, ...list), violation);
});
add('5.15', 'a text in two fragments, then a fragment of nothing', [open(half[0]), more(half[1], true), more('x'), hello()], echo('in pieces'), violation);
add('5.16', 'a fragment of nothing, a text in fragments; twice', [more('x'), open(half[0]), more(half[1], true), more('x'), open(half[0]), more(half[1], true)], violation);
add('5.17', 'a last fragment of nothing, a text in fragments; twice', [more('x', true), open(half[0]), more(half[1], true), more('x', true)], violation);
add('5.18', 'a second text begins inside the first', [open(half[0]), frame(TEXT, half[1])], violation);
const five = probe('f'.repeat(40)), slices = [0, 1, 2, 3, 4].map((i) => five.slice(i * 16, i === 4 ? undefined : i * 16 + 16));
const mixed = [open(slices[0]), more(slices[1]), frame(PING, 'one'), more(slices[2]), more(slices[3]), frame(PING, 'two'), more(slices[4], true)];
add('5.19', 'a text in five fragments with two pings between', mixed, pong('one'), pong('two'), echo('f'.repeat(40)));
add('5.20', 'a text in five fragments with two pings between, octet by octet', drip(1, ...mixed), pong('one'), pong('two'), echo('f'.repeat(40)));
add('5.x.1', 'a text in fragments that are empty', [open(''), more(''), more(whole), more(''), more('', true)], echo('in pieces'));
add('5.x.2', 'an opcode that means nothing inside a text', [open(half[0]), frame(3, 'x')], violation);
add('5.x.3', 'a binary message in fragments', [frame(BINARY, 'ab', { fin: false }), more('cd', true)], binary);

// --- 6 UTF-8 --------------------------------------------------------------------------------------------------------
const kosme = Buffer.from('\u03ba\u1f79\u03c3\u03bc\u03b5');
const said = 'Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!';
const spoken = Buffer.from(probe(said));
add('6.1.1', 'a text of no octets', [frame(TEXT)], notJson);
add('6.1.2', 'three fragments, all empty', [open(''), more(''), more('', true)], notJson);
add('6.1.3', 'three fragments, only the second with octets', [open(''), more(whole), more('', true)], echo('in pieces'));
add('6.2.1', 'a text beyond ASCII', [frame(TEXT, spoken)], echo(said));
add('6.2.2', 'a text beyond ASCII in two fragments, cut at a character', pieces(TEXT, spoken, spoken.indexOf('@')), echo(said));
add('6.2.3', 'a text beyond ASCII in fragments of one octet', pieces(TEXT, spoken, 1), echo(said));
add('6.2.4', 'characters of three octets in fragments of one octet', pieces(TEXT, probe(kosme.toString()), 1), echo(kosme.toString()));
const surrogate = Buffer.concat([kosme, hex('eda080'), Buffer.from('edited')]);
add('6.3.1', 'a surrogate in a text', [frame(TEXT, surrogate)], badText);
add('6.3.2', 'a surrogate in a text in fragments of one octet', pieces(TEXT, surrogate, 1), badText);
const beyond = hex('f4908080');
add('6.4.1', 'wrong in the second fragment of three', [open(kosme), more(beyond), more('edited', true)], badText);
add('6.4.2', 'wrong at the end of the first fragment, which goes on', [open(Buffer.concat([kosme, hex('f490')])), more(hex('8080')), more('edited', true)], badText);
add('6.4.3', 'wrong, and the rest of the frame never comes', [frame(TEXT, Buffer.concat([kosme, beyond]), { claim: 200 })], badText);
add('6.4.4', 'wrong at the second octet of four, and the rest of the frame never comes', [frame(TEXT, Buffer.concat([kosme, hex('f490')]), { claim: 200 })], badText);

// [section, right or wrong, the octets of each case]
const utf8 = [
  ['6.5', true, ['68656c6c6f24776f726c64', '68656c6c6fc2a2776f726c64', '68656c6c6fe282ac776f726c64', '68656c6c6ff0a4ada2776f726c64', kosme.toString('hex')]],
  ['6.7', true, ['00', 'c280', 'e0a080', 'f0908080']],
  ['6.8', false, ['f888808080', 'fc8480808080']],
  ['6.9', true, ['7f', 'dfbf', 'efbfbf', 'f48fbfbf']],
  ['6.10', false, ['f7bfbfbf', 'fbbfbfbfbf', 'fdbfbfbfbfbf']],
  ['6.11', true, ['ed9fbf', 'ee8080', 'efbfbd', 'f48fbfbf']],
  ['6.12', false, ['80', 'bf', '80bf', '80bf80', '80bf80bf', '80bf80bf80', '80bf80bf80bf', Array.from({ length: 63 }, (_, i) => (0x80 + i).toString(16)).join('')]],
  ['6.13', false, [[0xc0, 32], [0xe0, 16], [0xf0, 8], [0xf8, 4], [0xfc, 2]].map(([from, n]) => Array.from({ length: n }, (_, i) => `${(from + i).toString(16)}20`).join(''))],
  ['6.14', false, ['c0', 'e080', 'f08080', 'f8808080', 'fc80808080', 'df', 'efbf', 'f7bfbf', 'fbbfbfbf', 'fdbfbfbfbf']],
  ['6.15', false, ['c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf']],
  ['6.16', false, ['fe', 'ff', 'fefeffff']],
  ['6.17', false, ['c0af', 'e080af', 'f08080af', 'f8808080af', 'fc80808080af']],
  ['6.18', false, ['c1bf', 'e09fbf', 'f08fbfbf', 'f887bfbfbf', 'fc83bfbfbfbf']],
  ['6.19', false, ['c080', 'e08080', 'f0808080', 'f880808080', 'fc8080808080']],
  ['6.20', false, ['eda080', 'edadbf', 'edae80', 'edafbf', 'edb080', 'edbe80', 'edbfbf']],
  ['6.21', false, ['eda080edb080', 'eda080edbfbf', 'edadbfedb080', 'edadbfedbfbf', 'edae80edb080', 'edae80edbfbf', 'edafbfedb080', 'edafbfedbfbf']],
  ['6.22', true, Array.from({ length: 17 }, (_, plane) => [0xfffe, 0xffff].map((c) => Buffer.from(String.fromCodePoint((plane << 16) | c)).toString('hex'))).flat()],
  ['6.23', true, Array.from({ length: 7 }, (_, i) => `efbf${(0xb9 + i).toString(16)}`)],
];
// A character that breaks off in the middle, octet by octet more of it: only whole ones are text.
const begun = Array.from({ length: kosme.length }, (_, i) => kosme.subarray(0, i + 1));
begun.forEach((b, i) => {
  const right = kosme.toString().startsWith(b.toString()) && !b.toString().includes('\ufffd');
  utf8.push([`6.6.${i + 1}`, right, [b.toString('hex')]]);
});
for (const [section, right, list] of utf8) {
  list.forEach((h, i) => {
    const id = section.startsWith('6.6.') ? section : `${section}.${i + 1}`, shown = h.length > 24 ? `${h.slice(0, 24)}\u2026` : h;
    const b = hex(h), text = b.toString();
    if (!right) add(id, `wrong: ${shown}`, [frame(TEXT, b)], badText);
    else if (b[0] < 0x20) add(id, `right: ${shown}`, [frame(TEXT, b)], notJson);
    else add(id, `right: ${shown}`, [frame(TEXT, b), ...pieces(TEXT, probe(text), 1)], notJson, echo(text));
  });
}
add('6.11.5', 'wrong: f4908080', [frame(TEXT, beyond)], badText);
add('6.x.1', 'octets that are no text in a binary message', [frame(BINARY, hex('ff80c0'))], binary);

// --- 7 closing --------------------------------------------------------------------------------------------------------
const normal = closed(1000);
add('7.1.1', 'a text, then a close frame', [hello(), closing(1000)], echo('hello'), normal);
add('7.1.2', 'two close frames', [closing(1000), closing(1000)], normal);
add('7.1.3', 'a ping behind a close frame', [closing(1000), frame(PING, 'late')], normal);
add('7.1.4', 'a text behind a close frame', [closing(1000), hello()], normal);
add('7.1.5', 'a close frame between two fragments', [open(half[0]), closing(1000), more(half[1], true)], normal);
add('7.1.6', 'a long text, a close frame and a ping', [frame(TEXT, sized(262144).text), closing(1000), frame(PING)], echo(sized(262144).id), normal);
add('7.3.1', 'a close frame without a code', [frame(CLOSE)], closed(null, 1000));
add('7.3.2', 'a close frame with half a code', [frame(CLOSE, 'a')], violation);
add('7.3.3', 'a close frame with a code', [closing(1000)], normal);
add('7.3.4', 'a close frame with a reason', [closing(1000, 'Hello World!')], normal);
add('7.3.5', 'a close frame with a reason of 123 octets', [closing(1000, '*'.repeat(123))], normal);
add('7.3.6', 'a close frame with a reason of 124 octets', [closing(1000, '*'.repeat(124))], violation);
add('7.5.1', 'a close frame whose reason is no UTF-8', [closing(1000, surrogate)], closed(1007, 1002));
[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].forEach((c, i) => add(`7.7.${i + 1}`, `code ${c}, which may be sent`, [closing(c)], closed(c, 1000)));
[0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].forEach((c, i) => add(`7.9.${i + 1}`, `code ${c}, which may not be sent`, [closing(c)], violation));
[5000, 65535].forEach((c, i) => add(`7.13.${i + 1}`, `code ${c}, of which nothing is said`, [closing(c)], closed(1002, 1000, c)));

// --- 9 limits -----------------------------------------------------------------------------------------------------------
const bulk = (n) => `{"type":"badinput.probe","event_id":"bulk","x":"${'*'.repeat(n - 51)}"}`;
[1 << 16, 1 << 18, 1 << 20, 1 << 22].forEach((n, i) => {
  add(`9.1.${i + 1}`, `a text of ${n} octets`, [frame(TEXT, bulk(n))], echo('bulk'));
  add(`9.2.${i + 1}`, `${n} binary octets`, [frame(BINARY, octets(n))], binary);
});
add('9.1.6', 'a text of 20 MiB', [frame(TEXT, bulk(20 << 20))], echo('bulk'));
[4096, 16384, 65536, 262144, 1 << 20, 4 << 20].forEach((n, i) => {
  add(`9.3.${i + 4}`, `a text of 4 MiB in fragments of ${n}`, pieces(TEXT, bulk(4 << 20), n), echo('bulk'));
  add(`9.4.${i + 4}`, `4 MiB of binary in fragments of ${n}`, pieces(BINARY, octets(4 << 20), n), binary);
});
add('9.3.1', 'more than 1024 fragments: a limit of ours', pieces(TEXT, bulk(1 << 18), 64), closed(1008));
[512, 1024, 2048].forEach((n, i) => {
  add(`9.5.${i + 4}`, `a text of 1 MiB in chops of ${n}`, drip(n, frame(TEXT, bulk(1 << 20))), echo('bulk'));
  add(`9.6.${i + 4}`, `1 MiB of binary in chops of ${n}`, drip(n, frame(BINARY, octets(1 << 20))), binary);
});
[0, 16, 64, 256, 1024].forEach((n, i) => {
  const list = Array.from({ length: 200 }, (_, k) => `${k} ${'*'.repeat(n)}`);
  add(`9.7.${i + 1}`, `200 texts of ${n} octets and more, one behind another`, list.map((p) => frame(TEXT, probe(p))), ...list.map((p) => echo(p)));
  add(`9.8.${i + 1}`, `200 binary messages of ${n} octets`, list.map(() => frame(BINARY, octets(n))), ...list.map(() => binary));
});

// --- 10 fragments of an even size ---------------------------------------------------------------------------------------
add('10.1.1', 'a text of 65536 octets in fragments of 1300', pieces(TEXT, sized(65536).text, 1300), echo(sized(65536).id));

// --- beyond the suite -------------------------------------------------------------------------------------------------------
add('x.1', 'a text without a mask', [frame(TEXT, probe('a'), { mask: false })], violation);
add('x.2', 'a ping without a mask', [frame(PING, '', { mask: false })], violation);
add('x.3', 'a close frame without a mask', [frame(CLOSE, hex('03e8'), { mask: false })], violation);
add('x.4', 'a text, then one without a mask', [hello(), frame(TEXT, probe('a'), { mask: false })], echo('hello'), violation);
add('x.5', 'a length of 5 in two octets', [frame(TEXT, 'abcde', { length: 2 })], violation);
add('x.6', 'a length of 5 in eight octets', [frame(TEXT, 'abcde', { length: 8 })], violation);
add('x.7', 'a length of 2^63', [frame(TEXT, 'abc', { length: 8, claim: 2n ** 63n })], closed(1002, 1009));
add('x.8', 'a length of 2^63-1', [frame(TEXT, 'abc', { length: 8, claim: 2n ** 63n - 1n })], closed(1009));
add('x.9', 'a text of 22 MiB is announced', [frame(TEXT, 'abc', { length: 8, claim: 22 << 20 })], closed(1009));
add('x.10', 'a text of 22 MiB, all of it', [frame(TEXT, bulk(22 << 20))], closed(1009));
add('x.11', 'a text of 22 MiB in fragments of 1 MiB', pieces(TEXT, bulk(22 << 20), 1 << 20), closed(1009));
add('x.12', '22 MiB of binary', [frame(BINARY, octets(22 << 20))], closed(1009));
add('x.13', 'a ping whose length needs two octets', [frame(PING, 'abc', { length: 2 })], violation);

async function play(c) {
  const raw = await Raw.open(server);
  assert.equal(raw.greeting.type, 'session.created');
  if (c.send.size) await raw.drip(c.send, c.send.size);
  else raw.send(c.send);
  for (const expect of c.expect) await expect(raw);
  if (!c.expect.at(-1).last) { // still at work, and closes well
    raw.send(frame(PING, 'alive'), frame(TEXT, probe('alive')), closing(1000));
    for (const expect of [pong('alive'), echo('alive'), normal]) await expect(raw);
  }
  raw.cut();
}

describe('WebSocket, octet by octet', { concurrency: 8 }, () => {
  for (const c of cases) test(`WS-${c.id} ${c.what}`, () => play(c));
});

// --- 12 and 13 compression, which is declined ----------------------------------------------------------------------------------
describe('permessage-deflate is declined', { concurrency: 4 }, () => {
  const offers = [['12.1.1', 'permessage-deflate'], ['12.2.1', 'permessage-deflate; client_max_window_bits'], ['13.1.1', 'permessage-deflate; client_no_context_takeover; client_max_window_bits'],
    ['13.2.1', 'permessage-deflate; server_no_context_takeover'], ['13.3.1', 'permessage-deflate; server_max_window_bits=9'], ['13.4.1', 'permessage-deflate; server_max_window_bits=15'],
    ['13.5.1', 'permessage-deflate; server_no_context_takeover; server_max_window_bits=9'], ['13.6.1', 'permessage-deflate; server_no_context_takeover; server_max_window_bits=15'],
    ['13.7.1', 'permessage-deflate; server_max_window_bits=9, permessage-deflate; client_max_window_bits, permessage-deflate'], ['13.x.1', 'x-webkit-deflate-frame'], ['13.x.2', 'permessage-deflate; server_max_window_bits=99'],
    ['13.x.3', ',,;;"'], ['13.x.4', `x-${'y'.repeat(4000)}`]];
  for (const [id, offer] of offers) {
    test(`WS-${id} ${offer.slice(0, 100)}`, async () => {
      const raw = await Raw.open(server, { fields: { 'sec-websocket-extensions': offer } });
      assert.ok(!/sec-websocket-extensions/i.test(raw.head), raw.head);
      raw.send(hello());
      await echo('hello')(raw);
      raw.send(frame(TEXT, hex('f248cdc9c90700'), { rsv: 4 })); // "Hello", deflated (RFC 7692, 7.2.3.1)
      await violation(raw);
    });
  }
});

// --- the handshake (RFC 6455, 4.2.1) -------------------------------------------------------------------------------------------
describe('handshakes', { concurrency: 4 }, () => {
  const wrong = [['no key', { 'sec-websocket-key': null }, 400], ['an empty key', { 'sec-websocket-key': '' }, 400], ['a key of 15 octets', { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAA' }, 400], ['a key that is no base64', { 'sec-websocket-key': '!!!!!!!!!!!!!!!!!!!!!!==' }, 400],
    ['no version', { 'sec-websocket-version': null }, 426], ['version 8', { 'sec-websocket-version': '8' }, 426], ['version 13, 8', { 'sec-websocket-version': '13, 8' }, 426], ['no Upgrade', { upgrade: null }, 426], ['Upgrade to something else', { upgrade: 'h2c' }, 426],
    ['no Connection', { connection: null }, 426], ['Connection: close', { connection: 'close' }, 426], ['a body', { 'content-length': '5' }, 400]];
  for (const [what, fields, status] of wrong) {
    test(`WS-H ${what}: ${status}`, async () => {
      const reply = await exchange(server, handshake(server, undefined, fields) + (fields['content-length'] ? 'hello' : ''));
      assert.equal(reply.status, status, reply.body);
      if (status === 426 && what.includes('ersion')) assert.equal(reply.headers['sec-websocket-version'], '13');
    });
  }
  test('WS-H POST, HEAD and HTTP/1.0 are no handshakes', async () => {
    for (const [from, to] of [[/^GET/, 'POST'], [/^GET/, 'DELETE'], [/HTTP\/1\.1/, 'HTTP/1.0']]) {
      const reply = await exchange(server, handshake(server).replace(from, to));
      assert.ok(reply.status >= 400 && reply.status < 500, `${to}: ${reply.status}`);
    }
  });
  test('WS-H names and values in any case, lists in Connection', async () => {
    const raw = await Raw.open(server, { fields: { connection: 'keep-alive, UPGRADE', upgrade: 'WebSocket' } });
    raw.send(hello());
    await echo('hello')(raw);
    raw.cut();
  });
  test('WS-H frames that come with the handshake are heard', async () => {
    const raw = await Raw.open(server, { early: [hello(), frame(PING, 'early')] });
    for (const expect of [echo('hello'), pong('early')]) await expect(raw);
    raw.cut();
    const broken = await Raw.open(server, { early: [frame(3)] });
    await violation(broken);
  });
});

test('the server has survived it all, and holds no session', async () => {
  const metrics = async () => (await exchange(server, `GET /metrics HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\n\r\n`)).body;
  for (const end = Date.now() + 20000; !/^voiced_sessions 0$/m.test(await metrics());) {
    assert.ok(Date.now() < end, 'sessions remain');
    await new Promise((r) => setTimeout(r, 50));
  }
});
