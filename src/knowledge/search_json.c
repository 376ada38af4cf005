/* search_json.c - a result as JSON, for the command line, HTTP and the voice's tool. */
#include <math.h>

#include "knowledge/query.h"
#include "knowledge/search.h"
#include "knowledge/store.h"

static json_t *number(float v)
{
	return json_real(round((double)v * 10000) / 10000);
}

json_t *search_row_json(const struct search_row *r)
{
	json_t *o = json_pack("{sI ss ss ss ss ss ss% sI sI so so so so so}", "document",
			      (json_int_t)r->document, "path", r->path, "file", r->name, "title",
			      r->title, "heading", r->heading, "headings", r->headings, "text",
			      (const char *)r->text.p, r->text.n, "start", (json_int_t)r->start,
			      "end", (json_int_t)r->end, "score", number(r->score), "coverage",
			      number(r->coverage), "lexical", number(r->lexical), "vector",
			      number(r->vector), "sound", number(r->sound));

	if ((o && r->page && json_object_set_new(o, "page", json_integer(r->page)) != 0) ||
	    (o && r->n_alike && json_object_set_new(o, "alike", json_integer(r->n_alike)) != 0)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

/* What meets the question's slot `i`, the word's own term excepted: [[term, quality]]. */
static json_t *alternatives_json(const struct index *x, const struct query *q, size_t i)
{
	json_t *list = json_array();

	for (size_t k = 0; list && k < q->n_alternatives; k++) {
		const struct query_alternative *a = &q->alternatives[k];

		if (a->kind == QUERY_EXACT || i < a->first || i >= (size_t)a->first + a->n_slots)
			continue;
		json_t *one = json_pack("[s o]", index_term(x, (size_t)a->term), number(a->quality));
		if (json_array_append_new(list, one) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *words_json(const struct search_result *r)
{
	const struct query *q = r->query;
	json_t *list = json_array();

	for (size_t i = 0; list && i < q->n_slots; i++) {
		const struct query_slot *s = &q->slots[i];
		json_t *one = json_pack("{sI sI so sb so}", "start", (json_int_t)s->start, "end",
					(json_int_t)s->end, "weight", number(s->weight), "known",
					s->term >= 0, "like", alternatives_json(r->index, q, i));

		if (json_array_append_new(list, one) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *search_result_json(const struct search_request *q, const struct search_result *r)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; list && i < r->n; i++) {
		if (json_array_append_new(list, search_row_json(&r->rows[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	if (!list)
		return NULL;
	o = json_pack("{ss ss so so}", "query", q->query, "collection",
		      q->collection ? q->collection : STORE_DEFAULT_COLLECTION, "confidence",
		      number(r->confidence), "results", list);
	if (o && r->words_only && json_object_set_new(o, "words_only", json_true()) != 0) {
		json_decref(o);
		return NULL;
	}
	if (o && r->query && json_object_set_new(o, "words", words_json(r)) != 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}
