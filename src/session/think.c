#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/meter.h"
#include "session/compact.h"
#include "engine/quoted.h"
#include "session/response.h"
#include "session/state.h"

static struct response *of(struct node *n)
{
	return CONTAINER_OF(n, struct response, node);
}

static bool declared(const json_t *functions, const char *name)
{
	for (size_t i = 0; i < json_array_size(functions); i++) {
		const json_t *t = json_array_get(functions, i);

		if (strcmp(json_str(t, "type", ""), "function") == 0 &&
		    strcmp(json_str(t, "name", ""), name) == 0)
			return true;
	}
	return false;
}

static bool hidden(const void *ctx, const char *name)
{
	return declared(ctx, name);
}

json_t *think_tools(const struct session *s, const json_t *functions)
{
	AUTO(json) json_t *list = json_array();

	if (!list)
		return NULL;
	for (size_t i = 0; i < json_array_size(functions); i++) {
		const json_t *t = json_array_get(functions, i);

		if (strcmp(json_str(t, "type", ""), "function") == 0 &&
		    json_array_append_new(list, json_deep_copy(t)) < 0)
			return NULL;
	}
	AUTO(json) json_t *ours = tools_list(s, hidden, functions);
	return ours && json_array_extend(list, ours) == 0 ? json_incref(list) : NULL;
}

/* What runs behind earlier answers, in front of what the user said last. */
static bool add_pending(const struct response *r, json_t *items)
{
	AUTO(json) json_t *pairs = json_array();
	size_t at = json_array_size(items);

	if (!pairs || !tools_pending(r->s, r, pairs))
		return false;
	while (!r->heard && at > 0 &&
	       strcmp(json_str(json_array_get(items, at - 1), "role", ""), "user") == 0)
		at--;
	if (r->before && json_array_extend(pairs, r->before) < 0)
		return false;
	for (size_t i = json_array_size(pairs); i-- > 0;)
		if (json_array_insert(items, at, json_array_get(pairs, i)) < 0)
			return false;
	return true;
}

/* *full: truncation is disabled, and not all of it fits beside `taken` tokens. */
json_t *think_items(const struct response *r, size_t taken, bool *full)
{
	*full = !r->input && !compact_conversation(r->s, r->config, r->level, taken);
	AUTO(json)
	json_t *list = r->input ? json_deep_copy(r->input) : conv_items_for(&r->s->conv, r->output, SIZE_MAX);

	if (!list)
		return NULL;
	if (!r->oob && !r->input && !add_pending(r, list))
		return NULL;
	if (r->heard && json_array_append_new(
				list, json_pack("{s:s,s:s,s:s,s:[{s:s,s:s}]}", "type", "message",
						"status", "completed", "role", "user", "content",
						"type", "input_audio", "transcript", r->heard)) < 0)
		return NULL;
	if (r->scratch) {
		AUTO(json) json_t *more = json_deep_copy(r->scratch);
		if (!more || json_array_extend(list, more) < 0)
			return NULL;
	}
	return json_incref(list);
}

static bool awaits_words(const struct session *s)
{
	for (struct node *n = s->conv.items.head.next; n != &s->conv.items.head; n = n->next)
		if (CONTAINER_OF(n, struct item, node)->awaits_words)
			return true;
	return false;
}

static bool remember_call(json_t **list, const char *call_id, const char *name, const char *arguments)
{
	if (!*list)
		*list = json_array();
	return json_array_append_new(*list, json_pack("{s:s,s:s,s:s,s:s,s:s}", "type", "function_call",
						      "status", "completed", "call_id", call_id, "name",
						      name, "arguments", arguments)) == 0;
}

static bool remember_output(json_t *list, const char *call_id, const char *output)
{
	return json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s}", "type", "function_call_output",
						     "status", "completed", "call_id", call_id, "output",
						     output)) == 0;
}

static void run_tools(struct response *r);

/* What the user was asked for is done, or dropped. True: the call is made, and then it is thought. */
static bool agreed(struct response *r)
{
	struct session *s = r->s;
	enum consent_word word = consent_word(r);
	char id[ID_MAX];

	if (word == CONSENT_NONE)
		return false;
	if (word == CONSENT_GIVEN) {
		r->calls = json_pack("[{s:s,s:s}]", "name", s->consent.name, "arguments",
				     s->consent.arguments);
		r->tools_wait = r->state == RESP_HELD;
		if (!r->calls)
			session_oom(s);
		else if (!r->tools_wait)
			run_tools(r);
		return true;
	}
	session_new_id(s, "call_", id);
	if (!remember_call(&r->before, id, s->consent.name, s->consent.arguments) ||
	    !remember_output(r->before, id,
			     "{\"error\":\"consent_refused\",\"message\":\"The user did not agree: "
			     "it was not called.\"}"))
		session_oom(s);
	r->read = true; /* what has asked for it once may do so again */
	r->drops_consent = r->state == RESP_HELD;
	if (!r->drops_consent)
		consent_clear(s);
	return false;
}

/* Calls that the client has approved come before anything else. */
static bool approved(struct response *r)
{
	r->calls = mcp_approved_calls(r);
	if (!r->calls)
		return false;
	r->tools_wait = r->state == RESP_HELD;
	if (!r->tools_wait)
		run_tools(r);
	return true;
}

/* What the model will look for, most likely; or it is given what was found already. */
static void look_ahead(struct response *r)
{
	struct session *s = r->s;
	const struct item *it = conv_last_of_user(&s->conv);
	const char *words = r->heard ? r->heard : it ? item_words(it) : "",
		   *choice = json_string_value(r->set.tool_choice);
	bool may = (choice && strcmp(choice, "none") != 0) ||
		   strcmp(json_str(r->set.tool_choice, "name", ""), "search") == 0;
	char id[ID_MAX];

	/* Not where something else is to be told: what a tool has found late, say. */
	bool asked = r->heard || (it && it == conv_last(&s->conv));
	if (r->input || !asked || !may || !r->engines || declared(r->set.tools, "search"))
		return;
	const char *found = ahead_evidence(r, words);
	if (!found) {
		ahead_words(s, words);
		return;
	}
	session_new_id(s, "call_", id);
	AUTO(json) json_t *query = json_pack("{s:s}", "query", words);
	AUTO(buf) struct buf arguments = { 0 };
	AUTO(mem) char *marked = quoted_mark(found);
	json_write(&arguments, query);
	buf_putc(&arguments, 0);
	if (!query || !marked || arguments.failed ||
	    !remember_call(&r->scratch, id, "search", (const char *)arguments.p) ||
	    !remember_output(r->scratch, id, marked)) {
		session_oom(s);
		return;
	}
	r->read = true;
	r->looked = LOOKED_AHEAD;
	meter_add(meter_of("tool", "search"), METER_HITS, 1);
	response_mark(r, MARK_SEARCH);
	cite_results(r, found);
}

static const struct llm_sink llm_sink;

int think_start(struct response *r, struct llm_job **out, const struct llm_request *q, uint64_t ticket)
{
	struct session *s = r->s;
	int err = r->engines->llm_ops->start(r->engines->llm, out, q, s->loop, &llm_sink, s, ticket);

	session_answer(s, REC_START, err != 0);
	meter_add(r->engines->llm_meter, err ? METER_ERRORS : METER_REQUESTS, 1);
	return err;
}

void think(struct response *r)
{
	struct session *s = r->s;

	if (r->llm || r->thought || r->n_calls || r->tools_wait || r->up.asked)
		return;
	bool relayed = upstream_answers(r);
	r->waits_for_words = !relayed && !r->heard && !r->input && awaits_words(s);
	if (r->waits_for_words)
		return;
	if (!r->engines) {
		response_fail(r, cost_exhausted.code, cost_exhausted.message);
		return;
	}
	if (!r->rounds && !r->before && ((!relayed && agreed(r)) || approved(r)))
		return;
	if (relayed) {
		upstream_ask(r);
		return;
	}
	if (!r->rounds && !r->scratch)
		look_ahead(r);
	if (!r->engines->llm_ops && s->up.state == UP_AWAY) {
		upstream_say_gone(r);
		return;
	}
	if (!r->engines->llm_ops) {
		response_fail(r, "engine_unavailable", "No language model is configured.");
		return;
	}
	bool full = false;
	AUTO(json) json_t *tools = think_tools(s, r->set.tools);
	size_t taken = strlen(r->set.instructions) / 4 + json_tokens(tools);
	AUTO(json) json_t *items = think_items(r, taken, &full);
	/* Once its tools have answered, a forced choice would ask for ever. */
	AUTO(json)
	json_t *choice = r->rounds >= SESSION_TOOL_ROUNDS ? json_string("none")
			 : r->rounds                      ? json_string("auto")
							  : mcp_choice(r->set.tool_choice);
	const struct llm_request q = {
		.instructions = r->set.instructions[0] ? r->set.instructions : NULL,
		.items = items,
		.tools = tools,
		.tool_choice = choice,
		.max_output_tokens = r->set.max_output_tokens,
		.temperature = 0.8,
	};
	r->llm_ticket = session_ticket(s);
	r->cites_itself = false;
	r->round_tokens = taken + json_tokens(items);
	r->round_from = r->text.n;
	if (!items || !tools || !choice)
		session_oom(s);
	else if (full)
		response_fail(r, "context_length_exceeded",
			      "The conversation is longer than the context, and truncation is disabled.");
	else if (think_start(r, &r->llm, &q, r->llm_ticket) != 0)
		response_fail(r, "engine_unavailable", "The language model could not be started.");
	else
		filler_wait(r);
}

/* --- server tools ------------------------------------------------------------------------ */

static void on_tool_output(struct response *r, const char *call_id, const char *output)
{
	if (!remember_output(r->scratch, call_id, output))
		session_oom(r->s);
}

static void on_tool_round(struct response *r)
{
	think(r);
}

/* A service asks the user for consent itself, in its own voice. */
static const struct tools_sink tools_sink = { true, on_tool_output, on_tool_round },
			       relayed_sink = { false, on_tool_output, on_tool_round };

/* The user is to be asked for one of these: it is done, and the response ends with that. */
static bool asks_consent(struct response *r, const struct tool_ask *asks, size_t n)
{
	struct tool_entry *e;

	for (size_t i = 0; i < n; i++) {
		const struct tool_def *def = tools_find(r->s, asks[i].name, &e);

		if (!def || def->effect != TOOL_ACTS || consent_take(r, &asks[i]) ||
		    !consent_needed(r, def))
			continue;
		consent_ask(r, &asks[i]);
		return true;
	}
	return false;
}

/* Of more calls than are run nothing is remembered, as if they had not been made. */
static void run_tools(struct response *r)
{
	AUTO(json) json_t *calls = r->calls;
	size_t n = MIN(json_array_size(calls), (size_t)TOOL_ROUND_MAX);
	struct tool_ask asks[TOOL_ROUND_MAX];
	char ids[TOOL_ROUND_MAX][ID_MAX];

	r->calls = NULL;
	r->tools_wait = false;
	for (size_t i = 0; i < n; i++) {
		const json_t *call = json_array_get(calls, i);
		const char *id = json_str(call, "call_id", NULL); /* a service's call has one already */
		if (id)
			snprintf(ids[i], sizeof(ids[i]), "%s", id);
		else
			session_new_id(r->s, "call_", ids[i]);
		asks[i] = (struct tool_ask){ json_str(call, "name", ""), ids[i],
					     json_str(call, "arguments", "") };
	}
	bool relayed = upstream_answers(r);
	if ((!relayed && asks_consent(r, asks, n)) || !tools_may_run(r, asks, n)) {
		for (size_t i = 0; i < n; i++)
			upstream_unanswered(r->s, asks[i].call_id);
		r->thought = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (!remember_call(&r->scratch, asks[i].call_id, asks[i].name, asks[i].arguments)) {
			session_oom(r->s);
			return;
		}
	r->rounds++;
	filler_new_round(r);
	filler_wait(r);
	tools_run(r, asks, n, relayed ? &relayed_sink : &tools_sink);
}

static bool all_harmless(const struct session *s, const json_t *calls)
{
	for (size_t i = 0; i < json_array_size(calls); i++)
		if (!tools_harmless(s, json_str(json_array_get(calls, i), "name", "")))
			return false;
	return true;
}

void think_announced(struct response *r)
{
	if (r->drops_consent)
		consent_clear(r->s);
	if (r->tools_wait)
		run_tools(r);
}

/* --- what the model says ----------------------------------------------------------------- */

static struct response *thinker(struct session *s, uint64_t ticket)
{
	LIST_FOR (&s->responses, n)
		if (of(n)->llm && of(n)->llm_ticket == ticket)
			return of(n);
	return NULL;
}

static void on_text(void *owner, uint64_t ticket, const char *text)
{
	struct session *s = owner;

	session_enter_sink(s);
	session_record_sink(s, REC_LLM, 0, ticket, bytes_str(text), (struct bytes){ 0 });
	struct response *r = thinker(s, ticket);
	if (!r)
		filler_on_text(s, ticket, text);
	if (r && text[0]) {
		response_mark(r, MARK_FIRST_TEXT);
		speak_text(r, text);
		cite_text(r, CITE_MORE);
	}
	session_leave(s);
}

static void on_cite(void *owner, uint64_t ticket, json_t *source)
{
	struct session *s = owner;
	AUTO(buf) struct buf text = { 0 };

	session_enter_sink(s);
	json_write(&text, source);
	session_record_sink(s, REC_LLM, 1, ticket, buf_bytes(&text), (struct bytes){ 0 });
	struct response *r = thinker(s, ticket);
	if (text.failed)
		session_oom(s);
	else if (r && json_is_object(source))
		cite_source(r, source);
	session_leave(s);
}

static void on_call(void *owner, uint64_t ticket, const char *name, const char *arguments)
{
	struct session *s = owner;

	session_enter_sink(s);
	session_record_sink(s, REC_LLM, 2, ticket, bytes_str(name), bytes_str(arguments));
	struct response *r = thinker(s, ticket);
	if (r) {
		if (!r->calls)
			r->calls = json_array();
		if (json_array_append_new(r->calls, json_pack("{s:s,s:s}", "name", name,
							      "arguments", arguments)) < 0)
			session_oom(s);
	}
	session_leave(s);
}

/* A call of a client's function goes to the client; what else was asked in the same breath is not
 * run: the model asks again with the client's results. */
static bool calls_client(const struct response *r)
{
	for (size_t i = 0; i < json_array_size(r->calls); i++)
		if (declared(r->set.tools, json_str(json_array_get(r->calls, i), "name", "")))
			return true;
	return false;
}

static void queue_calls(struct response *r)
{
	for (size_t i = 0; i < json_array_size(r->calls); i++) {
		const json_t *call = json_array_get(r->calls, i);
		const char *name = json_str(call, "name", ""),
			   *args = json_str(call, "arguments", "");

		if (!declared(r->set.tools, name))
			continue;
		struct piece *p = piece_add(r, PIECE_CALL, args, strlen(args));
		const char *call_id = json_str(call, "call_id", NULL);
		if (!p || !(p->name = mem_strdup(name)) ||
		    (call_id && !(p->call_id = mem_strdup(call_id))))
			session_oom(r->s);
	}
	r->thought = true;
}

void think_finish(struct response *r, enum llm_finish f)
{
	cite_text(r, CITE_END);
	speak_flush(r);
	if (f == LLM_MAX_TOKENS) {
		r->outcome = OUTCOME_INCOMPLETE;
		r->thought = true;
	} else if (!json_array_size(r->calls)) {
		r->thought = true;
	} else if (calls_client(r)) {
		queue_calls(r);
	} else if (r->rounds >= SESSION_TOOL_ROUNDS) {
		response_fail(r, "too_many_tool_calls", "The model did not stop asking tools.");
	} else if (r->state == RESP_HELD && !all_harmless(r->s, r->calls)) {
		r->tools_wait = true;
	} else {
		run_tools(r);
	}
}

static void note_usage(struct response *r, const struct llm_usage *u)
{
	cost_add_usage(&r->usage, u);
	cost_answered(r->s, r->engines, u);
}

/* Stopped before it could say what it has used, which is charged all the same. */
static void guess_usage(struct response *r)
{
	note_usage(r, &(struct llm_usage){
			      .input_tokens = (int)MIN(r->round_tokens, (size_t)COST_TOKENS_MAX),
			      .output_tokens = (int)((r->text.n - r->round_from + 3) / 4) });
}

static void on_done(void *owner, uint64_t ticket, enum llm_finish f, const struct llm_usage *u)
{
	struct session *s = owner;
	uint8_t wire[COST_USAGE_OCTETS];

	session_enter_sink(s);
	put_be32(wire, (uint32_t)f);
	session_record_sink(s, REC_LLM, 3, ticket, bytes_of(wire, 4 + cost_write_usage(u, wire + 4)),
			    (struct bytes){ 0 });
	struct response *r = thinker(s, ticket);
	if (r) {
		r->llm = NULL;
		note_usage(r, u);
		think_finish(r, f);
	} else {
		filler_on_end(s, ticket, u);
	}
	session_leave(s);
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	struct session *s = owner;

	session_enter_sink(s);
	session_record_sink(s, REC_LLM, 4, ticket, bytes_str(e->code), bytes_str(e->message));
	struct response *r = thinker(s, ticket);
	if (r) {
		r->llm = NULL;
		meter_add(r->engines->llm_meter, METER_ERRORS, 1);
		if (r->text.n > r->round_from)
			guess_usage(r);
		response_fail(r, e->code, e->message);
	} else {
		filler_on_end(s, ticket, NULL);
	}
	session_leave(s);
}

static void on_cites(void *owner, uint64_t ticket)
{
	struct session *s = owner;

	session_enter_sink(s);
	session_record_sink(s, REC_LLM, 5, ticket, (struct bytes){ 0 }, (struct bytes){ 0 });
	struct response *r = thinker(s, ticket);
	if (r)
		r->cites_itself = true;
	session_leave(s);
}

static const struct llm_sink llm_sink = { on_text, on_cite, on_call, on_done, on_error, on_cites };

void think_cancel(struct response *r)
{
	if (r->llm) {
		r->engines->llm_ops->cancel(r->llm);
		guess_usage(r);
	}
	r->llm = NULL;
	upstream_cancel(r);
	tools_cancel(r);
	filler_cancel(r);
	r->tools_wait = false;
}
