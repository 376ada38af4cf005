#include "net/websocket.h"
#include "base/test.h"

#include "net/net_test.h"
#include "net/tls_test.h"

/* A server whose every address is a WebSocket that echoes. */
struct site {
	struct loop *loops[LOOPS_MAX];
	struct http_server *server;
	struct addr at;
	struct websocket *ws;
	const char *protocol;
	unsigned n_closed, code, n_writable;
	int refused; /* of websocket_accept() */
	struct tls_ctx *tls;
	struct http_limits limits;
};

static void on_message(void *owner, enum ws_kind kind, struct bytes data)
{
	struct site *s = owner;

	(void)kind;
	if (bytes_is(data, "close me"))
		websocket_close(s->ws, 4000, "as you wish");
	else if (bytes_is(data, "free me"))
		websocket_free(s->ws);
	else if (websocket_send_text(s->ws, WS_CONTROL, 0, data) == 0)
		return;
	s->ws = NULL;
}

static void on_writable(void *owner)
{
	struct site *s = owner;
	s->n_writable++;
}

static void on_closed(void *owner, unsigned code)
{
	struct site *s = owner;

	s->ws = NULL;
	s->n_closed++;
	s->code = code;
}

static const struct websocket_ops ws_ops = { on_message, on_writable, on_closed };

static void accept_here(void *arg, struct http_exchange *ex)
{
	struct site *s = arg;

	s->refused = websocket_accept(&s->ws, ex, s->protocol, &ws_ops, s);
}

static void on_request(void *ctx, struct http_exchange *ex)
{
	struct site *s = ctx;

	if (!s->loops[1])
		accept_here(s, ex);
	else if (exchange_move(ex, s->loops[1], accept_here, s) != 0)
		exchange_error(ex, 503, NULL, NULL, "Busy.");
}

static const struct http_ops ops = { .on_request = on_request };
static const struct http_policy policy = { 0 };

static void site_auto_(struct site *s)
{
	http_server_free(s->server);
	for (size_t i = 0; i < LOOPS_MAX; i++)
		loop_free(s->loops[i]);
}

static bool site_open(struct site *s, size_t n_loops)
{
	struct http_server_params p = { .n_loops = n_loops, .ops = &ops, .ctx = s, .policy = &policy,
					.tls = s->tls, .limits = s->limits };

	return server_open(&s->server, &p, s->loops, &s->at);
}

static bool join(struct client *c, struct site *s)
{
	return client_join(c, s->loops, &s->at);
}

#define SHAKE_BUT_KEY                                                                              \
	"GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive, Upgrade\r\n"      \
	"Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"                                      \
	"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
#define SHAKE SHAKE_BUT_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define HELLO "\x81\x85\0\0\0\0hello"

static void shakes_hands_and_echoes(void)
{
	AUTO(site) struct site s = { .protocol = "realtime" };
	AUTO(client) struct client c = { 0 };
	CHECK(site_open(&s, 1) && join(&c, &s));

	/* The first message comes with the handshake: as far as TCP is concerned, it may. */
	CHECK(client_send(&c, bytes_of(SHAKE "\r\n" HELLO, sizeof(SHAKE "\r\n" HELLO) - 1)));
	CHECK(client_hears(&c, "\x81\x05hello"));
	CHECK(has(&c, "HTTP/1.1 101 Switching Protocols\r\n"));
	CHECK(has(&c, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	CHECK(has(&c, "Sec-WebSocket-Protocol: realtime\r\n") && !has(&c, "deflate"));
	CHECK(!has(&c, "Content-Length"));
	CHECK(client_send(&c, bytes_of("\x88\x82\0\0\0\0\x03\xe8", 8)));
	CHECK(client_sees_end(&c));
	CHECK_EQ(s.n_closed, 1);
	CHECK_EQ(s.code, 1000);
}

static void lives_on_another_loop(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(site_open(&s, 2) && join(&c, &s));

	CHECK(client_send(&c, bytes_of(SHAKE "\r\n" HELLO, sizeof(SHAKE "\r\n" HELLO) - 1)));
	CHECK(client_hears(&c, "\x81\x05hello"));
	CHECK_EQ(http_server_conns(s.server, s.loops[1]), 1);
	CHECK(!has(&c, "Sec-WebSocket-Protocol"));
}

static void lives_on_another_loop_with_tls(void)
{
	AUTO(cert_dir) struct cert_dir d = { 0 };
	AUTO(tls_ctx) struct tls_ctx *ctx = test_ctx(&d);
	AUTO(site) struct site s = { .tls = ctx };
	AUTO(client) struct client c = { 0 };
	AUTO(tls_client) struct tls_client t = { 0 };
	AUTO(buf) struct buf plain = { 0 };
	CHECK(ctx && site_open(&s, 2) && join(&c, &s));
	CHECK(tls_client_open(&t, d.cert, TLS1_3_VERSION, "\x08http/1.1"));

	(void)SSL_do_handshake(t.ssl);
	CHECK(tls_hears(&t, &c, &plain, NULL));
	/* A page of our own, by its scheme. Frames follow in records of their own. */
	CHECK(SSL_write(t.ssl, SHAKE "Origin: https://127.0.0.1\r\n\r\n",
			sizeof(SHAKE "Origin: https://127.0.0.1\r\n\r\n") - 1) > 0);
	CHECK_EQ(SSL_write(t.ssl, HELLO, sizeof(HELLO) - 1), sizeof(HELLO) - 1);
	CHECK(tls_hears(&t, &c, &plain, "\x81\x05hello"));
	CHECK(plain.n && memmem(plain.p, plain.n, " 101 ", 5));
	CHECK_EQ(SSL_write(t.ssl, HELLO, sizeof(HELLO) - 1), sizeof(HELLO) - 1);
	buf_reset(&plain);
	CHECK(tls_hears(&t, &c, &plain, "\x81\x05hello"));

	/* Plain HTTP on the same port. */
	AUTO(client) struct client plain_client = { 0 };
	CHECK(join(&plain_client, &s) && client_says(&plain_client, SHAKE "\r\n"));
	CHECK(client_hears(&plain_client, " 101 "));
}

static void takes_a_key_of_4_kilobytes_as_first_subprotocol(void)
{
	static char line[4200];
	AUTO(site) struct site s = { .protocol = "realtime" };
	AUTO(client) struct client c = { 0 };
	CHECK(site_open(&s, 1) && join(&c, &s));

	int n = snprintf(line, sizeof(line), "Sec-WebSocket-Protocol: openai-insecure-api-key.");
	memset(line + n, 'k', 4096);
	CHECK(client_says(&c, SHAKE) && client_says(&c, line));
	CHECK(client_says(&c, ", realtime\r\n\r\n"));
	CHECK(client_hears(&c, "Sec-WebSocket-Protocol: realtime\r\n"));
}

static void refuses_bad_handshakes(void)
{
	static const struct {
		const char *request, *answer;
	} rows[] = {
		{ "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", " 400 " },
		{ SHAKE_BUT_KEY "\r\n", " 400 " },
		{ SHAKE_BUT_KEY "Sec-WebSocket-Key: short\r\n\r\n", " 400 " },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
		  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n",
		  "Sec-WebSocket-Version: 13\r\n" },
		{ SHAKE "Origin: http://evil.example\r\n\r\n", " 403 " },
	};
	AUTO(site) struct site s = { 0 };
	CHECK(site_open(&s, 1));

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(client) struct client c = { 0 };

		CHECK(join(&c, &s) && client_says(&c, rows[i].request));
		CHECK(client_hears(&c, rows[i].answer) && !s.ws);
	}
	CHECK_EQ(s.refused, -EPROTO);
}

static void closes_and_frees_from_its_handler(void)
{
	static const struct {
		struct bytes sent, heard;
	} rows[] = {
		{ { (const uint8_t *)"\x81\x88\0\0\0\0close me", 14 },
		  { (const uint8_t *)"\x88\x0d\x0f\xa0" "as you wish", 15 } },
		{ { (const uint8_t *)"\x81\x87\0\0\0\0free me", 13 }, { NULL, 0 } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(site) struct site s = { 0 };
		AUTO(client) struct client c = { 0 };
		CHECK(site_open(&s, 1) && join(&c, &s));

		CHECK(client_says(&c, SHAKE "\r\n") && client_hears(&c, "\r\n\r\n"));
		CHECK(client_send(&c, rows[i].sent));
		CHECK(client_sees_end(&c));
		CHECK(!rows[i].heard.n || (c.got.n > rows[i].heard.n &&
					   memcmp(c.got.p + c.got.n - rows[i].heard.n,
						  rows[i].heard.p, rows[i].heard.n) == 0));
		CHECK_EQ(s.n_closed, 0); /* the owner ended it and is not told */
	}
}

static void a_client_that_does_not_read_is_held_back(void)
{
	static char audio[32 << 10];
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(site_open(&s, 1) && join(&c, &s));

	memset(audio, 'a', sizeof(audio));
	CHECK(client_says(&c, SHAKE "\r\n") && client_hears(&c, "\r\n\r\n") && s.ws);
	int err = 0, n = 0;
	for (; err == 0 && n < 1000; n++)
		err = websocket_send_text(s.ws, WS_AUDIO, 1, bytes_of(audio, sizeof(audio)));
	CHECK_EQ(err, -EAGAIN);
	CHECK(websocket_queued(s.ws) < WS_BUDGET + 256 * 1024);
	CHECK_EQ(websocket_send_text(s.ws, WS_CONTROL, 0, bytes_str("barge-in")), 0);
	CHECK(websocket_drop_audio(s.ws, 1) >= 30);
	CHECK(websocket_queued(s.ws) < 256 * 1024);
	CHECK(client_hears(&c, "barge-in"));
	client_turn(&c);
	CHECK_EQ(s.n_writable, 1);
}

static void hears_when_the_client_vanishes(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(site_open(&s, 1) && join(&c, &s));

	CHECK(client_says(&c, SHAKE "\r\n") && client_hears(&c, "\r\n\r\n") && s.ws);
	close(c.fd);
	c.fd = 0;
	for (int i = 0; i < 2000 && !s.n_closed; i++) {
		client_turn(&c);
		nap();
	}
	CHECK_EQ(s.code, WS_ABNORMAL);
}

static void pings_and_cuts_the_silent(void)
{
	AUTO(site) struct site s = { .limits = { .ping_us = 8 * US_PER_MS,
						 .silence_us = 50 * US_PER_MS } };
	AUTO(client) struct client c = { 0 };
	CHECK(site_open(&s, 1) && join(&c, &s));

	CHECK(client_says(&c, SHAKE "\r\n") && client_hears(&c, "\r\n\r\n") && s.ws);
	for (uint64_t end = now_ms() + 100; now_ms() < end;) { /* twice as long as silence lasts */
		CHECK(client_send(&c, bytes_of("\x8a\x80\0\0\0\0", 6)));
		client_read(&c);
		nap();
	}
	CHECK_EQ(s.n_closed, 0);
	CHECK(memmem(c.got.p, c.got.n, "\x89\0\x89\0", 4));
	CHECK(client_sees_end(&c));
	CHECK_EQ(s.code, WS_ABNORMAL);
}

static void the_server_ends_what_lives(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(site_open(&s, 1) && join(&c, &s));

	CHECK(client_says(&c, SHAKE "\r\n") && client_hears(&c, "\r\n\r\n") && s.ws);
	http_server_free(s.server);
	s.server = NULL;
	CHECK_EQ(s.code, WS_GOING_AWAY);
	CHECK_EQ(s.n_closed, 1);
}

TESTS({ "shakes_hands_and_echoes", shakes_hands_and_echoes },
      { "lives_on_another_loop", lives_on_another_loop },
      { "lives_on_another_loop_with_tls", lives_on_another_loop_with_tls },
      { "takes_a_key_of_4_kilobytes_as_first_subprotocol",
	takes_a_key_of_4_kilobytes_as_first_subprotocol },
      { "refuses_bad_handshakes", refuses_bad_handshakes },
      { "closes_and_frees_from_its_handler", closes_and_frees_from_its_handler },
      { "a_client_that_does_not_read_is_held_back", a_client_that_does_not_read_is_held_back },
      { "hears_when_the_client_vanishes", hears_when_the_client_vanishes },
      { "pings_and_cuts_the_silent", pings_and_cuts_the_silent },
      { "the_server_ends_what_lives", the_server_ends_what_lives })
