#include "service/mcp_link.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/loop.h"

LOG_TOPIC("mcp");

struct mcp_link {
	struct mcp_link_params p;
	struct mcp_rpc *rpc;
	struct mcp_way *way; /* NULL: between two beginnings */
	struct timer timer;
	uint64_t again_us;   /* without a way: when to begin again; UINT64_MAX: never */
	uint64_t pause_ms;   /* before the next beginning */
	uint64_t up_us;	     /* the way is open since */
	bool failed;	     /* the session could not begin: the way is to be closed */
	bool told_down;	     /* since the last beginning */
	bool asked_to_close; /* way->close() has been called */
	bool closing;	     /* mcp_link_close() */
};

static uint64_t now_us(const struct mcp_link *l)
{
	return loop_now_us(l->p.to.loop);
}

static void rearm(struct mcp_link *l)
{
	uint64_t at = l->way ? mcp_rpc_next_us(l->rpc) : l->again_us;

	if (l->way && (l->failed || l->closing) && !l->asked_to_close)
		at = 0;
	if (!l->way && l->closing)
		at = 0;
	/* Always set, so that moving it takes no memory. */
	if (timer_set(l->p.to.loop, &l->timer, at) != 0)
		log_error("server=%s what=\"out of memory\"", l->p.to.label);
}

static void tell_down(struct mcp_link *l, const struct mcp_result *why)
{
	if (l->told_down || l->closing)
		return;
	l->told_down = true;
	log_warn("server=%s what=down code=%d why=\"%s\" again_ms=%llu", l->p.to.label, why->code, why->text,
		 l->p.keep ? (unsigned long long)l->pause_ms : 0ull);
	l->p.sink->on_down(l->p.owner, why);
}

/* --- the session's side ------------------------------------------------------------------------- */

static void on_send(void *owner, uint64_t id, struct bytes message)
{
	struct mcp_link *l = owner;

	if (l->way && !l->asked_to_close)
		l->p.way->send(l->way, id, message, mcp_rpc_version(l->rpc));
}

static void on_forget(void *owner, uint64_t id)
{
	struct mcp_link *l = owner;

	if (l->way && !l->asked_to_close)
		l->p.way->forget(l->way, id);
}

static void on_tools(void *owner, const json_t *tools)
{
	struct mcp_link *l = owner;

	if (l->closing)
		return;
	l->told_down = false;
	if (l->way)
		l->p.way->ready(l->way);
	l->p.sink->on_tools(l->p.owner, tools);
}

static void on_result(void *owner, uint64_t call, const struct mcp_result *r)
{
	struct mcp_link *l = owner;

	if (!l->closing)
		l->p.sink->on_result(l->p.owner, call, r);
}

static void on_failed(void *owner, const struct mcp_result *why)
{
	struct mcp_link *l = owner;

	l->failed = true;
	tell_down(l, why);
}

static const struct mcp_rpc_ops rpc_ops = { on_send, on_forget, on_tools, on_result, on_failed };

/* --- the way's side ------------------------------------------------------------------------------- */

static void on_message(void *owner, struct bytes message)
{
	struct mcp_link *l = owner;
	enum mcp_verdict v = mcp_rpc_input(l->rpc, message, now_us(l));

	if (v == MCP_MALFORMED || v == MCP_NO_MEMORY)
		log_warn("server=%s what=\"%s\" octets=%zu", l->p.to.label,
			 v == MCP_MALFORMED ? "no JSON-RPC message" : "out of memory", message.n);
	rearm(l);
}

static void on_lost(void *owner, uint64_t id, const struct mcp_result *why)
{
	struct mcp_link *l = owner;

	mcp_rpc_lost(l->rpc, id, why);
	rearm(l);
}

static void on_gone(void *owner, uint64_t id)
{
	struct mcp_link *l = owner;

	mcp_rpc_gone(l->rpc, id, now_us(l));
	rearm(l);
}

static void pause_before_next(struct mcp_link *l)
{
	if (now_us(l) - l->up_us > (uint64_t)MCP_PAUSE_MAX_MS * US_PER_MS)
		l->pause_ms = MCP_PAUSE_MIN_MS;
	l->again_us = l->p.keep ? now_us(l) + l->pause_ms * US_PER_MS : UINT64_MAX;
	l->pause_ms = MIN(l->pause_ms * 2, (uint64_t)MCP_PAUSE_MAX_MS);
}

static void on_closed(void *owner, const char *text)
{
	struct mcp_link *l = owner;
	struct mcp_result why = { MCP_PROTOCOL_ERROR, 0, text };

	l->way = NULL;
	mcp_rpc_down(l->rpc, &why);
	tell_down(l, &why);
	pause_before_next(l);
	rearm(l);
}

static const struct mcp_way_sink way_sink = { on_message, on_lost, on_gone, on_closed };

/* --- time ------------------------------------------------------------------------------------------- */

static void begin(struct mcp_link *l)
{
	struct mcp_way_params to = l->p.to;

	to.sink = &way_sink;
	to.owner = l;
	l->failed = l->asked_to_close = false;
	l->up_us = now_us(l);
	int r = l->p.way->open(&l->way, &to);
	if (r == 0) {
		mcp_rpc_open(l->rpc, now_us(l));
		return;
	}
	l->way = NULL;
	tell_down(l, &(struct mcp_result){ MCP_PROTOCOL_ERROR, 0,
					   r == -ENOENT	 ? "There is no such program." :
					   r == -EACCES	 ? "The program may not be run." :
					   r == -EINVAL	 ? "The URL is none." :
							   "It cannot be started now." });
	pause_before_next(l);
}

static void link_free(struct mcp_link *l)
{
	timer_stop(l->p.to.loop, &l->timer);
	mcp_rpc_free(l->rpc);
	mem_free(l);
}

static void on_due(struct timer *t)
{
	struct mcp_link *l = CONTAINER_OF(t, struct mcp_link, timer);

	rearm(l); /* takes its place in the heap again before others may */
	if (!l->way && l->closing) {
		struct mcp_link_params p = l->p;

		link_free(l);
		p.sink->on_closed(p.owner);
		return;
	}
	if (l->way && (l->failed || l->closing) && !l->asked_to_close) {
		l->asked_to_close = true;
		l->p.way->close(l->way);
	} else if (l->way) {
		mcp_rpc_tick(l->rpc, now_us(l));
	} else if (now_us(l) >= l->again_us) {
		begin(l);
	}
	rearm(l);
}

/* --- the owner's side ----------------------------------------------------------------------------------- */

int mcp_link_new(struct mcp_link **out, const struct mcp_link_params *p)
{
	struct mcp_link *l = mem_zalloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->p = *p;
	l->pause_ms = MCP_PAUSE_MIN_MS;
	l->timer.on_due = on_due;
	if (mcp_rpc_new(&l->rpc, &rpc_ops, l) != 0 || timer_set(p->to.loop, &l->timer, 0) != 0) {
		link_free(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

void mcp_link_close(struct mcp_link *l)
{
	static const struct mcp_result why = { MCP_PROTOCOL_ERROR, 0, "" };

	l->closing = true;
	mcp_rpc_down(l->rpc, &why);
	rearm(l);
}

int mcp_link_call(struct mcp_link *l, uint64_t call, const char *name, const char *arguments, unsigned time_ms)
{
	int r = l->closing ? -ENOTCONN : mcp_rpc_call(l->rpc, call, name, arguments, time_ms, now_us(l));

	rearm(l);
	return r;
}

void mcp_link_cancel(struct mcp_link *l, uint64_t call)
{
	mcp_rpc_cancel(l->rpc, call);
	rearm(l);
}
