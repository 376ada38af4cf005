/* synonym.h - plain words that people say for each other, whatever the documents are about:
 * "phone" and "telephone", "cost" and "price". Small on purpose: what belongs to a subject
 * the vectors learn from its documents.
 */
#pragma once

#include "base/defs.h"

/* The other words of the groups that a term (stemmed) belongs to, as terms: calls `each`.
 * Nothing happens for a term of no group. */
void synonyms_foreach(const char *term, void (*each)(void *ctx, const char *term), void *ctx);
