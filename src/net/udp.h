/* udp.h - one UDP socket per loop, all on the same number.
 *
 * Bound with SO_REUSEPORT: the kernel spreads flows over the loops by their addresses;
 * the layer above hands a datagram on when its session lives elsewhere. Receives in
 * batches of 32; each wake-up asks the clock once. Sending is synchronous, without a
 * queue: a full socket drops the datagram and counts it, as the network would.
 * On the loop's thread only. A socket on "::" serves IPv4 as well.
 */
#pragma once

#include "net/listen.h"

struct udp;

struct udp_ops {
	/* RT. `data` is valid during the call. May send; must not free the socket. */
	void (*on_datagram)(void *owner, struct bytes data, const struct addr *from,
			    uint64_t now_us);
};

MUST_USE enum listen_verdict udp_open(struct udp **out, struct loop *l, const struct addr *at,
				      const struct udp_ops *ops, void *owner,
				      char why[static LISTEN_WHY]);
void udp_free(struct udp *u); /* before its loop is freed */
AUTO_DEF(udp)

/* RT. One datagram; dropped and counted when the socket is full or the network refuses. */
void udp_send(struct udp *u, struct bytes data, const struct addr *to);

struct udp_counts {
	uint64_t received, sent, dropped; /* datagrams; dropped: of those to be sent */
	uint64_t truncated;               /* longer than UDP_MAX, not delivered      */
};
enum { UDP_MAX = 2048 }; /* nothing of ours is longer than an Ethernet frame */

const struct udp_counts *udp_counts(const struct udp *u);
void udp_local(const struct udp *u, struct addr *out);
