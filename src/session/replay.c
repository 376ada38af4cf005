#include "session/replay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "session/replay_inner.h"

static bool is_rate(uint64_t hz)
{
	return hz == 8000 || hz == 16000 || hz == 24000 || hz == 48000;
}

/* --- answers ----------------------------------------------------------------------------- */

/* The next record, which must be the answer that the session asks for now. */
static struct bytes expect(struct player *p, enum rec_kind k)
{
	struct rec_reader look = p->in;
	struct rec rec;

	if (!p->diverged && rec_read(&look, &rec) == REC_OK && rec.kind == k) {
		p->in = look;
		return rec.body;
	}
	p->diverged = true;
	return (struct bytes){ 0 };
}

static uint64_t expect_number(struct player *p, enum rec_kind k)
{
	struct bytes body = expect(p, k);
	uint64_t v;

	return rec_take_number(&body, &v) ? v : 0;
}

static uint64_t now(void *ctx)
{
	return ((struct player *)ctx)->now_us;
}

static uint64_t wall(void *ctx)
{
	return expect_number(ctx, REC_WALL);
}

static void fill(void *ctx, void *to, size_t n)
{
	struct bytes body = expect(ctx, REC_RAND);

	memset(to, 0, n); /* env_id() takes a 0 for 'A': it cannot wait for ever */
	if (body.n == n)
		memcpy(to, body.p, n);
}

static struct played_leg *leg_of(struct leg *l)
{
	return CONTAINER_OF(l, struct played_leg, leg);
}

static void send_event(struct leg *l, struct bytes json)
{
	const struct played_leg *p = leg_of(l);

	if (p->p->to->on_event)
		p->p->to->on_event(p->p->to->ctx, p->index, json);
}

static size_t room(struct leg *l)
{
	return (size_t)expect_number(leg_of(l)->p, REC_ROOM);
}

static int push_audio(struct leg *l, uint64_t tag, const int16_t *pcm, size_t n)
{
	const struct played_leg *p = leg_of(l);

	(void)tag;
	if (expect_number(p->p, REC_PUSH))
		return -ENOBUFS;
	if (p->p->to->on_audio)
		p->p->to->on_audio(p->p->to->ctx, p->index, pcm, n);
	return 0;
}

static uint64_t clear_audio(struct leg *l, uint64_t tag)
{
	(void)tag;
	return expect_number(leg_of(l)->p, REC_CLEAR);
}

static uint64_t played(struct leg *l, uint64_t tag)
{
	(void)tag;
	return expect_number(leg_of(l)->p, REC_PLAYED);
}

static void close_leg(struct leg *l, unsigned code, const char *reason)
{
	(void)l, (void)code, (void)reason;
}

static const struct leg_ops leg_ops = { .name = "replay",
					.send_event = send_event,
					.room = room,
					.push_audio = push_audio,
					.clear_audio = clear_audio,
					.played = played,
					.close = close_leg };

/* --- engines: whether they start is recorded, the work has been done --------------------- */

static int begin(struct stt *e, struct stt_turn **out, const struct stt_params *q,
		 struct loop *loop, const struct stt_sink *sink, void *owner, uint64_t ticket)
{
	struct player *p = (struct player *)(void *)e;
	static const int results[] = { 0, -EAGAIN, -EIO };
	uint64_t how = expect_number(p, REC_START);

	(void)q, (void)loop, (void)owner, (void)ticket;
	p->stt_sink = sink;
	*out = (struct stt_turn *)(void *)e;
	return results[MIN(how, (uint64_t)2)];
}

static void push(struct stt_turn *t, const int16_t *pcm, size_t n)
{
	(void)t, (void)pcm, (void)n;
}

static void leave_turn(struct stt_turn *t)
{
	(void)t;
}

static struct bill bill(struct player *p)
{
	return (struct bill){ cost_read_price(expect(p, REC_BILL), &p->bill) ? &p->bill : NULL, NULL };
}

static struct bill stt_bill(const struct stt_turn *t)
{
	return bill((struct player *)(uintptr_t)t);
}

static struct bill tts_bill(const struct tts_job *j)
{
	return bill((struct player *)(uintptr_t)j);
}

static int start_llm(struct llm *e, struct llm_job **out, const struct llm_request *r,
		     struct loop *loop, const struct llm_sink *sink, void *owner, uint64_t ticket)
{
	struct player *p = (struct player *)(void *)e;

	(void)r, (void)loop, (void)owner, (void)ticket;
	p->llm_sink = sink;
	*out = (struct llm_job *)(void *)e;
	return expect_number(p, REC_START) ? -EIO : 0;
}

static void leave_llm(struct llm_job *j)
{
	(void)j;
}

static int start_tts(struct tts *e, struct tts_job **out, const char *text,
		     const struct tts_params *q, struct loop *loop, const struct tts_sink *sink,
		     void *owner, uint64_t ticket)
{
	struct player *p = (struct player *)(void *)e;

	(void)text, (void)q, (void)loop, (void)owner, (void)ticket;
	p->tts_sink = sink;
	*out = (struct tts_job *)(void *)e;
	return expect_number(p, REC_START) ? -EIO : 0;
}

static void leave_tts(struct tts_job *j)
{
	(void)j;
}

static int start_tool(struct tool *t, struct tool_job **out, const struct tool_request *q,
		      struct loop *loop, const struct tool_sink *sink, void *owner, uint64_t ticket)
{
	struct player *p = ((struct tool_seat *)(void *)t)->p;

	(void)q, (void)loop, (void)owner, (void)ticket;
	p->tool_sink = sink;
	*out = (struct tool_job *)(void *)t;
	return expect_number(p, REC_START) ? -EIO : 0;
}

static void leave_tool(struct tool_job *j)
{
	(void)j;
}

static int open_mcp(struct mcp *m, struct mcp_server **out, const json_t *tool, struct engine_error *e,
		    struct loop *loop, const struct mcp_sink *sink, void *owner, uint64_t ticket)
{
	struct player *p = (struct player *)(void *)m;
	struct bytes why = expect(p, REC_MCP_OPEN);

	(void)tool, (void)loop, (void)owner, (void)ticket;
	p->mcp_sink = sink;
	snprintf(p->why, sizeof(p->why), "%.*s", (int)why.n, why.n ? (const char *)why.p : "");
	*e = (struct engine_error){ "", p->why };
	*out = (struct mcp_server *)(void *)m;
	return *p->why ? -EINVAL : 0;
}

static int call_mcp(struct mcp_server *s, struct tool_job **out, const char *name, const char *arguments,
		    const struct tool_sink *sink, void *owner, uint64_t ticket)
{
	struct player *p = (struct player *)(void *)s;

	(void)name, (void)arguments, (void)owner, (void)ticket;
	p->tool_sink = sink;
	*out = (struct tool_job *)(void *)s;
	return expect_number(p, REC_START) ? -EIO : 0;
}

static void close_mcp(struct mcp_server *s)
{
	(void)s;
}

static const struct mcp_ops mcp_ops = { open_mcp, call_mcp, leave_tool, close_mcp };


/* --- inputs ------------------------------------------------------------------------------ */

static uint64_t expect_start(void *ctx)
{
	return expect_number(ctx, REC_START);
}

/* The numbers in front of an input's octets; false: not that many, or no such leg. */
static bool take_numbers(struct bytes *body, uint64_t *n, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!rec_take_number(body, &n[i]))
			return false;
	return true;
}

static void play_attach(struct player *p, const struct rec *rec)
{
	struct bytes body = rec->body;
	uint64_t n[6];

	if (!take_numbers(&body, n, ARRAY_LEN(n)) || n[0] >= SESSION_LEGS || n[1] > LEG_SIDEBAND ||
	    p->legs[n[0]].leg.ops || !is_rate(n[2] & LEG_AUDIO_PACED ? n[3] : 8000) ||
	    n[5] > VIEW_NONE) {
		p->malformed = true;
		return;
	}
	struct played_leg *l = &p->legs[n[0]];
	l->ops = leg_ops;
	l->ops.caps = (unsigned)n[2];
	l->ops.out_rate_hz = (unsigned)n[3];
	if (!n[4])
		l->ops.room = NULL;
	l->leg = (struct leg){ &l->ops, (enum leg_view)n[5] };
	l->p = p;
	l->index = (unsigned)n[0];
	if (session_attach(p->s, &l->leg, (enum leg_role)n[1], rec->now_us) != 0)
		p->diverged = true;
}

static void play_view(struct player *p, const struct rec *rec)
{
	struct bytes body = rec->body;
	uint64_t n[2];

	if (!take_numbers(&body, n, ARRAY_LEN(n)) || n[0] >= SESSION_LEGS || n[1] > VIEW_NONE ||
	    !p->legs[n[0]].leg.ops)
		p->malformed = true;
	else
		session_set_view(p->s, &p->legs[n[0]].leg, (enum leg_view)n[1], rec->now_us);
}

static void play_audio(struct player *p, const struct rec *rec)
{
	struct bytes body = rec->body;
	uint64_t ts;

	if (!rec_take_number(&body, &ts)) {
		p->malformed = true;
		return;
	}
	AUTO(mem) int16_t *pcm = mem_alloc(body.n + 1);
	if (!pcm)
		return;
	memcpy(pcm, body.p, body.n);
	const struct frame f = { STT_RATE_HZ, ts, body.n / 2, pcm };
	session_on_audio(p->s, &f, rec->now_us);
}

static void play_close(struct player *p, const struct rec *rec)
{
	struct bytes body = rec->body;
	uint64_t code;
	AUTO(mem) char *reason = NULL;

	if (!rec_take_number(&body, &code) || !(reason = replay_take_text(&body, body.n)))
		p->malformed = true;
	else
		session_close(p->s, (unsigned)code, reason, rec->now_us);
}

static void play_playout(struct player *p, const struct rec *rec)
{
	struct bytes body = rec->body;
	uint64_t n[2];

	if (take_numbers(&body, n, 2) && n[1] <= LEG_DRAINED)
		session_on_playout(p->s, n[0], (enum leg_playout)n[1], rec->now_us);
	else
		p->malformed = true;
}

static void play_time(struct player *p, const struct rec *rec)
{
	session_on_time(p->s, rec->now_us);
}

static void detach(struct player *p, struct leg *l, uint64_t now_us)
{
	session_detach(p->s, l, now_us);
	l->ops = NULL;
}

/* Inputs that begin with a leg's number. */
static void play_leg(struct player *p, const struct rec *rec)
{
	struct bytes body = rec->body;
	uint64_t i;

	if (!rec_take_number(&body, &i) || i >= SESSION_LEGS || !p->legs[i].leg.ops) {
		p->malformed = true;
		return;
	}
	struct leg *l = &p->legs[i].leg;
	if (rec->kind == REC_MESSAGE)
		session_on_message(p->s, l, body, rec->now_us);
	else if (rec->kind == REC_BINARY)
		session_on_binary(p->s, l, rec->now_us);
	else if (rec->kind == REC_WRITABLE)
		session_on_writable(p->s, l, rec->now_us);
	else
		detach(p, l, rec->now_us);
}

static void (*const plays[])(struct player *, const struct rec *) = {
	[REC_ATTACH] = play_attach,   [REC_DETACH] = play_leg,   [REC_CLOSE] = play_close,
	[REC_MESSAGE] = play_leg,     [REC_BINARY] = play_leg,   [REC_AUDIO] = play_audio,
	[REC_PLAYOUT] = play_playout, [REC_WRITABLE] = play_leg, [REC_TIME] = play_time,
	[REC_STT] = replay_sink_call,        [REC_LLM] = replay_sink_call,     [REC_TTS] = replay_sink_call,
	[REC_TOOL] = replay_sink_call,       [REC_VIEW] = play_view,  [REC_MCP] = replay_sink_call,
	[REC_REALTIME] = replay_sink_call,
};

/* --- the session ------------------------------------------------------------------------- */

static const struct tool_ops tool_ops = { .start = start_tool, .cancel = leave_tool };

static void set_engines(struct player *p, struct played_engines *to, const json_t *v)
{
	int64_t caps = json_int(v, "stt_caps", -1), rate = json_int(v, "tts_rate_hz", 0);
	const struct price **const prices[] = { &to->e.stt_price, &to->e.llm_price, &to->e.tts_price,
						&to->e.realtime_price };

	to->stt_ops = (struct stt_ops){ .name = "replay",
					.caps = (unsigned)caps,
					.begin = begin,
					.push = push,
					.settle = leave_turn,
					.end = leave_turn,
					.cancel = leave_turn,
					.bill = json_flag(v, "stt_bill", false) ? stt_bill : NULL };
	to->tts_ops = (struct tts_ops){
		.name = "replay", .rate_hz = (unsigned)rate, .start = start_tts, .cancel = leave_tts,
		.bill = json_flag(v, "tts_bill", false) ? tts_bill : NULL
	};
	/* The name: fillers are told by it (filler.c). */
	bool extract = strcmp(json_str(v, "llm_name", ""), "extract") == 0;
	to->llm_ops = (struct llm_ops){ .name = extract ? "extract" : "replay",
					.start = start_llm,
					.cancel = leave_llm,
					.cites = json_flag(v, "cites", false) };
	to->e = (struct engines){
		.stt_ops = caps < 0 ? NULL : &to->stt_ops,
		.stt = (struct stt *)(void *)p,
		.llm_ops = json_flag(v, "llm", false) ? &to->llm_ops : NULL,
		.llm = (struct llm *)(void *)p,
		.tts_ops = is_rate((uint64_t)rate) ? &to->tts_ops : NULL,
		.tts = (struct tts *)(void *)p,
		.mcp_ops = json_flag(v, "mcp", false) ? &mcp_ops : NULL,
		.mcp = (struct mcp *)(void *)p,
		.search_ahead = json_flag(v, "search_ahead", false),
		.search_first = json_flag(v, "search_first", false),
		.realtime_ops = json_flag(v, "realtime", false) ? &replay_realtime_ops : NULL,
		.realtime = (struct realtime *)(void *)&p->realtime,
		.service_turns = json_flag(v, "service_turns", false),
	};
	for (size_t i = 0; i < ARRAY_LEN(prices); i++)
		if (cost_price_read(json_array_get(json_object_get(v, "prices"), i), &to->prices[i]))
			*prices[i] = &to->prices[i];
}

static void set_tools(struct player *p, const json_t *tools)
{
	for (size_t i = 0; i < json_array_size(tools) && i < TOOLS_MAX; i++) {
		const json_t *t = json_array_get(tools, i);

		p->tools[i] = (struct tool_def){
			.name = json_str(t, "name", ""),
			.description = "",
			.parameters = "{}",
			.effect = json_int(t, "effect", 0) ? TOOL_ACTS : TOOL_READS,
			.when = (enum tool_when)MIN((uint64_t)json_int(t, "when", 0), TOOL_SILENT),
			.unasked = json_flag(t, "unasked", false),
			.time_ms = (unsigned)json_int(t, "time_ms", 0),
			.filler = json_str(t, "filler", NULL),
			.ops = &tool_ops,
			.tool = (struct tool *)(void *)&p->tool_seats[i],
		};
		p->tool_seats[i].p = p;
		p->engines.e.tools = p->tools;
		p->engines.e.n_tools = i + 1;
	}
}

/* --- who paid ---------------------------------------------------------------------------- */

static int begin_payer(void *ctx, uint64_t key, struct payer **out)
{
	(void)key;
	*out = ctx;
	return 0;
}

static enum cost_level spend(struct payer *payer, const struct cost *used, struct cost_left *left)
{
	struct player *p = (struct player *)(void *)payer;

	(void)used;
	if (p->over)
		return COST_FULL;
	struct bytes body = expect(p, REC_LEVEL);
	unsigned level = body.n ? body.p[0] : 0;
	body = body.n ? bytes_sub(body, 1, body.n - 1) : body;
	for (size_t i = 0; i < COST_LEFT_NUMBERS; i++)
		if (!rec_take_number(&body, cost_left_number(left, i)))
			*cost_left_number(left, i) = 0;
	return (enum cost_level)MIN(level, (unsigned)N_COST_LEVELS - 1);
}

static const struct engines *engines_of_level(struct payer *payer, enum cost_level l,
					      const char *collection)
{
	struct player *p = (struct player *)(void *)payer;
	char why[160];
	AUTO(json) json_t *v = json_parse(expect(p, REC_ENGINES), why);

	(void)collection;
	if (!json_object_size(v))
		return NULL;
	set_engines(p, &p->of_level[l], v);
	return &p->of_level[l].e;
}

static void end_payer(struct payer *payer)
{
	(void)payer;
}

static const struct payer_ops payer_ops = { begin_payer, spend, engines_of_level, end_payer };

static enum dialect dialect_of(const json_t *v, const char *name)
{
	return (enum dialect)MIN((uint64_t)json_int(v, name, 0), N_DIALECTS - 1);
}

static unsigned rate_of(const json_t *v)
{
	uint64_t hz = (uint64_t)json_int(v, "paced_hz", 0);

	return is_rate(hz) ? (unsigned)hz : 0;
}

static int make_session(struct player *p, const json_t *v)
{
	struct api_error e;

	set_engines(p, &p->engines, v);
	set_tools(p, json_object_get(v, "tools"));
	p->env = (struct env){ p, now, wall, fill };
	p->realtime = (struct replay_realtime){ .answer = expect_start, .ctx = p };
	const struct session_params params = {
		.env = &p->env,
		.engines = &p->engines.e,
		.dialect = dialect_of(v, "dialect"),
		.config_dialect = dialect_of(v, "config_dialect"),
		.enforced = json_flag(v, "enforced", false),
		.paced_hz = rate_of(v),
		.kind = json_int(v, "kind", 0) ? SESSION_TRANSCRIPTION : SESSION_REALTIME,
		.model = json_str(v, "model", NULL),
		.instructions = json_str(v, "instructions", NULL),
		.voice = json_str(v, "voice", NULL),
		.language = json_str(v, "language", NULL),
		.collection = json_str(v, "collection", NULL),
		.groups = json_str(v, "groups", NULL),
		.config = json_object_get(v, "config"),
		.max_us = (uint64_t)json_int(v, "max_us", 0),
		.grace_us = (uint64_t)json_int(v, "grace_us", 0),
		.payers = { json_flag(v, "budgets", false) ? &payer_ops : NULL, p, 0,
			    json_str(v, "currency", NULL) },
	};
	return session_new(&p->s, &params, &e);
}

static enum replay_verdict run(struct player *p)
{
	struct rec rec;
	enum rec_verdict v;

	while (!p->diverged && !p->malformed && (v = rec_read(&p->in, &rec)) != REC_END) {
		if (v == REC_MALFORMED)
			return REPLAY_MALFORMED;
		if ((size_t)rec.kind >= ARRAY_LEN(plays) || !plays[rec.kind])
			return REPLAY_DIVERGED; /* an answer nobody asked for, or a second session
						 */
		p->now_us = rec.now_us;
		plays[rec.kind](p, &rec);
	}
	return p->malformed ? REPLAY_MALFORMED : p->diverged ? REPLAY_DIVERGED : REPLAY_OK;
}

enum replay_verdict replay(struct bytes record, const struct replay_sink *to)
{
	struct player p = { .in = { .rest = record }, .to = to };
	struct rec rec;
	char why[160];

	if (rec_read(&p.in, &rec) != REC_OK || rec.kind != REC_PARAMS)
		return REPLAY_MALFORMED;
	AUTO(json) json_t *v = json_parse(rec.body, why);
	if (!json_is_object(v))
		return REPLAY_MALFORMED;
	p.now_us = rec.now_us;
	int err = make_session(&p, v);
	if (err)
		return err == -ENOMEM ? REPLAY_NO_MEMORY : REPLAY_MALFORMED;
	enum replay_verdict verdict = p.diverged ? REPLAY_DIVERGED : run(&p);
	p.over = true; /* what the end asks was not recorded */
	session_free(p.s);
	return verdict;
}
