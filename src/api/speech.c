/* speech.c - POST /v1/audio/speech: a text aloud, its first octets while the rest is being spoken.
 *
 * Clause after clause goes to the voice; what it says is brought to 24 kHz and encoded on the turn
 * pool, one piece at a time, and leaves at once. The next clause waits while the client does not read.
 */
#include <stdio.h>
#include <string.h>

#include "api/serving.h"
#include "base/alloc.h"
#include "base/b64.h"
#include "base/pool.h"
#include "engine/clause.h"
#include "media/resample.h"
#include "media/sound_file.h"

enum { INPUT_MAX = 4096 /* characters */, RATE_HZ = 24000, VOICE_LEN = 64 };

struct speech {
	struct job job; /* encoding */
	struct serving serving;
	enum sound_format format;
	bool events;
	char voice[VOICE_LEN];
	double speed;
	size_t n_characters;

	struct clause clause;
	struct tts_job *tts; /* the clause that is being spoken, or NULL */
	uint64_t ticket;
	bool all_said;

	struct buf said;     /* samples of the voice that wait for the encoder */
	struct buf encoding; /* that it has                                   */
	struct buf out;      /* what it made                                  */
	struct resample *rate;
	struct sound_writer *writer;
	bool busy, last, broken; /* the encoder: at work; on the last piece; out of memory */
	size_t n_samples;        /* of the voice */
};

static const struct engine_error no_memory = { "server_error", "The server is out of memory." };

/* While the encoder works it has the rest: the job's end frees it. */
static void speech_free(struct speech *s)
{
	if (s->tts)
		s->serving.reach.engines->tts_ops->cancel(s->tts);
	s->tts = NULL;
	serving_drop(&s->serving);
	if (s->busy)
		return;
	clause_done(&s->clause);
	buf_done(&s->said);
	buf_done(&s->encoding);
	buf_done(&s->out);
	resample_free(s->rate);
	sound_writer_free(s->writer);
	mem_free(s);
}

static void fail(struct speech *s, const struct engine_error *e)
{
	serving_fail(&s->serving, 503, e);
	speech_free(s);
}

/* --- encoding ------------------------------------------------------------------------------------ */

static const struct {
	const char *name, *type;
	enum sound_format format;
} formats[] = {
	{ "mp3", "audio/mpeg", SOUND_MP3 },   { "opus", "audio/ogg", SOUND_OPUS },
	{ "flac", "audio/flac", SOUND_FLAC }, { "wav", "audio/wav", SOUND_WAV },
	{ "pcm", "audio/pcm", SOUND_PCM }, /* 24 kHz, 16 bits, little-endian */
};

static const char *type_of(const struct speech *s)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (formats[i].format == s->format)
			return formats[i].type;
	return "application/octet-stream";
}

static void encode(struct job *j)
{
	struct speech *s = CONTAINER_OF(j, struct speech, job);
	size_t n = s->encoding.n / sizeof(int16_t);
	AUTO(mem) int16_t *pcm = mem_alloc((resample_bound(s->rate, n) + resample_bound(s->rate, 0)) * sizeof(*pcm));
	int r = -1;

	if (pcm) {
		size_t made = resample_push(s->rate, (const int16_t *)(const void *)s->encoding.p, n, pcm);

		if (s->last)
			made += resample_flush(s->rate, pcm + made);
		r = sound_write(s->writer, pcm, made, &s->out);
	}
	if (r == 0 && s->last)
		r = sound_write_end(s->writer, &s->out);
	s->broken = r != 0;
}

static bool send(struct speech *s)
{
	struct buf *b = &s->out;
	bool ok = true;

	if (b->n && s->events)
		ok = serving_open(&s->serving, SERVING_EVENTS);
	else if (b->n)
		ok = serving_open(&s->serving, type_of(s)) && serving_write(&s->serving, buf_bytes(b));
	if (ok && b->n && s->events) {
		AUTO(buf) struct buf text = { 0 };

		b64_append(&text, b->p, b->n);
		ok = !text.failed && serving_event(&s->serving, json_pack("{s:s,s:s#}", "type", "speech.audio.delta",
									  "audio", (char *)text.p, text.n));
	}
	buf_reset(b);
	return ok;
}

/* Tokens as the engines without any count them. */
static bool send_done(struct speech *s)
{
	int in = (int)(s->n_characters / 4 + 1),
	    out = (int)(s->n_samples * 20 / s->serving.reach.engines->tts_ops->rate_hz);

	return serving_event(&s->serving,
			     json_pack("{s:s,s:{s:i,s:i,s:i}}", "type", "speech.audio.done", "usage",
				       "input_tokens", in, "output_tokens", out, "total_tokens", in + out));
}

static void go_on(struct speech *s);

static void encoded(struct job *j)
{
	struct speech *s = CONTAINER_OF(j, struct speech, job);
	bool last = s->last;

	s->busy = false;
	buf_reset(&s->encoding);
	if (!s->serving.ex) {
		speech_free(s);
	} else if (s->broken) {
		fail(s, &no_memory);
	} else if (!send(s)) {
		speech_free(s);
	} else if (last) {
		if (!s->events || send_done(s))
			serving_end(&s->serving);
		speech_free(s);
	} else {
		go_on(s);
	}
}

static void try_encode(struct speech *s)
{
	struct buf empty = s->encoding;

	if (s->busy || (!s->said.n && !s->all_said))
		return;
	s->encoding = s->said;
	s->said = empty;
	s->busy = true;
	s->last = s->all_said;
	s->job = (struct job){ .work = encode, .done = encoded, .loop = s->serving.loop };
	pool_run(s->serving.api->p.turn, &s->job);
}

/* --- the voice ------------------------------------------------------------------------------------- */

static void on_audio(void *owner, uint64_t ticket, const int16_t *pcm, size_t n)
{
	struct speech *s = owner;

	if (!s->tts || s->ticket != ticket)
		return;
	s->n_samples += n;
	buf_put(&s->said, pcm, n * sizeof(*pcm));
	if (s->said.failed)
		fail(s, &no_memory);
	else
		try_encode(s);
}

static void on_word(void *owner, uint64_t ticket, const char *word, size_t sample, size_t n)
{
	(void)owner, (void)ticket, (void)word, (void)sample, (void)n;
}

static void on_done(void *owner, uint64_t ticket)
{
	struct speech *s = owner;

	if (!s->tts || s->ticket != ticket)
		return;
	s->tts = NULL;
	go_on(s);
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	struct speech *s = owner;

	if (!s->tts || s->ticket != ticket)
		return;
	s->tts = NULL;
	fail(s, e);
}

static const struct tts_sink sink = { .on_audio = on_audio, .on_word = on_word, .on_done = on_done,
				      .on_error = on_error };

static void charge(struct speech *s, const char *text)
{
	const struct engines *e = s->serving.reach.engines;
	const struct bill b = e->tts_ops->bill ? e->tts_ops->bill(s->tts)
					       : (struct bill){ e->tts_price, e->tts_meter };

	serving_charge(&s->serving, b.meter, cost_text_of(text, b.price));
}

/* The next clause, unless the client is behind; or the rest of the encoder's work. */
static void go_on(struct speech *s)
{
	const struct engines *e = s->serving.reach.engines;
	const struct tts_params p = { .voice = s->voice[0] ? s->voice : NULL, .speed = s->speed };

	if (!s->tts && !s->all_said && serving_queued(&s->serving) <= CONN_LOW) {
		const char *text = clause_next(&s->clause, CLAUSE_END);

		s->all_said = !text;
		s->ticket++;
		if (text && e->tts_ops->start(e->tts, &s->tts, text, &p, s->serving.loop, &sink, s, s->ticket) != 0) {
			s->tts = NULL;
			fail(s, &(struct engine_error){ "engine_unavailable", "The voice could not be started." });
			return;
		}
		if (text)
			charge(s, text);
	}
	try_encode(s);
}

static void on_gone(struct serving *v)
{
	speech_free(CONTAINER_OF(v, struct speech, serving));
}

static void on_room(struct serving *v)
{
	go_on(CONTAINER_OF(v, struct speech, serving));
}

static const struct serving_ops serving_ops = { on_gone, on_room };

/* --- what is asked ----------------------------------------------------------------------------------- */

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static const char *take_input(struct speech *s, const json_t *v)
{
	const char *text = json_string_value(v);

	s->n_characters = text ? characters(text) : 0;
	if (!s->n_characters || s->n_characters > INPUT_MAX)
		return "input is a text of 1 to 4096 characters.";
	clause_push(&s->clause, text);
	return NULL;
}

/* A name, or {id}; voices that are not here are spoken by the default one. */
static const char *take_voice(struct speech *s, const json_t *v)
{
	const char *name = json_is_string(v) ? json_string_value(v) : json_str(v, "id", NULL);

	if (!name || strlen(name) >= sizeof(s->voice))
		return "voice is the name of a voice, such as 'alloy'.";
	snprintf(s->voice, sizeof(s->voice), "%s", name);
	return NULL;
}

static const char *take_format(struct speech *s, const json_t *v)
{
	const char *word = json_is_string(v) ? json_string_value(v) : "";

	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (strcmp(formats[i].name, word) == 0) {
			s->format = formats[i].format;
			return NULL;
		}
	return strcmp(word, "aac") == 0 ? "AAC is not made here: response_format is mp3, opus, flac, wav or pcm." :
					  "response_format is mp3, opus, flac, wav or pcm.";
}

static const char *take_speed(struct speech *s, const json_t *v)
{
	s->speed = json_number_value(v);
	return json_is_number(v) && s->speed >= 0.25 && s->speed <= 4 ? NULL : "speed is a number from 0.25 to 4.";
}

static const char *take_stream_format(struct speech *s, const json_t *v)
{
	const char *word = json_is_string(v) ? json_string_value(v) : "";

	s->events = strcmp(word, "sse") == 0;
	return s->events || strcmp(word, "audio") == 0 ? NULL : "stream_format is 'audio' or 'sse'.";
}

static const struct {
	const char *name;
	const char *(*take)(struct speech *s, const json_t *v); /* NULL, or what is wrong */
} fields[] = {
	{ "input", take_input },
	{ "voice", take_voice },
	{ "response_format", take_format },
	{ "speed", take_speed },
	{ "stream_format", take_stream_format },
};

static struct serving_wrong take(struct speech *s, const json_t *body)
{
	if (!json_object_get(body, "input"))
		return (struct serving_wrong){ "input", take_input(s, NULL) };
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const json_t *v = json_object_get(body, fields[i].name);
		const char *why = v && !json_is_null(v) ? fields[i].take(s, v) : NULL;

		if (why)
			return (struct serving_wrong){ fields[i].name, why };
	}
	return (struct serving_wrong){ 0 };
}

static void begin(struct request *r, struct speech *s)
{
	const struct tts_ops *ops;

	if (!seat_reach(r, &s->serving.reach) || !serving_begin(&s->serving, r, &serving_ops)) {
		speech_free(s);
		return;
	}
	ops = s->serving.reach.engines->tts_ops;
	if (!ops)
		fail(s, &(struct engine_error){ "engine_unavailable", "No voice is configured." });
	else if (s->clause.text.failed || resample_new(&s->rate, ops->rate_hz, RATE_HZ) != 0 ||
		 sound_writer_new(&s->writer, s->format, RATE_HZ) != 0)
		fail(s, &no_memory);
	else
		go_on(s);
}

void post_speech(struct request *r)
{
	if (seat_holds(r, post_speech))
		return;
	AUTO(json) json_t *body = serving_body(r);
	if (!body)
		return;
	struct speech *s = mem_zalloc(sizeof(*s));
	if (!s) {
		reply_no_memory(r->ex);
		return;
	}
	s->format = SOUND_MP3;
	struct serving_wrong w = take(s, body);
	if (w.why) {
		serving_refuse(r->ex, &w);
		speech_free(s);
	} else {
		begin(r, s);
	}
}
