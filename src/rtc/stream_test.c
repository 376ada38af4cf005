#include "rtc/stream.h"

#include "base/test.h"

/* An offer as sdp_parse() would leave it: one audio section. */
static void agree(struct stream *s, enum sdp_codec codec, uint8_t pt, const char *mid)
{
	static struct sdp_offer o;

	memset(&o, 0, sizeof(o));
	o.n_sections = 1;
	o.codec = codec;
	o.pt = pt;
	o.pt_dtmf = 101;
	o.sections[0].mid = bytes_str(mid);
	o.sections[0].direction = SDP_SENDRECV;
	o.sections[0].ext_mid = 4;
	o.sections[0].ext_level = 1;
	stream_agree(s, &o);
}

static void numbers_count(void)
{
	struct stream s;
	struct env_fake f;
	struct rtp_view first, v;
	uint8_t d[1500];

	env_fake_init(&f, 1);
	stream_init(&s, &f.env);
	agree(&s, SDP_OPUS, 111, "audio");
	size_t n = stream_write(&s, bytes_str("one"), 0, true, d, sizeof(d));
	CHECK_EQ(rtp_parse(bytes_of(d, n), &first), RTP_OK);
	CHECK(first.marker && first.pt == 111 && bytes_is(first.payload, "one"));
	CHECK(bytes_is(rtp_ext(&first, 4), "audio"));
	n = stream_write(&s, bytes_str("two"), 960, false, d, sizeof(d));
	CHECK_EQ(rtp_parse(bytes_of(d, n), &v), RTP_OK);
	CHECK_EQ(v.seq, (uint16_t)(first.seq + 1));
	CHECK_EQ(v.ts - first.ts, 960);

	agree(&s, SDP_PCMU, 0, "a mid that is too long"); /* 8 kHz clock, no extension */
	n = stream_write(&s, bytes_str("three"), 960, false, d, sizeof(d));
	CHECK_EQ(rtp_parse(bytes_of(d, n), &v), RTP_OK);
	CHECK(v.ts - first.ts == 160 && !v.ext.p);

	CHECK_EQ(stream_write(&s, bytes_of(d, STREAM_PAYLOAD_MAX + 1), 0, false, d, sizeof(d)), 0);
	CHECK_EQ(stream_write(&s, bytes_str("no room"), 0, false, d, 15), 0);
	CHECK_EQ(stream_write(&s, bytes_str(""), 0, false, d, 5), 0);
}

static size_t make(uint8_t *d, uint8_t pt, uint16_t seq, uint32_t ssrc, const char *payload)
{
	struct rtp_header h = { .pt = pt, .seq = seq, .ts = 960u * seq, .ssrc = ssrc };
	size_t n = rtp_write(&h, d, 100);

	memcpy(d + n, payload, strlen(payload));
	return n + strlen(payload);
}

static void what_packets_mean(void)
{
	struct stream s;
	struct env_fake f;
	struct stream_audio a = { 0 };
	uint8_t d[256];

	env_fake_init(&f, 1);
	stream_init(&s, &f.env);
	/* Nothing agreed yet. */
	CHECK_EQ(stream_input(&s, bytes_of(d, make(d, 111, 1, 7, "x")), 1, &a), STREAM_FOREIGN);
	CHECK(s.report_at_us == UINT64_MAX && !stream_began(&s));

	agree(&s, SDP_OPUS, 111, "0");
	CHECK_EQ(stream_input(&s, bytes_of(d, make(d, 111, 1, 7, "x")), 1, &a), STREAM_AUDIO);
	CHECK(a.level == RTP_LEVEL_NONE && !a.is_dtmf && a.ssrc == 7 && bytes_is(a.payload, "x"));
	CHECK(s.report_at_us != UINT64_MAX && stream_began(&s));
	CHECK_EQ(stream_input(&s, bytes_of(d, make(d, 101, 2, 7, "5")), 1, &a), STREAM_AUDIO);
	CHECK(a.is_dtmf);
	CHECK_EQ(stream_input(&s, bytes_of(d, make(d, 111, 3, 7, "")), 1, &a), STREAM_PADDING);
	CHECK_EQ(stream_input(&s, bytes_of(d, make(d, 96, 4, 7, "x")), 1, &a), STREAM_FOREIGN);
	CHECK_EQ(stream_input(&s, bytes_of("\x80", 1), 1, &a), STREAM_BAD);
	/* Another track: statistics begin anew. */
	CHECK_EQ(stream_input(&s, bytes_of(d, make(d, 111, 9, 8, "x")), 1, &a), STREAM_AUDIO);
	CHECK(s.rx.ssrc == 8 && s.stats.audio_in == 4);
}

static void reports(void)
{
	struct stream s;
	struct env_fake f;
	struct stream_audio a;
	struct stream_report r;
	struct rtcp_view v;
	uint8_t d[1500];
	size_t n;

	env_fake_init(&f, 1);
	stream_init(&s, &f.env);
	agree(&s, SDP_OPUS, 111, "0");
	CHECK(stream_input(&s, bytes_of(d, make(d, 111, 1, 7, "x")), f.now_us, &a) == STREAM_AUDIO);
	CHECK(s.report_at_us >= f.now_us + STREAM_REPORT_US / 2);
	CHECK(s.report_at_us < f.now_us + STREAM_REPORT_US * 3 / 2);

	/* Nothing sent: a receiver report. */
	n = stream_write_rtcp(&s, STREAM_REPORT, f.now_us, d, sizeof(d));
	CHECK_EQ(rtcp_parse(bytes_of(d, n), &v), RTCP_OK);
	CHECK(!v.has_sr && v.n_reports == 1 && v.reports[0].ssrc == 7);
	CHECK(bytes_is(v.cname, s.cname));

	CHECK(stream_write(&s, bytes_str("abc"), 480, true, d, sizeof(d)) > 0);
	uint32_t ts = s.last_ts;
	stream_on_sent(&s, 3, f.now_us);
	env_fake_advance(&f, US_PER_S);
	n = stream_write_rtcp(&s, STREAM_BYE, f.now_us, d, sizeof(d));
	CHECK_EQ(rtcp_parse(bytes_of(d, n), &v), RTCP_OK);
	CHECK(v.has_sr && v.sr.packets == 1 && v.sr.octets == 3 && v.n_byes == 1);
	CHECK_EQ(v.sr.rtp_ts - ts, 48000); /* a second later by the RTP clock */

	/* Our own packet says nothing about our stream. */
	CHECK(stream_input_rtcp(&s, bytes_of(d, n), f.now_us, &r, &n) && n == 0);
	CHECK(!stream_input_rtcp(&s, bytes_of("\x80\xc9", 2), f.now_us, &r, &n));
	CHECK_EQ(stream_write_rtcp(&s, STREAM_REPORT, f.now_us, d, 8), 0);
}

TESTS({ "numbers_count", numbers_count }, { "what_packets_mean", what_packets_mean },
      { "reports", reports })
