#include "net/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/loop.h"

enum { TIME_MS = 10000, EACH_MS = 1500, ADDRS_MAX = 8, HOST_MAX = 254 };

/* libuv gives these back when it likes, maybe after the dial has gone: on the heap by themselves. */
struct lookup {
	uv_getaddrinfo_t uv;
	struct dial *dial; /* NULL: gone */
};
struct watch {
	uv_poll_t uv;
	struct dial *dial; /* NULL: gone */
};

struct dial {
	struct loop *loop;
	dial_done *done;
	void *owner;
	struct lookup *lookup; /* under way, or NULL                     */
	struct watch *watch;   /* of the connection that is tried        */
	struct timer timer;
	struct addr addrs[ADDRS_MAX];
	size_t n_addrs, at; /* at: the next to try                       */
	int fd;             /* that is being connected; -1: none         */
	int error;          /* of the last one                           */
	uint64_t end_us, each_us;
};

static void on_watch_closed(uv_handle_t *h)
{
	mem_free(CONTAINER_OF((uv_poll_t *)h, struct watch, uv));
}

/* The descriptor leaves the loop, so that another handle may have it. */
static void unwatch(struct dial *d)
{
	if (!d->watch)
		return;
	d->watch->dial = NULL;
	uv_poll_stop(&d->watch->uv);
	uv_close((uv_handle_t *)&d->watch->uv, on_watch_closed);
	d->watch = NULL;
}

void dial_free(struct dial *d)
{
	if (!d)
		return;
	timer_stop(d->loop, &d->timer);
	unwatch(d);
	if (d->fd >= 0)
		close(d->fd);
	if (d->lookup) {
		d->lookup->dial = NULL;
		(void)uv_cancel((uv_req_t *)&d->lookup->uv);
	}
	mem_free(d);
}

/* The end: fd or -errno. */
static void finish(struct dial *d, int fd)
{
	dial_done *done = d->done;
	void *owner = d->owner;
	struct addr to = d->at ? d->addrs[d->at - 1] : (struct addr){ 0 };

	d->fd = -1;
	dial_free(d);
	done(owner, fd, &to);
}

static void try_next(struct dial *d);

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct dial *d = CONTAINER_OF(p, struct watch, uv)->dial;
	int error = 0, fd;
	socklen_t n = sizeof(error);

	(void)events;
	if (!d)
		return;
	fd = d->fd;
	unwatch(d);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	if (error == 0)
		error = -status; /* libuv says EBADF of any error: the socket knows better */
	if (error == 0) {
		finish(d, fd);
		return;
	}
	close(fd);
	d->fd = -1;
	d->error = -error;
	try_next(d);
}

static int watch(struct dial *d)
{
	struct watch *w = mem_zalloc(sizeof(*w));
	int err = w ? uv_poll_init(loop_uv(d->loop), &w->uv, d->fd) : -ENOMEM;

	if (err != 0) {
		mem_free(w);
		return err;
	}
	w->dial = d;
	d->watch = w;
	return uv_poll_start(&w->uv, UV_WRITABLE, on_poll);
}

/* 0: under way. */
static int try_one(struct dial *d, const struct addr *to)
{
	struct sockaddr_storage sa;
	size_t n = addr_to_sockaddr(to, ADDR_AS_IS, &sa);
	int one = 1, err;

	d->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0)
		return -errno;
	/* Audio goes out in small pieces, each when it is there. */
	(void)setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	err = connect(d->fd, (struct sockaddr *)&sa, (socklen_t)n) == 0 || errno == EINPROGRESS ?
		      watch(d) :
		      -errno;
	if (err == 0)
		return 0;
	unwatch(d);
	close(d->fd);
	d->fd = -1;
	return err;
}

static void try_next(struct dial *d)
{
	while (d->at < d->n_addrs) {
		d->error = try_one(d, &d->addrs[d->at++]);
		if (d->error != 0)
			continue;
		uint64_t now = loop_now_us(d->loop);
		uint64_t until = d->at < d->n_addrs ? MIN(now + d->each_us, d->end_us) : d->end_us;

		if (timer_set(d->loop, &d->timer, until) != 0)
			finish(d, -ENOMEM);
		return;
	}
	finish(d, d->error ? d->error : -EHOSTUNREACH);
}

static void on_due(struct timer *t)
{
	struct dial *d = CONTAINER_OF(t, struct dial, timer);

	if (loop_now_us(d->loop) >= d->end_us) {
		finish(d, -ETIMEDOUT);
		return;
	}
	if (d->fd >= 0) { /* this address had its time; at the first turn there is none yet */
		unwatch(d);
		close(d->fd);
		d->fd = -1;
		d->error = -ETIMEDOUT;
	}
	try_next(d);
}

/* --- names ------------------------------------------------------------------------------ */

static void take_addresses(struct dial *d, const struct addrinfo *list)
{
	for (const struct addrinfo *i = list; i && d->n_addrs < ADDRS_MAX; i = i->ai_next)
		if (addr_from_sockaddr(i->ai_addr, &d->addrs[d->n_addrs]))
			d->n_addrs++;
}

static void on_looked_up(uv_getaddrinfo_t *r, int status, struct addrinfo *list)
{
	struct lookup *l = CONTAINER_OF(r, struct lookup, uv);
	struct dial *d = l->dial;

	mem_free(l);
	if (d) {
		d->lookup = NULL;
		if (status == 0)
			take_addresses(d, list);
		uv_freeaddrinfo(list);
		try_next(d);
		return;
	}
	uv_freeaddrinfo(list);
}

static int look_up(struct dial *d, const char *host, uint16_t port)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
					.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_NUMERICSERV };
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	d->lookup = mem_zalloc(sizeof(*d->lookup));
	if (!d->lookup)
		return -ENOMEM;
	d->lookup->dial = d;
	int err = uv_getaddrinfo(loop_uv(d->loop), &d->lookup->uv, on_looked_up, host, service, &hints);
	if (err != 0) {
		mem_free(d->lookup);
		d->lookup = NULL;
	}
	return err;
}

int dial_start(struct dial **out, const struct dial_params *p, dial_done *done, void *owner)
{
	struct dial *d = mem_zalloc(sizeof(*d));
	uint64_t now = loop_now_us(p->loop), first_us;
	int err = 0;

	if (!d)
		return -ENOMEM;
	d->loop = p->loop;
	d->done = done;
	d->owner = owner;
	d->fd = -1;
	d->timer.on_due = on_due;
	d->end_us = now + (uint64_t)(p->time_ms ? p->time_ms : TIME_MS) * US_PER_MS;
	d->each_us = (uint64_t)(p->each_ms ? p->each_ms : EACH_MS) * US_PER_MS;
	first_us = now;
	if (addr_parse(bytes_str(p->host), &d->addrs[0]) && d->addrs[0].port == 0) {
		d->addrs[0].port = p->port;
		d->n_addrs = 1;
	} else if (strlen(p->host) < HOST_MAX) {
		err = look_up(d, p->host, p->port);
		first_us = d->end_us;
	} /* else: no address, which the first turn of the timer says */
	if (err == 0)
		err = timer_set(p->loop, &d->timer, first_us);
	if (err != 0) {
		dial_free(d);
		return err;
	}
	*out = d;
	return 0;
}
