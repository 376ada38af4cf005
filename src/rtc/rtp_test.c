#include "rtc/rtp.h"
#include "base/test.h"

/* As Chromium sends it: marker, Opus 111, audio level in extension 1, mid in 4. */
static const uint8_t chromium[] = {
	0x90, 0xef, 0x12, 0x34, 0x00, 0x00, 0x03, 0xc0, 0xde, 0xad, 0xbe, 0xef, 0xbe, 0xde,
	0x00, 0x01, 0x10, 0xa5, 0x40, 0x30, 0x78, 0x0b, 0xe4, 0xc1, 0x36,
};

static void reads_what_a_browser_sends(void)
{
	struct rtp_view v;
	bool voice = false;

	CHECK_EQ(rtp_parse(bytes_of(chromium, sizeof(chromium)), &v), RTP_OK);
	CHECK(v.marker);
	CHECK_EQ(v.pt, 111);
	CHECK_EQ(v.seq, 0x1234);
	CHECK_EQ(v.ts, 960);
	CHECK_EQ(v.ssrc, 0xdeadbeef);
	CHECK_EQ(v.payload.n, 5);
	CHECK_EQ(rtp_audio_level(&v, 1, &voice), 0x25);
	CHECK(voice);
	CHECK(bytes_is(rtp_ext(&v, 4), "0"));
	CHECK(!rtp_ext(&v, 3).p);
	CHECK_EQ(rtp_audio_level(&v, 2, NULL), RTP_LEVEL_NONE);
}

static void every_truncation_is_refused_or_shorter(void)
{
	for (size_t n = 0; n < sizeof(chromium); n++) {
		struct rtp_view v;
		enum rtp_verdict r = rtp_parse(bytes_of(chromium, n), &v);

		CHECK_EQ(r, n < 2 ? RTP_NOT_RTP : n < 20 ? RTP_MALFORMED : RTP_OK);
		CHECK(r != RTP_OK || v.payload.n == n - 20);
	}
}

static void finds_two_byte_extensions(void)
{
	static const uint8_t p[] = {
		0x90, 0x6f, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0x10, 0x00, 0, 3,
		0x05, 0x00, 0x00, 0x21, 0x03, 'a', 'b', 'c', 0x01, 0x02, 0xff, 0x00,
	};
	struct rtp_view v;

	CHECK_EQ(rtp_parse(bytes_of(p, sizeof(p)), &v), RTP_OK);
	CHECK(rtp_ext(&v, 5).p && rtp_ext(&v, 5).n == 0);
	CHECK(bytes_is(rtp_ext(&v, 0x21), "abc"));
	CHECK_EQ(rtp_audio_level(&v, 1, NULL), 127);
	CHECK_EQ(rtp_audio_level(&v, 5, NULL), RTP_LEVEL_NONE);
	CHECK(v.payload.p && v.payload.n == 0);
}

static void broken_elements_end_the_extension(void)
{
	/* one-byte: id 1, then id 15 (stop), then id 2; then an element over the end */
	static const uint8_t e[][8] = {
		{ 0x10, 0x11, 0xf0, 0x00, 0x20, 0x22, 0x00, 0x00 },
		{ 0x10, 0x11, 0x01, 0x20, 0x20, 0x22, 0x00, 0x00 }, /* id 0 with a length */
		{ 0x10, 0x11, 0x00, 0x00, 0x00, 0x00, 0x00, 0x2f },
	};

	for (size_t i = 0; i < ARRAY_LEN(e); i++) {
		struct rtp_view v = { .ext_profile = 0xbede, .ext = bytes_of(e[i], 8) };

		CHECK_EQ(rtp_ext(&v, 1).n, 1);
		CHECK(!rtp_ext(&v, 2).p);
		CHECK(!rtp_ext(&v, 15).p);
		CHECK(!rtp_ext(&v, 0).p);
	}
}

static void checks_csrc_and_padding(void)
{
	uint8_t p[24] = { 0xa2, 0x00, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0, 8 };
	struct rtp_view v;

	p[23] = 3;
	CHECK_EQ(rtp_parse(bytes_of(p, 24), &v), RTP_OK);
	CHECK_EQ(v.n_csrc, 2);
	CHECK_EQ(be32(v.csrc + 4), 8);
	CHECK_EQ(v.payload.n, 1);
	p[23] = 4; /* nothing but padding: legal */
	CHECK_EQ(rtp_parse(bytes_of(p, 24), &v), RTP_OK);
	CHECK_EQ(v.payload.n, 0);
	p[23] = 5;
	CHECK_EQ(rtp_parse(bytes_of(p, 24), &v), RTP_MALFORMED);
	p[23] = 0;
	CHECK_EQ(rtp_parse(bytes_of(p, 24), &v), RTP_MALFORMED);
	p[0] = 0x8f; /* fifteen sources */
	CHECK_EQ(rtp_parse(bytes_of(p, 24), &v), RTP_MALFORMED);
	p[0] = 0x40;
	CHECK_EQ(rtp_parse(bytes_of(p, 24), &v), RTP_NOT_RTP);
	p[0] = 0x80, p[1] = 200;
	CHECK_EQ(rtp_parse(bytes_of(p, 24), &v), RTP_NOT_RTP);
	CHECK(rtp_is_rtcp(bytes_of(p, 24)));
}

static void what_is_written_reads_back(void)
{
	static const uint8_t level[] = { 0x85 };
	struct rtp_header h = { .marker = true, .pt = 96, .seq = 65535, .ts = 0xfffffff0,
				.ssrc = 7, .n_ext = 2 };
	uint8_t to[RTP_HEADER_MAX];
	struct rtp_view v;

	h.ext[0].id = 1, h.ext[0].value = bytes_of(level, 1);
	h.ext[1].id = 14, h.ext[1].value = bytes_str("sixteen octets!!");
	size_t n = rtp_write(&h, to, sizeof(to));
	CHECK_EQ(n, 12 + 4 + 20);
	CHECK_EQ(rtp_parse(bytes_of(to, n), &v), RTP_OK);
	CHECK(v.marker && v.pt == 96 && v.seq == 65535 && v.ts == 0xfffffff0 && v.ssrc == 7);
	CHECK_EQ(rtp_audio_level(&v, 1, NULL), 5);
	CHECK(bytes_is(rtp_ext(&v, 14), "sixteen octets!!"));
	CHECK_EQ(rtp_write(&h, to, n - 1), 0);
	h.n_ext = 0;
	CHECK_EQ(rtp_write(&h, to, 12), 12);
	CHECK_EQ(rtp_write(&h, to, 11), 0);
}

static void sequence_numbers_are_a_circle(void)
{
	CHECK_EQ(rtp_seq_diff(65535, 0), 1);
	CHECK_EQ(rtp_seq_diff(0, 65535), -1);
	CHECK_EQ(rtp_seq_diff(10, 15), 5);
}

TESTS({ "reads_what_a_browser_sends", reads_what_a_browser_sends },
      { "every_truncation_is_refused_or_shorter", every_truncation_is_refused_or_shorter },
      { "finds_two_byte_extensions", finds_two_byte_extensions },
      { "broken_elements_end_the_extension", broken_elements_end_the_extension },
      { "checks_csrc_and_padding", checks_csrc_and_padding },
      { "what_is_written_reads_back", what_is_written_reads_back },
      { "sequence_numbers_are_a_circle", sequence_numbers_are_a_circle })
