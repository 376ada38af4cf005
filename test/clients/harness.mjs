// harness.mjs - a server with examples/ for a test file, and processes in which the clients run.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ingest, root, serve } from '../tools/server.mjs';
import { speak } from '../tools/speech.mjs';
import { CAT } from './kit.mjs';
import { testName, title } from './table.mjs';

export const KEY = 'the-key-of-the-clients-tests';
const PATIENCE_MS = 60000;

// What every client needs to know: where the server is, the key, whom to trust, and a question as sound.
async function open(args = []) {
  const server = await serve({ data: ingest([join(root, 'examples')]), args: ['--key', KEY, '--decoders', '4', ...args] });
  const speech = { cat: speak(CAT.text, 'slt', { rate: 24000, before: 0.3, after: 1.5 }) };
  return { server, origin: server.origin, secure: server.origin.replace(/^http/, 'https'), host: `127.0.0.1:${server.port}`,
    key: KEY, speech, ca: join(server.data, 'cert.pem') };
}

// A process of one row, started when it is needed and again when it has died.
class Client {
  constructor(row, setting) {
    this.config = { ...row, origin: setting.origin, secure: setting.secure, host: setting.host, key: setting.key, speech: setting.speech };
    this.ca = setting.ca;
  }

  async start() {
    this.output = '';
    this.process = fork(fileURLToPath(new URL('child.mjs', import.meta.url)), [JSON.stringify(this.config)],
      { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env: { ...process.env, NODE_EXTRA_CA_CERTS: this.ca, NODE_OPTIONS: '' } });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream.on('data', (d) => { this.output = (this.output + d).slice(-8000); });
    await this.hear((m) => m.ready);
  }

  // The next message; rejects when the process ends without one.
  hear(fits) {
    const child = this.process;
    return new Promise((resolve, reject) => {
      const end = (what, value) => {
        clearTimeout(timer);
        child.off('message', onMessage).off('exit', onExit);
        what(value);
      };
      const onMessage = (m) => { if (fits(m)) end(resolve, m); };
      const onExit = (code, signal) => {
        this.process = null;
        end(reject, new Error(`the client's process ended (${code ?? signal}): ${this.output}`));
      };
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        end(reject, new Error(`no end after ${PATIENCE_MS} ms: ${this.output}`));
      }, PATIENCE_MS);
      child.on('message', onMessage).on('exit', onExit);
    });
  }

  async run(feature) {
    if (!this.process || this.process.exitCode !== null || this.process.signalCode) await this.start();
    this.process.send(feature);
    const { error } = await this.hear((m) => m.feature === feature);
    if (error) assert.fail(`${error}${this.output ? `\n${this.output}` : ''}`);
  }

  stop() {
    this.process?.kill('SIGKILL');
  }
}

// The tests of these rows, each row by `start(row, setting)`: an object with run(feature) and stop().
export function suite(rows, { args, prepare = () => {}, finish = () => {}, start = (row, setting) => new Client(row, setting), concurrency = 3 } = {}) {
  let setting;
  describe('clients', { concurrency }, () => {
    before(async () => {
      setting = await open(typeof args === 'function' ? await args() : args);
      await prepare(setting);
    });
    after(async () => {
      await finish(setting);
      await setting?.server.stop();
    });
    for (const row of rows) {
      describe(title(row), { concurrency: 1 }, () => {
        let client;
        after(() => client?.stop());
        for (const feature of row.features) {
          test(testName(row, feature), async () => {
            client ??= await start(row, setting);
            await client.run(feature);
          });
        }
      });
    }
  });
}
