// Questions that come before the server can answer any: they wait, and are answered.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Call, browse, phone } from '../tools/calls.mjs';
import { ingest, root, serve, sleep, until } from '../tools/server.mjs';
import { closeAll, connect, converse, pcm } from '../tools/session.mjs';
import { speak } from '../tools/speech.mjs';
import { Wire, request } from '../tools/wire.mjs';

const CAT = 'What is the station cat called?';
const data = ingest([join(root, 'examples')]);
const health = async (server) => (await fetch(`${server.origin}/healthz`)).status;
let offer, offeringBrowser, server;

before(async () => {
  const ready = await serve({ data });
  offeringBrowser = await browse();
  offer = (await Call.make(await phone(offeringBrowser, ready))).offer;
  await ready.stop({ keep: true });
});
afterEach(async () => {
  closeAll();
  await server?.stop({ keep: true });
  server = null;
});
after(async () => {
  await offeringBrowser?.close();
  rmSync(data, { recursive: true, force: true });
});

test('a question asked the moment the port opens is answered with its source', async (t) => {
  let early = 0;
  for (let i = 0; i < 5; i++) {
    server = await serve({ data, ready: false });
    const state = await health(server);
    early += state === 503;
    const s = await connect(server);
    await s.update({ output_modalities: ['text'], include: ['voiced.sources'] });
    const events = await s.ask(CAT);
    assert.match(events.at(-1).response.output[0].content[0].text, /Biscuit/);
    const { sources } = events.find((e) => e.type === 'voiced.response.sources');
    assert.match(JSON.stringify(sources), /Animals/);
    s.close();
    await server.stop({ keep: true });
  }
  t.diagnostic(`${early} of 5 connected before it was ready`);
  assert.ok(early > 0, 'the test came too late every time');
});

test('ready means that a spoken question is answered, and stays so', async (t) => {
  const asked = pcm(speak(CAT, 'slt', { rate: 24000 }));
  for (const words of ['learned', 'yet to be learned']) {
    if (words !== 'learned') rmSync(join(data, 'recogniser'), { recursive: true });
    server = await serve({ data, args: ['--decoders', '2'] }); // the first 200
    let went = 0, done = false;
    const watch = (async () => { while (!done) { went += await health(server) !== 200; await sleep(10); } })();
    const from = Date.now();
    const answers = await Promise.all([1, 2].map(async () => { // as many as there are decoders
      const s = await converse(server, { output_modalities: ['text'], audio: { input: { turn_detection: null } } });
      s.send({ type: 'input_audio_buffer.append', audio: asked.toString('base64') });
      s.send({ type: 'input_audio_buffer.commit' });
      s.send({ type: 'response.create' });
      return (await s.event('response.done')).response;
    }));
    t.diagnostic(`words ${words}: both answered ${Date.now() - from} ms after`);
    for (const { status, output } of answers) {
      assert.equal(status, 'completed');
      assert.match(output[0].content[0].text, /Biscuit/);
    }
    if (words !== 'learned') await sleep(2500); // the documents are looked at again
    done = true;
    await watch;
    assert.equal(went, 0, 'it was not ready any more');
    await server.stop({ keep: true });
  }
});

test('a call and a search wait as well; what needs no answer does not', async () => {
  server = await serve({ data, ready: false });
  const early = await health(server);
  const call = fetch(`${server.origin}/v1/realtime/calls`, { method: 'POST', body: offer, headers: { 'content-type': 'application/sdp' } });
  const found = fetch(`${server.origin}/api/search`, { method: 'POST', body: JSON.stringify({ query: CAT }) });
  for (const path of ['/', '/api/status', '/api/documents/1', '/metrics']) assert.equal((await fetch(server.origin + path)).status, 200, path);
  assert.equal(early, 503);
  assert.match((await (await found).json()).results[0].text, /Biscuit/);
  const answer = await call;
  assert.equal(answer.status, 201);
  assert.equal(await health(server), 200, 'answered when it was ready');
  await fetch(`${server.origin}${answer.headers.get('location')}/hangup`, { method: 'POST' });
});

test('whoever waits is let go when they leave, and told when the server stops', async () => {
  server = await serve({ data, ready: false });
  assert.equal(await health(server), 503);
  const wires = [];
  const body = JSON.stringify({ query: CAT });
  for (let i = 0; i < 20; i++) {
    const wire = await Wire.open(server);
    wire.write(request(server, 'POST', '/api/search', {}, body));
    wires.push(wire);
  }
  for (const wire of wires.splice(0, 10)) wire.socket.resetAndDestroy();
  server.child.kill('SIGINT');
  await until('the end', () => server.exit, 20000);
  assert.deepEqual(server.exit, { code: 0, signal: null }, server.log);
  for (const wire of wires) {
    await wire.until('the end of the connection', () => wire.ended || wire.failed);
    for (const reply of wire.replies) assert.ok([200, 503].includes(reply.status), String(reply.status));
    for (const reply of wire.replies.filter((r) => r.status === 503)) assert.equal(reply.headers['retry-after'], '5');
  }
});
