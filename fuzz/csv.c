/* csv.c - any octets as CSV: rows lie in order inside the text, and can be cut into passages.
 * Links: the knowledge layer. */
#include "document/csv.h"
#include "document/utf8.h"
#include "fuzz/outline.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(buf) struct buf text = { 0 };

	utf8_import(&text, bytes_of(p, n));
	csv_read(&o, buf_bytes(&text));
	outline_check(&o);
	return 0;
}
