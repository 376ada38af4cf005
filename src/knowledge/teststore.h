/* teststore.h - a small collection for tests: documents from Markdown, no files. */
#pragma once

#include "base/test.h"
#include "knowledge/ingest.h"
#include "knowledge/testlib.h"

static const char teststore_manual[] =
	"# Handbook\n\nFor everyone who works here.\n\n## Holidays\n\n"
	"Every employee has thirty days of holiday a year. Unused days expire on the 31st of March.\n\n"
	"## Travel\n\nBook trains before flights. The **travel desk** answers within two days.\n\n"
	"| City | Allowance |\n|---|---|\n| Paris | 60 euro |\n| Prague | 40 euro |\n\n"
	"## Database\n\nThe database is copied every night. A conffile is never replaced.\n";

static inline int teststore_add(struct store *s, const char *name, const char *markdown)
{
	AUTO(ingest_summary) struct ingest_summary sum = { 0 };
	const struct ingest_params p = { .collection = NULL };

	return ingest_bytes(s, &p, name, bytes_str(markdown), &sum);
}

/* 64 passages on four subjects, so that there is something to learn from. */
static inline int teststore_fill(struct store *s)
{
	static const char *const subjects[4][4] = {
		{ "boat", "harbour", "anchor", "sail" },
		{ "bread", "oven", "flour", "yeast" },
		{ "star", "telescope", "galaxy", "planet" },
		{ "python", "compiler", "function", "variable" },
	};
	AUTO(buf) struct buf b = { 0 };

	for (unsigned i = 0; i < 64; i++) {
		const char *const *w = subjects[i % 4];

		buf_printf(&b, "## Part %u\n\nThe %s and the %s are near the %s. A %s is there, "
			   "the %s and number %u.\n\n", i, w[0], w[1 + i / 4 % 3], w[1 + (i / 4 + 1) % 3],
			   w[i / 16 % 4], w[(i / 8 + 2) % 4], i * 7);
	}
	return b.failed ? -1 : teststore_add(s, "subjects.md", (const char *)b.p);
}
