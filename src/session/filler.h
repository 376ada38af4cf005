/* filler.h - a short sentence that bridges a wait, inside the response that is waited for.
 *
 * Voice Live's interim_response: static_interim_response {texts} or llm_interim_response
 * {instructions, max_completion_tokens}; triggers "latency" (nothing to say for
 * latency_threshold_ms, 2000) and "tool" (a tool is at work); hyphens as underscores. Beside it a
 * server's tool may have a filler of its own (tool_def.filler). Without either nothing is said.
 *
 * It is audio and transcript of the response as anything said; but it is no answer: no source rests on it,
 * no mark of latency is its, a model is not shown it where the message begins with it. It is
 * dropped when the answer comes before it has begun, and comes at most once in a round of thinking.
 */
#pragma once

#include "engine/ops.h"

struct response;
struct session;

struct filler {
	uint64_t wait_us;   /* since when there is nothing to say; 0: nothing is waited for */
	bool said;          /* in this round                                               */
	struct llm_job *llm; /* writes one                                                 */
	uint64_t ticket;
	struct buf text;    /* what it has written                                         */
	size_t at;          /* where in the response's text the one that waits begins      */
};

/* think.c: the model or a tool is asked; a new round begins. */
void filler_wait(struct response *r);
void filler_new_round(struct response *r);
/* This one, now. */
void filler_say(struct response *r, const char *text);
/* The answer goes on: one that has not begun is dropped. */
void filler_drop(struct response *r);
void filler_cancel(struct response *r);
void filler_done(struct filler *f);

void filler_on_time(struct session *s);
uint64_t filler_next_us(const struct session *s);

/* What the model says of this ticket is a filler's: true, and it was taken. */
bool filler_on_text(struct session *s, uint64_t ticket, const char *text);
/* u NULL: it failed. */
bool filler_on_end(struct session *s, uint64_t ticket, const struct llm_usage *u);
