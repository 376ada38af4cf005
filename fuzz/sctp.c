/* What comes out of DTLS as data: one end is the call's (rtc/data.c), the other a true peer
 * whose packets can be changed, and around both a stranger who makes packets of his own:
 * {kind, length, octets}...: a packet as it is; chunks that get a right header; a message, a
 * reset, a packet to change, of the peer; a message of ours; time. usrsctp's thread is left
 * out: all runs here, in virtual time, so that a finding can be reproduced.
 * Links: librtc but its sctp_service.c, libbase. */
#include "rtc/sctp_service.c"

#include "base/loop.h"
#include "rtc/channel.h"
#include "rtc/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { PACKET, CHUNKS, MESSAGE, RESET, CHANGE, SEND, WAIT, KINDS };

static struct world {
	struct loop *loop;
	struct sctp_service service;
	struct data *data;
	struct assoc *other;
	uint64_t now_us;
	uint8_t tag[4]; /* what packets to `data` carry (RFC 9260, 3.1) */
	uint8_t where, what; /* the next packet is changed so */
	size_t n_octets;
} w;

static void to_data(uint8_t *p, size_t n)
{
	if (!w.data || n < HEADER)
		return;
	put_be32(p + 8, 0);
	uint32_t sum = usrsctp_crc32c(p, n);
	memcpy(p + 8, &sum, sizeof(sum));
	data_input(w.data, bytes_of(p, n));
}

static void on_data_output(void *owner, struct bytes packet)
{
	(void)owner;
	if (packet.n > ASSOC_PACKET_MAX)
		abort();
	if (w.other)
		assoc_input(w.other, packet);
}

static void on_other_output(void *owner, struct bytes packet)
{
	uint8_t copy[ASSOC_PACKET_MAX];

	(void)owner;
	memcpy(copy, packet.p, packet.n);
	if (packet.n >= HEADER && be32(copy + 4))
		memcpy(w.tag, copy + 4, sizeof(w.tag));
	copy[w.where * packet.n / 256] ^= w.what;
	w.what = 0;
	to_data(copy, packet.n);
}

static void on_open(void *owner, uint16_t channel, struct bytes label)
{
	(void)owner;
	(void)channel;
	if (label.n > CHANNEL_LABEL_MAX)
		abort();
}

static void on_close(void *owner, uint16_t channel)
{
	(void)owner;
	(void)channel;
}

static void on_text(void *owner, uint16_t channel, struct bytes m, bool is_text)
{
	(void)owner;
	(void)channel;
	(void)is_text;
	if (m.n > ASSOC_MESSAGE_MAX)
		abort();
	for (size_t i = 0; i < m.n; i++)
		w.n_octets += m.p[i];
}

static void on_message(void *owner, uint16_t stream, uint32_t ppid, struct bytes m)
{
	(void)ppid;
	on_text(owner, stream, m, true);
}

static void nothing(void *owner)
{
	(void)owner;
}

static void on_end(void *owner, enum assoc_end why)
{
	(void)owner;
	(void)why;
}

static const struct data_ops data_ops = {
	.output = on_data_output,
	.on_open = on_open,
	.on_close = on_close,
	.on_message = on_text,
	.on_writable = nothing,
	.on_dropped = nothing,
};
static const struct assoc_ops other_ops = {
	.output = on_other_output,
	.on_up = nothing,
	.on_message = on_message,
	.on_reset = on_close,
	.on_writable = nothing,
	.on_end = on_end,
};

/* What the service's thread and the loop would do, until neither has anything to do. */
static void pump(void)
{
	for (int i = 0; i < 50; i++) {
		struct list work;

		list_take(&work, &w.service.down);
		if (i && list_empty(&work))
			return;
		for (struct node *n; (n = list_pop(&work));) {
			struct item *it = CONTAINER_OF(n, struct item, node);

			runs[it->kind](&w.service, it);
		}
		loop_once(w.loop, 0);
	}
}

static void wait_ms(unsigned ms)
{
	for (unsigned i = 0; i < ms; i += 10) {
		w.now_us += TICK_US;
		tick(&w.service, w.now_us);
	}
	pump();
}

static void init(void)
{
	if (w.loop)
		return;
	if (loop_new(&w.loop, 0) != 0)
		abort();
	init_usrsctp();
	pthread_mutex_init(&w.service.lock, NULL);
	pthread_cond_init(&w.service.more, NULL);
	list_init(&w.service.down);
	list_init(&w.service.open);
	process.service = &w.service;
}

static void chunks(struct bytes d)
{
	uint8_t packet[ASSOC_PACKET_MAX];
	size_t n = MIN(d.n, sizeof(packet) - HEADER);

	put_be16(packet, PORT);
	put_be16(packet + 2, PORT);
	memcpy(packet + 4, w.tag, sizeof(w.tag));
	if (n)
		memcpy(packet + HEADER, d.p, n);
	to_data(packet, HEADER + n);
}

static void one(unsigned kind, struct bytes d)
{
	struct bytes rest = bytes_sub(d, MIN(d.n, (size_t)2), d.n - MIN(d.n, (size_t)2));
	uint8_t a = d.n > 0 ? d.p[0] : 0, b = d.n > 1 ? d.p[1] : 0;

	switch (kind) {
	case PACKET:
		data_input(w.data, d);
		break;
	case CHUNKS:
		chunks(d);
		break;
	case MESSAGE:
		(void)!assoc_send(w.other, a, 50u + b % 9, rest,
				  b & 128 ? ASSOC_UNORDERED : ASSOC_ORDERED);
		break;
	case RESET:
		(void)!assoc_reset(w.other, a);
		break;
	case CHANGE:
		w.where = a;
		w.what = b;
		break;
	case SEND:
		(void)!data_send(w.data, a, rest);
		break;
	default:
		wait_ms(10u * (a % 64));
	}
	pump();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	init();
	if (data_new(&w.data, &w.service, w.loop, &data_ops, NULL) != 0 ||
	    assoc_new(&w.other, &w.service, w.loop, &other_ops, NULL) != 0)
		abort();
	w.what = 0;
	if (n && p[0] & 1) /* else its beginning is changed as well */
		pump();
	for (size_t off = 1; off < n && n - off >= 3;) {
		size_t len = MIN(be16(p + off + 1), n - off - 3);

		one(p[off] % KINDS, bytes_of(p + off + 3, len));
		off += 3 + len;
	}
	data_free(w.data);
	assoc_free(w.other);
	w.data = NULL;
	w.other = NULL;
	pump();
	wait_ms(50);
	return 0;
}
