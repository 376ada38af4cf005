/* A server of one thread on loopback, which answers each connection with the next of its texts. */
#include "net/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"

struct peer {
	int listener;
	const char *answers[4]; /* NULL: says nothing and waits for the other to go */
	size_t n;
	char asked[2048];
	char url[64];
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct peer *p = arg;

	for (size_t i = 0; i < p->n; i++) {
		int fd = accept(p->listener, NULL, NULL);
		ssize_t n = recv(fd, p->asked, sizeof(p->asked) - 1, 0);
		char rest[64];

		p->asked[MAX(n, 0)] = 0;
		if (p->answers[i])
			(void)!write(fd, p->answers[i], strlen(p->answers[i]));
		else
			(void)!recv(fd, rest, sizeof(rest), 0);
		close(fd);
	}
	return NULL;
}

static bool peer_begin(struct peer *p)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);

	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(p->listener, (struct sockaddr *)&at, n) != 0 || listen(p->listener, 4) != 0 ||
	    getsockname(p->listener, (struct sockaddr *)&at, &n) != 0)
		return false;
	snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%u/v1/x", ntohs(at.sin_port));
	return pthread_create(&p->thread, NULL, serve, p) == 0;
}

static void peer_auto_(struct peer *p)
{
	shutdown(p->listener, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->listener);
}

static void asks_and_reads(void)
{
	AUTO(http_client) struct http_client *c = NULL;
	AUTO(http_client_answer) struct http_client_answer a = { 0 };
	AUTO(peer) struct peer p = { .answers = { "HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 5\r\n"
						  "Connection: close\r\n\r\nhello" },
				     .n = 1 };

	CHECK(peer_begin(&p));
	CHECK_EQ(http_client_new(&c), 0);
	const struct http_client_request r = { .url = p.url, .body = bytes_str("{}"),
					       .fields = { "Authorization: Bearer k", "Content-Type: application/json" } };
	CHECK_EQ(http_client_do(c, &r, &a), 0);
	CHECK_EQ(a.status, 429);
	CHECK_EQ(a.retry_after_ms, 7000);
	CHECK(bytes_is(buf_bytes(&a.body), "hello"));
	CHECK(strstr(p.asked, "POST /v1/x HTTP/1.1") && strstr(p.asked, "Authorization: Bearer k"));
}

static void says_what_went_wrong(void)
{
	AUTO(http_client) struct http_client *c = NULL;
	static const char *const urls[] = { "http://127.0.0.1:1/", "ftp://127.0.0.1/", "file:///etc/passwd", ":" };
	static const int errors[] = { -ECONNREFUSED, -EINVAL, -EINVAL, -EINVAL };

	CHECK_EQ(http_client_new(&c), 0);
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		AUTO(http_client_answer) struct http_client_answer a = { 0 };
		const struct http_client_request r = { .url = urls[i], .time_ms = 2000 };

		CHECK_EQ(http_client_do(c, &r, &a), errors[i]);
		CHECK(a.why[0]);
	}
}

static void is_bounded(void)
{
	AUTO(http_client) struct http_client *c = NULL;
	AUTO(peer) struct peer p = { .answers = { NULL, "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n0123456789" },
				     .n = 2 };
	static atomic_bool stop = true;

	CHECK(peer_begin(&p));
	CHECK_EQ(http_client_new(&c), 0);
	struct http_client_request r = { .url = p.url, .time_ms = 50 };
	for (unsigned i = 0; i < 3; i++) {
		AUTO(http_client_answer) struct http_client_answer a = { 0 };
		static const int errors[] = { -ETIMEDOUT, -EMSGSIZE, -ECANCELED };

		r.time_ms = i ? 5000 : 50;
		r.stop = i == 2 ? &stop : NULL;
		r.answer_max = i == 1 ? 8 : 0;
		CHECK_EQ(http_client_do(c, &r, &a), errors[i]);
	}
}

int main(int argc, char **argv)
{
	static const struct test tests[] = { { "asks_and_reads", asks_and_reads },
					     { "says_what_went_wrong", says_what_went_wrong },
					     { "is_bounded", is_bounded } };

	if (getenv("VOICED_TEST_OOM")) /* libcurl keeps what it once made: its memory cannot fail in turn */
		return 0;
	return http_client_init() != 0 || test_main_(tests, ARRAY_LEN(tests), argc > 1 ? argv[1] : NULL);
}
