#include "knowledge/view.h"

#include <errno.h>
#include <fnmatch.h>

#include "base/alloc.h"

/* Is the member, "\nname\n" at p, in the set? */
static bool set_has(const char *set, const char *p, size_t n)
{
	return memmem(set, strlen(set), p, n) != NULL;
}

/* The next member of a set, "\nname\n", at or after p; NULL: no more. */
static const char *next_member(const char *p, size_t *n)
{
	const char *end = *p == '\n' ? strchr(p + 1, '\n') : NULL;

	if (!end)
		return NULL;
	*n = (size_t)(end - p) + 1;
	return p;
}

bool view_grants(const char *groups, const char *labels)
{
	size_t n;

	if (!groups || !*labels)
		return true;
	for (const char *p = labels; (p = next_member(p, &n)); p += n - 1)
		if (set_has(groups, p, n))
			return true;
	return false;
}

static bool has_all_tags(const char *wanted, const char *tags)
{
	size_t n;

	for (const char *p = wanted; (p = next_member(p, &n)); p += n - 1)
		if (!set_has(tags, p, n))
			return false;
	return true;
}

static bool asked_for(const struct view_filter *f, const struct index_document *d)
{
	return (!f->document || f->document == d->id) && (!f->since_us || d->mtime_us >= f->since_us) &&
	       (!f->until_us || d->mtime_us < f->until_us) && (!f->tags || has_all_tags(f->tags, d->tags)) &&
	       (!f->path || fnmatch(f->path, d->path, 0) == 0 || fnmatch(f->path, d->name, 0) == 0);
}

static void fill_mask(struct view *v, const struct view_filter *f, const struct index_segment *s,
		      uint8_t *mask)
{
	for (size_t i = 0; i < s->g->n_leaves; i++) {
		const struct index_document *d = &s->g->leaves[i]->document;
		bool alive = !s->alive || s->alive[i], granted = view_grants(f->groups, d->labels);

		v->restricted |= alive && !granted;
		mask[i] = alive && granted && asked_for(f, d);
	}
}

int view_init(struct view *v, const struct index *x, const struct view_filter *f)
{
	size_t n = index_n_segments(x), leaves = 0;

	*v = (struct view){ .x = x };
	v->all = !f->groups && !(f->tags && *f->tags) && !f->path && !f->since_us && !f->until_us &&
		 !f->document;
	if (v->all)
		return 0;
	for (size_t i = 0; i < n; i++)
		leaves += index_segment(x, i)->g->n_leaves;
	v->memory = mem_alloc(leaves + 1);
	v->masks = mem_calloc(n, sizeof(*v->masks));
	if (!v->memory || !v->masks) {
		view_done(v);
		return -ENOMEM;
	}
	uint8_t *mask = v->memory;
	for (size_t i = 0; i < n; mask += index_segment(x, i)->g->n_leaves, i++) {
		v->masks[i] = mask;
		fill_mask(v, f, index_segment(x, i), mask);
	}
	return 0;
}

void view_done(struct view *v)
{
	mem_free(v->memory);
	mem_free(v->masks);
	v->memory = NULL;
	v->masks = NULL;
}

static bool segment_shows(const struct segment *g, const uint8_t *leaves, uint32_t term)
{
	struct segment_list l = segment_list(g, term);

	for (size_t i = 0; i < l.n; i++)
		if (leaves[g->rows[l.passage[i]].leaf_no])
			return true;
	return false;
}

bool view_has_term(const struct view *v, int32_t term)
{
	if (!index_df(v->x, term))
		return false;
	for (size_t i = 0; v->restricted && i < index_n_segments(v->x); i++)
		if (segment_shows(index_segment(v->x, i)->g, v->masks[i], (uint32_t)term))
			return true;
	return !v->restricted;
}
