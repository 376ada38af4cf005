#include "document/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <strings.h>
#include <uchardet/uchardet.h>

#include "document/utf8.h"

enum { LOOK = 65536, NAME_MAX_ = 32, FEW = 4 };

/* What documents and libuchardet name, and as what it is read: WHATWG's Encoding Standard
 * takes the supersets that people mean. Also the list of converters that are kept open. */
static struct converter {
	const char *name, *as;
	iconv_t kept; /* zero: not open */
} converters[] = {
	{ "iso-8859-1", "windows-1252", 0 }, { "us-ascii", "windows-1252", 0 },
	{ "ascii", "windows-1252", 0 },	     { "latin1", "windows-1252", 0 },
	{ "windows-1252", NULL, 0 },	     { "cp1252", "windows-1252", 0 },
	{ "windows-1250", NULL, 0 },	     { "windows-1251", NULL, 0 },
	{ "cp1251", "windows-1251", 0 },     { "windows-1253", NULL, 0 },
	{ "windows-1254", NULL, 0 },	     { "iso-8859-9", "windows-1254", 0 },
	{ "windows-1255", NULL, 0 },	     { "windows-1256", NULL, 0 },
	{ "windows-1257", NULL, 0 },	     { "windows-1258", NULL, 0 },
	{ "iso-8859-2", NULL, 0 },	     { "iso-8859-3", NULL, 0 },
	{ "iso-8859-4", NULL, 0 },	     { "iso-8859-5", NULL, 0 },
	{ "iso-8859-6", NULL, 0 },	     { "iso-8859-7", NULL, 0 },
	{ "iso-8859-8", NULL, 0 },	     { "iso-8859-8-i", "iso-8859-8", 0 },
	{ "iso-8859-10", NULL, 0 },	     { "iso-8859-11", "tis-620", 0 },
	{ "iso-8859-13", NULL, 0 },	     { "iso-8859-14", NULL, 0 },
	{ "iso-8859-15", NULL, 0 },	     { "iso-8859-16", NULL, 0 },
	{ "koi8-r", NULL, 0 },		     { "koi8-u", NULL, 0 },
	{ "ibm852", NULL, 0 },		     { "ibm855", NULL, 0 },
	{ "ibm866", NULL, 0 },		     { "macintosh", NULL, 0 },
	{ "mac-cyrillic", NULL, 0 },	     { "maccyrillic", "mac-cyrillic", 0 },
	{ "tis-620", NULL, 0 },		     { "viscii", NULL, 0 },
	{ "shift_jis", "cp932", 0 },	     { "shift-jis", "cp932", 0 },
	{ "sjis", "cp932", 0 },		     { "windows-31j", "cp932", 0 },
	{ "cp932", NULL, 0 },		     { "euc-jp", NULL, 0 },
	{ "iso-2022-jp", NULL, 0 },	     { "iso-2022-kr", NULL, 0 },
	{ "gb18030", NULL, 0 },		     { "gb2312", "gb18030", 0 },
	{ "gbk", "gb18030", 0 },	     { "big5", "big5-hkscs", 0 },
	{ "big5-hkscs", NULL, 0 },	     { "euc-tw", NULL, 0 },
	{ "euc-kr", "uhc", 0 },		     { "ks_c_5601-1987", "uhc", 0 },
	{ "uhc", NULL, 0 },		     { "cp949", "uhc", 0 },
	{ "johab", NULL, 0 },
};

static struct converter *find(struct bytes name)
{
	for (size_t i = 0; i < ARRAY_LEN(converters); i++) {
		struct converter *c = &converters[i];

		if (strlen(c->name) == name.n &&
		    strncasecmp(c->name, (const char *)name.p, name.n) == 0)
			return c->as ? find(bytes_str(c->as)) : c;
	}
	return NULL;
}

static iconv_t open_converter(const struct converter *c)
{
	return iconv_open("UTF-8", c->name);
}

void charset_warm(void)
{
	for (size_t i = 0; i < ARRAY_LEN(converters); i++) {
		struct converter *c = &converters[i];

		if (c->as || c->kept)
			continue;
		iconv_t open = open_converter(c);
		if (open != (iconv_t)-1)
			c->kept = open;
	}
}

/* Line ends become \n, NUL a space. From `start` to the end of `to`, in place. */
static void mend_lines(struct buf *to, size_t start)
{
	size_t n = start;
	uint8_t before = 0;

	if (to->n == start)
		return;
	const uint8_t *cr = memchr(to->p + start, '\r', to->n - start);
	size_t first = cr ? (size_t)(cr - to->p) : to->n;
	const uint8_t *nul = memchr(to->p + start, 0, to->n - start);

	n = nul ? MIN(first, (size_t)(nul - to->p)) : first;
	for (size_t i = n; i < to->n; i++) {
		uint8_t c = to->p[i];

		if (c != '\n' || before != '\r')
			to->p[n++] = c == '\r' ? '\n' : c ? c : ' ';
		before = c;
	}
	to->n = n;
	to->p[n] = 0;
}

static void convert(struct buf *to, struct bytes raw, iconv_t c)
{
	char *in = (char *)(uintptr_t)raw.p;
	size_t left = raw.n;

	while (left && !to->failed) {
		size_t room = MIN(left * 2 + 16, (size_t)1 << 20);
		char *out = buf_reserve(to, room), *at = out;

		if (!out)
			return;
		size_t r = iconv(c, &in, &left, &at, &room);
		to->n += (size_t)(at - out);
		to->p[to->n] = 0;
		if (r != (size_t)-1 || errno == E2BIG)
			continue;
		/* EILSEQ: skip an octet; EINVAL: cut off in the middle of a character. */
		utf8_put(to, UTF8_BAD);
		if (errno == EINVAL)
			return;
		in++;
		left--;
	}
}

static bool import_by(struct buf *to, struct bytes raw, struct bytes name)
{
	struct converter *c = name.n && name.n < NAME_MAX_ ? find(name) : NULL;
	iconv_t open = c ? c->kept ? c->kept : open_converter(c) : (iconv_t)-1;

	if (open == (iconv_t)-1)
		return false;
	iconv(open, NULL, NULL, NULL, NULL);
	convert(to, raw, open);
	if (!c->kept)
		iconv_close(open);
	return true;
}

static uint32_t unit16(const uint8_t *p, bool big)
{
	return big ? be16(p) : (uint32_t)(p[0] | p[1] << 8);
}

static void import_utf16(struct buf *to, struct bytes raw, bool big)
{
	for (size_t i = 0; i + 1 < raw.n; i += 2) {
		uint32_t u = unit16(raw.p + i, big);

		if (u >= 0xd800 && u < 0xdc00 && i + 3 < raw.n) {
			uint32_t low = unit16(raw.p + i + 2, big);

			if (low >= 0xdc00 && low < 0xe000) {
				u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
				i += 2;
			}
		}
		utf8_put(to, u);
	}
}

static void import_utf32(struct buf *to, struct bytes raw, bool big)
{
	for (size_t i = 0; i + 3 < raw.n; i += 4) {
		const uint8_t *p = raw.p + i;

		utf8_put(to, big ? be32(p)
				 : (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
					   (uint32_t)p[3] << 24);
	}
}

/* Windows-1252 is Latin-1 with these in 0x80..0x9f. */
static const uint16_t cp1252[32] = {
	0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
	0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
};

static void import_1252(struct buf *to, struct bytes raw)
{
	for (size_t i = 0; i < raw.n && !to->failed; i++)
		utf8_put(to, raw.p[i] >= 0x80 && raw.p[i] < 0xa0 ? cp1252[raw.p[i] - 0x80] : raw.p[i]);
}

/* --- which one ------------------------------------------------------------------ */

enum wide { NARROW, UTF16_LE, UTF16_BE, UTF32_LE, UTF32_BE };

static const struct {
	const char *mark;
	size_t n;
	enum wide wide;
} marks[] = {
	{ "\xff\xfe\0\0", 4, UTF32_LE }, { "\0\0\xfe\xff", 4, UTF32_BE },
	{ "\xff\xfe", 2, UTF16_LE },	 { "\xfe\xff", 2, UTF16_BE },
	{ "\xef\xbb\xbf", 3, NARROW },
};

static enum wide mark_of(struct bytes raw, size_t *n)
{
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		if (raw.n < marks[i].n || memcmp(raw.p, marks[i].mark, marks[i].n) != 0)
			continue;
		*n = marks[i].n;
		return marks[i].wide;
	}
	*n = 0;
	return NARROW;
}

/* Latin text in UTF-16 without a mark: every other octet is zero. */
static enum wide wide_by_zeros(struct bytes raw)
{
	size_t n = MIN(raw.n, (size_t)4096), even = 0, odd = 0;

	for (size_t i = 0; i + 1 < n; i += 2) {
		even += raw.p[i] == 0;
		odd += raw.p[i + 1] == 0;
	}
	if (n < 8 || even + odd < n / 5)
		return NARROW;
	return odd > even * 20 ? UTF16_LE : even > odd * 20 ? UTF16_BE : NARROW;
}

bool charset_is_text(struct bytes raw)
{
	size_t n;

	return mark_of(raw, &n) != NARROW || wide_by_zeros(raw) != NARROW ||
	       !memchr(raw.p, 0, MIN(raw.n, (size_t)LOOK));
}

static bool guess(struct bytes raw, char to[static NAME_MAX_])
{
	uchardet_t u = uchardet_new();

	if (!u)
		return false;
	bool ok = uchardet_handle_data(u, (const char *)raw.p, MIN(raw.n, (size_t)LOOK)) == 0;
	uchardet_data_end(u);
	snprintf(to, NAME_MAX_, "%s", ok ? uchardet_get_charset(u) : "");
	uchardet_delete(u);
	return *to != 0;
}

/* Too little to guess from: "caf\xe9". */
static bool is_nearly_ascii(struct bytes raw)
{
	size_t n = 0;

	for (size_t i = 0; i < raw.n && n < FEW; i++)
		n += raw.p[i] >= 0x80;
	return n < FEW;
}

static void import_narrow(struct buf *to, struct bytes raw, struct bytes declared)
{
	char guessed[NAME_MAX_];

	if (import_by(to, raw, declared))
		return;
	if (!is_nearly_ascii(raw) && guess(raw, guessed) && import_by(to, raw, bytes_str(guessed)))
		return;
	import_1252(to, raw);
}

void charset_import(struct buf *to, struct bytes raw, struct bytes declared)
{
	size_t mark, start = to->n;
	enum wide wide = mark_of(raw, &mark);

	if (!mark && memchr(raw.p ? raw.p : (const uint8_t *)"", 0, MIN(raw.n, (size_t)LOOK)))
		wide = wide_by_zeros(raw);
	raw = bytes_sub(raw, mark, raw.n - mark);
	switch (wide) {
	case UTF16_LE:
	case UTF16_BE:
		import_utf16(to, raw, wide == UTF16_BE);
		break;
	case UTF32_LE:
	case UTF32_BE:
		import_utf32(to, raw, wide == UTF32_BE);
		break;
	case NARROW:
		/* ISO-2022 writes Japanese in seven bits, which are valid UTF-8. */
		if (utf8_valid(raw) && !(declared.n > 9 && strncasecmp((const char *)declared.p,
								      "iso-2022-", 9) == 0))
			buf_put(to, raw.p, raw.n);
		else
			import_narrow(to, raw, declared);
		break;
	}
	mend_lines(to, start);
}

static struct bytes name_at(struct bytes t, size_t i)
{
	while (i < t.n && strchr(" \t\n\r\"'=", t.p[i]) && t.p[i])
		i++;
	size_t n = 0;
	while (i + n < t.n && n < NAME_MAX_ && t.p[i + n] > ' ' && !strchr("\"'>;/?", t.p[i + n]))
		n++;
	return bytes_sub(t, i, n);
}

struct bytes charset_declared(struct bytes raw)
{
	static const char *const words[] = { "charset", "encoding" };
	struct bytes head = bytes_of(raw.p, MIN(raw.n, (size_t)1024));

	for (size_t w = 0; w < ARRAY_LEN(words); w++) {
		size_t n = strlen(words[w]);

		for (size_t i = 0; i + n < head.n; i++)
			if (strncasecmp((const char *)head.p + i, words[w], n) == 0 &&
			    strchr("= ", head.p[i + n]))
				return name_at(head, i + n);
	}
	return (struct bytes){ 0 };
}
