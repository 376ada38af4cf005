/* assoc.h - one SCTP association of a call, run by one thread for the whole process.
 *
 * RFC 9260 (SCTP), RFC 8261 (over DTLS), RFC 8831 section 6 (streams of data
 * channels), RFC 6525 (stream reset). A struct assoc belongs to a loop: its functions
 * are called there, and so are its ops. The work is done on the thread of the struct
 * sctp_service; what crosses is copied.
 *
 * Both sides connect, to port 5000 from port 5000, as SDP said (RFC 8841).
 */
#pragma once

#include "base/bytes.h"
#include "rtc/sctp_service.h"

struct buf;
struct loop;
struct assoc;

enum {
	ASSOC_STREAMS = 64,               /* each way; 65,535 would cost megabytes per call */
	ASSOC_MESSAGE_MAX = 256 * 1024,   /* octets, each way; a longer one ends it         */
	ASSOC_RECEIVE_MAX = 1024 * 1024,  /* octets: the window we offer, and reassembly    */
	ASSOC_SEND_MAX = 512 * 1024,      /* octets waiting with us; as many inside usrsctp */
	ASSOC_INPUT_MAX = 256 * 1024,     /* octets of packets waiting for the thread       */
	ASSOC_PACKET_MAX = 1148,          /* octets of one output(); see DTLS_PAYLOAD_MAX   */
	ASSOC_MAX = 16384,                /* per process                                    */
};

enum assoc_order { ASSOC_ORDERED, ASSOC_UNORDERED };

enum assoc_end {
	ASSOC_CLOSED,    /* the peer shut it down or aborted it                    */
	ASSOC_LOST,      /* too many retransmissions, or it never came up          */
	ASSOC_TOO_LONG,  /* the peer sent a message over ASSOC_MESSAGE_MAX         */
	ASSOC_NO_MEMORY, /* something could not be kept that must not be lost      */
	ASSOC_FAILED,    /* usrsctp refused to open it                             */
};

/* All on the loop; each may call assoc_free(). Bytes are borrowed for the call. */
struct assoc_ops {
	void (*output)(void *owner, struct bytes packet); /* to the peer, by dtls_write() */
	void (*on_up)(void *owner);
	void (*on_message)(void *owner, uint16_t stream, uint32_t ppid, struct bytes message);
	void (*on_reset)(void *owner, uint16_t stream); /* the peer closed it; we did, too */
	void (*on_writable)(void *owner); /* once after each -EAGAIN, when half is gone   */
	void (*on_end)(void *owner, enum assoc_end why); /* once, nothing after it        */
};

/* Begins to connect at once. `ops` is borrowed until assoc_free(); the service and the
 * loop live longer. 0 or -ENOMEM. */
MUST_USE int assoc_new(struct assoc **out, struct sctp_service *s, struct loop *loop,
		       const struct assoc_ops *ops, void *owner);
/* Aborts it. No op is called after this returns. The peer is not told: DTLS does. */
void assoc_free(struct assoc *a);
AUTO_DEF(assoc)

/* A packet from the peer, out of dtls_read(). Copied; dropped when over a limit (as a
 * network might: SCTP sends it again). */
void assoc_input(struct assoc *a, struct bytes packet);

/* Copies. 0; -EAGAIN when ASSOC_SEND_MAX octets wait; -EMSGSIZE when empty or over
 * ASSOC_MESSAGE_MAX; -EINVAL for a stream we do not have; -ENOTCONN after on_end;
 * -ENOMEM. What is sent before on_up waits for it. */
MUST_USE int assoc_send(struct assoc *a, uint16_t stream, uint32_t ppid, struct bytes message,
			enum assoc_order order);
/* Close our side of a stream (RFC 8831, 6.7), after what has been sent on it. */
MUST_USE int assoc_reset(struct assoc *a, uint16_t stream);

const char *assoc_end_name(enum assoc_end e);
void assoc_dump(const struct assoc *a, struct buf *to);
