/* search.c - passages on the command line. */
#include "knowledge/search.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/parts.h"
#include "knowledge/store.h"

enum { SHOWN = 400 }; /* octets of a passage for people */

static void print_people(const struct search_result *r)
{
	if (r->n == 0)
		printf("Nothing was found.\n");
	for (size_t i = 0; i < r->n; i++) {
		const struct search_row *row = &r->rows[i];
		size_t n = MIN(row->text.n, (size_t)SHOWN);

		while (n < row->text.n && n > 0 && (row->text.p[n] & 0xc0) == 0x80)
			n--; /* not inside a character */
		printf("%s%s", i ? "\n" : "", *row->title ? row->title : row->name);
		if (row->page)
			printf(", page %u", row->page);
		if (*row->headings)
			printf(" > %s", row->headings);
		if (row->n_alike)
			printf(", and %u much like it", row->n_alike);
		printf("  (%s, %.2f)\n%.*s%s\n", row->name, (double)row->score, (int)n,
		       (const char *)row->text.p, n < row->text.n ? " ..." : "");
	}
}

static int print_json(const struct search_request *q, const struct search_result *r)
{
	AUTO(buf) struct buf out = { 0 };
	AUTO(json) json_t *o = search_result_json(q, r);

	json_write(&out, o);
	if (out.failed)
		return -ENOMEM;
	puts((const char *)out.p);
	return 0;
}

/* What is asked for besides the words. 0, or 2 with a sentence. */
static int take_filter(const struct config *c, struct view_filter *f, char tags[static LABELS_SIZE])
{
	const struct {
		const char *option, *text;
		int64_t *to;
	} dates[] = { { "since", c->since, &f->since_us }, { "until", c->until, &f->until_us } };

	f->path = c->path;
	if (config_set_of(&c->tags, "tag", tags) != 0)
		return 2;
	f->tags = tags;
	for (size_t i = 0; i < ARRAY_LEN(dates); i++)
		if (dates[i].text && !view_date(dates[i].text, dates[i].to)) {
			fprintf(stderr, "voiced: --%s wants a date such as 2026-01-31, not '%.80s'\n",
				dates[i].option, dates[i].text);
			return 2;
		}
	return 0;
}

int command_search(struct config *c)
{
	AUTO(store) struct store *store = NULL;
	AUTO(searcher) struct searcher *searcher = NULL;
	AUTO(search_result) struct search_result result = { 0 };
	AUTO(buf) struct buf query = { 0 };
	char why[STORE_WHY] = "out of memory", groups[LABELS_SIZE], tags[LABELS_SIZE];
	struct view_filter filter = { .groups = c->groups.n ? groups : NULL };

	if (config_set_of(&c->groups, "group", groups) != 0 || take_filter(c, &filter, tags) != 0)
		return 2;
	for (size_t i = 0; i < c->words.n; i++)
		buf_printf(&query, "%s%s", i ? " " : "", c->words.at[i]);
	struct search_request q = { .collection = c->collection, .query = (const char *)query.p, .k = c->k,
				    .filter = filter };
	int r = query.failed ? -ENOMEM : search_mode(c->mode, &q.by) ? 0 : -EINVAL;
	if (r == -EINVAL)
		snprintf(why, sizeof(why), MODE_WRONG, c->mode);
	if (r == 0)
		r = store_init();
	if (r == 0)
		r = store_reader_open(&store, c->data, why);
	if (r == 0)
		r = searcher_new(&searcher);
	if (r == 0)
		r = searcher_load(searcher, store, c->collection);
	if (r == -ENOENT && store)
		snprintf(why, sizeof(why), COLLECTION_MISSING, c->collection, c->collection);
	if (r == 0)
		r = search_run(searcher, &q, &result);
	if (r == 0)
		r = c->json ? print_json(&q, &result) : (print_people(&result), 0);
	if (r != 0)
		fprintf(stderr, "voiced: %s\n", why);
	return r != 0;
}
