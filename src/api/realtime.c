/* realtime.c - GET /v1/realtime: a session over WebSocket. */
#include <string.h>

#include "api/seat.h"
#include "leg/websocket_leg.h"

static void on_gone(void *ctx)
{
	seat_release(ctx);
}

void get_realtime(struct request *r)
{
	char model[128] = "";
	struct websocket_leg_params p = { .ctx = r->seat->api, .on_gone = on_gone };

	if (!websocket_wanted(r->http)) {
		exchange_error(r->ex, 426, "upgrade_required", NULL,
			       "This path is a WebSocket: connect with ws:// or wss://.");
		return;
	}
	if (!seat_admit(r))
		return;
	seat_session_params(r->seat, &p.session);
	if (http_query(r->http, "model", model, sizeof(model)))
		p.session.model = model;
	/* Echo exactly `realtime` when it is offered; never the entry that carries the key. */
	if (http_header_lists(r->http, "sec-websocket-protocol", "realtime"))
		p.protocol = "realtime";
	if (websocket_leg_open(r->ex, &p) != 0)
		seat_release(r->seat->api);
}
