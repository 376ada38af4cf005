/* A session with an MCP server: each line of the input is a message of the server's, or, where it begins
 * with a letter, something that happens to the client: c calls a tool, l loses the last request, g
 * has the server forget the session, t lets time pass, d takes the way down, o opens it again. Whatever
 * comes, each call has at most one result, and what is sent is JSON. Links: service/mcp_rpc.c
 * service/mcp_content.c base. */
#include <stdlib.h>
#include <string.h>

#include "service/mcp_rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { CALLS = 256 };

struct seen {
	struct mcp_rpc *rpc;
	uint64_t last_id, calls;
	uint8_t results[CALLS];
};

static void on_send(void *owner, uint64_t id, struct bytes m)
{
	char why[160];
	json_t *v = json_parse(m, why);

	if (!json_is_object(v) || strcmp(json_str(v, "jsonrpc", ""), "2.0") != 0)
		abort();
	json_decref(v);
	if (id)
		((struct seen *)owner)->last_id = id;
}

static void on_forget(void *owner, uint64_t id)
{
	(void)owner, (void)id;
}

static void on_tools(void *owner, const json_t *tools)
{
	(void)owner;
	if (!json_is_array(tools) || json_array_size(tools) > MCP_TOOLS_MAX)
		abort();
}

static void on_result(void *owner, uint64_t call, const struct mcp_result *r)
{
	struct seen *s = owner;

	if (call >= s->calls || s->results[call % CALLS]++ || !r->text)
		abort();
	if (r->outcome == MCP_DONE && strlen(r->text) > 66000)
		abort();
}

static void on_failed(void *owner, const struct mcp_result *r)
{
	(void)owner;
	if (!r->text)
		abort();
}

static const struct mcp_rpc_ops ops = { on_send, on_forget, on_tools, on_result, on_failed };

static void happen(struct seen *s, char what, uint64_t *now_us)
{
	static const struct mcp_result lost = { MCP_HTTP_ERROR, 500, "lost" };

	switch (what) {
	case 'c':
		if (s->calls < CALLS && mcp_rpc_call(s->rpc, s->calls, "tool", "{}", 1000, *now_us) == 0)
			s->calls++;
		break;
	case 'l':
		mcp_rpc_lost(s->rpc, s->last_id, &lost);
		break;
	case 'g':
		mcp_rpc_gone(s->rpc, s->last_id, *now_us);
		break;
	case 't':
		*now_us += 700000;
		mcp_rpc_tick(s->rpc, *now_us);
		break;
	case 'd':
		mcp_rpc_down(s->rpc, &lost);
		break;
	case 'o':
		mcp_rpc_open(s->rpc, *now_us);
		break;
	case 'x':
		mcp_rpc_cancel(s->rpc, s->calls / 2);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct seen s;
	uint64_t now_us = 0;

	json_init();
	memset(&s, 0, sizeof(s));
	if (mcp_rpc_new(&s.rpc, &ops, &s) != 0)
		return 0;
	mcp_rpc_open(s.rpc, now_us);
	while (n) {
		const uint8_t *end = memchr(p, '\n', n);
		size_t line = end ? (size_t)(end - p) : n;

		if (line == 1)
			happen(&s, (char)p[0], &now_us);
		else
			(void)!mcp_rpc_input(s.rpc, bytes_of(p, line), now_us);
		line += end != NULL;
		p += line;
		n -= line;
	}
	mcp_rpc_free(s.rpc);
	return 0;
}
