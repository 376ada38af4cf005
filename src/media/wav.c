#include "media/wav.h"

enum { FORMAT_PCM = 1, FORMAT_EXTENSIBLE = 0xfffe };

static uint32_t le(const uint8_t *p, unsigned n)
{
	uint32_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static enum wav_verdict take_format(struct wav *w, struct bytes c)
{
	if (c.n < 16)
		return WAV_NO_AUDIO;
	uint32_t format = le(c.p, 2);

	/* The sub-format GUID begins with the format's number. */
	if (format == FORMAT_EXTENSIBLE && c.n >= 26)
		format = le(c.p + 24, 2);
	w->channels = le(c.p + 2, 2);
	w->rate_hz = le(c.p + 4, 4);
	w->bits = le(c.p + 14, 2);
	if (format != FORMAT_PCM || w->channels < 1 || w->channels > 8 || w->rate_hz < 4000 ||
	    w->rate_hz > 192000 || w->bits < 8 || w->bits > 32 || w->bits % 8 != 0)
		return WAV_UNSUPPORTED;
	return WAV_OK;
}

enum wav_verdict wav_parse(struct bytes f, struct wav *out)
{
	struct wav w = { 0 };

	if (f.n < 12 || memcmp(f.p, "RIFF", 4) != 0 || memcmp(f.p + 8, "WAVE", 4) != 0)
		return WAV_NOT_WAV;
	for (size_t at = 12; f.n - at >= 8;) {
		const uint8_t *head = f.p + at;
		size_t size = le(head + 4, 4), left = f.n - at - 8;

		if (memcmp(head, "data", 4) == 0) {
			w.data = bytes_sub(f, at + 8, size == 0 ? left : MIN(size, left));
			break;
		}
		if (size > left)
			break;
		if (memcmp(head, "fmt ", 4) == 0) {
			enum wav_verdict v = take_format(&w, bytes_sub(f, at + 8, size));
			if (v != WAV_OK)
				return v;
		}
		at += 8 + MIN(size + (size & 1), left);
	}
	if (!w.bits || !w.data.p)
		return WAV_NO_AUDIO;
	w.n_frames = w.data.n / (w.bits / 8 * w.channels);
	if (w.n_frames == 0)
		return WAV_NO_AUDIO;
	*out = w;
	return WAV_OK;
}

const char *wav_why(enum wav_verdict v)
{
	static const char *const why[] = {
		[WAV_OK] = "it is fine",
		[WAV_NOT_WAV] = "it is not a WAV file",
		[WAV_NO_AUDIO] = "the WAV file holds no audio",
		[WAV_UNSUPPORTED] = "the WAV file is not plain PCM; convert it to 16 bit PCM",
	};
	return why[v];
}

int16_t wav_sample(const struct wav *w, size_t i)
{
	unsigned octets = w->bits / 8;
	const uint8_t *p = w->data.p + i * octets * w->channels;
	int32_t sum = 0;

	for (unsigned c = 0; c < w->channels; c++, p += octets) {
		if (octets == 1)
			sum += (p[0] - 128) * 256;
		else
			sum += (int16_t)le(p + octets - 2, 2); /* its two highest octets */
	}
	return (int16_t)(sum / (int32_t)w->channels);
}

static void put_le(struct buf *b, uint32_t v, unsigned n)
{
	for (; n > 0; n--, v >>= 8)
		buf_putc(b, (char)(v & 0xff));
}

void wav_write_head(struct buf *b, unsigned rate_hz, uint32_t octets)
{
	buf_puts(b, "RIFF");
	put_le(b, octets == WAV_TO_END ? WAV_TO_END : octets + 36, 4);
	buf_puts(b, "WAVEfmt ");
	put_le(b, 16, 4);
	put_le(b, FORMAT_PCM, 2);
	put_le(b, 1, 2);
	put_le(b, rate_hz, 4);
	put_le(b, rate_hz * 2, 4);
	put_le(b, 2, 2);
	put_le(b, 16, 2);
	buf_puts(b, "data");
	put_le(b, octets, 4);
}

void wav_write(struct buf *b, unsigned rate_hz, const int16_t *pcm, size_t n)
{
	uint32_t octets = (uint32_t)MIN(n * 2, (size_t)0xffffff00u);

	wav_write_head(b, rate_hz, octets);
	for (size_t i = 0; i < octets / 2; i++)
		put_le(b, (uint16_t)pcm[i], 2);
}
