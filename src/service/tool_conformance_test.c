/* One suite for every kind of tool: what ops.h promises of tool_ops, whoever keeps it. */
#include <errno.h>
#include <signal.h>

#include "base/loop.h"
#include "base/pool.h"
#include "base/test.h"
#include "base/testdir.h"
#include "engine/tool_search.h"
#include "net/fetch.h"
#include "net/peer_test.h"
#include "service/mcp.h"
#include "service/tool_openapi.h"

enum { PATIENCE_MS = 10000, CALLS = 4 };

struct rig {
	struct loop *loop;
	struct pool *pool;
	struct fetcher *fetcher;
	struct searcher *searcher;
	struct tool *search;
	struct http_tools *http;
	struct mcp *mcp;
	struct peer peer;
	struct testdir dir;
	struct tool_def def;
};

static void rig_auto_(struct rig *r)
{
	tool_search_free(r->search);
	tool_openapi_free(r->http);
	mcp_free(r->mcp);
	fetcher_free(r->fetcher);
	searcher_free(r->searcher);
	pool_free(r->pool);
	loop_free(r->loop);
	if (r->peer.url[0])
		peer_end(&r->peer);
	if (r->dir.path[0])
		testdir_auto_(&r->dir);
}

/* --- the tools ---------------------------------------------------------------------------- */

static int make_search(struct rig *r)
{
	int err = searcher_new(&r->searcher);

	if (err == 0)
		err = tool_search_new(&r->search, r->pool, r->searcher, NULL);
	if (err == 0)
		r->def = tool_search_def(r->search);
	return err;
}

#define ANSWER { { "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"n\":1}" }, 0, PEER_GOES }

static int make_http(struct rig *r)
{
	static const char document[] = "openapi: 3.0.3\npaths: {/n: {get: {operationId: getN}}}\n";
	static const struct peer_reply replies[] = { ANSWER, ANSWER, ANSWER, ANSWER };
	char path[96], line[256], why[MCP_LINE_WHY];
	const struct tool_def *defs;
	size_t n;

	r->dir = testdir_new();
	snprintf(path, sizeof(path), "%s/t.yaml", r->dir.path);
	FILE *f = fopen(path, "w");
	if (!f || fwrite(document, 1, sizeof(document) - 1, f) != sizeof(document) - 1 || fclose(f) != 0 ||
	    !peer_begin(&r->peer, replies, ARRAY_LEN(replies)))
		return -EIO;
	snprintf(line, sizeof(line), "%s url=%s", path, r->peer.url);
	int err = tool_openapi_new(&r->http, r->fetcher, line, why);
	if (err)
		return err;
	tool_openapi_defs(r->http, &defs, &n);
	r->def = defs[0];
	return 0;
}

#define PROGRAM                                                                                          \
	"while read -r l; do id=${l#*\\\"id\\\":}; id=${id%%,*}; case \"$l\" in "                         \
	"*initialize\\\",*) echo '{\"jsonrpc\":\"2.0\",\"id\":'$id',\"result\":{\"protocolVersion\":"      \
	"\"2025-06-18\",\"capabilities\":{\"tools\":{}}}}';; "                                            \
	"*tools/list*) echo '{\"jsonrpc\":\"2.0\",\"id\":'$id',\"result\":{\"tools\":[{\"name\":\"add\"}]}}';; " \
	"*tools/call*) echo '{\"jsonrpc\":\"2.0\",\"id\":'$id',\"result\":{\"content\":["                  \
	"{\"type\":\"text\",\"text\":\"it is 3\"}]}}';; esac; done"

static int make_mcp(struct rig *r)
{
	const char *lines[] = { "t env=S=$TOOL_TEST_PROGRAM sh -c 'eval \"$S\"'", NULL };
	const struct mcp_params p = { .fetcher = r->fetcher, .lines = lines };
	char why[MCP_LINE_WHY];
	const struct tool_def *defs;
	size_t n = 0;

	int err = setenv("TOOL_TEST_PROGRAM", PROGRAM, 1);
	if (err == 0)
		err = mcp_new(&r->mcp, &p, why);
	for (int i = 0; err == 0 && n == 0 && i < PATIENCE_MS; i++) {
		loop_once(r->loop, 1);
		mcp_tools(r->mcp, &defs, &n);
	}
	if (n)
		r->def = defs[0];
	return err ? err : n ? 0 : -ETIMEDOUT;
}

static int (*const makers[])(struct rig *r) = { make_search, make_http, make_mcp };

/* With every allocation failing in turn those that ask others are left to tests of their own. */
static size_t n_makers(void)
{
	return getenv("VOICED_TEST_OOM") ? 1 : ARRAY_LEN(makers);
}

/* Others' tests fail allocations while these are made; here only a call has to stand that. */
static int rig_make(struct rig *r, size_t maker)
{
	unsigned long left = mem_fail_hold();
	int err = http_client_init();

	json_init();
	signal(SIGPIPE, SIG_IGN);
	if (err == 0)
		err = loop_new(&r->loop, 0);
	if (err == 0)
		err = pool_new(&r->pool, POOL_TURN, 1);
	if (err == 0)
		err = fetcher_new(&r->fetcher);
	if (err == 0)
		err = makers[maker](r);
	mem_fail_resume(left);
	return err;
}

/* --- a call ---------------------------------------------------------------------------------- */

struct seen {
	struct loop *loop;
	uint64_t ticket;
	int n;
	bool offence, closed;
};

static void on_output(void *owner, uint64_t ticket, const char *output)
{
	struct seen *s = owner;
	char why[160];
	AUTO(json) json_t *v = json_parse(bytes_str(output), why);

	s->n++;
	if (ticket != s->ticket || s->closed || s->n > 1 || !loop_is_here(s->loop) || (!v && !mem_failed()))
		s->offence = true;
}

static const struct tool_sink sink = { on_output };

static int start(struct rig *r, struct seen *s, uint64_t ticket, struct tool_job **j)
{
	*s = (struct seen){ r->loop, ticket, 0, false, false };
	return r->def.ops->start(r->def.tool, j, &(struct tool_request){ "{\"query\":\"x\"}", NULL }, r->loop, &sink, s,
				 ticket);
}

static void wait_for(struct rig *r, const struct seen *s)
{
	for (int i = 0; i < PATIENCE_MS && !s->n && !(mem_failed() && i > 50); i++)
		loop_once(r->loop, 1);
}

static void let_pass(struct rig *r)
{
	for (int i = 0; i < 5; i++)
		loop_once(r->loop, 1);
}

#define EACH_TOOL(r)                                              \
	for (size_t m_ = 0; m_ < n_makers(); m_++)               \
		for (bool once_ = true; once_; once_ = false)    \
			for (AUTO(rig) struct rig r = { 0 }; once_; once_ = false)

static void each_call_has_one_output(void)
{
	EACH_TOOL(r)
	{
		struct seen s[CALLS];
		struct tool_job *j;

		CHECK_EQ(rig_make(&r, m_), 0);
		CHECK(r.def.name[0] && r.def.description && r.def.parameters[0] == '{');
		for (size_t i = 0; i < CALLS; i++) {
			CHECK_EQ(start(&r, &s[i], 70 + i, &j), 0);
			CHECK_EQ(s[i].n, 0); /* never from inside the start */
		}
		for (size_t i = 0; i < CALLS; i++)
			wait_for(&r, &s[i]);
		let_pass(&r);
		for (size_t i = 0; i < CALLS; i++)
			CHECK(s[i].n == 1 && !s[i].offence);
	}
}

/* Whenever it is cancelled nothing follows, and the next call works. */
static void cancelled_any_time(void)
{
	EACH_TOOL(r)
	{
		struct seen s;
		struct tool_job *j;

		CHECK_EQ(rig_make(&r, m_), 0);
		for (unsigned wait = 0; wait < 3; wait++) {
			CHECK_EQ(start(&r, &s, wait, &j), 0);
			for (unsigned i = 0; i < wait && !s.n; i++)
				loop_once(r.loop, 0);
			if (!s.n) {
				r.def.ops->cancel(j);
				s.closed = true;
			}
			let_pass(&r);
			CHECK(!s.offence);
		}
		CHECK_EQ(start(&r, &s, 9, &j), 0);
		wait_for(&r, &s);
		CHECK(s.n == 1 && !s.offence);
	}
}

/* What runs ends with its tool, without a word. */
static void freed_with_a_call_running(void)
{
	EACH_TOOL(r)
	{
		struct seen s;
		struct tool_job *j;

		CHECK_EQ(rig_make(&r, m_), 0);
		CHECK_EQ(start(&r, &s, 1, &j), 0);
		tool_search_free(r.search);
		tool_openapi_free(r.http);
		mcp_free(r.mcp);
		r.search = NULL;
		r.http = NULL;
		r.mcp = NULL;
		s.closed = true;
		let_pass(&r);
		CHECK(!s.offence);
	}
}

TESTS({ "each_call_has_one_output", each_call_has_one_output }, { "cancelled_any_time", cancelled_any_time },
      { "freed_with_a_call_running", freed_with_a_call_running })
