/* call.h - the WebRTC calls of a seat: a session, its media, and the sockets beside it.
 *
 * A call lives on the loop of its seat. Its media leg begins and ends it; sidebands and control
 * sockets come and go, and hold what the session is made of until they have gone.
 */
#pragma once

#include "api/seat.h"
#include "leg/websocket_leg.h"
#include "rtc/sdp.h"

struct call;

enum { CALL_ID_LEN = 4 + 2 + 22 };

/* Why an offer was not answered. Strings are static, or live in e. */
struct call_refusal {
	unsigned status;
	struct api_error e;
};

struct call_params {
	struct session_params session;
	const struct reach *reach; /* that the session is begun with; copied */
	enum leg_view view; /* of the data channel */
	struct bytes offer;
};

/* Makes a call and its answer. Counts against max_sessions from seat_admit() on, which the
 * caller has done; the count is the call's, also when it is refused. 0 or -1 with *why. */
MUST_USE int call_open(struct call **out, struct seat *s, const struct call_params *p,
		       struct buf *answer, struct call_refusal *why);
/* A further offer. */
MUST_USE int call_offer(struct call *c, struct bytes offer, struct buf *answer,
			struct call_refusal *why);
/* The loop that a call id names, or -1. */
int call_loop(const char *id, size_t n);
struct call *call_find(struct seat *s, const char *id, size_t n);
const char *call_id(const struct call *c);
const struct reach *call_reach(const struct call *c);
void call_hangup(struct call *c, const char *why);
void call_dump(const struct call *c, struct buf *to);

/* A socket that is, or will be, a leg of the call's session: it holds the call's parts until
 * call_part(), which may free them. */
void call_hold(struct call *c);
void call_part(struct call *c);
/* Become that leg. As session_attach(). */
MUST_USE int call_join(struct call *c, struct websocket_leg *l, enum leg_view v);

/* Serve a request on the loop of the call that r->id names; answered with 404 where there is none. */
typedef void call_handler(struct request *r, struct call *c);
void go_to_call(struct request *r, call_handler *handle);
void refuse_call_unknown(struct http_exchange *ex); /* that 404 */
