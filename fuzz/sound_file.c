/* Audio files of strangers: whatever comes, samples or a verdict, within the limit. */
#include <stdlib.h>

#include "media/sound_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	enum { RATE_HZ = 16000, MAX_S = 5 };
	struct sound s = { 0 };

	if (sound_read(bytes_of(p, n), RATE_HZ, MAX_S, &s) == SOUND_OK &&
	    (sound_samples(&s) == 0 || sound_samples(&s) > RATE_HZ * MAX_S + 1000))
		abort();
	sound_done(&s);
	return 0;
}
