#include "base/test.h"
#include "engine/covers.h"

static void a_word_that_was_not_looked_for_is_not_covered(void)
{
	static const struct {
		const char *looked_for, *asked;
		bool covers;
	} cases[] = {
		{ "how high is the tower", "tower height", false }, /* "height" was not looked for */
		{ "how high is the tower", "the high tower", true },
		{ "how high is the tower", "How high is the tower?", true },
		{ "how high are the towers", "high tower", true },
		{ "how high is the tower", "how high is the old tower", false },
		{ "how high is the tower of Lindrake", "tower Lindrake", true },
		{ "tower", "tower height", false },
		{ "annual leave days carried over next year", "annual leave carried over", true },
		/* one question among several */
		{ "opening hours of the museum and where is the bicycle rental near the harbour", "bicycle rental", false },
		{ "opening hours museum", "museum", false }, /* three words for one: its passages may be others' */
		{ "twenty days of leave", "20 days leave", true },
		{ "Öffnungszeiten Museum", "museum offnungszeiten", true },
		{ "", "tower", false },
		{ "the", "the", false },
		{ "tower", "", false },
		{ "\xff\xfe tower", "tower", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sought a, b;

		sought_make(&a, cases[i].looked_for);
		sought_make(&b, cases[i].asked);
		if (sought_covers(&a, &b) != cases[i].covers)
			fprintf(stderr, "%s / %s\n", cases[i].looked_for, cases[i].asked);
		CHECK_EQ(sought_covers(&a, &b), cases[i].covers);
	}
}

static void very_long_ones_cover_nothing(void)
{
	struct sought a, b;
	char text[404];

	for (size_t i = 0; i < 100; i++)
		snprintf(text + 4 * i, 5, "w%02zu ", i);
	sought_make(&a, text);
	sought_make(&b, "w00 w01 w02");
	CHECK(a.more);
	CHECK(!sought_covers(&a, &b));
	CHECK(!sought_covers(&a, &a));
	CHECK(!sought_same(&a, &a));
	CHECK(sought_same(&b, &b));
}

static void verbatim_is_but_for_case_and_marks(void)
{
	CHECK(sought_verbatim("How high is it?", "how high is it"));
	CHECK(!sought_verbatim("how high is it", "how, high is it"));
	CHECK(!sought_verbatim("", "?"));
}

TESTS({ "a_word_that_was_not_looked_for_is_not_covered", a_word_that_was_not_looked_for_is_not_covered },
      { "very_long_ones_cover_nothing", very_long_ones_cover_nothing },
      { "verbatim_is_but_for_case_and_marks", verbatim_is_but_for_case_and_marks })
