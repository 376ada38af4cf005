/* tool_openapi.h - HTTP tools of the operator's own, described by OpenAPI documents (openapi.h).
 *
 * A line is "FILE name=value …" (mcp_line.h): url=, key=, key-env=, key-file=, header=, allow=, reads=,
 * acts=, unasked=, idle=, silent=, filler=, timeout=. Each operation is a tool; GET and HEAD only look,
 * unless x-voiced in the document or the line says otherwise. The file is the operator's, so the server
 * that it names may be anywhere, also on this machine. An answer is its output, cut to 64 KiB; what
 * is no text is named only. Failures are {"error", "message"}.
 *
 * Calls are made by the fetcher's thread; what is called here is called on the sessions' loops.
 */
#pragma once

#include "service/mcp_line.h"
#include "engine/ops.h"

struct fetcher;
struct http_tools;

enum { HTTP_TOOLS_FILE_MAX = 4 << 20, HTTP_TOOLS_TIME_MS = 30000 };

/* Reads the file. Borrows the fetcher. -EINVAL, -ENOENT …: why[] says what is wrong. */
MUST_USE int tool_openapi_new(struct http_tools **out, struct fetcher *f, const char *line,
			      char why[static MCP_LINE_WHY]);
void tool_openapi_free(struct http_tools *t); /* ends calls without a sink call; waits for the fetcher */
/* Live as long as `t`. */
void tool_openapi_defs(const struct http_tools *t, const struct tool_def **defs, size_t *n);
