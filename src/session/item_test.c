#include "session/item.h"

#include <errno.h>

#include "base/test.h"

static void item_auto_(struct item **it)
{
	item_unref(*it);
}

static int parse(const char *s, struct item **out, const char **audio, struct api_error *e)
{
	char why[160];
	AUTO(json) json_t *v = json_parse(bytes_str(s), why);
	int err = v ? item_parse(v, "item_spare", out, audio, e) : -ENOMEM;

	if (audio && *audio)
		*audio = "borrowed";
	return err;
}

static void keeps_what_belongs_into_an_item(void)
{
	AUTO(item) struct item *it = NULL;
	AUTO(item) struct item *call = NULL;
	const char *audio;
	struct api_error e;

	json_init();
	CHECK_EQ(parse("{\"type\":\"message\",\"role\":\"user\",\"id\":\"x\",\"more\":1,"
		       "\"content\":["
		       "{\"type\":\"input_audio\",\"audio\":\"AAAA\"},"
		       "{\"type\":\"input_text\",\"text\":\"t\",\"odd\":2}]}",
		       &it, &audio, &e),
		 0);
	CHECK_STR(it->id, "x");
	CHECK(it->has_audio && audio);
	CHECK(!json_object_get(it->wire, "more"));
	const json_t *parts = json_object_get(it->wire, "content");
	CHECK(json_is_null(json_object_get(json_array_get(parts, 0), "transcript")));
	CHECK(!json_object_get(json_array_get(parts, 0), "audio"));
	CHECK_STR(json_str(json_array_get(parts, 1), "text", ""), "t");
	CHECK_EQ(parse("{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"n\","
		       "\"arguments\":\"{}\"}",
		       &call, &audio, &e),
		 0);
	CHECK_STR(call->id, "item_spare");
}

static void refuses_what_is_no_item(void)
{
	static const char *const bad[] = {
		"{}",
		"{\"type\":\"poem\"}",
		"{\"type\":\"message\",\"role\":\"king\",\"content\":[]}",
		"{\"type\":\"message\",\"role\":\"user\"}",
		"{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\"}]}",
		"{\"type\":\"message\",\"role\":\"system\",\"content\":[{\"type\":\"input_audio\"}]"
		"}",
		"{\"type\":\"message\",\"role\":\"user\",\"content\":[7]}",
		"{\"type\":\"function_call_output\",\"output\":\"x\"}",
		"{\"type\":\"message\",\"id\":\"\",\"role\":\"user\",\"content\":[]}",
	};

	json_init();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct item *it = NULL;
		const char *audio;
		struct api_error e;

		CHECK_EQ(parse(bad[i], &it, &audio, &e), -EINVAL);
		CHECK(!it && e.code && e.message[0]);
	}
}

static void knows_what_was_heard(void)
{
	json_init();
	AUTO(item)
	struct item *it = item_make(ITEM_MESSAGE, ROLE_ASSISTANT, "a",
				    json_pack("{s:[{s:s,s:s}]}", "content", "type", "output_audio",
					      "transcript", "one two three"));

	CHECK(it);
	it->audio_ms = 900;
	CHECK(item_mark(it, 0, 0) && item_mark(it, 4, 300) && item_mark(it, 8, 600));
	CHECK_EQ(item_heard(it, 0), 0);
	CHECK_EQ(item_heard(it, 299), 0);
	CHECK_EQ(item_heard(it, 300), 3); /* "one" */
	CHECK_EQ(item_heard(it, 700), 7); /* "one two" */
	CHECK_EQ(item_heard(it, 900), 13);
}

static void a_conversation_is_in_order(void)
{
	struct conversation c;
	const char *const ids[] = { "a", "b", "c" };

	json_init();
	conv_init(&c);
	for (size_t i = 0; i < 3; i++) {
		AUTO(item)
		struct item *it = item_make(ITEM_MESSAGE, ROLE_USER, ids[i],
					    json_pack("{s:s}", "id", ids[i]));
		if (it)
			conv_insert(&c, it, i == 2 ? NULL : conv_last(&c));
	}
	struct item *a = conv_find(&c, "a"), *b = conv_find(&c, "b"), *first = conv_find(&c, "c");
	bool ok = c.n == 3 && conv_first(&c) == first && conv_last(&c) == b &&
		  conv_before(&c, a) == first && !conv_before(&c, first) && !conv_find(&c, "d");
	conv_forget(&c, 1000);
	AUTO(json) json_t *items = conv_items(&c, SIZE_MAX);
	ok = ok && json_array_size(items) == 3;
	conv_done(&c);
	CHECK(ok);
	CHECK_EQ(c.n, 0);
}

/* What a model is shown of the conversation: the numbers in "n", as digits. */
static const char *shown(const struct conversation *c, char to[static 16])
{
	AUTO(json) json_t *items = conv_items(c, SIZE_MAX);
	size_t n = MIN(json_array_size(items), (size_t)15);

	for (size_t i = 0; i < n; i++)
		to[i] = (char)('0' + json_int(json_array_get(items, i), "n", 9));
	to[n] = 0;
	return to;
}

/* Each of these is ten tokens. call: of the call with this number, or of its output; -1: a message. */
static bool put(struct conversation *c, int n, enum item_type t, int call)
{
	char call_id[16] = "";

	snprintf(call_id, sizeof(call_id), "%d", call);
	AUTO(item)
	struct item *it = item_make(t, ROLE_USER, "x",
				    json_pack("{s:i,s:s,s:s*}", "n", n, t == ITEM_CALL_OUTPUT ? "output" : t == ITEM_CALL ? "arguments" : "content",
					      "thirty-six octets that are nine toks", "call_id", call < 0 ? NULL : call_id));
	if (it)
		conv_insert(c, it, conv_last(c));
	return it;
}

static void the_oldest_are_forgotten_where_not_all_fit(void)
{
	struct conversation c;
	char text[6][16] = { "" };
	size_t held = 0;
	bool made = true;

	json_init();
	conv_init(&c);
	for (int i = 0; i < 4; i++)
		made = made && put(&c, i, ITEM_MESSAGE, -1);
	if (made) {
		conv_forget(&c, 40);
		shown(&c, text[0]);
		conv_forget(&c, 39);
		shown(&c, text[1]);
		conv_forget(&c, 12);
		shown(&c, text[2]);
		conv_forget(&c, 0); /* what was asked last is always seen */
		shown(&c, text[3]);
		conv_forget(&c, 1000);
		shown(&c, text[4]);
		held = c.n;
	}
	conv_done(&c);
	CHECK(made);
	CHECK_STR(text[0], "0123");
	CHECK_STR(text[1], "123");
	CHECK_STR(text[2], "3");
	CHECK_STR(text[3], "3");
	CHECK_STR(text[4], "3");
	CHECK_EQ(held, 4);
}

static void a_call_goes_with_its_output(void)
{
	struct conversation c;
	char text[16] = "";

	json_init();
	conv_init(&c);
	bool made = put(&c, 0, ITEM_CALL, 0) && put(&c, 1, ITEM_CALL, 1) && put(&c, 2, ITEM_CALL_OUTPUT, 0) &&
		    put(&c, 3, ITEM_CALL_OUTPUT, 1) && put(&c, 4, ITEM_MESSAGE, -1);
	size_t all = conv_tokens(&c);
	if (made) {
		conv_forget(&c, 49);
		shown(&c, text);
	}
	size_t left = conv_tokens(&c);
	conv_done(&c);
	CHECK(made);
	CHECK_EQ(all, 50);
	CHECK_STR(text, "134");
	CHECK_EQ(left, 30);
}

TESTS({ "the_oldest_are_forgotten_where_not_all_fit", the_oldest_are_forgotten_where_not_all_fit },
      { "a_call_goes_with_its_output", a_call_goes_with_its_output },
      { "keeps_what_belongs_into_an_item", keeps_what_belongs_into_an_item },
      { "refuses_what_is_no_item", refuses_what_is_no_item },
      { "knows_what_was_heard", knows_what_was_heard },
      { "a_conversation_is_in_order", a_conversation_is_in_order })
