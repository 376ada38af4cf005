/* learn.h - what a collection teaches: its words with their counts, and vectors.
 *
 * Bulk work, at the end of an ingest. Deterministic: the same documents give the same
 * vectors.
 */
#pragma once

#include "base/defs.h"

struct store;

/* Learn anew unless nothing has changed since the last time. 0 or -errno (store_why()). */
MUST_USE int learn_collection(struct store *s, const char *collection);
