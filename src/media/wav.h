/* wav.h - RIFF WAVE files: PCM of 8, 16, 24 or 32 bits in, 16 bit mono out.
 *
 * Sans-I/O: the file is an octet run. Formats: WAVE_FORMAT_PCM and
 * WAVE_FORMAT_EXTENSIBLE with the PCM sub-format. Chunks in any order, padded;
 * a data chunk whose size is wrong (0 or too large: written by a pipe) runs to
 * the end of the file.
 */
#pragma once

#include "base/buf.h"

enum wav_verdict {
	WAV_OK,
	WAV_NOT_WAV,     /* no RIFF/WAVE header              */
	WAV_NO_AUDIO,    /* no format or no data, or it is empty */
	WAV_UNSUPPORTED, /* compressed, float, or odd rates  */
};

struct wav {
	unsigned rate_hz;  /* 4000..192000 */
	unsigned channels; /* 1..8         */
	unsigned bits;     /* 8, 16, 24, 32 */
	struct bytes data; /* borrowed      */
	size_t n_frames;
};

MUST_USE enum wav_verdict wav_parse(struct bytes file, struct wav *out);
const char *wav_why(enum wav_verdict v); /* a sentence */

/* Frame i mixed down to one 16 bit sample. i < n_frames. */
int16_t wav_sample(const struct wav *w, size_t i);

/* The head of a 16 bit mono file with so many octets of samples behind it. WAV_TO_END: nobody knows
 * how many yet. On lack of memory sets b->failed. */
#define WAV_TO_END 0xffffffffu
void wav_write_head(struct buf *b, unsigned rate_hz, uint32_t octets);
/* A complete 16 bit mono file. On lack of memory sets b->failed. */
void wav_write(struct buf *b, unsigned rate_hz, const int16_t *pcm, size_t n);
