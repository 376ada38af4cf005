#include "service/tts_openai.h"

#include <errno.h>

#include "base/test.h"
#include "service/service_test.h"

/* What a clause told. */
struct seen {
	int n_ended;
	bool failed;
	size_t n;
	int16_t first;
	char code[48], why[256];
};

static void on_audio(void *owner, uint64_t ticket, const int16_t *pcm, size_t n)
{
	struct seen *s = owner;

	(void)ticket;
	s->first = s->n ? s->first : pcm[0];
	s->n += n;
}

static void on_word(void *owner, uint64_t ticket, const char *word, size_t sample, size_t n)
{
	(void)owner, (void)ticket, (void)word, (void)sample, (void)n;
}

static void on_done(void *owner, uint64_t ticket)
{
	(void)ticket;
	((struct seen *)owner)->n_ended++;
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	struct seen *s = owner;

	(void)ticket;
	s->n_ended++;
	s->failed = true;
	snprintf(s->code, sizeof(s->code), "%s", e->code);
	snprintf(s->why, sizeof(s->why), "%s", e->message);
}

static const struct tts_sink sink = { on_audio, on_word, on_done, on_error, NULL };

static void engine_auto_(struct tts **e)
{
	tts_openai_ops.free(*e);
}

static bool speak(struct asked *a, struct tts *e, const struct tts_params *p, struct seen *s)
{
	struct tts_job *j = NULL;

	*s = (struct seen){ 0 };
	return tts_openai_ops.start(e, &j, "Say \"this\".", p, a->loop, &sink, s, 7) == 0 &&
	       turn_until(a->loop, &s->n_ended, 1);
}

static char sound[2001];

static void asks_as_openai_wants_it(void)
{
	AUTO(asked) struct asked a = { 0 };
	AUTO(engine) struct tts *e = NULL;
	struct seen s;

	memset(sound, 'A', sizeof(sound) - 1);
	GIVEN(asked_begin(&a, "key=k7 model=tts-1", REPLIES({ { SAYS("200", "audio/pcm", "A"), sound, "A" }, 1, PEER_GOES })));
	CHECK_EQ(tts_openai_new(&e, a.fetcher, &a.service), 0);
	CHECK(speak(&a, e, &(struct tts_params){ .voice = "coral", .speed = 1.2 }, &s));
	CHECK(!s.failed);
	CHECK_EQ(s.n, 1001); /* odd parts and all */
	CHECK_EQ(s.first, 0x4141);
	CHECK(peer_was_asked(&a.peer, 0, "POST /v1/audio/speech HTTP/1.1\r\n"));
	CHECK(peer_was_asked(&a.peer, 0, "Authorization: Bearer k7\r\n"));
	CHECK(peer_was_asked(&a.peer, 0, "\"input\":\"Say \\\"this\\\".\"") && peer_was_asked(&a.peer, 0, "\"voice\":\"coral\""));
	CHECK(peer_was_asked(&a.peer, 0, "\"response_format\":\"pcm\"") && peer_was_asked(&a.peer, 0, "\"speed\":1.2"));
	CHECK(speak(&a, e, &(struct tts_params){ .voice = "nobody" }, &s));
	CHECK(peer_was_asked(&a.peer, 1, "\"voice\":\"alloy\"") && !peer_was_asked(&a.peer, 1, "speed"));
}

static void azure_has_other_paths(void)
{
	static const struct {
		const char *words, *line, *voice;
	} rows[] = {
		{ "api=azure key=k model=dep version=2025-03-01-preview voice=en-US-AvaNeural",
		  "POST /v1/openai/deployments/dep/audio/speech?api-version=2025-03-01-preview HTTP/1.1\r\n", "en-US-AvaNeural" },
		{ "api=azure key=k model=dep", "POST /v1/openai/v1/audio/speech HTTP/1.1\r\n", "alloy" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(asked) struct asked a = { 0 };
		AUTO(engine) struct tts *e = NULL;
		struct seen s;

		GIVEN(asked_begin(&a, rows[i].words, REPLIES({ { SAYS("200", "audio/pcm", "AAAA") }, 0, PEER_GOES })));
		CHECK_EQ(tts_openai_new(&e, a.fetcher, &a.service), 0);
		CHECK(speak(&a, e, NULL, &s));
		CHECK(!s.failed && s.n == 2);
		CHECK(peer_was_asked(&a.peer, 0, rows[i].line));
		CHECK(peer_was_asked(&a.peer, 0, "api-key: k\r\n") && peer_was_asked(&a.peer, 0, rows[i].voice));
	}
}

static void says_what_is_wrong_and_no_secret(void)
{
	static const struct {
		struct peer_reply reply;
		const char *code, *why;
	} rows[] = {
		{ { { SAYS("401", "application/json", "{\"error\":{\"message\":\"Incorrect key sk-secret\",\"code\":\"invalid_api_key\"}}") }, 0, PEER_GOES },
		  "engine_unavailable", "does not accept the key (401, invalid_api_key)" },
		{ { { SAYS("429", "application/json", "{\"error\":{\"code\":\"sk-secret\"}}") }, 0, PEER_GOES }, "rate_limit_exceeded", "(429)" },
		{ { { SAYS("500", "text/html", "<p>sk-secret") }, 0, PEER_GOES }, "engine_unavailable", "(500)" },
		{ { { SAYS("200", "application/json", "{\"sk-secret\":1}") }, 0, PEER_GOES }, "engine_unavailable", "sent text where audio" },
		{ { { SAYS("200", "", "{\"sk-secret\":1}") }, 0, PEER_GOES }, "engine_unavailable", "no PCM audio" },
		{ { { SAYS("200", "audio/pcm", "") }, 0, PEER_GOES }, "engine_unavailable", "sent no audio" },
		{ { { "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nAAAA" }, 0, PEER_GOES }, "engine_unavailable", "could not be asked" },
		{ { { "SSH-2.0 what?\r\n\r\n" }, 0, PEER_GOES }, "engine_unavailable", "could not be asked" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(asked) struct asked a = { 0 };
		AUTO(engine) struct tts *e = NULL;
		struct seen s;

		GIVEN(asked_begin(&a, "key=sk-secret", &rows[i].reply, 1));
		CHECK_EQ(tts_openai_new(&e, a.fetcher, &a.service), 0);
		CHECK(speak(&a, e, NULL, &s));
		CHECK(s.failed && s.n_ended == 1);
		CHECK_STR(s.code, rows[i].code);
		CHECK(strstr(s.why, rows[i].why) && !strstr(s.why, "secret"));
	}
}

static void a_service_that_hangs_has_failed(void)
{
	AUTO(asked) struct asked a = { 0 };
	AUTO(engine) struct tts *e = NULL;
	struct seen s;

	GIVEN(asked_begin(&a, "timeout=0.1", REPLIES({ { SAYS("200", "audio/pcm", "AAAA") }, 0, PEER_HANGS })));
	CHECK_EQ(tts_openai_new(&e, a.fetcher, &a.service), 0);
	CHECK(speak(&a, e, NULL, &s));
	CHECK(s.failed);
}

/* With TLS a connection is kept open in between; what waits for that goes with the engine. */
static void keeps_warm_and_lets_go(void)
{
	AUTO(asked) struct asked a = { 0 };
	struct service tls;
	char why[SERVICE_WHY];
	struct seen s;

	GIVEN(asked_begin(&a, "key=k", REPLIES({ { "" }, 0, PEER_GOES })));
	GIVEN(service_parse(&tls, "https://127.0.0.1:1/v1 key=k", why) == 0); /* nobody is there */
	for (int i = 0; i < 3; i++) {
		struct tts *e = NULL;

		if (tts_openai_new(&e, a.fetcher, &tls) != 0)
			break;
		if (i > 0 && speak(&a, e, NULL, &s) && !s.failed)
			break;
		tts_openai_ops.free(e);
	}
	service_done(&tls);
	GIVEN(service_parse(&tls, "wss://127.0.0.1/v1", why) == 0);
	struct tts *none = NULL;
	int e = tts_openai_new(&none, a.fetcher, &tls);
	service_done(&tls);
	CHECK_EQ(e, -EINVAL);
}

TESTS({ "asks_as_openai_wants_it", asks_as_openai_wants_it }, { "azure_has_other_paths", azure_has_other_paths },
      { "says_what_is_wrong_and_no_secret", says_what_is_wrong_and_no_secret },
      { "keeps_warm_and_lets_go", keeps_warm_and_lets_go },
      { "a_service_that_hangs_has_failed", a_service_that_hangs_has_failed })
