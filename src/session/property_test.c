/* Random interleavings of valid and invalid events, audio, engine results and time, in
 * virtual time; after each session the invariants of protocol 2.7 are asked of its events.
 * PROPERTY_RUNS sessions (default 250), seeds from PROPERTY_SEED (default 1). */
#include "session/rig.h"

/* --- the invariants ---------------------------------------------------------------------- */

struct check {
	const json_t *events;
	json_t *ids;       /* event_id: true                             */
	json_t *responses; /* id: {done, oob, next_index, part: text, …}  */
	json_t *items;     /* "added" items by id                        */
	const char *why;
};

static bool starts(const char *type, const char *with)
{
	return strncmp(type, with, strlen(with)) == 0;
}

static bool is(const json_t *e, const char *type)
{
	return strcmp(json_str(e, "type", ""), type) == 0;
}

static const char *response_of(const json_t *e)
{
	const char *id = json_str(e, "response_id", NULL);
	return id ? id : json_str(json_object_get(e, "response"), "id", NULL);
}

static const char *check_created(struct check *c, const json_t *e)
{
	const json_t *r = json_object_get(e, "response");
	bool oob = json_is_null(json_object_get(r, "conversation_id"));
	const char *id;
	json_t *other;

	if (json_object_get(c->responses, json_str(r, "id", "")))
		return "a response was created twice";
	json_object_foreach (c->responses, id, other)
		if (!oob && !json_flag(other, "oob", false) && !json_flag(other, "done", false))
			return "two active responses in the conversation";
	(void)!json_object_set_new(c->responses, json_str(r, "id", ""),
				   json_pack("{s:b,s:b,s:i,s:s,s:i}", "done", 0, "oob", oob, "open",
					     0, "said", "", "next", 0));
	return NULL;
}

static const char *check_item(struct check *c, json_t *r, const json_t *e)
{
	const json_t *item = json_object_get(e, "item");
	int64_t index = json_int(e, "output_index", -1), next = json_int(r, "next", 0);
	const char *status = json_str(item, "status", "");

	(void)c;
	if (is(e, "response.output_item.added")) {
		if (json_int(r, "open", 0) || index != next || strcmp(status, "in_progress") != 0)
			return "an item was added out of order";
		(void)!json_object_set_new(r, "said", json_string(""));
		(void)!json_object_set_new(r, "open", json_integer(1));
		return NULL;
	}
	if (!json_int(r, "open", 0) || index != next || strcmp(status, "in_progress") == 0)
		return "an item was done out of order";
	(void)!json_object_set_new(r, "open", json_integer(0));
	(void)!json_object_set_new(r, "next", json_integer(next + 1));
	return NULL;
}

static const char *check_text(struct check *c, json_t *r, const json_t *e)
{
	const char *type = json_str(e, "type", ""), *said = json_str(r, "said", "");
	const char *delta = json_str(e, "delta", NULL);
	const char *whole =
		json_str(e, "text", json_str(e, "transcript", json_str(e, "arguments", NULL)));

	(void)c;
	if (!json_int(r, "open", 0))
		return "text outside of an item";
	if (is(e, "response.output_audio.delta")) {
		AUTO(mem) uint8_t *pcm = mem_alloc(strlen(delta) + 1);
		ptrdiff_t n = pcm ? b64_decode(delta, strlen(delta), pcm) : 0;
		return n < 0 || n % 2 ? "audio is not whole samples in base64" : NULL;
	}
	if (delta)
		return json_object_set_new(r, "said", json_sprintf("%s%s", said, delta)) ? "memory"
											 : NULL;
	if (starts(type, "response.content_part.done")) {
		const json_t *part = json_object_get(e, "part");
		whole = json_str(part, "text", json_str(part, "transcript", NULL));
	}
	return whole && strcmp(whole, said) != 0 ? "done is not what the deltas were" : NULL;
}

static const char *check_response(struct check *c, const json_t *e, const char *id)
{
	json_t *r = json_object_get(c->responses, id);

	if (starts(json_str(e, "type", ""), "output_audio_buffer."))
		return r ? NULL : "playout of no response";
	if (!r)
		return "an event of a response that was not created";
	if (json_flag(r, "done", false))
		return "an event after response.done";
	if (is(e, "response.done")) {
		json_object_set_new(r, "done", json_true());
		return json_int(r, "open", 0) ? "an item is open at response.done" : NULL;
	}
	if (starts(json_str(e, "type", ""), "response.output_item."))
		return check_item(c, r, e);
	return starts(json_str(e, "type", ""), "response.") ? check_text(c, r, e) : NULL;
}

static const char *check_conversation(struct check *c, const json_t *e)
{
	const char *id = json_str(json_object_get(e, "item"), "id", "");

	if (is(e, "conversation.item.added")) {
		if (json_object_get(c->items, id))
			return "an item was added twice";
		(void)!json_object_set_new(c->items, id, json_true());
	}
	if (is(e, "conversation.item.done") && !json_object_get(c->items, id))
		return "an item was done before it was added";
	if (is(e, "conversation.item.deleted"))
		(void)!json_object_del(c->items, json_str(e, "item_id", ""));
	return NULL;
}

static const char *check_event(struct check *c, const json_t *e)
{
	const char *id = json_str(e, "event_id", NULL), *why;

	if (!id || json_object_get(c->ids, id))
		return "event_id is missing or used twice";
	(void)!json_object_set_new(c->ids, id, json_true());
	if ((why = check_conversation(c, e)))
		return why;
	if (is(e, "response.created"))
		return check_created(c, e);
	id = response_of(e);
	return id ? check_response(c, e, id) : NULL;
}

/* NULL: all is well. */
static const char *broken_invariant(const json_t *events, size_t *at)
{
	AUTO(json) json_t *ids = json_object();
	AUTO(json) json_t *responses = json_object();
	AUTO(json) json_t *items = json_object();
	struct check c = { events, ids, responses, items, NULL };
	const char *id;
	json_t *r;

	for (*at = 0; *at < json_array_size(events); ++*at) {
		const char *why = check_event(&c, json_array_get(events, *at));

		if (why)
			return why;
	}
	json_object_foreach (responses, id, r)
		if (!json_flag(r, "done", false))
			return "a response never ended";
	return NULL;
}

/* --- chance ------------------------------------------------------------------------------ */

struct chance {
	struct rig rig;
	uint64_t seed;
	size_t n_items;
};

static void chance_auto_(struct chance *c)
{
	rig_auto_(&c->rig);
}

static unsigned dice(struct chance *c, unsigned n)
{
	uint64_t z = c->seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (unsigned)((z ^ z >> 31) % n);
}

static const char *const messages[] = {
	"{\"type\":\"response.create\"}",
	"{\"type\":\"response.create\",\"response\":{\"output_modalities\":[\"text\"]}}",
	"{\"type\":\"response.create\",\"response\":{\"conversation\":\"none\",\"metadata\":{\"a\":"
	"\"b\"}}}",
	"{\"type\":\"response.create\",\"response\":{\"conversation\":\"none\",\"input\":[],"
	"\"output_modalities\":[\"text\"]}}",
	"{\"type\":\"response.cancel\"}",
	"{\"type\":\"input_audio_buffer.commit\"}",
	"{\"type\":\"input_audio_buffer.clear\"}",
	"{\"type\":\"output_audio_buffer.clear\"}",
	"{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"user\","
	"\"content\":[{\"type\":\"input_text\",\"text\":\"hi\"}]}}",
	"{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"user\","
	"\"content\":[{\"type\":\"input_audio\",\"audio\":\"AAAAAAAA\"}]}}",
	"{\"type\":\"conversation.item.create\",\"previous_item_id\":\"root\",\"item\":{\"type\":"
	"\"function_call_output\",\"call_id\":\"c\",\"output\":\"o\"}}",
	"{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":"
	"{\"turn_detection\":null}}}}",
	"{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":"
	"{\"turn_detection\":{\"type\":\"server_vad\",\"silence_duration_ms\":400}}}}}",
	"{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":"
	"{\"turn_detection\":{\"type\":\"semantic_vad\",\"interrupt_response\":false}}}}}",
	"{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"tools\":[{\"type\":"
	"\"function\",\"name\":\"f\"}],\"include\":[\"voiced.sources\",\"voiced.latency\"],"
	"\"audio\":{\"input\":{\"transcription\":{\"model\":\"m\"}},\"output\":{\"format\":"
	"{\"type\":\"audio/pcm\"},\"voice\":\"ash\"}}}}",
	"{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"output_modalities\":["
	"\"text\"]}}",
	"{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"output_modalities\":["
	"\"audio\"]}}",
	"{\"type\":\"session.update\",\"session\":{\"type\":\"nonsense\"}}",
	"{\"type\":\"input_audio_buffer.append\",\"audio\":\"A\"}",
	"{\"type\":7}",
	"[]",
	"\"",
};

/* Something said of an item or response that exists. */
static void about_what_exists(struct chance *c)
{
	static const char *const forms[] = {
		"\"conversation.item.delete\",\"item_id\"",
		"\"conversation.item.retrieve\",\"item_id\"",
		"\"conversation.item.truncate\",\"content_index\":0,\"audio_end_ms\":100,\"item_"
		"id\"",
		"\"response.cancel\",\"response_id\"",
	};
	size_t n = json_array_size(c->rig.events), form = dice(c, ARRAY_LEN(forms));
	const json_t *e = json_array_get(c->rig.events, dice(c, (unsigned)n + 1));
	const char *id =
		form == 3 ? response_of(e) : json_str(json_object_get(e, "item"), "id", NULL);
	char text[256];

	if (!id)
		return;
	snprintf(text, sizeof(text), "{\"type\":%s:\"%s\"}", forms[form], id);
	rig_message(&c->rig, text);
}

static void script(struct chance *c)
{
	static const struct fake_step steps[] = {
		{ FAKE_TEXT, "A sentence of some words, which goes on. ", NULL },
		{ FAKE_TEXT, "Another. ", NULL },
		{ FAKE_CALL, "search", "{}" },
		{ FAKE_CALL, "f", "{\"a\":1}" },
		{ FAKE_CITE, "{\"document\":\"d\"}", NULL },
		{ FAKE_ERROR, "engine_unavailable", NULL },
		{ FAKE_MAX_TOKENS, "", NULL },
	};
	struct fake_step some[4];
	size_t n = 1 + dice(c, 4);

	for (size_t i = 0; i < n; i++)
		some[i] = steps[dice(c, dice(c, 3) ? 5 : 7)];
	(void)!fake_answer(c->rig.fake, some, n);
	unsigned what = dice(c, 12);
	if (what == 0)
		(void)!fake_hear_error(c->rig.fake, "engine_failed");
	else if (what == 1)
		(void)!fake_speak_error(c->rig.fake, "engine_failed");
	else if (what < 4)
		fake_stt_busy(c->rig.fake, what == 2);
	else
		(void)!fake_hear(c->rig.fake, what == 5 ? "" : "some words");
}

static void act(struct chance *c)
{
	struct rig *r = &c->rig;

	switch (dice(c, 9)) {
	case 0:
		script(c);
		break;
	case 1:
		rig_audio(r, 20 + dice(c, 500), RIG_LOUD);
		break;
	case 2:
		rig_audio(r, 20 + dice(c, 700), 0);
		break;
	case 3:
		about_what_exists(c);
		break;
	case 4:
		r->legs[0].room = dice(c, 2) ? 1 << 20 : 0;
		session_on_writable(r->s, &r->legs[0].leg, r->env.now_us);
		break;
	case 5:
		rig_wait(r, dice(c, 600000));
		break;
	default:
		rig_message(r, messages[dice(c, ARRAY_LEN(messages))]);
	}
}

static bool one(uint64_t seed)
{
	__attribute__((cleanup(chance_auto_))) struct chance c = { .seed = seed };
	struct rig *r = &c.rig;
	size_t at = 0;

	if (!rig_init(r))
		return false;
	const struct fake_delays d = { dice(&c, 2) * 200000, dice(&c, 50000), dice(&c, 50000),
				       dice(&c, 80000),      dice(&c, 80000), dice(&c, 40000) };
	fake_delays(r->fake, &d);
	if (!rig_start(r, NULL, dice(&c, 2) ? 48000 : 0))
		return false;
	for (unsigned n = 5 + dice(&c, 30); n > 0; n--)
		act(&c);
	/* Let everything come to its end. */
	fake_stt_busy(r->fake, false);
	r->legs[0].room = 1 << 20;
	session_on_writable(r->s, &r->legs[0].leg, r->env.now_us);
	rig_message(r, "{\"type\":\"input_audio_buffer.clear\"}");
	rig_wait(r, 60000000);
	const char *why = mem_failed() ? NULL : broken_invariant(r->events, &at);
	if (why && !mem_failed()) {
		char *text = json_dumps(json_array_get(r->events, at), JSON_COMPACT);

		fprintf(stderr, "seed %" PRIu64 ", event %zu: %s: %.300s\n", seed, at, why,
			text ? text : "");
		mem_free(text);
		for (size_t i = 0; getenv("SCENARIO_EVENTS") && i < json_array_size(r->events);
		     i++) {
			text = json_dumps(json_array_get(r->events, i), JSON_COMPACT);
			fprintf(stderr, "%.200s\n", text);
			mem_free(text);
		}
		AUTO(buf) struct buf dump = { 0 };
		session_dump(r->s, &dump);
		fprintf(stderr, "%s\n", (const char *)dump.p);
	}
	return !why || mem_failed();
}

static uint64_t number(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);
	return text ? strtoull(text, NULL, 10) : fallback;
}

static void invariants_hold(void)
{
	uint64_t runs = number("PROPERTY_RUNS", 250), first = number("PROPERTY_SEED", 1);

	if (getenv("VOICED_TEST_OOM"))
		return; /* oom_test.c */
	for (uint64_t i = 0; i < runs; i++) {
		size_t live = mem_live();

		CHECK(one(first + i));
		CHECK_EQ(mem_live(), live);
	}
}

/* An allocation somewhere in the middle fails: the session ends, and nothing is left behind. */
static void memory_runs_out_anywhere(void)
{
	uint64_t runs = number("PROPERTY_RUNS", 250), first = number("PROPERTY_SEED", 1);

	if (getenv("VOICED_TEST_OOM"))
		return;
	for (uint64_t i = 0; i < runs; i++) {
		size_t live = mem_live();

		mem_fail_at((first + i) * 7919 % 6000 + 1);
		bool ok = one(first + i), failed = mem_failed();
		mem_fail_at(0);
		CHECK(ok || failed);
		if (mem_live() != live)
			fprintf(stderr, "seed %" PRIu64 "\n", first + i);
		CHECK_EQ(mem_live(), live);
	}
}

TESTS({ "invariants_hold", invariants_hold },
      { "memory_runs_out_anywhere", memory_runs_out_anywhere })
