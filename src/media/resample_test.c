#include "media/resample.h"

#include <errno.h>
#include <math.h>

#include "base/test.h"

static const unsigned rates[] = { 8000, 16000, 24000, 48000 };

enum { SECOND_MAX = 48000 };

static void tone(int16_t *pcm, size_t n, unsigned rate, double hz)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = (int16_t)lrint(10000 * sin(2 * M_PI * hz * (double)i / rate));
}

/* A 1 kHz tone keeps its place in time: sample k of the output is the tone at k / to. */
static void a_tone_stays_where_it_was(void)
{
	AUTO(mem) int16_t *in = mem_calloc(SECOND_MAX, 2), *out = mem_calloc(SECOND_MAX * 2, 2);
	AUTO(mem) int16_t *want = mem_calloc(SECOND_MAX * 2, 2);

	CHECK(in && out && want);
	for (size_t a = 0; a < ARRAY_LEN(rates); a++)
		for (size_t b = 0; b < ARRAY_LEN(rates); b++) {
			AUTO(resample) struct resample *r = NULL;
			size_t n = 0;

			CHECK_EQ(resample_new(&r, rates[a], rates[b]), 0);
			tone(in, rates[a], rates[a], 1000);
			tone(want, rates[b], rates[b], 1000);
			/* pieces of odd sizes */
			for (size_t at = 0, k = 1; at < rates[a]; k = k * 7 % 1009) {
				size_t piece = MIN(k, rates[a] - at);
				size_t got = resample_push(r, in + at, piece, out + n);

				CHECK(got <= resample_bound(r, piece));
				at += piece;
				n += got;
			}
			CHECK(n <= rates[b] && n + resample_latency(r) + 8 >= rates[b]);
			double err = 0;
			for (size_t i = 400; i < n; i++)
				err += pow(out[i] - want[i], 2) / (double)(n - 400);
			CHECK(sqrt(err) < 150); /* of 10000: -33 dB below the tone */
			n += resample_flush(r, out + n);
			CHECK(n + 4 >= rates[b] && n <= rates[b] + 4);
		}
}

static void what_does_not_fit_the_band_is_gone(void)
{
	AUTO(resample) struct resample *r = NULL;
	AUTO(mem) int16_t *in = mem_calloc(SECOND_MAX, 2), *out = mem_calloc(SECOND_MAX, 2);
	double e = 0;

	CHECK(in && out);
	CHECK_EQ(resample_new(&r, 48000, 16000), 0);
	tone(in, 48000, 48000, 11000);
	size_t n = resample_push(r, in, 48000, out);
	for (size_t i = 200; i < n; i++)
		e += pow(out[i], 2) / (double)(n - 200);
	CHECK(sqrt(e) < 30); /* -47 dB and better */
}

static void latency_is_small(void)
{
	for (size_t a = 0; a < ARRAY_LEN(rates); a++)
		for (size_t b = 0; b < ARRAY_LEN(rates); b++) {
			AUTO(resample) struct resample *r = NULL;

			CHECK_EQ(resample_new(&r, rates[a], rates[b]), 0);
			CHECK(resample_latency(r) * 1000 <= 5u * rates[b]); /* 5 ms */
		}
}

static void other_rates(void)
{
	struct resample *r = NULL;

	CHECK_EQ(resample_new(&r, 200000, 16000), -EINVAL);
	CHECK_EQ(resample_new(&r, 16000, 0), -EINVAL);
	resample_free(NULL);
}

TESTS({ "a_tone_stays_where_it_was", a_tone_stays_where_it_was },
      { "what_does_not_fit_the_band_is_gone", what_does_not_fit_the_band_is_gone },
      { "latency_is_small", latency_is_small }, { "other_rates", other_rates })
