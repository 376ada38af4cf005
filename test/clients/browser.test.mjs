// Chromium: the SDKs that run in pages, and the flows of the services' own samples. The pages come from another
// origin than the server, as an application's would.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { browse } from '../tools/calls.mjs';
import { suite } from './harness.mjs';
import { BUS } from './kit.mjs';
import { browserRows } from './table.mjs';

const HTML = `<!doctype html><meta charset="utf-8"><title>clients</title>
<script type="importmap">{"imports":{"node:assert/strict":"/clients/page/assert.mjs"}}</script>
<script type="module" src="/clients/page/page.mjs"></script>`;
const TYPES = { mjs: 'text/javascript', wav: 'audio/wav' };

let setting, site, browser;

// The application's site: its page, and our files and the packages as they are.
function serveSite() {
  const at = fileURLToPath(new URL('..', import.meta.url));
  site = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://site');
    try {
      const file = pathname === '/question.wav' ? setting.speech.call : at + pathname.slice(1);
      const body = pathname === '/' ? HTML : readFileSync(file);
      response.writeHead(200, { 'content-type': TYPES[pathname.split('.').at(-1)] ?? 'text/html' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((r) => { site.listen(0, '127.0.0.1', r); });
}

// The backend of the helper's row: the call is made, attended and ended by the SDK with the server's key.
const sdk = () => new OpenAI({ apiKey: setting.key, baseURL: `${setting.origin}/v1` });
const callId = (location) => location.split('/').at(-1);

async function makeCall({ sdp, session }) {
  const answer = await sdk().realtime.calls.create({ sdp, session });
  assert.equal(answer.status, 201);
  return { answer: await answer.text(), location: answer.headers.get('location') };
}

// Beside the call: gives the output of a function that is called.
async function attend(location) {
  const client = new OpenAI({ apiKey: setting.key, baseURL: `${setting.secure}/v1` });
  const rt = new OpenAIRealtimeWS({ callID: callId(location), options: { rejectUnauthorized: false } }, client);
  const failed = new Promise((_, reject) => { rt.on('error', reject); });
  failed.catch(() => {});
  let call;
  rt.on('response.function_call_arguments.done', (e) => { call = e.call_id; });
  rt.on('response.done', () => {
    if (!call) return;
    rt.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: call, output: BUS.output } });
    rt.send({ type: 'response.create' });
    call = null;
  });
  await Promise.race([failed, new Promise((r) => { rt.on('session.created', r); })]);
}

const hangUp = (location) => sdk().realtime.calls.hangup(callId(location)).then(() => {});

// One page of a row.
async function start(row) {
  const context = await browser.newContext();
  const page = await context.newPage();
  let faults = [];
  page.on('pageerror', (e) => faults.push(e.stack ?? e.message));
  for (const [name, f] of Object.entries({ makeCall, attend, hangUp })) await page.exposeFunction(name, f);
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  await page.waitForFunction(() => window.run, null, { timeout: 60000 });
  const plain = { ...row, location: undefined };
  return {
    run: async (feature) => {
      faults = [];
      await page.evaluate(([r, pattern, f, s]) => window.run({ ...r, location: pattern && new RegExp(pattern) }, f, s),
        [plain, row.location?.source, feature, { origin: setting.origin, key: setting.key }]);
      assert.deepEqual(faults, [], 'nothing is thrown where nobody catches it');
    },
    stop: () => context.close(),
  };
}

suite(browserRows, {
  args: async () => {
    await serveSite();
    return ['--allow-origin', `http://127.0.0.1:${site.address().port}`];
  },
  prepare: async (s) => {
    setting = s;
    browser = await browse();
  },
  finish: async () => {
    await browser?.close();
    site?.close();
  },
  start,
});
