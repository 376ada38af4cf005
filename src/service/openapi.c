#include "service/openapi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "service/fromyaml.h"

enum { DEPTH_MAX = 16, POINTER_MAX = 512 };

struct reading {
	struct openapi *o;
	const json_t *root;
	char *why;
	bool no_memory;
	size_t n_nodes; /* of the schema at work */
};

/* --- $ref ----------------------------------------------------------------------------------------- */

/* One step of a JSON pointer (RFC 6901): "~1" is "/", "~0" is "~". */
static const json_t *step(const json_t *at, const char *from, size_t n)
{
	char key[POINTER_MAX];
	size_t k = 0;

	for (size_t i = 0; i < n && k + 1 < sizeof(key); i++) {
		bool escaped = from[i] == '~' && i + 1 < n && (from[i + 1] == '0' || from[i + 1] == '1');

		key[k++] = !escaped ? from[i] : from[i + 1] == '1' ? '/' : '~';
		i += escaped;
	}
	key[k] = 0;
	return json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10)) : json_object_get(at, key);
}

/* Within the document; NULL: it leads nowhere. */
static const json_t *find(const json_t *root, const char *ref)
{
	const json_t *at = root;

	if (ref[0] != '#' || (ref[1] && ref[1] != '/') || strlen(ref) >= POINTER_MAX)
		return NULL;
	for (const char *s = ref + 1; at && *s == '/';) {
		size_t n = strcspn(s + 1, "/");

		at = step(at, s + 1, n);
		s += 1 + n;
	}
	return at;
}

static const json_t *follow(const struct reading *r, const json_t *v)
{
	for (unsigned i = 0; i < DEPTH_MAX; i++) {
		const char *ref = json_str(v, "$ref", NULL);

		if (!ref)
			return v;
		v = find(r->root, ref);
	}
	return NULL;
}

/* --- schemas --------------------------------------------------------------------------------------- */

/* Members that say nothing to a model. */
static const char *const dropped[] = { "example", "examples", "xml", "externalDocs", "discriminator", "deprecated",
				       "readOnly", "writeOnly" };

static bool is_dropped(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(dropped); i++)
		if (strcmp(dropped[i], key) == 0)
			return true;
	return strncmp(key, "x-", 2) == 0;
}

/* Without $refs: a new value. What refers to itself, and what is too large, becomes {}. */
static json_t *inlined(struct reading *r, const json_t *v, unsigned depth)
{
	const char *key;
	json_t *inner, *to;
	size_t i;

	v = follow(r, v);
	if (!v || depth > DEPTH_MAX || ++r->n_nodes > OPENAPI_NODES_MAX)
		return json_object();
	if (json_is_array(v)) {
		to = json_array();
		json_array_foreach(v, i, inner)
			if (json_array_append_new(to, inlined(r, inner, depth + 1)) < 0)
				r->no_memory = true;
		return to;
	}
	if (!json_is_object(v))
		return json_deep_copy(v);
	to = json_object();
	json_object_foreach((json_t *)(uintptr_t)v, key, inner)
		if (!is_dropped(key) && json_object_set_new(to, key, inlined(r, inner, depth + 1)) < 0)
			r->no_memory = true;
	return to;
}

static const char *text_of(struct reading *r, const json_t *v)
{
	AUTO(buf) struct buf b = { 0 };

	json_write(&b, v);
	const char *text = b.failed		      ? NULL :
			   b.n > OPENAPI_SCHEMA_MAX ? "{\"type\":\"object\"}" :
						      arena_strndup(&r->o->arena, (const char *)b.p, b.n);
	r->no_memory |= !text;
	return text;
}

/* --- parameters -------------------------------------------------------------------------------------- */

static bool place_of(const char *in, enum openapi_in *to)
{
	static const char *const names[] = { [OPENAPI_PATH] = "path", [OPENAPI_QUERY] = "query", [OPENAPI_HEADER] = "header" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], in) == 0) {
			*to = (enum openapi_in)i;
			return true;
		}
	return false;
}

/* What an operation says again goes before what its path says (OpenAPI 3.1, 4.8.9). */
static bool has_param(const struct openapi_op *op, const char *name, enum openapi_in in)
{
	for (size_t i = 0; i < op->n_params; i++)
		if (strcmp(op->params[i].name, name) == 0 && op->params[i].in == in)
			return true;
	return false;
}

static bool good_name(const char *name)
{
	return *name && strlen(name) <= 128 && strcmp(name, "body") != 0 && !strpbrk(name, "\r\n:");
}

static void take_param(struct reading *r, struct openapi_op *op, const json_t *v, json_t *schema)
{
	json_t *properties = json_object_get(schema, "properties"), *required = json_object_get(schema, "required");
	const char *description, *name;
	enum openapi_in in;

	v = follow(r, v);
	name = json_str(v, "name", "");
	if (!place_of(json_str(v, "in", ""), &in) || !good_name(name) || has_param(op, name, in) ||
	    op->n_params == OPENAPI_PARAMS_MAX)
		return;
	op->params[op->n_params++] = (struct openapi_param){ arena_strdup(&r->o->arena, name), in };
	json_t *s = inlined(r, json_object_get(v, "schema"), 0);
	description = json_str(v, "description", NULL);
	if (description && !json_object_get(s, "description"))
		r->no_memory |= json_object_set_new(s, "description", json_string(description)) < 0;
	r->no_memory |= json_object_set_new(properties, name, s) < 0;
	if (in == OPENAPI_PATH || json_flag(v, "required", false))
		r->no_memory |= json_array_append_new(required, json_string(name)) < 0;
	r->no_memory |= !op->params[op->n_params - 1].name;
}

static void take_params(struct reading *r, struct openapi_op *op, const json_t *list, json_t *schema)
{
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		take_param(r, op, v, schema);
}

static void take_body(struct reading *r, struct openapi_op *op, const json_t *body, json_t *schema)
{
	const json_t *content = json_object_get(follow(r, body), "content"), *found = NULL;
	const char *type;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)content, type, v)
		if (!found && strncmp(type, "application/", 12) == 0 && strstr(type, "json"))
			found = v;
	op->has_body = found;
	if (!found)
		return;
	r->no_memory |= json_object_set_new(json_object_get(schema, "properties"), "body",
					    inlined(r, json_object_get(found, "schema"), 0)) < 0;
	if (json_flag(follow(r, body), "required", false))
		r->no_memory |= json_array_append_new(json_object_get(schema, "required"), json_string("body")) < 0;
}

/* --- operations ----------------------------------------------------------------------------------------- */

static const struct method_rule {
	const char *name, *method;
	enum tool_effect effect;
} method_rules[] = {
	{ "get", "GET", TOOL_READS },	{ "head", "HEAD", TOOL_READS },	  { "post", "POST", TOOL_ACTS },
	{ "put", "PUT", TOOL_ACTS },	{ "patch", "PATCH", TOOL_ACTS },  { "delete", "DELETE", TOOL_ACTS },
};

static const char *name_of(struct reading *r, const json_t *op, const char *method, const char *path)
{
	const char *id = json_str(op, "operationId", NULL);
	char *s = id ? arena_strdup(&r->o->arena, id) : arena_printf(&r->o->arena, "%s%s", method, path);
	size_t to = 0;

	if (!s) {
		r->no_memory = true;
		return "";
	}
	for (const char *c = s; *c && to < OPENAPI_NAME_MAX; c++) {
		bool fits = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
			    *c == '_' || *c == '-';
		if (fits || (to && s[to - 1] != '_'))
			s[to++] = fits ? *c : '_';
	}
	while (to && s[to - 1] == '_')
		to--;
	s[to] = 0;
	return s;
}

static const char *description_of(struct reading *r, const json_t *op)
{
	const char *summary = json_str(op, "summary", ""), *more = json_str(op, "description", "");
	char *s = arena_printf(&r->o->arena, "%s%s%s", summary, *summary && *more ? " " : "",
			       strcmp(summary, more) == 0 ? "" : more);
	size_t n = s ? strlen(s) : 0;

	r->no_memory |= !s;
	if (n <= OPENAPI_DESCRIPTION_MAX)
		return s ? s : "";
	n = OPENAPI_DESCRIPTION_MAX;
	while (n && ((uint8_t)s[n] & 0xC0) == 0x80)
		n--;
	s[n] = 0;
	return s;
}

static void take_own(struct reading *r, struct openapi_op *op, const json_t *own)
{
	const char *effect = json_str(own, "effect", ""), *when = json_str(own, "when", "");
	const char *filler = json_str(own, "filler", NULL);
	int64_t ms = json_int(own, "time_ms", 0);

	if (strcmp(effect, "reads") == 0)
		op->effect = TOOL_READS;
	if (strcmp(effect, "acts") == 0)
		op->effect = TOOL_ACTS;
	op->when = strcmp(when, "idle") == 0 ? TOOL_IDLE : strcmp(when, "silent") == 0 ? TOOL_SILENT : TOOL_NOW;
	op->unasked = !json_flag(own, "consent", true);
	op->time_ms = ms > 0 && ms <= 600000 ? (unsigned)ms : 0;
	op->filler = filler ? arena_strdup(&r->o->arena, filler) : NULL;
	r->no_memory |= filler && !op->filler;
}

static bool is_known(const struct openapi *o, const char *name)
{
	for (size_t i = 0; i < o->n; i++)
		if (strcmp(o->ops[i].name, name) == 0)
			return true;
	return false;
}

static void take_op(struct reading *r, const struct method_rule *m, const char *path, const json_t *item,
		    const json_t *v)
{
	struct openapi_op *op = &r->o->ops[r->o->n];
	AUTO(json) json_t *schema = json_pack("{s:s,s:{},s:[]}", "type", "object", "properties", "required");

	*op = (struct openapi_op){ .method = m->method, .effect = m->effect };
	op->name = name_of(r, v, m->name, path);
	op->description = description_of(r, v);
	op->path = arena_strdup(&r->o->arena, path);
	if (!schema || !op->path) {
		r->no_memory = true;
		return;
	}
	r->n_nodes = 0;
	take_params(r, op, json_object_get(v, "parameters"), schema);
	take_params(r, op, json_object_get(item, "parameters"), schema);
	take_body(r, op, json_object_get(v, "requestBody"), schema);
	take_own(r, op, json_object_get(v, "x-voiced"));
	op->schema = text_of(r, schema);
	if (*op->name && !is_known(r->o, op->name))
		r->o->n++;
}

static void take_paths(struct reading *r)
{
	json_t *paths = json_object_get(r->root, "paths"), *v;
	const char *path;

	json_object_foreach(paths, path, v) {
		const json_t *item = follow(r, v);

		for (size_t i = 0; i < ARRAY_LEN(method_rules) && path[0] == '/' && !r->no_memory; i++) {
			const json_t *op = json_object_get(item, method_rules[i].name);

			if (json_is_object(op) && r->o->n < OPENAPI_OPS_MAX)
				take_op(r, &method_rules[i], path, item, op);
		}
	}
}

/* --- the server --------------------------------------------------------------------------------------------- */

/* {name} in it stands for the variable's default (OpenAPI 3.1, 4.8.5). */
static void take_server(struct reading *r)
{
	const json_t *server = json_array_get(json_object_get(r->root, "servers"), 0);
	const char *s = json_str(server, "url", "");
	AUTO(buf) struct buf url = { 0 };

	r->o->server = "";
	if (strncmp(s, "http://", 7) != 0 && strncmp(s, "https://", 8) != 0)
		return;
	while (*s) {
		size_t n = strcspn(s, "{"), k = strcspn(s + n, "}");
		char name[64];

		buf_put(&url, s, n);
		s += n;
		if (!*s || !s[k])
			break;
		snprintf(name, sizeof(name), "%.*s", (int)MIN(k - 1, sizeof(name) - 1), s + 1);
		buf_puts(&url, json_str(json_object_get(json_object_get(server, "variables"), name), "default", ""));
		s += k + 1;
	}
	while (url.n && url.p[url.n - 1] == '/')
		url.n--;
	if (!url.failed && url.n && url.n < OPENAPI_URL_MAX)
		r->o->server = arena_strndup(&r->o->arena, (const char *)url.p, url.n);
	r->no_memory |= url.failed || !r->o->server;
	if (!r->o->server)
		r->o->server = "";
}

/* --- the document --------------------------------------------------------------------------------------------- */

static json_t *read_text(struct bytes text, char why[static OPENAPI_WHY])
{
	size_t i = 0;

	while (i < text.n && strchr(" \t\r\n", text.p[i]))
		i++;
	return i < text.n && text.p[i] == '{' ? json_parse(text, why) : json_from_yaml(text, why);
}

int openapi_parse(struct openapi *to, struct bytes text, char why[static OPENAPI_WHY])
{
	struct reading r = { .o = to, .why = why };
	AUTO(json) json_t *root = read_text(text, why);

	*to = (struct openapi){ .server = "" };
	if (!root)
		return strstr(why, "out of memory") ? -ENOMEM : -EINVAL;
	r.root = root;
	if (strncmp(json_str(root, "openapi", ""), "3.", 2) != 0) {
		snprintf(why, OPENAPI_WHY, "it is not a description of a service by OpenAPI 3");
		return -EINVAL;
	}
	take_server(&r);
	take_paths(&r);
	if (r.no_memory) {
		openapi_done(to);
		snprintf(why, OPENAPI_WHY, "out of memory");
		return -ENOMEM;
	}
	return 0;
}

void openapi_done(struct openapi *o)
{
	arena_done(&o->arena);
	o->n = 0;
}

/* --- a request --------------------------------------------------------------------------------------------------- */

/* RFC 3986, 2.3: all but the unreserved characters. */
static void put_encoded(struct buf *to, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *s; s++)
		if (strchr(plain, *s))
			buf_putc(to, *s);
		else
			buf_printf(to, "%%%02X", (uint8_t)*s);
}

/* A value as text: strings as they are, all else as JSON. false: no memory. */
static bool value_text(const json_t *v, struct buf *to)
{
	if (json_is_string(v))
		buf_puts(to, json_string_value(v));
	else
		json_write(to, v);
	buf_puts(to, "");
	return !to->failed;
}

/* "." and ".." would be another path. */
static bool put_path(struct buf *url, const char *value)
{
	if (!*value || strcmp(value, ".") == 0 || strcmp(value, "..") == 0)
		return false;
	put_encoded(url, value);
	return true;
}

static bool write_path(const struct openapi_op *op, const json_t *arguments, struct buf *url)
{
	for (const char *s = op->path; *s;) {
		size_t n = strcspn(s, "{"), k = strcspn(s + n, "}");
		char name[136];

		buf_put(url, s, n);
		s += n;
		if (!*s || !s[k])
			break;
		snprintf(name, sizeof(name), "%.*s", (int)MIN(k - 1, sizeof(name) - 1), s + 1);
		AUTO(buf) struct buf value = { 0 };
		const json_t *v = json_object_get(arguments, name);
		if (!v || json_is_null(v) || !value_text(v, &value) || !put_path(url, (const char *)value.p))
			return false;
		s += k + 1;
	}
	return !url->failed;
}

static bool put_query(struct buf *url, const char *name, const json_t *v, bool *first)
{
	AUTO(buf) struct buf value = { 0 };

	if (!value_text(v, &value))
		return false;
	buf_putc(url, *first ? '?' : '&');
	*first = false;
	put_encoded(url, name);
	buf_putc(url, '=');
	put_encoded(url, (const char *)value.p);
	return true;
}

/* A list is its elements one by one ("form", explode: the default, OpenAPI 3.1, 4.8.12). */
static bool write_query(struct buf *url, const char *name, const json_t *v, bool *first)
{
	json_t *inner;
	size_t i;

	if (!json_is_array(v))
		return put_query(url, name, v, first);
	json_array_foreach(v, i, inner)
		if (!put_query(url, name, inner, first))
			return false;
	return true;
}

static bool write_field(struct openapi_request *to, const char *name, const json_t *v)
{
	AUTO(buf) struct buf value = { 0 };

	if (!value_text(v, &value))
		return false;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < ' ' || value.p[i] == 0x7f)
			return false;
	to->fields[to->n_fields] = mem_printf("%s: %s", name, (const char *)value.p);
	return to->fields[to->n_fields++];
}

bool openapi_make(const struct openapi_op *op, const char *server, const json_t *arguments,
		  struct openapi_request *to)
{
	const json_t *body = json_object_get(arguments, "body");
	bool first = !strchr(server, '?'), ok;

	buf_puts(&to->url, server);
	ok = write_path(op, arguments, &to->url);
	for (size_t i = 0; ok && i < op->n_params; i++) {
		const struct openapi_param *p = &op->params[i];
		const json_t *v = json_object_get(arguments, p->name);

		if (!v || json_is_null(v) || p->in == OPENAPI_PATH)
			continue;
		ok = p->in == OPENAPI_QUERY ? write_query(&to->url, p->name, v, &first) :
					      write_field(to, p->name, v);
	}
	if (ok && op->has_body && body)
		json_write(&to->body, body);
	return ok && !to->url.failed && !to->body.failed && to->url.n <= OPENAPI_URL_MAX;
}

void openapi_request_done(struct openapi_request *r)
{
	buf_done(&r->url);
	buf_done(&r->body);
	for (size_t i = 0; i < r->n_fields; i++)
		mem_free(r->fields[i]);
	r->n_fields = 0;
}
