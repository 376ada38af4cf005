#include "base/test.h"
#include "document/extract.h"

static void tells_types(void)
{
	static const struct {
		const char *name, *content, *type;
		enum extract_verdict v;
	} rows[] = {
		{ "a.md", "# T\n\nx", "markdown", EXTRACT_OK },
		{ "a.txt", "# T\n\nx", "text", EXTRACT_OK },
		{ "noname", "some words", "text", EXTRACT_OK },
		{ "a.txt", "\n <!DOCTYPE HTML><p>x", "html", EXTRACT_OK },
		{ "a.HTM", "<p>x", "html", EXTRACT_OK },
		{ "a.pdf", "no pdf", NULL, EXTRACT_MALFORMED },
		{ "a.docx", "no word", NULL, EXTRACT_MALFORMED },
		{ "a.docx", "PK\3\4 rubbish", NULL, EXTRACT_MALFORMED },
		{ "a.zip", "PK\3\4 rubbish", NULL, EXTRACT_BINARY },
		{ "a.txt", "{\"a\": 1}", "json", EXTRACT_OK },
		{ "a.json", "{\"a\": 1, // no", "text", EXTRACT_OK },
		{ "a.md", "[\"a\"](x)", "markdown", EXTRACT_OK },
		{ "a.tsv", "a\tb\n1\t2", "csv", EXTRACT_OK },
		{ "a.txt", "", NULL, EXTRACT_EMPTY },
		{ "a.txt", " \n\n ", NULL, EXTRACT_EMPTY },
		{ "a.gz", "\x1f\x8b rubbish that is long enough", NULL, EXTRACT_MALFORMED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(outline) struct outline o = { 0 };
		const char *type = NULL;
		char why[EXTRACT_WHY] = "";
		enum extract_verdict v =
			extract(bytes_str(rows[i].content), rows[i].name, &o, &type, why);
		CHECK_EQ(v, rows[i].v);
		CHECK(v == EXTRACT_OK ? strcmp(type, rows[i].type) == 0 : strstr(why, rows[i].name) != NULL);
	}
}

static void refuses_pictures(void)
{
	AUTO(outline) struct outline o = { 0 };
	const char *type = NULL;
	char why[EXTRACT_WHY] = "";

	CHECK_EQ(extract(bytes_of("\x89PNG\r\n\x1a\n\0\0\0", 11), "x.txt", &o, &type, why), EXTRACT_BINARY);
	CHECK_STR(why, "x.txt: is not a document that can be read (PDF, Word, Excel, PowerPoint, OpenDocument, EPUB, HTML, "
		       "Markdown, text, CSV, JSON, e-mail); skipped");
	CHECK(extract_likely("A.MD") && extract_likely("p.pdf.gz") && extract_likely("x.html"));
	CHECK(!extract_likely("a.png") && !extract_likely("md") && !extract_likely("x.gz"));
}

static void says_where(void)
{
	CHECK_EQ(extract_where(bytes_str("# text"), "a.md"), EXTRACT_HERE);
	CHECK_EQ(extract_where(bytes_str("caf\xe9"), "a.md"), EXTRACT_APART);
	CHECK_EQ(extract_where(bytes_str("%PDF-1.4"), "a.md"), EXTRACT_HERE);
	CHECK_EQ(extract_where(bytes_str("PK\3\4..."), "a.md"), EXTRACT_APART);
	CHECK_EQ(extract_where(bytes_str("{\"a\":1}"), "a.md"), EXTRACT_APART);
	CHECK_EQ(extract_where(bytes_str("x"), "a.html"), EXTRACT_APART);
	CHECK_EQ(extract_where(bytes_str("\x1f\x8b..."), "a.html"), EXTRACT_UNPACK);
	CHECK_STR(extract_type("docx"), "docx");
	CHECK(!extract_type("exe"));
}

static void reads_inside(void)
{
	AUTO(outline) struct outline o = { 0 };

	CHECK_EQ(extract_inside(bytes_str("# T\n\nx"), "a.md", &o, 2), EXTRACT_OK);
	CHECK_EQ(extract_inside(bytes_str("%PDF-1.4"), "a.pdf", &o, 2), EXTRACT_NO_TOOL);
	CHECK_EQ(o.blocks[0].level, 3);
	CHECK_EQ(o.shift, 0);
	o.inside = 2;
	CHECK_EQ(extract_inside(bytes_str("x"), "a.md", &o, 2), EXTRACT_TOO_LARGE);
}

TESTS({ "says_where", says_where }, { "reads_inside", reads_inside }, { "tells_types", tells_types }, { "refuses_pictures", refuses_pictures })
