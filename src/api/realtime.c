/* realtime.c - GET …/realtime: a session over WebSocket, or a sideband of a call. */
#include <string.h>

#include "api/call.h"
#include "api/entry.h"
#include "api/recording.h"
#include "base/alloc.h"

/* --- a session of its own -------------------------------------------------------------------- */

/* What goes with a WebSocket session of this seat. */
struct talk {
	struct api *api;
	struct recording *recording;
};

static void talk_over(void *ctx)
{
	struct talk *t = ctx;

	recording_end(t->recording);
	seat_release(t->api);
	mem_free(t);
}

/* Everything that can refuse it has been asked. */
static void begin_talk(struct request *r, struct session_params *sp)
{
	struct api *a = r->seat->api;
	struct talk *t = mem_zalloc(sizeof(*t));

	if (!t) {
		seat_release(a);
		reply_no_memory(r->ex);
		return;
	}
	*t = (struct talk){ a, recording_new(a) };
	sp->recorder = recording_hook(t->recording);
	const struct websocket_leg_params p = {
		.session = sp,
		.protocol = entry_protocol(r->http),
		.all = &r->seat->sockets,
		.ctx = t,
		.on_gone = talk_over,
	};
	if (websocket_leg_open(NULL, r->ex, &p) != 0)
		talk_over(t);
}

static void open_talk(struct request *r)
{
	struct session_params sp;
	AUTO(json) json_t *config = NULL;
	char model[MODEL_MAX];
	struct reach reach;

	if (!seat_session_params(r, &reach, &sp))
		return;
	const struct http_refusal *why = entry_session(r, &sp, model);
	if (!why)
		why = seat_bind_token(r, NULL, &sp, &config);
	if (why) {
		seat_refuse(r, why);
		return;
	}
	sp.enforced = entry_is_middle_tier(r);
	if (!seat_admit(r))
		return;
	why = seat_spend_token(r);
	if (why) {
		seat_release(r->seat->api);
		seat_refuse(r, why);
		return;
	}
	begin_talk(r, &sp);
}

/* --- a sideband of a call -------------------------------------------------------------------- */

static void sideband_over(void *ctx)
{
	call_part(ctx);
}

static void join(struct request *r, struct call *c)
{
	struct websocket_leg *l;
	const struct websocket_leg_params p = {
		.protocol = entry_protocol(r->http),
		.all = &r->seat->sockets,
		.ctx = c,
		.on_gone = sideband_over,
	};
	struct reach reach;

	if (r->by_token) { /* a session tells its listeners what it has read */
		if (!seat_reach(r, &reach))
			return;
		if (!reach_covers(&reach, call_reach(c))) {
			refuse_call_unknown(r->ex);
			return;
		}
	}
	call_hold(c);
	if (websocket_leg_open(&l, r->ex, &p) != 0)
		call_part(c);
	else if (call_join(c, l, VIEW_ALL) != 0)
		websocket_leg_close(l, 1013, "the call has as many sockets as it may have");
}

void get_realtime(struct request *r)
{
	char id[64] = "";

	if (!entry_upgrades(r))
		return;
	if (http_query(r->http, "call_id", id, sizeof(id))) {
		r->id = id;
		r->id_len = strlen(id);
		go_to_call(r, join);
	} else if (!seat_holds(r, get_realtime)) {
		open_talk(r);
	}
}
