#include "rtc/stream.h"

static unsigned clock_hz(const struct stream *s)
{
	return s->media.codec == SDP_OPUS ? 48000 : 8000;
}

void stream_init(struct stream *s, const struct env *env)
{
	*s = (struct stream){
		.env = env,
		.media = { .pt = SDP_NO_PT, .pt_dtmf = SDP_NO_PT },
		.report_at_us = UINT64_MAX,
	};
	/* "The initial value of the sequence number SHOULD be random" (RFC 3550, 5.1), and the
	 * timestamp's, too. */
	env_rand(env, &s->ssrc, sizeof(s->ssrc));
	env_rand(env, &s->ts_offset, sizeof(s->ts_offset));
	env_rand(env, &s->seq, sizeof(s->seq));
	env_id(env, "", s->cname, STREAM_ID_LEN);
}

void stream_agree(struct stream *s, const struct sdp_offer *o)
{
	s->media = (struct stream_media){ .codec = o->codec, .pt = o->pt, .pt_dtmf = o->pt_dtmf };
	s->ext_mid = s->ext_level = 0;
	if (o->audio < 0)
		return;

	const struct sdp_section *a = &o->sections[o->audio];
	enum sdp_direction d = sdp_our_direction(a);
	s->media.may_send = d & SDP_SEND;
	s->media.may_receive = d & SDP_RECV;
	s->ext_level = a->ext_level;
	/* A mid too long for the one-byte form is not sent; the SSRC is in the answer. */
	if (a->mid.n && a->mid.n <= RTP_EXT_VALUE_MAX) {
		s->ext_mid = a->ext_mid;
		memcpy(s->mid, a->mid.p, a->mid.n);
		s->mid[a->mid.n] = 0;
	}
}

/* --- packets ------------------------------------------------------------------------ */

/* "varied over the range [0.5,1.5] times the calculated interval" (RFC 3550, 6.3.1) */
static void schedule_report(struct stream *s, uint64_t now_us)
{
	uint32_t r;

	env_rand(s->env, &r, sizeof(r));
	s->report_at_us = now_us + STREAM_REPORT_US / 2 + (uint64_t)r % STREAM_REPORT_US;
}

/* Audio flows, in whichever direction: reports begin. */
static void begin_reports(struct stream *s, uint64_t now_us)
{
	if (s->report_at_us == UINT64_MAX)
		schedule_report(s, now_us);
}

size_t stream_write(struct stream *s, struct bytes payload, uint32_t ts48, bool marker,
		    uint8_t *to, size_t room)
{
	struct rtp_header h = {
		.marker = marker,
		.pt = s->media.pt,
		.seq = s->seq++, /* also when it fails: a number is never used for two packets */
		.ts = s->ts_offset + (clock_hz(s) == 48000 ? ts48 : ts48 / 6),
		.ssrc = s->ssrc,
	};

	if (s->ext_mid) {
		h.n_ext = 1;
		h.ext[0].id = s->ext_mid;
		h.ext[0].value = bytes_str(s->mid);
	}
	size_t n = rtp_write(&h, to, room);
	if (!n || payload.n > STREAM_PAYLOAD_MAX || payload.n > room - n)
		return 0;
	if (payload.n)
		memcpy(to + n, payload.p, payload.n);
	s->last_ts = h.ts;
	return n + payload.n;
}

void stream_on_sent(struct stream *s, size_t payload_octets, uint64_t now_us)
{
	s->packets++;
	s->octets += (uint32_t)payload_octets;
	s->last_us = now_us;
	s->stats.audio_out++;
	s->stats.audio_octets_out += payload_octets;
	begin_reports(s, now_us);
}

enum stream_verdict stream_input(struct stream *s, struct bytes packet, uint64_t now_us,
				 struct stream_audio *out)
{
	struct rtp_view v;

	if (rtp_parse(packet, &v) != RTP_OK)
		return STREAM_BAD;
	if (v.pt != s->media.pt && v.pt != s->media.pt_dtmf)
		return STREAM_FOREIGN;
	/* A new source: the peer has put another track in place of the first. */
	if (!s->rx.started || v.ssrc != s->rx.ssrc)
		rtcp_stats_init(&s->rx, v.ssrc, clock_hz(s));
	rtcp_stats_rtp(&s->rx, v.seq, v.ts, now_us);
	s->stats.audio_in++;
	s->stats.audio_octets_in += v.payload.n;
	begin_reports(s, now_us);
	if (!v.payload.n) /* a probe for bandwidth */
		return STREAM_PADDING;

	*out = (struct stream_audio){
		.pt = v.pt,
		.marker = v.marker,
		.is_dtmf = v.pt == s->media.pt_dtmf,
		.level = RTP_LEVEL_NONE,
		.seq = v.seq,
		.ts = v.ts,
		.ssrc = v.ssrc,
		.payload = v.payload,
	};
	if (s->ext_level)
		out->level = (uint8_t)rtp_audio_level(&v, s->ext_level, &out->voice);
	return STREAM_AUDIO;
}

/* --- reports ------------------------------------------------------------------------ */

bool stream_input_rtcp(struct stream *s, struct bytes packet, uint64_t now_us,
		       struct stream_report *out, size_t *n)
{
	struct rtcp_view v;

	*n = 0;
	if (rtcp_parse(packet, &v) != RTCP_OK)
		return false;
	s->stats.rtcp_in++;
	if (v.has_sr && s->rx.started && v.sr.ssrc == s->rx.ssrc)
		rtcp_stats_sr(&s->rx, &v.sr, now_us);
	for (size_t i = 0; i < v.n_reports && *n == 0; i++) {
		const struct rtcp_report *r = &v.reports[i];

		if (r->ssrc != s->ssrc)
			continue;
		*out = (struct stream_report){
			.rtt_us = rtcp_rtt_us(r, rtcp_ntp(env_wall(s->env))),
			.fraction_lost = r->fraction_lost,
			.lost = r->lost,
			.jitter_us = (uint32_t)((uint64_t)r->jitter * US_PER_S / clock_hz(s)),
			.jitter_in_us = s->rx.started ? rtcp_stats_jitter_us(&s->rx) : 0,
		};
		*n = 1;
	}
	return true;
}

size_t stream_write_rtcp(struct stream *s, enum stream_rtcp kind, uint64_t now_us, uint8_t *to,
			 size_t room)
{
	struct rtcp_report report;
	uint64_t since_us = now_us - s->last_us;
	struct rtcp_sr sr = {
		.ssrc = s->ssrc,
		.ntp = rtcp_ntp(env_wall(s->env)),
		.rtp_ts = s->last_ts + (uint32_t)(since_us * clock_hz(s) / US_PER_S),
		.packets = s->packets,
		.octets = s->octets,
	};
	struct rtcp_out o = {
		.ssrc = s->ssrc,
		.sr = s->packets != s->packets_at_report ? &sr : NULL,
		.reports = &report,
		.n_reports = s->rx.started && rtcp_stats_report(&s->rx, now_us, &report),
		.cname = bytes_str(s->cname),
		.bye = kind == STREAM_BYE,
	};

	s->packets_at_report = s->packets;
	schedule_report(s, now_us);
	s->stats.rtcp_out++;
	return rtcp_write(&o, to, room);
}
