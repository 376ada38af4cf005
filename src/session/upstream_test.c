/* A conversation that a realtime service carries: turns, answers, calls, items. */
#include "session/rig_purse.h"
#include "session/upstream_rig.h"

#include "session/state.h"

static void set_turns(struct rig *r, struct remote *v, const char *turns, const char *more)
{
	char text[400];

	snprintf(text, sizeof(text),
		 "{'type':'session.update','session':{'type':'realtime','include':['voiced.latency'],"
		 "'audio':{'input':{'transcription':{},'turn_detection':%s}}%s}}",
		 turns, more);
	unsigned long held = mem_fail_hold();
	rig_say(r, text);
	mem_fail_resume(held);
	rig_forget(r);
	v->log.n = 0;
}

static const char vad[] = "{'type':'server_vad','silence_duration_ms':400}";

/* Somebody has said something for 600 ms. */
static void speak(struct rig *r)
{
	steady_turn(r, 600, 420);
}

static void it_is_told_what_counts(void)
{
	const struct session_params p = { .instructions = "Be brief.", .voice = "ash" };

	REMOTE(r, v, &p, 0);
	CHECK(remote_told(&v, "open 0\n"));
	CHECK(rig_has(v.session,
		      "{'type':'realtime','instructions':'Be brief.','tools':[{'type':'function',"
		      "'name':'search','description':'Search the documents.','parameters':{'type':"
		      "'object'}}],'audio':{'input':{'format':{'type':'audio/pcm','rate':24000},"
		      "'transcription':{},'turn_detection':null},'output':{'voice':'ash','format':{"
		      "'type':'audio/pcm','rate':24000}}}}"));
	CHECK(!json_object_get(v.session, "id") && !json_object_get(v.session, "model"));
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','instructions':'Longer.',"
		    "'tools':[{'type':'function','name':'f','parameters':{}}],'audio':{'output':{"
		    "'format':{'type':'audio/pcmu'}},'input':{'format':{'type':'audio/pcma'}}}}}");
	CHECK(remote_told(&v, "update\n"));
	CHECK(rig_has(v.session, "{'instructions':'Longer.','audio':{'output':{'format':{'rate':"
				 "24000}},'input':{'format':{'rate':24000}}}}"));
	CHECK_EQ(json_array_size(json_object_get(v.session, "tools")), 2);
	rig_forget(&r);
}

static void what_is_enforced_stays_hidden(void)
{
	const struct session_params p = { .instructions = "Secret.",
					  .enforced = true,
					  .dialect = DIALECT_BETA,
					  .config_dialect = DIALECT_BETA };

	REMOTE(r, v, &p, 0);
	CHECK_STR(json_str(v.session, "instructions", ""), "Secret.");
	CHECK(rig_until(&r, "session.created", "{'session':{'instructions':'','tools':[]}}"));
	rig_say(&r, "{'type':'session.update','session':{'instructions':'Mine.'}}");
	CHECK_STR(json_str(v.session, "instructions", ""), "Secret.");
	CHECK(rig_until(&r, "session.updated", "{'session':{'instructions':'','tools':[]}}"));
}

/* The audio goes there as it comes; the answer is asked for before any words are known. */
static void a_turn_is_heard_and_answered(void)
{
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, vad, "");
	rig_audio(&r, 1000, 0);
	CHECK_EQ(v.total, 0);
	rig_audio(&r, 600, RIG_LOUD);
	CHECK(v.total >= 800 * 24); /* from the padding in front on */
	rig_audio(&r, 420, 0);
	CHECK(remote_told(&v, "commit 1300\nname commit\nask\n"));
	CHECK(!v.asked);
	CHECK(rig_expect(&r, "input_audio_buffer.speech_started", "{'audio_start_ms':700}"));
	CHECK(rig_expect(&r, "input_audio_buffer.speech_stopped", "{}"));
	CHECK(rig_expect(&r, "input_audio_buffer.committed", "{}"));
	CHECK(rig_until(&r, "response.created", "{}"));
	CHECK(rig_quiet(&r));
	SAY(v, on_words, "what is it");
	CHECK(rig_expect(&r, "conversation.item.input_audio_transcription.delta", "{}"));
	CHECK(rig_expect(&r, "conversation.item.input_audio_transcription.completed",
			 "{'transcript':'what is it'}"));
	remote_speaks(&v, "It is this.", 300);
	CHECK(rig_until(&r, "response.output_audio_transcript.delta", "{'delta':'It is this.'}"));
	remote_speaks(&v, " And that.", 900);
	remote_done(&v);
	rig_wait(&r, 1200000);
	CHECK(rig_until(&r, "voiced.turn.latency", "{}"));
	CHECK(rig_until(&r, "response.output_audio_transcript.done",
			"{'transcript':'It is this. And that.'}"));
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'completed','usage':{'input_tokens':7}}}"));
	CHECK(rig_until(&r, "output_audio_buffer.stopped", "{}"));
	CHECK_EQ(r.legs[0].audio_total, 1200 * 24);
	CHECK_EQ(rig_count(&r, "response.created"), 1);
}

/* Audio for a client that plays it itself, at its rate, and again when it asks for the item. */
static void audio_leaves_in_the_clients_format(void)
{
	REMOTE(r, v, NULL, 0);
	set_turns(&r, &v, "null", ",'output_modalities':['audio']");
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','audio':{'output':{"
		    "'format':{'type':'audio/pcmu'}}}}}");
	rig_say(&r, "{'type':'response.create'}");
	remote_speaks(&v, "Words of some length.", 1000);
	remote_done(&v);
	rig_wait(&r, 1000);
	size_t octets = 0;
	const json_t *e;
	while ((e = rig_find(&r, "response.output_audio.delta")))
		octets += strlen(json_str(e, "delta", "")) * 3 / 4;
	CHECK(octets > 7900 && octets < 8100);
	CHECK_EQ(rig_count(&r, "response.output_audio_transcript.delta"), 1);
	r.taken = 0;
	e = rig_find(&r, "response.output_item.done");
	char text[160];
	snprintf(text, sizeof(text), "{'type':'conversation.item.retrieve','item_id':'%s'}",
		 json_str(json_object_get(e, "item"), "id", ""));
	rig_say(&r, text);
	e = rig_find(&r, "conversation.item.retrieved");
	const json_t *part = json_array_get(
		json_object_get(json_object_get(e, "item"), "content"), 0);
	CHECK(strlen(json_str(part, "audio", "")) > 9000);
}

/* What was heard is known by proportion: of forty octets in 4 s, twenty in 2 s. */
static void the_user_speaks_over_it(void)
{
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, vad, "");
	speak(&r);
	remote_speaks(&v, "aaaa bbbb cccc dddd eeee ffff gggg hhhh", 0);
	remote_speaks(&v, "", 3900);
	remote_done(&v);
	rig_wait(&r, 2000000);
	v.log.n = 0;
	rig_forget(&r);
	steady_audio(&r, 300, RIG_LOUD);
	CHECK(rig_until(&r, "output_audio_buffer.cleared", "{}"));
	const json_t *e = rig_find(&r, "conversation.item.truncated");
	int64_t ms = json_int(e, "audio_end_ms", 0);
	CHECK(ms >= 2000 && ms <= 2400);
	char want[64];
	snprintf(want, sizeof(want), "truncate it %d\n", (int)ms);
	CHECK(remote_told(&v, want));
	const struct item *it = conv_last(&r.s->conv);
	CHECK(it);
	CHECK(strcmp(item_transcript(it), "aaaa bbbb cccc dddd") == 0 ||
	      strcmp(item_transcript(it), "aaaa bbbb cccc") == 0);
}

static void an_answer_is_broken_off(void)
{
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, vad, "");
	speak(&r);
	remote_speaks(&v, "It goes on and on and has no end, as far as anybody can see", 1000);
	v.log.n = 0;
	steady_audio(&r, 300, RIG_LOUD);
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'cancelled','status_details':{'reason':"
			"'turn_detected'}}}"));
	CHECK(strncmp((const char *)v.log.p, "cancel it\ntruncate it", 20) == 0);
	remote_speaks(&v, "nobody hears this", 100);
	remote_done(&v);
	steady_audio(&r, 420, 0);
	CHECK(rig_until(&r, "response.created", "{}"));
	CHECK_EQ(rig_count(&r, "response.done"), 1);
}

static void it_may_be_deaf(void)
{
	const struct engine_error e = { "engine_failed", "No words." };

	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, vad, "");
	speak(&r);
	SAY(v, on_deaf, &e);
	CHECK(rig_until(&r, "conversation.item.input_audio_transcription.failed",
			"{'error':{'code':'engine_failed'}}"));
	CHECK_EQ(rig_count(&r, "response.done"), 0); /* the answer does not need them */
	remote_speaks(&v, "All the same.", 200);
	remote_done(&v);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

static void turns_are_the_clients(void)
{
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, "null", ",'output_modalities':['text']");
	steady_audio(&r, 400, 0);
	CHECK(v.total > 350 * 24);
	rig_say(&r, "{'type':'input_audio_buffer.clear'}");
	CHECK(remote_told(&v, "clear\n"));
	steady_audio(&r, 400, RIG_LOUD);
	rig_say(&r, "{'type':'input_audio_buffer.commit'}");
	CHECK(remote_told(&v, "commit 400\nname commit\n"));
	rig_say(&r, "{'type':'response.create'}");
	CHECK(remote_told(&v, "ask\n"));
	SAY(v, on_text, v.ref, "It is ");
	SAY(v, on_text, v.ref, "so.");
	SAY(v, on_words, "why");
	remote_done(&v);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "response.output_text.done", "{'text':'It is so.'}"));
	CHECK_EQ(rig_count(&r, "conversation.item.input_audio_transcription.completed"), 1);
}

static void clients_functions_are_called(void)
{
	char text[300];
	const struct llm_usage u = { .input_tokens = 1, .output_tokens = 1 };

	REMOTE(r, v, NULL, 0);
	set_turns(&r, &v, "null", ",'tools':[{'type':'function','name':'f','parameters':{}}]");
	rig_say(&r, "{'type':'response.create'}");
	SAY(v, on_call, v.ref, "their_call", "f", "{\"a\":1}");
	SAY(v, on_done, v.ref, LLM_TOOL_CALLS, &u);
	const json_t *e = rig_find(&r, "response.function_call_arguments.done");
	const char *call_id = json_str(e, "call_id", "");
	CHECK(call_id[0] && strcmp(call_id, "their_call") != 0);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	v.log.n = 0;
	snprintf(text, sizeof(text),
		 "{'type':'conversation.item.create','item':{'type':'function_call_output',"
		 "'call_id':'%s','output':'42'}}",
		 call_id);
	rig_say(&r, text);
	CHECK(remote_told(&v, "add function_call_output\n"));
	CHECK_STR(json_str(v.added, "call_id", ""), "their_call");
	CHECK_EQ(rig_count(&r, "error"), 0);
}

/* It runs here, is not seen by clients, and what is said after it belongs to the same response. */
static void servers_tools_run_here(void)
{
	const struct llm_usage u = { .input_tokens = 1, .output_tokens = 1 };

	REMOTE(r, v, NULL, 0);
	set_turns(&r, &v, "null", "");
	r.found = "{\"passages\":[1]}";
	rig_say(&r, "{'type':'response.create'}");
	remote_speaks(&v, "Let me look.", 300);
	SAY(v, on_call, v.ref, "their_call", "search", "{}");
	SAY(v, on_done, v.ref, LLM_TOOL_CALLS, &u);
	v.log.n = 0;
	rig_wait(&r, 10000);
	CHECK(remote_told(&v, "add function_call_output\nask\n"));
	CHECK(strncmp(json_str(v.added, "output", ""), "{\"passages\":[1]", 15) == 0);
	CHECK_STR(json_str(v.added, "call_id", ""), "their_call");
	CHECK_STR(json_str(v.asked, "tool_choice", ""), "auto");
	remote_speaks(&v, "It is so.", 300);
	remote_done(&v);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "response.output_audio_transcript.done",
			"{'transcript':'Let me look. It is so.'}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	CHECK_EQ(rig_count(&r, "response.function_call_arguments.done"), 0);
	CHECK_EQ(rig_count(&r, "response.created"), 1);
}

static void who_no_longer_wants_a_tools_output_says_so(void)
{
	const struct llm_usage u = { .input_tokens = 1, .output_tokens = 1 };

	REMOTE(r, v, NULL, 0);
	set_turns(&r, &v, "null", "");
	r.tool_us = 1000000;
	rig_say(&r, "{'type':'response.create'}");
	SAY(v, on_call, v.ref, "their_call", "search", "{}");
	SAY(v, on_done, v.ref, LLM_TOOL_CALLS, &u);
	v.log.n = 0;
	rig_say(&r, "{'type':'response.cancel'}");
	CHECK(remote_told(&v, "add function_call_output\n"));
	CHECK_STR(json_str(v.added, "call_id", ""), "their_call");
}

static void answers_beside_the_conversation(void)
{
	REMOTE(r, v, NULL, 0);
	set_turns(&r, &v, "null", "");
	rig_say(&r, "{'type':'response.create','response':{'conversation':'none','instructions':"
		    "'Sum up.','output_modalities':['text'],'input':[{'type':'message','role':'user',"
		    "'content':[{'type':'input_text','text':'x'}]}]}}");
	CHECK(rig_has(v.asked, "{'conversation':'none','instructions':'Sum up.','output_modalities':"
			       "['text'],'input':[{'role':'user'}]}"));
	CHECK(!json_object_get(v.asked, "tools"));
	SAY(v, on_text, v.ref, "Sum.");
	remote_done(&v);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "response.output_text.done", "{'text':'Sum.'}"));
	CHECK_EQ(r.s->conv.n, 0);
}

static void items_are_mirrored(void)
{
	REMOTE(r, v, NULL, 0);
	set_turns(&r, &v, "null", "");
	rig_say(&r, "{'type':'conversation.item.create','item':{'id':'a','type':'message','role':"
		    "'user','content':[{'type':'input_text','text':'x'}]}}");
	rig_say(&r, "{'type':'conversation.item.create','previous_item_id':'root','item':{'id':'b',"
		    "'type':'message','role':'system','content':[{'type':'input_text','text':'y'}]}}");
	rig_say(&r, "{'type':'conversation.item.create','previous_item_id':'b','item':{'id':'c',"
		    "'type':'message','role':'user','content':[{'type':'input_audio','audio':"
		    "'AAAAAAAAAAAAAAAA'}]}}");
	CHECK(rig_has(v.added, "{'id':'c','content':[{'type':'input_audio'}]}"));
	CHECK(json_str(json_array_get(json_object_get(v.added, "content"), 0), "audio", NULL));
	rig_say(&r, "{'type':'conversation.item.delete','item_id':'a'}");
	CHECK(remote_told(&v, "add message\nadd message after root\nadd message after b\nremove a\n"));
	CHECK_EQ(rig_count(&r, "error"), 0);
}

static void one_answer_fails(void)
{
	const struct engine_error e = { "engine_failed", "Overloaded." };

	REMOTE(r, v, NULL, 0);
	set_turns(&r, &v, "null", "");
	rig_say(&r, "{'type':'response.create'}");
	SAY(v, on_failed, v.ref, &e);
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'failed','status_details':{'error':{'code':"
			"'engine_failed','message':'Overloaded.'}}}}"));
	rig_say(&r, "{'type':'response.create'}");
	remote_speaks(&v, "Now.", 100);
	remote_done(&v);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

/* A transcript far ahead of its audio is not shown before it is said. */
static void captions_are_in_step(void)
{
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, "null", "");
	rig_say(&r, "{'type':'response.create'}");
	remote_speaks(&v, "This is a long sentence that is there all at once, and goes on.", 0);
	CHECK_EQ(rig_count(&r, "response.output_audio_transcript.delta"), 0);
	remote_speaks(&v, "", 200);
	CHECK_EQ(rig_count(&r, "response.output_audio_transcript.delta"), 1);
	remote_speaks(&v, "", 3800);
	CHECK_EQ(rig_count(&r, "response.output_audio_transcript.delta"), 2);
	remote_done(&v);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "response.output_audio_transcript.done",
			"{'transcript':'This is a long sentence that is there all at once, and goes "
			"on.'}"));
}

/* A service that names no sources: what it says is held against what was found. */
static void sources_are_found_here(void)
{
	const struct llm_usage u = { .input_tokens = 1, .output_tokens = 1 };

	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, "null", ",'include':['voiced.sources']");
	r.found = "{\"results\":[{\"document\":1,\"file\":\"t.md\",\"title\":\"Telescopes\",\"heading\":"
		  "\"Mirrors\",\"start\":100,\"end\":230,\"text\":\"The mirror is one hundred and twenty "
		  "centimetres wide. It was built by Anders Holm in 1974.\"}]}";
	rig_say(&r, "{'type':'response.create'}");
	SAY(v, on_call, v.ref, "c", "search", "{\"query\":\"mirror\"}");
	SAY(v, on_done, v.ref, LLM_TOOL_CALLS, &u);
	rig_wait(&r, 10000);
	remote_speaks(&v, "Sure. The mirror is 120 centi", 1000);
	remote_speaks(&v, "metres wide. Anything else?", 3000);
	remote_done(&v);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "voiced.response.sources",
			"{'sources':[{'document':1,'title':'Telescopes','transcript_start':6,"
			"'transcript_end':41}]}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	CHECK_EQ(rig_count(&r, "voiced.response.sources"), 1);
}

/* The service is left, and the next answer is a cheaper engine's. */
static void the_budget_is_used_up(void)
{
	static const struct price price = { .audio_out = 10 };
	const struct llm_usage u = { .output_tokens = 100, .output_audio_tokens = 100 };
	struct rig_purse purse = { .tokens = 90 };
	const struct session_params p = { .payers = { &purse_ops, &purse, 1, "EUR" } };
	__attribute__((cleanup(remote_auto_))) struct remote v = { 0 };
	AUTO(rig) struct rig r = { 0 };
	struct engines cheaper;

	GIVEN(remote_rig_init(&r, &v));
	r.engines.realtime_price = &price;
	cheaper = r.engines;
	cheaper.realtime_ops = NULL;
	purse.engines[COST_CHEAPER] = purse.engines[COST_EMBEDDED] = &cheaper;
	GIVEN(rig_start(&r, &p, 24000));
	SAY(v, on_open);
	set_turns(&r, &v, vad, ",'output_modalities':['text']");
	speak(&r);
	SAY(v, on_words, "one");
	SAY(v, on_text, v.ref, "Dear.");
	SAY(v, on_done, v.ref, LLM_STOP, &u);
	rig_wait(&r, 1000);
	CHECK_EQ(purse.spent.audio_out, 100);
	CHECK(!v.here);
	CHECK_EQ(fake_hear(r.fake, "two"), 0);
	speak(&r);
	rig_wait(&r, 100000);
	CHECK(rig_until(&r, "response.output_text.done", "{'text':'Dear.'}"));
	CHECK(rig_until(&r, "response.output_text.done", "{'text':'You said: two'}"));
	CHECK_STR(upstream_state_name(r.s), "away");
}

TESTS({ "sources_are_found_here", sources_are_found_here },
      { "the_budget_is_used_up", the_budget_is_used_up },
      { "it_is_told_what_counts", it_is_told_what_counts },
      { "what_is_enforced_stays_hidden", what_is_enforced_stays_hidden },
      { "a_turn_is_heard_and_answered", a_turn_is_heard_and_answered },
      { "audio_leaves_in_the_clients_format", audio_leaves_in_the_clients_format },
      { "the_user_speaks_over_it", the_user_speaks_over_it },
      { "an_answer_is_broken_off", an_answer_is_broken_off },
      { "it_may_be_deaf", it_may_be_deaf },
      { "turns_are_the_clients", turns_are_the_clients },
      { "clients_functions_are_called", clients_functions_are_called },
      { "servers_tools_run_here", servers_tools_run_here },
      { "who_no_longer_wants_a_tools_output_says_so", who_no_longer_wants_a_tools_output_says_so },
      { "answers_beside_the_conversation", answers_beside_the_conversation },
      { "items_are_mirrored", items_are_mirrored },
      { "one_answer_fails", one_answer_fails },
      { "captions_are_in_step", captions_are_in_step })
