#include "net/http_server.h"
#include "base/test.h"

#include <pthread.h>

#include "net/net_test.h"

static const char *const origins[] = { "https://app.example" };
static const struct http_policy policy = { .origins = origins, .n_origins = 1 };

/* What the test's routes do: see on_request(). */
struct site {
	struct loop *loops[LOOPS_MAX];
	struct http_server *server;
	struct addr at;
	struct http_exchange *later;
	struct http_exchange *parts; /* begun, to be ended by the test */
	unsigned n_gone, n_room;
	unsigned n_requests, n_moved;
	const struct http_ops *ops; /* NULL: those below */
};

static char large[3 << 20];

static void answer_text(struct http_exchange *ex, const char *text)
{
	struct http_reply r = { .status = 200, .type = "text/plain", .body = bytes_str(text) };
	exchange_reply(ex, &r);
}

static void moved(void *arg, struct http_exchange *ex)
{
	struct site *s = arg;

	s->n_moved++;
	answer_text(ex, exchange_loop(ex) == s->loops[1] ? "moved" : "astray");
}

static void parts_gone(void *ctx)
{
	struct site *s = ctx;

	s->n_gone++;
	exchange_end(s->parts);
	s->parts = NULL;
}

static void parts_room(void *ctx)
{
	((struct site *)ctx)->n_room++;
}

static void begin_parts(struct site *s, struct http_exchange *ex)
{
	static const struct exchange_watch watch = { parts_gone, parts_room };

	exchange_set_watch(ex, &watch, s);
	s->parts = ex;
	if (exchange_begin(ex, &(struct http_reply){ .status = 200, .type = "text/plain" }) == 0 &&
	    exchange_write(ex, bytes_str("first, ")) == 0)
		return;
	exchange_end(ex);
	s->parts = NULL;
}

static void on_request(void *ctx, struct http_exchange *ex)
{
	struct site *s = ctx;
	const struct http_request *r = exchange_request(ex);
	struct http_reply all = { .status = 200, .type = "application/octet-stream",
				  .body = bytes_of(large, sizeof(large)) };

	s->n_requests++;
	if (strcmp(r->path, "/later") == 0) {
		s->later = ex;
	} else if (strcmp(r->path, "/parts") == 0) {
		begin_parts(s, ex);
	} else if (strcmp(r->path, "/move") == 0) {
		if (exchange_move(ex, s->loops[1], moved, s) != 0)
			exchange_error(ex, 503, NULL, NULL, "Busy.");
	} else if (strcmp(r->path, "/large") == 0) {
		exchange_reply_static(ex, &all);
	} else if (strcmp(r->path, "/copy") == 0) {
		exchange_reply(ex, &all);
	} else if (strcmp(r->path, "/echo") == 0) {
		struct http_reply echo = { .status = 200, .body = r->body };
		exchange_reply(ex, &echo);
	} else if (strcmp(r->path, "/none") == 0) {
		exchange_error(ex, 404, "not_found", "path", "There is \"nothing\" here.");
	} else {
		answer_text(ex, r->path);
	}
}

static size_t body_limit(void *ctx, const struct http_request *r)
{
	(void)ctx;
	return strcmp(r->path, "/echo") == 0 ? 8 << 20 : 100;
}

static const struct http_ops ops = { .body_limit = body_limit, .on_request = on_request };

static void site_done(struct site *s)
{
	http_server_free(s->server);
	for (size_t i = 0; i < LOOPS_MAX; i++)
		loop_free(s->loops[i]);
	if (s->later)
		exchange_error(s->later, 503, NULL, NULL, "Too late.");
	if (s->parts)
		exchange_end(s->parts);
}

static void site_auto_(struct site *s)
{
	site_done(s);
}

/* n_loops: requests arrive on the first only when there is one. */
static bool site_open(struct site *s, size_t n_loops, const struct http_limits *limits)
{
	struct http_server_params p = { .n_loops = n_loops, .ops = s->ops ? s->ops : &ops, .ctx = s,
					.policy = &policy };

	if (limits)
		p.limits = *limits;
	return server_open(&s->server, &p, s->loops, &s->at);
}

static bool join(struct client *c, struct site *s)
{
	return client_join(c, s->loops, &s->at);
}

#define HOST "Host: localhost\r\n"

static void answers_and_keeps_the_connection(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(site_open(&s, 1, NULL) && join(&c, &s));

	CHECK(client_says(&c, "GET /a%20b?x=1 HTTP/1.1\r\n" HOST "\r\n"));
	CHECK(client_hears(&c, "\r\n\r\n/a b"));
	CHECK(has(&c, "HTTP/1.1 200 OK\r\n") && has(&c, "Content-Length: 4\r\n"));
	CHECK(has(&c, "Connection: keep-alive\r\n"));
	client_forget(&c);
	CHECK(client_says(&c, "HEAD /abc HTTP/1.1\r\n" HOST "\r\nGET /none HTTP/1.1\r\n" HOST
			      "Connection: close\r\n\r\n"));
	CHECK(client_sees_end(&c));
	CHECK(has(&c, "Content-Length: 4\r\n") && !has(&c, "\r\n\r\n/abc"));
	CHECK(has(&c, "{\"error\":{\"message\":\"There is \\\"nothing\\\" here.\","
		      "\"type\":\"invalid_request_error\",\"code\":\"not_found\",\"param\":\"path\"}}"));
	CHECK_EQ(s.n_requests, 3);
}

static void serves_pipelined_requests_in_order(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(site_open(&s, 1, NULL) && join(&c, &s));

	CHECK(client_says(&c, "GET /1 HTTP/1.1\r\n" HOST "\r\nGET /later HTTP/1.1\r\n" HOST
			      "\r\nGET /3 HTTP/1.1\r\n" HOST "\r\nPOST /echo HTTP/1.1\r\n" HOST
			      "Content-Length: 2\r\n\r\nhiGET /5 HTTP/1.0\r\n\r\n"));
	CHECK(client_hears(&c, "\r\n\r\n/1"));
	CHECK(s.later && !has(&c, "/3"));
	struct http_exchange *ex = s.later;
	s.later = NULL;
	answer_text(ex, "two");
	CHECK(client_sees_end(&c));
	/* The last is HTTP/1.0 without Host: nobody we know. */
	CHECK(has(&c, "two") && has(&c, "/3") && has(&c, "hi") && has(&c, " 421 "));
	CHECK_EQ(s.n_requests, 4);
}

static void moves_an_exchange_to_another_loop(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(site_open(&s, 2, NULL) && join(&c, &s));

	CHECK(client_says(&c, "GET /move HTTP/1.1\r\n" HOST "\r\nGET /behind HTTP/1.1\r\n" HOST
			      "\r\n"));
	CHECK(client_hears(&c, "/behind"));
	CHECK(has(&c, "\r\n\r\nmoved"));
	CHECK_EQ(http_server_conns(s.server, s.loops[0]), 0);
	CHECK_EQ(http_server_conns(s.server, s.loops[1]), 1);
	CHECK(client_says(&c, "GET /again HTTP/1.1\r\n" HOST "\r\n"));
	CHECK(client_hears(&c, "/again"));
}

static void a_move_under_way_ends_with_the_server(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(site_open(&s, 2, NULL) && join(&c, &s));

	c.loops[1] = NULL; /* it does not turn: the exchange stays under way */
	CHECK(client_says(&c, "GET /move HTTP/1.1\r\n" HOST "\r\n"));
	for (int i = 0; i < 2000 && s.n_requests == 0; i++) {
		client_turn(&c);
		loop_once(s.loops[1], 0);
		nap();
	}
	CHECK_EQ(s.n_requests, 1);
}

static void sends_a_long_body(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(site_open(&s, 1, NULL) && join(&c, &s));

	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = '!';
	CHECK(client_says(&c, "GET /large HTTP/1.1\r\n" HOST "\r\nGET /copy HTTP/1.1\r\n" HOST
			      "Connection: close\r\n\r\n"));
	CHECK(client_sees_end(&c));
	CHECK(c.got.n > 2 * sizeof(large) && c.got.p[c.got.n - 1] == '!');
}

static void many_requests_behind_a_long_answer_wait(void)
{
	enum { N = 16, LARGE = 4 };
	static char padding[15000]; /* more than is read ahead, in few requests */
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 };
	AUTO(buf) struct buf many = { 0 };
	CHECK(site_open(&s, 1, NULL) && join(&c, &s));

	memset(padding, 'p', sizeof(padding));
	for (int i = 0; i < LARGE; i++) /* more than the kernel's buffers take */
		buf_puts(&many, "GET /large HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < N; i++) {
		buf_puts(&many, "GET /x HTTP/1.1\r\n" HOST "X: ");
		buf_put(&many, padding, sizeof(padding));
		buf_puts(&many, "\r\n\r\n");
	}
	buf_puts(&many, "GET /end HTTP/1.1\r\n" HOST "\r\n");
	CHECK(!many.failed);
	CHECK(client_send(&c, buf_bytes(&many)));
	CHECK(client_hears(&c, "\r\n\r\n/end"));
	CHECK_EQ(s.n_requests, N + LARGE + 1);
}

static void takes_bodies_within_the_limit(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(site_open(&s, 1, NULL) && join(&c, &s));

	CHECK(client_says(&c, "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
			      "Transfer-Encoding: chunked\r\n\r\n"));
	CHECK(client_hears(&c, "HTTP/1.1 100 Continue\r\n\r\n"));
	CHECK(client_says(&c, "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n"));
	CHECK(client_hears(&c, "\r\n\r\nabcde"));
	client_forget(&c);
	CHECK(client_says(&c, "POST /small HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
			      "Content-Length: 101\r\n\r\n"));
	CHECK(client_sees_end(&c));
	CHECK(has(&c, " 413 ") && has(&c, "Connection: close") && !has(&c, " 100 "));
}

static void refuses_strange_hosts_and_origins(void)
{
	static const struct {
		const char *request, *answer;
	} rows[] = {
		{ "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", " 421 " },
		{ "GET / HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n\r\n", " 403 " },
		{ "GET / HTTP/1.1\r\n" HOST "Origin: null\r\n\r\n", " 403 " },
		{ "GET / HTTP/1.1\r\n" HOST "Origin: https://app.example\r\n\r\n",
		  "\r\nAccess-Control-Allow-Origin: https://app.example\r\n"
		  "Access-Control-Expose-Headers: Location\r\nVary: Origin\r\n" },
		{ "OPTIONS /x HTTP/1.1\r\n" HOST "Origin: https://app.example\r\n"
		  "Access-Control-Request-Method: POST\r\n"
		  "Access-Control-Request-Headers: authorization\r\n\r\n",
		  "\r\nAccess-Control-Allow-Headers: authorization\r\n" },
		{ "GET http://evil.example/ HTTP/1.1\r\n" HOST "\r\n", " 421 " },
		{ "\x01\x02\x03", "" },
		{ "\x16\x03\x01", "" }, /* TLS where there is none */
		{ "GET / HTTP/1.1\nHost: localhost\n\n\r\n\r\n", " 400 " },
		{ "BREW / HTTP/1.1\r\n" HOST "\r\n", " 405 " },
		{ "TRACE / HTTP/1.1\r\n" HOST "\r\n", " 405 " },
	};
	AUTO(site) struct site s = { 0 };
	CHECK(site_open(&s, 1, NULL));

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(client) struct client c = { 0 };

		CHECK(join(&c, &s) && client_says(&c, rows[i].request));
		CHECK(rows[i].answer[0] ? client_hears(&c, rows[i].answer) : client_sees_end(&c));
	}
	CHECK_EQ(s.n_requests, 1);
}

static void hurries_the_slow(void)
{
	const struct http_limits quick = { .head_us = 30 * US_PER_MS,
					   .idle_us = 30 * US_PER_MS,
					   .body_window_us = 20 * US_PER_MS,
					   .stall_us = 30 * US_PER_MS };
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client silent = { 0 }, head = { 0 }, body = { 0 }, idle = { 0 },
				   deaf = { 0 };
	CHECK(site_open(&s, 1, &quick) && join(&silent, &s) && join(&head, &s) &&
	      join(&body, &s) && join(&idle, &s) && join(&deaf, &s));

	CHECK(client_says(&head, "GET / HTTP/1.1\r\nHost: loc"));
	CHECK(client_says(&body, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nslow"));
	CHECK(client_says(&idle, "GET /idle HTTP/1.1\r\n" HOST "\r\n"));
	for (int i = 0; i < 6; i++) /* more than the kernel's buffers take */
		CHECK(client_says(&deaf, "GET /large HTTP/1.1\r\n" HOST "\r\n"));
	CHECK(client_sees_end(&silent) && silent.got.n == 0);
	CHECK(client_sees_end(&head) && has(&head, " 408 "));
	CHECK(client_sees_end(&body) && has(&body, " 408 "));
	CHECK(client_sees_end(&idle) && has(&idle, "/idle"));
	for (uint64_t end = now_ms() + WAIT_MS;
	     now_ms() < end && http_server_conns(s.server, s.loops[0]) > 0;) {
		client_turn(&deaf);
		nap();
	}
	CHECK_EQ(http_server_conns(s.server, s.loops[0]), 0);
}

static void a_client_may_leave_or_finish_early(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 }, half = { 0 };
	CHECK(site_open(&s, 1, NULL) && join(&c, &s));

	CHECK(client_says(&c, "GET /later HTTP/1.1\r\n" HOST "\r\n"));
	for (int i = 0; i < 2000 && !s.later; i++) {
		client_turn(&c);
		nap();
	}
	CHECK(s.later && !exchange_gone(s.later));
	const struct linger cut = { .l_onoff = 1 };
	CHECK_EQ(setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &cut, sizeof(cut)), 0);
	close(c.fd);
	c.fd = 0;
	for (int i = 0; i < 2000 && !exchange_gone(s.later); i++) {
		client_turn(&c);
		nap();
	}
	CHECK(exchange_gone(s.later));
	struct http_exchange *ex = s.later;
	s.later = NULL;
	answer_text(ex, "nobody");

	CHECK(join(&half, &s) && client_says(&half, "GET /half HTTP/1.1\r\n" HOST "\r\n"));
	CHECK_EQ(shutdown(half.fd, SHUT_WR), 0);
	CHECK(client_sees_end(&half) && has(&half, "/half"));
}

static bool hears_first(struct client *c, struct site *s, const char *request)
{
	return join(c, s) && client_says(c, request) && client_hears(c, "first, ") && s->parts;
}

static void answers_in_parts(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 }, old = { 0 };
	CHECK(site_open(&s, 1, NULL) &&
	      hears_first(&c, &s, "GET /parts HTTP/1.1\r\n" HOST "\r\nGET /next HTTP/1.1\r\n" HOST "\r\n"));

	CHECK(has(&c, "Transfer-Encoding: chunked\r\n") && !has(&c, "Content-Length"));
	CHECK_EQ(exchange_write(s.parts, bytes_str("")), 0);
	CHECK_EQ(exchange_write(s.parts, bytes_str("second")), 0);
	exchange_end(s.parts);
	s.parts = NULL;
	CHECK(client_hears(&c, "/next"));
	CHECK(has(&c, "\r\n\r\n7\r\nfirst, \r\n6\r\nsecond\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));

	CHECK(hears_first(&old, &s, "GET /parts HTTP/1.0\r\n" HOST "\r\n"));
	CHECK(!has(&old, "chunked") && has(&old, "Connection: close"));
	exchange_end(s.parts);
	s.parts = NULL;
	CHECK(client_sees_end(&old) && has(&old, "\r\n\r\nfirst, "));
	CHECK_EQ(s.n_gone, 0);
}

static void a_client_that_leaves_is_told(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 }, cut = { 0 };
	CHECK(site_open(&s, 1, NULL) && hears_first(&c, &s, "GET /parts HTTP/1.1\r\n" HOST "\r\n"));

	CHECK_EQ(shutdown(c.fd, SHUT_WR), 0);
	for (int i = 0; i < 2000 && s.parts; i++) {
		client_turn(&c);
		nap();
	}
	CHECK_EQ(s.n_gone, 1);

	CHECK(hears_first(&cut, &s, "GET /parts HTTP/1.1\r\n" HOST "\r\n"));
	exchange_cut(s.parts);
	s.parts = NULL;
	CHECK(client_sees_end(&cut) && !has(&cut, "\r\n0\r\n"));
	CHECK_EQ(s.n_gone, 1);
}

static void a_slow_reader_makes_room(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 };
	CHECK(site_open(&s, 1, NULL) && hears_first(&c, &s, "GET /parts HTTP/1.1\r\n" HOST "\r\n"));

	for (int i = 0; i < 3; i++)
		CHECK_EQ(exchange_write(s.parts, bytes_of(large, sizeof(large))), 0);
	CHECK(exchange_queued(s.parts) > CONN_LOW);
	for (uint64_t end = now_ms() + WAIT_MS; now_ms() < end && !s.n_room;) {
		client_turn(&c);
		client_read(&c);
	}
	CHECK(s.n_room && s.parts && exchange_queued(s.parts) <= CONN_LOW);
}

/* --- with real threads -------------------------------------------------------------------- */

static void answer_there(void *arg, struct http_exchange *ex)
{
	struct site *s = arg;

	answer_text(ex, exchange_loop(ex) == s->loops[0] ? "on 0." : "on 1.");
}

static void move_or_answer(void *ctx, struct http_exchange *ex)
{
	struct site *s = ctx;
	bool to_1 = strcmp(exchange_request(ex)->path, "/1") == 0;
	struct loop *there = s->loops[to_1];

	if (there == exchange_loop(ex))
		answer_there(s, ex);
	else if (exchange_move(ex, there, answer_there, s) != 0)
		exchange_error(ex, 503, NULL, NULL, "Busy.");
}

static void *run(void *l)
{
	(void)(loop_run(l) == 0);
	return NULL;
}

static void threads_exchange_requests(void)
{
	static const struct http_ops moving = { .on_request = move_or_answer };
	AUTO(site) struct site s = { .ops = &moving };
	pthread_t th[2];
	unsigned good = 0;
	CHECK(site_open(&s, 2, NULL));

	mem_fail_at(0); /* threads: which allocation fails would be chance */
	for (int i = 0; i < 2; i++)
		pthread_create(&th[i], NULL, run, s.loops[i]);
	for (int i = 0; i < 30; i++) {
		AUTO(client) struct client c = { 0 };

		/* Pipelined: the connection goes to and fro. The loops turn by themselves. */
		if (client_open(&c, &s.at) &&
		    client_says(&c, "GET /0 HTTP/1.1\r\n" HOST "\r\nGET /1 HTTP/1.1\r\n" HOST
				    "\r\nGET /0 HTTP/1.1\r\n" HOST "\r\nGET /1 HTTP/1.1\r\n" HOST
				    "Connection: close\r\n\r\n") &&
		    client_sees_end(&c) && has(&c, "on 0.") && has(&c, "on 1."))
			good++;
	}
	for (int i = 0; i < 2; i++)
		loop_stop(s.loops[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(th[i], NULL);
	CHECK_EQ(good, 30);
}

TESTS({ "answers_and_keeps_the_connection", answers_and_keeps_the_connection },
      { "serves_pipelined_requests_in_order", serves_pipelined_requests_in_order },
      { "moves_an_exchange_to_another_loop", moves_an_exchange_to_another_loop },
      { "a_move_under_way_ends_with_the_server", a_move_under_way_ends_with_the_server },
      { "sends_a_long_body", sends_a_long_body },
      { "many_requests_behind_a_long_answer_wait", many_requests_behind_a_long_answer_wait },
      { "takes_bodies_within_the_limit", takes_bodies_within_the_limit },
      { "refuses_strange_hosts_and_origins", refuses_strange_hosts_and_origins },
      { "hurries_the_slow", hurries_the_slow },
      { "a_client_may_leave_or_finish_early", a_client_may_leave_or_finish_early },
      { "answers_in_parts", answers_in_parts },
      { "a_client_that_leaves_is_told", a_client_that_leaves_is_told },
      { "a_slow_reader_makes_room", a_slow_reader_makes_room },
      { "threads_exchange_requests", threads_exchange_requests })
