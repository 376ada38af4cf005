#include "document/stem.h"

#include <string.h>

struct stemmed {
	char *s;
	size_t n;
};

static bool consonant(const struct stemmed *t, size_t i)
{
	switch (t->s[i]) {
	case 'a':
	case 'e':
	case 'i':
	case 'o':
	case 'u':
		return false;
	case 'y':
		return i == 0 || !consonant(t, i - 1);
	default:
		return true;
	}
}

/* m: how often a vowel is followed by a consonant in the first n letters. */
static unsigned measure(const struct stemmed *t, size_t n)
{
	unsigned m = 0;

	for (size_t i = 1; i < n; i++)
		if (consonant(t, i) && !consonant(t, i - 1))
			m++;
	return m;
}

static bool has_vowel(const struct stemmed *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!consonant(t, i))
			return true;
	return false;
}

static bool double_consonant(const struct stemmed *t, size_t n)
{
	return n >= 2 && t->s[n - 1] == t->s[n - 2] && consonant(t, n - 1);
}

/* *o: ends consonant, vowel, consonant, the last not w, x or y. */
static bool cvc(const struct stemmed *t, size_t n)
{
	return n >= 3 && consonant(t, n - 3) && !consonant(t, n - 2) && consonant(t, n - 1) &&
	       !strchr("wxy", t->s[n - 1]);
}

static bool ends(const struct stemmed *t, const char *suffix, size_t *rest)
{
	size_t k = strlen(suffix);

	if (t->n < k || memcmp(t->s + t->n - k, suffix, k) != 0)
		return false;
	*rest = t->n - k;
	return true;
}

static void set_end(struct stemmed *t, size_t rest, const char *suffix)
{
	size_t k = strlen(suffix);

	memcpy(t->s + rest, suffix, k);
	t->n = rest + k;
}

static void step_1ab(struct stemmed *t)
{
	size_t r;

	if (ends(t, "sses", &r) || ends(t, "ies", &r))
		t->n -= 2;
	else if (!ends(t, "ss", &r) && ends(t, "s", &r))
		t->n -= 1;

	if (ends(t, "eed", &r)) {
		if (measure(t, r) > 0)
			t->n -= 1;
		return;
	}
	if (!((ends(t, "ed", &r) || ends(t, "ing", &r)) && has_vowel(t, r)))
		return;
	t->n = r;
	if (ends(t, "at", &r) || ends(t, "bl", &r) || ends(t, "iz", &r))
		t->s[t->n++] = 'e';
	else if (double_consonant(t, t->n) && !strchr("lsz", t->s[t->n - 1]))
		t->n--;
	else if (measure(t, t->n) == 1 && cvc(t, t->n))
		t->s[t->n++] = 'e';
}

struct rule {
	const char *suffix, *instead;
};

static const struct rule step_2[] = {
	{ "ational", "ate" }, { "tional", "tion" }, { "enci", "ence" },  { "anci", "ance" },
	{ "izer", "ize" },    { "abli", "able" },   { "alli", "al" },    { "entli", "ent" },
	{ "eli", "e" },       { "ousli", "ous" },   { "ization", "ize" }, { "ation", "ate" },
	{ "ator", "ate" },    { "alism", "al" },    { "iveness", "ive" }, { "fulness", "ful" },
	{ "ousness", "ous" }, { "aliti", "al" },    { "iviti", "ive" },  { "biliti", "ble" },
};

static const struct rule step_3[] = {
	{ "icate", "ic" }, { "ative", "" }, { "alize", "al" }, { "iciti", "ic" },
	{ "ical", "ic" },  { "ful", "" },   { "ness", "" },
};

static const struct rule step_4[] = {
	{ "ement", "" }, { "ance", "" }, { "ence", "" }, { "able", "" }, { "ible", "" },
	{ "ment", "" },  { "ant", "" },  { "ent", "" },  { "ism", "" },  { "ate", "" },
	{ "iti", "" },   { "ous", "" },  { "ive", "" },  { "ize", "" },  { "ion", "" },
	{ "al", "" },    { "er", "" },   { "ic", "" },   { "ou", "" },
};

static void by_rules(struct stemmed *t, const struct rule *rules, size_t n, unsigned m)
{
	for (size_t i = 0; i < n; i++) {
		size_t r;

		if (!ends(t, rules[i].suffix, &r))
			continue;
		if (rules == step_4 && strcmp(rules[i].suffix, "ion") == 0 &&
		    !(r > 0 && strchr("st", t->s[r - 1])))
			return;
		if (measure(t, r) > m)
			set_end(t, r, rules[i].instead);
		return;
	}
}

static void step_5(struct stemmed *t)
{
	size_t r;

	if (ends(t, "e", &r)) {
		unsigned m = measure(t, r);
		if (m > 1 || (m == 1 && !cvc(t, r)))
			t->n = r;
	}
	if (ends(t, "ll", &r) && measure(t, t->n) > 1)
		t->n--;
}

size_t stem(char *s, size_t n)
{
	struct stemmed t = { s, n };
	size_t r;

	if (n <= 2)
		return n;
	step_1ab(&t);
	if (ends(&t, "y", &r) && has_vowel(&t, r)) /* 1c */
		t.s[t.n - 1] = 'i';
	by_rules(&t, step_2, ARRAY_LEN(step_2), 0);
	by_rules(&t, step_3, ARRAY_LEN(step_3), 0);
	by_rules(&t, step_4, ARRAY_LEN(step_4), 1);
	step_5(&t);
	return t.n;
}
