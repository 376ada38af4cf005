#include "knowledge/evidence.h"

/* Where each slot was met last, and how near to the slot before it. */
struct meeting {
	size_t last[QUERY_SLOTS]; /* token, from 1; 0: not yet */
	float near[QUERY_SLOTS];  /* best 1 / distance to slot i - 1 */
	bool heading[QUERY_SLOTS], exact[QUERY_SLOTS];
};

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

static void meet_tokens(const struct index *x, const struct query *q, size_t row, struct meeting *m)
{
	struct index_tokens k = index_tokens(x, row);

	for (size_t i = 0; i < k.n; i++) {
		int32_t term = k.surface[i] == INDEX_SENTENCE ? -1 : index_surface_term(x, k.surface[i]);

		for (size_t a = 0; term >= 0 && a < q->n_alternatives; a++) {
			const struct query_alternative *o = &q->alternatives[a];

			for (size_t s = o->first; o->term == term && s < (size_t)o->first + o->n_slots; s++)
				meet_slot(m, q, s, i + 1, i < k.n_heading, (int32_t)k.surface[i]);
		}
	}
}

void evidence_of(const struct index *x, const struct query *q, size_t row, bool with_tokens,
		 struct evidence *out)
{
	struct meeting m = { .last = { 0 } };
	float pairs = 0;

	*out = (struct evidence){ .coverage = query_covers_passage(x, q, (uint32_t)row) };
	if (!with_tokens || q->weight <= 0)
		return;
	meet_tokens(x, q, row, &m);
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
