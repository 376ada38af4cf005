#include "session/emit.h"

#include "session/rig.h"
#include "session/state.h"

static void names_are_unique(void)
{
	for (int d = 0; d < N_DIALECTS; d++)
		for (int i = 0; i < N_EVENTS; i++) {
			const char *name = event_name((enum dialect)d, (enum event)i);

			for (int k = 0; name && k < i; k++) {
				const char *other = event_name((enum dialect)d, (enum event)k);
				CHECK(name[0] && (!other || strcmp(name, other) != 0));
			}
		}
}

static void type_and_a_fresh_id_stand_in_front(void)
{
	RIG(r, NULL, 0);
	AUTO(json) json_t *ids = json_object();
	size_t n = 0;

	r.keep_transcript = true;
	rig_say(&r, "{'type':'input_audio_buffer.clear'}");
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 20000);
	for (size_t i = 0; i < json_array_size(r.events); i++) {
		const char *id = json_str(json_array_get(r.events, i), "event_id", "");

		CHECK(strncmp(id, "event_", 6) == 0 && strlen(id) > 12);
		CHECK(!json_object_get(ids, id));
		CHECK(json_object_set_new(ids, id, json_true()) == 0);
	}
	CHECK(r.transcript.n && !r.transcript.failed);
	for (const uint8_t *p = r.transcript.p, *end = p + r.transcript.n; p < end; n++) {
		const uint8_t *line_end = memchr(p, '\n', (size_t)(end - p));

		CHECK(memcmp(p, "{\"type\":\"", 9) == 0);
		const uint8_t *comma = memchr(p, ',', (size_t)(line_end - p));
		CHECK(comma && memcmp(comma, ",\"event_id\":\"event_", 19) == 0);
		p = line_end + 1;
	}
	CHECK_EQ(n, json_array_size(r.events) - 1); /* all but session.created */
	CHECK(n > 8);
}

static void extensions_are_told_to_who_asked_for_them(void)
{
	static const char *const extensions[][2] = {
		{ "voiced.partials", "voiced.input_transcript.partial" },
		{ "voiced.sources", "voiced.response.sources" },
		{ "voiced.latency", "voiced.turn.latency" },
	};
	static const struct fake_step steps[] = { { FAKE_CITE, "{\"title\":\"t\"}", NULL },
						  { FAKE_TEXT, "Yes.", NULL } };

	for (size_t k = 0; k <= rig_cases(ARRAY_LEN(extensions)); k++) {
		const struct fake_delays delays = { .word_us = 100000 };
		char update[200];

		RIG(r, NULL, 24000);
		fake_delays(r.fake, &delays);
		CHECK_EQ(fake_hear(r.fake, "is it"), 0);
		CHECK_EQ(fake_answer(r.fake, steps, ARRAY_LEN(steps)), 0);
		snprintf(update, sizeof(update),
			 "{'type':'session.update','session':{'type':'realtime','include':[%s%s%s],"
			 "'output_modalities':['text']}}",
			 k ? "'" : "", k ? extensions[k - 1][0] : "", k ? "'" : "");
		rig_say(&r, update);
		rig_turn(&r, 300, 240);
		rig_wait(&r, 20000);
		CHECK_EQ(rig_count(&r, "response.done"), 1);
		for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
			CHECK_EQ(rig_count(&r, extensions[i][1]) > 0, i + 1 == k);
	}
}

/* On a call the same answer is heard, not read. */
static void audio_goes_where_it_is_played(void)
{
	RIG(events, NULL, 0);
	RIG(paced, NULL, 24000);
	size_t samples = 0;
	const json_t *e;

	rig_say(&events, "{'type':'response.create'}");
	rig_say(&paced, "{'type':'response.create'}");
	rig_wait(&events, 3000000);
	rig_wait(&paced, 3000000);
	CHECK_EQ(rig_count(&paced, "response.output_audio.delta"), 0);
	CHECK_EQ(rig_count(&paced, "response.output_audio.done"), 1);
	CHECK_EQ(rig_count(&paced, "response.done"), 1);
	while ((e = rig_find(&events, "response.output_audio.delta"))) {
		const char *audio = json_str(e, "delta", "");
		AUTO(mem) uint8_t *pcm = mem_alloc(strlen(audio) + 1);
		ptrdiff_t n = pcm ? b64_decode(audio, strlen(audio), pcm) : -1;

		CHECK(n > 0 && n % 2 == 0 && n <= 9600);
		samples += (size_t)n / 2;
		CHECK(rig_has(e, "{'output_index':0,'content_index':0}"));
		CHECK(json_str(e, "response_id", "")[0] && json_str(e, "item_id", "")[0]);
	}
	CHECK_EQ(samples, paced.legs[0].audio_total);
}

static void an_event_that_cannot_be_made_ends_the_session(void)
{
	RIG(r, NULL, 0);
	rig_forget(&r);
	session_enter(r.s, r.env.now_us);
	emit(r.s, EV_INPUT_CLEARED, json_object());
	emit(r.s, EV_INPUT_CLEARED, NULL);
	emit(r.s, EV_INPUT_CLEARED, json_object()); /* taken, and not sent */
	session_leave(r.s);
	CHECK(rig_expect(&r, "input_audio_buffer.cleared", "{}"));
	CHECK(rig_quiet(&r));
	CHECK_EQ(r.legs[0].closed, 1011);
	CHECK(session_next_us(r.s) == UINT64_MAX);
}

TESTS({ "names_are_unique", names_are_unique },
      { "type_and_a_fresh_id_stand_in_front", type_and_a_fresh_id_stand_in_front },
      { "extensions_are_told_to_who_asked_for_them", extensions_are_told_to_who_asked_for_them },
      { "audio_goes_where_it_is_played", audio_goes_where_it_is_played },
      { "an_event_that_cannot_be_made_ends_the_session",
	an_event_that_cannot_be_made_ends_the_session })
