/* fake_realtime.h - the fake of fake.h as a service that hears, thinks and speaks.
 *
 * Time and scripts are the fake's: fake_hear() is what the next commit says, fake_answer() the
 * next answer, whoever hears and answers. A text step is said as transcript and 60 ms of a tone per letter or
 * digit (REALTIME_RATE_HZ, pieces of 100 ms, at least 120 ms per word), or as text alone where only text is
 * asked for; without a script the answer is "You said: " and the last words of the user.
 *
 * The service does by itself only what a test tells it: fake_speech(), fake_turn().
 */
#pragma once

#include "engine/fake.h"

/* Fills realtime_ops and realtime of *out. ops->free() ends its links; the memory is fake_free()'s. */
void fake_realtime(struct fake *f, struct engines *out);

/* All 0 at first: due at once, yet never inside the call. */
struct fake_realtime_delays {
	uint32_t open_us;  /* open() to on_open                   */
	uint32_t words_us; /* commit to on_words                  */
	uint32_t first_us; /* ask() to the first of each step     */
	uint32_t chunk_us; /* between pieces of audio             */
};
void fake_realtime_delays(struct fake *f, const struct fake_realtime_delays *d);

/* --- what goes wrong ---------------------------------------------------------------- */

/* The next n opens fail with this code. again_us: as on_lost has it. */
MUST_USE int fake_refuse(struct fake *f, unsigned n, const char *code, uint64_t again_us);
/* Every open link is lost: on_lost comes next, what waited does not come. */
void fake_lose(struct fake *f, const char *code, uint64_t again_us);
/* From now on nothing is answered, and nothing that is asked now ever will be. */
void fake_hang(struct fake *f, bool hangs);

/* --- what the service does by itself, on the link opened last ------------------------- */

void fake_speech(struct fake *f, bool started); /* on_speech at what has been pushed */
enum fake_turn { FAKE_HEARS, FAKE_ANSWERS };
/* It has found the end of a turn: on_commit, the words, and with FAKE_ANSWERS on_begun and an answer. */
void fake_turn(struct fake *f, enum fake_turn t);

/* --- what it was told ------------------------------------------------------------------ */

/* A line for each call since the fake was made or fake_log_clear(): "open 1", "ask 7 {…}", "commit",
 * "cancel 7", "truncate 7 1200", "add ID after ID", "remove ID", "name 7 ID", "adopt 7", "update", "clear",
 * "close". Pushes are not in it. Not for several loops. */
const char *fake_log(const struct fake *f);
void fake_log_clear(struct fake *f);
/* Of the link opened last, also when it is gone; borrowed until the next open(). Items that
 * the service made itself have ids "up_N" unless they were named. */
const json_t *fake_items(const struct fake *f);
const json_t *fake_session(const struct fake *f);
/* Keep all audio that is pushed, over all links (two minutes at most). */
void fake_keep_audio(struct fake *f);
const int16_t *fake_kept_audio(const struct fake *f, size_t *n);

extern const struct realtime_ops fake_realtime_ops;
