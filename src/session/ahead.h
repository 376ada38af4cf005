/* ahead.h - `search` is run before it is asked for.
 *
 * While the user speaks (partial words), in a pause (settled ones) and when an answer begins, the server's own
 * `search` looks for what has been said so far, one search at a time, and again when words have come or changed that
 * say something. When the model then calls it with a query that is covered by what was looked for (covers.h), the
 * output is there at once, or comes with the search that is under way. An engine that reads more of the output than
 * its passages (llm_ops.cites) is given it for the same text only. Anything else is searched for as ever.
 *
 * With engines.search_first the model is given what was found with the question, as a call and its output that
 * have been made, where it is for the same words and good evidence: one pass instead of two.
 */
#pragma once

#include "engine/ops.h"

struct response;
struct session;

enum { AHEAD_FRESH_S = 30 }; /* how long what was found counts */

/* Zero: nothing was looked for. */
struct ahead {
	uint64_t ticket; /* 0: no search runs */
	const struct tool_def *def;
	struct tool_job *job;
	char *query;            /* what it looks for                                  */
	char *next;             /* what is to be looked for after it; or NULL         */
	char *found_for, *found; /* the last output, and what it was for; or NULL      */
	uint64_t found_us;
};

enum ahead_hit {
	AHEAD_NOT,  /* nothing was looked for that covers it */
	AHEAD_NOW,  /* *output is what was found             */
	AHEAD_SOON, /* the search under way will do: tools_on_ahead() */
};

/* The words of the user so far. */
void ahead_words(struct session *s, const char *words);
/* For a call of `search` with these arguments. */
enum ahead_hit ahead_look(const struct response *r, const char *arguments, const char **output);
/* What was found for just these words, where it is good evidence; NULL: nothing. */
const char *ahead_evidence(const struct response *r, const char *words);
/* A tool's output: true if it was one of ours. */
bool ahead_on_output(struct session *s, uint64_t ticket, const char *output);
void ahead_free(struct session *s);
