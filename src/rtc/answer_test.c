#include "rtc/answer.h"

#include "base/test.h"
#include "rtc/offers.h"

static void answer_to(const struct sdp_offer *o, struct buf *to)
{
	struct addr candidates[2];
	struct answer a = {
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
	    answer_write(&a, to) != 0)
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

	load("firefox-data-first", &c); /* data first, bundle-only audio, video */
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

TESTS({ "answer_as_a_whole", answer_as_a_whole },
      { "answers_section_by_section", answers_section_by_section }, { "directions", directions },
      { "without_bundle", without_bundle })
