#include "rtc/sdp.h"

#include <strings.h>

/* --- small words ------------------------------------------------------------------ */

/* The part before the first `sep`, which *rest then begins behind; all if there is none. */
static struct bytes cut(struct bytes *rest, uint8_t sep)
{
	const uint8_t *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
	size_t n = at ? (size_t)(at - rest->p) : rest->n;
	struct bytes head = { rest->p, n };

	*rest = at ? bytes_sub(*rest, n + 1, rest->n - n - 1) : (struct bytes){ rest->p + n, 0 };
	return head;
}

static bool is_word(struct bytes b, const char *word)
{
	return b.n == strlen(word) && strncasecmp((const char *)b.p, word, b.n) == 0;
}

static bool number(struct bytes b, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (b.n == 0 || b.n > 19)
		return false;
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] < '0' || b.p[i] > '9')
			return false;
		v = v * 10 + (b.p[i] - '0');
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

/* "token-char" of RFC 8866, 9, with `also`: what we repeat in an answer is one of these. */
static bool is_token(struct bytes b, size_t max, const char *also)
{
	static const char token[] = "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`"
				    "abcdefghijklmnopqrstuvwxyz{|}~";

	if (b.n == 0 || b.n > max)
		return false;
	for (size_t i = 0; i < b.n; i++)
		if (!b.p[i] || (!strchr(token, b.p[i]) && !strchr(also, b.p[i])))
			return false;
	return true;
}

/* --- attributes ------------------------------------------------------------------- */

struct parse {
	struct sdp_offer *o;
	struct sdp_section *at; /* the section the line stands in; &o->session before the first */
	const char *why;
};

static enum sdp_verdict malformed(struct parse *p, const char *why)
{
	p->why = why;
	return SDP_MALFORMED;
}

static enum sdp_verdict take_mid(struct parse *p, struct bytes v)
{
	if (!is_token(v, 64, ""))
		return malformed(p, "The offer has an a=mid that is not a short token.");
	p->at->mid = v;
	return SDP_OK;
}

static enum sdp_verdict take_group(struct parse *p, struct bytes v)
{
	struct bytes kind = cut(&v, ' ');

	if (p->at == &p->o->session && is_word(kind, "BUNDLE") && !p->o->bundle.p)
		p->o->bundle = v;
	return SDP_OK;
}

/* "ice-char*4-256" and "ice-char*22-256" (RFC 8839, 5.4). */
static enum sdp_verdict take_ufrag(struct parse *p, struct bytes v)
{
	if (v.n < 4 || !is_token(v, 256, "/="))
		return malformed(p, "The offer has an a=ice-ufrag of wrong length or letters.");
	p->at->ufrag = v;
	return SDP_OK;
}

static enum sdp_verdict take_pwd(struct parse *p, struct bytes v)
{
	if (v.n < 22 || !is_token(v, 256, "/="))
		return malformed(p, "The offer has an a=ice-pwd of wrong length or letters.");
	p->at->pwd = v;
	return SDP_OK;
}

static enum sdp_verdict take_ice_lite(struct parse *p, struct bytes v)
{
	(void)v;
	p->o->session.ice_lite = true;
	return SDP_OK;
}

static enum sdp_verdict take_fingerprint(struct parse *p, struct bytes v)
{
	struct bytes hash = cut(&v, ' ');
	struct fingerprint f;

	switch (fingerprint_parse(hash, v, &f)) {
	case FINGERPRINT_OK:
		if (!p->at->has_fingerprint)
			p->at->fingerprint = f;
		p->at->has_fingerprint = true;
		return SDP_OK;
	case FINGERPRINT_UNKNOWN_HASH:
		return SDP_OK; /* perhaps another line has one we trust */
	case FINGERPRINT_MALFORMED:
		break;
	}
	return malformed(p, "The offer has an a=fingerprint that cannot be read.");
}

static enum sdp_verdict take_setup(struct parse *p, struct bytes v)
{
	static const struct {
		const char *word;
		enum sdp_setup setup;
	} words[] = { { "actpass", SDP_ACTPASS },
		      { "active", SDP_ACTIVE },
		      { "passive", SDP_PASSIVE },
		      { "holdconn", SDP_HOLDCONN } };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (is_word(v, words[i].word)) {
			p->at->setup = words[i].setup;
			return SDP_OK;
		}
	}
	return malformed(p, "The offer has an a=setup that is none of RFC 4145's.");
}

static enum sdp_verdict set_direction(struct parse *p, enum sdp_direction d)
{
	p->at->has_direction = true;
	p->at->direction = d;
	return SDP_OK;
}

static enum sdp_verdict take_sendrecv(struct parse *p, struct bytes v)
{
	(void)v;
	return set_direction(p, SDP_SENDRECV);
}

static enum sdp_verdict take_sendonly(struct parse *p, struct bytes v)
{
	(void)v;
	return set_direction(p, SDP_SEND);
}

static enum sdp_verdict take_recvonly(struct parse *p, struct bytes v)
{
	(void)v;
	return set_direction(p, SDP_RECV);
}

static enum sdp_verdict take_inactive(struct parse *p, struct bytes v)
{
	(void)v;
	return set_direction(p, SDP_INACTIVE);
}

static enum sdp_verdict take_mux(struct parse *p, struct bytes v)
{
	(void)v;
	p->at->rtcp_mux = true;
	return SDP_OK;
}

static enum sdp_verdict take_rsize(struct parse *p, struct bytes v)
{
	(void)v;
	p->at->rtcp_rsize = true;
	return SDP_OK;
}

static enum sdp_verdict take_bundle_only(struct parse *p, struct bytes v)
{
	(void)v;
	p->at->bundle_only = true;
	return SDP_OK;
}

static bool is_listed(const struct sdp_section *s, uint64_t pt)
{
	return s->listed[pt / 32] & BIT(pt % 32);
}

static const struct {
	const char *encoding; /* name, clock and channels; "/1" is the same as none */
	uint8_t fixed_pt;     /* the static payload type that needs no rtpmap (RFC 3551, 6) */
} codecs[SDP_CODECS] = {
	[SDP_OPUS] = { "opus/48000/2", SDP_NO_PT },
	[SDP_PCMU] = { "PCMU/8000", 0 },
	[SDP_PCMA] = { "PCMA/8000", 8 },
	[SDP_DTMF_48000] = { "telephone-event/48000", SDP_NO_PT },
	[SDP_DTMF_8000] = { "telephone-event/8000", SDP_NO_PT },
};

static enum sdp_verdict take_rtpmap(struct parse *p, struct bytes v)
{
	struct bytes number_text = cut(&v, ' ');
	uint64_t pt;

	if (p->at->kind != SDP_KIND_AUDIO)
		return SDP_OK;
	if (!number(number_text, 127, &pt))
		return malformed(p, "The offer has an a=rtpmap without a payload type.");
	if (v.n > 2 && bytes_is(bytes_sub(v, v.n - 2, 2), "/1"))
		v.n -= 2;
	for (size_t c = 0; c < SDP_CODECS; c++) {
		bool unset = p->at->pt[c] == SDP_NO_PT || p->at->pt[c] == codecs[c].fixed_pt;

		if (unset && is_listed(p->at, pt) && is_word(v, codecs[c].encoding))
			p->at->pt[c] = (uint8_t)pt;
	}
	return SDP_OK;
}

/* a=extmap:ID[/direction] URI [attributes] (RFC 8285, 5) */
static enum sdp_verdict take_extmap(struct parse *p, struct bytes v)
{
	struct bytes id_text = cut(&v, ' '), uri = cut(&v, ' ');
	struct bytes id_only = cut(&id_text, '/');
	uint64_t id;

	if (!number(id_only, 65535, &id) || id == 0)
		return malformed(p, "The offer has an a=extmap without a number.");
	if (id > 14) /* would need the two-byte form */
		return SDP_OK;
	if (bytes_is(uri, "urn:ietf:params:rtp-hdrext:sdes:mid"))
		p->at->ext_mid = (uint8_t)id;
	else if (bytes_is(uri, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"))
		p->at->ext_level = (uint8_t)id;
	return SDP_OK;
}

static enum sdp_verdict take_sctp_port(struct parse *p, struct bytes v)
{
	uint64_t port;

	if (!number(v, 65535, &port))
		return malformed(p, "The offer has an a=sctp-port that is no port.");
	p->at->sctp_port = (uint16_t)port;
	return SDP_OK;
}

/* a=sctpmap:5000 webrtc-datachannel 1024 (before RFC 8841) */
static enum sdp_verdict take_sctpmap(struct parse *p, struct bytes v)
{
	return take_sctp_port(p, cut(&v, ' '));
}

static enum sdp_verdict take_max_message(struct parse *p, struct bytes v)
{
	uint64_t n;

	if (!number(v, INT64_MAX, &n))
		return malformed(p, "The offer has an a=max-message-size that is no number.");
	p->at->has_max_message = true;
	p->at->max_message = (uint32_t)MIN(n, UINT32_MAX);
	return SDP_OK;
}

/* One row per attribute we read; all others mean nothing to us. */
static const struct attr_rule {
	const char *name;
	enum sdp_verdict (*take)(struct parse *p, struct bytes value);
} attr_rules[] = {
	{ "mid", take_mid },                     /* RFC 5888, 4 */
	{ "group", take_group },                 /* RFC 9143, 7 */
	{ "bundle-only", take_bundle_only },     /* RFC 9143, 6 */
	{ "ice-ufrag", take_ufrag },             /* RFC 8839, 5.4 */
	{ "ice-pwd", take_pwd },                 /* RFC 8839, 5.4 */
	{ "ice-lite", take_ice_lite },           /* RFC 8839, 5.3 */
	{ "fingerprint", take_fingerprint },     /* RFC 8122, 5 */
	{ "setup", take_setup },                 /* RFC 4145, 4 */
	{ "sendrecv", take_sendrecv },           /* RFC 8866, 6.7 */
	{ "sendonly", take_sendonly },
	{ "recvonly", take_recvonly },
	{ "inactive", take_inactive },
	{ "rtcp-mux", take_mux },                /* RFC 5761, 5.1.1 */
	{ "rtcp-rsize", take_rsize },            /* RFC 5506, 5 */
	{ "rtpmap", take_rtpmap },               /* RFC 8866, 6.6 */
	{ "extmap", take_extmap },               /* RFC 8285, 5 */
	{ "sctp-port", take_sctp_port },         /* RFC 8841, 5 */
	{ "sctpmap", take_sctpmap },
	{ "max-message-size", take_max_message } /* RFC 8841, 6 */
};

/* --- lines ------------------------------------------------------------------------ */

static enum sdp_verdict on_attr(struct parse *p, struct bytes v)
{
	struct bytes name = cut(&v, ':');

	for (size_t i = 0; i < ARRAY_LEN(attr_rules); i++)
		if (bytes_is(name, attr_rules[i].name))
			return attr_rules[i].take(p, v);
	return SDP_OK;
}

static enum sdp_kind kind_of(struct bytes media, struct bytes proto, struct bytes fmt)
{
	/* JSEP, 5.1.2: all of these mean SAVPF over DTLS when there is a fingerprint. */
	static const char *const audio[] = { "UDP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF",
					     "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVP", "RTP/SAVPF",
					     "RTP/SAVP" };
	static const char *const data[] = { "UDP/DTLS/SCTP", "TCP/DTLS/SCTP" };

	for (size_t i = 0; bytes_is(media, "audio") && i < ARRAY_LEN(audio); i++)
		if (bytes_is(proto, audio[i]))
			return SDP_KIND_AUDIO;
	for (size_t i = 0; bytes_is(media, "application") && i < ARRAY_LEN(data); i++)
		if (bytes_is(proto, data[i]) && bytes_is(fmt, "webrtc-datachannel"))
			return SDP_KIND_DATA;
	if (bytes_is(media, "application") && bytes_is(proto, "DTLS/SCTP"))
		return SDP_KIND_DATA; /* before RFC 8841; the format is the port */
	return SDP_KIND_OTHER;
}

static void list_payload_types(struct sdp_section *s, struct bytes fmt)
{
	while (fmt.n) {
		uint64_t pt;

		if (number(cut(&fmt, ' '), 127, &pt))
			s->listed[pt / 32] |= BIT(pt % 32);
	}
	for (size_t c = 0; c < SDP_CODECS; c++) {
		uint8_t pt = codecs[c].fixed_pt;

		s->pt[c] = pt != SDP_NO_PT && is_listed(s, pt) ? pt : SDP_NO_PT;
	}
}

/* m=<media> <port>[/<n>] <proto> <fmt> ... (RFC 8866, 5.14) */
static enum sdp_verdict on_media(struct parse *p, struct bytes v)
{
	struct bytes media = cut(&v, ' '), ports = cut(&v, ' '), proto = cut(&v, ' ');
	struct bytes port_text = cut(&ports, '/');
	uint64_t port;

	if (p->o->n_sections == SDP_SECTIONS_MAX) {
		p->why = "The offer has more than 32 m= sections.";
		return SDP_TOO_LARGE;
	}
	if (!is_token(media, 32, "") || !number(port_text, 65535, &port) ||
	    !is_token(proto, 64, "/") || !is_token(v, 1024, " /"))
		return malformed(p, "The offer has an m= line that cannot be read.");

	p->at = &p->o->sections[p->o->n_sections++];
	*p->at = (struct sdp_section){
		.kind = kind_of(media, proto, v),
		.media = media,
		.proto = proto,
		.fmt = v,
		.rejected = port == 0,
	};
	if (p->at->kind == SDP_KIND_AUDIO)
		list_payload_types(p->at, v);
	return SDP_OK;
}

static enum sdp_verdict on_line(struct parse *p, struct bytes line)
{
	if (line.n < 2 || line.p[1] != '=' || line.p[0] < 'a' || line.p[0] > 'z')
		return malformed(p, "The offer has a line that is not <letter>=<value>.");
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] < ' ' && line.p[i] != '\t')
			return malformed(p, "The offer has a control character in a line.");

	struct bytes v = bytes_sub(line, 2, line.n - 2);
	if (line.p[0] == 'm')
		return on_media(p, v);
	if (line.p[0] == 'a')
		return on_attr(p, v);
	return SDP_OK;
}

static enum sdp_verdict parse_lines(struct parse *p, struct bytes text)
{
	if (text.n > SDP_MAX) {
		p->why = "The offer is longer than 64 kB.";
		return SDP_TOO_LARGE;
	}
	if (!bytes_starts(text, "v=0\r\n") && !bytes_starts(text, "v=0\n"))
		return malformed(p, "The offer does not begin with v=0; is it SDP?");
	while (text.n) {
		struct bytes line = cut(&text, '\n');

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!line.n) /* a blank line at the end is common */
			continue;
		enum sdp_verdict v = on_line(p, line);
		if (v != SDP_OK)
			return v;
	}
	return SDP_OK;
}

/* --- choosing --------------------------------------------------------------------- */

static void inherit(struct sdp_section *s, const struct sdp_section *from)
{
	if (!s->ufrag.p || !s->pwd.p) {
		s->ufrag = from->ufrag;
		s->pwd = from->pwd;
	}
	if (!s->has_fingerprint) {
		s->has_fingerprint = from->has_fingerprint;
		s->fingerprint = from->fingerprint;
	}
	if (s->setup == SDP_SETUP_NONE)
		s->setup = from->setup;
	if (!s->has_direction) /* "sendrecv SHOULD be assumed as the default" (RFC 8866, 6.7) */
		s->direction = from->has_direction ? from->direction : SDP_SENDRECV;
	s->rejected = s->rejected && !s->bundle_only;
	if (!s->ext_mid)
		s->ext_mid = from->ext_mid;
	if (!s->ext_level)
		s->ext_level = from->ext_level;
	s->rtcp_mux = s->rtcp_mux || from->rtcp_mux;
}

static int find_mid(const struct sdp_offer *o, struct bytes mid)
{
	for (size_t i = 0; i < o->n_sections; i++)
		if (o->sections[i].mid.p && bytes_eq(o->sections[i].mid, mid))
			return (int)i;
	return -1;
}

static enum sdp_verdict mark_bundle(struct parse *p)
{
	struct sdp_offer *o = p->o;

	for (size_t i = 0; i < o->n_sections; i++)
		if (o->sections[i].mid.p && find_mid(o, o->sections[i].mid) != (int)i)
			return malformed(p, "The offer uses one a=mid for two sections.");
	for (struct bytes rest = o->bundle; rest.n;) {
		int i = find_mid(o, cut(&rest, ' '));

		if (i >= 0)
			o->sections[i].bundled = true;
	}
	return SDP_OK;
}

static bool has_codec(const struct sdp_section *s)
{
	return s->pt[SDP_OPUS] != SDP_NO_PT || s->pt[SDP_PCMU] != SDP_NO_PT ||
	       s->pt[SDP_PCMA] != SDP_NO_PT;
}

static int first_usable(const struct sdp_offer *o, enum sdp_kind kind)
{
	for (size_t i = 0; i < o->n_sections; i++) {
		const struct sdp_section *s = &o->sections[i];

		if (s->kind == kind && !s->rejected && (kind != SDP_KIND_AUDIO || has_codec(s)))
			return (int)i;
	}
	return -1;
}

static void choose_codec(struct sdp_offer *o, const struct sdp_section *s)
{
	o->codec = s->pt[SDP_OPUS] != SDP_NO_PT ? SDP_OPUS :
		   s->pt[SDP_PCMU] != SDP_NO_PT ? SDP_PCMU :
						  SDP_PCMA;
	o->pt = s->pt[o->codec];
	o->pt_dtmf = s->pt[o->codec == SDP_OPUS ? SDP_DTMF_48000 : SDP_DTMF_8000];
}

int sdp_next_bundled(const struct sdp_offer *o, struct bytes *rest)
{
	while (rest->n) {
		int i = find_mid(o, cut(rest, ' '));

		if (i >= 0 && o->sections[i].accepted)
			return i;
	}
	return -1;
}

/* "the answerer ... selects the first non-rejected one" of the group (RFC 9143, 7.3.1) */
static int choose_tagged(const struct sdp_offer *o)
{
	struct bytes rest = o->bundle;
	int i = sdp_next_bundled(o, &rest);

	return i >= 0 ? i : o->audio >= 0 ? o->audio : o->data;
}

static enum sdp_verdict choose_sections(struct parse *p)
{
	struct sdp_offer *o = p->o;

	o->audio = first_usable(o, SDP_KIND_AUDIO);
	o->data = first_usable(o, SDP_KIND_DATA);
	/* One transport: what is outside the group goes without (RFC 9143, 7.3.3). */
	if (o->audio >= 0 && o->data >= 0 &&
	    !(o->sections[o->audio].bundled && o->sections[o->data].bundled))
		o->data = -1;
	if (o->audio < 0 && o->data < 0) {
		p->why = "The offer has neither audio in Opus, PCMU or PCMA over DTLS-SRTP, nor a "
			 "data channel.";
		return SDP_NO_MEDIA;
	}
	o->pt = o->pt_dtmf = SDP_NO_PT;
	if (o->audio >= 0) {
		struct sdp_section *s = &o->sections[o->audio];

		if (!s->rtcp_mux) {
			p->why = "The offer's audio has no a=rtcp-mux; RTP and RTCP must share a "
				 "port here.";
			return SDP_NO_MUX;
		}
		s->accepted = true;
		choose_codec(o, s);
	}
	if (o->data >= 0) {
		struct sdp_section *s = &o->sections[o->data];
		uint64_t port;

		s->accepted = true;
		if (!s->sctp_port && number(s->fmt, 65535, &port))
			s->sctp_port = (uint16_t)port;
		/* "If absent, the default value is 64K" (RFC 8841, 6.1); 0: any size. */
		o->max_message = !s->has_max_message ? 65536 :
				 s->max_message == 0 ? UINT32_MAX :
						       s->max_message;
	}
	o->tagged = choose_tagged(o);
	return SDP_OK;
}

/* The tagged section's transport; a bundle-only one may leave it to the others. */
static const struct sdp_section *transport_of(const struct sdp_offer *o)
{
	const struct sdp_section *t = &o->sections[o->tagged];

	if (t->ufrag.p && t->pwd.p && t->has_fingerprint)
		return t;
	for (size_t i = 0; t->bundled && i < o->n_sections; i++) {
		const struct sdp_section *s = &o->sections[i];

		if (s->bundled && s->ufrag.p && s->pwd.p && s->has_fingerprint)
			return s;
	}
	return t;
}

static enum sdp_verdict choose_transport(struct parse *p)
{
	struct sdp_offer *o = p->o;
	const struct sdp_section *t = transport_of(o);

	if (o->session.ice_lite) {
		p->why = "The offer is ICE-lite, as this server is: nobody would begin.";
		return SDP_NO_ICE;
	}
	if (!t->ufrag.p || !t->pwd.p) {
		p->why = "The offer has no a=ice-ufrag and a=ice-pwd.";
		return SDP_NO_ICE;
	}
	if (!t->has_fingerprint) {
		p->why = "The offer has no a=fingerprint with SHA-256, SHA-384 or SHA-512.";
		return SDP_NO_FINGERPRINT;
	}
	o->ufrag = t->ufrag;
	o->pwd = t->pwd;
	o->fingerprint = t->fingerprint;
	o->setup = t->setup == SDP_SETUP_NONE ? SDP_ACTPASS : t->setup;
	return SDP_OK;
}

enum sdp_verdict sdp_parse(struct bytes text, struct sdp_offer *out, const char **why)
{
	struct parse p = { .o = out, .at = &out->session };

	memset(out, 0, sizeof(*out));
	out->audio = out->data = out->tagged = -1;

	enum sdp_verdict v = parse_lines(&p, text);
	for (size_t i = 0; v == SDP_OK && i < out->n_sections; i++)
		inherit(&out->sections[i], &out->session);
	if (v == SDP_OK)
		v = mark_bundle(&p);
	if (v == SDP_OK)
		v = choose_sections(&p);
	if (v == SDP_OK)
		v = choose_transport(&p);
	if (v != SDP_OK)
		*why = p.why;
	return v;
}

enum sdp_direction sdp_our_direction(const struct sdp_section *s)
{
	/* What they send we receive, and the other way round (RFC 3264, 6.1). */
	return (s->direction & SDP_SEND ? SDP_RECV : 0) | (s->direction & SDP_RECV ? SDP_SEND : 0);
}

const char *sdp_encoding(enum sdp_codec c)
{
	return codecs[c].encoding;
}

const char *sdp_verdict_name(enum sdp_verdict v)
{
	static const char *const names[] = {
		[SDP_OK] = "ok",
		[SDP_TOO_LARGE] = "too large",
		[SDP_MALFORMED] = "malformed",
		[SDP_NO_MEDIA] = "no media",
		[SDP_NO_ICE] = "no ICE",
		[SDP_NO_FINGERPRINT] = "no fingerprint",
		[SDP_NO_MUX] = "no rtcp-mux",
		[SDP_NOT_POSSIBLE] = "not possible",
		[SDP_NO_MEMORY] = "no memory",
	};

	return names[v];
}
