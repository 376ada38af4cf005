// rtclient.mjs - npm's rt-client: the beta on Azure's path. It takes 27 kinds of event and throws at any other.
import assert from 'node:assert/strict';
import { LowLevelRTClient, RTClient } from 'rt-client';
import { pcm } from '../tools/session.mjs';
import { BUS, CAT, Events, features as generic, orderly, session } from './kit.mjs';

const where = (row) => new URL(row.origin.replace(/^http/, 'ws'));
const make = (Client, row, key = row.key) => new Client(where(row), { key }, { deployment: 'gpt-realtime' });
const settings = (options) => session('beta', options);
const typed = (client, text) => client.sendItem({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] });

async function say(client, sound) {
  for (let at = 0; at < sound.length; at += 4800) await client.sendAudio(new Uint8Array(sound.subarray(at, at + 4800)));
}

// All of a response: what was said, the octets of sound, the calls.
async function collect(response) {
  const got = { text: '', octets: 0, calls: [] };
  for await (const item of response) {
    if (item.type === 'function_call') {
      await item.waitForCompletion();
      got.calls.push(item);
      continue;
    }
    for await (const part of item) {
      if (part.type === 'text') {
        for await (const chunk of part.textChunks()) got.text += chunk;
        continue;
      }
      const sound = (async () => { for await (const chunk of part.audioChunks()) got.octets += chunk.length; })();
      for await (const chunk of part.transcriptChunks()) got.text += chunk;
      await sound;
    }
  }
  assert.equal(response.status, 'completed');
  return got;
}

const features = {
  async text(client) {
    await client.configure(settings({ text: true, instructions: 'Be brief.' }));
    const item = await typed(client, CAT.text);
    assert.equal(item.role, 'user');
    assert.match((await collect(await client.generateResponse())).text, CAT.answer);
  },

  async voice(client, sound) {
    await client.configure(settings({ vad: {} }));
    const saying = say(client, sound);
    let heard;
    for await (const event of client.events()) {
      if (event.type === 'input_audio') {
        heard = event.waitForCompletion().then(() => event.transcription);
        continue;
      }
      const { text, octets } = await collect(event);
      assert.match(text, CAT.answer);
      assert.ok(octets > 24000);
      break;
    }
    assert.match(await heard, CAT.heard);
    await saying;
  },

  async manual(client, sound) {
    await client.configure(settings({ text: true }));
    await say(client, sound);
    const input = await client.commitAudio();
    const response = await client.generateResponse();
    assert.match((await collect(response)).text, CAT.answer);
    await input.waitForCompletion();
    assert.match(input.transcription, CAT.heard);
  },

  // It has no tool_choice of a response: the tool is about searching.
  async tool(client) {
    await client.configure(settings({ text: true, tools: [BUS.tool] }));
    await typed(client, BUS.text);
    const { calls: [call] } = await collect(await client.generateResponse());
    assert.equal(call.functionName, BUS.tool.name);
    assert.match(JSON.parse(call.arguments).query, /bus/i);
    await client.sendItem({ type: 'function_call_output', call_id: call.callId, output: BUS.output });
    assert.match((await collect(await client.generateResponse())).text, BUS.answer);
  },

  async errors(client, sound, row) {
    await client.configure(settings({ text: true }));
    await assert.rejects(client.removeItem('item_none'), (e) => e.code === 'item_delete_invalid_item_id');
    // It tells nobody of a socket that was refused: a rejection without a handler is all that there is.
    await new Promise((resolve) => {
      globalThis.provoked = (e) => /response: 401/.test(e?.message) && (resolve(), true);
      make(RTClient, row, 'a-key-that-is-wrong').configure({}).catch(() => {});
    });
    const other = make(RTClient, row);
    await features.text(other);
    await other.close();
  },
};

// Truncation is only in the client's lower half, which passes events.
async function barge(row, sound) {
  const client = make(LowLevelRTClient, row), events = new Events();
  const reading = (async () => {
    for await (const event of client.messages()) events.push(event);
    events.fail('closed');
  })();
  const talk = { dialect: 'beta', media: 'ws', events, send: (event) => client.send(event),
    update: async (options) => {
      await client.send({ type: 'session.update', session: settings(options) });
      return events.next('session.updated');
    },
    say: () => client.send({ type: 'input_audio_buffer.append', audio: sound.toString('base64') }) };
  await events.next('session.created');
  await generic.barge(talk);
  orderly(talk);
  await client.close();
  await reading;
}

async function secret(row) {
  const answer = await fetch(`${row.origin}/openai/realtimeapi/sessions?api-version=2025-04-01-preview`, { method: 'POST',
    headers: { 'api-key': row.key, 'content-type': 'application/json' }, body: JSON.stringify({ model: 'gpt-realtime', voice: 'alloy' }) });
  assert.equal(answer.status, 200);
  const client = make(RTClient, row, (await answer.json()).client_secret.value);
  await features.text(client);
  await client.close();
}

export async function run(row, feature) {
  const sound = pcm(row.speech.cat);
  if (feature === 'barge') return barge(row, sound);
  if (feature === 'secret') return secret(row);
  const client = make(RTClient, row);
  await features[feature](client, sound, row);
  await client.close();
}
