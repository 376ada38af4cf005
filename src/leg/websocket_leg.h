/* websocket_leg.h - a WebSocket as the main leg of a session that it owns.
 *
 * The client paces itself: audio goes as base64 in events, held back by the session while
 * less than LEG_ROOM_MIN octets are free. When the socket goes, the session goes.
 * One loop. Frees itself.
 */
#pragma once

#include "leg/runner.h"
#include "net/websocket.h"

struct websocket_leg;

struct websocket_leg_params {
	struct session_params session;
	const char *protocol; /* to be echoed; NULL: none */
	struct list *all;     /* of this loop: joined while the leg lives */
	void *ctx;
	void (*on_gone)(void *ctx); /* once, if websocket_leg_open() gave 0 */
};

/* Takes the exchange in every case and answers it. The session is made first: when it
 * cannot be (-EINVAL: *e says why), the exchange is answered with an HTTP error. */
MUST_USE int websocket_leg_open(struct http_exchange *ex, const struct websocket_leg_params *p);

/* Begin to close every one of a list: 1001. On its loop, from outside its sessions. */
void websocket_leg_drain(struct list *all);
