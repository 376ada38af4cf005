#include "base/test.h"
#include "document/shown.h"

static void shows(void)
{
	static const struct {
		const char *name, *shown; /* NULL: as it is */
	} rows[] = {
		{ "/a b/caf\xc3\xa9.md", NULL },
		{ "100%.md", NULL },
		{ "\xf0\x9f\x9a\xa2.md", NULL },
		{ "caf\xe9.md", "caf%E9.md" },
		{ "a\nb\t\x1b[2J.md", "a%0Ab%09%1B[2J.md" },
		{ "x\xe2\x80\xae" "dm.exe", "x%E2%80%AEdm.exe" },
		{ "\xc2\x9b.md", "%C2%9B.md" },
		{ "\xef\xbf\xbd.md", NULL }, /* U+FFFD itself is a character */
		{ "\xe2\x82", "%E2%82" },
		{ "a%41%4g%e9%.md", "a%2541%4g%e9%.md" }, /* only what would be read back otherwise */
		{ "%25%", "%2525%" },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 }, back = { 0 };

		buf_puts(&b, "");
		buf_puts(&back, "");
		shown_put(&b, rows[i].name);
		CHECK(!b.failed);
		CHECK_STR((char *)b.p, rows[i].shown ? rows[i].shown : rows[i].name);
		shown_raw(&back, (char *)b.p);
		CHECK(!back.failed);
		CHECK_STR((char *)back.p, rows[i].name);
	}
}

TESTS({ "shows", shows })
