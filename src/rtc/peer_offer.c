#include "rtc/peer_inner.h"

static void keep(char *to, size_t cap, struct bytes from)
{
	size_t n = MIN(from.n, cap - 1);

	if (n)
		memcpy(to, from.p, n);
	to[n] = 0;
}

/* Our side of a=setup: active unless the peer insists on being it (RFC 8842, 5.3). */
static enum sdp_verdict choose_role(const struct peer *p, const struct sdp_offer *o,
				    enum dtls_role *role, const char **why)
{
	bool first = !p->dtls;

	switch (o->setup) {
	case SDP_ACTIVE:
		*role = DTLS_SERVER;
		break;
	case SDP_PASSIVE:
		*role = DTLS_CLIENT;
		break;
	case SDP_SETUP_NONE:
	case SDP_ACTPASS:
		*role = first ? DTLS_CLIENT : p->role;
		break;
	case SDP_HOLDCONN:
		*why = "The offer has a=setup:holdconn, which asks for no connection.";
		return SDP_NOT_POSSIBLE;
	}
	if (!first && *role != p->role) {
		*why = "This offer changes a=setup; the DTLS roles of a call cannot change.";
		return SDP_NOT_POSSIBLE;
	}
	return SDP_OK;
}

/* What a later offer may not change. */
static enum sdp_verdict check_change(const struct peer *p, const struct sdp_offer *o,
				     const char **why)
{
	if (p->state == PEER_CLOSED) {
		*why = "The call has ended; begin a new one.";
		return SDP_NOT_POSSIBLE;
	}
	if (!p->dtls)
		return SDP_OK;
	if (p->fingerprint.hash_bits != o->fingerprint.hash_bits ||
	    memcmp(p->fingerprint.octets, o->fingerprint.octets, o->fingerprint.hash_bits / 8)) {
		*why = "This offer changes a=fingerprint; begin a new call for a new certificate.";
		return SDP_NOT_POSSIBLE;
	}
	if (o->n_sections < p->n_sections) {
		*why = "This offer has fewer m= sections than the one before (RFC 3264, 8).";
		return SDP_NOT_POSSIBLE;
	}
	return SDP_OK;
}

static int write_answer(struct peer *p, const struct sdp_offer *o, struct buf *to)
{
	char fingerprint[CERT_FINGERPRINT];

	cert_fingerprint(p->cert, fingerprint);
	struct answer a = {
		.offer = o,
		.session_id = p->session_id,
		.version = p->version + 1,
		.ufrag = ice_ufrag(p->ice),
		.pwd = ice_pwd(p->ice),
		.fingerprint = fingerprint,
		.setup = p->role == DTLS_CLIENT ? SDP_ACTIVE : SDP_PASSIVE,
		.candidates = p->candidates,
		.n_candidates = p->n_candidates,
		.ssrc = p->audio.ssrc,
		.cname = p->audio.cname,
		.stream = p->stream_id,
		.track = p->track_id,
	};
	return answer_write(&a, to);
}

/* A change of either part by the peer asks for new ones of ours (RFC 8445, 9). */
static bool is_restart(const struct peer *p, const struct sdp_offer *o)
{
	return p->dtls && (!bytes_is(o->ufrag, p->their_ufrag) || !bytes_is(o->pwd, p->their_pwd));
}

static void agree(struct peer *p, const struct sdp_offer *o)
{
	keep(p->their_ufrag, sizeof(p->their_ufrag), o->ufrag);
	keep(p->their_pwd, sizeof(p->their_pwd), o->pwd);
	p->n_sections = o->n_sections;
	p->version++;
	stream_agree(&p->audio, o);
	if (o->data >= 0) {
		p->has_data = true;
		p->max_message = o->max_message;
	}
}

enum sdp_verdict peer_offer(struct peer *p, struct bytes offer, struct buf *answer,
			    const char **why)
{
	AUTO(dtls) struct dtls *dtls = NULL;
	struct sdp_offer o;
	enum dtls_role role = DTLS_CLIENT;
	size_t mark = answer->n;
	enum sdp_verdict v = sdp_parse(offer, &o, why);

	if (v == SDP_OK)
		v = check_change(p, &o, why);
	if (v == SDP_OK)
		v = choose_role(p, &o, &role, why);
	if (v != SDP_OK)
		return v;

	*why = "The server has no memory left.";
	if (!p->dtls && dtls_new(&dtls, p->cert, role, &o.fingerprint) != 0)
		return SDP_NO_MEMORY;
	p->role = role;
	if (is_restart(p, &o))
		ice_restart(p->ice); /* harmless, should the answer fail: the old ones still work */
	if (write_answer(p, &o, answer) != 0) {
		answer->n = mark;
		return SDP_NO_MEMORY;
	}
	if (dtls) {
		p->dtls = dtls;
		dtls = NULL;
		p->fingerprint = o.fingerprint;
		peer_set_state(p, PEER_CHECKING);
	}
	agree(p, &o);
	if (peer_open_data(p) != 0)
		peer_finish(p, PEER_END_FAILED);
	return SDP_OK;
}
