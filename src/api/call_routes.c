/* call_routes.c - POST …/calls and what is below it: offers in, answers out, verbs. */
#include <stdio.h>
#include <string.h>

#include "api/call.h"
#include "api/entry.h"
#include "api/mint.h"
#include "base/alloc.h"
#include "base/loop.h"
#include "net/multipart.h"

/* --- answers --------------------------------------------------------------------------------- */

static void refuse_call(struct http_exchange *ex, const struct call_refusal *why)
{
	exchange_error(ex, why->status, why->e.code, why->e.param[0] ? why->e.param : NULL,
		       why->e.message);
}

static void answer_offer(struct http_exchange *ex, unsigned status, const struct call *c,
			 const struct buf *answer)
{
	char location[64];
	const struct http_field fields[] = { { "Location", location }, { "Cache-Control", "no-store" } };

	snprintf(location, sizeof(location), "/v1/realtime/calls/%s", call_id(c));
	exchange_reply(ex, &(struct http_reply){ .status = status, .type = "application/sdp",
						 .body = buf_bytes(answer), .fields = fields,
						 .n_fields = ARRAY_LEN(fields) });
}

/* Azure's webrtcfilter=on keeps the browser's data channel to what a page needs. */
static enum leg_view view_of(const struct request *r)
{
	char filter[8] = "";

	return http_query(r->http, "webrtcfilter", filter, sizeof(filter)) && strcmp(filter, "on") == 0
		       ? VIEW_FILTERED
		       : VIEW_ALL;
}

/* Takes the exchange. `config` is borrowed, or NULL. */
static void begin_call(struct request *r, struct bytes offer, json_t *config)
{
	AUTO(buf) struct buf answer = { 0 };
	AUTO(json) json_t *bound = NULL;
	struct call_params p = { .view = view_of(r), .offer = offer };
	struct call_refusal why = { 0 };
	const struct http_refusal *refusal;
	char model[MODEL_MAX];
	struct reach reach;
	struct call *c;

	if (!seat_session_params(r, &reach, &p.session))
		return;
	p.reach = &reach;
	refusal = entry_session(r, &p.session, model);
	if (config && !mint_kind(config, &p.session.kind)) {
		exchange_error(r->ex, 400, "invalid_value", "session.type",
			       "Supported values are: 'realtime' and 'transcription'.");
		return;
	}
	if (!refusal) {
		p.session.model = json_str(config, "model", p.session.model);
		refusal = seat_bind_token(r, config, &p.session, &bound);
	}
	if (refusal) {
		seat_refuse(r, refusal);
		return;
	}
	if (!seat_admit(r))
		return;
	if (call_open(&c, r->seat, &p, &answer, &why) != 0) {
		refuse_call(r->ex, &why);
		return;
	}
	refusal = seat_spend_token(r);
	if (refusal) {
		seat_refuse(r, refusal);
		call_hangup(c, "its client secret is used up");
		return;
	}
	answer_offer(r->ex, r->entry == &entry_historic ? 200 : 201, c, &answer);
}

/* --- offers ---------------------------------------------------------------------------------- */

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
static void begin_call_of_form(struct request *r, const struct multipart *form)
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
		begin_call(r, sdp->body, config);
}

static void post_form(struct request *r)
{
	struct multipart form;

	switch (multipart_parse(http_header(r->http, "content-type"), r->http->body, &form)) {
	case MULTIPART_OK:
		begin_call_of_form(r, &form);
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
	if (seat_holds(r, post_call))
		return;
	if (type_is(r->http, "application/sdp"))
		begin_call(r, r->http->body, NULL);
	else
		post_form(r);
}

/* --- an existing call, wherever it lives ----------------------------------------------------- */

void refuse_call_unknown(struct http_exchange *ex)
{
	exchange_error(ex, 404, "call_not_found", NULL, "There is no such call, or it has ended.");
}

static void on_call(struct request *r, call_handler *handle)
{
	struct call *c = call_find(r->seat, r->id, r->id_len);

	if (c)
		handle(r, c);
	else
		refuse_call_unknown(r->ex);
}

struct journey {
	struct request request;
	call_handler *handle;
	char id[CALL_ID_LEN];
};

static void arrived(void *arg, struct http_exchange *ex)
{
	struct journey j = *(struct journey *)arg;
	struct request r = j.request;

	mem_free(arg);
	r.ex = ex;
	r.http = exchange_request(ex);
	r.seat = &r.seat->api->seats[loop_index(exchange_loop(ex))];
	r.id = j.id;
	on_call(&r, j.handle);
}

void go_to_call(struct request *r, call_handler *handle)
{
	int loop = call_loop(r->id, r->id_len);
	struct api *a = r->seat->api;

	if (loop < 0 || (size_t)loop >= a->p.n_loops || (size_t)loop == r->seat->index) {
		on_call(r, handle);
		return;
	}
	struct journey *j = mem_alloc(sizeof(*j));
	if (j) {
		*j = (struct journey){ .request = *r, .handle = handle };
		memcpy(j->id, r->id, CALL_ID_LEN);
		if (exchange_move(r->ex, a->p.loops[loop], arrived, j) == 0)
			return;
		mem_free(j);
	}
	reply_no_memory(r->ex);
}

static void further_offer(struct request *r, struct call *c)
{
	AUTO(buf) struct buf answer = { 0 };
	struct call_refusal why = { 0 };

	if (call_offer(c, r->http->body, &answer, &why) == 0)
		answer_offer(r->ex, 200, c, &answer);
	else
		refuse_call(r->ex, &why);
}

void post_call_offer(struct request *r)
{
	if (type_is(r->http, "application/sdp"))
		go_to_call(r, further_offer);
	else
		unsupported_type(r->ex);
}

static void dump(struct request *r, struct call *c)
{
	AUTO(buf) struct buf b = { 0 };

	call_dump(c, &b);
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

/* --- verbs ----------------------------------------------------------------------------------- */

static void hangup(struct request *r, struct call *c)
{
	call_hangup(c, "hung up");
	exchange_reply(r->ex, &(struct http_reply){ .status = 200 });
}

void post_call_hangup(struct request *r)
{
	go_to_call(r, hangup);
}

/* accept, reject and refer are for calls that ring (SIP). A WebRTC call has been answered. */
static void refuse_verb_of_call(struct request *r, struct call *c)
{
	(void)c;
	exchange_error(r->ex, 409, "call_already_answered", NULL,
		       "This is a WebRTC call: it was answered with its offer. 'hangup' ends it.");
}

/* The body, an object ({} when it is empty), or NULL: answered. */
static json_t *verb_body(struct request *r)
{
	char why[160] = "it is not an object";
	struct bytes text = r->http->body.n ? r->http->body : bytes_str("{}");
	json_t *body = json_parse(text, why);

	if (json_is_object(body))
		return body;
	json_decref(body);
	exchange_error(r->ex, 400, "invalid_json", NULL, why);
	return NULL;
}

static void post_verb(struct request *r, const char *name, bool (*good)(const json_t *v), const char *why)
{
	AUTO(json) json_t *body = verb_body(r);

	if (!body)
		return;
	if (good(json_object_get(body, name)))
		go_to_call(r, refuse_verb_of_call);
	else
		exchange_error(r->ex, 400, "invalid_value", name, why);
}

static bool is_realtime(const json_t *v)
{
	return json_is_string(v) && strcmp(json_string_value(v), "realtime") == 0;
}

static bool is_status(const json_t *v)
{
	return !v || (json_is_integer(v) && json_integer_value(v) >= 300 && json_integer_value(v) <= 699);
}

static bool is_uri(const json_t *v)
{
	return json_is_string(v) && json_string_length(v) > 0;
}

void post_call_accept(struct request *r)
{
	post_verb(r, "type", is_realtime, "accept takes a session object of type 'realtime'.");
}

void post_call_reject(struct request *r)
{
	post_verb(r, "status_code", is_status, "expected a SIP status from 300 to 699 (default: 603).");
}

void post_call_refer(struct request *r)
{
	post_verb(r, "target_uri", is_uri, "expected a tel: or sip: address.");
}
