#include "base/test.h"
#include "document/entity.h"

static void puts_characters(void)
{
	static const struct {
		const char *t, *c;
		size_t n;
	} rows[] = {
		{ "&amp;x", "&", 5 }, { "&#65;", "A", 5 }, { "&#x20ac;", "\xe2\x82\xac", 8 },
		{ "&euro;", "\xe2\x82\xac", 6 }, { "&nope;", "", 0 }, { "&#;", "", 0 },
		{ "&", "", 0 }, { "&#xffffffff;", "", 0 }, { "&#0;", "\xef\xbf\xbd", 4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		CHECK_EQ(entity_put(&b, bytes_str(rows[i].t)), rows[i].n);
		CHECK(!b.failed);
		CHECK_STR(b.p ? (char *)b.p : "", rows[i].c);
	}
}

TESTS({ "puts_characters", puts_characters })
