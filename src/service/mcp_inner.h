/* mcp_inner.h - the inside of the MCP client; included by service/mcp*.c only. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "service/mcp.h"
#include "service/mcp_link.h"
#include "engine/relay.h"

/* The operator's tools at one moment. */
struct mcp_snapshot {
	struct mcp_snapshot *older;
	struct arena arena;
	struct tool_def *defs;
	size_t n;
};

struct mcp {
	struct loop *loop;
	pthread_t thread;
	bool running; /* the thread has been begun */
	struct fetcher *fetcher;
	struct relay_set set;
	struct arena arena;
	const char **allow;
	const struct tool_def *more;
	size_t n_more;
	uint64_t begun_us;

	/* the thread's own */
	struct list links; /* servers with a link */
	uint64_t last_call;
	bool closing;

	pthread_mutex_t lock; /* what follows */
	struct list named;    /* servers that sessions have open */
	size_t n_named;
	struct mcp_snapshot *snapshots; /* the newest first */
	size_t n_snapshots;
	struct mcp_server *own[MCP_SERVERS_MAX]; /* set before the thread begins; their `said` */
	size_t n_own;
};

/* Held by: the operator's list or the session that opened it; its link; each of its calls. */
struct mcp_server {
	struct mcp *mcp;
	atomic_uint refs;
	struct mcp_line line; /* of the operator; else only label, url and fields are there */
	bool is_named, public_only;

	/* the thread's own */
	struct node in_links;
	struct mcp_link *link;
	struct list calls; /* tool_job.on_thread */
	struct opening *unanswered; /* held */
	json_t *said;	   /* its tools as they were last; of the operator's */
	atomic_bool settled;
	struct mcp_state state; /* under mcp.lock; but for label and settled */

	/* the session's own */
	struct node in_named; /* under mcp.lock */
	struct opening *opening;
	struct list jobs; /* tool_job.in_session */
	struct loop *loop;
	json_t *allowed; /* allowed_tools, or NULL */
};

/* The tool of a struct tool_def: lives in its snapshot's arena. */
struct tool {
	struct mcp_server *server;
	const char *name; /* the server's */
	unsigned time_ms;
};

struct tool_job {
	struct relay relay;
	struct mcp_server *server;
	struct node in_session; /* of a named server */
	char *name, *arguments;
	unsigned time_ms;
	/* the thread's own */
	struct node on_thread;
	uint64_t call;
};

/* mcp.c */
void mcp_server_unref(struct mcp_server *s);
struct mcp_server *mcp_server_ref(struct mcp_server *s);
/* Begins it, on the thread. */
void mcp_server_begin(struct mcp_server *s);

/* mcp_call.c */
extern const struct tool_ops mcp_tool_ops;
MUST_USE int mcp_call_start(struct mcp_server *s, struct tool_job **out, const char *name,
			    const char *arguments, unsigned time_ms, const struct relay_to *to);
void mcp_call_cancel(struct tool_job *j);
/* On the thread. */
void mcp_call_result(struct mcp_server *s, uint64_t call, const struct mcp_result *r);
void mcp_calls_drop(struct mcp_server *s);

/* mcp_named.c: on the thread */
void mcp_named_tools(struct mcp_server *s, const json_t *tools);
void mcp_named_down(struct mcp_server *s, const struct mcp_result *why);
void mcp_named_drop(struct mcp_server *s); /* its answer is not to be given */

/* mcp_tools.c: on the thread */
void mcp_tools_changed(struct mcp *m);
