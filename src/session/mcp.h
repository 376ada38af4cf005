/* mcp.h - MCP servers that a client names in its tools, and the calls of their tools.
 *
 * For each {type:"mcp"} of the session's tools a server is opened (engine/ops.h: mcp_ops), and an
 * item mcp_list_tools says what it has. Its tools are offered to the model as LABEL__tool and run
 * like the server's own (tools.h); each call is an item mcp_call. Where require_approval says so, the
 * call becomes an item mcp_approval_request and the response ends; the client's
 * mcp_approval_response makes it, or tells the model that it was refused, and a response follows.
 *
 * Credentials (authorization, headers) go to the server only: the session's config never has them.
 * Dialects without these events (BETA) have no MCP servers.
 */
#pragma once

#include "base/list.h"
#include "session/session.h"
#include "session/tools.h"

struct item;
struct conversation;

enum { MCP_SERVERS_OF_SESSION = 16, MCP_APPROVALS_MAX = 64 };

/* In struct session. */
struct mcp_box {
	struct list servers; /* struct mcp_use                                             */
	struct list runs;    /* struct mcp_run: calls under way                            */
	json_t *wanted;      /* tools as the client wrote them, until somebody hears of it */
	json_t *asked;       /* {approval request's id: [name for models, arguments]}      */
	json_t *approved;    /* [[id, name for models, arguments]]: the next response calls */
	bool respond;        /* an approval was answered: a response is due                */
};

void mcp_init(struct session *s);
void mcp_free_all(struct session *s); /* silently */

/* config_rule.c: a tool as it is kept and shown, without credentials. NULL: no memory. */
MUST_USE json_t *mcp_masked(json_t *tool);

/* Opens and closes servers as `tools` say, which the client wrote. NULL: what was wanted before the
 * first leg came. */
void mcp_configure(struct session *s, json_t *tools);

/* The client's mcp_approval_response, which is in the conversation. */
void mcp_on_approval(struct session *s, const struct item *answer);
bool mcp_awaits(const struct session *s, const char *request_id);
/* [{name, arguments}] that were approved and are to be made now; NULL: none. */
json_t *mcp_approved_calls(struct response *r);
/* Called by session_leave(). */
void mcp_settle(struct session *s);

/* For conv_items(): what a model sees of an item of ITEM_MCP: a call with its output, or nothing. */
MUST_USE bool mcp_for_model(const struct conversation *c, const struct item *it, json_t *list);
/* tool_choice {type:"mcp"} as a language model knows it: a new reference. */
json_t *mcp_choice(json_t *choice);

/* Between mcp.c and mcp_call.c. */
struct mcp_use {
	struct node node;
	struct session *s;
	json_t *tool; /* as the client wrote it */
	const char *label; /* in tool */
	struct mcp_server *server; /* NULL: not (any more) */
	uint64_t ticket;	   /* of its opening; 0: that is over */
	char item_id[32];
	struct tool_ops ops;
	struct mcp_tool *tools;
	size_t n_tools;
};

struct mcp_tool {
	struct tool_entry entry;
	struct mcp_use *use;
	char *name, *plain, *description, *parameters; /* plain: the server's name of it */
	bool reads; /* readOnlyHint */
};

extern const struct tool_hooks mcp_hooks;
void mcp_run_free_all(struct session *s);
/* A new item of ITEM_MCP at the end of the conversation. Takes wire. NULL: no memory. */
struct item *mcp_item(struct session *s, const char *id, json_t *wire);
