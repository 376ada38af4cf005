/* How an answer ends, and what is said of it then. */
#include "session/rig.h"

static void say(struct rig *r, const struct fake_step *steps, size_t n)
{
	if (fake_answer(r->fake, steps, n) == 0)
		rig_say(r, "{'type':'response.create'}");
}

/* {step that ends the answer, response.done, status of its item} */
static const struct {
	struct fake_step step;
	const char *done, *item;
} ends[] = {
	{ { FAKE_TEXT, " End.", NULL },
	  "{'response':{'status':'completed','status_details':null}}",
	  "completed" },
	{ { FAKE_MAX_TOKENS, NULL, NULL },
	  "{'response':{'status':'incomplete','status_details':{'type':'incomplete',"
	  "'reason':'max_output_tokens'}}}",
	  "incomplete" },
	{ { FAKE_ERROR, "broken", NULL },
	  "{'response':{'status':'failed','status_details':{'type':'failed',"
	  "'error':{'type':'server_error','code':'broken'}}}}",
	  "incomplete" },
};

static void each_outcome_is_told(void)
{
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		const struct fake_step steps[] = { { FAKE_TEXT, "Begin.", NULL }, ends[i].step };
		char item[64];

		RIG(r, NULL, 0);
		rig_say(&r, "{'type':'session.update','session':{'type':'realtime',"
			    "'output_modalities':['text']}}");
		say(&r, steps, 2);
		rig_wait(&r, 20000);
		snprintf(item, sizeof(item), "{'item':{'status':'%s'}}", ends[i].item);
		CHECK(rig_until(&r, "conversation.item.done", item));
		CHECK(rig_until(&r, "response.done", ends[i].done));
		CHECK(rig_expect(&r, "rate_limits.updated", "{'rate_limits':[{'name':'tokens'}]}"));
		CHECK(rig_quiet(&r));
		rig_say(&r, "{'type':'response.create'}"); /* and the next one works */
		rig_wait(&r, 20000);
		CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	}
}

/* What was begun is closed when a client cancels: each part, then the item, then the response. */
static void a_cancelled_answer_is_closed_in_order(void)
{
	static const struct fake_step steps[] = { { FAKE_TEXT, "Begun already.", NULL } };
	static const char *const closing[] = {
		"response.output_audio.done", "response.output_audio_transcript.done",
		"response.content_part.done", "conversation.item.done",
		"response.output_item.done",  "response.done",
		"rate_limits.updated",
	};
	const struct fake_delays slow = { .chunk_us = 500000 };

	RIG(r, NULL, 0);
	fake_delays(r.fake, &slow);
	say(&r, steps, 1);
	rig_wait(&r, 600000);
	CHECK(rig_count(&r, "response.output_audio.delta") > 0);
	rig_forget(&r);
	rig_say(&r, "{'type':'response.cancel'}");
	for (size_t i = 0; i < ARRAY_LEN(closing); i++)
		CHECK(rig_expect(&r, closing[i], "{}"));
	CHECK(rig_quiet(&r));
	CHECK_EQ(fake_running(r.fake), 0);
	rig_wait(&r, 5000000);
	CHECK(rig_quiet(&r));
}

/* Tokens of spoken output: one for each 50 ms. "four" is 240 ms here. */
static void use_is_counted(void)
{
	static const struct fake_step step = { FAKE_TEXT, "four four four four four", NULL };

	RIG(r, NULL, 0);
	say(&r, &step, 1);
	rig_wait(&r, 20000);
	const json_t *e = rig_find(&r, "response.done");
	CHECK(rig_has(e, "{'response':{'usage':{'output_token_details':{'audio_tokens':24}}}}"));
	const json_t *u = json_object_get(json_object_get(e, "response"), "usage");
	CHECK_EQ(json_int(u, "total_tokens", -1),
		 json_int(u, "input_tokens", 0) + json_int(u, "output_tokens", 0));
	CHECK_EQ(json_int(u, "output_tokens", -1),
		 24 + json_int(json_object_get(u, "output_token_details"), "text_tokens", 0));
}

/* On a call response.done comes before the voice has ended; "stopped" says when it has. */
static void a_call_plays_on_after_done(void)
{
	static const struct fake_step step = { FAKE_TEXT, "One two three four five six.", NULL };

	RIG(r, NULL, 24000);
	say(&r, &step, 1);
	rig_wait(&r, 100000);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	CHECK_EQ(rig_count(&r, "output_audio_buffer.stopped"), 0);
	rig_say(&r, "{'type':'response.cancel'}"); /* too late */
	CHECK(rig_until(&r, "error", "{'error':{'code':'response_cancel_not_active'}}"));
	rig_wait(&r, 5000000);
	CHECK_EQ(rig_count(&r, "output_audio_buffer.started"), 1);
	CHECK_EQ(rig_count(&r, "output_audio_buffer.stopped"), 1);
	CHECK_EQ(rig_count(&r, "output_audio_buffer.cleared"), 0);
}

/* A client that plays itself: until then it takes more speech to begin a turn. */
static void the_assistant_is_audible_as_long_as_its_audio(void)
{
	static const struct fake_step step = { FAKE_TEXT, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL };

	if (getenv("VOICED_TEST_OOM"))
		return; /* two seconds of audio, twenty milliseconds in each message */
	RIG(r, NULL, 0);
	say(&r, &step, 1); /* 1.8 s */
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.done", "{}"));
	rig_audio(&r, 180, RIG_LOUD);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.speech_started"), 0);
	rig_audio(&r, 1780, 0);
	rig_audio(&r, 140, RIG_LOUD);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.speech_started"), 1);
}

static void what_the_session_forgot_is_no_response(void)
{
	RIG(r, NULL, 24000);
	rig_forget(&r);
	session_on_playout(r.s, 77, LEG_STARTED, r.env.now_us);
	session_on_playout(r.s, 77, LEG_DRAINED, r.env.now_us);
	CHECK(rig_quiet(&r));
}

TESTS({ "each_outcome_is_told", each_outcome_is_told },
      { "a_cancelled_answer_is_closed_in_order", a_cancelled_answer_is_closed_in_order },
      { "use_is_counted", use_is_counted },
      { "a_call_plays_on_after_done", a_call_plays_on_after_done },
      { "the_assistant_is_audible_as_long_as_its_audio",
	the_assistant_is_audible_as_long_as_its_audio },
      { "what_the_session_forgot_is_no_response", what_the_session_forgot_is_no_response })
