#include "media/vad.h"

#include <math.h>

#include "base/test.h"
#include "media/endpoint.h"

/* A talker made of arithmetic: 4 syllables a second, pulses through three resonators, the
 * pitch falling and rising, a hiss before each vowel. */
struct talker {
	double phase, y[3][2];
	uint32_t dice;
	size_t t;
};

static double chance(uint32_t *dice)
{
	*dice = *dice * 1664525 + 1013904223;
	return (int32_t)*dice / 2147483648.0;
}

static void talk(struct talker *k, double gain, int16_t pcm[VAD_N])
{
	static const double hz[] = { 650, 1300, 2500 }, width[] = { 80, 110, 160 };

	for (size_t i = 0; i < VAD_N; i++, k->t++) {
		double s = (double)(k->t % 4000) / 4000, out = 0;
		double open = s < 0.2 ? 0 : sin(M_PI * (s - 0.2) / 0.8), in = 0;

		k->phase += (120 + 25 * sin((double)k->t / 5000)) / VAD_RATE_HZ;
		if (k->phase >= 1) {
			k->phase -= 1;
			in = 1;
		}
		for (int f = 0; f < 3; f++) {
			double r = exp(-M_PI * width[f] / VAD_RATE_HZ);
			double shift = 1 + 0.2 * sin((double)k->t / 3000 + f);
			double y =
				in +
				2 * r * cos(2 * M_PI * hz[f] * shift / VAD_RATE_HZ) * k->y[f][0] -
				r * r * k->y[f][1];

			k->y[f][1] = k->y[f][0];
			k->y[f][0] = y;
			out += y / (f + 1);
		}
		out = out * open + (s < 0.15 ? 0.15 * chance(&k->dice) : 0);
		pcm[i] = (int16_t)lrint(fmax(-1, fmin(1, gain * out * 0.35)) * 32767);
	}
}

struct heard {
	unsigned starts, ends;
	uint64_t start_at, started, ended, speech_end; /* samples */
};

enum what { NOTHING, TALK, CLICKS };

/* `lead`, `speech`, `trail`: frames. noise: RMS of 32768. */
static struct heard listen(struct vad *v, const size_t part[3], enum what what, double gain,
			   double noise)
{
	struct talker k = { .dice = 7 };
	struct endpoint e;
	struct heard h = { 0 };
	size_t n = part[0] + part[1] + part[2];

	endpoint_init(&e, &ENDPOINT_DEFAULTS);
	for (size_t i = 0; i < n; i++) {
		int16_t pcm[VAD_N] = { 0 };
		bool on = i >= part[0] && i < part[0] + part[1];

		if (on && what == TALK)
			talk(&k, gain, pcm);
		if (on && what == CLICKS && i % 7 == 0)
			for (size_t s = 100; s < 220; s++)
				pcm[s] = (int16_t)(20000 * chance(&k.dice) *
						   exp(-(double)(s - 100) / 30));
		for (size_t s = 0; s < VAD_N; s++)
			pcm[s] = (int16_t)(pcm[s] + lrint(noise * 1.73 * chance(&k.dice)));

		struct endpoint_event ev = endpoint_push(&e, vad_push(v, pcm));
		if (ev.kind == ENDPOINT_START) {
			h.starts++;
			h.start_at = ev.at;
			h.started = e.pos;
		} else if (ev.kind == ENDPOINT_END) {
			h.ends++;
			h.ended = ev.at;
			h.speech_end = ev.speech_end;
		}
	}
	return h;
}

enum { S = 50 }; /* frames per second */

static void hears_a_voice_at_any_level(void)
{
	static const double gains[] = { 1, 0.3, 0.1, 0.03 };
	static const size_t part[] = { 2 * S, 3 * S, 2 * S };

	for (size_t i = 0; i < ARRAY_LEN(gains); i++)
		for (int noisy = 0; noisy < 2; noisy++) {
			AUTO(vad) struct vad *v = vad_new();
			CHECK(v);
			struct heard h =
				listen(v, part, TALK, gains[i], noisy ? 150 * gains[i] : 0);

			CHECK_EQ(h.starts, 1);
			CHECK_EQ(h.ends, 1);
			/* it began at 2 s and ended at 5 s */
			CHECK(h.started >= 32000 && h.started < 32000 + 300 * 16);
			CHECK(h.start_at > 32000 - 400 * 16 && h.start_at < 32000);
			CHECK(h.speech_end > 80000 - 200 * 16 && h.speech_end < 80000 + 250 * 16);
			CHECK_EQ(h.ended, h.speech_end + 500 * 16);
		}
}

static void noise_and_clicks_are_not_speech(void)
{
	static const size_t minute[] = { 0, 0, 60 * S }, clicks[] = { S, 30 * S, S };
	static const double noises[] = { 0, 0.5, 10, 300, 3000 };

	for (size_t i = 0; i < ARRAY_LEN(noises); i++) {
		AUTO(vad) struct vad *v = vad_new();
		CHECK(v);
		CHECK_EQ(listen(v, minute, NOTHING, 0, noises[i]).starts, 0);
	}
	AUTO(vad) struct vad *v = vad_new();
	CHECK(v);
	CHECK_EQ(listen(v, clicks, CLICKS, 0, 10).starts, 0);
}

static void a_new_noise_is_learnt(void)
{
	AUTO(vad) struct vad *v = vad_new();
	static const size_t quiet[] = { 0, 0, 5 * S };

	CHECK(v);
	CHECK_EQ(listen(v, quiet, NOTHING, 0, 3).starts, 0);
	CHECK(vad_view(v).noise_db < -60);
	CHECK_EQ(listen(v, quiet, NOTHING, 0, 1000).starts, 0);
	CHECK(vad_view(v).noise_db > -40 && vad_view(v).noise_db < -20);
	CHECK(vad_view(v).level.rms_db > -32 && vad_view(v).level.rms_db < -28);
	vad_reset(v);
	CHECK(vad_view(v).probability == 0);
}

TESTS({ "hears_a_voice_at_any_level", hears_a_voice_at_any_level },
      { "noise_and_clicks_are_not_speech", noise_and_clicks_are_not_speech },
      { "a_new_noise_is_learnt", a_new_noise_is_learnt })
