/* replay.h - a recorded session, once more, without engines, legs or a clock.
 *
 * What engines said and what surroundings answered comes from the record. The events
 * are the same, octet for octet, as long as the program is: a difference is a bug, or
 * shows what a change of the program changed.
 */
#pragma once

#include "session/session.h"

enum replay_verdict {
	REPLAY_OK,
	REPLAY_MALFORMED, /* not a record, or not of this version     */
	REPLAY_DIVERGED,  /* the session asked for something that was not asked then */
	REPLAY_NO_MEMORY,
};

struct replay_sink {
	void *ctx;
	void (*on_event)(void *ctx, unsigned leg, struct bytes json);
	/* Audio for a paced leg; may be NULL. */
	void (*on_audio)(void *ctx, unsigned leg, const int16_t *pcm, size_t n);
};

MUST_USE enum replay_verdict replay(struct bytes record, const struct replay_sink *to);
