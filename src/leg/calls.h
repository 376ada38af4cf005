/* calls.h - the WebRTC calls of one loop, and which datagram is whose.
 *
 * All loops receive on the same UDP port, and the kernel spreads datagrams over them by
 * address; a call belongs to one loop. The ICE user fragment in a STUN request names that
 * loop and the call. Once a call has validated an address, everything from there is its
 * own; the loop on which such datagrams arrive is told and hands them over. Only an
 * authenticated check makes an entry, so a stranger cannot turn a call's packets away.
 *
 * Each struct calls is touched by its own loop only; what crosses is posted. A datagram on
 * the wrong loop costs one copy and one post.
 */
#pragma once

#include "base/addr.h"
#include "leg/webrtc.h"

struct calls;

enum {
	CALLS_MAX = 4096,      /* per loop */
	CALLS_BUCKETS = 4096,
};

struct calls_stats {
	uint64_t strangers; /* datagrams of nobody: dropped unread */
	uint64_t handed;    /* to other loops                      */
	uint64_t lost;      /* not handed: the other loop is full  */
};

/* `all` is the array of every loop's calls (n of them, this one at loop_index(loop)); it is
 * filled before any loop runs. `send` sends from this loop's socket. */
struct calls_params {
	struct loop *loop;
	struct calls *const *all;
	size_t n;
	void *ctx;
	void (*send)(void *ctx, const struct addr *to, struct bytes datagram);
};

MUST_USE int calls_new(struct calls **out, const struct calls_params *p);
void calls_free(struct calls *c); /* after its calls have been removed */
AUTO_DEF(calls)

/* From this loop's socket. RT */
void calls_datagram(struct calls *c, struct bytes d, const struct addr *from, uint64_t now_us);

/* −ENOSPC: CALLS_MAX. The webrtc is borrowed until calls_remove(). */
MUST_USE int calls_add(struct calls *c, struct webrtc *w);
void calls_remove(struct calls *c, struct webrtc *w);
size_t calls_count(const struct calls *c);

void calls_send(struct calls *c, const struct addr *to, struct bytes datagram);
const struct calls_stats *calls_stats(const struct calls *c);
