#include "service/realtime_ws.h"

#include <errno.h>

#include "base/test.h"
#include "service/health.h"
#include "service/realtime_inner.h"
#include "service/realtime_rig.h"
#include "net/fetch.h"

/* --- a caller that writes down what it is told ----------------------------------------------- */

struct caller {
	struct buf heard;
	struct realtime_link *link;
	uint64_t again_us;
	size_t n_samples;
	char call_id[40];
	struct llm_usage usage;
	enum { BEGUN_LET, BEGUN_ADOPT, BEGUN_CANCEL, BEGUN_CLOSE } when_begun;
	const char *close_at; /* in the sink call of this name */
};

static void tell(struct caller *c, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void tell(struct caller *c, const char *name, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(&c->heard, "%s%s%s\n", name, *text ? " " : "", text);
	if (c->close_at && strcmp(c->close_at, name) == 0 && c->link) {
		realtime_ws_ops.close(c->link);
		c->link = NULL;
	}
}

static void on_open(void *owner, uint64_t link)
{
	(void)link;
	tell(owner, "open", "%s", "");
}

static void on_speech(void *owner, uint64_t link, bool started, uint64_t ms)
{
	(void)link;
	tell(owner, "speech", "%s %u", started ? "on" : "off", (unsigned)ms);
}

static void on_commit(void *owner, uint64_t link)
{
	struct caller *c = owner;

	(void)link;
	realtime_ws_ops.name_item(c->link, 0, "item_heard");
	tell(c, "commit", "%s", "");
}

static void on_words_delta(void *owner, uint64_t link, const char *text)
{
	(void)link;
	tell(owner, "delta", "%s", text);
}

static void on_words(void *owner, uint64_t link, const char *text)
{
	(void)link;
	tell(owner, "words", "%s", text);
}

static void on_deaf(void *owner, uint64_t link, const struct engine_error *e)
{
	(void)link;
	tell(owner, "deaf", "%s", e->code);
}

static void on_begun(void *owner, uint64_t link)
{
	struct caller *c = owner;

	(void)link;
	if (c->when_begun == BEGUN_ADOPT)
		realtime_ws_ops.adopt(c->link, 70);
	else if (c->when_begun == BEGUN_CANCEL)
		realtime_ws_ops.cancel(c->link, 0);
	tell(c, "begun", "%s", "");
}

static void on_text(void *owner, uint64_t link, uint64_t ref, const char *text)
{
	(void)link;
	tell(owner, "text", "%u %s", (unsigned)ref, text);
}

static void on_transcript(void *owner, uint64_t link, uint64_t ref, const char *text)
{
	struct caller *c = owner;

	(void)link;
	realtime_ws_ops.name_item(c->link, ref, "item_said");
	tell(c, "said", "%u %s", (unsigned)ref, text);
}

static void on_audio(void *owner, uint64_t link, uint64_t ref, const int16_t *pcm, size_t n)
{
	struct caller *c = owner;

	(void)link;
	(void)ref;
	(void)pcm;
	c->n_samples += n;
}

static void on_call(void *owner, uint64_t link, uint64_t ref, const char *call_id, const char *name,
		    const char *arguments)
{
	struct caller *c = owner;

	(void)link;
	snprintf(c->call_id, sizeof(c->call_id), "%s", call_id);
	tell(c, "call", "%u %s %s", (unsigned)ref, name, arguments);
}

static void on_done(void *owner, uint64_t link, uint64_t ref, enum llm_finish f,
		    const struct llm_usage *u)
{
	struct caller *c = owner;

	(void)link;
	c->usage = *u;
	tell(c, "done", "%u %d", (unsigned)ref, f);
}

static void on_failed(void *owner, uint64_t link, uint64_t ref, const struct engine_error *e)
{
	(void)link;
	tell(owner, "failed", "%u %s", (unsigned)ref, e->code);
}

static void on_lost(void *owner, uint64_t link, const struct engine_error *e, uint64_t again_us)
{
	struct caller *c = owner;

	(void)link;
	c->link = NULL;
	c->again_us = again_us;
	tell(c, "lost", "%s: %s", e->code, e->message);
}

static const struct realtime_sink sink = {
	.on_open = on_open, .on_speech = on_speech, .on_commit = on_commit,
	.on_words_delta = on_words_delta, .on_words = on_words, .on_deaf = on_deaf,
	.on_begun = on_begun, .on_text = on_text, .on_transcript = on_transcript,
	.on_audio = on_audio, .on_call = on_call, .on_done = on_done, .on_failed = on_failed,
	.on_lost = on_lost,
};

/* --- one or two services, an engine, a caller ---------------------------------------------------- */

enum { UPS = 2, FEW = 100 };

struct rig {
	struct loop *loop;
	struct up_server up[UPS];
	struct service services[UPS];
	size_t n;
	struct realtime *e;
	struct caller c;
};

static void rig_auto_(struct rig *r)
{
	if (r->c.link)
		realtime_ws_ops.close(r->c.link);
	realtime_ws_ops.free(r->e);
	for (size_t i = 0; i < UPS; i++) {
		up_close(&r->up[i]);
		service_done(&r->services[i]);
	}
	loop_free(r->loop);
	buf_done(&r->c.heard);
}

/* With every allocation failing in turn there are hundreds of runs: one case of many, and none that waits
 * for a time limit. */
static bool in_a_hurry(void)
{
	return getenv("VOICED_TEST_OOM") != NULL;
}

#define EACH(i, array) (size_t i = 0; i < (in_a_hurry() ? 1 : ARRAY_LEN(array)); i++)

/* What the tests stand on: no allocation of it fails. */
static bool make_all(struct rig *r, const char *api, size_t n, unsigned timeout_ms)
{
	struct realtime_ws_params p = { .services = r->services, .n_services = n };
	char why[REALTIME_WHY];

	json_init();
	r->n = n;
	if (loop_new(&r->loop, 0) != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!up_open(&r->up[i], r->loop) ||
		    !up_service(&r->up[i], &r->services[i], api, timeout_ms))
			return false;
		r->up[i].flat = strcmp(api, "azure-preview") == 0 || strcmp(api, "voice-live") == 0;
	}
	return realtime_ws_new(&r->e, &p, why) == 0;
}

static bool make(struct rig *r, const char *api, size_t n, unsigned timeout_ms)
{
	unsigned long left = mem_fail_hold();
	bool made = make_all(r, api, n, timeout_ms);

	mem_fail_resume(left);
	return made;
}

static bool open_with(struct rig *r, const char *session, const char *items, bool service_turns)
{
	char why[160];
	AUTO(json) json_t *s = json_parse(bytes_str(session), why);
	AUTO(json) json_t *i = json_parse(bytes_str(items), why);
	const struct realtime_start start = { .session = s, .items = i, .service_turns = service_turns,
					      .safety_id = "user-hash" };

	return s && i && realtime_ws_ops.open(r->e, &r->c.link, &start, r->loop, &sink, &r->c, 5) == 0;
}

#define SESSION                                                                                    \
	"{\"output_modalities\":[\"audio\"],\"instructions\":\"Be brief.\",\"tools\":[{\"type\":\"function\"," \
	"\"name\":\"search\"},{\"type\":\"mcp\"}],\"temperature\":0.8,\"max_output_tokens\":\"inf\","    \
	"\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcmu\"},\"transcription\":{},"               \
	"\"turn_detection\":{\"type\":\"server_vad\"}},\"output\":{\"voice\":\"alloy\",\"speed\":1.0}}}"

static json_t *parse(const char *text)
{
	char why[160];

	json_init();
	return json_parse(bytes_str(text), why);
}

static const char *said(const struct rig *r)
{
	return r->c.heard.n ? (const char *)r->c.heard.p : "";
}

/* Until the caller has heard this. */
static bool hears(struct rig *r, const char *text)
{
	struct timespec nap = { .tv_nsec = 100000 };

	for (int i = 0; i < UP_PATIENCE_MS * 10 && !strstr(said(r), text); i++) {
		if (mem_failed() && i > FEW) /* it may never come */
			return false;
		loop_once(r->loop, 0);
		if (i > FEW) /* what only waits for loopback needs no rest */
			nanosleep(&nap, NULL);
	}
	return strstr(said(r), text) != NULL;
}

static bool served(struct rig *r, const char *type, size_t n)
{
	struct timespec nap = { .tv_nsec = 100000 };

	for (int i = 0; i < UP_PATIENCE_MS * 10 && up_count(&r->up[0], type, NULL) < n; i++) {
		if (mem_failed() && i > FEW)
			return false;
		loop_once(r->loop, 0);
		if (i > FEW) /* what only waits for loopback needs no rest */
			nanosleep(&nap, NULL);
	}
	return up_count(&r->up[0], type, NULL) >= n;
}

static void turn(struct rig *r, unsigned ms)
{
	loop_once(r->loop, ms);
}

static void push_ms(struct rig *r, unsigned ms)
{
	static const int16_t pcm[REALTIME_RATE_HZ / 50];

	for (; ms >= 20 && r->c.link; ms -= 20)
		realtime_ws_ops.push(r->c.link, pcm, ARRAY_LEN(pcm));
}

/* --- tests ------------------------------------------------------------------------------------------ */

static const char *text_at(const json_t *v, const char *path)
{
	char word[48];
	size_t n = strcspn(path, ".");

	snprintf(word, sizeof(word), "%.*s", (int)n, path);
	const json_t *inner = json_object_get(v, word);
	if (path[n])
		return text_at(inner, path + n + 1);
	return json_is_string(inner) ? json_string_value(inner) : json_is_null(inner) ? "null" : "-";
}

static void speaks_each_dialect(void)
{
	static const struct {
		const char *api, *target, *type, *voice, *format, *ears, *turns;
	} cases[] = {
		{ "openai", "/v1/realtime?model=gpt-test", "session.type", "session.audio.output.voice",
		  "session.audio.input.format.type", "gpt-4o-mini-transcribe", "session.audio.input.turn_detection" },
		{ "azure", "/openai/v1/realtime?model=gpt-test", "session.type", "session.audio.output.voice",
		  "session.audio.input.format.type", "whisper-1", "session.audio.input.turn_detection" },
		{ "azure-preview", "/openai/realtime?api-version=2025-04-01-preview&deployment=gpt-test", NULL,
		  "session.voice", "session.input_audio_format", "whisper-1", "session.turn_detection" },
		{ "voice-live", "/voice-live/realtime?api-version=2025-10-01&model=gpt-test", NULL,
		  "session.voice", "session.input_audio_format", "azure-speech", "session.turn_detection" },
	};

	for EACH(i, cases) {
		AUTO(rig) struct rig r = { 0 };
		const json_t *e = NULL;
		bool flat = !cases[i].type;
		CHECK(make(&r, cases[i].api, 1, 2000));
		CHECK(open_with(&r, SESSION,
				"[{\"type\":\"message\",\"id\":\"item_1\",\"role\":\"user\",\"content\":["
				"{\"type\":\"input_audio\",\"transcript\":\"hello\"}]},{\"type\":\"message\",\"role\":"
				"\"assistant\",\"id\":\"item_2\",\"content\":[{\"type\":\"output_audio\",\"transcript\":\"Hi.\"}]}]",
				false));
		CHECK_STR(said(&r), "");
		CHECK(hears(&r, "open\n"));
		CHECK_STR(r.up[0].target, cases[i].target);
		CHECK(r.up[0].key_seen);
		CHECK_EQ(up_count(&r.up[0], "session.update", &e), 1);
		CHECK_STR(text_at(e, cases[i].voice), "alloy");
		CHECK_STR(text_at(e, cases[i].format), flat ? "pcm16" : "audio/pcm");
		CHECK_STR(text_at(e, cases[i].turns), "null");
		CHECK_STR(text_at(e, flat ? "session.input_audio_transcription.model" :
					    "session.audio.input.transcription.model"), cases[i].ears);
		CHECK_EQ(json_array_size(json_object_get(json_object_get(e, "session"), "tools")), 1);
		CHECK(flat == (json_object_get(json_object_get(e, "session"), "temperature") != NULL));
		CHECK(served(&r, "conversation.item.create", 2));
		CHECK_EQ(up_count(&r.up[0], "conversation.item.create", &e), 2);
		const json_t *part = json_array_get(json_object_get(json_object_get(e, "item"), "content"), 0);
		CHECK_STR(json_str(part, "type", ""), flat ? "text" : "output_text");

		push_ms(&r, 100);
		realtime_ws_ops.commit(r.c.link);
		realtime_ws_ops.name_item(r.c.link, 0, "item_3");
		CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 9), 0);
		CHECK(hears(&r, "done 9 0\n"));
		CHECK_STR(said(&r), "open\ndelta what is \nwords what is this\nsaid 9 It is a test.\ndone 9 0\n");
		CHECK_EQ(r.up[0].n_samples, 2400);
		CHECK_EQ(r.c.n_samples, REALTIME_RATE_HZ / 1000 * UP_AUDIO_MS);
		CHECK_EQ(r.c.usage.input_tokens, 30);
		CHECK_EQ(r.c.usage.input_audio_tokens, 12);
		CHECK_EQ(r.c.usage.cached_tokens, 4);
		CHECK_EQ(r.c.usage.output_audio_tokens, 9);

		/* By our names their items are known. */
		realtime_ws_ops.truncate(r.c.link, 9, 120);
		realtime_ws_ops.remove(r.c.link, "item_3");
		realtime_ws_ops.remove(r.c.link, "item_1");
		CHECK(served(&r, "conversation.item.delete", 2));
		CHECK_EQ(up_count(&r.up[0], "conversation.item.truncate", &e), 1);
		CHECK_STR(json_str(e, "item_id", ""), "msg_1");
		CHECK_EQ(json_int(e, "audio_end_ms", 0), 120);
		CHECK_EQ(up_count(&r.up[0], "conversation.item.delete", &e), 2);
		CHECK_STR(json_str(e, "item_id", ""), "item_1");
	}
}

/* What is given before on_open goes out after it, in order. */
static void holds_what_comes_early(void)
{
	AUTO(rig) struct rig r = { 0 };
	const json_t *e = NULL;
	AUTO(json) json_t *item = parse("{\"type\":\"message\",\"id\":\"item_a\",\"role\":\"user\","
						       "\"content\":[{\"type\":\"input_text\",\"text\":\"x\"}]}");
	AUTO(json) json_t *text = parse("{\"output_modalities\":[\"text\"],\"metadata\":{\"k\":\"v\"}}");
	CHECK(item && text && make(&r, "openai", 1, 2000));
	CHECK(open_with(&r, SESSION, "[]", false));
	push_ms(&r, 2500);
	realtime_ws_ops.commit(r.c.link);
	CHECK_EQ(realtime_ws_ops.add(r.c.link, item, "root"), 0);
	CHECK_EQ(realtime_ws_ops.ask(r.c.link, &(struct realtime_ask){ text }, 3), 0);
	CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 4), 0);
	realtime_ws_ops.cancel(r.c.link, 4);
	CHECK(hears(&r, "done 3"));
	CHECK_EQ(r.up[0].n_samples, 2500 * 24);
	CHECK(r.up[0].n_appends <= 26);
	CHECK_EQ(up_count(&r.up[0], "response.create", &e), 1);
	CHECK_STR(text_at(e, "response.metadata.k"), "v");
	CHECK_EQ(up_count(&r.up[0], "conversation.item.create", &e), 1);
	CHECK_STR(json_str(e, "previous_item_id", ""), "root");
	CHECK(strstr(said(&r), "text 3 It is a test."));
	CHECK(!strstr(said(&r), " 4"));
}

static void calls_functions(void)
{
	AUTO(rig) struct rig r = { 0 };
	CHECK(make(&r, "openai", 1, 2000));
	r.up[0].call = "search";
	CHECK(open_with(&r, SESSION, "[]", false));
	CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 3), 0);
	CHECK(hears(&r, "done 3 1\n"));
	CHECK(strstr(said(&r), "call 3 search {}\n"));
	CHECK_STR(r.c.call_id, "call_1");
	AUTO(json) json_t *out = parse("{\"type\":\"function_call_output\",\"call_id\":\"call_1\","
						      "\"output\":\"{}\"}");
	AUTO(json) json_t *mcp = parse("{\"type\":\"mcp_call\"}");
	CHECK(out && mcp);
	CHECK_EQ(realtime_ws_ops.add(r.c.link, out, NULL), 0);
	CHECK_EQ(realtime_ws_ops.add(r.c.link, mcp, NULL), -EINVAL);
	CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 4), 0);
	CHECK(hears(&r, "done 4 0\n"));
}

/* One answer of the conversation at a time; others beside it. */
static void one_answer_waits_for_the_other(void)
{
	AUTO(rig) struct rig r = { 0 };
	AUTO(json) json_t *apart = parse("{\"conversation\":\"none\",\"input\":[{\"type\":\"message\","
							"\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"x\"}]}]}");
	CHECK(apart && make(&r, "openai", 1, 2000));
	r.up[0].finishes = false;
	CHECK(open_with(&r, SESSION, "[]", false));
	CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 1), 0);
	CHECK(hears(&r, "said 1"));
	CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 2), 0);
	CHECK_EQ(realtime_ws_ops.ask(r.c.link, &(struct realtime_ask){ apart }, 3), 0);
	CHECK(hears(&r, "said 3"));
	CHECK(!strstr(said(&r), "said 2"));
	r.up[0].finishes = true;
	snprintf(r.up[0].active, sizeof(r.up[0].active), "resp_1");
	realtime_ws_ops.cancel(r.c.link, 1);
	CHECK(hears(&r, "done 2"));
	CHECK(!strstr(said(&r), "done 1") && !strstr(said(&r), "failed 1"));
}

static void turns_of_the_service(void)
{
	for (int when = in_a_hurry() ? BEGUN_ADOPT : BEGUN_LET; when <= (in_a_hurry() ? BEGUN_ADOPT : BEGUN_CLOSE); when++) {
		AUTO(rig) struct rig r = { .c = { .when_begun = when,
						  .close_at = when == BEGUN_CLOSE ? "begun" : NULL } };
		const json_t *e = NULL;
		CHECK(make(&r, "openai", 1, 2000));
		CHECK(open_with(&r, SESSION, "[]", true));
		CHECK(hears(&r, "open\n"));
		CHECK_EQ(up_count(&r.up[0], "session.update", &e), 1);
		CHECK_STR(text_at(e, "session.audio.input.turn_detection.type"), "server_vad");
		struct up_server *u = &r.up[0];
		up_sayf(u, "{'type':'input_audio_buffer.speech_started','audio_start_ms':120,'item_id':'user_1'}");
		up_sayf(u, "{'type':'input_audio_buffer.speech_stopped','audio_end_ms':900,'item_id':'user_1'}");
		u->finishes = false;
		up_hear(u);
		up_answer(u, NULL);
		CHECK(hears(&r, "begun\n"));
		CHECK(strstr(said(&r), "open\nspeech on 120\nspeech off 900\ncommit\ndelta what is \nwords what is this\nbegun\n"));
		if (when == BEGUN_ADOPT) {
			CHECK(hears(&r, "said 70"));
			up_done(u, "resp_1", "cancelled", "{'type':'cancelled','reason':'turn_detected'}");
			CHECK(hears(&r, "failed 70 response_cancelled\n"));
			realtime_ws_ops.remove(r.c.link, "item_heard");
			CHECK(served(&r, "conversation.item.delete", 1));
			CHECK_EQ(up_count(u, "conversation.item.delete", &e), 1);
			CHECK_STR(json_str(e, "item_id", ""), "user_1");
		} else if (when != BEGUN_CLOSE) {
			CHECK(served(&r, "response.cancel", 1));
			turn(&r, 2);
			CHECK(!strstr(said(&r), "said"));
			CHECK_EQ(up_count(u, "response.cancel", NULL), 1);
		}
	}
}

static void words_are_told_in_order(void)
{
	if (in_a_hurry())
		return;
	AUTO(rig) struct rig r = { 0 };
	CHECK(make(&r, "openai", 1, 120));
	r.up[0].hears = false;
	CHECK(open_with(&r, SESSION, "[]", false));
	for (int i = 0; i < 4; i++)
		realtime_ws_ops.commit(r.c.link);
	CHECK(served(&r, "input_audio_buffer.commit", 4));
	struct up_server *u = &r.up[0];
	up_sayf(u, "{'type':'conversation.item.input_audio_transcription.completed','item_id':'user_2','transcript':'two'}");
	up_sayf(u, "{'type':'conversation.item.input_audio_transcription.delta','item_id':'user_3','delta':'no'}");
	up_sayf(u, "{'type':'conversation.item.input_audio_transcription.failed','item_id':'user_1','error':{'code':'audio_unintelligible'}}");
	up_sayf(u, "{'type':'conversation.item.input_audio_transcription.failed','item_id':'user_3','error':{'code':'Bad Code!'}}");
	CHECK(hears(&r, "deaf engine_unavailable\ndeaf engine_unavailable\n")); /* of the fourth nothing comes */
	CHECK_STR(said(&r), "open\ndeaf audio_unintelligible\nwords two\ndeaf engine_unavailable\ndeaf engine_unavailable\n");
}

/* --- what goes wrong ------------------------------------------------------------------------------- */

static void the_next_service_is_tried(void)
{
	static const struct {
		unsigned refuse;
		bool greets, updates;
		const char *why;
	} cases[] = { { 429, true, true, "no room" }, { 401, true, true, "key" }, { 0, false, true, "" },
		      { 0, true, false, "" } };

	for EACH(i, cases) {
		AUTO(rig) struct rig r = { 0 };
		struct health_view v;
		CHECK(make(&r, "openai", 2, 80));
		r.up[0].refuse = cases[i].refuse;
		r.up[0].greets = cases[i].greets;
		r.up[0].updates = cases[i].updates;
		CHECK(open_with(&r, SESSION, "[]", false));
		realtime_ws_ops.commit(r.c.link);
		CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 1), 0);
		CHECK(hears(&r, "done 1"));
		CHECK(!strstr(said(&r), "lost"));
		CHECK_EQ(r.up[0].n_links, 1);
		CHECK_EQ(r.up[1].n_links, 1);
		health_view(realtime_ws_health(r.e, 0), loop_now_us(r.loop), &v);
		CHECK(v.resting);
		/* While it rests it is not asked. */
		realtime_ws_ops.close(r.c.link);
		r.c.link = NULL;
		CHECK(open_with(&r, SESSION, "[]", false));
		buf_reset(&r.c.heard);
		CHECK(hears(&r, "open\n"));
		CHECK_EQ(r.up[0].n_links, 1);
	}
}

static void all_have_failed(void)
{
	AUTO(rig) struct rig r = { 0 };
	CHECK(make(&r, "openai", 2, 80));
	r.up[0].refuse = 401;
	r.up[1].refuse = 503;
	CHECK(open_with(&r, SESSION, "[]", false));
	CHECK(hears(&r, "lost engine_unavailable: The realtime service has no room just now.\n"));
	CHECK(!strstr(said(&r), "k3y"));
	uint64_t now = loop_now_us(r.loop);
	CHECK(r.c.again_us > now && r.c.again_us < now + 2 * US_PER_S);
	CHECK(open_with(&r, SESSION, "[]", false)); /* both rest: nobody is asked */
	CHECK(hears(&r, "lost engine_unavailable: No realtime service can be reached just now.\n"));
	CHECK_EQ(r.up[1].n_links, 1);
}

static void who_has_no_room_says_so_to_all(void)
{
	AUTO(rig) struct rig r = { 0 };
	CHECK(make(&r, "openai", 1, 80));
	r.up[0].refuse = 429;
	for (int i = 0; i < 2; i++) { /* the second finds it at rest */
		CHECK(open_with(&r, SESSION, "[]", false));
		CHECK(hears(&r, "lost rate_limit_exceeded: The realtime service has no room just now.\n"));
		CHECK_EQ(r.up[0].n_links, 1);
		buf_reset(&r.c.heard);
	}
}

static void an_open_one_breaks(void)
{
	AUTO(rig) struct rig r = { 0 };
	CHECK(make(&r, "openai", 1, 2000));
	r.up[0].finishes = false;
	CHECK(open_with(&r, SESSION, "[]", false));
	CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 1), 0);
	CHECK(hears(&r, "said 1"));
	websocket_free(r.up[0].ws);
	r.up[0].ws = NULL;
	push_ms(&r, 100);
	CHECK(hears(&r, "lost engine_unavailable: The connection to the realtime service broke.\n"));
	CHECK(!strstr(said(&r), "failed") && !strstr(said(&r), "done"));
}

static void errors_find_their_cause(void)
{
	if (in_a_hurry())
		return;
	AUTO(rig) struct rig r = { 0 };
	CHECK(make(&r, "openai", 1, 2000));
	struct up_server *u = &r.up[0];
	u->answers = false;
	CHECK(open_with(&r, SESSION, "[]", false));
	CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 11), 0);
	CHECK(served(&r, "response.create", 1));
	up_sayf(u, "{'type':'error','error':{'code':'whatever','event_id':'x99'}}");
	up_sayf(u, "{'type':'error','error':{'type':'invalid_request_error','code':'invalid_value','event_id':'r11'}}");
	CHECK(hears(&r, "failed 11 invalid_value\n"));
	/* Busy: once more, until it is not. */
	CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 12), 0);
	CHECK(served(&r, "response.create", 2));
	up_sayf(u, "{'type':'error','error':{'code':'conversation_already_has_active_response','event_id':null}}");
	u->answers = true;
	CHECK(hears(&r, "done 12"));
	/* The service ends it by itself. */
	up_sayf(u, "{'type':'error','error':{'code':'session_expired'}}");
	CHECK(hears(&r, "lost session_expired"));
	CHECK(r.c.again_us <= loop_now_us(r.loop));
}

static void answers_that_end_otherwise(void)
{
	static const struct {
		const char *status, *details, *heard;
	} cases[] = {
		{ "incomplete", "{'type':'incomplete','reason':'max_output_tokens'}", "done 1 2\n" },
		{ "incomplete", "{'type':'incomplete','reason':'content_filter'}", "failed 1 content_filter\n" },
		{ "failed", "{'type':'failed','error':{'code':'model_error'}}", "failed 1 model_error\n" },
		{ "failed", "{'type':'failed','error':{'code':'rate_limit_exceeded'}}", "lost rate_limit_exceeded" },
		{ "failed", "{'type':'failed','error':{'type':'server_error'}}", "lost engine_unavailable" },
		{ "nonsense", "17", "failed 1 engine_unavailable\n" },
	};

	for EACH(i, cases) {
		AUTO(rig) struct rig r = { 0 };
		CHECK(make(&r, "openai", 1, 2000));
		r.up[0].finishes = false;
		CHECK(open_with(&r, SESSION, "[]", false));
		CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 1), 0);
		CHECK(hears(&r, "said 1"));
		up_done(&r.up[0], "resp_1", cases[i].status, cases[i].details);
		CHECK(hears(&r, cases[i].heard));
	}
}

static void silence_has_an_end(void)
{
	if (in_a_hurry())
		return;
	AUTO(rig) struct rig r = { 0 };
	CHECK(make(&r, "openai", 1, 120));
	r.up[0].finishes = false;
	CHECK(open_with(&r, SESSION, "[]", false));
	CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 1), 0);
	CHECK(hears(&r, "failed 1 engine_unavailable\n"));
	CHECK(served(&r, "response.cancel", 1));
}

static void nonsense_is_passed_over(void)
{
	if (in_a_hurry())
		return;
	static const char *const lines[] = {
		"{", "17", "[]", "{\"type\":17}", "{\"type\":\"unknown.event\",\"x\":[1,2,{}]}",
		"{\"type\":\"response.done\"}", "{\"type\":\"response.done\",\"response\":[]}",
		"{\"type\":\"response.created\",\"response\":17}",
		"{\"type\":\"response.output_audio.delta\",\"response_id\":\"resp_9\",\"delta\":\"AAAA\"}",
		"{\"type\":\"response.output_item.done\",\"response_id\":[],\"item\":\"x\"}",
		"{\"type\":\"input_audio_buffer.committed\"}", "{\"type\":\"error\"}", "{\"type\":\"error\",\"error\":\"x\"}",
		"{\"type\":\"conversation.item.input_audio_transcription.completed\",\"transcript\":null}",
		"{\"type\":\"session.created\"}", "{\"type\":\"session.updated\"}",
		"{\"type\":\"input_audio_buffer.speech_started\",\"audio_start_ms\":\"soon\"}",
		"{\"type\":\"rate_limits.updated\",\"rate_limits\":null}",
	};
	AUTO(rig) struct rig r = { 0 };
	CHECK(make(&r, "openai", 1, 2000));
	r.up[0].finishes = false;
	CHECK(open_with(&r, SESSION, "[]", false));
	CHECK(hears(&r, "open\n"));
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		up_say(&r.up[0], lines[i]);
	/* Audio with half a sample at its end loses it; what is no base64 fails the answer. */
	CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 1), 0);
	CHECK(hears(&r, "said 1"));
	turn(&r, 2);
	size_t before = r.c.n_samples;
	up_sayf(&r.up[0], "{'type':'response.output_audio.delta','response_id':'resp_1','item_id':'msg_1','delta':'AAAA'}");
	up_sayf(&r.up[0], "{'type':'response.output_audio.delta','response_id':'resp_1','item_id':'msg_1','delta':'no base64!'}");
	CHECK(hears(&r, "failed 1 engine_unavailable\n"));
	CHECK_EQ(r.c.n_samples, before + 1);
	/* A flood of it ends the link. */
	for (int i = 0; i < 200; i++)
		up_say(&r.up[0], "{");
	CHECK(hears(&r, "lost engine_unavailable: The realtime service does not keep to its protocol.\n"));
}

static void a_link_may_go_at_any_time(void)
{
	static const char *const names[] = { "open", "delta", "words", "said", "done", "lost" };

	for EACH(i, names) {
		AUTO(rig) struct rig r = { .c = { .close_at = names[i] } };
		CHECK(make(&r, "openai", 1, 2000));
		CHECK(open_with(&r, SESSION, "[]", false));
		push_ms(&r, 200);
		realtime_ws_ops.commit(r.c.link);
		CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 1), 0);
		if (i == 5)
			r.up[0].refuse = 500;
		CHECK(hears(&r, names[i]));
		CHECK(r.c.link == NULL);
		size_t n = r.c.heard.n;
		turn(&r, 3);
		CHECK_EQ(r.c.heard.n, n);
	}
	/* Freed with a link in every state. */
	for (int i = 0; i < (in_a_hurry() ? 2 : 6); i++) {
		AUTO(rig) struct rig r = { 0 };
		CHECK(make(&r, "openai", 1, 2000));
		CHECK(open_with(&r, SESSION, "[]", false));
		for (int k = 0; k < i; k++)
			loop_once(r.loop, 0);
		r.c.link = NULL;
	}
}

/* A connection that is old is given up when nobody speaks. */
static void an_old_link_is_renewed(void)
{
	if (in_a_hurry())
		return;
	AUTO(rig) struct rig r = { 0 };
	CHECK(make(&r, "openai", 1, 2000));
	r.up[0].finishes = false;
	CHECK(open_with(&r, SESSION, "[]", false));
	CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 1), 0);
	CHECK(hears(&r, "said 1"));
	r.c.link->opened_us -= 56 * 60 * (uint64_t)US_PER_S;
	for (int i = 0; i < 300; i++)
		turn(&r, 1);
	CHECK(!strstr(said(&r), "lost"));
	up_done(&r.up[0], "resp_1", "completed", "null");
	CHECK(hears(&r, "done 1 0\nlost session_expired"));
	CHECK(r.c.again_us <= loop_now_us(r.loop));
}

/* Entra ID: what is said before there is a token waits like the rest. */
static void waits_for_a_token(void)
{
	if (in_a_hurry()) /* credential_test.c has it */
		return;
	AUTO(fetcher) struct fetcher *f = NULL;
	AUTO(rig) struct rig r = { 0 };
	struct realtime_ws_params p = { .services = r.services, .n_services = 1 };
	char line[256], why[REALTIME_WHY];
	CHECK(make(&r, "azure", 1, 2000));
	CHECK_EQ(fetcher_new(&f), 0);
	realtime_ws_ops.free(r.e);
	r.e = NULL;
	service_done(&r.services[0]);
	snprintf(line, sizeof(line), "ws://127.0.0.1:%u model=gpt-test tenant=ten client=c secret=s api=azure "
				     "authority=http://127.0.0.1:%u", r.up[0].at.port, r.up[0].at.port);
	CHECK_EQ(service_parse(&r.services[0], line, why), 0);
	p.fetcher = f;
	CHECK_EQ(realtime_ws_new(&r.e, &p, why), 0);
	CHECK(open_with(&r, SESSION, "[]", false));
	CHECK_EQ(realtime_ws_ops.ask(r.c.link, NULL, 1), 0);
	CHECK(hears(&r, "done 1 0\n"));
	CHECK(r.up[0].key_seen);
	CHECK_EQ(r.up[0].n_tokens, 1);
	realtime_ws_ops.close(r.c.link);
	r.c.link = NULL;
	realtime_ws_ops.free(r.e); /* before the fetcher */
	r.e = NULL;
}

static void pushes_take_no_memory(void)
{
	AUTO(rig) struct rig r = { 0 };
	CHECK(make(&r, "openai", 1, 2000));
	CHECK(open_with(&r, SESSION, "[]", false));
	CHECK(hears(&r, "open\n"));
	push_ms(&r, 1000);
	turn(&r, 2);
	unsigned before = r.up[0].n_appends;
	mem_fail_at(mem_failed() ? 0 : 1); /* the first allocation from here on would fail */
	push_ms(&r, 200);
	bool took = mem_failed();
	mem_fail_at(0);
	CHECK(!took);
	turn(&r, 3);
	CHECK(r.up[0].n_appends > before);
}

TESTS({ "speaks_each_dialect", speaks_each_dialect }, { "holds_what_comes_early", holds_what_comes_early },
      { "calls_functions", calls_functions },
      { "one_answer_waits_for_the_other", one_answer_waits_for_the_other },
      { "turns_of_the_service", turns_of_the_service },
      { "words_are_told_in_order", words_are_told_in_order },
      { "the_next_service_is_tried", the_next_service_is_tried }, { "all_have_failed", all_have_failed },
      { "who_has_no_room_says_so_to_all", who_has_no_room_says_so_to_all },
      { "an_open_one_breaks", an_open_one_breaks }, { "errors_find_their_cause", errors_find_their_cause },
      { "answers_that_end_otherwise", answers_that_end_otherwise },
      { "silence_has_an_end", silence_has_an_end }, { "nonsense_is_passed_over", nonsense_is_passed_over },
      { "a_link_may_go_at_any_time", a_link_may_go_at_any_time },
      { "an_old_link_is_renewed", an_old_link_is_renewed }, { "waits_for_a_token", waits_for_a_token },
      { "pushes_take_no_memory", pushes_take_no_memory })
