/* questions.c - how often the right place is found, and where it is lost.
 *
 *   bench_questions [--verbose] [--ground] [--heard FILE] DATA SET QUESTIONS UNANSWERABLE
 *
 * DATA is a directory that `voiced ingest` filled; QUESTIONS and UNANSWERABLE are tables as
 * test/questions/README.md describes them, SET the rows of the latter that count. Search and
 * answer run in process, as the session runs them. --heard: FILE has a line per question, its
 * id, a tab, and what the recogniser made of it; these words are asked instead.
 * --ground: which source engine/ground.h finds for an answer in the question's words, and for one
 * with another question's answer in it, which nothing says.
 * Prints one line: the rank of the right place in the search (first, in 3, in 10), whether the
 * answer quotes the right place first, whether it says the right words, how often it quotes
 * a wrong place or finds nothing, and how many unanswerable questions were answered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/exam.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "engine/answer.h"
#include "engine/ground.h"
#include "knowledge/search.h"
#include "knowledge/store.h"

enum { COLUMNS = 5, ROWS_MAX = 1000, DEEP = 10, TOOL_RESULTS = 8 };

struct row {
	char *column[COLUMNS];
	const char *heard; /* NULL: it was not */
};

struct table {
	char *text;
	struct row row[ROWS_MAX];
	size_t n;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_questions: %s\n", what);
	exit(1);
}

static char *read_all(const char *path)
{
	struct buf b = { 0 };
	FILE *f = fopen(path, "re");
	char piece[65536];
	size_t n;

	if (!f)
		die(path);
	while ((n = fread(piece, 1, sizeof(piece), f)))
		buf_put(&b, piece, n);
	fclose(f);
	return buf_take(&b);
}

static void read_table(struct table *t, const char *path, size_t skip)
{
	char *line = t->text = read_all(path);

	for (size_t k = 0; line && *line; k++) {
		char *next = strchr(line, '\n');

		if (next)
			*next++ = '\0';
		if (k >= skip && t->n < ROWS_MAX) {
			struct row *r = &t->row[t->n++];

			for (size_t i = 0; i < COLUMNS; i++) {
				static char none[] = "";
				r->column[i] = line ? line : none;
				line = line ? strchr(line, '\t') : NULL;
				if (line)
					*line++ = '\0';
			}
		}
		line = next;
	}
}

static void add_heard(struct table *t, const struct table *heard)
{
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < heard->n; k++)
			if (strcmp(t->row[i].column[0], heard->row[k].column[0]) == 0)
				t->row[i].heard = heard->row[k].column[1];
}

/* --- asking ------------------------------------------------------------------------------- */

struct totals {
	size_t n, rank[DEEP + 1], source, said, wrong, nothing, foreign, invented;
};

/* 1..DEEP, 0: not among them. */
static size_t rank_of(struct searcher *s, const struct row *r, const char *question)
{
	static struct search_result res;
	const struct search_request q = { .query = question, .k = DEEP };
	size_t rank = 0;

	if (search_run(s, &q, &res) < 0)
		die("search failed");
	for (size_t i = 0; i < res.n && !rank; i++)
		if (exam_is_place(r->column[3], res.rows[i].name, res.rows[i].page,
				  res.rows[i].heading))
			rank = i + 1;
	search_result_done(&res);
	return rank;
}

static void ask(struct searcher *s, const char *question, bool heard, struct answer *a)
{
	static struct search_result res;
	AUTO(mem) char *query = answer_query(question, NULL);
	const struct search_request q = { .query = query, .k = TOOL_RESULTS };

	if (search_run(s, &q, &res) < 0)
		die("search failed");
	AUTO(json) json_t *found = search_result_json(&q, &res);
	search_result_done(&res);
	if (answer_find(a, query, heard ? ANSWER_HEARD : ANSWER_TYPED, found) != 0)
		die("out of memory");
}

static void count(struct totals *t, const struct row *r, size_t rank, const struct answer *a, bool verbose)
{
	const json_t *from = a->n_parts ? a->parts[0].source : NULL;
	const char *file = json_str(from, "file", ""), *heading = json_str(from, "heading", "");
	unsigned page = (unsigned)json_int(from, "page", 0);
	bool right = from && exam_is_place(r->column[3], file, page, heading), said = false;

	for (size_t i = 0; i < a->n_parts; i++)
		said = said || exam_says(a->parts[i].text, r->column[2]);
	t->n++;
	t->rank[rank]++;
	t->source += right;
	t->said += said;
	t->wrong += from && !right;
	t->nothing += !from;
	if (!verbose || right)
		return;
	printf("%s  rank %zu  %s\n", r->column[0], rank, r->column[1]);
	if (r->heard)
		printf("    heard: %s\n", r->heard);
	printf("    said:  %.300s\n    from:  %s p=%u h=%s\n    want:  %s\n", from ? a->parts[0].text : "-",
	       file, page, heading, r->column[3]);
}

/* --- the whole set ------------------------------------------------------------------------ */

static struct {
	struct table questions, foreign, heard;
	bool verbose, spoken, ground;
	const char *set;
} asked;

/* "How high is the hill, two hundred and ten metres." */
static json_t *source_of(const json_t *found, const char *question, const char *answer)
{
	struct ground *made = NULL;
	bool no_memory = false;

	if (ground_new(&made) != 0)
		die("out of memory");
	AUTO(ground) struct ground *g = made;
	AUTO(mem) char *text = mem_printf("%.*s, %.*s.", (int)strcspn(question, "?"), question,
					  (int)strcspn(answer, "|"), answer);
	if (!text || ground_add(g, found) != 0)
		die("out of memory");
	return ground_find(g, bytes_str(text), &no_memory);
}

static void ground_answers(struct searcher *s)
{
	size_t right = 0, wrong = 0, invented = 0, n = asked.questions.n;

	for (size_t k = 0; k < n; k++) {
		static struct search_result res;
		const struct row *r = &asked.questions.row[k], *other = &asked.questions.row[(k + 1) % n];
		const struct search_request q = { .query = r->column[1], .k = TOOL_RESULTS };

		if (search_run(s, &q, &res) < 0)
			die("search failed");
		AUTO(json) json_t *found = search_result_json(&q, &res);
		search_result_done(&res);
		AUTO(json) json_t *from = source_of(found, r->column[1], r->column[2]);
		AUTO(json) json_t *none = source_of(found, r->column[1], other->column[2]);
		bool is = from && exam_is_place(r->column[3], json_str(from, "file", ""),
						(unsigned)json_int(from, "page", 0), json_str(from, "heading", ""));

		right += is;
		wrong += from && !is;
		invented += none != NULL;
		if (asked.verbose && (!is || none))
			printf("%s  %s %s\n    from: %s\n    and for %s: %s\n", r->column[0], r->column[1], r->column[2],
			       json_str(from, "quote", "-"), other->column[2], json_str(none, "quote", "-"));
	}
	printf("%-9s ground: right source %zu, wrong %zu, none %zu of %zu; another's answer cited %zu\n", asked.set,
	       right, wrong, n - right - wrong, n, invented);
}

static void ask_answerable(struct searcher *s, struct totals *t)
{
	for (size_t k = 0; k < asked.questions.n; k++) {
		AUTO(answer) struct answer a = { 0 };
		const struct row *r = &asked.questions.row[k];
		const char *q = asked.spoken ? r->heard : r->column[1];

		if (!q)
			continue;
		ask(s, q, asked.spoken, &a);
		count(t, r, rank_of(s, r, q), &a, asked.verbose);
	}
}

static void ask_foreign(struct searcher *s, struct totals *t)
{
	for (size_t k = 0; k < asked.foreign.n; k++) {
		AUTO(answer) struct answer a = { 0 };
		const struct row *r = &asked.foreign.row[k];
		const char *q = asked.spoken ? r->heard : r->column[2];

		if (strcmp(r->column[1], asked.set) != 0 || !q)
			continue;
		ask(s, q, asked.spoken, &a);
		t->foreign++;
		t->invented += a.n_parts > 0;
		if (asked.verbose && a.n_parts)
			printf("%s  %s\n    heard: %s\n    said:  %.300s\n", r->column[0], r->column[2], q,
			       a.parts[0].text);
	}
}

static void print_totals(const struct totals *t)
{
	double mrr = 0; /* mean reciprocal rank */

	for (size_t k = 1; k <= DEEP; k++)
		mrr += (double)t->rank[k] / (double)k / (double)MAX(t->n, (size_t)1);
	printf("%-9s %s: search first %zu, in 3 %zu, in 10 %zu, MRR %.3f; source first %zu, said %zu, wrong %zu, "
	       "nothing %zu of %zu; unanswerable answered %zu of %zu\n",
	       asked.set, asked.spoken ? "heard" : "typed", t->rank[1], t->rank[1] + t->rank[2] + t->rank[3],
	       t->n - t->rank[0], mrr, t->source, t->said, t->wrong, t->nothing, t->n, t->invented, t->foreign);
}

/* The options; the index of the first argument behind them. */
static int read_options(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--verbose") == 0)
			asked.verbose = true;
		else if (strcmp(argv[i], "--ground") == 0)
			asked.ground = true;
		else if (strcmp(argv[i], "--heard") == 0 && i + 1 < argc) {
			asked.spoken = true;
			read_table(&asked.heard, argv[++i], 0);
		}
	}
	return i;
}

int main(int argc, char **argv)
{
	AUTO(store) struct store *store = NULL;
	AUTO(searcher) struct searcher *searcher = NULL;
	struct totals t = { 0 };
	char why[STORE_WHY];
	int i = read_options(argc, argv);

	if (argc - i != 4) {
		fprintf(stderr, "usage: bench_questions [--verbose] [--ground] [--heard FILE] "
				"DATA SET QUESTIONS UNANSWERABLE\n");
		return 2;
	}
	asked.set = argv[i + 1];
	read_table(&asked.questions, argv[i + 2], 1);
	read_table(&asked.foreign, argv[i + 3], 1);
	add_heard(&asked.questions, &asked.heard);
	add_heard(&asked.foreign, &asked.heard);
	if (store_init() < 0 || store_reader_open(&store, argv[i], why) < 0 || searcher_new(&searcher) < 0 ||
	    searcher_refresh(searcher, store) < 0)
		die("cannot load the documents");
	if (asked.ground) {
		ground_answers(searcher);
	} else {
		ask_answerable(searcher, &t);
		ask_foreign(searcher, &t);
		print_totals(&t);
	}
	mem_free(asked.questions.text);
	mem_free(asked.foreign.text);
	mem_free(asked.heard.text);
	return 0;
}
