/* fetch.h - HTTP(S) requests whose answers are read as they come, many at once, on one thread of
 * their own (libcurl's multi interface).
 *
 * For what streams and what takes long: a model that writes, a voice, an MCP server. http_client.h
 * has the request, its limits and what is never logged; connections are kept warm and shared.
 *
 * All functions may be called on any thread. All handlers are called on the fetcher's thread, in
 * order, never from inside a function here, and must not block: on_head once when a final status
 * has come, on_body for each part, on_done exactly once, also after fetch_cancel() and
 * fetcher_free(). After on_done the fetch is gone.
 */
#pragma once

#include "net/http_client.h"

struct fetcher;
struct fetch;

struct fetch_head {
	unsigned status;
	const char *content_type; /* "" where none was sent                      */
	uint64_t retry_after_ms;  /* 0: not said (Retry-After, retry-after-ms)   */
	const char *session;      /* Mcp-Session-Id, or NULL                     */
};

struct fetch_ops {
	void (*on_head)(void *owner, const struct fetch_head *h);
	/* false: enough; on_done(-ECANCELED) follows. */
	bool (*on_body)(void *owner, struct bytes part);
	/* error: 0 or as http_client_do(); why: a sentence without the URL, "" when 0. */
	void (*on_done)(void *owner, int error, const char *why);
};

struct fetch_request {
	const char *method; /* NULL: POST with a body, else GET  */
	/* url, body, fields and limits; all copied. answer_max counts the whole stream; time_ms the
	 * whole time (0: none); `stop` is not used: fetch_cancel() is. */
	struct http_client_request http;
	unsigned after_ms; /* begins so much later; counts for no limit */
	unsigned idle_ms; /* no octet for so long: -ETIMEDOUT; 0: 30 s */
	/* Never to a loopback, private, link-local or otherwise special address, whatever its name
	 * says now or later (net/guard.h): -EACCES. */
	bool public_only;
	/* Warming: asked again every 45 s, so that a connection to this host is open for what follows,
	 * whatever is answered, until fetch_cancel(); only on_done is called. HEAD or OPTIONS. */
	bool keep;
};

/* After http_client_init(). */
MUST_USE int fetcher_new(struct fetcher **out);
/* Ends what is under way with on_done(-ECANCELED) and waits for its thread. */
void fetcher_free(struct fetcher *f);
AUTO_DEF(fetcher)

/* 0; -ENOMEM, -EINVAL (the URL), -EAGAIN (4,096 are under way), -ECANCELED (the fetcher is being
 * freed): no handler is called. *out is set before any handler is. */
MUST_USE int fetch_start(struct fetch **out, struct fetcher *f, const struct fetch_request *r,
			 const struct fetch_ops *ops, void *owner);
/* Returns at once; on_done follows unless it has been called. The caller makes sure that the
 * fetch is not gone yet (a count held until on_done, under its own lock). */
void fetch_cancel(struct fetch *x);
