#include "engine/relay.h"

#include "base/loop.h"
#include "base/test.h"

enum { N_EVENTS = 200 };

/* A worker that counts to N_EVENTS for a sink on the loop. */
struct counter {
	struct relay relay;
	bool lose, cancel_at_10; /* how it shall go */
};

static atomic_int n_freed;

struct heard {
	int next, n_done, n_lost;
	bool disorder;
	struct relay *cancel_at_10;
};

static void on_number(struct relay *r, void *payload)
{
	struct heard *h = r->owner;
	int i = *(int *)payload;

	h->disorder = h->disorder || i != h->next || h->n_done || h->n_lost;
	h->next = i + 1;
	if (i == 10 && h->cancel_at_10)
		relay_cancel(h->cancel_at_10);
}

static void on_done(struct relay *r, void *payload)
{
	(void)payload;
	((struct heard *)r->owner)->n_done++;
}

static void on_lost(struct relay *r)
{
	((struct heard *)r->owner)->n_lost++;
}

static void on_free(struct relay *r)
{
	n_freed++;
	mem_free(CONTAINER_OF(r, struct counter, relay));
}

static void work(struct relay *r)
{
	struct counter *c = CONTAINER_OF(r, struct counter, relay);

	for (int i = 0; i < N_EVENTS && !relay_cancelled(&c->relay); i++)
		relay_send(&c->relay, RELAY_MORE, on_number, &i, sizeof(i));
	if (c->lose)
		relay_lose(&c->relay);
	relay_send(&c->relay, RELAY_LAST, on_done, NULL, 0);
	relay_send(&c->relay, RELAY_LAST, on_done, NULL, 0); /* too late: dropped */
}

static const struct relay_ops counter_ops = {
	.work = work, .on_lost = on_lost, .on_free = on_free,
};

struct rig {
	struct loop *loop;
	struct pool *pool;
	struct relay_set set;
};

static int rig_make(struct rig *r)
{
	n_freed = 0;
	int err = loop_new(&r->loop, 0);
	if (!err)
		err = pool_new(&r->pool, POOL_TURN, 2);
	relay_set_init(&r->set, r->pool);
	return err;
}

static inline void rig_auto_(struct rig *r)
{
	relay_set_done(&r->set);
	pool_free(r->pool);
	loop_free(r->loop);
}

static struct counter *start(struct rig *r, struct heard *h, struct counter how)
{
	struct counter *c = mem_zalloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = how;
	if (how.cancel_at_10)
		h->cancel_at_10 = &c->relay;
	relay_run(&c->relay, &counter_ops, &r->set, &(struct relay_to){ r->loop, NULL, h, 1 });
	return c;
}

static void run_until(struct rig *r, const int *n)
{
	for (int i = 0; i < 5000 && !*n; i++)
		loop_once(r->loop, 1);
	loop_once(r->loop, 2);
}

static void delivers_in_order_and_ends_once(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct heard h[4] = { 0 };

	CHECK_EQ(rig_make(&r), 0);
	for (size_t i = 0; i < ARRAY_LEN(h); i++)
		CHECK(start(&r, &h[i], (struct counter){ 0 }));
	for (size_t i = 0; i < ARRAY_LEN(h); i++) {
		for (int k = 0; k < 5000 && !h[i].n_done && !h[i].n_lost; k++)
			loop_once(r.loop, 1);
		CHECK(!h[i].disorder);
		CHECK_EQ(h[i].n_done, 1);
		CHECK_EQ(h[i].next, N_EVENTS);
	}
}

static void cancel_inside_a_handler_ends_it(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct heard h = { 0 };

	CHECK_EQ(rig_make(&r), 0);
	CHECK(start(&r, &h, (struct counter){ .cancel_at_10 = true }));
	for (int i = 0; i < 3000 && !n_freed; i++)
		loop_once(r.loop, 1);
	CHECK_EQ(n_freed, 1);
	CHECK_EQ(h.next, 11);
	CHECK_EQ(h.n_done + h.n_lost, 0);
}

static void losing_is_a_completion(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct heard h = { 0 };

	CHECK_EQ(rig_make(&r), 0);
	CHECK(start(&r, &h, (struct counter){ .lose = true }));
	run_until(&r, &h.n_lost);
	CHECK_EQ(h.n_lost, 1);
	CHECK_EQ(h.n_done, 0);
	CHECK_EQ(h.next, N_EVENTS);
}

static void closing_ends_all_silently(void)
{
	struct rig r = { 0 };
	struct heard h[3] = { 0 };
	int n_started = 0;
	bool made = rig_make(&r) == 0;

	for (size_t i = 0; made && i < ARRAY_LEN(h); i++)
		n_started += start(&r, &h[i], (struct counter){ 0 }) != NULL;
	relay_set_done(&r.set);
	int told = h[0].next + h[1].next + h[2].next;
	if (r.loop)
		loop_once(r.loop, 2);
	pool_free(r.pool);
	loop_free(r.loop);
	CHECK(made);
	CHECK_EQ(told, h[0].next + h[1].next + h[2].next);
	CHECK_EQ(h[0].n_done + h[1].n_done + h[2].n_done, 0);
	CHECK_EQ(n_freed, n_started);
}

TESTS({ "delivers_in_order_and_ends_once", delivers_in_order_and_ends_once },
      { "cancel_inside_a_handler_ends_it", cancel_inside_a_handler_ends_it },
      { "losing_is_a_completion", losing_is_a_completion },
      { "closing_ends_all_silently", closing_ends_all_silently })
