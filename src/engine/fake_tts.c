#include "engine/fake_inner.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"

enum { TTS_RATE_HZ = 16000, CHUNK = TTS_RATE_HZ / 10, LETTER_MS = 60, WORD_MIN_MS = 120 };

static void deliver_word(struct fake_work *w, struct fake_event *e)
{
	((const struct tts_sink *)w->sink)->on_word(w->owner, w->ticket, e->text, e->at, e->n);
}

/* The mouth is open as long as a word lasts: viseme 2. */
static void deliver_viseme(struct fake_work *w, struct fake_event *e)
{
	((const struct tts_sink *)w->sink)->on_viseme(w->owner, w->ticket, (unsigned)e->n, e->at);
}

static void deliver_audio(struct fake_work *w, struct fake_event *e)
{
	int16_t pcm[CHUNK];

	/* A square wave of 200 Hz: each sample depends on its place alone. */
	for (size_t i = 0; i < e->n; i++)
		pcm[i] = (e->at + i) / (TTS_RATE_HZ / 400) % 2 ? 8000 : -8000;
	((const struct tts_sink *)w->sink)->on_audio(w->owner, w->ticket, pcm, e->n);
}

static void deliver_spoken(struct fake_work *w, struct fake_event *e)
{
	(void)e;
	((const struct tts_sink *)w->sink)->on_done(w->owner, w->ticket);
}

static const struct tts_voice fake_voices[] = {
	{ "alloy", "a tone of 200 Hz" },
	{ NULL, NULL },
};

static size_t word_samples(const char *word, size_t n, double speed)
{
	unsigned ms = 0;

	for (size_t i = 0; i < n; i++)
		ms += isalnum((unsigned char)word[i]) ? LETTER_MS : 0;
	return (size_t)(MAX(ms, (unsigned)WORD_MIN_MS) * (TTS_RATE_HZ / 1000) / speed);
}

/* Announces every word; returns the samples of all. */
static size_t say_words(struct fake_work *w, const char *text, double speed, bool visemes)
{
	size_t total = 0;

	for (const char *p = text; *(p += strspn(p, " \t\n"));) {
		size_t len = strcspn(p, " \t\n"), n = word_samples(p, len, speed);
		struct fake_event *e = fake_work_add(w, 0, deliver_word, p);

		if (e) {
			e->text[len] = '\0';
			e->at = total;
			e->n = n;
		}
		e = visemes ? fake_work_add(w, 0, deliver_viseme, NULL) : NULL;
		if (e) {
			e->at = total;
			e->n = 2;
		}
		total += n;
		p += len;
	}
	return total;
}

static int keep_clause(struct fake *f, const char *text)
{
	char *copy = mem_strdup(text);

	if (!copy)
		return -ENOMEM;
	pthread_mutex_lock(&f->lock);
	mem_free(f->last_clause);
	f->last_clause = copy;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

static void speak(struct fake_work *w, const char *text, double speed, bool visemes)
{
	const struct fake_delays *d = &w->fake->delays;
	size_t total = say_words(w, text, speed, visemes);
	uint64_t after = d->first_us;

	for (size_t at = 0; at < total; at += CHUNK, after += d->chunk_us) {
		struct fake_event *e = fake_work_add(w, after, deliver_audio, NULL);

		if (!e)
			return;
		e->at = at;
		e->n = MIN(total - at, (size_t)CHUNK);
	}
	struct fake_event *done = fake_work_add(w, after, deliver_spoken, NULL);
	if (done)
		done->last = true;
}

static int fake_tts_start(struct tts *e, struct tts_job **out, const char *text,
			  const struct tts_params *p, struct loop *loop,
			  const struct tts_sink *sink, void *owner, uint64_t ticket)
{
	struct fake *f = e->fake;

	if (keep_clause(f, text) != 0)
		return -ENOMEM;
	struct fake_work *w = fake_work_new(f, KIND_TTS, loop, sink, owner, ticket);
	if (!w)
		return -ENOMEM;

	struct fake_line *l = fake_script_take(f, KIND_TTS);
	if (l) {
		struct fake_event *err =
			fake_work_add(w, f->delays.first_us, fake_deliver_error, l->text);

		if (err)
			err->last = true;
		fake_line_free(l);
	} else {
		speak(w, text, p && p->speed > 0 ? p->speed : 1.0,
		      p && p->visemes && sink->on_viseme);
	}
	*out = CONTAINER_OF(w, struct tts_job, w);
	return 0;
}

static void fake_tts_cancel(struct tts_job *j)
{
	fake_work_over(&j->w);
}

static void fake_tts_free(struct tts *e)
{
	fake_end_work(e->fake, KIND_TTS);
}

const struct tts_ops fake_tts_ops = {
	.name = "fake",
	.rate_hz = TTS_RATE_HZ,
	.voices = fake_voices,
	.start = fake_tts_start,
	.cancel = fake_tts_cancel,
	.free = fake_tts_free,
};
