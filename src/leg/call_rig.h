/* call_rig.h - for tests: a session, its WebRTC leg, and a browser that calls it.
 *
 * The clock is the machine's where the loop's timers need it, and stands still otherwise.
 * AUTO(call) struct call c = { 0 }; */
#pragma once

#include "engine/fake.h"
#include "leg/webrtc.h"
#include "rtc/caller.h"
#include "session/session.h"

struct calls;

struct call {
	struct client browser; /* first: what caller.h gives is ours */
	struct loop *loop;
	struct fake *fake;
	struct session *session;
	struct webrtc *webrtc;
	struct calls *calls; /* of another loop, maybe: where its datagrams arrive; or NULL */
	unsigned n_gone, n_over;
	char why[96];
	bool inside; /* a call of webrtc.h's */
};

static inline void call_hang_up(struct call *c)
{
	webrtc_free(c->webrtc);
	c->webrtc = NULL;
}

static inline void call_auto_(struct call *c)
{
	call_hang_up(c);
	session_free(c->session);
	fake_free(c->fake);
	loop_free(c->loop);
	client_auto_(&c->browser);
}

static inline void call_send(void *ctx, const struct addr *to, struct bytes datagram)
{
	on_send(&((struct call *)ctx)->browser, to, datagram);
}

static inline void call_gone(void *ctx, struct webrtc *w, const char *why)
{
	struct call *c = ctx;

	(void)w;
	c->n_gone += c->inside ? 100 : 1; /* never from inside */
	snprintf(c->why, sizeof(c->why), "%s", why);
}

static inline void call_over(void *ctx, struct session *s)
{
	(void)s;
	((struct call *)ctx)->n_over++;
}

static inline void call_input(struct client *browser, struct bytes d, const struct addr *from)
{
	struct call *c = (struct call *)browser;

	if (!c->webrtc)
		return;
	c->inside = true;
	webrtc_input(c->webrtc, d, from, browser->f.now_us);
	c->inside = false;
}

static inline enum sdp_verdict call_offer(struct client *browser, struct bytes text)
{
	struct call *c = (struct call *)browser;

	c->inside = true;
	enum sdp_verdict v = webrtc_offer(c->webrtc, text, &browser->answer, &browser->why);
	c->inside = false;
	return v;
}

/* A call that nobody has offered anything yet; `loop_index` goes into its user fragment. */
static inline bool call_init(struct call *c, unsigned loop_index)
{
	struct client *b = &c->browser;
	struct engines engines = { 0 };
	struct api_error e;
	struct addr here;

	env_fake_init(&b->f, 5);
	b->f.now_us = env_now(&env_system);
	b->to_peer = call_input;
	b->to_offer = call_offer;
	if (!addr_parse(bytes_str("192.0.2.7:5555"), &b->addr) ||
	    !addr_parse(bytes_str("192.0.2.1:8080"), &here) ||
	    cert_new(&b->cert, &env_system) != 0 || cert_new(&b->server_cert, &env_system) != 0 ||
	    loop_new(&c->loop, loop_index) != 0 || fake_new(&c->fake) != 0)
		return false;
	fake_engines(c->fake, &engines);
	const struct session_params s = { .env = &b->f.env,
					  .engines = &engines,
					  .host = { c, NULL, call_over } };
	if (session_new(&c->session, &s, &e) != 0)
		return false;
	const struct webrtc_params p = { .peer = { .env = &b->f.env,
						   .cert = b->server_cert,
						   .loop = c->loop,
						   .loop_index = loop_index,
						   .candidates = &here,
						   .n_candidates = 1 },
					 .session = c->session,
					 .ctx = c,
					 .send = call_send,
					 .on_gone = call_gone };
	return webrtc_new(&c->webrtc, &p) == 0;
}

/* Offered, answered, checked, and keys agreed. */
static inline bool call_connect(struct call *c)
{
	struct client *b = &c->browser;

	if (offer(b, &(struct offer){ 0 }) != SDP_OK)
		return false;
	client_start(b, DTLS_SERVER);
	if (!b->dtls)
		return false;
	check(b, &b->addr);
	pump(b);
	return b->sec != NULL;
}

/* Let timers that are due run. */
static inline void call_turn(struct call *c)
{
	loop_once(c->loop, 0);
	loop_once(c->loop, 0);
}
