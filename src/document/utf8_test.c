#include "base/test.h"
#include "document/utf8.h"

static void decodes(void)
{
	uint32_t cp;
	const uint8_t euro[] = { 0xe2, 0x82, 0xac }, overlong[] = { 0xc0, 0x80 },
		      surrogate[] = { 0xed, 0xa0, 0x80 }, beyond[] = { 0xf4, 0x90, 0x80, 0x80 };

	CHECK_EQ(utf8_decode(euro, 3, &cp), 3);
	CHECK_EQ(cp, 0x20ac);
	CHECK_EQ(utf8_decode(euro, 2, &cp), 1);
	CHECK_EQ(cp, UTF8_BAD);
	CHECK_EQ(utf8_decode(overlong, 2, &cp), 1);
	CHECK_EQ(utf8_decode(surrogate, 3, &cp), 1);
	CHECK_EQ(utf8_decode(beyond, 4, &cp), 1);
	CHECK(utf8_valid(bytes_str("na\xc3\xafve \xf0\x9f\x8c\x8d")));
	CHECK(!utf8_valid(bytes_str("\xe9t\xe9")));
}

static void clamps(void)
{
	struct bytes t = bytes_str("a\xe2\x82\xac" "b"); /* a € b: boundaries 0 1 4 5 */

	CHECK_EQ(utf8_floor(t, 3), 1);
	CHECK_EQ(utf8_ceil(t, 2), 4);
	CHECK_EQ(utf8_floor(t, 4), 4);
	CHECK_EQ(utf8_ceil(t, 99), 5);
}

static void imports(void)
{
	AUTO(buf) struct buf b = { 0 };

	utf8_import(&b, bytes_of("a\0\r\nb\rc\xff", 8));
	CHECK(!b.failed);
	CHECK_STR((char *)b.p, "a \nb\nc\xef\xbf\xbd");
}

TESTS({ "decodes", decodes }, { "clamps", clamps }, { "imports", imports })
