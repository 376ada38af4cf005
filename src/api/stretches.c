#include "api/stretches.h"

#include <errno.h>

#include "media/endpoint.h"
#include "media/vad.h"

enum { AFTER = VAD_RATE_HZ / 5 /* kept behind the last word */ };

struct cutting {
	struct buf *out;
	size_t n; /* samples of all */
	bool open;
	size_t from;
};

static void close_at(struct cutting *c, size_t to)
{
	struct stretch s = { c->from, 0 };

	to = MIN(to, c->n);
	s.n = to > c->from ? to - c->from : 0;
	if (c->open && s.n)
		buf_put(c->out, &s, sizeof(s));
	c->open = false;
}

static void on_event(struct cutting *c, const struct endpoint_event *e, size_t pos)
{
	switch (e->kind) {
	case ENDPOINT_START:
		c->open = true;
		c->from = (size_t)e->at;
		break;
	case ENDPOINT_END:
		close_at(c, (size_t)e->speech_end + AFTER);
		break;
	case ENDPOINT_CANDIDATE_END:
		if (!c->open || pos - c->from < STRETCH_S * VAD_RATE_HZ)
			break;
		close_at(c, pos);
		c->open = true;
		c->from = pos;
		break;
	case ENDPOINT_RESUMED:
	case ENDPOINT_NONE:
		break;
	}
	if (c->open && pos - c->from >= STRETCH_MAX_S * VAD_RATE_HZ) {
		close_at(c, pos);
		c->open = true;
		c->from = pos;
	}
}

int stretches_find(const int16_t *pcm, size_t n, struct buf *out)
{
	AUTO(vad) struct vad *v = vad_new();
	struct endpoint_params p = ENDPOINT_DEFAULTS;
	struct endpoint e = { .pos = 0 };
	struct cutting c = { .out = out, .n = n };

	if (!v)
		return -ENOMEM;
	endpoint_init(&e, &p);
	for (size_t at = 0; at < n; at += VAD_N) {
		int16_t frame[VAD_N] = { 0 };

		memcpy(frame, pcm + at, MIN(n - at, (size_t)VAD_N) * sizeof(*pcm));
		struct endpoint_event event = endpoint_push(&e, vad_push(v, frame));
		on_event(&c, &event, at + VAD_N);
	}
	close_at(&c, n);
	return out->failed ? -ENOMEM : 0;
}
