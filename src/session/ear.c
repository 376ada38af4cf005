#include "session/ear.h"

#include "base/alloc.h"
#include "media/endpoint.h"
#include "media/vad.h"

/* It takes less to begin a turn in silence than to interrupt somebody. */
enum { SPEECH_MS = 100, INTERRUPT_MS = 200 };

struct ear {
	struct vad *vad;
	struct endpoint endpoint;
	struct endpoint_params params;
};

/* An answer is prepared this long into a silence, unless the turn ends too soon for that. */
static unsigned candidate_ms(unsigned silence_ms)
{
	return silence_ms >= 300 ? 200 : silence_ms > 160 ? silence_ms - 80 : 0;
}

static struct endpoint_params params_of(const struct settings *set)
{
	return (struct endpoint_params){
		.threshold = (float)set->threshold,
		.prefix_ms = set->prefix_ms,
		.speech_ms = SPEECH_MS,
		.candidate_ms = candidate_ms(set->silence_ms),
		.silence_ms = MAX(set->silence_ms, 20u),
	};
}

struct ear *ear_new(const struct settings *set)
{
	struct ear *e = mem_zalloc(sizeof(*e));

	if (!e)
		return NULL;
	e->vad = vad_new();
	if (!e->vad) {
		mem_free(e);
		return NULL;
	}
	e->params = params_of(set);
	endpoint_init(&e->endpoint, &e->params);
	return e;
}

void ear_free(struct ear *e)
{
	if (!e)
		return;
	vad_free(e->vad);
	mem_free(e);
}

void ear_configure(struct ear *e, const struct settings *set)
{
	e->params = params_of(set);
	endpoint_configure(&e->endpoint, &e->params);
}

void ear_reset(struct ear *e)
{
	endpoint_stop(&e->endpoint);
}

static const enum ear_news news[] = {
	[ENDPOINT_NONE] = EAR_NOTHING,
	[ENDPOINT_START] = EAR_STARTED,
	[ENDPOINT_CANDIDATE_END] = EAR_CANDIDATE,
	[ENDPOINT_RESUMED] = EAR_RESUMED,
	[ENDPOINT_END] = EAR_ENDED,
};

enum ear_news ear_push(struct ear *e, const int16_t pcm[EAR_FRAME], uint64_t end, bool over_talk,
		       uint64_t *at)
{
	unsigned speech_ms = over_talk ? INTERRUPT_MS : SPEECH_MS;

	if (e->params.speech_ms != speech_ms) {
		e->params.speech_ms = speech_ms;
		endpoint_configure(&e->endpoint, &e->params);
	}
	struct endpoint_event ev = endpoint_push(&e->endpoint, vad_push(e->vad, pcm));
	/* The endpoint counts frames; a cleared buffer may have taken part of one away. */
	uint64_t skipped = end - e->endpoint.pos;
	*at = (ev.kind == ENDPOINT_START ? ev.at : ev.speech_end) + skipped;
	return news[ev.kind];
}
