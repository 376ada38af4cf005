/* The server's tools at work: side by side, in their time, and behind the answers. */
#include "engine/quoted.h"
#include "session/rig.h"
#include "session/state.h"

static const struct fake_step door = { FAKE_CALL, "door", "{\"which\":\"front\"}" };

/* A session with a second tool, `door`. */
static bool start(struct rig *r, const struct tool_def *door_is, unsigned paced_hz)
{
	if (!rig_init(r))
		return false;
	r->defs[1] = r->defs[0];
	r->defs[1].name = "door";
	r->defs[1].effect = door_is->effect;
	r->defs[1].when = door_is->when;
	r->defs[1].time_ms = door_is->time_ms;
	r->defs[1].filler = door_is->filler;
	r->defs[1].unasked = door_is->unasked;
	r->engines.n_tools = 2;
	if (!rig_start(r, NULL, paced_hz))
		return false;
	rig_forget(r);
	return true;
}

static void text_only(struct rig *r)
{
	rig_say(r, "{'type':'session.update','session':{'type':'realtime','output_modalities':['text']}}");
	rig_forget(r);
}

/* The n-th item of the request that was made last. */
static const json_t *asked(const struct rig *r, size_t i)
{
	return json_array_get(json_object_get(fake_last_request(r->fake), "items"), i);
}

static size_t asked_n(const struct rig *r)
{
	return json_array_size(json_object_get(fake_last_request(r->fake), "items"));
}

static size_t running(const struct rig *r)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(r->tools); i++)
		n += r->tools[i].sink != NULL;
	return n;
}

static bool has_error(const json_t *item, const char *error)
{
	char why[160];
	unsigned long held = mem_fail_hold();
	AUTO(json) json_t *v = json_parse(bytes_str(json_str(item, "output", "")), why);
	bool has = strcmp(json_str(v, "error", ""), error) == 0 && json_str(v, "message", NULL);

	if (!has && !mem_failed())
		fprintf(stderr, "wanted error %s, got %s\n", error, json_str(item, "output", "nothing"));
	mem_fail_resume(held);
	return has;
}

/* What the tool gave, marked as quoted. */
static bool gives(const json_t *output, const char *begin)
{
	const char *is = json_str(output, "output", "");

	return strncmp(is, begin, strlen(begin)) == 0 && strstr(is, quoted_notice);
}

/* Names nobody knows, arguments that are none: the model is told, and answers. */
static void mistakes_are_told_to_the_model(void)
{
	static const struct fake_step wrong[] = { { FAKE_CALL, "levitate", "{}" },
						  { FAKE_CALL, "search", "[1]" },
						  { FAKE_CALL, "search", "{\"q" },
						  { FAKE_CALL, "search", "" } };
	RIG(r, NULL, 0);
	text_only(&r);
	CHECK_EQ(fake_answer(r.fake, wrong, ARRAY_LEN(wrong)), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 20000);
	CHECK_EQ(asked_n(&r), 8);
	CHECK(has_error(asked(&r, 4), "unknown_tool"));
	CHECK(has_error(asked(&r, 5), "invalid_arguments"));
	CHECK(has_error(asked(&r, 6), "invalid_arguments"));
	CHECK(gives(asked(&r, 7), "{\"passages\":[]")); /* none are an empty object */
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

static void a_tool_that_is_too_slow_is_given_up(void)
{
	AUTO(rig) struct rig r = { 0 };
	static const struct fake_step both[] = { { FAKE_CALL, "search", "{}" },
						 { FAKE_CALL, "door", "{}" } };

	CHECK(start(&r, &(struct tool_def){ .time_ms = 200 }, 0));
	text_only(&r);
	r.tool_us = 100ull * US_PER_S;
	CHECK_EQ(fake_answer(r.fake, both, 2), 0);
	rig_say(&r, "{'type':'response.create'}");
	CHECK_EQ(running(&r), 2); /* side by side */
	rig_wait(&r, 199000);
	CHECK_EQ(running(&r), 2);
	rig_wait(&r, 2000);
	CHECK_EQ(running(&r), 1);
	rig_wait(&r, 29700 * US_PER_MS);
	CHECK_EQ(running(&r), 1);
	rig_wait(&r, 200000);
	CHECK_EQ(running(&r), 0); /* 30 s, where the tool says nothing */
	CHECK_EQ(asked_n(&r), 4);
	CHECK(has_error(asked(&r, 2), "timeout"));
	CHECK(has_error(asked(&r, 3), "timeout"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

/* The answer goes on; when the result is there and nobody speaks, it is told. */
static void an_idle_tool_is_told_when_nobody_speaks(void)
{
	AUTO(rig) struct rig r = { 0 };

	unsigned long held = mem_fail_hold();
	CHECK(start(&r, &(struct tool_def){ .when = TOOL_IDLE }, 24000));
	r.tool_us = 10ull * US_PER_S;
	r.found = "{\"door\":\"open\"}";
	CHECK_EQ(fake_answer(r.fake, &door, 1), 0);
	CHECK_EQ(fake_answer(r.fake, &(struct fake_step){ FAKE_TEXT, "I am at it.", NULL }, 1), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 1000);
	CHECK_EQ(asked_n(&r), 2); /* asked again at once */
	CHECK(rig_has(asked(&r, 0), "{'type':'function_call','name':'door'}"));
	CHECK(strstr(json_str(asked(&r, 1), "output", ""), "in_progress"));
	rig_wait(&r, 5 * US_PER_S);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	CHECK_EQ(running(&r), 1); /* outlives its response */
	mem_fail_resume(held);
	/* Who asks meanwhile is told that it is under way, before what the user said. */
	rig_say(&r, "{'type':'conversation.item.create','item':{'type':'message','role':'user',"
		    "'content':[{'type':'input_text','text':'and now?'}]}}");
	rig_say(&r, "{'type':'response.create'}");
	CHECK_EQ(asked_n(&r), 4);
	CHECK(rig_has(asked(&r, 1), "{'type':'function_call','name':'door'}"));
	CHECK(strstr(json_str(asked(&r, 2), "output", ""), "in_progress"));
	CHECK(rig_has(asked(&r, 3), "{'type':'message','role':'user'}"));
	rig_wait(&r, 3 * US_PER_S);
	/* Somebody speaks when it comes. */
	held = mem_fail_hold();
	CHECK_EQ(fake_hear(r.fake, ""), 0);
	rig_audio(&r, 2500, RIG_LOUD);
	CHECK_EQ(running(&r), 0);
	size_t before = rig_count(&r, "response.created");
	CHECK_EQ(before, 2);
	rig_forget(&r);
	rig_audio(&r, 400, 0);
	mem_fail_resume(held);
	rig_audio(&r, 400, 0);
	rig_wait(&r, 1000);
	CHECK(rig_until(&r, "conversation.item.added", "{'item':{'type':'message','role':'user'}}"));
	CHECK(rig_until(&r, "conversation.item.added", "{'item':{'type':'function_call','name':'door',"
						       "'arguments':'{\\'which\\':\\'front\\'}'}}"));
	const json_t *e = rig_find(&r, "conversation.item.added");
	CHECK(gives(json_object_get(e, "item"), "{\"door\":\"open\""));
	CHECK(rig_until(&r, "response.created", "{}"));
	CHECK(rig_until(&r, "response.output_item.added", "{'item':{'type':'message'}}"));
	CHECK(rig_has(asked(&r, asked_n(&r) - 1), "{'type':'function_call_output'}"));
}

static void a_silent_tool_says_nothing(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(start(&r, &(struct tool_def){ .when = TOOL_SILENT }, 0));
	text_only(&r);
	r.tool_us = US_PER_S;
	CHECK_EQ(fake_answer(r.fake, &door, 1), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_say(&r, "{'type':'response.cancel'}"); /* nor does it care */
	rig_forget(&r);
	rig_wait(&r, 2 * US_PER_S);
	CHECK(rig_until(&r, "conversation.item.added", "{'item':{'type':'function_call','name':'door'}}"));
	CHECK(rig_until(&r, "conversation.item.added", "{'item':{'type':'function_call_output'}}"));
	rig_wait(&r, 5 * US_PER_S);
	CHECK_EQ(rig_count(&r, "response.created"), 1);
	/* From then on the model knows. */
	rig_say(&r, "{'type':'response.create'}");
	CHECK_EQ(asked_n(&r), 3); /* with the answer that was cut short */
}

/* Outside the conversation there is nowhere to put a late result: the answer waits for it. */
static void out_of_band_every_tool_is_waited_for(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(start(&r, &(struct tool_def){ .when = TOOL_IDLE }, 0));
	text_only(&r);
	r.tool_us = US_PER_S;
	CHECK_EQ(fake_answer(r.fake, &door, 1), 0);
	rig_say(&r, "{'type':'response.create','response':{'conversation':'none'}}");
	rig_wait(&r, 2 * US_PER_S);
	CHECK_EQ(asked_n(&r), 2);
	CHECK(gives(asked(&r, 1), "{\"passages\":[]"));
	CHECK_EQ(rig_count(&r, "conversation.item.added"), 0);
}

/* What runs behind ends with the session, without leaks. */
static void what_runs_behind_ends_with_the_session(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(start(&r, &(struct tool_def){ .when = TOOL_IDLE }, 0));
	CHECK_EQ(fake_answer(r.fake, &door, 1), 0);
	rig_say(&r, "{'type':'response.create'}");
	CHECK_EQ(running(&r), 1);
	session_close(r.s, 1000, "over", r.env.now_us);
	CHECK_EQ(running(&r), 0);
}

enum { LOOKS = 150 };

/* What of an answer has been played, looked at each 20 ms, and then how an interruption goes. */
static bool play_answer(bool with_tool, uint64_t played[static LOOKS], size_t *captions, uint64_t *stopped)
{
	static const struct fake_step steps[] = {
		{ FAKE_TEXT, "I look it up. It may take a while, as the archive is large.", NULL },
		{ FAKE_CALL, "search", "{\"query\":\"tower\"}" }
	};
	static const struct fake_delays d = { .word_us = 200000, .first_us = 20000, .chunk_us = 100000 };
	AUTO(rig) struct rig r = { 0 };

	if (!rig_init(&r) || !rig_start(&r, NULL, 24000) || fake_answer(r.fake, steps, with_tool ? 2 : 1) ||
	    fake_hear(r.fake, "stop it now please"))
		return false;
	r.tool_us = 29ull * US_PER_S;
	fake_delays(r.fake, &d);
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','include':['voiced.partials']}}");
	rig_say(&r, "{'type':'response.create'}");
	for (int i = 0; i < LOOKS; i++) {
		rig_wait(&r, 20000);
		played[i] = r.legs[0].played;
	}
	if (running(&r) != with_tool)
		return false;
	rig_audio(&r, 1000, RIG_LOUD);
	*captions = rig_count(&r, "voiced.input_transcript.partial");
	*stopped = r.legs[0].played;
	/* The user's word ends it all, the tool as well. */
	return running(&r) == 0 && rig_until(&r, "input_audio_buffer.speech_started", "{}");
}

/* With a tool of 30 s at work nothing waits for it: audio, captions, interruption are as without. */
static void a_long_tool_blocks_nothing(void)
{
	uint64_t with[LOOKS], without[LOOKS], stopped_with, stopped_without;
	size_t captions_with, captions_without;

	if (getenv("VOICED_TEST_OOM"))
		return; /* seconds of audio, again and again; other tests take its allocations */
	CHECK(play_answer(true, with, &captions_with, &stopped_with));
	CHECK(play_answer(false, without, &captions_without, &stopped_without));
	CHECK(with[LOOKS - 1] > 24000);
	CHECK(memcmp(with, without, sizeof(with)) == 0);
	CHECK(captions_with >= 3);
	CHECK_EQ(captions_with, captions_without);
	CHECK_EQ(stopped_with, stopped_without);
}

TESTS({ "mistakes_are_told_to_the_model", mistakes_are_told_to_the_model },
      { "a_tool_that_is_too_slow_is_given_up", a_tool_that_is_too_slow_is_given_up },
      { "an_idle_tool_is_told_when_nobody_speaks", an_idle_tool_is_told_when_nobody_speaks },
      { "a_silent_tool_says_nothing", a_silent_tool_says_nothing },
      { "out_of_band_every_tool_is_waited_for", out_of_band_every_tool_is_waited_for },
      { "what_runs_behind_ends_with_the_session", what_runs_behind_ends_with_the_session },
      { "a_long_tool_blocks_nothing", a_long_tool_blocks_nothing })
