/* completion_run.h - one answer of a language model, with the server's own tools asked in between.
 *
 * What /v1/chat/completions needs of a session: a model's calls of tools that only read (search) are
 * run here and told back to it, four rounds at most; a call of one of the client's functions ends the
 * answer, and the server's tools asked in the same breath are not run: the model asks again with the
 * client's results. Tools that change something are not offered: nobody is there to consent.
 *
 * On one loop. The sink is never called from inside completion_run(), and exactly one on_end comes
 * unless it is cancelled; both end it.
 */
#pragma once

#include "engine/ops.h"

struct completion;

struct completion_end {
	const struct engine_error *error; /* NULL: it went well */
	enum llm_finish finish;
	struct llm_usage usage;
	const json_t *calls; /* [{name, arguments}] of the client's functions; or NULL */
};

struct completion_sink {
	void (*on_text)(void *owner, const char *text);
	void (*on_source)(void *owner, json_t *source); /* as llm_sink.on_cite */
	/* It is over when this returns: completion_cancel() is not for this call. */
	void (*on_end)(void *owner, const struct completion_end *end);
};

struct completion_params {
	const struct engines *engines;
	struct loop *loop;
	const char *groups;              /* of tool_request; copied             */
	struct llm_request request;      /* borrowed during the call; tools: the client's */
	const struct completion_sink *sink;
	void *owner;
};

/* 0; -ENOMEM; or what the model's start() gave. */
MUST_USE int completion_run(struct completion **out, const struct completion_params *p);
void completion_cancel(struct completion *c); /* NULL is fine */
