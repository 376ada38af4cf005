/* ingest.c - documents into the store, with progress on a terminal. */
#include "knowledge/ingest.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/command.h"
#include "app/file.h"
#include "app/vocabulary.h"
#include "base/env.h"
#include "base/json.h"
#include "base/pool.h"
#include "document/extract.h"

enum { REDRAW_US = 100 * US_PER_MS, LINE_US = 5 * US_PER_S /* where there is no terminal */ };

struct shown {
	bool terminal;
	uint64_t started_us, drawn_us;
	unsigned columns;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static unsigned terminal_columns(void)
{
	struct winsize w;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

/* "12 of 340   3 %  14.2 MB/s  1:05 left": what can be said, as soon as it can be. */
static void say_how_far(const struct shown *s, const struct ingest_progress *p, uint64_t now,
			struct buf *to)
{
	double seconds = (double)(now - s->started_us) / US_PER_S;
	double rate = seconds > 0 ? (double)p->octets / seconds : 0;

	if (p->stage == INGEST_LEARNING) {
		buf_puts(to, "Learning from the documents");
		return;
	}
	buf_printf(to, "Reading %zu of %zu  %3u %%", p->i, p->n,
		   p->total ? (unsigned)(p->octets * 100 / p->total) : 0);
	if (seconds < 1 || rate <= 0)
		return;
	unsigned left = (unsigned)((double)(p->total - p->octets) / rate);
	buf_printf(to, "  %.1f MB/s  %u:%02u left", rate / 1e6, left / 60, left % 60);
}

static int on_progress(void *ctx, const struct ingest_progress *p)
{
	AUTO(buf) struct buf line = { 0 };
	struct shown *s = ctx;
	uint64_t now = env_now(&env_system);

	if (interrupted)
		return 1;
	bool stage = p->stage == INGEST_LEARNING && s->terminal;
	if (!stage && now - s->drawn_us < (s->terminal ? REDRAW_US : LINE_US))
		return 0;
	s->drawn_us = now;
	say_how_far(s, p, now, &line);
	if (line.failed)
		return 0;
	int room = (int)s->columns - (int)line.n - 3;
	if (s->terminal)
		fprintf(stderr, "\r\033[K%s  %.*s", (char *)line.p, room > 0 ? room : 0,
			p->stage == INGEST_READING ? p->name : "");
	else
		fprintf(stderr, "voiced: %s\n", (char *)line.p);
	fflush(stderr);
	return 0;
}

static int on_wait(void *ctx, bool writing)
{
	(void)ctx, (void)writing;
	return interrupted;
}

static int print_json(const struct ingest_summary *s, uint64_t took_us)
{
	AUTO(buf) struct buf out = { 0 };
	AUTO(json) json_t *failed = json_array();

	for (size_t i = 0; i < s->n_listed; i++)
		if (json_array_append_new(failed, json_pack("{s:s, s:s}", "path", s->failed[i].path,
							    "why", s->failed[i].why)) != 0)
			return -ENOMEM;
	AUTO(json)
	json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "added", (json_int_t)s->added,
			      "updated", (json_int_t)s->updated, "renamed", (json_int_t)s->renamed,
			      "unchanged", (json_int_t)s->unchanged, "removed", (json_int_t)s->removed,
			      "octets", (json_int_t)s->octets, "ms", (json_int_t)(took_us / US_PER_MS),
			      "failed", failed);
	json_write(&out, o);
	if (out.failed)
		return -ENOMEM;
	puts((const char *)out.p);
	return 0;
}

static void print_people(const struct ingest_summary *s)
{
	char renamed[48] = "";

	for (size_t i = 0; i < s->n_listed; i++)
		fprintf(stderr, "voiced: %s\n", s->failed[i].why);
	if (s->n_failed > s->n_listed)
		fprintf(stderr, "voiced: and %zu more\n", s->n_failed - s->n_listed);
	if (s->renamed)
		snprintf(renamed, sizeof(renamed), "%zu renamed, ", s->renamed);
	printf("%zu added, %zu updated, %s%zu unchanged, %zu removed, %zu failed\n", s->added, s->updated,
	       renamed, s->unchanged, s->removed, s->n_failed);
}

/* So that the next server hears the documents' words from its first moment. */
static void learn_words(struct store *s, const struct config *c)
{
	struct vocabulary v;
	char why[VOCABULARY_WHY];
	int r = vocabulary_make(s, c->data, c->collection, &v, why);

	if (r != 0 && r != -ENODATA && r != -ENOENT)
		fprintf(stderr, "voiced: %s\n", why);
}

/* One document from standard input. 0, or -errno with a sentence in `why`. */
static int read_input(struct buf *to, char why[static STORE_WHY])
{
	size_t n;

	do {
		char *p = buf_reserve(to, 1 << 16);

		n = p ? fread(p, 1, 1 << 16, stdin) : 0;
		to->n += n;
	} while (n && to->n <= EXTRACT_IN_MAX);
	if (to->failed || ferror(stdin)) {
		snprintf(why, STORE_WHY, "standard input cannot be read: %s",
			 to->failed ? "not enough memory" : strerror(errno));
		return -EIO;
	}
	return 0;
}

static int ingest_words(struct config *c, struct store *s, const struct ingest_params *p,
			struct ingest_summary *sum)
{
	AUTO(buf) struct buf input = { 0 };

	if (strcmp(c->words.at[0], "-") != 0)
		return ingest_paths(s, p, c->words.at, c->words.n, sum);
	int r = read_input(&input, sum->why);
	return r == 0 ? ingest_bytes(s, p, c->name, buf_bytes(&input), sum) : r;
}

static int check_words(const struct config *c)
{
	bool input = false;

	for (size_t i = 0; i < c->words.n; i++)
		input |= strcmp(c->words.at[i], "-") == 0;
	if (input && c->words.n > 1)
		fprintf(stderr, "voiced: '-' (standard input) goes alone\n");
	else if (input && (!c->name || !*c->name || *c->name == '/'))
		fprintf(stderr, "voiced: a document from standard input wants a name: --name report.md\n");
	else if (!input && c->name)
		fprintf(stderr, "voiced: --name goes with '-' (standard input); files have their own\n");
	else
		return 0;
	return -EINVAL;
}

static int run(struct config *c, struct store *store, const struct ingest_params *p,
	       struct ingest_summary *sum)
{
	struct sigaction act = { .sa_handler = on_interrupt, .sa_flags = SA_RESETHAND };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	int r = ingest_words(c, store, p, sum);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (r == 0)
		learn_words(store, c);
	return r;
}

int command_ingest(struct config *c)
{
	AUTO(store) struct store *store = NULL;
	AUTO(ingest_summary) struct ingest_summary sum = { 0 };
	struct shown shown = { .terminal = isatty(STDERR_FILENO), .columns = terminal_columns() };
	char why[STORE_WHY], tags[LABELS_SIZE], labels[LABELS_SIZE];
	struct ingest_params p = { .collection = c->collection, .on_progress = on_progress, .ctx = &shown,
				   .n_threads = ingest_threads(), .tags = c->tags.n ? tags : NULL,
				   .labels = c->labels.n ? labels : NULL, .on_wait = on_wait };

	if (config_set_of(&c->tags, "tag", tags) != 0 || config_set_of(&c->labels, "label", labels) != 0 ||
	    check_words(c) != 0)
		return 2;
	if (file_mkdir(c->data, why) != 0 || store_init() != 0 || store_open(&store, c->data, why) != 0) {
		fprintf(stderr, "voiced: %s\n", why);
		return 1;
	}
	thread_lower_priority(POOL_BULK);
	shown.started_us = env_now(&env_system);
	shown.drawn_us = shown.terminal ? 0 : shown.started_us;
	int r = run(c, store, &p, &sum);
	if (shown.terminal && shown.drawn_us)
		fputs("\r\033[K", stderr);
	if (r != 0) {
		fprintf(stderr, "voiced: %s\n",
			r == -ECANCELED ? "stopped; what was read is kept, and the same command goes on from there" :
			sum.why[0]	? sum.why :
					  strerror(-r));
		return 1;
	}
	if (c->json && print_json(&sum, env_now(&env_system) - shown.started_us) != 0)
		return 1;
	if (!c->json)
		print_people(&sum);
	return sum.n_failed > 0 && sum.added + sum.updated + sum.renamed + sum.unchanged == 0;
}
