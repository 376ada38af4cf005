/* chain_llm.h - several language models as one: the first that is well answers.
 *
 * One that fails before it has said anything, or says nothing within its limit, is left for the next;
 * it rests (service/health.h) and is not asked meanwhile, unless all of them rest. What fails after its
 * first word fails: the answer cannot be begun anew. Codes: "content_filter" is the request's, and
 * final; "engine_refused" is the request's, but the next may take it; others are the service's.
 */
#pragma once

#include "service/health.h"
#include "engine/ops.h"

struct chain_llm_part {
	const char *name; /* for logs and metrics; borrowed */
	const struct llm_ops *ops;
	struct llm *llm;
	unsigned first_ms; /* to its first word or call; 0: no limit. Not for the last one */
	struct health *health; /* borrowed; of this service alone */
	/* As health_failed(); NULL: it never says. */
	uint64_t (*rest_ms)(struct llm *llm);
	const struct price *price; /* told with its usage; NULL: it costs nothing */
	/* Told with its usage, and counted on: failures that another made good, and requests, but for the
	 * first one's, which the session counts. Or NULL. */
	struct meter *meter;
};

/* Takes the engines, in the order they are tried; on failure they stay the caller's. -EINVAL: none, or
 * more than CHAIN_MAX (chain.h). */
MUST_USE int chain_llm_new(struct llm **out, const struct chain_llm_part *parts, size_t n);

extern const struct llm_ops chain_llm_ops;
