#include "service/chain_llm.h"

#include <errno.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/meter.h"
#include "base/test.h"
#include "service/chain.h"
#include "engine/fake.h"
#include "service/service.h"

enum { PARTS = 3 };

struct rig {
	struct loop *loop;
	struct fake *fakes[PARTS];
	struct health healths[PARTS];
	struct llm_ops citing; /* the last one's */
	struct llm *e;
	char told[512];
	bool ended, offence;
	struct llm_usage usage;
};

static void rig_auto_(struct rig *r)
{
	chain_llm_ops.free(r->e);
	for (size_t i = 0; i < PARTS; i++) {
		fake_free(r->fakes[i]);
		health_done(&r->healths[i]);
	}
	loop_free(r->loop);
}

static uint64_t rests(struct llm *llm)
{
	(void)llm;
	return 60000;
}

static const struct price price = { .text_in = 1 };

static bool rig_begin(struct rig *r, unsigned first_ms)
{
	static const char *const names[PARTS] = { "a", "b", "c" };
	struct chain_llm_part parts[PARTS];

	for (size_t i = 0; i < PARTS; i++)
		health_init(&r->healths[i]);
	if (loop_new(&r->loop, 0) != 0)
		return false;
	for (size_t i = 0; i < PARTS; i++) {
		struct engines e = { 0 };

		if (fake_new(&r->fakes[i]) != 0)
			return false;
		fake_engines(r->fakes[i], &e);
		r->citing = *e.llm_ops;
		r->citing.cites = true;
		parts[i] = (struct chain_llm_part){ names[i], i == PARTS - 1 ? &r->citing : e.llm_ops, e.llm, first_ms, &r->healths[i], i == 1 ? rests : NULL,
						   i == 2 ? &price : NULL, meter_of("llm", names[i]) };
	}
	return chain_llm_new(&r->e, parts, PARTS) == 0;
}

static bool script(struct rig *r, size_t i, enum fake_say first, const char *text, enum fake_say then)
{
	const struct fake_step steps[] = { { first, text, "{}" }, { then, "engine_unavailable", NULL } };

	return fake_answer(r->fakes[i], steps, then == FAKE_ERROR && first != FAKE_ERROR ? 2 : 1) == 0;
}

static void tell(void *owner, uint64_t ticket, const char *text)
{
	struct rig *r = owner;
	size_t n = strlen(r->told);

	snprintf(r->told + n, sizeof(r->told) - n, "%s|", text);
	r->offence |= r->ended || ticket != 9;
}

static void on_cite(void *owner, uint64_t ticket, json_t *source)
{
	(void)source;
	tell(owner, ticket, "cite");
}

static void on_call(void *owner, uint64_t ticket, const char *name, const char *arguments)
{
	(void)arguments;
	tell(owner, ticket, name);
}

static void on_done(void *owner, uint64_t ticket, enum llm_finish f, const struct llm_usage *u)
{
	((struct rig *)owner)->usage = *u;
	tell(owner, ticket, f == LLM_TOOL_CALLS ? "calls" : "done");
	((struct rig *)owner)->ended = true;
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	tell(owner, ticket, e->code);
	((struct rig *)owner)->ended = true;
}

static void on_cites(void *owner, uint64_t ticket)
{
	tell(owner, ticket, "cites");
}

static const struct llm_sink sink = { tell, on_cite, on_call, on_done, on_error, on_cites };

static int ask(struct rig *r, struct llm_job **j)
{
	unsigned long left = mem_fail_hold();
	AUTO(json) json_t *items = json_pack("[{s:s,s:s,s:[{s:s,s:s}]}]", "type", "message", "role", "user", "content", "type",
					     "input_text", "text", "hello");
	const struct llm_request q = { .instructions = "Be kind.", .items = items };

	mem_fail_resume(left);
	r->told[0] = 0;
	r->ended = false;
	return chain_llm_ops.start(r->e, j, &q, r->loop, &sink, r, 9);
}

static bool tells(struct rig *r, const char *told)
{
	struct llm_job *j;

	if (ask(r, &j) != 0)
		return false;
	for (int i = 0; i < (mem_failed() ? 8 : 2000) && !r->ended; i++)
		loop_once(r->loop, 1);
	if (strcmp(r->told, told) != 0 && !mem_failed())
		fprintf(stderr, "%s\n", r->told);
	return !r->offence && strcmp(r->told, told) == 0;
}

static bool is_resting(struct rig *r, size_t i)
{
	struct health_view v;

	health_view(&r->healths[i], loop_now_us(r->loop), &v);
	return v.resting && v.n_failed == 1;
}

static void the_next_answers_when_one_fails(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(rig_begin(&r, 0));
	CHECK(tells(&r, "You said: hello|done|"));
	CHECK(!is_resting(&r, 0));
	CHECK(r.usage.price && r.usage.price->text_in == 0 && r.usage.meter == meter_of("llm", "a"));
	CHECK(script(&r, 0, FAKE_ERROR, "engine_unavailable", FAKE_ERROR));
	CHECK(script(&r, 1, FAKE_ERROR, "rate_limit_exceeded", FAKE_ERROR));
	CHECK(script(&r, 2, FAKE_CALL, "search", FAKE_CALL));
	CHECK(tells(&r, "cites|search|calls|"));
	CHECK(is_resting(&r, 0) && is_resting(&r, 1) && !is_resting(&r, 2));
	CHECK(r.usage.price == &price && r.usage.meter == meter_of("llm", "c"));
	CHECK_STR(json_str(fake_last_request(r.fakes[2]), "instructions", ""), "Be kind.");
	CHECK(meter_get(meter_of("llm", "a"), METER_FAILOVERS) > 0);
	CHECK(meter_get(meter_of("llm", "b"), METER_LIMITED) > 0);
	/* While they rest nobody asks them, until there is no other. */
	CHECK(script(&r, 0, FAKE_TEXT, "a", FAKE_TEXT));
	CHECK(script(&r, 2, FAKE_TEXT, "c", FAKE_TEXT));
	CHECK(tells(&r, "cites|c|done|"));
	CHECK(script(&r, 2, FAKE_ERROR, "engine_unavailable", FAKE_ERROR));
	CHECK(tells(&r, "a|done|"));
	CHECK(!is_resting(&r, 0));
}

static void all_may_fail(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(rig_begin(&r, 0));
	for (size_t i = 0; i < PARTS; i++)
		CHECK(script(&r, i, FAKE_ERROR, i == 2 ? "engine_last" : "engine_unavailable", FAKE_ERROR));
	CHECK(tells(&r, "engine_last|"));
}

static void what_has_begun_fails(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(rig_begin(&r, 0));
	CHECK(script(&r, 0, FAKE_TEXT, "Half ", FAKE_ERROR));
	CHECK(tells(&r, "Half |engine_unavailable|"));
	CHECK(is_resting(&r, 0));
}

static void a_request_can_be_at_fault(void)
{
	AUTO(rig) struct rig r = { 0 };

	CHECK(rig_begin(&r, 0));
	CHECK(script(&r, 0, FAKE_ERROR, "content_filter", FAKE_ERROR));
	CHECK(tells(&r, "content_filter|"));
	CHECK(script(&r, 0, FAKE_ERROR, "engine_refused", FAKE_ERROR));
	CHECK(tells(&r, "You said: hello|done|"));
	CHECK(!is_resting(&r, 0));
}

static void who_is_late_is_left(void)
{
	AUTO(rig) struct rig r = { 0 };
	const struct fake_delays slow = { .step_us = 10 * US_PER_S };

	const int ms = getenv("VOICED_TEST_OOM") ? 1 : 5;

	CHECK(rig_begin(&r, (unsigned)ms));
	fake_delays(r.fakes[0], &slow);
	fake_delays(r.fakes[1], &slow);
	CHECK(tells(&r, "cites|You said: hello|done|"));
	CHECK(is_resting(&r, 0) && is_resting(&r, 1));
	CHECK(fake_running(r.fakes[0]) == 0 && fake_running(r.fakes[1]) == 0);
	/* The last has all the time it needs; meanwhile it may be cancelled. */
	fake_delays(r.fakes[2], &slow);
	struct llm_job *j;
	CHECK_EQ(ask(&r, &j), 0);
	for (int i = 0; i < 2 * ms; i++)
		loop_once(r.loop, 1);
	CHECK(!r.ended);
	chain_llm_ops.cancel(j);
	CHECK_EQ(fake_running(r.fakes[2]), 0);
}

static void needs_somebody(void)
{
	struct llm *e = NULL;
	static const struct chain_llm_part none[CHAIN_MAX + 1];

	CHECK_EQ(chain_llm_new(&e, none, 0), -EINVAL);
	CHECK_EQ(chain_llm_new(&e, none, ARRAY_LEN(none)), -EINVAL);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "the_next_answers_when_one_fails", the_next_answers_when_one_fails },
		{ "all_may_fail", all_may_fail },
		{ "what_has_begun_fails", what_has_begun_fails },
		{ "a_request_can_be_at_fault", a_request_can_be_at_fault },
		{ "who_is_late_is_left", who_is_late_is_left },
		{ "needs_somebody", needs_somebody },
	};

	json_init();
	log_set_level(LOG_ERROR);
	return test_main_(tests, ARRAY_LEN(tests), argc > 1 ? argv[1] : NULL);
}
