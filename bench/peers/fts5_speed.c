/* fts5_speed.c - SQLite's FTS5 with the same passages and questions as bench/search.c: any of the
 * words, ORDER BY rank LIMIT 10.
 *
 *   bench_fts5 FOLDER N
 */
#include "base/alloc.h"
#include "bench/peers/fts5.h"
#include "bench/speed.h"

enum { BATCH = 2000 };

static double fill(struct fts5 *f, const char *folder, size_t n)
{
	FILE *in = speed_open(folder, "passages.tsv");
	char *line = NULL, *text;
	size_t cap = 0;
	double from = speed_now();

	for (size_t i = 0; i < n && speed_line(in, &line, &cap, &text); i++) {
		if (i % BATCH == 0)
			fts5_begin(f);
		fts5_add(f, (int64_t)i + 1, line, text);
		if ((i + 1) % BATCH == 0 || i + 1 == n)
			fts5_commit(f);
	}
	free(line);
	fclose(in);
	return speed_now() - from;
}

static const char *questions[SPEED_QUESTIONS_MAX];

static void ask(struct fts5 *f, size_t n, bool all, struct speed_row row)
{
	static struct speed_times times;
	int64_t ids[SPEED_RESULTS];
	double from = speed_cpu();

	times.n = 0;
	while (speed_goes_on(&times, n, from)) {
		AUTO(buf) struct buf words = { 0 };

		fts5_expression(bytes_str(questions[speed_turn(times.n, n)]), all, &words);
		speed_start(&times);
		fts5_rank(f, (char *)words.p, SPEED_RESULTS, ids);
		speed_stop(&times);
	}
	row.times = &times;
	speed_print(row);
}

int main(int argc, char **argv)
{
	size_t n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	AUTO(mem) char *file = n ? mem_printf("%s/fts5-%zu.db", argv[1], n) : NULL;
	double before = speed_memory();

	if (!file) {
		fprintf(stderr, "usage: bench_fts5 FOLDER N\n");
		return 2;
	}
	remove(file);
	AUTO(fts5) struct fts5 *f = fts5_new(file, FTS5_STOPS_KEPT);
	double built = fill(f, argv[1], n);
	size_t asked = speed_questions(argv[1], questions);
	ask(f, asked, true,
	    (struct speed_row){ .name = "FTS5, all words",
				.equal = -1,
				.build = built,
				.memory = speed_memory() - before });
	ask(f, asked, false,
	    (struct speed_row){
		    .name = "FTS5, without stop words", .equal = -1, .build = -1, .memory = -1 });
	remove(file);
	return 0;
}
