#include "media/pace.h"

#include <errno.h>

#include "base/test.h"

enum { HZ = 24000, N = HZ / 50, T = 20000 };

static int push(struct pace *p, uint64_t tag, size_t n)
{
	AUTO(mem) int16_t *pcm = mem_alloc(n * sizeof(*pcm));

	if (!pcm)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		pcm[i] = (int16_t)(1 + i % 30000);
	return pace_push(p, tag, pcm, n);
}

static void a_talkspurt(void)
{
	AUTO(pace) struct pace *p = NULL;
	struct pace_frame f;
	uint64_t t = 1000003;

	CHECK_EQ(pace_new(&p, HZ, 0xfffffc40), 0); /* wraps in the first frame */
	CHECK_EQ(pace_next_us(p), UINT64_MAX);
	CHECK_EQ(pace_pull(p, t, &f), PACE_WAIT);
	CHECK_EQ(push(p, 1, N * 2 + 100), 0);
	CHECK(pace_next_us(p) <= t);
	CHECK_EQ(pace_pull(p, t, &f), PACE_FRAME);
	CHECK(f.marker && f.start && !f.item_end && f.tag == 1);
	CHECK_EQ(f.rtp_ts, 0xfffffc40);
	CHECK_EQ(f.audio.n, N);
	CHECK_EQ(f.audio.pcm[N - 1], N);
	CHECK_EQ(pace_next_us(p), t + T);
	CHECK_EQ(pace_pull(p, t + T - 1, &f), PACE_WAIT);
	CHECK_EQ(pace_pull(p, t + T + 700, &f), PACE_FRAME);
	CHECK(!f.marker && !f.start);
	CHECK_EQ(f.rtp_ts, 0);
	CHECK_EQ(f.audio.ts, N);
	CHECK_EQ(pace_next_us(p), t + 2 * T); /* lateness does not move the grid */
	CHECK_EQ(pace_pull(p, t + 2 * T, &f), PACE_FRAME);
	CHECK(f.item_end);
	CHECK_EQ(f.audio.pcm[99], 2 * N + 100);
	CHECK_EQ(f.audio.pcm[100], 0);
	/* padded by more than the encoder holds: no flush, nothing more */
	CHECK_EQ(pace_pull(p, t + 3 * T, &f), PACE_WAIT);
	CHECK_EQ(pace_next_us(p), UINT64_MAX);
	/* a second later, off the old grid */
	CHECK_EQ(push(p, 2, N), 0);
	CHECK_EQ(pace_pull(p, t + 53 * T + 5000, &f), PACE_FRAME);
	CHECK(f.start && f.tag == 2);
	CHECK_EQ(f.rtp_ts, 2 * 960 + 50 * 960 + 240);
	/* a whole frame was the last: one of silence follows, no more */
	CHECK_EQ(pace_pull(p, t + 54 * T + 5000, &f), PACE_FRAME);
	CHECK(f.audio.pcm[0] == 0 && !f.marker && !f.item_end);
	CHECK_EQ(pace_pull(p, t + 55 * T + 5000, &f), PACE_WAIT);
	CHECK_EQ(pace_stats(p).talkspurts, 2);
}

static void audio_in_time_continues_the_grid(void)
{
	AUTO(pace) struct pace *p = NULL;
	struct pace_frame f;

	CHECK_EQ(pace_new(&p, HZ, 0), 0);
	CHECK_EQ(push(p, 1, N), 0);
	CHECK_EQ(pace_pull(p, T, &f), PACE_FRAME);
	CHECK_EQ(push(p, 1, N / 2), 0);
	CHECK_EQ(push(p, 2, N / 2), 0);
	CHECK_EQ(pace_pull(p, T + 1, &f), PACE_WAIT);
	CHECK_EQ(pace_pull(p, 2 * T, &f), PACE_FRAME);
	CHECK(!f.marker && f.item_end && f.tag == 2);
	CHECK_EQ(f.rtp_ts, 960);
}

static void a_late_tick_catches_up_and_then_gives_up(void)
{
	AUTO(pace) struct pace *p = NULL;
	struct pace_frame f;
	uint64_t t = T;

	CHECK_EQ(pace_new(&p, HZ, 0), 0);
	CHECK_EQ(push(p, 1, 20 * N), 0);
	CHECK_EQ(pace_pull(p, t, &f), PACE_FRAME);
	t += 3 * T + 500; /* due at 1, 2, 3 */
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(pace_pull(p, t, &f), PACE_FRAME);
		CHECK(!f.marker);
	}
	CHECK_EQ(pace_pull(p, t, &f), PACE_WAIT);
	CHECK_EQ(f.rtp_ts, 3 * 960);
	t += 10 * T;
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(pace_pull(p, t, &f), PACE_FRAME);
		CHECK_EQ(f.marker, i == 0);
		CHECK(!f.start);
	}
	CHECK_EQ(pace_pull(p, t, &f), PACE_WAIT);
	CHECK_EQ(f.rtp_ts, 13 * 960); /* as if nothing had happened */
	CHECK_EQ(pace_next_us(p), T + 14 * T);
	CHECK_EQ(pace_stats(p).skipped_us, 7 * T);
}

static void says_what_was_heard(void)
{
	AUTO(pace) struct pace *p = NULL;
	struct pace_frame f;
	struct pace_item it;
	uint64_t t = 5 * T;

	CHECK_EQ(pace_new(&p, HZ, 0), 0);
	CHECK_EQ(push(p, 7, N + N / 2), 0);
	CHECK_EQ(push(p, 8, 3 * N), 0);
	CHECK(pace_item(p, 8, &it) && it.pushed == 3 * N && it.played == 0 && it.first_us == 0);
	CHECK(!pace_item(p, 9, &it));
	CHECK_EQ(pace_pull(p, t, &f), PACE_FRAME);
	CHECK_EQ(pace_pull(p, t + T, &f), PACE_FRAME);
	CHECK_EQ(pace_pull(p, t + 2 * T, &f), PACE_FRAME);
	CHECK(pace_item(p, 7, &it) && it.played == it.pushed);
	CHECK_EQ(it.first_us, t);
	CHECK_EQ(it.last_us, t + T + T / 2);
	CHECK(pace_item(p, 8, &it));
	CHECK_EQ(it.played, N + N / 2);
	CHECK_EQ(it.first_us, t + T + T / 2);
	CHECK_EQ(pace_played_at(p, 7, t), 0);
	CHECK_EQ(pace_played_at(p, 7, t + T / 4), N / 4);
	CHECK_EQ(pace_played_at(p, 7, t + T + T / 4), N + N / 4);
	CHECK_EQ(pace_played_at(p, 7, t + 9 * T), N + N / 2);
	CHECK_EQ(pace_played_at(p, 8, t + T), 0);
	CHECK_EQ(pace_played_at(p, 8, t + 2 * T), N / 2);
	CHECK_EQ(pace_played_at(p, 8, t + 2 * T + T / 2), N);
}

static void clear_says_what_was_not(void)
{
	AUTO(pace) struct pace *p = NULL;
	struct pace_cleared gone[PACE_ITEMS];
	struct pace_frame f;

	CHECK_EQ(pace_new(&p, HZ, 0), 0);
	CHECK_EQ(push(p, 1, N), 0);
	CHECK_EQ(push(p, 2, 50 * N), 0);
	CHECK_EQ(push(p, 3, N), 0);
	CHECK_EQ(pace_pull(p, T, &f), PACE_FRAME);
	CHECK_EQ(pace_pull(p, 2 * T, &f), PACE_FRAME);
	CHECK_EQ(pace_clear(p, gone), 2);
	CHECK(gone[0].tag == 2 && gone[0].played == N && gone[0].dropped == 49 * N);
	CHECK(gone[1].tag == 3 && gone[1].played == 0 && gone[1].dropped == N);
	CHECK_EQ(pace_fill(p), 0);
	CHECK_EQ(pace_clear(p, gone), 0);
	/* the next answer does not overtake the frame that is being played */
	CHECK_EQ(push(p, 4, N), 0);
	CHECK_EQ(pace_pull(p, 2 * T + 1, &f), PACE_WAIT);
	CHECK_EQ(pace_next_us(p), 3 * T);
	CHECK_EQ(pace_pull(p, 3 * T, &f), PACE_FRAME);
	CHECK(f.start && f.tag == 4);
	CHECK_EQ(f.rtp_ts, 2 * 960);
}

static void is_bounded(void)
{
	AUTO(pace) struct pace *p = NULL;
	struct pace_frame f;
	size_t live = mem_live();

	CHECK_EQ(pace_new(&p, HZ, 0), 0);
	for (int i = 0; i < PACE_MAX_S; i++)
		CHECK_EQ(push(p, 1, HZ), 0);
	CHECK_EQ(pace_room(p), 0);
	CHECK_EQ(push(p, 1, 1), -ENOBUFS);
	CHECK_EQ(pace_fill(p), (size_t)PACE_MAX_S * HZ);
	for (uint64_t k = 0; k < PACE_MAX_S * 50 + 1; k++)
		CHECK_EQ(pace_pull(p, T + k * T, &f), PACE_FRAME);
	CHECK_EQ(mem_live(), live + 1); /* idle: no chunk is held */
	struct pace_item it;
	CHECK(pace_item(p, 1, &it) && it.played == (uint64_t)PACE_MAX_S * HZ);

	for (uint64_t tag = 2; tag < 2 + PACE_ITEMS; tag++)
		CHECK_EQ(push(p, tag, 10), 0);
	CHECK_EQ(push(p, 99, 10), -ENOBUFS);
	CHECK_EQ(push(p, 1 + PACE_ITEMS, 10), 0); /* the newest one may go on */
	CHECK(!pace_item(p, 1, &it));
	CHECK_EQ(pace_new(&p, 44100, 0), -EINVAL);
}

TESTS({ "a_talkspurt", a_talkspurt },
      { "audio_in_time_continues_the_grid", audio_in_time_continues_the_grid },
      { "a_late_tick_catches_up_and_then_gives_up", a_late_tick_catches_up_and_then_gives_up },
      { "says_what_was_heard", says_what_was_heard },
      { "clear_says_what_was_not", clear_says_what_was_not }, { "is_bounded", is_bounded })
