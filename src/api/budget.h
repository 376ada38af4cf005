/* budget.h - who pays for sessions (session/cost.h): budgets of a session, of a key's day and of the
 * service's day, in money and tokens.
 *
 * Sessions spend and ask on their loops: a few relaxed atomics, no lock, no disk. A worker writes what
 * was spent into the ledger (ledger.h) every few seconds, so a program that ends by itself or by a
 * crash forgets no more than those, and a stop by signal nothing. Days are of UTC.
 *
 * A key is what a session was opened with: each client secret is one, the API key (its cookie,
 * and nobody's name where none is needed) is another. The first BUDGET_KEYS of a day have accounts
 * of their own; later ones have none but count for the day.
 */
#pragma once

#include "api/ledger.h"
#include "base/env.h"
#include "session/cost.h"

struct budgets;

enum { BUDGET_KEYS = 8192, BUDGET_WHY = 200 };

/* 0: no limit. */
struct budget {
	uint64_t money; /* in COST_UNIT */
	uint64_t tokens;
};

/* "2.50", "100000 tokens", or both: "2.50 100000 tokens"; NULL or "": none. -EINVAL: a sentence
 * in why[], which says what it should be. */
MUST_USE int budget_parse(const char *text, struct budget *out, char why[static BUDGET_WHY]);

struct budget_params {
	const struct env *env;
	const char *dir;                  /* of the data; copied                             */
	struct budget of[N_COST_SCOPES];  /* all zero: nothing is kept, and nobody is asked  */
	const char *currency;             /* for display; or NULL; borrowed                  */
	/* What is left where money is not: of COST_CHEAPER and COST_EMBEDDED; NULL: none. Any loop. */
	const struct engines *(*engines)(void *ctx, enum cost_level l, const char *collection);
	void *ctx;
};

/* Reads today's part of the ledger. 0; -ENOMEM or another -errno, and a sentence in why[]. */
MUST_USE int budgets_new(struct budgets **out, const struct budget_params *p, char why[static STORE_WHY]);
/* Writes the rest. After the last session. */
void budgets_free(struct budgets *b);
AUTO_DEF(budgets)

/* For session_params. key: not 0. b NULL: nobody pays. */
struct payers budgets_payers(const struct budgets *b, uint64_t key);
/* Writes what is new. For a worker, every few seconds; of two at once one does it. */
void budgets_tend(struct budgets *b);

/* Of the day: for /metrics. b may be NULL. */
void budgets_write(const struct budgets *b, struct buf *to);
