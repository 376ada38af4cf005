#include "media/level.h"

#include <math.h>
#include <stdlib.h>

static float db(float amplitude)
{
	return amplitude > 0 ? MAX(20 * log10f(amplitude / 32768), (float)LEVEL_MIN_DB)
			     : (float)LEVEL_MIN_DB;
}

struct level level_of(const int16_t *pcm, size_t n)
{
	int64_t sum = 0;
	int peak = 0;

	for (size_t i = 0; i < n; i++) {
		int v = abs(pcm[i]);

		sum += v * v;
		peak = MAX(peak, v);
	}
	return (struct level){
		.rms_db = n ? db(sqrtf((float)sum / (float)n)) : (float)LEVEL_MIN_DB,
		.peak_db = db((float)peak),
	};
}
