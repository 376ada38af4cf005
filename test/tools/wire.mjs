// wire.mjs - HTTP/1.1 as octets, for what fetch() is too well-mannered to send.
import { connect as tcp } from 'node:net';
import { connect as tls } from 'node:tls';

// A socket that collects what comes. `replies` are the answers so far, parsed.
export class Wire {
  octets = Buffer.alloc(0);
  ended = false; // the server said goodbye or cut the connection
  failed = null;
  #wake = [];

  static open(server, { secure = false, host = '127.0.0.1' } = {}) {
    const wire = new Wire();
    return new Promise((resolve, reject) => {
      wire.socket = secure ? tls({ host, port: server.port, rejectUnauthorized: false }) : tcp(server.port, host);
      wire.socket.on(secure ? 'secureConnect' : 'connect', () => resolve(wire));
      wire.socket.on('data', (d) => { wire.octets = Buffer.concat([wire.octets, d]); wire.#tell(); });
      wire.socket.on('error', (e) => { wire.failed = e; reject(e); });
      wire.socket.on('close', () => { wire.ended = true; wire.#tell(); });
      wire.socket.on('end', () => { wire.ended = true; wire.#tell(); });
    });
  }

  #tell() {
    for (const wake of this.#wake.splice(0)) wake();
  }

  write(octets) {
    this.socket.write(octets);
    return this;
  }

  async until(what, probe, ms = 30000) {
    for (const end = Date.now() + ms; ;) {
      const value = probe();
      if (value) return value;
      if (this.ended || Date.now() > end)
        throw new Error(`${this.ended ? 'ended' : 'nothing'} before ${what}; came: ${this.octets.toString('latin1').slice(0, 600)}`);
      await new Promise((resolve) => { setTimeout(resolve, end - Date.now() + 1).unref(); this.#wake.push(resolve); });
    }
  }

  get replies() {
    const list = [];
    for (let rest = this.octets; ;) {
      const at = rest.indexOf('\r\n\r\n');
      if (at < 0) return list;
      const [line, ...fields] = rest.subarray(0, at).toString('latin1').split('\r\n');
      const headers = Object.fromEntries(fields.map((f) => [f.slice(0, f.indexOf(':')).toLowerCase(), f.slice(f.indexOf(':') + 1).trim()]));
      const status = Number(line.split(' ')[1]);
      const length = this.head || status < 200 || status === 204 || status === 304 ? 0 : Number(headers['content-length'] ?? 0);
      if (rest.length < at + 4 + length) return list;
      list.push({ status, headers, body: rest.subarray(at + 4, at + 4 + length).toString() });
      rest = rest.subarray(at + 4 + length);
    }
  }

  async reply(n = 0) {
    return this.until(`reply ${n}`, () => this.replies[n]);
  }

  async end(ms = 30000) {
    await this.until('the end', () => this.ended, ms);
    this.socket.destroy();
  }
}

// One request, its first final answer.
export async function exchange(server, octets, options = {}) {
  const wire = await Wire.open(server, options);
  if (options.head) wire.head = true;
  wire.write(octets);
  const reply = await wire.until('a reply', () => wire.replies.find((r) => r.status >= 200 || r.status === 101));
  wire.socket.destroy();
  return reply;
}

// A request without frills: request('GET', '/healthz', { 'x-name': 'value' }, body).
export function request(server, verb, target, fields = {}, body = '') {
  const all = { host: `127.0.0.1:${server.port}`, ...fields };
  if (body) all['content-length'] ??= Buffer.byteLength(body);
  const lines = Object.entries(all).filter(([, v]) => v !== null).map(([k, v]) => `${k}: ${v}\r\n`).join('');
  return `${verb} ${target} HTTP/1.1\r\n${lines}\r\n${body}`;
}
