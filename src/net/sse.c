#include "net/sse.h"

void sse_init(struct sse *s, size_t max)
{
	*s = (struct sse){ .max = max };
}

void sse_done(struct sse *s)
{
	buf_done(&s->line);
	buf_done(&s->data);
}

/* --- fields --------------------------------------------------------------------------------------- */

static bool keep_name(char *to, size_t cap, struct bytes v)
{
	if (v.n >= cap)
		return false;
	if (v.n)
		memcpy(to, v.p, v.n);
	to[v.n] = 0;
	return true;
}

static enum sse_verdict take_event(struct sse *s, struct bytes v)
{
	return keep_name(s->type, sizeof(s->type), v) ? SSE_OK : SSE_TOO_LONG;
}

static enum sse_verdict take_data(struct sse *s, struct bytes v)
{
	if (v.n + s->has_data > s->max - MIN(s->max, s->data.n))
		return SSE_TOO_LONG;
	if (s->has_data)
		buf_putc(&s->data, '\n');
	buf_put(&s->data, v.p, v.n);
	s->has_data = true;
	return s->data.failed ? SSE_NO_MEMORY : SSE_OK;
}

static enum sse_verdict take_id(struct sse *s, struct bytes v)
{
	if (v.n && memchr(v.p, 0, v.n))
		return SSE_OK;
	return keep_name(s->id, sizeof(s->id), v) ? SSE_OK : SSE_TOO_LONG;
}

static enum sse_verdict take_retry(struct sse *s, struct bytes v)
{
	uint64_t ms = 0;

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9' || i > 8)
			return SSE_OK;
		ms = ms * 10 + (v.p[i] - '0');
	}
	s->retry_ms = v.n ? ms : s->retry_ms;
	return SSE_OK;
}

static const struct {
	const char *name;
	enum sse_verdict (*take)(struct sse *s, struct bytes value);
} fields[] = {
	{ "data", take_data },
	{ "event", take_event },
	{ "id", take_id },
	{ "retry", take_retry },
};

static enum sse_verdict take_field(struct sse *s, struct bytes line)
{
	const uint8_t *colon = memchr(line.p, ':', line.n);
	struct bytes name = bytes_sub(line, 0, colon ? (size_t)(colon - line.p) : line.n);
	struct bytes value = bytes_sub(line, name.n, line.n - name.n);

	if (value.n) /* the colon */
		value = bytes_sub(value, 1, value.n - 1);
	if (value.n && value.p[0] == ' ')
		value = bytes_sub(value, 1, value.n - 1);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (bytes_is(name, fields[i].name))
			return fields[i].take(s, value);
	return SSE_OK; /* a comment, or what we do not know */
}

/* --- lines ----------------------------------------------------------------------------------------- */

static enum sse_verdict dispatch(struct sse *s, bool (*on_event)(void *, const struct sse_event *),
				 void *owner)
{
	const struct sse_event e = { s->type[0] ? s->type : "message",
				     s->data.p ? (const char *)s->data.p : "", s->data.n, s->id };
	bool go_on = !s->has_data || on_event(owner, &e);

	buf_reset(&s->data);
	s->has_data = false;
	s->type[0] = 0;
	return go_on ? SSE_OK : SSE_STOPPED;
}

/* One line without its end; most lie in the part that came, and are not copied. */
static enum sse_verdict take_line(struct sse *s, struct bytes line,
				  bool (*on_event)(void *, const struct sse_event *), void *owner)
{
	bool held = s->line.n > 0;

	if (line.n > s->max - MIN(s->max, s->line.n))
		return SSE_TOO_LONG;
	if (held) {
		buf_put(&s->line, line.p, line.n);
		if (s->line.failed)
			return SSE_NO_MEMORY;
		line = buf_bytes(&s->line);
	}
	if (!s->begun && bytes_starts(line, "\xef\xbb\xbf"))
		line = bytes_sub(line, 3, line.n - 3);
	s->begun = true;
	enum sse_verdict v = line.n ? take_field(s, line) : dispatch(s, on_event, owner);
	if (held)
		buf_reset(&s->line);
	return v;
}

enum sse_verdict sse_push(struct sse *s, struct bytes part,
			  bool (*on_event)(void *owner, const struct sse_event *e), void *owner)
{
	enum sse_verdict v = SSE_OK;
	size_t from = 0;

	for (size_t i = 0; i < part.n && v == SSE_OK; i++) {
		uint8_t c = part.p[i];

		if (c != '\n' && c != '\r') {
			s->after_cr = false;
			continue;
		}
		if (c == '\n' && s->after_cr) { /* the second half of a line's end */
			s->after_cr = false;
			from = i + 1;
			continue;
		}
		s->after_cr = c == '\r';
		v = take_line(s, bytes_sub(part, from, i - from), on_event, owner);
		from = i + 1;
	}
	if (v != SSE_OK || from >= part.n)
		return v;
	struct bytes rest = bytes_sub(part, from, part.n - from);
	if (rest.n > s->max - MIN(s->max, s->line.n))
		return SSE_TOO_LONG;
	buf_put(&s->line, rest.p, rest.n);
	return s->line.failed ? SSE_NO_MEMORY : SSE_OK;
}
