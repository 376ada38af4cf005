/* Searches that are run before they are asked for. */
#include "session/rig.h"
#include "session/state.h"

static const struct fake_delays slow_model = { .word_us = 100000, .settle_us = 5000, .final_us = 30000, .step_us = 300000 };

static bool start(struct rig *r, bool first, bool cites)
{
	static struct llm_ops ops;

	if (!rig_init(r))
		return false;
	ops = *r->engines.llm_ops;
	ops.cites = cites;
	r->engines.llm_ops = &ops;
	r->engines.search_ahead = true;
	r->engines.search_first = first;
	r->found = "{\"query\":\"q\",\"confidence\":0.8,\"results\":[]}";
	r->tool_us = 150000;
	fake_delays(r->fake, &slow_model);
	if (!rig_start(r, NULL, 24000))
		return false;
	rig_say(r, "{'type':'session.update','session':{'type':'realtime','include':['voiced.latency','voiced.partials'],"
		   "'audio':{'input':{'turn_detection':{'type':'server_vad','silence_duration_ms':500}}}}}");
	rig_forget(r);
	return true;
}

static size_t running(const struct rig *r)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(r->tools); i++)
		n += r->tools[i].sink != NULL;
	return n;
}

static bool hear_and_call(struct rig *r, const char *query)
{
	static char arguments[120];

	snprintf(arguments, sizeof(arguments), "{\"query\":\"%s\"}", query);
	return fake_hear(r->fake, "how high is the tower") == 0 &&
	       fake_answer(r->fake, &(struct fake_step){ FAKE_CALL, "search", arguments }, 1) == 0 &&
	       fake_answer(r->fake, &(struct fake_step){ FAKE_TEXT, "It is high.", NULL }, 1) == 0;
}

/* Searches are counted by the rig: how many were begun. */
static void a_call_for_what_was_looked_for_is_answered_at_once(void)
{
	static const struct {
		const char *query;
		bool cites, hit;
	} cases[] = {
		{ "high tower", false, true },
		{ "how high is the tower?", true, true },
		{ "high tower", true, false }, /* its engine reads more than the passages */
		{ "tower cafeteria", false, false },
	};

	for (size_t i = 0; i < (getenv("VOICED_TEST_OOM") ? 1 : ARRAY_LEN(cases)); i++) {
		AUTO(rig) struct rig r = { 0 };

		CHECK(start(&r, false, cases[i].cites) && hear_and_call(&r, cases[i].query));
		rig_audio(&r, 700, RIG_LOUD);
		CHECK(running(&r) <= 1); /* one at a time */
		CHECK(r.n_searches >= 1);
		rig_audio(&r, 600, 0);
		rig_wait(&r, 2 * US_PER_S);
		const json_t *e = rig_find(&r, "voiced.turn.latency");
		CHECK(e);
		CHECK_STR(json_str(e, "search_ahead", "none"), cases[i].hit ? "hit" : "miss");
		CHECK_EQ(json_int(e, "search_ms", -1), cases[i].hit ? 0 : 150);
		CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
		const json_t *items = json_object_get(fake_last_request(r.fake), "items");
		const char *output = json_str(json_array_get(items, json_array_size(items) - 1), "output", "");
		CHECK(strncmp(output, "{\"query\":\"q\"", 12) == 0);
	}
}

/* As long as the words say nothing new nothing is looked for. */
static void it_looks_again_when_words_have_come(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(start(&r, false, false));
	r.tool_us = 1000;
	CHECK_EQ(fake_hear(r.fake, "how is it that the tower is of the height"), 0);
	rig_audio(&r, 2000, RIG_LOUD);
	CHECK(rig_count(&r, "voiced.input_transcript.partial") >= 10);
	CHECK_EQ(r.n_searches, 2); /* tower; tower height */
}

/* Under way when it is called for: its output comes with that search. */
static void a_call_waits_for_the_search_that_is_under_way(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct fake_delays quick = { .word_us = 100000 };

	CHECK(start(&r, false, false) && hear_and_call(&r, "high tower"));
	fake_delays(r.fake, &quick);
	r.tool_us = 400000;
	rig_say(&r, "{'type':'conversation.item.create','item':{'type':'message','role':'user',"
		    "'content':[{'type':'input_text','text':'how high is the tower'}]}}");
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 100000);
	CHECK_EQ(running(&r), 1);
	CHECK_EQ(r.n_searches, 1);
	rig_wait(&r, 3 * US_PER_S);
	CHECK_EQ(r.n_searches, 1);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

/* One pass instead of two, where the evidence is good. */
static void the_first_request_brings_what_was_found(void)
{
	for (int good = getenv("VOICED_TEST_OOM") ? 1 : 0; good < 2; good++) {
		AUTO(rig) struct rig r = { 0 };

		CHECK(start(&r, true, false));
		r.found = good ? "{\"query\":\"q\",\"confidence\":0.8,\"results\":[]}"
			       : "{\"query\":\"q\",\"confidence\":0.5,\"results\":[]}";
		r.tool_us = 1000;
		CHECK_EQ(fake_hear(r.fake, "how high is the tower"), 0);
		rig_turn(&r, 700, 600);
		const json_t *items = json_object_get(fake_last_request(r.fake), "items");
		CHECK_EQ(json_array_size(items), good ? 3 : 1);
		if (!good)
			continue;
		CHECK(rig_has(json_array_get(items, 1), "{'type':'function_call','name':'search',"
							"'arguments':'{\\'query\\':\\'how high is the tower\\'}'}"));
		CHECK(rig_has(json_array_get(items, 2), "{'type':'function_call_output'}"));
	}
}

/* What was found for a turn long ago is not what stands there now. */
static void what_was_found_grows_old(void)
{
	AUTO(rig) struct rig r = { 0 };
	const char *output;

	CHECK(start(&r, false, false));
	CHECK_EQ(fake_hear(r.fake, "how high is the tower"), 0);
	rig_turn(&r, 700, 600);
	rig_wait(&r, US_PER_S);
	AUTO(mem) struct response *o = mem_zalloc(sizeof(*o));
	CHECK(o);
	o->s = r.s;
	o->engines = &r.engines;
	CHECK_EQ(ahead_look(o, "{\"query\":\"high tower\"}", &output), AHEAD_NOW);
	CHECK_EQ(ahead_look(o, "{\"query\":\"high tower\",\"k\":3}", &output), AHEAD_NOT);
	CHECK_EQ(ahead_look(o, "[]", &output), AHEAD_NOT);
	rig_wait(&r, (AHEAD_FRESH_S + 1) * US_PER_S);
	rig_say(&r, "{'type':'input_audio_buffer.clear'}");
	CHECK_EQ(ahead_look(o, "{\"query\":\"high tower\"}", &output), AHEAD_NOT);
}

TESTS({ "a_call_for_what_was_looked_for_is_answered_at_once", a_call_for_what_was_looked_for_is_answered_at_once },
      { "it_looks_again_when_words_have_come", it_looks_again_when_words_have_come },
      { "a_call_waits_for_the_search_that_is_under_way", a_call_waits_for_the_search_that_is_under_way },
      { "the_first_request_brings_what_was_found", the_first_request_brings_what_was_found },
      { "what_was_found_grows_old", what_was_found_grows_old })
