/* sound_file.h - audio files of strangers in, and audio files that begin before they end out.
 *
 * By libsndfile, whose only wrapper this is: WAV, AIFF, FLAC, Ogg (Vorbis, Opus), MP3. Sans-I/O:
 * files are runs of octets. One thread at a time per object; reading and writing take CPU, so they
 * belong on a worker. libsndfile and its codecs take their memory from the C library.
 *
 * wav.h remains for what is known to be plain PCM and needs no codec.
 */
#pragma once

#include "base/buf.h"

/* --- in ------------------------------------------------------------------------------- */

enum sound_verdict {
	SOUND_OK,
	SOUND_EMPTY,    /* no octets, or no sample in them              */
	SOUND_MP4,      /* a container that is known, but not read here */
	SOUND_WEBM,
	SOUND_UNKNOWN,  /* none of the formats                          */
	SOUND_DAMAGED,  /* one of them, but it cannot be decoded        */
	SOUND_TOO_LONG, /* lasts longer than max_s                      */
	SOUND_NO_MEMORY,
	N_SOUND_VERDICTS
};

enum { SOUND_CHANNELS_MAX = 8 };

/* Zero is valid and empty. */
struct sound {
	struct buf pcm; /* int16, mono (channels are mixed), machine order */
	unsigned rate_hz;
};

/* rate_hz as resample.h. Samples that are no numbers become silence. Not SOUND_OK: *out is empty. */
MUST_USE enum sound_verdict sound_read(struct bytes file, unsigned rate_hz, unsigned max_s,
				       struct sound *out);
const int16_t *sound_pcm(const struct sound *s);
size_t sound_samples(const struct sound *s);
void sound_done(struct sound *s);
static inline void sound_auto_(struct sound *s)
{
	sound_done(s);
}
const char *sound_why(enum sound_verdict v); /* a sentence for people */

/* --- out ------------------------------------------------------------------------------ */

enum sound_format { SOUND_WAV, SOUND_FLAC, SOUND_OPUS, SOUND_MP3, SOUND_PCM, N_SOUND_FORMATS };

struct sound_writer;

/* Mono. SOUND_PCM: nothing but samples, little-endian. SOUND_WAV: the head says "to the end", as it
 * leaves before the length is known. SOUND_OPUS (in Ogg): 8, 12, 16, 24 or 48 kHz.
 * 0; -EINVAL: not at this rate; -ENOMEM. */
MUST_USE int sound_writer_new(struct sound_writer **out, enum sound_format f, unsigned rate_hz);
void sound_writer_free(struct sound_writer *w);
AUTO_DEF(sound_writer)
/* Appends what has become ready, if anything: codecs hold back up to a second. 0, -ENOMEM. */
MUST_USE int sound_write(struct sound_writer *w, const int16_t *pcm, size_t n, struct buf *to);
MUST_USE int sound_write_end(struct sound_writer *w, struct buf *to); /* once, last */
