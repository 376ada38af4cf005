// calls.mjs - WebRTC calls from Chromium, held by page functions that tests drive.
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { until } from './server.mjs';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync', '--mute-audio',
  '--disable-background-networking', '--disable-component-update', '--autoplay-policy=no-user-gesture-required',
  '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--allow-loopback-in-peer-connection'];

export const browse = (flags = []) => chromium.launch({ executablePath, args: [...FLAGS, ...flags] });

// A page of the server's own origin on which calls can be made: window.call(options) and what is below.
export async function phone(browser, server) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, bypassCSP: true });
  const page = await context.newPage();
  await page.addInitScript(inPage);
  await page.goto(server.origin);
  return page;
}

// Runs in the page. Calls are kept under a number, because a test's process cannot hold them.
function inPage() {
  const calls = [];
  const later = (ms, what) => new Promise((_, reject) => setTimeout(() => reject(new Error(`waited in vain for ${what}`)), ms));

  // order: 'audio first' | 'data first'; audio: 'track' | 'track without stream' | 'recvonly'; data: false for no channel;
  // codecs: names to offer; gather: wait for candidates first. Gives its number and the offer.
  window.offer = async ({ order = 'audio first', audio = 'track', data = true, label = 'oai-events', codecs, gather } = {}) => {
    const pc = new RTCPeerConnection();
    const call = { pc, data, events: [], wake: [], states: [] };
    const context = call.context = new AudioContext();
    call.microphone = context.createMediaStreamDestination();
    const silent = call.microphone.stream;
    const addAudio = () => {
      if (audio === 'recvonly') pc.addTransceiver('audio', { direction: 'recvonly' });
      else if (audio === 'track') pc.addTrack(silent.getAudioTracks()[0], silent);
      else pc.addTrack(silent.getAudioTracks()[0]);
      const named = ({ mimeType }) => codecs.includes(mimeType.replace('audio/', ''));
      if (codecs) pc.getTransceivers()[0].setCodecPreferences(RTCRtpReceiver.getCapabilities('audio').codecs.filter(named));
    };
    const addData = () => {
      if (!data) return;
      call.channel = pc.createDataChannel(label);
      call.channel.onmessage = ({ data }) => {
        call.events.push(typeof data === 'string' ? JSON.parse(data) : { type: 'binary message' });
        call.largest = Math.max(call.largest ?? 0, data.length ?? data.byteLength);
        for (const wake of call.wake.splice(0)) wake();
      };
    };
    pc.ontrack = ({ track }) => {
      call.sound = new Audio();
      call.sound.srcObject = new MediaStream([track]);
      call.sound.play().catch(() => {});
    };
    pc.onconnectionstatechange = () => {
      call.states.push(pc.connectionState);
      for (const wake of call.wake.splice(0)) wake();
    };
    // Chromium puts the data section last, unless a former offer had it already.
    if (order === 'data first') {
      addData();
      await pc.setLocalDescription(await pc.createOffer());
      addAudio();
    } else {
      addAudio();
      addData();
    }
    await pc.setLocalDescription(await pc.createOffer());
    if (gather) await new Promise((r) => { if (pc.iceGatheringState === 'complete') r(); else pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && r(); });
    return { n: calls.push(call) - 1, offer: pc.localDescription.sdp };
  };
  // The server's answer, and the way to being connected.
  window.accept = async (n, sdp) => {
    const call = calls[n], { pc, data } = call;
    await pc.setRemoteDescription({ type: 'answer', sdp });
    if (data) {
      const opened = new Promise((r) => { if (call.channel.readyState === 'open') r(); else call.channel.onopen = r; });
      await Promise.race([later(60000, `the data channel; ${pc.connectionState}`), opened]);
    }
    await Promise.race([later(60000, `the connection; ${pc.iceConnectionState} ${pc.connectionState}`), window.until(() => pc.connectionState === 'connected', call)]);
  };
  // An offer to the server; session: sent with it, as a form; path: where the offer goes.
  window.call = async ({ path = '/v1/realtime/calls', headers = {}, session, ...options } = {}) => {
    const { n, offer } = await window.offer(options);
    const form = new FormData();
    form.append('sdp', offer);
    form.append('session', JSON.stringify(session));
    const reply = await fetch(path, session ? { method: 'POST', body: form, headers }
      : { method: 'POST', body: offer, headers: { 'content-type': 'application/sdp', ...headers } });
    const answer = await reply.text();
    if (!reply.ok) throw new Error(`${reply.status}: ${answer}`);
    await window.accept(n, answer);
    return { n, status: reply.status, location: reply.headers.get('location'), offer, answer };
  };
  // Plays a WAV file (base64) into the call's microphone; resolves when it begins.
  window.speak = async (n, wav) => {
    const { context, microphone } = calls[n];
    const source = context.createBufferSource();
    source.buffer = await context.decodeAudioData(Uint8Array.from(atob(wav), (c) => c.charCodeAt(0)).buffer);
    source.connect(microphone);
    await context.resume();
    source.start();
  };
  window.largest = (n) => calls[n].largest;
  window.until = async (probe, call) => {
    while (!probe()) await new Promise((r) => call.wake.push(r));
  };
  // The first event of this type from the index `from` on, as { event, next }.
  window.event = async (n, type, from = 0) => {
    const call = calls[n];
    const at = () => call.events.findIndex((e, i) => i >= from && e.type === type);
    await Promise.race([later(60000, `${type}; came: ${call.events.map((e) => e.type).join(' ')}`), window.until(() => at() >= 0, call)]);
    return { event: call.events[at()], next: at() + 1 };
  };
  window.send = (n, event) => calls[n].channel.send(JSON.stringify(event));
  window.events = (n) => calls[n].events;
  window.state = (n) => calls[n].pc.connectionState;
  window.channelState = (n) => calls[n].channel.readyState;
  // Resolves with what the browser saw of the end first.
  window.ended = (n) => {
    const { pc, channel } = calls[n];
    const transport = pc.getReceivers()[0].transport;
    return Promise.race([later(60000, `the end; ${pc.connectionState} ${transport.state} ${channel?.readyState}`), new Promise((resolve) => {
      const look = () => {
        if (channel?.readyState === 'closed') resolve('channel');
        if (['closed', 'failed'].includes(transport.state)) resolve('transport');
        if (['closed', 'failed', 'disconnected'].includes(pc.connectionState)) resolve('connection');
      };
      channel?.addEventListener('close', look);
      transport.addEventListener('statechange', look);
      pc.addEventListener('connectionstatechange', look);
      look();
    })]);
  };
  window.received = async (n) => {
    for (const s of (await calls[n].pc.getStats()).values())
      if (s.type === 'inbound-rtp') return { packets: s.packetsReceived, lost: s.packetsLost, energy: s.totalAudioEnergy, samples: s.totalSamplesReceived };
    return { packets: 0, lost: 0, energy: 0, samples: 0 };
  };
  window.hang = (n) => calls[n].pc.close();
}

// One call for a test: its events, and questions.
export class Call {
  static async make(page, options) {
    return Object.assign(new Call(), { page, cursor: 0 }, await page.evaluate((o) => window.call(o), options));
  }

  // A call whose offer goes another way: answer(offer) gives the server's answer.
  static async through(page, answer, options) {
    const call = Object.assign(new Call(), { page, cursor: 0 }, await page.evaluate((o) => window.offer(o), options));
    call.answer = await answer(call.offer);
    await page.evaluate(([n, sdp]) => window.accept(n, sdp), [call.n, call.answer]);
    return call;
  }

  speak(wav) {
    return this.page.evaluate(([n, w]) => window.speak(n, w), [this.n, readFileSync(wav).toString('base64')]);
  }

  largest() {
    return this.page.evaluate((n) => window.largest(n), this.n);
  }

  send(event) {
    return this.page.evaluate(([n, e]) => window.send(n, e), [this.n, event]);
  }

  async event(type) {
    const { event, next } = await this.page.evaluate(([n, t, from]) => window.event(n, t, from), [this.n, type, this.cursor]);
    this.cursor = next;
    return event;
  }

  events() {
    return this.page.evaluate((n) => window.events(n), this.n);
  }

  received() {
    return this.page.evaluate((n) => window.received(n), this.n);
  }

  state() {
    return this.page.evaluate((n) => window.state(n), this.n);
  }

  ended() {
    return this.page.evaluate((n) => window.ended(n), this.n);
  }

  close() {
    return this.page.evaluate((n) => window.hang(n), this.n);
  }

  // The transcript of the answer to a typed question; waits until some of it has been heard.
  async ask(text) {
    await this.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] } });
    await this.send({ type: 'response.create' });
    const before = await this.received();
    const { response } = await this.event('response.done');
    await until('the answer to be heard', async () => {
      const now = await this.received();
      return now.packets >= before.packets + 25 && now.energy > before.energy + 0.0005;
    }, 60000);
    return response.output[0].content[0].transcript;
  }
}
