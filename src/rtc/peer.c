#include "rtc/peer_inner.h"

#include <assert.h>
#include <errno.h>

#include "base/alloc.h"
#include "rtc/demux.h"

enum { RTCP_MAX = 1200 };

static const struct {
	const char *name;
	unsigned next;
} states[] = {
	[PEER_NEW] = { "new", BIT(PEER_CHECKING) | BIT(PEER_CLOSED) },
	[PEER_CHECKING] = { "checking", BIT(PEER_HANDSHAKING) | BIT(PEER_CLOSED) },
	[PEER_HANDSHAKING] = { "handshaking", BIT(PEER_MEDIA) | BIT(PEER_CLOSED) },
	[PEER_MEDIA] = { "media", BIT(PEER_CONNECTED) | BIT(PEER_CLOSED) },
	[PEER_CONNECTED] = { "connected", BIT(PEER_CLOSED) },
	[PEER_CLOSED] = { "closed", 0 },
};

void peer_set_state(struct peer *p, enum peer_state to)
{
	assert(states[p->state].next & BIT(to));
	p->state = to;
}

static void drop(struct peer *p, enum peer_drop why)
{
	p->stats.dropped[why]++;
}

/* --- life -------------------------------------------------------------------------- */

int peer_new(struct peer **out, const struct peer_params *params, const struct peer_ops *ops,
	     void *owner)
{
	AUTO(peer) struct peer *p = mem_zalloc(sizeof(*p));
	const struct env *env = params->env;

	if (!p)
		return -ENOMEM;
	p->env = *env;
	p->ops = ops;
	p->owner = owner;
	p->cert = params->cert;
	p->loop = params->loop;
	p->sctp = params->sctp;
	stream_init(&p->audio, &p->env);
	p->n_candidates = MIN(params->n_candidates, ANSWER_CANDIDATES_MAX);
	for (size_t i = 0; i < p->n_candidates; i++)
		p->candidates[i] = params->candidates[i];

	int err = ice_new(&p->ice, &p->env, params->loop_index);
	if (err)
		return err;
	env_rand(env, &p->session_id, sizeof(p->session_id));
	p->session_id &= INT64_MAX; /* "a 64-bit signed integer" for JSEP, 5.2.1 */
	env_id(env, "", p->stream_id, PEER_ID_LEN);
	env_id(env, "", p->track_id, PEER_ID_LEN);
	*out = p;
	p = NULL;
	return 0;
}

void peer_free(struct peer *p)
{
	if (!p)
		return;
	data_free(p->data);
	rtpsec_free(p->rtpsec);
	dtls_free(p->dtls);
	ice_free(p->ice);
	mem_free(p);
}

static void send_to_path(struct peer *p, struct bytes d)
{
	const struct addr *to = ice_selected(p->ice);

	if (to)
		p->ops->send(p->owner, to, d);
}

/* What DTLS has to say; it waits there while we have no path. */
static void flush_dtls(struct peer *p)
{
	uint8_t d[DTLS_DATAGRAM_MAX];
	size_t n;

	while (p->dtls && ice_selected(p->ice) && dtls_output(p->dtls, d, sizeof(d), &n))
		send_to_path(p, bytes_of(d, n));
}

/* Say goodbye and be at rest. Data is only stopped: we may be inside one of its ops. */
static void shut(struct peer *p)
{
	if (p->data)
		data_stop(p->data);
	if (p->dtls)
		dtls_close(p->dtls);
	flush_dtls(p);
	peer_set_state(p, PEER_CLOSED);
}

void peer_finish(struct peer *p, enum peer_end why)
{
	if (p->state == PEER_CLOSED)
		return;
	shut(p);
	p->ops->on_closed(p->owner, why);
}

/* --- data channels ----------------------------------------------------------------- */

/* An SCTP packet that cannot go now is lost, as a network may lose it; it will come again. */
static void on_data_output(void *owner, struct bytes packet)
{
	struct peer *p = owner;

	if (dtls_write(p->dtls, packet) == 0)
		flush_dtls(p);
}

static void on_data_open(void *owner, uint16_t channel, struct bytes label)
{
	struct peer *p = owner;

	p->ops->on_channel_open(p->owner, channel, label);
}

static void on_data_close(void *owner, uint16_t channel)
{
	struct peer *p = owner;

	p->ops->on_channel_close(p->owner, channel);
}

static void on_data_message(void *owner, uint16_t channel, struct bytes m, bool is_text)
{
	struct peer *p = owner;

	p->stats.messages_in++;
	p->ops->on_message(p->owner, channel, m, is_text);
}

static void on_data_writable(void *owner)
{
	struct peer *p = owner;

	p->ops->on_writable(p->owner);
}

static void on_data_dropped(void *owner)
{
	drop(owner, PEER_DROP_MESSAGE);
}

static const struct data_ops data_ops = {
	.output = on_data_output,
	.on_open = on_data_open,
	.on_close = on_data_close,
	.on_message = on_data_message,
	.on_writable = on_data_writable,
	.on_dropped = on_data_dropped,
};

int peer_open_data(struct peer *p)
{
	if (!p->has_data || p->state != PEER_CONNECTED || p->data || !p->sctp)
		return 0;
	return data_new(&p->data, p->sctp, p->loop, &data_ops, p);
}

int peer_send_message(struct peer *p, uint16_t channel, struct bytes text)
{
	if (p->state != PEER_CONNECTED || !p->data)
		return -ENOTCONN;
	if (text.n > p->max_message)
		return -EMSGSIZE;

	int err = data_send(p->data, channel, text);
	if (err == 0)
		p->stats.messages_out++;
	return err;
}

struct bytes peer_key(const struct peer *p)
{
	return ice_key(ice_ufrag(p->ice));
}

struct stream_media peer_media(const struct peer *p)
{
	return p->audio.media;
}

/* --- audio ------------------------------------------------------------------------- */

static bool has_keys(const struct peer *p)
{
	return p->state == PEER_MEDIA || p->state == PEER_CONNECTED;
}

static void send_rtcp(struct peer *p, enum stream_rtcp kind, uint64_t now_us)
{
	uint8_t d[RTCP_MAX + RTPSEC_GROWTH];
	size_t n = stream_write_rtcp(&p->audio, kind, now_us, d, RTCP_MAX);

	if (n && rtpsec_protect_rtcp(p->rtpsec, d, &n, sizeof(d)) == RTPSEC_OK)
		send_to_path(p, bytes_of(d, n));
}

static void input_rtcp(struct peer *p, struct bytes packet, uint64_t now_us)
{
	struct stream_report report;
	size_t n;

	if (!stream_input_rtcp(&p->audio, packet, now_us, &report, &n))
		drop(p, PEER_DROP_RTP_BAD);
	else if (n)
		p->ops->on_report(p->owner, &report);
}

static void input_rtp(struct peer *p, struct bytes packet, uint64_t now_us)
{
	struct stream_audio a;

	switch (stream_input(&p->audio, packet, now_us, &a)) {
	case STREAM_AUDIO:
		p->ops->on_audio(p->owner, &a, now_us);
		break;
	case STREAM_PADDING:
		break;
	case STREAM_BAD:
		drop(p, PEER_DROP_RTP_BAD);
		break;
	case STREAM_FOREIGN:
		drop(p, PEER_DROP_RTP_TYPE);
		break;
	}
}

static void input_srtp(struct peer *p, struct bytes datagram, enum demux_kind kind,
		       uint64_t now_us)
{
	uint8_t d[PEER_DATAGRAM_MAX]; /* deciphered in place, and the datagram is not ours */
	size_t n = datagram.n;
	enum rtpsec_verdict v;

	if (!has_keys(p)) {
		drop(p, PEER_DROP_EARLY);
		return;
	}
	memcpy(d, datagram.p, n);
	v = kind == DEMUX_RTCP ? rtpsec_unprotect_rtcp(p->rtpsec, d, &n) :
				 rtpsec_unprotect_rtp(p->rtpsec, d, &n);
	switch (v) {
	case RTPSEC_OK:
		if (kind == DEMUX_RTCP)
			input_rtcp(p, bytes_of(d, n), now_us);
		else
			input_rtp(p, bytes_of(d, n), now_us);
		break;
	case RTPSEC_REPLAYED:
		drop(p, PEER_DROP_SRTP_REPLAYED);
		break;
	case RTPSEC_FORGED:
	case RTPSEC_MALFORMED:
	case RTPSEC_TOO_MANY:
		drop(p, PEER_DROP_SRTP_FORGED);
		break;
	case RTPSEC_FAILED:
		peer_finish(p, PEER_END_FAILED);
		break;
	}
}

int peer_send_audio(struct peer *p, struct bytes payload, uint32_t ts48, bool marker,
		    uint64_t now_us)
{
	uint8_t d[RTP_HEADER_MAX + STREAM_PAYLOAD_MAX + RTPSEC_GROWTH];

	if (!has_keys(p) || !p->audio.media.may_send || !ice_selected(p->ice))
		return -ENOTCONN;
	if (payload.n > STREAM_PAYLOAD_MAX)
		return -EMSGSIZE;

	size_t n = stream_write(&p->audio, payload, ts48, marker, d, sizeof(d) - RTPSEC_GROWTH);
	if (!n || rtpsec_protect_rtp(p->rtpsec, d, &n, sizeof(d)) != RTPSEC_OK)
		return -EIO;
	stream_on_sent(&p->audio, payload.n, now_us);
	send_to_path(p, bytes_of(d, n));
	return 0;
}

/* --- the transport ----------------------------------------------------------------- */

/* As the DTLS client we have keys as soon as our Finished is on its way, and the peer's
 * certificate has been compared: audio need not wait for the last flight (RFC 7918). */
static void take_keys(struct peer *p)
{
	struct rtpsec_keys keys;

	if (p->state != PEER_HANDSHAKING || dtls_keys(p->dtls, &keys) != 0)
		return;

	int err = rtpsec_new(&p->rtpsec, &keys);
	explicit_bzero(&keys, sizeof(keys));
	if (err) {
		peer_finish(p, PEER_END_FAILED);
		return;
	}
	peer_set_state(p, PEER_MEDIA);
	p->ops->on_connected(p->owner);
}

static void on_dtls_connected(struct peer *p)
{
	take_keys(p);
	if (p->state != PEER_MEDIA) { /* closed in between, or no keys though connected */
		peer_finish(p, PEER_END_FAILED);
		return;
	}
	peer_set_state(p, PEER_CONNECTED);
	if (peer_open_data(p) != 0)
		peer_finish(p, PEER_END_FAILED);
}

static void read_dtls(struct peer *p)
{
	uint8_t d[DTLS_DATAGRAM_MAX];
	size_t n;

	while (p->state == PEER_CONNECTED && (n = dtls_read(p->dtls, d, sizeof(d))) > 0)
		if (p->data)
			data_input(p->data, bytes_of(d, n));
}

static void on_dtls(struct peer *p, enum dtls_verdict v)
{
	flush_dtls(p);
	switch (v) {
	case DTLS_AGAIN:
		take_keys(p);
		break;
	case DTLS_CONNECTED:
		on_dtls_connected(p);
		read_dtls(p);
		break;
	case DTLS_DATA:
		read_dtls(p);
		break;
	case DTLS_DROPPED:
		drop(p, PEER_DROP_DTLS);
		break;
	case DTLS_CLOSED:
		peer_finish(p, PEER_END_GOODBYE);
		break;
	case DTLS_BAD_FINGERPRINT:
		peer_finish(p, PEER_END_FINGERPRINT);
		break;
	case DTLS_BAD_CERT:
	case DTLS_NO_PROFILE:
	case DTLS_TIMED_OUT:
	case DTLS_FAILED:
		peer_finish(p, p->state >= PEER_CONNECTED ? PEER_END_FAILED : PEER_END_HANDSHAKE);
		break;
	}
	flush_dtls(p);
}

static void input_stun(struct peer *p, struct bytes d, const struct addr *from, uint64_t now_us)
{
	struct ice_reply r;

	switch (ice_input(p->ice, d, from, now_us, &r)) {
	case ICE_ANSWER:
		p->ops->send(p->owner, from, bytes_of(r.p, r.n));
		break;
	case ICE_UNAUTHORIZED:
		drop(p, PEER_DROP_STUN_AUTH);
		return;
	case ICE_NOT_STUN:
	case ICE_MALFORMED:
	case ICE_NOT_REQUEST:
	case ICE_NO_MEMORY:
		drop(p, PEER_DROP_STUN_BAD);
		return;
	}
	if (p->state == PEER_CHECKING && ice_selected(p->ice)) {
		peer_set_state(p, PEER_HANDSHAKING);
		on_dtls(p, dtls_start(p->dtls, now_us));
	} else if (r.selected) {
		flush_dtls(p); /* what waited for a path */
	}
}

void peer_input(struct peer *p, struct bytes d, const struct addr *from, uint64_t now_us)
{
	enum demux_kind kind = demux_kind(d);

	if (p->state == PEER_CLOSED)
		return;
	if (kind == DEMUX_OTHER || d.n > PEER_DATAGRAM_MAX) {
		drop(p, PEER_DROP_UNKNOWN);
		return;
	}
	if (kind == DEMUX_STUN) {
		input_stun(p, d, from, now_us);
		return;
	}
	if (!ice_is_valid(p->ice, from, now_us)) {
		drop(p, PEER_DROP_STRANGER);
		return;
	}
	if (kind == DEMUX_DTLS)
		on_dtls(p, p->dtls ? dtls_input(p->dtls, d, now_us) : DTLS_DROPPED);
	else
		input_srtp(p, d, kind, now_us);
}

bool peer_has_data(const struct peer *p)
{
	return p->has_data;
}

bool peer_is_valid(const struct peer *p, const struct addr *from, uint64_t now_us)
{
	return p->state != PEER_CLOSED && ice_is_valid(p->ice, from, now_us);
}

/* --- time -------------------------------------------------------------------------- */

void peer_on_time(struct peer *p, uint64_t now_us)
{
	if (p->state == PEER_CLOSED)
		return;
	bool never = ice_state(p->ice) == ICE_WAITING;
	if (ice_on_time(p->ice, now_us) == ICE_LOST) {
		peer_finish(p, never ? PEER_END_NO_CHECK : PEER_END_CONSENT);
		return;
	}
	if (p->state >= PEER_HANDSHAKING)
		on_dtls(p, dtls_on_time(p->dtls, now_us));
	if (has_keys(p) && now_us >= p->audio.report_at_us)
		send_rtcp(p, STREAM_REPORT, now_us);
}

uint64_t peer_next_us(const struct peer *p, uint64_t now_us)
{
	uint64_t next;

	if (p->state == PEER_CLOSED)
		return UINT64_MAX;
	next = ice_next_us(p->ice);
	if (p->state >= PEER_HANDSHAKING)
		next = MIN(next, dtls_next_us(p->dtls, now_us));
	if (has_keys(p))
		next = MIN(next, p->audio.report_at_us);
	return next;
}

void peer_close(struct peer *p, uint64_t now_us)
{
	if (p->state == PEER_CLOSED)
		return;
	if (has_keys(p) && stream_began(&p->audio))
		send_rtcp(p, STREAM_BYE, now_us);
	shut(p);
}

/* --- looking at it ----------------------------------------------------------------- */

const struct peer_stats *peer_stats(const struct peer *p)
{
	return &p->stats;
}

const struct stream_stats *peer_audio_stats(const struct peer *p)
{
	return &p->audio.stats;
}

const char *peer_end_name(enum peer_end e)
{
	static const char *const names[] = {
		[PEER_END_GOODBYE] = "goodbye",       [PEER_END_NO_CHECK] = "no check",
		[PEER_END_CONSENT] = "consent lost",  [PEER_END_HANDSHAKE] = "handshake failed",
		[PEER_END_FINGERPRINT] = "wrong fingerprint", [PEER_END_FAILED] = "failed",
	};

	return names[e];
}

const char *peer_drop_name(enum peer_drop d)
{
	static const char *const names[PEER_DROPS] = {
		[PEER_DROP_STRANGER] = "stranger",
		[PEER_DROP_UNKNOWN] = "unknown",
		[PEER_DROP_STUN_BAD] = "stun_bad",
		[PEER_DROP_STUN_AUTH] = "stun_auth",
		[PEER_DROP_DTLS] = "dtls",
		[PEER_DROP_EARLY] = "early",
		[PEER_DROP_SRTP_FORGED] = "srtp_forged",
		[PEER_DROP_SRTP_REPLAYED] = "srtp_replayed",
		[PEER_DROP_RTP_BAD] = "rtp_bad",
		[PEER_DROP_RTP_TYPE] = "rtp_type",
		[PEER_DROP_MESSAGE] = "message",
	};

	return names[d];
}

void peer_dump(const struct peer *p, struct buf *to)
{
	const struct peer_stats *s = &p->stats;
	const struct stream_stats *a = &p->audio.stats;
	const struct stream_media *m = &p->audio.media;

	buf_printf(to, "peer state=%s offers=%u pt=%u send=%d receive=%d ssrc=%u\n",
		   states[p->state].name, p->version, m->pt, m->may_send, m->may_receive,
		   p->audio.ssrc);
	buf_printf(to, "  audio in=%llu out=%llu rtcp in=%llu out=%llu messages in=%llu out=%llu\n",
		   (unsigned long long)a->audio_in, (unsigned long long)a->audio_out,
		   (unsigned long long)a->rtcp_in, (unsigned long long)a->rtcp_out,
		   (unsigned long long)s->messages_in, (unsigned long long)s->messages_out);
	for (enum peer_drop d = 0; d < PEER_DROPS; d++)
		if (s->dropped[d])
			buf_printf(to, "  dropped %s=%llu\n", peer_drop_name(d),
				   (unsigned long long)s->dropped[d]);
	ice_dump(p->ice, to);
	if (p->dtls)
		dtls_dump(p->dtls, to);
	if (p->rtpsec)
		rtpsec_dump(p->rtpsec, to);
	if (p->data)
		data_dump(p->data, to);
}
