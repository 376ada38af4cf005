/* html.c - any octets as an HTML page, and as a compressed one: what comes out is valid
 * UTF-8, its blocks lie in order inside the text, and it can be cut into passages.
 * Links: the knowledge layer. */
#include <stdlib.h>

#include "knowledge/extract.h"
#include "knowledge/passages.h"
#include "knowledge/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check(const struct outline *o)
{
	AUTO(passages) struct passages cut = { 0 };
	struct bytes text = buf_bytes(&o->text);

	if (!utf8_valid(text))
		abort();
	for (size_t i = 0, at = 0; i < o->n_blocks; at = o->blocks[i++].end)
		if (o->blocks[i].start < at || o->blocks[i].end <= o->blocks[i].start ||
		    o->blocks[i].end > text.n)
			abort();
	if (passages_cut(o, &cut) < 0)
		abort();
	for (size_t i = 0; i < cut.n; i++)
		if (cut.p[i].end > text.n || utf8_floor(text, cut.p[i].start) != cut.p[i].start ||
		    utf8_floor(text, cut.p[i].end) != cut.p[i].end)
			abort();
}

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
		check(&o);
	return 0;
}
