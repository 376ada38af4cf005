#include "session/dialect.h"

#include <errno.h>

#include "base/test.h"

static json_t *parse(const char *s)
{
	AUTO(buf) struct buf text = { 0 };
	char why[160];

	for (; *s; s++)
		buf_putc(&text, *s == '\'' ? '"' : *s);
	return json_parse(buf_bytes(&text), why);
}

/* {dialect, what the client writes, what it means in GA} */
static const struct {
	enum dialect dialect;
	const char *flat, *ga;
} readings[] = {
	{ DIALECT_GA, "{'a':1,'audio':{}}", "{'a':1,'audio':{}}" },
	{ DIALECT_BETA, "{'modalities':['audio','text']}", "{'output_modalities':['audio']}" },
	{ DIALECT_BETA, "{'modalities':['text']}", "{'output_modalities':['text']}" },
	{ DIALECT_BETA, "{'voice':'ash','speed':1.2}", "{'audio':{'output':{'voice':'ash','speed':1.2}}}" },
	{ DIALECT_BETA, "{'input_audio_format':'g711_ulaw'}",
	  "{'audio':{'input':{'format':{'type':'audio/pcmu'}}}}" },
	{ DIALECT_BETA, "{'output_audio_format':'g711-alaw'}",
	  "{'audio':{'output':{'format':{'type':'audio/pcma'}}}}" },
	{ DIALECT_BETA, "{'turn_detection':null}", "{'audio':{'input':{'turn_detection':null}}}" },
	{ DIALECT_BETA, "{'max_output_tokens':7}", "{'max_output_tokens':7}" },
	{ DIALECT_BETA, "{'disable_audio':true,'avatar':{}}", "{}" },
	{ DIALECT_VOICE_LIVE, "{'avatar':{},'input_audio_sampling_rate':16000}",
	  "{'avatar':{},'audio':{'input':{'sampling_rate':16000}}}" },
	{ DIALECT_VOICE_LIVE, "{'output_audio_format':'pcm16_8000hz'}",
	  "{'audio':{'output':{'format':{'type':'audio/pcm','rate':8000}}}}" },
};

static void flat_objects_are_read_as_ga(void)
{
	json_init();
	for (size_t i = 0; i < ARRAY_LEN(readings); i++) {
		AUTO(json) json_t *flat = parse(readings[i].flat);
		AUTO(json) json_t *want = parse(readings[i].ga);
		AUTO(json) json_t *got = NULL;
		struct api_error e;

		CHECK(flat && want);
		CHECK_EQ(dialect_read(readings[i].dialect, SCOPE_REALTIME, flat, &got, &e), 0);
		CHECK(json_equal(want, got));
	}
}

static const struct {
	enum dialect dialect;
	const char *flat, *param;
} refusals[] = {
	{ DIALECT_BETA, "{'modalities':['song']}", "session.modalities" },
	{ DIALECT_BETA, "{'modalities':[]}", "session.modalities" },
	{ DIALECT_BETA, "{'input_audio_format':'pcm16_8000hz'}", "session.input_audio_format" },
	{ DIALECT_VOICE_LIVE, "{'output_audio_format':7}", "session.output_audio_format" },
};

static void what_it_cannot_read_is_named_as_the_client_wrote_it(void)
{
	json_init();
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		AUTO(json) json_t *flat = parse(refusals[i].flat);
		json_t *got = NULL;
		struct api_error e;

		CHECK(flat);
		CHECK_EQ(dialect_read(refusals[i].dialect, SCOPE_REALTIME, flat, &got, &e), -EINVAL);
		CHECK_STR(e.param, refusals[i].param);
	}
}

static void places_have_the_dialects_names(void)
{
	static const struct {
		enum dialect dialect;
		const char *ga, *own;
	} places[] = {
		{ DIALECT_GA, "audio.output.voice", "audio.output.voice" },
		{ DIALECT_BETA, "audio.output.voice", "voice" },
		{ DIALECT_BETA, "audio.input.turn_detection.threshold", "turn_detection.threshold" },
		{ DIALECT_BETA, "tools[3]", "tools[3]" },
		{ DIALECT_BETA, "audio.input.sampling_rate", "audio.input.sampling_rate" },
		{ DIALECT_VOICE_LIVE, "audio.input.sampling_rate", "input_audio_sampling_rate" },
	};
	char to[96];

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		dialect_path(places[i].dialect, places[i].ga, to);
		CHECK_STR(to, places[i].own);
	}
}

static void what_is_written_is_read_as_it_was(void)
{
	static const struct session_params plain = { .dialect = DIALECT_VOICE_LIVE };

	json_init();
	for (int d = DIALECT_BETA; d < N_DIALECTS; d++) {
		struct session_params p = plain;
		p.dialect = (enum dialect)d;
		AUTO(json) json_t *config = config_default(&p, "sess_1", 42);
		AUTO(json) json_t *flat = config ? dialect_session(p.dialect, config) : NULL;
		AUTO(json) json_t *ga = NULL, *again = NULL;
		struct api_error e;

		CHECK(flat);
		CHECK_STR(json_str(flat, "id", ""), "sess_1");
		CHECK(!json_object_get(flat, "audio") && json_object_get(flat, "modalities"));
		CHECK_EQ(dialect_read(p.dialect, SCOPE_REALTIME, flat, &ga, &e), 0);
		CHECK_EQ(config_merge(config, flat, p.dialect, SCOPE_REALTIME, &again, &e), 0);
		CHECK(json_equal(config, again));
	}
}

static void items_are_named_as_before_ga(void)
{
	json_init();
	AUTO(json)
	json_t *item = parse("{'id':'i','type':'message','role':'assistant','content':["
			     "{'type':'output_audio','transcript':'x'},{'type':'output_text','text':'y'}]}");
	AUTO(json)
	json_t *want = parse("{'id':'i','type':'message','role':'assistant','content':["
			     "{'type':'audio','transcript':'x'},{'type':'text','text':'y'}],"
			     "'object':'realtime.item'}");
	AUTO(json) json_t *before = json_deep_copy(item);
	AUTO(json) json_t *flat = item ? dialect_item(DIALECT_BETA, item) : NULL;

	CHECK(item && want && before && flat);
	CHECK(json_equal(flat, want));
	CHECK(json_equal(item, before)); /* the conversation's own stays as it is */
}

TESTS({ "flat_objects_are_read_as_ga", flat_objects_are_read_as_ga },
      { "what_it_cannot_read_is_named_as_the_client_wrote_it",
	what_it_cannot_read_is_named_as_the_client_wrote_it },
      { "places_have_the_dialects_names", places_have_the_dialects_names },
      { "what_is_written_is_read_as_it_was", what_is_written_is_read_as_it_was },
      { "items_are_named_as_before_ga", items_are_named_as_before_ga })
