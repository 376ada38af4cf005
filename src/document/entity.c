#include "document/entity.h"

#include "document/utf8.h"

static const struct {
	const char *name;
	uint32_t cp;
} entities[] = {
	{ "amp;", '&' },      { "lt;", '<' },        { "gt;", '>' },       { "quot;", '"' },
	{ "apos;", '\'' },    { "nbsp;", 0xa0 },     { "copy;", 0xa9 },    { "reg;", 0xae },
	{ "deg;", 0xb0 },     { "sect;", 0xa7 },     { "para;", 0xb6 },    { "middot;", 0xb7 },
	{ "times;", 0xd7 },   { "euro;", 0x20ac },   { "pound;", 0xa3 },   { "cent;", 0xa2 },
	{ "ndash;", 0x2013 }, { "mdash;", 0x2014 },  { "lsquo;", 0x2018 }, { "rsquo;", 0x2019 },
	{ "ldquo;", 0x201c }, { "rdquo;", 0x201d },  { "bull;", 0x2022 },  { "hellip;", 0x2026 },
	{ "trade;", 0x2122 }, { "rarr;", 0x2192 },   { "larr;", 0x2190 },  { "le;", 0x2264 },
	{ "ge;", 0x2265 },    { "auml;", 0xe4 },     { "ouml;", 0xf6 },    { "uuml;", 0xfc },
	{ "Auml;", 0xc4 },    { "Ouml;", 0xd6 },     { "Uuml;", 0xdc },    { "szlig;", 0xdf },
	{ "eacute;", 0xe9 },  { "egrave;", 0xe8 },   { "agrave;", 0xe0 },  { "ccedil;", 0xe7 },
};

static int digit(uint8_t c, unsigned base)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return base == 16 && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t put_number(struct buf *to, struct bytes t)
{
	unsigned base = t.n > 2 && (t.p[2] | 32) == 'x' ? 16 : 10;
	size_t from = base == 16 ? 3 : 2, i = from;
	uint32_t cp = 0;

	for (; i < t.n && i < from + 7 && digit(t.p[i], base) >= 0; i++)
		cp = cp * base + (uint32_t)digit(t.p[i], base);
	if (i == from || i >= t.n || t.p[i] != ';')
		return 0;
	utf8_put(to, cp ? cp : UTF8_BAD);
	return i + 1;
}

size_t entity_put(struct buf *to, struct bytes t)
{
	if (t.n < 3 || t.p[0] != '&')
		return 0;
	if (t.p[1] == '#')
		return put_number(to, t);
	for (size_t i = 0; i < ARRAY_LEN(entities); i++) {
		if (bytes_starts(bytes_sub(t, 1, t.n - 1), entities[i].name)) {
			utf8_put(to, entities[i].cp);
			return 1 + strlen(entities[i].name);
		}
	}
	return 0;
}
