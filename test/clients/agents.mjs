// agents.mjs - @openai/agents-realtime over WebSocket, in Node.
import * as sdk from '@openai/agents-realtime';
import { pcm } from '../tools/session.mjs';
import { run as features } from './agents-features.mjs';

const PIECE = 4800; // 100 ms

export function run(row, feature) {
  const sound = pcm(row.speech.cat);
  const url = `${row.origin.replace(/^http/, 'ws')}/v1/realtime?model=gpt-realtime`;
  return features(sdk, {
    media: 'ws', url, key: row.key,
    transport: () => new sdk.OpenAIRealtimeWebSocket({ url }),
    mint: async (session) => {
      const answer = await fetch(`${row.origin}/v1/realtime/client_secrets`, { method: 'POST', body: JSON.stringify({ session }),
        headers: { authorization: `Bearer ${row.key}`, 'content-type': 'application/json' } });
      if (answer.status !== 200) throw new Error(`client_secrets: ${answer.status} ${await answer.text()}`);
      return (await answer.json()).value;
    },
    say: async (session, { commit = false } = {}) => {
      for (let at = 0; at < sound.length; at += PIECE)
        session.sendAudio(new Uint8Array(sound.subarray(at, at + PIECE)).buffer, { commit: commit && at + PIECE >= sound.length });
    },
  }, feature);
}
