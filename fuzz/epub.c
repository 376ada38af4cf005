/* epub.c - a book of which one part is anything (office.h), or a whole file: what comes out is
 * valid UTF-8, its blocks lie in order inside the text, and it can be cut into passages.
 * Links: the knowledge layer. */
#include "document/epub.h"
#include "fuzz/office.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* clang-format off */
static const struct office_part parts[] = {
	{ "b.opf",
	  "<p><metadata><title>B</title></metadata><item id='n' href='nav.xhtml' media-type='application/xhtml+xml' properties='nav'/><item id='1' href='1.xhtml' media-type='application/xhtml+xml'/><itemref idref='1'/></p>" },
	{ "nav.xhtml",
	  "<html><a href='1.xhtml'>One</a></html>" },
	{ "1.xhtml",
	  "<html xmlns='http://www.w3.org/1999/xhtml'><body><p>x</p></body></html>" },
	{ "META-INF/container.xml",
	  "<c><rootfile full-path='b.opf'/></c>" },
};
/* clang-format on */

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	office_fuzz(epub_read, parts, ARRAY_LEN(parts), bytes_of(p, n));
	return 0;
}
