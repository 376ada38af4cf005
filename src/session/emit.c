#include "session/emit.h"

#include "base/b64.h"
#include "session/state.h"

enum flag { ORIGIN = 1, NO_PACED = 2, PARTIALS = 4, SOURCES = 8, LATENCY = 16 };

static const struct {
	unsigned flags;
	const char *name[N_DIALECTS];
} events[N_EVENTS] = {
#define EVENT(word, flags, ga, beta, voice_live) [EV_##word] = { flags, { ga, beta, voice_live } },
#include "session/event.def"
#undef EVENT
};

const char *event_name(enum event e)
{
	return events[e].name[DIALECT_GA];
}

static bool wanted(const struct session *s, enum event e)
{
	static const struct {
		unsigned flag, include;
	} extensions[] = { { PARTIALS, INCLUDE_PARTIALS },
			   { SOURCES, INCLUDE_SOURCES },
			   { LATENCY, INCLUDE_LATENCY } };

	for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
		if ((events[e].flags & extensions[i].flag) &&
		    !(s->set.include & extensions[i].include))
			return false;
	return session_serves(s) && events[e].name[s->dialect];
}

static bool goes_to(const struct session *s, enum event e, const struct leg_slot *slot)
{
	if (!slot->leg)
		return false;
	if (e == EV_SESSION_CREATED)
		return slot == s->asking.from;
	if (!slot->told)
		return false;
	if ((events[e].flags & ORIGIN) && s->asking.from)
		return slot == s->asking.from;
	if (events[e].flags & NO_PACED)
		return slot->role == LEG_MAIN && !(slot->leg->ops->caps & LEG_AUDIO_PACED);
	return true;
}

static void begin(struct session *s, enum event e, struct buf *to)
{
	char id[ID_MAX];

	session_new_id(s, "event_", id);
	buf_printf(to, "{\"type\":\"%s\",\"event_id\":\"%s\"", events[e].name[s->dialect], id);
}

static void send(struct session *s, enum event e, const struct buf *text)
{
	if (text->failed) {
		session_oom(s);
		return;
	}
	for (size_t i = 0; i < SESSION_LEGS; i++)
		if (goes_to(s, e, &s->legs[i]))
			s->legs[i].leg->ops->send_event(s->legs[i].leg, buf_bytes(text));
}

void emit(struct session *s, enum event e, json_t *fields)
{
	AUTO(json) json_t *own = fields;
	AUTO(buf) struct buf text = { 0 }, rest = { 0 };

	if (!wanted(s, e))
		return;
	if (!own) {
		session_oom(s);
		return;
	}
	s->n_errors += e == EV_ERROR;
	begin(s, e, &text);
	json_write(&rest, own);
	if (rest.failed) {
		session_oom(s);
		return;
	}
	/* The members follow ours: "{" becomes ",". */
	if (json_object_size(own) > 0)
		buf_putc(&text, ',');
	buf_put(&text, rest.p + 1, rest.n - 1);
	send(s, e, &text);
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
	send(s, EV_AUDIO_DELTA, &text);
}
