/* mcp_way.h - what carries the messages of an MCP session: a program's standard input and output
 * (mcp_stdio.h), or HTTP (mcp_http.h).
 *
 * All on the loop of the MCP client (mcp.h), handlers too; on_lost may come from inside send(),
 * the others never come from inside a function here.
 */
#pragma once

#include "service/mcp_rpc.h"

struct fetcher;
struct loop;
struct mcp_way;

struct mcp_way_sink {
	void (*on_message)(void *owner, struct bytes message);
	void (*on_lost)(void *owner, uint64_t id, const struct mcp_result *why); /* mcp_rpc_lost() */
	void (*on_gone)(void *owner, uint64_t id);				  /* mcp_rpc_gone() */
	/* Once: the way is closed, by the server or by close(), and its handle is gone. */
	void (*on_closed)(void *owner, const char *why);
};

/* Strings and lists outlive the way. */
struct mcp_way_params {
	struct loop *loop;
	struct fetcher *fetcher;
	const char *label; /* for logs */
	const char *url;
	const char *const *fields; /* "Name: value"; ends with NULL; may be NULL */
	bool public_only;	   /* fetch.h */
	bool listen;		   /* for what the server says unasked */
	const char *const *argv, *const *environment;
	const struct mcp_way_sink *sink;
	void *owner;
};

struct mcp_way_ops {
	/* −errno: no handler is called. */
	int (*open)(struct mcp_way **out, const struct mcp_way_params *p);
	/* version: that the session has agreed upon; "": not yet. */
	void (*send)(struct mcp_way *w, uint64_t id, struct bytes message, const char *version);
	/* No answer to this request is wanted any more. */
	void (*forget)(struct mcp_way *w, uint64_t id);
	/* The session has begun. */
	void (*ready)(struct mcp_way *w);
	/* Only on_closed follows. */
	void (*close)(struct mcp_way *w);
};
