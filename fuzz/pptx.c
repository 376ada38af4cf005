/* pptx.c - a PowerPoint file of which one part is anything (office.h), or a whole file: what comes out is
 * valid UTF-8, its blocks lie in order inside the text, and it can be cut into passages.
 * Links: the knowledge layer. */
#include "document/pptx.h"
#include "fuzz/office.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* clang-format off */
static const struct office_part parts[] = {
	{ "ppt/slides/1.xml",
	  "<p:s xmlns:p='p' xmlns:a='a'><p:sp><p:ph type='title'/><a:p><a:t>T</a:t></a:p></p:sp><a:tbl><a:tr><a:tc><a:p><a:t>c</a:t></a:p></a:tc></a:tr></a:tbl></p:s>" },
	{ "ppt/notes.xml",
	  "<p:s xmlns:p='p' xmlns:a='a'><p:sp><p:ph type='body'/><a:p><a:t>n</a:t></a:p></p:sp></p:s>" },
	{ "ppt/presentation.xml",
	  "<p xmlns:r='r'><sldId id='256' r:id='1'/></p>" },
	{ "ppt/_rels/presentation.xml.rels",
	  "<R><Relationship Id='1' Type='t/slide' Target='slides/1.xml'/></R>" },
	{ "ppt/slides/_rels/1.xml.rels",
	  "<R><Relationship Id='1' Type='t/notesSlide' Target='../notes.xml'/></R>" },
};
/* clang-format on */

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	office_fuzz(pptx_read, parts, ARRAY_LEN(parts), bytes_of(p, n));
	return 0;
}
