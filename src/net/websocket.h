/* websocket.h - a WebSocket on its connection: an exchange that stays open.
 *
 * On the thread of the loop where it was accepted (exchange_move() first, if that should
 * be another). A ping goes out every 20 s; a peer that sends nothing for 60 s, or lets
 * more than WS_BUDGET wait for 10 s, is cut. Handlers may send, drop, close and free.
 * No handler is called from inside a websocket_...() function.
 */
#pragma once

#include "net/http_server.h"
#include "net/ws.h"

struct websocket;

struct websocket_ops {
	void (*on_message)(void *owner, enum ws_kind kind, struct bytes data);
	/* May be NULL. After audio was refused with -EAGAIN, or websocket_want_writable(): half of
	 * the budget is free. */
	void (*on_writable)(void *owner);
	/* Once; the websocket is freed already. code: theirs, WS_ABNORMAL, or why we closed
	 * it (WS_PROTOCOL_ERROR ...). Not after websocket_close() or websocket_free(). */
	void (*on_closed)(void *owner, unsigned code);
};

/* Does the client ask for a WebSocket? */
bool websocket_wanted(const struct http_request *r);
/* Answer 101. `protocol` is echoed exactly: it must be one that the client offered (NULL:
 * none is named). Takes the exchange in every case: -EPROTO: it was no valid handshake
 * and has been answered with 400 or 426; -EPIPE: the client has gone; -ENOMEM. */
MUST_USE int websocket_accept(struct websocket **out, struct http_exchange *ex,
			      const char *protocol, const struct websocket_ops *ops,
			      void *owner);

/* As ws_send_text(). Control that is refused with -ENOBUFS: close it. */
MUST_USE int websocket_send_text(struct websocket *w, enum ws_queue q, uint64_t tag,
				 struct bytes text);
/* Something waits, and the owner holds more back: on_writable once when half has left. */
void websocket_want_writable(struct websocket *w);
size_t websocket_drop_audio(struct websocket *w, uint64_t tag);
size_t websocket_queued(const struct websocket *w); /* all that has not reached the kernel */
/* Control that waits, a close frame, then the connection closes. The owner is forgotten. */
void websocket_close(struct websocket *w, unsigned code, const char *reason);
void websocket_free(struct websocket *w); /* cut */
