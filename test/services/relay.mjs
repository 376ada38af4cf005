// relay.mjs - what the tests of the relay share: servers before realtime services, and what a client was told.
import { after, afterEach } from 'node:test';
import { MUTE, serve } from '../tools/server.mjs';
import { closeAll } from '../tools/session.mjs';
import { upstream } from '../tools/upstream.mjs';

export const KEY = 'sk-a-secret-of-the-service';
export const CAT = 'What is the station cat called?';
export const stops = [];
after(async () => { for (const stop of stops.reverse()) await stop(); });
afterEach(closeAll);

export const scripted = async (options) => {
  const s = await upstream({ key: KEY, ...options });
  stops.push(s.stop);
  return s;
};

// A server before the realtime services of these lines.
export const start = async (lines, { args = [], ...options } = {}) => {
  const server = await serve({ env: { THE_KEY: KEY }, ...MUTE, ...options, args: [...lines.flatMap((l) => ['--realtime', `${l} key-env=THE_KEY`]), ...args] });
  stops.push(() => server.stop());
  return server;
};

export const sound = (c) => Buffer.concat(c.events.filter((e) => /^response\.(output_)?audio\.delta$/.test(e.type)).map((e) => Buffer.from(e.delta, 'base64')));
export const said = (c, type = /^response\.(output_)?audio_transcript\.done$/) => c.events.findLast((e) => type.test(e.type))?.transcript ?? '';
