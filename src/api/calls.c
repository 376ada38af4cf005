/* calls.c - POST /v1/realtime/calls: an offer in, an answer out, and what becomes of the call. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/recording.h"
#include "api/seat.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/loop.h"
#include "leg/runner.h"
#include "net/multipart.h"
#include "rtc/ice.h"

LOG_TOPIC("call");

enum { ID_RANDOM = 22, ID_LEN = 4 + 2 + ID_RANDOM };

struct call {
	struct node node; /* in seat->list */
	struct seat *seat;
	struct runner runner;
	struct webrtc *webrtc;
	struct recording *recording;
	bool added;
	char id[ID_LEN + 1];
};

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

/* --- ids ------------------------------------------------------------------------------------ */

static void make_id(struct call *c)
{
	const struct env *env = c->seat->api->p.env;

	env_id(env, "rtc_00", c->id, ID_RANDOM);
	c->id[4] = digits[c->seat->index / 36 % 36];
	c->id[5] = digits[c->seat->index % 36];
}

/* The loop in a call id, or -1. */
static int id_loop(const char *id, size_t n)
{
	const char *a, *b;

	if (n != ID_LEN || memcmp(id, "rtc_", 4) != 0 || !(a = memchr(digits, id[4], 36)) ||
	    !(b = memchr(digits, id[5], 36)))
		return -1;
	return (int)((a - digits) * 36 + (b - digits));
}

static struct call *find_call(struct seat *s, const char *id, size_t n)
{
	LIST_FOR(&s->list, at)
	{
		struct call *c = CONTAINER_OF(at, struct call, node);

		if (n == ID_LEN && memcmp(c->id, id, n) == 0)
			return c;
	}
	return NULL;
}

/* --- the end ----------------------------------------------------------------------------------- */

static void call_free(struct call *c)
{
	if (c->webrtc && c->added)
		calls_remove(c->seat->calls, c->webrtc);
	webrtc_free(c->webrtc);
	runner_stop(&c->runner);
	recording_end(c->recording);
	node_unlink(&c->node);
	seat_release(c->seat->api);
	mem_free(c);
}

static void on_gone(void *ctx, struct webrtc *w, const char *why)
{
	struct call *c = ctx;

	(void)w;
	log_info("call=%s end=\"%s\"", c->id, why);
	call_free(c);
}

void calls_drain(struct seat *s)
{
	LIST_FOR(&s->list, at)
		webrtc_hangup(CONTAINER_OF(at, struct call, node)->webrtc, "the server is stopping");
}

void calls_end(struct seat *s)
{
	LIST_FOR(&s->list, at)
		call_free(CONTAINER_OF(at, struct call, node));
}

/* --- the beginning -------------------------------------------------------------------------------- */

static void send_from_seat(void *ctx, const struct addr *to, struct bytes datagram)
{
	calls_send(((struct call *)ctx)->seat->calls, to, datagram);
}

static int open_call(struct call *c, struct session_params *sp, struct api_error *e)
{
	const struct api_params *p = &c->seat->api->p;
	int r = runner_start(&c->runner, c->seat->loop, sp, NULL, e);

	if (r != 0)
		return r;
	struct webrtc_params wp = {
		.peer = { .env = p->env, .cert = p->cert, .loop = c->seat->loop, .sctp = p->sctp,
			  .loop_index = (unsigned)c->seat->index, .candidates = c->seat->api->candidates,
			  .n_candidates = p->n_candidates },
		.session = c->runner.session,
		.ctx = c,
		.send = send_from_seat,
		.on_gone = on_gone,
	};
	r = webrtc_new(&c->webrtc, &wp);
	if (r == 0)
		r = calls_add(c->seat->calls, c->webrtc);
	c->added = r == 0;
	return r;
}

/* A verdict on an offer as HTTP. */
static void refuse_offer(struct http_exchange *ex, enum sdp_verdict v, const char *why)
{
	if (v == SDP_NO_MEMORY)
		reply_no_memory(ex);
	else if (v == SDP_TOO_LARGE)
		exchange_error(ex, 413, "invalid_offer", "sdp", why);
	else
		exchange_error(ex, 400, "invalid_offer", "sdp", why);
}

static void answer_offer(struct http_exchange *ex, unsigned status, const struct call *c,
			 const struct buf *answer)
{
	char location[64];
	const struct http_field fields[] = { { "Location", location }, { "Cache-Control", "no-store" } };

	snprintf(location, sizeof(location), "/v1/realtime/calls/%s", c->id);
	exchange_reply(ex, &(struct http_reply){ .status = status, .type = "application/sdp",
						 .body = buf_bytes(answer), .fields = fields,
						 .n_fields = ARRAY_LEN(fields) });
}

/* Takes the exchange. `config` is borrowed, or NULL. */
static void begin_call(struct request *r, struct bytes offer, json_t *config, const char *model)
{
	AUTO(buf) struct buf answer = { 0 };
	struct session_params sp;
	struct api_error e = { 0 };
	const char *why = "";
	AUTO(json) json_t *bound = NULL;
	const struct http_refusal *refusal;
	struct call *c;

	if (!seat_session_params(r, &sp))
		return;
	sp.model = model;
	refusal = seat_bind_token(r, config, &sp, &bound);
	if (refusal) {
		seat_refuse(r, refusal);
		return;
	}
	if (!seat_admit(r))
		return;
	c = mem_zalloc(sizeof(*c));
	if (!c) {
		seat_release(r->seat->api);
		reply_no_memory(r->ex);
		return;
	}
	c->seat = r->seat;
	make_id(c);
	list_push(&r->seat->list, &c->node);
	c->recording = recording_new(r->seat->api);
	sp.recorder = recording_hook(c->recording);

	int err = open_call(c, &sp, &e);
	if (err != 0) {
		if (err == -EINVAL)
			exchange_error(r->ex, 400, e.code, e.param[0] ? e.param : NULL, e.message);
		else
			reply_no_memory(r->ex);
		call_free(c);
		return;
	}
	enum sdp_verdict v = webrtc_offer(c->webrtc, offer, &answer, &why);
	if (v != SDP_OK) {
		refuse_offer(r->ex, v, why);
		call_free(c);
		return;
	}
	refusal = seat_spend_token(r);
	if (refusal) {
		seat_refuse(r, refusal);
		call_free(c);
		return;
	}
	log_info("call=%s begin=1", c->id);
	answer_offer(r->ex, 201, c, &answer);
}

/* The media type, without parameters, in any case. */
static bool type_is(const struct http_request *q, const char *type)
{
	struct bytes t = http_header(q, "content-type");
	size_t n = strlen(type);

	return t.n >= n && strncasecmp((const char *)t.p, type, n) == 0 &&
	       (t.n == n || t.p[n] == ';' || t.p[n] == ' ');
}

static void unsupported_type(struct http_exchange *ex)
{
	exchange_error(ex, 415, "unsupported_content_type", NULL,
		       "Send the offer as application/sdp, or as multipart/form-data with the parts sdp and session.");
}

/* Parts `sdp` and, optionally, `session`, a JSON session object, in any order. */
static void begin_call_of_form(struct request *r, const struct multipart *form, const char *model)
{
	const struct multipart_part *sdp = multipart_find(form, "sdp");
	const struct multipart_part *session = multipart_find(form, "session");
	char why[160] = "it is not an object";
	AUTO(json) json_t *config = session ? json_parse(session->body, why) : NULL;

	if (!sdp)
		exchange_error(r->ex, 400, "missing_required_parameter", "sdp", "The form has no part named sdp.");
	else if (session && !json_is_object(config))
		exchange_error(r->ex, 400, "invalid_json", "session", why);
	else
		begin_call(r, sdp->body, config, json_str(config, "model", model));
}

static void post_form(struct request *r, const char *model)
{
	struct multipart form;

	switch (multipart_parse(http_header(r->http, "content-type"), r->http->body, &form)) {
	case MULTIPART_OK:
		begin_call_of_form(r, &form, model);
		break;
	case MULTIPART_OTHER_TYPE:
		unsupported_type(r->ex);
		break;
	case MULTIPART_MALFORMED:
		exchange_error(r->ex, 400, "invalid_multipart", NULL, "The multipart body is malformed or cut short.");
		break;
	case MULTIPART_TOO_MANY:
		exchange_error(r->ex, 400, "invalid_multipart", NULL, "The multipart body has too many parts.");
		break;
	}
}

void post_call(struct request *r)
{
	char name[128] = "";
	const char *model = http_query(r->http, "model", name, sizeof(name)) ? name : NULL;

	if (seat_holds(r, post_call))
		return;
	if (type_is(r->http, "application/sdp"))
		begin_call(r, r->http->body, NULL, model);
	else
		post_form(r, model);
}

/* --- an existing call, wherever it lives -------------------------------------------------------------- */

struct journey {
	struct api *api;
	void (*handle)(struct request *r, struct call *c);
};

static void on_call(struct request *r, void (*handle)(struct request *r, struct call *c))
{
	struct call *c = find_call(r->seat, r->id, r->id_len);

	if (c)
		handle(r, c);
	else
		exchange_error(r->ex, 404, "call_not_found", NULL, "There is no such call, or it has ended.");
}

static void arrived(void *arg, struct http_exchange *ex)
{
	static const char prefix[] = "/v1/realtime/calls/";
	struct journey j = *(struct journey *)arg;
	struct request r = { .seat = &j.api->seats[loop_index(exchange_loop(ex))], .ex = ex,
			     .http = exchange_request(ex) };

	mem_free(arg);
	r.id = r.http->path + strlen(prefix);
	r.id_len = strcspn(r.id, "/");
	on_call(&r, j.handle);
}

static void go_to_call(struct request *r, void (*handle)(struct request *r, struct call *c))
{
	int loop = id_loop(r->id, r->id_len);
	struct api *a = r->seat->api;

	if (loop < 0 || (size_t)loop >= a->p.n_loops || (size_t)loop == r->seat->index) {
		on_call(r, handle);
		return;
	}
	struct journey *j = mem_alloc(sizeof(*j));
	if (j) {
		*j = (struct journey){ a, handle };
		if (exchange_move(r->ex, a->p.loops[loop], arrived, j) == 0)
			return;
		mem_free(j);
	}
	reply_no_memory(r->ex);
}

static void further_offer(struct request *r, struct call *c)
{
	AUTO(buf) struct buf answer = { 0 };
	const char *why = "";
	enum sdp_verdict v = webrtc_offer(c->webrtc, r->http->body, &answer, &why);

	if (v == SDP_OK)
		answer_offer(r->ex, 200, c, &answer);
	else
		refuse_offer(r->ex, v, why);
}

void post_call_offer(struct request *r)
{
	if (type_is(r->http, "application/sdp"))
		go_to_call(r, further_offer);
	else
		unsupported_type(r->ex);
}

/* What goes on inside, for people who look for the cause of something. No words are in it. */
static void dump(struct request *r, struct call *c)
{
	AUTO(buf) struct buf b = { 0 };

	buf_printf(&b, "{\"id\":\"%s\",\"leg\":", c->id);
	webrtc_dump(c->webrtc, &b);
	buf_puts(&b, ",\"session\":");
	session_dump(c->runner.session, &b);
	buf_putc(&b, '}');
	if (b.failed)
		reply_no_memory(r->ex);
	else
		exchange_reply(r->ex, &(struct http_reply){ .status = 200, .type = "application/json",
							    .body = buf_bytes(&b) });
}

void get_call(struct request *r)
{
	go_to_call(r, dump);
}

static void hangup(struct request *r, struct call *c)
{
	webrtc_hangup(c->webrtc, "hung up");
	exchange_reply(r->ex, &(struct http_reply){ .status = 200 });
}

void post_call_hangup(struct request *r)
{
	go_to_call(r, hangup);
}
