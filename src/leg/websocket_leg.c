#include "leg/websocket_leg.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/env.h"

struct websocket_leg {
	struct leg leg;
	struct node node; /* in the list of its loop */
	struct runner runner;    /* of its own session, if it has one */
	struct loop *loop;
	struct session *session; /* that it is attached to; NULL: none */
	struct websocket *socket; /* NULL: gone */
	struct timer closing;     /* never from inside a call of the session's */
	void *ctx;
	bool (*on_message)(void *ctx, enum ws_kind kind, struct bytes data);
	void (*on_gone)(void *ctx);
	unsigned code;
	char reason[WS_REASON_MAX + 1];
};

static uint64_t now(void)
{
	return env_now(&env_system);
}

/* --- the end ------------------------------------------------------------------------------- */

static void release(struct websocket_leg *l)
{
	timer_stop(l->loop, &l->closing);
	node_unlink(&l->node);
	runner_stop(&l->runner);
	if (l->on_gone)
		l->on_gone(l->ctx);
	mem_free(l);
}

/* The session's last leg has gone: we were its only one. */
static void on_over(struct runner *r)
{
	release(CONTAINER_OF(r, struct websocket_leg, runner));
}

/* The socket is gone. With a session of its own on_over() releases, at the end of detaching. */
static void leave(struct websocket_leg *l)
{
	struct session *s = l->session;
	bool own = s && s == l->runner.session;

	l->session = NULL;
	if (s)
		session_detach(s, &l->leg, now()); /* l may be gone, if it is its own */
	if (!own)
		release(l);
}

static void on_closing(struct timer *t)
{
	struct websocket_leg *l = CONTAINER_OF(t, struct websocket_leg, closing);

	websocket_close(l->socket, l->code, l->reason);
	l->socket = NULL;
	leave(l);
}

void websocket_leg_close(struct websocket_leg *l, unsigned code, const char *reason)
{
	if (l->code)
		return;
	l->code = code;
	snprintf(l->reason, sizeof(l->reason), "%s", reason);
	if (timer_set(l->loop, &l->closing, 0) != 0)
		websocket_free(l->socket); /* out of memory: on_closed detaches */
}

static void leg_close(struct leg *leg, unsigned code, const char *reason)
{
	websocket_leg_close(CONTAINER_OF(leg, struct websocket_leg, leg), code, reason);
}

void websocket_leg_drain(struct list *all)
{
	LIST_FOR(all, at)
		websocket_leg_close(CONTAINER_OF(at, struct websocket_leg, node), WS_GOING_AWAY,
				    "the server is stopping");
}

/* --- events -------------------------------------------------------------------------------- */

void websocket_leg_send(struct websocket_leg *l, struct bytes json)
{
	if (l->socket && !l->code &&
	    websocket_send_text(l->socket, WS_CONTROL, 0, json) == -ENOBUFS)
		websocket_leg_close(l, 1013, "events were not read for too long");
}

static void leg_event(struct leg *leg, struct bytes json)
{
	websocket_leg_send(CONTAINER_OF(leg, struct websocket_leg, leg), json);
}

static size_t leg_room(struct leg *leg)
{
	struct websocket_leg *l = CONTAINER_OF(leg, struct websocket_leg, leg);
	size_t queued = l->socket ? websocket_queued(l->socket) : 0;
	size_t room = queued < WS_BUDGET ? WS_BUDGET - queued : 0;

	if (room < LEG_ROOM_MIN)
		websocket_want_writable(l->socket);
	return room;
}

static const struct leg_ops leg_ops = {
	.name = "websocket",
	.send_event = leg_event,
	.room = leg_room,
	.close = leg_close,
};

static void on_message(void *owner, enum ws_kind kind, struct bytes data)
{
	struct websocket_leg *l = owner;

	if (l->code)
		return;
	if ((l->on_message && l->on_message(l->ctx, kind, data)) || !l->session)
		return;
	if (kind == WS_TEXT)
		session_on_message(l->session, &l->leg, data, now());
	else
		session_on_binary(l->session, &l->leg, now());
}

static void on_writable(void *owner)
{
	struct websocket_leg *l = owner;

	if (l->session)
		session_on_writable(l->session, &l->leg, now());
}

static void on_closed(void *owner, unsigned code)
{
	struct websocket_leg *l = owner;

	(void)code;
	l->socket = NULL;
	leave(l);
}

static const struct websocket_ops socket_ops = { on_message, on_writable, on_closed };

/* --- the beginning --------------------------------------------------------------------------- */

static int attach(struct websocket_leg *l, struct session *s, enum leg_role role)
{
	l->session = s; /* before: the session may ask it to close */
	int r = session_attach(s, &l->leg, role, now());

	if (r != 0)
		l->session = NULL;
	return r;
}

static int start_session(struct websocket_leg *l, struct http_exchange *ex,
			 const struct session_params *p)
{
	struct api_error e = { 0 };
	int r = runner_start(&l->runner, l->loop, p, on_over, &e);

	if (r != 0)
		exchange_error(ex, r == -EINVAL ? 400 : 503, r == -EINVAL ? e.code : "server_error",
			       e.param[0] ? e.param : NULL,
			       r == -EINVAL ? e.message : "The server is out of memory.");
	return r;
}

static struct websocket_leg *leg_new(struct http_exchange *ex, const struct websocket_leg_params *p)
{
	struct websocket_leg *l = mem_zalloc(sizeof(*l));

	if (!l) {
		exchange_error(ex, 503, "server_error", NULL, "The server is out of memory.");
		return NULL;
	}
	l->leg.ops = &leg_ops;
	l->closing.on_due = on_closing;
	l->loop = exchange_loop(ex);
	l->ctx = p->ctx;
	l->on_message = p->on_message;
	return l;
}

int websocket_leg_open(struct websocket_leg **out, struct http_exchange *ex,
		       const struct websocket_leg_params *p)
{
	struct websocket_leg *l = leg_new(ex, p);

	if (!l)
		return -ENOMEM;
	int r = p->session ? start_session(l, ex, p->session) : 0;
	if (r != 0) {
		mem_free(l);
		return r;
	}
	r = websocket_accept(&l->socket, ex, p->protocol, &socket_ops, l);
	if (r == 0 && p->session)
		r = attach(l, l->runner.session, LEG_MAIN);
	if (r != 0) {
		if (l->socket)
			websocket_free(l->socket);
		release(l);
		return r;
	}
	l->on_gone = p->on_gone;
	list_push(p->all, &l->node);
	if (out)
		*out = l;
	return 0;
}

int websocket_leg_join(struct websocket_leg *l, struct session *s, enum leg_view v)
{
	l->leg.view = v;
	return attach(l, s, LEG_SIDEBAND);
}

/* --- refusing -------------------------------------------------------------------------------- */

static void hear_nothing(void *owner, enum ws_kind kind, struct bytes data)
{
	(void)owner, (void)kind, (void)data;
}

static void forget(void *owner, unsigned code)
{
	(void)owner, (void)code;
}

void websocket_leg_refuse(struct http_exchange *ex, const char *protocol, struct bytes event,
			  unsigned code, const char *reason)
{
	static const struct websocket_ops deaf = { .on_message = hear_nothing, .on_closed = forget };
	struct websocket *w;

	if (websocket_accept(&w, ex, protocol, &deaf, NULL) != 0)
		return;
	if (websocket_send_text(w, WS_CONTROL, 0, event) == 0)
		websocket_close(w, code, reason);
	else
		websocket_free(w);
}
