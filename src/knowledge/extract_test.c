#include "base/test.h"
#include "knowledge/extract.h"

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
	CHECK_STR(why, "x.txt: is not a text, Markdown, HTML or PDF document; skipped");
	CHECK(extract_likely("A.MD") && extract_likely("p.pdf.gz") && extract_likely("x.html"));
	CHECK(!extract_likely("a.png") && !extract_likely("md") && !extract_likely("x.gz"));
}

TESTS({ "tells_types", tells_types }, { "refuses_pictures", refuses_pictures })
