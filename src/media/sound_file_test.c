#include "media/sound_file.h"

#include <errno.h>
#include <math.h>

#include "base/test.h"
#include "media/resample.h"
#include "media/wav.h"

enum { RATE_HZ = 16000, SECOND = RATE_HZ };

static void tone(int16_t *pcm, size_t n, unsigned rate_hz)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = (int16_t)lrint(8000 * sin(2 * M_PI * 440 * (double)i / rate_hz));
}

static double loudness(const struct sound *s)
{
	double sum = 0;

	for (size_t i = 0; i < sound_samples(s); i++)
		sum += (double)sound_pcm(s)[i] * sound_pcm(s)[i];
	return sqrt(sum / (double)sound_samples(s));
}

/* A second of a tone, in pieces of 20 ms. */
static int write_tone(enum sound_format f, unsigned rate_hz, struct buf *to)
{
	AUTO(sound_writer) struct sound_writer *w = NULL;
	int16_t pcm[960];
	int r = sound_writer_new(&w, f, rate_hz);

	for (unsigned i = 0; i < 50 && r == 0; i++) {
		tone(pcm, rate_hz / 50, rate_hz);
		r = sound_write(w, pcm, rate_hz / 50, to);
	}
	return r == 0 ? sound_write_end(w, to) : r;
}

static void what_is_written_is_read(void)
{
	static const struct {
		enum sound_format f;
		const char *magic;
	} rows[] = { { SOUND_WAV, "RIFF" }, { SOUND_FLAC, "fLaC" }, { SOUND_OPUS, "OggS" }, { SOUND_MP3, "\xff" } };
	static const unsigned rates[] = { 16000, 24000 };

	for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(rates); i++) {
		AUTO(buf) struct buf file = { 0 };
		AUTO(sound) struct sound s = { 0 };
		unsigned rate_hz = rates[i / ARRAY_LEN(rows)];

		CHECK_EQ(write_tone(rows[i % ARRAY_LEN(rows)].f, rate_hz, &file), 0);
		CHECK(bytes_starts(buf_bytes(&file), rows[i % ARRAY_LEN(rows)].magic));
		CHECK_EQ(sound_read(buf_bytes(&file), RATE_HZ, 10, &s), SOUND_OK);
		/* MP3 has its codec's delay at both ends. */
		CHECK(sound_samples(&s) >= SECOND - 10 && sound_samples(&s) < SECOND * 12 / 10);
		CHECK(loudness(&s) > 4000 && loudness(&s) < 6500);
	}
}

static void begins_before_it_ends(void)
{
	static const enum sound_format formats[] = { SOUND_WAV, SOUND_PCM, SOUND_OPUS, SOUND_MP3, SOUND_FLAC };
	static int16_t pcm[SECOND];

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		AUTO(buf) struct buf file = { 0 };
		AUTO(sound_writer) struct sound_writer *w = NULL;

		tone(pcm, SECOND, RATE_HZ);
		CHECK_EQ(sound_writer_new(&w, formats[i], RATE_HZ), 0);
		CHECK_EQ(sound_write(w, pcm, SECOND, &file), 0);
		CHECK(file.n > 1000); /* and it is left there, unfinished */
	}
}

static void pcm_is_little_endian(void)
{
	AUTO(buf) struct buf b = { 0 };
	AUTO(sound_writer) struct sound_writer *w = NULL;
	static const int16_t pcm[] = { 0x0102, -2 };

	CHECK_EQ(sound_writer_new(&w, SOUND_PCM, 24000), 0);
	CHECK_EQ(sound_write(w, pcm, 2, &b), 0);
	CHECK_EQ(sound_write_end(w, &b), 0);
	CHECK(bytes_eq(buf_bytes(&b), bytes_of("\x02\x01\xfe\xff", 4)));
}

static void refuses(void)
{
	static const struct {
		struct bytes file;
		enum sound_verdict v;
	} rows[] = {
		{ { (const uint8_t *)"", 0 }, SOUND_EMPTY },
		{ { (const uint8_t *)"hello, this is text", 19 }, SOUND_UNKNOWN },
		{ { (const uint8_t *)"\0\0\0\x20" "ftypM4A \0\0\0\0", 16 }, SOUND_MP4 },
		{ { (const uint8_t *)"\x1a\x45\xdf\xa3\x01\0\0\0", 8 }, SOUND_WEBM },
		{ { (const uint8_t *)"OggS and then nothing of the kind", 33 }, SOUND_DAMAGED },
		{ { (const uint8_t *)"fLaC", 4 }, SOUND_DAMAGED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(sound) struct sound s = { 0 };
		enum sound_verdict v = sound_read(rows[i].file, RATE_HZ, 10, &s);

		CHECK(v == rows[i].v || (v == SOUND_UNKNOWN && rows[i].v == SOUND_DAMAGED));
		CHECK(strlen(sound_why(v)) > 10 && !s.pcm.p);
	}
	AUTO(sound_writer) struct sound_writer *w = NULL;
	CHECK_EQ(sound_writer_new(&w, SOUND_OPUS, 22050), -EINVAL);
	CHECK_EQ(sound_writer_new(&w, SOUND_PCM, 1), -EINVAL);
}

static void is_limited(void)
{
	AUTO(buf) struct buf file = { 0 };
	AUTO(sound) struct sound s = { 0 };

	CHECK_EQ(write_tone(SOUND_FLAC, RATE_HZ, &file), 0);
	CHECK_EQ(sound_read(buf_bytes(&file), RATE_HZ, 0, &s), SOUND_TOO_LONG);
	CHECK_EQ(sound_read(buf_bytes(&file), RATE_HZ, 1, &s), SOUND_OK);
}

static void le(struct buf *b, uint32_t v, unsigned n)
{
	for (; n > 0; n--, v >>= 8)
		buf_putc(b, (char)(v & 0xff));
}

/* Stereo floats at 44.1 kHz, among them some that are no numbers. */
static void floats_that_are_no_numbers_are_silence(void)
{
	enum { N = 44100 };
	AUTO(buf) struct buf b = { 0 };
	AUTO(sound) struct sound s = { 0 };
	static const float odd[] = { NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 0.25f };

	buf_puts(&b, "RIFF");
	le(&b, 36 + N * 8, 4);
	buf_puts(&b, "WAVEfmt ");
	le(&b, 16, 4);
	le(&b, 3, 2);
	le(&b, 2, 2);
	le(&b, 44100, 4);
	le(&b, 44100 * 8, 4);
	le(&b, 8, 2);
	le(&b, 32, 2);
	buf_puts(&b, "data");
	le(&b, N * 8, 4);
	for (size_t i = 0; i < 2 * N; i++) {
		float v = i < ARRAY_LEN(odd) * 2 ? odd[i / 2] : 0;
		buf_put(&b, &v, sizeof(v));
	}
	CHECK(!b.failed);
	CHECK_EQ(sound_read(buf_bytes(&b), RATE_HZ, 10, &s), SOUND_OK);
	CHECK(sound_samples(&s) > SECOND - 10 && sound_samples(&s) < SECOND + 10);
	for (size_t i = 1000; i < sound_samples(&s); i++)
		CHECK_EQ(sound_pcm(&s)[i], 0);
	/* Cut anywhere near its head. */
	for (size_t n = 0; n < 60; n++) {
		AUTO(sound) struct sound part = { 0 };
		(void)!sound_read(bytes_of(b.p, n), RATE_HZ, 10, &part);
	}
}

TESTS({ "what_is_written_is_read", what_is_written_is_read },
      { "begins_before_it_ends", begins_before_it_ends },
      { "pcm_is_little_endian", pcm_is_little_endian }, { "refuses", refuses },
      { "is_limited", is_limited },
      { "floats_that_are_no_numbers_are_silence", floats_that_are_no_numbers_are_silence })
