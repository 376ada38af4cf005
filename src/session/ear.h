/* ear.h - voice activity and end of turn for one stream: media/vad and media/endpoint
 * with a session's settings. */
#pragma once

#include "media/frame.h"
#include "session/config.h"

enum { EAR_FRAME = STT_RATE_HZ * FRAME_MS / 1000 };

struct ear;

enum ear_news {
	EAR_NOTHING,
	EAR_STARTED,   /* somebody speaks, since `at` less the padding */
	EAR_CANDIDATE, /* perhaps the end; last speech at `at`     */
	EAR_RESUMED,   /* it was not                               */
	EAR_ENDED,     /* the end of the turn; last speech at `at` */
};

MUST_USE struct ear *ear_new(const struct settings *set); /* NULL: no memory */
void ear_free(struct ear *e);
AUTO_DEF(ear)
void ear_configure(struct ear *e, const struct settings *set);
/* Forget the turn, not what the room sounds like. */
void ear_reset(struct ear *e);
/* `over_talk`: the assistant is speaking, so it takes more to be sure. `end` is the position
 * after the frame; *at is a position, too. RT */
enum ear_news ear_push(struct ear *e, const int16_t pcm[EAR_FRAME], uint64_t end, bool over_talk,
		       uint64_t *at);
