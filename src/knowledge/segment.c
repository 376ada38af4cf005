#include "knowledge/segment.h"

#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "knowledge/vector.h"

struct segment *segment_ref(struct segment *g)
{
	atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
	return g;
}

void segment_unref(struct segment *g)
{
	if (!g || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < g->n_leaves; i++)
		leaf_unref(g->leaves[i]);
	mem_free(g->leaves);
	mem_free(g->rows);
	mem_free(g->length);
	mem_free(g->terms);
	mem_free(g->first);
	mem_free(g->passage);
	mem_free(g->count);
	mem_free(g->directory);
	mem_free(g->start);
	mem_free(g->most);
	mem_free(g->vectors);
	mem_free(g->heads);
	mem_free(g->tails);
	mem_free(g);
}

/* --- making one ------------------------------------------------------------------------------ */

static int make_rows(struct segment *g, size_t n, size_t n_leaves, unsigned dim)
{
	if (n > SEGMENT_MAX)
		return -ENOMEM;
	g->dim = dim;
	g->n_tail = dim ? vector_code_words(dim) - VECTOR_HEAD : 0;
	g->rows = mem_calloc(n, sizeof(*g->rows));
	g->length = mem_calloc(n, sizeof(*g->length));
	g->leaves = mem_calloc(n_leaves, sizeof(*g->leaves));
	g->vectors = mem_calloc(n, dim);
	return g->rows && g->length && g->leaves && g->vectors ? 0 : -ENOMEM;
}

static void add_leaf(struct segment *g, struct leaf *f)
{
	for (size_t i = 0; i < f->n; i++)
		g->rows[g->n + i] = (struct segment_row){ f, (uint32_t)i, (uint32_t)g->n_leaves };
	g->n += f->n;
	g->leaves[g->n_leaves++] = leaf_ref(f);
}

static float mean_length(const struct segment *g)
{
	double sum = 0;

	for (size_t i = 0; i < g->n; i++)
		sum += (double)g->length[i];
	return g->n ? MAX((float)(sum / (double)g->n), 1.0f) : 1;
}

/* --- directories ----------------------------------------------------------------------------- */

static size_t list_n(const struct segment *g, size_t t)
{
	return g->first[t + 1] - g->first[t];
}

/* A directory costs five octets a window; a list that has one costs ten or more. */
static bool is_long(const struct segment *g, size_t t)
{
	return g->n_windows > 1 && list_n(g, t) >= 2 * g->n_windows;
}

static void fill_directory(struct segment *g, size_t t, uint32_t *start, uint8_t *most)
{
	const uint32_t *passage = g->passage + g->first[t];
	const uint8_t *count = g->count + g->first[t];
	size_t n = list_n(g, t), at = 0;

	for (size_t w = 0; w < g->n_windows; w++) {
		float best = 0;

		start[w] = (uint32_t)at;
		for (; at < n && passage[at] / SEGMENT_WINDOW == w; at++)
			best = MAX(best, bm25(count[at], g->length[passage[at]], g->mean));
		most[w] = (uint8_t)MIN(ceilf(best / SEGMENT_BOUND), 255.0f);
	}
	start[g->n_windows] = (uint32_t)n;
}

static int make_directories(struct segment *g)
{
	uint32_t n = 0;

	g->mean = mean_length(g);
	g->n_windows = (g->n + SEGMENT_WINDOW - 1) / SEGMENT_WINDOW;
	g->directory = mem_calloc(g->n_terms, sizeof(*g->directory));
	if (!g->directory)
		return -ENOMEM;
	for (size_t t = 0; t < g->n_terms; t++)
		g->directory[t] = is_long(g, t) ? ++n : 0;
	g->start = mem_calloc(n, (g->n_windows + 1) * sizeof(*g->start));
	g->most = mem_calloc(n, g->n_windows);
	if (!g->start || !g->most)
		return -ENOMEM;
	for (size_t t = 0; t < g->n_terms; t++)
		if (g->directory[t])
			fill_directory(g, t, g->start + (g->directory[t] - 1) * (g->n_windows + 1),
				       g->most + (g->directory[t] - 1) * g->n_windows);
	return 0;
}

/* --- building -------------------------------------------------------------------------------- */

struct triple {
	uint32_t term, passage;
	uint8_t count;
};

struct triples {
	struct triple *at;
	size_t n, cap;
};

static void triples_auto_(struct triples *t)
{
	mem_free(t->at);
}

static int count_all(struct segment *g, const struct dictionary *l, struct triples *all)
{
	AUTO(term_counts) struct term_counts c = { 0 };

	if (term_counts_init(&c, l->terms.n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < g->n; i++) {
		term_counts_passage(&c, l, g->rows[i].leaf, g->rows[i].ordinal);
		g->length[i] = c.length;
		for (size_t k = 0; k < c.n_touched; k++) {
			if (!mem_grow(&all->at, &all->cap, all->n, sizeof(*all->at)))
				return -ENOMEM;
			all->at[all->n++] = (struct triple){ c.touched[k], (uint32_t)i,
							     (uint8_t)c.n[c.touched[k]] };
		}
		term_counts_clear(&c);
	}
	return 0;
}

/* Terms that occur (total[t] > 0) and where their lists begin; total[t] becomes that place. */
static int make_lists(struct segment *g, size_t *total, size_t n_dictionary_terms)
{
	size_t sum = 0;

	for (size_t t = 0; t < n_dictionary_terms; t++)
		g->n_terms += total[t] > 0;
	g->terms = mem_calloc(g->n_terms, sizeof(*g->terms));
	g->first = mem_calloc(g->n_terms + 1, sizeof(*g->first));
	if (!g->terms || !g->first)
		return -ENOMEM;
	for (size_t t = 0, k = 0; t < n_dictionary_terms; t++) {
		size_t n = total[t];

		if (!n)
			continue;
		g->terms[k] = (uint32_t)t;
		g->first[k++] = sum;
		total[t] = sum;
		sum += n;
	}
	g->first[g->n_terms] = sum;
	g->passage = mem_calloc(sum, sizeof(*g->passage));
	g->count = mem_calloc(sum, sizeof(*g->count));
	return g->passage && g->count ? 0 : -ENOMEM;
}

static int invert(struct segment *g, const struct dictionary *l)
{
	AUTO(triples) struct triples all = { 0 };
	size_t n_terms = l->terms.n;
	AUTO(mem) size_t *total = mem_calloc(n_terms, sizeof(*total));
	int r = total ? count_all(g, l, &all) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < all.n; i++)
		total[all.at[i].term]++;
	if (r == 0)
		r = make_lists(g, total, n_terms);
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		size_t to = total[all.at[i].term]++;

		g->passage[to] = all.at[i].passage;
		g->count[to] = all.at[i].count;
	}
	return r < 0 ? r : make_directories(g);
}

int segment_build(struct segment **out, struct leaf *const *leaves, size_t n_leaves,
		  const struct dictionary *l)
{
	AUTO(segment) struct segment *g = mem_zalloc(sizeof(*g));
	unsigned dim = n_leaves ? leaves[0]->dim : 0;
	size_t n = 0;

	for (size_t i = 0; i < n_leaves; i++)
		n += leaves[i]->n;
	if (!g)
		return -ENOMEM;
	atomic_init(&g->refs, 1);
	if (make_rows(g, n, n_leaves, dim) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n_leaves; i++) {
		if (leaves[i]->stored.n)
			memcpy(g->vectors + g->n * dim, leaves[i]->stored.p, leaves[i]->stored.n);
		buf_done(&leaves[i]->stored);
		add_leaf(g, leaves[i]);
	}
	int r = invert(g, l);
	if (r == 0) {
		*out = g;
		g = NULL;
	}
	return r;
}

/* --- merging ----------------------------------------------------------------------------------- */

static bool lives(const uint8_t *alive, size_t leaf)
{
	return !alive || alive[leaf];
}

/* The rows of one segment, appended; to[i]: where row i went, or UINT32_MAX. */
static void append_rows(struct segment *g, const struct segment *from, const uint8_t *alive,
			uint32_t *to)
{
	size_t row = 0;

	for (size_t f = 0; f < from->n_leaves; f++) {
		struct leaf *leaf = from->leaves[f];

		for (size_t i = 0; i < leaf->n; i++)
			to[row + i] = lives(alive, f) ? (uint32_t)(g->n + i) : UINT32_MAX;
		if (lives(alive, f)) {
			memcpy(g->length + g->n, from->length + row, leaf->n * sizeof(*g->length));
			if (from->dim == g->dim && g->dim)
				memcpy(g->vectors + g->n * g->dim, from->vectors + row * g->dim,
				       leaf->n * g->dim);
			if (g->heads) {
				memcpy(g->heads + g->n * VECTOR_HEAD, from->heads + row * VECTOR_HEAD,
				       leaf->n * VECTOR_HEAD * sizeof(*g->heads));
				memcpy(g->tails + g->n * g->n_tail, from->tails + row * g->n_tail,
				       leaf->n * g->n_tail * sizeof(*g->tails));
			}
			add_leaf(g, leaf);
		}
		row += leaf->n;
	}
}

static void count_lists(const struct segment *from, const uint32_t *to, size_t *total)
{
	for (size_t t = 0; t < from->n_terms; t++)
		for (size_t i = from->first[t]; i < from->first[t + 1]; i++)
			total[from->terms[t]] += to[from->passage[i]] != UINT32_MAX;
}

static void append_lists(struct segment *g, const struct segment *from, const uint32_t *to,
			 size_t *next)
{
	for (size_t t = 0; t < from->n_terms; t++) {
		size_t at = next[from->terms[t]];

		for (size_t i = from->first[t]; i < from->first[t + 1]; i++) {
			uint32_t row = to[from->passage[i]];

			if (row == UINT32_MAX)
				continue;
			g->passage[at] = row;
			g->count[at++] = from->count[i];
		}
		next[from->terms[t]] = at;
	}
}

static int merge_lists(struct segment *g, struct segment *const *from, size_t n,
		       uint32_t *const *to, size_t n_terms)
{
	AUTO(mem) size_t *total = mem_calloc(n_terms, sizeof(*total));

	if (!total)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		count_lists(from[i], to[i], total);
	int r = make_lists(g, total, n_terms);
	for (size_t i = 0; r == 0 && i < n; i++)
		append_lists(g, from[i], to[i], total);
	return r < 0 ? r : make_directories(g);
}

static int make_codes(struct segment *g, size_t n)
{
	g->heads = mem_calloc(n, VECTOR_HEAD * sizeof(*g->heads));
	g->tails = mem_calloc(n, g->n_tail * sizeof(*g->tails));
	return g->heads && g->tails ? 0 : -ENOMEM;
}

static int merge(struct segment *g, struct segment *const *from, const uint8_t *const *alive,
		 size_t n, uint32_t **to, size_t n_terms)
{
	size_t rows = 0, leaves = 0;

	for (size_t i = 0; i < n; i++) {
		rows += from[i]->n;
		leaves += from[i]->n_leaves;
	}
	if (make_rows(g, rows, leaves, from[0]->dim) < 0)
		return -ENOMEM;
	if (from[0]->heads && make_codes(g, rows) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		to[i] = mem_calloc(from[i]->n, sizeof(*to[i]));
		if (!to[i])
			return -ENOMEM;
		append_rows(g, from[i], alive[i], to[i]);
	}
	return merge_lists(g, from, n, to, n_terms);
}

int segment_merge(struct segment **out, struct segment *const *from, const uint8_t *const *alive,
		  size_t n, size_t n_dictionary_terms)
{
	AUTO(segment) struct segment *g = mem_zalloc(sizeof(*g));
	AUTO(mem) uint32_t **to = mem_calloc(n, sizeof(*to));

	if (!g || !to)
		return -ENOMEM;
	atomic_init(&g->refs, 1);
	int r = merge(g, from, alive, n, to, n_dictionary_terms);
	for (size_t i = 0; i < n; i++)
		mem_free(to[i]);
	if (r == 0) {
		*out = g;
		g = NULL;
	}
	return r;
}

int segment_code(struct segment *g)
{
	uint64_t code[VECTOR_CODE_MAX];

	if (!g->dim)
		return 0;
	if (make_codes(g, g->n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < g->n; i++) {
		vector_code(g->vectors + i * g->dim, g->dim, code);
		memcpy(g->heads + i * VECTOR_HEAD, code, VECTOR_HEAD * sizeof(*code));
		memcpy(g->tails + i * g->n_tail, code + VECTOR_HEAD, g->n_tail * sizeof(*code));
	}
	return 0;
}

/* --- reading it ---------------------------------------------------------------------------------- */

struct segment_list segment_list(const struct segment *g, uint32_t term)
{
	size_t low = 0, high = g->n_terms;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (g->terms[mid] < term)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == g->n_terms || g->terms[low] != term)
		return (struct segment_list){ .n = 0 };
	struct segment_list l = { g->passage + g->first[low], g->count + g->first[low],
				  list_n(g, low), NULL, NULL };
	if (g->directory[low]) {
		l.start = g->start + (g->directory[low] - 1) * (g->n_windows + 1);
		l.most = g->most + (g->directory[low] - 1) * g->n_windows;
	}
	return l;
}

unsigned segment_count(const struct segment_list *l, uint32_t passage)
{
	size_t low = l->start ? l->start[passage / SEGMENT_WINDOW] : 0;
	size_t high = l->start ? l->start[passage / SEGMENT_WINDOW + 1] : l->n, end = high;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (l->passage[mid] < passage)
			low = mid + 1;
		else
			high = mid;
	}
	return low < end && l->passage[low] == passage ? l->count[low] : 0;
}
