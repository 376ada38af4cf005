/* ledger.h - what was spent, by day and key, on disk: budgets.db in the data directory (small_db.h).
 *
 * One connection, for one thread at a time, which waits for the disk now and then: a worker's.
 * Several processes may share a data directory; each learns from ledger_add() what the others
 * have added.
 */
#pragma once

#include "api/small_db.h"

struct ledger {
	struct small_db db;
};

/* Of one key on one day; key 0: of all. In COST_UNIT (session/cost.h), and tokens. */
struct ledger_row {
	uint64_t key, money, tokens;
};

enum { LEDGER_DAYS = 62 /* that are kept */ };

MUST_USE int ledger_init(struct ledger *l, const char *dir);
void ledger_done(struct ledger *l);
const char *ledger_why(const struct ledger *l);

/* All rows of a day; on_row takes each. 0 or -errno. Nothing is made where nothing is. */
MUST_USE int ledger_read(struct ledger *l, uint64_t day,
			 void (*on_row)(void *ctx, const struct ledger_row *row), void *ctx);
/* Between begin and finish: adds a row's numbers to what is there; *row becomes the sums. 0 or -errno.
 * finish commits when r is 0, else undoes all since begin, and returns r. */
MUST_USE int ledger_begin(struct ledger *l);
MUST_USE int ledger_add(struct ledger *l, uint64_t day, struct ledger_row *row);
MUST_USE int ledger_finish(struct ledger *l, int r);
/* Forgets what is older than LEDGER_DAYS. */
void ledger_tend(struct ledger *l, uint64_t today);
