/* How long a word of a language model's service is on its way through us: from the moment its octets
 * are written to a socket on loopback until on_text() is called on the session's loop, streams side by
 * side.   bench_llm [STREAMS [WORDS]] */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/env.h"
#include "base/loop.h"
#include "service/llm_openai.h"
#include "net/fetch.h"

enum { WORDS_MAX = 200000 };

static unsigned n_words = 500, n_streams = 4, n_done;
static uint32_t took_us[WORDS_MAX];
static size_t n_took;

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	const int on = 1;
	char text[4096];
	const struct timespec gap = { .tv_nsec = 10000000 };

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (recv(fd, text, sizeof(text), 0) <= 0 || text[0] == 'H') {
		close(fd);
		return NULL;
	}
	dprintf(fd,
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
	for (unsigned i = 0; i < n_words; i++) {
		nanosleep(&gap, NULL);
		dprintf(fd,
			"data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%lu. \"}}]}\n\n",
			(unsigned long)env_now(&env_system));
	}
	dprintf(fd,
		"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	int listener = (int)(intptr_t)arg;
	pthread_t t;

	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0 || pthread_create(&t, NULL, serve_one, (void *)(intptr_t)fd) != 0)
			return NULL;
		pthread_detach(t);
	}
}

static void on_text(void *owner, uint64_t ticket, const char *text)
{
	uint64_t now = env_now(&env_system);

	(void)owner, (void)ticket;
	if (n_took < WORDS_MAX)
		took_us[n_took++] = (uint32_t)(now - strtoull(text, NULL, 10));
}

static void on_cite(void *owner, uint64_t ticket, json_t *source)
{
	(void)owner, (void)ticket, (void)source;
}

static void on_call(void *owner, uint64_t ticket, const char *name, const char *arguments)
{
	(void)owner, (void)ticket, (void)name, (void)arguments;
}

static void on_done(void *owner, uint64_t ticket, enum llm_finish f, const struct llm_usage *u)
{
	(void)owner, (void)ticket, (void)f, (void)u;
	n_done++;
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	(void)owner, (void)ticket;
	fprintf(stderr, "%s: %s\n", e->code, e->message);
	n_done++;
}

static const struct llm_sink sink = { on_text, on_cite, on_call, on_done, on_error, NULL };

static int by_size(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct loop *loop;
	struct fetcher *f;
	struct service s;
	struct llm *e;
	struct llm_job *j;
	pthread_t t;
	char line[64], why[SERVICE_WHY];

	n_streams = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : n_streams;
	n_words = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : n_words;
	json_init();
	if (http_client_init() != 0 || bind(listener, (struct sockaddr *)&at, size) != 0 ||
	    listen(listener, 256) != 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &size) != 0 ||
	    pthread_create(&t, NULL, serve, (void *)(intptr_t)listener) != 0)
		return 1;
	snprintf(line, sizeof(line), "http://127.0.0.1:%u/v1 model=m", ntohs(at.sin_port));
	if (service_parse(&s, line, why) != 0 || loop_new(&loop, 0) != 0 || fetcher_new(&f) != 0 ||
	    llm_openai_new(&e, f, &s) != 0)
		return 1;
	AUTO(json) json_t *items = json_array();
	for (unsigned i = 0; i < n_streams; i++)
		if (llm_openai_ops.start(e, &j, &(struct llm_request){ .items = items }, loop,
					 &sink, NULL, i) != 0)
			return 1;
	while (n_done < n_streams)
		loop_once(loop, 100);
	qsort(took_us, n_took, sizeof(took_us[0]), by_size);
	if (n_took)
		printf("%u streams, %zu words: p50 %u us, p99 %u us, worst %u us\n", n_streams,
		       n_took, took_us[n_took / 2], took_us[n_took * 99 / 100],
		       took_us[n_took - 1]);
	llm_openai_ops.free(e);
	fetcher_free(f);
	loop_free(loop);
	service_done(&s);
	return 0;
}
