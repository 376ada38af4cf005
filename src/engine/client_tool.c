#include "engine/client_tool.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/quoted.h"

/* --- which ------------------------------------------------------------------------------- */

/* What a function about searching calls itself, where a word begins. */
static const char *const searching[] = { "search", "look up",	"lookup",   "retriev",
					 "query",  "knowledge", "document", "grounding" };

/* "searchDocuments", "search-documents" and "search documents" are alike: words in lower case. */
static void spread(const char *from, char *to, size_t size)
{
	size_t n = 0;

	for (const char *p = from; *p && n + 2 < size; p++) {
		bool hump = isupper((unsigned char)*p) && p > from &&
			    islower((unsigned char)p[-1]);

		if (hump)
			to[n++] = ' ';
		to[n++] = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : ' ';
	}
	to[n] = '\0';
}

static bool speaks_of_searching(const char *text)
{
	char words[512];

	spread(text, words, sizeof(words));
	for (size_t i = 0; i < ARRAY_LEN(searching); i++)
		for (const char *at = words; (at = strstr(at, searching[i])); at++)
			if (at == words || at[-1] == ' ')
				return true;
	return false;
}

static bool is_search(const json_t *tool)
{
	return speaks_of_searching(json_str(tool, "name", "")) ||
	       speaks_of_searching(json_str(tool, "description", ""));
}

static bool is_our_search(const json_t *tool)
{
	const json_t *takes = json_object_get(json_object_get(tool, "parameters"), "properties");

	return strcmp(json_str(tool, "name", ""), "search") == 0 &&
	       (!takes || json_object_get(takes, "query"));
}

static bool is_client(const json_t *tool)
{
	return strcmp(json_str(tool, "type", "function"), "function") == 0 &&
	       json_str(tool, "name", "")[0] && !is_our_search(tool);
}

enum tool_want client_want(const json_t *choice)
{
	const char *word = json_string_value(choice);

	if (json_is_object(choice) || (word && strcmp(word, "required") == 0))
		return TOOL_MUST;
	return word && strcmp(word, "none") == 0 ? TOOL_NEVER : TOOL_MAY;
}

/* --- arguments --------------------------------------------------------------------------- */

static bool mentions(const char *question, const char *word)
{
	return word[0] && strcasestr(question, word);
}

/* The one that the question names, or the first. */
static json_t *choose(const json_t *choices, const char *question)
{
	for (size_t i = 0; i < json_array_size(choices); i++) {
		json_t *v = json_array_get(choices, i);

		if (json_is_string(v) && mentions(question, json_string_value(v)))
			return json_incref(v);
	}
	return json_incref(json_array_get(choices, 0));
}

/* The first number in the question, within the schema's limits. */
static json_t *number(const json_t *schema, const char *question, bool whole)
{
	double least = json_num(schema, "minimum", 0), most = json_num(schema, "maximum", 1e9);
	const char *digits = strpbrk(question, "0123456789");
	double v = digits ? strtod(digits, NULL) : json_num(schema, "default", MAX(least, 1));

	v = MIN(MAX(v, least), most);
	return whole ? json_integer((json_int_t)v) : json_real(v);
}

static json_t *fill(const json_t *schema, const char *question, unsigned depth);

static json_t *fill_object(const json_t *schema, const char *question, unsigned depth)
{
	json_t *properties = json_object_get(schema, "properties"), *v;
	json_t *required = json_object_get(schema, "required");
	AUTO(json) json_t *to = json_object();
	const char *key;
	bool any = json_array_size(required) > 0, first = true;

	json_object_foreach (properties, key, v) {
		bool wanted = json_has_word(required, key) || (!any && first && depth == 0);

		first = false;
		if (wanted && json_object_set_new(to, key, fill(v, question, depth + 1)) < 0)
			return NULL;
	}
	return to ? json_incref(to) : NULL;
}

/* A value of the schema's type. What is text is the question itself. */
static json_t *fill(const json_t *schema, const char *question, unsigned depth)
{
	enum { DEPTH_MAX = 8 };
	const json_t *types = json_object_get(schema, "type"), *choices = json_object_get(schema, "enum");
	const char *type = json_is_array(types) ? json_string_value(json_array_get(types, 0))
						: json_string_value(types);

	if (json_array_size(choices))
		return choose(choices, question);
	if (!type || strcmp(type, "string") == 0 || depth > DEPTH_MAX)
		return json_string(question);
	if (strcmp(type, "object") == 0)
		return fill_object(schema, question, depth);
	if (strcmp(type, "array") == 0) {
		json_t *items = json_object_get(schema, "items");
		return json_pack("[o]", fill(items, question, depth + 1));
	}
	if (strcmp(type, "integer") == 0 || strcmp(type, "number") == 0)
		return number(schema, question, type[0] == 'i');
	return strcmp(type, "boolean") == 0 ? json_boolean(json_flag(schema, "default", false))
					    : json_null();
}

/* --- calls ------------------------------------------------------------------------------- */

static bool add_call(json_t *calls, const json_t *tool, const char *question)
{
	AUTO(json)
	json_t *arguments = fill_object(json_object_get(tool, "parameters"), question, 0);
	AUTO(buf) struct buf text = { 0 };

	json_write(&text, arguments);
	return arguments && !text.failed &&
	       json_array_append_new(calls, json_pack("{s:O,s:s%}", "name",
						      json_object_get(tool, "name"), "arguments",
						      (const char *)text.p, text.n)) == 0;
}

/* Every one of the client's functions that `wanted` says yes to, up to `most`. */
static bool add_calls(json_t *calls, const json_t *tools, bool (*wanted)(const json_t *tool),
		      size_t most, const char *question)
{
	for (size_t i = 0; i < json_array_size(tools) && json_array_size(calls) < most; i++) {
		const json_t *t = json_array_get(tools, i);

		if (is_client(t) && (!wanted || wanted(t)) && !add_call(calls, t, question))
			return false;
	}
	return true;
}

static bool add_named(json_t *calls, const json_t *tools, const char *name, const char *question)
{
	for (size_t i = 0; i < json_array_size(tools); i++) {
		const json_t *t = json_array_get(tools, i);

		if (is_client(t) && strcmp(json_str(t, "name", ""), name) == 0)
			return add_call(calls, t, question);
	}
	return true;
}

json_t *client_calls(const json_t *tools, const json_t *choice, const char *question)
{
	AUTO(json) json_t *calls = json_array();
	enum tool_want want = client_want(choice);
	bool ok = calls != NULL;

	if (ok && json_is_object(choice))
		ok = add_named(calls, tools, json_str(choice, "name", ""), question);
	else if (ok && want != TOOL_NEVER)
		ok = add_calls(calls, tools, is_search, CLIENT_CALLS_MAX, question);
	/* One must be called, and none is about searching: the first. */
	if (ok && want == TOOL_MUST && !json_is_object(choice) && json_array_size(calls) == 0)
		ok = add_calls(calls, tools, NULL, 1, question);
	return ok ? json_incref(calls) : NULL;
}

/* --- outputs ----------------------------------------------------------------------------- */

/* Members that hold the text of a passage, and what it is called. */
static const char *const texts[] = { "content", "text",	   "chunk",  "passage", "snippet",
				     "answer",	"summary", "result", "value",	"body" };
static const char *const titles[] = { "title",	"sourcePage", "source", "name",
				      "document", "file",     "url",	"id" };

static const char *first_text(const json_t *object, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *v = json_str(object, names[i], NULL);

		if (v && v[0])
			return v;
	}
	return NULL;
}

/* Appends what `v` holds; does not go deep: an object, or an array, or an object of one. */
static bool collect(const json_t *v, json_t *to, unsigned depth)
{
	const char *text = first_text(v, texts, ARRAY_LEN(texts));
	const char *title = first_text(v, titles, ARRAY_LEN(titles));
	const char *key;
	json_t *inner;
	size_t i;

	if (text)
		return json_array_append_new(to, json_pack("{s:s,s:s,s:s,s:i,s:i,s:s}", "document", "",
							   "file", title ? title : "", "title",
							   title ? title : "", "start", 0, "end",
							   (int)strlen(text), "text", text)) == 0;
	if (depth > 2)
		return true;
	json_array_foreach (v, i, inner)
		if (!collect(inner, to, depth + 1))
			return false;
	json_object_foreach ((json_t *)(uintptr_t)v, key, inner)
		if ((json_is_array(inner) || json_is_object(inner)) && !collect(inner, to, depth + 1))
			return false;
	return true;
}

json_t *client_results(const char *output, bool *no_memory)
{
	char why[160];
	AUTO(json) json_t *v = json_parse(bytes_str(output), why);
	AUTO(json) json_t *list = json_array();

	*no_memory = false;
	if (!json_is_object(v) && !json_is_array(v))
		return NULL;
	if (!list || !collect(v, list, 0)) {
		*no_memory = true;
		return NULL;
	}
	/* "results": [] is a search that found nothing, and nothing to be read out. */
	return json_array_size(list) || json_is_array(json_object_get(v, "results")) ?
		       json_pack("{s:O}", "results", list) :
		       NULL;
}

static void say_value(const json_t *v, struct buf *to)
{
	if (json_is_string(v))
		buf_puts(to, json_string_value(v));
	else if (json_is_boolean(v))
		buf_puts(to, json_is_true(v) ? "yes" : "no");
	else if (json_is_null(v))
		buf_puts(to, "nothing");
	else
		json_write(to, v);
}

void client_text(const char *output, struct buf *to)
{
	char why[160], name[64];
	AUTO(json) json_t *v = json_parse(bytes_str(output), why);
	const char *key, *gap = "";
	json_t *inner;

	if (!json_is_object(v)) {
		if (v)
			say_value(v, to);
		else
			buf_puts(to, output);
		return;
	}
	json_object_foreach (v, key, inner) {
		/* Said to a model, not by one. */
		if (strcmp(key, QUOTED_MEMBER) == 0 && json_is_string(inner) &&
		    strcmp(json_string_value(inner), quoted_notice) == 0)
			continue;
		spread(key, name, sizeof(name));
		buf_printf(to, "%s%s: ", gap, name);
		say_value(inner, to);
		gap = ", ";
	}
	buf_putc(to, '.');
}
