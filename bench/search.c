/* search.c - how fast a search is over many passages, and how near to scoring all of them.
 *
 *   bench_search build FOLDER N    the first N passages of bench/passages.py into a store,
 *                                  documents of fifty, and what is learned from them
 *   bench_search ask FOLDER N      that store read into memory, and every question asked in
 *                                  turn: hybrid, text and vector. For one core: taskset -c 0
 *   bench_search export FOLDER N   vectors of passages and questions as floats, for others
 *
 * A question's time is search_run()'s, the embedding of the question included. Exact is the
 * share of the first ten that the same search finds when it scores every passage.
 */
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "bench/speed.h"
#include "knowledge/embed.h"
#include "knowledge/learn.h"
#include "knowledge/query.h"
#include "knowledge/search.h"
#include "knowledge/store.h"

enum { TOGETHER = 50, BATCH = 40 }; /* passages of a document, documents of a transaction */

static void die(const char *what)
{
	fprintf(stderr, "bench_search: %s\n", what);
	exit(1);
}

/* --- build -------------------------------------------------------------------------------------- */

struct document {
	struct buf text;
	struct passage at[TOGETHER];
	size_t n;
};

static void put(struct store *s, struct document *d, size_t number)
{
	char path[32];
	int64_t id;
	enum store_put how;
	const struct passages p = { .p = d->at, .n = d->n };

	snprintf(path, sizeof(path), "%zu.txt", number);
	struct store_document row = { .collection = 1, .path = path, .title = "", .type = "text" };
	if (store_put(s, &row, buf_bytes(&d->text), &p, &id, &how) < 0)
		die(store_why(s));
	for (size_t i = 0; i < d->n; i++)
		mem_free(d->at[i].path);
	buf_reset(&d->text);
	d->n = 0;
}

static void add(struct document *d, const char *manual, const char *text)
{
	size_t start = d->text.n;
	char *heading = mem_strdup(manual);

	if (!heading)
		die("not enough memory");
	buf_puts(&d->text, text);
	d->at[d->n++] = (struct passage){ start, d->text.n, 0, heading, heading };
	buf_puts(&d->text, "\n\n");
}

static void fill(struct store *s, const char *folder, size_t n)
{
	FILE *f = speed_open(folder, "passages.tsv");
	struct document d = { .n = 0 };
	char *line = NULL, *text;
	size_t cap = 0, documents = 0;

	for (size_t i = 0; i < n && speed_line(f, &line, &cap, &text); i++) {
		if (i % ((size_t)TOGETHER * BATCH) == 0 && store_batch(s) < 0)
			die(store_why(s));
		add(&d, line, text);
		if (d.n == TOGETHER || i + 1 == n)
			put(s, &d, documents++);
		if (((i + 1) % ((size_t)TOGETHER * BATCH) == 0 || i + 1 == n) &&
		    store_commit(s, 0) < 0)
			die(store_why(s));
	}
	buf_done(&d.text);
	free(line);
	fclose(f);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int build(const char *folder, const char *data, size_t n)
{
	AUTO(store) struct store *s = NULL;
	char why[STORE_WHY];

	nftw(data, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	if (store_open(&s, data, why) < 0)
		die(why);
	double t0 = speed_now();
	fill(s, folder, n);
	double t1 = speed_now();
	if (learn_collection(s, STORE_DEFAULT_COLLECTION) < 0)
		die(store_why(s));
	printf("voiced, %zu passages: into the store %.1f s, learned in %.1f s\n", n, t1 - t0,
	       speed_now() - t1);
	return 0;
}

/* --- ask ----------------------------------------------------------------------------------------- */

static const char *questions[SPEED_QUESTIONS_MAX];
static size_t n_questions;

static struct speed_times times;

static size_t run(struct searcher *f, const struct search_request *q, int64_t *ids)
{
	static struct search_result res;

	speed_start(&times);
	if (search_run(f, q, &res) < 0)
		die("the search failed");
	speed_stop(&times);
	size_t n = res.n;
	for (size_t i = 0; i < n; i++)
		ids[i] = res.rows[i].passage;
	search_result_done(&res);
	return n;
}

static size_t common(const int64_t *a, size_t n_a, const int64_t *b, size_t n_b)
{
	size_t n = 0;

	for (size_t i = 0; i < n_a; i++)
		for (size_t k = 0; k < n_b; k++)
			n += a[i] == b[k];
	return n;
}

/* Scoring all of them takes long: as many questions as a minute allows. */
static double equal_share(struct searcher *f, struct search_request q)
{
	double from = speed_cpu();
	size_t same = 0, of = 0;

	for (size_t i = 0; i < n_questions && (i < 100 || speed_cpu() - from < SPEED_PATIENCE_S);
	     i++) {
		int64_t found[SPEED_RESULTS], exact[SPEED_RESULTS];

		q.query = questions[speed_turn(i, n_questions)];
		q.exhaustive = false;
		times.n = 0;
		size_t n = run(f, &q, found);
		q.exhaustive = true;
		size_t n_exact = run(f, &q, exact);
		same += common(found, n, exact, n_exact);
		of += n_exact;
	}
	return of ? (double)same / (double)of : 1;
}

static void ask_all(struct searcher *f, const char *name, struct search_request q,
		    struct speed_row row)
{
	static struct speed_times counted;
	int64_t ids[SPEED_RESULTS];

	q.k = SPEED_RESULTS;
	/* The first round warms the caches and is not counted. */
	for (size_t round = 0; round < 2; round++) {
		times.n = 0;
		for (size_t i = 0; i < n_questions; i++) {
			q.query = questions[speed_turn(i, n_questions)];
			run(f, &q, ids);
		}
	}
	counted = times;
	row.name = name;
	row.times = &counted;
	row.equal = equal_share(f, q);
	speed_print(row);
}

static int ask(const char *folder, const char *data, size_t n)
{
	(void)n;
	AUTO(store) struct store *s = NULL;
	AUTO(searcher) struct searcher *f = NULL;
	char why[STORE_WHY];

	n_questions = speed_questions(folder, questions);
	if (store_reader_open(&s, data, why) < 0)
		die(why);
	double before = speed_memory(), t0 = speed_now();
	if (searcher_new(&f) < 0 || searcher_refresh(f, s) < 0)
		die(store_why(s));
	double loaded = speed_now() - t0;
	store_close(s);
	s = NULL;
	const struct speed_row row = { .build = loaded, .memory = speed_memory() - before };
	const struct speed_row part = { .build = -1, .memory = -1 };

	ask_all(f, "voiced, hybrid", (struct search_request){ .by = SEARCH_BY_ALL }, row);
	ask_all(f, "voiced, text", (struct search_request){ .by = SEARCH_BY_WORDS }, part);
	ask_all(f, "voiced, vector", (struct search_request){ .by = SEARCH_BY_VECTOR }, part);
	return 0;
}

/* --- export --------------------------------------------------------------------------------------- */

/* Two words in front: how many vectors, and their length. */
static FILE *create(const char *folder, const char *name, size_t n, unsigned count, unsigned dim)
{
	AUTO(mem) char *path = mem_printf("%s/%s-%zu.f32", folder, name, n);
	const unsigned head[2] = { count, dim };
	FILE *f = path ? fopen(path, "we") : NULL;

	if (!f || fwrite(head, sizeof(head), 1, f) != 1)
		die("cannot write vectors");
	return f;
}

static void write_vector(FILE *f, const int8_t *v, unsigned dim)
{
	float out[EMBED_DIM_MAX];

	for (unsigned i = 0; i < dim; i++)
		out[i] = (float)v[i] / 127;
	if (fwrite(out, sizeof(out[0]), dim, f) != dim)
		die("cannot write vectors");
}

static void export_questions(struct searcher *f, FILE *to, const struct embedder *e)
{
	static struct search_result res;
	static int8_t v[EMBED_DIM_MAX];

	for (size_t i = 0; i < n_questions; i++) {
		const char *text = questions[i];

		if (search_run(f, &(struct search_request){ .query = text }, &res) < 0)
			die("the search failed");
		embed_query(e, res.index, res.query, bytes_str(text), v);
		write_vector(to, v, embedder_dim(e));
		search_result_done(&res);
	}
}

static int export(const char *folder, const char *data, size_t n)
{
	AUTO(store) struct store *s = NULL;
	AUTO(searcher) struct searcher *f = NULL;
	AUTO(index) struct index *x = NULL;
	char why[STORE_WHY];

	n_questions = speed_questions(folder, questions);
	if (store_reader_open(&s, data, why) < 0)
		die(why);
	if (searcher_new(&f) < 0 || searcher_refresh(f, s) < 0)
		die(store_why(s));
	x = searcher_index(f, NULL);
	const struct embedder *e = x ? index_embedder(x) : NULL;
	if (!e)
		die("nothing has been learned");
	FILE *vectors = create(folder, "vectors", n, (unsigned)index_n(x), embedder_dim(e));
	for (size_t i = 0; i < index_n(x); i++)
		write_vector(vectors, index_vector(x, i), embedder_dim(e));
	FILE *asked = create(folder, "questions", n, (unsigned)n_questions, embedder_dim(e));
	export_questions(f, asked, e);
	return fclose(vectors) || fclose(asked) ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const char *folder, const char *data, size_t n);
	} commands[] = { { "build", build }, { "ask", ask }, { "export", export } };
	size_t n = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;

	for (size_t i = 0; n && i < ARRAY_LEN(commands); i++) {
		AUTO(mem) char *data = mem_printf("%s/store-%zu", argv[2], n);

		if (strcmp(argv[1], commands[i].name) == 0)
			return data && store_init() == 0 ? commands[i].run(argv[2], data, n) : 1;
	}
	fprintf(stderr, "usage: bench_search build|ask|export FOLDER N\n");
	return 2;
}
