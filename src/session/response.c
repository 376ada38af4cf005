#include "session/response.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "session/errors.h"
#include "session/state.h"

/* What response.done says of an outcome, and what becomes of an open item. */
static const struct {
	const char *status, *item_status, *reason;
} outcomes[N_OUTCOMES] = {
	[OUTCOME_COMPLETED] = { "completed", "completed", NULL },
	[OUTCOME_INCOMPLETE] = { "incomplete", "incomplete", "max_output_tokens" },
	[OUTCOME_FAILED] = { "failed", "incomplete", NULL },
	[OUTCOME_CANCELLED] = { "cancelled", "incomplete", "client_cancelled" },
	[OUTCOME_INTERRUPTED] = { "cancelled", "incomplete", "turn_detected" },
};

static const struct {
	const char *name;
	unsigned next;
} states[] = {
	[RESP_HELD] = { "held", BIT(RESP_ACTIVE) | BIT(RESP_OVER) },
	[RESP_ACTIVE] = { "active", BIT(RESP_DRAINING) | BIT(RESP_OVER) },
	[RESP_DRAINING] = { "draining", BIT(RESP_OVER) },
	[RESP_OVER] = { "over", 0 },
};

static void set_state(struct response *r, enum resp_state to)
{
	assert(states[r->state].next & BIT(to));
	r->state = to;
}

const char *response_state_name(const struct response *r)
{
	return states[r->state].name;
}

static struct response *of(struct node *n)
{
	return CONTAINER_OF(n, struct response, node);
}

/* --- life --------------------------------------------------------------------------- */

struct response *response_new(struct session *s, json_t *config)
{
	struct response *r = mem_zalloc(sizeof(*r));

	if (!r)
		return NULL;
	list_init(&r->pieces);
	r->s = s;
	r->tag = ++s->next_tag;
	session_new_id(s, "resp_", r->id);
	r->config = json_incref(config ? config : s->config);
	config_read(r->config, &r->set);
	r->paced = session_paced(s);
	r->out_hz = r->paced ? session_main(s)->ops->out_rate_hz : audio_format_rate(r->set.out);
	r->output = json_array();
	list_push(&s->responses, &r->node);
	s->n_responses++;
	if (r->output)
		return r;
	set_state(r, RESP_OVER);
	return NULL;
}

static void response_free(struct response *r)
{
	think_cancel(r);
	speak_cancel(r);
	node_unlink(&r->node);
	r->s->n_responses--;
	item_unref(r->item);
	rate_done(&r->rate);
	buf_done(&r->said);
	buf_done(&r->text);
	clause_done(&r->clause);
	json_decref(r->config);
	json_decref(r->metadata);
	json_decref(r->input);
	json_decref(r->output);
	json_decref(r->scratch);
	json_decref(r->calls);
	mem_free(r->heard);
	mem_free(r);
}

void response_reap(struct session *s)
{
	LIST_FOR(&s->responses, n)
		if (of(n)->state == RESP_OVER)
			response_free(of(n));
}

void response_free_all(struct session *s)
{
	LIST_FOR(&s->responses, n)
		response_free(of(n));
}

/* --- what clients see of it ------------------------------------------------------------- */

static json_t *usage_json(const struct response *r)
{
	/* Spoken output is counted as the API does: a token is 50 ms of audio. */
	int audio = r->out_hz ? (int)(r->sent * 20 / r->out_hz) : 0;
	int in = r->usage.input_tokens, text = r->usage.output_tokens;

	return json_pack("{s:i,s:i,s:i,s:{s:i,s:i,s:i,s:i,s:{s:i,s:i,s:i}},s:{s:i,s:i}}",
			 "total_tokens", in + text + audio, "input_tokens", in, "output_tokens",
			 text + audio, "input_token_details", "text_tokens", in, "audio_tokens", 0,
			 "image_tokens", 0, "cached_tokens", 0, "cached_tokens_details",
			 "text_tokens", 0, "audio_tokens", 0, "image_tokens", 0,
			 "output_token_details", "text_tokens", text, "audio_tokens", audio);
}

static json_t *details_json(const struct response *r)
{
	const char *reason = outcomes[r->outcome].reason, *status = outcomes[r->outcome].status;

	if (r->outcome == OUTCOME_FAILED)
		return json_pack("{s:s,s:{s:s,s:s,s:s}}", "type", status, "error", "type",
				 "server_error", "code", r->error_code, "message",
				 r->error_message);
	return reason ? json_pack("{s:s,s:s}", "type", status, "reason", reason) : json_null();
}

static json_t *response_json(const struct response *r, bool done)
{
	const json_t *c = r->config;
	AUTO(json) json_t *output = done ? json_incref(r->output) : json_array();

	return json_pack("{s:s,s:s,s:s,s:o,s:O,s:s?,s:O?,s:O?,s:{s:{s:O?,s:O?}},s:o,s:O?}", "object",
			 "realtime.response", "id", r->id, "status",
			 done ? outcomes[r->outcome].status : "in_progress", "status_details",
			 done ? details_json(r) : json_null(), "output", output,
			 "conversation_id", r->oob ? NULL : r->s->conversation_id,
			 "output_modalities", json_object_get(c, "output_modalities"),
			 "max_output_tokens", json_object_get(c, "max_output_tokens"), "audio",
			 "output", "format", config_at(c, "audio.output.format"), "voice",
			 config_at(c, "audio.output.voice"), "usage",
			 done ? usage_json(r) : json_null(), "metadata", r->metadata);
}

/* response_id, item_id, output_index, content_index, and one member more. */
static json_t *k4(const struct response *r, const char *key, json_t *value)
{
	json_t *v = json_pack("{s:s,s:s,s:i,s:i}", "response_id", r->id, "item_id", r->item->id,
			      "output_index", (int)r->output_index, "content_index", 0);

	if (key && json_object_set_new(v, key, value) < 0) {
		json_decref(v);
		return NULL;
	}
	return v;
}

static void emit_conversation_item(struct response *r, enum event e, const struct item *it)
{
	if (r->oob || !node_linked(&it->node))
		return; /* out of band, or deleted meanwhile */
	const struct item *before = conv_before(&r->s->conv, it);

	emit(r->s, e,
	     json_pack("{s:s?,s:O}", "previous_item_id", before ? before->id : NULL, "item",
		       it->wire));
}

static void emit_output_item(struct response *r, enum event e, const struct item *it)
{
	emit(r->s, e,
	     json_pack("{s:s,s:i,s:O}", "response_id", r->id, "output_index", (int)r->output_index,
		       "item", it->wire));
}

/* --- items and parts ---------------------------------------------------------------------- */

static bool enter_conversation(struct response *r, struct item *it)
{
	struct session *s = r->s;

	if (json_array_append(r->output, it->wire) < 0)
		return false;
	if (!r->oob)
		conv_insert(&s->conv, it, conv_last(&s->conv));
	return true;
}

static json_t *empty_part(const struct response *r)
{
	return r->set.text_only ? json_pack("{s:s,s:s}", "type", "text", "text", "") :
				  json_pack("{s:s,s:s}", "type", "audio", "transcript", "");
}

/* From here on the item's content is kept up to date with what was sent. */
static bool begin_content(struct response *r)
{
	json_t *c = r->set.text_only ?
			    json_pack("[{s:s,s:s}]", "type", "output_text", "text", "") :
			    json_pack("[{s:s,s:s}]", "type", "output_audio", "transcript", "");
	return item_set(r->item, "content", c);
}

static bool open_message(struct response *r)
{
	char id[ID_MAX];

	if (r->item_open)
		return true;
	session_new_id(r->s, "item_", id);
	struct item *it = item_make(ITEM_MESSAGE, ROLE_ASSISTANT, id,
				    json_pack("{s:s,s:s,s:s,s:s,s:[]}", "id", id, "type", "message",
					      "status", "in_progress", "role", "assistant",
					      "content"));
	if (!it)
		return false;
	item_unref(r->item);
	r->item = it;
	it->has_audio = !r->set.text_only;
	if (!enter_conversation(r, it))
		return false;
	r->item_open = true;
	emit_output_item(r, EV_OUTPUT_ITEM_ADDED, it);
	emit_conversation_item(r, EV_ITEM_ADDED, it);
	emit(r->s, EV_PART_ADDED, k4(r, "part", empty_part(r)));
	return begin_content(r);
}

static json_t *said_json(const struct response *r)
{
	return json_stringn(r->said.n ? (const char *)r->said.p : "", r->said.n);
}

static void close_message(struct response *r, const char *status)
{
	struct session *s = r->s;
	struct item *it = r->item;

	if (!r->item_open)
		return;
	r->item_open = false;
	if (r->set.text_only) {
		emit(s, EV_TEXT_DONE, k4(r, "text", said_json(r)));
		emit(s, EV_PART_DONE,
		     k4(r, "part", json_pack("{s:s,s:o}", "type", "text", "text", said_json(r))));
	} else {
		emit(s, EV_AUDIO_DONE, k4(r, NULL, NULL));
		emit(s, EV_TRANSCRIPT_DONE, k4(r, "transcript", said_json(r)));
		emit(s, EV_PART_DONE,
		     k4(r, "part",
			json_pack("{s:s,s:o}", "type", "audio", "transcript", said_json(r))));
	}
	if (!item_set(it, "status", json_string(status)))
		session_oom(s);
	emit_conversation_item(r, EV_ITEM_DONE, it);
	emit_output_item(r, EV_OUTPUT_ITEM_DONE, it);
	r->output_index++;
}

/* Text that a client now sees: counted in said, and in the item unless it was truncated. */
static bool say(struct response *r, enum event e, const char *text)
{
	const char *member = r->set.text_only ? "text" : "transcript";

	emit(r->s, e, k4(r, "delta", json_string(text)));
	buf_puts(&r->said, text);
	return !r->said.failed && (r->item->cut || item_set_part(r->item, member, said_json(r)));
}

static bool send_call(struct response *r, const struct piece *p)
{
	struct session *s = r->s;
	char id[ID_MAX], call_id[ID_MAX];

	close_message(r, "completed");
	session_new_id(s, "item_", id);
	session_new_id(s, "call_", call_id);
	struct item *it = item_make(ITEM_CALL, ROLE_NONE, id,
				    json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "id", id, "type",
					      "function_call", "status", "in_progress", "name",
					      p->name, "call_id", call_id, "arguments", ""));
	if (!it)
		return false;
	bool ok = enter_conversation(r, it);
	if (ok) {
		emit_output_item(r, EV_OUTPUT_ITEM_ADDED, it);
		emit_conversation_item(r, EV_ITEM_ADDED, it);
		emit(s, EV_ARGUMENTS_DELTA,
		     json_pack("{s:s,s:s,s:i,s:s,s:s}", "response_id", r->id, "item_id", id,
			       "output_index", (int)r->output_index, "call_id", call_id, "delta",
			       p->text));
		emit(s, EV_ARGUMENTS_DONE,
		     json_pack("{s:s,s:s,s:i,s:s,s:s,s:s}", "response_id", r->id, "item_id", id,
			       "output_index", (int)r->output_index, "call_id", call_id, "name",
			       p->name, "arguments", p->text));
		ok = item_set(it, "arguments", json_string(p->text)) &&
		     item_set(it, "status", json_string("completed"));
		emit_conversation_item(r, EV_ITEM_DONE, it);
		emit_output_item(r, EV_OUTPUT_ITEM_DONE, it);
		r->output_index++;
	}
	item_unref(it);
	return ok;
}

/* --- sound ----------------------------------------------------------------------------------- */

void response_mark(struct response *r, enum latency_mark m)
{
	if (!r->marks_us[m])
		r->marks_us[m] = r->s->now_us;
}

static json_t *mark_json(const struct response *r, enum latency_mark m)
{
	if (!r->marks_us[m])
		return json_null();
	return json_integer(((json_int_t)r->marks_us[m] - (json_int_t)r->speech_end_us) /
			    US_PER_MS);
}

/* Once per spoken turn, with the first audio (or text) that leaves. */
static void tell_latency(struct response *r)
{
	response_mark(r, MARK_SENT);
	if (r->latency_told || !r->speech_end_us)
		return;
	r->latency_told = true;
	emit(r->s, EV_X_LATENCY,
	     json_pack("{s:s,s:s,s:I,s:o,s:o,s:o,s:o,s:o,s:o}", "response_id", r->id, "item_id",
		       r->item->id, "speech_end_ms", (json_int_t)(r->speech_end * 1000 / STT_RATE_HZ),
		       "window", mark_json(r, MARK_WINDOW), "stt_final",
		       mark_json(r, MARK_STT_FINAL), "search", mark_json(r, MARK_SEARCH),
		       "first_text", mark_json(r, MARK_FIRST_TEXT), "first_audio",
		       mark_json(r, MARK_FIRST_AUDIO), "sent", mark_json(r, MARK_SENT)));
}

static bool push_paced(struct response *r, const int16_t *pcm, size_t n)
{
	struct session *s = r->s;
	struct leg *l = session_main(s);

	if (!l || !l->ops->push_audio)
		return true; /* nobody hears: as if said */
	uint64_t played = session_answer(s, REC_PLAYED, l->ops->played(l, r->tag));
	if (r->sent - MIN(r->sent, played) > (uint64_t)r->out_hz * LEG_AHEAD_MS / 1000)
		return false;
	int err = l->ops->push_audio(l, r->tag, pcm, n);
	return session_answer(s, REC_PUSH, err != 0) == 0;
}

static bool push_event(struct response *r, const int16_t *pcm, size_t n)
{
	struct session *s = r->s;
	struct leg *l = session_main(s);
	uint8_t wire[9600];

	if (l && l->ops->room && session_answer(s, REC_ROOM, l->ops->room(l)) < LEG_ROOM_MIN)
		return false;
	emit_audio(r, wire, audio_out_encode(r->set.out, pcm, n, wire));
	return true;
}

/* As much of the clause's audio as is ready and wanted, in steps of 200 ms. */
static bool send_audio(struct response *r, struct piece *p)
{
	size_t step = r->out_hz / 5;

	while (p->sent < p->audio.n) {
		size_t n = MIN(step, p->audio.n - p->sent);
		const int16_t *pcm = p->audio.p + p->sent;

		if (!(r->paced ? push_paced(r, pcm, n) : push_event(r, pcm, n)))
			return false;
		if (!r->first_sent_us)
			r->first_sent_us = r->s->now_us;
		p->sent += n;
		r->sent += n;
		r->drained = false;
		r->s->voice_locked = true;
		if (!r->item->cut)
			r->item->audio_ms = r->sent * 1000 / r->out_hz;
		tell_latency(r);
	}
	return true;
}

static bool show_clause(struct response *r, struct piece *p)
{
	if (!open_message(r))
		return false;
	AUTO(buf) struct buf delta = { 0 };
	if (r->said.n)
		buf_putc(&delta, ' ');
	buf_puts(&delta, p->text);
	p->base_at = (uint32_t)(r->said.n + (r->said.n ? 1 : 0));
	p->base_ms = (uint32_t)(r->sent * 1000 / r->out_hz);
	p->shown = true;
	return !delta.failed && item_mark(r->item, p->base_at, p->base_ms) &&
	       say(r, EV_TRANSCRIPT_DELTA, (const char *)delta.p);
}

static bool move_marks(struct response *r, struct piece *p)
{
	for (; p->marked < p->n_words; p->marked++) {
		const struct word *w = &p->words[p->marked];

		if (!item_mark(r->item, p->base_at + w->at, p->base_ms + w->from_ms))
			return false;
	}
	return true;
}

/* --- sending ---------------------------------------------------------------------------------- */

enum sent { SENT, NOT_YET, NO_MEMORY };

static enum sent send_text(struct response *r, struct piece *p)
{
	if (!open_message(r) || !say(r, EV_TEXT_DELTA, p->text))
		return NO_MEMORY;
	tell_latency(r);
	return SENT;
}

static enum sent send_clause(struct response *r, struct piece *p)
{
	if (!p->shown && !p->audio.n && !p->spoken)
		return NOT_YET;
	if (!p->shown && !show_clause(r, p))
		return NO_MEMORY;
	if (!move_marks(r, p))
		return NO_MEMORY;
	return send_audio(r, p) && p->spoken ? SENT : NOT_YET;
}

static enum sent send_source(struct response *r, struct piece *p)
{
	/* A source may come before any text; it belongs to the message all the same. */
	if (!open_message(r))
		return NO_MEMORY;
	emit(r->s, EV_X_SOURCES,
	     json_pack("{s:s,s:s,s:[O]}", "response_id", r->id, "item_id", r->item->id, "sources",
		       p->source));
	return SENT;
}

static enum sent send_call_piece(struct response *r, struct piece *p)
{
	return send_call(r, p) ? SENT : NO_MEMORY;
}

static enum sent (*const send_piece[])(struct response *, struct piece *) = {
	[PIECE_TEXT] = send_text,
	[PIECE_CLAUSE] = send_clause,
	[PIECE_SOURCE] = send_source,
	[PIECE_CALL] = send_call_piece,
};

void response_pump(struct response *r)
{
	struct node *n;

	if (r->state != RESP_ACTIVE || !session_serves(r->s))
		return;
	while ((n = list_first(&r->pieces))) {
		struct piece *p = CONTAINER_OF(n, struct piece, node);
		enum sent sent = send_piece[p->kind](r, p);

		if (sent == NO_MEMORY)
			session_oom(r->s);
		if (sent != SENT || r->s->broken)
			break;
		node_unlink(n);
		piece_free(p);
	}
	speak_next(r);
	if (r->state == RESP_ACTIVE && r->thought && list_empty(&r->pieces))
		response_end(r, r->outcome);
}

void response_pump_all(struct session *s)
{
	LIST_FOR(&s->responses, n)
		response_pump(of(n));
}

/* --- begin and end ------------------------------------------------------------------------------ */

void response_announce(struct response *r)
{
	set_state(r, RESP_ACTIVE);
	r->s->n_responses_made++;
	mem_free(r->heard);
	r->heard = NULL;
	emit(r->s, EV_RESPONSE_CREATED, json_pack("{s:o}", "response", response_json(r, false)));
	think_announced(r);
}

void response_discard(struct response *r)
{
	assert(r->state == RESP_HELD);
	think_cancel(r);
	speak_cancel(r);
	set_state(r, RESP_OVER);
}

/* Nothing here is limited by tokens: clients only want to see that nothing is. */
static void emit_limits(struct session *s)
{
	emit(s, EV_RATE_LIMITS,
	     json_pack("{s:[{s:s,s:i,s:i,s:f}]}", "rate_limits", "name", "tokens", "limit", 1000000,
		       "remaining", 1000000, "reset_seconds", 0.0));
}

static uint64_t heard_until(const struct response *r)
{
	return r->first_sent_us && r->out_hz ?
		       r->first_sent_us + r->sent * US_PER_S / r->out_hz :
		       r->s->now_us;
}

/* response.done was sent: does a paced leg still play it? */
static void after_done(struct response *r)
{
	struct session *s = r->s;
	bool plays = r->paced && r->sent && !r->drained;

	if (r->paced && r->sent && r->drained)
		emit(s, EV_OUTPUT_STOPPED, json_pack("{s:s}", "response_id", r->id));
	set_state(r, plays ? RESP_DRAINING : RESP_OVER);
	if (plays && (r->outcome == OUTCOME_CANCELLED || r->outcome == OUTCOME_INTERRUPTED))
		response_silence(r);
	if (!r->oob && r->state == RESP_OVER)
		turn_idle(s, heard_until(r));
}

void response_end(struct response *r, enum resp_outcome o)
{
	struct session *s = r->s;

	if (r->state == RESP_HELD)
		response_discard(r);
	if (r->state != RESP_ACTIVE)
		return;
	r->outcome = o;
	think_cancel(r);
	speak_cancel(r);
	close_message(r, outcomes[o].item_status);
	emit(s, EV_RESPONSE_DONE, json_pack("{s:o}", "response", response_json(r, true)));
	after_done(r);
	emit_limits(s);
	if (!r->oob)
		turn_response_over(s);
}

static void set_error(struct response *r, const char *code, const char *message)
{
	r->outcome = OUTCOME_FAILED;
	snprintf(r->error_code, sizeof(r->error_code), "%s", code);
	snprintf(r->error_message, sizeof(r->error_message), "%s", message ? message : "");
	utf8_trim(r->error_code);
	utf8_trim(r->error_message);
}

void response_fail(struct response *r, const char *code, const char *message)
{
	set_error(r, code, message);
	response_end(r, OUTCOME_FAILED);
}

void response_say_failed(struct response *r, const char *text, const struct engine_error *e)
{
	set_error(r, e->code, e->message);
	speak_text(r, text);
	speak_flush(r);
	r->thought = true;
}

/* --- interruption ---------------------------------------------------------------------------------- */

void response_silence(struct response *r)
{
	struct session *s = r->s;
	struct leg *l = session_main(s);

	if (r->state == RESP_ACTIVE) {
		response_end(r, OUTCOME_CANCELLED);
		return;
	}
	if (r->state != RESP_DRAINING || !l || !l->ops->clear_audio)
		return;
	uint64_t played = session_answer(s, REC_CLEAR, l->ops->clear_audio(l, r->tag));
	uint64_t ms = MIN(played, r->sent) * 1000 / r->out_hz;

	emit(s, EV_OUTPUT_CLEARED, json_pack("{s:s}", "response_id", r->id));
	if (r->item && node_linked(&r->item->node) && ms < r->item->audio_ms)
		item_truncate(s, r->item, ms);
	set_state(r, RESP_OVER);
	turn_idle(s, s->now_us);
}

void response_interrupt(struct session *s, enum resp_outcome o)
{
	LIST_FOR(&s->responses, n) {
		struct response *r = of(n);

		if (r->oob)
			continue;
		if (r->state == RESP_DRAINING)
			response_silence(r);
		else
			response_end(r, o);
	}
}

void response_playout(struct response *r, enum leg_playout p)
{
	struct session *s = r->s;

	if (p == LEG_STARTED) {
		if (!r->started)
			emit(s, EV_OUTPUT_STARTED, json_pack("{s:s}", "response_id", r->id));
		r->started = true;
		return;
	}
	r->drained = true;
	if (r->state != RESP_DRAINING)
		return; /* more audio may come; see after_done() */
	emit(s, EV_OUTPUT_STOPPED, json_pack("{s:s}", "response_id", r->id));
	set_state(r, RESP_OVER);
	if (!r->oob)
		turn_idle(s, s->now_us);
}

/* --- finding ----------------------------------------------------------------------------------------- */

struct response *response_find(struct session *s, const char *id)
{
	LIST_FOR(&s->responses, n)
		if (strcmp(of(n)->id, id) == 0)
			return of(n);
	return NULL;
}

struct response *response_active(struct session *s)
{
	LIST_FOR(&s->responses, n)
		if (of(n)->state == RESP_ACTIVE && !of(n)->oob)
			return of(n);
	return NULL;
}

struct response *response_held(struct session *s)
{
	LIST_FOR(&s->responses, n)
		if (of(n)->state == RESP_HELD)
			return of(n);
	return NULL;
}

struct response *response_by_tag(struct session *s, uint64_t tag)
{
	LIST_FOR(&s->responses, n)
		if (of(n)->tag == tag)
			return of(n);
	return NULL;
}

bool response_audible(const struct session *s)
{
	for (struct node *n = s->responses.head.next; n != &s->responses.head; n = n->next) {
		const struct response *r = of(n);

		if (!r->oob && r->sent &&
		    (r->state == RESP_DRAINING || r->state == RESP_ACTIVE))
			return true;
	}
	return s->now_us < s->turn.idle_from_us; /* the client still plays, as far as we know */
}

/* Paced legs do not say when there is room: look again while something waits. */
uint64_t response_next_us(const struct session *s)
{
	enum { POLL_US = 200000 };

	for (struct node *n = s->responses.head.next; n != &s->responses.head; n = n->next) {
		const struct response *r = of(n);
		const struct node *first = r->pieces.head.next;

		if (r->state != RESP_ACTIVE || !r->paced || first == &r->pieces.head)
			continue;
		const struct piece *p = CONTAINER_OF((struct node *)(uintptr_t)first, struct piece, node);
		if (p->sent < p->audio.n)
			return s->now_us + POLL_US;
	}
	return UINT64_MAX;
}
