/* property.h - for property_test.c: a session of which everything that enters is counted in the
 * cells of cells.def, and everything that leaves is held against invariants.h. Include it in one
 * file of a test program only. */
#pragma once

#include "engine/assent.h"
#include "engine/fake_realtime.h"
#include "session/invariants.h"
#include "session/rig.h"

enum in {
#define CELL(word, name, quiet, speech, pause) IN_##word,
#include "session/cells.def"
#undef CELL
	N_INS
};
enum { N_TURNS = 3, N_DOING = 5, N_STATES = N_TURNS * N_DOING };
#define N_CLIENT IN_UNKNOWN /* the first that is not a message of the table */
enum doing { NONE, ASIDE, HELD, ACTIVE, DRAINING };

static const struct {
	const char *name, *letters[N_TURNS];
} cells[N_INS] = {
#define CELL(word, name, quiet, speech, pause) { name, { quiet, speech, pause } },
#include "session/cells.def"
#undef CELL
};

static uint64_t hits[N_INS][N_STATES];

enum arrangement {
	SOLO,
	WITNESSED, /* a sideband hears, and asks, too                    */
	FILTERED,  /* webrtcfilter=on, and the observer                  */
	CALL,      /* Voice Live's data channel, control socket, a witness */
};

enum { WITNESS, CONTROLLER, GUEST, N_SIDES };

struct side {
	struct leg leg;
	struct leg_ops ops;
	struct chance *c;
	bool attached, closed;
};

struct chance {
	struct rig rig;
	struct llm_ops llm_ops;
	struct tts_ops tts_ops;
	struct tool_ops tool_ops, act_ops;
	struct side sides[N_SIDES];
	struct model model;
	uint64_t seed;
	enum dialect dialect; /* to begin with */
	enum session_kind kind;
	enum arrangement legs;
	bool paced, enforced, queue;
	bool relayed; /* a realtime service carries it, as long as it can */
	bool waits_for_decoder, over;
	unsigned n_said;
	char last[96]; /* the head of the last event: it goes to several legs */
	json_t *log;
	const char *why;
	char what[512];
};

/* Sinks of engines know only the session: there is one at a time. */
static struct chance *now;

static void chance_auto_(struct chance *c)
{
	rig_auto_(&c->rig);
	model_done(&c->model);
	json_decref(c->log);
}

static unsigned dice(struct chance *c, unsigned n)
{
	uint64_t z = c->seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (unsigned)((z ^ z >> 31) % n);
}

/* --- the state, and what is counted ------------------------------------------------------ */

static enum doing doing(const struct session *s)
{
	static const enum doing of_state[] = { [RESP_HELD] = HELD,
					       [RESP_ACTIVE] = ACTIVE,
					       [RESP_DRAINING] = DRAINING,
					       [RESP_OVER] = NONE };
	static const unsigned rank[] = {
		[NONE] = 0, [ASIDE] = 1, [DRAINING] = 2, [HELD] = 3, [ACTIVE] = 4
	};
	enum doing most = NONE;

	for (struct node *n = s->responses.head.next; n != &s->responses.head; n = n->next) {
		const struct response *r = CONTAINER_OF(n, struct response, node);
		enum doing d = r->oob && r->state == RESP_ACTIVE ? ASIDE : of_state[r->state];

		if (rank[d] > rank[most])
			most = d;
	}
	return most;
}

static unsigned state_of(const struct session *s)
{
	return s->turn.state * N_DOING + doing(s);
}

static void blame(struct chance *c, const char *why, const char *what)
{
	if (c->why)
		return;
	c->why = why;
	snprintf(c->what, sizeof(c->what), "%s", what);
}

static char letter(enum in in, unsigned state)
{
	return cells[in].letters[state / N_DOING][state % N_DOING];
}

static void note(struct chance *c, enum in in)
{
	unsigned state = state_of(c->rig.s);

	hits[in][state]++;
	if (letter(in, state) == '.')
		blame(c, "what cannot happen has happened", cells[in].name);
}

/* --- engines: as the fakes, but what they say is counted --------------------------------- */

static const struct stt_sink *stt_to;
static const struct llm_sink *llm_to;
static const struct tts_sink *tts_to;
static const struct tool_sink *tool_to;

#define FORWARD(kind, fn, in, params, ...)                                                         \
	static void kind##_##fn params                                                             \
	{                                                                                          \
		note(now, in);                                                                     \
		kind##_to->fn(__VA_ARGS__);                                                        \
	}
FORWARD(stt, on_partial, IN_STT_PARTIAL, (void *o, uint64_t t, const char *a), o, t, a)
FORWARD(stt, on_settled, IN_STT_SETTLED, (void *o, uint64_t t, const char *a), o, t, a)
FORWARD(stt, on_final, IN_STT_FINAL, (void *o, uint64_t t, const char *a), o, t, a)
FORWARD(stt, on_error, IN_STT_ERROR, (void *o, uint64_t t, const struct engine_error *e), o, t, e)
FORWARD(llm, on_text, IN_LLM_TEXT, (void *o, uint64_t t, const char *a), o, t, a)
FORWARD(llm, on_cite, IN_LLM_CITE, (void *o, uint64_t t, json_t *a), o, t, a)
FORWARD(llm, on_call, IN_LLM_CALL, (void *o, uint64_t t, const char *a, const char *b), o, t, a, b)
FORWARD(llm, on_done, IN_LLM_DONE,
	(void *o, uint64_t t, enum llm_finish f, const struct llm_usage *u), o, t, f, u)
FORWARD(llm, on_error, IN_LLM_ERROR, (void *o, uint64_t t, const struct engine_error *e), o, t, e)
FORWARD(tts, on_audio, IN_TTS_AUDIO, (void *o, uint64_t t, const int16_t *p, size_t n), o, t, p, n)
FORWARD(tts, on_word, IN_TTS_WORD, (void *o, uint64_t t, const char *w, size_t at, size_t n), o, t,
	w, at, n)
FORWARD(tts, on_done, IN_TTS_DONE, (void *o, uint64_t t), o, t)
FORWARD(tts, on_error, IN_TTS_ERROR, (void *o, uint64_t t, const struct engine_error *e), o, t, e)
FORWARD(tool, on_output, IN_TOOL_OUTPUT, (void *o, uint64_t t, const char *a), o, t, a)

static const struct stt_sink stt_sink = { stt_on_partial, stt_on_settled, stt_on_final,
					  stt_on_error };
static const struct llm_sink llm_sink = { llm_on_text, llm_on_cite, llm_on_call, llm_on_done,
					  llm_on_error, NULL };
static const struct tts_sink tts_sink = { tts_on_audio, tts_on_word, tts_on_done, tts_on_error,
					  NULL };
static const struct tool_sink tool_sink = { tool_on_output };

static int stt_begin(struct stt *e, struct stt_turn **out, const struct stt_params *p,
		     struct loop *loop, const struct stt_sink *sink, void *owner, uint64_t ticket)
{
	stt_to = sink;
	int err = fake_stt_ops.begin(e, out, p, loop, &stt_sink, owner, ticket);

	if (now->waits_for_decoder)
		note(now, IN_STT_RETRY);
	now->waits_for_decoder = err == -EAGAIN;
	return err;
}

static int llm_start(struct llm *e, struct llm_job **out, const struct llm_request *q,
		     struct loop *loop, const struct llm_sink *sink, void *owner, uint64_t ticket)
{
	llm_to = sink;
	return fake_llm_ops.start(e, out, q, loop, &llm_sink, owner, ticket);
}

static int tts_start(struct tts *e, struct tts_job **out, const char *text,
		     const struct tts_params *p, struct loop *loop, const struct tts_sink *sink,
		     void *owner, uint64_t ticket)
{
	tts_to = sink;
	return fake_tts_ops.start(e, out, text, p, loop, &tts_sink, owner, ticket);
}

static int tool_start(struct tool *t, struct tool_job **out, const struct tool_request *q,
		      struct loop *loop, const struct tool_sink *sink, void *owner, uint64_t ticket)
{
	tool_to = sink;
	return rig_tool_ops.start(t, out, q, loop, &tool_sink, owner, ticket);
}

/* What acts does so for an announced response, and where something was read not without a yes. */
static int act_start(struct tool *t, struct tool_job **out, const struct tool_request *q,
		     struct loop *loop, const struct tool_sink *sink, void *owner, uint64_t ticket)
{
	const struct session *s = now->rig.s;
	const struct tool_call *c = CONTAINER_OF(s->calls.head.prev, struct tool_call, node);
	const struct item *said = conv_last_of_user(&s->conv);
	bool read = c->r->read;

	for (const struct node *n = s->conv.items.head.next; n != &s->conv.items.head; n = n->next)
		read |= CONTAINER_OF((struct node *)(uintptr_t)n, struct item, node)->type == ITEM_CALL_OUTPUT;
	if (c->r->state != RESP_ACTIVE)
		blame(now, "a tool acted for an answer that nobody wants yet", c->def->name);
	if (read && !(said && assent_of(item_words(said)) == ASSENT_YES))
		blame(now, "a tool acted on what was read, without consent", c->def->name);
	return tool_start(t, out, q, loop, sink, owner, ticket);
}

/* --- legs -------------------------------------------------------------------------------- */

static void heard(struct chance *c, const struct leg *l, bool gone, struct bytes json)
{
	unsigned long held = mem_fail_hold();
	enum event which = N_EVENTS;
	char why[160], head[sizeof(c->last)];
	size_t n = MIN(json.n, sizeof(head) - 1);

	memcpy(head, json.p, n);
	head[n] = 0;
	if (gone)
		blame(c, "an event after the end", head);
	AUTO(json) json_t *e = json_parse(json, why);
	bool split = c->sides[CONTROLLER].attached && c->rig.legs[0].leg.view == VIEW_DATA;
	const char *bad =
		e ? invariants_view(l->view, split, c->rig.s->set.include & INCLUDE_LIFECYCLE, e)
		  : "not JSON";
	if (bad)
		blame(c, bad, head);
	if (strcmp(head, c->last) != 0) {
		memcpy(c->last, head, sizeof(head));
		if (e)
			(void)!json_array_append(c->log, e);
		if (e && (bad = invariants_event(&c->model, e, &which)))
			blame(c, bad, head);
		if (which == EV_TIMEOUT_TRIGGERED)
			note(c, IN_IDLE);
	}
	mem_fail_resume(held);
}

static struct chance *chance_of(struct leg *l)
{
	return CONTAINER_OF(rig_leg(l)->rig, struct chance, rig);
}

static void main_send(struct leg *l, struct bytes json)
{
	heard(chance_of(l), l, !rig_leg(l)->attached || rig_leg(l)->closed, json);
}

static void note_end(struct chance *c, unsigned code, const char *reason)
{
	c->over = true;
	if (code == 1001 && strstr(reason, "maximum"))
		note(c, IN_EXPIRY);
	else if (strstr(reason, "control connection"))
		note(c, IN_GRACE);
}

static void main_close(struct leg *l, unsigned code, const char *reason)
{
	rig_leg(l)->closed = code;
	note_end(chance_of(l), code, reason);
}

static struct side *side_of(struct leg *l)
{
	return CONTAINER_OF(l, struct side, leg);
}

static void side_send(struct leg *l, struct bytes json)
{
	heard(side_of(l)->c, l, !side_of(l)->attached || side_of(l)->closed, json);
}

static void side_close(struct leg *l, unsigned code, const char *reason)
{
	(void)code, (void)reason;
	side_of(l)->closed = true;
	side_of(l)->c->over = true;
}

static bool side_attach(struct chance *c, size_t i, enum leg_view view)
{
	struct side *l = &c->sides[i];

	l->ops = (struct leg_ops){ .name = "side", .send_event = side_send, .close = side_close };
	l->leg = (struct leg){ .ops = &l->ops, .view = view };
	l->c = c;
	l->attached = true;
	note(c, IN_ATTACH);
	return session_attach(c->rig.s, &l->leg, LEG_SIDEBAND, c->rig.env.now_us) == 0;
}

static void side_detach(struct chance *c, size_t i)
{
	if (!c->sides[i].attached)
		return;
	if (!c->over)
		note(c, IN_DETACH);
	c->sides[i].attached = false;
	session_detach(c->rig.s, &c->sides[i].leg, c->rig.env.now_us);
}
