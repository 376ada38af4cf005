/* tls_test.h - a TLS client on memory and a directory with a certificate, for tests. */
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/test.h"
#include "base/testdir.h"
#include "net/net_test.h"
#include "net/tls.h"

enum { JAN_2026_S = 1767225600 };

struct cert_dir {
	struct testdir dir;
	char cert[80], key[80];
};

static inline void cert_dir_open(struct cert_dir *d)
{
	d->dir = testdir_new();
	snprintf(d->cert, sizeof(d->cert), "%s/cert.pem", d->dir.path);
	snprintf(d->key, sizeof(d->key), "%s/key.pem", d->dir.path);
}

static inline void cert_dir_auto_(struct cert_dir *d)
{
	testdir_auto_(&d->dir);
}

/* A server context with a certificate that is valid now. */
static inline struct tls_ctx *test_ctx(struct cert_dir *d)
{
	char why[TLS_WHY];
	cert_dir_open(d);
	const struct tls_self_params p = { .dir = d->dir.path,
					   .wall_us = (uint64_t)time(NULL) * US_PER_S };

	if (tls_self_signed(&p, why) != TLS_MADE)
		return NULL;
	return tls_ctx_new(d->cert, d->key, why);
}

struct tls_client {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out;
};

static inline void tls_client_auto_(struct tls_client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
}

/* Trusts exactly the certificate in the file, for localhost. alpn: as on the wire, or NULL. */
static inline bool tls_client_open(struct tls_client *c, const char *ca, int max_version,
				   const char *alpn)
{
	c->ctx = SSL_CTX_new(TLS_client_method());
	if (!c->ctx || SSL_CTX_load_verify_locations(c->ctx, ca, NULL) != 1)
		return false;
	SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_max_proto_version(c->ctx, max_version);
	c->ssl = SSL_new(c->ctx);
	c->in = BIO_new(BIO_s_mem());
	c->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(c->in, -1);
	SSL_set_bio(c->ssl, c->in, c->out);
	SSL_set_connect_state(c->ssl);
	if (alpn && SSL_set_alpn_protos(c->ssl, (const unsigned char *)alpn,
					(unsigned)strlen(alpn)) != 0)
		return false;
	return SSL_set1_host(c->ssl, "localhost") == 1;
}

/* What the client has for the wire. */
static inline size_t tls_client_output(struct tls_client *c, uint8_t *to, size_t cap)
{
	int n = BIO_read(c->out, to, (int)cap);
	return n > 0 ? (size_t)n : 0;
}

/* Turn everything until the client has decrypted `s`; NULL: until the hands are shaken. */
static inline bool tls_hears(struct tls_client *t, struct client *c, struct buf *plain,
			     const char *s)
{
	uint8_t data[20000];

	for (uint64_t end = now_ms() + WAIT_MS; now_ms() < end && !mem_failed();) {
		size_t n = tls_client_output(t, data, sizeof(data));

		if (n && !client_send(c, bytes_of(data, n)))
			return false;
		client_turn(c);
		client_forget(c);
		bool more = client_read(c);
		if (c->got.n)
			BIO_write(t->in, c->got.p, (int)c->got.n);
		int got = SSL_read(t->ssl, data, sizeof(data));
		if (got > 0)
			buf_put(plain, data, (size_t)got);
		if (s ? plain->n && memmem(plain->p, plain->n, s, strlen(s)) :
			SSL_is_init_finished(t->ssl))
			return true;
		if (c->eof && got <= 0)
			return false;
		if (!more && n == 0)
			nap();
	}
	return false;
}
