/* ingest.h - files and folders into the store: what is new is added, what has changed is
 * replaced, what has gone from a folder is removed.
 *
 * Runs on the caller's thread (the intake of a server, or the command line) and blocks. Files
 * are read, extracted and cut by threads of its own, at the lowest priority, and written by the
 * caller's, in the order of their paths: the same files give the same rows, however many threads
 * there are. Documents are written in batches, one transaction and one fsync each; it may be
 * interrupted anywhere, also by kill -9, and run again. A file of the stored size and time is
 * not opened; one whose content (SHA-256) has only moved keeps its row. What walk.h leaves
 * out is left out. A file that cannot be read is a sentence in the summary, not the end of the run.
 */
#pragma once

#include "base/buf.h"
#include "knowledge/store.h"

enum { INGEST_DEPTH_MAX = 32, INGEST_FILES_MAX = 200000, INGEST_FAILURES_MAX = 1000 };
enum { INGEST_BATCH = 64, INGEST_BATCH_MS = 200 }; /* a batch is written at the first of these */

enum ingest_stage { INGEST_READING, INGEST_LEARNING };

struct ingest_progress {
	enum ingest_stage stage;
	size_t i, n;            /* file i of n, from 1          */
	uint64_t octets, total; /* done before this file, of all */
	const char *name;       /* borrowed                     */
};

enum ingest_learning {
	INGEST_LEARN,       /* at the end */
	INGEST_LEARN_LATER, /* the caller does, with ingest_learn() or learn_tend() */
};

struct ingest_params {
	const char *collection; /* NULL: the default */
	/* May be NULL. Non-zero cancels: the run ends with -ECANCELED, what is done stays. */
	int (*on_progress)(void *ctx, const struct ingest_progress *p);
	void *ctx;
	unsigned n_threads; /* that read; 0: the caller's alone */
	enum ingest_learning learning;
	/* Sets (labels.h) of the documents, also of those that are unchanged. NULL: what is new has
	 * none, and the others keep theirs. */
	const char *tags, *labels;
	/* Something has been committed: readers see it. No transaction is open. May be NULL. */
	void (*on_commit)(void *ctx);
	/* Called between files, and at least every 50 ms while waiting for them; `writing`: a
	 * transaction is open. May be NULL. Non-zero cancels. */
	int (*on_wait)(void *ctx, bool writing);
};

struct ingest_failure {
	char *path, *why; /* why: a sentence that names the file */
};

struct ingest_summary {
	size_t added, updated, renamed, unchanged, removed;
	uint64_t octets; /* of the files that were read */
	size_t n_failed; /* may be more than are listed */
	struct ingest_failure *failed;
	size_t n_listed;
	char why[STORE_WHY]; /* when the run itself failed */
};

/* Ingest files and folders. 0 also when files failed; -errno when the run could not go on
 * (s->why says so): the store failed, memory, cancelled. */
MUST_USE int ingest_paths(struct store *s, const struct ingest_params *p, const char *const *paths,
			  size_t n_paths, struct ingest_summary *out);
/* Paths at or below a folder in which something has happened, real and absolute: what is there is
 * ingested as in a run over the folder, what is not is removed. */
MUST_USE int ingest_changes(struct store *s, const struct ingest_params *p, const char *root,
			    const char *const *paths, size_t n_paths, struct ingest_summary *out);
/* Documents from memory (uploads). */
struct ingest_document {
	const char *name;
	struct bytes content;
	const char *tags, *labels; /* as in the params, of this one */
	int64_t id;                /* out: its row; 0: it failed */
	enum ingest_done { INGEST_FAILED, INGEST_ADDED, INGEST_UPDATED, INGEST_UNCHANGED } done; /* out */
	char why[STORE_WHY];       /* out: a sentence when it failed */
};
MUST_USE int ingest_documents(struct store *s, const struct ingest_params *p,
			      struct ingest_document *docs, size_t n, struct ingest_summary *out);
/* One of them. */
MUST_USE int ingest_bytes(struct store *s, const struct ingest_params *p, const char *name,
			  struct bytes content, struct ingest_summary *out);
/* Learn from the documents (words, vectors) what is not learned yet (learn.h). Runs over files end
 * with it. */
MUST_USE int ingest_learn(struct store *s, const struct ingest_params *p,
			  struct ingest_summary *out);
/* As many threads as there are cores. */
unsigned ingest_threads(void);
void ingest_summary_done(struct ingest_summary *s);
/* AUTO(ingest_summary) struct ingest_summary sum = {0}; */
static inline void ingest_summary_auto_(struct ingest_summary *s)
{
	ingest_summary_done(s);
}
