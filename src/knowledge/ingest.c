#include "knowledge/ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crypto.h"
#include "knowledge/apart.h"
#include "knowledge/learn.h"
#include "knowledge/shown.h"
#include "knowledge/walk.h"

struct run {
	struct store *s;
	const struct ingest_params *p;
	struct ingest_summary *sum;
	int64_t collection;
	uint64_t octets;
};

static int failed(struct run *u, const char *path, const char *why)
{
	struct ingest_summary *sum = u->sum;

	sum->n_failed++;
	if (sum->n_listed == INGEST_FAILURES_MAX)
		return 0;
	struct ingest_failure *f =
		mem_realloc(sum->failed, (sum->n_listed + 1) * sizeof(*sum->failed));
	if (!f)
		return -ENOMEM;
	sum->failed = f;
	f += sum->n_listed;
	f->path = mem_strdup(path);
	f->why = mem_strdup(why);
	if (!f->path || !f->why) {
		mem_free(f->path);
		mem_free(f->why);
		return -ENOMEM;
	}
	sum->n_listed++;
	return 0;
}

static int store_failed(struct run *u, int r)
{
	snprintf(u->sum->why, sizeof(u->sum->why), "%s", store_why(u->s));
	return r;
}

static int no_memory(struct run *u)
{
	snprintf(u->sum->why, sizeof(u->sum->why), "not enough memory");
	return -ENOMEM;
}

static int progress(struct run *u, struct ingest_progress p)
{
	if (!u->p->on_progress || u->p->on_progress(u->p->ctx, &p) == 0)
		return 0;
	snprintf(u->sum->why, sizeof(u->sum->why), "cancelled; what is done is kept");
	return -ECANCELED;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* --- one document -------------------------------------------------------------------------- */

static int put(struct run *u, struct store_document *d, const struct outline *o)
{
	AUTO(passages) struct passages p = { 0 };
	enum store_put how;
	int64_t id;

	if (passages_cut(o, &p) < 0)
		return no_memory(u);
	d->title = o->title ? o->title : last_part(d->path);
	d->n_pages = o->n_pages;
	int r = store_put(u->s, d, buf_bytes(&o->text), &p, &id, &how);
	if (r < 0)
		return store_failed(u, r);
	if (how == STORE_ADDED)
		u->sum->added++;
	else
		u->sum->updated++;
	return 0;
}

/* The text is as it was; the labels may be others. */
static int take_unchanged(struct run *u, int64_t id)
{
	AUTO(buf) struct buf strings = { 0 };
	struct store_document d;
	int r = u->p->labels ? store_document(u->s, id, &strings, &d) : 0;
	bool other = r == 0 && u->p->labels && strcmp(d.labels, u->p->labels) != 0;

	if (other)
		r = store_mark(u->s, id, NULL, u->p->labels);
	if (r < 0)
		return store_failed(u, r);
	if (other)
		u->sum->updated++;
	else
		u->sum->unchanged++;
	return 0;
}

static int take_content(struct run *u, const char *path, struct bytes content, int64_t mtime_us)
{
	struct store_document d = {
		.collection = u->collection,
		.path = path,
		.size = (int64_t)content.n,
		.mtime_us = mtime_us,
		.labels = u->p->labels,
	};
	uint8_t known[STORE_SHA];
	int64_t id;
	char why[EXTRACT_WHY];

	if (sha256(content, d.sha256) < 0)
		return no_memory(u);
	int r = store_find(u->s, u->collection, path, &id, known);
	if (r == 0 && memcmp(known, d.sha256, STORE_SHA) == 0)
		return take_unchanged(u, id);
	if (r < 0 && r != -ENOENT)
		return store_failed(u, r);

	AUTO(outline) struct outline o = { 0 };
	enum extract_verdict v = apart_extract(content, last_part(path), &o, &d.type, why);
	if (v == EXTRACT_NO_MEMORY)
		return no_memory(u);
	/* What was known of a file that cannot be read any more stays until it can. */
	return v == EXTRACT_OK ? put(u, &d, &o) : failed(u, path, why) < 0 ? no_memory(u) : 0;
}

/* 0; 1: `why` says what is wrong with the file; -ENOMEM. */
static int open_shown(const char *path)
{
	AUTO(buf) struct buf raw = { 0 };

	shown_raw(&raw, path);
	errno = ENOMEM;
	/* Not blocking: what was a file may be a pipe by now. */
	return raw.failed ? -1 : open((const char *)raw.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static int read_file(const char *path, struct buf *to, int64_t *mtime_us, char why[static EXTRACT_WHY])
{
	struct stat st;
	int fd = open_shown(path), r = 1;

	if (fd < 0 || fstat(fd, &st) != 0) {
		snprintf(why, EXTRACT_WHY, "%.160s: %s", last_part(path), strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		snprintf(why, EXTRACT_WHY, "%.160s: is not a file", last_part(path));
	} else if (st.st_size > EXTRACT_IN_MAX) {
		snprintf(why, EXTRACT_WHY, "%.160s: is too large (%lld MB; the limit is 50 MB)",
			 last_part(path), (long long)st.st_size / 1000000);
	} else {
		*mtime_us = (int64_t)st.st_mtim.tv_sec * US_PER_S + st.st_mtim.tv_nsec / 1000;
		uint8_t *p = buf_reserve(to, (size_t)st.st_size);
		ssize_t n = 0;
		while (p && to->n < (size_t)st.st_size &&
		       (n = read(fd, p + to->n, (size_t)st.st_size - to->n)) > 0)
			to->n += (size_t)n;
		if (n < 0)
			snprintf(why, EXTRACT_WHY, "%.160s: %s", last_part(path), strerror(errno));
		r = !p ? -ENOMEM : n < 0 ? 1 : 0;
	}
	if (fd >= 0)
		close(fd);
	return r;
}

static int take_file(struct run *u, const char *path)
{
	AUTO(buf) struct buf content = { 0 };
	char why[EXTRACT_WHY];
	int64_t mtime_us = 0;
	int r = read_file(path, &content, &mtime_us, why);

	if (r < 0)
		return no_memory(u);
	if (r > 0)
		return failed(u, path, why) < 0 ? no_memory(u) : 0;
	return take_content(u, path, buf_bytes(&content), mtime_us);
}

/* --- folders ---------------------------------------------------------------------------------- */

struct gone {
	const struct walk *w;
	const char *root;
	size_t n_root;
	int64_t *ids;
	size_t n, cap;
};

static int by_path(const void *key, const void *file)
{
	return strcmp(key, ((const struct walk_file *)file)->path);
}

static int is_gone(void *ctx, const struct store_document *d)
{
	struct gone *g = ctx;

	if (strncmp(d->path, g->root, g->n_root) != 0 || d->path[g->n_root] != '/')
		return 0;
	if (g->w->n && bsearch(d->path, g->w->files, g->w->n, sizeof(*g->w->files), by_path))
		return 0;
	if (!mem_grow(&g->ids, &g->cap, g->n, sizeof(*g->ids)))
		return -ENOMEM;
	g->ids[g->n++] = d->id;
	return 0;
}

static int remove_gone(struct run *u, const struct walk *w, const char *root)
{
	struct gone g = { .w = w, .root = root, .n_root = strlen(root) };
	int r = store_documents(u->s, u->collection, is_gone, &g);

	for (size_t i = 0; r == 0 && i < g.n; i++) {
		r = store_remove(u->s, g.ids[i]);
		if (r == 0)
			u->sum->removed++;
	}
	mem_free(g.ids);
	return r < 0 ? store_failed(u, r) : 0;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int take_walk(struct run *u, const struct walk *w)
{
	uint64_t total = 0, octets = 0;
	int r = 0;

	for (size_t i = 0; i < w->n; i++)
		total += w->files[i].size;
	for (size_t i = 0; r == 0 && i < w->n; i++) {
		r = progress(u, (struct ingest_progress){ INGEST_READING, i + 1, w->n, octets, total,
							  w->files[i].path });
		if (r == 0)
			r = take_file(u, w->files[i].path);
		octets += w->files[i].size;
	}
	return r;
}

static int take_path(struct run *u, const char *path)
{
	AUTO(walk) struct walk w = { 0 };
	AUTO(buf) struct buf shown = { 0 }, root = { 0 };
	char real[PATH_MAX], why[EXTRACT_WHY];
	int e = realpath(path, real) ? 0 : errno;

	shown_put(&shown, path);
	if (e == 0)
		shown_put(&root, real);
	if (shown.failed || root.failed)
		return no_memory(u);
	path = shown.p ? (const char *)shown.p : "";
	if (e != 0) {
		snprintf(why, sizeof(why), "%.200s: %s", path, strerror(e));
		return failed(u, path, why) < 0 ? no_memory(u) : 0;
	}
	int r = walk_add(&w, real, extract_likely);
	if (r < 0)
		return no_memory(u);
	r = take_walk(u, &w);
	if (r == 0 && w.incomplete)
		r = failed(u, path, w.why) < 0 ? no_memory(u) : 0;
	else if (r == 0 && is_folder(real))
		r = remove_gone(u, &w, (const char *)root.p);
	return r;
}

/* --- runs --------------------------------------------------------------------------------------- */

static int start(struct run *u)
{
	const char *name = u->p->collection ? u->p->collection : STORE_DEFAULT_COLLECTION;
	int r = store_collection(u->s, name, &u->collection);

	return r < 0 ? store_failed(u, r) : 0;
}

static int learn(struct run *u)
{
	const char *name = u->p->collection ? u->p->collection : STORE_DEFAULT_COLLECTION;
	int r = progress(u, (struct ingest_progress){ .stage = INGEST_LEARNING, .name = name });

	if (r < 0)
		return r;
	r = learn_collection(u->s, name);
	return r == -ENOMEM ? no_memory(u) : r < 0 ? store_failed(u, r) : 0;
}

int ingest_paths(struct store *s, const struct ingest_params *p, const char *const *paths,
		 size_t n_paths, struct ingest_summary *out)
{
	struct run u = { .s = s, .p = p, .sum = out };
	int r = start(&u);

	for (size_t i = 0; r == 0 && i < n_paths; i++)
		r = take_path(&u, paths[i]);
	return r == 0 ? learn(&u) : r;
}

int ingest_bytes(struct store *s, const struct ingest_params *p, const char *name,
		 struct bytes content, struct ingest_summary *out)
{
	struct run u = { .s = s, .p = p, .sum = out };
	int r = start(&u);

	if (r == 0)
		r = take_content(&u, name, content, 0);
	return r == 0 ? learn(&u) : r;
}

int ingest_learn(struct store *s, const struct ingest_params *p, struct ingest_summary *out)
{
	struct run u = { .s = s, .p = p, .sum = out };
	int r = start(&u);

	return r == 0 ? learn(&u) : r;
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
