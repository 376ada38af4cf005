/* media.c - what each stage of the media path costs, in ns per 20 ms frame.
 *
 * Input is a seeded imitation of a voice; each row is the best of five runs.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "media/codec_opus.h"
#include "media/g711.h"
#include "media/jbuf.h"
#include "media/pace.h"
#include "media/resample.h"
#include "media/vad.h"
#include "rtc/rtp.h"

enum { FRAMES = 500, RUNS = 5 };

static int16_t voice[FRAMES * FRAME_MAX]; /* read at any rate */
static uint8_t packets[FRAMES][400];
static size_t lengths[FRAMES];
static volatile unsigned sink;

static void make_voice(void)
{
	uint32_t dice = 1;

	for (size_t i = 0; i < FRAMES * FRAME_MAX; i++) {
		double t = (double)i / 16000, s = 0;

		for (int h = 1; h < 20; h++)
			s += sin(2 * M_PI * h * (130 * t + 3 * sin(4 * t))) / h;
		dice = dice * 1664525 + 1013904223;
		s *= 0.5 + 0.5 * sin(2 * M_PI * 4 * t);
		voice[i] = (int16_t)(4000 * s + (int32_t)dice / 2147483648.0 * 100);
	}
}

/* An encoder before the clock: the stages below want packets. */
static struct codec_opus_encoder *encoder(unsigned rate_hz, int complexity)
{
	struct codec_opus_encoder *e = NULL;
	struct codec_opus_params p = { .rate_hz = rate_hz };

	if (codec_opus_encoder_new(&e, &p))
		exit(1);
	codec_opus_encoder_set_complexity(e, complexity);
	return e;
}

static void encode_all(unsigned rate_hz, int complexity)
{
	struct codec_opus_encoder *e = encoder(rate_hz, complexity);
	size_t n = rate_hz / 50;

	for (size_t i = 0; i < FRAMES; i++)
		lengths[i] = codec_opus_encode(e, voice + i * n, n, packets[i], sizeof(packets[i]));
	codec_opus_encoder_free(e);
}

static void encode_48_cx0(void)
{
	encode_all(48000, 0);
}

static void encode_48_cx5(void)
{
	encode_all(48000, 5);
}

static void encode_24_cx5(void)
{
	encode_all(24000, 5);
}

static void encode_16_cx5(void)
{
	encode_all(16000, 5);
}

static void decode_all(unsigned rate_hz)
{
	static int16_t pcm[5760];
	struct codec_opus_decoder *d = NULL;

	if (codec_opus_decoder_new(&d, rate_hz))
		exit(1);
	for (size_t i = 0; i < FRAMES; i++) {
		size_t n = 0;

		if (codec_opus_decode(d, bytes_of(packets[i], lengths[i]), pcm, &n))
			exit(1);
		sink += n;
	}
	codec_opus_decoder_free(d);
}

static void decode_16(void)
{
	decode_all(16000);
}

static void decode_48(void)
{
	decode_all(48000);
}

static void resample_all(unsigned from, unsigned to)
{
	static int16_t out[2048];
	struct resample *r = NULL;
	size_t n = from / 50;

	if (resample_new(&r, from, to))
		exit(1);
	for (size_t i = 0; i < FRAMES; i++)
		sink += resample_push(r, voice + i * n, n, out);
	resample_free(r);
}

static void resample_16_24(void)
{
	resample_all(16000, 24000);
}

static void resample_24_16(void)
{
	resample_all(24000, 16000);
}

static void resample_16_48(void)
{
	resample_all(16000, 48000);
}

static void resample_8_16(void)
{
	resample_all(8000, 16000);
}

static void ulaw_both(void)
{
	uint8_t c[160];
	int16_t pcm[160];

	for (size_t i = 0; i < FRAMES; i++) {
		g711_encode(G711_ULAW, voice + i * 160, 160, c);
		g711_decode(G711_ULAW, c, 160, pcm);
		sink += pcm[7];
	}
}

static void vad_all(void)
{
	struct vad *v = vad_new();

	for (size_t i = 0; i < FRAMES; i++)
		sink += vad_push(v, voice + i * VAD_N) > 0.5f;
	vad_free(v);
}

static void jbuf_all(void)
{
	struct jbuf *j = jbuf_new(48000);

	for (unsigned i = 0; i < FRAMES; i++) {
		struct jbuf_packet p = { 1, (uint16_t)i, i * 960, 960,
					 bytes_of(packets[i], lengths[i]) };
		struct jbuf_out o;

		sink += jbuf_put(j, &p, i * 20000);
		do
			jbuf_get(j, i * 20000, &o);
		while (o.kind != JBUF_WAIT);
	}
	jbuf_free(j);
}

static void pace_all(void)
{
	struct pace *p = NULL;
	struct pace_frame f;

	if (pace_new(&p, 24000, 0) || pace_push(p, 1, voice, FRAMES * 480))
		exit(1);
	for (uint64_t i = 0; i < FRAMES; i++)
		sink += pace_pull(p, 1000000 + i * 20000, &f);
	pace_free(p);
}

static void rtp_both(void)
{
	for (unsigned i = 0; i < FRAMES; i++) {
		static const uint8_t level[1] = { 30 };
		struct rtp_header h = {
			.pt = 111, .seq = (uint16_t)i, .ts = i * 960, .ssrc = 1, .n_ext = 1
		};
		uint8_t to[128];
		struct rtp_view v;

		h.ext[0].id = 1, h.ext[0].value = bytes_of(level, 1);
		size_t n = rtp_write(&h, to, sizeof(to));
		if (rtp_parse(bytes_of(to, n), &v) == RTP_OK)
			sink += rtp_audio_level(&v, 1, NULL);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} stages[] = {
	{ "Opus encode 48 kHz, complexity 0", encode_48_cx0 },
	{ "Opus encode 48 kHz, complexity 5", encode_48_cx5 },
	{ "Opus encode 24 kHz, complexity 5", encode_24_cx5 },
	{ "Opus encode 16 kHz, complexity 5", encode_16_cx5 },
	{ "Opus decode to 16 kHz", decode_16 },
	{ "Opus decode to 48 kHz", decode_48 },
	{ "resample 16 to 24 kHz", resample_16_24 },
	{ "resample 24 to 16 kHz", resample_24_16 },
	{ "resample 16 to 48 kHz", resample_16_48 },
	{ "resample 8 to 16 kHz", resample_8_16 },
	{ "µ-law, both ways", ulaw_both },
	{ "voice activity", vad_all },
	{ "jbuf, in order", jbuf_all },
	{ "pace, 24 kHz", pace_all },
	{ "RTP, write and parse", rtp_both },
};

static double once(void (*run)(void))
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	run();
	clock_gettime(CLOCK_MONOTONIC, &b);
	return ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / FRAMES;
}

int main(void)
{
	make_voice();
	for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
		double best = once(stages[i].run);

		for (int k = 1; k < RUNS; k++)
			best = fmin(best, once(stages[i].run));
		printf("%-36s %8.0f ns/frame\n", stages[i].name, best);
	}
	return 0;
}
