/* searcher.c - the collections' snapshots, swapped under those who search. */
#include <errno.h>
#include <sched.h>

#include "base/alloc.h"
#include "knowledge/search.h"
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

struct index *searcher_index(struct searcher *s, const char *collection)
{
	struct shelf *h = find_shelf(s, collection ? collection : STORE_DEFAULT_COLLECTION);

	if (!h)
		return NULL;
	atomic_fetch_add(&h->readers, 1);
	struct index *x = index_ref(atomic_load(&h->index));
	atomic_fetch_sub(&h->readers, 1);
	return x;
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
	struct shelf *h = find_shelf(s, collection);
	struct index *x;
	int r = index_update(&x, h ? h->index : NULL, reader, collection);

	if (r < 0)
		return r;
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

static bool is_current(const struct index *x, struct store *reader, int64_t id, int *r)
{
	int64_t generation = -1, stamp = -1;

	*r = store_generation(reader, id, &generation);
	if (*r == 0)
		*r = store_embedder_stamp(reader, id, &stamp);
	return index_generation(x) == generation && index_stamp(x) == stamp;
}

static int refresh_one(void *ctx, const char *name)
{
	struct refresh *f = ctx;
	struct shelf *h = find_shelf(f->s, name);
	int64_t id;
	int r = store_collection(f->reader, name, &id);

	if (r < 0 || (h && is_current(h->index, f->reader, id, &r)) || r < 0)
		return r;
	return searcher_load(f->s, f->reader, name);
}

int searcher_refresh(struct searcher *s, struct store *reader)
{
	struct refresh f = { s, reader };

	return store_collections(reader, refresh_one, &f);
}
