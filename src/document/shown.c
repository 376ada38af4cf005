#include "document/shown.h"

#include "document/utf8.h"

/* C0, DEL, C1; marks, embeddings, overrides and isolates of direction; line separators. */
static bool hidden(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x200e || cp == 0x200f || cp == 0x061c ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

static int hex(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Does "%XX" stand here? Its octet, or -1. */
static int escape(struct bytes t, size_t at)
{
	if (at + 3 > t.n || t.p[at] != '%' || hex(t.p[at + 1]) < 0 || hex(t.p[at + 2]) < 0)
		return -1;
	return hex(t.p[at + 1]) << 4 | hex(t.p[at + 2]);
}

void shown_put(struct buf *to, const char *name)
{
	struct bytes t = bytes_str(name);
	uint32_t cp;

	for (size_t i = 0, n; i < t.n; i += n) {
		n = utf8_decode(t.p + i, t.n - i, &cp);
		if (!hidden(cp) && escape(t, i) < 0 && utf8_valid(bytes_sub(t, i, n))) {
			buf_put(to, t.p + i, n);
			continue;
		}
		for (size_t k = 0; k < n; k++)
			buf_printf(to, "%%%02X", t.p[i + k]);
	}
}

void shown_raw(struct buf *to, const char *shown)
{
	struct bytes t = bytes_str(shown);

	for (size_t i = 0; i < t.n;) {
		int octet = escape(t, i);

		buf_putc(to, octet < 0 ? (char)t.p[i] : (char)octet);
		i += octet < 0 ? 1 : 3;
	}
}
