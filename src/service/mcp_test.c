#include "service/mcp.h"
#include "base/test.h"

#include <errno.h>
#include <signal.h>

#include "base/loop.h"
#include "net/fetch.h"
#include "net/peer_test.h"

/* A server of two tools in a few lines of shell: `add` answers at once, `wait` never. */
#define SERVER                                                                                           \
	"while read -r l; do id=${l#*\\\"id\\\":}; id=${id%%,*}; case \"$l\" in "                         \
	"*initialize\\\",*) echo '{\"jsonrpc\":\"2.0\",\"id\":'$id',\"result\":{\"protocolVersion\":"      \
	"\"2025-06-18\",\"capabilities\":{\"tools\":{}}}}';; "                                            \
	"*tools/list*) echo '{\"jsonrpc\":\"2.0\",\"id\":'$id',\"result\":{\"tools\":["                   \
	"{\"name\":\"add\",\"description\":\"Adds.\",\"inputSchema\":{\"type\":\"object\"},"              \
	"\"annotations\":{\"readOnlyHint\":true}},{\"name\":\"wait here\"},{\"name\":\"wait\"},"          \
	"{\"name\":\"die\"}]}}';; "                                                                       \
	"*\\\"add\\\"*) echo '{\"jsonrpc\":\"2.0\",\"id\":'$id',\"result\":{\"content\":["                 \
	"{\"type\":\"text\",\"text\":\"it is 3\"}]}}';; "                                                 \
	"*\\\"die\\\"*) exit 5;; *cancelled*) echo cancelled >&2;; esac; done"

struct rig {
	struct loop *loop;
	struct fetcher *fetcher;
	struct mcp *mcp;
	struct peer peer;
	char *output;
	json_t *tools;
	char error[256];
	int n_outputs, n_tools, n_errors;
	bool offence;
};

static void rig_auto_(struct rig *r)
{
	mcp_free(r->mcp);
	fetcher_free(r->fetcher);
	loop_free(r->loop);
	peer_end(&r->peer);
	mem_free(r->output);
	json_decref(r->tools);
}

static void on_output(void *owner, uint64_t ticket, const char *output)
{
	struct rig *r = owner;

	r->n_outputs++;
	r->offence |= ticket != 7;
	mem_free(r->output);
	r->output = mem_strdup(output);
}

static const struct tool_sink tool_sink = { on_output };

static void on_tools(void *owner, uint64_t ticket, json_t *tools)
{
	struct rig *r = owner;

	r->n_tools++;
	r->offence |= ticket != 9;
	r->tools = json_incref(tools);
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	struct rig *r = owner;

	r->n_errors++;
	r->offence |= ticket != 9;
	snprintf(r->error, sizeof(r->error), "%s", e->message);
}

static const struct mcp_sink mcp_sink = { on_tools, on_error };

/* Seconds, but where an allocation has failed what is waited for may never come. */
#define WAIT_FOR(r, cond)                                                                                \
	for (int i_ = 0; i_ < 10000 && !(cond) && !(mem_failed() && i_ > 3); i_++)                      \
		loop_once((r)->loop, 1);                                                                 \
	CHECK(cond)

static int rig_make(struct rig *r, const char *line, const char *allow)
{
	const char *lines[] = { line, NULL }, *allowed[] = { allow, NULL };
	const struct mcp_params p = { .lines = lines, .allow = allowed };
	char why[MCP_LINE_WHY];
	unsigned long left = mem_fail_hold();

	json_init();
	signal(SIGPIPE, SIG_IGN);
	int err = http_client_init();
	if (err == 0)
		err = loop_new(&r->loop, 0);
	if (err == 0)
		err = fetcher_new(&r->fetcher);
	mem_fail_resume(left);
	struct mcp_params with = p;
	with.fetcher = r->fetcher;
	return err ? err : mcp_new(&r->mcp, &with, why);
}

static int start(struct rig *r, const struct tool_def *d, struct tool_job **j, const char *arguments)
{
	return d->ops->start(d->tool, j, &(struct tool_request){ arguments, NULL }, r->loop, &tool_sink, r, 7);
}

static const struct tool_def *find(struct rig *r, const char *name)
{
	const struct tool_def *defs;
	size_t n;

	mcp_tools(r->mcp, &defs, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(defs[i].name, name) == 0)
			return &defs[i];
	return NULL;
}

static void tools_of_a_program(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct tool_job *j;

	GIVEN(setenv("MCP_TEST_SERVER", SERVER, 1) == 0);
	CHECK_EQ(rig_make(&r, "calc timeout=20 unasked=wait silent=die env=S=$MCP_TEST_SERVER sh -c 'eval \"$S\"'", NULL), 0);
	WAIT_FOR(&r, mcp_settled(r.mcp) && find(&r, "calc__wait"));
	const struct tool_def *add = find(&r, "calc__add"), *wait = find(&r, "calc__wait");
	CHECK(add && wait && !find(&r, "calc__wait_here") && find(&r, "calc__die")->when == TOOL_SILENT);
	CHECK_STR(add->description, "Adds.");
	CHECK_STR(add->parameters, "{\"type\":\"object\"}");
	CHECK(add->effect == TOOL_READS && wait->effect == TOOL_ACTS && wait->unasked && !add->unasked);
	CHECK_EQ(add->time_ms, 21000);
	CHECK_EQ(start(&r, add, &j, "{\"a\":1}"), 0);
	WAIT_FOR(&r, r.n_outputs == 1);
	CHECK_STR(r.output, "\"it is 3\"");
	CHECK_EQ(start(&r, add, &j, "[]"), 0);
	WAIT_FOR(&r, r.n_outputs == 2);
	CHECK_STR(r.output, "{\"error\":\"protocol_error\",\"message\":\"The arguments are not a JSON object.\"}");
	CHECK_EQ(start(&r, wait, &j, ""), 0);
	wait->ops->cancel(j);
	CHECK_EQ(start(&r, wait, &j, ""), 0);
	CHECK_EQ(start(&r, find(&r, "calc__die"), &j, ""), 0);
	WAIT_FOR(&r, r.n_outputs == 4);
	CHECK(r.output && strstr(r.output, "It ended with status 5."));
	CHECK(!r.offence);
}

static void what_cannot_be_started_has_no_tools(void)
{
	AUTO(rig) struct rig r = { 0 };
	const struct tool_def *defs;
	size_t n;

	CHECK_EQ(rig_make(&r, "x no-such-program-anywhere", NULL), 0);
	WAIT_FOR(&r, mcp_settled(r.mcp));
	mcp_tools(r.mcp, &defs, &n);
	CHECK_EQ(n, 0);
}

static void ends_with_calls_under_way(void)
{
	if (getenv("VOICED_TEST_OOM"))
		return; /* its allocations are those of the others */
	AUTO(rig) struct rig r = { 0 };
	struct tool_job *j;

	GIVEN(setenv("MCP_TEST_SERVER", SERVER, 1) == 0);
	CHECK_EQ(rig_make(&r, "calc env=S=$MCP_TEST_SERVER sh -c 'eval \"$S\"'", NULL), 0);
	WAIT_FOR(&r, find(&r, "calc__wait"));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(start(&r, find(&r, "calc__wait"), &j, ""), 0);
	mcp_free(r.mcp);
	r.mcp = NULL;
	CHECK_EQ(r.n_outputs, 0);
}

/* --- over HTTP ------------------------------------------------------------------------------------- */

#define JSON(text) "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: s1\r\nConnection: close\r\n\r\n" text
#define EVENT(text) "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n" \
		    ": hello\r\n\r\nevent: message\r\nid: 1\r\ndata: " text "\r\n\r\n"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[{\"name\":\"add\",\"inputSchema\":{\"type\":\"object\"}},{\"name\":\"sub\"}]}}"
#define ACCEPTED { { "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" }, 0, PEER_GOES }
#define BEGIN                                                                                                             \
	{ { JSON("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-03-26\","                           \
		 "\"capabilities\":{\"tools\":{}}}}") }, 0, PEER_GOES },                                                   \
		ACCEPTED, { { EVENT(LIST) }, 0, PEER_GOES }
#define ANSWER(id, text) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"" text "\"}]}}"

static bool peer_make(struct rig *r, const struct peer_reply *replies, size_t n)
{
	return peer_begin(&r->peer, replies, n);
}

static int open_named(struct rig *r, struct mcp_server **s, const char *more)
{
	char text[512], why[160];

	snprintf(text, sizeof(text), "{\"type\":\"mcp\",\"server_label\":\"l\",\"server_url\":\"%s/mcp\"%s}", r->peer.url, more);
	unsigned long left = mem_fail_hold();
	AUTO(json) json_t *tool = json_parse(bytes_str(text), why);
	mem_fail_resume(left);
	struct engine_error e = { 0 };
	return mcp_client_ops.open(r->mcp, s, tool, &e, r->loop, &mcp_sink, r, 9);
}

#define REPLIES(...) (const struct peer_reply[]){ __VA_ARGS__ }, ARRAY_LEN(((const struct peer_reply[]){ __VA_ARGS__ }))

static void servers_that_sessions_name(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct mcp_server *s;
	struct tool_job *j;

	GIVEN(peer_make(&r, REPLIES(BEGIN, { { EVENT(ANSWER("3", "three")) }, 0, PEER_GOES },
				    { { JSON(ANSWER("4", "{\\\"n\\\":4}")) }, 0, PEER_GOES },
				    { { "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" }, 0, PEER_GOES },
				    ACCEPTED)));
	CHECK_EQ(rig_make(&r, NULL, "127.0.0.1"), 0);
	CHECK_EQ(open_named(&r, &s, ",\"authorization\":\"tok\",\"headers\":{\"X-A\":\"b\"},\"allowed_tools\":[\"add\"]"), 0);
	WAIT_FOR(&r, r.n_tools + r.n_errors == 1);
	CHECK_EQ(json_array_size(r.tools), 1);
	CHECK_STR(json_str(json_array_get(r.tools, 0), "name", ""), "add");
	CHECK(peer_was_asked(&r.peer, 0, "Authorization: Bearer tok\r\n") && peer_was_asked(&r.peer, 0, "X-A: b\r\n") &&
	      peer_was_asked(&r.peer, 0, "Accept: application/json, text/event-stream\r\n"));
	CHECK(peer_was_asked(&r.peer, 2, "Mcp-Session-Id: s1\r\n") &&
	      peer_was_asked(&r.peer, 2, "MCP-Protocol-Version: 2025-03-26\r\n"));
	CHECK_EQ(mcp_client_ops.call(s, &j, "add", "{}", &tool_sink, &r, 7), 0);
	WAIT_FOR(&r, r.n_outputs == 1);
	CHECK_STR(r.output, "\"three\"");
	CHECK_EQ(mcp_client_ops.call(s, &j, "add", "{}", &tool_sink, &r, 7), 0);
	WAIT_FOR(&r, r.n_outputs == 2);
	CHECK_STR(r.output, "{\"n\":4}");
	CHECK_EQ(mcp_client_ops.call(s, &j, "add", "{}", &tool_sink, &r, 7), 0);
	WAIT_FOR(&r, r.n_outputs == 3);
	CHECK_STR(r.output, "{\"error\":{\"type\":\"http_error\",\"code\":500,\"message\":\"It answered with HTTP 500.\"}}");
	mcp_client_ops.close(s);
	WAIT_FOR(&r, peer_asked(&r.peer) == 7);
	CHECK(peer_was_asked(&r.peer, 6, "DELETE /mcp HTTP/1.1\r\n") && !r.offence);
}

static void a_forgotten_session_is_begun_anew(void)
{
	if (getenv("VOICED_TEST_OOM"))
		return; /* its allocations are those of the others */
	AUTO(rig) struct rig r = { 0 };
	struct mcp_server *s;
	struct tool_job *j;

	GIVEN(peer_make(&r, REPLIES(BEGIN, { { "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" }, 0, PEER_GOES },
				    { { JSON("{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{\"protocolVersion\":\"2025-03-26\","
					     "\"capabilities\":{}}}") }, 0, PEER_GOES },
				    ACCEPTED, { { JSON(ANSWER("5", "again")) }, 0, PEER_GOES })));
	CHECK_EQ(rig_make(&r, NULL, "127.0.0.1"), 0);
	CHECK_EQ(open_named(&r, &s, ""), 0);
	WAIT_FOR(&r, r.n_tools + r.n_errors == 1);
	CHECK_EQ(r.n_tools, 1);
	CHECK_EQ(mcp_client_ops.call(s, &j, "add", "{}", &tool_sink, &r, 7), 0);
	WAIT_FOR(&r, r.n_outputs == 1);
	CHECK_STR(r.output, "\"again\"");
	mcp_client_ops.close(s);
}

static void what_is_no_server_is_an_error(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct mcp_server *s;

	GIVEN(peer_make(&r, REPLIES({ { "HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" }, 0, PEER_GOES })));
	CHECK_EQ(rig_make(&r, NULL, "127.0.0.1"), 0);
	CHECK_EQ(open_named(&r, &s, ""), 0);
	WAIT_FOR(&r, r.n_tools + r.n_errors == 1);
	CHECK_EQ(r.n_tools, 0);
	CHECK(mem_failed() || strstr(r.error, "credentials (HTTP 401)"));
	mcp_client_ops.close(s);
	CHECK_EQ(open_named(&r, &s, ""), 0);
	mcp_client_ops.close(s); /* before it has answered */
	CHECK_EQ(open_named(&r, &s, ""), 0); /* stays open: mcp_free() ends it */
}

static void hostile_answers_end_in_errors(void)
{
	static const char *const bad[] = {
		JSON("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":"),
		JSON("[1,2,3]"),
		JSON("{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}}"),
		EVENT("no json"),
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>",
		"HTTP/1.1 302 There\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		"not http at all",
		"",
	};

	/* With failing allocations one is as good as another. */
	for (size_t i = 0; i < (getenv("VOICED_TEST_OOM") ? 1 : ARRAY_LEN(bad)); i++) {
		AUTO(rig) struct rig r = { 0 };
		struct mcp_server *s;

		GIVEN(peer_make(&r, REPLIES({ { bad[i] }, 0, PEER_GOES })));
		CHECK_EQ(rig_make(&r, NULL, "127.0.0.1"), 0);
		CHECK_EQ(open_named(&r, &s, ""), 0);
		WAIT_FOR(&r, r.n_tools + r.n_errors == 1);
		CHECK_EQ(r.n_errors, 1);
		mcp_client_ops.close(s);
	}
}

static void private_addresses_are_refused(void)
{
	static const char *const bad[] = {
		"{\"type\":\"mcp\",\"server_label\":\"l\",\"server_url\":\"https://127.0.0.1/mcp\"}",
		"{\"type\":\"mcp\",\"server_label\":\"l\",\"server_url\":\"http://tools.example/mcp\"}",
		"{\"type\":\"mcp\",\"server_label\":\"l\",\"server_url\":\"gopher://x\"}",
		"{\"type\":\"mcp\",\"server_label\":\"l\",\"connector_id\":\"connector_dropbox\"}",
		"{\"type\":\"mcp\",\"server_label\":\"l\",\"server_url\":\"https://a.example\",\"headers\":{\"Host\":\"b\"}}",
		"{\"type\":\"mcp\",\"server_label\":\"l\",\"server_url\":\"https://a.example\",\"headers\":{\"A\":\"b\\r\\nC: d\"}}",
		"{\"type\":\"mcp\",\"server_label\":\"l\",\"server_url\":\"https://a.example\",\"headers\":{\"A\":7}}",
	};
	AUTO(rig) struct rig r = { 0 };

	CHECK_EQ(rig_make(&r, NULL, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct engine_error e = { 0 };
		struct mcp_server *s;
		char why[160];
		AUTO(json) json_t *tool = json_parse(bytes_str(bad[i]), why);

		CHECK(tool);
		int err = mcp_client_ops.open(r.mcp, &s, tool, &e, r.loop, &mcp_sink, &r, 9);
		CHECK(err == -EINVAL || err == -ENOMEM);
		CHECK(err == -ENOMEM || (e.message && *e.message));
	}
}

TESTS({ "tools_of_a_program", tools_of_a_program },
      { "what_cannot_be_started_has_no_tools", what_cannot_be_started_has_no_tools },
      { "ends_with_calls_under_way", ends_with_calls_under_way },
      { "servers_that_sessions_name", servers_that_sessions_name },
      { "a_forgotten_session_is_begun_anew", a_forgotten_session_is_begun_anew },
      { "what_is_no_server_is_an_error", what_is_no_server_is_an_error },
      { "hostile_answers_end_in_errors", hostile_answers_end_in_errors },
      { "private_addresses_are_refused", private_addresses_are_refused })
