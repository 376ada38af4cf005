/* chain_tts.h - several voices as one: the first that is well speaks, the next one where it fails.
 *
 * A clause whose voice fails is spoken anew by the next one; what has been delivered of it, by time, is
 * left out. The chain has the rate and the voices of its first member; others are resampled. A member
 * that gives no sound for CHAIN_TTS_FIRST_US has failed, as long as there is another one.
 */
#pragma once

#include "service/health.h"
#include "engine/ops.h"

enum { CHAIN_TTS_FIRST_US = 5000000 };

struct chain_tts_member {
	const struct tts_ops *ops;
	struct tts *tts;                            /* taken: freed with the chain */
	struct health *health;                      /* borrowed; of this service alone */
	uint64_t (*rest_ms)(struct tts *e);         /* as health_failed(); NULL: it never says */
};

/* *ops lives as long as the chain. 1..CHAIN_MAX members; on failure they are still the caller's. */
MUST_USE int chain_tts_new(struct tts **out, const struct tts_ops **ops, const struct chain_tts_member *m, size_t n);
/* Whose work member i's is: starts, failures and those who take over are counted there. Before the
 * first one begins. */
void chain_tts_bill(struct tts *e, size_t i, struct bill bill);
