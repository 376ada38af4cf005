/* An operator's line for an MCP server or a file of tools, and URLs that clients name: a line that is
 * understood has what it needs, and a URL that may be reached has no control characters. The first octet
 * chooses. Links: service/mcp_line.c service/mcp_url.c net/guard.c base. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "service/mcp_line.h"
#include "service/mcp_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void try_line(const char *text, bool is_file)
{
	struct mcp_line l = { 0 };
	char why[MCP_LINE_WHY] = "";
	int r = is_file ? mcp_line_parse_file(&l, text, why) : mcp_line_parse(&l, text, why);

	if (r != 0 && !*why)
		abort();
	if (r == 0 && (is_file ? !l.file : !l.label || (!l.url && !l.argv[0])))
		abort();
	for (size_t i = 0; r == 0 && i < l.n_fields; i++)
		if (strpbrk(l.fields[i], "\r\n"))
			abort();
	mcp_line_done(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const allow[] = { "mine.example:8080", NULL };
	char *text = mem_alloc(n + 1);

	if (!text || !n) {
		mem_free(text);
		return 0;
	}
	memcpy(text, p + 1, n - 1);
	text[n - 1] = 0;
	if (p[0] == 'u') {
		enum mcp_url v = mcp_url_check(text, allow);

		if ((v == MCP_URL_PUBLIC || v == MCP_URL_ALLOWED) && text[strcspn(text, " \r\n\t\\")])
			abort();
	} else if (!strstr(text, "file=")) { /* no file of this machine is read */
		try_line(text, p[0] == 'f');
	}
	mem_free(text);
	return 0;
}
