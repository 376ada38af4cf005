/* testdir.h - a directory for one test, gone with all in it when the test ends. For tests
 * and benches only.
 */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"

struct testdir {
	char path[64];
};

/* In memory where there is such a file system: tests open many databases. */
static inline struct testdir testdir_new(void)
{
	static const char *const roots[] = { "/dev/shm", "/tmp" };
	struct testdir d;

	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		snprintf(d.path, sizeof(d.path), "%s/voiced-test-XXXXXX", roots[i]);
		if (mkdtemp(d.path))
			return d;
	}
	abort();
}

static inline int testdir_remove_(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	(void)st, (void)kind, (void)f;
	return remove(path);
}

/* A zeroed one is none. */
static inline void testdir_auto_(struct testdir *d)
{
	if (d->path[0])
		nftw(d->path, testdir_remove_, 16, FTW_DEPTH | FTW_PHYS);
}

/* Write a file below it; its path is put into `to`. */
static inline bool testdir_write(const struct testdir *d, const char *name, struct bytes content,
				 char to[static 256])
{
	snprintf(to, 256, "%s/%s", d->path, name);
	FILE *f = fopen(to, "we");
	if (!f)
		return false;
	bool ok = fwrite(content.p, 1, content.n, f) == content.n;
	return fclose(f) == 0 && ok;
}
