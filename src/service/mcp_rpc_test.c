#include "service/mcp_rpc.h"
#include "base/test.h"

#include <errno.h>
#include <stdarg.h>

enum { SENT = 32 };

/* The server's side: what was sent, and what has come of it. */
struct peer {
	struct mcp_rpc *rpc;
	char *sent[SENT];
	uint64_t ids[SENT];
	size_t n_sent;
	json_t *tools;
	unsigned n_tools, n_failed, n_results;
	struct mcp_result last;
	char text[2048];
	uint64_t last_call, forgotten, now_us;
};

static void on_send(void *owner, uint64_t id, struct bytes m)
{
	struct peer *p = owner;

	if (p->n_sent == SENT)
		return;
	p->ids[p->n_sent] = id;
	p->sent[p->n_sent] = mem_alloc(m.n + 1);
	if (!p->sent[p->n_sent])
		return;
	memcpy(p->sent[p->n_sent], m.p, m.n);
	p->sent[p->n_sent++][m.n] = 0;
}

static void on_tools(void *owner, const json_t *tools)
{
	struct peer *p = owner;

	p->n_tools++;
	json_decref(p->tools);
	p->tools = json_deep_copy(tools);
}

static void take(struct peer *p, const struct mcp_result *r)
{
	p->last = *r;
	snprintf(p->text, sizeof(p->text), "%s", r->text);
}

static void on_result(void *owner, uint64_t call, const struct mcp_result *r)
{
	struct peer *p = owner;

	p->n_results++;
	p->last_call = call;
	take(p, r);
}

static void on_failed(void *owner, const struct mcp_result *r)
{
	struct peer *p = owner;

	p->n_failed++;
	take(p, r);
}

static void on_forget(void *owner, uint64_t id)
{
	((struct peer *)owner)->forgotten = id;
}

static const struct mcp_rpc_ops ops = { on_send, on_forget, on_tools, on_result, on_failed };

static void peer_auto_(struct peer *p)
{
	mcp_rpc_free(p->rpc);
	for (size_t i = 0; i < p->n_sent; i++)
		mem_free(p->sent[i]);
	json_decref(p->tools);
}

static enum mcp_verdict say(struct peer *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
static enum mcp_verdict say(struct peer *p, const char *fmt, ...)
{
	char m[8192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m, sizeof(m), fmt, ap);
	va_end(ap);
	return mcp_rpc_input(p->rpc, bytes_str(m), p->now_us);
}

/* The id of the last thing sent, if it is a request of this method; else 0. */
static uint64_t asked(const struct peer *p, const char *method)
{
	char want[80];

	snprintf(want, sizeof(want), "\"method\":\"%s\"", method);
	if (!p->n_sent || !strstr(p->sent[p->n_sent - 1], want))
		return 0;
	return p->ids[p->n_sent - 1];
}

#define TOOL "{\"name\":\"%s\",\"description\":\"d\",\"inputSchema\":{\"type\":\"object\"}}"
#define RESULT "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":"

static bool initialize(struct peer *p, const char *version)
{
	json_init();
	p->now_us = 1000000;
	if (mcp_rpc_new(&p->rpc, &ops, p) != 0)
		return false;
	mcp_rpc_open(p->rpc, p->now_us);
	return say(p, RESULT "{\"protocolVersion\":\"%s\",\"capabilities\":{\"tools\":{\"listChanged\":true}},"
			     "\"serverInfo\":{\"name\":\"x\",\"version\":\"1\"}}}",
		   asked(p, "initialize"), version) == MCP_OK;
}

static bool make_ready(struct peer *p)
{
	return initialize(p, "2025-06-18") &&
	       say(p, RESULT "{\"tools\":[" TOOL "," TOOL "]}}", asked(p, "tools/list"), "one", "two") == MCP_OK &&
	       mcp_rpc_is_ready(p->rpc);
}

static void begins_with_the_newest_version(void)
{
	AUTO(peer) struct peer p = { 0 };

	CHECK(make_ready(&p));
	CHECK(strstr(p.sent[0], "\"protocolVersion\":\"2025-06-18\""));
	CHECK(strstr(p.sent[1], "notifications/initialized"));
	CHECK_EQ(p.ids[1], 0);
	CHECK_EQ(p.n_tools, 1);
	CHECK_EQ(json_array_size(p.tools), 2);
	CHECK_STR(json_str(json_array_get(p.tools, 1), "name", ""), "two");
	CHECK(json_is_object(json_object_get(json_array_get(p.tools, 0), "input_schema")));
	CHECK_STR(mcp_rpc_version(p.rpc), "2025-06-18");
	CHECK_EQ(mcp_rpc_next_us(p.rpc), UINT64_MAX);
}

static void knows_older_versions_and_refuses_others(void)
{
	AUTO(peer) struct peer old = { 0 };
	AUTO(peer) struct peer other = { 0 };

	CHECK(initialize(&old, "2024-11-05"));
	CHECK_STR(mcp_rpc_version(old.rpc), "2024-11-05");
	CHECK(initialize(&other, "1999-01-01"));
	CHECK_EQ(other.n_failed, 1);
	CHECK_EQ(mcp_rpc_call(other.rpc, 1, "x", "{}", 1000, 0), -ENOTCONN);
}

static void reads_pages_and_leaves_out_what_is_no_tool(void)
{
	AUTO(peer) struct peer p = { 0 };

	CHECK(initialize(&p, "2025-06-18"));
	CHECK_EQ(say(&p, RESULT "{\"tools\":[" TOOL "," TOOL ",7,{\"name\":\"a b\"}],\"nextCursor\":\"c\\\"1\"}}",
		     asked(&p, "tools/list"), "one", "one"), MCP_OK);
	CHECK_EQ(p.n_tools, 0);
	CHECK(strstr(p.sent[p.n_sent - 1], "\"cursor\":\"c\\\"1\""));
	CHECK_EQ(say(&p, RESULT "{\"tools\":[" TOOL "]}}", asked(&p, "tools/list"), "two"), MCP_OK);
	CHECK_EQ(p.n_tools, 1);
	CHECK_EQ(json_array_size(p.tools), 2);
}

static void forget_but_last(struct peer *p)
{
	for (size_t i = 0; i + 1 < p->n_sent; i++)
		mem_free(p->sent[i]);
	p->sent[0] = p->sent[p->n_sent - 1];
	p->ids[0] = p->ids[p->n_sent - 1];
	p->n_sent = 1;
}

static void pages_without_end_end(void)
{
	AUTO(peer) struct peer p = { 0 };

	CHECK(initialize(&p, "2025-06-18"));
	for (int i = 0; i < MCP_PAGES_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "t%d", i);
		CHECK_EQ(p.n_tools, 0);
		CHECK_EQ(say(&p, RESULT "{\"tools\":[" TOOL "],\"nextCursor\":\"more\"}}",
			     asked(&p, "tools/list"), name), MCP_OK);
		forget_but_last(&p);
	}
	CHECK_EQ(p.n_tools, 1);
	CHECK_EQ(json_array_size(p.tools), MCP_PAGES_MAX);
}

static void answers_come_in_any_order(void)
{
	AUTO(peer) struct peer p = { 0 };
	uint64_t a, b;

	CHECK(make_ready(&p));
	CHECK_EQ(mcp_rpc_call(p.rpc, 11, "one", "{\"x\":\n1}", 1000, p.now_us), 0);
	a = asked(&p, "tools/call");
	CHECK(strstr(p.sent[p.n_sent - 1], "\"name\":\"one\",\"arguments\":{\"x\":1}"));
	CHECK_EQ(mcp_rpc_call(p.rpc, 12, "two", "", 1000, p.now_us), 0);
	b = asked(&p, "tools/call");
	CHECK(a && b && a != b);
	CHECK_EQ(say(&p, RESULT "{\"content\":[{\"type\":\"text\",\"text\":\"B\"}]}}", b), MCP_OK);
	CHECK_EQ(p.last_call, 12);
	CHECK_EQ(p.last.outcome, MCP_DONE);
	CHECK_STR(p.text, "B");
	CHECK_EQ(say(&p, RESULT "{\"content\":[{\"type\":\"text\",\"text\":\"no\"}],\"isError\":true}}", a), MCP_OK);
	CHECK_EQ(p.last_call, 11);
	CHECK_EQ(p.last.outcome, MCP_TOOL_ERROR);
	CHECK_EQ(say(&p, RESULT "{\"content\":[]}}", a), MCP_UNASKED);
	CHECK_EQ(p.n_results, 2);
}

static void what_is_no_call_is_not_sent(void)
{
	AUTO(peer) struct peer p = { 0 };

	CHECK(make_ready(&p));
	CHECK_EQ(mcp_rpc_call(p.rpc, 1, "one", "not json", 1000, 0), -EINVAL);
	CHECK_EQ(mcp_rpc_call(p.rpc, 1, "one", "[1]", 1000, 0), -EINVAL);
	for (uint64_t i = 0; i < MCP_CALLS_MAX; i++)
		CHECK_EQ(mcp_rpc_call(p.rpc, i, "one", "{}", 1000, 0), 0);
	CHECK_EQ(mcp_rpc_call(p.rpc, 1, "one", "{}", 1000, 0), -EAGAIN);
}

static void errors_are_told(void)
{
	AUTO(peer) struct peer p = { 0 };

	CHECK(make_ready(&p));
	CHECK_EQ(mcp_rpc_call(p.rpc, 1, "one", "{}", 1000, p.now_us), 0);
	CHECK_EQ(say(&p, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"error\":{\"code\":-32602,\"message\":\"bad\"}}",
		     asked(&p, "tools/call")), MCP_OK);
	CHECK_EQ(p.last.outcome, MCP_PROTOCOL_ERROR);
	CHECK_EQ(p.last.code, -32602);
	CHECK_STR(p.text, "bad");
	CHECK_EQ(mcp_rpc_call(p.rpc, 2, "one", "{}", 1000, p.now_us), 0);
	mcp_rpc_lost(p.rpc, asked(&p, "tools/call"), &(struct mcp_result){ MCP_HTTP_ERROR, 503, "busy" });
	CHECK_EQ(p.last.outcome, MCP_HTTP_ERROR);
	CHECK_EQ(p.last.code, 503);
	CHECK_EQ(p.n_results, 2);
}

static void slow_ones_end_in_time_and_are_cancelled(void)
{
	AUTO(peer) struct peer p = { 0 };

	CHECK(make_ready(&p));
	CHECK_EQ(mcp_rpc_call(p.rpc, 1, "one", "{}", 1500, p.now_us), 0);
	uint64_t id = asked(&p, "tools/call");
	CHECK_EQ(mcp_rpc_next_us(p.rpc), p.now_us + 1500000);
	mcp_rpc_tick(p.rpc, p.now_us + 1499999);
	CHECK_EQ(p.n_results, 0);
	mcp_rpc_tick(p.rpc, p.now_us + 1500000);
	CHECK_EQ(p.n_results, 1);
	CHECK_STR(p.text, "There was no answer within 2 s.");
	CHECK(strstr(p.sent[p.n_sent - 1], "notifications/cancelled"));
	CHECK_EQ(p.forgotten, id);
	CHECK_EQ(say(&p, RESULT "{\"content\":[]}}", id), MCP_UNASKED);
	CHECK_EQ(mcp_rpc_call(p.rpc, 2, "one", "{}", 1500, p.now_us), 0);
	mcp_rpc_cancel(p.rpc, 2);
	CHECK(strstr(p.sent[p.n_sent - 1], "notifications/cancelled"));
	CHECK_EQ(p.n_results, 1);
}

static void a_silent_server_fails(void)
{
	AUTO(peer) struct peer p = { 0 };

	CHECK(initialize(&p, "2025-06-18"));
	CHECK_EQ(mcp_rpc_call(p.rpc, 1, "one", "{}", 60000, p.now_us), 0);
	mcp_rpc_tick(p.rpc, p.now_us + (uint64_t)MCP_CONTROL_MS * 1000);
	CHECK_EQ(p.n_failed, 1);
	CHECK_EQ(p.n_results, 1);
}

static void the_list_may_change(void)
{
	AUTO(peer) struct peer p = { 0 };
	static const char changed[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}";

	CHECK(make_ready(&p));
	size_t n = p.n_sent;
	CHECK_EQ(say(&p, changed), MCP_OK);
	CHECK_EQ(p.n_sent, n); /* not more often than once in a second */
	p.now_us = mcp_rpc_next_us(p.rpc);
	mcp_rpc_tick(p.rpc, p.now_us);
	CHECK_EQ(p.n_sent, n + 1);
	CHECK_EQ(say(&p, RESULT "{\"tools\":[" TOOL "]}}", asked(&p, "tools/list"), "three"), MCP_OK);
	CHECK_EQ(p.n_tools, 2);
	CHECK_EQ(json_array_size(p.tools), 1);
	p.now_us += 2000000;
	CHECK_EQ(say(&p, changed), MCP_OK);
	CHECK_EQ(say(&p, RESULT "{}}", asked(&p, "tools/list")), MCP_OK);
	CHECK_EQ(p.n_tools, 2);
	CHECK(mcp_rpc_is_ready(p.rpc));
}

static void its_own_requests_are_answered(void)
{
	AUTO(peer) struct peer p = { 0 };

	CHECK(make_ready(&p));
	CHECK_EQ(say(&p, "{\"jsonrpc\":\"2.0\",\"id\":\"p-1\",\"method\":\"ping\"}"), MCP_OK);
	CHECK_STR(p.sent[p.n_sent - 1], "{\"jsonrpc\":\"2.0\",\"id\":\"p-1\",\"result\":{}}");
	CHECK_EQ(say(&p, "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"sampling/createMessage\",\"params\":{}}"), MCP_OK);
	CHECK(strstr(p.sent[p.n_sent - 1], "-32601"));
}

static void what_is_no_json_rpc_is_dropped(void)
{
	static const char *const bad[] = {
		"", "x", "[]", "[{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1}]", "{}", "{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":3}", "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{},\"error\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":7}", "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}",
	};
	AUTO(peer) struct peer p = { 0 };

	CHECK(make_ready(&p));
	size_t n = p.n_sent;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_EQ(mcp_rpc_input(p.rpc, bytes_str(bad[i]), 0), MCP_MALFORMED);
	CHECK_EQ(say(&p, "{\"jsonrpc\":\"2.0\",\"id\":999,\"result\":{}}"), MCP_UNASKED);
	CHECK_EQ(say(&p, "{\"jsonrpc\":\"2.0\",\"id\":-1,\"result\":{}}"), MCP_UNASKED);
	CHECK_EQ(p.n_sent, n);
	CHECK(mcp_rpc_is_ready(p.rpc));
}

static void a_forgotten_session_begins_anew_once(void)
{
	AUTO(peer) struct peer p = { 0 };

	CHECK(make_ready(&p));
	CHECK_EQ(mcp_rpc_call(p.rpc, 5, "one", "{}", 5000, p.now_us), 0);
	mcp_rpc_gone(p.rpc, asked(&p, "tools/call"), p.now_us);
	CHECK_EQ(say(&p, RESULT "{\"protocolVersion\":\"2025-03-26\",\"capabilities\":{\"tools\":{}}}}",
		     asked(&p, "initialize")), MCP_OK);
	CHECK_EQ(say(&p, RESULT "{\"tools\":[" TOOL "]}}", asked(&p, "tools/list"), "one"), MCP_OK);
	CHECK(asked(&p, "tools/call"));
	CHECK_EQ(p.n_results, 0);
	mcp_rpc_gone(p.rpc, asked(&p, "tools/call"), p.now_us);
	CHECK_EQ(p.n_results, 1);
	CHECK_EQ(p.last.code, 404);
}

static void a_lost_way_ends_all(void)
{
	AUTO(peer) struct peer p = { 0 };

	CHECK(make_ready(&p));
	CHECK_EQ(mcp_rpc_call(p.rpc, 5, "one", "{}", 5000, p.now_us), 0);
	CHECK_EQ(mcp_rpc_call(p.rpc, 6, "one", "{}", 5000, p.now_us), 0);
	mcp_rpc_down(p.rpc, &(struct mcp_result){ MCP_PROTOCOL_ERROR, -32603, "gone" });
	CHECK_EQ(p.n_results, 2);
	CHECK_EQ(p.n_failed, 0);
	CHECK(!mcp_rpc_is_ready(p.rpc));
	mcp_rpc_open(p.rpc, p.now_us);
	CHECK(asked(&p, "initialize"));
}

TESTS({ "begins_with_the_newest_version", begins_with_the_newest_version },
      { "knows_older_versions_and_refuses_others", knows_older_versions_and_refuses_others },
      { "reads_pages_and_leaves_out_what_is_no_tool", reads_pages_and_leaves_out_what_is_no_tool },
      { "pages_without_end_end", pages_without_end_end },
      { "answers_come_in_any_order", answers_come_in_any_order },
      { "what_is_no_call_is_not_sent", what_is_no_call_is_not_sent },
      { "errors_are_told", errors_are_told },
      { "slow_ones_end_in_time_and_are_cancelled", slow_ones_end_in_time_and_are_cancelled },
      { "a_silent_server_fails", a_silent_server_fails },
      { "the_list_may_change", the_list_may_change },
      { "its_own_requests_are_answered", its_own_requests_are_answered },
      { "what_is_no_json_rpc_is_dropped", what_is_no_json_rpc_is_dropped },
      { "a_forgotten_session_begins_anew_once", a_forgotten_session_begins_anew_once },
      { "a_lost_way_ends_all", a_lost_way_ends_all })
