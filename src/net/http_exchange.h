/* http_exchange.h - one request and its answer, in the hands of whoever serves it.
 *
 * Answered exactly once: now or later, here or (after exchange_move()) on another loop; or
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
