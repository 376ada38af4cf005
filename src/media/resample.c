#include "media/resample.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <speex/speex_resampler.h>

#include "base/alloc.h"

/* Of speexdsp's 0..10. At 4, aliases stay below -47 dB (resample_test.c) and at most 4 ms are
 * held back. */
enum { QUALITY = 4 };

struct resample {
	unsigned from_hz, to_hz;
	size_t latency_in, latency_out;
	SpeexResamplerState *speex; /* NULL: equal rates */
};

static bool rate_ok(unsigned hz)
{
	return hz >= RESAMPLE_MIN_HZ && hz <= RESAMPLE_MAX_HZ;
}

int resample_new(struct resample **out, unsigned from_hz, unsigned to_hz)
{
	int err = 0;

	if (!rate_ok(from_hz) || !rate_ok(to_hz))
		return -EINVAL;

	struct resample *r = mem_zalloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->from_hz = from_hz;
	r->to_hz = to_hz;
	if (from_hz != to_hz) {
		r->speex = speex_resampler_init(1, from_hz, to_hz, QUALITY, &err);
		if (!r->speex) {
			mem_free(r);
			return -ENOMEM;
		}
		r->latency_in = (size_t)speex_resampler_get_input_latency(r->speex);
		r->latency_out = (size_t)speex_resampler_get_output_latency(r->speex);
		speex_resampler_skip_zeros(r->speex);
	}
	*out = r;
	return 0;
}

void resample_free(struct resample *r)
{
	if (!r)
		return;
	if (r->speex)
		speex_resampler_destroy(r->speex);
	mem_free(r);
}

size_t resample_bound(const struct resample *r, size_t n)
{
	if (!r->speex)
		return n;
	return ((n + r->latency_in) * r->to_hz + r->from_hz - 1) / r->from_hz + 1;
}

size_t resample_push(struct resample *r, const int16_t *pcm, size_t n, int16_t *out)
{
	size_t done = 0, bound = resample_bound(r, n);

	if (!r->speex) {
		if (n)
			memcpy(out, pcm, n * sizeof(*pcm));
		return n;
	}
	while (n) {
		spx_uint32_t in = (spx_uint32_t)MIN(n, UINT32_MAX);
		spx_uint32_t got = (spx_uint32_t)MIN(bound - done, UINT32_MAX);

		int err = speex_resampler_process_int(r->speex, 0, pcm, &in, out + done, &got);
		assert(err == RESAMPLER_ERR_SUCCESS && (in || got));
		pcm += in;
		n -= in;
		done += got;
	}
	return done;
}

size_t resample_flush(struct resample *r, int16_t *out)
{
	static const int16_t zeros[64];
	size_t done = 0;

	for (size_t left = r->latency_in; left;) {
		size_t n = MIN(left, ARRAY_LEN(zeros));

		done += resample_push(r, zeros, n, out + done);
		left -= n;
	}
	resample_reset(r);
	return done;
}

void resample_reset(struct resample *r)
{
	if (!r->speex)
		return;
	speex_resampler_reset_mem(r->speex);
	speex_resampler_skip_zeros(r->speex);
}

size_t resample_latency(const struct resample *r)
{
	return r->latency_out;
}
