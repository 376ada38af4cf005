#include "session/pcm.h"

#include <errno.h>

#include "base/test.h"

static int16_t ramp[1000];

static void make_ramp(void)
{
	for (size_t i = 0; i < ARRAY_LEN(ramp); i++)
		ramp[i] = (int16_t)i;
}

static void samples_keep_their_order(void)
{
	AUTO(pcm) struct pcm b = { 0 };
	size_t taken = 0;

	make_ramp();
	for (size_t i = 0; i < 1000; i += 100) {
		CHECK_EQ(pcm_put(&b, ramp + i, 100), 0);
		pcm_consume(&b, 37);
		taken += 37;
		CHECK_EQ(b.n, i + 100 - taken);
		CHECK_EQ(b.p[0], (int16_t)taken);
		CHECK_EQ(b.p[b.n - 1], (int16_t)(i + 99));
	}
}

static void nothing_is_fine_everywhere(void)
{
	AUTO(pcm) struct pcm b = { 0 };

	CHECK_EQ(pcm_put(&b, NULL, 0), 0);
	pcm_consume(&b, 5);
	CHECK_EQ(b.n, 0);
	pcm_done(&b);
	CHECK(pcm_reserve(&b, 0)); /* NULL would say that memory ran out */
	CHECK_EQ(pcm_put(&b, ramp, 3), 0);
	pcm_consume(&b, 4);
	CHECK_EQ(b.n, 0);
	pcm_done(&b);
	CHECK(!b.p && !b.n && !b.cap);
}

static void room_is_for_all_that_was_asked(void)
{
	AUTO(pcm) struct pcm b = { 0 };

	make_ramp();
	CHECK_EQ(pcm_put(&b, ramp, 10), 0);
	int16_t *to = pcm_reserve(&b, 700);
	CHECK(to == b.p + 10 && b.cap - b.n >= 700);
	CHECK_EQ(b.n, 10);
	memcpy(to, ramp + 10, 700 * sizeof(*to)); /* ASan would see it if there were less */
	b.n += 700;
	CHECK_EQ(b.p[709], 709);
}

static void what_was_there_stays_when_memory_runs_out(void)
{
	AUTO(pcm) struct pcm b = { 0 };

	make_ramp();
	CHECK_EQ(pcm_put(&b, ramp, 10), 0);
	mem_fail_at(1);
	int err = pcm_put(&b, ramp, 1000);
	mem_fail_at(0);
	CHECK_EQ(err, -ENOMEM);
	CHECK_EQ(b.n, 10);
	CHECK_EQ(b.p[9], 9);
}

TESTS({ "samples_keep_their_order", samples_keep_their_order },
      { "nothing_is_fine_everywhere", nothing_is_fine_everywhere },
      { "room_is_for_all_that_was_asked", room_is_for_all_that_was_asked },
      { "what_was_there_stays_when_memory_runs_out", what_was_there_stays_when_memory_runs_out })
