/* chain_stt.h - several recognisers as one: the first that is well hears, the next one where it fails.
 *
 * A turn's audio is kept (CHAIN_STT_S at most; room() says how much still goes in) and given to the next
 * one from its beginning when one fails in the middle, as fast as that one takes it. One that owes its
 * final words for CHAIN_STT_LATE_US after the end has failed, as long as there is another one; one that
 * is busy (-EAGAIN) is passed over, and asked again when the others have failed.
 */
#pragma once

#include "service/health.h"
#include "engine/ops.h"

enum { CHAIN_STT_S = 120, CHAIN_STT_LATE_US = 8000000 };

struct chain_stt_member {
	const struct stt_ops *ops;
	struct stt *stt;                            /* taken: freed with the chain */
	struct health *health;                      /* borrowed; of this service alone */
	uint64_t (*rest_ms)(struct stt *e);         /* as health_failed(); NULL: it never says */
};

/* *ops lives as long as the chain; its caps are those that all members have, and STT_PARTIALS if any
 * has them. 1..CHAIN_MAX members; on failure they are still the caller's. */
MUST_USE int chain_stt_new(struct stt **out, const struct stt_ops **ops, const struct chain_stt_member *m, size_t n);
/* Whose work member i's is: starts, failures and those who take over are counted there. Before the
 * first one begins. */
void chain_stt_bill(struct stt *e, size_t i, struct bill bill);
