#include "base/crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>

/* Fetching an algorithm by name takes a lock and a search in OpenSSL 3: once. */
static EVP_MAC *hmac;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

static int mac(const char *digest, struct bytes key, const struct bytes *parts, size_t n_parts,
	       uint8_t *out, size_t len)
{
	/* Filled first: the constructor measures it. */
	char name[16] = { 0 };
	strncpy(name, digest, sizeof(name) - 1);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	size_t got = 0;

	pthread_once(&once, fetch);
	EVP_MAC_CTX *ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	bool ok = ctx && EVP_MAC_init(ctx, key.n ? key.p : (const uint8_t *)"", key.n, params) == 1;
	for (size_t i = 0; ok && i < n_parts; i++)
		ok = EVP_MAC_update(ctx, parts[i].p, parts[i].n) == 1;
	ok = ok && EVP_MAC_final(ctx, out, &got, len) == 1 && got == len;
	EVP_MAC_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

int hmac_sha1(struct bytes key, const struct bytes *parts, size_t n_parts,
	      uint8_t out[static SHA1_LEN])
{
	return mac("SHA1", key, parts, n_parts, out, SHA1_LEN);
}

int hmac_sha256(struct bytes key, struct bytes data, uint8_t out[static SHA256_LEN])
{
	return mac("SHA256", key, &data, 1, out, SHA256_LEN);
}

int sha256(struct bytes d, uint8_t out[static SHA256_LEN])
{
	return EVP_Digest(d.p, d.n, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

int sha1(struct bytes d, uint8_t out[static SHA1_LEN])
{
	return EVP_Digest(d.p, d.n, out, NULL, EVP_sha1(), NULL) == 1 ? 0 : -ENOMEM;
}

bool equal_secret(struct bytes a, struct bytes b)
{
	return a.n == b.n && CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}

uint32_t crc32_ieee(struct bytes d)
{
	uint32_t c = ~0u;

	for (size_t i = 0; i < d.n; i++) {
		c ^= d.p[i];
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (0xedb88320u & -(c & 1));
	}
	return ~c;
}

void hex(const uint8_t *p, size_t n, char *to)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		to[2 * i] = digits[p[i] >> 4];
		to[2 * i + 1] = digits[p[i] & 15];
	}
	to[2 * n] = 0;
}
