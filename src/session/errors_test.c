#include "session/errors.h"

#include "session/rig.h"

/* --- the catalogue ----------------------------------------------------------------------- */

static void each_error_has_a_code_of_its_own(void)
{
	const char *codes[N_ERRS];

	for (int i = 0; i < N_ERRS; i++) {
		struct api_error e = { 0 };

		CHECK_EQ(error_set(&e, (enum err)i, NULL, "x"), -EINVAL);
		CHECK(e.code && e.code[0]);
		codes[i] = e.code;
		for (int k = 0; k < i; k++)
			CHECK(strcmp(codes[k], e.code) != 0);
	}
}

static void what_is_long_is_cut_between_characters(void)
{
	struct api_error e;
	char text[900] = "";

	for (size_t i = 0; i + 4 < sizeof(text); i += 3)
		memcpy(text + i, "\xe2\x82\xac", 4);
	(void)error_set(&e, ERR_INVALID_VALUE, text, "a%s", text);
	CHECK_EQ(strlen(e.param), 93); /* 95 octets hold 31 of them */
	CHECK_EQ(strlen(e.message), 1 + 765);
	(void)error_set(&e, ERR_INVALID_VALUE, NULL, "%s", "");
	CHECK_STR(e.param, "");
	CHECK_STR(e.message, "");
	(void)error_set(&e, ERR_INVALID_VALUE, "a\xf0\x9f\x98", "%.5s%s", "\xf0\x9f\x98\x80\xc3", "b");
	CHECK_STR(e.param, "a");
	CHECK_STR(e.message, "\xf0\x9f\x98\x80"
			     "b");
}

/* --- as events --------------------------------------------------------------------------- */

static void an_error_names_what_was_asked(void)
{
	RIG(r, NULL, 0);
	rig_forget(&r);
	rig_say(&r, "{'type':'conversation.item.delete','event_id':'mine','item_id':'x'}");
	CHECK(rig_expect(&r, "error",
			 "{'error':{'type':'invalid_request_error','param':'item_id',"
			 "'code':'item_delete_invalid_item_id','event_id':'mine'}}"));
	rig_say(&r, "{'type':'response.cancel'}");
	CHECK(rig_expect(&r, "error",
			 "{'error':{'type':'invalid_request_error','param':null,"
			 "'code':'response_cancel_not_active','event_id':null}}"));
	rig_say(&r, "{'type':'response.cancel','event_id':7}");
	CHECK(rig_expect(&r, "error", "{'error':{'event_id':null}}"));
}

/* Nothing a client sends ends a session: wherever an error quotes it, and wherever the quotation
 * is cut, the event is UTF-8. */
static void what_a_client_named_is_quoted_whole(void)
{
	static const char *const messages[] = {
		"{'type':'~'}",
		"{'type':'session.update','session':{'type':'~'}}",
		"{'type':'session.update','session':{'type':'realtime','output_modalities':['~']}}",
		"{'type':'session.update','session':{'type':'realtime','tool_choice':'~'}}",
		"{'type':'conversation.item.retrieve','item_id':'~'}",
		"{'type':'conversation.item.delete','item_id':'~'}",
		"{'type':'conversation.item.truncate','item_id':'~','audio_end_ms':0}",
		"{'type':'conversation.item.create','previous_item_id':'~','item':{'type':'message',"
		"'role':'user','content':[]}}",
		"{'type':'conversation.item.create','item':{'type':'~'}}",
		"{'type':'conversation.item.create','item':{'type':'message','role':'~'}}",
		"{'type':'conversation.item.create','item':{'type':'message','role':'user',"
		"'content':[{'type':'~'}]}}",
		"{'type':'response.create','response':{'conversation':'~'}}",
		"{'type':'response.create','response':{'input':[{'type':'item_reference','id':'~'}]}}",
	};
	RIG(r, NULL, 0);
	rig_forget(&r);
	for (size_t i = 0; i < rig_cases(ARRAY_LEN(messages)); i++)
		for (size_t shift = 0; shift < rig_cases(4); shift++) {
			char name[260], text[600];
			size_t n = shift;

			memset(name, 'x', shift);
			for (; n + 4 < sizeof(name); n += 4)
				memcpy(name + n, "\xf0\x9f\x98\x80", 4);
			name[n] = 0;
			const char *at = strchr(messages[i], '~');
			snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - messages[i]),
				 messages[i], name, at + 1);
			rig_say(&r, text);
			CHECK(rig_expect(&r, "error", "{'error':{'type':'invalid_request_error'}}"));
			CHECK_EQ(r.legs[0].closed, 0);
		}
}

TESTS({ "each_error_has_a_code_of_its_own", each_error_has_a_code_of_its_own },
      { "what_is_long_is_cut_between_characters", what_is_long_is_cut_between_characters },
      { "an_error_names_what_was_asked", an_error_names_what_was_asked },
      { "what_a_client_named_is_quoted_whole", what_a_client_named_is_quoted_whole })
