/* health.h - is a service well, or does it rest after it has failed? (a circuit breaker)
 *
 * For engines that try several in order. A service that fails rests for as long as it has asked for,
 * else for a pause that doubles from one second to a minute. When the rest is over, one request is
 * let through; the others wait for what becomes of it, for a pause at most. Time comes in as an
 * argument; any thread.
 */
#pragma once

#include <pthread.h>

#include "base/defs.h"

struct health {
	pthread_mutex_t lock;
	uint64_t rest_until_us; /* 0: well */
	unsigned failures;      /* in a row, since it was well */
	bool trying;            /* one has been let through    */
	uint64_t n_asked, n_failed;
};

/* For metrics and the status. */
struct health_view {
	bool resting;
	uint64_t n_asked, n_failed;
	uint64_t rest_ms; /* how long still */
};

void health_init(struct health *h);
void health_done(struct health *h);

/* May it be asked now? True counts as asking; health_well() or health_failed() follows, or neither
 * when nothing was learnt: cancelled, or the request's own fault. */
MUST_USE bool health_ask(struct health *h, uint64_t now_us);
/* As health_ask(), where there is nobody else to ask. */
void health_ask_anyway(struct health *h);
void health_well(struct health *h);
/* retry_after_ms: what the service asked for, or 0. */
void health_failed(struct health *h, uint64_t now_us, uint64_t retry_after_ms);
void health_view(struct health *h, uint64_t now_us, struct health_view *to);
