#include "knowledge/reading.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crypto.h"
#include "base/env.h"
#include "document/apart.h"
#include "document/shown.h"

/* File systems keep the time of the last clock tick: what was written so shortly before it was
 * read may be written again and have the same time. */
enum { TICK_US = 20 * US_PER_MS };

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* --- reading -------------------------------------------------------------------------------- */

static int read_all(int fd, size_t size, struct buf *to)
{
	uint8_t *p = buf_reserve(to, size);
	ssize_t n = 0;

	while (p && to->n < size && (n = read(fd, p + to->n, size - to->n)) > 0)
		to->n += (size_t)n;
	return !p ? -ENOMEM : n < 0 ? -errno : 0;
}

static void say(struct reading *r, const char *what)
{
	r->is = READING_FAILED;
	snprintf(r->why, sizeof(r->why), "%.160s: %s", path_name(r->path), what);
}

static void read_open(struct reading *r, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		say(r, strerror(errno));
		return;
	}
	if (!S_ISREG(st.st_mode)) {
		say(r, "is not a file");
		return;
	}
	if (st.st_size > EXTRACT_IN_MAX) {
		r->is = READING_FAILED;
		snprintf(r->why, sizeof(r->why), "%.160s: is too large (%lld MB; the limit is 50 MB)",
			 path_name(r->path), (long long)st.st_size / 1000000);
		return;
	}
	int64_t mtime = (int64_t)st.st_mtim.tv_sec * US_PER_S + st.st_mtim.tv_nsec / 1000;
	int64_t age = (int64_t)env_wall(&env_system) - mtime;
	r->mtime_us = age >= 0 && age < TICK_US ? mtime - 1 : mtime;
	int e = read_all(fd, (size_t)st.st_size, &r->content);
	if (e == -ENOMEM)
		r->is = READING_NO_MEMORY;
	else if (e < 0)
		say(r, strerror(-e));
}

static void read_file(struct reading *r)
{
	AUTO(buf) struct buf raw = { 0 };

	shown_raw(&raw, r->path);
	if (raw.failed) {
		r->is = READING_NO_MEMORY;
		return;
	}
	/* Not blocking: what was a file may be a pipe by now. */
	int fd = open((const char *)raw.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		say(r, strerror(errno));
		return;
	}
	read_open(r, fd);
	close(fd);
}

static struct bytes content_of(const struct reading *r)
{
	return r->given ? *r->given : buf_bytes(&r->content);
}

/* --- recognising ------------------------------------------------------------------------------ */

static int by_content(const void *a, const void *b)
{
	const struct store_file *x = &(*(struct known *const *)a)->file;
	const struct store_file *y = &(*(struct known *const *)b)->file;
	int d = (x->size > y->size) - (x->size < y->size);

	return d ? d : memcmp(x->sha256, y->sha256, STORE_SHA);
}

void gone_sort(struct gone *g)
{
	if (g->n)
		qsort(g->at, g->n, sizeof(struct known *), by_content);
}

/* The name says how it was read. */
static bool same_suffix(const char *a, const char *b)
{
	const char *x = strrchr(path_name(a), '.'), *y = strrchr(path_name(b), '.');

	return x && y ? strcasecmp(x, y) == 0 : !x && !y;
}

static struct known *find_gone(const struct reading *r)
{
	const struct known key = { .file = { .size = r->size, .sha256 = r->sha256 } };
	const struct known *k = &key;
	struct known **found = r->gone && r->gone->n ? bsearch(&k, r->gone->at, r->gone->n,
							       sizeof(struct known *), by_content) :
						       NULL;

	return found && same_suffix((*found)->file.path, r->path) ? *found : NULL;
}

/* --- all of it ---------------------------------------------------------------------------------- */

void reading_extract(struct reading *r)
{
	enum extract_verdict v = apart_extract(content_of(r), path_name(r->path), &r->outline, &r->type, r->why);

	if (v == EXTRACT_NO_MEMORY || (v == EXTRACT_OK && passages_cut(&r->outline, &r->passages) < 0))
		r->is = READING_NO_MEMORY;
	else
		r->is = v == EXTRACT_OK ? READING_NEW : READING_FAILED;
}

void reading_work(void *ctx, void *reading)
{
	struct reading *r = reading;

	(void)ctx;
	r->is = READING_NEW;
	if (!r->given)
		read_file(r);
	if (r->is != READING_NEW)
		return;
	r->size = (int64_t)content_of(r).n;
	if (sha256(content_of(r), r->sha256) < 0) {
		r->is = READING_NO_MEMORY;
		return;
	}
	if (r->known && memcmp(r->known->file.sha256, r->sha256, STORE_SHA) == 0) {
		r->is = READING_SAME;
		return;
	}
	r->from = r->known ? NULL : find_gone(r);
	if (r->from)
		r->is = READING_MOVED;
	else
		reading_extract(r);
	if (r->is != READING_MOVED)
		buf_done(&r->content);
}

void reading_done(struct reading *r)
{
	buf_done(&r->content);
	outline_done(&r->outline);
	passages_done(&r->passages);
}
