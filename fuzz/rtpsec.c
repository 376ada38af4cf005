/* SRTP and SRTCP from a stranger: {length, octets}..., the top bit of the length says SRTCP.
 * None may pass, and a true packet must pass afterwards. Links rtpsec.c. */
#include "rtc/rtpsec.h"

#include <stdlib.h>

static void one(enum rtpsec_profile profile, const uint8_t *p, size_t n)
{
	struct rtpsec_keys there = { .profile = profile }, here = { .profile = profile };
	struct rtpsec *a = NULL, *b = NULL;
	uint8_t packet[2048];

	for (uint8_t i = 0; i < RTPSEC_KEY_SALT_MAX; i++)
		there.local[i] = here.remote[i] = (uint8_t)(3 * i + 1);
	if (rtpsec_new(&a, &there) != 0 || rtpsec_new(&b, &here) != 0)
		abort();
	for (size_t off = 0; n - off >= 2;) {
		unsigned head = be16(p + off);
		size_t len = MIN(MIN(head & 0x7ff, sizeof(packet)), n - off - 2), m = len;

		memcpy(packet, p + off + 2, len);
		enum rtpsec_verdict v = head & 0x8000 ? rtpsec_unprotect_rtcp(b, packet, &m) :
							rtpsec_unprotect_rtp(b, packet, &m);
		if (v == RTPSEC_OK || m != len)
			abort();
		/* and whatever we might be told to send */
		memcpy(packet, p + off + 2, len);
		(void)(head & 0x8000 ? rtpsec_protect_rtcp(a, packet, &m, sizeof(packet)) :
				       rtpsec_protect_rtp(a, packet, &m, sizeof(packet)));
		off += 2 + len;
	}
	memset(packet, 0, 40);
	packet[0] = 0x80;
	put_be32(packet + 8, 0xfeedbeef);
	size_t m = 40;
	enum rtpsec_verdict v = rtpsec_protect_rtp(a, packet, &m, sizeof(packet));

	if (v == RTPSEC_OK && (rtpsec_unprotect_rtp(b, packet, &m) != RTPSEC_OK || m != 40))
		abort();
	rtpsec_free(a);
	rtpsec_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	one(RTPSEC_AES128_CM_SHA1_80, p, n);
	one(RTPSEC_AEAD_AES_128_GCM, p, n);
	return 0;
}
