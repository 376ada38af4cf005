#include "engine/speakable.h"

#include "base/test.h"

static const char *const rows[][2] = {
	{ "", "" },
	{ "Hello there.", "Hello there." },
	{ "Call before 9:30, or after 5.", "Call before 9:30, or after 5." },
	{ "It is 5\xe2\x80\x93""10 \xc2\xb0""C (see \xc2\xa7""3, e.g. docs/setup.md).",
	  "It is 5 to 10 degrees celsius, see section 3, for example docs slash setup dot md." },
	{ "About 20\xe2\x80\x8a% of 3 km, i.e. 600 m.", "About 20 percent of 3 kilometers, that is 600 meters." },
	{ "50% and 20mm", "50 percent and 20 millimeters" },
	{ "p. 3, pp. 4-6, no. 7; no dogs", "page 3, pages 4 to 6, number 7; no dogs" },
	{ "See https://www.example.org/a/b?c=d today.", "See example dot org today." },
	{ "Mail ann.lee@example.org or edit /etc/app.conf",
	  "Mail ann dot lee at example dot org or edit etc slash app dot conf" },
	{ "caf\xc3\xa9 na\xc3\xafve \xe2\x80\x9cquoted\xe2\x80\x9d it\xe2\x80\x99s",
	  "cafe naive quoted it's" },
	{ "**Bold**, `code` and # 4", "Bold, code and 4" },
	{ "one \xe2\x80\x94 two\xe2\x80\xa6 three", "one, two. three" },
	{ "and/or R&D vs. 24/7", "and or or R&D versus twenty four seven" },
	{ "on 2024-05-01 dial 555-0100-22", "on 2024-05-01 dial 555-0100-22" },
	{ "It costs \xc2\xa3""3.50, or \xe2\x82\xac""4.", "It costs 3.50 pounds, or 4 euros." },
	{ "bad \xff\xc3 octets", "bad octets" },
	{ "a.m. and p.m. and U.S. law", "a.m. and p.m. and U.S. law" },
	{ "... !", "" },
};

static void says_what_is_written(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(speakable) struct speakable s = { 0 };

		CHECK_EQ(speakable_make(&s, bytes_str(rows[i][0])), 0);
		CHECK_STR(s.text.p ? (const char *)s.text.p : "", rows[i][1]);
	}
}

static void remembers_where_words_come_from(void)
{
	AUTO(speakable) struct speakable s = { 0 };

	CHECK_EQ(speakable_make(&s, bytes_str("See \xc2\xa7""3 - now")), 0);
	CHECK_STR((const char *)s.text.p, "See section 3 now");
	CHECK_EQ(speakable_words(&s), 4);
	CHECK_EQ(speakable_word(&s, 1).at, 4);
	CHECK_EQ(speakable_word(&s, 1).n, 3);
	CHECK_EQ(speakable_word(&s, 1).n_spoken, 2);
	CHECK_EQ(speakable_word(&s, 2).n_spoken, 0);
	CHECK_EQ(speakable_word(&s, 3).n_spoken, 1);
}

static void spoken_words_add_up(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(speakable) struct speakable s = { 0 };
		size_t sum = 0, spaces = 0;

		CHECK_EQ(speakable_make(&s, bytes_str(rows[i][0])), 0);
		for (size_t k = 0; k < speakable_words(&s); k++)
			sum += speakable_word(&s, k).n_spoken;
		for (size_t k = 0; k < s.text.n; k++)
			spaces += s.text.p[k] == ' ';
		CHECK_EQ(sum, s.text.n ? spaces + 1 : 0);
	}
}

TESTS({ "says_what_is_written", says_what_is_written },
      { "remembers_where_words_come_from", remembers_where_words_come_from },
      { "spoken_words_add_up", spoken_words_add_up })
