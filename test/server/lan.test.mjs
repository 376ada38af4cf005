// Two machines on a network of their own: network namespaces joined by one cable. The server listens on
// its address, the browser comes over HTTPS from the other, with the printed link, and talks.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { chromium } from 'playwright-core';
import * as h from '../browser/harness.mjs';
import { ingest, root, temporary, until, voiced } from '../tools/server.mjs';

const HERE = '192.0.2.1', THERE = '192.0.2.2', PORT = 8443; // documentation addresses; they exist in here only
const KEY = 'the-key-of-the-lan-test';
const here = `voiced-a-${process.pid}`, there = `voiced-b-${process.pid}`;
const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });

// Why this cannot be tried here, or ''.
function layCable() {
  if (process.getuid() !== 0) return 'needs root, for network namespaces';
  try {
    for (const name of [here, there]) ip('netns', 'add', name);
    ip('link', 'add', 'eth0', 'netns', here, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', there);
    for (const [name, address] of [[here, HERE], [there, THERE]]) {
      ip('-n', name, 'link', 'set', 'eth0', 'addrgenmode', 'none'); // an IPv6 address that comes later is a change of network to Chromium
      ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0');
      for (const link of ['lo', 'eth0']) ip('-n', name, 'link', 'set', link, 'up');
    }
    return '';
  } catch (e) {
    takeAway();
    return `no network namespaces here: ${e.stderr ?? e.message}`;
  }
}

function takeAway() {
  for (const name of [here, there]) {
    try {
      ip('netns', 'delete', name);
    } catch { /* was not made */ }
  }
}

test('somebody on another machine opens the link, speaks, and is answered', async (t) => {
  const why = layCable();
  if (why) {
    t.skip(why);
    return;
  }
  t.after(takeAway);

  const scratch = temporary(), data = ingest([join(root, 'examples')]);
  t.after(() => { for (const d of [scratch, data]) rmSync(d, { recursive: true, force: true }); });
  const server = spawn('ip', ['netns', 'exec', here, voiced, 'serve', '--data', data, '--listen', `${HERE}:${PORT}`, '--loops', '2',
    '--key', KEY, '--questions', join(root, 'test/questions/demo.txt')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '', ended = null;
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (d) => { said += d; });
  const gone = new Promise((r) => server.on('exit', (code, signal) => r(ended = { code, signal })));
  t.after(async () => { server.kill('SIGKILL'); await gone; });
  const [link] = await until('the link', () => {
    assert.equal(ended, null, said);
    return said.match(/https:\/\/\S+#code=\w+/);
  }, 60000);
  assert.ok(link.startsWith(`https://${HERE}:${PORT}/`), link);

  // Chromium in the other namespace; nothing about loopback is switched on.
  const wrapper = join(scratch, 'chromium');
  writeFileSync(wrapper, `#!/bin/sh\nexec ip netns exec ${there} ${process.env.CHROMIUM ?? '/usr/bin/chromium'} "$@"\n`);
  chmodSync(wrapper, 0o755);
  const microphone = h.question(join(scratch, 'question.wav'), 'What is the station cat called?', 4);
  const browser = await chromium.launch({ executablePath: wrapper, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-sync', '--disable-background-networking', '--disable-component-update', '--mute-audio',
    '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${microphone}%noloop`] });
  t.after(() => browser.close());

  const stranger = await browser.newContext({ ignoreHTTPSErrors: true });
  const answer = await (await stranger.newPage()).goto(`https://${HERE}:${PORT}/api/status`);
  assert.equal(answer.status(), 401, 'not without the link');
  const plain = await (await stranger.newPage()).goto(`http://${HERE}:${PORT}/healthz`);
  assert.ok([200, 503].includes(plain.status()));
  await stranger.close();

  const page = await h.open(browser, link, { context: { ignoreHTTPSErrors: true } });
  assert.ok(await page.evaluate(() => isSecureContext));
  assert.ok(!page.url().includes('code='), 'the code does not stay in the address bar');
  await until('the server to be ready', () => page.evaluate(async () => (await fetch('/healthz')).status === 200), 60000);
  page.evaluate(() => window.listen()).catch(() => {});
  await page.click('#talk');
  await page.waitForSelector('[data-call=on]', { timeout: 60000 });
  await page.waitForSelector('.answer[data-state=done]', { timeout: 60000 });
  assert.match(await page.locator('.ask .words').first().innerText(), /cat/i);
  assert.match(await page.locator('.answer .words').first().innerText(), /Biscuit/);
  assert.match(await page.locator('#cards .card').first().innerText(), /Animals/);
  await until('the answer to be heard', async () => (await h.sounds(page)).length > 0, 60000);
  assert.deepEqual(page.faults, []);

  server.kill('SIGINT');
  assert.deepEqual(await gone, { code: 0, signal: null });
  assert.ok(!said.includes(KEY), 'the key is not written anywhere');
});
