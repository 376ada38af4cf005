/* What reaches a call: datagrams from a validated address and from strangers, before and after
 * the handshake, later offers, and what comes inside SRTP and DTLS. Sources: librtc, libbase.
 * The input is a row of [kind][length][octets]. Bit 0 of the first octet: a call that is up
 * (and serves many inputs, as the handshake costs a thousand times what a packet costs). */
#include <stdlib.h>
#include <string.h>

#include "rtc/caller.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { FROM_PEER, FROM_STRANGER, LATER_OFFER, INSIDE_RTP, INSIDE_RTCP, WAIT, INSIDE_DTLS, KINDS };
enum { USES = 256 };

/* As the owner of the keys would send it. */
static void inside(struct client *c, struct bytes d, unsigned kind)
{
	uint8_t packet[DTLS_DATAGRAM_MAX];
	size_t n = MIN(d.n, sizeof(packet) - 64);

	if (!c->sec)
		return;
	if (kind == INSIDE_DTLS) {
		if (n && dtls_write(c->dtls, bytes_of(d.p, n)) == 0)
			pump(c);
		return;
	}
	if (n)
		memcpy(packet, d.p, n);
	enum rtpsec_verdict v = kind == INSIDE_RTP ?
					rtpsec_protect_rtp(c->sec, packet, &n, sizeof(packet)) :
					rtpsec_protect_rtcp(c->sec, packet, &n, sizeof(packet));
	if (v == RTPSEC_OK)
		peer_input(c->peer, bytes_of(packet, n), &c->addr, c->f.now_us);
}

static void one(struct client *c, unsigned kind, struct bytes d)
{
	static const struct addr stranger = { .family = ADDR_V4, .ip = { 9 }, .port = 9 };
	AUTO(buf) struct buf answer = { 0 };
	const char *why;

	switch (kind) {
	case FROM_PEER:
		peer_input(c->peer, d, &c->addr, c->f.now_us);
		break;
	case FROM_STRANGER:
		peer_input(c->peer, d, &stranger, c->f.now_us);
		break;
	case LATER_OFFER:
		if (peer_offer(c->peer, d, &answer, &why) != SDP_OK && answer.n)
			abort();
		break;
	case WAIT:
		env_fake_advance(&c->f, 100 * US_PER_MS);
		peer_on_time(c->peer, c->f.now_us);
		break;
	default:
		inside(c, d, kind);
		break;
	}
	for (size_t i = 0; i < c->n_wire; i++)
		if (!addr_eq(&c->wire[i].to, &c->addr))
			abort(); /* a stranger got an answer */
	c->n_wire = 0;
}

static void play(struct client *c, const uint8_t *p, size_t n)
{
	size_t off = 0;

	for (int i = 0; i < 16 && n - off >= 3 && !c->n_closed; i++) {
		size_t len = MIN(be16(p + off + 1), n - off - 3);

		one(c, p[off] % KINDS, bytes_of(p + off + 3, len));
		off += 3 + len;
	}
}

/* The certificates are made once. */
static void renew(struct client *c)
{
	static struct cert *cert, *server_cert;

	c->cert = c->server_cert = NULL;
	client_auto_(c);
	memset(c, 0, sizeof(*c));
	c->cert = cert;
	c->server_cert = server_cert;
	if (!cert && (cert_new(&cert, &env_system) != 0 || cert_new(&server_cert, &env_system) != 0))
		abort();
	c->cert = cert;
	c->server_cert = server_cert;
}

static struct client *call_that_is_up(void)
{
	static struct client c;
	static unsigned n_uses;

	if (c.n_closed || n_uses++ % USES == 0) {
		renew(&c);
		if (!connect(&c))
			abort();
	}
	c.n_wire = 0;
	return &c;
}

static struct client *call_that_waits(void)
{
	static struct client c;

	renew(&c);
	if (!client_init(&c) || offer(&c, &(struct offer){ 0 }) != SDP_OK)
		abort();
	check(&c, &c.addr);
	c.n_wire = 0;
	return &c;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct rtpsec *keep; /* libsrtp's library starts anew for the first of all contexts */

	if (!keep && rtpsec_new(&keep, &(struct rtpsec_keys){ .profile = RTPSEC_AEAD_AES_128_GCM }))
		abort();
	if (n > 0)
		play(p[0] & 1 ? call_that_is_up() : call_that_waits(), p + 1, n - 1);
	return 0;
}
