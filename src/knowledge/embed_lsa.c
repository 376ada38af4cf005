#include "knowledge/embed_lsa.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "document/sentences.h"
#include "document/vocab.h"
#include "document/words.h"
#include "knowledge/embed_inner.h"
#include "knowledge/query.h"
#include "knowledge/store.h"
#include "knowledge/svd.h"

enum {
	DIM = 160,
	DF_MIN = 2,       /* a term in one passage only says nothing about others   */
	ROWS_MAX = 20000, /* passages to learn from, evenly from all                */
	COLS_MAX = 50000, /* terms, the most frequent                               */
	TERMS_MAX = 2048, /* of a text                                              */
	MAGIC = 0x32617376, /* "vsa2", little endian */
};

struct lsa {
	struct embedder base;
	struct vocab terms;
	struct lsa_origin origin;
	float *idf;   /* [terms.n]      */
	float *scale; /* [terms.n]: of the int8 row */
	int8_t *rows; /* [terms.n][dim] */
};

static const struct lsa *lsa_of(const struct embedder *e)
{
	return (const struct lsa *)(const void *)e; /* base is its first member */
}

struct lsa_origin lsa_origin(const struct embedder *e)
{
	return lsa_of(e)->origin;
}

static void lsa_free(struct embedder *e)
{
	struct lsa *l = CONTAINER_OF(e, struct lsa, base);

	vocab_done(&l->terms);
	mem_free(l->idf);
	mem_free(l->scale);
	mem_free(l->rows);
	mem_free(l);
}

/* --- weighing ----------------------------------------------------------------------------- */

struct term_count {
	uint32_t term;
	float n;
};

struct text_terms {
	struct term_count t[TERMS_MAX];
	size_t n;
};

static void add_term(struct text_terms *c, int32_t term)
{
	if (term >= 0 && c->n < TERMS_MAX)
		c->t[c->n++] = (struct term_count){ (uint32_t)term, 1 };
}

static int by_term(const void *a, const void *b)
{
	uint32_t x = ((const struct term_count *)a)->term, y = ((const struct term_count *)b)->term;

	return (x > y) - (x < y);
}

/* Each term once, with its frequency. */
static void count_terms(struct text_terms *c)
{
	size_t kept = 0;

	qsort(c->t, c->n, sizeof(c->t[0]), by_term);
	for (size_t k = 0; k < c->n; k++) {
		if (kept && c->t[kept - 1].term == c->t[k].term)
			c->t[kept - 1].n += 1;
		else
			c->t[kept++] = c->t[k];
	}
	c->n = kept;
}

/* --- terms of a text ------------------------------------------------------------------------ */

/* Numbers of words' terms, remembered by the word as it is written: most words recur, and a
 * stem costs more than a look-up. */
struct reader {
	int32_t (*term)(void *ctx, const char *s, size_t n); /* VOCAB_NO_MEMORY ends it */
	void *ctx;
	struct vocab seen;
	int32_t *number; /* [seen.n]; -1: none */
	size_t cap;
};

enum { SEEN_MAX = 200000 };

static void reader_auto_(struct reader *r)
{
	vocab_done(&r->seen);
	mem_free(r->number);
}

static int32_t term_of(struct reader *r, struct word *w)
{
	if (word_is_stop(w))
		return -1;
	word_to_term(w);
	return r->term(r->ctx, w->s, w->n);
}

static int32_t remember(struct reader *r, struct word *w)
{
	size_t n = r->seen.n;

	if (n >= SEEN_MAX) {
		int32_t known = vocab_find(&r->seen, w->s, w->n);

		return known >= 0 ? r->number[known] : term_of(r, w);
	}
	int32_t at = vocab_add(&r->seen, w->s, w->n);
	if (at < 0 || (size_t)at < n)
		return at < 0 ? VOCAB_NO_MEMORY : r->number[at];
	if (!mem_grow(&r->number, &r->cap, n, sizeof(*r->number)))
		return VOCAB_NO_MEMORY;
	return r->number[at] = term_of(r, w);
}

static int read_words(struct reader *r, struct bytes t, struct text_terms *to)
{
	struct word w;
	size_t pos = 0;

	while (word_next(t, &pos, &w)) {
		int32_t term = remember(r, &w);

		if (term == VOCAB_NO_MEMORY)
			return -ENOMEM;
		add_term(to, term);
	}
	return 0;
}

/* As the index reads a passage; words do not run over the ends of sentences either way. */
static int read_text(struct reader *r, const struct embed_text *t, struct text_terms *to)
{
	const char *title = t->title ? t->title : "", *path = t->path ? t->path : "";
	int e = 0;

	to->n = 0;
	if (strncmp(path, title, strlen(title)) != 0)
		e = read_words(r, bytes_str(title), to);
	if (e == 0)
		e = read_words(r, bytes_str(path), to);
	if (e == 0)
		e = read_words(r, t->text, to);
	count_terms(to);
	return e;
}

/* --- learning ------------------------------------------------------------------------------- */

/* The sample: passages with their terms, as numbers of a vocabulary of its own. */
struct sample {
	struct reader reader;
	struct vocab terms;
	uint32_t *df; /* [terms.n] */
	size_t cap_df;
	size_t *first; /* [n_rows + 1] */
	size_t n_rows, cap_rows;
	struct term_count *counts; /* [n]; later columns and values */
	size_t n, cap;
};

static void sample_auto_(struct sample *s)
{
	reader_auto_(&s->reader);
	vocab_done(&s->terms);
	mem_free(s->df);
	mem_free(s->first);
	mem_free(s->counts);
}

static int32_t sample_term(void *ctx, const char *word, size_t n)
{
	struct sample *s = ctx;
	size_t n_terms = s->terms.n;
	int32_t t = vocab_add(&s->terms, word, n);

	if (t < 0 || (size_t)t < n_terms)
		return t;
	if (!mem_grow(&s->df, &s->cap_df, n_terms, sizeof(*s->df)))
		return VOCAB_NO_MEMORY;
	s->df[t] = 0;
	return t;
}

static int sample_passage(void *ctx, const struct store_text *p)
{
	struct sample *s = ctx;
	struct text_terms c;
	int r = read_text(&s->reader, &(struct embed_text){ p->title, p->heading, p->path, p->text }, &c);

	if (r < 0)
		return r;
	if (!mem_grow(&s->first, &s->cap_rows, s->n_rows + 1, sizeof(*s->first)))
		return -ENOMEM;
	for (size_t k = 0; k < c.n; k++) {
		if (!mem_grow(&s->counts, &s->cap, s->n, sizeof(*s->counts)))
			return -ENOMEM;
		s->counts[s->n++] = c.t[k];
		s->df[c.t[k].term]++;
	}
	s->first[s->n_rows] = s->n - c.n;
	s->first[++s->n_rows] = s->n;
	return 0;
}

static int by_number_down(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x < y) - (x > y);
}

/* In how many passages a term must stand, so that COLS_MAX are left at most. */
static int least_df(const struct sample *s, uint32_t *least)
{
	AUTO(mem) uint32_t *sorted = mem_calloc(MAX(s->terms.n, (size_t)1), sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	*least = DF_MIN;
	if (s->terms.n <= COLS_MAX)
		return 0;
	memcpy(sorted, s->df, s->terms.n * sizeof(*sorted));
	qsort(sorted, s->terms.n, sizeof(*sorted), by_number_down);
	*least = MAX((uint32_t)DF_MIN, sorted[COLS_MAX] + 1);
	return 0;
}

/* The terms worth a vector. column[term]: its number, -1. */
static int choose_terms(struct lsa *l, const struct sample *s, int32_t *column)
{
	uint32_t least;
	int r = least_df(s, &least);

	if (r < 0)
		return r;
	for (size_t t = 0; t < s->terms.n; t++) {
		column[t] = s->df[t] < least ? -1 :
					       vocab_add(&l->terms, s->terms.s[t], strlen(s->terms.s[t]));
		if (column[t] == VOCAB_NO_MEMORY)
			return -ENOMEM;
	}
	l->idf = mem_calloc(MAX(l->terms.n, (size_t)1), sizeof(*l->idf));
	if (!l->idf)
		return -ENOMEM;
	for (size_t t = 0; t < s->terms.n; t++) {
		float df = (float)s->df[t];

		if (column[t] >= 0)
			l->idf[column[t]] = logf(1 + ((float)s->n_rows - df + 0.5f) / (df + 0.5f));
	}
	return 0;
}

struct matrix {
	size_t *first;
	uint32_t *col;
	float *value;
};

static void matrix_auto_(struct matrix *m)
{
	mem_free(m->first);
	mem_free(m->col);
	mem_free(m->value);
}

/* Rows of the chosen terms, each of length 1. */
static int fill_matrix(struct matrix *m, const struct lsa *l, const struct sample *s,
		       const int32_t *column)
{
	size_t n = 0;

	m->first = mem_calloc(s->n_rows + 1, sizeof(*m->first));
	m->col = mem_calloc(MAX(s->n, (size_t)1), sizeof(*m->col));
	m->value = mem_calloc(MAX(s->n, (size_t)1), sizeof(*m->value));
	if (!m->first || !m->col || !m->value)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_rows; i++) {
		float sum = 0;

		for (size_t k = s->first[i]; k < s->first[i + 1]; k++) {
			int32_t c = column[s->counts[k].term];
			if (c < 0)
				continue;
			float w = (1 + logf(s->counts[k].n)) * l->idf[c];
			m->col[n] = (uint32_t)c;
			m->value[n++] = w;
			sum += w * w;
		}
		for (size_t k = m->first[i]; k < n; k++)
			m->value[k] /= sqrtf(sum);
		m->first[i + 1] = n;
	}
	return 0;
}

/* Rows of v, each scaled to int8. */
static int keep_rows(struct lsa *l, const float *v)
{
	unsigned dim = l->base.dim;

	l->rows = mem_calloc(l->terms.n * dim, 1);
	l->scale = mem_calloc(l->terms.n, sizeof(*l->scale));
	if (!l->rows || !l->scale)
		return -ENOMEM;
	for (size_t t = 0; t < l->terms.n; t++) {
		const float *row = v + t * dim;
		float most = 0;

		for (unsigned c = 0; c < dim; c++)
			most = MAX(most, fabsf(row[c]));
		l->scale[t] = most / 127;
		for (unsigned c = 0; most > 0 && c < dim; c++)
			l->rows[t * dim + c] = (int8_t)lroundf(row[c] / l->scale[t]);
	}
	return 0;
}

/* Half of what there is, so that something is left to generalise; 0: too little. */
static unsigned dimensions(size_t rank)
{
	if (rank < EMBED_BLOCK)
		return 0;
	size_t dim = MIN((size_t)DIM, rank / 2) / EMBED_BLOCK * EMBED_BLOCK;
	return (unsigned)MAX(dim, (size_t)EMBED_BLOCK);
}

static int learn_from(struct lsa *l, const struct sample *s)
{
	AUTO(mem) int32_t *column = mem_calloc(MAX(s->terms.n, (size_t)1), sizeof(*column));
	AUTO(matrix) struct matrix m = { 0 };
	int r = column ? choose_terms(l, s, column) : -ENOMEM;

	if (r == 0)
		r = fill_matrix(&m, l, s, column);
	if (r < 0)
		return r;
	unsigned dim = dimensions(MIN(s->n_rows, l->terms.n));
	if (!dim)
		return -ENODATA;
	embedder_init(&l->base, &embed_lsa_ops, dim, LSA_NAME);
	const struct sparse a = { s->n_rows, l->terms.n, m.first, m.col, m.value };
	AUTO(mem) float *v = mem_calloc(l->terms.n * dim, sizeof(*v));
	AUTO(mem) float *sigma = mem_calloc(dim, sizeof(*sigma));
	if (!v || !sigma)
		return -ENOMEM;
	r = svd_right(&a, dim, v, sigma);
	return r < 0 ? r : keep_rows(l, v);
}

int embedder_learn(struct embedder **out, struct store *s, int64_t collection)
{
	AUTO(sample) struct sample sample = { .n_rows = 0 };
	struct store_size size;
	struct lsa *l = mem_zalloc(sizeof(*l));
	int r = l ? store_size(s, collection, &size) : -ENOMEM;

	sample.reader = (struct reader){ .term = sample_term, .ctx = &sample };
	if (r == 0)
		r = store_generation(s, collection, &l->origin.generation);
	if (r == 0 && size.passages < EMBED_PASSAGES_MIN)
		r = -ENODATA;
	if (r == 0)
		r = store_sample(s, collection, ((size_t)size.passages + ROWS_MAX - 1) / ROWS_MAX,
				 sample_passage, &sample);
	if (r == 0) {
		l->origin.passages = (uint64_t)size.passages;
		r = learn_from(l, &sample);
	}
	if (r < 0) {
		if (l)
			lsa_free(&l->base);
		return r;
	}
	*out = &l->base;
	return 0;
}

/* --- octets: width, n, origin, then per term: length, text, idf, scale, row --------------------- */

static void put_f32(struct buf *b, float v)
{
	uint32_t u;

	memcpy(&u, &v, 4);
	put_le32(b, u);
}

static void put_le64(struct buf *b, uint64_t v)
{
	put_le32(b, (uint32_t)v);
	put_le32(b, (uint32_t)(v >> 32));
}

static uint64_t le64(const uint8_t *p)
{
	return le32(p) | (uint64_t)le32(p + 4) << 32;
}

static void lsa_save(const struct embedder *e, struct buf *b)
{
	const struct lsa *l = lsa_of(e);

	put_le32(b, e->dim);
	put_le32(b, (uint32_t)l->terms.n);
	put_le64(b, l->origin.passages);
	put_le64(b, (uint64_t)l->origin.generation);
	for (size_t t = 0; t < l->terms.n; t++) {
		size_t n = strlen(l->terms.s[t]);

		buf_putc(b, (char)n);
		buf_put(b, l->terms.s[t], n);
		put_f32(b, l->idf[t]);
		put_f32(b, l->scale[t]);
		buf_put(b, l->rows + t * e->dim, e->dim);
	}
}

static bool finite_f32(const uint8_t *p, float *v)
{
	uint32_t u = le32(p);

	memcpy(v, &u, 4);
	return isfinite(*v);
}

static int load_terms(struct lsa *l, struct bytes b, size_t n)
{
	unsigned dim = l->base.dim;

	for (size_t t = 0; t < n; t++) {
		const uint8_t *len, *s, *numbers, *row;

		if (!take_octets(&b, 1, &len) || !take_octets(&b, *len, &s) ||
		    !take_octets(&b, 8, &numbers) || !take_octets(&b, dim, &row) || memchr(s, 0, *len))
			return -EBADMSG;
		int32_t at = vocab_add(&l->terms, (const char *)s, *len);
		if (at == VOCAB_NO_MEMORY)
			return -ENOMEM;
		if ((size_t)at != t || !finite_f32(numbers, &l->idf[t]) ||
		    !finite_f32(numbers + 4, &l->scale[t]))
			return -EBADMSG;
		memcpy(l->rows + t * dim, row, dim);
	}
	return b.n ? -EBADMSG : 0;
}

static int lsa_load(struct embedder **out, struct bytes b)
{
	const uint8_t *head;

	if (!take_octets(&b, 24, &head))
		return -EBADMSG;
	size_t dim = le32(head), n = le32(head + 4);
	if (dim < 1 || dim > EMBED_DIM_MAX || dim % EMBED_BLOCK || n > b.n / (9 + dim))
		return -EBADMSG;
	struct lsa *l = mem_zalloc(sizeof(*l));
	if (!l)
		return -ENOMEM;
	embedder_init(&l->base, &embed_lsa_ops, (unsigned)dim, LSA_NAME);
	l->origin = (struct lsa_origin){ le64(head + 8), (int64_t)le64(head + 16) };
	l->idf = mem_calloc(n, sizeof(*l->idf));
	l->scale = mem_calloc(n, sizeof(*l->scale));
	l->rows = mem_calloc(n, dim);
	int r = l->idf && l->scale && l->rows ? load_terms(l, b, n) : -ENOMEM;
	if (r < 0) {
		lsa_free(&l->base);
		return r;
	}
	*out = &l->base;
	return 0;
}

/* --- using it ----------------------------------------------------------------------------------- */

static void add_column(const struct lsa *l, float *sum, size_t t, float weight)
{
	const int8_t *row = l->rows + t * l->base.dim;
	float w = weight * l->idf[t] * l->scale[t];

	/* Blocks of a fixed size: the compiler makes vector instructions of them. */
	for (unsigned c = 0; c < l->base.dim; c += EMBED_BLOCK)
		for (unsigned i = 0; i < EMBED_BLOCK; i++)
			sum[c + i] += w * (float)row[c + i];
}

static bool lsa_add(const struct embedder *e, float *sum, const char *term, float weight)
{
	const struct lsa *l = lsa_of(e);
	int32_t t = vocab_find(&l->terms, term, strlen(term));

	if (t >= 0)
		add_column(l, sum, (size_t)t, weight);
	return t >= 0;
}

static bool lsa_passage(const struct embedder *e, const struct index *x, size_t passage, float *out)
{
	struct index_tokens t = index_tokens(x, passage);
	struct text_terms c;

	c.n = 0;
	for (size_t k = 0; k < t.n; k++)
		if (t.surface[k] != INDEX_SENTENCE)
			add_term(&c, index_surface_term(x, t.surface[k]));
	count_terms(&c);
	for (size_t k = 0; k < c.n; k++)
		lsa_add(e, out, index_term(x, c.t[k].term), 1 + logf(c.t[k].n));
	return c.n > 0;
}

static bool lsa_query(const struct embedder *e, const struct index *x, const struct query *q,
		      struct bytes text, float *out)
{
	bool any = false;

	(void)text;
	for (size_t i = 0; i < q->n_alternatives; i++) {
		const struct query_alternative *a = &q->alternatives[i];
		float idf = index_idf(x, a->term); /* the embedder has its own */

		any |= lsa_add(e, out, index_term(x, (size_t)a->term), idf > 0 ? a->weight / idf : 0);
	}
	return any;
}

struct knower {
	const struct lsa *l;
};

static int32_t known_term(void *ctx, const char *s, size_t n)
{
	return vocab_find(&((struct knower *)ctx)->l->terms, s, n);
}

static int lsa_texts(const struct embedder *e, const struct embed_text *t, size_t n, float *out,
		     char why[static EMBED_WHY])
{
	const struct lsa *l = lsa_of(e);
	struct knower knower = { l };
	AUTO(reader) struct reader reader = { .term = known_term, .ctx = &knower };
	struct text_terms c;

	(void)why;
	for (size_t i = 0; i < n; i++) {
		int r = read_text(&reader, &t[i], &c);

		if (r < 0)
			return r;
		for (size_t k = 0; k < c.n; k++)
			add_column(l, out + i * e->dim, c.t[k].term, 1 + logf(c.t[k].n));
	}
	return 0;
}

const struct embed_ops embed_lsa_ops = { .kind = EMBED_LSA,
					 .magic = MAGIC,
					 .free = lsa_free,
					 .save = lsa_save,
					 .load = lsa_load,
					 .texts = lsa_texts,
					 .passage = lsa_passage,
					 .query = lsa_query,
					 .add = lsa_add };
