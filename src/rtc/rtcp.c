#include "rtc/rtcp.h"

#include <assert.h>

enum { SR = 200, RR = 201, SDES = 202, BYE = 203 };
enum { SDES_END = 0, SDES_CNAME = 1 };
enum { HEADER_LEN = 4, SENDER_LEN = 20, REPORT_LEN = 24 };

/* --- reading ------------------------------------------------------------------------ */

/*  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |                 SSRC_1 (SSRC of first source)                 |
 * | fraction lost |       cumulative number of packets lost       |
 * |           extended highest sequence number received           |
 * |                      interarrival jitter                      |
 * |                         last SR (LSR)                         |
 * |                   delay since last SR (DLSR)                  |
 */
static bool take_reports(struct rtcp_view *v, unsigned count, struct bytes b)
{
	if (b.n < (size_t)count * REPORT_LEN)
		return false;
	for (; count; count--, b = bytes_sub(b, REPORT_LEN, b.n - REPORT_LEN)) {
		if (v->n_reports == RTCP_REPORTS)
			break;

		uint32_t lost = be32(b.p + 4) & 0xFFFFFF;
		v->reports[v->n_reports++] = (struct rtcp_report){
			.ssrc = be32(b.p),
			.fraction_lost = b.p[4],
			.lost = (int32_t)lost - (lost & 0x800000 ? 0x1000000 : 0),
			.highest_seq = be32(b.p + 8),
			.jitter = be32(b.p + 12),
			.lsr = be32(b.p + 16),
			.dlsr = be32(b.p + 20),
		};
	}
	return true;
}

static bool take_sr(struct rtcp_view *v, unsigned count, struct bytes b)
{
	if (b.n < 4 + SENDER_LEN)
		return false;
	v->has_sr = true;
	v->ssrc = be32(b.p);
	v->sr = (struct rtcp_sr){
		.ssrc = be32(b.p),
		.ntp = be64(b.p + 4),
		.rtp_ts = be32(b.p + 12),
		.packets = be32(b.p + 16),
		.octets = be32(b.p + 20),
	};
	return take_reports(v, count, bytes_sub(b, 4 + SENDER_LEN, b.n - 4 - SENDER_LEN));
}

static bool take_rr(struct rtcp_view *v, unsigned count, struct bytes b)
{
	if (b.n < 4)
		return false;
	v->ssrc = be32(b.p);
	return take_reports(v, count, bytes_sub(b, 4, b.n - 4));
}

/* Items up to the END octet; returns where the next chunk begins, or 0: runs over. */
static size_t take_chunk(struct rtcp_view *v, struct bytes b)
{
	size_t at = 4;

	if (b.n < 4)
		return 0;
	while (at < b.n && b.p[at] != SDES_END) {
		if (b.n - at < 2 || b.n - at - 2 < b.p[at + 1])
			return 0;
		if (b.p[at] == SDES_CNAME && !v->cname.p)
			v->cname = bytes_sub(b, at + 2, b.p[at + 1]);
		at += 2u + b.p[at + 1];
	}
	at = at / 4 * 4 + 4; /* "one or more null octets … to the next 32-bit boundary" (6.5) */
	return at > b.n ? 0 : at;
}

static bool take_sdes(struct rtcp_view *v, unsigned count, struct bytes b)
{
	for (; count; count--) {
		size_t n = take_chunk(v, b);

		if (!n)
			return false;
		b = bytes_sub(b, n, b.n - n);
	}
	return true;
}

static bool take_bye(struct rtcp_view *v, unsigned count, struct bytes b)
{
	if (b.n < 4u * count)
		return false;
	for (unsigned i = 0; i < count && v->n_byes < RTCP_BYES; i++)
		v->byes[v->n_byes++] = be32(b.p + 4 * i);
	return true;
}

/* One row per packet type that means something to us. */
static const struct {
	uint8_t type;
	bool (*take)(struct rtcp_view *v, unsigned count, struct bytes body);
} kinds[] = {
	{ SR, take_sr },
	{ RR, take_rr },
	{ SDES, take_sdes },
	{ BYE, take_bye },
};

static bool take_packet(struct rtcp_view *v, const uint8_t *head, struct bytes body)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].type == head[1])
			return kinds[i].take(v, head[0] & 31, body);
	v->n_skipped++;
	return true;
}

enum rtcp_verdict rtcp_parse(struct bytes b, struct rtcp_view *out)
{
	*out = (struct rtcp_view){ 0 };
	if (b.n == 0)
		return RTCP_MALFORMED;
	while (b.n) {
		if (b.n < HEADER_LEN || b.p[0] >> 6 != 2 || b.p[1] < 192 || b.p[1] > 223)
			return RTCP_MALFORMED;

		size_t len = HEADER_LEN + 4u * be16(b.p + 2), padding = 0;
		if (b.n < len)
			return RTCP_MALFORMED;
		if (b.p[0] & 0x20) {
			/* only the last packet of a compound may be padded (6.4.1) */
			padding = b.p[len - 1];
			if (len != b.n || padding == 0 || padding % 4 || padding > len - HEADER_LEN)
				return RTCP_MALFORMED;
		}
		if (!take_packet(out, b.p, bytes_sub(b, HEADER_LEN, len - HEADER_LEN - padding)))
			return RTCP_MALFORMED;
		b = bytes_sub(b, len, b.n - len);
	}
	return RTCP_OK;
}

/* --- writing -------------------------------------------------------------------------- */

static uint8_t *put_head(uint8_t *p, uint8_t type, size_t count, size_t len)
{
	p[0] = (uint8_t)(0x80 | count);
	p[1] = type;
	put_be16(p + 2, (uint16_t)(len / 4 - 1));
	return p + HEADER_LEN;
}

static uint8_t *put_report(uint8_t *p, const struct rtcp_report *r)
{
	put_be32(p, r->ssrc);
	put_be32(p + 4, (uint32_t)r->lost & 0xFFFFFF);
	p[4] = r->fraction_lost;
	put_be32(p + 8, r->highest_seq);
	put_be32(p + 12, r->jitter);
	put_be32(p + 16, r->lsr);
	put_be32(p + 20, r->dlsr);
	return p + REPORT_LEN;
}

static uint8_t *put_sender(uint8_t *p, const struct rtcp_sr *sr)
{
	put_be64(p, sr->ntp);
	put_be32(p + 8, sr->rtp_ts);
	put_be32(p + 12, sr->packets);
	put_be32(p + 16, sr->octets);
	return p + SENDER_LEN;
}

/* SSRC, CNAME, its length, the name, one to four nulls. */
static size_t sdes_len(struct bytes cname)
{
	return cname.n ? HEADER_LEN + (4 + 2 + cname.n) / 4 * 4 + 4 : 0;
}

static uint8_t *put_sdes(uint8_t *p, uint32_t ssrc, struct bytes cname)
{
	size_t len = sdes_len(cname);
	uint8_t *end = p + len;

	memset(p, 0, len);
	p = put_head(p, SDES, 1, len);
	put_be32(p, ssrc);
	p[4] = SDES_CNAME;
	p[5] = (uint8_t)cname.n;
	memcpy(p + 6, cname.p, cname.n);
	return end;
}

size_t rtcp_write(const struct rtcp_out *o, uint8_t *to, size_t room)
{
	assert(o->n_reports <= RTCP_REPORTS && o->cname.n <= RTCP_CNAME_MAX);

	size_t first = HEADER_LEN + 4 + (o->sr ? SENDER_LEN : 0) + o->n_reports * REPORT_LEN;
	size_t len = first + sdes_len(o->cname) + (o->bye ? HEADER_LEN + 4 : 0);
	if (room < len)
		return 0;

	uint8_t *p = put_head(to, o->sr ? SR : RR, o->n_reports, first);
	put_be32(p, o->ssrc);
	p += 4;
	if (o->sr)
		p = put_sender(p, o->sr);
	for (size_t i = 0; i < o->n_reports; i++)
		p = put_report(p, &o->reports[i]);
	if (o->cname.n)
		p = put_sdes(p, o->ssrc, o->cname);
	if (o->bye)
		put_be32(put_head(p, BYE, 1, HEADER_LEN + 4), o->ssrc);
	return len;
}

/* --- time ------------------------------------------------------------------------------- */

uint64_t rtcp_ntp(uint64_t wall_us)
{
	enum { S_1900_TO_1970_HIGH = 2208988, S_1900_TO_1970_LOW = 800 };
	uint64_t s = wall_us / US_PER_S + S_1900_TO_1970_HIGH * UINT64_C(1000) + S_1900_TO_1970_LOW;

	return s << 32 | ((wall_us % US_PER_S << 32) / US_PER_S);
}

int64_t rtcp_rtt_us(const struct rtcp_report *r, uint64_t ntp_now)
{
	if (r->lsr == 0)
		return -1;

	uint32_t rtt = rtcp_ntp_mid(ntp_now) - r->lsr - r->dlsr;
	if (rtt >= UINT32_C(60) << 16) /* a minute: negative, or a peer that makes numbers up */
		return -1;
	return (int64_t)((uint64_t)rtt * US_PER_S >> 16);
}

/* --- reception statistics ----------------------------------------------------------------- */

/* A.1 */
enum { SEQ_MOD = 1 << 16, MAX_DROPOUT = 3000, MAX_MISORDER = 100, NO_BAD_SEQ = SEQ_MOD + 1 };

static void restart(struct rtcp_stats *s, uint16_t seq)
{
	s->started = true;
	s->base_seq = s->max_seq = seq;
	s->bad_seq = NO_BAD_SEQ;
	s->cycles = 0;
	s->received = s->received_prior = s->expected_prior = 0;
}

void rtcp_stats_init(struct rtcp_stats *s, uint32_t ssrc, unsigned clock_hz)
{
	assert(clock_hz > 0);
	*s = (struct rtcp_stats){ .ssrc = ssrc, .clock_hz = clock_hz };
}

/* A.1's update_seq(). false: a jump that only a second packet makes credible. */
static bool update_seq(struct rtcp_stats *s, uint16_t seq)
{
	unsigned ahead = (uint16_t)(seq - s->max_seq);

	if (!s->started) {
		restart(s, seq);
	} else if (ahead < MAX_DROPOUT) {
		if (seq < s->max_seq)
			s->cycles += SEQ_MOD;
		s->max_seq = seq;
	} else if (ahead <= SEQ_MOD - MAX_MISORDER) {
		if (seq != s->bad_seq) {
			s->bad_seq = (seq + 1u) & (SEQ_MOD - 1);
			return false;
		}
		restart(s, seq); /* two in a row: the other side began anew */
	}
	s->received++;
	return true;
}

static uint32_t clock_of(const struct rtcp_stats *s, uint64_t us)
{
	return (uint32_t)(us / US_PER_S * s->clock_hz + us % US_PER_S * s->clock_hz / US_PER_S);
}

void rtcp_stats_rtp(struct rtcp_stats *s, uint16_t seq, uint32_t ts, uint64_t now_us)
{
	bool first = !s->started;

	if (!update_seq(s, seq))
		return;

	/* A.8: J += (|D| - J) / 16 */
	uint32_t transit = clock_of(s, now_us) - ts;
	int32_t d = (int32_t)(transit - s->transit);
	s->transit = transit;
	if (first || d == INT32_MIN)
		return;
	uint32_t step = (uint32_t)(d < 0 ? -d : d);
	if (step > 10 * s->clock_hz) /* a new timestamp base, not jitter */
		return;
	s->jitter_16 += step - ((s->jitter_16 + 8) >> 4);
}

void rtcp_stats_sr(struct rtcp_stats *s, const struct rtcp_sr *sr, uint64_t now_us)
{
	s->lsr = rtcp_ntp_mid(sr->ntp);
	s->sr_at_us = now_us;
}

/* A.3: lost of 256 in the interval that ends here. */
static uint8_t fraction(struct rtcp_stats *s, uint64_t expected)
{
	uint64_t e = expected - s->expected_prior, r = s->received - s->received_prior;

	s->expected_prior = expected;
	s->received_prior = s->received;
	if (e == 0 || e <= r)
		return 0;
	return (uint8_t)MIN(((e - r) << 8) / e, 255);
}

bool rtcp_stats_report(struct rtcp_stats *s, uint64_t now_us, struct rtcp_report *out)
{
	if (!s->started)
		return false;

	uint32_t highest = s->cycles + s->max_seq;
	uint64_t expected = (uint64_t)highest - s->base_seq + 1;
	int64_t lost = (int64_t)expected - (int64_t)s->received;

	*out = (struct rtcp_report){
		.ssrc = s->ssrc,
		.fraction_lost = fraction(s, expected),
		.lost = (int32_t)MAX(MIN(lost, 0x7FFFFF), -0x800000),
		.highest_seq = highest,
		.jitter = s->jitter_16 >> 4,
		.lsr = s->lsr,
		.dlsr = s->lsr ? (uint32_t)(((now_us - s->sr_at_us) << 16) / US_PER_S) : 0,
	};
	return true;
}
