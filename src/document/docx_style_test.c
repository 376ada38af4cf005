#include "base/test.h"
#include "document/docx_style.h"

static void inherits(void)
{
	AUTO(docx_styles) struct docx_styles s = { 0 };

	CHECK_EQ(docx_styles_read(&s, bytes_str("<s><style type='paragraph' styleId='a'><name val='Heading 3'/><numId val='4'/>"
						"<ilvl val='1'/></style><style type='paragraph' styleId='b'><basedOn val='a'/>"
						"<outlineLvl val='9'/></style><style type='character' styleId='c'>"
						"<name val='heading 1'/></style><style type='paragraph' styleId='t'>"
						"<name val='Title'/></style></s>")),
		 EXTRACT_OK);
	struct docx_style a = docx_style_of(&s, bytes_str("a")), b = docx_style_of(&s, bytes_str("b"));
	CHECK_EQ(a.outline, 2);
	CHECK_EQ(b.outline, 9);
	CHECK_EQ(b.list, 4);
	CHECK_EQ(b.depth, 1);
	CHECK_EQ(docx_style_of(&s, bytes_str("c")).outline, -1);
	CHECK(docx_style_of(&s, bytes_str("t")).title);
}

static void counts(void)
{
	AUTO(docx_styles) struct docx_styles s = { 0 };
	char to[16];

	CHECK_EQ(docx_lists_read(&s, bytes_str("<n><abstractNum abstractNumId='0'><lvl ilvl='0'><numFmt val='decimal'/></lvl>"
					       "<lvl ilvl='1'><numFmt val='lowerLetter'/></lvl><lvl ilvl='2'>"
					       "<numFmt val='bullet'/></lvl></abstractNum><num numId='5'>"
					       "<abstractNumId val='0'/></num></n>")),
		 EXTRACT_OK);
	docx_count(&s, 5, 0, to);
	CHECK_STR(to, "1. ");
	docx_count(&s, 5, 1, to);
	CHECK_STR(to, "a. ");
	docx_count(&s, 5, 2, to);
	CHECK_STR(to, "");
	docx_count(&s, 5, 0, to);
	CHECK_STR(to, "2. ");
	docx_count(&s, 5, 1, to);
	CHECK_STR(to, "a. ");
	docx_count(&s, 6, 0, to);
	CHECK_STR(to, "");
	docx_count(&s, 5, 99, to);
	CHECK_STR(to, "");
}

TESTS({ "inherits", inherits }, { "counts", counts })
