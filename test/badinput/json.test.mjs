// JSON, right and wrong, as events and as the bodies of requests: what json_cases.mjs says of each text must come of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { root, serve } from '../tools/server.mjs';
import { closeAll, converse } from '../tools/session.mjs';
import { Raw, TEXT, frame } from '../tools/frames.mjs';
import { cases, table } from './json_cases.mjs';

let server;

before(async () => {
  server = await serve({ decoders: 1 });
});
afterEach(closeAll);
after(() => server?.stop());

const utf8 = (b) => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(b);
  } catch {
    return null;
  }
};

// The case within an object that has these members.
const within = (c, members) => {
  const object = JSON.stringify(members);
  return c.after ? Buffer.concat([c.before, Buffer.from(object), c.after]) : Buffer.concat([Buffer.from(`${object.slice(0, -1)},"x":`), c.before, Buffer.from('}')]);
};
const probe = (c) => within(c, { type: 'badinput.probe', event_id: c.name });

test('the table is that of its generator, and a JSON parser agrees with it', () => {
  assert.equal(readFileSync(join(root, 'test/badinput/json_cases.tsv'), 'utf8'), table(), 'node test/badinput/json_cases.mjs > test/badinput/json_cases.tsv');
  assert.ok(cases.length >= 300);
  assert.equal(new Set(cases.map((c) => c.name)).size, cases.length);
  for (const c of cases) {
    const text = utf8(probe(c));
    let right = text !== null;
    try {
      JSON.parse(text);
    } catch {
      right = false;
    }
    if (c.kind !== 'i') assert.equal(right, c.kind === 'y', c.name);
  }
});

test('as events: understood, or invalid_json and nothing worse', async (t) => {
  const s = await converse(server, null, { path: '/v1/realtime?model=x' });
  const sent = cases.filter((c) => utf8(probe(c)) !== null);
  for (const c of sent) s.socket.send(probe(c), { binary: false });
  await s.until('an error for each', () => s.of('error').length >= sent.length);
  const count = { y: 0, n: 0, i: 0, accepted: 0 };
  s.of('error').forEach(({ error }, i) => {
    const c = sent[i], understood = error.code === 'invalid_value';
    assert.ok(['invalid_value', 'invalid_json'].includes(error.code), `${c.name}: ${JSON.stringify(error)}`);
    if (c.kind !== 'i') assert.equal(understood, c.kind === 'y', `${c.name}: ${JSON.stringify(error)}`);
    assert.equal(error.event_id, understood ? c.name : null, c.name);
    assert.equal(error.param, understood ? 'type' : null, c.name);
    assert.equal(error.type, 'invalid_request_error');
    assert.ok(error.message.length > 20, c.name);
    count[c.kind]++;
    count.accepted += c.kind === 'i' && understood;
  });
  t.diagnostic(`${count.y} accepted, ${count.n} refused, ${count.i} left open (${count.accepted} accepted)`);
  await s.update({ instructions: 'go on' });
  assert.equal(s.of('error').length, sent.length, 'and not one more');
});

test('as events: no UTF-8 ends the connection with 1007', async () => {
  const broken = cases.filter((c) => utf8(probe(c)) === null);
  assert.ok(broken.length > 30);
  await Promise.all(broken.map(async (c) => {
    const raw = await Raw.open(server);
    raw.send(frame(TEXT, probe(c)));
    const end = await raw.next(c.name);
    assert.equal(end.code, 1007, c.name);
    await raw.wire.end();
  }));
});

test('as values that are kept: what comes back is what was sent', async () => {
  const s = await converse(server, null, { path: '/v1/realtime?model=x' });
  const values = cases.filter((c) => c.kind === 'y' && !c.after);
  const same = (a, b) => a === b || (typeof a === 'number' && Math.abs(a - b) <= 1e-14 * Math.abs(a))
    || (typeof a === 'object' && a && b && Object.keys(a).join('\0') === Object.keys(b).join('\0') && Object.keys(a).every((k) => same(a[k], b[k])));
  for (const c of values) {
    const text = utf8(c.before);
    s.send(`{"type":"session.update","session":{"type":"realtime","tools":[{"type":"function","name":"f","parameters":{"x":${text}}}]}}`);
  }
  await s.until('an answer to each', () => s.events.length - 1 >= values.length);
  values.forEach((c, i) => {
    const event = s.events[i + 1], want = JSON.parse(c.before);
    if (event.type === 'error') { // the update adds five levels to the 60
      assert.ok(c.name.startsWith('y_depth_') && event.error.message.includes('64'), `${c.name}: ${JSON.stringify(event)}`);
      return;
    }
    const got = event.session.tools[0].parameters.x;
    assert.ok(same(want, got), `${c.name}: ${JSON.stringify(want)?.slice(0, 200)} came back as ${JSON.stringify(got)?.slice(0, 200)}`);
  });
});

for (const [path, members] of [['/v1/realtime/client_secrets', { session: null }], ['/v1/realtime/sessions', { model: 'x' }], ['/api/search', { query: 'cat' }]]) {
  test(`as bodies of ${path}: 200, or 400 with a JSON error`, async () => {
    const judge = async (c) => {
      const reply = await fetch(server.origin + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: within(c, members) });
      const body = await reply.json();
      if (c.kind !== 'i') assert.equal(reply.status, c.kind === 'y' ? 200 : 400, `${c.name}: ${JSON.stringify(body)}`);
      assert.match(reply.headers.get('content-type'), /^application\/json/, c.name);
      if (reply.status === 200) return;
      assert.equal(reply.status, 400, c.name);
      assert.equal(body.error.code, 'invalid_json', c.name);
      assert.equal(typeof body.error.message, 'string', c.name);
      assert.equal(body.error.param ?? null, null, c.name);
    };
    for (let i = 0; i < cases.length; i += 16) await Promise.all(cases.slice(i, i + 16).map(judge));
    assert.equal((await fetch(`${server.origin}/healthz`)).status, 200);
  });
}
