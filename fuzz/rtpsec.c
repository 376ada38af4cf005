/* SRTP and SRTCP from a stranger: {length, octets}..., the top bit of the length says SRTCP.
 * None may pass, and a true packet must pass afterwards. Links rtpsec.c. */
#include "rtc/rtpsec.h"

#include <stdlib.h>

enum { USES = 64 }; /* of a pair of contexts, which are dear */

struct pair {
	enum rtpsec_profile profile;
	struct rtpsec *a, *b;
	uint16_t n_uses;
};

static void renew(struct pair *x)
{
	struct rtpsec_keys there = { .profile = x->profile }, here = { .profile = x->profile };

	rtpsec_free(x->a);
	rtpsec_free(x->b);
	for (uint8_t i = 0; i < RTPSEC_KEY_SALT_MAX; i++)
		there.local[i] = here.remote[i] = (uint8_t)(3 * i + 1);
	if (rtpsec_new(&x->a, &there) != 0 || rtpsec_new(&x->b, &here) != 0)
		abort();
}

static void one(struct pair *x, const uint8_t *p, size_t n)
{
	uint8_t packet[2048];

	if (x->n_uses++ % USES == 0)
		renew(x);
	for (size_t off = 0; n - off >= 2;) {
		unsigned head = be16(p + off);
		size_t len = MIN(MIN(head & 0x7ff, sizeof(packet)), n - off - 2), m = len;

		memcpy(packet, p + off + 2, len);
		enum rtpsec_verdict v = head & 0x8000 ?
						rtpsec_unprotect_rtcp(x->b, packet, &m) :
						rtpsec_unprotect_rtp(x->b, packet, &m);
		if (v == RTPSEC_OK || m != len)
			abort();
		/* and whatever we might be told to send */
		memcpy(packet, p + off + 2, len);
		(void)(head & 0x8000 ? rtpsec_protect_rtcp(x->a, packet, &m, sizeof(packet)) :
				       rtpsec_protect_rtp(x->a, packet, &m, sizeof(packet)));
		off += 2 + len;
	}
	memset(packet, 0, 40);
	packet[0] = 0x80;
	put_be16(packet + 2, x->n_uses);
	put_be32(packet + 8, 0xfeedbeef);
	size_t m = 40;
	enum rtpsec_verdict v = rtpsec_protect_rtp(x->a, packet, &m, sizeof(packet));

	if (v == RTPSEC_OK && (rtpsec_unprotect_rtp(x->b, packet, &m) != RTPSEC_OK || m != 40))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct rtpsec *keep; /* libsrtp's library starts anew for the first of all contexts */
	static struct pair pairs[] = { { .profile = RTPSEC_AES128_CM_SHA1_80 },
				       { .profile = RTPSEC_AEAD_AES_128_GCM } };

	if (!keep && rtpsec_new(&keep, &(struct rtpsec_keys){ .profile = RTPSEC_AEAD_AES_128_GCM }))
		abort();
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		one(&pairs[i], p, n);
	return 0;
}
