/* crew.h - threads that work ahead for one owner: items in, the same items out in the same order.
 *
 * The owner gives items and takes them back; in between work() has run on each, several at a
 * time. One thread gives and takes; work() may touch its item and what never changes.
 */
#pragma once

#include "base/pool.h"

struct crew;

struct crew_params {
	unsigned n_threads; /* 0: work() runs on the owner's thread, in crew_take() */
	size_t ahead;       /* items that may be under way; at least 1 */
	enum pool_priority priority;
	void (*work)(void *ctx, void *item);
	void *ctx;
};

MUST_USE int crew_new(struct crew **out, const struct crew_params *p);
void crew_free(struct crew *c); /* waits for what has been begun; items that are left are the owner's */
AUTO_DEF(crew)

MUST_USE bool crew_full(const struct crew *c);
void crew_give(struct crew *c, void *item); /* not when it is full */
/* The oldest item, once it has been worked on. NULL: not within wait_ms, or there is none. */
MUST_USE void *crew_take(struct crew *c, unsigned wait_ms);
/* The oldest item, worked on or not, after crew_stop(); NULL: there is none. */
MUST_USE void *crew_drop(struct crew *c);
/* Nothing is begun any more; returns when nothing is being worked on. */
void crew_stop(struct crew *c);
