#include "knowledge/walk.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "knowledge/ingest.h"
#include "knowledge/shown.h"

struct place {
	struct walk *w;
	const char *root;
	bool (*wanted)(const char *name);
};

static void incomplete(struct walk *w, const char *path, const char *why)
{
	AUTO(buf) struct buf shown = { 0 };

	shown_put(&shown, path);
	if (!w->incomplete)
		snprintf(w->why, sizeof(w->why), "%.200s: %s", shown.p ? (const char *)shown.p : "", why);
	w->incomplete = true;
}

static int add_file(struct walk *w, const char *path, uint64_t size)
{
	if (w->n == INGEST_FILES_MAX) {
		incomplete(w, path, "there are more files than one run takes; the rest is skipped");
		return 0;
	}
	if (!mem_grow(&w->files, &w->cap, w->n, sizeof(*w->files)))
		return -ENOMEM;
	AUTO(buf) struct buf shown = { 0 };
	shown_put(&shown, path);
	const char *copy = shown.failed ? NULL : arena_strdup(&w->strings, (const char *)shown.p);
	if (!copy)
		return -ENOMEM;
	w->files[w->n++] = (struct walk_file){ copy, size };
	return 0;
}

static bool inside(const char *path, const char *root)
{
	size_t n = strlen(root);

	return strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == 0 || root[n - 1] == '/');
}

static int enter(struct place *p, const char *path, unsigned depth);

static int visit(struct place *p, const char *dir, const char *name, unsigned depth)
{
	char path[PATH_MAX], real[PATH_MAX];
	struct stat st;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path)) {
		incomplete(p->w, dir, "holds a name that is too long");
		return 0;
	}
	if (lstat(path, &st) != 0)
		return 0; /* gone meanwhile */
	if (S_ISLNK(st.st_mode)) {
		/* A folder inside is found at its own place too; what leads out is none of
		 * ours. */
		if (!realpath(path, real) || !inside(real, p->root) || stat(real, &st) != 0 ||
		    S_ISDIR(st.st_mode))
			return 0;
		memcpy(path, real, strlen(real) + 1);
	}
	if (S_ISDIR(st.st_mode))
		return enter(p, path, depth + 1);
	if (!S_ISREG(st.st_mode))
		return 0;
	if (!p->wanted(name)) {
		p->w->n_skipped++;
		return 0;
	}
	return add_file(p->w, path, (uint64_t)st.st_size);
}

static int enter(struct place *p, const char *path, unsigned depth)
{
	if (depth >= INGEST_DEPTH_MAX) {
		incomplete(p->w, path, "is nested too deep; skipped");
		return 0;
	}
	DIR *d = opendir(path);
	if (!d) {
		incomplete(p->w, path, strerror(errno));
		return errno == ENOMEM ? -ENOMEM : 0;
	}
	int r = 0;
	struct dirent *e;
	while (r == 0 && (e = readdir(d)))
		if (e->d_name[0] != '.' && strcmp(e->d_name, "_sources") != 0 &&
		    strcmp(e->d_name, "_static") != 0) /* Sphinx's copies of the pages */
			r = visit(p, path, e->d_name, depth);
	closedir(d);
	return r;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct walk_file *)a)->path, ((const struct walk_file *)b)->path);
}

/* A file reached by its own name and by a link is one file. */
static void sort_unique(struct walk *w)
{
	size_t n = 0;

	if (w->n)
		qsort(w->files, w->n, sizeof(*w->files), by_path);
	for (size_t i = 0; i < w->n; i++)
		if (n == 0 || by_path(&w->files[n - 1], &w->files[i]) != 0)
			w->files[n++] = w->files[i];
	w->n = n;
}

int walk_add(struct walk *w, const char *path, bool (*wanted)(const char *name))
{
	struct place p = { .w = w, .root = path, .wanted = wanted };
	struct stat st;

	if (stat(path, &st) != 0) {
		incomplete(w, path, strerror(errno));
		return 0;
	}
	int r = S_ISDIR(st.st_mode) ? enter(&p, path, 0) : add_file(w, path, (uint64_t)st.st_size);
	if (r == 0)
		sort_unique(w);
	return r;
}

void walk_done(struct walk *w)
{
	arena_done(&w->strings);
	mem_free(w->files);
	*w = (struct walk){ 0 };
}
