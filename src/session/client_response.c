#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "session/client.h"
#include "session/errors.h"
#include "session/state.h"

/* What response.create asks for beyond settings. References are owned. */
struct wish {
	bool oob;
	json_t *config, *input, *metadata;
	json_t *more;    /* items to be seen after the conversation */
	const char *say; /* spoken as it is; borrowed               */
};

static void wish_auto_(struct wish *w)
{
	json_decref(w->config);
	json_decref(w->input);
	json_decref(w->metadata);
	json_decref(w->more);
}

static bool take_conversation(struct session *s, const json_t *response, struct wish *w)
{
	const json_t *v = json_object_get(response, "conversation");
	const char *which = json_is_string(v) ? json_string_value(v) : "auto";

	w->oob = strcmp(which, "none") == 0;
	if (w->oob || strcmp(which, "auto") == 0)
		return true;
	error_send(s, ERR_INVALID_VALUE, "response.conversation",
		   "Invalid value: '%.40s'. Supported values are: 'auto', 'none'.", which);
	return false;
}

static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xC0) != 0x80;
	return n;
}

/* "Set of 16 key-value pairs", keys to 64 characters, values strings to 512 (protocol 2.2). */
static bool take_metadata(struct session *s, const json_t *response, struct wish *w)
{
	json_t *m = json_object_get(response, "metadata"), *v;
	const char *key;
	bool ok = true;

	if (!m || json_is_null(m))
		return true;
	ok = json_is_object(m) && json_object_size(m) <= 16;
	json_object_foreach (m, key, v)
		ok = ok && characters(key) <= 64 && json_is_string(v) &&
		     characters(json_string_value(v)) <= 512;
	if (ok)
		w->metadata = json_incref(m);
	else
		error_send(s, ERR_INVALID_VALUE, "response.metadata",
			   "Invalid 'response.metadata': at most 16 strings of up to 512 "
			   "characters, with keys of up to 64.");
	return ok;
}

/* One element of such a list: an item, or a reference to one. A new wire; NULL: told why. */
static json_t *input_item(struct session *s, const char *param, const json_t *from)
{
	struct item *it = NULL;
	const char *audio64;
	struct api_error e;
	char spare[ID_MAX];

	if (strcmp(json_str(from, "type", ""), "item_reference") == 0) {
		it = conv_find(&s->conv, json_str(from, "id", ""));
		if (it)
			return json_deep_copy(it->wire);
		error_send(s, ERR_INVALID_VALUE, param,
			   "Item with id '%.64s' not found.", json_str(from, "id", ""));
		return NULL;
	}
	session_new_id(s, "item_", spare);
	int err = item_parse(from, spare, &it, &audio64, &e);
	if (err == -EINVAL)
		error_emit(s, &e);
	if (err == -ENOMEM)
		session_oom(s);
	if (err)
		return NULL;
	json_t *wire = json_incref(it->wire);
	item_unref(it);
	return wire;
}

static bool take_items(struct session *s, const json_t *response, const char *name, json_t **to)
{
	json_t *list = json_object_get(response, name), *from;
	char param[64];
	size_t i;

	if (!list || json_is_null(list))
		return true;
	snprintf(param, sizeof(param), "response.%s", name);
	if (!json_is_array(list) || json_array_size(list) > SESSION_ITEMS_MAX) {
		error_send(s, ERR_INVALID_VALUE, param,
			   "Invalid '%s': expected an array of items.", param);
		return false;
	}
	json_decref(*to);
	*to = json_array();
	json_array_foreach (list, i, from) {
		json_t *wire = input_item(s, param, from);

		if (!wire || json_array_append_new(*to, wire) < 0)
			return false;
	}
	return *to != NULL;
}

static bool take_input(struct session *s, const json_t *response, struct wish *w)
{
	if (!take_items(s, response, "input", &w->input))
		return false;
	return s->dialect == DIALECT_GA ||
	       (take_items(s, response, "input_items", &w->input) &&
		take_items(s, response, "append_input_items", &w->more));
}

/* Voice Live's pre_generated_assistant_message: an assistant's message, to be spoken as it is. */
static void take_said(const json_t *response, struct wish *w)
{
	const json_t *m = json_object_get(response, "pre_generated_assistant_message");
	const json_t *part = json_array_get(json_object_get(m, "content"), 0);
	const char *text = json_str(part, "text", json_str(part, "transcript", NULL));

	w->say = text && text[0] ? text : NULL;
}

/* Voice Live's additional_instructions follow those of the session or the response. */
static bool add_instructions(struct session *s, const json_t *msg, struct wish *w)
{
	const char *more = json_str(msg, "additional_instructions", NULL);

	if (!more || s->dialect != DIALECT_VOICE_LIVE)
		return true;
	json_t *to = json_copy(w->config ? w->config : s->config);
	if (json_object_set_new(to, "instructions",
				json_sprintf("%s\n%s", json_str(to, "instructions", ""), more)) < 0) {
		json_decref(to);
		session_oom(s);
		return false;
	}
	json_decref(w->config);
	w->config = to;
	return true;
}

static bool take_settings(struct session *s, json_t *response, struct wish *w)
{
	AUTO(json) json_t *patch = permitted(s, response);
	struct api_error e;
	int err = !patch ? -ENOMEM
			 : config_merge(s->config, patch, s->dialect, SCOPE_RESPONSE, &w->config, &e);

	if (err == -EINVAL)
		error_emit(s, &e);
	else if (err)
		session_oom(s);
	return err == 0;
}

static bool may_respond(struct session *s, const struct wish *w)
{
	const struct response *active = w->oob ? NULL : response_active(s);

	if (active)
		error_send(
			s, ERR_ACTIVE_RESPONSE, NULL,
			"Conversation already has an active response in progress: %s. Wait until "
			"the response is finished before creating a new one.",
			active->id);
	else if (s->n_responses >= SESSION_RESPONSES_MAX)
		error_send(s, ERR_TOO_MANY, NULL, "Too many responses are in progress.");
	else
		return true;
	return false;
}

/* --- waiting for the response before (include: voiced.queue) ----------------------------- */

/* Is it kept for later? */
static bool queued(struct session *s, const json_t *msg, const struct wish *w)
{
	if (w->oob || !(s->set.include & INCLUDE_QUEUE) || !s->asking.from ||
	    json_array_size(s->queue) >= SESSION_QUEUE_MAX ||
	    (!response_active(s) && !json_array_size(s->queue)))
		return false;
	if (!s->queue)
		s->queue = json_array();
	json_t *v = json_pack("{s:I,s:o}", "leg", (json_int_t)s->asking.from->number, "message",
			      json_deep_copy(msg));
	if (json_array_append_new(s->queue, v) < 0)
		session_oom(s);
	return true;
}

void response_queue_run(struct session *s)
{
	if (!json_array_size(s->queue) || response_active(s) || s->turn.respond_due)
		return;
	AUTO(json) json_t *first = json_incref(json_array_get(s->queue, 0));
	AUTO(json) json_t *queue = s->queue;
	const json_t *msg = json_object_get(first, "message");

	(void)json_array_remove(queue, 0);
	s->queue = NULL; /* nothing is put into the queue from out of the queue */
	/* Who has left is answered all the same, as others hear it; nobody knows that event_id now. */
	struct leg_slot *from = slot_of_number(s, (uint64_t)json_int(first, "leg", 0));
	s->asking = (struct asking){ from, from ? json_str(msg, "event_id", NULL) : NULL };
	on_response_create(s, msg);
	s->asking = (struct asking){ 0 };
	s->queue = json_incref(queue);
	response_pump_all(s);
}

/* An answer that was prepared or owed for a turn gives way to the one asked for. */
static void drop_prepared(struct session *s)
{
	struct response *held = response_held(s);

	if (held)
		response_discard(held);
	s->turn.respond_due = false;
	LIST_FOR (&s->hearings, n)
		CONTAINER_OF(n, struct hear, node)->respond = false;
}

static bool take_wish(struct session *s, const json_t *msg, struct wish *w)
{
	json_t *asked = json_object_get(msg, "response");

	if (json_is_object(asked) &&
	    !(take_conversation(s, asked, w) && take_metadata(s, asked, w) &&
	      take_settings(s, asked, w) && take_input(s, asked, w)))
		return false;
	if (s->dialect == DIALECT_VOICE_LIVE)
		take_said(asked, w);
	return add_instructions(s, msg, w);
}

/* What a flat response.create may ask to be done first. */
static void prepare(struct session *s, const json_t *asked)
{
	if (s->dialect == DIALECT_GA)
		return;
	if (json_flag(asked, "cancel_previous", false))
		response_interrupt(s, OUTCOME_CANCELLED);
	if (json_flag(asked, "commit", false))
		on_commit(s, asked);
}

static void begin(struct session *s, const struct wish *w)
{
	if (!w->oob)
		drop_prepared(s);
	struct response *r = response_new(s, w->config);
	if (!r) {
		session_oom(s);
		return;
	}
	r->oob = w->oob;
	r->input = json_incref(w->input);
	r->metadata = json_incref(w->metadata);
	r->scratch = json_incref(w->more);
	response_announce(r);
	if (w->say) {
		speak_text(r, w->say);
		speak_flush(r);
		r->thought = true;
	} else {
		think(r);
	}
}

void on_response_create(struct session *s, const json_t *msg)
{
	__attribute__((cleanup(wish_auto_))) struct wish w = { 0 };

	if (!take_wish(s, msg, &w) || queued(s, msg, &w))
		return;
	prepare(s, json_object_get(msg, "response"));
	if (may_respond(s, &w))
		begin(s, &w);
}

void on_response_cancel(struct session *s, const json_t *msg)
{
	const char *id = json_str(msg, "response_id", NULL);
	struct response *r = id ? response_find(s, id) : response_active(s);

	if (!r || r->state != RESP_ACTIVE) {
		error_send(s, ERR_CANCEL_NOT_ACTIVE, id ? "response_id" : NULL,
			   "Cancellation failed: no active response found");
		return;
	}
	response_end(r, OUTCOME_CANCELLED);
}
