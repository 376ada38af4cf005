#include "service/mcp_inner.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/loop.h"
#include "service/mcp_content.h"

/* --- outputs -------------------------------------------------------------------------------------- */

/* mcp_call.error.type of the API. */
static const char *const error_names[] = {
	[MCP_DONE] = "",
	[MCP_TOOL_ERROR] = "tool_execution_error",
	[MCP_PROTOCOL_ERROR] = "protocol_error",
	[MCP_HTTP_ERROR] = "http_error",
};

/* Of the operator's tools: {"error", "message"} as of all tools; of named servers: as ops.h says. */
static void write_output(const struct tool_job *j, const struct mcp_result *r, struct buf *to)
{
	bool named = j->server->is_named;

	if (r->outcome == MCP_DONE) {
		mcp_content_json(r->text, to);
		return;
	}
	buf_printf(to, named ? "{\"error\":{\"type\":\"%s\"" : "{\"error\":\"%s\"", error_names[r->outcome]);
	if (named && r->outcome != MCP_TOOL_ERROR)
		buf_printf(to, ",\"code\":%d", r->code);
	buf_puts(to, ",\"message\":");
	json_quote(to, bytes_str(r->text));
	buf_puts(to, named ? "}}" : "}");
}

static void forget_in_session(struct tool_job *j)
{
	node_unlink(&j->in_session);
}

static void deliver(struct relay *r, void *payload)
{
	forget_in_session(CONTAINER_OF(r, struct tool_job, relay));
	((const struct tool_sink *)r->sink)->on_output(r->owner, r->ticket, payload);
}

static void on_lost(struct relay *r)
{
	struct tool_job *j = CONTAINER_OF(r, struct tool_job, relay);

	forget_in_session(j);
	((const struct tool_sink *)r->sink)
		->on_output(r->owner, r->ticket,
			    j->server->is_named ?
				    "{\"error\":{\"type\":\"protocol_error\",\"code\":-32603,"
				    "\"message\":\"The server is out of memory.\"}}" :
				    "{\"error\":\"protocol_error\",\"message\":\"The server is out of memory.\"}");
}

static void on_free(struct relay *r)
{
	struct tool_job *j = CONTAINER_OF(r, struct tool_job, relay);

	mcp_server_unref(j->server);
	mem_free(j->name);
	mem_free(j->arguments);
	mem_free(j);
}

static const struct relay_ops job_ops = { .on_lost = on_lost, .on_free = on_free };

/* --- on the thread ------------------------------------------------------------------------------------ */

static void end(struct tool_job *j, const struct mcp_result *r)
{
	AUTO(buf) struct buf out = { 0 };

	node_unlink(&j->on_thread);
	write_output(j, r, &out);
	if (out.failed)
		relay_lose(&j->relay);
	else
		relay_send(&j->relay, RELAY_LAST, deliver, out.p, out.n + 1);
	relay_release(&j->relay);
}

static const char *why_not(int err)
{
	switch (-err) {
	case EINVAL:
		return "The arguments are not a JSON object.";
	case EAGAIN:
		return "Too many calls are under way at this server.";
	case ENOTCONN:
		return "The tool's server cannot be reached now.";
	default:
		return "The server is out of memory.";
	}
}

static void begin(void *payload)
{
	struct tool_job *j = *(struct tool_job **)payload;
	struct mcp_server *s = j->server;

	if (relay_cancelled(&j->relay) || s->mcp->closing) {
		relay_release(&j->relay);
		return;
	}
	uint64_t call = j->call = ++s->mcp->last_call;
	list_push(&s->calls, &j->on_thread);
	/* After 0 the result may have come already. */
	int r = s->link ? mcp_link_call(s->link, call, j->name, j->arguments, j->time_ms) : -ENOTCONN;
	if (r != 0)
		end(j, &(struct mcp_result){ MCP_PROTOCOL_ERROR, -32603, why_not(r) });
}

void mcp_call_result(struct mcp_server *s, uint64_t call, const struct mcp_result *r)
{
	LIST_FOR(&s->calls, n) {
		struct tool_job *j = CONTAINER_OF(n, struct tool_job, on_thread);

		if (j->call != call)
			continue;
		end(j, r);
		return;
	}
}

void mcp_calls_drop(struct mcp_server *s)
{
	LIST_FOR(&s->calls, n) {
		node_unlink(n);
		relay_release(&CONTAINER_OF(n, struct tool_job, on_thread)->relay);
	}
}

static void withdraw(void *payload)
{
	struct tool_job *j = *(struct tool_job **)payload;

	if (node_linked(&j->on_thread)) {
		node_unlink(&j->on_thread);
		if (j->server->link)
			mcp_link_cancel(j->server->link, j->call);
		relay_release(&j->relay);
	}
	relay_release(&j->relay);
}

/* --- on a session's loop -------------------------------------------------------------------------------- */

int mcp_call_start(struct mcp_server *s, struct tool_job **out, const char *name, const char *arguments,
		   unsigned time_ms, const struct relay_to *to)
{
	struct tool_job *j = mem_zalloc(sizeof(*j));

	if (!j || !(j->name = mem_strdup(name)) || !(j->arguments = mem_strdup(arguments))) {
		if (j)
			mem_free(j->name);
		mem_free(j);
		return -ENOMEM;
	}
	j->server = mcp_server_ref(s);
	j->time_ms = time_ms;
	relay_init(&j->relay, &job_ops, &s->mcp->set, to);
	relay_hold(&j->relay);
	if (loop_post(s->mcp->loop, begin, &j, sizeof(struct tool_job *)) != 0) {
		relay_cancel(&j->relay);
		relay_release(&j->relay);
		return -EAGAIN;
	}
	if (s->is_named)
		list_push(&s->jobs, &j->in_session);
	*out = j;
	return 0;
}

void mcp_call_cancel(struct tool_job *j)
{
	struct loop *thread = j->server->mcp->loop;

	forget_in_session(j);
	relay_hold(&j->relay);
	relay_cancel(&j->relay);
	/* If it cannot be told, the call runs to its end for nobody. */
	if (loop_post(thread, withdraw, &j, sizeof(struct tool_job *)) != 0)
		relay_release(&j->relay);
}

static int tool_start(struct tool *t, struct tool_job **out, const struct tool_request *r,
		      struct loop *loop, const struct tool_sink *sink, void *owner, uint64_t ticket)
{
	return mcp_call_start(t->server, out, t->name, r->arguments, t->time_ms,
			      &(struct relay_to){ loop, sink, owner, ticket });
}

const struct tool_ops mcp_tool_ops = { .start = tool_start, .cancel = mcp_call_cancel };
