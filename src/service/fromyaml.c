#include "service/fromyaml.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

enum { DEPTH_MAX = 32, NODES_MAX = 200000, NUMBER_MAX = 40 };

struct reading {
	yaml_parser_t parser;
	char *why;
	size_t n_nodes;
};

static json_t *refuse(struct reading *r, const char *what, const yaml_event_t *e)
{
	snprintf(r->why, 160, "line %zu: %s", e->start_mark.line + 1, what);
	return NULL;
}

/* --- scalars -------------------------------------------------------------------------------------- */

static json_t *number_of(const char *s)
{
	char *end;

	if (strlen(s) > NUMBER_MAX || s[strspn(s, "+-.0123456789eE")] || !strpbrk(s, "0123456789"))
		return NULL;
	errno = 0;
	long long i = strtoll(s, &end, 10);
	if (!*end && errno == 0)
		return json_integer(i);
	double d = strtod(s, &end);
	return !*end && isfinite(d) ? json_real(d) : NULL;
}

/* NULL: it is a string. */
static json_t *plain_of(const char *s)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	static const char *const trues[] = { "true", "True", "TRUE" };
	static const char *const falses[] = { "false", "False", "FALSE" };

	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		if (strcmp(nulls[i], s) == 0)
			return json_null();
	for (size_t i = 0; i < ARRAY_LEN(trues); i++) {
		if (strcmp(trues[i], s) == 0)
			return json_true();
		if (strcmp(falses[i], s) == 0)
			return json_false();
	}
	return number_of(s);
}

static json_t *scalar_of(struct reading *r, const yaml_event_t *e)
{
	const char *s = (const char *)e->data.scalar.value;

	if (strlen(s) != e->data.scalar.length)
		return refuse(r, "the character U+0000 is not accepted", e);
	json_t *v = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain_of(s) : NULL;
	if (!v)
		v = json_string(s);
	return v ? v : refuse(r, "out of memory", e);
}

/* --- nodes ---------------------------------------------------------------------------------------- */

static json_t *node_of(struct reading *r, const yaml_event_t *e, unsigned depth);

static bool next(struct reading *r, yaml_event_t *e)
{
	if (yaml_parser_parse(&r->parser, e))
		return true;
	snprintf(r->why, 160, "line %zu: %.120s", r->parser.problem_mark.line + 1,
		 r->parser.problem ? r->parser.problem : "no YAML");
	return false;
}

static json_t *list_of(struct reading *r, unsigned depth)
{
	AUTO(json) json_t *list = json_array();
	yaml_event_t e;

	while (next(r, &e)) {
		bool end = e.type == YAML_SEQUENCE_END_EVENT;
		json_t *v = end ? NULL : node_of(r, &e, depth);

		yaml_event_delete(&e);
		if (end)
			return list ? json_incref(list) : NULL;
		if (!v || json_array_append_new(list, v) < 0)
			break;
	}
	return NULL;
}

static bool member_of(struct reading *r, const yaml_event_t *key, json_t *object, unsigned depth)
{
	yaml_event_t e;

	if (key->type != YAML_SCALAR_EVENT) {
		(void)refuse(r, "a key is a word", key);
		return false;
	}
	if (!next(r, &e))
		return false;
	json_t *v = node_of(r, &e, depth);
	yaml_event_delete(&e);
	return v && json_object_set_new(object, (const char *)key->data.scalar.value, v) == 0;
}

static json_t *object_of(struct reading *r, unsigned depth)
{
	AUTO(json) json_t *object = json_object();
	yaml_event_t e;

	while (next(r, &e)) {
		bool end = e.type == YAML_MAPPING_END_EVENT;
		bool ok = end || member_of(r, &e, object, depth);

		yaml_event_delete(&e);
		if (end)
			return object ? json_incref(object) : NULL;
		if (!ok)
			break;
	}
	return NULL;
}

static json_t *node_of(struct reading *r, const yaml_event_t *e, unsigned depth)
{
	if (depth >= DEPTH_MAX || ++r->n_nodes > NODES_MAX)
		return refuse(r, "too deep, or too much", e);
	if (e->type == YAML_SCALAR_EVENT)
		return scalar_of(r, e);
	if (e->type == YAML_SEQUENCE_START_EVENT)
		return list_of(r, depth + 1);
	if (e->type == YAML_MAPPING_START_EVENT)
		return object_of(r, depth + 1);
	return refuse(r, e->type == YAML_ALIAS_EVENT ? "aliases are not accepted" : "there is no value", e);
}

/* Up to the first node: stream and document begin before it. */
static json_t *document_of(struct reading *r)
{
	yaml_event_t e;

	while (next(r, &e)) {
		bool begins = e.type == YAML_STREAM_START_EVENT || e.type == YAML_DOCUMENT_START_EVENT;
		json_t *v = begins ? NULL : node_of(r, &e, 0);

		yaml_event_delete(&e);
		if (!begins)
			return v;
	}
	return NULL;
}

json_t *json_from_yaml(struct bytes text, char why[static 160])
{
	struct reading r = { .why = why };

	snprintf(why, 160, "out of memory");
	if (!yaml_parser_initialize(&r.parser))
		return NULL;
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, text.p ? text.p : (const uint8_t *)"", text.n);
	json_t *v = document_of(&r);
	yaml_parser_delete(&r.parser);
	return v;
}
