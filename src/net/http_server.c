#include "net/http_server.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/loop.h"

enum {
	AHEAD_MAX = 64 << 10,   /* octets of later requests kept while one is served       */
	PIECE = 256 << 10,      /* of a long body, handed to the connection at a time      */
	CONNS_DEFAULT = 4096,
	BODY_MIN_DEFAULT = 5000,
	LISTENERS_MAX = 8,
	ORIGIN_MAX = 300,
	DRAIN_TURNS = 1000, /* of a loop, until what is under way between loops has landed */
};

struct seat {
	struct http_server *server;
	struct conn_home home;
	struct list conns; /* of struct http_conn */
	struct listener *listeners[LISTENERS_MAX];
	size_t n_listeners;
};

struct http_server {
	struct seat *seats;
	size_t n_seats;
	const struct http_ops *ops;
	void *ctx;
	const struct http_policy *policy;
	struct http_limits limits;
	atomic_size_t n_moving; /* exchanges between two loops */
	bool stopping;          /* set while no loop runs      */
};

enum hc_state {
	HC_IDLE,    /* nothing of a request has come                  */
	HC_HEAD,    /* a head is coming                               */
	HC_BODY,    /* a body is coming                               */
	HC_SERVING, /* `ex` is with whoever answers it                */
	HC_SENDING, /* the rest of a long answer waits for the client */
};

/* A connection that speaks HTTP. */
struct http_conn {
	struct node node;
	struct http_server *server;
	struct seat *seat;
	struct conn *conn;
	enum hc_state state;
	struct http_reader *reader; /* NULL while HC_SERVING: the exchange has it */
	struct http_exchange *ex;
	struct buf ahead;
	struct timer timer;
	size_t body_before; /* octets of body at the start of the window    */
	struct buf kept;    /* a long body, if it had to be copied          */
	struct bytes rest;  /* of the long body, not yet handed to the conn */
	enum http_after after;
	bool eof;
	bool invited; /* 100 Continue has been said */
	bool first; /* no request yet: the head's deadline counts from the accept */
	bool *left; /* set when the connection is freed, moved or upgraded in a handler */
};

struct http_exchange {
	struct http_conn *hc; /* NULL: the client has gone */
	struct loop *loop;
	struct http_reader *reader;
	struct addr peer;
	bool tls;
	char origin[ORIGIN_MAX]; /* listed: for CORS; "": none */
};

static uint64_t or_default(uint64_t v, uint64_t otherwise)
{
	return v ? v : otherwise;
}

/* --- life of a connection ---------------------------------------------------------- */

static void tell_left(struct http_conn *hc)
{
	if (hc->left)
		*hc->left = true;
	hc->left = NULL;
}

/* Forget the HTTP side; the conn is somebody else's or freed. */
static void hc_free(struct http_conn *hc)
{
	tell_left(hc);
	timer_stop(hc->seat->home.loop, &hc->timer);
	node_unlink(&hc->node);
	if (hc->ex)
		hc->ex->hc = NULL;
	http_reader_free(hc->reader);
	buf_done(&hc->ahead);
	buf_done(&hc->kept);
	mem_free(hc);
}

static void hc_cut(struct http_conn *hc)
{
	conn_free(hc->conn);
	hc_free(hc);
}

static void hc_close(struct http_conn *hc)
{
	conn_close(hc->conn);
	hc_free(hc);
}

static void set_deadline(struct http_conn *hc, uint64_t us)
{
	struct loop *l = hc->seat->home.loop;

	/* Without a clock a slow client could stay for ever; memory is out anyway. */
	if (timer_set(l, &hc->timer, loop_now_us(l) + us) != 0)
		conn_pause(hc->conn);
}

static void set_state(struct http_conn *hc, enum hc_state to)
{
	const struct http_limits *lim = &hc->server->limits;

	if (hc->state == to && hc->timer.slot)
		return;
	hc->state = to;
	switch (to) {
	case HC_IDLE:
		set_deadline(hc, hc->first ? lim->head_us : lim->idle_us);
		break;
	case HC_HEAD:
		/* The first request's head is due since the accept. */
		if (!hc->first || !hc->timer.slot)
			set_deadline(hc, lim->head_us);
		break;
	case HC_BODY:
		hc->body_before = 0;
		set_deadline(hc, lim->body_window_us);
		break;
	case HC_SERVING:
	case HC_SENDING:
		timer_stop(hc->seat->home.loop, &hc->timer);
		break;
	}
}

/* --- answers ------------------------------------------------------------------------ */

static void process(struct http_conn *hc, struct bytes in);

/* Hand the connection more of a long body. false: freed. */
static bool send_more(struct http_conn *hc)
{
	while (hc->rest.n && conn_queued(hc->conn) <= CONN_LOW) {
		size_t n = MIN(hc->rest.n, (size_t)PIECE);

		if (conn_write(hc->conn, bytes_sub(hc->rest, 0, n)) != 0) {
			hc_cut(hc);
			return false;
		}
		hc->rest = bytes_sub(hc->rest, n, hc->rest.n - n);
	}
	return true;
}

/* The answer has been handed over, or as much as fits. Goes on to the next request. */
static void after_reply(struct http_conn *hc)
{
	if (!send_more(hc))
		return;
	if (hc->rest.n) {
		set_state(hc, HC_SENDING);
		return;
	}
	buf_done(&hc->kept);
	if (hc->after == HTTP_CLOSE || (hc->eof && hc->ahead.n == 0)) {
		hc_close(hc);
		return;
	}
	hc->first = false;
	set_state(hc, HC_IDLE);
	conn_resume(hc->conn); /* AHEAD_MAX may have stopped it */
	if (!hc->left) /* else process() is below us on the stack and goes on */
		process(hc, (struct bytes){ 0 });
}

enum body_life { BODY_BRIEF, BODY_STATIC };

/* false: freed. */
static bool write_reply(struct http_conn *hc, const struct http_reply *r, enum body_life life,
			enum http_verb verb)
{
	AUTO(buf) struct buf out = { 0 };
	bool no_body = verb == VERB_HEAD || r->status == 204 || r->status == 304;

	http_write_head(&out, r, hc->after, env_wall(&env_system));
	hc->rest = no_body ? (struct bytes){ 0 } : r->body;
	if (hc->rest.n <= PIECE) { /* one write, one segment */
		buf_put(&out, hc->rest.p, hc->rest.n);
		hc->rest.n = 0;
	} else if (life == BODY_BRIEF) {
		buf_put(&hc->kept, hc->rest.p, hc->rest.n);
		hc->rest = buf_bytes(&hc->kept);
	}
	if (out.failed || hc->kept.failed || conn_write(hc->conn, buf_bytes(&out)) != 0) {
		hc_cut(hc);
		return false;
	}
	return true;
}

/* Our own refusal, then the end: the rest of a refused request cannot be trusted. */
static void refuse(struct http_conn *hc, const struct http_refusal *why)
{
	AUTO(buf) struct buf body = { 0 };
	static const struct http_field allow[] = {
		{ "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" },
	};
	struct http_reply r = { .status = why->status, .type = "application/json" };

	if (why->status == 405) { /* RFC 9110, 15.5.6 */
		r.fields = allow;
		r.n_fields = ARRAY_LEN(allow);
	}
	http_write_error(&body, http_error_type(why->status), why->code, NULL, why->message);
	r.body = buf_bytes(&body);
	hc->after = HTTP_CLOSE;
	if (body.failed)
		hc_cut(hc);
	else if (write_reply(hc, &r, BODY_BRIEF, VERB_GET))
		hc_close(hc);
}

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
		if (write_reply(hc, &whole, life, verb)) {
			finish(ex);
			after_reply(hc);
		} else {
			finish(ex);
		}
	} else {
		if (hc)
			hc_cut(hc);
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

void exchange_error(struct http_exchange *ex, unsigned status, const char *code,
		    const char *param, const char *message)
{
	AUTO(buf) struct buf body = { 0 };
	struct http_reply r = { .status = status, .type = "application/json" };

	http_write_error(&body, http_error_type(status), code, param, message);
	r.body = body.failed ? (struct bytes){ 0 } : buf_bytes(&body);
	exchange_reply(ex, &r);
}

/* --- requests ------------------------------------------------------------------------ */

static const struct http_refusal wrong_host = { 421, "misdirected_request",
						"This server does not answer to that Host." };
static const struct http_refusal wrong_origin = { 403, "origin_not_allowed",
						  "This origin is not allowed." };
static const struct http_refusal too_slow = { 408, "request_timeout",
					      "The request did not arrive in time." };

static enum http_access check_access(const struct http_conn *hc, const struct http_request *r)
{
	struct http_seen seen = {
		.host = r->host,
		.origin = http_header(r, "Origin"),
		.local = *conn_local(hc->conn),
		.tls = conn_is_tls(hc->conn),
	};

	return http_policy_check(hc->server->policy, &seen);
}

/* READ_HEAD. false: freed. */
static bool on_head(struct http_conn *hc)
{
	const struct http_request *r = http_reader_request(hc->reader);
	const struct http_ops *ops = hc->server->ops;
	enum http_access access = check_access(hc, r);

	if (access == ACCESS_HOST || access == ACCESS_ORIGIN) {
		refuse(hc, access == ACCESS_HOST ? &wrong_host : &wrong_origin);
		return false;
	}
	if (ops->body_limit)
		http_reader_limit(hc->reader, ops->body_limit(hc->server->ctx, r));
	hc->invited = false;
	if (r->has_body)
		set_state(hc, HC_BODY);
	return true;
}

/* The head was accepted, its Content-Length too, and nothing of the body has come: does
 * the client wait for us? (RFC 9110, 10.1.1) false: freed. */
static bool invite_body(struct http_conn *hc)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (hc->state != HC_BODY || hc->invited || http_reader_body_so_far(hc->reader) > 0 ||
	    !http_reader_request(hc->reader)->expects_continue)
		return true;
	hc->invited = true;
	if (conn_write(hc->conn, bytes_str(text)) == 0)
		return true;
	hc_cut(hc);
	return false;
}

/* The answer to a preflight of a listed origin (Fetch, 3.2.2). */
static void answer_preflight(struct http_exchange *ex)
{
	char wanted[512];
	struct bytes h = http_header(exchange_request(ex), "Access-Control-Request-Headers");
	struct http_field fields[] = {
		{ "Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS" },
		{ "Access-Control-Max-Age", "600" },
		{ "Access-Control-Allow-Headers", wanted },
	};
	struct http_reply r = { .status = 204, .fields = fields, .n_fields = 2 };

	if (h.n && h.n < sizeof(wanted)) {
		memcpy(wanted, h.p, h.n);
		wanted[h.n] = 0;
		r.n_fields = 3;
	}
	exchange_reply(ex, &r);
}

/* READ_DONE. The connection may be gone, moved or answered afterwards. */
static void on_complete(struct http_conn *hc)
{
	struct http_exchange *ex = mem_zalloc(sizeof(*ex));
	struct http_server *s = hc->server;

	if (!ex) {
		hc_cut(hc);
		return;
	}
	const struct http_request *r = http_reader_request(hc->reader);
	*ex = (struct http_exchange){
		.hc = hc,
		.loop = hc->seat->home.loop,
		.reader = hc->reader,
		.peer = *conn_peer(hc->conn),
		.tls = conn_is_tls(hc->conn),
	};
	bool listed = check_access(hc, r) == ACCESS_LISTED;
	struct bytes origin = http_header(r, "Origin");
	if (listed && origin.n < sizeof(ex->origin))
		memcpy(ex->origin, origin.p, origin.n);
	hc->ex = ex;
	hc->reader = NULL;
	hc->after = HTTP_KEEP;
	set_state(hc, HC_SERVING);
	if (listed && r->verb == VERB_OPTIONS &&
	    http_header(r, "Access-Control-Request-Method").p)
		answer_preflight(ex);
	else
		s->ops->on_request(s->ctx, ex);
}

/* Keep what came behind a request that is being served. false: freed. */
static bool keep_ahead(struct http_conn *hc, struct bytes in)
{
	buf_put(&hc->ahead, in.p, in.n);
	if (hc->ahead.failed) {
		hc_cut(hc);
		return false;
	}
	if (hc->ahead.n > AHEAD_MAX)
		conn_pause(hc->conn);
	return true;
}

static bool is_reading(const struct http_conn *hc)
{
	return hc->reader && hc->state != HC_SENDING;
}

/* One step of reading. false: nothing more to do now; the connection may be gone. */
static bool step(struct http_conn *hc, struct bytes *in)
{
	size_t used = 0;
	enum http_progress p = http_reader_input(hc->reader, *in, &used);

	*in = bytes_sub(*in, used, in->n - used);
	switch (p) {
	case READ_MORE:
		if (hc->state == HC_IDLE && !http_reader_idle(hc->reader))
			set_state(hc, HC_HEAD);
		return in->n > 0 || (invite_body(hc) && false);
	case READ_HEAD:
		return on_head(hc);
	case READ_DONE:
		/* Put away first: the handler may take the connection to another loop. */
		if (in->n && !keep_ahead(hc, *in))
			return false;
		in->n = 0;
		on_complete(hc);
		return true;
	case READ_BAD:
		refuse(hc, http_reader_refusal(hc->reader));
		return false;
	case READ_NO_MEMORY:
		hc_cut(hc);
		return false;
	}
	return false;
}

/* Read requests out of `in` and then `ahead`, one after the other, until one waits for
 * its answer. A handler may free, move or upgrade the connection; `left` tells us. */
static void process(struct http_conn *hc, struct bytes in)
{
	AUTO(buf) struct buf current = { 0 };
	bool left = false;

	hc->left = &left;
	do {
		if (in.n == 0 && hc->ahead.n) {
			buf_done(&current);
			current = hc->ahead;
			hc->ahead = (struct buf){ 0 };
			in = buf_bytes(&current);
		}
	} while (step(hc, &in) && !left && is_reading(hc));
	if (left)
		return;
	hc->left = NULL;
	if (hc->eof && is_reading(hc)) /* the rest of this request will not come */
		hc_close(hc);
}

/* --- events of the connection ----------------------------------------------------------- */

static void on_data(void *owner, struct bytes data)
{
	struct http_conn *hc = owner;

	if (is_reading(hc))
		process(hc, data);
	else
		(void)keep_ahead(hc, data);
}

static void on_eof(void *owner)
{
	struct http_conn *hc = owner;

	hc->eof = true;
	if (is_reading(hc))
		hc_close(hc);
}

static void on_writable(void *owner)
{
	struct http_conn *hc = owner;

	if (hc->state == HC_SENDING)
		after_reply(hc);
}

static void on_closed(void *owner, enum conn_end why)
{
	(void)why;
	hc_free(owner);
}

static const struct conn_ops hc_conn_ops = {
	.on_data = on_data,
	.on_eof = on_eof,
	.on_writable = on_writable,
	.on_closed = on_closed,
};

static void on_deadline(struct timer *t)
{
	struct http_conn *hc = CONTAINER_OF(t, struct http_conn, timer);
	size_t so_far = hc->reader ? http_reader_body_so_far(hc->reader) : 0;

	if (hc->state == HC_IDLE) {
		hc_close(hc);
	} else if (hc->state == HC_BODY &&
		   so_far - hc->body_before >= hc->server->limits.body_min) {
		hc->body_before = so_far;
		set_deadline(hc, hc->server->limits.body_window_us);
	} else {
		refuse(hc, &too_slow);
	}
}

static void on_accept(void *owner, int fd, const struct addr *peer)
{
	struct seat *seat = owner;
	struct http_conn *hc;

	if (seat->home.n >= seat->server->limits.max_conns) {
		close(fd);
		return;
	}
	hc = mem_zalloc(sizeof(*hc));
	if (!hc) {
		close(fd);
		return;
	}
	hc->server = seat->server;
	hc->seat = seat;
	hc->first = true;
	hc->timer.on_due = on_deadline;
	hc->reader = http_reader_new();
	if (!hc->reader) {
		close(fd);
		mem_free(hc);
		return;
	}
	if (conn_open(&hc->conn, &seat->home, fd, peer) != 0) {
		hc_free(hc);
		return;
	}
	conn_bind(hc->conn, &hc_conn_ops, hc);
	list_push(&seat->conns, &hc->node);
	set_state(hc, HC_IDLE);
}

/* --- exchanges ---------------------------------------------------------------------------- */

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
		hc_free(hc);
	land(&at);
}

static struct seat *find_seat(struct http_server *s, const struct loop *l)
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
	struct seat *old = hc->seat;
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
			hc_cut(hc);
		finish(ex);
		return NULL;
	}
	*rest = hc->ahead;
	hc->ahead = (struct buf){ 0 };
	conn_bind(c, NULL, NULL);
	conn_resume(c);
	finish(ex);
	hc_free(hc);
	return c;
}

/* --- the server ----------------------------------------------------------------------------- */

static struct http_limits limits_of(const struct http_limits *l)
{
	return (struct http_limits){
		.head_us = or_default(l->head_us, 5 * US_PER_S),
		.idle_us = or_default(l->idle_us, 60 * US_PER_S),
		.body_window_us = or_default(l->body_window_us, 5 * US_PER_S),
		.body_min = or_default(l->body_min, BODY_MIN_DEFAULT),
		.stall_us = or_default(l->stall_us, 10 * US_PER_S),
		.ping_us = or_default(l->ping_us, 20 * US_PER_S),
		.silence_us = or_default(l->silence_us, 60 * US_PER_S),
		.linger_us = l->linger_us,
		.max_conns = or_default(l->max_conns, CONNS_DEFAULT),
	};
}

int http_server_new(struct http_server **out, const struct http_server_params *p)
{
	struct http_server *s = mem_zalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->seats = mem_calloc(p->n_loops, sizeof(*s->seats));
	if (!s->seats) {
		mem_free(s);
		return -ENOMEM;
	}
	s->n_seats = p->n_loops;
	s->ops = p->ops;
	s->ctx = p->ctx;
	s->policy = p->policy;
	s->limits = limits_of(&p->limits);
	for (size_t i = 0; i < p->n_loops; i++) {
		struct seat *seat = &s->seats[i];

		seat->server = s;
		conn_home_init(&seat->home, p->loops[i], p->tls);
		seat->home.stall_us = s->limits.stall_us;
		seat->home.linger_us = s->limits.linger_us;
		list_init(&seat->conns);
	}
	*out = s;
	return 0;
}

enum listen_verdict http_server_listen(struct http_server *s, const struct addr *at,
				       char why[static LISTEN_WHY])
{
	static const struct listen_ops ops = { on_accept };
	enum listen_verdict v = LISTEN_OK;

	assert(at->port != 0);
	for (size_t i = 0; i < s->n_seats && v == LISTEN_OK; i++) {
		struct seat *seat = &s->seats[i];

		if (seat->n_listeners == LISTENERS_MAX) {
			snprintf(why, LISTEN_WHY, "cannot listen on more than %d addresses",
				 LISTENERS_MAX);
			return LISTEN_FAILED;
		}
		v = listen_open(&seat->listeners[seat->n_listeners], seat->home.loop, at, &ops,
				seat, why);
		seat->n_listeners += v == LISTEN_OK;
	}
	return v;
}

void http_server_free(struct http_server *s)
{
	struct node *n;

	if (!s)
		return;
	s->stopping = true;
	for (size_t i = 0; i < s->n_seats; i++)
		for (size_t k = 0; k < s->seats[i].n_listeners; k++)
			listen_free(s->seats[i].listeners[k]);
	for (int turn = 0; turn < DRAIN_TURNS && atomic_load(&s->n_moving) > 0; turn++)
		for (size_t i = 0; i < s->n_seats; i++)
			loop_once(s->seats[i].home.loop, 0);
	for (size_t i = 0; i < s->n_seats; i++) {
		while ((n = list_first(&s->seats[i].conns)))
			hc_cut(CONTAINER_OF(n, struct http_conn, node));
		conn_home_done(&s->seats[i].home);
	}
	mem_free(s->seats);
	mem_free(s);
}

size_t http_server_conns(const struct http_server *s, const struct loop *l)
{
	for (size_t i = 0; i < s->n_seats; i++)
		if (s->seats[i].home.loop == l)
			return s->seats[i].home.n;
	return 0;
}
