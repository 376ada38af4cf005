/* What models and users say, against what was found: a line is a sentence of an answer, a query, an answer to a
 * question for consent and a tool's output; the lines up to an empty one are passages, or (first octet
 * odd) all of it is JSON. What is cited stands there. Links: the engine layer. */
#include <stdlib.h>

#include "base/alloc.h"
#include "document/utf8.h"
#include "engine/assent.h"
#include "engine/covers.h"
#include "engine/ground.h"
#include "engine/quoted.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct bytes next_line(struct bytes *rest)
{
	const uint8_t *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	struct bytes line = { rest->p, end ? (size_t)(end - rest->p) : rest->n };

	*rest = bytes_sub(*rest, MIN(line.n + 1, rest->n), rest->n - MIN(line.n + 1, rest->n));
	return line;
}

static json_t *results_of(struct bytes *rest)
{
	json_t *list = json_array();

	for (int i = 0; rest->n && i < 40; i++) {
		struct bytes t = next_line(rest);

		if (!t.n)
			break;
		if (json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:i, s:i, s:s%}", "document", i / 4, "title",
							  "Staff Manual", "heading", "Annual leave", "start", 100 * i,
							  "end", 100, "text", t.p, t.n)) != 0)
			abort();
	}
	return json_pack("{s:o}", "results", list);
}

static void check(const json_t *source, const json_t *output)
{
	const json_t *results = json_object_get(output, "results");
	const char *quote = json_str(source, "quote", NULL);
	bool stands = false;

	for (size_t i = 0; quote && i < json_array_size(results); i++)
		stands = stands || strstr(json_str(json_array_get(results, i), "text", ""), quote);
	if (!stands || json_int(source, "end", 0) < json_int(source, "start", 0))
		abort();
}

static void try_line(const struct ground *g, const json_t *output, const char *line)
{
	bool no_memory;
	struct sought a, b;
	char why[160];
	AUTO(json) json_t *source = ground_find(g, bytes_str(line), &no_memory);
	AUTO(mem) char *marked = quoted_mark(line);
	AUTO(json) json_t *v = marked ? json_parse(bytes_str(marked), why) : NULL;

	if (no_memory || !marked)
		abort();
	if (source)
		check(source, output);
	/* Nested as deep as JSON may be, the mark makes it deeper. */
	if (v && strcmp(json_str(v, QUOTED_MEMBER, ""), quoted_notice) != 0)
		abort();
	sought_make(&a, line);
	sought_make(&b, line + strlen(line) / 2);
	if (a.n && !a.more && (!sought_same(&a, &a) || !sought_covers(&a, &a)))
		abort();
	(void)!sought_covers(&a, &b);
	(void)!sought_verbatim(line, line + strlen(line) / 2);
	(void)assent_of(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(buf) struct buf text = { 0 };
	struct ground *made = NULL;
	char why[160];

	if (n == 0)
		return 0;
	json_init();
	utf8_import(&text, bytes_of(p + 1, n - 1));
	struct bytes rest = buf_bytes(&text), all = rest;
	AUTO(json) json_t *output = p[0] & 1 ? json_parse(all, why) : results_of(&rest);
	if (ground_new(&made) != 0)
		abort();
	AUTO(ground) struct ground *g = made;
	if (output && ground_add(g, output) != 0)
		abort();
	for (int i = 0; rest.n && i < 20; i++) {
		struct bytes t = next_line(&rest);
		AUTO(mem) char *line = mem_printf("%.*s", (int)t.n, t.n ? (const char *)t.p : "");

		if (!line)
			abort();
		try_line(g, output, line);
	}
	return 0;
}
