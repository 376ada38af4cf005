#include "service/sample_stream.h"

#include <errno.h>
#include <math.h>

#include "media/resample.h"

enum {
	QUIET = 200,    /* -44 dBFS: below it is silence        */
	ONSET_MS = 10,  /* kept before the first sound          */
	BREATH_MS = 100, /* kept of what is behind the last one */
	CHANNELS_MAX = 8,
	HELD_MAX_S = 5, /* silence in the middle is passed on from there */
};

void sample_stream_init(struct sample_stream *s, unsigned from_hz, unsigned to_hz)
{
	*s = (struct sample_stream){ .from_hz = from_hz, .to_hz = to_hz, .channels = 1 };
}

void sample_stream_done(struct sample_stream *s)
{
	buf_done(&s->octets);
	buf_done(&s->held);
	buf_done(&s->rated);
	resample_free(s->rate);
	s->rate = NULL;
}

static uint32_t le(const uint8_t *p, unsigned n)
{
	uint32_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* --- what it is ------------------------------------------------------------------------------ */

enum head { HEAD_MORE, HEAD_OK, HEAD_WRONG };

enum { FORMAT_PCM = 1, FORMAT_FLOAT = 3, FORMAT_EXTENSIBLE = 0xfffe };

static bool take_format(struct sample_stream *s, const uint8_t *p, size_t n)
{
	uint32_t format = le(p, 2), bits = le(p + 14, 2);

	if (format == FORMAT_EXTENSIBLE && n >= 26)
		format = le(p + 24, 2);
	s->channels = le(p + 2, 2);
	s->from_hz = le(p + 4, 4);
	s->is_float = format == FORMAT_FLOAT;
	return s->channels >= 1 && s->channels <= CHANNELS_MAX &&
	       ((format == FORMAT_PCM && bits == 16) || (format == FORMAT_FLOAT && bits == 32));
}

/* Up to where the samples begin; they run to the end of the stream. */
static enum head read_wav(struct sample_stream *s)
{
	const struct buf *b = &s->octets;
	bool has_format = false;

	for (size_t at = 12; b->n >= at + 8;) {
		size_t size = le(b->p + at + 4, 4);

		if (memcmp(b->p + at, "data", 4) == 0) {
			buf_consume(&s->octets, at + 8);
			return has_format ? HEAD_OK : HEAD_WRONG;
		}
		if (size > SAMPLE_STREAM_HEAD)
			return HEAD_WRONG;
		if (b->n < at + 8 + size)
			break;
		if (memcmp(b->p + at, "fmt ", 4) == 0) {
			if (size < 16 || !take_format(s, b->p + at + 8, size))
				return HEAD_WRONG;
			has_format = true;
		}
		at += 8 + size + (size & 1);
	}
	return b->n > SAMPLE_STREAM_HEAD ? HEAD_WRONG : HEAD_MORE;
}

/* Raw samples may begin with anything; what begins like these has been sent by mistake. */
static bool is_foreign(struct bytes b)
{
	static const char *const marks[] = { "{\"", "{\n", "<!", "<h", "ID3", "OggS", "fLaC", "\xff\xfb", "\xff\xf3", "\x1a\x45" };

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (bytes_starts(b, marks[i]))
			return true;
	return false;
}

static enum head read_head(struct sample_stream *s, bool last)
{
	struct bytes b = buf_bytes(&s->octets);

	if (b.n < 12 && !last)
		return HEAD_MORE;
	if (is_foreign(b))
		return HEAD_WRONG;
	if (b.n < 12 || memcmp(b.p, "RIFF", 4) != 0 || memcmp(b.p + 8, "WAVE", 4) != 0)
		return HEAD_OK;
	return read_wav(s);
}

/* --- samples ------------------------------------------------------------------------------------ */

static float one(const struct sample_stream *s, const uint8_t *p)
{
	float v = 0;
	uint32_t bits;

	if (!s->is_float)
		return (int16_t)le(p, 2);
	bits = le(p, 4);
	memcpy(&v, &bits, sizeof(v));
	v *= 32768.0f;
	return isfinite(v) ? MIN(MAX(v, -32768.0f), 32767.0f) : 0;
}

/* Silence waits for the sound behind it. */
static void put_trimmed(struct sample_stream *s, const int16_t *pcm, size_t n, struct buf *out)
{
	size_t onset = (size_t)s->to_hz * ONSET_MS / 1000 * sizeof(*pcm), loud = n;

	while (loud > 0 && pcm[loud - 1] > -QUIET && pcm[loud - 1] < QUIET)
		loud--;
	size_t first = 0;
	while (!s->sound && first < loud && pcm[first] > -QUIET && pcm[first] < QUIET)
		first++;
	if (loud > 0) {
		if (!s->sound) {
			buf_put(&s->held, pcm, first * sizeof(*pcm));
			if (s->held.n > onset)
				buf_consume(&s->held, s->held.n - onset);
		}
		buf_put(out, s->held.p, s->held.n);
		buf_reset(&s->held);
		buf_put(out, pcm + first, (loud - first) * sizeof(*pcm));
		s->sound = true;
	}
	buf_put(&s->held, pcm + loud, (n - loud) * sizeof(*pcm));
	if (!s->sound && s->held.n > onset)
		buf_consume(&s->held, s->held.n - onset);
	if (s->held.n > (size_t)s->to_hz * HELD_MAX_S * sizeof(*pcm)) {
		buf_put(out, s->held.p, s->held.n);
		buf_reset(&s->held);
	}
}

/* The whole samples among the octets. */
static enum sample_stream_verdict convert(struct sample_stream *s, struct buf *out)
{
	enum { STEP = 1024 };
	size_t size = s->channels * (s->is_float ? 4 : 2), at = 0;
	int16_t mono[STEP];

	for (size_t left; (left = (s->octets.n - at) / size) > 0;) {
		size_t n = MIN(left, (size_t)STEP);

		for (size_t i = 0; i < n; i++, at += size) {
			float sum = 0;

			for (unsigned c = 0; c < s->channels; c++)
				sum += one(s, s->octets.p + at + c * (size / s->channels));
			mono[i] = (int16_t)(sum / (float)s->channels);
		}
		buf_reset(&s->rated);
		int16_t *to = buf_reserve(&s->rated, resample_bound(s->rate, n) * sizeof(*to));
		if (!to)
			return SAMPLE_STREAM_NO_MEMORY;
		put_trimmed(s, to, resample_push(s->rate, mono, n, to), out);
	}
	buf_consume(&s->octets, at);
	return out->failed || s->held.failed ? SAMPLE_STREAM_NO_MEMORY : SAMPLE_STREAM_OK;
}

static enum sample_stream_verdict go_on(struct sample_stream *s, bool last, struct buf *out)
{
	if (s->octets.failed)
		return SAMPLE_STREAM_NO_MEMORY;
	if (!s->begun) {
		enum head h = read_head(s, last);

		if (h == HEAD_WRONG)
			return SAMPLE_STREAM_NOT_AUDIO;
		if (h == HEAD_MORE)
			return last ? SAMPLE_STREAM_NOT_AUDIO : SAMPLE_STREAM_OK;
		int e = resample_new(&s->rate, s->from_hz, s->to_hz);
		if (e != 0)
			return e == -EINVAL ? SAMPLE_STREAM_NOT_AUDIO : SAMPLE_STREAM_NO_MEMORY;
		s->begun = true;
	}
	return convert(s, out);
}

enum sample_stream_verdict sample_stream_push(struct sample_stream *s, struct bytes part, struct buf *out)
{
	buf_put(&s->octets, part.p, part.n);
	return go_on(s, false, out);
}

enum sample_stream_verdict sample_stream_end(struct sample_stream *s, struct buf *out)
{
	enum sample_stream_verdict v = go_on(s, true, out);

	if (v != SAMPLE_STREAM_OK)
		return v;
	buf_reset(&s->rated);
	int16_t *to = buf_reserve(&s->rated, resample_bound(s->rate, 0) * sizeof(*to) + sizeof(*to));
	if (!to)
		return SAMPLE_STREAM_NO_MEMORY;
	put_trimmed(s, to, resample_flush(s->rate, to), out);
	if (s->sound)
		buf_put(out, s->held.p, MIN(s->held.n, (size_t)s->to_hz * BREATH_MS / 1000 * sizeof(*to)));
	return out->failed || s->held.failed ? SAMPLE_STREAM_NO_MEMORY : SAMPLE_STREAM_OK;
}
