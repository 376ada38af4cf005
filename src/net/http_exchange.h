/* http_exchange.h - one request and its answer, in the hands of whoever serves it.
 *
 * Answered exactly once, whole or in parts: now or later, here or (after exchange_move()) on another loop; or
 * it becomes a WebSocket (net/websocket.h). It stays valid until then, even when the client
 * has gone and the server is freed. Every function is called on its loop's thread.
 */
#pragma once

#include "net/conn.h"
#include "net/http.h"
#include "net/http_reply.h"

struct http_exchange;
struct http_limits; /* http_server.h */

const struct http_request *exchange_request(const struct http_exchange *ex);
struct loop *exchange_loop(const struct http_exchange *ex);
const struct addr *exchange_peer(const struct http_exchange *ex);
bool exchange_is_tls(const struct http_exchange *ex);
bool exchange_gone(const struct http_exchange *ex); /* nobody will read the answer */

/* Copies the reply. The exchange is gone afterwards. HEAD is answered without the body. */
void exchange_reply(struct http_exchange *ex, const struct http_reply *r);
/* As exchange_reply(), but the body must live as long as the program: it is not copied. */
void exchange_reply_static(struct http_exchange *ex, const struct http_reply *r);
/* An error body with the type that goes with the status; code and param may be NULL. */
void exchange_error(struct http_exchange *ex, unsigned status, const char *code, const char *param,
		    const char *message);

/* What the client does meanwhile, for whoever works long on an answer. Called on the loop, never from
 * inside a function here; the exchange may be ended inside. With a watch, a client that ends its
 * side of the connection has gone: it is not known to wait for anything. */
struct exchange_watch {
	void (*on_gone)(void *ctx); /* once; the exchange is still to be ended                 */
	void (*on_room)(void *ctx); /* what waited for the client is CONN_LOW or less; or NULL */
};
void exchange_set_watch(struct http_exchange *ex, const struct exchange_watch *w, void *ctx);

/* An answer in parts, as they are made: r without a body, any number of parts, then the end. In
 * between the exchange may go: -EPIPE from there on, and exchange_end() as ever. */
MUST_USE int exchange_begin(struct http_exchange *ex, const struct http_reply *r);
MUST_USE int exchange_write(struct http_exchange *ex, struct bytes part); /* copies */
size_t exchange_queued(const struct http_exchange *ex); /* octets that wait for the client */
void exchange_end(struct http_exchange *ex);
/* It cannot be completed, and the client is to see that. */
void exchange_cut(struct http_exchange *ex);

/* Go on on another loop of the server: fn(arg, ex) runs there, once. After 0 the caller
 * must not touch ex. -EAGAIN, -ENOMEM: it is still here. */
MUST_USE int exchange_move(struct http_exchange *ex, struct loop *to,
			   void (*fn)(void *arg, struct http_exchange *ex), void *arg);

/* For websocket.c: the connection leaves HTTP. Writes `head`, frees the exchange and
 * returns the connection, bound to nobody, with the octets that came behind the request
 * in *rest. NULL: the client has gone, memory is out; the exchange is freed all the same. */
MUST_USE struct conn *exchange_upgrade(struct http_exchange *ex, struct bytes head,
				       struct buf *rest);
/* For websocket.c: the server's limits, without zeros; NULL: the client has gone. */
const struct http_limits *exchange_limits(const struct http_exchange *ex);
/* For websocket.c: the CORS fields of the answer, or n = 0. */
size_t exchange_cors(const struct http_exchange *ex, struct http_field to[static 3]);
