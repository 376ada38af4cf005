/* net_test.h - a small blocking-free client for this layer's tests: loopback only.
 *
 * The client and the loops under test share one thread: waiting means turning the loops
 * and looking at the client's socket, for at most WAIT_MS, never by sleeping for longer
 * than a fraction of a millisecond.
 */
#pragma once

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/loop.h"
#include "base/test.h"
#include "net/http_server.h"
#include "net/listen.h"

enum { WAIT_MS = 2000, LOOPS_MAX = 2 };

struct client {
	int fd;
	struct loop *loops[LOOPS_MAX];
	struct buf got;
	bool eof;
};

static inline void client_done(struct client *c)
{
	if (c->fd > 0)
		close(c->fd);
	c->fd = 0;
	buf_done(&c->got);
	c->eof = false;
}

static inline void client_auto_(struct client *c)
{
	client_done(c);
}

static inline bool client_open(struct client *c, const struct addr *to)
{
	struct sockaddr_storage sa;
	size_t n = addr_to_sockaddr(to, ADDR_AS_IS, &sa);

	c->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return c->fd > 0 && connect(c->fd, (struct sockaddr *)&sa, (socklen_t)n) == 0;
}

/* A server for the client: on loopback, at a port that was free, over p->n_loops new loops (the first
 * has its own already, if need be), and quick to hang up. Ownership as with http_server_new(). */
static inline bool server_open(struct http_server **out, struct http_server_params *p,
			       struct loop **loops, struct addr *at)
{
	char why[LISTEN_WHY];

	p->loops = loops;
	p->limits.linger_us = 20 * US_PER_MS;
	for (size_t i = 0; i < p->n_loops; i++)
		if (!loops[i] && loop_new(&loops[i], (unsigned)i) != 0)
			return false;
	return addr_parse(bytes_str("127.0.0.1:0"), at) && listen_probe(at, why) == LISTEN_OK &&
	       http_server_new(out, p) == 0 && http_server_listen(*out, at, why) == LISTEN_OK;
}

static inline bool client_join(struct client *c, struct loop *const loops[LOOPS_MAX],
			       const struct addr *at)
{
	memcpy(c->loops, loops, sizeof(c->loops));
	return client_open(c, at);
}

static inline void nap(void)
{
	struct timespec t = { .tv_nsec = 100000 };
	nanosleep(&t, NULL);
}

static inline void client_turn(struct client *c)
{
	for (size_t i = 0; i < LOOPS_MAX; i++)
		if (c->loops[i])
			loop_once(c->loops[i], 0);
}

/* Take what has come. */
static inline bool client_read(struct client *c)
{
	uint8_t data[16384];
	ssize_t n = recv(c->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n > 0)
		buf_put(&c->got, data, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		c->eof = true;
	return n > 0;
}

static inline bool client_send(struct client *c, struct bytes b)
{
	uint64_t end = 0;

	while (b.n) {
		ssize_t n = send(c->fd, b.p, b.n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return false;
		if (n > 0)
			b = bytes_sub(b, (size_t)n, b.n - (size_t)n);
		client_turn(c);
		if (n < 0 && ++end > 200000)
			return false;
	}
	return true;
}

static inline bool client_says(struct client *c, const char *s)
{
	return client_send(c, bytes_str(s));
}

static inline bool has(const struct client *c, const char *s)
{
	return c->got.n && memmem(c->got.p, c->got.n, s, strlen(s)) != NULL;
}

static inline uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Until `s` has come. Looks at each octet once: answers can be long. */
static inline bool client_hears(struct client *c, const char *s)
{
	size_t len = strlen(s), seen = 0;

	for (uint64_t end = now_ms() + WAIT_MS; now_ms() < end;) {
		client_turn(c);
		bool more = client_read(c);
		if (c->got.n - seen >= len) {
			if (memmem(c->got.p + seen, c->got.n - seen, s, len))
				return true;
			seen = c->got.n - len + 1;
		}
		if (c->eof || mem_failed())
			return false;
		if (!more)
			nap();
	}
	return false;
}

/* Until the other side has closed. */
static inline bool client_sees_end(struct client *c)
{
	for (uint64_t end = now_ms() + WAIT_MS; now_ms() < end && !c->eof && !mem_failed();) {
		client_turn(c);
		if (!client_read(c))
			nap();
	}
	return c->eof;
}

static inline void client_forget(struct client *c)
{
	buf_reset(&c->got);
}
