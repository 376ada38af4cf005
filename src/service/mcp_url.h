/* mcp_url.h - may a client have us talk to this URL? Pure.
 *
 * https only, and to public addresses only (net/guard.h), unless the operator allows the host: then
 * also http, and any address. What a name stands for is looked at when it is connected to
 * (fetch.h: public_only); an address in the URL is refused here already.
 */
#pragma once

#include "base/bytes.h"

enum mcp_url {
	MCP_URL_PUBLIC,	 /* yes, with public_only                          */
	MCP_URL_ALLOWED, /* the operator names this host                   */
	MCP_URL_PLAIN,	 /* no: http                                       */
	MCP_URL_PRIVATE, /* no: an address that is not public, localhost   */
	MCP_URL_BAD,	 /* no URL of a service                            */
};

/* allow: "host" or "host:port", any case; "*" is any; ends with NULL; may be NULL. */
MUST_USE enum mcp_url mcp_url_check(const char *url, const char *const *allow);
