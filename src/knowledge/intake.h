/* intake.h - a server's way in for documents: uploads, removals, folders that are followed.
 *
 * One thread of its own writes, in batches (ingest.h); others read for it. Folders are read at
 * the start and then watched (watch.h). What an upload waits for is the batch that is being
 * written, not the folder. Changes by other processes are noticed within a second. The handlers
 * run on the intake's thread.
 */
#pragma once

#include "base/json.h"
#include "base/list.h"
#include "knowledge/ingest.h"

struct intake;
struct loop;

enum { INTAKE_WAITING_MAX = 64, INTAKE_OCTETS_MAX = 256 * 1024 * 1024 /* of uploads that wait */ };

struct intake_params {
	const char *data;       /* directory of the store; copied */
	const char *collection; /* of the folders; copied */
	const char *const *folders; /* copied */
	size_t n_folders;
	const char *labels; /* of what is in them (ingest.h); lives as long as the intake */
	/* Something has been committed, here or elsewhere, or we begin. */
	void (*on_change)(void *ctx);
	/* The folders have been read once. */
	void (*on_read)(void *ctx);
	/* Nothing has changed for a second, after something had. */
	void (*on_quiet)(void *ctx);
	/* A run over folders is over: 0 or -errno, then sum->why says why; or what the watch lacks. */
	void (*on_run)(void *ctx, int r, const struct ingest_summary *sum);
	void *ctx;
};

/* Starts the thread. */
MUST_USE int intake_new(struct intake **out, const struct intake_params *p);
/* Ends it at the next file; requests that wait are answered with -ECANCELED. */
void intake_free(struct intake *x);
AUTO_DEF(intake)

enum intake_verb {
	INTAKE_ADD,    /* documents from memory; those of one request are committed together */
	INTAKE_REMOVE, /* one document */
	INTAKE_LOOK,   /* what has become of a request: {id, state, documents} */
	INTAKE_REPORT, /* what is going on: {state, progress, waiting, totals, failed} */
};

/* Embedded in whoever asks; the intake's from intake_ask() to `done`. */
struct intake_request {
	struct node node;
	enum intake_verb verb;
	const char *collection; /* ADD; lives until done */
	struct ingest_document *documents; /* ADD; likewise */
	size_t n;
	int64_t document; /* REMOVE */
	uint64_t id;      /* ADD: given by intake_ask(); LOOK: whose */
	struct loop *loop;
	void (*done)(struct intake_request *r); /* on `loop`, once; may free */
	/* out */
	int result; /* REMOVE, LOOK: -ENOENT; ADD: 0 also where documents failed */
	json_t *answer; /* a reference for the asker, or NULL (no memory, or a failure) */
	char why[STORE_WHY];
};

/* Any thread. 0; -EAGAIN: too much is waiting, and it is still the caller's. */
MUST_USE int intake_ask(struct intake *x, struct intake_request *r);
