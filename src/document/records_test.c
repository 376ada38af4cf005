#include "base/json.h"
#include "base/test.h"
#include "document/records.h"
#include "document/testcorpus.h"

static void reads_json(void)
{
	static const char *const rows[][2] = {
		{ "{\"title\":\"T\",\"n\":1,\"none\":null,\"a\":[1,2],\"o\":{\"x\":true,\"l\":[{\"y\":0.1}]},\"z\":\"\"}",
		  "| title: T\n| n: 1\n| a: 1, 2\n1 o\n| x: yes\n2 l\n| y: 0.1\n" },
		{ "[{\"a\":1,\"b\":{\"c\":\"d\",\"e\":[{\"f\":2},{\"f\":3}]}},5,[6,7]]",
		  "| a: 1; b.c: d; b.e.f: 2; b.e.f: 3\n| 5\n| 6, 7\n" },
		{ "{\"text\":\"one\\n\\ntwo\"}", "  text: one\n  two\n" },
		{ "[{\"name\":\"N\",\"text\":\"one\\ntwo\"}]", "1 N\n| name: N\n  text: one two\n" },
		{ "[]", "" },
		{ "{}", "" },
	};

	json_init();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(outline) struct outline o = { 0 };
		AUTO(buf) struct buf b = { 0 };

		buf_puts(&b, "");
		CHECK_EQ(records_read_json(&o, bytes_str(rows[i][0])), EXTRACT_OK);
		outline_lines(&o, &b);
		CHECK(!b.failed);
		CHECK_STR((char *)b.p, rows[i][1]);
	}
}

static void reads_lines(void)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(buf) struct buf b = { 0 };

	CHECK_EQ(records_read_lines(&o, bytes_str("{\"a\":1}\n\n{\"a\":2,\"b\":\"x\"}\nnot json")), EXTRACT_OK);
	outline_lines(&o, &b);
	CHECK(!b.failed);
	CHECK_STR((char *)b.p, "| a: 1\n| a: 2; b: x\n  not json\n");
	CHECK_EQ(records_read_lines(&o, bytes_str("{\"a\":1}")), EXTRACT_MALFORMED);
	CHECK_EQ(records_read_lines(&o, bytes_str("{\"a\":1}\n{\"a\"")), EXTRACT_MALFORMED);
	CHECK_EQ(records_read_json(&o, bytes_str("{\"a\":1}\n{\"a\"")), EXTRACT_MALFORMED);
	CHECK_EQ(o.n_blocks, 3);
}

static void glances(void)
{
	CHECK(records_look_json(bytes_str("\xef\xbb\xbf { \"a\"")));
	CHECK(records_look_json(bytes_str("[\n-1")));
	CHECK(!records_look_json(bytes_str("[link](x)")) && !records_look_json(bytes_str("[!NOTE]")));
	CHECK(!records_look_json(bytes_str("{")) && !records_look_json(bytes_str("{% if %}")));
}

static void is_not_too_deep(void)
{
	AUTO(buf) struct buf b = { 0 };
	AUTO(outline) struct outline o = { 0 };

	for (size_t i = 0; i < 100000; i++)
		buf_putc(&b, '[');
	CHECK(!b.failed);
	CHECK_EQ(records_read_json(&o, buf_bytes(&b)), EXTRACT_MALFORMED);
}

/* A megabyte and more: element by element, and all or nothing. */
static void reads_long_arrays(void)
{
	static const char *const ends[] = { "{\"a\":[\"],}\\\"\",{}]}]", "1", "x]", "" };

	for (size_t i = 0; i < ARRAY_LEN(ends) && !getenv("VOICED_TEST_OOM"); i++) {
		AUTO(buf) struct buf b = { 0 };
		AUTO(outline) struct outline o = { 0 };

		buf_puts(&b, " [ {\"a\":1} ,");
		for (size_t k = 0; k < 1200; k++)
			buf_printf(&b, "{\"b\":\"%01000u\"},", 7u);
		buf_puts(&b, ends[i]);
		CHECK(!b.failed);
		CHECK_EQ(records_read_json(&o, buf_bytes(&b)), i ? EXTRACT_MALFORMED : EXTRACT_OK);
		CHECK_EQ(o.n_blocks, i ? 0 : 1 + 1200 + 1);
	}
}

TESTS({ "reads_long_arrays", reads_long_arrays }, { "reads_json", reads_json }, { "reads_lines", reads_lines }, { "glances", glances },
      { "is_not_too_deep", is_not_too_deep })
