/* Who is speaking: from audio to turns, and to what is answered. */
#include "session/rig.h"

/* server_vad with so much silence, and further members of turn_detection. */
static void set_turns(struct rig *r, unsigned silence_ms, const char *more)
{
	char text[400];

	snprintf(text, sizeof(text),
		 "{'type':'session.update','session':{'type':'realtime',"
		 "'output_modalities':['text'],'audio':{'input':{'transcription':{},"
		 "'turn_detection':{'type':'server_vad','silence_duration_ms':%u%s}}}}}",
		 silence_ms, more);
	rig_say(r, text);
	rig_forget(r);
}

static void the_item_is_named_before_it_exists(void)
{
	char id[64];

	RIG(r, NULL, 24000);
	set_turns(&r, 400, "");
	CHECK_EQ(fake_hear(r.fake, "hello"), 0);
	rig_audio(&r, 1000, 0);
	rig_audio(&r, 500, RIG_LOUD);
	const json_t *e = rig_find(&r, "input_audio_buffer.speech_started");
	CHECK(rig_has(e, "{'audio_start_ms':700}"));
	snprintf(id, sizeof(id), "%s", json_str(e, "item_id", ""));
	rig_audio(&r, 400, 0);
	rig_wait(&r, 1000);
	e = rig_find(&r, "input_audio_buffer.speech_stopped");
	CHECK(rig_has(e, "{'audio_end_ms':1900}"));
	CHECK_STR(json_str(e, "item_id", ""), id);
	CHECK_STR(json_str(rig_find(&r, "input_audio_buffer.committed"), "item_id", ""), id);
	e = rig_find(&r, "conversation.item.added");
	CHECK_STR(json_str(json_object_get(e, "item"), "id", ""), id);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	CHECK_EQ(rig_count(&r, "input_audio_buffer.speech_started"), 1);
}

static void a_cough_is_not_answered(void)
{
	RIG(r, NULL, 24000);
	set_turns(&r, 200, "");
	CHECK_EQ(fake_hear(r.fake, " "), 0);
	rig_turn(&r, 140, 400);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.committed"), 1);
	CHECK_EQ(rig_count(&r, "response.created"), 0);
	CHECK_EQ(fake_running(r.fake), 0);
}

/* A held answer to the first half is dropped; the answer is to all of it. */
static void going_on_after_a_pause_is_one_turn(void)
{
	const struct fake_delays slow = { .step_us = 250000 };

	RIG(r, NULL, 24000);
	fake_delays(r.fake, &slow);
	set_turns(&r, 500, "");
	CHECK_EQ(fake_hear(r.fake, "all of it"), 0);
	rig_turn(&r, 300, 300); /* long enough to begin an answer */
	CHECK(fake_last_request(r.fake));
	CHECK(rig_expect(&r, "input_audio_buffer.speech_started", "{}"));
	CHECK(rig_quiet(&r)); /* of which nothing is seen */
	CHECK_EQ(fake_running(r.fake), 2);
	rig_audio(&r, 100, RIG_LOUD);
	CHECK_EQ(fake_running(r.fake), 1); /* the recogniser */
	rig_turn(&r, 200, 500);
	rig_wait(&r, 500000);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.committed"), 1);
	CHECK_EQ(rig_count(&r, "response.created"), 1);
	CHECK(rig_until(&r, "response.output_text.done", "{'text':'You said: all of it'}"));
}

static void what_runs_is_interrupted_or_not(void)
{
	static const struct fake_step step = { FAKE_TEXT, "A long answer.", NULL };
	const struct fake_delays slow = { .step_us = 2000000 };

	for (int interrupt = 0; interrupt < 2; interrupt++) {
		RIG(r, NULL, 24000);
		fake_delays(r.fake, &slow);
		set_turns(&r, 200, interrupt ? "" : ",'interrupt_response':false");
		CHECK_EQ(fake_answer(r.fake, &step, 1), 0);
		CHECK_EQ(fake_hear(r.fake, "me again"), 0);
		rig_say(&r, "{'type':'response.create'}");
		rig_say(&r, "{'type':'response.create','response':{'conversation':'none'}}");
		rig_audio(&r, 300, RIG_LOUD);
		CHECK_EQ(rig_count(&r, "response.done"), interrupt ? 1 : 0);
		if (interrupt)
			CHECK(rig_until(&r, "response.done",
					"{'response':{'status':'cancelled','status_details':{"
					"'type':'cancelled','reason':'turn_detected'}}}"));
		rig_audio(&r, 300, 0);
		/* The words that came meanwhile are answered when the other is done. */
		CHECK_EQ(rig_count(&r, "response.created"), interrupt ? 3 : 2);
		rig_wait(&r, 5000000);
		CHECK_EQ(rig_count(&r, "response.created"), 3);
		CHECK_EQ(rig_count(&r, "response.done"), 3);
		for (int others = interrupt ? 1 : 2; others > 0; others--)
			CHECK(rig_until(&r, "response.output_text.done", "{}"));
		CHECK(rig_until(&r, "response.output_text.done", "{'text':'You said: me again'}"));
	}
}

static void turns_without_answers(void)
{
	RIG(r, NULL, 24000);
	set_turns(&r, 200, ",'create_response':false");
	CHECK_EQ(fake_hear(r.fake, "note this"), 0);
	rig_turn(&r, 300, 400);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.committed"), 1);
	CHECK(rig_until(&r, "conversation.item.input_audio_transcription.completed",
			"{'transcript':'note this'}"));
	CHECK_EQ(rig_count(&r, "response.created"), 0);
	CHECK(!fake_last_request(r.fake)); /* nor is one prepared */
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.output_text.done", "{'text':'You said: note this'}"));
}

/* A commit in the middle of speech ends the turn there, and is the client's to answer. */
static void a_commit_ends_the_turn(void)
{
	RIG(r, NULL, 24000);
	set_turns(&r, 200, "");
	CHECK_EQ(fake_hear(r.fake, "first"), 0);
	CHECK_EQ(fake_hear(r.fake, "second"), 0);
	rig_audio(&r, 300, RIG_LOUD);
	const char *id = json_str(rig_find(&r, "input_audio_buffer.speech_started"), "item_id", "");
	rig_say(&r, "{'type':'input_audio_buffer.commit'}");
	CHECK_STR(json_str(rig_find(&r, "input_audio_buffer.committed"), "item_id", ""), id);
	rig_wait(&r, 20000);
	CHECK_EQ(rig_count(&r, "response.created"), 0);
	rig_audio(&r, 300, RIG_LOUD); /* who goes on speaking begins another */
	rig_audio(&r, 300, 0);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.committed"), 2);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.speech_stopped"), 1);
	CHECK_EQ(rig_count(&r, "response.created"), 1);
}

static void the_mode_may_change_while_somebody_speaks(void)
{
	RIG(r, NULL, 24000);
	set_turns(&r, 200, "");
	CHECK_EQ(fake_hear(r.fake, "all"), 0);
	rig_audio(&r, 300, RIG_LOUD);
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','audio':{'input':{"
		    "'turn_detection':null}}}}");
	rig_audio(&r, 600, 0);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.speech_stopped"), 0);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.committed"), 0);
	rig_say(&r, "{'type':'input_audio_buffer.commit'}");
	CHECK(rig_until(&r, "input_audio_buffer.committed", "{}"));
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "conversation.item.input_audio_transcription.completed",
			"{'transcript':'all'}"));
	rig_audio(&r, 300, RIG_LOUD);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.speech_started"), 1);
	set_turns(&r, 200, "");
	rig_audio(&r, 600, 0);
	rig_audio(&r, 300, RIG_LOUD);
	CHECK(rig_until(&r, "input_audio_buffer.speech_started", "{}"));
}

/* After the answer has been played, if nobody says anything: once. */
static void silence_is_noticed_once(void)
{
	RIG(r, NULL, 24000);
	set_turns(&r, 200, ",'idle_timeout_ms':5000");
	rig_wait(&r, 20000000);
	CHECK(rig_quiet(&r)); /* there was no answer yet */
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.done", "{}"));
	rig_forget(&r);
	rig_audio(&r, 4900, 0);
	CHECK(rig_quiet(&r));
	rig_audio(&r, 100, 0);
	CHECK(rig_expect(&r, "input_audio_buffer.timeout_triggered", "{}"));
	CHECK(rig_expect(&r, "input_audio_buffer.committed", "{}"));
	CHECK(rig_until(&r, "response.created", "{}"));
	rig_wait(&r, 4900000);
	rig_forget(&r);
	/* The answer to the silence has been heard, too: it counts anew. */
	rig_wait(&r, 200000);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.timeout_triggered"), 2);
}

TESTS({ "the_item_is_named_before_it_exists", the_item_is_named_before_it_exists },
      { "a_cough_is_not_answered", a_cough_is_not_answered },
      { "going_on_after_a_pause_is_one_turn", going_on_after_a_pause_is_one_turn },
      { "what_runs_is_interrupted_or_not", what_runs_is_interrupted_or_not },
      { "turns_without_answers", turns_without_answers },
      { "a_commit_ends_the_turn", a_commit_ends_the_turn },
      { "the_mode_may_change_while_somebody_speaks", the_mode_may_change_while_somebody_speaks },
      { "silence_is_noticed_once", silence_is_noticed_once })
