#include "session/audio_in.h"

#include <errno.h>
#include <string.h>

#include "base/b64.h"
#include "media/g711.h"
#include "session/state.h"

enum { ROOM_KEPT = 16 * 1024 }; /* octets of an append; what a larger one took is given back */
/* ALL_HZ: a multiple of every rate. */
enum { TURN_FRAME = STT_RATE_HZ * FRAME_MS / 1000, ALL_HZ = 48000 };

static bool is_g711(enum audio_format f)
{
	return f == AUDIO_ULAW || f == AUDIO_ALAW;
}

void audio_in_done(struct audio_in *a)
{
	pcm_done(&a->buf);
	pcm_done(&a->wire);
	pcm_done(&a->heard);
	rate_done(&a->rate);
}

uint64_t audio_in_end(const struct audio_in *a)
{
	return a->start + a->buf.n;
}

void audio_in_drop_before(struct session *s, uint64_t position)
{
	struct audio_in *a = &s->in;

	if (position <= a->start)
		return;
	size_t n = (size_t)MIN(position - a->start, (uint64_t)a->buf.n);
	pcm_consume(&a->buf, n);
	a->start += n;
}

void audio_in_push(struct session *s, const int16_t *pcm, size_t n)
{
	struct audio_in *a = &s->in;
	const size_t limit = (size_t)SESSION_INPUT_S * STT_RATE_HZ;

	if (pcm_put(&a->buf, pcm, n)) {
		session_oom(s);
		return;
	}
	if (a->buf.n > limit)
		audio_in_drop_before(s, audio_in_end(a) - limit);
	a->framed = MAX(a->framed, a->start);
	/* A frame may end a turn, which empties the buffer: ask for the place each time. */
	while (audio_in_end(a) - a->framed >= TURN_FRAME && session_serves(s)) {
		int16_t frame[TURN_FRAME];

		memcpy(frame, a->buf.p + (a->framed - a->start), sizeof(frame));
		a->framed += TURN_FRAME;
		turn_frame(s, frame, a->framed);
		a->framed = MAX(a->framed, a->start);
	}
	if (s->turn.hear)
		hear_feed(s->turn.hear);
	upstream_feed(s);
}

double audio_in_ms(const struct audio_in *a)
{
	return ((double)a->buf.n * (ALL_HZ / STT_RATE_HZ) + a->held - a->held_then) * 1000 / ALL_HZ;
}

void audio_in_emptied(struct audio_in *a)
{
	a->held_then = a->held;
}

void audio_in_clear(struct session *s)
{
	struct audio_in *a = &s->in;

	a->start += a->buf.n;
	a->framed = a->start;
	pcm_done(&a->buf);
	a->has_odd = false;
	audio_in_emptied(a);
}

/* Wire octets to samples at the format's rate. pcm16 may be cut anywhere. */
static int decode(struct audio_in *a, enum audio_format f, const uint8_t *p, size_t n,
		  struct pcm *to)
{
	int16_t *out = pcm_reserve(to, n + 1);

	if (!out)
		return -ENOMEM;
	if (is_g711(f)) {
		g711_decode(f == AUDIO_ULAW ? G711_ULAW : G711_ALAW, p, n, out);
		to->n += n;
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (a->has_odd)
			to->p[to->n++] = (int16_t)(uint16_t)(a->odd | p[i] << 8);
		a->odd = p[i];
		a->has_odd = !a->has_odd;
	}
	return 0;
}

void audio_in_append(struct session *s, const uint8_t *p, size_t n)
{
	struct audio_in *a = &s->in;
	unsigned hz = audio_format_rate(s->set.in);

	if (a->rate.in_hz != hz)
		a->held = a->held_then = 0; /* the converter starts afresh */
	a->wire.n = a->heard.n = 0;
	if (decode(a, s->set.in, p, n, &a->wire) ||
	    rate_convert(&a->rate, hz, STT_RATE_HZ, a->wire.p, a->wire.n, &a->heard)) {
		session_oom(s);
	} else {
		a->held += (int32_t)a->wire.n * (int32_t)(ALL_HZ / hz) -
			   (int32_t)a->heard.n * (ALL_HZ / STT_RATE_HZ);
		audio_in_push(s, a->heard.p, a->heard.n);
	}
	if (n > ROOM_KEPT) {
		pcm_done(&a->wire);
		pcm_done(&a->heard);
	}
}

int audio_in_decode(struct session *s, const char *base64, size_t n, struct pcm *to)
{
	AUTO(buf) struct buf octets = { 0 };
	AUTO(pcm) struct pcm wire = { 0 };
	struct audio_in alone = { 0 };
	uint8_t *p = buf_reserve(&octets, n / 4 * 3 + 1);

	if (!p)
		return -ENOMEM;
	ptrdiff_t got = b64_decode(base64, n, p);
	if (got < 0)
		return -EINVAL;
	int err = decode(&alone, s->set.in, p, (size_t)got, &wire);
	if (!err)
		err = rate_convert(&alone.rate, audio_format_rate(s->set.in), STT_RATE_HZ, wire.p,
				   wire.n, to);
	if (!err)
		err = rate_flush(&alone.rate, to);
	rate_done(&alone.rate);
	return err;
}

size_t audio_out_encode(enum audio_format f, const int16_t *pcm, size_t n, uint8_t *to)
{
	if (is_g711(f)) {
		g711_encode(f == AUDIO_ULAW ? G711_ULAW : G711_ALAW, pcm, n, to);
		return n;
	}
	for (size_t i = 0; i < n; i++) {
		to[2 * i] = (uint8_t)pcm[i];
		to[2 * i + 1] = (uint8_t)((uint16_t)pcm[i] >> 8);
	}
	return 2 * n;
}

json_t *audio_encode(enum audio_format f, const int16_t *pcm, size_t n)
{
	AUTO(pcm) struct pcm wire = { 0 };
	AUTO(buf) struct buf octets = { 0 }, text = { 0 };
	struct rate rate = { 0 };
	int err = rate_convert(&rate, STT_RATE_HZ, audio_format_rate(f), pcm, n, &wire);

	if (!err)
		err = rate_flush(&rate, &wire);
	rate_done(&rate);
	uint8_t *to = err ? NULL : buf_reserve(&octets, 2 * wire.n + 1);
	if (!to)
		return NULL;
	b64_append(&text, to, audio_out_encode(f, wire.p, wire.n, to));
	return text.failed ? NULL : json_stringn(text.n ? (const char *)text.p : "", text.n);
}
