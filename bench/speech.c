/* speech.c - how well and how fast an utterance becomes words.
 *
 *   bench_speech [--dict FILE] [--lm FILE] [--learn TEXT] [--paced] [--quiet] LIST
 *
 * --learn writes the files that --dict and --lm name from a text file first.
 * LIST has a line per utterance: path of a 16 kHz mono 16-bit WAV, a tab, the words
 * spoken. Prints each hypothesis, then word error rate, real-time factor, the latency
 * of settle() and of end() after the last sample, and memory. --paced pushes the audio
 * as a call would, 20 ms every 20 ms: latencies are only true so; without it the
 * real-time factor is.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/loop.h"
#include "engine/adapt.h"
#include "engine/stt_pocketsphinx.h"

enum { WORDS_MAX = 400, FILES_MAX = 2000, BLOCK = STT_RATE_HZ / 50 };

static struct {
	bool settled, ended;
	double settled_at, ended_at;
	char text[4000];
} heard;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void on_partial(void *owner, uint64_t ticket, const char *text)
{
	(void)owner, (void)ticket, (void)text;
}

static void on_settled(void *owner, uint64_t ticket, const char *text)
{
	(void)owner, (void)ticket, (void)text;
	heard.settled = true;
	heard.settled_at = seconds();
}

static void on_final(void *owner, uint64_t ticket, const char *text)
{
	(void)owner, (void)ticket;
	heard.ended = true;
	heard.ended_at = seconds();
	snprintf(heard.text, sizeof(heard.text), "%s", text);
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	fprintf(stderr, "%s: %s\n", e->code, e->message);
	on_final(owner, ticket, "");
}

static const struct stt_sink sink = { on_partial, on_settled, on_final, on_error };

static size_t split(char *s, char **words)
{
	size_t n = 0;

	for (char *p = s; *p; p++)
		*p = (char)(isalnum((unsigned char)*p) || *p == '\'' ? tolower((unsigned char)*p) : ' ');
	for (char *save = NULL, *w = strtok_r(s, " ", &save); w && n < WORDS_MAX;
	     w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	return n;
}

/* Levenshtein distance of words. */
static size_t errors(const char *reference, const char *hypothesis, size_t *n_words)
{
	static char a[4000], b[4000];
	static char *x[WORDS_MAX], *y[WORDS_MAX];
	static size_t row[WORDS_MAX + 1];

	snprintf(a, sizeof(a), "%s", reference);
	snprintf(b, sizeof(b), "%s", hypothesis);
	size_t n = split(a, x), m = split(b, y);
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = diagonal + (strcmp(x[i - 1], y[j - 1]) != 0);

			diagonal = row[j];
			best = MIN(best, MIN(row[j] + 1, row[j - 1] + 1));
			row[j] = best;
		}
	}
	*n_words = n;
	return row[m];
}

static int16_t *read_wav(const char *path, size_t *n)
{
	static int16_t pcm[STT_RATE_HZ * 60];
	static uint8_t head[4096];
	FILE *f = fopen(path, "rb");

	if (!f)
		return NULL;
	size_t got = fread(head, 1, sizeof(head), f), at = 0;
	for (size_t i = 12; i + 8 < got && !at;) {
		uint32_t len = head[i + 4] | head[i + 5] << 8 | head[i + 6] << 16 |
			       (uint32_t)head[i + 7] << 24;

		if (memcmp(head + i, "data", 4) == 0)
			at = i + 8;
		i += 8 + len + (len & 1);
	}
	fseek(f, (long)at, SEEK_SET);
	*n = at ? fread(pcm, sizeof(*pcm), sizeof(pcm) / sizeof(*pcm), f) : 0;
	fclose(f);
	return pcm;
}

static void sleep_until(double at)
{
	double left = at - seconds();

	if (left > 0)
		nanosleep(&(struct timespec){ (time_t)left, (long)((left - (double)(time_t)left) * 1e9) },
			  NULL);
}

static double memory_mb(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*s %ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return (double)pages * 4096 / 1e6;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print_quantiles(const char *name, double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_size);
	printf("%s ms: median %.1f  p90 %.1f  worst %.1f\n", name, v[n / 2] * 1e3, v[n * 9 / 10] * 1e3,
	       v[n - 1] * 1e3);
}

/* The words of a text file become the dictionary and the language model. */
static bool learn(const char *path, const char *dict, const char *lm)
{
	static char text[8 << 20];
	struct adapt_stats stats;
	struct adapt *a = NULL;
	FILE *f = fopen(path, "r");
	double start = seconds();

	if (!f || !dict || !lm || adapt_new(&a, NULL) != 0)
		return false;
	size_t n = fread(text, 1, sizeof(text), f);
	fclose(f);
	bool ok = adapt_add(a, bytes_of(text, n)) == 0 && adapt_write(a, dict, lm, &stats) == 0;
	adapt_free(a);
	if (ok)
		printf("learned %zu sentences, %zu questions of them, %zu new words in %.0f ms\n",
		       stats.n_sentences, stats.n_questions, stats.n_new_words, (seconds() - start) * 1e3);
	return ok;
}

int main(int argc, char **argv)
{
	static double settles[FILES_MAX], ends[FILES_MAX];
	struct stt_pocketsphinx_params params = { .n_decoders = 1 };
	bool paced = false, quiet = false;
	const char *list = NULL, *text = NULL;
	struct loop *loop;
	struct stt *stt;
	char line[5000];
	size_t n_files = 0, n_words = 0, n_errors = 0;
	double audio = 0, cpu = 0, before = memory_mb(), start = seconds();

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--dict") == 0 && i + 1 < argc)
			params.extra_dict = argv[++i];
		else if (strcmp(argv[i], "--lm") == 0 && i + 1 < argc)
			params.extra_lm = argv[++i];
		else if (strcmp(argv[i], "--learn") == 0 && i + 1 < argc)
			text = argv[++i];
		else if (strcmp(argv[i], "--paced") == 0)
			paced = true;
		else if (strcmp(argv[i], "--quiet") == 0)
			quiet = true;
		else
			list = argv[i];
	}
	FILE *f = list ? fopen(list, "r") : NULL;
	if (text && !learn(text, params.extra_dict, params.extra_lm)) {
		fprintf(stderr, "%s: cannot learn from it\n", text);
		return 1;
	}
	if (!f || loop_new(&loop, 0) != 0 || stt_pocketsphinx_new(&stt, &params) != 0) {
		fprintf(stderr, "usage: bench_speech [--dict FILE] [--lm FILE] [--learn TEXT] [--paced] [--quiet] LIST\n");
		return 2;
	}
	start = seconds();
	while (stt_pocketsphinx_ready(stt) == 0)
		loop_once(loop, 1);
	printf("ready after %.0f ms, %.0f MB per decoder\n", (seconds() - start) * 1e3,
	       memory_mb() - before);

	while (n_files < FILES_MAX && fgets(line, sizeof(line), f)) {
		char *tab = strchr(line, '\t');
		struct stt_turn *t;
		size_t n, words;

		if (!tab)
			continue;
		*tab++ = '\0';
		tab[strcspn(tab, "\n")] = '\0';
		int16_t *pcm = read_wav(line, &n);
		if (!pcm || !n || stt_pocketsphinx_ops.begin(stt, &t, &(struct stt_params){ 0 }, loop,
							     &sink, NULL, 1) != 0) {
			fprintf(stderr, "%s: unreadable\n", line);
			continue;
		}
		heard.settled = heard.ended = false;
		double began = seconds(), cpu_began = cpu_seconds();
		for (size_t at = 0; at < n; at += BLOCK) {
			if (paced)
				sleep_until(began + (double)(at + BLOCK) / STT_RATE_HZ);
			stt_pocketsphinx_ops.push(t, pcm + at, MIN(n - at, (size_t)BLOCK));
			if (paced)
				loop_once(loop, 0);
		}
		double last = seconds();
		stt_pocketsphinx_ops.settle(t);
		while (!heard.settled && !heard.ended)
			loop_once(loop, 1);
		double asked = seconds();
		stt_pocketsphinx_ops.end(t);
		while (!heard.ended)
			loop_once(loop, 1);
		cpu += cpu_seconds() - cpu_began;
		audio += (double)n / STT_RATE_HZ;
		settles[n_files] = heard.settled_at - last;
		ends[n_files] = heard.ended_at - asked;
		n_files++;
		size_t wrong = errors(tab, heard.text, &words);
		n_words += words;
		n_errors += wrong;
		if (!quiet)
			printf("%zu/%zu %s\n     = %s\n", wrong, words, heard.text, tab);
	}
	fclose(f);
	stt_pocketsphinx_ops.free(stt);
	loop_free(loop);
	if (!n_files)
		return 1;
	printf("%zu utterances, %zu words, %.1f s; WER %.1f %%; real-time factor %.3f\n", n_files, n_words,
	       audio, 100.0 * (double)n_errors / (double)n_words, cpu / audio);
	print_quantiles("last sample to settled", settles, n_files);
	print_quantiles("end to final", ends, n_files);
	return 0;
}
