/* endpoint.h - from probabilities of speech to beginnings and ends of turns.
 *
 * Counts samples at VAD_RATE_HZ from the first frame on, never wall time: the
 * positions it tells are the API's audio_start_ms and audio_end_ms times 16. Sans-I/O.
 *
 *   START          speech_ms of speech have gathered (frames against it take away as
 *                  much as frames for it give, so clicks and bumps do not add up);
 *                  `at` is where the first of it began, less the padding, not before
 *                  the end of the turn before.
 *   CANDIDATE_END  candidate_ms without speech: a good moment to prepare an answer.
 *   RESUMED        … which was not the end: the talker went on.
 *   END            silence_ms without speech; `at` is now, silence included (as the
 *                  API has it), `speech_end` is where the last word ended.
 *
 * Speech ends below a lower threshold than it begins at, and one frame alone does not
 * interrupt a silence: 40 ms do.
 */
#pragma once

#include "base/defs.h"

struct endpoint_params {
	float threshold;     /* 0..1                       */
	unsigned prefix_ms;  /* prefix_padding_ms          */
	unsigned speech_ms;  /* until START; at least 20   */
	unsigned candidate_ms; /* 0, or >= silence_ms: no CANDIDATE_END */
	unsigned silence_ms; /* silence_duration_ms; at least 20 */
};

/* The API's defaults, and ours where it has none. */
#define ENDPOINT_DEFAULTS                                                                          \
	((struct endpoint_params){ .threshold = 0.5f,                                              \
				   .prefix_ms = 300,                                               \
				   .speech_ms = 100,                                               \
				   .candidate_ms = 200,                                            \
				   .silence_ms = 500 })

enum endpoint_kind {
	ENDPOINT_NONE,
	ENDPOINT_START,
	ENDPOINT_CANDIDATE_END,
	ENDPOINT_RESUMED,
	ENDPOINT_END,
};

struct endpoint_event {
	enum endpoint_kind kind;
	uint64_t at;         /* samples */
	uint64_t speech_end; /* samples; of CANDIDATE_END and END */
};

/* Plain data: zero it, then endpoint_init(). */
struct endpoint {
	struct endpoint_params p;
	uint64_t pos;        /* of the next frame               */
	bool speaking, candidate;
	unsigned score_ms;   /* gathered towards START          */
	uint64_t onset;      /* of what is gathered             */
	unsigned again_ms;   /* gathered towards RESUMED        */
	uint64_t speech_end; /* of the last frame of speech     */
	uint64_t turn_end;   /* at of the last END              */
};

void endpoint_init(struct endpoint *e, const struct endpoint_params *p);
/* While it runs: takes effect with the next frame (session.update). */
void endpoint_configure(struct endpoint *e, const struct endpoint_params *p);
/* One frame of 20 ms that has this probability. */
MUST_USE struct endpoint_event endpoint_push(struct endpoint *e, float probability); /* RT */
/* End the turn by hand (input_audio_buffer.commit, clear): as if END had been told. */
void endpoint_stop(struct endpoint *e);
