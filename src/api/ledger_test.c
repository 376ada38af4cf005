#include "api/ledger.h"

#include <errno.h>

#include "base/test.h"
#include "base/testdir.h"

struct seen {
	struct ledger_row rows[4];
	size_t n;
};

static void on_row(void *ctx, const struct ledger_row *row)
{
	struct seen *s = ctx;

	if (s->n < ARRAY_LEN(s->rows))
		s->rows[s->n++] = *row;
}

static void ledger_auto_(struct ledger *l)
{
	ledger_done(l);
}

static int add(struct ledger *l, uint64_t day, uint64_t key, uint64_t money, struct ledger_row *sums)
{
	*sums = (struct ledger_row){ key, money, money * 10 };
	int r = ledger_begin(l);

	return r == 0 ? ledger_finish(l, ledger_add(l, day, sums)) : r;
}

#define LEDGER(l, dir)                                                                             \
	AUTO(testdir) struct testdir dir = testdir_new();                                          \
	AUTO(ledger) struct ledger l;                                                              \
	CHECK_EQ(ledger_init(&l, dir.path), 0)

static void sums_are_of_a_day_and_key(void)
{
	struct ledger_row sums;
	struct seen seen = { 0 };

	LEDGER(l, dir);
	CHECK_EQ(ledger_read(&l, 20000, on_row, &seen), 0);
	CHECK_EQ(seen.n, 0);
	CHECK_EQ(add(&l, 20000, 0, 5, &sums), 0);
	CHECK_EQ(add(&l, 20000, UINT64_MAX - 3, 7, &sums), 0);
	CHECK_EQ(add(&l, 20000, 0, 6, &sums), 0);
	CHECK_EQ(sums.money, 11);
	CHECK_EQ(sums.tokens, 110);
	CHECK_EQ(add(&l, 20001, 0, 1, &sums), 0);
	CHECK_EQ(sums.money, 1);
	CHECK_EQ(ledger_read(&l, 20000, on_row, &seen), 0);
	CHECK_EQ(seen.n, 2);
	uint64_t money = seen.rows[0].money + seen.rows[1].money;
	CHECK_EQ(money, 18);
	CHECK(seen.rows[0].key == UINT64_MAX - 3 || seen.rows[1].key == UINT64_MAX - 3);
}

static void what_is_undone_is_not_there(void)
{
	struct ledger_row row = { 1, 2, 3 };
	struct seen seen = { 0 };

	LEDGER(l, dir);
	CHECK_EQ(ledger_begin(&l), 0);
	int r = ledger_add(&l, 1, &row);
	CHECK(ledger_finish(&l, r ? r : -ECANCELED) != 0);
	CHECK_EQ(ledger_read(&l, 1, on_row, &seen), 0);
	CHECK_EQ(seen.n, 0);
}

static void old_days_are_forgotten(void)
{
	struct ledger_row sums;
	struct seen seen = { 0 };

	LEDGER(l, dir);
	CHECK_EQ(add(&l, 100, 0, 5, &sums), 0);
	CHECK_EQ(add(&l, 101, 0, 5, &sums), 0);
	ledger_tend(&l, 101 + LEDGER_DAYS);
	CHECK_EQ(ledger_read(&l, 101, on_row, &seen), 0);
	CHECK_EQ(seen.n, 1);
	CHECK_EQ(ledger_read(&l, 100, on_row, &seen), 0);
	CHECK(seen.n == 1 || mem_failed());
}

static void numbers_of_a_strange_file_do_no_harm(void)
{
	struct ledger_row sums;

	LEDGER(l, dir);
	CHECK_EQ(add(&l, 1, 0, 5, &sums), 0);
	CHECK_EQ(db_exec(&l.db.store, "UPDATE spent SET money = -7, tokens = 9223372036854775807"), 0);
	CHECK_EQ(add(&l, 1, 0, 1, &sums), 0);
	CHECK_EQ(sums.money, 0);
	CHECK(sums.tokens < UINT64_MAX / 2);
}

TESTS({ "sums_are_of_a_day_and_key", sums_are_of_a_day_and_key },
      { "what_is_undone_is_not_there", what_is_undone_is_not_there },
      { "old_days_are_forgotten", old_days_are_forgotten },
      { "numbers_of_a_strange_file_do_no_harm", numbers_of_a_strange_file_do_no_harm })
