/* status.c - the page, its settings, health and counters. */
#include <inttypes.h>
#include <string.h>

#include "api/budget.h"
#include "api/page.h"
#include "api/seat.h"
#include "base/alloc.h"
#include "base/meter.h"
#include "base/pool.h"
#include "knowledge/learn.h"
#include "knowledge/store.h"

static const char csp[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
	"connect-src 'self' ws: wss:; media-src 'self' blob: mediastream:; manifest-src 'self'; "
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void get_page(struct request *r)
{
	const struct page_file *f = NULL;

	for (size_t i = 0; i < n_page_files && !f; i++)
		if (strcmp(page_files[i].path, r->http->path) == 0)
			f = &page_files[i];
	if (!f) {
		exchange_error(r->ex, 404, "not_found", NULL, "There is nothing at this path.");
		return;
	}
	if (r->http->verb != VERB_GET && r->http->verb != VERB_HEAD) {
		refuse_verb(r->ex, BIT(VERB_GET));
		return;
	}
	const struct http_field fields[] = {
		{ "Content-Security-Policy", csp },
		{ "Referrer-Policy", "no-referrer" },
		{ "Permissions-Policy", "microphone=(self), autoplay=(self), camera=(), geolocation=()" },
		{ "Cache-Control", "no-cache" },
		{ "ETag", f->etag },
	};
	bool same = bytes_is(http_header(r->http, "if-none-match"), f->etag);
	struct http_reply reply = { .status = same ? 304 : 200, .type = same ? NULL : f->type,
				    .body = same ? (struct bytes){ 0 } : f->body, .fields = fields,
				    .n_fields = ARRAY_LEN(fields) };
	exchange_reply_static(r->ex, &reply);
}

/* --- how much there is to ask about ---------------------------------------------------------------- */

struct counting {
	struct job job;
	struct api *api;
	struct http_exchange *ex;
	bool full;
	struct reach reach;
	struct store_size size;
};

static void count_work(struct job *j)
{
	struct counting *c = CONTAINER_OF(j, struct counting, job);
	AUTO(store) struct store *s = NULL;
	char why[STORE_WHY];
	int64_t id;

	/* Nothing ingested yet is nothing counted. */
	if (store_reader_open(&s, c->api->data, why) != 0 ||
	    store_collection(s, c->reach.collection, &id) != 0 ||
	    store_size_seen(s, id, reach_groups(&c->reach), &c->size) != 0)
		c->size = (struct store_size){ 0 };
}

static json_t *health(const struct counting *c)
{
	bool ready = c->api->p.ready(c->api->p.ctx);

	return json_pack("{s:s, s:I, s:I, s:I, s:s}", "status", ready ? "ready" : "starting", "documents",
			 (json_int_t)c->size.documents, "passages", (json_int_t)c->size.passages, "sessions",
			 (json_int_t)atomic_load(&c->api->sessions), "version", VERSION);
}

static json_t *voices(const struct api *a)
{
	const char *served = a->collection;
	const struct engines *e = a->p.engines_of(a->p.ctx, &served);
	json_t *list = json_array();

	for (const struct tts_voice *v = e->tts_ops ? e->tts_ops->voices : NULL; list && v && v->name; v++)
		if (json_array_append_new(list, json_pack("{s:s, s:s}", "name", v->name, "description",
							  v->description)) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *questions(const struct api *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->p.n_questions; i++)
		if (json_array_append_new(list, json_string(a->questions[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *full_status(const struct counting *c)
{
	const struct api *a = c->api;
	json_t *o = health(c);
	json_t *listen = json_pack("{s:o}", "https_url",
				   *a->https_url ? json_string(a->https_url) : json_null());

	if (json_object_set_new(o, "questions", questions(a)) != 0 ||
	    json_object_set_new(o, "voices", voices(a)) != 0 ||
	    json_object_set_new(o, "listen", listen) != 0 ||
	    (a->p.engines_shown && json_object_set_new(o, "engines", a->p.engines_shown(a->p.ctx)) != 0)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static void count_done(struct job *j)
{
	struct counting *c = CONTAINER_OF(j, struct counting, job);

	if (c->full)
		reply_json(c->ex, 200, full_status(c));
	else
		reply_json(c->ex, c->api->p.ready(c->api->p.ctx) ? 200 : 503, health(c));
	mem_free(c);
}

/* Of health anyone may ask: it counts what anyone may read. */
static void start_count(struct request *r, bool full)
{
	struct reach reach = { .collection = r->seat->api->collection };

	if (full && !seat_reach(r, &reach))
		return;
	struct counting *c = mem_zalloc(sizeof(*c));

	if (!c) {
		reply_no_memory(r->ex);
		return;
	}
	*c = (struct counting){ .api = r->seat->api, .ex = r->ex, .full = full, .reach = reach };
	c->job = (struct job){ .work = count_work, .done = count_done, .loop = r->seat->loop };
	pool_run(r->seat->api->p.turn, &c->job);
}

void get_health(struct request *r)
{
	start_count(r, false);
}

void get_status(struct request *r)
{
	start_count(r, true);
}

/* --- counters ------------------------------------------------------------------------------------------ */

static void metric(struct buf *b, const char *name, const char *type, const char *help, uint64_t v)
{
	buf_printf(b, "# HELP voiced_%s %s\n# TYPE voiced_%s %s\nvoiced_%s %" PRIu64 "\n", name, help, name,
		   type, name, v);
}

void get_metrics(struct request *r)
{
	const struct api *a = r->seat->api;
	AUTO(buf) struct buf b = { 0 };

	metric(&b, "sessions", "gauge", "Conversations now.", atomic_load(&a->sessions));
	metric(&b, "sessions_total", "counter", "Conversations begun.", atomic_load(&a->sessions_total));
	metric(&b, "sessions_refused_total", "counter", "Conversations refused for want of room.",
	       atomic_load(&a->refused_total));
	metric(&b, "http_requests_total", "counter", "HTTP requests.", atomic_load(&a->requests_total));
	metric(&b, "ready", "gauge", "1: a question asked now is answered.", a->p.ready(a->p.ctx));
	struct learn_progress p = learn_progress();
	metric(&b, "embedding_passages_total", "counter", "Vectors of passages made.", p.made);
	metric(&b, "reembedding_passages", "gauge", "Passages that get another embedder's vectors now.", p.total);
	metric(&b, "reembedding_passages_done", "gauge", "How many of these have them.", p.done);
	metric(&b, "memory_blocks", "gauge", "Heap blocks in use.", mem_live());
	budgets_write(a->p.budgets, &b);
	meter_write(&b);
	if (a->p.engines_metrics)
		a->p.engines_metrics(a->p.ctx, &b);
	if (b.failed) {
		reply_no_memory(r->ex);
		return;
	}
	exchange_reply(r->ex, &(struct http_reply){ .status = 200, .type = "text/plain; version=0.0.4",
						    .body = buf_bytes(&b) });
}

/* --- the one-time code ------------------------------------------------------------------------------------- */

void post_login(struct request *r)
{
	char why[160], cookie[AUTH_COOKIE_MAX];
	struct auth *auth = r->seat->api->p.auth;
	AUTO(json) json_t *o = json_parse(r->http->body, why);
	const char *code = json_str(o, "code", "");

	if (!auth_spend_code(auth, bytes_str(code))) {
		exchange_error(r->ex, 403, "invalid_code", "code",
			       "This link has been used, or is of an earlier start. Restart 'voiced serve' for a new one.");
		return;
	}
	if (auth_cookie(auth, exchange_is_tls(r->ex) ? AUTH_TLS : AUTH_PLAIN, cookie) != 0) {
		reply_no_memory(r->ex);
		return;
	}
	const struct http_field fields[] = { { "Set-Cookie", cookie }, { "Cache-Control", "no-store" } };
	exchange_reply(r->ex, &(struct http_reply){ .status = 204, .fields = fields,
						    .n_fields = ARRAY_LEN(fields) });
}
