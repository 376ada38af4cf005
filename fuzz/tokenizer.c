/* A tokenizer.json and, after a NUL, a text: the file is refused, or the text becomes tokens whose
 * numbers are within bounds, no more than asked for.
 * Links: the knowledge layer. */
#include <stdlib.h>

#include "base/json.h"
#include "knowledge/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(tokenizer) struct tokenizer *t = NULL;
	AUTO(token_ids) struct token_ids ids = { 0 };
	const uint8_t *end = n ? memchr(p, 0, n) : NULL;
	size_t head = end ? (size_t)(end - p) : n;
	char why[TOKENIZER_WHY];

	if (tokenizer_new(&t, bytes_of(p, head), why) != 0)
		return 0;
	if (tokenizer_encode(t, bytes_of(p + head, n - head), 300, &ids) != 0)
		return 0;
	if (ids.n > 300)
		abort();
	for (size_t i = 0; i < ids.n; i++)
		if (ids.id[i] >= tokenizer_size(t))
			abort();
	return 0;
}
