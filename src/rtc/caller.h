/* caller.h - for tests: a browser in a few lines, and the peer it calls.
 *
 * It sends checks, shakes hands over DTLS and speaks SRTP. What the peer sends waits in
 * `wire` until pump(). Virtual time; AUTO(client) struct client c = { 0 };
 */
#pragma once

#include <stdio.h>

#include "base/crypto.h"
#include "rtc/ice.h"
#include "rtc/peer.h"
#include "rtc/rtcp.h"
#include "rtc/rtp.h"
#include "rtc/rtpsec.h"

enum { WIRE = 64 };

struct client {
	struct env_fake f;
	struct cert *cert, *server_cert;
	struct peer *peer;
	/* NULL: what it sends goes to the peer. Another who owns the peer takes it instead. */
	void (*to_peer)(struct client *c, struct bytes d, const struct addr *from);
	enum sdp_verdict (*to_offer)(struct client *c, struct bytes offer);
	struct dtls *dtls;
	struct rtpsec *sec;
	struct addr addr;
	struct buf answer;
	char ufrag[16], pwd[32]; /* the server's, from the answer */
	const char *why;

	struct {
		uint8_t p[DTLS_DATAGRAM_MAX];
		size_t n;
		struct addr to;
	} wire[WIRE];
	size_t n_wire;
	unsigned n_stun, n_dtls, n_connected, n_closed, n_reports, n_byes;
	enum peer_end end;
	struct rtp_view heard; /* last packet from the peer */
	uint8_t packet[DTLS_DATAGRAM_MAX];
	unsigned n_heard, n_audio;
	struct stream_audio audio;
	char payload[64];
	struct stream_report report;
	bool sees_goodbye;
};

static inline void client_sends(struct client *c, struct bytes d, const struct addr *from)
{
	if (c->to_peer)
		c->to_peer(c, d, from);
	else
		peer_input(c->peer, d, from, c->f.now_us);
}

static inline void on_send(void *owner, const struct addr *to, struct bytes d)
{
	struct client *c = owner;

	if (c->n_wire == WIRE || d.n > sizeof(c->wire[0].p))
		return;
	memcpy(c->wire[c->n_wire].p, d.p, d.n);
	c->wire[c->n_wire].n = d.n;
	c->wire[c->n_wire++].to = *to;
}

static inline void on_connected(void *owner)
{
	((struct client *)owner)->n_connected++;
}

static inline void on_audio(void *owner, const struct stream_audio *a, uint64_t now_us)
{
	struct client *c = owner;

	(void)now_us;
	c->n_audio++;
	c->audio = *a;
	snprintf(c->payload, sizeof(c->payload), "%.*s", (int)a->payload.n, a->payload.p);
}

static inline void on_report(void *owner, const struct stream_report *r)
{
	struct client *c = owner;

	c->n_reports++;
	c->report = *r;
}

static inline void on_closed(void *owner, enum peer_end why)
{
	struct client *c = owner;

	c->n_closed++;
	c->end = why;
}

static const struct peer_ops ops = {
	.send = on_send,
	.on_connected = on_connected,
	.on_audio = on_audio,
	.on_report = on_report,
	.on_closed = on_closed,
};

static inline void client_auto_(struct client *c)
{
	peer_free(c->peer);
	dtls_free(c->dtls);
	rtpsec_free(c->sec);
	cert_free(c->cert);
	cert_free(c->server_cert);
	buf_done(&c->answer);
}

static inline bool client_init(struct client *c)
{
	struct addr here;

	env_fake_init(&c->f, 5);
	if (!addr_parse(bytes_str("192.0.2.7:5555"), &c->addr) ||
	    !addr_parse(bytes_str("192.0.2.1:8080"), &here) ||
	    (!c->cert && cert_new(&c->cert, &env_system) != 0) ||
	    (!c->server_cert && cert_new(&c->server_cert, &env_system) != 0))
		return false;

	struct peer_params params = {
		.env = &c->f.env,
		.cert = c->server_cert,
		.loop_index = 2,
		.candidates = &here,
		.n_candidates = 1,
	};
	return peer_new(&c->peer, &params, &ops, c) == 0;
}

struct offer {
	const char *setup, *ufrag, *fingerprint, *direction;
};

static inline void copy_line(const struct buf *b, const char *name, char *to, size_t cap)
{
	const char *at = b->p ? strstr((const char *)b->p, name) : NULL;
	size_t n = at ? strcspn(at + strlen(name), "\r") : 0;

	snprintf(to, cap, "%.*s", (int)n, at ? at + strlen(name) : "");
}

static inline enum sdp_verdict offer(struct client *c, const struct offer *o)
{
	AUTO(buf) struct buf text = { 0 };
	char fingerprint[CERT_FINGERPRINT];

	cert_fingerprint(c->cert, fingerprint);
	buf_printf(&text,
		   "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a\r\n"
		   "m=audio 9 UDP/TLS/RTP/SAVPF 111 101\r\na=mid:a\r\na=rtcp-mux\r\n"
		   "a=ice-ufrag:%s\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\n"
		   "a=fingerprint:sha-256 %s\r\na=setup:%s\r\na=%s\r\n"
		   "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
		   "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
		   "a=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/48000\r\n",
		   o->ufrag ? o->ufrag : "them", o->fingerprint ? o->fingerprint : fingerprint,
		   o->setup ? o->setup : "actpass", o->direction ? o->direction : "sendrecv");
	if (text.failed)
		return SDP_NO_MEMORY;
	buf_reset(&c->answer);

	enum sdp_verdict v = c->to_offer ? c->to_offer(c, buf_bytes(&text))
					 : peer_offer(c->peer, buf_bytes(&text), &c->answer,
						      &c->why);
	if (v == SDP_OK) {
		copy_line(&c->answer, "a=ice-ufrag:", c->ufrag, sizeof(c->ufrag));
		copy_line(&c->answer, "a=ice-pwd:", c->pwd, sizeof(c->pwd));
	}
	return v;
}

static inline void check(struct client *c, const struct addr *from)
{
	uint8_t d[128] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	size_t n = 20;

	put_be16(d + n, 6);
	put_be16(d + n + 2, ICE_UFRAG_LEN + 2);
	memcpy(d + n + 4, c->ufrag, ICE_UFRAG_LEN);
	memcpy(d + n + 4 + ICE_UFRAG_LEN, ":x", 2);
	n += 4 + ICE_UFRAG_LEN + 2;
	memcpy(d + n, "\x00\x25\x00\x00", 4);
	n += 4;
	put_be16(d + 2, (uint16_t)(n - 20 + 24));

	struct bytes before = { d, n };
	put_be16(d + n, 8);
	put_be16(d + n + 2, SHA1_LEN);
	if (hmac_sha1(bytes_str(c->pwd), &before, 1, d + n + 4) == 0)
		client_sends(c, bytes_of(d, n + 24), from);
}

/* The client's end of DTLS. */
static inline void client_start(struct client *c, enum dtls_role role)
{
	char text[CERT_FINGERPRINT];
	struct fingerprint fp;

	cert_fingerprint(c->server_cert, text);
	if (fingerprint_parse(bytes_str("sha-256"), bytes_str(text), &fp) != FINGERPRINT_OK ||
	    dtls_new(&c->dtls, c->cert, role, &fp) != 0)
		return;
	if (dtls_start(c->dtls, c->f.now_us) == DTLS_FAILED)
		return;
}

static inline void client_keys(struct client *c)
{
	struct rtpsec_keys k;

	if (dtls_keys(c->dtls, &k) != 0 || rtpsec_new(&c->sec, &k) != 0)
		return;
}

static inline void client_rtcp(struct client *c, struct bytes packet)
{
	struct rtcp_view v;

	if (rtcp_parse(packet, &v) == RTCP_OK)
		c->n_byes += (unsigned)v.n_byes;
}

static inline void client_srtp(struct client *c, uint8_t *p, size_t n)
{
	if (!c->sec)
		return;
	if (rtp_is_rtcp(bytes_of(p, n))) {
		if (rtpsec_unprotect_rtcp(c->sec, p, &n) == RTPSEC_OK)
			client_rtcp(c, bytes_of(p, n));
	} else if (rtpsec_unprotect_rtp(c->sec, p, &n) == RTPSEC_OK) {
		memcpy(c->packet, p, n);
		if (rtp_parse(bytes_of(c->packet, n), &c->heard) == RTP_OK)
			c->n_heard++;
	}
}

static inline void client_input(struct client *c, uint8_t *p, size_t n)
{
	if (p[0] <= 3) {
		c->n_stun++;
		return;
	}
	if (p[0] >= 128) {
		client_srtp(c, p, n);
		return;
	}
	c->n_dtls++;
	if (!c->dtls)
		return;
	enum dtls_verdict v = dtls_input(c->dtls, bytes_of(p, n), c->f.now_us);
	if (v == DTLS_CONNECTED)
		client_keys(c);
	c->sees_goodbye = c->sees_goodbye || v == DTLS_CLOSED;
}

/* Until neither side has anything to say. */
static inline void pump(struct client *c)
{
	uint8_t d[DTLS_DATAGRAM_MAX];
	size_t n;

	for (int round = 0; round < 50; round++) {
		bool quiet = c->n_wire == 0;

		for (size_t i = 0; i < c->n_wire; i++)
			client_input(c, c->wire[i].p, c->wire[i].n);
		c->n_wire = 0;
		while (c->dtls && dtls_output(c->dtls, d, sizeof(d), &n)) {
			quiet = false;
			client_sends(c, bytes_of(d, n), &c->addr);
		}
		if (quiet)
			return;
	}
}

static inline bool connect_with(struct client *c, const struct offer *o, enum dtls_role client_role)
{
	if (!client_init(c) || offer(c, o) != SDP_OK)
		return false;
	client_start(c, client_role);
	if (!c->dtls)
		return false;
	check(c, &c->addr);
	pump(c);
	return c->n_connected == 1 && c->sec;
}

static inline bool connect(struct client *c)
{
	return connect_with(c, &(struct offer){ 0 }, DTLS_SERVER);
}

enum rtp_kind { TALK, TONE, FOREIGN };

static inline void say(struct client *c, enum rtp_kind kind, uint16_t seq, const char *payload)
{
	static const uint8_t types[] = { [TALK] = 111, [TONE] = 101, [FOREIGN] = 96 };
	uint8_t d[256];
	struct rtp_header h = { .pt = types[kind], .seq = seq, .ts = 960u * seq, .ssrc = 42,
				.n_ext = 1 };

	h.ext[0].id = 1;
	h.ext[0].value = bytes_of("\x92", 1); /* voice, -18 dBov */
	size_t n = rtp_write(&h, d, sizeof(d));
	memcpy(d + n, payload, strlen(payload));
	n += strlen(payload);
	if (rtpsec_protect_rtp(c->sec, d, &n, sizeof(d)) == RTPSEC_OK)
		client_sends(c, bytes_of(d, n), &c->addr);
}
