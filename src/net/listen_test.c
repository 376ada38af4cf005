#include "net/listen.h"
#include "base/test.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "net/net_test.h"

struct door {
	struct loop *loop;
	struct listener *listener;
	unsigned n;
	struct addr peer;
};

static void on_accept(void *owner, int fd, const struct addr *peer)
{
	struct door *d = owner;

	d->n++;
	d->peer = *peer;
	close(fd);
}

static const struct listen_ops ops = { on_accept };

static void door_auto_(struct door *d)
{
	listen_free(d->listener);
	loop_free(d->loop);
}

static bool door_open(struct door *d, struct addr *at)
{
	char why[LISTEN_WHY];

	return loop_new(&d->loop, 0) == 0 &&
	       (at->port != 0 || listen_probe(at, why) == LISTEN_OK) &&
	       listen_open(&d->listener, d->loop, at, &ops, d, why) == LISTEN_OK;
}

static void two_loops_share_a_port(void)
{
	AUTO(door) struct door a = { 0 }, b = { 0 };
	struct addr at;
	CHECK(addr_parse(bytes_str("127.0.0.1:0"), &at));
	CHECK(door_open(&a, &at) && door_open(&b, &at));

	for (int i = 0; i < 20; i++) {
		AUTO(client) struct client c = { .loops = { a.loop, b.loop } };
		CHECK(client_open(&c, &at) && client_sees_end(&c));
	}
	CHECK_EQ(a.n + b.n, 20);
	CHECK(a.peer.family == ADDR_V4 || b.peer.family == ADDR_V4);
}

static void says_that_a_port_is_taken(void)
{
	AUTO(door) struct door a = { 0 };
	char why[LISTEN_WHY] = "", want[LISTEN_WHY];
	struct addr at, elsewhere;
	CHECK(addr_parse(bytes_str("127.0.0.1:0"), &at) && door_open(&a, &at));

	CHECK_EQ(listen_probe(&at, why), LISTEN_IN_USE);
	snprintf(want, sizeof(want), "cannot listen on 127.0.0.1:%u: another program is using it",
		 (unsigned)at.port);
	CHECK_STR(why, want);

	CHECK(addr_parse(bytes_str("192.0.2.1:0"), &elsewhere));
	CHECK_EQ(listen_probe(&elsewhere, why), LISTEN_NO_ADDRESS);

	/* UDP alone is enough to be taken. */
	struct addr free_port;
	CHECK(addr_parse(bytes_str("127.0.0.1:0"), &free_port));
	CHECK_EQ(listen_probe(&free_port, why), LISTEN_OK);
	int udp = listen_socket(&free_port, SOCK_DGRAM, LISTEN_SHARED);
	CHECK(udp >= 0);
	enum listen_verdict v = listen_probe(&free_port, why);
	close(udp);
	CHECK_EQ(v, LISTEN_IN_USE);
}

static void takes_both_families_on_any_address(void)
{
	AUTO(door) struct door a = { 0 };
	struct addr at, v4;
	CHECK(addr_parse(bytes_str("[::]:0"), &at) && addr_parse(bytes_str("127.0.0.1"), &v4));
	char why[LISTEN_WHY];
	if (listen_probe(&at, why) != LISTEN_OK)
		return; /* a machine without IPv6 */
	CHECK(door_open(&a, &at));

	AUTO(client) struct client c = { .loops = { a.loop } };
	v4.port = at.port;
	CHECK(client_open(&c, &v4) && client_sees_end(&c));
	CHECK_EQ(a.peer.family, ADDR_V4);
}

/* Without the descriptor in reserve the loop would be told of the connection for ever. */
static void refuses_when_descriptors_are_out(void)
{
	AUTO(door) struct door a = { 0 };
	AUTO(client) struct client c = { 0 }, late = { 0 };
	struct addr at;
	struct rlimit before, tight;
	CHECK(addr_parse(bytes_str("127.0.0.1:0"), &at) && door_open(&a, &at));

	c.loops[0] = late.loops[0] = a.loop;
	CHECK(client_open(&c, &at));
	int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC); /* the first number that is free */
	CHECK(lowest >= 0);
	close(lowest);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	tight.rlim_cur = (rlim_t)lowest;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
	bool ended = client_sees_end(&c);
	unsigned n = a.n;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
	CHECK(ended);
	CHECK_EQ(n, 0);
	CHECK(client_open(&late, &at) && client_sees_end(&late));
	CHECK_EQ(a.n, 1);
}

TESTS({ "two_loops_share_a_port", two_loops_share_a_port },
      { "says_that_a_port_is_taken", says_that_a_port_is_taken },
      { "takes_both_families_on_any_address", takes_both_families_on_any_address },
      { "refuses_when_descriptors_are_out", refuses_when_descriptors_are_out })
