#include "knowledge/lexical.h"

#include <errno.h>

#include "base/alloc.h"

void lexical_add(struct lexical_query *q, uint32_t term, float words, float sound)
{
	for (size_t i = 0; i < q->n; i++)
		if (q->terms[i].term == term) {
			q->terms[i].words += words;
			q->terms[i].sound += sound;
			return;
		}
	if (q->n < LEXICAL_TERMS)
		q->terms[q->n++] = (struct lexical_term){ term, words, sound };
}

int lexical_open(struct lexical_query *q, const struct index *x)
{
	size_t n = index_n_segments(x);

	q->x = x;
	q->mean = index_mean_length(x);
	q->lists = mem_calloc(n * q->n, sizeof(*q->lists));
	if (!q->lists)
		return -ENOMEM;
	for (size_t s = 0; s < n; s++)
		for (size_t i = 0; i < q->n; i++)
			q->lists[s * q->n + i] = segment_list(index_segment(x, s)->g, q->terms[i].term);
	return 0;
}

void lexical_done(struct lexical_query *q)
{
	mem_free(q->lists);
	q->lists = NULL;
}

static const struct segment_list *lists_of(const struct lexical_query *q, const struct index_segment *o)
{
	return q->lists + (size_t)(o - index_segment(q->x, 0)) * q->n;
}

const struct segment_list *lexical_lists(const struct lexical_query *q, size_t *row)
{
	return lists_of(q, index_segment_of(q->x, row));
}

struct lexical_score lexical_score(const struct lexical_query *q, size_t row)
{
	const struct index_segment *o = index_segment_of(q->x, &row);
	const struct segment_list *lists = lists_of(q, o);
	struct lexical_score s = { 0, 0 };

	for (size_t i = 0; i < q->n; i++) {
		unsigned count = segment_count(&lists[i], (uint32_t)row);

		if (!count)
			continue;
		float b = bm25(count, o->g->length[row], q->mean);
		s.words += q->terms[i].words * b;
		s.sound += q->terms[i].sound * b;
	}
	return s;
}

void lexical_all(const struct lexical_query *q, float *words, float *sound)
{
	for (size_t s = 0; s < index_n_segments(q->x); s++) {
		const struct index_segment *o = index_segment(q->x, s);

		for (size_t i = 0; i < q->n; i++) {
			const struct segment_list *l = lists_of(q, o) + i;

			for (size_t k = 0; k < l->n; k++) {
				float b = bm25(l->count[k], o->g->length[l->passage[k]], q->mean);

				words[o->first + l->passage[k]] += q->terms[i].words * b;
				sound[o->first + l->passage[k]] += q->terms[i].sound * b;
			}
		}
	}
}

/* --- early termination ---------------------------------------------------------------------- */

/* Sums are made in another order than bounds: what is this little below is not skipped. */
#define SLACK 1.00001f

/* A term's list in the segment that is searched. */
struct list {
	struct segment_list l;
	float weight;
	float bound; /* in the window that is open */
	uint32_t from, to; /* its part of the list */
};

struct search {
	const struct lexical_query *q;
	const struct segment *g;
	const uint8_t *leaves; /* NULL: all are seen */
	size_t first;          /* row of the segment */
	float norm, norm_length; /* of a passage, in fifths: norm + norm_length * its length */
	float stale; /* by how much bounds grow because passages are longer now than they were */
	struct list lists[LEXICAL_TERMS];
	size_t n_lists;
	float *bound;    /* [n_windows] of all lists together */
	uint32_t *order; /* [n_windows]                       */
	struct top *top;
	float sum[SEGMENT_WINDOW];
	uint64_t touched[SEGMENT_WINDOW / 64];
};

static void open_lists(struct search *s, const struct index_segment *o)
{
	s->n_lists = 0;
	for (size_t i = 0; i < s->q->n; i++) {
		const struct lexical_term *t = &s->q->terms[i];
		const struct segment_list *l = lists_of(s->q, o) + i;

		if (l->n && t->words + t->sound > 0)
			s->lists[s->n_lists++] = (struct list){ .l = *l, .weight = t->words + t->sound };
	}
}

/* bm25(), to a last bit or two, with one division; what is kept is scored exactly in the end. */
static inline float impact(const struct search *s, const struct list *l, size_t at)
{
	float count = l->l.count[at];

	return l->weight * (BM25_K1 + 1) * count /
	       (count + s->norm + s->norm_length * s->g->length[l->l.passage[at]]);
}

/* A short list: its best in each window, looked at now. */
static void bound_by_postings(struct search *s, const struct list *l)
{
	for (size_t i = 0; i < l->l.n;) {
		uint32_t w = l->l.passage[i] / SEGMENT_WINDOW;
		float best = 0;

		for (; i < l->l.n && l->l.passage[i] / SEGMENT_WINDOW == w; i++)
			best = MAX(best, impact(s, l, i));
		s->bound[w] += best;
	}
}

static float window_bound(const struct search *s, const struct list *l, size_t w)
{
	return l->weight * s->stale * SEGMENT_BOUND * l->l.most[w];
}

static void bound_windows(struct search *s)
{
	memset(s->bound, 0, s->g->n_windows * sizeof(*s->bound));
	for (size_t i = 0; i < s->n_lists; i++) {
		const struct list *l = &s->lists[i];
		float unit = l->weight * s->stale * SEGMENT_BOUND;

		if (!l->l.start)
			bound_by_postings(s, l);
		for (size_t w = 0; l->l.start && w < s->g->n_windows; w++)
			s->bound[w] += unit * l->l.most[w];
	}
}

enum { BUCKETS = 256 };

/* Best first, by a counting sort: nearly in order is enough. */
static void order_windows(struct search *s)
{
	uint32_t first[BUCKETS + 1] = { 0 };
	float most = 0;

	for (size_t w = 0; w < s->g->n_windows; w++)
		most = MAX(most, s->bound[w]);
	float unit = most > 0 ? (BUCKETS - 1) / most : 0;
	for (size_t w = 0; w < s->g->n_windows; w++)
		first[BUCKETS - (size_t)(s->bound[w] * unit)]++;
	for (size_t b = 0; b < BUCKETS; b++)
		first[b + 1] += first[b];
	for (size_t w = 0; w < s->g->n_windows; w++)
		s->order[first[BUCKETS - 1 - (size_t)(s->bound[w] * unit)]++] = (uint32_t)w;
}

static uint32_t lower_bound(const struct segment_list *l, uint32_t from, uint32_t passage)
{
	uint32_t low = from, high = (uint32_t)l->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (l->passage[mid] < passage)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The lists' parts in the window; those without any go to the end. How many have one. */
static size_t enter_window(struct search *s, uint32_t w)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_lists; i++) {
		struct list *l = &s->lists[i];

		if (l->l.start) {
			l->from = l->l.start[w];
			l->to = l->l.start[w + 1];
			l->bound = window_bound(s, l, w);
		} else {
			l->from = lower_bound(&l->l, 0, w * SEGMENT_WINDOW);
			l->to = lower_bound(&l->l, l->from, (w + 1) * SEGMENT_WINDOW);
			l->bound = 0;
			for (uint32_t k = l->from; k < l->to; k++)
				l->bound = MAX(l->bound, impact(s, l, k));
		}
		if (l->from == l->to)
			continue;
		struct list t = s->lists[n];
		s->lists[n++] = *l;
		if (n - 1 != i)
			*l = t;
	}
	return n;
}

static void sort_by_bound(struct list *l, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct list t = l[i];
		size_t k = i;

		for (; k > 0 && l[k - 1].bound > t.bound; k--)
			l[k] = l[k - 1];
		l[k] = t;
	}
}

static void add_list(struct search *s, const struct list *l)
{
	for (uint32_t k = l->from; k < l->to; k++) {
		uint32_t at = l->l.passage[k] % SEGMENT_WINDOW;

		s->sum[at] += impact(s, l, k);
		s->touched[at / 64] |= 1ull << at % 64;
	}
}

/* The passage's score with the lists that only confirm, the strongest first; *lists is sorted. */
static void confirm(struct search *s, size_t n_confirm, float rest, uint32_t passage)
{
	float sum = s->sum[passage % SEGMENT_WINDOW], least = top_least(s->top);
	const struct segment_row *row = &s->g->rows[passage];

	if ((sum + rest) * SLACK <= least || (s->leaves && !s->leaves[row->leaf_no]))
		return;
	for (size_t i = n_confirm; i-- > 0;) {
		const struct list *l = &s->lists[i];
		uint32_t at = l->from, end = l->to;

		while (at < end) {
			uint32_t mid = at + (end - at) / 2;

			if (l->l.passage[mid] < passage)
				at = mid + 1;
			else
				end = mid;
		}
		if (at < l->to && l->l.passage[at] == passage)
			sum += impact(s, l, at);
		rest -= l->bound;
		if ((sum + rest) * SLACK <= least)
			return;
	}
	top_put(s->top, sum, (uint32_t)s->first + passage);
}

static void search_window(struct search *s, uint32_t w)
{
	size_t n = enter_window(s, w), n_confirm = 0;
	float rest = 0, least = top_least(s->top);

	sort_by_bound(s->lists, n);
	while (n_confirm < n && (rest + s->lists[n_confirm].bound) * SLACK <= least)
		rest += s->lists[n_confirm++].bound;
	memset(s->sum, 0, sizeof(s->sum));
	memset(s->touched, 0, sizeof(s->touched));
	for (size_t i = n_confirm; i < n; i++)
		add_list(s, &s->lists[i]);
	for (uint32_t k = 0; k < ARRAY_LEN(s->touched); k++)
		for (uint64_t bits = s->touched[k]; bits; bits &= bits - 1)
			confirm(s, n_confirm, rest,
				w * SEGMENT_WINDOW + k * 64 + (uint32_t)__builtin_ctzll(bits));
}

static void search_segment(struct search *s, const struct index_segment *o)
{
	open_lists(s, o);
	bound_windows(s);
	order_windows(s);
	for (size_t i = 0; i < s->g->n_windows; i++)
		if (s->bound[s->order[i]] * SLACK > top_least(s->top))
			search_window(s, s->order[i]);
}

/* The sum of a row is what scoring it alone gives, to the last bit. */
static void score_exactly(const struct lexical_query *q, struct top *top)
{
	for (size_t i = 0; i < top->n; i++) {
		struct lexical_score s = lexical_score(q, top->at[i].row);

		top->at[i].score = s.words + s.sound;
	}
	for (size_t i = top->n / 2; i-- > 0;)
		top_sink(top, i, top->at[i]);
	top_sort(top);
}

int lexical_top(const struct lexical_query *q, const struct view *v, struct top *top)
{
	AUTO(mem) struct search *s = mem_alloc(sizeof(*s));
	size_t windows = 0;

	for (size_t i = 0; i < index_n_segments(v->x); i++)
		windows = MAX(windows, index_segment(v->x, i)->g->n_windows);
	AUTO(mem) float *bound = mem_calloc(windows, sizeof(*bound));
	AUTO(mem) uint32_t *order = mem_calloc(windows, sizeof(*order));
	if (!s || !bound || !order)
		return -ENOMEM;
	s->q = q;
	s->bound = bound;
	s->order = order;
	s->top = top;
	s->norm = FIFTHS * BM25_K1 * (1 - BM25_B);
	s->norm_length = FIFTHS * BM25_K1 * BM25_B / q->mean;
	for (size_t i = 0; i < index_n_segments(v->x); i++) {
		const struct index_segment *o = index_segment(v->x, i);

		s->g = o->g;
		s->leaves = view_leaves(v, i);
		s->first = o->first;
		s->stale = MAX(q->mean / MAX(o->g->mean, 1.0f), 1.0f);
		search_segment(s, o);
	}
	score_exactly(q, top);
	return 0;
}
