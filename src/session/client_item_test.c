/* conversation.item.*: what a client may do with the conversation. */
#include "session/rig.h"

static bool create(struct rig *r, const char *id, const char *previous)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{'type':'conversation.item.create','previous_item_id':%s%s%s,'item':{'id':'%s',"
		 "'type':'message','role':'user','content':[{'type':'input_text','text':'%s'}]}}",
		 previous ? "'" : "", previous ? previous : "null", previous ? "'" : "", id, id);
	rig_say(r, text);
	return !mem_failed();
}

/* The conversation as the model is shown it: the texts of its items. */
static bool order_is(struct rig *r, const char *want)
{
	char got[64] = "";
	size_t n = 0, i;
	json_t *item;

	rig_say(r, "{'type':'response.create','response':{'output_modalities':['text'],"
		   "'conversation':'none'}}");
	rig_wait(r, 20000);
	rig_forget(r);
	json_array_foreach(json_object_get(fake_last_request(r->fake), "items"), i, item) {
		const json_t *part = json_array_get(json_object_get(item, "content"), 0);

		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s", json_str(part, "text", "?"));
	}
	if (strcmp(got, want) != 0 && !mem_failed())
		fprintf(stderr, "the order is %s, not %s\n", got, want);
	return strcmp(got, want) == 0;
}

static void items_go_where_they_are_put(void)
{
	RIG(r, NULL, 0);
	CHECK(create(&r, "b", NULL) && create(&r, "d", NULL));
	CHECK(create(&r, "a", "root") && create(&r, "c", "b") && create(&r, "e", "d"));
	CHECK(rig_until(&r, "conversation.item.added", "{'previous_item_id':null}"));
	CHECK(rig_until(&r, "conversation.item.added", "{'previous_item_id':'b'}"));
	CHECK(rig_until(&r, "conversation.item.added", "{'previous_item_id':null}"));
	CHECK(rig_until(&r, "conversation.item.added", "{'previous_item_id':'b'}"));
	CHECK(rig_until(&r, "conversation.item.added", "{'previous_item_id':'d'}"));
	CHECK(order_is(&r, "abcde"));
	rig_say(&r, "{'type':'conversation.item.delete','item_id':'c'}");
	CHECK(rig_expect(&r, "conversation.item.deleted", "{'item_id':'c'}"));
	rig_say(&r, "{'type':'conversation.item.delete','item_id':'c'}");
	CHECK(rig_expect(&r, "error", "{'error':{'code':'item_delete_invalid_item_id'}}"));
	CHECK(create(&r, "c", "c"));
	CHECK(rig_expect(&r, "error",
			 "{'error':{'code':'invalid_value','param':'previous_item_id'}}"));
	CHECK(create(&r, "a", NULL));
	CHECK(rig_expect(&r, "error", "{'error':{'code':'invalid_value','param':'item.id'}}"));
	CHECK(order_is(&r, "abde"));
}

/* Null is said only of a user's audio: other clients than ours throw at it elsewhere. */
static void words_that_are_not_known(void)
{
	RIG(r, NULL, 0);
	rig_say(&r, "{'type':'conversation.item.create','item':{'type':'message','role':'user',"
		    "'content':[{'type':'input_audio','audio':'AAAAAAAA'}]}}");
	CHECK(rig_until(&r, "conversation.item.added",
			"{'item':{'content':[{'transcript':null}]}}"));
	rig_say(&r, "{'type':'conversation.item.create','item':{'type':'message',"
		    "'role':'assistant','content':[{'type':'output_audio'}]}}");
	const json_t *e = rig_find(&r, "conversation.item.added");
	const json_t *part =
		json_array_get(json_object_get(json_object_get(e, "item"), "content"), 0);
	CHECK(part && !json_object_get(part, "transcript"));
}

static void without_an_id_one_is_given(void)
{
	RIG(r, NULL, 0);
	rig_say(&r, "{'type':'conversation.item.create','item':{'type':'message','role':'user',"
		    "'content':[{'type':'input_text','text':'x'}]}}");
	const json_t *e = rig_find(&r, "conversation.item.added");
	const char *id = json_str(json_object_get(e, "item"), "id", "");
	CHECK(strncmp(id, "item_", 5) == 0);
	CHECK(rig_has(e, "{'item':{'status':'completed'}}"));
}

/* The oldest gives way, but only to an item that comes. */
static void the_conversation_has_a_limit(void)
{
	char id[16];

	if (getenv("VOICED_TEST_OOM"))
		return; /* thousands of items, each made as the others */
	RIG(r, NULL, 0);
	for (int i = 0; i < SESSION_ITEMS_MAX; i++) {
		snprintf(id, sizeof(id), "i%d", i);
		CHECK(create(&r, id, NULL));
	}
	CHECK_EQ(rig_count(&r, "conversation.item.deleted"), 0);
	rig_forget(&r);
	CHECK(create(&r, "new", "nowhere"));
	CHECK(rig_expect(&r, "error", "{'error':{'param':'previous_item_id'}}"));
	CHECK(rig_quiet(&r));
	CHECK(create(&r, "i1999", NULL));
	CHECK(rig_expect(&r, "error", "{'error':{'param':'item.id'}}"));
	CHECK(rig_quiet(&r));
	CHECK(create(&r, "new", NULL));
	CHECK(rig_expect(&r, "conversation.item.deleted", "{'item_id':'i0'}"));
	CHECK(rig_expect(&r, "conversation.item.added", "{'previous_item_id':'i1999'}"));
	CHECK(rig_expect(&r, "conversation.item.done", "{}"));
	CHECK(create(&r, "second", "i1")); /* behind the very one that gives way */
	CHECK(rig_expect(&r, "conversation.item.deleted", "{'item_id':'i1'}"));
	CHECK(rig_expect(&r, "conversation.item.added", "{'previous_item_id':null}"));
}

static void only_spoken_answers_are_truncated(void)
{
	static const struct fake_step steps[] = { { FAKE_TEXT, "one two three four.", NULL } };
	char text[160], id[64];

	RIG(r, NULL, 0);
	CHECK(create(&r, "u", NULL));
	rig_forget(&r);
	rig_say(&r, "{'type':'conversation.item.truncate','item_id':'u','audio_end_ms':0}");
	CHECK(rig_expect(&r, "error", "{'error':{'code':'invalid_value','param':'item_id'}}"));
	rig_say(&r, "{'type':'conversation.item.truncate','item_id':'x','audio_end_ms':0}");
	CHECK(rig_expect(&r, "error", "{'error':{'code':'item_truncate_invalid_item_id'}}"));

	CHECK_EQ(fake_answer(r.fake, steps, 1), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 20000);
	const json_t *e = rig_find(&r, "response.output_item.added");
	snprintf(id, sizeof(id), "%s", json_str(json_object_get(e, "item"), "id", ""));
	rig_forget(&r);
	/* {content_index, ms, param of the error} */
	static const struct {
		int index;
		long long ms;
		const char *param;
	} wrong[] = { { 1, 0, "content_index" },
		      { 0, -1, "audio_end_ms" },
		      { 0, 100000, "audio_end_ms" },
		      { 0, INT64_MAX, "audio_end_ms" },
		      { 0, INT64_MIN, "audio_end_ms" } };
	for (size_t i = 0; i < rig_cases(ARRAY_LEN(wrong)); i++) {
		snprintf(text, sizeof(text),
			 "{'type':'conversation.item.truncate','item_id':'%s','content_index':%d,"
			 "'audio_end_ms':%lld}",
			 id, wrong[i].index, wrong[i].ms);
		rig_say(&r, text);
		snprintf(text, sizeof(text), "{'error':{'code':'invalid_value','param':'%s'}}",
			 wrong[i].param);
		CHECK(rig_expect(&r, "error", text));
	}
	snprintf(text, sizeof(text),
		 "{'type':'conversation.item.truncate','item_id':'%s','audio_end_ms':400}", id);
	rig_say(&r, text);
	CHECK(rig_expect(&r, "conversation.item.truncated",
			 "{'content_index':0,'audio_end_ms':400}"));
	snprintf(text, sizeof(text), "{'type':'conversation.item.retrieve','item_id':'%s'}", id);
	rig_say(&r, text);
	e = rig_find(&r, "conversation.item.retrieved");
	/* "three" had begun and was not over. */
	CHECK(rig_has(e, "{'item':{'content':[{'type':'output_audio','transcript':'one two'}]}}"));
	/* What is cut off stays cut off. */
	snprintf(text, sizeof(text),
		 "{'type':'conversation.item.truncate','item_id':'%s','audio_end_ms':401}", id);
	rig_say(&r, text);
	CHECK(rig_expect(&r, "error", "{'error':{'param':'audio_end_ms'}}"));
}

/* Audio with words of its own is not listened to. */
static void audio_that_brings_its_words_is_not_recognised(void)
{
	const struct fake_delays slow = { .final_us = 100000 };

	RIG(r, NULL, 0);
	fake_delays(r.fake, &slow);
	rig_say(&r, "{'type':'conversation.item.create','item':{'type':'message','role':'user',"
		    "'content':[{'type':'input_audio','audio':'AAAAAAAA','transcript':'hi'}]}}");
	CHECK_EQ(fake_running(r.fake), 0);
	rig_say(&r, "{'type':'conversation.item.create','item':{'type':'message','role':'user',"
		    "'content':[{'type':'input_audio','audio':'AAAAAAAA'}]}}");
	CHECK_EQ(fake_running(r.fake), 1);
}

static void deleted_audio_is_still_only_once_freed(void)
{
	const struct fake_delays slow = { .final_us = 100000 };

	RIG(r, NULL, 0);
	fake_delays(r.fake, &slow);
	rig_say(&r, "{'type':'conversation.item.create','item':{'id':'a','type':'message',"
		    "'role':'user','content':[{'type':'input_audio','audio':'AAAAAAAA'}]}}");
	rig_say(&r, "{'type':'conversation.item.delete','item_id':'a'}");
	CHECK(rig_until(&r, "conversation.item.deleted", "{'item_id':'a'}"));
	rig_say(&r, "{'type':'response.create','response':{'output_modalities':['text']}}");
	rig_wait(&r, 20000); /* nobody waits for the words of what is gone */
	CHECK_EQ(rig_count(&r, "response.done"), 1);
	rig_wait(&r, 200000);
	CHECK_EQ(r.legs[0].closed, 0);
}

TESTS({ "words_that_are_not_known", words_that_are_not_known },
      { "items_go_where_they_are_put", items_go_where_they_are_put },
      { "without_an_id_one_is_given", without_an_id_one_is_given },
      { "the_conversation_has_a_limit", the_conversation_has_a_limit },
      { "only_spoken_answers_are_truncated", only_spoken_answers_are_truncated },
      { "audio_that_brings_its_words_is_not_recognised",
	audio_that_brings_its_words_is_not_recognised },
      { "deleted_audio_is_still_only_once_freed", deleted_audio_is_still_only_once_freed })
