/* What comes out of SRTP: {kind, length, octets}... as RTP, as RTCP, as audio that we send, or
 * as time that passes. What we write can be read. Links: rtc/{stream,rtp,rtcp}.c libbase. */
#include <stdlib.h>

#include "rtc/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { RTP, RTCP, SEND, WAIT, KINDS };

static void send_audio(struct stream *s, struct env_fake *f, struct bytes payload)
{
	uint8_t to[1500];
	struct rtp_view v;
	size_t n = stream_write(s, payload, (uint32_t)(f->now_us * 48 / 1000), false, to, sizeof(to));

	if (!n)
		return;
	if (rtp_parse(bytes_of(to, n), &v) != RTP_OK || !bytes_eq(v.payload, payload) ||
	    v.ssrc != s->ssrc)
		abort();
	stream_on_sent(s, payload.n, f->now_us);
}

static void wait(struct stream *s, struct env_fake *f, size_t ms)
{
	uint8_t to[1500];
	struct rtcp_view v;

	env_fake_advance(f, ms * US_PER_MS);
	if (f->now_us < s->report_at_us)
		return;
	size_t n = stream_write_rtcp(s, STREAM_REPORT, f->now_us, to, sizeof(to));
	if (!n || rtcp_parse(bytes_of(to, n), &v) != RTCP_OK || s->report_at_us <= f->now_us)
		abort();
}

static void one(struct stream *s, struct env_fake *f, unsigned kind, struct bytes d)
{
	struct stream_audio a = { 0 };
	struct stream_report r;
	size_t n;

	switch (kind) {
	case RTP:
		if (stream_input(s, d, f->now_us, &a) != STREAM_AUDIO)
			return;
		if (!a.payload.n || a.payload.p < d.p || a.payload.p + a.payload.n > d.p + d.n ||
		    (a.level > 127 && a.level != RTP_LEVEL_NONE))
			abort();
		break;
	case RTCP:
		if (stream_input_rtcp(s, d, f->now_us, &r, &n) && (n > 1 || (n && r.rtt_us < -1)))
			abort();
		break;
	case SEND:
		send_audio(s, f, d);
		break;
	default:
		wait(s, f, d.n * 100);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct env_fake f;
	struct stream s;

	if (n == 0)
		return 0;
	env_fake_init(&f, 5);
	stream_init(&s, &f.env);
	s.media = (struct stream_media){ .codec = p[0] & 1 ? SDP_PCMU : SDP_OPUS,
					 .pt = p[0] & 1 ? 0 : 111,
					 .pt_dtmf = 101,
					 .may_send = true,
					 .may_receive = true };
	s.ssrc = 0x01020304; /* so that reports can be about it */
	s.ext_level = p[0] >> 1 & 15;
	for (size_t off = 1; n - off >= 2;) {
		size_t len = MIN(p[off + 1], n - off - 2);

		one(&s, &f, p[off] % KINDS, bytes_of(p + off + 2, len));
		off += 2 + len;
	}
	wait(&s, &f, 20000);
	return 0;
}
