/* upstream_rig.h - for tests: rig.h with a realtime service that does what the test says.
 *
 * What it was told is a log of lines; what it says is said by calling its sink (SAY). Include it in
 * one file of a test program only, in place of rig.h. */
#pragma once

#include <stdarg.h>

#include "session/rig.h"

struct remote {
	const struct realtime_sink *sink;
	void *owner;
	uint64_t link, ref;     /* of the last open() and ask() or adopt()       */
	bool here;              /* a link is there                               */
	bool refuses;           /* open() fails                                  */
	struct buf log;         /* lines; ends with a 0                          */
	json_t *session, *items, *asked, *added; /* the last ones */
	size_t pushed, total;   /* samples since the last commit, clear or open; all */
};

static struct remote *remote_now; /* of realtime_link: there is one at a time */

static inline void remote_auto_(struct remote *v)
{
	buf_done(&v->log);
	json_decref(v->session);
	json_decref(v->items);
	json_decref(v->asked);
	json_decref(v->added);
}

static inline void remote_note(const char *fmt, ...) PRINTF_LIKE(1, 2);

static inline void remote_note(const char *fmt, ...)
{
	struct buf *log = &remote_now->log;
	unsigned long held = mem_fail_hold();
	char line[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (log->n)
		log->n--;
	buf_puts(log, line);
	buf_putc(log, '\n');
	buf_putc(log, 0);
	mem_fail_resume(held);
}

static inline void remote_keep(json_t **to, const json_t *v)
{
	unsigned long held = mem_fail_hold();

	json_decref(*to);
	*to = v ? json_deep_copy(v) : NULL;
	mem_fail_resume(held);
}

static int remote_open(struct realtime *e, struct realtime_link **out,
			const struct realtime_start *s, struct loop *loop,
			const struct realtime_sink *sink, void *owner, uint64_t link)
{
	struct remote *v = (struct remote *)(void *)e;

	(void)loop;
	remote_note("open %zu", json_array_size(s->items));
	if (v->refuses)
		return -ECONNREFUSED;
	remote_keep(&v->session, s->session);
	remote_keep(&v->items, s->items);
	v->sink = sink;
	v->owner = owner;
	v->link = link;
	v->here = true;
	v->pushed = 0;
	*out = (struct realtime_link *)(void *)v;
	return 0;
}

static void remote_update(struct realtime_link *l, const json_t *session)
{
	remote_keep(&((struct remote *)(void *)l)->session, session);
	remote_note("update");
}

static void remote_push(struct realtime_link *l, const int16_t *pcm, size_t n)
{
	struct remote *v = (struct remote *)(void *)l;

	(void)pcm;
	v->pushed += n;
	v->total += n;
}

/* The audio in steps of 20 ms: what the converter holds back does not count. */
static void remote_commit(struct realtime_link *l)
{
	struct remote *v = (struct remote *)(void *)l;

	remote_note("commit %zu", (v->pushed + 240) / 480 * 20);
	v->pushed = 0;
}

static void remote_clear(struct realtime_link *l)
{
	((struct remote *)(void *)l)->pushed = 0;
	remote_note("clear");
}

static int remote_add(struct realtime_link *l, const json_t *item, const char *after)
{
	remote_keep(&((struct remote *)(void *)l)->added, item);
	remote_note("add %s%s%s", json_str(item, "type", ""), after ? " after " : "",
		     after ? after : "");
	return 0;
}

static void remote_remove(struct realtime_link *l, const char *id)
{
	(void)l;
	remote_note("remove %s", id);
}

static void remote_truncate(struct realtime_link *l, uint64_t ref, uint64_t ms)
{
	const struct remote *v = (struct remote *)(void *)l;

	remote_note("truncate %s %" PRIu64, ref == v->ref ? "it" : "another", ms);
}

static int remote_ask(struct realtime_link *l, const struct realtime_ask *a, uint64_t ref)
{
	struct remote *v = (struct remote *)(void *)l;

	remote_keep(&v->asked, a->response);
	v->ref = ref;
	remote_note("ask");
	return 0;
}

static void remote_adopt(struct realtime_link *l, uint64_t ref)
{
	((struct remote *)(void *)l)->ref = ref;
	remote_note("adopt");
}

static void remote_cancel(struct realtime_link *l, uint64_t ref)
{
	const struct remote *v = (struct remote *)(void *)l;

	remote_note("cancel %s", ref == 0 ? "0" : ref == v->ref ? "it" : "another");
}

static void remote_close(struct realtime_link *l)
{
	((struct remote *)(void *)l)->here = false;
	remote_note("close");
}

static void remote_name(struct realtime_link *l, uint64_t ref, const char *id)
{
	(void)l, (void)id;
	remote_note("name %s", ref ? "answer" : "commit");
}

static const struct realtime_ops remote_ops = {
	.name = "test",
	.open = remote_open,
	.update = remote_update,
	.push = remote_push,
	.commit = remote_commit,
	.clear = remote_clear,
	.add = remote_add,
	.remove = remote_remove,
	.truncate = remote_truncate,
	.name_item = remote_name,
	.ask = remote_ask,
	.adopt = remote_adopt,
	.cancel = remote_cancel,
	.close = remote_close,
};

/* A session with a service that is open, in one line at the head of a test: `v` and `r`. */
#define REMOTE(r, v, more, paced_hz)                                                              \
	__attribute__((cleanup(remote_auto_))) struct remote v = { 0 };                          \
	AUTO(rig) struct rig r = { 0 };                                                            \
	GIVEN(remote_rig(&r, &v, more, paced_hz))

static inline bool remote_rig_init(struct rig *r, struct remote *v)
{
	remote_now = v;
	if (!rig_init(r))
		return false;
	r->engines.realtime_ops = &remote_ops;
	r->engines.realtime = (struct realtime *)(void *)v;
	return true;
}

#define SAY(v, fn, ...)                                                                            \
	do {                                                                                       \
		if ((v).here)                                                                      \
			(v).sink->fn((v).owner, (v).link __VA_OPT__(, ) __VA_ARGS__);              \
	} while (0)

static inline bool remote_rig(struct rig *r, struct remote *v, const struct session_params *more,
			       unsigned paced_hz)
{
	if (!remote_rig_init(r, v) || !rig_start(r, more, paced_hz))
		return false;
	SAY(*v, on_open);
	return v->here;
}

/* As rig_audio() and rig_turn(), of which nothing fails: other tests see to that. */
static inline void steady_audio(struct rig *r, unsigned ms, int level)
{
	unsigned long held = mem_fail_hold();

	rig_audio(r, ms, level);
	mem_fail_resume(held);
}

static inline void steady_turn(struct rig *r, unsigned speech_ms, unsigned silence_ms)
{
	unsigned long held = mem_fail_hold();

	rig_turn(r, speech_ms, silence_ms);
	mem_fail_resume(held);
}

/* Its transcript and so many ms of its audio. */
static inline void remote_speaks(struct remote *v, const char *text, unsigned ms)
{
	static const int16_t pcm[24 * 100];

	if (text[0])
		SAY(*v, on_transcript, v->ref, text);
	for (; ms > 0 && v->here; ms -= MIN(ms, 100u))
		SAY(*v, on_audio, v->ref, pcm, 24 * (size_t)MIN(ms, 100u));
}

static inline void remote_done(struct remote *v)
{
	const struct llm_usage u = { .input_tokens = 7, .output_tokens = 9 };

	SAY(*v, on_done, v->ref, LLM_STOP, &u);
}

static inline void remote_lost(struct rig *r, struct remote *v, uint64_t again_us)
{
	static const struct engine_error e = { "engine_unavailable", "The line is dead." };

	if (!v->here)
		return;
	v->here = false;
	v->sink->on_lost(v->owner, v->link, &e, again_us);
	rig_run_due(r);
}

/* What it was told since the last look, line by line, is this. */
static inline bool remote_told(struct remote *v, const char *lines)
{
	const char *got = v->log.n ? (const char *)v->log.p : "";
	bool same = strcmp(got, lines) == 0;

	if (!same && !mem_failed())
		fprintf(stderr, "wanted\n%sgot\n%s", lines, got);
	v->log.n = 0;
	return same;
}
