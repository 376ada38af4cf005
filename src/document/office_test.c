#include "base/test.h"
#include "document/office.h"
#include "document/testcorpus.h"
#include "document/testzip.h"

static void tells_kinds(void)
{
	static const char *const rows[][2] = {
		{ "pandoc.docx", "docx" },     { "libreoffice.xlsx", "xlsx" }, { "libreoffice.odt", "odt" },
		{ "libreoffice.ods", "ods" },  { "libreoffice.odp", "odp" },   { "pandoc.epub", "epub" },
		{ "pandoc.pptx", "pptx" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		corpus_file(rows[i][0], &b);
		CHECK_STR(office_type(buf_bytes(&b)), rows[i][1]);
	}
	CHECK(!office_type(bytes_str("PK\3\4 and rubbish")));
}

static void follows_relations(void)
{
	AUTO(testzip) struct testzip z = { 0 };
	AUTO(archive) struct archive *a = NULL;
	AUTO(relations) struct relations r = { 0 };
	AUTO(outline) struct outline o = { 0 };

	testzip_add(&z, "a/_rels/b.xml.rels",
		    bytes_str("<R><Relationship Id='r1' Type='http://x/slide' Target='../s.xml'/>"
			      "<Relationship Id='r2' Type='image' Target='http://x/' TargetMode='External'/></R>"));
	testzip_add(&z, "meta.xml", bytes_str("<m xmlns:dc='d'><dc:title>T &amp; t</dc:title><dc:title>no</dc:title></m>"));
	struct bytes zip = testzip_end(&z);
	CHECK(!z.out.failed && !z.directory.failed);
	CHECK_EQ(archive_open(zip, &a), EXTRACT_OK);
	CHECK_EQ(office_relations(a, "a/b.xml", &r), EXTRACT_OK);
	CHECK_STR(relations_by_id(&r, bytes_str("r1")), "s.xml");
	CHECK_STR(relations_by_id(&r, bytes_str("r2")), "");
	CHECK_STR(relations_by_type(&r, "slide"), "s.xml");
	office_title(a, "meta.xml", &o);
	CHECK_STR(o.title, "T & t");
}

TESTS({ "tells_kinds", tells_kinds }, { "follows_relations", follows_relations })
