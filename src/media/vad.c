#include "media/vad.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "media/fft.h"
#include "media/vad_weights.inc"

enum {
	BANDS = 20,
	BIN_FIRST = 3,       /* 94 Hz: below is hum and wind                             */
	PITCH_BIN_LAST = 80, /* 2.5 kHz: above, harmonics are blurred                    */
	PITCH_LAG_MIN = 32,  /* 500 Hz                                                   */
	PITCH_LAG_MAX = 214, /* 75 Hz                                                    */
	PITCH_FLATTEN = 7,   /* bins to either side that make the local mean             */
	WINDOWS = 7,         /* the floor is the lowest of the last seven windows …      */
	WINDOW_FRAMES = 15,  /* … of 300 ms, and of the present one                      */
	WINDOW_FRAMES_FIRST = 3, /* at the beginning: a floor is known after 0.5 s       */
	TOP_BANDS = 6,
	LOW_BANDS = 12,      /* up to 1.8 kHz: vowels                                    */
};

/* dB; levels are relative to full scale. */
#define FLOOR_MIN_DB   -78.0f /* per band: what is softer is silence however soft the rest is */
#define FLOOR_START_DB -30.0f /* per band: at most, before anything is known                  */
#define FLOOR_BIAS_DB  3.0f   /* the lowest of many is below the mean                         */
#define TALKER_START_DB -35.0f
#define TALKER_MIN_DB   -55.0f

/* So much must the peaks of a comb weigh to count by half: a lone tone or bump does not. */
#define FEW_PEAKS 25.0f
/* What a comb counts that is not the one of the frame before. */
#define DIFFERS 0.4f
/* Per frame: half of it is left after 190 ms. */
#define VOICED_DECAY 0.93f

/* First bin of each band; narrow where speech has its pitch and first formant. */
static const uint16_t edge[BANDS + 1] = { 3,  6,  9,  12, 15, 18, 22,  26,  31,  36, 42,
					  49, 57, 66, 77, 90, 105, 122, 145, 180, 230 };

/* The inputs of the network, each 0..1. */
enum feature {
	SNR_MEAN,
	SNR_TOP,
	SNR_LOW,
	HARMONIC,
	STEADY, /* harmonic at the pitch of the frame before */
	VOICED,
	EVEN,
	LEVEL,
	CHANGE,
	SNR_LATELY, /* means over the last few frames: noise is steady in these, and low */
	HARMONIC_LATELY,
	STEADY_LATELY,
	CHANGE_LATELY,
};

struct vad {
	float past[FFT_N - VAD_N];
	float smooth_db[BANDS];          /* energy, smoothed over a few frames */
	float floor_db[BANDS];
	float lowest_db[WINDOWS + 1][BANDS]; /* row 0: the present window */
	unsigned frames, windows;
	float last_db[BANDS];
	float harmonic;      /* of the last frame                */
	unsigned lag;        /* and its period; 0: none          */
	float voiced;        /* decays; harmonic twice in a row  */
	float talker_db;     /* of the voiced frames             */
	float snr_lately, harmonic_lately, steady_lately, change_lately; /* over 150 ms */
	bool begun;
	struct vad_view view;
};

struct vad *vad_new(void)
{
	struct vad *v = mem_alloc(sizeof(*v));

	if (v)
		vad_reset(v);
	return v;
}

void vad_free(struct vad *v)
{
	mem_free(v);
}

void vad_reset(struct vad *v)
{
	*v = (struct vad){ .talker_db = TALKER_START_DB };
	for (unsigned b = 0; b < BANDS; b++)
		v->last_db[b] = v->floor_db[b] = FLOOR_MIN_DB;
}

static float clamp01(float x)
{
	return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* Is the energy of the window spread over it, as that of a voice is, or is it one click? 0..1 */
static float spread(const float *x)
{
	enum { BLOCKS = 8, LEN = FFT_N / BLOCKS };
	float sum = 1e-12f, squares = 1e-24f;

	for (size_t b = 0; b < BLOCKS; b++) {
		float e = 0;

		for (size_t i = b * LEN; i < (b + 1) * LEN; i++)
			e += x[i] * x[i];
		sum += e;
		squares += e * e;
	}
	/* sum * sum / squares is how many blocks share it: 2 are a click, 4 a voice */
	return clamp01((sum * sum / squares - 1.8f) / 1.6f);
}

/* Power of each bin; a sine at full scale is 1 in its bin. */
static void spectrum(struct vad *v, const int16_t *pcm, float power[FFT_BINS], float *evenness)
{
	float x[FFT_N], re[FFT_BINS], im[FFT_BINS];
	const size_t n_past = FFT_N - VAD_N;

	for (size_t i = 0; i < n_past; i++)
		x[i] = v->past[i];
	for (size_t i = 0; i < VAD_N; i++)
		x[n_past + i] = pcm[i] / 32768.0f;
	memcpy(v->past, x + VAD_N, sizeof(v->past));
	*evenness = spread(x);
	/* a parabola: nearly the sine window, whose narrow peaks part the harmonics of a low
	 * voice, and no table */
	for (size_t i = 0; i < FFT_N; i++) {
		float t = ((float)i + 0.5f) * (2.0f / FFT_N) - 1;

		x[i] *= 1 - t * t;
	}
	fft_real(x, re, im);
	for (size_t k = 0; k < FFT_BINS; k++)
		power[k] = (re[k] * re[k] + im[k] * im[k]) * (9.0f / FFT_N / FFT_N) + 1e-12f;
}

/* The first frame is taken for the room, unless it is loud: then it may be a voice. */
static void begin_floor(struct vad *v, const float *db)
{
	v->begun = true;
	for (unsigned b = 0; b < BANDS; b++) {
		v->smooth_db[b] = v->last_db[b] = db[b];
		for (unsigned w = 1; w <= WINDOWS; w++)
			v->lowest_db[w][b] = MIN(db[b], FLOOR_START_DB);
	}
}

/* The floor of each band is the lowest it has been for two seconds: it follows a noise that
 * begins, and speech always has gaps in each band. Digital silence says nothing about the room. */
static void follow_floor(struct vad *v, const float *db)
{
	unsigned length = v->windows < WINDOWS ? WINDOW_FRAMES_FIRST : WINDOW_FRAMES;

	if (!v->begun)
		begin_floor(v, db);
	for (unsigned b = 0; b < BANDS; b++) {
		v->smooth_db[b] += 0.4f * (db[b] - v->smooth_db[b]);
		v->lowest_db[0][b] = MIN(v->lowest_db[0][b], v->smooth_db[b]);

		float low = v->lowest_db[0][b];
		for (unsigned w = 1; w <= WINDOWS; w++)
			low = MIN(low, v->lowest_db[w][b]);
		v->floor_db[b] = MAX(low + FLOOR_BIAS_DB, FLOOR_MIN_DB);
	}
	if (++v->frames < length)
		return;
	v->frames = 0;
	v->windows += v->windows < WINDOWS;
	memmove(v->lowest_db[1], v->lowest_db[0], sizeof(v->lowest_db[0]) * WINDOWS);
	for (unsigned b = 0; b < BANDS; b++)
		v->lowest_db[0][b] = 0;
}

/* Is there one comb that the peaks of the whitened spectrum sit on? 1: all of them do. */
static float harmonicity(const struct vad *v, const float *power, unsigned *lag_out)
{
	enum { BELOW = 1, FIRST = BIN_FIRST, LAST = PITCH_BIN_LAST, PAD = PITCH_FLATTEN };
	float w[LAST + PAD + 1], comb[FFT_N] = { 0 }, re[FFT_BINS], im[FFT_BINS];
	float sum = 0, weight = FEW_PEAKS, best = 0;
	unsigned b = 0;

	for (unsigned k = BELOW; k <= LAST + PAD; k++) {
		while (k >= edge[b + 1])
			b++;
		if (k == BELOW || k == edge[b]) /* per bin, the floor of the band */
			sum = (float)(edge[b + 1] - edge[b]) * powf(10, -v->floor_db[b] / 10);
		w[k] = log1pf(power[k] * sum);
	}
	/* less its local mean, which is taken evenly to both sides: a slope is no peak */
	unsigned from = BELOW, to = BELOW; /* the sum is over [from, to) */
	sum = 0;
	for (unsigned k = FIRST; k <= LAST; k++) {
		unsigned half = MIN(PAD, k - BELOW);

		for (; to <= k + half; to++)
			sum += w[to];
		for (; from + half < k; from++)
			sum -= w[from];
		comb[k] = w[k] - sum / (float)(to - from);
		weight += fabsf(comb[k]);
	}
	fft_real(comb, re, im);
	for (unsigned lag = PITCH_LAG_MIN; lag <= PITCH_LAG_MAX; lag++)
		if (re[lag] > best) {
			best = re[lag];
			*lag_out = lag;
		}
	return clamp01(best / weight);
}

/* Mean of the highest few. */
static float top_mean(const float *x)
{
	float top[TOP_BANDS] = { 0 }, sum = 0;

	for (unsigned b = 0; b < BANDS; b++) {
		float v = x[b];

		for (unsigned i = 0; i < TOP_BANDS; i++)
			if (v > top[i]) {
				float t = top[i];

				top[i] = v;
				v = t;
			}
	}
	for (unsigned i = 0; i < TOP_BANDS; i++)
		sum += top[i];
	return sum / TOP_BANDS;
}

/* Noise has a comb now and then, but not the same one twice. An octave apart is the same. */
static bool same_pitch(unsigned a, unsigned b)
{
	unsigned lo = MIN(a, b), hi = MAX(a, b);

	return lo && (8 * hi <= 9 * lo || (15 * lo <= 8 * hi && 8 * hi <= 17 * lo));
}

static void follow_talker(struct vad *v, float p)
{
	float up = v->view.level.rms_db - v->talker_db;

	if (p > 0.7f && v->harmonic > 0.3f)
		v->talker_db += (up > 0 ? 0.3f : 0.01f) * up;
	v->talker_db = MAX(v->talker_db, TALKER_MIN_DB);
}

static float lately(float *mean, float now)
{
	*mean += 0.13f * (now - *mean);
	return *mean;
}

static void measure(struct vad *v, const float *power, const float *db, float evenness)
{
	float snr[BANDS], mean = 0, low = 0, change = 0, *f = v->view.features;

	for (unsigned b = 0; b < BANDS; b++) {
		snr[b] = clamp01((db[b] - v->floor_db[b]) / 40);
		mean += snr[b] / BANDS;
		low += b < LOW_BANDS ? snr[b] / LOW_BANDS : 0;
		change += fabsf(MAX(db[b], v->floor_db[b]) - MAX(v->last_db[b], v->floor_db[b]));
		v->last_db[b] += 0.3f * (db[b] - v->last_db[b]);
	}

	unsigned lag = 0;
	float harmonic = harmonicity(v, power, &lag) * evenness, top = top_mean(snr);
	float twice = MIN(harmonic, v->harmonic) * (same_pitch(lag, v->lag) ? 1 : DIFFERS);
	v->voiced = MAX(v->voiced * VOICED_DECAY, twice);
	v->harmonic = harmonic;
	v->lag = lag;
	f[SNR_MEAN] = mean;
	f[SNR_TOP] = top;
	f[SNR_LOW] = low;
	f[HARMONIC] = harmonic;
	f[VOICED] = v->voiced;
	f[STEADY] = twice;
	f[EVEN] = evenness;
	f[LEVEL] = clamp01((v->view.level.rms_db - v->talker_db + 40) / 40);
	f[CHANGE] = clamp01(change / BANDS / 12);
	f[SNR_LATELY] = lately(&v->snr_lately, mean);
	f[HARMONIC_LATELY] = lately(&v->harmonic_lately, harmonic);
	f[STEADY_LATELY] = lately(&v->steady_lately, twice);
	f[CHANGE_LATELY] = lately(&v->change_lately, f[CHANGE]);
}

/* One hidden layer; what a product of conditions would need many hand-made rules for. */
static float network(const float *f)
{
	float sum = out_bias;

	for (unsigned h = 0; h < HIDDEN; h++) {
		float x = hidden[h][VAD_FEATURES];

		for (unsigned i = 0; i < VAD_FEATURES; i++)
			x += hidden[h][i] * f[i];
		sum += out[h] * tanhf(x);
	}
	return 1 / (1 + expf(-sum));
}

float vad_push(struct vad *v, const int16_t pcm[VAD_N])
{
	float power[FFT_BINS], db[BANDS], evenness, noise = 0;

	v->view.level = level_of(pcm, VAD_N);
	spectrum(v, pcm, power, &evenness);
	for (unsigned b = 0; b < BANDS; b++) {
		float e = 0;

		for (unsigned k = edge[b]; k < edge[b + 1]; k++)
			e += power[k];
		db[b] = 10 * log10f(e);
	}
	if (v->view.level.peak_db > LEVEL_MIN_DB)
		follow_floor(v, db);
	measure(v, power, db, evenness);
	v->view.probability = network(v->view.features);
	follow_talker(v, v->view.probability);
	for (unsigned b = 0; b < BANDS; b++)
		noise += powf(10, v->floor_db[b] / 10);
	v->view.noise_db = 10 * log10f(noise);
	return v->view.probability;
}

struct vad_view vad_view(const struct vad *v)
{
	return v->view;
}
