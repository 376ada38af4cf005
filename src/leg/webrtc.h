/* webrtc.h - one WebRTC call as a leg of its session.
 *
 * Joins a peer (rtc/peer.h), a voice (leg/voice.h) and a session. Events travel on the
 * first data channel that the client opens, whatever its label; the session is attached
 * when it opens, or, where the offer has no data channel, when DTLS is up. A call that is
 * controlled by a socket (VIEW_DATA) does not wait for a channel. One loop.
 *
 * Limits: WEBRTC_EVENTS_MAX octets of events wait for a full channel; then the call is closed.
 */
#pragma once

#include "base/buf.h"
#include "rtc/peer.h"
#include "session/session.h"

struct webrtc;

enum { WEBRTC_EVENTS_MAX = 4 * 1024 * 1024 };

struct webrtc_params {
	struct peer_params peer;
	struct session *session; /* borrowed; outlives the leg */
	enum leg_view view;      /* of its data channel: VIEW_ALL, VIEW_FILTERED or VIEW_DATA */
	void *ctx;
	void (*send)(void *ctx, const struct addr *to, struct bytes datagram);
	/* The call is over and the leg detached: free it (now or later), and the session if
	 * nobody else is attached. Never from inside a call below. */
	void (*on_gone)(void *ctx, struct webrtc *w, const char *why);
};

MUST_USE int webrtc_new(struct webrtc **out, const struct webrtc_params *p);
void webrtc_free(struct webrtc *w);
AUTO_DEF(webrtc)

/* An offer, the first or a later one. As peer_offer(). */
MUST_USE enum sdp_verdict webrtc_offer(struct webrtc *w, struct bytes offer, struct buf *answer,
				       const char **why);
void webrtc_input(struct webrtc *w, struct bytes datagram, const struct addr *from,
		  uint64_t now_us);
/* Say goodbye; on_gone follows. */
void webrtc_hangup(struct webrtc *w, const char *why);

const struct peer *webrtc_peer(const struct webrtc *w);
/* One JSON object for people. */
void webrtc_dump(const struct webrtc *w, struct buf *to);
