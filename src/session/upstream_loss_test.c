/* A realtime service that is lost, at every moment: the conversation goes on at another, or here. */
#include "session/upstream_rig.h"

#include "session/state.h"

static void set_turns(struct rig *r, struct remote *v, const char *turns, const char *more)
{
	char text[400];

	snprintf(text, sizeof(text),
		 "{'type':'session.update','session':{'type':'realtime','audio':{'input':{"
		 "'transcription':{},'turn_detection':%s}}%s}}",
		 turns, more);
	unsigned long held = mem_fail_hold();
	rig_say(r, text);
	mem_fail_resume(held);
	rig_forget(r);
	v->log.n = 0;
}

static const char vad[] = "{'type':'server_vad','silence_duration_ms':400}";

static void tell_item(struct rig *r, const char *text)
{
	char all[200];

	snprintf(all, sizeof(all),
		 "{'type':'conversation.item.create','item':{'type':'message','role':'user',"
		 "'content':[{'type':'input_text','text':'%s'}]}}",
		 text);
	rig_say(r, all);
}

static void it_is_opened_again_with_the_items(void)
{
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, vad, "");
	steady_turn(&r, 600, 420);
	SAY(v, on_words, "first question");
	remote_speaks(&v, "First answer.", 300);
	remote_done(&v);
	tell_item(&r, "typed");
	v.log.n = 0;
	remote_lost(&r, &v, r.env.now_us);
	CHECK(remote_told(&v, "open 3\n"));
	SAY(v, on_open);
	CHECK(rig_has(json_array_get(v.items, 0),
		      "{'role':'user','content':[{'type':'input_audio','transcript':'first question'}"
		      "]}"));
	CHECK(rig_has(json_array_get(v.items, 1),
		      "{'role':'assistant','content':[{'type':'output_audio','transcript':'First "
		      "answer.'}]}"));
	CHECK(rig_has(json_array_get(v.items, 2), "{'content':[{'text':'typed'}]}"));
	/* What is of the earlier link is none of this one's. */
	rig_forget(&r);
	v.sink->on_words(v.owner, v.link - 1, "late");
	CHECK(rig_quiet(&r));
	char text[160];
	snprintf(text, sizeof(text), "{'type':'conversation.item.delete','item_id':'%s'}",
		 json_str(json_array_get(v.items, 1), "id", ""));
	rig_say(&r, text);
	CHECK(strncmp((const char *)v.log.p, "remove item_", 12) == 0);
}

/* The turn under way is pushed again from its start; no word is lost. */
static void lost_while_the_user_speaks(void)
{
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, vad, "");
	rig_audio(&r, 1000, 0);
	rig_audio(&r, 600, RIG_LOUD);
	remote_lost(&r, &v, r.env.now_us + 200000);
	CHECK(!v.here);
	rig_audio(&r, 300, RIG_LOUD);
	CHECK(v.here);
	rig_audio(&r, 420, 0);
	SAY(v, on_open);
	CHECK(remote_told(&v, "open 0\ncommit 1600\nname commit\nask\n"));
	SAY(v, on_words, "all of it");
	remote_speaks(&v, "Yes.", 100);
	remote_done(&v);
	rig_wait(&r, 200000);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.speech_started"), 1);
	CHECK(rig_until(&r, "conversation.item.input_audio_transcription.completed",
			"{'transcript':'all of it'}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

/* Committed, but its words and the answer had not come: heard and asked for once more. */
static void lost_before_words_and_answer(void)
{
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, vad, "");
	tell_item(&r, "before");
	steady_turn(&r, 600, 420);
	tell_item(&r, "behind");
	v.log.n = 0;
	remote_lost(&r, &v, 0);
	CHECK(remote_told(&v, "open 1\ncommit 1000\nname commit\nadd message\nask\n"));
	SAY(v, on_open);
	SAY(v, on_words, "said once");
	CHECK(rig_until(&r, "conversation.item.input_audio_transcription.completed",
			"{'transcript':'said once'}"));
	remote_speaks(&v, "Heard.", 100);
	remote_done(&v);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	CHECK_EQ(rig_count(&r, "response.created"), 1);
}

/* What was written and not said is not shown; the next one is asked to go on behind the last word. */
static void lost_in_the_middle_of_an_answer(void)
{
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, "null", "");
	tell_item(&r, "Tell me.");
	rig_say(&r, "{'type':'response.create'}");
	remote_speaks(&v, "The first half of it is said,", 1800);
	remote_speaks(&v, " the second half is written but never said", 0);
	remote_lost(&r, &v, 0);
	CHECK(remote_told(&v, "add message\nask\nname answer\nopen 1\nadd message\nask\n"));
	SAY(v, on_open);
	CHECK(rig_has(v.added, "{'role':'assistant','content':[{'type':'output_text','text':'The "
			       "first half of it is said,'}]}"));
	CHECK(strstr(json_str(v.asked, "instructions", ""), "Go on exactly after"));
	remote_speaks(&v, "and here it goes on.", 1200);
	remote_done(&v);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "response.output_audio_transcript.done",
			"{'transcript':'The first half of it is said, and here it goes on.'}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	CHECK_EQ(rig_count(&r, "response.created"), 1);
	CHECK_EQ(rig_count(&r, "response.output_item.added"), 1);
	rig_say(&r, "{'type':'response.create'}");
	CHECK(!v.asked); /* the next one is nothing special */
}

/* All of the answer is here, and waits to be played: the next link is told it when it has been. */
static void lost_while_an_answer_is_played(void)
{
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, "null", "");
	rig_say(&r, "{'type':'response.create'}");
	remote_speaks(&v, "A long answer, of which much is still to be played.", 8000);
	remote_done(&v);
	v.log.n = 0;
	remote_lost(&r, &v, 0);
	SAY(v, on_open);
	CHECK(remote_told(&v, "open 0\n"));
	rig_wait(&r, 4000000);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	CHECK(remote_told(&v, "add message\n"));
	CHECK(rig_has(v.added, "{'role':'assistant','content':[{'transcript':'A long answer, of which much "
			       "is still to be played.'}]}"));
	rig_audio(&r, 300, RIG_LOUD);
	rig_say(&r, "{'type':'output_audio_buffer.clear'}");
	CHECK(rig_until(&r, "conversation.item.truncated", "{}"));
	CHECK(strncmp((const char *)v.log.p, "remove item_", 12) == 0);
	CHECK(strstr((const char *)v.log.p, "add message\n"));
}

static void lost_while_a_tool_runs(void)
{
	const struct llm_usage u = { .input_tokens = 1, .output_tokens = 1 };

	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, "null", "");
	r.tool_us = 300000;
	rig_say(&r, "{'type':'response.create'}");
	SAY(v, on_call, v.ref, "their_call", "search", "{}");
	SAY(v, on_done, v.ref, LLM_TOOL_CALLS, &u);
	v.log.n = 0;
	remote_lost(&r, &v, 0);
	SAY(v, on_open);
	CHECK(remote_told(&v, "open 0\n"));
	rig_wait(&r, 310000);
	CHECK(remote_told(&v, "add function_call\nadd function_call_output\nask\n"));
	CHECK(strcmp(json_str(v.added, "call_id", ""), "their_call") != 0);
	remote_speaks(&v, "Found.", 100);
	remote_done(&v);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

static void who_waits_is_told(void)
{
	REMOTE(r, v, NULL, 0);
	set_turns(&r, &v, "null", "");
	remote_lost(&r, &v, r.env.now_us + 3000000);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 1400000);
	CHECK_EQ(rig_count(&r, "response.output_audio.delta"), 0);
	rig_wait(&r, 200000);
	CHECK(rig_until(&r, "response.output_audio_transcript.delta",
			"{'delta':'One moment, please.'}"));
	rig_wait(&r, 1500000);
	SAY(v, on_open);
	remote_speaks(&v, "Here I am.", 200);
	remote_done(&v);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "response.output_audio_transcript.done",
			"{'transcript':'One moment, please. Here I am.'}"));
}

/* None is left: the recogniser hears the turn from its start, the model answers, the voice speaks. */
static void none_is_left(void)
{
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, vad, "");
	CHECK_EQ(fake_hear(r.fake, "the question"), 0);
	steady_audio(&r, 600, RIG_LOUD);
	remote_lost(&r, &v, UINT64_MAX);
	size_t heard = fake_heard(r.fake);
	CHECK(heard >= 600 * 16);
	steady_audio(&r, 620, 0);
	CHECK(rig_until(&r, "conversation.item.input_audio_transcription.completed",
			"{'transcript':'the question'}"));
	rig_wait(&r, 5000000);
	CHECK(rig_until(&r, "response.output_audio_transcript.done",
			"{'transcript':'You said: the question'}"));
	CHECK_EQ(rig_count(&r, "input_audio_buffer.speech_started"), 1);
	env_fake_advance(&r.env, 100000000);
	rig_run_due(&r);
	CHECK(!v.here);
}

static void an_answer_that_waits_is_thought_here(void)
{
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, vad, ",'output_modalities':['text']");
	CHECK_EQ(fake_hear(r.fake, "the question"), 0);
	steady_turn(&r, 600, 420);
	CHECK(rig_until(&r, "response.created", "{}"));
	remote_lost(&r, &v, UINT64_MAX);
	rig_wait(&r, 100000);
	CHECK(rig_until(&r, "response.output_text.done", "{'text':'You said: the question'}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

/* Three links in a row that come to nothing; later, in silence, it is tried again. */
static void it_returns_when_it_is_well(void)
{
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, "null", ",'output_modalities':['text']");
	rig_wait(&r, 2000000);
	v.refuses = true;
	remote_lost(&r, &v, 0);
	rig_wait(&r, 2000000);
	CHECK(remote_told(&v, "open 0\nopen 0\nopen 0\n"));
	CHECK_STR(upstream_state_name(r.s), "away");
	tell_item(&r, "hello");
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 100000);
	CHECK(rig_until(&r, "response.output_text.done", "{'text':'You said: hello'}"));
	v.refuses = false;
	CHECK(remote_told(&v, ""));
	while (!v.here && !mem_failed())
		rig_wait(&r, 100000);
	CHECK(remote_told(&v, "open 2\n"));
	SAY(v, on_open);
	rig_say(&r, "{'type':'response.create'}");
	CHECK(remote_told(&v, "ask\n"));
	SAY(v, on_text, v.ref, "Back.");
	remote_done(&v);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "response.output_text.done", "{'text':'Back.'}"));
}

/* No other engines: a notice, an error, and a session that lives. */
static void nothing_is_left(void)
{
	__attribute__((cleanup(remote_auto_))) struct remote v = { 0 };
	AUTO(rig) struct rig r = { 0 };

	GIVEN(remote_rig_init(&r, &v));
	r.engines.stt_ops = NULL;
	r.engines.llm_ops = NULL;
	GIVEN(rig_start(&r, NULL, 24000));
	SAY(v, on_open);
	set_turns(&r, &v, vad, ",'output_modalities':['text']");
	steady_turn(&r, 600, 420);
	remote_lost(&r, &v, UINT64_MAX);
	rig_wait(&r, 100000);
	CHECK(rig_until(&r, "conversation.item.input_audio_transcription.failed", "{}"));
	CHECK(rig_until(&r, "response.output_text.done", "{}"));
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'failed','status_details':{'error':{'code':"
			"'engine_unavailable'}}}}"));
	/* Whoever asks meanwhile is told the same. */
	rig_forget(&r);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 100000);
	CHECK(rig_until(&r, "response.output_text.done", "{}"));
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'failed','status_details':{'error':{'code':'engine_unavailable',"
			"'message':'The line is dead.'}}}}"));
	rig_forget(&r);
	env_fake_advance(&r.env, 60000000);
	rig_run_due(&r);
	CHECK(v.here); /* in the end it is tried again */
	SAY(v, on_open);
	rig_say(&r, "{'type':'response.create'}");
	remote_speaks(&v, "There.", 100);
	remote_done(&v);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

static void silence_is_taken_for_a_loss(void)
{
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, "null", "");
	tell_item(&r, "hello");
	v.log.n = 0;
	rig_say(&r, "{'type':'response.create'}");
	CHECK(remote_told(&v, "ask\n"));
	rig_wait(&r, 11900000);
	CHECK(remote_told(&v, ""));
	rig_wait(&r, 700000);
	CHECK(remote_told(&v, "close\nopen 1\nask\n"));
	rig_wait(&r, 8500000); /* nor does the next one open: it is thought here */
	CHECK(remote_told(&v, "close\n"));
	CHECK(rig_until(&r, "response.output_audio_transcript.done", "{'transcript':'One moment, please. You said: hello'}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

/* Killed a hundred times while somebody speaks: each turn is heard from its first word to its last. */
static void no_word_is_lost(void)
{
	uint64_t seed = 1;

	if (getenv("VOICED_TEST_OOM"))
		return;
	REMOTE(r, v, NULL, 24000);
	set_turns(&r, &v, vad, ",'output_modalities':['text']");
	for (unsigned turn = 0; turn < 100; turn++) {
		unsigned frames = 15 + turn % 50, at;
		char want[80];

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		at = 10 + (unsigned)(seed >> 33) % (frames - 10);
		rig_audio(&r, 1000, 0);
		for (unsigned i = 0; i < frames; i++) {
			rig_audio(&r, 20, RIG_LOUD);
			if (i == at)
				remote_lost(&r, &v, r.env.now_us + (seed >> 40) % 300000);
		}
		v.log.n = 0;
		rig_audio(&r, 420, 0);
		SAY(v, on_open);
		rig_wait(&r, 300000);
		SAY(v, on_open);
		snprintf(want, sizeof(want), "commit %u\nname commit\nask\n", 300 + 20 * frames + 400);
		const char *got = v.log.n ? strstr((const char *)v.log.p, "commit") : NULL;
		CHECK_STR(got, want);
		SAY(v, on_words, "all of it");
		SAY(v, on_text, v.ref, "Yes.");
		remote_done(&v);
		rig_wait(&r, 1000);
	}
	CHECK_EQ(rig_count(&r, "conversation.item.input_audio_transcription.completed"), 100);
	CHECK_EQ(rig_count(&r, "response.done"), 100);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.speech_started"), 100);
	CHECK_STR(upstream_state_name(r.s), "open");
}

TESTS({ "no_word_is_lost", no_word_is_lost },
      { "it_is_opened_again_with_the_items", it_is_opened_again_with_the_items },
      { "lost_while_the_user_speaks", lost_while_the_user_speaks },
      { "lost_before_words_and_answer", lost_before_words_and_answer },
      { "lost_in_the_middle_of_an_answer", lost_in_the_middle_of_an_answer },
      { "lost_while_an_answer_is_played", lost_while_an_answer_is_played },
      { "lost_while_a_tool_runs", lost_while_a_tool_runs },
      { "who_waits_is_told", who_waits_is_told },
      { "none_is_left", none_is_left },
      { "an_answer_that_waits_is_thought_here", an_answer_that_waits_is_thought_here },
      { "it_returns_when_it_is_well", it_returns_when_it_is_well },
      { "nothing_is_left", nothing_is_left },
      { "silence_is_taken_for_a_loss", silence_is_taken_for_a_loss })
