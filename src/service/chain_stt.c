#include "service/chain_stt.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/meter.h"
#include "service/chain.h"

enum {
	KEPT_MAX = CHAIN_STT_S * STT_RATE_HZ,
	LOOK_US = 20 * US_PER_MS,      /* for room in a member, or for one that is free */
	BUSY_US = 5 * US_PER_S,        /* how long a turn waits for one that is         */
};

struct stt {
	struct stt_ops ops;
	struct chain chain;
	struct chain_stt_member members[CHAIN_MAX];
	struct bill bills[CHAIN_MAX];
	pthread_mutex_t lock; /* turns */
	struct list turns;
};

/* Touched by its loop only. */
struct stt_turn {
	struct node node;
	struct stt *engine;
	char *language, *collection, *prompt;
	struct stt_params params;
	struct loop *loop;
	const struct stt_sink *sink;
	void *owner;
	uint64_t ticket;

	int16_t *kept; /* [KEPT_MAX]; pages that nobody has spoken into take no memory */
	size_t n, fed; /* samples; those that the member has */
	bool overflown, ending, ended; /* ended: the member knows */
	unsigned n_settling; /* settle()s without an answer */
	unsigned n_asked;    /* of these, those that the member knows of */

	unsigned tried;
	size_t member;
	struct stt_turn *inner;
	uint64_t round;
	struct timer timer; /* on_look or on_late */
	uint64_t busy_until_us;
	struct engine_error error; /* constant; or why[]: what the last one said */
	char code[48], why[256];
};

static const struct chain_stt_member *member_of(const struct stt_turn *t)
{
	return &t->engine->members[t->member];
}

/* The timer never leaves the loop's heap for longer than its handler's first line: so it has room
 * there, whatever memory is left. */
static void set_timer(struct stt_turn *t, uint64_t at_us, void (*on_due)(struct timer *timer))
{
	t->timer.on_due = on_due;
	(void)!timer_set(t->loop, &t->timer, at_us);
}

static void on_look(struct timer *timer);
static void on_late(struct timer *timer);

static void stop(struct stt_turn *t)
{
	set_timer(t, UINT64_MAX, on_look);
	if (t->inner)
		member_of(t)->ops->cancel(t->inner);
	t->inner = NULL;
}

static void turn_free(struct stt_turn *t)
{
	stop(t);
	timer_stop(t->loop, &t->timer);
	pthread_mutex_lock(&t->engine->lock);
	node_unlink(&t->node);
	pthread_mutex_unlock(&t->engine->lock);
	mem_free(t->language);
	mem_free(t->collection);
	mem_free(t->prompt);
	mem_free(t->kept);
	mem_free(t);
}

static void fail(struct stt_turn *t, const struct engine_error *e)
{
	const struct stt_sink *sink = t->sink;
	void *owner = t->owner;
	uint64_t ticket = t->ticket;
	char code[sizeof(t->code)], why[sizeof(t->why)];

	snprintf(code, sizeof(code), "%s", e->code);
	snprintf(why, sizeof(why), "%s", e->message);
	turn_free(t);
	sink->on_error(owner, ticket, &(struct engine_error){ code, why });
}

/* --- feeding ------------------------------------------------------------------------------------- */

static void look_later(struct stt_turn *t, uint64_t us, void (*on_due)(struct timer *timer))
{
	set_timer(t, loop_now_us(t->loop) + us, on_due);
}

/* What the member does not know yet, as far as it has room. */
static void feed(struct stt_turn *t)
{
	const struct stt_ops *ops = member_of(t)->ops;
	size_t n = t->n - t->fed;

	if (!t->inner || t->ended)
		return;
	if (n && ops->room)
		n = MIN(n, ops->room(t->inner));
	if (n)
		ops->push(t->inner, t->kept + t->fed, n);
	t->fed += n;
	if (t->fed < t->n) {
		look_later(t, LOOK_US, on_look);
		return;
	}
	for (; t->n_asked < t->n_settling && !t->ending; t->n_asked++)
		ops->settle(t->inner);
	if (!t->ending)
		return;
	t->ended = true;
	ops->end(t->inner);
	if (t->tried != BIT(t->engine->chain.n) - 1)
		look_later(t, CHAIN_STT_LATE_US, on_late);
}

static void count_failure(const struct stt_turn *t, const struct engine_error *e);

/* --- from one to the next ------------------------------------------------------------------------- */

static const struct stt_sink inner_sink;

/* 0: one hears; -EAGAIN: one that is left is busy; else none is left. */
static int begin_next(struct stt_turn *t)
{
	struct stt *e = t->engine;
	unsigned tried = t->tried;
	bool busy = false;
	int r = -EIO;

	for (size_t i; (i = chain_pick(&e->chain, tried, loop_now_us(t->loop))) < e->chain.n;) {
		const struct chain_stt_member *m = &e->members[i];

		tried |= BIT(i);
		r = m->ops->begin(m->stt, &t->inner, &t->params, t->loop, &inner_sink, t, ++t->round);
		if (r == 0) {
			meter_add(e->bills[i].meter, METER_REQUESTS, 1);
			t->tried |= BIT(i);
			t->member = i;
			t->fed = 0;
			t->n_asked = 0;
			t->ended = false;
			return 0;
		}
		t->inner = NULL;
		busy |= r == -EAGAIN;
		if (r != -EAGAIN) {
			t->tried |= BIT(i);
			health_failed(m->health, loop_now_us(t->loop), 0);
		}
	}
	return busy ? -EAGAIN : r;
}

static void go_on(struct stt_turn *t)
{
	int r = begin_next(t);

	if (r == 0)
		feed(t);
	else if (r == -EAGAIN && loop_now_us(t->loop) < t->busy_until_us)
		look_later(t, LOOK_US, on_look);
	else
		fail(t, &t->error);
}

static void failed(struct stt_turn *t, const struct engine_error *e)
{
	const struct chain_stt_member *m = member_of(t);

	snprintf(t->code, sizeof(t->code), "%s", e->code);
	snprintf(t->why, sizeof(t->why), "%s", e->message);
	t->error = (struct engine_error){ t->code, t->why };
	stop(t);
	count_failure(t, e);
	health_failed(m->health, loop_now_us(t->loop), m->rest_ms ? m->rest_ms(m->stt) : 0);
	t->busy_until_us = loop_now_us(t->loop) + BUSY_US;
	go_on(t);
}

static void on_look(struct timer *timer)
{
	struct stt_turn *t = CONTAINER_OF(timer, struct stt_turn, timer);

	set_timer(t, UINT64_MAX, on_look);
	if (t->inner)
		feed(t);
	else
		go_on(t);
}

static void on_late(struct timer *timer)
{
	static const struct engine_error late = { "engine_unavailable", "The recogniser does not answer." };

	struct stt_turn *t = CONTAINER_OF(timer, struct stt_turn, timer);

	set_timer(t, UINT64_MAX, on_look);
	failed(t, &late);
}

/* --- what the member says ----------------------------------------------------------------------------- */

static struct stt_turn *turn_of(void *owner, uint64_t round)
{
	struct stt_turn *t = owner;

	return t->inner && t->round == round ? t : NULL;
}

static void on_partial(void *owner, uint64_t round, const char *text)
{
	struct stt_turn *t = turn_of(owner, round);

	if (t)
		t->sink->on_partial(t->owner, t->ticket, text);
}

static void on_settled(void *owner, uint64_t round, const char *text)
{
	struct stt_turn *t = turn_of(owner, round);

	if (!t || !t->n_settling)
		return;
	t->n_settling--;
	t->n_asked -= t->n_asked > 0;
	t->sink->on_settled(t->owner, t->ticket, text);
}

static void on_final(void *owner, uint64_t round, const char *text)
{
	struct stt_turn *t = turn_of(owner, round);

	if (!t)
		return;
	const struct stt_sink *sink = t->sink;
	void *to = t->owner;
	uint64_t ticket = t->ticket;
	t->inner = NULL;
	health_well(member_of(t)->health);
	if (t->overflown) {
		fail(t, &(struct engine_error){ "engine_unavailable", "This was too long for one piece." });
		return;
	}
	turn_free(t);
	sink->on_final(to, ticket, text);
}

static void on_error(void *owner, uint64_t round, const struct engine_error *e)
{
	struct stt_turn *t = turn_of(owner, round);

	if (!t)
		return;
	t->inner = NULL;
	failed(t, e);
}

static const struct stt_sink inner_sink = { on_partial, on_settled, on_final, on_error };

/* --- the caller's side ----------------------------------------------------------------------------------- */

static bool copy(char **to, const char *from)
{
	*to = from ? mem_strdup(from) : NULL;
	return *to || !from;
}

static int chain_begin(struct stt *e, struct stt_turn **out, const struct stt_params *p, struct loop *loop,
		       const struct stt_sink *sink, void *owner, uint64_t ticket)
{
	struct stt_turn *t = mem_zalloc(sizeof(*t));
	int r = -ENOMEM;

	if (!t)
		return r;
	t->engine = e;
	t->loop = loop;
	t->sink = sink;
	t->owner = owner;
	t->ticket = ticket;
	t->error = (struct engine_error){ "engine_unavailable", "No recogniser could be started." };
	t->timer.on_due = on_look;
	t->kept = mem_alloc(KEPT_MAX * sizeof(*t->kept));
	bool ok = t->kept && timer_set(loop, &t->timer, UINT64_MAX) == 0 && copy(&t->language, p ? p->language : NULL) &&
		  copy(&t->collection, p ? p->collection : NULL) && copy(&t->prompt, p ? p->prompt : NULL);
	t->params = (struct stt_params){ t->language, t->collection, t->prompt };
	pthread_mutex_lock(&e->lock);
	list_push(&e->turns, &t->node);
	pthread_mutex_unlock(&e->lock);
	if (ok)
		r = begin_next(t);
	if (r != 0) {
		turn_free(t);
		return r;
	}
	*out = t;
	return 0;
}

static size_t chain_room(const struct stt_turn *t)
{
	return KEPT_MAX - t->n;
}

static void chain_push(struct stt_turn *t, const int16_t *pcm, size_t n)
{
	size_t take = MIN(n, KEPT_MAX - t->n);
	bool behind = t->fed < t->n;

	if (take)
		memcpy(t->kept + t->n, pcm, take * sizeof(*pcm));
	t->n += take;
	if (!behind)
		feed(t); /* else the timer goes on */
	t->overflown |= take < n;
}

static void chain_settle(struct stt_turn *t)
{
	t->n_settling++;
	feed(t);
}

static void chain_end(struct stt_turn *t)
{
	t->ending = true;
	feed(t);
}

static void chain_cancel(struct stt_turn *t)
{
	turn_free(t);
}

static void chain_free(struct stt *e)
{
	struct node *n;

	if (!e)
		return;
	while ((n = list_first(&e->turns)))
		turn_free(CONTAINER_OF(n, struct stt_turn, node));
	for (size_t i = 0; i < e->chain.n; i++)
		e->members[i].ops->free(e->members[i].stt);
	pthread_mutex_destroy(&e->lock);
	mem_free(e);
}

void chain_stt_bill(struct stt *e, size_t i, struct bill bill)
{
	e->bills[i] = bill;
}

static struct bill chain_bill(const struct stt_turn *t)
{
	return t->engine->bills[t->member];
}

static void count_failure(const struct stt_turn *t, const struct engine_error *e)
{
	struct meter *m = chain_bill(t).meter;

	meter_add(m, METER_ERRORS, 1);
	meter_add(m, METER_LIMITED, strcmp(e->code, "rate_limit_exceeded") == 0);
	meter_add(m, METER_FAILOVERS, t->tried != BIT(t->engine->chain.n) - 1);
}

int chain_stt_new(struct stt **out, const struct stt_ops **ops, const struct chain_stt_member *m, size_t n)
{
	struct stt *e = mem_zalloc(sizeof(*e));
	unsigned all = ~0u, any = 0;

	if (!e)
		return -ENOMEM;
	memcpy(e->members, m, n * sizeof(*m));
	for (size_t i = 0; i < n; i++) {
		all &= m[i].ops->caps;
		any |= m[i].ops->caps;
	}
	e->ops = (struct stt_ops){ .name = m[0].ops->name, .caps = (any & STT_PARTIALS) | (all & ~(unsigned)STT_PARTIALS),
				   .begin = chain_begin, .room = chain_room, .push = chain_push, .settle = chain_settle,
				   .end = chain_end, .cancel = chain_cancel, .bill = chain_bill, .free = chain_free };
	e->chain.n = n;
	for (size_t i = 0; i < n; i++)
		e->chain.of[i] = m[i].health;
	pthread_mutex_init(&e->lock, NULL);
	list_init(&e->turns);
	*out = e;
	*ops = &e->ops;
	return 0;
}
