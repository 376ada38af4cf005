#include "engine/adapt.h"

#include <errno.h>
#include <unistd.h>

#include "base/test.h"
#include "base/testdir.h"

static const char *const rows[][2] = {
	{ "The Mirrawick may carry 10 people.", "the mirrawick may carry ten people" },
	{ "In 1934, 1,250 books cost \xc2\xa3""3.50.",
	  "in nineteen thirty four one thousand two hundred fifty books cost three point fifty pounds" },
	{ "Don't e-mail Dr. O'Hara", "don't e mail dr o'hara" },
	{ "007 2005 42", "zero zero seven two thousand five forty two" },
	{ "", "" },
};

static void words_as_they_are_heard(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };

		adapt_words(&b, bytes_str(rows[i][0]));
		CHECK(!b.failed);
		CHECK_STR(b.p ? (const char *)b.p : "", rows[i][1]);
	}
}

struct folder {
	struct testdir dir;
	char dict[80], extra[80], lm[80];
};

static bool folder_make(struct folder *f)
{
	static const char words[] = "the DH AH\nmay M EY\ncarry K EH R IY\nten T EH N\npeople P IY P AH L\n";

	f->dir = testdir_new();
	snprintf(f->dict, sizeof(f->dict), "%s/dict", f->dir.path);
	snprintf(f->extra, sizeof(f->extra), "%s/extra", f->dir.path);
	snprintf(f->lm, sizeof(f->lm), "%s/lm", f->dir.path);
	FILE *d = fopen(f->dict, "w");
	return d && fputs(words, d) >= 0 && fclose(d) == 0;
}

static void folder_auto_(struct folder *f)
{
	testdir_auto_(&f->dir);
}

static bool holds(const char *path, const char *what)
{
	char text[20000];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	return strstr(text, what) != NULL;
}

static void writes_words_and_questions(void)
{
	AUTO(folder) struct folder f = { 0 };
	AUTO(adapt) struct adapt *a = NULL;
	struct adapt_stats stats;

	CHECK(folder_make(&f));
	CHECK_EQ(adapt_new(&a, f.dict), 0);
	CHECK_EQ(adapt_write(a, f.extra, f.lm, NULL), -EINVAL);
	CHECK_EQ(adapt_add(a, bytes_str("The Mirrawick may carry ten people.\nThe Mirrawick may.")), 0);
	CHECK_EQ(adapt_write(a, f.extra, f.lm, &stats), 0);
	CHECK_EQ(stats.n_sentences, 2);
	CHECK_EQ(stats.n_new_words, 1);
	CHECK(holds(f.extra, "mirrawick M "));
	CHECK(!holds(f.extra, "people"));
	CHECK(holds(f.lm, " may the mirrawick"));
	CHECK(holds(f.lm, " how many people"));
	CHECK(holds(f.lm, " <s> tell me"));
	CHECK_EQ(adapt_write(a, "/nowhere/at/all", f.lm, NULL), -ENOENT);
	CHECK_EQ(adapt_new(&a, "/nowhere/at/all"), -ENOENT);
}

TESTS({ "words_as_they_are_heard", words_as_they_are_heard },
      { "writes_words_and_questions", writes_words_and_questions })
