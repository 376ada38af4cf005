#include "engine/lm.h"

#include <errno.h>
#include <math.h>

#include "base/test.h"

static int small(struct lm *lm)
{
	int err = lm_add(lm, LM_WHOLE, "the cat sleeps");

	if (err == 0)
		err = lm_add(lm, LM_WHOLE, "the  dog sleeps ");
	if (err == 0)
		err = lm_add(lm, LM_OPENING, "what is the");
	return err ? err : lm_add(lm, LM_WHOLE, "  ");
}

/* log10 of an n-gram's probability as the file says, with back-off; words blank-separated. */
static double find(const char *arpa, const char *gram, double *bow)
{
	char key[128];
	double p;

	snprintf(key, sizeof(key), " %s", gram);
	for (const char *hit = arpa; (hit = strstr(hit, key)); hit++) {
		const char *line = hit;
		char end = hit[strlen(key)];

		while (line > arpa && line[-1] != '\n')
			line--;
		if (line + strcspn(line, " ") != hit || (end != '\n' && end != ' '))
			continue;
		/* After the gram: the end of the line, or one number. */
		if (end == ' ' && !strchr("-0", hit[strlen(key) + 1]))
			continue;
		p = strtod(line, NULL);
		*bow = end == ' ' ? strtod(hit + strlen(key), NULL) : 0;
		return p;
	}
	return NAN;
}

static double after(const char *arpa, const char *context, const char *word)
{
	char gram[128];
	double bow;

	snprintf(gram, sizeof(gram), "%s%s%s", context, *context ? " " : "", word);
	double p = find(arpa, gram, &bow);
	if (!isnan(p))
		return p;
	double back = find(arpa, context, &bow);
	const char *shorter = strchr(context, ' ');
	return (isnan(back) ? 0 : bow) + after(arpa, shorter ? shorter + 1 : "", word);
}

static void probabilities_add_up(void)
{
	static const char *const words[] = { "</s>", "the", "cat", "dog", "sleeps", "what", "is" };
	static const char *const contexts[] = { "", "the", "cat", "<s>", "<s> the", "the cat", "is the" };
	AUTO(lm) struct lm *lm = NULL;
	AUTO(buf) struct buf b = { 0 };

	CHECK_EQ(lm_new(&lm), 0);
	CHECK_EQ(small(lm), 0);
	CHECK_EQ(lm_write(lm, &b), 0);
	const char *arpa = (const char *)b.p;
	for (size_t i = 0; i < ARRAY_LEN(contexts); i++) {
		double sum = 0;

		for (size_t k = 0; k < ARRAY_LEN(words); k++)
			sum += pow(10, after(arpa, contexts[i], words[k]));
		CHECK(fabs(sum - 1.0) < 0.01);
	}
	CHECK(after(arpa, "the", "cat") > after(arpa, "the", "what"));
	CHECK(after(arpa, "what is", "the") > after(arpa, "what is", "cat"));
}

static void writes_arpa(void)
{
	AUTO(lm) struct lm *lm = NULL;
	AUTO(buf) struct buf b = { 0 };

	CHECK_EQ(lm_new(&lm), 0);
	CHECK_EQ(lm_write(lm, &b), -EINVAL);
	CHECK_EQ(small(lm), 0);
	CHECK_EQ(lm_write(lm, &b), 0);
	const char *s = (const char *)b.p;
	CHECK(strstr(s, "\\data\\\nngram 1=8\nngram 2=9\nngram 3=8\n\n\\1-grams:\n") == s);
	CHECK(strstr(s, "\n\\end\\\n"));
	CHECK(strstr(s, "-99.0000 <s> "));
	CHECK(!strstr(s, "the </s>")); /* an opening does not end */
}

static void many_words(void)
{
	AUTO(lm) struct lm *lm = NULL;
	AUTO(buf) struct buf b = { 0 };

	CHECK_EQ(lm_new(&lm), 0);
	for (int i = 0; i < 700; i++) {
		char words[40];

		snprintf(words, sizeof(words), "w%d w%d", i, i + 1);
		CHECK_EQ(lm_add(lm, LM_WHOLE, words), 0);
	}
	CHECK_EQ(lm_write(lm, &b), 0);
	CHECK(strstr((const char *)b.p, "ngram 1=703\n"));
}

TESTS({ "probabilities_add_up", probabilities_add_up }, { "writes_arpa", writes_arpa },
      { "many_words", many_words })
