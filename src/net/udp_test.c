#include "net/udp.h"
#include "base/test.h"

#include "net/net_test.h"

struct ear {
	struct loop *loop;
	struct udp *udp;
	unsigned n;
	struct addr from;
	struct buf data;
	uint64_t now_us;
	bool echo;
};

static void on_datagram(void *owner, struct bytes data, const struct addr *from, uint64_t now_us)
{
	struct ear *e = owner;

	e->n++;
	e->from = *from;
	e->now_us = now_us;
	buf_put(&e->data, data.p, data.n);
	if (e->echo)
		udp_send(e->udp, data, from);
}

static const struct udp_ops ops = { on_datagram };

static void ear_auto_(struct ear *e)
{
	udp_free(e->udp);
	loop_free(e->loop);
	buf_done(&e->data);
}

static bool ear_open(struct ear *e, const char *at)
{
	char why[LISTEN_WHY];
	struct addr a;

	return loop_new(&e->loop, 0) == 0 && addr_parse(bytes_str(at), &a) &&
	       listen_probe(&a, why) == LISTEN_OK &&
	       udp_open(&e->udp, e->loop, &a, &ops, e, why) == LISTEN_OK;
}

static void turn_until(struct ear *a, struct ear *b, const struct ear *whose, unsigned n)
{
	for (int i = 0; i < 2000 && whose->n < n; i++) {
		loop_once(a->loop, 0);
		loop_once(b->loop, 0);
		if (whose->n < n)
			nap();
	}
}

static void sends_and_hears(void)
{
	AUTO(ear) struct ear a = { 0 }, b = { .echo = true };
	struct addr to, from;
	CHECK(ear_open(&a, "127.0.0.1:0") && ear_open(&b, "127.0.0.1:0"));

	udp_local(a.udp, &from);
	udp_local(b.udp, &to);
	for (int i = 0; i < 100; i++)
		udp_send(a.udp, bytes_str("x"), &to);
	udp_send(a.udp, bytes_str(""), &to);
	turn_until(&a, &b, &a, 101);
	CHECK_EQ(b.n, 101);
	CHECK_EQ(a.n, 101);
	CHECK_EQ(a.data.n, 100);
	CHECK(addr_eq(&b.from, &from) && addr_eq(&a.from, &to));
	CHECK(b.now_us > 0 && b.now_us <= loop_now_us(b.loop));
	CHECK_EQ(udp_counts(a.udp)->sent, 101);
	CHECK_EQ(udp_counts(b.udp)->received, 101);
}

static void serves_both_families_on_one_socket(void)
{
	AUTO(ear) struct ear a = { 0 }, b = { .echo = true };
	struct addr to, from;
	if (!ear_open(&b, "[::]:0"))
		return; /* a machine without IPv6 */
	CHECK(ear_open(&a, "127.0.0.1:0"));

	udp_local(b.udp, &from);
	CHECK(addr_parse(bytes_str("127.0.0.1"), &to));
	to.port = from.port;
	udp_send(a.udp, bytes_str("hi"), &to);
	turn_until(&a, &b, &a, 1);
	CHECK_EQ(a.n, 1);
	CHECK_EQ(b.from.family, ADDR_V4); /* not a mapped one */
	CHECK(addr_eq(&a.from, &to));
}

static void drops_what_cannot_go(void)
{
	static uint8_t big[UDP_MAX + 1];
	AUTO(ear) struct ear a = { 0 }, b = { 0 };
	struct addr to, none = { 0 }, v6;
	CHECK(ear_open(&a, "127.0.0.1:0") && ear_open(&b, "127.0.0.1:0"));

	udp_local(b.udp, &to);
	CHECK(addr_parse(bytes_str("[::1]:9"), &v6));
	udp_send(a.udp, bytes_str("x"), &none);
	udp_send(a.udp, bytes_str("x"), &v6); /* the wrong family for this socket */
	CHECK_EQ(udp_counts(a.udp)->dropped, 2);
	udp_send(a.udp, bytes_of(big, sizeof(big)), &to);
	udp_send(a.udp, bytes_of(big, UDP_MAX), &to);
	turn_until(&a, &b, &b, 1);
	CHECK_EQ(b.data.n, UDP_MAX);
	CHECK_EQ(udp_counts(b.udp)->truncated, 1);
}

TESTS({ "sends_and_hears", sends_and_hears },
      { "serves_both_families_on_one_socket", serves_both_families_on_one_socket },
      { "drops_what_cannot_go", drops_what_cannot_go })
