#include "engine/tts_flite.h"

#include <errno.h>
#include <flite/flite.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/relay.h"
#include "engine/speakable.h"
#include "engine/viseme.h"

enum {
	RATE_HZ = 16000,
	FIRST_CHUNK = RATE_HZ / 25, /* 40 ms: the sooner the better */
	CHUNK = RATE_HZ / 10,
	CHUNK_MAX = CHUNK * 2, /* Flite gives whole frames: a little more than was asked */
	ONSET = RATE_HZ / 100, /* kept before the first sound and after the last */
	PAUSE = RATE_HZ / 10,  /* after a clause that ends in punctuation */
};

/* Flite's voice libraries have no headers. */
cst_voice *register_cmu_us_slt(const char *voxdir);
cst_voice *register_cmu_us_rms(const char *voxdir);
cst_voice *register_cmu_us_awb(const char *voxdir);
cst_voice *register_cmu_us_kal16(const char *voxdir);

enum speaker { SLT, RMS, AWB, KAL16, N_SPEAKERS };

static cst_voice *(*const registers[N_SPEAKERS])(const char *voxdir) = {
	[SLT] = register_cmu_us_slt,
	[RMS] = register_cmu_us_rms,
	[AWB] = register_cmu_us_awb,
	[KAL16] = register_cmu_us_kal16,
};

/* Same order as `settings`. */
static const struct tts_voice voices[] = {
	{ "alloy", "a woman, as recorded (slt)" },
	{ "ash", "a man, as recorded (rms)" },
	{ "ballad", "a Scottish man (awb)" },
	{ "coral", "a woman, a little higher and quicker (slt)" },
	{ "echo", "a man, an older kind of synthesis (kal)" },
	{ "sage", "a woman, lower and calmer (slt)" },
	{ "shimmer", "a woman, high (slt)" },
	{ "verse", "a man, higher and quicker (rms)" },
	{ "marin", "a woman, a little higher (slt)" },
	{ "cedar", "a man, low and calm (rms)" },
	{ NULL, NULL },
};

static const struct setting {
	enum speaker speaker;
	float pitch, stretch;
} settings[ARRAY_LEN(voices) - 1] = {
	{ SLT, 1.0f, 1.0f },	{ RMS, 1.0f, 0.95f },  { AWB, 1.0f, 1.0f },  { SLT, 1.12f, 0.95f },
	{ KAL16, 1.0f, 1.05f }, { SLT, 0.9f, 1.06f },  { SLT, 1.22f, 1.0f }, { RMS, 1.14f, 0.9f },
	{ SLT, 1.06f, 1.0f },	{ RMS, 0.88f, 1.02f },
};

struct tts {
	struct relay_set set;
};

struct tts_job {
	struct relay relay;
	const struct setting *setting;
	float stretch;
	char *written;
	struct speakable text;

	bool visemes;

	/* While Flite runs, in samples of its wave. */
	bool begun;
	size_t lead, end;
};

/* Voices are registered once and live as long as the process. A voice is read-only while
 * it speaks: what varies is set in the utterance, whose features shadow the voice's. */
static cst_voice *speakers[N_SPEAKERS];
static pthread_once_t speakers_once = PTHREAD_ONCE_INIT;

static void register_speakers(void)
{
	flite_init();
	for (size_t i = 0; i < N_SPEAKERS; i++)
		speakers[i] = registers[i](NULL);
}

/* --- to the sink ------------------------------------------------------------------- */

static const struct tts_sink *sink_of(const struct relay *r)
{
	return r->sink;
}

struct audio {
	size_t n;
	int16_t pcm[CHUNK_MAX];
};

struct word {
	size_t sample, n;
	char text[128];
};

static void deliver_audio(struct relay *r, void *payload)
{
	const struct audio *a = payload;

	sink_of(r)->on_audio(r->owner, r->ticket, a->pcm, a->n);
}

static void deliver_word(struct relay *r, void *payload)
{
	const struct word *w = payload;

	sink_of(r)->on_word(r->owner, r->ticket, w->text, w->sample, w->n);
}

struct mouth {
	size_t sample;
	unsigned viseme;
};

static void deliver_viseme(struct relay *r, void *payload)
{
	const struct mouth *m = payload;

	sink_of(r)->on_viseme(r->owner, r->ticket, m->viseme, m->sample);
}

static void deliver_done(struct relay *r, void *payload)
{
	(void)payload;
	sink_of(r)->on_done(r->owner, r->ticket);
}

static void on_lost(struct relay *r)
{
	sink_of(r)->on_error(r->owner, r->ticket, &relay_no_memory);
}

static void send_audio(struct tts_job *j, const int16_t *pcm, size_t n)
{
	struct audio a;

	for (size_t len; n > 0; pcm += len, n -= len) {
		len = MIN(n, ARRAY_LEN(a.pcm));
		a.n = len;
		memcpy(a.pcm, pcm, len * sizeof(*pcm));
		relay_send(&j->relay, RELAY_MORE, deliver_audio, &a,
			   offsetof(struct audio, pcm) + len * sizeof(*pcm));
	}
}

/* --- times ---------------------------------------------------------------------------- */

static size_t samples(float seconds)
{
	return seconds > 0 ? (size_t)(seconds * RATE_HZ) : 0;
}

static bool is_pause(const cst_item *segment)
{
	return strcmp(item_feat_string(segment, "name"), "pau") == 0;
}

/* From where to where there is sound. */
static void find_sound(struct tts_job *j, const cst_utterance *u)
{
	cst_item *first = relation_head(utt_relation(u, "Segment"));
	cst_item *last = relation_tail(utt_relation(u, "Segment"));
	size_t lead = 0;

	for (; first && is_pause(first); first = item_next(first))
		lead = samples(item_feat_float(first, "end"));
	while (last && is_pause(last))
		last = item_prev(last);
	j->lead = lead > ONSET ? lead - ONSET : 0;
	j->end = last ? samples(item_feat_float(last, "end")) + ONSET : j->lead;
}

/* The written word i with the silent ones behind it (and, for the first, before it). */
static void word_text(const struct tts_job *j, size_t i, size_t first, struct word *w)
{
	size_t n_words = speakable_words(&j->text);
	size_t at = i == first ? 0 : speakable_word(&j->text, i).at, end, n;

	do
		end = speakable_word(&j->text, i).at + speakable_word(&j->text, i).n;
	while (++i < n_words && speakable_word(&j->text, i).n_spoken == 0);
	n = MIN(end - at, sizeof(w->text) - 1);
	/* Not in the middle of a character. */
	while (n < end - at && n > 0 && (j->written[at + n] & 0xc0) == 0x80)
		n--;
	memcpy(w->text, j->written + at, n);
	w->text[n] = '\0';
}

static void send_words(struct tts_job *j, const cst_utterance *u)
{
	cst_item *token = relation_head(utt_relation(u, "Token"));
	size_t n_words = speakable_words(&j->text), first = SIZE_MAX;

	for (size_t i = 0; i < n_words; i++) {
		uint32_t n = speakable_word(&j->text, i).n_spoken;
		cst_item *from = NULL, *to = NULL;

		for (; n > 0 && token; n--, token = item_next(token)) {
			from = from ? from : item_daughter(token);
			to = item_last_daughter(token) ? item_last_daughter(token) : to;
		}
		if (!from || !to)
			continue;
		first = MIN(first, i);
		size_t start = samples(flite_ffeature_float(
			from, "R:SylStructure.daughter1.daughter1.R:Segment.p.end"));
		size_t end = samples(flite_ffeature_float(
			to, "R:SylStructure.daughtern.daughtern.R:Segment.end"));
		struct word w = { .sample = start > j->lead ? start - j->lead : 0,
				  .n = end > start ? end - start : 0 };

		word_text(j, i, first, &w);
		relay_send(&j->relay, RELAY_MORE, deliver_word, &w,
			   offsetof(struct word, text) + strlen(w.text) + 1);
	}
}

static void send_visemes(struct tts_job *j, const cst_utterance *u)
{
	size_t start = 0;

	for (cst_item *s = relation_head(utt_relation(u, "Segment")); s; s = item_next(s)) {
		size_t end = samples(item_feat_float(s, "end"));

		if (end > j->lead && start < j->end)
			relay_send(&j->relay, RELAY_MORE, deliver_viseme,
				   &(struct mouth){ start > j->lead ? start - j->lead : 0,
						    viseme_of(item_feat_string(s, "name")) },
				   sizeof(struct mouth));
		start = end;
	}
}

/* --- work on a pool thread --------------------------------------------------------------- */

/* Flite's callback: `size` more samples of the wave are ready. */
static int on_chunk(const cst_wave *w, int start, int size, int last, cst_audio_streaming_info *asi)
{
	struct tts_job *j = asi->userdata;

	(void)last;
	if (relay_cancelled(&j->relay))
		return CST_AUDIO_STREAM_STOP;
	if (!j->begun) {
		find_sound(j, asi->utt);
		send_words(j, asi->utt);
		if (j->visemes)
			send_visemes(j, asi->utt);
		j->begun = true;
	}
	size_t from = MAX((size_t)start, j->lead), to = MIN((size_t)(start + size), j->end);
	if (from < to) {
		send_audio(j, w->samples + from, to - from);
		asi->min_buffsize = CHUNK;
	}
	return CST_AUDIO_STREAM_CONT;
}

static void synthesize(struct tts_job *j)
{
	cst_voice *voice = speakers[j->setting->speaker];
	cst_utterance *u = new_utterance();
	cst_audio_streaming_info *asi = new_audio_streaming_info();
	/* kal16 has a pace of its own: ours is relative to it. */
	float own = flite_get_param_float(voice->features, "duration_stretch", 1.0f);

	asi->min_buffsize = FIRST_CHUNK;
	asi->asc = on_chunk;
	asi->userdata = j;
	flite_feat_set(u->features, "streaming_info", audio_streaming_info_val(asi));
	flite_feat_set_float(u->features, "duration_stretch", own * j->stretch);
	flite_feat_set_float(u->features, "f0_shift", j->setting->pitch);
	utt_set_input_text(u, (const char *)j->text.text.p);
	u = flite_do_synth(u, voice, utt_synth);
	if (u)
		delete_utterance(u);
}

static void work(struct relay *r)
{
	static const int16_t silence[PAUSE];
	struct tts_job *j = CONTAINER_OF(r, struct tts_job, relay);
	struct buf *said = &j->text.text;

	if (speakable_make(&j->text, bytes_str(j->written)) != 0) {
		relay_lose(&j->relay);
		return;
	}
	if (said->n) {
		synthesize(j);
		if (strchr(".,;:!?", said->p[said->n - 1]))
			send_audio(j, silence, PAUSE);
	}
	relay_send(&j->relay, RELAY_LAST, deliver_done, NULL, 0);
}

/* --- the caller's side ---------------------------------------------------------------------- */

static void on_free(struct relay *r)
{
	struct tts_job *j = CONTAINER_OF(r, struct tts_job, relay);

	speakable_done(&j->text);
	mem_free(j->written);
	mem_free(j);
}

static const struct relay_ops job_ops = { .work = work, .on_lost = on_lost, .on_free = on_free };

static const struct setting *find_setting(const char *voice)
{
	for (size_t i = 0; voice && i < ARRAY_LEN(settings); i++)
		if (strcmp(voices[i].name, voice) == 0)
			return &settings[i];
	return &settings[0];
}

static int flite_start(struct tts *e, struct tts_job **out, const char *text,
		       const struct tts_params *p, struct loop *loop, const struct tts_sink *sink,
		       void *owner, uint64_t ticket)
{
	struct tts_job *j = mem_zalloc(sizeof(*j));
	double speed = p && p->speed > 0 ? MIN(MAX(p->speed, 0.25), 4.0) : 1.0;

	if (!j || !(j->written = mem_strdup(text))) {
		mem_free(j);
		return -ENOMEM;
	}
	j->setting = find_setting(p ? p->voice : NULL);
	j->stretch = j->setting->stretch / (float)speed;
	j->visemes = p && p->visemes && sink->on_viseme;
	*out = j;
	relay_run(&j->relay, &job_ops, &e->set, &(struct relay_to){ loop, sink, owner, ticket });
	return 0;
}

static void flite_cancel(struct tts_job *j)
{
	relay_cancel(&j->relay);
}

static void flite_free(struct tts *e)
{
	if (!e)
		return;
	relay_set_done(&e->set);
	mem_free(e);
}

int tts_flite_new(struct tts **out, struct pool *turn)
{
	struct tts *e = mem_zalloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	pthread_once(&speakers_once, register_speakers);
	relay_set_init(&e->set, turn);
	*out = e;
	return 0;
}

void tts_flite_warm(void)
{
	pthread_once(&speakers_once, register_speakers);
	cst_wave *w = flite_text_to_wave("Ready.", speakers[settings[0].speaker]);
	if (w)
		delete_wave(w);
}

const struct tts_ops tts_flite_ops = {
	.name = "flite", .rate_hz = RATE_HZ, .voices = voices, .start = flite_start,
	.cancel = flite_cancel, .free = flite_free,
};
