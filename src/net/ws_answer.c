#include "net/ws_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/json.h"

enum { THEIRS_MAX = 200, CHUNK_LINE_MAX = 64, DAY_MS = 86400000 };

void ws_answer_done(struct ws_answer *a)
{
	buf_done(&a->head);
	buf_done(&a->body);
}

static enum ws_answer_verdict bad(struct ws_answer *a, const char *why)
{
	snprintf(a->why, sizeof(a->why), "%s", why);
	return ANSWER_BAD;
}

/* --- the head -------------------------------------------------------------------------- */

struct line {
	struct bytes name, value;
};

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct bytes trim(struct bytes b)
{
	while (b.n && is_space(b.p[0]))
		b = bytes_sub(b, 1, b.n - 1);
	while (b.n && (is_space(b.p[b.n - 1]) || b.p[b.n - 1] == '\r'))
		b.n--;
	return b;
}

/* The next line of *rest without its end; false: there is none. */
static bool take_line(struct bytes *rest, struct bytes *line)
{
	const uint8_t *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	if (!end)
		return false;
	size_t n = (size_t)(end - rest->p);
	*line = bytes_sub(*rest, 0, n && rest->p[n - 1] == '\r' ? n - 1 : n);
	*rest = bytes_sub(*rest, n + 1, rest->n - n - 1);
	return true;
}

static bool same_word(struct bytes b, const char *word)
{
	return b.n == strlen(word) && strncasecmp((const char *)b.p, word, b.n) == 0;
}

static bool split_line(struct bytes line, struct line *out)
{
	const uint8_t *colon = line.n ? memchr(line.p, ':', line.n) : NULL;

	if (!colon || colon == line.p)
		return false;
	size_t n = (size_t)(colon - line.p);
	*out = (struct line){ bytes_sub(line, 0, n), trim(bytes_sub(line, n + 1, line.n - n - 1)) };
	return true;
}

static struct bytes field(const struct ws_answer *a, const char *name)
{
	struct bytes rest = buf_bytes(&a->head), line;
	struct line l;

	while (take_line(&rest, &line))
		if (split_line(line, &l) && same_word(l.name, name))
			return l.value;
	return (struct bytes){ 0 };
}

/* Is the word in the comma-separated list? */
static bool lists(struct bytes list, const char *word)
{
	while (list.n) {
		const uint8_t *comma = memchr(list.p, ',', list.n);
		size_t n = comma ? (size_t)(comma - list.p) : list.n;

		if (same_word(trim(bytes_sub(list, 0, n)), word))
			return true;
		n += comma != NULL;
		list = bytes_sub(list, n, list.n - n);
	}
	return false;
}

static bool number(struct bytes b, unsigned base, size_t *out)
{
	char text[20], *end;

	if (b.n == 0 || b.n >= sizeof(text))
		return false;
	memcpy(text, b.p, b.n);
	text[b.n] = 0;
	if (strspn(text, base == 16 ? "0123456789abcdefABCDEF" : "0123456789") != b.n)
		return false;
	*out = (size_t)strtoull(text, &end, (int)base);
	return true;
}

/* RFC 9112, 4: HTTP/1.1 and three digits. */
static bool read_status(struct bytes line, unsigned *status)
{
	size_t n;

	if (line.n < 12 || !bytes_starts(line, "HTTP/1.") || line.p[8] != ' ' ||
	    (line.n > 12 && line.p[12] != ' ') || !number(bytes_sub(line, 9, 3), 10, &n))
		return false;
	*status = (unsigned)n;
	return n >= 100;
}

static enum ws_answer_verdict check_upgrade(struct ws_answer *a)
{
	char expected[WS_ACCEPT_LEN + 1];
	struct bytes protocol = field(a, "Sec-WebSocket-Protocol");

	if (!same_word(field(a, "Upgrade"), "websocket") || !lists(field(a, "Connection"), "upgrade"))
		return bad(a, "the server switched to something else than WebSocket");
	if (!ws_accept_key(bytes_str(a->key), expected) ||
	    !bytes_is(field(a, "Sec-WebSocket-Accept"), expected))
		return bad(a, "the server's Sec-WebSocket-Accept is wrong");
	if (field(a, "Sec-WebSocket-Extensions").p)
		return bad(a, "the server uses an extension that was not offered");
	if (protocol.p && (!a->protocol || !bytes_is(protocol, a->protocol)))
		return bad(a, "the server chose a subprotocol that was not offered");
	if (protocol.p)
		snprintf(a->chosen, sizeof(a->chosen), "%s", a->protocol);
	return ANSWER_OPEN;
}

static void note_retry(struct ws_answer *a)
{
	size_t n = 0;

	if (number(field(a, "retry-after-ms"), 10, &n))
		a->retry_after_ms = MIN(n, (size_t)DAY_MS);
	else if (number(field(a, "Retry-After"), 10, &n))
		a->retry_after_ms = MIN(n, (size_t)DAY_MS / 1000) * 1000;
}

/* --- the body ---------------------------------------------------------------------------- */

/* One line of their words: control characters are blanks, broken UTF-8 is cut. */
static void tell(struct ws_answer *a, struct bytes words)
{
	size_t n = (size_t)snprintf(a->why, sizeof(a->why), "the server answers %u", a->status);
	size_t left = MIN(words.n, (size_t)THEIRS_MAX);

	if (left && left < words.n)
		while (left && (words.p[left] & 0xc0) == 0x80)
			left--;
	if (left && n + 2 + left < sizeof(a->why)) {
		memcpy(a->why + n, ": ", 2);
		n += 2;
		for (size_t i = 0; i < left; i++)
			a->why[n++] = words.p[i] < ' ' || words.p[i] == 0x7f ? ' ' : (char)words.p[i];
		a->why[n] = 0;
	}
}

/* {"error":{"message":…}}, {"error":"…"}, {"message":…}; anything else than JSON is left out: a
 * proxy's page says nothing to people. */
static enum ws_answer_verdict refused(struct ws_answer *a)
{
	char why[160];
	AUTO(json) json_t *body = a->body.n ? json_parse(buf_bytes(&a->body), why) : NULL;
	const json_t *error = json_object_get(body, "error");
	const char *message = json_is_string(error) ? json_string_value(error) :
						      json_str(error, "message", NULL);

	if (!message)
		message = json_str(body, "message", "");
	tell(a, bytes_str(message));
	return ANSWER_REFUSED;
}

static enum ws_answer_verdict begin_body(struct ws_answer *a)
{
	struct bytes length = field(a, "Content-Length");

	a->in_body = true;
	a->body_left = SIZE_MAX;
	a->chunked = lists(field(a, "Transfer-Encoding"), "chunked");
	if (a->chunked)
		a->body_left = 0;
	else if (length.p && !number(length, 10, &a->body_left))
		return bad(a, "the server's Content-Length is no number");
	return a->body_left == 0 && !a->chunked ? refused(a) : ANSWER_MORE;
}

static void keep(struct ws_answer *a, struct bytes part)
{
	buf_put(&a->body, part.p, MIN(part.n, ANSWER_BODY_MAX - MIN(a->body.n, (size_t)ANSWER_BODY_MAX)));
}

/* The size line of a chunk collects in `head`, which nobody needs any more. */
static enum ws_answer_verdict chunk_size(struct ws_answer *a, uint8_t c)
{
	size_t n;

	if (c != '\n') {
		buf_putc(&a->head, (char)c);
		return a->head.n > CHUNK_LINE_MAX ? bad(a, "the server's chunks are broken") :
						    ANSWER_MORE;
	}
	struct bytes line = trim(buf_bytes(&a->head));
	const uint8_t *more = line.n ? memchr(line.p, ';', line.n) : NULL;
	if (more)
		line = trim(bytes_sub(line, 0, (size_t)(more - line.p)));
	if (line.n == 0) { /* the end of the chunk before */
		buf_reset(&a->head);
		return ANSWER_MORE;
	}
	if (!number(line, 16, &n))
		return bad(a, "the server's chunks are broken");
	buf_reset(&a->head);
	a->body_left = n;
	return n == 0 ? refused(a) : ANSWER_MORE;
}

static enum ws_answer_verdict take_body(struct ws_answer *a, struct bytes in, size_t *used)
{
	enum ws_answer_verdict v = ANSWER_MORE;

	while (v == ANSWER_MORE && *used < in.n) {
		if (a->chunked && a->body_left == 0) {
			v = chunk_size(a, in.p[(*used)++]);
			continue;
		}
		size_t n = MIN(in.n - *used, a->body_left);

		keep(a, bytes_sub(in, *used, n));
		*used += n;
		if (a->body_left != SIZE_MAX)
			a->body_left -= n;
		if (a->body.n >= ANSWER_BODY_MAX || a->body.failed ||
		    (a->body_left == 0 && !a->chunked))
			v = refused(a);
	}
	return v;
}

/* --- all of it ------------------------------------------------------------------------------ */

static enum ws_answer_verdict on_head(struct ws_answer *a)
{
	struct bytes rest = buf_bytes(&a->head), line;
	struct line l;

	if (!take_line(&rest, &line) || !read_status(line, &a->status))
		return bad(a, "the server does not speak HTTP");
	while (take_line(&rest, &line) && line.n)
		if (!split_line(line, &l))
			return bad(a, "the server's answer is no HTTP");
	if (a->status == 101)
		return check_upgrade(a);
	if (a->status < 200) {
		buf_reset(&a->head);
		return ANSWER_MORE;
	}
	note_retry(a);
	enum ws_answer_verdict v = begin_body(a);
	buf_reset(&a->head);
	return v;
}

static bool head_is_whole(const struct buf *h)
{
	return (h->n >= 4 && memcmp(h->p + h->n - 4, "\r\n\r\n", 4) == 0) ||
	       (h->n >= 2 && memcmp(h->p + h->n - 2, "\n\n", 2) == 0);
}

enum ws_answer_verdict ws_answer_input(struct ws_answer *a, struct bytes in, size_t *used)
{
	enum ws_answer_verdict v = ANSWER_MORE;

	*used = 0;
	while (v == ANSWER_MORE && *used < in.n && !a->in_body) {
		buf_putc(&a->head, (char)in.p[(*used)++]);
		if (a->head.failed)
			return bad(a, "memory ran out");
		if (head_is_whole(&a->head))
			v = on_head(a);
		else if (a->head.n >= ANSWER_HEAD_MAX)
			v = bad(a, "the server's answer has too long a head");
	}
	if (v == ANSWER_MORE && a->in_body)
		v = take_body(a, in, used);
	return v;
}

enum ws_answer_verdict ws_answer_end(struct ws_answer *a)
{
	if (a->in_body)
		return refused(a);
	return bad(a, "the server closed before it had answered");
}
