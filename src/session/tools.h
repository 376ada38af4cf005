/* tools.h - the server's tools at work, for whoever asks.
 *
 * think.c asks for a language model, upstream.c for a realtime service. A round is the calls that
 * were made in one breath; they run side by side, each within its time, and each gets exactly one
 * output: on_output, then, after the last of a round, on_round. Either may come from inside
 * tools_run(), on_round as the last thing it does. After tools_cancel() none comes.
 *
 * A name that nobody knows, arguments that are no JSON object, a tool that does not start, is too slow
 * or would act without the user's consent (consent.h): each is an output {"error", "message"}.
 *
 * Tools that are not answered at once (TOOL_IDLE, TOOL_SILENT) give an output that says so, and run on
 * behind their response, whatever becomes of it. When they are done, call and output become items
 * of the conversation: silent ones at once, the others when nobody speaks and nothing is answered, and
 * then there is a response to them. For a response outside the conversation they are as TOOL_NOW.
 */
#pragma once

#include "base/list.h"
#include "session/session.h"

struct response;

enum {
	TOOL_ROUND_MAX = 8,   /* calls of one round; more are left out      */
	TOOL_CALLS_MAX = 64,  /* at work at once in a session               */
	TOOL_TIME_MS = 30000, /* of tools that name no limit                */
	TOOL_OUTPUT_MAX = 256 * 1024, /* octets; longer ones are an error   */
};

/* Borrowed for the call. */
struct tool_ask {
	const char *name, *call_id, *arguments;
};

struct tools_sink {
	bool asks; /* sees to the user's consent itself (consent.h) */
	void (*on_output)(struct response *r, const char *call_id, const char *output);
	void (*on_round)(struct response *r);
};

/* --- tools that a session has beside the engines' (MCP servers) --------------------------- */

struct tool_call;
struct tool_entry;

/* Each may be NULL. */
struct tool_hooks {
	/* Before a round runs; false: not this one now (an approval is asked for): the response ends
	 * without running anything of the round. */
	bool (*may_run)(struct tool_entry *e, struct response *r, const struct tool_ask *a);
	void (*on_begun)(struct tool_entry *e, const struct tool_call *c);
	/* output NULL: it was cancelled. */
	void (*on_ended)(struct tool_entry *e, const struct tool_call *c, const char *output);
};

/* Embedded by its owner, who keeps it until tools_remove() or the end of the session. */
struct tool_entry {
	struct node node; /* in session.more_tools */
	struct tool_def def;
	const struct tool_hooks *hooks; /* NULL: none. Those with hooks run for announced responses only */
};

/* The first of a name counts; the engines' come before these. */
void tools_add(struct session *s, struct tool_entry *e);
/* What runs of it ends with an error. */
void tools_remove(struct session *s, struct tool_entry *e);

/* --- one call ------------------------------------------------------------------------------ */

struct tool_call {
	struct node node; /* in session.calls */
	struct session *s;
	struct response *r; /* that waits for its output; NULL: none (any more) */
	const struct tools_sink *to;
	const struct tool_def *def;
	struct tool_entry *entry; /* NULL: it is the engines' */
	struct tool_job *job;
	uint64_t ticket; /* 0: it does not run any more */
	bool rides;      /* ... but is answered by the search that ahead.c runs */
	char asker[32];  /* the response's id, also when it is over */
	uint64_t begun_us, due_us;
	char *call_id, *arguments;
	char *output; /* TOOL_IDLE: done, and not told yet */
};

/* NULL: nobody has it. *e: whose it is beside the engines; may be NULL. */
const struct tool_def *tools_find(const struct session *s, const char *name, struct tool_entry **e);
/* For a model: {type:"function", name, description, parameters} of each that `hidden` does not name. A
 * new array; NULL: no memory. */
MUST_USE json_t *tools_list(const struct session *s, bool (*hidden)(const void *ctx, const char *name),
			    const void *ctx);
/* May it run for an answer that is not wanted yet? */
bool tools_harmless(const struct session *s, const char *name);

/* Asks the hooks. false: one of them has taken the matter over, and the response is to end. */
MUST_USE bool tools_may_run(struct response *r, const struct tool_ask *asks, size_t n);
/* A round. The response is announced, unless all are harmless. */
void tools_run(struct response *r, const struct tool_ask *asks, size_t n, const struct tools_sink *to);
/* Takes back what runs for this response; what goes on behind it stays. */
void tools_cancel(struct response *r);
/* Calls that run behind their responses, as pairs of items that say so; appended to `items`. For a model
 * that is asked meanwhile. false: no memory. */
MUST_USE bool tools_pending(const struct session *s, const struct response *but, json_t *items);

/* The search that was run ahead has its output, and so have those that ride on it. */
void tools_on_ahead(struct session *s, const char *output);
/* What is done and was not told is told, if nobody speaks. Called by session_leave(). */
void tools_settle(struct session *s);
void tools_on_time(struct session *s);
uint64_t tools_next_us(const struct session *s);
void tools_free_all(struct session *s);

/* The engines' end of a call: of sinks that run a tool by themselves (ahead.c). */
extern const struct tool_sink tools_tool_sink;
