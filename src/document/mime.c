#include "document/mime.h"

#include <stdio.h>
#include <strings.h>

#include "document/charset.h"
#include "document/utf8.h"

static bool same(struct bytes a, const char *s)
{
	return a.n == strlen(s) && strncasecmp((const char *)a.p, s, a.n) == 0;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct bytes trim(struct bytes t)
{
	while (t.n && is_space(t.p[0]))
		t = bytes_sub(t, 1, t.n - 1);
	while (t.n && is_space(t.p[t.n - 1]))
		t.n--;
	return t;
}

/* From *pos to behind the line's end. */
static struct bytes next_line(struct bytes t, size_t *pos)
{
	const uint8_t *nl = memchr(t.p + *pos, '\n', t.n - *pos);
	size_t from = *pos, n = (nl ? (size_t)(nl - t.p) + 1 : t.n) - from;

	*pos += n;
	return bytes_sub(t, from, n);
}

void mime_split(struct bytes e, struct bytes *header, struct bytes *body)
{
	for (size_t pos = 0; pos < e.n;) {
		size_t from = pos;

		if (trim(next_line(e, &pos)).n)
			continue;
		*header = bytes_sub(e, 0, from);
		*body = bytes_sub(e, pos, e.n - pos);
		return;
	}
	*header = e;
	*body = bytes_sub(e, e.n, 0);
}

struct bytes mime_field(struct bytes h, const char *name)
{
	size_t n = strlen(name);

	for (size_t pos = 0; pos < h.n;) {
		size_t from = pos;
		struct bytes line = next_line(h, &pos);

		if (line.n <= n || line.p[n] != ':' || !same(bytes_sub(line, 0, n), name))
			continue;
		while (pos < h.n && (h.p[pos] == ' ' || h.p[pos] == '\t'))
			line.n += next_line(h, &pos).n;
		return trim(bytes_sub(h, from + n + 1, line.n - n - 1));
	}
	return (struct bytes){ 0 };
}

/* --- encodings --------------------------------------------------------------------------- */

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int hex2(struct bytes t, size_t i)
{
	int a = i + 1 < t.n ? hex(t.p[i]) : -1, b = a >= 0 ? hex(t.p[i + 1]) : -1;

	return b >= 0 ? a * 16 + b : -1;
}

static void put_base64(struct buf *to, struct bytes t)
{
	uint32_t bits = 0;
	unsigned n = 0;

	for (size_t i = 0; i < t.n && t.p[i] != '=' && !to->failed; i++) {
		uint8_t c = t.p[i];
		int v = c >= 'A' && c <= 'Z'   ? c - 'A'
			: c >= 'a' && c <= 'z' ? c - 'a' + 26
			: c >= '0' && c <= '9' ? c - '0' + 52
			: c == '+'	       ? 62
			: c == '/'	       ? 63
					       : -1;

		if (v < 0)
			continue; /* line ends, and what mailing lists put in */
		bits = bits << 6 | (uint32_t)v;
		if (++n % 4 != 1)
			buf_putc(to, (char)(bits >> (8 - n % 4 * 2) % 8 & 0xff));
	}
}

/* `space`: what an underscore is (RFC 2047, 4.2); 0 in a body. */
static void put_quoted(struct buf *to, struct bytes t, char space)
{
	for (size_t i = 0; i < t.n && !to->failed; i++) {
		int v = t.p[i] == '=' ? hex2(t, i + 1) : -1;

		if (v >= 0) {
			buf_putc(to, (char)v);
			i += 2;
		} else if (t.p[i] == '=' && i + 1 < t.n && is_space(t.p[i + 1])) {
			while (i + 1 < t.n && t.p[i + 1] != '\n') /* a soft line break */
				i++;
			i++;
		} else {
			buf_putc(to, space && t.p[i] == '_' ? space : (char)t.p[i]);
		}
	}
}

void mime_decode(struct buf *to, struct bytes body, struct bytes encoding)
{
	encoding = trim(encoding);
	if (same(encoding, "base64"))
		put_base64(to, body);
	else if (same(encoding, "quoted-printable"))
		put_quoted(to, body, 0);
	else
		buf_put(to, body.p, body.n);
}

/* --- words for people ---------------------------------------------------------------------- */

static const uint8_t *find(const uint8_t *p, const uint8_t *end, uint8_t c)
{
	return p && p < end ? memchr(p, c, (size_t)(end - p)) : NULL;
}

/* "=?charset?Q?text?=" at i; returns its length or 0. */
static size_t encoded_word(struct buf *to, struct bytes t, size_t i)
{
	const uint8_t *end = t.p + t.n, *charset = t.p + i + 2, *a, *b, *c;

	if (i + 8 > t.n || t.p[i] != '=' || t.p[i + 1] != '?')
		return 0;
	a = find(charset, end, '?');
	b = a ? find(a + 1, end, '?') : NULL;
	c = b ? find(b + 1, end, '?') : NULL;
	if (!c || b != a + 2 || c + 1 >= end || c[1] != '=')
		return 0;
	AUTO(buf) struct buf raw = { 0 };
	struct bytes name = bytes_of(charset, (size_t)(a - charset)), text = bytes_of(b + 1, (size_t)(c - b) - 1);
	if ((a[1] | 32) == 'b')
		put_base64(&raw, text);
	else
		put_quoted(&raw, text, ' ');
	charset_import(to, buf_bytes(&raw), name);
	to->failed |= raw.failed;
	return (size_t)(c + 2 - (t.p + i));
}

void mime_words(struct buf *to, struct bytes raw)
{
	AUTO(buf) struct buf plain = { 0 };
	bool after_word = false;

	for (size_t i = 0; i < raw.n && !to->failed && !plain.failed;) {
		AUTO(buf) struct buf word = { 0 };
		size_t n = encoded_word(&word, raw, i);

		to->failed |= word.failed;
		if (!n) {
			buf_putc(&plain, is_space(raw.p[i]) ? ' ' : (char)raw.p[i]);
			i++;
			continue;
		}
		/* White space between encoded words is none (RFC 2047, 6.2). */
		if (!after_word || trim(buf_bytes(&plain)).n)
			charset_import(to, buf_bytes(&plain), (struct bytes){ 0 });
		buf_reset(&plain);
		buf_put(to, word.p, word.n);
		after_word = true;
		i += n;
	}
	charset_import(to, buf_bytes(&plain), (struct bytes){ 0 });
	to->failed |= plain.failed;
}

/* --- parameters --------------------------------------------------------------------------------- */

struct bytes mime_value(struct bytes field)
{
	const uint8_t *end = field.n ? memchr(field.p, ';', field.n) : NULL;

	return trim(bytes_of(field.p, end ? (size_t)(end - field.p) : field.n));
}

/* The next "name=value" at *pos, a quoted value without its quotes. */
static bool next_parameter(struct bytes f, size_t *pos, struct bytes *name, struct bytes *value)
{
	size_t i = *pos;

	while (i < f.n && f.p[i] != ';')
		i++;
	if (i >= f.n)
		return false;
	const uint8_t *eq = memchr(f.p + i, '=', f.n - i);
	if (!eq)
		return false;
	*name = trim(bytes_of(f.p + i + 1, (size_t)(eq - f.p) - i - 1));
	i = (size_t)(eq - f.p) + 1;
	while (i < f.n && is_space(f.p[i]))
		i++;
	if (i < f.n && f.p[i] == '"') {
		const uint8_t *end = memchr(f.p + i + 1, '"', f.n - i - 1);
		size_t n = end ? (size_t)(end - f.p) - i - 1 : f.n - i - 1;

		*value = bytes_sub(f, i + 1, n);
		*pos = MIN(i + 2 + n, f.n);
		return true;
	}
	size_t from = i;
	while (i < f.n && f.p[i] != ';')
		i++;
	*value = trim(bytes_sub(f, from, i - from));
	*pos = i;
	return true;
}

static void put_percent(struct buf *to, struct bytes t)
{
	for (size_t i = 0; i < t.n; i++) {
		int v = t.p[i] == '%' ? hex2(t, i + 1) : -1;

		buf_putc(to, v >= 0 ? (char)v : (char)t.p[i]);
		i += v >= 0 ? 2 : 0;
	}
}

/* name*=charset'language'text, name*0*=…, name*1=… (RFC 2231, 3 and 4). */
static void put_extended(struct buf *to, struct bytes field, const char *name)
{
	AUTO(buf) struct buf raw = { 0 };
	struct bytes n, v, charset = { 0 };
	size_t k = strlen(name);

	for (size_t pos = 0; next_parameter(field, &pos, &n, &v);) {
		if (n.n <= k || n.p[k] != '*' || !same(bytes_sub(n, 0, k), name))
			continue;
		if (n.p[n.n - 1] != '*') {
			buf_put(&raw, v.p, v.n);
			continue;
		}
		const uint8_t *a = raw.n ? NULL : find(v.p, v.p + v.n, '\'');
		const uint8_t *b = a ? find(a + 1, v.p + v.n, '\'') : NULL;
		if (b) {
			charset = bytes_of(v.p, (size_t)(a - v.p));
			v = bytes_of(b + 1, (size_t)(v.p + v.n - b) - 1);
		}
		put_percent(&raw, v);
	}
	charset_import(to, buf_bytes(&raw), charset);
	to->failed |= raw.failed;
}

void mime_parameter(struct buf *to, struct bytes field, const char *name)
{
	struct bytes n, v;

	for (size_t pos = 0; next_parameter(field, &pos, &n, &v);) {
		if (!same(n, name))
			continue;
		mime_words(to, v); /* not allowed there, and often done */
		return;
	}
	put_extended(to, field, name);
}

/* --- parts ------------------------------------------------------------------------------------------ */

/* Is the line at `at` a boundary? */
static bool is_boundary(struct bytes line, struct bytes b)
{
	return b.n && line.n >= b.n + 2 && line.p[0] == '-' && line.p[1] == '-' &&
	       memcmp(line.p + 2, b.p, b.n) == 0;
}

bool mime_part(struct bytes body, struct bytes boundary, size_t *pos, struct bytes *part)
{
	size_t from = *pos;
	bool inside = false;

	while (*pos < body.n) {
		size_t at = *pos;
		struct bytes line = next_line(body, pos);

		if (!is_boundary(line, boundary))
			continue;
		struct bytes rest = trim(bytes_sub(line, boundary.n + 2, line.n - boundary.n - 2));
		if (inside) {
			*part = bytes_sub(body, from, at - from);
			*pos = at;
			return true;
		}
		if (bytes_starts(rest, "--"))
			return false;
		inside = true;
		from = *pos;
	}
	*part = bytes_sub(body, from, body.n - from);
	return inside && part->n;
}
