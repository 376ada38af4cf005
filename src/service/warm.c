#include "service/warm.h"

#include <string.h>

#include "net/fetch.h"

static void on_head(void *owner, const struct fetch_head *h)
{
	(void)owner, (void)h;
}

static bool on_body(void *owner, struct bytes part)
{
	(void)owner, (void)part;
	return true;
}

static void on_done(void *owner, int error, const char *why)
{
	struct warm *w = owner;

	(void)error, (void)why;
	pthread_mutex_lock(&w->lock);
	w->x = NULL;
	pthread_cond_broadcast(&w->over);
	pthread_mutex_unlock(&w->lock);
}

static const struct fetch_ops ops = { on_head, on_body, on_done };

void warm_init(struct warm *w, struct fetcher *f, const char *url)
{
	const struct fetch_request r = { .method = "HEAD", .http = { .url = url, .time_ms = 10000 }, .keep = true };

	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->over, NULL);
	w->x = NULL;
	if (strncmp(url, "https:", 6) != 0)
		return;
	pthread_mutex_lock(&w->lock);
	if (fetch_start(&w->x, f, &r, &ops, w) != 0)
		w->x = NULL;
	pthread_mutex_unlock(&w->lock);
}

void warm_done(struct warm *w)
{
	pthread_mutex_lock(&w->lock);
	if (w->x)
		fetch_cancel(w->x);
	while (w->x)
		pthread_cond_wait(&w->over, &w->lock);
	pthread_mutex_unlock(&w->lock);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->over);
}
