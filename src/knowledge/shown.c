#include "knowledge/shown.h"

#include "knowledge/utf8.h"

/* C0, DEL, C1; marks, embeddings, overrides and isolates of direction; line separators. */
static bool hidden(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x200e || cp == 0x200f || cp == 0x061c ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

/* The length of the character at p; *plain: it is shown as it is. */
static size_t next(struct bytes t, size_t at, bool *plain)
{
	uint32_t cp;
	size_t n = utf8_decode(t.p + at, t.n - at, &cp);

	*plain = !hidden(cp) && utf8_valid(bytes_sub(t, at, n));
	return n;
}

bool shown_plain(const char *name)
{
	struct bytes t = bytes_str(name);
	bool plain = true;

	for (size_t i = 0; plain && i < t.n;)
		i += next(t, i, &plain);
	return plain;
}

void shown_put(struct buf *to, const char *name)
{
	struct bytes t = bytes_str(name);

	for (size_t i = 0; i < t.n;) {
		bool plain;
		size_t n = next(t, i, &plain);

		if (plain)
			buf_put(to, t.p + i, n);
		for (size_t k = 0; !plain && k < n; k++)
			buf_printf(to, "%%%02X", t.p[i + k]);
		i += n;
	}
}
