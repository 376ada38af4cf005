#include <unistd.h>

#include "base/test.h"
#include "knowledge/ingest.h"
#include "knowledge/search.h"
#include "knowledge/testdir.h"

static const char manual[] = "# Handbook\n\n## Holidays\n\n"
			     "Every employee has thirty days of holiday a year. Unused days expire "
			     "on the 31st of March.\n\n"
			     "## Travel\n\nBook trains before flights. The **travel desk** answers "
			     "within two days.\n\n| City | Allowance |\n|---|---|\n| Paris | 60 euro |\n"
			     "| Prague | 40 euro |\n";

static void finds_and_cites(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(searcher) struct searcher *finder = NULL;
	AUTO(ingest_summary) struct ingest_summary sum = { 0 };
	AUTO(search_result) struct search_result r = { 0 };
	const struct ingest_params p = { .collection = NULL };
	char why[STORE_WHY];

	CHECK_EQ(store_open(&s, dir.path, why), 0);
	CHECK_EQ(ingest_bytes(s, &p, "handbook.md", bytes_str(manual), &sum), 0);
	CHECK_EQ(sum.added, 1);
	CHECK_EQ(searcher_new(&finder), 0);
	CHECK_EQ(searcher_refresh(finder, s), 0);

	const struct search_request q = { .query = "what is the allowance for prague" };
	CHECK_EQ(search_run(finder, &q, &r), 0);
	CHECK(r.n >= 1);
	CHECK_STR(r.rows[0].heading, "Travel");
	CHECK_STR(r.rows[0].headings, "Handbook > Travel");
	CHECK_STR(r.rows[0].name, "handbook.md");
	CHECK(r.confidence > 0.9f);
	CHECK(memmem(r.rows[0].text.p, r.rows[0].text.n, "City: Prague; Allowance: 40 euro", 32));
}

TESTS({ "finds_and_cites", finds_and_cites })
