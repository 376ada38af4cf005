/* cranfield.c - how good the ranking is: nDCG@10 and recall@10 on the Cranfield collection.
 *
 *   bench_cranfield DIR        the report: everything chosen on the odd-numbered questions,
 *                              reported on the even ones
 *   bench_cranfield DIR odd    the same measures on the odd ones: what may be looked at while
 *                              the ranking is being tuned; `odd ours` leaves FTS5 out, and
 *                              NAME=VALUE sets a field of struct search_tuning
 *
 * A document is ranked by its best passage. Beside ours stands SQLite's FTS5 with porter stemming
 * and without stop words, over the same passages and over whole abstracts, each with the k1 and b
 * that are best on the odd questions; the best of them there is the baseline. The strongest has the
 * weight of the title's column chosen, too. The ratios to both are bootstrapped over pairs: 10,000
 * resamples of the questions, fixed seed.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/testdir.h"
#include "bench/cranfield.h"
#include "bench/peers/fts5.h"
#include "knowledge/learn.h"
#include "knowledge/search.h"
#include "knowledge/store.h"

enum { DEEP = 50, RESAMPLES = 10000, SYSTEMS_MAX = 24 };

static struct cranfield data;

static void die(const char *what)
{
	fprintf(stderr, "bench_cranfield: %s\n", what);
	exit(1);
}

/* --- measures -------------------------------------------------------------------------------- */

struct ranking {
	unsigned document[DEEP];
	size_t n;
};

static void add_ranked(struct ranking *r, unsigned document)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->document[i] == document)
			return;
	if (r->n < DEEP)
		r->document[r->n++] = document;
}

static double ideal(size_t q)
{
	double sum = 0;
	size_t k = 0;

	for (unsigned g = 4; g >= 1; g--)
		for (size_t d = 1; d <= CRANFIELD_DOCUMENTS; d++)
			if (data.gain[q][d] == g && k < 10)
				sum += g / log2((double)(++k) + 1);
	return sum;
}

struct score {
	double ndcg, recall; /* at 10 */
};

static struct score judge(size_t q, const struct ranking *r)
{
	struct score s = { 0, 0 };
	double dcg = 0, in = 0, relevant = 0;

	for (size_t d = 1; d <= CRANFIELD_DOCUMENTS; d++)
		relevant += data.gain[q][d] > 0;
	for (size_t i = 0; i < MIN(r->n, (size_t)10); i++) {
		unsigned g = data.gain[q][r->document[i]];

		dcg += g / log2((double)i + 2);
		in += g > 0;
	}
	if (relevant > 0)
		s = (struct score){ dcg / ideal(q), in / relevant };
	return s;
}

/* What one system got, question by question. */
struct system {
	char name[72];
	struct score of[CRANFIELD_QUESTIONS + 1];
};

/* Over every second question: first 1 for the odd, 2 for the even ones. */
static struct score mean(const struct system *s, size_t first)
{
	struct score sum = { 0, 0 };
	double n = 0;

	for (size_t q = first; q <= CRANFIELD_QUESTIONS; q += 2, n++) {
		sum.ndcg += s->of[q].ndcg;
		sum.recall += s->of[q].recall;
	}
	return (struct score){ sum.ndcg / n, sum.recall / n };
}

/* --- the bootstrap --------------------------------------------------------------------------------- */

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void bootstrap(const struct system *ours, const struct system *theirs, size_t first,
		      double goal)
{
	static double ratio[RESAMPLES];
	size_t n = (CRANFIELD_QUESTIONS - first) / 2 + 1, better = 0, reached = 0;
	uint64_t state = 4;

	for (size_t i = 0; i < RESAMPLES; i++) {
		double a = 0, b = 0;

		for (size_t k = 0; k < n; k++) {
			size_t q = first + 2 * (next_random(&state) % n);
			a += ours->of[q].ndcg;
			b += theirs->of[q].ndcg;
		}
		ratio[i] = a / b;
		better += a > b;
		reached += a >= goal * b;
	}
	qsort(ratio, RESAMPLES, sizeof(ratio[0]), by_value);
	printf("\n%s / %s: %.3f\n  of %d resamples of the pairs 95 %% lie in %.3f to %.3f, %.1f %% above 1, "
	       "%.1f %% at %.2f or more\n",
	       ours->name, theirs->name, mean(ours, first).ndcg / mean(theirs, first).ndcg,
	       RESAMPLES, ratio[RESAMPLES / 40], ratio[RESAMPLES - RESAMPLES / 40],
	       100.0 * (double)better / RESAMPLES, 100.0 * (double)reached / RESAMPLES, goal);
}

/* --- ours ---------------------------------------------------------------------------------------------- */

static void put_document(struct store *s, unsigned number)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(passages) struct passages p = { 0 };
	char path[16];
	int64_t id;
	enum store_put how;

	if (!data.document[number].text)
		die("a document is missing");
	outline_add(&o, BLOCK_HEADING, 1, 0, bytes_str(data.document[number].title));
	outline_add(&o, BLOCK_PARA, 0, 0, bytes_str(data.document[number].text));
	snprintf(path, sizeof(path), "%u", number);
	struct store_document d = { .collection = 1, .path = path, .title = "", .type = "text" };
	d.sha256[0] = 1;
	if (passages_cut(&o, &p) < 0 || store_put(s, &d, buf_bytes(&o.text), &p, &id, &how) < 0)
		die(store_why(s));
	if (id != number)
		die("a document's number in the store is not its own");
}

static struct ranking by_search(struct searcher *f, const struct search_request *q)
{
	static struct search_result res;
	struct ranking r = { .n = 0 };

	if (search_run(f, q, &res) < 0)
		die("the search failed");
	for (size_t i = 0; i < res.n; i++)
		add_ranked(&r, (unsigned)strtoul(res.rows[i].path, NULL, 10));
	search_result_done(&res);
	return r;
}

static void ask_ours(struct system *s, struct searcher *f, const char *name,
		     struct search_request request)
{
	snprintf(s->name, sizeof(s->name), "%s", name);
	request.k = DEEP;
	for (size_t q = 1; q <= CRANFIELD_QUESTIONS; q++) {
		request.query = data.question[q];
		struct ranking r = by_search(f, &request);
		s->of[q] = judge(q, &r);
	}
}

/* --- FTS5 ------------------------------------------------------------------------------------------------ */

/* Rows of the full-text table and the document each belongs to. */
struct table {
	const char *name;
	struct fts5 *f;
	unsigned *of; /* [row], from 1 */
	size_t n, cap;
	struct fts5_matches matches[CRANFIELD_QUESTIONS + 1];
};

static void add_row(struct table *t, unsigned document, const char *heading, const char *text)
{
	if (!mem_grow(&t->of, &t->cap, t->n + 1, sizeof(*t->of)))
		die("not enough memory");
	t->of[++t->n] = document;
	fts5_add(t->f, (int64_t)t->n, heading, text);
}

static int add_passage(void *ctx, const struct store_passage *p)
{
	AUTO(mem) char *text = mem_printf("%.*s", (int)p->text.n, (const char *)p->text.p);

	add_row(ctx, (unsigned)p->document, p->path, text);
	return 0;
}

static void fill_abstracts(struct table *t)
{
	for (unsigned d = 1; d <= CRANFIELD_DOCUMENTS; d++)
		add_row(t, d, data.document[d].title, data.document[d].text);
}

/* What each question's words match, so that scoring again with other parameters costs little. */
static void collect(struct table *t)
{
	for (size_t q = 1; q <= CRANFIELD_QUESTIONS; q++) {
		AUTO(buf) struct buf words = { 0 };

		fts5_expression(bytes_str(data.question[q]), false, &words);
		fts5_collect(t->f, (char *)words.p, &t->matches[q]);
	}
}

static struct score judge_rows(const struct table *t, size_t q, const int64_t *rows, size_t n)
{
	struct ranking r = { .n = 0 };

	for (size_t i = 0; i < n; i++)
		add_ranked(&r, t->of[rows[i]]);
	return judge(q, &r);
}

static void ask_tuned(struct system *s, const struct table *t, struct fts5_tuning tuning,
		      size_t step)
{
	int64_t rows[DEEP];

	for (size_t q = 1; q <= CRANFIELD_QUESTIONS; q += step)
		s->of[q] = judge_rows(t, q, rows, fts5_score(&t->matches[q], tuning, DEEP, rows));
}

/* As it comes: all words, rank. */
static void ask_plain(struct system *s, const struct table *t)
{
	int64_t rows[DEEP];

	snprintf(s->name, sizeof(s->name), "FTS5, %s, all words, ORDER BY rank", t->name);
	for (size_t q = 1; q <= CRANFIELD_QUESTIONS; q++) {
		AUTO(buf) struct buf words = { 0 };

		fts5_expression(bytes_str(data.question[q]), true, &words);
		s->of[q] = judge_rows(t, q, rows, fts5_rank(t->f, (char *)words.p, DEEP, rows));
	}
}

/* Is our sum FTS5's? With its parameters the order must be its own. */
static void check_formula(const struct table *t)
{
	static const struct fts5_tuning as_it_comes = { 1.2, 0.75, 1 };
	int64_t theirs[10], sums[10];

	for (size_t q = 1; q <= CRANFIELD_QUESTIONS; q++) {
		AUTO(buf) struct buf words = { 0 };

		fts5_expression(bytes_str(data.question[q]), false, &words);
		size_t n = fts5_rank(t->f, (char *)words.p, ARRAY_LEN(theirs), theirs);
		if (n != fts5_score(&t->matches[q], as_it_comes, ARRAY_LEN(sums), sums) ||
		    memcmp(theirs, sums, n * sizeof(sums[0])) != 0)
			die("the formula is not bm25()'s");
	}
}

static const double k1s[] = { 0.6, 0.9, 1.2, 1.5, 1.8, 2.2, 2.6, 3.2, 4 };
static const double bs[] = { 0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1 };
static const double titles[] = { 0, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12 };

struct best {
	struct fts5_tuning tuning;
	double ndcg; /* on the odd questions */
};

static void try(struct best *best, const struct table *t, struct fts5_tuning tuning)
{
	static struct system s;

	ask_tuned(&s, t, tuning, 2);
	if (mean(&s, 1).ndcg > best->ndcg)
		*best = (struct best){ tuning, mean(&s, 1).ndcg };
}

/* k1 and b together; with free_title the title's weight in turn with them. */
static struct fts5_tuning best_tuning(const struct table *t, bool free_title)
{
	struct best best = { .tuning = { 1.2, 0.75, 1 } };

	for (size_t round = 0; round < (free_title ? 2 : 1); round++) {
		for (size_t i = 0; free_title && i < ARRAY_LEN(titles); i++)
			try(&best, t,
			    (struct fts5_tuning){ best.tuning.k1, best.tuning.b, titles[i] });
		for (size_t i = 0; i < ARRAY_LEN(k1s) * ARRAY_LEN(bs); i++)
			try(&best, t,
			    (struct fts5_tuning){ k1s[i % ARRAY_LEN(k1s)], bs[i / ARRAY_LEN(k1s)],
						  best.tuning.heading });
	}
	return best.tuning;
}

/* --- the whole -------------------------------------------------------------------------------------------- */

static struct system systems[SYSTEMS_MAX];
static size_t n_systems;

static struct system *next_system(void)
{
	if (n_systems == SYSTEMS_MAX)
		die("too many systems");
	return &systems[n_systems++];
}

static void print(const struct system *s, size_t first)
{
	struct score m = mean(s, first);

	printf("%-64s %.4f   %.4f\n", s->name, m.ndcg, m.recall);
}

/* Adds a row; *best is the one that is best on the odd questions. */
static void add_tuned(const struct table *t, bool free_title, struct system **best)
{
	struct fts5_tuning tuning = best_tuning(t, free_title);
	struct system *s = next_system();
	char title[16] = "";

	if (free_title)
		snprintf(title, sizeof(title), " title %.1f", tuning.heading);
	snprintf(s->name, sizeof(s->name), "FTS5, %s, k1 %.1f b %.2f%s", t->name, tuning.k1,
		 tuning.b, title);
	ask_tuned(s, t, tuning, 1);
	if (!*best || mean(s, 1).ndcg > mean(*best, 1).ndcg)
		*best = s;
}

static void add_fts5(struct store *store, struct system **baseline, struct system **strongest)
{
	static struct table tables[] = { { .name = "passages" },
					 { .name = "abstracts" },
					 { .name = "abstracts, stop words not indexed" } };

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		struct table *t = &tables[i];

		t->f = fts5_new(NULL, i == 2 ? FTS5_STOPS_REMOVED : FTS5_STOPS_KEPT);
		if (i > 0)
			fill_abstracts(t);
		else if (store_passages(store, 1, add_passage, t) < 0)
			die(store_why(store));
		collect(t);
		check_formula(t);
		if (i == 0)
			ask_plain(next_system(), t);
		add_tuned(t, false, baseline);
		add_tuned(t, true, strongest);
		for (size_t q = 1; q <= CRANFIELD_QUESTIONS; q++)
			fts5_matches_done(&t->matches[q]);
		fts5_free(t->f);
		mem_free(t->of);
	}
}

/* --- ours, whole and in parts ----------------------------------------------------------------------------- */

#define FIELD(f)                                                                                   \
	{                                                                                          \
#f, offsetof(struct search_tuning, f)                                              \
	}
static const struct field {
	const char *name;
	size_t at;
} fields[] = { FIELD(vector_share),    FIELD(vector_half),    FIELD(neighbour_share),
	       FIELD(feedback_share),  FIELD(coverage_share),  FIELD(coverage_words),
	       FIELD(heading_share),   FIELD(proximity_share), FIELD(exact_share) };

static float *field_of(struct search_tuning *t, const struct field *f)
{
	return (float *)(void *)((char *)t + f->at);
}

/* What is added to the two lists. */
static bool is_feature(const struct field *f)
{
	return f->at != offsetof(struct search_tuning, vector_share) &&
	       strcmp(f->name + strlen(f->name) - strlen("_share"), "_share") == 0;
}

static void add_ours(struct searcher *f, const struct search_tuning *tuning)
{
	struct search_tuning bare = *tuning;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (is_feature(&fields[i]))
			*field_of(&bare, &fields[i]) = 0;
	ask_ours(next_system(), f, "text",
		 (struct search_request){ .by = SEARCH_BY_WORDS, .tuning = &bare });
	ask_ours(next_system(), f, "vector",
		 (struct search_request){ .by = SEARCH_BY_VECTOR, .tuning = &bare });
	ask_ours(next_system(), f, "hybrid", (struct search_request){ .tuning = &bare });
	ask_ours(next_system(), f, "text with rank features",
		 (struct search_request){ .by = SEARCH_BY_WORDS, .tuning = tuning });
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct search_tuning without = *tuning;
		char name[64];

		if (!is_feature(&fields[i]) || *field_of(&without, &fields[i]) == 0)
			continue;
		*field_of(&without, &fields[i]) = 0;
		snprintf(name, sizeof(name), "hybrid with rank features, but no %s",
			 fields[i].name);
		ask_ours(next_system(), f, name, (struct search_request){ .tuning = &without });
	}
	ask_ours(next_system(), f, "hybrid with rank features",
		 (struct search_request){ .tuning = tuning });
}

/* name=value */
static bool take_setting(struct search_tuning *t, const char *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		size_t n = strlen(fields[i].name);

		if (strncmp(arg, fields[i].name, n) == 0 && arg[n] == '=') {
			*field_of(t, &fields[i]) = strtof(arg + n + 1, NULL);
			return true;
		}
	}
	return false;
}

struct options {
	size_t first; /* question */
	bool alone;   /* FTS5 is left out */
	struct search_tuning tuning;
};

static bool take_options(struct options *o, int argc, char **argv)
{
	*o = (struct options){ .first = 2, .tuning = search_tuning };
	for (int i = 2; i < argc; i++) {
		if (i == 2 && strcmp(argv[i], "odd") == 0)
			o->first = 1;
		else if (o->first == 1 && strcmp(argv[i], "ours") == 0)
			o->alone = true;
		else if (o->first == 2 || !take_setting(&o->tuning, argv[i]))
			return false;
	}
	return argc > 1;
}

int main(int argc, char **argv)
{
	AUTO(testdir) struct testdir tmp = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(searcher) struct searcher *f = NULL;
	struct options o;
	char why[STORE_WHY];

	if (!take_options(&o, argc, argv)) {
		fprintf(stderr, "usage: bench_cranfield DIR [odd [ours] [NAME=VALUE ...]]\n");
		return 2;
	}
	cranfield_read(&data, argv[1]);
	if (store_init() < 0 || store_open(&s, tmp.path, why) < 0)
		die("no store");
	for (unsigned d = 1; d <= CRANFIELD_DOCUMENTS; d++)
		put_document(s, d);
	if (learn_collection(s, STORE_DEFAULT_COLLECTION) < 0 || searcher_new(&f) < 0 ||
	    searcher_refresh(f, s) < 0)
		die(store_why(s));
	struct system *baseline = NULL, *strongest = NULL;
	if (!o.alone)
		add_fts5(s, &baseline, &strongest);
	add_ours(f, &o.tuning);
	printf("%zu %s-numbered questions; chosen on the odd ones\n%-64s nDCG@10  recall@10\n",
	       (CRANFIELD_QUESTIONS - o.first) / 2 + 1, o.first == 1 ? "odd" : "even", "");
	for (size_t i = 0; i < n_systems; i++)
		print(&systems[i], o.first);
	if (!o.alone)
		bootstrap(&systems[n_systems - 1], baseline, o.first, 1.1);
	if (!o.alone)
		bootstrap(&systems[n_systems - 1], strongest, o.first, 1.1);
	cranfield_done(&data);
	return 0;
}
