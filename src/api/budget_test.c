#include "api/budget.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/log.h"
#include "base/test.h"
#include "base/testdir.h"

static const struct budget of_none;

struct bench {
	struct testdir dir;
	struct env_fake env;
	struct budgets *b;
	struct budget_params p;
};

static void bench_auto_(struct bench *t)
{
	budgets_free(t->b);
	testdir_auto_(&t->dir);
}

static int start(struct bench *t)
{
	char why[STORE_WHY];

	return budgets_new(&t->b, &t->p, why);
}

#define BENCH(t, session, key_, day)                                                               \
	AUTO(bench) struct bench t = { .dir = testdir_new() };                                     \
	env_fake_init(&t.env, 1);                                                                  \
	t.p = (struct budget_params){ .env = &t.env.env, .dir = t.dir.path, .currency = "EUR",     \
				      .of = { session, key_, day } };                              \
	CHECK_EQ(start(&t), 0)

struct seat_of {
	struct payers how;
	struct payer *p;
};

static void sitting_auto_(struct seat_of *s)
{
	if (s->p)
		s->how.ops->end(s->p);
}

static struct seat_of sit(const struct bench *t, uint64_t key)
{
	struct seat_of s = { .how = budgets_payers(t->b, key) };

	if (s.how.ops->begin(s.how.ctx, key, &s.p) != 0)
		s.p = NULL;
	return s;
}

#define SIT(s, t, key)                                                                             \
	AUTO(sitting) struct seat_of s = sit(t, key);                                              \
	CHECK(s.p)

static enum cost_level use(struct seat_of *s, uint64_t money, uint64_t tokens, struct cost_left *left)
{
	return s->how.ops->spend(s->p, &(struct cost){ .money = money, .text_in = tokens }, left);
}

static void budgets_are_read_from_words(void)
{
	static const struct {
		const char *text;
		struct budget b;
		int r;
	} cases[] = {
		{ NULL, { 0 }, 0 },
		{ " ", { 0 }, 0 },
		{ "2", { .money = 2 * (uint64_t)COST_UNIT }, 0 },
		{ "0.25", { .money = COST_UNIT / 4 }, 0 },
		{ "1000 tokens", { .tokens = 1000 }, 0 },
		{ "1000tokens", { .tokens = 1000 }, 0 },
		{ "1000 tokens 1.5", { COST_UNIT + COST_UNIT / 2, 1000 }, 0 },
		{ "1.5  1e3 tokens ", { COST_UNIT + COST_UNIT / 2, 1000 }, 0 },
		{ "2 EUR", { 0 }, -EINVAL },
		{ "tokens", { 0 }, -EINVAL },
		{ "1 2", { 0 }, -EINVAL },
		{ "-1", { 0 }, -EINVAL },
		{ "nan", { 0 }, -EINVAL },
		{ "inf tokens", { 0 }, -EINVAL },
		{ "1e300", { 0 }, -EINVAL },
		{ "0", { 0 }, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct budget b = { 0 };
		char why[BUDGET_WHY] = "";

		CHECK_EQ(budget_parse(cases[i].text, &b, why), cases[i].r);
		CHECK_EQ(b.money, cases[i].b.money);
		CHECK_EQ(b.tokens, cases[i].b.tokens);
		CHECK(cases[i].r == 0 || strstr(why, "not '"));
	}
}

static void without_a_budget_nobody_pays(void)
{
	BENCH(t, of_none, of_none, of_none);
	struct payers p = budgets_payers(t.b, 1);
	CHECK(!p.ops);
	CHECK_STR(p.currency, "EUR");
	CHECK(!budgets_payers(NULL, 1).ops);
	budgets_tend(t.b);
	char path[256];
	snprintf(path, sizeof(path), "%s/budgets.db", t.dir.path);
	CHECK(access(path, F_OK) != 0);
}

static void each_scope_has_its_own_sum(void)
{
	struct cost_left left;

	BENCH(t, ((struct budget){ .money = 100 }), ((struct budget){ .money = 200 }),
	      ((struct budget){ .money = 1000, .tokens = 500 }));
	SIT(a, &t, 1);
	SIT(b, &t, 1);
	SIT(c, &t, 2);
	CHECK_EQ(use(&a, 60, 10, &left), COST_FULL);
	CHECK_EQ(left.money[COST_OF_SESSION], 40);
	CHECK_EQ(left.money[COST_OF_KEY], 140);
	CHECK_EQ(left.money[COST_OF_DAY], 940);
	CHECK_EQ(left.tokens[COST_OF_SESSION], COST_UNLIMITED);
	CHECK_EQ(left.tokens_limit, 500);
	CHECK_EQ(left.tokens_remaining, 490);
	CHECK_EQ(left.reset_s, 24 * 3600);
	CHECK_EQ(use(&a, 10, 0, &left), COST_COMPACT);
	CHECK_EQ(use(&a, 15, 0, &left), COST_CHEAPER);
	CHECK_EQ(use(&a, 20, 0, &left), COST_EMBEDDED);
	CHECK_EQ(left.money[COST_OF_SESSION], 0);
	/* Another session of the key: of its 200 there are 95 left. */
	CHECK_EQ(use(&b, 0, 0, &left), COST_FULL);
	CHECK_EQ(use(&b, 60, 0, &left), COST_COMPACT);
	CHECK_EQ(use(&b, 35, 0, &left), COST_EMBEDDED);
	CHECK_EQ(use(&c, 0, 0, &left), COST_FULL);
	CHECK_EQ(use(&c, 0, 489, &left), COST_CHEAPER); /* of the day's tokens one is left */
	CHECK_EQ(use(&c, 0, 1, &left), COST_EMBEDDED);
}

static void a_new_day_is_a_new_budget(void)
{
	struct cost_left left;

	BENCH(t, of_none, ((struct budget){ .tokens = 100 }), ((struct budget){ .tokens = 1000 }));
	SIT(a, &t, 1);
	CHECK_EQ(use(&a, 0, 100, &left), COST_EMBEDDED);
	for (int day = 0; day < 5; day++) {
		budgets_tend(t.b);
		env_fake_advance(&t.env, (uint64_t)24 * 3600 * US_PER_S);
		CHECK_EQ(use(&a, 0, 10, &left), COST_FULL);
		CHECK_EQ(left.tokens[COST_OF_KEY], 90);
		CHECK_EQ(left.tokens[COST_OF_DAY], 990);
	}
	/* A machine that has slept for a week: nobody has prepared the day until the worker comes. */
	env_fake_advance(&t.env, (uint64_t)7 * 24 * 3600 * US_PER_S);
	CHECK_EQ(use(&a, 0, 10, &left), COST_FULL);
	budgets_tend(t.b);
	CHECK_EQ(use(&a, 0, 100, &left), COST_EMBEDDED);
}

static void what_was_spent_survives_a_restart(void)
{
	struct cost_left left;

	BENCH(t, of_none, ((struct budget){ .money = 100 }), ((struct budget){ .money = 1000 }));
	{
		SIT(a, &t, 7);
		CHECK_EQ(use(&a, 80, 1, &left), COST_COMPACT);
	}
	/* The worker has written it; then the program is killed, as far as the file is concerned. */
	budgets_tend(t.b);
	struct budgets *killed = t.b;
	t.b = NULL;
	int r = start(&t);
	budgets_free(killed);
	GIVEN(r == 0);
	{
		SIT(b, &t, 7);
		SIT(c, &t, 8);
		CHECK_EQ(use(&b, 0, 0, &left), COST_COMPACT);
		CHECK_EQ(left.money[COST_OF_KEY], 20);
		CHECK_EQ(use(&b, 20, 0, &left), COST_EMBEDDED);
		CHECK_EQ(use(&c, 0, 0, &left), COST_FULL);
		CHECK_EQ(left.money[COST_OF_DAY], 900);
	}
	/* A stop by signal forgets nothing. */
	budgets_free(t.b);
	t.b = NULL;
	GIVEN(start(&t) == 0);
	SIT(d, &t, 7);
	CHECK_EQ(use(&d, 0, 0, &left), COST_EMBEDDED);
}

static void processes_share_a_budget(void)
{
	struct cost_left left;

	BENCH(t, of_none, of_none, ((struct budget){ .money = 100 }));
	struct bench other = { .p = t.p };
	CHECK_EQ(start(&other), 0);
	__attribute__((cleanup(bench_auto_))) struct bench mine = { .b = other.b };
	SIT(a, &t, 1);
	SIT(b, &mine, 1);
	CHECK_EQ(use(&a, 40, 0, &left), COST_FULL);
	CHECK_EQ(use(&b, 20, 0, &left), COST_FULL);
	budgets_tend(t.b);
	budgets_tend(mine.b); /* learns of the 40 */
	CHECK_EQ(use(&b, 10, 0, &left), COST_COMPACT);
	CHECK_EQ(left.money[COST_OF_DAY], 30);
}

static void what_cannot_be_written_is_counted_all_the_same(void)
{
	struct cost_left left;

	BENCH(t, of_none, of_none, ((struct budget){ .money = 100 }));
	char path[256];
	snprintf(path, sizeof(path), "%s/budgets.db", t.dir.path);
	FILE *f = fopen(path, "we"); /* no database */
	CHECK(f);
	bool written = fwrite("nonsense, nonsense", 1, 18, f) == 18;
	CHECK(fclose(f) == 0 && written);
	SIT(a, &t, 1);
	log_set_level(LOG_ERROR);
	CHECK_EQ(use(&a, 50, 0, &left), COST_FULL);
	budgets_tend(t.b);
	CHECK_EQ(use(&a, 50, 0, &left), COST_EMBEDDED);
	/* Once it can be written it is, all of it. */
	CHECK_EQ(unlink(path), 0);
	budgets_tend(t.b);
	budgets_free(t.b);
	t.b = NULL;
	GIVEN(start(&t) == 0);
	SIT(b, &t, 1);
	CHECK_EQ(use(&b, 0, 0, &left), COST_EMBEDDED);
}

enum { THREADS = 4, ROUNDS = 2000, KEYS = 50 };

static void *spender(void *arg)
{
	struct bench *t = arg;
	struct cost_left left;

	for (int i = 0; i < ROUNDS; i++) {
		AUTO(sitting) struct seat_of s = sit(t, (uint64_t)(1 + i % KEYS));

		use(&s, 1, 1, &left);
	}
	return NULL;
}

static void sessions_spend_on_many_loops_while_a_worker_writes(void)
{
	pthread_t threads[THREADS];
	struct cost_left left;

	if (getenv("VOICED_TEST_OOM"))
		return;
	BENCH(t, of_none, ((struct budget){ .money = 1000000 }), ((struct budget){ .money = 1000000 }));
	for (size_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, spender, &t), 0);
	for (int i = 0; i < 20; i++)
		budgets_tend(t.b);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	budgets_free(t.b);
	t.b = NULL;
	CHECK_EQ(start(&t), 0);
	SIT(s, &t, 1);
	use(&s, 0, 0, &left);
	CHECK_EQ(left.money[COST_OF_DAY], 1000000 - THREADS * ROUNDS);
	CHECK_EQ(left.money[COST_OF_KEY], 1000000 - THREADS * ROUNDS / KEYS);
}

static void metrics_tell_the_day(void)
{
	AUTO(buf) struct buf b = { 0 };
	struct cost_left left;

	BENCH(t, of_none, of_none, ((struct budget){ .money = 2 * (uint64_t)COST_UNIT }));
	SIT(a, &t, 1);
	use(&a, COST_UNIT / 2, 30, &left);
	budgets_write(t.b, &b);
	budgets_write(NULL, &b);
	buf_putc(&b, 0);
	CHECK(!b.failed);
	CHECK(strstr((char *)b.p, "\nvoiced_budget_day_spent_money 0.500000\n"));
	CHECK(strstr((char *)b.p, "\nvoiced_budget_day_spent_tokens 30\n"));
	CHECK(strstr((char *)b.p, "\nvoiced_budget_day_left_money 1.500000\n"));
	CHECK(!strstr((char *)b.p, "left_tokens"));
}

TESTS({ "budgets_are_read_from_words", budgets_are_read_from_words },
      { "without_a_budget_nobody_pays", without_a_budget_nobody_pays },
      { "each_scope_has_its_own_sum", each_scope_has_its_own_sum },
      { "a_new_day_is_a_new_budget", a_new_day_is_a_new_budget },
      { "what_was_spent_survives_a_restart", what_was_spent_survives_a_restart },
      { "processes_share_a_budget", processes_share_a_budget },
      { "what_cannot_be_written_is_counted_all_the_same", what_cannot_be_written_is_counted_all_the_same },
      { "sessions_spend_on_many_loops_while_a_worker_writes",
	sessions_spend_on_many_loops_while_a_worker_writes },
      { "metrics_tell_the_day", metrics_tell_the_day })
