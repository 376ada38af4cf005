/* tool_search.h - the server's own tool `search`: passages of the documents for a question.
 *
 * search({"query": "…"}) → what search_result_json() writes: {query, collection, confidence,
 * results: [{document, file, title, page?, heading, start, end, text, score, …}]}.
 */
#pragma once

#include "engine/ops.h"
#include "knowledge/search.h"

struct pool;

/* Borrows the pool (turn work) and the searcher until tool_search_free(); copies the
 * collection's name (NULL: the default). */
MUST_USE int tool_search_new(struct tool **out, struct pool *turn, struct searcher *s,
			     const char *collection);
/* Before it is used: what finds passages; SEARCH_BY_ALL unless said. */
void tool_search_by(struct tool *t, enum search_by by);
void tool_search_free(struct tool *t); /* ends work in progress without a sink call */

/* As a session has it. */
struct tool_def tool_search_def(struct tool *t);
