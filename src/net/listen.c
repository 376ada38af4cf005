#include "net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/loop.h"

enum { BACKLOG = 1024, ACCEPTS_PER_TURN = 32, PROBES = 32 };

/* On the heap of its own: libuv gives it back one turn of the loop after uv_close(). */
struct sock {
	uv_poll_t poll;
	struct listener *listener;
};

struct listener {
	struct sock *sock;
	const struct listen_ops *ops;
	void *owner;
	int fd, reserve;
};

int listen_socket(const struct addr *at, int type, enum listen_share share)
{
	struct sockaddr_storage sa;
	size_t n = addr_to_sockaddr(at, ADDR_AS_IS, &sa);
	int on = 1, off = 0, err = 0;

	if (n == 0)
		return -EINVAL;
	int fd = socket(sa.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* On UDP SO_REUSEADDR would steal; on TCP it forgives what waits in TIME_WAIT. */
	if (type == SOCK_STREAM)
		err |= setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (share == LISTEN_SHARED)
		err |= setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (sa.ss_family == AF_INET6)
		err |= setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (err == 0)
		err = bind(fd, (const struct sockaddr *)&sa, (socklen_t)n);
	if (err == 0 && type == SOCK_STREAM)
		err = listen(fd, BACKLOG);
	if (err != 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

void listen_local(int fd, struct addr *out)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);

	*out = (struct addr){ 0 };
	if (getsockname(fd, (struct sockaddr *)&sa, &n) != 0 ||
	    !addr_from_sockaddr((const struct sockaddr *)&sa, out))
		*out = (struct addr){ 0 };
}

enum listen_verdict listen_explain(int err, const struct addr *at, char why[static LISTEN_WHY])
{
	static const struct {
		int err;
		enum listen_verdict verdict;
		const char *text;
	} reasons[] = {
		{ EADDRINUSE, LISTEN_IN_USE, "another program is using it" },
		{ EADDRNOTAVAIL, LISTEN_NO_ADDRESS, "this machine has no such address" },
		{ EAFNOSUPPORT, LISTEN_NO_ADDRESS, "this machine has no IPv6" },
		{ EACCES, LISTEN_DENIED, "ports below 1024 need a privilege" },
	};
	char text[ADDR_TEXT];

	addr_format(at, text);
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (reasons[i].err != -err)
			continue;
		snprintf(why, LISTEN_WHY, "cannot listen on %s: %s", text, reasons[i].text);
		return reasons[i].verdict;
	}
	snprintf(why, LISTEN_WHY, "cannot listen on %s: %s", text, strerror(-err));
	return LISTEN_FAILED;
}

/* 0, or -errno; *at gets the number. */
static int probe_once(struct addr *at)
{
	struct addr chosen;
	int tcp = listen_socket(at, SOCK_STREAM, LISTEN_ALONE);

	if (tcp < 0)
		return tcp;
	listen_local(tcp, &chosen);
	struct addr both = *at;
	both.port = chosen.port;
	int udp = listen_socket(&both, SOCK_DGRAM, LISTEN_ALONE);
	close(tcp);
	if (udp < 0)
		return udp;
	close(udp);
	at->port = both.port;
	return 0;
}

enum listen_verdict listen_probe(struct addr *at, char why[static LISTEN_WHY])
{
	int r = probe_once(at);

	/* A TCP number chosen by the kernel may be taken for UDP: ask for another. */
	for (int i = 0; r == -EADDRINUSE && at->port == 0 && i < PROBES; i++)
		r = probe_once(at);
	return r == 0 ? LISTEN_OK : listen_explain(r, at, why);
}

/* Out of descriptors: give up the one in reserve, take the connection, drop it. Otherwise
 * it would stay in the backlog and the loop would be told of it again and again. */
static void refuse_one(struct listener *l)
{
	if (l->reserve >= 0)
		close(l->reserve);
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct sock *s = p->data;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN && s->listener; i++) {
		struct listener *l = s->listener;
		struct sockaddr_storage sa;
		socklen_t n = sizeof(sa);
		struct addr peer = { 0 };
		int on = 1;
		int fd = accept4(l->fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
			refuse_one(l);
			continue;
		}
		if (fd < 0)
			break; /* EAGAIN, or a connection that died in the backlog */
		if (!addr_from_sockaddr((const struct sockaddr *)&sa, &peer)) {
			close(fd);
			continue;
		}
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		l->ops->on_accept(l->owner, fd, &peer);
	}
	if (status < 0 && s->listener) /* libuv stops a handle that reported an error */
		(void)uv_poll_start(p, UV_READABLE, on_poll);
}

static void free_sock(uv_handle_t *h)
{
	mem_free(h->data);
}

enum listen_verdict listen_open(struct listener **out, struct loop *loop, const struct addr *at,
				const struct listen_ops *ops, void *owner,
				char why[static LISTEN_WHY])
{
	struct listener *l = mem_zalloc(sizeof(*l));
	struct sock *s = mem_zalloc(sizeof(*s));
	int err = -ENOMEM;

	if (!l || !s)
		goto fail;
	*l = (struct listener){ .ops = ops, .owner = owner, .reserve = -1 };
	l->fd = err = listen_socket(at, SOCK_STREAM, LISTEN_SHARED);
	if (l->fd < 0)
		goto fail;
	err = uv_poll_init(loop_uv(loop), &s->poll, l->fd);
	if (err != 0) {
		close(l->fd);
		goto fail;
	}
	s->poll.data = s;
	s->listener = l;
	l->sock = s;
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	err = uv_poll_start(&s->poll, UV_READABLE, on_poll);
	if (err != 0) {
		listen_free(l);
		return listen_explain(err, at, why);
	}
	*out = l;
	return LISTEN_OK;
fail:
	mem_free(l);
	mem_free(s);
	return listen_explain(err, at, why);
}

void listen_free(struct listener *l)
{
	if (!l)
		return;
	l->sock->listener = NULL;
	uv_close((uv_handle_t *)&l->sock->poll, free_sock);
	close(l->fd);
	if (l->reserve >= 0)
		close(l->reserve);
	mem_free(l);
}
