#include "net/http_exchange.h"

#include <assert.h>
#include <errno.h>

#include "base/alloc.h"
#include "base/env.h"
#include "net/http_inner.h"

struct http_exchange *http_exchange_new(struct http_conn *hc, struct bytes origin)
{
	struct http_exchange *ex = mem_zalloc(sizeof(*ex));

	if (!ex)
		return NULL;
	*ex = (struct http_exchange){
		.hc = hc,
		.loop = hc->seat->home.loop,
		.reader = hc->reader,
		.peer = *conn_peer(hc->conn),
		.tls = conn_is_tls(hc->conn),
	};
	if (origin.n && origin.n < sizeof(ex->origin))
		memcpy(ex->origin, origin.p, origin.n);
	hc->ex = ex;
	hc->reader = NULL;
	return ex;
}

/* --- what it is -------------------------------------------------------------------------- */

const struct http_request *exchange_request(const struct http_exchange *ex)
{
	return http_reader_request(ex->reader);
}

struct loop *exchange_loop(const struct http_exchange *ex)
{
	return ex->loop;
}

const struct addr *exchange_peer(const struct http_exchange *ex)
{
	return &ex->peer;
}

bool exchange_is_tls(const struct http_exchange *ex)
{
	return ex->tls;
}

bool exchange_gone(const struct http_exchange *ex)
{
	return !ex->hc;
}

const struct http_limits *exchange_limits(const struct http_exchange *ex)
{
	return ex->hc ? &ex->hc->server->limits : NULL;
}

/* --- answers ----------------------------------------------------------------------------- */

size_t exchange_cors(const struct http_exchange *ex, struct http_field to[static 3])
{
	if (!ex->origin[0])
		return 0;
	to[0] = (struct http_field){ "Access-Control-Allow-Origin", ex->origin };
	to[1] = (struct http_field){ "Access-Control-Expose-Headers", "Location" };
	to[2] = (struct http_field){ "Vary", "Origin" };
	return 3;
}

/* Takes the exchange off its connection, which gets its reader back. NULL: gone. */
static struct http_conn *finish(struct http_exchange *ex)
{
	struct http_conn *hc = ex->hc;

	if (hc) {
		http_reader_next(ex->reader);
		hc->reader = ex->reader;
		hc->ex = NULL;
	} else {
		http_reader_free(ex->reader);
	}
	mem_free(ex);
	return hc;
}

/* *whole: r with the fields that every answer has, which the caller frees. NULL: no memory. */
static struct http_field *complete(struct http_exchange *ex, const struct http_reply *r,
				   struct http_reply *whole)
{
	enum { OURS = 3 };
	struct http_field *fields = mem_calloc(r->n_fields + OURS, sizeof(*fields));

	if (!fields)
		return NULL;
	if (r->n_fields)
		memcpy(fields, r->fields, r->n_fields * sizeof(*fields));
	*whole = *r;
	whole->fields = fields;
	whole->n_fields += exchange_cors(ex, fields + r->n_fields);
	if (!exchange_request(ex)->keep_alive || ex->hc->server->stopping)
		ex->hc->after = HTTP_CLOSE;
	return fields;
}

static void reply(struct http_exchange *ex, const struct http_reply *r, enum body_life life)
{
	struct http_conn *hc = ex->hc;
	struct http_reply whole;
	struct http_field *fields = hc ? complete(ex, r, &whole) : NULL;

	ex->watch = NULL;
	if (fields) {
		enum http_verb verb = exchange_request(ex)->verb;

		/* The body may lie in the request: written before that is forgotten. */
		if (http_conn_write(hc, &whole, life, verb)) {
			finish(ex);
			http_conn_go_on(hc);
		} else {
			finish(ex);
		}
	} else {
		if (hc)
			http_conn_cut(hc);
		finish(ex);
	}
	mem_free(fields);
}

void exchange_reply(struct http_exchange *ex, const struct http_reply *r)
{
	reply(ex, r, BODY_BRIEF);
}

void exchange_reply_static(struct http_exchange *ex, const struct http_reply *r)
{
	reply(ex, r, BODY_STATIC);
}

void exchange_error(struct http_exchange *ex, unsigned status, const char *code, const char *param,
		    const char *message)
{
	AUTO(buf) struct buf body = { 0 };
	struct http_reply r = { .status = status, .type = "application/json" };

	http_write_error(&body, http_error_type(status), code, param, message);
	r.body = body.failed ? (struct bytes){ 0 } : buf_bytes(&body);
	exchange_reply(ex, &r);
}

/* --- answers in parts ---------------------------------------------------------------------- */

void exchange_set_watch(struct http_exchange *ex, const struct exchange_watch *w, void *ctx)
{
	ex->watch = w;
	ex->watcher = ctx;
}

void http_exchange_on_gone(struct http_exchange *ex)
{
	const struct exchange_watch *w = ex->watch;

	ex->watch = NULL;
	if (w)
		w->on_gone(ex->watcher);
}

void http_exchange_on_room(struct http_exchange *ex)
{
	if (ex->watch && ex->watch->on_room)
		ex->watch->on_room(ex->watcher);
}

/* Writes, or cuts the connection without a word to who watches: it is in a call of ours. */
static int put(struct http_exchange *ex, const struct buf *out)
{
	if (!out->failed && conn_write(ex->hc->conn, buf_bytes(out)) == 0)
		return 0;
	ex->watch = NULL;
	http_conn_cut(ex->hc);
	return -EPIPE;
}

int exchange_begin(struct http_exchange *ex, const struct http_reply *r)
{
	AUTO(buf) struct buf out = { 0 };
	struct http_reply whole = *r;

	if (!ex->hc)
		return -EPIPE;
	AUTO(mem) struct http_field *fields = complete(ex, r, &whole);
	ex->in_parts = true;
	ex->form = exchange_request(ex)->minor ? HTTP_CHUNKED : HTTP_TO_END;
	whole.form = ex->form;
	if (ex->form == HTTP_TO_END)
		ex->hc->after = HTTP_CLOSE;
	http_write_head(&out, &whole, ex->hc->after, env_wall(&env_system));
	out.failed |= !fields;
	return put(ex, &out);
}

int exchange_write(struct http_exchange *ex, struct bytes part)
{
	AUTO(buf) struct buf out = { 0 };

	if (!ex->hc)
		return -EPIPE;
	if (!part.n) /* a chunk of no octets would be the last */
		return 0;
	if (ex->form == HTTP_CHUNKED)
		buf_printf(&out, "%zx\r\n", part.n);
	buf_put(&out, part.p, part.n);
	if (ex->form == HTTP_CHUNKED)
		buf_puts(&out, "\r\n");
	return put(ex, &out);
}

size_t exchange_queued(const struct http_exchange *ex)
{
	return ex->hc ? conn_queued(ex->hc->conn) : 0;
}

void exchange_end(struct http_exchange *ex)
{
	AUTO(buf) struct buf out = { 0 };

	assert(ex->in_parts || !ex->hc);
	ex->watch = NULL;
	if (ex->hc && ex->form == HTTP_CHUNKED) {
		buf_puts(&out, "0\r\n\r\n");
		(void)!put(ex, &out);
	}
	struct http_conn *hc = finish(ex);
	if (hc)
		http_conn_go_on(hc);
}

void exchange_cut(struct http_exchange *ex)
{
	ex->watch = NULL;
	if (ex->hc)
		http_conn_cut(ex->hc);
	finish(ex);
}

/* --- moving ------------------------------------------------------------------------------ */

struct landing {
	struct http_exchange *ex;
	void (*fn)(void *arg, struct http_exchange *ex);
	void *arg;
};

static void land(const struct landing *at)
{
	at->fn(at->arg, at->ex);
}

static void land_alone(void *payload)
{
	struct landing at;

	memcpy(&at, payload, sizeof(at));
	land(&at);
}

static void land_conn(void *arg, struct conn *c)
{
	struct landing *here = arg, at = *here;
	struct http_conn *hc = at.ex->hc;

	mem_free(here);
	atomic_fetch_sub(&hc->server->n_moving, 1);
	if (c)
		list_push(&hc->seat->conns, &hc->node);
	else
		http_conn_free(hc);
	land(&at);
}

static struct http_seat *find_seat(struct http_server *s, const struct loop *l)
{
	for (size_t i = 0; i < s->n_seats; i++)
		if (s->seats[i].home.loop == l)
			return &s->seats[i];
	return NULL;
}

int exchange_move(struct http_exchange *ex, struct loop *to,
		  void (*fn)(void *arg, struct http_exchange *ex), void *arg)
{
	struct http_conn *hc = ex->hc;
	struct landing at = { ex, fn, arg };
	struct loop *from = ex->loop;

	ex->loop = to;
	if (!hc) {
		int err = loop_post(to, land_alone, &at, sizeof(at));
		if (err != 0)
			ex->loop = from;
		return err;
	}
	struct landing *copy = mem_dup(&at, sizeof(at));
	if (!copy) {
		ex->loop = from;
		return -ENOMEM;
	}
	/* Everything is ready for the other loop before it can see any of it. */
	struct http_seat *old = hc->seat;
	struct http_server *s = hc->server;
	bool *left = hc->left;
	hc->seat = find_seat(s, to);
	assert(hc->seat);
	hc->left = NULL;
	timer_stop(from, &hc->timer);
	node_unlink(&hc->node);
	atomic_fetch_add(&s->n_moving, 1);
	int err = conn_move(hc->conn, &hc->seat->home, land_conn, copy);
	if (err == 0) {
		if (left)
			*left = true;
		return 0;
	}
	atomic_fetch_sub(&s->n_moving, 1);
	mem_free(copy);
	ex->loop = from;
	hc->seat = old;
	hc->left = left;
	list_push(&old->conns, &hc->node);
	return err;
}

struct conn *exchange_upgrade(struct http_exchange *ex, struct bytes head, struct buf *rest)
{
	struct http_conn *hc = ex->hc;
	struct conn *c = hc ? hc->conn : NULL;

	if (!hc || conn_write(c, head) != 0) {
		if (hc)
			http_conn_cut(hc);
		finish(ex);
		return NULL;
	}
	*rest = hc->ahead;
	hc->ahead = (struct buf){ 0 };
	conn_bind(c, NULL, NULL);
	conn_resume(c);
	finish(ex);
	http_conn_free(hc);
	return c;
}
