#include "service/mcp_url.h"
#include "base/test.h"

static void strangers_hosts_are_public_and_https(void)
{
	static const struct {
		const char *url;
		enum mcp_url want;
	} cases[] = {
		{ "https://tools.example/mcp", MCP_URL_PUBLIC },
		{ "https://tools.example:8443/mcp?x=1", MCP_URL_PUBLIC },
		{ "https://93.184.216.34/", MCP_URL_PUBLIC },
		{ "http://tools.example/mcp", MCP_URL_PLAIN },
		{ "http://mine.example:8080/mcp", MCP_URL_ALLOWED },
		{ "https://MINE.example:8080", MCP_URL_ALLOWED },
		{ "https://mine.example/", MCP_URL_PUBLIC },
		{ "http://[::1]/mcp", MCP_URL_ALLOWED },
		{ "https://127.0.0.1/", MCP_URL_PRIVATE },
		{ "https://127.1/", MCP_URL_PRIVATE },
		{ "https://2130706433/", MCP_URL_PRIVATE },
		{ "https://0x7f000001/", MCP_URL_PRIVATE },
		{ "https://10.0.0.1:443/", MCP_URL_PRIVATE },
		{ "https://[fd00::1]/", MCP_URL_PRIVATE },
		{ "https://[::ffff:10.0.0.1]/", MCP_URL_PRIVATE },
		{ "https://169.254.169.254/latest", MCP_URL_PRIVATE },
		{ "https://localhost/", MCP_URL_PRIVATE },
		{ "https://a.localhost/", MCP_URL_PRIVATE },
		{ "https://printer.local/", MCP_URL_PRIVATE },
		{ "https://metadata.google.internal/", MCP_URL_PRIVATE },
		{ "https://mylocal/", MCP_URL_PUBLIC },
		{ "", MCP_URL_BAD },
		{ "ftp://tools.example/", MCP_URL_BAD },
		{ "file:///etc/passwd", MCP_URL_BAD },
		{ "https://", MCP_URL_BAD },
		{ "https://user@tools.example/", MCP_URL_BAD },
		{ "https://tools.example\\@mine.example:8080/", MCP_URL_BAD },
		{ "https://tools.example/a b", MCP_URL_BAD },
		{ "https://tools.example/\r\nX: y", MCP_URL_BAD },
		{ "https://tools.example:99999/", MCP_URL_BAD },
		{ "https://tools.example:/", MCP_URL_BAD },
		{ "https://[::1", MCP_URL_BAD },
		{ "https://tools.example/#x", MCP_URL_BAD },
	};
	static const char *const allow[] = { "mine.example:8080", "::1", NULL };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (mcp_url_check(cases[i].url, allow) != cases[i].want) {
			fprintf(stderr, "%s\n", cases[i].url);
			CHECK(false);
		}
	CHECK_EQ(mcp_url_check("https://127.0.0.1/", NULL), MCP_URL_PRIVATE);
}

TESTS({ "strangers_hosts_are_public_and_https", strangers_hosts_are_public_and_https })
