// shapes.mjs - the dialects of the Realtime API, and what their objects and events have to look like.
import assert from 'node:assert/strict';

const words = (text) => text.trim().split(/\s+/);
const object = (v, what) => assert.ok(v && typeof v === 'object' && !Array.isArray(v), `${what} is an object: ${JSON.stringify(v)}`);

// Exactly these members: `name` has to be there, `name?` may be.
export function members(value, list, what = 'object') {
  object(value, what);
  const allowed = words(list).map((w) => w.replace('?', ''));
  const wanted = words(list).filter((w) => !w.endsWith('?'));
  for (const name of wanted) assert.ok(name in value, `${what} lacks '${name}': ${JSON.stringify(value)}`);
  for (const name of Object.keys(value)) assert.ok(allowed.includes(name), `${what} has '${name}': ${JSON.stringify(value)}`);
}

const string = (v, what) => assert.equal(typeof v, 'string', `${what}: ${JSON.stringify(v)}`);
const whole = (v, what) => assert.ok(Number.isInteger(v) && v >= 0, `${what}: ${JSON.stringify(v)}`);

// --- dialects -------------------------------------------------------------------------------------

// Names that a flat dialect has for GA's; null: it has none.
const RENAMED = [
  [/^conversation\.item\.added$/, 'conversation.item.created'],
  [/^conversation\.item\.done$/, null],
  [/^conversation\.created$/, null],
  [/^response\.output_(text|audio|audio_transcript)\./, 'response.$1.'],
];

function flatName(type) {
  const row = RENAMED.find(([from]) => from.test(type));
  return row ? row[1] && type.replace(row[0], row[1]) : type;
}

const K4 = 'response_id item_id output_index content_index';
const K3 = 'response_id item_id output_index';

// Members of each server event besides `type` and `event_id`, under GA's names.
const EVENTS = {
  'error': 'error',
  'session.created': 'session',
  'session.updated': 'session',
  'conversation.item.added': 'item previous_item_id',
  'conversation.item.done': 'item previous_item_id',
  'conversation.item.retrieved': 'item',
  'conversation.item.deleted': 'item_id',
  'conversation.item.truncated': 'item_id content_index audio_end_ms',
  'conversation.item.input_audio_transcription.delta': 'item_id content_index delta logprobs? obfuscation?',
  'conversation.item.input_audio_transcription.completed': 'item_id content_index transcript usage languages? logprobs?',
  'conversation.item.input_audio_transcription.failed': 'item_id content_index error',
  'input_audio_buffer.committed': 'item_id previous_item_id',
  'input_audio_buffer.cleared': '',
  'input_audio_buffer.speech_started': 'audio_start_ms item_id',
  'input_audio_buffer.speech_stopped': 'audio_end_ms item_id',
  'input_audio_buffer.timeout_triggered': 'audio_start_ms audio_end_ms item_id',
  'output_audio_buffer.started': 'response_id',
  'output_audio_buffer.stopped': 'response_id',
  'output_audio_buffer.cleared': 'response_id',
  'rate_limits.updated': 'rate_limits',
  'response.created': 'response',
  'response.done': 'response',
  'response.output_item.added': 'response_id output_index item',
  'response.output_item.done': 'response_id output_index item',
  'response.content_part.added': `${K4} part`,
  'response.content_part.done': `${K4} part`,
  'response.output_text.delta': `${K4} delta obfuscation?`,
  'response.output_text.done': `${K4} text`,
  'response.output_audio_transcript.delta': `${K4} delta obfuscation?`,
  'response.output_audio_transcript.done': `${K4} transcript`,
  'response.output_audio.delta': `${K4} delta`,
  'response.output_audio.done': K4,
  'response.function_call_arguments.delta': `${K3} call_id delta obfuscation?`,
  'response.function_call_arguments.done': `${K3} call_id name arguments`,
  'mcp_list_tools.in_progress': 'item_id',
  'mcp_list_tools.completed': 'item_id',
  'mcp_list_tools.failed': 'item_id',
  'response.mcp_call_arguments.delta': `${K3} delta obfuscation`,
  'response.mcp_call_arguments.done': `${K3} arguments`,
  'response.mcp_call.in_progress': 'item_id output_index',
  'response.mcp_call.completed': 'item_id output_index',
  'response.mcp_call.failed': 'item_id output_index',
};

const flat = Object.fromEntries(Object.entries(EVENTS).filter(([t]) => flatName(t)).map(([t, m]) => [flatName(t), m]));

// All that rt-client knows; any other type makes it close the connection.
export const RT_CLIENT = words(`error session.created session.updated input_audio_buffer.committed input_audio_buffer.cleared
  input_audio_buffer.speech_started input_audio_buffer.speech_stopped conversation.item.created conversation.item.truncated
  conversation.item.deleted conversation.item.input_audio_transcription.completed conversation.item.input_audio_transcription.failed
  response.created response.done response.output_item.added response.output_item.done response.content_part.added response.content_part.done
  response.text.delta response.text.done response.audio.delta response.audio.done response.audio_transcript.delta
  response.audio_transcript.done response.function_call_arguments.delta response.function_call_arguments.done rate_limits.updated`);

// How a session of each kind is opened, and how it looks.
export const dialects = {
  GA: { name: 'GA', path: '/v1/realtime?model=gpt-realtime', headers: {}, type: (t) => t, events: EVENTS, nested: true, text: 'output_text', audio: 'output_audio' },
  BETA: { name: 'BETA', path: '/v1/realtime?model=gpt-4o-realtime-preview', headers: { 'openai-beta': 'realtime=v1' }, type: flatName, events: flat, text: 'text', audio: 'audio' },
  AZURE: { name: 'AZURE', path: '/openai/realtime?api-version=2024-10-01-preview&deployment=gpt-4o-realtime', headers: { 'api-key': 'k' }, type: flatName,
    events: Object.fromEntries(RT_CLIENT.map((t) => [t, flat[t]])), text: 'text', audio: 'audio' },
  VL: { name: 'VL', path: '/voice-live/realtime?api-version=2025-10-01&model=gpt-realtime', headers: { 'api-key': 'k' }, type: flatName, text: 'text', audio: 'audio',
    events: { ...flat, 'warning': 'warning', 'response.audio_timestamp.delta': `${K4} audio_offset_ms audio_duration_ms text timestamp_type`, 'response.audio_timestamp.done': K4,
      'response.animation_viseme.delta': `${K4} audio_offset_ms viseme_id`, 'response.animation_viseme.done': K4, 'output_audio_buffer.cleared': 'response_id?' } },
};

// The same settings as each dialect writes them.
export const settings = {
  text: (d) => d.nested ? { output_modalities: ['text'] } : { modalities: ['text'] },
  manual: (d, transcription = null) => d.nested ? { audio: { input: { turn_detection: null, transcription } } } : { turn_detection: null, input_audio_transcription: transcription },
  detection: (d, turn_detection) => d.nested ? { audio: { input: { turn_detection } } } : { turn_detection },
  voice: (d, voice) => d.nested ? { audio: { output: { voice } } } : { voice },
};

// --- sessions -------------------------------------------------------------------------------------

const SERVER_VAD = 'type threshold prefix_padding_ms silence_duration_ms create_response interrupt_response';
const VL_DETECTION = 'auto_truncate? speech_duration_ms? remove_filler_words? languages? end_of_utterance_detection? idle_timeout_ms?';
const format = (f, what) => {
  object(f, what);
  if (f.type === 'audio/pcm') assert.deepEqual(f, { type: 'audio/pcm', rate: 24000 }, what);
  else assert.ok(['audio/pcmu', 'audio/pcma'].includes(f.type) && Object.keys(f).length === 1, `${what}: ${JSON.stringify(f)}`);
};

export function checkDetection(d, td) {
  if (td === null) return;
  if (d.name === 'VL') {
    members(td, `${td.type === 'semantic_vad' ? 'type' : SERVER_VAD} create_response interrupt_response eagerness? ${VL_DETECTION}`, 'turn_detection');
    return;
  }
  if (td.type === 'server_vad') members(td, `${SERVER_VAD} idle_timeout_ms${d.nested ? '' : '?'}`, 'turn_detection');
  else if (td.type === 'semantic_vad') members(td, 'type eagerness create_response interrupt_response', 'turn_detection');
  else assert.fail(`turn_detection.type ${td.type}`);
}

function checkNestedSession(s) {
  members(s, `type object id model output_modalities instructions tools tool_choice max_output_tokens tracing truncation prompt
    expires_at audio include parallel_tool_calls? reasoning?`, 'session');
  assert.deepEqual([s.type, s.object], ['realtime', 'realtime.session']);
  members(s.audio, 'input output', 'session.audio');
  members(s.audio.input, 'format transcription noise_reduction turn_detection', 'session.audio.input');
  members(s.audio.output, 'format voice speed', 'session.audio.output');
  format(s.audio.input.format, 'input.format');
  format(s.audio.output.format, 'output.format');
  checkDetection(dialects.GA, s.audio.input.turn_detection);
  string(s.audio.output.voice, 'voice');
  assert.ok(Array.isArray(s.output_modalities) && s.output_modalities.length === 1, 'output_modalities');
}

const FLAT_SESSION = `id object model expires_at modalities instructions voice input_audio_format output_audio_format input_audio_transcription
  turn_detection tools tool_choice temperature max_response_output_tokens input_audio_noise_reduction? speed? tracing? include? prompt?
  truncation? parallel_tool_calls? reasoning?`;
const VL_SESSION = `${FLAT_SESSION} input_audio_sampling_rate? input_audio_echo_cancellation? animation? output_audio_timestamp_types? avatar?
  interim_response? metadata? agent? reasoning_effort?`;

function checkFlatSession(d, s) {
  members(s, d.name === 'VL' ? VL_SESSION : FLAT_SESSION, 'session');
  assert.equal(s.object, 'realtime.session');
  assert.ok(Array.isArray(s.modalities) && s.modalities.includes('text'), `modalities ${s.modalities}`);
  string(s.input_audio_format, 'input_audio_format');
  string(s.output_audio_format, 'output_audio_format');
  if (d.name !== 'VL') string(s.voice, 'voice');
  checkDetection(d, s.turn_detection);
}

export function checkSession(d, s) {
  if (d.nested) checkNestedSession(s);
  else checkFlatSession(d, s);
  assert.match(s.id, /^sess_\w{16,}$/);
  string(s.model, 'model');
  string(s.instructions, 'instructions');
  assert.ok(Array.isArray(s.tools), 'tools');
  whole(s.expires_at, 'expires_at');
}

// A transcription session: nothing of an answer is in it.
export function checkTranscriptionSession(s) {
  members(s, 'type object id expires_at audio include', 'session');
  assert.deepEqual([s.type, s.object], ['transcription', 'realtime.transcription_session']);
  assert.match(s.id, /^sess_\w{16,}$/);
  members(s.audio, 'input', 'session.audio');
  members(s.audio.input, 'format transcription noise_reduction turn_detection', 'session.audio.input');
}

// --- responses and items -------------------------------------------------------------------------

export function checkUsage(u) {
  const details = 'text_tokens audio_tokens image_tokens';

  members(u, 'total_tokens input_tokens output_tokens input_token_details output_token_details', 'usage');
  members(u.input_token_details, `${details} cached_tokens cached_tokens_details`, 'input_token_details');
  members(u.input_token_details.cached_tokens_details, details, 'cached_tokens_details');
  members(u.output_token_details, 'text_tokens audio_tokens', 'output_token_details');
  for (const n of [u.total_tokens, u.input_tokens, u.output_tokens, ...Object.values(u.output_token_details)]) whole(n, 'usage');
  assert.equal(u.total_tokens, u.input_tokens + u.output_tokens, 'total_tokens');
}

// What a transcription costs: tokens with their details, or seconds.
export function checkTranscriptionUsage(u) {
  if (u?.type === 'duration') {
    members(u, 'type seconds', 'usage');
    assert.equal(typeof u.seconds, 'number');
    return;
  }
  members(u, 'type total_tokens input_tokens output_tokens input_token_details', 'usage');
  assert.equal(u.type, 'tokens');
  members(u.input_token_details, 'text_tokens audio_tokens', 'input_token_details');
}

const PARTS = {
  system: { input_text: 'type text' },
  user: { input_text: 'type text', input_audio: 'type transcript audio?', input_image: 'type image_url detail?' },
  assistant: { output_text: 'type text', output_audio: 'type transcript audio?' },
};

function checkPart(d, role, part) {
  const kind = role === 'assistant' ? { [d.text]: 'output_text', [d.audio]: 'output_audio' }[part.type] : part.type;

  assert.ok(PARTS[role][kind], `a part of ${role} is ${part.type} in ${d.name}`);
  members(part, PARTS[role][kind], `part ${part.type}`);
  for (const [k, v] of Object.entries(part))
    assert.ok(typeof v === 'string' || (v === null && k === 'transcript' && role === 'user'), `${part.type}.${k} is ${JSON.stringify(v)}`);
}

const ITEMS = {
  message: 'id type status role content',
  function_call: 'id type status name call_id arguments',
  function_call_output: 'id type status call_id output',
  mcp_list_tools: 'id type server_label tools error?',
  mcp_call: 'id type server_label name arguments approval_request_id output error',
  mcp_approval_request: 'id type server_label name arguments',
  mcp_approval_response: 'id type approval_request_id approve reason?',
};

// An item as it is emitted: what is not known is left out, and only a user's transcript may be null.
export function checkItem(d, item) {
  object(item, 'item');
  assert.ok(ITEMS[item.type], `item.type ${item.type}`);
  members(item, `${ITEMS[item.type]} ${d.nested ? '' : 'object?'}`, item.type);
  if (item.object) assert.equal(item.object, 'realtime.item');
  for (const [k, v] of Object.entries(item)) assert.ok(v !== null || item.type === 'mcp_call', `${item.type}.${k} is null`);
  if (item.status) assert.ok(['in_progress', 'completed', 'incomplete'].includes(item.status), item.status);
  if (item.type !== 'message') return;
  assert.ok(Array.isArray(item.content), 'content');
  for (const part of item.content) checkPart(d, item.role, part);
}

const RESPONSE = 'object id status status_details output conversation_id usage metadata max_output_tokens';
const REASONS = { cancelled: ['turn_detected', 'client_cancelled'], incomplete: ['max_output_tokens', 'content_filter'] };

function checkDetails(r) {
  if (['in_progress', 'completed'].includes(r.status)) {
    if (r.status === 'in_progress') assert.equal(r.status_details, null);
    return;
  }
  assert.equal(r.status_details?.type, r.status, JSON.stringify(r.status_details));
  if (r.status === 'failed') {
    members(r.status_details, 'type error', 'status_details');
    members(r.status_details.error, 'type code message', 'status_details.error');
  } else {
    members(r.status_details, 'type reason', 'status_details');
    assert.ok(REASONS[r.status]?.includes(r.status_details.reason), JSON.stringify(r.status_details));
  }
}

export function checkResponse(d, r) {
  members(r, d.nested ? `${RESPONSE} output_modalities audio` : `${RESPONSE} modalities voice output_audio_format temperature`, 'response');
  assert.equal(r.object, 'realtime.response');
  assert.match(r.id, /^resp_\w+$/);
  if (r.conversation_id !== null) assert.match(r.conversation_id, /^conv_\w+$/);
  checkDetails(r);
  if (d.nested) {
    members(r.audio, 'output', 'response.audio');
    members(r.audio.output, 'format voice', 'response.audio.output');
    string(r.audio.output.voice, 'voice');
  }
  assert.ok(Array.isArray(r.output), 'output');
  for (const item of r.output) checkItem(d, item);
  if (r.status === 'in_progress') assert.deepEqual([r.output, r.usage], [[], null], 'nothing is known yet');
  else if (r.usage !== null) checkUsage(r.usage);
}

// --- events ---------------------------------------------------------------------------------------

const RATE = 'name limit remaining reset_seconds';

function checkError(error) {
  members(error, 'type code message param event_id', 'error');
  string(error.type, 'type');
  assert.match(error.message, /\w/);
}

const CONTENTS = {
  'error': (d, e) => checkError(e.error),
  'session.created': (d, e) => (e.session.type === 'transcription' ? checkTranscriptionSession(e.session) : checkSession(d, e.session)),
  'session.updated': (d, e) => (e.session.type === 'transcription' ? checkTranscriptionSession(e.session) : checkSession(d, e.session)),
  'response.created': (d, e) => { checkResponse(d, e.response); assert.equal(e.response.status, 'in_progress'); },
  'response.done': (d, e) => { checkResponse(d, e.response); assert.notEqual(e.response.status, 'in_progress'); },
  'rate_limits.updated': (d, e) => e.rate_limits.forEach((r) => {
    members(r, RATE, 'rate limit');
    assert.ok(['requests', 'tokens'].includes(r.name), r.name);
  }),
  'conversation.item.input_audio_transcription.completed': (d, e) => checkTranscriptionUsage(e.usage),
  'conversation.item.input_audio_transcription.failed': (d, e) => {
    members(e.error, 'type? code? message? param?', 'error');
    for (const v of Object.values(e.error)) string(v, 'member of error');
  },
};

function checkBytes(e) {
  assert.match(e.delta, /^[A-Za-z0-9+/]+={0,2}$/, 'base64 with padding');
  const octets = Buffer.from(e.delta, 'base64');
  assert.equal(octets.toString('base64'), e.delta, 'base64 with padding');
  assert.notEqual(octets.subarray(0, 4).toString('latin1'), 'RIFF');
}

// One server event: a known name of this dialect, its members, and what is in them.
export function checkEvent(d, e) {
  const extension = e.type.startsWith('voiced.');

  string(e.event_id, `${e.type}.event_id`);
  if (extension) return;
  assert.ok(d.events[e.type] !== undefined, `${d.name} has no event ${e.type}`);
  members(e, `type event_id ${d.events[e.type]}`, e.type);
  CONTENTS[e.type]?.(d, e);
  if (e.item) checkItem(d, e.item);
  if (e.part) {
    assert.ok(['text', 'audio'].includes(e.part.type), `part.type ${e.part.type}`);
    members(e.part, e.part.type === 'text' ? 'type text' : 'type transcript', `${e.type}.part`);
  }
  if (/audio\.delta$/.test(e.type)) checkBytes(e);
  for (const k of ['output_index', 'content_index', 'audio_start_ms', 'audio_end_ms']) if (k in e) whole(e[k], `${e.type}.${k}`);
}

// --- streams of events ----------------------------------------------------------------------------

const LATER = /^(output_audio_buffer\.|rate_limits\.)/;

function checkResponses(events) {
  const made = events.filter((e) => e.type === 'response.created').map((e) => e.response.id);

  assert.equal(new Set(made).size, made.length, 'a response is created once');
  for (const id of made) {
    const done = events.filter((e) => e.type === 'response.done' && e.response.id === id);
    assert.equal(done.length, 1, `response ${id} is done once`);
    const first = events.findIndex((e) => e.response?.id === id), last = events.indexOf(done[0]);
    events.forEach((e, i) => {
      if (e.response_id !== id) return;
      assert.ok(i > first, `${e.type} before response.created`);
      assert.ok(i < last || LATER.test(e.type), `${e.type} after response.done`);
    });
    checkIndices(events.filter((e) => e.response_id === id));
  }
}

// Added before done; indices from 0 on, without gaps.
function checkIndices(events) {
  const items = [], parts = new Map(), ended = new Set();

  for (const e of events) {
    const part = `${e.output_index}/${e.content_index}`;
    if (e.type === 'response.output_item.added') {
      assert.equal(e.output_index, items.length, 'output_index is dense');
      items.push(e.item.id);
      parts.set(e.output_index, 0);
    } else if (e.output_index !== undefined) {
      assert.equal(items[e.output_index], e.item_id ?? e.item.id, `${e.type} is of an item that was added`);
      assert.ok(!ended.has(String(e.output_index)), `${e.type} after its item is done`);
    }
    if (e.type === 'response.content_part.added') {
      assert.equal(e.content_index, parts.get(e.output_index), 'content_index is dense');
      parts.set(e.output_index, e.content_index + 1);
    } else if (e.content_index !== undefined) {
      assert.ok(e.content_index < parts.get(e.output_index), `${e.type} before its part is added`);
      assert.ok(!ended.has(part), `${e.type} after its part is done`);
    }
    if (e.type === 'response.content_part.done') ended.add(part);
    if (e.type === 'response.output_item.done') ended.add(String(e.output_index));
  }
  items.forEach((id, i) => assert.ok(ended.has(String(i)), `item ${id} is done`));
}

const STREAMS = [
  [/^response\.(output_)?text\./, 'text'], [/^response\.(output_)?audio_transcript\./, 'transcript'],
  [/^response\.function_call_arguments\./, 'arguments'],
];

// Concatenated deltas are what `done` says.
export function checkDeltas(events) {
  let checked = 0;

  for (const done of events.filter((e) => /\.done$/.test(e.type))) {
    const [pattern, member] = STREAMS.find(([p]) => p.test(done.type)) ?? [];
    if (!pattern) continue;
    const deltas = events.filter((e) => pattern.test(e.type) && e.type.endsWith('.delta') && e.item_id === done.item_id && e.content_index === done.content_index);
    assert.equal(deltas.map((e) => e.delta).join(''), done[member], done.type);
    checked++;
  }
  return checked;
}

// A whole session: every event, and what holds between them.
export function checkStream(d, events) {
  for (const e of events) checkEvent(d, e);
  const ids = events.map((e) => e.event_id);
  assert.equal(new Set(ids).size, ids.length, 'event ids differ');
  checkResponses(events);
  checkDeltas(events);
}

// --- order ----------------------------------------------------------------------------------------

// The types of events, runs of one type once.
export const order = (events) => events.map((e) => e.type).filter((t, i, all) => t !== all[i - 1]);

const TEXT = words(`response.created response.output_item.added conversation.item.added response.content_part.added
  response.output_text.delta response.output_text.done response.content_part.done conversation.item.done response.output_item.done response.done`);
const AUDIO = words(`response.created response.output_item.added conversation.item.added response.content_part.added
  response.output_audio_transcript.delta response.output_audio.delta response.output_audio.done response.output_audio_transcript.done
  response.content_part.done conversation.item.done response.output_item.done response.done`);
const CALL = words(`response.created response.output_item.added conversation.item.added response.function_call_arguments.delta
  response.function_call_arguments.done conversation.item.done response.output_item.done response.done`);
const VOICE = words(`input_audio_buffer.speech_started input_audio_buffer.speech_stopped input_audio_buffer.committed
  conversation.item.added conversation.item.done`);

// In which order a turn's events come, per dialect (transcript and audio deltas interleave; compare their first ones).
export const orders = Object.fromEntries(Object.values(dialects).map((d) => {
  const named = (list) => list.map(d.type).filter(Boolean);
  return [d.name, { text: named(TEXT), audio: named(AUDIO), call: named(CALL), voice: named(VOICE) }];
}));

// Each type at its first occurrence.
export const firsts = (events) => [...new Set(events.map((e) => e.type))];
