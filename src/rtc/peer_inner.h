/* peer_inner.h - what peer.c (datagrams, audio, time) and peer_offer.c (offers and answers)
 * share. Nobody else includes it.
 */
#pragma once

#include "rtc/data.h"
#include "rtc/ice.h"
#include "rtc/peer.h"
#include "rtc/rtpsec.h"

enum peer_state {
	PEER_NEW,         /* no offer answered yet                            */
	PEER_CHECKING,    /* answered; waits for a valid check                */
	PEER_HANDSHAKING, /* there is a path; DTLS runs                       */
	PEER_MEDIA,       /* keys are there, the last flight of DTLS is not   */
	PEER_CONNECTED,   /* data may flow, too                               */
	PEER_CLOSED,      /* for good                                         */
};

enum { PEER_ID_LEN = 16 };

struct peer {
	struct env env;
	const struct peer_ops *ops;
	void *owner;
	enum peer_state state;
	struct ice *ice;
	struct dtls *dtls;
	struct rtpsec *rtpsec;
	struct cert *cert;
	struct loop *loop;
	struct sctp_service *sctp;
	struct data *data; /* NULL before on_connected and without a data section */

	/* Agreed by the last offer. */
	struct stream audio;
	bool has_data;
	uint32_t max_message; /* octets the peer takes */
	size_t n_sections;
	char their_ufrag[257], their_pwd[257];
	struct fingerprint fingerprint;
	enum dtls_role role;

	/* For our answers. */
	uint64_t session_id;
	uint32_t version;
	char stream_id[PEER_ID_LEN + 1], track_id[PEER_ID_LEN + 1];
	struct addr candidates[ANSWER_CANDIDATES_MAX];
	size_t n_candidates;

	struct peer_stats stats;
};

void peer_set_state(struct peer *p, enum peer_state to);
/* The call ends by itself: everything is at rest before the owner hears of it. */
void peer_finish(struct peer *p, enum peer_end why);
/* Once the offer has a data section and DTLS is up, whichever comes last. */
MUST_USE int peer_open_data(struct peer *p);
