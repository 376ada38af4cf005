/* transcriptions.c - POST /v1/audio/transcriptions: the words of an audio file.
 *
 * Decoded and cut at pauses on the turn pool; then one stretch after the other goes to the
 * recogniser, so that long recordings do not need its longest turn, times are known, and the words
 * of a stream leave as they are found.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/serving.h"
#include "api/stretches.h"
#include "base/alloc.h"
#include "base/pool.h"
#include "media/sound_file.h"
#include "net/multipart.h"

enum {
	MAX_S = 1800,
	TEXT_LEN = 2048,
	WORD_LEN = 64,
	RETRY_US = 50 * US_PER_MS,      /* while no decoder is free, or the engine has no room */
	PATIENCE_US = 30 * US_PER_S,
};

struct transcription;

/* How the words are shown. */
struct shape {
	const char *name, *type;
	void (*write)(const struct transcription *t, struct buf *to);
	bool streams;
};

struct transcription {
	struct job job; /* decoding */
	struct serving serving;
	struct bytes file; /* the exchange's */
	const struct shape *shape;
	char language[WORD_LEN], prompt[TEXT_LEN];
	bool stream;
	bool busy; /* the job runs */

	struct sound sound;
	enum sound_verdict verdict;
	struct buf stretches; /* of struct stretch */
	size_t at;            /* which one is heard */

	struct stt_turn *turn;
	uint64_t ticket, since_us; /* the turn's; waiting for a decoder since */
	size_t fed;
	struct timer retry;
	struct buf *texts; /* one for each stretch */
	bool broken;
};

static const struct engine_error no_memory = { "server_error", "The server is out of memory." };

static const struct stretch *stretch_of(const struct transcription *t, size_t i)
{
	return (const struct stretch *)(const void *)t->stretches.p + i;
}

static size_t n_stretches(const struct transcription *t)
{
	return t->stretches.n / sizeof(struct stretch);
}

static void transcription_free(struct transcription *t)
{
	if (t->serving.loop)
		timer_stop(t->serving.loop, &t->retry);
	if (t->turn)
		t->serving.reach.engines->stt_ops->cancel(t->turn);
	t->turn = NULL;
	/* While the job runs the file must stay: the exchange goes with the job's end. */
	if (t->busy)
		return;
	serving_drop(&t->serving);
	for (size_t i = 0; t->texts && i < n_stretches(t); i++)
		buf_done(&t->texts[i]);
	mem_free(t->texts);
	sound_done(&t->sound);
	buf_done(&t->stretches);
	mem_free(t);
}

static void fail(struct transcription *t, unsigned status, const char *code, const char *message)
{
	serving_fail(&t->serving, status, &(struct engine_error){ code, message });
	transcription_free(t);
}

/* --- shapes ---------------------------------------------------------------------------------------- */

static double seconds(size_t samples)
{
	return (double)samples / STT_RATE_HZ;
}

static const char *text_of(const struct transcription *t, size_t i)
{
	return t->texts[i].n ? (const char *)t->texts[i].p : "";
}

/* All words, with blanks between the stretches. */
static void put_words(const struct transcription *t, struct buf *to)
{
	for (size_t i = 0, n = to->n; i < n_stretches(t); i++)
		if (text_of(t, i)[0])
			buf_printf(to, "%s%s", to->n > n ? " " : "", text_of(t, i));
}

static json_t *words_json(const struct transcription *t)
{
	AUTO(buf) struct buf b = { 0 };

	put_words(t, &b);
	return b.failed ? NULL : json_stringn(b.p ? (const char *)b.p : "", b.n);
}

static json_t *usage_json(const struct transcription *t)
{
	return json_pack("{s:s,s:f}", "type", "duration", "seconds", seconds(sound_samples(&t->sound)));
}

static void write_json(const struct transcription *t, struct buf *to)
{
	AUTO(json) json_t *o = json_pack("{s:o,s:o}", "text", words_json(t), "usage", usage_json(t));

	json_write(to, o);
	to->failed |= !o;
}

static void write_text(const struct transcription *t, struct buf *to)
{
	put_words(t, to);
	buf_putc(to, '\n');
}

static json_t *segment_json(const struct transcription *t, size_t i)
{
	const struct stretch *s = stretch_of(t, i);

	return json_pack("{s:I,s:i,s:f,s:f,s:s,s:[],s:f,s:f,s:f,s:f}", "id", (json_int_t)i, "seek", 0, "start",
			 seconds(s->from), "end", seconds(s->from + s->n), "text", text_of(t, i), "tokens",
			 "temperature", 0.0, "avg_logprob", 0.0, "compression_ratio", 1.0, "no_speech_prob", 0.0);
}

static void write_verbose(const struct transcription *t, struct buf *to)
{
	AUTO(json) json_t *list = json_array();
	bool english = !t->language[0] || strncmp(t->language, "en", 2) == 0;

	for (size_t i = 0; i < n_stretches(t); i++)
		to->failed |= json_array_append_new(list, segment_json(t, i)) != 0;
	AUTO(json)
	json_t *o = json_pack("{s:s,s:s,s:f,s:o,s:O,s:o}", "task", "transcribe", "language",
			      english ? "english" : t->language, "duration",
			      seconds(sound_samples(&t->sound)), "text", words_json(t), "segments", list,
			      "usage", usage_json(t));
	json_write(to, o);
	to->failed |= !o;
}

static void put_time(struct buf *to, size_t samples, char point)
{
	unsigned long ms = (unsigned long)(samples * 1000 / STT_RATE_HZ);

	buf_printf(to, "%02lu:%02lu:%02lu%c%03lu", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, point, ms % 1000);
}

static void put_cue(const struct transcription *t, size_t i, char point, struct buf *to)
{
	const struct stretch *s = stretch_of(t, i);

	put_time(to, s->from, point);
	buf_puts(to, " --> ");
	put_time(to, s->from + s->n, point);
	buf_printf(to, "\n%s\n\n", text_of(t, i));
}

static void write_srt(const struct transcription *t, struct buf *to)
{
	for (size_t i = 0, shown = 0; i < n_stretches(t); i++) {
		if (!text_of(t, i)[0])
			continue;
		buf_printf(to, "%zu\n", ++shown);
		put_cue(t, i, ',', to);
	}
}

static void write_vtt(const struct transcription *t, struct buf *to)
{
	buf_puts(to, "WEBVTT\n\n");
	for (size_t i = 0; i < n_stretches(t); i++)
		if (text_of(t, i)[0])
			put_cue(t, i, '.', to);
}

static const struct shape shapes[] = {
	{ "json", "application/json", write_json, true },
	{ "text", "text/plain; charset=utf-8", write_text, true },
	{ "verbose_json", "application/json", write_verbose, false },
	{ "srt", "application/x-subrip", write_srt, false },
	{ "vtt", "text/vtt", write_vtt, false },
};

/* --- the answer -------------------------------------------------------------------------------------- */

/* One more stretch has its words. false: nobody reads. */
static bool send_delta(struct transcription *t, size_t i)
{
	bool first = true;

	for (size_t k = 0; k < i; k++)
		first &= !text_of(t, k)[0];
	if (!t->stream || !text_of(t, i)[0])
		return true;
	AUTO(buf) struct buf b = { 0 };
	buf_printf(&b, "%s%s", first ? "" : " ", text_of(t, i));
	return serving_open(&t->serving, SERVING_EVENTS) && !b.failed &&
	       serving_event(&t->serving, json_pack("{s:s,s:s#}", "type", "transcript.text.delta", "delta",
						    (char *)b.p, b.n));
}

static void finish_stream(struct transcription *t)
{
	if (serving_open(&t->serving, SERVING_EVENTS) &&
	    serving_event(&t->serving, json_pack("{s:s,s:o,s:o}", "type", "transcript.text.done", "text",
						 words_json(t), "usage", usage_json(t))))
		serving_end(&t->serving);
}

static void finish(struct transcription *t)
{
	AUTO(buf) struct buf b = { 0 };

	if (t->stream) {
		finish_stream(t);
		transcription_free(t);
		return;
	}
	t->shape->write(t, &b);
	if (b.failed) {
		fail(t, 503, no_memory.code, no_memory.message);
		return;
	}
	serving_reply_text(&t->serving, t->shape->type, buf_bytes(&b));
	transcription_free(t);
}

/* --- hearing ------------------------------------------------------------------------------------------ */

static void hear_next(struct transcription *t);
static void feed(struct transcription *t);

static void on_nothing(void *owner, uint64_t ticket, const char *text)
{
	(void)owner, (void)ticket, (void)text;
}

static void on_final(void *owner, uint64_t ticket, const char *text)
{
	struct transcription *t = owner;

	if (!t->turn || t->ticket != ticket)
		return;
	t->turn = NULL;
	buf_puts(&t->texts[t->at], text);
	if (t->texts[t->at].failed)
		fail(t, 503, no_memory.code, no_memory.message);
	else if (!send_delta(t, t->at))
		transcription_free(t);
	else {
		t->at++;
		hear_next(t);
	}
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	struct transcription *t = owner;

	if (!t->turn || t->ticket != ticket)
		return;
	t->turn = NULL;
	fail(t, 503, e->code, e->message);
}

static const struct stt_sink sink = { on_nothing, on_nothing, on_final, on_error };

static void try_again(struct transcription *t, void (*on_due)(struct timer *t))
{
	t->retry.on_due = on_due;
	if (timer_set(t->serving.loop, &t->retry, loop_now_us(t->serving.loop) + RETRY_US) != 0)
		fail(t, 503, no_memory.code, no_memory.message);
}

static void on_retry_feed(struct timer *timer)
{
	feed(CONTAINER_OF(timer, struct transcription, retry));
}

static void on_retry_begin(struct timer *timer)
{
	hear_next(CONTAINER_OF(timer, struct transcription, retry));
}

static void charge(struct transcription *t, size_t samples)
{
	const struct engines *e = t->serving.reach.engines;
	const struct bill b = e->stt_ops->bill ? e->stt_ops->bill(t->turn)
					       : (struct bill){ e->stt_price, e->stt_meter };

	serving_charge(&t->serving, b.meter, cost_audio_of(samples, b.price));
}

/* As much as the engine has room for. */
static void feed(struct transcription *t)
{
	const struct stt_ops *ops = t->serving.reach.engines->stt_ops;
	const struct stretch *s = stretch_of(t, t->at);
	size_t left = s->n - t->fed, n = ops->room ? MIN(left, ops->room(t->turn)) : left;

	if (n) {
		ops->push(t->turn, sound_pcm(&t->sound) + s->from + t->fed, n);
		charge(t, n);
	}
	t->fed += n;
	if (t->fed < s->n)
		try_again(t, on_retry_feed);
	else
		ops->end(t->turn);
}

static void hear_next(struct transcription *t)
{
	const struct engines *e = t->serving.reach.engines;
	const struct stt_params p = { .language = t->language[0] ? t->language : NULL,
				      .collection = t->serving.reach.collection,
				      .prompt = t->prompt[0] ? t->prompt : NULL };
	uint64_t now = loop_now_us(t->serving.loop);

	if (t->at == n_stretches(t)) {
		finish(t);
		return;
	}
	t->fed = 0;
	int r = e->stt_ops->begin(e->stt, &t->turn, &p, t->serving.loop, &sink, t, ++t->ticket);
	if (r != 0)
		t->turn = NULL;
	t->since_us = r == -EAGAIN && t->since_us ? t->since_us : now;
	if (r == 0) {
		t->since_us = 0;
		feed(t);
	} else if (r == -EAGAIN && now - t->since_us < PATIENCE_US) {
		try_again(t, on_retry_begin);
	} else {
		fail(t, 503, r == -EAGAIN ? "engine_busy" : "engine_unavailable",
		     r == -EAGAIN ? "All recognisers are busy. Please try again later." :
				    "The recogniser could not be started.");
	}
}

/* --- decoding ------------------------------------------------------------------------------------------- */

static void decode(struct job *j)
{
	struct transcription *t = CONTAINER_OF(j, struct transcription, job);

	t->verdict = sound_read(t->file, STT_RATE_HZ, MAX_S, &t->sound);
	if (t->verdict == SOUND_OK)
		t->broken = stretches_find(sound_pcm(&t->sound), sound_samples(&t->sound), &t->stretches) != 0;
}

static void decoded(struct job *j)
{
	struct transcription *t = CONTAINER_OF(j, struct transcription, job);

	t->busy = false;
	if (exchange_gone(t->serving.ex)) {
		transcription_free(t);
		return;
	}
	if (t->verdict == SOUND_OK)
		t->texts = mem_calloc(n_stretches(t) + 1, sizeof(*t->texts));
	if (t->verdict == SOUND_NO_MEMORY || t->broken || (t->verdict == SOUND_OK && !t->texts))
		fail(t, 503, no_memory.code, no_memory.message);
	else if (t->verdict == SOUND_TOO_LONG)
		fail(t, 400, "audio_too_long", "The audio is too long: 30 minutes at most.");
	else if (t->verdict != SOUND_OK)
		fail(t, 400, "invalid_audio", sound_why(t->verdict));
	else
		hear_next(t);
}

static void on_gone(struct serving *v)
{
	struct transcription *t = CONTAINER_OF(v, struct transcription, serving);

	transcription_free(t);
}

static const struct serving_ops serving_ops = { .on_gone = on_gone };

/* --- the form --------------------------------------------------------------------------------------------- */

static const char *take_language(struct transcription *t, const char *text)
{
	if (strlen(text) >= sizeof(t->language))
		return "language is a code such as 'en'.";
	snprintf(t->language, sizeof(t->language), "%s", text);
	return NULL;
}

static const char *take_prompt(struct transcription *t, const char *text)
{
	snprintf(t->prompt, sizeof(t->prompt), "%s", text);
	return NULL;
}

static const char *take_shape(struct transcription *t, const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		if (strcmp(shapes[i].name, text) == 0) {
			t->shape = &shapes[i];
			return NULL;
		}
	return "response_format is json, text, verbose_json, srt or vtt.";
}

static const char *take_stream(struct transcription *t, const char *text)
{
	t->stream = strcmp(text, "true") == 0 || strcmp(text, "True") == 0 || strcmp(text, "1") == 0;
	return NULL;
}

static const char *take_granularity(struct transcription *t, const char *text)
{
	(void)t;
	return strcmp(text, "segment") == 0 ? NULL : "Times of words are not measured here: ask for 'segment'.";
}

/* Others (model, temperature, include, chunking_strategy) are taken and have no effect. */
static const struct {
	const char *name;
	const char *(*take)(struct transcription *t, const char *text); /* NULL, or what is wrong */
} fields[] = {
	{ "language", take_language },
	{ "prompt", take_prompt },
	{ "response_format", take_shape },
	{ "stream", take_stream },
	{ "timestamp_granularities[]", take_granularity },
	{ "timestamp_granularities", take_granularity },
};

static struct serving_wrong take_field(struct transcription *t, const struct multipart_part *p)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		char text[TEXT_LEN];
		size_t n = MIN(p->body.n, sizeof(text) - 1);

		if (!bytes_is(p->name, fields[i].name) || !n)
			continue;
		memcpy(text, p->body.p, n);
		text[n] = 0;
		while (n && ((uint8_t)text[n - 1] & 0xc0) == 0x80 && p->body.n > n)
			text[--n] = 0; /* not in the middle of a character */
		return (struct serving_wrong){ fields[i].name, fields[i].take(t, text) };
	}
	return (struct serving_wrong){ 0 };
}

static struct serving_wrong take_form(struct transcription *t, const struct http_request *q)
{
	struct multipart form;

	if (multipart_parse(http_header(q, "content-type"), q->body, &form) != MULTIPART_OK)
		return (struct serving_wrong){ "file", "Send multipart/form-data with a file and a model." };
	for (size_t i = 0; i < form.n; i++) {
		struct serving_wrong w = take_field(t, &form.parts[i]);

		if (w.why)
			return w;
	}
	const struct multipart_part *file = multipart_find(&form, "file");
	if (!file)
		return (struct serving_wrong){ "file", "The form holds no file." };
	t->file = file->body;
	if (t->stream && !t->shape->streams)
		return (struct serving_wrong){ "stream", "Only json and text are streamed." };
	return (struct serving_wrong){ 0 };
}

void post_transcriptions(struct request *r)
{
	if (seat_holds(r, post_transcriptions))
		return;
	struct transcription *t = mem_zalloc(sizeof(*t));
	if (!t) {
		reply_no_memory(r->ex);
		return;
	}
	t->shape = &shapes[0];
	struct serving_wrong w = take_form(t, r->http);
	if (w.why)
		serving_refuse(r->ex, &w);
	if (w.why || !seat_reach(r, &t->serving.reach) || !serving_begin(&t->serving, r, &serving_ops)) {
		transcription_free(t);
	} else if (!t->serving.reach.engines->stt_ops) {
		fail(t, 503, "engine_unavailable", "No recogniser is configured.");
	} else {
		t->busy = true;
		t->job = (struct job){ .work = decode, .done = decoded, .loop = r->seat->loop };
		pool_run(t->serving.api->p.turn, &t->job);
	}
}
