#include "document/records.h"

#include "base/json.h"

enum {
	LONG_TEXT = 200,   /* octets of a value that is prose, not a field        */
	LONG_ROW = 1500,   /* octets of a record that is too long for one row     */
	LONG_ARRAY = 1 << 20, /* octets of an array that is read by its elements  */
	LEVELS = 6,
	LINES_LOOKED_AT = 2,
};

static const char *const title_keys[] = { "title", "name", "heading", "subject", "label", "id", NULL };
static const char *const proper_titles[] = { "title", "name", NULL };

static json_t *parse(struct bytes text)
{
	char why[160]; /* it is text, then: nobody asks */

	return json_parse(text, why);
}

static bool is_plain(const json_t *v)
{
	return !json_is_object(v) && !json_is_array(v);
}

/* Nothing for null. */
static void put_plain(struct buf *to, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		buf_put(to, json_string_value(v), json_string_length(v));
		return;
	case JSON_INTEGER:
		buf_printf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		return;
	case JSON_REAL:
		buf_printf(to, "%.15g", json_real_value(v));
		return;
	case JSON_TRUE:
		buf_puts(to, "yes");
		return;
	case JSON_FALSE:
		buf_puts(to, "no");
		return;
	case JSON_NULL:
	case JSON_OBJECT:
	case JSON_ARRAY:
		return;
	}
}

static bool is_long(const json_t *v)
{
	return json_is_string(v) && (json_string_length(v) > LONG_TEXT ||
				     memchr(json_string_value(v), '\n', json_string_length(v)));
}

static size_t begin_pair(struct buf *row, struct bytes path)
{
	if (row->n)
		buf_puts(row, "; ");
	buf_put(row, path.p, path.n);
	if (path.n)
		buf_puts(row, ": ");
	return row->n;
}

/* null and "" say nothing: the pair goes again. */
static void end_pair(struct buf *row, size_t before, size_t from)
{
	if (row->n == from && row->p)
		row->p[row->n = before] = 0;
}

static void put_pair(struct buf *row, struct bytes path, const json_t *v)
{
	size_t before = row->n, from = begin_pair(row, path);

	put_plain(row, v);
	end_pair(row, before, from);
}

static bool all_plain(const json_t *array)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		if (!is_plain(json_array_get(array, i)))
			return false;
	return true;
}

static void put_list(struct buf *row, struct bytes path, const json_t *array)
{
	size_t before = row->n, from = begin_pair(row, path);

	for (size_t i = 0; i < json_array_size(array); i++) {
		if (row->n > from)
			buf_puts(row, ", ");
		put_plain(row, json_array_get(array, i));
	}
	end_pair(row, before, from);
}

/* All that is in v as "path: value; path: value". The depth is json_parse()'s at most. */
static void put_flat(struct buf *row, struct buf *path, const json_t *v)
{
	size_t n = path->n;
	const char *key;
	json_t *m;

	if (is_plain(v)) {
		put_pair(row, buf_bytes(path), v);
	} else if (json_is_object(v)) {
		json_object_foreach((json_t *)(uintptr_t)v, key, m) {
			if (path->n)
				buf_putc(path, '.');
			buf_puts(path, key);
			put_flat(row, path, m);
			path->n = n;
		}
	} else if (all_plain(v)) {
		put_list(row, buf_bytes(path), v);
	} else {
		for (size_t i = 0; i < json_array_size(v); i++)
			put_flat(row, path, json_array_get(v, i));
	}
	if (path->p)
		path->p[path->n = n] = 0;
	row->failed |= path->failed;
}

static void add_row(struct outline *to, const struct buf *row)
{
	if (row->failed)
		to->text.failed = true;
	outline_add(to, BLOCK_ROW, 0, 0, buf_bytes(row));
}

/* A long text: its key before the first paragraph, an empty line ends one. */
static void put_prose(struct outline *to, const char *key, const json_t *v)
{
	struct bytes t = bytes_of(json_string_value(v), json_string_length(v));
	AUTO(buf) struct buf b = { 0 };

	if (*key && t.n <= LONG_TEXT * 2)
		buf_printf(&b, "%s: ", key);
	while (t.n) {
		const uint8_t *gap = memmem(t.p, t.n, "\n\n", 2);
		size_t n = gap ? (size_t)(gap - t.p) : t.n;

		buf_put(&b, t.p, n);
		if (b.failed)
			to->text.failed = true;
		outline_add(to, BLOCK_PARA, 0, 0, buf_bytes(&b));
		buf_reset(&b);
		n = gap ? n + 2 : n;
		t = bytes_sub(t, n, t.n - n);
	}
}

static const char *title_of(const json_t *object, const char *const *keys)
{
	for (; *keys; keys++) {
		const json_t *v = json_object_get(object, *keys);

		if (json_is_string(v) && json_string_length(v) && !is_long(v))
			return json_string_value(v);
	}
	return NULL;
}

static void put_value(struct outline *to, const char *key, const json_t *v, unsigned level);

static bool makes_heading(const json_t *v)
{
	return json_is_object(v) || (json_is_array(v) && !all_plain(v));
}

static void put_members(struct outline *to, const json_t *object, unsigned level)
{
	const char *key;
	json_t *v;

	/* What is below a heading would seem to go on below it: plain values first. */
	json_object_foreach((json_t *)(uintptr_t)object, key, v)
		if (!makes_heading(v))
			put_value(to, key, v, level);
	json_object_foreach((json_t *)(uintptr_t)object, key, v)
		if (makes_heading(v))
			put_value(to, key, v, level);
}

static bool has_long(const json_t *v, unsigned depth)
{
	const char *key;
	json_t *m;

	if (is_plain(v) || depth > 64)
		return is_long(v);
	if (json_is_object(v)) {
		json_object_foreach((json_t *)(uintptr_t)v, key, m)
			if (has_long(m, depth + 1))
				return true;
		return false;
	}
	for (size_t i = 0; i < json_array_size(v); i++)
		if (has_long(json_array_get(v, i), depth + 1))
			return true;
	return false;
}

/* One element of an array, or one line. */
static void put_record(struct outline *to, const json_t *v, unsigned level)
{
	AUTO(buf) struct buf row = { 0 };
	AUTO(buf) struct buf path = { 0 };

	put_flat(&row, &path, v);
	if (level > LEVELS || is_plain(v) || (row.n <= LONG_ROW && !has_long(v, 0))) {
		add_row(to, &row);
		return;
	}
	const char *title = json_is_object(v) ? title_of(v, title_keys) : NULL;
	if (title)
		outline_add(to, BLOCK_HEADING, level, 0, bytes_str(title));
	put_value(to, "", v, level + (title != NULL));
}

static void put_array(struct outline *to, const char *key, const json_t *v, unsigned level)
{
	AUTO(buf) struct buf row = { 0 };

	if (all_plain(v) && !has_long(v, 0)) {
		put_list(&row, bytes_str(key), v);
		add_row(to, &row);
		return;
	}
	if (*key) {
		outline_add(to, BLOCK_HEADING, level, 0, bytes_str(key));
		level++;
	}
	for (size_t i = 0; i < json_array_size(v) && !to->full && !to->text.failed; i++)
		put_record(to, json_array_get(v, i), level);
}

static void put_value(struct outline *to, const char *key, const json_t *v, unsigned level)
{
	AUTO(buf) struct buf row = { 0 };
	AUTO(buf) struct buf path = { 0 };

	if (is_long(v)) {
		put_prose(to, key, v);
	} else if (is_plain(v) || level > LEVELS) {
		buf_puts(&path, key);
		put_flat(&row, &path, v);
		add_row(to, &row);
	} else if (json_is_array(v)) {
		put_array(to, key, v, level);
	} else {
		if (*key)
			outline_add(to, BLOCK_HEADING, level, 0, bytes_str(key));
		put_members(to, v, level + (*key != 0));
	}
}

static uint8_t first_octet(struct bytes t)
{
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] > ' ')
			return t.p[i];
	return 0;
}

bool records_look_json(struct bytes t)
{
	size_t i = 0;

	if (bytes_starts(t, "\xef\xbb\xbf"))
		i = 3;
	while (i < t.n && t.p[i] <= ' ')
		i++;
	if (i >= t.n || (t.p[i] != '{' && t.p[i] != '['))
		return false;
	/* "[link](target)" and "[!NOTE]" are Markdown. */
	uint8_t open = t.p[i], next = first_octet(bytes_sub(t, i + 1, t.n - i - 1));
	return next && strchr(open == '{' ? "\"}" : "\"[{]-0123456789tfn", next);
}

static bool next_line(struct bytes *t, struct bytes *line)
{
	if (!t->n)
		return false;
	const uint8_t *nl = memchr(t->p, '\n', t->n);
	size_t n = nl ? (size_t)(nl - t->p) : t->n;

	*line = bytes_sub(*t, 0, n);
	n += nl != NULL;
	*t = bytes_sub(*t, n, t->n - n);
	return true;
}

static bool look_like_lines(struct bytes t)
{
	struct bytes line;
	unsigned good = 0;

	while (good < LINES_LOOKED_AT && next_line(&t, &line)) {
		if (!first_octet(line))
			continue;
		if ((first_octet(line) != '{' && first_octet(line) != '[') || line.n > LONG_ARRAY)
			return false;
		AUTO(json) json_t *v = parse(line);
		if (!v)
			return false;
		good++;
	}
	return good > 1;
}

/* --- long arrays: an element at a time, so that memory is for one of them ---------------- */

/* The octets of the element at *i, which is moved to the ',' or ']' behind it. */
static struct bytes element(struct bytes t, size_t *i)
{
	size_t from = *i, depth = 0;
	bool quoted = false;

	for (; *i < t.n; ++*i) {
		uint8_t c = t.p[*i];

		if (quoted) {
			quoted = c != '"';
			*i += c == '\\' && *i + 1 < t.n;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '[' || c == '{') {
			depth++;
		} else if (depth ? c == ']' || c == '}' : c == ']' || c == ',') {
			if (!depth)
				break;
			depth--;
		}
	}
	return bytes_sub(t, from, *i - from);
}

static void drop_to(struct outline *to, size_t n_blocks)
{
	while (to->n_blocks > n_blocks)
		outline_drop(to);
}

static enum extract_verdict read_long_array(struct outline *to, struct bytes t)
{
	size_t before = to->n_blocks, i = 0;

	while (t.p[i] != '[')
		i++;
	do {
		i++;
		AUTO(json) json_t *v = parse(element(t, &i));

		if (!v || i >= t.n) {
			drop_to(to, before);
			return EXTRACT_MALFORMED;
		}
		put_record(to, v, 1);
	} while (t.p[i] == ',' && !to->full && !to->text.failed);
	return to->text.failed ? EXTRACT_NO_MEMORY : EXTRACT_OK;
}

enum extract_verdict records_read_json(struct outline *to, struct bytes text)
{
	if (text.n > LONG_ARRAY && first_octet(text) == '[')
		return read_long_array(to, text);
	AUTO(json) json_t *v = parse(text);

	if (!v)
		return EXTRACT_MALFORMED;
	const char *title = json_is_object(v) ? title_of(v, proper_titles) : NULL;
	if (title)
		outline_title(to, bytes_str(title));
	if (json_is_array(v))
		put_array(to, "", v, 1);
	else
		put_value(to, "", v, 1);
	return to->text.failed ? EXTRACT_NO_MEMORY : EXTRACT_OK;
}

enum extract_verdict records_read_lines(struct outline *to, struct bytes text)
{
	struct bytes line;

	if (!look_like_lines(text))
		return EXTRACT_MALFORMED;
	while (next_line(&text, &line) && !to->full && !to->text.failed) {
		AUTO(json) json_t *v = first_octet(line) ? parse(line) : NULL;

		if (v)
			put_record(to, v, 1);
		else
			outline_add(to, BLOCK_PARA, 0, 0, line);
	}
	return to->text.failed ? EXTRACT_NO_MEMORY : EXTRACT_OK;
}
