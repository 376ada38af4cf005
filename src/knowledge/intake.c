#include "knowledge/intake.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/loop.h"
#include "base/mailbox.h"
#include "base/pool.h"
#include "knowledge/reading.h"
#include "knowledge/watch.h"

enum {
	LOOK_MS = 1000,    /* how often others' changes are looked for */
	SETTLE_MS = 150,   /* a folder in which nothing happens for so long is looked at, ... */
	SETTLE_MAX_MS = 1000, /* ... at the latest after so long */
	QUIET_MS = 1000,
	RECORDS = 256,
	FAILED_MAX = 20,
};

/* What became of a request to add. */
struct record {
	uint64_t id;
	enum { RECORD_WAITING, RECORD_READING, RECORD_DONE } state;
	json_t *documents; /* of DONE */
};

struct failure {
	char name[128], why[STORE_WHY];
};

struct intake {
	struct intake_params p;
	char *data, *collection;
	char **folders; /* real paths */
	struct mailbox *box;
	pthread_t thread;
	bool started;
	atomic_bool stop;
	atomic_size_t n_waiting, octets_waiting;
	atomic_ullong next_id;

	/* the thread's own */
	struct store *store;  /* NULL: not needed yet */
	struct store *looker; /* a reader: sees that others have changed something */
	int64_t seen;
	struct watch *watch;
	bool *lost; /* [n_folders]: was not there when last looked at */
	struct list waiting; /* of intake_request: ADD and REMOVE */
	bool inside;         /* of a request that is being served */
	uint64_t look_us;    /* when to look for others' changes */
	uint64_t first_us, last_us; /* when something happened in a folder; 0: nothing has */
	uint64_t quiet_us;          /* when on_quiet() is due; 0: not */
	uint64_t run_us;            /* when the run over folders began; 0: there is none */
	struct ingest_progress progress;
	char name[128]; /* of the file at which it is */
	struct ingest_summary totals;
	struct record records[RECORDS];
	size_t n_records; /* since ever */
	struct failure failed[FAILED_MAX];
	size_t n_failed; /* since ever */
};

static uint64_t now_us(void)
{
	return env_now(&env_system);
}

/* --- answers ------------------------------------------------------------------------------------ */

static void run_done(void *payload)
{
	struct intake_request *r = *(struct intake_request **)payload;

	r->done(r);
}

static void answer(struct intake *x, struct intake_request *r, int result)
{
	r->result = result;
	if (r->verb == INTAKE_ADD) {
		for (size_t i = 0; i < r->n; i++)
			atomic_fetch_sub(&x->octets_waiting, r->documents[i].content.n);
		atomic_fetch_sub(&x->n_waiting, 1);
	}
	loop_post_wait(r->loop, run_done, &r, sizeof(r));
}

static struct record *find_record(struct intake *x, uint64_t id)
{
	for (size_t i = 0; i < MIN(x->n_records, (size_t)RECORDS); i++)
		if (x->records[i].id == id)
			return &x->records[i];
	return NULL;
}

static void add_record(struct intake *x, uint64_t id)
{
	struct record *to = &x->records[x->n_records++ % RECORDS];

	json_decref(to->documents);
	*to = (struct record){ .id = id };
}

static json_t *documents_json(const struct intake_request *r)
{
	static const char *const states[] = { [INGEST_FAILED] = "failed",
					      [INGEST_ADDED] = "added",
					      [INGEST_UPDATED] = "updated",
					      [INGEST_UNCHANGED] = "unchanged" };
	json_t *list = json_array();

	for (size_t i = 0; i < r->n; i++) {
		const struct ingest_document *d = &r->documents[i];
		json_t *o = json_pack("{s:s, s:s}", "name", d->name, "state", states[d->done]);
		json_t *what = d->done == INGEST_FAILED ? json_string(d->why) : json_integer(d->id);

		if (json_object_set_new(o, d->done == INGEST_FAILED ? "error" : "id", what) != 0 ||
		    json_array_append_new(list, o) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *record_json(const struct record *c)
{
	static const char *const states[] = { [RECORD_WAITING] = "waiting",
					      [RECORD_READING] = "reading",
					      [RECORD_DONE] = "done" };
	char id[32];

	snprintf(id, sizeof(id), "in_%" PRIu64, c->id);
	json_t *o = json_pack("{s:s, s:s}", "id", id, "state", states[c->state]);
	if (c->documents && json_object_set(o, "documents", c->documents) != 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static void look(struct intake *x, struct intake_request *r)
{
	const struct record *c = find_record(x, r->id);

	r->answer = c ? record_json(c) : NULL;
	answer(x, r, c ? 0 : -ENOENT);
}

/* --- what is going on ----------------------------------------------------------------------------- */

static json_t *progress_json(const struct intake *x)
{
	double seconds = (double)(now_us() - x->run_us) / US_PER_S;
	double rate = seconds > 0 ? (double)x->progress.octets / seconds : 0;
	uint64_t left = x->progress.total - x->progress.octets;

	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:f, s:o}", "file", x->name, "number",
			 (json_int_t)x->progress.i, "files", (json_int_t)x->progress.n, "octets",
			 (json_int_t)x->progress.octets, "total", (json_int_t)x->progress.total,
			 "mb_per_second", rate / 1e6, "seconds_left",
			 rate > 0 ? json_integer((json_int_t)((double)left / rate)) : json_null());
}

static json_t *failed_json(const struct intake *x)
{
	json_t *list = json_array();
	size_t n = MIN(x->n_failed, (size_t)FAILED_MAX);

	for (size_t i = x->n_failed - n; list && i < x->n_failed; i++) {
		const struct failure *f = &x->failed[i % FAILED_MAX];

		if (json_array_append_new(list, json_pack("{s:s, s:s}", "file", f->name, "error", f->why)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static void report(struct intake *x, struct intake_request *r)
{
	const struct ingest_summary *t = &x->totals;
	size_t n_waiting = atomic_load(&x->n_waiting), n_folders = 0;

	for (size_t i = 0; i < x->p.n_folders; i++)
		n_folders += !x->lost[i];
	r->answer = json_pack("{s:s, s:o, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:o}", "state",
			      x->run_us || x->inside || n_waiting ? "reading" : "idle", "progress",
			      x->run_us && x->progress.n ? progress_json(x) : json_null(), "waiting",
			      (json_int_t)n_waiting, "folders", (json_int_t)n_folders, "since_start", "added",
			      (json_int_t)t->added, "updated", (json_int_t)t->updated, "renamed",
			      (json_int_t)t->renamed, "unchanged", (json_int_t)t->unchanged, "removed",
			      (json_int_t)t->removed, "failed", (json_int_t)t->n_failed, "failed",
			      failed_json(x));
	answer(x, r, 0);
}

static void remember_failures(struct intake *x, const struct ingest_summary *sum)
{
	for (size_t i = 0; i < sum->n_listed; i++) {
		struct failure *f = &x->failed[x->n_failed++ % FAILED_MAX];

		snprintf(f->name, sizeof(f->name), "%.120s", path_name(sum->failed[i].path));
		snprintf(f->why, sizeof(f->why), "%.300s", sum->failed[i].why);
	}
}

static void add_totals(struct intake *x, const struct ingest_summary *sum)
{
	struct ingest_summary *t = &x->totals;

	t->added += sum->added;
	t->updated += sum->updated;
	t->renamed += sum->renamed;
	t->unchanged += sum->unchanged;
	t->removed += sum->removed;
	t->n_failed += sum->n_failed;
	remember_failures(x, sum);
}

/* --- the store --------------------------------------------------------------------------------------- */

static void changed(struct intake *x)
{
	x->p.on_change(x->p.ctx);
	x->quiet_us = now_us() + QUIET_MS * US_PER_MS;
}

static int need_store(struct intake *x, char why[static STORE_WHY])
{
	return x->store ? 0 : store_open(&x->store, x->data, why);
}

/* Others may write to the store, too; there may be none yet. */
static void look_for_changes(struct intake *x)
{
	char why[STORE_WHY];
	int64_t version = 0;

	x->look_us = now_us() + LOOK_MS * US_PER_MS;
	bool first = !x->looker;
	if (first && store_reader_open(&x->looker, x->data, why) != 0)
		return;
	if (store_changed_by_others(x->looker, &version) != 0) {
		store_close(x->looker);
		x->looker = NULL;
		return;
	}
	if (first || version != x->seen)
		changed(x);
	x->seen = version;
}

/* Our own commits need not be found twice. */
static void on_commit(void *ctx)
{
	struct intake *x = ctx;

	changed(x);
	if (x->looker && store_changed_by_others(x->looker, &x->seen) != 0)
		x->seen = -1;
}

/* --- requests ------------------------------------------------------------------------------------------ */

/* Those that can be answered at once are, the others are lined up. */
static void take_letters(struct intake *x)
{
	for (struct node *n; (n = mailbox_take(x->box));) {
		struct intake_request *r = CONTAINER_OF(n, struct intake_request, node);

		switch (r->verb) {
		case INTAKE_ADD:
			add_record(x, r->id);
			list_push(&x->waiting, &r->node);
			break;
		case INTAKE_REMOVE:
			list_push(&x->waiting, &r->node);
			break;
		case INTAKE_LOOK:
			look(x, r);
			break;
		case INTAKE_REPORT:
			report(x, r);
			break;
		}
	}
}

static int on_wait_inside(void *ctx, bool writing)
{
	struct intake *x = ctx;

	(void)writing;
	take_letters(x);
	return atomic_load(&x->stop);
}

static void add_documents(struct intake *x, struct intake_request *r)
{
	AUTO(ingest_summary) struct ingest_summary sum = { 0 };
	const struct ingest_params p = { .collection = r->collection, .ctx = x,
					 .n_threads = ingest_threads(), .learning = INGEST_LEARN_LATER,
					 .on_commit = on_commit, .on_wait = on_wait_inside };
	struct record *c = find_record(x, r->id);

	if (c)
		c->state = RECORD_READING;
	int e = need_store(x, r->why);
	if (e == 0) {
		e = ingest_documents(x->store, &p, r->documents, r->n, &sum);
		snprintf(r->why, sizeof(r->why), "%s", sum.why);
	}
	for (size_t i = 0; e < 0 && i < r->n; i++) /* what was not committed is not there */
		if (r->documents[i].done == INGEST_FAILED && !r->documents[i].why[0])
			memcpy(r->documents[i].why, r->why, STORE_WHY);
	add_totals(x, &sum);
	c = find_record(x, r->id); /* may have moved out */
	json_t *documents = documents_json(r);
	if (c) {
		c->state = RECORD_DONE;
		c->documents = json_incref(documents);
		r->answer = record_json(c);
	}
	json_decref(documents);
	answer(x, r, e);
}

static void remove_document(struct intake *x, struct intake_request *r)
{
	int e = need_store(x, r->why);

	if (e == 0) {
		e = store_remove(x->store, r->document);
		snprintf(r->why, sizeof(r->why), "%s", e < 0 ? store_why(x->store) : "");
	}
	if (e == 0) {
		x->totals.removed++;
		on_commit(x);
	}
	answer(x, r, e);
}

/* No transaction is open. */
static void serve(struct intake *x)
{
	take_letters(x);
	x->inside = true;
	for (struct node *n; !atomic_load(&x->stop) && (n = list_pop(&x->waiting));) {
		struct intake_request *r = CONTAINER_OF(n, struct intake_request, node);

		if (r->verb == INTAKE_ADD)
			add_documents(x, r);
		else
			remove_document(x, r);
		take_letters(x);
	}
	x->inside = false;
}

/* --- folders ----------------------------------------------------------------------------------------------- */

static int on_progress(void *ctx, const struct ingest_progress *p)
{
	struct intake *x = ctx;

	x->progress = *p;
	x->progress.name = NULL;
	snprintf(x->name, sizeof(x->name), "%.120s", p->name ? path_name(p->name) : "");
	return atomic_load(&x->stop);
}

static int on_wait(void *ctx, bool writing)
{
	struct intake *x = ctx;

	take_letters(x);
	if (!writing)
		serve(x);
	if (!writing && now_us() >= x->look_us)
		look_for_changes(x);
	return atomic_load(&x->stop);
}

static void on_batch(void *ctx)
{
	on_commit(ctx);
	serve(ctx);
}

/* 1: told to stop. */
static int take_changes(void *ctx, const char *root, const char *const *paths, size_t n)
{
	struct intake *x = ctx;
	AUTO(ingest_summary) struct ingest_summary sum = { 0 };
	const struct ingest_params p = { .collection = x->collection, .labels = x->p.labels,
					 .on_progress = on_progress,
					 .ctx = x, .n_threads = ingest_threads(),
					 .learning = INGEST_LEARN_LATER, .on_commit = on_batch,
					 .on_wait = on_wait };
	struct stat st;

	/* A folder that is gone as a whole is rather a disk that was taken out: its documents
	 * stay until it is back. */
	if (lstat(root, &st) != 0) {
		for (size_t i = 0; i < x->p.n_folders; i++)
			x->lost[i] |= strcmp(x->folders[i], root) == 0;
		return 0;
	}
	x->run_us = now_us();
	x->progress = (struct ingest_progress){ 0 };
	int r = need_store(x, sum.why);
	if (r == 0)
		r = ingest_changes(x->store, &p, root, paths, n, &sum);
	x->run_us = 0;
	add_totals(x, &sum);
	if (r != -ECANCELED)
		x->p.on_run(x->p.ctx, r, &sum);
	return r == -ECANCELED;
}

/* First watched, then read. */
static void begin_folder(struct intake *x, size_t i)
{
	AUTO(ingest_summary) struct ingest_summary sum = { 0 };
	const char *path = x->folders[i];

	x->lost[i] = false;
	int r = x->watch ? watch_add(x->watch, path, sum.why) : -ENOSYS;

	if (r < 0 && !sum.why[0])
		snprintf(sum.why, sizeof(sum.why), "%.160s: is not followed: %s", path, strerror(-r));
	if (r < 0)
		x->p.on_run(x->p.ctx, r, &sum);
	(void)take_changes(x, path, &path, 1);
}

static void watch_folders(struct intake *x)
{
	bool any = x->watch && watch_pending(x->watch);

	if (x->watch && watch_read(x->watch) != 0)
		return; /* no memory: the next event may find some */
	if (!x->watch || !watch_pending(x->watch))
		return;
	x->last_us = now_us();
	if (!any)
		x->first_us = x->last_us;
}

/* A disk may be back. */
static void look_for_folders(struct intake *x)
{
	struct stat st;

	for (size_t i = 0; i < x->p.n_folders; i++)
		if (x->lost[i] && lstat(x->folders[i], &st) == 0)
			begin_folder(x, i);
}

static bool settled(const struct intake *x, uint64_t now)
{
	return x->watch && watch_pending(x->watch) &&
	       (now - x->last_us >= SETTLE_MS * US_PER_MS || now - x->first_us >= SETTLE_MAX_MS * US_PER_MS);
}

/* --- the thread ------------------------------------------------------------------------------------------------ */

static unsigned wait_ms(const struct intake *x)
{
	uint64_t now = now_us(), until = x->look_us;

	if (x->watch && watch_pending(x->watch))
		until = MIN(until, now + SETTLE_MS * US_PER_MS);
	if (x->quiet_us)
		until = MIN(until, x->quiet_us);
	return until > now ? (unsigned)((until - now) / US_PER_MS) + 1 : 0;
}

static void step(struct intake *x)
{
	mailbox_wait(x->box, x->watch ? watch_fd(x->watch) : -1, wait_ms(x));
	serve(x);
	watch_folders(x);
	uint64_t now = now_us();
	if (settled(x, now) && watch_take(x->watch, take_changes, x) != 0)
		return; /* told to stop */
	if (now >= x->look_us) {
		look_for_folders(x);
		look_for_changes(x);
	}
	if (x->quiet_us && now >= x->quiet_us) {
		x->quiet_us = 0;
		x->p.on_quiet(x->p.ctx);
	}
}

static void *intake_main(void *arg)
{
	struct intake *x = arg;

	thread_set_name("intake");
	thread_lower_priority(POOL_BULK);
	look_for_changes(x);
	if (!x->looker)
		x->p.on_change(x->p.ctx);
	for (size_t i = 0; i < x->p.n_folders && !atomic_load(&x->stop); i++)
		begin_folder(x, i);
	x->p.on_read(x->p.ctx);
	while (!atomic_load(&x->stop))
		step(x);
	return NULL;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static int copy_params(struct intake *x, const struct intake_params *p)
{
	char real[PATH_MAX];

	x->p = *p;
	x->data = mem_strdup(p->data);
	x->collection = mem_strdup(p->collection);
	x->folders = mem_calloc(p->n_folders, sizeof(*x->folders));
	x->lost = mem_calloc(p->n_folders, sizeof(*x->lost));
	if (!x->data || !x->collection || !x->folders || !x->lost)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_folders; i++)
		if (!(x->folders[i] = mem_strdup(realpath(p->folders[i], real) ? real : p->folders[i])))
			return -ENOMEM;
	return 0;
}

int intake_new(struct intake **out, const struct intake_params *p)
{
	struct intake *x = mem_zalloc(sizeof(*x));
	int r = x ? copy_params(x, p) : -ENOMEM;

	if (r == 0) {
		list_init(&x->waiting);
		r = mailbox_new(&x->box);
	}
	/* Without inotify the folders are read, but not followed; begin_folder() says so. */
	if (r == 0 && p->n_folders && watch_new(&x->watch) == -ENOMEM)
		r = -ENOMEM;
	if (r == 0)
		r = -pthread_create(&x->thread, NULL, intake_main, x);
	if (r < 0) {
		intake_free(x);
		return r;
	}
	x->started = true;
	*out = x;
	return 0;
}

static void cancel_requests(struct intake *x)
{
	take_letters(x);
	for (struct node *n; (n = list_pop(&x->waiting));) {
		struct intake_request *r = CONTAINER_OF(n, struct intake_request, node);

		snprintf(r->why, sizeof(r->why), "the server is stopping");
		answer(x, r, -ECANCELED);
	}
}

void intake_free(struct intake *x)
{
	if (!x)
		return;
	atomic_store(&x->stop, true);
	if (x->started) {
		mailbox_wake(x->box);
		pthread_join(x->thread, NULL);
		cancel_requests(x);
	}
	for (size_t i = 0; i < RECORDS; i++)
		json_decref(x->records[i].documents);
	for (size_t i = 0; x->folders && i < x->p.n_folders; i++)
		mem_free(x->folders[i]);
	store_close(x->store);
	store_close(x->looker);
	watch_free(x->watch);
	mailbox_free(x->box);
	mem_free(x->folders);
	mem_free(x->lost);
	mem_free(x->data);
	mem_free(x->collection);
	mem_free(x);
}

/* Counted before it is sent, so that the limit holds whoever sends. */
static int admit(struct intake *x, const struct intake_request *r)
{
	size_t octets = 0;

	for (size_t i = 0; i < r->n; i++)
		octets += r->documents[i].content.n;
	size_t n = atomic_fetch_add(&x->n_waiting, 1);
	size_t before = atomic_fetch_add(&x->octets_waiting, octets);
	if (n < INTAKE_WAITING_MAX && (before == 0 || before + octets <= INTAKE_OCTETS_MAX))
		return 0;
	atomic_fetch_sub(&x->n_waiting, 1);
	atomic_fetch_sub(&x->octets_waiting, octets);
	return -EAGAIN;
}

int intake_ask(struct intake *x, struct intake_request *r)
{
	r->answer = NULL;
	r->why[0] = 0;
	r->node = (struct node){ 0 };
	if (r->verb == INTAKE_ADD) {
		if (admit(x, r) != 0)
			return -EAGAIN;
		r->id = atomic_fetch_add(&x->next_id, 1) + 1;
	}
	mailbox_put(x->box, &r->node);
	return 0;
}
