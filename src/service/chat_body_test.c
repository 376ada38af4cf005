#include "service/chat_body.h"

#include "base/test.h"

static json_t *given(const char *text)
{
	AUTO(buf) struct buf b = { 0 };
	char why[160] = "";

	for (; *text; text++)
		buf_putc(&b, *text == '\'' ? '"' : *text);
	json_t *v = b.n ? json_parse(buf_bytes(&b), why) : NULL;
	if (!v && b.n && !mem_failed())
		fprintf(stderr, "%s: %s\n", why, (const char *)b.p);
	return v;
}

static const char *no_mark(const char *tool)
{
	return strcmp(tool, "search") == 0 ? "Quoted: " : NULL;
}

#define USER(t) "{'type':'message','role':'user','content':[{'type':'input_text','text':'" t "'}]}"
#define SAID(t) "{'type':'message','role':'assistant','content':[{'type':'output_audio','transcript':'" t "'}]}"
#define CALL(id, name) "{'type':'function_call','call_id':'" id "','name':'" name "','arguments':'{}'}"
#define OUT(id, t) "{'type':'function_call_output','call_id':'" id "','output':'" t "'}"
#define M(role, t) "{'role':'" role "','content':'" t "'}"
#define MADE(id, name) "{'id':'" id "','type':'function','function':{'name':'" name "','arguments':'{}'}}"
#define TOOL(id, t) "{'role':'tool','tool_call_id':'" id "','content':'" t "'}"
#define RUNNING "{\\\"status\\\":\\\"still running; its result will come later\\\"}"

static const struct {
	const char *items, *messages;
} rows[] = {
	{ "[]", "[]" },
	{ "[" USER("Hello") "," SAID("Hi.") "," USER("") "]", "[" M("user", "Hello") "," M("assistant", "Hi.") "]" },
	{ "[{'type':'message','role':'system','content':[{'type':'input_text','text':'a'},{'type':'input_text','text':'b'}]}]",
	  "[" M("system", "a\\nb") "]" },
	{ "[{'type':'message','role':'user','content':[{'type':'input_audio','transcript':'heard'},{'type':'input_audio','transcript':null}]}]",
	  "[" M("user", "heard") "]" },
	{ "[{'type':'message','role':'user','content':[{'type':'input_image','image_url':'data:x'},{'type':'input_text','text':'?'}]}]",
	  "[{'role':'user','content':[{'type':'image_url','image_url':{'url':'data:x','detail':'auto'}},{'type':'text','text':'?'}]}]" },
	/* A call, its words before it and its output. */
	{ "[" USER("q") "," SAID("Wait.") "," CALL("c1", "search") "," OUT("c1", "found") "]",
	  "[" M("user", "q") ",{'role':'assistant','content':'Wait.','tool_calls':[" MADE("c1", "search") "]}," TOOL("c1", "Quoted: found") "]" },
	/* Two at once, outputs in another order. */
	{ "[" CALL("c1", "a") "," CALL("c2", "b") "," OUT("c2", "2") "," OUT("c1", "1") "]",
	  "[{'role':'assistant','content':null,'tool_calls':[" MADE("c1", "a") "," MADE("c2", "b") "]}," TOOL("c1", "1") "," TOOL("c2", "2") "]" },
	/* One after the other. */
	{ "[" CALL("c1", "a") "," OUT("c1", "1") "," CALL("c2", "b") "," OUT("c2", "2") "]",
	  "[{'role':'assistant','content':null,'tool_calls':[" MADE("c1", "a") "]}," TOOL("c1", "1") ","
	  "{'role':'assistant','content':null,'tool_calls':[" MADE("c2", "b") "]}," TOOL("c2", "2") "]" },
	/* No output; a late one; one whose call is gone. */
	{ "[" CALL("c1", "a") "," USER("And?") "]",
	  "[{'role':'assistant','content':null,'tool_calls':[" MADE("c1", "a") "]}," TOOL("c1", RUNNING) "," M("user", "And?") "]" },
	{ "[" CALL("c1", "a") "," USER("And?") "," OUT("c1", "1") "]",
	  "[{'role':'assistant','content':null,'tool_calls':[" MADE("c1", "a") "]}," TOOL("c1", RUNNING) "," M("user", "And?") ","
	  "{'role':'assistant','content':null,'tool_calls':[" MADE("c1_late", "a") "]}," TOOL("c1_late", "1") "]" },
	{ "[" OUT("c9", "1") "]", "[" M("user", "(The result of a function: 1)") "]" },
	/* MCP, and what we do not know. */
	{ "[{'type':'mcp_list_tools','tools':[]},{'type':'mcp_call','id':'m1','name':'a','arguments':'no','output':null,'error':{'code':1}}]",
	  "[{'role':'assistant','content':null,'tool_calls':[" MADE("m1", "a") "]}," TOOL("m1", "{\\\"code\\\":1}") "]" },
};

static bool same(const json_t *got, const json_t *want)
{
	AUTO(buf) struct buf a = { 0 };

	if (json_equal(got, want))
		return true;
	json_write(&a, got);
	if (!mem_failed())
		fprintf(stderr, "%s\n", a.n ? (const char *)a.p : "(none)");
	return false;
}

static void makes_messages_of_items(void)
{
	const struct chat_shape s = { "m", "max_tokens", true, true, no_mark };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		AUTO(json) json_t *items = NULL, *want = NULL;

		GIVEN((items = given(rows[i].items)) && (want = given(rows[i].messages)));
		CHECK(chat_body_write(&b, &s, &(struct llm_request){ .items = items }));
		AUTO(json) json_t *body = json_parse(buf_bytes(&b), (char[160]){ 0 });
		CHECK(body);
		CHECK(same(json_object_get(body, "messages"), want));
	}
}

static void asks_for_what_is_wanted(void)
{
	static const struct {
		const char *tools, *choice;
		int max;
		double temperature;
		struct chat_shape shape;
		const char *body;
	} table[] = {
		{ "[]", "'auto'", 0, 0, { NULL, "max_tokens", true, false, NULL },
		  "{'stream':true,'messages':[{'role':'system','content':'Be kind.'}]}" },
		{ "[{'type':'mcp','server_label':'x'}]", "'auto'", 100, 0.8, { "m", "max_completion_tokens", true, true, NULL },
		  "{'stream':true,'model':'m','messages':[{'role':'system','content':'Be kind.'}],'max_completion_tokens':100,"
		  "'temperature':0.8,'stream_options':{'include_usage':true}}" },
		{ "[{'type':'function','name':'f','description':'d','parameters':{'type':'object'}},{'type':'function','name':'g'}]", "'required'", 0, 0.8,
		  { "m", "max_tokens", false, false, NULL },
		  "{'stream':true,'model':'m','messages':[{'role':'system','content':'Be kind.'}],'tools':[{'type':'function','function':{'name':'f',"
		  "'description':'d','parameters':{'type':'object'}}},{'type':'function','function':{'name':'g','parameters':{'type':'object',"
		  "'properties':{}}}}],'tool_choice':'required'}" },
		{ "[{'type':'function','name':'f'}]", "{'type':'function','name':'f'}", 0, 0, { "m", "max_tokens", true, false, NULL },
		  "{'stream':true,'model':'m','messages':[{'role':'system','content':'Be kind.'}],'tools':[{'type':'function','function':{'name':'f',"
		  "'parameters':{'type':'object','properties':{}}}}],'tool_choice':{'type':'function','function':{'name':'f'}}}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO(buf) struct buf b = { 0 };
		AUTO(json) json_t *items = NULL, *tools = NULL, *choice = NULL, *want = NULL;

		GIVEN((items = given("[]")) && (tools = given(table[i].tools)) && (want = given(table[i].body)));
		GIVEN((choice = table[i].choice[0] == '{' ? given(table[i].choice) : json_stringn(table[i].choice + 1, strlen(table[i].choice) - 2)));
		const struct llm_request r = { "Be kind.", items, tools, choice, table[i].max, table[i].temperature };
		CHECK(chat_body_write(&b, &table[i].shape, &r));
		AUTO(json) json_t *body = json_parse(buf_bytes(&b), (char[160]){ 0 });
		CHECK(body);
		CHECK(same(body, want));
	}
}

static void gives_in(void)
{
	static const struct {
		const char *body, *param, *message, *after; /* after NULL: nothing to change */
	} table[] = {
		{ "{'max_completion_tokens':5}", "", "Unrecognized request argument supplied: max_completion_tokens", "{'max_tokens':5}" },
		{ "{'max_tokens':5}", "max_tokens", "Use 'max_completion_tokens' instead.", "{'max_completion_tokens':5}" },
		{ "{'temperature':0.8,'stream':true}", "temperature", "", "{'stream':true}" },
		{ "{'stream_options':{}}", "", "extra fields not permitted: stream_options", "{}" },
		{ "{'messages':[]}", "messages", "too long", NULL },
		{ "{'messages':[]}", "max_tokens", "", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO(buf) struct buf b = { 0 };
		AUTO(json) json_t *before = NULL, *want = NULL;
		struct chat_shape s = { "m", "x", true, true, NULL };

		GIVEN((before = given(table[i].body)) && (!table[i].after || (want = given(table[i].after))));
		json_write(&b, before);
		CHECK(!b.failed);
		CHECK_EQ(chat_body_amend(&b, &s, table[i].param, table[i].message), table[i].after != NULL);
		if (!want)
			continue;
		AUTO(json) json_t *after = json_parse(buf_bytes(&b), (char[160]){ 0 });
		CHECK(same(after, want));
		CHECK(strcmp(s.max_tokens, "x") != 0 || !s.temperature || !s.usage);
	}
}

int main(int argc, char **argv)
{
	static const struct test tests[] = { { "makes_messages_of_items", makes_messages_of_items },
					     { "asks_for_what_is_wanted", asks_for_what_is_wanted },
					     { "gives_in", gives_in } };

	json_init();
	return test_main_(tests, ARRAY_LEN(tests), argc > 1 ? argv[1] : NULL);
}
