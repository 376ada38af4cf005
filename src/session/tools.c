#include "session/tools.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/meter.h"
#include "engine/quoted.h"
#include "session/state.h"

static const char under_way[] =
	"{\"status\":\"in_progress\",\"message\":\"It is under way. The result comes later by itself: "
	"go on without it, and do not call it again.\"}";

static struct tool_call *of(struct node *n)
{
	return CONTAINER_OF(n, struct tool_call, node);
}

/* --- which tools there are --------------------------------------------------------------- */

void tools_add(struct session *s, struct tool_entry *e)
{
	list_push(&s->more_tools, &e->node);
	upstream_update(s);
}

const struct tool_def *tools_find(const struct session *s, const char *name, struct tool_entry **e)
{
	*e = NULL;
	for (size_t i = 0; i < s->engines.n_tools; i++)
		if (strcmp(s->engines.tools[i].name, name) == 0)
			return &s->engines.tools[i];
	for (struct node *n = s->more_tools.head.next; n != &s->more_tools.head; n = n->next) {
		struct tool_entry *more = CONTAINER_OF(n, struct tool_entry, node);

		if (strcmp(more->def.name, name) == 0) {
			*e = more;
			return &more->def;
		}
	}
	return NULL;
}

static bool list_tool(json_t *list, const struct tool_def *t)
{
	char why[160];

	return json_array_append_new(
		       list, json_pack("{s:s,s:s,s:s,s:o}", "type", "function", "name", t->name,
				       "description", t->description, "parameters",
				       json_parse(bytes_str(t->parameters), why))) == 0;
}

json_t *tools_list(const struct session *s, bool (*hidden)(const void *ctx, const char *name),
		   const void *ctx)
{
	AUTO(json) json_t *list = json_array();
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < s->engines.n_tools; i++)
		if (!hidden(ctx, s->engines.tools[i].name))
			ok = list_tool(list, &s->engines.tools[i]);
	for (struct node *n = s->more_tools.head.next; ok && n != &s->more_tools.head; n = n->next) {
		const struct tool_def *t = &CONTAINER_OF(n, struct tool_entry, node)->def;
		struct tool_entry *e;

		if (!hidden(ctx, t->name) && tools_find(s, t->name, &e) == t)
			ok = list_tool(list, t);
	}
	return ok ? json_incref(list) : NULL;
}

bool tools_harmless(const struct session *s, const char *name)
{
	struct tool_entry *e;
	const struct tool_def *t = tools_find(s, name, &e);

	return !t || (t->effect == TOOL_READS && t->when == TOOL_NOW && !(e && e->hooks));
}

/* --- the end of a call ------------------------------------------------------------------- */

static void call_free(struct tool_call *c)
{
	if (c->ticket)
		c->def->ops->cancel(c->job);
	node_unlink(&c->node);
	mem_free(c->call_id);
	mem_free(c->arguments);
	mem_free(c->output);
	mem_free(c);
}

static void tell_ended(const struct tool_call *c, const char *output)
{
	if (c->entry && c->entry->hooks && c->entry->hooks->on_ended)
		c->entry->hooks->on_ended(c->entry, c, output);
}

/* The documents' own, not one of that name from elsewhere. */
static bool is_search(const struct tool_call *c)
{
	return !c->entry && strcmp(c->def->name, "search") == 0;
}

static void give(struct response *r, const struct tools_sink *to, const char *call_id,
		 const char *output)
{
	if (r->s->broken)
		return;
	to->on_output(r, call_id, output);
	r->n_calls--;
}

/* A call has ended: what the tool gave, and that as a model is shown it. */
static void conclude_with(struct tool_call *c, const char *given, const char *output)
{
	struct session *s = c->s;
	struct response *r = c->r;
	const struct tools_sink *to = c->to;

	c->ticket = 0;
	meter_add(meter_of("tool", c->def->name), METER_BUSY_US, s->now_us - c->begun_us);
	tell_ended(c, given);
	if (r) {
		r->read = true;
		if (is_search(c)) {
			response_mark(r, MARK_SEARCH);
			r->search_us = s->now_us - c->begun_us;
			cite_results(r, given);
		}
		give(r, to, c->call_id, output);
		call_free(c);
		if (!r->n_calls && !r->begins_calls && !s->broken)
			to->on_round(r);
		return;
	}
	c->output = mem_strdup(output); /* told by tools_settle() */
	if (!c->output)
		session_oom(s);
}

/* In an error of ours. */
static void conclude(struct tool_call *c, const char *error)
{
	meter_add(meter_of("tool", c->def->name), METER_ERRORS, 1);
	conclude_with(c, error, error);
}

/* In what the tool has given, which is a stranger's. */
static void take_output(struct tool_call *c, const char *output)
{
	c->ticket = 0;
	c->rides = false;
	if (strlen(output) > TOOL_OUTPUT_MAX) {
		conclude(c, "{\"error\":\"too_long\",\"message\":\"The tool's output is too long to be read.\"}");
		return;
	}
	AUTO(mem) char *marked = quoted_mark(output);
	if (marked)
		conclude_with(c, output, marked);
	else
		session_oom(c->s);
}

static void on_output(void *owner, uint64_t ticket, const char *output)
{
	struct session *s = owner;

	session_enter_sink(s);
	session_record_sink(s, REC_TOOL, 0, ticket, bytes_str(output), (struct bytes){ 0 });
	bool ours = ahead_on_output(s, ticket, output);
	LIST_FOR (&s->calls, n)
		if (!ours && ticket && of(n)->ticket == ticket) {
			take_output(of(n), output);
			break;
		}
	session_leave(s);
}

void tools_on_ahead(struct session *s, const char *output)
{
	bool found = true;

	/* From the beginning each time: the list may be another one after each. */
	while (found && !s->broken) {
		found = false;
		LIST_FOR (&s->calls, n)
			if (of(n)->rides) {
				take_output(of(n), output);
				found = true;
				break;
			}
	}
}

const struct tool_sink tools_tool_sink = { on_output };

/* --- a round ----------------------------------------------------------------------------- */

static bool is_object(const char *arguments)
{
	char why[160];
	AUTO(json) json_t *v = json_parse(bytes_str(arguments), why);

	return json_is_object(v);
}

static struct tool_call *call_new(struct response *r, const struct tool_def *def,
				  struct tool_entry *e, const struct tool_ask *a,
				  const char *arguments)
{
	struct session *s = r->s;
	struct tool_call *c = mem_zalloc(sizeof(*c));

	if (!c)
		return NULL;
	c->s = s;
	c->r = r;
	c->def = def;
	c->entry = e;
	snprintf(c->asker, sizeof(c->asker), "%s", r->id);
	c->begun_us = s->now_us;
	c->due_us = s->now_us + (uint64_t)(def->time_ms ? def->time_ms : TOOL_TIME_MS) * US_PER_MS;
	list_push(&s->calls, &c->node);
	if ((c->call_id = mem_strdup(a->call_id)) && (c->arguments = mem_strdup(arguments)))
		return c;
	call_free(c);
	return NULL;
}

static bool start(struct tool_call *c)
{
	struct session *s = c->s;
	uint64_t ticket = session_ticket(s);
	const struct tool_request q = { c->arguments, s->groups };
	int err = c->def->ops->start(c->def->tool, &c->job, &q, s->loop, &tools_tool_sink, s, ticket);

	if (session_answer(s, REC_START, err != 0) != 0)
		return false;
	c->ticket = ticket;
	meter_add(meter_of("tool", c->def->name), METER_REQUESTS, 1);
	return true;
}

static bool goes_on_behind(const struct response *r, const struct tool_def *def)
{
	return def->when != TOOL_NOW && !r->oob && !r->input;
}

/* Has the user agreed? If not, the model is to ask. */
static bool may_act(struct response *r, const struct tool_def *def, const struct tool_ask *a)
{
	return !consent_needed(r, def) || consent_take(r, a) || (consent_wait(r->s, a), false);
}

static const char *why_not(const struct session *s, const struct tool_def *def,
			   const char *arguments)
{
	size_t n = 0;

	for (const struct node *c = s->calls.head.next; c != &s->calls.head; c = c->next)
		n++;
	if (!def)
		return "{\"error\":\"unknown_tool\",\"message\":\"There is no tool of this name.\"}";
	if (!is_object(arguments))
		return "{\"error\":\"invalid_arguments\",\"message\":\"The arguments are not a JSON object.\"}";
	return n >= TOOL_CALLS_MAX ? "{\"error\":\"busy\",\"message\":\"Too many tools are at work.\"}"
				   : NULL;
}

/* Is the search done, or under way? Then nothing is to be started. */
static bool was_ahead(struct tool_call *c)
{
	const char *output;
	enum ahead_hit hit = ahead_look(c->r, c->arguments, &output);
	struct meter *m = meter_of("tool", "search");

	if (c->r->looked == LOOKED_NOT)
		c->r->looked = hit == AHEAD_NOT ? LOOKED_IN_VAIN : LOOKED_AHEAD;
	meter_add(m, hit == AHEAD_NOT ? METER_MISSES : METER_HITS, 1);
	c->rides = hit == AHEAD_SOON;
	if (hit == AHEAD_NOW)
		take_output(c, output);
	return hit != AHEAD_NOT;
}

static void run_one(struct response *r, const struct tool_ask *a, const struct tools_sink *to)
{
	struct tool_entry *e;
	const struct tool_def *def = tools_find(r->s, a->name, &e);
	const char *arguments = a->arguments[strspn(a->arguments, " \t\r\n")] ? a->arguments : "{}",
		   *why = why_not(r->s, def, arguments);

	if (why) {
		give(r, to, a->call_id, why);
		return;
	}
	if (!to->asks && !may_act(r, def, a)) {
		give(r, to, a->call_id,
		     "{\"error\":\"consent_required\",\"message\":\"It was not called. Tell the user "
		     "what you want to do, and ask whether you may; call it again, in the same way, when "
		     "the user has said yes.\"}");
		return;
	}
	struct tool_call *c = call_new(r, def, e, a, arguments);
	if (!c) {
		session_oom(r->s);
		return;
	}
	c->to = to;
	if (is_search(c) && r->s->engines.search_ahead && was_ahead(c))
		return;
	if (!start(c)) {
		call_free(c);
		give(r, to, a->call_id,
		     "{\"error\":\"not_started\",\"message\":\"The tool could not be started.\"}");
		return;
	}
	if (e && e->hooks && e->hooks->on_begun)
		e->hooks->on_begun(e, c);
	if (goes_on_behind(r, def)) {
		c->r = NULL;
		give(r, to, a->call_id, under_way);
	}
}

void tools_run(struct response *r, const struct tool_ask *asks, size_t n, const struct tools_sink *to)
{
	r->n_calls = (unsigned)n;
	r->begins_calls = true;
	for (size_t i = 0; i < n && !r->s->broken; i++)
		run_one(r, &asks[i], to);
	r->begins_calls = false;
	if (!r->n_calls && !r->s->broken)
		to->on_round(r);
}

bool tools_may_run(struct response *r, const struct tool_ask *asks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct tool_entry *e;

		if (tools_find(r->s, asks[i].name, &e) && e && e->hooks && e->hooks->may_run &&
		    !e->hooks->may_run(e, r, &asks[i]))
			return false;
	}
	return true;
}

void tools_cancel(struct response *r)
{
	LIST_FOR (&r->s->calls, n)
		if (of(n)->r == r) {
			tell_ended(of(n), NULL);
			call_free(of(n));
		}
	r->n_calls = 0;
}

void tools_remove(struct session *s, struct tool_entry *e)
{
	LIST_FOR (&s->calls, n) {
		struct tool_call *c = of(n);

		if (c->entry != e || !c->ticket)
			continue;
		c->def->ops->cancel(c->job);
		conclude(c, "{\"error\":\"gone\",\"message\":\"The tool is not there any more.\"}");
	}
	LIST_FOR (&s->calls, n)
		if (of(n)->entry == e)
			call_free(of(n));
	node_unlink(&e->node);
	upstream_update(s);
}

void tools_free_all(struct session *s)
{
	LIST_FOR (&s->calls, n)
		call_free(of(n));
}

/* --- behind the responses ---------------------------------------------------------------- */

static json_t *call_item(const struct tool_call *c)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s}", "type", "function_call", "status", "completed",
			 "call_id", c->call_id, "name", c->def->name, "arguments", c->arguments);
}

static json_t *output_item(const struct tool_call *c, const char *output)
{
	return json_pack("{s:s,s:s,s:s,s:s}", "type", "function_call_output", "status", "completed",
			 "call_id", c->call_id, "output", output);
}

bool tools_pending(const struct session *s, const struct response *but, json_t *items)
{
	for (struct node *n = s->calls.head.next; n != &s->calls.head; n = n->next) {
		const struct tool_call *c = of(n);

		/* Of its own it has been told. */
		if (c->r || strcmp(c->asker, but->id) == 0)
			continue;
		if (json_array_append_new(items, call_item(c)) < 0 ||
		    json_array_append_new(items, output_item(c, under_way)) < 0)
			return false;
	}
	return true;
}

/* Where the server's settings are enforced its tools are not the client's to see. */
static bool add_item(struct session *s, enum item_type t, json_t *wire)
{
	char id[ID_MAX];

	session_new_id(s, "item_", id);
	AUTO(json) json_t *rest = wire;
	json_t *whole = json_pack("{s:s}", "id", id);
	if (!rest || !whole || json_object_update(whole, rest) < 0) {
		json_decref(whole);
		return false;
	}
	struct item *it = item_make(t, ROLE_NONE, id, whole);
	if (!it)
		return false;
	it->hidden = s->enforced;
	conv_make_room(s);
	conv_insert(&s->conv, it, conv_last(&s->conv));
	upstream_added(s, it);
	conv_emit(s, EV_ITEM_ADDED, it);
	conv_emit(s, EV_ITEM_DONE, it);
	item_unref(it);
	return true;
}

static void enter_conversation(struct tool_call *c)
{
	struct session *s = c->s;

	if (!add_item(s, ITEM_CALL, call_item(c)) ||
	    !add_item(s, ITEM_CALL_OUTPUT, output_item(c, c->output)))
		session_oom(s);
	call_free(c);
}

static bool is_quiet(const struct session *s)
{
	const struct turn *t = &s->turn;

	if (t->state != TURN_QUIET || t->talks || t->respond_due || response_audible(s))
		return false;
	for (struct node *n = s->hearings.head.next; n != &s->hearings.head; n = n->next)
		if (CONTAINER_OF(n, struct hear, node)->respond)
			return false; /* an answer is coming */
	return s->n_responses == 0;
}

void tools_settle(struct session *s)
{
	bool told = false;

	if (list_empty(&s->calls))
		return;
	bool quiet = is_quiet(s);
	LIST_FOR (&s->calls, n) {
		struct tool_call *c = of(n);
		bool silent = c->def->when == TOOL_SILENT;

		if (!c->output || (!silent && !quiet))
			continue;
		told |= !silent;
		enter_conversation(c);
	}
	if (!told || s->broken)
		return;
	turn_respond(s);
	response_pump_all(s);
}

void tools_on_time(struct session *s)
{
	LIST_FOR (&s->calls, n) {
		struct tool_call *c = of(n);

		if ((!c->ticket && !c->rides) || s->now_us < c->due_us)
			continue;
		if (c->ticket)
			c->def->ops->cancel(c->job);
		c->rides = false;
		meter_add(meter_of("tool", c->def->name), METER_TIMEOUTS, 1);
		conclude(c, "{\"error\":\"timeout\",\"message\":\"The tool did not answer in time.\"}");
		break; /* the list may be another one now; session_next_us() says when the next is due */
	}
}

uint64_t tools_next_us(const struct session *s)
{
	uint64_t next = UINT64_MAX;

	for (struct node *n = s->calls.head.next; n != &s->calls.head; n = n->next) {
		if (of(n)->ticket || of(n)->rides)
			next = MIN(next, of(n)->due_us);
		else if (of(n)->output && s->now_us < s->turn.idle_from_us)
			next = MIN(next, s->turn.idle_from_us); /* until the client has played all */
	}
	return next;
}
