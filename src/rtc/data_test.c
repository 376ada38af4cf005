#include "rtc/data.h"

#include <errno.h>

#include "base/loop.h"
#include "base/test.h"
#include "rtc/assoc.h"
#include "rtc/channel.h"

/* Data on one end, a bare association on the other. usrsctp runs in real time. */
enum { PATIENCE_US = 3 * US_PER_S };

struct world {
	struct loop *loop;
	struct sctp_service *service;
	struct data *data;
	struct assoc *other;
	unsigned n_open, n_close, n_message, n_dropped, n_ack, n_reset;
	char label[32], said[32], heard[32];
};

static void on_output(void *owner, struct bytes packet)
{
	struct world *w = owner;

	if (w->other)
		assoc_input(w->other, packet);
}

static void on_open(void *owner, uint16_t channel, struct bytes label)
{
	struct world *w = owner;

	w->n_open += channel == 1;
	snprintf(w->label, sizeof(w->label), "%.*s", (int)label.n, (const char *)label.p);
}

static void on_close(void *owner, uint16_t channel)
{
	((struct world *)owner)->n_close += channel == 1;
}

static void on_message(void *owner, uint16_t channel, struct bytes m, bool is_text)
{
	struct world *w = owner;

	w->n_message++;
	snprintf(w->said, sizeof(w->said), "%.*s", (int)m.n, (const char *)m.p);
	if (is_text && data_send(w->data, channel, bytes_str("hello too")) != 0)
		w->n_message = 0;
}

static void on_writable(void *owner)
{
	(void)owner;
}

static void on_dropped(void *owner)
{
	((struct world *)owner)->n_dropped++;
}

static const struct data_ops ops = {
	.output = on_output,
	.on_open = on_open,
	.on_close = on_close,
	.on_message = on_message,
	.on_writable = on_writable,
	.on_dropped = on_dropped,
};

static void on_other_output(void *owner, struct bytes packet)
{
	struct world *w = owner;

	if (w->data)
		data_input(w->data, packet);
}

static void on_other_message(void *owner, uint16_t stream, uint32_t ppid, struct bytes m)
{
	struct world *w = owner;

	w->n_ack += stream == 1 && ppid == PPID_DCEP;
	if (ppid == PPID_STRING)
		snprintf(w->heard, sizeof(w->heard), "%.*s", (int)m.n, (const char *)m.p);
}

static void on_other_reset(void *owner, uint16_t stream)
{
	((struct world *)owner)->n_reset += stream == 1;
}

static void nothing(void *owner)
{
	(void)owner;
}

static void on_other_end(void *owner, enum assoc_end why)
{
	(void)owner, (void)why;
}

static const struct assoc_ops other_ops = {
	.output = on_other_output,
	.on_up = nothing,
	.on_message = on_other_message,
	.on_reset = on_other_reset,
	.on_writable = nothing,
	.on_end = on_other_end,
};

static void world_auto_(struct world *w)
{
	data_free(w->data);
	assoc_free(w->other);
	sctp_service_free(w->service);
	loop_free(w->loop);
}

static bool world_init(struct world *w)
{
	return loop_new(&w->loop, 0) == 0 && sctp_service_new(&w->service) == 0 &&
	       data_new(&w->data, w->service, w->loop, &ops, w) == 0 &&
	       assoc_new(&w->other, w->service, w->loop, &other_ops, w) == 0;
}

static bool until(struct world *w, const unsigned *count)
{
	uint64_t end = loop_now_us(w->loop) + PATIENCE_US;

	while (*count == 0 && loop_now_us(w->loop) < end && !mem_failed())
		loop_once(w->loop, 1);
	return *count != 0;
}

static void messages_both_ways(void)
{
	static const char open[] = "\x03\0\0\0\0\0\0\0\0\x04\0\0chat";
	AUTO(world) struct world w = { 0 };
	AUTO(buf) struct buf dump = { 0 };

	CHECK(world_init(&w));
	CHECK_EQ(data_send(w.data, 1, bytes_str("x")), -ENOTCONN);
	CHECK(assoc_send(w.other, 1, PPID_DCEP, bytes_of(open, sizeof(open) - 1),
			 ASSOC_ORDERED) == 0);
	CHECK(until(&w, &w.n_open));
	CHECK_STR(w.label, "chat");
	CHECK(until(&w, &w.n_ack));
	CHECK(assoc_send(w.other, 1, PPID_STRING, bytes_str("hello"), ASSOC_ORDERED) == 0);
	CHECK(until(&w, &w.n_message));
	CHECK_STR(w.said, "hello");
	while (!w.heard[0] && !mem_failed())
		loop_once(w.loop, 1);
	CHECK_STR(w.heard, "hello too");

	CHECK(assoc_send(w.other, 5, PPID_STRING, bytes_str("nobody"), ASSOC_ORDERED) == 0);
	CHECK(until(&w, &w.n_dropped));
	data_dump(w.data, &dump);
	CHECK(!dump.failed && strstr((char *)dump.p, "stream=1"));

	CHECK(assoc_reset(w.other, 1) == 0);
	CHECK(until(&w, &w.n_close));
	data_stop(w.data);
	CHECK_EQ(data_send(w.data, 1, bytes_str("x")), -ENOTCONN);
	data_input(w.data, bytes_str("x"));
}

TESTS({ "messages_both_ways", messages_both_ways })
