/* retrieval.c - how fast a passage is found.
 *
 *   bench_retrieval speed N           latency over N passages of generated text
 *   bench_retrieval latency DATA TABLE...  latency over what `voiced ingest` put into DATA, for
 *                                     the questions of the tables (bench/dev_questions), 4,000 calls
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/testdir.h"
#include "document/markdown.h"
#include "document/words.h"
#include "knowledge/learn.h"
#include "knowledge/search.h"
#include "knowledge/store.h"

static void die(const char *what)
{
	fprintf(stderr, "bench_retrieval: %s\n", what);
	exit(1);
}

static char *read_all(const char *dir, const char *name)
{
	AUTO(mem) char *path = mem_printf("%s/%s", dir, name);
	struct buf b = { 0 };
	FILE *f = path ? fopen(path, "re") : NULL;
	char piece[65536];
	size_t n;

	if (!f)
		die("cannot open a file of the collection");
	while ((n = fread(piece, 1, sizeof(piece), f)))
		buf_put(&b, piece, n);
	fclose(f);
	return buf_take(&b);
}

/* --- speed ----------------------------------------------------------------------------------------- */

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

/* Words by a law like Zipf's over 30,000 made-up ones. */
static void put_made_up(struct buf *b, uint64_t *state)
{
	static const char *const parts[] = { "ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo",
					     "zu", "dra", "fen", "gor", "hul", "jas", "kem" };
	double u = (double)(next_random(state) & 0xffffff) / 0x1000000;
	uint32_t w = (uint32_t)(exp(u * log(30000.0)));

	for (uint32_t i = 0; i < 4; i++, w /= 16)
		buf_puts(b, parts[w % 16]);
	buf_putc(b, ' ');
}

/* What the thread has computed: on a busy machine the clock measures the others. */
static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_time(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void put_speed_document(struct store *s, size_t number, uint64_t *state)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(passages) struct passages p = { 0 };
	AUTO(buf) struct buf b = { 0 };
	char path[24];
	int64_t id;
	enum store_put how;

	for (size_t i = 0; i < 100; i++) {
		buf_reset(&b);
		for (size_t k = 0; k < 100; k++)
			put_made_up(&b, state);
		outline_add(&o, BLOCK_PARA, 0, 0, buf_bytes(&b));
	}
	snprintf(path, sizeof(path), "%zu", number);
	struct store_document d = { .collection = 1, .path = path, .title = "", .type = "text" };
	if (passages_cut(&o, &p) < 0 || store_put(s, &d, buf_bytes(&o.text), &p, &id, &how) < 0)
		die(store_why(s));
}

static int speed(size_t n)
{
	AUTO(testdir) struct testdir tmp = testdir_new();
	AUTO(store) struct store *s = NULL;
	AUTO(searcher) struct searcher *f = NULL;
	static struct search_result res;
	static double ms[1000], cpu[1000];
	uint64_t state = 7, t0 = env_now(&env_system);
	char why[STORE_WHY];

	if (store_open(&s, tmp.path, why) < 0)
		die(why);
	for (size_t i = 0; i < n / 100; i++)
		put_speed_document(s, i, &state);
	uint64_t t1 = env_now(&env_system);
	if (learn_collection(s, STORE_DEFAULT_COLLECTION) < 0)
		die(store_why(s));
	uint64_t t2 = env_now(&env_system);
	if (searcher_new(&f) < 0 || searcher_refresh(f, s) < 0)
		die(store_why(s));
	uint64_t t3 = env_now(&env_system);
	for (size_t i = 0; i < ARRAY_LEN(ms); i++) {
		AUTO(buf) struct buf b = { 0 };
		for (size_t k = 0; k < 8; k++)
			put_made_up(&b, &state);
		const struct search_request q = { .query = (char *)b.p };
		double cpu_from = cpu_ms();
		uint64_t from = env_now(&env_system);
		if (search_run(f, &q, &res) < 0)
			die("search failed");
		cpu[i] = cpu_ms() - cpu_from;
		ms[i] = (double)(env_now(&env_system) - from) / US_PER_MS;
		search_result_done(&res);
	}
	qsort(ms, ARRAY_LEN(ms), sizeof(ms[0]), by_time);
	qsort(cpu, ARRAY_LEN(cpu), sizeof(cpu[0]), by_time);
	printf("%zu passages: store %.2f s, learn %.2f s, load %.2f s; search p50 %.2f ms, p99 %.2f ms"
	       " (CPU p50 %.2f ms, p99 %.2f ms)\n",
	       n, (double)(t1 - t0) / US_PER_S, (double)(t2 - t1) / US_PER_S,
	       (double)(t3 - t2) / US_PER_S, ms[500], ms[990], cpu[500], cpu[990]);
	return 0;
}

/* --- latency of the search alone ---------------------------------------------------------------------- */

enum { CALLS = 4000, ASKED_MAX = 1000 };

/* The column `question` of a table. */
static size_t take_questions(const char *path, char **to, size_t n)
{
	AUTO(mem) char *all = read_all(*path == '/' ? "" : ".", path);
	size_t column = 0, row = 0;

	for (char *save, *l = strtok_r(all, "\n", &save); l; l = strtok_r(NULL, "\n", &save), row++) {
		char *inside, *cell = strtok_r(l, "\t", &inside);

		for (size_t c = 0; cell; cell = strtok_r(NULL, "\t", &inside), c++) {
			if (row == 0 && strcmp(cell, "question") == 0)
				column = c;
			if (row > 0 && c == column && n < ASKED_MAX)
				to[n++] = mem_strdup(cell);
		}
	}
	return n;
}

static int latency(const char *data, char **tables, size_t n_tables)
{
	AUTO(store) struct store *s = NULL;
	AUTO(searcher) struct searcher *f = NULL;
	static struct search_result res;
	static double ms[CALLS], cpu[CALLS];
	static char *asked[ASKED_MAX];
	char why[STORE_WHY];
	size_t n = 0;

	for (size_t i = 0; i < n_tables; i++)
		n = take_questions(tables[i], asked, n);
	if (store_reader_open(&s, data, why) < 0)
		die(why);
	if (!n || searcher_new(&f) < 0 || searcher_refresh(f, s) < 0)
		die("no questions, or no documents");
	/* The first round warms the caches and is not counted. */
	for (size_t i = 0; i < n + CALLS; i++) {
		const struct search_request q = { .query = asked[i % n], .k = 8 };
		double cpu_from = cpu_ms();
		uint64_t from = env_now(&env_system);

		if (search_run(f, &q, &res) < 0)
			die("search failed");
		if (i >= n) {
			cpu[i - n] = cpu_ms() - cpu_from;
			ms[i - n] = (double)(env_now(&env_system) - from) / US_PER_MS;
		}
		search_result_done(&res);
	}
	qsort(ms, CALLS, sizeof(ms[0]), by_time);
	qsort(cpu, CALLS, sizeof(cpu[0]), by_time);
	printf("%d searches, %zu questions: CPU p50 %.3f ms, p99 %.3f ms, worst %.3f ms; clock p50 %.3f ms, "
	       "p99 %.3f ms, worst %.3f ms\n",
	       CALLS, n, cpu[CALLS / 2], cpu[CALLS * 99 / 100], cpu[CALLS - 1], ms[CALLS / 2],
	       ms[CALLS * 99 / 100], ms[CALLS - 1]);
	for (size_t i = 0; i < n; i++)
		mem_free(asked[i]);
	return 0;
}

int main(int argc, char **argv)
{
	if (store_init() < 0)
		die("not enough memory");
	if (argc == 3 && strcmp(argv[1], "speed") == 0)
		return speed(strtoul(argv[2], NULL, 10));
	if (argc >= 4 && strcmp(argv[1], "latency") == 0)
		return latency(argv[2], argv + 3, (size_t)argc - 3);
	fprintf(stderr, "usage: bench_retrieval speed N | latency DATA TABLE...\n");
	return 2;
}
