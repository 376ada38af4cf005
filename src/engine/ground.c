#include "engine/ground.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "document/sentences.h"
#include "document/words.h"
#include "knowledge/synonym.h"

enum { TERMS_MAX = 48, SLOTS = 256, LIKE_MAX = 6 };

/* Of the weight of a sentence's words, what must stand in the passage; where one denies and the other
 * does not, nearly all. */
static const float enough = 0.55f, enough_against = 0.85f, further_sentence = 0.1f;

enum term_kind { TERM_WORD, TERM_NUMBER, TERM_NAME };

struct term {
	uint32_t hash;
	enum term_kind kind;
};

/* A sentence of a passage: its terms are g->terms[first .. first + n]. */
struct place {
	size_t row, start, end, first, n;
	bool denies;
};

struct row {
	json_t *json;
	struct bytes text;
	size_t first, n_heads; /* terms of title and headings */
	size_t place, n_places;
};

struct ground {
	struct row rows[GROUND_ROWS_MAX];
	size_t n_rows;
	uint32_t *terms;
	size_t n_terms, cap_terms;
	struct place *places;
	size_t n_places, cap_places;
};

/* --- a text as terms --------------------------------------------------------------------- */

struct reader {
	struct bytes text;
	size_t pos;
	struct word next;
	bool has_next, begun, denies;
};

static void reader_init(struct reader *r, struct bytes text)
{
	*r = (struct reader){ .text = text };
	r->has_next = word_next(text, &r->pos, &r->next);
}

static uint32_t hash_of(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h ? h : 1;
}

static bool is(const struct word *w, const char *s)
{
	return strcmp(w->s, s) == 0;
}

/* The value of a word that is a number: digits, or "forty". NAN: it is none. */
static double value_of(const struct word *w)
{
	struct word t = *w;
	char *end;

	if (t.s[0] >= 'a')
		word_to_term(&t);
	if (t.s[0] < '0' || t.s[0] > '9')
		return NAN;
	double v = strtod(t.s, &end);
	return *end ? NAN : v;
}

static double scale_of(const struct word *w)
{
	return is(w, "hundred") ? 100 : is(w, "thousand") ? 1000 : is(w, "million") ? 1e6 : 0;
}

static void step(struct reader *r)
{
	r->has_next = word_next(r->text, &r->pos, &r->next);
}

/* "one hundred and twenty", "forty-five", "3.5 million": the number that begins with the next word. */
static double take_number(struct reader *r, double v)
{
	double whole = 0;

	for (;;) {
		bool written = r->next.s[0] >= 'a';

		step(r);
		double scale = r->has_next ? scale_of(&r->next) : 0;
		while (scale > 0) {
			v *= scale;
			if (scale >= 1000) {
				whole += v;
				v = 0;
			}
			step(r);
			written = true;
			scale = r->has_next ? scale_of(&r->next) : 0;
		}
		if (!r->has_next || !written)
			break;
		const struct reader here = *r;
		if (is(&r->next, "and") && (v >= 100 || whole > 0))
			step(r);
		double more = r->has_next && r->next.s[0] >= 'a' ? value_of(&r->next) : NAN;
		bool joins = !isnan(more) && more > 0 &&
			     ((v >= 20 && v < 100 && fmod(v, 10) == 0 && more < 10) ||
			      (fmod(v, 100) == 0 && more < 100 && (v > 0 || whole > 0)));
		if (!joins) {
			*r = here;
			break;
		}
		v += more;
	}
	return whole + v;
}

static bool capital(const struct reader *r, const struct word *w)
{
	uint8_t c = r->text.p[w->start];

	return c >= 'A' && c <= 'Z';
}

/* The next term that says something. false: no more. */
static bool reader_term(struct reader *r, struct term *out)
{
	static const char *const denials[] = { "not", "no", "never", "none", "without", "cannot", "nor" };
	char text[32];

	while (r->has_next) {
		struct word w = r->next;
		bool first = !r->begun;
		double v = value_of(&w);

		r->begun = true;
		if (!isnan(v)) {
			int n = snprintf(text, sizeof(text), "#%.6g", take_number(r, v));
			*out = (struct term){ hash_of(text, (size_t)n), TERM_NUMBER };
			return true;
		}
		step(r);
		for (size_t i = 0; i < ARRAY_LEN(denials); i++)
			r->denies |= is(&w, denials[i]);
		r->denies |= w.n > 3 && strcmp(w.s + w.n - 2, "nt") == 0 && memchr(r->text.p + w.start, '\'', w.end - w.start);
		if (word_is_stop(&w))
			continue;
		bool name = capital(r, &w) && !first;
		word_to_term(&w);
		*out = (struct term){ hash_of(w.s, w.n), name ? TERM_NAME : TERM_WORD };
		return true;
	}
	return false;
}

/* --- passages ---------------------------------------------------------------------------- */

int ground_new(struct ground **out)
{
	*out = mem_zalloc(sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void ground_free(struct ground *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n_rows; i++)
		json_decref(g->rows[i].json);
	mem_free(g->terms);
	mem_free(g->places);
	mem_free(g);
}

size_t ground_rows(const struct ground *g)
{
	return g->n_rows;
}

static bool put_term(struct ground *g, uint32_t hash)
{
	if (!mem_grow(&g->terms, &g->cap_terms, g->n_terms, sizeof(*g->terms)))
		return false;
	g->terms[g->n_terms++] = hash;
	return true;
}

static bool put_terms(struct ground *g, struct bytes text, bool *denies)
{
	struct reader r;
	struct term t;

	reader_init(&r, text);
	while (reader_term(&r, &t))
		if (!put_term(g, t.hash))
			return false;
	*denies = r.denies;
	return true;
}

static bool put_places(struct ground *g, struct row *row)
{
	struct span s;
	size_t pos = 0;

	row->place = g->n_places;
	while (sentence_next(row->text, &pos, &s)) {
		if (!mem_grow(&g->places, &g->cap_places, g->n_places, sizeof(*g->places)))
			return false;
		struct place *p = &g->places[g->n_places++];
		*p = (struct place){ (size_t)(row - g->rows), s.start, s.end, g->n_terms, 0, false };
		if (!put_terms(g, bytes_sub(row->text, s.start, s.end - s.start), &p->denies))
			return false;
		p->n = g->n_terms - p->first;
	}
	row->n_places = g->n_places - row->place;
	return true;
}

static bool is_there(const struct ground *g, const json_t *v)
{
	for (size_t i = 0; i < g->n_rows; i++)
		if (json_equal(json_object_get(g->rows[i].json, "document"), json_object_get(v, "document")) &&
		    json_int(g->rows[i].json, "start", -1) == json_int(v, "start", -1) &&
		    json_int(g->rows[i].json, "end", -1) == json_int(v, "end", -1))
			return true;
	return false;
}

static bool add_row(struct ground *g, json_t *v)
{
	struct row *row = &g->rows[g->n_rows];
	static const char *const heads[] = { "title", "heading", "headings" };
	bool denies;

	*row = (struct row){ .json = json_incref(v),
			     .text = bytes_str(json_str(v, "text", "")),
			     .first = g->n_terms };
	g->n_rows++;
	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		if (!put_terms(g, bytes_str(json_str(v, heads[i], "")), &denies))
			return false;
	row->n_heads = g->n_terms - row->first;
	return put_places(g, row);
}

int ground_add(struct ground *g, const json_t *output)
{
	const json_t *results = json_object_get(output, "results");

	for (size_t i = 0; i < json_array_size(results) && g->n_rows < GROUND_ROWS_MAX; i++) {
		json_t *v = json_array_get(results, i);

		if (json_str(v, "text", NULL) && !is_there(g, v) && !add_row(g, v))
			return -ENOMEM;
	}
	return 0;
}

/* --- a sentence -------------------------------------------------------------------------- */

/* What the sentence says: its terms, each a bit of a mask, found by hash. */
struct asked {
	struct term terms[TERMS_MAX];
	float weight[TERMS_MAX], total;
	size_t n;
	bool denies;
	uint64_t numbers, names;
	struct {
		uint32_t hash;
		uint8_t bit;
	} slots[SLOTS];
};

static void put_slot(struct asked *a, uint32_t hash, size_t bit)
{
	size_t i = hash % SLOTS;

	for (size_t tries = 0; tries < SLOTS / 2; tries++, i = (i + 1) % SLOTS) {
		if (a->slots[i].hash == hash)
			return;
		if (!a->slots[i].hash) {
			a->slots[i].hash = hash;
			a->slots[i].bit = (uint8_t)bit;
			return;
		}
	}
}

/* The bit of a term; 0: it is not asked for. */
static uint64_t bit_of(const struct asked *a, uint32_t hash)
{
	for (size_t i = hash % SLOTS; a->slots[i].hash; i = (i + 1) % SLOTS)
		if (a->slots[i].hash == hash)
			return 1ull << a->slots[i].bit;
	return 0;
}

struct likes {
	struct asked *a;
	size_t n;
};

static void put_like(void *ctx, const char *term)
{
	struct likes *l = ctx;

	if (l->n++ < LIKE_MAX)
		put_slot(l->a, hash_of(term, strlen(term)), l->a->n - 1);
}

/* Words that people say for each other count as the same. */
static void put_likes(struct asked *a, struct bytes sentence)
{
	struct word w;
	size_t pos = 0;

	while (word_next(sentence, &pos, &w)) {
		if (word_is_stop(&w))
			continue;
		word_to_term(&w);
		uint64_t bit = bit_of(a, hash_of(w.s, w.n));
		struct likes l = { a, 0 };
		size_t n = a->n;

		if (!bit)
			continue;
		a->n = (size_t)__builtin_ctzll(bit) + 1;
		synonyms_foreach(w.s, put_like, &l);
		a->n = n;
	}
}

static void read_sentence(struct asked *a, struct bytes sentence)
{
	struct reader r;
	struct term t;

	memset(a, 0, sizeof(*a));
	reader_init(&r, sentence);
	while (a->n < TERMS_MAX && reader_term(&r, &t)) {
		if (bit_of(a, t.hash))
			continue;
		if (t.kind == TERM_NUMBER)
			a->numbers |= 1ull << a->n;
		if (t.kind == TERM_NAME)
			a->names |= 1ull << a->n;
		a->terms[a->n] = t;
		put_slot(a, t.hash, a->n++);
	}
	a->denies = r.denies;
	put_likes(a, sentence);
}

static uint64_t mask_of(const struct ground *g, const struct asked *a, size_t first, size_t n)
{
	uint64_t mask = 0;

	for (size_t i = first; i < first + n; i++)
		mask |= bit_of(a, g->terms[i]);
	return mask;
}

/* Rare words weigh more; numbers and names most. */
static void weigh(struct asked *a, const uint64_t *masks, size_t n_masks)
{
	a->total = 0;
	for (size_t i = 0; i < a->n; i++) {
		size_t in = 0;

		for (size_t k = 0; k < n_masks; k++)
			in += masks[k] >> i & 1;
		float rare = in ? log1pf((float)n_masks / (float)in) / log1pf((float)n_masks) : 0.8f;
		a->weight[i] = a->terms[i].kind == TERM_WORD ? 0.3f + rare : 1.5f;
		a->total += a->weight[i];
	}
}

static float weight_of(const struct asked *a, uint64_t mask)
{
	float sum = 0;

	for (; mask; mask &= mask - 1)
		sum += a->weight[__builtin_ctzll(mask)];
	return sum;
}

/* Where a sentence may rest: places first .. last of one row. */
struct rest {
	size_t first, last;
	float score;
};

static void try_window(const struct ground *g, const struct asked *a, const uint64_t *masks,
		       size_t first, size_t last, uint64_t all, uint64_t heads, struct rest *best)
{
	uint64_t here = 0;
	bool denies = false;

	for (size_t i = first; i <= last; i++) {
		here |= masks[i];
		denies |= g->places[i].denies;
	}
	if ((here & a->numbers) != a->numbers || ((all | heads) & a->names) != a->names)
		return;
	/* What only the headings or the rest of the passage say counts half, but for names. */
	uint64_t around = (all | heads) & ~here;
	float share = (weight_of(a, here | (around & a->names)) + weight_of(a, around & ~a->names) / 2) / a->total;
	float least = denies == a->denies ? enough : enough_against;
	size_t shared = (size_t)__builtin_popcountll(here);

	if (share < least || (shared < 2 && !(a->n == 1 && shared == 1)))
		return;
	share -= further_sentence * (float)(last - first);
	/* A sentence more must bring something. */
	if (share > best->score)
		*best = (struct rest){ first, last, share };
}

static json_t *source_of(const struct ground *g, const struct rest *at)
{
	const struct row *row = &g->rows[g->places[at->first].row];
	size_t from = g->places[at->first].start, to = g->places[at->last].end;
	json_int_t start = json_int(row->json, "start", 0);

	return json_pack("{s:O*,s:O*,s:s,s:O*,s:O*,s:I,s:I,s:s%}", "document",
			 json_object_get(row->json, "document"), "file",
			 json_object_get(row->json, "file"), "title",
			 json_str(row->json, "title", json_str(row->json, "file", "")), "page",
			 json_object_get(row->json, "page"), "heading",
			 json_object_get(row->json, "heading"), "start",
			 start + (json_int_t)from, "end", start + (json_int_t)to, "quote",
			 (const char *)row->text.p + from, to - from);
}

bool ground_next(struct bytes text, size_t *pos, size_t *start, size_t *end)
{
	struct span s;

	if (!sentence_next(text, pos, &s))
		return false;
	*start = s.start;
	*end = s.end;
	return true;
}

static bool asks(struct bytes sentence)
{
	return sentence.n && sentence.p[sentence.n - 1] == '?';
}

json_t *ground_find(const struct ground *g, struct bytes sentence, bool *no_memory)
{
	struct rest best = { 0, 0, 0 };
	struct asked a;

	*no_memory = false;
	if (!g->n_places || asks(sentence))
		return NULL;
	read_sentence(&a, sentence);
	AUTO(mem) uint64_t *masks = mem_alloc(g->n_places * sizeof(*masks));
	if (!masks) {
		*no_memory = true;
		return NULL;
	}
	for (size_t i = 0; i < g->n_places; i++)
		masks[i] = mask_of(g, &a, g->places[i].first, g->places[i].n);
	weigh(&a, masks, g->n_places);
	for (size_t k = 0; k < g->n_rows && a.n; k++) {
		const struct row *row = &g->rows[k];
		uint64_t heads = mask_of(g, &a, row->first, row->n_heads), all = 0;

		for (size_t i = row->place; i < row->place + row->n_places; i++)
			all |= masks[i];
		for (size_t i = row->place; i < row->place + row->n_places; i++)
			for (size_t n = 0; n < GROUND_WINDOW && i + n < row->place + row->n_places; n++)
				if (masks[i] && masks[i + n])
					try_window(g, &a, masks, i, i + n, all, heads, &best);
	}
	json_t *source = best.score > 0 ? source_of(g, &best) : NULL;
	*no_memory = best.score > 0 && !source;
	return source;
}
