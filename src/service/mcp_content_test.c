#include "service/mcp_content.h"
#include "base/test.h"

static void all_kinds_of_content_are_one_text(void)
{
	static const struct {
		const char *result, *text;
	} cases[] = {
		{ "{}", "" },
		{ "{\"content\":7}", "" },
		{ "{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}", "a\nb" },
		{ "{\"content\":[{\"type\":\"image\",\"mimeType\":\"image/png\",\"data\":\"AAAABBBB\"}]}", "[image: image/png, 6 octets]" },
		{ "{\"content\":[{\"type\":\"audio\"}]}", "[audio: unknown type, 0 octets]" },
		{ "{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":\"file:///a\",\"text\":\"inside\"}}]}", "inside" },
		{ "{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":\"file:///a\",\"blob\":\"AAAA\"}}]}",
		  "[resource: file:///a, unknown type]" },
		{ "{\"content\":[{\"type\":\"resource_link\",\"uri\":\"file:///a\",\"name\":\"A\"}]}", "[A](file:///a)" },
		{ "{\"content\":[{\"type\":\"hologram\"}]}", "[hologram]" },
		{ "{\"content\":[],\"structuredContent\":{\"t\":21.5}}", "{\"t\":21.5}" },
		{ "{\"content\":[{\"type\":\"text\",\"text\":\"said\"}],\"structuredContent\":{\"t\":21.5}}", "said" },
	};

	json_init();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(buf) struct buf b = { 0 };
		char why[160];
		AUTO(json) json_t *r = json_parse(bytes_str(cases[i].result), why);

		CHECK(r);
		mcp_content_text(r, &b);
		CHECK(!b.failed);
		CHECK_STR(b.p ? (const char *)b.p : "", cases[i].text);
	}
}

static void long_text_is_cut_between_characters(void)
{
	AUTO(buf) struct buf b = { 0 };

	buf_puts(&b, "x");
	for (int i = 0; i < MCP_TEXT_MAX; i++)
		buf_puts(&b, "é");
	mcp_content_cut(&b, 0);
	CHECK(!b.failed);
	const char *note = strstr((const char *)b.p, "\n[cut here: the first 65535 of 131073 octets]");
	CHECK(note);
	CHECK_EQ(note - (const char *)b.p, 65535);
}

static void json_stays_json(void)
{
	static const char *const cases[][2] = { { "{\"a\":1}", "{\"a\":1}" }, { "[1]", "[1]" }, { "{no", "\"{no\"" },
						{ "plain \"x\"", "\"plain \\\"x\\\"\"" }, { "7", "\"7\"" } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(buf) struct buf b = { 0 };

		mcp_content_json(cases[i][0], &b);
		CHECK(!b.failed);
		CHECK_STR((const char *)b.p, cases[i][1]);
	}
}

TESTS({ "all_kinds_of_content_are_one_text", all_kinds_of_content_are_one_text },
      { "long_text_is_cut_between_characters", long_text_is_cut_between_characters },
      { "json_stays_json", json_stays_json })
