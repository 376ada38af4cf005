/* http_inner.h - inside of http_server.c, http_conn.c and http_exchange.c only.
 *
 * server 1 - n seats (one per loop) 1 - n connections 1 - 0..1 exchange. A connection and its
 * exchange know each other until one of them goes; both are touched on one thread at a time.
 */
#pragma once

#include <stdatomic.h>

#include "base/loop.h"
#include "net/http_server.h"

enum { HTTP_LISTENERS_MAX = 8, HTTP_ORIGIN_MAX = 300 };

struct http_seat {
	struct http_server *server;
	struct conn_home home;
	struct list conns; /* of struct http_conn */
	struct listener *listeners[HTTP_LISTENERS_MAX];
	size_t n_listeners;
};

struct http_server {
	struct http_seat *seats;
	size_t n_seats;
	const struct http_ops *ops;
	void *ctx;
	const struct http_policy *policy;
	struct http_limits limits;
	atomic_size_t n_moving; /* exchanges between two loops */
	bool stopping;		/* set while no loop runs      */
};

enum hc_state {
	HC_IDLE,    /* nothing of a request has come                  */
	HC_HEAD,    /* a head is coming                               */
	HC_BODY,    /* a body is coming                               */
	HC_SERVING, /* `ex` is with whoever answers it                */
	HC_SENDING, /* the rest of a long answer waits for the client */
};

/* A connection that speaks HTTP. */
struct http_conn {
	struct node node;
	struct http_server *server;
	struct http_seat *seat;
	struct conn *conn;
	enum hc_state state;
	struct http_reader *reader; /* NULL while HC_SERVING: the exchange has it */
	struct http_exchange *ex;
	struct buf ahead;
	struct timer timer;
	size_t body_before; /* octets of body at the start of the window    */
	struct buf kept;    /* a long body, if it had to be copied          */
	struct bytes rest;  /* of the long body, not yet handed to the conn */
	enum http_after after;
	bool eof;
	bool invited; /* 100 Continue has been said */
	bool first;   /* no request yet: the head's deadline counts from the accept */
	bool *left;   /* set when the connection is freed, moved or upgraded in a handler */
};

struct http_exchange {
	struct http_conn *hc; /* NULL: the client has gone */
	struct loop *loop;
	struct http_reader *reader;
	struct addr peer;
	bool tls;
	char origin[HTTP_ORIGIN_MAX]; /* listed: for CORS; "": none */
	enum http_body_form form;     /* of an answer in parts      */
	bool in_parts;                /* exchange_begin() has been called */
	const struct exchange_watch *watch;
	void *watcher;
};

/* --- http_conn.c ------------------------------------------------------------------------- */

/* A connection has been accepted. Takes fd. */
void http_conn_open(struct http_seat *seat, int fd, const struct addr *peer);
/* Forget the HTTP side; the conn is somebody else's or freed. */
void http_conn_free(struct http_conn *hc);
void http_conn_cut(struct http_conn *hc);
enum body_life { BODY_BRIEF, BODY_STATIC };
/* Head and body, or as much of it as fits. false: freed. */
MUST_USE bool http_conn_write(struct http_conn *hc, const struct http_reply *r, enum body_life life,
			      enum http_verb verb);
/* What was written is the answer to the present request: on to the next one. */
void http_conn_go_on(struct http_conn *hc);

/* --- http_exchange.c --------------------------------------------------------------------- */

/* For the connection's request, which is complete; takes its reader. `origin`, where there is
 * one, may read the answer (CORS). NULL: no memory. */
struct http_exchange *http_exchange_new(struct http_conn *hc, struct bytes origin);
/* Its connection is gone, last of all; or can take more. Whoever watches may end the exchange. */
void http_exchange_on_gone(struct http_exchange *ex);
void http_exchange_on_room(struct http_exchange *ex);
