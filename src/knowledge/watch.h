/* watch.h - folders in which something happens: inotify(7), turned into paths to look at again.
 *
 * One thread. A folder is watched with all below it that walk.h would enter; folders that come
 * are watched as they come. What has happened is kept until it is taken, each path once; what
 * the kernel could not keep, and what is more than WATCH_PATHS_MAX, becomes the whole root. A
 * file counts when whoever wrote it has closed it. File systems that others write to over a
 * network do not tell.
 */
#pragma once

#include "base/defs.h"

struct watch;

enum { WATCH_PATHS_MAX = 4096, WATCH_WHY = 320 };

/* 0 or -errno, as inotify_init1(). */
MUST_USE int watch_new(struct watch **out);
void watch_free(struct watch *w);
AUTO_DEF(watch)

int watch_fd(const struct watch *w); /* readable: watch_read() has something to do */

/* Watch a folder; `path` is real and absolute. Again: what is missing is added. 0; -ENOMEM; any
 * other -errno with a sentence: not all of it is watched (the system's limit, permissions). */
MUST_USE int watch_add(struct watch *w, const char *path, char why[static WATCH_WHY]);

/* Take in what has happened; does not block. 0 or -ENOMEM. */
MUST_USE int watch_read(struct watch *w);
bool watch_pending(const struct watch *w);
/* Paths at or below one root, real and absolute, sorted; they are borrowed and forgotten
 * afterwards. Non-zero ends it; the rest is kept. */
MUST_USE int watch_take(struct watch *w,
			int (*each)(void *ctx, const char *root, const char *const *paths, size_t n),
			void *ctx);
