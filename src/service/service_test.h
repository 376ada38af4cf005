/* service_test.h - for tests of engines that ask a service: a peer by script, a fetcher, a loop. */
#pragma once

#include "base/json.h"
#include "base/loop.h"
#include "service/service.h"
#include "net/fetch.h"
#include "net/peer_test.h"

struct asked {
	struct peer peer;
	struct service service;
	struct fetcher *fetcher;
	struct loop *loop;
};

/* words: of the service's line behind its URL. Only what is tested is out of memory. */
static inline bool asked_begin(struct asked *a, const char *words, const struct peer_reply *replies, size_t n)
{
	char line[256], why[SERVICE_WHY];
	unsigned long left = mem_fail_hold();

	json_init();
	bool ok = peer_begin(&a->peer, replies, n);
	snprintf(line, sizeof(line), "%s/v1 %s", a->peer.url, words);
	ok = ok && service_parse(&a->service, line, why) == 0 && fetcher_new(&a->fetcher) == 0 &&
	     loop_new(&a->loop, 0) == 0;
	mem_fail_resume(left);
	return ok;
}

/* After the engine has been freed. */
static inline void asked_end(struct asked *a)
{
	fetcher_free(a->fetcher);
	service_done(&a->service);
	peer_end(&a->peer);
	loop_free(a->loop);
}

static inline void asked_auto_(struct asked *a)
{
	asked_end(a);
}

/* Turns the loop until *n reaches `wanted`; when memory has failed, not for long. */
static inline bool turn_until(struct loop *l, const int *n, int wanted)
{
	for (int i = 0; i < (mem_failed() ? 60 : 5000) && *n < wanted; i++)
		loop_once(l, 1);
	return *n >= wanted;
}

#define REPLIES(...)                                                                                \
	(const struct peer_reply[]){ __VA_ARGS__ }, ARRAY_LEN(((const struct peer_reply[]){ __VA_ARGS__ }))
#define SAYS(status, type, body) "HTTP/1.1 " status " X\r\nContent-Type: " type "\r\nConnection: close\r\n\r\n" body
