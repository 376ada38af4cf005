/* pace.h - the playout clock of a leg whose speed is the server's (WebRTC, a phone).
 *
 * A bounded queue of PCM in, one 20 ms frame per 20 ms out. Because nothing leaves
 * faster than it is heard, this object is what knows how much of an answer was said.
 *
 * Units. `pcm`, and every count named `samples`, `played` or `dropped`: samples at the
 * rate given to pace_new(). `rtp_ts`: 48 kHz ticks, whatever that rate is (RFC 7587,
 * 4.1). `now_us`: monotonic µs; a frame's own time is its place on the grid, which a
 * late tick does not move. `tag`: the caller's number for an item; audio of one item is
 * pushed in one run.
 *
 * The grid. While nobody speaks nothing is sent, so there is no grid: the first frame
 * leaves in the call after it was pushed and starts one (marker bit). A tick that came
 * late is followed by up to PACE_BURST frames at once; if the clock is further behind,
 * it is moved, and rtp_ts with it: the listener hears a gap, but no lasting delay.
 * When the queue runs dry, one frame of silence carries out what the encoder still
 * holds, unless the last frame was padded anyway; then nothing, until audio comes.
 * rtp_ts goes on with time over such gaps (RFC 3550, 5.1).
 *
 * Memory: chunks of 4 KiB while there is audio, at most PACE_MAX_S; about 4 KiB idle.
 * One thread. pace_push() allocates; nothing else does.
 */
#pragma once

#include "media/frame.h"

enum {
	PACE_CLOCK_HZ = 48000,
	PACE_MAX_S = 60, /* of audio ahead; the session holds back what exceeds it      */
	PACE_ITEMS = 16, /* known at a time: those queued, and the latest ones finished */
	PACE_BURST = 3,  /* frames at most in one late tick                             */
};

struct pace;

/* 0; -EINVAL: not 8, 16, 24 or 48 kHz; -ENOMEM. `rtp_ts`: where to begin (at random). */
MUST_USE int pace_new(struct pace **out, unsigned rate_hz, uint32_t rtp_ts);
void pace_free(struct pace *p);
AUTO_DEF(pace)

/* Copies. 0; -ENOBUFS: more than PACE_MAX_S, or PACE_ITEMS items, are waiting; -ENOMEM.
 * All or nothing. */
MUST_USE int pace_push(struct pace *p, uint64_t tag, const int16_t *pcm, size_t n);
/* How many more samples a push may bring. */
size_t pace_room(const struct pace *p);
size_t pace_fill(const struct pace *p); /* samples that wait */

struct pace_frame {
	struct frame audio; /* 20 ms; borrowed until the next pace_pull()            */
	uint32_t rtp_ts;
	bool marker;        /* first of a talkspurt, or after the clock was moved    */
	bool start;         /* first of a talkspurt: reset the encoder               */
	bool item_end;      /* an item's last sample (so far) is in it: see `tag`    */
	uint64_t tag;       /* of the newest sample inside                           */
};

enum pace_pull {
	PACE_FRAME, /* *out is filled; pull again                         */
	PACE_WAIT,  /* nothing now: pull again at pace_next_us()          */
};

MUST_USE enum pace_pull pace_pull(struct pace *p, uint64_t now_us, struct pace_frame *out); /* RT */
/* When to pull; in the past: at once. UINT64_MAX: after the next push. */
uint64_t pace_next_us(const struct pace *p);

/* --- what was heard ------------------------------------------------------------------- */

struct pace_item {
	uint64_t tag;
	uint64_t pushed, played; /* samples, since the item's first */
	uint64_t first_us;       /* when its first sample left; 0: not yet */
	uint64_t last_us;        /* when the last of those played has been played out */
};

/* false: never heard of, or long ago. */
MUST_USE bool pace_item(const struct pace *p, uint64_t tag, struct pace_item *out);
/* Samples of the item that had left before `at_us`, exact for the last 0.6 s. With at_us =
 * now - (network + playout delay of the listener) it is what the listener has heard. */
uint64_t pace_played_at(const struct pace *p, uint64_t tag, uint64_t at_us);

struct pace_cleared {
	uint64_t tag, played, dropped;
};

/* Drop what waits (barge-in). Rows in order for each item that lost something; the number
 * of rows is returned. The next push starts a new talkspurt. */
size_t pace_clear(struct pace *p, struct pace_cleared out[PACE_ITEMS]);

/* --- bookkeeping ------------------------------------------------------------------------ */

struct pace_stats {
	uint64_t frames, talkspurts;
	uint64_t late;        /* frames sent right behind another, in one late tick   */
	uint64_t skipped_us;  /* by which the clock was moved                        */
	uint64_t padded;      /* frames that the queue could fill only in part        */
};

struct pace_stats pace_stats(const struct pace *p);
