#include "service/tool_openapi.h"
#include "base/test.h"

#include <errno.h>

#include "base/loop.h"
#include "base/testdir.h"
#include "net/fetch.h"
#include "net/peer_test.h"

static const char document[] =
	"openapi: 3.0.3\n"
	"paths:\n"
	"  /items/{id}:\n"
	"    get: {operationId: getItem, parameters: [{name: id, in: path, schema: {type: integer}}]}\n"
	"    put: {operationId: putItem, parameters: [{name: id, in: path}], requestBody: {content: {application/json: {}}}}\n";

struct rig {
	struct loop *loop;
	struct fetcher *fetcher;
	struct http_tools *tools;
	struct peer peer;
	struct testdir dir;
	char path[96];
	char *output;
	int n_outputs;
};

static void rig_auto_(struct rig *r)
{
	tool_openapi_free(r->tools);
	fetcher_free(r->fetcher);
	loop_free(r->loop);
	peer_end(&r->peer);
	mem_free(r->output);
	if (*r->dir.path)
		testdir_auto_(&r->dir);
}

static void on_output(void *owner, uint64_t ticket, const char *output)
{
	struct rig *r = owner;

	(void)ticket;
	r->n_outputs++;
	mem_free(r->output);
	r->output = mem_strdup(output);
}

static const struct tool_sink sink = { on_output };

static bool write_file(struct rig *r)
{
	r->dir = testdir_new();
	snprintf(r->path, sizeof(r->path), "%s/tools.yaml", r->dir.path);
	FILE *f = fopen(r->path, "w");
	bool ok = f && fwrite(document, 1, sizeof(document) - 1, f) == sizeof(document) - 1;

	return f && fclose(f) == 0 && ok;
}

#define REPLIES(...) (const struct peer_reply[]){ __VA_ARGS__ }, ARRAY_LEN(((const struct peer_reply[]){ __VA_ARGS__ }))
#define OK_JSON "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"

static int rig_make(struct rig *r, const struct peer_reply *replies, size_t n)
{
	char line[256], why[MCP_LINE_WHY];
	unsigned long left = mem_fail_hold();
	bool ok;

	json_init();
	ok = write_file(r) && peer_begin(&r->peer, replies, n) && http_client_init() == 0 && loop_new(&r->loop, 0) == 0 &&
	     fetcher_new(&r->fetcher) == 0;
	mem_fail_resume(left);
	snprintf(line, sizeof(line), "%s url=%s/v1 key=s3cret timeout=5 acts=getItem", r->path, r->peer.url);
	return ok ? tool_openapi_new(&r->tools, r->fetcher, line, why) : -EIO;
}

static const struct tool_def *def(struct rig *r, size_t i)
{
	const struct tool_def *defs;
	size_t n;

	tool_openapi_defs(r->tools, &defs, &n);
	return i < n ? &defs[i] : NULL;
}

static int call(struct rig *r, size_t i, const char *arguments, struct tool_job **j)
{
	const struct tool_def *d = def(r, i);

	return d->ops->start(d->tool, j, &(struct tool_request){ arguments, NULL }, r->loop, &sink, r, 1);
}

static void wait_for(struct rig *r, int n)
{
	for (int i = 0; i < 10000 && r->n_outputs < n && !(mem_failed() && i > 3); i++)
		loop_once(r->loop, 1);
}

static void calls_and_answers(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct tool_job *j;

	CHECK_EQ(rig_make(&r, REPLIES({ { OK_JSON "{\"n\":1}" }, 0, PEER_GOES },
				      { { "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nfine \xff" }, 0, PEER_GOES },
				      { { "HTTP/1.1 404 No\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nnone" }, 0, PEER_GOES },
				      { { "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\r\n\x89" }, 0, PEER_GOES },
				      { { "HTTP/1.1 204 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" }, 0, PEER_GOES })), 0);
	CHECK_STR(def(&r, 0)->name, "getItem");
	CHECK(def(&r, 0)->effect == TOOL_ACTS && def(&r, 1)->effect == TOOL_ACTS && !def(&r, 2));
	CHECK_EQ(def(&r, 0)->time_ms, 5500);
	CHECK_EQ(call(&r, 0, "{\"id\":7}", &j), 0);
	wait_for(&r, 1);
	CHECK_STR(r.output, "{\"n\":1}");
	CHECK(peer_was_asked(&r.peer, 0, "GET /v1/items/7 HTTP/1.1\r\n") &&
	      peer_was_asked(&r.peer, 0, "Authorization: Bearer s3cret\r\n"));
	CHECK_EQ(call(&r, 1, "{\"id\":7,\"body\":{\"a\":[1]}}", &j), 0);
	wait_for(&r, 2);
	CHECK_STR(r.output, "\"fine ?\"");
	CHECK(peer_was_asked(&r.peer, 1, "PUT /v1/items/7 HTTP/1.1\r\n") && peer_was_asked(&r.peer, 1, "\r\n\r\n{\"a\":[1]}"));
	CHECK_EQ(call(&r, 0, "{\"id\":8}", &j), 0);
	wait_for(&r, 3);
	CHECK_STR(r.output, "{\"error\":\"http_error\",\"message\":\"The service answered with HTTP 404. none\"}");
	CHECK_EQ(call(&r, 0, "{\"id\":8}", &j), 0);
	wait_for(&r, 4);
	CHECK(r.output && strstr(r.output, "\"content_type\":\"image/png\""));
	CHECK_EQ(call(&r, 0, "{\"id\":8}", &j), 0);
	wait_for(&r, 5);
	CHECK_STR(r.output, "\"\"");
	int err = call(&r, 0, "{}", &j);
	CHECK(err == -EINVAL || err == -ENOMEM);
}

static void long_answers_are_cut(void)
{
	static char part[20001];
	AUTO(rig) struct rig r = { 0 };
	struct tool_job *j;

	memset(part, 'x', sizeof(part) - 1);
	CHECK_EQ(rig_make(&r, REPLIES({ { "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n", part },
					0, PEER_FLOODS })), 0);
	CHECK_EQ(call(&r, 0, "{\"id\":7}", &j), 0);
	wait_for(&r, 1);
	CHECK(r.output && strstr(r.output, "[cut here: the first 65536 of"));
}

static void calls_under_way_end_with_the_tools(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct tool_job *j;

	CHECK_EQ(rig_make(&r, REPLIES({ { OK_JSON }, 0, PEER_HANGS })), 0);
	CHECK_EQ(call(&r, 0, "{\"id\":7}", &j), 0);
	def(&r, 0)->ops->cancel(j);
	CHECK_EQ(call(&r, 0, "{\"id\":8}", &j), 0);
	tool_openapi_free(r.tools);
	r.tools = NULL;
	loop_once(r.loop, 2);
	CHECK_EQ(r.n_outputs, 0);
}

static void wrong_files_say_why(void)
{
	static const char *const bad[] = { "/no/such/file.yaml", "/dev/null", "/proc/self/cmdline url=http://h", "" };
	AUTO(fetcher) struct fetcher *f = NULL;

	GIVEN(http_client_init() == 0 && fetcher_new(&f) == 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct http_tools *t;
		char why[MCP_LINE_WHY] = "";

		CHECK(tool_openapi_new(&t, f, bad[i], why) != 0);
		CHECK(*why);
	}
}

TESTS({ "calls_and_answers", calls_and_answers }, { "long_answers_are_cut", long_answers_are_cut },
      { "calls_under_way_end_with_the_tools", calls_under_way_end_with_the_tools },
      { "wrong_files_say_why", wrong_files_say_why })
