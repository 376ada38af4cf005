/* response.create and response.cancel: what a client may ask for. */
#include "session/rig.h"

static const char text_only[] = "{'type':'session.update','session':{'type':'realtime',"
				"'output_modalities':['text'],'instructions':'usual'}}";

static void a_response_has_settings_of_its_own(void)
{
	RIG(r, NULL, 0);
	rig_say(&r, text_only);
	rig_forget(&r);
	rig_say(&r, "{'type':'response.create','response':{'instructions':'special',"
		    "'max_output_tokens':7,'metadata':{'k':'v'},'tool_choice':'none'}}");
	CHECK(rig_expect(&r, "response.created",
			 "{'response':{'object':'realtime.response','status':'in_progress',"
			 "'status_details':null,'output':[],'usage':null,'max_output_tokens':7,"
			 "'metadata':{'k':'v'},'output_modalities':['text']}}"));
	CHECK(rig_has(fake_last_request(r.fake),
		      "{'instructions':'special','tool_choice':'none','max_output_tokens':7}"));
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'completed','status_details':null,"
			"'metadata':{'k':'v'},'usage':{'output_token_details':{'audio_tokens':0}}}}"));
	rig_say(&r, "{'type':'response.create','response':null}");
	CHECK(rig_has(fake_last_request(r.fake), "{'instructions':'usual','tool_choice':'auto'}"));
	CHECK(rig_until(&r, "response.created", "{'response':{'metadata':null}}"));
}

/* {response, the error's param} */
static const char *const refused[][2] = {
	{ "{'conversation':'other'}", "response.conversation" },
	{ "{'metadata':[]}", "response.metadata" },
	{ "{'metadata':{'k':1}}", "response.metadata" },
	{ "{'input':{}}", "response.input" },
	{ "{'input':[{'type':'item_reference','id':'none'}]}", "response.input" },
	{ "{'input':[{'type':'item_reference'}]}", "response.input" },
	{ "{'input':[{'type':'message','role':'robot','content':[]}]}", "item.role" },
	{ "{'output_modalities':['smell']}", "response.output_modalities" },
	{ "{'max_output_tokens':0}", "response.max_output_tokens" },
	{ "{'tools':7}", "response.tools" },
};

static void what_is_refused_begins_nothing(void)
{
	RIG(r, NULL, 0);
	rig_forget(&r);
	for (size_t i = 0; i < rig_cases(ARRAY_LEN(refused)); i++) {
		char text[256], want[128];

		snprintf(text, sizeof(text), "{'type':'response.create','response':%s}",
			 refused[i][0]);
		snprintf(want, sizeof(want), "{'error':{'code':'invalid_value','param':'%s'}}",
			 refused[i][1]);
		rig_say(&r, text);
		CHECK(rig_expect(&r, "error", want));
		CHECK(rig_quiet(&r));
	}
	CHECK_EQ(fake_running(r.fake), 0);
}

static bool metadata_is_taken(struct rig *r, size_t n_keys, size_t key, size_t value, const char *c)
{
	AUTO(buf) struct buf text = { 0 };

	rig_forget(r);
	buf_puts(&text, "{'type':'response.create','response':{'conversation':'none','metadata':{");
	for (size_t i = 0; i < n_keys; i++) {
		buf_printf(&text, "%s'%c", i ? "," : "", 'A' + (int)i);
		for (size_t k = 1; k < key; k++)
			buf_puts(&text, c);
		buf_puts(&text, "':'");
		for (size_t k = 0; k < value; k++)
			buf_puts(&text, c);
		buf_puts(&text, "'");
	}
	buf_puts(&text, "}}}");
	buf_putc(&text, 0);
	if (!text.failed)
		rig_say(r, (const char *)text.p);
	rig_wait(r, 20000);
	return !rig_find(r, "error");
}

/* Sixteen pairs; characters are counted, not octets. */
static void metadata_has_limits(void)
{
	RIG(r, NULL, 0);
	rig_say(&r, text_only);
	CHECK(metadata_is_taken(&r, 0, 1, 0, "x"));
	CHECK(metadata_is_taken(&r, 16, 64, 1, "x"));
	CHECK(!metadata_is_taken(&r, 17, 1, 1, "x"));
	CHECK(!metadata_is_taken(&r, 1, 65, 1, "x"));
	CHECK(metadata_is_taken(&r, 1, 1, 512, "x"));
	CHECK(!metadata_is_taken(&r, 1, 1, 513, "x"));
	CHECK(metadata_is_taken(&r, 1, 64, 512, "\xe2\x82\xac"));
	CHECK(!metadata_is_taken(&r, 1, 1, 513, "\xe2\x82\xac"));
}

static void out_of_band_answers_leave_no_trace(void)
{
	RIG(r, NULL, 0);
	rig_say(&r, text_only);
	rig_say(&r, "{'type':'conversation.item.create','item':{'id':'u','type':'message',"
		    "'role':'user','content':[{'type':'input_text','text':'kept'}]}}");
	rig_forget(&r);
	rig_say(&r, "{'type':'response.create','response':{'conversation':'none','input':["
		    "{'type':'message','role':'user','content':[{'type':'input_text','text':'mine'}]}]}}");
	CHECK(rig_expect(&r, "response.created", "{'response':{'conversation_id':null}}"));
	CHECK_EQ(json_array_size(json_object_get(fake_last_request(r.fake), "items")), 1);
	CHECK(rig_has(fake_last_request(r.fake), "{'items':[{'content':[{'text':'mine'}]}]}"));
	rig_say(&r, "{'type':'response.create','response':{'input':["
		    "{'type':'item_reference','id':'u'},{'type':'item_reference','id':'u'}]}}");
	CHECK(rig_has(fake_last_request(r.fake), "{'items':[{'id':'u'},{'id':'u'}]}"));
	rig_wait(&r, 20000);
	CHECK_EQ(rig_count(&r, "response.done"), 2);
	/* Only the answer in the conversation is one of its items. */
	CHECK_EQ(rig_count(&r, "conversation.item.added"), 2);
	CHECK_EQ(rig_count(&r, "response.output_item.added"), 2);
	rig_say(&r, "{'type':'response.create','response':{'conversation':'none','input':[]}}");
	CHECK(rig_has(fake_last_request(r.fake), "{'items':[]}"));
}

static void one_at_a_time_in_the_conversation(void)
{
	const struct fake_delays slow = { .step_us = 1000000 };

	RIG(r, NULL, 0);
	fake_delays(r.fake, &slow);
	rig_forget(&r);
	rig_say(&r, "{'type':'response.create'}");
	CHECK(rig_expect(&r, "response.created", "{}"));
	rig_say(&r, "{'type':'response.create','event_id':'again'}");
	CHECK(rig_expect(&r, "error", "{'error':{'code':'conversation_already_has_active_response',"
				      "'event_id':'again'}}"));
	for (size_t i = 1; i < SESSION_RESPONSES_MAX; i++)
		rig_say(&r, "{'type':'response.create','response':{'conversation':'none'}}");
	CHECK_EQ(rig_count(&r, "response.created"), SESSION_RESPONSES_MAX);
	rig_forget(&r);
	rig_say(&r, "{'type':'response.create','response':{'conversation':'none'}}");
	CHECK(rig_expect(&r, "error", "{'error':{'code':'rate_limit_exceeded'}}"));
	rig_say(&r, "{'type':'response.cancel'}"); /* the conversation's */
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'cancelled',"
			"'status_details':{'type':'cancelled','reason':'client_cancelled'}}}"));
	rig_say(&r, "{'type':'response.cancel'}");
	CHECK(rig_until(&r, "error", "{'error':{'code':'response_cancel_not_active'}}"));
	rig_say(&r, "{'type':'response.create'}");
	CHECK(rig_until(&r, "response.created", "{}"));
}

static void a_response_is_cancelled_by_its_name(void)
{
	const struct fake_delays slow = { .step_us = 1000000 };
	char text[160];

	RIG(r, NULL, 0);
	fake_delays(r.fake, &slow);
	rig_say(&r, "{'type':'response.create','response':{'conversation':'none'}}");
	const json_t *e = rig_find(&r, "response.created");
	snprintf(text, sizeof(text), "{'type':'response.cancel','response_id':'%s'}",
		 json_str(json_object_get(e, "response"), "id", ""));
	rig_say(&r, "{'type':'response.cancel'}"); /* without a name: the conversation's */
	CHECK(rig_expect(&r, "error", "{'error':{'param':null}}"));
	rig_say(&r, "{'type':'response.cancel','response_id':'resp_x'}");
	CHECK(rig_expect(&r, "error", "{'error':{'param':'response_id'}}"));
	rig_say(&r, text);
	CHECK(rig_expect(&r, "response.done", "{'response':{'status':'cancelled','output':[]}}"));
	CHECK_EQ(fake_running(r.fake), 0);
	rig_say(&r, text);
	CHECK(rig_until(&r, "error", "{'error':{'param':'response_id'}}"));
}

TESTS({ "a_response_has_settings_of_its_own", a_response_has_settings_of_its_own },
      { "what_is_refused_begins_nothing", what_is_refused_begins_nothing },
      { "metadata_has_limits", metadata_has_limits },
      { "out_of_band_answers_leave_no_trace", out_of_band_answers_leave_no_trace },
      { "one_at_a_time_in_the_conversation", one_at_a_time_in_the_conversation },
      { "a_response_is_cancelled_by_its_name", a_response_is_cancelled_by_its_name })
