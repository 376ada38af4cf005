/* control.c - GET /voice-live/realtime/calls: the control socket of a Voice Live call.
 *
 * Nothing is sent before the client's first message, which is rtc.call.sdp.create; its answer
 * is the very next one (protocol: docs/protocol.md, "Voice Live over WebRTC"). From then on
 * the socket is a leg of the call's session.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/call.h"
#include "api/entry.h"
#include "base/alloc.h"
#include "session/errors.h"

struct control {
	struct seat *seat;
	struct websocket_leg *leg;
	struct call *call; /* NULL: not made yet */
	struct session_params session;
	struct reach reach; /* the session's */
	json_t *config; /* bound to the client secret, or NULL */
	struct request granted; /* by_token and token only: counted when the call is made */
	char model[MODEL_MAX];
};

/* --- saying ---------------------------------------------------------------------------------- */

static void say(struct control *c, json_t *fields)
{
	AUTO(json) json_t *v = fields;
	AUTO(buf) struct buf text = { 0 };
	char id[40];

	env_id(c->seat->api->p.env, "event_", id, 21);
	if (v && json_object_set_new(v, "event_id", json_string(id)) == 0)
		json_write(&text, v);
	if (text.n && !text.failed)
		websocket_leg_send(c->leg, buf_bytes(&text));
	else
		websocket_leg_close(c->leg, 1011, "out of memory");
}

static void refuse(struct control *c, bool ours, const char *code, const char *message)
{
	say(c, json_pack("{s:s,s:s,s:s*,s:{s:s,s:s,s:s}}", "type", "rtc.call.error", "operation",
			 "rtc.call.sdp.create", "rtc_call_id", c->call ? call_id(c->call) : NULL, "error",
			 "type", ours ? "server_error" : "invalid_request_error", "code", code, "message",
			 message));
}

static void refuse_event(struct control *c, const char *code, const char *message)
{
	say(c, json_pack("{s:s,s:o}", "type", "error", "error", error_json(code, message, NULL, NULL)));
}

/* --- making the call ------------------------------------------------------------------------- */

/* What the client secret has as defaults, what the query says, and the object of the message. */
static int take_config(struct control *c, json_t *session, struct session_params *p, json_t **out)
{
	json_t *v = c->config ? json_deep_copy(c->config) : json_object();

	*out = v;
	if (!v || (json_is_object(session) && json_object_update_recursive(v, session) != 0))
		return -ENOMEM;
	p->config = v;
	return 0;
}

static void answer(struct control *c, const struct buf *sdp)
{
	say(c, json_pack("{s:s,s:s,s:s%}", "type", "rtc.call.sdp.created", "rtc_call_id", call_id(c->call),
			 "sdp_answer", (const char *)sdp->p, sdp->n));
	if (call_join(c->call, c->leg, VIEW_CONTROL) != 0)
		websocket_leg_close(c->leg, 1011, "out of memory");
}

/* Counted against the client secret, if there is one. */
static bool spend(struct control *c)
{
	const struct http_refusal *why;

	c->granted.seat = c->seat;
	why = seat_spend_token(&c->granted);
	if (!why)
		return true;
	refuse(c, false, why->code, why->message);
	return false;
}

static void create(struct control *c, const json_t *msg)
{
	AUTO(buf) struct buf sdp = { 0 };
	AUTO(json) json_t *config = NULL;
	const char *offer = json_str(msg, "sdp_offer", "");
	struct call_params p = { .session = c->session, .reach = &c->reach, .view = VIEW_DATA,
				  .offer = bytes_str(offer) };
	struct call_refusal why = { 0 };

	if (!offer[0]) {
		refuse(c, false, "missing_sdp", "Missing required parameter: 'sdp_offer'.");
	} else if (take_config(c, json_object_get(msg, "session"), &p.session, &config) != 0) {
		refuse(c, true, "server_error", "The server is out of memory.");
	} else if (!seat_count(c->seat->api)) {
		refuse(c, true, "session_limit_reached",
		       "This server has as many conversations as it may have. Please try again later.");
	} else if (call_open(&c->call, c->seat, &p, &sdp, &why) != 0) {
		refuse(c, why.status >= 500,
		       strcmp(why.e.code, "invalid_offer") == 0 ? "invalid_sdp" : why.e.code, why.e.message);
	} else if (!spend(c)) {
		call_hangup(c->call, "its client secret is used up");
		c->call = NULL;
	} else {
		call_hold(c->call);
		answer(c, &sdp);
	}
}

/* Of a call that is there: everything else is the session's. */
static bool is_second_offer(enum ws_kind kind, struct bytes data)
{
	static const char type[] = "\"rtc.call.sdp.create\"";
	char why[160];

	if (kind != WS_TEXT || !memmem(data.p, data.n, type, sizeof(type) - 1))
		return false;
	AUTO(json) json_t *msg = json_parse(data, why);
	return strcmp(json_str(msg, "type", ""), "rtc.call.sdp.create") == 0;
}

static bool on_message(void *ctx, enum ws_kind kind, struct bytes data)
{
	struct control *c = ctx;
	char why[160];

	if (c->call) {
		if (!is_second_offer(kind, data))
			return false;
		refuse(c, false, "call_already_exists", "This socket's call has already begun.");
		return true;
	}
	AUTO(json) json_t *msg = kind == WS_TEXT ? json_parse(data, why) : NULL;

	if (kind != WS_TEXT)
		refuse_event(c, "invalid_event",
			     "Binary messages are not supported: send each event as JSON text.");
	else if (!json_is_object(msg))
		refuse_event(c, "invalid_json", "The event could not be parsed as a JSON object.");
	else if (strcmp(json_str(msg, "type", ""), "rtc.call.sdp.create") != 0)
		refuse_event(c, "invalid_value",
			     "There is no call yet: send rtc.call.sdp.create with the offer first.");
	else
		create(c, msg);
	return true;
}

/* --- the socket ------------------------------------------------------------------------------ */

static void control_free(struct control *c)
{
	json_decref(c->config);
	mem_free(c);
}

static void on_gone(void *ctx)
{
	struct control *c = ctx;

	if (c->call)
		call_part(c->call);
	control_free(c);
}

/* NULL: refused. */
static struct control *control_new(struct request *r)
{
	struct control *c = mem_zalloc(sizeof(*c));

	if (!c) {
		reply_no_memory(r->ex);
		return NULL;
	}
	c->seat = r->seat;
	c->granted = (struct request){ .by_token = r->by_token, .token = r->token };
	if (!seat_session_params(r, &c->reach, &c->session)) {
		control_free(c);
		return NULL;
	}
	const struct http_refusal *why = entry_session(r, &c->session, c->model);
	if (!why)
		why = seat_bind_token(r, NULL, &c->session, &c->config);
	c->session.grace_us = r->seat->api->p.grace_us;
	if (!why)
		return c;
	seat_refuse(r, why);
	control_free(c);
	return NULL;
}

void get_voice_live_call(struct request *r)
{
	if (!entry_upgrades(r) || seat_holds(r, get_voice_live_call))
		return;
	struct control *c = control_new(r);
	if (!c)
		return;
	const struct websocket_leg_params p = {
		.protocol = entry_protocol(r->http),
		.all = &r->seat->sockets,
		.ctx = c,
		.on_message = on_message,
		.on_gone = on_gone,
	};
	if (websocket_leg_open(&c->leg, r->ex, &p) != 0)
		control_free(c);
}
