/* Any octets as plain text. Links: the knowledge layer. */
#include "document/plain.h"
#include "fuzz/outline.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(buf) struct buf text = { 0 };

	utf8_import(&text, bytes_of(p, n));
	plain_read(&o, buf_bytes(&text), 1);
	outline_check(&o);
	return 0;
}
