#include "knowledge/evidence.h"

/* Where each slot was met last, and how near to the slot before it. */
struct meeting {
	size_t last[QUERY_SLOTS]; /* token, from 1; 0: not yet */
	float near[QUERY_SLOTS];  /* best 1 / distance to slot i - 1 */
	bool heading[QUERY_SLOTS], exact[QUERY_SLOTS];
};

static bool may_hold(const struct evidence_ask *a, uint32_t term)
{
	return a->terms[term / 64 % 16] >> term % 64 & 1;
}

void evidence_ask(struct evidence_ask *a, const struct query *q, const struct lexical_query *lexical)
{
	*a = (struct evidence_ask){ .q = q, .lexical = lexical };
	for (size_t i = 0; i < q->n_alternatives; i++) {
		uint32_t term = (uint32_t)q->alternatives[i].term;

		while (lexical->terms[a->list[i]].term != term)
			a->list[i]++;
		a->terms[term / 64 % 16] |= 1ull << term % 64;
	}
}

static void meet_slot(struct meeting *m, const struct query *q, size_t slot, size_t at, bool heading,
		      int32_t surface)
{
	m->last[slot] = at;
	m->heading[slot] |= heading;
	m->exact[slot] |= q->slots[slot].surface == surface;
	for (size_t other = slot ? slot - 1 : 1; other <= slot + 1 && other < q->n_slots; other += 2)
		if (m->last[other] && at > m->last[other]) {
			float near = 1 / (float)(at - m->last[other]);
			size_t pair = MAX(slot, other);

			m->near[pair] = MAX(m->near[pair], near);
		}
}

static void meet_token(const struct evidence_ask *a, int32_t term, size_t at, bool heading, int32_t surface,
		       struct meeting *m)
{
	for (size_t i = 0; i < a->q->n_alternatives; i++) {
		const struct query_alternative *o = &a->q->alternatives[i];

		for (size_t s = o->first; o->term == term && s < (size_t)o->first + o->n_slots; s++)
			meet_slot(m, a->q, s, at, heading, surface);
	}
}

static void meet_tokens(const struct evidence_ask *a, size_t row, struct meeting *m)
{
	struct index_tokens k = index_tokens(a->lexical->x, row);
	const int32_t *term_of = index_surface_terms(a->lexical->x);

	for (size_t i = 0; i < k.n; i++) {
		uint32_t surface = k.surface[i];
		int32_t term = surface == INDEX_SENTENCE ? -1 : term_of[surface];

		if (term >= 0 && may_hold(a, (uint32_t)term))
			meet_token(a, term, i + 1, i < k.n_heading, (int32_t)surface, m);
	}
}

/* By the lists: they know words that join to one of the question. */
static float coverage(const struct evidence_ask *a, size_t row)
{
	float met[QUERY_SLOTS] = { 0 };
	const struct segment_list *lists = lexical_lists(a->lexical, &row);

	for (size_t i = 0; i < a->q->n_alternatives; i++)
		if (segment_count(&lists[a->list[i]], (uint32_t)row))
			query_meet(&a->q->alternatives[i], met);
	return query_met(a->q, met);
}

void evidence_of(const struct evidence_ask *a, size_t row, struct evidence *out)
{
	const struct query *q = a->q;
	struct meeting m = { .last = { 0 } };
	float pairs = 0;

	*out = (struct evidence){ .coverage = coverage(a, row) };
	if (q->weight <= 0)
		return;
	meet_tokens(a, row, &m);
	for (size_t i = 0; i < q->n_slots; i++) {
		float w = q->slots[i].weight;

		out->heading += m.heading[i] ? w / q->weight : 0;
		out->exact += m.exact[i] ? w / q->weight : 0;
		if (i > 0) {
			out->proximity += m.near[i] * (w + q->slots[i - 1].weight);
			pairs += w + q->slots[i - 1].weight;
		}
	}
	out->proximity = pairs > 0 ? out->proximity / pairs : 0;
}
