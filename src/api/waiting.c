/* waiting.c - questions that came before the service could answer any: held until it can. */
#include "api/seat.h"
#include "base/alloc.h"
#include "base/loop.h"

enum {
	LOOK_US = 20 * 1000, /* how often we look whether the service is ready */
	PATIENCE_US = 30 * 1000 * 1000,
};

struct held {
	struct node node; /* in seat->waiting.list, oldest first */
	struct request request;
	handler *handle;
	uint64_t until_us;
};

static void refuse(struct http_exchange *ex)
{
	static const struct http_field later = { "Retry-After", "5" };
	AUTO(buf) struct buf body = { 0 };

	http_write_error(&body, http_error_type(503), "server_starting", NULL,
			 "The server is starting. Please try again in a few seconds.");
	if (body.failed)
		reply_no_memory(ex);
	else
		exchange_reply(ex, &(struct http_reply){ .status = 503,
							 .type = "application/json",
							 .body = buf_bytes(&body),
							 .fields = &later,
							 .n_fields = 1 });
}

/* Takes it off the list; what becomes of it is the caller's. */
static struct held *take(struct waiting *w)
{
	struct node *n = list_pop(&w->list);

	return n ? CONTAINER_OF(n, struct held, node) : NULL;
}

static bool is_ready(const struct api *a)
{
	return a->p.ready(a->p.ctx);
}

static void go_on(struct seat *s)
{
	for (struct held *h; (h = take(&s->waiting));) {
		struct request r = h->request;
		handler *handle = h->handle;

		mem_free(h);
		handle(&r);
	}
}

/* Those who have gone or waited long enough. */
static void let_go(struct waiting *w, uint64_t now_us)
{
	LIST_FOR (&w->list, at) {
		struct held *h = CONTAINER_OF(at, struct held, node);

		if (now_us < h->until_us && !exchange_gone(h->request.ex))
			continue;
		node_unlink(&h->node);
		refuse(h->request.ex);
		mem_free(h);
	}
}

static void on_look(struct timer *t)
{
	struct seat *s = CONTAINER_OF(t, struct seat, waiting.look);
	uint64_t now = loop_now_us(s->loop);

	if (is_ready(s->api))
		go_on(s);
	else
		let_go(&s->waiting, now);
	if (!list_empty(&s->waiting.list) && timer_set(s->loop, t, now + LOOK_US) != 0)
		waiting_end(s);
}

void waiting_begin(struct seat *s)
{
	s->waiting.look.on_due = on_look;
	list_init(&s->waiting.list);
}

void waiting_end(struct seat *s)
{
	timer_stop(s->loop, &s->waiting.look);
	for (struct held *h; (h = take(&s->waiting));) {
		refuse(h->request.ex);
		mem_free(h);
	}
}

bool seat_holds(struct request *r, handler *handle)
{
	struct seat *s = r->seat;
	uint64_t now = loop_now_us(s->loop);
	struct held *h;

	if (is_ready(s->api))
		return false;
	h = mem_zalloc(sizeof(*h));
	if (!h || (list_empty(&s->waiting.list) &&
		   timer_set(s->loop, &s->waiting.look, now + LOOK_US) != 0)) {
		mem_free(h);
		reply_no_memory(r->ex);
		return true;
	}
	h->request = *r;
	h->handle = handle;
	h->until_us = now + PATIENCE_US;
	list_push(&s->waiting.list, &h->node);
	return true;
}
