#include "api/completion_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/loop.h"
#include "knowledge/labels.h"
#include "session/session.h"

enum { RUNS_MAX = 8, TIME_MS = 30000 /* where a tool says nothing */ };

/* One call of a tool of ours. */
struct run {
	const struct tool_def *def;
	struct tool_job *job;
	uint64_t ticket; /* 0: it has answered */
	char call_id[16];
};

struct completion {
	struct completion_params p;
	char groups[LABELS_SIZE];
	struct llm_job *llm;
	uint64_t ticket, tickets; /* of the model's job; the last one given */
	json_t *items, *tools, *choice;
	char *instructions;
	json_t *calls; /* of this round: [{name, arguments}] */
	struct llm_usage usage;
	unsigned rounds, n_calls;
	struct run runs[RUNS_MAX];
	size_t n_running;
	struct timer patience; /* of the tools of this round */
};

static const struct engine_error no_memory = { "server_error", "The server is out of memory." };

static void stop(struct completion *c)
{
	timer_stop(c->p.loop, &c->patience);
	if (c->llm)
		c->p.engines->llm_ops->cancel(c->llm);
	c->llm = NULL;
	for (size_t i = 0; i < RUNS_MAX; i++) {
		if (c->runs[i].ticket)
			c->runs[i].def->ops->cancel(c->runs[i].job);
		c->runs[i].ticket = 0;
	}
	c->n_running = 0;
}

void completion_cancel(struct completion *c)
{
	if (!c)
		return;
	stop(c);
	json_decref(c->items);
	json_decref(c->tools);
	json_decref(c->choice);
	json_decref(c->calls);
	mem_free(c->instructions);
	mem_free(c);
}

static void end(struct completion *c, const struct completion_end *e)
{
	struct completion_end copy = *e;

	stop(c);
	copy.usage = c->usage;
	c->p.sink->on_end(c->p.owner, &copy);
	completion_cancel(c);
}

static void fail(struct completion *c, const struct engine_error *e)
{
	end(c, &(struct completion_end){ .error = e });
}

/* --- tools ----------------------------------------------------------------------------------- */

static bool is_clients(const struct completion *c, const char *name)
{
	const json_t *t;
	size_t i;

	json_array_foreach(c->p.request.tools, i, t)
		if (strcmp(json_str(t, "name", ""), name) == 0)
			return true;
	return false;
}

static bool is_offered(const struct tool_def *t)
{
	return t->effect == TOOL_READS && t->when == TOOL_NOW;
}

/* Ours, where no function of the client has taken the name. */
static const struct tool_def *our_tool(const struct completion *c, const char *name)
{
	for (size_t i = 0; i < c->p.engines->n_tools; i++) {
		const struct tool_def *t = &c->p.engines->tools[i];

		if (is_offered(t) && strcmp(t->name, name) == 0)
			return is_clients(c, name) ? NULL : t;
	}
	return NULL;
}

static json_t *tools_json(const struct completion *c)
{
	json_t *list = json_deep_copy(c->p.request.tools);
	char why[160];

	for (size_t i = 0; list && i < c->p.engines->n_tools; i++) {
		const struct tool_def *t = &c->p.engines->tools[i];

		if (!our_tool(c, t->name))
			continue;
		if (json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:o}", "type", "function", "name",
							  t->name, "description", t->description,
							  "parameters",
							  json_parse(bytes_str(t->parameters), why))) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static void think(struct completion *c);

static bool remember(struct completion *c, json_t *item)
{
	return json_array_append_new(c->items, item) == 0;
}

static bool remember_output(struct completion *c, const struct run *r, const char *output)
{
	return remember(c, json_pack("{s:s,s:s,s:s,s:s}", "type", "function_call_output", "status",
				     "completed", "call_id", r->call_id, "output", output));
}

static void tool_output(void *owner, uint64_t ticket, const char *output)
{
	struct completion *c = owner;

	for (size_t i = 0; i < RUNS_MAX; i++) {
		struct run *r = &c->runs[i];

		if (!ticket || r->ticket != ticket)
			continue;
		r->ticket = 0;
		c->n_running--;
		if (!remember_output(c, r, output))
			fail(c, &no_memory);
		else if (!c->n_running)
			think(c);
		return;
	}
}

static const struct tool_sink tool_sink = { tool_output };

/* false: out of memory. */
static bool start_run(struct completion *c, struct run *r, const json_t *call)
{
	const struct tool_request q = { json_str(call, "arguments", "{}"), c->p.groups };

	r->def = our_tool(c, json_str(call, "name", ""));
	snprintf(r->call_id, sizeof(r->call_id), "call_%u", ++c->n_calls);
	if (!remember(c, json_pack("{s:s,s:s,s:s,s:O,s:O}", "type", "function_call", "status", "completed",
				   "call_id", r->call_id, "name", json_object_get(call, "name"),
				   "arguments", json_object_get(call, "arguments"))))
		return false;
	uint64_t ticket = ++c->tickets;
	if (r->def->ops->start(r->def->tool, &r->job, &q, c->p.loop, &tool_sink, c, ticket) != 0)
		return remember_output(c, r, "{\"error\":\"the tool could not be started\"}");
	r->ticket = ticket;
	c->n_running++;
	return true;
}

/* The model hears of what takes too long, and goes on with the rest. */
static void on_impatient(struct timer *t)
{
	struct completion *c = CONTAINER_OF(t, struct completion, patience);
	bool ok = true;

	for (size_t i = 0; i < RUNS_MAX; i++) {
		struct run *r = &c->runs[i];

		if (!r->ticket)
			continue;
		r->def->ops->cancel(r->job);
		r->ticket = 0;
		ok &= remember_output(c, r, "{\"error\":\"the tool took too long\"}");
	}
	c->n_running = 0;
	if (ok)
		think(c);
	else
		fail(c, &no_memory);
}

static void run_tools(struct completion *c)
{
	AUTO(json) json_t *calls = c->calls;
	size_t n = MIN(json_array_size(calls), (size_t)RUNS_MAX);
	unsigned ms = 0;
	bool ok = true;

	c->calls = NULL;
	c->rounds++;
	for (size_t i = 0; i < n && ok; i++) {
		ok = start_run(c, &c->runs[i], json_array_get(calls, i));
		ms = MAX(ms, c->runs[i].def->time_ms ? c->runs[i].def->time_ms : (unsigned)TIME_MS);
	}
	c->patience.on_due = on_impatient;
	ok = ok && timer_set(c->p.loop, &c->patience, loop_now_us(c->p.loop) + ms * (uint64_t)US_PER_MS) == 0;
	if (!ok)
		fail(c, &no_memory);
	else if (!c->n_running)
		think(c);
}

/* --- the model --------------------------------------------------------------------------------- */

static struct completion *thinker(void *owner, uint64_t ticket)
{
	struct completion *c = owner;

	return c->llm && c->ticket == ticket ? c : NULL;
}

static void on_text(void *owner, uint64_t ticket, const char *text)
{
	struct completion *c = thinker(owner, ticket);

	if (c && text[0])
		c->p.sink->on_text(c->p.owner, text);
}

static void on_cite(void *owner, uint64_t ticket, json_t *source)
{
	struct completion *c = thinker(owner, ticket);

	if (c && json_is_object(source))
		c->p.sink->on_source(c->p.owner, source);
}

static void on_call(void *owner, uint64_t ticket, const char *name, const char *arguments)
{
	struct completion *c = thinker(owner, ticket);

	if (!c)
		return;
	if (!c->calls)
		c->calls = json_array();
	if (json_array_append_new(c->calls, json_pack("{s:s,s:s}", "name", name, "arguments", arguments)) < 0)
		fail(c, &no_memory);
}

/* What is not ours is the client's, whether it has declared it or not. */
static json_t *clients_calls(const struct completion *c)
{
	json_t *list = json_array(), *call;
	size_t i;

	json_array_foreach(c->calls, i, call) {
		if (our_tool(c, json_str(call, "name", "")) || json_array_append(list, call) == 0)
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

static void on_done(void *owner, uint64_t ticket, enum llm_finish f, const struct llm_usage *u)
{
	struct completion *c = thinker(owner, ticket);

	if (!c)
		return;
	c->llm = NULL;
	c->usage.input_tokens += MAX(u->input_tokens, 0);
	c->usage.output_tokens += MAX(u->output_tokens, 0);
	c->usage.cached_tokens += MAX(u->cached_tokens, 0);
	c->usage.price = u->price;
	c->usage.meter = u->meter;
	AUTO(json) json_t *theirs = clients_calls(c);
	if (!theirs)
		fail(c, &no_memory);
	else if (f == LLM_MAX_TOKENS)
		end(c, &(struct completion_end){ .finish = f });
	else if (json_array_size(theirs))
		end(c, &(struct completion_end){ .finish = LLM_TOOL_CALLS, .calls = theirs });
	else if (!json_array_size(c->calls))
		end(c, &(struct completion_end){ .finish = LLM_STOP });
	else if (c->rounds >= SESSION_TOOL_ROUNDS)
		fail(c, &(struct engine_error){ "too_many_tool_calls",
						"The model did not stop asking tools." });
	else
		run_tools(c);
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	struct completion *c = thinker(owner, ticket);

	if (!c)
		return;
	c->llm = NULL;
	fail(c, e);
}

static const struct llm_sink llm_sink = { on_text, on_cite, on_call, on_done, on_error, NULL };

static int start_llm(struct completion *c)
{
	struct llm_request q = c->p.request;
	/* Once its tools have answered, a forced choice would ask for ever. */
	AUTO(json)
	json_t *choice = c->rounds >= SESSION_TOOL_ROUNDS ? json_string("none")
			 : c->rounds                      ? json_string("auto")
							  : json_incref(c->choice);
	AUTO(json) json_t *tools = tools_json(c), *items = json_deep_copy(c->items);

	if (!choice || !tools || !items)
		return -ENOMEM;
	q.instructions = c->instructions;
	q.items = items;
	q.tools = tools;
	q.tool_choice = choice;
	c->ticket = ++c->tickets;
	return c->p.engines->llm_ops->start(c->p.engines->llm, &c->llm, &q, c->p.loop, &llm_sink, c,
					    c->ticket);
}

static void think(struct completion *c)
{
	timer_stop(c->p.loop, &c->patience);
	if (start_llm(c) != 0) {
		c->llm = NULL;
		fail(c, &(struct engine_error){ "engine_unavailable",
						"The language model could not be started." });
	}
}

int completion_run(struct completion **out, const struct completion_params *p)
{
	struct completion *c = mem_zalloc(sizeof(*c));
	int r = -ENOMEM;

	if (!c)
		return r;
	c->p = *p;
	c->p.request.tools = c->tools = p->request.tools ? json_deep_copy(p->request.tools) : json_array();
	c->items = json_deep_copy(p->request.items);
	c->choice = p->request.tool_choice ? json_deep_copy(p->request.tool_choice) : json_string("auto");
	if (p->groups) {
		snprintf(c->groups, sizeof(c->groups), "%s", p->groups);
		c->p.groups = c->groups;
	}
	c->instructions = p->request.instructions ? mem_strdup(p->request.instructions) : NULL;
	if (c->tools && c->items && c->choice && (c->instructions || !p->request.instructions))
		r = start_llm(c);
	if (r != 0) {
		c->llm = NULL;
		completion_cancel(c);
		return r;
	}
	*out = c;
	return 0;
}
