#include "knowledge/utf8.h"

size_t utf8_decode(const uint8_t *p, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t c = p[0];

	*cp = UTF8_BAD;
	if (c < 0x80) {
		*cp = c;
		return 1;
	}
	size_t len = c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xc2 && c < 0xe0 ? 2 : 0;
	if (!len || len > n)
		return 1;
	uint32_t v = c & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 1;
		v = v << 6 | (p[i] & 0x3fu);
	}
	if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 1;
	*cp = v;
	return len;
}

void utf8_put(struct buf *b, uint32_t cp)
{
	uint8_t t[4];
	size_t n = 0;

	if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
		cp = UTF8_BAD;
	if (cp < 0x80) {
		t[n++] = (uint8_t)cp;
	} else if (cp < 0x800) {
		t[n++] = (uint8_t)(0xc0 | cp >> 6);
		t[n++] = (uint8_t)(0x80 | (cp & 0x3f));
	} else if (cp < 0x10000) {
		t[n++] = (uint8_t)(0xe0 | cp >> 12);
		t[n++] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		t[n++] = (uint8_t)(0x80 | (cp & 0x3f));
	} else {
		t[n++] = (uint8_t)(0xf0 | cp >> 18);
		t[n++] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
		t[n++] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		t[n++] = (uint8_t)(0x80 | (cp & 0x3f));
	}
	buf_put(b, t, n);
}

bool utf8_valid(struct bytes t)
{
	for (size_t i = 0; i < t.n;) {
		uint32_t cp;
		size_t len = utf8_decode(t.p + i, t.n - i, &cp);

		if (cp == UTF8_BAD && len == 1)
			return false;
		i += len;
	}
	return true;
}

static bool inside(struct bytes t, size_t at)
{
	return at < t.n && (t.p[at] & 0xc0) == 0x80;
}

size_t utf8_floor(struct bytes t, size_t at)
{
	at = MIN(at, t.n);
	for (unsigned i = 0; i < 3 && at > 0 && inside(t, at); i++)
		at--;
	return at;
}

size_t utf8_ceil(struct bytes t, size_t at)
{
	at = MIN(at, t.n);
	for (unsigned i = 0; i < 3 && inside(t, at); i++)
		at++;
	return at;
}

static void put_char(struct buf *to, uint32_t cp, uint32_t *before)
{
	bool after_cr = *before == '\r';

	*before = cp;
	if (cp == '\n' && after_cr)
		return;
	utf8_put(to, cp == '\r' ? '\n' : cp == 0 ? ' ' : cp);
}

static void import_utf16(struct buf *to, struct bytes raw, bool big)
{
	uint32_t before = 0;

	for (size_t i = 2; i + 1 < raw.n; i += 2) {
		uint32_t u = big ? be16(raw.p + i) : (uint32_t)(raw.p[i] | raw.p[i + 1] << 8);

		if (u >= 0xd800 && u < 0xdc00 && i + 3 < raw.n) {
			uint32_t low = big ? be16(raw.p + i + 2)
					   : (uint32_t)(raw.p[i + 2] | raw.p[i + 3] << 8);
			if (low >= 0xdc00 && low < 0xe000) {
				u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
				i += 2;
			}
		}
		put_char(to, u, &before);
	}
}

/* Windows-1252 is Latin-1 with these in 0x80..0x9f. */
static const uint16_t cp1252[32] = {
	0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
	0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
};

void utf8_import(struct buf *to, struct bytes raw)
{
	uint32_t before = 0, cp;

	if (raw.n >= 2 && raw.p[0] == 0xfe && raw.p[1] == 0xff) {
		import_utf16(to, raw, true);
		return;
	}
	if (raw.n >= 2 && raw.p[0] == 0xff && raw.p[1] == 0xfe) {
		import_utf16(to, raw, false);
		return;
	}
	if (raw.n >= 3 && memcmp(raw.p, "\xef\xbb\xbf", 3) == 0)
		raw = bytes_sub(raw, 3, raw.n - 3);
	bool utf8 = utf8_valid(raw);
	for (size_t i = 0; i < raw.n;) {
		if (utf8) {
			i += utf8_decode(raw.p + i, raw.n - i, &cp);
		} else {
			cp = raw.p[i++];
			if (cp >= 0x80 && cp < 0xa0)
				cp = cp1252[cp - 0x80];
		}
		put_char(to, cp, &before);
	}
}
