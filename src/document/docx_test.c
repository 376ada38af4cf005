#include "base/test.h"
#include "document/docx.h"
#include "document/testoffice.h"

#define P(x) "<w:p>" x "</w:p>"
#define T(x) "<w:r><w:t>" x "</w:t></w:r>"
#define DOC(x) "<w:document xmlns:w='w' xmlns:mc='m'><w:body>" x "</w:body></w:document>"

static void reads_paragraphs(void)
{
	static const char *const members[][2] = {
		{ "word/document.xml",
		  DOC(P("<w:pPr><w:pStyle w:val='Sub'/></w:pPr>" T("Below"))
		      P("<w:pPr><w:outlineLvl w:val='2'/></w:pPr>" T("Third"))
		      P(T("a") "<w:r><w:tab/><w:noBreakHyphen/></w:r>" T("b") "<w:del><w:r><w:delText>gone</w:delText>"
			"</w:r></w:del><w:r><w:footnoteReference w:id='3'/></w:r>")
		      P("<w:pPr><w:numPr><w:ilvl w:val='0'/><w:numId w:val='7'/></w:numPr></w:pPr>" T("one"))
		      P("<w:pPr><w:numPr><w:ilvl w:val='1'/><w:numId w:val='7'/></w:numPr></w:pPr>" T("letter"))
		      P("<w:pPr><w:numPr><w:ilvl w:val='0'/><w:numId w:val='7'/></w:numPr></w:pPr>" T("two"))
		      P("<w:pPr><w:pStyle w:val='TOC1'/></w:pPr>" T("contents ... 1"))
		      P(T("outer") "<mc:AlternateContent><mc:Choice>" P(T("box")) "</mc:Choice><mc:Fallback>"
			P(T("box")) "</mc:Fallback></mc:AlternateContent>")
		      P(T("x") "<w:r><w:lastRenderedPageBreak/><w:t>y</w:t></w:r>") P(T("z"))) },
		{ "word/_rels/document.xml.rels",
		  "<Relationships><Relationship Id='a' Type='x/styles' Target='styles.xml'/>"
		  "<Relationship Id='b' Type='x/numbering' Target='/word/numbering.xml'/>"
		  "<Relationship Id='c' Type='x/footnotes' Target='footnotes.xml'/>"
		  "<Relationship Id='d' Type='x/hyperlink' Target='http://x/' TargetMode='External'/></Relationships>" },
		{ "word/styles.xml",
		  "<w:styles xmlns:w='w'><w:style w:type='paragraph' w:styleId='H2'><w:name w:val='heading 2'/></w:style>"
		  "<w:style w:type='paragraph' w:styleId='Sub'><w:basedOn w:val='H2'/></w:style>"
		  "<w:style w:type='paragraph' w:styleId='TOC1'><w:name w:val='toc 1'/></w:style>"
		  "<w:style w:type='paragraph' w:styleId='Me'><w:basedOn w:val='Me'/></w:style></w:styles>" },
		{ "word/numbering.xml",
		  "<w:numbering xmlns:w='w'><w:abstractNum w:abstractNumId='1'><w:lvl w:ilvl='0'><w:numFmt w:val='decimal'/>"
		  "</w:lvl><w:lvl w:ilvl='1'><w:numFmt w:val='lowerLetter'/></w:lvl></w:abstractNum>"
		  "<w:num w:numId='7'><w:abstractNumId w:val='1'/></w:num></w:numbering>" },
		{ "word/footnotes.xml",
		  "<w:footnotes xmlns:w='w'><w:footnote w:type='separator' w:id='0'/><w:footnote w:id='3'>" P(T("the note"))
		  "</w:footnote></w:footnotes>" },
	};

	CHECK_OFFICE(docx_read, members,
		     "#1\n2 Below\n3 Third\n  a -b\n  Note: the note\n- 1. one\n- a. letter\n- 2. two\n  box\n  outer\n"
		     "  xy\n#2\n  z\n");
}

#define C(x) "<w:tc>" P(T(x)) "</w:tc>"

static void reads_tables(void)
{
	static const char *const members[][2] = {
		{ "word/document.xml",
		  DOC("<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>" C("1990") C("B") C("C") "</w:tr><w:tr>"
		      "<w:tc><w:tcPr><w:gridSpan w:val='2'/></w:tcPr>" P(T("ab")) P(T("more")) "</w:tc>" C("c") "</w:tr><w:tr>"
		      "<w:tc><w:tcPr><w:vMerge/></w:tcPr>" P("") "</w:tc>"
		      "<w:tc><w:tbl><w:tr>" C("in") C("side") "</w:tr></w:tbl></w:tc></w:tr></w:tbl>") },
	};

	CHECK_OFFICE(docx_read, members, "| 1990: ab more; C: c\n| 1990: ab more; B: in side\n");
}

static void refuses(void)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(testzip) struct testzip z = { 0 };

	CHECK_EQ(docx_read(&o, bytes_str("no zip")), EXTRACT_MALFORMED);
	testzip_add(&z, "word/document.xml", bytes_str(DOC(P(T("cut off")) "<w:p>") ""));
	CHECK(!z.out.failed);
	z.out.p[z.out.n - 20] ^= 1; /* its checksum tells */
	struct bytes zip = testzip_end(&z);
	CHECK(!z.out.failed && !z.directory.failed);
	CHECK_EQ(docx_read(&o, zip), EXTRACT_MALFORMED);
}

TESTS({ "reads_paragraphs", reads_paragraphs }, { "reads_tables", reads_tables }, { "refuses", refuses })
