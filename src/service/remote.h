/* remote.h - what engines that ask another service over HTTP have in common.
 *
 * A call is one request for a piece of work that is a relay (relay.h): it waits for a credential where
 * there is none yet, goes out, and its answer comes in parts on the fetcher's thread; its end comes
 * on the loop, after everything that was sent by relay_send() before. What went wrong becomes an
 * engine_error that names the service and never quotes it: its words may hold what is secret.
 */
#pragma once

#include "base/loop.h"
#include "service/credential.h"
#include "engine/relay.h"
#include "service/warm.h"
#include "net/fetch.h"

enum { REMOTE_WHY = 240 };

struct remote {
	struct fetcher *fetcher;       /* borrowed, as the service */
	const struct service *service;
	struct credential *credential;
	struct relay_set set;
	pthread_mutex_t lock;          /* calls */
	struct list calls;
	struct warm warm;
	_Atomic uint64_t again_us;     /* env_system's time before which it wants no request; 0: never said */
};

/* Asks for a token and, where that takes handshakes, for a connection. -EINVAL: the URL is not HTTP's. */
MUST_USE int remote_init(struct remote *r, struct fetcher *f, const struct service *s);
void remote_done(struct remote *r); /* as an engine's free() */
/* For how long it still wants no request (Retry-After); 0: it said nothing. Any thread. */
uint64_t remote_rest_ms(const struct remote *r);

struct remote_call;

struct remote_ops {
	const char *path;   /* "audio/speech" */
	size_t answer_max;  /* octets */
	/* On the loop, when it goes out: the body, and its Content-Type into type. -ENOMEM. */
	int (*write)(struct remote_call *c, struct buf *body, char type[static 128]);
	/* On the fetcher's thread, in order: the head of a good answer, and its octets. A sentence: it is
	 * refused. NULL: go on. head may be NULL. */
	const char *(*head)(struct remote_call *c, const struct fetch_head *h);
	const char *(*part)(struct remote_call *c, struct bytes part);
	/* On the loop, once, unless the relay has ended. */
	void (*end)(struct remote_call *c, const struct engine_error *e); /* NULL: it is complete */
};

/* Zeroed; part of what the relay's on_free frees. */
struct remote_call {
	struct node node;
	struct remote *remote;
	struct relay *relay;
	const struct remote_ops *ops;
	struct timer timer;   /* waits for a credential, or with `failed`; 0: to be told that it is over */
	bool waiting;
	uint64_t until_us;
	int failed;
	struct fetch *x;      /* while it is out; under remote.lock */
	unsigned status;      /* the fetcher's thread from here on  */
	const char *refused;  /* by head() or part()                */
	char code[48];        /* of the service's own error: one word, or "" */
	struct buf wrong;     /* the beginning of an answer that is an error */
	char why[REMOTE_WHY];
};

/* On the relay's loop. Nothing is told from inside. */
void remote_start(struct remote_call *c, struct remote *r, struct relay *relay, const struct remote_ops *ops);
/* Asks nobody: end(c, NULL) comes from the loop. */
void remote_later(struct remote_call *c, struct remote *r, struct relay *relay, const struct remote_ops *ops);
/* On the loop; end() will not be called. Also for one that is over, or was never started. */
void remote_cancel(struct remote_call *c);
void remote_call_done(struct remote_call *c); /* in on_free */

/* The URL of a function: Azure's forms by the service's api and version. On lack of memory to->failed. */
void remote_url(const struct service *s, const char *path, struct buf *to);
