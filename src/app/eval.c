/* eval.c - a person's own questions to their own documents, asked as a session asks. */
#include "app/eval.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/file.h"
#include "base/alloc.h"
#include "base/env.h"
#include "document/utf8.h"
#include "knowledge/search.h"
#include "knowledge/store.h"

enum { TABLE_MAX = 16 << 20, WHY = 400, WARNINGS_MAX = 10 };

/* The documents of a run: what an answer's number stands for, and whether the table's files are there. */
struct shelf {
	struct document {
		int64_t id;
		char *path;
	} * at;
	size_t n, cap;
};

struct evaluation {
	struct config *c, other;
	const char *table;
	struct exam exam;
	struct eval eval;
	struct parts *parts[EVAL_RUNS];
	struct shelf shelf[EVAL_RUNS];
	struct eval_result *results;
	char groups[EVAL_RUNS][LABELS_SIZE];
	char why[WHY];
};

static int fail(struct evaluation *v, int e, const char *why)
{
	snprintf(v->why, sizeof(v->why), "%s", why);
	return e;
}

/* --- the table ------------------------------------------------------------------------------ */

static int read_table(struct evaluation *v)
{
	AUTO(buf) struct buf raw = { 0 };
	AUTO(buf) struct buf text = { 0 };
	int e = file_read(v->table, TABLE_MAX, &raw, v->why);

	if (e != 0)
		return e;
	utf8_import(&text, buf_bytes(&raw));
	return text.failed ? fail(v, -ENOMEM, "out of memory")
			   : exam_read(&v->exam, buf_bytes(&text), v->table, v->why);
}

/* A recording's path is meant from where the table lies. The caller frees. */
static char *recording_path(const struct evaluation *v, const char *wav)
{
	const char *slash = strrchr(v->table, '/');

	return *wav == '/' || !slash
		       ? mem_strdup(wav)
		       : mem_printf("%.*s/%s", (int)(slash - v->table), v->table, wav);
}

static int check_recordings(struct evaluation *v)
{
	for (size_t i = 0; i < v->exam.n; i++) {
		const struct exam_question *q = &v->exam.q[i];
		AUTO(mem) char *path = q->wav ? recording_path(v, q->wav) : NULL;

		if (!q->wav)
			continue;
		if (!path)
			return fail(v, -ENOMEM, "out of memory");
		if (access(path, R_OK) == 0)
			continue;
		int e = errno;
		snprintf(v->why, sizeof(v->why),
			 "%.120s:%u: the recording %.160s cannot be read: %s", v->table, q->line,
			 path, strerror(e));
		return -e;
	}
	return 0;
}

/* --- the documents ---------------------------------------------------------------------------- */

static int add_document(void *ctx, const struct store_document *d)
{
	struct shelf *s = ctx;

	if (!mem_grow(&s->at, &s->cap, s->n, sizeof(*s->at)))
		return -ENOMEM;
	s->at[s->n] = (struct document){ d->id, mem_strdup(d->path) };
	return s->at[s->n++].path ? 0 : -ENOMEM;
}

static void shelf_done(struct shelf *s)
{
	for (size_t i = 0; i < s->n; i++)
		mem_free(s->at[i].path);
	mem_free(s->at);
}

static int read_shelf(struct evaluation *v, size_t run)
{
	const struct config *c = v->eval.run[run].c;
	AUTO(store) struct store *s = NULL;
	char why[STORE_WHY];
	int64_t collection;
	int e = store_reader_open(&s, c->data, why);

	if (e != 0)
		return fail(v, e, why);
	e = store_collection(s, c->collection, &collection);
	if (e == 0)
		e = store_documents(s, collection, add_document, &v->shelf[run]);
	if (e == -ENOENT)
		snprintf(v->why, sizeof(v->why), COLLECTION_MISSING, c->collection, c->collection);
	else if (e != 0)
		fail(v, e, store_why(s));
	else if (!v->shelf[run].n) {
		snprintf(v->why, sizeof(v->why),
			 "the collection '%.80s' has no documents; 'voiced ingest PATH' adds some",
			 c->collection);
		e = -ENOENT;
	}
	return e;
}

static bool has_file(const struct shelf *s, struct bytes file)
{
	for (size_t i = 0; i < s->n; i++)
		if (exam_is_file(file, s->at[i].path))
			return true;
	return false;
}

/* A misspelt name would look like a bad search. */
static void warn_of_unknown_files(const struct evaluation *v, size_t run)
{
	size_t n = 0;

	for (size_t i = 0; i < v->exam.n; i++) {
		const char *at = v->exam.q[i].places;
		struct bytes file;

		while (exam_next_file(&at, &file))
			if (!has_file(&v->shelf[run], file) && n++ < WARNINGS_MAX)
				fprintf(stderr,
					"voiced: %s:%u: the collection '%s' has no document '%.*s'\n",
					v->table, v->exam.q[i].line, v->eval.run[run].c->collection,
					(int)file.n, (const char *)file.p);
	}
	if (n > WARNINGS_MAX)
		fprintf(stderr, "voiced: and %zu more that it does not have\n", n - WARNINGS_MAX);
}

/* --- asking -------------------------------------------------------------------------------------- */

static const char *path_of(const struct shelf *s, const json_t *source)
{
	int64_t id = json_int(source, "document", 0);

	for (size_t i = 0; i < s->n; i++)
		if (s->at[i].id == id)
			return s->at[i].path;
	return json_str(source, "file", "");
}

static void judge(const struct exam_question *q, const struct shelf *s, struct eval_result *r)
{
	const json_t *from = json_array_get(r->asked.sources, 0);

	r->verdict =
		!from ? EVAL_ABSTAINED
		: exam_is_place(q->places, path_of(s, from), (unsigned)json_int(from, "page", 0),
				json_str(from, "heading", ""))
			? EVAL_RIGHT
			: EVAL_WRONG;
	r->said = from && exam_says((const char *)r->asked.answer.p, q->answer);
}

/* What `search` would show for the same words. */
static int find(struct evaluation *v, size_t run, const struct exam_question *q,
		struct eval_result *r)
{
	AUTO(search_result) struct search_result found = { 0 };
	const struct config *c = v->eval.run[run].c;
	struct search_request request = { .collection = c->collection, .query = (char *)r->asked.question.p,
					  .k = v->eval.k,
					  .filter = { .groups = v->eval.run[run].groups } };

	if (!r->asked.question.n || !search_mode(c->mode, &request.by))
		return 0;
	uint64_t from = env_now(&env_system);
	int e = search_run(parts_searcher(v->parts[run]), &request, &found);
	r->search_us = env_now(&env_system) - from;
	if (e != 0)
		return fail(v, e, "the search failed");
	for (size_t i = 0; i < found.n && !r->rank; i++)
		if (exam_is_place(q->places, found.rows[i].path, found.rows[i].page,
				  found.rows[i].heading))
			r->rank = i + 1;
	return 0;
}

static int ask(struct evaluation *v, size_t run, size_t i, struct eval_result *r)
{
	const struct exam_question *q = &v->exam.q[i];
	AUTO(mem) char *wav = q->wav ? recording_path(v, q->wav) : NULL;
	const struct question question = { .text = q->text, .wav = wav, .groups = v->eval.run[run].groups };

	if (q->wav && !wav)
		return fail(v, -ENOMEM, "out of memory");
	int e = asking(v->parts[run], &question, &r->asked);
	if (e != 0 && e != -ENODATA) {
		snprintf(v->why, sizeof(v->why), "%.80s:%u: %.300s", v->table, q->line,
			 r->asked.why);
		return e;
	}
	r->heard = e == 0;
	judge(q, &v->shelf[run], r);
	return find(v, run, q, r);
}

static int ask_all(struct evaluation *v)
{
	bool show = isatty(STDERR_FILENO);
	int e = 0;

	for (size_t run = 0; run < v->eval.n_runs && e == 0; run++) {
		struct eval_result warm = { 0 };

		/* The first question also pays for pages of memory that the others find there. */
		if (!v->exam.q[0].wav)
			e = ask(v, run, 0, &warm);
		asked_done(&warm.asked);
	}
	/* One question to both before the next: what else the machine does meets both. */
	for (size_t i = 0; i < v->exam.n && e == 0; i++) {
		if (show)
			fprintf(stderr, "\r%zu of %zu", i + 1, v->exam.n);
		for (size_t run = 0; run < v->eval.n_runs && e == 0; run++)
			e = ask(v, run, i, &v->eval.run[run].results[i]);
	}
	if (show)
		fprintf(stderr, "\r\033[K");
	return e;
}

/* --- the command ------------------------------------------------------------------------------------ */

static int set_groups(struct evaluation *v)
{
	for (size_t run = 0; run < v->eval.n_runs; run++) {
		const struct config_list *list = &v->eval.run[run].c->groups;

		if (config_set_of(list, "group", v->groups[run]) != 0)
			return -EINVAL;
		v->eval.run[run].groups = list->n ? v->groups[run] : NULL;
	}
	return 0;
}

static int prepare(struct evaluation *v)
{
	int e = read_table(v);

	if (e == 0)
		e = check_recordings(v);
	if (e == 0)
		e = store_init();
	if (e == 0 && !(v->results = mem_calloc(v->exam.n * EVAL_RUNS, sizeof(*v->results))))
		e = fail(v, -ENOMEM, "out of memory");
	for (size_t run = 0; run < v->eval.n_runs && e == 0; run++) {
		v->eval.run[run].results = v->results + run * v->exam.n;
		e = read_shelf(v, run);
		if (e == 0)
			e = parts_open(&v->parts[run], v->eval.run[run].c,
				       v->exam.spoken ? PARTS_SPOKEN : PARTS_TYPED, v->why);
		if (e == 0)
			warn_of_unknown_files(v, run);
	}
	return e;
}

static void evaluation_done(struct evaluation *v)
{
	for (size_t i = 0; v->results && i < v->exam.n * EVAL_RUNS; i++)
		asked_done(&v->results[i].asked);
	for (size_t run = 0; run < EVAL_RUNS; run++) {
		parts_free(v->parts[run]);
		shelf_done(&v->shelf[run]);
	}
	mem_free(v->results);
	exam_done(&v->exam);
	config_done(&v->other);
}

/* The second configuration. false: a sentence has been said. */
static bool vary(struct evaluation *v)
{
	if (config_vary(&v->other, v->c, CMD_EVAL, v->c->against) != 0)
		return false;
	v->eval.run[v->eval.n_runs++] = (struct eval_run){ .name = v->c->against, .c = &v->other };
	if (v->other.embedder == v->c->embedder)
		return true;
	fprintf(stderr, "voiced: --against: a collection has the embedder it was ingested with; "
			"ingest into two collections and compare these\n");
	return false;
}

int command_eval(struct config *c)
{
	struct evaluation v = { .c = c, .table = c->words.at[0] };
	int e = 0;

	if (c->words.n != 1) {
		fprintf(stderr, "usage: voiced eval [options] QUESTIONS.tsv\n");
		return 2;
	}
	v.eval = (struct eval){ .exam = &v.exam, .n_runs = 1, .run[0] = { .name = "", .c = c } };
	v.eval.k = c->k ? MIN(c->k, (unsigned)SEARCH_K_MAX) : SEARCH_K_DEFAULT;
	if (c->against && !vary(&v)) {
		config_done(&v.other);
		return 2;
	}
	if (set_groups(&v) != 0) {
		config_done(&v.other);
		return 2;
	}
	e = prepare(&v);
	if (e == 0)
		e = ask_all(&v);
	if (e == 0)
		e = c->json ? eval_print_json(&v.eval) : (eval_print(&v.eval), 0);
	if (e != 0)
		fprintf(stderr, "voiced: %s\n", v.why[0] ? v.why : strerror(-e));
	evaluation_done(&v);
	return e != 0;
}
