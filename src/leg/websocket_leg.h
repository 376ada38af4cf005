/* websocket_leg.h - a WebSocket as a leg of a session.
 *
 * It may make the session and own it (websocket_leg_open() with session parameters): then
 * it is its main leg, and when the socket goes, the session goes. Or it joins one that
 * somebody else owns (websocket_leg_join()), as a sideband or as the control socket of a call;
 * until it has joined, messages go to its owner.
 *
 * The client paces itself: audio goes as base64 in events, held back by the session while
 * less than LEG_ROOM_MIN octets are free. One loop. Frees itself.
 */
#pragma once

#include "leg/runner.h"
#include "net/websocket.h"

struct websocket_leg;

struct websocket_leg_params {
	const struct session_params *session; /* NULL: none of its own  */
	const char *protocol;                 /* to be echoed; NULL: none */
	struct list *all;                     /* of this loop: joined while the leg lives */
	void *ctx;
	/* Sees what comes before the session does; true: it was for the owner. NULL: nothing is.
	 * Before the leg has joined a session the rest is passed over. */
	bool (*on_message)(void *ctx, enum ws_kind kind, struct bytes data);
	void (*on_gone)(void *ctx); /* once, if websocket_leg_open() gave 0; never from inside a call */
};

/* Takes the exchange in every case and answers it. The session is made first: when it
 * cannot be (-EINVAL), the exchange is answered with an HTTP error. *out may be NULL. */
MUST_USE int websocket_leg_open(struct websocket_leg **out, struct http_exchange *ex,
				const struct websocket_leg_params *p);
/* Become a further leg of a session, which outlives on_gone. As session_attach(). */
MUST_USE int websocket_leg_join(struct websocket_leg *l, struct session *s, enum leg_view v);
/* A message of the owner's own. */
void websocket_leg_send(struct websocket_leg *l, struct bytes json);
/* Begin to close; on_gone follows. */
void websocket_leg_close(struct websocket_leg *l, unsigned code, const char *reason);

/* Begin to close every one of a list: 1001. On its loop, from outside its sessions. */
void websocket_leg_drain(struct list *all);

/* Accept, say one thing, close: how the OpenAI service refuses a WebSocket. Takes the exchange. */
void websocket_leg_refuse(struct http_exchange *ex, const char *protocol, struct bytes event,
			  unsigned code, const char *reason);
