#include "net/tls.h"
#include "base/test.h"

#include <errno.h>

#include "net/tls_test.h"

/* Carry octets both ways until nobody has any. What the server reads goes to `heard`. */
static enum tls_step carry(struct tls_client *c, struct tls *t, struct buf *heard)
{
	uint8_t data[20000];
	enum tls_step step = TLS_AGAIN;
	bool busy = true;

	while (busy) {
		AUTO(buf) struct buf out = { 0 };
		size_t n = tls_client_output(c, data, sizeof(data));

		busy = n > 0;
		if (tls_input(t, bytes_of(data, n)) != 0)
			return TLS_BROKEN;
		while ((step = tls_read(t, data, sizeof(data), &n)) == TLS_DATA)
			buf_put(heard, data, n);
		if (tls_output(t, &out) != 0)
			return TLS_BROKEN;
		if (out.n) {
			BIO_write(c->in, out.p, (int)out.n);
			busy = true;
		}
		if (SSL_is_init_finished(c->ssl))
			(void)SSL_peek(c->ssl, data, 1);
		else
			(void)SSL_do_handshake(c->ssl);
	}
	return step;
}

static void makes_a_certificate_and_keeps_it(void)
{
	static const char *const names[] = { "voice.example", "192.0.2.9", "2001:db8::9" };
	AUTO(cert_dir) struct cert_dir d = { 0 };
	struct tls_self_params p = { .dir = d.dir.path, .wall_us = JAN_2026_S * (uint64_t)US_PER_S };
	char why[TLS_WHY] = "";
	struct stat st;
	cert_dir_open(&d);

	CHECK_EQ(tls_self_signed(&p, why), TLS_MADE);
	CHECK_EQ(stat(d.key, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	CHECK_EQ(stat(d.cert, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	CHECK_EQ(tls_self_signed(&p, why), TLS_KEPT);
	p.wall_us += 816ull * 24 * 3600 * US_PER_S;
	CHECK_EQ(tls_self_signed(&p, why), TLS_KEPT);
	p.wall_us += 4ull * 24 * 3600 * US_PER_S; /* less than a week is left */
	CHECK_EQ(tls_self_signed(&p, why), TLS_MADE);
	CHECK_EQ(tls_self_signed(&p, why), TLS_KEPT);
	p.names = names;
	p.n_names = ARRAY_LEN(names);
	CHECK_EQ(tls_self_signed(&p, why), TLS_MADE); /* the list grew */
	p.n_names = 1;
	CHECK_EQ(tls_self_signed(&p, why), TLS_KEPT); /* and shrank */
	p.wall_us = JAN_2026_S * (uint64_t)US_PER_S; /* the clock was wrong */
	CHECK_EQ(tls_self_signed(&p, why), TLS_MADE);
	CHECK_EQ(truncate(d.key, 10), 0);
	CHECK_EQ(tls_self_signed(&p, why), TLS_MADE);
	CHECK_EQ(unlink(d.cert), 0);
	CHECK_EQ(tls_self_signed(&p, why), TLS_MADE);
}

static void says_what_is_wrong(void)
{
	static const char *const odd[] = { "a,DNS:evil" };
	AUTO(cert_dir) struct cert_dir d = { 0 };
	struct tls_self_params p = { .dir = "./none/such", .wall_us = US_PER_S };
	char why[TLS_WHY] = "";
	cert_dir_open(&d);

	CHECK_EQ(tls_self_signed(&p, why), TLS_FAILED);
	CHECK_STR(why, "cannot write ./none/such/key.pem: No such file or directory");
	p.names = odd;
	p.n_names = 1;
	CHECK_EQ(tls_self_signed(&p, why), TLS_FAILED);
	CHECK_STR(why, "not a host name: a,DNS:evil");
	CHECK(!tls_ctx_new("./none.pem", "./none.pem", why));
	CHECK(strstr(why, "cannot use certificate ./none.pem"));
}

static void shakes_hands_and_talks(void)
{
	static const struct {
		int version;
		const char *alpn;
	} rows[] = {
		{ TLS1_3_VERSION, "\x08http/1.1" },
		{ TLS1_2_VERSION, "\x02h2\x08http/1.1" },
		{ TLS1_3_VERSION, NULL },
	};
	AUTO(cert_dir) struct cert_dir d = { 0 };
	AUTO(tls_ctx) struct tls_ctx *ctx = test_ctx(&d);
	CHECK(ctx);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(tls_client) struct tls_client c = { 0 };
		AUTO(tls) struct tls *t = NULL;
		AUTO(buf) struct buf heard = { 0 };
		const unsigned char *alpn = NULL;
		unsigned n_alpn = 0;
		char reply[8];
		CHECK(tls_client_open(&c, d.cert, rows[i].version, rows[i].alpn));
		CHECK_EQ(tls_new(&t, ctx), 0);

		(void)SSL_do_handshake(c.ssl);
		CHECK_EQ(tls_write(t, bytes_str("early")), -EPROTO);
		CHECK_EQ(carry(&c, t, &heard), TLS_AGAIN);
		CHECK(tls_is_open(t) && SSL_is_init_finished(c.ssl));
		SSL_get0_alpn_selected(c.ssl, &alpn, &n_alpn);
		CHECK(rows[i].alpn ? n_alpn == 8 && memcmp(alpn, "http/1.1", 8) == 0 : n_alpn == 0);
		CHECK_EQ(SSL_write(c.ssl, "hello", 5), 5);
		CHECK_EQ(carry(&c, t, &heard), TLS_AGAIN);
		CHECK(bytes_is(buf_bytes(&heard), "hello"));
		CHECK_EQ(tls_write(t, bytes_str("hi")), 0);
		CHECK_EQ(carry(&c, t, &heard), TLS_AGAIN);
		CHECK_EQ(SSL_read(c.ssl, reply, sizeof(reply)), 2);
		(void)SSL_shutdown(c.ssl);
		CHECK_EQ(carry(&c, t, &heard), TLS_END);
	}
}

static void refuses_what_is_too_old_or_not_tls(void)
{
	AUTO(cert_dir) struct cert_dir d = { 0 };
	AUTO(tls_ctx) struct tls_ctx *ctx = test_ctx(&d);
	CHECK(ctx);

	static const struct {
		int version;
		const char *alpn;
	} rows[] = { { TLS1_1_VERSION, NULL }, { TLS1_3_VERSION, "\x02h2" } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(tls_client) struct tls_client c = { 0 };
		AUTO(tls) struct tls *t = NULL;
		AUTO(buf) struct buf heard = { 0 };
		CHECK(tls_client_open(&c, d.cert, rows[i].version, rows[i].alpn));
		CHECK_EQ(tls_new(&t, ctx), 0);
		SSL_set_security_level(c.ssl, 0);
		(void)SSL_do_handshake(c.ssl);
		(void)carry(&c, t, &heard);
		CHECK(!tls_is_open(t));
	}

	AUTO(tls) struct tls *t = NULL;
	AUTO(buf) struct buf out = { 0 };
	uint8_t data[16];
	size_t n;
	CHECK_EQ(tls_new(&t, ctx), 0);
	CHECK_EQ(tls_input(t, bytes_str("\x16 this is not TLS at all")), 0);
	CHECK_EQ(tls_read(t, data, sizeof(data), &n), TLS_BROKEN);
	CHECK_EQ(tls_output(t, &out), 0);
}

TESTS({ "makes_a_certificate_and_keeps_it", makes_a_certificate_and_keeps_it },
      { "says_what_is_wrong", says_what_is_wrong },
      { "shakes_hands_and_talks", shakes_hands_and_talks },
      { "refuses_what_is_too_old_or_not_tls", refuses_what_is_too_old_or_not_tls })
