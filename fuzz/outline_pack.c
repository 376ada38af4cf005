/* outline_pack.c - what a reader's process might hand back after a document has taken it over:
 * refused, or an outline that is sound. Links: the knowledge layer. */
#include "document/outline_pack.h"
#include "fuzz/outline.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_line(const char *s, size_t size)
{
	if (strnlen(s, size) == size || !utf8_valid(bytes_str(s)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const enum pack_content contents[] = { PACK_TEXT, PACK_OCTETS };

	for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
		AUTO(buf) struct buf c = { 0 };
		struct outline_pack got;

		buf_put(&c, p, n);
		if (outline_unpack(&c, contents[i], &got)) {
			check_line(got.type, sizeof(got.type));
			check_line(got.why, sizeof(got.why));
			if (contents[i] == PACK_TEXT)
				outline_check(&got.outline);
		}
		outline_done(&got.outline);
	}
	return 0;
}
