#include "session/response.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/ground.h"
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

/* --- life -------------------------------------------------------------------------------- */

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
	r->level = cost_level(s);
	r->engines = cost_engines(s, r->level);
	r->paced = session_paced(s);
	r->out_hz = r->paced ? session_paced_hz(s) : audio_format_rate(r->set.out);
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
	rate_done(&r->keep_rate);
	upstream_answer_done(r);
	buf_done(&r->said);
	buf_done(&r->text);
	filler_done(&r->filler);
	clause_done(&r->clause);
	json_decref(r->config);
	json_decref(r->metadata);
	json_decref(r->input);
	json_decref(r->output);
	json_decref(r->scratch);
	json_decref(r->found);
	ground_free(r->ground);
	json_decref(r->before);
	json_decref(r->calls);
	mem_free(r->heard);
	mem_free(r);
}

void response_reap(struct session *s)
{
	LIST_FOR (&s->responses, n)
		if (of(n)->state == RESP_OVER)
			response_free(of(n));
}

void response_free_all(struct session *s)
{
	LIST_FOR (&s->responses, n)
		response_free(of(n));
}

/* --- what clients see of it -------------------------------------------------------------- */

/* Samples that were sent; of an answer that was broken off on a paced leg, those that were played:
 * what waits there is dropped. */
static uint64_t samples_out(const struct response *r)
{
	struct leg *l = session_main(r->s);

	if (!r->paced || !r->sent || r->drained || !l || !l->ops->played ||
	    (r->outcome != OUTCOME_CANCELLED && r->outcome != OUTCOME_INTERRUPTED))
		return r->sent;
	return MIN(r->sent, session_answer(r->s, REC_PLAYED, l->ops->played(l, r->tag)));
}

/* Spoken output is counted as the API does: a token is 50 ms of audio. A service that speaks by
 * itself counts it itself. What a client has allowed is not exceeded. */
static json_int_t audio_tokens(const struct response *r)
{
	const struct llm_usage *u = &r->usage;
	json_int_t most = r->set.max_output_tokens, said = u->output_tokens;

	if (u->output_audio_tokens)
		return u->output_audio_tokens;
	json_int_t n = r->out_hz ? (json_int_t)(samples_out(r) * 20 / r->out_hz) : 0;
	return most ? MIN(n, MAX(most - said, 0)) : n;
}

static json_t *usage_json(const struct response *r)
{
	const struct llm_usage *u = &r->usage;
	json_int_t audio = audio_tokens(r), text = u->output_tokens - u->output_audio_tokens;
	json_int_t in = u->input_tokens, heard = u->input_audio_tokens, cached = u->cached_tokens;
	json_int_t cached_text = MIN(cached, in - heard);

	return json_pack("{s:I,s:I,s:I,s:{s:I,s:I,s:i,s:I,s:{s:I,s:I,s:i}},s:{s:I,s:I}}",
			 "total_tokens", in + text + audio, "input_tokens", in, "output_tokens",
			 text + audio, "input_token_details", "text_tokens", in - heard,
			 "audio_tokens", heard, "image_tokens", 0, "cached_tokens", cached,
			 "cached_tokens_details", "text_tokens", cached_text, "audio_tokens",
			 cached - cached_text, "image_tokens", 0, "output_token_details",
			 "text_tokens", text, "audio_tokens", audio);
}

static json_t *details_json(const struct response *r)
{
	const char *reason = outcomes[r->outcome].reason, *status = outcomes[r->outcome].status;

	if (r->outcome == OUTCOME_FAILED)
		return json_pack("{s:s,s:{s:s,s:s,s:s}}", "type", status, "error", "type",
				 error_type_failed(r->error_code), "code", r->error_code, "message",
				 r->error_message);
	return reason ? json_pack("{s:s,s:s}", "type", status, "reason", reason) : json_null();
}

static json_t *response_json(const struct response *r, bool done)
{
	const json_t *c = r->config;
	AUTO(json) json_t *output = done ? json_incref(r->output) : json_array();

	return json_pack("{s:s,s:s,s:s,s:o,s:O,s:s?,s:O?,s:O?,s:{s:{s:O?,s:O?}},s:O*,s:o,s:O?}",
			 "object", "realtime.response", "id", r->id, "status",
			 done ? outcomes[r->outcome].status : "in_progress", "status_details",
			 done ? details_json(r) : json_null(), "output", output, "conversation_id",
			 r->oob ? NULL : r->s->conversation_id, "output_modalities",
			 json_object_get(c, "output_modalities"), "max_output_tokens",
			 json_object_get(c, "max_output_tokens"), "audio", "output", "format",
			 config_at(c, "audio.output.format"), "voice",
			 config_at(c, "audio.output.voice"), "temperature",
			 json_object_get(c, "temperature"), "usage",
			 done ? usage_json(r) : json_null(), "metadata", r->metadata);
}

void response_pump_all(struct session *s)
{
	LIST_FOR (&s->responses, n)
		response_pump(of(n));
}

/* --- begin and end ----------------------------------------------------------------------- */

void response_announce(struct response *r)
{
	set_state(r, RESP_ACTIVE);
	r->s->n_responses_made++;
	mem_free(r->heard);
	r->heard = NULL;
	emit(r->s, EV_RESPONSE_CREATED, json_pack("{s:o}", "response", response_json(r, false)));
	if (r->llm || r->tools_wait || r->n_calls)
		filler_wait(r);
	think_announced(r);
}

void response_discard(struct response *r)
{
	assert(r->state == RESP_HELD);
	think_cancel(r);
	speak_cancel(r);
	set_state(r, RESP_OVER);
}

/* Clients that are limited by no budget only want to see that nothing is. */
static void emit_limits(struct session *s)
{
	enum { PLENTY = 1000000 };
	const struct cost_left *left = &s->costs.left;
	bool limited = s->costs.payer && left->tokens_limit != COST_UNLIMITED;
	json_int_t limit = limited ? (json_int_t)left->tokens_limit : PLENTY;

	emit(s, EV_RATE_LIMITS,
	     json_pack("{s:[{s:s,s:I,s:I,s:f}]}", "rate_limits", "name", "tokens", "limit", limit,
		       "remaining", limited ? (json_int_t)left->tokens_remaining : limit, "reset_seconds",
		       limited ? (double)left->reset_s : 0.0));
}

static uint64_t heard_until(const struct response *r)
{
	return r->first_sent_us && r->out_hz ? r->first_sent_us + r->sent * US_PER_S / r->out_hz
					     : r->s->now_us;
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
	if (r->asks_consent && o != OUTCOME_COMPLETED)
		consent_clear(s); /* who has not heard the question cannot agree */
	think_cancel(r);
	speak_cancel(r);
	response_close_message(r, outcomes[o].item_status);
	cost_tell(r);
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
	utf8_mend(r->error_code);
	utf8_mend(r->error_message);
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

/* --- interruption ------------------------------------------------------------------------ */

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

	if (r->asks_consent && played < r->sent / 4 * 3)
		consent_clear(s);
	emit(s, EV_OUTPUT_CLEARED, json_pack("{s:s}", "response_id", r->id));
	if (r->item && node_linked(&r->item->node) && ms < r->item->audio_ms)
		item_truncate(s, r->item, ms);
	set_state(r, RESP_OVER);
	turn_idle(s, s->now_us);
}

/* The client plays the audio itself: it has heard no more than the time that has gone by. */
static void truncate_to_heard(struct response *r)
{
	uint64_t ms = (r->s->now_us - MIN(r->s->now_us, r->first_sent_us)) / US_PER_MS;

	if (r->item && r->first_sent_us && node_linked(&r->item->node) && ms < r->item->audio_ms)
		item_truncate(r->s, r->item, ms);
}

void response_interrupt(struct session *s, enum resp_outcome o)
{
	LIST_FOR (&s->responses, n) {
		struct response *r = of(n);

		if (r->oob)
			continue;
		if (r->state == RESP_DRAINING) {
			response_silence(r);
			continue;
		}
		response_end(r, o);
		if (o == OUTCOME_INTERRUPTED && s->set.auto_truncate && !r->paced)
			truncate_to_heard(r);
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

/* --- finding ----------------------------------------------------------------------------- */

struct response *response_find(struct session *s, const char *id)
{
	LIST_FOR (&s->responses, n)
		if (strcmp(of(n)->id, id) == 0)
			return of(n);
	return NULL;
}

struct response *response_active(struct session *s)
{
	LIST_FOR (&s->responses, n)
		if (of(n)->state == RESP_ACTIVE && !of(n)->oob)
			return of(n);
	return NULL;
}

struct response *response_held(struct session *s)
{
	LIST_FOR (&s->responses, n)
		if (of(n)->state == RESP_HELD)
			return of(n);
	return NULL;
}

struct response *response_by_tag(struct session *s, uint64_t tag)
{
	LIST_FOR (&s->responses, n)
		if (of(n)->tag == tag)
			return of(n);
	return NULL;
}

bool response_occupies_leg(struct session *s, const struct response *but)
{
	LIST_FOR (&s->responses, n)
		if (of(n) != but && of(n)->paced && of(n)->sent &&
		    (of(n)->state == RESP_ACTIVE || of(n)->state == RESP_DRAINING))
			return true;
	return false;
}

bool response_audible(const struct session *s)
{
	for (struct node *n = s->responses.head.next; n != &s->responses.head; n = n->next) {
		const struct response *r = of(n);

		if (!r->oob && r->sent && (r->state == RESP_DRAINING || r->state == RESP_ACTIVE))
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
		const struct piece *p =
			CONTAINER_OF((struct node *)(uintptr_t)first, struct piece, node);
		if (p->sent < p->audio.n)
			return s->now_us + POLL_US;
	}
	return UINT64_MAX;
}
