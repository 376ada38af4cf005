/* documents.c - what has been ingested: listed, removed, tagged. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/parts.h"
#include "base/alloc.h"
#include "base/json.h"
#include "document/shown.h"
#include "knowledge/ignore.h"
#include "knowledge/ingest.h"
#include "knowledge/labels.h"

/* Documents that the words of the command line mean. */
struct chosen {
	struct store *s;
	int64_t collection;
	int64_t *ids;
	size_t n, cap;
	const char *glob, *name; /* what is being looked for, or NULL */
};

static void chosen_auto_(struct chosen *x)
{
	mem_free(x->ids);
}

static int choose_id(struct chosen *x, int64_t id)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->ids[i] == id)
			return 0;
	if (!mem_grow(&x->ids, &x->cap, x->n, sizeof(*x->ids)))
		return -ENOMEM;
	x->ids[x->n++] = id;
	return 0;
}

/* A pattern without a '/' is about the name, any other about the path. */
static int choose_file(void *ctx, const struct store_file *f)
{
	struct chosen *x = ctx;
	const char *slash = strrchr(f->path, '/'), *name = slash ? slash + 1 : f->path;
	bool fits = x->glob ? glob_fits(x->glob, strchr(x->glob, '/') ? f->path : name) :
			      !x->name || strcmp(x->name, name) == 0;

	return fits ? choose_id(x, f->id) : 0;
}

static int choose_number(struct chosen *x, const char *word, bool *is_number)
{
	AUTO(buf) struct buf strings = { 0 };
	struct store_document d;
	char *end;
	int64_t id = strtoll(word, &end, 10);

	*is_number = end != word && !*end;
	if (!*is_number)
		return 0;
	int r = store_document(x->s, id, &strings, &d);
	return r == 0 && d.collection == x->collection ? choose_id(x, id) : r == -ENOENT ? 0 : r;
}

static int choose_shown(struct chosen *x, const char *path)
{
	AUTO(buf) struct buf shown = { 0 };

	shown_put(&shown, path);
	return shown.failed ? -ENOMEM :
			      store_files(x->s, x->collection, (const char *)shown.p, choose_file, x);
}

static int choose_word(struct chosen *x, const char *word)
{
	char real[PATH_MAX];
	size_t before = x->n;
	bool is_number;
	int r = choose_number(x, word, &is_number);

	if (is_number)
		return r;
	x->glob = strpbrk(word, "*?[") ? word : NULL;
	r = store_files(x->s, x->collection, x->glob ? "" : word, choose_file, x);
	if (r == 0 && x->n == before && !x->glob && realpath(word, real))
		r = choose_shown(x, real);
	if (r != 0 || x->n != before || x->glob || strchr(word, '/'))
		return r;
	x->name = word;
	r = store_files(x->s, x->collection, "", choose_file, x);
	x->name = NULL;
	return r;
}

/* 0; 1: said what is wrong. */
static int choose(struct chosen *x, const struct config *c)
{
	for (size_t i = 1; i < c->words.n; i++) {
		size_t before = x->n;
		int r = choose_word(x, c->words.at[i]);

		if (r == -ENOMEM || (r < 0 && r != -ENOENT)) {
			fprintf(stderr, "voiced: %s\n", r == -ENOMEM ? "out of memory" : store_why(x->s));
			return 1;
		}
		if (x->n == before) {
			fprintf(stderr, "voiced: there is no document '%s'; 'voiced documents list' shows what there is\n",
				c->words.at[i]);
			return 1;
		}
	}
	return 0;
}

static int no_more(const struct store *s)
{
	fprintf(stderr, "voiced: %s\n", store_why(s));
	return 1;
}

/* --- list ------------------------------------------------------------------------------------- */

static json_t *set_json(const char *set)
{
	json_t *list = json_array();
	struct bytes one;

	for (size_t pos = 0; labels_next(set, &pos, &one);)
		if (json_array_append_new(list, json_stringn((const char *)one.p, one.n)) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static void print_set(const char *before, const char *set)
{
	struct bytes one;

	for (size_t pos = 0; labels_next(set, &pos, &one);)
		printf("  %s%.*s", before, (int)one.n, (const char *)one.p);
}

static int add_row(json_t *list, const struct store_document *d)
{
	return json_array_append_new(
		list, json_pack("{s:I, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "id", (json_int_t)d->id, "path",
				d->path, "title", d->title, "type", d->type, "pages", (json_int_t)d->n_pages,
				"passages", (json_int_t)d->n_passages, "size", (json_int_t)d->size, "tags",
				set_json(d->tags), "labels", set_json(d->labels)));
}

static void print_row(const struct store_document *d)
{
	char pages[24] = "";

	if (d->n_pages)
		snprintf(pages, sizeof(pages), "%u p.", d->n_pages);
	printf("%6lld  %-8.8s  %7s  %9.1f KB  %s", (long long)d->id, d->type, pages, (double)d->size / 1000,
	       d->path);
	print_set("#", d->tags);
	print_set("for ", d->labels);
	putchar('\n');
}

static int print_end(json_t *list, size_t n)
{
	AUTO(buf) struct buf out = { 0 };
	AUTO(json) json_t *o = list ? json_pack("{s:O}", "documents", list) : NULL;

	if (!list) {
		printf(n == 1 ? "1 document\n" : "%zu documents\n", n);
		return 0;
	}
	json_write(&out, o);
	if (!out.failed)
		puts((const char *)out.p);
	return out.failed;
}

static int choose_all(struct chosen *x, const struct config *c)
{
	if (c->words.n > 1)
		return choose(x, c);
	x->glob = NULL;
	return store_files(x->s, x->collection, "", choose_file, x) == 0 ? 0 : no_more(x->s);
}

static int list(struct chosen *x, struct config *c)
{
	AUTO(json) json_t *rows = c->json ? json_array() : NULL;

	if (choose_all(x, c) != 0)
		return 1;
	for (size_t i = 0; i < x->n; i++) {
		AUTO(buf) struct buf strings = { 0 };
		struct store_document d;

		if (store_document(x->s, x->ids[i], &strings, &d) != 0)
			continue; /* gone meanwhile */
		if (!c->json)
			print_row(&d);
		else if (add_row(rows, &d) != 0)
			return 1;
	}
	return print_end(rows, x->n);
}

/* --- remove and tag ---------------------------------------------------------------------------- */

static int print_changed(const struct config *c, const char *what, size_t n)
{
	if (c->json)
		printf("{\"%s\": %zu}\n", what, n);
	else
		printf("%zu %s\n", n, what);
	return 0;
}

static int remove_them(struct chosen *x, struct config *c)
{
	AUTO(ingest_summary) struct ingest_summary sum = { 0 };
	const struct ingest_params p = { .collection = c->collection };

	if (choose(x, c) != 0)
		return 1;
	int r = store_batch(x->s);
	for (size_t i = 0; r == 0 && i < x->n; i++)
		r = store_remove(x->s, x->ids[i]);
	r = store_commit(x->s, r);
	if (r == 0)
		r = ingest_learn(x->s, &p, &sum);
	return r < 0 ? no_more(x->s) : print_changed(c, "removed", x->n);
}

/* What `voiced documents tag` and `label` give: a set of words each. */
static int mark_them(struct chosen *x, struct config *c, const struct config_list *list, const char *option,
		     const char *done)
{
	bool is_tag = list == &c->tags;
	char set[LABELS_SIZE];

	if (!list->n)
		fprintf(stderr, "voiced: which %ss? --%s WORD, once for each; --%s '' takes all away\n", option,
			option, option);
	if (!list->n || config_set_of(list, option, set) != 0)
		return 2;
	if (choose(x, c) != 0)
		return 1;
	int r = store_batch(x->s);
	for (size_t i = 0; r == 0 && i < x->n; i++)
		r = store_mark(x->s, x->ids[i], is_tag ? set : NULL, is_tag ? NULL : set);
	r = store_commit(x->s, r);
	return r < 0 ? no_more(x->s) : print_changed(c, done, x->n);
}

static int tag_them(struct chosen *x, struct config *c)
{
	return mark_them(x, c, &c->tags, "tag", "tagged");
}

static int label_them(struct chosen *x, struct config *c)
{
	return mark_them(x, c, &c->labels, "label", "labelled");
}

static const struct verb {
	const char *name;
	bool writes;
	int (*run)(struct chosen *x, struct config *c);
} verbs[] = {
	{ "list", false, list },
	{ "remove", true, remove_them },
	{ "tag", true, tag_them },
	{ "label", true, label_them },
};

static int run_verb(const struct verb *v, struct config *c)
{
	AUTO(store) struct store *s = NULL;
	char why[STORE_WHY] = "out of memory";

	int r = store_init();
	if (r == 0) /* a reader says what is wrong with a place where nothing is */
		r = store_reader_open(&s, c->data, why);
	AUTO(chosen) struct chosen x = { .s = s };
	if (r == 0)
		r = store_collection(s, c->collection, &x.collection);
	if (r == -ENOENT && s)
		snprintf(why, sizeof(why), COLLECTION_MISSING, c->collection, c->collection);
	if (r == 0 && v->writes) {
		store_close(s);
		s = NULL;
		r = store_open(&s, c->data, why);
		x.s = s;
	}
	if (r != 0) {
		fprintf(stderr, "voiced: %s\n", why);
		return 1;
	}
	return v->run(&x, c);
}

int command_documents(struct config *c)
{
	const char *names[ARRAY_LEN(verbs) + 1] = { NULL };

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		names[i] = verbs[i].name;
		if (strcmp(verbs[i].name, c->words.at[0]) != 0)
			continue;
		if (c->words.n > 1 || verbs[i].run == list)
			return run_verb(&verbs[i], c);
		fprintf(stderr, "voiced: which documents? A number, a file, a folder, or a pattern such as '*.pdf'\n");
		return 2;
	}
	const char *near = config_nearest(c->words.at[0], names);
	fprintf(stderr, "voiced: 'voiced documents' lists, removes, tags or labels; '%s' is none of these%s%s%s\n",
		c->words.at[0], near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return 2;
}
