/* Calls of MCP servers' tools: their items and events, approvals, and what a model sees of them. */
#include <stdio.h>

#include "base/alloc.h"
#include "engine/quoted.h"
#include "session/errors.h"
#include "session/mcp.h"
#include "session/state.h"

/* A call under way. */
struct mcp_run {
	struct node node;
	const struct tool_call *call;
	struct response *r;
	char item_id[ID_MAX];
	unsigned output_index;
	struct item *item;
};

static struct mcp_tool *tool_of(struct tool_entry *e)
{
	return CONTAINER_OF(e, struct mcp_tool, entry);
}

/* --- events ------------------------------------------------------------------------------------- */

static void emit_output(struct session *s, enum event e, const char *response_id, unsigned index,
			const struct item *it)
{
	emit(s, e, json_pack("{s:s,s:i,s:O}", "response_id", response_id, "output_index", (int)index, "item",
			     it->wire));
}

/* A new item of an answer: in its output and, where it is one of it, in the conversation. */
static struct item *add_item(struct response *r, const char *id, json_t *wire)
{
	struct session *s = r->s;
	struct item *it;

	if (r->oob) {
		it = item_make(ITEM_MCP, ROLE_NONE, id, wire);
	} else {
		it = mcp_item(s, id, wire);
		if (it)
			item_ref(it);
	}
	if (it && json_array_append(r->output, it->wire) == 0) {
		emit_output(s, EV_OUTPUT_ITEM_ADDED, r->id, (unsigned)json_array_size(r->output) - 1, it);
		if (!r->oob)
			conv_emit(s, EV_ITEM_ADDED, it);
		return it;
	}
	item_unref(it);
	session_oom(s);
	return NULL;
}

static void end_item(struct session *s, const char *response_id, unsigned index, const struct item *it)
{
	if (node_linked(&it->node)) /* in the conversation, and not deleted meanwhile */
		conv_emit(s, EV_ITEM_DONE, it);
	emit_output(s, EV_OUTPUT_ITEM_DONE, response_id, index, it);
}

static void emit_state(const struct mcp_run *run, enum event e)
{
	emit(run->r->s, e,
	     json_pack("{s:s,s:i}", "item_id", run->item_id, "output_index", (int)run->output_index));
}

/* Random letters, so that the size of what is streamed says nothing of it; clients want the member. */
static void emit_arguments(const struct mcp_run *run, const char *arguments)
{
	struct session *s = run->r->s;
	char noise[17];

	env_id(&s->env, "", noise, 16);
	emit(s, EV_MCP_ARGUMENTS_DELTA,
	     json_pack("{s:s,s:s,s:i,s:s,s:s}", "response_id", run->r->id, "item_id", run->item_id,
		       "output_index", (int)run->output_index, "delta", arguments, "obfuscation", noise));
	emit(s, EV_MCP_ARGUMENTS_DONE,
	     json_pack("{s:s,s:s,s:i,s:s}", "response_id", run->r->id, "item_id", run->item_id,
		       "output_index", (int)run->output_index, "arguments", arguments));
}

/* --- a call ---------------------------------------------------------------------------------------- */

/* The approval that this call was made by: its id in a new reference, and it is used up. */
static json_t *take_approval(struct session *s, const char *name, const char *arguments)
{
	json_t *entry;
	size_t i;

	json_array_foreach (s->mcp.approved, i, entry) {
		if (strcmp(json_string_value(json_array_get(entry, 1)), name) != 0 ||
		    strcmp(json_string_value(json_array_get(entry, 2)), arguments) != 0)
			continue;
		json_t *id = json_incref(json_array_get(entry, 0));
		(void)json_array_remove(s->mcp.approved, i);
		return id;
	}
	return NULL;
}

static void on_begun(struct tool_entry *e, const struct tool_call *c)
{
	const struct mcp_tool *t = tool_of(e);
	struct session *s = c->s;
	struct response *r = c->r;
	struct mcp_run *run = r ? mem_zalloc(sizeof(*run)) : NULL;

	if (!run) {
		session_oom(s);
		return;
	}
	AUTO(json) json_t *approval = take_approval(s, t->name, c->arguments);
	run->call = c;
	run->r = r;
	run->output_index = (unsigned)json_array_size(r->output);
	session_new_id(s, "mcp_", run->item_id);
	run->item = add_item(r, run->item_id,
			     json_pack("{s:s,s:s,s:s,s:s,s:s,s:O?,s:n,s:n}", "id", run->item_id, "type", "mcp_call",
				       "server_label", t->use->label, "name", t->plain, "arguments", c->arguments,
				       "approval_request_id", approval, "output", "error"));
	if (!run->item) {
		mem_free(run);
		return;
	}
	list_push(&s->mcp.runs, &run->node);
	emit_arguments(run, c->arguments);
	emit_state(run, EV_MCP_CALL_IN_PROGRESS);
}

/* As ops.h and tools.h say that a call has failed: an object of mcp_call.error, a new reference. */
static json_t *error_of(const json_t *v)
{
	json_t *error = json_object_get(v, "error");
	const char *message = json_str(v, "message", NULL);

	if (json_is_object(error) && json_object_size(v) == 1 && json_str(error, "type", NULL) &&
	    json_str(error, "message", NULL))
		return json_incref(error);
	if (json_is_string(error) && message && json_object_size(v) == 2)
		return json_pack("{s:s,s:s}", "type", "tool_execution_error", "message", message);
	return NULL;
}

/* NULL: it was cancelled. false: no memory. */
static bool set_end(struct item *it, const char *output, bool *failed)
{
	char why[160];
	AUTO(json) json_t *v = output ? json_parse(bytes_str(output), why) : NULL;
	AUTO(json) json_t *error = output ? error_of(v)
					  : json_pack("{s:s,s:s}", "type", "tool_execution_error", "message",
						      "It was cancelled.");

	*failed = error || !output;
	if (*failed)
		return error && item_set(it, "error", json_incref(error));
	return item_set(it, "output", json_is_string(v) ? json_incref(v) : json_string(output));
}

static struct mcp_run *run_of(struct session *s, const struct tool_call *c)
{
	LIST_FOR (&s->mcp.runs, n)
		if (CONTAINER_OF(n, struct mcp_run, node)->call == c)
			return CONTAINER_OF(n, struct mcp_run, node);
	return NULL;
}

static void run_free(struct mcp_run *run)
{
	node_unlink(&run->node);
	item_unref(run->item);
	mem_free(run);
}

static void on_ended(struct tool_entry *e, const struct tool_call *c, const char *output)
{
	struct mcp_run *run = run_of(c->s, c);
	bool failed;

	(void)e;
	if (!run)
		return;
	if (!set_end(run->item, output, &failed)) {
		session_oom(c->s);
	} else {
		emit_state(run, failed ? EV_MCP_CALL_FAILED : EV_MCP_CALL_COMPLETED);
		end_item(c->s, run->r->id, run->output_index, run->item);
	}
	run_free(run);
}

void mcp_run_free_all(struct session *s)
{
	LIST_FOR (&s->mcp.runs, n)
		run_free(CONTAINER_OF(n, struct mcp_run, node));
}

/* --- approvals ---------------------------------------------------------------------------------------- */

/* A filter of names: [name], or {tool_names: [name]?, read_only?}. */
static bool selects(const json_t *filter, const struct mcp_tool *t)
{
	const json_t *names = json_is_array(filter) ? filter : json_object_get(filter, "tool_names");

	if (!json_is_array(filter) && !json_object_size(filter))
		return false;
	if (json_is_array(names) && !json_has_word(names, t->plain))
		return false;
	return !json_flag(filter, "read_only", false) || t->reads;
}

/* "always", unless something else is said. */
static bool wants_approval(const struct mcp_tool *t)
{
	const json_t *v = json_object_get(t->use->tool, "require_approval");

	if (json_is_string(v))
		return strcmp(json_string_value(v), "never") != 0;
	return selects(json_object_get(v, "always"), t) || !selects(json_object_get(v, "never"), t);
}

static bool is_approved(const struct session *s, const char *name, const char *arguments)
{
	json_t *entry;
	size_t i;

	json_array_foreach (s->mcp.approved, i, entry)
		if (strcmp(json_string_value(json_array_get(entry, 1)), name) == 0 &&
		    strcmp(json_string_value(json_array_get(entry, 2)), arguments) == 0)
			return true;
	return false;
}

/* The arguments are a JSON object: clients parse them (openai-agents). */
static const char *arguments_of(const struct tool_ask *a)
{
	return a->arguments[strspn(a->arguments, " \t\r\n")] ? a->arguments : "{}";
}

static void ask(struct mcp_tool *t, struct response *r, const char *arguments)
{
	struct session *s = r->s;
	char id[ID_MAX];

	session_new_id(s, "mcpr_", id);
	if (!s->mcp.asked)
		s->mcp.asked = json_object();
	if (json_object_size(s->mcp.asked) >= MCP_APPROVALS_MAX) /* the oldest is not waited for */
		json_object_del(s->mcp.asked, json_object_iter_key(json_object_iter(s->mcp.asked)));
	if (json_object_set_new(s->mcp.asked, id, json_pack("[s,s]", t->name, arguments)) < 0) {
		session_oom(s);
		return;
	}
	struct item *it = add_item(r, id,
				   json_pack("{s:s,s:s,s:s,s:s,s:s}", "id", id, "type", "mcp_approval_request",
					     "server_label", t->use->label, "name", t->plain, "arguments",
					     arguments));
	if (it)
		end_item(s, r->id, (unsigned)json_array_size(r->output) - 1, it);
	item_unref(it);
}

static bool may_run(struct tool_entry *e, struct response *r, const struct tool_ask *a)
{
	struct mcp_tool *t = tool_of(e);
	const char *arguments = arguments_of(a);
	char why[160];

	if (!wants_approval(t) || is_approved(r->s, t->name, arguments))
		return true;
	AUTO(json) json_t *v = json_parse(bytes_str(arguments), why);
	if (!json_is_object(v))
		return true; /* ends with an error, without a call */
	ask(t, r, arguments);
	return false;
}

const struct tool_hooks mcp_hooks = { may_run, on_begun, on_ended };

bool mcp_awaits(const struct session *s, const char *request_id)
{
	return json_object_get(s->mcp.asked, request_id);
}

void mcp_on_approval(struct session *s, const struct item *answer)
{
	const char *id = json_str(answer->wire, "approval_request_id", "");
	AUTO(json) json_t *asked = json_incref(json_object_get(s->mcp.asked, id));

	if (!asked)
		return;
	json_object_del(s->mcp.asked, id);
	s->mcp.respond = true;
	if (!json_flag(answer->wire, "approve", false))
		return;
	if (!s->mcp.approved)
		s->mcp.approved = json_array();
	if (json_array_append_new(s->mcp.approved, json_pack("[s,O,O]", id, json_array_get(asked, 0),
							     json_array_get(asked, 1))) < 0)
		session_oom(s);
}

json_t *mcp_approved_calls(struct response *r)
{
	struct session *s = r->s;
	json_t *entry, *calls;
	size_t i;

	if (r->oob || r->input || r->rounds || !json_array_size(s->mcp.approved))
		return NULL;
	calls = json_array();
	json_array_foreach (s->mcp.approved, i, entry)
		if (json_array_append_new(calls, json_pack("{s:O,s:O}", "name", json_array_get(entry, 1), "arguments",
							   json_array_get(entry, 2))) < 0)
			session_oom(s);
	if (!calls)
		session_oom(s);
	return calls;
}

void mcp_settle(struct session *s)
{
	if (!s->mcp.respond || response_active(s))
		return;
	s->mcp.respond = false;
	turn_respond(s);
	response_pump_all(s);
}

/* --- for a model ------------------------------------------------------------------------------------------ */

static bool add_pair(json_t *list, const json_t *call, const char *output)
{
	const char *id = json_str(call, "id", "");
	AUTO(mem) char *marked = quoted_mark(output);
	char name[200];

	snprintf(name, sizeof(name), "%.64s__%.128s", json_str(call, "server_label", ""), json_str(call, "name", ""));
	utf8_mend(name);
	return marked &&
	       json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:s}", "type", "function_call", "status",
						     "completed", "call_id", id, "name", name, "arguments",
						     json_str(call, "arguments", "{}"))) == 0 &&
	       json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s}", "type", "function_call_output", "status",
						     "completed", "call_id", id, "output", marked)) == 0;
}

static bool add_call(json_t *list, const json_t *wire)
{
	const json_t *error = json_object_get(wire, "error");
	const char *output = json_str(wire, "output", NULL);
	AUTO(buf) struct buf text = { 0 };

	if (json_is_object(error)) {
		buf_puts(&text, "{\"error\":");
		json_quote(&text, bytes_str(json_str(error, "type", "")));
		buf_puts(&text, ",\"message\":");
		json_quote(&text, bytes_str(json_str(error, "message", "")));
		buf_puts(&text, "}");
	} else if (output) {
		buf_puts(&text, output);
	} else {
		return true; /* under way: its response knows of it */
	}
	if (!text.n)
		buf_puts(&text, "\"\"");
	return !text.failed && add_pair(list, wire, (const char *)text.p);
}

static bool add_refusal(const struct conversation *c, json_t *list, const json_t *wire)
{
	const struct item *asked = conv_find(c, json_str(wire, "approval_request_id", ""));

	if (!asked || json_flag(wire, "approve", false))
		return true;
	return add_pair(list, asked->wire,
			"{\"error\":\"approval_refused\",\"message\":\"The user refused this call: it was not made.\"}");
}

bool mcp_for_model(const struct conversation *c, const struct item *it, json_t *list)
{
	const char *type = json_str(it->wire, "type", "");

	if (strcmp(type, "mcp_call") == 0)
		return add_call(list, it->wire);
	if (strcmp(type, "mcp_approval_response") == 0)
		return add_refusal(c, list, it->wire);
	return true;
}

json_t *mcp_choice(json_t *choice)
{
	const char *name = json_str(choice, "name", NULL);
	char text[200];

	if (strcmp(json_str(choice, "type", ""), "mcp") != 0)
		return json_incref(choice);
	if (!name)
		return json_string("required");
	snprintf(text, sizeof(text), "%.64s__%.128s", json_str(choice, "server_label", ""), name);
	utf8_mend(text);
	return json_pack("{s:s,s:s}", "type", "function", "name", text);
}
