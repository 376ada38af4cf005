/* xlsx.c - an Excel file of which one part is anything (office.h), or a whole file: what comes out is
 * valid UTF-8, its blocks lie in order inside the text, and it can be cut into passages.
 * Links: the knowledge layer. */
#include "document/xlsx.h"
#include "fuzz/office.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* clang-format off */
static const struct office_part parts[] = {
	{ "xl/worksheets/1.xml",
	  "<w><row r='1'><c r='A1' t='s'><v>0</v></c><c r='B1' t='inlineStr'><is><t>b</t></is></c></row><row r='2'><c r='A2' s='1'><v>45000.5</v></c></row></w>" },
	{ "xl/sharedStrings.xml",
	  "<sst><si><t>one</t></si></sst>" },
	{ "xl/styles.xml",
	  "<s><numFmts><numFmt numFmtId='164' formatCode='yyyy-mm'/></numFmts><cellXfs><xf numFmtId='0'/><xf numFmtId='164'/></cellXfs></s>" },
	{ "xl/workbook.xml",
	  "<w xmlns:r='r'><sheet name='S' r:id='1'/></w>" },
	{ "xl/_rels/workbook.xml.rels",
	  "<R><Relationship Id='1' Type='t/worksheet' Target='worksheets/1.xml'/><Relationship Id='2' Type='t/sharedStrings' Target='sharedStrings.xml'/><Relationship Id='3' Type='t/styles' Target='styles.xml'/></R>" },
};
/* clang-format on */

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	office_fuzz(xlsx_read, parts, ARRAY_LEN(parts), bytes_of(p, n));
	return 0;
}
