#include "api/serving.h"

#include <string.h>

/* Not later than the client goes: the api may be gone soon after. */
static void release(struct serving *s)
{
	if (s->counted)
		seat_release(s->api);
	s->counted = false;
	if (s->payer)
		s->payers.ops->end(s->payer);
	s->payer = NULL;
}

/* By the engines that the budgets allow: false: by none. */
static bool take_payer(struct serving *s, const struct request *r)
{
	struct cost_left left;

	s->payers = seat_payers(r);
	if (!s->payers.ops || s->payers.ops->begin(s->payers.ctx, s->payers.key, &s->payer) != 0)
		return true;
	enum cost_level l = s->payers.ops->spend(s->payer, &(struct cost){ 0 }, &left);
	if (l < COST_CHEAPER)
		return true;
	const struct engines *e = s->payers.ops->engines(s->payer, l, s->reach.collection);
	if (e)
		s->reach.engines = e;
	if (l < COST_EMBEDDED)
		return true;
	s->payers.ops->end(s->payer); /* what costs nothing counts against nothing */
	s->payer = NULL;
	return e;
}

void serving_charge(struct serving *s, struct meter *m, struct cost used)
{
	struct cost_left left;

	cost_meter(m, &used);
	if (s->payer)
		(void)s->payers.ops->spend(s->payer, &used, &left);
}

static void gone(void *ctx)
{
	struct serving *s = ctx;

	release(s);
	s->ops->on_gone(s);
}

static void room(void *ctx)
{
	struct serving *s = ctx;

	if (s->ops->on_room)
		s->ops->on_room(s);
}

static const struct exchange_watch watch = { gone, room };

bool serving_begin(struct serving *s, struct request *r, const struct serving_ops *ops)
{
	if (!seat_admit(r))
		return false;
	if (!take_payer(s, r)) {
		seat_release(r->seat->api);
		exchange_error(r->ex, 429, cost_exhausted.code, NULL, cost_exhausted.message);
		return false;
	}
	s->counted = true;
	s->ops = ops;
	s->ex = r->ex;
	s->api = r->seat->api;
	s->loop = r->seat->loop;
	exchange_set_watch(s->ex, &watch, s);
	return true;
}

/* The exchange, which is the caller's to end; this is over. */
static struct http_exchange *take(struct serving *s)
{
	struct http_exchange *ex = s->ex;

	s->ex = NULL;
	release(s);
	return ex;
}

void serving_reply(struct serving *s, json_t *o)
{
	reply_json(take(s), 200, o);
}

void serving_reply_text(struct serving *s, const char *type, struct bytes body)
{
	exchange_reply(take(s), &(struct http_reply){ .status = 200, .type = type, .body = body });
}

void serving_end(struct serving *s)
{
	exchange_end(take(s));
}

void serving_drop(struct serving *s)
{
	if (!s->ex)
		return;
	struct http_exchange *ex = take(s);
	if (exchange_gone(ex))
		exchange_end(ex);
	else
		exchange_cut(ex);
}

static void put_error(struct buf *to, unsigned status, const struct engine_error *e)
{
	buf_puts(to, "data: ");
	http_write_error(to, http_error_type(status), e->code, NULL, e->message);
	buf_puts(to, "\n\n");
}

void serving_fail(struct serving *s, unsigned status, const struct engine_error *e)
{
	AUTO(buf) struct buf b = { 0 };

	if (!s->begun) {
		exchange_error(take(s), status, e->code, NULL, e->message);
		return;
	}
	put_error(&b, status, e);
	if (s->events && serving_write(s, buf_bytes(&b)))
		serving_end(s);
	else
		serving_drop(s);
}

bool serving_open(struct serving *s, const char *type)
{
	static const struct http_field fields[] = {
		{ "Cache-Control", "no-store" },
		{ "X-Accel-Buffering", "no" }, /* proxies are not to collect it */
	};

	if (s->begun)
		return true;
	s->begun = true;
	s->events = strcmp(type, SERVING_EVENTS) == 0;
	return exchange_begin(s->ex, &(struct http_reply){ .status = 200, .type = type, .fields = fields,
							   .n_fields = ARRAY_LEN(fields) }) == 0;
}

bool serving_write(struct serving *s, struct bytes part)
{
	return exchange_write(s->ex, part) == 0;
}

bool serving_event(struct serving *s, json_t *o)
{
	AUTO(buf) struct buf b = { 0 };

	buf_puts(&b, "data: ");
	json_write(&b, o);
	buf_puts(&b, "\n\n");
	b.failed |= !o;
	json_decref(o);
	return !b.failed && serving_write(s, buf_bytes(&b));
}

size_t serving_queued(const struct serving *s)
{
	return exchange_queued(s->ex);
}

void serving_refuse(struct http_exchange *ex, const struct serving_wrong *w)
{
	exchange_error(ex, 400, "invalid_value", w->param, w->why);
}

json_t *serving_body(struct request *r)
{
	char why[160];
	json_t *body = json_parse(r->http->body, why);

	if (json_is_object(body))
		return body;
	json_decref(body);
	exchange_error(r->ex, 400, "invalid_json", NULL, "The body is not a JSON object.");
	return NULL;
}
