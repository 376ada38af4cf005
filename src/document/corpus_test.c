/* Real files, made by real programs: test/corpus/README.md says which. What each format keeps
 * of them: the title, headings with their level, pages, lists, rows with their header. */
#include "base/json.h"
#include "base/test.h"
#include "document/extract.h"
#include "document/testcorpus.h"

#define FEES "| Boat: Dinghy; Length: 4 metres; Fee per night: €12\n| Boat: Sloop; Length: 9 metres; Fee per night: €31\n"
#define SORVAG "The harbour of Sørvåg opens at six o"

static const struct {
	const char *file, *type, *title;
	unsigned pages;
	const char *holds[8]; /* runs of outline_lines() */
} files[] = {
#define HANDBOOK                                                                                   \
	{ "1 Opening hours\n  " SORVAG, "  Note: The tide tables are printed every January.\n",    \
	  "1 Mooring fees\n" FEES, "2 Arriving\n- 1. Call the harbour master on channel 12.\n- 2. Wait", \
	  "3 What to bring\n- the boat", "- naïve optimism", "1 Łódź and Πειραιάς\n" }
	{ "handbook.md", "markdown", "Harbour Handbook", 0, HANDBOOK },
	{ "utf-16.md", "markdown", "Harbour Handbook", 0, HANDBOOK },
	{ "pandoc.docx", "docx", "Harbour Handbook", 0, HANDBOOK },
	{ "pandoc.odt", "odt", "Harbour Handbook", 0, HANDBOOK },
	{ "libreoffice.docx", "docx", "Harbour Handbook", 0,
	  { "1 Opening hours\n  " SORVAG, FEES, "2 Arriving\n- Call the harbour master", "- the boat's papers" } },
	{ "libreoffice.odt", "odt", "Harbour Handbook", 3,
	  { "#1\n1 Opening hours\n  " SORVAG, FEES "#2\n  Sister ports are Łódź and Πειραιάς.\n2 Arriving\n- Call",
	    "#3\n  The breakwater is not lit after midnight.\n" } },
	{ "libreoffice.html", "html", "Opening hours", 0,
	  { "1 Opening hours\n  " SORVAG, FEES, "2 Arriving\n- Call the harbour master" } },
	{ "python-docx.docx", "docx", "Harbour Handbook", 0,
	  { "1 Harbour Handbook\n1 Mooring fees\n" FEES "| Boat: Sloop; Length: 9 metres, winter; Fee per night: €20\n",
	    "2 Arriving at Sørvåg\n- 1. Call the harbour master on channel 12.\n- 2. Wait outside the breakwater.\n",
	    "- naïve optimism\n" } },
	{ "openpyxl.xlsx", "xlsx", "Harbour Handbook", 2,
	  { "#1\n1 Fees\n| Fees of Sørvåg harbour\n| Boat: Dinghy; Length: 4 m; Fee: 12.5; Since: 2021-04-01; Share: 10%\n",
	    "Since: 2022-05-15 18:30; Share: 25%\n", "Fee: 0.3; Since: 2024-02-29; Share: 100%\n",
	    "#2\n1 Łódź\n| Key: Harbour master; Value: Åse Þórsdóttir\n" } },
#define TABLE { "#1\n1 fees\n| Boat: Dinghy; Length: 4 m; Fee: 12.5; Since: 2021-04-01\n",        \
		"| Boat: Sloop, large;", "| Boat: Zürich \"Lady\"; Length: 7 m; Fee: 27; Since: 2024-02-29\n" }
	{ "libreoffice.xlsx", "xlsx", NULL, 1, TABLE },
	{ "libreoffice.ods", "ods", NULL, 1, TABLE },
	{ "libreoffice.odp", "odp", "Harbour Handbook", 4,
	  { "#2\n1 Mooring fees\n" FEES, "#3\n1 Arriving at Sørvåg\n- 1. Call",
	    "  Mention that the breakwater is not lit", "#4\n1 Sister ports\n- Łódź" } },
	{ "pandoc.pptx", "pptx", "Harbour Handbook", 4,
	  { "#2\n1 Mooring fees\n" FEES, "#3\n1 Arriving at Sørvåg\n- 1. Call",
	    "  Mention that the breakwater is not lit", "#4\n1 Sister ports\n- Łódź" } },
	{ "libreoffice.pptx", "pptx", "Harbour Handbook", 4,
	  { "#2\n1 Mooring fees\n" FEES, "#3\n1 Arriving at Sørvåg\n- 1. Call",
	    "  Mention that the breakwater is not lit", "#4\n1 Sister ports\n- Łódź" } },
	{ "pandoc.epub", "epub", "Harbour Handbook", 0,
	  { "1 Harbour Handbook\n1 Opening hours\n  " SORVAG, "until ten.\n- 1. The tide tables are printed every January.\n",
	    "1 Mooring fees\n" FEES, "2 Arriving\n- 1. Call", "1 Łódź and Πειραιάς\n  Sister" } },
	/* It wrote no headings; they are those of its table of contents. */
	{ "libreoffice.epub", "epub", "Harbour Handbook", 0,
	  { "1 Opening hours\n  " SORVAG, "1 Mooring fees\n| Dinghy; 4 metres; €12\n" } },
	{ "python.eml", "eml", "Mooring fees of Sørvåg — next year", 0,
	  { "1 Mooring fees of Sørvåg — next year\n| From: Åse Þórsdóttir <harbour@example.org>; To: Jürgen "
	    "<juergen@example.org>; Date: Mon, 04 Mar 2024 10:00:00 +0100\n  " SORVAG,
	    "2 Attachment: Gebühren.csv\n| Boat: Dinghy; Length: 4 m; Fee: 12.50; Since: 2021-04-01\n",
	    "2 Attachment: handbook.docx\n", "3 Mooring fees\n" FEES } },
	{ "pandoc.html", "html", "Opening hours", 0,
	  { "1 Opening hours\n  " SORVAG, FEES, "2 Arriving\n- 1. Call the harbour master", "3 What to bring\n- the" } },
	{ "libreoffice.pdf", "pdf", "Opening hours", 3, { SORVAG, "#2\n", "Sister ports are Łódź and Πειραιάς.", "#3\n" } },
	{ "sqlite3.csv", "csv", NULL, 0, { "| boat: Sloop, large; length: 9 m; fee: 31.0; since: 2022-05-15\n" } },
	{ "sqlite3.tsv", "csv", NULL, 0, { "| boat: Zürich \"Lady\"; length: 7 m; fee: 27.0;" } },
	{ "sqlite3.json", "json", NULL, 0, { "| boat: Sloop, large; length: 9 m; fee: 31; since: 2022-05-15\n" } },
	{ "sqlite3.jsonl", "jsonl", NULL, 0, { "| boat: Zürich \"Lady\"; length: 7 m; fee: 27; since: 2024-02-29\n" } },
	{ "ip.json", "json", NULL, 0, { "| ifindex: 1; ifname: lo; flags: LOOPBACK, UP, LOWER_UP; mtu: 65536;" } },
	{ "shift_jis.txt", "text", NULL, 0, { "  港は朝六時に開きます。" } },
};

/* Every allocation failing is for the tests beside each reader; here it would take minutes. */
static bool is_oom_run(void)
{
	return getenv("VOICED_TEST_OOM") != NULL;
}

static void check_file(size_t i, const char *name)
{
	AUTO(buf) struct buf raw = { 0 };
	AUTO(buf) struct buf lines = { 0 };
	AUTO(outline) struct outline o = { 0 };
	const char *type = NULL;
	char why[EXTRACT_WHY] = "";

	corpus_file(files[i].file, &raw);
	CHECK_EQ(extract(buf_bytes(&raw), name, &o, &type, why), EXTRACT_OK);
	CHECK_STR(type, files[i].type);
	CHECK(outline_sound(&o));
	CHECK_EQ(o.n_pages, files[i].pages);
	if (files[i].title)
		CHECK_STR(o.title, files[i].title);
	else
		CHECK(!o.title);
	outline_lines(&o, &lines);
	for (size_t k = 0; k < ARRAY_LEN(files[i].holds) && files[i].holds[k]; k++) {
		const char *at = strstr((char *)lines.p, files[i].holds[k]);
		if (!at)
			fprintf(stderr, "%s: \"%s\" is not in:\n%s", name, files[i].holds[k], (char *)lines.p);
		CHECK(at != NULL);
	}
}

static void reads_all(void)
{
	json_init();
	for (size_t i = 0; i < ARRAY_LEN(files) && !is_oom_run() && !test_failed_; i++)
		check_file(i, files[i].file);
}

/* What a file holds decides, not what it is called. */
static void trusts_content(void)
{
	static const char *const marked[] = { "docx", "odt", "xlsx", "ods", "odp", "pptx", "epub", "eml", "html", "json", "jsonl" };

	json_init();
	for (size_t i = 0; i < ARRAY_LEN(files) && !is_oom_run(); i++)
		for (size_t k = 0; k < ARRAY_LEN(marked) && !test_failed_; k++)
			if (strcmp(files[i].type, marked[k]) == 0)
				check_file(i, i % 2 ? "liar.pdf" : "no-suffix");
}

/* Cut off at any place: a verdict and no more. */
static void survives_cuts(void)
{
	static const char *const names[] = { "pandoc.docx", "libreoffice.xlsx", "pandoc.odt", "pandoc.epub", "pandoc.pptx", "sqlite3.json" };

	for (size_t i = 0; i < ARRAY_LEN(names) && !is_oom_run(); i++) {
		AUTO(buf) struct buf raw = { 0 };

		corpus_file(names[i], &raw);
		for (size_t n = raw.n; n > 16; n -= MAX(n / 8, (size_t)1)) {
			AUTO(outline) struct outline o = { 0 };
			const char *type;
			char why[EXTRACT_WHY];
			enum extract_verdict v =
				extract(bytes_of(raw.p, n), names[i], &o, &type, why);
			CHECK(n == raw.n ? v == EXTRACT_OK : v == EXTRACT_MALFORMED || i == 5);
		}
	}
}

TESTS({ "reads_all", reads_all }, { "trusts_content", trusts_content }, { "survives_cuts", survives_cuts })
