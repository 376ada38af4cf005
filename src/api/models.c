/* models.c - GET /v1/models: names that mean something here.
 *
 * Those that `--model` lists; without a list any name is taken, and the engines' own are shown. */
#include <stdio.h>
#include <string.h>

#include "api/seat.h"

static json_t *model_json(const char *id)
{
	return json_pack("{s:s,s:s,s:i,s:s}", "id", id, "object", "model", "created", 0, "owned_by", "voiced");
}

enum { NAMES_MAX = 64 };

/* Of the engines, each once. */
static size_t names(const struct api *a, const struct engines *e, const char *to[static NAMES_MAX])
{
	const char *own[] = {
		"voiced",
		e->llm_ops ? e->llm_ops->name : NULL,
		e->stt_ops ? e->stt_ops->name : NULL,
		e->tts_ops ? e->tts_ops->name : NULL,
	};
	size_t n = 0;

	for (size_t i = 0; i < a->p.n_models && n < NAMES_MAX; i++)
		to[n++] = a->p.models[i];
	for (size_t i = 0; !a->p.n_models && i < ARRAY_LEN(own); i++) {
		bool known = !own[i];

		for (size_t k = 0; k < n && !known; k++)
			known = strcmp(to[k], own[i]) == 0;
		if (!known)
			to[n++] = own[i];
	}
	return n;
}

void get_models(struct request *r)
{
	struct reach reach;
	const char *list[NAMES_MAX];

	if (!seat_reach(r, &reach))
		return;
	json_t *o = json_pack("{s:s,s:[]}", "object", "list", "data");
	for (size_t i = 0, n = names(r->seat->api, reach.engines, list); i < n; i++)
		if (json_array_append_new(json_object_get(o, "data"), model_json(list[i])) < 0) {
			json_decref(o);
			o = NULL;
		}
	reply_json(r->ex, 200, o);
}

void get_model(struct request *r)
{
	struct reach reach;
	const char *list[NAMES_MAX];

	if (!seat_reach(r, &reach))
		return;
	for (size_t i = 0, n = names(r->seat->api, reach.engines, list); i < n; i++)
		if (bytes_is(bytes_of(r->id, r->id_len), list[i])) {
			reply_json(r->ex, 200, model_json(list[i]));
			return;
		}
	exchange_error(r->ex, 404, "model_not_found", "model", "There is no model of this name.");
}
