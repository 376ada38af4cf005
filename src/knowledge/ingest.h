/* ingest.h - files and folders into the store: what is new is added, what has changed is
 * replaced, what has gone from a folder is removed.
 *
 * Runs on the caller's thread (a bulk worker or the command line) and blocks. Each
 * document is one transaction: it may be interrupted anywhere, also by kill -9, and run
 * again; what is unchanged (by SHA-256) is skipped. Hidden files, and links that lead out
 * of the folder, are not followed. A file that cannot be read is a sentence in the
 * summary, not the end of the run.
 */
#pragma once

#include "base/buf.h"
#include "knowledge/store.h"

enum { INGEST_DEPTH_MAX = 32, INGEST_FILES_MAX = 200000, INGEST_FAILURES_MAX = 1000 };

enum ingest_stage { INGEST_READING, INGEST_LEARNING };

struct ingest_progress {
	enum ingest_stage stage;
	size_t i, n;           /* file i of n, from 1          */
	uint64_t octets, total; /* done before this file, of all */
	const char *name;      /* borrowed                     */
};

struct ingest_params {
	const char *collection; /* NULL: the default */
	/* May be NULL. Non-zero cancels: the run ends with -ECANCELED, what is done stays. */
	int (*on_progress)(void *ctx, const struct ingest_progress *p);
	void *ctx;
	/* A set (labels.h): labels of the documents, also of those that are unchanged. NULL: what is
	 * new has none, and the others keep theirs. */
	const char *labels;
};

struct ingest_failure {
	char *path, *why; /* why: a sentence that names the file */
};

struct ingest_summary {
	size_t added, updated, unchanged, removed;
	size_t n_failed; /* may be more than are listed */
	struct ingest_failure *failed;
	size_t n_listed;
	char why[STORE_WHY]; /* when the run itself failed */
};

/* Ingest files and folders. 0 also when files failed; -errno when the run could not go on
 * (s->why says so): the store failed, memory, cancelled. */
MUST_USE int ingest_paths(struct store *s, const struct ingest_params *p, const char *const *paths,
			  size_t n_paths, struct ingest_summary *out);
/* Ingest one document from memory, under a name (an upload). */
MUST_USE int ingest_bytes(struct store *s, const struct ingest_params *p, const char *name,
			  struct bytes content, struct ingest_summary *out);
/* Learn from the documents (vectors, words) what is not learned yet. ingest_paths() and
 * ingest_bytes() end with it; call it after store_remove(). */
MUST_USE int ingest_learn(struct store *s, const struct ingest_params *p,
			  struct ingest_summary *out);
void ingest_summary_done(struct ingest_summary *s);
/* AUTO(ingest_summary) struct ingest_summary sum = {0}; */
static inline void ingest_summary_auto_(struct ingest_summary *s)
{
	ingest_summary_done(s);
}
