#include "net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"

struct tls_ctx {
	SSL_CTX *ssl;
};

struct tls {
	SSL *ssl;
	BIO *in, *out; /* owned by ssl                        */
	char *why;     /* TLS_WHY octets, borrowed; or NULL   */
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

/* The client's side: what it knows about authorities is read here, once. */
static bool configure_client(SSL_CTX *c)
{
	static const unsigned char alpn[] = "\x08http/1.1";

	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	return SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
	       SSL_CTX_set_alpn_protos(c, alpn, sizeof(alpn) - 1) == 0 &&
	       SSL_CTX_set_default_verify_paths(c) == 1;
}

struct tls_ctx *tls_client_ctx_new(char why[static TLS_WHY])
{
	struct tls_ctx *c = mem_zalloc(sizeof(*c));

	ERR_clear_error();
	snprintf(why, TLS_WHY, "out of memory");
	if (!c)
		return NULL;
	c->ssl = SSL_CTX_new(TLS_client_method());
	if (c->ssl && configure_client(c->ssl)) {
		ERR_clear_error();
		return c;
	}
	openssl_reason(why, "cannot set up", "TLS");
	tls_ctx_free(c);
	return NULL;
}

/* --- one connection ------------------------------------------------------------- */

static int create(struct tls **out, struct tls_ctx *ctx)
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
	*out = t;
	return 0;
}

int tls_new(struct tls **out, struct tls_ctx *ctx)
{
	int err = create(out, ctx);

	if (err == 0)
		SSL_set_accept_state((*out)->ssl);
	return err;
}

/* RFC 6066, 3: a numeric address is no server name. */
static bool expect_host(SSL *ssl, const char *host)
{
	struct addr a;

	if (addr_parse(bytes_str(host), &a))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	/* SSL_set_tlsext_host_name(), whose macro casts const away. */
	return SSL_set1_host(ssl, host) == 1 &&
	       SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			(void *)(uintptr_t)host) == 1;
}

int tls_client_new(struct tls **out, struct tls_ctx *client_ctx, const char *host, char *why)
{
	int err = create(out, client_ctx);

	if (err != 0)
		return err;
	SSL_set_connect_state((*out)->ssl);
	(*out)->why = why;
	if (expect_host((*out)->ssl, host))
		return 0;
	tls_free(*out);
	*out = NULL;
	return -ENOMEM;
}

void tls_start(struct tls *t)
{
	ERR_clear_error();
	(void)SSL_do_handshake(t->ssl); /* wants to read: what it says waits in `out` */
	ERR_clear_error();
}

static void note_why(const struct tls *t)
{
	long v = SSL_get_verify_result(t->ssl);
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	if (!t->why)
		return;
	if (v != X509_V_OK)
		snprintf(t->why, TLS_WHY, "its certificate is refused: %s",
			 X509_verify_cert_error_string(v));
	else
		snprintf(t->why, TLS_WHY, "TLS fails: %s", reason ? reason : "unknown error");
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
		note_why(t);
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

/* --- the certificate we make ourselves --------------------------------------------- */

enum {
	RENEW_DAYS = 7,
	HOST_MAX = 254,
	SERIAL_LEN = 16,
	DAY_S = 24 * 3600,
	FIXED_NAMES = 3,
};

/* The names it must cover: three that are always there, this machine's, the caller's. */
static const char *const fixed_names[FIXED_NAMES] = { "localhost", "127.0.0.1", "::1" };

struct wanted {
	const struct tls_self_params *p;
	char host[HOST_MAX];
};

static size_t n_wanted(const struct wanted *w)
{
	return FIXED_NAMES + 1 + w->p->n_names;
}

static const char *wanted_name(const struct wanted *w, size_t i)
{
	if (i < FIXED_NAMES)
		return fixed_names[i];
	return i == FIXED_NAMES ? w->host : w->p->names[i - FIXED_NAMES - 1];
}

/* What a certificate may carry as dNSName. */
static bool is_dns_name(const char *s)
{
	return *s && strlen(s) < HOST_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
		       strlen(s);
}

static bool covers(X509 *cert, const char *name)
{
	struct addr a;

	if (addr_parse(bytes_str(name), &a))
		return X509_check_ip(cert, a.ip, addr_ip_len(&a), 0) == 1;
	return X509_check_host(cert, name, strlen(name), X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1;
}

static BIO *open_pem(const char *path)
{
	return BIO_new_file(path, "r");
}

/* Does what lies there serve for another week? */
static bool still_good(const char *cert_path, const char *key_path, const struct wanted *w)
{
	BIO *cert_in = open_pem(cert_path), *key_in = open_pem(key_path);
	X509 *cert = cert_in ? PEM_read_bio_X509(cert_in, NULL, NULL, NULL) : NULL;
	EVP_PKEY *key = key_in ? PEM_read_bio_PrivateKey(key_in, NULL, NULL, NULL) : NULL;
	time_t now = (time_t)(w->p->wall_us / US_PER_S), then = now + RENEW_DAYS * DAY_S;
	bool good = cert && key && X509_check_private_key(cert, key) == 1 &&
		    X509_cmp_time(X509_get0_notBefore(cert), &now) < 0 &&
		    X509_cmp_time(X509_get0_notAfter(cert), &then) > 0;

	for (size_t i = 0; good && i < n_wanted(w); i++)
		good = covers(cert, wanted_name(w, i));
	X509_free(cert);
	EVP_PKEY_free(key);
	BIO_free(cert_in);
	BIO_free(key_in);
	ERR_clear_error();
	return good;
}

static bool add_alt_name(GENERAL_NAMES *names, const char *name)
{
	struct addr a;
	bool is_ip = addr_parse(bytes_str(name), &a);
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_STRING *s = is_ip ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

	if (!g || !s ||
	    (is_ip ? ASN1_STRING_set(s, a.ip, (int)addr_ip_len(&a)) :
		     ASN1_STRING_set(s, name, (int)strlen(name))) != 1) {
		GENERAL_NAME_free(g);
		ASN1_STRING_free(s);
		return false;
	}
	GENERAL_NAME_set0_value(g, is_ip ? GEN_IPADD : GEN_DNS, s);
	if (sk_GENERAL_NAME_push(names, g) > 0)
		return true;
	GENERAL_NAME_free(g);
	return false;
}

static bool add_alt_names(X509 *cert, const struct wanted *w)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	bool ok = names != NULL;

	for (size_t i = 0; ok && i < n_wanted(w); i++)
		ok = add_alt_name(names, wanted_name(w, i));
	ok = ok && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(names);
	return ok;
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool ok = e && X509_add_ext(cert, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

static bool set_serial(X509 *cert)
{
	uint8_t raw[SERIAL_LEN];

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return false;
	raw[0] = (raw[0] & 0x7f) | 0x40; /* positive and not short, RFC 5280, 4.1.2.2 */
	BIGNUM *n = BN_bin2bn(raw, sizeof(raw), NULL);
	bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;
	BN_free(n);
	return ok;
}

static X509 *make_cert(EVP_PKEY *key, const struct wanted *w)
{
	X509 *cert = X509_new();
	time_t now = (time_t)(w->p->wall_us / US_PER_S);
	/* A day back, for clocks that are behind; the whole span stays within the limit. */
	bool ok = cert && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
		  ASN1_TIME_set(X509_getm_notBefore(cert), now - DAY_S) &&
		  ASN1_TIME_set(X509_getm_notAfter(cert),
				now + (time_t)(TLS_SELF_DAYS - 1) * DAY_S) &&
		  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
					     (const unsigned char *)"voiced", -1, -1, 0) == 1 &&
		  X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
		  X509_set_pubkey(cert, key) == 1 &&
		  add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
		  add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
		  add_extension(cert, NID_ext_key_usage, "serverAuth") &&
		  add_extension(cert, NID_subject_key_identifier, "hash") &&
		  add_alt_names(cert, w) && X509_sign(cert, key, EVP_sha256()) > 0;

	if (ok)
		return cert;
	X509_free(cert);
	return NULL;
}

/* Whole or not at all: a new file beside it, then rename(2). 0 or -errno. */
static int replace_file(const char *path, struct bytes content)
{
	char *beside = mem_printf("%s.new", path);
	int fd = -1, err = 0;

	if (!beside)
		return -ENOMEM;
	unlink(beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		err = -errno;
	} else {
		if (write(fd, content.p, content.n) != (ssize_t)content.n || fsync(fd) != 0)
			err = errno ? -errno : -EIO;
		if (close(fd) != 0 && err == 0)
			err = -errno;
		if (err == 0 && rename(beside, path) != 0)
			err = -errno;
		if (err != 0)
			unlink(beside);
	}
	mem_free(beside);
	return err;
}

static int save(BIO *pem, const char *path, char why[static TLS_WHY])
{
	char *text = NULL;
	long n = BIO_get_mem_data(pem, &text);
	int err = replace_file(path, bytes_of(text, (size_t)n));

	if (err != 0)
		snprintf(why, TLS_WHY, "cannot write %s: %s", path, strerror(-err));
	return err;
}

static enum tls_self make_files(const char *cert_path, const char *key_path,
				const struct wanted *w, char why[static TLS_WHY])
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = key ? make_cert(key, w) : NULL;
	BIO *key_out = BIO_new(BIO_s_mem()), *cert_out = BIO_new(BIO_s_mem());
	enum tls_self result = TLS_FAILED;

	if (!cert || !key_out || !cert_out ||
	    PEM_write_bio_PrivateKey(key_out, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_X509(cert_out, cert) != 1)
		openssl_reason(why, "cannot make", cert_path);
	/* If only the first gets there, the pair does not match and is made again. */
	else if (save(key_out, key_path, why) == 0 && save(cert_out, cert_path, why) == 0)
		result = TLS_MADE;
	BIO_free(key_out);
	BIO_free(cert_out);
	X509_free(cert);
	EVP_PKEY_free(key);
	return result;
}

enum tls_self tls_self_signed(const struct tls_self_params *p, char why[static TLS_WHY])
{
	struct wanted w = { .p = p };
	enum tls_self result = TLS_FAILED;
	struct addr a;

	ERR_clear_error();
	if (gethostname(w.host, sizeof(w.host) - 1) != 0 || !is_dns_name(w.host))
		snprintf(w.host, sizeof(w.host), "%s", fixed_names[0]);
	for (size_t i = 0; i < p->n_names; i++) {
		if (addr_parse(bytes_str(p->names[i]), &a) || is_dns_name(p->names[i]))
			continue;
		snprintf(why, TLS_WHY, "not a host name: %.100s", p->names[i]);
		return TLS_FAILED;
	}
	char *cert_path = mem_printf("%s/cert.pem", p->dir);
	char *key_path = mem_printf("%s/key.pem", p->dir);
	if (!cert_path || !key_path)
		snprintf(why, TLS_WHY, "out of memory");
	else
		result = still_good(cert_path, key_path, &w) ?
				 TLS_KEPT :
				 make_files(cert_path, key_path, &w, why);
	mem_free(cert_path);
	mem_free(key_path);
	return result;
}
