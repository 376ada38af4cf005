#include "session/upstream_inner.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/meter.h"

/* How long a link may take to open (less where other engines serve meanwhile), and an answer to
 * show any sign; beyond it they are taken for lost. */
enum {
	OPEN_PATIENCE_US = 8 * 1000 * 1000,
	RETURN_PATIENCE_US = 2 * 1000 * 1000,
	ANSWER_PATIENCE_US = 12 * 1000 * 1000,
};
/* Links of so little use in a row, or so long a wait, and the session's own engines go on. A link
 * that lasts GOOD_US or has said something was of use; one that is silent has cost much time already. */
enum { FAILED_MAX = 3, SILENT_COUNTS = 2, WAIT_MAX_US = 5 * 1000 * 1000, GOOD_US = 1000 * 1000 };
/* Between tries: at once, then doubled from this on; with no other engines; with them. */
enum {
	RETRY_US = 100 * 1000,
	RETRY_ALONE_US = 60 * 1000 * 1000,
	RETRY_AWAY_US = 10 * 1000 * 1000
};
/* Who waits longer for an answer is told so. */
enum { NOTICE_US = 1500 * 1000 };

static const char moment_text[] = "One moment, please.";
static const char gone_text[] = "I cannot be reached just now. Please try again in a moment.";
static const struct engine_error silence = { "engine_unavailable",
					    "The service did not answer in time." };
static const struct engine_error refused = { "engine_unavailable",
					     "The service could not be connected." };

static const struct {
	const char *name;
	unsigned next;
} states[N_UP_STATES] = {
	[UP_OFF] = { "off", 0 },
	[UP_IDLE] = { "idle", BIT(UP_OPENING) | BIT(UP_LOST) },
	[UP_OPENING] = { "opening", BIT(UP_OPEN) | BIT(UP_LOST) },
	[UP_OPEN] = { "open", BIT(UP_LOST) },
	[UP_LOST] = { "lost", BIT(UP_OPENING) | BIT(UP_AWAY) | BIT(UP_LOST) },
	[UP_AWAY] = { "away", BIT(UP_OPENING) | BIT(UP_LOST) },
};

static void set_state(struct session *s, enum up_state to)
{
	assert(states[s->up.state].next & BIT(to));
	s->up.state = to;
	s->up.since_us = s->now_us;
}

const char *upstream_state_name(const struct session *s)
{
	return states[s->up.state].name;
}

bool upstream_carries(const struct session *s)
{
	return s->up.state != UP_OFF && s->up.state != UP_AWAY;
}

bool upstream_finds_turns(const struct session *s)
{
	return upstream_carries(s) && s->engines.service_turns && s->set.vad != VAD_NONE;
}

void upstream_init(struct session *s)
{
	if (s->engines.realtime_ops && s->kind == SESSION_REALTIME)
		s->up.state = UP_IDLE;
}

void upstream_close(struct session *s)
{
	if (s->up.link)
		s->engines.realtime_ops->close(s->up.link);
	s->up.link = NULL;
}

void upstream_done(struct session *s)
{
	rate_done(&s->up.rate);
	pcm_done(&s->up.wire);
	json_decref(s->up.calls);
	s->up.calls = NULL;
}

static struct response *of(struct node *n)
{
	return CONTAINER_OF(n, struct response, node);
}

static struct item *item_of(struct node *n)
{
	return CONTAINER_OF(n, struct item, node);
}

static struct hear *hear_of(struct node *n)
{
	return CONTAINER_OF(n, struct hear, node);
}

bool up_enter(struct session *s, uint64_t link, enum up_call fn, struct bytes a, struct bytes b)
{
	session_enter_sink(s);
	session_record_sink(s, REC_REALTIME, fn, link, a, b);
	return s->up.link && link == s->up.number;
}

/* --- opening ----------------------------------------------------------------------------- */

static const struct realtime_sink sink;

/* The first item whose words the last link owed us: from there on things happen once more. */
static struct item *first_owed(struct session *s)
{
	LIST_FOR (&s->conv.items, n) {
		const struct hear *h = item_of(n)->awaits_words ? hear_of_item(s, item_of(n)) : NULL;

		if (h && h->upstream)
			return item_of(n);
	}
	return NULL;
}

static void tell_owed(struct session *s, const struct item *from)
{
	for (struct node *n = from ? s->conv.items.head.next : &s->conv.items.head;
	     n != &s->conv.items.head; n = n->next) {
		struct item *it = item_of(n);
		struct hear *h = it->awaits_words ? hear_of_item(s, it) : NULL;

		if (it == from)
			from = NULL;
		if (from)
			continue;
		if (h && h->upstream)
			hear_again(h);
		else
			up_tell(s, it);
	}
}

/* Of what earlier links have said this one knows whole items only. */
static void forget_parts(struct session *s)
{
	json_decref(s->up.calls);
	s->up.calls = NULL;
	LIST_FOR (&s->conv.items, n)
		if (strcmp(json_str(item_of(n)->wire, "status", ""), "in_progress") != 0)
			item_of(n)->n_parts = 0;
}

static void give_audio_again(struct session *s)
{
	struct upstream *u = &s->up;

	if (s->turn.hear && s->turn.hear->upstream)
		hear_again(s->turn.hear);
	u->fed = s->turn.state == TURN_QUIET ? s->in.start : MAX(s->in.start, s->turn.start);
	upstream_feed(s);
}

static uint64_t idle_tools(const struct session *s)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < MIN(s->engines.n_tools, (size_t)64); i++) {
		const struct tool_def *t = &s->engines.tools[i];

		if (t->ops->idle && t->ops->idle(t->tool))
			bits |= 1ull << i;
	}
	return bits;
}

static int begin(struct session *s, const struct item *until)
{
	struct upstream *u = &s->up;
	AUTO(json) json_t *session = up_session_json(s);
	AUTO(json) json_t *items = up_items_json(s, until);
	const struct realtime_start start = { .session = session,
					      .items = items,
					      .service_turns = s->engines.service_turns };

	if (!session || !items) {
		session_oom(s);
		return 0;
	}
	u->number = session_ticket(s);
	u->idle = idle_tools(s);
	int err = s->engines.realtime_ops->open(s->engines.realtime, &u->link, &start, s->loop,
						&sink, s, u->number);
	if (session_answer(s, REC_START, err != 0) == 0)
		return 0;
	u->link = NULL;
	return -EIO;
}

static void lose(struct session *s, const struct engine_error *e, uint64_t again_us);

static void open_link(struct session *s)
{
	struct upstream *u = &s->up;
	struct item *owed = first_owed(s);

	rate_done(&u->rate);
	u->pushed = u->n_commits = 0;
	u->useful = false;
	forget_parts(s);
	u->stale = false;
	int err = begin(s, owed);
	if (s->broken)
		return;
	if (err) {
		lose(s, &refused, s->now_us);
		return;
	}
	set_state(s, UP_OPENING);
	tell_owed(s, owed);
	give_audio_again(s);
	LIST_FOR (&s->responses, n)
		if (of(n)->up.asked && of(n)->state <= RESP_ACTIVE)
			upstream_ask(of(n));
}

void upstream_attached(struct session *s)
{
	if (s->up.state == UP_IDLE)
		open_link(s);
}

static void on_open(void *owner, uint64_t link)
{
	struct session *s = owner;

	if (up_enter(s, link, CALL_OPEN, (struct bytes){ 0 }, (struct bytes){ 0 }) &&
	    s->up.state == UP_OPENING) {
		set_state(s, UP_OPEN);
		s->up.returning = s->up.told_wait = false;
		LIST_FOR (&s->responses, n)
			of(n)->up.seen_us = s->now_us;
	}
	session_leave(s);
}

/* --- losing it --------------------------------------------------------------------------- */

static bool has_own_engines(const struct session *s)
{
	return s->engines.stt_ops && s->engines.llm_ops;
}

/* What was said and never put into words is heard here. */
static void hear_natively_all(struct session *s)
{
	LIST_FOR (&s->hearings, n)
		if (hear_of(n)->upstream)
			hear_natively(hear_of(n));
	LIST_FOR (&s->conv.items, n) {
		struct item *it = item_of(n);

		if (it->role == ROLE_USER && it->audio.n && !it->awaits_words &&
		    !item_transcript(it)[0] && s->engines.stt_ops)
			hear_item(s, it);
	}
}

void upstream_say_gone(struct response *r)
{
	const struct upstream *u = &r->s->up;
	const struct engine_error e = { u->code, u->why };

	if (r->s->engines.tts_ops || r->set.text_only)
		response_say_failed(r, gone_text, &e);
	else
		response_fail(r, e.code, e.message);
}

static void answer_natively(struct response *r)
{
	r->up.asked = false;
	if (r->engines && r->engines->llm_ops)
		think(r);
	else
		upstream_say_gone(r);
}

static void go_away(struct session *s, const struct engine_error *e, uint64_t again_us)
{
	struct upstream *u = &s->up;
	uint64_t wait_us = again_us != UINT64_MAX ? RETRY_AWAY_US
			   : has_own_engines(s)   ? UINT64_MAX - s->now_us
						  : RETRY_ALONE_US;

	set_state(s, UP_AWAY);
	snprintf(u->code, sizeof(u->code), "%s", e->code);
	snprintf(u->why, sizeof(u->why), "%s", e->message ? e->message : "");
	u->n_failed = 0;
	u->down_us = 0;
	u->again_us = s->now_us + wait_us;
	if (again_us != UINT64_MAX)
		u->again_us = MAX(u->again_us, again_us);
	hear_natively_all(s);
	if (s->engines.service_turns)
		turn_service_gone(s);
	LIST_FOR (&s->responses, n)
		if (of(n)->up.asked && of(n)->state == RESP_ACTIVE)
			answer_natively(of(n));
}

/* Turns that the service had found and not answered: they are ours to ask for now. */
static void take_over_turns(struct session *s)
{
	struct response *held = response_held(s);

	if (held && held->up.adopted) {
		response_discard(held);
		s->up.owes_answer = true;
	}
	if (s->up.owes_answer)
		s->turn.respond_due = true;
	s->up.owes_answer = false;
	turn_response_over(s);
}

/* Its words would come for commits that another link, or an item that is no more, has not. */
static void take_over_words(struct session *s)
{
	static const struct engine_error deleted = { "engine_unavailable",
						     "The item was deleted." };

	LIST_FOR (&s->hearings, n) {
		struct hear *h = hear_of(n);

		if (!h->upstream || h->state != HEAR_ENDING)
			continue;
		if (!node_linked(&h->item->node))
			hear_failed(h, &deleted);
		else if (upstream_finds_turns(s))
			hear_natively(h);
	}
}

static void lose(struct session *s, const struct engine_error *e, uint64_t again_us)
{
	struct upstream *u = &s->up;
	bool silent = e == &silence && u->state == UP_OPEN,
	     useless = !u->useful && (u->state != UP_OPEN || s->now_us - u->since_us < GOOD_US);
	bool gone = u->returning;

	u->link = NULL;
	u->returning = false;
	if (!silent && !useless)
		u->n_failed = 0;
	if (!u->down_us || u->useful || (!silent && !useless))
		u->down_us = s->now_us;
	if (silent)
		u->n_failed += SILENT_COUNTS;
	else if (useless && again_us <= s->now_us)
		u->n_failed++; /* else it is to be waited, which is no failure of its own */
	set_state(s, UP_LOST);
	LIST_FOR (&s->responses, n)
		up_cut(of(n));
	take_over_words(s);
	take_over_turns(s);
	uint64_t wait_us = u->n_failed > 1 && !silent ? (uint64_t)RETRY_US << u->n_failed : 0;
	u->again_us = again_us == UINT64_MAX ? again_us : MAX(again_us, s->now_us + wait_us);
	gone = gone || u->n_failed >= FAILED_MAX || again_us == UINT64_MAX ||
	       u->again_us > u->down_us + WAIT_MAX_US;
	meter_add(s->engines.realtime_meter, gone ? METER_FAILOVERS : METER_RECONNECTS, 1);
	if (gone)
		go_away(s, e, again_us);
}

void up_give_up(struct session *s)
{
	upstream_close(s);
	lose(s, &silence, s->now_us);
}

static void on_lost(void *owner, uint64_t link, const struct engine_error *e, uint64_t again_us)
{
	struct session *s = owner;
	AUTO(buf) struct buf why = { 0 };
	uint8_t again[8];

	put_be64(again, again_us);
	buf_put(&why, e->code, strlen(e->code) + 1);
	buf_puts(&why, e->message ? e->message : "");
	bool live = up_enter(s, link, CALL_LOST, bytes_of(again, sizeof(again)), buf_bytes(&why));
	if (why.failed)
		session_oom(s);
	else if (live)
		lose(s, e, again_us);
	session_leave(s);
}

static const struct realtime_sink sink = {
	.on_open = on_open,
	.on_speech = up_on_speech,
	.on_commit = up_on_commit,
	.on_words_delta = up_on_words_delta,
	.on_words = up_on_words,
	.on_deaf = up_on_deaf,
	.on_begun = up_on_begun,
	.on_text = up_on_text,
	.on_transcript = up_on_transcript,
	.on_audio = up_on_audio,
	.on_call = up_on_call,
	.on_done = up_on_done,
	.on_failed = up_on_failed,
	.on_lost = on_lost,
};

/* --- settings ---------------------------------------------------------------------------- */

void upstream_update(struct session *s)
{
	s->up.stale = true;
}

static void tell_settings(struct session *s)
{
	AUTO(json) json_t *session = up_session_json(s);

	s->up.idle = idle_tools(s);
	s->up.stale = false;
	if (session)
		s->engines.realtime_ops->update(s->up.link, session);
	else
		session_oom(s);
}

/* Documents may have come since, or the last has gone. */
void up_check_tools(struct session *s)
{
	if (s->up.idle != idle_tools(s))
		tell_settings(s);
}

/* --- time -------------------------------------------------------------------------------- */

static bool nobody_speaks(const struct session *s)
{
	return s->turn.state == TURN_QUIET && !s->turn.hear && !s->n_responses &&
	       list_empty(&s->hearings);
}

/* The budget is for cheaper engines now, and those are no such service. */
static bool too_dear(struct session *s)
{
	const struct engines *e = cost_engines(s, s->costs.level);

	return !e || !e->realtime_ops;
}

void upstream_pump(struct session *s)
{
	struct upstream *u = &s->up;

	if (u->link && u->stale)
		tell_settings(s);
	if (u->link && too_dear(s) && nobody_speaks(s)) {
		upstream_close(s);
		set_state(s, UP_LOST);
		go_away(s, &cost_exhausted, UINT64_MAX);
	} else if (u->state == UP_AWAY && s->now_us >= u->again_us && nobody_speaks(s)) {
		u->returning = has_own_engines(s);
		open_link(s);
	} else if (u->state == UP_LOST && s->now_us >= u->again_us) {
		open_link(s);
	}
}

static uint64_t open_until_us(const struct upstream *u)
{
	if (u->state != UP_OPENING)
		return UINT64_MAX;
	return u->since_us + (u->returning ? RETURN_PATIENCE_US : OPEN_PATIENCE_US);
}

/* When this answer is late enough for something to be done. */
static uint64_t late_us(const struct session *s, const struct response *r)
{
	if (!r->up.asked || r->state > RESP_ACTIVE)
		return UINT64_MAX;
	if (s->up.state == UP_OPEN)
		return r->up.seen_us + ANSWER_PATIENCE_US;
	if (s->up.told_wait || r->state == RESP_HELD || r->set.text_only || !s->engines.tts_ops ||
	    r->pieces.head.next != &r->pieces.head)
		return UINT64_MAX;
	return r->up.asked_us + NOTICE_US;
}

uint64_t upstream_next_us(const struct session *s)
{
	const struct upstream *u = &s->up;
	uint64_t next = open_until_us(u);

	if (!upstream_carries(s) && u->state != UP_AWAY)
		return UINT64_MAX;
	/* Past: it waits for a turn's boundary. */
	if (u->state == UP_LOST || (u->state == UP_AWAY && u->again_us > s->now_us))
		next = MIN(next, u->again_us);
	for (struct node *n = s->responses.head.next; n != &s->responses.head; n = n->next)
		next = MIN(next, late_us(s, of(n)));
	return next;
}

static void be_late(struct session *s, struct response *r)
{
	if (s->up.state != UP_OPEN) {
		s->up.told_wait = true;
		filler_say(r, moment_text);
		return;
	}
	up_give_up(s);
}

void upstream_on_time(struct session *s)
{
	if (s->now_us >= open_until_us(&s->up)) {
		up_give_up(s);
	}
	LIST_FOR (&s->responses, n)
		if (upstream_carries(s) && s->now_us >= late_us(s, of(n)))
			be_late(s, of(n));
}
