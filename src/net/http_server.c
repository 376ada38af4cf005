#include "net/http_server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "net/http_inner.h"

enum {
	CONNS_DEFAULT = 4096,
	BODY_MIN_DEFAULT = 5000,
	DRAIN_TURNS = 1000, /* of a loop, until what is under way between loops has landed */
};

static uint64_t or_default(uint64_t v, uint64_t otherwise)
{
	return v ? v : otherwise;
}

static struct http_limits limits_of(const struct http_limits *l)
{
	return (struct http_limits){
		.head_us = or_default(l->head_us, 5 * US_PER_S),
		.idle_us = or_default(l->idle_us, 60 * US_PER_S),
		.body_window_us = or_default(l->body_window_us, 5 * US_PER_S),
		.body_min = or_default(l->body_min, BODY_MIN_DEFAULT),
		.stall_us = or_default(l->stall_us, 10 * US_PER_S),
		.ping_us = or_default(l->ping_us, 20 * US_PER_S),
		.silence_us = or_default(l->silence_us, 60 * US_PER_S),
		.linger_us = l->linger_us,
		.max_conns = or_default(l->max_conns, CONNS_DEFAULT),
	};
}

int http_server_new(struct http_server **out, const struct http_server_params *p)
{
	struct http_server *s = mem_zalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->seats = mem_calloc(p->n_loops, sizeof(*s->seats));
	if (!s->seats) {
		mem_free(s);
		return -ENOMEM;
	}
	s->n_seats = p->n_loops;
	s->ops = p->ops;
	s->ctx = p->ctx;
	s->policy = p->policy;
	s->limits = limits_of(&p->limits);
	for (size_t i = 0; i < p->n_loops; i++) {
		struct http_seat *seat = &s->seats[i];

		seat->server = s;
		conn_home_init(&seat->home, p->loops[i], p->tls);
		seat->home.stall_us = s->limits.stall_us;
		seat->home.linger_us = s->limits.linger_us;
		list_init(&seat->conns);
	}
	*out = s;
	return 0;
}

static void on_accept(void *owner, int fd, const struct addr *peer)
{
	http_conn_open(owner, fd, peer);
}

enum listen_verdict http_server_listen(struct http_server *s, const struct addr *at,
				       char why[static LISTEN_WHY])
{
	static const struct listen_ops ops = { on_accept };
	enum listen_verdict v = LISTEN_OK;

	assert(at->port != 0);
	for (size_t i = 0; i < s->n_seats && v == LISTEN_OK; i++) {
		struct http_seat *seat = &s->seats[i];

		if (seat->n_listeners == HTTP_LISTENERS_MAX) {
			snprintf(why, LISTEN_WHY, "cannot listen on more than %d addresses",
				 HTTP_LISTENERS_MAX);
			return LISTEN_FAILED;
		}
		v = listen_open(&seat->listeners[seat->n_listeners], seat->home.loop, at, &ops,
				seat, why);
		seat->n_listeners += v == LISTEN_OK;
	}
	return v;
}

void http_server_free(struct http_server *s)
{
	struct node *n;

	if (!s)
		return;
	s->stopping = true;
	for (size_t i = 0; i < s->n_seats; i++)
		for (size_t k = 0; k < s->seats[i].n_listeners; k++)
			listen_free(s->seats[i].listeners[k]);
	for (int turn = 0; turn < DRAIN_TURNS && atomic_load(&s->n_moving) > 0; turn++)
		for (size_t i = 0; i < s->n_seats; i++)
			loop_once(s->seats[i].home.loop, 0);
	for (size_t i = 0; i < s->n_seats; i++) {
		while ((n = list_first(&s->seats[i].conns)))
			http_conn_cut(CONTAINER_OF(n, struct http_conn, node));
		conn_home_done(&s->seats[i].home);
	}
	mem_free(s->seats);
	mem_free(s);
}

size_t http_server_conns(const struct http_server *s, const struct loop *l)
{
	for (size_t i = 0; i < s->n_seats; i++)
		if (s->seats[i].home.loop == l)
			return s->seats[i].home.n;
	return 0;
}
