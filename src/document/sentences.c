#include "document/sentences.h"

#include <stdlib.h>
#include <strings.h>

/* What a full stop does not end; lower-case, sorted, without the stop itself. */
static const char *const abbreviations[] = {
	"a.k.a", "approx", "apr", "art", "aug", "ca", "cap", "cf", "ch", "chap", "co", "corp",
	"dec", "dept", "dr", "e.g", "ed", "eds", "eg", "eq", "esp", "est", "et al", "etc", "ex",
	"feb", "fig", "figs", "gen", "hon", "i.e", "ie", "inc", "jan", "jr", "jul", "jun", "lt",
	"ltd", "mar", "max", "messrs", "min", "mr", "mrs", "ms", "mt", "no", "nos", "nov", "nr",
	"oct", "op", "p", "para", "pp", "prof", "pt", "ref", "refs", "rev", "sec", "sect", "sep",
	"sept", "sr", "st", "tab", "tel", "u.k", "u.s", "v", "viz", "vol", "vols", "vs",
};

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static int by_name(const void *key, const void *row)
{
	return strcmp(key, *(const char *const *)row);
}

/* The word that ends at `dot`: from behind the blank or bracket before it. */
static size_t word_before(struct bytes t, size_t from, size_t dot)
{
	size_t i = dot;

	while (i > from && !blank(t.p[i - 1]) && !strchr("([{\"'/", t.p[i - 1]))
		i--;
	return i;
}

static bool is_abbreviation(const uint8_t *p, size_t n)
{
	char low[16];
	const char *key = low;

	if (n == 0 || n >= sizeof(low))
		return false;
	for (size_t i = 0; i < n; i++)
		low[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] + 32 : p[i]);
	low[n] = 0;
	return bsearch(key, abbreviations, ARRAY_LEN(abbreviations), sizeof(abbreviations[0]),
		       by_name) != NULL;
}

static bool upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

static bool digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* An abbreviation that also ends sentences ("etc. The") ends one before a capital. */
static bool may_end(const uint8_t *p, size_t n)
{
	static const char *const both[] = { "etc", "inc", "ltd", "co", "corp", "jr", "sr", "u.s", "u.k", "no" };

	for (size_t i = 0; i < ARRAY_LEN(both); i++)
		if (strlen(both[i]) == n && strncasecmp((const char *)p, both[i], n) == 0)
			return true;
	return false;
}

/* Does the full stop at `dot` end a sentence that began at `from`? `next`: what follows. */
static bool stop_ends(struct bytes t, size_t from, size_t dot, size_t next)
{
	size_t w = word_before(t, from, dot), n = dot - w;
	const uint8_t *p = t.p + w;
	uint8_t c = next < t.n ? t.p[next] : 0;
	bool low = c >= 'a' && c <= 'z';

	if (n == 0 || p[n - 1] == '.')
		return !low; /* an ellipsis, "." alone */
	if (w == from && n <= 3 && (digit(p[0]) || n == 1))
		return false; /* "1. First" "a. First" */
	if (n == 1 && upper(p[0]))
		return false; /* an initial */
	if (is_abbreviation(p, n)) {
		/* "No. 5" is a number, "is no. The" is an end. */
		if (n == 2 && strncasecmp((const char *)p, "no", 2) == 0)
			return !digit(c) && !low;
		return upper(c) && may_end(p, n);
	}
	/* "dpkg removes it. apt does not": programs' names begin sentences too. */
	return !low || n > 3;
}

static bool closes(struct bytes t, size_t i, size_t *len)
{
	*len = 1;
	if (strchr("\"')]", t.p[i]) && t.p[i])
		return true;
	*len = 3;
	return i + 3 <= t.n && (memcmp(t.p + i, "\xe2\x80\x9d", 3) == 0 ||
				memcmp(t.p + i, "\xe2\x80\x99", 3) == 0);
}

/* The end of the sentence that starts at `from`. */
static size_t find_end(struct bytes t, size_t from)
{
	for (size_t i = from; i < t.n; i++) {
		uint8_t c = t.p[i];

		if (c == '\n')
			return i;
		if (c != '.' && c != '!' && c != '?')
			continue;
		size_t after = i + 1, len;
		while (after < t.n && (strchr(".!?", t.p[after]) && t.p[after]))
			after++;
		size_t last = after - 1;
		while (after < t.n && closes(t, after, &len))
			after += len;
		if (after >= t.n)
			return t.n;
		if (!blank(t.p[after]))
			continue;
		size_t next = after;
		while (next < t.n && t.p[next] == ' ')
			next++;
		if (t.p[last] != '.' || next >= t.n || t.p[next] == '\n' ||
		    stop_ends(t, from, last, next))
			return after;
		i = after - 1;
	}
	return t.n;
}

bool sentence_next(struct bytes t, size_t *pos, struct span *out)
{
	size_t i = *pos;

	while (i < t.n && blank(t.p[i]))
		i++;
	*pos = i;
	if (i >= t.n)
		return false;
	size_t end = find_end(t, i);
	*pos = end;
	while (end > i && blank(t.p[end - 1]))
		end--;
	*out = (struct span){ i, end };
	return true;
}
