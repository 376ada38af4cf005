#include "net/dial.h"

#include "net/net_test.h"

struct outcome {
	int fd, n;
	struct addr to;
};

static void outcome_auto_(struct outcome *o)
{
	if (o->fd > 0)
		close(o->fd);
}

static void on_done(void *owner, int fd, const struct addr *to)
{
	struct outcome *o = owner;

	o->fd = fd;
	o->to = *to;
	o->n++;
}

static void on_accept(void *owner, int fd, const struct addr *peer)
{
	(void)peer;
	++*(int *)owner;
	close(fd);
}

static void listener_auto_(struct listener **l)
{
	listen_free(*l);
}

static bool open_door(struct listener **out, struct loop *l, struct addr *at, int *n_accepted)
{
	static const struct listen_ops ops = { on_accept };
	char why[LISTEN_WHY];

	return addr_parse(bytes_str("127.0.0.1:0"), at) && listen_probe(at, why) == LISTEN_OK &&
	       listen_open(out, l, at, &ops, n_accepted, why) == LISTEN_OK;
}

static bool wait_done(struct loop *l, const struct outcome *o)
{
	for (uint64_t end = now_ms() + 5000; now_ms() < end && !o->n;)
		loop_once(l, 1);
	return o->n == 1;
}

static void connects_by_address_and_by_name(void)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost" };
	AUTO(loop) struct loop *l = NULL;
	CHECK_EQ(loop_new(&l, 0), 0);
	AUTO(listener) struct listener *door = NULL;
	struct addr at;
	int n_accepted = 0;
	CHECK(open_door(&door, l, &at, &n_accepted));

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		AUTO(outcome) struct outcome o = { 0 };
		struct dial *d;

		CHECK_EQ(dial_start(&d, &(struct dial_params){ .loop = l, .host = hosts[i],
							       .port = at.port }, on_done, &o), 0);
		CHECK_EQ(o.n, 0);
		CHECK(wait_done(l, &o));
		CHECK(o.fd > 0);
		CHECK(addr_eq(&o.to, &at));
		loop_once(l, 2);
		CHECK_EQ(n_accepted, i + 1);
	}
}

static void says_why_not(void)
{
	AUTO(loop) struct loop *l = NULL;
	CHECK_EQ(loop_new(&l, 0), 0);
	struct addr at;
	char why[LISTEN_WHY];
	CHECK(addr_parse(bytes_str("127.0.0.1:0"), &at) && listen_probe(&at, why) == LISTEN_OK);
	char too_long[400];
	memset(too_long, 'a', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = 0;
	const struct {
		const char *host;
		int error;
	} cases[] = {
		{ "127.0.0.1", -ECONNREFUSED },
		{ "no-such-host.invalid", -EHOSTUNREACH },
		{ too_long, -EHOSTUNREACH },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(outcome) struct outcome o = { 0 };
		struct dial *d;

		CHECK_EQ(dial_start(&d, &(struct dial_params){ .loop = l, .host = cases[i].host,
							       .port = at.port }, on_done, &o), 0);
		CHECK(wait_done(l, &o));
		CHECK_EQ(o.fd, cases[i].error);
	}
}

static void can_be_given_up(void)
{
	AUTO(loop) struct loop *l = NULL;
	CHECK_EQ(loop_new(&l, 0), 0);
	AUTO(outcome) struct outcome o = { 0 };
	struct dial *d = NULL;

	CHECK_EQ(dial_start(&d, &(struct dial_params){ .loop = l, .host = "localhost", .port = 1 },
			    on_done, &o), 0);
	dial_free(d);
	CHECK_EQ(dial_start(&d, &(struct dial_params){ .loop = l, .host = "127.0.0.1", .port = 1 },
			    on_done, &o), 0);
	dial_free(d);
	dial_free(NULL);
	loop_once(l, 5);
	CHECK_EQ(o.n, 0);
}

TESTS({ "connects_by_address_and_by_name", connects_by_address_and_by_name },
      { "says_why_not", says_why_not }, { "can_be_given_up", can_be_given_up })
