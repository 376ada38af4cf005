/* walk.h - the files below a folder that may be documents.
 *
 * Sorted by path, each once. What ignore_defaults and the .voicedignore files of the folders
 * say is left out; symbolic links are followed only to files inside the root; depth and number
 * are limited.
 */
#pragma once

#include "base/arena.h"

struct walk_file {
	const char *path; /* real, absolute, as it is shown (shown.h) */
	uint64_t size;
	int64_t mtime_us;
};

struct walk {
	struct arena strings;
	struct walk_file *files;
	size_t n, cap;
	size_t n_skipped; /* not a document by its name */
	bool incomplete;  /* a folder could not be read, or a limit was met: not all was seen */
	char why[320];    /* the first such thing */
};

/* Add a file, or all below a folder. `path` is real and absolute. 0 or -ENOMEM. */
MUST_USE int walk_add(struct walk *w, const char *path, bool (*wanted)(const char *name));
/* The same of a path below `root`, by the rules of all folders between: nothing is added where
 * one of them leaves it out, or where nothing is there (any more). */
MUST_USE int walk_below(struct walk *w, const char *root, const char *path,
			bool (*wanted)(const char *name));
/* 1: this folder, at or below `root`, is looked into; 0: it is not; -ENOMEM. */
MUST_USE int walk_enters(const char *root, const char *folder);
void walk_done(struct walk *w);

static inline void walk_auto_(struct walk *w)
{
	walk_done(w);
}
