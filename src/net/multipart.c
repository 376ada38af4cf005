#include "net/multipart.h"

#include <strings.h>

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct bytes trim(struct bytes b)
{
	while (b.n && is_blank(b.p[0]))
		b = bytes_sub(b, 1, b.n - 1);
	while (b.n && is_blank(b.p[b.n - 1]))
		b.n--;
	return b;
}

static struct bytes skip(struct bytes b, size_t n)
{
	return bytes_sub(b, n, b.n - n);
}

static bool same(struct bytes a, const char *b)
{
	return a.n == strlen(b) && strncasecmp((const char *)a.p, b, a.n) == 0;
}

/* Octets up to `c`, or all. */
static struct bytes until(struct bytes b, uint8_t c)
{
	const uint8_t *at = b.n ? memchr(b.p, c, b.n) : NULL;

	return bytes_sub(b, 0, at ? (size_t)(at - b.p) : b.n);
}

/* --- "value; key=token; key="quoted"" ----------------------------------------------- */

/* A quoted string at the start of b: *inside without the quotes; octets used, 0: not closed. */
static size_t take_quoted(struct bytes b, struct bytes *inside)
{
	for (size_t i = 1; i < b.n; i++) {
		if (b.p[i] == '\\' && i + 1 < b.n) {
			i++;
		} else if (b.p[i] == '"') {
			*inside = bytes_sub(b, 1, i - 1);
			return i + 1;
		}
	}
	return 0;
}

/* The next ";key=value" of *rest. false: no more, or malformed. */
static bool take_param(struct bytes *rest, struct bytes *key, struct bytes *value)
{
	struct bytes b = trim(*rest);

	if (b.n == 0 || b.p[0] != ';')
		return false;
	b = skip(b, 1);
	*key = until(b, '=');
	if (key->n == b.n)
		return false;
	b = skip(b, key->n + 1);
	*key = trim(*key);
	while (b.n && is_blank(b.p[0]))
		b = skip(b, 1);
	if (b.n && b.p[0] == '"') {
		size_t n = take_quoted(b, value);

		if (n == 0)
			return false;
		b = skip(b, n);
	} else {
		struct bytes token = until(b, ';');

		*value = trim(token);
		b = skip(b, token.n);
	}
	*rest = b;
	return true;
}

/* "main; …": the parameter, or {NULL, 0}. */
static struct bytes find_param(struct bytes field, const char *wanted)
{
	struct bytes rest = skip(field, until(field, ';').n), key, value;

	while (take_param(&rest, &key, &value))
		if (same(key, wanted))
			return value;
	return (struct bytes){ 0 };
}

/* --- parts ---------------------------------------------------------------------------- */

/* The header lines of a part, each with its CRLF. */
static bool take_headers(struct bytes lines, struct multipart_part *p)
{
	while (lines.n) {
		struct bytes line = until(lines, '\r');

		if (line.n == 0 || line.n + 1 >= lines.n || lines.p[line.n + 1] != '\n' ||
		    memchr(line.p, '\n', line.n) || memchr(line.p, 0, line.n))
			return false;
		lines = skip(lines, line.n + 2);
		struct bytes name = until(line, ':');
		if (name.n == line.n)
			return false;
		struct bytes value = trim(skip(line, name.n + 1));
		if (same(name, "Content-Type")) {
			p->type = value;
		} else if (same(name, "Content-Disposition")) {
			if (!same(trim(until(value, ';')), "form-data"))
				return false;
			p->name = find_param(value, "name");
			p->filename = find_param(value, "filename");
		}
	}
	return p->name.p != NULL; /* RFC 7578, 4.2: each part must have one */
}

/* `rest` starts behind a delimiter that is not the last: take one part, leave *rest behind
 * the next delimiter. */
static bool take_part(struct bytes *rest, struct bytes delimiter, struct multipart_part *out)
{
	struct multipart_part p = { 0 };
	struct bytes b = *rest;

	while (b.n && is_blank(b.p[0])) /* transport padding, RFC 2046, 5.1.1 */
		b = skip(b, 1);
	if (!bytes_starts(b, "\r\n"))
		return false;
	/* From the CRLF of the delimiter, so that "no headers" looks like any other end. */
	const uint8_t *end = memmem(b.p, MIN(b.n, (size_t)MULTIPART_HEAD_MAX), "\r\n\r\n", 4);
	if (!end)
		return false;
	size_t head = (size_t)(end - b.p);
	if (head > 0 && !take_headers(bytes_sub(b, 2, head), &p))
		return false;
	b = skip(b, head + 4);
	const uint8_t *next = memmem(b.p, b.n, delimiter.p, delimiter.n);
	if (!next || head == 0)
		return false;
	p.body = bytes_sub(b, 0, (size_t)(next - b.p));
	*rest = skip(b, p.body.n + delimiter.n);
	*out = p;
	return true;
}

static bool take_boundary(struct bytes content_type, struct bytes *out)
{
	if (!same(trim(until(content_type, ';')), "multipart/form-data"))
		return false;
	*out = find_param(content_type, "boundary");
	return out->n > 0 && out->n <= MULTIPART_BOUNDARY_MAX && out->p[out->n - 1] != ' ' &&
	       !memchr(out->p, '\\', out->n);
}

enum multipart_verdict multipart_parse(struct bytes content_type, struct bytes body,
				       struct multipart *out)
{
	uint8_t text[4 + MULTIPART_BOUNDARY_MAX] = "\r\n--";
	struct multipart m = { 0 };
	struct bytes boundary, rest;

	if (!take_boundary(content_type, &boundary))
		return MULTIPART_OTHER_TYPE;
	memcpy(text + 4, boundary.p, boundary.n);
	struct bytes delimiter = bytes_of(text, 4 + boundary.n);
	struct bytes first = bytes_sub(delimiter, 2, delimiter.n - 2);

	if (body.n >= first.n && memcmp(body.p, first.p, first.n) == 0) {
		rest = skip(body, first.n);
	} else {
		const uint8_t *at = memmem(body.p, body.n, delimiter.p, delimiter.n);

		if (!at)
			return MULTIPART_MALFORMED;
		rest = skip(body, (size_t)(at - body.p) + delimiter.n);
	}
	while (!bytes_starts(rest, "--")) {
		if (m.n == MULTIPART_PARTS_MAX)
			return MULTIPART_TOO_MANY;
		if (!take_part(&rest, delimiter, &m.parts[m.n++]))
			return MULTIPART_MALFORMED;
	}
	*out = m;
	return MULTIPART_OK;
}

const struct multipart_part *multipart_find(const struct multipart *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (bytes_is(m->parts[i].name, name))
			return &m->parts[i];
	return NULL;
}

bool multipart_text(struct bytes raw, char *to, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < raw.n; i++) {
		uint8_t c = raw.p[i];

		if (c == '\\' && i + 1 < raw.n && (raw.p[i + 1] == '"' || raw.p[i + 1] == '\\')) {
			c = raw.p[++i];
		} else if (raw.n - i > 2 && memcmp(raw.p + i, "%22", 3) == 0) {
			c = '"';
			i += 2;
		}
		if (c < 0x20 || c == 0x7f || n + 1 >= cap)
			return false;
		to[n++] = (char)c;
	}
	if (cap == 0)
		return false;
	to[n] = 0;
	return true;
}
