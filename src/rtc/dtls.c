#include "rtc/dtls.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <strings.h>
#include <sys/time.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/env.h"

enum {
	RECORD_HEADER = 13,          /* RFC 6347, 4.1                                 */
	CERT_DAYS = 365,             /* RFC 8827, 6.5 does not mind; nobody checks it */
	CERT_CHAIN_MAX = 16 * 1024,  /* octets of certificates we read                */
	TIMER_MAX_US = 2 * US_PER_S, /* between two retransmissions                   */
	LENGTH_PREFIX = 2,           /* before each datagram in dtls.out              */
};

struct cert {
	SSL_CTX *ctx;
	char fingerprint[CERT_FINGERPRINT];
};

struct dtls {
	SSL *ssl;
	enum dtls_role role;
	struct fingerprint peer;
	enum dtls_verdict end; /* DTLS_AGAIN while alive             */
	enum dtls_verdict why; /* what the certificate check objected to */
	bool connected, started;
	bool have_keys; /* perhaps a round trip before `connected`       */
	bool told;      /* the caller has been given `end`               */
	struct bytes in;  /* the datagram at hand, until OpenSSL has taken it */
	struct buf out;   /* length and octets of each datagram to send */
	size_t out_at;    /* what of `out` has been handed over  */
	uint64_t deadline_us;
	struct rtpsec_keys keys;
	unsigned n_handshake; /* datagrams read during it        */
	uint64_t n_in, n_out, n_dropped, n_lost;
};

/* --- fingerprints -------------------------------------------------------- */

static const struct hash {
	const char *name;
	unsigned bits;
	const EVP_MD *(*md)(void);
} hashes[] = {
	{ "sha-256", 256, EVP_sha256 },
	{ "sha-384", 384, EVP_sha384 },
	{ "sha-512", 512, EVP_sha512 },
};

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum fingerprint_verdict fingerprint_parse(struct bytes hash, struct bytes value,
					   struct fingerprint *out)
{
	struct fingerprint f = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (hash.n == strlen(hashes[i].name) &&
		    strncasecmp((const char *)hash.p, hashes[i].name, hash.n) == 0)
			f.hash_bits = hashes[i].bits;
	if (!f.hash_bits)
		return FINGERPRINT_UNKNOWN_HASH;

	/* RFC 8122, 5: UHEX pairs joined by ":". */
	size_t n = f.hash_bits / 8;
	if (value.n != 3 * n - 1)
		return FINGERPRINT_MALFORMED;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = value.p + 3 * i;
		int hi = hex_digit(p[0]), lo = hex_digit(p[1]);

		if (hi < 0 || lo < 0 || (i + 1 < n && p[2] != ':'))
			return FINGERPRINT_MALFORMED;
		f.octets[i] = (uint8_t)(hi << 4 | lo);
	}
	*out = f;
	return FINGERPRINT_OK;
}

static bool matches(const struct fingerprint *want, const X509 *x)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		uint8_t got[EVP_MAX_MD_SIZE];
		unsigned n = 0;

		if (hashes[i].bits == want->hash_bits)
			return X509_digest(x, hashes[i].md(), got, &n) == 1 &&
			       n == want->hash_bits / 8 && memcmp(got, want->octets, n) == 0;
	}
	return false;
}

/* --- the peer's certificate ---------------------------------------------- */

/* A named curve or RSA of a sane size. Explicit curve parameters have cost others an
 * endless loop (CVE-2022-0778), and no browser makes them. */
static bool key_is_sane(EVP_PKEY *key)
{
	int explicit_curve = 0;

	if (!key)
		return false;
	if (EVP_PKEY_is_a(key, "RSA"))
		return EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 4096;
	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
				      &explicit_curve) == 1 &&
	       !explicit_curve;
}

/* Runs inside the handshake, before Finished: who does not own the certificate named in
 * the SDP never gets a key or an octet (RFC 8827, 6.5). The chain itself proves nothing. */
static int verify_peer(X509_STORE_CTX *store, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct dtls *d = SSL_get_app_data(ssl);
	X509 *x = X509_STORE_CTX_get0_cert(store);

	(void)arg;
	if (!x || !key_is_sane(X509_get0_pubkey(x)))
		d->why = DTLS_BAD_CERT;
	else if (!matches(&d->peer, x))
		d->why = DTLS_BAD_FINGERPRINT;
	else
		d->why = DTLS_AGAIN;
	bool ok = d->why == DTLS_AGAIN;
	X509_STORE_CTX_set_error(store, ok ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
	return ok;
}

/* --- our certificate ----------------------------------------------------- */

static X509 *self_signed(EVP_PKEY *key, const struct env *env)
{
	X509 *x = X509_new();
	uint64_t serial;
	time_t now = (time_t)(env_wall(env) / US_PER_S);

	env_rand(env, &serial, sizeof(serial));
	if (!x)
		return NULL;
	X509_NAME *name = X509_get_subject_name(x);
	bool ok = X509_set_version(x, X509_VERSION_3) == 1 &&
		  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1 &&
		  X509_time_adj_ex(X509_getm_notBefore(x), -1, 0, &now) &&
		  X509_time_adj_ex(X509_getm_notAfter(x), CERT_DAYS, 0, &now) &&
		  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					     (const unsigned char *)"WebRTC", -1, -1, 0) == 1 &&
		  X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 &&
		  X509_sign(x, key, EVP_sha256()) > 0;
	if (!ok) {
		X509_free(x);
		return NULL;
	}
	return x;
}

/* RFC 8827, 6.5: DTLS 1.2, forward secrecy, AEAD; P-256 must be supported. */
static bool configure(SSL_CTX *ctx)
{
	static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
				      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
				      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
	static const char profiles[] = "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";

	SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
					 SSL_OP_NO_COMPRESSION | SSL_OP_SINGLE_ECDH_USE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_quiet_shutdown(ctx, 0);
	SSL_CTX_set_max_cert_list(ctx, CERT_CHAIN_MAX);
	SSL_CTX_set_max_send_fragment(ctx, DTLS_MTU); /* a smaller buffer per call */
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify_peer, NULL);
	return SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, ciphers) == 1 &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1 &&
	       /* 0 is success here (and only here) */
	       SSL_CTX_set_tlsext_use_srtp(ctx, profiles) == 0;
}

static bool take_fingerprint(struct cert *c, const X509 *x)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (X509_digest(x, EVP_sha256(), md, &n) != 1 || n * 3 > sizeof(c->fingerprint))
		return false;
	for (unsigned i = 0; i < n; i++) {
		c->fingerprint[3 * i] = digits[md[i] >> 4];
		c->fingerprint[3 * i + 1] = digits[md[i] & 15];
		c->fingerprint[3 * i + 2] = i + 1 < n ? ':' : 0;
	}
	return true;
}

int cert_new(struct cert **out, const struct env *env)
{
	struct cert *c = mem_zalloc(sizeof(*c));
	EVP_PKEY *key = c ? EVP_EC_gen("P-256") : NULL;
	X509 *x = key ? self_signed(key, env) : NULL;
	bool ok = x && (c->ctx = SSL_CTX_new(DTLS_method())) && configure(c->ctx) &&
		  SSL_CTX_use_certificate(c->ctx, x) == 1 &&
		  SSL_CTX_use_PrivateKey(c->ctx, key) == 1 && take_fingerprint(c, x);

	X509_free(x);
	EVP_PKEY_free(key);
	ERR_clear_error();
	if (!ok) {
		cert_free(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

void cert_free(struct cert *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ctx);
	mem_free(c);
}

void cert_fingerprint(const struct cert *c, char out[static CERT_FINGERPRINT])
{
	memcpy(out, c->fingerprint, CERT_FINGERPRINT);
}

/* --- a BIO that keeps datagrams apart ------------------------------------ */

static int bio_read(BIO *b, char *to, int cap)
{
	struct dtls *d = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if (!d->in.p || cap <= 0) {
		BIO_set_retry_read(b);
		return -1;
	}
	size_t n = MIN(d->in.n, (size_t)cap);
	memcpy(to, d->in.p, n);
	d->in = (struct bytes){ 0 };
	return (int)n;
}

/* A datagram that finds no room is lost, as it could be on the way: DTLS and SCTP mend it. */
static int bio_write(BIO *b, const char *p, int n)
{
	struct dtls *d = BIO_get_data(b);
	uint8_t *to = NULL;

	BIO_clear_retry_flags(b);
	if (n <= 0)
		return 0;
	if (n <= DTLS_DATAGRAM_MAX && d->out.n - d->out_at < DTLS_QUEUE)
		to = buf_reserve(&d->out, LENGTH_PREFIX + (size_t)n);
	if (!to) {
		d->n_lost++;
		d->out.failed = false; /* the next one may fit */
		return n;
	}
	put_be16(to, (uint16_t)n);
	memcpy(to + LENGTH_PREFIX, p, (size_t)n);
	d->out.n += LENGTH_PREFIX + (size_t)n;
	d->n_out++;
	return n;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b;
	(void)num;
	(void)ptr;
	switch (cmd) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return DTLS_MTU;
	default:
		return 0;
	}
}

static BIO_METHOD *bio_method;
static pthread_once_t bio_once = PTHREAD_ONCE_INIT;

static void make_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");

	if (!m || BIO_meth_set_read(m, bio_read) != 1 || BIO_meth_set_write(m, bio_write) != 1 ||
	    BIO_meth_set_ctrl(m, bio_ctrl) != 1) {
		BIO_meth_free(m);
		return;
	}
	bio_method = m;
}

static BIO *bio_new(struct dtls *d)
{
	pthread_once(&bio_once, make_bio_method);
	BIO *b = bio_method ? BIO_new(bio_method) : NULL;

	if (!b)
		return NULL;
	BIO_set_data(b, d);
	BIO_set_init(b, 1);
	return b;
}

/* --- life ---------------------------------------------------------------- */

/* RFC 6347, 4.2.4.1 begins at 1 s; RFC 8842 and all browsers are far quicker. */
static unsigned next_timer(SSL *ssl, unsigned us)
{
	(void)ssl;
	return us ? MIN(us * 2, (unsigned)TIMER_MAX_US) : (unsigned)DTLS_RETRANSMIT_US;
}

int dtls_new(struct dtls **out, struct cert *cert, enum dtls_role role,
	     const struct fingerprint *peer)
{
	struct dtls *d = mem_zalloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->role = role;
	d->peer = *peer;
	d->end = DTLS_AGAIN;
	d->why = DTLS_FAILED;
	d->ssl = SSL_new(cert->ctx);
	BIO *bio = d->ssl ? bio_new(d) : NULL;
	if (!bio) {
		dtls_free(d);
		ERR_clear_error();
		return -ENOMEM;
	}
	SSL_set_bio(d->ssl, bio, bio);
	SSL_set_app_data(d->ssl, d);
	SSL_set_mtu(d->ssl, DTLS_MTU);
	DTLS_set_link_mtu(d->ssl, DTLS_MTU);
	DTLS_set_timer_cb(d->ssl, next_timer);
	if (role == DTLS_CLIENT)
		SSL_set_connect_state(d->ssl);
	else
		SSL_set_accept_state(d->ssl);
	*out = d;
	return 0;
}

void dtls_free(struct dtls *d)
{
	if (!d)
		return;
	SSL_free(d->ssl);
	buf_done(&d->out);
	explicit_bzero(&d->keys, sizeof(d->keys));
	mem_free(d);
}

/* --- the handshake ------------------------------------------------------- */

static enum dtls_verdict finish(struct dtls *d, enum dtls_verdict v)
{
	d->end = v;
	d->told = true;
	d->have_keys = false;
	explicit_bzero(&d->keys, sizeof(d->keys));
	return v;
}

/* RFC 5764, 4.2: client key, server key, client salt, server salt. */
static bool export_keys(struct dtls *d)
{
	static const char label[] = "EXTRACTOR-dtls_srtp";
	const SRTP_PROTECTION_PROFILE *p = SSL_get_selected_srtp_profile(d->ssl);
	uint8_t m[2 * RTPSEC_KEY_SALT_MAX];
	size_t len = p ? rtpsec_key_salt_len((enum rtpsec_profile)p->id) : 0;

	if (!len) {
		d->why = DTLS_NO_PROFILE;
		return false;
	}
	size_t salt = len - RTPSEC_KEY;
	if (SSL_export_keying_material(d->ssl, m, 2 * len, label, strlen(label), NULL, 0, 0) != 1)
		return false;
	uint8_t *client = d->role == DTLS_CLIENT ? d->keys.local : d->keys.remote;
	uint8_t *server = d->role == DTLS_CLIENT ? d->keys.remote : d->keys.local;

	d->keys.profile = (enum rtpsec_profile)p->id;
	memcpy(client, m, RTPSEC_KEY);
	memcpy(server, m + RTPSEC_KEY, RTPSEC_KEY);
	memcpy(client + RTPSEC_KEY, m + 2 * RTPSEC_KEY, salt);
	memcpy(server + RTPSEC_KEY, m + 2 * RTPSEC_KEY + salt, salt);
	explicit_bzero(m, sizeof(m));
	d->have_keys = true;
	return true;
}

/* False start (RFC 7918) for media: our Finished has gone, and the server has signed both
 * randoms and its share of the key with the certificate of the SDP. What is not proved yet is
 * which suite and profile it chose; all that we offer are strong, and whoever meddled with
 * the choice only makes the handshake fail a moment later. */
static bool may_start_early(const struct dtls *d)
{
	return d->role == DTLS_CLIENT && d->why == DTLS_AGAIN && !d->have_keys &&
	       SSL_get_state(d->ssl) == TLS_ST_CW_FINISHED;
}

static enum dtls_verdict shake(struct dtls *d)
{
	ERR_clear_error();
	int r = SSL_do_handshake(d->ssl);

	if (r == 1) {
		/* The callback has seen the peer's certificate, or there was none. */
		if (d->why != DTLS_AGAIN)
			return finish(d, d->why == DTLS_FAILED ? DTLS_BAD_CERT : d->why);
		d->why = DTLS_FAILED;
		if (!export_keys(d))
			return finish(d, d->why);
		d->connected = true;
		return DTLS_CONNECTED;
	}
	int e = SSL_get_error(d->ssl, r);

	ERR_clear_error();
	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
		if (may_start_early(d))
			(void)export_keys(d); /* if it fails now, it fails at the end, too */
		return DTLS_AGAIN;
	}
	return finish(d, d->why == DTLS_AGAIN ? DTLS_FAILED : d->why);
}

enum dtls_verdict dtls_start(struct dtls *d, uint64_t now_us)
{
	if (d->end != DTLS_AGAIN)
		return finish(d, d->end);
	assert(!d->started);
	d->started = true;
	d->deadline_us = now_us + DTLS_DEADLINE_US;
	return shake(d);
}

/* --- datagrams in -------------------------------------------------------- */

/* RFC 7983: 20 to 63 is DTLS. RFC 6347, 4.1: type, version, epoch, sequence, length. All
 * records of a datagram must be whole: what a middle of the network cut is no use. */
static bool is_dtls(struct bytes b)
{
	if (b.n > DTLS_DATAGRAM_MAX)
		return false;
	size_t off = 0;

	while (b.n - off >= RECORD_HEADER) {
		const uint8_t *p = b.p + off;

		if (p[0] < 20 || p[0] > 63 || p[1] != 0xfe)
			return false;
		size_t len = RECORD_HEADER + be16(p + 11);
		if (len > b.n - off)
			return false;
		off += len;
	}
	return off > 0 && off == b.n;
}

/* Is there application data? OpenSSL decrypts a record and keeps it for dtls_read(). */
static enum dtls_verdict look(struct dtls *d)
{
	uint8_t first;

	ERR_clear_error();
	int r = SSL_peek(d->ssl, &first, 1);
	if (r > 0)
		return DTLS_DATA;
	int e = SSL_get_error(d->ssl, r);

	ERR_clear_error();
	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
		return DTLS_AGAIN;
	return finish(d, e == SSL_ERROR_ZERO_RETURN ? DTLS_CLOSED : DTLS_FAILED);
}

enum dtls_verdict dtls_input(struct dtls *d, struct bytes datagram, uint64_t now_us)
{
	if (d->end != DTLS_AGAIN)
		return finish(d, d->end);
	bool flood = !d->connected && d->n_handshake >= DTLS_HANDSHAKE_DATAGRAMS;
	if (!d->started || flood || !is_dtls(datagram)) {
		d->n_dropped++;
		return DTLS_DROPPED;
	}
	if (!d->connected && now_us >= d->deadline_us)
		return finish(d, DTLS_TIMED_OUT);

	d->n_in++;
	d->n_handshake += !d->connected;
	d->in = datagram;
	enum dtls_verdict v = d->connected ? look(d) : shake(d);
	d->in = (struct bytes){ 0 }; /* the caller's memory: never kept */
	return v;
}

size_t dtls_read(struct dtls *d, uint8_t *to, size_t cap)
{
	if (!d->connected || d->end != DTLS_AGAIN)
		return 0;
	uint8_t all[DTLS_DATAGRAM_MAX]; /* SSL_read() would give the rest of a record next time */

	ERR_clear_error();
	int r = SSL_read(d->ssl, all, sizeof(all));
	if (r > 0) {
		size_t n = MIN((size_t)r, cap);
		memcpy(to, all, n);
		return n;
	}
	int e = SSL_get_error(d->ssl, r);
	ERR_clear_error();
	if (e == SSL_ERROR_ZERO_RETURN || e == SSL_ERROR_SSL) {
		finish(d, e == SSL_ERROR_SSL ? DTLS_FAILED : DTLS_CLOSED);
		d->told = false; /* a matter for dtls_next_us() and dtls_on_time() */
	}
	return 0;
}

/* --- datagrams out ------------------------------------------------------- */

bool dtls_output(struct dtls *d, uint8_t *to, size_t cap, size_t *n)
{
	assert(cap >= DTLS_DATAGRAM_MAX);
	if (d->out_at == d->out.n) {
		d->out_at = 0;
		buf_reset(&d->out);
		return false;
	}
	const uint8_t *p = d->out.p + d->out_at;
	size_t len = be16(p);

	memcpy(to, p + LENGTH_PREFIX, len);
	d->out_at += LENGTH_PREFIX + len;
	*n = len;
	return true;
}

int dtls_write(struct dtls *d, struct bytes data)
{
	if (!d->connected || d->end != DTLS_AGAIN)
		return -ENOTCONN;
	if (data.n == 0 || data.n > DTLS_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (d->out.n - d->out_at + DTLS_MTU > DTLS_QUEUE)
		return -EAGAIN;
	ERR_clear_error();
	int r = SSL_write(d->ssl, data.p, (int)data.n);
	ERR_clear_error();
	return r == (int)data.n ? 0 : -ENOTCONN;
}

/* --- time ---------------------------------------------------------------- */

uint64_t dtls_next_us(const struct dtls *d, uint64_t now_us)
{
	struct timeval left;

	if (d->end != DTLS_AGAIN)
		return d->told ? UINT64_MAX : now_us;
	if (!d->started || d->connected)
		return UINT64_MAX;
	if (!DTLSv1_get_timeout(d->ssl, &left))
		return d->deadline_us;
	uint64_t at = now_us + (uint64_t)left.tv_sec * US_PER_S + (uint64_t)left.tv_usec;
	return MIN(at, d->deadline_us);
}

enum dtls_verdict dtls_on_time(struct dtls *d, uint64_t now_us)
{
	if (d->end != DTLS_AGAIN)
		return finish(d, d->end);
	if (!d->started || d->connected)
		return DTLS_AGAIN;
	if (now_us >= d->deadline_us)
		return finish(d, DTLS_TIMED_OUT);
	ERR_clear_error();
	int r = (int)DTLSv1_handle_timeout(d->ssl);
	ERR_clear_error();
	return r < 0 ? finish(d, DTLS_TIMED_OUT) : DTLS_AGAIN;
}

/* --- the rest ------------------------------------------------------------ */

int dtls_keys(struct dtls *d, struct rtpsec_keys *out)
{
	if (!d->have_keys)
		return -ENOTCONN;
	*out = d->keys;
	return 0;
}

void dtls_close(struct dtls *d)
{
	if (d->end != DTLS_AGAIN)
		return;
	ERR_clear_error();
	if (d->connected)
		(void)SSL_shutdown(d->ssl);
	ERR_clear_error();
	finish(d, DTLS_CLOSED);
}

static const char *const verdict_names[] = {
	[DTLS_AGAIN] = "again",
	[DTLS_CONNECTED] = "connected",
	[DTLS_DATA] = "data",
	[DTLS_DROPPED] = "dropped",
	[DTLS_CLOSED] = "closed",
	[DTLS_BAD_FINGERPRINT] = "bad_fingerprint",
	[DTLS_BAD_CERT] = "bad_cert",
	[DTLS_NO_PROFILE] = "no_profile",
	[DTLS_TIMED_OUT] = "timed_out",
	[DTLS_FAILED] = "failed",
};

const char *dtls_verdict_name(enum dtls_verdict v)
{
	return verdict_names[v];
}

void dtls_dump(const struct dtls *d, struct buf *to)
{
	buf_printf(to,
		   "dtls role=%s state=%s end=%s cipher=%s in=%llu out=%llu dropped=%llu "
		   "lost=%llu\n",
		   d->role == DTLS_CLIENT ? "client" : "server",
		   d->connected ? "connected" : d->started ? "handshake" : "new",
		   verdict_names[d->end], d->connected ? SSL_get_cipher_name(d->ssl) : "-",
		   (unsigned long long)d->n_in, (unsigned long long)d->n_out,
		   (unsigned long long)d->n_dropped, (unsigned long long)d->n_lost);
}
