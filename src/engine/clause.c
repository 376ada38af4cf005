#include "engine/clause.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Their stop does not end a sentence. */
static const char *const abbreviations[] = {
	"mr",  "mrs", "ms",   "dr",  "prof", "st",  "no",  "nos",    "vol", "p",  "pp",
	"fig", "sec", "e.g",  "i.e", "eg",   "ie",  "etc", "approx", "vs",  "cf", "ca",
	"inc", "ltd", "dept", "tel", "ext",  "min", "max", "a.m",    "p.m",
};

/* A phrase may begin with these, so a breath before them sounds right. */
static const char *const openers[] = {
	"and",   "or",  "but",  "which", "that",    "who",   "when",  "where", "while", "if",
	"until", "for", "from", "with",  "without", "in",    "on",    "at",    "by",    "to",
	"as",    "so",  "than", "then",  "because", "after", "before",
};

static bool is_one_of(const char *const *list, size_t n_list, const char *word, size_t n)
{
	for (size_t i = 0; i < n_list; i++)
		if (strlen(list[i]) == n && strncasecmp(list[i], word, n) == 0)
			return true;
	return false;
}

/* Places where the text may be cut, the strongest first. */
enum cut { CUT_NONE, CUT_PHRASE, CUT_COMMA, CUT_SENTENCE };

/* Closing quotes and brackets belong to what they close. */
static size_t skip_closers(const char *s, size_t i)
{
	for (;;) {
		if (s[i] == '"' || s[i] == '\'' || s[i] == ')' || s[i] == ']')
			i++;
		else if (strncmp(s + i, "\xe2\x80\x9d", 3) == 0 || strncmp(s + i, "\xe2\x80\x99", 3) == 0)
			i += 3;
		else
			return i;
	}
}

static bool ends_sentence(const char *s, size_t stop, size_t next)
{
	size_t start = stop;

	if (s[stop] != '.')
		return true;
	while (start > 0 && !isspace((unsigned char)s[start - 1]) && s[start - 1] != '(')
		start--;
	if (is_one_of(abbreviations, ARRAY_LEN(abbreviations), s + start, stop - start))
		return false;
	/* An initial: "J. Smith". */
	if (stop - start == 1 && isupper((unsigned char)s[start]))
		return false;
	return !islower((unsigned char)s[next]);
}

/* What kind of cut ends at the white space at s[i]? s[i + 1] has been seen unless at the end. */
static enum cut cut_before_space(const char *s, size_t i)
{
	size_t end = i, next = i + strspn(s + i, " \t\r\n");

	while (end > 0 && strchr("\"')]", s[end - 1]))
		end--;
	if (end >= 3 && (strncmp(s + end - 3, "\xe2\x80\x9d", 3) == 0))
		end -= 3;
	if (end == 0)
		return CUT_NONE;
	char c = s[end - 1];
	if (c == '.' || c == '!' || c == '?')
		return ends_sentence(s, end - 1, next) ? CUT_SENTENCE : CUT_NONE;
	if (memchr(s + i, '\n', next - i) && strstr(s + i, "\n\n") == strchr(s + i, '\n'))
		return CUT_SENTENCE; /* a blank line ends a paragraph */
	if (c == ',' || c == ';' || c == ':')
		return CUT_COMMA;
	if (end >= 3 && (strncmp(s + end - 3, "\xe2\x80\x94", 3) == 0 ||
			 strncmp(s + end - 3, "\xe2\x80\x93", 3) == 0))
		return CUT_COMMA;
	size_t word = strcspn(s + next, " \t\r\n,.;:!?");
	if (s[next + word] && is_one_of(openers, ARRAY_LEN(openers), s + next, word))
		return CUT_PHRASE;
	return CUT_NONE;
}

static bool good_enough(enum cut cut, size_t n_words, bool begun)
{
	if (cut == CUT_SENTENCE)
		return true;
	if (!begun)
		return cut == CUT_COMMA    ? n_words >= 2
		       : cut == CUT_PHRASE ? n_words >= CLAUSE_FIRST_WORDS
					   : false;
	return cut != CUT_NONE && n_words >= CLAUSE_LONG_WORDS;
}

/* Is the stop at the end of what there is the end of a sentence, whatever follows? A model writes in pieces of
 * words: what a stop would go on to ("handbook" ".md", "3" ".5") comes with its stop. */
static bool surely_ends(const char *s, size_t n)
{
	size_t end = n, quotes = 0, open = 0;

	for (size_t i = 0; i < n; i++) { /* what closes later belongs to the sentence */
		quotes += s[i] == '"';
		open += s[i] == '(' || s[i] == '[';
		open -= open && (s[i] == ')' || s[i] == ']');
	}
	if (quotes % 2 || open || strstr(s, "\xe2\x80\x9c"))
		return false;

	while (end > 0 && strchr("\"')]", s[end - 1]))
		end--;
	if (end && (s[end - 1] == '!' || s[end - 1] == '?'))
		return true;
	size_t stop = end ? end - 1 : 0, start = stop;
	if (!end || s[stop] != '.')
		return false;
	while (start > 0 && isalpha((unsigned char)s[start - 1]))
		start--;
	return stop - start >= 3 && (start == 0 || isspace((unsigned char)s[start - 1])) &&
	       ends_sentence(s, stop, n);
}

/* Octets of the next piece; 0: not ready. */
static size_t find_cut(const char *s, size_t n, bool begun, enum clause_when when)
{
	size_t n_words = 0, i = strspn(s, " \t\r\n");

	while (i < n) {
		size_t len = strcspn(s + i, " \t\r\n");

		n_words++;
		i = skip_closers(s, i + len);
		if (i >= n)
			break;
		size_t next = i + strspn(s + i, " \t\r\n");
		/* Without a look at what follows, only the end of the text is certain. */
		if (next >= n)
			break;
		if (good_enough(cut_before_space(s, i), n_words, begun) || i >= CLAUSE_MAX_OCTETS)
			return i;
		i = next;
	}
	return when == CLAUSE_END || (n_words >= 2 && i >= n && surely_ends(s, n)) ? n : 0;
}

void clause_push(struct clause *c, const char *delta)
{
	buf_puts(&c->text, delta);
}

const char *clause_next(struct clause *c, enum clause_when when)
{
	if (c->taken)
		buf_consume(&c->text, c->taken);
	c->taken = 0;
	if (!c->text.n)
		return NULL;

	char *s = (char *)c->text.p;
	size_t cut = find_cut(s, c->text.n, c->begun, when), start = strspn(s, " \t\r\n");
	if (!cut)
		return NULL;
	size_t end = cut;
	while (end > start && isspace((unsigned char)s[end - 1]))
		end--;
	if (end == start) { /* only white space was left */
		buf_reset(&c->text);
		return NULL;
	}
	/* The octet after the piece becomes its NUL: white space, or the buffer's own NUL. */
	s[end] = '\0';
	c->taken = MIN(end + 1, c->text.n);
	c->begun = true;
	return s + start;
}

void clause_done(struct clause *c)
{
	buf_done(&c->text);
	*c = (struct clause){ 0 };
}
