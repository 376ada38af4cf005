#include "rtc/rtcp.h"
#include "base/test.h"

static const struct rtcp_report block = { .ssrc = 0x11223344, .fraction_lost = 25, .lost = -3,
					  .highest_seq = 0x00010005, .jitter = 40,
					  .lsr = 0xB7058000, .dlsr = 0x00054000 };

static void what_is_written_reads_back(void)
{
	struct rtcp_sr sr = { .ssrc = 5, .ntp = 0x0102030405060708, .rtp_ts = 48000,
			      .packets = 50, .octets = 3000 };

	for (size_t name = 0; name <= 9; name++) {
		struct rtcp_out o = { .ssrc = 5, .sr = name & 1 ? &sr : NULL, .reports = &block,
				      .n_reports = 1, .cname = bytes_of("cname@abc", name),
				      .bye = true };
		uint8_t to[128];
		struct rtcp_view v;
		size_t n = rtcp_write(&o, to, sizeof(to));

		CHECK(n > 0 && n % 4 == 0);
		CHECK_EQ(rtcp_write(&o, to, n - 1), 0);
		CHECK_EQ(rtcp_parse(bytes_of(to, n), &v), RTCP_OK);
		CHECK_EQ(v.has_sr, name & 1);
		CHECK_EQ(v.ssrc, 5);
		CHECK(!v.has_sr || memcmp(&v.sr, &sr, sizeof(sr)) == 0);
		CHECK_EQ(v.n_reports, 1);
		CHECK(memcmp(&v.reports[0], &block, sizeof(block)) == 0);
		CHECK_EQ(v.cname.n, name);
		CHECK(name == 0 || memcmp(v.cname.p, "cname@abc", name) == 0);
		CHECK_EQ(v.n_byes, 1);
		CHECK_EQ(v.byes[0], 5);
		for (size_t cut = 1; cut < n; cut++)
			if (rtcp_parse(bytes_of(to, cut), &v) == RTCP_OK)
				CHECK(cut % 4 == 0);
	}
}

static void feedback_is_skipped_and_may_stand_alone(void)
{
	/* RFC 5506: a PLI (206) alone; then REMB (206/15) before a padded RR */
	static const uint8_t pli[] = { 0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2 };
	static const uint8_t two[] = { 0x8f, 206, 0, 1, 0, 0, 0, 1, 0xa0, 201, 0, 2, 0, 0, 0, 9,
				       0, 0, 0, 4 };
	struct rtcp_view v;

	CHECK_EQ(rtcp_parse(bytes_of(pli, sizeof(pli)), &v), RTCP_OK);
	CHECK_EQ(v.n_skipped, 1);
	CHECK_EQ(rtcp_parse(bytes_of(two, sizeof(two)), &v), RTCP_OK);
	CHECK_EQ(v.ssrc, 9);
}

static void lies_are_refused(void)
{
	static const struct {
		uint8_t p[12];
		size_t n;
	} bad[] = {
		{ { 0x80, 201, 0, 1, 0, 0, 0 }, 7 },
		{ { 0x40, 201, 0, 1, 0, 0, 0, 0 }, 8 },
		{ { 0x80, 111, 0, 1, 0, 0, 0, 0 }, 8 },
		{ { 0x80, 201, 0, 0 }, 4 },                            /* RR without SSRC   */
		{ { 0x81, 201, 0, 1, 0, 0, 0, 0 }, 8 },                /* a block, not there */
		{ { 0x80, 200, 0, 1, 0, 0, 0, 0 }, 8 },                /* SR without sender  */
		{ { 0x81, 203, 0, 0 }, 4 },                            /* BYE of nobody      */
		{ { 0xa0, 201, 0, 1, 0, 0, 0, 3 }, 8 },                /* padding not by 4   */
		{ { 0xa0, 201, 0, 1, 0, 0, 0, 8 }, 8 },                /* padding too long   */
		{ { 0xa0, 203, 0, 1, 0, 0, 0, 4, 0x80, 203, 0, 0 }, 12 }, /* padding inside  */
		{ { 0x81, 202, 0, 2, 0, 0, 0, 1, 1, 9, 'a', 'b' }, 12 },
		{ { 0x81, 202, 0, 2, 0, 0, 0, 1, 1, 2, 'a', 'b' }, 12 }, /* no END         */
	};
	struct rtcp_view v;

	CHECK_EQ(rtcp_parse(bytes_of("", 0), &v), RTCP_MALFORMED);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_EQ(rtcp_parse(bytes_of(bad[i].p, bad[i].n), &v), RTCP_MALFORMED);
}

/* The example of RFC 3550, figure 2: 0xb710:8000 - 0xb705:2000 - 0x0005:4000 = 6.125 s */
static void round_trip_of_the_rfc(void)
{
	struct rtcp_report r = { .lsr = 0xb7052000, .dlsr = 0x00054000 };

	CHECK_EQ(rtcp_rtt_us(&r, UINT64_C(0xb7108000) << 16), 6125000);
	r.lsr = 0;
	CHECK_EQ(rtcp_rtt_us(&r, 1), -1);
	r.lsr = 0xb7108001; /* negative */
	CHECK_EQ(rtcp_rtt_us(&r, UINT64_C(0xb7108000) << 16), -1);
}

static void ntp_counts_from_1900(void)
{
	CHECK_EQ(rtcp_ntp(0) >> 32, 2208988800);
	CHECK_EQ(rtcp_ntp(500000) & 0xffffffff, 0x80000000);
}

static void loss_is_counted(void)
{
	struct rtcp_stats s;
	struct rtcp_report r;

	rtcp_stats_init(&s, 7, 48000);
	CHECK(!rtcp_stats_report(&s, 0, &r));
	for (unsigned i = 0; i < 100; i++)
		if (i % 4 != 3)
			rtcp_stats_rtp(&s, (uint16_t)(65500 + i), i * 960, i * UINT64_C(20000));
	CHECK(rtcp_stats_report(&s, 2000000, &r));
	CHECK_EQ(r.ssrc, 7);
	CHECK_EQ(r.highest_seq, 65500 + 98);
	CHECK_EQ(r.lost, 24);
	CHECK_EQ(r.fraction_lost, 24 * 256 / 99);
	CHECK_EQ(r.jitter, 0);
	CHECK_EQ(r.lsr + r.dlsr, 0);
	/* nothing lost in the next interval; duplicates make the sum negative, not the fraction */
	for (unsigned i = 0; i < 60; i++)
		rtcp_stats_rtp(&s, (uint16_t)(65598 + i / 2), i / 2 * 960, 0);
	CHECK(rtcp_stats_report(&s, 2000000, &r));
	CHECK_EQ(r.fraction_lost, 0);
	CHECK_EQ(r.lost, 24 + 29 - 60);
}

static void jitter_settles_at_the_mean_deviation(void)
{
	struct rtcp_stats s;
	struct rtcp_report r;

	rtcp_stats_init(&s, 7, 48000);
	for (unsigned i = 0; i < 500; i++) /* every other packet 5 ms late: |D| is 240 */
		rtcp_stats_rtp(&s, (uint16_t)i, i * 960, i * UINT64_C(20000) + (i & 1) * 5000);
	CHECK(rtcp_stats_report(&s, 0, &r));
	CHECK(r.jitter >= 238 && r.jitter <= 240);
	CHECK(rtcp_stats_jitter_us(&s) > 4900 && rtcp_stats_jitter_us(&s) < 5100);
}

static void a_restart_needs_two_packets(void)
{
	struct rtcp_stats s;
	struct rtcp_report r;

	rtcp_stats_init(&s, 7, 48000);
	for (unsigned i = 0; i < 10; i++)
		rtcp_stats_rtp(&s, (uint16_t)i, 0, 0);
	rtcp_stats_rtp(&s, 30000, 0, 0); /* a stray */
	rtcp_stats_rtp(&s, 10, 0, 0);
	CHECK(rtcp_stats_report(&s, 0, &r));
	CHECK_EQ(r.highest_seq, 10);
	rtcp_stats_rtp(&s, 30000, 0, 0);
	rtcp_stats_rtp(&s, 30001, 0, 0);
	CHECK(rtcp_stats_report(&s, 0, &r));
	CHECK_EQ(r.highest_seq, 30001);
	CHECK_EQ(r.lost, 0);
}

static void delay_since_the_last_sr(void)
{
	struct rtcp_stats s;
	struct rtcp_report r;

	rtcp_stats_init(&s, 7, 48000);
	rtcp_stats_rtp(&s, 1, 0, 0);
	rtcp_stats_sr(&s, &(struct rtcp_sr){ .ntp = 0x0000b70580000000 }, 1000000);
	CHECK(rtcp_stats_report(&s, 2500000, &r));
	CHECK_EQ(r.lsr, 0xb7058000);
	CHECK_EQ(r.dlsr, 0x18000);
}

TESTS({ "what_is_written_reads_back", what_is_written_reads_back },
      { "feedback_is_skipped_and_may_stand_alone", feedback_is_skipped_and_may_stand_alone },
      { "lies_are_refused", lies_are_refused },
      { "round_trip_of_the_rfc", round_trip_of_the_rfc },
      { "ntp_counts_from_1900", ntp_counts_from_1900 },
      { "loss_is_counted", loss_is_counted },
      { "jitter_settles_at_the_mean_deviation", jitter_settles_at_the_mean_deviation },
      { "a_restart_needs_two_packets", a_restart_needs_two_packets },
      { "delay_since_the_last_sr", delay_since_the_last_sr })
