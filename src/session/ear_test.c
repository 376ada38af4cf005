#include "session/ear.h"

#include "session/rig.h"

static const struct settings usual = { .threshold = 0.5, .prefix_ms = 300, .silence_ms = 500 };

struct told {
	enum ear_news news[16];
	uint64_t at[16], when_ms[16];
	size_t n;
	uint64_t end; /* position after the last frame */
};

/* What an ear says to so much of this loudness. */
static void listen(struct ear *e, struct told *t, unsigned ms, int level, bool over_talk)
{
	int16_t pcm[EAR_FRAME];

	for (size_t i = 0; i < EAR_FRAME; i++)
		pcm[i] = (int16_t)(i / 20 % 2 ? level : -level);
	for (unsigned passed = 0; passed < ms; passed += FRAME_MS) {
		uint64_t at = 0;

		t->end += EAR_FRAME;
		enum ear_news news = ear_push(e, pcm, t->end, over_talk, &at);
		if (news == EAR_NOTHING || t->n == ARRAY_LEN(t->news))
			continue;
		t->news[t->n] = news;
		t->when_ms[t->n] = t->end / 16;
		t->at[t->n++] = at / 16;
	}
}

static void a_turn_begins_pauses_and_ends(void)
{
	AUTO(ear) struct ear *e = ear_new(&usual);
	struct told t = { 0 };

	CHECK(e);
	listen(e, &t, 1000, 0, false);
	CHECK_EQ(t.n, 0);
	listen(e, &t, 600, RIG_LOUD, false);
	CHECK_EQ(t.n, 1);
	CHECK_EQ(t.news[0], EAR_STARTED);
	CHECK_EQ(t.when_ms[0], 1100); /* 100 ms of speech are enough in silence */
	CHECK_EQ(t.at[0], 700);	      /* where it began, less the padding */
	listen(e, &t, 300, 0, false);
	CHECK_EQ(t.news[1], EAR_CANDIDATE);
	CHECK_EQ(t.when_ms[1], 1800);
	CHECK_EQ(t.at[1], 1600); /* the last speech */
	listen(e, &t, 200, RIG_LOUD, false);
	CHECK_EQ(t.news[2], EAR_RESUMED);
	listen(e, &t, 500, 0, false);
	CHECK_EQ(t.n, 5);
	CHECK_EQ(t.news[3], EAR_CANDIDATE);
	CHECK_EQ(t.news[4], EAR_ENDED);
	CHECK_EQ(t.at[4], 2100);
	CHECK_EQ(t.when_ms[4], 2600);
}

static void it_takes_more_to_interrupt(void)
{
	AUTO(ear) struct ear *e = ear_new(&usual);
	struct told t = { 0 };

	CHECK(e);
	listen(e, &t, 180, RIG_LOUD, true);
	CHECK_EQ(t.n, 0);
	listen(e, &t, 20, RIG_LOUD, true);
	CHECK_EQ(t.n, 1);
	CHECK_EQ(t.news[0], EAR_STARTED);
	CHECK_EQ(t.at[0], 0); /* no padding before the beginning */
}

/* The candidate comes before the end, or not at all. */
static void short_silences_leave_less_time_to_prepare(void)
{
	static const struct {
		unsigned silence_ms, candidate_ms; /* 0: none */
	} cases[] = { { 0, 0 },	    { 20, 0 },	  { 160, 0 },  { 180, 100 },
		      { 200, 120 }, { 300, 200 }, { 10000, 200 } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct settings set = usual;
		struct told t = { 0 };

		set.silence_ms = cases[i].silence_ms;
		AUTO(ear) struct ear *e = ear_new(&set);
		CHECK(e);
		listen(e, &t, 400, RIG_LOUD, false);
		listen(e, &t, MAX(set.silence_ms, 20u), 0, false);
		CHECK_EQ(t.n, cases[i].candidate_ms ? 3 : 2);
		if (cases[i].candidate_ms)
			CHECK_EQ(t.when_ms[1], 400 + cases[i].candidate_ms);
		CHECK_EQ(t.news[t.n - 1], EAR_ENDED);
		CHECK_EQ(t.when_ms[t.n - 1], 400 + MAX(set.silence_ms, 20u));
	}
}

static void settings_change_in_the_middle(void)
{
	AUTO(ear) struct ear *e = ear_new(&usual);
	struct settings set = usual;
	struct told t = { 0 };

	CHECK(e);
	listen(e, &t, 400, RIG_LOUD, false);
	set.silence_ms = 200;
	ear_configure(e, &set);
	listen(e, &t, 200, 0, false);
	CHECK_EQ(t.news[t.n - 1], EAR_ENDED);
	set.threshold = 0.99; /* louder than the stand-in ever is */
	ear_configure(e, &set);
	t.n = 0;
	listen(e, &t, 1000, RIG_LOUD, false);
	CHECK_EQ(t.n, 0);
}

static void a_reset_forgets_the_turn(void)
{
	AUTO(ear) struct ear *e = ear_new(&usual);
	struct told t = { 0 };

	CHECK(e);
	listen(e, &t, 400, RIG_LOUD, false);
	ear_reset(e);
	listen(e, &t, 600, 0, false);
	CHECK_EQ(t.n, 1); /* no end of what was forgotten */
	listen(e, &t, 100, RIG_LOUD, false);
	CHECK_EQ(t.n, 2);
	CHECK_EQ(t.news[1], EAR_STARTED);
}

/* A cleared buffer takes samples away that no frame was made of. */
static void positions_are_the_streams(void)
{
	AUTO(ear) struct ear *e = ear_new(&usual);
	struct told t = { 0 };

	CHECK(e);
	listen(e, &t, 500, 0, false);
	ear_reset(e);
	t.end += 160;
	listen(e, &t, 500, 0, false);
	listen(e, &t, 400, RIG_LOUD, false);
	CHECK_EQ(t.at[0], 1010 - 300);
	listen(e, &t, 500, 0, false);
	CHECK_EQ(t.news[2], EAR_ENDED);
	CHECK_EQ(t.at[2], 1410);
	listen(e, &t, 160, RIG_LOUD, false);
	CHECK_EQ(t.at[3], 1910); /* the padding does not reach into the turn before */
}

TESTS({ "a_turn_begins_pauses_and_ends", a_turn_begins_pauses_and_ends },
      { "it_takes_more_to_interrupt", it_takes_more_to_interrupt },
      { "short_silences_leave_less_time_to_prepare", short_silences_leave_less_time_to_prepare },
      { "settings_change_in_the_middle", settings_change_in_the_middle },
      { "a_reset_forgets_the_turn", a_reset_forgets_the_turn },
      { "positions_are_the_streams", positions_are_the_streams })
