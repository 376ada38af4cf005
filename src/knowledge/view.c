#include "knowledge/view.h"

#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <time.h>

#include "base/alloc.h"
#include "knowledge/labels.h"

static bool asked_for(const struct view_filter *f, const struct index_document *d)
{
	return (!f->document || f->document == d->id) && (!f->since_us || d->mtime_us >= f->since_us) &&
	       (!f->until_us || d->mtime_us < f->until_us) && (!f->tags || labels_within(f->tags, d->tags)) &&
	       (!f->path || fnmatch(f->path, d->path, 0) == 0 || fnmatch(f->path, d->name, 0) == 0) &&
	       (!f->name || fnmatch(f->name, d->name, 0) == 0);
}

static bool is_alive(const struct index_segment *s, size_t leaf)
{
	return !s->alive || s->alive[leaf];
}

/* What may be seen, and of that what is asked for. */
static void fill_masks(struct view *v, const struct view_filter *f, size_t segment)
{
	const struct index_segment *s = index_segment(v->x, segment);

	for (size_t i = 0; i < s->g->n_leaves; i++) {
		const struct index_document *d = &s->g->leaves[i]->document;
		bool alive = is_alive(s, i), granted = alive && labels_admit(d->labels, f->groups);

		v->restricted |= alive && !granted;
		v->n_passages += granted ? s->g->leaves[i]->n : 0;
		v->granted[segment][i] = granted;
		v->masks[segment][i] = granted && asked_for(f, d);
	}
}

int view_init(struct view *v, const struct index *x, const struct view_filter *f)
{
	size_t n = index_n_segments(x), leaves = 0;

	*v = (struct view){ .x = x, .n_passages = index_n_alive(x) };
	v->all = !f->groups && !(f->tags && *f->tags) && !f->path && !f->name && !f->since_us && !f->until_us &&
		 !f->document;
	if (v->all)
		return 0;
	for (size_t i = 0; i < n; i++)
		leaves += index_segment(x, i)->g->n_leaves;
	v->memory = mem_alloc(2 * leaves + 1);
	v->masks = mem_calloc(2 * n, sizeof(*v->masks));
	if (!v->memory || !v->masks) {
		view_done(v);
		return -ENOMEM;
	}
	v->granted = v->masks + n;
	v->n_passages = 0;
	uint8_t *mask = v->memory;
	for (size_t i = 0; i < n; mask += index_segment(x, i)->g->n_leaves, i++) {
		v->masks[i] = mask;
		v->granted[i] = mask + leaves;
		fill_masks(v, f, i);
	}
	return 0;
}

bool view_date(const char *text, int64_t *us)
{
	static const char *const forms[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ" };

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct tm t = { .tm_mday = 1 };
		const char *end = strptime(text, forms[i], &t);

		if (!end || *end)
			continue;
		*us = (int64_t)timegm(&t) * US_PER_S;
		return true;
	}
	return false;
}

void view_done(struct view *v)
{
	mem_free(v->memory);
	mem_free(v->masks);
	v->memory = NULL;
	v->masks = NULL;
}

/* How many of the passages that may be seen hold the term. */
static size_t count(const struct view *v, int32_t term)
{
	size_t n = 0;

	if (!v->restricted || !index_df(v->x, term))
		return index_df(v->x, term);
	for (size_t s = 0; s < index_n_segments(v->x); s++) {
		const struct segment *g = index_segment(v->x, s)->g;
		struct segment_list l = segment_list(g, (uint32_t)term);

		for (size_t i = 0; i < l.n; i++)
			n += v->granted[s][g->rows[l.passage[i]].leaf_no];
	}
	return n;
}

/* Does the term stand there itself? A list also has passages in which two words join to it, and
 * that they join may be known from what is hidden alone. */
static bool says(const struct index *x, const struct segment_row *row, int32_t term)
{
	const struct index_tokens *t = &row->leaf->tokens[row->ordinal];

	for (size_t i = 0; i < t->n; i++)
		if (t->surface[i] != INDEX_SENTENCE && index_surface_term(x, t->surface[i]) == term)
			return true;
	return false;
}

bool view_has_term(const struct view *v, int32_t term)
{
	if (!v->restricted || !index_df(v->x, term))
		return index_df(v->x, term) > 0;
	for (size_t s = 0; s < index_n_segments(v->x); s++) {
		const struct segment *g = index_segment(v->x, s)->g;
		struct segment_list l = segment_list(g, (uint32_t)term);

		for (size_t i = 0; i < l.n; i++) {
			const struct segment_row *row = &g->rows[l.passage[i]];

			if (v->granted[s][row->leaf_no] && says(v->x, row, term))
				return true;
		}
	}
	return false;
}

float view_idf(const struct view *v, int32_t term)
{
	if (!v->restricted)
		return index_idf(v->x, term);
	float n = (float)count(v, term);
	return logf(1 + ((float)v->n_passages - n + 0.5f) / (n + 0.5f));
}
