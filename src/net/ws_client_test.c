#include "net/ws_client.h"

#include <stdlib.h>

#include "base/json.h"
#include "net/net_test.h"
#include "net/tls_test.h"
#include "net/websocket.h"

/* --- what the client under test is told --------------------------------------------------- */

struct user {
	struct ws_client *ws;
	struct buf got;
	unsigned n_open, n_closed, n_writable, n_messages;
	struct ws_client_end end;
	char why[300];
	enum { USER_NOTHING, USER_CLOSE, USER_FREE } when_open, when_message;
};

static void do_it(struct user *u, int what)
{
	struct ws_client *ws = u->ws;

	if (what == USER_NOTHING)
		return;
	u->ws = NULL;
	if (what == USER_CLOSE)
		ws_client_close(ws, WS_NORMAL, "enough");
	else
		ws_client_free(ws);
}

static void on_open(void *owner, const char *protocol)
{
	struct user *u = owner;

	(void)protocol;
	u->n_open++;
	do_it(u, u->when_open);
}

static void on_message(void *owner, enum ws_kind kind, struct bytes data)
{
	struct user *u = owner;

	(void)kind;
	u->n_messages++;
	if (u->got.n < 1 << 16)
		buf_put(&u->got, data.p, MIN(data.n, (size_t)1000));
	do_it(u, u->when_message);
}

static void on_writable(void *owner)
{
	((struct user *)owner)->n_writable++;
}

static void on_closed(void *owner, const struct ws_client_end *e)
{
	struct user *u = owner;

	u->ws = NULL;
	u->n_closed++;
	u->end = *e;
	snprintf(u->why, sizeof(u->why), "%s", e->why);
}

static const struct ws_client_ops user_ops = { on_open, on_message, on_writable, on_closed };

static void user_auto_(struct user *u)
{
	ws_client_free(u->ws);
	buf_done(&u->got);
}

/* --- the other side: an echo of our own, or a script ----------------------------------------- */

struct site {
	struct loop *loops[LOOPS_MAX];
	struct http_server *server;
	struct addr at;
	struct websocket *ws;
	struct conn_home home; /* of the clients */
	unsigned n_closed, code;
	struct tls_ctx *tls, *client_tls;
	struct listener *door; /* of the script */
	struct client peer;
	bool pause; /* the server does not echo */
	size_t n_heard;
};

static void echo(void *owner, enum ws_kind kind, struct bytes data)
{
	struct site *s = owner;

	(void)kind;
	s->n_heard += data.n;
	if (!s->pause && websocket_send_text(s->ws, WS_CONTROL, 0, data) != 0)
		s->n_heard = 0;
}

static void on_gone(void *owner, unsigned code)
{
	struct site *s = owner;

	s->ws = NULL;
	s->n_closed++;
	s->code = code;
}

static void on_request(void *ctx, struct http_exchange *ex)
{
	static const struct websocket_ops ops = { .on_message = echo, .on_closed = on_gone };
	struct site *s = ctx;

	if (websocket_accept(&s->ws, ex, "realtime", &ops, s) != 0)
		s->ws = NULL;
}

static void on_accept(void *owner, int fd, const struct addr *peer)
{
	struct site *s = owner;

	(void)peer;
	if (s->peer.fd > 0)
		close(fd);
	else
		s->peer.fd = fd;
}

static void site_auto_(struct site *s)
{
	client_done(&s->peer);
	if (s->home.loop)
		conn_home_done(&s->home);
	http_server_free(s->server);
	listen_free(s->door);
	for (size_t i = 0; i < LOOPS_MAX; i++)
		loop_free(s->loops[i]);
}

static const struct http_ops http_ops = { .on_request = on_request };
static const struct http_policy policy = { 0 };

static bool home_open(struct site *s)
{
	conn_home_init(&s->home, s->loops[0], NULL);
	s->home.linger_us = 20 * US_PER_MS;
	return true;
}

/* What the tests stand on takes its memory unhindered. */
static bool site_open_(struct site *s)
{
	struct http_server_params p = { .n_loops = 1, .ops = &http_ops, .ctx = s,
					.policy = &policy, .tls = s->tls };

	json_init();
	return server_open(&s->server, &p, s->loops, &s->at) && home_open(s);
}

static bool site_open(struct site *s)
{
	unsigned long left = mem_fail_hold();
	bool made = site_open_(s);

	mem_fail_resume(left);
	return made;
}

static bool script_open_(struct site *s, const char *at)
{
	static const struct listen_ops ops = { on_accept };
	char why[LISTEN_WHY];

	json_init();
	return loop_new(&s->loops[0], 0) == 0 && home_open(s) && addr_parse(bytes_str(at), &s->at) &&
	       listen_probe(&s->at, why) == LISTEN_OK &&
	       listen_open(&s->door, s->loops[0], &s->at, &ops, s, why) == LISTEN_OK;
}

static bool script_open(struct site *s, const char *at)
{
	unsigned long left = mem_fail_hold();
	bool made = script_open_(s, at);

	mem_fail_resume(left);
	return made;
}

/* With every allocation failing in turn there are hundreds of runs: one case of many. */
#define EACH(i, array)                                                                             \
	(size_t i = 0; i < (getenv("VOICED_TEST_OOM") ? 1 : ARRAY_LEN(array)); i++)

static int begin(struct user *u, struct site *s, const char *scheme, const char *host)
{
	char url[128];
	struct ws_client_params p = { .home = &s->home, .tls = s->client_tls, .url = url,
				      .fields = { "api-key: secret", "" }, .protocol = "realtime",
				      .open_ms = 1500, .message_max = 1 << 20 };

	snprintf(url, sizeof(url), "%s://%s:%u/v1/realtime?model=m", scheme, host, s->at.port);
	return ws_client_new(&u->ws, &p, &user_ops, u);
}

static bool until(struct site *s, const unsigned *n, unsigned at_least)
{
	for (uint64_t end = now_ms() + WAIT_MS; now_ms() < end && *n < at_least && !mem_failed();)
		loop_once(s->loops[0], 1);
	return *n >= at_least;
}

static void echoes_through_our_own_server(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(user) struct user u = { 0 };
	CHECK(site_open(&s));
	CHECK_EQ(begin(&u, &s, "ws", "localhost"), 0);
	CHECK_EQ(u.n_open, 0);
	CHECK_EQ(ws_client_send(u.ws, bytes_str("early")), -EPIPE);
	CHECK(until(&s, &u.n_open, 1));

	size_t live = mem_live();
	for (int i = 0; i < 5; i++)
		CHECK_EQ(ws_client_send(u.ws, bytes_str("hello, world")), 0);
	CHECK(mem_live() <= live + 2); /* the scratch and the connection's queue, no frame */
	CHECK(until(&s, &u.n_messages, 5));
	CHECK(memmem(u.got.p, u.got.n, "hello, worldhello", 17));
	ws_client_close(u.ws, WS_NORMAL, "bye");
	u.ws = NULL;
	CHECK(until(&s, &s.n_closed, 1));
	CHECK_EQ(s.code, WS_NORMAL);
	CHECK_EQ(u.n_closed, 0);
}

static void checks_certificate_and_name(void)
{
	static const struct {
		const char *host;
		bool trusted, opens;
		const char *why;
	} cases[] = {
		{ "localhost", true, true, "" },
		{ "127.0.0.1", true, true, "" },
		{ "127.0.0.1", false, false, "self-signed" },
	};

	for EACH(i, cases) {
		char why[TLS_WHY];
		AUTO(cert_dir) struct cert_dir d = { 0 };
		AUTO(tls_ctx) struct tls_ctx *ctx = test_ctx(&d);
		setenv("SSL_CERT_FILE", cases[i].trusted ? d.cert : "/dev/null", 1);
		AUTO(tls_ctx) struct tls_ctx *mine = tls_client_ctx_new(why);
		AUTO(site) struct site s = { .tls = ctx, .client_tls = mine };
		AUTO(user) struct user u = { 0 };
		CHECK(ctx && mine && site_open(&s));

		CHECK_EQ(begin(&u, &s, "wss", cases[i].host), 0);
		if (cases[i].opens) {
			CHECK(until(&s, &u.n_open, 1));
			CHECK_EQ(ws_client_send(u.ws, bytes_str("hush")), 0);
			CHECK(until(&s, &u.n_messages, 1));
			CHECK(memmem(u.got.p, u.got.n, "hush", 4));
			continue;
		}
		CHECK(until(&s, &u.n_closed, 1));
		CHECK_EQ(u.end.error, -EPROTO);
		CHECK(strstr(u.why, cases[i].why));
	}
	unsetenv("SSL_CERT_FILE");
}

static void refuses_a_wrong_name(void)
{
	char why[TLS_WHY];
	AUTO(cert_dir) struct cert_dir d = { 0 };
	AUTO(tls_ctx) struct tls_ctx *ctx = test_ctx(&d);
	setenv("SSL_CERT_FILE", d.cert, 1);
	AUTO(tls_ctx) struct tls_ctx *mine = tls_client_ctx_new(why);
	unsetenv("SSL_CERT_FILE");
	AUTO(site) struct site s = { .tls = ctx, .client_tls = mine };
	AUTO(user) struct user u = { 0 };
	struct http_server_params p = { .n_loops = 1, .ops = &http_ops, .ctx = &s, .policy = &policy,
					.tls = ctx, .loops = s.loops };
	CHECK(ctx && mine && loop_new(&s.loops[0], 0) == 0 && home_open(&s));
	CHECK(addr_parse(bytes_str("127.0.0.2:0"), &s.at) && listen_probe(&s.at, why) == LISTEN_OK);
	CHECK(http_server_new(&s.server, &p) == 0 &&
	      http_server_listen(s.server, &s.at, why) == LISTEN_OK);

	CHECK_EQ(begin(&u, &s, "wss", "127.0.0.2"), 0);
	CHECK(until(&s, &u.n_closed, 1));
	CHECK_EQ(u.end.error, -EPROTO);
	CHECK(strstr(u.why, "IP address mismatch"));
}

/* The scripted server has heard the request; *accept: what it must answer. */
static bool hear_request(struct site *s, char accept[static WS_ACCEPT_LEN + 1])
{
	for (uint64_t end = now_ms() + WAIT_MS; now_ms() < end && s->peer.fd <= 0 && !mem_failed();)
		loop_once(s->loops[0], 1);
	s->peer.loops[0] = s->loops[0];
	if (s->peer.fd <= 0 || !client_hears(&s->peer, "\r\n\r\n"))
		return false;
	const char *key = strstr((const char *)s->peer.got.p, "Sec-WebSocket-Key: ");
	return key && ws_accept_key(bytes_of(key + 19, WS_KEY_LEN), accept) &&
	       has(&s->peer, "\r\napi-key: secret\r\n") && has(&s->peer, "GET /v1/realtime?model=m HTTP/1.1\r\n") &&
	       has(&s->peer, "\r\nSec-WebSocket-Protocol: realtime\r\n");
}

/* Answers 101 and goes on with n octets. */
static bool go_on(struct site *s, const char *octets, size_t n)
{
	char accept[WS_ACCEPT_LEN + 1];
	AUTO(buf) struct buf b = { 0 };

	if (!hear_request(s, accept))
		return false;
	buf_printf(&b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		       "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
	buf_put(&b, octets, n);
	client_forget(&s->peer);
	return !b.failed && client_send(&s->peer, buf_bytes(&b));
}

static void frames_from_hostile_servers(void)
{
	static const struct {
		const char *octets;
		size_t n;
		unsigned code;
		const char *why;
	} cases[] = {
		{ "\x81\x85\0\0\0\0hello", 11, WS_PROTOCOL_ERROR, "(1002)" }, /* masked */
		{ "\xc1\x05hello", 7, WS_PROTOCOL_ERROR, "(1002)" },          /* compressed, they say */
		{ "\x81\x7f\0\0\0\1\0\0\0\0x", 11, WS_TOO_BIG, "(1009)" },     /* 4 GiB announced */
		{ "\x81\x02\xff\xfe", 4, WS_BAD_TEXT, "(1007)" },
		{ "\x88\x0c\x0b\xb8key is bad", 14, 3000, "(3000): key is bad" },
		{ "\x88\x00", 2, WS_NO_STATUS, "(1005)" },
		{ "\x81\x05he", 4, WS_ABNORMAL, "closed the connection" }, /* half a frame, then gone */
	};

	for EACH(i, cases) {
		AUTO(site) struct site s = { 0 };
		AUTO(user) struct user u = { 0 };
		CHECK(script_open(&s, "127.0.0.1:0"));
		CHECK_EQ(begin(&u, &s, "ws", "127.0.0.1"), 0);
		CHECK(go_on(&s, cases[i].octets, cases[i].n));
		CHECK(until(&s, &u.n_open, 1));
		if (cases[i].code == WS_ABNORMAL)
			client_done(&s.peer);
		CHECK(until(&s, &u.n_closed, 1));
		CHECK_EQ(u.end.code, cases[i].code);
		CHECK_EQ(u.end.error, 0);
		CHECK(strstr(u.why, cases[i].why));
		CHECK_EQ(u.n_messages, 0);
	}
}

static void an_endless_message_is_cut(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(user) struct user u = { 0 };
	static char part[4 + 60000] = "\x00\x7e\xea\x60"; /* a fragment that goes on */
	memset(part + 4, 'x', 60000);
	CHECK(script_open(&s, "127.0.0.1:0"));
	CHECK_EQ(begin(&u, &s, "ws", "127.0.0.1"), 0);
	CHECK(go_on(&s, "\x01\x01x", 3));
	CHECK(until(&s, &u.n_open, 1));
	for (int i = 0; i < 100 && !u.n_closed; i++)
		if (!client_send(&s.peer, bytes_of(part, sizeof(part))))
			break;
	CHECK(until(&s, &u.n_closed, 1));
	CHECK_EQ(u.end.code, WS_TOO_BIG);
}

static void answers_that_are_no_handshake(void)
{
	static const struct {
		const char *text;
		int error;
		unsigned status;
		uint64_t retry_ms;
		const char *why;
	} cases[] = {
		{ "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", -EPROTO, 0, 0, "Accept is wrong" },
		{ "HTTP/1.1 429 x\r\nRetry-After: 30\r\nContent-Length: 29\r\n\r\n"
		  "{\"error\":{\"message\":\"Later.\"}}", 0, 429, 30000, "429" },
		{ "HTTP/1.1 503 x\r\nContent-Length: 1000\r\n\r\n{", 0, 503, 0, "503" }, /* never ends */
		{ "\x16\x03\x01\x02\r\n\r\n", -EPROTO, 0, 0, "does not speak HTTP" },
		{ "", -ETIMEDOUT, 0, 0, "does not answer" },
	};

	for EACH(i, cases) {
		AUTO(site) struct site s = { 0 };
		AUTO(user) struct user u = { 0 };
		char accept[WS_ACCEPT_LEN + 1];
		struct ws_client_params p = { .home = &s.home, .protocol = "realtime", .open_ms = 60,
					      .fields = { "api-key: secret" } };
		char url[96];
		CHECK(script_open(&s, "127.0.0.1:0"));
		snprintf(url, sizeof(url), "ws://127.0.0.1:%u/v1/realtime?model=m", s.at.port);
		p.url = url;
		CHECK_EQ(ws_client_new(&u.ws, &p, &user_ops, &u), 0);
		CHECK(hear_request(&s, accept));
		CHECK(client_says(&s.peer, cases[i].text));
		CHECK(until(&s, &u.n_closed, 1));
		CHECK_EQ(u.end.error, cases[i].error);
		CHECK_EQ(u.end.status, cases[i].status);
		CHECK_EQ(u.end.retry_after_ms, cases[i].retry_ms);
		CHECK(strstr(u.why, cases[i].why));
		CHECK_EQ(u.n_open, 0);
	}
}

static void pings_and_cuts_the_silent(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(user) struct user u = { 0 };
	char url[96];
	struct ws_client_params p = { .home = &s.home, .url = url, .ping_us = 20000,
				      .silence_us = 100000, .protocol = "realtime",
				      .fields = { "api-key: secret" } };
	CHECK(script_open(&s, "127.0.0.1:0"));
	snprintf(url, sizeof(url), "ws://127.0.0.1:%u/v1/realtime?model=m", s.at.port);
	CHECK_EQ(ws_client_new(&u.ws, &p, &user_ops, &u), 0);
	CHECK(go_on(&s, "\x89\x02ho", 4)); /* a ping of theirs */
	CHECK(client_hears(&s.peer, "\x8a\x82")); /* its pong is masked, and so is our ping */
	CHECK(client_hears(&s.peer, "\x89\x80"));
	CHECK(until(&s, &u.n_closed, 1));
	CHECK(strstr(u.why, "silent"));
}

static void closed_from_inside_a_handler(void)
{
	for (int i = 0; i < 4; i++) {
		AUTO(site) struct site s = { 0 };
		AUTO(user) struct user u = { 0 };
		CHECK(site_open(&s));
		*(i < 2 ? &u.when_open : &u.when_message) = i % 2 ? USER_CLOSE : USER_FREE;
		CHECK_EQ(begin(&u, &s, "ws", "127.0.0.1"), 0);
		CHECK(until(&s, &u.n_open, 1));
		if (i >= 2)
			CHECK_EQ(ws_client_send(u.ws, bytes_str("x")), 0);
		CHECK(until(&s, &s.n_closed, 1));
		CHECK_EQ(u.n_closed, 0);
		CHECK_EQ(s.code, i % 2 ? WS_NORMAL : WS_GOING_AWAY);
	}
}

static void a_slow_server_makes_a_queue(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(user) struct user u = { 0 };
	static char big[256 << 10];
	int err = 0, n = 0;
	memset(big, 'x', sizeof(big));
	CHECK(script_open(&s, "127.0.0.1:0"));
	CHECK_EQ(begin(&u, &s, "ws", "127.0.0.1"), 0);
	CHECK(go_on(&s, "", 0));
	CHECK(until(&s, &u.n_open, 1));
	for (; err == 0 && n < 200; n++)
		err = ws_client_send(u.ws, bytes_of(big, sizeof(big)));
	CHECK_EQ(err, -ENOBUFS);
	ws_client_want_writable(u.ws);
	uint64_t end = now_ms() + WAIT_MS;
	while (now_ms() < end && !u.n_writable && !mem_failed()) {
		client_turn(&s.peer);
		(void)client_read(&s.peer);
		client_forget(&s.peer);
	}
	CHECK_EQ(u.n_writable, 1);
	CHECK(ws_client_queued(u.ws) <= WS_BUDGET / 2);
}

static void what_cannot_be_asked(void)
{
	static const char *const urls[] = {
		"", "x", "ftp://a/", "wss://a/", "ws://", "ws://:80/", "ws://a:0/", "ws://a:99999/", "ws://u@a/",
		"ws://a/\r\nX: y", "ws://a b/", "ws://[::1/", "ws://[::1]x/", "ws://a/#f",
	};
	AUTO(loop) struct loop *l = NULL;
	CHECK_EQ(loop_new(&l, 0), 0);
	struct conn_home home;
	struct user u = { 0 };
	conn_home_init(&home, l, NULL);

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		struct ws_client_params p = { .home = &home, .url = urls[i] };

		CHECK_EQ(ws_client_new(&u.ws, &p, &user_ops, &u), -EINVAL);
	}
	struct ws_client_params p = { .home = &home, .url = "ws://[::1]:1?x", .fields = { "a: b\r\nc: d" } };
	CHECK_EQ(ws_client_new(&u.ws, &p, &user_ops, &u), -EINVAL);
	p.fields[0] = "a: b";
	CHECK_EQ(ws_client_new(&u.ws, &p, &user_ops, &u), 0);
	ws_client_free(u.ws);
	CHECK_EQ(u.n_closed, 0);
}

TESTS({ "echoes_through_our_own_server", echoes_through_our_own_server },
      { "checks_certificate_and_name", checks_certificate_and_name },
      { "refuses_a_wrong_name", refuses_a_wrong_name },
      { "frames_from_hostile_servers", frames_from_hostile_servers },
      { "an_endless_message_is_cut", an_endless_message_is_cut },
      { "answers_that_are_no_handshake", answers_that_are_no_handshake },
      { "pings_and_cuts_the_silent", pings_and_cuts_the_silent },
      { "closed_from_inside_a_handler", closed_from_inside_a_handler },
      { "a_slow_server_makes_a_queue", a_slow_server_makes_a_queue },
      { "what_cannot_be_asked", what_cannot_be_asked })
