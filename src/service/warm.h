/* warm.h - a connection to a service that waits open, so that no turn begins with the round trips of TLS.
 *
 * A HEAD without the key, repeated by the fetcher (fetch.h: keep). Without TLS there is little to save, and
 * nothing is asked. Any thread.
 */
#pragma once

#include <pthread.h>

struct fetch;
struct fetcher;

struct warm {
	pthread_mutex_t lock;
	pthread_cond_t over;
	struct fetch *x; /* NULL: there is none: the first request is slower, that is all */
};

void warm_init(struct warm *w, struct fetcher *f, const char *url);
/* Waits until the fetcher has let go of it. */
void warm_done(struct warm *w);
