/* http_conn.c - a connection that speaks HTTP: requests in, one after the other, answers out. */
#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/env.h"
#include "net/http_inner.h"

enum {
	AHEAD_MAX = 64 << 10, /* octets of later requests kept while one is served       */
	PIECE = 256 << 10,    /* of a long body, handed to the connection at a time      */
};

/* --- life of a connection ---------------------------------------------------------- */

static void tell_left(struct http_conn *hc)
{
	if (hc->left)
		*hc->left = true;
	hc->left = NULL;
}

void http_conn_free(struct http_conn *hc)
{
	struct http_exchange *ex = hc->ex;

	tell_left(hc);
	timer_stop(hc->seat->home.loop, &hc->timer);
	node_unlink(&hc->node);
	http_reader_free(hc->reader);
	buf_done(&hc->ahead);
	buf_done(&hc->kept);
	mem_free(hc);
	if (!ex)
		return;
	ex->hc = NULL;
	http_exchange_on_gone(ex);
}

void http_conn_cut(struct http_conn *hc)
{
	conn_free(hc->conn);
	http_conn_free(hc);
}

static void http_conn_close(struct http_conn *hc)
{
	conn_close(hc->conn);
	http_conn_free(hc);
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
			http_conn_cut(hc);
			return false;
		}
		hc->rest = bytes_sub(hc->rest, n, hc->rest.n - n);
	}
	return true;
}

void http_conn_go_on(struct http_conn *hc)
{
	if (!send_more(hc))
		return;
	if (hc->rest.n) {
		set_state(hc, HC_SENDING);
		return;
	}
	buf_done(&hc->kept);
	if (hc->after == HTTP_CLOSE || (hc->eof && hc->ahead.n == 0)) {
		http_conn_close(hc);
		return;
	}
	hc->first = false;
	set_state(hc, HC_IDLE);
	conn_resume(hc->conn); /* AHEAD_MAX may have stopped it */
	if (!hc->left)	       /* else process() is below us on the stack and goes on */
		process(hc, (struct bytes){ 0 });
}

bool http_conn_write(struct http_conn *hc, const struct http_reply *r, enum body_life life,
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
		http_conn_cut(hc);
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
		http_conn_cut(hc);
	else if (http_conn_write(hc, &r, BODY_BRIEF, VERB_GET))
		http_conn_close(hc);
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
	http_conn_cut(hc);
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
	const struct http_request *r = http_reader_request(hc->reader);
	bool listed = check_access(hc, r) == ACCESS_LISTED;
	struct http_exchange *ex =
		http_exchange_new(hc, listed ? http_header(r, "Origin") : (struct bytes){ 0 });
	struct http_server *s = hc->server;

	if (!ex) {
		http_conn_cut(hc);
		return;
	}
	hc->after = HTTP_KEEP;
	set_state(hc, HC_SERVING);
	if (listed && r->verb == VERB_OPTIONS && http_header(r, "Access-Control-Request-Method").p)
		answer_preflight(ex);
	else
		s->ops->on_request(s->ctx, ex);
}

/* Keep what came behind a request that is being served. false: freed. */
static bool keep_ahead(struct http_conn *hc, struct bytes in)
{
	buf_put(&hc->ahead, in.p, in.n);
	if (hc->ahead.failed) {
		http_conn_cut(hc);
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
		http_conn_cut(hc);
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
		http_conn_close(hc);
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
		http_conn_close(hc);
	else if (hc->ex && hc->ex->watch) /* most likely it has left: the work for it can end */
		http_conn_cut(hc);
}

static void on_writable(void *owner)
{
	struct http_conn *hc = owner;

	if (hc->state == HC_SENDING)
		http_conn_go_on(hc);
	else if (hc->ex)
		http_exchange_on_room(hc->ex);
}

static void on_closed(void *owner, enum conn_end why)
{
	(void)why;
	http_conn_free(owner);
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
		http_conn_close(hc);
	} else if (hc->state == HC_BODY &&
		   so_far - hc->body_before >= hc->server->limits.body_min) {
		hc->body_before = so_far;
		set_deadline(hc, hc->server->limits.body_window_us);
	} else {
		refuse(hc, &too_slow);
	}
}

/* --- the beginning ---------------------------------------------------------------------- */

void http_conn_open(struct http_seat *seat, int fd, const struct addr *peer)
{
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
		http_conn_free(hc);
		return;
	}
	conn_bind(hc->conn, &hc_conn_ops, hc);
	list_push(&seat->conns, &hc->node);
	set_state(hc, HC_IDLE);
}
