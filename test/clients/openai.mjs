// openai.mjs - npm's openai, each major: the GA and beta modules, plain and Azure, by `ws` and by the platform's WebSocket.
import assert from 'node:assert/strict';
import { pcm } from '../tools/session.mjs';
import { Events, features, orderly, session } from './kit.mjs';

const PIECE = 4800; // 100 ms
const WRONG = 'a-key-that-is-wrong';

async function load({ package: at, dialect, helper }) {
  const sdk = await import(at);
  const module = await import(`${at}/${dialect === 'beta' ? 'beta/' : ''}realtime/${helper}`);
  return { ...sdk, OpenAI: sdk.default, Realtime: module.OpenAIRealtimeWS ?? module.OpenAIRealtimeWebSocket };
}

function service({ OpenAI, AzureOpenAI }, row, apiKey) {
  const azure = { endpoint: row.secure, apiVersion: row.dialect === 'beta' ? '2024-10-01-preview' : '2025-08-28', deployment: 'gpt-realtime' };
  return row.azure ? new AzureOpenAI({ apiKey, ...azure }) : new OpenAI({ apiKey, baseURL: `${row.secure}${row.base ?? '/v1'}` });
}

// As each version's documentation says to connect.
async function dial({ Realtime }, row, client) {
  if (row.azure) return Realtime.azure(client);
  if (row.helper === 'websocket') return new Realtime({ model: 'gpt-realtime', dangerouslyAllowBrowser: true }, client);
  return Realtime.create ? Realtime.create(client, { model: 'gpt-realtime' }) : new Realtime({ model: 'gpt-realtime' }, client);
}

async function connect(sdk, row, apiKey) {
  const rt = await dial(sdk, row, service(sdk, row, apiKey));
  const events = new Events();
  rt.on('event', (event) => events.push(event));
  rt.on('error', (e) => { if (!e.error) events.fail(e); }); // what the server says is in the events
  rt.socket.addEventListener('close', ({ code, reason }) => {
    events.closed = { code, reason };
    events.fail(`closed: ${code} ${reason}`);
  });
  const sound = pcm(row.speech.cat);
  return {
    dialect: row.dialect, media: 'ws', events, rt,
    send: (event) => rt.send(event),
    update: async (settings) => {
      rt.send({ type: 'session.update', session: session(row.dialect, settings) });
      return events.next('session.updated');
    },
    say: async () => {
      for (let at = 0; at < sound.length; at += PIECE)
        rt.send({ type: 'input_audio_buffer.append', audio: sound.subarray(at, at + PIECE).toString('base64') });
    },
  };
}

// A key that is wrong: told in band where OpenAI is spoken, by HTTP on Azure's paths.
async function refused(sdk, row) {
  const { events } = await connect(sdk, row, WRONG);
  if (row.azure || row.base) {
    await assert.rejects(events.next('session.created'), /401/);
    return;
  }
  const { error } = await events.next('error');
  assert.equal(error.code, 'invalid_api_key');
  await assert.rejects(events.next('session.created'), /closed: 3000 invalid_request_error.invalid_api_key/);
  assert.deepEqual(events.types(), ['error']);
}

// A secret from the SDK's own call opens a session that is set as the call said.
async function mint(sdk, row) {
  const client = service(sdk, row, row.key);
  const settings = session(row.dialect, { text: true, instructions: 'From the secret.' });
  if (row.dialect === 'beta') {
    const made = await client.beta.realtime.sessions.create({ model: 'gpt-realtime', ...settings });
    assert.equal(made.instructions, 'From the secret.');
    return made.client_secret;
  }
  const made = await client.realtime.clientSecrets.create({ session: settings, expires_after: { anchor: 'created_at', seconds: 60 } });
  assert.equal(made.session.instructions, 'From the secret.');
  return made;
}

async function secret(sdk, row) {
  const { value, expires_at } = await mint(sdk, row);
  assert.match(value, /^ek_/);
  assert.ok(expires_at > Date.now() / 1000);
  const talk = await connect(sdk, row, value);
  const created = await talk.events.next('session.created');
  assert.equal(created.session.instructions, 'From the secret.');
  await features.text(talk);
  talk.rt.close();
}

export async function run(row, feature) {
  const sdk = await load(row);
  if (feature === 'secret') return secret(sdk, row);
  const talk = await connect(sdk, row, row.key);
  const created = await talk.events.next('session.created');
  assert.equal(talk.events.all[0], created, 'session.created comes first');
  await features[feature](talk);
  orderly(talk);
  if (feature === 'errors') await refused(sdk, row);
  talk.rt.close();
}
