#include "media/sound_file.h"

#include <errno.h>
#include <math.h>
#include <sndfile.h>

#include "base/alloc.h"
#include "media/resample.h"
#include "media/wav.h"

enum {
	FRAMES = 4096,         /* decoded at a time */
	RATE_MIN = 4000,
	RATE_MAX = 192000,
	SAMPLE = sizeof(int16_t),
};

/* --- which format ---------------------------------------------------------------------- */

/* libsndfile knows many more formats, some by guessing: only what begins like one of these is
 * shown to it. */
static const struct magic {
	size_t at;
	const char *text;
	size_t n;
	enum sound_verdict is;
} magics[] = {
	{ 0, "RIFF", 4, SOUND_OK },
	{ 0, "FORM", 4, SOUND_OK },
	{ 0, "fLaC", 4, SOUND_OK },
	{ 0, "OggS", 4, SOUND_OK },
	{ 0, "ID3", 3, SOUND_OK },
	{ 4, "ftyp", 4, SOUND_MP4 },
	{ 0, "\x1a\x45\xdf\xa3", 4, SOUND_WEBM },
};

/* An MPEG audio frame without a tag before it: 11 bits set, and no reserved layer. */
static bool is_mpeg(struct bytes f)
{
	return f.n >= 4 && f.p[0] == 0xff && (f.p[1] & 0xe0) == 0xe0 && (f.p[1] & 0x06) != 0;
}

static enum sound_verdict look(struct bytes f)
{
	if (f.n == 0)
		return SOUND_EMPTY;
	for (size_t i = 0; i < ARRAY_LEN(magics); i++) {
		const struct magic *m = &magics[i];

		if (f.n >= m->at + m->n && memcmp(f.p + m->at, m->text, m->n) == 0)
			return m->is;
	}
	return is_mpeg(f) ? SOUND_OK : SOUND_UNKNOWN;
}

const char *sound_why(enum sound_verdict v)
{
#define READ "Send WAV, MP3, FLAC, Ogg (Opus or Vorbis) or AIFF."
	static const char *const why[N_SOUND_VERDICTS] = {
		[SOUND_OK] = "It is fine.",
		[SOUND_EMPTY] = "The file holds no audio.",
		[SOUND_MP4] = "MP4 and M4A files are not read here. " READ,
		[SOUND_WEBM] = "WebM files are not read here. " READ,
		[SOUND_UNKNOWN] = "The file is no audio of a format that is read here. " READ,
		[SOUND_DAMAGED] = "The audio file is damaged or cut short.",
		[SOUND_TOO_LONG] = "The audio is too long.",
		[SOUND_NO_MEMORY] = "The server is out of memory.",
	};
#undef READ
	return why[v];
}

/* --- libsndfile's view of octets ---------------------------------------------------------- */

struct reading {
	struct bytes file;
	size_t at;
};

static sf_count_t file_length(void *ctx)
{
	return (sf_count_t)((struct reading *)ctx)->file.n;
}

static sf_count_t file_seek(sf_count_t offset, int whence, void *ctx)
{
	struct reading *r = ctx;
	sf_count_t n = (sf_count_t)r->file.n, from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (sf_count_t)r->at : n;

	/* A size field of the file may say anything. */
	if (offset > n || offset < -n || from + offset < 0 || from + offset > n)
		return -1;
	r->at = (size_t)(from + offset);
	return (sf_count_t)r->at;
}

static sf_count_t file_read(void *to, sf_count_t n, void *ctx)
{
	struct reading *r = ctx;
	size_t len = n > 0 ? MIN((size_t)n, r->file.n - r->at) : 0;

	if (len)
		memcpy(to, r->file.p + r->at, len);
	r->at += len;
	return (sf_count_t)len;
}

static sf_count_t file_write(const void *from, sf_count_t n, void *ctx)
{
	(void)from, (void)n, (void)ctx;
	return 0;
}

static sf_count_t file_tell(void *ctx)
{
	return (sf_count_t)((struct reading *)ctx)->at;
}

static SF_VIRTUAL_IO file_io = { file_length, file_seek, file_read, file_write, file_tell };

/* --- decoding ---------------------------------------------------------------------------- */

struct decoding {
	SNDFILE *file;
	SF_INFO info;
	struct resample *rate;
	size_t max; /* frames of the file */
	float frames[FRAMES * SOUND_CHANNELS_MAX];
	int16_t mono[FRAMES];
};

/* What is no number, or beyond the scale, must not reach an integer. */
static int16_t to_int16(float v)
{
	float scaled = v * 32768.0f;

	if (!isfinite(scaled))
		return 0;
	return (int16_t)lrintf(MIN(MAX(scaled, -32768.0f), 32767.0f));
}

static void mix(struct decoding *d, size_t n)
{
	size_t channels = (size_t)d->info.channels;

	for (size_t i = 0; i < n; i++) {
		float sum = 0;

		for (size_t c = 0; c < channels; c++) {
			float v = d->frames[i * channels + c];
			sum += isfinite(v) ? v : 0;
		}
		d->mono[i] = to_int16(sum / (float)channels);
	}
}

static enum sound_verdict decode(struct decoding *d, struct sound *s)
{
	size_t total = 0;

	for (sf_count_t n; (n = sf_readf_float(d->file, d->frames, FRAMES)) > 0;) {
		total += (size_t)n;
		if (total > d->max)
			return SOUND_TOO_LONG;
		mix(d, (size_t)n);
		void *to = buf_reserve(&s->pcm, resample_bound(d->rate, (size_t)n) * SAMPLE);
		if (!to)
			return SOUND_NO_MEMORY;
		s->pcm.n += resample_push(d->rate, d->mono, (size_t)n, to) * SAMPLE;
	}
	if (total == 0)
		return sf_error(d->file) ? SOUND_DAMAGED : SOUND_EMPTY;
	void *to = buf_reserve(&s->pcm, resample_bound(d->rate, 0) * SAMPLE + SAMPLE);
	if (!to)
		return SOUND_NO_MEMORY;
	s->pcm.n += resample_flush(d->rate, to) * SAMPLE;
	return s->pcm.n ? SOUND_OK : SOUND_EMPTY;
}

static enum sound_verdict open_file(struct decoding *d, struct reading *r)
{
	d->file = sf_open_virtual(&file_io, SFM_READ, &d->info, r);
	if (!d->file)
		return sf_error(NULL) == SF_ERR_UNRECOGNISED_FORMAT ? SOUND_UNKNOWN : SOUND_DAMAGED;
	if (d->info.channels < 1 || d->info.channels > SOUND_CHANNELS_MAX ||
	    d->info.samplerate < RATE_MIN || d->info.samplerate > RATE_MAX)
		return SOUND_UNKNOWN;
	return SOUND_OK;
}

enum sound_verdict sound_read(struct bytes file, unsigned rate_hz, unsigned max_s, struct sound *out)
{
	struct reading r = { file, 0 };
	struct sound s = { .rate_hz = rate_hz };
	enum sound_verdict v = look(file);

	if (v != SOUND_OK)
		return v;
	struct decoding *d = mem_zalloc(sizeof(*d));
	if (!d)
		return SOUND_NO_MEMORY;
	v = open_file(d, &r);
	if (v == SOUND_OK &&
	    resample_new(&d->rate, (unsigned)d->info.samplerate, rate_hz) != 0)
		v = SOUND_NO_MEMORY;
	if (v == SOUND_OK) {
		d->max = (size_t)d->info.samplerate * max_s;
		v = decode(d, &s);
	}
	if (d->file)
		sf_close(d->file);
	resample_free(d->rate);
	mem_free(d);
	if (v == SOUND_OK)
		*out = s;
	else
		sound_done(&s);
	return v;
}

const int16_t *sound_pcm(const struct sound *s)
{
	return (const int16_t *)(const void *)s->pcm.p;
}

size_t sound_samples(const struct sound *s)
{
	return s->pcm.n / SAMPLE;
}

void sound_done(struct sound *s)
{
	buf_done(&s->pcm);
}

/* --- encoding ----------------------------------------------------------------------------- */

struct sound_writer {
	enum sound_format format;
	unsigned rate_hz;
	SNDFILE *file;    /* NULL: WAV and PCM need no codec */
	bool begun;
	struct buf *to;   /* during a call */
	sf_count_t at;    /* where libsndfile is in its file */
	sf_count_t n;     /* what has left                   */
};

static sf_count_t out_length(void *ctx)
{
	return ((struct sound_writer *)ctx)->n;
}

/* Codecs go back to their head at the end, to fill in what they know by then. It has left: what
 * is written there is dropped, and the file stays one whose length is not told. */
static sf_count_t out_seek(sf_count_t offset, int whence, void *ctx)
{
	struct sound_writer *w = ctx;
	sf_count_t at = offset + (whence == SEEK_SET ? 0 : whence == SEEK_CUR ? w->at : w->n);

	if (at < 0 || at > w->n)
		return -1;
	return w->at = at;
}

static sf_count_t out_read(void *to, sf_count_t n, void *ctx)
{
	(void)to, (void)n, (void)ctx;
	return 0;
}

static sf_count_t out_write(const void *from, sf_count_t n, void *ctx)
{
	struct sound_writer *w = ctx;
	sf_count_t late = MIN(n, w->n - w->at);

	if (w->to && n > late)
		buf_put(w->to, (const char *)from + late, (size_t)(n - late));
	w->at += n;
	w->n = MAX(w->n, w->at);
	return n;
}

static sf_count_t out_tell(void *ctx)
{
	return ((struct sound_writer *)ctx)->at;
}

static SF_VIRTUAL_IO out_io = { out_length, out_seek, out_read, out_write, out_tell };

static const int codecs[N_SOUND_FORMATS] = {
	[SOUND_FLAC] = SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
	[SOUND_OPUS] = SF_FORMAT_OGG | SF_FORMAT_OPUS,
	[SOUND_MP3] = SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III,
};

/* MP3: frames of one size, as no index is written before them, of 64 kbit/s at 24 kHz. Opus: 40 kbit/s,
 * a page every 100 ms. */
static void configure(SNDFILE *file, enum sound_format f)
{
	int constant = SF_BITRATE_MODE_CONSTANT;
	double mp3 = 0.6, opus = 0.865, page_ms = 100;

	if (f == SOUND_MP3) {
		sf_command(file, SFC_SET_BITRATE_MODE, &constant, sizeof(constant));
		sf_command(file, SFC_SET_COMPRESSION_LEVEL, &mp3, sizeof(mp3));
	} else if (f == SOUND_OPUS) {
		sf_command(file, SFC_SET_COMPRESSION_LEVEL, &opus, sizeof(opus));
		sf_command(file, SFC_SET_OGG_PAGE_LATENCY_MS, &page_ms, sizeof(page_ms));
	}
}

int sound_writer_new(struct sound_writer **out, enum sound_format f, unsigned rate_hz)
{
	SF_INFO info = { .samplerate = (int)rate_hz, .channels = 1, .format = codecs[f] };
	struct sound_writer *w;

	if (rate_hz < RATE_MIN || rate_hz > RATE_MAX || (codecs[f] && !sf_format_check(&info)))
		return -EINVAL;
	w = mem_zalloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->format = f;
	w->rate_hz = rate_hz;
	if (codecs[f]) {
		w->file = sf_open_virtual(&out_io, SFM_WRITE, &info, w);
		if (!w->file) {
			mem_free(w);
			return -EINVAL;
		}
		configure(w->file, f);
	}
	*out = w;
	return 0;
}

void sound_writer_free(struct sound_writer *w)
{
	if (!w)
		return;
	w->to = NULL;
	if (w->file)
		sf_close(w->file);
	mem_free(w);
}

static void put_samples(struct buf *to, const int16_t *pcm, size_t n)
{
	uint8_t *p = buf_reserve(to, n * SAMPLE);

	if (!p)
		return;
	for (size_t i = 0; i < n; i++) {
		p[2 * i] = (uint8_t)pcm[i];
		p[2 * i + 1] = (uint8_t)((uint16_t)pcm[i] >> 8);
	}
	to->n += n * SAMPLE;
}

int sound_write(struct sound_writer *w, const int16_t *pcm, size_t n, struct buf *to)
{
	sf_count_t done = (sf_count_t)n;

	if (w->format == SOUND_WAV && !w->begun)
		wav_write_head(to, w->rate_hz, WAV_TO_END);
	w->begun = true;
	w->to = to;
	if (w->file && n)
		done = sf_write_short(w->file, pcm, (sf_count_t)n);
	else if (!w->file)
		put_samples(to, pcm, n);
	w->to = NULL;
	return to->failed || done != (sf_count_t)n ? -ENOMEM : 0;
}

int sound_write_end(struct sound_writer *w, struct buf *to)
{
	int r = sound_write(w, NULL, 0, to);

	w->to = to;
	if (w->file)
		sf_close(w->file);
	w->file = NULL;
	w->to = NULL;
	return to->failed ? -ENOMEM : r;
}
