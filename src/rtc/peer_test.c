#include "rtc/peer.h"

#include <errno.h>

#include "base/test.h"
#include "rtc/caller.h"

static void connects_and_talks(void)
{
	AUTO(client) struct client c = { 0 };

	CHECK(connect(&c));
	CHECK(strstr((char *)c.answer.p, "a=setup:active\r\n"));
	CHECK_EQ(c.n_stun, 1);

	say(&c, TALK, 7, "hello");
	CHECK_EQ(c.n_audio, 1);
	CHECK(c.audio.pt == 111 && c.audio.seq == 7 && c.audio.ts == 6720 && !c.audio.is_dtmf);
	CHECK(c.audio.level == 18 && c.audio.voice && c.audio.ssrc == 42);
	CHECK_STR(c.payload, "hello");
	say(&c, TONE, 8, "5");
	CHECK(c.n_audio == 2 && c.audio.is_dtmf);
	say(&c, FOREIGN, 9, "x");
	CHECK_EQ(c.n_audio, 2);
	CHECK_EQ(peer_stats(c.peer)->dropped[PEER_DROP_RTP_TYPE], 1);

	for (uint32_t i = 0; i < 3; i++)
		CHECK_EQ(peer_send_audio(c.peer, bytes_str("world"), 960 * i, i == 0, c.f.now_us),
			 0);
	uint32_t ts = c.n_heard;
	pump(&c);
	CHECK_EQ(c.n_heard, ts + 3);
	CHECK(c.heard.pt == 111 && !c.heard.marker && bytes_is(c.heard.payload, "world"));
	CHECK(bytes_is(rtp_ext(&c.heard, 4), "a")); /* our mid */
	CHECK_EQ(peer_audio_stats(c.peer)->audio_out, 3);
}

/* Audio leaves with our Finished, before the other side has confirmed anything. */
static void talks_before_the_last_flight(void)
{
	AUTO(client) struct client c = { 0 };
	uint8_t d[DTLS_DATAGRAM_MAX];
	size_t n;

	CHECK(client_init(&c) && offer(&c, &(struct offer){ 0 }) == SDP_OK);
	client_start(&c, DTLS_SERVER);
	CHECK(c.dtls);
	check(&c, &c.addr);
	for (int flight = 0; flight < 8 && !c.n_connected; flight++) {
		size_t n_wire = c.n_wire;

		for (size_t i = 0; i < n_wire; i++)
			client_input(&c, c.wire[i].p, c.wire[i].n);
		c.n_wire = 0;
		while (dtls_output(c.dtls, d, sizeof(d), &n))
			peer_input(c.peer, bytes_of(d, n), &c.addr, c.f.now_us);
	}
	CHECK(c.n_connected == 1 && !c.sec);
	/* Our last flight may be lost: it will be sent again soon. */
	CHECK(peer_next_us(c.peer, c.f.now_us) <= c.f.now_us + DTLS_RETRANSMIT_US);
	CHECK_EQ(peer_send_audio(c.peer, bytes_str("early"), 0, true, c.f.now_us), 0);
	pump(&c);
	CHECK(c.sec && c.n_heard == 1);
}

static void the_audio_path_does_not_allocate(void)
{
	AUTO(client) struct client c = { 0 };

	CHECK(connect(&c));
	say(&c, TALK, 1, "first");
	CHECK_EQ(peer_send_audio(c.peer, bytes_str("first"), 0, true, c.f.now_us), 0);
	pump(&c);
	if (mem_failed()) /* counting is on already */
		return;
	mem_fail_at(1);
	say(&c, TALK, 2, "second");
	int err = peer_send_audio(c.peer, bytes_str("second"), 960, false, c.f.now_us);
	bool asked = mem_failed();
	mem_fail_at(0);
	CHECK(!asked && err == 0 && c.n_audio == 2);
}

static void we_may_be_the_dtls_server(void)
{
	AUTO(client) struct client c = { 0 };

	CHECK(connect_with(&c, &(struct offer){ .setup = "active" }, DTLS_CLIENT));
	CHECK(strstr((char *)c.answer.p, "a=setup:passive\r\n"));
	say(&c, TALK, 7, "hello");
	CHECK_EQ(c.n_audio, 1);
}

static void strangers_get_nothing(void)
{
	AUTO(client) struct client c = { 0 };
	struct addr stranger;
	uint8_t hello[64] = { 22, 0xfe, 0xff };

	CHECK(client_init(&c));
	CHECK(offer(&c, &(struct offer){ .setup = "active" }) == SDP_OK);
	CHECK(addr_parse(bytes_str("198.51.100.1:1"), &stranger));
	peer_input(c.peer, bytes_of(hello, sizeof(hello)), &stranger, c.f.now_us);
	hello[0] = 0x80;
	peer_input(c.peer, bytes_of(hello, sizeof(hello)), &stranger, c.f.now_us);
	CHECK_EQ(peer_stats(c.peer)->dropped[PEER_DROP_STRANGER], 2);
	hello[0] = 0;
	peer_input(c.peer, bytes_of(hello, sizeof(hello)), &stranger, c.f.now_us);
	CHECK_EQ(peer_stats(c.peer)->dropped[PEER_DROP_STUN_BAD], 1);
	hello[0] = 0xff;
	peer_input(c.peer, bytes_of(hello, sizeof(hello)), &stranger, c.f.now_us);
	CHECK_EQ(peer_stats(c.peer)->dropped[PEER_DROP_UNKNOWN], 1);
	c.pwd[0] ^= 1;
	check(&c, &stranger);
	CHECK_EQ(peer_stats(c.peer)->dropped[PEER_DROP_STUN_AUTH], 1);
	CHECK(c.n_wire == 0 && c.n_closed == 0);
}

static void forged_packets_harm_nothing(void)
{
	AUTO(client) struct client c = { 0 };
	uint8_t d[172] = { 0x80, 111 };

	CHECK(connect(&c));
	for (int i = 0; i < 1000; i++) {
		put_be16(d + 2, (uint16_t)i);
		peer_input(c.peer, bytes_of(d, sizeof(d)), &c.addr, c.f.now_us);
		d[0] = d[0] == 0x80 ? 22 : 0x80; /* DTLS records that are none, too */
	}
	CHECK(c.n_closed == 0 && c.n_audio == 0);
	say(&c, TALK, 1, "still here");
	CHECK_EQ(c.n_audio, 1);
	CHECK_EQ(peer_stats(c.peer)->dropped[PEER_DROP_SRTP_FORGED], 500);
}

static void early_audio_is_dropped(void)
{
	AUTO(client) struct client c = { 0 };
	uint8_t d[64] = { 0x80, 111 };

	CHECK(client_init(&c) && offer(&c, &(struct offer){ 0 }) == SDP_OK);
	CHECK_EQ(peer_send_audio(c.peer, bytes_str("x"), 0, true, c.f.now_us), -ENOTCONN);
	check(&c, &c.addr);
	peer_input(c.peer, bytes_of(d, sizeof(d)), &c.addr, c.f.now_us);
	CHECK_EQ(peer_stats(c.peer)->dropped[PEER_DROP_EARLY], 1);
	CHECK_EQ(peer_send_audio(c.peer, bytes_str("x"), 0, true, c.f.now_us), -ENOTCONN);
}

static void wait_until(struct client *c, uint64_t at_us)
{
	while (c->f.now_us < at_us && c->n_closed == 0) {
		uint64_t next = peer_next_us(c->peer, c->f.now_us);

		next = MIN(MAX(next, c->f.now_us + 1000), at_us);
		env_fake_advance(&c->f, next - c->f.now_us);
		peer_on_time(c->peer, c->f.now_us);
	}
}

static void ends_by_itself(void)
{
	AUTO(client) struct client nobody = { 0 };
	AUTO(client) struct client mute = { 0 };
	AUTO(client) struct client gone = { 0 };
	uint64_t from;

	CHECK(client_init(&nobody) && offer(&nobody, &(struct offer){ 0 }) == SDP_OK);
	from = nobody.f.now_us;
	wait_until(&nobody, from + 100 * US_PER_S);
	CHECK(nobody.n_closed == 1 && nobody.end == PEER_END_NO_CHECK);
	CHECK_EQ(nobody.f.now_us, from + 30 * US_PER_S);
	CHECK(peer_next_us(nobody.peer, nobody.f.now_us) == UINT64_MAX);
	CHECK(offer(&nobody, &(struct offer){ 0 }) == SDP_NOT_POSSIBLE);

	CHECK(client_init(&mute) && offer(&mute, &(struct offer){ 0 }) == SDP_OK);
	from = mute.f.now_us;
	check(&mute, &mute.addr); /* a check, then no DTLS */
	CHECK(mute.n_wire >= 2);  /* the answer, and at once the ClientHello */
	wait_until(&mute, from + 100 * US_PER_S);
	CHECK(mute.n_closed == 1 && mute.end == PEER_END_HANDSHAKE);
	CHECK(mute.f.now_us <= from + 15 * US_PER_S);

	CHECK(connect(&gone));
	from = gone.f.now_us;
	wait_until(&gone, from + 100 * US_PER_S);
	CHECK(gone.n_closed == 1 && gone.end == PEER_END_CONSENT);
	CHECK_EQ(gone.f.now_us, from + 35 * US_PER_S);
}

static void wrong_certificate(void)
{
	static const char other[] =
		"D3:B5:1F:48:FB:EF:CF:89:68:B2:FF:3A:B3:3F:92:D5:"
		"A9:52:53:13:35:0B:48:B9:26:79:8B:6F:C7:BF:5C:64";
	AUTO(client) struct client c = { 0 };

	CHECK(!connect_with(&c, &(struct offer){ .fingerprint = other }, DTLS_SERVER));
	CHECK(c.n_connected == 0 && c.n_closed == 1 && c.end == PEER_END_FINGERPRINT);
}

static void later_offers(void)
{
	AUTO(client) struct client c = { 0 };
	char before[16], key[ICE_KEY_LEN];
	struct addr moved;

	CHECK(connect(&c));
	memcpy(before, c.ufrag, sizeof(before));
	memcpy(key, peer_key(c.peer).p, ICE_KEY_LEN);

	/* The same again: nothing moves. */
	CHECK(offer(&c, &(struct offer){ 0 }) == SDP_OK);
	CHECK_STR(c.ufrag, before);
	CHECK(strstr((char *)c.answer.p, " 2 IN IP4") && strstr((char *)c.answer.p, "active"));

	/* Their side stops sending; hold. */
	CHECK(offer(&c, &(struct offer){ .direction = "inactive" }) == SDP_OK);
	CHECK_EQ(peer_send_audio(c.peer, bytes_str("x"), 0, true, c.f.now_us), -ENOTCONN);

	/* ICE restart, from a new address; DTLS and SRTP go on. */
	CHECK(offer(&c, &(struct offer){ .ufrag = "anew" }) == SDP_OK);
	CHECK(strcmp(c.ufrag, before) != 0);
	CHECK(memcmp(peer_key(c.peer).p, key, ICE_KEY_LEN) == 0);
	CHECK(addr_parse(bytes_str("[2001:db8::9]:77"), &moved));
	c.addr = moved;
	check(&c, &c.addr);
	c.n_wire = 0;
	CHECK_EQ(peer_send_audio(c.peer, bytes_str("x"), 0, true, c.f.now_us), 0);
	CHECK(c.n_wire == 1 && addr_eq(&c.wire[0].to, &moved));
	say(&c, TALK, 9, "moved");
	CHECK_STR(c.payload, "moved");
}

static void offers_that_change_too_much(void)
{
	static const char other[] =
		"D3:B5:1F:48:FB:EF:CF:89:68:B2:FF:3A:B3:3F:92:D5:"
		"A9:52:53:13:35:0B:48:B9:26:79:8B:6F:C7:BF:5C:64";
	static const struct offer rows[] = { { .fingerprint = other },
					     { .setup = "active" },
					     { .setup = "holdconn" } };
	AUTO(client) struct client c = { 0 };

	CHECK(connect(&c));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		c.why = NULL;
		CHECK_EQ(offer(&c, &rows[i]), SDP_NOT_POSSIBLE);
		CHECK(c.why && c.answer.n == 0);
	}
	buf_reset(&c.answer);
	CHECK_EQ(peer_offer(c.peer, bytes_str("x"), &c.answer, &c.why), SDP_MALFORMED);
	say(&c, TALK, 1, "goes on");
	CHECK_EQ(c.n_audio, 1);
}

static void client_report(struct client *c, uint32_t ssrc, uint32_t lsr)
{
	uint8_t d[256];
	struct rtcp_report r = { .ssrc = ssrc, .fraction_lost = 64, .lost = 3, .jitter = 480,
				 .lsr = lsr, .dlsr = 0 };
	struct rtcp_out o = { .ssrc = 42, .reports = &r, .n_reports = 1, .cname = bytes_str("c") };
	size_t n = rtcp_write(&o, d, sizeof(d) - RTPSEC_GROWTH);

	if (rtpsec_protect_rtcp(c->sec, d, &n, sizeof(d)) == RTPSEC_OK)
		peer_input(c->peer, bytes_of(d, n), &c->addr, c->f.now_us);
}

static void reports_and_goodbye(void)
{
	AUTO(client) struct client c = { 0 };
	AUTO(buf) struct buf dump = { 0 };

	CHECK(connect(&c));
	CHECK_EQ(peer_audio_stats(c.peer)->rtcp_out, 0);
	CHECK_EQ(peer_send_audio(c.peer, bytes_str("x"), 0, true, c.f.now_us), 0);
	say(&c, TALK, 1, "y");
	pump(&c);
	uint32_t ssrc = c.heard.ssrc;
	wait_until(&c, c.f.now_us + 8 * US_PER_S);
	CHECK(peer_audio_stats(c.peer)->rtcp_out >= 1 && peer_audio_stats(c.peer)->rtcp_out <= 3);

	uint32_t lsr = rtcp_ntp_mid(rtcp_ntp(env_wall(&c.f.env)));
	env_fake_advance(&c.f, 100 * US_PER_MS);
	client_report(&c, ssrc, lsr);
	CHECK_EQ(c.n_reports, 1);
	CHECK(c.report.rtt_us > 99000 && c.report.rtt_us < 101000);
	CHECK(c.report.fraction_lost == 64 && c.report.lost == 3 && c.report.jitter_us == 10000);
	client_report(&c, ssrc + 1, lsr); /* about another source */
	CHECK_EQ(c.n_reports, 1);

	peer_dump(c.peer, &dump);
	CHECK(!dump.failed && strstr((char *)dump.p, "state=connected"));
	peer_close(c.peer, c.f.now_us);
	pump(&c);
	CHECK(c.n_byes == 1 && c.sees_goodbye && c.n_closed == 0);
	CHECK_EQ(peer_send_audio(c.peer, bytes_str("x"), 0, true, c.f.now_us), -ENOTCONN);
	peer_close(c.peer, c.f.now_us);
}

static void the_other_side_hangs_up(void)
{
	AUTO(client) struct client c = { 0 };

	CHECK(connect(&c));
	dtls_close(c.dtls);
	pump(&c);
	CHECK(c.n_closed == 1 && c.end == PEER_END_GOODBYE);
	CHECK_STR(peer_end_name(c.end), "goodbye");
}

TESTS({ "connects_and_talks", connects_and_talks },
      { "talks_before_the_last_flight", talks_before_the_last_flight },
      { "the_audio_path_does_not_allocate", the_audio_path_does_not_allocate },
      { "we_may_be_the_dtls_server", we_may_be_the_dtls_server },
      { "strangers_get_nothing", strangers_get_nothing },
      { "forged_packets_harm_nothing", forged_packets_harm_nothing },
      { "early_audio_is_dropped", early_audio_is_dropped }, { "ends_by_itself", ends_by_itself },
      { "wrong_certificate", wrong_certificate }, { "later_offers", later_offers },
      { "offers_that_change_too_much", offers_that_change_too_much },
      { "reports_and_goodbye", reports_and_goodbye },
      { "the_other_side_hangs_up", the_other_side_hangs_up })
