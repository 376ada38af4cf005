/* upstream_out.c - what a realtime service says: asking for it, its sinks, calls, the end. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "session/upstream_inner.h"

static const char go_on_text[] =
	"Your last message was cut off by a fault of the line. Go on exactly after its last word, as "
	"if nothing had happened: repeat nothing, greet nobody, do not mention the fault.";

static struct response *of(struct node *n)
{
	return CONTAINER_OF(n, struct response, node);
}

static struct response *answerer(struct session *s, uint64_t ref)
{
	LIST_FOR (&s->responses, n)
		if (of(n)->up.asked && ref && of(n)->up.ref == ref)
			return of(n);
	return NULL;
}

/* Everything a sink of an answer begins with. */
static struct response *enter(struct session *s, uint64_t link, enum up_call fn, uint64_t ref,
			      struct bytes what)
{
	uint8_t number[8];

	put_be64(number, ref);
	bool live = up_enter(s, link, fn, bytes_of(number, sizeof(number)), what);
	struct response *r = live ? answerer(s, ref) : NULL;
	if (r) {
		r->up.seen_us = s->now_us;
		s->up.useful = true;
	}
	return r;
}

/* As enter(), where the service says something: its message gets a name that it is known by. */
static struct response *enter_said(struct session *s, uint64_t link, enum up_call fn, uint64_t ref,
				   struct bytes what)
{
	struct response *r = enter(s, link, fn, ref, what);

	if (r && !r->up.name[0]) {
		session_new_id(s, "item_", r->up.name);
		s->engines.realtime_ops->name_item(s->up.link, ref, r->up.name);
	}
	return r;
}

/* --- asking ------------------------------------------------------------------------------ */

static void begin_answer(struct response *r)
{
	r->up.text_from = r->text.n;
	r->up.text_n = 0;
	r->up.audio_n = 0;
	r->up.pace_us = 0;
	r->up.filling = NULL;
	r->up.name[0] = 0;
}

bool upstream_answers(const struct response *r)
{
	return upstream_carries(r->s) && r->engines && r->engines->realtime_ops;
}

void upstream_ask(struct response *r)
{
	struct session *s = r->s;

	if (!r->up.asked)
		r->up.asked_us = s->now_us;
	r->up.asked = true;
	r->up.seen_us = s->now_us;
	r->up.ref = 0;
	begin_answer(r);
	filler_wait(r);
	if (!s->up.link)
		return; /* asked when there is one */
	up_check_tools(s);
	if (!r->oob && !r->input && r->level != COST_FULL)
		up_compact(r);
	up_tell_scratch(r);
	AUTO(json) json_t *members = up_ask_json(r);
	if (!members) {
		session_oom(s);
		return;
	}
	const struct realtime_ask a = { json_is_null(members) ? NULL : members };
	r->up.ref = session_ticket(s);
	int err = s->engines.realtime_ops->ask(s->up.link, &a, r->up.ref);
	if (session_answer(s, REC_START, err != 0) == 0)
		return;
	r->up.asked = false;
	response_fail(r, "engine_unavailable", "The service could not be asked.");
}

/* --- what it says ------------------------------------------------------------------------ */

void up_on_text(void *owner, uint64_t link, uint64_t ref, const char *text)
{
	struct session *s = owner;
	struct response *r = enter_said(s, link, CALL_TEXT, ref, bytes_str(text));

	if (r && text[0]) {
		response_mark(r, MARK_FIRST_TEXT);
		if (r->set.text_only || s->engines.tts_ops)
			up_take_text(r, text);
		else
			up_take_transcript(r, text);
	}
	session_leave(s);
}

void up_on_transcript(void *owner, uint64_t link, uint64_t ref, const char *text)
{
	struct session *s = owner;
	struct response *r = enter_said(s, link, CALL_TRANSCRIPT, ref, bytes_str(text));

	if (r && text[0]) {
		response_mark(r, MARK_FIRST_TEXT);
		if (r->set.text_only)
			up_take_text(r, text);
		else
			up_take_transcript(r, text);
	}
	session_leave(s);
}

void up_on_audio(void *owner, uint64_t link, uint64_t ref, const int16_t *pcm, size_t n)
{
	struct session *s = owner;
	struct response *r = enter_said(s, link, CALL_AUDIO, ref, bytes_of(pcm, n * sizeof(*pcm)));

	if (r && n && !r->set.text_only) {
		response_mark(r, MARK_FIRST_AUDIO);
		up_take_audio(r, pcm, n);
	}
	session_leave(s);
}

/* --- the end of an answer ---------------------------------------------------------------- */

static void count(struct response *r, const struct llm_usage *u)
{
	cost_add_usage(&r->usage, u);
	cost_relayed(r->s, &r->s->engines, u);
}

/* Stopped before it could say what it has used, which is charged all the same. */
static void guess_usage(struct response *r)
{
	int text = (int)((r->up.text_n + 3) / 4), audio = (int)(r->up.audio_n * 20 / REALTIME_RATE_HZ);

	if (text || audio)
		count(r, &(struct llm_usage){ .output_tokens = text + audio,
					      .output_audio_tokens = audio });
}

void up_on_done(void *owner, uint64_t link, uint64_t ref, enum llm_finish f,
		const struct llm_usage *u)
{
	struct session *s = owner;
	uint8_t wire[COST_USAGE_OCTETS];

	put_be32(wire, (uint32_t)f);
	struct response *r = enter(s, link, CALL_DONE, ref,
				   bytes_of(wire, 4 + cost_write_usage(u, wire + 4)));
	if (r) {
		up_learn_pace(r);
		up_close_pieces(r);
		r->up.asked = false;
		s->up.n_failed = 0;
		count(r, u);
		think_finish(r, f);
	}
	session_leave(s);
}

static struct bytes joined(struct buf *to, const char *a, const char *b, const char *c)
{
	buf_put(to, a, strlen(a) + 1);
	if (c)
		buf_put(to, b, strlen(b) + 1);
	buf_puts(to, c ? c : b);
	return buf_bytes(to);
}

void up_on_failed(void *owner, uint64_t link, uint64_t ref, const struct engine_error *e)
{
	struct session *s = owner;
	AUTO(buf) struct buf why = { 0 };
	struct response *r = enter(s, link, CALL_FAILED, ref,
				   joined(&why, e->code, e->message ? e->message : "", NULL));

	if (why.failed)
		session_oom(s);
	else if (r && strcmp(e->code, "engine_timeout") == 0)
		up_give_up(s); /* another one may answer */
	else if (r) {
		up_close_pieces(r);
		r->up.asked = false;
		response_fail(r, e->code, e->message);
	}
	session_leave(s);
}

/* --- calls ------------------------------------------------------------------------------- */

/* Under an id of ours, that is nobody else's; the service's is remembered. */
static bool remember_call(struct response *r, uint64_t ref, const char *theirs, const char *name,
			  const char *arguments)
{
	struct session *s = r->s;
	char id[ID_MAX];

	session_new_id(s, "call_", id);
	s->engines.realtime_ops->name_item(s->up.link, ref, id);
	if (!r->calls)
		r->calls = json_array();
	if (!s->up.calls)
		s->up.calls = json_object();
	return json_object_set_new(s->up.calls, id, json_string(theirs)) == 0 &&
	       json_array_append_new(r->calls,
				     json_pack("{s:s,s:s,s:s}", "call_id", id, "name", name,
					       "arguments", arguments)) == 0;
}

void up_on_call(void *owner, uint64_t link, uint64_t ref, const char *call_id, const char *name,
		const char *arguments)
{
	struct session *s = owner;
	AUTO(buf) struct buf all = { 0 };
	struct response *r =
		enter(s, link, CALL_CALL, ref, joined(&all, call_id, name, arguments));

	if (all.failed || (r && !remember_call(r, ref, call_id, name, arguments)))
		session_oom(s);
	session_leave(s);
}

/* --- interruption, and the line breaking ------------------------------------------------- */

void upstream_cancel(struct response *r)
{
	struct session *s = r->s;
	const struct realtime_ops *ops = s->engines.realtime_ops;
	bool here = s->up.link && r->up.ref;

	if (here && r->up.asked)
		ops->cancel(s->up.link, r->up.ref);
	if (here && up_said_less(r))
		ops->truncate(s->up.link, r->up.ref, up_sent_ms(r));
	up_settle_calls(r);
	if (r->up.asked)
		guess_usage(r);
	r->up.asked = false;
	r->up.filling = NULL;
}

void upstream_answer_done(struct response *r)
{
	rate_done(&r->up.rate);
	rate_done(&r->up.keep_rate);
}

/* The items an answer is made from end with what was said of it. */
static bool remember_said(struct response *r, const char *id, size_t said)
{
	const char *text = (const char *)r->text.p + r->up.text_from;

	if (!r->scratch)
		r->scratch = json_array();
	return json_array_append_new(
		       r->scratch,
		       json_pack("{s:s,s:s,s:s,s:s,s:[{s:s,s:s%}]}", "id", id, "type", "message",
				 "status", "incomplete", "role", "assistant", "content", "type",
				 "output_text", "text", text, said)) == 0;
}

static bool ask_to_go_on(struct response *r)
{
	if (r->up.continued)
		return true;
	json_t *to = json_copy(r->config);
	if (json_object_set_new(to, "instructions",
				json_sprintf("%s\n\n%s", r->set.instructions, go_on_text)) < 0) {
		json_decref(to);
		return false;
	}
	json_decref(r->config);
	r->config = to;
	config_read(r->config, &r->set);
	r->up.continued = true;
	return true;
}

void up_cut(struct response *r)
{
	struct session *s = r->s;
	size_t said;
	char id[ID_MAX];

	if (r->state > RESP_ACTIVE)
		return;
	if (!r->up.asked) { /* all of it is here: its item is told when it has been said */
		up_forget_refs(r, NULL);
		r->up.ref = 0;
		return;
	}
	said = r->set.text_only ? r->up.text_n : up_drop_unsaid(r);
	guess_usage(r);
	r->text.n = MIN(r->text.n, r->up.text_from + said);
	r->cited_to = MIN(r->cited_to, r->text.n);
	json_decref(r->calls);
	r->calls = NULL;
	r->up.asked_us = s->now_us;
	if (said) {
		session_new_id(s, "item_", id);
		if (!remember_said(r, id, said) || !ask_to_go_on(r))
			session_oom(s);
	}
	up_forget_refs(r, said ? id : NULL);
	r->up.ref = 0;
	begin_answer(r);
}
