/* What is counted, what it costs, and what becomes of a session whose money runs out. */
#include "session/cost.h"

#include "session/replay.h"
#include "session/rig.h"
#include "session/rig_purse.h"
#include "session/state.h"

/* --- a model that says what it is told to, and what that took -------------------------------- */

struct mind {
	struct llm_ops ops;
	const struct llm_sink *sink; /* NULL: nothing runs */
	void *owner;
	uint64_t ticket;
	unsigned n_started, n_cancelled;
};

static int mind_start(struct llm *e, struct llm_job **out, const struct llm_request *q,
		      struct loop *loop, const struct llm_sink *sink, void *owner, uint64_t ticket)
{
	struct mind *m = (struct mind *)(void *)e;

	(void)q, (void)loop;
	m->sink = sink;
	m->owner = owner;
	m->ticket = ticket;
	m->n_started++;
	*out = (struct llm_job *)(void *)m;
	return 0;
}

static void mind_cancel(struct llm_job *j)
{
	struct mind *m = (struct mind *)(void *)j;

	m->sink = NULL;
	m->n_cancelled++;
}

static void mind_init(struct mind *m, struct engines *e)
{
	m->ops = (struct llm_ops){ .name = "mind", .start = mind_start, .cancel = mind_cancel };
	e->llm_ops = &m->ops;
	e->llm = (struct llm *)(void *)m;
}

/* false: it was not asked. */
static bool mind_say(struct rig *r, struct mind *m, const char *text, const struct llm_usage *u)
{
	const struct llm_sink *k = m->sink;

	if (!k)
		return false;
	k->on_text(m->owner, m->ticket, text);
	if (!u || !m->sink)
		return true;
	m->sink = NULL;
	k->on_done(m->owner, m->ticket, LLM_STOP, u);
	rig_wait(r, 1000);
	return true;
}

/* A text session with this model that is told what it costs. */
static bool start(struct rig *r, struct mind *m, struct rig_purse *purse, const struct price *price)
{
	const struct session_params p = { .payers = { purse ? &purse_ops : NULL, purse, 1, "EUR" } };

	if (!rig_init(r))
		return false;
	mind_init(m, &r->engines);
	r->engines.llm_price = price;
	return rig_start(r, &p, 0);
}

static void text_and_costs(struct rig *r)
{
	rig_say(r, "{'type':'session.update','session':{'type':'realtime','output_modalities':['text'],"
		   "'include':['voiced.cost']}}");
	rig_forget(r);
}

static void ask(struct rig *r)
{
	rig_say(r, "{'type':'response.create'}");
}

/* --- counting -------------------------------------------------------------------------------- */

static void prices_are_of_a_million(void)
{
	static const struct price p = { .text_in = 4, .text_out = 16, .audio_in = 32, .audio_out = 64,
					.cached_in = 0.4 };
	static const struct {
		struct llm_usage u;
		uint64_t money;
	} cases[] = {
		{ { 0 }, 0 },
		{ { .input_tokens = 1000000 }, 4 * (uint64_t)COST_UNIT },
		{ { .input_tokens = 1, .output_tokens = 1 }, 20 * (COST_UNIT / 1000000) },
		{ { .input_tokens = 100, .input_audio_tokens = 100 }, 3200 * (COST_UNIT / 1000000) },
		{ { .input_tokens = 100, .cached_tokens = 100 }, 40 * (COST_UNIT / 1000000) },
		/* of 100, 60 are of audio: what is cached is the 40 of text, and 10 of audio */
		{ { .input_tokens = 100, .input_audio_tokens = 60, .cached_tokens = 50 },
		  (50 * 4 / 10 + 50 * 32) * (COST_UNIT / 1000000) },
		{ { .output_tokens = 30, .output_audio_tokens = 20 },
		  (10 * 16 + 20 * 64) * (COST_UNIT / 1000000) },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(cost_of_tokens(&cases[i].u, &p), cases[i].money);
	CHECK_EQ(cost_of_tokens(&cases[1].u, NULL), 0);
	CHECK_EQ(cost_of_tokens(&cases[1].u, &(struct price){ .text_in = -1 }), 0);
}

static void usage_adds_up_whatever_an_engine_says(void)
{
	static const struct llm_usage wrong[] = {
		{ .input_tokens = -5, .output_tokens = 3 },
		{ .input_tokens = 5, .input_audio_tokens = 9, .cached_tokens = 99, .output_tokens = 1,
		  .output_audio_tokens = 7 },
		{ .input_tokens = 2000000000, .output_tokens = 2000000000, .cached_tokens = -1 },
	};
	AUTO(rig) struct rig r = { 0 };
	struct mind m = { 0 };

	CHECK(start(&r, &m, NULL, NULL));
	text_and_costs(&r);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		ask(&r);
		CHECK(mind_say(&r, &m, "so", &wrong[i]));
		const json_t *u = config_at(rig_find(&r, "response.done"), "response.usage");
		const json_t *in = json_object_get(u, "input_token_details");
		const json_t *out = json_object_get(u, "output_token_details");
		const json_t *cached = json_object_get(in, "cached_tokens_details");
		int64_t n_in = json_int(u, "input_tokens", -1), n_out = json_int(u, "output_tokens", -1);

		CHECK(n_in >= 0 && n_out >= 0);
		CHECK_EQ(json_int(u, "total_tokens", -1), n_in + n_out);
		CHECK_EQ(json_int(in, "text_tokens", -1) + json_int(in, "audio_tokens", -1), n_in);
		CHECK_EQ(json_int(out, "text_tokens", -1) + json_int(out, "audio_tokens", -1), n_out);
		CHECK(json_int(in, "text_tokens", -1) >= 0 && json_int(out, "text_tokens", -1) >= 0);
		CHECK(json_int(in, "cached_tokens", -1) <= n_in);
		CHECK_EQ(json_int(cached, "text_tokens", -1) + json_int(cached, "audio_tokens", -1),
			 json_int(in, "cached_tokens", -1));
	}
}

static void turns_add_up_to_the_session(void)
{
	static const struct price price = { .text_in = 1000, .text_out = 2000 };
	AUTO(rig) struct rig r = { 0 };
	struct mind m = { 0 };
	double sum = 0;

	CHECK(start(&r, &m, NULL, &price));
	text_and_costs(&r);
	for (int i = 1; i <= 3; i++) {
		const struct llm_usage u = { .input_tokens = 100 * i, .output_tokens = 10,
					     .cached_tokens = 50 };

		ask(&r);
		CHECK(mind_say(&r, &m, "so it is", &u));
		const json_t *e = rig_find(&r, "voiced.turn.cost");
		CHECK_EQ(json_int(config_at(e, "turn.tokens"), "input_text", 0), 100 * i);
		sum += json_num(json_object_get(e, "turn"), "money", -1);
		double all = json_num(json_object_get(e, "session"), "money", -1);
		CHECK(all > sum - 1e-9 && all < sum + 1e-9);
		CHECK_STR(json_str(e, "currency", ""), "EUR");
		CHECK(rig_until(&r, "response.done", "{}"));
	}
	CHECK(sum > 0.659 && sum < 0.661);
	CHECK_EQ(r.s->costs.all.cached_in, 150);
}

/* Its service charges for what it has read and written, though nobody waits for the rest. */
static void what_is_stopped_is_charged_by_guess(void)
{
	static const struct price price = { .text_in = 1000, .text_out = 1000 };
	AUTO(rig) struct rig r = { 0 };
	struct mind m = { 0 };

	CHECK(start(&r, &m, NULL, &price));
	text_and_costs(&r);
	rig_say(&r, "{'type':'conversation.item.create','item':{'type':'message','role':'user',"
		    "'content':[{'type':'input_text','text':'what is the pressure in hall two?'}]}}");
	ask(&r);
	CHECK(mind_say(&r, &m, "It is fourteen bar, ", NULL));
	rig_say(&r, "{'type':'response.cancel'}");
	CHECK_EQ(m.n_cancelled, 1);
	const json_t *e = rig_find(&r, "voiced.turn.cost");
	CHECK(json_int(config_at(e, "turn.tokens"), "input_text", 0) > 10);
	CHECK_EQ(json_int(config_at(e, "turn.tokens"), "output_text", 0), 5);
	CHECK(json_num(json_object_get(e, "turn"), "money", 0) > 0.01);
	CHECK(rig_until(&r, "response.done", "{'response':{'usage':{'output_tokens':5}}}"));
}

static void audio_is_counted_as_it_was_sent(void)
{
	static const struct {
		const char *more;
		int64_t least, most;
	} cases[] = {
		{ "", 30, 60 },
		/* 30 in all, of which ten are the words */
		{ "'max_output_tokens':30,", 20, 20 },
		{ "'max_output_tokens':5,", 0, 0 },
	};

	for (size_t i = 0; i < (getenv("VOICED_TEST_OOM") ? 0 : ARRAY_LEN(cases)); i++) {
		char text[256];
		static const struct fake_step answer = {
			FAKE_TEXT, "It is an answer of a few words, and not more.", NULL };

		RIG(r, NULL, 0);
		CHECK_EQ(fake_answer(r.fake, &answer, 1), 0);
		snprintf(text, sizeof(text), "{'type':'response.create','response':{%s'output_modalities':['audio']}}",
			 cases[i].more);
		rig_say(&r, text);
		rig_wait(&r, 20000);
		const json_t *u = config_at(rig_find(&r, "response.done"), "response.usage.output_token_details");
		CHECK(json_int(u, "audio_tokens", -1) >= cases[i].least);
		CHECK(json_int(u, "audio_tokens", -1) <= cases[i].most);
	}
}

static void of_a_call_that_is_interrupted_what_was_played_counts(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct mind m = { 0 };

	CHECK(rig_init(&r));
	mind_init(&m, &r.engines);
	CHECK(rig_start(&r, NULL, 24000));
	rig_say(&r, "{'type':'response.create'}");
	CHECK(mind_say(&r, &m, "It is a long answer with many words that does not end before it has gone on. ", NULL));
	rig_wait(&r, 1000000);
	CHECK(r.legs[0].pushed > 40000 && r.legs[0].played > 20000);
	rig_say(&r, "{'type':'response.cancel'}");
	const json_t *u = config_at(rig_find(&r, "response.done"), "response.usage.output_token_details");
	CHECK(json_int(u, "audio_tokens", -1) >= 18);
	CHECK(json_int(u, "audio_tokens", -1) <= 20);
}

static void speech_is_counted_in_seconds_and_characters(void)
{
	static const struct price price = { .minute = 60, .characters = 1000000 };

	AUTO(rig) struct rig r = { 0 };
	CHECK(rig_init(&r));
	r.engines.stt_price = r.engines.tts_price = &price;
	CHECK_EQ(fake_hear(r.fake, "hello"), 0);
	CHECK(rig_start(&r, &(struct session_params){ .payers = { .currency = "EUR" } }, 0));
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','include':['voiced.cost']}}");
	rig_turn(&r, 1000, 600);
	rig_wait(&r, 3000000);
	const json_t *turn = json_object_get(rig_find(&r, "voiced.turn.cost"), "turn");
	double heard = json_num(turn, "heard_ms", 0) / 1000;
	int64_t characters = json_int(turn, "characters", 0);
	CHECK(heard > 1 && heard < 2);
	CHECK_EQ(characters, (int64_t)strlen("You said:" "hello"));
	double money = json_num(turn, "money", 0), want = heard + (double)characters;
	CHECK(money > want - 0.01 && money < want + 0.01);
}

/* --- budgets --------------------------------------------------------------------------------- */

/* A purse, and three minds of which the last costs nothing. */
struct firm {
	struct rig_purse purse;
	struct mind dear, cheap, own;
	struct engines cheaper, embedded;
	struct price dear_price, cheap_price;
};

static bool start_firm(struct rig *r, struct firm *f)
{
	const struct session_params p = { .payers = { &purse_ops, &f->purse, 1, "EUR" } };

	if (!rig_init(r))
		return false;
	f->dear_price = (struct price){ .text_in = 1000, .text_out = 1000 };
	f->cheap_price = (struct price){ .text_in = 100, .text_out = 100 };
	f->cheaper = f->embedded = r->engines;
	mind_init(&f->dear, &r->engines);
	mind_init(&f->cheap, &f->cheaper);
	mind_init(&f->own, &f->embedded);
	r->engines.llm_price = &f->dear_price;
	f->cheaper.llm_price = &f->cheap_price;
	if (!rig_start(r, &p, 0))
		return false;
	text_and_costs(r);
	return true;
}

/* 30 tokens of whoever is asked. */
static bool answer_firm(struct rig *r, struct firm *f)
{
	static const struct llm_usage u = { .input_tokens = 20, .output_tokens = 10 };

	ask(r);
	return mind_say(r, &f->dear, "dear", &u) || mind_say(r, &f->cheap, "cheap", &u) ||
	       mind_say(r, &f->own, "free", &u);
}

static void no_more_is_overspent_than_one_response(void)
{
	const uint64_t dear = 30 * (COST_UNIT / 1000);

	for (uint64_t budget = 1; budget < 50 * dear; budget += dear / 3 + budget) {
		AUTO(rig) struct rig r = { 0 };
		struct firm f = { .purse = { .money = budget } };

		f.purse.engines[COST_CHEAPER] = &f.cheaper;
		f.purse.engines[COST_EMBEDDED] = &f.embedded;
		CHECK(start_firm(&r, &f));
		int turns = (int)rig_cases(120);
		enum cost_level last = COST_FULL;
		for (int i = 0; i < turns; i++) {
			CHECK(answer_firm(&r, &f));
			CHECK(r.s->costs.level >= last);
			last = r.s->costs.level;
			CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
		}
		CHECK(f.purse.spent.money < budget + dear);
		if (getenv("VOICED_TEST_OOM"))
			return;
		CHECK_EQ(last, COST_EMBEDDED);
		CHECK(f.dear.n_started > 0 && f.own.n_started > 0);
		CHECK(budget < 20 * dear || f.cheap.n_started > 1);
		session_free(r.s);
		r.s = NULL;
		CHECK_EQ(f.purse.n_begun, 1);
		CHECK_EQ(f.purse.n_ended, 1);
	}
}

static void tokens_may_be_a_budget_too(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct firm f = { .purse = { .tokens = 40 } };

	f.purse.engines[COST_EMBEDDED] = &f.embedded;
	CHECK(start_firm(&r, &f));
	for (int i = 0; i < 4; i++)
		CHECK(answer_firm(&r, &f));
	CHECK_EQ(f.dear.n_started, 2);
	CHECK_EQ(f.own.n_started, 2);
	CHECK_EQ(cost_tokens(&f.purse.spent), 60); /* what costs nothing counts against nothing */
	CHECK_EQ(cost_tokens(&r.s->costs.all), 120);
}

static void with_nothing_left_the_response_fails_and_the_session_lives(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct firm f = { .purse = { .tokens = 10 } };

	CHECK(start_firm(&r, &f));
	CHECK(answer_firm(&r, &f));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	ask(&r);
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'failed','status_details':{'type':'failed','error':"
			"{'type':'insufficient_quota','code':'insufficient_quota'}}}}"));
	/* Tomorrow there is more. */
	f.purse.tokens = 1000;
	CHECK(answer_firm(&r, &f));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
}

static void speech_is_not_recognised_where_nothing_is_left(void)
{
	struct rig_purse purse = { .tokens = 1, .spent = { .text_in = 1 } };
	const struct session_params p = { .payers = { &purse_ops, &purse, 1, NULL } };

	RIG(r, &p, 0);
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','audio':{'input':"
		    "{'transcription':{'model':'x'}}}}}");
	rig_turn(&r, 600, 600);
	CHECK_EQ(fake_heard(r.fake), 0);
	CHECK(rig_until(&r, "conversation.item.input_audio_transcription.failed",
			"{'error':{'code':'insufficient_quota'}}"));
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'failed'}}"));
}

/* What has begun is finished by the engines that began it. */
static void engines_change_between_responses_only(void)
{
	static const struct llm_usage u = { .input_tokens = 20, .output_tokens = 10 };
	AUTO(rig) struct rig r = { 0 };
	struct firm f = { .purse = { .tokens = 1000 } };

	f.purse.engines[COST_EMBEDDED] = &f.embedded;
	CHECK(start_firm(&r, &f));
	ask(&r);
	/* It asks for a search, and another session spends all that is left meanwhile. */
	CHECK(f.dear.sink);
	f.dear.sink->on_call(f.dear.owner, f.dear.ticket, "search", "{}");
	const struct llm_sink *k = f.dear.sink;
	CHECK(k);
	f.dear.sink = NULL;
	k->on_done(f.dear.owner, f.dear.ticket, LLM_TOOL_CALLS, &u);
	f.purse.spent.text_in = 1000;
	rig_wait(&r, 20000);
	CHECK_EQ(f.dear.n_started, 2);
	CHECK(mind_say(&r, &f.dear, "found", &u));
	CHECK(rig_until(&r, "voiced.turn.cost", "{'level':'full'}"));
	CHECK(answer_firm(&r, &f));
	CHECK_EQ(f.own.n_started, 1);
	CHECK(rig_until(&r, "voiced.turn.cost", "{'level':'embedded'}"));
}

/* --- the recorder ------------------------------------------------------------------------------ */

static void again(void *ctx, unsigned leg, struct bytes json)
{
	(void)leg;
	buf_put(ctx, json.p, json.n);
	buf_putc(ctx, '\n');
}

/* Each third clause is spoken by somebody who costs nothing. */
static struct bill whose(const struct tts_job *j)
{
	static const struct price price = { .characters = 123.456 };
	static unsigned n;

	(void)j;
	return (struct bill){ n++ % 3 ? &price : NULL, NULL };
}

/* What the payer said, prices and the engines of other levels are part of the record. */
static void a_session_with_a_budget_replays(void)
{
	static const struct price own = { .text_in = 7.25, .text_out = 0.1 };
	AUTO(rig) struct rig r = { 0 };
	AUTO(buf) struct buf record = { 0 }, events = { 0 };
	struct rec_writer w = { .to = &record };
	struct firm f = { .purse = { .money = 100000000 } };
	const struct session_params p = { .payers = { &purse_ops, &f.purse, 1, "EUR" },
					  .recorder = { &rec_writer_ops, &w } };
	const struct llm_usage u = { .input_tokens = 20, .output_tokens = 10, .cached_tokens = 3, .price = &own };
	const struct replay_sink to = { &events, again, NULL };
	struct tts_ops voice;

	if (getenv("VOICED_TEST_OOM"))
		return;
	CHECK(rig_init(&r));
	r.keep_transcript = true;
	f.embedded = r.engines;
	voice = *r.engines.tts_ops;
	voice.bill = whose;
	r.engines.tts_ops = &voice;
	mind_init(&f.own, &f.embedded);
	mind_init(&f.dear, &r.engines);
	f.dear_price = (struct price){ .text_in = 1000, .text_out = 1000 };
	r.engines.llm_price = &f.dear_price;
	f.purse.engines[COST_EMBEDDED] = &f.embedded;
	CHECK(rig_start(&r, &p, 0));
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','include':['voiced.cost']}}");
	ask(&r);
	CHECK(mind_say(&r, &f.dear, "One is dear.", &u));
	for (int i = 0; i < 6; i++) {
		rig_wait(&r, 3000000);
		CHECK(answer_firm(&r, &f));
	}
	CHECK(f.own.n_started > 1);
	rig_wait(&r, 3000000);
	double spoken = json_num(config_at(rig_find(&r, "voiced.turn.cost"), "turn"), "characters", 0);
	CHECK(spoken > 5);
	session_close(r.s, 1000, "done", r.env.now_us);
	session_detach(r.s, &r.legs[0].leg, r.env.now_us);
	CHECK_EQ(replay(buf_bytes(&record), &to), REPLAY_OK);
	CHECK(events.n > 1000);
	CHECK(bytes_eq(buf_bytes(&events), buf_bytes(&r.transcript)));
}

static void usage_is_written_and_read_back(void)
{
	static const struct price price = { .text_in = 0.15, .characters = 1e9 };
	const struct llm_usage u = { .input_tokens = 1, .output_tokens = 2, .input_audio_tokens = 3,
				     .cached_tokens = 4, .output_audio_tokens = 5, .price = &price };
	uint8_t wire[COST_USAGE_OCTETS];
	struct llm_usage back;
	struct price read = { 0 };
	size_t n = cost_write_usage(&u, wire);

	CHECK(cost_read_usage(bytes_of(wire, n), &back, &read));
	CHECK(back.price == &read && read.text_in == 0.15 && read.characters == 1e9);
	CHECK(back.cached_tokens == 4 && back.output_audio_tokens == 5);
	CHECK(cost_read_usage(bytes_of(wire, 8), &back, &read)); /* of before */
	CHECK(back.input_tokens == 1 && back.output_tokens == 2 && !back.price);
	for (size_t i = 0; i < 8; i++)
		CHECK(!cost_read_usage(bytes_of(wire, i), &back, &read));
	CHECK(!cost_read_usage(bytes_of(wire, n - 1), &back, &read));
}

TESTS({ "prices_are_of_a_million", prices_are_of_a_million },
      { "usage_adds_up_whatever_an_engine_says", usage_adds_up_whatever_an_engine_says },
      { "turns_add_up_to_the_session", turns_add_up_to_the_session },
      { "what_is_stopped_is_charged_by_guess", what_is_stopped_is_charged_by_guess },
      { "audio_is_counted_as_it_was_sent", audio_is_counted_as_it_was_sent },
      { "of_a_call_that_is_interrupted_what_was_played_counts",
	of_a_call_that_is_interrupted_what_was_played_counts },
      { "speech_is_counted_in_seconds_and_characters", speech_is_counted_in_seconds_and_characters },
      { "no_more_is_overspent_than_one_response", no_more_is_overspent_than_one_response },
      { "tokens_may_be_a_budget_too", tokens_may_be_a_budget_too },
      { "with_nothing_left_the_response_fails_and_the_session_lives",
	with_nothing_left_the_response_fails_and_the_session_lives },
      { "speech_is_not_recognised_where_nothing_is_left", speech_is_not_recognised_where_nothing_is_left },
      { "engines_change_between_responses_only", engines_change_between_responses_only },
      { "a_session_with_a_budget_replays", a_session_with_a_budget_replays },
      { "usage_is_written_and_read_back", usage_is_written_and_read_back })
