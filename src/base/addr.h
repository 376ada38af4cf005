/* addr.h - an IP address with a port, without the system's socket headers.
 *
 * An IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) never appears: conversions into
 * struct addr turn it into IPv4, so that equality means the same host. Zone ids of
 * link-local addresses are not kept. Zero is "no address". Pure; reentrant.
 */
#pragma once

#include "base/bytes.h"

struct sockaddr;
struct sockaddr_storage;

enum addr_family { ADDR_NONE, ADDR_V4, ADDR_V6 };

struct addr {
	enum addr_family family;
	uint8_t ip[16]; /* network order; 4 octets for ADDR_V4, the rest zero */
	uint16_t port;  /* host order */
};

enum { ADDR_TEXT = 56 }; /* room for "[" 45 characters "]:65535" and a NUL */

/* "192.0.2.1", "192.0.2.1:80", "::1", "[::1]", "[::1]:80". Numbers only, no names.
 * A missing port is 0. false, *out untouched: none of these. */
MUST_USE bool addr_parse(struct bytes text, struct addr *out);

/* One to five digits, at most 65535. false, *out untouched: anything else. */
MUST_USE bool addr_parse_port(struct bytes text, uint16_t *out);

/* "192.0.2.1:80" or "[::1]:80"; "-" for no address. Returns `to`. */
const char *addr_format(const struct addr *a, char to[static ADDR_TEXT]);
/* The same without the port and brackets, as SDP writes it. */
const char *addr_format_ip(const struct addr *a, char to[static ADDR_TEXT]);

/* false, *out untouched: neither AF_INET nor AF_INET6. */
MUST_USE bool addr_from_sockaddr(const struct sockaddr *sa, struct addr *out);

/* ADDR_AS_IS: AF_INET for IPv4. ADDR_MAPPED: always AF_INET6, IPv4 mapped, as a
 * dual-stack socket wants it. Returns the length for sendto(); 0: no address. */
enum addr_form { ADDR_AS_IS, ADDR_MAPPED };
MUST_USE size_t addr_to_sockaddr(const struct addr *a, enum addr_form form,
				 struct sockaddr_storage *out);

static inline size_t addr_ip_len(const struct addr *a)
{
	return a->family == ADDR_V4 ? 4 : a->family == ADDR_V6 ? 16 : 0;
}

static inline bool addr_eq(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}
