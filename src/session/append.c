#include "session/append.h"

#include <string.h>

enum { STRING_MAX = 64 }; /* of what is not the audio */

struct scan {
	const uint8_t *p, *end;
};

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
		s->p++;
}

static bool take(struct scan *s, uint8_t c)
{
	skip_space(s);
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

/* A string up to its quotation mark; what it holds is the caller's to judge. */
static bool take_string(struct scan *s, struct bytes *out)
{
	if (!take(s, '"'))
		return false;
	const uint8_t *quote = memchr(s->p, '"', (size_t)(s->end - s->p));
	if (!quote)
		return false;
	*out = bytes_of(s->p, (size_t)(quote - s->p));
	s->p = quote + 1;
	return true;
}

/* Printable ASCII without an escape: the same in JSON and out of it. */
static bool is_plain(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] < 0x20 || b.p[i] > 0x7E || b.p[i] == '\\')
			return false;
	return b.n <= STRING_MAX;
}

static bool is(struct bytes b, const char *word)
{
	return b.n == strlen(word) && memcmp(b.p, word, b.n) == 0;
}

bool append_scan(struct bytes text, struct bytes *audio)
{
	static const char *const names[] = { "type", "audio", "event_id" };
	struct scan s = { text.p, text.p + text.n };
	struct bytes values[ARRAY_LEN(names)] = { { 0 } };

	if (!take(&s, '{'))
		return false;
	do {
		struct bytes name, value;
		size_t i = 0;

		if (!take_string(&s, &name) || !take(&s, ':') || !take_string(&s, &value))
			return false;
		while (i < ARRAY_LEN(names) && !is(name, names[i]))
			i++;
		if (i == ARRAY_LEN(names) || values[i].p)
			return false;
		values[i] = value;
	} while (take(&s, ','));
	if (!take(&s, '}'))
		return false;
	skip_space(&s);
	*audio = values[1];
	return s.p == s.end && is(values[0], "input_audio_buffer.append") && audio->p &&
	       is_plain(values[2]);
}
