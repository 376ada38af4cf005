#include "service/realtime_ws.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/log.h"
#include "service/credential.h"
#include "service/realtime_inner.h"
#include "net/tls.h"

LOG_TOPIC("realtime");

enum {
	RENEW_S = 55 * 60,
	GRACE_US = 4 * 60 * US_PER_S,         /* over the renewal, until a quiet moment has come  */
	REST_US = 100 * US_PER_MS,            /* without audio: what is left of it is sent        */
	QUIET_US = US_PER_S,                  /* without audio: then nobody speaks                */
	TRY_MS = 4000,                        /* for one service while others are left            */
	ASK_AGAIN_US = 50 * US_PER_MS,        /* for a credential that is on its way              */
	TICK_US = 250 * US_PER_MS,
	REFUSED_MS = 60 * 1000,               /* who says that we may not is left alone so long   */
	FRESH_TOKEN_MS = 2000,                /* … unless it may only be that a token is over     */
	BRIEF_US = US_PER_S,                  /* a connection that broke so soon speaks against it */
	LINGER_US = US_PER_S,
	MESSAGE_MAX = 16 << 20,
	OUT_ROOM = 8 << 10,                   /* for a message of RT_CHUNK samples                */
};

/* --- the services ------------------------------------------------------------------------- */

static void seats_done(struct realtime *e)
{
	for (size_t i = 0; i < e->n_seats; i++) {
		credential_free(e->seats[i].credential);
		health_done(&e->seats[i].health);
	}
	tls_ctx_free(e->tls);
	pthread_mutex_destroy(&e->lock);
	mem_free(e);
}

/* Reading the system's authorities takes a while. */
static bool needs_tls(const struct realtime *e)
{
	for (size_t i = 0; i < e->n_seats; i++)
		if (strncmp(e->seats[i].service->url, "wss:", 4) == 0 ||
		    strncmp(e->seats[i].service->url, "https:", 6) == 0)
			return true;
	return false;
}

int realtime_ws_new(struct realtime **out, const struct realtime_ws_params *p,
		    char why[static REALTIME_WHY])
{
	_Static_assert((int)REALTIME_WHY >= (int)TLS_WHY, "a TLS sentence fits");
	struct realtime *e = mem_zalloc(sizeof(*e));

	snprintf(why, REALTIME_WHY, "out of memory");
	if (!e)
		return -ENOMEM;
	list_init(&e->homes);
	list_init(&e->links);
	pthread_mutex_init(&e->lock, NULL);
	e->renew_us = (uint64_t)(p->renew_s ? p->renew_s : RENEW_S) * US_PER_S;
	for (size_t i = 0; i < p->n_services && i < RT_SERVICES_MAX; i++) {
		struct rt_seat *seat = &e->seats[i];

		if (credential_new(&seat->credential, p->fetcher, &p->services[i]) != 0) {
			seats_done(e);
			return -ENOMEM;
		}
		seat->service = &p->services[i];
		health_init(&seat->health);
		e->chain.of[i] = &seat->health;
		e->chain.n = ++e->n_seats;
	}
	if (needs_tls(e) && !(e->tls = tls_client_ctx_new(why))) {
		seats_done(e);
		return -EIO;
	}
	*out = e;
	return 0;
}

struct health *realtime_ws_health(struct realtime *e, size_t i)
{
	return &e->seats[i].health;
}

/* Where this loop's connections live. */
static struct rt_home *home_of(struct realtime *e, struct loop *loop)
{
	struct rt_home *home = NULL;

	pthread_mutex_lock(&e->lock);
	LIST_FOR(&e->homes, n)
		if (CONTAINER_OF(n, struct rt_home, node)->conns.loop == loop)
			home = CONTAINER_OF(n, struct rt_home, node);
	if (!home && (home = mem_zalloc(sizeof(*home)))) {
		conn_home_init(&home->conns, loop, NULL);
		home->conns.linger_us = LINGER_US;
		list_push(&e->homes, &home->node);
	}
	pthread_mutex_unlock(&e->lock);
	return home;
}

/* --- life of a link ------------------------------------------------------------------------- */

static void leave_engine(struct realtime_link *l)
{
	pthread_mutex_lock(&l->e->lock);
	node_unlink(&l->node);
	pthread_mutex_unlock(&l->e->lock);
}

static void destroy(struct realtime_link *l)
{
	leave_engine(l);
	ws_client_free(l->ws);
	timer_stop(l->loop, &l->timer);
	rt_forget_waiting(l);
	rt_talk_done(l);
	buf_done(&l->out);
	json_decref(l->session);
	json_decref(l->items);
	json_decref(l->names);
	mem_free(l->safety_id);
	mem_free(l->pcm);
	buf_done(&l->heard);
	mem_free(l);
}

void rt_enter(struct realtime_link *l)
{
	l->depth++;
}

bool rt_leave(struct realtime_link *l)
{
	bool closed = l->closed;

	if (--l->depth == 0 && closed)
		destroy(l);
	return !closed;
}

static void set_timer(struct realtime_link *l, uint64_t at_us)
{
	/* It has its place since open(): this cannot fail. */
	(void)(timer_set(l->loop, &l->timer, at_us) == 0);
}

static void hang_up(struct realtime_link *l)
{
	struct ws_client *ws = l->ws;

	l->ws = NULL;
	if (ws)
		ws_client_close(ws, WS_NORMAL, "");
}

static void link_close(struct realtime_link *l)
{
	l->closed = true;
	leave_engine(l);
	timer_stop(l->loop, &l->timer);
	hang_up(l);
	if (l->depth == 0)
		destroy(l);
}

static void engine_free(struct realtime *e)
{
	struct node *n;

	if (!e)
		return;
	while ((n = list_first(&e->links)))
		destroy(CONTAINER_OF(n, struct realtime_link, node));
	while ((n = list_pop(&e->homes))) {
		struct rt_home *home = CONTAINER_OF(n, struct rt_home, node);

		conn_home_done(&home->conns);
		mem_free(home);
	}
	seats_done(e);
}

/* --- the end of a connection ---------------------------------------------------------------- */

/* The next service that is well. */
static bool choose(struct realtime_link *l)
{
	uint64_t now = loop_now_us(l->loop);
	size_t i = chain_pick_well(&l->e->chain, l->tried, now);

	if (i == l->e->n_seats)
		return false;
	l->seat = i;
	l->tried |= BIT(i);
	uint64_t ms = rt_service(l)->timeout_ms;
	bool last = l->tried == BIT(l->e->n_seats) - 1;
	l->until_us = now + (last ? ms : MIN(ms, (uint64_t)TRY_MS)) * US_PER_MS;
	l->state = RT_WANTED;
	set_timer(l, now);
	return true;
}

/* When one of them may be asked again. */
static uint64_t rested_us(const struct realtime_link *l, uint64_t now)
{
	uint64_t ms = chain_rest_ms(&l->e->chain, now);

	return ms == UINT64_MAX ? UINT64_MAX : now + ms * US_PER_MS;
}

static void note(struct realtime_link *l, const char *code, const char *why, uint64_t again_us)
{
	l->state = RT_BROKEN;
	l->again_us = again_us;
	snprintf(l->code, sizeof(l->code), "%s", code);
	snprintf(l->why, sizeof(l->why), "%s", why);
	set_timer(l, loop_now_us(l->loop));
}

static const char limited_code[] = "rate_limit_exceeded", limited_why[] = "The realtime service has no room just now.";

/* Nobody may be asked now. */
static void note_rest(struct realtime_link *l)
{
	bool limited = atomic_load(&l->e->limited);

	note(l, limited ? limited_code : "engine_unavailable",
	     limited ? limited_why : "No realtime service can be reached just now.", rested_us(l, loop_now_us(l->loop)));
}

void rt_break(struct realtime_link *l, enum rt_blame blame, uint64_t retry_ms, const char *code,
	      const char *why)
{
	struct health *h = &l->e->seats[l->seat].health;
	uint64_t now = loop_now_us(l->loop);
	bool open = l->state == RT_OPEN;

	if (l->state == RT_BROKEN || l->closed)
		return;
	hang_up(l);
	if (blame == RT_BLAME && (!open || retry_ms || now < l->opened_us + BRIEF_US)) {
		health_failed(h, now, retry_ms);
		atomic_store(&l->e->limited, strcmp(code, limited_code) == 0);
	}
	if (!open && choose(l))
		return;
	note(l, code, why, open ? now + retry_ms * US_PER_MS : rested_us(l, now));
}

static void lose(struct realtime_link *l)
{
	const struct engine_error e = { l->code, l->why };

	l->closed = true; /* the handle ends; its memory goes with rt_leave() */
	leave_engine(l);
	timer_stop(l->loop, &l->timer);
	l->sink->on_lost(l->owner, l->number, &e, l->again_us);
}

void rt_send(struct realtime_link *l)
{
	int err = l->out.failed ? -ENOMEM : l->ws ? ws_client_send(l->ws, buf_bytes(&l->out)) : -EPIPE;

	if (l->out.failed || l->out.cap > MESSAGE_MAX / 16)
		buf_done(&l->out);
	if (err == -ENOBUFS)
		rt_break(l, RT_BLAME, 0, "engine_unavailable", "The realtime service does not keep up.");
	else if (err == -ENOMEM)
		rt_break(l, RT_NO_BLAME, 0, "engine_unavailable", "The server is out of memory.");
	/* -EPIPE: on_closed says so itself */
}

/* --- the connection --------------------------------------------------------------------------- */

/* What the link's owner (and maybe a client) is told of a refusal: never the service's own words, which
 * may hold a part of the key. */
static const struct refusal {
	unsigned status;
	uint64_t rest_ms; /* unless it says how long */
	const char *code, *why;
} refusals[] = {
	{ 401, REFUSED_MS, "engine_unavailable", "The realtime service refuses the server's key." },
	{ 403, REFUSED_MS, "engine_unavailable", "The realtime service refuses the server's key." },
	{ 404, REFUSED_MS, "engine_unavailable", "The realtime service does not know the model." },
	{ 429, 0, limited_code, limited_why },
	{ 503, 0, "engine_unavailable", "The realtime service has no room just now." },
	{ 0, 0, "engine_unavailable", "The realtime service refuses the connection." },
};

static void on_ws_open(void *owner, const char *protocol)
{
	struct realtime_link *l = owner;

	(void)protocol;
	l->state = RT_GREETING;
}

static void on_ws_message(void *owner, enum ws_kind kind, struct bytes data)
{
	struct realtime_link *l = owner;

	if (kind != WS_TEXT || l->state == RT_BROKEN)
		return;
	rt_enter(l);
	rt_message(l, data);
	(void)rt_leave(l);
}

static void on_ws_writable(void *owner)
{
	struct realtime_link *l = owner;

	rt_enter(l);
	rt_flush(l);
	(void)rt_leave(l);
}

static void on_ws_closed(void *owner, const struct ws_client_end *end)
{
	struct realtime_link *l = owner;
	const struct rt_seat *seat = &l->e->seats[l->seat];
	const struct refusal *r = refusals;

	l->ws = NULL;
	while (r->status && r->status != end->status)
		r++;
	bool key = end->status == 401 || end->status == 403;
	/* Their words may quote the key. */
	bool quotes = seat->service->key && strstr(end->why, seat->service->key);
	log_warn("service=%s status=%u what=\"%s\"", seat->service->host, end->status,
		 key	? "our key is refused" :
		 quotes ? "the connection is refused" :
			  end->why);
	if (end->status == 401)
		credential_refused(seat->credential);
	rt_enter(l);
	uint64_t rest_ms = end->retry_after_ms ? end->retry_after_ms : r->rest_ms;
	if (end->status == 401 && seat->service->tenant)
		rest_ms = FRESH_TOKEN_MS;
	if (end->status)
		rt_break(l, RT_BLAME, rest_ms, r->code, r->why);
	else
		rt_break(l, RT_BLAME, 0, "engine_unavailable",
			 l->state == RT_OPEN ? "The connection to the realtime service broke." :
					       "The realtime service cannot be reached.");
	(void)rt_leave(l);
}

static const struct ws_client_ops ws_ops = { on_ws_open, on_ws_message, on_ws_writable,
					     on_ws_closed };

static void connect_to(struct realtime_link *l, const char *field)
{
	AUTO(buf) struct buf url = { 0 };
	AUTO(mem) char *safety = l->safety_id ? mem_printf("OpenAI-Safety-Identifier: %s",
							   l->safety_id) : NULL;
	uint64_t now = loop_now_us(l->loop);
	struct ws_client_params p = { .home = &l->home->conns, .tls = l->e->tls, .message_max = MESSAGE_MAX,
				      .fields = { field, safety } };

	rt_url(rt_service(l), &url);
	p.url = url.failed ? NULL : (const char *)url.p;
	p.open_ms = (unsigned)((l->until_us - MIN(now, l->until_us)) / US_PER_MS) + 1;
	int err = p.url ? ws_client_new(&l->ws, &p, &ws_ops, l) : -ENOMEM;
	if (err == 0)
		l->state = RT_CONNECTING;
	else if (err == -ENOMEM)
		rt_break(l, RT_NO_BLAME, 0, "engine_unavailable", "The server is out of memory.");
	else
		rt_break(l, RT_BLAME, REFUSED_MS, "engine_unavailable",
			 "The address of the realtime service is wrong.");
}

static void try_credential(struct realtime_link *l)
{
	char field[CREDENTIAL_FIELD], why[CREDENTIAL_WHY];
	const struct rt_seat *seat = &l->e->seats[l->seat];
	int err = credential_field(seat->credential, field, why);

	if (err == 0) {
		connect_to(l, field);
	} else if (err != -EAGAIN) {
		log_warn("service=%s what=\"%s\"", seat->service->host, why);
		rt_break(l, RT_BLAME, REFUSED_MS, "engine_unavailable",
			 "The server could not sign in to the realtime service.");
	}
	memset(field, 0, sizeof(field));
}

void rt_opened(struct realtime_link *l)
{
	health_well(&l->e->seats[l->seat].health);
	l->state = RT_OPEN;
	l->opened_us = loop_now_us(l->loop);
	set_timer(l, l->opened_us + TICK_US);
	rt_say_items(l);
	rt_flush(l);
	if (l->state == RT_OPEN)
		l->sink->on_open(l->owner, l->number);
}

/* --- time ---------------------------------------------------------------------------------------- */

/* Nobody speaks, nothing is owed: then a new connection is not heard. */
static bool may_renew(const struct realtime_link *l, uint64_t now)
{
	uint64_t at = l->opened_us + l->e->renew_us;

	return now >= at && (now >= at + GRACE_US ||
			     (rt_talk_idle(l) && list_empty((struct list *)(uintptr_t)&l->waiting) &&
			      now >= l->heard_us + QUIET_US));
}

static void on_due(struct timer *t)
{
	struct realtime_link *l = CONTAINER_OF(t, struct realtime_link, timer);
	uint64_t now = loop_now_us(l->loop), next = now + TICK_US;

	rt_enter(l);
	switch (l->state) {
	case RT_WANTED:
		next = MIN(now + ASK_AGAIN_US, l->until_us);
		if (now < l->until_us)
			try_credential(l);
		else
			rt_break(l, RT_BLAME, 0, "engine_unavailable",
				 "The server could not sign in to the realtime service.");
		break;
	case RT_CONNECTING:
	case RT_GREETING:
	case RT_CONFIGURING:
		next = l->until_us;
		if (now >= l->until_us)
			rt_break(l, RT_BLAME, 0, "engine_unavailable",
				 "The realtime service does not answer.");
		break;
	case RT_OPEN:
		if (l->n_pcm && now >= l->heard_us + REST_US)
			rt_say_rest(l);
		rt_talk_time(l, now);
		if (!l->closed && l->state == RT_OPEN && may_renew(l, now))
			rt_break(l, RT_NO_BLAME, 0, "session_expired",
				 "The connection to the realtime service is old: a new one is due.");
		break;
	case RT_BROKEN:
		lose(l);
		break;
	}
	if (!l->closed && !l->timer.slot)
		set_timer(l, l->state == RT_CONNECTING ? l->until_us : next);
	(void)rt_leave(l);
}

/* --- ops -------------------------------------------------------------------------------------------- */

static int keep_start(struct realtime_link *l, const struct realtime_start *s)
{
	l->session = json_deep_copy(s->session);
	l->items = s->items ? json_deep_copy(s->items) : json_array();
	l->names = json_object();
	l->turns = s->service_turns ? RT_TURNS_THEIRS : RT_TURNS_OURS;
	if (s->safety_id && !(l->safety_id = mem_strdup(s->safety_id)))
		return -ENOMEM;
	l->pcm = mem_calloc(RT_CHUNK, sizeof(*l->pcm));
	if (!l->session || !l->items || !l->names || !l->pcm || !buf_reserve(&l->out, OUT_ROOM))
		return -ENOMEM;
	return timer_set(l->loop, &l->timer, UINT64_MAX);
}

static int link_open(struct realtime *e, struct realtime_link **out, const struct realtime_start *s,
		     struct loop *loop, const struct realtime_sink *sink, void *owner, uint64_t link)
{
	struct rt_home *home = home_of(e, loop);
	struct realtime_link *l = home ? mem_zalloc(sizeof(*l)) : NULL;

	if (!l)
		return -ENOMEM;
	l->e = e;
	l->home = home;
	l->loop = loop;
	l->sink = sink;
	l->owner = owner;
	l->number = link;
	l->timer.on_due = on_due;
	list_init(&l->waiting);
	list_init(&l->answers);
	list_init(&l->commits);
	int err = keep_start(l, s);
	if (err != 0) {
		destroy(l);
		return err;
	}
	pthread_mutex_lock(&e->lock);
	list_push(&e->links, &l->node);
	pthread_mutex_unlock(&e->lock);
	if (!choose(l))
		note_rest(l);
	*out = l;
	return 0;
}

const struct realtime_ops realtime_ws_ops = {
	.name = "realtime",
	.open = link_open,
	.update = rt_update,
	.push = rt_push,
	.commit = rt_commit,
	.clear = rt_clear,
	.add = rt_add,
	.remove = rt_remove,
	.truncate = rt_truncate,
	.ask = rt_ask,
	.adopt = rt_adopt,
	.name_item = rt_name_item,
	.cancel = rt_cancel,
	.close = link_close,
	.free = engine_free,
};
