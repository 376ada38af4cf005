/* chain.h - which of several services a piece of work asks: the first in the order given that is well.
 *
 * Who is well, and who rests for how long, is health.h's; when all that are left rest, the one whose rest
 * is over first is asked all the same: nothing is lost by it. Any thread.
 */
#pragma once

#include "base/env.h"
#include "engine/health.h"

enum { CHAIN_MAX = 8 };

struct chain {
	const struct env *env;
	size_t n;
	struct health healths[CHAIN_MAX];
};

/* n: 1..CHAIN_MAX. */
void chain_init(struct chain *c, const struct env *env, size_t n);
void chain_done(struct chain *c);
/* tried: bits of those that this piece of work has asked in vain. c->n: none is left. What was picked
 * ends in chain_failed(), chain_worked(), or neither where nothing was learnt. */
MUST_USE size_t chain_pick(struct chain *c, unsigned tried);
/* again_us: when the service wants to be asked again at the earliest, of env's clock; 0: it did not say. */
void chain_failed(struct chain *c, size_t i, uint64_t again_us);
void chain_worked(struct chain *c, size_t i);
/* For metrics and the status: does it rest now? */
MUST_USE bool chain_rests(struct chain *c, size_t i);
