#include "base/crypto.h"
#include "base/test.h"

static void rfc2202_and_rfc4231(void)
{
	uint8_t out[SHA256_LEN];
	char text[2 * SHA256_LEN + 1];
	struct bytes parts[] = { bytes_str("what do ya want "), bytes_str("for nothing?") };

	CHECK_EQ(hmac_sha1(bytes_str("Jefe"), parts, 2, out), 0);
	hex(out, SHA1_LEN, text);
	CHECK_STR(text, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	CHECK_EQ(hmac_sha256(bytes_str("Jefe"), bytes_str("what do ya want for nothing?"), out), 0);
	hex(out, SHA256_LEN, text);
	CHECK_STR(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	CHECK_EQ(crc32_ieee(bytes_str("123456789")), 0xcbf43926);
}

TESTS({ "rfc2202_and_rfc4231", rfc2202_and_rfc4231 })
