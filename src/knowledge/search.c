#include "knowledge/search.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "knowledge/embed.h"
#include "knowledge/evidence.h"
#include "knowledge/lexical.h"
#include "knowledge/nearest.h"
#include "knowledge/query.h"
#include "knowledge/vector.h"

const struct search_tuning search_tuning = {
	.vector_share = 0.6f,
	.vector_half = 250,
	.neighbour_share = 0.1f,
	.feedback_share = 0.3f,
	.feedback = 5,
	.coverage_share = 0.25f,
	.coverage_words = 3,
	.heading_share = 0.03f,
	.proximity_share = 0.05f,
	.exact_share = 0.03f,
};

bool search_mode(const char *name, enum search_by *out)
{
	static const char *const names[] = { [SEARCH_BY_ALL] = "hybrid",
					     [SEARCH_BY_WORDS] = "text",
					     [SEARCH_BY_VECTOR] = "vector" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum search_by)i;
			return true;
		}
	return false;
}

enum {
	RERANK = SEARCH_K_MAX,
	CANDIDATES = 128, /* of each way of finding */
	ALL = 2048,       /* of so few passages all are candidates */
};

struct candidate {
	uint32_t row;
	float words, sound, vector, fused; /* 0..1: each of the best there is */
	float score, coverage;
};

struct ranking {
	const struct index *x;
	const struct search_request *r;
	const struct view *v;
	const struct query *q;
	const struct search_tuning *t;
	struct lexical_query lexical;
	int8_t question[VECTOR_DIM_MAX];
	bool has_question;          /* there is a vector of it */
	float most_words, most_vector; /* the best of all: these become 1 */
	float share;                /* of the vectors */
	struct evidence_ask ask;
	int8_t first[VECTOR_DIM_MAX]; /* the first ones' vectors, added up */
	bool has_first;
	struct candidate *all;
	size_t n, cap;
};

static void ranking_auto_(struct ranking **k)
{
	if (*k) {
		mem_free((*k)->all);
		lexical_done(&(*k)->lexical);
	}
	mem_free(*k);
}

/* --- the question ------------------------------------------------------------------------- */

static int weigh_words(struct ranking *k)
{
	for (size_t i = 0; i < k->q->n_alternatives; i++) {
		const struct query_alternative *a = &k->q->alternatives[i];
		bool sound = a->kind == QUERY_SOUND;

		lexical_add(&k->lexical, (uint32_t)a->term, sound ? 0 : a->weight, sound ? a->weight : 0);
	}
	return lexical_open(&k->lexical, k->x);
}

static void embed_question(struct ranking *k)
{
	const struct embedder *e = index_embedder(k->x);

	k->has_question = e && k->r->by != SEARCH_BY_WORDS &&
			  embed_query(e, k->x, k->q, bytes_str(k->r->query), k->question);
}

/* --- scores --------------------------------------------------------------------------------- */

static float of_best(float score, float best)
{
	return best > 0 ? score / best : 0;
}

static float fuse(const struct ranking *k, float words, float vector)
{
	switch (k->r->by) {
	case SEARCH_BY_WORDS:
		return words;
	case SEARCH_BY_VECTOR:
		return vector;
	case SEARCH_BY_ALL:
		break;
	}
	return (1 - k->share) * words + k->share * vector;
}

/* Once the best of each way are known. What was learned from few passages is trusted little. */
static void weigh_ways(struct ranking *k)
{
	float n = (float)index_n_alive(k->x);

	k->share = k->most_vector > 0 ? k->t->vector_share * n / (n + k->t->vector_half) : 0;
}

static struct candidate score_row(const struct ranking *k, uint32_t row)
{
	size_t passage = row;
	const struct index_segment *o = index_segment_of(k->x, &passage);
	struct lexical_score s = lexical_score(&k->lexical, row);
	int32_t dot = k->has_question ?
			      vector_ops()->dot(k->question, o->g->vectors + passage * o->g->dim, o->g->dim) :
			      0;
	float vector = of_best(MAX(vector_cosine(dot), 0.0f), k->most_vector);

	return (struct candidate){
		.row = row,
		.words = of_best(s.words, k->most_words),
		.sound = of_best(s.sound, k->most_words),
		.vector = vector,
		.fused = fuse(k, of_best(s.words + s.sound, k->most_words), vector),
	};
}

static int add_candidate(struct ranking *k, const struct candidate *c)
{
	if (!mem_grow(&k->all, &k->cap, k->n, sizeof(*k->all)))
		return -ENOMEM;
	k->all[k->n++] = *c;
	return 0;
}

/* --- candidates: every passage ------------------------------------------------------------------ */

static bool is_seen(const struct ranking *k, size_t row)
{
	size_t passage = row;
	const struct index_segment *o = index_segment_of(k->x, &passage);
	const uint8_t *leaves = view_leaves(k->v, (size_t)(o - index_segment(k->x, 0)));

	return !leaves || leaves[o->g->rows[passage].leaf_no];
}

static int gather_all(struct ranking *k)
{
	size_t n = index_n(k->x);
	AUTO(mem) float *words = mem_calloc(3 * n, sizeof(*words));
	float *sound = words + n, *vector = sound + n;

	if (!words)
		return -ENOMEM;
	lexical_all(&k->lexical, words, sound);
	if (k->has_question)
		nearest_all(k->question, k->x, vector);
	for (size_t i = 0; i < n; i++) {
		if (!is_seen(k, i)) {
			words[i] = sound[i] = vector[i] = 0;
			continue;
		}
		k->most_words = MAX(k->most_words, words[i] + sound[i]);
		k->most_vector = MAX(k->most_vector, vector[i]);
	}
	weigh_ways(k);
	for (size_t i = 0; i < n; i++) {
		struct candidate c = { .row = (uint32_t)i,
				       .words = of_best(words[i], k->most_words),
				       .sound = of_best(sound[i], k->most_words),
				       .vector = of_best(vector[i], k->most_vector) };

		c.fused = fuse(k, of_best(words[i] + sound[i], k->most_words), c.vector);
		if (c.fused > 0 && add_candidate(k, &c) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* --- candidates: the best of each way ------------------------------------------------------------- */

static int by_row(const void *a, const void *b)
{
	uint32_t x = ((const struct candidate *)a)->row, y = ((const struct candidate *)b)->row;

	return (x > y) - (x < y);
}

static int gather_best(struct ranking *k)
{
	struct top words = { .k = CANDIDATES }, vectors = { .k = CANDIDATES };

	if (k->r->by != SEARCH_BY_VECTOR && lexical_top(&k->lexical, k->v, &words) < 0)
		return -ENOMEM;
	if (k->has_question && nearest_top(k->question, k->v, &vectors) < 0)
		return -ENOMEM;
	k->most_words = words.n ? words.at[0].score : 0;
	k->most_vector = vectors.n ? vectors.at[0].score : 0;
	weigh_ways(k);
	for (size_t i = 0; i < words.n + vectors.n; i++) {
		struct candidate c = {
			.row = i < words.n ? words.at[i].row : vectors.at[i - words.n].row
		};

		if (add_candidate(k, &c) < 0)
			return -ENOMEM;
	}
	if (k->n)
		qsort(k->all, k->n, sizeof(*k->all), by_row);
	size_t kept = 0;
	for (size_t i = 0; i < k->n; i++)
		if (!kept || k->all[kept - 1].row != k->all[i].row)
			k->all[kept++] = score_row(k, k->all[i].row);
	k->n = kept;
	return 0;
}

/* --- order ------------------------------------------------------------------------------------------ */

static const struct index_passage *passage_of(const struct segment *g, size_t passage)
{
	return &g->rows[passage].leaf->passages[g->rows[passage].ordinal];
}

static bool same_section(const struct index_passage *a, const struct index_passage *b)
{
	return a->document == b->document && a->path == b->path;
}

/* What the passage beside it in its section scores; 0: there is none. Rows of a document stand
 * together. */
static float beside(const struct ranking *k, const struct candidate *c, const struct segment *g,
		    size_t passage, int step)
{
	size_t other = passage + (size_t)step, i = (size_t)(c - k->all) + (size_t)step;
	uint32_t row = c->row + (uint32_t)step;

	if (other >= g->n || g->rows[other].leaf != g->rows[passage].leaf ||
	    !same_section(passage_of(g, passage), passage_of(g, other)))
		return 0;
	return i < k->n && k->all[i].row == row ? k->all[i].fused : score_row(k, row).fused;
}

/* With what the neighbours lend: they speak of the same. */
static float with_neighbours(const struct ranking *k, const struct candidate *c)
{
	float share = k->t->neighbour_share;
	size_t passage = c->row;

	if (share <= 0)
		return c->fused;
	const struct segment *g = index_segment_of(k->x, &passage)->g;
	float best = MAX(beside(k, c, g, passage, -1), beside(k, c, g, passage, 1));
	return (c->fused + share * best) / (1 + share);
}

/* What the first ones have in common is what was asked for, in other words too (Rocchio 1971). */
static void learn_from_first(struct ranking *k, const struct candidate *first, size_t n)
{
	float sum[VECTOR_DIM_MAX];
	unsigned dim = k->has_question ? embedder_dim(index_embedder(k->x)) : 0;

	n = MIN(n, (size_t)k->t->feedback);
	if (!dim || !n || k->t->feedback_share <= 0 || k->r->by == SEARCH_BY_WORDS)
		return;
	memset(sum, 0, dim * sizeof(*sum));
	for (size_t i = 0; i < n; i++) {
		const int8_t *v = index_vector(k->x, first[i].row);

		for (unsigned c = 0; c < dim; c++)
			sum[c] += first[i].score * (float)v[c];
	}
	k->has_first = embed_normalise(sum, dim);
	if (k->has_first)
		embed_quantise(sum, dim, embedder_gain(index_embedder(k->x)), k->first);
}

static float with_first(const struct ranking *k, const struct candidate *c)
{
	const struct embedder *e = index_embedder(k->x);
	float share = k->t->feedback_share, gain;

	if (!k->has_first)
		return c->score;
	gain = embedder_gain(e);
	int32_t dot = vector_ops()->dot(k->first, index_vector(k->x, c->row), embedder_dim(e));
	float near = vector_cosine(dot) / (gain * gain);
	return (1 - share) * c->score + share * MAX(near, 0.0f);
}

/* What the candidates are put in order with again: the best ones only. */
static float with_evidence(const struct ranking *k, struct candidate *c)
{
	const struct search_tuning *t = k->t;
	float words = MAX((float)k->q->n_slots, 1.0f);
	float share = t->coverage_share * MIN(1.0f, t->coverage_words / words);
	struct evidence e;

	evidence_of(&k->ask, c->row, &e);
	c->coverage = e.coverage;
	float score = (1 - share) * with_first(k, c) + share * e.coverage;
	return (score + t->heading_share * e.heading + t->proximity_share * e.proximity +
		t->exact_share * e.exact) /
	       (1 + t->heading_share + t->proximity_share + t->exact_share);
}

/* The candidates in `top`, best first, into `to`; how many. */
static size_t take_top(const struct ranking *k, struct top *top, struct candidate *to)
{
	top_sort(top);
	for (size_t i = 0; i < top->n; i++) {
		const struct candidate key = { .row = top->at[i].row };

		to[i] = *(struct candidate *)bsearch(&key, k->all, k->n, sizeof(key), by_row);
		to[i].score = top->at[i].score;
	}
	return top->n;
}

/* k->all is by row. The best go to `best` [RERANK], in their order. */
static size_t order(struct ranking *k, struct candidate *best)
{
	struct top top = { .k = RERANK };
	struct candidate first[RERANK];

	for (size_t i = 0; i < k->n; i++)
		if (k->all[i].fused > 0 && k->all[i].fused + k->t->neighbour_share > top_least(&top))
			top_put(&top, with_neighbours(k, &k->all[i]), k->all[i].row);
	size_t n = take_top(k, &top, first);

	learn_from_first(k, first, n);
	top = (struct top){ .k = RERANK };
	for (size_t i = 0; i < n; i++)
		top_put(&top, with_evidence(k, &first[i]), first[i].row);
	top_sort(&top);
	for (size_t i = 0; i < top.n; i++)
		for (size_t m = 0; m < n; m++)
			if (first[m].row == top.at[i].row) {
				best[i] = first[m];
				best[i].score = top.at[i].score;
			}
	return top.n;
}

/* --- rows --------------------------------------------------------------------------------------------- */

static struct search_row make_row(const struct index *x, const struct candidate *c)
{
	const struct index_passage *p = index_passage(x, c->row);
	const struct index_document *d = p->document;

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
		.lexical = c->words,
		.vector = c->vector,
		.sound = c->sound,
		.n_passages = 1,
	};
}

/* The words of a passage's text, each once, in the order of their numbers. */
struct wordset {
	const uint32_t *at;
	size_t n;
};

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int wordset_of(const struct index *x, size_t row, struct arena *mem, struct wordset *out)
{
	struct index_tokens k = index_tokens(x, row);
	uint32_t *w = arena_alloc(mem, (k.n - k.n_heading + 1) * sizeof(*w));
	size_t n = 0, kept = 0;

	if (!w)
		return -ENOMEM;
	for (size_t i = k.n_heading; i < k.n; i++)
		if (k.surface[i] != INDEX_SENTENCE)
			w[n++] = k.surface[i];
	qsort(w, n, sizeof(*w), by_number);
	for (size_t i = 0; i < n; i++)
		if (!kept || w[kept - 1] != w[i])
			w[kept++] = w[i];
	*out = (struct wordset){ w, kept };
	return 0;
}

/* Nine words in ten of both together are in both. */
static bool nearly_same(const struct wordset *a, const struct wordset *b)
{
	size_t i = 0, k = 0, both = 0;

	if (!a->n || a->n * 10 < b->n * 9 || b->n * 10 < a->n * 9)
		return false;
	while (i < a->n && k < b->n) {
		both += a->at[i] == b->at[k];
		if (a->at[i] < b->at[k])
			i++;
		else if (a->at[i] > b->at[k])
			k++;
		else
			i++, k++;
	}
	return both * 10 >= (a->n + b->n - both) * 9;
}

/* The rows of a result while they are put together. */
struct shown {
	struct wordset words;
	uint32_t first, last; /* rows of the index */
};

/* Two passages that follow each other, as one text. */
static int join(struct search_row *r, const struct index_passage *p, bool before, struct arena *mem)
{
	struct bytes a = before ? p->text : r->text, b = before ? r->text : p->text;
	char *text = arena_alloc(mem, a.n + b.n + 3);

	if (!text)
		return -ENOMEM;
	memcpy(text, a.p, a.n);
	memcpy(text + a.n, "\n\n", 2);
	memcpy(text + a.n + 2, b.p, b.n);
	r->text = bytes_of(text, a.n + 2 + b.n);
	r->n_passages++;
	if (before) {
		r->passage = p->id;
		r->page = p->page;
		r->start = p->start;
	} else {
		r->end = p->end;
	}
	return 0;
}

/* 1: it went into a row that is there: beside it in its section, or the same text once more. */
static int fold(struct search_result *out, const struct ranking *k, const struct candidate *c,
		const struct wordset *words, struct shown *shown)
{
	const struct index_passage *p = index_passage(k->x, c->row);

	for (size_t i = 0; i < out->n; i++) {
		struct search_row *r = &out->rows[i];
		bool before = c->row + 1 == shown[i].first, after = c->row == shown[i].last + 1;

		if ((before && same_section(p, index_passage(k->x, shown[i].first))) ||
		    (after && same_section(p, index_passage(k->x, shown[i].last)))) {
			shown[i].first -= before;
			shown[i].last += after;
			return join(r, p, before, &out->strings) < 0 ? -ENOMEM : 1;
		}
		if (strcmp(r->heading, p->heading) == 0 && nearly_same(words, &shown[i].words)) {
			r->n_alike++;
			return 1;
		}
	}
	return 0;
}

static int show(struct ranking *k, const struct candidate *best, size_t n, struct search_result *out)
{
	size_t want = MIN(k->r->k ? k->r->k : (size_t)SEARCH_K_DEFAULT, (size_t)SEARCH_K_MAX);
	AUTO(arena) struct arena mem = { .head = NULL };
	AUTO(mem) struct shown *shown = mem_calloc(want, sizeof(*shown));

	if (!shown)
		return -ENOMEM;
	for (size_t i = 0; i < n && out->n < want; i++) {
		struct wordset words;
		int r = wordset_of(k->x, best[i].row, &mem, &words);

		if (r == 0)
			r = fold(out, k, &best[i], &words, shown);
		if (r < 0)
			return r;
		out->confidence = MAX(out->confidence, best[i].coverage * best[i].score / best[0].score);
		if (r > 0)
			continue;
		shown[out->n] = (struct shown){ words, best[i].row, best[i].row };
		out->rows[out->n++] = make_row(k->x, &best[i]);
	}
	return 0;
}

static int rank(struct ranking *k, struct search_result *out)
{
	struct candidate best[RERANK];

	if (weigh_words(k) < 0)
		return -ENOMEM;
	evidence_ask(&k->ask, k->q, &k->lexical);
	embed_question(k);
	int r = k->r->exhaustive || index_n(k->x) <= ALL ? gather_all(k) : gather_best(k);
	out->words_only = k->r->by != SEARCH_BY_WORDS && !k->has_question && index_embedder(k->x) &&
			  embedder_silent(index_embedder(k->x));
	return r < 0 ? r : show(k, best, order(k, best), out);
}

int search_run(struct searcher *s, const struct search_request *r, struct search_result *out)
{
	AUTO(ranking) struct ranking *k = mem_zalloc(sizeof(*k));

	out->n = 0;
	out->confidence = 0;
	out->words_only = false;
	out->query = NULL;
	out->view = (struct view){ .x = NULL };
	out->strings = (struct arena){ .head = NULL };
	out->index = searcher_index(s, r->collection);
	if (!out->index)
		return -ENOENT;
	out->query = mem_alloc(sizeof(*out->query));
	int e = k && out->query ? view_init(&out->view, out->index, &r->filter) : -ENOMEM;
	if (e == 0) {
		query_make(&out->view, bytes_str(r->query), out->query);
		k->x = out->index;
		k->r = r;
		k->v = &out->view;
		k->q = out->query;
		k->t = r->tuning ? r->tuning : &search_tuning;
		e = rank(k, out);
	}
	if (e < 0)
		search_result_done(out);
	return e;
}

void search_result_done(struct search_result *r)
{
	view_done(&r->view);
	mem_free(r->query);
	arena_done(&r->strings);
	index_unref(r->index);
	r->query = NULL;
	r->index = NULL;
	r->n = 0;
}

float sentence_score(const struct search_result *r, const struct search_row *row, struct bytes sentence)
{
	float own = query_covers_text(r->index, r->query, sentence, bytes_of("", 0));
	float with = query_covers_text(r->index, r->query, sentence, bytes_str(row->headings));

	return 0.7f * own + 0.3f * with;
}
