/* session.update and the buffers: what a client may change, and when no longer. */
#include "session/rig.h"

static void an_update_is_all_or_nothing(void)
{
	RIG(r, NULL, 0);
	rig_forget(&r);
	rig_say(&r, "{'type':'session.update','session':{'instructions':'a'}}");
	CHECK(rig_expect(&r, "error", "{'error':{'code':'missing_required_parameter',"
				      "'param':'session.type'}}"));
	rig_say(&r, "{'type':'session.update','session':{'type':'transcription'}}");
	CHECK(rig_expect(&r, "error", "{'error':{'code':'invalid_value','param':'session.type'}}"));
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','instructions':'b',"
		    "'audio':{'output':{'speed':9}}}}");
	CHECK(rig_expect(&r, "error", "{'error':{'code':'invalid_value',"
				      "'param':'session.audio.output.speed'}}"));
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime'}}");
	CHECK(rig_expect(&r, "session.updated", "{'session':{'instructions':''}}"));
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','instructions':'c'}}");
	CHECK(rig_expect(&r, "session.updated", "{'session':{'instructions':'c'}}"));
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime',"
		    "'audio':{'output':{'speed':1.5}}}}");
	CHECK(rig_expect(&r, "session.updated",
			 "{'session':{'instructions':'c','audio':{'output':{'speed':1.5}}}}"));
}

static void the_voice_stays_once_it_was_heard(void)
{
	static const char other[] = "{'type':'session.update','session':{'type':'realtime',"
				    "'audio':{'output':{'voice':'echo'}}}}";
	RIG(r, NULL, 0);
	rig_say(&r, "{'type':'response.create','response':{'output_modalities':['text']}}");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.done", "{}"));
	rig_say(&r, other); /* text is no voice */
	CHECK(rig_until(&r, "session.updated", "{'session':{'audio':{'output':{'voice':'echo'}}}}"));
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.done", "{}"));
	rig_forget(&r);
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','instructions':'x',"
		    "'audio':{'output':{'voice':'ash'}}}}");
	CHECK(rig_expect(&r, "error", "{'error':{'code':'cannot_update_voice',"
				      "'param':'session.audio.output.voice'}}"));
	rig_say(&r, other); /* it is the same */
	CHECK(rig_expect(&r, "session.updated", "{'session':{'instructions':''}}"));
}

static void tracing_stays_once_it_is_on(void)
{
	RIG(r, NULL, 0);
	rig_forget(&r);
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime',"
		    "'tracing':{'workflow_name':'a'}}}");
	CHECK(rig_expect(&r, "session.updated", "{'session':{'tracing':{'workflow_name':'a'}}}"));
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','tracing':null}}");
	CHECK(rig_expect(&r, "error", "{'error':{'param':'session.tracing'}}"));
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime',"
		    "'tracing':{'workflow_name':'a'}}}");
	CHECK(rig_expect(&r, "session.updated", "{}"));
}

static void an_update_is_for_what_comes(void)
{
	static const struct fake_step step = { FAKE_TEXT, "Hello there.", NULL };
	const struct fake_delays slow = { .step_us = 50000 };

	RIG(r, NULL, 0);
	fake_delays(r.fake, &slow);
	CHECK_EQ(fake_answer(r.fake, &step, 1), 0);
	CHECK_EQ(fake_answer(r.fake, &step, 1), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime',"
		    "'output_modalities':['text'],'instructions':'later'}}");
	CHECK_STR(json_str(fake_last_request(r.fake), "instructions", ""), "");
	rig_wait(&r, 200000);
	CHECK(rig_until(&r, "response.done", "{'response':{'output_modalities':['audio']}}"));
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 200000);
	CHECK(rig_until(&r, "response.done", "{'response':{'output_modalities':['text']}}"));
	CHECK_STR(json_str(fake_last_request(r.fake), "instructions", ""), "later");
}

static void a_hundred_milliseconds_can_be_committed(void)
{
	RIG(r, NULL, 24000);
	int16_t pcm[1600] = { 0 };
	struct frame f = { 16000, 0, 1599, pcm };

	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','audio':{'input':{"
		    "'turn_detection':null}}}}");
	rig_forget(&r);
	session_on_audio(r.s, &f, r.env.now_us);
	rig_say(&r, "{'type':'input_audio_buffer.commit'}");
	CHECK(rig_expect(&r, "error", "{'error':{'code':'input_audio_buffer_commit_empty'}}"));
	f = (struct frame){ 16000, 1599, 1, pcm };
	session_on_audio(r.s, &f, r.env.now_us);
	rig_say(&r, "{'type':'input_audio_buffer.commit'}");
	CHECK(rig_expect(&r, "input_audio_buffer.committed", "{'previous_item_id':null}"));
	CHECK(rig_expect(&r, "conversation.item.added", "{'previous_item_id':null}"));
	CHECK(rig_expect(&r, "conversation.item.done", "{}"));
	rig_wait(&r, 20000);
	CHECK(rig_quiet(&r)); /* a commit is not a question, and nobody asked for its words */
}

static void clearing_forgets_the_turn(void)
{
	RIG(r, NULL, 24000);
	CHECK_EQ(fake_hear(r.fake, "never mind"), 0);
	rig_audio(&r, 300, RIG_LOUD);
	CHECK(rig_until(&r, "input_audio_buffer.speech_started", "{}"));
	rig_say(&r, "{'type':'input_audio_buffer.clear'}");
	CHECK(rig_expect(&r, "input_audio_buffer.cleared", "{}"));
	CHECK_EQ(fake_running(r.fake), 0);
	rig_audio(&r, 1000, 0);
	CHECK(rig_quiet(&r));
	rig_say(&r, "{'type':'input_audio_buffer.clear'}"); /* of nothing is fine */
	CHECK(rig_expect(&r, "input_audio_buffer.cleared", "{}"));
}

static void output_is_cleared_where_the_server_plays_it(void)
{
	RIG(events, NULL, 0);
	RIG(call, NULL, 24000);

	rig_forget(&events);
	rig_say(&events, "{'type':'output_audio_buffer.clear'}");
	CHECK(rig_expect(&events, "error", "{'error':{'code':'invalid_value','param':'type'}}"));
	rig_forget(&call);
	rig_say(&call, "{'type':'output_audio_buffer.clear'}");
	CHECK(rig_quiet(&call)); /* nothing plays */
	rig_say(&call, "{'type':'response.create'}");
	rig_wait(&call, 300000);
	CHECK(rig_until(&call, "output_audio_buffer.started", "{}"));
	rig_say(&call, "{'type':'output_audio_buffer.clear'}");
	CHECK(rig_until(&call, "output_audio_buffer.cleared", "{}"));
	CHECK(rig_until(&call, "conversation.item.truncated", "{'content_index':0}"));
	rig_wait(&call, 2000000);
	CHECK(!rig_find(&call, "output_audio_buffer.stopped"));
}

TESTS({ "an_update_is_all_or_nothing", an_update_is_all_or_nothing },
      { "the_voice_stays_once_it_was_heard", the_voice_stays_once_it_was_heard },
      { "tracing_stays_once_it_is_on", tracing_stays_once_it_is_on },
      { "an_update_is_for_what_comes", an_update_is_for_what_comes },
      { "a_hundred_milliseconds_can_be_committed", a_hundred_milliseconds_can_be_committed },
      { "clearing_forgets_the_turn", clearing_forgets_the_turn },
      { "output_is_cleared_where_the_server_plays_it",
	output_is_cleared_where_the_server_plays_it })
