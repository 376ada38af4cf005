/* archive.c - any octets as a ZIP container: every member read by its name, within the limits;
 * names and references never lead outside. Links: the knowledge layer. */
#include <stdlib.h>

#include "base/alloc.h"
#include "document/archive.h"
#include "document/office.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(archive) struct archive *a = NULL;
	AUTO(buf) struct buf path = { 0 };
	size_t total = 0;

	archive_resolve("a/b/c.xml", bytes_of(p, n), &path);
	if (path.n && (path.p[0] == '/' || memmem(path.p, path.n, "../", 3) == path.p))
		abort();
	if (office_type(bytes_of(p, n)) && n < 4)
		abort();
	if (archive_open(bytes_of(p, n), &a) != EXTRACT_OK)
		return 0;
	for (size_t i = 0; i < archive_count(a) && i < 100; i++) {
		AUTO(buf) struct buf b = { 0 };

		if (archive_read(a, archive_name(a, i), &b) == EXTRACT_OK)
			total += b.n;
	}
	if (total > EXTRACT_OUT_MAX)
		abort();
	return 0;
}
