// P-S: the session object: what it is at first, what an update does to it, and what it refuses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, loudness } from '../tools/session.mjs';
import { checkEvent, checkSession, dialects, settings } from '../tools/shapes.mjs';
import { CAT, answer, hosted, open, sound } from './harness.mjs';

const server = hosted();
const { GA, BETA, AZURE, VL } = dialects;
const SPEECH = { 'audio/pcmu': 'g711_ulaw', 'audio/pcma': 'g711_alaw' };
const refusedUpdate = (s, session) => s.refused({ type: 'session.update', session: s.dialect.nested ? { type: 'realtime', ...session } : session });

test('P-S01 the first frame is session.created', async () => {
  for (const d of [GA, BETA, AZURE, VL]) {
    const s = await connect(server, { dialect: d });
    const first = await s.until('its first event', () => s.events[0]);
    assert.equal(first.type, 'session.created', d.name);
    checkEvent(d, first);
    await s.after({ type: 'response.cancel' });
    assert.equal(s.of('session.created').length, 1);
  }
});

test('P-S02 session.created has every key', async () => {
  const { created } = await open(server);
  checkSession(GA, created);
  assert.deepEqual({ ...created, id: 0, expires_at: 0 }, { type: 'realtime', object: 'realtime.session', id: 0, model: 'gpt-realtime', output_modalities: ['audio'],
    instructions: created.instructions, tools: [], tool_choice: 'auto', max_output_tokens: 'inf', tracing: null, truncation: 'auto', prompt: null, expires_at: 0,
    audio: { input: { format: { type: 'audio/pcm', rate: 24000 }, transcription: null, noise_reduction: null,
      turn_detection: { type: 'server_vad', threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 200, idle_timeout_ms: null, create_response: true, interrupt_response: true } },
    output: { format: { type: 'audio/pcm', rate: 24000 }, voice: 'alloy', speed: 1 } }, include: null });
});

test('P-S03 an update without session.type', async () => {
  const s = await open(server);
  const error = await s.refused({ type: 'session.update', session: { instructions: 'Not taken.' } });
  assert.deepEqual([error.type, error.code, error.param], ['invalid_request_error', 'missing_required_parameter', 'session.type']);
  assert.match(error.message, /Missing required parameter: 'session\.type'\./);
  assert.equal((await s.update({})).instructions, s.created.instructions);
  assert.equal(s.of('session.updated').length, 1);
});

test('P-S04 an update is partial, its answer whole', async () => {
  for (const d of [GA, BETA, AZURE, VL]) {
    const s = await open(server, d);
    const one = await s.update({ instructions: 'One.', tool_choice: 'none' });
    assert.deepEqual(one, { ...s.created, instructions: 'One.', tool_choice: 'none' });
    const two = await s.update(settings.voice(d, 'marin'));
    checkSession(d, two);
    assert.equal(two.instructions, 'One.');
    assert.deepEqual(d.nested ? { ...two, audio: 0 } : { ...two, voice: 0 }, d.nested ? { ...one, audio: 0 } : { ...one, voice: 0 });
  }
});

test('P-S05 null and empty values clear', async () => {
  const tools = [{ type: 'function', name: 'f', parameters: { type: 'object', properties: {} } }];
  for (const d of [GA, BETA]) {
    const s = await open(server, d);
    const look = (v) => (d.nested ? [v.instructions, v.tools, v.audio.input.turn_detection, v.audio.input.transcription, v.audio.input.noise_reduction]
      : [v.instructions, v.tools, v.turn_detection, v.input_audio_transcription, v.input_audio_noise_reduction ?? null]);
    const input = (turn_detection, transcription, noise) => (d.nested ? { audio: { input: { turn_detection, transcription, noise_reduction: noise } } }
      : { turn_detection, input_audio_transcription: transcription, input_audio_noise_reduction: noise });
    const full = await s.update({ instructions: 'I.', tools, ...input({ type: 'server_vad' }, { model: 'whisper-1' }, { type: 'near_field' }) });
    assert.ok(look(full).every((v) => v && v.length !== 0), JSON.stringify(look(full)));
    assert.deepEqual(look(await s.update({ instructions: '', tools: [], ...input(null, null, null) })), ['', [], null, null, null]);
  }
});

test('P-S06 create_response and interrupt_response are always echoed', async () => {
  for (const d of [GA, BETA, VL])
    for (const type of ['server_vad', 'semantic_vad', ...(d === VL ? ['azure_semantic_vad', 'azure_semantic_vad_multilingual'] : [])]) {
      const s = await open(server, d);
      const v = await s.update(settings.detection(d, { type }));
      const td = d.nested ? v.audio.input.turn_detection : v.turn_detection;
      assert.deepEqual([td.type, td.create_response, td.interrupt_response], [type, true, true]);
    }
});

test('P-S07 the voice is settled by the first audio', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d);
    const voiceOf = (v) => (d.nested ? v.audio.output.voice : v.voice);
    assert.equal(voiceOf(await s.update(settings.voice(d, 'marin'))), 'marin');
    await s.ask(CAT);
    const error = await refusedUpdate(s, { ...settings.voice(d, 'cedar'), instructions: 'Not taken.' });
    assert.equal(error.code, 'cannot_update_voice');
    assert.match(error.message, /Cannot update a conversation's voice if assistant audio is present\./);
    const same = await s.update(settings.voice(d, 'marin'));
    assert.equal(same.instructions, s.created.instructions, 'the whole update was refused');
    assert.equal(voiceOf(same), 'marin');
  }
});

test('P-S08 another model is no error', async () => {
  for (const d of [GA, BETA, VL]) {
    const s = await open(server, d);
    assert.equal((await s.update({ model: 'gpt-realtime-2.1', instructions: 'M.' })).instructions, 'M.');
    assert.deepEqual(s.of('error'), []);
  }
});

test('P-S09 tracing is accepted and echoed', async () => {
  for (const tracing of ['auto', { workflow_name: 'w', group_id: 'g', metadata: { a: 1 } }]) {
    const s = await open(server);
    assert.deepEqual((await s.update({ tracing })).tracing, tracing);
  }
});

test('P-S10 tracing stays as it was enabled', async () => {
  const s = await open(server);
  assert.equal((await s.update({ tracing: null })).tracing, null);
  await s.update({ tracing: 'auto' });
  assert.equal((await s.update({ tracing: 'auto' })).tracing, 'auto', 'the same again is fine');
  const error = await refusedUpdate(s, { tracing: { workflow_name: 'x' }, instructions: 'Not taken.' });
  assert.equal(error.param, 'session.tracing');
  const { tracing, instructions } = await s.update({});
  assert.deepEqual([tracing, instructions], ['auto', s.created.instructions]);
});

test('P-S11 text and audio at once', async () => {
  const s = await open(server);
  for (const output_modalities of [['text', 'audio'], ['audio', 'text'], [], ['video']]) {
    const error = await refusedUpdate(s, { output_modalities });
    assert.deepEqual([error.code, error.param?.replace(/\[.*/, '')], ['invalid_value', 'session.output_modalities'], String(output_modalities));
  }
  const beta = await open(server, BETA);
  for (const modalities of [['text', 'audio'], ['audio', 'text'], ['text']])
    assert.deepEqual((await beta.update({ modalities })).modalities.toSorted(), modalities.toSorted());
});

test('P-S12 values out of range', async () => {
  const s = await open(server);
  const td = (field, value) => ({ audio: { input: { turn_detection: { type: 'server_vad', [field]: value } } } });
  const at = 'session.audio.input.turn_detection';
  const rows = [[td('idle_timeout_ms', 4999), `${at}.idle_timeout_ms`], [td('idle_timeout_ms', 30001), `${at}.idle_timeout_ms`],
    [td('threshold', 1.1), `${at}.threshold`], [td('threshold', 'high'), `${at}.threshold`], [td('prefix_padding_ms', -1), `${at}.prefix_padding_ms`],
    [td('silence_duration_ms', 1.5), `${at}.silence_duration_ms`], [td('create_response', 1), `${at}.create_response`],
    [{ audio: { output: { speed: 0.24 } } }, 'session.audio.output.speed'], [{ audio: { output: { speed: 1.51 } } }, 'session.audio.output.speed'],
    [{ max_output_tokens: 0 }, 'session.max_output_tokens'], [{ max_output_tokens: 'many' }, 'session.max_output_tokens'],
    [{ audio: { input: { format: { type: 'audio/pcm', rate: 16000 } } } }, 'session.audio.input.format.rate'],
    [{ audio: { input: { turn_detection: { type: 'mind_reading' } } } }, `${at}.type`],
    [{ audio: { input: { turn_detection: { type: 'semantic_vad', eagerness: 'extreme' } } } }, `${at}.eagerness`],
    [{ tool_choice: 'sometimes' }, 'session.tool_choice'], [{ instructions: 7 }, 'session.instructions']];
  for (const [session, param] of rows) {
    const error = await refusedUpdate(s, { ...session });
    assert.deepEqual([error.code, error.param], ['invalid_value', param], JSON.stringify(session));
  }
  assert.deepEqual(await s.update({}), s.created, 'nothing of it was taken');
  for (const session of [td('idle_timeout_ms', 5000), td('idle_timeout_ms', 30000), { audio: { output: { speed: 0.25 } } }, { audio: { output: { speed: 1.5 } } }, { max_output_tokens: 1 }])
    await s.update(session);
});

test('P-S13 a change of turn detection leaves nothing behind', async () => {
  const s = await open(server, GA, settings.detection(GA, { type: 'server_vad', threshold: 0.7, idle_timeout_ms: 6000 }));
  const semantic = (await s.update(settings.detection(GA, { type: 'semantic_vad' }))).audio.input.turn_detection;
  assert.deepEqual(semantic, { type: 'semantic_vad', eagerness: 'auto', create_response: true, interrupt_response: true });
  const back = (await s.update(settings.detection(GA, { type: 'server_vad' }))).audio.input.turn_detection;
  assert.deepEqual([back.threshold, back.idle_timeout_ms, 'eagerness' in back], [0.5, null, false]);
});

// --- G.711 (ITU-T), for ears that do not trust the server's ---------------------------------------

function ulaw(sample) {
  const sign = sample < 0 ? 0x80 : 0, x = Math.min(Math.abs(sample), 32635) + 132, exponent = Math.floor(Math.log2(x)) - 7;
  return ~(sign | (exponent << 4) | ((x >> (exponent + 3)) & 15)) & 0xff;
}

function fromUlaw(octet) {
  const u = ~octet & 0xff, x = (((u & 15) << 3) + 132 << ((u >> 4) & 7)) - 132;
  return u & 0x80 ? -x : x;
}

function alaw(sample) {
  const positive = sample >= 0, x = Math.min(positive ? sample : -sample - 1, 32767) >> 3, exponent = x < 32 ? 0 : Math.floor(Math.log2(x)) - 4;
  return ((positive ? 0x80 : 0) | (exponent << 4) | ((exponent ? x >> exponent : x >> 1) & 15)) ^ 0x55;
}

function fromAlaw(octet) {
  const a = octet ^ 0x55, exponent = (a >> 4) & 7, x = exponent ? (((a & 15) << 4) + 264) << (exponent - 1) : ((a & 15) << 4) + 8;
  return a & 0x80 ? x : -x;
}

const G711 = { 'audio/pcmu': [ulaw, fromUlaw], 'audio/pcma': [alaw, fromAlaw] };

const decoded = (octets, decode) => {
  const pcm = Buffer.alloc(octets.length * 2);
  octets.forEach((o, i) => pcm.writeInt16LE(decode(o), i * 2));
  return pcm;
};
const tone = (i) => Math.round(8000 * Math.sin(2 * Math.PI * 440 * i / 8000));

test('P-S14 G.711 in and out', async () => {
  const rows = [[GA, 'audio/pcmu'], [GA, 'audio/pcma'], [BETA, 'audio/pcmu'], [BETA, 'audio/pcma']];
  for (const [d, type] of rows) {
    const [code, decode] = G711[type];
    const wide = await open(server, d);
    const heard = sound(await wide.ask(CAT));
    const s = await open(server, d, d.nested ? { audio: { input: { format: { type }, turn_detection: null }, output: { format: { type } } } }
      : { input_audio_format: SPEECH[type], output_audio_format: SPEECH[type], turn_detection: null });

    // In: a tone comes back as it was.
    s.send({ type: 'input_audio_buffer.append', audio: Buffer.from(Array.from({ length: 8000 }, (_, i) => code(tone(i)))).toString('base64') });
    s.send({ type: 'input_audio_buffer.commit' });
    const { item_id } = await s.event('input_audio_buffer.committed');
    s.send({ type: 'conversation.item.retrieve', item_id });
    const back = Buffer.from((await s.event('conversation.item.retrieved')).item.content[0].audio, 'base64');
    assert.ok(Math.abs(back.length - 8000) <= 80, `${back.length} octets`);
    const pcm = decoded(back, decode);
    assert.ok(Math.abs(loudness(pcm) - 5657) < 600, `loudness ${loudness(pcm)}`);
    let crossings = 0;
    for (let i = 1; i < back.length; i++) crossings += pcm.readInt16LE(i * 2 - 2) < 0 && pcm.readInt16LE(i * 2) >= 0;
    assert.ok(Math.abs(crossings - 440) <= 4, `${crossings} Hz`);

    // Out: as long and as loud as at 24 kHz.
    const octets = sound(await s.ask(CAT));
    const seconds = heard.length / 48000;
    assert.ok(Math.abs(octets.length / 8000 - seconds) < 0.02 * seconds, `${octets.length} octets for ${seconds} s`);
    const ratio = loudness(decoded(octets, decode)) / loudness(heard);
    assert.ok(ratio > 0.7 && ratio < 1.2, `${ratio} times as loud`);

    // A buffer of 400 octets is 50 ms.
    s.send({ type: 'input_audio_buffer.append', audio: Buffer.alloc(400, 0xff).toString('base64') });
    assert.match((await s.refused({ type: 'input_audio_buffer.commit' })).message, /50\.00 ?ms/);
  }
});

test('P-S15 the flat session', async () => {
  for (const d of [BETA, AZURE]) {
    const s = await open(server, d);
    checkSession(d, s.created);
    assert.deepEqual([s.created.modalities.toSorted(), s.created.voice, s.created.input_audio_format, s.created.output_audio_format, s.created.input_audio_transcription,
      s.created.temperature, s.created.max_response_output_tokens], [['audio', 'text'], 'alloy', 'pcm16', 'pcm16', null, 0.8, 'inf']);
    const v = await s.update({ instructions: 'x', turn_detection: null, modalities: ['text', 'audio'], voice: 'echo', temperature: 0.7, max_response_output_tokens: 900,
      input_audio_transcription: { model: 'whisper-1' } });
    checkSession(d, v);
    assert.deepEqual([v.instructions, v.turn_detection, v.voice, v.temperature, v.max_response_output_tokens, v.input_audio_transcription.model], ['x', null, 'echo', 0.7, 900, 'whisper-1']);
  }
  const azure = await connect(server, { dialect: AZURE });
  await azure.event('session.created');
  azure.dialect = GA; // the GA module of an older package: its first update has a type
  const nested = await azure.update({ instructions: 'Nested.' });
  assert.deepEqual([nested.type, nested.instructions, nested.output_modalities, nested.audio.output.voice], ['realtime', 'Nested.', ['audio'], 'alloy']);
});

test('P-S16 unknown keys are tolerated', async () => {
  for (const d of [BETA, AZURE, VL]) {
    const s = await open(server, d);
    const v = await s.update({ disable_audio: false, nothing_we_know: { a: [1] }, instructions: 'Kept.' });
    assert.equal(v.instructions, 'Kept.');
    assert.deepEqual(s.of('error'), []);
  }
});

test('P-S17 what Voice Live has beyond, is echoed', async () => {
  const s = await open(server, VL);
  const session = { modalities: ['text', 'audio'], voice: { type: 'azure-standard', name: 'en-US-AvaNeural', temperature: 0.8, rate: '1.1' }, input_audio_sampling_rate: 24000,
    turn_detection: { type: 'azure_semantic_vad', threshold: 0.3, prefix_padding_ms: 200, silence_duration_ms: 400, speech_duration_ms: 80, remove_filler_words: true,
      languages: ['en'], auto_truncate: true, end_of_utterance_detection: { model: 'semantic_detection_v1', threshold_level: 'medium', timeout_ms: 900 } },
    input_audio_noise_reduction: { type: 'azure_deep_noise_suppression' }, input_audio_echo_cancellation: { type: 'server_echo_cancellation' },
    input_audio_transcription: { model: 'azure-speech', language: 'en', phrase_list: ['Biscuit'] } };
  const v = await s.update(session);
  checkSession(VL, v);
  for (const [name, value] of Object.entries(session)) {
    if (name === 'turn_detection' || name === 'input_audio_transcription')
      for (const [k, x] of Object.entries(value)) assert.deepEqual(v[name][k], x, `${name}.${k}`);
    else assert.deepEqual(v[name], value, name);
  }
  for (const voice of ['alloy', { type: 'openai', name: 'alloy' }, { type: 'azure-custom', name: 'mine', endpoint_id: 'e' }])
    assert.deepEqual((await s.update({ voice })).voice, voice);
  assert.match(answer(await s.ask(CAT)), /Biscuit/);
});

test('P-S18 fillers in both spellings', async () => {
  for (const type of ['static_interim_response', 'static-interim-response', 'llm_interim_response', 'llm-interim-response']) {
    const s = await open(server, VL);
    const interim = type.startsWith('static') ? { type, texts: ['One moment.'], triggers: ['latency', 'tool'], latency_threshold_ms: 2000 } : { type, instructions: 'Be patient.' };
    const v = await s.update({ interim_response: interim });
    assert.equal(v.interim_response.type.replaceAll('-', '_'), type.replaceAll('-', '_'));
    assert.deepEqual(s.of('error'), []);
  }
});

test('P-S20 two updates at once', async () => {
  for (const d of [GA, BETA]) {
    const s = await open(server, d);
    for (const instructions of ['First.', 'Second.'])
      s.send({ type: 'session.update', session: { ...(d.nested && { type: 'realtime' }), instructions } });
    assert.equal((await s.event('session.updated')).session.instructions, 'First.');
    assert.equal((await s.event('session.updated')).session.instructions, 'Second.');
  }
});

test('P-S21 the schema of a tool is kept as it is', async () => {
  const tools = [{ type: 'function', name: 'get_weather', description: 'Weather.', strict: true, parameters: { $schema: 'http://json-schema.org/draft-07/schema#', type: 'object',
    properties: { città: { type: 'string', enum: ['Ålesund', null], default: null, 'x-odd': [1.5, { a: null }] } }, required: ['città'], additionalProperties: false } }];
  for (const d of [GA, BETA, VL]) {
    const s = await open(server, d);
    const [kept] = (await s.update({ tools })).tools;
    assert.deepEqual(kept.parameters, tools[0].parameters);
    assert.deepEqual([kept.type, kept.name, kept.description], ['function', 'get_weather', 'Weather.']);
  }
});
