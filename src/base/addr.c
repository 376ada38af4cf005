#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static void set_v4(struct addr *a, const void *ip)
{
	a->family = ADDR_V4;
	memcpy(a->ip, ip, 4);
}

static void set_v6(struct addr *a, const uint8_t *ip)
{
	if (memcmp(ip, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		set_v4(a, ip + sizeof(mapped_prefix));
		return;
	}
	a->family = ADDR_V6;
	memcpy(a->ip, ip, 16);
}

static bool parse_ip(struct bytes t, struct addr *a)
{
	char s[INET6_ADDRSTRLEN];
	uint8_t ip[16];

	if (t.n == 0 || t.n >= sizeof(s) || memchr(t.p, 0, t.n))
		return false;
	memcpy(s, t.p, t.n);
	s[t.n] = 0;
	if (inet_pton(AF_INET, s, ip) == 1)
		set_v4(a, ip);
	else if (inet_pton(AF_INET6, s, ip) == 1)
		set_v6(a, ip);
	else
		return false;
	return true;
}

bool addr_parse_port(struct bytes t, uint16_t *out)
{
	unsigned v = 0;

	if (t.n == 0 || t.n > 5)
		return false;
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] < '0' || t.p[i] > '9')
			return false;
		v = v * 10 + (t.p[i] - '0');
	}
	if (v > UINT16_MAX)
		return false;
	*out = (uint16_t)v;
	return true;
}

bool addr_parse(struct bytes t, struct addr *out)
{
	struct addr a = { 0 };
	struct bytes host = t, port = { 0 };
	const uint8_t *colon = t.n ? memchr(t.p, ':', t.n) : NULL;
	const uint8_t *last = t.n ? memrchr(t.p, ':', t.n) : NULL;

	if (t.n && t.p[0] == '[') {
		const uint8_t *end = memchr(t.p, ']', t.n);

		if (!end)
			return false;
		host = bytes_sub(t, 1, (size_t)(end - t.p) - 1);
		port = bytes_sub(t, (size_t)(end - t.p) + 1, t.n - (size_t)(end - t.p) - 1);
		if (!memchr(host.p, ':', host.n) || (port.n && port.p[0] != ':'))
			return false;
	} else if (colon && colon == last) {
		host.n = (size_t)(colon - t.p);
		port = bytes_sub(t, host.n, t.n - host.n);
	}
	if (port.n && !addr_parse_port(bytes_sub(port, 1, port.n - 1), &a.port))
		return false;
	if (!parse_ip(host, &a))
		return false;
	*out = a;
	return true;
}

const char *addr_format_ip(const struct addr *a, char to[static ADDR_TEXT])
{
	int af = a->family == ADDR_V4 ? AF_INET : AF_INET6;

	if (a->family == ADDR_NONE || !inet_ntop(af, a->ip, to, ADDR_TEXT))
		snprintf(to, ADDR_TEXT, "-");
	return to;
}

const char *addr_format(const struct addr *a, char to[static ADDR_TEXT])
{
	char ip[ADDR_TEXT];

	addr_format_ip(a, ip);
	if (a->family == ADDR_NONE)
		snprintf(to, ADDR_TEXT, "-");
	else if (a->family == ADDR_V4)
		snprintf(to, ADDR_TEXT, "%.15s:%u", ip, (unsigned)a->port);
	else
		snprintf(to, ADDR_TEXT, "[%.45s]:%u", ip, (unsigned)a->port);
	return to;
}

bool addr_from_sockaddr(const struct sockaddr *sa, struct addr *out)
{
	struct addr a = { 0 };

	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		set_v4(&a, &in.sin_addr);
		a.port = ntohs(in.sin_port);
	} else if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		set_v6(&a, in6.sin6_addr.s6_addr);
		a.port = ntohs(in6.sin6_port);
	} else {
		return false;
	}
	*out = a;
	return true;
}

size_t addr_to_sockaddr(const struct addr *a, enum addr_form form, struct sockaddr_storage *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };

	if (a->family == ADDR_NONE)
		return 0;
	memset(out, 0, sizeof(*out));
	if (a->family == ADDR_V4 && form == ADDR_AS_IS) {
		memcpy(&in.sin_addr, a->ip, 4);
		memcpy(out, &in, sizeof(in));
		return sizeof(in);
	}
	if (a->family == ADDR_V4) {
		memcpy(in6.sin6_addr.s6_addr, mapped_prefix, sizeof(mapped_prefix));
		memcpy(in6.sin6_addr.s6_addr + sizeof(mapped_prefix), a->ip, 4);
	} else {
		memcpy(in6.sin6_addr.s6_addr, a->ip, 16);
	}
	memcpy(out, &in6, sizeof(in6));
	return sizeof(in6);
}
