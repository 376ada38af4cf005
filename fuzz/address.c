/* Addresses, and who may use us: the lines of the input are Host, Origin, an address, a
 * configured host and a listed origin. The first octet chooses TLS and the connection's own
 * address. An address that is understood is written and read the same; a verdict does not
 * depend on case, and "null" is nobody. Links: base/addr.c net/http_policy.c. */
#include <ctype.h>
#include <stdlib.h>

#include "net/http_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { HOST, ORIGIN, ADDRESS, MY_HOST, MY_ORIGIN, LINES, LINE_MAX = 256 };

static void check_address(struct bytes text)
{
	struct addr a, again;
	char to[ADDR_TEXT];
	uint16_t port;

	(void)!addr_parse_port(text, &port);
	if (!addr_parse(text, &a))
		return;
	if (!addr_parse(bytes_str(addr_format(&a, to)), &again) || !addr_eq(&a, &again))
		abort();
}

static enum http_access ask(char line[LINES][LINE_MAX], uint8_t flags)
{
	static const struct addr locals[] = { { ADDR_V4, { 127, 0, 0, 1 }, 8080 },
					      { ADDR_V4, { 192, 0, 2, 1 }, 443 },
					      { ADDR_V6, { 0x20, 1, 0x0d, 0xb8 }, 80 },
					      { ADDR_V6, { [15] = 1 }, 8443 } };
	const char *hosts[] = { line[MY_HOST] }, *origins[] = { line[MY_ORIGIN] };
	const struct http_policy policy = { hosts, *hosts[0] != 0, origins, *origins[0] != 0 };
	const struct http_seen seen = { bytes_str(line[HOST]),
					line[ORIGIN][0] ? bytes_str(line[ORIGIN]) : (struct bytes){ 0 },
					locals[flags >> 1 & 3], flags & 1 };
	enum http_access v = http_policy_check(&policy, &seen);

	if (v == ACCESS_LISTED && !policy.n_origins)
		abort();
	if (strcmp(line[ORIGIN], "null") == 0 && (v == ACCESS_OWN || v == ACCESS_LISTED))
		abort();
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char line[LINES][LINE_MAX] = { 0 };

	if (n == 0)
		return 0;
	for (size_t i = 1, row = 0, at = 0; i < n && row < LINES; i++) {
		if (p[i] == '\n')
			row++, at = 0;
		else if (at < LINE_MAX - 1 && p[i])
			line[row][at++] = (char)p[i];
	}
	check_address(bytes_str(line[ADDRESS]));
	enum http_access v = ask(line, p[0]);
	for (char *c = line[HOST]; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	if (ask(line, p[0]) != v)
		abort();
	return 0;
}
