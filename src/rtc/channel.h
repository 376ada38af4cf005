/* channel.h - the data channels of one call: DCEP, and which stream is which.
 *
 * RFC 8832 (DATA_CHANNEL_OPEN and ACK), RFC 8831 sections 6.6 and 8 (messages, PPIDs).
 * Sans-I/O: SCTP messages in by channels_input(), out through ops.send. The browser
 * opens channels; we never do. Not thread-safe. A channel is known by its stream.
 */
#pragma once

#include "base/bytes.h"
#include "rtc/assoc.h"

struct buf;
struct channels;

enum {
	CHANNELS_MAX = 32,       /* open at once; one more is reset      */
	CHANNEL_LABEL_MAX = 256, /* octets; of the protocol name as well */
};

/* Payload protocol identifiers (RFC 8831, 8; IANA). 52 and 54 are deprecated. */
enum channel_ppid {
	PPID_DCEP = 50,
	PPID_STRING = 51,
	PPID_BINARY = 53,
	PPID_STRING_EMPTY = 56,
	PPID_BINARY_EMPTY = 57,
};

enum channel_kind { CHANNEL_TEXT, CHANNEL_BINARY };

enum channel_verdict {
	CHANNEL_OK,
	CHANNEL_MALFORMED, /* not DCEP as RFC 8832 has it: dropped, counted        */
	CHANNEL_UNKNOWN,   /* a message on a stream that nobody opened, or that is
			    * closing, or with another PPID: dropped, counted      */
	CHANNEL_REFUSED,   /* one channel too many: reset, counted                 */
	CHANNEL_NO_MEMORY, /* the open channel could not be kept: reset, counted   */
};

/* What an OPEN says; a view into the message. */
struct channel_open {
	uint8_t type;         /* RFC 8832, 5.1; 0x80: unordered */
	uint16_t priority;
	uint32_t reliability; /* retransmissions or ms, by type */
	struct bytes label, protocol;
};

MUST_USE enum channel_verdict channel_open_parse(struct bytes m, struct channel_open *out);

/* send and reset are assoc_send() and assoc_reset() or the like, with their results. The
 * others may call channel_send() and channel_close(), but not channels_free(). */
struct channel_ops {
	int (*send)(void *owner, uint16_t stream, uint32_t ppid, struct bytes message,
		    enum assoc_order order);
	int (*reset)(void *owner, uint16_t stream);
	void (*on_open)(void *owner, uint16_t stream, struct bytes label);
	void (*on_message)(void *owner, uint16_t stream, enum channel_kind kind, struct bytes m);
	void (*on_close)(void *owner, uint16_t stream);
};

MUST_USE int channels_new(struct channels **out, const struct channel_ops *ops, void *owner);
void channels_free(struct channels *c); /* calls no op */
AUTO_DEF(channels)

/* From assoc's on_message, on_reset and on_writable. */
MUST_USE enum channel_verdict channels_input(struct channels *c, uint16_t stream, uint32_t ppid,
					     struct bytes message);
void channels_on_reset(struct channels *c, uint16_t stream);
void channels_on_writable(struct channels *c); /* ACKs that found no room */

/* ops.send's result, or -ENOTCONN when the stream is not an open channel. Empty is fine. */
MUST_USE int channel_send(struct channels *c, uint16_t stream, enum channel_kind kind,
			  struct bytes message);
/* Close our side (RFC 8831, 6.7); on_close follows when the peer has closed its own. */
MUST_USE int channel_close(struct channels *c, uint16_t stream);

size_t channels_count(const struct channels *c); /* open ones */
void channels_dump(const struct channels *c, struct buf *to);
