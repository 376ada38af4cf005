#include "service/llm_openai.h"

#include <errno.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/test.h"
#include "net/fetch.h"
#include "net/peer_test.h"

#define D(json) "data: " json "\n\n"
#define TEXT(t) D("{\"choices\":[{\"delta\":{\"content\":\"" t "\"}}]}")
#define END D("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}")
#define USAGE D("{\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3}}") D("[DONE]")
#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define JSON(status, more, body) "HTTP/1.1 " status " X\r\nContent-Type: application/json\r\n" more "Connection: close\r\n\r\n" body
#define ERROR(message, param) "{\"error\":{\"message\":\"" message "\",\"param\":" param "}}"
#define OK_REPLY { { STREAM TEXT("Fine.") END USAGE }, 0, PEER_GOES }

struct rig {
	struct peer peer;
	struct loop *loop;
	struct fetcher *f;
	struct service s;
	struct llm *e;
	struct buf told;
	bool ended, offence;
};

static void rig_auto_(struct rig *r)
{
	llm_openai_ops.free(r->e);
	fetcher_free(r->f);
	loop_free(r->loop);
	service_done(&r->s);
	peer_end(&r->peer);
	buf_done(&r->told);
}

/* `more` follows the URL. */
static bool rig_begin(struct rig *r, const struct peer_reply *replies, size_t n, const char *more)
{
	char line[256], why[SERVICE_WHY];
	unsigned long left = mem_fail_hold();

	r->peer.warmed = true;
	bool ok = peer_begin(&r->peer, replies, n);
	snprintf(line, sizeof(line), "%s%s", r->peer.url, more);
	ok = ok && service_parse(&r->s, line, why) == 0;
	mem_fail_resume(left);
	return ok && loop_new(&r->loop, 0) == 0 && fetcher_new(&r->f) == 0 && llm_openai_new(&r->e, r->f, &r->s) == 0;
}

static void tell(void *owner, uint64_t ticket, const char *text)
{
	struct rig *r = owner;

	buf_printf(&r->told, "%s", text);
	r->offence |= r->ended || ticket != 7 || !loop_is_here(r->loop);
}

static void on_text(void *owner, uint64_t ticket, const char *text)
{
	tell(owner, ticket, text);
	tell(owner, ticket, "|");
}

static void on_cite(void *owner, uint64_t ticket, json_t *source)
{
	(void)source;
	tell(owner, ticket, "cite?");
}

static void on_call(void *owner, uint64_t ticket, const char *name, const char *arguments)
{
	tell(owner, ticket, name);
	on_text(owner, ticket, arguments);
}

static void on_done(void *owner, uint64_t ticket, enum llm_finish f, const struct llm_usage *u)
{
	char text[64];

	snprintf(text, sizeof(text), "done %d %d+%d", f, u->input_tokens, u->output_tokens);
	tell(owner, ticket, text);
	((struct rig *)owner)->ended = true;
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	tell(owner, ticket, e->code);
	tell(owner, ticket, ": ");
	tell(owner, ticket, e->message);
	((struct rig *)owner)->ended = true;
}

static const struct llm_sink sink = { on_text, on_cite, on_call, on_done, on_error, NULL };

static int ask(struct rig *r, struct llm_job **j)
{
	unsigned long left = mem_fail_hold();
	AUTO(json) json_t *items = json_pack("[{s:s,s:s,s:[{s:s,s:s}]}]", "type", "message", "role", "user", "content", "type",
					     "input_text", "text", "Hello?");
	AUTO(json) json_t *tools = json_pack("[{s:s,s:s}]", "type", "function", "name", "search");
	const struct llm_request q = { "Be kind.", items, tools, NULL, 50, 0.8 };

	mem_fail_resume(left);
	return llm_openai_ops.start(r->e, j, &q, r->loop, &sink, r, 7);
}

static bool answers(struct rig *r)
{
	struct llm_job *j;

	buf_reset(&r->told);
	r->ended = false;
	if (ask(r, &j) != 0)
		return false;
	for (int i = 0; i < (mem_failed() ? 100 : 10000) && !r->ended; i++)
		loop_once(r->loop, 1);
	return r->ended && !r->offence && !r->told.failed;
}

static bool told(struct rig *r, const char *text)
{
	bool ok = r->told.n && strcmp((const char *)r->told.p, text) == 0;

	if (!ok && !mem_failed())
		fprintf(stderr, "%s\n", r->told.n ? (const char *)r->told.p : "(nothing)");
	return ok;
}

/* With every allocation failing in turn, one of them is enough. */
static size_t rows(size_t n)
{
	return getenv("VOICED_TEST_OOM") ? 1 : n;
}

static void asks_each_service_its_way(void)
{
	static const struct {
		const char *more, *line, *has, *has_not;
	} table[] = {
		{ "/v1 model=m key=k1", "POST /v1/chat/completions HTTP/1.1\r\n", "Authorization: Bearer k1\r\n", "api-key" },
		{ "/v1 model=m", "POST /v1/chat/completions HTTP/1.1\r\n", "\"max_tokens\":50", "uthorization" },
		{ " api=azure model=m/1 version=2024-10-21 key=k1",
		  "POST /openai/deployments/m%2F1/chat/completions?api-version=2024-10-21 HTTP/1.1\r\n", "api-key: k1\r\n", "uthorization" },
		{ " api=azure model=m key=k1", "POST /openai/v1/chat/completions HTTP/1.1\r\n", "\"max_completion_tokens\":50", "\"max_tokens\"" },
	};
	static const struct peer_reply reply = { { STREAM TEXT("Good ") TEXT("day.") END USAGE }, 0, PEER_GOES };

	for (size_t i = 0; i < rows(ARRAY_LEN(table)); i++) {
		AUTO(rig) struct rig r = { 0 };

		CHECK(rig_begin(&r, &reply, 1, table[i].more));
		CHECK(answers(&r));
		CHECK(told(&r, "Good |day.|done 0 12+3"));
		CHECK(peer_was_asked(&r.peer, 0, table[i].line) && peer_was_asked(&r.peer, 0, table[i].has));
		CHECK(!peer_was_asked(&r.peer, 0, table[i].has_not) && peer_was_asked(&r.peer, 0, "\"model\":\"m"));
		CHECK(peer_was_asked(&r.peer, 0, "\"stream\":true") && peer_was_asked(&r.peer, 0, "{\"role\":\"user\",\"content\":\"Hello?\"}"));
	}
}

/* Each fails in its own way, with a sentence; the key is in none, and the next answer is well. */
static void every_failure_has_its_sentence(void)
{
	static const struct {
		struct peer_reply reply;
		const char *told;
	} table[] = {
		{ { { JSON("401", "", ERROR("Incorrect API key provided: sk-SECRETSECRET12345678.", "null")) }, 0, PEER_GOES },
		  "engine_unavailable: The language model's service does not let us in (status 401)." },
		{ { { JSON("404", "", "{\"error\":\"model 'm' not found\"}") }, 0, PEER_GOES },
		  "engine_unavailable: The language model's service does not know the model (status 404)." },
		{ { { JSON("429", "Retry-After: 3\r\n", "") }, 0, PEER_GOES },
		  "rate_limit_exceeded: The language model's service is at its limit (status 429)." },
		{ { { JSON("500", "", "<html>") }, 0, PEER_GOES }, "engine_unavailable: The language model's service is in trouble (status 500)." },
		{ { { JSON("307", "Location: http://127.0.0.1/\r\n", "") }, 0, PEER_GOES },
		  "engine_unavailable: The language model's service has moved (status 307)." },
		{ { { JSON("400", "", ERROR("Too long.", "\"messages\"")) }, 0, PEER_GOES },
		  "engine_refused: The language model's service refused the request (status 400): Too long." },
		{ { { JSON("400", "", ERROR("The response was filtered by the content management policy.", "null")) }, 0, PEER_GOES },
		  "content_filter: The language model's service refused the request (status 400): "
		  "The response was filtered by the content management policy." },
		{ { { "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>" }, 0, PEER_GOES },
		  "engine_failed: The language model's service answered with something that is no chat completion." },
		{ { { STREAM TEXT("Half ") }, 0, PEER_GOES },
		  "Half |engine_failed: The language model's service broke off in the middle of its answer." },
		{ { { STREAM TEXT("Half ") "data: {\"cho" }, 0, PEER_GOES },
		  "Half |engine_failed: The language model's service broke off in the middle of its answer." },
		{ { { STREAM TEXT("Half ") D("{\"error\":{\"message\":\"overloaded\"}}") }, 0, PEER_HANGS },
		  "Half |engine_failed: The language model's service broke off: overloaded" },
		{ { { STREAM TEXT("Half ") }, 0, PEER_HANGS },
		  "Half |engine_failed: The language model's service broke off in the middle of its answer." },
		{ { { NULL }, 0, PEER_HANGS }, "engine_unavailable: The language model's service did not answer in time." },
		{ { { STREAM, ": and so on and so on and so on and so on and so on and so on and so on and so on and so on and so on\n" },
		    0, PEER_FLOODS },
		  "engine_failed: The language model's service broke off in the middle of its answer." },
	};

	for (size_t i = 0; i < rows(ARRAY_LEN(table)); i++) {
		AUTO(rig) struct rig r = { 0 };
		const struct peer_reply replies[] = { table[i].reply, OK_REPLY };

		CHECK(rig_begin(&r, replies, 2, "/v1 model=m key=sk-SECRETSECRET12345678 timeout=0.05"));
		CHECK(answers(&r));
		CHECK(told(&r, table[i].told));
		CHECK(answers(&r));
		CHECK(told(&r, "Fine.|done 0 12+3"));
	}
}

static void tells_nobody_where_it_asks(void)
{
	AUTO(rig) struct rig r = { 0 };
	static const struct peer_reply none = { { NULL }, 0, PEER_GOES };

	CHECK(rig_begin(&r, &none, 1, "/v1 model=m"));
	peer_end(&r.peer);
	CHECK(answers(&r));
	CHECK(told(&r, "engine_unavailable: The language model's service cannot be reached."));
}

static void rests_when_told_to(void)
{
	static const struct peer_reply replies[] = { { { JSON("503", "retry-after-ms: 5000\r\n", "") }, 0, PEER_GOES }, OK_REPLY };
	AUTO(rig) struct rig r = { 0 };

	CHECK(rig_begin(&r, replies, 2, "/v1"));
	CHECK_EQ(llm_openai_rest_ms(r.e), 0);
	CHECK(answers(&r));
	CHECK(llm_openai_rest_ms(r.e) > 4000 && llm_openai_rest_ms(r.e) <= 5001);
	CHECK(answers(&r));
	CHECK_EQ(llm_openai_rest_ms(r.e), 0);
}

static void gives_in_and_remembers(void)
{
	static const struct peer_reply replies[] = {
		{ { JSON("400", "", ERROR("Use max_completion_tokens.", "\"max_tokens\"")) }, 0, PEER_GOES },
		{ { JSON("400", "", ERROR("Unsupported value: temperature", "\"temperature\"")) }, 0, PEER_GOES },
		OK_REPLY,
	};
	AUTO(rig) struct rig r = { 0 };

	CHECK(rig_begin(&r, replies, 3, "/v1 model=m"));
	CHECK(answers(&r));
	CHECK(told(&r, "Fine.|done 0 12+3"));
	CHECK_EQ(peer_asked(&r.peer), 3);
	CHECK(peer_was_asked(&r.peer, 0, "\"max_tokens\":50") && peer_was_asked(&r.peer, 1, "\"max_completion_tokens\":50"));
	CHECK(peer_was_asked(&r.peer, 1, "temperature") && !peer_was_asked(&r.peer, 2, "temperature"));
	CHECK(answers(&r));
	CHECK(peer_was_asked(&r.peer, 3, "\"max_completion_tokens\":50") && !peer_was_asked(&r.peer, 3, "temperature"));
}

static void the_end_does_not_wait_for_the_connection(void)
{
	static const struct peer_reply reply = { { STREAM TEXT("Fine.") END USAGE }, 0, PEER_HANGS };
	AUTO(rig) struct rig r = { 0 };

	CHECK(rig_begin(&r, &reply, 1, "/v1 model=m"));
	CHECK(answers(&r));
	CHECK(told(&r, "Fine.|done 0 12+3"));
}

static void text_comes_while_it_is_written(void)
{
	static const struct peer_reply reply = { { PEER_OK_CHUNKED, "3c\r\n" TEXT("One sentence. ") "\r\n" }, 0, PEER_HANGS };
	AUTO(rig) struct rig r = { 0 };
	struct llm_job *j;

	CHECK(rig_begin(&r, &reply, 1, "/v1 model=m"));
	CHECK_EQ(ask(&r, &j), 0);
	for (int i = 0; i < (mem_failed() ? 20 : 2000) && !r.told.n && !r.ended; i++)
		loop_once(r.loop, 1);
	CHECK(told(&r, "One sentence. |"));
	llm_openai_ops.cancel(j);
	loop_once(r.loop, 2);
	CHECK(!r.ended && !r.offence);
}

static void without_a_token_nothing_is_asked(void)
{
	static const struct peer_reply reply = { { JSON("401", "", "{\"error\":\"invalid_client\"}") }, 0, PEER_GOES };
	AUTO(peer) struct peer authority = { 0 };
	AUTO(rig) struct rig r = { 0 };
	struct llm_job *j;
	int error = -EAGAIN;
	char more[160];

	GIVEN(peer_begin(&authority, &reply, 1));
	snprintf(more, sizeof(more), "/v1 tenant=t client=c secret=s authority=%s", authority.url);
	CHECK(rig_begin(&r, &reply, 1, more));
	for (int i = 0; i < 2000 && error == -EAGAIN && !mem_failed(); i++) {
		error = ask(&r, &j);
		peer_nap(1);
	}
	CHECK_EQ(error, -EACCES);
	CHECK_EQ(peer_asked(&r.peer), 0);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "asks_each_service_its_way", asks_each_service_its_way },
		{ "every_failure_has_its_sentence", every_failure_has_its_sentence },
		{ "tells_nobody_where_it_asks", tells_nobody_where_it_asks },
		{ "rests_when_told_to", rests_when_told_to },
		{ "gives_in_and_remembers", gives_in_and_remembers },
		{ "the_end_does_not_wait_for_the_connection", the_end_does_not_wait_for_the_connection },
		{ "text_comes_while_it_is_written", text_comes_while_it_is_written },
		{ "without_a_token_nothing_is_asked", without_a_token_nothing_is_asked },
	};

	json_init();
	log_set_level(LOG_ERROR);
	return test_main_(tests, ARRAY_LEN(tests), argc > 1 ? argv[1] : NULL);
}
