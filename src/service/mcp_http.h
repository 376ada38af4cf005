/* mcp_http.h - an MCP server over streamable HTTP (MCP 2025-06-18, basic/transports).
 *
 * Each message is a POST; its answer is JSON or a stream of server-sent events. The server's
 * Mcp-Session-Id goes along with all that follows, 404 means that the session is forgotten, and
 * DELETE ends it. What the server says unasked is listened to with a GET, where it offers that. */
#pragma once

#include "service/mcp_way.h"

extern const struct mcp_way_ops mcp_http_ops;
