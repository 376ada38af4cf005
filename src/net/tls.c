#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

#include "base/alloc.h"

struct tls_ctx {
	SSL_CTX *ssl;
};

struct tls {
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
};

/* --- context ------------------------------------------------------------------ */

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *n_out,
		       const unsigned char *in, unsigned n_in, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen = NULL;

	(void)ssl;
	(void)arg;
	/* RFC 7301, 3.2: no overlap is a fatal no_application_protocol. */
	if (SSL_select_next_proto(&chosen, n_out, ours, sizeof(ours) - 1, in, n_in) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static void openssl_reason(char why[static TLS_WHY], const char *what, const char *path)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(why, TLS_WHY, "%s %s: %s", what, path, reason ? reason : "unknown error");
	ERR_clear_error();
}

static bool configure(SSL_CTX *c)
{
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				       SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS); /* idle connections are small */
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF); /* tickets need no shared state */
	SSL_CTX_set_alpn_select_cb(c, choose_alpn, NULL);
	return SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

struct tls_ctx *tls_ctx_new(const char *cert_path, const char *key_path, char why[static TLS_WHY])
{
	struct tls_ctx *c = mem_zalloc(sizeof(*c));

	ERR_clear_error();
	snprintf(why, TLS_WHY, "out of memory");
	if (!c)
		return NULL;
	c->ssl = SSL_CTX_new(TLS_server_method());
	if (!c->ssl || !configure(c->ssl))
		openssl_reason(why, "cannot set up", "TLS");
	else if (SSL_CTX_use_certificate_chain_file(c->ssl, cert_path) != 1)
		openssl_reason(why, "cannot use certificate", cert_path);
	else if (SSL_CTX_use_PrivateKey_file(c->ssl, key_path, SSL_FILETYPE_PEM) != 1 ||
		 SSL_CTX_check_private_key(c->ssl) != 1)
		openssl_reason(why, "cannot use key", key_path);
	else
		return c;
	tls_ctx_free(c);
	return NULL;
}

void tls_ctx_free(struct tls_ctx *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ssl);
	mem_free(c);
}

/* --- one connection ------------------------------------------------------------- */

int tls_new(struct tls **out, struct tls_ctx *ctx)
{
	struct tls *t = mem_zalloc(sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->ssl = SSL_new(ctx->ssl);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (!t->ssl || !t->in || !t->out) {
		BIO_free(t->in);
		BIO_free(t->out);
		SSL_free(t->ssl);
		mem_free(t);
		return -ENOMEM;
	}
	BIO_set_mem_eof_return(t->in, -1); /* empty means "wait", not "end" */
	BIO_set_mem_eof_return(t->out, -1);
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_accept_state(t->ssl);
	*out = t;
	return 0;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	mem_free(t);
}

int tls_input(struct tls *t, struct bytes cipher)
{
	size_t n = 0;

	ERR_clear_error();
	if (cipher.n == 0)
		return 0;
	return BIO_write_ex(t->in, cipher.p, cipher.n, &n) == 1 && n == cipher.n ? 0 : -ENOMEM;
}

enum tls_step tls_read(struct tls *t, uint8_t *to, size_t cap, size_t *n)
{
	ERR_clear_error();
	if (SSL_read_ex(t->ssl, to, cap, n) == 1)
		return TLS_DATA;
	*n = 0;
	switch (SSL_get_error(t->ssl, 0)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return TLS_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_END;
	default:
		ERR_clear_error();
		return TLS_BROKEN;
	}
}

int tls_write(struct tls *t, struct bytes plain)
{
	size_t n = 0;

	ERR_clear_error();
	if (!SSL_is_init_finished(t->ssl))
		return -EPROTO;
	if (plain.n == 0)
		return 0;
	if (SSL_write_ex(t->ssl, plain.p, plain.n, &n) == 1 && n == plain.n)
		return 0;
	ERR_clear_error();
	return -EPROTO;
}

int tls_output(struct tls *t, struct buf *to)
{
	size_t waiting = BIO_ctrl_pending(t->out), n = 0;

	if (waiting == 0)
		return 0;
	uint8_t *at = buf_reserve(to, waiting);
	if (!at)
		return -ENOMEM;
	if (BIO_read_ex(t->out, at, waiting, &n) != 1)
		n = 0;
	to->n += n;
	to->p[to->n] = 0;
	return n == waiting ? 0 : -ENOMEM;
}

void tls_goodbye(struct tls *t)
{
	ERR_clear_error();
	if (SSL_is_init_finished(t->ssl))
		(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

bool tls_is_open(const struct tls *t)
{
	return SSL_is_init_finished(t->ssl) != 0;
}
