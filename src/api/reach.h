/* reach.h - what a request may be about: one collection, and the groups it is read for.
 *
 * Whoever shows a client secret reads what the secret is bound to: its collection, and what is
 * labelled with one of its groups or not at all. An unbound one names its collection itself
 * (?collection=) and belongs to no group. The key, its cookie, or nobody's name where none is
 * needed, is the operator: all documents, or those of `serve --group`. ?groups=a,b narrows what
 * one may read, and never widens it.
 */
#pragma once

#include "engine/ops.h"
#include "knowledge/labels.h"

struct request;

struct reach {
	const struct engines *engines;
	const char *collection; /* lives as long as the service */
	bool all;               /* no matter which labels       */
	char groups[LABELS_SIZE];
};

/* false: answered (404 collection_not_found, 403 collection_not_allowed or group_not_allowed, 400,
 * or what is wrong with the secret). On the request's loop. */
MUST_USE bool seat_reach(struct request *r, struct reach *out);
/* For search and sessions: NULL sees everything. Borrowed from the reach. */
const char *reach_groups(const struct reach *v);
/* May whoever has the reach `v` listen to a session that was begun with `other`? */
MUST_USE bool reach_covers(const struct reach *v, const struct reach *other);
