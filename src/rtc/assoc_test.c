#include "rtc/assoc.h"
#include "base/test.h"

#include <errno.h>

#include "base/buf.h"
#include "base/loop.h"

enum { PATIENCE_US = 3 * US_PER_S, BIG = 200 * 1024 };

/* Two associations on one loop, and the wire between them. usrsctp runs in real time. */
struct side {
	struct world *world;
	struct assoc *assoc;
	int index;
	bool up;
	int n_ends, n_writable, n_resets;
	enum assoc_end why;
	uint16_t reset_stream;
	uint32_t n_messages, next; /* the number that the next message must carry */
	bool out_of_order;
	size_t longest;
	uint32_t free_after; /* messages; 0: never */
	unsigned n_packets;
	size_t longest_packet;
};

struct world {
	struct loop *loop;
	struct sctp_service *service;
	struct side side[2];
	unsigned lose_every; /* n-th packet; 0: none */
};

static void on_output(void *owner, struct bytes p)
{
	struct side *s = owner, *other = &s->world->side[!s->index];

	s->n_packets++;
	s->longest_packet = MAX(s->longest_packet, p.n);
	if (s->world->lose_every && s->n_packets % s->world->lose_every == 0)
		return;
	if (other->assoc)
		assoc_input(other->assoc, p);
}

static void on_up(void *owner)
{
	((struct side *)owner)->up = true;
}

static void on_message(void *owner, uint16_t stream, uint32_t ppid, struct bytes m)
{
	struct side *s = owner;

	s->n_messages++;
	s->longest = MAX(s->longest, m.n);
	if (m.n < 4 || be32(m.p) != s->next++ || stream != 3 || ppid != 51)
		s->out_of_order = true;
	if (s->free_after && s->n_messages == s->free_after) {
		assoc_free(s->assoc);
		s->assoc = NULL;
	}
}

static void on_reset(void *owner, uint16_t stream)
{
	struct side *s = owner;

	s->n_resets++;
	s->reset_stream = stream;
}

static void on_writable(void *owner)
{
	((struct side *)owner)->n_writable++;
}

static void on_end(void *owner, enum assoc_end why)
{
	struct side *s = owner;

	s->n_ends++;
	s->why = why;
}

static const struct assoc_ops ops = { on_output, on_up, on_message, on_reset, on_writable, on_end };

static inline void world_auto_(struct world *w)
{
	for (int i = 0; i < 2; i++)
		assoc_free(w->side[i].assoc);
	sctp_service_free(w->service);
	loop_free(w->loop);
}

static bool make(struct world *w)
{
	if (loop_new(&w->loop, 0) != 0 || sctp_service_new(&w->service) != 0)
		return false;
	for (int i = 0; i < 2; i++) {
		w->side[i].world = w;
		w->side[i].index = i;
		if (assoc_new(&w->side[i].assoc, w->service, w->loop, &ops, &w->side[i]) != 0)
			return false;
	}
	return true;
}

#define UNTIL(w, cond)                                                                             \
	for (uint64_t end_ = loop_now_us((w)->loop) + PATIENCE_US;                                 \
	     !(cond) && !mem_failed() && loop_now_us((w)->loop) < end_;)                           \
	loop_once((w)->loop, 1)

static bool both_up(struct world *w)
{
	UNTIL(w, w->side[0].up && w->side[1].up);
	return w->side[0].up && w->side[1].up;
}

/* With every allocation failing in turn, a thousand messages would be a million. */
static bool is_oom(void)
{
	return getenv("VOICED_TEST_OOM") != NULL;
}

static unsigned count(unsigned n)
{
	return is_oom() ? 3 : n;
}

static int send_number(struct side *s, uint32_t number, size_t n)
{
	static uint8_t m[ASSOC_MESSAGE_MAX + 1];

	put_be32(m, number);
	return assoc_send(s->assoc, 3, 51, bytes_of(m, n), ASSOC_ORDERED);
}

static void a_thousand_messages_each_way(void)
{
	AUTO(world) struct world w = { 0 };
	const unsigned n = count(1000);

	CHECK(make(&w));
	CHECK(both_up(&w));
	for (unsigned i = 0; i < n; i++)
		for (int k = 0; k < 2; k++)
			CHECK_EQ(send_number(&w.side[k], i, 4 + i % 600), 0);
	UNTIL(&w, w.side[0].n_messages == n && w.side[1].n_messages == n);
	for (int k = 0; k < 2; k++) {
		CHECK_EQ(w.side[k].n_messages, n);
		CHECK(!w.side[k].out_of_order);
		CHECK_EQ(w.side[k].n_ends, 0);
		CHECK(w.side[k].longest_packet <= ASSOC_PACKET_MAX);
	}
}

static void what_is_sent_early_waits(void)
{
	AUTO(world) struct world w = { 0 };

	CHECK(make(&w));
	CHECK_EQ(send_number(&w.side[0], 0, 10), 0);
	UNTIL(&w, w.side[1].n_messages == 1);
	CHECK_EQ(w.side[1].n_messages, 1);
	CHECK(w.side[1].up && !w.side[1].out_of_order);
}

static void long_messages(void)
{
	AUTO(world) struct world w = { 0 };

	CHECK(make(&w));
	CHECK(both_up(&w));
	if (is_oom())
		return;
	CHECK_EQ(send_number(&w.side[0], 0, BIG), 0);
	UNTIL(&w, w.side[1].n_messages == 1);
	CHECK_EQ(w.side[1].longest, BIG);
	CHECK_EQ(w.side[0].longest_packet <= ASSOC_PACKET_MAX, 1);
	CHECK_EQ(send_number(&w.side[0], 1, ASSOC_MESSAGE_MAX), 0);
	UNTIL(&w, w.side[1].n_messages == 2);
	CHECK_EQ(w.side[1].longest, ASSOC_MESSAGE_MAX);
	CHECK(!w.side[1].out_of_order);
}

static void limits(void)
{
	AUTO(world) struct world w = { 0 };
	AUTO(buf) struct buf b = { 0 };
	int r = 0;

	CHECK(make(&w));
	CHECK_EQ(send_number(&w.side[0], 1, ASSOC_MESSAGE_MAX + 1), -EMSGSIZE);
	CHECK_EQ(send_number(&w.side[0], 1, 0), -EMSGSIZE);
	CHECK_EQ(assoc_send(w.side[0].assoc, ASSOC_STREAMS, 51, bytes_str("x"), ASSOC_ORDERED),
		 -EINVAL);
	if (is_oom())
		return;
	uint32_t number = 0;
	for (int i = 0; i < 100 && r == 0; i++) {
		r = send_number(&w.side[0], number, 100000);
		number += r == 0;
	}
	CHECK_EQ(r, -EAGAIN);
	UNTIL(&w, w.side[1].n_messages == number && w.side[0].n_writable);
	CHECK_EQ(w.side[1].n_messages, number);
	CHECK_EQ(w.side[0].n_writable, 1);
	CHECK(!w.side[1].out_of_order);
	assoc_dump(w.side[0].assoc, &b);
	CHECK(!b.failed && strstr((char *)b.p, "ended=0"));
}

static void lost_packets_come_again(void)
{
	AUTO(world) struct world w = { .lose_every = 7 };
	const unsigned n = count(100);

	CHECK(make(&w));
	CHECK(both_up(&w));
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(send_number(&w.side[0], i, 900), 0);
	UNTIL(&w, w.side[1].n_messages == n);
	CHECK_EQ(w.side[1].n_messages, n);
	CHECK(!w.side[1].out_of_order);
}

static void freed_during_traffic(void)
{
	AUTO(world) struct world w = { 0 };
	const unsigned n = count(300);

	CHECK(make(&w));
	CHECK(both_up(&w));
	w.side[1].free_after = n / 2 + 1; /* from inside its own on_message() */
	for (unsigned i = 0; i < n; i++)
		for (int k = 0; k < 2; k++)
			CHECK_EQ(send_number(&w.side[k], i, 800), 0);
	UNTIL(&w, !w.side[1].assoc);
	CHECK(!w.side[1].assoc);
	for (int i = 0; i < 5; i++)
		loop_once(w.loop, 1);
	CHECK_EQ(w.side[1].n_messages, n / 2 + 1);
	/* and the other with what it still has to send, from outside */
	assoc_free(w.side[0].assoc);
	w.side[0].assoc = NULL;
	uint32_t before = w.side[0].n_messages;
	loop_once(w.loop, 2);
	CHECK_EQ(w.side[0].n_messages, before);
}

static void many_come_and_go(void)
{
	AUTO(world) struct world w = { 0 };

	CHECK(make(&w));
	for (unsigned i = 0; i < count(50); i++) {
		for (int k = 0; k < 2; k++) {
			assoc_free(w.side[k].assoc);
			w.side[k].assoc = NULL;
			w.side[k].up = false;
			CHECK_EQ(assoc_new(&w.side[k].assoc, w.service, w.loop, &ops,
					   &w.side[k]), 0);
		}
		if (i % 2 == 0)
			CHECK(both_up(&w));
		CHECK_EQ(w.side[0].n_ends + w.side[1].n_ends, 0);
	}
}

static void a_stream_is_reset_on_both_sides(void)
{
	AUTO(world) struct world w = { 0 };

	CHECK(make(&w));
	CHECK(both_up(&w));
	CHECK_EQ(send_number(&w.side[0], 0, 10), 0);
	CHECK_EQ(assoc_reset(w.side[0].assoc, 3), 0);
	UNTIL(&w, w.side[1].n_resets && w.side[0].n_resets);
	for (unsigned i = 0; i < count(20); i++)
		loop_once(w.loop, 1); /* nor does it go on */
	CHECK_EQ(w.side[1].n_messages, 1); /* before the reset */
	CHECK(w.side[0].n_resets == 1 && w.side[0].reset_stream == 3);
	CHECK(w.side[1].n_resets == 1 && w.side[1].reset_stream == 3);
	CHECK_EQ(assoc_reset(w.side[0].assoc, ASSOC_STREAMS), -EINVAL);
}

static void garbage_is_ignored(void)
{
	AUTO(world) struct world w = { 0 };
	uint8_t g[3000] = { 0 };

	CHECK(make(&w));
	CHECK(both_up(&w));
	for (size_t n = 0; n < sizeof(g); n += is_oom() ? 1000 : 37) {
		for (size_t i = 0; i < n; i++)
			g[i] = (uint8_t)(i * n + 7);
		put_be16(g, 5000);
		put_be16(g + 2, 5000);
		assoc_input(w.side[0].assoc, bytes_of(g, n));
	}
	CHECK_EQ(send_number(&w.side[1], 0, 10), 0);
	UNTIL(&w, w.side[0].n_messages == 1);
	CHECK_EQ(w.side[0].n_messages, 1);
	CHECK_EQ(w.side[0].n_ends, 0);
}

TESTS({ "a_thousand_messages_each_way", a_thousand_messages_each_way },
      { "what_is_sent_early_waits", what_is_sent_early_waits },
      { "long_messages", long_messages }, { "limits", limits },
      { "lost_packets_come_again", lost_packets_come_again },
      { "freed_during_traffic", freed_during_traffic },
      { "many_come_and_go", many_come_and_go },
      { "a_stream_is_reset_on_both_sides", a_stream_is_reset_on_both_sides },
      { "garbage_is_ignored", garbage_is_ignored })
