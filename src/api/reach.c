#include "api/reach.h"

#include <string.h>

#include "api/seat.h"

enum { COLLECTION_MAX = 1024, GROUPS_MAX = 2 * LABELS_SIZE };

static const struct http_refusal not_allowed = {
	403, "collection_not_allowed", "This client secret (ek_...) is bound to one collection, and this is not it.",
};

const char *reach_groups(const struct reach *v)
{
	return v->all ? NULL : v->groups;
}

bool reach_covers(const struct reach *v, const struct reach *other)
{
	if (v->all)
		return true;
	return !other->all && strcmp(v->collection, other->collection) == 0 &&
	       labels_within(other->groups, v->groups);
}

static bool refuse(struct request *r, const struct http_refusal *why, const char *param)
{
	exchange_error(r->ex, why->status, why->code, param, why->message);
	return false;
}

/* --- groups ---------------------------------------------------------------------------------- */

/* "a,b" into a set. */
static bool read_groups(const char *text, char set[static LABELS_SIZE])
{
	set[0] = 0;
	while (*text) {
		size_t n = strcspn(text, ",");
		struct bytes word = bytes_of(text, n);

		if (!label_valid(word) || !labels_add(set, word))
			return false;
		text += n + (text[n] == ',');
	}
	return true;
}

static bool narrow(struct request *r, struct reach *v)
{
	static const struct http_refusal wrong = {
		400, "invalid_value", "groups wants names of groups with commas between them, 16 at most.",
	};
	static const struct http_refusal more = {
		403, "group_not_allowed", "You do not belong to all of these groups.",
	};
	char text[GROUPS_MAX] = "", set[LABELS_SIZE];

	if (!http_query_has(r->http, "groups"))
		return true;
	if (!http_query(r->http, "groups", text, sizeof(text)) || !read_groups(text, set))
		return refuse(r, &wrong, "groups");
	if (!v->all && !labels_within(set, v->groups))
		return refuse(r, &more, "groups");
	v->all = false;
	memcpy(v->groups, set, sizeof(set));
	return true;
}

/* --- collections ----------------------------------------------------------------------------- */

/* `bound`: the only one; NULL: any. */
static bool choose_collection(struct request *r, const char *bound, struct reach *v)
{
	static const struct http_refusal unknown = {
		404, "collection_not_found",
		"There is no such collection: 'voiced ingest --collection NAME PATH' makes one.",
	};
	const struct api *a = r->seat->api;
	char asked[COLLECTION_MAX] = "";
	const char *name = bound ? bound : a->collection;

	if (http_query_has(r->http, "collection")) {
		bool read = http_query(r->http, "collection", asked, sizeof(asked));

		if (bound && (!read || strcmp(asked, bound) != 0))
			return refuse(r, &not_allowed, "collection"); /* whether it is there or not */
		if (!read)
			return refuse(r, &unknown, "collection");
		name = asked;
	}
	v->engines = a->p.engines_of(a->p.ctx, &name);
	if (!v->engines)
		return refuse(r, &unknown, "collection");
	v->collection = name;
	return true;
}

/* --- both ------------------------------------------------------------------------------------ */

static bool reach_of_token(struct request *r, struct reach *v)
{
	AUTO(json) json_t *bound = NULL;
	const struct http_refusal *why = seat_find_bound(r, GRANT_ACCESS, &bound);

	if (why) {
		seat_refuse(r, why);
		return false;
	}
	if (!bound)
		return choose_collection(r, NULL, v);
	const char *groups = json_str(bound, "groups", "");
	/* It was written by us. */
	memcpy(v->groups, groups, MIN(strlen(groups) + 1, sizeof(v->groups) - 1));
	return choose_collection(r, json_str(bound, "collection", r->seat->api->collection), v);
}

bool seat_reach(struct request *r, struct reach *out)
{
	const struct api *a = r->seat->api;

	*out = (struct reach){ .all = !r->by_token && !a->limited };
	if (r->by_token)
		return reach_of_token(r, out) && narrow(r, out);
	if (a->limited)
		memcpy(out->groups, a->groups, sizeof(out->groups));
	return choose_collection(r, NULL, out) && narrow(r, out);
}
