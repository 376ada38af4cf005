/* testdir.h - a directory for one test, gone with all in it when the test ends. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/defs.h"

struct testdir {
	char path[64];
};

static inline struct testdir testdir_new(void)
{
	struct testdir d = { "/tmp/voiced-test-XXXXXX" };

	if (!mkdtemp(d.path))
		abort();
	return d;
}

static inline int testdir_remove_(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	(void)st, (void)kind, (void)f;
	return remove(path);
}

static inline void testdir_auto_(struct testdir *d)
{
	nftw(d->path, testdir_remove_, 16, FTW_DEPTH | FTW_PHYS);
}

/* Write a file below it; `to` (may be NULL) receives its path. */
static inline bool testdir_write(const struct testdir *d, const char *name, const void *p, size_t n,
				 char to[static 256])
{
	snprintf(to, 256, "%s/%s", d->path, name);
	FILE *f = fopen(to, "we");
	if (!f)
		return false;
	bool ok = fwrite(p, 1, n, f) == n;
	return fclose(f) == 0 && ok;
}
