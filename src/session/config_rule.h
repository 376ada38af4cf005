/* config_rule.h - what a client may put into a session or response object: the tables.
 *
 * Paths are those of the GA shape, in which configs are kept; dialect.c translates.
 * Pure.
 */
#pragma once

#include "session/config.h"

enum config_kind {
	K_OBJECT, /* go on inside */
	K_ENTIRE, /* any value, kept as it is */
	K_IGNORE, /* the server's, or fixed: what the client says does not count */
	K_TEXT,
	K_NUMBER,
	K_INTEGER,
	K_FLAG,
	K_CHOICE,
	K_TOKENS,     /* 1.. or "inf" */
	K_MODALITIES, /* ["audio"] or ["text"] */
	K_TOOLS,
	K_TOOL_CHOICE,
	K_VOICE, /* a name, {id}, or Voice Live's {type, name} */
	K_WORDS, /* array of strings */
	K_UNION, /* replaced as a whole: an object told by its "type" */
	N_CONFIG_KINDS
};

struct config_rule {
	const char *path;
	enum config_kind kind;
	unsigned dialects, scopes, flags;
	double min, max;
	const char *words[5]; /* the choices of K_CHOICE, or bare strings a union may be */
};

/* One call of config_merge(): how the client writes, and where the error goes. */
struct merge {
	enum dialect dialect;
	enum config_scope scope;
	struct api_error *e;
	bool no_memory;
};

/* NULL: nothing there that a client may set. */
const struct config_rule *config_rule_at(const char *path, unsigned dialects, unsigned scopes);
/* The value a client gave, as it is kept: a new reference, NULL where it does not count.
 * 0, or -EINVAL with m->e. Lack of memory sets m->no_memory. */
MUST_USE int config_take(struct merge *m, const struct config_rule *r, json_t *v, json_t **out);
/* The union at this path with this "type" and every field as it is when not given: a new
 * reference; NULL: no memory. */
MUST_USE json_t *config_tag_default(enum dialect d, const char *path, const char *type);
/* Does the dialect know the union at this path with this "type"? */
MUST_USE bool config_tag_known(enum dialect d, const char *path, const char *type);
/* Fill m->e: the value at this path is wrong. Returns -EINVAL. */
int config_refuse(struct merge *m, const char *path, const char *why);
