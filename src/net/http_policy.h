/* http_policy.h - may this Host and this Origin use us? Pure.
 *
 * Against DNS rebinding and against other people's pages (CSWSH): a server on the
 * user's machine must not believe every page that can reach its port.
 *
 * Host must be a loopback name (localhost, *.localhost, 127.0.0.0/8, ::1), the very
 * address the connection came in on, or a configured host; without a port or with the
 * port of the connection. A host configured as "name:port" allows that port as well
 * (a published or proxied port). Names compare without case and without one final dot.
 *
 * Origin, when there is one, must be the server's own (scheme, host and port equal the
 * request's own) or listed. "null" never passes. Requests without Origin pass: they do
 * not come from a page.
 */
#pragma once

#include "base/addr.h"

struct http_policy {
	const char *const *hosts; /* "voice.example", "192.0.2.1", "[2001:db8::1]", "name:8443" */
	size_t n_hosts;
	const char *const *origins; /* "https://app.example", "http://10.0.0.2:3000" */
	size_t n_origins;
};

struct http_seen {
	struct bytes host;   /* {NULL, 0}: none                                */
	struct bytes origin; /* likewise                                       */
	struct addr local;   /* of the connection, with the port               */
	bool tls;
};

enum http_access {
	ACCESS_OWN,    /* no Origin, or our own                     */
	ACCESS_LISTED, /* another origin that is listed: needs CORS */
	ACCESS_HOST,   /* 421: we are not that host                 */
	ACCESS_ORIGIN, /* 403: we do not serve that page            */
};

MUST_USE enum http_access http_policy_check(const struct http_policy *p,
					    const struct http_seen *seen);
