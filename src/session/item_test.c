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
	bool left_out;
	AUTO(json) json_t *items = conv_items(&c, 1000, 0.5, &left_out);
	ok = ok && json_array_size(items) == 3 && !left_out;
	conv_done(&c);
	CHECK(ok);
	CHECK_EQ(c.n, 0);
}

static void the_oldest_are_left_out_where_not_all_fit(void)
{
	struct conversation c;
	bool left_out = false, left_out_too = false, none = false;

	json_init();
	conv_init(&c);
	for (int i = 0; i < 4; i++) {
		AUTO(item)
		struct item *it = item_make(
			ITEM_MESSAGE, ROLE_USER, "x",
			json_pack("{s:i,s:[{s:s,s:s}]}", "n", i, "content", "type", "input_text",
				  "text", "twenty-nine octets of a text!"));
		if (it)
			conv_insert(&c, it, conv_last(&c));
	}
	size_t one = conv_first(&c) ? item_tokens(conv_first(&c)) : 0;
	AUTO(json) json_t *all = conv_items(&c, 4 * one, 0.5, &none);
	AUTO(json) json_t *items = conv_items(&c, 2 * one + 1, 1, &left_out);
	AUTO(json) json_t *fewer = conv_items(&c, 4 * one - 1, 0.3, &left_out_too);
	int64_t first = json_int(json_array_get(items, 0), "n", -1);
	size_t n = json_array_size(items), held = c.n;
	conv_done(&c);
	CHECK(held == 4 && items && all && fewer);
	CHECK(!none && left_out && left_out_too);
	CHECK_EQ(json_array_size(all), 4);
	CHECK_EQ(n, 2);
	CHECK_EQ(first, 2);
	CHECK_EQ(json_array_size(fewer), 1);
	CHECK_EQ(json_int(json_array_get(fewer, 0), "n", -1), 3);
}

TESTS({ "the_oldest_are_left_out_where_not_all_fit", the_oldest_are_left_out_where_not_all_fit },
      { "keeps_what_belongs_into_an_item", keeps_what_belongs_into_an_item },
      { "refuses_what_is_no_item", refuses_what_is_no_item },
      { "knows_what_was_heard", knows_what_was_heard },
      { "a_conversation_is_in_order", a_conversation_is_in_order })
