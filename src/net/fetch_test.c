#include "net/fetch.h"

#include <errno.h>

#include "base/test.h"
#include "net/peer_test.h"

/* What one fetch told. */
struct seen {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned n_heads, n_parts, n_done, status;
	uint64_t retry_after_ms;
	bool offence, enough;
	int error;
	size_t n;
	char type[64], session[64], body[256], why[HTTP_CLIENT_WHY];
	struct fetcher *again; /* on_done starts another one, once */
	struct fetch *x;
};

static void on_head(void *owner, const struct fetch_head *h)
{
	struct seen *s = owner;

	pthread_mutex_lock(&s->lock);
	s->offence |= s->n_heads || s->n_parts || s->n_done;
	s->n_heads++;
	s->status = h->status;
	s->retry_after_ms = h->retry_after_ms;
	snprintf(s->type, sizeof(s->type), "%s", h->content_type);
	snprintf(s->session, sizeof(s->session), "%s", h->session ? h->session : "");
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static bool on_body(void *owner, struct bytes part)
{
	struct seen *s = owner;

	pthread_mutex_lock(&s->lock);
	s->offence |= !s->n_heads || s->n_done;
	s->n_parts++;
	if (part.n < sizeof(s->body) - s->n) {
		memcpy(s->body + s->n, part.p, part.n);
		s->n += part.n;
	}
	bool more = !s->enough;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return more;
}

static void on_done(void *owner, int error, const char *why)
{
	struct seen *s = owner;

	pthread_mutex_lock(&s->lock);
	s->n_done++;
	s->error = error;
	snprintf(s->why, sizeof(s->why), "%s", why);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static const struct fetch_ops ops = { on_head, on_body, on_done };

static void seen_auto_(struct seen *s)
{
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

#define SEEN { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER }

/* Waits until *count is n; ten seconds are for ever. */
static bool wait_for(struct seen *s, const unsigned *count, unsigned n)
{
	struct timespec end;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 10;
	pthread_mutex_lock(&s->lock);
	while (*count < n && error == 0)
		error = pthread_cond_timedwait(&s->changed, &s->lock, &end);
	pthread_mutex_unlock(&s->lock);
	return error == 0;
}

#define REPLY(...) (const struct peer_reply[]){ __VA_ARGS__ }, ARRAY_LEN(((const struct peer_reply[]){ __VA_ARGS__ }))

static void streams_what_comes(void)
{
	AUTO(peer) struct peer p = { 0 };
	AUTO(seen) struct seen s = SEEN;
	AUTO(fetcher) struct fetcher *f = NULL;

	GIVEN(peer_begin(&p, REPLY({ { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
				       "Mcp-Session-Id:  abc \r\nTransfer-Encoding: chunked\r\n\r\n",
				       "3\r\none\r\n", "3\r\ntwo\r\n", "5\r\nthree\r\n0\r\n\r\n" }, 5, PEER_STAYS })));
	CHECK_EQ(fetcher_new(&f), 0);
	CHECK_EQ(fetch_start(&s.x, f, &(struct fetch_request){ .http = { .url = p.url, .body = bytes_str("{\"a\":1}"),
		 .fields = { "Authorization: Bearer k", "Content-Type: application/json" } } }, &ops, &s), 0);
	CHECK(wait_for(&s, &s.n_done, 1));
	CHECK_EQ(s.error, 0);
	CHECK_STR(s.why, "");
	CHECK_EQ(s.status, 200);
	CHECK_STR(s.type, "text/event-stream");
	CHECK_STR(s.session, "abc");
	CHECK_STR(s.body, "onetwothree");
	CHECK(s.n_parts >= 2 && !s.offence); /* not all at once */
	CHECK(peer_was_asked(&p, 0, "POST / HTTP/1.1\r\n") && peer_was_asked(&p, 0, "Authorization: Bearer k\r\n") &&
	      peer_was_asked(&p, 0, "\r\n\r\n{\"a\":1}") && !peer_was_asked(&p, 0, "Expect"));
}

static void knows_methods_and_keeps_connections(void)
{
	static const char *const methods[] = { NULL, "GET", "HEAD", "DELETE", "OPTIONS", "POST", "PUT" };
	static const char *const lines[] = { "GET /", "GET /", "HEAD /", "DELETE /", "OPTIONS /", "POST /", "PUT /" };
	AUTO(peer) struct peer p = { 0 };
	AUTO(fetcher) struct fetcher *f = NULL;

	GIVEN(peer_begin(&p, REPLY({ { "HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n" }, 0, PEER_STAYS })));
	CHECK_EQ(fetcher_new(&f), 0);
	for (unsigned i = 0; i < ARRAY_LEN(methods); i++) {
		AUTO(seen) struct seen s = SEEN;

		CHECK_EQ(fetch_start(&s.x, f, &(struct fetch_request){ .method = methods[i], .http.url = p.url }, &ops, &s), 0);
		CHECK(wait_for(&s, &s.n_done, 1));
		CHECK_EQ(s.error, 0);
		CHECK_EQ(s.status, 204);
		CHECK(peer_was_asked(&p, i, lines[i]));
		CHECK(strcmp(lines[i], "POST /") != 0 || peer_was_asked(&p, i, "Content-Length: 0\r\n"));
	}
	CHECK_EQ(peer_connections(&p), 1);
}

static void tells_statuses_and_when_to_come_again(void)
{
	static const struct {
		const char *answer;
		unsigned status;
		uint64_t after_ms;
	} table[] = {
		{ "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\n{}", 401, 0 },
		{ "HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 429, 7000 },
		{ "HTTP/1.1 429 Slow\r\nretry-after-ms:  350\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 429, 350 },
		{ "HTTP/1.1 503 Slow\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n", 503, 86400000 },
		{ "HTTP/1.1 302 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302, 0 },
	};
	AUTO(fetcher) struct fetcher *f = NULL;

	CHECK_EQ(fetcher_new(&f), 0);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO(peer) struct peer p = { 0 };
		AUTO(seen) struct seen s = SEEN;

		GIVEN(peer_begin(&p, REPLY({ { table[i].answer }, 0, PEER_STAYS })));
		CHECK_EQ(fetch_start(&s.x, f, &(struct fetch_request){ .http.url = p.url }, &ops, &s), 0);
		CHECK(wait_for(&s, &s.n_done, 1));
		CHECK_EQ(s.error, 0);
		CHECK_EQ(s.status, table[i].status);
		CHECK_EQ(s.retry_after_ms, table[i].after_ms);
	}
}

static void says_what_went_wrong(void)
{
	static const struct {
		struct peer_reply reply;
		struct fetch_request r;
		int error;
	} table[] = {
		{ { { NULL }, 0, PEER_HANGS }, { .idle_ms = 20 }, -ETIMEDOUT },
		{ { { PEER_OK_CHUNKED }, 0, PEER_HANGS }, { .idle_ms = 20 }, -ETIMEDOUT },
		{ { { NULL }, 0, PEER_HANGS }, { .http.time_ms = 20 }, -ETIMEDOUT },
		{ { { NULL }, 0, PEER_GOES }, { .method = NULL }, -ECONNRESET },
		{ { { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "half" }, 0, PEER_GOES }, { .method = NULL }, -ECONNRESET },
		{ { { PEER_OK_CHUNKED, "5\r\nha" }, 0, PEER_GOES }, { .method = NULL }, -ECONNRESET },
		{ { { PEER_OK_CHUNKED, "zz\r\nha\r\n" }, 0, PEER_GOES }, { .method = NULL }, -ECONNRESET },
		{ { { PEER_OK_CHUNKED, "5\r\nagain\r\n" }, 0, PEER_FLOODS }, { .http.answer_max = 100000 }, -EMSGSIZE },
		{ { { "HTTP/1.1 200 OK\r\n", "X-Field: and so on, and so on, and so on, and so on, and so on\r\n" },
		    0, PEER_FLOODS }, { .method = NULL }, -EMSGSIZE },
		{ { { "SSH-2.0-OpenSSH\r\n" }, 0, PEER_GOES }, { .method = NULL }, -EPROTO },
		{ { { NULL }, 0, PEER_GOES }, { .public_only = true }, -EACCES },
	};
	AUTO(fetcher) struct fetcher *f = NULL;

	CHECK_EQ(fetcher_new(&f), 0);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO(peer) struct peer p = { 0 };
		AUTO(seen) struct seen s = SEEN;
		struct fetch_request r = table[i].r;

		GIVEN(peer_begin(&p, &table[i].reply, 1));
		r.http.url = p.url;
		CHECK_EQ(fetch_start(&s.x, f, &r, &ops, &s), 0);
		CHECK(wait_for(&s, &s.n_done, 1));
		if (s.error != table[i].error)
			fprintf(stderr, "row %zu: %s\n", i, s.why);
		CHECK_EQ(s.error, table[i].error);
		CHECK(s.why[0] && !s.offence && !strstr(s.why, p.url));
	}
}

static void refuses_urls_and_reaches_nobody(void)
{
	static const char *const bad[] = { "ftp://127.0.0.1/", "file:///etc/passwd", ":", "", "gopher://a/" };
	AUTO(fetcher) struct fetcher *f = NULL;
	AUTO(seen) struct seen s = SEEN, tls = SEEN;
	AUTO(peer) struct peer p = { 0 };
	char url[80];

	CHECK_EQ(fetcher_new(&f), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_EQ(fetch_start(&s.x, f, &(struct fetch_request){ .http.url = bad[i] }, &ops, &s), -EINVAL);
	CHECK_EQ(fetch_start(&s.x, f, &(struct fetch_request){ .http.url = "http://127.0.0.1:1/" }, &ops, &s), 0);
	CHECK(wait_for(&s, &s.n_done, 1));
	CHECK_EQ(s.error, -ECONNREFUSED);
	GIVEN(peer_begin(&p, REPLY({ { "HTTP/1.1 200 OK\r\n\r\n" }, 0, PEER_GOES })));
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", p.port);
	CHECK_EQ(fetch_start(&tls.x, f, &(struct fetch_request){ .http = { .url = url, .time_ms = 2000 } }, &ops, &tls), 0);
	peer_nap(1);
	peer_end(&p); /* it waits for an end of a head that never comes */
	CHECK(wait_for(&tls, &tls.n_done, 1));
	CHECK(tls.error < 0);
}

/* The guard looks at connections that others have opened, too, and at names. */
static void the_guard_has_no_gap(void)
{
	AUTO(peer) struct peer p = { 0 };
	AUTO(fetcher) struct fetcher *f = NULL;
	char named[80];

	GIVEN(peer_begin(&p, REPLY({ { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" }, 0, PEER_STAYS })));
	snprintf(named, sizeof(named), "http://localhost:%u/", p.port);
	CHECK_EQ(fetcher_new(&f), 0);
	for (int i = 0; i < 4; i++) {
		AUTO(seen) struct seen s = SEEN;

		CHECK_EQ(fetch_start(&s.x, f, &(struct fetch_request){ .http.url = i < 2 ? p.url : named, .public_only = i % 2 },
				     &ops, &s), 0);
		CHECK(wait_for(&s, &s.n_done, 1));
		CHECK_EQ(s.error, i % 2 ? -EACCES : 0);
	}
	CHECK_EQ(peer_asked(&p), 2);
}

static void can_be_stopped(void)
{
	AUTO(peer) struct peer p = { 0 };
	AUTO(fetcher) struct fetcher *f = NULL;
	AUTO(seen) struct seen cancelled = SEEN, enough = SEEN, left = SEEN;
	const struct fetch_request r = { .http.url = p.url };

	enough.enough = true;
	GIVEN(peer_begin(&p, REPLY({ { PEER_OK_CHUNKED "3\r\none\r\n" }, 0, PEER_HANGS })));
	CHECK_EQ(fetcher_new(&f), 0);
	CHECK_EQ(fetch_start(&cancelled.x, f, &r, &ops, &cancelled), 0);
	CHECK(wait_for(&cancelled, &cancelled.n_parts, 1));
	fetch_cancel(cancelled.x);
	CHECK(wait_for(&cancelled, &cancelled.n_done, 1));
	CHECK_EQ(cancelled.error, -ECANCELED);
	CHECK_EQ(fetch_start(&enough.x, f, &r, &ops, &enough), 0);
	CHECK(wait_for(&enough, &enough.n_done, 1));
	CHECK_EQ(enough.error, -ECANCELED);
	CHECK_EQ(fetch_start(&left.x, f, &r, &ops, &left), 0);
	fetcher_free(f);
	f = NULL;
	CHECK_EQ(left.n_done, 1);
	CHECK_EQ(left.error, -ECANCELED);
}

static void begins_later(void)
{
	AUTO(peer) struct peer p = { 0 };
	AUTO(fetcher) struct fetcher *f = NULL;
	AUTO(seen) struct seen late = SEEN, never = SEEN;

	GIVEN(peer_begin(&p, REPLY({ { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" }, 0, PEER_STAYS })));
	CHECK_EQ(fetcher_new(&f), 0);
	CHECK_EQ(fetch_start(&never.x, f, &(struct fetch_request){ .http.url = p.url, .after_ms = 100000 }, &ops, &never), 0);
	CHECK_EQ(fetch_start(&late.x, f, &(struct fetch_request){ .http.url = p.url, .after_ms = 10 }, &ops, &late), 0);
	CHECK_EQ(peer_asked(&p), 0);
	CHECK(wait_for(&late, &late.n_done, 1));
	CHECK_EQ(late.error, 0);
	fetch_cancel(never.x);
	CHECK(wait_for(&never, &never.n_done, 1));
	CHECK(never.error == -ECANCELED && peer_asked(&p) == 1);
}

enum { MANY = 24 };

static void many_at_once(void)
{
	AUTO(peer) struct peer p = { 0 };
	AUTO(fetcher) struct fetcher *f = NULL;
	static struct seen s[MANY];
	const struct fetch_request r = { .http.url = p.url };
	unsigned started = 0;

	GIVEN(peer_begin(&p, REPLY({ { PEER_OK_CHUNKED, "3\r\none\r\n", "3\r\ntwo\r\n0\r\n\r\n" }, 2, PEER_STAYS })));
	CHECK_EQ(fetcher_new(&f), 0);
	for (; started < MANY; started++) {
		s[started] = (struct seen)SEEN;
		if (fetch_start(&s[started].x, f, &r, &ops, &s[started]) != 0)
			break;
		if (started % 3 == 2)
			fetch_cancel(s[started].x);
	}
	for (unsigned i = 0; i < started; i++) {
		CHECK(wait_for(&s[i], &s[i].n_done, 1));
		CHECK_EQ(s[i].error, i % 3 == 2 ? -ECANCELED : 0);
		CHECK(s[i].error || strcmp(s[i].body, "onetwo") == 0);
	}
	CHECK_EQ(started, MANY);
}

static void keeps_a_connection_warm(void)
{
	AUTO(peer) struct peer p = { 0 };
	AUTO(fetcher) struct fetcher *f = NULL;
	AUTO(seen) struct seen warm = SEEN, s = SEEN;

	GIVEN(peer_begin(&p, REPLY({ { "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n" }, 0, PEER_STAYS })));
	CHECK_EQ(fetcher_new(&f), 0);
	CHECK_EQ(fetch_start(&warm.x, f, &(struct fetch_request){ .method = "HEAD", .http.url = p.url, .keep = true }, &ops, &warm), 0);
	for (int i = 0; i < 1000 && peer_asked(&p) == 0; i++)
		peer_nap(1);
	peer_nap(2);
	CHECK_EQ(fetch_start(&s.x, f, &(struct fetch_request){ .http.url = p.url }, &ops, &s), 0);
	CHECK(wait_for(&s, &s.n_done, 1));
	CHECK_EQ(s.status, 404);
	CHECK_EQ(peer_connections(&p), 1);
	CHECK_EQ(warm.n_done, 0);
	fetch_cancel(warm.x);
	CHECK(wait_for(&warm, &warm.n_done, 1));
	CHECK(warm.error == -ECANCELED && warm.n_heads == 0);
}

TESTS({ "streams_what_comes", streams_what_comes },
      { "knows_methods_and_keeps_connections", knows_methods_and_keeps_connections },
      { "tells_statuses_and_when_to_come_again", tells_statuses_and_when_to_come_again },
      { "says_what_went_wrong", says_what_went_wrong },
      { "refuses_urls_and_reaches_nobody", refuses_urls_and_reaches_nobody },
      { "the_guard_has_no_gap", the_guard_has_no_gap }, { "can_be_stopped", can_be_stopped },
      { "begins_later", begins_later },
      { "many_at_once", many_at_once }, { "keeps_a_connection_warm", keeps_a_connection_warm })
