#include "media/level.h"

#include <math.h>

#include "base/test.h"

static void known_levels(void)
{
	int16_t pcm[320] = { 0 };
	struct level l = level_of(pcm, 0);

	CHECK(l.rms_db == LEVEL_MIN_DB && l.peak_db == LEVEL_MIN_DB);
	l = level_of(pcm, 320);
	CHECK(l.rms_db == LEVEL_MIN_DB && l.peak_db == LEVEL_MIN_DB);
	for (int i = 0; i < 320; i++)
		pcm[i] = i & 1 ? INT16_MIN : INT16_MAX;
	l = level_of(pcm, 320);
	CHECK(fabsf(l.rms_db) < 0.01f && fabsf(l.peak_db) < 0.01f);
	for (int i = 0; i < 320; i++)
		pcm[i] = (int16_t)lrint(16384 * sin(2 * M_PI * i / 32));
	l = level_of(pcm, 320);
	CHECK(fabsf(l.rms_db + 9.03f) < 0.02f && fabsf(l.peak_db + 6.02f) < 0.02f);
}

TESTS({ "known_levels", known_levels })
