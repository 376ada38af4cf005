/* teststeps.h - what the program does with a store, step by step: a life of one, and its migration
 * from the first version. For tests only. A step that failed can be run again.
 */
#pragma once

#include <errno.h>

#include "knowledge/db.h"
#include "knowledge/teststore.h"

struct world {
	struct testdir dir;
	struct store *s, *reader;
	char why[STORE_WHY];
};

struct step {
	const char *name;
	int (*run)(struct world *w);
};

/* Small enough for one run to write the log back into the database and to outgrow the cache. */
static int make_small(struct store *s)
{
	return db_exec(s, "PRAGMA wal_autocheckpoint = 24; PRAGMA cache_size = 12; PRAGMA journal_size_limit = 65536");
}

static int do_open(struct world *w)
{
	int r = w->s ? 0 : store_open(&w->s, w->dir.path, w->why);

	return r < 0 ? r : make_small(w->s);
}

static int do_close(struct world *w)
{
	store_close(w->s);
	w->s = NULL;
	return 0;
}

/* Text of so many paragraphs that says who it is in every sentence. */
static int put(struct world *w, int64_t collection, const char *path, const char *what, unsigned paragraphs)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(passages) struct passages p = { 0 };
	struct store_document d = { .collection = collection, .path = path, .title = what,
				    .type = "text", .size = 5, .mtime_us = 7, .n_pages = 1 };
	enum store_put how;
	int64_t id;
	uint64_t x = 88172645463325252;

	snprintf((char *)d.sha256, sizeof(d.sha256), "%s", what);
	for (unsigned i = 0; i < paragraphs; i++) {
		AUTO(buf) struct buf b = { 0 };

		for (unsigned k = 0; k < 12; k++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			buf_printf(&b, "This is %s of %s with w%x and w%x. ", what, path, (unsigned)(x & 0xfff), i);
		}
		if (b.failed)
			return -ENOMEM;
		outline_add(&o, BLOCK_PARA, 0, 1, buf_bytes(&b));
	}
	if (o.text.failed || passages_cut(&o, &p) < 0)
		return -ENOMEM;
	return store_put(w->s, &d, buf_bytes(&o.text), &p, &id, &how);
}

static int find(struct world *w, const char *path, int64_t *id)
{
	uint8_t sha[STORE_SHA];

	return store_find(w->s, 1, path, id, sha);
}

static int do_put(struct world *w)
{
	return put(w, 1, "/x/a", "alpha", 1);
}

static int do_put_much(struct world *w)
{
	return put(w, 1, "/x/b", "beta", 24);
}

static int do_batch(struct world *w)
{
	int r = store_batch(w->s);

	if (r < 0)
		return r;
	r = put(w, 1, "/x/c", "gamma", 2);
	if (r == 0)
		r = put(w, 1, "/x/d", "delta", 1);
	if (r == 0)
		r = put(w, 1, "/x/e", "epsilon", 3);
	return store_commit(w->s, r);
}

static int do_replace(struct world *w)
{
	return put(w, 1, "/x/b", "zeta", 4);
}

static int do_mark(struct world *w)
{
	int64_t id;
	int r = find(w, "/x/c", &id);

	return r < 0 ? r : store_mark(w->s, id, "\nhr\n", "\nsecret\n");
}

static int do_remove(struct world *w)
{
	int64_t id;
	int r = find(w, "/x/a", &id);

	return r < 0 ? r : store_remove(w->s, id);
}

struct ids {
	int64_t p[512];
	size_t n;
};

static int add_id(void *ctx, const struct store_passage *p)
{
	struct ids *i = ctx;

	if (i->n == ARRAY_LEN(i->p))
		return -E2BIG;
	i->p[i->n++] = p->id;
	return 0;
}

static int do_words(struct world *w)
{
	static const struct store_word words[] = { { "boat", 3 }, { "harbour", 2 }, { "sail", 1 } };
	int64_t generation = 0;
	int r = store_generation(w->s, 1, &generation);

	return r < 0 ? r : store_put_words(w->s, 1, words, ARRAY_LEN(words), STORE_REPLACE, generation, 9);
}

static int do_learn(struct world *w)
{
	static const int8_t vectors[512][16];
	struct ids ids = { 0 };
	int64_t generation = 0;
	int r = store_generation(w->s, 1, &generation);

	if (r == 0)
		r = store_passages(w->s, 1, add_id, &ids);
	if (r < 0)
		return r;
	struct store_learned l = { .embedder = "test", .dim = 16, .model = bytes_str("model"),
				   .n_vectors = ids.n, .passages = ids.p, .vectors = vectors[0],
				   .generation = generation };
	return store_learn(w->s, 1, &l);
}

/* A put since do_learn() has passages without vectors. */
static int do_add_vectors(struct world *w)
{
	static const int8_t vectors[512][16];
	struct ids ids = { 0 };
	int64_t generation = 0;
	int r = store_generation(w->s, 1, &generation);

	if (r == 0)
		r = store_passages(w->s, 1, add_id, &ids);
	if (r < 0)
		return r;
	struct store_learned l = { .embedder = "test", .dim = 16, .n_vectors = ids.n, .passages = ids.p,
				   .vectors = vectors[0], .generation = generation };
	return store_add_vectors(w->s, 1, &l, STORE_ANNOUNCE);
}

static int do_cache(struct world *w)
{
	static const int8_t vectors[40][16];
	uint8_t sha[40][STORE_SHA] = { { 0 } };

	for (size_t i = 0; i < ARRAY_LEN(sha); i++)
		sha[i][0] = (uint8_t)i;
	return store_cache(w->s, "test", (const uint8_t (*)[STORE_SHA])sha, vectors[0], 16, ARRAY_LEN(sha));
}

static int do_collection(struct world *w)
{
	int64_t id;

	return store_collection(w->s, "second", &id);
}

static int do_put_second(struct world *w)
{
	int64_t id;
	int r = store_collection(w->s, "second", &id);

	return r < 0 ? r : put(w, id, "/y/f", "eta", 2);
}

/* A reader that stays keeps the log from being emptied. */
static int do_hold(struct world *w)
{
	struct store_size size;
	int r = w->reader ? 0 : store_reader_open(&w->reader, w->dir.path, w->why);

	if (r == 0)
		r = store_hold(w->reader);
	if (r == 0)
		r = store_size(w->reader, 1, &size);
	if (r == 0 && size.documents != 4)
		return -EILSEQ;
	if (r < 0 && w->reader)
		store_release(w->reader);
	return r;
}

static int do_put_beside(struct world *w)
{
	return put(w, 1, "/x/g", "theta", 16);
}

static int do_release(struct world *w)
{
	if (w->reader)
		store_release(w->reader);
	store_close(w->reader);
	w->reader = NULL;
	return 0;
}

static int do_batch_of_all(struct world *w)
{
	int64_t d, e;
	int r = store_batch(w->s);

	if (r < 0)
		return r;
	r = find(w, "/x/d", &d);
	if (r == 0)
		r = find(w, "/x/e", &e);
	if (r == 0)
		r = put(w, 1, "/x/c", "iota", 2);
	if (r == 0)
		r = store_remove(w->s, d);
	if (r == 0) { /* undoes only itself */
		r = store_remove(w->s, d);
		r = r == -ENOENT ? 0 : r < 0 ? r : -EILSEQ;
	}
	if (r == 0)
		r = store_mark(w->s, e, "\nold\n", NULL);
	return store_commit(w->s, r);
}

/* A batch given up on purpose leaves nothing. */
static int do_abort(struct world *w)
{
	int r = store_batch(w->s);

	if (r < 0)
		return r;
	r = put(w, 1, "/x/never", "never", 8);
	r = store_commit(w->s, r < 0 ? r : -ECANCELED);
	return r == -ECANCELED ? 0 : r;
}

static const struct step life[] = {
	{ "open", do_open },	       { "put", do_put },
	{ "put much", do_put_much },   { "batch", do_batch },
	{ "words", do_words },	       { "learn", do_learn },
	{ "replace", do_replace },
	{ "mark", do_mark },	       { "remove", do_remove },
	{ "abort", do_abort },	       { "hold", do_hold },
	{ "add vectors", do_add_vectors }, { "cache", do_cache },
	{ "put beside", do_put_beside }, { "release", do_release },
	{ "close", do_close },	       { "open again", do_open },
	{ "collection", do_collection }, { "put second", do_put_second },
	{ "batch of all", do_batch_of_all }, { "learn again", do_learn },
	{ "close again", do_close },
};

static int do_read(struct world *w)
{
	struct store_size size;
	int r = w->reader ? 0 : store_reader_open(&w->reader, w->dir.path, w->why);

	if (r == 0)
		r = store_size(w->reader, 1, &size);
	return r < 0 ? r : size.documents == 4 ? 0 : -EILSEQ;
}

static const struct step migration[] = {
	{ "read", do_read }, { "release", do_release }, { "open", do_open }, { "mark", do_mark },
	{ "replace", do_replace }, { "close", do_close },
};
