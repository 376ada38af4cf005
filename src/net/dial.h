/* dial.h - a TCP connection to a host, by name, without waiting for it.
 *
 * Names are looked up by libuv's threads (getaddrinfo), numeric addresses here. Addresses are tried in
 * the resolver's order (RFC 6724), each for each_ms as long as another is left: what RFC 8305 wants of
 * a host one of whose families does not work, without its races.
 */
#pragma once

#include "base/addr.h"

struct dial;
struct loop;

struct dial_params {
	struct loop *loop;
	const char *host; /* copied                                          */
	uint16_t port;
	unsigned time_ms; /* for all of it; 0: 10 s                          */
	unsigned each_ms; /* for one address while others are left; 0: 1.5 s */
};

/* Once, on the loop, never from inside dial_start(); the dial is gone. fd: connected, non-blocking, and the
 * owner's from now on; or -errno: -EHOSTUNREACH (no such name), -ETIMEDOUT, -ECONNREFUSED, … */
typedef void dial_done(void *owner, int fd, const struct addr *to);

MUST_USE int dial_start(struct dial **out, const struct dial_params *p, dial_done *done, void *owner);
void dial_free(struct dial *d); /* done is not called any more */
AUTO_DEF(dial)
