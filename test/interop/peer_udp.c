/* peer_udp - one WebRTC call on a loopback UDP port, answering what it hears.
 *
 * Offers come on standard input, each closed by a line with a single dot; answers leave on
 * standard output in the same form ("!" and a sentence when an offer is refused). Audio
 * is sent back as it came, messages come back with "echo: " in front; "dump" is answered
 * with peer_dump(), "close" ends the call from our side. Exits when the call is over.
 * For the scripts beside it. */
#include "base/loop.h"
#include "rtc/assoc.h"
#include "rtc/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct call {
	struct loop *loop;
	struct peer *peer;
	struct cert *cert;
	struct sctp_service *sctp;
	uv_udp_t udp;
	uv_pipe_t in;
	struct timer timer;
	struct buf text;
	uint32_t ts_offset;
	bool started;
	char read[65536];
};

static uint64_t now(void)
{
	return env_now(&env_system);
}

static void on_due(struct timer *t);

static void arm(struct call *c)
{
	uint64_t at = peer_next_us(c->peer, now());

	c->timer.on_due = on_due;
	timer_stop(c->loop, &c->timer);
	if (at != UINT64_MAX && timer_set(c->loop, &c->timer, at) != 0)
		abort();
}

static void on_due(struct timer *t)
{
	struct call *c = CONTAINER_OF(t, struct call, timer);

	peer_on_time(c->peer, now());
	arm(c);
}

static void on_send(void *owner, const struct addr *to, struct bytes d)
{
	struct call *c = owner;
	struct sockaddr_storage ss;
	uv_buf_t b = { .base = (char *)(uintptr_t)d.p, .len = d.n };

	if (addr_to_sockaddr(to, ADDR_AS_IS, &ss))
		uv_udp_try_send(&c->udp, &b, 1, (struct sockaddr *)&ss);
}

static void on_connected(void *owner)
{
	(void)owner;
	fprintf(stderr, "connected\n");
}

static void on_audio(void *owner, const struct stream_audio *a, uint64_t now_us)
{
	struct call *c = owner;
	struct stream_media m = peer_media(c->peer);
	uint32_t ts48 = a->ts * (m.codec == SDP_OPUS ? 1 : 6);

	if (a->is_dtmf)
		return;
	if (!c->started)
		c->ts_offset = ts48;
	if (peer_send_audio(c->peer, a->payload, ts48 - c->ts_offset, !c->started, now_us) == 0)
		c->started = true;
}

static void on_channel_open(void *owner, uint16_t channel, struct bytes label)
{
	(void)owner;
	fprintf(stderr, "channel %u open: %.*s\n", channel, (int)label.n, (const char *)label.p);
}

static void on_channel_close(void *owner, uint16_t channel)
{
	(void)owner;
	fprintf(stderr, "channel %u closed\n", channel);
}

static void finish(struct call *c)
{
	AUTO(buf) struct buf b = { 0 };

	peer_dump(c->peer, &b);
	fprintf(stderr, "%s", b.p ? (char *)b.p : "");
	loop_stop(c->loop);
}

static void on_message(void *owner, uint16_t channel, struct bytes m, bool is_text)
{
	struct call *c = owner;
	AUTO(buf) struct buf b = { 0 };

	if (is_text && bytes_is(m, "close")) {
		peer_close(c->peer, now());
		finish(c);
		return;
	}
	if (bytes_is(m, "dump")) {
		peer_dump(c->peer, &b);
	} else {
		buf_puts(&b, "echo: ");
		buf_put(&b, m.p, m.n);
	}
	int err = peer_send_message(c->peer, channel, buf_bytes(&b));
	if (err)
		fprintf(stderr, "message not sent: %s\n", strerror(-err));
}

static void on_writable(void *owner)
{
	(void)owner;
}

static void on_report(void *owner, const struct stream_report *r)
{
	(void)owner;
	fprintf(stderr, "report: rtt %lld us, lost %d\n", (long long)r->rtt_us, r->lost);
}

static void on_closed(void *owner, enum peer_end why)
{
	fprintf(stderr, "closed: %s\n", peer_end_name(why));
	finish(owner);
}

static const struct peer_ops ops = {
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

static void give(uv_handle_t *h, size_t want, uv_buf_t *b)
{
	struct call *c = h->data;

	(void)want;
	*b = uv_buf_init(c->read, sizeof(c->read));
}

static void on_datagram(uv_udp_t *h, ssize_t n, const uv_buf_t *b, const struct sockaddr *sa,
			unsigned flags)
{
	struct call *c = h->data;
	struct addr from;

	(void)flags;
	if (n <= 0 || !sa || !addr_from_sockaddr(sa, &from))
		return;
	peer_input(c->peer, bytes_of(b->base, (size_t)n), &from, now());
	arm(c);
}

static void on_offer(struct call *c, struct bytes offer)
{
	AUTO(buf) struct buf answer = { 0 };
	const char *why = "";

	if (peer_offer(c->peer, offer, &answer, &why) == SDP_OK)
		printf("%s.\n", (char *)answer.p);
	else
		printf("!%s\n.\n", why);
	fflush(stdout);
	arm(c);
}

static void on_text(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct call *c = s->data;
	char *end;

	if (n < 0) {
		uv_read_stop(s);
		return;
	}
	buf_put(&c->text, b->base, (size_t)n);
	while (c->text.p && (end = strstr((char *)c->text.p, "\n.\n")) != NULL) {
		size_t len = (size_t)(end - (char *)c->text.p) + 1;

		on_offer(c, bytes_of(c->text.p, len));
		buf_consume(&c->text, len + 2);
	}
}

static int open_socket(struct call *c, const char *host, struct addr *here)
{
	struct sockaddr_storage ss;
	int n = sizeof(ss);

	if (!addr_parse(bytes_str(host), here) || !addr_to_sockaddr(here, ADDR_AS_IS, &ss))
		return -1;
	c->udp.data = c->in.data = c;
	if (uv_udp_init(loop_uv(c->loop), &c->udp) != 0 ||
	    uv_udp_bind(&c->udp, (struct sockaddr *)&ss, 0) != 0 ||
	    uv_udp_getsockname(&c->udp, (struct sockaddr *)&ss, &n) != 0 ||
	    !addr_from_sockaddr((struct sockaddr *)&ss, here))
		return -1;
	uv_udp_recv_start(&c->udp, give, on_datagram);
	uv_pipe_init(loop_uv(c->loop), &c->in, 0);
	uv_pipe_open(&c->in, 0);
	return uv_read_start((uv_stream_t *)&c->in, give, on_text);
}

int main(int argc, char **argv)
{
	static struct call c;
	struct addr here;

	if (loop_new(&c.loop, 0) != 0 || cert_new(&c.cert, &env_system) != 0 ||
	    sctp_service_new(&c.sctp) != 0 ||
	    open_socket(&c, argc > 1 ? argv[1] : "127.0.0.1:0", &here) != 0)
		return 1;

	struct peer_params params = {
		.env = &env_system,
		.cert = c.cert,
		.loop = c.loop,
		.sctp = c.sctp,
		.candidates = &here,
		.n_candidates = 1,
	};
	if (peer_new(&c.peer, &params, &ops, &c) != 0)
		return 1;
	int err = loop_run(c.loop);

	peer_free(c.peer);
	sctp_service_free(c.sctp);
	cert_free(c.cert);
	loop_free(c.loop);
	buf_done(&c.text);
	return err ? 1 : 0;
}
