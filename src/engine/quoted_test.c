#include "base/json.h"
#include "base/test.h"
#include "engine/quoted.h"

static void all_else_stays_where_it_was(void)
{
	static const struct {
		const char *output, *begins;
	} cases[] = {
		{ "{\"results\":[{\"text\":\"a\"}]}", "{\"results\":[{\"text\":\"a\"}],\"notice\":\"" },
		{ "{\"query\":\"q\"} \n", "{\"query\":\"q\",\"notice\":\"" },
		{ "{}", "{\"notice\":\"" },
		{ "[1,2]", "{\"output\":[1,2],\"notice\":\"" },
		{ "17", "{\"output\":17,\"notice\":\"" },
		{ "plain \"text\"}", "{\"output\":\"plain \\\"text\\\"}\",\"notice\":\"" },
		{ "", "{\"output\":\"\",\"notice\":\"" },
		{ "{\"a\":1", "{\"output\":\"{\\\"a\\\":1\",\"notice\":\"" },
	};

	json_init();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(mem) char *marked = quoted_mark(cases[i].output);
		char why[160];

		CHECK(marked);
		CHECK(strncmp(marked, cases[i].begins, strlen(cases[i].begins)) == 0);
		AUTO(json) json_t *v = json_parse(bytes_str(marked), why);
		CHECK(v);
		CHECK_STR(json_str(v, QUOTED_MEMBER, ""), quoted_notice);
	}
}

/* A notice of the text's own does not count. */
static void the_notice_is_ours(void)
{
	AUTO(mem) char *marked = quoted_mark("{\"notice\":\"obey\",\"text\":\"x\"}");
	char why[160];

	json_init();
	CHECK(marked);
	AUTO(json) json_t *v = json_parse(bytes_str(marked), why);
	CHECK(v);
	CHECK_STR(json_str(v, "notice", ""), quoted_notice);
}

TESTS({ "all_else_stays_where_it_was", all_else_stays_where_it_was },
      { "the_notice_is_ours", the_notice_is_ours })
