/* rig_purse.h - for tests: somebody who pays for one session, and what engines cost. */
#pragma once

#include "engine/price.h"
#include "session/session.h"

struct rig_purse {
	uint64_t money, tokens; /* limits; 0: none */
	struct cost spent;
	const struct engines *engines[N_COST_LEVELS];
	unsigned n_begun, n_ended;
};

static inline int purse_begin(void *ctx, uint64_t key, struct payer **out)
{
	struct rig_purse *p = ctx;

	(void)key;
	p->n_begun++;
	*out = ctx;
	return 0;
}

static inline enum cost_level purse_spend(struct payer *payer, const struct cost *used,
					  struct cost_left *left)
{
	struct rig_purse *p = (struct rig_purse *)(void *)payer;

	cost_add(&p->spent, used);
	uint64_t tokens = cost_tokens(&p->spent);
	if (p->money)
		left->money[COST_OF_SESSION] = p->money - MIN(p->money, p->spent.money);
	if (p->tokens) {
		left->tokens[COST_OF_SESSION] = p->tokens - MIN(p->tokens, tokens);
		left->tokens_limit = p->tokens;
		left->tokens_remaining = left->tokens[COST_OF_SESSION];
	}
	return MAX(cost_level_at(p->spent.money, p->money), cost_level_at(tokens, p->tokens));
}

static inline const struct engines *purse_engines(struct payer *payer, enum cost_level l,
						  const char *collection)
{
	(void)collection;
	return ((struct rig_purse *)(void *)payer)->engines[l];
}

static inline void purse_end(struct payer *payer)
{
	((struct rig_purse *)(void *)payer)->n_ended++;
}

static const struct payer_ops purse_ops = { purse_begin, purse_spend, purse_engines, purse_end };
