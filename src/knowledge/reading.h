/* reading.h - one document on its way into the store: read, recognised, extracted, cut.
 *
 * reading_work() may run on any thread; it touches nothing but its reading and what never
 * changes while it runs. The inner side of ingest.
 */
#pragma once

#include "document/extract.h"
#include "document/passages.h"
#include "knowledge/store.h"

/* A file that the store knows. */
struct known {
	struct store_file file; /* its strings live as long as the run */
	bool removable;         /* it stood in a folder that was read completely */
	bool here;              /* it still stands there, or its row has another path now */
};

/* Rows whose file is gone, by size and content: what a new file may have been before. */
struct gone {
	struct known **at;
	size_t n;
};

enum reading_is {
	READING_SAME,      /* as `known` has it, but for the time of its file      */
	READING_MOVED,     /* the content of `from`, whose file is gone            */
	READING_NEW,       /* outline and passages are there                       */
	READING_FAILED,    /* why: a sentence                                      */
	READING_NO_MEMORY,
};

struct reading {
	const char *path;          /* of a file, or the name of what is in `given` */
	const struct bytes *given; /* NULL: it is a file */
	const struct known *known; /* the row at this path, or NULL */
	const struct gone *gone;
	size_t i;                  /* the caller's */

	/* out */
	enum reading_is is;
	struct buf content;
	uint8_t sha256[STORE_SHA];
	int64_t size, mtime_us;
	struct known *from;
	const char *type;
	struct outline outline;
	struct passages passages;
	char why[EXTRACT_WHY];
};

void reading_work(void *ctx, void *reading); /* ctx: not used */
/* What READING_MOVED has spared: afterwards it is NEW, FAILED or NO_MEMORY. */
void reading_extract(struct reading *r);
void reading_done(struct reading *r);

/* Sorts them for reading_work(). */
void gone_sort(struct gone *g);
const char *path_name(const char *path); /* its last part */
