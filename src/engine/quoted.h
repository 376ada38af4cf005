/* quoted.h - what a tool has read is marked as quoted before a model is shown it.
 *
 * A passage of a document, or what a service answered, may hold sentences that look like orders. The mark
 * is a member "notice" behind the others of the output's object, so that whoever reads the JSON finds all
 * else where it was; an output that is no object goes into a member "output". It is a hint to a
 * model, not the fence: that is session/consent.h. Pure.
 */
#pragma once

#include "base/defs.h"

/* The member's name and value. */
#define QUOTED_MEMBER "notice"
extern const char quoted_notice[];

/* The output marked; the caller frees it. NULL: no memory. */
MUST_USE char *quoted_mark(const char *output);
