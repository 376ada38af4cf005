/* replay_realtime.h - replay.c's realtime service: what it was told does not matter, what it said is
 * in the record. */
#pragma once

#include "session/session.h"

struct replay_realtime {
	const struct realtime_sink *sink; /* seen when the session opens a link */
	uint64_t (*answer)(void *ctx);    /* the next REC_START                 */
	void *ctx;
};

extern const struct realtime_ops replay_realtime_ops; /* of a struct replay_realtime */

/* A recorded sink call. false: malformed. */
MUST_USE bool replay_realtime_give(const struct replay_realtime *p, struct session *s, unsigned fn,
				   uint64_t link, struct bytes a, struct bytes b);
