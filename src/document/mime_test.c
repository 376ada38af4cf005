#include "base/test.h"
#include "document/mime.h"

static void decodes_words(void)
{
	static const char *const rows[][2] = {
		{ "plain\r\n folded", "plain   folded" },
		{ "=?utf-8?Q?Caf=C3=A9_x?= =?utf-8?B?w6k=?= y", "Caf\xc3\xa9 x\xc3\xa9 y" },
		{ "a =?iso-8859-1?q?=E9?= b", "a \xc3\xa9 b" },
		{ "=?koi8-r?B?9MXT1A==?=", "\xd0\xa2\xd0\xb5\xd1\x81\xd1\x82" },
		{ "=?x?Q?open", "=?x?Q?open" },
		{ "caf\xe9", "caf\xc3\xa9" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		mime_words(&b, bytes_str(rows[i][0]));
		CHECK(!b.failed);
		CHECK_STR((char *)b.p, rows[i][1]);
	}
}

static void decodes_bodies(void)
{
	static const char *const rows[][3] = {
		{ "quoted-printable", "a=3Db=\r\nc=\nd=C3=A9=zz_", "a=bcd\xc3\xa9=zz_" },
		{ "BASE64", "aGVs\r\nbG8g\nd29ybGQ=", "hello world" },
		{ "base64", "aA", "h" },
		{ "7bit", "x=3D", "x=3D" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		mime_decode(&b, bytes_str(rows[i][1]), bytes_str(rows[i][0]));
		CHECK(!b.failed);
		CHECK_STR((char *)b.p, rows[i][2]);
	}
}

static void finds_fields(void)
{
	struct bytes h, body, e = bytes_str("Subject: one\r\nX-To: no\r\nTo: a,\r\n\tb\r\n\r\nbody: x\n");

	mime_split(e, &h, &body);
	CHECK(bytes_is(body, "body: x\n"));
	CHECK(bytes_is(mime_field(h, "subject"), "one"));
	CHECK(bytes_is(mime_field(h, "To"), "a,\r\n\tb"));
	CHECK(!mime_field(h, "body").p && !mime_field(h, "Sub").p);
}

static void finds_parameters(void)
{
	static const char *const rows[][3] = {
		{ "text/plain; charset=UTF-8", "charset", "UTF-8" },
		{ "a/b; x=\"c;d=e\"; Name=\"f g\"; y", "name", "f g" },
		{ "attachment; filename*=utf-8'en'%e2%82%ac%20x.txt", "filename", "\xe2\x82\xac x.txt" },
		{ "attachment; filename*0*=utf-8''%e2%82; filename*1*=%ac; filename*2=\".txt\"", "filename", "\xe2\x82\xac.txt" },
		{ "attachment; filename=\"=?utf-8?Q?=C3=A9?=.txt\"", "filename", "\xc3\xa9.txt" },
		{ "text/plain", "charset", "" },
		{ "text/plain; charset=\"open", "charset", "open" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		buf_puts(&b, "");
		mime_parameter(&b, bytes_str(rows[i][0]), rows[i][1]);
		CHECK(!b.failed);
		CHECK_STR((char *)b.p, rows[i][2]);
	}
	CHECK(bytes_is(mime_value(bytes_str(" text/html ; x=y")), "text/html"));
}

static void splits_parts(void)
{
	struct bytes body = bytes_str("before\n--b\none\n--b\r\ntwo\n--b--\nafter\n--b\nno"), part;
	size_t pos = 0;

	CHECK(mime_part(body, bytes_str("b"), &pos, &part) && bytes_is(part, "one\n"));
	CHECK(mime_part(body, bytes_str("b"), &pos, &part) && bytes_is(part, "two\n"));
	CHECK(!mime_part(body, bytes_str("b"), &pos, &part));
	pos = 0;
	CHECK(mime_part(bytes_str("--b\nnever closed"), bytes_str("b"), &pos, &part));
	CHECK(!mime_part(bytes_str("--b\nnever closed"), bytes_str("b"), &pos, &part));
}

TESTS({ "decodes_words", decodes_words }, { "decodes_bodies", decodes_bodies }, { "finds_fields", finds_fields },
      { "finds_parameters", finds_parameters }, { "splits_parts", splits_parts })
