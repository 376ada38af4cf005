#include "knowledge/watch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "knowledge/ingest.h"
#include "knowledge/walk.h"

enum {
	/* IN_CREATE is for folders and links: a file is looked at when it has been written. */
	MASK = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
	       IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK | IN_DONT_FOLLOW,
	EVENTS = 64 * 1024,
};

/* A watched folder. The kernel's numbers only grow, so the list is sorted by them. */
struct folder {
	int wd;
	size_t root;
	char *path; /* NULL: not watched any more */
};

struct root {
	char *path;
	char **paths; /* in which something has happened */
	size_t n, cap;
	bool all; /* or rather everywhere */
};

struct watch {
	int fd;
	struct folder *folders;
	size_t n, cap;
	struct root *roots;
	size_t n_roots, cap_roots;
};

int watch_new(struct watch **out)
{
	struct watch *w = mem_zalloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0) {
		int e = errno;

		mem_free(w);
		return -e;
	}
	*out = w;
	return 0;
}

static void forget_paths(struct root *r)
{
	for (size_t i = 0; i < r->n; i++)
		mem_free(r->paths[i]);
	r->n = 0;
	r->all = false;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	close(w->fd);
	for (size_t i = 0; i < w->n; i++)
		mem_free(w->folders[i].path);
	for (size_t i = 0; i < w->n_roots; i++) {
		forget_paths(&w->roots[i]);
		mem_free(w->roots[i].paths);
		mem_free(w->roots[i].path);
	}
	mem_free(w->folders);
	mem_free(w->roots);
	mem_free(w);
}

int watch_fd(const struct watch *w)
{
	return w->fd;
}

/* --- what has happened ------------------------------------------------------------------------- */

static int happened(struct root *r, const char *path)
{
	if (r->all || (r->n > 0 && strcmp(r->paths[r->n - 1], path) == 0))
		return 0;
	if (r->n == WATCH_PATHS_MAX || strcmp(path, r->path) == 0) {
		forget_paths(r);
		r->all = true;
		return 0;
	}
	char *copy = mem_strdup(path);
	if (!copy || !mem_grow(&r->paths, &r->cap, r->n, sizeof(*r->paths))) {
		mem_free(copy);
		return -ENOMEM;
	}
	r->paths[r->n++] = copy;
	return 0;
}

bool watch_pending(const struct watch *w)
{
	for (size_t i = 0; i < w->n_roots; i++)
		if (w->roots[i].all || w->roots[i].n)
			return true;
	return false;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int watch_take(struct watch *w,
	       int (*each)(void *ctx, const char *root, const char *const *paths, size_t n), void *ctx)
{
	for (size_t i = 0; i < w->n_roots; i++) {
		struct root *r = &w->roots[i];
		const char *whole = r->path;
		size_t n = 0;

		if (r->n)
			qsort(r->paths, r->n, sizeof(*r->paths), by_text);
		for (size_t j = 0; j < r->n; j++) {
			if (n > 0 && strcmp(r->paths[n - 1], r->paths[j]) == 0)
				mem_free(r->paths[j]);
			else
				r->paths[n++] = r->paths[j];
		}
		r->n = n;
		int e = r->all ? each(ctx, r->path, &whole, 1) :
			r->n   ? each(ctx, r->path, (const char *const *)r->paths, r->n) :
				 0;
		if (e != 0)
			return e;
		forget_paths(r);
	}
	return 0;
}

/* --- folders -------------------------------------------------------------------------------------- */

static struct folder *find_folder(const struct watch *w, int wd)
{
	size_t from = 0, to = w->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (w->folders[mid].wd == wd)
			return &w->folders[mid];
		if (w->folders[mid].wd < wd)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}

static void drop_unused(struct watch *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		if (w->folders[i].path)
			w->folders[n++] = w->folders[i];
	w->n = n;
}

static int remember(struct watch *w, int wd, size_t root, const char *path)
{
	struct folder *f = find_folder(w, wd);
	char *copy = mem_strdup(path);

	if (!copy)
		return -ENOMEM;
	if (f) { /* the same folder, perhaps at another place */
		mem_free(f->path);
		*f = (struct folder){ wd, root, copy };
		return 0;
	}
	if (w->n == w->cap)
		drop_unused(w);
	if (!mem_grow(&w->folders, &w->cap, w->n, sizeof(*w->folders))) {
		mem_free(copy);
		return -ENOMEM;
	}
	w->folders[w->n++] = (struct folder){ wd, root, copy };
	return 0;
}

static bool at_or_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && (path[n] == 0 || path[n] == '/');
}

/* A folder has gone elsewhere, with all below it. */
static void unwatch(struct watch *w, const char *path)
{
	for (size_t i = 0; i < w->n; i++) {
		struct folder *f = &w->folders[i];

		if (!f->path || !at_or_below(f->path, path))
			continue;
		inotify_rm_watch(w->fd, f->wd);
		mem_free(f->path);
		f->path = NULL;
	}
}

static int say(char why[static WATCH_WHY], const char *path, int e)
{
	snprintf(why, WATCH_WHY, "%.160s: is not followed: %s", path,
		 e == ENOSPC ? "the system's limit of watched folders is reached (sysctl fs.inotify.max_user_watches)" :
			       strerror(e));
	return -e;
}

static int watch_below(struct watch *w, size_t root, const char *path, unsigned depth,
		       char why[static WATCH_WHY]);

static int watch_entries(struct watch *w, size_t root, const char *path, unsigned depth,
			 char why[static WATCH_WHY])
{
	char below[PATH_MAX];
	DIR *d = opendir(path);
	int r = 0;

	for (struct dirent *e; d && r != -ENOMEM && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN) ||
		    (size_t)snprintf(below, sizeof(below), "%s/%s", path[1] ? path : "", e->d_name) >=
			    sizeof(below))
			continue;
		int one = walk_enters(w->roots[root].path, below);
		if (one == 1)
			one = watch_below(w, root, below, depth + 1, why);
		r = one == -ENOMEM || r == 0 ? one : r;
	}
	if (d)
		closedir(d);
	return r;
}

static int watch_below(struct watch *w, size_t root, const char *path, unsigned depth,
		       char why[static WATCH_WHY])
{
	if (depth >= INGEST_DEPTH_MAX)
		return 0;
	int wd = inotify_add_watch(w->fd, path, MASK);
	if (wd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : say(why, path, errno);
	int r = remember(w, wd, root, path);
	/* First the watch, then what is in it: nothing comes unseen between. */
	return r < 0 ? r : watch_entries(w, root, path, depth, why);
}

int watch_add(struct watch *w, const char *path, char why[static WATCH_WHY])
{
	size_t i = 0;

	while (i < w->n_roots && strcmp(w->roots[i].path, path) != 0)
		i++;
	if (i == w->n_roots) {
		char *copy = mem_strdup(path);

		if (!copy || !mem_grow(&w->roots, &w->cap_roots, i, sizeof(*w->roots))) {
			mem_free(copy);
			return -ENOMEM;
		}
		w->roots[w->n_roots++] = (struct root){ .path = copy };
	}
	return watch_below(w, i, path, 0, why);
}

/* --- events ----------------------------------------------------------------------------------------- */

/* A file that is just being written is looked at when it is closed. */
static bool is_written_later(const struct inotify_event *e, const char *path)
{
	struct stat st;

	return e->mask & IN_CREATE && !(e->mask & IN_ISDIR) && lstat(path, &st) == 0 &&
	       S_ISREG(st.st_mode) && st.st_nlink == 1;
}

static int take_folder_event(struct watch *w, size_t root, const struct inotify_event *e, const char *path)
{
	char why[WATCH_WHY];

	if (e->mask & (IN_MOVED_FROM | IN_DELETE))
		unwatch(w, path);
	int r = e->mask & (IN_CREATE | IN_MOVED_TO) ? walk_enters(w->roots[root].path, path) : 0;
	if (r == 1)
		r = watch_below(w, root, path, 0, why);
	if (r == -ENOMEM)
		return r;
	return e->mask == (IN_ATTRIB | IN_ISDIR) ? 0 : happened(&w->roots[root], path);
}

static int take_event(struct watch *w, const struct inotify_event *e)
{
	char path[PATH_MAX];
	struct folder *f = find_folder(w, e->wd);

	if (e->mask & IN_Q_OVERFLOW) {
		for (size_t i = 0; i < w->n_roots; i++) {
			forget_paths(&w->roots[i]);
			w->roots[i].all = true;
		}
		return 0;
	}
	if (!f || !f->path)
		return 0;
	struct root *r = &w->roots[f->root];
	if (e->mask & IN_IGNORED) { /* the kernel has forgotten it */
		mem_free(f->path);
		f->path = NULL;
		return 0;
	}
	if (!e->len) { /* the folder itself; of one below the root its own folder tells, too */
		if (!(e->mask & (IN_DELETE_SELF | IN_MOVE_SELF)) || strcmp(f->path, r->path) != 0)
			return 0;
		unwatch(w, r->path);
		return happened(r, r->path);
	}
	/* Rules have changed: all of the folder. */
	if (strcmp(e->name, ".voicedignore") == 0)
		return happened(r, f->path);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", f->path[1] ? f->path : "", e->name) >= sizeof(path))
		return happened(r, f->path);
	if (e->mask & IN_ISDIR)
		return take_folder_event(w, f->root, e, path);
	return is_written_later(e, path) ? 0 : happened(r, path);
}

int watch_read(struct watch *w)
{
	_Alignas(struct inotify_event) char events[EVENTS];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(w->fd, events, sizeof(events))) > 0)
		for (char *at = events; r == 0 && at < events + n;) {
			const struct inotify_event *e = (void *)at;

			r = take_event(w, e);
			at += sizeof(*e) + e->len;
		}
	return r;
}
