#include "knowledge/nearest.h"

#include <errno.h>

#include "base/alloc.h"
#include "knowledge/vector.h"

enum {
	EXACT = 8192,  /* so many passages are compared exactly */
	SHARE = 128,   /* of more, one in so many, but ...      */
	LEAST = 2048,  /* ... at least                          */
	BITS = VECTOR_CODE_MAX * 64,
	HIDDEN = BITS + 1,
};

void nearest_all(const int8_t *question, const struct index *x, float *cosine)
{
	const struct vector_ops *ops = vector_ops();

	for (size_t s = 0; s < index_n_segments(x); s++) {
		const struct index_segment *o = index_segment(x, s);

		for (size_t i = 0; i < o->g->n; i++)
			cosine[o->first + i] = MAX(
				vector_cosine(ops->dot(question, o->g->vectors + i * o->g->dim, o->g->dim)),
				0.0f);
	}
}

struct search {
	const int8_t *question;
	const struct vector_ops *ops;
	const struct view *v;
	struct top *top;
};

static bool shown(const uint8_t *leaves, const struct segment *g, size_t i)
{
	return !leaves || leaves[g->rows[i].leaf_no];
}

static void compare(struct search *s, const struct index_segment *o, size_t i)
{
	int32_t dot = s->ops->dot(s->question, o->g->vectors + i * o->g->dim, o->g->dim);

	if (dot > 0)
		top_put(s->top, vector_cosine(dot), (uint32_t)(o->first + i));
}

static void compare_all(struct search *s)
{
	for (size_t k = 0; k < index_n_segments(s->v->x); k++) {
		const struct index_segment *o = index_segment(s->v->x, k);
		const uint8_t *leaves = view_leaves(s->v, k);

		for (size_t i = 0; i < o->g->n; i++)
			if (shown(leaves, o->g, i))
				compare(s, o, i);
	}
}

/* How far each code is from the question's. */
static void measure(const struct search *s, const uint64_t *code, uint16_t *distance)
{
	for (size_t k = 0; k < index_n_segments(s->v->x); k++) {
		const struct index_segment *o = index_segment(s->v->x, k);
		const uint8_t *leaves = view_leaves(s->v, k);

		s->ops->differ(o->g->codes, o->g->n, o->g->n_code, code, distance + o->first);
		for (size_t i = 0; leaves && i < o->g->n; i++)
			if (!leaves[o->g->rows[i].leaf_no])
				distance[o->first + i] = HIDDEN;
	}
}

/* The distance up to which there are enough. */
static uint16_t threshold(const uint16_t *distance, size_t n, size_t enough)
{
	uint32_t histogram[HIDDEN + 1] = { 0 };
	size_t sum = 0;
	uint16_t d = 0;

	for (size_t i = 0; i < n; i++)
		histogram[distance[i]]++;
	for (; d < HIDDEN - 1 && (sum += histogram[d]) < enough;)
		d++;
	return d;
}

static void compare_near(struct search *s, const uint16_t *distance, uint16_t most)
{
	for (size_t k = 0; k < index_n_segments(s->v->x); k++) {
		const struct index_segment *o = index_segment(s->v->x, k);

		for (size_t i = 0; i < o->g->n; i++)
			if (distance[o->first + i] <= most)
				compare(s, o, i);
	}
}

int nearest_top(const int8_t *question, const struct view *v, struct top *top)
{
	struct search s = { question, vector_ops(), v, top };
	size_t n = index_n(v->x);
	uint64_t code[VECTOR_CODE_MAX];

	if (n <= EXACT) {
		compare_all(&s);
	} else {
		AUTO(mem) uint16_t *distance = mem_alloc(n * sizeof(*distance));

		if (!distance)
			return -ENOMEM;
		vector_code(question, index_segment(v->x, 0)->g->dim, code);
		measure(&s, code, distance);
		compare_near(&s, distance, threshold(distance, n, MAX(n / SHARE, (size_t)LEAST)));
	}
	top_sort(top);
	return 0;
}
