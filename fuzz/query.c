/* Any octets as a question to a small collection: slots and rows lie where they should. The
 * first octet chooses between the understood question and what is found for it.
 * Links: the knowledge layer. */
#include <stdlib.h>

#include "document/utf8.h"
#include "knowledge/query.h"
#include "knowledge/search.h"
#include "knowledge/teststore.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct searcher *make_searcher(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(store) struct store *s = NULL;
	struct searcher *to = NULL;
	char why[STORE_WHY];

	if (store_open(&s, dir.path, why) != 0 || teststore_add(s, "manual.md", teststore_manual) ||
	    teststore_fill(s) != 0 || searcher_new(&to) != 0 ||
	    searcher_load(to, s, STORE_DEFAULT_COLLECTION) != 0)
		abort();
	return to;
}

static void check_query(const struct index *x, struct bytes text)
{
	struct query q;

	query_make(&(struct view){ .x = x, .all = true }, text, &q);
	if (q.n_slots > QUERY_SLOTS || q.n_alternatives > QUERY_ALTERNATIVES)
		abort();
	for (size_t i = 0; i < q.n_slots; i++)
		if (q.slots[i].end > text.n || q.slots[i].end <= q.slots[i].start)
			abort();
	for (size_t i = 0; i < q.n_alternatives; i++)
		if (q.alternatives[i].first + q.alternatives[i].n_slots > q.n_slots)
			abort();
	float covers = query_covers_text(x, &q, text, (struct bytes){ 0 });
	if (!(covers >= 0 && covers <= 1.001f))
		abort();
}

static void check_search(struct searcher *searcher, const char *text)
{
	AUTO(search_result) struct search_result result = { 0 };
	const struct search_request q = { .query = text, .k = 3 };

	if (search_run(searcher, &q, &result) != 0 || result.n > 3)
		abort();
	for (size_t i = 0; i < result.n; i++)
		if (!(result.rows[i].score >= 0 && result.rows[i].score <= 1.001f) ||
		    (i && result.rows[i].score > result.rows[i - 1].score) ||
		    result.rows[i].end - result.rows[i].start != result.rows[i].text.n)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct searcher *searcher;
	static struct search_result any; /* keeps the index */
	AUTO(buf) struct buf text = { 0 };

	if (!searcher) {
		searcher = make_searcher();
		if (search_run(searcher, &(struct search_request){ .query = "boat" }, &any) != 0)
			abort();
	}
	if (n == 0)
		return 0;
	utf8_import(&text, bytes_of(p + 1, n - 1));
	buf_putc(&text, '\0');
	if (p[0] & 1)
		check_query(any.index, bytes_str((const char *)text.p));
	else
		check_search(searcher, (const char *)text.p);
	return 0;
}
