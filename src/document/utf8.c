#include "document/utf8.h"

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

size_t utf8_ascii(struct bytes t)
{
	size_t i = 0;

	for (uint64_t eight; i + 8 <= t.n; i += 8) {
		memcpy(&eight, t.p + i, 8);
		if (eight & 0x8080808080808080u)
			break;
	}
	while (i < t.n && t.p[i] < 0x80)
		i++;
	return i;
}

bool utf8_valid(struct bytes t)
{
	for (size_t i = 0; i < t.n;) {
		uint32_t cp;

		if (t.p[i] < 0x80) {
			i += utf8_ascii(bytes_sub(t, i, t.n - i));
			continue;
		}
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

void utf8_import(struct buf *to, struct bytes raw)
{
	uint32_t before = 0, cp;

	for (size_t i = 0; i < raw.n; before = cp) {
		i += utf8_decode(raw.p + i, raw.n - i, &cp);
		if (cp != '\n' || before != '\r')
			utf8_put(to, cp == '\r' ? '\n' : cp == 0 ? ' ' : cp);
	}
}
