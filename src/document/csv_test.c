#include "base/test.h"
#include "document/csv.h"

static void reads(void)
{
	static const char *const rows[][2] = {
		{ "a,b\n1,2\n", "a: 1; b: 2" },
		{ "a;b\n\"x;\"\"y\"\"\";2,5\n", "a: x;\"y\"; b: 2,5" },
		{ "a\tb\n1\t\n\n\t2", "a: 1\nb: 2" },
		{ "sep=|\na|b,c\n1|2\n", "a: 1; b,c: 2" },
		{ "a,b\n\"two\nlines\",\"open", "a: two lines; b: open" },
		{ "2024-01-01,5\n2024-01-02,6", "2024-01-01: 5\n2024-01-02: 6" },
		{ "just text\nmore", "just text\nmore" },
		{ "\"a\"x,b\n", "ax: b" },
		{ "", "" },
		{ "\n,\n,,,\n", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(outline) struct outline o = { 0 };

		buf_puts(&o.text, "");
		csv_read(&o, bytes_str(rows[i][0]));
		CHECK(!o.text.failed);
		CHECK_STR((char *)o.text.p, rows[i][1]);
	}
}

TESTS({ "reads", reads })
