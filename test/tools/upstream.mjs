// upstream.mjs - a service that others would pay for, scripted: /chat/completions, /audio/transcriptions, /audio/speech,
// /models and a realtime WebSocket in OpenAI's GA shape. It remembers what it was asked, and fails as it is told.
//
// A fault is taken from `faults[kind]` (chat, transcriptions, speech, realtime), one a request:
//   { status, headers, body }   this answer, whole
//   { never }                   takes the request and says nothing
//   { reset }                   cuts the connection
//   { after: n, then }          n pieces of the right answer, then 'cut', 'hang', or octets to send
// first: ms until each kind answers. For a WebSocket the first three are of the handshake, `after` counts events of an answer.
import { createServer } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { WebSocketServer } from 'ws';
import { sleep } from './server.mjs';
import { atEnd } from './temporary.mjs';

const RATE = 24000;

// A word that a machine can hear without a recogniser: 160 ms of a tone whose pitch is its number, then 80 ms of silence.
const TONE_MS = 160, GAP_MS = 80, pitch = (i) => 400 + 60 * i;
export function tones(numbers, rate = RATE) {
  const one = Math.round((TONE_MS + GAP_MS) * rate / 1000), on = Math.round(TONE_MS * rate / 1000);
  const out = Buffer.alloc(numbers.length * one * 2);
  numbers.forEach((number, k) => {
    for (let i = 0; i < on; i++)
      out.writeInt16LE(Math.round(9000 * Math.sin(2 * Math.PI * pitch(number) * i / rate)), 2 * (k * one + i));
  });
  return out;
}

// The numbers that tones() wrote: by zero crossings of each stretch that is loud.
export function heard(pcm, rate = RATE) {
  const at = (i) => pcm.readInt16LE(2 * i), n = pcm.length >> 1, step = Math.round(rate / 200);
  const numbers = [];
  for (let i = 0; i + step <= n;) {
    let from = i, quiet = 0, end = i;
    for (; i + step <= n && quiet < 4; i += step) {
      let peak = 0;
      for (let k = i; k < i + step; k++) peak = Math.max(peak, Math.abs(at(k)));
      if (peak > 3000) { quiet = 0; end = i + step; } else if (end > from) quiet++; else { from = i + step; end = from; }
    }
    const length = (end - from) / rate * 1000;
    if (length < 40) continue;
    let crossings = 0, first = 0, last = 0;
    for (let k = from, below = false; k < end; k++) { // resamplers ring a little around each tone
      if (at(k) < -1000) below = true;
      else if (below && at(k) > 1000) { first ||= k; last = k; crossings++; below = false; }
    }
    numbers.push(Math.round(((crossings - 1) / ((last - first) / rate) - 400) / 60) || 0);
  }
  return numbers;
}

const sine = (ms, hz = 440) => {
  const b = Buffer.alloc(Math.round(ms * RATE / 1000) * 2);
  for (let i = 0; i < b.length / 2; i++) b.writeInt16LE(Math.round(6000 * Math.sin(2 * Math.PI * hz * i / RATE)), 2 * i);
  return b;
};

export async function upstream({ key = null, tls = null, tokenMs = 1, first = {}, answers = [], transcripts = [], faults = {} } = {}) {
  const s = {
    key, tokenMs, answers, transcripts, requests: [], sockets: new Set(), sessions: [],
    faults: { chat: [], transcriptions: [], speech: [], realtime: [], answer: [], ...faults },
    // The requests of a kind.
    of: (kind) => s.requests.filter((r) => r.kind === kind),
  };
  // What is answered: { text, calls: [{ name, arguments }] }; a function is given the request.
  const next = (request) => {
    const a = s.answers.length > 1 ? s.answers.shift() : s.answers[0] ?? { text: 'I have nothing to say.' };
    return typeof a === 'function' ? a(request) : typeof a === 'string' ? { text: a } : a;
  };
  const words = (pcm) => {
    const t = s.transcripts.length > 1 ? s.transcripts.shift() : s.transcripts[0];
    return typeof t === 'function' ? t(pcm) : t ?? heard(pcm).join(' ');
  };

  const handlers = {
    async chat(req, res, body, fault) {
      const q = JSON.parse(body), a = next(q), id = 'chatcmpl-1', calls = a.calls ?? [];
      const usage = a.usage ?? { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
      if (!q.stream) {
        res.writeHead(200, { 'content-type': 'application/json' });
        return res.end(JSON.stringify({ id, object: 'chat.completion', choices: [{ index: 0, finish_reason: calls.length ? 'tool_calls' : 'stop',
          message: { role: 'assistant', content: a.text ?? null } }], usage }));
      }
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      const chunk = (delta, finish = null, more = {}) => `data: ${JSON.stringify({ id, object: 'chat.completion.chunk', model: q.model,
        choices: [{ index: 0, delta, finish_reason: finish }], ...more })}\n\n`;
      const pieces = [chunk({ role: 'assistant', content: '' })];
      for (const t of (a.text ?? '').match(/\s*\S+/g) ?? []) pieces.push(chunk({ content: t }));
      calls.forEach((c, index) => {
        pieces.push(chunk({ tool_calls: [{ index, id: `call_${index}${Date.now()}`, type: 'function', function: { name: c.name, arguments: '' } }] }));
        for (const part of (c.arguments ?? '{}').match(/[^]{1,7}/g)) pieces.push(chunk({ tool_calls: [{ index, function: { arguments: part } }] }));
      });
      pieces.push(chunk({}, a.finish ?? (calls.length ? 'tool_calls' : 'stop')));
      if (q.stream_options?.include_usage) pieces.push(`data: ${JSON.stringify({ id, object: 'chat.completion.chunk', choices: [], usage })}\n\n`);
      pieces.push('data: [DONE]\n\n');
      return stream(res, pieces, fault, a.tokenMs ?? s.tokenMs);
    },
    async transcriptions(req, res, body) {
      const at = body.indexOf('data', body.indexOf('RIFF')), end = body.lastIndexOf('\r\n--');
      const rate = body.readUInt32LE(body.indexOf('fmt ') + 12), pcm = body.subarray(at + 8, end);
      const text = words(pcm, rate);
      if (/name="stream"\r\n\r\ntrue/.test(body.toString('latin1'))) {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        const pieces = text.match(/\s*\S+/g)?.map((delta) => `data: ${JSON.stringify({ type: 'transcript.text.delta', delta })}\n\n`) ?? [];
        return stream(res, [...pieces, `data: ${JSON.stringify({ type: 'transcript.text.done', text })}\n\n`], null, s.tokenMs);
      }
      res.writeHead(200, { 'content-type': 'application/json' });
      return res.end(JSON.stringify({ text, usage: { type: 'duration', seconds: Math.ceil(pcm.length / 32000) } }));
    },
    async speech(req, res, body, fault) {
      const q = JSON.parse(body), pcm = sine(q.input.length * 60);
      res.writeHead(200, { 'content-type': 'audio/pcm' });
      const pieces = [];
      for (let i = 0; i < pcm.length; i += 4800) pieces.push(pcm.subarray(i, i + 4800));
      return stream(res, pieces, fault, 0);
    },
    async models(req, res) {
      res.writeHead(200, { 'content-type': 'application/json' }).end('{"object":"list","data":[{"id":"scripted","object":"model"}]}');
    },
  };

  async function stream(res, pieces, fault, everyMs) {
    for (const [i, p] of pieces.entries()) {
      if (fault && i === fault.after) {
        if (fault.then === 'cut') return res.destroy();
        if (fault.then === 'hang') return undefined;
        return res.end(fault.then);
      }
      if (res.destroyed) return undefined;
      s.wrote?.push({ at: performance.now(), piece: p }); // for who measures
      res.write(p);
      if (everyMs) await sleep(everyMs);
    }
    return res.end();
  }

  const allowed = (req) => !s.key || [req.headers['api-key'], req.headers.authorization?.replace(/^Bearer /, '')].includes(s.key);
  const http = (tls ? createSecure : createServer)(tls ?? {}, (req, res) => {
    const parts = [];
    req.on('data', (d) => parts.push(d));
    req.on('end', async () => {
      const body = Buffer.concat(parts), kind = req.url.match(/(chat|transcriptions|speech|models)[^/]*(\/completions)?(\?|$)/)?.[1] ?? 'other';
      s.requests.push({ kind, url: req.url, headers: req.headers, body, at: performance.now() });
      const fault = s.faults[kind]?.shift();
      if (fault?.never) return;
      if (fault?.reset) { req.socket.destroy(); return; }
      if (fault?.status) { res.writeHead(fault.status, fault.headers).end(fault.body ?? ''); return; }
      if (!allowed(req)) { res.writeHead(401, { 'content-type': 'application/json' }).end('{"error":{"message":"Incorrect API key provided"}}'); return; }
      if (first[kind]) await sleep(first[kind]);
      if (!handlers[kind]) { res.writeHead(404).end(); return; }
      await handlers[kind](req, res, body, fault).catch(() => res.destroy());
    });
  });

  const raw = new Set(); // sockets that were to become WebSockets: the HTTP server knows them no more
  const wss = new WebSocketServer({ noServer: true, maxPayload: 32 << 20 });
  http.on('upgrade', (req, socket, head) => {
    const fault = s.faults.realtime.shift();
    s.requests.push({ kind: 'realtime', url: req.url, headers: req.headers, at: performance.now() });
    socket.on('error', () => {});
    raw.add(socket);
    socket.on('close', () => raw.delete(socket));
    if (fault?.never) return undefined;
    if (fault?.reset) return socket.destroy();
    const status = fault?.status ?? (allowed(req) ? 0 : 401);
    if (status)
      return socket.end(`HTTP/1.1 ${status} No\r\n${Object.entries(fault?.headers ?? {}).map(([k, v]) => `${k}: ${v}\r\n`).join('')}` +
        `content-length: ${(fault?.body ?? '').length}\r\nconnection: close\r\n\r\n${fault?.body ?? ''}`);
    return wss.handleUpgrade(req, socket, head, (ws) => converse(ws));
  });

  // One realtime session: GA events, turns only where they are asked for.
  function converse(ws) {
    const c = { ws, events: [], items: [], audio: Buffer.alloc(0), commits: [], n: 0, session: { type: 'realtime', id: `sess_up${s.sessions.length}`, object: 'realtime.session' } };
    s.sessions.push(c);
    s.sockets.add(ws);
    ws.on('close', () => s.sockets.delete(ws));
    ws.on('error', () => {});
    const send = (type, v = {}) => { if (ws.readyState === 1) ws.send(JSON.stringify({ type, event_id: `event_${++c.n}`, ...v })); };
    c.send = send;
    const added = (item) => { c.items.push(item); send('conversation.item.added', { previous_item_id: c.items.at(-2)?.id ?? null, item }); send('conversation.item.done', { item }); };
    const act = {
      'session.update': (e) => { Object.assign(c.session, e.session); send('session.updated', { session: c.session }); },
      'input_audio_buffer.append': (e) => { c.audio = Buffer.concat([c.audio, Buffer.from(e.audio, 'base64')]); },
      'input_audio_buffer.clear': () => { c.audio = Buffer.alloc(0); send('input_audio_buffer.cleared'); },
      'input_audio_buffer.commit': () => {
        const item = { id: `item_u${++c.n}`, object: 'realtime.item', type: 'message', status: 'completed', role: 'user', content: [{ type: 'input_audio', transcript: null }] };
        const pcm = c.audio;
        c.audio = Buffer.alloc(0);
        c.commits.push(pcm);
        send('input_audio_buffer.committed', { item_id: item.id, previous_item_id: c.items.at(-1)?.id ?? null });
        added(item);
        send('conversation.item.input_audio_transcription.completed', { item_id: item.id, content_index: 0, transcript: words(pcm), usage: { type: 'duration', seconds: 1 } });
      },
      'conversation.item.create': (e) => added({ id: `item_c${++c.n}`, object: 'realtime.item', status: 'completed', ...e.item }),
      'conversation.item.delete': (e) => { c.items = c.items.filter((i) => i.id !== e.item_id); send('conversation.item.deleted', { item_id: e.item_id }); },
      'conversation.item.truncate': (e) => send('conversation.item.truncated', e),
      'response.create': (e) => answer(e.response ?? {}),
      'response.cancel': () => { c.cancelled = true; },
    };
    async function answer(q) {
      const fault = s.faults.answer.shift(), a = next({ ...q, items: c.items, session: c.session }), id = `resp_${++c.n}`, out = [];
      const response = (status, more = {}) => ({ object: 'realtime.response', id, status, status_details: null, output: out, metadata: q.metadata ?? null,
        output_modalities: ['audio'], usage: null, ...more });
      c.cancelled = false;
      const events = [['response.created', { response: response('in_progress') }]];
      if (a.text) {
        const item = { id: `item_a${++c.n}`, object: 'realtime.item', type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_audio', transcript: a.text }] };
        const at = { response_id: id, item_id: item.id, output_index: 0, content_index: 0 }, text = (q.output_modalities ?? c.session.output_modalities)?.[0] === 'text';
        events.push(['response.output_item.added', { response_id: id, output_index: 0, item: { ...item, status: 'in_progress', content: [] } }],
          ['response.content_part.added', { ...at, part: text ? { type: 'text', text: '' } : { type: 'audio', transcript: '' } }]);
        for (const t of a.text.match(/\s*\S+/g)) {
          events.push([text ? 'response.output_text.delta' : 'response.output_audio_transcript.delta', { ...at, delta: t }]);
          if (!text) events.push(['response.output_audio.delta', { ...at, delta: sine(120 + 40 * t.length).toString('base64') }]);
        }
        events.push([text ? 'response.output_text.done' : 'response.output_audio_transcript.done', { ...at, text: a.text, transcript: a.text }],
          ['response.output_audio.done', at], ['response.output_item.done', { response_id: id, output_index: 0, item }]);
        out.push(item);
        c.items.push(item);
      }
      for (const call of a.calls ?? []) {
        const item = { id: `item_f${++c.n}`, object: 'realtime.item', type: 'function_call', status: 'completed', call_id: `call_${c.n}`, name: call.name, arguments: call.arguments ?? '{}' };
        const at = { response_id: id, item_id: item.id, output_index: out.length, call_id: item.call_id };
        events.push(['response.output_item.added', { response_id: id, output_index: out.length, item: { ...item, status: 'in_progress', arguments: '' } }],
          ['response.function_call_arguments.delta', { ...at, delta: item.arguments }],
          ['response.function_call_arguments.done', { ...at, name: item.name, arguments: item.arguments }],
          ['response.output_item.done', { response_id: id, output_index: out.length, item }]);
        out.push(item);
        c.items.push(item);
      }
      for (const [i, [type, v]] of events.entries()) {
        if (fault && i === fault.after) {
          if (fault.then === 'cut') { ws.terminate(); return; }
          if (fault.then === 'hang') return;
          ws._socket.write(fault.then);
          return;
        }
        if (c.cancelled) { send('response.done', { response: response('cancelled', { status_details: { type: 'cancelled', reason: 'client_cancelled' } }) }); return; }
        send(type, v);
        if (s.tokenMs) await sleep(s.tokenMs);
      }
      send('response.done', { response: response(a.status ?? 'completed', { status_details: a.details ?? null, usage: a.usage ?? { total_tokens: 150, input_tokens: 100, output_tokens: 50,
        input_token_details: { text_tokens: 40, audio_tokens: 60, cached_tokens: 0 }, output_token_details: { text_tokens: 10, audio_tokens: 40 } } }) });
    }
    ws.on('message', (data) => {
      const e = JSON.parse(data);
      c.events.push(e);
      if (act[e.type]) act[e.type](e);
      else send('error', { error: { type: 'invalid_request_error', code: 'unknown_event', message: `no ${e.type} here`, event_id: e.event_id } });
    });
    send('session.created', { session: c.session });
  }

  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address();
  s.port = port;
  s.url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}/v1`;
  s.ws = `${tls ? 'wss' : 'ws'}://127.0.0.1:${port}/v1/realtime`;
  s.kill = () => { for (const ws of s.sockets) ws.terminate(); };
  s.stop = () => new Promise((resolve) => {
    forget();
    s.kill();
    http.closeAllConnections();
    for (const socket of raw) socket.destroy();
    http.close(resolve);
  });
  const forget = atEnd(() => {});
  return s;
}
