#include "session/state.h"

static json_t *response_dump(const struct response *r)
{
	return json_pack("{s:s,s:s,s:b,s:b,s:b,s:b,s:I}", "id", r->id, "state",
			 response_state_name(r), "oob", r->oob, "thinking", r->llm != NULL,
			 "speaking", r->tts != NULL, "thought", r->thought, "sent",
			 (json_int_t)r->sent);
}

static json_t *responses_dump(const struct session *s)
{
	AUTO(json) json_t *list = json_array();

	for (struct node *n = s->responses.head.next; n != &s->responses.head; n = n->next)
		if (json_array_append_new(
			    list, response_dump(CONTAINER_OF(n, struct response, node))) < 0)
			return NULL;
	return list ? json_incref(list) : NULL;
}

static json_t *legs_dump(const struct session *s)
{
	AUTO(json) json_t *list = json_array();

	for (size_t i = 0; i < SESSION_LEGS; i++)
		if (s->legs[i].leg &&
		    json_array_append_new(list, json_string(s->legs[i].leg->ops->name)) < 0)
			return NULL;
	return list ? json_incref(list) : NULL;
}

void session_dump(const struct session *s, struct buf *to)
{
	AUTO(json)
	json_t *v = json_pack(
		"{s:s,s:s,s:o,s:s,s:b,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "id", s->id, "state",
		s->state == SESS_OPEN ? "open" : "closed", "legs", legs_dump(s), "turn",
		turn_state_name(&s->turn), "hearing", s->turn.hear != NULL, "service", upstream_state_name(s), "audio_received_ms",
		(json_int_t)(audio_in_end(&s->in) * 1000 / STT_RATE_HZ), "audio_buffered",
		(json_int_t)s->in.buf.n, "items", (json_int_t)s->conv.n, "messages",
		(json_int_t)s->n_messages, "errors", (json_int_t)s->n_errors, "turns",
		(json_int_t)s->n_turns, "responses_made", (json_int_t)s->n_responses_made,
		"responses", responses_dump(s));

	json_write(to, v);
}
