#include "rtc/stun.h"

#include "base/crypto.h"
#include "base/test.h"

/* RFC 5769, 2.1 to 2.3: one request, one answer for each family. */
#define TID "\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
#define VECTOR_PWD "VOkJxbRl1RmTxUk/WvJxBt"

static const char request[] =
	"\x00\x01\x00\x58\x21\x12\xa4\x42" TID "\x80\x22\x00\x10STUN test client"
	"\x00\x24\x00\x04\x6e\x00\x01\xff"
	"\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"
	"\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20"
	"\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5"
	"\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf";
static const char response_v4[] =
	"\x01\x01\x00\x3c\x21\x12\xa4\x42" TID "\x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63"
	"\x74\x6f\x72\x20\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"
	"\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9"
	"\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\x80\x28\x00\x04\xc0\x7d\x4c\x96";
static const char response_v6[] =
	"\x01\x01\x00\x48\x21\x12\xa4\x42" TID "\x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63"
	"\x74\x6f\x72\x20\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79"
	"\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1"
	"\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\x80\x28\x00\x04\xc8\xfb\x0b\x4c";

#define VECTOR(a) bytes_of((a), sizeof(a) - 1)

/* The HMAC of a message ending in MESSAGE-INTEGRITY and FINGERPRINT, computed again. */
static bool integrity_holds(struct bytes d, const char *pwd)
{
	uint8_t copy[256], want[SHA1_LEN];
	size_t n = d.n - 8 - 24;

	memcpy(copy, d.p, n);
	put_be16(copy + 2, (uint16_t)(n + 24 - 20));

	struct bytes part = { copy, n };
	return hmac_sha1(bytes_str(pwd), &part, 1, want) == 0 &&
	       memcmp(want, d.p + n + 4, SHA1_LEN) == 0;
}

static void rfc5769_request(void)
{
	struct stun_msg m;
	struct bytes ufrag = bytes_str("evtj"), pwd = bytes_str(VECTOR_PWD);

	CHECK_EQ(stun_parse(VECTOR(request), &m), STUN_OK);
	CHECK_EQ(m.type, STUN_BINDING_REQUEST);
	CHECK(bytes_is(m.username, "evtj:h6vY"));
	CHECK(bytes_is(stun_user(m.username), "evtj"));
	CHECK_EQ(m.priority, 0x6e0001ff);
	CHECK(m.fingerprint && !m.use_candidate);
	CHECK_EQ(stun_verify(&m, ufrag, pwd), STUN_OK);
	CHECK_EQ(stun_verify(&m, bytes_str("evtk"), pwd), STUN_UNAUTHORIZED);
	CHECK_EQ(stun_verify(&m, bytes_str(""), pwd), STUN_UNAUTHORIZED);
	CHECK_EQ(stun_verify(&m, ufrag, bytes_str("VOkJxbRl1RmTxUk/WvJxBu")), STUN_UNAUTHORIZED);
}

static void rfc5769_responses_parse(void)
{
	struct stun_msg m;

	CHECK_EQ(stun_parse(VECTOR(response_v4), &m), STUN_OK);
	CHECK_EQ(m.type, STUN_BINDING_SUCCESS);
	CHECK(m.fingerprint && integrity_holds(VECTOR(response_v4), VECTOR_PWD));
	CHECK_EQ(stun_parse(VECTOR(response_v6), &m), STUN_OK);
	CHECK(m.fingerprint && integrity_holds(VECTOR(response_v6), VECTOR_PWD));
}

/* What we answer to the vector's request carries the vectors' own XOR-MAPPED-ADDRESS. */
static void rfc5769_responses_written(void)
{
	static const struct {
		const char *addr;
		struct bytes like;
		size_t attr;
	} rows[] = {
		{ "192.0.2.1:32853", { (const uint8_t *)response_v4, sizeof(response_v4) }, 12 },
		{ "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
		  { (const uint8_t *)response_v6, sizeof(response_v6) },
		  24 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct stun_msg m, back;
		struct addr from;
		uint8_t to[STUN_REPLY_MAX];

		CHECK_EQ(stun_parse(VECTOR(request), &m), STUN_OK);
		CHECK(addr_parse(bytes_str(rows[i].addr), &from));
		size_t n = stun_write_success(&m, &from, bytes_str(VECTOR_PWD), to);
		CHECK_EQ(n, 20 + rows[i].attr + 24 + 8);
		CHECK(memcmp(to + 20, rows[i].like.p + 36, rows[i].attr) == 0);
		CHECK_EQ(stun_parse(bytes_of(to, n), &back), STUN_OK);
		CHECK(back.type == STUN_BINDING_SUCCESS && back.fingerprint);
		CHECK(integrity_holds(bytes_of(to, n), VECTOR_PWD));
		CHECK(memcmp(back.tid, m.tid, STUN_TID_LEN) == 0);
		CHECK(n <= sizeof(request));
	}
}

static void truncated_or_changed_is_refused(void)
{
	struct stun_msg m;
	uint8_t copy[sizeof(request)];

	for (size_t n = 0; n < sizeof(request) - 1; n++)
		CHECK(stun_parse(bytes_of(request, n), &m) != STUN_OK);

	/* But for FINGERPRINT's own type: without it there is still the HMAC. */
	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		if (i == sizeof(request) - 1 - 8 || i == sizeof(request) - 1 - 7)
			continue;
		memcpy(copy, request, sizeof(request));
		copy[i] ^= 0x10;
		enum stun_verdict v = stun_parse(bytes_of(copy, sizeof(request) - 1), &m);
		if (v == STUN_OK || v == STUN_UNKNOWN_ATTR)
			v = stun_verify(&m, bytes_str("evtj"), bytes_str(VECTOR_PWD));
		CHECK(v != STUN_OK);
	}
}

static size_t with_length(uint8_t *to, const char *attrs, size_t n)
{
	memcpy(to, request, 20);
	memcpy(to + 20, attrs, n);
	put_be16(to + 2, (uint16_t)n);
	return 20 + n;
}

static void attributes_of_wrong_shape(void)
{
	static const struct {
		const char *attrs;
		size_t n;
		enum stun_verdict want;
	} rows[] = {
		{ "", 0, STUN_OK },
		{ "\x00\x24\x00\x03\x01\x02\x03\x00", 8, STUN_MALFORMED },
		{ "\x00\x25\x00\x00", 4, STUN_OK },
		{ "\x00\x25\x00\x04\x00\x00\x00\x00", 8, STUN_MALFORMED },
		{ "\x00\x06\x00\x00", 4, STUN_MALFORMED },
		{ "\x00\x06\xff\xff", 4, STUN_MALFORMED },
		{ "\x00\x06\x00\x05"
		  "aaaa",
		  8, STUN_MALFORMED },
		{ "\x80\x28\x00\x04\x00\x00\x00\x00", 8, STUN_MALFORMED },
		{ "\x7f\xff\x00\x00", 4, STUN_UNKNOWN_ATTR },
		{ "\xc0\x57\x00\x04\x00\x00\x00\x0a", 8, STUN_OK },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct stun_msg m;
		uint8_t d[64];

		CHECK_EQ(stun_parse(bytes_of(d, with_length(d, rows[i].attrs, rows[i].n)), &m),
			 rows[i].want);
	}
}

static void without_credentials(void)
{
	struct stun_msg m;
	uint8_t d[64];

	CHECK_EQ(stun_parse(bytes_of(d, with_length(d, "", 0)), &m), STUN_OK);
	CHECK_EQ(stun_verify(&m, bytes_str("evtj"), bytes_str(VECTOR_PWD)), STUN_BAD_REQUEST);
	CHECK(!stun_user(m.username).p);
	CHECK(!stun_user(bytes_str("nocolon")).p);
}

static void other_protocols(void)
{
	struct stun_msg m;
	uint8_t d[32] = { 0x16, 0xfe, 0xfd };

	CHECK_EQ(stun_parse(bytes_of(d, sizeof(d)), &m), STUN_NOT_STUN);
	CHECK_EQ(stun_parse((struct bytes){ 0 }, &m), STUN_NOT_STUN);
	memset(d, 0, sizeof(d)); /* no magic cookie: RFC 3489, or something else */
	CHECK_EQ(stun_parse(bytes_of(d, sizeof(d)), &m), STUN_NOT_STUN);
}

static void unknown_attributes_get_420(void)
{
	struct stun_msg m, back;
	uint8_t d[128], to[STUN_REPLY_MAX];
	char attrs[64] = { 0 };

	for (size_t i = 0; i < 10; i++) { /* ten of them; the answer lists eight */
		attrs[4 * i] = 0x7f;
		attrs[4 * i + 1] = (char)i;
	}
	size_t n = with_length(d, attrs, 40);
	CHECK_EQ(stun_parse(bytes_of(d, n), &m), STUN_UNKNOWN_ATTR);
	CHECK_EQ(m.n_unknown, STUN_UNKNOWN_MAX);

	n = stun_write_unknown(&m, bytes_str(VECTOR_PWD), to);
	CHECK(n > 0 && n <= STUN_REPLY_MAX);
	CHECK_EQ(be16(to), STUN_BINDING_ERROR);
	CHECK(to[26] == 4 && to[27] == 20);
	CHECK_EQ(be16(to + 28), 0x000a);
	CHECK_EQ(be16(to + 30), 16);
	CHECK_EQ(be16(to + 34), 0x7f01);
	CHECK(integrity_holds(bytes_of(to, n), VECTOR_PWD));
	/* ERROR-CODE is nothing we read. */
	CHECK_EQ(stun_parse(bytes_of(to, n), &back), STUN_UNKNOWN_ATTR);
}

TESTS({ "rfc5769_request", rfc5769_request },
      { "rfc5769_responses_parse", rfc5769_responses_parse },
      { "rfc5769_responses_written", rfc5769_responses_written },
      { "truncated_or_changed_is_refused", truncated_or_changed_is_refused },
      { "attributes_of_wrong_shape", attributes_of_wrong_shape },
      { "without_credentials", without_credentials }, { "other_protocols", other_protocols },
      { "unknown_attributes_get_420", unknown_attributes_get_420 })
