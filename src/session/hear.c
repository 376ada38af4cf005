#include "session/hear.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/meter.h"
#include "session/state.h"
#include "session/upstream.h"

static const struct {
	const char *name;
	unsigned next;
} states[] = {
	[HEAR_WAITING] = { "waiting", BIT(HEAR_OPEN) | BIT(HEAR_OVER) },
	[HEAR_OPEN] = { "open", BIT(HEAR_ENDING) | BIT(HEAR_OVER) },
	[HEAR_ENDING] = { "ending", BIT(HEAR_OVER) },
	[HEAR_OVER] = { "over", 0 },
};

static void set_state(struct hear *h, enum hear_state to)
{
	assert(states[h->state].next & BIT(to));
	h->state = to;
}

static struct hear *of(struct node *n)
{
	return CONTAINER_OF(n, struct hear, node);
}

/* --- audio ------------------------------------------------------------------------------- */

/* The samples from `fed` on, wherever they are now. */
static size_t waiting_audio(struct hear *h, const int16_t **pcm)
{
	const struct audio_in *in = &h->s->in;
	const struct pcm *from = h->item ? &h->item->audio : &in->buf;
	uint64_t start = h->item ? h->item_start : in->start;

	h->fed = MAX(h->fed, start);
	if (h->fed >= start + from->n)
		return 0;
	*pcm = from->p + (h->fed - start);
	return (size_t)(start + from->n - h->fed);
}

/* Pushes what the engine has room for; the rest waits until retry_us. */
static void feed(struct hear *h)
{
	if (h->upstream) {
		const int16_t *all;
		size_t n_all = waiting_audio(h, &all);

		if (n_all)
			upstream_push(h->s, all, n_all);
		h->fed += n_all;
		return;
	}
	const struct stt_ops *ops = h->engines->stt_ops;
	const int16_t *pcm;
	size_t n = waiting_audio(h, &pcm), now = ops->room && n ? MIN(n, ops->room(h->stt)) : n;

	if (now) {
		ops->push(h->stt, pcm, now);
		cost_heard(h->s, h->engines, h->stt, now);
	}
	h->fed += now;
	h->behind = now < n;
	if (h->behind)
		h->retry_us = h->s->now_us + HEAR_RETRY_US;
}

static void ask_settled(struct hear *h)
{
	h->n_settling++;
	h->engines->stt_ops->settle(h->stt);
}

void hear_feed(struct hear *h)
{
	if (h->state != HEAR_OPEN)
		return;
	feed(h);
	if (h->behind)
		return;
	if (h->ended) {
		set_state(h, HEAR_ENDING);
		if (h->upstream)
			h->commit = upstream_commit(h->s, h->item->id);
		else
			h->engines->stt_ops->end(h->stt);
	} else if (h->asks_late) {
		h->asks_late = false;
		if (h->settling)
			ask_settled(h);
	}
}

/* --- a decoder --------------------------------------------------------------------------- */

static const struct stt_sink stt_sink;

static const struct engine_error unavailable = { "engine_unavailable",
						  "Speech recognition is not available." };

static void fail(struct hear *h, const char *code, const char *message)
{
	const struct engine_error e = { code, message };

	set_state(h, HEAR_OVER);
	if (h->item)
		h->item->awaits_words = false;
	turn_on_deaf(h->s, h, &e);
}

static void set_item(struct hear *h, struct item *it, uint64_t item_start)
{
	if (h->item || !it)
		return;
	item_ref(it);
	h->item = it;
	h->item_start = item_start;
}

/* Told when the item is there. */
static void die(struct hear *h, const struct engine_error *why)
{
	h->dead = true;
	h->why = why;
}

static void try_begin(struct hear *h)
{
	struct session *s = h->s;
	const struct stt_params p = { .language = s->set.language ? s->set.language : s->language,
				      .collection = s->collection,
				      .prompt = s->set.prompt };

	h->engines = cost_engines(s, cost_level(s));
	if (!h->engines || !h->engines->stt_ops) {
		die(h, h->engines ? &unavailable : &cost_exhausted);
		return;
	}
	h->ticket = session_ticket(s);
	int err = h->engines->stt_ops->begin(h->engines->stt, &h->stt, &p, s->loop, &stt_sink, s,
					     h->ticket);
	session_answer(s, REC_START, err == 0 ? 0 : err == -EAGAIN ? 1 : 2);
	meter_add(h->engines->stt_meter, err ? METER_LIMITED : METER_REQUESTS, 1);
	if (err == -EAGAIN) {
		h->retry_us = s->now_us + HEAR_RETRY_US;
		return;
	}
	if (err) {
		die(h, &unavailable);
		return;
	}
	set_state(h, HEAR_OPEN);
	h->asks_late = h->settling;
	hear_feed(h);
}

static void begin_upstream(struct hear *h)
{
	h->upstream = true;
	set_state(h, HEAR_OPEN);
	hear_feed(h);
}

struct hear *hear_new(struct session *s, uint64_t from, struct item *it)
{
	struct hear *h = mem_zalloc(sizeof(*h));

	if (!h)
		return NULL;
	h->s = s;
	h->from = h->fed = from;
	set_item(h, it, from);
	list_push(&s->hearings, &h->node);
	if (upstream_carries(s))
		begin_upstream(h);
	else
		try_begin(h);
	return h;
}

void hear_settle(struct hear *h)
{
	if (h->upstream)
		return; /* it says nothing before the commit */
	h->settling = true;
	mem_free(h->settled);
	h->settled = NULL;
	h->asks_late = true;
	hear_feed(h);
}

/* What was settled in the pause that has become the end is what was said. */
static bool is_settled(const struct hear *h)
{
	return !h->upstream && h->engines->stt_ops->caps & STT_SETTLED_IS_FINAL && h->settled && h->settled[0];
}

static void conclude(struct hear *h)
{
	h->engines->stt_ops->cancel(h->stt);
	set_state(h, HEAR_OVER);
	h->item->awaits_words = false;
	turn_on_words(h->s, h, h->settled);
}

void hear_commit(struct hear *h, struct item *it, uint64_t item_start)
{
	set_item(h, it, item_start);
	it->awaits_words = true;
	h->ended = true;
	h->ended_us = h->s->now_us;
	if (h->state == HEAR_OPEN && is_settled(h))
		conclude(h);
	else if (h->state == HEAR_OPEN)
		hear_feed(h);
	else if (h->dead)
		fail(h, h->why->code, h->why->message);
}

void hear_item(struct session *s, struct item *it)
{
	struct hear *h = hear_new(s, 0, it);

	if (h)
		hear_commit(h, it, 0);
	else
		session_oom(s);
}

/* --- time -------------------------------------------------------------------------------- */

static bool waits(const struct hear *h)
{
	return h->state == HEAR_WAITING && !h->dead;
}

void hear_on_time(struct session *s)
{
	LIST_FOR (&s->hearings, n) {
		struct hear *h = of(n);

		if (waits(h) && h->ended && s->now_us >= h->ended_us + HEAR_PATIENCE_US)
			fail(h, "engine_busy",
			     "All recognisers are busy. Please ask again in a moment.");
		else if (waits(h) && s->now_us >= h->retry_us)
			try_begin(h);
		else if (h->state == HEAR_OPEN && h->behind && s->now_us >= h->retry_us)
			hear_feed(h);
		if (h->dead && h->ended && h->state == HEAR_WAITING)
			fail(h, h->why->code, h->why->message);
	}
}

uint64_t hear_next_us(const struct session *s)
{
	uint64_t next = UINT64_MAX;

	for (struct node *n = s->hearings.head.next; n != &s->hearings.head; n = n->next)
		if (waits(of(n)) || (!of(n)->upstream && of(n)->state == HEAR_OPEN && of(n)->behind))
			next = MIN(next, of(n)->retry_us);
	return next;
}

/* --- what the engine says ---------------------------------------------------------------- */

static struct hear *hearing(struct session *s, uint64_t ticket)
{
	LIST_FOR (&s->hearings, n)
		if (of(n)->ticket == ticket && !of(n)->upstream &&
		    (of(n)->state == HEAR_OPEN || of(n)->state == HEAR_ENDING))
			return of(n);
	return NULL;
}

static void record(struct session *s, unsigned fn, uint64_t ticket, const char *a, const char *b)
{
	session_enter_sink(s);
	session_record_sink(s, REC_STT, fn, ticket, bytes_str(a), bytes_str(b));
}

static void on_partial(void *owner, uint64_t ticket, const char *text)
{
	struct session *s = owner;

	record(s, 0, ticket, text, NULL);
	struct hear *h = hearing(s, ticket);
	if (h && h == s->turn.hear && s->turn.item_id[0])
		emit(s, EV_X_PARTIAL,
		     json_pack("{s:s,s:s}", "item_id", s->turn.item_id, "text", text));
	if (h && h == s->turn.hear)
		ahead_words(s, text);
	session_leave(s);
}

static void on_settled(void *owner, uint64_t ticket, const char *text)
{
	struct session *s = owner;

	record(s, 1, ticket, text, NULL);
	struct hear *h = hearing(s, ticket);
	if (h && h->n_settling > 0)
		h->n_settling--;
	/* While more are owed this one answers an earlier pause. */
	if (h && h->settling && h->n_settling == 0 && !h->asks_late) {
		mem_free(h->settled);
		h->settled = mem_strdup(text);
		h->settling = false;
		if (!h->settled)
			session_oom(s);
		else
			turn_on_settled(s, h);
	}
	session_leave(s);
}

static void on_final(void *owner, uint64_t ticket, const char *text)
{
	struct session *s = owner;

	record(s, 2, ticket, text, NULL);
	struct hear *h = hearing(s, ticket);
	if (h && h->state == HEAR_ENDING) {
		set_state(h, HEAR_OVER);
		h->item->awaits_words = false;
		turn_on_words(s, h, text);
	}
	session_leave(s);
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	struct session *s = owner;

	record(s, 3, ticket, e->code, e->message);
	struct hear *h = hearing(s, ticket);
	if (h)
		meter_add(h->engines->stt_meter, METER_ERRORS, 1);
	if (h && h->ended) {
		fail(h, e->code, e->message);
	} else if (h) {
		/* In the middle of speech: the engine is done with it; told at the commit. */
		h->stt = NULL;
		die(h, &unavailable);
		h->state = HEAR_WAITING;
	}
	session_leave(s);
}

static const struct stt_sink stt_sink = { on_partial, on_settled, on_final, on_error };

/* --- what a service says ----------------------------------------------------------------- */

struct hear *hear_expect(struct session *s, struct item *it, uint64_t item_start, bool committed)
{
	struct hear *h = mem_zalloc(sizeof(*h));

	if (!h)
		return NULL;
	h->s = s;
	h->upstream = h->ended = true;
	h->from = item_start;
	h->fed = item_start + it->audio.n;
	h->ended_us = s->now_us;
	h->state = HEAR_ENDING;
	set_item(h, it, item_start);
	it->awaits_words = true;
	list_push(&s->hearings, &h->node);
	h->commit = committed ? upstream_committed(s, it->id) : upstream_commit(s, it->id);
	return h;
}

struct hear *hear_owed(struct session *s)
{
	struct hear *first = NULL;

	LIST_FOR (&s->hearings, n)
		if (of(n)->upstream && of(n)->state == HEAR_ENDING &&
		    (!first || of(n)->commit < first->commit))
			first = of(n);
	return first;
}

struct hear *hear_of_item(struct session *s, const struct item *it)
{
	LIST_FOR (&s->hearings, n)
		if (of(n)->item == it && of(n)->state != HEAR_OVER)
			return of(n);
	return NULL;
}

void hear_partly(struct hear *h, const char *more)
{
	char *all = mem_printf("%s%s", h->settled ? h->settled : "", more);

	mem_free(h->settled);
	h->settled = all;
	if (!all) {
		session_oom(h->s);
		return;
	}
	emit(h->s, EV_X_PARTIAL, json_pack("{s:s,s:s}", "item_id", h->item->id, "text", all));
	ahead_words(h->s, all);
}

void hear_found(struct hear *h, const char *text)
{
	ahead_words(h->s, text);
	set_state(h, HEAR_OVER);
	h->item->awaits_words = false;
	turn_on_words(h->s, h, text);
}

void hear_failed(struct hear *h, const struct engine_error *e)
{
	fail(h, e->code, e->message);
}

void hear_again(struct hear *h)
{
	h->fed = h->from;
	h->state = HEAR_OPEN;
	h->commit = 0;
	hear_feed(h);
}

void hear_natively(struct hear *h)
{
	struct session *s = h->s;

	h->upstream = false;
	h->fed = h->from;
	h->state = HEAR_WAITING;
	h->ended_us = s->now_us;
	if (s->engines.stt_ops)
		try_begin(h);
	else
		h->dead = true;
	if (h->dead && h->ended)
		fail(h, "engine_unavailable", "Speech recognition is not available.");
}

/* --- the end ----------------------------------------------------------------------------- */

static void hear_free(struct hear *h)
{
	/* Between end() and the final words the engine still owes us a call: take it back. */
	if (h->upstream && h->state == HEAR_OPEN)
		upstream_clear(h->s);
	if (!h->upstream && (h->state == HEAR_OPEN || h->state == HEAR_ENDING))
		h->engines->stt_ops->cancel(h->stt);
	node_unlink(&h->node);
	if (h->item)
		h->item->awaits_words = false;
	item_unref(h->item);
	mem_free(h->settled);
	mem_free(h);
}

void hear_cancel(struct hear *h)
{
	hear_free(h);
}

void hear_reap(struct session *s)
{
	LIST_FOR (&s->hearings, n)
		if (of(n)->state == HEAR_OVER)
			hear_free(of(n));
}

void hear_free_all(struct session *s)
{
	LIST_FOR (&s->hearings, n)
		hear_free(of(n));
}
