#include "net/http_policy.h"

#include <stdio.h>

enum { NAME_MAX_LEN = 253, PORT_HTTP = 80, PORT_HTTPS = 443 };

/* A Host or the authority of an Origin, brought to one form. */
struct authority {
	char name[NAME_MAX_LEN + 1]; /* lower case, no final dot; "" for an address */
	struct addr ip;              /* port 0; ADDR_NONE for a name                */
	uint16_t port;
	bool has_port;
};

/* As everywhere, but nobody is reached on port 0. */
static bool parse_port(struct bytes t, uint16_t *out)
{
	uint16_t port;

	if (!addr_parse_port(t, &port) || port == 0)
		return false;
	*out = port;
	return true;
}

/* Letters, digits, "-", "_" in labels of one or more. */
static bool parse_name(struct bytes t, char to[static NAME_MAX_LEN + 1])
{
	size_t label = 0;

	if (t.n > 1 && t.p[t.n - 1] == '.')
		t.n--;
	if (t.n == 0 || t.n > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < t.n; i++) {
		uint8_t c = t.p[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
			     c == '_';
		if (!plain && (c != '.' || label == 0))
			return false;
		label = plain ? label + 1 : 0;
		to[i] = (char)c;
	}
	to[t.n] = 0;
	return true;
}

static bool parse_authority(struct bytes t, struct authority *out)
{
	struct authority a = { 0 };
	struct bytes host = t;

	if (t.n == 0)
		return false;
	const uint8_t *end = t.p[0] == '[' ? memchr(t.p, ']', t.n) : NULL;
	const uint8_t *colon = memrchr(t.p, ':', t.n);
	if (t.p[0] == '[' && !end)
		return false;
	if (colon && colon > end) {
		size_t at = (size_t)(colon - t.p);

		host = bytes_sub(t, 0, at);
		a.has_port = true;
		if (!parse_port(bytes_sub(t, at + 1, t.n - at - 1), &a.port))
			return false;
	}
	/* An unbracketed colon is no host; a bracket must be the end of the host. */
	if (end ? end != host.p + host.n - 1 : memchr(host.p, ':', host.n) != NULL)
		return false;
	if (!addr_parse(host, &a.ip) && !parse_name(host, a.name))
		return false;
	*out = a;
	return true;
}

static bool same_host(const struct authority *a, const struct authority *b)
{
	return addr_eq(&a->ip, &b->ip) && strcmp(a->name, b->name) == 0;
}

static bool is_loopback(const struct authority *a)
{
	static const char suffix[] = ".localhost"; /* RFC 6761, 6.3 */
	static const uint8_t one[16] = { [15] = 1 };
	size_t n = strlen(a->name), n_suffix = sizeof(suffix) - 1;

	if (a->ip.family == ADDR_V4)
		return a->ip.ip[0] == 127;
	if (a->ip.family == ADDR_V6)
		return memcmp(a->ip.ip, one, sizeof(one)) == 0;
	return strcmp(a->name, suffix + 1) == 0 ||
	       (n > n_suffix && strcmp(a->name + n - n_suffix, suffix) == 0);
}

static bool is_local(const struct authority *a, const struct addr *local)
{
	return a->ip.family != ADDR_NONE && a->ip.family == local->family &&
	       memcmp(a->ip.ip, local->ip, sizeof(a->ip.ip)) == 0;
}

static bool host_allowed(const struct http_policy *p, const struct authority *host,
			 const struct addr *local)
{
	bool right_port = !host->has_port || host->port == local->port;

	if (right_port && (is_loopback(host) || is_local(host, local)))
		return true;
	for (size_t i = 0; i < p->n_hosts; i++) {
		struct authority ours;

		if (!parse_authority(bytes_str(p->hosts[i]), &ours) || !same_host(host, &ours))
			continue;
		if (right_port || (ours.has_port && ours.port == host->port))
			return true;
	}
	return false;
}

/* scheme "://" authority, nothing else (RFC 6454, 6.2); default ports are filled in. */
static bool parse_origin(struct bytes t, bool *tls, struct authority *out)
{
	if (bytes_starts(t, "http://"))
		*tls = false;
	else if (bytes_starts(t, "https://"))
		*tls = true;
	else
		return false;
	size_t n = *tls ? 8 : 7;
	if (!parse_authority(bytes_sub(t, n, t.n - n), out))
		return false;
	if (!out->has_port)
		out->port = *tls ? PORT_HTTPS : PORT_HTTP;
	return true;
}

static bool same_origin(const struct authority *a, bool a_tls, const struct authority *b,
			bool b_tls)
{
	return a_tls == b_tls && a->port == b->port && same_host(a, b);
}

enum http_access http_policy_check(const struct http_policy *p, const struct http_seen *seen)
{
	struct authority host, origin, listed;
	bool tls, listed_tls;

	if (!parse_authority(seen->host, &host) || !host_allowed(p, &host, &seen->local))
		return ACCESS_HOST;
	if (!seen->origin.p)
		return ACCESS_OWN;
	if (!parse_origin(seen->origin, &tls, &origin))
		return ACCESS_ORIGIN;
	if (!host.has_port)
		host.port = seen->tls ? PORT_HTTPS : PORT_HTTP;
	if (same_origin(&origin, tls, &host, seen->tls))
		return ACCESS_OWN;
	for (size_t i = 0; i < p->n_origins; i++)
		if (parse_origin(bytes_str(p->origins[i]), &listed_tls, &listed) &&
		    same_origin(&origin, tls, &listed, listed_tls))
			return ACCESS_LISTED;
	return ACCESS_ORIGIN;
}
