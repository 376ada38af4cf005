/* answer.h - our answer to an offer.
 *
 * RFC 8829, 5.3 (answers), RFC 8839 (ICE-lite, candidates), RFC 8842, 5.3 (a=setup), RFC 9143,
 * 7.3 (BUNDLE), RFC 8830 (msid, so that the browser's track has a stream). Sections, mids
 * and the order of the group are the offer's; what sdp_parse() did not accept gets port 0.
 */
#pragma once

#include "base/addr.h"
#include "base/buf.h"
#include "rtc/sdp.h"

enum { ANSWER_CANDIDATES_MAX = 16 };

struct answer {
	const struct sdp_offer *offer;
	uint64_t session_id;
	uint32_t version;         /* grows with each answer of a call (RFC 3264, 8)         */
	struct bytes ufrag, pwd;  /* ours */
	const char *fingerprint;  /* as cert_fingerprint() writes it                        */
	enum sdp_setup setup;     /* SDP_ACTIVE or SDP_PASSIVE                              */
	const struct addr *candidates;
	size_t n_candidates;      /* <= ANSWER_CANDIDATES_MAX; more are left out               */
	uint32_t ssrc;
	const char *cname, *stream, *track; /* tokens                                       */
};

/* Appends to `to`. 0 or -ENOMEM. */
MUST_USE int answer_write(const struct answer *a, struct buf *to);
