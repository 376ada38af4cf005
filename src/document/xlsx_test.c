#include "base/test.h"
#include "document/testoffice.h"
#include "document/xlsx.h"

static void reads_cells(void)
{
	static const char *const members[][2] = {
		{ "[Content_Types].xml",
		  "<Types><Override PartName='/book.xml' ContentType='application/vnd.openxmlformats-officedocument."
		  "spreadsheetml.sheet.main+xml'/></Types>" },
		{ "book.xml",
		  "<workbook xmlns:r='r'><sheets><sheet name='One' r:id='1'/><sheet name='No' r:id='2' state='hidden'/>"
		  "<sheet name='Empty' r:id='3'/></sheets></workbook>" },
		{ "_rels/book.xml.rels",
		  "<Relationships><Relationship Id='1' Type='t/worksheet' Target='one.xml'/>"
		  "<Relationship Id='2' Type='t/worksheet' Target='one.xml'/>"
		  "<Relationship Id='3' Type='t/worksheet' Target='empty.xml'/>"
		  "<Relationship Id='4' Type='t/sharedStrings' Target='strings.xml'/>"
		  "<Relationship Id='5' Type='t/styles' Target='styles.xml'/></Relationships>" },
		{ "strings.xml", "<sst><si><t>City</t></si><si><r><t>Pri</t></r><r><t>ce</t></r><rPh><t>x</t></rPh></si></sst>" },
		{ "styles.xml",
		  "<styleSheet><numFmts><numFmt numFmtId='164' formatCode='yyyy'/></numFmts><cellStyleXfs><xf numFmtId='9'/>"
		  "</cellStyleXfs><cellXfs><xf numFmtId='0'/><xf numFmtId='164'/></cellXfs></styleSheet>" },
		{ "one.xml",
		  "<worksheet><sheetData><row r='1'><c r='A1' t='s'><v>0</v></c><c r='C1' t='s'><v>1</v></c></row>"
		  "<row r='2'><c r='A2' t='inlineStr'><is><t>Rome</t></is></c><c r='C2'><v>5</v></c>"
		  "<c r='D2' s='1'><v>45351</v></c></row><row r='3'><c r='A3' t='s'><v>99</v></c><c r='C3' t='b'><v>1</v></c></row>"
		  "<row r='9'><c t='str'><f>A1</f><v>Alone</v></c></row></sheetData></worksheet>" },
		{ "empty.xml", "<worksheet><sheetData/></worksheet>" },
	};

	CHECK_OFFICE(xlsx_read, members, "#1\n1 One\n| City: Rome; Price: 5; 2024-02-29\n| Price: yes\n| Alone\n");
}

static void refuses(void)
{
	AUTO(outline) struct outline o = { 0 };

	CHECK_EQ(xlsx_read(&o, bytes_str("no zip")), EXTRACT_MALFORMED);
}

TESTS({ "reads_cells", reads_cells }, { "refuses", refuses })
