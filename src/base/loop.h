/* loop.h - one thread's event loop (libuv), its timers, and the way in from other threads.
 *
 * A session lives and dies on one loop; everything here is called on the loop's
 * own thread, except loop_post(), loop_post_wait() and loop_stop(), which any
 * thread may call. Times are env_system's monotonic microseconds.
 */
#pragma once

#include "base/defs.h"

struct loop;
struct uv_loop_s; /* libuv's, for net/ only */

enum { LOOP_POST_MAX = 64, LOOP_QUEUE = 16384 };

MUST_USE int loop_new(struct loop **out, unsigned index);
void loop_free(struct loop *l); /* after loop_run() has returned; pending posts are run first */
AUTO_DEF(loop)

/* Runs until loop_stop(). Then handles that are still open are closed and their
 * close callbacks run, so that loop_free() finds nothing left. */
MUST_USE int loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* Serve what is ready and what is due, waiting no longer than wait_ms: for tests
 * and for programs that are not servers. */
void loop_once(struct loop *l, unsigned wait_ms);

unsigned loop_index(const struct loop *l);
struct uv_loop_s *loop_uv(struct loop *l);
uint64_t loop_now_us(const struct loop *l); /* fresh, not the start of the iteration */
bool loop_is_here(const struct loop *l);    /* are we on this loop's thread? */

/* Run fn(copy of payload) on the loop's thread. Order is kept per poster.
 * 0, or -EAGAIN when LOOP_QUEUE posts wait (the caller keeps what it had). */
MUST_USE int loop_post(struct loop *l, void (*fn)(void *payload), const void *payload, size_t n);
/* For worker threads, which may wait: sleeps until there is room. */
void loop_post_wait(struct loop *l, void (*fn)(void *payload), const void *payload, size_t n);

/* A one-shot timer, embedded in its owner. Zero is valid and stopped. The timer is
 * stopped before its handler runs; the handler may free its owner. */
struct timer {
	uint64_t at_us;
	size_t slot; /* place in the heap + 1; 0: stopped */
	void (*on_due)(struct timer *t);
};

MUST_USE int timer_set(struct loop *l, struct timer *t, uint64_t at_us); /* or move it */
void timer_stop(struct loop *l, struct timer *t);
