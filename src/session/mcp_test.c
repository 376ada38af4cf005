/* MCP servers of clients: what is kept from whom, when they are opened and closed, what a model sees. */
#include "session/rig.h"
#include "session/state.h"

#define S "{'type':'mcp','server_label':'s','server_url':'https://tools.example/mcp'"

static bool begin(struct rig *r, const char *tools)
{
	AUTO(buf) struct buf b = { 0 };
	unsigned long held = mem_fail_hold();

	buf_printf(&b,
		   "{'type':'session.update','session':{'type':'realtime','output_modalities':['text'],'tools':[%s]}}",
		   tools);
	mem_fail_resume(held);
	rig_say(r, (const char *)b.p);
	rig_wait(r, 5000);
	return !mem_failed();
}

static size_t servers(const struct rig *r)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(r->servers); i++)
		n += r->servers[i].open;
	return n;
}

/* The n-th item of the request that was made last. */
static const json_t *asked(const struct rig *r, size_t i)
{
	return json_array_get(json_object_get(fake_last_request(r->fake), "items"), i);
}

static bool sent_anywhere(const struct rig *r, const char *text)
{
	unsigned long held = mem_fail_hold();
	AUTO(buf) struct buf all = { 0 };

	json_write(&all, r->events);
	mem_fail_resume(held);
	return all.p && strstr((const char *)all.p, text);
}

static void credentials_go_to_the_server_only(void)
{
	RIG(r, NULL, 0);
	CHECK(begin(&r, S ",'authorization':'s3cret','headers':{'X-Key':'s3cret'}}"));
	CHECK_STR(r.mcp_key, "s3cret");
	CHECK(rig_until(&r, "mcp_list_tools.completed", "{}"));
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','instructions':'x'}}");
	CHECK(!sent_anywhere(&r, "s3cret"));
	AUTO(buf) struct buf dump = { 0 };
	session_dump(r.s, &dump);
	CHECK(dump.p && !strstr((const char *)dump.p, "s3cret"));
}

/* As minted, or posted with a call: opened when somebody can hear of it. */
static void settings_of_the_beginning_count(void)
{
	AUTO(rig) struct rig r = { 0 };
	char why[160];
	AUTO(json) json_t *config = json_parse(
		bytes_str("{\"type\":\"realtime\",\"tools\":[{\"type\":\"mcp\",\"server_label\":\"s\",\"authorization\":"
			  "\"s3cret\",\"server_url\":\"https://tools.example/mcp\"}]}"), why);
	const struct session_params p = { .config = config };

	CHECK(config && rig_init(&r) && rig_start(&r, &p, 0));
	rig_wait(&r, 5000);
	CHECK_STR(r.mcp_key, "s3cret");
	CHECK(rig_expect(&r, "session.created", "{}"));
	CHECK(rig_expect(&r, "conversation.item.added", "{'item':{'type':'mcp_list_tools'}}"));
	CHECK(rig_until(&r, "mcp_list_tools.completed", "{}"));
	CHECK(!sent_anywhere(&r, "s3cret"));
}

static void what_is_told_again_is_not_opened_again(void)
{
	RIG(r, NULL, 0);
	CHECK(begin(&r, S ",'authorization':'k','headers':{'X-Key':'k'}}"));
	CHECK_EQ(servers(&r), 1);
	CHECK(begin(&r, S ",'headers':{'X-Key':'<redacted>'}}"));
	CHECK_EQ(servers(&r), 1);
	CHECK_EQ(rig_count(&r, "mcp_list_tools.in_progress"), 1);
	CHECK(begin(&r, S ",'authorization':'other'}"));
	CHECK_EQ(servers(&r), 1);
	CHECK_EQ(rig_count(&r, "mcp_list_tools.in_progress"), 2);
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','tools':[]}}");
	CHECK_EQ(servers(&r), 0);
}

static void what_is_no_server_is_refused(void)
{
	static const char *const bad[] = {
		"{'type':'mcp','server_url':'https://tools.example/'}",
		"{'type':'mcp','server_label':'a b','server_url':'https://tools.example/'}",
		"{'type':'mcp','server_label':'s'}",
		"{'type':'mcp','server_label':'s','server_url':'https://tools.example/','connector_id':'c'}",
		S ",'require_approval':'sometimes'}",
		S "}," S "}",
	};
	RIG(r, NULL, 0);

	for (size_t i = 0; i < rig_cases(ARRAY_LEN(bad)); i++) {
		CHECK(begin(&r, bad[i]));
		CHECK(rig_until(&r, "error", "{'error':{'code':'invalid_value'}}"));
	}
	CHECK_EQ(servers(&r), 0);
}

static void answer(struct rig *r, const char *json)
{
	const json_t *e;
	char id[ID_MAX] = "", text[256];

	while ((e = rig_find(r, "response.output_item.done")))
		if (strcmp(json_str(json_object_get(e, "item"), "type", ""), "mcp_approval_request") == 0)
			snprintf(id, sizeof(id), "%s", json_str(json_object_get(e, "item"), "id", ""));
	snprintf(text, sizeof(text),
		 "{'type':'conversation.item.create','item':{'type':'mcp_approval_response','approval_request_id':'%s',%s}}",
		 id, json);
	rig_say(r, text);
}

/* In its own answer, and in the next one. */
static void a_model_sees_calls_with_their_outputs(void)
{
	static const struct fake_step send = { FAKE_CALL, "s__send", "{}" };
	RIG(r, NULL, 0);
	CHECK(begin(&r, S "}"));
	CHECK_EQ(fake_answer(r.fake, &send, 1), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 20000);
	CHECK_STR(r.mcp_called, "");
	answer(&r, "'approve':true");
	rig_wait(&r, 20000);
	CHECK_STR(r.mcp_called, "send {}");
	CHECK(rig_has(asked(&r, 0), "{'type':'function_call','name':'s__send'}"));
	CHECK(rig_has(asked(&r, 1), "{'type':'function_call_output'}"));
	CHECK(!asked(&r, 2)); /* once */
	CHECK(strstr(json_str(asked(&r, 1), "output", ""), "It is 3."));
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 20000);
	CHECK(rig_has(asked(&r, 0), "{'type':'function_call','name':'s__send'}"));
	CHECK(rig_has(asked(&r, 1), "{'type':'function_call_output'}"));
	CHECK(rig_has(asked(&r, 2), "{'type':'message'}"));
}

static void a_refusal_is_told_to_the_model(void)
{
	if (getenv("VOICED_TEST_OOM"))
		return; /* its allocations are those of the others */
	static const struct fake_step send = { FAKE_CALL, "s__send", "{}" };
	RIG(r, NULL, 0);
	CHECK(begin(&r, S "}"));
	CHECK_EQ(fake_answer(r.fake, &send, 1), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 20000);
	answer(&r, "'approve':false,'reason':'not now'");
	rig_wait(&r, 20000);
	CHECK_STR(r.mcp_called, "");
	CHECK(rig_has(asked(&r, 0), "{'type':'function_call','name':'s__send'}"));
	CHECK(strstr(json_str(asked(&r, 1), "output", ""), "approval_refused"));
	CHECK_EQ(rig_count(&r, "response.done"), 2);
}

/* While something else is being answered: the call comes after it. */
static void an_approval_waits_for_its_turn(void)
{
	if (getenv("VOICED_TEST_OOM"))
		return; /* its allocations are those of the others */
	static const struct fake_step send = { FAKE_CALL, "s__send", "{}" };
	RIG(r, NULL, 0);
	CHECK(begin(&r, S "}"));
	CHECK_EQ(fake_answer(r.fake, &send, 1), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 20000);
	const struct fake_delays slow = { .step_us = 300000 };
	fake_delays(r.fake, &slow);
	rig_say(&r, "{'type':'response.create'}");
	answer(&r, "'approve':true");
	rig_wait(&r, 20000);
	CHECK_STR(r.mcp_called, "");
	CHECK_EQ(rig_count(&r, "response.created"), 2);
	rig_wait(&r, 2 * US_PER_S);
	CHECK_STR(r.mcp_called, "send {}");
	CHECK_EQ(rig_count(&r, "response.done"), 3);
	CHECK_EQ(rig_count(&r, "error"), 0);
}

static void a_call_that_is_cancelled_ends(void)
{
	static const struct fake_step add = { FAKE_CALL, "s__add", "{}" };
	RIG(r, NULL, 0);
	CHECK(begin(&r, S ",'require_approval':'never'}"));
	r.tool_us = 10ull * US_PER_S;
	CHECK_EQ(fake_answer(r.fake, &add, 1), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.mcp_call.in_progress", "{}"));
	rig_say(&r, "{'type':'response.cancel'}");
	CHECK(rig_expect(&r, "response.mcp_call.failed", "{}"));
	CHECK(rig_expect(&r, "conversation.item.done", "{'item':{'output':null,'error':{'message':'It was cancelled.'}}}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'cancelled'}}"));
	CHECK(list_empty(&r.s->mcp.runs));
}

/* And a server that goes in the middle of a call. */
static void a_server_that_is_removed_ends_its_calls(void)
{
	if (getenv("VOICED_TEST_OOM"))
		return; /* its allocations are those of the others */
	static const struct fake_step add = { FAKE_CALL, "s__add", "{}" };
	RIG(r, NULL, 0);
	CHECK(begin(&r, S ",'require_approval':'never'}"));
	r.tool_us = 10ull * US_PER_S;
	CHECK_EQ(fake_answer(r.fake, &add, 1), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 20000);
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','tools':[]}}");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.mcp_call.failed", "{}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

static void a_choice_of_a_tool_is_the_models(void)
{
	RIG(r, NULL, 0);
	CHECK(begin(&r, S "}"));
	rig_say(&r, "{'type':'response.create','response':{'tool_choice':{'type':'mcp','server_label':'s','name':'add'}}}");
	rig_wait(&r, 20000);
	CHECK(rig_has(fake_last_request(r.fake), "{'tool_choice':{'type':'function','name':'s__add'}}"));
	rig_say(&r, "{'type':'response.create','response':{'tool_choice':{'type':'mcp','server_label':'s'}}}");
	rig_wait(&r, 20000);
	CHECK(rig_has(fake_last_request(r.fake), "{'tool_choice':'required'}"));
}

/* No events for it: no servers. */
static void not_before_ga(void)
{
	RIG(r, &(struct session_params){ .dialect = DIALECT_BETA }, 0);
	rig_say(&r, "{'type':'session.update','session':{'tools':[" S ",'authorization':'s3cret'}]}}");
	rig_wait(&r, 5000);
	CHECK_EQ(servers(&r), 0);
	CHECK(!sent_anywhere(&r, "s3cret"));
	CHECK(!sent_anywhere(&r, "mcp_list_tools"));
}

static void without_a_client_all_fail(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(rig_init(&r));
	r.engines.mcp_ops = NULL;
	CHECK(rig_start(&r, NULL, 0));
	CHECK(begin(&r, S "}"));
	CHECK(rig_until(&r, "mcp_list_tools.failed", "{}"));
	CHECK(rig_until(&r, "conversation.item.done", "{'item':{'error':'Sessions may not name MCP servers here.'}}"));
}

TESTS({ "credentials_go_to_the_server_only", credentials_go_to_the_server_only },
      { "settings_of_the_beginning_count", settings_of_the_beginning_count },
      { "what_is_told_again_is_not_opened_again", what_is_told_again_is_not_opened_again },
      { "what_is_no_server_is_refused", what_is_no_server_is_refused },
      { "a_model_sees_calls_with_their_outputs", a_model_sees_calls_with_their_outputs },
      { "a_refusal_is_told_to_the_model", a_refusal_is_told_to_the_model },
      { "an_approval_waits_for_its_turn", an_approval_waits_for_its_turn },
      { "a_call_that_is_cancelled_ends", a_call_that_is_cancelled_ends },
      { "a_server_that_is_removed_ends_its_calls", a_server_that_is_removed_ends_its_calls },
      { "a_choice_of_a_tool_is_the_models", a_choice_of_a_tool_is_the_models },
      { "not_before_ga", not_before_ga },
      { "without_a_client_all_fail", without_a_client_all_fail })
