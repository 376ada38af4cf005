#include "api/chat_messages.h"

#include "base/test.h"


static void request_auto_(struct chat_request *q)
{
	chat_request_done(q);
}

static json_t *parse(const char *text)
{
	char why[160];

	json_init();
	return json_parse(bytes_str(text), why);
}

static bool same(const json_t *v, const char *text)
{
	AUTO(buf) struct buf b = { 0 };

	json_write(&b, v);
	bool ok = !b.failed && b.p && strcmp((const char *)b.p, text) == 0;
	if (!ok && !mem_failed())
		fprintf(stderr, "%s\nis not\n%s\n", b.p ? (const char *)b.p : "", text);
	return ok;
}

static void messages_become_items(void)
{
	AUTO(json) json_t *body = parse(
		"{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"max_completion_tokens\":7,\"seed\":1,"
		"\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":\"And kind.\"}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"One\"},{\"type\":\"text\",\"text\":\"two\"}]},"
		"{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
		"{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"ok\"},{\"role\":\"assistant\",\"content\":\"Done.\"}]}");
	AUTO(request) struct chat_request q = { 0 };

	CHECK(body);
	CHECK(!chat_request_parse(body, &q).why && !q.no_memory);
	CHECK_STR((const char *)q.instructions.p, "Be brief.\n\nAnd kind.");
	CHECK(q.stream && q.usage && q.max_tokens == 7);
	CHECK_STR(q.model, "m");
	CHECK(same(q.items,
		   "[{\"type\":\"message\",\"status\":\"completed\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"One\\ntwo\"}]},"
		   "{\"type\":\"function_call\",\"status\":\"completed\",\"call_id\":\"c1\",\"name\":\"f\",\"arguments\":\"{}\"},"
		   "{\"type\":\"function_call_output\",\"status\":\"completed\",\"call_id\":\"c1\",\"output\":\"ok\"},"
		   "{\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Done.\"}]}]"));
}

static void functions_lose_their_wrapper(void)
{
	AUTO(json) json_t *body = parse(
		"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true,"
		"\"parameters\":{\"type\":\"object\"}}}],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}},\"max_tokens\":5}");
	AUTO(request) struct chat_request q = { 0 };

	CHECK(body);
	CHECK(!chat_request_parse(body, &q).why && !q.no_memory);
	CHECK(same(q.tools, "[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}]"));
	CHECK(same(q.choice, "{\"type\":\"function\",\"name\":\"f\"}"));
	CHECK_EQ(q.max_tokens, 5);
}

static void what_is_wrong_has_a_name(void)
{
	static const struct {
		const char *body, *param;
	} rows[] = {
		{ "{}", "messages" },
		{ "{\"messages\":7}", "messages" },
		{ "{\"messages\":[7]}", "messages" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":7}]}", "messages" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{}}]}]}", "messages" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"response_format\":{\"type\":\"json_schema\"}}", "response_format" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"modalities\":[\"text\",\"audio\"]}", "modalities" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stream\":1}", "stream" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":[{\"type\":\"web_search\"}]}", "tools" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"max_tokens\":1.5}", "max_completion_tokens" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(json) json_t *body = parse(rows[i].body);
		AUTO(request) struct chat_request q = { 0 };

		CHECK(body);
		struct serving_wrong w = chat_request_parse(body, &q);
		CHECK_STR(w.param, rows[i].param);
		CHECK(w.why && strlen(w.why) > 10);
	}
}

TESTS({ "messages_become_items", messages_become_items },
      { "functions_lose_their_wrapper", functions_lose_their_wrapper },
      { "what_is_wrong_has_a_name", what_is_wrong_has_a_name })
