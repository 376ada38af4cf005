#include "net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/loop.h"

enum { BATCH = 32, BATCHES_PER_TURN = 8, SOCKET_BUFFER = 4 << 20 };

/* On the heap of its own: libuv gives it back one turn of the loop after uv_close(). */
struct sock {
	uv_poll_t poll;
	struct udp *udp;
};

struct udp {
	struct sock *sock;
	struct loop *loop;
	const struct udp_ops *ops;
	void *owner;
	int fd;
	enum addr_form form;
	struct udp_counts counts;
	uint8_t data[BATCH][UDP_MAX];
	struct sockaddr_storage from[BATCH];
	struct iovec iov[BATCH];
	struct mmsghdr msgs[BATCH];
};

static void prepare(struct udp *u)
{
	for (size_t i = 0; i < BATCH; i++) {
		u->iov[i] = (struct iovec){ u->data[i], UDP_MAX };
		u->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &u->from[i],
			.msg_iov = &u->iov[i],
			.msg_iovlen = 1,
		};
	}
}

static void take(struct udp *u, struct mmsghdr *m, uint64_t now_us)
{
	struct addr from;

	if (m->msg_hdr.msg_flags & MSG_TRUNC)
		u->counts.truncated++;
	else if (addr_from_sockaddr(m->msg_hdr.msg_name, &from)) {
		u->counts.received++;
		u->ops->on_datagram(u->owner,
				    bytes_of(m->msg_hdr.msg_iov->iov_base, m->msg_len), &from,
				    now_us);
	}
}

/* RT */
static void on_poll(uv_poll_t *p, int status, int events)
{
	struct sock *s = p->data;
	struct udp *u = s->udp;

	(void)events;
	for (int turn = 0; u && turn < BATCHES_PER_TURN; turn++) {
		for (size_t i = 0; i < BATCH; i++)
			u->msgs[i].msg_hdr.msg_namelen = sizeof(u->from[i]);
		int n = recvmmsg(u->fd, u->msgs, BATCH, MSG_DONTWAIT, NULL);

		if (n <= 0)
			break; /* empty, or an ICMP error of somebody: either way nothing to read */
		uint64_t now_us = loop_now_us(u->loop);
		for (int i = 0; i < n; i++)
			take(u, &u->msgs[i], now_us);
		if (n < BATCH)
			break;
	}
	if (u && status < 0) /* libuv stops a handle that reported an error */
		(void)uv_poll_start(p, UV_READABLE, on_poll);
}

static void free_sock(uv_handle_t *h)
{
	mem_free(h->data);
}

enum listen_verdict udp_open(struct udp **out, struct loop *loop, const struct addr *at,
			     const struct udp_ops *ops, void *owner, char why[static LISTEN_WHY])
{
	struct udp *u = mem_zalloc(sizeof(*u));
	struct sock *s = mem_zalloc(sizeof(*s));
	int err = -ENOMEM, size = SOCKET_BUFFER;

	if (!u || !s)
		goto fail;
	u->loop = loop;
	u->ops = ops;
	u->owner = owner;
	u->form = at->family == ADDR_V6 ? ADDR_MAPPED : ADDR_AS_IS;
	u->fd = err = listen_socket(at, SOCK_DGRAM, LISTEN_SHARED);
	if (u->fd < 0)
		goto fail;
	/* The kernel grants what net.core.[rw]mem_max allows; less is not an error. */
	(void)setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(u->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	err = uv_poll_init(loop_uv(loop), &s->poll, u->fd);
	if (err != 0) {
		close(u->fd);
		goto fail;
	}
	s->poll.data = s;
	s->udp = u;
	u->sock = s;
	prepare(u);
	err = uv_poll_start(&s->poll, UV_READABLE, on_poll);
	if (err != 0) {
		udp_free(u);
		return listen_explain(err, at, why);
	}
	*out = u;
	return LISTEN_OK;
fail:
	mem_free(u);
	mem_free(s);
	return listen_explain(err, at, why);
}

void udp_free(struct udp *u)
{
	if (!u)
		return;
	u->sock->udp = NULL;
	uv_close((uv_handle_t *)&u->sock->poll, free_sock);
	close(u->fd);
	mem_free(u);
}

/* RT */
void udp_send(struct udp *u, struct bytes data, const struct addr *to)
{
	struct sockaddr_storage sa;
	size_t n = addr_to_sockaddr(to, u->form, &sa);

	if (n != 0 && sendto(u->fd, data.p, data.n, MSG_DONTWAIT | MSG_NOSIGNAL,
			     (const struct sockaddr *)&sa, (socklen_t)n) == (ssize_t)data.n)
		u->counts.sent++;
	else
		u->counts.dropped++;
}

const struct udp_counts *udp_counts(const struct udp *u)
{
	return &u->counts;
}

void udp_local(const struct udp *u, struct addr *out)
{
	listen_local(u->fd, out);
}
