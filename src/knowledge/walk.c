#include "knowledge/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "document/shown.h"
#include "knowledge/ignore.h"
#include "knowledge/ingest.h"

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

static int64_t mtime_of(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * US_PER_S + st->st_mtim.tv_nsec / 1000;
}

static int add_file(struct walk *w, const char *path, const struct stat *st)
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
	w->files[w->n++] = (struct walk_file){ copy, (uint64_t)st->st_size, mtime_of(st) };
	return 0;
}

static bool inside(const char *path, const char *root)
{
	size_t n = strlen(root);

	return strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == 0 || root[n - 1] == '/');
}

static int enter(struct place *p, const char *path, const struct ignore *above, unsigned depth);

static int visit(struct place *p, const char *path, const struct ignore *rules, unsigned depth)
{
	const char *name = strrchr(path, '/') + 1;
	char real[PATH_MAX];
	struct stat st;

	if (lstat(path, &st) != 0)
		return 0; /* gone meanwhile */
	if (ignore_says(rules, path, S_ISDIR(st.st_mode)))
		return 0;
	if (S_ISLNK(st.st_mode)) {
		/* A folder inside is found at its own place too; what leads out is none of
		 * ours. */
		if (!realpath(path, real) || !inside(real, p->root) || stat(real, &st) != 0 ||
		    S_ISDIR(st.st_mode))
			return 0;
		path = real;
	}
	if (S_ISDIR(st.st_mode))
		return enter(p, path, rules, depth + 1);
	if (!S_ISREG(st.st_mode))
		return 0;
	if (!p->wanted(name)) {
		p->w->n_skipped++;
		return 0;
	}
	return add_file(p->w, path, &st);
}

static int visit_all(struct place *p, const char *folder, DIR *d, const struct ignore *rules,
		     unsigned depth)
{
	char path[PATH_MAX];
	const char *between = folder[1] ? "/" : ""; /* "/" has one */
	int r = 0;

	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s%s%s", folder, between, e->d_name) < sizeof(path))
			r = visit(p, path, rules, depth);
		else
			incomplete(p->w, folder, "holds a name that is too long");
	}
	return r;
}

/* The folder's own rules on top of those above it. */
static int read_rules(struct ignore *g, struct arena *strings, const char *folder,
		      const struct ignore *above)
{
	AUTO(buf) struct buf text = { 0 };
	char path[PATH_MAX];

	*g = (struct ignore){ .up = above, .n_folder = folder[1] ? strlen(folder) : 0 };
	if ((size_t)snprintf(path, sizeof(path), "%s/" IGNORE_FILE, folder) >= sizeof(path))
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	char *to = buf_reserve(&text, IGNORE_FILE_MAX);
	ssize_t n = to ? read(fd, to, IGNORE_FILE_MAX) : 0;
	close(fd);
	text.n = n > 0 ? (size_t)n : 0;
	return to ? ignore_parse(g, strings, buf_bytes(&text)) : -ENOMEM;
}

static int enter(struct place *p, const char *path, const struct ignore *above, unsigned depth)
{
	struct ignore rules;

	if (depth >= INGEST_DEPTH_MAX) {
		incomplete(p->w, path, "is nested too deep; skipped");
		return 0;
	}
	DIR *d = opendir(path);
	if (!d) {
		incomplete(p->w, path, strerror(errno));
		return errno == ENOMEM ? -ENOMEM : 0;
	}
	int r = read_rules(&rules, &p->w->strings, path, above);
	if (r == 0)
		r = visit_all(p, path, d, &rules, depth);
	ignore_done(&rules);
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

static int start(struct place *p, const char *path, const struct ignore *rules)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		incomplete(p->w, path, strerror(errno));
		return 0;
	}
	int r = S_ISDIR(st.st_mode) ? enter(p, path, rules, 0) : add_file(p->w, path, &st);
	if (r == 0)
		sort_unique(p->w);
	return r;
}

int walk_add(struct walk *w, const char *path, bool (*wanted)(const char *name))
{
	struct place p = { .w = w, .root = path, .wanted = wanted };
	struct ignore rules = { 0 };
	int r = ignore_parse(&rules, &w->strings, bytes_str(ignore_defaults));

	if (r == 0)
		r = start(&p, path, &rules);
	ignore_done(&rules);
	return r;
}

/* The rules of the folders from the root down to a path, and whether they let it in. */
struct descent {
	struct arena strings;
	struct ignore rules[INGEST_DEPTH_MAX + 2];
	size_t n;
};

static void descent_done(struct descent *d)
{
	for (size_t i = 0; i < d->n; i++)
		ignore_done(&d->rules[i]);
	arena_done(&d->strings);
}

/* 1: let in; 0: left out, or not there. The entry `path` itself is the last that is asked about. */
static int descend(struct descent *d, const char *root, const char *path)
{
	char part[PATH_MAX];
	struct stat st;
	size_t at = root[1] ? strlen(root) : 0;
	int r = ignore_parse(&d->rules[d->n++], &d->strings, bytes_str(ignore_defaults));

	while (r == 0 && path[at]) {
		if (d->n == ARRAY_LEN(d->rules) || strlen(path) >= sizeof(part))
			return 0;
		snprintf(part, sizeof(part), "%.*s", (int)MAX(at, (size_t)1), path);
		r = read_rules(&d->rules[d->n], &d->strings, part, &d->rules[d->n - 1]);
		d->n++;
		at += 1 + strcspn(path + at + 1, "/");
		snprintf(part, sizeof(part), "%.*s", (int)at, path);
		if (r == 0 && (lstat(part, &st) != 0 ||
			       ignore_says(&d->rules[d->n - 1], part, S_ISDIR(st.st_mode))))
			return 0;
	}
	return r < 0 ? r : 1;
}

int walk_below(struct walk *w, const char *root, const char *path, bool (*wanted)(const char *name))
{
	struct place p = { .w = w, .root = root, .wanted = wanted };
	struct descent d = { 0 };
	int r = inside(path, root) ? descend(&d, root, path) : 0;

	if (r == 1) {
		/* A folder adds the rules of its own. */
		r = visit(&p, path, &d.rules[d.n - 1], (unsigned)d.n);
		if (r == 0)
			sort_unique(w);
	}
	descent_done(&d);
	return r;
}

int walk_enters(const char *root, const char *folder)
{
	struct descent d = { 0 };
	struct stat st;
	int r = inside(folder, root) ? descend(&d, root, folder) : 0;

	descent_done(&d);
	return r == 1 ? lstat(folder, &st) == 0 && S_ISDIR(st.st_mode) : r;
}

void walk_done(struct walk *w)
{
	arena_done(&w->strings);
	mem_free(w->files);
	*w = (struct walk){ 0 };
}
