/* Routes, doors and limits, over loopback. What the handlers answer: test/server. */
#include "api/api.h"

#include "base/json.h"
#include "base/test.h"
#include "engine/fake.h"
#include "net/net_test.h"

struct site {
	struct loop *loops[LOOPS_MAX];
	struct http_server *server;
	struct addr at;
	struct fake *fake;
	struct engines engines;
	struct auth auth;
	struct cert *cert;
	struct api *api;
	const char *key; /* NULL: open */
	size_t max_sessions;
};

static bool ready(void *ctx)
{
	(void)ctx;
	return true;
}

static const struct engines *engines_of(void *ctx, const char **collection)
{
	(void)collection;
	return &((struct site *)ctx)->engines;
}

static const struct token_key tokens;
static const struct http_policy policy = { 0 };

static void site_auto_(struct site *s)
{
	http_server_free(s->server);
	api_free(s->api);
	loop_free(s->loops[0]);
	fake_free(s->fake);
	cert_free(s->cert);
}

static bool site_open(struct site *s)
{
	struct http_server_params h = { .n_loops = 1, .ops = &api_http_ops, .policy = &policy };

	json_init();
	auth_init(&s->auth, &env_system, bytes_str(s->key), &tokens);
	if (fake_new(&s->fake) != 0 || loop_new(&s->loops[0], 0) != 0 ||
	    cert_new(&s->cert, &env_system) != 0 || !addr_parse(bytes_str("127.0.0.1:0"), &s->at))
		return false;
	fake_engines(s->fake, &s->engines);
	const struct api_params p = { .env = &env_system,
				      .loops = s->loops,
				      .n_loops = 1,
				      .engines_of = engines_of,
				      .ctx = s,
				      .data = "nowhere",
				      .collection = "default",
				      .auth = &s->auth,
				      .cert = s->cert,
				      .candidates = &s->at,
				      .n_candidates = 1,
				      .max_sessions = s->max_sessions ? s->max_sessions : 2,
				      .ready = ready };
	if (api_new(&s->api, &p) != 0)
		return false;
	h.ctx = s->api;
	return server_open(&s->server, &h, s->loops, &s->at);
}

static bool join(struct client *c, struct site *s)
{
	return client_join(c, s->loops, &s->at);
}

static bool answers(struct site *s, const char *line, const char *headers, const char *want)
{
	AUTO(client) struct client c = { 0 };
	char text[1024];

	snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", line, headers);
	bool ok = join(&c, s) && client_says(&c, text) && client_hears(&c, want);
	if (!ok && !mem_failed())
		fprintf(stderr, "%s: no \"%s\" in %.*s\n", line, want, (int)MIN(c.got.n, (size_t)300),
			c.got.n ? (const char *)c.got.p : "");
	return ok;
}

static const struct {
	const char *line, *want;
} routes[] = {
	{ "GET /metrics", "voiced_sessions 0\n" },
	{ "HEAD /metrics", " 200 " },
	{ "GET /metrics/", " 200 " },
	{ "POST /metrics", "Allow: GET, HEAD\r\n" },
	{ "GET /api/login", "Allow: POST\r\n" },
	{ "PUT /api/documents/7", " 405 " },
	{ "GET /v1/realtime", " 426 " },
	{ "GET /v1/realtime?model=x", " 426 " },
	{ "GET /v1/realtime/calls/x", " 404 " },
	{ "POST /v1/realtime/calls/rtc_01abc/hangup", " 404 " },
	{ "POST /v1/realtime/calls", " 415 " },
	{ "GET /", " 200 " },
	{ "GET /nothing", " 404 " },
	{ "GET /metrics/more", " 404 " },
	{ "GET /v1/realtime/calls//hangup", " 404 " },
	{ "POST /", " 405 " },
};

static void each_path_has_its_method(void)
{
	AUTO(site) struct site s = { 0 };
	size_t n = getenv("VOICED_TEST_OOM") ? 4 : ARRAY_LEN(routes);

	CHECK(site_open(&s));
	for (size_t i = 0; i < n; i++)
		CHECK(answers(&s, routes[i].line,
			      strncmp(routes[i].line, "POST", 4) == 0 ? "Content-Length: 0\r\n" : "",
			      routes[i].want));
}

/* {line, is the key wanted?} */
static const struct {
	const char *line;
	bool keyed;
} doors[] = {
	{ "GET /metrics", true },
	{ "GET /", false },
	{ "GET /api/status", true },
	{ "GET /api/documents", true },
	{ "GET /api/documents/7", true },
	{ "GET /api/documents/7/text", true },
	{ "POST /api/search", true },
	{ "POST /v1/realtime/client_secrets", true },
	{ "GET /v1/realtime", true },
	{ "POST /v1/realtime/calls", true },
	{ "GET /v1/realtime/calls/x", true },
	{ "POST /v1/realtime/calls/x", true },
	{ "POST /v1/realtime/calls/x/hangup", true },
	{ "GET /nothing", false },
};

static void without_the_key_only_the_page_is_shown(void)
{
	AUTO(site) struct site s = { .key = "sesame" };
	size_t n = getenv("VOICED_TEST_OOM") ? 2 : ARRAY_LEN(doors);

	CHECK(site_open(&s));
	for (size_t i = 0; i < n; i++) {
		const char *body = strncmp(doors[i].line, "POST", 4) == 0 ? "Content-Length: 0\r\n" : "";
		AUTO(client) struct client c = { 0 };
		char text[256];

		snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", doors[i].line,
			 body);
		CHECK(join(&c, &s) && client_says(&c, text) && client_hears(&c, "\r\n\r\n"));
		CHECK_EQ(has(&c, " 401 "), doors[i].keyed);
	}
	CHECK(answers(&s, "GET /metrics", "api-key: sesame\r\n", " 200 "));
	CHECK(answers(&s, "GET /metrics?api-key=sesame", "", " 200 "));
	CHECK(answers(&s, "GET /metrics?Authorization=Bearer%20sesame", "", " 200 "));
	CHECK(answers(&s, "GET /metrics", "Authorization: Bearer no\r\n", "invalid_api_key"));
}

#define HALF_UPGRADE "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
#define UPGRADE HALF_UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void conversations_are_counted(void)
{
	AUTO(site) struct site s = { .max_sessions = 1 };
	AUTO(client) struct client c = { 0 };

	CHECK(site_open(&s) && join(&c, &s));
	CHECK(client_says(&c, "GET /v1/realtime?model=mine HTTP/1.1\r\nHost: 127.0.0.1\r\n" UPGRADE
			      "Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.x\r\n\r\n"));
	CHECK(client_hears(&c, "\"type\":\"session.created\""));
	CHECK(has(&c, "Sec-WebSocket-Protocol: realtime\r\n"));
	CHECK(has(&c, "\"model\":\"mine\""));
	CHECK(answers(&s, "GET /v1/realtime?model=x", UPGRADE, "session_limit_reached"));
	CHECK(answers(&s, "GET /metrics", "", "voiced_sessions 1\n"));
	CHECK(answers(&s, "GET /metrics", "", "voiced_sessions_refused_total 1\n"));
	/* One that does not come about takes no place, nor does one that has gone. */
	api_drain(s.api, 0);
	CHECK(client_hears(&c, "the server is stopping"));
	CHECK(answers(&s, "GET /v1/realtime?model=x", HALF_UPGRADE, " 400 "));
	CHECK(answers(&s, "GET /metrics", "", "voiced_sessions 0\n"));
	CHECK(answers(&s, "GET /v1/realtime?model=x", UPGRADE, "session.created"));
	CHECK(answers(&s, "GET /metrics", "", "voiced_sessions_total 3\n"));
}

TESTS({ "each_path_has_its_method", each_path_has_its_method },
      { "without_the_key_only_the_page_is_shown", without_the_key_only_the_page_is_shown },
      { "conversations_are_counted", conversations_are_counted })
