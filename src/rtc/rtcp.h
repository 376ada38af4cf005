/* rtcp.h - RTCP: reports in, reports out, and the statistics they carry.
 *
 * RFC 3550 section 6 and appendices A.2 (validity), A.3 (loss), A.8 (jitter);
 * reduced-size packets by RFC 5506. Feedback, APP and XR are skipped: we send one
 * audio stream and repair it with Opus FEC, whose strength follows the reports.
 * Sans-I/O, no heap, reentrant. Integers are host order.
 *
 * The caller unprotects first (SRTCP), so a packet here is from our peer, which
 * may still be wrong: hence verdicts, and no probation of a new source (A.1).
 */
#pragma once

#include "base/bytes.h"

enum rtcp_verdict {
	RTCP_OK,
	RTCP_MALFORMED, /* a length that lies, version not 2, padding inside: drop it all */
};

enum {
	RTCP_REPORTS = 31,   /* as many as five bits count; further blocks are skipped */
	RTCP_BYES = 31,
	RTCP_CNAME_MAX = 255,
	RTCP_INTERVAL_MS = 5000, /* the recommended minimum for two parties (6.2)      */
};

/* One reception report block (6.4.1): how `ssrc` arrives at the reporter. */
struct rtcp_report {
	uint32_t ssrc;
	uint8_t fraction_lost; /* of 256, since the last report */
	int32_t lost;          /* since the beginning; 24 bit   */
	uint32_t highest_seq;  /* extended                      */
	uint32_t jitter;       /* timestamp units               */
	uint32_t lsr, dlsr;    /* 16.16 s; 0: no SR seen        */
};

struct rtcp_sr {
	uint32_t ssrc;
	uint64_t ntp;    /* 32.32 s since 1900: rtcp_ntp() */
	uint32_t rtp_ts; /* of the same instant            */
	uint32_t packets, octets;
};

/* A compound packet, taken apart. `cname` borrows from the packet. */
struct rtcp_view {
	bool has_sr;
	struct rtcp_sr sr;
	uint32_t ssrc; /* who sent the SR or RR; 0: neither was there */
	size_t n_reports, n_byes, n_skipped;
	struct rtcp_report reports[RTCP_REPORTS];
	uint32_t byes[RTCP_BYES];
	struct bytes cname; /* of the first chunk that has one */
};

/* Any verdict but RTCP_OK leaves *out in an unspecified state. */
MUST_USE enum rtcp_verdict rtcp_parse(struct bytes packet, struct rtcp_view *out);

/* What to write: an SR if `sr`, else an RR; then an SDES with the CNAME; then a BYE. */
struct rtcp_out {
	uint32_t ssrc;            /* ours                                           */
	const struct rtcp_sr *sr; /* NULL: nothing was sent since the last report   */
	const struct rtcp_report *reports;
	size_t n_reports;  /* <= RTCP_REPORTS                                       */
	struct bytes cname; /* 1..RTCP_CNAME_MAX octets; absent: no SDES (RFC 5506) */
	bool bye;
};

/* Octets written, a multiple of four. 0: no room. */
MUST_USE size_t rtcp_write(const struct rtcp_out *o, uint8_t *to, size_t room);

/* --- time ------------------------------------------------------------------------ */

uint64_t rtcp_ntp(uint64_t wall_us); /* microseconds since 1970 to 32.32 s since 1900 */

/* The middle 32 bits, as LSR has them. */
static inline uint32_t rtcp_ntp_mid(uint64_t ntp)
{
	return (uint32_t)(ntp >> 16);
}

/* Round trip in µs from a report on our stream (6.4.1, figure 2), or -1: it answers no
 * SR, or its numbers make no sense. `ntp_now` is when the report arrived. */
MUST_USE int64_t rtcp_rtt_us(const struct rtcp_report *r, uint64_t ntp_now);

/* --- reception statistics --------------------------------------------------------- */

/* One source that we receive. rtcp_stats_init() first. */
struct rtcp_stats {
	uint32_t ssrc;
	unsigned clock_hz;
	bool started;
	uint16_t max_seq;
	uint32_t cycles, base_seq, bad_seq;
	uint64_t received, expected_prior, received_prior;
	uint32_t transit;
	uint32_t jitter_16; /* jitter times 16: A.8's estimate without rounding */
	uint32_t lsr;
	uint64_t sr_at_us;
};

void rtcp_stats_init(struct rtcp_stats *s, uint32_t ssrc, unsigned clock_hz);
/* Each RTP packet, also late and duplicate ones. now_us is its arrival, monotonic. */
void rtcp_stats_rtp(struct rtcp_stats *s, uint16_t seq, uint32_t ts, uint64_t now_us); /* RT */
void rtcp_stats_sr(struct rtcp_stats *s, const struct rtcp_sr *sr, uint64_t now_us);
/* Fills a block for our next report and begins the next interval. false: nothing received. */
MUST_USE bool rtcp_stats_report(struct rtcp_stats *s, uint64_t now_us, struct rtcp_report *out);

static inline uint32_t rtcp_stats_jitter_us(const struct rtcp_stats *s)
{
	return (uint32_t)((uint64_t)s->jitter_16 * US_PER_S / 16 / s->clock_hz);
}
