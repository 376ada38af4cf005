#include "rtc/sdp.h"

#include "base/test.h"

/* Offers as clients write them are in fuzz/corpus/sdp, which the fuzzer shares. */
static void load(const char *name, struct buf *to)
{
	char path[512];
	uint8_t *p = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", SDP_CORPUS, name);
	f = fopen(path, "rb");
	if (f && (p = buf_reserve(to, SDP_MAX)) != NULL)
		to->n = fread(p, 1, SDP_MAX, f);
	if (p)
		p[to->n] = 0;
	if (f)
		fclose(f);
}

/* `from` replaced by `with`, once, wherever it first stands. */
static void change(struct buf *b, const char *from, const char *with)
{
	AUTO(buf) struct buf old = { 0 };
	char *at = b->p ? strstr((char *)b->p, from) : NULL;

	if (!at)
		return;
	buf_put(&old, b->p, b->n);
	size_t n = (size_t)(at - (char *)b->p);
	buf_reset(b);
	if (old.failed)
		return;
	buf_put(b, old.p, n);
	buf_puts(b, with);
	buf_puts(b, (char *)old.p + n + strlen(from));
}

static enum sdp_verdict parse(const struct buf *b, struct sdp_offer *o)
{
	const char *why = NULL;
	enum sdp_verdict v = sdp_parse(buf_bytes(b), o, &why);

	/* A verdict always comes with a whole sentence. */
	return v == SDP_OK || (why && why[0] && why[strlen(why) - 1] != ' ') ? v : SDP_NO_MEMORY;
}

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
		{ "firefox", 1, 0, 0, SDP_OPUS, 109, SDP_NO_PT, 3, 1, 1073741823 },
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

static void answer_to(const struct sdp_offer *o, struct buf *to)
{
	struct addr candidates[2];
	struct sdp_answer a = {
		.offer = o,
		.session_id = 77,
		.version = 1,
		.ufrag = bytes_str("03abcdefg0"),
		.pwd = bytes_str("pppppppppppppppppppppppp"),
		.fingerprint = "AA:BB",
		.setup = SDP_ACTIVE,
		.candidates = candidates,
		.n_candidates = 2,
		.ssrc = 1234,
		.cname = "cn",
		.stream = "st",
		.track = "tr",
	};

	if (!addr_parse(bytes_str("192.0.2.1:8080"), &candidates[0]) ||
	    !addr_parse(bytes_str("[2001:db8::1]:8080"), &candidates[1]) ||
	    sdp_write_answer(&a, to) != 0)
		buf_reset(to);
}

/* Does the answer say it, after the n-th "m=" (0: before the first) and before the next? */
static bool says(const struct buf *answer, int section, const char *what)
{
	const char *at = answer->p ? (const char *)answer->p : "";

	for (int i = 0; i < section && at; i++) {
		at = strstr(at, "\r\nm=");
		at = at ? at + 4 : NULL;
	}
	const char *end = at ? strstr(at, "\r\nm=") : NULL;
	const char *found = at ? strstr(at, what) : NULL;
	return found && (!end || found < end + 2);
}

static void answer_as_a_whole(void)
{
	static const char want[] =
		"v=0\r\no=- 77 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
		"a=ice-lite\r\na=msid-semantic: WMS *\r\n"
		"m=audio 9 UDP/TLS/RTP/SAVPF 111 110\r\nc=IN IP4 0.0.0.0\r\n"
		"a=rtcp:9 IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:03abcdefg0\r\n"
		"a=ice-pwd:pppppppppppppppppppppppp\r\na=fingerprint:sha-256 AA:BB\r\n"
		"a=setup:active\r\na=candidate:1 1 udp 2130706431 192.0.2.1 8080 typ host\r\n"
		"a=candidate:2 1 udp 2130706175 2001:db8::1 8080 typ host\r\n"
		"a=end-of-candidates\r\na=sendrecv\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
		"a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
		"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
		"a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
		"a=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-15\r\na=msid:st tr\r\n"
		"a=ssrc:1234 cname:cn\r\na=ssrc:1234 msid:st tr\r\n"
		"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
		"a=mid:1\r\na=ice-ufrag:03abcdefg0\r\na=ice-pwd:pppppppppppppppppppppppp\r\n"
		"a=fingerprint:sha-256 AA:BB\r\na=setup:active\r\na=sctp-port:5000\r\n"
		"a=max-message-size:262144\r\n";
	AUTO(buf) struct buf b = { 0 }, answer = { 0 };
	struct sdp_offer o;

	load("chromium-std", &b);
	CHECK_EQ(parse(&b, &o), SDP_OK);
	answer_to(&o, &answer);
	CHECK_STR((char *)answer.p, want);
}

static void answers_section_by_section(void)
{
	AUTO(buf) struct buf b = { 0 }, c = { 0 }, d = { 0 };
	AUTO(buf) struct buf av = { 0 }, fox = { 0 }, old = { 0 };
	struct sdp_offer o;

	load("chromium-av", &b); /* video, audio, a second audio, data */
	CHECK_EQ(parse(&b, &o), SDP_OK);
	answer_to(&o, &av);
	CHECK(says(&av, 0, "a=group:BUNDLE 1 3\r\n"));
	CHECK(says(&av, 1, "video 0 ") && says(&av, 1, "a=mid:0") && !says(&av, 1, "ufrag"));
	CHECK(says(&av, 2, "audio 9 ") && says(&av, 2, "a=candidate"));
	CHECK(says(&av, 3, "audio 0 ") && says(&av, 4, "application 9 "));
	CHECK(!says(&av, 4, "a=candidate"));

	load("firefox", &c); /* data first, bundle-only audio, video */
	CHECK_EQ(parse(&c, &o), SDP_OK);
	answer_to(&o, &fox);
	CHECK(says(&fox, 0, "a=group:BUNDLE 0 1\r\n"));
	CHECK(says(&fox, 1, "application 9 ") && says(&fox, 1, "a=candidate"));
	CHECK(says(&fox, 2, "audio 9 ") && !says(&fox, 2, "rsize") && says(&fox, 3, "video 0 "));

	load("aiortc", &d); /* the form before RFC 8841 */
	CHECK_EQ(parse(&d, &o), SDP_OK);
	answer_to(&o, &old);
	CHECK(says(&old, 2, "DTLS/SCTP 5000\r\n") && says(&old, 2, "a=sctpmap:5000 "));
}

static void directions(void)
{
	static const struct {
		const char *offered, *answered;
		bool msid;
	} rows[] = { { "a=sendrecv", "a=sendrecv", true },
		     { "a=sendonly", "a=recvonly", false },
		     { "a=recvonly", "a=sendonly", true },
		     { "a=inactive", "a=inactive", false },
		     { "a=x", "a=sendrecv", true } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 }, answer = { 0 };
		struct sdp_offer o;

		load("chromium-std", &b);
		change(&b, "a=sendrecv", rows[i].offered);
		CHECK_EQ(parse(&b, &o), SDP_OK);
		answer_to(&o, &answer);
		CHECK(says(&answer, 1, rows[i].answered));
		CHECK_EQ(says(&answer, 1, "a=msid:st tr"), rows[i].msid);
	}
}

static void without_bundle(void)
{
	AUTO(buf) struct buf b = { 0 }, c = { 0 }, answer = { 0 };
	struct sdp_offer o;

	load("chromium-std", &b);
	change(&b, "a=group:BUNDLE 0 1\r\n", "");
	CHECK_EQ(parse(&b, &o), SDP_OK);
	CHECK(o.audio == 0 && o.data == -1); /* one transport only */
	answer_to(&o, &answer);
	CHECK(!says(&answer, 0, "BUNDLE") && says(&answer, 2, "application 0 "));

	/* Stopped sections stay stopped. */
	load("chromium-std", &c);
	change(&c, "m=audio 9", "m=audio 0");
	CHECK_EQ(parse(&c, &o), SDP_OK);
	CHECK(o.audio == -1 && o.data == 1);
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
      { "answer_as_a_whole", answer_as_a_whole },
      { "answers_section_by_section", answers_section_by_section },
      { "directions", directions }, { "without_bundle", without_bundle },
      { "setup_and_defaults", setup_and_defaults })
