/* chat_body.h - a conversation as the body of a /chat/completions request. Pure.
 *
 * GA items become messages. A call and its output stand together, as the interface demands: where an
 * output came later in the conversation, or not yet, the call is answered by a sentence that says so,
 * and the late one is told as a call and output of its own where it came.
 */
#pragma once

#include "engine/ops.h"

struct chat_shape {
	const char *model; /* or NULL */
	const char *max_tokens; /* what the limit is called */
	bool temperature, usage; /* are these asked for? */
	/* A sentence that stands before what this tool returned, or NULL: none. NULL: chat_mark(). */
	const char *(*mark)(const char *tool);
};

/* `search` returns words of documents, which are no instructions. */
const char *chat_mark(const char *tool);

/* Appends the JSON text. false: no memory. */
MUST_USE bool chat_body_write(struct buf *to, const struct chat_shape *s,
			      const struct llm_request *r);

/* A service refused this body and named a member: rename max_completion_tokens to max_tokens or back,
 * or leave out temperature or stream_options, and tell so in *s. `message` is what it said, `param`
 * what it called wrong, or "". false: there is nothing to change (or no memory). */
MUST_USE bool chat_body_amend(struct buf *body, struct chat_shape *s, const char *param,
			      const char *message);
