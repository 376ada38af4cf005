#include "engine/lexicon.h"

#include <errno.h>
#include <unistd.h>

#include "base/test.h"
#include "base/testdir.h"

static const char dict[] = "a AH\na(2) EY\nleave L IY V\nboat B OW T\n";

static void knows_the_words_of_a_file(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(lexicon) struct lexicon *l = NULL;
	char path[256];

	CHECK(testdir_write(&dir, "dict", bytes_str(dict), path));
	CHECK_EQ(lexicon_new(&l, path), 0);
	CHECK(lexicon_knows(l, "a") && lexicon_knows(l, "leave") && lexicon_knows(l, "a(2)"));
	CHECK(!lexicon_knows(l, "leav") && !lexicon_knows(l, "leaves") && !lexicon_knows(l, ""));
	CHECK_EQ(lexicon_new(&l, "/nowhere/at/all"), -ENOENT);
}

static const struct {
	const char *word;
	enum lexicon_case c;
	const char *lines;
} rows[] = {
	{ "galdrum", LEXICON_WORD, "galdrum G AE L D R AH M\n" },
	{ "dpkg", LEXICON_WORD, "dpkg D IY P IY K EY JH IY\n" },
	{ "apt", LEXICON_ACRONYM, "apt EY P IY T IY\napt(2) AE P T\n" },
	{ "mp3", LEXICON_WORD, "mp3 EH M P IY TH R IY\n" },
	{ "", LEXICON_WORD, "" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", LEXICON_WORD, "" },
};

static void says_unknown_words(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		bool said = lexicon_pronounce(rows[i].word, rows[i].c, &b);

		CHECK(!b.failed);
		CHECK_EQ(said, *rows[i].lines != '\0');
		CHECK_STR(b.p ? (const char *)b.p : "", rows[i].lines);
	}
}

TESTS({ "knows_the_words_of_a_file", knows_the_words_of_a_file },
      { "says_unknown_words", says_unknown_words })
