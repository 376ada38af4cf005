/* docx.c - a Word file of which one part is anything (office.h), or a whole file: what comes out is
 * valid UTF-8, its blocks lie in order inside the text, and it can be cut into passages.
 * Links: the knowledge layer. */
#include "document/docx.h"
#include "fuzz/office.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* clang-format off */
static const struct office_part parts[] = {
	{ "word/document.xml",
	  "<w:document xmlns:w='w'><w:p><w:pPr><w:pStyle w:val='H'/><w:numPr><w:ilvl w:val='0'/><w:numId w:val='1'/></w:numPr></w:pPr><w:r><w:t>x</w:t><w:footnoteReference w:id='2'/></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:document>" },
	{ "word/styles.xml",
	  "<s><style type='paragraph' styleId='H'><name val='heading 1'/><basedOn val='H'/></style></s>" },
	{ "word/numbering.xml",
	  "<n><abstractNum abstractNumId='0'><lvl ilvl='0'><numFmt val='decimal'/></lvl></abstractNum><num numId='1'><abstractNumId val='0'/></num></n>" },
	{ "word/footnotes.xml",
	  "<f><footnote id='2'><p><r><t>note</t></r></p></footnote></f>" },
	{ "word/_rels/document.xml.rels",
	  "<R><Relationship Id='a' Type='t/styles' Target='styles.xml'/><Relationship Id='b' Type='t/numbering' Target='numbering.xml'/><Relationship Id='c' Type='t/footnotes' Target='footnotes.xml'/></R>" },
	{ "[Content_Types].xml",
	  "<Types/>" },
};
/* clang-format on */

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	office_fuzz(docx_read, parts, ARRAY_LEN(parts), bytes_of(p, n));
	return 0;
}
