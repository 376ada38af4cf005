/* html.c - any octets as an HTML page, and as a compressed one: what comes out is valid
 * UTF-8, its blocks lie in order inside the text, and it can be cut into passages.
 * Links: the knowledge layer. */
#include "document/extract.h"
#include "fuzz/outline.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(outline) struct outline o = { 0 };
	const char *type;
	char why[EXTRACT_WHY];

	/* A PDF would start a process for each input. */
	if (memmem(p, n < 1024 ? n : 1024, "%PDF", 4))
		return 0;
	enum extract_verdict v = extract(bytes_of(p, n), "page.html", &o, &type, why);
	if (v == EXTRACT_OK)
		outline_check(&o);
	return 0;
}
