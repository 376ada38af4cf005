/* vad.c - how well media/vad and media/endpoint find turns, and what they cost.
 *
 * usage: bench/vad DIRECTORY          a table per scene over the files of bench/vad_data
 *        bench/vad DIRECTORY --dump   frames as "label feature…", for bench/vad_fit.py
 *
 * A scene is: two seconds of its noise, an utterance at some level, 1.5 seconds more.
 * What is speech is decided on the recording itself, before noise is added: frames
 * within 30 dB of its peak, and 10 dB above its own background. Files are split in
 * halves: the even ones fit the weights (--dump), the table is of the odd ones. All
 * noise is seeded: two runs are alike.
 */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/bytes.h"
#include "media/endpoint.h"
#include "media/vad.h"

enum {
	RATE = VAD_RATE_HZ,
	N = VAD_N,
	LEAD = 100 * N,
	TRAIL = 75 * N,
	FILES = 256,
	LONG = 40 * RATE,
	HOUR = 3600 * 50
};

enum noise { ZEROS, FAINT, WHITE, PINK, BROWN, HUM, N_NOISES };
static const char *const noise_names[] = { "zeros", "faint", "white", "pink", "brown", "hum" };

static struct file {
	char name[256];
	int16_t *pcm;
	size_t n; /* whole frames */
	bool *speech;
	size_t onset, end, longest_gap; /* frames */
	double rms;
} files[FILES];
static size_t n_files;

/* --- noise ---------------------------------------------------------------------------- */

static uint64_t dice = 88172645463325252u;

static double uniform(void)
{
	dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
	return (double)(dice >> 11) / 9007199254740992.0;
}

static double gauss(void)
{
	return sqrt(-2 * log(uniform() + 1e-300)) * cos(2 * M_PI * uniform());
}

/* One sample with an RMS of about 1. */
static double noise(enum noise kind)
{
	static double p[3], brown, phase;
	double w = gauss();

	switch (kind) {
	case WHITE:
	case FAINT:
		return w;
	case PINK: /* three poles that make about 3 dB per octave */
		p[0] = 0.99765 * p[0] + w * 0.0990460;
		p[1] = 0.96300 * p[1] + w * 0.2965164;
		p[2] = 0.57000 * p[2] + w * 1.0526913;
		return (p[0] + p[1] + p[2] + w * 0.1848) / 2.35;
	case BROWN:
		brown = 0.98 * brown + w;
		return brown * 0.2;
	case HUM:
		phase += 2 * M_PI * 50 / RATE;
		return (sin(phase) + sin(2 * phase) + 0.7 * sin(3 * phase) + 0.3 * sin(5 * phase)) *
			       0.75 +
		       0.3 * w;
	case ZEROS:
	case N_NOISES:
		break;
	}
	return 0;
}

static int16_t clip(double x)
{
	return (int16_t)lrint(fmax(-32768, fmin(32767, x)));
}

/* A key: 8 ms of noise, then a softer 8 ms when it comes back, 60 ms later. */
static double key(size_t since)
{
	if (since < 128)
		return gauss() * exp(-(double)since / 40);
	if (since >= 960 && since < 1088)
		return 0.4 * gauss() * exp(-(double)(since - 960) / 40);
	return 0;
}

/* A bump on the table: 50 ms of a dull, dying 90 Hz. */
static double bump(size_t since)
{
	double t = (double)since / RATE;

	return since < 800 ? sin(2 * M_PI * 90 * t) * exp(-t * 60) + 0.1 * gauss() * exp(-t * 200)
			   : 0;
}

/* Something dropped, a door, a cough without a voice: 300 ms of coloured noise. */
static double thud(size_t since)
{
	return since < 4800 ? noise(since < 2400 ? PINK : BROWN) * exp(-(double)since / 2000) : 0;
}

struct trouble {
	const char *name;
	enum noise kind;
	double db;
	double (*event)(size_t since); /* NULL: only the noise */
	double event_db, per_s;
	double burst_s; /* the noise is on and off for so long; 0: always on */
};

static const struct trouble troubles[] = {
	{ "digital silence", ZEROS, -100, NULL, 0, 0, 0 },
	{ "faint noise, -65 dBFS", FAINT, -65, NULL, 0, 0, 0 },
	{ "white, -50 dBFS", WHITE, -50, NULL, 0, 0, 0 },
	{ "white, -30 dBFS", WHITE, -30, NULL, 0, 0, 0 },
	{ "pink, -40 dBFS", PINK, -40, NULL, 0, 0, 0 },
	{ "brown, -36 dBFS", BROWN, -36, NULL, 0, 0, 0 },
	{ "hum, -36 dBFS", HUM, -36, NULL, 0, 0, 0 },
	{ "pink -40, on 7 s, off 7 s", PINK, -40, NULL, 0, 0, 7 },
	{ "white -30, on 1 s, off 1 s", WHITE, -30, NULL, 0, 0, 1 },
	{ "white -30, on 4 s, off 4 s", WHITE, -30, NULL, 0, 0, 4 },
	{ "brown -30, on 4 s, off 4 s", BROWN, -30, NULL, 0, 0, 4 },
	{ "keys, 4/s at -20, pink -60", PINK, -60, key, -20, 4, 0 },
	{ "keys, 8/s at -10, pink -60", PINK, -60, key, -10, 8, 0 },
	{ "bumps, 1/s at -15, pink -60", PINK, -60, bump, -15, 1, 0 },
	{ "bumps, 3/s at -15, zeros", ZEROS, -100, bump, -15, 3, 0 },
	{ "thuds, 1 in 3 s at -20, pink -60", PINK, -60, thud, -20, 0.33, 0 },
};

/* Frame i of it; *since: samples since the last event. */
static void trouble_frame(const struct trouble *t, size_t i, size_t *since, int16_t pcm[N])
{
	bool on = t->burst_s == 0 || fmod((double)i / 50, 2 * t->burst_s) < t->burst_s;
	double a = 32768 * pow(10, t->db / 20), ea = 32768 * pow(10, t->event_db / 20);

	for (size_t k = 0; k < N; k++) {
		if (t->event && uniform() < t->per_s / RATE && *since > 1600)
			*since = 0;
		/* between two bursts the room is still: each burst is a new noise */
		pcm[k] = clip((on ? a * noise(t->kind) : 6 * noise(FAINT)) +
			      (t->event ? ea * t->event((*since)++) : 0));
	}
}

/* --- files ------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(double *x, size_t n, double q)
{
	qsort(x, n, sizeof(*x), by_value);
	return n ? x[(size_t)((double)(n - 1) * q + 0.5)] : NAN;
}

static void label(struct file *f)
{
	size_t n = f->n / N, last = 0, voiced = 0;
	double *db = calloc(n, sizeof(*db)), *sorted = calloc(n, sizeof(*db)), peak = -100;

	f->speech = calloc(n, sizeof(bool));
	for (size_t i = 0; i < n; i++) {
		db[i] = level_of(f->pcm + i * N, N).rms_db;
		peak = fmax(peak, db[i]);
	}
	memcpy(sorted, db, n * sizeof(*db));
	double room = quantile(sorted, n, 0.1), least = fmax(peak - 30, fmin(room + 10, peak - 20));
	free(sorted);
	for (size_t i = 0; i < n; i++)
		f->speech[i] = db[i] > least && db[i] > -60;
	/* lone frames are not speech, short gaps (60 ms: a stop) are */
	for (size_t i = 1; i + 1 < n; i++)
		if (f->speech[i] && !f->speech[i - 1] && !f->speech[i + 1])
			f->speech[i] = false;
	f->onset = n;
	for (size_t i = 0; i < n; i++) {
		if (!f->speech[i])
			continue;
		if (f->onset == n)
			f->onset = i;
		else if (i - last <= 3)
			for (size_t k = last; k < i; k++)
				f->speech[k] = true;
		else
			f->longest_gap = MAX(f->longest_gap, i - last - 1);
		last = i;
		f->end = i + 1;
		f->rms += pow(10, db[i] / 10);
		voiced++;
	}
	f->rms = voiced ? 10 * log10(f->rms / (double)voiced) : -100;
	free(db);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static void load(const char *dir)
{
	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d)) && n_files < FILES;) {
		struct file *f = &files[n_files];
		char path[1024];

		if (!strstr(e->d_name, ".raw"))
			continue;
		snprintf(f->name, sizeof(f->name), "%s", e->d_name);
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		FILE *in = fopen(path, "rb");
		if (!in)
			continue;
		f->pcm = calloc(LONG, 2);
		f->n = fread(f->pcm, 2, LONG, in) / N * N;
		fclose(in);
		label(f);
		n_files++;
	}
	if (d)
		closedir(d);
	qsort(files, n_files, sizeof(files[0]), by_name);
}

/* --- a scene ------------------------------------------------------------------------------ */

struct scene {
	double level_db; /* of the speech */
	enum noise kind;
	double noise_db;
};

/* Returns samples; the caller frees *out. */
static size_t stage(const struct file *f, const struct scene *s, int16_t **out)
{
	size_t n = LEAD + f->n + TRAIL;
	double gain = pow(10, (s->level_db - f->rms) / 20), a = 32768 * pow(10, s->noise_db / 20);

	*out = calloc(n, 2);
	for (size_t i = 0; i < n; i++) {
		double x = i >= LEAD && i < LEAD + f->n ? gain * f->pcm[i - LEAD] : 0;

		(*out)[i] = clip(x + a * noise(s->kind));
	}
	return n;
}

static void dump_frame(const struct vad *v, bool speech)
{
	struct vad_view view = vad_view(v);

	printf("%d", speech);
	for (size_t k = 0; k < VAD_FEATURES; k++)
		printf(" %.4f", (double)view.features[k]);
	printf("\n");
}

static void dump(const struct file *f, const struct scene *s)
{
	struct vad *v = vad_new();
	int16_t *pcm;
	size_t n = stage(f, s, &pcm) / N;

	for (size_t i = 25; i < n; i++) {
		size_t at = i - LEAD / N;
		bool speech = i >= LEAD / N && at < f->n / N && f->speech[at];

		if (vad_push(v, pcm + i * N) >= 0)
			dump_frame(v, speech);
	}
	free(pcm);
	vad_free(v);
}

static void dump_trouble(const struct trouble *t)
{
	struct vad *v = vad_new();
	size_t since = 1 << 20;

	for (size_t i = 0; i < 6000; i++) {
		int16_t pcm[N];

		trouble_frame(t, i, &since, pcm);
		if (vad_push(v, pcm) >= 0 && i >= 25)
			dump_frame(v, false);
	}
	vad_free(v);
}

struct result {
	size_t files, missed, early, false_starts, hits, speech, false_frames, silent;
	double onset[FILES], offset[FILES], start_at[FILES];
	size_t n_onset, n_offset;
};

static void play(const struct file *f, const struct scene *s, struct result *r)
{
	struct vad *v = vad_new();
	struct endpoint e;
	int16_t *pcm;
	size_t n = stage(f, s, &pcm) / N;
	double onset = LEAD + (double)f->onset * N, end = LEAD + (double)f->end * N;
	bool heard = false, ended = false;

	endpoint_init(&e, &ENDPOINT_DEFAULTS);
	r->files++;
	for (size_t i = 0; i < n; i++) {
		float p = vad_push(v, pcm + i * N);
		struct endpoint_event ev = endpoint_push(&e, p);
		size_t at = i - LEAD / N;
		bool speech = i >= LEAD / N && at < f->n / N && f->speech[at];

		*(speech ? &r->speech : &r->silent) += 1;
		*(speech ? &r->hits : &r->false_frames) += p >= 0.5f;
		if (ev.kind == ENDPOINT_START &&
		    ((double)e.pos < onset - 0.3 * RATE || (double)ev.at > end)) {
			r->false_starts++;
		} else if (ev.kind == ENDPOINT_START && !heard) {
			heard = true;
			r->onset[r->n_onset] = ((double)e.pos - onset) / 16;
			r->start_at[r->n_onset++] = ((double)ev.at + 300 * 16 - onset) / 16;
		}
		if (ev.kind == ENDPOINT_END && heard && (double)e.pos < end) {
			r->early += f->longest_gap < 20;
		} else if (ev.kind == ENDPOINT_END && heard && !ended) {
			ended = true;
			r->offset[r->n_offset++] = ((double)ev.speech_end - end) / 16;
		}
	}
	r->missed += !heard;
	if (getenv("DETAIL"))
		printf("  %-40s speech %.2f..%.2f s gap %zu: start %+.0f end %+.0f\n", f->name,
		       onset / RATE, end / RATE, f->longest_gap,
		       heard ? r->onset[r->n_onset - 1] : NAN,
		       ended ? r->offset[r->n_offset - 1] : NAN);
	free(pcm);
	vad_free(v);
}

static const struct scene scenes[] = {
	{ -26, ZEROS, -100 }, { -10, ZEROS, -100 }, { -40, ZEROS, -100 }, { -26, FAINT, -65 },
	{ -26, WHITE, -46 },  { -26, WHITE, -36 },  { -26, PINK, -46 },	  { -26, PINK, -36 },
	{ -26, BROWN, -36 },  { -26, HUM, -36 },    { -40, PINK, -50 },	  { -40, WHITE, -50 },
	{ -10, PINK, -20 },   { -26, PINK, -31 },
};

static void table(const char *which)
{
	printf("\n%s\n", which);
	printf("speech noise    dBFS | files missed early false | start ms p50 p95 | found at p50 "
	       "p95"
	       " | end ms p50 p95 | frames hit%% false%%\n");
	for (size_t k = 0; k < ARRAY_LEN(scenes); k++) {
		static struct result r;

		r = (struct result){ 0 };
		for (size_t i = 1; i < n_files; i += 2)
			if (strncmp(files[i].name, which, strlen(which)) == 0)
				play(&files[i], &scenes[k], &r);
		if (!r.files)
			continue;
		printf("%6.0f %-8s %4.0f | %5zu %6zu %5zu %5zu | %12.0f %3.0f | %12.0f %3.0f |"
		       " %10.0f %3.0f | %10.1f %6.2f\n",
		       scenes[k].level_db, noise_names[scenes[k].kind], scenes[k].noise_db, r.files,
		       r.missed, r.early, r.false_starts, quantile(r.onset, r.n_onset, 0.5),
		       quantile(r.onset, r.n_onset, 0.95), quantile(r.start_at, r.n_onset, 0.5),
		       quantile(r.start_at, r.n_onset, 0.95), quantile(r.offset, r.n_offset, 0.5),
		       quantile(r.offset, r.n_offset, 0.95),
		       100.0 * (double)r.hits / (double)r.speech,
		       100.0 * (double)r.false_frames / (double)r.silent);
	}
}

/* --- what is not speech ------------------------------------------------------------------- */

static void hour(const struct trouble *t)
{
	struct vad *v = vad_new();
	struct endpoint e;
	size_t starts = 0, hits = 0, since = 1 << 20;
	struct timespec t0, t1;
	double spent = 0;

	endpoint_init(&e, &ENDPOINT_DEFAULTS);
	for (size_t i = 0; i < HOUR; i++) {
		int16_t pcm[N];

		trouble_frame(t, i, &since, pcm);
		clock_gettime(CLOCK_MONOTONIC, &t0);
		float p = vad_push(v, pcm);
		clock_gettime(CLOCK_MONOTONIC, &t1);
		spent += (double)(t1.tv_sec - t0.tv_sec) * 1e9 + (double)(t1.tv_nsec - t0.tv_nsec);
		hits += p >= 0.5f;
		starts += endpoint_push(&e, p).kind == ENDPOINT_START;
	}
	printf("%-34s %3zu starts/h  %7.3f %% of frames  %5.0f ns/frame\n", t->name, starts,
	       100.0 * (double)hits / HOUR, spent / HOUR);
	vad_free(v);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return fprintf(stderr, "usage: %s DIRECTORY [--dump]\n", argv[0]), 2;
	load(argv[1]);
	if (argc > 2) {
		for (size_t i = 0; i < n_files; i += 2)
			for (size_t k = 0; k < ARRAY_LEN(scenes); k++)
				dump(&files[i], &scenes[k]);
		for (size_t i = 0; i < ARRAY_LEN(troubles); i++)
			dump_trouble(&troubles[i]);
		return 0;
	}
	table("human");
	table("f"); /* flite, festival */
	printf("\nan hour of what is not speech\n");
	for (size_t i = 0; i < ARRAY_LEN(troubles); i++)
		hour(&troubles[i]);
	return 0;
}
