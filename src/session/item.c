#include "session/item.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "session/errors.h"
#include "session/mcp.h"

void item_ref(struct item *it)
{
	it->refs++;
}

void item_unref(struct item *it)
{
	if (!it || --it->refs > 0)
		return;
	json_decref(it->wire);
	pcm_done(&it->audio);
	mem_free(it->marks);
	mem_free(it->parts);
	mem_free(it);
}

struct item *item_make(enum item_type t, enum item_role r, const char *id, json_t *wire)
{
	struct item *it = wire ? mem_zalloc(sizeof(*it)) : NULL;

	if (!it) {
		json_decref(wire);
		return NULL;
	}
	it->refs = 1;
	it->type = t;
	it->role = r;
	it->wire = wire;
	strncpy(it->id, id, ITEM_ID_MAX);
	return it;
}

bool item_set(struct item *it, const char *key, json_t *v)
{
	return json_object_set_new(it->wire, key, v) == 0;
}

bool item_set_part(struct item *it, const char *key, json_t *v)
{
	json_t *part = json_array_get(json_object_get(it->wire, "content"), 0);

	return json_object_set_new(part, key, v) == 0;
}

const char *item_transcript(const struct item *it)
{
	return json_str(json_array_get(json_object_get(it->wire, "content"), 0), "transcript", "");
}

bool item_mark(struct item *it, uint32_t at, uint32_t from_ms)
{
	if (it->n_marks == ITEM_MARKS_MAX)
		return true; /* the rest is interpolated */
	if (!mem_grow(&it->marks, &it->cap_marks, it->n_marks, sizeof(*it->marks)))
		return false;
	it->marks[it->n_marks++] = (struct mark){ at, from_ms };
	return true;
}

/* A word counts as heard when the next one has begun, or all audio was played. */
size_t item_heard(const struct item *it, uint64_t ms)
{
	const char *text = item_transcript(it);
	size_t n = strlen(text), i = it->n_marks;

	if (ms >= it->audio_ms)
		return n;
	while (i > 0 && it->marks[i - 1].from_ms > ms)
		i--;
	n = i ? MIN((size_t)it->marks[i - 1].at, n) : 0;
	while (n > 0 && text[n - 1] == ' ')
		n--;
	return n;
}

/* --- what a client sends ----------------------------------------------------------------- */

static const struct {
	const char *name;
	enum item_role role;
} roles[] = { { "system", ROLE_SYSTEM }, { "user", ROLE_USER }, { "assistant", ROLE_ASSISTANT } };

/* Parts a client may put into a message of a role; what is kept of them. */
static const struct part_rule {
	enum item_role role;
	const char *type, *kept_as, *text; /* text: the member that holds it */
	bool audio, required;
} part_rules[] = {
	{ ROLE_SYSTEM, "input_text", "input_text", "text", false, true },
	{ ROLE_USER, "input_text", "input_text", "text", false, true },
	{ ROLE_USER, "text", "input_text", "text", false, true },
	{ ROLE_USER, "input_audio", "input_audio", "transcript", true, false },
	{ ROLE_USER, "input_image", "input_image", "image_url", false, true },
	{ ROLE_ASSISTANT, "output_text", "output_text", "text", false, true },
	{ ROLE_ASSISTANT, "text", "output_text", "text", false, true },
	{ ROLE_ASSISTANT, "output_audio", "output_audio", "transcript", true, false },
	{ ROLE_ASSISTANT, "audio", "output_audio", "transcript", true, false },
};

static const struct part_rule *part_rule(enum item_role role, const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(part_rules); i++)
		if (part_rules[i].role == role && strcmp(part_rules[i].type, type) == 0)
			return &part_rules[i];
	return NULL;
}

/* The name of a member that should be a string and is something else; NULL: none. */
static const char *part_member_wrong(const json_t *part, const struct part_rule *r)
{
	const char *const names[] = { r->text, r->audio ? "audio" : r->text };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const json_t *v = json_object_get(part, names[i]);

		if (v && !json_is_null(v) && !json_is_string(v))
			return names[i];
	}
	return NULL;
}

static int parse_part(struct item *it, size_t index, const json_t *part, json_t *kept,
		      const char **audio64, struct api_error *e)
{
	const char *type = json_str(part, "type", NULL);
	const struct part_rule *r = type ? part_rule(it->role, type) : NULL;

	if (!r)
		return error_set(e, ERR_INVALID_VALUE, "item.content",
				 "Invalid value: '%.40s'. A part of this kind does not belong into "
				 "a message of this role.",
				 type ? type : "(none)");
	const char *wrong = part_member_wrong(part, r);
	if (wrong)
		return error_set(e, ERR_INVALID_VALUE, "item.content",
				 "Invalid type for 'item.content[%zu].%s': expected a string.", index,
				 wrong);
	const char *text = json_str(part, r->text, NULL);
	if (!text && r->required)
		return error_set(e, ERR_MISSING_PARAMETER, "item.content",
				 "Missing required parameter: 'item.content[%zu].%s'.", index,
				 r->text);
	/* Words not known: null in what the user said, as clients want it; elsewhere left out. */
	json_t *p = json_pack(r->audio && it->role == ROLE_USER ? "{s:s,s:s?}" : "{s:s,s:s*}", "type",
			      r->kept_as, r->text, text);
	if (json_array_append_new(kept, p) < 0)
		return -ENOMEM;
	if (r->audio && index == 0) {
		it->has_audio = true;
		*audio64 = json_str(part, "audio", NULL);
	}
	return 0;
}

static int parse_message(struct item *it, const json_t *from, const char **audio64,
			 struct api_error *e)
{
	const char *role = json_str(from, "role", NULL);
	json_t *content = json_object_get(from, "content"), *part;
	size_t i;

	for (i = 0; role && i < ARRAY_LEN(roles); i++)
		if (strcmp(role, roles[i].name) == 0)
			it->role = roles[i].role;
	if (it->role == ROLE_NONE)
		return error_set(e, ERR_INVALID_VALUE, "item.role",
				 "Invalid value: '%.40s'. Supported values are: 'system', 'user', "
				 "'assistant'.",
				 role ? role : "(none)");
	if (!json_is_array(content))
		return error_set(e, ERR_MISSING_PARAMETER, "item.content",
				 "Missing required parameter: 'item.content'.");
	AUTO(json) json_t *kept = json_array();
	json_array_foreach (content, i, part) {
		int err = parse_part(it, i, part, kept, audio64, e);
		if (err)
			return err;
	}
	return item_set(it, "role", json_string(role)) && item_set(it, "content", json_incref(kept))
		       ? 0
		       : -ENOMEM;
}

static int parse_strings(struct item *it, const json_t *from, const char *const *names,
			 struct api_error *e)
{
	for (; *names; names++) {
		const char *v = json_str(from, *names, NULL);
		char param[64] = "item.";

		if (!v) {
			strncat(param, *names, sizeof(param) - strlen(param) - 1);
			return error_set(e, ERR_MISSING_PARAMETER, param,
					 "Missing required parameter: '%s'.", param);
		}
		if (!item_set(it, *names, json_string(v)))
			return -ENOMEM;
	}
	return 0;
}

static int parse_call(struct item *it, const json_t *from, const char **audio64,
		      struct api_error *e)
{
	static const char *const names[] = { "call_id", "name", "arguments", NULL };

	(void)audio64;
	return parse_strings(it, from, names, e);
}

static int parse_output(struct item *it, const json_t *from, const char **audio64,
			struct api_error *e)
{
	static const char *const names[] = { "call_id", "output", NULL };

	(void)audio64;
	return parse_strings(it, from, names, e);
}

static int parse_approval(struct item *it, const json_t *from, const char **audio64, struct api_error *e)
{
	static const char *const names[] = { "approval_request_id", NULL };
	const json_t *approve = json_object_get(from, "approve");
	const char *reason = json_str(from, "reason", NULL);

	(void)audio64;
	if (!json_is_boolean(approve))
		return error_set(e, ERR_MISSING_PARAMETER, "item.approve",
				 "Missing required parameter: 'item.approve'.");
	int err = parse_strings(it, from, names, e);
	if (!err && !item_set(it, "approve", json_boolean(json_is_true(approve))))
		err = -ENOMEM;
	if (!err && reason && !item_set(it, "reason", json_string(reason)))
		err = -ENOMEM;
	if (!err)
		json_object_del(it->wire, "status");
	return err;
}

static const struct type_rule {
	const char *name;
	enum item_type type;
	int (*parse)(struct item *, const json_t *, const char **, struct api_error *);
} type_rules[] = {
	{ "message", ITEM_MESSAGE, parse_message },
	{ "function_call", ITEM_CALL, parse_call },
	{ "function_call_output", ITEM_CALL_OUTPUT, parse_output },
	{ "mcp_approval_response", ITEM_MCP, parse_approval },
};

static const struct type_rule *type_rule(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_LEN(type_rules); i++)
		if (strcmp(type_rules[i].name, name) == 0)
			return &type_rules[i];
	return NULL;
}

static int too_long(const struct item *it, struct api_error *e)
{
	AUTO(buf) struct buf text = { 0 };

	json_write(&text, it->wire);
	if (text.failed)
		return -ENOMEM;
	return text.n <= SESSION_ITEM_TEXT_MAX
		       ? 0
		       : error_set(e, ERR_INVALID_VALUE, "item", "The item is too long.");
}

int item_parse(const json_t *from, const char *spare_id, struct item **out, const char **audio64,
	       struct api_error *e)
{
	const char *type = json_str(from, "type", NULL), *id = json_str(from, "id", spare_id);
	const struct type_rule *r = type_rule(type);

	*audio64 = NULL;
	if (!r)
		return error_set(e, type ? ERR_INVALID_VALUE : ERR_MISSING_PARAMETER, "item.type",
				 "Invalid value: '%.40s'. Supported values are: 'message', "
				 "'function_call', 'function_call_output', 'mcp_approval_response'.",
				 type ? type : "(none)");
	if (strlen(id) > ITEM_ID_MAX || !id[0])
		return error_set(e, ERR_INVALID_VALUE, "item.id",
				 "Invalid 'item.id': expected 1 to %d characters.", ITEM_ID_MAX);
	struct item *it = item_make(
		r->type, ROLE_NONE, id,
		json_pack("{s:s,s:s,s:s}", "id", id, "type", type, "status", "completed"));
	if (!it)
		return -ENOMEM;
	int err = r->parse(it, from, audio64, e);
	if (!err)
		err = too_long(it, e);
	if (err) {
		item_unref(it);
		return err;
	}
	*out = it;
	return 0;
}

/* --- the conversation -------------------------------------------------------------------- */

static struct item *of(struct node *n)
{
	return CONTAINER_OF(n, struct item, node);
}

void conv_init(struct conversation *c)
{
	list_init(&c->items);
	c->n = 0;
}

void conv_done(struct conversation *c)
{
	struct item *it;

	while ((it = conv_first(c)))
		conv_remove(c, it);
}

struct item *conv_find(const struct conversation *c, const char *id)
{
	/* The newest are asked for most. */
	for (struct node *n = c->items.head.prev; n != &c->items.head; n = n->prev)
		if (strcmp(of(n)->id, id) == 0)
			return of(n);
	return NULL;
}

struct item *conv_find_call(const struct conversation *c, const char *call_id)
{
	for (struct node *n = c->items.head.prev; n != &c->items.head; n = n->prev)
		if (of(n)->type == ITEM_CALL &&
		    strcmp(json_str(of(n)->wire, "call_id", ""), call_id) == 0)
			return of(n);
	return NULL;
}

void conv_insert(struct conversation *c, struct item *it, struct item *after)
{
	struct node *prev = after ? &after->node : &c->items.head;

	assert(!node_linked(&it->node));
	it->node.prev = prev;
	it->node.next = prev->next;
	prev->next->prev = &it->node;
	prev->next = &it->node;
	item_ref(it);
	c->n++;
}

void conv_remove(struct conversation *c, struct item *it)
{
	node_unlink(&it->node);
	c->n--;
	item_unref(it);
}

struct item *conv_first(const struct conversation *c)
{
	struct node *n = c->items.head.next;
	return n == &c->items.head ? NULL : of(n);
}

struct item *conv_last(const struct conversation *c)
{
	struct node *n = c->items.head.prev;
	return n == &c->items.head ? NULL : of(n);
}

struct item *conv_before(const struct conversation *c, const struct item *it)
{
	struct node *n = it->node.prev;

	while (n != &c->items.head && of(n)->hidden)
		n = n->prev;
	return n == &c->items.head ? NULL : of(n);
}

const struct item *conv_last_of_user(const struct conversation *c)
{
	for (struct node *n = c->items.head.prev; n != &c->items.head; n = n->prev)
		if (of(n)->type == ITEM_MESSAGE && of(n)->role == ROLE_USER)
			return of(n);
	return NULL;
}

const char *item_words(const struct item *it)
{
	const json_t *parts = json_object_get(it->wire, "content"), *part = json_array_get(parts, 0);

	return json_array_size(parts) == 1 ? json_str(part, "text", json_str(part, "transcript", "")) : "";
}

void conv_trim_audio(struct conversation *c)
{
	size_t held = 0;

	for (struct node *n = c->items.head.prev; n != &c->items.head; n = n->prev) {
		struct item *it = of(n);

		held += it->audio.n * sizeof(*it->audio.p);
		if (held > SESSION_AUDIO_KEPT && !it->awaits_words)
			pcm_done(&it->audio);
	}
}

static size_t text_octets(const json_t *v)
{
	const char *key;
	json_t *inner;
	size_t i, n = json_is_string(v) ? json_string_length(v) : 0;

	json_object_foreach ((json_t *)(uintptr_t)v, key, inner)
		n += text_octets(inner);
	json_array_foreach (v, i, inner)
		n += text_octets(inner);
	return n;
}

size_t json_tokens(const json_t *v)
{
	return text_octets(v) / 4;
}

size_t item_tokens(const struct item *it)
{
	static const char *const members[] = { "content", "name", "arguments", "output" };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		n += text_octets(json_object_get(it->wire, members[i]));
	return n / 4 + 1;
}

/* Is a model shown it? */
static bool counts(const struct item *it)
{
	return !it->forgotten && strcmp(json_str(it->wire, "status", ""), "in_progress") != 0;
}

size_t conv_tokens(const struct conversation *c)
{
	size_t tokens = 0;

	for (struct node *n = c->items.head.next; n != &c->items.head; n = n->next)
		tokens += counts(of(n)) ? item_tokens(of(n)) : 0;
	return tokens;
}

/* As a model is to see it: without what only bridged a wait. */
static json_t *wire_copy(const struct item *it)
{
	AUTO(json) json_t *wire = json_deep_copy(it->wire);
	json_t *part = json_array_get(json_object_get(wire, "content"), 0);
	const char *text = json_str(part, "transcript", NULL);

	if (!it->aside || !text)
		return json_incref(wire);
	text += MIN(it->aside, strlen(text));
	json_t *rest = json_string(text + (*text == ' '));
	return json_object_set_new(part, "transcript", rest) == 0 ? json_incref(wire) : NULL;
}

/* What answers a call, or asked for an output, goes with it. Returns the tokens. */
static size_t forget(struct conversation *c, struct item *it)
{
	const char *call_id = json_str(it->wire, "call_id", NULL);
	size_t tokens = 0;

	for (struct node *n = &it->node; n != &c->items.head; n = n->next) {
		struct item *also = of(n);

		if (also != it && strcmp(json_str(also->wire, "call_id", ""), call_id) != 0)
			continue;
		tokens += counts(also) ? item_tokens(also) : 0;
		also->forgotten = true;
		if (!call_id)
			break;
	}
	return tokens;
}

void conv_forget(struct conversation *c, size_t max_tokens)
{
	size_t tokens = conv_tokens(c);

	LIST_FOR (&c->items, n)
		if (tokens > max_tokens && n->next != &c->items.head && counts(of(n)))
			tokens -= forget(c, of(n));
}

/* Counted from the newest. */
static const struct node *first_that_fits(const struct conversation *c, size_t max_tokens)
{
	const struct node *first = &c->items.head;
	size_t tokens = 0;

	for (struct node *n = c->items.head.prev; n != &c->items.head; n = n->prev) {
		tokens += counts(of(n)) ? item_tokens(of(n)) : 0;
		if (tokens > max_tokens)
			break;
		first = n;
	}
	return first;
}

static const struct item *of_const(const struct node *n)
{
	return of((struct node *)(uintptr_t)n);
}

static bool is_among(const json_t *wires, const json_t *wire)
{
	for (size_t i = 0; i < json_array_size(wires); i++)
		if (json_array_get(wires, i) == wire)
			return true;
	return false;
}

bool conv_show(const struct conversation *c, const struct item *it, const json_t *own, json_t *list)
{
	if (!counts(it))
		return true;
	if (it->type == ITEM_MCP)
		return is_among(own, it->wire) || mcp_for_model(c, it, list);
	return json_array_append_new(list, wire_copy(it)) == 0;
}

json_t *conv_items_for(const struct conversation *c, const json_t *own, size_t max_tokens)
{
	AUTO(json) json_t *list = json_array();

	for (const struct node *n = first_that_fits(c, max_tokens); n != &c->items.head; n = n->next)
		if (!conv_show(c, of_const(n), own, list))
			return NULL;
	return list ? json_incref(list) : NULL;
}

json_t *conv_items(const struct conversation *c, size_t max_tokens)
{
	return conv_items_for(c, NULL, max_tokens);
}
