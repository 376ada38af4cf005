/* What ops.h promises of realtime services, whoever keeps it: the fake, and realtime_ws against a service
 * on loopback in each dialect. (engine_conformance_test.c has the other kinds.) */
#include "base/test.h"
#include "engine/fake_realtime.h"
#include "service/realtime_rig.h"

enum { ANSWERS = 3, PATIENCE = 30000, FEW = 100 };

/* What one link told its sink. */
struct seen {
	struct loop *loop;
	uint64_t number;
	bool inside;       /* one of its functions is being called */
	bool offence;      /* something came that may not          */
	bool closed;
	unsigned n_told, n_open, n_lost, n_words, n_deaf, n_begun;
	unsigned n_text[ANSWERS + 1], n_audio[ANSWERS + 1], n_ended[ANSWERS + 1];
	bool cancelled[ANSWERS + 1];
	unsigned act_at;   /* in the n-th sink call, and what then; 0: never */
	enum { ACT_CLOSE, ACT_CANCEL } act;
	struct rig *rig;
};

struct rig {
	struct loop *loop;
	struct fake *fake;
	struct up_server up;
	struct service services[2]; /* the same one twice: after a loss the other is asked */
	struct engines e;
	struct realtime_link *link;
	struct seen seen;
};

static bool in_a_hurry(void)
{
	return getenv("VOICED_TEST_OOM") != NULL;
}

/* Every call of an ops function: nothing may be told from inside. */
#define CALL(r, ...)                                                                               \
	do {                                                                                       \
		(r)->seen.inside = true;                                                           \
		(r)->e.realtime_ops->__VA_ARGS__;                                                  \
		(r)->seen.inside = false;                                                          \
	} while (0)

static struct seen *told(void *owner, uint64_t link)
{
	struct seen *s = owner;

	s->n_told++;
	if (s->closed || s->n_lost || s->inside || link != s->number || !loop_is_here(s->loop))
		s->offence = true;
	return s;
}

static void end_link(struct rig *r)
{
	if (r->link)
		CALL(r, close(r->link));
	r->link = NULL;
	r->seen.closed = true;
}

static void maybe_act(struct seen *s)
{
	if (!s->act_at || s->n_told != s->act_at)
		return;
	if (s->act == ACT_CLOSE) {
		end_link(s->rig);
		return;
	}
	for (unsigned ref = 1; ref <= ANSWERS; ref++) {
		s->cancelled[ref] |= !s->n_ended[ref];
		CALL(s->rig, cancel(s->rig->link, ref));
	}
}

static void of_answer(struct seen *s, uint64_t ref)
{
	if (ref < 1 || ref > ANSWERS || s->n_ended[ref] || s->cancelled[ref])
		s->offence = true;
}

static void on_open(void *owner, uint64_t link)
{
	struct seen *s = told(owner, link);

	if (++s->n_open > 1 || s->n_told > 1)
		s->offence = true;
	maybe_act(s);
}

static void on_speech(void *owner, uint64_t link, bool started, uint64_t ms)
{
	(void)started;
	(void)ms;
	maybe_act(told(owner, link));
}

static void on_commit(void *owner, uint64_t link)
{
	maybe_act(told(owner, link));
}

static void on_words_delta(void *owner, uint64_t link, const char *text)
{
	struct seen *s = told(owner, link);

	if (!*text)
		s->offence = true;
	maybe_act(s);
}

static void on_words(void *owner, uint64_t link, const char *text)
{
	struct seen *s = told(owner, link);

	(void)text;
	s->n_words++;
	maybe_act(s);
}

static void on_deaf(void *owner, uint64_t link, const struct engine_error *e)
{
	struct seen *s = told(owner, link);

	s->n_deaf++;
	if (!e->code || !e->message)
		s->offence = true;
	maybe_act(s);
}

static void on_begun(void *owner, uint64_t link)
{
	struct seen *s = told(owner, link);

	s->n_begun++;
	CALL(s->rig, adopt(s->rig->link, 3));
	maybe_act(s);
}

static void on_text(void *owner, uint64_t link, uint64_t ref, const char *text)
{
	struct seen *s = told(owner, link);

	of_answer(s, ref);
	if (!*text)
		s->offence = true;
	else if (ref <= ANSWERS)
		s->n_text[ref]++;
	maybe_act(s);
}

static void on_audio(void *owner, uint64_t link, uint64_t ref, const int16_t *pcm, size_t n)
{
	struct seen *s = told(owner, link);

	of_answer(s, ref);
	if (!pcm || !n)
		s->offence = true;
	else if (ref <= ANSWERS)
		s->n_audio[ref]++;
	maybe_act(s);
}

static void on_call(void *owner, uint64_t link, uint64_t ref, const char *call_id, const char *name,
		    const char *arguments)
{
	struct seen *s = told(owner, link);

	of_answer(s, ref);
	if (!*call_id || !*name || !arguments)
		s->offence = true;
	maybe_act(s);
}

static void ended(struct seen *s, uint64_t ref)
{
	of_answer(s, ref);
	if (ref <= ANSWERS)
		s->n_ended[ref]++;
	maybe_act(s);
}

static void on_done(void *owner, uint64_t link, uint64_t ref, enum llm_finish f,
		    const struct llm_usage *u)
{
	(void)f;
	if (u->input_tokens < 0 || u->output_tokens < 0)
		((struct seen *)owner)->offence = true;
	ended(told(owner, link), ref);
}

static void on_failed(void *owner, uint64_t link, uint64_t ref, const struct engine_error *e)
{
	if (!e->code || !e->message)
		((struct seen *)owner)->offence = true;
	ended(told(owner, link), ref);
}

static void on_lost(void *owner, uint64_t link, const struct engine_error *e, uint64_t again_us)
{
	struct seen *s = told(owner, link);

	(void)again_us;
	s->n_lost++;
	s->rig->link = NULL;
	if (!e->code || !e->message)
		s->offence = true;
}

static const struct realtime_sink sink = {
	.on_open = on_open, .on_speech = on_speech, .on_commit = on_commit,
	.on_words_delta = on_words_delta, .on_words = on_words, .on_deaf = on_deaf,
	.on_begun = on_begun, .on_text = on_text, .on_transcript = on_text, .on_audio = on_audio,
	.on_call = on_call, .on_done = on_done, .on_failed = on_failed, .on_lost = on_lost,
};

/* --- the services ------------------------------------------------------------------------- */

/* NULL: the fake. */
static const char *const apis[] = { NULL, "openai", "azure", "azure-preview", "voice-live" };

/* Of lack of memory realtime_ws_test.c has its own. */
#define EACH_SERVICE(a) for (size_t a = 0; a < (in_a_hurry() ? 1 : ARRAY_LEN(apis)); a++)

static bool make_fake(struct rig *r)
{
	static const struct fake_realtime_delays delays = { .open_us = 300, .words_us = 500,
							    .first_us = 300, .chunk_us = 200 };

	if (fake_new(&r->fake) != 0)
		return false;
	fake_realtime(r->fake, &r->e);
	fake_realtime_delays(r->fake, &delays);
	return fake_hear_always(r->fake, "what is this") == 0;
}

static bool make_all(struct rig *r, const char *api)
{
	struct realtime_ws_params p = { .services = r->services, .n_services = 2 };
	char why[REALTIME_WHY];

	json_init();
	if (loop_new(&r->loop, 0) != 0)
		return false;
	r->seen = (struct seen){ .loop = r->loop, .number = 40, .rig = r };
	if (!api)
		return make_fake(r);
	r->up.flat = strcmp(api, "azure-preview") == 0 || strcmp(api, "voice-live") == 0;
	r->e.realtime_ops = &realtime_ws_ops;
	return up_open(&r->up, r->loop) && up_service(&r->up, &r->services[0], api, 2000) &&
	       up_service(&r->up, &r->services[1], api, 2000) &&
	       realtime_ws_new(&r->e.realtime, &p, why) == 0;
}

static bool make(struct rig *r, const char *api)
{
	unsigned long left = mem_fail_hold();
	bool made = make_all(r, api);

	mem_fail_resume(left);
	return made;
}

static void engine_done(struct rig *r)
{
	if (r->e.realtime_ops)
		r->e.realtime_ops->free(r->e.realtime);
	r->e = (struct engines){ 0 };
}

static void rig_auto_(struct rig *r)
{
	if (r->link)
		r->e.realtime_ops->close(r->link);
	engine_done(r);
	up_close(&r->up);
	service_done(&r->services[0]);
	service_done(&r->services[1]);
	loop_free(r->loop);
	fake_free(r->fake);
}

static int open_link(struct rig *r, bool service_turns)
{
	AUTO(json) json_t *session = json_pack("{s:[s],s:{s:{s:{s:s}}}}", "output_modalities", "audio", "audio",
					       "input", "turn_detection", "type", "server_vad");
	AUTO(json) json_t *items = json_pack("[{s:s,s:s,s:s,s:[{s:s,s:s}]}]", "type", "message", "id", "item_1",
					     "role", "user", "content", "type", "input_text", "text", "Hello.");
	const struct realtime_start start = { .session = session, .items = items,
					      .service_turns = service_turns };

	if (!session || !items)
		return -1;
	r->seen.inside = true;
	int err = r->e.realtime_ops->open(r->e.realtime, &r->link, &start, r->loop, &sink, &r->seen,
					  r->seen.number);
	r->seen.inside = false;
	return err;
}

static bool until(struct rig *r, const unsigned *n, unsigned at_least)
{
	struct timespec nap = { .tv_nsec = 100000 };

	for (int i = 0; i < PATIENCE && *n < at_least; i++) {
		if (mem_failed() && (i > FEW || !r->link))
			return false;
		loop_once(r->loop, 0);
		if (i > FEW)
			nanosleep(&nap, NULL);
	}
	return *n >= at_least;
}

static void let_pass(struct rig *r)
{
	for (int i = 0; i < (in_a_hurry() ? 3 : 20); i++)
		loop_once(r->loop, 0);
}

static void speak(struct rig *r)
{
	static const int16_t pcm[REALTIME_RATE_HZ / 10];

	for (int i = 0; i < 3 && r->link; i++)
		CALL(r, push(r->link, pcm, ARRAY_LEN(pcm)));
	if (r->link)
		CALL(r, commit(r->link));
}

static bool ask(struct rig *r, uint64_t ref)
{
	r->seen.inside = true;
	int err = r->link ? r->e.realtime_ops->ask(r->link, NULL, ref) : -1;
	r->seen.inside = false;
	return err == 0;
}

/* --- the promises ------------------------------------------------------------------------------ */

static void everything_ends_once(void)
{
	EACH_SERVICE(a)
	{
		AUTO(rig) struct rig r = { 0 };

		CHECK(make(&r, apis[a]));
		CHECK_EQ(open_link(&r, false), 0);
		speak(&r);
		CHECK(ask(&r, 1));
		speak(&r);
		CHECK(ask(&r, 2));
		CHECK_EQ(r.seen.n_told, 0);
		CHECK(until(&r, &r.seen.n_words, 2));
		CHECK(until(&r, &r.seen.n_ended[1], 1) && until(&r, &r.seen.n_ended[2], 1));
		let_pass(&r);
		CHECK(r.seen.n_open == 1 && r.seen.n_words == 2 && r.seen.n_deaf == 0);
		CHECK(r.seen.n_text[1] && r.seen.n_audio[1] && r.seen.n_audio[2]);
		CHECK(!r.seen.offence && !r.seen.n_lost);
		end_link(&r);
		let_pass(&r);
		CHECK(!r.seen.offence);
	}
}

static void nothing_follows_a_cancel(void)
{
	EACH_SERVICE(a)
	for (unsigned turns = 0; turns < (in_a_hurry() ? 2 : 8); turns++) {
		AUTO(rig) struct rig r = { 0 };

		CHECK(make(&r, apis[a]));
		CHECK_EQ(open_link(&r, false), 0);
		CHECK(ask(&r, 1));
		for (unsigned i = 0; i < turns * turns && r.link; i++)
			loop_once(r.loop, 0);
		CHECK(r.link);
		r.seen.cancelled[1] = !r.seen.n_ended[1];
		CALL(&r, cancel(r.link, 1));
		CALL(&r, cancel(r.link, 1)); /* again, and what never was: nothing happens */
		CALL(&r, cancel(r.link, 99));
		CALL(&r, truncate(r.link, 1, 50));
		CALL(&r, truncate(r.link, 99, 50));
		CHECK(ask(&r, 2));
		CHECK(until(&r, &r.seen.n_ended[2], 1));
		let_pass(&r);
		CHECK(!r.seen.offence && !r.seen.n_lost);
		CHECK(!r.seen.cancelled[1] || r.seen.n_ended[1] == 0);
	}
}

static void acts_from_inside_sinks(void)
{
	EACH_SERVICE(a)
	for (unsigned n = 1; n < (in_a_hurry() ? 3 : 9); n++)
		for (int act = ACT_CLOSE; act <= ACT_CANCEL; act++) {
			AUTO(rig) struct rig r = { 0 };

			CHECK(make(&r, apis[a]));
			r.seen.act_at = n;
			r.seen.act = act;
			CHECK_EQ(open_link(&r, false), 0);
			speak(&r);
			CHECK(ask(&r, 1));
			CHECK(until(&r, &r.seen.n_told, n));
			let_pass(&r);
			CHECK(!r.seen.offence);
			CHECK((r.link == NULL) == (act == ACT_CLOSE));
		}
}

static void the_service_finds_turns(void)
{
	EACH_SERVICE(a)
	{
		AUTO(rig) struct rig r = { 0 };

		CHECK(make(&r, apis[a]));
		CHECK_EQ(open_link(&r, true), 0);
		CHECK(until(&r, &r.seen.n_open, 1));
		unsigned long left = mem_fail_hold();
		if (r.fake) {
			fake_speech(r.fake, true);
			fake_turn(r.fake, FAKE_ANSWERS);
		} else {
			up_say(&r.up, "{\"type\":\"input_audio_buffer.speech_started\"}");
			up_hear(&r.up);
			up_answer(&r.up, NULL);
		}
		mem_fail_resume(left);
		CHECK(until(&r, &r.seen.n_ended[3], 1));
		CHECK(until(&r, &r.seen.n_words, 1));
		CHECK_EQ(r.seen.n_begun, 1);
		CHECK(!r.seen.offence && !r.seen.n_lost);
	}
}

static void a_loss_is_told_once(void)
{
	EACH_SERVICE(a)
	{
		AUTO(rig) struct rig r = { 0 };

		CHECK(make(&r, apis[a]));
		CHECK_EQ(open_link(&r, false), 0);
		CHECK(until(&r, &r.seen.n_open, 1));
		CHECK(ask(&r, 1));
		speak(&r);
		unsigned long left = mem_fail_hold();
		if (r.fake)
			fake_lose(r.fake, "engine_unavailable", 0);
		else
			websocket_free(r.up.ws);
		r.up.ws = NULL;
		mem_fail_resume(left);
		CHECK(until(&r, &r.seen.n_lost, 1));
		let_pass(&r);
		CHECK_EQ(r.seen.n_lost, 1);
		CHECK(!r.seen.offence);
		/* And the next one works. */
		r.seen = (struct seen){ .loop = r.loop, .number = 41, .rig = &r };
		CHECK_EQ(open_link(&r, false), 0);
		CHECK(ask(&r, 2));
		CHECK(until(&r, &r.seen.n_ended[2], 1));
		CHECK(!r.seen.offence);
	}
}

static void freed_with_links_open(void)
{
	EACH_SERVICE(a)
	for (unsigned turns = 0; turns < (in_a_hurry() ? 2 : 6); turns++) {
		AUTO(rig) struct rig r = { 0 };

		CHECK(make(&r, apis[a]));
		CHECK_EQ(open_link(&r, false), 0);
		speak(&r);
		CHECK(ask(&r, 1));
		for (unsigned i = 0; i < turns * turns && r.link; i++)
			loop_once(r.loop, 0);
		engine_done(&r);
		r.link = NULL;
		r.seen.closed = true;
		let_pass(&r);
		CHECK(!r.seen.offence);
	}
}

TESTS({ "everything_ends_once", everything_ends_once },
      { "nothing_follows_a_cancel", nothing_follows_a_cancel },
      { "acts_from_inside_sinks", acts_from_inside_sinks },
      { "the_service_finds_turns", the_service_finds_turns },
      { "a_loss_is_told_once", a_loss_is_told_once }, { "freed_with_links_open", freed_with_links_open })
