/* send.c - the events of an open response: items, parts, text and sound. */
#include <stdio.h>
#include <string.h>

#include "session/response.h"
#include "session/state.h"

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

/* --- items and parts --------------------------------------------------------------------- */

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
	return r->set.text_only ? json_pack("{s:s,s:s}", "type", "text", "text", "")
				: json_pack("{s:s,s:s}", "type", "audio", "transcript", "");
}

/* From here on the item's content is kept up to date with what was sent. */
static bool begin_content(struct response *r)
{
	json_t *c = r->set.text_only
			    ? json_pack("[{s:s,s:s}]", "type", "output_text", "text", "")
			    : json_pack("[{s:s,s:s}]", "type", "output_audio", "transcript", "");
	return item_set(r->item, "content", c);
}

static bool open_message(struct response *r)
{
	char id[ID_MAX];

	if (r->item_open)
		return true;
	session_new_id(r->s, "item_", id);
	struct item *it =
		item_make(ITEM_MESSAGE, ROLE_ASSISTANT, id,
			  json_pack("{s:s,s:s,s:s,s:s,s:[]}", "id", id, "type", "message", "status",
				    "in_progress", "role", "assistant", "content"));
	if (!it)
		return false;
	item_unref(r->item);
	r->item = it;
	r->output_index = (unsigned)json_array_size(r->output);
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

void response_close_message(struct response *r, const char *status)
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
		if (r->set.timestamps)
			emit(s, EV_TIMESTAMP_DONE, k4(r, NULL, NULL));
		if (r->set.visemes)
			emit(s, EV_VISEME_DONE, k4(r, NULL, NULL));
		emit(s, EV_AUDIO_DONE, k4(r, NULL, NULL));
		emit(s, EV_TRANSCRIPT_DONE, k4(r, "transcript", said_json(r)));
		emit(s, EV_PART_DONE,
		     k4(r, "part",
			json_pack("{s:s,s:o}", "type", "audio", "transcript", said_json(r))));
	}
	if (!item_set(it, "status", json_string(status)))
		session_oom(s);
	upstream_said(s, it);
	emit_conversation_item(r, EV_ITEM_DONE, it);
	emit_output_item(r, EV_OUTPUT_ITEM_DONE, it);
	conv_trim_audio(&s->conv);
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

	response_close_message(r, "completed");
	session_new_id(s, "item_", id);
	if (p->call_id)
		snprintf(call_id, sizeof(call_id), "%s", p->call_id);
	else
		session_new_id(s, "call_", call_id);
	struct item *it = item_make(ITEM_CALL, ROLE_NONE, id,
				    json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "id", id, "type",
					      "function_call", "status", "in_progress", "name",
					      p->name, "call_id", call_id, "arguments", ""));
	if (!it)
		return false;
	r->output_index = (unsigned)json_array_size(r->output);
	bool ok = upstream_called(r, it, call_id) && enter_conversation(r, it);
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
	}
	item_unref(it);
	return ok;
}

/* --- sound ------------------------------------------------------------------------------- */

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
	static const char *const looked[] = { NULL, "hit", "miss" };
	emit(r->s, EV_X_LATENCY,
	     json_pack("{s:s,s:s,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:s?,s:o}", "response_id", r->id, "item_id",
		       r->item->id, "speech_end_ms",
		       (json_int_t)(r->speech_end * 1000 / STT_RATE_HZ), "window",
		       mark_json(r, MARK_WINDOW), "stt_final", mark_json(r, MARK_STT_FINAL),
		       "search", mark_json(r, MARK_SEARCH), "first_text",
		       mark_json(r, MARK_FIRST_TEXT), "first_audio", mark_json(r, MARK_FIRST_AUDIO),
		       "sent", mark_json(r, MARK_SENT), "search_ahead", looked[r->looked], "search_ms",
		       r->marks_us[MARK_SEARCH]
			       ? json_integer((json_int_t)((r->search_us + 500) / US_PER_MS))
			       : json_null()));
}

static bool push_paced(struct response *r, const int16_t *pcm, size_t n)
{
	struct session *s = r->s;
	struct leg *l = session_main(s);

	if (!l && s->paced_hz)
		return false; /* the call is not connected yet */
	if (!l || !l->ops->push_audio)
		return true; /* nobody hears: as if said */
	if (response_occupies_leg(s, r))
		return false; /* two voices at once are none: it waits its turn */
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
		if (!p->filler)
			tell_latency(r);
	}
	return true;
}

static bool show_clause(struct response *r, struct piece *p)
{
	if (!open_message(r))
		return false;
	bool glued = p->kind == PIECE_SPEECH || !r->said.n;
	AUTO(buf) struct buf delta = { 0 };
	if (!glued)
		buf_putc(&delta, ' ');
	buf_puts(&delta, p->text);
	p->base_at = (uint32_t)(r->said.n + !glued);
	p->base_ms = (uint32_t)(r->sent * 1000 / r->out_hz);
	p->shown = true;
	if (p->filler && !r->said.n)
		r->item->aside = strlen(p->text);
	if (pcm_put(&r->item->audio, p->kept.p, p->kept.n))
		return false;
	pcm_done(&p->kept);
	if (delta.failed || !upstream_shown(r, p))
		return false;
	if (p->kind == PIECE_SPEECH && !p->text[0])
		return true; /* audio that came before its words */
	return (p->kind == PIECE_SPEECH || item_mark(r->item, p->base_at, p->base_ms)) &&
	       say(r, EV_TRANSCRIPT_DELTA, (const char *)delta.p);
}

static void tell_word(struct response *r, const struct piece *p, const struct word *w)
{
	const char *text = p->text + w->at;
	json_t *v = k4(r, "audio_offset_ms", json_integer(p->base_ms + w->from_ms));

	if (json_object_set_new(v, "audio_duration_ms", json_integer(w->ms)) < 0 ||
	    json_object_set_new(v, "text", json_stringn(text, strcspn(text, " "))) < 0 ||
	    json_object_set_new(v, "timestamp_type", json_string("word")) < 0) {
		json_decref(v);
		v = NULL;
	}
	emit(r->s, EV_TIMESTAMP_DELTA, v);
}

static bool move_marks(struct response *r, struct piece *p)
{
	for (; p->marked < p->n_words; p->marked++) {
		const struct word *w = &p->words[p->marked];

		if (!item_mark(r->item, p->base_at + w->at, p->base_ms + w->from_ms))
			return false;
		if (r->set.timestamps)
			tell_word(r, p, w);
	}
	return true;
}

/* Each shape of the mouth, where the client draws one. */
static void tell_mouths(struct response *r, struct piece *p)
{
	for (; p->mouthed < p->n_mouths; p->mouthed++) {
		const struct mouth *m = &p->mouths[p->mouthed];
		json_t *v = k4(r, "audio_offset_ms", json_integer(p->base_ms + m->from_ms));

		if (json_object_set_new(v, "viseme_id", json_integer(m->viseme)) < 0) {
			json_decref(v);
			v = NULL;
		}
		emit(r->s, EV_VISEME_DELTA, v);
	}
}

/* --- sending ----------------------------------------------------------------------------- */

enum sent { SENT, NOT_YET, NO_MEMORY };

static enum sent send_text(struct response *r, struct piece *p)
{
	if (!open_message(r) || !upstream_shown(r, p) || !say(r, EV_TEXT_DELTA, p->text))
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
	tell_mouths(r, p);
	bool all = send_audio(r, p);
	if (all && p->kind == PIECE_SPEECH)
		p->sent = p->audio.n = 0; /* it may go on for long */
	return all && p->spoken ? SENT : NOT_YET;
}

/* As the middle tier's own tool told its pages: {"sources": [{chunk_id, title, chunk}]}, as text. */
static void tell_grounding(struct response *r, const json_t *source)
{
	AUTO(json)
	json_t *result = json_pack("{s:[{s:s,s:s,s:s}]}", "sources", "chunk_id",
				   json_str(source, "document", ""), "title",
				   json_str(source, "title", ""), "chunk",
				   json_str(source, "quote", ""));
	AUTO(buf) struct buf text = { 0 };

	json_write(&text, result);
	if (!result || text.failed) {
		session_oom(r->s);
		return;
	}
	emit(r->s, EV_X_TOOL_RESPONSE,
	     json_pack("{s:s,s:s,s:s%}", "previous_item_id", r->item->id, "tool_name",
		       "report_grounding", "tool_result", (const char *)text.p, text.n));
}

static enum sent send_source(struct response *r, struct piece *p)
{
	/* A source may come before any text; it belongs to the message all the same. */
	if (!open_message(r))
		return NO_MEMORY;
	emit(r->s, EV_X_SOURCES,
	     json_pack("{s:s,s:s,s:[O]}", "response_id", r->id, "item_id", r->item->id, "sources",
		       p->source));
	if (r->s->enforced)
		tell_grounding(r, p->source);
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
	[PIECE_SPEECH] = send_clause,
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
