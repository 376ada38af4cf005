#include "rtc/dtls.h"
#include "base/test.h"

#include <errno.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/env.h"

/* Two ends and the wire between them. Only OpenSSL's retransmission timer is real time. */
struct pair {
	struct cert *cert[2];
	struct dtls *end[2]; /* 0: client, 1: server */
	enum dtls_verdict last[2];
	bool connected[2];
	unsigned n_datagrams;
	size_t longest;
	uint64_t now_us;
};

static void pair_done(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		dtls_free(p->end[i]);
		cert_free(p->cert[i]);
	}
}

static inline void pair_auto_(struct pair *p)
{
	pair_done(p);
}

static struct fingerprint print_of(const struct cert *c)
{
	char text[CERT_FINGERPRINT];
	struct fingerprint f = { 0 };

	cert_fingerprint(c, text);
	if (fingerprint_parse(bytes_str("SHA-256"), bytes_str(text), &f) != FINGERPRINT_OK)
		abort();
	return f;
}

static bool make(struct pair *p)
{
	p->now_us = US_PER_S;
	if (cert_new(&p->cert[0], &env_system) != 0 || cert_new(&p->cert[1], &env_system) != 0)
		return false;
	struct fingerprint c = print_of(p->cert[0]), s = print_of(p->cert[1]);

	return dtls_new(&p->end[0], p->cert[0], DTLS_CLIENT, &s) == 0 &&
	       dtls_new(&p->end[1], p->cert[1], DTLS_SERVER, &c) == 0;
}

static void note(struct pair *p, int i, enum dtls_verdict v)
{
	p->last[i] = v;
	p->connected[i] |= v == DTLS_CONNECTED;
}

/* Moves datagrams until both are silent; the first `lose` of them get lost. */
static void run(struct pair *p, unsigned lose)
{
	uint8_t d[DTLS_DATAGRAM_MAX];
	size_t n;

	for (bool moved = true; moved;) {
		moved = false;
		for (int i = 0; i < 2; i++) {
			while (dtls_output(p->end[i], d, sizeof(d), &n)) {
				moved = true;
				p->longest = MAX(p->longest, n);
				if (++p->n_datagrams <= lose)
					continue;
				note(p, !i, dtls_input(p->end[!i], bytes_of(d, n), p->now_us));
			}
		}
	}
}

static bool start(struct pair *p)
{
	return dtls_start(p->end[0], p->now_us) == DTLS_AGAIN &&
	       dtls_start(p->end[1], p->now_us) == DTLS_AGAIN;
}

static bool keys_agree(struct pair *p)
{
	struct rtpsec_keys a, b;

	if (dtls_keys(p->end[0], &a) != 0 || dtls_keys(p->end[1], &b) != 0)
		return false;
	size_t n = rtpsec_key_salt_len(a.profile);
	return n && a.profile == b.profile && memcmp(a.local, b.remote, n) == 0 &&
	       memcmp(a.remote, b.local, n) == 0 && memcmp(a.local, a.remote, n) != 0;
}

static void says(struct pair *p, int from, const char *text, bool *ok)
{
	uint8_t d[DTLS_DATAGRAM_MAX];

	*ok = dtls_write(p->end[from], bytes_str(text)) == 0;
	run(p, 0);
	*ok = *ok && p->last[!from] == DTLS_DATA;
	size_t n = dtls_read(p->end[!from], d, sizeof(d));
	*ok = *ok && bytes_is(bytes_of(d, n), text) && dtls_read(p->end[!from], d, sizeof(d)) == 0;
}

static void shakes_hands_and_talks(void)
{
	AUTO(pair) struct pair p = { 0 };
	bool ok;

	CHECK(make(&p));
	CHECK(start(&p));
	run(&p, 0);
	CHECK(p.connected[0] && p.connected[1]);
	CHECK(keys_agree(&p));
	CHECK(p.longest <= DTLS_MTU);
	CHECK(dtls_next_us(p.end[0], p.now_us) == UINT64_MAX);
	says(&p, 0, "hello", &ok);
	CHECK(ok);
	says(&p, 1, "and back", &ok);
	CHECK(ok);
}

static void two_records_in_a_row_stay_two(void)
{
	AUTO(pair) struct pair p = { 0 };
	uint8_t d[2][DTLS_DATAGRAM_MAX], both[2 * DTLS_DATAGRAM_MAX], to[64];
	size_t n[2];

	CHECK(make(&p));
	CHECK(start(&p));
	run(&p, 0);
	CHECK_EQ(dtls_write(p.end[0], bytes_str("one")), 0);
	CHECK_EQ(dtls_write(p.end[0], bytes_str("second")), 0);
	CHECK(dtls_output(p.end[0], d[0], sizeof(d[0]), &n[0]));
	CHECK(dtls_output(p.end[0], d[1], sizeof(d[1]), &n[1]));
	memcpy(both, d[0], n[0]);
	memcpy(both + n[0], d[1], n[1]);
	CHECK_EQ(dtls_input(p.end[1], bytes_of(both, n[0] + n[1]), p.now_us), DTLS_DATA);
	CHECK_EQ(dtls_read(p.end[1], to, sizeof(to)), 3);
	CHECK_EQ(dtls_read(p.end[1], to, sizeof(to)), 6);
	CHECK_EQ(dtls_read(p.end[1], to, sizeof(to)), 0);
	/* Replayed: nothing (RFC 6347, 4.1.2.6). */
	CHECK_EQ(dtls_input(p.end[1], bytes_of(d[0], n[0]), p.now_us), DTLS_AGAIN);
	CHECK_EQ(dtls_read(p.end[1], to, sizeof(to)), 0);
}

static void nap_until_due(struct pair *p)
{
	struct timespec ms = { .tv_nsec = 5 * 1000000 };

	/* OpenSSL's own clock: at most 75 ms and a bit. */
	for (int i = 0; i < 60 && dtls_next_us(p->end[0], p->now_us) > p->now_us; i++)
		nanosleep(&ms, NULL);
}

static void a_lost_flight_comes_again(void)
{
	AUTO(pair) struct pair p = { 0 };

	CHECK(make(&p));
	CHECK(start(&p));
	run(&p, 1); /* the ClientHello is lost */
	CHECK(!p.connected[0] && !p.connected[1]);
	CHECK(dtls_next_us(p.end[0], p.now_us) <= p.now_us + DTLS_RETRANSMIT_US);
	nap_until_due(&p);
	note(&p, 0, dtls_on_time(p.end[0], p.now_us));
	CHECK_EQ(p.last[0], DTLS_AGAIN);
	run(&p, 0);
	CHECK(p.connected[0] && p.connected[1]);
	CHECK(keys_agree(&p));
}

static void gives_up_at_the_deadline(void)
{
	AUTO(pair) struct pair p = { 0 };
	struct rtpsec_keys k;

	CHECK(make(&p));
	CHECK_EQ(dtls_start(p.end[0], p.now_us), DTLS_AGAIN);
	p.now_us += DTLS_DEADLINE_US;
	CHECK_EQ(dtls_on_time(p.end[0], p.now_us), DTLS_TIMED_OUT);
	CHECK_EQ(dtls_on_time(p.end[0], p.now_us), DTLS_TIMED_OUT);
	CHECK_EQ(dtls_input(p.end[0], bytes_str("x"), p.now_us), DTLS_TIMED_OUT);
	CHECK_EQ(dtls_keys(p.end[0], &k), -ENOTCONN);
	CHECK(dtls_next_us(p.end[0], p.now_us) == UINT64_MAX);
}

static void a_wrong_fingerprint_gets_nothing(void)
{
	for (int liar = 0; liar < 2; liar++) {
		AUTO(pair) struct pair p = { 0 };
		AUTO(cert) struct cert *other = NULL;
		struct rtpsec_keys k;
		uint8_t to[16];

		CHECK(make(&p));
		CHECK_EQ(cert_new(&other, &env_system), 0);
		struct fingerprint wrong = print_of(other);
		dtls_free(p.end[!liar]);
		p.end[!liar] = NULL;
		CHECK_EQ(dtls_new(&p.end[!liar], p.cert[!liar], liar ? DTLS_CLIENT : DTLS_SERVER,
				  &wrong), 0);
		CHECK(start(&p));
		run(&p, 0);
		CHECK_EQ(p.last[!liar], DTLS_BAD_FINGERPRINT);
		CHECK(!p.connected[!liar]);
		CHECK_EQ(dtls_keys(p.end[!liar], &k), -ENOTCONN);
		CHECK_EQ(dtls_write(p.end[!liar], bytes_str("x")), -ENOTCONN);
		CHECK_EQ(dtls_read(p.end[!liar], to, sizeof(to)), 0);
		CHECK(p.last[liar] == DTLS_FAILED); /* the alert told it */
	}
}

static void garbage_changes_nothing(void)
{
	AUTO(pair) struct pair p = { 0 };
	struct env_fake dice;
	uint8_t d[DTLS_DATAGRAM_MAX];
	size_t n;
	bool ok;

	env_fake_init(&dice, 1);
	CHECK(make(&p));
	CHECK(start(&p));
	run(&p, 0);
	CHECK(p.connected[0] && p.connected[1]);
	for (int i = 0; i < 2000; i++) {
		env_rand(&dice.env, d, 200);
		n = d[0] % 200u;
		if (i % 2) { /* what looks like a record of this epoch, of each type */
			n = 60;
			d[0] = (uint8_t)(20 + i / 2 % 6);
			memcpy(d + 1, "\xfe\xfd\x00", 3);
			d[4] = (uint8_t)(i % 4 / 2);
			put_be16(d + 11, 60 - 13);
		}
		enum dtls_verdict v = dtls_input(p.end[i % 3 == 0], bytes_of(d, n), p.now_us);
		CHECK(v == DTLS_DROPPED || v == DTLS_AGAIN);
	}
	for (int i = 0; i < 2; i++)
		while (dtls_output(p.end[i], d, sizeof(d), &n))
			CHECK(false); /* no answer to garbage */
	says(&p, 0, "still here", &ok);
	CHECK(ok);
	says(&p, 1, "me too", &ok);
	CHECK(ok);
}

/* A round trip before the end, and not before the peer has proved who it is. */
static void media_starts_early(void)
{
	AUTO(pair) struct pair p = { 0 };
	struct rtpsec_keys early = { 0 }, k;
	uint8_t d[DTLS_DATAGRAM_MAX];
	size_t n;

	CHECK(make(&p));
	CHECK(start(&p));
	while (dtls_output(p.end[0], d, sizeof(d), &n))
		CHECK_EQ(dtls_input(p.end[1], bytes_of(d, n), p.now_us), DTLS_AGAIN);
	CHECK_EQ(dtls_keys(p.end[0], &k), -ENOTCONN);
	CHECK_EQ(dtls_keys(p.end[1], &k), -ENOTCONN);
	while (dtls_output(p.end[1], d, sizeof(d), &n))
		CHECK_EQ(dtls_input(p.end[0], bytes_of(d, n), p.now_us), DTLS_AGAIN);
	CHECK_EQ(dtls_keys(p.end[0], &early), 0);
	CHECK_EQ(dtls_keys(p.end[1], &k), -ENOTCONN);
	CHECK_EQ(dtls_write(p.end[0], bytes_str("x")), -ENOTCONN);
	run(&p, 0);
	CHECK(p.connected[0] && p.connected[1]);
	CHECK(keys_agree(&p));
	CHECK_EQ(dtls_keys(p.end[0], &k), 0);
	CHECK(memcmp(&early, &k, sizeof(k)) == 0);
}

static void goodbye_behind_data(void)
{
	AUTO(pair) struct pair p = { 0 };
	uint8_t d[2 * DTLS_DATAGRAM_MAX];
	size_t n = 0, m = 0;

	CHECK(make(&p));
	CHECK(start(&p));
	run(&p, 0);
	CHECK_EQ(dtls_write(p.end[0], bytes_str("last words")), 0);
	dtls_close(p.end[0]);
	CHECK(dtls_output(p.end[0], d, DTLS_DATAGRAM_MAX, &n));
	CHECK(dtls_output(p.end[0], d + n, DTLS_DATAGRAM_MAX, &m));
	CHECK_EQ(dtls_input(p.end[1], bytes_of(d, n + m), p.now_us), DTLS_DATA);
	CHECK_EQ(dtls_read(p.end[1], d, sizeof(d)), 10);
	CHECK_EQ(dtls_read(p.end[1], d, sizeof(d)), 0);
	CHECK(dtls_next_us(p.end[1], p.now_us) == p.now_us);
	CHECK_EQ(dtls_on_time(p.end[1], p.now_us), DTLS_CLOSED);
	CHECK(dtls_next_us(p.end[1], p.now_us) == UINT64_MAX);
}

static void says_goodbye(void)
{
	AUTO(pair) struct pair p = { 0 };
	AUTO(buf) struct buf b = { 0 };

	CHECK(make(&p));
	CHECK(start(&p));
	run(&p, 0);
	dtls_close(p.end[0]);
	run(&p, 0);
	CHECK_EQ(p.last[1], DTLS_CLOSED);
	CHECK_EQ(dtls_write(p.end[0], bytes_str("x")), -ENOTCONN);
	dtls_dump(p.end[1], &b);
	CHECK(!b.failed);
	CHECK(strstr((char *)b.p, "end=closed"));
}

static void limits_what_is_written(void)
{
	AUTO(pair) struct pair p = { 0 };
	static const uint8_t data[DTLS_PAYLOAD_MAX + 1];
	uint8_t d[DTLS_DATAGRAM_MAX];
	size_t n, most = 0;
	int r = 0;

	CHECK(make(&p));
	CHECK_EQ(dtls_write(p.end[0], bytes_str("early")), -ENOTCONN);
	CHECK(start(&p));
	run(&p, 0);
	CHECK_EQ(dtls_write(p.end[0], bytes_of(data, sizeof(data))), -EMSGSIZE);
	for (int i = 0; i < 1000 && r == 0; i++)
		r = dtls_write(p.end[0], bytes_of(data, DTLS_PAYLOAD_MAX));
	CHECK_EQ(r, -EAGAIN);
	while (dtls_output(p.end[0], d, sizeof(d), &n))
		most = MAX(most, n);
	CHECK(most > DTLS_PAYLOAD_MAX && most <= DTLS_MTU);
	CHECK_EQ(dtls_write(p.end[0], bytes_of(data, DTLS_PAYLOAD_MAX)), 0);
}

/* A server that is not ours, with what certificate we like. */
struct stranger {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out; /* the SSL's */
	struct fingerprint print;
};

static inline void stranger_auto_(struct stranger *s)
{
	SSL_free(s->ssl);
	SSL_CTX_free(s->ctx);
}

static int trusting(X509_STORE_CTX *store, void *arg)
{
	(void)store;
	(void)arg;
	return 1;
}

static bool stranger_init(struct stranger *s, EVP_PKEY *key, const char *profiles)
{
	X509 *x = X509_new();
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	s->ctx = SSL_CTX_new(DTLS_server_method());
	SSL_CTX_set_security_level(s->ctx, 0);
	SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(s->ctx, trusting, NULL);
	X509_set_version(x, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	bool ok = X509_set_pubkey(x, key) == 1 && X509_sign(x, key, EVP_sha256()) > 0 &&
		  X509_digest(x, EVP_sha256(), md, &n) == 1 &&
		  SSL_CTX_use_certificate(s->ctx, x) == 1 &&
		  SSL_CTX_use_PrivateKey(s->ctx, key) == 1 &&
		  (!profiles || SSL_CTX_set_tlsext_use_srtp(s->ctx, profiles) == 0);

	X509_free(x);
	EVP_PKEY_free(key);
	s->print.hash_bits = 256;
	memcpy(s->print.octets, md, 32);
	s->ssl = SSL_new(s->ctx);
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(s->in, -1);
	SSL_set_bio(s->ssl, s->in, s->out);
	SSL_set_options(s->ssl, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(s->ssl, DTLS_MTU);
	SSL_set_accept_state(s->ssl);
	return ok;
}

/* The records of a flight may share a datagram. */
static enum dtls_verdict meet(struct dtls *d, struct stranger *s)
{
	enum dtls_verdict v = dtls_start(d, US_PER_S);
	uint8_t p[DTLS_DATAGRAM_MAX];
	size_t n;

	for (int round = 0; round < 4 && v == DTLS_AGAIN; round++) {
		while (dtls_output(d, p, sizeof(p), &n))
			BIO_write(s->in, p, (int)n);
		SSL_do_handshake(s->ssl);
		int m = BIO_read(s->out, p, sizeof(p));
		if (m > 0)
			v = dtls_input(d, bytes_of(p, (size_t)m), US_PER_S);
	}
	return v;
}

static EVP_PKEY *explicit_curve(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING,
				       OSSL_PKEY_EC_ENCODING_EXPLICIT);
	return key;
}

static void strangers(void)
{
	static const char gcm[] = "SRTP_AEAD_AES_128_GCM", cm[] = "SRTP_AES128_CM_SHA1_80";

	for (int row = 0; row < 5; row++) {
		EVP_PKEY *key = row == 0 ? explicit_curve() :
				row == 1 ? EVP_RSA_gen(1024) :
				row == 2 ? EVP_EC_gen("P-384") :
					   EVP_EC_gen("P-256");
		const char *profiles = row < 2 ? gcm : row < 4 ? cm : NULL;
		static const enum dtls_verdict expected[] = { DTLS_BAD_CERT, DTLS_BAD_CERT,
							      DTLS_CONNECTED, DTLS_CONNECTED,
							      DTLS_NO_PROFILE };
		AUTO(stranger) struct stranger s = { 0 };
		AUTO(cert) struct cert *cert = NULL;
		AUTO(dtls) struct dtls *d = NULL;
		struct rtpsec_keys k = { 0 };

		CHECK(stranger_init(&s, key, profiles));
		CHECK_EQ(cert_new(&cert, &env_system), 0);
		CHECK_EQ(dtls_new(&d, cert, DTLS_CLIENT, &s.print), 0);
		CHECK_EQ(meet(d, &s), expected[row]);
		CHECK_EQ(dtls_keys(d, &k), expected[row] == DTLS_CONNECTED ? 0 : -ENOTCONN);
		CHECK(expected[row] != DTLS_CONNECTED || k.profile == RTPSEC_AES128_CM_SHA1_80);
	}
}

static void fingerprints(void)
{
	static const struct {
		const char *hash, *value;
		enum fingerprint_verdict v;
	} rows[] = {
		{ "sha-1", "AB:CD", FINGERPRINT_UNKNOWN_HASH },
		{ "md5", "", FINGERPRINT_UNKNOWN_HASH },
		{ "", "", FINGERPRINT_UNKNOWN_HASH },
		{ "sha-256", "", FINGERPRINT_MALFORMED },
		{ "sha-256",
		  "00:01:02:03:04:05:06:07:08:09:0a:0B:0c:0d:0e:0f:10:11:12:13:14:15:16:17:18:19:"
		  "1a:1b:1c:1d:1e:FF", FINGERPRINT_OK },
		{ "Sha-256",
		  "00:01:02:03:04:05:06:07:08:09:0a:0B:0c:0d:0e:0f:10:11:12:13:14:15:16:17:18:19:"
		  "1a:1b:1c:1d:1e:FG", FINGERPRINT_MALFORMED },
		{ "sha-256",
		  "00:01:02:03:04:05:06:07:08:09:0a:0B:0c:0d:0e:0f:10:11:12:13:14:15:16:17:18:19:"
		  "1a:1b:1c:1d:1e-FF", FINGERPRINT_MALFORMED },
		{ "sha-256",
		  "00:01:02:03:04:05:06:07:08:09:0a:0B:0c:0d:0e:0f:10:11:12:13:14:15:16:17:18:19:"
		  "1a:1b:1c:1d:1e:FF:", FINGERPRINT_MALFORMED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fingerprint f = { 0 };

		CHECK_EQ(fingerprint_parse(bytes_str(rows[i].hash), bytes_str(rows[i].value), &f),
			 rows[i].v);
		CHECK(rows[i].v != FINGERPRINT_OK || (f.octets[11] == 11 && f.octets[31] == 255));
	}
}

TESTS({ "shakes_hands_and_talks", shakes_hands_and_talks },
      { "two_records_in_a_row_stay_two", two_records_in_a_row_stay_two },
      { "a_lost_flight_comes_again", a_lost_flight_comes_again },
      { "gives_up_at_the_deadline", gives_up_at_the_deadline },
      { "a_wrong_fingerprint_gets_nothing", a_wrong_fingerprint_gets_nothing },
      { "garbage_changes_nothing", garbage_changes_nothing },
      { "media_starts_early", media_starts_early },
      { "goodbye_behind_data", goodbye_behind_data },
      { "says_goodbye", says_goodbye },
      { "limits_what_is_written", limits_what_is_written },
      { "strangers", strangers }, { "fingerprints", fingerprints })
