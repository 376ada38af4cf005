/* ingest.c - documents into the store, with progress on a terminal. */
#include "knowledge/ingest.h"

#include <errno.h>
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

enum { REDRAW_US = 50 * US_PER_MS };

struct shown {
	bool terminal;
	uint64_t drawn_us;
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

static int on_progress(void *ctx, const struct ingest_progress *p)
{
	static const char *const stages[] = { [INGEST_READING] = "Reading", [INGEST_LEARNING] = "Learning" };
	struct shown *s = ctx;
	uint64_t now = env_now(&env_system);

	if (interrupted)
		return 1;
	if (!s->terminal || (now - s->drawn_us < REDRAW_US && p->i != p->n))
		return 0;
	s->drawn_us = now;
	unsigned percent = p->total ? (unsigned)(p->octets * 100 / p->total) : 0;
	int room = (int)s->columns - 28;
	fprintf(stderr, "\r\033[K%s %zu of %zu  %3u %%  %.*s", stages[p->stage], p->i, p->n, percent,
		room > 0 ? room : 0, p->name ? p->name : "");
	fflush(stderr);
	return 0;
}

static int print_json(const struct ingest_summary *s)
{
	AUTO(buf) struct buf out = { 0 };
	AUTO(json) json_t *failed = json_array();

	for (size_t i = 0; i < s->n_listed; i++)
		if (json_array_append_new(failed, json_pack("{s:s, s:s}", "path", s->failed[i].path,
							    "why", s->failed[i].why)) != 0)
			return -ENOMEM;
	AUTO(json)
	json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:O}", "added", (json_int_t)s->added, "updated",
			      (json_int_t)s->updated, "unchanged", (json_int_t)s->unchanged, "removed",
			      (json_int_t)s->removed, "failed", failed);
	json_write(&out, o);
	if (out.failed)
		return -ENOMEM;
	puts((const char *)out.p);
	return 0;
}

static void print_people(const struct ingest_summary *s)
{
	for (size_t i = 0; i < s->n_listed; i++)
		fprintf(stderr, "voiced: %s\n", s->failed[i].why);
	if (s->n_failed > s->n_listed)
		fprintf(stderr, "voiced: and %zu more\n", s->n_failed - s->n_listed);
	printf("%zu added, %zu updated, %zu unchanged, %zu removed, %zu failed\n", s->added, s->updated,
	       s->unchanged, s->removed, s->n_failed);
}

/* So that the next server hears the documents' words from its first moment. */
static void learn_words(struct store *s, const char *data, const char *collection)
{
	struct vocabulary v;
	char why[VOCABULARY_WHY];
	int r = vocabulary_make(s, data, collection ? collection : STORE_DEFAULT_COLLECTION, &v, why);

	if (r != 0 && r != -ENODATA && r != -ENOENT)
		fprintf(stderr, "voiced: %s\n", why);
}

int ingest_for_command(const char *data, const char *collection, const char *labels,
		       const char *const *paths, size_t n, enum ingest_output how)
{
	AUTO(store) struct store *store = NULL;
	AUTO(ingest_summary) struct ingest_summary sum = { 0 };
	struct shown shown = { .terminal = isatty(STDERR_FILENO), .columns = terminal_columns() };
	struct ingest_params p = { collection, on_progress, &shown, labels };
	struct sigaction act = { .sa_handler = on_interrupt, .sa_flags = SA_RESETHAND };
	char why[STORE_WHY];

	if (file_mkdir(data, why) != 0 || store_init() != 0 || store_open(&store, data, why) != 0) {
		fprintf(stderr, "voiced: %s\n", why);
		return 1;
	}
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	int r = ingest_paths(store, &p, paths, n, &sum);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (r == 0)
		learn_words(store, data, collection);
	if (shown.drawn_us)
		fputs("\r\033[K", stderr);
	if (r != 0) {
		fprintf(stderr, "voiced: %s\n",
			r == -ECANCELED ? "stopped; what was read is kept, and the same command goes on from there" :
			sum.why[0]	? sum.why :
					  strerror(-r));
		return 1;
	}
	if (how == INGEST_AS_JSON && print_json(&sum) != 0)
		return 1;
	if (how == INGEST_AS_TEXT)
		print_people(&sum);
	return sum.n_failed > 0 && sum.added + sum.updated + sum.unchanged == 0;
}

int command_ingest(struct config *c)
{
	char labels[LABELS_SIZE];

	if (config_set_of(&c->labels, "label", labels) != 0)
		return 2;
	return ingest_for_command(c->data, c->collection, c->labels.n ? labels : NULL, c->words.at, c->words.n,
				  c->json ? INGEST_AS_JSON : INGEST_AS_TEXT);
}
