/* The client's half of the protocol: what is known, what shape it must have, who is told. */
#include "session/rig.h"

static const struct {
	const char *type;
	bool transcription; /* known there, too */
} known[] = {
	{ "session.update", true },
	{ "input_audio_buffer.append", true },
	{ "input_audio_buffer.commit", true },
	{ "input_audio_buffer.clear", true },
	{ "conversation.item.create", true },
	{ "conversation.item.retrieve", true },
	{ "conversation.item.delete", true },
	{ "conversation.item.truncate", false },
	{ "response.create", false },
	{ "response.cancel", false },
	{ "output_audio_buffer.clear", false },
};

/* Is the event's type one that this session serves? It may be wrong otherwise. */
static bool serves(struct rig *r, const char *type)
{
	char text[128];
	const json_t *e;
	bool refused = false;

	rig_forget(r);
	snprintf(text, sizeof(text), "{'type':'%s'}", type);
	rig_say(r, text);
	while ((e = rig_take(r)))
		refused = refused ||
			  (strcmp(rig_type(e), "error") == 0 &&
			   strcmp(json_str(json_object_get(e, "error"), "param", ""), "type") == 0 &&
			   strstr(json_str(json_object_get(e, "error"), "message", ""), "Supported"));
	return !refused;
}

static void each_kind_of_session_serves_its_events(void)
{
	const struct session_params p = { .kind = SESSION_TRANSCRIPTION };
	RIG(talk, NULL, 0);
	RIG(listen, &p, 0);

	for (size_t i = 0; i < rig_cases(ARRAY_LEN(known)); i++) {
		/* The clear of output is for paced legs; that is another complaint. */
		CHECK(serves(&talk, known[i].type));
		CHECK_EQ(serves(&listen, known[i].type), known[i].transcription);
		CHECK(!mem_failed());
	}
	CHECK(!serves(&talk, "session.created"));
	CHECK(!serves(&talk, "Session.Update"));
	CHECK(!serves(&talk, "session.update "));
	CHECK(!serves(&talk, ""));
}

/* {message, the error's code, its param as JSON} */
static const char *const wrong[][3] = {
	{ "", "invalid_json", "null" },
	{ "{", "invalid_json", "null" },
	{ "[]", "invalid_json", "null" },
	{ "null", "invalid_json", "null" },
	{ "'text'", "invalid_json", "null" },
	{ "{'type':'session.update'} {}", "invalid_json", "null" },
	{ "{'type':'a\xff'}", "invalid_json", "null" },
	{ "{'type':'a\\u0000b'}", "invalid_json", "null" },
	{ "{}", "missing_required_parameter", "'type'" },
	{ "{'type':null}", "missing_required_parameter", "'type'" },
	{ "{'type':7}", "invalid_value", "'type'" },
	{ "{'type':'session.update','event_id':7}", "invalid_value", "'event_id'" },
	{ "{'event_id':[]}", "invalid_value", "'event_id'" },
	{ "{'type':'nonsense'}", "invalid_value", "'type'" },
	{ "{'type':'session.update'}", "missing_required_parameter", "'session'" },
	{ "{'type':'session.update','session':null}", "missing_required_parameter", "'session'" },
	{ "{'type':'session.update','session':[]}", "invalid_value", "'session'" },
	{ "{'type':'input_audio_buffer.append'}", "missing_required_parameter", "'audio'" },
	{ "{'type':'input_audio_buffer.append','audio':{}}", "invalid_value", "'audio'" },
	{ "{'type':'conversation.item.create','item':'x'}", "invalid_value", "'item'" },
	{ "{'type':'conversation.item.create','item':{},'previous_item_id':1}", "invalid_value",
	  "'previous_item_id'" },
	{ "{'type':'session.update','session':{'type':1}}", "invalid_value", "'session.type'" },
	{ "{'type':'conversation.item.create','item':{'type':'message','id':5}}", "invalid_value",
	  "'item.id'" },
	{ "{'type':'conversation.item.create','item':{'type':'message','role':'user','content':{}}}",
	  "invalid_value", "'item.content'" },
	{ "{'type':'response.create','response':{'conversation':[]}}", "invalid_value",
	  "'response.conversation'" },
	{ "{'type':'conversation.item.truncate','item_id':'x'}", "missing_required_parameter",
	  "'audio_end_ms'" },
	{ "{'type':'conversation.item.truncate','item_id':'x','audio_end_ms':1.5}", "invalid_value",
	  "'audio_end_ms'" },
	{ "{'type':'conversation.item.truncate','item_id':'x','content_index':'0','audio_end_ms':1}",
	  "invalid_value", "'content_index'" },
	{ "{'type':'response.create','response':true}", "invalid_value", "'response'" },
	{ "{'type':'response.cancel','response_id':{}}", "invalid_value", "'response_id'" },
};

static void what_is_wrong_is_named(void)
{
	RIG(r, NULL, 0);
	rig_forget(&r);
	for (size_t i = 0; i < rig_cases(ARRAY_LEN(wrong)); i++) {
		char want[128];

		rig_say(&r, wrong[i][0]);
		snprintf(want, sizeof(want), "{'error':{'code':'%s','param':%s}}", wrong[i][1],
			 wrong[i][2]);
		CHECK(rig_expect(&r, "error", want));
		CHECK(rig_quiet(&r));
	}
	CHECK_EQ(r.legs[0].closed, 0);
}

static void members_that_may_be_absent_may_be_null(void)
{
	RIG(r, NULL, 0);
	rig_forget(&r);
	rig_say(&r, "{'type':'conversation.item.create','previous_item_id':null,'unknown':[1],"
		    "'item':{'type':'message','role':'user','content':[]}}");
	CHECK(rig_expect(&r, "conversation.item.added", "{}"));
	CHECK(rig_expect(&r, "conversation.item.done", "{}"));
	rig_say(&r, "{'type':'response.cancel','response_id':null,'event_id':'e'}");
	CHECK(rig_expect(&r, "error", "{'error':{'code':'response_cancel_not_active',"
				      "'event_id':'e'}}"));
}

static void the_event_id_is_of_one_message_only(void)
{
	RIG(r, NULL, 0);
	rig_forget(&r);
	rig_say(&r, "{'type':'x','event_id':'first'}");
	rig_say(&r, "{'type':'x'}");
	rig_say(&r, "{");
	session_on_binary(r.s, &r.legs[0].leg, r.env.now_us);
	CHECK(rig_expect(&r, "error", "{'error':{'event_id':'first'}}"));
	CHECK(rig_expect(&r, "error", "{'error':{'event_id':null}}"));
	CHECK(rig_expect(&r, "error", "{'error':{'event_id':null}}"));
	CHECK(rig_expect(&r, "error", "{'error':{'event_id':null,'code':'invalid_event'}}"));
}

static void a_message_may_be_long_but_not_endless(void)
{
	RIG(r, NULL, 0);
	size_t n = (size_t)SESSION_MESSAGE_MAX + 1;
	AUTO(mem) char *text = mem_alloc(n);

	if (getenv("VOICED_TEST_OOM"))
		return; /* 21 MiB for each allocation in turn */
	CHECK(text);
	memset(text, ' ', n);
	memcpy(text, "{}", 2);
	rig_forget(&r);
	session_on_message(r.s, &r.legs[0].leg, bytes_of(text, n), r.env.now_us);
	CHECK(rig_expect(&r, "error", "{'error':{'code':'invalid_event'}}"));
	session_on_message(r.s, &r.legs[0].leg, bytes_of(text, n - 1), r.env.now_us);
	CHECK(rig_expect(&r, "error", "{'error':{'code':'missing_required_parameter'}}"));
}

static void only_who_is_attached_is_served(void)
{
	RIG(r, NULL, 0);
	struct leg stranger = { .ops = r.legs[0].leg.ops };

	rig_forget(&r);
	session_on_message(r.s, &stranger, bytes_str("{}"), r.env.now_us);
	CHECK(rig_quiet(&r));
	session_close(r.s, 1000, "enough", r.env.now_us);
	rig_say(&r, "{}");
	CHECK(rig_quiet(&r));
	CHECK_EQ(r.legs[0].closed, 1000);
}

TESTS({ "each_kind_of_session_serves_its_events", each_kind_of_session_serves_its_events },
      { "what_is_wrong_is_named", what_is_wrong_is_named },
      { "members_that_may_be_absent_may_be_null", members_that_may_be_absent_may_be_null },
      { "the_event_id_is_of_one_message_only", the_event_id_is_of_one_message_only },
      { "a_message_may_be_long_but_not_endless", a_message_may_be_long_but_not_endless },
      { "only_who_is_attached_is_served", only_who_is_attached_is_served })
