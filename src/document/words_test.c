#include "base/buf.h"
#include "base/test.h"
#include "document/words.h"

/* The words of a text, apart by |. */
static void words_of(const char *text, bool terms, struct buf *b)
{
	struct word w;
	size_t pos = 0;

	while (word_next(bytes_str(text), &pos, &w)) {
		if (terms)
			word_to_term(&w);
		if (b->n)
			buf_putc(b, '|');
		buf_puts(b, w.s);
	}
}

static void splits(void)
{
	static const char *const rows[][2] = {
		{ "The Caf\xc3\xa9's wi-fi", "the|cafe|wi|fi" },
		{ "don't can\xe2\x80\x99t", "dont|cant" },
		{ "3.5 and 12.0.3, 10,000.", "3.5|and|12.0.3|10000" },
		{ "stra\xc3\x9f" "e \xc5\x92uvre", "strasse|oeuvre" },
		{ "e\xcc\x81tat", "etat" },
		{ "\xd0\x9c\xd0\xb8\xd1\x80", "\xd0\xbc\xd0\xb8\xd1\x80" },
		{ "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5|\xe6\x9c\xac" },
		{ "debian/rules libc6", "debian|rules|libc6" },
		{ "\xe2\x80\x94 ... !", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		words_of(rows[i][0], false, &b);
		CHECK(!b.failed);
		CHECK_STR(b.p ? (char *)b.p : "", rows[i][1]);
	}
}

static void makes_terms(void)
{
	AUTO(buf) struct buf b = { 0 };

	words_of("Packages declaring fourteen dependencies", true, &b);
	CHECK(!b.failed);
	CHECK_STR((char *)b.p, "packag|declar|14|depend");
}

static void cuts_what_is_long(void)
{
	char s[300];
	struct word w;
	size_t pos = 0;

	memset(s, 'a', sizeof(s));
	CHECK(word_next(bytes_of(s, sizeof(s)), &pos, &w));
	CHECK_EQ(w.n, WORD_MAX);
	CHECK_EQ(w.end, sizeof(s));
	CHECK_EQ(words_count(bytes_of(s, sizeof(s))), 1);
}

static void knows_stop_words(void)
{
	static const char *const stop[] = { "a", "the", "what", "yours", "would", "please", "tell" };
	static const char *const other[] = { "package", "zebra", "aa", "holiday" };
	struct word w = { .n = 0 };

	for (size_t i = 0; i < ARRAY_LEN(stop); i++) {
		snprintf(w.s, sizeof(w.s), "%s", stop[i]);
		CHECK(word_is_stop(&w));
	}
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		snprintf(w.s, sizeof(w.s), "%s", other[i]);
		CHECK(!word_is_stop(&w));
	}
}

TESTS({ "splits", splits }, { "makes_terms", makes_terms },
      { "cuts_what_is_long", cuts_what_is_long }, { "knows_stop_words", knows_stop_words })
