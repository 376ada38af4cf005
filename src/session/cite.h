/* cite.h - sources of what is said: from the engine that says it, or found here.
 *
 * An engine that cites (llm_ops.cites) says on what its text rests. For any other, and for realtime services, each
 * finished sentence is held against the passages that `search` gave in this response (engine/ground.h) and cited
 * where it rests on one. Once an engine cites by itself nothing is looked for.
 */
#pragma once

#include "base/json.h"

struct response;

/* tools.c: what `search` has given. Read when it is needed. */
void cite_results(struct response *r, const char *output);
/* The text since the last source rests on this one. */
void cite_source(struct response *r, json_t *source);

enum cite_when {
	CITE_MORE, /* the last sentence may go on */
	CITE_END,
};

/* After more was added to the response's text. */
void cite_text(struct response *r, enum cite_when when);
