/* http_server.h - connections and requests of one address, over all loops.
 *
 * Each loop has a seat: a listener and the connections that live there. A request that
 * is complete, and whose Host and Origin the policy allows, is given to on_request as a
 * struct http_exchange. Whoever has the exchange answers it exactly once: now or later,
 * here or (after exchange_move()) on another loop. It stays valid until then, even when
 * the client has gone. An exchange may instead become a WebSocket (net/websocket.h).
 *
 * The server answers by itself: 400, 405, 408, 413, 414, 431, 505 (malformed or slow),
 * 421 and 403 (policy), and preflight OPTIONS of listed origins.
 * Everything runs on the loop's thread, except new, free, listen and port, which are
 * called while no loop runs. http_server_free() before the loops are freed; it serves
 * them until no connection is under way from one to another.
 */
#pragma once

#include "net/conn.h"
#include "net/http_exchange.h"
#include "net/http_policy.h"
#include "net/listen.h"

struct http_server;

struct http_ops {
	/* The head has been read: octets of body allowed. NULL: HTTP_BODY_DEFAULT. */
	size_t (*body_limit)(void *ctx, const struct http_request *r);
	void (*on_request)(void *ctx, struct http_exchange *ex);
};

/* Zero: the default in the comment. */
struct http_limits {
	uint64_t head_us;        /* 5 s from the accept or the first octet to the end of the head */
	uint64_t idle_us;        /* 60 s between requests                                */
	uint64_t body_window_us; /* 5 s: in each window of a body ...                    */
	size_t body_min;         /* 5,000 octets must come                               */
	uint64_t stall_us;       /* 10 s: a client that does not read                    */
	uint64_t linger_us;      /* 5 s: a closed connection still drains what comes     */
	uint64_t ping_us;        /* 20 s: a WebSocket is pinged                          */
	uint64_t silence_us;     /* 60 s: a WebSocket from which nothing came is cut     */
	size_t max_conns;        /* 4096 per loop; more are closed at once               */
};

struct http_server_params {
	struct loop *const *loops; /* copied */
	size_t n_loops;
	const struct http_ops *ops;
	void *ctx;
	const struct http_policy *policy; /* borrowed until the server is freed */
	struct tls_ctx *tls;              /* likewise; NULL: plain HTTP only    */
	struct http_limits limits;
};

MUST_USE int http_server_new(struct http_server **out, const struct http_server_params *p);
void http_server_free(struct http_server *s);
AUTO_DEF(http_server)
/* On every loop; may be called for several addresses. at->port must not be 0: let
 * listen_probe() choose. */
MUST_USE enum listen_verdict http_server_listen(struct http_server *s, const struct addr *at,
						char why[static LISTEN_WHY]);
/* Connections on a loop, for metrics. On that loop's thread. */
size_t http_server_conns(const struct http_server *s, const struct loop *l);
