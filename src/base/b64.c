#include "base/b64.h"

static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { BAD = 64 };

static const uint8_t value[256] = {
	['A'] = 0 + 128, ['B'] = 1 + 128, ['C'] = 2 + 128, ['D'] = 3 + 128, ['E'] = 4 + 128,
	['F'] = 5 + 128, ['G'] = 6 + 128, ['H'] = 7 + 128, ['I'] = 8 + 128, ['J'] = 9 + 128,
	['K'] = 10 + 128, ['L'] = 11 + 128, ['M'] = 12 + 128, ['N'] = 13 + 128, ['O'] = 14 + 128,
	['P'] = 15 + 128, ['Q'] = 16 + 128, ['R'] = 17 + 128, ['S'] = 18 + 128, ['T'] = 19 + 128,
	['U'] = 20 + 128, ['V'] = 21 + 128, ['W'] = 22 + 128, ['X'] = 23 + 128, ['Y'] = 24 + 128,
	['Z'] = 25 + 128, ['a'] = 26 + 128, ['b'] = 27 + 128, ['c'] = 28 + 128, ['d'] = 29 + 128,
	['e'] = 30 + 128, ['f'] = 31 + 128, ['g'] = 32 + 128, ['h'] = 33 + 128, ['i'] = 34 + 128,
	['j'] = 35 + 128, ['k'] = 36 + 128, ['l'] = 37 + 128, ['m'] = 38 + 128, ['n'] = 39 + 128,
	['o'] = 40 + 128, ['p'] = 41 + 128, ['q'] = 42 + 128, ['r'] = 43 + 128, ['s'] = 44 + 128,
	['t'] = 45 + 128, ['u'] = 46 + 128, ['v'] = 47 + 128, ['w'] = 48 + 128, ['x'] = 49 + 128,
	['y'] = 50 + 128, ['z'] = 51 + 128, ['0'] = 52 + 128, ['1'] = 53 + 128, ['2'] = 54 + 128,
	['3'] = 55 + 128, ['4'] = 56 + 128, ['5'] = 57 + 128, ['6'] = 58 + 128, ['7'] = 59 + 128,
	['8'] = 60 + 128, ['9'] = 61 + 128, ['+'] = 62 + 128, ['/'] = 63 + 128,
};

/* 0..63, or a number with bit 6 set for a foreign character. */
static unsigned digit(char c)
{
	uint8_t v = value[(uint8_t)c];

	return v ? v - 128u : BAD;
}

void b64_encode(const void *data, size_t n, char *to)
{
	const uint8_t *p = data;

	for (; n >= 3; n -= 3, p += 3, to += 4) {
		uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

		to[0] = set[v >> 18];
		to[1] = set[v >> 12 & 63];
		to[2] = set[v >> 6 & 63];
		to[3] = set[v & 63];
	}
	if (n == 0)
		return;

	uint32_t v = (uint32_t)p[0] << 16 | (n == 2 ? (uint32_t)p[1] << 8 : 0);
	to[0] = set[v >> 18];
	to[1] = set[v >> 12 & 63];
	to[2] = n == 2 ? set[v >> 6 & 63] : '=';
	to[3] = '=';
}

void b64_append(struct buf *b, const void *p, size_t n)
{
	char *to = buf_reserve(b, b64_len(n));

	if (!to)
		return;
	b64_encode(p, n, to);
	b->n += b64_len(n);
	b->p[b->n] = 0;
}

/* The last group, which alone may be padded: octets written, or -1. */
static ptrdiff_t decode_tail(const char *s, uint8_t *to)
{
	unsigned a = digit(s[0]), b = digit(s[1]), c = digit(s[2]), d = digit(s[3]);

	if ((a | b) & BAD)
		return -1;
	if (s[3] != '=') {
		if ((c | d) & BAD)
			return -1;
		uint32_t v = a << 18 | b << 12 | c << 6 | d;
		to[0] = (uint8_t)(v >> 16);
		to[1] = (uint8_t)(v >> 8);
		to[2] = (uint8_t)v;
		return 3;
	}
	to[0] = (uint8_t)(a << 2 | b >> 4);
	if (s[2] == '=')
		return b & 15 ? -1 : 1;
	if (c & (BAD | 3))
		return -1;
	to[1] = (uint8_t)(b << 4 | c >> 2);
	return 2;
}

ptrdiff_t b64_decode(const char *s, size_t n, uint8_t *to)
{
	uint8_t *start = to;

	if (n % 4 != 0)
		return -1;
	if (n == 0)
		return 0;
	for (; n > 4; n -= 4, s += 4, to += 3) {
		unsigned a = digit(s[0]), b = digit(s[1]), c = digit(s[2]), d = digit(s[3]);

		if ((a | b | c | d) & BAD)
			return -1;
		uint32_t v = a << 18 | b << 12 | c << 6 | d;
		to[0] = (uint8_t)(v >> 16);
		to[1] = (uint8_t)(v >> 8);
		to[2] = (uint8_t)v;
	}

	ptrdiff_t tail = decode_tail(s, to);
	return tail < 0 ? -1 : to - start + tail;
}
