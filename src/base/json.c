#include "base/json.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

/* jansson's own limit is 2048 levels, and its parser recurses. */
enum { DEPTH_MAX = 64 };

/* jansson's scanner ignores that its buffer could not grow, and then writes beyond the
 * string it makes (2.14). So while it parses, an allocation that fails is tried once more,
 * and the result is thrown away. */
static _Thread_local enum { NOT_PARSING, PARSING, PARSING_FAILED } parsing;

static void *alloc_for_jansson(size_t n)
{
	void *p = mem_alloc(n);

	if (p || parsing == NOT_PARSING)
		return p;
	parsing = PARSING_FAILED;
	return mem_alloc(n);
}

void json_init(void)
{
	json_set_alloc_funcs(alloc_for_jansson, mem_free);
}

/* Depth as the brackets outside strings say; wrong text is left to the parser. */
static bool too_deep(struct bytes t)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < t.n; i++) {
		uint8_t c = t.p[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
			continue;
		}
		if (c == '"')
			quoted = true;
		else if ((c == '[' || c == '{') && ++depth > DEPTH_MAX)
			return true;
		else if ((c == ']' || c == '}') && depth > 0)
			depth--;
	}
	return false;
}

json_t *json_parse(struct bytes t, char why[static 160])
{
	json_error_t e;

	if (too_deep(t)) {
		snprintf(why, 160, "nested deeper than %d levels", DEPTH_MAX);
		return NULL;
	}
	parsing = PARSING;
	json_t *v = json_loadb((const char *)t.p, t.n, JSON_DECODE_ANY, &e);
	bool failed = parsing == PARSING_FAILED;
	parsing = NOT_PARSING;
	if (failed) {
		json_decref(v);
		snprintf(why, 160, "out of memory");
		return NULL;
	}
	enum json_error_code code = json_error_code(&e);
	if (!v && (code == json_error_null_character || code == json_error_null_byte_in_key))
		snprintf(why, 160, "the character U+0000 is not accepted");
	else if (!v)
		snprintf(why, 160, "line %d, column %d: %.100s", e.line, e.column, e.text);
	return v;
}

static int into_buf(const char *s, size_t n, void *b)
{
	buf_put(b, s, n);
	return ((struct buf *)b)->failed ? -1 : 0;
}

void json_write(struct buf *b, const json_t *v)
{
	if (!v || json_dump_callback(v, into_buf, b, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) != 0)
		b->failed = true;
}

const char *json_str(const json_t *o, const char *key, const char *fallback)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : fallback;
}

int64_t json_int(const json_t *o, const char *key, int64_t fallback)
{
	const json_t *v = json_object_get(o, key);
	return json_is_integer(v) ? (int64_t)json_integer_value(v) : fallback;
}

double json_num(const json_t *o, const char *key, double fallback)
{
	const json_t *v = json_object_get(o, key);
	return json_is_number(v) ? json_number_value(v) : fallback;
}

bool json_flag(const json_t *o, const char *key, bool fallback)
{
	const json_t *v = json_object_get(o, key);
	return json_is_boolean(v) ? json_is_true(v) : fallback;
}

bool json_has_word(const json_t *list, const char *word)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *v = json_string_value(json_array_get(list, i));

		if (v && strcmp(v, word) == 0)
			return true;
	}
	return false;
}

void json_quote(struct buf *b, struct bytes s)
{
	static const char hex[] = "0123456789abcdef";
	size_t from = 0;

	buf_putc(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_put(b, s.p + from, i - from);
		from = i + 1;
		if (c >= 0x20) {
			const char out[] = { '\\', (char)c };
			buf_put(b, out, 2);
		} else {
			const char out[] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
			buf_put(b, out, 6);
		}
	}
	buf_put(b, s.p + from, s.n - from);
	buf_putc(b, '"');
}
