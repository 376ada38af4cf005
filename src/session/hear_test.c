/* From speech to words: decoders that are late, busy, or fail. */
#include "session/rig.h"
#include "session/hear.h"

static const char manual[] = "{'type':'session.update','session':{'type':'realtime',"
			     "'output_modalities':['text'],"
			     "'audio':{'input':{'turn_detection':null,'transcription':{}}}}}";
static const char usual[] = "{'type':'session.update','session':{'type':'realtime',"
			    "'output_modalities':['text'],'audio':{'input':{'transcription':{},"
			    "'turn_detection':{'type':'server_vad','silence_duration_ms':300,"
			    "'prefix_padding_ms':100}}}}}";
static const char completed[] = "conversation.item.input_audio_transcription.completed";
static const char failed[] = "conversation.item.input_audio_transcription.failed";

static void the_recogniser_gets_speech_and_padding(void)
{
	RIG(r, NULL, 24000);
	rig_say(&r, usual);
	CHECK_EQ(fake_hear(r.fake, "hello"), 0);
	rig_audio(&r, 1000, 0);
	CHECK_EQ(fake_running(r.fake), 0); /* none is taken for silence */
	rig_audio(&r, 400, RIG_LOUD);
	CHECK_EQ(fake_heard(r.fake), 500 * 16);
	rig_audio(&r, 300, 0);
	rig_wait(&r, 1000);
	CHECK_EQ(fake_heard(r.fake), 800 * 16);
	CHECK(rig_until(&r, completed, "{'transcript':'hello','content_index':0,"
				       "'usage':{'type':'duration','seconds':0.8}}"));
}

/* The client commits what no speech was noticed in: it is listened to all the same. */
static void what_was_not_noticed_is_heard_whole(void)
{
	RIG(r, NULL, 24000);
	rig_say(&r, manual);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(fake_hear(r.fake, "a whisper"), 0);
		rig_audio(&r, 400, 500);
		CHECK_EQ(fake_heard(r.fake), (size_t)i * 6400);
		rig_say(&r, "{'type':'input_audio_buffer.commit'}");
		rig_wait(&r, 20000);
		CHECK_EQ(fake_heard(r.fake), (size_t)(i + 1) * 6400);
		CHECK(rig_until(&r, completed, "{'transcript':'a whisper'}"));
	}
	/* Nor does an item's audio begin where the microphone's ended. */
	AUTO(buf) struct buf text = { 0 };
	static const uint8_t silence[4800];
	buf_puts(&text, "{'type':'conversation.item.create','item':{'type':'message',"
			"'role':'user','content':[{'type':'input_audio','audio':'");
	b64_append(&text, silence, sizeof(silence));
	buf_puts(&text, "'}]}}");
	buf_putc(&text, 0);
	CHECK(!text.failed);
	CHECK_EQ(fake_hear(r.fake, "a file"), 0);
	rig_say(&r, (const char *)text.p);
	rig_wait(&r, 20000);
	CHECK_EQ(fake_heard(r.fake), 12800 + 1600);
	CHECK(rig_until(&r, completed, "{'transcript':'a file'}"));
}

static void manual_speech_is_heard_while_it_lasts(void)
{
	RIG(r, NULL, 24000);
	rig_say(&r, manual);
	CHECK_EQ(fake_hear(r.fake, "first second"), 0);
	rig_turn(&r, 300, 700);
	rig_audio(&r, 300, RIG_LOUD);
	CHECK_EQ(fake_running(r.fake), 1); /* one for all of it */
	CHECK(fake_heard(r.fake) > 1200 * 16);
	rig_say(&r, "{'type':'input_audio_buffer.commit'}");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, completed, "{'transcript':'first second'}"));
	CHECK_EQ(rig_count(&r, "response.created"), 0);
	CHECK_EQ(fake_running(r.fake), 0);
}

/* Nobody else may want for a decoder because a client does not commit, or has gone silent. */
static void what_is_not_committed_holds_no_decoder(void)
{
	RIG(r, NULL, 24000);
	rig_say(&r, manual);
	rig_turn(&r, 300, 2700);
	CHECK_EQ(fake_running(r.fake), 1);
	rig_audio(&r, 500, 0);
	CHECK_EQ(fake_running(r.fake), 0);
	/* It goes on: from the beginning again. */
	size_t before = fake_heard(r.fake);
	rig_audio(&r, 300, RIG_LOUD);
	CHECK_EQ(fake_running(r.fake), 1);
	CHECK(fake_heard(r.fake) - before >= 3800 * 16);
	rig_audio(&r, 5000, 0);
	CHECK_EQ(fake_running(r.fake), 0);
	before = fake_heard(r.fake);
	CHECK_EQ(fake_hear(r.fake, "all of it"), 0);
	rig_say(&r, "{'type':'input_audio_buffer.commit'}");
	rig_wait(&r, 20000);
	CHECK_EQ(fake_heard(r.fake) - before, 8800 * 16);
	CHECK(rig_until(&r, completed, "{'transcript':'all of it'}"));
}

static void who_stops_sending_holds_no_decoder(void)
{
	RIG(r, NULL, 24000);
	rig_say(&r, usual);
	for (int i = 0; i < 2; i++) {
		rig_audio(&r, 400, RIG_LOUD);
		CHECK_EQ(fake_running(r.fake), 1);
		rig_wait(&r, 3100000);
		CHECK_EQ(fake_running(r.fake), 0);
	}
	CHECK_EQ(fake_hear(r.fake, "back again"), 0);
	rig_audio(&r, 300, 0);
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, completed, "{'transcript':'back again'}"));
}

static size_t allowed; /* in all */
static const struct fake *hearer;

static size_t little_room(const struct stt_turn *t)
{
	(void)t;
	return allowed - MIN(allowed, fake_heard(hearer));
}

static void no_more_is_pushed_than_there_is_room_for(void)
{
	RIG(r, NULL, 24000);
	r.stt_ops.room = little_room;
	hearer = r.fake;
	allowed = 8000;
	rig_say(&r, manual);
	CHECK_EQ(fake_hear(r.fake, "a long story"), 0);
	rig_turn(&r, 1000, 1000);
	rig_say(&r, "{'type':'input_audio_buffer.commit'}");
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(rig_count(&r, completed), 0);
		CHECK_EQ(fake_heard(r.fake), allowed);
		allowed += 8000;
		rig_wait(&r, HEAR_RETRY_US + 1000);
	}
	CHECK(fake_heard(r.fake) <= allowed);
	CHECK(rig_until(&r, completed, "{'transcript':'a long story'}"));
	/* What is asked in a pause is asked when the engine has heard so far. */
	rig_say(&r, usual);
	CHECK_EQ(fake_hear(r.fake, "the next"), 0);
	allowed = fake_heard(r.fake) + 100;
	rig_turn(&r, 600, 240);
	CHECK_EQ(rig_count(&r, "response.created"), 0);
	allowed += 100000;
	rig_wait(&r, HEAR_RETRY_US + 1000);
	rig_audio(&r, 100, 0);
	CHECK(rig_until(&r, completed, "{'transcript':'the next'}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

static void what_is_behind_ends_with_the_session(void)
{
	RIG(r, NULL, 24000);
	r.stt_ops.room = little_room;
	hearer = r.fake;
	allowed = 8000;
	rig_say(&r, manual);
	rig_turn(&r, 1000, 1000);
	rig_say(&r, "{'type':'input_audio_buffer.commit'}");
	rig_wait(&r, 40 * HEAR_RETRY_US);
	CHECK_EQ(fake_running(r.fake), 1);
	rig_say(&r, "{'type':'input_audio_buffer.clear'}"); /* not what is committed */
	CHECK_EQ(fake_running(r.fake), 1);
	session_close(r.s, 1000, "enough", r.env.now_us);
	CHECK_EQ(fake_running(r.fake), 0);
}

/* What was said before a decoder was free is replayed to it. */
static void a_late_decoder_misses_nothing(void)
{
	RIG(r, NULL, 24000);
	rig_say(&r, usual);
	CHECK_EQ(fake_hear(r.fake, "better late"), 0);
	fake_stt_busy(r.fake, true);
	rig_turn(&r, 400, 300);
	CHECK(rig_until(&r, "input_audio_buffer.committed", "{}"));
	CHECK_EQ(fake_heard(r.fake), 0);
	CHECK(session_next_us(r.s) <= r.env.now_us + HEAR_RETRY_US);
	fake_stt_busy(r.fake, false);
	rig_wait(&r, HEAR_RETRY_US);
	CHECK_EQ(fake_heard(r.fake), 700 * 16);
	CHECK(rig_until(&r, completed, "{'transcript':'better late'}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

static void patience_counts_from_the_end_of_the_turn(void)
{
	RIG(r, NULL, 24000);
	rig_say(&r, usual);
	fake_stt_busy(r.fake, true);
	rig_audio(&r, 2400, RIG_LOUD); /* longer than the patience */
	rig_audio(&r, 300, 0);
	rig_wait(&r, HEAR_PATIENCE_US - HEAR_RETRY_US);
	CHECK_EQ(rig_count(&r, failed), 0);
	rig_wait(&r, HEAR_RETRY_US + 1000);
	CHECK(rig_until(&r, failed, "{'error':{'type':'server_error','code':'engine_busy'}}"));
	CHECK(rig_until(&r, "response.output_text.done",
			"{'text':'I am at capacity just now. Please ask again in a moment.'}"));
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'failed','status_details':{'error':{"
			"'code':'engine_busy'}}}}"));
	fake_stt_busy(r.fake, false);
	CHECK_EQ(fake_hear(r.fake, "again"), 0);
	rig_turn(&r, 400, 300);
	CHECK(rig_until(&r, completed, "{'transcript':'again'}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

static void an_engine_that_fails_fails_one_turn(void)
{
	RIG(r, NULL, 24000);
	rig_say(&r, usual);
	CHECK_EQ(fake_hear_error(r.fake, "broken"), 0);
	CHECK_EQ(fake_hear(r.fake, "works"), 0);
	for (int i = 0; i < 2; i++) {
		rig_turn(&r, 400, 300);
		rig_wait(&r, 20000);
	}
	CHECK(rig_until(&r, failed, "{'error':{'code':'broken'}}"));
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'failed','status_details':{'error':{'code':'broken'}}}}"));
	CHECK(rig_until(&r, completed, "{'transcript':'works'}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

static void without_a_recogniser_it_says_so(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(rig_init(&r));
	r.engines.stt_ops = NULL;
	CHECK(rig_start(&r, NULL, 24000));
	rig_say(&r, usual);
	rig_turn(&r, 400, 300);
	CHECK(rig_until(&r, failed, "{'error':{'code':'engine_unavailable'}}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'failed'}}"));
	CHECK_EQ(r.legs[0].closed, 0);
}

/* The end of the session while the words are owed. */
static void nothing_is_heard_after_the_end(void)
{
	const struct fake_delays slow = { .final_us = 500000 };

	RIG(r, NULL, 24000);
	fake_delays(r.fake, &slow);
	rig_say(&r, usual);
	rig_turn(&r, 400, 300);
	CHECK(fake_running(r.fake) > 0);
	rig_forget(&r);
	session_close(r.s, 1000, "enough", r.env.now_us);
	CHECK_EQ(fake_running(r.fake), 0);
	rig_wait(&r, 1000000);
	CHECK(rig_quiet(&r));
}

TESTS({ "the_recogniser_gets_speech_and_padding", the_recogniser_gets_speech_and_padding },
      { "what_was_not_noticed_is_heard_whole", what_was_not_noticed_is_heard_whole },
      { "manual_speech_is_heard_while_it_lasts", manual_speech_is_heard_while_it_lasts },
      { "what_is_not_committed_holds_no_decoder", what_is_not_committed_holds_no_decoder },
      { "who_stops_sending_holds_no_decoder", who_stops_sending_holds_no_decoder },
      { "no_more_is_pushed_than_there_is_room_for", no_more_is_pushed_than_there_is_room_for },
      { "what_is_behind_ends_with_the_session", what_is_behind_ends_with_the_session },
      { "a_late_decoder_misses_nothing", a_late_decoder_misses_nothing },
      { "patience_counts_from_the_end_of_the_turn", patience_counts_from_the_end_of_the_turn },
      { "an_engine_that_fails_fails_one_turn", an_engine_that_fails_fails_one_turn },
      { "without_a_recogniser_it_says_so", without_a_recogniser_it_says_so },
      { "nothing_is_heard_after_the_end", nothing_is_heard_after_the_end })
