#include "service/chat_stream.h"

#include <stdio.h>

enum {
	EVENT_MAX = 1 << 20,
	WHOLE_MAX = 4 << 20,
	ARGUMENTS_MAX = 1 << 18,
	NAME_LONGEST = 256,
	INDEX_MAX = 1024
};

static void fail(struct chat_stream *c, const char *code, const char *why)
{
	c->state = CHAT_FAILED;
	c->code = code;
	snprintf(c->why, sizeof(c->why), "%s", why);
}

static void fail_memory(struct chat_stream *c)
{
	fail(c, "engine_unavailable", "The server is out of memory.");
}

static void fail_shape(struct chat_stream *c)
{
	fail(c, "engine_failed",
	     "The language model's service answered with something that is no chat completion.");
}

/* --- errors of the service ------------------------------------------------------------------------- */

static bool is_word(uint8_t c)
{
	uint8_t low = c | 0x20;

	return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '*' || c == '.';
}

/* Services quote a wrong key in part: whatever looks like one, a long word with digits, is left out. */
static void copy_plain(char *to, size_t cap, const char *text)
{
	size_t n = 0;

	while (*text && n + 8 < cap) {
		size_t word = 0, digits = 0;

		while (is_word((uint8_t)text[word])) {
			digits += (text[word] >= '0' && text[word] <= '9') || text[word] == '*';
			word++;
		}
		if (!word) {
			to[n++] = (uint8_t)*text < ' ' ? ' ' : *text;
			text++;
		} else if ((word >= 20 && digits >= 3) || strncmp(text, "sk-", 3) == 0) {
			n += (size_t)snprintf(to + n, cap - n, "\xe2\x80\xa6");
			text += word;
		} else {
			word = MIN(word, cap - 8 - n);
			memcpy(to + n, text, word);
			n += word;
			text += word;
		}
	}
	while (n && (uint8_t)to[n - 1] >= 0x80 && *text) /* no half character at the end */
		n--;
	to[n] = 0;
}

static void read_error(const json_t *body, char to[static CHAT_WHY], char param[static 64])
{
	const json_t *e = json_object_get(body, "error");
	const char *flat = json_string_value(e);

	copy_plain(to, CHAT_WHY - 80,
		   flat ? flat
			: json_str(e, "message",
				   json_str(body, "message", json_str(body, "detail", ""))));
	snprintf(param, 64, "%.63s", json_str(e, "param", ""));
}

void chat_error_read(struct bytes body, char to[static CHAT_WHY], char param[static 64])
{
	AUTO(json) json_t *v = body.n ? json_parse(body, (char[160]){ 0 }) : NULL;

	to[0] = param[0] = 0;
	if (v)
		read_error(json_is_array(v) ? json_array_get(v, 0) : v, to, param);
}

/* An error in the middle of an answer. */
static void take_error(struct chat_stream *c, const json_t *body)
{
	char said[CHAT_WHY], param[64];

	read_error(body, said, param);
	c->state = CHAT_FAILED;
	c->code = "engine_failed";
	snprintf(c->why, sizeof(c->why), "The language model's service broke off: %.150s",
		 said[0] ? said : "an error.");
}

/* --- text --------------------------------------------------------------------------------------------- */

/* Octets at the end of the text that may be the first half of a word: letters, digits, and what joins
 * them. Scripts without spaces are told at once. */
static size_t open_word(const char *text, size_t n)
{
	size_t at = n;

	while (at > 0) {
		size_t start = at - 1;
		uint32_t c = (uint8_t)text[start];

		while (start > 0 && ((uint8_t)text[start] & 0xC0) == 0x80)
			start--;
		if (c >= 0x80) {
			uint8_t lead = (uint8_t)text[start];

			/* U+2000 and above: punctuation, then scripts that set no spaces; so is what takes four. */
			if (lead >= 0xE2)
				break;
		} else if (!is_word((uint8_t)c) && c != '\'') {
			break;
		} else if (c == '.' || c == '*') {
			break;
		}
		at = start;
	}
	return n - at;
}

static void tell_text(struct chat_stream *c, const char *delta)
{
	size_t held = strlen(c->held), n = strlen(delta);
	AUTO(buf) struct buf text = { 0 };

	c->n_text += n;
	buf_put(&text, c->held, held);
	buf_put(&text, delta, n);
	if (text.failed) {
		fail_memory(c);
		return;
	}
	size_t open = open_word((const char *)text.p, text.n);
	if (open > CHAT_HELD)
		open = 0; /* no word is so long */
	size_t now = text.n - open;
	memcpy(c->held, text.p + now, open);
	c->held[open] = 0;
	text.p[now] = 0;
	if (now)
		c->ops->on_text(c->owner, (const char *)text.p);
}

static void flush_text(struct chat_stream *c)
{
	if (c->held[0])
		c->ops->on_text(c->owner, c->held);
	c->held[0] = 0;
}

/* --- calls ----------------------------------------------------------------------------------------------- */

/* The call a delta belongs to. Some services number none of them and send each whole. */
static struct chat_call *call_at(struct chat_stream *c, const json_t *delta)
{
	bool numbered = json_is_integer(json_object_get(delta, "index"));
	int64_t index = json_int(delta, "index", (int64_t)c->n_calls);

	for (size_t i = 0; numbered && i < c->n_calls; i++)
		if (c->calls[i].index == index)
			return &c->calls[i];
	if (c->n_calls == CHAT_CALLS || index < 0 || index > INDEX_MAX)
		return NULL;
	struct chat_call *call = &c->calls[c->n_calls++];
	*call = (struct chat_call){ .index = index };
	return call;
}

/* Arguments as text; as an object where a service has already read them. */
static void put_arguments(struct buf *to, const json_t *v)
{
	if (json_is_object(v))
		json_write(to, v);
	else
		buf_puts(to, json_is_string(v) ? json_string_value(v) : "");
}

static void take_call(struct chat_stream *c, const json_t *delta)
{
	const json_t *f = json_object_get(delta, "function");
	const char *name = json_str(f, "name", "");
	struct chat_call *call = json_is_object(delta) ? call_at(c, delta) : NULL;

	if (!call) {
		fail(c, "engine_failed",
		     "The language model wanted more functions at once than it may.");
		return;
	}
	/* A name comes whole; there are services that repeat it. */
	if (*name && !call->name.n)
		buf_puts(&call->name, name);
	put_arguments(&call->arguments, json_object_get(f, "arguments"));
	if (call->name.n > NAME_LONGEST || call->arguments.n > ARGUMENTS_MAX)
		fail(c, "engine_failed",
		     "The language model's arguments for a function are too long.");
	else if (call->name.failed || call->arguments.failed)
		fail_memory(c);
}

static void take_calls(struct chat_stream *c, const json_t *calls)
{
	for (size_t i = 0; i < json_array_size(calls) && c->state == CHAT_READING; i++)
		take_call(c, json_array_get(calls, i));
}

static void tell_calls(struct chat_stream *c)
{
	for (size_t i = 0; i < c->n_calls; i++) {
		const struct chat_call *call = &c->calls[i];

		if (call->name.n)
			c->ops->on_call(c->owner, (const char *)call->name.p,
					call->arguments.n ? (const char *)call->arguments.p : "{}");
	}
}

/* --- events ------------------------------------------------------------------------------------------------- */

static bool has_calls(const struct chat_stream *c)
{
	for (size_t i = 0; i < c->n_calls; i++)
		if (c->calls[i].name.n)
			return true;
	return false;
}

/* All words and calls are there. */
static void end_answer(struct chat_stream *c, const char *reason)
{
	if (c->ended)
		return;
	c->ended = true;
	if (strcmp(reason, "content_filter") == 0) {
		fail(c, "content_filter",
		     "The language model's service held its answer back (content filter).");
		return;
	}
	flush_text(c);
	bool cut = strcmp(reason, "length") == 0;
	c->finish = cut ? LLM_MAX_TOKENS : has_calls(c) ? LLM_TOOL_CALLS : LLM_STOP;
	/* The last of them may be half a call when it was cut. */
	if (!cut)
		tell_calls(c);
}

static int tokens(const json_t *usage, const char *name, int before)
{
	int64_t n = json_int(usage, name, before);

	return (int)MIN(MAX(n, 0), INT32_MAX);
}

static void take_usage(struct chat_stream *c, const json_t *usage)
{
	const json_t *in = json_object_get(usage, "prompt_tokens_details");
	const json_t *out = json_object_get(usage, "completion_tokens_details");
	struct llm_usage *u = &c->usage;

	u->input_tokens = tokens(usage, "prompt_tokens", u->input_tokens);
	u->output_tokens = tokens(usage, "completion_tokens", u->output_tokens);
	u->cached_tokens = tokens(in, "cached_tokens", u->cached_tokens);
	u->input_audio_tokens = tokens(in, "audio_tokens", u->input_audio_tokens);
	u->output_audio_tokens = tokens(out, "audio_tokens", u->output_audio_tokens);
}

/* `said` is a delta, or the message of an answer that is not streamed. */
static void take_said(struct chat_stream *c, const json_t *said)
{
	const char *text = json_str(said, "content", NULL);

	if (!text)
		text = json_str(said, "refusal", "");
	if (*text)
		tell_text(c, text);
	take_calls(c, json_object_get(said, "tool_calls"));
}

static void take_answer(struct chat_stream *c, const json_t *v, const char *member)
{
	const json_t *choice = json_array_get(json_object_get(v, "choices"), 0);
	const char *reason = json_str(choice, "finish_reason", NULL);

	if (!json_is_object(v)) {
		fail_shape(c);
	} else if (json_object_get(v, "error") && !json_is_null(json_object_get(v, "error"))) {
		take_error(c, v);
	} else {
		take_usage(c, json_object_get(v, "usage"));
		if (choice && !c->ended)
			take_said(c, json_object_get(choice, member));
		if (reason && *reason && c->state == CHAT_READING)
			end_answer(c, reason);
	}
}

static bool on_event(void *owner, const struct sse_event *e)
{
	struct chat_stream *c = owner;
	struct bytes data = bytes_of(e->data, e->n);

	if (bytes_is(data, "[DONE]")) {
		end_answer(c, "stop");
		if (c->state == CHAT_READING)
			c->state = CHAT_FINISHED;
		return false;
	}
	AUTO(json) json_t *v = json_parse(data, (char[160]){ 0 });
	if (!v)
		fail(c, "engine_failed",
		     "The language model's service sent something that is no JSON.");
	else
		take_answer(c, v, "delta");
	return c->state == CHAT_READING;
}

/* --- the answer ----------------------------------------------------------------------------------------------- */

static bool type_is(const char *content_type, const char *name)
{
	size_t n = strlen(name);

	return strncasecmp(content_type, name, n) == 0 &&
	       (!content_type[n] || strchr("; \t", content_type[n]));
}

enum chat_state chat_stream_init(struct chat_stream *c, const char *content_type,
				 const struct chat_stream_ops *ops, void *owner)
{
	*c = (struct chat_stream){ .ops = ops, .owner = owner };
	sse_init(&c->sse, EVENT_MAX);
	c->is_stream = !content_type[0] || type_is(content_type, "text/event-stream");
	if (!c->is_stream && !type_is(content_type, "application/json"))
		fail_shape(c);
	return c->state;
}

void chat_stream_done(struct chat_stream *c)
{
	sse_done(&c->sse);
	buf_done(&c->whole);
	for (size_t i = 0; i < c->n_calls; i++) {
		buf_done(&c->calls[i].name);
		buf_done(&c->calls[i].arguments);
	}
	c->n_calls = 0;
}

enum chat_state chat_stream_push(struct chat_stream *c, struct bytes part)
{
	if (c->state != CHAT_READING)
		return c->state;
	if (c->is_stream) {
		enum sse_verdict v = sse_push(&c->sse, part, on_event, c);

		if (v == SSE_NO_MEMORY)
			fail_memory(c);
		else if (v == SSE_TOO_LONG)
			fail(c, "engine_failed",
			     "The language model's service sent an event that is too long.");
		return c->state;
	}
	if (part.n > WHOLE_MAX - MIN((size_t)WHOLE_MAX, c->whole.n))
		fail(c, "engine_failed", "The language model's answer is too long.");
	else
		buf_put(&c->whole, part.p, part.n);
	if (c->whole.failed)
		fail_memory(c);
	return c->state;
}

static void read_whole(struct chat_stream *c)
{
	AUTO(json)
	json_t *v = c->whole.n ? json_parse(buf_bytes(&c->whole), (char[160]){ 0 }) : NULL;

	if (v)
		take_answer(c, v, "message");
	if (c->state == CHAT_READING && json_array_size(json_object_get(v, "choices")) > 0)
		end_answer(c, "stop");
}

enum chat_state chat_stream_end(struct chat_stream *c, bool broken)
{
	if (c->state == CHAT_READING && !c->is_stream && !broken)
		read_whole(c);
	if (c->state != CHAT_READING)
		return c->state;
	if (c->ended)
		c->state = CHAT_FINISHED;
	else if (c->is_stream || broken)
		fail(c, "engine_failed",
		     "The language model's service broke off in the middle of its answer.");
	else
		fail_shape(c);
	return c->state;
}
