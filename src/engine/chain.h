/* chain.h - which of several services is asked: the first in the order given that is well.
 *
 * One that fails rests: a second at first, twice as long after each further failure, a minute at most,
 * or as long as it asked for (Retry-After, five minutes at most). After its rest one piece of work tries
 * it, and the others keep away for two seconds more until that has gone well. When all rest, the one
 * whose rest is over first is asked all the same: nothing is lost by it. Any thread.
 */
#pragma once

#include <pthread.h>

#include "base/env.h"

enum { CHAIN_MAX = 8 };

struct chain {
	const struct env *env;
	size_t n;
	pthread_mutex_t lock;
	struct {
		uint64_t until_us; /* rests until then; 0: it is well */
		unsigned n_failures;
	} rests[CHAIN_MAX];
};

/* n: 1..CHAIN_MAX. */
void chain_init(struct chain *c, const struct env *env, size_t n);
void chain_done(struct chain *c);
/* tried: bits of those that this piece of work has asked in vain. c->n: none is left. */
MUST_USE size_t chain_pick(struct chain *c, unsigned tried);
/* again_us: when the service wants to be asked again at the earliest, of env's clock; 0: it did not say. */
void chain_failed(struct chain *c, size_t i, uint64_t again_us);
void chain_worked(struct chain *c, size_t i);
/* For metrics and the status: does it rest now? */
MUST_USE bool chain_rests(struct chain *c, size_t i);
