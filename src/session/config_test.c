#include "session/config.h"

#include <errno.h>

#include "base/test.h"

static const struct session_params plain = { .instructions = "help", .voice = "ash" };

static json_t *text(const char *s)
{
	char why[160];
	return json_parse(bytes_str(s), why);
}

static void defaults_are_the_documented_ones(void)
{
	json_init();
	AUTO(json) json_t *c = config_default(&plain, "sess_1", 42);
	struct settings set;

	CHECK(c);
	config_read(c, &set);
	CHECK_STR(set.instructions, "help");
	CHECK_STR(set.voice, "ash");
	CHECK(!set.text_only && !set.transcribe && set.create_response && set.interrupt_response);
	CHECK_EQ(set.vad, VAD_SERVER);
	CHECK_EQ(set.silence_ms, 200);
	CHECK_EQ(set.prefix_ms, 300);
	CHECK_EQ(set.max_output_tokens, 0);
	CHECK_EQ(json_int(c, "expires_at", 0), 42);
}

/* {patch, path, value afterwards} */
static const struct {
	const char *patch, *path, *value;
} accepted[] = {
	{ "{\"instructions\":\"x\"}", "instructions", "\"x\"" },
	{ "{\"instructions\":null}", "instructions", "\"\"" },
	{ "{\"tools\":null}", "tools", "[]" },
	{ "{\"max_output_tokens\":77}", "max_output_tokens", "77" },
	{ "{\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}}", "tool_choice.name", "\"f\"" },
	{ "{\"model\":\"other\"}", "model", "\"voiced\"" },
	{ "{\"unknown\":{\"a\":1}}", "unknown", NULL },
	{ "{\"tracing\":\"auto\"}", "tracing", "\"auto\"" },
	{ "{\"truncation\":{\"type\":\"retention_ratio\",\"retention_ratio\":0.5}}",
	  "truncation.retention_ratio", "0.5" },
	{ "{\"audio\":{\"output\":{\"voice\":{\"id\":\"v\"}}}}", "audio.output.voice.id", "\"v\"" },
	{ "{\"audio\":{\"output\":{\"voice\":\"v\"}}}", "audio.output.speed", "1.0" },
	{ "{\"audio\":{\"output\":{\"format\":{\"type\":\"audio/pcmu\"}}}}", "audio.output.format",
	  "{\"type\":\"audio/pcmu\"}" },
	{ "{\"audio\":{\"input\":{\"turn_detection\":null}}}", "audio.input.turn_detection",
	  "null" },
	{ "{\"audio\":{\"input\":{\"turn_detection\":{\"type\":\"semantic_vad\",\"threshold\":0.1}}"
	  "}}",
	  "audio.input.turn_detection",
	  "{\"type\":\"semantic_vad\",\"eagerness\":\"auto\",\"create_response\":true,"
	  "\"interrupt_response\":true}" },
	{ "{\"audio\":{\"input\":{\"transcription\":{\"language\":\"en\"}}}}",
	  "audio.input.transcription",
	  "{\"model\":\"whisper-1\",\"language\":\"en\",\"prompt\":null}" },
	{ "{\"audio\":{\"input\":{\"noise_reduction\":{\"type\":\"far_field\"}}}}",
	  "audio.input.noise_reduction", "{\"type\":\"far_field\"}" },
	{ "{\"audio\":null}", "audio.output.voice", "\"ash\"" },
};

static void takes_what_may_be_changed(void)
{
	json_init();
	AUTO(json) json_t *c = config_default(&plain, "sess_1", 42);

	CHECK(c);
	for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
		AUTO(json) json_t *patch = text(accepted[i].patch);
		AUTO(json) json_t *want = accepted[i].value ? text(accepted[i].value) : NULL;
		AUTO(json) json_t *to = NULL;
		struct api_error e;

		CHECK(patch);
		CHECK_EQ(config_merge(c, patch, DIALECT_GA, SCOPE_REALTIME, &to, &e), 0);
		if (!want)
			CHECK(!config_at(to, accepted[i].path));
		else
			CHECK(json_equal(want, config_at(to, accepted[i].path)));
	}
}

/* {patch, param of the error} */
static const struct {
	const char *patch, *param;
} refused[] = {
	{ "{\"instructions\":7}", "session.instructions" },
	{ "{\"tools\":{}}", "session.tools" },
	{ "{\"tools\":[{\"type\":\"function\"}]}", "session.tools[0]" },
	{ "{\"tool_choice\":\"some\"}", "session.tool_choice" },
	{ "{\"max_output_tokens\":0}", "session.max_output_tokens" },
	{ "{\"max_output_tokens\":\"many\"}", "session.max_output_tokens" },
	{ "{\"output_modalities\":[\"video\"]}", "session.output_modalities" },
	{ "{\"include\":[1]}", "session.include" },
	{ "{\"audio\":7}", "session.audio" },
	{ "{\"audio\":{\"output\":{\"speed\":0.1}}}", "session.audio.output.speed" },
	{ "{\"audio\":{\"output\":{\"voice\":\"\"}}}", "session.audio.output.voice" },
	{ "{\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcm\",\"rate\":16000}}}}",
	  "session.audio.input.format.rate" },
	{ "{\"audio\":{\"input\":{\"format\":{\"type\":\"mp3\"}}}}",
	  "session.audio.input.format.type" },
	{ "{\"audio\":{\"input\":{\"turn_detection\":{\"type\":\"server_vad\",\"threshold\":2}}}}",
	  "session.audio.input.turn_detection.threshold" },
	{ "{\"audio\":{\"input\":{\"turn_detection\":{\"type\":\"semantic_vad\",\"eagerness\":"
	  "\"x\"}}}}",
	  "session.audio.input.turn_detection.eagerness" },
};

static void refuses_the_rest_and_says_where(void)
{
	json_init();
	AUTO(json) json_t *c = config_default(&plain, "sess_1", 42);

	CHECK(c);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		AUTO(json) json_t *patch = text(refused[i].patch);
		json_t *to = NULL;
		struct api_error e;

		CHECK(patch);
		CHECK_EQ(config_merge(c, patch, DIALECT_GA, SCOPE_REALTIME, &to, &e), -EINVAL);
		CHECK(!to);
		CHECK_STR(e.code, "invalid_value");
		CHECK_STR(e.param, refused[i].param);
	}
}

static void a_config_never_changes(void)
{
	json_init();
	AUTO(json) json_t *c = config_default(&plain, "sess_1", 42);
	AUTO(json) json_t *before = json_deep_copy(c);
	AUTO(json) json_t *patch = text("{\"audio\":{\"output\":{\"voice\":\"x\",\"speed\":1.5}}}");
	AUTO(json) json_t *to = NULL;
	struct api_error e;

	CHECK(c && before && patch);
	CHECK_EQ(config_merge(c, patch, DIALECT_GA, SCOPE_RESPONSE, &to, &e), 0);
	CHECK(json_equal(c, before));
	CHECK(config_same(c, to, "audio.input"));
	CHECK(!config_same(c, to, "audio.output.voice"));
}

TESTS({ "defaults_are_the_documented_ones", defaults_are_the_documented_ones },
      { "takes_what_may_be_changed", takes_what_may_be_changed },
      { "refuses_the_rest_and_says_where", refuses_the_rest_and_says_where },
      { "a_config_never_changes", a_config_never_changes })
