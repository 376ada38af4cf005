/* serving.h - a request that our engines work on, for as long as somebody waits for the answer.
 *
 * Counts as a conversation, because it takes what one takes. The answer is one piece of JSON, or
 * comes in parts: octets, or server-sent events. Everything on the request's loop.
 */
#pragma once

#include "api/seat.h"

struct serving;

struct serving_ops {
	/* Nobody reads the answer any more: end the work and drop the serving, now or (what the request
	 * holds is still there) when a worker has done with it. */
	void (*on_gone)(struct serving *s);
	void (*on_room)(struct serving *s); /* exchange_watch's; or NULL */
};

/* Zero is one that has ended. */
struct serving {
	const struct serving_ops *ops;
	struct http_exchange *ex; /* NULL: ended */
	struct api *api;
	struct loop *loop;
	struct reach reach;
	struct payers payers;
	struct payer *payer; /* NULL: nobody pays, or it is free */
	bool counted; /* among the conversations */
	bool begun;  /* the answer comes in parts, and its head has left */
	bool events; /* … which are events                                */
};

/* s->reach is the caller's to fill; its engines become those that the budgets allow. false: answered
 * (503; 429 where no budget is left). */
MUST_USE bool serving_begin(struct serving *s, struct request *r, const struct serving_ops *ops);
/* What it has used, counted on m (NULL: not) and against the budgets. Before it is ended. */
void serving_charge(struct serving *s, struct meter *m, struct cost used);
/* Each ends it. Takes o. */
void serving_reply(struct serving *s, json_t *o);
void serving_reply_text(struct serving *s, const char *type, struct bytes body);
/* By HTTP status, or in the stream: as an event {error} where events are sent, otherwise it is cut. */
void serving_fail(struct serving *s, unsigned status, const struct engine_error *e);
void serving_end(struct serving *s); /* of an answer in parts */
void serving_drop(struct serving *s); /* without an answer: nobody is there */

#define SERVING_EVENTS "text/event-stream"
/* The head of an answer in parts, once; false, then and below: nobody reads, serving_drop(). */
MUST_USE bool serving_open(struct serving *s, const char *type);
MUST_USE bool serving_write(struct serving *s, struct bytes part);
MUST_USE bool serving_event(struct serving *s, json_t *o); /* takes o; NULL is lack of memory */
size_t serving_queued(const struct serving *s);

/* Of the fields of a body: what is wrong with one. */
struct serving_wrong {
	const char *param, *why;
};
void serving_refuse(struct http_exchange *ex, const struct serving_wrong *w); /* 400 invalid_value */
/* The JSON object of the body. NULL: answered. */
MUST_USE json_t *serving_body(struct request *r);
