#include "session/turn.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "session/ear.h"
#include "session/state.h"

/* Kept before speech is noticed, beyond the prefix: what noticing takes at most. */
enum { NOTICE_MS = 600 };
/* The same where a service finds the turns: it says so from far away. */
enum { SERVICE_KEPT_MS = 3000 };
/* So long after the last speech a recogniser is kept for what the client has not committed yet, or
 * has stopped sending; others may need it. The audio stays, and is heard anew when it goes on or is
 * committed; what is longer than REHEAR_MS not before that. */
enum { LET_GO_US = 3 * 1000 * 1000, REHEAR_MS = 30 * 1000 };

static const char busy_text[] = "I am at capacity just now. Please ask again in a moment.";

static const struct {
	const char *name;
	unsigned next;
} states[] = {
	[TURN_QUIET] = { "quiet", BIT(TURN_SPEECH) },
	[TURN_SPEECH] = { "speech", BIT(TURN_PAUSE) | BIT(TURN_QUIET) },
	[TURN_PAUSE] = { "pause", BIT(TURN_SPEECH) | BIT(TURN_QUIET) },
};

static void set_state(struct turn *t, enum turn_state to)
{
	assert(t->state == to || (states[t->state].next & BIT(to)));
	t->state = to;
}

const char *turn_state_name(const struct turn *t)
{
	return states[t->state].name;
}

void turn_done(struct turn *t)
{
	ear_free(t->ear);
	t->ear = NULL;
}

static uint64_t samples(unsigned ms)
{
	return (uint64_t)ms * STT_RATE_HZ / 1000;
}

static json_int_t ms_of(uint64_t position)
{
	return (json_int_t)(position * 1000 / STT_RATE_HZ);
}

/* --- responses to turns ------------------------------------------------------------------ */

static void drop_held(struct session *s)
{
	struct response *held = response_held(s);

	if (held)
		response_discard(held);
}

static struct response *respond(struct session *s)
{
	if (s->n_responses >= SESSION_RESPONSES_MAX)
		return NULL;
	struct response *r = response_new(s, NULL);
	if (!r) {
		session_oom(s);
		return NULL;
	}
	response_announce(r);
	return r;
}

static void note_end_of(struct response *r, const struct hear *h)
{
	r->speech_end = h->speech_end;
	r->speech_end_us = h->speech_end_us;
	r->marks_us[MARK_WINDOW] = h->ended_us;
}

static void note_times(struct response *r, const struct hear *h)
{
	note_end_of(r, h);
	response_mark(r, MARK_STT_FINAL);
}

/* The same words, whatever their case, spacing and punctuation. */
static bool same_words(const char *a, const char *b)
{
	for (;;) {
		while (*a && !isalnum((unsigned char)*a) && !(*a & 0x80))
			a++;
		while (*b && !isalnum((unsigned char)*b) && !(*b & 0x80))
			b++;
		if (!*a || !*b || tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return !*a && !*b;
		a++;
		b++;
	}
}

static bool blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == 0;
}

/* The words of a turn are known: let the prepared answer go, or make one. */
static void answer(struct session *s, const struct hear *h, const char *text)
{
	struct response *held = response_held(s);

	/* A cough, a door: nobody asked anything. Or the user already speaks again, and the answer
	 * to that will be to both. */
	if (blank(text) || (s->turn.state != TURN_QUIET && s->set.interrupt_response)) {
		drop_held(s);
		return;
	}
	if (response_active(s)) {
		drop_held(s);
		s->turn.respond_due = true;
		return;
	}
	if (held && same_words(held->heard, text)) {
		note_times(held, h);
		response_announce(held);
		return;
	}
	drop_held(s);
	struct response *r = respond(s);
	if (!r)
		return;
	note_times(r, h);
	think(r);
}

/* A service has the audio, and is asked for the answer without waiting for the words. */
static void answer_unheard(struct session *s, const struct hear *h)
{
	if (response_active(s)) {
		s->turn.respond_due = true;
		return;
	}
	struct response *r = respond(s);
	if (!r)
		return;
	note_end_of(r, h);
	think(r);
}

void turn_response_over(struct session *s)
{
	struct response *held = response_held(s);

	/* What a service began by itself while the one before it was still being said. */
	if (held && held->up.adopted && session_serves(s) && !response_active(s)) {
		response_announce(held);
		return;
	}
	if (!s->turn.respond_due || !session_serves(s) || response_active(s))
		return;
	s->turn.respond_due = false;
	turn_respond(s);
}

void turn_respond(struct session *s)
{
	struct response *r = respond(s);

	if (r)
		think(r);
}

/* --- words ------------------------------------------------------------------------------- */

void turn_on_settled(struct session *s, struct hear *h)
{
	if (h != s->turn.hear || s->turn.state != TURN_PAUSE || blank(h->settled))
		return;
	ahead_words(s, h->settled);
	if (s->set.vad == VAD_NONE || !s->set.create_response || s->kind != SESSION_REALTIME ||
	    response_active(s) || s->n_responses >= SESSION_RESPONSES_MAX)
		return;
	drop_held(s);
	struct response *r = response_new(s, NULL);
	if (!r || !(r->heard = mem_strdup(h->settled)))
		session_oom(s);
	else
		think(r);
}

static void go_on(struct session *s)
{
	LIST_FOR (&s->responses, n) {
		struct response *r = CONTAINER_OF(n, struct response, node);

		if (r->state == RESP_ACTIVE && r->waits_for_words)
			think(r);
	}
}

static void tell_words(struct session *s, const struct item *it, const char *text)
{
	if (!s->set.transcribe)
		return;
	if (text[0])
		emit(s, EV_TRANSCRIPTION_DELTA,
		     json_pack("{s:s,s:i,s:s}", "item_id", it->id, "content_index", 0, "delta",
			       text));
	emit(s, EV_TRANSCRIPTION_COMPLETED,
	     json_pack("{s:s,s:i,s:s,s:{s:s,s:f}}", "item_id", it->id, "content_index", 0,
		       "transcript", text, "usage", "type", "duration", "seconds",
		       (double)it->audio_ms / 1000));
}

void turn_on_words(struct session *s, struct hear *h, const char *text)
{
	if (!item_set_part(h->item, "transcript", json_string(text))) {
		session_oom(s);
		return;
	}
	tell_words(s, h->item, text);
	go_on(s);
	if (h->respond)
		answer(s, h, text);
}

static void say_why(struct response *r, const struct engine_error *e)
{
	if (strcmp(e->code, "engine_busy") == 0)
		response_say_failed(r, busy_text, e);
	else
		response_fail(r, e->code, e->message);
}

void turn_on_deaf(struct session *s, struct hear *h, const struct engine_error *e)
{
	if (s->set.transcribe)
		emit(s, EV_TRANSCRIPTION_FAILED,
		     json_pack("{s:s,s:i,s:{s:s,s:s,s:s}}", "item_id", h->item->id, "content_index",
			       0, "error", "type", "server_error", "code", e->code, "message",
			       e->message ? e->message : ""));
	LIST_FOR (&s->responses, n) {
		struct response *r = CONTAINER_OF(n, struct response, node);

		if (r->state == RESP_ACTIVE && r->waits_for_words) {
			r->waits_for_words = false;
			say_why(r, e);
		}
	}
	drop_held(s);
	struct response *r = h->respond && !response_active(s) ? respond(s) : NULL;
	if (r)
		say_why(r, e);
}

/* --- committing -------------------------------------------------------------------------- */

static struct item *user_item(struct session *s)
{
	struct turn *t = &s->turn;

	if (!t->item_id[0])
		session_new_id(s, "item_", t->item_id);
	struct item *it =
		item_make(ITEM_MESSAGE, ROLE_USER, t->item_id,
			  json_pack("{s:s,s:s,s:s,s:s,s:[{s:s,s:n}]}", "id", t->item_id, "type",
				    "message", "status", "completed", "role", "user", "content",
				    "type", "input_audio", "transcript"));
	if (it)
		it->has_audio = true;
	return it;
}

static void emit_committed(struct session *s, const struct item *it)
{
	const struct item *before = conv_before(&s->conv, it);
	const char *previous = before ? before->id : NULL;

	emit(s, EV_INPUT_COMMITTED,
	     json_pack("{s:s?,s:s}", "previous_item_id", previous, "item_id", it->id));
	emit(s, EV_ITEM_ADDED,
	     json_pack("{s:s?,s:O}", "previous_item_id", previous, "item", it->wire));
	emit(s, EV_ITEM_DONE,
	     json_pack("{s:s?,s:O}", "previous_item_id", previous, "item", it->wire));
}

/* The buffer's samples become the item's. Returns the position of the first. */
static uint64_t move_audio(struct session *s, struct item *it)
{
	struct audio_in *in = &s->in;
	uint64_t start = in->start;

	it->audio = in->buf;
	it->audio_ms = it->audio.n * 1000 / STT_RATE_HZ;
	in->start += in->buf.n;
	in->buf = (struct pcm){ 0 };
	audio_in_emptied(in);
	return start;
}

/* The new item is the caller's reference; NULL: no memory. */
static struct item *commit_item(struct session *s, uint64_t *start)
{
	struct item *it = user_item(s);

	if (!it) {
		session_oom(s);
		return NULL;
	}
	conv_make_room(s);
	*start = move_audio(s, it);
	conv_insert(&s->conv, it, conv_last(&s->conv));
	emit_committed(s, it);
	return it;
}

static void commit(struct session *s, bool respond_after)
{
	struct turn *t = &s->turn;
	uint64_t start;
	struct item *it = commit_item(s, &start);
	struct hear *h = t->hear;

	t->hear = NULL;
	if (!it)
		return;
	bool unheard = upstream_carries(s);
	/* No words have been looked for: the speaker was not noticed, the client knows better. */
	if (!h)
		h = upstream_finds_turns(s) ? hear_expect(s, it, start, false)
					    : hear_new(s, start, it);
	if (h) {
		h->respond = respond_after && !unheard;
		h->speech_end = t->end;
		h->speech_end_us = t->speech_end_us;
		hear_commit(h, it, start);
		if (respond_after && unheard)
			answer_unheard(s, h);
	} else {
		session_oom(s);
	}
	t->item_id[0] = 0;
	t->begun = t->talks = false;
	s->n_turns++;
	conv_trim_audio(&s->conv);
	item_unref(it);
}

void turn_commit(struct session *s)
{
	struct turn *t = &s->turn;

	drop_held(s);
	t->end = audio_in_end(&s->in);
	t->speech_end_us = s->now_us;
	commit(s, false);
	set_state(t, TURN_QUIET);
	if (t->ear)
		ear_reset(t->ear);
}

void turn_clear(struct session *s)
{
	struct turn *t = &s->turn;

	drop_held(s);
	if (t->hear)
		hear_cancel(t->hear);
	else if (upstream_finds_turns(s))
		upstream_clear(s);
	t->hear = NULL;
	t->item_id[0] = 0;
	t->begun = t->talks = false;
	set_state(t, TURN_QUIET);
	if (t->ear)
		ear_reset(t->ear);
}

void turn_configure(struct session *s)
{
	struct turn *t = &s->turn;

	if (s->set.vad == VAD_NONE && t->state != TURN_QUIET) {
		/* What was begun is left to the client to commit. */
		t->begun = true;
		t->talks = t->state == TURN_SPEECH;
		set_state(t, TURN_QUIET);
		drop_held(s);
	}
	if (t->ear)
		ear_configure(t->ear, &s->set);
}

/* --- frames ------------------------------------------------------------------------------ */

static void on_started(struct session *s, uint64_t at)
{
	struct turn *t = &s->turn;

	set_state(t, TURN_SPEECH);
	session_new_id(s, "item_", t->item_id);
	t->start = MAX(at, s->in.start);
	t->idle_told = true;
	audio_in_drop_before(s, t->start);
	emit(s, EV_SPEECH_STARTED,
	     json_pack("{s:I,s:s}", "audio_start_ms", ms_of(t->start), "item_id", t->item_id));
	if (s->set.interrupt_response) {
		response_interrupt(s, OUTCOME_INTERRUPTED);
		t->idle_from_us = MIN(t->idle_from_us, s->now_us); /* clients stop playing, too */
	}
	if (t->hear)
		hear_cancel(t->hear);
	t->hear = NULL; /* a new one is listen()'s */
}

static void note_end(struct session *s, uint64_t at)
{
	struct turn *t = &s->turn;
	uint64_t silence = audio_in_end(&s->in) - at;

	t->end = at;
	t->speech_end_us = s->now_us - MIN(s->now_us, silence * US_PER_S / STT_RATE_HZ);
}

static void on_candidate(struct session *s, uint64_t at)
{
	set_state(&s->turn, TURN_PAUSE);
	note_end(s, at);
	if (s->turn.hear)
		hear_settle(s->turn.hear);
}

static void on_resumed(struct session *s, uint64_t at)
{
	struct turn *t = &s->turn;

	(void)at;
	set_state(t, TURN_SPEECH);
	drop_held(s);
	if (t->hear)
		t->hear->settling = false;
}

static void on_ended(struct session *s, uint64_t at)
{
	struct turn *t = &s->turn;

	note_end(s, at);
	emit(s, EV_SPEECH_STOPPED,
	     json_pack("{s:I,s:s}", "audio_end_ms", ms_of(s->in.framed), "item_id", t->item_id));
	/* Before the commit: words that had settled are final at once, and then it is asked
	 * whether the user still speaks. */
	set_state(t, TURN_QUIET);
	commit(s, s->set.create_response && s->kind == SESSION_REALTIME);
	t->ended_at = audio_in_end(&s->in);
}

static void on_nothing(struct session *s, uint64_t at)
{
	(void)s, (void)at;
}

static void (*const on_news[])(struct session *, uint64_t) = {
	[EAR_NOTHING] = on_nothing, [EAR_STARTED] = on_started, [EAR_CANDIDATE] = on_candidate,
	[EAR_RESUMED] = on_resumed, [EAR_ENDED] = on_ended,
};

static void listen(struct session *s)
{
	struct turn *t = &s->turn;

	t->hear = hear_new(s, MAX(t->start, s->in.start), NULL);
	if (!t->hear)
		session_oom(s);
}

/* Turns are the client's: only a recogniser is taken when there is something to hear. */
static void manual_news(struct session *s, enum ear_news news, uint64_t at)
{
	struct turn *t = &s->turn;

	if (news != EAR_NOTHING)
		t->talks = news == EAR_STARTED || news == EAR_RESUMED;
	if (upstream_carries(s)) { /* it gets all that the client will commit */
		t->start = s->in.start;
		if (!t->hear)
			listen(s);
		return;
	}
	if (!t->talks)
		return;
	if (!t->begun)
		t->start = at;
	t->begun = true;
	t->fed_us = s->now_us;
	if (!t->hear && s->in.framed - t->start <= samples(REHEAR_MS))
		listen(s);
}

void turn_frame(struct session *s, const int16_t *pcm, uint64_t end)
{
	struct turn *t = &s->turn;
	uint64_t at = end;

	if (!t->ear)
		t->ear = ear_new(&s->set);
	if (!t->ear) {
		session_oom(s);
		return;
	}
	enum ear_news news = ear_push(t->ear, pcm, end, response_audible(s), &at);
	if (upstream_finds_turns(s)) {
		if (news != EAR_NOTHING) /* for when the service is gone */
			t->talks = news == EAR_STARTED || news == EAR_RESUMED;
		if (t->state == TURN_QUIET)
			audio_in_drop_before(s, end - MIN(end, samples(SERVICE_KEPT_MS)));
		return;
	}
	if (s->set.vad == VAD_NONE) {
		manual_news(s, news, at);
		return;
	}
	/* After a change of mode the ear may be in the middle of what is no turn here. */
	if (news != EAR_NOTHING && (news == EAR_STARTED) == (t->state == TURN_QUIET))
		on_news[news](s, at);
	if (t->state != TURN_QUIET) {
		t->fed_us = s->now_us;
		if (!t->hear)
			listen(s);
	} else {
		uint64_t keep = samples(s->set.prefix_ms + NOTICE_MS);
		audio_in_drop_before(s, end - MIN(end, keep));
	}
}

/* --- turns that a realtime service finds -------------------------------------------------- */

void turn_service_speech(struct session *s, bool started, uint64_t at)
{
	struct turn *t = &s->turn;

	at = MIN(at, audio_in_end(&s->in));
	if (started && t->state != TURN_SPEECH) {
		on_started(s, at);
	} else if (!started && t->state == TURN_SPEECH) {
		note_end(s, at);
		emit(s, EV_SPEECH_STOPPED,
		     json_pack("{s:I,s:s}", "audio_end_ms", ms_of(at), "item_id", t->item_id));
		set_state(t, TURN_PAUSE);
	}
}

void turn_service_commit(struct session *s)
{
	struct turn *t = &s->turn;
	uint64_t start;

	turn_service_speech(s, false, audio_in_end(&s->in));
	if (t->state == TURN_QUIET) /* it was not said that somebody spoke */
		note_end(s, audio_in_end(&s->in));
	set_state(t, TURN_QUIET);
	struct item *it = commit_item(s, &start);
	struct hear *h = it ? hear_expect(s, it, start, true) : NULL;
	if (h)
		h->speech_end_us = t->speech_end_us;
	else
		session_oom(s);
	t->item_id[0] = 0;
	t->ended_at = audio_in_end(&s->in);
	s->n_turns++;
	conv_trim_audio(&s->conv);
	item_unref(it);
}

/* It is gone in the middle of a turn: the ear goes on from here. */
void turn_service_gone(struct session *s)
{
	struct turn *t = &s->turn;

	if (t->state == TURN_QUIET || s->set.vad == VAD_NONE)
		return;
	if (t->state == TURN_PAUSE || !t->talks) {
		turn_service_speech(s, false, audio_in_end(&s->in));
		set_state(t, TURN_QUIET);
		t->hear = NULL;
		commit(s, s->set.create_response && s->kind == SESSION_REALTIME);
		t->ended_at = audio_in_end(&s->in);
	} else {
		listen(s);
	}
}

/* --- idle time --------------------------------------------------------------------------- */

void turn_idle(struct session *s, uint64_t from_us)
{
	s->turn.idle_from_us = from_us;
	s->turn.idle_told = false;
}

static uint64_t let_go_us(const struct turn *t)
{
	return t->hear && !t->hear->upstream ? t->fed_us + LET_GO_US : UINT64_MAX;
}

static uint64_t idle_us(const struct session *s)
{
	const struct turn *t = &s->turn;

	if (s->set.vad != VAD_SERVER || !s->set.idle_ms || t->state != TURN_QUIET ||
	    !t->idle_from_us || t->idle_told || s->n_responses)
		return UINT64_MAX;
	return t->idle_from_us + (uint64_t)s->set.idle_ms * US_PER_MS;
}

uint64_t turn_next_us(const struct session *s)
{
	return MIN(let_go_us(&s->turn), idle_us(s));
}

void turn_on_time(struct session *s)
{
	struct turn *t = &s->turn;
	uint64_t start;

	if (s->now_us >= let_go_us(t)) {
		hear_cancel(t->hear);
		t->hear = NULL;
	}
	if (s->now_us < idle_us(s))
		return;
	t->idle_told = true;
	session_new_id(s, "item_", t->item_id);
	uint64_t end = audio_in_end(&s->in), from = end - MIN(end, samples(s->set.idle_ms));
	emit(s, EV_TIMEOUT_TRIGGERED,
	     json_pack("{s:I,s:I,s:s}", "audio_start_ms", ms_of(from), "audio_end_ms", ms_of(end),
		       "item_id", t->item_id));
	audio_in_clear(s);
	struct item *it = commit_item(s, &start);
	t->item_id[0] = 0;
	item_unref(it);
	struct response *r = it && s->kind == SESSION_REALTIME ? respond(s) : NULL;
	if (r)
		think(r);
}
