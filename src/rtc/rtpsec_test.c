#include "rtc/rtpsec.h"
#include "base/test.h"

#include <errno.h>

#include "base/buf.h"
#include "base/env.h"

static const enum rtpsec_profile profiles[] = { RTPSEC_AES128_CM_SHA1_80, RTPSEC_AEAD_AES_128_GCM };

enum { PACKET = 172, ROOM = PACKET + RTPSEC_GROWTH };

static bool make(enum rtpsec_profile profile, struct rtpsec **a, struct rtpsec **b)
{
	struct rtpsec_keys k = { .profile = profile }, swapped = { .profile = profile };

	for (uint8_t i = 0; i < RTPSEC_KEY_SALT_MAX; i++) {
		swapped.remote[i] = k.local[i] = i;
		swapped.local[i] = k.remote[i] = 0x80 | i;
	}
	return rtpsec_new(a, &k) == 0 && rtpsec_new(b, &swapped) == 0;
}

static size_t rtp(uint8_t *p, uint16_t seq, uint32_t ssrc)
{
	memset(p, 0x5a, PACKET);
	p[0] = 0x80;
	p[1] = 111;
	put_be16(p + 2, seq);
	put_be32(p + 4, seq * 960u);
	put_be32(p + 8, ssrc);
	return PACKET;
}

static size_t rtcp(uint8_t *p, uint32_t ssrc)
{
	memset(p, 0, 28);
	p[0] = 0x80; /* sender report */
	p[1] = 200;
	put_be16(p + 2, 6);
	put_be32(p + 4, ssrc);
	return 28;
}

static void round_trips(void)
{
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
		AUTO(rtpsec) struct rtpsec *a = NULL;
		AUTO(rtpsec) struct rtpsec *b = NULL;
		uint8_t p[ROOM], plain[ROOM];

		CHECK(make(profiles[i], &a, &b));
		/* across the wrap of the sequence number (RFC 3711, 3.3.1) */
		for (unsigned s = 65000; s < 66500; s++) {
			size_t n = rtp(p, (uint16_t)s, 0x1234);
			memcpy(plain, p, n);
			CHECK_EQ(rtpsec_protect_rtp(a, p, &n, sizeof(p)), RTPSEC_OK);
			CHECK(n > PACKET && memcmp(p + 12, plain + 12, PACKET - 12) != 0);
			CHECK_EQ(rtpsec_unprotect_rtp(b, p, &n), RTPSEC_OK);
			CHECK_EQ(n, PACKET);
			CHECK(memcmp(p, plain, n) == 0);
		}
		size_t n = rtcp(p, 0x1234);
		memcpy(plain, p, n);
		CHECK_EQ(rtpsec_protect_rtcp(b, p, &n, sizeof(p)), RTPSEC_OK);
		CHECK_EQ(rtpsec_unprotect_rtcp(a, p, &n), RTPSEC_OK);
		CHECK(n == 28 && memcmp(p, plain, n) == 0);
	}
}

/* RFC 3711, B.3 derives these from this master key and salt; B.2 has the first key stream of
 * another. What AES-CM makes of a known packet is checked against the derived session key:
 * SRTP of libsrtp's own reference packet (its test driver, "srtp_validate"). */
static void reference_packet(void)
{
	static const uint8_t key[] = {
		0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde,
		0x41, 0x39, 0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a,
		0xab, 0xe6,
	};
	static const uint8_t protected[] = {
		0x80, 0x0f, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad, 0xca, 0xfe, 0xba, 0xbe, 0x4e,
		0x55, 0xdc, 0x4c, 0xe7, 0x99, 0x78, 0xd8, 0x8c, 0xa4, 0xd2, 0x15, 0x94, 0x9d,
		0x24, 0x02, 0xb7, 0x8d, 0x6a, 0xcc, 0x99, 0xea, 0x17, 0x9b, 0x8d, 0xbb,
	};
	AUTO(rtpsec) struct rtpsec *a = NULL;
	struct rtpsec_keys k = { .profile = RTPSEC_AES128_CM_SHA1_80 };
	uint8_t p[64] = { 0x80, 0x0f, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad, 0xca, 0xfe, 0xba, 0xbe };
	size_t n = 28;

	memset(p + 12, 0xab, 16);
	memcpy(k.local, key, sizeof(key));
	memcpy(k.remote, key, sizeof(key));
	CHECK_EQ(rtpsec_new(&a, &k), 0);
	CHECK_EQ(rtpsec_protect_rtp(a, p, &n, sizeof(p)), RTPSEC_OK);
	CHECK_EQ(n, sizeof(protected));
	CHECK(memcmp(p, protected, n) == 0);
	CHECK_EQ(rtpsec_unprotect_rtp(a, p, &n), RTPSEC_OK);
	CHECK(n == 28 && p[12] == 0xab && p[27] == 0xab);
}

static void replay_and_age(void)
{
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
		AUTO(rtpsec) struct rtpsec *a = NULL;
		AUTO(rtpsec) struct rtpsec *b = NULL;
		static uint8_t p[2000][ROOM];
		uint8_t copy[ROOM];
		size_t n = 0;

		CHECK(make(profiles[i], &a, &b));
		for (uint16_t s = 0; s < 2000; s++) {
			n = rtp(p[s], s, 7);
			CHECK_EQ(rtpsec_protect_rtp(a, p[s], &n, ROOM), RTPSEC_OK);
		}
		size_t len = n;
		/* every second one arrives; then the others, and all again */
		for (int s = 1; s < 2000; s += 2) {
			memcpy(copy, p[s], ROOM);
			n = len;
			CHECK_EQ(rtpsec_unprotect_rtp(b, copy, &n), RTPSEC_OK);
		}
		for (int s = 0; s < 2000; s++) {
			bool fresh = s % 2 == 0 && 1999 - s < RTPSEC_WINDOW;

			memcpy(copy, p[s], ROOM);
			n = len;
			CHECK_EQ(rtpsec_unprotect_rtp(b, copy, &n),
				 fresh ? RTPSEC_OK : RTPSEC_REPLAYED);
		}
		n = rtcp(copy, 7);
		CHECK_EQ(rtpsec_protect_rtcp(a, copy, &n, ROOM), RTPSEC_OK);
		memcpy(p[0], copy, n);
		len = n;
		CHECK_EQ(rtpsec_unprotect_rtcp(b, copy, &n), RTPSEC_OK);
		CHECK_EQ(rtpsec_unprotect_rtcp(b, p[0], &len), RTPSEC_REPLAYED);
	}
}

/* CVE-2021-41105: errors must not add up to anything. */
static void forgeries_change_nothing(void)
{
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
		AUTO(rtpsec) struct rtpsec *a = NULL;
		AUTO(rtpsec) struct rtpsec *b = NULL;
		struct env_fake dice;
		uint8_t good[ROOM], p[ROOM];
		size_t len = rtp(good, 1000, 7), n;

		env_fake_init(&dice, 3);
		CHECK(make(profiles[i], &a, &b));
		CHECK_EQ(rtpsec_protect_rtp(a, good, &len, ROOM), RTPSEC_OK);
		for (int k = 0; k < 20000; k++) {
			uint8_t at;

			env_rand(&dice.env, &at, 1);
			memcpy(p, good, len);
			n = len;
			if (k % 2) /* another source, another number */
				put_be32(p + 8, (uint32_t)k);
			p[12 + at % (len - 12)] ^= (uint8_t)(1 + k % 255);
			put_be16(p + 2, (uint16_t)(k * 7));
			CHECK_EQ(k % 3 ? rtpsec_unprotect_rtp(b, p, &n) :
					 rtpsec_unprotect_rtcp(b, p, &n), RTPSEC_FORGED);
			CHECK_EQ(n, len);
		}
		CHECK_EQ(rtpsec_unprotect_rtp(b, good, &len), RTPSEC_OK);
		CHECK_EQ(len, PACKET);
	}
}

static void malformed_is_refused(void)
{
	AUTO(rtpsec) struct rtpsec *a = NULL;
	AUTO(rtpsec) struct rtpsec *b = NULL;
	AUTO(buf) struct buf dump = { 0 };
	uint8_t p[ROOM];

	CHECK(make(RTPSEC_AEAD_AES_128_GCM, &a, &b));
	for (size_t n = 0; n < 12; n++) {
		size_t len = n;

		memset(p, 0x80, sizeof(p));
		CHECK_EQ(rtpsec_unprotect_rtp(b, p, &len), RTPSEC_MALFORMED);
		CHECK_EQ(rtpsec_protect_rtp(a, p, &len, sizeof(p)), RTPSEC_MALFORMED);
	}
	size_t n = rtp(p, 1, 1);
	CHECK_EQ(rtpsec_protect_rtp(a, p, &n, n + RTPSEC_GROWTH - 1), RTPSEC_MALFORMED);
	p[0] = 0x40; /* version 1 */
	CHECK_EQ(rtpsec_protect_rtp(a, p, &n, sizeof(p)), RTPSEC_MALFORMED);
	p[0] = 0x90; /* an extension longer than the packet */
	put_be16(p + 14, 1000);
	CHECK_EQ(rtpsec_protect_rtp(a, p, &n, sizeof(p)), RTPSEC_MALFORMED);
	n = 20;
	p[0] = 0x8f; /* 15 CSRCs in 20 octets */
	CHECK_EQ(rtpsec_unprotect_rtp(a, p, &n), RTPSEC_MALFORMED);
	n = 12; /* a header and no tag */
	p[0] = 0x80;
	CHECK(rtpsec_unprotect_rtp(b, p, &n) != RTPSEC_OK);
	n = 8;
	CHECK(rtpsec_unprotect_rtcp(b, p, &n) != RTPSEC_OK);
	n = 7;
	CHECK_EQ(rtpsec_unprotect_rtcp(b, p, &n), RTPSEC_MALFORMED);
	rtpsec_dump(b, &dump);
	CHECK(!dump.failed && strstr((char *)dump.p, "in=0"));
}

static void sources_are_limited(void)
{
	AUTO(rtpsec) struct rtpsec *a = NULL;
	AUTO(rtpsec) struct rtpsec *b = NULL;
	uint8_t p[ROOM];

	CHECK(make(RTPSEC_AES128_CM_SHA1_80, &a, &b));
	for (uint32_t s = 1; s <= RTPSEC_SSRC_MAX + 3; s++) {
		size_t n = rtp(p, 1, s);

		CHECK_EQ(rtpsec_protect_rtp(a, p, &n, ROOM), RTPSEC_OK);
		CHECK_EQ(rtpsec_unprotect_rtp(b, p, &n),
			 s <= RTPSEC_SSRC_MAX ? RTPSEC_OK : RTPSEC_TOO_MANY);
	}
}

static void unknown_profile(void)
{
	struct rtpsec_keys k = { .profile = (enum rtpsec_profile)2 };
	struct rtpsec *r = NULL;

	CHECK_EQ(rtpsec_new(&r, &k), -EINVAL);
	CHECK_EQ(rtpsec_key_salt_len((enum rtpsec_profile)2), 0);
}

TESTS({ "round_trips", round_trips }, { "reference_packet", reference_packet },
      { "replay_and_age", replay_and_age },
      { "forgeries_change_nothing", forgeries_change_nothing },
      { "malformed_is_refused", malformed_is_refused },
      { "sources_are_limited", sources_are_limited }, { "unknown_profile", unknown_profile })
