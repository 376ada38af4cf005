#include "session/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "session/errors.h"

enum kind {
	K_OBJECT, /* go on inside */
	K_ENTIRE, /* any value, kept as it is */
	K_IGNORE, /* the server's, or fixed: what the client says does not count */
	K_TEXT,
	K_NUMBER,
	K_INTEGER,
	K_FLAG,
	K_CHOICE,
	K_TOKENS,     /* 1.. or "inf" */
	K_MODALITIES, /* ["audio"] or ["text"] */
	K_TOOLS,
	K_TOOL_CHOICE,
	K_VOICE, /* a name or {id} */
	K_WORDS, /* array of strings */
	K_UNION, /* replaced as a whole; see fields[] */
	N_KINDS
};

enum { NULLABLE = 1, EMPTIED = 2 /* null means "" or [] */ };

#define ALL  (SCOPE_REALTIME | SCOPE_TRANSCRIPTION | SCOPE_RESPONSE)
#define SESS (SCOPE_REALTIME | SCOPE_TRANSCRIPTION)
#define TALK (SCOPE_REALTIME | SCOPE_RESPONSE)

/* What a client may set. `words` are the choices of K_CHOICE, or bare strings a union may be. */
struct rule {
	const char *path;
	enum kind kind;
	unsigned scopes, flags;
	double min, max;
	const char *words[5];
};

/* clang-format off */
static const struct rule rules[] = {
	{ "type",                          K_IGNORE,      SESS, 0,        0, 0, { 0 } },
	{ "model",                         K_IGNORE,      ALL,  0,        0, 0, { 0 } },
	{ "output_modalities",             K_MODALITIES,  TALK, 0,        0, 0, { 0 } },
	{ "instructions",                  K_TEXT,        TALK, EMPTIED,  0, SESSION_INSTRUCTIONS_MAX, { 0 } },
	{ "tools",                         K_TOOLS,       TALK, EMPTIED,  0, 0, { 0 } },
	{ "tool_choice",                   K_TOOL_CHOICE, TALK, 0,        0, 0, { "auto", "none", "required" } },
	{ "parallel_tool_calls",           K_FLAG,        TALK, 0,        0, 0, { 0 } },
	{ "reasoning",                     K_ENTIRE,      TALK, NULLABLE, 0, 0, { 0 } },
	{ "max_output_tokens",             K_TOKENS,      TALK, 0,        1, 1e9, { 0 } },
	{ "tracing",                       K_UNION,       SCOPE_REALTIME, NULLABLE, 0, 0, { "auto" } },
	{ "truncation",                    K_UNION,       SCOPE_REALTIME, 0, 0, 0, { "auto", "disabled" } },
	{ "prompt",                        K_ENTIRE,      TALK, NULLABLE, 0, 0, { 0 } },
	{ "include",                       K_WORDS,       SESS, NULLABLE, 0, 16, { 0 } },
	{ "audio",                         K_OBJECT,      ALL,  0,        0, 0, { 0 } },
	{ "audio.input",                   K_OBJECT,      SESS, 0,        0, 0, { 0 } },
	{ "audio.input.format",            K_UNION,       SESS, 0,        0, 0, { 0 } },
	{ "audio.input.transcription",     K_UNION,       SESS, NULLABLE, 0, 0, { 0 } },
	{ "audio.input.noise_reduction",   K_UNION,       SESS, NULLABLE, 0, 0, { 0 } },
	{ "audio.input.turn_detection",    K_UNION,       SESS, NULLABLE, 0, 0, { 0 } },
	{ "audio.output",                  K_OBJECT,      TALK, 0,        0, 0, { 0 } },
	{ "audio.output.format",           K_UNION,       TALK, 0,        0, 0, { 0 } },
	{ "audio.output.voice",            K_VOICE,       TALK, 0,        0, 64, { 0 } },
	{ "audio.output.speed",            K_NUMBER,      TALK, 0,        0.25, 1.5, { 0 } },
};

/* Fields of the tagged unions: {union, its "type" ("": untagged), field, as a rule, default}. */
static const struct field {
	const char *path, *tag, *name;
	enum kind kind;
	unsigned flags;
	double min, max;
	const char *words[4];
	const char *fallback; /* JSON; NULL: left out when not given */
} fields[] = {
	{ "format", "audio/pcm",  "rate", K_INTEGER, 0, 24000, 24000, { 0 }, "24000" },
	{ "format", "audio/pcmu", NULL,   K_IGNORE,  0, 0, 0, { 0 }, NULL },
	{ "format", "audio/pcma", NULL,   K_IGNORE,  0, 0, 0, { 0 }, NULL },
	{ "transcription", "", "model",     K_TEXT,   NULLABLE, 0, 256,  { 0 }, "\"whisper-1\"" },
	{ "transcription", "", "language",  K_TEXT,   NULLABLE, 0, 64,   { 0 }, "null" },
	{ "transcription", "", "prompt",    K_TEXT,   NULLABLE, 0, 8192, { 0 }, "null" },
	{ "transcription", "", "languages", K_ENTIRE, NULLABLE, 0, 0,    { 0 }, NULL },
	{ "transcription", "", "keywords",  K_ENTIRE, NULLABLE, 0, 0,    { 0 }, NULL },
	{ "transcription", "", "delay",     K_ENTIRE, NULLABLE, 0, 0,    { 0 }, NULL },
	{ "noise_reduction", "near_field", NULL, K_IGNORE, 0, 0, 0, { 0 }, NULL },
	{ "noise_reduction", "far_field",  NULL, K_IGNORE, 0, 0, 0, { 0 }, NULL },
	{ "turn_detection", "server_vad", "threshold",           K_NUMBER,  0, 0, 1,         { 0 }, "0.5" },
	{ "turn_detection", "server_vad", "prefix_padding_ms",   K_INTEGER, 0, 0, 5000,      { 0 }, "300" },
	{ "turn_detection", "server_vad", "silence_duration_ms", K_INTEGER, 0, 0, 10000,     { 0 }, "200" },
	{ "turn_detection", "server_vad", "idle_timeout_ms",     K_INTEGER, NULLABLE, 5000, 30000, { 0 }, "null" },
	{ "turn_detection", "server_vad", "create_response",     K_FLAG,    0, 0, 0,         { 0 }, "true" },
	{ "turn_detection", "server_vad", "interrupt_response",  K_FLAG,    0, 0, 0,         { 0 }, "true" },
	{ "turn_detection", "semantic_vad", "eagerness",          K_CHOICE, 0, 0, 0, { "auto", "low", "medium", "high" }, "\"auto\"" },
	{ "turn_detection", "semantic_vad", "create_response",    K_FLAG,   0, 0, 0, { 0 }, "true" },
	{ "turn_detection", "semantic_vad", "interrupt_response", K_FLAG,   0, 0, 0, { 0 }, "true" },
	{ "tracing", "", "workflow_name", K_ENTIRE, NULLABLE, 0, 0, { 0 }, NULL },
	{ "tracing", "", "group_id",      K_ENTIRE, NULLABLE, 0, 0, { 0 }, NULL },
	{ "tracing", "", "metadata",      K_ENTIRE, NULLABLE, 0, 0, { 0 }, NULL },
	{ "truncation", "retention_ratio", "retention_ratio", K_NUMBER, 0, 0, 1, { 0 }, "0.8" },
	{ "truncation", "retention_ratio", "token_limits",    K_ENTIRE, NULLABLE, 0, 0, { 0 }, NULL },
};
/* clang-format on */

/* One call of config_merge(): where the error goes and what the paths begin with. */
struct merge {
	enum config_scope scope;
	const char *root;
	struct api_error *e;
	bool no_memory;
};

/* The limits that a value is held against, of a rule or of a union's field. */
struct limits {
	double min, max;
	const char *const *words;
	size_t n_words;
};

/* "session.audio.output": what the client calls the place. */
static const char *full_path(const struct merge *m, const char *path, char to[static 96])
{
	size_t n = strlen(m->root);

	memcpy(to, m->root, n);
	to[n] = '.';
	to[n + 1] = 0;
	strncat(to, path, 96 - n - 2);
	return to;
}

static int refuse(struct merge *m, const char *path, const char *why)
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
		return refuse(m, path, "expected a string.");
	return (double)json_string_length(v) <= l->max ? 0 : refuse(m, path, "string too long.");
}

static int check_number(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	char why[96];

	if (json_is_number(v) && json_number_value(v) >= l->min && json_number_value(v) <= l->max)
		return 0;
	snprintf(why, sizeof(why), "expected a number from %g to %g.", l->min, l->max);
	return refuse(m, path, why);
}

static int check_integer(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	char why[96];

	if (json_is_integer(v) && json_number_value(v) >= l->min && json_number_value(v) <= l->max)
		return 0;
	snprintf(why, sizeof(why), "expected an integer from %g to %g.", l->min, l->max);
	return refuse(m, path, why);
}

static int check_flag(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	(void)l;
	return json_is_boolean(v) ? 0 : refuse(m, path, "expected true or false.");
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
				  : refuse(m, path, "expected a positive integer or \"inf\".");
}

static int check_modalities(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	static const char *const words[] = { "audio", "text" };
	const struct limits known = { 0, 0, words, ARRAY_LEN(words) };

	(void)l;
	if (!json_is_array(v) || json_array_size(v) != 1)
		return refuse(m, path, "supported are [\"audio\"] and [\"text\"].");
	return is_word(json_array_get(v, 0), &known)
		       ? 0
		       : refuse_choice(m, path, json_array_get(v, 0), &known);
}

static int check_tool(struct merge *m, const char *path, size_t i, json_t *tool)
{
	char at[96], why[128];
	const char *type = json_str(tool, "type", NULL);

	snprintf(at, sizeof(at), "%s[%zu]", path, i);
	if (!type)
		return refuse(m, at, "expected an object with a type.");
	/* Only functions are called; other kinds (mcp) are kept and echoed. */
	if (strcmp(type, "function") != 0)
		return 0;
	const char *name = json_str(tool, "name", "");
	if (name[0] && strlen(name) <= 128)
		return 0;
	snprintf(why, sizeof(why), "a function needs a name of 1 to 128 characters.");
	return refuse(m, at, why);
}

static int check_tools(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	json_t *tool;
	size_t i;

	(void)l;
	if (!json_is_array(v))
		return refuse(m, path, "expected an array.");
	if (json_array_size(v) > SESSION_TOOLS_MAX)
		return refuse(m, path, "too many tools.");
	json_array_foreach (v, i, tool) {
		int err = check_tool(m, path, i, tool);
		if (err)
			return err;
	}
	AUTO(buf) struct buf text = { 0 };
	json_write(&text, v);
	if (text.failed)
		m->no_memory = true;
	return text.n <= SESSION_TOOLS_TEXT_MAX ? 0 : refuse(m, path, "tools too long.");
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

	if (!json_is_string(name) || json_string_length(name) == 0)
		return refuse(m, path, "expected the name of a voice.");
	return check_text(m, path, name, l);
}

static int check_words(struct merge *m, const char *path, json_t *v, const struct limits *l)
{
	json_t *word;
	size_t i;

	if (!json_is_array(v) || (double)json_array_size(v) > l->max)
		return refuse(m, path, "expected a short array of strings.");
	json_array_foreach (v, i, word) {
		if (!json_is_string(word) || json_string_length(word) > 128)
			return refuse(m, path, "expected a short array of strings.");
	}
	return 0;
}

static int (*const checks[N_KINDS])(struct merge *, const char *, json_t *,
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

/* The union's tags, for the error message. */
static int refuse_tag(struct merge *m, const char *path, const char *tag)
{
	const char *words[4] = { NULL }, *name = last_word(path);
	struct limits l = { 0, 0, words, 0 };
	char at[96];

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct field *f = &fields[i];

		if (strcmp(f->path, name) == 0 && l.n_words < ARRAY_LEN(words) &&
		    (l.n_words == 0 || strcmp(words[l.n_words - 1], f->tag) != 0))
			words[l.n_words++] = f->tag;
	}
	AUTO(json) json_t *v = json_string(tag);
	snprintf(at, sizeof(at), "%s.type", path);
	return refuse_choice(m, at, v, &l);
}

static int make_union(struct merge *m, const struct rule *r, json_t *v, json_t **out)
{
	const struct limits l = { 0, 0, r->words, ARRAY_LEN(r->words) };
	const char *name = last_word(r->path), *tag = json_str(v, "type", "");
	bool known = false;

	if (is_word(v, &l)) {
		*out = json_incref(v);
		return 0;
	}
	if (!json_is_object(v))
		return refuse(m, r->path, "expected an object.");

	AUTO(json) json_t *u = json_object();
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct field *f = &fields[i];

		if (strcmp(f->path, name) != 0 || (f->tag[0] && strcmp(f->tag, tag) != 0))
			continue;
		if (!known && f->tag[0])
			m->no_memory |= json_object_set_new(u, "type", json_string(tag)) < 0;
		known = true;
		int err = f->name ? put_field(m, r->path, f, v, u) : 0;
		if (err)
			return err;
	}
	if (!known)
		return refuse_tag(m, r->path, tag);
	*out = json_incref(u);
	return 0;
}

/* --- merging ----------------------------------------------------------------------------- */

static const struct rule *rule_at(const char *path, enum config_scope scope)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (strcmp(rules[i].path, path) == 0 && (rules[i].scopes & scope))
			return &rules[i];
	return NULL;
}

static json_t *nothing_of(const struct rule *r)
{
	if (r->flags & EMPTIED)
		return r->kind == K_TEXT ? json_string("") : json_array();
	return json_null();
}

/* The value a client gave, as it is kept. *out stays NULL where it does not count. */
static int take_value(struct merge *m, const struct rule *r, json_t *v, json_t **out)
{
	const struct limits l = { r->min, r->max, r->words, ARRAY_LEN(r->words) };

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
	if (!err)
		*out = json_incref(v);
	return err;
}

static int merge_into(struct merge *m, json_t *to, const char *path, json_t *patch);

static int merge_member(struct merge *m, json_t *to, const char *path, const char *key, json_t *v)
{
	char full[96];

	if ((size_t)snprintf(full, sizeof(full), "%s%s%s", path, path[0] ? "." : "", key) >=
	    sizeof(full))
		return 0;
	const struct rule *r = rule_at(full, m->scope);
	if (!r)
		return 0; /* unknown fields are tolerated (protocol rule 8) */

	if (r->kind == K_OBJECT) {
		if (json_is_null(v))
			return 0;
		if (!json_is_object(v))
			return refuse(m, full, "expected an object.");
		json_t *inner = json_object_get(to, key);
		if (!inner) {
			inner = json_object();
			m->no_memory |= json_object_set_new(to, key, inner) < 0;
		}
		return m->no_memory ? 0 : merge_into(m, inner, full, v);
	}
	json_t *kept = NULL;
	int err = take_value(m, r, v, &kept);
	if (!err && kept)
		m->no_memory |= json_object_set_new(to, key, kept) < 0;
	return err;
}

static int merge_into(struct merge *m, json_t *to, const char *path, json_t *patch)
{
	const char *key;
	json_t *v;

	json_object_foreach (patch, key, v) {
		int err = merge_member(m, to, path, key, v);
		if (err)
			return err;
	}
	return 0;
}

/* Objects on the way to what changes are copied, values are shared: configs are immutable. */
static json_t *copy_objects(const json_t *from, const char *path)
{
	AUTO(json) json_t *to = json_object();
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)(uintptr_t)from, key, v) {
		char full[96];

		snprintf(full, sizeof(full), "%s%s%s", path, path[0] ? "." : "", key);
		const struct rule *r = rule_at(full, ALL);
		int err = r && r->kind == K_OBJECT
				  ? json_object_set_new(to, key, copy_objects(v, full))
				  : json_object_set(to, key, v);
		if (err)
			return NULL;
	}
	return json_incref(to);
}

int config_merge(json_t *base, json_t *patch, enum config_scope scope, json_t **out,
		 struct api_error *e)
{
	struct merge m = { .scope = scope,
			   .root = scope == SCOPE_RESPONSE ? "response" : "session",
			   .e = e };
	AUTO(json) json_t *to = copy_objects(base, "");

	if (!to)
		return -ENOMEM;
	int err = merge_into(&m, to, "", patch);
	if (m.no_memory)
		return -ENOMEM;
	if (!err)
		*out = json_incref(to);
	return err;
}

/* --- defaults ---------------------------------------------------------------------------- */

static json_t *default_input(void)
{
	return json_pack("{s:{s:s,s:i},s:n,s:n,s:{s:s,s:f,s:i,s:i,s:n,s:b,s:b}}", "format", "type",
			 "audio/pcm", "rate", 24000, "transcription", "noise_reduction",
			 "turn_detection", "type", "server_vad", "threshold", 0.5,
			 "prefix_padding_ms", 300, "silence_duration_ms", 200, "idle_timeout_ms",
			 "create_response", 1, "interrupt_response", 1);
}

static json_t *default_realtime(const struct session_params *p, const char *id, int64_t expires_at)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:[s],s:s,s:[],s:s,s:s,s:n,s:s,s:n,s:I,"
			 "s:{s:o,s:{s:{s:s,s:i},s:s,s:f}},s:n}",
			 "type", "realtime", "object", "realtime.session", "id", id, "model",
			 p->model ? p->model : "voiced", "output_modalities", "audio",
			 "instructions", p->instructions ? p->instructions : "", "tools",
			 "tool_choice", "auto", "max_output_tokens", "inf", "tracing", "truncation",
			 "auto", "prompt", "expires_at", (json_int_t)expires_at, "audio", "input",
			 default_input(), "output", "format", "type", "audio/pcm", "rate", 24000,
			 "voice", p->voice ? p->voice : "alloy", "speed", 1.0, "include");
}

json_t *config_default(const struct session_params *p, const char *id, int64_t expires_at)
{
	if (p->kind == SESSION_REALTIME)
		return default_realtime(p, id, expires_at);
	return json_pack("{s:s,s:s,s:s,s:I,s:{s:o},s:n}", "type", "transcription", "object",
			 "realtime.transcription_session", "id", id, "expires_at",
			 (json_int_t)expires_at, "audio", "input", default_input(), "include");
}

/* --- reading ----------------------------------------------------------------------------- */

json_t *config_at(const json_t *config, const char *path)
{
	json_t *v = (json_t *)(uintptr_t)config;
	char word[64];

	while (v && *path) {
		size_t n = strcspn(path, ".");

		snprintf(word, sizeof(word), "%.*s", (int)n, path);
		v = json_object_get(v, word);
		path += n + (path[n] == '.');
	}
	return v;
}

bool config_same(const json_t *a, const json_t *b, const char *path)
{
	return json_equal(config_at(a, path), config_at(b, path));
}

unsigned audio_format_rate(enum audio_format f)
{
	return f == AUDIO_PCM24 ? 24000 : 8000;
}

static enum audio_format format_of(const json_t *f)
{
	const char *type = json_str(f, "type", "audio/pcm");

	if (strcmp(type, "audio/pcmu") == 0)
		return AUDIO_ULAW;
	return strcmp(type, "audio/pcma") == 0 ? AUDIO_ALAW : AUDIO_PCM24;
}

static const char *voice_of(const json_t *v)
{
	return json_is_object(v)   ? json_str(v, "id", "alloy")
	       : json_is_string(v) ? json_string_value(v)
				   : "alloy";
}

static unsigned include_of(const json_t *list)
{
	static const struct {
		const char *name;
		unsigned bit;
	} known[] = { { "voiced.partials", INCLUDE_PARTIALS },
		      { "voiced.sources", INCLUDE_SOURCES },
		      { "voiced.latency", INCLUDE_LATENCY } };
	unsigned bits = 0;

	for (size_t i = 0; i < json_array_size(list); i++)
		for (size_t k = 0; k < ARRAY_LEN(known); k++)
			if (strcmp(json_string_value(json_array_get(list, i)), known[k].name) == 0)
				bits |= known[k].bit;
	return bits;
}

/* semantic_vad has no silence of its own: how long we wait for a speaker to go on. */
static unsigned patience_ms(const char *eagerness)
{
	return strcmp(eagerness, "low") == 0 ? 1000 : strcmp(eagerness, "high") == 0 ? 400 : 600;
}

static void read_turns(const json_t *t, struct settings *out)
{
	const char *type = json_str(t, "type", NULL);

	out->vad = !type ? VAD_NONE : strcmp(type, "server_vad") == 0 ? VAD_SERVER : VAD_SEMANTIC;
	out->threshold = json_num(t, "threshold", 0.5);
	out->prefix_ms = (unsigned)json_int(t, "prefix_padding_ms", 300);
	out->silence_ms = out->vad == VAD_SEMANTIC
				  ? patience_ms(json_str(t, "eagerness", "auto"))
				  : (unsigned)json_int(t, "silence_duration_ms", 200);
	out->idle_ms = (unsigned)json_int(t, "idle_timeout_ms", 0);
	out->create_response = json_flag(t, "create_response", true);
	out->interrupt_response = json_flag(t, "interrupt_response", true);
}

void config_read(const json_t *c, struct settings *out)
{
	const json_t *in = config_at(c, "audio.input"), *to = config_at(c, "audio.output");
	const json_t *heard = json_object_get(in, "transcription");
	const json_t *modality = json_array_get(json_object_get(c, "output_modalities"), 0);
	const char *word = json_string_value(modality);

	*out = (struct settings){
		.text_only = word && strcmp(word, "text") == 0,
		.instructions = json_str(c, "instructions", ""),
		.voice = voice_of(json_object_get(to, "voice")),
		.tools = json_object_get(c, "tools"),
		.tool_choice = json_object_get(c, "tool_choice"),
		.max_output_tokens = (int)json_int(c, "max_output_tokens", 0),
		.speed = json_num(to, "speed", 1.0),
		.in = format_of(json_object_get(in, "format")),
		.out = format_of(json_object_get(to, "format")),
		.transcribe = json_is_object(heard),
		.language = json_str(heard, "language", NULL),
		.prompt = json_str(heard, "prompt", NULL),
		.include = include_of(json_object_get(c, "include")),
	};
	read_turns(json_object_get(in, "turn_detection"), out);
}
