#include "service/remote.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/json.h"
#include "base/loop.h"
#include "engine/ops.h"

enum {
	LOOK_US = 50 * US_PER_MS, /* for a credential that is on its way */
	CONNECT_MS = 5000,
	WRONG_MAX = 16 << 10,
};

/* --- life ------------------------------------------------------------------------------------- */

int remote_init(struct remote *r, struct fetcher *f, const struct service *s)
{
	int e = strncmp(s->url, "http", 4) == 0 ? credential_new(&r->credential, f, s) : -EINVAL;

	if (e != 0)
		return e;
	r->fetcher = f;
	r->service = s;
	relay_set_init(&r->set, NULL);
	pthread_mutex_init(&r->lock, NULL);
	list_init(&r->calls);
	warm_init(&r->warm, f, s->url);
	return 0;
}

uint64_t remote_rest_ms(const struct remote *r)
{
	uint64_t now = env_now(&env_system), again = atomic_load(&r->again_us);

	return again > now ? (again - now + US_PER_MS - 1) / US_PER_MS : 0;
}

void remote_url(const struct service *s, const char *path, struct buf *to)
{
	bool azure = s->api != SERVICE_OPENAI;

	if (!azure || !s->version || !s->model || strcmp(s->version, "v1") == 0) {
		buf_printf(to, "%s/%s%s", s->url, azure ? "openai/v1/" : "", path);
		return;
	}
	buf_printf(to, "%s/openai/deployments/", s->url);
	service_escape(to, s->model);
	buf_printf(to, "/%s?api-version=", path);
	service_escape(to, s->version);
}

/* --- what went wrong ---------------------------------------------------------------------------- */

static const struct {
	unsigned status; /* 0: any other */
	const char *code, *why;
} wrongs[] = {
	{ 401, "engine_unavailable", "does not accept the key" },
	{ 403, "engine_unavailable", "does not allow this to the key" },
	{ 404, "engine_unavailable", "has no such model, or not at this URL" },
	{ 413, "engine_unavailable", "finds the request too large" },
	{ 429, "rate_limit_exceeded", "has had too many requests, or its quota is used up" },
	{ 503, "engine_busy", "is overloaded" },
	{ 0, "engine_unavailable", "refused the request" },
};

/* "code" of {error: {code}}, if it is a plain word: no place for anybody's secret. */
static void take_code(struct remote_call *c)
{
	char why[160];
	AUTO(json) json_t *o = json_parse(buf_bytes(&c->wrong), why);
	const char *code = json_str(json_object_get(o, "error"), "code", "");

	for (const char *p = code; *p; p++)
		if (!islower((unsigned char)*p) && *p != '_')
			return;
	if (strlen(code) < sizeof(c->code))
		snprintf(c->code, sizeof(c->code), "%s", code);
}

static struct engine_error error_of_status(struct remote_call *c)
{
	size_t i = 0;

	while (wrongs[i].status && wrongs[i].status != c->status)
		i++;
	snprintf(c->why, sizeof(c->why), "The service %s %s (%u%s%s).", c->remote->service->host, wrongs[i].why,
		 c->status, c->code[0] ? ", " : "", c->code);
	return (struct engine_error){ wrongs[i].code, c->why };
}

static struct engine_error error_of(struct remote_call *c, int error, const char *why)
{
	const char *host = c->remote->service->host;

	if (c->refused)
		snprintf(c->why, sizeof(c->why), "The service %s %s.", host, c->refused);
	else if (c->status >= 300)
		return error_of_status(c);
	else if (error == -EAGAIN)
		return (struct engine_error){ "engine_busy", "No token for the service came in time, or too many requests "
							     "to services are under way." };
	else if (error == -ENOMEM)
		return relay_no_memory;
	else
		snprintf(c->why, sizeof(c->why), "The service %s could not be asked: %.120s", host,
			 why && *why ? why : "it does not answer.");
	return (struct engine_error){ "engine_unavailable", c->why };
}

/* --- a call --------------------------------------------------------------------------------------- */

struct ended {
	struct remote_call *call;
	bool failed;
	struct engine_error error; /* whose words are the call's, or constant */
};

static void deliver_end(struct relay *r, void *payload)
{
	struct ended *e = payload;

	(void)r;
	e->call->ops->end(e->call, e->failed ? &e->error : NULL);
}

static void on_head(void *owner, const struct fetch_head *h)
{
	struct remote_call *c = owner;

	c->status = h->status;
	if (h->status == 401)
		credential_refused(c->remote->credential);
	if (h->retry_after_ms)
		atomic_store(&c->remote->again_us, env_now(&env_system) + h->retry_after_ms * US_PER_MS);
	if (h->status < 300 && c->ops->head)
		c->refused = c->ops->head(c, h);
}

static bool on_body(void *owner, struct bytes part)
{
	struct remote_call *c = owner;

	if (relay_cancelled(c->relay) || c->refused)
		return false;
	if (c->status >= 300) {
		buf_put(&c->wrong, part.p, MIN(part.n, (size_t)WRONG_MAX - MIN(c->wrong.n, (size_t)WRONG_MAX)));
		return c->wrong.n < WRONG_MAX;
	}
	c->refused = c->ops->part(c, part);
	return !c->refused;
}

static void on_done(void *owner, int error, const char *why)
{
	struct remote_call *c = owner;
	struct relay *relay = c->relay;
	struct ended e = { .call = c, .failed = error != 0 || c->status >= 300 || c->refused };

	pthread_mutex_lock(&c->remote->lock);
	c->x = NULL;
	node_unlink(&c->node);
	pthread_mutex_unlock(&c->remote->lock);
	if (e.failed) {
		take_code(c);
		e.error = error_of(c, error, why);
	}
	relay_send(relay, RELAY_MORE, deliver_end, &e, sizeof(e));
	relay_release(relay);
}

static const struct fetch_ops fetch_ops = { on_head, on_body, on_done };

/* 0: it is out. */
static int send(struct remote_call *c)
{
	struct remote *r = c->remote;
	AUTO(buf) struct buf url = { 0 };
	AUTO(buf) struct buf body = { 0 };
	char field[CREDENTIAL_FIELD], type[128] = "", type_field[160];
	int e = credential_field(r->credential, field, c->why);

	if (e != 0)
		return e;
	e = c->ops->write(c, &body, type);
	remote_url(r->service, c->ops->path, &url);
	if (e != 0 || url.failed || body.failed)
		return -ENOMEM;
	snprintf(type_field, sizeof(type_field), "Content-Type: %s", type);
	const struct fetch_request q = {
		.http = { .url = (const char *)url.p,
			  .body = buf_bytes(&body),
			  .fields = { type_field, field[0] ? field : NULL },
			  .connect_ms = MIN((unsigned)CONNECT_MS, r->service->timeout_ms),
			  .answer_max = c->ops->answer_max },
		.idle_ms = r->service->timeout_ms,
	};
	pthread_mutex_lock(&r->lock);
	e = fetch_start(&c->x, r->fetcher, &q, &fetch_ops, c);
	pthread_mutex_unlock(&r->lock);
	explicit_bzero(field, sizeof(field));
	return e;
}

static void wait_until(struct remote_call *c, uint64_t us)
{
	c->waiting = true;
	if (timer_set(c->relay->loop, &c->timer, us) == 0)
		return;
	/* No memory for a timer: who lost it is told through the relay. */
	c->waiting = false;
	pthread_mutex_lock(&c->remote->lock);
	node_unlink(&c->node);
	pthread_mutex_unlock(&c->remote->lock);
	relay_lose(c->relay);
	relay_release(c->relay);
}

static void try_send(struct remote_call *c)
{
	uint64_t now = loop_now_us(c->relay->loop);

	c->failed = send(c);
	if (c->failed == -EAGAIN && now < c->until_us && !c->x)
		wait_until(c, now + LOOK_US);
	else if (c->failed != 0)
		wait_until(c, now); /* told from there, not from inside the start */
}

/* It could not even be sent, or was not to be. */
static void give_up(struct remote_call *c)
{
	struct relay *relay = c->relay;
	struct engine_error e;

	pthread_mutex_lock(&c->remote->lock);
	node_unlink(&c->node);
	pthread_mutex_unlock(&c->remote->lock);
	if (c->failed == 0)
		e = (struct engine_error){ NULL, NULL };
	else if (c->failed == -EACCES)
		e = (struct engine_error){ "engine_unavailable", c->why };
	else
		e = error_of(c, c->failed, c->failed == -EINVAL ? "its URL is none." : NULL);
	if (!relay_cancelled(relay))
		c->ops->end(c, c->failed ? &e : NULL);
	relay_release(relay);
}

static void on_due(struct timer *t)
{
	struct remote_call *c = CONTAINER_OF(t, struct remote_call, timer);

	c->waiting = false;
	if (c->failed == -EAGAIN && loop_now_us(c->relay->loop) < c->until_us)
		try_send(c);
	else
		give_up(c);
}

static void begin(struct remote_call *c, struct remote *r, struct relay *relay, const struct remote_ops *ops)
{
	c->remote = r;
	c->relay = relay;
	c->ops = ops;
	c->timer.on_due = on_due;
	c->until_us = loop_now_us(relay->loop) + r->service->timeout_ms * (uint64_t)US_PER_MS;
	relay_hold(relay);
	pthread_mutex_lock(&r->lock);
	list_push(&r->calls, &c->node);
	pthread_mutex_unlock(&r->lock);
}

void remote_start(struct remote_call *c, struct remote *r, struct relay *relay, const struct remote_ops *ops)
{
	begin(c, r, relay, ops);
	try_send(c);
}

void remote_later(struct remote_call *c, struct remote *r, struct relay *relay, const struct remote_ops *ops)
{
	begin(c, r, relay, ops);
	wait_until(c, loop_now_us(relay->loop));
}

/* Under the lock. true: it only waited, and the caller releases its relay. */
static bool cancel(struct remote_call *c)
{
	if (c->x)
		fetch_cancel(c->x);
	if (!c->waiting)
		return false;
	c->waiting = false;
	timer_stop(c->relay->loop, &c->timer);
	node_unlink(&c->node);
	return true;
}

void remote_cancel(struct remote_call *c)
{
	if (!c->remote)
		return;
	pthread_mutex_lock(&c->remote->lock);
	bool waited = cancel(c);
	pthread_mutex_unlock(&c->remote->lock);
	if (waited)
		relay_release(c->relay);
}

void remote_call_done(struct remote_call *c)
{
	buf_done(&c->wrong);
}

static struct remote_call *cancel_all(struct remote *r)
{
	struct remote_call *waited = NULL;

	pthread_mutex_lock(&r->lock);
	LIST_FOR (&r->calls, n) {
		waited = CONTAINER_OF(n, struct remote_call, node);
		if (cancel(waited))
			break;
		waited = NULL;
	}
	pthread_mutex_unlock(&r->lock);
	return waited;
}

void remote_done(struct remote *r)
{
	for (struct remote_call *c; (c = cancel_all(r));)
		relay_release(c->relay);
	warm_done(&r->warm);
	relay_set_done(&r->set);
	credential_free(r->credential);
	pthread_mutex_destroy(&r->lock);
}
