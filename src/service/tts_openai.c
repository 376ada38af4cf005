#include "service/tts_openai.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "service/remote.h"
#include "service/sample_stream.h"

enum {
	RATE_HZ = 24000,
	ANSWER_MAX = 32 << 20, /* octets: eleven minutes of a clause */
	CHUNK = RATE_HZ / 10,
};

/* What OpenAI calls them; what they sound like here is the service's. */
static const struct tts_voice voices[] = {
	{ "alloy", "as the service has it" },   { "ash", "as the service has it" },
	{ "ballad", "as the service has it" },  { "coral", "as the service has it" },
	{ "echo", "as the service has it" },    { "fable", "as the service has it" },
	{ "nova", "as the service has it" },    { "onyx", "as the service has it" },
	{ "sage", "as the service has it" },    { "shimmer", "as the service has it" },
	{ "verse", "as the service has it" },   { "marin", "as the service has it" },
	{ "cedar", "as the service has it" },   { NULL, NULL },
};

struct tts {
	struct remote remote;
};

struct tts_job {
	struct relay relay;
	struct remote_call call;
	struct tts *engine;
	char *text;
	const char *voice; /* of the table, or the service's */
	double speed;
	struct sample_stream stream; /* the fetcher's thread, then the loop */
	struct buf samples;
	bool came; /* any octet of audio */
};

static const struct tts_sink *sink_of(const struct relay *r)
{
	return r->sink;
}

/* --- asking ----------------------------------------------------------------------------------------- */

static int write_request(struct remote_call *c, struct buf *body, char type[static 128])
{
	const struct tts_job *j = CONTAINER_OF(c, struct tts_job, call);
	const struct service *s = j->engine->remote.service;
	AUTO(json)
	json_t *o = json_pack("{s:s,s:s,s:s,s:s}", "model", s->model ? s->model : "gpt-4o-mini-tts", "input", j->text,
			      "voice", j->voice, "response_format", "pcm");

	/* Not every server knows it. */
	if (o && (j->speed < 0.99 || j->speed > 1.01) && json_object_set_new(o, "speed", json_real(j->speed)) < 0)
		return -ENOMEM;
	snprintf(type, 128, "application/json");
	json_write(body, o);
	return o && !body->failed ? 0 : -ENOMEM;
}

/* --- the answer, on the fetcher's thread --------------------------------------------------------------- */

static void deliver_audio(struct relay *r, void *payload)
{
	size_t n;

	memcpy(&n, payload, sizeof(n));
	sink_of(r)->on_audio(r->owner, r->ticket, (const int16_t *)(const void *)((char *)payload + sizeof(n)), n);
}

static void send_samples(struct tts_job *j)
{
	struct {
		size_t n;
		int16_t pcm[CHUNK];
	} a;
	const int16_t *pcm = (const int16_t *)(const void *)j->samples.p;

	for (size_t left = j->samples.n / sizeof(*pcm); left > 0; pcm += a.n, left -= a.n) {
		a.n = MIN(left, ARRAY_LEN(a.pcm));
		memcpy(a.pcm, pcm, a.n * sizeof(*pcm));
		relay_send(&j->relay, RELAY_MORE, deliver_audio, &a, sizeof(a.n) + a.n * sizeof(*pcm));
	}
	buf_reset(&j->samples);
}

static const char *why_not(enum sample_stream_verdict v)
{
	return v == SAMPLE_STREAM_OK	    ? NULL :
	       v == SAMPLE_STREAM_NO_MEMORY ? "sent more than there is memory for" :
					      "sent something that is no PCM audio";
}

/* Types that say it is no audio; others (octet-stream, none at all) say nothing. */
static const char *on_head(struct remote_call *c, const struct fetch_head *h)
{
	static const char *const texts[] = { "application/json", "text/", "application/problem" };

	struct tts_job *j = CONTAINER_OF(c, struct tts_job, call);
	const char *rate = strcasestr(h->content_type, "rate=");

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (strncasecmp(h->content_type, texts[i], strlen(texts[i])) == 0)
			return "sent text where audio was asked for";
	if (rate && strncasecmp(h->content_type, "audio/pcm", 9) == 0) /* "audio/pcm; rate=16000" */
		j->stream.from_hz = (unsigned)strtoul(rate + 5, NULL, 10);
	return NULL;
}

static const char *on_part(struct remote_call *c, struct bytes part)
{
	struct tts_job *j = CONTAINER_OF(c, struct tts_job, call);
	enum sample_stream_verdict v = sample_stream_push(&j->stream, part, &j->samples);

	j->came |= part.n > 0;
	send_samples(j);
	return why_not(v);
}

/* --- the end, on the loop --------------------------------------------------------------------------------- */

static void on_end(struct remote_call *c, const struct engine_error *e)
{
	struct tts_job *j = CONTAINER_OF(c, struct tts_job, call);
	struct relay *r = &j->relay;
	const struct engine_error empty = { "engine_unavailable", "The voice's service sent no audio." };
	enum sample_stream_verdict v = e ? SAMPLE_STREAM_OK : sample_stream_end(&j->stream, &j->samples);

	/* Words were asked for, so an answer without an octet of audio is none. */
	if (!e && (v != SAMPLE_STREAM_OK || !j->came))
		e = &empty;
	if (j->samples.n && !e)
		sink_of(r)->on_audio(r->owner, r->ticket, (const int16_t *)(const void *)j->samples.p,
				     j->samples.n / sizeof(int16_t));
	if (!relay_complete(r))
		return;
	if (e)
		sink_of(r)->on_error(r->owner, r->ticket, e);
	else
		sink_of(r)->on_done(r->owner, r->ticket);
}

static const struct remote_ops remote_ops = {
	.path = "audio/speech", .answer_max = ANSWER_MAX, .write = write_request, .head = on_head, .part = on_part,
	.end = on_end,
};

/* --- the caller's side --------------------------------------------------------------------------------------- */

static void on_lost(struct relay *r)
{
	sink_of(r)->on_error(r->owner, r->ticket, &relay_no_memory);
}

static void on_free(struct relay *r)
{
	struct tts_job *j = CONTAINER_OF(r, struct tts_job, relay);

	remote_call_done(&j->call);
	sample_stream_done(&j->stream);
	buf_done(&j->samples);
	mem_free(j->text);
	mem_free(j);
}

static const struct relay_ops job_ops = { .on_lost = on_lost, .on_free = on_free };

static const char *find_voice(const struct service *s, const char *voice)
{
	if (s->voice)
		return s->voice;
	for (size_t i = 0; voice && voices[i].name; i++)
		if (strcmp(voices[i].name, voice) == 0)
			return voices[i].name;
	return voices[0].name;
}

static int openai_start(struct tts *e, struct tts_job **out, const char *text, const struct tts_params *p,
			struct loop *loop, const struct tts_sink *sink, void *owner, uint64_t ticket)
{
	struct tts_job *j = mem_zalloc(sizeof(*j));

	if (!j || !(j->text = mem_strdup(text))) {
		mem_free(j);
		return -ENOMEM;
	}
	j->engine = e;
	j->voice = find_voice(e->remote.service, p ? p->voice : NULL);
	j->speed = p && p->speed > 0 ? MIN(MAX(p->speed, 0.25), 4.0) : 1.0;
	sample_stream_init(&j->stream, RATE_HZ, RATE_HZ);
	relay_init(&j->relay, &job_ops, &e->remote.set, &(struct relay_to){ loop, sink, owner, ticket });
	*out = j;
	remote_start(&j->call, &e->remote, &j->relay, &remote_ops);
	return 0;
}

static void openai_cancel(struct tts_job *j)
{
	remote_cancel(&j->call);
	relay_cancel(&j->relay);
}

static void openai_free(struct tts *e)
{
	if (!e)
		return;
	remote_done(&e->remote);
	mem_free(e);
}

int tts_openai_new(struct tts **out, struct fetcher *f, const struct service *s)
{
	struct tts *e = mem_zalloc(sizeof(*e));
	int r = e ? remote_init(&e->remote, f, s) : -ENOMEM;

	if (r != 0) {
		mem_free(e);
		return r;
	}
	*out = e;
	return 0;
}

uint64_t tts_openai_rest_ms(struct tts *e)
{
	return remote_rest_ms(&e->remote);
}

const struct tts_ops tts_openai_ops = {
	.name = "openai", .rate_hz = RATE_HZ, .voices = voices, .start = openai_start, .cancel = openai_cancel,
	.free = openai_free,
};
