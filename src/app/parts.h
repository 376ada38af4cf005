/* parts.h - knowledge and engines, opened once for a command and shared by its sessions.
 *
 * The registry of engines is the table in parts.c. Opened and freed on the main
 * thread; what it hands out is thread-safe as its own header says.
 *
 * With PARTS_SERVE every collection of the store is there, otherwise the configured one only.
 * The recogniser knows the words of the configured collection.
 *
 * Knowledge may be empty, and may grow while we run: parts_refresh() shows it to all searches
 * that begin from then on, parts_settle() gives its words to the recogniser (with the next lease
 * of a decoder).
 */
#pragma once

#include "app/config.h"
#include "engine/ops.h"
#include "knowledge/search.h"

struct parts;
struct pool;
struct services;

enum { PARTS_WHY = 320 };
/* The sentence about a collection that is not there; takes its name twice. */
#define COLLECTION_MISSING "there is no collection '%.80s'; 'voiced ingest --collection %.80s PATH' makes it"
enum parts_use {
	PARTS_TYPED,  /* answers and voices              */
	PARTS_SPOKEN, /* and a recogniser, waited for     */
	PARTS_SERVE,  /* and a recogniser, in the background */
};

/* The sentence about --mode; takes what was said. */
#define MODE_WRONG "--mode wants text, vector or hybrid, not '%.80s'"

/* −errno and a sentence in why[]. */
MUST_USE int parts_open(struct parts **out, const struct config *c, enum parts_use use,
			char why[static PARTS_WHY]);
void parts_free(struct parts *p);
AUTO_DEF(parts)

/* How much may be spent on a session (session/cost.h). */
enum parts_level {
	PARTS_FULL,     /* as configured                                   */
	PARTS_CHEAPER,  /* services but for the first of each list         */
	PARTS_EMBEDDED, /* what costs nothing                              */
	N_PARTS_LEVELS
};

/* For sessions over the documents of *collection; NULL: there is no such collection, or no memory. A name of
 * NULL is the configured one; *collection becomes a name that lives as long as the parts, as what is returned
 * does. Any thread. A collection that appears while we run is known after parts_refresh(), tools of MCP servers
 * from the next call on. */
const struct engines *parts_engines(struct parts *p, const char **collection);
const struct engines *parts_engines_at(struct parts *p, enum parts_level l, const char **collection);
struct pool *parts_turn_pool(struct parts *p);
struct pool *parts_bulk_pool(struct parts *p);
struct searcher *parts_searcher(struct parts *p);
struct services *parts_services(struct parts *p);
/* PARTS_SERVE: a question asked now is answered, typed or spoken, by a voice that is warm. So the
 * index has been read, a decoder has been built with its words, and a voice has spoken. Any thread. */
bool parts_ready(struct parts *p);

/* Take up what has been committed. Blocks; one call at a time. Failures are logged and tried again
 * at the next call. */
void parts_refresh(struct parts *p);
/* What may take longer, for when the documents have not changed for a while: vectors are learned
 * anew where enough has changed, the recogniser is given the words. Blocks; one call at a time,
 * but beside parts_refresh(). stop(ctx) ends it early. false: there
 * is more to do, ask again soon. */
MUST_USE bool parts_settle(struct parts *p, bool (*stop)(void *ctx), void *ctx);
/* The documents of the start are there, or are not waited for any longer. Any thread. */
void parts_know(struct parts *p);
