/* sample_stream.h - octets of a voice as they come over the network, as samples at one rate.
 *
 * Raw PCM or WAV, told apart by the first octets; parts of any size, also odd ones; what is no number
 * is silence; silence before the first sound is dropped, and behind the last but a breath of it.
 * Sans-I/O.
 */
#pragma once

#include "base/buf.h"

struct resample;

enum { SAMPLE_STREAM_HEAD = 4096 /* octets that a WAV's head may have */ };

/* sample_stream_init() first. */
struct sample_stream {
	unsigned from_hz, to_hz;
	struct buf octets; /* that are not whole samples yet, or the head */
	bool begun;        /* it is known what it is                      */
	bool is_float;
	unsigned channels;
	struct resample *rate;
	bool sound;        /* the first sound has come */
	struct buf rated;  /* between two steps of the work */
	struct buf held;   /* samples: the silence before what may still come */
};

/* from_hz: of raw PCM. */
void sample_stream_init(struct sample_stream *s, unsigned from_hz, unsigned to_hz);
void sample_stream_done(struct sample_stream *s);

enum sample_stream_verdict {
	SAMPLE_STREAM_OK,
	SAMPLE_STREAM_NOT_AUDIO, /* JSON, HTML, MP3, a WAV of another kind */
	SAMPLE_STREAM_NO_MEMORY,
};

/* Appends int16 samples at to_hz. */
MUST_USE enum sample_stream_verdict sample_stream_push(struct sample_stream *s, struct bytes part, struct buf *out);
MUST_USE enum sample_stream_verdict sample_stream_end(struct sample_stream *s, struct buf *out);
