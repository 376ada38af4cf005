#include "media/endpoint.h"

#include "media/frame.h"

enum {
	RATE_PER_MS = 16,
	FRAME_N = FRAME_MS * RATE_PER_MS,
	AGAIN_MS = 40, /* of speech end a silence */
};

/* How far below the threshold speech still goes on. */
#define HYSTERESIS 0.15f

void endpoint_init(struct endpoint *e, const struct endpoint_params *p)
{
	*e = (struct endpoint){ 0 };
	endpoint_configure(e, p);
}

void endpoint_configure(struct endpoint *e, const struct endpoint_params *p)
{
	e->p = *p;
	e->p.speech_ms = MAX(p->speech_ms, FRAME_MS);
	e->p.silence_ms = MAX(p->silence_ms, FRAME_MS);
}

void endpoint_stop(struct endpoint *e)
{
	e->speaking = e->candidate = false;
	e->score_ms = e->again_ms = 0;
	e->turn_end = e->pos;
}

static struct endpoint_event while_silent(struct endpoint *e, bool speech, uint64_t from)
{
	if (!speech) {
		e->score_ms -= MIN(e->score_ms, FRAME_MS);
		return (struct endpoint_event){ 0 };
	}
	if (e->score_ms == 0)
		e->onset = from;
	e->score_ms += FRAME_MS;
	e->speech_end = e->pos;
	if (e->score_ms < e->p.speech_ms)
		return (struct endpoint_event){ 0 };

	uint64_t prefix = (uint64_t)e->p.prefix_ms * RATE_PER_MS;
	uint64_t at = e->onset > prefix ? e->onset - prefix : 0;
	e->speaking = true;
	e->score_ms = e->again_ms = 0;
	return (struct endpoint_event){ ENDPOINT_START, MAX(at, e->turn_end), 0 };
}

static struct endpoint_event while_speaking(struct endpoint *e, float p, uint64_t from)
{
	bool silent = e->speech_end < from; /* the frame before this one was no speech */

	e->again_ms = p >= e->p.threshold ? e->again_ms + FRAME_MS : 0;
	if (silent ? e->again_ms >= AGAIN_MS : p >= e->p.threshold - HYSTERESIS) {
		bool resumed = e->candidate;

		e->speech_end = e->pos;
		e->candidate = false;
		return (struct endpoint_event){ resumed ? ENDPOINT_RESUMED : ENDPOINT_NONE, e->pos,
						0 };
	}

	uint64_t silence_ms = (e->pos - e->speech_end) / RATE_PER_MS;
	if (silence_ms >= e->p.silence_ms) {
		endpoint_stop(e);
		return (struct endpoint_event){ ENDPOINT_END, e->pos, e->speech_end };
	}
	if (!e->candidate && e->p.candidate_ms && silence_ms >= e->p.candidate_ms) {
		e->candidate = true;
		return (struct endpoint_event){ ENDPOINT_CANDIDATE_END, e->pos, e->speech_end };
	}
	return (struct endpoint_event){ 0 };
}

struct endpoint_event endpoint_push(struct endpoint *e, float probability)
{
	uint64_t from = e->pos;

	e->pos += FRAME_N;
	return e->speaking ? while_speaking(e, probability, from)
			   : while_silent(e, probability >= e->p.threshold, from);
}
