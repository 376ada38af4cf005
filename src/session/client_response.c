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
};

static void wish_auto_(struct wish *w)
{
	json_decref(w->config);
	json_decref(w->input);
	json_decref(w->metadata);
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

/* One element of response.input: an item, or a reference to one. A new wire; NULL: told why. */
static json_t *input_item(struct session *s, const json_t *from)
{
	struct item *it = NULL;
	const char *audio64;
	struct api_error e;
	char spare[ID_MAX];

	if (strcmp(json_str(from, "type", ""), "item_reference") == 0) {
		it = conv_find(&s->conv, json_str(from, "id", ""));
		if (it)
			return json_deep_copy(it->wire);
		error_send(s, ERR_INVALID_VALUE, "response.input",
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

static bool take_input(struct session *s, const json_t *response, struct wish *w)
{
	json_t *list = json_object_get(response, "input"), *from;
	size_t i;

	if (!list || json_is_null(list))
		return true;
	if (!json_is_array(list) || json_array_size(list) > SESSION_ITEMS_MAX) {
		error_send(s, ERR_INVALID_VALUE, "response.input",
			   "Invalid 'response.input': expected an array of items.");
		return false;
	}
	w->input = json_array();
	json_array_foreach (list, i, from) {
		json_t *wire = input_item(s, from);

		if (!wire || json_array_append_new(w->input, wire) < 0)
			return false;
	}
	return w->input != NULL;
}

static bool take_settings(struct session *s, json_t *response, struct wish *w)
{
	struct api_error e;
	int err = config_merge(s->config, response, SCOPE_RESPONSE, &w->config, &e);

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

void on_response_create(struct session *s, const json_t *msg)
{
	json_t *asked = json_object_get(msg, "response");
	__attribute__((cleanup(wish_auto_))) struct wish w = { 0 };

	if (json_is_object(asked) &&
	    !(take_conversation(s, asked, &w) && take_metadata(s, asked, &w) &&
	      take_settings(s, asked, &w) && take_input(s, asked, &w)))
		return;
	if (!may_respond(s, &w))
		return;
	if (!w.oob)
		drop_prepared(s);
	struct response *r = response_new(s, w.config);
	if (!r) {
		session_oom(s);
		return;
	}
	r->oob = w.oob;
	r->input = json_incref(w.input);
	r->metadata = json_incref(w.metadata);
	response_announce(r);
	think(r);
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
