#include "session/rate.h"

#include <errno.h>

#include "media/resample.h"

void rate_done(struct rate *r)
{
	resample_free(r->r);
	*r = (struct rate){ 0 };
}

static int prepare(struct rate *r, unsigned in_hz, unsigned out_hz)
{
	if (r->r && r->in_hz == in_hz && r->out_hz == out_hz)
		return 0;
	rate_done(r);
	r->in_hz = in_hz;
	r->out_hz = out_hz;
	return resample_new(&r->r, in_hz, out_hz);
}

int rate_convert(struct rate *r, unsigned in_hz, unsigned out_hz, const int16_t *pcm, size_t n,
		 struct pcm *to)
{
	int err = in_hz == out_hz ? 0 : prepare(r, in_hz, out_hz);

	if (err)
		return err;
	if (in_hz == out_hz)
		return pcm_put(to, pcm, n);
	int16_t *out = pcm_reserve(to, resample_bound(r->r, n));
	if (!out)
		return -ENOMEM;
	to->n += resample_push(r->r, pcm, n, out);
	return 0;
}

int rate_flush(struct rate *r, struct pcm *to)
{
	if (!r->r)
		return 0;
	int16_t *out = pcm_reserve(to, resample_bound(r->r, 0));
	if (!out)
		return -ENOMEM;
	to->n += resample_flush(r->r, out);
	return 0;
}
