#include "session/replay.h"

#include "session/rig.h"

/* A session with text, a spoken turn, a search, a call and an interruption, on either leg. */
static void perform(struct rig *r)
{
	static const struct fake_step steps[] = {
		{ FAKE_CALL, "search", "{\"query\":\"x\"}" },
	}, found[] = {
		{ FAKE_CITE, "{\"document\":\"d\",\"page\":1}", NULL },
		{ FAKE_TEXT, "A long answer that is going to be interrupted before its end. ", NULL },
		{ FAKE_TEXT, "There is more of it, and more, and still more than that.", NULL },
	}, call[] = {
		{ FAKE_CALL, "weather", "{}" },
	};
	const struct fake_delays d = { 200000, 10000, 15000, 20000, 30000, 5000 };

	fake_delays(r->fake, &d);
	(void)!fake_hear(r->fake, "what is it");
	(void)!fake_hear(r->fake, "stop please");
	(void)!fake_answer(r->fake, steps, 1);
	(void)!fake_answer(r->fake, found, 3);
	(void)!fake_answer(r->fake, call, 1);
	rig_message(
		r,
		"{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"include\":["
		"\"voiced.latency\",\"voiced.sources\",\"voiced.partials\"],\"audio\":{\"input\":{"
		"\"transcription\":{\"model\":\"x\"},\"turn_detection\":{\"type\":\"server_vad\","
		"\"silence_duration_ms\":400}}}}}");
	rig_audio(r, 300, 0);
	rig_audio(r, 900, RIG_LOUD);
	rig_audio(r, 1200, 0);
	rig_audio(r, 500, RIG_LOUD);
	rig_audio(r, 600, 0);
	rig_message(r, "{nonsense");
	session_on_binary(r->s, &r->legs[0].leg, r->env.now_us);
	rig_message(
		r,
		"{\"type\":\"response.create\",\"response\":{\"output_modalities\":[\"text\"]}}");
	rig_wait(r, 3000000);
	session_close(r->s, 1000, "done", r->env.now_us);
	session_detach(r->s, &r->legs[0].leg, r->env.now_us);
}

static void again(void *ctx, unsigned leg, struct bytes json)
{
	struct buf *b = ctx;

	if (leg != 0)
		return;
	buf_put(b, json.p, json.n);
	buf_putc(b, '\n');
}

static void replays(unsigned paced_hz)
{
	AUTO(rig) struct rig r = { 0 };
	AUTO(buf) struct buf record = { 0 }, events = { 0 };
	struct rec_writer w = { .to = &record };
	const struct session_params p = { .recorder = { &rec_writer_ops, &w },
					  .instructions = "be brief" };
	const struct replay_sink to = { &events, again, NULL };

	r.keep_transcript = true;
	CHECK(rig_init(&r));
	CHECK(rig_start(&r, &p, paced_hz));
	perform(&r);
	CHECK(!record.failed && !r.transcript.failed);
	CHECK(r.transcript.n > 10000);
	CHECK_EQ(replay(buf_bytes(&record), &to), REPLAY_OK);
	CHECK(bytes_eq(buf_bytes(&events), buf_bytes(&r.transcript)));
}

static void replays_events_octet_for_octet(void)
{
	if (getenv("VOICED_TEST_OOM"))
		return; /* tens of thousands of allocations: property_test.c takes some of them */
	replays(0);
}

static void replays_a_call(void)
{
	if (getenv("VOICED_TEST_OOM"))
		return;
	replays(48000);
}

/* MCP servers: one that has tools, one that is down, one that is refused; an approval. */
static void replays_mcp(void)
{
	static const struct fake_step add[] = { { FAKE_CALL, "s__add", "{}" } }, send[] = { { FAKE_CALL, "s__send", "{}" } };
	AUTO(rig) struct rig r = { 0 };
	AUTO(buf) struct buf record = { 0 }, events = { 0 };
	struct rec_writer w = { .to = &record };
	const struct session_params p = { .recorder = { &rec_writer_ops, &w } };
	const struct replay_sink to = { &events, again, NULL };
	const json_t *e;
	char text[256];

	if (getenv("VOICED_TEST_OOM"))
		return;
	r.keep_transcript = true;
	CHECK(rig_init(&r) && rig_start(&r, &p, 0));
	CHECK(!fake_answer(r.fake, add, 1) && !fake_answer(r.fake, send, 1));
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','output_modalities':['text'],'tools':["
		    "{'type':'mcp','server_label':'s','server_url':'https://tools.example/','require_approval':{'never':{'tool_names':['add']}}},"
		    "{'type':'mcp','server_label':'d','server_url':'https://down.example/'},"
		    "{'type':'mcp','server_label':'p','server_url':'https://10.0.0.1/'}]}}");
	rig_wait(&r, 10000);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 100000);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 100000);
	for (e = NULL; (e = rig_find(&r, "response.output_item.done"));)
		if (strcmp(json_str(json_object_get(e, "item"), "type", ""), "mcp_approval_request") == 0)
			break;
	CHECK(e);
	snprintf(text, sizeof(text), "{'type':'conversation.item.create','item':{'type':'mcp_approval_response','approve':true,"
				     "'approval_request_id':'%s'}}", json_str(json_object_get(e, "item"), "id", ""));
	rig_say(&r, text);
	rig_wait(&r, 100000);
	CHECK_EQ(rig_count(&r, "response.mcp_call.completed"), 2);
	CHECK_EQ(rig_count(&r, "mcp_list_tools.failed"), 2);
	session_close(r.s, 1000, "done", r.env.now_us);
	CHECK_EQ(replay(buf_bytes(&record), &to), REPLAY_OK);
	CHECK(bytes_eq(buf_bytes(&events), buf_bytes(&r.transcript)));
}

/* Tools that are slow, late, ask for consent; sentences between; searches that run ahead. */
static void replays_tools(void)
{
	static const struct fake_step late[] = { { FAKE_CALL, "late", "{}" } },
				      search[] = { { FAKE_CALL, "search", "{\"query\":\"cat name\"}" } },
				      act[] = { { FAKE_CALL, "act", "{\"to\":\"Bob\"}" } };
	AUTO(rig) struct rig r = { 0 };
	AUTO(buf) struct buf record = { 0 }, events = { 0 };
	struct rec_writer w = { .to = &record };
	const struct session_params p = { .recorder = { &rec_writer_ops, &w }, .dialect = DIALECT_VOICE_LIVE };
	const struct replay_sink to = { &events, again, NULL };
	const struct fake_delays d = { 200000, 10000, 15000, 20000, 30000, 5000 };

	if (getenv("VOICED_TEST_OOM"))
		return;
	r.keep_transcript = true;
	CHECK(rig_init(&r));
	r.defs[2] = r.defs[0];
	r.defs[2].name = "late";
	r.defs[2].when = TOOL_IDLE;
	r.defs[2].time_ms = 4000;
	r.engines.n_tools = 3;
	r.engines.search_ahead = r.engines.search_first = true;
	r.found = "{\"confidence\":0.9,\"results\":[{\"document\":1,\"start\":0,\"text\":\"The cat's name is Tom.\"}]}";
	r.tool_us = 6 * US_PER_S;
	CHECK(rig_start(&r, &p, 0));
	fake_delays(r.fake, &d);
	CHECK(!fake_answer(r.fake, late, 1) && !fake_answer(r.fake, search, 1) && !fake_answer(r.fake, act, 1));
	CHECK(!fake_hear(r.fake, "what is the cat's name") && !fake_hear(r.fake, "yes"));
	rig_say(&r, "{'type':'session.update','session':{'include':['voiced.sources','voiced.latency'],"
		    "'interim_response':{'type':'static_interim_response','texts':['One.','Two.','Three.'],"
		    "'latency_threshold_ms':400}}}");
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, 3 * US_PER_S);
	rig_turn(&r, 1400, 1000);
	rig_wait(&r, 9 * US_PER_S);
	rig_turn(&r, 500, 1000);
	r.tool_us = 100000;
	rig_wait(&r, 9 * US_PER_S);
	session_close(r.s, 1000, "done", r.env.now_us);
	session_detach(r.s, &r.legs[0].leg, r.env.now_us);
	CHECK(!record.failed && !r.transcript.failed);
	CHECK_EQ(r.n_acts, 1);
	CHECK_EQ(replay(buf_bytes(&record), &to), REPLAY_OK);
	CHECK(bytes_eq(buf_bytes(&events), buf_bytes(&r.transcript)));
}

static void survives_what_is_no_record(void)
{
	AUTO(rig) struct rig r = { 0 };
	AUTO(buf) struct buf record = { 0 }, events = { 0 };
	struct rec_writer w = { .to = &record };
	const struct session_params p = { .recorder = { &rec_writer_ops, &w } };
	const struct replay_sink to = { &events, again, NULL };

	CHECK(rig_init(&r));
	CHECK(rig_start(&r, &p, 0));
	rig_message(
		&r,
		"{\"type\":\"response.create\",\"response\":{\"output_modalities\":[\"text\"]}}");
	rig_wait(&r, 100000);
	CHECK(!record.failed);
	if (getenv("RECORD_WRITE")) { /* a seed for fuzz/record.c */
		FILE *f = fopen(getenv("RECORD_WRITE"), "w");

		CHECK(f && fwrite(record.p, 1, record.n, f) == record.n && fclose(f) == 0);
	}
	CHECK_EQ(replay((struct bytes){ 0 }, &to), REPLAY_MALFORMED);
	size_t step = getenv("VOICED_TEST_OOM") ? record.n : 1;
	for (size_t n = 0; n < record.n; n += step) {
		struct bytes cut = bytes_sub(buf_bytes(&record), 0, n);
		enum replay_verdict v = replay(cut, &to);

		CHECK(v == REPLAY_OK || v == REPLAY_MALFORMED || v == REPLAY_DIVERGED);
		record.p[n] ^= 0x5A;
		v = replay(buf_bytes(&record), &to);
		CHECK(v == REPLAY_OK || v == REPLAY_MALFORMED || v == REPLAY_DIVERGED ||
		      v == REPLAY_NO_MEMORY);
		record.p[n] ^= 0x5A;
	}
}

TESTS({ "replays_events_octet_for_octet", replays_events_octet_for_octet },
      { "replays_a_call", replays_a_call },
      { "replays_mcp", replays_mcp },
      { "replays_tools", replays_tools },
      { "survives_what_is_no_record", survives_what_is_no_record })
