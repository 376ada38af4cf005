#include "net/websocket.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/loop.h"

struct websocket {
	struct conn *conn;
	struct ws *ws;
	const struct websocket_ops *ops; /* NULL: closed by its owner */
	void *owner;
	struct loop *loop;
	struct timer timer;
	struct buf scratch;
	struct buf early;    /* octets that came with the handshake */
	uint64_t ping_us, silence_us, slow_us, tick_us; /* the server's limits */
	uint64_t heard_us;   /* something came                      */
	uint64_t pinged_us;
	uint64_t over_us;    /* above the budget since; 0: it is not */
	bool refused;        /* on_writable is owed                  */
	bool busy;           /* inside ws_input(): free later        */
};

static void release(struct websocket *w)
{
	timer_stop(w->loop, &w->timer);
	ws_free(w->ws);
	buf_done(&w->scratch);
	buf_done(&w->early);
	mem_free(w);
}

/* --- out ---------------------------------------------------------------------------- */

enum amount { AS_FITS, ALL };

/* Hand frames to the connection: as many as it sends soon, so that audio which waits here
 * can still be taken back. -errno: the connection is broken. */
static int pump(struct websocket *w, enum amount amount)
{
	while (ws_queued(w->ws) > 0 && (amount == ALL || conn_queued(w->conn) <= CONN_LOW)) {
		buf_reset(&w->scratch);
		int err = ws_output(w->ws, &w->scratch, CONN_LOW);
		if (err == 0)
			err = conn_write(w->conn, buf_bytes(&w->scratch));
		if (err != 0)
			return err;
	}
	if (w->scratch.cap > 2 * CONN_LOW)
		buf_done(&w->scratch);
	if (ws_queued(w->ws) <= WS_BUDGET)
		w->over_us = 0;
	else if (!w->over_us)
		w->over_us = loop_now_us(w->loop);
	return 0;
}

/* The end: what waits goes out, the connection closes, the owner hears it. */
static void finish(struct websocket *w, unsigned code)
{
	const struct websocket_ops *ops = w->ops;
	void *owner = w->owner;

	if (pump(w, ALL) == 0)
		conn_close(w->conn);
	else
		conn_free(w->conn);
	release(w);
	if (ops)
		ops->on_closed(owner, code);
}

static void cut(struct websocket *w, unsigned code)
{
	const struct websocket_ops *ops = w->ops;
	void *owner = w->owner;

	conn_free(w->conn);
	release(w);
	if (ops)
		ops->on_closed(owner, code);
}

int websocket_send_text(struct websocket *w, enum ws_queue q, uint64_t tag, struct bytes text)
{
	int err = ws_send_text(w->ws, q, tag, text);

	if (err == -EAGAIN)
		w->refused = true;
	/* A broken connection says so itself by on_closed. */
	if (err == 0)
		(void)(pump(w, AS_FITS) == 0);
	return err;
}

void websocket_want_writable(struct websocket *w)
{
	w->refused = true;
}

size_t websocket_drop_audio(struct websocket *w, uint64_t tag)
{
	return ws_drop_audio(w->ws, tag);
}

size_t websocket_queued(const struct websocket *w)
{
	return ws_queued(w->ws) + conn_queued(w->conn);
}

void websocket_close(struct websocket *w, unsigned code, const char *reason)
{
	w->ops = NULL;
	ws_close(w->ws, code, reason);
	if (!w->busy)
		finish(w, code);
}

void websocket_free(struct websocket *w)
{
	if (!w)
		return;
	w->ops = NULL;
	if (w->busy) {
		ws_close(w->ws, WS_GOING_AWAY, "");
		return;
	}
	cut(w, WS_ABNORMAL);
}

/* --- in ------------------------------------------------------------------------------ */

static void on_message(void *owner, enum ws_kind kind, struct bytes data)
{
	struct websocket *w = owner;

	if (w->ops)
		w->ops->on_message(w->owner, kind, data);
}

static void on_data(void *owner, struct bytes data)
{
	struct websocket *w = owner;
	AUTO(buf) struct buf early = w->early;

	w->early = (struct buf){ 0 };
	if (early.n) {
		buf_put(&early, data.p, data.n);
		if (early.failed) {
			cut(w, WS_ABNORMAL);
			return;
		}
		data = buf_bytes(&early);
	}
	w->heard_us = loop_now_us(w->loop);
	w->busy = true;
	enum ws_verdict v = ws_input(w->ws, data);
	w->busy = false;
	switch (v) {
	case WS_OPEN:
		if (pump(w, AS_FITS) != 0)
			cut(w, WS_ABNORMAL);
		break;
	case WS_OVER:
		finish(w, ws_code(w->ws));
		break;
	case WS_FAILED:
		cut(w, WS_ABNORMAL);
		break;
	}
}

static void on_writable(void *owner)
{
	struct websocket *w = owner;

	if (pump(w, AS_FITS) != 0) {
		cut(w, WS_ABNORMAL);
	} else if (w->refused && ws_queued(w->ws) <= WS_BUDGET / 2) {
		w->refused = false;
		if (w->ops && w->ops->on_writable)
			w->ops->on_writable(w->owner);
	}
}

static void on_closed(void *owner, enum conn_end why)
{
	struct websocket *w = owner;
	const struct websocket_ops *ops = w->ops;
	void *theirs = w->owner;

	release(w);
	if (ops)
		ops->on_closed(theirs, why == CONN_STOPPED ? WS_GOING_AWAY : WS_ABNORMAL);
}

static const struct conn_ops conn_ops = {
	.on_data = on_data,
	.on_writable = on_writable,
	.on_closed = on_closed,
};

static void on_tick(struct timer *t)
{
	struct websocket *w = CONTAINER_OF(t, struct websocket, timer);
	uint64_t now = loop_now_us(w->loop);
	int err = 0;

	if (w->early.n) { /* only once, right after the handshake */
		if (timer_set(w->loop, t, now + w->tick_us) == 0)
			on_data(w, (struct bytes){ 0 });
		else
			cut(w, WS_ABNORMAL);
		return;
	}
	if (now >= w->heard_us + w->silence_us || (w->over_us && now >= w->over_us + w->slow_us)) {
		cut(w, WS_ABNORMAL);
		return;
	}
	if (now >= w->pinged_us + w->ping_us) {
		w->pinged_us = now;
		err = ws_ping(w->ws);
	}
	if (err == 0)
		err = pump(w, AS_FITS);
	if (err == 0)
		err = timer_set(w->loop, t, now + w->tick_us);
	if (err != 0)
		cut(w, WS_ABNORMAL);
}

/* --- the handshake --------------------------------------------------------------------- */

bool websocket_wanted(const struct http_request *r)
{
	return r->verb == VERB_GET && r->minor == 1 &&
	       http_header_lists(r, "Upgrade", "websocket") &&
	       http_header_lists(r, "Connection", "upgrade");
}

/* RFC 6455, 4.2.1. false: answered. */
static bool check_handshake(struct http_exchange *ex, char accept[static WS_ACCEPT_LEN + 1])
{
	static const struct http_field version[] = { { "Sec-WebSocket-Version", "13" } };
	const struct http_request *r = exchange_request(ex);

	if (!websocket_wanted(r) || r->has_body ||
	    !ws_accept_key(http_header(r, "Sec-WebSocket-Key"), accept)) {
		exchange_error(ex, 400, "websocket_expected", NULL,
			       "This address speaks WebSocket; the handshake is not valid.");
		return false;
	}
	if (!bytes_is(http_header(r, "Sec-WebSocket-Version"), "13")) {
		struct http_reply reply = { .status = 426, .fields = version, .n_fields = 1 };

		exchange_reply(ex, &reply);
		return false;
	}
	return true;
}

static void write_head(struct buf *to, const struct http_exchange *ex, const char *accept,
		       const char *protocol)
{
	enum { FIELDS_MAX = 7 };
	struct http_field f[FIELDS_MAX] = { { "Upgrade", "websocket" },
					    { "Connection", "Upgrade" },
					    { "Sec-WebSocket-Accept", accept } };
	struct http_reply reply = { .status = 101, .fields = f, .n_fields = 3 };

	if (protocol)
		f[reply.n_fields++] = (struct http_field){ "Sec-WebSocket-Protocol", protocol };
	reply.n_fields += exchange_cors(ex, f + reply.n_fields);
	http_write_head(to, &reply, HTTP_KEEP, env_wall(&env_system));
}

int websocket_accept(struct websocket **out, struct http_exchange *ex, const char *protocol,
		     const struct websocket_ops *ops, void *owner)
{
	AUTO(buf) struct buf head = { 0 };
	char accept[WS_ACCEPT_LEN + 1];
	struct loop *l = exchange_loop(ex);

	if (!check_handshake(ex, accept))
		return -EPROTO;
	const struct http_limits *limits = exchange_limits(ex);
	write_head(&head, ex, accept, protocol);
	struct websocket *w = mem_zalloc(sizeof(*w));
	bool ready = w && limits && ws_new(&w->ws, on_message, w) == 0 && !head.failed;
	if (ready) {
		uint64_t now = loop_now_us(l);

		w->loop = l;
		w->ops = ops;
		w->owner = owner;
		w->heard_us = w->pinged_us = now;
		w->ping_us = limits->ping_us;
		w->silence_us = limits->silence_us;
		w->slow_us = limits->stall_us;
		w->tick_us = limits->ping_us / 4;
		w->timer.on_due = on_tick;
		ready = timer_set(l, &w->timer, now + w->tick_us) == 0;
	}
	if (!ready) {
		exchange_error(ex, 503, "out_of_memory", NULL, "The server is out of memory.");
		if (w)
			ws_free(w->ws);
		mem_free(w);
		return limits ? -ENOMEM : -EPIPE;
	}
	w->conn = exchange_upgrade(ex, buf_bytes(&head), &w->early);
	if (!w->conn) {
		release(w);
		return -EPIPE;
	}
	conn_bind(w->conn, &conn_ops, w);
	/* No handler may run inside this function: what came early waits for the next turn. */
	if (w->early.n)
		(void)(timer_set(l, &w->timer, loop_now_us(l)) == 0); /* moves it: cannot fail */
	*out = w;
	return 0;
}
