#include "knowledge/query.h"

#include <math.h>

#include "document/words.h"
#include "knowledge/sound.h"
#include "knowledge/synonym.h"

enum {
	JOINED_MAX = 2 * WORD_MAX,
	PART_MIN = 3,
	SOUNDS_MAX = 12, /* words that are looked for by their sound: who says more such is heard too badly */
	LONG_QUESTION = 10, /* of one that says more, two words are not tried as one */
};

/* What sounds alike is a guess: it may find a passage, not outrank one that says it, and
 * it is not what was asked for. */
#define SOUND_WEIGHT  0.6f
#define SOUND_QUALITY 0.75f
/* Another word for it is nearly as good, once the passage is found. */
#define SYNONYM_WEIGHT  0.35f
#define SYNONYM_QUALITY 0.75f
/* Two words the collection knows, heard for one it knows better: only when much alike. */
#define SOUND_SURE 0.8f
/* "deb conf" where "debconf" is a word: hardly the parts are meant. */
#define PART_WEIGHT 0.4f

struct maker {
	const struct view *v;
	const struct index *x;
	struct query *q;
	unsigned n_sounds; /* lookups by sound so far */
	struct word words[QUERY_SLOTS]; /* as written, by slot     */
	size_t place[QUERY_SLOTS];      /* which word of the question */
	struct word before[QUERY_SLOTS]; /* the stop word before it, if it is one */
};

/* An alternative for two slots weighs as much as both. */
static float ranking_weight(const struct view *v, const struct query *q, enum query_kind kind,
			    int32_t term, float quality, size_t first, size_t n_slots)
{
	float idf = view_idf(v, term), both = 0;

	for (size_t i = first; i < first + n_slots; i++)
		both += q->slots[i].weight;
	float share = kind == QUERY_SOUND ? SOUND_WEIGHT : kind == QUERY_SYNONYM ? SYNONYM_WEIGHT : 1;
	return share * quality * (n_slots > 1 ? MAX(idf, both) : idf);
}

static void add_alternative(const struct view *v, struct query *q, enum query_kind kind,
			    int32_t term, float quality, size_t first, size_t n_slots)
{
	for (size_t i = 0; i < q->n_alternatives; i++) {
		const struct query_alternative *a = &q->alternatives[i];

		if (a->term == term && a->first == first && a->n_slots == n_slots)
			return;
	}
	if (q->n_alternatives == QUERY_ALTERNATIVES)
		return;
	q->alternatives[q->n_alternatives++] = (struct query_alternative){
		kind, term, quality, ranking_weight(v, q, kind, term, quality, first, n_slots),
		(uint8_t)first, (uint8_t)n_slots
	};
}

static int32_t term_of(const struct index *x, const char *s, size_t n)
{
	struct word w = { .n = MIN(n, (size_t)WORD_MAX) };

	memcpy(w.s, s, w.n);
	w.s[w.n] = 0;
	word_to_term(&w);
	return index_find_term(x, w.s, w.n);
}

static int32_t known_term(const struct maker *m, const char *s, size_t n)
{
	int32_t t = term_of(m->x, s, n);

	return view_has_term(m->v, t) ? t : VOCAB_NONE;
}

static bool already(const struct maker *m, const struct word *w)
{
	for (size_t i = 0; i < m->q->n_slots; i++)
		if (strcmp(m->words[i].s, w->s) == 0)
			return true;
	return false;
}

static void add_slot(struct maker *m, const struct word *w, size_t place, const struct word *before)
{
	struct query *q = m->q;

	if (q->n_slots == QUERY_SLOTS || already(m, w))
		return;
	int32_t t = known_term(m, w->s, w->n);
	m->words[q->n_slots] = *w;
	m->before[q->n_slots] = *before;
	m->place[q->n_slots] = place;
	q->slots[q->n_slots++] = (struct query_slot){
		view_idf(m->v, t), t, index_find_surface(m->x, w->s, w->n), w->start, w->end
	};
}

static void add_slots(struct maker *m, struct bytes text)
{
	struct word w, before = { .n = 0 };
	size_t pos = 0, place = 0;

	while (word_next(text, &pos, &w)) {
		place++;
		if (word_is_stop(&w)) {
			before = w;
			continue;
		}
		add_slot(m, &w, place, &before);
		before.n = 0;
	}
}

/* Two words that together sound like one of them: that one alone was said. */
static bool is_part(const struct query *q, int32_t term, size_t first, size_t n_slots)
{
	for (size_t i = first; n_slots > 1 && i < first + n_slots; i++)
		if (q->slots[i].term == term)
			return true;
	return false;
}

static bool sound_may_be_seen(const void *view, int32_t term)
{
	return view_has_term(view, term);
}

static void sounds_like(struct maker *m, const char *s, size_t n, size_t first, size_t n_slots,
			float least)
{
	struct sound_match found[SOUND_MATCHES];

	if (m->n_sounds++ >= SOUNDS_MAX)
		return;
	const struct sound_filter may_be_seen = { sound_may_be_seen, m->v };
	size_t k = index_sound_find(m->x, s, n, &may_be_seen, least, found);

	for (size_t i = 0; i < k; i++)
		if (!is_part(m->q, found[i].term, first, n_slots))
			add_alternative(m->v, m->q, QUERY_SOUND, found[i].term,
					SOUND_QUALITY * found[i].likeness, first, n_slots);
}

/* Two words next to each other, as one. */
static void join_slots(struct maker *m, size_t i)
{
	const struct word *a = &m->words[i], *b = &m->words[i + 1];
	char s[JOINED_MAX];

	if (m->place[i] + 1 != m->place[i + 1] || a->n + b->n > WORD_MAX)
		return;
	memcpy(s, a->s, a->n);
	memcpy(s + a->n, b->s, b->n);
	int32_t t = known_term(m, s, a->n + b->n);
	if (t < 0) {
		if (m->q->n_slots <= LONG_QUESTION)
			sounds_like(m, s, a->n + b->n, i, 2, SOUND_SURE);
		return;
	}
	add_alternative(m->v, m->q, QUERY_JOINED, t, 1, i, 2);
	for (size_t k = 0; k < m->q->n_alternatives; k++) {
		struct query_alternative *p = &m->q->alternatives[k];

		if (p->kind == QUERY_EXACT && (p->first == i || p->first == i + 1))
			p->weight *= PART_WEIGHT;
	}
}

/* A word the collection does not know, as two that it knows: the slot becomes two. */
static bool split_slot(struct maker *m, size_t i)
{
	const struct word *w = &m->words[i];
	struct query *q = m->q;
	int32_t best_a = -1, best_b = -1;
	float best = 0;

	for (size_t n = PART_MIN; n + PART_MIN <= w->n; n++) {
		int32_t a = known_term(m, w->s, n), b = known_term(m, w->s + n, w->n - n);
		if (a < 0 || b < 0)
			continue;
		/* The commoner its parts, the likelier a split is meant. */
		float common = 1 / (1 + view_idf(m->v, a)) + 1 / (1 + view_idf(m->v, b));
		if (common > best) {
			best = common;
			best_a = a;
			best_b = b;
		}
	}
	if (best_a < 0 || q->n_slots == QUERY_SLOTS)
		return false;
	size_t k = q->n_slots++;
	q->slots[k] = q->slots[i];
	q->slots[i].term = best_a;
	q->slots[k].term = best_b;
	q->slots[i].weight = view_idf(m->v, best_a);
	q->slots[k].weight = view_idf(m->v, best_b);
	add_alternative(m->v, q, QUERY_SPLIT, best_a, 0.9f, i, 1);
	add_alternative(m->v, q, QUERY_SPLIT, best_b, 0.9f, k, 1);
	return true;
}

static void unknown_slot(struct maker *m, size_t i, size_t n_words)
{
	const struct word *w = &m->words[i];

	if (split_slot(m, i))
		return;
	sounds_like(m, w->s, w->n, i, 1, 0);
	if (n_words > LONG_QUESTION)
		return;
	/* A name the recogniser took for two words: "more vein", "mirror wick". */
	if (m->before[i].n >= 2) {
		char s[JOINED_MAX];

		memcpy(s, m->before[i].s, m->before[i].n);
		memcpy(s + m->before[i].n, w->s, w->n);
		sounds_like(m, s, m->before[i].n + w->n, i, 1, SOUND_SURE);
	}
	for (size_t k = i ? i - 1 : i; k <= i && k + 1 < n_words; k++) {
		char s[JOINED_MAX];
		const struct word *a = &m->words[k], *b = &m->words[k + 1];

		if (m->place[k] + 1 != m->place[k + 1])
			continue;
		memcpy(s, a->s, a->n);
		memcpy(s + a->n, b->s, b->n);
		sounds_like(m, s, a->n + b->n, k, 2, 0);
	}
}

struct synonyms {
	struct maker *m;
	size_t slot;
};

static void add_synonym(void *ctx, const char *term)
{
	struct synonyms *y = ctx;
	const struct index *x = y->m->x;
	int32_t t = index_find_term(x, term, strlen(term));

	if (view_has_term(y->m->v, t))
		add_alternative(y->m->v, y->m->q, QUERY_SYNONYM, t, SYNONYM_QUALITY, y->slot, 1);
}

static void synonym_slot(struct maker *m, size_t i)
{
	struct word w = m->words[i];

	word_to_term(&w);
	synonyms_foreach(w.s, add_synonym, &(struct synonyms){ m, i });
}

void query_make(const struct view *v, struct bytes text, struct query *out)
{
	struct maker m = { .v = v, .x = v->x, .q = out };

	*out = (struct query){ .n_slots = 0 };
	add_slots(&m, text);
	size_t n = out->n_slots;
	for (size_t i = 0; i < n; i++)
		if (out->slots[i].term >= 0)
			add_alternative(v, out, QUERY_EXACT, out->slots[i].term, 1, i, 1);
	for (size_t i = 0; i + 1 < n; i++)
		join_slots(&m, i);
	for (size_t i = 0; i < n; i++)
		synonym_slot(&m, i);
	for (size_t i = 0; i < n; i++)
		if (out->slots[i].term < 0)
			unknown_slot(&m, i, n);
	for (size_t i = 0; i < out->n_slots; i++)
		out->weight += out->slots[i].weight;
}

/* --- coverage ------------------------------------------------------------------------------ */

void query_meet(const struct query_alternative *a, float *met)
{
	for (size_t i = a->first; i < (size_t)a->first + a->n_slots; i++)
		met[i] = MAX(met[i], a->quality);
}

float query_met(const struct query *q, const float *met)
{
	float sum = 0;

	for (size_t i = 0; i < q->n_slots; i++)
		sum += q->slots[i].weight * met[i];
	return q->weight > 0 ? sum / q->weight : 0;
}

float query_covers_passage(const struct index *x, const struct query *q, uint32_t passage)
{
	float met[QUERY_SLOTS] = { 0 };

	for (size_t i = 0; i < q->n_alternatives; i++)
		if (index_has(x, (size_t)q->alternatives[i].term, passage))
			query_meet(&q->alternatives[i], met);
	return query_met(q, met);
}

static void meet_word(const struct index *x, const struct query *q, const char *s, size_t n,
		      float met[static QUERY_SLOTS])
{
	int32_t t = term_of(x, s, n);

	for (size_t i = 0; t >= 0 && i < q->n_alternatives; i++)
		if (q->alternatives[i].term == t)
			query_meet(&q->alternatives[i], met);
}

static void meet_words(const struct index *x, const struct query *q, struct bytes t,
		       float met[static QUERY_SLOTS])
{
	struct word w, before = { .n = 0 };
	size_t pos = 0;

	while (word_next(t, &pos, &w)) {
		char s[JOINED_MAX];

		meet_word(x, q, w.s, w.n, met);
		if (before.n && before.n + w.n <= WORD_MAX) {
			memcpy(s, before.s, before.n);
			memcpy(s + before.n, w.s, w.n);
			meet_word(x, q, s, before.n + w.n, met);
		}
		before = w;
	}
}

float query_covers_text(const struct index *x, const struct query *q, struct bytes text,
			struct bytes above)
{
	float met[QUERY_SLOTS] = { 0 };

	meet_words(x, q, text, met);
	meet_words(x, q, above, met);
	return query_met(q, met);
}
