// page.mjs - in the page: window.run(row, feature, setting) puts one row through one feature.
import assert from 'node:assert/strict';
import { Events, features, orderly, session } from '../kit.mjs';
import { run as agents } from '../agents-features.mjs';
import { gathered, heard, listen, Microphone, opened, within } from './phone.mjs';

const WRONG = 'ek_that_is_wrong';
const INSTRUCTIONS = 'From the secret.';
let microphone, setting;
const open = []; // what a feature has opened is closed after it, however it ends

const post = (path, body, headers) => fetch(setting.origin + path, { method: 'POST', body, headers });
const json = { 'content-type': 'application/json' };

// The secret that an application's backend would fetch.
async function mint({ path, carrier, wrap }, config) {
  const key = carrier === 'api-key' ? { 'api-key': setting.key } : { authorization: `Bearer ${setting.key}` };
  const answer = await post(path, JSON.stringify(wrap ? { session: config } : config), { ...json, ...key });
  assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`);
  const made = await answer.json();
  const value = made.value ?? made.client_secret.value;
  assert.match(value, /^ek_/);
  return value;
}

const talker = (dialect, events, pc, send) => ({ dialect, media: 'rtc', events, send,
  update: async (settings) => {
    await send({ type: 'session.update', session: session(dialect, settings) });
    return events.next('session.updated');
  },
  say: () => microphone.say(), heard: () => heard(pc) });

// As the samples do: peer connection, microphone, data channel, offer, POST, answer.
async function dial(row, key) {
  const pc = new RTCPeerConnection(), events = new Events();
  open.push(pc);
  listen(pc);
  pc.addTrack(microphone.stream.getAudioTracks()[0], microphone.stream);
  const channel = pc.createDataChannel(row.label);
  channel.addEventListener('message', ({ data }) => events.push(JSON.parse(data)));
  channel.addEventListener('close', () => events.fail('the data channel closed'));
  await pc.setLocalDescription(await pc.createOffer());
  const answer = await post(row.offer, pc.localDescription.sdp, { authorization: `Bearer ${key}`, 'content-type': 'application/sdp' });
  if (!answer.ok) throw new Error(`status ${answer.status}: ${(await answer.json()).error.message}`);
  if (row.status) assert.equal(answer.status, row.status);
  if (row.location) assert.match(answer.headers.get('location'), row.location);
  await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  await opened(channel);
  return { pc, ...talker(row.dialect, events, pc, (event) => channel.send(JSON.stringify(event))) };
}

async function sdp(row, feature) {
  const config = { model: 'gpt-realtime', instructions: INSTRUCTIONS,
    ...(row.dialect === 'ga' ? { type: 'realtime', audio: { output: { voice: 'marin' } } } : { voice: 'alloy' }) };
  const talk = await dial(row, await mint(row.mint, config));
  const { session: created } = await talk.events.next('session.created');
  assert.equal(created.instructions, INSTRUCTIONS);
  await features[feature === 'secret' ? 'text' : feature](talk);
  orderly(talk);
  if (feature === 'errors') await assert.rejects(dial(row, WRONG), /status 401: \w/);
}

// Voice Live: the offer goes over a control WebSocket, which stays.
async function control(row, feature) {
  const key = feature === 'secret' ? await mint({ path: '/v1/realtime/client_secrets', carrier: 'bearer' }, {}) : setting.key;
  const talk = await openControl(row, key, feature === 'errors');
  await talk.events.next('session.created');
  await features[feature === 'secret' ? 'text' : feature](talk);
  orderly(talk);
  routed(talk, row.channel === 'before');
  if (feature === 'errors') await assert.rejects(openControl(row, 'a-key-that-is-wrong'), /control socket/);
}

const frame = (socket, what) => within(new Promise((resolve) => {
  socket.addEventListener('message', ({ data }) => resolve(JSON.parse(data)), { once: true });
}), () => what);

async function openControl(row, key, forgetful = false) {
  const socket = new WebSocket(`${setting.origin.replace(/^http/, 'ws')}/voice-live/realtime/calls?api-version=2026-01-01-preview`
    + `&model=gpt-realtime&api-key=${encodeURIComponent(key)}`);
  open.push(socket);
  await within(new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error('the control socket was refused'));
  }), () => 'the control socket');
  if (forgetful) { // and then as it should be, on the same socket
    socket.send(JSON.stringify({ type: 'rtc.call.sdp.create', event_id: 'none' }));
    const refusal = await frame(socket, 'rtc.call.error');
    assert.deepEqual([refusal.type, refusal.operation, refusal.error?.type, refusal.error?.code],
      ['rtc.call.error', 'rtc.call.sdp.create', 'invalid_request_error', 'missing_sdp']);
  }
  const pc = new RTCPeerConnection(), events = new Events(), seen = new Set();
  open.push(pc);
  listen(pc);
  // One that is mirrored counts once, where it came first.
  const take = (name) => ({ data }) => {
    const event = JSON.parse(data);
    if (!seen.has(event.event_id)) events.push({ ...event, channel: name });
    seen.add(event.event_id);
  };
  pc.addTrack(microphone.stream.getAudioTracks()[0], microphone.stream);
  let channel;
  const addChannel = () => {
    channel = pc.createDataChannel('voice-live-events');
    channel.addEventListener('message', take('data'));
  };
  if (row.channel === 'before') addChannel();
  await pc.setLocalDescription(await pc.createOffer());
  await within(gathered(pc), () => 'candidates');
  socket.send(JSON.stringify({ type: 'rtc.call.sdp.create', event_id: 'call', sdp_offer: pc.localDescription.sdp }));
  const created = await frame(socket, 'rtc.call.sdp.created'); // the sample looks at the next frame only
  socket.addEventListener('message', take('control'));
  socket.addEventListener('close', () => events.fail('the control socket closed'));
  assert.equal(created.type, 'rtc.call.sdp.created', JSON.stringify(created));
  assert.ok(created.rtc_call_id && created.event_id);
  await pc.setRemoteDescription({ type: 'answer', sdp: created.sdp_answer });
  if (row.channel === 'after') addChannel(); // never opens: there is nothing to negotiate it with
  else await opened(channel);
  const send = (event) => (channel.readyState === 'open' && event.type !== 'session.update' ? channel : socket).send(JSON.stringify(event));
  return { pc, socket, channels: true, ...talker(row.dialect, events, pc, send) };
}

// What comes where.
function routed({ events }, split) {
  const rules = split ? [[/^session\.|^response\.function_call_arguments\./, 'control'],
    [/^input_audio_buffer\.speech_|^response\.(audio_)?(text|transcript)\.|input_audio_transcription/, 'data']] : [[/./, 'control']];
  for (const e of events.all)
    for (const [types, channel] of rules) if (types.test(e.type)) assert.equal(e.channel, channel, e.type);
}

// openai's WebRTC helper; the call is made by the SDK in the test's process, with the server's key.
async function helper(row, feature) {
  const { OpenAIRealtimeWebRTC } = await import('/node_modules/openai/realtime/webrtc.mjs');
  const rt = new OpenAIRealtimeWebRTC(), events = new Events();
  const { peerConnection: pc } = rt;
  open.push(rt);
  let call;
  listen(pc);
  pc.addTrack(microphone.stream.getAudioTracks()[0], microphone.stream);
  rt.onEvent((event) => events.push(event));
  rt.onConnectionEvent((event) => {
    if (event.type === 'error') events.fail(event.error);
    if (event.type === 'closed') events.fail(`closed: ${event.reason}`);
  });
  await rt.connect({ exchangeSdp: async (offer) => {
    call = await window.makeCall({ sdp: offer, session: { type: 'realtime', model: 'gpt-realtime', instructions: INSTRUCTIONS } });
    return call.answer;
  } });
  assert.match(call.location, /^\/v1\/realtime\/calls\/rtc_\w+$/);
  const talk = talker(row.dialect, events, pc, (event) => rt.send(event));
  assert.equal((await events.next('session.created')).session.instructions, INSTRUCTIONS);
  if (feature === 'tool') { // answered by the backend, beside the call
    await window.attend(call.location);
    const send = talk.send;
    let created = 0;
    talk.send = (event) => {
      if (event.item?.type !== 'function_call_output' && !(event.type === 'response.create' && created++)) send(event);
    };
  }
  await features[feature](talk);
  orderly(talk);
  if (feature === 'errors') {
    await window.hangUp(call.location);
    await assert.rejects(events.next('nothing more'), /closed: (remote|failed)|the peer connection ended/i);
  }
}

async function runAgents(row, feature) {
  const sdk = await import('/node_modules/@openai/agents-realtime/dist/bundle/openai-realtime-agents.mjs');
  const secret = { path: '/v1/realtime/client_secrets', carrier: 'bearer', wrap: true };
  let pc;
  await agents(sdk, {
    media: 'rtc', url: `${setting.origin}/v1/realtime/calls`, key: await mint(secret, { type: 'realtime', model: 'gpt-realtime' }),
    mint: (config) => mint(secret, config),
    transport: () => new sdk.OpenAIRealtimeWebRTC({ mediaStream: microphone.stream, audioElement: new Audio(),
      changePeerConnection: (made) => { pc = made; open.push(pc); return made; } }),
    say: () => microphone.say(), heard: () => heard(pc),
  }, feature);
}

const scripts = { sdp, control, helper, agents: runAgents };

window.run = async (row, feature, given) => {
  setting = given;
  microphone ??= await new Microphone().load('/question.wav');
  try {
    await scripts[row.script](row, feature);
  } finally {
    for (const x of open.splice(0)) x.close();
  }
};
