// harness.mjs - a server with examples/ for a test file, and processes in which the clients run.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ingest, root, serve, until } from '../tools/server.mjs';
import { converse, silence } from '../tools/session.mjs';
import { speak } from '../tools/speech.mjs';
import { CAT } from './kit.mjs';
import { testName, title } from './table.mjs';

export const KEY = 'the-key-of-the-clients-tests';
const PATIENCE_MS = 60000;

const DECODERS = 5; // more than speak at once: the microphone of a manual turn keeps one, and so does a turn given up, for a moment

// Recognisers are built one after the other; waits until so many turns are heard at once.
async function warm(server) {
  const options = { path: '/v1/realtime?model=gpt-realtime', headers: { authorization: `Bearer ${KEY}` } };
  const manual = { audio: { input: { turn_detection: null, transcription: { model: 'whisper-1' } } } };
  await until('the recognisers', async () => {
    const sessions = await Promise.all(Array.from({ length: DECODERS }, () => converse(server, manual, options)));
    for (const s of sessions) s.send({ type: 'input_audio_buffer.append', audio: silence(0.2).toString('base64') });
    const heard = await Promise.all(sessions.map(async (s) => {
      s.send({ type: 'input_audio_buffer.commit' });
      return s.until('the end of a turn', () => s.events.find((e) => /transcription\.(completed|failed)$/.test(e.type)));
    }));
    for (const s of sessions) s.close();
    return heard.every((e) => e.type.endsWith('completed'));
  }, 60000);
}

// What every client needs to know: where the server is, the key, whom to trust, and a question as sound.
async function open(args = []) {
  const server = await serve({ data: ingest([join(root, 'examples')]), args: ['--key', KEY, ...args], decoders: DECODERS });
  await warm(server);
  // On a call there is silence all the time; on a socket only what is sent.
  const speech = { cat: speak(CAT.text, 'slt', { rate: 24000, before: 0.3, after: 0.9 }),
    call: speak(CAT.text, 'slt', { rate: 24000, before: 0.1, after: 0 }) };
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
        this.stop();
        end(reject, new Error(`no end after ${PATIENCE_MS} ms: ${this.output}`));
      }, PATIENCE_MS);
      child.on('message', onMessage).on('exit', onExit);
    });
  }

  async run(feature) {
    if (!this.process) await this.start();
    this.process.send(feature);
    const { error, fatal } = await this.hear((m) => m.feature === feature);
    if (fatal) this.stop();
    if (error) assert.fail(`${error}${this.output ? `\n${this.output}` : ''}`);
  }

  stop() {
    this.process?.kill('SIGKILL');
    this.process = null;
  }
}

// Whoever speaks needs a recogniser, and a machine that keeps up: only so many at a time.
const SPOKEN = new Set(['voice', 'manual', 'barge']);
class Turnstile {
  #free;
  #waiting = [];

  constructor(n) {
    this.#free = n;
  }

  async pass(what) {
    if (this.#free > 0) this.#free--;
    else await new Promise((r) => { this.#waiting.push(r); });
    try {
      return await what();
    } finally {
      if (this.#waiting.length) this.#waiting.shift()();
      else this.#free++;
    }
  }
}

// The tests of these rows, each row by `start(row, setting)`: an object with run(feature) and stop().
export function suite(rows, { args, prepare = () => {}, finish = () => {}, start = (row, setting) => new Client(row, setting), concurrency = 3 } = {}) {
  const speaking = new Turnstile(2);
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
            if (!SPOKEN.has(feature)) return client.run(feature);
            return speaking.pass(() => client.run(feature).catch((e) => {
              if (!/misheard: "/.test(e.message)) throw e;
              return client.run(feature);
            }));
          });
        }
      });
    }
  });
}
