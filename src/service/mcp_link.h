/* mcp_link.h - an MCP server as the client's loop sees it: its session (mcp_rpc.h), the way to it
 * (mcp_way.h), their time, and for servers of the operator another beginning after each end, with
 * growing pauses.
 *
 * All on one loop, handlers too; no handler comes from inside a function here but on_result.
 */
#pragma once

#include "service/mcp_way.h"

struct mcp_link;

enum { MCP_PAUSE_MIN_MS = 1000, MCP_PAUSE_MAX_MS = 60000 };

struct mcp_link_sink {
	/* [{name, description, input_schema, annotations?}]; again when it changes. */
	void (*on_tools)(void *owner, const json_t *tools);
	void (*on_result)(void *owner, uint64_t call, const struct mcp_result *r);
	/* There is no session (any more). Calls have had their results. With `keep` it is tried again. */
	void (*on_down)(void *owner, const struct mcp_result *why);
	void (*on_closed)(void *owner); /* after mcp_link_close(); the link is gone */
};

struct mcp_link_params {
	const struct mcp_way_ops *way;
	struct mcp_way_params to; /* sink and owner are the link's */
	bool keep;		  /* begin again after each end */
	const struct mcp_link_sink *sink;
	void *owner;
};

/* Begins at once, from the loop. */
MUST_USE int mcp_link_new(struct mcp_link **out, const struct mcp_link_params *p);
/* Calls end without results; on_closed follows. */
void mcp_link_close(struct mcp_link *l);

/* As mcp_rpc_call(). */
MUST_USE int mcp_link_call(struct mcp_link *l, uint64_t call, const char *name, const char *arguments,
			   unsigned time_ms);
void mcp_link_cancel(struct mcp_link *l, uint64_t call);
