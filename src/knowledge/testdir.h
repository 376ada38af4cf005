/* testdir.h - a directory for one test, gone with all in it when the test ends. For tests
 * and benches only.
 */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "knowledge/store.h"

struct testdir {
	char path[64];
};

/* In memory where there is such a file system: tests open many databases. */
static inline struct testdir testdir_new(void)
{
	struct testdir d = { "/dev/shm/voiced-test-XXXXXX" };

	if (mkdtemp(d.path))
		return d;
	d = (struct testdir){ "/tmp/voiced-test-XXXXXX" };
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

/* SQLite's memory is counted, and given back at the end: AUTO(testlib) int lib = testlib_new(); */
static inline int testlib_new(void)
{
	return store_init();
}

static inline void testlib_auto_(int *lib)
{
	(void)lib;
	store_exit();
}
