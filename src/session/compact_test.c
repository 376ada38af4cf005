/* How much of a long conversation is shown, and paid for. */
#include "session/compact.h"

#include "session/rig.h"
#include "session/rig_purse.h"
#include "session/state.h"

static void set(struct rig *r, const char *truncation)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{'type':'session.update','session':{'type':'realtime','output_modalities':['text'],"
		 "'truncation':%s}}", truncation);
	rig_say(r, text);
	CHECK(rig_until(r, "session.updated", "{}"));
}

static void say(struct rig *r, int n)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{'type':'conversation.item.create','item':{'id':'item%d','type':'message','role':'user',"
		 "'content':[{'type':'input_text','text':'what is the pressure in hall %d today?'}]}}",
		 n, n);
	rig_say(r, text);
}

static void say_long(struct rig *r, size_t n)
{
	AUTO(buf) struct buf text = { 0 };
	unsigned long held = mem_fail_hold();

	buf_puts(&text, "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":"
			"\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"");
	uint8_t *filler = buf_reserve(&text, n);
	if (filler) {
		memset(filler, 'x', n);
		text.n += n;
	}
	buf_puts(&text, "\"}]}}");
	buf_putc(&text, 0);
	mem_fail_resume(held);
	if (!text.failed)
		rig_message(r, (const char *)text.p);
}

static const json_t *items_shown(const struct rig *r)
{
	return json_object_get(fake_last_request(r->fake), "items");
}

static void ask(struct rig *r)
{
	rig_say(r, "{'type':'response.create'}");
	rig_wait(r, 1000);
}

/* So many turns; returns how often the beginning of what the model is shown has moved. */
static unsigned talk(struct rig *r, int turns, size_t *most)
{
	unsigned moved = 0;
	char first[64] = "";

	for (int i = 0; i < turns; i++) {
		say(r, i);
		ask(r);
		const json_t *items = items_shown(r);
		const char *now = json_str(json_array_get(items, 0), "id", "");
		size_t tokens = json_tokens(items);

		moved += first[0] && strcmp(first, now) != 0;
		snprintf(first, sizeof(first), "%s", now);
		*most = MAX(*most, tokens);
	}
	return moved;
}

static void two_hundred_turns_cost_no_more_than_the_limit(void)
{
	size_t most = 0;

	RIG(r, NULL, 0);
	set(&r, "{'type':'retention_ratio','retention_ratio':0.5,'token_limits':{'post_instructions':400}}");
	unsigned moved = talk(&r, (int)rig_cases(200), &most);
	if (getenv("VOICED_TEST_OOM"))
		return;
	CHECK_EQ(rig_count(&r, "error"), 0);
	CHECK_EQ(rig_count(&r, "response.done"), 200);
	CHECK(most <= 2 * 400); /* with ids and types */
	/* The cache is emptied each twentieth turn or so, not each. */
	CHECK(moved > 5 && moved < 40);
	/* Whoever asks for a forgotten item still gets it. */
	rig_forget(&r);
	rig_say(&r, "{'type':'conversation.item.retrieve','item_id':'item0'}");
	CHECK(rig_expect(&r, "conversation.item.retrieved", "{'item':{'id':'item0'}}"));
	CHECK_EQ(rig_count(&r, "conversation.item.deleted"), 0);
}

static void automatic_truncation_moves_with_each_turn(void)
{
	size_t most = 0;

	if (getenv("VOICED_TEST_OOM"))
		return; /* as the one before */
	RIG(r, NULL, 0);
	set(&r, "{'type':'retention_ratio','retention_ratio':1,'token_limits':{'post_instructions':200}}");
	unsigned moved = talk(&r, 60, &most);
	CHECK(moved > 40);
	CHECK(most <= 2 * 200);
}

static void what_is_left_of_the_context_counts(void)
{
	RIG(r, NULL, 0);
	for (int i = 0; i < 4; i++)
		say(&r, i);
	/* 28672 tokens in all, of which the instructions take nearly all. */
	CHECK(compact_conversation(r.s, r.s->config, COST_FULL, 0));
	CHECK_EQ(r.s->conv.n, 4);
	CHECK_EQ(conv_tokens(&r.s->conv), 4 * item_tokens(conv_first(&r.s->conv)));
	CHECK(compact_conversation(r.s, r.s->config, COST_FULL, 1000000));
	CHECK(conv_tokens(&r.s->conv) <= CONTEXT_MIN_TOKENS);
}

static void disabled_truncation_fails_the_response(void)
{
	if (getenv("VOICED_TEST_OOM"))
		return; /* what is long takes long: the next one says as much */
	RIG(r, NULL, 0);
	set(&r, "'disabled'");
	for (int i = 0; i < 4; i++)
		say(&r, i);
	say_long(&r, 120000);
	ask(&r);
	CHECK(rig_until(&r, "response.done",
			"{'response':{'status':'failed','status_details':{'error':{'code':'context_length_exceeded'}}}}"));
	/* Once it may forget, the newest is what is left. */
	set(&r, "'auto'");
	ask(&r);
	CHECK(rig_find(&r, "response.done"));
	CHECK_EQ(json_array_size(items_shown(&r)), 1);
}

static void a_budget_that_runs_short_shortens_the_history(void)
{
	struct rig_purse purse = { .tokens = 100 };
	const struct session_params p = { .payers = { .ops = &purse_ops, .ctx = &purse } };

	RIG(r, &p, 0);
	set(&r, "'disabled'");
	for (int i = 0; i < 2; i++)
		say_long(&r, 7200); /* 1800 tokens */
	/* The last tenth: the client's wish to forget nothing does not count. */
	purse.spent.text_in = 75;
	CHECK_EQ(fake_answer(r.fake, &(struct fake_step){ FAKE_TEXT, "So.", NULL }, 1), 0);
	ask(&r);
	CHECK(rig_until(&r, "response.done", "{'response':{'status':'completed'}}"));
	CHECK_EQ(json_array_size(items_shown(&r)), 1);
	CHECK(json_tokens(items_shown(&r)) <= COMPACT_TOKENS);
}

TESTS({ "two_hundred_turns_cost_no_more_than_the_limit", two_hundred_turns_cost_no_more_than_the_limit },
      { "automatic_truncation_moves_with_each_turn", automatic_truncation_moves_with_each_turn },
      { "what_is_left_of_the_context_counts", what_is_left_of_the_context_counts },
      { "disabled_truncation_fails_the_response", disabled_truncation_fails_the_response },
      { "a_budget_that_runs_short_shortens_the_history", a_budget_that_runs_short_shortens_the_history })
