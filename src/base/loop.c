#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/env.h"

struct post {
	void (*fn)(void *payload);
	_Alignas(max_align_t) uint8_t payload[LOOP_POST_MAX];
};

struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	uv_timer_t tick; /* set to the earliest of `heap` */
	unsigned index;
	uv_thread_t thread;
	bool running, stopping;

	uv_mutex_t lock; /* guards the queue, nothing else */
	struct post *queue;
	size_t head, n;

	struct timer **heap;
	size_t n_heap, cap_heap;
};

/* --- posts ------------------------------------------------------------------ */

static bool take_post(struct loop *l, struct post *out)
{
	uv_mutex_lock(&l->lock);
	bool any = l->n > 0;
	if (any) {
		*out = l->queue[l->head];
		l->head = (l->head + 1) % LOOP_QUEUE;
		l->n--;
	}
	uv_mutex_unlock(&l->lock);
	return any;
}

static void run_posts(struct loop *l)
{
	struct post p;

	/* No more than were there at first: a post that posts must not starve the sockets. */
	for (size_t budget = LOOP_QUEUE; budget > 0 && take_post(l, &p); budget--)
		p.fn(p.payload);
}

static void on_wake(uv_async_t *a)
{
	struct loop *l = a->data;

	run_posts(l);
	uv_mutex_lock(&l->lock);
	bool stop = l->stopping && l->n == 0;
	uv_mutex_unlock(&l->lock);
	if (stop)
		uv_stop(&l->uv);
}

int loop_post(struct loop *l, void (*fn)(void *), const void *payload, size_t n)
{
	int r = -EAGAIN;

	assert(n <= LOOP_POST_MAX);
	uv_mutex_lock(&l->lock);
	if (l->n < LOOP_QUEUE) {
		struct post *p = &l->queue[(l->head + l->n) % LOOP_QUEUE];

		p->fn = fn;
		if (n)
			memcpy(p->payload, payload, n);
		l->n++;
		r = 0;
	}
	uv_mutex_unlock(&l->lock);
	if (r == 0)
		uv_async_send(&l->wake);
	return r;
}

void loop_post_wait(struct loop *l, void (*fn)(void *), const void *payload, size_t n)
{
	static const struct timespec ms = { .tv_nsec = 1000000 };

	while (loop_post(l, fn, payload, n) != 0)
		nanosleep(&ms, NULL);
}

/* --- timers: a binary heap by at_us ------------------------------------------ */

static void heap_put(struct loop *l, size_t i, struct timer *t)
{
	l->heap[i] = t;
	t->slot = i + 1;
}

static void heap_up(struct loop *l, size_t i)
{
	struct timer *t = l->heap[i];

	while (i > 0 && l->heap[(i - 1) / 2]->at_us > t->at_us) {
		heap_put(l, i, l->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(l, i, t);
}

static void heap_down(struct loop *l, size_t i)
{
	struct timer *t = l->heap[i];

	for (size_t c; (c = 2 * i + 1) < l->n_heap; i = c) {
		if (c + 1 < l->n_heap && l->heap[c + 1]->at_us < l->heap[c]->at_us)
			c++;
		if (l->heap[c]->at_us >= t->at_us)
			break;
		heap_put(l, i, l->heap[c]);
	}
	heap_put(l, i, t);
}

static void on_tick(uv_timer_t *tick);

static void arm(struct loop *l)
{
	if (l->n_heap == 0) {
		uv_timer_stop(&l->tick);
		return;
	}
	uint64_t now = loop_now_us(l), at = l->heap[0]->at_us;
	uint64_t ms = at > now ? (at - now + US_PER_MS - 1) / US_PER_MS : 0;

	uv_update_time(&l->uv); /* libuv counts from the start of the iteration */
	uv_timer_start(&l->tick, on_tick, ms, 0);
}

static void on_tick(uv_timer_t *tick)
{
	struct loop *l = tick->data;
	uint64_t now = loop_now_us(l);

	while (l->n_heap > 0 && l->heap[0]->at_us <= now) {
		struct timer *t = l->heap[0];

		timer_stop(l, t);
		t->on_due(t);
	}
	arm(l);
}

int timer_set(struct loop *l, struct timer *t, uint64_t at_us)
{
	if (t->slot) {
		t->at_us = at_us;
		heap_up(l, t->slot - 1);
		heap_down(l, t->slot - 1);
		arm(l);
		return 0;
	}
	if (!mem_grow(&l->heap, &l->cap_heap, l->n_heap, sizeof(*l->heap)))
		return -ENOMEM;
	t->at_us = at_us;
	l->n_heap++;
	heap_put(l, l->n_heap - 1, t);
	heap_up(l, l->n_heap - 1);
	if (t->slot == 1)
		arm(l);
	return 0;
}

void timer_stop(struct loop *l, struct timer *t)
{
	if (!t->slot)
		return;
	size_t i = t->slot - 1;
	struct timer *last = l->heap[--l->n_heap];

	t->slot = 0;
	if (last == t)
		return;
	heap_put(l, i, last);
	heap_up(l, i);
	heap_down(l, last->slot - 1);
}

/* --- life --------------------------------------------------------------------- */

int loop_new(struct loop **out, unsigned index)
{
	struct loop *l = mem_zalloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->queue = mem_calloc(LOOP_QUEUE, sizeof(*l->queue));
	if (!l->queue || uv_loop_init(&l->uv) != 0) {
		mem_free(l->queue);
		mem_free(l);
		return -ENOMEM;
	}
	uv_mutex_init(&l->lock);
	uv_async_init(&l->uv, &l->wake, on_wake);
	uv_timer_init(&l->uv, &l->tick);
	l->wake.data = l->tick.data = l;
	l->index = index;
	l->thread = uv_thread_self();
	*out = l;
	return 0;
}

static void close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	run_posts(l);
	uv_walk(&l->uv, close_handle, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	uv_loop_close(&l->uv);
	uv_mutex_destroy(&l->lock);
	mem_free(l->queue);
	mem_free(l->heap);
	mem_free(l);
}

int loop_run(struct loop *l)
{
	l->thread = uv_thread_self();
	l->running = true;
	uv_run(&l->uv, UV_RUN_DEFAULT);
	l->running = false;
	return 0;
}

void loop_once(struct loop *l, unsigned wait_ms)
{
	uint64_t end = loop_now_us(l) + (uint64_t)wait_ms * US_PER_MS;
	struct timespec nap = { .tv_nsec = 500000 };

	do {
		if (uv_run(&l->uv, UV_RUN_NOWAIT) == 0)
			break;
		if (wait_ms)
			nanosleep(&nap, NULL);
	} while (loop_now_us(l) < end);
}

void loop_stop(struct loop *l)
{
	uv_mutex_lock(&l->lock);
	l->stopping = true;
	uv_mutex_unlock(&l->lock);
	uv_async_send(&l->wake);
}

unsigned loop_index(const struct loop *l)
{
	return l->index;
}

struct uv_loop_s *loop_uv(struct loop *l)
{
	return &l->uv;
}

uint64_t loop_now_us(const struct loop *l)
{
	(void)l;
	return env_now(&env_system);
}

bool loop_is_here(const struct loop *l)
{
	uv_thread_t self = uv_thread_self();
	return uv_thread_equal(&l->thread, &self) != 0;
}
