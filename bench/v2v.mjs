// v2v.mjs - voice to voice, in the audio that Chromium received.
//
//   node bench/v2v.mjs [--turns 60] [--window 500] [--json]
//
// Last sample of the question above -45 dBFS to first sample of the answer above -45 dBFS, with the end-of-turn
// window (silence_duration_ms, set by the client) named and subtracted. Questions: test/questions/examples.tsv,
// spoken by Flite's slt.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readTable } from '../test/questions/run.mjs';
import { freePort, ingest, root, serve } from '../test/tools/server.mjs';
import { speak } from '../test/tools/speech.mjs';
import { chromium } from '../test/node_modules/playwright-core/index.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({ options: {
  turns: { type: 'string', default: '60' }, window: { type: 'string', default: '500' }, json: { type: 'boolean' } } });
const port = await freePort(), origin = `http://127.0.0.1:${port}`;
const page = createServer((_, response) => response.setHeader('content-type', 'text/html')
  .end(readFileSync(join(here, 'v2v.html')))).listen(port, '127.0.0.1');
const server = await serve({ data: ingest([join(root, 'examples')]), args: ['--allow-origin', origin] });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu',
  '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--allow-loopback-in-peer-connection', '--autoplay-policy=no-user-gesture-required'] });
const quantile = (v, q) => [...v].sort((a, b) => a - b)[Math.min(v.length - 1, Math.floor(v.length * q))];
try {
  const tab = await (await browser.newContext()).newPage();
  tab.on('pageerror', (e) => console.error(e));
  await tab.goto(origin);
  await tab.evaluate(([s, w]) => window.call(s, w), [server.origin, Number(values.window)]);
  const questions = readTable('examples.tsv').map((r) => readFileSync(
    speak(r.question, 'slt', { before: 0.2, after: 0.1, rate: 48000 })).toString('base64'));
  const gaps = [];
  for (let i = 0; i < Number(values.turns); i++) {
    const turn = await tab.evaluate((wav) => window.turn(wav), questions[i % questions.length]).catch(async (e) => {
      const call = await tab.evaluate(() => window.location_of_call);
      throw new Error(`turn ${i}: ${e.message}\n${await (await fetch(server.origin + call)).text()}\n${server.log}`);
    });
    gaps.push(turn.gap);
    if (process.env.VERBOSE) console.error(JSON.stringify(turn));
  }
  const window = Number(values.window), version = browser.version();
  const result = { turns: gaps.length, window, chromium: version, median: quantile(gaps, 0.5), p95: quantile(gaps, 0.95) };
  if (values.json) console.log(JSON.stringify(result));
  else console.log(`Chromium ${version}, ${gaps.length} turns, window ${window} ms: median ${result.median.toFixed(0)} ms, ` +
    `p95 ${result.p95.toFixed(0)} ms; without the window ${(result.median - window).toFixed(0)} and ${(result.p95 - window).toFixed(0)} ms`);
} finally {
  await browser.close();
  await server.stop();
  page.close();
}
