/* chat_messages.h - the body of POST /v1/chat/completions in the words of our engines.
 *
 * Pure: OpenAI's messages become the items of a conversation (GA shape), system and developer
 * messages the instructions, functions lose their wrapper. What we cannot take is refused by name:
 * images and audio in, several choices, other formats of the answer than text.
 */
#pragma once

#include "api/serving.h"
#include "base/json.h"

/* Zero is valid. References are owned. */
struct chat_request {
	struct buf instructions;
	json_t *items, *tools, *choice;
	int max_tokens; /* 0: no limit */
	double temperature;
	bool stream, usage; /* usage: stream_options.include_usage */
	const char *model;  /* borrowed from the body; or NULL     */
	bool no_memory;
};

/* .why NULL: *out is filled, or out->no_memory. chat_request_done() in any case. */
MUST_USE struct serving_wrong chat_request_parse(const json_t *body, struct chat_request *out);
void chat_request_done(struct chat_request *q);
