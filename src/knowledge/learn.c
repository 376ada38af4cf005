#include "knowledge/learn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crypto.h"
#include "base/log.h"
#include "document/words.h"
#include "knowledge/embed.h"
#include "knowledge/embed_lsa.h"
#include "knowledge/embed_remote.h"
#include "knowledge/store.h"

LOG_TOPIC("learn");

enum {
	PORTION = 1024,       /* passages read at a time, more where a document has more */
	BATCH = 64,           /* texts embedded at a time: what services take            */
	CHANGED_PERCENT = 20, /* of the collection, and it is learned anew               */
	GONE_PERCENT = 5,     /* of the passages, and words are counted anew             */
	TOLD = 2000,          /* passages, and the log says that all get new vectors     */
};

static enum learn_want want;
static struct embedder *chosen; /* LEARN_WITH; NULL: the service below */
static struct embed_remote_params service; /* strings are owned */
static char chosen_name[EMBED_NAME_MAX];
static atomic_ulong n_done, n_total, n_made;

void learn_choose(enum learn_want w, struct embedder *e)
{
	embedder_free(chosen);
	mem_free((void *)(uintptr_t)service.url);
	mem_free((void *)(uintptr_t)service.model);
	service = (struct embed_remote_params){ 0 };
	want = w;
	chosen = embedder_ref(e);
	snprintf(chosen_name, sizeof(chosen_name), "%s", e ? embedder_name(e) : "");
}

int learn_choose_service(const struct embed_remote_params *p)
{
	learn_choose(LEARN_WITH, NULL);
	service = (struct embed_remote_params){ mem_strdup(p->url), mem_strdup(p->model), p->dimensions };
	if (!service.url || !service.model) {
		learn_choose(LEARN_KEEP, NULL);
		return -ENOMEM;
	}
	embed_remote_name(&service, chosen_name);
	return 0;
}

struct learn_progress learn_progress(void)
{
	return (struct learn_progress){ atomic_load(&n_done), atomic_load(&n_total), atomic_load(&n_made) };
}

/* One run over one collection. */
struct run {
	struct store *s;
	int64_t collection;
	const char *name;
	bool (*stop)(void *ctx);
	void *ctx;
	struct store_state state;
	struct store_size size;
};

static bool stopped(const struct run *u)
{
	return u->stop && u->stop(u->ctx);
}

/* --- words ------------------------------------------------------------------------------- */

struct words {
	struct vocab v;
	struct store_word *w; /* [v.n] */
	size_t cap;
};

static void words_auto_(struct words *w)
{
	vocab_done(&w->v);
	mem_free(w->w);
}

static int count_words(struct words *to, struct bytes text)
{
	struct word w;
	size_t pos = 0;

	while (word_next(text, &pos, &w)) {
		size_t n = to->v.n;
		int32_t at = vocab_add(&to->v, w.s, w.n);

		if (at < 0)
			return -ENOMEM;
		if ((size_t)at == n) {
			if (!mem_grow(&to->w, &to->cap, n, sizeof(*to->w)))
				return -ENOMEM;
			to->w[at] = (struct store_word){ to->v.s[at], 0 };
		}
		to->w[at].count++;
	}
	return 0;
}

static int count_text(void *ctx, const struct store_text *t)
{
	int r = strncmp(t->path, t->title, strlen(t->title)) != 0 ? count_words(ctx, bytes_str(t->title)) :
								    0;

	if (r == 0)
		r = count_words(ctx, bytes_str(t->path));
	return r == 0 ? count_words(ctx, t->text) : r;
}

static int by_word(const void *a, const void *b)
{
	return strcmp(((const struct store_word *)a)->word, ((const struct store_word *)b)->word);
}

/* Counts of what has gone stay until there is much of it: then all is counted anew. */
static int learn_words(struct run *u)
{
	struct store_walk w = { .collection = u->collection, .after = u->state.words };
	AUTO(words) struct words words = { .cap = 0 };
	int64_t changed = 0;
	ssize_t n = 1;
	int r = u->state.words == u->state.generation ? 1 : store_walk_size(u->s, &w, &changed);

	if (r != 0)
		return MIN(r, 0);
	int64_t gone = u->state.word_passages - (u->size.passages - changed);
	bool anew = u->state.words < 0 || gone * 100 > GONE_PERCENT * u->state.word_passages;
	if (anew)
		w.after = -1;
	while (n > 0) {
		n = store_walk(u->s, &w, PORTION, count_text, &words);
		if (n > 0 && stopped(u))
			n = -ECANCELED;
	}
	if (n < 0)
		return (int)n;
	if (words.v.n) /* in the order of the table: pages are written once */
		qsort(words.w, words.v.n, sizeof(*words.w), by_word);
	r = store_put_words(u->s, u->collection, words.w, words.v.n, anew ? STORE_REPLACE : STORE_MERGE,
			    u->state.generation, u->size.passages);
	u->state.words = u->state.generation;
	return r;
}

/* --- a portion of passages, and its vectors --------------------------------------------------- */

struct portion {
	struct arena strings;
	struct embed_text *texts;
	int64_t *ids;
	int8_t *vectors; /* [n][dim] */
	size_t n, cap_texts, cap_ids, cap_vectors;
};

static void portion_auto_(struct portion *p)
{
	arena_done(&p->strings);
	mem_free(p->texts);
	mem_free(p->ids);
	mem_free(p->vectors);
}

static void portion_reset(struct portion *p)
{
	arena_done(&p->strings);
	p->n = 0;
}

static int portion_add(void *ctx, const struct store_text *t)
{
	struct portion *p = ctx;

	if (!mem_grow(&p->texts, &p->cap_texts, p->n, sizeof(*p->texts)) ||
	    !mem_grow(&p->ids, &p->cap_ids, p->n, sizeof(*p->ids)))
		return -ENOMEM;
	const char *text = arena_strndup(&p->strings, (const char *)t->text.p, t->text.n);
	struct embed_text *to = &p->texts[p->n];
	*to = (struct embed_text){ arena_strdup(&p->strings, t->title),
				   arena_strdup(&p->strings, t->heading),
				   arena_strdup(&p->strings, t->path), bytes_of(text, t->text.n) };
	if (!to->title || !to->heading || !to->path || !text)
		return -ENOMEM;
	p->ids[p->n++] = t->passage;
	return 0;
}

/* At most BATCH texts, asked of the embedder. */
static int embed_batch(const struct embedder *e, const struct embed_text *t, size_t n, int8_t *out)
{
	unsigned dim = embedder_dim(e);
	AUTO(mem) float *v = mem_calloc(n * dim, sizeof(*v));
	char why[EMBED_WHY] = "";

	if (!v)
		return -ENOMEM;
	int r = embed_texts(e, t, n, v, why);
	if (r < 0 && r != -ENOMEM) {
		log_warn("what=embedder name=\"%s\" why=\"%s\"", embedder_name(e), why);
		return -EAGAIN;
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		embed_quantise(v + i * dim, dim, embedder_gain(e), out + i * dim);
	if (r == 0)
		atomic_fetch_add(&n_made, n);
	return r;
}

static int hash_text(const struct embed_text *t, uint8_t sha[static STORE_SHA])
{
	AUTO(buf) struct buf b = { 0 };

	embed_write_text(t, &b);
	return b.failed ? -ENOMEM : sha256(buf_bytes(&b), sha);
}

/* What a service is asked for: texts of a portion that are not remembered. */
struct asked {
	struct embed_text texts[BATCH];
	uint8_t sha[BATCH][STORE_SHA];
	size_t place[BATCH]; /* in the portion */
	size_t n;
};

static int ask(struct store *s, const struct embedder *e, struct asked *a, int8_t *vectors)
{
	unsigned dim = embedder_dim(e);
	AUTO(mem) int8_t *v = mem_calloc(MAX(a->n, (size_t)1), dim);
	int r = v ? 0 : -ENOMEM;

	if (r == 0 && a->n)
		r = embed_batch(e, a->texts, a->n, v);
	if (r == 0 && a->n)
		r = store_cache(s, embedder_name(e), (const uint8_t(*)[STORE_SHA])a->sha, v, dim, a->n);
	for (size_t i = 0; r == 0 && i < a->n; i++)
		memcpy(vectors + a->place[i] * dim, v + i * dim, dim);
	a->n = 0;
	return r;
}

static int embed_remembered(struct store *s, const struct embedder *e, struct portion *p, size_t from,
			    size_t n)
{
	struct asked a = { .n = 0 };
	unsigned dim = embedder_dim(e);
	int r = 0;

	for (size_t i = from; r == 0 && i < from + n; i++) {
		r = hash_text(&p->texts[i], a.sha[a.n]);
		if (r == 0)
			r = store_cached(s, embedder_name(e), a.sha[a.n], p->vectors + i * dim, dim);
		if (r != -ENOENT)
			continue;
		a.texts[a.n] = p->texts[i];
		a.place[a.n++] = i;
		r = 0;
	}
	return r == 0 ? ask(s, e, &a, p->vectors) : r;
}

static int embed_portion(struct run *u, const struct embedder *e, struct portion *p)
{
	unsigned dim = embedder_dim(e);
	int8_t *v = p->cap_vectors < p->n ? mem_realloc(p->vectors, p->n * dim) : p->vectors;
	int r = 0;

	if (!v && p->n)
		return -ENOMEM;
	p->vectors = v;
	p->cap_vectors = MAX(p->cap_vectors, p->n);
	for (size_t i = 0; r == 0 && i < p->n; i += BATCH) {
		size_t n = MIN(p->n - i, (size_t)BATCH);

		r = embedder_kind(e) == EMBED_REMOTE ? embed_remembered(u->s, e, p, i, n) :
						       embed_batch(e, p->texts + i, n, v + i * dim);
		atomic_fetch_add(&n_done, n);
		if (r == 0 && stopped(u))
			r = -ECANCELED;
	}
	return r;
}

/* --- all of a collection: a new embedder -------------------------------------------------------- */

/* Vectors go to a file first: the store changes all at once, and only then. */
struct spool {
	int fd;
	int64_t *ids;
	size_t n, cap;
	void *map;
	size_t mapped;
};

static void spool_auto_(struct spool *p)
{
	if (p->map)
		munmap(p->map, p->mapped);
	if (p->fd >= 0)
		close(p->fd);
	mem_free(p->ids);
}

static int spool_write(struct spool *to, const struct portion *p, unsigned dim)
{
	for (size_t i = 0; i < p->n; i++) {
		if (!mem_grow(&to->ids, &to->cap, to->n, sizeof(*to->ids)))
			return -ENOMEM;
		to->ids[to->n++] = p->ids[i];
	}
	for (size_t at = 0; at < p->n * dim;) {
		ssize_t n = write(to->fd, p->vectors + at, p->n * dim - at);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int spool_vectors(struct spool *p, unsigned dim, const int8_t **out)
{
	p->mapped = p->n * dim;
	if (!p->mapped)
		return 0;
	p->map = mmap(NULL, p->mapped, PROT_READ, MAP_PRIVATE, p->fd, 0);
	if (p->map == MAP_FAILED) {
		p->map = NULL;
		return -errno;
	}
	*out = p->map;
	return 0;
}

static int embed_all(struct run *u, const struct embedder *e, struct spool *to)
{
	struct store_walk w = { .collection = u->collection, .after = -1 };
	AUTO(portion) struct portion p = { .n = 0 };
	ssize_t n = 1;
	int r = 0;

	while (r == 0 && n > 0) {
		portion_reset(&p);
		n = store_walk(u->s, &w, PORTION, portion_add, &p);
		if (n > 0)
			r = embed_portion(u, e, &p);
		if (n > 0 && r == 0)
			r = spool_write(to, &p, embedder_dim(e));
		if (n > 0 && r == 0 && (int64_t)to->n < u->size.passages)
			r = store_say_progress(u->s, u->collection, embedder_name(e), (int64_t)to->n,
					       u->size.passages);
	}
	return n < 0 ? (int)n : r;
}

/* e NULL: there is nothing to learn from yet, which is written down. */
static int put_all(struct run *u, const struct embedder *e, struct spool *p)
{
	AUTO(buf) struct buf model = { 0 };
	struct store_learned l = { .embedder = e ? embedder_name(e) : LSA_NAME,
				   .dim = e ? embedder_dim(e) : 0,
				   .passages = p->ids,
				   .n_vectors = p->n,
				   .generation = u->state.generation };

	if (e)
		embedder_save(e, &model);
	if (model.failed)
		return -ENOMEM;
	l.model = buf_bytes(&model);
	int r = spool_vectors(p, l.dim, &l.vectors);
	return r < 0 ? r : store_learn(u->s, u->collection, &l);
}

static int replace_embedder(struct run *u, const struct embedder *e)
{
	AUTO(spool) struct spool p = { .fd = -1 };
	int r = 0;

	atomic_fetch_add(&n_total, (unsigned long)u->size.passages);
	unsigned long before = atomic_load(&n_done);
	if (e) {
		if (u->size.passages > TOLD)
			log_info("collection=%s what=embedding with=\"%s\" passages=%" PRId64, u->name,
				 embedder_name(e), u->size.passages);
		p.fd = store_spool(u->s);
		r = p.fd < 0 ? p.fd : embed_all(u, e, &p);
	}
	if (r == 0)
		r = put_all(u, e, &p);
	if (r == 0 && p.n > TOLD)
		log_info("collection=%s what=embedded with=\"%s\" passages=%zu", u->name,
			 embedder_name(e), p.n);
	atomic_fetch_sub(&n_done, atomic_load(&n_done) - before);
	atomic_fetch_sub(&n_total, (unsigned long)u->size.passages);
	return r;
}

/* --- new passages: the embedder that is there ----------------------------------------------------- */

static int embed_new(struct run *u, const struct embedder *e)
{
	struct store_walk w = { .collection = u->collection, .after = u->state.vectors,
				.without_vector = true };
	enum store_news news = embedder_kind(e) == EMBED_REMOTE ? STORE_ANNOUNCE : STORE_QUIET;
	AUTO(portion) struct portion p = { .n = 0 };
	struct store_learned l = { .embedder = embedder_name(e), .dim = embedder_dim(e) };
	ssize_t n = 1;
	int r = 0;

	while (r == 0 && n > 0) {
		portion_reset(&p);
		n = store_walk(u->s, &w, PORTION, portion_add, &p);
		if (n > 0)
			r = embed_portion(u, e, &p);
		l.passages = p.ids;
		l.vectors = p.vectors;
		l.n_vectors = p.n;
		/* Up to now only when all is done. */
		l.generation = n > 0 ? u->state.vectors : u->state.generation;
		if (n >= 0 && r == 0)
			r = store_add_vectors(u->s, u->collection, &l, news);
	}
	return n < 0 ? (int)n : r;
}

/* --- which of these ----------------------------------------------------------------------------------- */

/* The part of the collection that is not as it was when it was learned from. */
static int has_changed(struct run *u, const struct embedder *e, bool *much)
{
	struct lsa_origin o = lsa_origin(e);
	struct store_walk w = { .collection = u->collection, .after = o.generation };
	int64_t fresh = 0, then = (int64_t)MIN(o.passages, (uint64_t)INT64_MAX / 128);
	int r = store_walk_size(u->s, &w, &fresh);

	int64_t gone = then - (u->size.passages - fresh);
	*much = MAX(fresh, gone) * 100 >= CHANGED_PERCENT * MAX(then, (int64_t)1);
	return r;
}

static int learn_anew(struct run *u)
{
	AUTO(embedder) struct embedder *e = NULL;
	int r = embedder_learn(&e, u->s, u->collection);

	return r < 0 && r != -ENODATA ? r : replace_embedder(u, e);
}

/* The collection's embedder; *out NULL: none, or one that is no longer read. */
static int load(struct run *u, struct embedder **out)
{
	AUTO(buf) struct buf model = { 0 };
	unsigned dim;
	int64_t generation;
	int r = store_embedder(u->s, u->collection, &model, &dim, &generation);

	*out = NULL;
	if (r == 0 && model.n)
		r = embedder_load(out, buf_bytes(&model));
	return r == -ENOENT || r == -EBADMSG ? 0 : r;
}

static bool is_wanted(const struct run *u, const struct embedder *e)
{
	switch (want) {
	case LEARN_KEEP:
		return true;
	case LEARN_LSA:
		return embedder_kind(e) == EMBED_LSA;
	case LEARN_WITH:
		return strcmp(u->state.embedder, chosen_name) == 0;
	}
	return true;
}

/* The configured one replaces what is there. */
static int learn_chosen(struct run *u)
{
	AUTO(embedder) struct embedder *e = embedder_ref(chosen);
	char why[EMBED_WHY] = "";
	int r = e ? 0 : embed_remote_open(&e, &service, why);

	if (r < 0 && r != -ENOMEM) {
		log_warn("collection=%s what=embedder name=\"%s\" why=\"%s\"", u->name, chosen_name, why);
		return -EAGAIN;
	}
	return r < 0 ? r : replace_embedder(u, e);
}

/* Without a look at the embedder: is it the right one, with all its vectors? */
static bool is_settled(const struct store_state *s)
{
	bool right = want == LEARN_KEEP || strcmp(s->embedder, want == LEARN_LSA ? LSA_NAME : chosen_name) == 0;

	return right && s->vectors == s->generation;
}

static int learn_vectors(struct run *u)
{
	AUTO(embedder) struct embedder *e = NULL;
	bool much = false;

	if (is_settled(&u->state))
		return 0;
	int r = load(u, &e);
	if (r == 0 && e && is_wanted(u, e) && embedder_kind(e) == EMBED_LSA)
		r = has_changed(u, e, &much);
	if (r < 0)
		return r;
	if (!e && want == LEARN_KEEP && u->state.dim && strncmp(u->state.embedder, "lsa-", 4) != 0) {
		log_warn("collection=%s what=embedder name=\"%s\" why=\"it is no longer there; give another "
			 "--embedder\"", u->name, u->state.embedder);
		return -EAGAIN;
	}
	if (e && is_wanted(u, e) && !much)
		return embed_new(u, e);
	return want == LEARN_WITH ? learn_chosen(u) : learn_anew(u);
}

static int run(struct run *u)
{
	int r = store_collection(u->s, u->name, &u->collection);

	if (r == 0)
		r = store_state(u->s, u->collection, &u->state);
	if (r == 0)
		r = store_size(u->s, u->collection, &u->size);
	if (r == 0)
		r = learn_words(u);
	return r == 0 ? learn_vectors(u) : r;
}

int learn_collection(struct store *s, const char *collection)
{
	struct run u = { .s = s, .name = collection };
	int r = run(&u);

	return r == -EAGAIN ? 0 : r;
}

int learn_tend(struct store *s, const char *collection, bool (*stop)(void *ctx), void *ctx)
{
	struct run u = { .s = s, .name = collection, .stop = stop, .ctx = ctx };

	return run(&u);
}
