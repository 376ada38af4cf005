#include "api/budget.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

LOG_TOPIC("budget");

enum { DAYS = 3 /* yesterday, today, tomorrow */, DAY_S = 24 * 3600 };

struct account {
	atomic_ullong key; /* 0: free; of a day's sum: unused */
	atomic_ullong money, tokens;
	uint64_t kept_money, kept_tokens; /* that the ledger has; the worker's */
};

/* Sessions look at the one of the present day only, so tomorrow's, which was the one of the day before
 * yesterday, can be cleared by the worker while nobody looks. */
struct day {
	atomic_ullong number; /* since 1970 */
	struct account all;
	struct account *keys; /* [BUDGET_KEYS]; never taken back within a day */
};

struct budgets {
	struct budget_params p;
	bool limits; /* any */
	struct day days[DAYS];
	struct ledger ledger;
	bool failing; /* told once */
	atomic_flag writing;
};

struct payer {
	struct budgets *b;
	uint64_t key;
	struct cost spent;
	const struct day *day; /* that `mine` is of */
	uint64_t number;
	struct account *mine; /* NULL: it has none */
};

/* --- "2.50 100000 tokens" ------------------------------------------------------------------------ */

static const char *skip(const char *p)
{
	return p + strspn(p, " \t");
}

static bool take_word(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n) != 0)
		return false;
	*p = skip(*p + n);
	return true;
}

int budget_parse(const char *text, struct budget *out, char why[static BUDGET_WHY])
{
	struct budget b = { 0 };

	for (const char *p = text ? skip(text) : ""; *p;) {
		char *end;
		double v = strtod(p, &end);
		bool number = end != p && isfinite(v) && v > 0 && v < 1e9 && *p != '-';

		p = skip(end);
		bool tokens = number && (take_word(&p, "tokens") || take_word(&p, "token"));
		uint64_t *to = tokens ? &b.tokens : &b.money;
		if (!number || *to) {
			snprintf(why, BUDGET_WHY, "wants an amount of money, of tokens, or both, such as '2.50 100000 tokens', not '%.60s'",
				 text);
			return -EINVAL;
		}
		*to = tokens ? (uint64_t)(v + 0.5) : (uint64_t)(v * COST_UNIT + 0.5);
	}
	*out = b;
	return 0;
}

/* --- accounts ---------------------------------------------------------------------------------------- */

static uint64_t today(const struct budgets *b)
{
	return env_wall(b->p.env) / US_PER_S / DAY_S;
}

static struct day *day_of(struct budgets *b, uint64_t number)
{
	struct day *d = &b->days[number % DAYS];

	/* After a leap of the clock the worker comes first. */
	return atomic_load_explicit(&d->number, memory_order_acquire) == number ? d : NULL;
}

/* NULL: they are all taken. */
static struct account *account_of(const struct day *d, uint64_t key)
{
	for (size_t i = 0; d->keys && i < BUDGET_KEYS; i++) {
		struct account *a = &d->keys[(key + i) % BUDGET_KEYS];
		unsigned long long is = 0;

		if (atomic_compare_exchange_strong(&a->key, &is, key) || is == key)
			return a;
	}
	return NULL;
}

static void clear(struct account *a)
{
	atomic_store(&a->key, 0);
	atomic_store(&a->money, 0);
	atomic_store(&a->tokens, 0);
	a->kept_money = a->kept_tokens = 0;
}

static void prepare(struct budgets *b, uint64_t number)
{
	struct day *d = &b->days[number % DAYS];

	if (atomic_load(&d->number) == number)
		return;
	clear(&d->all);
	for (size_t i = 0; d->keys && i < BUDGET_KEYS; i++)
		clear(&d->keys[i]);
	atomic_store_explicit(&d->number, number, memory_order_release);
}

static void charge(struct account *a, const struct cost *used)
{
	if (!a)
		return;
	atomic_fetch_add_explicit(&a->money, used->money, memory_order_relaxed);
	atomic_fetch_add_explicit(&a->tokens, cost_tokens(used), memory_order_relaxed);
}

/* --- for sessions --------------------------------------------------------------------------------------- */

static int begin(void *ctx, uint64_t key, struct payer **out)
{
	struct payer *p = mem_zalloc(sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->b = ctx;
	p->key = key;
	*out = p;
	return 0;
}

static void end(struct payer *p)
{
	mem_free(p);
}

static const struct engines *engines(struct payer *p, enum cost_level l, const char *collection)
{
	return p->b->p.engines ? p->b->p.engines(p->b->p.ctx, l, collection) : NULL;
}

static uint64_t rest(uint64_t budget, uint64_t used)
{
	return !budget ? COST_UNLIMITED : budget - MIN(budget, used);
}

/* One scope's part of what is left, and its level. */
static enum cost_level weigh(const struct budget *budget, uint64_t money, uint64_t tokens,
			     enum cost_scope which, struct cost_left *left)
{
	left->money[which] = rest(budget->money, money);
	left->tokens[which] = rest(budget->tokens, tokens);
	return MAX(cost_level_at(money, budget->money), cost_level_at(tokens, budget->tokens));
}

/* Clients are told of the budget of tokens that will be used up first. */
static void note_tightest(const struct budgets *b, struct cost_left *left)
{
	left->tokens_limit = left->tokens_remaining = COST_UNLIMITED;
	for (size_t i = 0; i < N_COST_SCOPES; i++) {
		if (left->tokens[i] >= left->tokens_remaining)
			continue;
		left->tokens_limit = b->p.of[i].tokens;
		left->tokens_remaining = left->tokens[i];
		left->reset_s = i == COST_OF_SESSION ? 0 : DAY_S - env_wall(b->p.env) / US_PER_S % DAY_S;
	}
}

static uint64_t money_of(struct account *a)
{
	return a ? atomic_load_explicit(&a->money, memory_order_relaxed) : 0;
}

static uint64_t tokens_of(struct account *a)
{
	return a ? atomic_load_explicit(&a->tokens, memory_order_relaxed) : 0;
}

static enum cost_level spend(struct payer *p, const struct cost *used, struct cost_left *left)
{
	struct budgets *b = p->b;
	const struct budget *of = b->p.of;
	uint64_t number = today(b);
	struct day *d = day_of(b, number);
	struct account *all = d ? &d->all : NULL;

	if (d != p->day || number != p->number)
		p->mine = d ? account_of(d, p->key) : NULL;
	p->day = d;
	p->number = number;
	cost_add(&p->spent, used);
	charge(p->mine, used);
	charge(all, used);
	enum cost_level l = weigh(&of[COST_OF_SESSION], p->spent.money, cost_tokens(&p->spent),
				  COST_OF_SESSION, left);
	l = MAX(l, weigh(&of[COST_OF_KEY], money_of(p->mine), tokens_of(p->mine), COST_OF_KEY, left));
	l = MAX(l, weigh(&of[COST_OF_DAY], money_of(all), tokens_of(all), COST_OF_DAY, left));
	note_tightest(b, left);
	return l;
}

static const struct payer_ops payer_ops = { begin, spend, engines, end };

struct payers budgets_payers(const struct budgets *b, uint64_t key)
{
	if (!b)
		return (struct payers){ 0 };
	return (struct payers){ b->limits ? &payer_ops : NULL, (void *)(uintptr_t)b, key, b->p.currency };
}

/* --- the ledger ------------------------------------------------------------------------------------------ */

/* What others, or we before, have spent. */
static void raise_to(struct account *a, const struct ledger_row *sums)
{
	if (sums->money > a->kept_money)
		atomic_fetch_add(&a->money, sums->money - a->kept_money);
	if (sums->tokens > a->kept_tokens)
		atomic_fetch_add(&a->tokens, sums->tokens - a->kept_tokens);
	a->kept_money = sums->money;
	a->kept_tokens = sums->tokens;
}

static void on_row(void *ctx, const struct ledger_row *row)
{
	struct day *d = ctx;
	struct account *a = row->key ? account_of(d, row->key) : &d->all;

	if (a)
		raise_to(a, row);
}

/* What an account owes the ledger. */
struct debt {
	struct account *of;
	struct ledger_row owed, sums;
};

enum { DEBTS = 256 /* of one transaction */ };

static bool owes(struct account *a, uint64_t key, struct debt *to)
{
	*to = (struct debt){ .of = a, .owed = { key, atomic_load(&a->money) - a->kept_money,
						atomic_load(&a->tokens) - a->kept_tokens } };
	return to->owed.money || to->owed.tokens;
}

static size_t collect(struct day *d, struct debt debts[static DEBTS])
{
	size_t n = owes(&d->all, 0, &debts[0]);

	for (size_t i = 0; d->keys && i < BUDGET_KEYS && n < DEBTS; i++) {
		uint64_t key = atomic_load(&d->keys[i].key);

		n += key && owes(&d->keys[i], key, &debts[n]);
	}
	return n;
}

static int pay(struct budgets *b, uint64_t number, struct debt *debts, size_t n)
{
	int r = ledger_begin(&b->ledger);

	if (r != 0)
		return r;
	for (size_t i = 0; i < n && r == 0; i++) {
		debts[i].sums = debts[i].owed;
		r = ledger_add(&b->ledger, number, &debts[i].sums);
	}
	r = ledger_finish(&b->ledger, r);
	for (size_t i = 0; i < n && r == 0; i++) {
		debts[i].of->kept_money += debts[i].owed.money;
		debts[i].of->kept_tokens += debts[i].owed.tokens;
		raise_to(debts[i].of, &debts[i].sums);
	}
	return r;
}

static int write_day(struct budgets *b, uint64_t number)
{
	struct day *d = day_of(b, number);
	struct debt debts[DEBTS];
	size_t n = DEBTS;
	int r = 0;

	while (d && n == DEBTS && r == 0) {
		n = collect(d, debts);
		r = n ? pay(b, number, debts, n) : 0;
	}
	return r;
}

static void tend(struct budgets *b)
{
	uint64_t now = today(b);
	int r = write_day(b, now - 1); /* what was spent in its last moments */
	if (r == 0)
		r = write_day(b, now);
	if (r != 0 && !b->failing)
		log_warn("what=\"what was spent is counted, but cannot be written\" why=\"%s\"",
			 ledger_why(&b->ledger));
	b->failing = r != 0;
	prepare(b, now);
	prepare(b, now + 1);
	if (!b->failing)
		ledger_tend(&b->ledger, now);
}

void budgets_tend(struct budgets *b)
{
	if (!b->limits || atomic_flag_test_and_set(&b->writing))
		return;
	tend(b);
	atomic_flag_clear(&b->writing);
}

/* --- life ---------------------------------------------------------------------------------------------------- */

static bool is_limited(const struct budget *of)
{
	for (size_t i = 0; i < N_COST_SCOPES; i++)
		if (of[i].money || of[i].tokens)
			return true;
	return false;
}

static int open_days(struct budgets *b)
{
	const struct budget *key = &b->p.of[COST_OF_KEY];

	for (size_t i = 0; i < DAYS && (key->money || key->tokens); i++) {
		b->days[i].keys = mem_zalloc(BUDGET_KEYS * sizeof(struct account));
		if (!b->days[i].keys)
			return -ENOMEM;
	}
	prepare(b, today(b));
	prepare(b, today(b) + 1);
	return 0;
}

int budgets_new(struct budgets **out, const struct budget_params *p, char why[static STORE_WHY])
{
	struct budgets *b = mem_zalloc(sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->p = *p;
	b->limits = is_limited(p->of);
	int r = ledger_init(&b->ledger, p->dir);
	if (r == 0 && b->limits)
		r = open_days(b);
	if (r == 0 && b->limits)
		r = ledger_read(&b->ledger, today(b), on_row, day_of(b, today(b)));
	if (r == 0) {
		*out = b;
		return 0;
	}
	snprintf(why, STORE_WHY, "%s", r == -ENOMEM ? "not enough memory" : ledger_why(&b->ledger));
	b->limits = false; /* nothing to write */
	budgets_free(b);
	return r;
}

void budgets_free(struct budgets *b)
{
	if (!b)
		return;
	budgets_tend(b);
	ledger_done(&b->ledger);
	for (size_t i = 0; i < DAYS; i++)
		mem_free(b->days[i].keys);
	mem_free(b);
}

/* --- metrics --------------------------------------------------------------------------------------------------- */

static void gauge(struct buf *to, const char *name, const char *help)
{
	buf_printf(to, "# HELP voiced_%s %s\n# TYPE voiced_%s gauge\n", name, help, name);
}

void budgets_write(const struct budgets *b, struct buf *to)
{
	const struct budget *of = b ? &b->p.of[COST_OF_DAY] : NULL;
	struct day *d = b && b->limits ? day_of((struct budgets *)(uintptr_t)b, today(b)) : NULL;

	if (!d)
		return;
	gauge(to, "budget_day_spent_money", "Money spent today (UTC), as the prices say.");
	buf_printf(to, "voiced_budget_day_spent_money %.6f\n", (double)money_of(&d->all) / COST_UNIT);
	gauge(to, "budget_day_spent_tokens", "Tokens used today (UTC).");
	buf_printf(to, "voiced_budget_day_spent_tokens %" PRIu64 "\n", tokens_of(&d->all));
	if (of->money) {
		gauge(to, "budget_day_left_money", "Money that is left of today's budget.");
		buf_printf(to, "voiced_budget_day_left_money %.6f\n",
			   (double)rest(of->money, money_of(&d->all)) / COST_UNIT);
	}
	if (of->tokens) {
		gauge(to, "budget_day_left_tokens", "Tokens that are left of today's budget.");
		buf_printf(to, "voiced_budget_day_left_tokens %" PRIu64 "\n",
			   rest(of->tokens, tokens_of(&d->all)));
	}
}
