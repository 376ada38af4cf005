#include "media/codec_opus.h"

#include <errno.h>
#include <math.h>

#include "base/test.h"

enum { N = 320, PACKETS = 50 }; /* 20 ms at 16 kHz */

static const struct codec_opus_params at_16k = { .rate_hz = 16000 };

/* A vowel of sorts: 140 Hz and its harmonics, swelling and fading. */
static void vowel(int16_t *pcm, size_t n, size_t from)
{
	for (size_t i = 0; i < n; i++) {
		double t = (double)(from + i) / 16000, s = 0;

		for (int h = 1; h < 12; h++)
			s += sin(2 * M_PI * 140 * h * t) / h;
		pcm[i] = (int16_t)(6000 * s * (0.6 + 0.4 * sin(2 * M_PI * 3 * t)));
	}
}

static double energy(const int16_t *pcm, size_t n)
{
	double e = 0;

	for (size_t i = 0; i < n; i++)
		e += (double)pcm[i] * pcm[i];
	return e / (double)n;
}

static void what_goes_in_comes_out(void)
{
	AUTO(codec_opus_encoder) struct codec_opus_encoder *e = NULL;
	AUTO(codec_opus_decoder) struct codec_opus_decoder *d = NULL;
	int16_t in[N], out[N * 6];
	double ein = 0, eout = 0;
	size_t octets = 0;

	CHECK_EQ(codec_opus_encoder_new(&e, &at_16k), 0);
	CHECK_EQ(codec_opus_decoder_new(&d, 16000), 0);
	CHECK(codec_opus_encoder_delay(e) > 0 && codec_opus_encoder_delay(e) < 200);
	for (size_t k = 0; k < PACKETS; k++) {
		uint8_t p[1500];
		size_t n = 0;

		vowel(in, N, k * N);
		size_t len = codec_opus_encode(e, in, N, p, sizeof(p));
		octets += len;
		CHECK_EQ(codec_opus_samples(bytes_of(p, len), 48000), 960);
		CHECK_EQ(codec_opus_decode(d, bytes_of(p, len), out, &n), CODEC_OPUS_OK);
		CHECK_EQ(n, N);
		ein += energy(in, N);
		eout += energy(out, N);
	}
	CHECK(eout > 0.7 * ein && eout < 1.4 * ein);
	CHECK(octets > 1500 && octets < 6000); /* a second at 24 kbit/s: about 3000 */
	codec_opus_encoder_reset(e);
}

/* Every 5th packet is lost and rebuilt: mean error against a decoder that lost nothing. */
static double error_after_loss(bool fec)
{
	AUTO(codec_opus_encoder) struct codec_opus_encoder *e = NULL;
	AUTO(codec_opus_decoder) struct codec_opus_decoder *d = NULL, *whole = NULL;
	int16_t in[N], out[N * 6], want[N * 6], lost[N];
	double err = 0;
	uint8_t p[1500];

	if (codec_opus_encoder_new(&e, &at_16k) || codec_opus_decoder_new(&d, 16000) ||
	    codec_opus_decoder_new(&whole, 16000))
		return -1;
	codec_opus_encoder_loss(e, 64);
	for (size_t k = 0; k < 200; k++) {
		size_t n = 0;

		/* the pitch jumps each 60 ms, so that guessing is hard */
		vowel(in, N, k * N * (1 + k / 3 % 4));
		struct bytes packet = bytes_of(p, codec_opus_encode(e, in, N, p, sizeof(p)));
		if (codec_opus_decode(whole, packet, want, &n) != CODEC_OPUS_OK)
			return -1;
		if (k % 5 == 3) {
			memcpy(lost, want, sizeof(lost));
			continue;
		}
		if (k % 5 == 4) {
			if (!fec)
				codec_opus_conceal(d, out, N);
			else if (codec_opus_decode_fec(d, packet, out, N) != CODEC_OPUS_OK)
				return -1;
			for (size_t i = 0; i < N; i++)
				err += fabs((double)out[i] - lost[i]) / N;
		}
		if (codec_opus_decode(d, packet, out, &n) != CODEC_OPUS_OK)
			return -1;
	}
	return err;
}

static void redundancy_beats_guessing(void)
{
	double with = error_after_loss(true), without = error_after_loss(false);

	CHECK(with >= 0 && without >= 0);
	CHECK(with < without);
}

static void concealment_fades(void)
{
	AUTO(codec_opus_encoder) struct codec_opus_encoder *e = NULL;
	AUTO(codec_opus_decoder) struct codec_opus_decoder *d = NULL;
	int16_t pcm[N * 6];
	uint8_t p[1500];
	size_t n = 0;

	CHECK_EQ(codec_opus_encoder_new(&e, &at_16k), 0);
	CHECK_EQ(codec_opus_decoder_new(&d, 16000), 0);
	codec_opus_conceal(d, pcm, N); /* no past: silence */
	CHECK(energy(pcm, N) < 1);
	for (size_t k = 0; k < 10; k++) {
		vowel(pcm, N, k * N);
		size_t len = codec_opus_encode(e, pcm, N, p, sizeof(p));
		CHECK_EQ(codec_opus_decode(d, bytes_of(p, len), pcm, &n), CODEC_OPUS_OK);
	}
	codec_opus_conceal(d, pcm, N);
	double first = energy(pcm, N);
	CHECK(first > 10000);
	for (int k = 0; k < 10; k++)
		codec_opus_conceal(d, pcm, N * 6);
	CHECK(energy(pcm, N) < first / 10);
}

static void durations_from_the_table_of_contents(void)
{
	static const struct {
		uint8_t p[3];
		size_t n, samples;
	} rows[] = {
		{ { 0xe0, 0 }, 2, 120 },       /* CELT 2.5 ms                       */
		{ { 0x08, 0 }, 2, 960 },       /* SILK 20 ms                        */
		{ { 0x18, 0 }, 2, 2880 },      /* SILK 60 ms                        */
		{ { 0x19, 0, 0 }, 3, 5760 },   /* two of them                       */
		{ { 0x1b, 3, 0 }, 3, 0 },      /* three: 180 ms are too many        */
		{ { 0x0b, 0, 0 }, 3, 0 },      /* a code 3 packet with no frame     */
		{ { 0x0b }, 1, 0 },            /* its count is missing              */
		{ { 0 }, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_EQ(codec_opus_samples(bytes_of(rows[i].p, rows[i].n), 48000),
			 rows[i].samples);
}

static void refuses_what_is_not_opus(void)
{
	AUTO(codec_opus_decoder) struct codec_opus_decoder *d = NULL;
	static const uint8_t odd[] = { 0x09, 1, 2, 3, 4, 5 };      /* two of 2.5 octets */
	static const uint8_t over[] = { 0x0a, 200, 1, 2, 3 };      /* first frame too long */
	int16_t pcm[N * 6];
	size_t n = 77;

	CHECK_EQ(codec_opus_decoder_new(&d, 16000), 0);
	CHECK_EQ(codec_opus_decode(d, bytes_of(odd, 6), pcm, &n), CODEC_OPUS_CORRUPT);
	CHECK_EQ(codec_opus_decode(d, bytes_of(over, 5), pcm, &n), CODEC_OPUS_CORRUPT);
	CHECK_EQ(codec_opus_decode(d, bytes_of(over, 0), pcm, &n), CODEC_OPUS_CORRUPT);
	CHECK_EQ(codec_opus_decode_fec(d, bytes_of(over, 5), pcm, N), CODEC_OPUS_CORRUPT);
	CHECK_EQ(n, 77);
}

static void other_rates(void)
{
	AUTO(codec_opus_encoder) struct codec_opus_encoder *e = NULL;
	AUTO(codec_opus_decoder) struct codec_opus_decoder *d = NULL;
	struct codec_opus_params p = { .rate_hz = 44100 };

	CHECK_EQ(codec_opus_encoder_new(&e, &p), -EINVAL);
	CHECK(codec_opus_decoder_new(&d, 44100) != 0);
	CHECK(!d);
	p.rate_hz = 24000, p.complexity = 1, p.bitrate = 32000;
	CHECK_EQ(codec_opus_encoder_new(&e, &p), 0);
	codec_opus_encoder_set_complexity(e, 0);
	CHECK_EQ(codec_opus_decoder_new(&d, 48000), 0);

	int16_t in[480] = { 0 }, out[5760];
	uint8_t to[256];
	size_t n = 0, len = codec_opus_encode(e, in, 480, to, sizeof(to));
	CHECK_EQ(codec_opus_decode(d, bytes_of(to, len), out, &n), CODEC_OPUS_OK);
	CHECK_EQ(n, 960);
}

TESTS({ "what_goes_in_comes_out", what_goes_in_comes_out },
      { "redundancy_beats_guessing", redundancy_beats_guessing },
      { "concealment_fades", concealment_fades },
      { "durations_from_the_table_of_contents", durations_from_the_table_of_contents },
      { "refuses_what_is_not_opus", refuses_what_is_not_opus },
      { "other_rates", other_rates })
