/* chain.h - which of several services a piece of work asks: the first in the order given that is well.
 *
 * Who is well, and who rests for how long, is health.h's, of which each service has one, shared by all
 * chains that it is in. Time comes in as an argument. Any thread.
 */
#pragma once

#include "service/health.h"

enum { CHAIN_MAX = 16 };

struct chain {
	size_t n;
	struct health *of[CHAIN_MAX]; /* borrowed; in the order they are asked */
};

/* What is asked ends in health_failed(), health_well(), or neither where nothing was learnt.
 * tried: bits of those that this piece of work has asked in vain. c->n: none is left that is well. */
MUST_USE size_t chain_pick_well(struct chain *c, unsigned tried, uint64_t now_us);
/* As above, but when all that are left rest, the one whose rest is over first is asked all the same:
 * nothing is lost by it. c->n: none is left. */
MUST_USE size_t chain_pick(struct chain *c, unsigned tried, uint64_t now_us);
/* How long until one of them may be asked. */
uint64_t chain_rest_ms(struct chain *c, uint64_t now_us);
