/* calls.c - what becomes of a WebRTC call. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/call.h"
#include "api/recording.h"
#include "base/alloc.h"
#include "base/log.h"
#include "leg/runner.h"
#include "leg/voice.h"

LOG_TOPIC("call");

enum { ID_RANDOM = 22 };

struct call {
	struct node node; /* in seat->list */
	struct seat *seat;
	struct runner runner;
	struct webrtc *webrtc; /* NULL: has ended */
	struct recording *recording;
	unsigned sockets; /* sidebands and control sockets */
	bool added;
	struct reach reach;
	char id[CALL_ID_LEN + 1];
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

int call_loop(const char *id, size_t n)
{
	const char *a, *b;

	if (n != CALL_ID_LEN || memcmp(id, "rtc_", 4) != 0 || !(a = memchr(digits, id[4], 36)) ||
	    !(b = memchr(digits, id[5], 36)))
		return -1;
	return (int)((a - digits) * 36 + (b - digits));
}

struct call *call_find(struct seat *s, const char *id, size_t n)
{
	LIST_FOR(&s->list, at)
	{
		struct call *c = CONTAINER_OF(at, struct call, node);

		if (n == CALL_ID_LEN && c->webrtc && memcmp(c->id, id, n) == 0)
			return c;
	}
	return NULL;
}

const char *call_id(const struct call *c)
{
	return c->id;
}

/* --- the end ----------------------------------------------------------------------------------- */

static void end_media(struct call *c)
{
	if (c->webrtc && c->added)
		calls_remove(c->seat->calls, c->webrtc);
	webrtc_free(c->webrtc);
	c->webrtc = NULL;
}

static void call_free(struct call *c)
{
	end_media(c);
	runner_stop(&c->runner);
	recording_end(c->recording);
	node_unlink(&c->node);
	seat_release(c->seat->api);
	mem_free(c);
}

/* The media have ended: so does the session, and with it, in their own time, its sockets. */
static void on_gone(void *ctx, struct webrtc *w, const char *why)
{
	struct call *c = ctx;

	(void)w;
	log_info("call=%s end=\"%s\"", c->id, why);
	end_media(c);
	if (c->sockets)
		session_close(c->runner.session, 1000, "the call has ended", env_now(c->seat->api->p.env));
	else
		call_free(c);
}

const struct reach *call_reach(const struct call *c)
{
	return &c->reach;
}

void call_part(struct call *c)
{
	c->sockets--;
	if (!c->webrtc && !c->sockets)
		call_free(c);
}

void call_hold(struct call *c)
{
	c->sockets++;
}

int call_join(struct call *c, struct websocket_leg *l, enum leg_view v)
{
	return websocket_leg_join(l, c->runner.session, v);
}

void call_hangup(struct call *c, const char *why)
{
	if (c->webrtc)
		webrtc_hangup(c->webrtc, why);
}

void calls_drain(struct seat *s)
{
	LIST_FOR(&s->list, at)
		call_hangup(CONTAINER_OF(at, struct call, node), "the server is stopping");
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

static int begin(struct call *c, const struct call_params *cp, struct api_error *e)
{
	const struct api_params *p = &c->seat->api->p;
	struct session_params sp = cp->session;

	c->recording = recording_new(c->seat->api);
	sp.recorder = recording_hook(c->recording);
	sp.paced_hz = VOICE_RATE_HZ;
	int r = runner_start(&c->runner, c->seat->loop, &sp, NULL, e);
	if (r != 0)
		return r;
	struct webrtc_params wp = {
		.peer = { .env = p->env, .cert = p->cert, .loop = c->seat->loop, .sctp = p->sctp,
			  .loop_index = (unsigned)c->seat->index, .candidates = c->seat->api->candidates,
			  .n_candidates = p->n_candidates },
		.session = c->runner.session,
		.view = cp->view,
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

static int refuse(struct call_refusal *why, unsigned status, const char *code, const char *param,
		  const char *message)
{
	why->status = status;
	why->e.code = code;
	snprintf(why->e.param, sizeof(why->e.param), "%s", param);
	snprintf(why->e.message, sizeof(why->e.message), "%s", message);
	return -1;
}

static int no_memory(struct call_refusal *why)
{
	return refuse(why, 503, "server_error", "", "The server is out of memory.");
}

int call_offer(struct call *c, struct bytes offer, struct buf *answer, struct call_refusal *why)
{
	const char *text = "";
	enum sdp_verdict v = webrtc_offer(c->webrtc, offer, answer, &text);

	if (v == SDP_NO_MEMORY)
		return no_memory(why);
	return v == SDP_OK ? 0 : refuse(why, v == SDP_TOO_LARGE ? 413 : 400, "invalid_offer", "sdp", text);
}

int call_open(struct call **out, struct seat *s, const struct call_params *p, struct buf *answer,
	      struct call_refusal *why)
{
	struct call *c = mem_zalloc(sizeof(*c));

	if (!c) {
		seat_release(s->api);
		return no_memory(why);
	}
	c->seat = s;
	c->reach = *p->reach;
	make_id(c);
	list_push(&s->list, &c->node);
	int err = begin(c, p, &why->e);
	if (err == -EINVAL)
		why->status = 400;
	else if (err != 0)
		(void)!no_memory(why);
	if (err == 0)
		err = call_offer(c, p->offer, answer, why);
	if (err != 0) {
		call_free(c);
		return -1;
	}
	log_info("call=%s begin=1", c->id);
	*out = c;
	return 0;
}

/* What goes on inside, for people who look for the cause of something. No words are in it. */
void call_dump(const struct call *c, struct buf *to)
{
	buf_printf(to, "{\"id\":\"%s\",\"leg\":", c->id);
	webrtc_dump(c->webrtc, to);
	buf_puts(to, ",\"session\":");
	session_dump(c->runner.session, to);
	buf_putc(to, '}');
}
