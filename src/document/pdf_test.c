#include "base/test.h"
#include "document/passages.h"
#include "document/pdf.h"

static const char text[] =
	"My Book\n\nThe beginning of it all is here. It goes on and\n\n1\n\f"
	"My Book\n\nover the end of the page. Here is more text for the reader.\n\n2\n\f"
	"My Book\n\n4.2 Returns . . . . . 17\n\nSend it back to us within two weeks of buying it.\n\n3\n\f"
	"My Book\n\nLast words are here.\n\n4\n\f";

static void leaves_out_furniture(void)
{
	AUTO(outline) struct outline o = { 0 };

	pdf_text_read(&o, bytes_str(text));
	CHECK(!o.text.failed);
	CHECK_EQ(o.n_pages, 4);
	CHECK_STR((char *)o.text.p,
		  "The beginning of it all is here. It goes on and over the end of the page. "
		  "Here is more text for the reader.\n\nSend it back to us within two weeks of buying it."
		  "\n\nLast words are here.");
	CHECK_EQ(o.blocks[0].page, 1);
	CHECK_EQ(o.blocks[1].page, 3);
}

static void refuses_what_is_none(void)
{
	AUTO(outline) struct outline o = { 0 };
	enum extract_verdict v = pdf_read(&o, bytes_str("%PDF-1.4 and no more"));

	CHECK(v == EXTRACT_MALFORMED || v == EXTRACT_NO_TOOL);
}

TESTS({ "leaves_out_furniture", leaves_out_furniture }, { "refuses_what_is_none", refuses_what_is_none })
