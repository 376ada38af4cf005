#include "engine/adapt.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "document/sentences.h"
#include "engine/lexicon.h"
#include "engine/lm.h"
#include "engine/psdecoder.h"
#include "engine/speakable.h"

enum { SENTENCE_WORDS_MAX = 80, SUBJECT_WORDS_MAX = 7 };

struct adapt {
	struct lexicon *lexicon;
	struct lm *lm;
	struct buf dict;
	struct buf seen; /* new words, each between blanks */
	struct adapt_stats stats;
	bool openings_added;
};

/* --- numbers in words ------------------------------------------------------------------ */

static const char *const ones[] = {
	"zero", "one",	  "two",    "three",	"four",	    "five",    "six",	  "seven",   "eight",	 "nine",
	"ten",	"eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
	"nineteen",
};
static const char *const tens[] = { "",	     "",      "twenty",	 "thirty", "forty",
				    "fifty", "sixty", "seventy", "eighty", "ninety" };

static void put_word(struct buf *b, const char *w)
{
	if (b->n)
		buf_putc(b, ' ');
	buf_puts(b, w);
}

static void put_below_100(struct buf *b, unsigned n)
{
	if (n < 20) {
		put_word(b, ones[n]);
		return;
	}
	put_word(b, tens[n / 10]);
	if (n % 10)
		put_word(b, ones[n % 10]);
}

static void put_number(struct buf *b, unsigned long n)
{
	static const struct {
		unsigned long unit;
		const char *name;
	} units[] = { { 1000000000, "billion" }, { 1000000, "million" }, { 1000, "thousand" }, { 100, "hundred" } };

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (n < units[i].unit)
			continue;
		put_number(b, n / units[i].unit);
		put_word(b, units[i].name);
		n %= units[i].unit;
		if (!n)
			return;
	}
	put_below_100(b, (unsigned)n);
}

/* Written with commas it is a count; without, four digits may be a year. */
enum digits { DIGITS_BARE, DIGITS_GROUPED };

/* A run of digits: years in pairs, long ones digit by digit. */
static void put_digits(struct buf *b, const char *s, size_t n, enum digits how)
{
	unsigned long v = 0;

	if (n > 9 || (n > 1 && *s == '0')) {
		for (size_t i = 0; i < n; i++)
			put_word(b, ones[s[i] - '0']);
		return;
	}
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (unsigned long)(s[i] - '0');
	if (how == DIGITS_BARE && n == 4 && v >= 1100 && v < 2100 && v % 100 >= 10 && v % 1000 >= 10) {
		put_below_100(b, (unsigned)(v / 100));
		put_below_100(b, (unsigned)(v % 100));
		return;
	}
	put_number(b, v);
}

/* --- words as the recogniser has them ------------------------------------------------------ */

/* One spoken word of speakable.h: letters with apostrophes inside, digits as numbers. */
static void put_token(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = 0;

		if (isdigit((unsigned char)s[i])) {
			char digits[32];
			size_t d = 0;
			enum digits how = DIGITS_BARE;

			/* 1,000 is one number; 3.5 is "three point five". */
			while (i < n && d < sizeof(digits) &&
			       (isdigit((unsigned char)s[i]) ||
				(s[i] == ',' && i + 1 < n && isdigit((unsigned char)s[i + 1])))) {
				if (s[i] == ',')
					how = DIGITS_GROUPED;
				else
					digits[d++] = s[i];
				i++;
			}
			put_digits(out, digits, d, how);
			if (i + 1 < n && s[i] == '.' && isdigit((unsigned char)s[i + 1]))
				put_word(out, "point");
			continue;
		}
		while (i + len < n && (isalpha((unsigned char)s[i + len]) ||
				       (s[i + len] == '\'' && len && i + len + 1 < n &&
					isalpha((unsigned char)s[i + len + 1]))))
			len++;
		if (len && out->n)
			buf_putc(out, ' ');
		for (size_t k = 0; k < len; k++)
			buf_putc(out, (char)tolower((unsigned char)s[i + k]));
		i += len ? len : 1;
	}
}

void adapt_words(struct buf *out, struct bytes text)
{
	AUTO(speakable) struct speakable s = { 0 };

	if (speakable_make(&s, text) != 0) {
		out->failed = true;
		return;
	}
	const char *p = s.text.p ? (const char *)s.text.p : "";
	for (size_t n; *(p += strspn(p, " ")); p += n) {
		n = strcspn(p, " ");
		put_token(out, p, n);
	}
}

/* --- the dictionary --------------------------------------------------------------------------- */

/* Was the word among the new ones before? */
static bool seen_before(const struct adapt *a, const char *word)
{
	char key[64];

	if (snprintf(key, sizeof(key), " %s ", word) >= (int)sizeof(key) || !a->seen.n)
		return false;
	return strstr((const char *)a->seen.p, key) != NULL;
}

static bool is_acronym(const char *s, size_t n)
{
	size_t upper = 0;

	for (size_t i = 0; i < n; i++)
		upper += isupper((unsigned char)s[i]) != 0;
	return upper >= 2 && upper * 2 > n;
}

/* Puts a word of the text, as written, in the dictionary if it is new. */
static void learn_word(struct adapt *a, const char *s, size_t n)
{
	char word[40];

	if (n == 0 || n >= sizeof(word))
		return;
	for (size_t i = 0; i < n; i++)
		word[i] = (char)tolower((unsigned char)s[i]);
	word[n] = '\0';
	if (lexicon_knows(a->lexicon, word) || seen_before(a, word))
		return;
	if (lexicon_pronounce(word, is_acronym(s, n) ? LEXICON_ACRONYM : LEXICON_WORD, &a->dict)) {
		a->stats.n_new_words++;
		if (!a->seen.n)
			buf_putc(&a->seen, ' ');
		buf_puts(&a->seen, word);
		buf_putc(&a->seen, ' ');
	}
}

static void learn_words(struct adapt *a, const char *spoken)
{
	for (const char *p = spoken; *p;) {
		size_t n = 0;

		while (isalpha((unsigned char)p[n]) ||
		       (p[n] == '\'' && n && isalpha((unsigned char)p[n + 1])))
			n++;
		learn_word(a, p, n);
		p += n ? n : 1;
	}
}

/* --- questions made of sentences ------------------------------------------------------------------ */

struct sentence {
	char *words[SENTENCE_WORDS_MAX];
	size_t n;
};

/* Verbs between what a sentence is about and what it says. */
static const char *const verbs[] = {
	"is", "are", "was", "were", "has", "have", "may", "must", "can", "should", "will", "does", "do",
};
/* Verbs that a question takes to the front with "does": "the ticket costs" -> "does the ticket cost". */
static const struct {
	const char *states, *asks;
} actions[] = {
	{ "costs", "cost" },	 { "takes", "take" },	    { "lasts", "last" },   { "begins", "begin" },
	{ "opens", "open" },	 { "closes", "close" },	    { "leaves", "leave" }, { "receives", "receive" },
	{ "holds", "hold" },	 { "measures", "measure" }, { "runs", "run" },	   { "needs", "need" },
	{ "means", "mean" },	 { "contains", "contain" }, { "starts", "start" }, { "ends", "end" },
	{ "lifts", "lift" },	 { "stands", "stand" },	    { "keeps", "keep" },   { "makes", "make" },
	{ "shows", "show" },	 { "uses", "use" },	    { "gives", "give" },   { "sells", "sell" },
	{ "says", "say" },	 { "carries", "carry" },    { "installs", "install" },
	{ "removes", "remove" }, { "creates", "create" },   { "reads", "read" },   { "writes", "write" },
};

static bool is_one_of(const char *w, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], w) == 0)
			return true;
	return false;
}

static bool is_number(const char *w)
{
	return is_one_of(w, ones, ARRAY_LEN(ones)) || is_one_of(w, tens + 2, ARRAY_LEN(tens) - 2) ||
	       strcmp(w, "hundred") == 0 || strcmp(w, "thousand") == 0 || strcmp(w, "million") == 0;
}

static void put_words(struct buf *b, const struct sentence *s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		put_word(b, s->words[i]);
}

static int ask(struct adapt *a, const struct buf *q)
{
	if (q->failed)
		return -ENOMEM;
	a->stats.n_questions++;
	return lm_add(a->lm, LM_WHOLE, (const char *)q->p);
}

/* opening + auxiliary + subject + rest, for each opening. */
static int ask_each(struct adapt *a, const char *const *openings, size_t n, const char *auxiliary,
		    const struct sentence *s, size_t subject_end, const char *verb, size_t rest)
{
	int err = 0;

	for (size_t i = 0; i < n && err == 0; i++) {
		AUTO(buf) struct buf q = { 0 };

		if (*openings[i])
			put_word(&q, openings[i]);
		put_word(&q, auxiliary);
		put_words(&q, s, 0, subject_end);
		if (verb)
			put_word(&q, verb);
		put_words(&q, s, rest, MIN(s->n, rest + 6));
		err = ask(a, &q);
	}
	return err;
}

/* "how many people may the mirrawick carry" of "the mirrawick may carry ten people". */
static int ask_how_many(struct adapt *a, const struct sentence *s, size_t verb, const char *auxiliary,
			const char *action, size_t rest)
{
	for (size_t i = rest; i + 1 < s->n; i++) {
		if (!is_number(s->words[i]) || is_number(s->words[i + 1]))
			continue;
		AUTO(buf) struct buf q = { 0 };

		put_word(&q, "how many");
		put_word(&q, s->words[i + 1]);
		put_word(&q, auxiliary);
		put_words(&q, s, 0, verb);
		if (action)
			put_word(&q, action);
		size_t end = i;
		while (end > rest && is_number(s->words[end - 1]))
			end--;
		put_words(&q, s, rest, MIN(end, rest + 4));
		return ask(a, &q);
	}
	return 0;
}

static int ask_about(struct adapt *a, const struct sentence *s, size_t verb)
{
	static const char *const any[] = { "", "when", "where", "why", "how", "how long", "what" };
	static const char *const things[] = { "what is", "where is", "who is", "tell me about" };
	const char *action = NULL;
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (strcmp(actions[i].states, s->words[verb]) == 0)
			action = actions[i].asks;
	err = ask_each(a, any, ARRAY_LEN(any), action ? "does" : s->words[verb], s, verb, action, verb + 1);
	if (err == 0)
		err = ask_how_many(a, s, verb, action ? "does" : s->words[verb], action, verb + 1);
	for (size_t i = 0; i < ARRAY_LEN(things) && err == 0; i++) {
		AUTO(buf) struct buf q = { 0 };

		put_word(&q, things[i]);
		put_words(&q, s, 0, verb);
		err = ask(a, &q);
	}
	if (err == 0) { /* "who may approve a purchase" */
		AUTO(buf) struct buf q = { 0 };

		put_word(&q, "who");
		put_words(&q, s, verb, MIN(s->n, verb + 8));
		err = ask(a, &q);
	}
	return err;
}

static bool is_verb(const char *w)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (strcmp(actions[i].states, w) == 0)
			return true;
	return is_one_of(w, verbs, ARRAY_LEN(verbs));
}

static int learn_sentence(struct adapt *a, struct bytes text)
{
	AUTO(buf) struct buf words = { 0 };
	struct sentence s = { 0 };

	adapt_words(&words, text);
	if (words.failed)
		return -ENOMEM;
	if (!words.n)
		return 0;
	a->stats.n_sentences++;
	int err = lm_add(a->lm, LM_WHOLE, (const char *)words.p);
	for (char *save = NULL, *w = strtok_r((char *)words.p, " ", &save); w && s.n < SENTENCE_WORDS_MAX;
	     w = strtok_r(NULL, " ", &save))
		s.words[s.n++] = w;
	for (size_t i = 1; err == 0 && i < MIN(s.n, (size_t)SUBJECT_WORDS_MAX + 1); i++)
		if (is_verb(s.words[i]))
			return ask_about(a, &s, i);
	return err;
}

/* How questions begin, whatever they are about. */
static const char *const openings[] = {
	"what is the",	   "what is a",	       "what are the",	   "what does the",    "what does",
	"what should i do if", "what should i do when", "what do i do if", "what happens if", "what happens when",
	"what time does the", "what time is",  "what can i",	   "what must i",      "what kind of",
	"who is the",	   "who is",	       "who may",	   "who can",	       "who must",
	"who do i ask",	   "who do i call",    "where is the",	   "where are the",    "where can i",
	"where do i",	   "when is the",      "when does the",	   "when do i",	       "when may i",
	"when must",	   "when can i",       "how do i",	   "how can i",	       "how many",
	"how much is",	   "how much does",    "how long is",	   "how long does",    "how long can i",
	"how often",	   "how far is",       "how old is",	   "how high is",      "how far must",
	"is there a",	   "are there",	       "is it allowed to", "may i",	       "can i",
	"do i need a",	   "do i have to",     "am i allowed to",  "which",	       "why is the",
	"tell me about the", "and what about", "and on",	   "can you tell me",  "please tell me",
	"i would like to know", "thank you",   "how does",	   "what is the name of the", "how fast",
};

static int add_openings(struct adapt *a)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(openings) && err == 0; i++)
		err = lm_add(a->lm, LM_OPENING, openings[i]);
	a->openings_added = true;
	return err;
}

/* --- life --------------------------------------------------------------------------------------- */

int adapt_new(struct adapt **out, const char *general_dict)
{
	struct adapt *a = mem_zalloc(sizeof(*a));
	int err = -ENOMEM;

	if (a)
		err = lm_new(&a->lm);
	if (err == 0)
		err = lexicon_new(&a->lexicon, general_dict ? general_dict
							    : PSDECODER_MODEL_DIR
								      "/en-us/cmudict-en-us.dict");
	if (err != 0) {
		adapt_free(a);
		return err;
	}
	*out = a;
	return 0;
}

void adapt_free(struct adapt *a)
{
	if (!a)
		return;
	lexicon_free(a->lexicon);
	lm_free(a->lm);
	buf_done(&a->dict);
	buf_done(&a->seen);
	mem_free(a);
}

int adapt_add(struct adapt *a, struct bytes text)
{
	struct span s;

	for (size_t pos = 0; sentence_next(text, &pos, &s);) {
		struct bytes one = bytes_sub(text, s.start, s.end - s.start);
		AUTO(speakable) struct speakable spoken = { 0 };

		if (speakable_make(&spoken, one) != 0)
			return -ENOMEM;
		if (spoken.text.n)
			learn_words(a, (const char *)spoken.text.p);
		int err = learn_sentence(a, one);
		if (err != 0)
			return err;
	}
	return a->dict.failed || a->seen.failed ? -ENOMEM : 0;
}

static int write_file(const char *path, const struct buf *b)
{
	AUTO(mem) char *tmp = mem_printf("%s.new", path);
	FILE *f = tmp ? fopen(tmp, "w") : NULL;

	if (!tmp)
		return -ENOMEM;
	if (!f)
		return -errno;
	bool ok = b->n == 0 || fwrite(b->p, 1, b->n, f) == b->n;
	ok = fclose(f) == 0 && ok;
	if (ok && rename(tmp, path) == 0)
		return 0;
	int err = errno ? -errno : -EIO;
	unlink(tmp);
	return err;
}

int adapt_write(struct adapt *a, const char *dict_path, const char *lm_path, struct adapt_stats *stats)
{
	AUTO(buf) struct buf arpa = { 0 };

	if (!a->stats.n_sentences)
		return -EINVAL;
	int err = a->openings_added ? 0 : add_openings(a);
	if (err == 0)
		err = lm_write(a->lm, &arpa);
	if (err == 0)
		err = write_file(dict_path, &a->dict);
	if (err == 0)
		err = write_file(lm_path, &arpa);
	if (err == 0 && stats)
		*stats = a->stats;
	return err;
}
