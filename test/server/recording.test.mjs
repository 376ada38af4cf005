// serve --record: what was said can be played again, and gives the same events.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Call, browse, phone } from '../tools/calls.mjs';
import { ingest, root, serve, temporary, until, voiced } from '../tools/server.mjs';
import { closeAll, converse, pcm, silence } from '../tools/session.mjs';
import { speak } from '../tools/speech.mjs';

const CAT = 'What is the station cat called?';
const folder = join(temporary(), 'records');
let server;

before(async () => { server = await serve({ data: ingest([join(root, 'examples')]), args: ['--record', folder] }); });
afterEach(closeAll);
after(() => server?.stop());

const files = () => readdirSync(folder).filter((f) => f.endsWith('.vrec')).sort();

// The file that is there after `conversation` and was not before, once it is whole.
async function recorded(conversation) {
  const before = files();
  await conversation();
  const name = await until('the recording', () => files().find((f) => !before.includes(f)), 20000);
  const path = join(folder, name);
  let size = -1;
  await until('all of it', () => size === (size = statSync(path).size) && size > 0, 20000);
  return path;
}

function replay(path) {
  const r = spawnSync(voiced, ['replay', path], { encoding: 'utf8', timeout: 60000, maxBuffer: 1 << 28 });
  assert.equal(r.status, 0, r.stderr);
  return r.stdout.trim().split('\n').map((l) => JSON.parse(l)).filter((e) => e.leg === 0).map((e) => e.event);
}

test('a session over WebSocket, typed and spoken, replays to the same events', async (t) => {
  const texts = [];
  const path = await recorded(async () => {
    const s = await converse(server, { include: ['voiced.sources'], audio: { input: { transcription: { model: 'voiced' },
      turn_detection: { type: 'server_vad', silence_duration_ms: 500 } } } });
    s.socket.on('message', (data) => texts.push(data.toString()));
    const first = s.events.length;
    assert.equal(texts.length, 0);
    await s.ask(CAT);
    let done = false;
    const spoken = s.say(Buffer.concat([pcm(speak('Where is the fire point?', 'slt', { rate: 24000 })), silence(60)]), { meanwhile: () => !done });
    await s.event('conversation.item.input_audio_transcription.completed');
    await s.event('response.done');
    done = true;
    await spoken;
    texts.unshift(...s.events.slice(0, first).map((e) => JSON.stringify(e)));
    s.close();
  });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const again = replay(path);
  t.diagnostic(`${again.length} events, ${statSync(path).size} octets`);
  assert.ok(again.length >= texts.length);
  texts.forEach((text, i) => assert.deepEqual(again[i], JSON.parse(text), `event ${i}`));
  assert.ok(again.some((e) => e.type === 'response.output_audio.delta'));
});

test('a call replays to the same events', async () => {
  const browser = await browse();
  try {
    let came;
    const path = await recorded(async () => {
      const call = await Call.make(await phone(browser, server));
      await call.event('session.created');
      assert.match(await call.ask(CAT), /Biscuit/);
      await call.event('output_audio_buffer.stopped');
      came = await call.events();
      await fetch(`${server.origin}${call.location}/hangup`, { method: 'POST' });
    });
    assert.deepEqual(replay(path).slice(0, came.length), came);
  } finally {
    await browser.close();
  }
});

test('what is being said when the server stops is recorded', async () => {
  const records = join(temporary(), 'records');
  const other = await serve({ data: ingest([join(root, 'examples')]), args: ['--record', records] });
  const sessions = await Promise.all(Array.from({ length: 16 }, () => converse(other)));
  const hum = Buffer.alloc(24000 * 2 * 8, 1).toString('base64');
  for (const s of sessions) s.send({ type: 'input_audio_buffer.append', audio: hum });
  await Promise.all(sessions.map((s) => s.ask(CAT)));
  await other.stop();
  const kept = readdirSync(records).map((f) => join(records, f));
  assert.equal(kept.length, sessions.length);
  for (const path of kept) assert.ok(replay(path).some((e) => e.type === 'response.done'), path);
});

test('what is no recording is said to be none', () => {
  const dir = temporary(), whole = readFileSync(join(folder, files()[0]));
  const rows = { empty: Buffer.alloc(0), text: Buffer.from('hello'), cut: whole.subarray(0, whole.length - 3), other: Buffer.concat([whole, whole]) };
  for (const [name, octets] of Object.entries(rows)) {
    writeFileSync(join(dir, name), octets);
    const r = spawnSync(voiced, ['replay', join(dir, name)], { encoding: 'utf8', timeout: 60000, maxBuffer: 1 << 28 });
    assert.equal(r.status, 1, name);
    assert.equal(r.stderr.trim().split('\n').length, 1, r.stderr);
  }
  assert.equal(spawnSync(voiced, ['replay']).status, 2);
  assert.match(spawnSync(voiced, ['replay', join(dir, 'missing')], { encoding: 'utf8' }).stderr, /No such file/);
});
