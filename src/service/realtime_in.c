/* realtime_in.c - what the service says, as sink calls. A stranger's: what makes no sense is passed over,
 * and a connection on which much of it comes is given up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/b64.h"
#include "base/log.h"
#include "service/realtime_inner.h"

LOG_TOPIC("realtime");

enum { ODDITIES_MAX = 100, TRIES_MAX = 30 };

static const char odd_text[] = "The realtime service does not keep to its protocol.";

static void odd(struct realtime_link *l)
{
	if (++l->n_oddities >= ODDITIES_MAX)
		rt_break(l, RT_BLAME, 0, "engine_unavailable", odd_text);
}

static uint64_t now_of(const struct realtime_link *l)
{
	return loop_now_us(l->loop);
}

/* --- the beginning ---------------------------------------------------------------------------- */

static void on_created(struct realtime_link *l, const json_t *e)
{
	(void)e;
	if (l->state != RT_GREETING)
		return;
	l->state = RT_CONFIGURING;
	rt_say_session(l);
}

static void on_updated(struct realtime_link *l, const json_t *e)
{
	(void)e;
	if (l->state == RT_CONFIGURING)
		rt_opened(l);
}

/* --- hearing ------------------------------------------------------------------------------------ */

static void tell_speech(struct realtime_link *l, bool started, int64_t ms)
{
	if (l->turns == RT_TURNS_THEIRS)
		l->sink->on_speech(l->owner, l->number, started, (uint64_t)MAX(ms, 0));
}

static void on_speech_started(struct realtime_link *l, const json_t *e)
{
	tell_speech(l, true, json_int(e, "audio_start_ms", 0));
}

static void on_speech_stopped(struct realtime_link *l, const json_t *e)
{
	tell_speech(l, false, json_int(e, "audio_end_ms", 0));
}

static void on_committed(struct realtime_link *l, const json_t *e)
{
	const char *id = json_str(e, "item_id", "");

	LIST_FOR(&l->commits, n) {
		struct rt_commit *c = CONTAINER_OF(n, struct rt_commit, node);

		if (c->sent && !c->known) {
			rt_commit_known(l, c, id);
			return;
		}
	}
	if (l->turns != RT_TURNS_THEIRS) {
		odd(l);
		return;
	}
	struct rt_commit *c = rt_commit_new(l, false);
	if (!c) {
		rt_break(l, RT_BLAME, 0, "engine_unavailable", odd_text);
		return;
	}
	rt_commit_known(l, c, id);
	l->sink->on_commit(l->owner, l->number);
}

static void on_words_delta(struct realtime_link *l, const json_t *e)
{
	struct rt_commit *c = rt_commit_named(l, json_str(e, "item_id", ""));
	const char *text = json_str(e, "delta", "");

	/* Of later ones only the whole is told, in its turn. */
	if (!c || list_first(&l->commits) != &c->node)
		return;
	c->since_us = now_of(l);
	if (*text)
		l->sink->on_words_delta(l->owner, l->number, text);
}

static void on_words(struct realtime_link *l, const json_t *e)
{
	struct rt_commit *c = rt_commit_named(l, json_str(e, "item_id", ""));

	if (c)
		rt_commit_heard(l, c, json_str(e, "transcript", ""), NULL);
}

/* Codes are words for programs: a service's are passed on only if they look like one. */
static const char *code_of(const json_t *error, const char *otherwise)
{
	const char *code = json_str(error, "code", "");
	size_t n = strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return n && !code[n] && n < RT_CODE_MAX ? code : otherwise;
}

static void on_words_failed(struct realtime_link *l, const json_t *e)
{
	struct rt_commit *c = rt_commit_named(l, json_str(e, "item_id", ""));

	if (c)
		rt_commit_heard(l, c, NULL,
				code_of(json_object_get(e, "error"), "engine_unavailable"));
}

/* --- answers --------------------------------------------------------------------------------------- */

/* Who was asked and has no name yet: by our number, else the oldest. */
static struct rt_answer *asked(struct realtime_link *l, const json_t *response)
{
	uint64_t ref = rt_ref(response);
	struct rt_answer *first = NULL;

	LIST_FOR(&l->answers, n) {
		struct rt_answer *a = CONTAINER_OF(n, struct rt_answer, node);

		if (a->state != RT_ASKED)
			continue;
		if (a->ref == ref)
			return a;
		if (!first && !a->apart)
			first = a;
	}
	return ref ? NULL : first;
}

static struct rt_answer *begin_unasked(struct realtime_link *l)
{
	struct rt_answer *a = rt_answer_new(l, 0);

	if (!a)
		rt_break(l, RT_BLAME, 0, "engine_unavailable", odd_text);
	return a;
}

static void on_response_created(struct realtime_link *l, const json_t *e)
{
	const json_t *response = json_object_get(e, "response");
	const char *id = json_str(response, "id", "");
	struct rt_answer *a = *id ? asked(l, response) : NULL;
	bool unasked = !a;

	if (!*id) {
		odd(l);
		return;
	}
	if (unasked && !(a = begin_unasked(l)))
		return;
	a->state = RT_RUNNING;
	a->seen_us = now_of(l);
	snprintf(a->id, sizeof(a->id), "%s", id);
	if (!unasked) {
		if (a->dropped) /* cancelled before it had a name */
			rt_say_cancel(l, a);
		return;
	}
	if (l->turns == RT_TURNS_THEIRS && rt_ref(response) == 0) {
		l->begun = a;
		l->sink->on_begun(l->owner, l->number);
		if (l->closed)
			return;
		l->begun = NULL;
	}
	if (a->ref != 0 || a->dropped)
		return;
	a->dropped = true; /* nobody wants it */
	rt_say_cancel(l, a);
}

/* The answer that an event is about, if anybody listens to it. */
static struct rt_answer *of_event(struct realtime_link *l, const json_t *e)
{
	struct rt_answer *a = rt_answer_named(l, json_str(e, "response_id", ""));

	if (a && !a->dropped)
		a->seen_us = now_of(l);
	return a;
}

static struct rt_answer_item *item_of(struct rt_answer *a, const char *id)
{
	for (size_t i = 0; i < a->n_items; i++)
		if (strcmp(a->items[i].id, id) == 0)
			return &a->items[i];
	if (!*id || a->n_items == RT_ANSWER_ITEMS)
		return NULL;
	struct rt_answer_item *item = &a->items[a->n_items++];
	snprintf(item->id, sizeof(item->id), "%s", id);
	return item;
}

static void on_item_added(struct realtime_link *l, const json_t *e)
{
	struct rt_answer *a = of_event(l, e);
	const json_t *item = json_object_get(e, "item");

	if (a && strcmp(json_str(item, "type", ""), "message") == 0)
		(void)item_of(a, json_str(item, "id", ""));
}

static void on_item_done(struct realtime_link *l, const json_t *e)
{
	struct rt_answer *a = of_event(l, e);
	const json_t *item = json_object_get(e, "item");
	const char *status = json_str(item, "status", "completed");

	if (!a || a->dropped || strcmp(json_str(item, "type", ""), "function_call") != 0 ||
	    strcmp(status, "completed") != 0)
		return;
	a->calls = true;
	a->call_item = json_str(item, "id", "");
	l->sink->on_call(l->owner, l->number, a->ref, json_str(item, "call_id", ""),
			 json_str(item, "name", ""), json_str(item, "arguments", "{}"));
	/* The link may be closed by now, but answers live until its calls have returned. */
	a->call_item = NULL;
}

typedef void told(void *owner, uint64_t link, uint64_t ref, const char *text);

static void tell_delta(struct realtime_link *l, const json_t *e, told *tell)
{
	struct rt_answer *a = of_event(l, e);
	const char *text = json_str(e, "delta", "");

	if (!a || a->dropped || !*text)
		return;
	snprintf(a->last_item, sizeof(a->last_item), "%s", json_str(e, "item_id", ""));
	tell(l->owner, l->number, a->ref, text);
}

static void on_text_delta(struct realtime_link *l, const json_t *e)
{
	tell_delta(l, e, l->sink->on_text);
}

static void on_transcript_delta(struct realtime_link *l, const json_t *e)
{
	tell_delta(l, e, l->sink->on_transcript);
}

/* Samples at *pcm, in l->heard; -1: no base64, or no memory. Half a sample at the end is dropped. */
static ptrdiff_t decode(struct realtime_link *l, const char *text, size_t n, const int16_t **pcm)
{
	buf_reset(&l->heard);
	uint8_t *to = buf_reserve(&l->heard, n + 1);
	ptrdiff_t octets = to ? b64_decode(text, n, to) : -1;

	*pcm = (const int16_t *)(const void *)to; /* the start of a block: aligned for anything */
	return octets < 0 ? -1 : octets / (ptrdiff_t)sizeof(**pcm);
}

static void take_audio(struct realtime_link *l, const json_t *e, struct bytes base64)
{
	struct rt_answer *a = of_event(l, e);
	const int16_t *pcm;

	if (!a || a->dropped)
		return;
	ptrdiff_t n = base64.p ? decode(l, (const char *)base64.p, base64.n, &pcm) : -1;
	if (n < 0) {
		rt_answer_fail(l, a, "engine_unavailable", odd_text);
		return;
	}
	struct rt_answer_item *item = item_of(a, json_str(e, "item_id", ""));
	if (item)
		item->samples += (size_t)n;
	snprintf(a->last_item, sizeof(a->last_item), "%s", json_str(e, "item_id", ""));
	if (n > 0)
		l->sink->on_audio(l->owner, l->number, a->ref, pcm, (size_t)n);
}

static void on_audio_delta(struct realtime_link *l, const json_t *e)
{
	const json_t *delta = json_object_get(e, "delta");
	bool text = json_is_string(delta);

	take_audio(l, e,
		   text ? bytes_of(json_string_value(delta), json_string_length(delta)) : (struct bytes){ 0 });
}

/* Audio comes fifty times a second, and nearly all of it is one long string: the JSON around it is
 * read without it. A quotation mark inside a string stands behind a backslash, so that what is found is a
 * name and its value. false: not of that kind, the way of all events. */
static bool read_audio(struct realtime_link *l, struct bytes text)
{
	static const char name[] = "\"delta\":";
	char why[160];
	uint8_t rest[1024];
	const uint8_t *end = text.p + text.n, *at = memmem(text.p, text.n, name, sizeof(name) - 1);

	if (!at)
		return false;
	at += sizeof(name) - 1;
	while (at < end && *at == ' ')
		at++;
	const uint8_t *quote = at < end && *at == '"' ? memchr(at + 1, '"', (size_t)(end - at - 1)) : NULL;
	size_t n = quote ? (size_t)(quote - at - 1) : 0, head = (size_t)(at + 1 - text.p);
	if (n < 256 || text.n - n > sizeof(rest))
		return false;
	memcpy(rest, text.p, head);
	memcpy(rest + head, quote, (size_t)(end - quote));
	AUTO(json) json_t *e = json_parse(bytes_of(rest, text.n - n), why);
	const json_t *delta = json_object_get(e, "delta");
	if (!json_is_string(delta) || json_string_length(delta) ||
	    rt_event_of(json_str(e, "type", "")) != RT_AUDIO_DELTA)
		return false;
	if (l->state == RT_OPEN)
		take_audio(l, e, bytes_of(at + 1, n));
	return true;
}

/* --- the end of an answer ----------------------------------------------------------------------------- */

static int count(const json_t *o, const char *key)
{
	int64_t n = json_int(o, key, 0);

	return (int)MIN(MAX(n, 0), (int64_t)INT32_MAX);
}

static void read_usage(const json_t *response, struct llm_usage *to)
{
	const json_t *usage = json_object_get(response, "usage");
	const json_t *in = json_object_get(usage, "input_token_details"),
		     *out = json_object_get(usage, "output_token_details");

	*to = (struct llm_usage){ .input_tokens = count(usage, "input_tokens"),
				  .output_tokens = count(usage, "output_tokens"),
				  .input_audio_tokens = count(in, "audio_tokens"),
				  .cached_tokens = count(in, "cached_tokens"),
				  .output_audio_tokens = count(out, "audio_tokens") };
}

enum outcome { DONE, CUT, FAILED, STOPPED };

static enum outcome outcome_of(const json_t *response)
{
	static const struct {
		const char *status;
		enum outcome outcome;
	} outcomes[] = { { "completed", DONE }, { "incomplete", CUT }, { "cancelled", STOPPED } };
	const char *status = json_str(response, "status", "");

	for (size_t i = 0; i < ARRAY_LEN(outcomes); i++)
		if (strcmp(outcomes[i].status, status) == 0)
			return outcomes[i].outcome;
	return FAILED;
}

/* Failures that another connection, or another service, may be spared: who has asked will ask there. */
static const struct {
	const char *code, *ours, *why;
	uint64_t rest_ms;
} exhausted[] = {
	{ "rate_limit_exceeded", "rate_limit_exceeded", "The realtime service has no room just now.", 6000 },
	{ "insufficient_quota", "insufficient_quota", "The realtime service's quota is used up.", 60000 },
	{ "server_error", "engine_unavailable", "The realtime service has failed.", 2000 },
};

static bool is_exhausted(struct realtime_link *l, const json_t *error)
{
	for (size_t i = 0; i < ARRAY_LEN(exhausted); i++)
		if (strcmp(json_str(error, "code", json_str(error, "type", "")), exhausted[i].code) == 0) {
			rt_break(l, RT_BLAME, exhausted[i].rest_ms, exhausted[i].ours, exhausted[i].why);
			return true;
		}
	return false;
}

static void tell_done(struct realtime_link *l, uint64_t ref, bool calls, const json_t *response)
{
	const json_t *details = json_object_get(response, "status_details");
	const json_t *error = json_object_get(details, "error");
	const char *reason = json_str(details, "reason", "");
	struct engine_error e = { code_of(error, "engine_unavailable"),
				  "The realtime service could not answer." };
	struct llm_usage usage;

	read_usage(response, &usage);
	switch (outcome_of(response)) {
	case DONE:
		l->sink->on_done(l->owner, l->number, ref, calls ? LLM_TOOL_CALLS : LLM_STOP, &usage);
		return;
	case CUT:
		if (strcmp(reason, "content_filter") != 0) {
			l->sink->on_done(l->owner, l->number, ref, LLM_MAX_TOKENS, &usage);
			return;
		}
		e = (struct engine_error){ "content_filter", "The realtime service filtered the answer." };
		break;
	case STOPPED: /* by itself: somebody spoke */
		e = (struct engine_error){ "response_cancelled", "The realtime service stopped its answer." };
		break;
	case FAILED:
		if (is_exhausted(l, error))
			return;
		break;
	}
	l->sink->on_failed(l->owner, l->number, ref, &e);
}

static void on_response_done(struct realtime_link *l, const json_t *e)
{
	const json_t *response = json_object_get(e, "response");
	struct rt_answer *a = rt_answer_named(l, json_str(response, "id", ""));

	if (!a) /* never announced, or over for long */
		return;
	uint64_t ref = a->ref;
	bool calls = a->calls, dropped = a->dropped;

	rt_answer_over(l, a);
	if (!dropped)
		tell_done(l, ref, calls, response);
	if (!l->closed && l->state == RT_OPEN)
		rt_ask_held(l);
}

/* --- errors --------------------------------------------------------------------------------------------- */

static bool has_code(const json_t *error, const char *code)
{
	return strcmp(json_str(error, "code", ""), code) == 0;
}

/* To which of ours the error belongs: by the number of our event; else by its code the newest of its kind. */
static struct rt_answer *answer_in_error(struct realtime_link *l, const json_t *error)
{
	const char *id = json_str(error, "event_id", "");
	struct rt_answer *found = NULL;

	if (id[0] == 'r')
		return rt_answer_of(l, strtoull(id + 1, NULL, 10));
	if (id[0] || !has_code(error, "conversation_already_has_active_response"))
		return NULL;
	LIST_FOR(&l->answers, n)
		if (CONTAINER_OF(n, struct rt_answer, node)->state == RT_ASKED)
			found = CONTAINER_OF(n, struct rt_answer, node);
	return found;
}

static struct rt_commit *commit_in_error(struct realtime_link *l, const json_t *error)
{
	const char *id = json_str(error, "event_id", "");
	uint64_t number = id[0] == 'c' ? strtoull(id + 1, NULL, 10) : 0;

	LIST_FOR(&l->commits, n) {
		struct rt_commit *c = CONTAINER_OF(n, struct rt_commit, node);

		if (number ? c->number == number :
			     !id[0] && c->sent && !c->known &&
				     has_code(error, "input_audio_buffer_commit_empty"))
			return c;
	}
	return NULL;
}

static void answer_error(struct realtime_link *l, struct rt_answer *a, const json_t *error)
{
	bool busy = has_code(error, "conversation_already_has_active_response");

	if (a->state != RT_ASKED)
		return;
	if (a->dropped) {
		rt_answer_over(l, a);
	} else if (busy && ++a->tries < TRIES_MAX) {
		a->state = RT_HELD; /* the one before is not quite over: once more, soon */
		a->retry_us = now_of(l) + 100 * US_PER_MS;
	} else {
		a->state = RT_HELD; /* there is nothing to cancel */
		rt_answer_fail(l, a, code_of(error, "engine_unavailable"),
			       "The realtime service refused to answer.");
	}
}

/* Errors that end the connection, whoever caused them. */
static const struct {
	const char *code, *ours, *why;
	enum rt_blame blame;
} fatal[] = {
	{ "session_expired", "session_expired", "The realtime service ended the session.", RT_NO_BLAME },
	{ "invalid_api_key", "engine_unavailable", "The realtime service refuses the server's key.", RT_BLAME },
	{ "missing_model", "engine_unavailable", "The realtime service does not know the model.", RT_BLAME },
	{ "invalid_model", "engine_unavailable", "The realtime service does not know the model.", RT_BLAME },
	{ "beta_api_shape_disabled", "engine_unavailable", "The realtime service speaks another dialect.", RT_BLAME },
	{ "insufficient_quota", "insufficient_quota", "The realtime service's quota is used up.", RT_BLAME },
};

static bool is_fatal(struct realtime_link *l, const json_t *error)
{
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
		if (has_code(error, fatal[i].code)) {
			rt_break(l, fatal[i].blame, fatal[i].blame == RT_BLAME ? 60000 : 0, fatal[i].ours,
				 fatal[i].why);
			return true;
		}
	if (l->state == RT_OPEN)
		return false;
	/* Before on_open nothing else was asked than the settings: they are refused. */
	rt_break(l, RT_BLAME, 0, "engine_unavailable", "The realtime service refuses the settings.");
	return true;
}

static void on_error(struct realtime_link *l, const json_t *e)
{
	const json_t *error = json_object_get(e, "error");
	struct rt_answer *a = answer_in_error(l, error);
	struct rt_commit *c = a ? NULL : commit_in_error(l, error);

	if (a)
		answer_error(l, a, error);
	else if (c)
		rt_commit_heard(l, c, NULL, code_of(error, "engine_unavailable"));
	else if (!is_fatal(l, error) && !has_code(error, "response_cancel_not_active"))
		/* Its words may be about what was said here: its code must do. */
		log_warn("service=%s event=error code=%s", rt_service(l)->host, code_of(error, "-"));
}

/* --- all of it -------------------------------------------------------------------------------------------- */

static void (*const handlers[])(struct realtime_link *l, const json_t *e) = {
	[RT_ERROR] = on_error,
	[RT_SESSION_CREATED] = on_created,
	[RT_SESSION_UPDATED] = on_updated,
	[RT_SPEECH_STARTED] = on_speech_started,
	[RT_SPEECH_STOPPED] = on_speech_stopped,
	[RT_COMMITTED] = on_committed,
	[RT_WORDS_DELTA] = on_words_delta,
	[RT_WORDS] = on_words,
	[RT_WORDS_FAILED] = on_words_failed,
	[RT_RESPONSE_CREATED] = on_response_created,
	[RT_ITEM_ADDED] = on_item_added,
	[RT_ITEM_DONE] = on_item_done,
	[RT_TEXT_DELTA] = on_text_delta,
	[RT_TRANSCRIPT_DELTA] = on_transcript_delta,
	[RT_AUDIO_DELTA] = on_audio_delta,
	[RT_RESPONSE_DONE] = on_response_done,
	[RT_OTHER] = NULL,
};

void rt_message(struct realtime_link *l, struct bytes text)
{
	char why[160];

	if (read_audio(l, text))
		return;
	AUTO(json) json_t *e = json_parse(text, why);
	const char *type = json_str(e, "type", NULL);

	if (!type) {
		odd(l);
		return;
	}
	enum rt_event event = rt_event_of(type);
	bool early = event != RT_ERROR && event != RT_SESSION_CREATED && event != RT_SESSION_UPDATED;

	if (handlers[event] && (l->state == RT_OPEN || !early))
		handlers[event](l, e);
}
