#include <errno.h>
#include <string.h>

#include "session/client.h"
#include "session/errors.h"
#include "session/state.h"

void conv_emit(struct session *s, enum event e, const struct item *it)
{
	const struct item *before = conv_before(&s->conv, it);

	if (it->hidden)
		return;
	emit(s, e,
	     json_pack("{s:s?,s:O}", "previous_item_id", before ? before->id : NULL, "item",
		       it->wire));
}

/* Where the client wants it: *after (NULL: in front). */
static bool place(struct session *s, const char *previous, struct item **after)
{
	if (!previous)
		*after = conv_last(&s->conv);
	else if (strcmp(previous, "root") == 0)
		*after = NULL;
	else if (!(*after = conv_find(&s->conv, previous))) {
		error_send(s, ERR_INVALID_VALUE, "previous_item_id",
			   "Error creating item: the item with id '%.64s' does not exist.",
			   previous);
		return false;
	}
	return true;
}

void conv_make_room(struct session *s)
{
	struct item *oldest = conv_first(&s->conv);

	if (s->conv.n < SESSION_ITEMS_MAX || !oldest)
		return;
	if (!oldest->hidden)
		emit(s, EV_ITEM_DELETED, json_pack("{s:s}", "item_id", oldest->id));
	upstream_removed(s, oldest);
	conv_remove(&s->conv, oldest);
}

static bool take_audio(struct session *s, struct item *it, const char *audio64)
{
	int err = audio_in_decode(s, audio64, strlen(audio64), &it->audio);

	if (err == -EINVAL)
		error_send(s, ERR_INVALID_VALUE, "item.content",
			   "Invalid 'item.content[0].audio': expected base64-encoded audio.");
	else if (err)
		session_oom(s);
	it->audio_ms = it->audio.n * 1000 / STT_RATE_HZ;
	return err == 0;
}

static void create(struct session *s, struct item *it, const char *audio64, const char *previous)
{
	struct item *after;

	if (conv_find(&s->conv, it->id)) {
		error_send(s, ERR_INVALID_VALUE, "item.id",
			   "Error creating item: an item with id '%s' already exists.", it->id);
		return;
	}
	if (it->type == ITEM_CALL_OUTPUT && !conv_find_call(&s->conv, json_str(it->wire, "call_id", ""))) {
		error_send(s, ERR_INVALID_VALUE, "item.call_id",
			   "Error creating item: there is no function call with the call_id '%.64s'.",
			   json_str(it->wire, "call_id", ""));
		return;
	}
	if (it->type == ITEM_MCP && !mcp_awaits(s, json_str(it->wire, "approval_request_id", ""))) {
		error_send(s, ERR_INVALID_VALUE, "item.approval_request_id",
			   "Error creating item: no approval is waited for with the id '%.64s'.",
			   json_str(it->wire, "approval_request_id", ""));
		return;
	}
	if (audio64 && !take_audio(s, it, audio64))
		return;
	if (!place(s, previous, &after))
		return;
	/* The one in front of it may be the one that is forgotten. */
	bool is_first = after && after == conv_first(&s->conv);
	size_t n = s->conv.n;
	conv_make_room(s);
	if (is_first && s->conv.n < n)
		after = NULL;
	conv_insert(&s->conv, it, after);
	conv_emit(s, EV_ITEM_ADDED, it);
	conv_emit(s, EV_ITEM_DONE, it);
	if (it->type == ITEM_MCP)
		mcp_on_approval(s, it);
	if (upstream_carries(s))
		upstream_added(s, it);
	else if (it->role == ROLE_USER && it->audio.n && !item_transcript(it)[0])
		hear_item(s, it);
	conv_trim_audio(&s->conv);
}

void on_item_create(struct session *s, const json_t *msg)
{
	struct item *it = NULL;
	const char *audio64;
	struct api_error e;
	char spare[ID_MAX];

	session_new_id(s, "item_", spare);
	int err = item_parse(json_object_get(msg, "item"), spare, &it, &audio64, &e);
	if (err == -EINVAL) {
		error_emit(s, &e);
		return;
	}
	if (err) {
		session_oom(s);
		return;
	}
	create(s, it, audio64, json_str(msg, "previous_item_id", NULL));
	item_unref(it);
}

/* The wire object with the audio in part 0. NULL: no memory. */
static json_t *with_audio(struct session *s, const struct item *it)
{
	AUTO(json) json_t *wire = json_deep_copy(it->wire);
	json_t *part = json_array_get(json_object_get(wire, "content"), 0);

	if (!wire || !it->audio.n || session_paced(s))
		return wire ? json_incref(wire) : NULL;
	/* Of an answer no more than was sent, and after a truncation no more than was heard. */
	enum audio_format f = it->role == ROLE_ASSISTANT ? s->set.out : s->set.in;
	size_t n = MIN(it->audio.n, (size_t)(it->audio_ms * STT_RATE_HZ / 1000));
	if (json_object_set_new(part, "audio", audio_encode(f, it->audio.p, n)) < 0)
		return NULL;
	return json_incref(wire);
}

static struct item *wanted(struct session *s, const json_t *msg, enum err which, const char *doing)
{
	const char *id = json_str(msg, "item_id", "");
	struct item *it = conv_find(&s->conv, id);

	if (!it)
		error_send(s, which, "item_id",
			   "Error %s item: the item with id '%.64s' does not exist.", doing, id);
	return it;
}

/* Voice Live has an event of its own for it, with the members of the item. */
void on_approval(struct session *s, const json_t *msg)
{
	AUTO(json)
	json_t *as_item = json_pack("{s:{s:s,s:O?,s:O?,s:O*}}", "item", "type", "mcp_approval_response",
				    "approval_request_id", json_object_get(msg, "approval_request_id"), "approve",
				    json_object_get(msg, "approve"), "reason", json_object_get(msg, "reason"));

	if (as_item)
		on_item_create(s, as_item);
	else
		session_oom(s);
}

void on_item_retrieve(struct session *s, const json_t *msg)
{
	struct item *it = wanted(s, msg, ERR_RETRIEVE_ITEM, "retrieving");

	if (it)
		emit(s, EV_ITEM_RETRIEVED, json_pack("{s:o}", "item", with_audio(s, it)));
}

void on_item_delete(struct session *s, const json_t *msg)
{
	struct item *it = wanted(s, msg, ERR_DELETE_ITEM, "deleting");

	if (!it)
		return;
	emit(s, EV_ITEM_DELETED, json_pack("{s:s}", "item_id", it->id));
	upstream_removed(s, it);
	conv_remove(&s->conv, it);
}

void item_truncate(struct session *s, struct item *it, uint64_t ms)
{
	size_t heard = item_heard(it, ms);
	json_t *text = json_stringn(item_transcript(it), heard);

	if (!text || !item_set_part(it, "transcript", text)) {
		session_oom(s);
		return;
	}
	it->audio_ms = MIN(it->audio_ms, ms);
	it->cut = true;
	upstream_truncated(s, it, ms);
	emit(s, EV_ITEM_TRUNCATED,
	     json_pack("{s:s,s:i,s:I}", "item_id", it->id, "content_index", 0, "audio_end_ms",
		       (json_int_t)ms));
}

void on_item_truncate(struct session *s, const json_t *msg)
{
	struct item *it = wanted(s, msg, ERR_TRUNCATE_ITEM, "truncating");
	int64_t ms = json_int(msg, "audio_end_ms", 0);

	if (!it)
		return;
	if (it->role != ROLE_ASSISTANT || !it->has_audio)
		error_send(s, ERR_INVALID_VALUE, "item_id",
			   "Only model output audio messages can be truncated");
	else if (json_int(msg, "content_index", 0) != 0)
		error_send(s, ERR_INVALID_VALUE, "content_index",
			   "Invalid 'content_index': the audio is content 0.");
	else if (ms < 0)
		error_send(s, ERR_INVALID_VALUE, "audio_end_ms",
			   "Invalid 'audio_end_ms': expected 0 or more.");
	else if ((uint64_t)ms > it->audio_ms)
		error_send(s, ERR_INVALID_VALUE, "audio_end_ms",
			   "Audio content of %llums is already shorter than %lldms",
			   (unsigned long long)it->audio_ms, (long long)ms);
	else
		item_truncate(s, it, (uint64_t)ms);
}
