/* What the model is asked, and what is done with what it asks for. */
#include "session/rig.h"

/* Text answers, and these tools of the client's. */
static void set_tools(struct rig *r, const char *names)
{
	AUTO(buf) struct buf text = { 0 };

	buf_puts(&text, "{'type':'session.update','session':{'type':'realtime',"
			"'output_modalities':['text'],'tools':[");
	for (const char *p = names; *p; p += strcspn(p, " "), p += *p == ' ') {
		buf_puts(&text, p == names ? "{'type':'function','name':'" : ",{'type':'function','name':'");
		buf_put(&text, p, strcspn(p, " "));
		buf_puts(&text, "','parameters':{}}");
	}
	buf_puts(&text, "]}}");
	buf_putc(&text, 0);
	if (!text.failed)
		rig_say(r, (const char *)text.p);
	rig_forget(r);
}

static void ask(struct rig *r)
{
	rig_say(r, "{'type':'response.create'}");
	rig_wait(r, 20000);
}

/* The n-th item of the request that was made last. */
static const json_t *asked_item(const struct rig *r, size_t i)
{
	return json_array_get(json_object_get(fake_last_request(r->fake), "items"), i);
}

static size_t asked_items(const struct rig *r)
{
	return json_array_size(json_object_get(fake_last_request(r->fake), "items"));
}

static const struct fake_step search_step = { FAKE_CALL, "search", "{\"q\":1}" };

static void the_clients_tools_come_before_the_servers(void)
{
	RIG(r, NULL, 0);
	set_tools(&r, "weather");
	ask(&r);
	const json_t *q = fake_last_request(r.fake);
	CHECK(rig_has(q, "{'tools':[{'name':'weather'},{'name':'search','type':'function',"
			 "'description':'Search the documents.','parameters':{'type':'object'}}]}"));
	/* A function of the client's takes the name. */
	set_tools(&r, "search");
	CHECK_EQ(fake_answer(r.fake, &search_step, 1), 0);
	ask(&r);
	CHECK(rig_has(fake_last_request(r.fake), "{'tools':[{'name':'search','parameters':{}}]}"));
	const json_t *call = rig_find(&r, "response.function_call_arguments.done");
	CHECK_STR(json_str(call, "name", ""), "search");
	CHECK_STR(json_str(call, "arguments", ""), "{\"q\":1}");
}

/* Round after round of the server's tools, until the model is not asked for more. */
static void tool_rounds_come_to_an_end(void)
{
	RIG(r, NULL, 0);
	set_tools(&r, "");
	for (int i = 0; i <= SESSION_TOOL_ROUNDS; i++)
		CHECK_EQ(fake_answer(r.fake, &search_step, 1), 0);
	rig_say(&r, "{'type':'response.create','response':{'tool_choice':'required'}}");
	CHECK(rig_has(fake_last_request(r.fake), "{'tool_choice':'required'}"));
	rig_wait(&r, r.tool_us);
	CHECK(rig_has(fake_last_request(r.fake), "{'tool_choice':'auto'}"));
	rig_wait(&r, 1000000);
	CHECK(rig_has(fake_last_request(r.fake), "{'tool_choice':'none'}"));
	CHECK_EQ(asked_items(&r), 2 * SESSION_TOOL_ROUNDS);
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'failed','output':[],"
			"'status_details':{'error':{'code':'too_many_tool_calls'}}}}"));
	CHECK_EQ(rig_count(&r, "response.output_item.added"), 0); /* nothing of it was shown */
}

static void results_are_asked_about_with_their_calls(void)
{
	static const struct fake_step two[] = { { FAKE_CALL, "search", "{\"q\":1}" },
						{ FAKE_CALL, "search", "{\"q\":2}" } };
	RIG(r, NULL, 0);
	set_tools(&r, "");
	r.found = "{\"found\":1}";
	CHECK_EQ(fake_answer(r.fake, two, 2), 0);
	ask(&r);
	rig_wait(&r, 20000);
	CHECK_EQ(asked_items(&r), 4);
	CHECK(rig_has(asked_item(&r, 0), "{'type':'function_call','name':'search'}"));
	CHECK(rig_has(asked_item(&r, 1), "{'type':'function_call','name':'search'}"));
	CHECK_STR(json_str(asked_item(&r, 1), "arguments", ""), "{\"q\":2}");
	CHECK(rig_has(asked_item(&r, 2), "{'type':'function_call_output'}"));
	CHECK(strncmp(json_str(asked_item(&r, 2), "output", ""), "{\"found\":1,\"notice\":", 20) == 0);
	CHECK_STR(json_str(asked_item(&r, 2), "call_id", ""),
		  json_str(asked_item(&r, 0), "call_id", "?"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	/* They were for this answer only. */
	ask(&r);
	CHECK_EQ(asked_items(&r), 1);
}

static void more_calls_than_can_run_are_left(void)
{
	struct fake_step many[12];

	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = search_step;
	RIG(r, NULL, 0);
	set_tools(&r, "");
	CHECK_EQ(fake_answer(r.fake, many, ARRAY_LEN(many)), 0);
	ask(&r);
	rig_wait(&r, 20000);
	CHECK_EQ(asked_items(&r), 16);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

/* A call of the client's ends the answer; the server's in the same breath is not run, nor is what
 * nobody has. */
static void calls_of_the_client_end_the_answer(void)
{
	static const struct fake_step steps[] = { { FAKE_TEXT, "Let me see.", NULL },
						  { FAKE_CALL, "search", "{}" },
						  { FAKE_CALL, "weather", "{\"at\":\"home\"}" },
						  { FAKE_CALL, "unknown", "{}" } };
	RIG(r, NULL, 0);
	set_tools(&r, "weather");
	CHECK_EQ(fake_answer(r.fake, steps, ARRAY_LEN(steps)), 0);
	ask(&r);
	CHECK(rig_until(&r, "response.output_item.done", "{'output_index':0,'item':{'type':'message'}}"));
	CHECK(rig_until(&r, "response.output_item.done",
			"{'output_index':1,'item':{'type':'function_call','name':'weather',"
			"'status':'completed'}}"));
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'completed','output':[{'type':'message'},"
			"{'type':'function_call'}]}}"));
	for (size_t i = 0; i < ARRAY_LEN(r.tools); i++)
		CHECK(!r.tools[i].sink);
}

/* What only looks may run before the answer is wanted; what does something may not. */
static void an_answer_in_advance_changes_nothing(void)
{
	static const struct fake_step go = { FAKE_CALL, "open_door", "{}" };

	for (int harmless = 0; harmless < 2; harmless++) {
		AUTO(rig) struct rig r = { 0 };
		size_t running = 0;

		CHECK(rig_init(&r));
		r.defs[1] = r.defs[0];
		r.defs[1].name = "open_door";
		r.defs[1].effect = TOOL_ACTS;
		r.engines.n_tools = 2;
		r.tool_us = 1000000;
		CHECK(rig_start(&r, NULL, 24000));
		rig_say(&r, "{'type':'session.update','session':{'type':'realtime','audio':{'input':{"
			    "'turn_detection':{'type':'server_vad','silence_duration_ms':500}}}}}");
		CHECK_EQ(fake_answer(r.fake, harmless ? &search_step : &go, 1), 0);
		CHECK_EQ(fake_hear(r.fake, "open it"), 0);
		rig_turn(&r, 300, 300);
		CHECK(fake_last_request(r.fake));
		for (size_t i = 0; i < ARRAY_LEN(r.tools); i++)
			running += r.tools[i].sink != NULL;
		CHECK_EQ(running, harmless ? 1 : 0);
		rig_audio(&r, 200, 0);
		rig_wait(&r, 1000);
		CHECK_EQ(rig_count(&r, "response.created"), 1);
		running = 0;
		for (size_t i = 0; i < ARRAY_LEN(r.tools); i++)
			running += r.tools[i].sink != NULL;
		CHECK_EQ(running, 1);
	}
}

static void cancelling_takes_everything_back(void)
{
	RIG(r, NULL, 0);
	set_tools(&r, "");
	r.tool_us = 1000000;
	CHECK_EQ(fake_answer(r.fake, &search_step, 1), 0);
	ask(&r);
	CHECK(r.tools[0].sink);
	rig_say(&r, "{'type':'response.cancel'}");
	CHECK(!r.tools[0].sink);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'cancelled'}}"));
	rig_wait(&r, 2000000);
	CHECK_EQ(rig_count(&r, "response.done"), 1);
}

static void without_a_model_it_says_so(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(rig_init(&r));
	r.engines.llm_ops = NULL;
	CHECK(rig_start(&r, NULL, 0));
	rig_say(&r, "{'type':'response.create'}");
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'failed',"
			"'status_details':{'error':{'code':'engine_unavailable'}}}}"));
}

/* Offsets are the transcript's, in UTF-16 units; each source has the text since the last. */
static void sources_say_what_rests_on_them(void)
{
	static const struct fake_step steps[] = {
		{ FAKE_TEXT, "  \xe2\x82\xac\xf0\x9f\x98\x80 one.", NULL }, /* € and 😀: 1 and 2 */
		{ FAKE_CITE, "{\"title\":\"A\"}", NULL },
		{ FAKE_TEXT, " two.", NULL },
		{ FAKE_CITE, "{\"title\":\"B\"}", NULL },
		{ FAKE_CITE, "{\"title\":\"C\"}", NULL },
	};
	RIG(r, NULL, 0);
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime',"
		    "'output_modalities':['text'],'include':['voiced.sources']}}");
	CHECK_EQ(fake_answer(r.fake, steps, ARRAY_LEN(steps)), 0);
	ask(&r);
	CHECK(rig_until(&r, "voiced.response.sources",
			"{'sources':[{'title':'A','transcript_start':0,'transcript_end':8}]}"));
	CHECK(rig_until(&r, "voiced.response.sources",
			"{'sources':[{'title':'B','transcript_start':9,'transcript_end':13}]}"));
	CHECK(rig_until(&r, "voiced.response.sources",
			"{'sources':[{'title':'C','transcript_start':13,'transcript_end':13}]}"));
	CHECK(rig_until(&r, "response.output_text.done",
			"{'text':'\xe2\x82\xac\xf0\x9f\x98\x80 one. two.'}"));
}

TESTS({ "the_clients_tools_come_before_the_servers", the_clients_tools_come_before_the_servers },
      { "tool_rounds_come_to_an_end", tool_rounds_come_to_an_end },
      { "results_are_asked_about_with_their_calls", results_are_asked_about_with_their_calls },
      { "more_calls_than_can_run_are_left", more_calls_than_can_run_are_left },
      { "calls_of_the_client_end_the_answer", calls_of_the_client_end_the_answer },
      { "an_answer_in_advance_changes_nothing", an_answer_in_advance_changes_nothing },
      { "cancelling_takes_everything_back", cancelling_takes_everything_back },
      { "without_a_model_it_says_so", without_a_model_it_says_so },
      { "sources_say_what_rests_on_them", sources_say_what_rests_on_them })
