#include "service/mcp_url.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "base/addr.h"
#include "net/guard.h"

enum { URL_MAX = 2048, HOST_MAX = 255 };

struct place {
	char host[HOST_MAX + 1]; /* without brackets */
	char with_port[HOST_MAX + 9];
	bool plain;
};

/* RFC 3986, 3.2, but for user information, which has no business in the URL of a service. */
static bool take_authority(const char *s, size_t n, struct place *p)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	const char *end = *s == '[' ? memchr(s, ']', n) : NULL;
	size_t skip = *s == '[', host = end ? (size_t)(end - s) - 1 : strspn(s, name);
	const char *rest = s + host + 2 * skip;
	uint16_t port;

	if ((skip && !end) || host == 0 || host > HOST_MAX || host + 2 * skip > n)
		return false;
	size_t n_rest = n - host - 2 * skip;
	if (n_rest && (*rest != ':' || !addr_parse_port(bytes_of(rest + 1, n_rest - 1), &port)))
		return false;
	snprintf(p->host, sizeof(p->host), "%.*s", (int)host, s + skip);
	snprintf(p->with_port, sizeof(p->with_port), "%.*s", (int)MIN(n, sizeof(p->with_port) - 1), s);
	return true;
}

static bool take_url(const char *url, struct place *p)
{
	size_t n = strlen(url);

	p->plain = strncasecmp(url, "http://", 7) == 0;
	if (n > URL_MAX || (!p->plain && strncasecmp(url, "https://", 8) != 0))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)url[i] <= ' ' || (unsigned char)url[i] >= 0x7f || strchr("\\\"<>^`{|}#", url[i]))
			return false;
	url += p->plain ? 7 : 8;
	return take_authority(url, strcspn(url, "/?"), p);
}

static bool is_allowed(const struct place *p, const char *const *allow)
{
	for (; allow && *allow; allow++)
		if (strcmp(*allow, "*") == 0 || strcasecmp(*allow, p->host) == 0 ||
		    strcasecmp(*allow, p->with_port) == 0)
			return true;
	return false;
}

/* Names that are never public (RFC 6761, 6762), and numbers in forms that only resolvers read
 * ("127.1", "0x7f000001", "2130706433"): a host whose last label begins with a digit is an address. */
static bool is_private(const char *host)
{
	static const char *const names[] = { "localhost", "local", "internal", "home.arpa" };
	const char *dot = strrchr(host, '.');
	struct addr a;

	if (addr_parse(bytes_str(host), &a))
		return !guard_is_public(&a);
	if (strchr(host, ':') || isdigit((unsigned char)(dot ? dot[1] : *host)))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t n = strlen(host), k = strlen(names[i]);

		if (n >= k && strcasecmp(host + n - k, names[i]) == 0 && (n == k || host[n - k - 1] == '.'))
			return true;
	}
	return false;
}

enum mcp_url mcp_url_check(const char *url, const char *const *allow)
{
	struct place p;

	if (!take_url(url, &p))
		return MCP_URL_BAD;
	if (is_allowed(&p, allow))
		return MCP_URL_ALLOWED;
	if (is_private(p.host))
		return MCP_URL_PRIVATE;
	return p.plain ? MCP_URL_PLAIN : MCP_URL_PUBLIC;
}
