#include "engine/lm.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Word numbers. */
enum { NO_WORD = 0, START = 1, END = 2, FIRST_WORD = 3 };

struct lm {
	struct buf words;   /* NUL-terminated, one after the other  */
	struct buf offsets; /* uint32_t per word number             */
	uint32_t *slots;    /* word numbers, 0: empty               */
	size_t n_slots, n_words;
	struct buf stream; /* uint32_t: START w w w END START …; NO_WORD cuts */
};

/* --- words -------------------------------------------------------------------------- */

static const char *word_of(const struct lm *lm, uint32_t id)
{
	uint32_t at;

	memcpy(&at, lm->offsets.p + id * sizeof(at), sizeof(at));
	return (const char *)lm->words.p + at;
}

static size_t find_slot(const struct lm *lm, const char *w, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)w[i]) * 16777619u;
	size_t i = h & (lm->n_slots - 1);
	for (; lm->slots[i]; i = (i + 1) & (lm->n_slots - 1)) {
		const char *have = word_of(lm, lm->slots[i]);

		if (strlen(have) == n && memcmp(have, w, n) == 0)
			break;
	}
	return i;
}

static int grow_slots(struct lm *lm)
{
	size_t n = lm->n_slots ? lm->n_slots * 2 : 1024;
	uint32_t *old = lm->slots, *slots = mem_calloc(n, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	lm->slots = slots;
	lm->n_slots = n;
	for (uint32_t id = START; id < lm->n_words; id++) {
		const char *w = word_of(lm, id);

		lm->slots[find_slot(lm, w, strlen(w))] = id;
	}
	mem_free(old);
	return 0;
}

/* The word's number, NO_WORD: no memory. */
static uint32_t intern(struct lm *lm, const char *w, size_t n)
{
	if (lm->n_words * 2 >= lm->n_slots && grow_slots(lm) != 0)
		return NO_WORD;
	size_t slot = find_slot(lm, w, n);
	if (lm->slots[slot])
		return lm->slots[slot];

	uint32_t at = (uint32_t)lm->words.n, id = (uint32_t)lm->n_words;
	if (!buf_reserve(&lm->words, n + 1) || !buf_reserve(&lm->offsets, sizeof(at)))
		return NO_WORD;
	buf_put(&lm->words, w, n);
	buf_put(&lm->words, "", 1);
	buf_put(&lm->offsets, &at, sizeof(at));
	lm->n_words++;
	lm->slots[slot] = id;
	return id;
}

int lm_new(struct lm **out)
{
	struct lm *lm = mem_zalloc(sizeof(*lm));

	if (!lm)
		return -ENOMEM;
	/* Number 0 is no word; its slot in offsets only keeps the count. */
	uint32_t none = 0;
	buf_put(&lm->offsets, &none, sizeof(none));
	lm->n_words = 1;
	if (lm->offsets.failed || intern(lm, "<s>", 3) != START || intern(lm, "</s>", 4) != END) {
		lm_free(lm);
		return -ENOMEM;
	}
	*out = lm;
	return 0;
}

void lm_free(struct lm *lm)
{
	if (!lm)
		return;
	buf_done(&lm->words);
	buf_done(&lm->offsets);
	buf_done(&lm->stream);
	mem_free(lm->slots);
	mem_free(lm);
}

static size_t n_tokens(const struct lm *lm)
{
	return lm->stream.n / sizeof(uint32_t);
}

int lm_add(struct lm *lm, enum lm_sentence kind, const char *words)
{
	size_t had = lm->stream.n;
	uint32_t id = START, last = kind == LM_WHOLE ? END : NO_WORD;

	if (n_tokens(lm) > LM_TOKENS_MAX)
		return 0;
	buf_put(&lm->stream, &id, sizeof(id));
	for (size_t n; *(words += strspn(words, " ")); words += n) {
		n = strcspn(words, " ");
		id = intern(lm, words, n);
		buf_put(&lm->stream, &id, sizeof(id));
		if (id == NO_WORD || lm->stream.failed)
			break;
	}
	if (id == START) { /* no words: no sentence */
		lm->stream.n = had;
		return lm->stream.failed ? -ENOMEM : 0;
	}
	buf_put(&lm->stream, &last, sizeof(last));
	if (id != NO_WORD && !lm->stream.failed)
		return 0;
	lm->stream.n = had;
	lm->stream.failed = false;
	return -ENOMEM;
}

/* --- counts ------------------------------------------------------------------------------ */

struct gram {
	uint32_t w[3]; /* context first; unused ones at the end are 0 */
	uint32_t count;
	double p;   /* probability of the last word after the others */
	double bow; /* what is left for unseen followers, as a factor */
};

struct grams {
	struct gram *g;
	size_t n;
};

static int by_words(const void *a, const void *b)
{
	const struct gram *x = a, *y = b;

	for (size_t i = 0; i < 3; i++)
		if (x->w[i] != y->w[i])
			return x->w[i] < y->w[i] ? -1 : 1;
	return 0;
}

/* All runs of `order` tokens, sorted, equal ones counted. */
static int count(const struct lm *lm, size_t order, struct grams *out)
{
	const uint32_t *s = (const uint32_t *)(const void *)lm->stream.p;
	size_t n = n_tokens(lm), m = 0, kept = 0;
	struct gram *g = mem_calloc(n + 1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	for (size_t i = 0; i + order <= n; i++) {
		bool inside = true;

		for (size_t k = 0; k < order; k++)
			inside = inside && s[i + k] != NO_WORD && (k == 0 || s[i + k] != START);
		if (!inside)
			continue;
		memcpy(g[m].w, s + i, order * sizeof(*s));
		g[m++].count = 1;
	}
	qsort(g, m, sizeof(*g), by_words);
	for (size_t i = 0; i < m; i++) {
		if (kept && by_words(&g[kept - 1], &g[i]) == 0)
			g[kept - 1].count++;
		else
			g[kept++] = g[i];
	}
	*out = (struct grams){ g, kept };
	return 0;
}

static struct gram *find(const struct grams *gs, const uint32_t *w, size_t order)
{
	struct gram key = { 0 };

	memcpy(key.w, w, order * sizeof(*w));
	return bsearch(&key, gs->g, gs->n, sizeof(*gs->g), by_words);
}

/* --- probabilities ---------------------------------------------------------------------------- */

static void estimate_unigrams(const struct grams *uni)
{
	double total = 0;

	for (size_t i = 0; i < uni->n; i++)
		total += uni->g[i].w[0] == START ? 0 : uni->g[i].count;
	for (size_t i = 0; i < uni->n; i++)
		uni->g[i].p = uni->g[i].w[0] == START
				      ? 1e-99
				      : (uni->g[i].count + 0.5) / (total + 0.5 * (double)(uni->n - 1));
}

/* Witten and Bell 1991, method C. Grams with one context stand together: they are sorted. */
static void estimate(const struct grams *lower, const struct grams *grams, size_t order)
{
	for (size_t i = 0, j; i < grams->n; i = j) {
		double total = 0, mass = 0, lower_mass = 0;

		for (j = i; j < grams->n && memcmp(grams->g[i].w, grams->g[j].w,
						   (order - 1) * sizeof(uint32_t)) == 0;
		     j++)
			total += grams->g[j].count;
		double kinds = (double)(j - i);
		for (size_t k = i; k < j; k++) {
			const struct gram *shorter = find(lower, grams->g[k].w + 1, order - 1);

			grams->g[k].p = grams->g[k].count / (total + kinds);
			mass += grams->g[k].p;
			lower_mass += shorter ? shorter->p : 0;
		}
		struct gram *context = find(lower, grams->g[i].w, order - 1);
		if (context)
			context->bow = (1.0 - mass) / fmax(1.0 - lower_mass, 1e-6);
	}
}

/* --- ARPA ------------------------------------------------------------------------------------------ */

static double log10_of(double p)
{
	return p > 1e-98 ? log10(p) : -99.0;
}

static void put_grams(const struct lm *lm, struct buf *out, const struct grams *gs, size_t order)
{
	buf_printf(out, "\n\\%zu-grams:\n", order);
	for (size_t i = 0; i < gs->n; i++) {
		buf_printf(out, "%.4f", log10_of(gs->g[i].p));
		for (size_t k = 0; k < order; k++)
			buf_printf(out, " %s", word_of(lm, gs->g[i].w[k]));
		/* Contexts never followed leave everything to the shorter ones: factor 1. */
		if (order < 3)
			buf_printf(out, " %.4f", gs->g[i].bow > 0 ? log10_of(gs->g[i].bow) : 0.0);
		buf_putc(out, '\n');
	}
}

int lm_write(const struct lm *lm, struct buf *out)
{
	struct grams g[3] = { 0 };
	int err = n_tokens(lm) ? 0 : -EINVAL;

	for (size_t i = 0; err == 0 && i < 3; i++)
		err = count(lm, i + 1, &g[i]);
	if (err == 0) {
		estimate_unigrams(&g[0]);
		estimate(&g[0], &g[1], 2);
		estimate(&g[1], &g[2], 3);
		buf_puts(out, "\\data\\\n");
		for (size_t i = 0; i < 3; i++)
			buf_printf(out, "ngram %zu=%zu\n", i + 1, g[i].n);
		for (size_t i = 0; i < 3; i++)
			put_grams(lm, out, &g[i], i + 1);
		buf_puts(out, "\n\\end\\\n");
		err = out->failed ? -ENOMEM : 0;
	}
	for (size_t i = 0; i < 3; i++)
		mem_free(g[i].g);
	return err;
}
