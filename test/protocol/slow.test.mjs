// Checks that wait for real time to pass: pings, and what expires. They wait side by side.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { serve, sleep } from '../tools/server.mjs';
import { connect as plain } from '../tools/session.mjs';
import { dialects } from '../tools/shapes.mjs';
import { offer } from '../tools/sdp.mjs';
import { KEY, MUTE, bearer, call, closing, errorBody, hosted, post, protocols } from './harness.mjs';

const server = hosted({ ...MUTE, args: ['--key', KEY] });
const { GA, AZURE } = dialects;
const connect = (at, options) => plain(at, { keep: true, ...options }); // beside the others
const now = () => Date.now() / 1000;
const ring = (key) => call(server, 'POST', '/v1/realtime/calls', { 'content-type': 'application/sdp', ...bearer(key) }, offer());

describe('waiting', { concurrency: true }, () => {
  test('P-H03 a secret opens several sessions by every carrier, until it expires', async () => {
    const short = await post(server, '/v1/realtime/client_secrets', { expires_after: { anchor: 'created_at', seconds: 10 } });
    const { value } = await post(server, '/v1/realtime/client_secrets', {});
    for (const key of [value, short.value]) {
      for (const options of [{ headers: bearer(key) }, { protocols: protocols(key) }, { headers: bearer(key) }])
        await (await connect(server, { dialect: dialects.GA, ...options })).event('session.created');
      for (let i = 0; i < 2; i++)
        assert.equal((await ring(key)).status, 201);
    }
    for (const wrong of [`${value}x`, value.slice(0, -1), `ek_${'A'.repeat(value.length - 3)}`])
      errorBody(await ring(wrong), 401, 'invalid_api_key');
    await sleep((short.expires_at + 1.2 - now()) * 1000); // its life is what is looked at
    const expired = ['invalid_api_key', 'token_expired'];
    assert.ok(expired.includes(errorBody(await ring(short.value), 401).code));
    const s = await connect(server, { dialect: GA, headers: bearer(short.value) });
    assert.ok(expired.includes((await s.event('error')).error.code));
    assert.equal((await closing(s)).code, 3000);
    assert.deepEqual(s.types(), ['error']);
  });

  test('P-W12 pings in both directions', { timeout: 40000 }, async () => {
    const s = await connect(server, { dialect: GA, headers: bearer(KEY) });
    const from = Date.now();
    const pinged = new Promise((r) => s.socket.once('ping', r));
    const pong = new Promise((r) => s.socket.once('pong', (data) => r(data.toString())));
    s.socket.ping('are you there');
    assert.equal(await pong, 'are you there');
    await Promise.race([pinged, sleep(31000)]);
    assert.ok(Date.now() - from < 30500, 'a ping within 30 s');
    assert.equal(s.closed, null);
  });

  test('P-S19 a session has its time', async (t) => {
    for (const [d, seconds] of [[GA, 3600], [AZURE, 1800]]) {
      const s = await connect(server, { dialect: d, headers: bearer(KEY) });
      const { session } = await s.event('session.created');
      assert.ok(Math.abs(session.expires_at - now() - seconds) < 5, `${d.name}: ${session.expires_at - now()}`);
    }
    const brief = await serve({ args: ['--max-session', '2'], ready: false });
    t.after(() => brief.stop());
    const s = await connect(brief, { dialect: GA });
    const { session } = await s.event('session.created');
    assert.ok(Math.abs(session.expires_at - now() - 2) < 2);
    const { error } = await s.event('error');
    assert.equal(error.code, 'session_expired');
    assert.equal((await closing(s)).code, 1001);
    assert.equal(s.events.at(-1).type, 'error', 'and nothing after it');
  });
});
