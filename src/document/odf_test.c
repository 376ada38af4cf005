#include "base/test.h"
#include "document/odf.h"
#include "document/testoffice.h"

#define NS "xmlns:office='o' xmlns:text='t' xmlns:table='b' xmlns:draw='d' xmlns:presentation='p' xmlns:style='s' xmlns:fo='f'"

static void reads_text(void)
{
	static const char *const members[][2] = {
		{ "mimetype", "application/vnd.oasis.opendocument.text" },
		{ "content.xml",
		  "<office:document-content " NS "><office:automatic-styles>"
		  "<style:style style:name='P1' style:family='paragraph' style:parent-style-name='Title'/>"
		  "<style:style style:name='P2' style:family='paragraph'><style:paragraph-properties fo:break-before='page'/>"
		  "</style:style><text:list-style style:name='L1'><text:list-level-style-number text:level='1' style:num-format='1'/>"
		  "</text:list-style></office:automatic-styles><office:body><office:text text:use-soft-page-breaks='true'>"
		  "<text:table-of-content><text:p>gone</text:p></text:table-of-content>"
		  "<text:p text:style-name='P1'>The title</text:p><text:h text:outline-level='2'>Two</text:h>"
		  "<text:p>a<text:s/>b<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>noted</text:p>"
		  "</text:note-body></text:note>c</text:p><text:list text:style-name='L1'><text:list-item><text:p>one</text:p>"
		  "<text:p>more</text:p></text:list-item><text:list-item><text:p>two</text:p></text:list-item></text:list>"
		  "<text:p>x<text:soft-page-break/>y</text:p><text:p text:style-name='P2'>z</text:p>"
		  "</office:text></office:body></office:document-content>" },
	};

	CHECK_OFFICE(odf_read, members,
		     "#1\n1 The title\n2 Two\n  a bc\n  Note: noted\n- 1. one\n- more\n- 2. two\n  xy\n#3\n  z\n");
}

static void reads_sheets(void)
{
	static const char *const members[][2] = {
		{ "content.xml",
		  "<office:document-content " NS "><office:body><office:spreadsheet><table:table table:name='One'>"
		  "<table:table-row><table:table-cell><text:p>City</text:p></table:table-cell><table:table-cell><text:p>Day</text:p>"
		  "</table:table-cell><table:table-cell table:number-columns-repeated='16000'/></table:table-row>"
		  "<table:table-row><table:table-cell><text:p>Rome</text:p></table:table-cell>"
		  "<table:table-cell office:date-value='2024-05-01T00:00:00'><text:p>5/1/24</text:p></table:table-cell>"
		  "</table:table-row><table:table-row table:number-rows-repeated='1048000'>"
		  "<table:table-cell table:number-columns-repeated='16000'/></table:table-row></table:table>"
		  "<table:table table:name='Empty'/></office:spreadsheet></office:body></office:document-content>" },
	};

	CHECK_OFFICE(odf_read, members, "#1\n1 One\n| City: Rome; Day: 2024-05-01\n");
}

static void reads_slides(void)
{
	static const char *const members[][2] = {
		{ "content.xml",
		  "<office:document-content " NS "><office:body><office:presentation><draw:page>"
		  "<draw:frame presentation:class='title'><draw:text-box><text:p>First</text:p></draw:text-box></draw:frame>"
		  "<draw:frame presentation:class='page-number'><draw:text-box><text:p>1</text:p></draw:text-box></draw:frame>"
		  "<draw:frame><draw:text-box><text:p>said</text:p></draw:text-box></draw:frame>"
		  "<presentation:notes><draw:frame presentation:class='notes'><draw:text-box><text:p>whispered</text:p>"
		  "</draw:text-box></draw:frame></presentation:notes></draw:page></office:presentation></office:body>"
		  "</office:document-content>" },
	};

	CHECK_OFFICE(odf_read, members, "#1\n1 First\n  said\n  whispered\n");
}

TESTS({ "reads_text", reads_text }, { "reads_sheets", reads_sheets }, { "reads_slides", reads_slides })
