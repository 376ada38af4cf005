/* rig.h - for tests: a session with scripted engines and two kinds of leg, in virtual time.
 *
 * Also stands in for media/vad (unless RIG_REAL_VAD is defined): speech is what is loud. Include it in one file of a test
 * program only. */
#pragma once

#include <errno.h>

#include "base/b64.h"
#include "base/test.h"
#include "engine/fake.h"
#include "media/vad.h"
#include "session/session.h"

enum { RIG_LEGS = 2, RIG_LOUD = 6000 };

#ifndef RIG_REAL_VAD
struct vad {
	int unused;
};

struct vad *vad_new(void)
{
	return mem_zalloc(sizeof(struct vad));
}

void vad_free(struct vad *v)
{
	mem_free(v);
}

float vad_push(struct vad *v, const int16_t pcm[VAD_N])
{
	long sum = 0;

	(void)v;
	for (size_t i = 0; i < VAD_N; i++)
		sum += abs(pcm[i]);
	return sum / VAD_N > 1000 ? 0.95f : 0.02f;
}
#endif

/* A leg that remembers events as JSON, and plays what it is given if it is paced. */
struct rig_leg {
	struct leg leg;
	struct leg_ops ops;
	struct rig *rig;
	bool attached;
	unsigned closed; /* code */
	size_t room;
	uint64_t tag, pushed, played; /* paced: of the stretch that plays */
	bool started, drained;
	uint64_t audio_total;
};

struct rig {
	struct env_fake env;
	struct fake *fake;
	struct engines engines;
	struct stt_ops stt_ops; /* a copy, so that its caps can be set */
	struct session *s;
	struct rig_leg legs[RIG_LEGS];
	json_t *events;        /* array, from leg 0, oldest first */
	size_t taken;          /* of them */
	struct buf transcript; /* every event of leg 0 as it was sent, with a newline */
	bool keep_transcript;
	struct rig_tool {
		const struct tool_sink *sink; /* NULL: free */
		void *owner;
		uint64_t ticket, due_us;
		const char *output; /* NULL: found below */
	} tools[16];
	struct rig_server { /* an MCP server */
		struct rig *r;
		const struct mcp_sink *sink; /* until it has answered */
		void *owner;
		uint64_t ticket, due_us;
		bool open, fails;
	} servers[4];
	char mcp_called[80]; /* the tool's name and arguments */
	char mcp_key[80];    /* the last server's authorization */
	struct tool_def defs[4];
	size_t n_searches, n_acts; /* how often a tool other than `search` was started */
	uint64_t tool_us;  /* how long search takes */
	const char *found; /* what it finds         */
	uint64_t odd;      /* for audio */
};

static inline void rig_auto_(struct rig *r)
{
	session_free(r->s);
	fake_free(r->fake);
	json_decref(r->events);
	buf_done(&r->transcript);
}

/* --- legs -------------------------------------------------------------------------------- */

static struct rig_leg *rig_leg(struct leg *l)
{
	return CONTAINER_OF(l, struct rig_leg, leg);
}

static void rig_send(struct leg *l, struct bytes json)
{
	struct rig_leg *leg = rig_leg(l);
	struct rig *r = leg->rig;
	char why[160];

	if (l != &r->legs[0].leg)
		return;
	unsigned long held = mem_fail_hold(); /* what the rig keeps cannot run out */
	if (r->keep_transcript) {
		buf_put(&r->transcript, json.p, json.n);
		buf_putc(&r->transcript, '\n');
	}
	json_t *v = json_parse(json, why);
	if (v)
		(void)!json_array_append_new(r->events, v);
	mem_fail_resume(held);
}

static size_t rig_room(struct leg *l)
{
	return rig_leg(l)->room;
}

static int rig_push(struct leg *l, uint64_t tag, const int16_t *pcm, size_t n)
{
	struct rig_leg *leg = rig_leg(l);

	(void)pcm;
	if (leg->tag != tag) {
		leg->tag = tag;
		leg->pushed = leg->played = 0;
		leg->started = false;
	}
	leg->pushed += n;
	leg->audio_total += n;
	leg->drained = false;
	return 0;
}

static uint64_t rig_clear(struct leg *l, uint64_t tag)
{
	struct rig_leg *leg = rig_leg(l);

	if (leg->tag != tag)
		return 0;
	leg->pushed = leg->played;
	leg->drained = leg->started = true;
	return leg->played;
}

static uint64_t rig_played(struct leg *l, uint64_t tag)
{
	struct rig_leg *leg = rig_leg(l);
	return leg->tag == tag ? leg->played : 0;
}

static void rig_close(struct leg *l, unsigned code, const char *reason)
{
	(void)reason;
	rig_leg(l)->closed = code;
}

static void rig_leg_init(struct rig *r, size_t i, unsigned paced_hz)
{
	struct rig_leg *l = &r->legs[i];

	l->rig = r;
	l->room = 1 << 20;
	l->ops = (struct leg_ops){ .name = paced_hz ? "paced" : "events",
				   .caps = paced_hz ? LEG_AUDIO_PACED : 0,
				   .out_rate_hz = paced_hz,
				   .send_event = rig_send,
				   .room = paced_hz ? NULL : rig_room,
				   .push_audio = paced_hz ? rig_push : NULL,
				   .clear_audio = paced_hz ? rig_clear : NULL,
				   .played = paced_hz ? rig_played : NULL,
				   .close = rig_close };
	l->leg.ops = &l->ops;
}

/* What a paced leg plays in this time, and what it tells. */
static void rig_play(struct rig *r, uint64_t us)
{
	struct rig_leg *l = &r->legs[0];

	if (!l->attached || !l->ops.push_audio || l->pushed == l->played)
		return;
	if (!l->started) {
		l->started = true;
		session_on_playout(r->s, l->tag, LEG_STARTED, r->env.now_us);
	}
	l->played = MIN(l->pushed, l->played + us * l->ops.out_rate_hz / US_PER_S);
	if (l->played == l->pushed && !l->drained) {
		l->drained = true;
		session_on_playout(r->s, l->tag, LEG_DRAINED, r->env.now_us);
	}
}

/* --- a server tool ----------------------------------------------------------------------- */

static int rig_search(struct tool *t, struct tool_job **out, const struct tool_request *q,
		      struct loop *loop, const struct tool_sink *sink, void *owner, uint64_t ticket)
{
	struct rig *r = (struct rig *)(void *)t;

	(void)q, (void)loop;
	r->n_searches++;
	for (size_t i = 0; i < ARRAY_LEN(r->tools); i++) {
		if (r->tools[i].sink)
			continue;
		r->tools[i] = (struct rig_tool){ sink, owner, ticket, r->env.now_us + r->tool_us, NULL };
		*out = (struct tool_job *)(void *)&r->tools[i];
		return 0;
	}
	return -EAGAIN;
}

static void rig_search_cancel(struct tool_job *j)
{
	((struct rig_tool *)(void *)j)->sink = NULL;
}

static int rig_act(struct tool *t, struct tool_job **out, const struct tool_request *q,
		   struct loop *loop, const struct tool_sink *sink, void *owner, uint64_t ticket)
{
	((struct rig *)(void *)t)->n_acts++;
	return rig_search(t, out, q, loop, sink, owner, ticket);
}

static const struct tool_ops rig_tool_ops = { .start = rig_search, .cancel = rig_search_cancel };
/* For tools that act: counts. */
static const struct tool_ops rig_act_ops = { .start = rig_act, .cancel = rig_search_cancel };
static const struct tool_def rig_tool = { .name = "search",
					  .description = "Search the documents.",
					  .parameters = "{\"type\":\"object\"}",
					  .ops = &rig_tool_ops };

static void rig_tool_run(struct rig *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->tools); i++) {
		const struct rig_tool t = r->tools[i];

		if (!t.sink || t.due_us > r->env.now_us)
			continue;
		r->tools[i].sink = NULL;
		t.sink->on_output(t.owner, t.ticket, t.output ? t.output : r->found);
	}
}

/* --- MCP servers: one at tools.example, none at down.example, all others are refused --------- */

static int rig_mcp_open(struct mcp *m, struct mcp_server **out, const json_t *tool, struct engine_error *e,
			struct loop *loop, const struct mcp_sink *sink, void *owner, uint64_t ticket)
{
	struct rig *r = (struct rig *)(void *)m;
	const char *url = json_str(tool, "server_url", "");

	(void)loop;
	snprintf(r->mcp_key, sizeof(r->mcp_key), "%s", json_str(tool, "authorization", ""));
	if (!strstr(url, ".example")) {
		*e = (struct engine_error){ "invalid_value", "The address is private." };
		return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_LEN(r->servers); i++) {
		if (r->servers[i].open)
			continue;
		r->servers[i] = (struct rig_server){ r,	   sink, owner, ticket, r->env.now_us + 2000,
						     true, strstr(url, "down.") };
		*out = (struct mcp_server *)(void *)&r->servers[i];
		return 0;
	}
	return -EAGAIN;
}

static void rig_mcp_answer(struct rig_server *server)
{
	static const char tools[] =
		"[{\"name\":\"add\",\"description\":\"Adds.\",\"input_schema\":{\"type\":\"object\"},"
		"\"annotations\":{\"readOnlyHint\":true}},"
		"{\"name\":\"send\",\"description\":\"\",\"input_schema\":{\"type\":\"object\"}},"
		"{\"name\":\"fail\",\"description\":\"\",\"input_schema\":{\"type\":\"object\"}}]";
	const struct rig_server t = *server;
	char why[160];
	unsigned long held = mem_fail_hold();
	AUTO(json) json_t *v = json_parse(bytes_str(tools), why);

	mem_fail_resume(held);
	server->sink = NULL;
	if (t.fails)
		t.sink->on_error(t.owner, t.ticket,
				 &(struct engine_error){ "mcp_unavailable", "It cannot be reached." });
	else
		t.sink->on_tools(t.owner, t.ticket, v);
}

static void rig_mcp_run(struct rig *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->servers); i++)
		if (r->servers[i].open && r->servers[i].sink && r->servers[i].due_us <= r->env.now_us)
			rig_mcp_answer(&r->servers[i]);
}

static int rig_mcp_call(struct mcp_server *s, struct tool_job **out, const char *name, const char *arguments,
			const struct tool_sink *sink, void *owner, uint64_t ticket)
{
	struct rig *r = ((struct rig_server *)(void *)s)->r;

	snprintf(r->mcp_called, sizeof(r->mcp_called), "%s %s", name, arguments);
	int err = rig_search((struct tool *)(void *)r, out, NULL, NULL, sink, owner, ticket);
	if (err == 0)
		((struct rig_tool *)(void *)*out)->output =
			strcmp(name, "fail") == 0
				? "{\"error\":{\"type\":\"tool_execution_error\",\"message\":\"It broke.\"}}"
				: "\"It is 3.\"";
	return err;
}

static void rig_mcp_close(struct mcp_server *s)
{
	((struct rig_server *)(void *)s)->open = false;
}

static const struct mcp_ops rig_mcp_ops = { rig_mcp_open, rig_mcp_call, rig_search_cancel, rig_mcp_close };

/* --- life and time ----------------------------------------------------------------------- */

static inline bool rig_init(struct rig *r)
{
	json_init();
	env_fake_init(&r->env, 7);
	r->events = json_array();
	r->found = "{\"passages\":[]}";
	r->tool_us = 5000;
	if (!r->events || fake_new(&r->fake) != 0)
		return false;
	fake_engines(r->fake, &r->engines);
	r->stt_ops = *r->engines.stt_ops;
	r->engines.stt_ops = &r->stt_ops;
	r->defs[0] = rig_tool;
	r->defs[0].tool = (struct tool *)(void *)r;
	r->defs[1] = r->defs[0];
	r->defs[1].name = "act";
	r->defs[1].effect = TOOL_ACTS;
	r->defs[1].ops = &rig_act_ops;
	r->engines.mcp_ops = &rig_mcp_ops;
	r->engines.mcp = (struct mcp *)(void *)r;
	r->engines.tools = r->defs;
	r->engines.n_tools = 1;
	return true;
}

static inline bool rig_start(struct rig *r, const struct session_params *more, unsigned paced_hz)
{
	struct session_params p = more ? *more : (struct session_params){ 0 };
	struct api_error e;

	p.env = &r->env.env;
	p.engines = &r->engines;
	if (session_new(&r->s, &p, &e) != 0)
		return false;
	rig_leg_init(r, 0, paced_hz);
	r->legs[0].attached = true;
	return session_attach(r->s, &r->legs[0].leg, LEG_MAIN, r->env.now_us) == 0;
}

static uint64_t rig_next(const struct rig *r)
{
	uint64_t next = MIN(session_next_us(r->s), fake_next_us(r->fake));

	for (size_t i = 0; i < ARRAY_LEN(r->tools); i++)
		if (r->tools[i].sink)
			next = MIN(next, r->tools[i].due_us);
	for (size_t i = 0; i < ARRAY_LEN(r->servers); i++)
		if (r->servers[i].open && r->servers[i].sink)
			next = MIN(next, r->servers[i].due_us);
	return next;
}

static inline void rig_run_due(struct rig *r)
{
	fake_run(r->fake, r->env.now_us);
	rig_tool_run(r);
	rig_mcp_run(r);
	session_on_time(r->s, r->env.now_us);
	fake_run(r->fake, r->env.now_us);
}

/* Let virtual time pass; whatever falls due happens at its time. */
static inline void rig_wait(struct rig *r, uint64_t us)
{
	uint64_t until = r->env.now_us + us;

	rig_run_due(r);
	while (r->env.now_us < until) {
		uint64_t next = MIN(rig_next(r), until),
			 step = MAX(next, r->env.now_us + 1) - r->env.now_us;

		step = MIN(step, (uint64_t)20000);
		step = MIN(step, until - r->env.now_us);
		env_fake_advance(&r->env, step);
		rig_play(r, step);
		rig_run_due(r);
	}
}

static inline void rig_message(struct rig *r, const char *json)
{
	fake_run(r->fake, r->env.now_us); /* it counts delays from when it last ran */
	session_on_message(r->s, &r->legs[0].leg, bytes_str(json), r->env.now_us);
}

/* 20 ms of the user's audio, as the leg would bring it. */
static inline void rig_frame(struct rig *r, int level)
{
	int16_t pcm[480];
	size_t n = r->legs[0].ops.push_audio ? 320 : 480;

	for (size_t i = 0; i < n; i++)
		pcm[i] = (int16_t)((i / 20) % 2 ? level : -level);
	if (n == 320) {
		const struct frame f = { 16000, r->odd, n, pcm };
		r->odd += n;
		session_on_audio(r->s, &f, r->env.now_us);
		return;
	}
	AUTO(buf) struct buf text = { 0 };
	unsigned long held = mem_fail_hold();
	buf_puts(&text, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"");
	b64_append(&text, pcm, n * 2);
	buf_puts(&text, "\"}");
	buf_putc(&text, 0);
	mem_fail_resume(held);
	if (!text.failed)
		rig_message(r, (const char *)text.p);
}

static inline void rig_audio(struct rig *r, unsigned ms, int level)
{
	for (unsigned t = 0; t < ms; t += 20) {
		rig_wait(r, 20000);
		rig_frame(r, level);
	}
}

/* Somebody speaks, is silent, and what falls due then is done. */
static inline void rig_turn(struct rig *r, unsigned speech_ms, unsigned silence_ms)
{
	rig_audio(r, speech_ms, RIG_LOUD);
	rig_audio(r, silence_ms, 0);
	rig_wait(r, 1000);
}

/* The next event that has not been looked at; NULL: none. */
static inline json_t *rig_take(struct rig *r)
{
	return r->taken < json_array_size(r->events) ? json_array_get(r->events, r->taken++) : NULL;
}

/* --- what a test says and expects: in its JSON ' stands for " ------------------------------ */

/* A session with a leg, in one line at the head of a test. */
#define RIG(r, more, paced_hz)                                                                     \
	AUTO(rig) struct rig r = { 0 };                                                            \
	CHECK(rig_init(&r) && rig_start(&r, more, paced_hz))

static inline bool rig_unquote(struct buf *to, const char *json)
{
	unsigned long held = mem_fail_hold();

	for (; *json; json++)
		buf_putc(to, *json == '\'' ? '"' : *json);
	buf_putc(to, 0);
	mem_fail_resume(held);
	return !to->failed;
}

/* Of a table's n cases: with memory running out at each allocation in turn a few say enough. */
static inline size_t rig_cases(size_t n)
{
	return getenv("VOICED_TEST_OOM") ? MIN(n, (size_t)2) : n;
}

/* A message, and what is due at once because of it. */
static inline void rig_say(struct rig *r, const char *json)
{
	AUTO(buf) struct buf text = { 0 };

	if (!rig_unquote(&text, json))
		return;
	rig_message(r, (const char *)text.p);
	rig_run_due(r);
}

/* Has `got` these members, and theirs in turn? Arrays are as long as wanted. */
static inline bool rig_matches(const json_t *want, const json_t *got)
{
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_object(want)) {
		json_object_foreach ((json_t *)(uintptr_t)want, key, v)
			if (!rig_matches(v, json_object_get(got, key)))
				return false;
		return json_is_object(got);
	}
	if (!json_is_array(want))
		return json_equal(want, got);
	json_array_foreach (want, i, v)
		if (!rig_matches(v, json_array_get(got, i)))
			return false;
	return json_array_size(want) == json_array_size(got);
}

static inline bool rig_has(const json_t *got, const char *want)
{
	char why[160];
	unsigned long held = mem_fail_hold();
	AUTO(buf) struct buf text = { 0 };
	AUTO(json)
	json_t *v = rig_unquote(&text, want) ? json_parse(bytes_str((const char *)text.p), why)
					     : NULL;

	bool has = v && rig_matches(v, got);
	if (!has && !mem_failed()) {
		AUTO(buf) struct buf is = { 0 };
		json_write(&is, got);
		fprintf(stderr, "wanted %s\n   got %.*s\n", want, (int)MIN(is.n, (size_t)600),
			is.n ? (const char *)is.p : "");
	}
	mem_fail_resume(held);
	return has;
}

static inline const char *rig_type(const json_t *event)
{
	return json_str(event, "type", "");
}

/* The next event is of this type and has these members. */
static inline bool rig_expect(struct rig *r, const char *type, const char *want)
{
	const json_t *e = rig_take(r);

	if (e && strcmp(rig_type(e), type) == 0)
		return rig_has(e, want);
	if (!mem_failed())
		fprintf(stderr, "wanted %s, got %s\n", type, e ? rig_type(e) : "nothing");
	return false;
}

/* The next event of this type, whatever came before it; NULL: none. */
static inline const json_t *rig_find(struct rig *r, const char *type)
{
	const json_t *e;

	while ((e = rig_take(r)))
		if (strcmp(rig_type(e), type) == 0)
			return e;
	return NULL;
}

static inline bool rig_until(struct rig *r, const char *type, const char *want)
{
	const json_t *e = rig_find(r, type);

	if (e)
		return rig_has(e, want);
	if (!mem_failed())
		fprintf(stderr, "wanted %s, which did not come\n", type);
	return false;
}

/* How many of this type came, looked at or not. */
static inline size_t rig_count(const struct rig *r, const char *type)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(r->events); i++)
		n += strcmp(rig_type(json_array_get(r->events, i)), type) == 0;
	return n;
}

/* Nothing is waiting to be looked at. */
static inline bool rig_quiet(struct rig *r)
{
	const json_t *e = rig_take(r);

	if (e && !mem_failed())
		fprintf(stderr, "wanted nothing, got %s\n", rig_type(e));
	return !e;
}

/* What is waiting does not matter. */
static inline void rig_forget(struct rig *r)
{
	r->taken = json_array_size(r->events);
}
