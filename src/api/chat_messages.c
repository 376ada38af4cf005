#include "api/chat_messages.h"

#include <string.h>

#include "service/chat_body.h"

enum { MESSAGES_MAX = 4096, TOKENS_MAX = 1000000 };

static const struct serving_wrong fine = { 0 };

static struct serving_wrong wrong(const char *param, const char *why)
{
	return (struct serving_wrong){ param, why };
}

static void put(struct chat_request *q, json_t *list, json_t *item)
{
	q->no_memory |= json_array_append_new(list, item) != 0;
}

/* --- messages ---------------------------------------------------------------------------------- */

/* Text, or parts of text, as one text. */
static struct serving_wrong take_text(const json_t *content, struct buf *to)
{
	const json_t *part;
	size_t i;

	if (json_is_string(content)) {
		buf_puts(to, json_string_value(content));
		return fine;
	}
	if (!json_is_array(content))
		return json_is_null(content) || !content ?
			       fine :
			       wrong("messages", "The content of a message is a text or a list of parts.");
	json_array_foreach(content, i, part) {
		const char *type = json_str(part, "type", ""),
			   *text = json_str(part, "text", json_str(part, "refusal", NULL));

		if (!text || (strcmp(type, "text") != 0 && strcmp(type, "refusal") != 0))
			return wrong("messages", "Only parts of type 'text' are taken here: no images, audio or files. "
						 "Speech goes to /v1/audio/transcriptions first.");
		if (i)
			buf_putc(to, '\n');
		buf_puts(to, text);
	}
	return fine;
}

static void put_message(struct chat_request *q, const char *role, const char *type, const struct buf *text)
{
	put(q, q->items, json_pack("{s:s,s:s,s:s,s:[{s:s,s:s#}]}", "type", "message", "status", "completed",
				   "role", role, "content", "type", type, "text",
				   text->p ? (const char *)text->p : "", text->n));
}

static struct serving_wrong on_system(struct chat_request *q, const json_t *m)
{
	if (q->instructions.n)
		buf_puts(&q->instructions, "\n\n");
	return take_text(json_object_get(m, "content"), &q->instructions);
}

static struct serving_wrong on_user(struct chat_request *q, const json_t *m)
{
	AUTO(buf) struct buf text = { 0 };
	struct serving_wrong w = take_text(json_object_get(m, "content"), &text);

	q->no_memory |= text.failed;
	if (!w.why)
		put_message(q, "user", "input_text", &text);
	return w;
}

static struct serving_wrong put_calls(struct chat_request *q, const json_t *calls)
{
	const json_t *call;
	size_t i;

	json_array_foreach(calls, i, call) {
		const json_t *f = json_object_get(call, "function");
		const char *id = json_str(call, "id", NULL), *name = json_str(f, "name", NULL),
			   *arguments = json_str(f, "arguments", NULL);

		if (!id || !name || !arguments)
			return wrong("messages", "A tool call is {id, type: 'function', function: {name, arguments}}.");
		put(q, q->items, json_pack("{s:s,s:s,s:s,s:s,s:s}", "type", "function_call", "status",
					   "completed", "call_id", id, "name", name, "arguments", arguments));
	}
	return fine;
}

static struct serving_wrong on_assistant(struct chat_request *q, const json_t *m)
{
	AUTO(buf) struct buf text = { 0 };
	struct serving_wrong w = take_text(json_object_get(m, "content"), &text);

	q->no_memory |= text.failed;
	if (!w.why && text.n)
		put_message(q, "assistant", "output_text", &text);
	return w.why ? w : put_calls(q, json_object_get(m, "tool_calls"));
}

/* Another voiced marks what comes from documents with a sentence of ours: the engine finds the JSON
 * behind it, and marks it anew where it asks a model. */
static void drop_mark(struct buf *text)
{
	const char *mark = chat_mark("search");

	if (bytes_starts(buf_bytes(text), mark))
		buf_consume(text, strlen(mark));
}

static struct serving_wrong on_tool(struct chat_request *q, const json_t *m)
{
	AUTO(buf) struct buf text = { 0 };
	const char *id = json_str(m, "tool_call_id", NULL);
	struct serving_wrong w = take_text(json_object_get(m, "content"), &text);

	q->no_memory |= text.failed;
	if (w.why)
		return w;
	if (!id)
		return wrong("messages", "A message of the role 'tool' has a tool_call_id.");
	drop_mark(&text);
	put(q, q->items, json_pack("{s:s,s:s,s:s,s:s#}", "type", "function_call_output", "status", "completed",
				   "call_id", id, "output", text.p ? (const char *)text.p : "", text.n));
	return fine;
}

static const struct {
	const char *name;
	struct serving_wrong (*take)(struct chat_request *q, const json_t *m);
} roles[] = {
	{ "system", on_system }, { "developer", on_system }, { "user", on_user },
	{ "assistant", on_assistant }, { "tool", on_tool },
};

static struct serving_wrong take_message(struct chat_request *q, const json_t *m)
{
	const char *role = json_str(m, "role", "");

	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (strcmp(roles[i].name, role) == 0)
			return roles[i].take(q, m);
	return wrong("messages", "The role of a message is system, developer, user, assistant or tool.");
}

static struct serving_wrong take_messages(struct chat_request *q, const json_t *v)
{
	struct serving_wrong w = { 0 };
	const json_t *m;
	size_t i;

	if (json_array_size(v) < 1 || json_array_size(v) > MESSAGES_MAX)
		return wrong("messages", "messages is a list of 1 to 4096 messages.");
	json_array_foreach(v, i, m) {
		w = take_message(q, m);
		if (w.why)
			break;
	}
	return w;
}

/* --- tools -------------------------------------------------------------------------------------- */

static struct serving_wrong take_tools(struct chat_request *q, const json_t *v)
{
	const json_t *t;
	size_t i;

	if (!json_is_array(v))
		return wrong("tools", "tools is a list.");
	json_array_foreach(v, i, t) {
		json_t *f = json_object_get(t, "function");

		if (strcmp(json_str(t, "type", ""), "function") != 0 || !json_str(f, "name", NULL))
			return wrong("tools", "A tool is {type: 'function', function: {name, description?, parameters?}}.");
		json_t *flat = json_pack("{s:s,s:O,s:O*,s:O*}", "type", "function", "name",
					 json_object_get(f, "name"), "description",
					 json_object_get(f, "description"), "parameters",
					 json_object_get(f, "parameters"));
		put(q, q->tools, flat);
	}
	return fine;
}

static struct serving_wrong take_choice(struct chat_request *q, const json_t *v)
{
	const char *word = json_string_value(v), *name = json_str(json_object_get(v, "function"), "name", NULL);

	if (word && (strcmp(word, "auto") == 0 || strcmp(word, "none") == 0 || strcmp(word, "required") == 0))
		q->choice = json_string(word);
	else if (name)
		q->choice = json_pack("{s:s,s:s}", "type", "function", "name", name);
	else
		return wrong("tool_choice",
			     "tool_choice is 'auto', 'none', 'required' or {type: 'function', function: {name}}.");
	q->no_memory |= !q->choice;
	return fine;
}

/* --- the rest ------------------------------------------------------------------------------------- */

static struct serving_wrong take_max(struct chat_request *q, const json_t *v)
{
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < 1 || n > TOKENS_MAX)
		return wrong("max_completion_tokens", "max_completion_tokens is a whole number of at least 1.");
	q->max_tokens = (int)n;
	return fine;
}

static struct serving_wrong take_temperature(struct chat_request *q, const json_t *v)
{
	q->temperature = json_number_value(v);
	if (!json_is_number(v) || !(q->temperature >= 0 && q->temperature <= 2))
		return wrong("temperature", "temperature is a number from 0 to 2.");
	return fine;
}

static struct serving_wrong take_n(struct chat_request *q, const json_t *v)
{
	(void)q;
	return json_integer_value(v) == 1 ? fine : wrong("n", "One choice is made: n is 1.");
}

static struct serving_wrong take_stream(struct chat_request *q, const json_t *v)
{
	q->stream = json_is_true(v);
	return json_is_boolean(v) ? fine : wrong("stream", "stream is true or false.");
}

static struct serving_wrong take_stream_options(struct chat_request *q, const json_t *v)
{
	q->usage = json_flag(v, "include_usage", false);
	return json_is_object(v) ? fine : wrong("stream_options", "stream_options is an object.");
}

static struct serving_wrong take_format(struct chat_request *q, const json_t *v)
{
	(void)q;
	return strcmp(json_str(v, "type", ""), "text") == 0 ?
		       fine :
		       wrong("response_format", "Answers are text here: response_format is {type: 'text'}.");
}

static struct serving_wrong take_modalities(struct chat_request *q, const json_t *v)
{
	(void)q;
	return json_has_word(v, "audio") ?
		       wrong("modalities", "Answers are text here; /v1/audio/speech speaks them.") :
		       fine;
}

static struct serving_wrong take_model(struct chat_request *q, const json_t *v)
{
	q->model = json_string_value(v);
	return q->model && strlen(q->model) < 256 ? fine : wrong("model", "model is a text.");
}

/* Others (seed, stop, top_p, user, store, metadata …) are taken and have no effect. */
static const struct {
	const char *name;
	struct serving_wrong (*take)(struct chat_request *q, const json_t *v);
} fields[] = {
	{ "messages", take_messages },
	{ "tools", take_tools },
	{ "tool_choice", take_choice },
	{ "max_tokens", take_max }, /* the older name; the newer one wins */
	{ "max_completion_tokens", take_max },
	{ "temperature", take_temperature },
	{ "n", take_n },
	{ "stream", take_stream },
	{ "stream_options", take_stream_options },
	{ "response_format", take_format },
	{ "modalities", take_modalities },
	{ "model", take_model },
};

struct serving_wrong chat_request_parse(const json_t *body, struct chat_request *out)
{
	struct serving_wrong w = { 0 };

	*out = (struct chat_request){ .items = json_array(), .tools = json_array(), .temperature = 0.8 };
	if (!json_object_get(body, "messages"))
		return take_messages(out, NULL);
	for (size_t i = 0; i < ARRAY_LEN(fields) && !w.why; i++) {
		const json_t *v = json_object_get(body, fields[i].name);

		if (v && !json_is_null(v))
			w = fields[i].take(out, v);
	}
	out->no_memory |= !out->items || !out->tools || out->instructions.failed;
	return w;
}

void chat_request_done(struct chat_request *q)
{
	buf_done(&q->instructions);
	json_decref(q->items);
	json_decref(q->tools);
	json_decref(q->choice);
	*q = (struct chat_request){ 0 };
}
