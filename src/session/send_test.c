/* The order in which an answer is sent, and how fast. */
#include "session/rig.h"

static const char *const spoken[] = {
	"response.created",
	"response.output_item.added",
	"conversation.item.added",
	"response.content_part.added",
	"response.output_audio_transcript.delta",
	"response.output_audio.delta",
	"response.output_audio.done",
	"response.output_audio_transcript.done",
	"response.content_part.done",
	"conversation.item.done",
	"response.output_item.done",
	"response.done",
	"rate_limits.updated",
};

static const char *const written[] = {
	"response.created",
	"response.output_item.added",
	"conversation.item.added",
	"response.content_part.added",
	"response.output_text.delta",
	"response.output_text.done",
	"response.content_part.done",
	"conversation.item.done",
	"response.output_item.done",
	"response.done",
	"rate_limits.updated",
};

/* These types in this order; each may come several times running. */
static bool in_order(struct rig *r, const char *const *types, size_t n)
{
	const json_t *e;
	size_t i = 0;

	while ((e = rig_take(r))) {
		if (i > 0 && strcmp(rig_type(e), types[i - 1]) == 0)
			continue;
		if (i == n || strcmp(rig_type(e), types[i++]) != 0) {
			if (!mem_failed())
				fprintf(stderr, "%s at place %zu\n", rig_type(e), i);
			return false;
		}
	}
	return i == n;
}

static void say(struct rig *r, const char *text)
{
	const struct fake_step step = { FAKE_TEXT, text, NULL };

	if (fake_answer(r->fake, &step, 1) == 0)
		rig_say(r, "{'type':'response.create'}");
}

static void events_come_in_the_documented_order(void)
{
	RIG(r, NULL, 0);
	rig_forget(&r);
	say(&r, "One two three four.");
	rig_wait(&r, 20000);
	CHECK(in_order(&r, spoken, ARRAY_LEN(spoken)));
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime',"
		    "'output_modalities':['text']}}");
	rig_forget(&r);
	say(&r, "One two.");
	rig_wait(&r, 20000);
	CHECK(in_order(&r, written, ARRAY_LEN(written)));
}

/* Conversation items know the one before them; output_index counts from 0 in each answer. */
static void items_know_their_places(void)
{
	static const struct fake_step steps[] = { { FAKE_TEXT, "Hm.", NULL },
						  { FAKE_CALL, "f", "{}" } };
	char id[64];

	RIG(r, NULL, 0);
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime',"
		    "'output_modalities':['text'],'tools':[{'type':'function','name':'f'}]}}");
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(fake_answer(r.fake, steps, ARRAY_LEN(steps)), 0);
		rig_forget(&r);
		rig_say(&r, "{'type':'response.create'}");
		rig_wait(&r, 20000);
		const json_t *e = rig_find(&r, "response.output_item.added");
		CHECK_EQ(json_int(e, "output_index", -1), 0);
		if (i > 0)
			CHECK_STR(json_str(rig_find(&r, "conversation.item.added"),
					   "previous_item_id", ""),
				  id);
		e = rig_find(&r, "response.output_item.added");
		CHECK_EQ(json_int(e, "output_index", -1), 1);
		CHECK(rig_has(e, "{'item':{'type':'function_call','status':'in_progress',"
				 "'arguments':''}}"));
		snprintf(id, sizeof(id), "%s", json_str(json_object_get(e, "item"), "id", ""));
		CHECK(rig_until(&r, "response.function_call_arguments.delta",
				"{'delta':'{}','output_index':1}"));
		CHECK(rig_expect(&r, "response.function_call_arguments.done",
				 "{'arguments':'{}','name':'f'}"));
		CHECK(rig_until(&r, "response.output_item.done",
				"{'item':{'status':'completed','arguments':'{}'}}"));
		CHECK(rig_until(&r, "response.done", "{}"));
	}
}

/* A call is kept at most LEG_AHEAD_MS ahead of what is played, and goes on as that moves. */
static void a_call_is_kept_a_little_ahead(void)
{
	AUTO(buf) struct buf text = { 0 };
	const uint64_t ahead = 24000 * (LEG_AHEAD_MS + 200) / 1000;

	for (int i = 0; i < 120; i++)
		buf_puts(&text, "word ");
	buf_putc(&text, 0);
	CHECK(!text.failed);
	RIG(r, NULL, 24000);
	say(&r, (const char *)text.p);
	for (int i = 0; i < 40; i++) {
		rig_wait(&r, 500000);
		CHECK(r.legs[0].pushed - r.legs[0].played <= ahead);
		CHECK(r.legs[0].played == r.legs[0].pushed ||
		      rig_count(&r, "response.done") ||
		      r.legs[0].pushed - r.legs[0].played > 24000 * 4);
	}
	rig_wait(&r, 20000000);
	CHECK_EQ(rig_count(&r, "output_audio_buffer.started"), 1);
	CHECK_EQ(rig_count(&r, "output_audio_buffer.stopped"), 1);
	CHECK_EQ(r.legs[0].audio_total, 120 * 24000 * 24 / 100);
}

static void a_leg_that_does_not_read_gets_no_audio(void)
{
	RIG(r, NULL, 0);
	rig_forget(&r);
	r.legs[0].room = LEG_ROOM_MIN - 1;
	say(&r, "One two three four.");
	rig_wait(&r, 1000000);
	CHECK_EQ(rig_count(&r, "response.output_audio.delta"), 0);
	CHECK_EQ(rig_count(&r, "response.done"), 0);
	r.legs[0].room = LEG_ROOM_MIN;
	session_on_writable(r.s, &r.legs[0].leg, r.env.now_us);
	rig_wait(&r, 20000);
	CHECK(in_order(&r, spoken, ARRAY_LEN(spoken)));
}

/* Two voices at once are none: an out-of-band answer waits until the other was played. */
static void a_call_plays_one_answer_at_a_time(void)
{
	static const struct fake_step first = { FAKE_TEXT, "One two three.", NULL },
				      second = { FAKE_TEXT, "Four five.", NULL };
	RIG(r, NULL, 24000);
	CHECK_EQ(fake_answer(r.fake, &first, 1), 0);
	CHECK_EQ(fake_answer(r.fake, &second, 1), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_say(&r, "{'type':'response.create','response':{'conversation':'none'}}");
	rig_wait(&r, 500000);
	CHECK_EQ(rig_count(&r, "output_audio_buffer.started"), 1);
	rig_wait(&r, 3000000);
	CHECK_EQ(rig_count(&r, "output_audio_buffer.stopped"), 2);
	CHECK(rig_until(&r, "output_audio_buffer.started", "{}"));
	CHECK(rig_until(&r, "output_audio_buffer.stopped", "{}"));
	CHECK(rig_until(&r, "output_audio_buffer.started", "{}"));
	CHECK(rig_until(&r, "output_audio_buffer.stopped", "{}"));
}

/* An item deleted while it is spoken is not told of as if it were there. */
static void a_deleted_item_is_spoken_to_its_end(void)
{
	const struct fake_delays slow = { .chunk_us = 100000 };
	char text[128];

	RIG(r, NULL, 0);
	fake_delays(r.fake, &slow);
	say(&r, "One two three four.");
	rig_wait(&r, 150000);
	const json_t *e = rig_find(&r, "response.output_item.added");
	snprintf(text, sizeof(text), "{'type':'conversation.item.delete','item_id':'%s'}",
		 json_str(json_object_get(e, "item"), "id", ""));
	rig_say(&r, text);
	CHECK(rig_until(&r, "conversation.item.deleted", "{}"));
	rig_wait(&r, 2000000);
	CHECK_EQ(rig_count(&r, "conversation.item.done"), 0);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

TESTS({ "events_come_in_the_documented_order", events_come_in_the_documented_order },
      { "items_know_their_places", items_know_their_places },
      { "a_call_is_kept_a_little_ahead", a_call_is_kept_a_little_ahead },
      { "a_leg_that_does_not_read_gets_no_audio", a_leg_that_does_not_read_gets_no_audio },
      { "a_call_plays_one_answer_at_a_time", a_call_plays_one_answer_at_a_time },
      { "a_deleted_item_is_spoken_to_its_end", a_deleted_item_is_spoken_to_its_end })
