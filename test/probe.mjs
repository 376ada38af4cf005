import { serve, ingest, root } from '/work/wt-server/test/tools/server.mjs';
import { converse, connect, pcm, silence } from '/work/wt-server/test/tools/session.mjs';
import { speak } from '/work/wt-server/test/tools/speech.mjs';
const server = await serve({ data: ingest([root + '/examples']), args: ['--log-level', 'debug'] });
try {
  for (const [sil, zero, after] of [[500, 8, 0.8],[500,0,8],[500, 8, 0],[undefined, 8, 0.8],[300,8,0.8]]) {
  const s = await converse(server, { include: ['voiced.sources','voiced.latency'], audio: { input: { transcription: { model: 'voiced' }, turn_detection: { type: 'server_vad', silence_duration_ms: sil } } } });
  await s.say(Buffer.concat([pcm(speak('What is the station cat called?', 'slt', { rate: 24000, after })), silence(zero)]));
  console.log(sil, zero, after, s.types().filter((t,i,a)=>t!==a[i-1]).join(' ')); console.log(JSON.stringify(s.of('conversation.item.input_audio_transcription.completed')));
  s.close();
  }
} catch (e) { console.log(e); } finally { console.log(await server.stop()); console.log(server.out, server.log.slice(-3000)); }
