#include "media/wav.h"
#include "base/test.h"

static void round_trip(void)
{
	static const int16_t pcm[] = { 0, 1, -1, 32767, -32768, 1234 };
	AUTO(buf) struct buf b = { 0 };
	struct wav w;

	wav_write(&b, 16000, pcm, ARRAY_LEN(pcm));
	CHECK(!b.failed);
	CHECK_EQ(wav_parse(buf_bytes(&b), &w), WAV_OK);
	CHECK_EQ(w.rate_hz, 16000);
	CHECK_EQ(w.n_frames, ARRAY_LEN(pcm));
	for (size_t i = 0; i < ARRAY_LEN(pcm); i++)
		CHECK_EQ(wav_sample(&w, i), pcm[i]);
	/* Cut anywhere: never more than is there, never a crash. */
	for (size_t n = 0; n < b.n; n++) {
		uint8_t *part = mem_dup(b.p, n);
		CHECK(part);
		if (wav_parse(bytes_of(part, n), &w) == WAV_OK)
			(void)wav_sample(&w, w.n_frames - 1);
		mem_free(part);
	}
}

static void refusals(void)
{
	struct wav w;
	static const char flac[] = "fLaC and more of it";
	static const uint8_t floats[] = "RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x03\0\x01\0\x80\x3e\0\0\0\xfa\0\0\x04\0\x20\0";

	CHECK_EQ(wav_parse(bytes_str(""), &w), WAV_NOT_WAV);
	CHECK_EQ(wav_parse(bytes_str(flac), &w), WAV_NOT_WAV);
	CHECK_EQ(wav_parse(bytes_of("RIFF\0\0\0\0WAVE", 12), &w), WAV_NO_AUDIO);
	CHECK_EQ(wav_parse(bytes_of(floats, sizeof(floats) - 1), &w), WAV_UNSUPPORTED);
}

TESTS({ "round_trip", round_trip }, { "refusals", refusals })
