/* client_tool.h - the client's own functions, as a responder without a language model uses them.
 *
 * One is called when tool_choice says so, or when its name or description is about searching;
 * its arguments are filled from the question, by its JSON Schema. Pure.
 */
#pragma once

#include "engine/ops.h"

enum { CLIENT_CALLS_MAX = 4 };

/* How much this request wants a call. */
enum tool_want {
	TOOL_NEVER, /* tool_choice is none                              */
	TOOL_MAY,   /* auto: when it helps                              */
	TOOL_MUST,  /* required, or a function by name                  */
};

/* The calls to make for `question`: a new array of {name, arguments}, empty when there is nothing
 * to call but `search`, or nothing at all. A function called `search` that takes a `query`, the
 * server's or the client's in its place, is not meant. NULL: no memory. */
MUST_USE json_t *client_calls(const json_t *tools, const json_t *tool_choice, const char *question);
enum tool_want client_want(const json_t *tool_choice);

/* A function's output as results that answer.h reads: of objects (or arrays of them) with a
 * member of text. NULL: it is not of that kind, or memory ran out (*no_memory). */
MUST_USE json_t *client_results(const char *output, bool *no_memory);
/* Any other output, to be said: text as it is, an object's members one by one. */
void client_text(const char *output, struct buf *to);
