#include "api/completion_run.h"

#include "base/loop.h"
#include "base/test.h"
#include "engine/fake.h"

/* A tool that answers when it is told to, or never. */
struct script {
	struct timer timer;
	struct loop *loop;
	const struct tool_sink *sink;
	void *owner;
	uint64_t ticket;
	unsigned n_started, n_cancelled;
	bool hangs, refuses;
	char arguments[64], groups[32];
};

static void on_due(struct timer *t)
{
	struct script *s = CONTAINER_OF(t, struct script, timer);

	s->sink->on_output(s->owner, s->ticket, "{\"results\":[]}");
}

static int tool_start(struct tool *t, struct tool_job **out, const struct tool_request *r, struct loop *loop,
		      const struct tool_sink *sink, void *owner, uint64_t ticket)
{
	struct script *s = (void *)t;

	if (s->refuses)
		return -1;
	s->n_started++;
	s->loop = loop;
	s->sink = sink;
	s->owner = owner;
	s->ticket = ticket;
	s->timer.on_due = on_due;
	snprintf(s->arguments, sizeof(s->arguments), "%s", r->arguments);
	snprintf(s->groups, sizeof(s->groups), "%s", r->groups ? r->groups : "all");
	*out = (void *)s;
	return timer_set(loop, &s->timer, s->hangs ? UINT64_MAX : loop_now_us(loop));
}

static void tool_cancel(struct tool_job *j)
{
	struct script *s = (void *)j;

	s->n_cancelled++;
	timer_stop(s->loop, &s->timer);
}

static const struct tool_ops tool_ops = { .start = tool_start, .cancel = tool_cancel };

struct rig {
	struct loop *loop;
	struct fake *fake;
	struct engines e;
	struct script script;
	struct tool_def tools[2];
	struct completion *run;
	int n_ended, n_sources;
	char text[256], error[64], call[64];
	enum llm_finish finish;
	struct llm_usage usage;
};

static void on_text(void *owner, const char *text)
{
	struct rig *r = owner;
	size_t n = strlen(r->text);

	snprintf(r->text + n, sizeof(r->text) - n, "%s", text);
}

static void on_source(void *owner, json_t *source)
{
	(void)source;
	((struct rig *)owner)->n_sources++;
}

static void on_end(void *owner, const struct completion_end *e)
{
	struct rig *r = owner;

	r->run = NULL;
	r->n_ended++;
	r->finish = e->finish;
	r->usage = e->usage;
	snprintf(r->error, sizeof(r->error), "%s", e->error ? e->error->code : "");
	snprintf(r->call, sizeof(r->call), "%s", json_str(json_array_get(e->calls, 0), "name", ""));
}

static const struct completion_sink sink = { on_text, on_source, on_end };

static void rig_auto_(struct rig *r)
{
	completion_cancel(r->run);
	fake_free(r->fake);
	loop_free(r->loop);
}

static bool rig_open(struct rig *r)
{
	json_init();
	if (loop_new(&r->loop, 0) != 0 || fake_new(&r->fake) != 0)
		return false;
	fake_engines(r->fake, &r->e);
	r->tools[0] = (struct tool_def){ .name = "search", .description = "Finds.", .parameters = "{}", .time_ms = 2,
					 .ops = &tool_ops, .tool = (void *)&r->script };
	r->tools[1] = (struct tool_def){ .name = "open_door", .description = "Acts.", .parameters = "{}",
					 .effect = TOOL_ACTS, .ops = &tool_ops, .tool = (void *)&r->script };
	r->e.tools = r->tools;
	r->e.n_tools = 2;
	return true;
}

static bool run(struct rig *r, const char *tools)
{
	char why[160];
	AUTO(json) json_t *items = json_pack("[{s:s,s:s,s:[{s:s,s:s}]}]", "type", "message", "role", "user", "content",
					     "type", "input_text", "text", "Hello?");
	AUTO(json) json_t *list = tools ? json_parse(bytes_str(tools), why) : NULL;
	const struct completion_params p = { .engines = &r->e, .loop = r->loop, .groups = "crew", .sink = &sink, .owner = r,
					     .request = { .items = items, .tools = list, .instructions = "Be brief." } };

	if (!items || (tools && !list) || completion_run(&r->run, &p) != 0 || r->text[0])
		return false;
	for (int i = 0; i < 500 && !r->n_ended; i++)
		loop_once(r->loop, 1);
	return r->n_ended == 1;
}

static int say(struct rig *r, enum fake_say what, const char *text, const char *more)
{
	return fake_answer(r->fake, &(struct fake_step){ what, text, more }, 1);
}

static void searches_then_answers(void)
{
	AUTO(rig) struct rig r = { 0 };
	const struct fake_step answer[] = { { FAKE_TEXT, "It is red.", NULL }, { FAKE_CITE, "{\"document\":1}", NULL } };

	GIVEN(rig_open(&r));
	CHECK_EQ(say(&r, FAKE_CALL, "search", "{\"query\":\"colour\"}"), 0);
	CHECK_EQ(fake_answer(r.fake, answer, 2), 0);
	CHECK(run(&r, NULL));
	CHECK_STR(r.error, "");
	CHECK_STR(r.text, "It is red.");
	CHECK_STR(r.script.arguments, "{\"query\":\"colour\"}");
	CHECK_STR(r.script.groups, "crew");
	CHECK_EQ(r.n_sources, 1);
	CHECK_EQ(r.finish, LLM_STOP);
	/* The tool that acts is not offered. */
	const json_t *tools = json_object_get(fake_last_request(r.fake), "tools");
	CHECK_EQ(json_array_size(tools), 1);
	CHECK_EQ(json_array_size(json_object_get(fake_last_request(r.fake), "items")), 3);
}

static void the_clients_functions_are_the_clients(void)
{
	AUTO(rig) struct rig r = { 0 }, own = { 0 };
	const struct fake_step both[] = { { FAKE_CALL, "search", "{}" }, { FAKE_CALL, "weather", "{}" } };

	GIVEN(rig_open(&r) && rig_open(&own));
	CHECK_EQ(fake_answer(r.fake, both, 2), 0);
	CHECK(run(&r, "[{\"type\":\"function\",\"name\":\"weather\"}]"));
	CHECK_EQ(r.finish, LLM_TOOL_CALLS);
	CHECK_STR(r.call, "weather");
	CHECK_EQ(r.script.n_started, 0);
	/* Also one that has taken the name of ours. */
	CHECK_EQ(say(&own, FAKE_CALL, "search", "{}"), 0);
	CHECK(run(&own, "[{\"type\":\"function\",\"name\":\"search\"}]"));
	CHECK_STR(own.call, "search");
	CHECK_EQ(own.script.n_started, 0);
}

static void tools_that_fail_are_told_of(void)
{
	AUTO(rig) struct rig slow = { .script.hangs = true }, none = { .script.refuses = true };

	GIVEN(rig_open(&slow) && rig_open(&none));
	CHECK_EQ(say(&slow, FAKE_CALL, "search", "{}"), 0);
	CHECK_EQ(say(&slow, FAKE_TEXT, "Never mind.", NULL), 0);
	CHECK(run(&slow, NULL));
	CHECK_STR(slow.text, "Never mind.");
	CHECK_EQ(slow.script.n_cancelled, 1);
	CHECK_EQ(say(&none, FAKE_CALL, "search", "{}"), 0);
	CHECK_EQ(say(&none, FAKE_TEXT, "Never mind.", NULL), 0);
	CHECK(run(&none, NULL));
	CHECK_STR(none.text, "Never mind.");
}

static void it_does_not_go_on_for_ever(void)
{
	AUTO(rig) struct rig r = { 0 }, bad = { 0 }, cut = { 0 };

	GIVEN(rig_open(&r) && rig_open(&bad) && rig_open(&cut));
	for (int i = 0; i < 5; i++)
		CHECK_EQ(say(&r, FAKE_CALL, "search", "{}"), 0);
	CHECK(run(&r, NULL));
	CHECK_STR(r.error, "too_many_tool_calls");
	CHECK_EQ(r.script.n_started, 4);
	CHECK_EQ(say(&bad, FAKE_ERROR, "engine_busy", NULL), 0);
	CHECK(run(&bad, NULL));
	CHECK_STR(bad.error, "engine_busy");
	CHECK_EQ(say(&cut, FAKE_MAX_TOKENS, NULL, NULL), 0);
	CHECK(run(&cut, NULL));
	CHECK_EQ(cut.finish, LLM_MAX_TOKENS);
}

TESTS({ "searches_then_answers", searches_then_answers },
      { "the_clients_functions_are_the_clients", the_clients_functions_are_the_clients },
      { "tools_that_fail_are_told_of", tools_that_fail_are_told_of },
      { "it_does_not_go_on_for_ever", it_does_not_go_on_for_ever })
