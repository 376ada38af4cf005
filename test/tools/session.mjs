// session.mjs - a Realtime session over WebSocket, as a test sees it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import WebSocket from 'ws';
import { sleep } from './server.mjs';
import { dialects } from './shapes.mjs';

// All events that came, in order, and a cursor: event() waits for the next of a type behind the
// cursor and moves it there, so that a test which awaits A, then B also says that A came before B.
export class Session {
  static patience = 60000; // ms, for machines that are busy; nothing is measured with it
  dialect = dialects.GA;
  events = [];
  cursor = 0;
  closed = null; // { code, reason } once the socket has gone
  #wake = new Set();

  constructor(socket) {
    this.socket = socket;
    socket.on('message', (data, binary) => {
      this.events.push(binary ? { type: 'binary frame', data } : JSON.parse(data));
      this.#tell();
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#tell();
    });
    socket.on('error', () => {}); // 'close' follows
  }

  #tell() {
    for (const wake of [...this.#wake]) wake();
  }

  send(event) {
    this.socket.send(typeof event === 'string' || Buffer.isBuffer(event) ? event : JSON.stringify(event));
  }

  // Waits until probe() gives something truthy; it is asked again whenever something has come.
  async until(what, probe) {
    for (const end = Date.now() + Session.patience; ;) {
      const value = probe();
      if (value) return value;
      if (this.closed) throw new Error(`closed (${this.closed.code} ${this.closed.reason}) before ${what}`);
      const left = end - Date.now();
      if (left <= 0) throw new Error(`waited in vain for ${what}; came: ${this.types().join(' ')}`);
      await new Promise((resolve) => {
        const done = () => { this.#wake.delete(done); clearTimeout(timer); resolve(); };
        const timer = setTimeout(done, left);
        this.#wake.add(done);
      });
    }
  }

  // `type` may be a pattern.
  async event(type, fits = () => true) {
    const at = await this.until(type, () => {
      const i = this.events.findIndex((e, i) => i >= this.cursor && (type.test ? type.test(e.type) : e.type === type) && fits(e));
      return i >= 0 && { i };
    });
    this.cursor = at.i + 1;
    return this.events[at.i];
  }

  of(type, from = 0) {
    return this.events.slice(from).filter((e) => e.type === type);
  }

  types(from = 0) {
    return this.events.slice(from).map((e) => e.type);
  }

  async update(session) {
    const { nested } = this.dialect, from = this.events.length;
    this.send({ type: 'session.update', session: nested ? { type: 'realtime', ...session } : session });
    const first = await this.until('session.updated', () => this.events.slice(from).find((e) => e.type === 'session.updated' || e.type === 'error'));
    if (first.type === 'error') throw new Error(`session.update met ${JSON.stringify(first.error)}`);
    return (await this.event('session.updated')).session;
  }

  // Sends what has to be refused: its error, which names the event.
  async refused(event) {
    const event_id = `refused-${this.events.length}`;
    this.send({ ...event, event_id });
    return (await this.event('error', (e) => e.error.event_id === event_id)).error;
  }

  // All that came in answer to events: whatever precedes the error of a nonsense that follows them,
  // rate limits aside, which trail behind responses.
  async after(...events) {
    const from = this.events.length, event_id = `fence-${from}`;
    for (const event of events) this.send(event);
    this.send({ type: 'no.such.event', event_id });
    await this.until('the fence', () => this.events.some((e) => e.error?.event_id === event_id));
    return this.events.slice(from).filter((e) => e.error?.event_id !== event_id && e.type !== 'rate_limits.updated');
  }

  // The user types; nothing is asked for yet.
  type(text, id) {
    this.send({ type: 'conversation.item.create', item: { ...(id && { id }), type: 'message', role: 'user',
      content: [{ type: 'input_text', text }] } });
  }

  // A typed question; the events of its response, as an array.
  async ask(text, response = {}) {
    this.type(text);
    return this.respond(response);
  }

  async respond(response = {}) {
    this.send({ type: 'response.create', response });
    await this.event('response.created');
    const from = this.cursor - 1;
    await this.event('response.done');
    return this.events.slice(from, this.cursor);
  }

  // Audio in 20 ms pieces, at the speed of speech unless told otherwise.
  async say(pcm24k, { every = 20, meanwhile = () => true } = {}) {
    const start = Date.now();
    for (let at = 0, n = 0; at < pcm24k.length && meanwhile(); at += 960, n++) {
      this.send({ type: 'input_audio_buffer.append', audio: pcm24k.subarray(at, at + 960).toString('base64') });
      const early = start + n * every - Date.now();
      if (early > 0) await sleep(early);
    }
  }

  close() {
    this.socket.close();
  }
}

// A socket that has been refused: { status, body }.
export class Refused extends Error {
  constructor(status, headers, body) {
    super(`the handshake was answered with ${status}: ${body}`);
    Object.assign(this, { status, headers, body });
  }
}

const open = new Set();

// For afterEach(): what a test has opened does not outlive it, however it ends.
export function closeAll() {
  for (const session of open) session.socket.terminate();
  open.clear();
}

export function connect(server, { dialect, path = dialect?.path ?? '/v1/realtime?model=voiced', protocols = [], origin = server.origin, headers, keep = false, ...options } = {}) {
  const socket = new WebSocket(origin.replace(/^http/, 'ws') + path, protocols,
    { perMessageDeflate: false, headers: { ...dialect?.headers, ...headers }, ...options });
  const session = new Session(socket);
  if (dialect) session.dialect = dialect;
  if (!keep) open.add(session);
  return new Promise((resolve, reject) => {
    socket.on('upgrade', (response) => { session.headers = response.headers; });
    socket.on('open', () => resolve(session));
    socket.on('error', reject);
    socket.on('unexpected-response', (request, response) => {
      let body = '';
      response.on('data', (d) => { body += d; });
      response.on('end', () => reject(new Refused(response.statusCode, response.headers, body)));
    });
  });
}

// Which paths tell a refusal in a session of one event; elsewhere the handshake is answered with a status.
const inBand = (path) => /^\/(v1\/)?realtime\b/.test(path);

// The socket is refused for what it shows or asks: on its path, in its path's way. Gives the error.
export async function refusal(server, status, code, { path = '/v1/realtime?model=voiced', ...options } = {}) {
  const s = await connect(server, { path, ...options }).catch((e) => e);
  if (s instanceof Error && !(s instanceof Refused)) throw s;
  const told = s instanceof Session;
  assert.equal(told, inBand(path), `${path}: ${told ? 'let in' : s.message}`);
  if (!told) assert.equal(s.status, status, `${path}: ${s.body}`);
  const { error } = told ? await s.until('its first event', () => s.events[0]) : JSON.parse(s.body);
  assert.equal(error?.code, code, `${path}: ${told ? s.types() : s.body}`);
  assert.ok(error.message.length > 20, error.message);
  if (told) {
    await s.until('the end', () => s.closed);
    assert.deepEqual(s.types(), ['error'], path);
    assert.equal(error.type, 'invalid_request_error');
    assert.deepEqual(s.closed, { code: status === 401 || status === 403 ? 3000 : 4000, reason: `invalid_request_error.${code}` });
  }
  return error;
}

export async function converse(server, session = null, options = {}) {
  const s = await connect(server, options);
  await s.event('session.created');
  if (session) await s.update(session);
  return s;
}

// The samples of a WAV file that sox wrote, as octets.
export function pcm(file) {
  const b = readFileSync(file);
  const at = b.indexOf('data') + 8;
  return b.subarray(at);
}

export const silence = (seconds) => Buffer.alloc(Math.round(seconds * 24000) * 2);

// Root mean square of PCM16.
export function loudness(buffer) {
  const samples = new Int16Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length));
  return Math.sqrt(samples.reduce((sum, v) => sum + v * v, 0) / samples.length);
}
