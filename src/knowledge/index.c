#include "knowledge/index.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "knowledge/embed.h"
#include "knowledge/sentences.h"
#include "knowledge/sound.h"
#include "knowledge/store.h"
#include "knowledge/words.h"

/* BM25 (Robertson, Zaragoza 2009) with fields added up before saturation: a word in the
 * nearest heading counts as HEADING occurrences, one in the document's title or the outer
 * headings as PATH. Chosen on Cranfield and on questions to Debian's manuals. */
#define BM25_K1 1.8f
#define BM25_B  0.65f
#define HEADING 3.0f
#define PATH    0.6f

struct passage_row {
	struct index_passage p;
	size_t tokens, n_tokens, n_heading, n_path; /* tokens: place in x->tokens */
	float length;
};

struct index {
	atomic_uint refs;
	int64_t generation;
	struct arena strings;
	struct index_document *documents;
	size_t n_documents, cap_documents;
	struct passage_row *passages;
	size_t n, cap;
	uint32_t *tokens;
	size_t n_tokens, cap_tokens;
	struct vocab surfaces, terms;
	struct sounds *sounds;
	int32_t *surface_term;  /* [surfaces.n], -1: stop word */
	uint32_t *surface_count;
	size_t cap_surfaces;
	struct posting *postings;
	size_t *first; /* [terms.n + 1] */
	struct embedder *embedder; /* NULL: nothing has been learned yet */
	int8_t *vectors;           /* [n][embedder_dim()]                */
	size_t cap_vectors;
};

/* --- reading ---------------------------------------------------------------------------- */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static int add_document(void *ctx, const struct store_document *d)
{
	struct index *x = ctx;

	if (!mem_grow(&x->documents, &x->cap_documents, x->n_documents, sizeof(*x->documents)))
		return -ENOMEM;
	const char *path = arena_strdup(&x->strings, d->path);
	const char *title = arena_strdup(&x->strings, d->title);
	const char *labels = arena_strdup(&x->strings, d->labels);
	if (!path || !title || !labels)
		return -ENOMEM;
	x->documents[x->n_documents++] =
		(struct index_document){ d->id, path, last_part(path), title, labels };
	return 0;
}

static int by_id(const void *a, const void *b)
{
	int64_t x = ((const struct index_document *)a)->id, y = ((const struct index_document *)b)->id;

	return (x > y) - (x < y);
}

static int push_token(struct index *x, uint32_t t)
{
	if (!mem_grow(&x->tokens, &x->cap_tokens, x->n_tokens, sizeof(*x->tokens)))
		return -ENOMEM;
	x->tokens[x->n_tokens++] = t;
	return 0;
}

/* A surface that is new gets its term. */
static int32_t add_surface(struct index *x, const struct word *w)
{
	size_t n = x->surfaces.n, cap = x->cap_surfaces;
	int32_t s = vocab_add(&x->surfaces, w->s, w->n);

	if (s < 0 || (size_t)s < n)
		return s;
	if (!mem_grow(&x->surface_term, &cap, n, sizeof(*x->surface_term)) ||
	    !mem_grow(&x->surface_count, &x->cap_surfaces, n, sizeof(*x->surface_count)))
		return VOCAB_NO_MEMORY;
	struct word term = *w;
	word_to_term(&term);
	int32_t t = word_is_stop(w) ? -1 : vocab_add(&x->terms, term.s, term.n);
	if (t == VOCAB_NO_MEMORY)
		return t;
	x->surface_term[s] = t;
	x->surface_count[s] = 0;
	return s;
}

static int add_words(struct index *x, struct bytes t)
{
	struct word w;
	size_t pos = 0;

	while (word_next(t, &pos, &w)) {
		int32_t s = add_surface(x, &w);

		if (s < 0 || push_token(x, (uint32_t)s) < 0)
			return -ENOMEM;
		x->surface_count[s]++;
	}
	return 0;
}

static int add_sentences(struct index *x, struct bytes t)
{
	struct span s;
	size_t pos = 0;

	while (sentence_next(t, &pos, &s))
		if (add_words(x, bytes_sub(t, s.start, s.end - s.start)) < 0 ||
		    push_token(x, INDEX_SENTENCE) < 0)
			return -ENOMEM;
	return 0;
}

static int add_tokens(struct index *x, struct passage_row *r)
{
	const struct index_document *d = &x->documents[r->p.document];

	r->tokens = x->n_tokens;
	size_t outer = strlen(r->p.path) - strlen(r->p.heading);
	/* A first heading that repeats the title says it once. */
	bool titled = strncmp(r->p.path, d->title, strlen(d->title)) != 0;
	if ((titled && add_words(x, bytes_str(d->title)) < 0) ||
	    add_words(x, bytes_of(r->p.path, outer)) < 0 || push_token(x, INDEX_SENTENCE) < 0)
		return -ENOMEM;
	r->n_path = x->n_tokens - r->tokens;
	if (add_words(x, bytes_str(r->p.heading)) < 0 || push_token(x, INDEX_SENTENCE) < 0)
		return -ENOMEM;
	r->n_heading = x->n_tokens - r->tokens;
	if (add_sentences(x, r->p.text) < 0)
		return -ENOMEM;
	r->n_tokens = x->n_tokens - r->tokens;
	return 0;
}

/* What was stored, or zeros for embed_missing(). */
static int add_vector(struct index *x, struct bytes vector)
{
	unsigned dim = x->embedder ? embedder_dim(x->embedder) : 0;

	if (!dim)
		return 0;
	if (!mem_grow(&x->vectors, &x->cap_vectors, x->n - 1, dim))
		return -ENOMEM;
	int8_t *to = x->vectors + (x->n - 1) * dim;
	memset(to, 0, dim);
	if (vector.n == dim)
		memcpy(to, vector.p, dim);
	return 0;
}

/* Passages that came after the last learning are seen with what was learned before. */
static void embed_missing(struct index *x)
{
	unsigned dim = x->embedder ? embedder_dim(x->embedder) : 0;
	static const int8_t zeros[EMBED_DIM_MAX];

	for (size_t i = 0; dim && i < x->n; i++)
		if (memcmp(x->vectors + i * dim, zeros, dim) == 0)
			embed_passage(x->embedder, x, i, x->vectors + i * dim);
}

static int read_embedder(struct index *x, struct store *s, int64_t collection)
{
	AUTO(buf) struct buf model = { 0 };
	unsigned dim;
	int64_t generation;
	int r = store_embedder(s, collection, &model, &dim, &generation);

	if (r == -ENOENT || (r == 0 && !model.n))
		return 0;
	if (r == 0)
		r = embedder_load(&x->embedder, buf_bytes(&model));
	/* Of a version that is no longer read: the next ingest learns anew. */
	return r == -EBADMSG ? 0 : r;
}

static int add_passage(void *ctx, const struct store_passage *p)
{
	struct index *x = ctx;
	const struct index_document key = { .id = p->document };
	const struct index_document *d =
		bsearch(&key, x->documents, x->n_documents, sizeof(key), by_id);

	if (!d)
		return -EBADMSG; /* both were read in one state of the database */
	if (!mem_grow(&x->passages, &x->cap, x->n, sizeof(*x->passages)))
		return -ENOMEM;
	struct passage_row *r = &x->passages[x->n];
	const char *text = arena_strndup(&x->strings, (const char *)p->text.p, p->text.n);
	*r = (struct passage_row){
		.p = { p->id, (uint32_t)(d - x->documents), p->page, p->start, p->end,
		       arena_strdup(&x->strings, p->heading), arena_strdup(&x->strings, p->path),
		       bytes_of(text, p->text.n) },
	};
	if (!text || !r->p.heading || !r->p.path)
		return -ENOMEM;
	x->n++;
	int e = add_tokens(x, r);
	return e < 0 ? e : add_vector(x, p->vector);
}

/* --- inverting -------------------------------------------------------------------------- */

/* "data base" where "database" is a word here: its term, or -1. */
static int32_t joined_term(const struct index *x, uint32_t a, uint32_t b)
{
	char s[2 * WORD_MAX + 1];

	if (a == INDEX_SENTENCE || b == INDEX_SENTENCE)
		return -1;
	const char *l = x->surfaces.s[a], *r = x->surfaces.s[b];
	size_t n = strlen(l), m = strlen(r);
	if (n < 2 || m < 2 || n + m < 5)
		return -1;
	memcpy(s, l, n);
	memcpy(s + n, r, m);
	int32_t found = vocab_find(&x->surfaces, s, n + m);
	return found < 0 ? -1 : x->surface_term[found];
}

struct counter {
	float *tf;         /* [terms.n], zero between passages */
	uint32_t *touched; /* terms of the passage             */
	size_t n;
};

static void count(struct counter *c, int32_t term, float weight)
{
	if (term < 0)
		return;
	if (c->tf[term] == 0)
		c->touched[c->n++] = (uint32_t)term;
	c->tf[term] += weight;
}

/* The passage's terms with their frequencies, into c; its length in words. */
static float count_passage(const struct index *x, const struct passage_row *r, struct counter *c)
{
	const uint32_t *t = x->tokens + r->tokens;
	float length = 0;

	c->n = 0;
	for (size_t i = 0; i < r->n_tokens; i++) {
		float w = i < r->n_path ? PATH : i < r->n_heading ? HEADING : 1;

		if (t[i] == INDEX_SENTENCE)
			continue;
		if (x->surface_term[t[i]] >= 0)
			length += w;
		count(c, x->surface_term[t[i]], w);
		if (i + 1 < r->n_tokens)
			count(c, joined_term(x, t[i], t[i + 1]), w);
	}
	return length;
}

static void forget(struct counter *c)
{
	for (size_t i = 0; i < c->n; i++)
		c->tf[c->touched[i]] = 0;
}

/* How many passages hold each term; their mean length. */
static double count_all(struct index *x, struct counter *c)
{
	double sum = 0;

	for (size_t i = 0; i < x->n; i++) {
		struct passage_row *r = &x->passages[i];

		r->length = count_passage(x, r, c);
		sum += (double)r->length;
		for (size_t k = 0; k < c->n; k++)
			x->first[c->touched[k] + 1]++;
		forget(c);
	}
	return x->n ? sum / (double)x->n : 1;
}

static void place_all(struct index *x, struct counter *c, size_t *next, float mean)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct passage_row *r = &x->passages[i];

		(void)count_passage(x, r, c);
		float norm = BM25_K1 * (1 - BM25_B + BM25_B * r->length / MAX(mean, 1.0f));
		for (size_t k = 0; k < c->n; k++) {
			float tf = c->tf[c->touched[k]];

			x->postings[next[c->touched[k]]++] = (struct posting){
				(uint32_t)i, tf * (BM25_K1 + 1) / (tf + norm)
			};
		}
		forget(c);
	}
}

static int invert(struct index *x)
{
	size_t n = x->terms.n;
	AUTO(mem) float *tf = mem_calloc(n, sizeof(*tf));
	AUTO(mem) uint32_t *touched = mem_calloc(n, sizeof(*touched));
	AUTO(mem) size_t *next = mem_calloc(n + 1, sizeof(*next));
	struct counter c = { tf, touched, 0 };

	x->first = mem_calloc(n + 1, sizeof(*x->first));
	if (!tf || !touched || !next || !x->first)
		return -ENOMEM;
	double mean = count_all(x, &c);
	for (size_t i = 0; i < n; i++)
		x->first[i + 1] += x->first[i];
	memcpy(next, x->first, (n + 1) * sizeof(*next));
	x->postings = mem_calloc(x->first[n], sizeof(*x->postings));
	if (!x->postings)
		return -ENOMEM;
	place_all(x, &c, next, (float)mean);
	return 0;
}

/* --- life --------------------------------------------------------------------------------- */

static int read_all(struct index *x, struct store *s, int64_t id)
{
	int r = store_generation(s, id, &x->generation);

	if (r == 0)
		r = store_documents(s, id, add_document, x);
	if (r < 0)
		return r;
	if (x->n_documents)
		qsort(x->documents, x->n_documents, sizeof(*x->documents), by_id);
	r = read_embedder(x, s, id);
	return r < 0 ? r : store_passages(s, id, add_passage, x);
}

static int fill(struct index *x, struct store *s, const char *collection)
{
	int64_t id;
	int r = store_collection(s, collection, &id);

	if (r == 0)
		r = store_hold(s);
	if (r < 0)
		return r;
	r = read_all(x, s, id);
	store_release(s);
	if (r == 0)
		r = invert(x);
	if (r == 0)
		r = sounds_new(&x->sounds, &x->terms);
	if (r == 0)
		embed_missing(x);
	return r;
}

int index_build(struct index **out, struct store *s, const char *collection)
{
	struct index *x = mem_zalloc(sizeof(*x));

	if (!x)
		return -ENOMEM;
	atomic_init(&x->refs, 1);
	int r = fill(x, s, collection);
	if (r < 0) {
		index_unref(x);
		return r;
	}
	*out = x;
	return 0;
}

struct index *index_ref(struct index *x)
{
	atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
	return x;
}

void index_unref(struct index *x)
{
	if (!x || atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel) != 1)
		return;
	arena_done(&x->strings);
	sounds_free(x->sounds);
	embedder_free(x->embedder);
	mem_free(x->vectors);
	vocab_done(&x->surfaces);
	vocab_done(&x->terms);
	mem_free(x->documents);
	mem_free(x->passages);
	mem_free(x->tokens);
	mem_free(x->surface_term);
	mem_free(x->surface_count);
	mem_free(x->postings);
	mem_free(x->first);
	mem_free(x);
}

/* --- reading it ------------------------------------------------------------------------------ */

int64_t index_generation(const struct index *x)
{
	return x->generation;
}

size_t index_n(const struct index *x)
{
	return x->n;
}

size_t index_n_documents(const struct index *x)
{
	return x->n_documents;
}

const struct index_document *index_document(const struct index *x, size_t i)
{
	return &x->documents[i];
}

const struct index_passage *index_passage(const struct index *x, size_t i)
{
	return &x->passages[i].p;
}

struct index_tokens index_tokens(const struct index *x, size_t i)
{
	const struct passage_row *r = &x->passages[i];

	return (struct index_tokens){ x->tokens + r->tokens, r->n_tokens, r->n_heading };
}

const struct vocab *index_terms(const struct index *x)
{
	return &x->terms;
}

const struct vocab *index_surfaces(const struct index *x)
{
	return &x->surfaces;
}

const struct sounds *index_sounds(const struct index *x)
{
	return x->sounds;
}

int32_t index_surface_term(const struct index *x, size_t surface)
{
	return x->surface_term[surface];
}

size_t index_surface_count(const struct index *x, size_t surface)
{
	return x->surface_count[surface];
}

struct posting_list index_postings(const struct index *x, size_t term)
{
	return (struct posting_list){ x->postings + x->first[term],
				      x->first[term + 1] - x->first[term] };
}

float index_idf(const struct index *x, int32_t term)
{
	float n = term < 0 ? 0 : (float)index_postings(x, (size_t)term).n;

	return logf(1 + ((float)x->n - n + 0.5f) / (n + 0.5f));
}

const struct embedder *index_embedder(const struct index *x)
{
	return x->embedder;
}

const int8_t *index_vector(const struct index *x, size_t passage)
{
	return x->vectors + passage * embedder_dim(x->embedder);
}

bool index_has(const struct index *x, size_t term, uint32_t passage)
{
	struct posting_list l = index_postings(x, term);
	size_t low = 0, high = l.n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (l.p[mid].passage < passage)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l.n && l.p[low].passage == passage;
}
