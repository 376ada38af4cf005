/* A real session with a leg that takes what it says. The leg plays in no time. */
#include "app/asking.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/file.h"
#include "base/alloc.h"
#include "base/env.h"
#include "base/loop.h"
#include "leg/runner.h"
#include "media/resample.h"
#include "media/wav.h"
#include "session/session.h"

enum { PATIENCE_S = 60, WAV_MAX = 64 << 20 };

struct asking {
	struct leg leg;
	const struct question *q;
	struct asked *out;
	struct loop *loop;
	struct runner runner;
	struct timer patience;
	uint64_t played, asked_us;
	int failed; /* -errno */
	bool over;
};

static void say(struct asking *a, const char *json)
{
	session_on_message(a->runner.session, &a->leg, bytes_str(json), env_now(&env_system));
}

static void stop(struct asking *a)
{
	a->over = true;
	loop_stop(a->loop);
}

static void fail(struct asking *a, int failed, const char *why)
{
	if (!a->failed) {
		a->failed = failed;
		snprintf(a->out->why, sizeof(a->out->why), "%s", why);
	}
	stop(a);
}

/* --- what the session says ---------------------------------------------------------- */

static void on_error(struct asking *a, const json_t *e)
{
	fail(a, -EPROTO, json_str(json_object_get(e, "error"), "message", "it did not say why"));
}

static void request_answer(struct asking *a)
{
	a->asked_us = env_now(&env_system);
	say(a, "{\"type\":\"response.create\"}");
}

static void on_heard(struct asking *a, const json_t *e)
{
	a->out->hearing_us = env_now(&env_system) - a->asked_us;
	buf_puts(&a->out->question, json_str(e, "transcript", ""));
	if (a->out->question.n == 0)
		fail(a, -ENODATA,
		     "no words were heard in the recording; is it speech, in English?");
	else
		request_answer(a);
}

static void on_not_heard(struct asking *a, const json_t *e)
{
	on_error(a, e);
}

static void on_answer(struct asking *a, const json_t *e)
{
	const char *text = json_str(e, "transcript", NULL);

	buf_puts(&a->out->answer, text ? text : json_str(e, "text", ""));
}

/* One event or several: they add up, in the order of the answer. */
static void on_sources(struct asking *a, const json_t *e)
{
	json_t *more = json_object_get(e, "sources");

	if (!a->out->sources)
		a->out->sources = json_incref(more);
	else if (json_array_extend(a->out->sources, more) != 0)
		fail(a, -ENOMEM, "out of memory");
}

static void on_done(struct asking *a, const json_t *e)
{
	const json_t *r = json_object_get(e, "response");
	const json_t *why = json_object_get(json_object_get(r, "status_details"), "error");

	a->out->answering_us = env_now(&env_system) - a->asked_us;
	if (strcmp(json_str(r, "status", ""), "completed") == 0)
		stop(a);
	else
		fail(a, -EPROTO, json_str(why, "message", "the answer was not completed"));
}

static const struct {
	const char *type;
	void (*on)(struct asking *a, const json_t *e);
} events[] = {
	{ "error", on_error },
	{ "conversation.item.input_audio_transcription.completed", on_heard },
	{ "conversation.item.input_audio_transcription.failed", on_not_heard },
	{ "response.output_audio_transcript.done", on_answer },
	{ "response.output_text.done", on_answer },
	{ "voiced.response.sources", on_sources },
	{ "response.done", on_done },
};

/* A leg must not call back into the session from inside send_event(): events wait for a post. */
struct told {
	struct asking *a;
	json_t *event;
};

static void take_event(void *payload)
{
	struct told t;

	memcpy(&t, payload, sizeof(t));
	for (size_t i = 0; i < ARRAY_LEN(events) && !t.a->over; i++)
		if (strcmp(events[i].type, json_str(t.event, "type", "")) == 0)
			events[i].on(t.a, t.event);
	json_decref(t.event);
}

static void leg_event(struct leg *l, struct bytes json)
{
	struct asking *a = CONTAINER_OF(l, struct asking, leg);
	char why[160];
	struct told t = { a, json_parse(json, why) };

	if (t.event)
		loop_post_wait(a->loop, take_event, &t, sizeof(t));
}

static int leg_audio(struct leg *l, uint64_t tag, const int16_t *pcm, size_t n)
{
	struct asking *a = CONTAINER_OF(l, struct asking, leg);

	(void)tag;
	a->played += n;
	buf_put(&a->out->speech, pcm, n * sizeof(*pcm));
	return 0;
}

static uint64_t leg_played(struct leg *l, uint64_t tag)
{
	(void)tag;
	return CONTAINER_OF(l, struct asking, leg)->played;
}

static void leg_close(struct leg *l, unsigned code, const char *reason)
{
	(void)code;
	fail(CONTAINER_OF(l, struct asking, leg), -ECONNRESET, reason);
}

static const struct leg_ops leg_ops = {
	.name = "command line",
	.caps = LEG_AUDIO_PACED,
	.out_rate_hz = ASKED_RATE_HZ,
	.send_event = leg_event,
	.push_audio = leg_audio,
	.clear_audio = leg_played,
	.played = leg_played,
	.close = leg_close,
};

/* --- time ------------------------------------------------------------------------------ */

static void on_impatient(struct timer *t)
{
	fail(CONTAINER_OF(t, struct asking, patience), -ETIMEDOUT,
	     "no answer came within a minute");
}

/* --- the question ------------------------------------------------------------------------ */

/* Resampled in pieces, so that a long recording needs no second copy. */
static int bring_to(const struct wav *w, unsigned rate_hz, struct buf *out)
{
	AUTO(resample) struct resample *r = NULL;
	int16_t piece[1024];
	int bad = resample_new(&r, w->rate_hz, rate_hz);

	if (bad)
		return bad;
	for (size_t i = 0; i <= w->n_frames; i += ARRAY_LEN(piece)) {
		size_t n = MIN(ARRAY_LEN(piece), w->n_frames - i);
		int16_t *to = buf_reserve(out, resample_bound(r, n) * sizeof(*to));

		if (!to)
			return -ENOMEM;
		for (size_t k = 0; k < n; k++)
			piece[k] = wav_sample(w, i + k);
		out->n += 2 * (n ? resample_push(r, piece, n, to) : 0);
	}
	int16_t *rest = buf_reserve(out, resample_bound(r, 0) * sizeof(*rest));
	if (!rest)
		return -ENOMEM;
	out->n += 2 * resample_flush(r, rest);
	return 0;
}

/* The recording as 16 kHz mono. false: it has failed. */
static bool read_wav(struct asking *a, struct buf *pcm16k)
{
	AUTO(buf) struct buf file = { 0 };
	const char *name = a->q->wav;
	char why[FILE_WHY];
	struct wav w;
	int r = file_read(name, WAV_MAX, &file, why);

	if (r != 0) {
		fail(a, r, why);
		return false;
	}
	enum wav_verdict v = wav_parse(buf_bytes(&file), &w);
	if (v != WAV_OK) {
		snprintf(why, sizeof(why), "%.200s: %s", name, wav_why(v));
		fail(a, -EBADMSG, why);
		return false;
	}
	r = bring_to(&w, STT_RATE_HZ, pcm16k);
	if (r == 0)
		return true;
	snprintf(
		why, sizeof(why),
		r == -EINVAL
			? "%.200s has %u samples per second; 8000, 16000, 24000 and 48000 can be read"
			: "%.200s (%u Hz): out of memory",
		name, w.rate_hz);
	fail(a, r, why);
	return false;
}

static void ask_aloud(struct asking *a)
{
	AUTO(buf) struct buf pcm = { 0 };
	const int16_t *at;

	if (!read_wav(a, &pcm))
		return;
	a->asked_us = env_now(&env_system);
	at = (const int16_t *)(const void *)pcm.p;
	for (size_t i = 0, n = pcm.n / 2; i < n; i += STT_RATE_HZ / 50) {
		struct frame f = { STT_RATE_HZ, i, MIN((size_t)STT_RATE_HZ / 50, n - i), at + i };

		session_on_audio(a->runner.session, &f, env_now(&env_system));
	}
	say(a, "{\"type\":\"input_audio_buffer.commit\"}");
}

static void ask_in_words(struct asking *a)
{
	AUTO(buf) struct buf event = { 0 };

	buf_puts(&a->out->question, a->q->text);
	buf_puts(&event,
		 "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":"
		 "\"user\",\"content\":[{\"type\":\"input_text\",\"text\":");
	json_quote(&event, bytes_str(a->q->text));
	buf_puts(&event, "}]}}");
	if (event.failed) {
		fail(a, -ENOMEM, "out of memory");
		return;
	}
	say(a, (const char *)event.p);
	request_answer(a);
}

static void configure(struct asking *a)
{
	AUTO(buf) struct buf event = { 0 };

	buf_printf(
		&event,
		"{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"output_modalities\":"
		"[\"%s\"],\"include\":[\"voiced.sources\"],\"audio\":{\"input\":{\"turn_detection\":null,"
		"\"transcription\":{\"model\":\"voiced\"}},\"output\":{\"voice\":",
		a->q->voice ? "audio" : "text");
	json_quote(&event, bytes_str(a->q->voice ? a->q->voice : "alloy"));
	buf_puts(&event, "}}}}");
	if (event.failed)
		fail(a, -ENOMEM, "out of memory");
	else
		say(a, (const char *)event.p);
}

static int converse(struct asking *a, struct parts *parts)
{
	struct api_error e = { 0 };
	struct session_params p = { .env = &env_system, .groups = a->q->groups };

	p.engines = parts_engines(parts, &p.collection);
	uint64_t now = env_now(&env_system);
	int r = runner_start(&a->runner, a->loop, &p, NULL, &e);

	if (r == 0)
		r = session_attach(a->runner.session, &a->leg, LEG_MAIN, now);
	if (r == 0)
		r = timer_set(a->loop, &a->patience, now + (uint64_t)PATIENCE_S * US_PER_S);
	if (r != 0) {
		snprintf(a->out->why, sizeof(a->out->why), "no session: %.280s",
			 e.message[0] ? e.message : strerror(-r));
		return r;
	}
	configure(a);
	if (a->q->wav)
		ask_aloud(a);
	else
		ask_in_words(a);
	return loop_run(a->loop);
}

int asking(struct parts *parts, const struct question *q, struct asked *out)
{
	struct asking a = { .leg.ops = &leg_ops, .q = q, .out = out };
	AUTO(loop) struct loop *loop = NULL;

	a.patience.on_due = on_impatient;
	int r = loop_new(&loop, 0);
	a.loop = loop;
	if (r == 0)
		r = converse(&a, parts);
	runner_stop(&a.runner);
	if (loop)
		timer_stop(loop, &a.patience);
	if (r == 0)
		r = a.failed;
	if (r == 0 && (out->question.failed || out->answer.failed || out->speech.failed))
		r = -ENOMEM;
	if (r != 0 && !out->why[0])
		snprintf(out->why, sizeof(out->why), "%s", strerror(-r));
	return r;
}

void asked_done(struct asked *a)
{
	buf_done(&a->question);
	buf_done(&a->answer);
	buf_done(&a->speech);
	json_decref(a->sources);
	a->sources = NULL;
}
