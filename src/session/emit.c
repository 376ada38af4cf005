#include "session/emit.h"

#include <string.h>

#include "base/b64.h"
#include "session/dialect.h"
#include "session/errors.h"
#include "session/state.h"

enum flag { ORIGIN = 1, NO_PACED = 2, PARTIALS = 4, SOURCES = 8, LATENCY = 16, FILTERED = 32, ENFORCED = 64, COST = 128 };
enum channel { CONTROL, DATA, BY_ITEM, TO_ASKER, LIFECYCLE };

static const struct {
	unsigned flags;
	enum channel channel;
	const char *name[N_DIALECTS];
} events[N_EVENTS] = {
#define EVENT(word, flags, channel, ga, beta, voice_live)                                          \
	[EV_##word] = { flags, channel, { ga, beta, voice_live } },
#include "session/event.def"
#undef EVENT
};

const char *event_name(enum dialect d, enum event e)
{
	return events[e].name[d];
}

static bool wanted(const struct session *s, enum event e)
{
	static const struct {
		unsigned flag, include;
	} extensions[] = { { PARTIALS, INCLUDE_PARTIALS },
			   { SOURCES, INCLUDE_SOURCES },
			   { LATENCY, INCLUDE_LATENCY },
			   { COST, INCLUDE_COST } };

	for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
		if ((events[e].flags & extensions[i].flag) &&
		    !(s->set.include & extensions[i].include))
			return false;
	if ((events[e].flags & ENFORCED) && !s->enforced)
		return false;
	return session_serves(s) && events[e].name[s->dialect];
}

static bool has_view(const struct session *s, enum leg_view view)
{
	for (size_t i = 0; i < SESSION_LEGS; i++)
		if (s->legs[i].leg && s->legs[i].leg->view == view)
			return true;
	return false;
}

/* Of a call that has both: to the control socket? */
static bool to_control(const struct session *s, enum event e, const json_t *fields)
{
	const char *type = json_str(json_object_get(fields, "item"), "type", "");

	switch (events[e].channel) {
	case CONTROL:
	case TO_ASKER:
		return true;
	case BY_ITEM:
		return strcmp(type, "message") != 0;
	case LIFECYCLE:
		return s->set.include & INCLUDE_LIFECYCLE;
	case DATA:
		break;
	}
	return false;
}

static bool to_data(const struct session *s, enum event e, const json_t *fields,
		    const struct leg_slot *slot)
{
	switch (events[e].channel) {
	case CONTROL:
		return false;
	case TO_ASKER:
		return slot == s->asking.from;
	case BY_ITEM:
		return !to_control(s, e, fields);
	case DATA:
	case LIFECYCLE:
		break;
	}
	return true;
}

static bool in_view(const struct session *s, enum event e, const json_t *fields,
		    const struct leg_slot *slot)
{
	switch (slot->leg->view) {
	case VIEW_ALL:
		return !(events[e].flags & ORIGIN) || !s->asking.from || slot == s->asking.from;
	case VIEW_FILTERED:
		return events[e].flags & FILTERED;
	case VIEW_CONTROL:
		return !has_view(s, VIEW_DATA) || to_control(s, e, fields);
	case VIEW_DATA:
		return to_data(s, e, fields, slot);
	case VIEW_NONE:
		break;
	}
	return false;
}

static bool goes_to(const struct session *s, enum event e, const json_t *fields,
		    const struct leg_slot *slot)
{
	if (!slot->leg)
		return false;
	if (e == EV_SESSION_CREATED)
		return slot == s->asking.from && in_view(s, e, fields, slot);
	if (!slot->told || !in_view(s, e, fields, slot))
		return false;
	return !(events[e].flags & NO_PACED) ||
	       (slot->role == LEG_MAIN && !(slot->leg->ops->caps & LEG_AUDIO_PACED));
}

static void begin(struct session *s, enum event e, struct buf *to)
{
	char id[ID_MAX];

	session_new_id(s, "event_", id);
	buf_printf(to, "{\"type\":\"%s\",\"event_id\":\"%s\"", events[e].name[s->dialect], id);
}

static void write_event(struct session *s, enum event e, const json_t *fields, struct buf *to)
{
	AUTO(buf) struct buf rest = { 0 };

	begin(s, e, to);
	json_write(&rest, fields);
	if (rest.failed) {
		to->failed = true;
		return;
	}
	/* The members follow ours: "{" becomes ",". */
	if (json_object_size(fields) > 0)
		buf_putc(to, ',');
	buf_put(to, rest.p + 1, rest.n - 1);
}

/* The transport would not take it: whoever waits for it is told, rather than left to wait. */
static void send_too_large(struct session *s, enum event e, struct leg *l)
{
	AUTO(buf) struct buf text = { 0 };
	struct api_error why;

	(void)error_set(&why, ERR_EVENT_TOO_LARGE, NULL,
			"%s is larger than the %zu octets that a message of this connection may have.",
			events[e].name[s->dialect], l->ops->event_max);
	AUTO(json)
	json_t *fields = json_pack("{s:o}", "error", error_json(why.code, why.message, NULL, NULL));
	write_event(s, EV_ERROR, fields, &text);
	if (text.failed)
		session_oom(s);
	else
		l->ops->send_event(l, buf_bytes(&text));
}

static void send(struct session *s, enum event e, const json_t *fields, const struct buf *text)
{
	if (text->failed) {
		session_oom(s);
		return;
	}
	for (size_t i = 0; i < SESSION_LEGS; i++) {
		struct leg *l = s->legs[i].leg;

		if (!goes_to(s, e, fields, &s->legs[i]))
			continue;
		if (l->ops->event_max && text->n > l->ops->event_max)
			send_too_large(s, e, l);
		else
			l->ops->send_event(l, buf_bytes(text));
	}
}

/* Members that the dialects write differently. */
static const struct {
	const char *name;
	json_t *(*write)(enum dialect d, json_t *v);
} shaped[] = { { "session", dialect_session },
	       { "response", dialect_response },
	       { "item", dialect_item } };

static bool shape(enum dialect d, json_t *fields)
{
	for (size_t i = 0; d != DIALECT_GA && i < ARRAY_LEN(shaped); i++) {
		json_t *v = json_object_get(fields, shaped[i].name);

		if (v && json_object_set_new(fields, shaped[i].name, shaped[i].write(d, v)) < 0)
			return false;
	}
	return true;
}

/* What the server enforces is not the client's to see. */
static bool hide(json_t *fields)
{
	json_t *v = json_object_get(fields, "session");

	return !v || (json_object_set_new(v, "instructions", json_string("")) == 0 &&
		      json_object_set_new(v, "tools", json_array()) == 0 &&
		      json_object_set_new(v, "tool_choice", json_string("none")) == 0 &&
		      json_object_set_new(v, "max_response_output_tokens", json_null()) == 0);
}

void emit(struct session *s, enum event e, json_t *fields)
{
	AUTO(json) json_t *own = fields;
	AUTO(buf) struct buf text = { 0 };

	if (!wanted(s, e))
		return;
	if (!own || !shape(s->dialect, own) || (s->enforced && !hide(own))) {
		session_oom(s);
		return;
	}
	s->n_errors += e == EV_ERROR;
	write_event(s, e, own, &text);
	send(s, e, own, &text);
}

void emit_audio(struct response *r, const uint8_t *audio, size_t n)
{
	struct session *s = r->s;
	AUTO(buf) struct buf text = { 0 };

	if (!wanted(s, EV_AUDIO_DELTA))
		return;
	begin(s, EV_AUDIO_DELTA, &text);
	buf_printf(&text,
		   ",\"response_id\":\"%s\",\"item_id\":\"%s\",\"output_index\":%u,"
		   "\"content_index\":0,\"delta\":\"",
		   r->id, r->item->id, r->output_index);
	b64_append(&text, audio, n);
	buf_puts(&text, "\"}");
	send(s, EV_AUDIO_DELTA, NULL, &text);
}
