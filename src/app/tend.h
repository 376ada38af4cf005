/* tend.h - a thread of the lowest priority that brings what is learned up to date while the service
 * runs: words, vectors of new passages, another embedder. */
#pragma once

#include "base/defs.h"

struct tend;

MUST_USE int tend_new(struct tend **out, const char *data);
void tend_free(struct tend *t); /* waits for the passages at hand only */
AUTO_DEF(tend)
