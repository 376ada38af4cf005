/* ingest.c - how fast a folder becomes searchable: megabytes of its files per second, by the clock
 * and per second of CPU, reading, cutting, SQLite and FTS5 included, learning not.
 *
 *   bench_ingest FOLDER [DATA-DIRECTORY]
 *
 * One line per number of threads: 0 (the writer does it all), 1, and one per core. The data
 * directory is one in memory (/dev/shm) unless it is given: then each commit waits for its disk.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "base/env.h"
#include "base/testdir.h"
#include "knowledge/ingest.h"

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int measure(const char *folder, const char *data, unsigned n_threads)
{
	AUTO(store) struct store *s = NULL;
	AUTO(ingest_summary) struct ingest_summary sum = { 0 };
	const struct ingest_params p = { .n_threads = n_threads, .learning = INGEST_LEARN_LATER };
	int r = store_open(&s, data, sum.why);
	uint64_t from = env_now(&env_system);
	double cpu = cpu_s();

	if (r == 0)
		r = ingest_paths(s, &p, &folder, 1, &sum);
	double took = (double)(env_now(&env_system) - from) / US_PER_S, mb = (double)sum.octets / 1e6;
	cpu = cpu_s() - cpu;
	if (r != 0)
		fprintf(stderr, "%s\n", sum.why);
	else
		printf("%u threads: %zu files, %.1f MB, %.2f s, %.1f MB/s; %.2f s of CPU, %.1f MB per second of CPU\n",
		       n_threads, sum.added, mb, took, mb / took, cpu, mb / cpu);
	fflush(stdout);
	return r;
}

int main(int argc, char **argv)
{
	const unsigned threads[] = { 0, 1, ingest_threads() };
	int r = store_init();

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: bench_ingest FOLDER [DATA-DIRECTORY]\n");
		return 2;
	}
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(threads); i++) {
		AUTO(testdir) struct testdir d = testdir_new();
		char data[256];

		snprintf(data, sizeof(data), "%s/%zu", argc == 3 ? argv[2] : d.path, i);
		r = measure(argv[1], data, threads[i]);
	}
	return r != 0;
}
