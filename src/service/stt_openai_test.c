#include "service/stt_openai.h"

#include "base/test.h"
#include "service/service_test.h"

struct seen {
	int n_partials, n_settled, n_ended;
	bool failed;
	char partial[128], settled[128], final[256];
};

static void on_partial(void *owner, uint64_t ticket, const char *text)
{
	struct seen *s = owner;

	(void)ticket;
	s->n_partials++;
	snprintf(s->partial, sizeof(s->partial), "%s", text);
}

static void on_settled(void *owner, uint64_t ticket, const char *text)
{
	struct seen *s = owner;

	(void)ticket;
	s->n_settled++;
	snprintf(s->settled, sizeof(s->settled), "%s", text);
}

static void on_final(void *owner, uint64_t ticket, const char *text)
{
	struct seen *s = owner;

	(void)ticket;
	s->n_ended++;
	snprintf(s->final, sizeof(s->final), "%s", text);
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	struct seen *s = owner;

	(void)ticket;
	s->n_ended++;
	s->failed = true;
	snprintf(s->final, sizeof(s->final), "%s: %s", e->code, e->message);
}

static const struct stt_sink sink = { on_partial, on_settled, on_final, on_error };

static void engine_auto_(struct stt **e)
{
	stt_openai_ops.free(*e);
}

static int16_t speech[STT_RATE_HZ], silence[STT_RATE_HZ];

static bool begin(struct asked *a, struct stt *e, const struct stt_params *p, struct seen *s, struct stt_turn **t)
{
	for (size_t i = 0; i < ARRAY_LEN(speech); i++)
		speech[i] = (int16_t)((i * 7919) % 4001 - 2000);
	*s = (struct seen){ 0 };
	if (stt_openai_ops.begin(e, t, p, a->loop, &sink, s, 1) != 0)
		return false;
	stt_openai_ops.push(*t, speech, ARRAY_LEN(speech));
	return true;
}

#define WORDS(text) { { SAYS("200", "application/json", "{\"text\":\"" text "\"}") }, 0, PEER_GOES }
#define SLOWLY(text) { { "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n", "{\"text\":\"" text "\"}" }, 30, PEER_GOES }

static void what_settles_is_final_after_silence(void)
{
	AUTO(asked) struct asked a = { 0 };
	AUTO(engine) struct stt *e = NULL;
	struct stt_turn *t = NULL;
	struct seen s;

	GIVEN(asked_begin(&a, "key=k model=whisper-1", REPLIES(WORDS(" one "), WORDS("two"))));
	CHECK_EQ(stt_openai_new(&e, a.fetcher, &a.service), 0);
	CHECK(begin(&a, e, &(struct stt_params){ .language = "de-DE", .prompt = "Quillmere" }, &s, &t));
	stt_openai_ops.settle(t);
	CHECK_EQ(s.n_settled, 0);
	CHECK(turn_until(a.loop, &s.n_settled, 1));
	CHECK_STR(s.settled, "one");
	stt_openai_ops.push(t, silence, ARRAY_LEN(silence));
	stt_openai_ops.end(t);
	CHECK_EQ(s.n_ended, 0);
	CHECK(turn_until(a.loop, &s.n_ended, 1));
	CHECK_STR(s.final, "one");
	CHECK_EQ(peer_asked(&a.peer), 1);
	CHECK(peer_was_asked(&a.peer, 0, "POST /v1/audio/transcriptions HTTP/1.1\r\n") && peer_was_asked(&a.peer, 0, "Authorization: Bearer k\r\n"));
	CHECK(peer_was_asked(&a.peer, 0, "name=\"model\"\r\n\r\nwhisper-1\r\n") && peer_was_asked(&a.peer, 0, "name=\"language\"\r\n\r\nde\r\n"));
	CHECK(peer_was_asked(&a.peer, 0, "name=\"prompt\"\r\n\r\nQuillmere\r\n") && peer_was_asked(&a.peer, 0, "filename=\"turn.wav\""));
	CHECK(!peer_was_asked(&a.peer, 0, "name=\"stream\""));
}

static void further_words_are_asked_about_again(void)
{
	AUTO(asked) struct asked a = { 0 };
	AUTO(engine) struct stt *e = NULL;
	struct stt_turn *t = NULL;
	struct seen s;

	GIVEN(asked_begin(&a, "key=k", REPLIES(WORDS("one"), WORDS("one two"))));
	CHECK_EQ(stt_openai_new(&e, a.fetcher, &a.service), 0);
	CHECK(begin(&a, e, NULL, &s, &t));
	stt_openai_ops.settle(t);
	CHECK(turn_until(a.loop, &s.n_settled, 1));
	stt_openai_ops.push(t, speech, ARRAY_LEN(speech));
	stt_openai_ops.end(t);
	CHECK(turn_until(a.loop, &s.n_ended, 1));
	CHECK_STR(s.final, "one two");
}

/* The answer that is on its way when the end comes will do; and of two pauses the later one counts. */
static void an_answer_on_its_way(void)
{
	AUTO(asked) struct asked a = { 0 };
	AUTO(engine) struct stt *e = NULL;
	struct stt_turn *t = NULL;
	struct seen s;

	GIVEN(asked_begin(&a, "key=k", REPLIES(SLOWLY("one"))));
	CHECK_EQ(stt_openai_new(&e, a.fetcher, &a.service), 0);
	CHECK(begin(&a, e, NULL, &s, &t));
	stt_openai_ops.settle(t);
	stt_openai_ops.push(t, speech, ARRAY_LEN(speech));
	stt_openai_ops.settle(t);
	stt_openai_ops.end(t);
	CHECK(turn_until(a.loop, &s.n_ended, 1));
	CHECK_STR(s.final, "one");
	CHECK(peer_asked(&a.peer) <= 2);
	/* And cancelled with a request under way. */
	CHECK(begin(&a, e, NULL, &s, &t));
	stt_openai_ops.settle(t);
	loop_once(a.loop, 5);
	stt_openai_ops.cancel(t);
	loop_once(a.loop, 40);
	CHECK(!s.n_settled && !s.n_ended);
}

static void a_stream_has_partials(void)
{
	AUTO(asked) struct asked a = { 0 };
	AUTO(engine) struct stt *e = NULL;
	struct stt_turn *t = NULL;
	struct seen s;

	GIVEN(asked_begin(&a, "key=k model=gpt-4o-transcribe", REPLIES({ {
		SAYS("200", "text/event-stream; charset=utf-8", "data: {\"type\":\"transcript.text.delta\",\"delta\":\"What\"}\n\n"),
		"data: {\"type\":\"transcript.text.delta\",\"delta\":\" is it?\"}\n\n",
		"data: {\"type\":\"transcript.text.done\",\"text\":\"What is it?\"}\n\n" }, 3, PEER_GOES })));
	CHECK_EQ(stt_openai_new(&e, a.fetcher, &a.service), 0);
	CHECK(begin(&a, e, NULL, &s, &t));
	stt_openai_ops.end(t);
	CHECK(turn_until(a.loop, &s.n_ended, 1));
	CHECK_EQ(s.n_partials, 2);
	CHECK_STR(s.partial, "What is it?");
	CHECK_STR(s.final, "What is it?");
	CHECK(peer_was_asked(&a.peer, 0, "name=\"stream\"\r\n\r\ntrue\r\n"));
}

static void what_goes_wrong_is_told_at_the_end(void)
{
	static const struct peer_reply rows[] = {
		{ { SAYS("401", "application/json", "{\"error\":{\"message\":\"sk-secret\"}}") }, 0, PEER_GOES },
		{ { SAYS("200", "text/html", "<p>") }, 0, PEER_GOES },
		{ { SAYS("200", "application/json", "{\"words\":7}") }, 0, PEER_GOES },
		{ { SAYS("200", "application/json", "{\"text\":") }, 0, PEER_GOES },
		{ { SAYS("200", "text/event-stream", "data: {\"type\":\"transcript.text.delta\",\"delta\":\"a\"}\n\n") }, 0, PEER_GOES },
		{ { SAYS("200", "text/event-stream", "data: {\"error\":{}}\n\n") }, 0, PEER_GOES },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(asked) struct asked a = { 0 };
		AUTO(engine) struct stt *e = NULL;
		struct stt_turn *t = NULL;
		struct seen s;

		GIVEN(asked_begin(&a, "key=sk-secret", &rows[i], 1));
		CHECK_EQ(stt_openai_new(&e, a.fetcher, &a.service), 0);
		CHECK(begin(&a, e, NULL, &s, &t));
		stt_openai_ops.settle(t);
		CHECK(turn_until(a.loop, &s.n_settled, 1)); /* not in the middle of speech */
		CHECK_STR(s.settled, "");
		stt_openai_ops.end(t);
		CHECK(turn_until(a.loop, &s.n_ended, 1));
		CHECK(s.failed && !strstr(s.final, "secret"));
	}
}

static void a_turn_has_its_limit(void)
{
	AUTO(asked) struct asked a = { 0 };
	AUTO(engine) struct stt *e = NULL;
	struct stt_turn *t = NULL;
	struct seen s;

	GIVEN(asked_begin(&a, "key=k", REPLIES(WORDS("x"))));
	CHECK_EQ(stt_openai_new(&e, a.fetcher, &a.service), 0);
	CHECK(begin(&a, e, NULL, &s, &t));
	while (stt_openai_ops.room(t) > 0)
		stt_openai_ops.push(t, silence, MIN(ARRAY_LEN(silence), stt_openai_ops.room(t)));
	stt_openai_ops.push(t, silence, 1);
	stt_openai_ops.end(t);
	CHECK(turn_until(a.loop, &s.n_ended, 1));
	CHECK(s.failed);
	CHECK_EQ(peer_asked(&a.peer), 0);
}

TESTS({ "what_settles_is_final_after_silence", what_settles_is_final_after_silence },
      { "further_words_are_asked_about_again", further_words_are_asked_about_again },
      { "an_answer_on_its_way", an_answer_on_its_way }, { "a_stream_has_partials", a_stream_has_partials },
      { "what_goes_wrong_is_told_at_the_end", what_goes_wrong_is_told_at_the_end },
      { "a_turn_has_its_limit", a_turn_has_its_limit })
