#include "app/parts.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "app/services.h"
#include "app/vocabulary.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/pool.h"
#include "engine/llm_extract.h"
#include "engine/stt_pocketsphinx.h"
#include "engine/tool_search.h"
#include "engine/tts_flite.h"
#include "knowledge/learn.h"
#include "knowledge/search.h"
#include "knowledge/store.h"

LOG_TOPIC("parts");

enum { TURN_THREADS_MIN = 2, READY_WAIT_MS = 20000 };

/* The tools of a collection's sessions at some time. What has been handed out stays until the end. */
struct kit {
	struct kit *older;
	const struct tool_def *others; /* whose copy stands behind the search */
	struct engines engines[N_PARTS_LEVELS];
	struct tool_def tools[];
};

/* A collection as its sessions see it: the engines of all, a search of its own. */
struct corner {
	char *name;
	struct tool *search;
	struct kit *kit; /* the newest; under parts.lock */
};

struct parts {
	char *data, *collection;
	enum parts_use use;
	enum search_by by;
	struct pool *turn, *bulk;
	struct searcher *searcher;
	struct engines embedded;
	struct services *services;
	pthread_mutex_t lock; /* kits */
	struct corner corners[SEARCH_COLLECTIONS]; /* the configured one first; only added to */
	atomic_size_t n_corners;
	bool has_stt;
	int64_t heard; /* generation whose words the recogniser has; -1: none */
	struct job warm;
	atomic_bool knows;  /* the index has been read once, its words given to the recogniser */
	atomic_bool speaks; /* a voice has spoken once */
	atomic_bool ready;  /* once ready, always: what is renewed serves until the new is there */
};

static unsigned cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned)n : 1;
}

/* --- collections ---------------------------------------------------------------------------- */

static struct corner *find_corner(struct parts *p, const char *name)
{
	size_t n = atomic_load(&p->n_corners);

	for (size_t i = 0; i < n; i++)
		if (strcmp(p->corners[i].name, name) == 0)
			return &p->corners[i];
	return NULL;
}

/* On one thread at a time; what others read is complete before it is counted. */
static int add_corner(void *ctx, const char *name)
{
	struct parts *p = ctx;
	size_t n = atomic_load(&p->n_corners);
	struct corner *c = &p->corners[n];

	if (find_corner(p, name))
		return 0;
	if (n == SEARCH_COLLECTIONS)
		return -ENOSPC;
	*c = (struct corner){ .name = mem_strdup(name) };
	if (!c->name || tool_search_new(&c->search, p->turn, p->searcher, name) != 0) {
		mem_free(c->name);
		*c = (struct corner){ 0 };
		return -ENOMEM;
	}
	tool_search_by(c->search, p->by);
	atomic_store(&p->n_corners, n + 1);
	return 0;
}

/* The configured collection must be there, except the default one, which may still be empty. */
static int check_collection(const struct parts *p, const struct config *c, char why[static PARTS_WHY])
{
	AUTO(store) struct store *s = NULL;
	int64_t id;
	/* --docs makes it. */
	bool is_default = strcmp(p->collection, STORE_DEFAULT_COLLECTION) == 0 || c->docs.n;
	int r = is_default ? 0 : store_reader_open(&s, p->data, why);

	if (r == 0 && !is_default)
		r = store_collection(s, p->collection, &id);
	if (r == -ENOENT)
		snprintf(why, PARTS_WHY, COLLECTION_MISSING, p->collection, p->collection);
	else if (r != 0 && s)
		snprintf(why, PARTS_WHY, "%.300s", store_why(s));
	return r;
}

/* --- knowledge ------------------------------------------------------------------------------ */

/* The documents' words for the recogniser, when they have changed. */
static void adapt(struct parts *p, struct store *s)
{
	struct vocabulary v;
	char why[VOCABULARY_WHY];

	if (!p->has_stt || vocabulary_find(s, p->data, p->collection, &v) != 0 || v.generation == p->heard)
		return;
	int r = vocabulary_make(s, p->data, p->collection, &v, why);
	if (r == 0 || r == -ENODATA) /* no words: none are left from before */
		r = stt_pocketsphinx_adapt(p->embedded.stt, r == 0 ? v.dict : NULL, r == 0 ? v.lm : NULL);
	if (r != 0)
		log_warn("what=adapt why=\"%s\"", why);
	p->heard = v.generation; /* also after a failure: it would fail again */
}

static int refresh(struct parts *p, char why[static PARTS_WHY])
{
	AUTO(store) struct store *s = NULL;
	int r = store_reader_open(&s, p->data, why);

	if (r == -ENOENT) /* nothing has been ingested yet: that is a state, not a failure */
		return 0;
	if (r == 0) {
		r = p->use == PARTS_SERVE ? searcher_refresh(p->searcher, s) :
					    searcher_load(p->searcher, s, p->collection);
		if (r == 0 && p->use == PARTS_SERVE)
			r = store_collections(s, add_corner, p);
		if (r == -ENOENT)
			r = 0;
		if (r != 0)
			snprintf(why, PARTS_WHY, "the documents' index cannot be read: %.200s", store_why(s));
	}
	return r;
}

void parts_refresh(struct parts *p)
{
	char why[PARTS_WHY];

	if (refresh(p, why) != 0)
		log_warn("what=refresh why=\"%s\"", why);
}

struct learning {
	struct parts *p;
	bool (*stop)(void *ctx);
	void *ctx;
	bool later; /* something is left to do */
};

static int learn(void *ctx, const char *collection)
{
	struct learning *l = ctx;
	AUTO(store) struct store *s = NULL;
	char why[STORE_WHY];
	int r = store_open(&s, l->p->data, why);

	if (r == 0) {
		r = learn_tend(s, collection, l->stop, l->ctx);
		snprintf(why, sizeof(why), "%s", store_why(s));
	}
	l->later |= r == -EAGAIN;
	if (r < 0 && r != -EAGAIN && r != -ECANCELED)
		log_warn("what=learn why=\"%s\"", why);
	return r == -ECANCELED ? r : 0;
}

bool parts_settle(struct parts *p, bool (*stop)(void *ctx), void *ctx)
{
	AUTO(store) struct store *s = NULL;
	struct learning l = { p, stop, ctx, false };
	char why[STORE_WHY];
	/* The files of the words before last are removed: no decoder may still want them. */
	bool settled = !p->has_stt || p->heard < 0 || stt_pocketsphinx_ready(p->embedded.stt);

	if (store_reader_open(&s, p->data, why) != 0)
		return true;
	if (settled)
		adapt(p, s);
	atomic_store(&p->knows, true);
	if (store_collections(s, learn, &l) < 0)
		return true; /* told to stop, or the next change tries again */
	return settled && !l.later;
}

void parts_know(struct parts *p)
{
	atomic_store(&p->knows, true);
}

/* --- engines ----------------------------------------------------------------------------------- */

static int wait_until_ready(struct parts *p, char why[static PARTS_WHY])
{
	static const struct timespec nap = { .tv_nsec = 10 * 1000000 };

	for (unsigned ms = 0; ms < READY_WAIT_MS; ms += 10) {
		if (stt_pocketsphinx_ready(p->embedded.stt))
			return 0;
		nanosleep(&nap, NULL);
	}
	snprintf(why, PARTS_WHY, "the speech recogniser did not start within %d s", READY_WAIT_MS / 1000);
	return -ETIMEDOUT;
}

static int open_stt(struct parts *p, const struct config *c, enum parts_use use,
		    char why[static PARTS_WHY])
{
	struct stt_pocketsphinx_params params = { .n_decoders = use == PARTS_SPOKEN ? 1 : c->decoders };
	AUTO(store) struct store *s = NULL;
	struct vocabulary v;

	/* Words that are there already are taken from the start: decoders are built once. */
	if (store_reader_open(&s, p->data, why) == 0 &&
	    vocabulary_find(s, p->data, p->collection, &v) == 0 && vocabulary_exists(&v)) {
		params.extra_dict = v.dict;
		params.extra_lm = v.lm;
		p->heard = v.generation;
	}
	int r = stt_pocketsphinx_new(&p->embedded.stt, &params);

	if (r != 0) {
		snprintf(why, PARTS_WHY, "out of memory");
		return r;
	}
	p->embedded.stt_ops = &stt_pocketsphinx_ops;
	p->has_stt = true;
	return 0;
}

static void warm_work(struct job *j)
{
	(void)j;
	tts_flite_warm();
}

static void warm_done(struct job *j)
{
	atomic_store(&CONTAINER_OF(j, struct parts, warm)->speaks, true);
}

static int open_engines(struct parts *p)
{
	int r = llm_extract_new(&p->embedded.llm, p->turn);

	if (r != 0)
		return r;
	p->embedded.llm_ops = &llm_extract_ops;
	r = tts_flite_new(&p->embedded.tts, p->turn);
	if (r != 0)
		return r;
	p->embedded.tts_ops = &tts_flite_ops;
	return 0;
}

static int open_all(struct parts *p, const struct config *c, enum parts_use use,
		    char why[static PARTS_WHY])
{
	int r = store_init();

	p->data = mem_strdup(c->data);
	p->collection = mem_strdup(c->collection ? c->collection : STORE_DEFAULT_COLLECTION);
	if (r == 0 && (!p->data || !p->collection))
		r = -ENOMEM;
	if (r == 0)
		r = pool_new(&p->turn, POOL_TURN, MAX(cores(), (unsigned)TURN_THREADS_MIN));
	if (r == 0)
		r = pool_new(&p->bulk, POOL_BULK, 1);
	if (r == 0)
		r = searcher_new(&p->searcher);
	if (r == 0)
		r = open_engines(p);
	if (r != 0) {
		snprintf(why, PARTS_WHY, "out of memory");
		return r;
	}
	r = check_collection(p, c, why);
	if (r == 0 && use != PARTS_TYPED && services_want(c, "pocketsphinx"))
		r = open_stt(p, c, use, why);
	if (r == 0)
		r = services_open(&p->services, c, &p->embedded, why);
	if (r == 0)
		r = add_corner(p, p->collection);
	if (r == 0 && use == PARTS_SERVE) {
		p->warm = (struct job){ .work = warm_work, .done = warm_done };
		pool_run(p->turn, &p->warm);
	}
	if (r == 0 && use != PARTS_SERVE)
		r = refresh(p, why);
	if (r == 0 && use == PARTS_SPOKEN && p->has_stt)
		r = wait_until_ready(p, why);
	return r;
}

int parts_open(struct parts **out, const struct config *c, enum parts_use use,
	       char why[static PARTS_WHY])
{
	struct parts *p = mem_zalloc(sizeof(*p));

	if (!p) {
		snprintf(why, PARTS_WHY, "out of memory");
		return -ENOMEM;
	}
	pthread_mutex_init(&p->lock, NULL);
	p->heard = -1;
	p->use = use;
	if (!search_mode(c->mode, &p->by)) {
		snprintf(why, PARTS_WHY, MODE_WRONG, c->mode);
		parts_free(p);
		return -EINVAL;
	}
	int r = open_all(p, c, use, why);
	if (r != 0) {
		parts_free(p);
		return r;
	}
	*out = p;
	return 0;
}

static void kits_free(struct kit *k);

void parts_free(struct parts *p)
{
	if (!p)
		return;
	services_free(p->services);
	if (p->embedded.stt)
		p->embedded.stt_ops->free(p->embedded.stt);
	if (p->embedded.llm)
		p->embedded.llm_ops->free(p->embedded.llm);
	if (p->embedded.tts)
		p->embedded.tts_ops->free(p->embedded.tts);
	for (size_t i = 0; i < p->n_corners; i++) {
		tool_search_free(p->corners[i].search);
		mem_free(p->corners[i].name);
		kits_free(p->corners[i].kit);
	}
	pthread_mutex_destroy(&p->lock);
	pool_free(p->bulk);
	pool_free(p->turn);
	searcher_free(p->searcher);
	mem_free(p->data);
	mem_free(p->collection);
	mem_free(p);
}

/* --- what sessions are given ------------------------------------------------------------------ */

static void kits_free(struct kit *k)
{
	while (k) {
		struct kit *older = k->older;

		mem_free(k);
		k = older;
	}
}

static struct kit *new_kit(const struct parts *p, const struct corner *c, const struct tool_def *others, size_t n)
{
	const struct engines *levels[N_PARTS_LEVELS] = { services_engines(p->services), services_cheaper(p->services),
							 &p->embedded };
	struct kit *k = mem_zalloc(sizeof(*k) + (1 + n) * sizeof(*k->tools));

	if (!k)
		return NULL;
	k->others = others;
	k->older = c->kit;
	k->tools[0] = tool_search_def(c->search);
	if (n)
		memcpy(k->tools + 1, others, n * sizeof(*others));
	for (size_t i = 0; i < N_PARTS_LEVELS; i++) {
		k->engines[i] = *levels[i];
		k->engines[i].tools = k->tools;
		k->engines[i].n_tools = 1 + n;
	}
	return k;
}

/* The tools of others change while we run: sessions that begin then have the new ones. */
static const struct kit *kit_of(struct parts *p, struct corner *c)
{
	const struct tool_def *others = NULL;
	size_t n = 0;

	services_tools(p->services, &others, &n);
	pthread_mutex_lock(&p->lock);
	if (!c->kit || c->kit->others != others) {
		struct kit *k = new_kit(p, c, others, n);

		c->kit = k ? k : c->kit;
	}
	const struct kit *k = c->kit;
	pthread_mutex_unlock(&p->lock);
	return k;
}

const struct engines *parts_engines_at(struct parts *p, enum parts_level l, const char **collection)
{
	struct corner *c = find_corner(p, *collection ? *collection : p->collection);
	const struct kit *k = c ? kit_of(p, c) : NULL;

	if (k)
		*collection = c->name;
	return k ? &k->engines[l] : NULL;
}

const struct engines *parts_engines(struct parts *p, const char **collection)
{
	return parts_engines_at(p, PARTS_FULL, collection);
}

struct pool *parts_turn_pool(struct parts *p)
{
	return p->turn;
}

struct pool *parts_bulk_pool(struct parts *p)
{
	return p->bulk;
}

struct searcher *parts_searcher(struct parts *p)
{
	return p->searcher;
}

struct services *parts_services(struct parts *p)
{
	return p->services;
}

bool parts_ready(struct parts *p)
{
	if (!atomic_load(&p->ready) && atomic_load(&p->knows) && atomic_load(&p->speaks) && services_settled(p->services) &&
	    (!p->has_stt || stt_pocketsphinx_ready(p->embedded.stt)))
		atomic_store(&p->ready, true);
	return atomic_load(&p->ready);
}
