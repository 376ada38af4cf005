/* http_client.h - HTTP(S) requests to other services, by libcurl, whose only wrapper this is.
 *
 * A request blocks its thread, within a time that is its own: for workers, never on a loop. A
 * client keeps its connections for the next request and may be used by many threads at once.
 * Redirects are not followed (a key would go along), certificates are checked, and only http and
 * https are spoken. Keys are never logged here, nor is anything else.
 */
#pragma once

#include "base/buf.h"

struct http_client;

/* Routes libcurl's memory through base/alloc. Once, before threads; later calls do nothing. */
MUST_USE int http_client_init(void);
MUST_USE int http_client_new(struct http_client **out);
void http_client_free(struct http_client *c); /* nothing may be under way */
AUTO_DEF(http_client)

enum { HTTP_CLIENT_FIELDS = 8 };

struct http_client_request {
	const char *url;
	struct bytes body;                      /* POST; {NULL, 0}: GET        */
	const char *fields[HTTP_CLIENT_FIELDS]; /* "Name: value"; NULL ends it */
	unsigned connect_ms, time_ms;           /* limits; 0: 5 s, 60 s        */
	size_t answer_max;                      /* octets; 0: 16 MiB           */
	/* Non-NULL: looked at now and then; true ends the request. Any thread may set it. */
	const _Atomic(bool) *stop;
};

enum { HTTP_CLIENT_WHY = 160 };

struct http_client_answer {
	unsigned status;
	struct buf body;
	uint64_t retry_after_ms; /* 0: not said (RFC 9110, 10.2.3; also retry-after-ms) */
	char why[HTTP_CLIENT_WHY]; /* when there is no answer: a sentence without the URL */
};

/* 0 when an answer came, whatever its status. -ETIMEDOUT, -ECONNREFUSED, -EHOSTUNREACH (no such
 * name), -EPROTO (TLS, or no HTTP), -EMSGSIZE, -ECANCELED, -EINVAL (the URL), -ECONNRESET, -ENOMEM. */
MUST_USE int http_client_do(struct http_client *c, const struct http_client_request *r,
			    struct http_client_answer *out);
void http_client_answer_done(struct http_client_answer *a);
static inline void http_client_answer_auto_(struct http_client_answer *a)
{
	http_client_answer_done(a);
}
