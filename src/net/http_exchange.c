#include "net/http_exchange.h"

#include <assert.h>
#include <errno.h>

#include "base/alloc.h"
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

static void reply(struct http_exchange *ex, const struct http_reply *r, enum body_life life)
{
	enum { OURS = 3 };
	struct http_field *fields = mem_calloc(r->n_fields + OURS, sizeof(*fields));
	struct http_reply whole = *r;
	struct http_conn *hc = ex->hc;

	if (hc && fields) {
		enum http_verb verb = exchange_request(ex)->verb;

		if (r->n_fields)
			memcpy(fields, r->fields, r->n_fields * sizeof(*fields));
		whole.fields = fields;
		whole.n_fields += exchange_cors(ex, fields + r->n_fields);
		if (!exchange_request(ex)->keep_alive || hc->server->stopping)
			hc->after = HTTP_CLOSE;
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
