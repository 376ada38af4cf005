#include "base/test.h"
#include "document/pptx.h"
#include "document/testoffice.h"

#define T(x) "<a:p><a:r><a:t>" x "</a:t></a:r></a:p>"
#define PH(type, x) "<p:sp><p:nvSpPr><p:nvPr><p:ph " type "/></p:nvPr></p:nvSpPr><p:txBody>" x "</p:txBody></p:sp>"
#define SLIDE(x) "<p:sld xmlns:p='p' xmlns:a='a'><p:cSld>" x "</p:cSld></p:sld>"

static void reads_slides(void)
{
	static const char *const members[][2] = {
		{ "ppt/presentation.xml",
		  "<p:presentation xmlns:p='p' xmlns:r='r'><p:sldIdLst><p:sldId id='256' r:id='r2'/><p:sldId id='257' r:id='r1'/>"
		  "<p:sldId id='258' r:id='gone'/></p:sldIdLst></p:presentation>" },
		{ "ppt/_rels/presentation.xml.rels",
		  "<R><Relationship Id='r1' Type='t/slide' Target='slides/a.xml'/>"
		  "<Relationship Id='r2' Type='t/slide' Target='slides/b.xml'/></R>" },
		{ "ppt/slides/a.xml",
		  SLIDE(PH("type='sldNum'", T("7")) PH("idx='1'", T("bullet") "<a:p><a:pPr><a:buAutoNum/></a:pPr><a:r><a:t>one</a:t></a:r></a:p>"
			"<a:p><a:pPr><a:buNone/></a:pPr><a:r><a:t>plain</a:t></a:r></a:p>") PH("type='title'", T("Last in file"))) },
		{ "ppt/slides/b.xml",
		  SLIDE("<p:graphicFrame><a:tbl><a:tr><a:tc>" T("City") "</a:tc><a:tc>" T("Price") "</a:tc></a:tr><a:tr><a:tc>"
			T("Rome") T("Lazio") "</a:tc><a:tc>" T("5") "</a:tc></a:tr></a:tbl></p:graphicFrame>") },
		{ "ppt/slides/_rels/a.xml.rels",
		  "<R><Relationship Id='r1' Type='t/notesSlide' Target='../n.xml'/></R>" },
		{ "ppt/n.xml", SLIDE(PH("type='sldImg'", "") PH("type='body'", T("whispered")) PH("type='sldNum'", T("7"))) },
	};

	CHECK_OFFICE(pptx_read, members,
		     "#1\n| City: Rome Lazio; Price: 5\n#2\n1 Last in file\n- bullet\n- 1. one\n  plain\n  whispered\n");
}

static void refuses(void)
{
	AUTO(outline) struct outline o = { 0 };

	CHECK_EQ(pptx_read(&o, bytes_str("no zip")), EXTRACT_MALFORMED);
}

TESTS({ "reads_slides", reads_slides }, { "refuses", refuses })
