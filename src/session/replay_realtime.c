#include "session/replay_realtime.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/price.h"
#include "session/upstream_inner.h"

/* --- what it is told --------------------------------------------------------------------- */

static struct replay_realtime *of(struct realtime_link *l)
{
	return (struct replay_realtime *)(void *)l;
}

static int open_link(struct realtime *e, struct realtime_link **out, const struct realtime_start *q,
		     struct loop *loop, const struct realtime_sink *sink, void *owner, uint64_t link)
{
	struct replay_realtime *p = (struct replay_realtime *)(void *)e;

	(void)q, (void)loop, (void)owner, (void)link;
	p->sink = sink;
	*out = (struct realtime_link *)(void *)p;
	return p->answer(p->ctx) ? -EIO : 0;
}

static void update(struct realtime_link *l, const json_t *session)
{
	(void)l, (void)session;
}

static void push(struct realtime_link *l, const int16_t *pcm, size_t n)
{
	(void)l, (void)pcm, (void)n;
}

static void nothing(struct realtime_link *l)
{
	(void)l;
}

static int add(struct realtime_link *l, const json_t *item, const char *after)
{
	(void)item, (void)after;
	return of(l)->answer(of(l)->ctx) ? -EINVAL : 0;
}

static void remove_item(struct realtime_link *l, const char *id)
{
	(void)l, (void)id;
}

static void truncate_answer(struct realtime_link *l, uint64_t ref, uint64_t ms)
{
	(void)l, (void)ref, (void)ms;
}

static int ask(struct realtime_link *l, const struct realtime_ask *a, uint64_t ref)
{
	(void)a, (void)ref;
	return of(l)->answer(of(l)->ctx) ? -EIO : 0;
}

static void by_ref(struct realtime_link *l, uint64_t ref)
{
	(void)l, (void)ref;
}

static void name_item(struct realtime_link *l, uint64_t ref, const char *id)
{
	(void)l, (void)ref, (void)id;
}

const struct realtime_ops replay_realtime_ops = {
	.name = "replay",
	.open = open_link,
	.update = update,
	.push = push,
	.commit = nothing,
	.clear = nothing,
	.add = add,
	.remove = remove_item,
	.truncate = truncate_answer,
	.ask = ask,
	.adopt = by_ref,
	.name_item = name_item,
	.cancel = by_ref,
	.close = nothing,
};

/* --- what it says ------------------------------------------------------------------------ */

/* Both end with a 0 that is not counted. */
struct said {
	const struct realtime_sink *to;
	struct session *s;
	uint64_t link;
	const char *a, *b;
	size_t a_n, b_n;
	uint64_t number; /* the first eight octets of a: ref, again_us */
};

static bool give_open(const struct said *v)
{
	v->to->on_open(v->s, v->link);
	return true;
}

static bool give_speech(const struct said *v)
{
	if (v->a_n != 9)
		return false;
	v->to->on_speech(v->s, v->link, v->a[0], be64((const uint8_t *)v->a + 1));
	return true;
}

static bool give_commit(const struct said *v)
{
	v->to->on_commit(v->s, v->link);
	return true;
}

static bool give_words_delta(const struct said *v)
{
	v->to->on_words_delta(v->s, v->link, v->a);
	return true;
}

static bool give_words(const struct said *v)
{
	v->to->on_words(v->s, v->link, v->a);
	return true;
}

static bool give_deaf(const struct said *v)
{
	v->to->on_deaf(v->s, v->link, &(struct engine_error){ v->a, v->b });
	return true;
}

static bool give_begun(const struct said *v)
{
	v->to->on_begun(v->s, v->link);
	return true;
}

static bool give_text(const struct said *v)
{
	v->to->on_text(v->s, v->link, v->number, v->b);
	return true;
}

static bool give_transcript(const struct said *v)
{
	v->to->on_transcript(v->s, v->link, v->number, v->b);
	return true;
}

static bool give_audio(const struct said *v)
{
	v->to->on_audio(v->s, v->link, v->number, (const int16_t *)(const void *)v->b, v->b_n / 2);
	return true;
}

/* The string behind the one at `at`; NULL: there is none. */
static const char *next_text(const struct said *v, const char *at)
{
	const char *next = at + strlen(at) + 1;

	return next <= v->b + v->b_n ? next : NULL;
}

static bool give_call(const struct said *v)
{
	const char *name = next_text(v, v->b), *arguments = name ? next_text(v, name) : NULL;

	if (!arguments)
		return false;
	v->to->on_call(v->s, v->link, v->number, v->b, name, arguments);
	return true;
}

static bool give_done(const struct said *v)
{
	const uint8_t *n = (const uint8_t *)v->b;
	struct price price;
	struct llm_usage u;

	if (v->b_n < 4 || !cost_read_usage(bytes_of(n + 4, v->b_n - 4), &u, &price))
		return false;
	v->to->on_done(v->s, v->link, v->number, (enum llm_finish)MIN(be32(n), 2u), &u);
	return true;
}

static bool give_failed(const struct said *v)
{
	const char *message = next_text(v, v->b);

	if (!message)
		return false;
	v->to->on_failed(v->s, v->link, v->number, &(struct engine_error){ v->b, message });
	return true;
}

static bool give_lost(const struct said *v)
{
	const char *message = next_text(v, v->b);

	if (!message)
		return false;
	v->to->on_lost(v->s, v->link, &(struct engine_error){ v->b, message }, v->number);
	return true;
}

static const struct {
	bool (*give)(const struct said *v);
	bool numbered;
} gives[] = {
	[CALL_OPEN] = { give_open, false },
	[CALL_SPEECH] = { give_speech, false },
	[CALL_COMMIT] = { give_commit, false },
	[CALL_WORDS_DELTA] = { give_words_delta, false },
	[CALL_WORDS] = { give_words, false },
	[CALL_DEAF] = { give_deaf, false },
	[CALL_BEGUN] = { give_begun, false },
	[CALL_TEXT] = { give_text, true },
	[CALL_TRANSCRIPT] = { give_transcript, true },
	[CALL_AUDIO] = { give_audio, true },
	[CALL_CALL] = { give_call, true },
	[CALL_DONE] = { give_done, true },
	[CALL_FAILED] = { give_failed, true },
	[CALL_LOST] = { give_lost, true },
};

bool replay_realtime_give(const struct replay_realtime *p, struct session *s, unsigned fn,
			  uint64_t link, struct bytes a, struct bytes b)
{
	struct said v = { p->sink, s, link, (const char *)a.p, (const char *)b.p, a.n, b.n, 0 };

	if (!p->sink || fn >= ARRAY_LEN(gives) || (gives[fn].numbered && a.n != 8))
		return false;
	if (gives[fn].numbered)
		v.number = be64(a.p);
	return gives[fn].give(&v);
}
