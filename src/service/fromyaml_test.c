#include "service/fromyaml.h"
#include "base/test.h"

static void documents_are_json(void)
{
	static const char *const cases[][2] = {
		{ "a: 1\nb: [x, 2.5, true, ~, 'true', \"1\"]\n", "{\"a\":1,\"b\":[\"x\",2.5,true,null,\"true\",\"1\"]}" },
		{ "- one\n-\n  deep:\n    k: -7\n", "[\"one\",{\"deep\":{\"k\":-7}}]" },
		{ "text: |\n  two\n  lines\nfolded: >-\n  a\n  b\n", "{\"text\":\"two\\nlines\\n\",\"folded\":\"a b\"}" },
		{ "200: ok\nver: 3.0.1\nnull: 1e400\nempty:\n", "{\"200\":\"ok\",\"ver\":\"3.0.1\",\"null\":\"1e400\",\"empty\":null}" },
		{ "{\"json\": [1, {\"x\": null}]}", "{\"json\":[1,{\"x\":null}]}" },
		{ "--- hello\n...\n--- second\n", "\"hello\"" },
		{ "neg: -3\nplus: +1\nday: 2026-01-01", "{\"neg\":-3,\"plus\":1,\"day\":\"2026-01-01\"}" },
	};

	json_init();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(buf) struct buf b = { 0 };
		char why[160];
		AUTO(json) json_t *v = json_from_yaml(bytes_str(cases[i][0]), why);

		if (!v && !mem_failed())
			fprintf(stderr, "%s\n", why);
		CHECK(v);
		json_write(&b, v);
		CHECK(!b.failed);
		CHECK_STR((const char *)b.p, cases[i][1]);
	}
}

static void what_is_none_is_refused(void)
{
	static const char *const bad[] = { "", "a: [1", "a: b: c", "&x a: *x", "[*a]", "? [1]\n: 2", "\t- x", "a: \xff\xfe", "a: \"\\0\"" };
	char deep[200], why[160];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(json) json_t *v = json_from_yaml(bytes_str(bad[i]), why);

		CHECK(!v && *why);
	}
	memset(deep, '[', sizeof(deep));
	AUTO(json) json_t *v = json_from_yaml(bytes_of(deep, sizeof(deep)), why);
	CHECK(!v);
}

TESTS({ "documents_are_json", documents_are_json }, { "what_is_none_is_refused", what_is_none_is_refused })
