#include "document/words.h"

#include <stdlib.h>

#include "document/stem.h"
#include "document/utf8.h"

/* U+00C0..U+017F without their accents; two letters where one is a ligature; "" is no letter. */
static const char folded[][3] = {
	"a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", /* C0 */
	"d", "n", "o", "o", "o", "o", "o", "", "o", "u", "u", "u", "u", "y", "th", "ss", /* D0 */
	"a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", /* E0 */
	"d", "n", "o", "o", "o", "o", "o", "", "o", "u", "u", "u", "u", "y", "th", "y",  /* F0 */
	"a", "a", "a", "a", "a", "a", "c", "c", "c", "c", "c", "c", "c", "c", "d", "d", /* 100 */
	"d", "d", "e", "e", "e", "e", "e", "e", "e", "e", "e", "e", "g", "g", "g", "g", /* 110 */
	"g", "g", "g", "g", "h", "h", "h", "h", "i", "i", "i", "i", "i", "i", "i", "i", /* 120 */
	"i", "i", "ij", "ij", "j", "j", "k", "k", "k", "l", "l", "l", "l", "l", "l", "l", /* 130 */
	"l", "l", "l", "n", "n", "n", "n", "n", "n", "n", "n", "n", "o", "o", "o", "o", /* 140 */
	"o", "o", "oe", "oe", "r", "r", "r", "r", "r", "r", "s", "s", "s", "s", "s", "s", /* 150 */
	"s", "s", "t", "t", "t", "t", "t", "t", "u", "u", "u", "u", "u", "u", "u", "u", /* 160 */
	"u", "u", "u", "u", "w", "w", "y", "y", "y", "z", "z", "z", "z", "z", "z", "s", /* 170 */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Scripts written without spaces: every character is a word. */
static bool is_ideograph(uint32_t cp)
{
	return (cp >= 0x3040 && cp < 0xa000) || (cp >= 0xf900 && cp < 0xfb00) || cp >= 0x20000;
}

static uint32_t lower(uint32_t cp)
{
	if ((cp >= 0x391 && cp <= 0x3a9) || (cp >= 0x410 && cp <= 0x42f))
		return cp + 0x20;
	return cp >= 0x400 && cp <= 0x40f ? cp + 0x50 : cp;
}

/* The character as it counts in a word, in `to` (room for 5); 0: not part of a word. */
static size_t letter(uint32_t cp, char *to)
{
	if (cp < 0x80) {
		to[0] = (char)(cp >= 'A' && cp <= 'Z' ? cp + 32 : cp);
		return (to[0] >= 'a' && to[0] <= 'z') || is_digit(to[0]);
	}
	if (cp >= 0xc0 && cp < 0x180) {
		const char *f = folded[cp - 0xc0];
		size_t n = strlen(f);
		memcpy(to, f, n);
		return n;
	}
	/* Accents alone, spaces, punctuation, symbols and arrows, CJK punctuation, private and full-width. */
	if (cp < 0xc0 || (cp >= 0x300 && cp < 0x370) || (cp >= 0x2000 && cp < 0x2c00) || (cp >= 0x3000 && cp < 0x3040) ||
	    (cp >= 0xe000 && cp < 0xf900) || (cp >= 0xfe00 && cp < 0xff21) ||
	    (cp >= 0xfff0 && cp < 0x20000))
		return 0;

	struct buf b = { .p = (uint8_t *)to, .cap = 8 };
	utf8_put(&b, lower(cp));
	return b.n;
}

/* An octet of one, at least: beyond ASCII it is one as a rule. */
static bool is_letter(uint8_t c)
{
	return c >= 0x80 || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* Does the character at i join what stands on both its sides into one word? */
static bool joins(struct bytes t, size_t i, size_t *len)
{
	*len = 1;
	if (i == 0 || i + 1 >= t.n)
		return false;
	char left = (char)t.p[i - 1], c = (char)t.p[i], right = (char)t.p[i + 1];
	if (c == '.' || c == ',')
		return is_digit(left) && is_digit(right);
	if (i + 3 < t.n && memcmp(t.p + i, "\xe2\x80\x99", 3) == 0) {
		*len = 3;
		right = (char)t.p[i + 3];
		c = '\'';
	}
	return c == '\'' && is_letter((uint8_t)left) && is_letter((uint8_t)right);
}

static void add(struct word *w, const char *s, size_t n)
{
	if (w->n + n > WORD_MAX)
		return;
	memcpy(w->s + w->n, s, n);
	w->n += n;
}

/* "policy's" is "policy". `mark`: where the apostrophe stood in w->s. */
static void drop_genitive(struct word *w, size_t mark)
{
	if (mark && mark + 1 == w->n && w->s[mark] == 's')
		w->n = mark;
}

/* Most of most texts: a letter or digit of ASCII, in lower case; 0: something else. */
static char plain(uint8_t c)
{
	uint8_t l = c | 32;

	return (l >= 'a' && l <= 'z') ? (char)l : c >= '0' && c <= '9' ? (char)c : 0;
}

bool word_next(struct bytes t, size_t *pos, struct word *out)
{
	struct word w;
	bool open = false;
	size_t i = *pos, apostrophe = 0;

	w.n = w.start = 0;
	while (i < t.n) {
		char l[8];
		uint32_t cp;

		l[0] = plain(t.p[i]);
		if (l[0]) {
			if (!open)
				w.start = i;
			open = true;
			if (w.n < WORD_MAX)
				w.s[w.n++] = l[0];
			i++;
			continue;
		}
		size_t len = utf8_decode(t.p + i, t.n - i, &cp), n = letter(cp, l), joint;

		if (n && is_ideograph(cp)) {
			if (open)
				break;
			w.start = i;
			add(&w, l, n);
			i += len;
			open = true;
			break;
		}
		if (n) {
			if (!open)
				w.start = i;
			open = true;
			add(&w, l, n);
			i += len;
			continue;
		}
		if (open && cp >= 0x300 && cp < 0x370) { /* an accent that stands alone */
			i += len;
			continue;
		}
		if (open && !joins(t, i, &joint))
			break;
		if (open && t.p[i] == '.')
			add(&w, ".", 1);
		else if (open && t.p[i] != ',')
			apostrophe = w.n;
		i += open ? joint : len;
	}
	*pos = i;
	if (!open)
		return false;
	drop_genitive(&w, apostrophe);
	w.end = i;
	w.s[w.n] = 0;
	*out = w;
	return true;
}

size_t words_count(struct bytes t)
{
	struct word w;
	size_t n = 0, pos = 0;

	while (word_next(t, &pos, &w))
		n++;
	return n;
}

/* Sorted, for bsearch(). */
static const char *const stops[] = {
	"a", "about", "above", "after", "again", "all", "also", "am", "an", "and", "any", "anybody",
	"anyone", "are", "as", "ask", "at", "be", "because", "been", "before", "being", "between",
	"both", "but", "by", "can", "cannot", "cant", "could", "did", "didnt", "do", "does",
	"doesnt", "doing", "done", "dont", "each", "either", "else", "er", "etc", "ever", "explain",
	"find", "for", "from", "further", "get", "gets", "getting", "give", "given", "go", "goes", "going", "got",
	"had", "happen", "happens", "has", "have", "having", "he", "hello", "her", "here", "hers", "hey",
	"hi", "him", "his", "how", "i", "id", "if", "ill", "im", "in", "into", "is", "isnt",
	"it", "its", "itself", "ive", "just", "kind", "know", "let", "like", "look", "make", "many",
	"may", "me", "mean", "means", "might", "more", "most", "much", "must", "my", "myself", "need", "no",
	"nor", "not", "now", "of", "off", "oh", "ok", "okay", "on", "once", "only", "or", "other",
	"our", "ours", "out", "over", "own", "please", "quite", "really", "said", "same", "say",
	"says", "shall", "she", "should", "show", "so", "some", "somebody", "someone", "something",
	"such", "take", "tell", "than", "thank", "thanks", "that", "thats", "the", "their", "them", "then", "there",
	"these", "they", "thing", "things", "this", "those", "through", "to", "too", "uh", "um", "under", "until",
	"up", "us", "use", "used", "uses", "using", "very", "want", "was", "we", "well", "were", "what", "whats", "when",
	"where", "wheres", "whether", "which", "while", "who", "whom", "whos", "whose", "why", "will", "with",
	"wont", "would", "yes", "you", "your", "yours",
};

static int by_word(const void *key, const void *row)
{
	return strcmp(key, *(const char *const *)row);
}

bool word_is_stop(const struct word *w)
{
	return bsearch(w->s, stops, ARRAY_LEN(stops), sizeof(stops[0]), by_word) != NULL;
}

static const char *const numbers[][2] = {
	{ "eight", "8" }, { "eighteen", "18" }, { "eighty", "80" }, { "eleven", "11" },
	{ "fifteen", "15" }, { "fifty", "50" }, { "five", "5" }, { "forty", "40" },
	{ "four", "4" }, { "fourteen", "14" }, { "nine", "9" }, { "nineteen", "19" },
	{ "ninety", "90" }, { "one", "1" }, { "seven", "7" }, { "seventeen", "17" },
	{ "seventy", "70" }, { "six", "6" }, { "sixteen", "16" }, { "sixty", "60" },
	{ "ten", "10" }, { "thirteen", "13" }, { "thirty", "30" }, { "three", "3" },
	{ "twelve", "12" }, { "twenty", "20" }, { "two", "2" }, { "zero", "0" },
};

void word_to_term(struct word *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->s[i] < 'a' || w->s[i] > 'z')
			return;
	const char *const *row =
		bsearch(w->s, numbers, ARRAY_LEN(numbers), sizeof(numbers[0]), by_word);
	if (row) {
		w->n = strlen(row[1]);
		memcpy(w->s, row[1], w->n + 1);
		return;
	}
	w->n = stem(w->s, w->n);
	w->s[w->n] = 0;
}
