/* crypto.h - hashes for the layers that must not see OpenSSL.
 *
 * The only file of base that does; net/tls.c and rtc/dtls.c are the other two
 * users of OpenSSL. Constant-time where it says so.
 */
#pragma once

#include "base/bytes.h"

enum { SHA1_LEN = 20, SHA256_LEN = 32 };

MUST_USE int hmac_sha1(struct bytes key, const struct bytes *parts, size_t n_parts,
		       uint8_t out[static SHA1_LEN]);
MUST_USE int hmac_sha256(struct bytes key, struct bytes data, uint8_t out[static SHA256_LEN]);
MUST_USE int sha256(struct bytes data, uint8_t out[static SHA256_LEN]);
MUST_USE int sha1(struct bytes data, uint8_t out[static SHA1_LEN]);

/* Constant time in the content; false at once when lengths differ. */
MUST_USE bool equal_secret(struct bytes a, struct bytes b);

/* CRC-32 of IEEE 802.3, as STUN's FINGERPRINT takes it (before its XOR). */
uint32_t crc32_ieee(struct bytes data);

/* Lower-case hexadecimal; `to` holds 2 n + 1. */
void hex(const uint8_t *p, size_t n, char *to);
