/* peer_test.h - a service for tests: one HTTP/1.1 server on loopback, by script.
 *
 * Each request, whatever the connection, is answered by the next of the replies, the last one again and
 * again. Threads of its own; no memory of ours, so that failing allocations are the tested one's.
 */
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/test.h"

enum { PEER_PARTS = 8, PEER_REPLIES = 8, PEER_CONNECTIONS = 64, PEER_KEPT = 4, PEER_ASKED = 16384 };

enum peer_then {
	PEER_STAYS, /* the connection serves the next request  */
	PEER_GOES,  /* closes it                               */
	PEER_HANGS, /* says nothing until the other one is gone */
	PEER_FLOODS, /* says the last part again and again      */
};

struct peer_reply {
	const char *parts[PEER_PARTS]; /* sent one by one; NULL ends them  */
	unsigned pause_ms;             /* before each part but the first   */
	enum peer_then then;
};

struct peer {
	struct peer_reply replies[PEER_REPLIES];
	size_t n_replies;
	bool warmed; /* HEAD is answered beside the script, and counts for nothing */
	char url[64]; /* http://127.0.0.1:PORT, without a path */
	unsigned port;

	pthread_mutex_t lock; /* what follows; read it by peer_asked() and so on */
	unsigned n_asked, n_connections;
	char asked[PEER_KEPT][PEER_ASKED]; /* heads and bodies of the last requests */

	atomic_bool closing;
	int listener;
	pthread_t thread;
	struct peer_connection {
		struct peer *peer;
		int fd;
		pthread_t thread;
	} connections[PEER_CONNECTIONS];
};

#define PEER_OK_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n"

static inline void peer_nap(unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

/* One request with its body, as far as there is room; the rest is read all the same. false: the other
 * one is gone. */
static inline bool peer_read_(int fd, char *to, size_t cap)
{
	size_t n = 0, body = 0, beyond = 0;
	const char *end = NULL;
	char rest[4096];

	for (to[0] = 0; !end || n + beyond < (size_t)(end - to) + 4 + body;) {
		bool full = end && n == cap - 1;
		ssize_t more = full ? recv(fd, rest, sizeof(rest), 0) : recv(fd, to + n, cap - 1 - n, 0);

		if (more <= 0)
			return false;
		beyond += full ? (size_t)more : 0;
		if (full)
			continue;
		n += (size_t)more;
		to[n] = 0;
		end = strstr(to, "\r\n\r\n");
		const char *length = strcasestr(to, "\r\ncontent-length:");
		body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
	}
	return true;
}

static inline bool peer_say_(struct peer *p, int fd, const struct peer_reply *r)
{
	size_t n = 0;
	char rest[256];

	for (; n < PEER_PARTS && r->parts[n]; n++) {
		if (n)
			peer_nap(r->pause_ms);
		if (send(fd, r->parts[n], strlen(r->parts[n]), MSG_NOSIGNAL) < 0)
			return false;
	}
	while (r->then == PEER_FLOODS && !atomic_load(&p->closing))
		if (send(fd, r->parts[n - 1], strlen(r->parts[n - 1]), MSG_NOSIGNAL) < 0)
			return false;
	while (r->then == PEER_HANGS && recv(fd, rest, sizeof(rest), 0) > 0)
		;
	return r->then == PEER_STAYS;
}

static inline void *peer_serve_(void *arg)
{
	struct peer_connection *c = arg;
	struct peer *p = c->peer;
	char asked[PEER_ASKED];
	bool more = true;

	while (more && peer_read_(c->fd, asked, sizeof(asked))) {
		if (p->warmed && strncmp(asked, "HEAD ", 5) == 0) {
			static const struct peer_reply none = { { "HTTP/1.1 204 No\r\n\r\n" }, 0, PEER_STAYS };

			more = peer_say_(p, c->fd, &none);
			continue;
		}
		pthread_mutex_lock(&p->lock);
		unsigned i = p->n_asked++;
		memcpy(p->asked[i % PEER_KEPT], asked, sizeof(asked));
		pthread_mutex_unlock(&p->lock);
		more = peer_say_(p, c->fd, &p->replies[MIN(i, p->n_replies - 1)]);
	}
	shutdown(c->fd, SHUT_RDWR);
	return NULL;
}

static inline void *peer_accept_(void *arg)
{
	struct peer *p = arg;
	const int on = 1;

	while (!atomic_load(&p->closing)) {
		int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			break;
		pthread_mutex_lock(&p->lock);
		struct peer_connection *c = &p->connections[p->n_connections];
		*c = (struct peer_connection){ .peer = p, .fd = fd };
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		bool ok = p->n_connections < PEER_CONNECTIONS - 1 &&
			  pthread_create(&c->thread, NULL, peer_serve_, c) == 0;
		p->n_connections += ok;
		pthread_mutex_unlock(&p->lock);
		if (!ok)
			close(fd);
	}
	return NULL;
}

/* Copies the replies (PEER_REPLIES at most), borrows their texts. */
static inline bool peer_begin(struct peer *p, const struct peer_reply *replies, size_t n)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);

	memcpy(p->replies, replies, n * sizeof(*replies));
	p->n_replies = n;
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(p->listener, (struct sockaddr *)&at, size) != 0 || listen(p->listener, 64) != 0 ||
	    getsockname(p->listener, (struct sockaddr *)&at, &size) != 0)
		return false;
	p->port = ntohs(at.sin_port);
	snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%u", p->port);
	pthread_mutex_init(&p->lock, NULL);
	return pthread_create(&p->thread, NULL, peer_accept_, p) == 0;
}

static inline void peer_end(struct peer *p)
{
	if (!p->port)
		return;
	atomic_store(&p->closing, true);
	shutdown(p->listener, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->listener);
	for (unsigned i = 0; i < p->n_connections; i++)
		shutdown(p->connections[i].fd, SHUT_RDWR);
	for (unsigned i = 0; i < p->n_connections; i++) {
		pthread_join(p->connections[i].thread, NULL);
		close(p->connections[i].fd);
	}
	pthread_mutex_destroy(&p->lock);
	p->port = 0;
}

static inline void peer_auto_(struct peer *p)
{
	peer_end(p);
}

static inline unsigned peer_asked(struct peer *p)
{
	pthread_mutex_lock(&p->lock);
	unsigned n = p->n_asked;
	pthread_mutex_unlock(&p->lock);
	return n;
}

static inline unsigned peer_connections(struct peer *p)
{
	pthread_mutex_lock(&p->lock);
	unsigned n = p->n_connections;
	pthread_mutex_unlock(&p->lock);
	return n;
}

/* Does the i-th request (of the last ones) hold this text? */
static inline bool peer_was_asked(struct peer *p, unsigned i, const char *text)
{
	pthread_mutex_lock(&p->lock);
	bool found = strstr(p->asked[i % PEER_KEPT], text) != NULL;
	pthread_mutex_unlock(&p->lock);
	return found;
}
