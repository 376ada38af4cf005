#include "leg/calls.h"

#include "base/json.h"
#include "base/loop.h"
#include "base/test.h"
#include "leg/call_rig.h"

/* Two loops; the call lives on number 1. */
struct office {
	struct call call;
	struct loop *loop0;
	struct calls *all[2];
	unsigned n_sent;
};

static void office_auto_(struct office *o)
{
	if (o->all[1] && calls_count(o->all[1]))
		calls_remove(o->all[1], o->call.webrtc);
	call_hang_up(&o->call);
	loop_free(o->loop0); /* what is posted there runs now */
	loop_free(o->call.loop);
	o->call.loop = NULL;
	calls_free(o->all[0]);
	calls_free(o->all[1]);
	call_auto_(&o->call);
}

static void sent(void *ctx, const struct addr *to, struct bytes datagram)
{
	(void)to, (void)datagram;
	((struct office *)ctx)->n_sent++;
}

/* By the socket of the loop that the browser's datagrams reach. */
static void arrive(struct client *browser, struct bytes d, const struct addr *from)
{
	struct call *c = (struct call *)browser;

	calls_datagram(c->calls, d, from, browser->f.now_us);
}

static bool office_open(struct office *o)
{
	struct calls_params p = { .all = o->all, .n = 2, .ctx = o, .send = sent };

	json_init();
	if (!call_init(&o->call, 1) || loop_new(&o->loop0, 0) != 0)
		return false;
	p.loop = o->loop0;
	if (calls_new(&o->all[0], &p) != 0)
		return false;
	p.loop = o->call.loop;
	if (calls_new(&o->all[1], &p) != 0)
		return false;
	o->call.calls = o->all[1];
	o->call.browser.to_peer = arrive;
	return offer(&o->call.browser, &(struct offer){ 0 }) == SDP_OK;
}

static void turn(struct office *o)
{
	for (int i = 0; i < 3; i++) {
		loop_once(o->loop0, 0);
		loop_once(o->call.loop, 0);
	}
}

static uint64_t strangers(const struct office *o, size_t i)
{
	return calls_stats(o->all[i])->strangers;
}

static const uint8_t hello[64] = { 22, 0xfe, 0xff }; /* a DTLS record */

static void nobodys_datagrams_are_dropped(void)
{
	AUTO(office) struct office o = { 0 };
	struct addr stranger;

	CHECK(office_open(&o));
	CHECK(addr_parse(bytes_str("198.51.100.1:1"), &stranger));
	calls_datagram(o.all[1], bytes_of(hello, sizeof(hello)), &stranger, 0);
	calls_datagram(o.all[1], bytes_of(hello, 0), &stranger, 0);
	calls_datagram(o.all[1], bytes_of("\0\1", 2), &stranger, 0);
	CHECK_EQ(strangers(&o, 1), 3);
	/* The user fragment names a loop, but the call is not known there (yet). */
	check(&o.call.browser, &o.call.browser.addr);
	CHECK_EQ(strangers(&o, 1), 4);
	CHECK(o.call.browser.n_wire == 0);
}

static void a_check_finds_its_call_and_makes_its_address_known(void)
{
	AUTO(office) struct office o = { 0 };
	struct client *b = &o.call.browser;

	CHECK(office_open(&o));
	CHECK_EQ(calls_add(o.all[1], o.call.webrtc), 0);
	CHECK_EQ(calls_count(o.all[1]), 1);
	b->pwd[0] ^= 1; /* not authentic: makes no entry */
	check(b, &b->addr);
	calls_datagram(o.all[1], bytes_of(hello, sizeof(hello)), &b->addr, b->f.now_us);
	CHECK_EQ(strangers(&o, 1), 1);
	b->pwd[0] ^= 1;
	client_start(b, DTLS_SERVER);
	CHECK(b->dtls);
	check(b, &b->addr);
	pump(b); /* the handshake goes by the address alone */
	CHECK(b->sec);
	CHECK_EQ(strangers(&o, 1), 1);
	CHECK_EQ(calls_stats(o.all[1])->handed, 0);
	calls_remove(o.all[1], o.call.webrtc);
	CHECK_EQ(calls_count(o.all[1]), 0);
	calls_datagram(o.all[1], bytes_of(hello, sizeof(hello)), &b->addr, b->f.now_us);
	CHECK_EQ(strangers(&o, 1), 2);
}

/* The kernel gives datagrams to either loop: they reach the call all the same. */
static void the_wrong_loop_hands_over(void)
{
	AUTO(office) struct office o = { 0 };
	struct client *b = &o.call.browser;

	CHECK(office_open(&o));
	CHECK_EQ(calls_add(o.all[1], o.call.webrtc), 0);
	o.call.calls = o.all[0];
	client_start(b, DTLS_SERVER);
	CHECK(b->dtls);
	calls_datagram(o.all[0], bytes_of(hello, sizeof(hello)), &b->addr, b->f.now_us);
	CHECK_EQ(strangers(&o, 0), 1); /* not known yet */
	check(b, &b->addr);
	CHECK_EQ(calls_stats(o.all[0])->handed, 1);
	CHECK_EQ(b->n_wire, 0);
	turn(&o);
	CHECK(b->n_wire > 0);
	for (int i = 0; i < 10 && !b->sec && !mem_failed(); i++) {
		pump(b);
		turn(&o);
	}
	CHECK(b->sec);
	CHECK_EQ(strangers(&o, 0), 1);
	CHECK_EQ(calls_stats(o.all[0])->lost, 0);
	CHECK(calls_stats(o.all[0])->handed > 1);
	/* After the call what still arrives is handed over, and nobody's there. */
	calls_remove(o.all[1], o.call.webrtc);
	calls_datagram(o.all[0], bytes_of(hello, sizeof(hello)), &b->addr, b->f.now_us);
	turn(&o);
	CHECK_EQ(strangers(&o, 1), 1);
}

static void what_is_too_long_is_not_handed_over(void)
{
	static uint8_t huge[PEER_DATAGRAM_MAX + 1] = { 22 };
	AUTO(office) struct office o = { 0 };
	struct client *b = &o.call.browser;

	CHECK(office_open(&o));
	CHECK_EQ(calls_add(o.all[1], o.call.webrtc), 0);
	o.call.calls = o.all[0];
	check(b, &b->addr);
	turn(&o);
	calls_datagram(o.all[0], bytes_of(huge, sizeof(huge)), &b->addr, b->f.now_us);
	CHECK_EQ(strangers(&o, 0), 1);
	calls_datagram(o.all[0], bytes_of(huge, PEER_DATAGRAM_MAX), &b->addr, b->f.now_us);
	CHECK_EQ(calls_stats(o.all[0])->handed, 2);
}

static void a_loop_sends_from_its_own_socket(void)
{
	AUTO(office) struct office o = { 0 };

	CHECK(office_open(&o));
	calls_send(o.all[0], &o.call.browser.addr, bytes_str("x"));
	CHECK_EQ(o.n_sent, 1);
}

TESTS({ "nobodys_datagrams_are_dropped", nobodys_datagrams_are_dropped },
      { "a_check_finds_its_call_and_makes_its_address_known",
	a_check_finds_its_call_and_makes_its_address_known },
      { "the_wrong_loop_hands_over", the_wrong_loop_hands_over },
      { "what_is_too_long_is_not_handed_over", what_is_too_long_is_not_handed_over },
      { "a_loop_sends_from_its_own_socket", a_loop_sends_from_its_own_socket })
