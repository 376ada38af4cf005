/* data.h - the data channels of one call on their SCTP association: assoc and channel joined.
 *
 * RFC 8831. SCTP packets in and out (DTLS carries them, peer.c), messages in and out. The
 * association begins when the object is made. One thread, the loop's; ops are called there.
 */
#pragma once

#include "base/buf.h"

struct data;
struct loop;
struct sctp_service;

/* Bytes are borrowed for the call. An op may call anything here but data_free(). */
struct data_ops {
	void (*output)(void *owner, struct bytes packet);
	void (*on_open)(void *owner, uint16_t channel, struct bytes label);
	void (*on_close)(void *owner, uint16_t channel); /* by the peer, or with the association */
	void (*on_message)(void *owner, uint16_t channel, struct bytes message, bool is_text);
	void (*on_writable)(void *owner);
	void (*on_dropped)(void *owner); /* a message on no open channel, or malformed DCEP */
};

/* 0 or -errno. All is borrowed until data_free(). */
MUST_USE int data_new(struct data **out, struct sctp_service *sctp, struct loop *loop,
		      const struct data_ops *ops, void *owner);
void data_free(struct data *d); /* calls no op */
AUTO_DEF(data)

/* No op is called from now on, and nothing goes out: what an op may do instead of freeing. */
void data_stop(struct data *d);

void data_input(struct data *d, struct bytes packet);

/* Text. 0; -ENOTCONN: no such channel, or stopped; -EAGAIN: full, wait for on_writable;
 * -EMSGSIZE; -ENOMEM. Copies. */
MUST_USE int data_send(struct data *d, uint16_t channel, struct bytes text);

void data_dump(const struct data *d, struct buf *to);
