#include "service/sample_stream.h"

#include <math.h>

#include "base/test.h"

enum { RATE_HZ = 24000, MS = RATE_HZ / 1000 };

static void stream_auto_(struct sample_stream *s)
{
	sample_stream_done(s);
}

static void put_le(struct buf *b, uint32_t v, unsigned n)
{
	for (; n > 0; n--, v >>= 8)
		buf_putc(b, (char)(v & 0xff));
}

static void put_pcm(struct buf *b, int16_t v, size_t n)
{
	while (n-- > 0)
		put_le(b, (uint16_t)v, 2);
}

static void put_head(struct buf *b, unsigned format, unsigned channels, unsigned rate_hz, unsigned bits)
{
	buf_put(b, "RIFF\xff\xff\xff\xffWAVELIST\4\0\0\0abcd", 24);
	buf_put(b, "fmt \x10\0\0\0", 8);
	put_le(b, format, 2);
	put_le(b, channels, 2);
	put_le(b, rate_hz, 4);
	put_le(b, rate_hz * channels * bits / 8, 4);
	put_le(b, channels * bits / 8, 2);
	put_le(b, bits, 2);
	buf_put(b, "data\xff\xff\xff\xff", 8);
}

/* In parts of `step` octets. */
static enum sample_stream_verdict run(struct sample_stream *s, const struct buf *in, size_t step, struct buf *out)
{
	enum sample_stream_verdict v = SAMPLE_STREAM_OK;

	for (size_t at = 0; at < in->n && v == SAMPLE_STREAM_OK; at += step)
		v = sample_stream_push(s, bytes_sub(buf_bytes(in), at, MIN(step, in->n - at)), out);
	return v == SAMPLE_STREAM_OK ? sample_stream_end(s, out) : v;
}

static const int16_t *pcm_of(const struct buf *b)
{
	return (const int16_t *)(const void *)b->p;
}

static void silence_at_both_ends_is_left_out(void)
{
	AUTO(buf) struct buf in = { 0 };

	put_pcm(&in, 3, 500 * MS);
	put_pcm(&in, 5000, 100 * MS);
	put_pcm(&in, 0, 200 * MS); /* in the middle it stays */
	put_pcm(&in, -5000, 100 * MS);
	put_pcm(&in, 1, 900 * MS);
	buf_putc(&in, 7); /* half a sample */
	CHECK(!in.failed);
	for (size_t step = 1; step < 5000; step = step * 3 + 1) {
		AUTO(stream) struct sample_stream s;
		AUTO(buf) struct buf out = { 0 };

		sample_stream_init(&s, RATE_HZ, RATE_HZ);
		CHECK_EQ(run(&s, &in, step, &out), SAMPLE_STREAM_OK);
		CHECK_EQ(out.n / 2, (10 + 100 + 200 + 100 + 100) * MS);
		CHECK_EQ(pcm_of(&out)[0], 3);
		CHECK_EQ(pcm_of(&out)[10 * MS], 5000);
		CHECK_EQ(pcm_of(&out)[410 * MS - 1], -5000);
		CHECK_EQ(pcm_of(&out)[410 * MS], 1);
	}
}

static void nothing_but_silence_is_nothing(void)
{
	AUTO(buf) struct buf in = { 0 }, out = { 0 };
	AUTO(stream) struct sample_stream s;

	put_pcm(&in, 0, 3 * RATE_HZ);
	sample_stream_init(&s, RATE_HZ, RATE_HZ);
	CHECK_EQ(run(&s, &in, 1000, &out), SAMPLE_STREAM_OK);
	CHECK_EQ(out.n, 0);
	CHECK(s.held.n < RATE_HZ); /* nor is it kept */
}

static void takes_wav_at_other_rates(void)
{
	AUTO(buf) struct buf in = { 0 };

	put_head(&in, 3, 2, 16000, 32);
	for (int i = 0; i < 16000; i++) {
		static const float odd[] = { NAN, INFINITY, 0.25f, 1e30f, 0.25f };
		float v = i < 5 ? odd[i] : 0.25f, w = 0.5f;
		buf_put(&in, &v, 4);
		buf_put(&in, &w, 4);
	}
	CHECK(!in.failed);
	for (size_t step = 7; step < 9000; step *= 11) {
		AUTO(stream) struct sample_stream s;
		AUTO(buf) struct buf out = { 0 };

		sample_stream_init(&s, RATE_HZ, RATE_HZ);
		CHECK_EQ(run(&s, &in, step, &out), SAMPLE_STREAM_OK);
		CHECK(out.n / 2 > RATE_HZ - 100 && out.n / 2 < RATE_HZ + 100);
		CHECK(abs(pcm_of(&out)[RATE_HZ / 2] - 12288) < 40);
	}
}

static void refuses_what_is_no_audio(void)
{
	static const char *const texts[] = {
		"{\"error\":{\"message\":\"no\"}}", "<!DOCTYPE html><p>proxy", "ID3 and an MP3", "OggS and more of it",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO(stream) struct sample_stream s;
		AUTO(buf) struct buf out = { 0 };

		sample_stream_init(&s, RATE_HZ, RATE_HZ);
		CHECK_EQ(sample_stream_push(&s, bytes_str(texts[i]), &out), SAMPLE_STREAM_NOT_AUDIO);
		CHECK_EQ(out.n, 0);
	}
	for (unsigned format = 0; format < 8; format++) { /* 1 with 8 bits, and others */
		AUTO(stream) struct sample_stream s;
		AUTO(buf) struct buf in = { 0 }, out = { 0 };

		put_head(&in, format, 1, 16000, 8);
		put_pcm(&in, 9999, 100);
		sample_stream_init(&s, RATE_HZ, RATE_HZ);
		CHECK_EQ(run(&s, &in, 10, &out), SAMPLE_STREAM_NOT_AUDIO);
	}
	AUTO(stream) struct sample_stream s;
	AUTO(buf) struct buf in = { 0 }, out = { 0 };
	put_head(&in, 1, 1, 999999, 16);
	put_pcm(&in, 9999, 100);
	sample_stream_init(&s, RATE_HZ, RATE_HZ);
	CHECK_EQ(run(&s, &in, 10, &out), SAMPLE_STREAM_NOT_AUDIO);
}

TESTS({ "silence_at_both_ends_is_left_out", silence_at_both_ends_is_left_out },
      { "nothing_but_silence_is_nothing", nothing_but_silence_is_nothing },
      { "takes_wav_at_other_rates", takes_wav_at_other_rates },
      { "refuses_what_is_no_audio", refuses_what_is_no_audio })
