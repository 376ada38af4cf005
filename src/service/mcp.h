/* mcp.h - tools of MCP servers: the client of the Model Context Protocol.
 *
 * The operator's servers (mcp_line.h) are programs, or are reached over streamable HTTP; they are
 * kept going as long as we run, and their tools are the engines' (struct tool_def), named
 * LABEL__tool. Servers that a session names itself (mcp_ops) are reached over HTTP while that
 * session has them.
 *
 * One thread with a loop of its own has all servers; what is called here is called on the
 * sessions' loops, and answered there (relay.h).
 *
 *     sessions' loops --loop_post--> [thread mcp: link -> rpc -> way] --fetch.h--> [thread fetch]
 *                     <---relay-----                           \--> programs
 */
#pragma once

#include "service/mcp_line.h"
#include "engine/ops.h"

struct fetcher;

enum {
	MCP_SERVERS_MAX = 32,	    /* of the operator                                      */
	MCP_NAMED_MAX = 1024,	    /* of sessions, all together; further ones are refused  */
	MCP_CHANGES_MAX = 256,	    /* of the operator's tools that are taken up            */
	MCP_SETTLE_MS = 5000,
	MCP_TIME_MS = 30000,	    /* of a call where nothing else is said                 */
};

struct mcp_params {
	struct fetcher *fetcher; /* borrowed until mcp_free() */
	const char *const *lines; /* mcp_line.h; ends with NULL; may be NULL           */
	const char *const *allow; /* hosts that sessions may name (mcp_url.h); copied  */
	/* Other tools of the operator (tool_openapi.h), which mcp_tools() has in front: borrowed. */
	const struct tool_def *more;
	size_t n_more;
};

/* Returns at once; servers are begun on the thread. -EINVAL and why[]: a line is wrong. */
MUST_USE int mcp_new(struct mcp **out, const struct mcp_params *p, char why[static MCP_LINE_WHY]);
/* Ends all servers: waits for programs for some seconds at most. */
void mcp_free(struct mcp *m);
AUTO_DEF(mcp)

/* The operator's servers have all said what they have, or failed to, or have had MCP_SETTLE_MS for
 * it. Any thread. */
MUST_USE bool mcp_settled(struct mcp *m);

/* How one of the operator's servers is. */
struct mcp_state {
	const char *label; /* lives as long as the mcp */
	bool settled;      /* what follows is known    */
	bool up;
	size_t n_tools;
	char why[MCP_LINE_WHY]; /* not up: a sentence, maybe the server's */
};
/* false: there are no more. Any thread. */
MUST_USE bool mcp_server_state(struct mcp *m, size_t i, struct mcp_state *to);

/* The tools there are now. Any thread. What is returned lives until mcp_free(), so sessions may have
 * it; later ones see what has changed since. */
void mcp_tools(struct mcp *m, const struct tool_def **defs, size_t *n);

extern const struct mcp_ops mcp_client_ops;
