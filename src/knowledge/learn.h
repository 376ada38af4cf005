/* learn.h - what a collection teaches: its words with their counts, and vectors.
 *
 * Each collection has an embedder, written down in its store. New passages get their vectors from
 * it at once; the default kind is learned anew when a fifth of the collection has changed. Another
 * embedder takes its place when all its vectors are there; until then search goes on with the old
 * one. Bulk work, on one thread at a time; may be interrupted anywhere, also by kill -9, and goes on
 * from there: what a service has answered is kept. Deterministic: the same documents give the
 * same vectors.
 */
#pragma once

#include "base/defs.h"

struct embed_remote_params;
struct embedder;
struct store;

enum learn_want {
	LEARN_KEEP, /* whatever a collection has; LSA where it has none */
	LEARN_LSA,  /* learned from the collection itself               */
	LEARN_WITH, /* the embedder given                               */
};

/* Which embedder collections are to have. Once, before other threads; takes a reference. */
void learn_choose(enum learn_want want, struct embedder *e);
/* A service; it is asked when there is something to ask. 0 or -ENOMEM. */
MUST_USE int learn_choose_service(const struct embed_remote_params *p);
/* Bring words and vectors up to date. A service that does not answer is logged, not a failure.
 * 0 or -errno (store_why()). */
MUST_USE int learn_collection(struct store *s, const char *collection);
/* The same; -ECANCELED as soon as stop(ctx) says true. -EAGAIN: a service did not
 * answer; call again later. */
MUST_USE int learn_tend(struct store *s, const char *collection, bool (*stop)(void *ctx), void *ctx);

/* Passages whose vectors are being made now, over all collections, and how many are done; since
 * the start, how many vectors were made. Any thread. */
struct learn_progress {
	uint64_t done, total, made;
};
struct learn_progress learn_progress(void);
