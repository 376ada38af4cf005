#include "knowledge/index.h"

#include <math.h>

#include "base/alloc.h"
#include "knowledge/index_inner.h"

/* --- life ------------------------------------------------------------------------------------ */

void learned_unref(struct learned *l)
{
	if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	embedder_free(l->embedder);
	mem_free(l);
}

struct index *index_ref(struct index *x)
{
	atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
	return x;
}

void index_segment_done(struct index_segment *s)
{
	segment_unref(s->g);
	mem_free(s->alive);
}

void index_unref(struct index *x)
{
	if (!x || atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < x->n_segments; i++)
		index_segment_done(&x->segments[i]);
	mem_free(x->segments);
	mem_free(x->documents);
	mem_free(x->df);
	mem_free(x->surface_count);
	sounds_unref(x->sounds);
	sounds_unref(x->recent);
	learned_unref(x->learned);
	dictionary_unref(x->dictionary);
	mem_free(x);
}

/* --- reading it ------------------------------------------------------------------------------ */

int64_t index_generation(const struct index *x)
{
	return x->generation;
}

int64_t index_stamp(const struct index *x)
{
	return x->learned->stamp;
}

size_t index_n_segments(const struct index *x)
{
	return x->n_segments;
}

const struct index_segment *index_segment(const struct index *x, size_t i)
{
	return &x->segments[i];
}

const struct index_segment *index_segment_of(const struct index *x, size_t *row)
{
	const struct index_segment *s = x->segments;

	while (*row >= s->first + s->g->n)
		s++;
	*row -= s->first;
	return s;
}

size_t index_n(const struct index *x)
{
	return x->n;
}

size_t index_n_alive(const struct index *x)
{
	return x->n_alive;
}

bool index_alive(const struct index *x, size_t row)
{
	const struct index_segment *s = index_segment_of(x, &row);

	return leaf_is_alive(s, s->g->rows[row].leaf_no);
}

float index_mean_length(const struct index *x)
{
	return x->n_alive ? MAX((float)(x->length / (double)x->n_alive), 1.0f) : 1;
}

size_t index_n_documents(const struct index *x)
{
	return x->n_documents;
}

const struct index_document *index_document(const struct index *x, size_t i)
{
	return &x->documents[i].leaf->document;
}

const struct index_passage *index_passage(const struct index *x, size_t row)
{
	const struct index_segment *s = index_segment_of(x, &row);

	return &s->g->rows[row].leaf->passages[s->g->rows[row].ordinal];
}

struct index_tokens index_tokens(const struct index *x, size_t row)
{
	const struct index_segment *s = index_segment_of(x, &row);

	return s->g->rows[row].leaf->tokens[s->g->rows[row].ordinal];
}

size_t index_n_terms(const struct index *x)
{
	return x->n_terms;
}

const char *index_term(const struct index *x, size_t term)
{
	return x->dictionary->terms.s[term];
}

int32_t index_find_term(const struct index *x, const char *s, size_t n)
{
	int32_t t = vocab_find(&x->dictionary->terms, s, n);

	return t >= 0 && (size_t)t < x->n_terms ? t : VOCAB_NONE;
}

size_t index_df(const struct index *x, int32_t term)
{
	return term >= 0 && (size_t)term < x->n_terms ? x->df[term] : 0;
}

float index_idf(const struct index *x, int32_t term)
{
	float n = (float)index_df(x, term);

	return logf(1 + ((float)x->n_alive - n + 0.5f) / (n + 0.5f));
}

bool index_has(const struct index *x, size_t term, size_t row)
{
	const struct index_segment *s = index_segment_of(x, &row);
	struct segment_list l = segment_list(s->g, (uint32_t)term);

	return segment_count(&l, (uint32_t)row) > 0;
}

size_t index_sound_find(const struct index *x, const char *word, size_t n,
			const struct sound_filter *filter, float least, struct sound_match *out)
{
	size_t found = sound_find(x->sounds, word, n, filter, least, out, 0);

	return sound_find(x->recent, word, n, filter, least, out, found);
}

size_t index_n_surfaces(const struct index *x)
{
	return x->n_surfaces;
}

const char *index_surface(const struct index *x, size_t surface)
{
	return x->dictionary->surfaces.s[surface];
}

int32_t index_find_surface(const struct index *x, const char *s, size_t n)
{
	int32_t f = vocab_find(&x->dictionary->surfaces, s, n);

	return f >= 0 && (size_t)f < x->n_surfaces ? f : VOCAB_NONE;
}

int32_t index_surface_term(const struct index *x, size_t surface)
{
	return x->dictionary->surface_term[surface];
}

const int32_t *index_surface_terms(const struct index *x)
{
	return x->dictionary->surface_term;
}

size_t index_surface_count(const struct index *x, size_t surface)
{
	return x->surface_count[surface];
}

const struct embedder *index_embedder(const struct index *x)
{
	return x->learned->embedder;
}

const int8_t *index_vector(const struct index *x, size_t row)
{
	const struct index_segment *s = index_segment_of(x, &row);

	return s->g->vectors + row * s->g->dim;
}
