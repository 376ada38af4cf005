#include "service/chat_stream.h"

#include "base/test.h"

static void on_text(void *owner, const char *text)
{
	buf_printf(owner, "%s|", text);
}

static void on_call(void *owner, const char *name, const char *arguments)
{
	buf_printf(owner, "%s(%s)|", name, arguments);
}

static const struct chat_stream_ops ops = { on_text, on_call };

#define D(json) "data: " json "\n\n"
#define TEXT(t) D("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" t "\"}}]}")
#define CALLS(c) D("{\"choices\":[{\"delta\":{\"content\":null,\"tool_calls\":[" c "]},\"finish_reason\":null}]}")
#define END(r) D("{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" r "\"}]}")
#define USAGE D("{\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3}}")
#define DONE D("[DONE]")

static const struct row {
	const char *type, *octets, *told; /* told: the text and calls, then how it ended */
} rows[] = {
	/* Words are whole. */
	{ "text/event-stream", D("{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}") TEXT("Hel") TEXT("lo")
	  TEXT(" wor") TEXT("ld.") TEXT(" 3") TEXT(".5 \xc3\xa9t") TEXT("\xc3\xa9") END("stop") USAGE DONE,
	  "Hello |world.| |3.5 |\xc3\xa9t\xc3\xa9|stop 12+3" },
	{ "text/event-stream; charset=utf-8", ": hello\n\n" TEXT("a\\nb") END("stop"), "a\n|b|stop 0+0" },
	{ "", TEXT("\xe4\xbd\xa0") TEXT("\xe5\xa5\xbd") END("length") DONE, "\xe4\xbd\xa0|\xe5\xa5\xbd|max 0+0" },
	{ "text/event-stream", TEXT("don't ") TEXT("well-") TEXT("known ") END("stop") END("stop") DONE, "don't |well-known |stop 0+0" },
	/* Calls in pieces, in any order; unnumbered; with arguments that are none. */
	{ "text/event-stream", CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"search\",\"arguments\":\"\"}}")
	  CALLS("{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"time\"}},{\"index\":0,\"function\":{\"arguments\":\"{\\\"q\\\":\"}}")
	  CALLS("{\"index\":0,\"function\":{\"arguments\":\"1}\"}}") END("tool_calls") DONE, "search({\"q\":1})|time({})|calls 0+0" },
	{ "text/event-stream", CALLS("{\"function\":{\"name\":\"a\",\"arguments\":\"{}\"}},{\"function\":{\"name\":\"b\",\"arguments\":{\"c\":[1]}}}")
	  END("stop") DONE, "a({})|b({\"c\":[1]})|calls 0+0" },
	{ "text/event-stream", TEXT("Wait.") CALLS("{\"index\":0,\"function\":{\"name\":\"a\",\"arguments\":\"no json\"}}") END("tool_calls"),
	  "Wait.|a(no json)|calls 0+0" },
	{ "text/event-stream", CALLS("{\"index\":0,\"function\":{\"name\":\"a\",\"arguments\":\"{\\\"q\"}}") END("length") DONE, "max 0+0" },
	{ "text/event-stream", CALLS("{\"index\":5,\"function\":{\"arguments\":\"{}\"}}") END("tool_calls") DONE, "stop 0+0" },
	{ "text/event-stream", CALLS("{\"index\":1025,\"function\":{\"name\":\"a\"}}"), "engine_failed: more functions" },
	{ "text/event-stream", CALLS("{\"index\":-1,\"function\":{\"name\":\"a\"}}"), "engine_failed: more functions" },
	{ "text/event-stream", CALLS("7"), "engine_failed: more functions" },
	/* Not streamed. */
	{ "application/json", "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"Yes, it is\"},\"finish_reason\":\"stop\"}],"
	  "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}", "Yes, it |is|stop 5+2" },
	{ "application/json; charset=utf-8", "{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[{\"id\":\"x\",\"function\":"
	  "{\"name\":\"a\",\"arguments\":\"{}\"}}]},\"finish_reason\":null}]}", "a({})|calls 0+0" },
	{ "application/json", "{\"choices\":[", "engine_failed: no chat completion" },
	{ "application/json", "[]", "engine_failed: no chat completion" },
	{ "application/json", "{}", "engine_failed: no chat completion" },
	{ "application/json", "", "engine_failed: no chat completion" },
	{ "text/html", "<html>", "engine_failed: no chat completion" },
	/* What goes wrong. */
	{ "text/event-stream", TEXT("Hel") DONE, "Hel|stop 0+0" },
	{ "text/event-stream", TEXT("Hello ") , "Hello |engine_failed: broke off in" },
	{ "text/event-stream", "", "engine_failed: broke off in" },
	{ "text/event-stream", TEXT("a ") "data: {\"choi", "a |engine_failed: broke off in" },
	{ "text/event-stream", TEXT("a ") D("{\"choi"), "a |engine_failed: no JSON" },
	{ "text/event-stream", D("7"), "engine_failed: no chat completion" },
	{ "text/event-stream", TEXT("a ") D("{\"error\":{\"message\":\"overloaded\\nby sk-abc\",\"type\":\"x\"}}"),
	  "a |engine_failed: broke off: overloaded by …" },
	{ "text/event-stream", "event: error\n" D("{\"error\":\"plain\"}"), "engine_failed: broke off: plain" },
	{ "text/event-stream", END("content_filter") DONE, "content_filter: held" },
	{ "text/event-stream", D("{\"choices\":null}") D("{\"choices\":[7],\"usage\":null,\"error\":null}") TEXT("a.") END("stop"), "a.|stop 0+0" },
	{ "text/event-stream", D("{\"choices\":[{\"delta\":{\"refusal\":\"I won't.\"}}]}") END("stop"), "I won't.|stop 0+0" },
	{ "text/event-stream", D("{\"choices\":[],\"usage\":{\"prompt_tokens\":-4,\"completion_tokens\":99999999999}}") END("stop"),
	  "stop 0+2147483647" },
};

static void tell_end(struct buf *b, const struct chat_stream *c)
{
	static const char *const names[] = { [LLM_STOP] = "stop", [LLM_TOOL_CALLS] = "calls", [LLM_MAX_TOKENS] = "max" };

	if (c->state == CHAT_FINISHED)
		buf_printf(b, "%s %d+%d", names[c->finish], c->usage.input_tokens, c->usage.output_tokens);
	else
		buf_printf(b, "%s: %s", c->code, c->why);
}

/* Everything up to the last ": " is the same, and what follows is somewhere in the sentence. */
static bool told_is(const char *got, const char *want)
{
	const char *colon = strstr(want, ": ");
	size_t n = colon ? (size_t)(colon - want) : strlen(want) + 1;

	return strncmp(got, want, n) == 0 && (!colon || strstr(got + n, colon + 2));
}

static void reads_answers_in_any_pieces(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t piece = getenv("VOICED_TEST_OOM") ? 57 : 1; piece < 2000; piece = piece * 7 + 1) {
			AUTO(chat_stream) struct chat_stream c;
			AUTO(buf) struct buf told = { 0 };
			struct bytes rest = bytes_str(rows[i].octets);

			(void)chat_stream_init(&c, rows[i].type, &ops, &told);
			while (rest.n) {
				size_t n = MIN(rest.n, piece);

				if (chat_stream_push(&c, bytes_sub(rest, 0, n)) != CHAT_READING)
					break;
				rest = bytes_sub(rest, n, rest.n - n);
			}
			CHECK(chat_stream_end(&c, false) != CHAT_READING);
			tell_end(&told, &c);
			CHECK(!told.failed);
			if (!told_is((const char *)told.p, rows[i].told) && !mem_failed())
				fprintf(stderr, "row %zu: %s\n", i, (const char *)told.p);
			CHECK(told_is((const char *)told.p, rows[i].told));
		}
}

static void a_broken_connection_is_no_end(void)
{
	AUTO(chat_stream) struct chat_stream c;
	AUTO(buf) struct buf told = { 0 };

	(void)chat_stream_init(&c, "application/json", &ops, &told);
	CHECK_EQ(chat_stream_push(&c, bytes_str("{\"choices\":[{\"message\":{\"content\":\"a\"}}]}")), CHAT_READING);
	CHECK_EQ(chat_stream_end(&c, true), CHAT_FAILED);
	CHECK(!told.n);
}

static void tells_what_was_in_the_cache(void)
{
	AUTO(chat_stream) struct chat_stream c;
	AUTO(buf) struct buf told = { 0 };

	(void)chat_stream_init(&c, "", &ops, &told);
	CHECK_EQ(chat_stream_push(&c, bytes_str(END("stop") D("{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,"
							    "\"prompt_tokens_details\":{\"cached_tokens\":5}}}") DONE)),
		 CHAT_FINISHED);
	CHECK(c.usage.input_tokens == 9 && c.usage.cached_tokens == 5 && c.usage.output_tokens == 3);
}

static void is_bounded(void)
{
	AUTO(chat_stream) struct chat_stream events, whole, arguments;
	AUTO(buf) struct buf told = { 0 };
	static char much[1 << 16];

	memset(much, 'x', sizeof(much));
	(void)chat_stream_init(&events, "", &ops, &told);
	(void)chat_stream_init(&whole, "application/json", &ops, &told);
	(void)chat_stream_init(&arguments, "", &ops, &told);
	for (int i = 0; i < 65; i++) {
		(void)chat_stream_push(&events, bytes_of(much, sizeof(much)));
		(void)chat_stream_push(&whole, bytes_of(much, sizeof(much)));
		(void)chat_stream_push(&arguments, bytes_str("data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,"
							      "\"function\":{\"name\":\"a\",\"arguments\":\""));
		(void)chat_stream_push(&arguments, bytes_of(much, sizeof(much)));
		(void)chat_stream_push(&arguments, bytes_str("\"}}]}}]}\n\n"));
	}
	CHECK(events.state == CHAT_FAILED && whole.state == CHAT_FAILED && arguments.state == CHAT_FAILED);
	CHECK(!told.n);
}

static void reads_errors_without_keys(void)
{
	static const struct {
		const char *body, *message, *param;
	} table[] = {
		{ "{\"error\":{\"message\":\"Incorrect API key provided: sk-pr0j12**********************cdef. See https://x.y/z.\",\"param\":null}}",
		  "Incorrect API key provided: … See https://x.y/z.", "" },
		{ "{\"error\":{\"message\":\"Unsupported parameter: 'max_tokens'\",\"param\":\"max_tokens\"}}", "Unsupported parameter: 'max_tokens'",
		  "max_tokens" },
		{ "{\"error\":\"model 'x' not found\"}", "model 'x' not found", "" },
		{ "[{\"error\":{\"message\":\"listed\"}}]", "listed", "" },
		{ "{\"detail\":\"Not Found\"}", "Not Found", "" },
		{ "key 0123456789abcdef0123456789abcdef", "", "" },
		{ "{\"message\":\"key 0123456789abcdef0123456789abcdef is wrong\"}", "key … is wrong", "" },
		{ "", "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char message[CHAT_WHY], param[64];

		chat_error_read(bytes_str(table[i].body), message, param);
		CHECK_STR(message, table[i].message);
		CHECK_STR(param, table[i].param);
	}
}

int main(int argc, char **argv)
{
	static const struct test tests[] = { { "reads_answers_in_any_pieces", reads_answers_in_any_pieces },
					     { "a_broken_connection_is_no_end", a_broken_connection_is_no_end },
					     { "tells_what_was_in_the_cache", tells_what_was_in_the_cache },
					     { "is_bounded", is_bounded },
					     { "reads_errors_without_keys", reads_errors_without_keys } };

	json_init();
	return test_main_(tests, ARRAY_LEN(tests), argc > 1 ? argv[1] : NULL);
}
