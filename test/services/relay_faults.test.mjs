// A realtime service that fails as it is told, behind a conversation that goes on.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ingest, root, sleep } from '../tools/server.mjs';
import { converse, loudness } from '../tools/session.mjs';
import { heard, tones } from '../tools/upstream.mjs';
import { CAT, said, scripted, sound, start } from './relay.mjs';

const manual = { audio: { input: { turn_detection: null, transcription: { model: 'x' } } } };
// Speaks numbers in tones, commits, asks: what the service heard in the end.
async function tell(c, numbers, { every = 2, meanwhile } = {}) {
  await c.say(tones(numbers), { every, meanwhile });
  c.send({ type: 'input_audio_buffer.commit' });
  c.send({ type: 'response.create' });
  const { transcript } = await c.event('conversation.item.input_audio_transcription.completed');
  await c.event('response.done');
  return transcript.split(' ').map(Number);
}

test('a service that goes away in the middle of speech costs no word', async () => {
  await Promise.all([0, 1, 2].map(async (lane) => {
    const s = await scripted({ answers: ['Thank you.'] });
    const server = await start([s.ws]);
    const c = await converse(server, manual);
    for (let i = lane; i < 9; i += 3) {
      const numbers = Array.from({ length: 12 }, (_, k) => (i * 7 + k * 5) % 40);
      setTimeout(s.kill, 10 + 40 * i);
      assert.deepEqual(await tell(c, numbers), numbers, `the ${i}th time`);
    }
    assert.ok(s.sessions.length > 2, `${s.sessions.length} connections`);
    assert.equal(c.of('error').length, 0);
  }));
});

test('an answer that was cut off there is an answer here', async () => {
  const s = await scripted({ tokenMs: 5, answers: ['One two three four five six seven eight.'], faults: { answer: [{ after: 9, then: 'cut' }, null, { after: 0, then: 'cut' }] } });
  const server = await start([s.ws]);
  const c = await converse(server, manual);
  for (let i = 0; i < 2; i++) {
    c.type('Count.');
    c.send({ type: 'response.create' });
    const { response } = await c.event('response.done');
    assert.equal(response.status, 'completed');
    assert.match(said(c), /eight/);
  }
  assert.equal(c.of('response.created').length, 2);
});

test('services in the order of their lines, then the embedded engine', async () => {
  const busy = Array(20).fill({ status: 429, headers: { 'retry-after': '30' }, body: '{"error":{"message":"too many"}}' });
  const bad = await scripted({ faults: { realtime: busy } }), good = await scripted({ answers: ['From the second one.'] });
  const server = await start([bad.ws, good.ws], { data: ingest([join(root, 'examples')]) });
  const c = await converse(server);
  c.type(CAT);
  c.send({ type: 'response.create' });
  await c.event('response.done');
  assert.equal(said(c), 'From the second one.');
  await good.stop();
  const d = await converse(server);
  d.type(CAT);
  d.send({ type: 'response.create' });
  await d.event('response.done');
  assert.match(said(d), /Biscuit/, 'quoted by the embedded one');
  assert.equal(bad.requests.length, 1, 'it is not asked again while it rests');
});

test('a service without room, and nobody else: told aloud and by its code, to all, until it wants to be asked again', async () => {
  const busy = { status: 429, headers: { 'retry-after': '6' }, body: '{"error":{"message":"too many"}}' };
  const s = await scripted({ faults: { realtime: [busy] }, answers: ['There is room again.'] });
  const server = await start([s.ws], { args: ['--no-embedded', '--tts', 'flite'] });
  const engines = async () => (await (await fetch(`${server.origin}/api/status`)).json()).engines;
  assert.deepEqual((await engines()).realtime.map((e) => [e.model ?? null, e.service, e.state]), [[null, true, 'well']]);
  for (const first of [true, false]) {
    const c = await converse(server);
    c.type(CAT);
    c.send({ type: 'response.create' });
    const { response } = await c.event('response.done');
    assert.equal(response.status, 'failed');
    assert.equal(response.status_details.error.code, 'rate_limit_exceeded', `${first}: ${JSON.stringify(response.status_details)}`);
    assert.ok(loudness(sound(c)) > 300, 'a sentence aloud');
    assert.match(said(c), /\w+ \w+/, 'and on the screen');
    c.close();
  }
  assert.equal(s.of('realtime').length, 1, 'it is left alone');
  const [shown] = (await engines()).realtime;
  assert.equal(shown.state, 'resting');
  assert.ok(shown.rest_ms > 0 && shown.rest_ms <= 6000, `${shown.rest_ms}`);
  const metrics = await (await fetch(`${server.origin}/metrics`)).text();
  assert.match(metrics, new RegExp(`voiced_realtime_resting\\{name="${shown.name}"\\} 1`));
  await sleep(shown.rest_ms + 50);
  const d = await converse(server);
  d.type(CAT);
  d.send({ type: 'response.create' });
  await d.event('response.done');
  assert.equal(said(d), 'There is room again.');
});

test('what no service should send does not hang or end a conversation', async () => {
  const odd = [ { after: 2, then: 'hang' }, { after: 2, then: Buffer.from([0x81, 0x7e, 0x10]) }, { after: 2, then: Buffer.from([0x81, 0x05, 0x7b, 0x22, 0x74, 0x79, 0x70]) },
    { after: 2, then: Buffer.from([0x81, 0x02, 0x5b, 0x5d]) }, { after: 2, then: Buffer.concat([Buffer.from([0x81, 0x7f, 0, 0, 0, 1, 0, 0, 0, 0]), Buffer.alloc(1000)]) },
    { after: 2, then: Buffer.from([0xf3, 0xff]) } ];
  await Promise.all(odd.map(async (fault) => {
    const s = await scripted({ answers: ['All is well.'], faults: { answer: [fault] } });
    const server = await start([`${s.ws} timeout=1`]);
    const c = await converse(server, manual);
    c.type('How are things?');
    c.send({ type: 'response.create' });
    const { response } = await c.event('response.done');
    assert.ok(['completed', 'failed'].includes(response.status));
    c.type('And now?');
    c.send({ type: 'response.create' });
    await c.event('response.done');
    assert.equal(said(c), 'All is well.');
    await server.stop();
  }));
});

test('the tones say what was said', () => assert.deepEqual(heard(tones([0, 39, 7])), [0, 39, 7]));
