#include "service/mcp.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/pool.h"
#include "service/mcp_http.h"
#include "service/mcp_inner.h"
#include "service/mcp_stdio.h"

LOG_TOPIC("mcp");

/* --- servers --------------------------------------------------------------------------------------- */

struct mcp_server *mcp_server_ref(struct mcp_server *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void mcp_server_unref(struct mcp_server *s)
{
	if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	json_decref(s->said);
	json_decref(s->allowed);
	mcp_line_done(&s->line);
	mem_free(s);
}

static void set_state(struct mcp_server *s, bool up, size_t n_tools, const char *why)
{
	pthread_mutex_lock(&s->mcp->lock);
	s->state.up = up;
	s->state.n_tools = n_tools;
	snprintf(s->state.why, sizeof(s->state.why), "%s", why);
	pthread_mutex_unlock(&s->mcp->lock);
	atomic_store(&s->settled, true);
}

bool mcp_server_state(struct mcp *m, size_t i, struct mcp_state *to)
{
	if (i >= m->n_own)
		return false;
	bool settled = atomic_load(&m->own[i]->settled);
	pthread_mutex_lock(&m->lock);
	*to = m->own[i]->state;
	pthread_mutex_unlock(&m->lock);
	to->label = m->own[i]->line.label;
	to->settled = settled;
	return true;
}

static void on_tools(void *owner, const json_t *tools)
{
	struct mcp_server *s = owner;

	if (s->is_named) {
		mcp_named_tools(s, tools);
		return;
	}
	if (!s->said || !json_equal(s->said, tools)) {
		log_info("server=%s what=ready tools=%zu", s->line.label, json_array_size(tools));
		json_decref(s->said);
		s->said = json_deep_copy(tools);
		mcp_tools_changed(s->mcp);
	}
	set_state(s, true, json_array_size(tools), "");
}

static void on_result(void *owner, uint64_t call, const struct mcp_result *r)
{
	mcp_call_result(owner, call, r);
}

static void on_down(void *owner, const struct mcp_result *why)
{
	struct mcp_server *s = owner;

	if (s->is_named)
		mcp_named_down(s, why);
	set_state(s, false, 0, why->text ? why->text : "");
}

static void stop_if_last(struct mcp *m)
{
	if (m->closing && list_empty(&m->links))
		loop_stop(m->loop);
}

static void on_closed(void *owner)
{
	struct mcp_server *s = owner;
	struct mcp *m = s->mcp;

	s->link = NULL;
	node_unlink(&s->in_links);
	mcp_server_unref(s);
	stop_if_last(m);
}

static const struct mcp_link_sink link_sink = { on_tools, on_result, on_down, on_closed };

void mcp_server_begin(struct mcp_server *s)
{
	const struct mcp_link_params p = {
		.way = s->line.url ? &mcp_http_ops : &mcp_stdio_ops,
		.to = {
			.loop = s->mcp->loop,
			.fetcher = s->mcp->fetcher,
			.label = s->line.label,
			.url = s->line.url,
			.fields = s->line.fields,
			.public_only = s->public_only,
			.listen = !s->is_named,
			.argv = s->line.argv,
			.environment = s->line.environment,
		},
		.keep = !s->is_named,
		.sink = &link_sink,
		.owner = s,
	};

	if (mcp_link_new(&s->link, &p) != 0) {
		s->link = NULL;
		on_down(s, &(struct mcp_result){ MCP_PROTOCOL_ERROR, 0, "The server is out of memory." });
		return;
	}
	list_push(&s->mcp->links, &mcp_server_ref(s)->in_links);
}

/* --- the thread ---------------------------------------------------------------------------------------- */

static void *run(void *arg)
{
	struct mcp *m = arg;

	thread_set_name("mcp");
	for (size_t i = 0; i < m->n_own; i++)
		mcp_server_begin(m->own[i]);
	if (loop_run(m->loop) != 0)
		log_error("what=\"the loop of MCP servers ended\"");
	return NULL;
}

static void close_all(void *payload)
{
	struct mcp *m = *(struct mcp **)payload;

	m->closing = true;
	LIST_FOR(&m->links, n) {
		struct mcp_server *s = CONTAINER_OF(n, struct mcp_server, in_links);

		mcp_calls_drop(s);
		mcp_named_drop(s);
		mcp_link_close(s->link);
	}
	stop_if_last(m);
}

/* --- beginning and end ----------------------------------------------------------------------------------- */

static int add_line(struct mcp *m, const char *text, char why[static MCP_LINE_WHY])
{
	struct mcp_server *s = mem_zalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->mcp = m;
	atomic_init(&s->refs, 1);
	list_init(&s->calls);
	list_init(&s->jobs);
	int r = m->n_own < MCP_SERVERS_MAX ? mcp_line_parse(&s->line, text, why) : -ENOSPC;
	if (r == -ENOSPC)
		snprintf(why, MCP_LINE_WHY, "more than %d MCP servers", MCP_SERVERS_MAX);
	for (size_t i = 0; r == 0 && i < m->n_own; i++)
		if (strcmp(m->own[i]->line.label, s->line.label) == 0) {
			snprintf(why, MCP_LINE_WHY, "mcp %s: there are two of this label", s->line.label);
			r = -EINVAL;
		}
	if (r != 0) {
		mcp_server_unref(s);
		return r == -ENOSPC ? -EINVAL : r;
	}
	m->own[m->n_own++] = s;
	return 0;
}

static int take_params(struct mcp *m, const struct mcp_params *p, char why[static MCP_LINE_WHY])
{
	size_t n = 0;

	while (p->allow && p->allow[n])
		n++;
	m->allow = arena_alloc(&m->arena, (n + 1) * sizeof(*m->allow));
	if (!m->allow)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (!(m->allow[i] = arena_strdup(&m->arena, p->allow[i])))
			return -ENOMEM;
	int r = 0;
	for (const char *const *l = p->lines; r == 0 && l && *l; l++)
		r = add_line(m, *l, why);
	return r;
}

int mcp_new(struct mcp **out, const struct mcp_params *p, char why[static MCP_LINE_WHY])
{
	struct mcp *m = mem_zalloc(sizeof(*m));

	snprintf(why, MCP_LINE_WHY, "out of memory");
	if (!m)
		return -ENOMEM;
	m->fetcher = p->fetcher;
	m->more = p->more;
	m->n_more = p->n_more;
	m->begun_us = env_now(&env_system);
	pthread_mutex_init(&m->lock, NULL);
	list_init(&m->links);
	list_init(&m->named);
	relay_set_init(&m->set, NULL);
	int r = take_params(m, p, why);
	if (r == 0 && m->n_more)
		mcp_tools_changed(m);
	if (r == 0)
		r = loop_new(&m->loop, 0);
	if (r == 0 && pthread_create(&m->thread, NULL, run, m) != 0)
		r = -EAGAIN;
	m->running = r == 0;
	if (r != 0) {
		mcp_free(m);
		return r;
	}
	*out = m;
	return 0;
}

static void free_snapshots(struct mcp *m)
{
	while (m->snapshots) {
		struct mcp_snapshot *s = m->snapshots;

		m->snapshots = s->older;
		arena_done(&s->arena);
		mem_free(s);
	}
}

void mcp_free(struct mcp *m)
{
	if (!m)
		return;
	if (m->running) {
		loop_post_wait(m->loop, close_all, &m, sizeof(m));
		pthread_join(m->thread, NULL);
	}
	loop_free(m->loop); /* runs what was posted last: all is closing, so it only lets go */
	relay_set_done(&m->set);
	for (struct node *n; (n = list_pop(&m->named));)
		mcp_server_unref(CONTAINER_OF(n, struct mcp_server, in_named));
	for (size_t i = 0; i < m->n_own; i++)
		mcp_server_unref(m->own[i]);
	free_snapshots(m);
	arena_done(&m->arena);
	pthread_mutex_destroy(&m->lock);
	mem_free(m);
}

bool mcp_settled(struct mcp *m)
{
	bool all = env_now(&env_system) - m->begun_us > (uint64_t)MCP_SETTLE_MS * US_PER_MS;

	for (size_t i = 0; i < m->n_own && !all; i++)
		if (!atomic_load(&m->own[i]->settled))
			return false;
	return true;
}
