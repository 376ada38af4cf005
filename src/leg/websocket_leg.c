#include "leg/websocket_leg.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/env.h"

struct websocket_leg {
	struct leg leg;
	struct node node; /* in the list of its loop */
	struct runner runner;
	struct websocket *socket; /* NULL: gone */
	struct timer closing;     /* never from inside a call of the session's */
	void *ctx;
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
	timer_stop(l->runner.loop, &l->closing);
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

static void on_closing(struct timer *t)
{
	struct websocket_leg *l = CONTAINER_OF(t, struct websocket_leg, closing);

	websocket_close(l->socket, l->code, l->reason);
	l->socket = NULL;
	session_detach(l->runner.session, &l->leg, now());
}

static void leg_close(struct leg *leg, unsigned code, const char *reason)
{
	struct websocket_leg *l = CONTAINER_OF(leg, struct websocket_leg, leg);

	if (l->code)
		return;
	l->code = code;
	snprintf(l->reason, sizeof(l->reason), "%s", reason);
	if (timer_set(l->runner.loop, &l->closing, 0) != 0)
		websocket_free(l->socket); /* out of memory: on_closed detaches */
}

void websocket_leg_drain(struct list *all)
{
	LIST_FOR(all, at)
		leg_close(&CONTAINER_OF(at, struct websocket_leg, node)->leg, WS_GOING_AWAY,
			  "the server is stopping");
}

/* --- events -------------------------------------------------------------------------------- */

static void leg_event(struct leg *leg, struct bytes json)
{
	struct websocket_leg *l = CONTAINER_OF(leg, struct websocket_leg, leg);

	if (l->socket && !l->code &&
	    websocket_send_text(l->socket, WS_CONTROL, 0, json) == -ENOBUFS)
		leg_close(leg, 1013, "events were not read for too long");
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
	if (kind == WS_TEXT)
		session_on_message(l->runner.session, &l->leg, data, now());
	else
		session_on_binary(l->runner.session, &l->leg, now());
}

static void on_writable(void *owner)
{
	struct websocket_leg *l = owner;

	session_on_writable(l->runner.session, &l->leg, now());
}

static void on_closed(void *owner, unsigned code)
{
	struct websocket_leg *l = owner;

	(void)code;
	l->socket = NULL;
	session_detach(l->runner.session, &l->leg, now());
}

static const struct websocket_ops socket_ops = { on_message, on_writable, on_closed };

/* --- the beginning --------------------------------------------------------------------------- */

int websocket_leg_open(struct http_exchange *ex, const struct websocket_leg_params *p)
{
	struct websocket_leg *l = mem_zalloc(sizeof(*l));
	struct api_error e = { 0 };
	int r = -ENOMEM;

	if (l) {
		l->leg.ops = &leg_ops;
		l->closing.on_due = on_closing;
		r = runner_start(&l->runner, exchange_loop(ex), &p->session, on_over, &e);
	}
	if (r != 0) {
		mem_free(l);
		exchange_error(ex, r == -EINVAL ? 400 : 503, r == -EINVAL ? e.code : "server_error",
			       e.param[0] ? e.param : NULL,
			       r == -EINVAL ? e.message : "The server is out of memory.");
		return r;
	}
	r = websocket_accept(&l->socket, ex, p->protocol, &socket_ops, l);
	if (r == 0) {
		l->ctx = p->ctx;
		r = session_attach(l->runner.session, &l->leg, LEG_MAIN, now());
	}
	if (r != 0) {
		if (l->socket)
			websocket_free(l->socket);
		release(l);
		return r;
	}
	l->on_gone = p->on_gone;
	list_push(p->all, &l->node);
	return 0;
}
