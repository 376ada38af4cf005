#include "app/tend.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/pool.h"
#include "knowledge/embed_remote.h"
#include "knowledge/learn.h"
#include "knowledge/store.h"

LOG_TOPIC("tend");

enum { LOOK_MS = 2000, NAP_MS = 50, PAUSE_MAX = 30 /* looks left out after failures */ };

struct tend {
	char *data;
	pthread_t thread;
	atomic_bool stop;
	unsigned failures, pause; /* in a row; looks still to be left out */
	bool due, failed;         /* of the look at hand */
};

static bool is_stopped(void *ctx)
{
	return atomic_load(&((struct tend *)ctx)->stop);
}

static int look_one(void *ctx, const char *name)
{
	struct tend *t = ctx;
	AUTO(store) struct store *s = NULL;
	char why[STORE_WHY] = "";

	if (is_stopped(t))
		return -ECANCELED;
	int r = store_open(&s, t->data, why);
	if (r == 0)
		r = learn_tend(s, name, is_stopped, t);
	t->failed |= r < 0 && r != -ECANCELED;
	if (r < 0 && r != -ECANCELED && r != -EAGAIN) /* -EAGAIN has been logged by who knows why */
		log_warn("collection=\"%s\" what=learn error=%d why=\"%s\"", name, -r, s ? store_why(s) : why);
	return r == -ECANCELED ? r : 0;
}

struct names {
	struct tend *t;
	struct store *s;
	struct arena strings;
	const char *due[256];
	size_t n;
};

static int note_due(void *ctx, const char *name)
{
	struct names *n = ctx;

	if (n->n < ARRAY_LEN(n->due) && learn_is_due(n->s, name)) {
		n->due[n->n] = arena_strdup(&n->strings, name);
		n->n += n->due[n->n] != NULL;
	}
	return 0;
}

/* Only reads, as long as nothing is to be done. */
static void look(struct tend *t)
{
	AUTO(store) struct store *s = NULL;
	struct names n = { .t = t };
	char why[STORE_WHY];

	if (store_reader_open(&s, t->data, why) != 0)
		return;
	n.s = s;
	t->failed = false;
	if (store_collections(s, note_due, &n) == 0)
		for (size_t i = 0; i < n.n; i++)
			if (look_one(t, n.due[i]) < 0)
				break;
	arena_done(&n.strings);
	t->failures = t->failed ? MIN(t->failures + 1, 5u) : 0;
	t->pause = t->failed ? MIN(1u << t->failures, (unsigned)PAUSE_MAX) : 0;
}

static void *run(void *arg)
{
	struct tend *t = arg;
	struct timespec nap = { .tv_nsec = NAP_MS * 1000000l };

	thread_lower_priority(POOL_BULK);
	thread_set_name("tend");
	while (!is_stopped(t)) {
		if (t->pause)
			t->pause--;
		else
			look(t);
		for (unsigned ms = 0; ms < LOOK_MS && !is_stopped(t); ms += NAP_MS)
			nanosleep(&nap, NULL);
	}
	return NULL;
}

int tend_new(struct tend **out, const char *data)
{
	struct tend *t = mem_zalloc(sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->data = mem_strdup(data);
	int r = t->data ? -pthread_create(&t->thread, NULL, run, t) : -ENOMEM;
	if (r < 0) {
		mem_free(t->data);
		mem_free(t);
		return r;
	}
	*out = t;
	return 0;
}

void tend_free(struct tend *t)
{
	if (!t)
		return;
	atomic_store(&t->stop, true);
	embed_remote_stop();
	pthread_join(t->thread, NULL);
	mem_free(t->data);
	mem_free(t);
}
