#include "service/mcp_line.h"
#include "base/test.h"

#include <errno.h>

static void programs_with_arguments(void)
{
	AUTO(mcp_line) struct mcp_line l = { 0 };
	char why[MCP_LINE_WHY];

	CHECK_EQ(mcp_line_parse(&l, "notes timeout=10 reads=list,find env=DIR=/srv/a notes-server 'two words' a\\ b timeout=3", why), 0);
	CHECK_STR(l.label, "notes");
	CHECK(!l.url);
	CHECK_EQ(l.n_argv, 4);
	CHECK_STR(l.argv[0], "notes-server");
	CHECK_STR(l.argv[1], "two words");
	CHECK_STR(l.argv[2], "a b");
	CHECK_STR(l.argv[3], "timeout=3");
	CHECK_STR(l.environment[0], "DIR=/srv/a");
	CHECK_EQ(l.time_ms, 10000);
	CHECK(mcp_line_has(l.reads, "find"));
	CHECK(!mcp_line_has(l.reads, "fin"));
	CHECK(!mcp_line_has(l.allow, "find"));
	CHECK(mcp_line_has("*", "find"));
}

static void urls_with_keys(void)
{
	AUTO(mcp_line) struct mcp_line l = { 0 };
	char why[MCP_LINE_WHY];

	GIVEN(setenv("MCP_LINE_TEST", "s3cret", 1) == 0);
	CHECK_EQ(mcp_line_parse(&l, "t https://t.example/mcp key-env=MCP_LINE_TEST header=\"X-Team: $MCP_LINE_TEST\" allow=a", why), 0);
	CHECK_STR(l.url, "https://t.example/mcp");
	CHECK_STR(l.fields[0], "Authorization: Bearer s3cret");
	CHECK_STR(l.fields[1], "X-Team: s3cret");
	CHECK(!l.fields[2]);
}

static void files_of_tools(void)
{
	AUTO(mcp_line) struct mcp_line l = { 0 };
	struct mcp_line no = { 0 };
	char why[MCP_LINE_WHY];

	CHECK_EQ(mcp_line_parse_file(&l, "reads=a '/etc/my tools.yaml' url=http://127.0.0.1:9/v1 header='X-Key: k' idle=b", why), 0);
	CHECK_STR(l.file, "/etc/my tools.yaml");
	CHECK_STR(l.url, "http://127.0.0.1:9/v1");
	CHECK_STR(l.fields[0], "X-Key: k");
	CHECK(mcp_line_has(l.idle, "b") && mcp_line_has(l.reads, "a"));
	CHECK(mcp_line_parse_file(&no, "url=ftp://x a.yaml", why) != 0);
	CHECK(mcp_line_parse_file(&no, "a.yaml b.yaml", why) != 0);
	CHECK(mcp_line_parse_file(&no, "reads=a", why) != 0);
}

static void wrong_lines_say_why_and_no_value(void)
{
	static const char *const bad[] = {
		"", "a", "c!d x", "lab'el x", "ok 'open", "ok https://h/ extra", "ok key=s3cret prog",
		"ok timeout=0 prog", "ok timeout=x prog", "ok key-env=NO_SUCH_VARIABLE https://h/", "ok env=s3cret prog",
		"ok header=s3cret https://h/", "ok key-file=/no/such/file https://h/", "ok env=A=$NO_SUCH_VARIABLE prog",
		"ok allow= prog", "ok 'header=A: s3cret\r\nB: c' https://h/",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct mcp_line l = { 0 };
		char why[MCP_LINE_WHY] = "";
		int r = mcp_line_parse(&l, bad[i], why);

		CHECK(r == -EINVAL || r == -ENOMEM);
		CHECK(*why && !strstr(why, "s3cret"));
	}
}

TESTS({ "programs_with_arguments", programs_with_arguments }, { "urls_with_keys", urls_with_keys },
      { "files_of_tools", files_of_tools },
      { "wrong_lines_say_why_and_no_value", wrong_lines_say_why_and_no_value })
