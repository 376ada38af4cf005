#include "leg/voice.h"

#include <errno.h>
#include <inttypes.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "media/codec_opus.h"
#include "media/g711.h"
#include "media/jbuf.h"
#include "media/pace.h"
#include "media/resample.h"

enum {
	HEAR_RATE_HZ = 16000,
	G711_RATE_HZ = 8000,
	HEARD_MAX = HEAR_RATE_HZ / 1000 * CODEC_OPUS_MS_MAX,
	SILENCE_STEP = HEAR_RATE_HZ / 1000 * FRAME_MS,
	ENCODED_MAX = 400, /* octets of 20 ms; 24 kbit/s is 60 */
};

/* What a codec must be able to do. Rates: rtp_hz on the wire, HEAR_RATE_HZ in, VOICE_RATE_HZ out. */
struct codec {
	unsigned rtp_hz;
	enum g711_law law;
	size_t (*samples)(struct bytes payload); /* at rtp_hz; 0: corrupt */
	size_t (*decode)(struct voice *v, const struct jbuf_out *o, int16_t *pcm);
	/* Octets written, and the packet's timestamp. */
	size_t (*encode)(struct voice *v, const struct pace_frame *f, uint8_t *to, uint32_t *ts);
};

/* The receiving side. */
struct ear {
	struct jbuf *jbuf;
	struct codec_opus_decoder *opus;
	struct resample *from_8k; /* G.711 */
};

/* The sending side. */
struct mouth {
	struct codec_opus_encoder *opus;
	struct resample *to_8k; /* G.711 */
	uint32_t ts_8k;
	unsigned loss;
};

struct voice {
	const struct env *env;
	const struct voice_ops *ops;
	void *owner;
	const struct codec *codec;
	struct ear *ear;
	uint64_t heard; /* samples at HEAR_RATE_HZ handed on so far */
	uint64_t ear_due_us;
	struct pace *pace;
	struct mouth *mouth;
	uint64_t started; /* the latest tag whose start has been reported; 0: none */
};

/* --- codecs ---------------------------------------------------------------------------- */

static size_t opus_samples(struct bytes payload)
{
	return codec_opus_samples(payload, CODEC_OPUS_CLOCK_HZ);
}

/* RT */
static size_t opus_decode(struct voice *v, const struct jbuf_out *o, int16_t *pcm)
{
	size_t n = o->samples / (CODEC_OPUS_CLOCK_HZ / HEAR_RATE_HZ);
	enum codec_opus_verdict verdict = CODEC_OPUS_CORRUPT;

	if (o->kind == JBUF_PACKET)
		verdict = codec_opus_decode(v->ear->opus, o->payload, pcm, &n);
	else if (o->kind == JBUF_FEC)
		verdict = codec_opus_decode_fec(v->ear->opus, o->payload, pcm, n);
	if (verdict == CODEC_OPUS_CORRUPT)
		codec_opus_conceal(v->ear->opus, pcm, n);
	return n;
}

/* RT */
static size_t opus_encode(struct voice *v, const struct pace_frame *f, uint8_t *to, uint32_t *ts)
{
	*ts = f->rtp_ts;
	if (f->start)
		codec_opus_encoder_reset(v->mouth->opus);
	return codec_opus_encode(v->mouth->opus, f->audio.pcm, f->audio.n, to, ENCODED_MAX);
}

static size_t g711_samples(struct bytes payload)
{
	return payload.n;
}

/* RT: a gap is silence, G.711 has nothing better. */
static size_t g711_hear(struct voice *v, const struct jbuf_out *o, int16_t *pcm)
{
	int16_t narrow[HEARD_MAX / 4] = { 0 };
	size_t n = MIN(o->samples, ARRAY_LEN(narrow));

	if (o->kind == JBUF_PACKET)
		g711_decode(v->codec->law, o->payload.p, n, narrow);
	return resample_push(v->ear->from_8k, narrow, n, pcm);
}

/* RT */
static size_t g711_say(struct voice *v, const struct pace_frame *f, uint8_t *to, uint32_t *ts)
{
	int16_t narrow[ENCODED_MAX];

	if (f->marker)
		v->mouth->ts_8k = f->rtp_ts / (PACE_CLOCK_HZ / G711_RATE_HZ);
	size_t n = resample_push(v->mouth->to_8k, f->audio.pcm, f->audio.n, narrow);
	g711_encode(v->codec->law, narrow, n, to);
	*ts = v->mouth->ts_8k;
	v->mouth->ts_8k += (uint32_t)n;
	return n;
}

static const struct codec codecs[] = {
	[VOICE_OPUS] = { CODEC_OPUS_CLOCK_HZ, G711_ULAW, opus_samples, opus_decode, opus_encode },
	[VOICE_PCMU] = { G711_RATE_HZ, G711_ULAW, g711_samples, g711_hear, g711_say },
	[VOICE_PCMA] = { G711_RATE_HZ, G711_ALAW, g711_samples, g711_hear, g711_say },
};

/* --- life -------------------------------------------------------------------------------- */

static void ear_free(struct ear *e)
{
	if (!e)
		return;
	jbuf_free(e->jbuf);
	codec_opus_decoder_free(e->opus);
	resample_free(e->from_8k);
	mem_free(e);
}

static void mouth_free(struct mouth *m)
{
	if (!m)
		return;
	codec_opus_encoder_free(m->opus);
	resample_free(m->to_8k);
	mem_free(m);
}

static int ear_open(struct voice *v)
{
	struct ear *e = mem_zalloc(sizeof(*e));
	bool opus = v->codec == &codecs[VOICE_OPUS];

	if (!e)
		return -ENOMEM;
	e->jbuf = jbuf_new(v->codec->rtp_hz);
	int r = !e->jbuf ? -ENOMEM :
		opus	 ? codec_opus_decoder_new(&e->opus, HEAR_RATE_HZ) :
			   resample_new(&e->from_8k, G711_RATE_HZ, HEAR_RATE_HZ);
	if (r != 0) {
		ear_free(e);
		return r;
	}
	v->ear = e;
	return 0;
}

static int mouth_open(struct voice *v)
{
	struct mouth *m = mem_zalloc(sizeof(*m));
	struct codec_opus_params p = { .rate_hz = VOICE_RATE_HZ };

	if (!m)
		return -ENOMEM;
	int r = v->codec == &codecs[VOICE_OPUS] ?
			codec_opus_encoder_new(&m->opus, &p) :
			resample_new(&m->to_8k, VOICE_RATE_HZ, G711_RATE_HZ);
	if (r != 0) {
		mouth_free(m);
		return r;
	}
	v->mouth = m;
	return 0;
}

int voice_new(struct voice **out, const struct env *env, const struct voice_ops *ops, void *owner)
{
	struct voice *v = mem_zalloc(sizeof(*v));
	uint32_t ts;

	if (!v)
		return -ENOMEM;
	*v = (struct voice){ .env = env, .ops = ops, .owner = owner, .codec = &codecs[VOICE_OPUS],
			     .ear_due_us = UINT64_MAX };
	env_rand(env, &ts, sizeof(ts));
	int r = pace_new(&v->pace, VOICE_RATE_HZ, ts);
	if (r != 0) {
		mem_free(v);
		return r;
	}
	*out = v;
	return 0;
}

void voice_free(struct voice *v)
{
	if (!v)
		return;
	ear_free(v->ear);
	mouth_free(v->mouth);
	pace_free(v->pace);
	mem_free(v);
}

void voice_set_codec(struct voice *v, enum voice_codec c)
{
	if (v->codec == &codecs[c])
		return;
	v->codec = &codecs[c];
	ear_free(v->ear);
	mouth_free(v->mouth);
	v->ear = NULL;
	v->mouth = NULL;
}

/* --- hearing -------------------------------------------------------------------------------- */

/* RT */
static void hand_on(struct voice *v, const int16_t *pcm, size_t n, uint64_t now_us)
{
	struct frame f = { HEAR_RATE_HZ, v->heard, n, pcm };

	if (n == 0)
		return;
	v->heard += n;
	v->ops->heard(v->owner, &f, now_us);
}

static void hand_on_silence(struct voice *v, size_t samples, uint64_t now_us)
{
	static const int16_t nought[SILENCE_STEP];
	size_t n = (size_t)((uint64_t)samples * HEAR_RATE_HZ / v->codec->rtp_hz);

	for (size_t m; n > 0; n -= m) {
		m = MIN(n, ARRAY_LEN(nought));
		hand_on(v, nought, m, now_us);
	}
}

/* RT: all that the jitter buffer has for now. */
static void drain(struct voice *v, uint64_t now_us)
{
	int16_t pcm[HEARD_MAX * 2];
	struct jbuf_out o;

	for (;;) {
		jbuf_get(v->ear->jbuf, now_us, &o);
		switch (o.kind) {
		case JBUF_WAIT:
			v->ear_due_us = o.until_us;
			return;
		case JBUF_SILENCE:
			hand_on_silence(v, o.samples, now_us);
			break;
		case JBUF_PACKET:
		case JBUF_FEC:
		case JBUF_CONCEAL:
			hand_on(v, pcm, v->codec->decode(v, &o, pcm), now_us);
			break;
		}
	}
}

int voice_input(struct voice *v, const struct voice_packet *p, uint64_t now_us)
{
	size_t samples = v->codec->samples(p->payload);
	struct jbuf_packet in = { p->ssrc, p->seq, p->ts, samples, p->payload };

	if (samples == 0)
		return 0; /* not audio: a hole that will be concealed */
	if (!v->ear && ear_open(v) != 0)
		return -ENOMEM;
	switch (jbuf_put(v->ear->jbuf, &in, now_us)) {
	case JBUF_STORED:
	case JBUF_REORDERED:
	case JBUF_RESET:
		drain(v, now_us);
		break;
	case JBUF_DUPLICATE:
	case JBUF_LATE:
	case JBUF_STRAY:
	case JBUF_TOO_BIG:
		break; /* counted by jbuf */
	}
	return 0;
}

/* --- speaking -------------------------------------------------------------------------------- */

int voice_push(struct voice *v, uint64_t tag, const int16_t *pcm, size_t n)
{
	if (!v->mouth && mouth_open(v) != 0)
		return -ENOBUFS;
	return pace_push(v->pace, tag, pcm, n) == 0 ? 0 : -ENOBUFS;
}

uint64_t voice_played(struct voice *v, uint64_t tag)
{
	struct pace_item i;

	return pace_item(v->pace, tag, &i) ? i.played : 0;
}

uint64_t voice_clear(struct voice *v, uint64_t tag)
{
	struct pace_cleared rows[PACE_ITEMS];

	(void)pace_clear(v->pace, rows);
	return voice_played(v, tag);
}

void voice_loss(struct voice *v, unsigned fraction_lost)
{
	if (v->mouth && v->mouth->opus)
		codec_opus_encoder_loss(v->mouth->opus, fraction_lost);
}

/* RT */
static void send_frame(struct voice *v, const struct pace_frame *f, uint64_t now_us)
{
	uint8_t packet[ENCODED_MAX];
	uint32_t ts;

	if (f->tag && v->started != f->tag) { /* 0: the silence behind an item */
		v->started = f->tag;
		v->ops->playout(v->owner, f->tag, LEG_STARTED, now_us);
	}
	size_t n = v->codec->encode(v, f, packet, &ts);
	if (n > 0)
		v->ops->send(v->owner, bytes_of(packet, n), ts, f->marker);
	if (f->item_end)
		v->ops->playout(v->owner, f->tag, LEG_DRAINED, now_us);
}

/* --- time --------------------------------------------------------------------------------------- */

uint64_t voice_next_us(const struct voice *v)
{
	return MIN(v->ear_due_us, pace_next_us(v->pace));
}

int voice_on_time(struct voice *v, uint64_t now_us)
{
	struct pace_frame f;

	if (v->ear && v->ear_due_us <= now_us)
		drain(v, now_us);
	if (pace_next_us(v->pace) > now_us)
		return 0;
	if (!v->mouth && mouth_open(v) != 0) /* the codec was changed while audio waited */
		return -ENOMEM;
	while (pace_pull(v->pace, now_us, &f) == PACE_FRAME)
		send_frame(v, &f, now_us);
	return 0;
}

void voice_dump(const struct voice *v, struct buf *to)
{
	struct pace_stats p = pace_stats(v->pace);
	struct jbuf_stats j = v->ear ? jbuf_stats(v->ear->jbuf) : (struct jbuf_stats){ 0 };

	buf_printf(to,
		   "{\"sent\":%" PRIu64 ",\"talkspurts\":%" PRIu64 ",\"late\":%" PRIu64
		   ",\"received\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"fec\":%" PRIu64 "}",
		   p.frames, p.talkspurts, p.late, j.stored, j.lost, j.fec);
}
