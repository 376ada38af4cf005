#include "knowledge/search.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "knowledge/embed.h"
#include "knowledge/query.h"
#include "knowledge/store.h"

/* A shelf's index is read by search_run() on any thread and replaced by searcher_load():
 * a reader announces itself, takes the pointer and a reference, and is off again in a
 * few instructions; the writer puts the new index up and waits for who is between. */
struct shelf {
	char *name;
	_Atomic(struct index *) index;
	atomic_uint readers;
};

struct searcher {
	struct shelf shelves[SEARCH_COLLECTIONS];
	atomic_size_t n;
};

int searcher_new(struct searcher **out)
{
	*out = mem_zalloc(sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void searcher_free(struct searcher *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		index_unref(s->shelves[i].index);
		mem_free(s->shelves[i].name);
	}
	mem_free(s);
}

static struct shelf *find_shelf(struct searcher *s, const char *name)
{
	size_t n = atomic_load(&s->n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(s->shelves[i].name, name) == 0)
			return &s->shelves[i];
	return NULL;
}

static struct index *take_index(struct shelf *h)
{
	atomic_fetch_add(&h->readers, 1);
	struct index *x = index_ref(atomic_load(&h->index));
	atomic_fetch_sub(&h->readers, 1);
	return x;
}

struct index *searcher_index(struct searcher *s, const char *collection)
{
	struct shelf *h = find_shelf(s, collection);

	return h ? take_index(h) : NULL;
}

static void put_index(struct shelf *h, struct index *x)
{
	struct index *old = atomic_exchange(&h->index, x);

	while (atomic_load(&h->readers))
		sched_yield();
	index_unref(old);
}

static int add_shelf(struct searcher *s, const char *name, struct index *x)
{
	size_t n = atomic_load(&s->n);

	if (n == SEARCH_COLLECTIONS)
		return -ENOSPC;
	s->shelves[n].name = mem_strdup(name);
	if (!s->shelves[n].name)
		return -ENOMEM;
	atomic_store(&s->shelves[n].index, x);
	atomic_store(&s->n, n + 1);
	return 0;
}

int searcher_load(struct searcher *s, struct store *reader, const char *collection)
{
	struct index *x;
	int r = index_build(&x, reader, collection);

	if (r < 0)
		return r;
	struct shelf *h = find_shelf(s, collection);
	if (h) {
		put_index(h, x);
		return 0;
	}
	r = add_shelf(s, collection, x);
	if (r < 0)
		index_unref(x);
	return r;
}

struct refresh {
	struct searcher *s;
	struct store *reader;
};

static int refresh_one(void *ctx, const char *name)
{
	struct refresh *f = ctx;
	struct shelf *h = find_shelf(f->s, name);
	int64_t id, generation;
	int r = store_collection(f->reader, name, &id);

	if (r == 0)
		r = store_generation(f->reader, id, &generation);
	if (r < 0 || (h && index_generation(h->index) == generation))
		return r;
	return searcher_load(f->s, f->reader, name);
}

int searcher_refresh(struct searcher *s, struct store *reader)
{
	struct refresh f = { s, reader };

	return store_collections(reader, refresh_one, &f);
}

/* --- ranking ------------------------------------------------------------------------------- */

/* The share of the vectors in the score; the words have the rest. What was learned from
 * few passages is trusted little: half of it at VECTOR_HALF passages. */
#define VECTOR_SHARE 0.6f
#define VECTOR_HALF  250.0f
/* The passages beside it in its section speak of the same: of the better one's score. */
#define NEIGHBOUR_SHARE 0.1f
/* A passage that holds all that is asked for is better than one that holds a part often. */
#define COVERAGE_SHARE 0.2f

struct scores {
	float *lexical, *sound, *vector; /* [n], 0..1 after normalise() */
	float *fused;			 /* [n]                         */
	float closest; /* the best cosine before normalise() */
};

static void score_alternatives(const struct index *x, const struct query *q, struct scores *s)
{
	for (size_t i = 0; i < q->n_alternatives; i++) {
		const struct query_alternative *a = &q->alternatives[i];
		struct posting_list l = index_postings(x, (size_t)a->term);
		float *to = a->kind == QUERY_SOUND ? s->sound : s->lexical;

		for (size_t k = 0; k < l.n; k++)
			to[l.p[k].passage] += a->weight * l.p[k].weight;
	}
}

static void score_vectors(const struct index *x, const struct query *q, struct bytes text,
			  struct scores *s)
{
	const struct embedder *e = index_embedder(x);
	int8_t v[EMBED_DIM_MAX];

	if (!e || !embed_query(e, x, q, text, v))
		return;
	for (size_t i = 0; i < index_n(x); i++)
		s->vector[i] = MAX(embed_cosine(v, index_vector(x, i), embedder_dim(e)), 0.0f);
}

/* Words and sounds share one scale; each scale's best becomes 1. */
static void normalise(struct scores *s, size_t n)
{
	float words = 0, vector = 0;

	for (size_t i = 0; i < n; i++) {
		words = MAX(words, s->lexical[i] + s->sound[i]);
		vector = MAX(vector, s->vector[i]);
	}
	s->closest = vector;
	for (size_t i = 0; i < n; i++) {
		s->lexical[i] = words > 0 ? s->lexical[i] / words : 0;
		s->sound[i] = words > 0 ? s->sound[i] / words : 0;
		s->vector[i] = vector > 0 ? s->vector[i] / vector : 0;
	}
}

static float vector_share(size_t n_passages)
{
	return VECTOR_SHARE * (float)n_passages / ((float)n_passages + VECTOR_HALF);
}

static float fused(const struct scores *s, size_t i, enum search_by by, float share)
{
	float words = s->lexical[i] + s->sound[i];

	switch (by) {
	case SEARCH_BY_WORDS:
		return words;
	case SEARCH_BY_VECTOR:
		return s->vector[i];
	case SEARCH_BY_ALL:
		break;
	}
	return (1 - share) * words + share * s->vector[i];
}

static void fuse(struct scores *s, size_t n, enum search_by by)
{
	float share = s->closest > 0 ? vector_share(n) : 0;

	for (size_t i = 0; i < n; i++)
		s->fused[i] = fused(s, i, by, share);
}

static bool same_section(const struct index *x, size_t a, size_t b)
{
	const struct index_passage *p = index_passage(x, a), *q = index_passage(x, b);

	return p->document == q->document && strcmp(p->path, q->path) == 0;
}

/* With what the neighbours lend; nothing is found by its neighbours alone. */
static float score_of(const struct index *x, const struct scores *s, size_t i)
{
	float beside = 0;

	if (s->fused[i] <= 0)
		return 0;
	if (i > 0 && s->fused[i - 1] > 0 && same_section(x, i, i - 1))
		beside = s->fused[i - 1];
	if (i + 1 < index_n(x) && s->fused[i + 1] > beside && same_section(x, i, i + 1))
		beside = s->fused[i + 1];
	return (s->fused[i] + NEIGHBOUR_SHARE * beside) / (1 + NEIGHBOUR_SHARE);
}

enum { RERANK = SEARCH_K_MAX };

struct candidate {
	uint32_t passage;
	float score, coverage;
};

/* Best first; ties by place, so that the order is always the same. */
static bool before(const struct candidate *a, const struct candidate *b)
{
	return a->score > b->score || (a->score == b->score && a->passage < b->passage);
}

static void keep(struct candidate *top, size_t *n, size_t k, struct candidate c)
{
	size_t i = *n;

	if (i == k && !before(&c, &top[k - 1]))
		return;
	if (i == k)
		i--;
	else
		(*n)++;
	for (; i > 0 && before(&c, &top[i - 1]); i--)
		top[i] = top[i - 1];
	top[i] = c;
}

static bool wanted(const struct index *x, const struct search_request *r, size_t i)
{
	return !r->document ||
	       index_document(x, index_passage(x, i)->document)->id == r->document;
}

static struct search_row make_row(const struct index *x, const struct candidate *c,
				  const struct scores *s)
{
	const struct index_passage *p = index_passage(x, c->passage);
	const struct index_document *d = index_document(x, p->document);

	return (struct search_row){
		.document = d->id,
		.passage = p->id,
		.path = d->path,
		.name = d->name,
		.title = d->title,
		.heading = p->heading,
		.headings = p->path,
		.page = p->page,
		.start = p->start,
		.end = p->end,
		.text = p->text,
		.score = c->score,
		.coverage = c->coverage,
		.lexical = s->lexical[c->passage],
		.vector = s->vector[c->passage],
		.sound = s->sound[c->passage],
	};
}

/* Coverage is asked of the best only, then they are put in order again. */
static void add_coverage(const struct index *x, const struct query *q, struct candidate *top, size_t n)
{
	struct candidate sorted[RERANK];
	size_t n_sorted = 0;

	for (size_t i = 0; i < n; i++) {
		top[i].coverage = query_covers_passage(x, q, top[i].passage);
		top[i].score = (1 - COVERAGE_SHARE) * top[i].score + COVERAGE_SHARE * top[i].coverage;
		keep(sorted, &n_sorted, RERANK, top[i]);
	}
	memcpy(top, sorted, n_sorted * sizeof(*top));
}

static int rank(const struct index *x, const struct search_request *r, struct search_result *out)
{
	size_t n = index_n(x), n_top = 0;
	size_t k = MIN(r->k ? r->k : (size_t)SEARCH_K_DEFAULT, (size_t)SEARCH_K_MAX);
	AUTO(mem) float *sums = mem_calloc(4 * n, sizeof(*sums));
	struct candidate top[RERANK];
	struct query q;

	if (!sums)
		return -ENOMEM;
	struct scores s = { sums, sums + n, sums + 2 * n, sums + 3 * n, 0 };
	query_make(x, bytes_str(r->query), &q);
	score_alternatives(x, &q, &s);
	score_vectors(x, &q, bytes_str(r->query), &s);
	normalise(&s, n);
	fuse(&s, n, r->by);
	for (size_t i = 0; i < n; i++) {
		float score = score_of(x, &s, i);

		if (score > 0 && wanted(x, r, i))
			keep(top, &n_top, RERANK, (struct candidate){ (uint32_t)i, score, 0 });
	}
	add_coverage(x, &q, top, n_top);
	out->n = MIN(n_top, k);
	for (size_t i = 0; i < out->n; i++) {
		out->rows[i] = make_row(x, &top[i], &s);
		out->confidence = MAX(out->confidence, top[i].coverage * top[i].score / top[0].score);
	}
	return 0;
}

int search_run(struct searcher *s, const struct search_request *r, struct search_result *out)
{
	struct shelf *h =
		find_shelf(s, r->collection ? r->collection : STORE_DEFAULT_COLLECTION);

	out->n = 0;
	out->confidence = 0;
	out->index = NULL;
	if (!h)
		return -ENOENT;
	out->index = take_index(h);
	int e = rank(out->index, r, out);
	if (e < 0)
		search_result_done(out);
	return e;
}

void search_result_done(struct search_result *r)
{
	index_unref(r->index);
	r->index = NULL;
	r->n = 0;
}

float sentence_score(const struct search_request *q, const struct search_result *r,
		     const struct search_row *row, struct bytes sentence)
{
	struct query parsed;

	query_make(r->index, bytes_str(q->query), &parsed);
	float own = query_covers_text(r->index, &parsed, sentence, bytes_of("", 0));
	float with = query_covers_text(r->index, &parsed, sentence, bytes_str(row->headings));
	return 0.7f * own + 0.3f * with;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *number(float v)
{
	return json_real(round((double)v * 10000) / 10000);
}

json_t *search_row_json(const struct search_row *r)
{
	json_t *o = json_pack("{sI ss ss ss ss ss ss% sI sI so so so so so}", "document",
			      (json_int_t)r->document, "path", r->path, "file", r->name, "title",
			      r->title, "heading", r->heading, "headings", r->headings, "text",
			      (const char *)r->text.p, r->text.n, "start", (json_int_t)r->start,
			      "end", (json_int_t)r->end, "score", number(r->score), "coverage",
			      number(r->coverage), "lexical", number(r->lexical), "vector",
			      number(r->vector), "sound", number(r->sound));

	if (o && r->page && json_object_set_new(o, "page", json_integer(r->page)) != 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

/* What meets the question's slot `i`, the word's own term excepted: [[term, quality]]. */
static json_t *alternatives_json(const struct index *x, const struct query *q, size_t i)
{
	json_t *list = json_array();

	for (size_t k = 0; list && k < q->n_alternatives; k++) {
		const struct query_alternative *a = &q->alternatives[k];

		if (a->kind == QUERY_EXACT || i < a->first || i >= (size_t)a->first + a->n_slots)
			continue;
		json_t *one = json_pack("[s o]", index_terms(x)->s[a->term], number(a->quality));
		if (json_array_append_new(list, one) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *words_json(const char *text, const struct index *x)
{
	struct query q;
	json_t *list = json_array();

	query_make(x, bytes_str(text), &q);
	for (size_t i = 0; list && i < q.n_slots; i++) {
		const struct query_slot *s = &q.slots[i];
		json_t *one = json_pack("{sI sI so sb so}", "start", (json_int_t)s->start, "end",
					(json_int_t)s->end, "weight", number(s->weight), "known",
					s->term >= 0, "like", alternatives_json(x, &q, i));

		if (json_array_append_new(list, one) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *search_result_json(const struct search_request *q, const struct search_result *r)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; list && i < r->n; i++) {
		if (json_array_append_new(list, search_row_json(&r->rows[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	if (!list)
		return NULL;
	o = json_pack("{ss ss so so}", "query", q->query, "collection",
		      q->collection ? q->collection : STORE_DEFAULT_COLLECTION, "confidence",
		      number(r->confidence), "results", list);
	if (o && r->index && json_object_set_new(o, "words", words_json(q->query, r->index)) != 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}
