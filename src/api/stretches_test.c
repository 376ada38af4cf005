#include "api/stretches.h"

#include <math.h>

#include "base/test.h"

enum { HZ = 16000, MAX_S = 60 };
static int16_t pcm[HZ * MAX_S];

static void buzz(double from_s, double to_s)
{
	/* Harmonics of a pitch that wavers: near enough to a voice for who looks for one. */
	for (size_t i = (size_t)(from_s * HZ); i < (size_t)(to_s * HZ); i++) {
		double t = (double)i / HZ, f = 120 + 15 * sin(t * 4), v = 0;

		for (int h = 1; h < 20; h++)
			v += sin(2 * M_PI * f * h * t) / h;
		pcm[i] = (int16_t)(2500 * v * (0.6 + 0.4 * sin(t * 18)));
	}
}

static void quiet(void)
{
	for (size_t i = 0; i < ARRAY_LEN(pcm); i++)
		pcm[i] = (int16_t)((i * 7919) % 7 - 3);
}

static const struct stretch *at(const struct buf *b, size_t i)
{
	return (const struct stretch *)(const void *)b->p + i;
}

static void cuts_where_nobody_speaks(void)
{
	AUTO(buf) struct buf out = { 0 };

	quiet();
	buzz(2, 4);
	buzz(6, 7);
	CHECK_EQ(stretches_find(pcm, 10 * HZ, &out), 0);
	CHECK_EQ(out.n / sizeof(struct stretch), 2);
	CHECK(at(&out, 0)->from < 2.1 * HZ && at(&out, 0)->from > 1.3 * HZ);
	CHECK(at(&out, 0)->from + at(&out, 0)->n > 3.9 * HZ && at(&out, 0)->from + at(&out, 0)->n < 4.6 * HZ);
	CHECK(at(&out, 1)->from > 5 * HZ && at(&out, 1)->from < 6.2 * HZ);
}

static void silence_has_none(void)
{
	AUTO(buf) struct buf out = { 0 };

	quiet();
	CHECK_EQ(stretches_find(pcm, 10 * HZ + 17, &out), 0);
	CHECK_EQ(stretches_find(pcm, 0, &out), 0);
	CHECK_EQ(out.n, 0);
}

static void none_is_too_long(void)
{
	AUTO(buf) struct buf out = { 0 };
	size_t end = 0;

	quiet();
	buzz(0.5, MAX_S);
	CHECK_EQ(stretches_find(pcm, ARRAY_LEN(pcm), &out), 0);
	CHECK(out.n / sizeof(struct stretch) >= 2);
	for (size_t i = 0; i < out.n / sizeof(struct stretch); i++) {
		CHECK(at(&out, i)->n > 0 && at(&out, i)->n <= (STRETCH_MAX_S + 1) * HZ);
		CHECK(at(&out, i)->from >= end);
		end = at(&out, i)->from + at(&out, i)->n;
		CHECK(end <= ARRAY_LEN(pcm));
	}
}

TESTS({ "cuts_where_nobody_speaks", cuts_where_nobody_speaks }, { "silence_has_none", silence_has_none },
      { "none_is_too_long", none_is_too_long })
