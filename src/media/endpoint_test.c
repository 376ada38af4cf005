#include "media/endpoint.h"
#include "base/test.h"

enum { MS = 16, F = 20 * MS };

/* Plays frames given as text: '#' speech, '-' in between, '.' silence. The last event. */
static struct endpoint_event play(struct endpoint *e, const char *frames, char *events)
{
	struct endpoint_event last = { 0 };
	size_t n = 0;

	for (; *frames; frames++) {
		struct endpoint_event ev =
			endpoint_push(e, *frames == '#' ? 0.9f : *frames == '-' ? 0.4f : 0.1f);

		if (ev.kind == ENDPOINT_NONE)
			continue;
		last = ev;
		if (n < 15)
			events[n++] = "-SCRE"[ev.kind];
	}
	events[n] = 0;
	return last;
}

#define TEN(x) x x x x x x x x x x

static void a_turn(void)
{
	struct endpoint e;
	char s[16];

	endpoint_init(&e, &ENDPOINT_DEFAULTS);
	struct endpoint_event ev = play(&e, TEN("..") "####", s);
	CHECK_STR(s, "");
	ev = play(&e, "#", s);
	CHECK_STR(s, "S");
	CHECK_EQ(ev.at, 20 * F - 300 * MS);
	ev = play(&e, "##" TEN("."), s);
	CHECK_STR(s, "C");
	CHECK_EQ(ev.speech_end, 27 * F);
	CHECK_EQ(ev.at, 37 * F);
	ev = play(&e, "##", s);
	CHECK_STR(s, "R");
	CHECK_EQ(ev.at, 39 * F);
	ev = play(&e, TEN(".") TEN(".") ".....", s);
	CHECK_STR(s, "CE");
	CHECK_EQ(ev.speech_end, 39 * F);
	CHECK_EQ(ev.at, 39 * F + 500 * MS);
	/* the next one's padding does not reach into it */
	ev = play(&e, "..#####", s);
	CHECK_STR(s, "S");
	CHECK_EQ(ev.at, 39 * F + 500 * MS);
}

static void bumps_do_not_add_up(void)
{
	struct endpoint e;
	char s[16];

	endpoint_init(&e, &ENDPOINT_DEFAULTS);
	play(&e, TEN("###......") TEN("##..") TEN("#."), s);
	CHECK_STR(s, "");
	struct endpoint_event ev = play(&e, "....##.####", s);
	CHECK_STR(s, "S"); /* a short stop takes away what it lasted */
	CHECK_EQ(ev.at, (90 + 40 + 20 + 4) * F - 300 * MS);
}

static void a_soft_sound_goes_on_but_does_not_begin(void)
{
	struct endpoint e;
	char s[16];

	endpoint_init(&e, &ENDPOINT_DEFAULTS);
	play(&e, TEN("---"), s);
	CHECK_STR(s, "");
	play(&e, "#####" TEN("---"), s);
	CHECK_STR(s, "S");
	/* in a silence one frame of speech changes nothing */
	struct endpoint_event ev = play(&e, TEN(".") "#" TEN(".") "....", s);
	CHECK_STR(s, "CE");
	CHECK_EQ(ev.speech_end, 65 * F);
}

static void other_settings(void)
{
	struct endpoint e;
	struct endpoint_params p = { .threshold = 0.95f, .silence_ms = 200, .candidate_ms = 200 };
	char s[16];

	endpoint_init(&e, &p);
	play(&e, TEN("#"), s);
	CHECK_STR(s, "");
	p.threshold = 0.5f;
	endpoint_configure(&e, &p);
	struct endpoint_event ev = play(&e, "#", s);
	CHECK_STR(s, "S"); /* the first frame, no padding */
	CHECK_EQ(ev.at, 10 * F);
	play(&e, TEN("."), s);
	CHECK_STR(s, "E");
	play(&e, "#", s);
	CHECK_STR(s, "S");
	endpoint_stop(&e);
	play(&e, TEN("."), s);
	CHECK_STR(s, "");
	ev = play(&e, "#", s);
	CHECK_EQ(ev.at, 32 * F);
}

TESTS({ "a_turn", a_turn }, { "bumps_do_not_add_up", bumps_do_not_add_up },
      { "a_soft_sound_goes_on_but_does_not_begin", a_soft_sound_goes_on_but_does_not_begin },
      { "other_settings", other_settings })
