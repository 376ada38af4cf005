/* Servers that sessions name: mcp_ops. */
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/loop.h"
#include "service/mcp_inner.h"
#include "service/mcp_http.h"
#include "service/mcp_url.h"

enum { VALUE_MAX = 8192 };

/* The answer to open(). */
struct opening {
	struct relay relay;
	struct mcp_server *server;
};

static struct opening *of(struct relay *r)
{
	return CONTAINER_OF(r, struct opening, relay);
}

static const struct mcp_sink *sink_of(const struct relay *r)
{
	return r->sink;
}

/* --- answers, on the session's loop ---------------------------------------------------------------- */

static void tell_error(struct relay *r, void *payload)
{
	const struct engine_error e = { "mcp_unavailable", payload };

	of(r)->server->opening = NULL;
	sink_of(r)->on_error(r->owner, r->ticket, &e);
}

static void on_lost(struct relay *r)
{
	of(r)->server->opening = NULL;
	sink_of(r)->on_error(r->owner, r->ticket, &relay_no_memory);
}

/* allowed_tools: names, or {tool_names?, read_only?}. */
static bool is_allowed(const json_t *allowed, const json_t *tool)
{
	const char *name = json_str(tool, "name", "");
	const json_t *names = json_is_array(allowed) ? allowed : json_object_get(allowed, "tool_names");

	if (json_is_array(names) && !json_has_word(names, name))
		return false;
	return !json_flag(allowed, "read_only", false) ||
	       json_flag(json_object_get(tool, "annotations"), "readOnlyHint", false);
}

static json_t *allowed_of(const json_t *tools, const json_t *allowed)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(tools); i++) {
		json_t *t = json_array_get(tools, i);

		if (is_allowed(allowed, t) && json_array_append(list, t) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static void tell_tools(struct relay *r, void *payload)
{
	char why[160];
	AUTO(json) json_t *all = json_parse(bytes_str(payload), why);
	AUTO(json) json_t *tools = all ? allowed_of(all, of(r)->server->allowed) : NULL;

	of(r)->server->opening = NULL;
	if (tools)
		sink_of(r)->on_tools(r->owner, r->ticket, tools);
	else
		sink_of(r)->on_error(r->owner, r->ticket, &relay_no_memory);
}

static void on_free(struct relay *r)
{
	mcp_server_unref(of(r)->server);
	mem_free(of(r));
}

static const struct relay_ops opening_ops = { .on_lost = on_lost, .on_free = on_free };

/* --- on the thread ----------------------------------------------------------------------------------- */

/* The thread holds the opening until it has answered; server->opening is the session's. */
static void answered(struct mcp_server *s, void (*deliver)(struct relay *r, void *payload), const void *p,
		     size_t n)
{
	struct opening *o = s->unanswered;

	if (!o)
		return;
	s->unanswered = NULL;
	if (p)
		relay_send(&o->relay, RELAY_LAST, deliver, p, n);
	else
		relay_lose(&o->relay);
	relay_release(&o->relay);
}

void mcp_named_tools(struct mcp_server *s, const json_t *tools)
{
	AUTO(buf) struct buf b = { 0 };

	json_write(&b, tools);
	answered(s, tell_tools, b.failed ? NULL : b.p, b.n + 1);
}

void mcp_named_down(struct mcp_server *s, const struct mcp_result *why)
{
	answered(s, tell_error, why->text, strlen(why->text) + 1);
}

static void begin(void *payload)
{
	struct opening *o = *(struct opening **)payload;
	struct mcp_server *s = o->server;

	if (relay_cancelled(&o->relay) || s->mcp->closing) {
		relay_release(&o->relay);
		return;
	}
	s->unanswered = o;
	mcp_server_begin(s);
}

void mcp_named_drop(struct mcp_server *s)
{
	struct opening *o = s->unanswered;

	s->unanswered = NULL;
	if (o)
		relay_release(&o->relay);
}

static void end(void *payload)
{
	struct mcp_server *s = *(struct mcp_server **)payload;

	mcp_named_drop(s);
	mcp_calls_drop(s);
	if (s->link)
		mcp_link_close(s->link);
	mcp_server_unref(s);
}

/* --- what a session may name ----------------------------------------------------------------------------- */

static int refuse(struct engine_error *e, const char *message)
{
	*e = (struct engine_error){ "invalid_value", message };
	return -EINVAL;
}

/* RFC 9110, 5.1 and 5.5; and none that are the transport's. */
static bool good_field(const char *name, const char *value)
{
	static const char *const ours[] = { "accept", "connection", "content-length", "content-type", "host",
					    "mcp-protocol-version", "mcp-session-id", "transfer-encoding" };
	static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";

	if (!*name || name[strspn(name, token)] || strlen(name) + strlen(value) > VALUE_MAX)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strcasecmp(ours[i], name) == 0)
			return false;
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return false;
	return true;
}

static int take_field(struct mcp_server *s, const char *name, const char *value, struct engine_error *e)
{
	struct mcp_line *l = &s->line;

	if (!value || !good_field(name, value))
		return refuse(e, "A header of the MCP server is not possible.");
	if (l->n_fields == MCP_LINE_FIELDS)
		return refuse(e, "The MCP server has too many headers.");
	l->fields[l->n_fields] = arena_printf(&l->arena, "%s: %s", name, value);
	return l->fields[l->n_fields++] ? 0 : -ENOMEM;
}

static int take_fields(struct mcp_server *s, const json_t *tool, struct engine_error *e)
{
	const char *authorization = json_str(tool, "authorization", NULL), *name;
	json_t *headers = json_object_get(tool, "headers"), *value;
	char bearer[VALUE_MAX];
	int r = 0;

	if (authorization) {
		if ((size_t)snprintf(bearer, sizeof(bearer), "Bearer %s", authorization) >= sizeof(bearer))
			return refuse(e, "The MCP server's authorization is too long.");
		r = take_field(s, "Authorization", bearer, e);
	}
	json_object_foreach(headers, name, value)
		if (r == 0 && !(authorization && strcasecmp(name, "authorization") == 0))
			r = take_field(s, name, json_string_value(value), e);
	return r;
}

static int take_url(struct mcp_server *s, const char *url, struct engine_error *e)
{
	switch (mcp_url_check(url, s->mcp->allow)) {
	case MCP_URL_BAD:
		return refuse(e, "The MCP server's server_url is not a URL that can be reached.");
	case MCP_URL_PLAIN:
		return refuse(e, "The MCP server's server_url must begin with https://.");
	case MCP_URL_PRIVATE:
		return refuse(e, "The MCP server's server_url leads to a private address.");
	case MCP_URL_PUBLIC:
		s->public_only = true;
		break;
	case MCP_URL_ALLOWED:
		break;
	}
	s->line.url = arena_strdup(&s->line.arena, url);
	return s->line.url ? 0 : -ENOMEM;
}

/* --- on the session's loop --------------------------------------------------------------------------------- */

static int server_of(struct mcp_server **out, struct mcp *m, const json_t *tool, struct engine_error *e)
{
	const char *url = json_str(tool, "server_url", NULL);
	struct mcp_server *s;

	if (!url)
		return refuse(e, "An MCP server needs a server_url here; there are no connectors.");
	s = mem_zalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->mcp = m;
	s->is_named = true;
	atomic_init(&s->refs, 1);
	list_init(&s->calls);
	list_init(&s->jobs);
	s->line.label = arena_printf(&s->line.arena, "%.64s", json_str(tool, "server_label", ""));
	s->allowed = json_incref(json_object_get(tool, "allowed_tools"));
	int r = s->line.label ? take_url(s, url, e) : -ENOMEM;
	if (r == 0)
		r = take_fields(s, tool, e);
	if (r != 0)
		mcp_server_unref(s);
	else
		*out = s;
	return r;
}

static bool enlist(struct mcp *m, struct mcp_server *s)
{
	pthread_mutex_lock(&m->lock);
	bool room = m->n_named < MCP_NAMED_MAX;
	if (room) {
		m->n_named++;
		list_push(&m->named, &s->in_named);
	}
	pthread_mutex_unlock(&m->lock);
	return room;
}

static void delist(struct mcp *m, struct mcp_server *s)
{
	pthread_mutex_lock(&m->lock);
	if (node_linked(&s->in_named))
		m->n_named--;
	node_unlink(&s->in_named);
	pthread_mutex_unlock(&m->lock);
}

static int start(struct mcp_server *s, const struct relay_to *to)
{
	struct opening *o = mem_zalloc(sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->server = mcp_server_ref(s);
	s->loop = to->loop;
	relay_init(&o->relay, &opening_ops, &s->mcp->set, to);
	relay_hold(&o->relay);
	if (loop_post(s->mcp->loop, begin, &o, sizeof(struct opening *)) != 0) {
		relay_cancel(&o->relay);
		relay_release(&o->relay);
		return -EAGAIN;
	}
	s->opening = o;
	return 0;
}

static int named_open(struct mcp *m, struct mcp_server **out, const json_t *tool, struct engine_error *e,
		      struct loop *loop, const struct mcp_sink *sink, void *owner, uint64_t ticket)
{
	struct mcp_server *s;
	int r = server_of(&s, m, tool, e);

	if (r != 0)
		return r;
	r = enlist(m, s) ? start(s, &(struct relay_to){ loop, sink, owner, ticket }) : -EAGAIN;
	if (r != 0) {
		delist(m, s);
		mcp_server_unref(s);
		return r;
	}
	*out = s;
	return 0;
}

static int named_call(struct mcp_server *s, struct tool_job **out, const char *name, const char *arguments,
		      const struct tool_sink *sink, void *owner, uint64_t ticket)
{
	return mcp_call_start(s, out, name, arguments, MCP_TIME_MS,
			      &(struct relay_to){ s->loop, sink, owner, ticket });
}

static void named_close(struct mcp_server *s)
{
	struct mcp *m = s->mcp;

	if (s->opening)
		relay_cancel(&s->opening->relay);
	s->opening = NULL;
	LIST_FOR(&s->jobs, n)
		mcp_call_cancel(CONTAINER_OF(n, struct tool_job, in_session));
	/* If the thread cannot be told, mcp_free() ends it. */
	if (loop_post(m->loop, end, &s, sizeof(struct mcp_server *)) == 0)
		delist(m, s);
}

const struct mcp_ops mcp_client_ops = { named_open, named_call, mcp_call_cancel, named_close };
