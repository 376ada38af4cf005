/* speed.h - what the programs have in common that measure a search over many passages: the
 * files that bench/passages.py wrote, clocks, memory, one row of the table.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPEED_ROW "%-42s %8s %8s %8s %8s %8s %7s\n"

enum { SPEED_QUESTIONS_MAX = 4096, SPEED_RESULTS = 10, SPEED_PATIENCE_S = 60 };

/* Seconds of the clock, and of this thread's CPU. */
static inline double speed_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline double speed_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of this process: resident, MB. */
static inline double speed_memory(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	double kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = strtod(line + 6, NULL);
	if (f)
		fclose(f);
	return kb / 1024;
}

static inline FILE *speed_open(const char *folder, const char *name)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "re");
	if (!f) {
		fprintf(stderr, "cannot open %s; bench/passages.py writes it\n", path);
		exit(1);
	}
	return f;
}

/* The next line, cut at its tab. 0: over. */
static inline int speed_line(FILE *f, char **line, size_t *cap, char **second)
{
	ssize_t n = getline(line, cap, f);
	char *tab = n > 0 ? strchr(*line, '\t') : NULL;

	if (!tab)
		return 0;
	if ((*line)[n - 1] == '\n')
		(*line)[n - 1] = 0;
	*tab = 0;
	*second = tab + 1;
	return 1;
}

/* The questions; never freed. */
static inline size_t speed_questions(const char *folder, const char **to)
{
	FILE *f = speed_open(folder, "questions.tsv");
	char *line = NULL, *question;
	size_t cap = 0, n = 0;

	while (n < SPEED_QUESTIONS_MAX && speed_line(f, &line, &cap, &question))
		to[n++] = strdup(question);
	fclose(f);
	free(line);
	return n;
}

/* The i-th to be asked: a stride mixes the sets, so that a run that is cut short has asked both. */
static inline size_t speed_turn(size_t i, size_t n)
{
	size_t stride = 499; /* a prime that does not divide n */

	return i * stride % n;
}

static inline int speed_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of each question asked: by the clock, and of this thread's CPU, which on a busy machine tells the
 * search from its neighbours. */
struct speed_times {
	double clock[SPEED_QUESTIONS_MAX], cpu[SPEED_QUESTIONS_MAX];
	double clock_from, cpu_from;
	size_t n;
};

static inline void speed_start(struct speed_times *t)
{
	t->clock_from = speed_now();
	t->cpu_from = speed_cpu();
}

static inline void speed_stop(struct speed_times *t)
{
	t->cpu[t->n] = speed_cpu() - t->cpu_from;
	t->clock[t->n++] = speed_now() - t->clock_from;
}

struct speed_row {
	const char *name;
	struct speed_times *times; /* are sorted */
	double equal; /* share of the results that equal the exact ones; < 0: it is the exact one */
	double build; /* seconds to build; < 0: says nothing */
	double memory; /* MB; < 0: says nothing */
};

static inline void speed_print(struct speed_row r)
{
	char p50[16], p99[16], cpu[16], equal[16], build[16], memory[16];
	size_t n = r.times->n;

	qsort(r.times->clock, n, sizeof(r.times->clock[0]), speed_compare);
	qsort(r.times->cpu, n, sizeof(r.times->cpu[0]), speed_compare);
	snprintf(p50, sizeof(p50), "%.2f", 1e3 * r.times->clock[n / 2]);
	snprintf(p99, sizeof(p99), "%.2f", 1e3 * r.times->clock[n * 99 / 100]);
	snprintf(cpu, sizeof(cpu), "%.2f", 1e3 * r.times->cpu[n * 99 / 100]);
	snprintf(equal, sizeof(equal), "%.1f", 100 * r.equal);
	snprintf(build, sizeof(build), "%.1f", r.build);
	snprintf(memory, sizeof(memory), "%.0f", r.memory);
	printf(SPEED_ROW, r.name, p50, p99, cpu, r.equal < 0 ? "" : equal, r.build < 0 ? "" : build,
	       r.memory < 0 ? "" : memory);
	fflush(stdout);
}

/* Asked until they are all asked or a minute is over: what scores every passage takes long. */
static inline int speed_goes_on(const struct speed_times *t, size_t n, double from)
{
	return t->n < n && (t->n < 100 || speed_cpu() - from < SPEED_PATIENCE_S);
}

#ifdef __cplusplus
}
#endif
