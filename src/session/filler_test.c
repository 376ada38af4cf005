/* Sentences that bridge a wait. */
#include "session/rig.h"
#include "session/state.h"

static const struct fake_step search = { FAKE_CALL, "search", "{\"query\":\"tower\"}" };
static const struct fake_step answer = { FAKE_TEXT, "The tower is high.", NULL };
static const struct fake_step cite = { FAKE_CITE, "{\"title\":\"A\"}", NULL };

#define STATIC(rest)                                                                               \
	"{'type':'static_interim_response','texts':['Let me look.']" rest "}"

static bool start(struct rig *r, const char *filler, unsigned paced_hz)
{
	static const struct session_params live = { .dialect = DIALECT_VOICE_LIVE };
	static const struct fake_delays d = { .first_us = 20000, .chunk_us = 10000 };
	AUTO(buf) struct buf text = { 0 };

	if (!rig_init(r))
		return false;
	fake_delays(r->fake, &d);
	r->tool_us = 10 * US_PER_S;
	if (!rig_start(r, &live, paced_hz))
		return false;
	unsigned long held = mem_fail_hold();
	buf_printf(&text, "{'type':'session.update','session':{'include':['voiced.sources'],"
			  "'interim_response':%s}}", filler);
	mem_fail_resume(held);
	rig_say(r, (const char *)text.p);
	rig_forget(r);
	return true;
}

static bool answers(struct rig *r)
{
	const struct fake_step both[] = { answer, cite };

	return fake_answer(r->fake, &search, 1) == 0 && fake_answer(r->fake, both, 2) == 0;
}

/* After 2 s of silence; audio and transcript of the same item, and never cited. */
static void a_slow_answer_is_bridged(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(start(&r, STATIC(""), 24000) && answers(&r));
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 1990 * US_PER_MS);
	CHECK_EQ(r.legs[0].audio_total, 0);
	rig_wait(&r, 60 * US_PER_MS);
	CHECK(r.legs[0].audio_total > 0);
	CHECK(rig_until(&r, "response.audio_transcript.delta", "{'delta':'Let me look.'}"));
	rig_wait(&r, 20 * US_PER_S);
	CHECK(rig_until(&r, "response.audio_transcript.delta", "{'delta':' The tower is high.'}"));
	CHECK(rig_until(&r, "voiced.response.sources",
			"{'sources':[{'title':'A','transcript_start':13,'transcript_end':31}]}"));
	CHECK(rig_until(&r, "response.audio_transcript.done",
			"{'transcript':'Let me look. The tower is high.'}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	CHECK_EQ(rig_count(&r, "response.output_item.added"), 1);
	/* The model is not shown it. */
	rig_say(&r, "{'type':'response.create'}");
	CHECK(rig_has(fake_last_request(r.fake),
		      "{'items':[{'role':'assistant','content':[{'transcript':'The tower is high.'}]}]}"));
}

/* What is configured, and when the first sentence is heard: 0: none before the answer. */
static void it_is_said_when_it_is_due(void)
{
	static const struct {
		const char *config;
		unsigned not_ms, by_ms;
	} cases[] = {
		{ STATIC(",'latency_threshold_ms':500"), 490, 560 },
		{ STATIC(",'triggers':['tool']"), 290, 360 },
		{ STATIC(",'triggers':['tool','latency'],'latency_threshold_ms':5000"), 290, 360 },
		{ "{'type':'static-interim-response'}", 1990, 2060 },
		{ "{'type':'llm-interim-response','triggers':['latency']}", 1990, 2060 },
		{ "{'type':'other'}", 9900, 0 },
		{ "null", 9900, 0 },
	};

	for (size_t i = 0; i < rig_cases(ARRAY_LEN(cases)); i++) {
		AUTO(rig) struct rig r = { 0 };

		CHECK(start(&r, cases[i].config, 24000));
		CHECK_EQ(fake_answer(r.fake, &search, 1), 0);
		rig_say(&r, "{'type':'response.create'}");
		rig_wait(&r, cases[i].not_ms * US_PER_MS);
		CHECK_EQ(r.legs[0].audio_total, 0);
		if (!cases[i].by_ms)
			continue;
		rig_wait(&r, (cases[i].by_ms - cases[i].not_ms) * US_PER_MS);
		CHECK(r.legs[0].audio_total > 0);
		/* Once in a round, however long that is. */
		size_t n = r.legs[0].audio_total;
		rig_wait(&r, 200 * US_PER_MS);
		n = MAX(n, r.legs[0].audio_total);
		rig_wait(&r, 6 * US_PER_S);
		CHECK(r.legs[0].audio_total <= n + 24000 * 3);
		CHECK_EQ(rig_count(&r, "response.audio_transcript.delta"), 1);
	}
}

static void a_model_writes_one(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(start(&r, "{'type':'llm_interim_response','instructions':'Be brief.','max_completion_tokens':9}", 24000));
	CHECK_EQ(fake_answer(r.fake, &search, 1), 0);
	CHECK_EQ(fake_answer(r.fake, &(struct fake_step){ FAKE_TEXT, "I am looking up the tower.", NULL }, 1), 0);
	CHECK_EQ(fake_answer(r.fake, &answer, 1), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 3 * US_PER_S);
	CHECK(rig_has(fake_last_request(r.fake), "{'instructions':'Be brief.','tools':[],'tool_choice':'none'}"));
	CHECK(rig_until(&r, "response.audio_transcript.delta", "{'delta':'I am looking up the tower.'}"));
	rig_wait(&r, 20 * US_PER_S);
	CHECK(rig_until(&r, "response.audio_transcript.done",
			"{'transcript':'I am looking up the tower. The tower is high.'}"));
}

/* The answer comes when the sentence is not yet heard: nobody hears it then. */
static void it_is_dropped_when_the_answer_is_there(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(start(&r, STATIC(""), 24000) && answers(&r));
	r.tool_us = 2010 * US_PER_MS; /* the voice takes 20 ms to begin */
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 9 * US_PER_S);
	CHECK(rig_until(&r, "voiced.response.sources",
			"{'sources':[{'title':'A','transcript_start':0,'transcript_end':18}]}"));
	CHECK(rig_until(&r, "response.audio_transcript.done", "{'transcript':'The tower is high.'}"));
}

/* A tool's own is said to any client; text needs none. */
static void a_tool_brings_its_own(void)
{
	for (int text = 0; text < 2; text++) {
		AUTO(rig) struct rig r = { 0 };

		CHECK(rig_init(&r));
		r.defs[0].filler = "I search the archive.";
		r.tool_us = 5 * US_PER_S;
		CHECK(rig_start(&r, NULL, text ? 0 : 24000) && answers(&r));
		if (text)
			rig_say(&r, "{'type':'session.update','session':{'type':'realtime','output_modalities':['text']}}");
		rig_say(&r, "{'type':'response.create'}");
		rig_wait(&r, 2500 * US_PER_MS);
		CHECK_EQ(rig_count(&r, "response.output_audio_transcript.delta"), text ? 0 : 1);
		CHECK_EQ(rig_count(&r, "response.output_text.delta"), 0);
		if (text)
			continue;
		CHECK(rig_until(&r, "response.output_audio_transcript.delta", "{'delta':'I search the archive.'}"));
		/* The user may cut it short. */
		CHECK_EQ(fake_hear(r.fake, "stop"), 0);
		rig_audio(&r, 500, RIG_LOUD);
		CHECK(rig_until(&r, "response.done", "{'response':{'status':'cancelled'}}"));
	}
}

/* Latency is that of the answer. */
static void it_does_not_count_as_the_answer(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(start(&r, STATIC(""), 24000) && answers(&r));
	CHECK_EQ(fake_hear(r.fake, "how high is it"), 0);
	rig_say(&r, "{'type':'session.update','session':{'include':['voiced.latency']}}");
	r.tool_us = 4 * US_PER_S;
	rig_turn(&r, 400, 600);
	rig_wait(&r, 3 * US_PER_S);
	CHECK_EQ(rig_count(&r, "response.audio_transcript.delta"), 1);
	CHECK_EQ(rig_count(&r, "voiced.turn.latency"), 0);
	rig_wait(&r, 3 * US_PER_S);
	const json_t *e = rig_find(&r, "voiced.turn.latency");
	CHECK(e && json_int(e, "sent", 0) > 3900 && json_int(e, "first_audio", 0) > 3900);
}

TESTS({ "a_slow_answer_is_bridged", a_slow_answer_is_bridged },
      { "it_is_said_when_it_is_due", it_is_said_when_it_is_due },
      { "a_model_writes_one", a_model_writes_one },
      { "it_is_dropped_when_the_answer_is_there", it_is_dropped_when_the_answer_is_there },
      { "a_tool_brings_its_own", a_tool_brings_its_own },
      { "it_does_not_count_as_the_answer", it_does_not_count_as_the_answer })
