#include "knowledge/learn.h"

#include <errno.h>

#include "base/alloc.h"
#include "knowledge/embed.h"
#include "knowledge/index.h"
#include "knowledge/store.h"

static void add_words(const struct index *x, struct store_learned *l, struct store_word *words)
{
	size_t n = index_n_surfaces(x);

	for (size_t i = 0; i < n; i++)
		words[i] = (struct store_word){ index_surface(x, i), (int64_t)index_surface_count(x, i) };
	l->words = words;
	l->n_words = n;
}

static void embed_all(const struct index *x, const struct embedder *e, struct store_learned *l,
		      int64_t *ids, int8_t *vectors)
{
	for (size_t i = 0; i < index_n(x); i++) {
		ids[i] = index_passage(x, i)->id;
		embed_passage(e, x, i, vectors + i * l->dim);
	}
	l->passages = ids;
	l->vectors = vectors;
	l->n_vectors = index_n(x);
}

static int learn_from(struct store *s, int64_t collection, const struct index *x)
{
	AUTO(embedder) struct embedder *e = NULL;
	AUTO(buf) struct buf model = { 0 };
	int r = embedder_learn(&e, x);

	if (r < 0)
		return r;
	struct store_learned l = {
		.embedder = EMBED_NAME,
		.dim = e ? embedder_dim(e) : 0,
		.generation = index_generation(x),
	};
	AUTO(mem) struct store_word *words = mem_calloc(index_n_surfaces(x), sizeof(*words));
	AUTO(mem) int64_t *ids = mem_calloc(index_n(x), sizeof(*ids));
	AUTO(mem) int8_t *vectors = mem_calloc(index_n(x), l.dim);
	if (e)
		embedder_save(e, &model);
	if (!words || !ids || !vectors || model.failed)
		return -ENOMEM;
	l.model = buf_bytes(&model);
	add_words(x, &l, words);
	if (e)
		embed_all(x, e, &l, ids, vectors);
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
