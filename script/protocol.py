#!/usr/bin/env python3
"""docs/protocol.md, from the tables that the server itself goes by:   script/protocol.py [--check]
   (nothing)  write it
   --check    fail where it is not what would be written"""
import pathlib, re, sys
if sys.argv[1:] not in ([], ['--check']): sys.exit(print(__doc__))
ROOT = pathlib.Path(__file__).resolve().parent.parent
SESSION, API, DOC = ROOT / 'src/session', ROOT / 'src/api', ROOT / 'docs/protocol.md'

def code(*path):
    text = ROOT.joinpath('src', *path).read_text()
    return re.sub(r'/\*.*?\*/', '', text, flags=re.S)

def fail(why): sys.exit(f'protocol: {why}')

# --- src/api: endpoints ---------------------------------------------------------------------------

DOES = {
    'get_realtime': 'WebSocket: a session; with `call_id`, a sideband of a call',
    'get_voice_live_call': 'WebSocket: the control socket of a call',
    'post_client_secrets': 'mints a client secret (`ek_…`) with a session bound to it',
    'post_sessions': 'the same in the flat shape: `client_secret` in a session',
    'post_transcription_sessions': 'the same for transcription',
    'post_session_begin': 'for pages whose own server mints for them: `{session, webRTCUri, modelDeploymentName}`',
    'post_call': 'an SDP offer (raw, or `multipart/form-data` with `session`): the answer, with `Location`',
    'get_call': 'what goes on inside a call', 'post_call_offer': 'a further offer of the same call',
    'post_call_hangup': 'ends the call', 'post_call_accept': 'SIP only: says so',
    'post_call_reject': 'SIP only: says so', 'post_call_refer': 'SIP only: says so',
    'get_health': 'ready or not', 'get_metrics': 'counters, Prometheus text', 'get_status': 'what the page needs to know',
    'post_login': 'a one-time code for a cookie', 'post_search': 'passages, best first',
    'get_documents': 'all documents of a collection', 'get_document': 'one document',
    'get_document_text': 'a piece of its text', 'post_documents': 'documents, to be found when it answers',
    'delete_document': 'removes it', 'get_ingest': 'what is being read', 'get_ingest_job': 'what became of an upload',
    'post_embeddings': 'texts as vectors, as OpenAI answers',
    'post_transcriptions': 'an audio file: its words', 'post_speech': 'a text aloud', 'post_chat_completions': 'an answer, from the documents',
    'get_models': 'names that mean something here', 'get_model': 'one of them',
}
AUTH = {'OPEN': 'nobody is asked', 'KEYED': 'key or client secret', 'KEY_ALONE': 'key'}
DIALECTS = {'DIALECT_GA': 'GA', 'DIALECT_BETA': 'beta', 'DIALECT_VOICE_LIVE': 'Voice Live'}

def entries():
    found = {}
    for name, body in re.findall(r'const struct entry (entry_\w+) = \{(.*?)\};', code('api', 'entry.c'), re.S):
        dialect = DIALECTS[re.search(r'DIALECT_\w+', body).group()]
        found[name] = {'dialect': dialect, 'fixed': '.fixed = true' in body, 'in_band': 'IN_BAND' in body,
                       'one': '.names_one = true' in body}
    return found

def routes():
    text = code('api', 'api.c')
    table = text[text.index('} routes[] = {'):]
    macro = text[text.index('#define CALLS'):text.index('static const struct route')]
    macro = macro.split('\n', 1)[1].replace('\\', '')
    def expand(m): return macro.replace('path, ', f'"{m[1]}", ').replace('path "', f'"{m[1]}" "').replace('entry }', f'{m[2]} }}')
    table = re.sub(r'CALLS\("([^"]+)",\s*(&\w+)\)', expand, table[:table.index('\n};')])
    rows = re.findall(r'\{ VERB_(\w+),\s*((?:"[^"]*"\s*)+),\s*(\w+),\s*[^,]+,\s*(\w+),\s*&?(\w+) \}', table)
    return [(verb, ''.join(re.findall(r'"([^"]*)"', path)), access, do, entry) for verb, path, access, do, entry in rows]

def endpoints():
    known, out = entries(), ['| | path | what | who | dialect | refusal |', '|---|---|---|---|---|---|']
    for verb, path, access, do, entry in routes():
        if do not in DOES: fail(f'DOES has no words for {do}')
        e, dialect, refusal = known.get(entry), '', 'status'
        if e:
            dialect = e['dialect'] + ('' if e['fixed'] else ' ¹')
            if e['in_band'] and verb == 'GET' and 'realtime' in do: refusal = 'in band'
        out.append(f'| {verb} | `{path}` | {DOES[do]} | {AUTH[access]} | {dialect} | {refusal} |')
    return '\n'.join(out)

# --- src/session: events --------------------------------------------------------------------------

def client_rows():
    text = code('session', 'route.c')
    table = text[text.index('} routes[] = {'):]
    table = table[:table.index('\n};')]
    rows = re.findall(r'\{ (EVERYWHERE|BETA_ONLY|LIVE_ONLY)\("([^"]+)"\),\s*(\w+),\s*(\{.*?\}), (on_\w+) \}', table, re.S)
    return [(where, name, kind, re.findall(r'"(\w+)", JSON_(\w+), (MUST|MAY)', fields), on) for where, name, kind, fields, on in rows]

def functions():
    found = {}
    for f in sorted(SESSION.glob('client_*.c')):
        for name, body in re.findall(r'^(?:static )?[a-z][\w *]*?(\w+)\([^;{]*\)\n\{\n(.*?)^\}', code('session', f.name), re.S | re.M):
            found[name] = body
    return found

def errors_of(on, bodies, names):
    seen, todo, found = set(), [on], set()
    while todo:
        f = todo.pop()
        if f in seen or f not in bodies: continue
        seen.add(f)
        found |= {names[e] for e in re.findall(r'\bERR_\w+', bodies[f]) if e in names}
        todo += re.findall(r'\b(\w+)\(', bodies[f])
    return sorted(found - {'invalid_value', 'missing_required_parameter'})

def client_events():
    names = dict(re.findall(r'\[(ERR_\w+)\] = \{ "(\w+)"', code('session', 'errors.c')))
    where = {'EVERYWHERE': 'all', 'BETA_ONLY': 'beta', 'LIVE_ONLY': 'Voice Live'}
    kinds = {'EITHER': 'any', 'REALTIME': 'realtime', 'TRANSCRIPTION': 'transcription'}
    bodies, out = functions(), ['| type | dialect | session | members | errors of its own |', '|---|---|---|---|---|']
    for w, name, kind, fields, on in client_rows():
        members = ', '.join(f'`{n}{"" if need == "MUST" else "?"}` {t.lower()}' for n, t, need in fields)
        errors = ', '.join(f'`{e}`' for e in errors_of(on, bodies, names))
        out.append(f'| `{name}` | {where[w]} | {kinds[kind]} | {members} | {errors} |')
    return '\n'.join(out)

def server_rows():
    text = re.sub(r'^#.*$', '', code('session', 'event.def'), flags=re.M)
    rows = []
    for macro, body in re.findall(r'\b(EVENT|SAME|RENAMED)\(([^()]*)\)', text):
        word, flags, channel, *names = [p.strip() for p in body.split(',')]
        names = [None if n == 'NULL' else n.strip('"') for n in names]
        if macro == 'SAME': names *= 3
        if macro == 'RENAMED': names = [names[0], names[1], names[1]]
        rows.append((word, set(flags.split(' | ')), channel, names))
    return rows

FLAGS = {'ORIGIN': 'to who asked', 'NO_PACED': 'not where audio is RTP', 'ENFORCED': 'middle tier',
         'PARTIALS': 'include `voiced.partials`', 'SOURCES': 'include `voiced.sources`', 'LATENCY': 'include `voiced.latency`'}
CHANNELS = {'CONTROL': 'control', 'DATA': 'data', 'BY_ITEM': 'by item', 'TO_ASKER': 'control, or who asked', 'LIFECYCLE': 'data ²'}

def server_events():
    out = ['| GA | beta | Voice Live | only | Voice Live call | `webrtcfilter` |', '|---|---|---|---|---|---|']
    for word, flags, channel, names in server_rows():
        cell, last = [], None
        for n in names:
            cell.append('–' if not n else '=' if n == last else f'`{n}`')
            last = n or last
        only = ', '.join(FLAGS[f] for f in sorted(flags) if f in FLAGS)
        out.append(f'| {cell[0]} | {cell[1]} | {cell[2]} | {only} | {CHANNELS[channel]} | {"yes" if "FILTERED" in flags else ""} |')
    return '\n'.join(out)

# --- src/session: states ----------------------------------------------------------------------------

LETTERS = {'y': '✓', 'e': '✗', 'd': '○', '.': ' '}

def states():
    cells = re.findall(r'CELL\((\w+),\s*"([^"]+)",\s*"([yed.]{5})", "([yed.]{5})", "([yed.]{5})"\)', code('session', 'cells.def'))
    client = cells[:[c[0] for c in cells].index('UNKNOWN')]
    if [c[1] for c in client] != [r[1] for r in client_rows()]: fail('cells.def and route.c name different events')
    def marks(c): return '`' + ''.join(LETTERS[x] for x in c) + '`'
    out = ['| type | quiet | speech | pause |', '|---|---|---|---|']
    out += [f'| `{name}` | {marks(q)} | {marks(s)} | {marks(p)} |' for _, name, q, s, p in client]
    return '\n'.join(out)

TEXT = '''# The protocol

Made by `script/protocol.py` from the tables that the server goes by (`src/api/api.c`, `src/api/entry.c`, `src/session/route.c`,
`src/session/event.def`, `src/session/cells.def`): change those, or the words in the script, and run it; `script/check`
fails where this file is stale.

The server speaks the Realtime API in three dialects: **GA** (OpenAI and Azure today), **beta** (before GA: flat session,
`response.text.*`, `conversation.item.created`) and **Voice Live** (beta's names with additions). Inside there is one: events,
sessions, responses and items are translated at the edge.

## Endpoints

@ENDPOINTS@

¹ `OpenAI-Beta: realtime=v1`, or the subprotocol `openai-beta.realtime-v1`, makes it beta; so does a client secret that was minted
in the flat shape.

Each path is served with and without a slash at its end. A key is looked for in `Authorization: Bearer`, `api-key`, the subprotocol
`openai-insecure-api-key.KEY`, the query's `api-key` and `Authorization`, in this order, then in the page's cookie. Of subprotocols only
`realtime` is ever echoed, if it was offered. Unknown models, voices, api-versions and query members are accepted, unless the
operator lists the models (`--model`).

*Refusal* is about WebSockets: **in band** the handshake is accepted, an `error` says why, and the socket closes with 3000 (who you
are) or 4000 (what you ask); **status** answers the handshake with an HTTP error. What may pass (too many sessions, no memory) is
always a status. HTTP errors are `{"error": {"message", "type", "code", "param"}}`.

`/v1/realtime` and `/realtime` want `model`, `call_id` or `intent=transcription`; else `missing_model`.

## What clients send

@CLIENT@

Any of them may carry `event_id`, which comes back in the `error` it causes. All of them can be answered by `invalid_value` and
`missing_required_parameter` (of a member, named in `param`). An unknown type is `invalid_value` with `param: "type"`; what is not
a JSON object, `invalid_json`; a binary message, `invalid_event`. None of this closes the socket.

*Unknown members* are ignored everywhere, in events, sessions, responses and items: clients are newer than servers.

### In which states

`✓` served, `✗` answered by an error, `○` depends on what the event names, on settings or on the transport, blank: cannot be. Five marks for what
the responses do: none is at work, only out-of-band ones, one is held (prepared and unseen), active, draining (done, a call still
plays it). Columns are the turn: nobody speaks, the user speaks, the user pauses.

@STATES@

## What the server sends

`=` is the name to the left, `–` never.

@SERVER@

² and to the control socket where `session.include` names `voiced.lifecycle`.

*Voice Live call*: where a control socket and a data channel share a call; *by item*: a message's to the data channel, a function call's to the
control socket. Without a data channel everything goes to the control socket. *`webrtcfilter`*: with `?webrtcfilter=on` a data channel has these
only; sidebands have all.

What is added, done and created carries no audio; `conversation.item.retrieved` does. GA items have no `object`, flat ones
`realtime.item`. `usage` is null or complete. `previous_item_id` is there, null for the first.

## Sessions

A `session.update` is merged **by what is there**: a member that is not named stays; `null` takes away what can be absent, and empties `instructions`
and `tools`. `turn_detection`, `format`, `transcription`, `noise_reduction`, `tracing` and `truncation` have variants and are replaced
whole, then filled up with the defaults of the variant. One wrong member refuses the whole update. `session.updated` carries
the whole session. `model` is ignored; the voice cannot change once audio was sent (`cannot_update_voice`), nor tracing once it is on.

**From beta to GA.** GA's `session.update` names `session.type`, which is how it differs. A client on a beta path whose *first*
`session.update` has it (the Azure helpers of some SDKs) is spoken to in GA from there on: the answer is the first event in GA's shape.
Later it is an unknown member like any other.

## Calls

The main leg carries the audio; three sidebands may join by `?call_id=`. Each begins with `session.created`. Errors and answers to
`conversation.item.retrieve` go to who asked. When the main leg goes, the session ends and the sidebands are closed with 1000.

### Voice Live over WebRTC

The client opens `/voice-live/realtime/calls` and sends `rtc.call.sdp.create` with `sdp_offer` (and `session`); nothing is sent before,
and the next message is `rtc.call.sdp.created` (`rtc_call_id`, `sdp_answer`) or `rtc.call.error`. Then `session.created`. Client events are
taken from both channels. When the control socket closes, the call lives on for a grace of 30 s (`--control-grace`); who joins as control
in that time keeps it.

### The middle tier

With `--middle-tier`, `/realtime` without `model`, `call_id` or `intent` is what an application's own server in front of the API used to be. The
dialect is beta. Instructions, tools, voice, temperature and limits are the server's: what `session.update` and `response.create` say of them has
no effect, and `session.created` and `.updated` show `instructions: ""`, `tools: []`, `tool_choice: "none"`. What the server's search found comes as
`extension.middle_tier_tool_response` (`tool_name: "report_grounding"`, `tool_result`: JSON text, `{"sources": [{"chunk_id", "title", "chunk"}]}`).

## Beyond the services

Off unless `session.include` names it.

| `include` | what it does |
|---|---|
| `voiced.partials` | `voiced.input_transcript.partial` {`item_id`, `text`}: the words so far, which may be revised |
| `voiced.sources` | `voiced.response.sources` {`response_id`, `item_id`, `sources`}: each with document, page, quote, and `transcript_start`, `transcript_end` in UTF-16 units |
| `voiced.latency` | `voiced.turn.latency`: milliseconds from the end of speech to each stage of its answer |
| `voiced.lifecycle` | `response.created` and `response.done` on the control socket of a Voice Live call, too |
| `voiced.queue` | a `response.create` that meets an active response waits until it is done (four at most) instead of failing; out-of-band ones never wait |
'''

def made():
    text = TEXT
    for mark, make in (('@ENDPOINTS@', endpoints), ('@CLIENT@', client_events), ('@STATES@', states), ('@SERVER@', server_events)):
        table = make()
        if table.count('\n') < 10: fail(f'{mark} is nearly empty: the sources are written otherwise than this script reads them')
        text = text.replace(mark, table)
    return text

text = made()
if sys.argv[1:]:
    if not DOC.exists() or DOC.read_text() != text: fail('docs/protocol.md is stale: run script/protocol.py')
    print('protocol: docs/protocol.md is as the tables say')
else:
    DOC.write_text(text)
