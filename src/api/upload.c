/* upload.c - documents that come by HTTP, go by HTTP, and what has become of them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/seat.h"
#include "base/alloc.h"
#include "base/loop.h"
#include "document/extract.h"
#include "document/shown.h"
#include "knowledge/intake.h"
#include "net/multipart.h"

enum { DOCUMENT_NAME_MAX = 1200 /* three times what a file system takes, should all of it be %XX */, TAGS_MAX = 1024, WAIT_S = 10, WAIT_MAX_S = 60 };

/* --- asking the intake ------------------------------------------------------------------------- */

/* A question that is answered by its exchange alone. */
struct inquiry {
	struct intake_request ask;
	struct http_exchange *ex;
};

static bool ask_intake(struct request *r, struct intake_request *q)
{
	struct intake *x = r->seat->api->p.intake;

	q->loop = r->seat->loop;
	if (x && intake_ask(x, q) == 0)
		return true;
	exchange_error(r->ex, 503, "too_many_uploads", NULL,
		       "More documents are waiting than the server holds. Please try again in a moment.");
	return false;
}

/* Who sees but a part of the documents neither changes them nor learns their names. false: answered. */
static bool is_operator(struct request *r, struct reach *reach)
{
	if (!seat_reach(r, reach))
		return false;
	if (!reach->all)
		exchange_error(r->ex, 403, "group_not_allowed", NULL,
			       "Documents are added and removed by who may read all of them.");
	return reach->all;
}

static void inquire(struct request *r, struct intake_request q)
{
	struct reach reach;

	if (!is_operator(r, &reach))
		return;
	struct inquiry *i = mem_zalloc(sizeof(*i));
	if (!i) {
		reply_no_memory(r->ex);
		return;
	}
	*i = (struct inquiry){ q, r->ex };
	if (!ask_intake(r, &i->ask))
		mem_free(i);
}

/* What befell the store, as a status. */
static void refuse_store(struct http_exchange *ex, const struct intake_request *q)
{
	bool full = q->result == -ENOSPC, mine = q->result == -ECANCELED;

	exchange_error(ex, full ? 507 : 503, full ? "insufficient_storage" : "store_unavailable", NULL,
		       full ? "The server's disk is full: the document was not kept." :
		       mine ? "The server is stopping: the document was not kept." :
			      "The documents cannot be written just now.");
}

static void report_done(struct intake_request *q)
{
	struct inquiry *i = CONTAINER_OF(q, struct inquiry, ask);

	if (q->result == -ENOENT)
		exchange_error(i->ex, 404, "not_found", NULL, "There is no such upload, or it was long ago.");
	else
		reply_json(i->ex, 200, q->answer);
	mem_free(i);
}

void get_ingest(struct request *r)
{
	inquire(r, (struct intake_request){ .verb = INTAKE_REPORT, .done = report_done });
}

void get_ingest_job(struct request *r)
{
	char text[32] = "", *end;
	uint64_t id = 0;

	memcpy(text, r->id, MIN(r->id_len, sizeof(text) - 1));
	if (strncmp(text, "in_", 3) == 0)
		id = strtoull(text + 3, &end, 10);
	inquire(r, (struct intake_request){ .verb = INTAKE_LOOK, .id = id, .done = report_done });
}

static void remove_done(struct intake_request *q)
{
	struct inquiry *i = CONTAINER_OF(q, struct inquiry, ask);

	if (q->result == 0)
		reply_json(i->ex, 200, json_pack("{s:I, s:b}", "id", (json_int_t)q->document, "deleted", 1));
	else if (q->result == -ENOENT)
		exchange_error(i->ex, 404, "not_found", NULL,
			       "There is no such document; it may have been removed.");
	else
		refuse_store(i->ex, q);
	mem_free(i);
}

void delete_document(struct request *r)
{
	char text[24] = "", *end;

	memcpy(text, r->id, MIN(r->id_len, sizeof(text) - 1));
	int64_t id = strtoll(text, &end, 10);
	inquire(r, (struct intake_request){ .verb = INTAKE_REMOVE, .document = *end ? -1 : id,
					    .done = remove_done });
}

/* --- uploads --------------------------------------------------------------------------------------- */

/* Lives until its documents are committed; the exchange may be answered before. */
struct upload {
	struct intake_request ask;
	struct http_exchange *ex; /* NULL: answered */
	struct timer patience;
	struct buf body; /* all contents are views into it */
	struct ingest_document documents[MULTIPART_PARTS_MAX];
	char names[MULTIPART_PARTS_MAX][DOCUMENT_NAME_MAX + 1];
	char tags[TAGS_MAX];
};

static void upload_free(struct upload *u)
{
	buf_done(&u->body);
	mem_free(u);
}

static void reply_upload(struct upload *u)
{
	size_t n_failed = 0, n_added = 0;

	for (size_t i = 0; i < u->ask.n; i++) {
		n_failed += u->documents[i].done == INGEST_FAILED;
		n_added += u->documents[i].done == INGEST_ADDED;
	}
	if (u->ask.result < 0)
		refuse_store(u->ex, &u->ask);
	else if (n_failed == u->ask.n)
		exchange_error(u->ex, 422, "unreadable_document", NULL, u->documents[0].why);
	else {
		reply_json(u->ex, n_added ? 201 : 200, u->ask.answer);
		u->ask.answer = NULL;
	}
}

static void upload_done(struct intake_request *q)
{
	struct upload *u = CONTAINER_OF(q, struct upload, ask);

	timer_stop(q->loop, &u->patience);
	if (u->ex)
		reply_upload(u);
	json_decref(q->answer);
	upload_free(u);
}

static void on_impatient(struct timer *t)
{
	struct upload *u = CONTAINER_OF(t, struct upload, patience);
	char id[32];

	snprintf(id, sizeof(id), "in_%" PRIu64, u->ask.id);
	reply_json(u->ex, 202, json_pack("{s:s, s:s}", "id", id, "state", "waiting"));
	u->ex = NULL;
}

/* A name of our own choosing would be no use to anybody: it must be given, and say nothing about
 * other places. false: answered. */
static bool check_name(struct request *r, const char *name)
{
	const char *why = NULL;

	if (!*name)
		why = "A document wants a name: ?name=report.pdf, or a filename in the form.";
	else if (*name == '/' || strchr(name, '\\') || strstr(name, "../") || strcmp(name, "..") == 0)
		why = "A document's name is no path of another place.";
	for (const char *c = name; *c; c++)
		if ((uint8_t)*c < 0x20 || *c == 0x7f)
			why = "A document's name holds no control characters.";
	if (why)
		exchange_error(r->ex, 400, "invalid_value", "name", why);
	return !why;
}

static bool add_part(struct request *r, struct upload *u, struct bytes content)
{
	AUTO(buf) struct buf shown = { 0 };
	struct ingest_document *d = &u->documents[u->ask.n];
	char *name = u->names[u->ask.n];

	if (!check_name(r, name))
		return false;
	shown_put(&shown, name); /* what is no text in it */
	snprintf(name, sizeof(u->names[0]), "%s", shown.p ? (const char *)shown.p : "document");
	if (content.n > EXTRACT_IN_MAX) {
		exchange_error(r->ex, 413, "document_too_large", NULL, "A document may have 50 MB.");
		return false;
	}
	*d = (struct ingest_document){ .name = u->names[u->ask.n++], .content = content };
	return true;
}

/* "a, b" as a set (store.h). false: too long. */
static bool add_tags(struct upload *u, const char *list)
{
	for (const char *t = list; *t;) {
		size_t space = strspn(t, ", \t"), n = strcspn(t + space, ",\n");
		size_t at = strlen(u->tags);

		t += space;
		while (n && t[n - 1] == ' ')
			n--;
		if (at + n + 3 > sizeof(u->tags))
			return false;
		if (n)
			snprintf(u->tags + at, sizeof(u->tags) - at, "%s%.*s\n", at ? "" : "\n", (int)n, t);
		t += n;
		t += strcspn(t, ",\n");
		t += *t != 0;
	}
	return true;
}

static bool tags_too_long(struct request *r)
{
	exchange_error(r->ex, 400, "invalid_value", "tags", "Tags are words with a comma between, 1,000 octets at most.");
	return false;
}

static bool take_part(struct request *r, struct upload *u, const struct multipart_part *p)
{
	char text[TAGS_MAX];

	if (!p->filename.p) {
		if (!bytes_is(p->name, "tags") || !p->body.n)
			return true; /* a field we do not know */
		if (p->body.n >= sizeof(text))
			return tags_too_long(r);
		memcpy(text, p->body.p, p->body.n);
		text[p->body.n] = 0;
		return add_tags(u, text) || tags_too_long(r);
	}
	if (!multipart_text(p->filename, u->names[u->ask.n], sizeof(u->names[0])))
		u->names[u->ask.n][0] = 0;
	return add_part(r, u, p->body);
}

static bool take_form(struct request *r, struct upload *u)
{
	static const char *const why[] = {
		[MULTIPART_MALFORMED] = "The multipart body is malformed or cut short.",
		[MULTIPART_TOO_MANY] = "A form holds 16 parts at most.",
	};
	struct multipart form;
	enum multipart_verdict v =
		multipart_parse(http_header(r->http, "content-type"), buf_bytes(&u->body), &form);

	if (v != MULTIPART_OK) {
		exchange_error(r->ex, 400, "invalid_multipart", NULL,
			       v == MULTIPART_TOO_MANY ? why[v] : why[MULTIPART_MALFORMED]);
		return false;
	}
	for (size_t i = 0; i < form.n; i++)
		if (!take_part(r, u, &form.parts[i]))
			return false;
	if (!u->ask.n)
		exchange_error(r->ex, 400, "missing_required_parameter", "file", "The form holds no file.");
	return u->ask.n > 0;
}

static bool is_form(const struct http_request *q)
{
	struct bytes t = http_header(q, "content-type");

	return t.n >= 20 && strncasecmp((const char *)t.p, "multipart/form-data;", 20) == 0;
}

static bool take_body(struct request *r, struct upload *u)
{
	char tags[TAGS_MAX];

	if (http_query_has(r->http, "tags") &&
	    (!http_query(r->http, "tags", tags, sizeof(tags)) || !add_tags(u, tags)))
		return tags_too_long(r);
	if (is_form(r->http))
		return take_form(r, u);
	if (!http_query(r->http, "name", u->names[0], sizeof(u->names[0])))
		u->names[0][0] = 0;
	return add_part(r, u, buf_bytes(&u->body));
}

/* false: answered. */
static bool wait_of(struct request *r, unsigned *out)
{
	char text[8], *end = text;

	*out = WAIT_S;
	if (!http_query_has(r->http, "wait"))
		return true;
	if (http_query(r->http, "wait", text, sizeof(text)))
		*out = (unsigned)strtoul(text, &end, 10);
	if (end != text && !*end && *out <= WAIT_MAX_S)
		return true;
	exchange_error(r->ex, 400, "invalid_value", "wait", "wait is a whole number of seconds from 0 to 60.");
	return false;
}

static void begin_upload(struct request *r, struct upload *u, unsigned wait_s)
{
	struct loop *loop = r->seat->loop;

	u->ask.verb = INTAKE_ADD;
	u->ask.documents = u->documents;
	u->ask.done = upload_done;
	u->ex = r->ex;
	u->patience.on_due = on_impatient;
	for (size_t i = 0; i < u->ask.n && u->tags[0]; i++)
		u->documents[i].tags = u->tags;
	if (timer_set(loop, &u->patience, loop_now_us(loop) + (uint64_t)wait_s * US_PER_S) != 0) {
		reply_no_memory(r->ex);
		upload_free(u);
	} else if (!ask_intake(r, &u->ask)) {
		timer_stop(loop, &u->patience);
		upload_free(u);
	}
}

void post_documents(struct request *r)
{
	struct reach reach;
	unsigned wait_s;

	if (!wait_of(r, &wait_s) || !is_operator(r, &reach))
		return;
	struct upload *u = mem_zalloc(sizeof(*u));
	if (u)
		buf_put(&u->body, r->http->body.p, r->http->body.n);
	if (!u || u->body.failed) {
		reply_no_memory(r->ex);
		if (u)
			upload_free(u);
		return;
	}
	u->ask.collection = reach.collection;
	if (take_body(r, u))
		begin_upload(r, u, wait_s);
	else
		upload_free(u);
}
