#include "session/rate.h"

#include <errno.h>

#include "base/test.h"

static void rate_auto_(struct rate *r)
{
	rate_done(r);
}

/* 100 Hz: the same sound at any rate. */
static void tone(int16_t *to, size_t n, unsigned hz)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (int16_t)(i * 200 / hz % 2 ? 8000 : -8000);
}

static void equal_rates_copy(void)
{
	AUTO(rate) struct rate r = { 0 };
	AUTO(pcm) struct pcm to = { 0 };
	int16_t in[480];

	tone(in, 480, 16000);
	CHECK_EQ(rate_convert(&r, 16000, 16000, in, 480, &to), 0);
	CHECK_EQ(to.n, 480);
	CHECK(memcmp(to.p, in, sizeof(in)) == 0);
	CHECK_EQ(rate_flush(&r, &to), 0);
	CHECK_EQ(to.n, 480);
}

/* However it is cut, the same samples come out, as many as the time they last. */
static void counts_are_exact_however_the_sound_is_cut(void)
{
	static const struct {
		unsigned in, out;
	} rates[] = { { 24000, 16000 }, { 16000, 24000 }, { 8000, 16000 }, { 16000, 8000 },
		      { 22050, 22050 }, { 16000, 48000 } };

	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		AUTO(rate) struct rate whole = { 0 };
		AUTO(rate) struct rate cut = { 0 };
		AUTO(pcm) struct pcm a = { 0 };
		AUTO(pcm) struct pcm b = { 0 };
		int16_t in[2400];
		size_t n = rates[i].in / 10;

		tone(in, n, rates[i].in);
		CHECK_EQ(rate_convert(&whole, rates[i].in, rates[i].out, in, n, &a), 0);
		CHECK_EQ(rate_flush(&whole, &a), 0);
		CHECK_EQ(a.n, rates[i].out / 10);
		for (size_t at = 0, step = 1; at < n; at += step, step = MIN(step + 40, n - at))
			CHECK_EQ(rate_convert(&cut, rates[i].in, rates[i].out, in + at, step, &b),
				 0);
		CHECK_EQ(rate_convert(&cut, rates[i].in, rates[i].out, in, 0, &b), 0);
		CHECK_EQ(rate_flush(&cut, &b), 0);
		CHECK_EQ(b.n, a.n);
		CHECK(memcmp(a.p, b.p, a.n * sizeof(*a.p)) == 0);
	}
}

static void after_a_flush_or_another_rate_it_starts_anew(void)
{
	AUTO(rate) struct rate r = { 0 };
	AUTO(pcm) struct pcm first = { 0 };
	AUTO(pcm) struct pcm again = { 0 };
	AUTO(pcm) struct pcm other = { 0 };
	int16_t in[2400];

	tone(in, 2400, 24000);
	CHECK_EQ(rate_convert(&r, 24000, 16000, in, 2400, &first), 0);
	CHECK_EQ(rate_flush(&r, &first), 0);
	CHECK_EQ(rate_convert(&r, 24000, 16000, in, 2400, &again), 0);
	CHECK_EQ(rate_flush(&r, &again), 0);
	CHECK_EQ(again.n, first.n);
	CHECK(memcmp(again.p, first.p, first.n * sizeof(*first.p)) == 0);

	/* What the old rate held back is not heard at the new one. */
	CHECK_EQ(rate_convert(&r, 24000, 16000, in, 2400, &again), 0);
	CHECK_EQ(rate_convert(&r, 24000, 8000, in, 2400, &other), 0);
	CHECK_EQ(rate_flush(&r, &other), 0);
	CHECK_EQ(other.n, 800);
}

static void a_rate_nobody_has_is_refused(void)
{
	AUTO(rate) struct rate r = { 0 };
	AUTO(pcm) struct pcm to = { 0 };
	int16_t in[10] = { 0 };

	CHECK(rate_convert(&r, 3999, 16000, in, 10, &to) < 0);
	CHECK_EQ(to.n, 0);
	CHECK_EQ(rate_convert(&r, 8000, 16000, in, 10, &to), 0); /* and it works on */
	CHECK_EQ(rate_flush(&r, &to), 0);
	CHECK_EQ(to.n, 20);
}

static void nothing_is_held_back_before_the_first_sound(void)
{
	AUTO(rate) struct rate r = { 0 };
	AUTO(pcm) struct pcm to = { 0 };

	CHECK_EQ(rate_flush(&r, &to), 0);
	CHECK_EQ(to.n, 0);
	rate_done(&r);
	rate_done(&r);
}

TESTS({ "equal_rates_copy", equal_rates_copy },
      { "counts_are_exact_however_the_sound_is_cut", counts_are_exact_however_the_sound_is_cut },
      { "after_a_flush_or_another_rate_it_starts_anew",
	after_a_flush_or_another_rate_it_starts_anew },
      { "a_rate_nobody_has_is_refused", a_rate_nobody_has_is_refused },
      { "nothing_is_held_back_before_the_first_sound",
	nothing_is_held_back_before_the_first_sound })
