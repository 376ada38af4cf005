/* top.h - the best of many: rows with their scores, kept as a heap while they come.
 *
 * Of equal scores the earlier row is better, so that the order is always the same.
 */
#pragma once

#include "base/defs.h"

enum { TOP_MAX = 256 };

struct top_row {
	float score;
	uint32_t row;
};

struct top {
	size_t k, n; /* k <= TOP_MAX: how many are kept */
	struct top_row at[TOP_MAX]; /* a heap, the worst first; after top_sort() the best first */
};

static inline bool top_before(struct top_row a, struct top_row b)
{
	return a.score > b.score || (a.score == b.score && a.row < b.row);
}

/* What a row must exceed to be kept; 0 while there is room. */
static inline float top_least(const struct top *t)
{
	return t->n == t->k ? t->at[0].score : 0;
}

static inline void top_sink(struct top *t, size_t i, struct top_row r)
{
	for (size_t c; (c = 2 * i + 1) < t->n; i = c) {
		if (c + 1 < t->n && top_before(t->at[c], t->at[c + 1]))
			c++;
		if (!top_before(r, t->at[c]))
			break;
		t->at[i] = t->at[c];
	}
	t->at[i] = r;
}

static inline void top_put(struct top *t, float score, uint32_t row)
{
	struct top_row r = { score, row };

	if (t->n == t->k) {
		if (t->k && top_before(r, t->at[0]))
			top_sink(t, 0, r);
		return;
	}
	size_t i = t->n++;
	for (; i > 0 && top_before(t->at[(i - 1) / 2], r); i = (i - 1) / 2)
		t->at[i] = t->at[(i - 1) / 2];
	t->at[i] = r;
}

static inline void top_sort(struct top *t)
{
	size_t n = t->n;

	for (; t->n > 1;) {
		struct top_row worst = t->at[0];

		t->n--;
		top_sink(t, 0, t->at[t->n]);
		t->at[t->n] = worst;
	}
	t->n = n;
}
