// phone.mjs - in the page: a microphone that says what the test wants, ears, and calls by plain WebRTC.
const later = (ms, what) => new Promise((_, reject) => { setTimeout(() => reject(new Error(`waited ${ms} ms in vain for ${what()}`)), ms); });
const PATIENCE_MS = 30000;
export const within = (promise, what) => Promise.race([promise, later(PATIENCE_MS, what)]);

export class Microphone {
  context = new AudioContext();
  #out = this.context.createMediaStreamDestination();
  stream = this.#out.stream;

  async load(url) {
    this.question = await this.context.decodeAudioData(await (await fetch(url)).arrayBuffer());
    return this;
  }

  // Resolves when all of it has been said.
  say() {
    const source = new AudioBufferSourceNode(this.context, { buffer: this.question });
    source.connect(this.#out);
    source.start();
    return new Promise((r) => { source.onended = r; });
  }
}

// Plays what comes, so that it counts as heard.
export function listen(pc) {
  pc.addEventListener('track', ({ track, streams }) => {
    const sound = new Audio();
    sound.srcObject = streams[0] ?? new MediaStream([track]);
    sound.play().catch(() => {});
  });
}

// Resolves when an answer has begun to be heard.
export async function heard(pc) {
  const energy = async () => [...(await pc.getStats()).values()].find((s) => s.type === 'inbound-rtp')?.totalAudioEnergy ?? 0;
  const before = await energy();
  for (const end = Date.now() + PATIENCE_MS; ;) {
    if (await energy() > before + 0.0005) return;
    if (Date.now() > end) throw new Error('nothing is heard');
    await new Promise((r) => setTimeout(r, 20));
  }
}

export async function gathered(pc) {
  while (pc.iceGatheringState !== 'complete') await new Promise((r) => pc.addEventListener('icegatheringstatechange', r, { once: true }));
}

export const opened = (channel) => within(new Promise((r) => {
  if (channel.readyState === 'open') r();
  else channel.addEventListener('open', r);
}), () => `the data channel, ${channel.readyState}`);
