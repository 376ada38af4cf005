/* documents.c - sources opened at their place. SQLite is read on the turn pool. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/seat.h"
#include "base/alloc.h"
#include "base/pool.h"
#include "knowledge/store.h"

enum { TEXT_MAX = 64 * 1024 };

/* A question to the store. `work` fills status and answer. */
struct asking {
	struct job job;
	struct api *api;
	struct http_exchange *ex;
	void (*read)(struct asking *a, struct store *s);
	int64_t id;
	size_t start, end;
	struct reach reach;
	bool anywhere; /* the operator finds a document by its number in any collection */
	unsigned status; /* of the answer; not 200: code and why */
	json_t *answer;
	const char *code, *why;
};

static void refuse(struct asking *a, unsigned status, const char *code, const char *why)
{
	a->status = status;
	a->code = code;
	a->why = why;
}

static void asking_work(struct job *j)
{
	struct asking *a = CONTAINER_OF(j, struct asking, job);
	AUTO(store) struct store *s = NULL;
	char why[STORE_WHY];

	if (!a->read)
		return;
	int r = store_reader_open(&s, a->api->data, why);
	if (r == 0)
		a->read(a, s);
	else if (r == -ENOENT)
		refuse(a, 404, "not_found", "Nothing has been ingested yet: 'voiced ingest PATH' adds documents.");
	else
		refuse(a, 503, "store_unavailable", "The documents cannot be read just now.");
}

static void asking_done(struct job *j)
{
	struct asking *a = CONTAINER_OF(j, struct asking, job);

	if (a->status == 200)
		reply_json(a->ex, 200, a->answer);
	else
		exchange_error(a->ex, a->status, a->code, NULL, a->why);
	mem_free(a);
}

/* NULL: answered. */
static struct asking *asking_new(struct request *r)
{
	struct reach reach;

	if (!seat_reach(r, &reach))
		return NULL;
	struct asking *a = mem_zalloc(sizeof(*a));
	if (!a) {
		reply_no_memory(r->ex);
		return NULL;
	}
	a->api = r->seat->api;
	a->ex = r->ex;
	a->reach = reach;
	a->anywhere = !r->by_token;
	a->status = 200;
	a->job = (struct job){ .work = asking_work, .done = asking_done, .loop = r->seat->loop };
	return a;
}

static void run(struct asking *a)
{
	pool_run(a->api->p.turn, &a->job);
}

/* --- documents ---------------------------------------------------------------------------------------- */

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static json_t *document_json(const struct store_document *d)
{
	return json_pack("{s:I, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "id", (json_int_t)d->id, "title",
			 *d->title ? d->title : file_name(d->path), "file", file_name(d->path), "type",
			 d->type, "pages", (json_int_t)d->n_pages, "passages", (json_int_t)d->n_passages,
			 "size", (json_int_t)d->size, "length", (json_int_t)d->n_text);
}

static bool may_read(const struct asking *a, const struct store_document *d)
{
	return labels_admit(d->labels, reach_groups(&a->reach));
}

/* Labels are for who gives them. */
static int add_labels(const struct asking *a, const struct store_document *d, json_t *to)
{
	json_t *list = json_array();
	struct bytes one;

	for (size_t pos = 0; a->reach.all && labels_next(d->labels, &pos, &one);)
		if (json_array_append_new(list, json_stringn((const char *)one.p, one.n)) != 0)
			break;
	if (a->reach.all)
		return json_object_set_new(to, "labels", list);
	json_decref(list);
	return 0;
}

struct listing {
	const struct asking *a;
	json_t *list;
};

static int add_document(void *ctx, const struct store_document *d)
{
	struct listing *l = ctx;
	AUTO(json) json_t *o = NULL;

	if (!may_read(l->a, d))
		return 0;
	o = document_json(d);
	return add_labels(l->a, d, o) != 0 ? -ENOMEM : json_array_append(l->list, o);
}

static void read_documents(struct asking *a, struct store *s)
{
	AUTO(json) json_t *list = json_array();
	struct listing l = { a, list };
	int64_t id;

	if (store_collection(s, a->reach.collection, &id) == 0 &&
	    store_documents(s, id, add_document, &l) != 0) {
		refuse(a, 503, "store_unavailable", "The documents cannot be read just now.");
		return;
	}
	a->answer = json_pack("{s:O}", "documents", list);
}

/* What may not be read is not there. */
static int find(struct asking *a, struct store *s, struct buf *strings, struct store_document *d)
{
	int64_t collection;
	int r = store_document(s, a->id, strings, d);

	if (r == 0 && !may_read(a, d))
		return -ENOENT;
	if (r != 0 || a->anywhere)
		return r;
	r = store_collection(s, a->reach.collection, &collection);
	return r == 0 && collection != d->collection ? -ENOENT : r;
}

static bool known(struct asking *a, struct store *s, struct buf *strings, struct store_document *d)
{
	int r = find(a, s, strings, d);

	if (r == -ENOENT)
		refuse(a, 404, "not_found", "There is no such document; it may have been removed.");
	else if (r != 0)
		refuse(a, 503, "store_unavailable", "The documents cannot be read just now.");
	return r == 0;
}

static void read_document(struct asking *a, struct store *s)
{
	AUTO(buf) struct buf strings = { 0 };
	struct store_document d;

	if (!known(a, s, &strings, &d))
		return;
	a->answer = document_json(&d);
	if (add_labels(a, &d, a->answer) != 0) {
		json_decref(a->answer);
		a->answer = NULL;
	}
}

/* Where a piece of text stands: the passage that holds its beginning. */
static int add_place(struct asking *a, struct store *s)
{
	AUTO(buf) struct buf strings = { 0 };
	struct store_passage p;
	int r = store_passage_at(s, a->id, a->start, &strings, &p);

	if (r == -ENOENT) /* between two passages, or at the end */
		return 0;
	if (r == 0 && (json_object_set_new(a->answer, "heading", json_string(p.heading)) != 0 ||
		       json_object_set_new(a->answer, "page", p.page ? json_integer(p.page) : json_null()) != 0))
		r = -ENOMEM;
	return r;
}

static void read_text(struct asking *a, struct store *s)
{
	AUTO(buf) struct buf strings = { 0 };
	AUTO(buf) struct buf text = { 0 };
	struct store_document d;

	if (!known(a, s, &strings, &d))
		return;
	a->end = MIN(a->end, a->start + TEXT_MAX);
	if (store_text(s, a->id, &a->start, &a->end, &text) != 0 || text.failed) {
		refuse(a, 503, "store_unavailable", "The document cannot be read just now.");
		return;
	}
	a->answer = json_pack("{s:I, s:I, s:I, s:s%, s:I}", "id", (json_int_t)a->id, "start",
			      (json_int_t)a->start, "end", (json_int_t)a->end, "text",
			      text.p ? (const char *)text.p : "", text.n, "length", (json_int_t)d.n_text);
	if (add_place(a, s) != 0) {
		json_decref(a->answer);
		a->answer = NULL;
	}
}

/* A whole number in the query, or the fallback; false: answered. */
static bool number(struct request *r, const char *name, size_t fallback, size_t *out)
{
	char text[32], *end;

	*out = fallback;
	if (!http_query(r->http, name, text, sizeof(text)))
		return true;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || v > SIZE_MAX / 4) {
		exchange_error(r->ex, 400, "invalid_value", name, "start and end are whole numbers of octets.");
		return false;
	}
	*out = (size_t)v;
	return true;
}

static int64_t id_number(const struct request *r)
{
	char text[24] = "", *end;

	memcpy(text, r->id, MIN(r->id_len, sizeof(text) - 1));
	int64_t id = strtoll(text, &end, 10);
	return *end || end == text ? -1 : id; /* -1: known to nobody */
}

static void ask_store(struct request *r, void (*read)(struct asking *a, struct store *s), int64_t id,
		      size_t start, size_t end)
{
	struct asking *a = asking_new(r);

	if (!a)
		return;
	a->read = read;
	a->id = id;
	a->start = start;
	a->end = end;
	run(a);
}

void get_documents(struct request *r)
{
	if (!seat_holds(r, get_documents))
		ask_store(r, read_documents, 0, 0, 0);
}

void get_document(struct request *r)
{
	ask_store(r, read_document, id_number(r), 0, 0);
}

void get_document_text(struct request *r)
{
	size_t start, end;

	if (!number(r, "start", 0, &start) || !number(r, "end", start + TEXT_MAX, &end))
		return;
	if (end < start)
		exchange_error(r->ex, 400, "invalid_value", "end", "end must not be before start.");
	else
		ask_store(r, read_text, id_number(r), start, end);
}
