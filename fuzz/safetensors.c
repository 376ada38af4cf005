/* Any octets as a .safetensors file: refused, or every row of what is found can be read.
 * Links: the knowledge layer. */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "knowledge/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const names[] = { "t", "embeddings", "embedding.weight", "weights", "mapping" };
	char why[SAFETENSORS_WHY];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct tensor t;

		if (safetensors_find(bytes_of(p, n), names[i], &t, why) != 0)
			continue;
		AUTO(mem) float *row = mem_calloc(t.cols, sizeof(*row));
		for (size_t r = 0; row && r < t.rows; r++) {
			tensor_row(&t, r, row);
			for (size_t c = 0; c < t.cols; c++)
				if (!isfinite(row[c]))
					abort();
			if (t.cols == 1)
				(void)tensor_int(&t, r);
		}
	}
	return 0;
}
