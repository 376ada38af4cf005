/* frame.h - audio as it moves through the house.
 *
 * Mono int16. `ts` counts samples at rate_hz since the stream began and may wrap
 * nowhere (64 bit). A frame borrows its samples.
 */
#pragma once

#include "base/defs.h"

enum { FRAME_MS = 20, FRAME_MAX = 960 }; /* samples of 20 ms at 48 kHz */

struct frame {
	unsigned rate_hz; /* 8000, 16000, 24000 or 48000 */
	uint64_t ts;      /* of the first sample         */
	size_t n;         /* samples                     */
	const int16_t *pcm;
};
