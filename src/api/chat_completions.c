/* chat_completions.c - POST /v1/chat/completions: the mind of the conversation without its voice. */
#include <stdio.h>
#include <string.h>

#include "api/chat_messages.h"
#include "api/completion_run.h"
#include "base/alloc.h"

enum { ID_LEN = 24, MODEL_LEN = 256 };

struct chat {
	struct serving serving;
	struct completion *run;
	char id[sizeof("chatcmpl-") + ID_LEN], model[MODEL_LEN];
	uint64_t created;
	bool stream, usage, began; /* began: the first chunk has left */
	struct buf text;
	json_t *sources;
};

static void chat_free(struct chat *c)
{
	completion_cancel(c->run);
	serving_drop(&c->serving);
	buf_done(&c->text);
	json_decref(c->sources);
	mem_free(c);
}

static void on_gone(struct serving *s)
{
	chat_free(CONTAINER_OF(s, struct chat, serving));
}

static const struct serving_ops serving_ops = { .on_gone = on_gone };
static const struct engine_error no_memory = { "server_error", "The server is out of memory." };

/* --- shapes ------------------------------------------------------------------------------------ */

static const char *finish_word(const struct completion_end *e)
{
	static const char *const words[] = {
		[LLM_STOP] = "stop", [LLM_TOOL_CALLS] = "tool_calls", [LLM_MAX_TOKENS] = "length"
	};
	return words[e->finish];
}

static json_t *usage_json(const struct llm_usage *u)
{
	return json_pack("{s:i,s:i,s:i}", "prompt_tokens", u->input_tokens, "completion_tokens",
			 u->output_tokens, "total_tokens", u->input_tokens + u->output_tokens);
}

/* The members that answers and chunks have in common, and this one choice, which is taken. */
static json_t *envelope(const struct chat *c, const char *object, json_t *choice)
{
	return json_pack("{s:s,s:s,s:I,s:s,s:n,s:[o]}", "id", c->id, "object", object, "created",
			 (json_int_t)c->created, "model", c->model, "system_fingerprint", "choices", choice);
}

/* `indexed`: as deltas have them. */
static json_t *calls_json(const struct chat *c, const json_t *calls, bool indexed)
{
	json_t *list = json_array();
	const json_t *call;
	size_t i;

	json_array_foreach(calls, i, call) {
		char id[48];

		snprintf(id, sizeof(id), "call_%s%zu", c->id + sizeof("chatcmpl-") - 1, i);
		json_t *one = json_pack("{s:s,s:s,s:{s:O,s:O}}", "id", id, "type", "function", "function",
					"name", json_object_get(call, "name"), "arguments",
					json_object_get(call, "arguments"));
		if (indexed && json_object_set_new(one, "index", json_integer((json_int_t)i)) < 0)
			json_decref(one);
		else if (json_array_append_new(list, one) == 0)
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

/* Where the answer stands. false: no memory. */
static bool set_sources(const struct chat *c, json_t *message)
{
	return !c->sources ||
	       json_object_set_new(message, "voiced", json_pack("{s:O}", "sources", c->sources)) == 0;
}

/* --- whole -------------------------------------------------------------------------------------- */

static json_t *message_json(const struct chat *c, const struct completion_end *e)
{
	AUTO(json) json_t *m = json_pack("{s:s,s:n,s:n,s:[]}", "role", "assistant", "content", "refusal", "annotations");

	if (!m || !set_sources(c, m))
		return NULL;
	if ((c->text.n || !e->calls) &&
	    json_object_set_new(m, "content", json_stringn(c->text.p ? (const char *)c->text.p : "", c->text.n)) < 0)
		return NULL;
	if (e->calls && json_object_set_new(m, "tool_calls", calls_json(c, e->calls, false)) < 0)
		return NULL;
	return json_incref(m);
}

static void reply_whole(struct chat *c, const struct completion_end *e)
{
	json_t *choice = json_pack("{s:i,s:o,s:n,s:s}", "index", 0, "message", message_json(c, e), "logprobs",
				   "finish_reason", finish_word(e));
	json_t *o = envelope(c, "chat.completion", choice);

	if (c->text.failed || !o || json_object_set_new(o, "usage", usage_json(&e->usage)) < 0) {
		json_decref(o);
		o = NULL;
	}
	serving_reply(&c->serving, o);
}

/* --- streamed -------------------------------------------------------------------------------------- */

/* Takes delta. false: nobody reads. */
static bool send_delta(struct chat *c, json_t *delta, const char *finish)
{
	json_t *choice = json_pack("{s:i,s:o,s:n,s:s?}", "index", 0, "delta", delta, "logprobs",
				   "finish_reason", finish);
	json_t *o = envelope(c, "chat.completion.chunk", choice);

	/* Where usage is asked for, all chunks but the last have none. */
	if (o && c->usage && json_object_set_new(o, "usage", json_null()) < 0) {
		json_decref(o);
		o = NULL;
	}
	return serving_event(&c->serving, o);
}

static bool send_begin(struct chat *c)
{
	if (c->began)
		return true;
	c->began = true;
	return serving_open(&c->serving, SERVING_EVENTS) &&
	       send_delta(c, json_pack("{s:s,s:s,s:n}", "role", "assistant", "content", "", "refusal"), NULL);
}

static bool send_usage(struct chat *c, const struct llm_usage *u)
{
	if (!c->usage)
		return true;
	return serving_event(&c->serving,
			     json_pack("{s:s,s:s,s:I,s:s,s:n,s:[],s:o}", "id", c->id, "object",
				       "chat.completion.chunk", "created", (json_int_t)c->created, "model",
				       c->model, "system_fingerprint", "choices", "usage", usage_json(u)));
}

static void end_stream(struct chat *c, const struct completion_end *e)
{
	AUTO(json) json_t *last = json_object();
	bool ok = send_begin(c);

	if (ok && e->calls)
		ok = send_delta(c, json_pack("{s:o}", "tool_calls", calls_json(c, e->calls, true)), NULL);
	ok = ok && last && set_sources(c, last) && send_delta(c, json_incref(last), finish_word(e)) &&
	     send_usage(c, &e->usage) && serving_write(&c->serving, bytes_str("data: [DONE]\n\n"));
	if (ok)
		serving_end(&c->serving);
}

/* --- the run ---------------------------------------------------------------------------------------- */

static void on_text(void *owner, const char *text)
{
	struct chat *c = owner;

	if (!c->stream)
		buf_puts(&c->text, text);
	else if (!send_begin(c) || !send_delta(c, json_pack("{s:s}", "content", text), NULL))
		chat_free(c);
}

static void on_source(void *owner, json_t *source)
{
	struct chat *c = owner;

	if (!c->sources)
		c->sources = json_array();
	c->text.failed |= json_array_append(c->sources, source) != 0;
}

/* What a service said of itself is not a client's error. */
static unsigned status_of(const struct engine_error *e)
{
	return strncmp(e->code, "rate_limit", 10) == 0 ? 429 :
	       strcmp(e->code, "context_length_exceeded") == 0 ? 400 : 503;
}

static void charge(struct chat *c, const struct llm_usage *u)
{
	const struct engines *e = c->serving.reach.engines;

	serving_charge(&c->serving, u->meter ? u->meter : e->llm_meter,
		       cost_tokens_of(u, u->price ? u->price : e->llm_price));
}

static void on_end(void *owner, const struct completion_end *e)
{
	struct chat *c = owner;

	c->run = NULL;
	charge(c, &e->usage);
	if (e->error)
		serving_fail(&c->serving, status_of(e->error), e->error);
	else if (c->stream)
		end_stream(c, e);
	else
		reply_whole(c, e);
	chat_free(c);
}

static const struct completion_sink sink = { on_text, on_source, on_end };

static void begin(struct request *r, struct chat *c, const struct chat_request *q)
{
	const struct completion_params p = {
		.engines = c->serving.reach.engines,
		.loop = r->seat->loop,
		.groups = reach_groups(&c->serving.reach),
		.request = { .instructions = q->instructions.n ? (const char *)q->instructions.p : NULL,
			     .items = q->items,
			     .tools = q->tools,
			     .tool_choice = q->choice,
			     .max_output_tokens = q->max_tokens,
			     .temperature = q->temperature },
		.sink = &sink,
		.owner = c,
	};

	if (q->model || !r->id) /* else the deployment of the path */
		snprintf(c->model, sizeof(c->model), "%s", q->model ? q->model : "voiced");
	else
		snprintf(c->model, sizeof(c->model), "%.*s", (int)MIN(r->id_len, sizeof(c->model) - 1), r->id);
	env_id(r->seat->api->p.env, "chatcmpl-", c->id, ID_LEN);
	c->created = env_wall(r->seat->api->p.env) / US_PER_S;
	c->stream = q->stream;
	c->usage = q->stream && q->usage;
	if (!p.engines->llm_ops)
		serving_fail(&c->serving, 503,
			     &(struct engine_error){ "engine_unavailable", "No language model is configured." });
	else if (completion_run(&c->run, &p) == 0)
		return;
	else
		serving_fail(&c->serving, 503, &(struct engine_error){ "engine_unavailable",
									"The language model could not be started." });
	chat_free(c);
}

void post_chat_completions(struct request *r)
{
	struct chat_request q = { 0 };

	if (seat_holds(r, post_chat_completions))
		return;
	AUTO(json) json_t *body = serving_body(r);
	struct serving_wrong w = { 0 };
	if (!body)
		return;
	w = chat_request_parse(body, &q);
	struct chat *c = w.why || q.no_memory ? NULL : mem_zalloc(sizeof(*c));
	if (w.why)
		serving_refuse(r->ex, &w);
	else if (!c)
		exchange_error(r->ex, 503, no_memory.code, NULL, no_memory.message);
	else if (!seat_reach(r, &c->serving.reach) || !serving_begin(&c->serving, r, &serving_ops))
		mem_free(c);
	else
		begin(r, c, &q);
	chat_request_done(&q);
}
