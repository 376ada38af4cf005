// frames.mjs - WebSocket frames as octets (RFC 6455, 5.2), for what the `ws` package is too well-mannered to send.
import { randomBytes } from 'node:crypto';
import { Wire, request } from './wire.mjs';

export const TEXT = 1, BINARY = 2, MORE = 0, CLOSE = 8, PING = 9, PONG = 10;

// One frame of a client. rsv: the three reserved bits as a number; length: how many octets say the length (0, 2, 8);
// claim: the length that is said, if it should not be that of the payload.
export function frame(opcode, payload = '', { fin = true, rsv = 0, mask = true, length, claim } = {}) {
  const body = Buffer.from(payload);
  const said = claim ?? body.length;
  length ??= said < 126 ? 0 : said < 65536 ? 2 : 8;
  const head = Buffer.alloc(2 + length);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (mask ? 0x80 : 0) | (length === 0 ? said : length === 2 ? 126 : 127);
  if (length === 2) head.writeUInt16BE(said, 2);
  if (length === 8) head.writeBigUInt64BE(BigInt(said), 2);
  if (!mask) return Buffer.concat([head, body]);
  const key = randomBytes(4);
  for (let i = 0; i < body.length; i++) body[i] ^= key[i & 3];
  return Buffer.concat([head, key, body]);
}

export function closing(code, reason = '') {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return frame(CLOSE, Buffer.concat([head, Buffer.from(reason)]));
}

// A message in frames of `size` octets.
export function pieces(opcode, payload, size) {
  const body = Buffer.from(payload), list = [];
  for (let at = 0; at === 0 || at < body.length; at += size)
    list.push(frame(at === 0 ? opcode : MORE, body.subarray(at, at + size), { fin: at + size >= body.length }));
  return list;
}

export function handshake(server, path = '/v1/realtime?model=x', fields = {}) {
  return request(server, 'GET', path, { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': randomBytes(16).toString('base64'), ...fields });
}

// A session over a socket of which each octet is ours. next() gives what came, frame by frame. `early`: frames that go
// in one write with the handshake.
export class Raw {
  #at = 0;

  static async open(server, { path, fields, early = [], greeted = true } = {}) {
    const raw = new Raw();
    raw.wire = await Wire.open(server);
    raw.wire.socket.setNoDelay(true);
    raw.wire.write(Buffer.concat([Buffer.from(handshake(server, path, fields)), ...early]));
    await raw.wire.until('the handshake', () => raw.wire.octets.includes('\r\n\r\n'));
    raw.#at = raw.wire.octets.indexOf('\r\n\r\n') + 4;
    raw.head = raw.wire.octets.toString('latin1', 0, raw.#at);
    if (!raw.head.startsWith('HTTP/1.1 101 ')) throw new Error(raw.wire.octets.toString());
    raw.greeting = greeted ? await raw.event() : null;
    return raw;
  }

  send(...octets) {
    this.wire.write(Buffer.concat(octets.flat()));
    return this;
  }

  // In so many octets a write.
  async drip(octets, size = 1) {
    const all = Buffer.concat([octets].flat());
    for (let at = 0; at < all.length; at += size) {
      this.wire.write(all.subarray(at, at + size));
      await new Promise(setImmediate);
    }
    return this;
  }

  #parse() {
    const b = this.wire.octets.subarray(this.#at);
    if (b.length < 2) return null;
    const short = b[1] & 0x7f, head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (b.length < head) return null;
    const n = short < 126 ? short : short === 126 ? b.readUInt16BE(2) : Number(b.readBigUInt64BE(2));
    if (b.length < head + n) return null;
    this.#at += head + n;
    return { opcode: b[0] & 15, fin: b[0] >> 7, rsv: (b[0] >> 4) & 7, masked: b[1] >> 7, payload: Buffer.from(b.subarray(head, head + n)) };
  }

  // The next frame. Of a close frame also { code, reason }.
  async next(what = 'a frame') {
    const f = await this.wire.until(what, () => this.#parse());
    if (f.opcode === CLOSE && f.payload.length) Object.assign(f, { code: f.payload.readUInt16BE(), reason: f.payload.toString('utf8', 2) });
    return f;
  }

  async event() {
    const f = await this.next('an event');
    if (f.opcode !== TEXT) throw new Error(`not an event: opcode ${f.opcode}, ${f.code ?? ''} ${f.payload.toString('hex').slice(0, 60)}`);
    return JSON.parse(f.payload);
  }

  get rest() {
    return this.wire.octets.subarray(this.#at);
  }

  cut() {
    this.wire.socket.destroy();
  }
}
