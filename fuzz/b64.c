/* Any octets as base64: what is accepted is written the same; and any octets survive being
 * written and read. Links: libbase. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/b64.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(buf) struct buf text = { 0 };
	uint8_t *to = malloc(n / 4 * 3); /* the very room, so that the sanitizer sees one too many */
	ptrdiff_t got = b64_decode((const char *)p, n, to);

	if (got > 0) {
		b64_append(&text, to, (size_t)got);
		if (text.failed || !bytes_eq(buf_bytes(&text), bytes_of(p, n)))
			abort();
	}
	free(to);

	buf_reset(&text);
	b64_append(&text, p, n);
	to = malloc(text.n / 4 * 3);
	if (text.n != b64_len(n) || b64_decode((const char *)text.p, text.n, to) != (ptrdiff_t)n ||
	    (n && memcmp(to, p, n) != 0))
		abort();
	free(to);
	return 0;
}
