/* What a stranger sends to the TLS port, in pieces of the size of the first octet: it never
 * becomes a connection, and ends. Links: net/tls.c libbase -lssl. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "net/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct tls_ctx *make_ctx(void)
{
	char dir[] = "/tmp/fuzz_tls_XXXXXX", cert[40], key[40], why[TLS_WHY];
	const struct tls_self_params self = { .dir = dir,
					      .wall_us = (uint64_t)time(NULL) * US_PER_S };

	if (!mkdtemp(dir) || tls_self_signed(&self, why) != TLS_MADE)
		abort();
	snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	struct tls_ctx *ctx = tls_ctx_new(cert, key, why);
	unlink(cert);
	unlink(key);
	rmdir(dir);
	return ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct tls_ctx *ctx;
	AUTO(tls) struct tls *t = NULL;
	AUTO(buf) struct buf out = { 0 };
	enum tls_step step = TLS_AGAIN;
	uint8_t plain[512];
	size_t got;

	if (!ctx && !(ctx = make_ctx()))
		abort();
	if (n == 0 || tls_new(&t, ctx) != 0)
		return 0;
	size_t piece = p[0] ? p[0] : 4096;
	for (size_t at = 1; at < n && step == TLS_AGAIN; at += MIN(piece, n - at)) {
		if (tls_input(t, bytes_of(p + at, MIN(piece, n - at))) != 0)
			abort();
		while ((step = tls_read(t, plain, sizeof(plain), &got)) == TLS_DATA)
			abort();
		if (tls_output(t, &out) != 0 || out.n > 64 * 1024)
			abort();
	}
	if (tls_is_open(t) || tls_write(t, bytes_str("secret")) == 0)
		abort();
	tls_goodbye(t);
	return 0;
}
