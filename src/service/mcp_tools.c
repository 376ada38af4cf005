/* The operator's tools as struct tool_def. */
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "service/mcp_inner.h"

LOG_TOPIC("mcp");

/* Names of functions as language models' services take them. */
enum { FUNCTION_NAME_MAX = 64 };

static bool fits_function(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static const char *function_name(struct arena *a, const char *label, const char *name)
{
	char *s = arena_printf(a, "%s__%s", label, name);

	for (size_t i = 0; s && s[i]; i++)
		if (!fits_function(s[i]))
			s[i] = '_';
	if (s && strlen(s) > FUNCTION_NAME_MAX)
		s[FUNCTION_NAME_MAX] = 0;
	return s;
}

static const char *schema_text(struct arena *a, const json_t *schema)
{
	AUTO(buf) struct buf b = { 0 };

	json_write(&b, schema);
	return b.failed ? NULL : arena_strndup(a, (const char *)b.p, b.n);
}

static bool is_known(const struct mcp_snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->defs[i].name, name) == 0)
			return true;
	return false;
}

/* What the server says of itself counts where the operator says nothing. */
static enum tool_effect effect_of(const struct mcp_line *l, const char *name, const json_t *said)
{
	if (mcp_line_has(l->acts, name))
		return TOOL_ACTS;
	return mcp_line_has(l->reads, name) ||
			       json_flag(json_object_get(said, "annotations"), "readOnlyHint", false) ?
		       TOOL_READS :
		       TOOL_ACTS;
}

static bool add_tool(struct mcp_snapshot *to, struct mcp_server *server, const json_t *said)
{
	const struct mcp_line *l = &server->line;
	const char *name = json_str(said, "name", "");
	struct tool *t = arena_alloc(&to->arena, sizeof(*t));
	unsigned time_ms = l->time_ms ? l->time_ms : MCP_TIME_MS;

	if (l->allow && !mcp_line_has(l->allow, name))
		return true;
	if (!t)
		return false;
	*t = (struct tool){ server, arena_strdup(&to->arena, name), time_ms };
	struct tool_def d = {
		.name = function_name(&to->arena, l->label, name),
		.description = arena_strdup(&to->arena, json_str(said, "description", "")),
		.parameters = schema_text(&to->arena, json_object_get(said, "input_schema")),
		.effect = effect_of(l, name, said),
		.when = mcp_line_has(l->silent, name) ? TOOL_SILENT :
			mcp_line_has(l->idle, name)   ? TOOL_IDLE :
							TOOL_NOW,
		.unasked = mcp_line_has(l->unasked, name),
		/* The server is told of a call that took too long, so ours ends first. */
		.time_ms = time_ms + 1000,
		.filler = l->filler,
		.ops = &mcp_tool_ops,
		.tool = t,
	};
	if (!t->name || !d.name || !d.description || !d.parameters)
		return false;
	if (is_known(to, d.name))
		log_warn("server=%s what=\"two tools of one name\" name=%s", l->label, d.name);
	else
		to->defs[to->n++] = d;
	return true;
}

static struct mcp_snapshot *make(struct mcp *m)
{
	struct mcp_snapshot *s = mem_zalloc(sizeof(*s));
	size_t n = m->n_more;

	for (size_t i = 0; i < m->n_own; i++)
		n += json_array_size(m->own[i]->said);
	if (!s || !(s->defs = arena_alloc(&s->arena, (n + 1) * sizeof(*s->defs))))
		goto out;
	if (m->n_more)
		memcpy(s->defs, m->more, m->n_more * sizeof(*s->defs));
	s->n = m->n_more;
	for (size_t i = 0; i < m->n_own; i++)
		for (size_t k = 0; k < json_array_size(m->own[i]->said); k++)
			if (!add_tool(s, m->own[i], json_array_get(m->own[i]->said, k)))
				goto out;
	return s;
out:
	if (s)
		arena_done(&s->arena);
	mem_free(s);
	return NULL;
}

void mcp_tools_changed(struct mcp *m)
{
	struct mcp_snapshot *s = m->n_snapshots < MCP_CHANGES_MAX ? make(m) : NULL;

	if (!s) {
		log_warn("what=\"tools stay as they were\" why=\"%s\"",
			 m->n_snapshots < MCP_CHANGES_MAX ? "out of memory" : "they have changed too often");
		return;
	}
	pthread_mutex_lock(&m->lock);
	s->older = m->snapshots;
	m->snapshots = s;
	m->n_snapshots++;
	pthread_mutex_unlock(&m->lock);
}

void mcp_tools(struct mcp *m, const struct tool_def **defs, size_t *n)
{
	pthread_mutex_lock(&m->lock);
	*defs = m->snapshots ? m->snapshots->defs : NULL;
	*n = m->snapshots ? m->snapshots->n : 0;
	pthread_mutex_unlock(&m->lock);
}
