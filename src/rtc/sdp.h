/* sdp.h - offers of WebRTC clients taken apart, and what we choose to take of them.
 *
 * RFC 8866 (SDP), RFC 8829 (JSEP), RFC 9143 (BUNDLE), RFC 8839 (ICE in SDP), RFC 8842
 * (DTLS in SDP), RFC 8841 (data channels), RFC 8122 (fingerprints).
 * We take at most one audio section and one data channel section, on one transport; every
 * other section is to be answered with port 0 (answer.h). Candidates in an offer are not
 * read: as ICE-lite we learn the peer's addresses from its checks.
 * Pure; reentrant; no heap.
 */
#pragma once

#include "base/bytes.h"
#include "rtc/dtls.h"

enum {
	SDP_MAX = 64 * 1024,
	SDP_SECTIONS_MAX = 32,
	SDP_DATA_PORT = 5000,
	SDP_DATA_MAX = 262144, /* octets of a message that we take; also what Chromium says */
};

/* What to tell the client: each goes with a sentence. Ours to keep apart from the others
 * is only SDP_NO_MEMORY, which is no fault of the offer. */
enum sdp_verdict {
	SDP_OK,
	SDP_TOO_LARGE,      /* over SDP_MAX octets or SDP_SECTIONS_MAX sections            */
	SDP_MALFORMED,      /* not SDP; the sentence names the line's kind                 */
	SDP_NO_MEDIA,       /* neither audio we can speak nor a data channel               */
	SDP_NO_ICE,         /* credentials missing, or the peer is ICE-lite as we are      */
	SDP_NO_FINGERPRINT, /* none with SHA-256 or better: we do not speak in the clear   */
	SDP_NO_MUX,         /* audio without rtcp-mux                                      */
	SDP_NOT_POSSIBLE,   /* a second offer wants what this call cannot change           */
	SDP_NO_MEMORY,
};

enum sdp_codec { SDP_OPUS, SDP_PCMU, SDP_PCMA, SDP_DTMF_48000, SDP_DTMF_8000, SDP_CODECS };
enum sdp_kind { SDP_KIND_OTHER, SDP_KIND_AUDIO, SDP_KIND_DATA };
enum sdp_setup { SDP_SETUP_NONE, SDP_ACTPASS, SDP_ACTIVE, SDP_PASSIVE, SDP_HOLDCONN };

/* As bits: what the offerer does. */
enum sdp_direction { SDP_INACTIVE = 0, SDP_SEND = 1, SDP_RECV = 2, SDP_SENDRECV = 3 };

enum { SDP_NO_PT = 255 };

/* One "m=" section of an offer. The session level has the same shape: what it says holds
 * for sections that say nothing. Strings borrow from the offer's text. */
struct sdp_section {
	enum sdp_kind kind;
	struct bytes media, proto, fmt; /* as in m=, to be repeated in the answer */
	struct bytes mid;               /* absent: none                           */
	bool rejected;                  /* port 0, and not bundle-only            */
	bool bundled;                   /* its mid is in the BUNDLE group          */
	bool accepted;                  /* what sdp_parse() chose                  */
	struct bytes ufrag, pwd;
	bool has_fingerprint;
	struct fingerprint fingerprint;
	enum sdp_setup setup;
	bool has_direction;
	enum sdp_direction direction;
	bool rtcp_mux, rtcp_rsize, bundle_only, ice_lite;
	uint8_t pt[SDP_CODECS];       /* payload types as the offerer numbers them, or SDP_NO_PT */
	uint8_t ext_mid, ext_level;   /* header extension ids, 1..14; 0: not offered        */
	uint16_t sctp_port;           /* 0: not said                                        */
	bool has_max_message;
	uint32_t max_message; /* 0 after has_max_message: no limit                          */
	uint32_t listed[4];   /* payload types in m=, one bit each                          */
};

struct sdp_offer {
	struct sdp_section session;
	size_t n_sections;
	struct sdp_section sections[SDP_SECTIONS_MAX];
	struct bytes bundle; /* the mids of the BUNDLE group, in order; absent: no group */

	/* Indices of accepted sections, or -1. */
	int audio, data;
	int tagged; /* the one that carries the transport in the answer (RFC 9143, 7.3.1) */
	enum sdp_codec codec;  /* of the audio section                                      */
	uint8_t pt, pt_dtmf;   /* SDP_NO_PT: no audio; no telephone-event                   */
	uint32_t max_message;  /* largest message the peer takes; UINT32_MAX: no limit      */
	/* The transport, wherever in the offer it stands. */
	struct bytes ufrag, pwd;
	struct fingerprint fingerprint;
	enum sdp_setup setup;
};

/* *out is a view of `text`. On any verdict but SDP_OK *out is unspecified and *why a
 * sentence for the client, a constant. */
MUST_USE enum sdp_verdict sdp_parse(struct bytes text, struct sdp_offer *out, const char **why);

/* What we do with a section, seen from our side. */
enum sdp_direction sdp_our_direction(const struct sdp_section *s);

/* Indices of the accepted sections in the order of the BUNDLE group, one per call; -1 at the
 * end. *rest begins as o->bundle. */
int sdp_next_bundled(const struct sdp_offer *o, struct bytes *rest);

const char *sdp_encoding(enum sdp_codec c); /* "opus/48000/2" */
const char *sdp_verdict_name(enum sdp_verdict v);
