#include "rtc/channel.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/buf.h"

/* RFC 8832, 5.1:
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |  Message Type |  Channel Type |            Priority           |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                    Reliability Parameter                      |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |         Label Length          |       Protocol Length         |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |  Label, then Protocol                                         |
 */
enum {
	DCEP_ACK = 0x02,  /* RFC 8832, 8.2.1 */
	DCEP_OPEN = 0x03,
	OPEN_HEADER = 12,
	TYPE_UNORDERED = 0x80,
	TYPE_MAX = 0x02,  /* reliable, limited by retransmissions, limited by time */
};

struct channel {
	enum { CHANNEL_FREE, CHANNEL_OPEN, CHANNEL_CLOSING } state;
	uint16_t stream;
	uint8_t type;
	bool owes_ack; /* there was no room for it yet */
	char *label;
};

struct channels {
	const struct channel_ops *ops;
	void *owner;
	struct channel table[CHANNELS_MAX];
	uint64_t n_in, n_out, n_bad[CHANNEL_NO_MEMORY + 1];
};

/* --- parsing ------------------------------------------------------------- */

enum channel_verdict channel_open_parse(struct bytes m, struct channel_open *out)
{
	if (m.n < OPEN_HEADER || m.p[0] != DCEP_OPEN || (m.p[1] & 0x7f) > TYPE_MAX)
		return CHANNEL_MALFORMED;
	size_t label = be16(m.p + 8), protocol = be16(m.p + 10);

	if (label > CHANNEL_LABEL_MAX || protocol > CHANNEL_LABEL_MAX ||
	    m.n != OPEN_HEADER + label + protocol)
		return CHANNEL_MALFORMED;
	*out = (struct channel_open){
		.type = m.p[1],
		.priority = be16(m.p + 2),
		.reliability = be32(m.p + 4),
		.label = bytes_sub(m, OPEN_HEADER, label),
		.protocol = bytes_sub(m, OPEN_HEADER + label, protocol),
	};
	return CHANNEL_OK;
}

/* --- the table ----------------------------------------------------------- */

static struct channel *find(struct channels *c, uint16_t stream)
{
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		if (c->table[i].state != CHANNEL_FREE && c->table[i].stream == stream)
			return &c->table[i];
	return NULL;
}

static struct channel *find_free(struct channels *c)
{
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		if (c->table[i].state == CHANNEL_FREE)
			return &c->table[i];
	return NULL;
}

static void clear(struct channel *ch)
{
	mem_free(ch->label);
	*ch = (struct channel){ .state = CHANNEL_FREE };
}

size_t channels_count(const struct channels *c)
{
	size_t n = 0;

	for (size_t i = 0; i < CHANNELS_MAX; i++)
		n += c->table[i].state == CHANNEL_OPEN;
	return n;
}

int channels_new(struct channels **out, const struct channel_ops *ops, void *owner)
{
	struct channels *c = mem_zalloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->ops = ops;
	c->owner = owner;
	*out = c;
	return 0;
}

void channels_free(struct channels *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		clear(&c->table[i]);
	mem_free(c);
}

/* --- in ------------------------------------------------------------------ */

/* RFC 8832, 6: the ACK goes ordered on the same stream. */
static void acknowledge(struct channels *c, struct channel *ch)
{
	static const uint8_t ack[] = { DCEP_ACK };
	int r = c->ops->send(c->owner, ch->stream, PPID_DCEP, bytes_of(ack, sizeof(ack)),
			     ASSOC_ORDERED);

	ch->owes_ack = r == -EAGAIN;
}

static enum channel_verdict refuse(struct channels *c, uint16_t stream, enum channel_verdict v)
{
	(void)c->ops->reset(c->owner, stream);
	return v;
}

/* RFC 8832, 6 lets the parity of the stream follow from the DTLS role. As we open none
 * there can be no clash: either is taken. */
static enum channel_verdict take_open(struct channels *c, uint16_t stream, struct bytes m)
{
	struct channel_open o;
	enum channel_verdict v = channel_open_parse(m, &o);

	if (v != CHANNEL_OK)
		return v;
	if (find(c, stream))
		return CHANNEL_MALFORMED; /* open already: the first one counts */
	struct channel *ch = find_free(c);
	if (!ch)
		return refuse(c, stream, CHANNEL_REFUSED);
	char *label = mem_zalloc(o.label.n + 1);
	if (!label)
		return refuse(c, stream, CHANNEL_NO_MEMORY);
	if (o.label.n)
		memcpy(label, o.label.p, o.label.n);
	*ch = (struct channel){ CHANNEL_OPEN, stream, o.type, false, label };
	acknowledge(c, ch);
	c->ops->on_open(c->owner, stream, o.label);
	return CHANNEL_OK;
}

static enum channel_verdict take_dcep(struct channels *c, uint16_t stream, struct bytes m)
{
	if (m.n == 0)
		return CHANNEL_MALFORMED;
	if (m.p[0] == DCEP_OPEN)
		return take_open(c, stream, m);
	return m.p[0] == DCEP_ACK && m.n == 1 ? CHANNEL_UNKNOWN : CHANNEL_MALFORMED;
}

static enum channel_verdict deliver(struct channels *c, uint16_t stream, enum channel_kind kind,
				    struct bytes m)
{
	struct channel *ch = find(c, stream);

	if (!ch || ch->state != CHANNEL_OPEN)
		return CHANNEL_UNKNOWN;
	c->n_in++;
	c->ops->on_message(c->owner, stream, kind, m);
	return CHANNEL_OK;
}

/* One row per PPID we understand. An empty message travels as one octet (RFC 8831, 6.6). */
static const struct ppid_row {
	uint32_t ppid;
	enum channel_kind kind;
	bool is_dcep, is_empty;
} ppids[] = {
	{ PPID_DCEP, CHANNEL_BINARY, true, false },
	{ PPID_STRING, CHANNEL_TEXT, false, false },
	{ PPID_BINARY, CHANNEL_BINARY, false, false },
	{ PPID_STRING_EMPTY, CHANNEL_TEXT, false, true },
	{ PPID_BINARY_EMPTY, CHANNEL_BINARY, false, true },
};

static const struct ppid_row *find_ppid(uint32_t ppid)
{
	for (size_t i = 0; i < ARRAY_LEN(ppids); i++)
		if (ppids[i].ppid == ppid)
			return &ppids[i];
	return NULL;
}

enum channel_verdict channels_input(struct channels *c, uint16_t stream, uint32_t ppid,
				    struct bytes m)
{
	const struct ppid_row *row = find_ppid(ppid);
	enum channel_verdict v = CHANNEL_UNKNOWN;

	if (row && row->is_dcep)
		v = take_dcep(c, stream, m);
	else if (row)
		v = deliver(c, stream, row->kind, row->is_empty ? bytes_of("", 0) : m);
	if (v != CHANNEL_OK)
		c->n_bad[v]++;
	return v;
}

void channels_on_reset(struct channels *c, uint16_t stream)
{
	struct channel *ch = find(c, stream);

	if (!ch)
		return;
	clear(ch);
	c->ops->on_close(c->owner, stream);
}

void channels_on_writable(struct channels *c)
{
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		if (c->table[i].state == CHANNEL_OPEN && c->table[i].owes_ack)
			acknowledge(c, &c->table[i]);
}

/* --- out ----------------------------------------------------------------- */

/* Ordered or not is as the channel was opened (RFC 8832, 6); we always send reliably, which
 * a receiver cannot tell from luck. */
int channel_send(struct channels *c, uint16_t stream, enum channel_kind kind, struct bytes m)
{
	struct channel *ch = find(c, stream);
	uint32_t full = kind == CHANNEL_TEXT ? PPID_STRING : PPID_BINARY;
	uint32_t empty = kind == CHANNEL_TEXT ? PPID_STRING_EMPTY : PPID_BINARY_EMPTY;

	if (!ch || ch->state != CHANNEL_OPEN)
		return -ENOTCONN;
	int r = c->ops->send(c->owner, stream, m.n ? full : empty, m.n ? m : bytes_of("", 1),
			     ch->type & TYPE_UNORDERED && !ch->owes_ack ? ASSOC_UNORDERED :
									  ASSOC_ORDERED);
	c->n_out += r == 0;
	return r;
}

int channel_close(struct channels *c, uint16_t stream)
{
	struct channel *ch = find(c, stream);

	if (!ch || ch->state != CHANNEL_OPEN)
		return -ENOTCONN;
	int r = c->ops->reset(c->owner, stream);

	if (r == 0)
		ch->state = CHANNEL_CLOSING;
	return r;
}

void channels_dump(const struct channels *c, struct buf *to)
{
	static const char *const states[] = { "free", "open", "closing" };

	for (size_t i = 0; i < CHANNELS_MAX; i++) {
		const struct channel *ch = &c->table[i];

		if (ch->state != CHANNEL_FREE)
			buf_printf(to, "channel stream=%u state=%s type=%#x label_octets=%zu\n",
				   ch->stream, states[ch->state], ch->type, strlen(ch->label));
	}
	buf_printf(to, "channels in=%llu out=%llu malformed=%llu unknown=%llu refused=%llu\n",
		   (unsigned long long)c->n_in, (unsigned long long)c->n_out,
		   (unsigned long long)c->n_bad[CHANNEL_MALFORMED],
		   (unsigned long long)c->n_bad[CHANNEL_UNKNOWN],
		   (unsigned long long)c->n_bad[CHANNEL_REFUSED]);
}
