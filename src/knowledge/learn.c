#include "knowledge/learn.h"

#include <errno.h>

#include "base/alloc.h"
#include "knowledge/index.h"
#include "knowledge/store.h"

static int learn_from(struct store *s, int64_t collection, const struct index *x)
{
	const struct vocab *v = index_surfaces(x);
	AUTO(mem) struct store_word *words = mem_calloc(v->n, sizeof(*words));

	if (!words)
		return -ENOMEM;
	for (size_t i = 0; i < v->n; i++)
		words[i] = (struct store_word){ v->s[i], (int64_t)index_surface_count(x, i) };
	struct store_learned l = {
		.embedder = "none",
		.n_words = v->n,
		.words = words,
		.generation = index_generation(x),
	};
	return store_learn(s, collection, &l);
}

int learn_collection(struct store *s, const char *collection)
{
	AUTO(buf) struct buf model = { 0 };
	int64_t id, now = 0, then = -1;
	unsigned dim;
	int r = store_collection(s, collection, &id);

	if (r == 0)
		r = store_generation(s, id, &now);
	if (r == 0)
		r = store_embedder(s, id, &model, &dim, &then);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && then == now)
		return 0;
	AUTO(index) struct index *x = NULL;
	r = index_build(&x, s, collection);
	return r < 0 ? r : learn_from(s, id, x);
}
