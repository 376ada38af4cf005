/* Speech, transcriptions and chat over loopback, with engines by script. What real ones say:
 * test/server/audio.test.mjs. */
#include "api/serving.h"

#include "base/pool.h"
#include "base/test.h"
#include "engine/fake.h"
#include "media/wav.h"
#include "net/net_test.h"

struct site {
	struct loop *loops[LOOPS_MAX];
	struct http_server *server;
	struct addr at;
	struct fake *fake;
	struct engines engines;
	struct auth auth;
	struct cert *cert;
	struct pool *pool;
	struct api *api;
};

static bool ready(void *ctx)
{
	(void)ctx;
	return true;
}

static const struct engines *engines_of(void *ctx, const char **collection)
{
	(void)collection;
	return &((struct site *)ctx)->engines;
}

static const struct token_key tokens;
static const struct http_policy policy = { 0 };

static void site_auto_(struct site *s)
{
	http_server_free(s->server);
	api_free(s->api);
	pool_free(s->pool);
	loop_free(s->loops[0]);
	fake_free(s->fake);
	cert_free(s->cert);
}

static bool site_open(struct site *s)
{
	struct http_server_params h = { .n_loops = 1, .ops = &api_http_ops, .policy = &policy };

	json_init();
	auth_init(&s->auth, &env_system, bytes_str(NULL), &tokens);
	if (fake_new(&s->fake) != 0 || loop_new(&s->loops[0], 0) != 0 || cert_new(&s->cert, &env_system) != 0 ||
	    pool_new(&s->pool, POOL_TURN, 1) != 0 || !addr_parse(bytes_str("127.0.0.1:0"), &s->at))
		return false;
	fake_engines(s->fake, &s->engines);
	const struct api_params p = { .env = &env_system, .loops = s->loops, .n_loops = 1, .engines_of = engines_of,
				      .ctx = s, .data = "nowhere", .collection = "default", .auth = &s->auth,
				      .cert = s->cert, .candidates = &s->at, .n_candidates = 1, .turn = s->pool,
				      .max_sessions = 2, .ready = ready };
	if (api_new(&s->api, &p) != 0)
		return false;
	h.ctx = s->api;
	return server_open(&s->server, &h, s->loops, &s->at);
}

/* With every allocation failing in turn there are hundreds of runs. */
static bool hurry(void)
{
	return getenv("VOICED_TEST_OOM");
}

static bool post(struct client *c, struct site *s, const char *path, const char *type, struct bytes body)
{
	AUTO(buf) struct buf b = { 0 };
	unsigned long left = mem_fail_hold();

	buf_printf(&b, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", path, type,
		   body.n);
	buf_put(&b, body.p, body.n);
	mem_fail_resume(left);
	bool ok = client_join(c, s->loops, &s->at) && client_send(c, buf_bytes(&b));
	left = mem_fail_hold();
	buf_done(&b);
	mem_fail_resume(left);
	return ok;
}

static bool asks(struct client *c, struct site *s, const char *path, const char *body)
{
	return post(c, s, path, "application/json", bytes_str(body));
}

static void chat_whole_and_streamed(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client whole = { 0 }, streamed = { 0 };
	const struct fake_step answer[] = { { FAKE_TEXT, "It is ", NULL }, { FAKE_TEXT, "red.", NULL },
					    { FAKE_CITE, "{\"document\":1,\"title\":\"T\"}", NULL } };

	GIVEN(site_open(&s));
	CHECK(fake_answer(s.fake, answer, 3) == 0 && fake_answer(s.fake, answer, 3) == 0);
	CHECK(asks(&whole, &s, "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"Hm?\"}]}"));
	CHECK(client_hears(&whole, "\"total_tokens\""));
	CHECK(has(&whole, "\"content\":\"It is red.\"") && has(&whole, "\"voiced\":{\"sources\":[{\"document\":1"));
	CHECK(asks(&streamed, &s, "/openai/deployments/dep/chat/completions",
		   "{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Hm?\"}]}"));
	CHECK(client_hears(&streamed, "data: [DONE]\n\n"));
	CHECK(has(&streamed, "\"model\":\"dep\"") && has(&streamed, "\"delta\":{\"content\":\"red.\"}") &&
	      has(&streamed, "\"finish_reason\":\"stop\"") && has(&streamed, "\"voiced\":{"));
}

static void what_fails_is_told(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 }, d = { 0 }, e = { 0 };
	const struct fake_step late[] = { { FAKE_TEXT, "It is ", NULL }, { FAKE_ERROR, "rate_limit_exceeded", NULL } };

	GIVEN(site_open(&s));
	CHECK(fake_answer(s.fake, &late[1], 1) == 0 && fake_answer(s.fake, late, 2) == 0 &&
	      fake_speak_error(s.fake, "engine_broken") == 0);
	CHECK(asks(&c, &s, "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"Hm?\"}]}"));
	CHECK(client_hears(&c, "rate_limit_exceeded") && has(&c, " 429 "));
	CHECK(asks(&d, &s, "/v1/chat/completions", "{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Hm?\"}]}"));
	CHECK(client_hears(&d, "\r\n0\r\n") && has(&d, " 200 ") && has(&d, "data: {\"error\":{") && !has(&d, "[DONE]"));
	CHECK(asks(&e, &s, "/v1/audio/speech", "{\"input\":\"Hello.\"}"));
	CHECK(client_hears(&e, "engine_broken") && has(&e, " 503 "));
}

static void speech_in_parts(void)
{
	AUTO(site) struct site s = { 0 };
	AUTO(client) struct client c = { 0 }, d = { 0 };

	GIVEN(site_open(&s));
	CHECK(asks(&c, &s, "/v1/audio/speech", "{\"input\":\"One clause, then another one. And more.\",\"response_format\":\"wav\"}"));
	CHECK(client_hears(&c, "\r\n0\r\n\r\n"));
	CHECK(has(&c, "Content-Type: audio/wav\r\n") && has(&c, "WAVEfmt ") && c.got.n > 50000);
	CHECK(asks(&d, &s, "/v1/audio/speech", "{\"input\":\"Short.\",\"response_format\":\"pcm\",\"stream_format\":\"sse\"}"));
	CHECK(client_hears(&d, "speech.audio.done") && has(&d, "\"type\":\"speech.audio.delta\",\"audio\":\""));
}

#define PART(name, value) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

/* Two seconds with something like a voice in the middle. */
static bool make_form(struct buf *b, const char *parts)
{
	static int16_t pcm[STT_RATE_HZ * 2];
	unsigned long left = mem_fail_hold();

	for (size_t i = 0; i < ARRAY_LEN(pcm); i++) {
		size_t phase = i % 130;
		pcm[i] = i > 8000 && i < 24000 ? (int16_t)(9000 - (int)phase * 140) : (int16_t)((i * 7919) % 7 - 3);
	}
	buf_puts(b, parts);
	buf_puts(b, "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n");
	wav_write(b, STT_RATE_HZ, pcm, ARRAY_LEN(pcm));
	buf_puts(b, "\r\n--b--\r\n");
	mem_fail_resume(left);
	return !b->failed;
}

static void transcriptions_in_shapes(void)
{
	static const struct {
		const char *parts, *want;
	} rows[] = {
		{ PART("stream", "true"), "\"type\":\"transcript.text.done\",\"text\":\"what is this\"" },
		{ PART("model", "m"), "{\"text\":\"what is this\",\"usage\":{\"type\":\"duration\",\"seconds\":2.0}}" },
		{ PART("response_format", "text"), "\r\n\r\nwhat is this\n" },
		{ PART("response_format", "srt"), "1\n00:00:00," },
		{ PART("response_format", "verbose_json") PART("timestamp_granularities[]", "segment"), "\"segments\":[{\"id\":0," },
		{ PART("response_format", "xml"), "response_format is json" },
		{ PART("timestamp_granularities[]", "word"), "ask for 'segment'" },
	};
	AUTO(site) struct site s = { 0 };

	GIVEN(site_open(&s) && fake_hear_always(s.fake, "what is this") == 0);
	for (size_t i = 0; i < (hurry() ? 1 : ARRAY_LEN(rows)); i++) {
		AUTO(client) struct client c = { 0 };
		AUTO(buf) struct buf form = { 0 };

		CHECK(make_form(&form, rows[i].parts));
		CHECK(post(&c, &s, "/v1/audio/transcriptions", "multipart/form-data; boundary=b", buf_bytes(&form)));
		CHECK(client_hears(&c, rows[i].want));
	}
}

/* Whoever leaves takes the work along, whatever state it is in. */
static void leaving_ends_the_work(void)
{
	AUTO(site) struct site s = { 0 };
	const struct fake_delays slow = { .final_us = 3 * US_PER_S, .step_us = 3 * US_PER_S, .first_us = 3 * US_PER_S };

	GIVEN(site_open(&s));
	fake_delays(s.fake, &slow);
	for (unsigned turns = hurry() ? 12 : 0; turns < (hurry() ? 20 : 40); turns += 4) {
		AUTO(client) struct client chat = { 0 }, heard = { 0 }, spoken = { 0 };
		AUTO(buf) struct buf form = { 0 };

		CHECK(make_form(&form, PART("model", "m")));
		CHECK(asks(&chat, &s, "/v1/chat/completions", "{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Hm?\"}]}"));
		CHECK(turns % 8 ? post(&heard, &s, "/v1/audio/transcriptions", "multipart/form-data; boundary=b", buf_bytes(&form)) :
				  asks(&spoken, &s, "/v1/audio/speech", "{\"input\":\"Hello.\"}"));
		for (unsigned i = 0; i < turns; i++)
			client_turn(&chat);
		client_done(&chat);
		client_done(&heard);
		client_done(&spoken);
		AUTO(client) struct client look = { 0 };
		bool none = false;
		for (int i = 0; i < 200 && !none && !mem_failed(); i++) {
			client_done(&look);
			CHECK(client_join(&look, s.loops, &s.at) &&
			      client_says(&look, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") &&
			      client_hears(&look, "voiced_sessions "));
			none = has(&look, "voiced_sessions 0\n") && fake_running(s.fake) == 0;
		}
		CHECK(none);
	}
}

TESTS({ "chat_whole_and_streamed", chat_whole_and_streamed }, { "what_fails_is_told", what_fails_is_told },
      { "speech_in_parts", speech_in_parts }, { "transcriptions_in_shapes", transcriptions_in_shapes },
      { "leaving_ends_the_work", leaving_ends_the_work })
