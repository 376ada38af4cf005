#include "knowledge/embed.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "knowledge/svd.h"

enum {
	DIM = 160,
	DF_MIN = 2,         /* a term in one passage only says nothing about others     */
	ROWS_MAX = 40000,   /* passages to learn from; beyond, every n-th               */
	COLS_MAX = 60000,   /* terms                                                    */
	MODEL_MAGIC = 0x31617376, /* "vsa1", little endian */
};

struct embedder {
	struct vocab terms;
	unsigned dim;
	float *idf;   /* [terms.n]      */
	float *scale; /* [terms.n]: of the int8 row */
	int8_t *rows; /* [terms.n][dim] */
};

/* --- weighing ----------------------------------------------------------------------------- */

struct term_count {
	uint32_t term;
	float n;
};

static int by_term(const void *a, const void *b)
{
	uint32_t x = ((const struct term_count *)a)->term, y = ((const struct term_count *)b)->term;

	return (x > y) - (x < y);
}

/* The terms of a passage with their frequencies; how many. A heading's word counts once more. */
static size_t passage_terms(const struct index *x, size_t i, struct term_count *to, size_t cap)
{
	struct index_tokens t = index_tokens(x, i);
	size_t n = 0, kept = 0;

	for (size_t k = 0; k < t.n && n < cap; k++) {
		if (t.surface[k] == INDEX_SENTENCE)
			continue;
		int32_t term = index_surface_term(x, t.surface[k]);
		if (term >= 0)
			to[n++] = (struct term_count){ (uint32_t)term, 1 };
	}
	qsort(to, n, sizeof(*to), by_term);
	for (size_t k = 0; k < n; k++) {
		if (kept && to[kept - 1].term == to[k].term)
			to[kept - 1].n += 1;
		else
			to[kept++] = to[k];
	}
	return kept;
}

enum { TERMS_MAX = 2048 };

/* --- learning ------------------------------------------------------------------------------- */

struct matrix {
	size_t *first;
	uint32_t *col;
	float *value;
	size_t n_rows, n, cap;
};

static void matrix_auto_(struct matrix *m)
{
	mem_free(m->first);
	mem_free(m->col);
	mem_free(m->value);
}

static bool more_room(struct matrix *m, size_t n)
{
	if (m->n + n <= m->cap)
		return true;
	size_t cap = MAX(m->cap * 2, m->n + n + 4096);
	uint32_t *col = mem_realloc(m->col, cap * sizeof(*col));
	if (!col)
		return false;
	m->col = col;
	float *value = mem_realloc(m->value, cap * sizeof(*value));
	if (!value)
		return false;
	m->value = value;
	m->cap = cap;
	return true;
}

/* The terms worth a vector: those in at least DF_MIN passages. column[term]: its number, -1. */
static int choose_terms(struct embedder *e, const struct index *x, int32_t *column)
{
	size_t n = index_n_terms(x);

	for (size_t t = 0; t < n; t++) {
		column[t] = -1;
		if (index_df(x, (int32_t)t) < DF_MIN || e->terms.n == COLS_MAX)
			continue;
		column[t] = vocab_add(&e->terms, index_term(x, t), strlen(index_term(x, t)));
		if (column[t] < 0)
			return -ENOMEM;
	}
	e->idf = mem_calloc(e->terms.n, sizeof(*e->idf));
	if (!e->idf)
		return -ENOMEM;
	for (size_t t = 0; t < n; t++)
		if (column[t] >= 0)
			e->idf[column[t]] = index_idf(x, (int32_t)t);
	return 0;
}

static int add_row(struct matrix *m, const struct embedder *e, const struct index *x, size_t i,
		   const int32_t *column)
{
	struct term_count t[TERMS_MAX];
	size_t n = passage_terms(x, i, t, TERMS_MAX), from = m->n;
	float sum = 0;

	if (!more_room(m, n))
		return -ENOMEM;
	for (size_t k = 0; k < n; k++) {
		int32_t c = column[t[k].term];
		if (c < 0)
			continue;
		float w = (1 + logf(t[k].n)) * e->idf[c];
		m->col[m->n] = (uint32_t)c;
		m->value[m->n++] = w;
		sum += w * w;
	}
	for (size_t k = from; k < m->n; k++)
		m->value[k] /= sqrtf(sum);
	m->first[++m->n_rows] = m->n;
	return 0;
}

static int fill_matrix(struct matrix *m, const struct embedder *e, const struct index *x,
		       const int32_t *column)
{
	size_t n = index_n(x), step = 1 + n / (ROWS_MAX + 1);

	m->first = mem_calloc(n + 1, sizeof(*m->first));
	if (!m->first)
		return -ENOMEM;
	for (size_t i = 0; i < n; i += step)
		if (index_alive(x, i) && add_row(m, e, x, i, column) < 0)
			return -ENOMEM;
	return 0;
}

/* Rows of v, each scaled to int8. */
static int keep_rows(struct embedder *e, const float *v)
{
	e->rows = mem_calloc(e->terms.n * e->dim, 1);
	e->scale = mem_calloc(e->terms.n, sizeof(*e->scale));
	if (!e->rows || !e->scale)
		return -ENOMEM;
	for (size_t t = 0; t < e->terms.n; t++) {
		const float *row = v + t * e->dim;
		float most = 0;

		for (unsigned c = 0; c < e->dim; c++)
			most = MAX(most, fabsf(row[c]));
		e->scale[t] = most / 127;
		for (unsigned c = 0; most > 0 && c < e->dim; c++)
			e->rows[t * e->dim + c] = (int8_t)lroundf(row[c] / e->scale[t]);
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

static int learn(struct embedder *e, const struct index *x)
{
	AUTO(mem) int32_t *column = mem_calloc(index_n_terms(x), sizeof(*column));
	AUTO(matrix) struct matrix m = { .cap = 0 };
	int r = column ? choose_terms(e, x, column) : -ENOMEM;

	if (r == 0)
		r = fill_matrix(&m, e, x, column);
	if (r < 0)
		return r;
	e->dim = dimensions(MIN(m.n_rows, e->terms.n));
	const struct sparse a = { m.n_rows, e->terms.n, m.first, m.col, m.value };
	AUTO(mem) float *v = mem_calloc(e->terms.n * e->dim, sizeof(*v));
	AUTO(mem) float *s = mem_calloc(e->dim, sizeof(*s));
	if (!v || !s)
		return -ENOMEM;
	r = e->dim ? svd_right(&a, e->dim, v, s) : 0;
	return r < 0 ? r : keep_rows(e, v);
}

int embedder_learn(struct embedder **out, const struct index *x)
{
	*out = NULL;
	if (index_n(x) < EMBED_PASSAGES_MIN)
		return 0;
	struct embedder *e = mem_zalloc(sizeof(*e));
	int r = e ? learn(e, x) : -ENOMEM;

	if (r < 0 || !e->dim) {
		embedder_free(e);
		return r;
	}
	*out = e;
	return 0;
}

void embedder_free(struct embedder *e)
{
	if (!e)
		return;
	vocab_done(&e->terms);
	mem_free(e->idf);
	mem_free(e->scale);
	mem_free(e->rows);
	mem_free(e);
}

/* --- octets: magic, dim, n, then per term: length, text, idf, scale, row; little endian ------- */

static void put_u32(struct buf *b, uint32_t v)
{
	const uint8_t t[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

	buf_put(b, t, 4);
}

static void put_f32(struct buf *b, float v)
{
	uint32_t u;

	memcpy(&u, &v, 4);
	put_u32(b, u);
}

void embedder_save(const struct embedder *e, struct buf *b)
{
	put_u32(b, MODEL_MAGIC);
	put_u32(b, e->dim);
	put_u32(b, (uint32_t)e->terms.n);
	for (size_t t = 0; t < e->terms.n; t++) {
		size_t n = strlen(e->terms.s[t]);

		buf_putc(b, (char)n);
		buf_put(b, e->terms.s[t], n);
		put_f32(b, e->idf[t]);
		put_f32(b, e->scale[t]);
		buf_put(b, e->rows + t * e->dim, e->dim);
	}
}

static bool take(struct bytes *b, size_t n, const uint8_t **p)
{
	if (b->n < n)
		return false;
	*p = b->p;
	*b = bytes_sub(*b, n, b->n - n);
	return true;
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool finite_f32(const uint8_t *p, float *v)
{
	uint32_t u = le32(p);

	memcpy(v, &u, 4);
	return isfinite(*v);
}

static int load_terms(struct embedder *e, struct bytes b, size_t n)
{
	for (size_t t = 0; t < n; t++) {
		const uint8_t *len, *s, *numbers, *row;

		if (!take(&b, 1, &len) || !take(&b, *len, &s) || !take(&b, 8, &numbers) ||
		    !take(&b, e->dim, &row) || memchr(s, 0, *len))
			return -EBADMSG;
		int32_t at = vocab_add(&e->terms, (const char *)s, *len);
		if (at == VOCAB_NO_MEMORY)
			return -ENOMEM;
		if ((size_t)at != t || !finite_f32(numbers, &e->idf[t]) ||
		    !finite_f32(numbers + 4, &e->scale[t]))
			return -EBADMSG;
		memcpy(e->rows + t * e->dim, row, e->dim);
	}
	return b.n ? -EBADMSG : 0;
}

int embedder_load(struct embedder **out, struct bytes b)
{
	const uint8_t *head;

	if (!take(&b, 12, &head) || le32(head) != MODEL_MAGIC)
		return -EBADMSG;
	size_t dim = le32(head + 4), n = le32(head + 8);
	if (dim < 1 || dim > EMBED_DIM_MAX || dim % EMBED_BLOCK || n > b.n / (9 + dim))
		return -EBADMSG;
	struct embedder *e = mem_zalloc(sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->dim = (unsigned)dim;
	e->idf = mem_calloc(n, sizeof(*e->idf));
	e->scale = mem_calloc(n, sizeof(*e->scale));
	e->rows = mem_calloc(n, dim);
	int r = e->idf && e->scale && e->rows ? load_terms(e, b, n) : -ENOMEM;
	if (r < 0) {
		embedder_free(e);
		return r;
	}
	*out = e;
	return 0;
}

/* --- using it ----------------------------------------------------------------------------------- */

unsigned embedder_dim(const struct embedder *e)
{
	return e->dim;
}

bool embed_add(const struct embedder *e, struct embed_sum *sum, const char *term, float weight)
{
	int32_t t = vocab_find(&e->terms, term, strlen(term));

	if (t < 0)
		return false;
	const int8_t *row = e->rows + (size_t)t * e->dim;
	float w = weight * e->idf[t] * e->scale[t];
	for (unsigned c = 0; c < e->dim; c++)
		sum->v[c] += w * row[c];
	return true;
}

bool embed_finish(const struct embedder *e, const struct embed_sum *sum, int8_t *out)
{
	float length = 0;

	for (unsigned c = 0; c < e->dim; c++)
		length += sum->v[c] * sum->v[c];
	length = sqrtf(length);
	for (unsigned c = 0; c < e->dim; c++)
		out[c] = length > 0 ? (int8_t)lroundf(127 * sum->v[c] / length) : 0;
	return length > 0;
}

bool embed_passage(const struct embedder *e, const struct index *x, size_t passage, int8_t *out)
{
	struct term_count t[TERMS_MAX];
	struct embed_sum sum = { { 0 } };
	size_t n = passage_terms(x, passage, t, TERMS_MAX);

	for (size_t k = 0; k < n; k++)
		embed_add(e, &sum, index_term(x, t[k].term), 1 + logf(t[k].n));
	return embed_finish(e, &sum, out);
}

float embed_cosine(const int8_t *a, const int8_t *b, unsigned dim)
{
	int32_t sum = 0;

	/* Blocks of a fixed size: the compiler makes vector instructions of them. */
	for (unsigned c = 0; c + EMBED_BLOCK <= dim; c += EMBED_BLOCK) {
		int32_t part = 0;

		for (unsigned i = 0; i < EMBED_BLOCK; i++)
			part += a[c + i] * b[c + i];
		sum += part;
	}
	return (float)sum / (127.0f * 127.0f);
}
