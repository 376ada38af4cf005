/* tts_flite.h - speech by Flite, in this process: English, four speakers, 16 kHz.
 *
 * The API's ten voice names are {speaker, pitch, pace} of a table. A clause costs about a
 * hundredth of its length in CPU (slt, rms, awb; kal16 a thousandth); the first audio leaves
 * after a third of that, because Flite's last stage streams. The silence Flite puts around
 * an utterance is cut off; after a clause that ends in punctuation 100 ms are left.
 *
 * Words are announced as they were written, each with the silent signs that follow it, so
 * the announced words with single spaces between are the clause.
 */
#pragma once

#include "engine/ops.h"

struct pool;

/* Borrows the pool (turn work) until ops->free(). */
MUST_USE int tts_flite_new(struct tts **out, struct pool *turn);

/* Has the default voice speak a word to nobody, so that the first answer finds its model in
 * memory. Blocks some milliseconds; any thread. */
void tts_flite_warm(void);

extern const struct tts_ops tts_flite_ops;
