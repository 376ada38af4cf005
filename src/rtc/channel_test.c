#include "rtc/channel.h"
#include "base/test.h"

#include <errno.h>

#include "base/buf.h"

/* What Chromium sends for createDataChannel("oai-events"). */
static const uint8_t chromium[] = {
	0x03, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x00,
	0x00, 'o',  'a',  'i',	'-',  'e',  'v',  'e',	'n',  't',  's',
};

struct log {
	struct buf text;
	int send_result;
};

static int on_send(void *o, uint16_t stream, uint32_t ppid, struct bytes m, enum assoc_order order)
{
	struct log *l = o;

	if (l->send_result == 0)
		buf_printf(&l->text, "send %u %u %zu%s;", stream, ppid, m.n,
			   order == ASSOC_UNORDERED ? " u" : "");
	return l->send_result;
}

static int on_reset(void *o, uint16_t stream)
{
	buf_printf(&((struct log *)o)->text, "reset %u;", stream);
	return 0;
}

static void on_open(void *o, uint16_t stream, struct bytes label)
{
	buf_printf(&((struct log *)o)->text, "open %u %.*s;", stream, (int)label.n,
		   (const char *)label.p);
}

static void on_message(void *o, uint16_t stream, enum channel_kind kind, struct bytes m)
{
	buf_printf(&((struct log *)o)->text, "%s %u '%.*s';",
		   kind == CHANNEL_TEXT ? "text" : "binary", stream, (int)m.n, (const char *)m.p);
}

static void on_close(void *o, uint16_t stream)
{
	buf_printf(&((struct log *)o)->text, "close %u;", stream);
}

static const struct channel_ops ops = { on_send, on_reset, on_open, on_message, on_close };

static inline void log_auto_(struct log *l)
{
	buf_done(&l->text);
}

static const char *said(struct log *l)
{
	l->text.n = 0;
	return l->text.p ? (const char *)l->text.p : "";
}

static struct bytes open_message(void)
{
	return bytes_of(chromium, sizeof(chromium));
}

static void opens_talks_and_closes(void)
{
	AUTO(log) struct log l = { 0 };
	AUTO(channels) struct channels *c = NULL;
	AUTO(buf) struct buf dump = { 0 };

	CHECK_EQ(channels_new(&c, &ops, &l), 0);
	CHECK_EQ(channels_input(c, 1, PPID_DCEP, open_message()), CHANNEL_OK);
	CHECK_STR(said(&l), "send 1 50 1;open 1 oai-events;");
	CHECK_EQ(channels_count(c), 1);
	CHECK_EQ(channels_input(c, 1, PPID_STRING, bytes_str("{}")), CHANNEL_OK);
	CHECK_EQ(channels_input(c, 1, PPID_BINARY, bytes_str("ab")), CHANNEL_OK);
	CHECK_EQ(channels_input(c, 1, PPID_STRING_EMPTY, bytes_of("", 1)), CHANNEL_OK);
	CHECK_EQ(channels_input(c, 1, PPID_BINARY_EMPTY, bytes_of("", 1)), CHANNEL_OK);
	CHECK_STR(said(&l), "text 1 '{}';binary 1 'ab';text 1 '';binary 1 '';");
	CHECK_EQ(channel_send(c, 1, CHANNEL_TEXT, bytes_str("hello")), 0);
	CHECK_EQ(channel_send(c, 1, CHANNEL_BINARY, bytes_str("hello")), 0);
	CHECK_EQ(channel_send(c, 1, CHANNEL_TEXT, bytes_str("")), 0);
	CHECK_EQ(channel_send(c, 1, CHANNEL_BINARY, bytes_of(NULL, 0)), 0);
	CHECK_STR(said(&l), "send 1 51 5;send 1 53 5;send 1 56 1;send 1 57 1;");
	CHECK_EQ(channel_send(c, 2, CHANNEL_TEXT, bytes_str("x")), -ENOTCONN);
	channels_dump(c, &dump);
	CHECK(!dump.failed && strstr((char *)dump.p, "stream=1 state=open"));

	CHECK_EQ(channel_close(c, 1), 0);
	CHECK_EQ(channel_close(c, 1), -ENOTCONN);
	CHECK_EQ(channels_input(c, 1, PPID_STRING, bytes_str("late")), CHANNEL_UNKNOWN);
	channels_on_reset(c, 1);
	channels_on_reset(c, 1);
	CHECK_STR(said(&l), "reset 1;close 1;");
	CHECK_EQ(channels_count(c), 0);
	CHECK_EQ(channels_input(c, 1, PPID_DCEP, open_message()), CHANNEL_OK); /* used again */
	channels_on_reset(c, 1);
	CHECK_STR(said(&l), "send 1 50 1;open 1 oai-events;close 1;");
}

static void unordered_stays_unordered(void)
{
	AUTO(log) struct log l = { 0 };
	AUTO(channels) struct channels *c = NULL;
	uint8_t m[sizeof(chromium)];

	memcpy(m, chromium, sizeof(m));
	m[1] = 0x81;
	CHECK_EQ(channels_new(&c, &ops, &l), 0);
	CHECK_EQ(channels_input(c, 5, PPID_DCEP, bytes_of(m, sizeof(m))), CHANNEL_OK);
	CHECK_EQ(channel_send(c, 5, CHANNEL_TEXT, bytes_str("x")), 0);
	CHECK_STR(said(&l), "send 5 50 1;open 5 oai-events;send 5 51 1 u;");
}

static void an_ack_waits_for_room(void)
{
	AUTO(log) struct log l = { .send_result = -EAGAIN };
	AUTO(channels) struct channels *c = NULL;

	CHECK_EQ(channels_new(&c, &ops, &l), 0);
	CHECK_EQ(channels_input(c, 1, PPID_DCEP, open_message()), CHANNEL_OK);
	channels_on_writable(c);
	CHECK_STR(said(&l), "open 1 oai-events;");
	l.send_result = 0;
	channels_on_writable(c);
	channels_on_writable(c);
	CHECK_STR(said(&l), "send 1 50 1;");
}

static void one_too_many_is_reset(void)
{
	AUTO(log) struct log l = { 0 };
	AUTO(channels) struct channels *c = NULL;

	CHECK_EQ(channels_new(&c, &ops, &l), 0);
	for (uint16_t i = 0; i < CHANNELS_MAX; i++)
		CHECK_EQ(channels_input(c, i, PPID_DCEP, open_message()), CHANNEL_OK);
	(void)said(&l);
	CHECK_EQ(channels_input(c, 40, PPID_DCEP, open_message()), CHANNEL_REFUSED);
	CHECK_STR(said(&l), "reset 40;");
	channels_on_reset(c, 3);
	CHECK_EQ(channels_input(c, 40, PPID_DCEP, open_message()), CHANNEL_OK);
	CHECK_EQ(channels_count(c), CHANNELS_MAX);
}

static void what_is_not_dcep_is_dropped(void)
{
	AUTO(log) struct log l = { 0 };
	AUTO(channels) struct channels *c = NULL;
	struct channel_open o;
	uint8_t m[13 + CHANNEL_LABEL_MAX];

	CHECK_EQ(channels_new(&c, &ops, &l), 0);
	for (size_t n = 0; n < sizeof(chromium); n++) { /* each truncation */
		CHECK_EQ(channel_open_parse(bytes_of(chromium, n), &o), CHANNEL_MALFORMED);
		CHECK_EQ(channels_input(c, 1, PPID_DCEP, bytes_of(chromium, n)), CHANNEL_MALFORMED);
	}
	memset(m, 'x', sizeof(m));
	memcpy(m, chromium, sizeof(chromium)); /* octets too many */
	CHECK_EQ(channel_open_parse(bytes_of(m, sizeof(chromium) + 1), &o), CHANNEL_MALFORMED);
	m[1] = 0x03; /* no such type */
	CHECK_EQ(channel_open_parse(bytes_of(m, sizeof(chromium)), &o), CHANNEL_MALFORMED);
	m[1] = 0x82;
	CHECK_EQ(channel_open_parse(bytes_of(m, sizeof(chromium)), &o), CHANNEL_OK);
	CHECK(o.type == 0x82 && o.priority == 256 && o.reliability == 0 && o.label.n == 10);
	put_be16(m + 8, CHANNEL_LABEL_MAX);
	CHECK_EQ(channel_open_parse(bytes_of(m, 12 + CHANNEL_LABEL_MAX), &o), CHANNEL_OK);
	put_be16(m + 8, CHANNEL_LABEL_MAX + 1);
	CHECK_EQ(channel_open_parse(bytes_of(m, 13 + CHANNEL_LABEL_MAX), &o), CHANNEL_MALFORMED);
	put_be16(m + 8, 0);
	put_be16(m + 10, 4);
	CHECK_EQ(channel_open_parse(bytes_of(m, 16), &o), CHANNEL_OK);
	CHECK(o.label.n == 0 && o.protocol.n == 4);

	CHECK_EQ(channels_input(c, 1, PPID_STRING, bytes_str("x")), CHANNEL_UNKNOWN);
	CHECK_EQ(channels_input(c, 1, PPID_DCEP, bytes_str("\x02")), CHANNEL_UNKNOWN);
	CHECK_EQ(channels_input(c, 1, PPID_DCEP, bytes_str("\x02x")), CHANNEL_MALFORMED);
	CHECK_EQ(channels_input(c, 1, 52, bytes_str("x")), CHANNEL_UNKNOWN);
	CHECK_STR(said(&l), "");
	CHECK_EQ(channels_input(c, 1, PPID_DCEP, open_message()), CHANNEL_OK);
	CHECK_EQ(channels_input(c, 1, PPID_DCEP, open_message()), CHANNEL_MALFORMED);
	CHECK_EQ(channels_input(c, 1, 54, bytes_str("x")), CHANNEL_UNKNOWN);
	CHECK_STR(said(&l), "send 1 50 1;open 1 oai-events;");
}

TESTS({ "opens_talks_and_closes", opens_talks_and_closes },
      { "unordered_stays_unordered", unordered_stays_unordered },
      { "an_ack_waits_for_room", an_ack_waits_for_room },
      { "one_too_many_is_reset", one_too_many_is_reset },
      { "what_is_not_dcep_is_dropped", what_is_not_dcep_is_dropped })
