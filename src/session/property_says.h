/* property_says.h - for property_test.c: what is said to a session, and how it is led into a state. */
#pragma once

#include "session/property_sayings.h"

/* --- saying ------------------------------------------------------------------------------ */

static bool known_here(const struct session *s, enum in in)
{
	if (in == IN_T_UPDATE)
		return s->dialect == DIALECT_BETA && s->kind == SESSION_TRANSCRIPTION;
	if (in >= IN_TURN_START && in <= IN_SDP)
		return s->dialect == DIALECT_VOICE_LIVE && s->kind == SESSION_REALTIME;
	return s->kind == SESSION_REALTIME || in <= IN_DELETE;
}

/* Something to name: an item of the conversation, or a response; mostly one that is there. */
static const char *some_id(struct chance *c, enum in in)
{
	const struct session *s = c->rig.s;
	const struct list *l = in == IN_CANCEL ? &s->responses : &s->conv.items;
	bool oldest = dice(c, 2), open = in != IN_CANCEL && dice(c, 2);

	/* What is being said just now is the most delicate. */
	for (const struct node *r = s->responses.head.next; open && r != &s->responses.head;
	     r = r->next) {
		const struct response *o =
			CONTAINER_OF((struct node *)(uintptr_t)r, struct response, node);

		if (o->item_open)
			return o->item->id;
	}
	const struct node *n = oldest ? l->head.next : l->head.prev;

	for (unsigned skip = dice(c, 3); skip > 0 && n != &l->head; skip--)
		n = oldest ? n->next : n->prev;
	if (n == &l->head)
		return "gone";
	return in == IN_CANCEL
		       ? CONTAINER_OF((struct node *)(uintptr_t)n, struct response, node)->id
		       : CONTAINER_OF((struct node *)(uintptr_t)n, struct item, node)->id;
}

static void write_members(struct chance *c, enum in in, const char *members, struct buf *to)
{
	for (; *members; members++)
		if (*members == '@')
			buf_puts(to, some_id(c, in));
		else
			buf_putc(to, *members == '\'' ? '"' : *members);
}

/* The leg that says it: the main one, or a sideband now and then. NULL: nobody may. */
static struct leg *speaker(struct chance *c)
{
	unsigned k = dice(c, 8);

	if (k < N_SIDES && c->sides[k].attached)
		return &c->sides[k].leg;
	return &c->rig.legs[0].leg;
}

static bool sees_errors(const struct leg *l)
{
	return l->view != VIEW_FILTERED && l->view != VIEW_NONE;
}

/* Says it; the errors that came back with its event_id. */
static size_t send_text(struct chance *c, struct leg *from, enum in in, struct bytes text,
			const char *id)
{
	struct rig *r = &c->rig;

	fake_run(r->fake, r->env.now_us);
	if (c->over)
		return 0;
	note(c, in);
	c->model.n_errors = 0;
	c->model.asking = id;
	session_on_message(r->s, from, text, r->env.now_us);
	c->model.asking = NULL;
	return c->model.n_errors;
}

static void say_members(struct chance *c, enum in in, const char *members, enum verdict v)
{
	AUTO(buf) struct buf text = { 0 };
	struct leg *from = speaker(c);
	char id[24];

	if (c->over)
		return;
	snprintf(id, sizeof(id), "c%u", ++c->n_said);
	buf_printf(&text, "{\"type\":\"%s\",\"event_id\":\"%s\"", cells[in].name, id);
	if (*members)
		buf_putc(&text, ',');
	write_members(c, in, members, &text);
	buf_puts(&text, "}");
	if (text.failed)
		return;
	fake_run(c->rig.fake, c->rig.env.now_us);
	unsigned before = state_of(c->rig.s);
	char want = letter(in, before);
	if (c->relayed && c->rig.s->engines.service_turns && (in == IN_COMMIT || in == IN_TURN_END))
		want = 'd'; /* what a service calls speech may have been nothing yet */
	bool full = c->rig.s->n_responses >= SESSION_RESPONSES_MAX;
	c->model.asked_for_more = true;
	size_t n = send_text(c, from, in, buf_bytes(&text), id);
	buf_putc(&text, 0);
	if (text.failed || mem_failed() || c->rig.s->broken || c->over || !sees_errors(from) ||
	    full || want == '.')
		return;
	if (n > 1)
		blame(c, "one message, several errors", (const char *)text.p);
	else if ((want == 'e' || v == BAD) && n == 0)
		blame(c, "wrong, and no error", (const char *)text.p);
	else if (want == 'y' && v == FINE && n == 1)
		blame(c, "right, and yet an error", (const char *)text.p);
}

static bool say(struct chance *c, enum in in)
{
	size_t fit[ARRAY_LEN(sayings)], n = 0;

	for (size_t i = 0; i < ARRAY_LEN(sayings); i++)
		if (sayings[i].in == in && (sayings[i].dialects & BIT(c->rig.s->dialect)))
			fit[n++] = i;
	if (!n || !known_here(c->rig.s, in))
		return false;
	const struct saying *what = &sayings[fit[dice(c, (unsigned)n)]];
	bool other_kind = in == IN_UPDATE && c->rig.s->kind == SESSION_TRANSCRIPTION;
	/* Where the server's settings count, wrong ones are not looked at. */
	bool lax = c->rig.s->enforced && in == IN_UPDATE;
	say_members(c, in, what->members,
		    other_kind || (lax && what->verdict == BAD) ? MAYBE : what->verdict);
	return true;
}

static void say_wrongly(struct chance *c, enum in in, unsigned state)
{
	static const char *const not_json[] = { "[]",  "\"", "{", "7", "", "{\"type\":\"x\"} y",
						"\xff" };
	static const char *const misshapen[] = {
		"{'type':'session.update','session':7,'event_id':'m'}",
		"{'type':'input_audio_buffer.append','audio':[],'event_id':'m'}",
		"{'type':'conversation.item.create','item':'x','event_id':'m'}",
		"{'type':'conversation.item.retrieve','item_id':{},'event_id':'m'}",
		"{'type':7,'event_id':'m'}",
		"{'event_id':'m'}",
	};
	AUTO(buf) struct buf text = { 0 };
	struct leg *from = speaker(c);
	size_t n;

	(void)state;
	if (c->over)
		return;
	if (in == IN_NOT_JSON) {
		(void)send_text(c, from, in, bytes_str(not_json[dice(c, ARRAY_LEN(not_json))]),
				NULL);
		return;
	}
	if (in == IN_BINARY) {
		note(c, in);
		session_on_binary(c->rig.s, from, c->rig.env.now_us);
		return;
	}
	if (in == IN_UNKNOWN)
		buf_puts(&text, dice(c, 2) ? "{\"type\":\"response.levitate\",\"event_id\":\"m\"}"
					   : "{\"type\":\"\",\"event_id\":\"m\"}");
	else
		write_members(c, in, misshapen[dice(c, ARRAY_LEN(misshapen))], &text);
	if (text.failed)
		return;
	n = send_text(c, from, in, buf_bytes(&text), "m");
	buf_putc(&text, 0);
	if (n != 1 && sees_errors(from) && !mem_failed() && !c->rig.s->broken)
		blame(c, "wrong, and not one error", (const char *)text.p);
}

/* Turns, formats and modalities as the way into a state wants them. */
static void configure(struct chance *c, bool interrupt, bool create)
{
	const char *i = interrupt ? "true" : "false", *k = create ? "true" : "false";
	const char *include = c->queue ? ",'include':['voiced.queue','voiced.lifecycle']" : "";
	char text[640];

	if (c->rig.s->kind == SESSION_TRANSCRIPTION) {
		if (c->rig.s->dialect == DIALECT_GA)
			say_members(
				c, IN_UPDATE,
				"'session':{'type':'transcription','audio':{'input':{'format':{'type':'audio/pcm','rate':24000},'turn_detection':{'type':'server_vad','silence_duration_ms':500}}}}",
				MAYBE);
		else
			say_members(
				c, IN_T_UPDATE,
				"'session':{'input_audio_format':'pcm16','turn_detection':{'type':'server_vad','silence_duration_ms':500}}",
				MAYBE);
		return;
	}
	if (c->rig.s->dialect == DIALECT_GA)
		snprintf(
			text, sizeof(text),
			"'session':{'type':'realtime','output_modalities':['audio'],'audio':{'input':{'format':{'type':'audio/pcm','rate':24000},"
			"'turn_detection':{'type':'server_vad','silence_duration_ms':500,'idle_timeout_ms':5000,"
			"'interrupt_response':%s,'create_response':%s}},'output':{'format':{'type':'audio/pcm','rate':24000}}}%s}",
			i, k, include);
	else
		snprintf(
			text, sizeof(text),
			"'session':{'modalities':['text','audio'],'input_audio_format':'pcm16','output_audio_format':'pcm16'%s,"
			"'turn_detection':{'type':'server_vad','silence_duration_ms':500,'interrupt_response':%s,"
			"'create_response':%s}%s}",
			c->rig.s->dialect == DIALECT_VOICE_LIVE
				? ",'input_audio_sampling_rate':24000"
				: "",
			i, k, include);
	say_members(c, IN_UPDATE, text, FINE);
}

/* Turns are the client's from now on, which leaves them. */
static void take_turns_away(struct chance *c)
{
	if (c->rig.s->kind == SESSION_REALTIME)
		say_members(
			c, IN_UPDATE,
			c->rig.s->dialect == DIALECT_GA
				? "'session':{'type':'realtime','audio':{'input':{'turn_detection':null}}}"
				: "'session':{'turn_detection':null}",
			FINE);
}

/* --- the ways into the states ------------------------------------------------------------ */

static void delays(struct chance *c, uint32_t settle_ms, uint32_t final_ms, uint32_t step_ms,
		   uint32_t voice_ms)
{
	const struct fake_delays d = { 50000,          settle_ms * 1000, final_ms * 1000,
				       step_ms * 1000, voice_ms * 1000,  voice_ms * 500 };
	fake_delays(c->rig.fake, &d);
}

static void frame(struct chance *c, int level)
{
	if (c->over)
		return;
	rig_wait(&c->rig, 20000);
	if (c->over)
		return;
	note(c, level ? IN_LOUD : IN_SILENT);
	rig_frame(&c->rig, level);
}

static void sound(struct chance *c, unsigned frames, int level)
{
	while (frames-- > 0 && !c->over)
		frame(c, level);
}

static bool sound_until(struct chance *c, enum turn_state t, int level)
{
	for (unsigned n = 0; n < 60 && !c->over && c->rig.s->turn.state != t; n++)
		frame(c, level);
	return c->rig.s->turn.state == t;
}

/* All that runs is ended, in the client's ways. */
static void calm(struct chance *c)
{
	struct session *s = c->rig.s;

	fake_stt_busy(c->rig.fake, false);
	c->rig.legs[0].room = 1 << 20;
	for (unsigned n = 0;
	     n < 20 && !c->over && (n == 0 || s->n_responses || s->turn.state != TURN_QUIET); n++) {
		say_members(c, IN_CLEAR, "", FINE);
		if (s->kind == SESSION_REALTIME && session_paced(s))
			say_members(c, IN_OUT_CLEAR, "", MAYBE);
		for (struct node *r = s->responses.head.next;
		     r != &s->responses.head && !c->over;) {
			char text[64];

			snprintf(text, sizeof(text), "'response_id':'%s'",
				 CONTAINER_OF(r, struct response, node)->id);
			r = r->next;
			say_members(c, IN_CANCEL, text, MAYBE);
			break; /* the list is another one now */
		}
		rig_wait(&c->rig, 1000);
	}
}

static void answer_of(struct chance *c, enum in in)
{
	static const struct fake_step text[] = { { FAKE_TEXT, "A sentence of words. ", NULL },
						 { FAKE_TEXT, "Another. ", NULL } };
	static const struct fake_step cite[] = { { FAKE_TEXT, "A fact. ", NULL },
						 { FAKE_CITE, "{\"document\":\"d\"}", NULL } };
	static const struct fake_step call[] = { { FAKE_CALL, "f", "{\"a\":1}" } };
	static const struct fake_step search[] = { { FAKE_CALL, "search", "{}" } };
	static const struct fake_step others[][1] = { { { FAKE_CALL, "later", "{}" } },
						      { { FAKE_CALL, "quiet", "{}" } },
						      { { FAKE_CALL, "act", "{\"a\":1}" } },
						      { { FAKE_CALL, "s__add", "{\"a\":1}" } },
						      { { FAKE_CALL, "s__send", "{\"to\":\"b\"}" } },
						      { { FAKE_CALL, "s__fail", "{}" } } };
	static const struct fake_step error[] = { { FAKE_ERROR, "engine_unavailable", NULL } };
	static const struct {
		enum in in;
		const struct fake_step *steps;
		size_t n;
	} ways[] = {
		{ IN_LLM_CITE, cite, 2 },
		{ IN_LLM_CALL, call, 1 },
		{ IN_LLM_ERROR, error, 1 },
		{ IN_TOOL_OUTPUT, search, 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (ways[i].in == in) {
			(void)!fake_answer(c->rig.fake, ways[i].steps, ways[i].n);
			if (in == IN_TOOL_OUTPUT && dice(c, 2))
				(void)!fake_answer(c->rig.fake, others[dice(c, 6)], 1);
			return;
		}
	(void)!fake_answer(c->rig.fake, text, 2);
	if (in == IN_TTS_ERROR)
		(void)!fake_speak_error(c->rig.fake, "engine_failed");
}

static bool by_response(enum in in)
{
	return (in >= IN_LLM_TEXT && in <= IN_TTS_ERROR);
}

static bool drain(struct chance *c)
{
	static const struct fake_step long_text[] = {
		{ FAKE_TEXT,
		  "This sentence is said for some time, it is long enough to be interrupted.",
		  NULL }
	};

	if (c->rig.s->n_responses)
		return false;
	delays(c, 0, 30, 0, 0);
	(void)!fake_answer(c->rig.fake, long_text, 1);
	say_members(c, IN_RESPOND, "'response':{'input':[]}", FINE);
	for (unsigned n = 0; n < 300 && !c->over && doing(c->rig.s) == ACTIVE; n++)
		rig_wait(&c->rig, 20000);
	return doing(c->rig.s) == DRAINING;
}

/* A response is prepared in a pause; its words come late, so that it stays held. */
static bool hold(struct chance *c, enum turn_state t, enum in in)
{
	delays(c, 0, 30000, 1000, by_response(in) ? 100 : 2000);
	(void)!fake_hear(c->rig.fake, "some words");
	answer_of(c, in);
	if (!sound_until(c, TURN_SPEECH, RIG_LOUD) || !sound_until(c, TURN_PAUSE, 0))
		return false;
	rig_wait(&c->rig, 1000);
	if (t == TURN_PAUSE)
		return doing(c->rig.s) == HELD;
	return sound_until(c, TURN_QUIET, 0) &&
	       (t == TURN_QUIET || sound_until(c, TURN_SPEECH, RIG_LOUD));
}

/* A tool is left at work behind its response. */
static void leave_at_work(struct chance *c)
{
	if (c->rig.s->kind != SESSION_REALTIME)
		return;
	c->rig.tool_us = 900000;
	delays(c, 60000, 60000, 0, 500);
	(void)!fake_answer(c->rig.fake, (const struct fake_step[]){ { FAKE_CALL, "later", "{}" } }, 1);
	say_members(c, IN_RESPOND, "", MAYBE);
	rig_wait(&c->rig, 1000);
	c->rig.tool_us = 5000;
	calm(c);
}

static bool reach(struct chance *c, unsigned state, enum in in)
{
	enum turn_state t = state / N_DOING;
	enum doing d = state % N_DOING;

	calm(c);
	configure(c, false, true);
	if (c->over || (d == DRAINING && !drain(c)))
		return false;
	if (d == HELD)
		return hold(c, t, in) && state_of(c->rig.s) == state;
	if (in == IN_TOOL_OUTPUT && d == NONE)
		leave_at_work(c);
	delays(c, 60000, 60000, 0, 0);
	if (t != TURN_QUIET && !sound_until(c, TURN_SPEECH, RIG_LOUD))
		return false;
	if (t == TURN_PAUSE && !sound_until(c, TURN_PAUSE, 0))
		return false;
	delays(c, 60000, 60000, by_response(in) ? 100 : 3000, by_response(in) ? 60 : 500);
	if (d == ASIDE || (d == DRAINING && by_response(in))) {
		answer_of(c, in);
		say_members(c, IN_RESPOND, "'response':{'conversation':'none','input':[]}", FINE);
	} else if (d == ACTIVE) {
		answer_of(c, in);
		say_members(c, IN_RESPOND, "'response':{'input':[]}", FINE);
	}
	if ((d == ASIDE || d == ACTIVE) && !by_response(in) &&
	    dice(c, 2)) { /* its item is open already */
		rig_wait(&c->rig, 1000);
		delays(c, 60000, 60000, 0, 800);
		rig_wait(&c->rig, 3900000);
	}
	return !c->over && state_of(c->rig.s) == state;
}

/* --- what is done in the state ----------------------------------------------------------- */

static void wait_for(struct chance *c, enum in in, unsigned state, unsigned ms)
{
	uint64_t before = hits[in][state];

	for (unsigned t = 0; t < ms && !c->over && hits[in][state] == before; t += 20)
		rig_wait(&c->rig, 20000);
}

/* 200 ms of silence as an item: recognised, whatever else goes on. */
static void hear_aside(struct chance *c)
{
	static char text[13200];

	if (!text[0]) {
		size_t n = (size_t)snprintf(
			text, sizeof(text),
			"'item':{'type':'message','role':'user','content':[{'type':'input_audio','audio':'");
		memset(text + n, 'A', 12800);
		snprintf(text + n + 12800, sizeof(text) - n - 12800, "'}]}");
	}
	delays(c, 60000, 100, 3000, 500);
	say_members(c, IN_CREATE, text, FINE);
}

/* A turn whose settled words come when other things go on. */
static void owe_settled(struct chance *c)
{
	calm(c);
	configure(c, false, true);
	delays(c, 2500, 60000, 0, 0);
	(void)!fake_hear(c->rig.fake, "");
	if (sound_until(c, TURN_SPEECH, RIG_LOUD) && sound_until(c, TURN_PAUSE, 0))
		(void)sound_until(c, TURN_QUIET, 0);
}

/* Time goes by without anything: only what is due then is done. */
static void jump(struct chance *c, uint64_t to_us)
{
	struct rig *r = &c->rig;

	if (to_us > r->env.now_us)
		env_fake_advance(&r->env, to_us - r->env.now_us);
	session_on_time(r->s, r->env.now_us);
}

static void idle(struct chance *c, enum in in, unsigned state)
{
	delays(c, 0, 0, 0, 0);
	(void)!fake_answer(c->rig.fake, (const struct fake_step[]){ { FAKE_TEXT, "Short.", NULL } },
			   1);
	say_members(c, IN_RESPOND, "'response':{'input':[]}", FINE);
	wait_for(c, in, state, 8000);
}

static void lose_control(struct chance *c, enum in in, unsigned state)
{
	(void)in, (void)state;
	if (!c->sides[CONTROLLER].attached)
		return;
	side_detach(c, CONTROLLER);
	jump(c, c->rig.s->alone_us);
}

static void view(struct chance *c, enum in in, unsigned state)
{
	static const enum leg_view views[] = { VIEW_NONE, VIEW_DATA };
	struct leg *l = &c->rig.legs[0].leg;

	(void)state;
	if (c->legs != CALL)
		return;
	note(c, in);
	session_set_view(c->rig.s, l, views[l->view == VIEW_NONE], c->rig.env.now_us);
}

static void stale_playout(struct chance *c, enum in in, unsigned state)
{
	(void)state; /* of what is no more */
	note(c, in);
	session_on_playout(c->rig.s, 999999, in == IN_PLAY_STARTED ? LEG_STARTED : LEG_DRAINED,
			   c->rig.env.now_us);
}

static void writable(struct chance *c, enum in in, unsigned state)
{
	struct rig *r = &c->rig;

	(void)state;
	note(c, in);
	r->legs[0].room = dice(c, 2) ? 1 << 20 : 0;
	session_on_writable(r->s, &r->legs[0].leg, r->env.now_us);
}

/* Of one sideband more; the witness and the control socket stay. */
static void come_or_go(struct chance *c, enum in in, unsigned state)
{
	(void)state;
	if (in == IN_ATTACH)
		side_detach(c, GUEST);
	if (!c->sides[GUEST].attached)
		(void)!side_attach(c, GUEST, VIEW_ALL);
	if (in == IN_DETACH)
		side_detach(c, GUEST);
}

static void main_gone(struct chance *c, enum in in, unsigned state)
{
	(void)state;
	note(c, in);
	c->rig.legs[0].attached = false;
	session_detach(c->rig.s, &c->rig.legs[0].leg, c->rig.env.now_us);
	c->over = true;
}

static void host_closes(struct chance *c, enum in in, unsigned state)
{
	(void)state;
	note(c, in);
	session_close(c->rig.s, 1000, "bye", c->rig.env.now_us);
	c->over = true;
}

static void recognise(struct chance *c, enum in in, unsigned state)
{
	(void)!(in == IN_STT_ERROR ? fake_hear_error(c->rig.fake, "engine_failed")
				   : fake_hear(c->rig.fake, "one two three four"));
	hear_aside(c);
	wait_for(c, in, state, 600);
}

static void retry(struct chance *c, enum in in, unsigned state)
{
	fake_stt_busy(c->rig.fake, true);
	hear_aside(c);
	wait_for(c, in, state, 400);
	fake_stt_busy(c->rig.fake, false);
}

static void expect(struct chance *c, enum in in, unsigned state)
{
	wait_for(c, in, state, 4000);
}

static void one_frame(struct chance *c, enum in in, unsigned state)
{
	(void)state;
	frame(c, in == IN_LOUD ? RIG_LOUD : 0);
}

static void expire(struct chance *c, enum in in, unsigned state)
{
	(void)in, (void)state;
	jump(c, c->rig.s->expires_us);
}

/* Those that are not messages. */
static void (*const doers[N_INS])(struct chance *, enum in, unsigned) = {
	[IN_UNKNOWN] = say_wrongly,
	[IN_NOT_JSON] = say_wrongly,
	[IN_MISSHAPEN] = say_wrongly,
	[IN_BINARY] = say_wrongly,
	[IN_LOUD] = one_frame,
	[IN_SILENT] = one_frame,
	[IN_STT_PARTIAL] = recognise,
	[IN_STT_SETTLED] = expect,
	[IN_STT_FINAL] = recognise,
	[IN_STT_ERROR] = recognise,
	[IN_STT_RETRY] = retry,
	[IN_LLM_TEXT] = expect,
	[IN_LLM_CITE] = expect,
	[IN_LLM_CALL] = expect,
	[IN_LLM_DONE] = expect,
	[IN_LLM_ERROR] = expect,
	[IN_TOOL_OUTPUT] = expect,
	[IN_TTS_WORD] = expect,
	[IN_TTS_AUDIO] = expect,
	[IN_TTS_DONE] = expect,
	[IN_TTS_ERROR] = expect,
	[IN_PLAY_STARTED] = stale_playout,
	[IN_PLAY_DRAINED] = stale_playout,
	[IN_WRITABLE] = writable,
	[IN_ATTACH] = come_or_go,
	[IN_DETACH] = come_or_go,
	[IN_VIEW] = view,
	[IN_MAIN_GONE] = main_gone,
	[IN_IDLE] = idle,
	[IN_GRACE] = lose_control,
	[IN_EXPIRY] = expire,
	[IN_CLOSE] = host_closes,
};

/* Into the state, and there the event; once more if it did not come about. */
static void direct(struct chance *c, enum in in, unsigned state)
{
	const struct session *s = c->rig.s;
	uint64_t before = hits[in][state];

	if ((in < N_CLIENT && !known_here(s, in)) ||
	    ((enum doing)(state % N_DOING) != NONE && s->kind != SESSION_REALTIME) ||
	    ((enum doing)(state % N_DOING) == DRAINING && !c->paced))
		return;
	for (unsigned k = 0; k < 3 && hits[in][state] == before && !c->over && !c->why; k++) {
		if (in == IN_STT_SETTLED)
			owe_settled(c);
		if (!reach(c, state, in))
			continue;
		if (doers[in])
			doers[in](c, in, state);
		else
			(void)!say(c, in);
	}
}

/* What a realtime service does by itself, or suffers. */
static void upset(struct chance *c)
{
	struct fake *f = c->rig.fake;
	uint64_t now_us = c->rig.env.now_us;
	struct fake_realtime_delays d = { dice(c, 300) * 1000, dice(c, 900) * 1000,
					  dice(c, 400) * 1000, dice(c, 150) * 1000 };

	if (!c->relayed || c->over)
		return;
	switch (dice(c, 9)) {
	case 0:
		fake_lose(f, "engine_unavailable", dice(c, 2) ? 0 : now_us + dice(c, 8000) * 1000);
		break;
	case 1:
		(void)!fake_refuse(f, dice(c, 5), "engine_busy", now_us + dice(c, 500) * 1000);
		fake_lose(f, "engine_unavailable", 0);
		break;
	case 2:
		if (!dice(c, 4))
			fake_lose(f, "engine_unavailable", UINT64_MAX);
		break;
	case 3:
		fake_hang(f, !dice(c, 3));
		break;
	case 4:
		fake_speech(f, dice(c, 2));
		break;
	case 5:
		fake_turn(f, dice(c, 3) ? FAKE_ANSWERS : FAKE_HEARS);
		break;
	default:
		fake_realtime_delays(f, &d);
	}
}

/* Something, from anywhere. */
static void act(struct chance *c)
{
	static const enum in often[] = { IN_RESPOND,  IN_CANCEL,  IN_COMMIT,    IN_CLEAR,
					 IN_CREATE,   IN_UPDATE,  IN_OUT_CLEAR, IN_DELETE,
					 IN_TRUNCATE, IN_RETRIEVE };

	upset(c);
	switch (dice(c, 10)) {
	case 0:
		delays(c, dice(c, 100), dice(c, 400), dice(c, 80), dice(c, 80));
		answer_of(c, IN_LLM_TEXT + (enum in)dice(c, 11));
		(void)!fake_hear(c->rig.fake, dice(c, 5) ? "some words" : "");
		break;
	case 1:
		sound(c, 1 + dice(c, 25), RIG_LOUD);
		break;
	case 2:
		sound(c, 1 + dice(c, 35), 0);
		break;
	case 3:
		rig_wait(&c->rig, dice(c, 600000));
		break;
	case 4:
		say_wrongly(c, IN_UNKNOWN + (enum in)dice(c, 4), 0);
		break;
	case 5:
		(void)!say(c, (enum in)dice(c, N_CLIENT));
		break;
	case 6:
		writable(c, IN_WRITABLE, 0);
		view(c, IN_VIEW, 0);
		if (!dice(c, 8))
			fake_stt_busy(c->rig.fake, dice(c, 2));
		break;
	default:
		(void)!say(c, often[dice(c, ARRAY_LEN(often))]);
	}
}
