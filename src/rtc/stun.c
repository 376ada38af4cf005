#include "rtc/stun.h"

#include "base/crypto.h"

/*  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |0 0|     STUN Message Type     |         Message Length        |
 * |                         Magic Cookie                          |
 * |                     Transaction ID (96 bits)                  |   RFC 8489, 5 */
enum { HEADER = 20, ATTR_HEADER = 4, MAGIC = 0x2112A442, FINGERPRINT_XOR = 0x5354554e };

enum {
	USERNAME = 0x0006,
	INTEGRITY = 0x0008,
	ERROR_CODE = 0x0009,
	UNKNOWN_ATTRIBUTES = 0x000a,
	XOR_MAPPED_ADDRESS = 0x0020,
	PRIORITY = 0x0024,
	USE_CANDIDATE = 0x0025,
	FINGERPRINT = 0x8028,
	ICE_CONTROLLED = 0x8029,
	ICE_CONTROLLING = 0x802a,
};

static enum stun_verdict take_username(struct stun_msg *m, struct bytes v)
{
	m->username = v;
	return STUN_OK;
}

static enum stun_verdict take_integrity(struct stun_msg *m, struct bytes v)
{
	m->hmac = v.p;
	return STUN_OK;
}

static enum stun_verdict take_priority(struct stun_msg *m, struct bytes v)
{
	m->priority = be32(v.p);
	return STUN_OK;
}

static enum stun_verdict take_nominate(struct stun_msg *m, struct bytes v)
{
	(void)v;
	m->use_candidate = true;
	return STUN_OK;
}

/* "the FINGERPRINT attribute MUST be the last attribute in the message" (14.7): its
 * CRC covers everything before it, the header's length included as sent. */
static enum stun_verdict take_fingerprint(struct stun_msg *m, struct bytes v)
{
	size_t before = (size_t)(v.p - m->raw.p) - ATTR_HEADER;

	if (before + ATTR_HEADER + v.n != m->raw.n)
		return STUN_MALFORMED;
	if ((crc32_ieee(bytes_sub(m->raw, 0, before)) ^ FINGERPRINT_XOR) != be32(v.p))
		return STUN_MALFORMED;
	m->fingerprint = true;
	return STUN_OK;
}

static enum stun_verdict take_nothing(struct stun_msg *m, struct bytes v)
{
	(void)m, (void)v;
	return STUN_OK;
}

/* One row per attribute we understand. To support another, add a row. */
static const struct attr_rule {
	uint16_t type, min, max; /* min, max: octets allowed for the value */
	enum stun_verdict (*take)(struct stun_msg *m, struct bytes value);
} attr_rules[] = {
	{ USERNAME, 1, 508, take_username },         /* RFC 8489, 14.3 */
	{ INTEGRITY, 20, 20, take_integrity },       /* RFC 8489, 14.5 */
	{ FINGERPRINT, 4, 4, take_fingerprint },     /* RFC 8489, 14.7 */
	{ XOR_MAPPED_ADDRESS, 8, 20, take_nothing }, /* in responses, which we never asked for */
	{ PRIORITY, 4, 4, take_priority },           /* RFC 8445, 16.1 */
	{ USE_CANDIDATE, 0, 0, take_nominate },      /* RFC 8445, 16.1 */
	{ ICE_CONTROLLING, 8, 8, take_nothing },     /* we are lite: never a role conflict */
	{ ICE_CONTROLLED, 8, 8, take_nothing },
};

static enum stun_verdict take_attr(struct stun_msg *m, uint16_t type, struct bytes value)
{
	/* What follows the HMAC is not authenticated; only FINGERPRINT may (14.5). */
	if (m->hmac && type != FINGERPRINT)
		return STUN_OK;

	for (size_t i = 0; i < ARRAY_LEN(attr_rules); i++) {
		const struct attr_rule *r = &attr_rules[i];

		if (r->type != type)
			continue;
		if (value.n < r->min || value.n > r->max)
			return STUN_MALFORMED;
		return r->take(m, value);
	}

	/* 0x0000-0x7FFF must be understood or refused with 420 (RFC 8489, 14). */
	if (type < 0x8000 && m->n_unknown < STUN_UNKNOWN_MAX)
		m->unknown[m->n_unknown++] = type;
	return STUN_OK;
}

enum stun_verdict stun_parse(struct bytes d, struct stun_msg *out)
{
	if (d.n < HEADER || d.p[0] > 3 || be32(d.p + 4) != MAGIC)
		return STUN_NOT_STUN;
	if (d.n % 4 != 0 || be16(d.p + 2) != d.n - HEADER)
		return STUN_MALFORMED;

	struct stun_msg m = { .raw = d, .type = be16(d.p), .tid = d.p + 8 };

	/* off and d.n stay multiples of 4: an attribute header always fits, and
	 * padding cannot run past the end. */
	for (size_t off = HEADER; off < d.n;) {
		size_t len = be16(d.p + off + 2);
		if (len > d.n - off - ATTR_HEADER)
			return STUN_MALFORMED;

		struct bytes value = bytes_sub(d, off + ATTR_HEADER, len);
		enum stun_verdict v = take_attr(&m, be16(d.p + off), value);
		if (v != STUN_OK)
			return v;

		off += ATTR_HEADER + ((len + 3) & ~(size_t)3);
	}

	*out = m;
	return m.n_unknown ? STUN_UNKNOWN_ATTR : STUN_OK;
}

struct bytes stun_user(struct bytes username)
{
	const uint8_t *colon = username.n ? memchr(username.p, ':', username.n) : NULL;

	return colon ? bytes_sub(username, 0, (size_t)(colon - username.p)) : (struct bytes){ 0 };
}

/* The HMAC is taken "up to and including the attribute preceding the MESSAGE-INTEGRITY",
 * with the length field as if the message ended right after it (14.5). */
static int integrity(struct bytes before, struct bytes pwd, uint8_t out[static SHA1_LEN])
{
	uint8_t head[4];

	memcpy(head, before.p, 2);
	put_be16(head + 2, (uint16_t)(before.n - HEADER + ATTR_HEADER + SHA1_LEN));

	const struct bytes parts[] = { { head, sizeof(head) },
				       bytes_sub(before, 4, before.n - 4) };
	return hmac_sha1(pwd, parts, ARRAY_LEN(parts), out);
}

enum stun_verdict stun_verify(const struct stun_msg *m, struct bytes ufrag, struct bytes pwd)
{
	uint8_t want[SHA1_LEN];

	if (!m->username.p || !m->hmac)
		return STUN_BAD_REQUEST;
	if (!ufrag.n || !bytes_eq(stun_user(m->username), ufrag))
		return STUN_UNAUTHORIZED;

	size_t before = (size_t)(m->hmac - m->raw.p) - ATTR_HEADER;
	if (integrity(bytes_sub(m->raw, 0, before), pwd, want) != 0 ||
	    !equal_secret(bytes_of(want, SHA1_LEN), bytes_of(m->hmac, SHA1_LEN)))
		return STUN_UNAUTHORIZED;
	return STUN_OK;
}

/* A message being written: p holds STUN_REPLY_MAX octets. */
struct writer {
	uint8_t *p;
	size_t n;
};

static uint8_t *add_attr(struct writer *w, uint16_t type, size_t len)
{
	uint8_t *p = w->p + w->n;
	size_t padded = (len + 3) & ~(size_t)3;

	put_be16(p, type);
	put_be16(p + 2, (uint16_t)len);
	memset(p + ATTR_HEADER, 0, padded);
	w->n += ATTR_HEADER + padded;
	return p + ATTR_HEADER;
}

static void start(struct writer *w, uint16_t type, const uint8_t *tid)
{
	put_be16(w->p, type);
	put_be16(w->p + 2, 0);
	put_be32(w->p + 4, MAGIC);
	memcpy(w->p + 8, tid, STUN_TID_LEN);
	w->n = HEADER;
}

static size_t finish(struct writer *w, struct bytes pwd)
{
	struct bytes before = { w->p, w->n };

	if (integrity(before, pwd, add_attr(w, INTEGRITY, SHA1_LEN)) != 0)
		return 0;
	put_be16(w->p + 2, (uint16_t)(w->n - HEADER + ATTR_HEADER + 4));

	uint32_t crc = crc32_ieee(bytes_of(w->p, w->n)) ^ FINGERPRINT_XOR;
	put_be32(add_attr(w, FINGERPRINT, 4), crc);
	return w->n;
}

/* |0 0 0 0 0 0 0 0|    Family     |         X-Port                |
 * |                X-Address (Variable)                               RFC 8489, 14.2
 * X-Port and X-Address are XORed with the cookie, and the transaction id behind it. */
static void add_mapped(struct writer *w, const struct addr *from)
{
	size_t n = addr_ip_len(from);
	uint8_t *v = add_attr(w, XOR_MAPPED_ADDRESS, 4 + n);

	v[1] = from->family == ADDR_V4 ? 1 : 2;
	put_be16(v + 2, from->port ^ (uint16_t)(MAGIC >> 16));
	for (size_t i = 0; i < n; i++)
		v[4 + i] = from->ip[i] ^ w->p[4 + i];
}

size_t stun_write_success(const struct stun_msg *request, const struct addr *from,
			  struct bytes pwd, uint8_t to[static STUN_REPLY_MAX])
{
	struct writer w = { .p = to };

	start(&w, STUN_BINDING_SUCCESS, request->tid);
	add_mapped(&w, from);
	return finish(&w, pwd);
}

size_t stun_write_unknown(const struct stun_msg *request, struct bytes pwd,
			  uint8_t to[static STUN_REPLY_MAX])
{
	struct writer w = { .p = to };

	start(&w, STUN_BINDING_ERROR, request->tid);
	uint8_t *code = add_attr(&w, ERROR_CODE, 4);
	code[2] = 4; /* class and number (14.8); the reason phrase may be empty */
	code[3] = 20;

	uint8_t *list = add_attr(&w, UNKNOWN_ATTRIBUTES, 2 * request->n_unknown);
	for (size_t i = 0; i < request->n_unknown; i++)
		put_be16(list + 2 * i, request->unknown[i]);
	return finish(&w, pwd);
}
