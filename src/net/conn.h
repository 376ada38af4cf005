/* conn.h - a TCP connection, with or without TLS, owned by one loop.
 *
 * The first octet says what it is: 0x16 a TLS handshake, an ASCII letter HTTP;
 * anything else is closed (CONN_GARBAGE). The owner sees plain octets either way.
 *
 * Writing never blocks: octets go to the socket at once or into one queue. When the
 * queue has been above CONN_LOW and falls to it, on_writable is called. A peer that
 * does not read is closed (CONN_SLOW): no progress, or more than CONN_HIGH waiting,
 * for stall_us. More than CONN_MAX is refused.
 *
 * Everything is called on the thread of the connection's home. A handler may write,
 * close, free or move its connection. No handler is called from inside conn_write(),
 * conn_close(), conn_free() or conn_resume().
 */
#pragma once

#include "base/addr.h"
#include "base/list.h"

struct loop;
struct tls;
struct tls_ctx;
struct conn;

enum { CONN_LOW = 64 << 10, CONN_HIGH = 1 << 20, CONN_MAX = 32 << 20 };

/* Where connections live: one per loop. Open struct, zero and .loop is valid. */
struct conn_home {
	struct loop *loop;
	struct tls_ctx *tls; /* borrowed; NULL: a TLS handshake is CONN_GARBAGE       */
	uint64_t stall_us;   /* 0: 10 s                                               */
	uint64_t linger_us;  /* 0: 5 s; how long a closed one drains what still comes */
	struct list conns;   /* all of them                                           */
	size_t n;
};

void conn_home_init(struct conn_home *h, struct loop *l, struct tls_ctx *tls);
void conn_home_done(struct conn_home *h); /* CONN_STOPPED for all; before the loop is freed */

enum conn_end {
	CONN_EOF,     /* the peer said goodbye            */
	CONN_RESET,   /* the network or the peer broke it */
	CONN_SLOW,    /* the peer does not read           */
	CONN_GARBAGE, /* neither HTTP nor TLS, or bad TLS */
	CONN_FAILED,  /* we ran out of memory             */
	CONN_STOPPED, /* our home is closing              */
};

struct conn_ops {
	void (*on_data)(void *owner, struct bytes data); /* valid during the call */
	/* The peer will send no more but may still read. NULL: on_closed(CONN_EOF). */
	void (*on_eof)(void *owner);
	void (*on_writable)(void *owner); /* may be NULL */
	/* Of conn_open_out() with TLS: the hands are shaken, now one may write. May be NULL. */
	void (*on_secure)(void *owner);
	/* Once; the conn is freed already. Not after conn_close() or conn_free(). */
	void (*on_closed)(void *owner, enum conn_end why);
};

/* Takes fd, also on failure. conn_bind() before control returns to the loop. */
MUST_USE int conn_open(struct conn **out, struct conn_home *h, int fd, const struct addr *peer);
/* The same for a socket that we have connected. The peer may begin with any octet. tls: a client's
 * (tls_client_new()), whose handshake begins now; NULL: none. Takes it, also on failure. */
MUST_USE int conn_open_out(struct conn **out, struct conn_home *h, int fd, const struct addr *peer,
			   struct tls *tls);
void conn_bind(struct conn *c, const struct conn_ops *ops, void *owner);
/* Cut at once. */
void conn_free(struct conn *c);
AUTO_DEF(conn)
/* Send what is queued, say goodbye, swallow what is still under way (64 MiB, linger_us at
 * most), go. The owner is forgotten now. */
void conn_close(struct conn *c);

/* Copies. -ENOBUFS: more than CONN_MAX would wait, -ENOMEM, -EPIPE: already broken
 * (on_closed follows). Nothing of `data` is queued then; conn_free() is what remains. */
MUST_USE int conn_write(struct conn *c, struct bytes data);
size_t conn_queued(const struct conn *c);

/* Stop and go on reading: what the peer sends waits in the kernel. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);

/* Take the connection to another home with its TLS state, queue and owner. Handlers
 * stay silent until fn(arg, c) has run there; c is NULL (and freed) if it could not
 * be attached. After 0 the caller must not touch c. -EAGAIN or -ENOMEM: it stays here. */
MUST_USE int conn_move(struct conn *c, struct conn_home *to,
		       void (*fn)(void *arg, struct conn *c), void *arg);

bool conn_is_tls(const struct conn *c);
const struct addr *conn_peer(const struct conn *c);
const struct addr *conn_local(const struct conn *c);
struct conn_home *conn_home_of(const struct conn *c);
