/* A question, the one before it, and what was found: passages, a line each, or (first octet
 * odd) JSON, which a client's own search may send. What is quoted stands there.
 * Links: the engine layer. */
#include <stdlib.h>

#include "base/alloc.h"
#include "document/utf8.h"
#include "engine/answer.h"
#include "engine/topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct bytes next_line(struct bytes *rest)
{
	const uint8_t *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	struct bytes line = { rest->p, end ? (size_t)(end - rest->p) : rest->n };

	*rest = bytes_sub(*rest, MIN(line.n + 1, rest->n), rest->n - MIN(line.n + 1, rest->n));
	return line;
}

static char *copy(struct bytes b)
{
	char *s = mem_printf("%.*s", (int)b.n, b.n ? (const char *)b.p : "");

	if (!s)
		abort();
	return s;
}

static json_t *results_of(struct bytes rest)
{
	json_t *list = json_array();

	for (int i = 0; rest.n && i < 16; i++) {
		struct bytes t = next_line(&rest);

		if (json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:i, s:s, s:i, s:i, s:s%}",
							  "document", i / 4, "file", "staff-manual.md",
							  "title", "Staff Manual of the Isle", "page", i,
							  "heading", "Annual leave", "start", 100, "end",
							  (int)(100 + t.n), "text", t.p, t.n)) != 0)
			abort();
	}
	return json_pack("{s:o}", "results", list);
}

static void check(const struct answer *a, const json_t *results)
{
	if (a->n_parts > ANSWER_PARTS_MAX)
		abort();
	for (size_t i = 0; i < a->n_parts; i++) {
		const char *quote = json_str(a->parts[i].source, "quote", NULL);
		bool stands = false;

		for (size_t k = 0; quote && k < json_array_size(json_object_get(results, "results")); k++) {
			const char *text = json_str(
				json_array_get(json_object_get(results, "results"), k), "text", "");

			stands = stands || strstr(text, quote);
		}
		if (!a->parts[i].text || !*a->parts[i].text || !a->parts[i].whereabouts || !stands)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(buf) struct buf text = { 0 };
	char why[160];

	if (n == 0)
		return 0;
	json_init();
	utf8_import(&text, bytes_of(p + 1, n - 1));
	struct bytes rest = buf_bytes(&text), line = next_line(&rest);
	AUTO(mem) char *question = copy(line);
	line = next_line(&rest);
	AUTO(mem) char *before = copy(line);
	AUTO(json) json_t *results = p[0] & 1 ? json_parse(rest, why) : results_of(rest);
	AUTO(mem) char *query = answer_query(question, *before ? before : NULL);
	AUTO(mem) char *topic = topic_of(question);
	AUTO(answer) struct answer a = { 0 };

	if (!topic || answer_find(&a, query, p[0] & 2 ? ANSWER_HEARD : ANSWER_TYPED, results) != 0)
		abort();
	check(&a, results);
	return 0;
}
