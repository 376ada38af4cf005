/* What reaches a call: datagrams from a validated address and from strangers, before and after
 * the handshake, later offers, and what is inside SRTP. Sources: librtc, libbase.
 * The input is a row of [kind][length][octets]. */
#include <stdlib.h>
#include <string.h>

#include "rtc/caller.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { FROM_PEER, FROM_STRANGER, LATER_OFFER, INSIDE_RTP, INSIDE_RTCP, WAIT, KINDS };

/* As if it had come through SRTP. */
static void inside(struct client *c, struct bytes packet, enum stream_rtcp what)
{
	static struct stream s;
	struct stream_audio a;
	struct stream_report r;
	size_t n;

	if (s.report_at_us == 0)
		stream_init(&s, &c->f.env);
	s.env = &c->f.env;
	s.media.pt = 111;
	s.ext_level = 1;
	if (what == STREAM_BYE)
		(void)!stream_input_rtcp(&s, packet, c->f.now_us, &r, &n);
	else if (stream_input(&s, packet, c->f.now_us, &a) == STREAM_AUDIO && !a.payload.n)
		abort();
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
	case INSIDE_RTP:
		inside(c, d, STREAM_REPORT);
		break;
	case INSIDE_RTCP:
		inside(c, d, STREAM_BYE);
		break;
	default:
		env_fake_advance(&c->f, 100 * US_PER_MS);
		peer_on_time(c->peer, c->f.now_us);
		break;
	}
	for (size_t i = 0; i < c->n_wire; i++)
		if (!addr_eq(&c->wire[i].to, &c->addr))
			abort(); /* a stranger got an answer */
	c->n_wire = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct client c; /* one connected call, and one that waits for DTLS, in turn */
	static struct cert *cert, *server_cert;
	size_t off = 1;

	if (n < 1)
		return 0;
	memset(&c, 0, sizeof(c));
	c.cert = cert;
	c.server_cert = server_cert;
	if (p[0] & 1 ? !connect(&c) : !client_init(&c) || offer(&c, &(struct offer){ 0 }) != SDP_OK)
		abort();
	cert = c.cert;
	server_cert = c.server_cert;
	if (!(p[0] & 1))
		check(&c, &c.addr);
	c.n_wire = 0;

	for (int i = 0; i < 16 && n - off >= 3; i++) {
		size_t len = MIN(be16(p + off + 1), n - off - 3);

		one(&c, p[off] % KINDS, bytes_of(p + off + 3, len));
		off += 3 + len;
	}
	c.cert = c.server_cert = NULL;
	client_auto_(&c);
	return 0;
}
