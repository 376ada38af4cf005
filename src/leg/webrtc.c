#include "leg/webrtc.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/list.h"
#include "base/loop.h"
#include "leg/voice.h"

/* What Chromium says it takes (a=max-message-size), and the least that anybody must (RFC 8841: 64 KiB
 * where nothing is said; every browser says more). */
enum { EVENT_MAX = 256 * 1024 };
enum { CHANNEL_WAIT_US = 10 * US_PER_S }; /* DTLS is up, and no data channel comes */

/* An event that the channel had no room for. */
struct waiting {
	struct node node;
	size_t n;
	uint8_t p[];
};

struct webrtc {
	struct leg leg;
	struct webrtc_params params;
	struct loop *loop;
	const struct env *env;
	struct peer *peer;
	struct voice *voice;
	struct timer due;
	bool attached, has_channel, offers_channel, gone;
	uint16_t channel;
	uint64_t attach_at_us; /* without a channel; UINT64_MAX: not */
	struct list events;    /* struct waiting, oldest first */
	size_t n_events;       /* octets in it */
	char why[96];
};

static uint64_t now(const struct webrtc *w)
{
	return env_now(w->env);
}

/* --- the end ---------------------------------------------------------------------------- */

/* From a timer, never from inside a call of the session's, the peer's or the owner's. */
static void finish(struct webrtc *w)
{
	if (w->attached) {
		w->attached = false;
		session_detach(w->params.session, &w->leg, now(w));
	}
	w->params.on_gone(w->params.ctx, w, w->why);
}

static void go(struct webrtc *w, const char *why)
{
	if (w->gone)
		return;
	w->gone = true;
	snprintf(w->why, sizeof(w->why), "%s", why);
	peer_close(w->peer, now(w));
	/* Out of memory even for a timer: what is set already will come, and find that we are gone. */
	(void)!timer_set(w->loop, &w->due, 0);
}

/* --- time ---------------------------------------------------------------------------------- */

static void schedule(struct webrtc *w)
{
	uint64_t at = MIN(peer_next_us(w->peer, now(w)), voice_next_us(w->voice));

	if (w->gone)
		return;
	if (timer_set(w->loop, &w->due, MIN(at, w->attach_at_us)) != 0)
		go(w, "out of memory");
}

/* What the session sends us: without a channel nothing, if somebody else hears it then. */
static enum leg_view view(const struct webrtc *w)
{
	return w->params.view == VIEW_DATA && !w->has_channel ? VIEW_NONE : w->params.view;
}

static void attach(struct webrtc *w)
{
	w->attach_at_us = UINT64_MAX;
	if (w->attached) {
		session_set_view(w->params.session, &w->leg, view(w), now(w));
		return;
	}
	w->leg.view = view(w);
	int r = session_attach(w->params.session, &w->leg, LEG_MAIN, now(w));
	if (r == 0)
		w->attached = true;
	else
		go(w, "the session is over");
}

static void on_due(struct timer *t)
{
	struct webrtc *w = CONTAINER_OF(t, struct webrtc, due);

	if (w->gone) {
		finish(w); /* w may be gone */
		return;
	}
	uint64_t us = now(w);
	peer_on_time(w->peer, us);
	if (!w->gone && voice_on_time(w->voice, us) != 0)
		go(w, "out of memory");
	if (!w->gone && w->attach_at_us <= us)
		attach(w);
	schedule(w);
}

/* --- events out -------------------------------------------------------------------------------- */

static void keep_event(struct webrtc *w, struct bytes json)
{
	struct waiting *e = NULL;

	if (w->n_events + json.n <= WEBRTC_EVENTS_MAX)
		e = mem_alloc(sizeof(*e) + json.n);
	if (!e) {
		go(w, "events were not read for too long");
		return;
	}
	e->n = json.n;
	memcpy(e->p, json.p, json.n);
	list_push(&w->events, &e->node);
	w->n_events += json.n;
}

static void leg_event(struct leg *l, struct bytes json)
{
	struct webrtc *w = CONTAINER_OF(l, struct webrtc, leg);

	if (!w->has_channel || w->gone)
		return;
	if (!list_empty(&w->events) || peer_send_message(w->peer, w->channel, json) == -EAGAIN)
		keep_event(w, json);
	schedule(w);
}

static void on_writable(void *owner)
{
	struct webrtc *w = owner;
	struct node *n;

	while ((n = list_first(&w->events))) {
		struct waiting *e = CONTAINER_OF(n, struct waiting, node);

		if (peer_send_message(w->peer, w->channel, bytes_of(e->p, e->n)) == -EAGAIN)
			return;
		node_unlink(n);
		w->n_events -= e->n;
		mem_free(e);
	}
	if (w->attached)
		session_on_writable(w->params.session, &w->leg, now(w));
}

/* --- audio ----------------------------------------------------------------------------------------- */

static int leg_push_audio(struct leg *l, uint64_t tag, const int16_t *pcm, size_t n)
{
	struct webrtc *w = CONTAINER_OF(l, struct webrtc, leg);
	int r = voice_push(w->voice, tag, pcm, n);

	schedule(w);
	return r;
}

static uint64_t leg_clear_audio(struct leg *l, uint64_t tag)
{
	return voice_clear(CONTAINER_OF(l, struct webrtc, leg)->voice, tag);
}

static uint64_t leg_played(struct leg *l, uint64_t tag)
{
	return voice_played(CONTAINER_OF(l, struct webrtc, leg)->voice, tag);
}

static void leg_close(struct leg *l, unsigned code, const char *reason)
{
	(void)code;
	go(CONTAINER_OF(l, struct webrtc, leg), reason);
}

static const struct leg_ops leg_ops = {
	.name = "webrtc",
	.caps = LEG_AUDIO_PACED,
	.out_rate_hz = VOICE_RATE_HZ,
	.event_max = EVENT_MAX,
	.send_event = leg_event,
	.push_audio = leg_push_audio,
	.clear_audio = leg_clear_audio,
	.played = leg_played,
	.close = leg_close,
};

/* RT */
static void voice_send(void *owner, struct bytes payload, uint32_t ts, bool marker)
{
	struct webrtc *w = owner;

	/* A packet that cannot leave now is lost, as on any network. */
	(void)!peer_send_audio(w->peer, payload, ts, marker, now(w));
}

static void voice_heard(void *owner, const struct frame *f, uint64_t now_us)
{
	struct webrtc *w = owner;

	if (w->attached)
		session_on_audio(w->params.session, f, now_us);
}

static void voice_playout(void *owner, uint64_t tag, enum leg_playout p, uint64_t now_us)
{
	struct webrtc *w = owner;

	if (w->attached)
		session_on_playout(w->params.session, tag, p, now_us);
}

static const struct voice_ops voice_ops = { voice_send, voice_heard, voice_playout };

/* --- the peer ------------------------------------------------------------------------------------------ */

static void on_send(void *owner, const struct addr *to, struct bytes datagram)
{
	struct webrtc *w = owner;

	w->params.send(w->params.ctx, to, datagram);
}

static void on_connected(void *owner)
{
	struct webrtc *w = owner;

	bool waits = w->offers_channel && w->params.view != VIEW_DATA;

	if (!w->has_channel)
		w->attach_at_us = waits ? now(w) + CHANNEL_WAIT_US : now(w);
}

static void on_audio(void *owner, const struct stream_audio *a, uint64_t now_us)
{
	struct webrtc *w = owner;
	struct voice_packet p = { a->ssrc, a->ts, a->seq, a->payload };

	if (!a->is_dtmf && voice_input(w->voice, &p, now_us) != 0)
		go(w, "out of memory");
}

static void on_channel_open(void *owner, uint16_t channel, struct bytes label)
{
	struct webrtc *w = owner;

	(void)label; /* any: oai-events, realtime-channel, voice-live-events, … */
	if (w->has_channel)
		return;
	w->has_channel = true;
	w->channel = channel;
	attach(w);
}

static void on_channel_close(void *owner, uint16_t channel)
{
	struct webrtc *w = owner;

	if (!w->has_channel || w->channel != channel)
		return;
	w->has_channel = false; /* the voice goes on */
	if (w->attached)
		session_set_view(w->params.session, &w->leg, view(w), now(w));
}

static void on_message(void *owner, uint16_t channel, struct bytes message, bool is_text)
{
	struct webrtc *w = owner;

	if (!w->attached || channel != w->channel)
		return;
	if (is_text)
		session_on_message(w->params.session, &w->leg, message, now(w));
	else
		session_on_binary(w->params.session, &w->leg, now(w));
}

static void on_report(void *owner, const struct stream_report *r)
{
	voice_loss(((struct webrtc *)owner)->voice, r->fraction_lost);
}

static void on_closed(void *owner, enum peer_end why)
{
	go(owner, peer_end_name(why));
}

static const struct peer_ops peer_ops = {
	.send = on_send,
	.on_connected = on_connected,
	.on_audio = on_audio,
	.on_channel_open = on_channel_open,
	.on_channel_close = on_channel_close,
	.on_message = on_message,
	.on_writable = on_writable,
	.on_report = on_report,
	.on_closed = on_closed,
};

/* --- for the owner ------------------------------------------------------------------------------------------ */

int webrtc_new(struct webrtc **out, const struct webrtc_params *p)
{
	struct webrtc *w = mem_zalloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->leg = (struct leg){ .ops = &leg_ops };
	w->params = *p;
	w->loop = p->peer.loop;
	w->env = p->peer.env;
	w->due.on_due = on_due;
	w->attach_at_us = UINT64_MAX;
	list_init(&w->events);
	int r = voice_new(&w->voice, w->env, &voice_ops, w);
	if (r == 0)
		r = peer_new(&w->peer, &p->peer, &peer_ops, w);
	if (r == 0)
		r = timer_set(w->loop, &w->due, peer_next_us(w->peer, now(w)));
	if (r != 0) {
		webrtc_free(w);
		return r;
	}
	*out = w;
	return 0;
}

void webrtc_free(struct webrtc *w)
{
	struct node *n;

	if (!w)
		return;
	if (w->attached)
		session_detach(w->params.session, &w->leg, now(w));
	timer_stop(w->loop, &w->due);
	while ((n = list_pop(&w->events)))
		mem_free(CONTAINER_OF(n, struct waiting, node));
	peer_free(w->peer);
	voice_free(w->voice);
	mem_free(w);
}

enum sdp_verdict webrtc_offer(struct webrtc *w, struct bytes offer, struct buf *answer,
			      const char **why)
{
	static const enum voice_codec codecs[SDP_CODECS] = {
		[SDP_OPUS] = VOICE_OPUS, [SDP_PCMU] = VOICE_PCMU, [SDP_PCMA] = VOICE_PCMA
	};
	enum sdp_verdict v = peer_offer(w->peer, offer, answer, why);

	if (v != SDP_OK)
		return v;
	struct stream_media m = peer_media(w->peer);
	if (m.pt != SDP_NO_PT)
		voice_set_codec(w->voice, codecs[m.codec]);
	w->offers_channel = w->offers_channel || peer_has_data(w->peer);
	schedule(w);
	return SDP_OK;
}

void webrtc_input(struct webrtc *w, struct bytes datagram, const struct addr *from, uint64_t now_us)
{
	if (w->gone)
		return;
	peer_input(w->peer, datagram, from, now_us);
	schedule(w);
}

void webrtc_hangup(struct webrtc *w, const char *why)
{
	go(w, why);
}

const struct peer *webrtc_peer(const struct webrtc *w)
{
	return w->peer;
}

void webrtc_dump(const struct webrtc *w, struct buf *to)
{
	AUTO(buf) struct buf peer = { 0 };

	peer_dump(w->peer, &peer); /* lines for people: a string here */
	to->failed = to->failed || peer.failed;
	buf_puts(to, "{\"peer\":");
	json_quote(to, buf_bytes(&peer));
	buf_puts(to, ",\"voice\":");
	voice_dump(w->voice, to);
	buf_printf(to, ",\"attached\":%s,\"waiting\":%zu}", w->attached ? "true" : "false", w->n_events);
}
