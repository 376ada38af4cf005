#include "base/test.h"
#include "document/epub.h"
#include "document/testoffice.h"

#define CONTAINER { "META-INF/container.xml", "<c><rootfiles><rootfile full-path='E/b.opf'/></rootfiles></c>" }
#define PAGE(x) "<html xmlns='http://www.w3.org/1999/xhtml'><head><title/></head><body>" x "</body></html>"

static void reads_books(void)
{
	static const char *const members[][2] = {
		CONTAINER,
		{ "E/b.opf",
		  "<package xmlns:dc='d'><metadata><dc:title>Book</dc:title></metadata><manifest>"
		  "<item id='n' href='nav.xhtml' media-type='application/xhtml+xml' properties='nav'/>"
		  "<item id='1' href='t/one%201.xhtml' media-type='application/xhtml+xml'/>"
		  "<item id='2' href='two.xhtml' media-type='application/xhtml+xml'/>"
		  "<item id='c' href='x.css' media-type='text/css'/><item id='gone' href='y.xhtml' media-type='text/html'/></manifest>"
		  "<spine><itemref idref='n'/><itemref idref='2'/><itemref idref='1'/><itemref idref='gone'/></spine></package>" },
		{ "E/nav.xhtml",
		  PAGE("<nav><ol><li><a href='two.xhtml#top'>Two &amp; more</a></li><li><a href='t/one%201.xhtml'>One</a></li></ol></nav>") },
		{ "E/two.xhtml", PAGE("<p>text<a id='x'/> of two</p><h2>Part</h2>") },
		{ "E/t/one 1.xhtml", PAGE("<h1>Its own</h1><p>text &nbsp; of one</p>") },
	};

	CHECK_OFFICE(epub_read, members, "1 Two & more\n  text of two\n2 Part\n1 Its own\n  text of one\n");
}

static void reads_old_books(void)
{
	static const char *const members[][2] = {
		CONTAINER,
		{ "E/b.opf",
		  "<package><manifest><item id='n' href='toc.ncx' media-type='application/x-dtbncx+xml'/>"
		  "<item id='1' href='1.html' media-type='application/xhtml+xml'/></manifest><spine><itemref idref='1'/></spine></package>" },
		{ "E/toc.ncx", "<ncx><navMap><navPoint><navLabel><text>First</text></navLabel><content src='1.html'/></navPoint></navMap></ncx>" },
		{ "E/1.html", PAGE("<p>x</p>") },
	};

	CHECK_OFFICE(epub_read, members, "1 First\n  x\n");
}

static void refuses(void)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(testzip) struct testzip z = { 0 };

	testzip_add(&z, "META-INF/container.xml", bytes_str("<c/>"));
	struct bytes zip = testzip_end(&z);
	CHECK(!z.out.failed && !z.directory.failed);
	CHECK_EQ(epub_read(&o, zip), EXTRACT_MALFORMED);
}

TESTS({ "reads_books", reads_books }, { "reads_old_books", reads_old_books }, { "refuses", refuses })
