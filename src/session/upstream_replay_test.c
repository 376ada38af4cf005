/* A session with a realtime service, recorded, gives the same events octet for octet. */
#include "session/replay.h"

#include "session/upstream_rig.h"

/* Turns, a search, a call, an interruption, losses of all kinds, and a while without the service. */
static void perform(struct rig *r, struct remote *v)
{
	const struct engine_error e = { "engine_failed", "It says no." };
	const struct llm_usage u = { .input_tokens = 3, .output_tokens = 4 };

	rig_say(r, "{'type':'session.update','session':{'type':'realtime','include':["
		   "'voiced.partials'],'tools':[{'type':'function','name':'f','parameters':{}}],"
		   "'audio':{'input':{'transcription':{},'turn_detection':{'type':'server_vad',"
		   "'silence_duration_ms':400}}}}}");
	rig_turn(r, 600, 420);
	SAY(*v, on_words_delta, "what");
	SAY(*v, on_words, "what is it");
	remote_speaks(v, "Let me look.", 400);
	SAY(*v, on_call, v->ref, "c1", "search", "{}");
	SAY(*v, on_done, v->ref, LLM_TOOL_CALLS, &u);
	rig_wait(r, 50000);
	remote_speaks(v, "It is a long story that goes on for a while, ", 1500);
	remote_lost(r, v, 0);
	SAY(*v, on_open);
	remote_speaks(v, "and on.", 3000);
	rig_audio(r, 500, RIG_LOUD);
	remote_lost(r, v, r->env.now_us + 100000);
	rig_audio(r, 600, 0);
	SAY(*v, on_open);
	SAY(*v, on_deaf, &e);
	SAY(*v, on_call, v->ref, "c2", "f", "{\"a\":1}");
	SAY(*v, on_done, v->ref, LLM_TOOL_CALLS, &u);
	rig_say(r, "{'type':'response.create','response':{'output_modalities':['text']}}");
	SAY(*v, on_text, v->ref, "Some text");
	SAY(*v, on_failed, v->ref, &e);
	(void)!fake_hear(r->fake, "and now");
	rig_audio(r, 500, RIG_LOUD);
	remote_lost(r, v, UINT64_MAX);
	rig_audio(r, 600, 0);
	rig_wait(r, 3000000);
	session_close(r->s, 1000, "done", r->env.now_us);
	session_detach(r->s, &r->legs[0].leg, r->env.now_us);
}

/* The service finds the turns. */
static void perform_turns(struct rig *r, struct remote *v)
{
	rig_audio(r, 600, RIG_LOUD);
	SAY(*v, on_speech, true, 100);
	rig_audio(r, 600, 0);
	SAY(*v, on_speech, false, 700);
	SAY(*v, on_commit);
	SAY(*v, on_begun);
	SAY(*v, on_words, "hello");
	remote_speaks(v, "Hello yourself.", 900);
	remote_done(v);
	rig_wait(r, 1000000);
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

static void replays(unsigned paced_hz, bool turns)
{
	__attribute__((cleanup(remote_auto_))) struct remote v = { 0 };
	AUTO(rig) struct rig r = { 0 };
	AUTO(buf) struct buf record = { 0 }, events = { 0 };
	struct rec_writer w = { .to = &record };
	const struct session_params p = { .recorder = { &rec_writer_ops, &w } };
	const struct replay_sink to = { &events, again, NULL };

	r.keep_transcript = true;
	CHECK(remote_rig_init(&r, &v));
	r.engines.service_turns = turns;
	CHECK(rig_start(&r, &p, paced_hz));
	SAY(v, on_open);
	(turns ? perform_turns : perform)(&r, &v);
	CHECK(!record.failed && !r.transcript.failed);
	CHECK(r.transcript.n > 5000);
	CHECK_EQ(replay(buf_bytes(&record), &to), REPLAY_OK);
	CHECK(bytes_eq(buf_bytes(&events), buf_bytes(&r.transcript)));
}

static void replays_events(void)
{
	if (!getenv("VOICED_TEST_OOM"))
		replays(0, false);
}

static void replays_a_call(void)
{
	if (!getenv("VOICED_TEST_OOM"))
		replays(48000, false);
}

static void replays_turns_that_the_service_finds(void)
{
	if (!getenv("VOICED_TEST_OOM"))
		replays(24000, true);
}

static void survives_what_is_no_record(void)
{
	__attribute__((cleanup(remote_auto_))) struct remote v = { 0 };
	AUTO(rig) struct rig r = { 0 };
	AUTO(buf) struct buf record = { 0 }, events = { 0 };
	struct rec_writer w = { .to = &record };
	const struct session_params p = { .recorder = { &rec_writer_ops, &w } };
	const struct replay_sink to = { &events, again, NULL };

	if (getenv("VOICED_TEST_OOM"))
		return;
	CHECK(remote_rig_init(&r, &v) && rig_start(&r, &p, 0));
	SAY(v, on_open);
	rig_say(&r, "{'type':'response.create','response':{'output_modalities':['text']}}");
	SAY(v, on_call, v.ref, "c1", "search", "{}");
	SAY(v, on_text, v.ref, "Text.");
	remote_done(&v);
	remote_lost(&r, &v, 0);
	CHECK(!record.failed);
	if (getenv("RECORD_WRITE")) { /* a seed for fuzz/record.c */
		FILE *f = fopen(getenv("RECORD_WRITE"), "w");

		CHECK(f && fwrite(record.p, 1, record.n, f) == record.n && fclose(f) == 0);
	}
	for (size_t n = 0; n < record.n; n++) {
		record.p[n] ^= 0x5A;
		enum replay_verdict verdict = replay(buf_bytes(&record), &to);

		CHECK(verdict <= REPLAY_NO_MEMORY);
		record.p[n] ^= 0x5A;
	}
}

TESTS({ "replays_events", replays_events },
      { "replays_a_call", replays_a_call },
      { "replays_turns_that_the_service_finds", replays_turns_that_the_service_finds },
      { "survives_what_is_no_record", survives_what_is_no_record })
