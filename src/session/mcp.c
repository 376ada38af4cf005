#include "session/mcp.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "session/errors.h"
#include "session/state.h"

enum { MODEL_NAME_MAX = 64 };

/* --- what is shown of a tool ------------------------------------------------------------------- */

json_t *mcp_masked(json_t *tool)
{
	json_t *shown, *headers, *v;
	const char *key;

	if (strcmp(json_str(tool, "type", ""), "mcp") != 0)
		return json_incref(tool);
	shown = json_copy(tool);
	if (!shown)
		return NULL;
	json_object_del(shown, "authorization");
	headers = json_object_get(tool, "headers");
	if (!headers)
		return shown;
	AUTO(json) json_t *hidden = json_object();
	json_object_foreach (headers, key, v)
		if (json_object_set_new(hidden, key, json_string("<redacted>")) < 0) {
			json_decref(shown);
			return NULL;
		}
	if (json_object_set(shown, "headers", hidden) < 0) {
		json_decref(shown);
		return NULL;
	}
	return shown;
}

/* --- items --------------------------------------------------------------------------------------- */

struct item *mcp_item(struct session *s, const char *id, json_t *wire)
{
	struct item *it = item_make(ITEM_MCP, ROLE_NONE, id, wire);

	if (!it)
		return NULL;
	conv_make_room(s);
	conv_insert(&s->conv, it, conv_last(&s->conv));
	item_unref(it); /* the conversation has it */
	return it;
}

static void tell(struct session *s, enum event e, const char *item_id)
{
	emit(s, e, json_pack("{s:s}", "item_id", item_id));
}

/* --- a server's end ------------------------------------------------------------------------------- */

static void drop_tools(struct mcp_use *u)
{
	for (size_t i = 0; i < u->n_tools; i++) {
		struct mcp_tool *t = &u->tools[i];

		if (node_linked(&t->entry.node))
			tools_remove(u->s, &t->entry);
		mem_free(t->name);
		mem_free(t->plain);
		mem_free(t->description);
		mem_free(t->parameters);
	}
	mem_free(u->tools);
	u->tools = NULL;
	u->n_tools = 0;
}

static void use_free(struct mcp_use *u)
{
	drop_tools(u);
	if (u->server)
		u->s->engines.mcp_ops->close(u->server);
	node_unlink(&u->node);
	json_decref(u->tool);
	mem_free(u);
}

/* --- its tools -------------------------------------------------------------------------------------- */

static int call(struct tool *t, struct tool_job **out, const struct tool_request *q, struct loop *loop,
		const struct tool_sink *sink, void *owner, uint64_t ticket)
{
	struct mcp_tool *m = (struct mcp_tool *)(void *)t;

	(void)loop;
	return m->use->s->engines.mcp_ops->call(m->use->server, out, m->plain, q->arguments, sink, owner, ticket);
}

static char *model_name(const char *label, const char *name)
{
	char *s = mem_printf("%s__%s", label, name);

	for (size_t i = 0; s && s[i]; i++) {
		bool fits = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
			    (s[i] >= '0' && s[i] <= '9') || s[i] == '_' || s[i] == '-';
		if (!fits)
			s[i] = '_';
	}
	if (s && strlen(s) > MODEL_NAME_MAX)
		s[MODEL_NAME_MAX] = 0;
	return s;
}

static bool make_tool(struct mcp_use *u, struct mcp_tool *t, const json_t *said)
{
	AUTO(buf) struct buf schema = { 0 };

	json_write(&schema, json_object_get(said, "input_schema"));
	t->use = u;
	t->name = model_name(u->label, json_str(said, "name", ""));
	t->plain = mem_strdup(json_str(said, "name", ""));
	t->description = mem_strdup(json_str(said, "description", ""));
	t->parameters = buf_take(&schema);
	t->reads = json_flag(json_object_get(said, "annotations"), "readOnlyHint", false);
	t->entry.hooks = &mcp_hooks;
	/* Consent is the approval that the client gives, or has given up by "never". */
	t->entry.def = (struct tool_def){
		.name = t->name,
		.description = t->description,
		.parameters = t->parameters,
		.effect = t->reads ? TOOL_READS : TOOL_ACTS,
		.unasked = true,
		.ops = &u->ops,
		.tool = (struct tool *)(void *)t,
	};
	return t->name && t->plain && t->description && t->parameters;
}

static bool make_tools(struct mcp_use *u, const json_t *tools)
{
	size_t n = json_array_size(tools);

	u->tools = mem_calloc(n + 1, sizeof(*u->tools));
	if (!u->tools)
		return false;
	for (; u->n_tools < n; u->n_tools++) {
		struct mcp_tool *t = &u->tools[u->n_tools];

		if (!make_tool(u, t, json_array_get(tools, u->n_tools))) {
			u->n_tools++; /* so that what is there is freed */
			return false;
		}
		tools_add(u->s, &t->entry);
	}
	return true;
}

/* --- listing ------------------------------------------------------------------------------------------ */

/* The item is done, with the tools, or with what went wrong. It may have been deleted. */
static void listed(struct mcp_use *u, json_t *tools, const char *error)
{
	struct session *s = u->s;
	struct item *it = conv_find(&s->conv, u->item_id);
	bool ok = !it || (error ? item_set(it, "error", json_string(error))
				: item_set(it, "tools", json_incref(tools)));

	if (!ok || (tools && !make_tools(u, tools))) {
		session_oom(s);
		return;
	}
	tell(s, error ? EV_MCP_LIST_FAILED : EV_MCP_LIST_COMPLETED, u->item_id);
	if (it)
		conv_emit(s, EV_ITEM_DONE, it);
}

static struct mcp_use *opening(struct session *s, uint64_t ticket)
{
	LIST_FOR (&s->mcp.servers, n) {
		struct mcp_use *u = CONTAINER_OF(n, struct mcp_use, node);

		if (ticket && u->ticket == ticket) {
			u->ticket = 0;
			return u;
		}
	}
	return NULL;
}

static void on_tools(void *owner, uint64_t ticket, json_t *tools)
{
	struct session *s = owner;
	AUTO(buf) struct buf text = { 0 };

	session_enter_sink(s);
	json_write(&text, tools);
	if (text.failed)
		session_oom(s);
	else
		session_record_sink(s, REC_MCP, 0, ticket, buf_bytes(&text), (struct bytes){ 0 });
	struct mcp_use *u = opening(s, ticket);
	if (u && !s->broken)
		listed(u, tools, NULL);
	session_leave(s);
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	struct session *s = owner;

	session_enter_sink(s);
	session_record_sink(s, REC_MCP, 1, ticket, bytes_str(e->code), bytes_str(e->message));
	struct mcp_use *u = opening(s, ticket);
	if (u)
		listed(u, NULL, e->message);
	session_leave(s);
}

static const struct mcp_sink sink = { on_tools, on_error };

/* "": it is on its way; else why not. Recorded: a replay has no servers. */
static const char *open_server(struct mcp_use *u, char why[static 256])
{
	struct session *s = u->s;
	struct engine_error e = { "", "" };
	int err = -ENOSYS;

	u->ticket = session_ticket(s);
	if (s->engines.mcp_ops)
		err = s->engines.mcp_ops->open(s->engines.mcp, &u->server, u->tool, &e, s->loop, &sink, s,
					       u->ticket);
	snprintf(why, 256, "%s",
		 err == 0	? "" :
		 err == -ENOSYS ? "Sessions may not name MCP servers here." :
		 err == -EINVAL ? e.message :
				  "The MCP server cannot be opened now.");
	utf8_mend(why);
	if (err != 0) {
		u->server = NULL;
		u->ticket = 0;
	}
	if (s->engines.mcp_ops)
		session_record(s, REC_MCP_OPEN, bytes_str(why));
	return why;
}

static void begin(struct session *s, json_t *tool)
{
	struct mcp_use *u = mem_zalloc(sizeof(*u));
	char why[256];

	if (!u) {
		session_oom(s);
		return;
	}
	u->s = s;
	u->tool = json_incref(tool);
	u->label = json_str(tool, "server_label", "");
	u->ops = (struct tool_ops){ .start = call, .cancel = s->engines.mcp_ops ? s->engines.mcp_ops->cancel : NULL };
	list_push(&s->mcp.servers, &u->node);
	session_new_id(s, "mcpl_", u->item_id);
	struct item *it = mcp_item(s, u->item_id,
				   json_pack("{s:s,s:s,s:s,s:[]}", "id", u->item_id, "type",
					     "mcp_list_tools", "server_label", u->label, "tools"));
	if (!it) {
		session_oom(s);
		return;
	}
	conv_emit(s, EV_ITEM_ADDED, it);
	tell(s, EV_MCP_LIST_IN_PROGRESS, u->item_id);
	if (*open_server(u, why))
		listed(u, NULL, why);
}

/* --- what is wanted --------------------------------------------------------------------------------------- */

static bool is_mcp(const json_t *tool)
{
	return strcmp(json_str(tool, "type", ""), "mcp") == 0;
}

/* As it is shown again by a client that knows no more than we have told. */
static bool same_server(const struct mcp_use *u, json_t *tool)
{
	AUTO(json) json_t *shown = mcp_masked(u->tool);

	return json_equal(u->tool, tool) || (shown && json_equal(shown, tool));
}

static bool wanted(const struct mcp_use *u, json_t *tools)
{
	json_t *tool;
	size_t i;

	json_array_foreach (tools, i, tool)
		if (is_mcp(tool) && same_server(u, tool))
			return true;
	return false;
}

static bool has_server(const struct session *s, json_t *tool)
{
	for (struct node *n = s->mcp.servers.head.next; n != &s->mcp.servers.head; n = n->next)
		if (same_server(CONTAINER_OF(n, struct mcp_use, node), tool))
			return true;
	return false;
}

void mcp_configure(struct session *s, json_t *tools)
{
	AUTO(json) json_t *list = tools ? json_incref(tools) : s->mcp.wanted;
	json_t *tool;
	size_t i;

	s->mcp.wanted = NULL;
	if (!list || !event_name(s->dialect, EV_MCP_LIST_IN_PROGRESS) || s->kind != SESSION_REALTIME)
		return;
	LIST_FOR (&s->mcp.servers, n)
		if (!wanted(CONTAINER_OF(n, struct mcp_use, node), list))
			use_free(CONTAINER_OF(n, struct mcp_use, node));
	json_array_foreach (list, i, tool)
		if (is_mcp(tool) && !has_server(s, tool) && session_serves(s))
			begin(s, tool);
}

void mcp_init(struct session *s)
{
	list_init(&s->mcp.servers);
	list_init(&s->mcp.runs);
}

void mcp_free_all(struct session *s)
{
	mcp_run_free_all(s);
	LIST_FOR (&s->mcp.servers, n)
		use_free(CONTAINER_OF(n, struct mcp_use, node));
	json_decref(s->mcp.wanted);
	json_decref(s->mcp.asked);
	json_decref(s->mcp.approved);
	s->mcp.wanted = s->mcp.asked = s->mcp.approved = NULL;
}
