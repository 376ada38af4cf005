/* Any octets as the answer of an embedding service: refused, or finite vectors of one width.
 * Links: the knowledge layer. */
#include <math.h>
#include <stdlib.h>

#include "knowledge/embed_remote.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static float v[2 * 64];
	char why[EMBED_WHY];

	for (unsigned texts = 1; texts <= 2; texts++) {
		unsigned width = 0;

		if (embed_remote_parse(bytes_of(p, n), texts, 64, &width, v, why) != 0)
			continue;
		if (width < 2 || width > 64)
			abort();
		for (unsigned i = 0; i < texts; i++)
			for (unsigned c = 0; c < width; c++)
				if (!isfinite(v[i * 64 + c]))
					abort();
	}
	return 0;
}
