#include "engine/relay.h"

#include <string.h>

#include "base/alloc.h"
#include "base/loop.h"
#include "engine/ops.h"

const struct engine_error relay_no_memory = { "engine_unavailable", "The server is out of memory." };

struct event {
	struct node node;
	enum relay_order order;
	void (*deliver)(struct relay *r, void *payload);
	_Alignas(max_align_t) uint8_t payload[];
};

/* --- the set ------------------------------------------------------------------- */

void relay_set_init(struct relay_set *s, struct pool *pool)
{
	s->pool = pool;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->idle, NULL);
	list_init(&s->open);
	s->n_holding = 0;
}

static void relay_unref(struct relay *r)
{
	if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
		return;
	LIST_FOR(&r->events, n)
		mem_free(CONTAINER_OF(n, struct event, node));
	pthread_mutex_destroy(&r->lock);
	r->ops->on_free(r);
}

/* False: it had ended before. Whoever gets true owns the handle's reference. */
static bool leave_set(struct relay *r)
{
	struct relay_set *s = r->set;

	pthread_mutex_lock(&s->lock);
	bool was_open = node_linked(&r->node);
	node_unlink(&r->node);
	pthread_mutex_unlock(&s->lock);
	return was_open;
}

void relay_set_done(struct relay_set *s)
{
	for (;;) {
		pthread_mutex_lock(&s->lock);
		struct node *n = list_pop(&s->open);
		pthread_mutex_unlock(&s->lock);
		if (!n)
			break;
		struct relay *r = CONTAINER_OF(n, struct relay, node);
		atomic_store(&r->cancelled, true);
		relay_unref(r);
	}
	pthread_mutex_lock(&s->lock);
	while (s->n_holding > 0)
		pthread_cond_wait(&s->idle, &s->lock);
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->idle);
}

/* --- one relay -------------------------------------------------------------------- */

void relay_init(struct relay *r, const struct relay_ops *ops, struct relay_set *s,
		const struct relay_to *to)
{
	r->ops = ops;
	r->set = s;
	r->loop = to->loop;
	r->sink = to->sink;
	r->owner = to->owner;
	r->ticket = to->ticket;
	atomic_init(&r->refs, 1);
	atomic_init(&r->cancelled, false);
	pthread_mutex_init(&r->lock, NULL);
	list_init(&r->events);
	pthread_mutex_lock(&s->lock);
	list_push(&s->open, &r->node);
	pthread_mutex_unlock(&s->lock);
}

void relay_cancel(struct relay *r)
{
	atomic_store(&r->cancelled, true);
	if (leave_set(r))
		relay_unref(r);
}

bool relay_cancelled(const struct relay *r)
{
	return atomic_load_explicit(&r->cancelled, memory_order_relaxed);
}

void relay_hold(struct relay *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	pthread_mutex_lock(&r->set->lock);
	r->set->n_holding++;
	pthread_mutex_unlock(&r->set->lock);
}

void relay_release(struct relay *r)
{
	struct relay_set *s = r->set;

	relay_unref(r);
	pthread_mutex_lock(&s->lock);
	if (--s->n_holding == 0)
		pthread_cond_broadcast(&s->idle);
	pthread_mutex_unlock(&s->lock);
}

/* --- on a pool thread --------------------------------------------------------------- */

static void work(struct job *j)
{
	struct relay *r = CONTAINER_OF(j, struct relay, job);

	if (!relay_cancelled(r))
		r->ops->work(r);
}

static void worked(struct job *j)
{
	relay_release(CONTAINER_OF(j, struct relay, job));
}

void relay_run(struct relay *r, const struct relay_ops *ops, struct relay_set *s,
	       const struct relay_to *to)
{
	relay_init(r, ops, s, to);
	relay_hold(r);
	r->job = (struct job){ .work = work, .done = worked };
	pool_run(s->pool, &r->job);
}

/* --- to the loop --------------------------------------------------------------------- */

/* The next event, or NULL; *lost: on_lost is due. */
static struct event *take(struct relay *r, bool *lost)
{
	pthread_mutex_lock(&r->lock);
	struct node *n = list_pop(&r->events);
	if (!n) {
		*lost = r->lost;
		r->lost = false;
		r->posted = false;
	}
	pthread_mutex_unlock(&r->lock);
	return n ? CONTAINER_OF(n, struct event, node) : NULL;
}

/* The handle ends before the sink hears of it. False: it has ended, tell nobody. */
static bool may_tell(struct relay *r, enum relay_order o)
{
	if (relay_cancelled(r))
		return false;
	if (o == RELAY_MORE)
		return true;
	atomic_store(&r->cancelled, true);
	if (!leave_set(r))
		return false;
	relay_unref(r); /* the post still holds one */
	return true;
}

bool relay_complete(struct relay *r)
{
	return may_tell(r, RELAY_LAST);
}

static void drain(void *payload)
{
	struct relay *r = *(struct relay **)payload;
	struct event *e;
	bool lost = false;

	while ((e = take(r, &lost))) {
		if (may_tell(r, e->order))
			e->deliver(r, e->payload);
		mem_free(e);
	}
	if (lost && may_tell(r, RELAY_LAST))
		r->ops->on_lost(r);
	relay_unref(r);
}

static void post(struct relay *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	loop_post_wait(r->loop, drain, &r, sizeof(r));
}

/* e NULL: memory ran out. Takes e. */
static void put(struct relay *r, enum relay_order o, struct event *e)
{
	pthread_mutex_lock(&r->lock);
	bool take_it = !r->closed, must_post = take_it && !r->posted;
	if (take_it) {
		r->closed = o == RELAY_LAST || !e;
		r->lost = !e;
		r->posted = true;
		if (e)
			list_push(&r->events, &e->node);
	}
	pthread_mutex_unlock(&r->lock);
	if (!take_it)
		mem_free(e);
	if (must_post)
		post(r);
}

void relay_send(struct relay *r, enum relay_order o, void (*deliver)(struct relay *r, void *payload),
		const void *payload, size_t n)
{
	if (relay_cancelled(r))
		return;
	struct event *e = mem_alloc(sizeof(*e) + n);
	if (e) {
		*e = (struct event){ .order = o, .deliver = deliver };
		if (n)
			memcpy(e->payload, payload, n);
	}
	put(r, o, e);
}

void relay_lose(struct relay *r)
{
	put(r, RELAY_LAST, NULL);
}
