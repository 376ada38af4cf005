#include "base/test.h"
#include "document/outline.h"

static void collects(void)
{
	AUTO(outline) struct outline o = { 0 };

	outline_title(&o, bytes_str("  "));
	outline_title(&o, bytes_str(" A \n title"));
	outline_title(&o, bytes_str("another"));
	outline_add(&o, BLOCK_HEADING, 1, 0, bytes_str(" Heading\xc2\xb6 "));
	outline_add(&o, BLOCK_PARA, 0, 0, bytes_str("\xef\xac\x81ne \t print\n now"));
	outline_add(&o, BLOCK_PARA, 0, 0, bytes_str(" \n "));
	outline_add(&o, BLOCK_ITEM, 0, 2, bytes_str("one"));
	outline_add(&o, BLOCK_ITEM, 0, 2, bytes_str("two\xff"));
	outline_add(&o, BLOCK_CODE, 0, 3, bytes_str("\n  if (a)\n    b;  \n\n"));
	CHECK(!o.text.failed);
	CHECK_STR(o.title, "A title");
	CHECK_STR((char *)o.text.p, "Heading\n\nfine print now\n\none\ntwo\xef\xbf\xbd\n\n  if (a)\n    b;");
	CHECK_EQ(o.n_blocks, 5);
	CHECK_EQ(o.n_pages, 3);
	CHECK(bytes_is(outline_block(&o, 2), "one"));
}

TESTS({ "collects", collects })
