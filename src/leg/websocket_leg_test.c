/* Over loopback. */
#include "leg/websocket_leg.h"

#include "base/json.h"
#include "base/list.h"
#include "base/test.h"
#include "engine/fake.h"
#include "net/net_test.h"

/* A server whose every address is a session. */
struct site {
	struct loop *loops[LOOPS_MAX];
	struct http_server *server;
	struct addr at;
	struct fake *fake;
	struct engines engines;
	struct list legs;
	json_t *config;
	uint64_t max_us;
	unsigned n_gone;
	int opened; /* what websocket_leg_open() gave */
};

static void gone(void *ctx)
{
	((struct site *)ctx)->n_gone++;
}

static void on_request(void *ctx, struct http_exchange *ex)
{
	struct site *s = ctx;
	const struct session_params sp = { .env = &env_system,
					   .engines = &s->engines,
					   .config = s->config,
					   .max_us = s->max_us };
	const struct websocket_leg_params p = { .session = &sp,
						.protocol = "realtime",
						.all = &s->legs,
						.ctx = s,
						.on_gone = gone };

	s->opened = websocket_leg_open(NULL, ex, &p);
}

static const struct http_ops ops = { .on_request = on_request };
static const struct http_policy policy = { 0 };

static void site_auto_(struct site *s)
{
	http_server_free(s->server);
	loop_free(s->loops[0]);
	fake_free(s->fake);
	json_decref(s->config);
}

static bool site_open(struct site *s)
{
	struct http_server_params p = { .n_loops = 1, .ops = &ops, .ctx = s, .policy = &policy };

	json_init();
	list_init(&s->legs);
	s->opened = 1;
	if (fake_new(&s->fake) != 0)
		return false;
	fake_engines(s->fake, &s->engines);
	return server_open(&s->server, &p, s->loops, &s->at);
}

static bool join(struct client *c, struct site *s)
{
	return client_join(c, s->loops, &s->at);
}

static const char shake[] =
	"GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
	"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/* A masked frame (the mask is 0): 1 text, 2 binary, 8 close. */
static bool send_frame(struct client *c, uint8_t opcode, const char *text)
{
	uint8_t d[140] = { (uint8_t)(0x80 | opcode), (uint8_t)(0x80 | strlen(text)) };

	memcpy(d + 6, text, strlen(text));
	return client_send(c, bytes_of(d, 6 + strlen(text)));
}

#define OPEN(s, c)                                                                                 \
	AUTO(site) struct site s = { 0 };                                                          \
	AUTO(client) struct client c = { 0 };                                                      \
	CHECK(site_open(&s) && join(&c, &s))

static void a_session_opens_with_the_socket(void)
{
	OPEN(s, c);
	CHECK(client_says(&c, shake) && client_hears(&c, "\"type\":\"session.created\""));
	CHECK(has(&c, " 101 ") && has(&c, "Sec-WebSocket-Protocol: realtime\r\n"));
	CHECK(s.opened == 0 && !list_empty(&s.legs));
	CHECK(send_frame(&c, 1, "{\"type\":\"input_audio_buffer.clear\"}"));
	CHECK(client_hears(&c, "\"type\":\"input_audio_buffer.cleared\""));
	CHECK(send_frame(&c, 2, "binary"));
	CHECK(client_hears(&c, "\"code\":\"invalid_event\""));
	CHECK(send_frame(&c, 1, "{\"type\":\"response.create\"}"));
	CHECK(client_hears(&c, "\"type\":\"response.output_audio.delta\""));
	CHECK(client_hears(&c, "\"type\":\"response.done\""));
	CHECK_EQ(s.n_gone, 0);
}

static void the_session_goes_with_the_socket(void)
{
	OPEN(s, c);
	CHECK(client_says(&c, shake) && client_hears(&c, "session.created"));
	CHECK(send_frame(&c, 1, "{\"type\":\"response.create\"}"));
	CHECK(send_frame(&c, 8, "\x03\xe8"));
	CHECK(client_sees_end(&c));
	CHECK_EQ(s.n_gone, 1);
	CHECK(list_empty(&s.legs));
	CHECK_EQ(fake_running(s.fake), 0);
}

static void the_socket_goes_with_the_session(void)
{
	OPEN(s, c);
	s.max_us = 1;
	CHECK(client_says(&c, shake) && client_hears(&c, "session_expired"));
	CHECK(client_hears(&c, "\x03\xe9")); /* 1001 */
	CHECK(send_frame(&c, 8, "\x03\xe9"));
	CHECK(client_sees_end(&c));
	CHECK_EQ(s.n_gone, 1);
	CHECK(list_empty(&s.legs));
}

static void a_server_that_stops_says_so(void)
{
	OPEN(s, c);
	AUTO(client) struct client second = { 0 };

	CHECK(client_says(&c, shake) && client_hears(&c, "session.created"));
	CHECK(join(&second, &s) && client_says(&second, shake));
	CHECK(client_hears(&second, "session.created"));
	websocket_leg_drain(&s.legs);
	websocket_leg_drain(&s.legs);
	CHECK_EQ(s.n_gone, 0);
	CHECK(client_hears(&c, "\x03\xe9the server is stopping"));
	CHECK(client_hears(&second, "\x03\xe9the server is stopping"));
	CHECK_EQ(s.n_gone, 2);
	CHECK(list_empty(&s.legs));
}

/* The exchange is answered in every case. */
static void what_cannot_open_is_told(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client plain = { 0 };
	AUTO(client) struct client wrong = { 0 };

	CHECK(site_open(&s));
	CHECK(join(&plain, &s) && client_says(&plain, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
	CHECK(client_hears(&plain, " 400 "));
	CHECK(s.opened < 0);
	s.config = json_pack("{s:i}", "instructions", 7);
	CHECK(s.config && join(&wrong, &s) && client_says(&wrong, shake));
	CHECK(client_hears(&wrong, " 400 ") && client_hears(&wrong, "session.instructions"));
	CHECK_EQ(s.opened, -EINVAL);
	CHECK_EQ(s.n_gone, 0);
	CHECK(list_empty(&s.legs));
}

TESTS({ "a_session_opens_with_the_socket", a_session_opens_with_the_socket },
      { "the_session_goes_with_the_socket", the_session_goes_with_the_socket },
      { "the_socket_goes_with_the_session", the_socket_goes_with_the_session },
      { "a_server_that_stops_says_so", a_server_that_stops_says_so },
      { "what_cannot_open_is_told", what_cannot_open_is_told })
