/* listen.h - a TCP socket that accepts, one per loop on the same address.
 *
 * Sockets are bound with SO_REUSEPORT, so that the kernel spreads connections over
 * the loops; which loop gets one is arbitrary (conn_move() corrects it). Because
 * SO_REUSEPORT would let a second program share our port unnoticed, listen_probe()
 * asks first whether anybody has it. "::" takes IPv4 as well.
 * A descriptor is kept in reserve: when the process runs out of them, connections
 * are refused instead of the accept loop spinning. Called on the loop's thread, or
 * before it runs / after it has returned.
 */
#pragma once

#include "base/addr.h"

struct loop;
struct listener;

enum listen_verdict {
	LISTEN_OK,
	LISTEN_IN_USE,     /* another program has this port                */
	LISTEN_NO_ADDRESS, /* this machine has no such address             */
	LISTEN_DENIED,     /* ports below 1024 need a privilege            */
	LISTEN_FAILED,     /* descriptors, memory or something else is out */
};

enum { LISTEN_WHY = 160 };

/* Are the TCP and the UDP port of this number free? at->port == 0 chooses one that
 * is free for both and stores it. `why` gets a sentence when not LISTEN_OK. */
MUST_USE enum listen_verdict listen_probe(struct addr *at, char why[static LISTEN_WHY]);

struct listen_ops {
	/* Takes fd (non-blocking, close-on-exec). */
	void (*on_accept)(void *owner, int fd, const struct addr *peer);
};

MUST_USE enum listen_verdict listen_open(struct listener **out, struct loop *l,
					 const struct addr *at, const struct listen_ops *ops,
					 void *owner, char why[static LISTEN_WHY]);
void listen_free(struct listener *l); /* before its loop is freed */

/* For udp.c: a bound socket of the type, or -errno. share: with SO_REUSEPORT. */
enum listen_share { LISTEN_ALONE, LISTEN_SHARED };
MUST_USE int listen_socket(const struct addr *at, int type, enum listen_share share);
/* The address a socket is bound to; ADDR_NONE when it cannot be told. */
void listen_local(int fd, struct addr *out);
MUST_USE enum listen_verdict listen_explain(int err, const struct addr *at,
					    char why[static LISTEN_WHY]);
