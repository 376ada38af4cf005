#include "engine/covers.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "document/words.h"

static uint32_t hash_of(const struct word *w)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < w->n; i++)
		h = (h ^ (uint8_t)w->s[i]) * 16777619u;
	return h;
}

static bool has(const struct sought *s, uint32_t word)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->words[i] == word)
			return true;
	return false;
}

void sought_make(struct sought *s, const char *query)
{
	struct word w;
	size_t pos = 0;

	*s = (struct sought){ 0 };
	while (word_next(bytes_str(query), &pos, &w)) {
		if (word_is_stop(&w))
			continue;
		word_to_term(&w);
		uint32_t h = hash_of(&w);
		if (has(s, h))
			continue;
		if (s->n == SOUGHT_MAX) {
			s->more = true;
			return;
		}
		s->words[s->n++] = h;
	}
}

static bool within(const struct sought *inner, const struct sought *outer)
{
	for (size_t i = 0; i < inner->n; i++)
		if (!has(outer, inner->words[i]))
			return false;
	return !inner->more && !outer->more;
}

bool sought_same(const struct sought *a, const struct sought *b)
{
	return a->n == b->n && within(a, b);
}

bool sought_covers(const struct sought *looked_for, const struct sought *asked)
{
	return asked->n && within(asked, looked_for) && looked_for->n <= 2 * asked->n;
}

static size_t trimmed(const char *s)
{
	size_t n = strlen(s);

	while (n && strchr(" .,;:!?\t\r\n", s[n - 1]))
		n--;
	return n;
}

bool sought_verbatim(const char *a, const char *b)
{
	size_t n = trimmed(a);

	return n && n == trimmed(b) && strncasecmp(a, b, n) == 0;
}
