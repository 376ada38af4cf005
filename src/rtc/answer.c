#include "rtc/answer.h"

#include <errno.h>

static void put_bytes(struct buf *to, struct bytes b)
{
	buf_put(to, b.p, b.n);
}

static void put_str(struct buf *to, const char *name, struct bytes value)
{
	buf_puts(to, name);
	put_bytes(to, value);
	buf_puts(to, "\r\n");
}

static void put_session(const struct answer *a, struct buf *to)
{
	const struct sdp_offer *o = a->offer;
	struct bytes rest = o->bundle;

	buf_printf(to, "v=0\r\no=- %llu %u IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
		   (unsigned long long)a->session_id, a->version);
	if (o->bundle.p && o->sections[o->tagged].bundled) { /* RFC 9143, 7.3.1 */
		buf_puts(to, "a=group:BUNDLE");
		for (int i; (i = sdp_next_bundled(o, &rest)) >= 0;) {
			buf_putc(to, ' ');
			put_bytes(to, o->sections[i].mid);
		}
		buf_puts(to, "\r\n");
	}
	buf_puts(to, "a=ice-lite\r\na=msid-semantic: WMS *\r\n");
}

/* m= and c= lines; port 9 ("discard") because the candidates say where (RFC 8839, 4.2.1.1). */
static void put_media(const struct sdp_section *s, unsigned port, struct buf *to)
{
	put_bytes(to, s->media);
	buf_printf(to, " %u ", port);
	put_bytes(to, s->proto);
	buf_putc(to, ' ');
}

static void put_rejected(const struct sdp_section *s, struct buf *to)
{
	buf_puts(to, "m=");
	put_media(s, 0, to);
	put_str(to, "", s->fmt);
	buf_puts(to, "c=IN IP4 0.0.0.0\r\na=inactive\r\n");
	if (s->mid.p)
		put_str(to, "a=mid:", s->mid);
}

/* Priority by RFC 8445, 5.1.2.1: type preference 126 for host, component 1. */
static void put_candidates(const struct answer *a, struct buf *to)
{
	for (size_t i = 0; i < MIN(a->n_candidates, ANSWER_CANDIDATES_MAX); i++) {
		char ip[ADDR_TEXT];

		buf_printf(to, "a=candidate:%zu 1 udp %u %s %u typ host\r\n", i + 1,
			   126u << 24 | (65535u - (unsigned)i) << 8 | 255u,
			   addr_format_ip(&a->candidates[i], ip), a->candidates[i].port);
	}
	buf_puts(to, "a=end-of-candidates\r\n");
}

static void put_transport(const struct answer *a, const struct sdp_section *s, struct buf *to)
{
	if (s->mid.p)
		put_str(to, "a=mid:", s->mid);
	put_str(to, "a=ice-ufrag:", a->ufrag);
	put_str(to, "a=ice-pwd:", a->pwd);
	buf_printf(to, "a=fingerprint:sha-256 %s\r\na=setup:%s\r\n", a->fingerprint,
		   a->setup == SDP_PASSIVE ? "passive" : "active");
	if (s == &a->offer->sections[a->offer->tagged])
		put_candidates(a, to);
}

static void put_codecs(const struct sdp_offer *o, struct buf *to)
{
	buf_printf(to, "a=rtpmap:%u %s\r\n", o->pt, sdp_encoding(o->codec));
	if (o->codec == SDP_OPUS)
		buf_printf(to, "a=fmtp:%u minptime=10;useinbandfec=1\r\n", o->pt);
	if (o->pt_dtmf != SDP_NO_PT)
		buf_printf(to, "a=rtpmap:%u telephone-event/%u\r\na=fmtp:%u 0-15\r\n", o->pt_dtmf,
			   o->codec == SDP_OPUS ? 48000u : 8000u, o->pt_dtmf);
}

static void put_audio(const struct answer *a, const struct sdp_section *s, struct buf *to)
{
	static const char *const directions[] = { "inactive", "sendonly", "recvonly", "sendrecv" };
	const struct sdp_offer *o = a->offer;
	enum sdp_direction d = sdp_our_direction(s);

	buf_puts(to, "m=");
	put_media(s, 9, to);
	buf_printf(to, "%u", o->pt);
	if (o->pt_dtmf != SDP_NO_PT)
		buf_printf(to, " %u", o->pt_dtmf);
	buf_puts(to, "\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n");
	put_transport(a, s, to);
	buf_printf(to, "a=%s\r\na=rtcp-mux\r\n", directions[d]);
	if (s->rtcp_rsize)
		buf_puts(to, "a=rtcp-rsize\r\n");
	if (s->ext_mid)
		buf_printf(to, "a=extmap:%u urn:ietf:params:rtp-hdrext:sdes:mid\r\n", s->ext_mid);
	if (s->ext_level)
		buf_printf(to, "a=extmap:%u urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n",
			   s->ext_level);
	put_codecs(o, to);
	if (d & SDP_SEND)
		buf_printf(to, "a=msid:%s %s\r\na=ssrc:%u cname:%s\r\na=ssrc:%u msid:%s %s\r\n",
			   a->stream, a->track, a->ssrc, a->cname, a->ssrc, a->stream, a->track);
}

static void put_data(const struct answer *a, const struct sdp_section *s, struct buf *to)
{
	bool old = bytes_is(s->proto, "DTLS/SCTP");

	buf_puts(to, "m=");
	put_media(s, 9, to);
	if (old)
		buf_printf(to, "%u\r\n", SDP_DATA_PORT);
	else
		buf_puts(to, "webrtc-datachannel\r\n");
	buf_puts(to, "c=IN IP4 0.0.0.0\r\n");
	put_transport(a, s, to);
	if (old)
		buf_printf(to, "a=sctpmap:%u webrtc-datachannel 256\r\n", SDP_DATA_PORT);
	else
		buf_printf(to, "a=sctp-port:%u\r\n", SDP_DATA_PORT);
	buf_printf(to, "a=max-message-size:%u\r\n", SDP_DATA_MAX);
}

int answer_write(const struct answer *a, struct buf *to)
{
	const struct sdp_offer *o = a->offer;

	put_session(a, to);
	for (size_t i = 0; i < o->n_sections; i++) {
		const struct sdp_section *s = &o->sections[i];

		if (!s->accepted)
			put_rejected(s, to);
		else if (s->kind == SDP_KIND_AUDIO)
			put_audio(a, s, to);
		else
			put_data(a, s, to);
	}
	return to->failed ? -ENOMEM : 0;
}
