/* mcp_rpc.h - one session with an MCP server, seen from the client.
 *
 * Model Context Protocol 2025-06-18 (and 2025-03-26, 2024-11-05, 2025-11-25), of which we use
 * initialize, ping, tools/list, tools/call, notifications/{initialized, cancelled,
 * tools/list_changed}; JSON-RPC 2.0 below. We offer no capability, so a server's own requests
 * other than ping are answered with "method not found".
 *
 * Sans-I/O: messages and the time come in as arguments, messages go out through on_send. What
 * carries them (mcp_stdio.h, mcp_http.h) says of each request either its answer or that it is
 * lost. Handlers are called from inside the functions here and may call mcp_rpc_call() and
 * mcp_rpc_cancel(), but not free the session.
 */
#pragma once

#include "base/json.h"

struct mcp_rpc;

enum {
	MCP_TOOLS_MAX = 256,	     /* of one server; further ones are left out      */
	MCP_PAGES_MAX = 64,	     /* of tools/list                                 */
	MCP_CALLS_MAX = 64,	     /* under way at once                             */
	MCP_NAME_MAX = 128,	     /* octets of a tool's name                       */
	MCP_DESCRIPTION_MAX = 4096,  /* octets; cut                                   */
	MCP_SCHEMA_MAX = 65536,	     /* octets of an input schema; else left out      */
	MCP_MESSAGE_MAX = 4 << 20,   /* octets                                        */
	MCP_CONTROL_MS = 20000,	     /* for an answer to initialize and tools/list    */
	MCP_WHY = 240,
};

/* How a call ended; the API's names are in mcp_call.error.type. */
enum mcp_outcome {
	MCP_DONE,	    /* text: what it said                            */
	MCP_TOOL_ERROR,	    /* isError: text says what went wrong            */
	MCP_PROTOCOL_ERROR, /* code and message of JSON-RPC, or no answer    */
	MCP_HTTP_ERROR,	    /* code: the status                              */
};

struct mcp_result {
	enum mcp_outcome outcome;
	int code;
	const char *text;
};

struct mcp_rpc_ops {
	/* One message for the server, without a newline. id: a request's, else 0. */
	void (*on_send)(void *owner, uint64_t id, struct bytes message);
	/* The answer to this request is not wanted any more; the server has been told. */
	void (*on_forget)(void *owner, uint64_t id);
	/* Ready: [{name, description, input_schema, annotations?}]. Again when the list has changed. */
	void (*on_tools)(void *owner, const json_t *tools);
	/* Exactly once for each call that was taken and not cancelled. */
	void (*on_result)(void *owner, uint64_t call, const struct mcp_result *r);
	/* The session could not begin. Calls under way have had their results. */
	void (*on_failed)(void *owner, const struct mcp_result *why);
};

enum mcp_verdict {
	MCP_OK,
	MCP_MALFORMED, /* no JSON-RPC 2.0 message, or several in one: dropped         */
	MCP_UNASKED,   /* an answer to nothing we asked (any more): dropped           */
	MCP_NO_MEMORY, /* dropped; what waited for it runs into its time limit        */
};

MUST_USE int mcp_rpc_new(struct mcp_rpc **out, const struct mcp_rpc_ops *ops, void *owner);
void mcp_rpc_free(struct mcp_rpc *r); /* silently */
AUTO_DEF(mcp_rpc)

/* The way to the server is open: initialize, list, ready. Also after a loss. */
void mcp_rpc_open(struct mcp_rpc *r, uint64_t now_us);
MUST_USE enum mcp_verdict mcp_rpc_input(struct mcp_rpc *r, struct bytes message, uint64_t now_us);
/* The request has no answer any more: it was refused, or the way it went is gone. */
void mcp_rpc_lost(struct mcp_rpc *r, uint64_t id, const struct mcp_result *why);
/* The server does not know our session any more (HTTP 404) and has not looked at this request:
 * begins anew and asks again, once. */
void mcp_rpc_gone(struct mcp_rpc *r, uint64_t id, uint64_t now_us);
/* The way to the server is closed: all that was asked is lost. */
void mcp_rpc_down(struct mcp_rpc *r, const struct mcp_result *why);

/* When mcp_rpc_tick() has something to do; UINT64_MAX: not until something happens. */
uint64_t mcp_rpc_next_us(const struct mcp_rpc *r);
void mcp_rpc_tick(struct mcp_rpc *r, uint64_t now_us);

bool mcp_rpc_is_ready(const struct mcp_rpc *r);
const char *mcp_rpc_version(const struct mcp_rpc *r); /* "" before initialize has been answered */

/* `call` is the caller's number. arguments: JSON text of an object; "" is one. time_ms: its limit.
 * -EINVAL: the arguments are no object; -EAGAIN: too many; -ENOTCONN: the session is not open. */
MUST_USE int mcp_rpc_call(struct mcp_rpc *r, uint64_t call, const char *name, const char *arguments,
			  unsigned time_ms, uint64_t now_us);
/* No on_result follows; the server is told. Unknown: nothing happens. */
void mcp_rpc_cancel(struct mcp_rpc *r, uint64_t call);
