/* realtime.c - GET /v1/realtime: a session over WebSocket. */
#include <string.h>

#include "api/recording.h"
#include "api/seat.h"
#include "base/alloc.h"
#include "leg/websocket_leg.h"

/* What goes with a WebSocket session of this seat. */
struct talk {
	struct api *api;
	struct recording *recording;
};

static void on_gone(void *ctx)
{
	struct talk *t = ctx;

	recording_end(t->recording);
	seat_release(t->api);
	mem_free(t);
}

void get_realtime(struct request *r)
{
	char model[128] = "";
	struct websocket_leg_params p = { .on_gone = on_gone };
	const struct http_refusal *why;
	AUTO(json) json_t *config = NULL;
	struct talk *t;

	if (!websocket_wanted(r->http)) {
		exchange_error(r->ex, 426, "upgrade_required", NULL,
			       "This path is a WebSocket: connect with ws:// or wss://.");
		return;
	}
	if (seat_holds(r, get_realtime) || !seat_session_params(r, &p.session))
		return;
	if (http_query(r->http, "model", model, sizeof(model)))
		p.session.model = model;
	why = seat_bind_token(r, NULL, &p.session, &config);
	if (why) {
		seat_refuse(r, why);
		return;
	}
	if (!seat_admit(r))
		return;
	why = seat_spend_token(r);
	if (why) {
		seat_release(r->seat->api);
		seat_refuse(r, why);
		return;
	}
	t = mem_zalloc(sizeof(*t));
	if (!t) {
		seat_release(r->seat->api);
		reply_no_memory(r->ex);
		return;
	}
	*t = (struct talk){ r->seat->api, recording_new(r->seat->api) };
	p.ctx = t;
	p.all = &r->seat->sockets;
	p.session.recorder = recording_hook(t->recording);
	/* Echo exactly `realtime` when it is offered; never the entry that carries the key. */
	if (http_header_lists(r->http, "sec-websocket-protocol", "realtime"))
		p.protocol = "realtime";
	if (websocket_leg_open(r->ex, &p) != 0)
		on_gone(t);
}
