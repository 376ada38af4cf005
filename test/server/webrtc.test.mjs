// WebRTC calls from Chromium: offers of several shapes, the data channel, audio, and the end.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Call, browse, phone } from '../tools/calls.mjs';
import { ingest, root, serve, sleep, until } from '../tools/server.mjs';

const CAT = 'What is the station cat called?';
let server, browser, page;

before(async () => {
  server = await serve({ data: ingest([join(root, 'examples')]) });
  browser = await browse();
});
afterEach(async () => {
  await Promise.all(browser.contexts().map((c) => c.close()));
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
test.beforeEach(async () => { page = await phone(browser, server); });

const loopOf = (call) => call.location.match(/rtc_(\w\w)/)[1];
const hangup = (location) => fetch(`${server.origin}${location}/hangup`, { method: 'POST' });

test('a call: session.created, silence that costs nothing, an answer that is heard', async () => {
  const call = await Call.make(page);
  assert.equal(call.status, 201);
  assert.match(call.location, /^\/v1\/realtime\/calls\/rtc_0[01]\w{22}$/);
  const created = await call.event('session.created');
  assert.match(created.session.id, /^sess_/);
  assert.equal((await call.events())[0].type, 'session.created');

  const before = await call.received();
  await sleep(1000); // this second is what is looked at
  assert.deepEqual((await call.received()).packets, before.packets, 'nothing is sent while nobody speaks');

  assert.match(await call.ask(CAT), /Biscuit/);
  await call.event('output_audio_buffer.stopped');
  const after = await call.received();
  assert.ok(after.packets > before.packets + 100, `${after.packets} packets`);
  assert.ok(after.energy > before.energy + 0.001, `energy ${after.energy}`);
  const types = (await call.events()).map((e) => e.type);
  assert.ok(!types.includes('response.output_audio.delta'), 'audio comes as RTP alone');
  assert.ok(types.indexOf('output_audio_buffer.started') < types.indexOf('output_audio_buffer.stopped'));
});

for (const options of [{ order: 'data first' }, { audio: 'track without stream' }, { audio: 'recvonly' }, { label: 'realtime-channel' }]) {
  test(`an offer with ${JSON.stringify(options)} is answered and talks`, async (t) => {
    const call = await Call.make(page, options);
    t.diagnostic(call.offer.match(/^m=\w+/gm).join(' '));
    if (options.order) assert.match(call.offer.match(/^m=\w+/m)[0], /m=application/);
    assert.deepEqual(call.answer.match(/^m=\w+/gm), call.offer.match(/^m=\w+/gm));
    await call.event('session.created');
    assert.match(await call.ask(CAT), /Biscuit/);
  });
}

test('an offer may come with its session, in a form', async () => {
  const session = { type: 'realtime', model: 'gpt-realtime', instructions: 'Be brief.', audio: { output: { voice: 'verse' } },
    tools: [{ type: 'function', name: 'ring', description: 'Rings a bell.', parameters: { type: 'object', properties: {} } }] };
  const call = await Call.make(page, { session });
  assert.equal(call.status, 201);
  assert.match(call.location, /^\/v1\/realtime\/calls\/rtc_/);
  const created = (await call.event('session.created')).session;
  assert.deepEqual([created.model, created.instructions, created.audio.output.voice, created.tools.map((t) => t.name)],
    ['gpt-realtime', 'Be brief.', 'verse', ['ring']]);
  assert.match(await call.ask(CAT), /Biscuit/);

  const post = (parts, path = '/v1/realtime/calls') => {
    const body = new FormData();
    for (const [name, value] of Object.entries(parts)) body.append(name, value);
    return fetch(server.origin + path, { method: 'POST', body });
  };
  const rows = [
    [{ session: '{}' }, 'missing_required_parameter', 'sdp'], [{ sdp: call.offer, session: '{' }, 'invalid_json', 'session'],
    [{ sdp: call.offer, session: '[]' }, 'invalid_json', 'session'], [{ sdp: 'v=0', session: '{"type":"realtime"}' }, 'invalid_offer', 'sdp'],
    [{ sdp: call.offer, session: '{"type":"realtime","audio":{"output":{"speed":9}}}' }, null, 'session.audio.output.speed'],
  ];
  for (const [parts, code, param] of rows) {
    const refused = await post(parts), { error } = await refused.json();
    assert.equal(refused.status, 400, JSON.stringify(error));
    if (code) assert.equal(error.code, code, error.message);
    assert.equal(error.param, param, error.message);
  }
  const cut = await fetch(`${server.origin}/v1/realtime/calls`, { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: '--x\r\nContent-Disposition: form-data; name="sdp"\r\n\r\nv=0' });
  assert.equal((await cut.json()).error.code, 'invalid_multipart');
});

test('an offer without a data channel is a call as well', async (t) => {
  const call = await Call.make(page, { data: false });
  assert.equal(await call.state(), 'connected');
  assert.equal((await hangup(call.location)).status, 200);
  t.diagnostic(`seen first: ${await call.ended()}`);
});

test('hanging up ends it, once', async (t) => {
  const call = await Call.make(page);
  await call.event('session.created');
  assert.equal((await hangup(call.location)).status, 200);
  t.diagnostic(`seen first: ${await call.ended()}`);
  await until('the call to be forgotten', async () => (await hangup(call.location)).status === 404);
  assert.equal((await fetch(server.origin + call.location, { method: 'POST', body: call.offer, headers: { 'content-type': 'application/sdp' } })).status, 404);
});

test('a page that closes its call ends it', async () => {
  const call = await Call.make(page);
  await call.event('session.created');
  await call.close();
  await until('the call to be forgotten', async () => (await hangup(call.location)).status === 404, 60000);
});

test('calls live on both loops, and requests find them there', async () => {
  const calls = [];
  for (let i = 0; i < 24 && new Set(calls.map(loopOf)).size < 2; i++) {
    // A connection of its own for each offer: the kernel deals them out to the loops.
    const one = await phone(browser, server);
    calls.push(await Call.make(one));
  }
  const loops = calls.map(loopOf);
  assert.deepEqual([...new Set(loops)].sort(), ['00', '01']);
  for (const loop of ['00', '01']) {
    const call = calls[loops.indexOf(loop)];
    assert.match(await call.ask(CAT), /Biscuit/, `on loop ${loop}`);
    for (let i = 0; i < 6; i++) { // from connections on either loop
      const r = await fetch(server.origin + call.location, { method: 'POST', body: 'v=0\r\n',
        headers: { 'content-type': 'application/sdp', connection: 'close' } });
      assert.equal(r.status, 400);
    }
  }
  for (const call of calls) assert.equal((await hangup(call.location)).status, 200);
});
