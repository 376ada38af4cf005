/* A realtime service that finds the turns, and answers, by itself. */
#include "session/upstream_rig.h"

#include "session/state.h"

/* A session that speaks with one, open. */
static bool begin(struct rig *r, struct remote *v, unsigned paced_hz, const char *turns)
{
	char text[300];

	if (!remote_rig_init(r, v))
		return false;
	r->engines.service_turns = true;
	if (!rig_start(r, NULL, paced_hz))
		return false;
	SAY(*v, on_open);
	snprintf(text, sizeof(text),
		 "{'type':'session.update','session':{'type':'realtime','audio':{'input':{"
		 "'transcription':{},'turn_detection':{'type':'server_vad'%s}}}}}",
		 turns);
	rig_say(r, text);
	rig_forget(r);
	v->log.n = 0;
	return v->here;
}

#define BEGIN(r, v, paced_hz, turns)                                                               \
	__attribute__((cleanup(remote_auto_))) struct remote v = { 0 };                          \
	AUTO(rig) struct rig r = { 0 };                                                            \
	GIVEN(begin(&r, &v, paced_hz, turns))

/* What it hears, where and when, is told in our positions; its answer becomes a response of ours. */
static void it_finds_a_turn(void)
{
	BEGIN(r, v, 24000, "");
	CHECK(!json_is_null(config_at(v.session, "audio.input.turn_detection")));
	rig_audio(&r, 1000, 0);
	rig_audio(&r, 600, RIG_LOUD);
	CHECK(v.total >= 1580 * 24); /* all of it is for the service to judge */
	CHECK(rig_quiet(&r));
	SAY(v, on_speech, true, 950);
	CHECK(rig_expect(&r, "input_audio_buffer.speech_started", "{'audio_start_ms':950}"));
	rig_audio(&r, 600, 0);
	SAY(v, on_speech, false, 1700);
	CHECK(rig_expect(&r, "input_audio_buffer.speech_stopped", "{'audio_end_ms':1700}"));
	SAY(v, on_commit);
	CHECK(rig_expect(&r, "input_audio_buffer.committed", "{}"));
	CHECK(rig_until(&r, "conversation.item.added", "{'item':{'role':'user'}}"));
	CHECK(conv_last(&r.s->conv));
	CHECK_EQ(conv_last(&r.s->conv)->audio_ms, 1250);
	CHECK_EQ(rig_count(&r, "response.created"), 0);
	SAY(v, on_begun);
	CHECK(remote_told(&v, "name commit\nadopt\n"));
	CHECK(rig_until(&r, "response.created", "{}"));
	SAY(v, on_words, "what is it");
	remote_speaks(&v, "It is this.", 600);
	remote_done(&v);
	rig_wait(&r, 700000);
	CHECK(rig_until(&r, "conversation.item.input_audio_transcription.completed",
			"{'transcript':'what is it'}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	CHECK(rig_until(&r, "output_audio_buffer.stopped", "{}"));
	CHECK_EQ(rig_count(&r, "input_audio_buffer.committed"), 1);
}

static void it_is_interrupted_when_it_says_so(void)
{
	BEGIN(r, v, 24000, "");
	steady_audio(&r, 300, 0);
	SAY(v, on_commit);
	SAY(v, on_begun);
	remote_speaks(&v, "A long answer, which nobody wants to hear.", 3000);
	steady_audio(&r, 1000, RIG_LOUD);
	CHECK_EQ(rig_count(&r, "response.done"), 0);
	v.log.n = 0;
	SAY(v, on_speech, true, 900);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'cancelled'}}"));
	CHECK(rig_until(&r, "conversation.item.truncated", "{}"));
	CHECK(strncmp((const char *)v.log.p, "cancel it\ntruncate it ", 22) == 0);
}

/* The next answer begins while the one before is still being said: it waits. */
static void answers_come_one_after_the_other(void)
{
	BEGIN(r, v, 24000, ",'interrupt_response':false");
	steady_audio(&r, 300, 0);
	SAY(v, on_commit);
	SAY(v, on_begun);
	remote_speaks(&v, "The first.", 6000);
	remote_done(&v);
	SAY(v, on_commit);
	SAY(v, on_begun);
	remote_speaks(&v, "The second.", 300);
	remote_done(&v);
	rig_wait(&r, 500000);
	CHECK_EQ(rig_count(&r, "response.created"), 1);
	rig_wait(&r, 7000000);
	CHECK_EQ(rig_count(&r, "response.created"), 2);
	CHECK_EQ(rig_count(&r, "response.done"), 2);
	CHECK(rig_until(&r, "response.output_audio_transcript.done", "{'transcript':'The first.'}"));
	CHECK(rig_until(&r, "response.output_audio_transcript.done", "{'transcript':'The second.'}"));
}

static void turns_of_the_client_stay_its_own(void)
{
	BEGIN(r, v, 0, "");
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','audio':{'input':{"
		    "'turn_detection':null}}}}");
	v.log.n = 0;
	steady_audio(&r, 400, RIG_LOUD);
	rig_say(&r, "{'type':'input_audio_buffer.commit'}");
	CHECK(remote_told(&v, "commit 400\nname commit\n"));
	SAY(v, on_begun);
	CHECK(remote_told(&v, "cancel 0\n"));
	rig_say(&r, "{'type':'response.create'}");
	CHECK(remote_told(&v, "ask\n"));
}

/* It had committed, and not begun to answer: the next one is asked to. */
static void lost_between_turn_and_answer(void)
{
	BEGIN(r, v, 0, "");
	CHECK_EQ(fake_hear(r.fake, "lost words"), 0);
	steady_audio(&r, 600, RIG_LOUD);
	SAY(v, on_speech, true, 0);
	SAY(v, on_speech, false, 600);
	SAY(v, on_commit);
	v.log.n = 0;
	remote_lost(&r, &v, 0);
	CHECK(remote_told(&v, "open 1\nask\n"));
	CHECK(rig_has(json_array_get(v.items, 0), "{'content':[{'type':'input_audio'}]}"));
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "conversation.item.input_audio_transcription.completed",
			"{'transcript':'lost words'}"));
	SAY(v, on_open);
	remote_speaks(&v, "Here.", 100);
	remote_done(&v);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

static void lost_while_the_user_speaks(void)
{
	BEGIN(r, v, 24000, "");
	steady_audio(&r, 1000, 0);
	steady_audio(&r, 600, RIG_LOUD);
	SAY(v, on_speech, true, 900);
	size_t before = v.total;
	remote_lost(&r, &v, 0);
	CHECK_EQ((v.total - before + 240) / 480, 35); /* from the start of the turn */
	SAY(v, on_open);
	steady_audio(&r, 300, RIG_LOUD);
	SAY(v, on_speech, true, 0); /* again: it is the same turn */
	SAY(v, on_speech, false, 800);
	SAY(v, on_commit);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.speech_started"), 1);
	CHECK(rig_until(&r, "input_audio_buffer.speech_stopped", "{'audio_end_ms':1700}"));
	CHECK(conv_last(&r.s->conv));
	CHECK_EQ(conv_last(&r.s->conv)->audio_ms, 1000);
}

/* For good, in the middle of a turn: its end is found here. */
static void the_ear_goes_on(void)
{
	BEGIN(r, v, 0, "");
	CHECK_EQ(fake_hear(r.fake, "all of it"), 0);
	steady_audio(&r, 600, RIG_LOUD);
	SAY(v, on_speech, true, 0);
	remote_lost(&r, &v, UINT64_MAX);
	steady_audio(&r, 300, RIG_LOUD);
	steady_audio(&r, 800, 0);
	rig_wait(&r, 1000000);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.speech_started"), 1);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.speech_stopped"), 1);
	CHECK(rig_until(&r, "conversation.item.input_audio_transcription.completed",
			"{'transcript':'all of it'}"));
	CHECK(rig_until(&r, "response.output_audio_transcript.done",
			"{'transcript':'You said: all of it'}"));
	steady_turn(&r, 600, 800);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.committed"), 2);
}

static void gone_between_end_and_commit(void)
{
	BEGIN(r, v, 0, "");
	CHECK_EQ(fake_hear(r.fake, "all of it"), 0);
	steady_audio(&r, 600, RIG_LOUD);
	SAY(v, on_speech, true, 0);
	steady_audio(&r, 400, 0);
	SAY(v, on_speech, false, 600);
	remote_lost(&r, &v, UINT64_MAX);
	rig_wait(&r, 1000000);
	CHECK_EQ(rig_count(&r, "input_audio_buffer.committed"), 1);
	CHECK(rig_until(&r, "response.output_audio_transcript.done",
			"{'transcript':'You said: all of it'}"));
}

TESTS({ "it_finds_a_turn", it_finds_a_turn },
      { "it_is_interrupted_when_it_says_so", it_is_interrupted_when_it_says_so },
      { "answers_come_one_after_the_other", answers_come_one_after_the_other },
      { "turns_of_the_client_stay_its_own", turns_of_the_client_stay_its_own },
      { "lost_between_turn_and_answer", lost_between_turn_and_answer },
      { "lost_while_the_user_speaks", lost_while_the_user_speaks },
      { "the_ear_goes_on", the_ear_goes_on },
      { "gone_between_end_and_commit", gone_between_end_and_commit })
