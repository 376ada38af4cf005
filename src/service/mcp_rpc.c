#include "service/mcp_rpc.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/list.h"
#include "service/mcp_content.h"

/* JSON-RPC 2.0, 5.1. */
enum { INVALID_REQUEST = -32600, METHOD_NOT_FOUND = -32601, INTERNAL_ERROR = -32603 };

enum { LIST_PAUSE_US = US_PER_S }; /* between two readings of the list, however often it changes */

/* The first is what we offer (MCP, basic/lifecycle: "SHOULD be the latest version supported"). */
static const char *const versions[] = { "2025-06-18", "2025-11-25", "2025-03-26", "2024-11-05" };

enum state {
	CLOSED,	      /* no way to the server; mcp_rpc_open() leaves it     */
	INITIALIZING, /* initialize is under way; calls wait                */
	LISTING,      /* the first tools/list is under way; calls wait      */
	READY,	      /* on_tools has been called; calls go out             */
};

struct call {
	struct node node;
	uint64_t ticket, id; /* id 0: waits for READY */
	uint64_t deadline_us;
	unsigned time_ms;
	bool again; /* it has been asked a second time */
	char *name, *arguments;
};

struct mcp_rpc {
	const struct mcp_rpc_ops *ops;
	void *owner;
	enum state state;
	const char *version; /* one of versions[], or "" */
	uint64_t last_id;
	uint64_t control_id, control_deadline_us; /* initialize or tools/list; 0: none */
	json_t *tools;				  /* of the list that is being read    */
	unsigned pages;
	bool changed; /* the list is to be read anew, from next_list_us on */
	uint64_t next_list_us;
	struct list calls;
	unsigned n_calls;
};

int mcp_rpc_new(struct mcp_rpc **out, const struct mcp_rpc_ops *ops, void *owner)
{
	struct mcp_rpc *r = mem_zalloc(sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->ops = ops;
	r->owner = owner;
	r->version = "";
	list_init(&r->calls);
	*out = r;
	return 0;
}

static void call_free(struct call *c)
{
	node_unlink(&c->node);
	mem_free(c->name);
	mem_free(c->arguments);
	mem_free(c);
}

void mcp_rpc_free(struct mcp_rpc *r)
{
	if (!r)
		return;
	LIST_FOR(&r->calls, n)
		call_free(CONTAINER_OF(n, struct call, node));
	json_decref(r->tools);
	mem_free(r);
}

bool mcp_rpc_is_ready(const struct mcp_rpc *r)
{
	return r->state == READY;
}

const char *mcp_rpc_version(const struct mcp_rpc *r)
{
	return r->version;
}

/* --- what goes out ------------------------------------------------------------------------------ */

/* params: JSON text or NULL. 0: no memory, nothing was sent. */
static uint64_t ask(struct mcp_rpc *r, const char *method, const char *params)
{
	AUTO(buf) struct buf b = { 0 };
	uint64_t id = ++r->last_id;

	buf_printf(&b, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\"", (unsigned long long)id, method);
	if (params) {
		buf_puts(&b, ",\"params\":");
		buf_puts(&b, params);
	}
	buf_putc(&b, '}');
	if (b.failed)
		return 0;
	r->ops->on_send(r->owner, id, buf_bytes(&b));
	return id;
}

static void notify(struct mcp_rpc *r, const char *message)
{
	r->ops->on_send(r->owner, 0, bytes_str(message));
}

static void tell_cancelled(struct mcp_rpc *r, uint64_t id, const char *reason)
{
	char m[256];

	snprintf(m, sizeof(m),
		 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
		 "\"params\":{\"requestId\":%llu,\"reason\":\"%s\"}}",
		 (unsigned long long)id, reason);
	notify(r, m);
	r->ops->on_forget(r->owner, id);
}

/* --- ends ------------------------------------------------------------------------------------------ */

static void finish(struct mcp_rpc *r, struct call *c, const struct mcp_result *why)
{
	uint64_t ticket = c->ticket;

	r->n_calls--;
	call_free(c);
	r->ops->on_result(r->owner, ticket, why);
}

/* Calls that begin while this goes on are not among them. */
static void finish_all(struct mcp_rpc *r, const struct mcp_result *why)
{
	for (unsigned n = r->n_calls; n > 0 && !list_empty(&r->calls); n--)
		finish(r, CONTAINER_OF(list_first(&r->calls), struct call, node), why);
}

static void close_state(struct mcp_rpc *r)
{
	r->state = CLOSED;
	r->version = "";
	r->control_id = 0;
	r->changed = false;
	json_decref(r->tools);
	r->tools = NULL;
}

static void fail(struct mcp_rpc *r, const struct mcp_result *why)
{
	close_state(r);
	finish_all(r, why);
	r->ops->on_failed(r->owner, why);
}

void mcp_rpc_down(struct mcp_rpc *r, const struct mcp_result *why)
{
	close_state(r);
	finish_all(r, why);
}

static const struct mcp_result no_memory = { MCP_PROTOCOL_ERROR, INTERNAL_ERROR,
					     "The server is out of memory." };

static void control(struct mcp_rpc *r, const char *method, const char *params, uint64_t now_us)
{
	r->control_deadline_us = now_us + (uint64_t)MCP_CONTROL_MS * US_PER_MS;
	/* on_send may be told at once that it is lost. */
	r->control_id = r->last_id + 1;
	if (!ask(r, method, params))
		fail(r, &no_memory);
}

/* --- beginning ------------------------------------------------------------------------------------- */

void mcp_rpc_open(struct mcp_rpc *r, uint64_t now_us)
{
	char params[256];

	close_state(r);
	r->state = INITIALIZING;
	snprintf(params, sizeof(params),
		 "{\"protocolVersion\":\"%s\",\"capabilities\":{},"
		 "\"clientInfo\":{\"name\":\"voiced\",\"version\":\"%s\"}}",
		 versions[0], VERSION);
	control(r, "initialize", params, now_us);
}

static void list_tools(struct mcp_rpc *r, const char *cursor, uint64_t now_us)
{
	AUTO(buf) struct buf params = { 0 };

	if (!cursor) {
		r->pages = 0;
		r->changed = false;
		r->next_list_us = now_us + LIST_PAUSE_US;
		json_decref(r->tools);
		r->tools = json_array();
	}
	buf_puts(&params, "{");
	if (cursor) {
		buf_puts(&params, "\"cursor\":");
		json_quote(&params, bytes_str(cursor));
	}
	buf_puts(&params, "}");
	if (params.failed || !r->tools)
		fail(r, &no_memory);
	else
		control(r, "tools/list", (const char *)params.p, now_us);
}

static void fail_with(struct mcp_rpc *r, const char *text)
{
	fail(r, &(struct mcp_result){ MCP_PROTOCOL_ERROR, INVALID_REQUEST, text });
}

static void send_call(struct mcp_rpc *r, struct call *c)
{
	AUTO(buf) struct buf params = { 0 };

	buf_puts(&params, "{\"name\":");
	json_quote(&params, bytes_str(c->name));
	buf_printf(&params, ",\"arguments\":%s}", c->arguments);
	c->id = r->last_id + 1;
	if (params.failed || !ask(r, "tools/call", (const char *)params.p))
		finish(r, c, &no_memory);
}

/* id 0: one that waits. NULL: none. */
static struct call *find_id(struct mcp_rpc *r, uint64_t id)
{
	LIST_FOR(&r->calls, n) {
		struct call *c = CONTAINER_OF(n, struct call, node);

		if (c->id == id)
			return c;
	}
	return NULL;
}

static void become_ready(struct mcp_rpc *r)
{
	json_t *tools = r->tools;
	struct call *c;

	r->tools = NULL;
	r->state = READY;
	r->ops->on_tools(r->owner, tools);
	json_decref(tools);
	while (r->state == READY && (c = find_id(r, 0)))
		send_call(r, c);
}

static void on_initialized(struct mcp_rpc *r, const json_t *result, uint64_t now_us)
{
	const char *version = json_str(result, "protocolVersion", "");
	const json_t *capabilities = json_object_get(result, "capabilities");

	for (size_t i = 0; i < ARRAY_LEN(versions); i++)
		if (strcmp(versions[i], version) == 0)
			r->version = versions[i];
	if (!*r->version) {
		fail_with(r, "It speaks a version of the protocol that is not known here.");
		return;
	}
	r->state = LISTING;
	notify(r, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	if (r->state != LISTING)
		return;
	if (json_object_get(capabilities, "tools")) {
		list_tools(r, NULL, now_us);
		return;
	}
	r->tools = json_array();
	if (r->tools)
		become_ready(r);
	else
		fail(r, &no_memory);
}

/* --- tools ------------------------------------------------------------------------------------------- */

static bool good_name(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > MCP_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return false;
	return true;
}

static json_t *description_of(const json_t *from)
{
	const char *text = json_str(from, "description", json_str(from, "title", ""));
	size_t n = strlen(text), end = MIN(n, (size_t)MCP_DESCRIPTION_MAX);

	while (end < n && end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80)
		end--;
	return json_stringn(text, end);
}

static bool schema_fits(const json_t *schema)
{
	AUTO(buf) struct buf b = { 0 };

	if (!schema)
		return true;
	json_write(&b, schema);
	return !b.failed && b.n <= MCP_SCHEMA_MAX;
}

/* A tool that runs as a task only (MCP 2025-11-25, basic/utilities/tasks): we have none. */
static bool needs_task(const json_t *from)
{
	return strcmp(json_str(json_object_get(from, "execution"), "taskSupport", ""), "required") == 0;
}

/* A new object in the API's shape; NULL: no memory. */
static json_t *tool_of(const json_t *from)
{
	json_t *t = json_object(), *schema = json_object_get(from, "inputSchema");
	json_t *annotations = json_object_get(from, "annotations");
	int bad = t ? 0 : -1;

	bad |= json_object_set_new(t, "name", json_string(json_str(from, "name", "")));
	bad |= json_object_set_new(t, "description", description_of(from));
	bad |= json_object_set_new(t, "input_schema",
				   json_is_object(schema) ? json_incref(schema) : json_pack("{s:s}", "type", "object"));
	if (json_is_object(annotations))
		bad |= json_object_set(t, "annotations", annotations);
	if (bad) {
		json_decref(t);
		return NULL;
	}
	return t;
}

static bool has_tool(const json_t *tools, const char *name)
{
	for (size_t i = 0; i < json_array_size(tools); i++)
		if (strcmp(json_str(json_array_get(tools, i), "name", ""), name) == 0)
			return true;
	return false;
}

/* What cannot be read anew stays as it was. */
static void keep_tools(struct mcp_rpc *r)
{
	json_decref(r->tools);
	r->tools = NULL;
}

static void on_list(struct mcp_rpc *r, const json_t *result, uint64_t now_us)
{
	const json_t *page = json_object_get(result, "tools");
	const char *cursor = json_str(result, "nextCursor", NULL);

	if (!json_is_array(page)) {
		if (r->state == READY)
			keep_tools(r);
		else
			fail_with(r, "Its list of tools is none.");
		return;
	}
	for (size_t i = 0; i < json_array_size(page) && json_array_size(r->tools) < MCP_TOOLS_MAX; i++) {
		const json_t *from = json_array_get(page, i);
		const char *name = json_str(from, "name", "");

		if (!good_name(name) || has_tool(r->tools, name) || needs_task(from) ||
		    !schema_fits(json_object_get(from, "inputSchema")))
			continue;
		if (json_array_append_new(r->tools, tool_of(from)) != 0) {
			fail(r, &no_memory);
			return;
		}
	}
	if (cursor && ++r->pages < MCP_PAGES_MAX && json_array_size(r->tools) < MCP_TOOLS_MAX)
		list_tools(r, cursor, now_us);
	else
		become_ready(r);
}

/* --- what comes in -------------------------------------------------------------------------------------- */

/* JSON-RPC 2.0, 5.1: code and message. */
static struct mcp_result error_of(const json_t *error)
{
	int64_t code = json_int(error, "code", INTERNAL_ERROR);

	return (struct mcp_result){ MCP_PROTOCOL_ERROR,
				    code < -2147483647 || code > 2147483647 ? INTERNAL_ERROR : (int)code,
				    json_str(error, "message", "It says that there was an error.") };
}

static enum mcp_verdict on_control(struct mcp_rpc *r, const json_t *result, const json_t *error,
				   uint64_t now_us)
{
	r->control_id = 0;
	if (error && r->state == READY) {
		keep_tools(r);
	} else if (error) {
		struct mcp_result why = error_of(error);

		fail(r, &why);
	} else if (r->state == INITIALIZING) {
		on_initialized(r, result, now_us);
	} else {
		on_list(r, result, now_us);
	}
	return MCP_OK;
}

static enum mcp_verdict on_called(struct mcp_rpc *r, struct call *c, const json_t *result,
				  const json_t *error)
{
	AUTO(buf) struct buf text = { 0 };

	if (error) {
		struct mcp_result why = error_of(error);

		finish(r, c, &why);
		return MCP_OK;
	}
	mcp_content_text(result, &text);
	if (text.failed) {
		finish(r, c, &no_memory);
		return MCP_NO_MEMORY;
	}
	finish(r, c, &(struct mcp_result){ json_flag(result, "isError", false) ? MCP_TOOL_ERROR : MCP_DONE, 0,
					   text.p ? (const char *)text.p : "" });
	return MCP_OK;
}

static enum mcp_verdict on_answer(struct mcp_rpc *r, const json_t *m, uint64_t now_us)
{
	const json_t *result = json_object_get(m, "result"), *error = json_object_get(m, "error");
	int64_t id = json_int(m, "id", 0);
	struct call *c;

	if (!json_is_object(error) == !json_is_object(result))
		return MCP_MALFORMED;
	if (id <= 0)
		return MCP_UNASKED;
	if ((uint64_t)id == r->control_id)
		return on_control(r, result, error, now_us);
	c = find_id(r, (uint64_t)id); /* > 0 */
	return c ? on_called(r, c, result, error) : MCP_UNASKED;
}

static enum mcp_verdict on_request(struct mcp_rpc *r, const char *method, const json_t *id)
{
	AUTO(buf) struct buf b = { 0 };

	if (!json_is_string(id) && !json_is_number(id))
		return MCP_MALFORMED;
	buf_puts(&b, "{\"jsonrpc\":\"2.0\",\"id\":");
	json_write(&b, id);
	if (strcmp(method, "ping") == 0)
		buf_puts(&b, ",\"result\":{}}");
	else
		buf_printf(&b, ",\"error\":{\"code\":%d,\"message\":\"Method not found\"}}", METHOD_NOT_FOUND);
	if (b.failed)
		return MCP_NO_MEMORY;
	r->ops->on_send(r->owner, 0, buf_bytes(&b));
	return MCP_OK;
}

static void look_again(struct mcp_rpc *r, uint64_t now_us)
{
	if (r->changed && r->state == READY && !r->control_id && now_us >= r->next_list_us)
		list_tools(r, NULL, now_us);
}

static void on_notification(struct mcp_rpc *r, const char *method, uint64_t now_us)
{
	if (strcmp(method, "notifications/tools/list_changed") != 0)
		return;
	r->changed = true;
	look_again(r, now_us);
}

enum mcp_verdict mcp_rpc_input(struct mcp_rpc *r, struct bytes message, uint64_t now_us)
{
	char why[160];

	if (message.n > MCP_MESSAGE_MAX)
		return MCP_MALFORMED;
	AUTO(json) json_t *m = json_parse(message, why);
	if (!m && strcmp(why, "out of memory") == 0)
		return MCP_NO_MEMORY;
	if (!json_is_object(m) || strcmp(json_str(m, "jsonrpc", ""), "2.0") != 0)
		return MCP_MALFORMED;

	const char *method = json_str(m, "method", NULL);
	const json_t *id = json_object_get(m, "id");

	if (!method)
		return on_answer(r, m, now_us);
	if (id)
		return on_request(r, method, id);
	on_notification(r, method, now_us);
	return MCP_OK;
}

void mcp_rpc_lost(struct mcp_rpc *r, uint64_t id, const struct mcp_result *why)
{
	struct call *c = id ? find_id(r, id) : NULL;

	if (c)
		finish(r, c, why);
	if (!id || id != r->control_id)
		return;
	r->control_id = 0;
	if (r->state == READY)
		keep_tools(r);
	else
		fail(r, why);
}

void mcp_rpc_gone(struct mcp_rpc *r, uint64_t id, uint64_t now_us)
{
	static const struct mcp_result why = { MCP_HTTP_ERROR, 404, "It has forgotten our session." };
	struct call *c = id ? find_id(r, id) : NULL;
	/* With the answer to one request of many it has begun anew already. */
	bool begun = r->state == INITIALIZING || r->state == LISTING;

	if (begun && id == r->control_id) {
		fail(r, &why);
		return;
	}
	if (c && c->again) {
		finish(r, c, &why);
		return;
	}
	if (c) {
		c->again = true;
		c->id = 0;
	}
	if (!begun)
		mcp_rpc_open(r, now_us);
}

/* --- time -------------------------------------------------------------------------------------------------- */

uint64_t mcp_rpc_next_us(const struct mcp_rpc *r)
{
	uint64_t at = r->control_id ? r->control_deadline_us : UINT64_MAX;

	if (r->changed && r->state == READY && !r->control_id)
		at = r->next_list_us;
	LIST_FOR(&((struct mcp_rpc *)(uintptr_t)r)->calls, n)
		at = MIN(at, CONTAINER_OF(n, struct call, node)->deadline_us);
	return at;
}

static void time_out(struct mcp_rpc *r, struct call *c)
{
	char text[80];

	snprintf(text, sizeof(text), "There was no answer within %u s.", (c->time_ms + 999) / 1000);
	if (c->id)
		tell_cancelled(r, c->id, "time limit");
	finish(r, c, &(struct mcp_result){ MCP_PROTOCOL_ERROR, INTERNAL_ERROR, text });
}

/* One that is due, or NULL: handlers may change the list in between. */
static struct call *find_due(struct mcp_rpc *r, uint64_t now_us)
{
	LIST_FOR(&r->calls, n) {
		struct call *c = CONTAINER_OF(n, struct call, node);

		if (c->deadline_us <= now_us)
			return c;
	}
	return NULL;
}

void mcp_rpc_tick(struct mcp_rpc *r, uint64_t now_us)
{
	struct call *c;

	while ((c = find_due(r, now_us)))
		time_out(r, c);
	look_again(r, now_us);
	if (!r->control_id || r->control_deadline_us > now_us)
		return;
	r->ops->on_forget(r->owner, r->control_id); /* "initialize" itself cannot be cancelled */
	r->control_id = 0;
	if (r->state == READY)
		keep_tools(r);
	else
		fail_with(r, "It did not answer in time.");
}

/* --- calls --------------------------------------------------------------------------------------------------- */

static int arguments_of(const char *arguments, char **out)
{
	AUTO(buf) struct buf b = { 0 };
	char why[160];

	while (*arguments == ' ' || *arguments == '\n' || *arguments == '\t' || *arguments == '\r')
		arguments++;
	AUTO(json) json_t *o = json_parse(bytes_str(*arguments ? arguments : "{}"), why);
	if (!o && strcmp(why, "out of memory") == 0)
		return -ENOMEM;
	if (!json_is_object(o))
		return -EINVAL;
	json_write(&b, o); /* on one line */
	*out = buf_take(&b);
	return *out ? 0 : -ENOMEM;
}

int mcp_rpc_call(struct mcp_rpc *r, uint64_t call, const char *name, const char *arguments,
		 unsigned time_ms, uint64_t now_us)
{
	if (r->state == CLOSED)
		return -ENOTCONN;
	if (r->n_calls >= MCP_CALLS_MAX)
		return -EAGAIN;
	struct call *c = mem_zalloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->ticket = call;
	c->time_ms = time_ms;
	c->deadline_us = now_us + (uint64_t)time_ms * US_PER_MS;
	c->name = mem_strdup(name);
	int err = c->name ? arguments_of(arguments, &c->arguments) : -ENOMEM;
	if (err) {
		call_free(c);
		return err;
	}
	list_push(&r->calls, &c->node);
	r->n_calls++;
	if (r->state == READY)
		send_call(r, c);
	return 0;
}

void mcp_rpc_cancel(struct mcp_rpc *r, uint64_t call)
{
	LIST_FOR(&r->calls, n) {
		struct call *c = CONTAINER_OF(n, struct call, node);
		uint64_t id = c->id;

		if (c->ticket != call)
			continue;
		r->n_calls--;
		call_free(c);
		if (id)
			tell_cancelled(r, id, "not wanted any more");
		return;
	}
}
