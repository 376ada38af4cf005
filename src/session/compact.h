/* compact.h - how much of a conversation a language model is shown.
 *
 * The API's `truncation`: what is beyond the limit is forgotten, the oldest first, once for all. With
 * {type:"retention_ratio"} so much more is forgotten that the next turns need not forget again,
 * which would empty the service's cache each time. Below COST_FULL the limit is a short one.
 */
#pragma once

#include "session/cost.h"
#include "session/session.h"

enum {
	CONTEXT_TOKENS = 32768, /* of a model, as the API has it ...           */
	ANSWER_TOKENS = 4096,   /* ... of which the answer may take so many    */
	COMPACT_TOKENS = 2048,  /* of conversation where money runs short      */
	CONTEXT_MIN_TOKENS = 1024, /* of conversation, however long the instructions */
};

/* Forgets what does not fit beside `taken` tokens of instructions and tools. false: all of it is
 * wanted (truncation is "disabled"), and it does not fit. */
MUST_USE bool compact_conversation(struct session *s, const json_t *config, enum cost_level l,
				   size_t taken);
