/* Messages on streams of one association: {stream, ppid - 50, length, octets}... A first
 * octet of 0xff resets a stream, 0xfe sends on it. Links channel.c. */
#include "base/buf.h"
#include "rtc/channel.h"

#include <stdlib.h>

static size_t n_seen;

static int on_send(void *owner, uint16_t stream, uint32_t ppid, struct bytes m,
		   enum assoc_order order)
{
	(void)owner;
	(void)ppid;
	(void)order;
	if (m.n == 0)
		abort(); /* SCTP has no empty messages */
	return stream % 5 == 4 ? -11 : 0;
}

static int on_reset(void *owner, uint16_t stream)
{
	(void)owner;
	(void)stream;
	return 0;
}

static void on_open(void *owner, uint16_t stream, struct bytes label)
{
	(void)owner;
	(void)stream;
	if (label.n > CHANNEL_LABEL_MAX)
		abort();
	for (size_t i = 0; i < label.n; i++)
		n_seen += label.p[i];
}

static void on_message(void *owner, uint16_t stream, enum channel_kind kind, struct bytes m)
{
	(void)owner;
	(void)stream;
	(void)kind;
	for (size_t i = 0; i < m.n; i++)
		n_seen += m.p[i];
}

static void on_close(void *owner, uint16_t stream)
{
	(void)owner;
	(void)stream;
}

static const struct channel_ops ops = { on_send, on_reset, on_open, on_message, on_close };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct channel_open o;
	struct channels *c = NULL;
	struct buf dump = { 0 };

	if (channel_open_parse(bytes_of(p, n), &o) == CHANNEL_OK &&
	    o.label.n + o.protocol.n + 12 != n)
		abort();
	if (channels_new(&c, &ops, NULL) != 0)
		return 0;
	for (size_t off = 0; n - off >= 3;) {
		uint16_t stream = p[off];
		size_t len = MIN(p[off + 2], n - off - 3);
		struct bytes m = bytes_of(p + off + 3, len);

		if (stream == 0xff)
			channels_on_reset(c, p[off + 1]);
		else if (stream == 0xfe)
			(void)channel_send(c, p[off + 1], CHANNEL_TEXT, m);
		else
			(void)channels_input(c, stream, 50u + p[off + 1] % 9, m);
		off += 3 + len;
	}
	channels_on_writable(c);
	if (channels_count(c) > CHANNELS_MAX)
		abort();
	channels_dump(c, &dump);
	buf_done(&dump);
	channels_free(c);
	return 0;
}
