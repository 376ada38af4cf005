// harness.mjs - what the files of this suite share: servers, questions, and how answers are looked at.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before } from 'node:test';
import { MUTE, ingest, root, serve } from '../tools/server.mjs';
import { Session, closeAll, connect, pcm } from '../tools/session.mjs';
import { dialects, members } from '../tools/shapes.mjs';
import { speak } from '../tools/speech.mjs';
import { exchange, request } from '../tools/wire.mjs';

export const CAT = 'What is the station cat called?';
export const FIRE = 'Where should everyone gather when there is a fire?';
export const KEY = 'a-key-that-nobody-guesses-0123456789';
export const APP = 'https://app.example';

export { MUTE };

Session.patience = Number(process.env.VOICED_PATIENCE_MS ?? 30000);
afterEach(closeAll);

// A server for the tests of a file.
export function hosted({ decoders = 2, ...options } = {}) {
  let server;
  const documents = ['staff-handbook.md', 'emergencies.html'].map((name) => join(root, 'examples', name));

  before(async () => { server = await serve({ data: ingest(documents), decoders, ...options }); });
  after(() => server?.stop());
  return new Proxy({}, { get: (_, name) => server?.[name] });
}

// A session of a dialect after its session.created.
export async function open(server, dialect = dialects.GA, session = null, options = {}) {
  const s = await connect(server, { dialect, ...options });
  s.created = (await s.event('session.created')).session;
  if (session) await s.update(session);
  return s;
}

const recorded = new Map();

// A question as 24 kHz PCM, spoken once per process.
export function spoken(text, options = {}) {
  const name = JSON.stringify([text, options]);
  if (!recorded.has(name)) recorded.set(name, pcm(speak(text, 'slt', { rate: 24000, ...options })));
  return recorded.get(name);
}

export const last = (events, type) => events.findLast((e) => e.type === type);
export const deltas = (events, type) => events.filter((e) => e.type === type).map((e) => e.delta).join('');
export const sound = (events) => Buffer.concat(events.filter((e) => /audio\.delta$/.test(e.type)).map((e) => Buffer.from(e.delta, 'base64')));

// What a response said, in words, whatever its modality and dialect.
export const answer = (events) => last(events, 'response.done').response.output
  .flatMap((item) => item.content ?? []).map((part) => part.text ?? part.transcript).join(' ');

export const tool = (name, description = 'Searches the documents of the station.') => ({ type: 'function', name, description,
  parameters: { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] } });

// An error as the body of a reply.
export function errorBody(reply, status, code) {
  assert.equal(reply.status, status, reply.body);
  assert.match(reply.headers['content-type'], /^application\/json/);
  const { error } = JSON.parse(reply.body);
  members(error, 'message type code param', 'error');
  assert.match(error.message, /\w/);
  if (code) assert.equal(error.code, code);
  return error;
}

export async function call(server, verb, path, fields = {}, body = '', options = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const type = typeof body === 'string' ? {} : { 'content-type': 'application/json' };
  return exchange(server, request(server, verb, path, { ...type, ...fields }, text), options);
}

export const bearer = (key) => ({ authorization: `Bearer ${key}` });
export const protocols = (key) => ['realtime', `openai-insecure-api-key.${key}`];

// POST with JSON both ways.
export async function post(server, path, body, fields = bearer(KEY)) {
  const reply = await call(server, 'POST', path, fields, body);
  assert.equal(reply.status, 200, `${path}: ${reply.body}`);
  return JSON.parse(reply.body);
}

// Is the socket closed in the end? { code, reason }.
export async function closing(s) {
  return s.until('the end', () => s.closed);
}
