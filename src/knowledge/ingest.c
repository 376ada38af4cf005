#include "knowledge/ingest.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crew.h"
#include "base/env.h"
#include "document/apart.h"
#include "document/extract.h"
#include "document/shown.h"
#include "knowledge/learn.h"
#include "knowledge/reading.h"
#include "knowledge/walk.h"

enum {
	AHEAD = 64,                      /* files that are read before they are written */
	AHEAD_OCTETS = 64 * 1024 * 1024, /* of them, unless it is one                   */
	WAIT_MS = 50,
	REMOVED_AT_ONCE = 1024,
};

/* What is not committed yet is not counted yet. */
struct counts {
	size_t added, updated, renamed, unchanged, removed;
	uint64_t octets;
};

struct run {
	struct store *s;
	const struct ingest_params *p;
	struct ingest_summary *sum;
	int64_t collection;
	struct counts open; /* of the batch */
	size_t n_batch;     /* 0: none is open */
	uint64_t batch_us;  /* when it was begun */

	struct walk walk;
	struct arena strings;
	struct known *known; /* by path */
	size_t n_known, cap_known;
	struct gone gone;
	struct ingest_document *docs; /* or the files of the walk */
};

static const char *collection_name(const struct ingest_params *p)
{
	return p->collection ? p->collection : STORE_DEFAULT_COLLECTION;
}

/* --- what is said ----------------------------------------------------------------------------- */

static int no_memory(struct run *u)
{
	snprintf(u->sum->why, sizeof(u->sum->why), "not enough memory");
	return -ENOMEM;
}

static int failed(struct run *u, const char *path, const char *why)
{
	struct ingest_summary *sum = u->sum;

	sum->n_failed++;
	if (sum->n_listed == INGEST_FAILURES_MAX)
		return 0;
	struct ingest_failure *f =
		mem_realloc(sum->failed, (sum->n_listed + 1) * sizeof(*sum->failed));
	if (!f)
		return no_memory(u);
	sum->failed = f;
	f += sum->n_listed;
	f->path = mem_strdup(path);
	f->why = mem_strdup(why);
	if (!f->path || !f->why) {
		mem_free(f->path);
		mem_free(f->why);
		return no_memory(u);
	}
	sum->n_listed++;
	return 0;
}

static int store_failed(struct run *u, int r)
{
	snprintf(u->sum->why, sizeof(u->sum->why), "%s", store_why(u->s));
	return r;
}

static int cancelled(struct run *u)
{
	snprintf(u->sum->why, sizeof(u->sum->why), "cancelled; what is done is kept");
	return -ECANCELED;
}

static int progress(struct run *u, struct ingest_progress p)
{
	bool stop = u->p->on_progress && u->p->on_progress(u->p->ctx, &p) != 0;

	return stop ? cancelled(u) : 0;
}

static int pause_run(struct run *u)
{
	return u->p->on_wait && u->p->on_wait(u->p->ctx, u->n_batch > 0) != 0 ? cancelled(u) : 0;
}

/* --- batches -------------------------------------------------------------------------------------- */

static int commit(struct run *u)
{
	struct ingest_summary *sum = u->sum;

	if (!u->n_batch)
		return 0;
	u->n_batch = 0;
	int r = store_commit(u->s, 0);
	if (r < 0)
		return store_failed(u, r);
	sum->added += u->open.added;
	sum->updated += u->open.updated;
	sum->renamed += u->open.renamed;
	sum->unchanged += u->open.unchanged;
	sum->removed += u->open.removed;
	sum->octets += u->open.octets;
	u->open = (struct counts){ 0 };
	if (u->p->on_commit)
		u->p->on_commit(u->p->ctx);
	return 0;
}

static int join_batch(struct run *u)
{
	if (u->n_batch++)
		return 0;
	int r = store_batch(u->s);
	u->batch_us = env_now(&env_system);
	if (r < 0)
		u->n_batch = 0;
	return r < 0 ? store_failed(u, r) : 0;
}

static int commit_in_time(struct run *u, size_t most)
{
	bool due = u->n_batch >= most ||
		   (u->n_batch && env_now(&env_system) - u->batch_us >= INGEST_BATCH_MS * US_PER_MS);

	return due ? commit(u) : 0;
}

/* The end of writing: what went well before a failure is kept. */
static int end_batch(struct run *u, int r)
{
	char why[STORE_WHY];

	if (r == 0)
		return commit(u);
	memcpy(why, u->sum->why, sizeof(why));
	(void)commit(u);
	memcpy(u->sum->why, why, sizeof(why));
	return r;
}

/* --- one document --------------------------------------------------------------------------------- */

static const char *tags_of(const struct run *u, const struct reading *r)
{
	return u->docs && u->docs[r->i].tags ? u->docs[r->i].tags : u->p->tags;
}

static const char *labels_of(const struct run *u, const struct reading *r)
{
	return u->docs && u->docs[r->i].labels ? u->docs[r->i].labels : u->p->labels;
}

static void note(struct run *u, const struct reading *r, int64_t id, enum ingest_done done)
{
	if (!u->docs)
		return;
	u->docs[r->i].id = id;
	u->docs[r->i].done = done;
}

static int put(struct run *u, struct reading *r)
{
	struct store_document d = {
		.collection = u->collection,
		.path = r->path,
		.title = r->outline.title ? r->outline.title : path_name(r->path),
		.type = r->type,
		.size = r->size,
		.mtime_us = r->mtime_us,
		.n_pages = r->outline.n_pages,
		.tags = tags_of(u, r),
		.labels = labels_of(u, r),
	};
	enum store_put how;
	int64_t id;

	memcpy(d.sha256, r->sha256, STORE_SHA);
	int e = join_batch(u);
	if (e < 0)
		return e;
	e = store_put(u->s, &d, buf_bytes(&r->outline.text), &r->passages, &id, &how);
	if (e < 0)
		return store_failed(u, e);
	u->open.added += how == STORE_ADDED;
	u->open.updated += how == STORE_UPDATED;
	note(u, r, id, how == STORE_ADDED ? INGEST_ADDED : INGEST_UPDATED);
	return 0;
}

/* Tags and labels of a document whose content is what it was. 1: they were others. */
static int mark(struct run *u, int64_t id, const char *tags, const char *labels)
{
	AUTO(buf) struct buf strings = { 0 };
	struct store_document d;

	if (!tags && !labels)
		return 0;
	int r = store_document(u->s, id, &strings, &d);
	if (r < 0)
		return r == -ENOENT ? 0 : store_failed(u, r);
	if ((!tags || strcmp(tags, d.tags) == 0) && (!labels || strcmp(labels, d.labels) == 0))
		return 0;
	r = join_batch(u);
	if (r < 0)
		return r;
	r = store_mark(u->s, id, tags, labels);
	return r < 0 ? store_failed(u, r) : 1;
}

/* What is not written is counted at once. */
static int keep_row(struct run *u, int64_t id, const char *tags, const char *labels)
{
	int r = mark(u, id, tags, labels);

	if (r == 1)
		u->open.updated++;
	else if (r == 0 && u->n_batch)
		u->open.unchanged++;
	else if (r == 0)
		u->sum->unchanged++;
	return r < 0 ? r : 0;
}

static int keep(struct run *u, struct reading *r)
{
	const struct store_file *f = &r->known->file;
	int e = 0;

	if (f->mtime_us != r->mtime_us && !r->given) {
		e = join_batch(u);
		if (e == 0 && store_touch(u->s, f->id, r->mtime_us) < 0)
			e = store_failed(u, -EIO);
	}
	note(u, r, f->id, INGEST_UNCHANGED);
	return e < 0 ? e : keep_row(u, f->id, tags_of(u, r), labels_of(u, r));
}

static int write_reading(struct run *u, struct reading *r);

static int move(struct run *u, struct reading *r)
{
	const struct store_file *f = &r->from->file;
	/* A title that was but the file's name changes with it. */
	bool named = strcmp(f->title, path_name(f->path)) == 0;
	int e = r->from->here ? -ENOENT : join_batch(u);

	if (e == 0)
		e = store_rename(u->s, f->id, r->path, named ? path_name(r->path) : NULL, r->mtime_us);
	if (e == -ENOENT) { /* a copy of what has been taken already */
		reading_extract(r);
		return write_reading(u, r);
	}
	if (e < 0)
		return store_failed(u, e);
	r->from->here = true;
	u->open.renamed++;
	e = mark(u, f->id, tags_of(u, r), labels_of(u, r));
	return e < 0 ? e : 0;
}

static int write_reading(struct run *u, struct reading *r)
{
	if (u->n_batch || r->is == READING_NEW)
		u->open.octets += (uint64_t)r->size;
	else
		u->sum->octets += (uint64_t)r->size;
	switch (r->is) {
	case READING_SAME:
		return keep(u, r);
	case READING_MOVED:
		return move(u, r);
	case READING_NEW:
		return put(u, r);
	case READING_FAILED: /* what was known of it stays until it can be read again */
		if (u->docs)
			memcpy(u->docs[r->i].why, r->why, STORE_WHY);
		return failed(u, r->path, r->why);
	case READING_NO_MEMORY:
		break;
	}
	return no_memory(u);
}

/* --- all of them ------------------------------------------------------------------------------------ */

/* What is to be read, in the order in which it is written. */
struct queue {
	struct run *u;
	struct crew *crew;
	struct reading *todo; /* [n] */
	size_t n, given, taken;
	uint64_t *sizes; /* [n], as far as they are known before */
	uint64_t under_way, done, total;
};

static void give_more(struct queue *q)
{
	while (q->given < q->n && !crew_full(q->crew) &&
	       (q->given == q->taken || q->under_way + q->sizes[q->given] <= AHEAD_OCTETS)) {
		q->under_way += q->sizes[q->given];
		crew_give(q->crew, &q->todo[q->given++]);
	}
}

static int take_one(struct queue *q)
{
	struct run *u = q->u;

	give_more(q);
	struct reading *r = crew_take(q->crew, WAIT_MS);
	int e = pause_run(u);
	if (!r)
		return e < 0 ? e : commit_in_time(u, INGEST_BATCH);
	struct ingest_progress p = { INGEST_READING, q->taken + 1, q->n, q->done, q->total, r->path };
	if (e == 0)
		e = progress(u, p);
	if (e == 0)
		e = write_reading(u, r);
	q->under_way -= q->sizes[q->taken];
	q->done += q->sizes[q->taken++];
	reading_done(r);
	return e < 0 ? e : commit_in_time(u, INGEST_BATCH);
}

static int read_all(struct queue *q)
{
	const struct crew_params p = { .n_threads = (unsigned)MIN((size_t)q->u->p->n_threads, q->n),
				       .ahead = AHEAD,
				       .priority = q->u->docs ? POOL_BULK : POOL_IDLE,
				       .work = reading_work };
	AUTO(crew) struct crew *crew = NULL;

	if (q->n)
		apart_start(); /* here: workers are idle when anybody else is not */
	int r = q->n ? crew_new(&crew, &p) : 0;

	if (r < 0)
		return no_memory(q->u);
	q->crew = crew;
	while (r == 0 && q->taken < q->n)
		r = take_one(q);
	if (crew)
		crew_stop(crew);
	for (; q->taken < q->given; q->taken++)
		reading_done(&q->todo[q->taken]);
	return r;
}

static int queue_init(struct queue *q, struct run *u, size_t most)
{
	*q = (struct queue){ .u = u };
	q->todo = mem_calloc(most, sizeof(*q->todo));
	q->sizes = mem_calloc(most, sizeof(*q->sizes));
	return q->todo && q->sizes ? 0 : no_memory(u);
}

static void queue_add(struct queue *q, struct reading r, uint64_t size)
{
	q->todo[q->n] = r;
	q->sizes[q->n++] = size;
	q->total += size;
}

static void queue_done(struct queue *q)
{
	mem_free(q->todo);
	mem_free(q->sizes);
}

/* --- what is known ------------------------------------------------------------------------------------ */

struct knowing {
	struct run *u;
	bool removable;
};

static int add_known(void *ctx, const struct store_file *f)
{
	struct knowing *k = ctx;
	struct run *u = k->u;

	if (!mem_grow(&u->known, &u->cap_known, u->n_known, sizeof(*u->known)))
		return no_memory(u);
	struct known *to = &u->known[u->n_known];
	uint8_t *sha = arena_alloc(&u->strings, STORE_SHA);
	*to = (struct known){ .file = *f, .removable = k->removable };
	to->file.path = arena_strdup(&u->strings, f->path);
	to->file.title = arena_strdup(&u->strings, f->title);
	to->file.sha256 = sha;
	if (!sha || !to->file.path || !to->file.title)
		return no_memory(u);
	memcpy(sha, f->sha256, STORE_SHA);
	u->n_known++;
	return 0;
}

static int know(struct run *u, const char *shown, bool removable)
{
	struct knowing k = { u, removable };
	int r = store_files(u->s, u->collection, strcmp(shown, "/") == 0 ? "" : shown, add_known, &k);

	return r < 0 && !u->sum->why[0] ? store_failed(u, r) : r;
}

static int known_by_path(const void *a, const void *b)
{
	return strcmp(((const struct known *)a)->file.path, ((const struct known *)b)->file.path);
}

static struct known *find_known(const struct run *u, const char *path)
{
	const struct known key = { .file = { .path = path } };

	return u->n_known ? bsearch(&key, u->known, u->n_known, sizeof(key), known_by_path) : NULL;
}

/* Paths may lie within each other. */
static void sort_known(struct run *u)
{
	size_t n = 0;

	if (u->n_known)
		qsort(u->known, u->n_known, sizeof(*u->known), known_by_path);
	for (size_t i = 0; i < u->n_known; i++) {
		if (n > 0 && known_by_path(&u->known[n - 1], &u->known[i]) == 0)
			u->known[n - 1].removable |= u->known[i].removable;
		else
			u->known[n++] = u->known[i];
	}
	u->n_known = n;
}

/* Rows that are to be removed, unless their content turns up elsewhere. */
static int find_gone(struct run *u)
{
	u->gone.at = mem_calloc(u->n_known, sizeof(struct known *));
	if (!u->gone.at)
		return no_memory(u);
	for (size_t i = 0; i < u->n_known; i++)
		if (u->known[i].removable && !u->known[i].here && u->known[i].file.path[0] == '/')
			u->gone.at[u->gone.n++] = &u->known[i];
	gone_sort(&u->gone);
	return 0;
}

static int remove_gone(struct run *u)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->n_known; i++) {
		const struct known *k = &u->known[i];

		if (!k->removable || k->here || k->file.path[0] != '/')
			continue;
		r = join_batch(u);
		if (r == 0)
			r = store_remove(u->s, k->file.id);
		if (r == 0)
			u->open.removed++;
		else if (r == -ENOENT) /* somebody else has removed it */
			r = 0;
		else
			r = store_failed(u, r);
		if (r == 0)
			r = commit_in_time(u, REMOVED_AT_ONCE);
	}
	return r;
}

/* --- files ------------------------------------------------------------------------------------------------ */

static bool is_as_stored(const struct known *k, const struct walk_file *f)
{
	return k && k->file.size == (int64_t)f->size && k->file.mtime_us == f->mtime_us;
}

static int choose(struct run *u, struct queue *q)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->walk.n; i++) {
		const struct walk_file *f = &u->walk.files[i];
		struct known *k = find_known(u, f->path);

		if (k)
			k->here = true;
		if (!is_as_stored(k, f)) {
			queue_add(q, (struct reading){ .path = f->path, .known = k, .gone = &u->gone }, f->size);
			continue;
		}
		r = keep_row(u, k->file.id, u->p->tags, u->p->labels);
	}
	return r;
}

/* All that the walk has found against all that is known there. */
static int take_walk(struct run *u)
{
	struct queue q;
	int r = queue_init(&q, u, u->walk.n);

	sort_known(u);
	if (r == 0)
		r = choose(u, &q);
	if (r == 0)
		r = find_gone(u);
	if (r == 0)
		r = read_all(&q);
	if (r == 0)
		r = remove_gone(u);
	queue_done(&q);
	return end_batch(u, r);
}

/* What could not be seen is told, and nothing below it is taken for gone. */
static int end_walk(struct run *u, const char *path, bool *whole)
{
	AUTO(buf) struct buf shown = { 0 };

	*whole = !u->walk.incomplete;
	u->walk.incomplete = false;
	if (*whole)
		return 0;
	shown_put(&shown, path);
	return shown.failed ? no_memory(u) : failed(u, (const char *)shown.p, u->walk.why);
}

/* In the store a path is as it is shown. */
static int know_path(struct run *u, const char *path, bool removable)
{
	AUTO(buf) struct buf shown = { 0 };

	shown_put(&shown, path);
	return shown.failed ? no_memory(u) : know(u, (const char *)shown.p, removable);
}

static int not_there(struct run *u, const char *path, int e)
{
	AUTO(buf) struct buf shown = { 0 };
	char why[EXTRACT_WHY];

	shown_put(&shown, path);
	if (shown.failed)
		return no_memory(u);
	snprintf(why, sizeof(why), "%.200s: %s", shown.p ? (const char *)shown.p : "", strerror(e));
	return failed(u, shown.p ? (const char *)shown.p : "", why);
}

static int collect(struct run *u, const char *path)
{
	char real[PATH_MAX];
	struct stat st;
	bool whole;

	if (!realpath(path, real) || stat(real, &st) != 0)
		return not_there(u, path, errno);
	if (walk_add(&u->walk, real, extract_likely) < 0)
		return no_memory(u);
	int r = end_walk(u, path, &whole);
	return r < 0 ? r : know_path(u, real, whole && S_ISDIR(st.st_mode));
}

static int collect_change(struct run *u, const char *root, const char *path)
{
	bool whole;
	int r = strcmp(root, path) == 0 ? walk_add(&u->walk, path, extract_likely) :
					  walk_below(&u->walk, root, path, extract_likely);

	if (r < 0)
		return no_memory(u);
	r = end_walk(u, path, &whole);
	return r < 0 ? r : know_path(u, path, whole);
}

/* --- runs --------------------------------------------------------------------------------------- */

static int start(struct run *u)
{
	int r = store_collection(u->s, collection_name(u->p), &u->collection);

	return r < 0 ? store_failed(u, r) : 0;
}

static int learn(struct run *u)
{
	const char *name = collection_name(u->p);
	int r = progress(u, (struct ingest_progress){ .stage = INGEST_LEARNING, .name = name });

	if (r < 0)
		return r;
	r = learn_collection(u->s, name);
	return r == -ENOMEM ? no_memory(u) : r < 0 ? store_failed(u, r) : 0;
}

static int end_run(struct run *u, int r)
{
	walk_done(&u->walk);
	arena_done(&u->strings);
	mem_free(u->known);
	mem_free(u->gone.at);
	return r == 0 && u->p->learning == INGEST_LEARN ? learn(u) : r;
}

int ingest_paths(struct store *s, const struct ingest_params *p, const char *const *paths,
		 size_t n_paths, struct ingest_summary *out)
{
	struct run u = { .s = s, .p = p, .sum = out };
	int r = start(&u);

	for (size_t i = 0; r == 0 && i < n_paths; i++)
		r = collect(&u, paths[i]);
	return end_run(&u, r == 0 ? take_walk(&u) : r);
}

int ingest_changes(struct store *s, const struct ingest_params *p, const char *root,
		   const char *const *paths, size_t n_paths, struct ingest_summary *out)
{
	struct run u = { .s = s, .p = p, .sum = out };
	int r = start(&u);

	for (size_t i = 0; r == 0 && i < n_paths; i++)
		r = collect_change(&u, root, paths[i]);
	return end_run(&u, r == 0 ? take_walk(&u) : r);
}

/* By name: what is known of the documents that are given. */
static int know_documents(struct run *u, const struct ingest_document *docs, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = know(u, docs[i].name, false);
	sort_known(u);
	return r;
}

int ingest_documents(struct store *s, const struct ingest_params *p, struct ingest_document *docs,
		     size_t n, struct ingest_summary *out)
{
	struct run u = { .s = s, .p = p, .sum = out, .docs = docs };
	struct queue q;
	int r = queue_init(&q, &u, n);

	if (r == 0)
		r = start(&u);
	if (r == 0)
		r = know_documents(&u, docs, n);
	for (size_t i = 0; r == 0 && i < n; i++)
		queue_add(&q,
			  (struct reading){ .path = docs[i].name, .given = &docs[i].content,
					    .known = find_known(&u, docs[i].name), .i = i },
			  docs[i].content.n);
	if (r == 0)
		r = read_all(&q);
	queue_done(&q);
	return end_run(&u, end_batch(&u, r));
}

int ingest_bytes(struct store *s, const struct ingest_params *p, const char *name,
		 struct bytes content, struct ingest_summary *out)
{
	struct ingest_document d = { .name = name, .content = content };

	return ingest_documents(s, p, &d, 1, out);
}

/* --- learning ----------------------------------------------------------------------------------- */

int ingest_learn(struct store *s, const struct ingest_params *p, struct ingest_summary *out)
{
	struct run u = { .s = s, .p = p, .sum = out };
	int r = start(&u);

	return r == 0 ? learn(&u) : r;
}

unsigned ingest_threads(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned)MIN(n, 64l) : 1;
}

void ingest_summary_done(struct ingest_summary *s)
{
	for (size_t i = 0; i < s->n_listed; i++) {
		mem_free(s->failed[i].path);
		mem_free(s->failed[i].why);
	}
	mem_free(s->failed);
	*s = (struct ingest_summary){ 0 };
}
