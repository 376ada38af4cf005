/* search.c - POST /api/search: a question to the documents without a conversation. */
#include <errno.h>

#include "api/seat.h"
#include "base/alloc.h"
#include "base/pool.h"
#include "knowledge/search.h"

enum { QUERY_MAX = 4096, TEXT_MAX = 256 };

/* What is asked. Strings are the body's. */
struct searching {
	struct job job;
	struct api *api;
	struct http_exchange *ex;
	struct reach reach;
	json_t *body;
	struct search_request q;
	char tags[LABELS_SIZE];
	json_t *answer;
	int error;
};

static void searching_free(struct searching *s)
{
	json_decref(s->body);
	json_decref(s->answer);
	mem_free(s);
}

static void searching_auto_(struct searching **s)
{
	if (*s)
		searching_free(*s);
}

static void searching_work(struct job *j)
{
	struct searching *s = CONTAINER_OF(j, struct searching, job);
	AUTO(mem) struct search_result *result = mem_zalloc(sizeof(*result));

	s->error = result ? search_run(s->api->p.searcher, &s->q, result) : -ENOMEM;
	if (s->error != 0 && s->error != -ENOENT)
		return;
	s->answer = search_result_json(&s->q, result);
	search_result_done(result);

	/* Where a file stands on this machine is not for clients to know. */
	json_t *rows = json_object_get(s->answer, "results");
	for (size_t i = 0; i < json_array_size(rows); i++)
		json_object_del(json_array_get(rows, i), "path");
}

static void searching_done(struct job *j)
{
	AUTO(searching) struct searching *s = CONTAINER_OF(j, struct searching, job);

	if (!s->answer) {
		exchange_error(s->ex, 503, "server_error", NULL, "The server is out of memory.");
		return;
	}
	reply_json(s->ex, 200, s->answer);
	s->answer = NULL;
}

/* --- the body ------------------------------------------------------------------------------- */

static bool take_query(struct searching *s, const json_t *v)
{
	s->q.query = json_string_value(v);
	return s->q.query && *s->q.query && strlen(s->q.query) <= QUERY_MAX;
}

static bool take_k(struct searching *s, const json_t *v)
{
	json_int_t k = json_integer_value(v);

	s->q.k = (size_t)k;
	return json_is_integer(v) && k >= 1 && k <= SEARCH_K_MAX;
}

static bool take_mode(struct searching *s, const json_t *v)
{
	return json_is_string(v) && search_mode(json_string_value(v), &s->q.by);
}

static bool take_tags(struct searching *s, const json_t *v)
{
	const json_t *one;
	size_t i;

	json_array_foreach(v, i, one) {
		struct bytes word = bytes_str(json_is_string(one) ? json_string_value(one) : "");

		if (!label_valid(word) || !labels_add(s->tags, word))
			return false;
	}
	s->q.filter.tags = s->tags;
	return json_is_array(v);
}

static bool take_file(struct searching *s, const json_t *v)
{
	s->q.filter.name = json_string_value(v);
	return s->q.filter.name && strlen(s->q.filter.name) <= TEXT_MAX;
}

static bool take_since(struct searching *s, const json_t *v)
{
	return json_is_string(v) && view_date(json_string_value(v), &s->q.filter.since_us);
}

static bool take_until(struct searching *s, const json_t *v)
{
	return json_is_string(v) && view_date(json_string_value(v), &s->q.filter.until_us);
}

static bool take_document(struct searching *s, const json_t *v)
{
	s->q.filter.document = json_integer_value(v);
	return json_is_integer(v) && s->q.filter.document > 0;
}

static const struct {
	const char *name;
	bool (*take)(struct searching *s, const json_t *v);
	const char *wrong;
} fields[] = {
	{ "query", take_query, "Send {\"query\": \"…\"} with at most 4096 octets of text." },
	{ "searchKey", take_query, "searchKey is a text of at most 4096 octets." },
	{ "k", take_k, "k is a whole number from 1 to 100." },
	{ "mode", take_mode, "mode is text, vector or hybrid." },
	{ "tags", take_tags, "tags is a list of up to 16 words; a document must have all of them." },
	{ "file", take_file, "file is a pattern of the file's name, such as \"*.pdf\"." },
	{ "since", take_since, "since is a date such as 2026-01-31 or 2026-01-31T12:00:00Z." },
	{ "until", take_until, "until is a date such as 2026-01-31 or 2026-01-31T12:00:00Z." },
	{ "document", take_document, "document is the number of a document." },
};

/* false: answered. */
static bool take_body(struct searching *s, struct http_exchange *ex)
{
	if (!s->body) {
		exchange_error(ex, 400, "invalid_json", NULL, "The body is not JSON: send {\"query\": \"…\"}.");
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const json_t *v = json_object_get(s->body, fields[i].name);

		if (v && !fields[i].take(s, v)) {
			exchange_error(ex, 400, "invalid_value", fields[i].name, fields[i].wrong);
			return false;
		}
	}
	if (!s->q.query)
		exchange_error(ex, 400, "invalid_value", fields[0].name, fields[0].wrong);
	return s->q.query;
}

void post_search(struct request *r)
{
	char why[160];

	if (seat_holds(r, post_search))
		return;
	AUTO(searching) struct searching *s = mem_zalloc(sizeof(*s));
	if (!s) {
		reply_no_memory(r->ex);
		return;
	}
	s->body = json_parse(r->http->body, why);
	if (!take_body(s, r->ex) || !seat_reach(r, &s->reach))
		return;
	s->api = r->seat->api;
	s->ex = r->ex;
	s->q.collection = s->reach.collection;
	s->q.filter.groups = reach_groups(&s->reach);
	s->job = (struct job){ .work = searching_work, .done = searching_done, .loop = r->seat->loop };
	pool_run(s->api->p.turn, &s->job);
	s = NULL;
}
