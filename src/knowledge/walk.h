/* walk.h - the files below a folder that may be documents.
 *
 * Sorted by path, each once. Hidden entries are skipped; symbolic links are followed only
 * to files inside the root; depth and number are limited.
 */
#pragma once

#include "base/arena.h"

struct walk_file {
	const char *path; /* real, absolute, as it is shown (shown.h) */
	uint64_t size;
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
void walk_done(struct walk *w);

static inline void walk_auto_(struct walk *w)
{
	walk_done(w);
}
