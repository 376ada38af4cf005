/* Any octets as a .gz file: never more than the limit comes out. The first two octets are
 * the limit. Links: document/gunzip.c libbase -lz. */
#include <stdlib.h>

#include "document/gunzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(buf) struct buf out = { 0 };

	if (n < 2)
		return 0;
	size_t limit = be16(p);
	enum gunzip_verdict v = gunzip(bytes_of(p + 2, n - 2), limit, &out);

	if (v == GUNZIP_NO_MEMORY || (v == GUNZIP_OK && out.n > limit))
		abort();
	return 0;
}
