/* From text to clauses to audio, and where the words are in it. */
#include "session/rig.h"

static void say(struct rig *r, const char *text)
{
	const struct fake_step step = { FAKE_TEXT, text, NULL };

	if (fake_answer(r->fake, &step, 1) == 0)
		rig_say(r, "{'type':'response.create'}");
}

static bool retrieved_is(struct rig *r, const char *id, const char *transcript)
{
	char text[128];

	snprintf(text, sizeof(text), "{'type':'conversation.item.retrieve','item_id':'%s'}", id);
	rig_forget(r);
	rig_say(r, text);
	const json_t *e = rig_find(r, "conversation.item.retrieved");
	const json_t *part =
		json_array_get(json_object_get(json_object_get(e, "item"), "content"), 0);
	const char *got = json_str(part, "transcript", "");
	if (strcmp(got, transcript) != 0 && !mem_failed())
		fprintf(stderr, "heard \"%s\", not \"%s\"\n", got, transcript);
	return strcmp(got, transcript) == 0;
}

static void each_clause_is_spoken_and_shown(void)
{
	RIG(r, NULL, 0);
	say(&r, "  First one. Second one here. Third one.");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.output_audio_transcript.delta", "{'delta':'First one.'}"));
	CHECK(rig_expect(&r, "response.output_audio.delta", "{}"));
	CHECK(rig_until(&r, "response.output_audio_transcript.delta", "{'delta':' Second one here.'}"));
	CHECK(rig_expect(&r, "response.output_audio.delta", "{}"));
	CHECK(rig_until(&r, "response.output_audio_transcript.delta", "{'delta':' Third one.'}"));
	CHECK(rig_until(&r, "response.output_audio_transcript.done",
			"{'transcript':'First one. Second one here. Third one.'}"));
	CHECK_STR(fake_last_clause(r.fake), "Third one.");
}

/* A long answer is not synthesised whole before the front of it has left. */
static void speech_is_made_as_it_is_needed(void)
{
	AUTO(buf) struct buf text = { 0 };
	size_t marks = 0;

	if (getenv("VOICED_TEST_OOM"))
		return; /* a minute of speech, and nothing in it that the others do not allocate */
	for (int i = 0; i < 30; i++)
		buf_printf(&text, "This is sentence number %d of them. ", i);
	buf_puts(&text, "The end.");
	buf_putc(&text, 0);
	CHECK(!text.failed);
	RIG(r, NULL, 24000);
	say(&r, (const char *)text.p);
	rig_wait(&r, 20000);
	const char *last = fake_last_clause(r.fake);
	CHECK(last && strcmp(last, "The end.") != 0);
	CHECK(r.legs[0].pushed >= 24000 * 4 && r.legs[0].pushed <= 24000 * 6);
	while (rig_find(&r, "response.output_audio_transcript.delta"))
		marks++;
	CHECK(marks < 10);
	rig_wait(&r, 90000000);
	CHECK_STR(fake_last_clause(r.fake), "The end.");
	CHECK_EQ(rig_count(&r, "output_audio_buffer.stopped"), 1);
	CHECK_EQ(rig_count(&r, "response.done"), 1);
}

static void an_endless_answer_is_cut(void)
{
	static char long_text[SESSION_ANSWER_MAX + 1];
	struct fake_step steps[] = { { FAKE_TEXT, long_text, NULL }, { FAKE_TEXT, "x", NULL } };

	if (getenv("VOICED_TEST_OOM"))
		return; /* 64 KiB for each allocation in turn */
	memset(long_text, 'x', SESSION_ANSWER_MAX);
	RIG(r, NULL, 0);
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime',"
		    "'output_modalities':['text']}}");
	CHECK_EQ(fake_answer(r.fake, steps, 1), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	CHECK_EQ(fake_answer(r.fake, steps, 2), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'incomplete',"
			"'status_details':{'reason':'max_output_tokens'}}}"));
}

/* On a call an interruption keeps the words that were heard to their end: 60 ms per letter. */
static void the_words_heard_are_known(void)
{
	char id[64];

	RIG(r, NULL, 24000);
	say(&r, "alpha beta gamma. delta epsilon.");
	rig_wait(&r, 40000); /* to be sure that it has begun */
	const json_t *e = rig_find(&r, "response.output_item.added");
	snprintf(id, sizeof(id), "%s", json_str(json_object_get(e, "item"), "id", ""));
	rig_wait(&r, 600000); /* alpha 300 ms, beta 240 ms */
	rig_say(&r, "{'type':'output_audio_buffer.clear'}");
	CHECK(rig_until(&r, "conversation.item.truncated", "{}"));
	CHECK(retrieved_is(&r, id, "alpha beta"));
}

/* The same where the engine does not say when each word begins. */

static void no_word(void *owner, uint64_t ticket, const char *word, size_t sample, size_t n)
{
	(void)owner, (void)ticket, (void)word, (void)sample, (void)n;
}

static struct tts_sink dumb_sink;

static int start_without_words(struct tts *e, struct tts_job **out, const char *text,
			       const struct tts_params *p, struct loop *loop,
			       const struct tts_sink *sink, void *owner, uint64_t ticket)
{
	dumb_sink = *sink;
	dumb_sink.on_word = no_word;
	return fake_tts_ops.start(e, out, text, p, loop, &dumb_sink, owner, ticket);
}

static void the_words_heard_are_guessed(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct tts_ops ops;
	char id[64];

	CHECK(rig_init(&r));
	ops = *r.engines.tts_ops;
	ops.start = start_without_words;
	r.engines.tts_ops = &ops;
	CHECK(rig_start(&r, NULL, 24000));
	say(&r, "alpha beta gamma delta");
	rig_wait(&r, 40000);
	const json_t *e = rig_find(&r, "response.output_item.added");
	snprintf(id, sizeof(id), "%s", json_str(json_object_get(e, "item"), "id", ""));
	rig_wait(&r, 620000); /* half of it */
	rig_say(&r, "{'type':'output_audio_buffer.clear'}");
	CHECK(retrieved_is(&r, id, "alpha beta"));
}

static void a_voice_that_fails_fails_one_answer(void)
{
	RIG(r, NULL, 0);
	CHECK_EQ(fake_speak_error(r.fake, "broken"), 0);
	say(&r, "Not heard.");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'failed','status_details':{'error':{'code':'broken'}}}}"));
	CHECK_EQ(rig_count(&r, "response.output_audio.delta"), 0);
	say(&r, "Heard.");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

static void without_a_voice_text_still_works(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(rig_init(&r));
	r.engines.tts_ops = NULL;
	CHECK(rig_start(&r, NULL, 0));
	say(&r, "Not heard.");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'failed',"
			"'status_details':{'error':{'code':'engine_unavailable'}}}}"));
	rig_say(&r, "{'type':'response.create','response':{'output_modalities':['text']}}");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

TESTS({ "each_clause_is_spoken_and_shown", each_clause_is_spoken_and_shown },
      { "speech_is_made_as_it_is_needed", speech_is_made_as_it_is_needed },
      { "an_endless_answer_is_cut", an_endless_answer_is_cut },
      { "the_words_heard_are_known", the_words_heard_are_known },
      { "the_words_heard_are_guessed", the_words_heard_are_guessed },
      { "a_voice_that_fails_fails_one_answer", a_voice_that_fails_fails_one_answer },
      { "without_a_voice_text_still_works", without_a_voice_text_still_works })
