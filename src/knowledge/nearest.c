#include "knowledge/nearest.h"

#include <errno.h>

#include "base/alloc.h"
#include "knowledge/vector.h"

enum {
	EXACT = 8192,      /* so many passages are compared exactly ...            */
	HEADS = 16,        /* ... of more, the codes of one in so many, by heads   */
	HEADS_LEAST = 8192,
	SHARE = 128,       /* ... and of all, exactly, one in so many, by codes    */
	SHARE_LEAST = 2048,
	SAMPLE = 8,
	HIDDEN = UINT8_MAX,
	AHEAD = 16,        /* so many passages ahead memory is asked for           */
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

/* How far each code's head is from the question's. */
static void measure(const struct search *s, const uint64_t *code, uint8_t *distance)
{
	for (size_t k = 0; k < index_n_segments(s->v->x); k++) {
		const struct index_segment *o = index_segment(s->v->x, k);
		const uint8_t *leaves = view_leaves(s->v, k);

		s->ops->differ(o->g->heads, o->g->n, code, distance + o->first);
		for (size_t i = 0; leaves && i < o->g->n; i++)
			if (!leaves[o->g->rows[i].leaf_no])
				distance[o->first + i] = HIDDEN;
	}
}

/* Rows that are near by what has been looked at so far. */
struct near {
	uint32_t row;
	uint16_t distance;
};

/* The distance up to which there are enough; *n: how many these are. */
static uint16_t threshold(const uint32_t *histogram, size_t size, size_t enough, size_t *n)
{
	uint16_t d = 0;

	for (*n = 0; d < size; d++)
		if ((*n += histogram[d]) >= enough)
			break;
	return d;
}

static struct near *near_by_heads(const struct search *s, const uint8_t *distance, size_t *n_near)
{
	uint32_t histogram[HIDDEN + 1] = { 0 };
	size_t n = index_n(s->v->x), enough = MAX(n / HEADS, (size_t)HEADS_LEAST), kept = 0;
	size_t cap = 4 * enough; /* a sample tells where to cut, roughly */

	for (size_t i = 0; i < n; i += SAMPLE)
		histogram[distance[i]]++;
	uint16_t most = threshold(histogram, HIDDEN, enough / SAMPLE, n_near);
	most = MIN(most, (uint16_t)(HIDDEN - 1));
	struct near *near = mem_alloc((cap + 1) * sizeof(*near));
	/* Without a branch for each: nobody could foretell it. */
	for (size_t i = 0; near && i < n && kept < cap; i++) {
		near[kept] = (struct near){ (uint32_t)i, distance[i] };
		kept += distance[i] <= most;
	}
	*n_near = kept;
	return near;
}

/* By their whole codes; how many of them are near then, moved to the front. */
static size_t near_by_codes(const struct search *s, const uint64_t *code, struct near *near, size_t n)
{
	uint32_t histogram[VECTOR_CODE_MAX * 64 + 1] = { 0 };
	size_t size = 64 * (VECTOR_HEAD + index_segment(s->v->x, 0)->g->n_tail) + 1, kept = 0, found;
	const struct index_segment *o = index_segment(s->v->x, 0);

	for (size_t i = 0; i < n; i++) {
		while (near[i].row >= o->first + o->g->n)
			o++;
		if (i + AHEAD < n && near[i + AHEAD].row < o->first + o->g->n)
			__builtin_prefetch(o->g->tails + (near[i + AHEAD].row - o->first) * o->g->n_tail);
		near[i].distance += (uint16_t)s->ops->distance(
			o->g->tails + (near[i].row - o->first) * o->g->n_tail, code + VECTOR_HEAD, o->g->n_tail);
		histogram[near[i].distance]++;
	}
	uint16_t most = threshold(histogram, size, MAX(index_n(s->v->x) / SHARE, (size_t)SHARE_LEAST), &found);
	for (size_t i = 0; i < n; i++)
		if (near[i].distance <= most)
			near[kept++] = near[i];
	return kept;
}

static void compare_near(struct search *s, const struct near *near, size_t n)
{
	const struct index_segment *o = index_segment(s->v->x, 0);

	for (size_t i = 0; i < n; i++) {
		while (near[i].row >= o->first + o->g->n)
			o++;
		if (i + AHEAD < n && near[i + AHEAD].row < o->first + o->g->n) {
			const int8_t *v = o->g->vectors + (near[i + AHEAD].row - o->first) * o->g->dim;

			for (unsigned c = 0; c < o->g->dim && c < 256; c += 64)
				__builtin_prefetch(v + c);
		}
		compare(s, o, near[i].row - o->first);
	}
}

static int search_codes(struct search *s)
{
	AUTO(mem) uint8_t *distance = mem_alloc(index_n(s->v->x));
	uint64_t code[VECTOR_CODE_MAX];
	size_t n;

	if (!distance)
		return -ENOMEM;
	vector_code(s->question, index_segment(s->v->x, 0)->g->dim, code);
	measure(s, code, distance);
	AUTO(mem) struct near *near = near_by_heads(s, distance, &n);
	if (!near)
		return -ENOMEM;
	compare_near(s, near, near_by_codes(s, code, near, n));
	return 0;
}

int nearest_top(const int8_t *question, const struct view *v, struct top *top)
{
	struct search s = { question, vector_ops(), v, top };

	if (index_n(v->x) <= EXACT)
		compare_all(&s);
	else if (search_codes(&s) < 0)
		return -ENOMEM;
	top_sort(top);
	return 0;
}
