#include "net/guard.h"

struct range {
	uint8_t prefix[16];
	uint8_t bits;
};

/* IANA IPv4 Special-Purpose Address Registry, without what is reachable for everybody, and multicast. */
static const struct range special_v4[] = {
	{ { 0 }, 8 },              /* this network: 0.0.0.0 is this host         */
	{ { 10 }, 8 },             /* private (RFC 1918)                         */
	{ { 100, 64 }, 10 },       /* shared behind a carrier (RFC 6598)         */
	{ { 127 }, 8 },            /* loopback                                   */
	{ { 168, 63, 129, 16 }, 32 }, /* Azure's host, as its machines see it    */
	{ { 169, 254 }, 16 },      /* link-local; a cloud's metadata             */
	{ { 172, 16 }, 12 },       /* private                                    */
	{ { 192, 0, 0 }, 24 },     /* IETF protocol assignments                  */
	{ { 192, 0, 2 }, 24 },     /* documentation                              */
	{ { 192, 88, 99 }, 24 },   /* 6to4 relays, deprecated (RFC 7526)         */
	{ { 192, 168 }, 16 },      /* private                                    */
	{ { 198, 18 }, 15 },       /* benchmarks (RFC 2544)                      */
	{ { 198, 51, 100 }, 24 },  /* documentation                              */
	{ { 203, 0, 113 }, 24 },   /* documentation                              */
	{ { 224 }, 4 },            /* multicast                                  */
	{ { 240 }, 4 },            /* reserved; broadcast                        */
};

/* What is special inside 2000::/3; all else outside of it is not public. */
static const struct range special_v6[] = {
	{ { 0x20, 0x01 }, 23 },             /* protocol assignments: Teredo, ORCHID, benchmarks */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation                                    */
	{ { 0x3f, 0xff }, 20 },             /* documentation (RFC 9637)                         */
};

/* Addresses that carry one of IPv4, which is the one that counts. */
static const struct carrier {
	struct range range;
	uint8_t at;
} carriers[] = {
	{ { { 0x20, 0x02 }, 16 }, 2 },               /* 6to4 (RFC 3056)  */
	{ { { 0, 0x64, 0xff, 0x9b }, 96 }, 12 },     /* NAT64 (RFC 6052) */
};

static bool is_in(const uint8_t *ip, const struct range *r)
{
	size_t whole = r->bits / 8;
	unsigned rest = r->bits % 8;

	return memcmp(ip, r->prefix, whole) == 0 &&
	       (!rest || (ip[whole] ^ r->prefix[whole]) >> (8 - rest) == 0);
}

static bool is_in_any(const uint8_t *ip, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_in(ip, &r[i]))
			return true;
	return false;
}

static bool v4_is_public(const uint8_t *ip)
{
	return !is_in_any(ip, special_v4, ARRAY_LEN(special_v4));
}

static bool v6_is_public(const uint8_t *ip)
{
	static const struct range unicast = { { 0x20 }, 3 };

	for (size_t i = 0; i < ARRAY_LEN(carriers); i++)
		if (is_in(ip, &carriers[i].range))
			return v4_is_public(ip + carriers[i].at);
	return is_in(ip, &unicast) && !is_in_any(ip, special_v6, ARRAY_LEN(special_v6));
}

bool guard_is_public(const struct addr *a)
{
	switch (a->family) {
	case ADDR_V4:
		return v4_is_public(a->ip);
	case ADDR_V6:
		return v6_is_public(a->ip);
	case ADDR_NONE:
		break;
	}
	return false;
}
