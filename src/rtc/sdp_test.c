#include "rtc/sdp.h"

#include "base/test.h"
#include "rtc/offers.h"

static void clients_offers(void)
{
	static const struct {
		const char *file;
		int audio, data, tagged;
		enum sdp_codec codec;
		uint8_t pt, dtmf, mid, level;
		uint32_t max_message;
	} rows[] = {
		{ "chromium-std", 0, 1, 0, SDP_OPUS, 111, 110, 4, 1, 262144 },
		{ "chromium-av", 1, 3, 1, SDP_OPUS, 111, 110, 9, 14, 262144 },
		{ "chromium-data", -1, 0, 0, SDP_OPUS, SDP_NO_PT, SDP_NO_PT, 0, 0, 262144 },
		{ "firefox-153", 0, 1, 0, SDP_OPUS, 109, SDP_NO_PT, 3, 1, 1073741823 },
		{ "firefox-data-first", 1, 0, 0, SDP_OPUS, 109, SDP_NO_PT, 3, 1, 1073741823 },
		{ "aiortc", 0, 1, 0, SDP_OPUS, 96, SDP_NO_PT, 1, 2, 65536 },
		{ "libdatachannel-audio", 0, 1, 0, SDP_OPUS, 111, SDP_NO_PT, 0, 0, 262144 },
		{ "libdatachannel-data", -1, 0, 0, SDP_OPUS, SDP_NO_PT, SDP_NO_PT, 0, 0, 262144 },
		{ "werift", 0, 1, 0, SDP_OPUS, 96, SDP_NO_PT, 0, 0, 65536 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		struct sdp_offer o;

		load(rows[i].file, &b);
		CHECK_EQ(parse(&b, &o), SDP_OK);
		CHECK_EQ(o.audio, rows[i].audio);
		CHECK_EQ(o.data, rows[i].data);
		CHECK_EQ(o.tagged, rows[i].tagged);
		CHECK_EQ(o.pt, rows[i].pt);
		CHECK_EQ(o.pt_dtmf, rows[i].dtmf);
		CHECK_EQ(o.setup, SDP_ACTPASS);
		CHECK(o.ufrag.n >= 4 && o.pwd.n >= 22 && o.fingerprint.hash_bits == 256);
		CHECK_EQ(o.max_message, rows[i].max_message);
		if (o.audio >= 0) {
			CHECK_EQ(o.codec, rows[i].codec);
			CHECK_EQ(o.sections[o.audio].ext_mid, rows[i].mid);
			CHECK_EQ(o.sections[o.audio].ext_level, rows[i].level);
		}
		CHECK_EQ(o.sections[o.data].sctp_port, 5000);
	}
}

static void what_is_refused(void)
{
	static const char fp[] = "a=fingerprint:sha-256 D3:B5:1F";
	static const struct {
		const char *from, *with;
		int times;
		enum sdp_verdict want;
	} rows[] = {
		{ "v=0", "v=1", 1, SDP_MALFORMED },
		{ "v=0", "{\"type\":\"offer\"}", 1, SDP_MALFORMED },
		{ "s=-", "-", 1, SDP_MALFORMED },
		{ "s=-", "s=\x01", 1, SDP_MALFORMED },
		{ "m=audio 9", "m=audio", 1, SDP_MALFORMED },
		{ "m=audio 9", "m=audio 99999", 1, SDP_MALFORMED },
		{ "a=mid:1", "a=mid:0", 1, SDP_MALFORMED },
		{ "a=mid:1", "a=mid:one two", 1, SDP_MALFORMED },
		{ "a=ice-ufrag:nQ+y", "a=ice-ufrag:nQy", 1, SDP_MALFORMED },
		{ "a=ice-pwd:2ZWp", "a=ice-pwd:", 1, SDP_MALFORMED },
		{ fp, "a=fingerprint:sha-256 D3:B5:1", 1, SDP_MALFORMED },
		{ "a=setup:actpass", "a=setup:maybe", 1, SDP_MALFORMED },
		{ "a=rtpmap:111", "a=rtpmap:opus", 1, SDP_MALFORMED },
		{ "a=extmap:1 ", "a=extmap:x ", 1, SDP_MALFORMED },
		{ "a=sctp-port:5000", "a=sctp-port:66666", 1, SDP_MALFORMED },
		{ "a=max-message-size:262144", "a=max-message-size:-1", 1, SDP_MALFORMED },
		{ "a=ice-ufrag", "a=x-ufrag", 2, SDP_NO_ICE },
		{ "a=ice-ufrag", "a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\na=x", 2, SDP_NO_ICE },
		{ "s=-", "s=-\r\na=ice-lite", 1, SDP_NO_ICE },
		{ "a=fingerprint:sha-256", "a=fingerprint:sha-1", 2, SDP_NO_FINGERPRINT },
		{ "a=rtcp-mux", "a=x", 1, SDP_NO_MUX },
		{ "m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 RTP/AVP", 1, SDP_OK },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		struct sdp_offer o;

		load("chromium-std", &b);
		for (int k = 0; k < rows[i].times; k++)
			change(&b, rows[i].from, rows[i].with);
		CHECK_EQ(parse(&b, &o), rows[i].want);
	}
}

static void sections_and_sizes(void)
{
	AUTO(buf) struct buf b = { 0 }, many = { 0 }, huge = { 0 };
	struct sdp_offer o;

	/* Neither part is one we speak. */
	load("chromium-std", &b);
	change(&b, "m=audio", "m=video");
	change(&b, "m=application", "m=image");
	CHECK_EQ(parse(&b, &o), SDP_NO_MEDIA);

	buf_puts(&many, "v=0\r\n");
	for (int i = 0; i <= SDP_SECTIONS_MAX; i++)
		buf_puts(&many, "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n");
	CHECK_EQ(parse(&many, &o), SDP_TOO_LARGE);

	buf_puts(&huge, "v=0\r\n");
	while (huge.n <= SDP_MAX && !huge.failed)
		buf_puts(&huge, "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n");
	CHECK_EQ(parse(&huge, &o), SDP_TOO_LARGE);
	CHECK_EQ(parse(&(struct buf){ 0 }, &o), SDP_MALFORMED);
}

static void codecs_other_than_opus(void)
{
	static const struct {
		const char *from, *with;
		enum sdp_codec codec;
		uint8_t pt;
	} rows[] = {
		{ "a=rtpmap:111 opus", "a=rtpmap:111 silk", SDP_PCMU, 0 },
		{ "RTP/SAVPF 111 63 9 0 8", "RTP/SAVPF 63 9 8", SDP_PCMA, 8 },
		{ "RTP/SAVPF 111 63 9 0 8", "RTP/SAVPF 63 9 0", SDP_PCMU, 0 },
		{ "a=rtpmap:111 opus", "a=rtpmap:111 OPUS", SDP_OPUS, 111 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		struct sdp_offer o;

		load("chromium-std", &b);
		change(&b, rows[i].from, rows[i].with);
		CHECK_EQ(parse(&b, &o), SDP_OK);
		CHECK_EQ(o.codec, rows[i].codec);
		CHECK_EQ(o.pt, rows[i].pt);
		CHECK_EQ(o.pt_dtmf, rows[i].codec == SDP_OPUS ? 110 : 126);
	}

	/* No codec of ours: the audio section is refused, the data channel is not. */
	AUTO(buf) struct buf b = { 0 };
	struct sdp_offer o;
	load("chromium-std", &b);
	change(&b, "RTP/SAVPF 111 63 9 0 8 13", "RTP/SAVPF 63 9 13");
	CHECK_EQ(parse(&b, &o), SDP_OK);
	CHECK(o.audio == -1 && o.data == 1 && o.tagged == 1);
}

static void setup_and_defaults(void)
{
	AUTO(buf) struct buf b = { 0 }, c = { 0 };
	struct sdp_offer o;

	load("chromium-std", &b);
	change(&b, "a=setup:actpass", "a=setup:active");
	change(&b, "a=max-message-size:262144\r\n", "");
	CHECK_EQ(parse(&b, &o), SDP_OK);
	CHECK_EQ(o.setup, SDP_ACTIVE);
	CHECK_EQ(o.max_message, 65536);

	load("chromium-std", &c);
	change(&c, "a=max-message-size:262144", "a=max-message-size:0");
	CHECK_EQ(parse(&c, &o), SDP_OK);
	CHECK_EQ(o.max_message, UINT32_MAX);
	CHECK_STR(sdp_verdict_name(SDP_NO_MUX), "no rtcp-mux");
}

TESTS({ "clients_offers", clients_offers }, { "what_is_refused", what_is_refused },
      { "sections_and_sizes", sections_and_sizes },
      { "codecs_other_than_opus", codecs_other_than_opus },
      { "setup_and_defaults", setup_and_defaults })
