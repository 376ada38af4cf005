#include "session/config_rule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "session/dialect.h"
#include "session/errors.h"
#include "session/mcp.h"

enum { NULLABLE = 1, EMPTIED = 2 /* null means "" or [] */ };

#define ALL  (SCOPE_REALTIME | SCOPE_TRANSCRIPTION | SCOPE_RESPONSE)
#define SESS (SCOPE_REALTIME | SCOPE_TRANSCRIPTION)
#define TALK (SCOPE_REALTIME | SCOPE_RESPONSE)

#define GA   BIT(DIALECT_GA)
#define FLAT (BIT(DIALECT_BETA) | BIT(DIALECT_VOICE_LIVE))
#define LIVE BIT(DIALECT_VOICE_LIVE)
#define ANY  (GA | FLAT)

/* clang-format off */
static const struct config_rule rules[] = {
	{ "type",                          K_IGNORE,      ANY,  SESS, 0,        0, 0, { 0 } },
	{ "model",                         K_IGNORE,      ANY,  ALL,  0,        0, 0, { 0 } },
	{ "output_modalities",             K_MODALITIES,  ANY,  TALK, 0,        0, 0, { 0 } },
	{ "instructions",                  K_TEXT,        ANY,  TALK, EMPTIED,  0, SESSION_INSTRUCTIONS_MAX, { 0 } },
	{ "tools",                         K_TOOLS,       ANY,  TALK, EMPTIED,  0, 0, { 0 } },
	{ "tool_choice",                   K_TOOL_CHOICE, ANY,  TALK, 0,        0, 0, { "auto", "none", "required" } },
	{ "parallel_tool_calls",           K_FLAG,        ANY,  TALK, 0,        0, 0, { 0 } },
	{ "reasoning",                     K_ENTIRE,      GA,   TALK, NULLABLE, 0, 0, { 0 } },
	{ "reasoning_effort",              K_TEXT,        LIVE, TALK, NULLABLE, 0, 32, { 0 } },
	{ "temperature",                   K_NUMBER,      FLAT, TALK, 0,        0, 2, { 0 } },
	{ "max_output_tokens",             K_TOKENS,      ANY,  TALK, 0,        1, 1e9, { 0 } },
	{ "tracing",                       K_UNION,       ANY,  SCOPE_REALTIME, NULLABLE, 0, 0, { "auto" } },
	{ "truncation",                    K_UNION,       GA,   SCOPE_REALTIME, 0, 0, 0, { "auto", "disabled" } },
	{ "prompt",                        K_ENTIRE,      ANY,  TALK, NULLABLE, 0, 0, { 0 } },
	{ "include",                       K_WORDS,       ANY,  SESS, NULLABLE, 0, 16, { 0 } },
	{ "metadata",                      K_ENTIRE,      LIVE, SCOPE_REALTIME, NULLABLE, 0, 0, { 0 } },
	{ "animation",                     K_ENTIRE,      LIVE, SCOPE_REALTIME, NULLABLE, 0, 0, { 0 } },
	{ "output_audio_timestamp_types",  K_WORDS,       LIVE, SCOPE_REALTIME, NULLABLE, 0, 4, { 0 } },
	{ "avatar",                        K_ENTIRE,      LIVE, SCOPE_REALTIME, NULLABLE, 0, 0, { 0 } },
	{ "interim_response",              K_ENTIRE,      LIVE, TALK, NULLABLE, 0, 0, { 0 } },
	{ "audio",                         K_OBJECT,      ANY,  ALL,  0,        0, 0, { 0 } },
	{ "audio.input",                   K_OBJECT,      ANY,  SESS, 0,        0, 0, { 0 } },
	{ "audio.input.format",            K_UNION,       ANY,  SESS, 0,        0, 0, { 0 } },
	{ "audio.input.sampling_rate",     K_INTEGER,     LIVE, SESS, 0,        8000, 24000, { 0 } },
	{ "audio.input.transcription",     K_UNION,       ANY,  SESS, NULLABLE, 0, 0, { 0 } },
	{ "audio.input.noise_reduction",   K_UNION,       ANY,  SESS, NULLABLE, 0, 0, { 0 } },
	{ "audio.input.echo_cancellation", K_ENTIRE,      LIVE, SESS, NULLABLE, 0, 0, { 0 } },
	{ "audio.input.turn_detection",    K_UNION,       ANY,  SESS, NULLABLE, 0, 0, { 0 } },
	{ "audio.output",                  K_OBJECT,      ANY,  TALK, 0,        0, 0, { 0 } },
	{ "audio.output.format",           K_UNION,       ANY,  TALK, 0,        0, 0, { 0 } },
	{ "audio.output.voice",            K_VOICE,       ANY,  TALK, 0,        0, 128, { 0 } },
	{ "audio.output.speed",            K_NUMBER,      ANY,  TALK, 0,        0.25, 1.5, { 0 } },
};

/* The unions' tags. A class says which fields go with it; type NULL: untagged. */
enum { PCM = 1, PLAIN = 2, SERVER = 4, SEMANTIC = 8, AZURE = 16, RETAINED = 32 };

static const struct tag {
	const char *path, *type;
	unsigned dialects, class;
} tags[] = {
	{ "format", "audio/pcm", ANY, PCM },
	{ "format", "audio/pcmu", ANY, 0 },
	{ "format", "audio/pcma", ANY, 0 },
	{ "transcription", NULL, ANY, PLAIN },
	{ "tracing", NULL, ANY, PLAIN },
	{ "truncation", "retention_ratio", ANY, RETAINED },
	{ "noise_reduction", "near_field", ANY, 0 },
	{ "noise_reduction", "far_field", ANY, 0 },
	{ "noise_reduction", "azure_deep_noise_suppression", LIVE, 0 },
	{ "turn_detection", "server_vad", ANY, SERVER },
	{ "turn_detection", "semantic_vad", ANY, SEMANTIC },
	{ "turn_detection", "azure_semantic_vad", LIVE, AZURE },
	{ "turn_detection", "azure_semantic_vad_en", LIVE, AZURE },
	{ "turn_detection", "azure_semantic_vad_multilingual", LIVE, AZURE },
	{ "turn_detection", "azure_multilingual_semantic_vad", LIVE, AZURE },
};

/* Fields of the unions, in the order in which they are shown. */
static const struct field {
	const char *path;
	unsigned class, dialects;
	const char *name;
	enum config_kind kind;
	unsigned flags;
	double min, max;
	const char *words[4];
	const char *fallback; /* JSON; NULL: left out when not given */
} fields[] = {
	{ "format", PCM, GA,   "rate", K_INTEGER, 0, 24000, 24000, { 0 }, "24000" },
	{ "format", PCM, FLAT, "rate", K_INTEGER, 0, 8000,  24000, { 0 }, "24000" },
	{ "transcription", PLAIN, ANY, "model",     K_TEXT,   NULLABLE, 0, 256,  { 0 }, "\"whisper-1\"" },
	{ "transcription", PLAIN, ANY, "language",  K_TEXT,   NULLABLE, 0, 64,   { 0 }, "null" },
	{ "transcription", PLAIN, ANY, "prompt",    K_TEXT,   NULLABLE, 0, 8192, { 0 }, "null" },
	{ "transcription", PLAIN, ANY, "languages", K_ENTIRE, NULLABLE, 0, 0,    { 0 }, NULL },
	{ "transcription", PLAIN, ANY, "keywords",  K_ENTIRE, NULLABLE, 0, 0,    { 0 }, NULL },
	{ "transcription", PLAIN, ANY, "delay",     K_ENTIRE, NULLABLE, 0, 0,    { 0 }, NULL },
	{ "transcription", PLAIN, LIVE, "custom_speech", K_ENTIRE, NULLABLE, 0, 0, { 0 }, NULL },
	{ "transcription", PLAIN, LIVE, "phrase_list",   K_ENTIRE, NULLABLE, 0, 0, { 0 }, NULL },
	{ "turn_detection", SERVER | AZURE, ANY,  "threshold",           K_NUMBER,  0, 0, 1,     { 0 }, "0.5" },
	{ "turn_detection", SERVER | AZURE, ANY,  "prefix_padding_ms",   K_INTEGER, 0, 0, 5000,  { 0 }, "300" },
	{ "turn_detection", SERVER,         GA,   "silence_duration_ms", K_INTEGER, 0, 0, 10000, { 0 }, "200" },
	{ "turn_detection", SERVER | AZURE, FLAT, "silence_duration_ms", K_INTEGER, 0, 0, 10000, { 0 }, "500" },
	{ "turn_detection", SERVER,         GA,   "idle_timeout_ms",     K_INTEGER, NULLABLE, 5000, 30000, { 0 }, "null" },
	{ "turn_detection", SEMANTIC,       ANY,  "eagerness",           K_CHOICE,  0, 0, 0, { "auto", "low", "medium", "high" }, "\"auto\"" },
	{ "turn_detection", SEMANTIC,       LIVE, "silence_duration_ms", K_INTEGER, 0, 0, 10000, { 0 }, NULL },
	{ "turn_detection", SERVER | SEMANTIC | AZURE, ANY,  "create_response",    K_FLAG, 0, 0, 0, { 0 }, "true" },
	{ "turn_detection", SERVER | SEMANTIC | AZURE, ANY,  "interrupt_response", K_FLAG, 0, 0, 0, { 0 }, "true" },
	{ "turn_detection", SERVER | SEMANTIC | AZURE, LIVE, "auto_truncate",      K_FLAG, 0, 0, 0, { 0 }, "false" },
	{ "turn_detection", SERVER | SEMANTIC | AZURE, LIVE, "speech_duration_ms", K_INTEGER, 0, 0, 5000, { 0 }, NULL },
	{ "turn_detection", SERVER | SEMANTIC | AZURE, LIVE, "remove_filler_words", K_FLAG, 0, 0, 0, { 0 }, NULL },
	{ "turn_detection", SERVER | SEMANTIC | AZURE, LIVE, "languages",          K_ENTIRE, NULLABLE, 0, 0, { 0 }, NULL },
	{ "turn_detection", SERVER | SEMANTIC | AZURE, LIVE, "end_of_utterance_detection", K_ENTIRE, NULLABLE, 0, 0, { 0 }, NULL },
	{ "tracing", PLAIN, ANY, "workflow_name", K_ENTIRE, NULLABLE, 0, 0, { 0 }, NULL },
	{ "tracing", PLAIN, ANY, "group_id",      K_ENTIRE, NULLABLE, 0, 0, { 0 }, NULL },
	{ "tracing", PLAIN, ANY, "metadata",      K_ENTIRE, NULLABLE, 0, 0, { 0 }, NULL },
	{ "truncation", RETAINED, ANY, "retention_ratio", K_NUMBER, 0, 0, 1, { 0 }, "0.8" },
	{ "truncation", RETAINED, ANY, "token_limits",    K_ENTIRE, NULLABLE, 0, 0, { 0 }, NULL },
};
/* clang-format on */

/* The limits that a value is held against, of a rule or of a union's field. */
struct limits {
	double min, max;
	const char *const *words;
	size_t n_words;
};

/* "session.audio.output.voice", or "session.voice": what the client calls the place. */
static void full_path(const struct merge *m, const char *path, char to[static 96])
{
	char own[96];

	dialect_path(m->dialect, path, own);
	snprintf(to, 96, "%s.%.80s", m->scope == SCOPE_RESPONSE ? "response" : "session", own);
}

int config_refuse(struct merge *m, const char *path, const char *why)
{
	char param[96];

	full_path(m, path, param);
	return error_set(m->e, ERR_INVALID_VALUE, param, "Invalid value for '%s': %s", param, why);
}

static int refuse_choice(struct merge *m, const char *path, const json_t *v, const struct limits *l)
{
	char param[96], list[160] = "";
	size_t at = 0;

	for (size_t i = 0; i < l->n_words && l->words[i]; i++)
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s'%s'", i ? ", " : "",
				       l->words[i]);
	full_path(m, path, param);
	return error_set(m->e, ERR_INVALID_VALUE, param,
			 "Invalid value: '%.60s'. Supported values are: %s.",
			 json_is_string(v) ? json_string_value(v) : "(not a string)", list);
}

static bool is_word(const json_t *v, const struct limits *l)
{
	const char *s = json_string_value(v);

	for (size_t i = 0; s && i < l->n_words && l->words[i]; i++)
		if (strcmp(s, l->words[i]) == 0)
			return true;
	return false;
}

static int check_any(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	(void)m, (void)path, (void)v, (void)l;
	return 0;
}

static int check_text(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	if (!json_is_string(v))
		return config_refuse(m, path, "expected a string.");
	return (double)json_string_length(v) <= l->max ? 0 : config_refuse(m, path, "string too long.");
}

static int check_number(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	char why[96];

	if (json_is_number(v) && json_number_value(v) >= l->min && json_number_value(v) <= l->max)
		return 0;
	snprintf(why, sizeof(why), "expected a number from %g to %g.", l->min, l->max);
	return config_refuse(m, path, why);
}

static int check_integer(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	char why[96];

	if (json_is_integer(v) && json_number_value(v) >= l->min && json_number_value(v) <= l->max)
		return 0;
	snprintf(why, sizeof(why), "expected an integer from %g to %g.", l->min, l->max);
	return config_refuse(m, path, why);
}

static int check_flag(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	(void)l;
	return json_is_boolean(v) ? 0 : config_refuse(m, path, "expected true or false.");
}

static int check_choice(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	return is_word(v, l) ? 0 : refuse_choice(m, path, v, l);
}

static int check_tokens(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	if (json_is_string(v) && strcmp(json_string_value(v), "inf") == 0)
		return 0;
	return json_is_integer(v) ? check_integer(m, path, v, l)
				  : config_refuse(m, path, "expected a positive integer or \"inf\".");
}

static int check_modalities(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	static const char *const words[] = { "audio", "text" };
	const struct limits known = { 0, 0, words, ARRAY_LEN(words) };

	(void)l;
	if (!json_is_array(v) || json_array_size(v) != 1)
		return config_refuse(m, path, "supported are [\"audio\"] and [\"text\"].");
	return is_word(json_array_get(v, 0), &known)
		       ? 0
		       : refuse_choice(m, path, json_array_get(v, 0), &known);
}

/* Of MCP servers: what would otherwise only be found out when it is opened. */
static int check_mcp(struct merge *m, const char *at, const json_t *tool)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	const char *label = json_str(tool, "server_label", "");
	const json_t *approval = json_object_get(tool, "require_approval");

	if (!label[0] || strlen(label) > 64 || label[strspn(label, letters)])
		return config_refuse(m, at, "an MCP server needs a server_label of 1 to 64 letters, digits, _ and -.");
	if (!json_str(tool, "server_url", NULL) == !json_str(tool, "connector_id", NULL))
		return config_refuse(m, at, "an MCP server needs either a server_url or a connector_id.");
	if (json_is_string(approval) && strcmp(json_string_value(approval), "always") != 0 &&
	    strcmp(json_string_value(approval), "never") != 0)
		return config_refuse(m, at, "require_approval is 'always', 'never', or an object.");
	return 0;
}

static size_t count_mcp(const json_t *tools, const char *label)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(tools); i++) {
		const json_t *t = json_array_get(tools, i);

		n += strcmp(json_str(t, "type", ""), "mcp") == 0 &&
		     (!label || strcmp(json_str(t, "server_label", ""), label) == 0);
	}
	return n;
}

static int check_tool(struct merge *m, const char *path, size_t i, json_t *tool)
{
	char at[96], why[128];
	const char *type = json_str(tool, "type", NULL);

	snprintf(at, sizeof(at), "%s[%zu]", path, i);
	if (!type)
		return config_refuse(m, at, "expected an object with a type.");
	if (strcmp(type, "mcp") == 0)
		return check_mcp(m, at, tool);
	/* Other kinds are kept and echoed. */
	if (strcmp(type, "function") != 0)
		return 0;
	const char *name = json_str(tool, "name", "");
	if (name[0] && strlen(name) <= 128)
		return 0;
	snprintf(why, sizeof(why), "a function needs a name of 1 to 128 characters.");
	return config_refuse(m, at, why);
}

static int check_tools(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	json_t *tool;
	size_t i;

	(void)l;
	if (!json_is_array(v))
		return config_refuse(m, path, "expected an array.");
	if (json_array_size(v) > SESSION_TOOLS_MAX)
		return config_refuse(m, path, "too many tools.");
	json_array_foreach (v, i, tool) {
		int err = check_tool(m, path, i, tool);
		if (err)
			return err;
		if (count_mcp(v, json_str(tool, "server_label", "")) > 1)
			return config_refuse(m, path, "two MCP servers have the same server_label.");
	}
	if (count_mcp(v, NULL) > MCP_SERVERS_OF_SESSION)
		return config_refuse(m, path, "too many MCP servers.");
	AUTO(buf) struct buf text = { 0 };
	json_write(&text, v);
	if (text.failed)
		m->no_memory = true;
	return text.n <= SESSION_TOOLS_TEXT_MAX ? 0 : config_refuse(m, path, "tools too long.");
}

static int check_tool_choice(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	if (json_is_object(v) && json_str(v, "type", NULL))
		return 0;
	return is_word(v, l) ? 0 : refuse_choice(m, path, v, l);
}

static int check_voice(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	json_t *name = json_is_object(v) ? json_object_get(v, "id") : v;

	if (!name && m->dialect == DIALECT_VOICE_LIVE)
		name = json_object_get(v, "name");
	if (!json_is_string(name) || json_string_length(name) == 0)
		return config_refuse(m, path, "expected the name of a voice.");
	return check_text(m, path, name, l);
}

static int check_words(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	json_t *word;
	size_t i;

	if (!json_is_array(v) || (double)json_array_size(v) > l->max)
		return config_refuse(m, path, "expected a short array of strings.");
	json_array_foreach (v, i, word) {
		if (!json_is_string(word) || json_string_length(word) > 128)
			return config_refuse(m, path, "expected a short array of strings.");
	}
	return 0;
}

static int (*const checks[N_CONFIG_KINDS])(struct merge *, const char *, json_t *,
				    const struct limits *) = {
	[K_ENTIRE] = check_any,
	[K_IGNORE] = check_any,
	[K_TEXT] = check_text,
	[K_NUMBER] = check_number,
	[K_INTEGER] = check_integer,
	[K_FLAG] = check_flag,
	[K_CHOICE] = check_choice,
	[K_TOKENS] = check_tokens,
	[K_MODALITIES] = check_modalities,
	[K_TOOLS] = check_tools,
	[K_TOOL_CHOICE] = check_tool_choice,
	[K_VOICE] = check_voice,
	[K_WORDS] = check_words,
};

/* --- tagged unions ----------------------------------------------------------------------- */

static const char *last_word(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot ? dot + 1 : path;
}

static int put_field(struct merge *m, const char *path, const struct field *f, json_t *from,
		     json_t *to)
{
	json_t *v = json_object_get(from, f->name);
	const struct limits l = { f->min, f->max, f->words, ARRAY_LEN(f->words) };
	char at[96];

	if (json_is_null(v) && !(f->flags & NULLABLE))
		v = NULL;
	snprintf(at, sizeof(at), "%s.%s", path, f->name);
	if (v && !json_is_null(v)) {
		int err = checks[f->kind](m, at, v, &l);
		if (err)
			return err;
	}
	if (v) {
		m->no_memory |= json_object_set(to, f->name, v) < 0;
	} else if (f->fallback) {
		v = json_loads(f->fallback, JSON_DECODE_ANY, NULL);
		m->no_memory |= json_object_set_new(to, f->name, v) < 0;
	}
	return 0;
}

static const struct tag *find_tag(enum dialect d, const char *name, const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		if (strcmp(tags[i].path, name) == 0 && (tags[i].dialects & BIT(d)) &&
		    (!tags[i].type || strcmp(tags[i].type, type) == 0))
			return &tags[i];
	return NULL;
}

bool config_tag_known(enum dialect d, const char *path, const char *type)
{
	return find_tag(d, last_word(path), type) != NULL;
}

/* The union's tags, for the error message. */
static int refuse_tag(struct merge *m, const char *path, const char *type)
{
	const char *words[8] = { NULL }, *name = last_word(path);
	struct limits l = { 0, 0, words, 0 };
	char at[96];

	for (size_t i = 0; i < ARRAY_LEN(tags) && l.n_words < ARRAY_LEN(words); i++)
		if (strcmp(tags[i].path, name) == 0 && (tags[i].dialects & BIT(m->dialect)))
			words[l.n_words++] = tags[i].type;
	AUTO(json) json_t *v = json_string(type);
	snprintf(at, sizeof(at), "%s.type", path);
	return refuse_choice(m, at, v, &l);
}

static int put_fields(struct merge *m, const struct config_rule *r, const struct tag *t, json_t *v,
		      json_t *to)
{
	const char *name = last_word(r->path);

	if (t->type)
		m->no_memory |= json_object_set_new(to, "type", json_string(t->type)) < 0;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct field *f = &fields[i];

		if (strcmp(f->path, name) != 0 || !(f->class & t->class) ||
		    !(f->dialects & BIT(m->dialect)))
			continue;
		int err = put_field(m, r->path, f, v, to);
		if (err)
			return err;
	}
	return 0;
}

static int make_union(struct merge *m, const struct config_rule *r, json_t *v, json_t **out)
{
	const struct limits l = { 0, 0, r->words, ARRAY_LEN(r->words) };
	const char *type = json_str(v, "type", "");
	const struct tag *t = find_tag(m->dialect, last_word(r->path), type);

	if (is_word(v, &l)) {
		*out = json_incref(v);
		return 0;
	}
	if (!json_is_object(v))
		return config_refuse(m, r->path, "expected an object.");
	if (!t && m->dialect == DIALECT_VOICE_LIVE && type[0]) {
		*out = json_incref(v); /* of a newer service: kept, and warned of */
		return 0;
	}
	if (!t)
		return refuse_tag(m, r->path, type);
	AUTO(json) json_t *u = json_object();
	int err = put_fields(m, r, t, v, u);
	if (!err)
		*out = json_incref(u);
	return err;
}

/* --- rules ------------------------------------------------------------------------------- */

const struct config_rule *config_rule_at(const char *path, unsigned dialects, unsigned scopes)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (strcmp(rules[i].path, path) == 0 && (rules[i].scopes & scopes) &&
		    (rules[i].dialects & dialects))
			return &rules[i];
	return NULL;
}

json_t *config_tag_default(enum dialect d, const char *path, const char *type)
{
	const struct config_rule *r = config_rule_at(path, BIT(d), ~0u);
	struct api_error e;
	struct merge m = { .dialect = d, .scope = SCOPE_REALTIME, .e = &e };
	AUTO(json) json_t *given = json_pack("{s:s}", "type", type);
	AUTO(json) json_t *v = NULL;

	return given && make_union(&m, r, given, &v) == 0 && !m.no_memory ? json_incref(v) : NULL;
}

static json_t *nothing_of(const struct config_rule *r)
{
	if (r->flags & EMPTIED)
		return r->kind == K_TEXT ? json_string("") : json_array();
	return json_null();
}

/* Credentials of MCP servers are not the session object's. */
static void take_tools(struct merge *m, json_t *v, json_t **out)
{
	json_t *tool;
	size_t i;

	*out = json_array();
	json_array_foreach (v, i, tool)
		if (json_array_append_new(*out, mcp_masked(tool)) < 0)
			m->no_memory = true;
	m->no_memory |= !*out;
}

int config_take(struct merge *m, const struct config_rule *r, json_t *v, json_t **out)
{
	const struct limits l = { r->min, r->max, r->words, ARRAY_LEN(r->words) };

	*out = NULL;
	if (r->kind == K_IGNORE)
		return 0;
	if (json_is_null(v)) {
		if (r->flags)
			*out = nothing_of(r);
		return 0; /* null where nothing can be cleared: as if absent */
	}
	if (r->kind == K_UNION)
		return make_union(m, r, v, out);
	int err = checks[r->kind](m, r->path, v, &l);
	if (!err && r->kind == K_TOOLS)
		take_tools(m, v, out);
	else if (!err)
		*out = json_incref(v);
	return err;
}
