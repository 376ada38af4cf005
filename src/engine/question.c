#include "engine/question.h"

#include <stdlib.h>

#include "knowledge/synonym.h"

/* --- the tables ------------------------------------------------------------------------------ */

/* How a question opens, and a word that must stand anywhere behind it (NULL: none). The
 * opener that stands first in the question wins, then the first row. All these words are
 * taken: they tell the shape. */
static const struct opener {
	const char *phrase, *with;
	enum shape shape;
} openers[] = {
	{ "how much", "cost costs pay paid price fee charge charged earn earns paying worth", SHAPE_MONEY },
	{ "how much", "weigh weighs weight", SHAPE_MASS },
	{ "how much", "memory ram disk storage", SHAPE_MEMORY },
	{ "how much time", NULL, SHAPE_DURATION },
	{ "how much is", NULL, SHAPE_MONEY },
	{ "how much are", NULL, SHAPE_MONEY },
	{ "how much was", NULL, SHAPE_MONEY },
	{ "how much for", NULL, SHAPE_MONEY },
	{ "how much", NULL, SHAPE_NUMBER },
	{ "do", "pay", SHAPE_MONEY },
	{ "must", "pay", SHAPE_MONEY },
	{ "does", "cost", SHAPE_MONEY },
	{ "how quickly", NULL, SHAPE_NUMBER },
	{ "how expensive", NULL, SHAPE_MONEY },
	{ "how many times", NULL, SHAPE_OFTEN },
	{ "how many", NULL, SHAPE_COUNT },
	{ "number of", NULL, SHAPE_COUNT },
	{ "how heavy", NULL, SHAPE_MASS },
	{ "how long", "take takes last lasts", SHAPE_DURATION },
	{ "how long ago", NULL, SHAPE_TIME },
	{ "how long before", NULL, SHAPE_DURATION },
	{ "how long", NULL, SHAPE_EXTENT },
	{ "how soon", NULL, SHAPE_TIME },
	{ "how far ahead", NULL, SHAPE_DURATION },
	{ "how far in advance", NULL, SHAPE_DURATION },
	{ "how far", NULL, SHAPE_LENGTH },
	{ "how wide", NULL, SHAPE_LENGTH },
	{ "how tall", NULL, SHAPE_LENGTH },
	{ "how high", NULL, SHAPE_LENGTH },
	{ "how deep", NULL, SHAPE_LENGTH },
	{ "how thick", NULL, SHAPE_LENGTH },
	{ "how close", NULL, SHAPE_LENGTH },
	{ "how near", NULL, SHAPE_LENGTH },
	{ "how big a", NULL, SHAPE_NUMBER },
	{ "how large a", NULL, SHAPE_NUMBER },
	{ "how big", NULL, SHAPE_SIZE },
	{ "how large", NULL, SHAPE_SIZE },
	{ "how fast", NULL, SHAPE_SPEED },
	{ "how cold", NULL, SHAPE_TEMPERATURE },
	{ "how warm", NULL, SHAPE_TEMPERATURE },
	{ "how hot", NULL, SHAPE_TEMPERATURE },
	{ "how old", NULL, SHAPE_AGE },
	{ "how often", NULL, SHAPE_OFTEN },
	{ "how", "strong accurate loud bright", SHAPE_NUMBER },
	{ "how early", NULL, SHAPE_TIME },
	{ "how late", NULL, SHAPE_TIME },
	{ "what", "cost costs", SHAPE_MONEY },
	{ "what time", NULL, SHAPE_CLOCK },
	{ "at what time", NULL, SHAPE_CLOCK },
	{ "when was", NULL, SHAPE_DATE },
	{ "when were", NULL, SHAPE_DATE },
	{ "when did", NULL, SHAPE_DATE },
	{ "when", NULL, SHAPE_TIME },
	{ "since when", NULL, SHAPE_DATE },
	{ "who is the", NULL, SHAPE_NAME },
	{ "who was the", NULL, SHAPE_NAME },
	{ "who is our", NULL, SHAPE_NAME },
	{ "who the", NULL, SHAPE_NAME },
	{ "who", NULL, SHAPE_PERSON },
	{ "whom", NULL, SHAPE_PERSON },
	{ "whose", NULL, SHAPE_ANY },
	{ "where", NULL, SHAPE_PLACE },
	{ "why", NULL, SHAPE_REASON },
	{ "how do", NULL, SHAPE_WAY },
	{ "how can", NULL, SHAPE_WAY },
	{ "how should", NULL, SHAPE_WAY },
	{ "how must", NULL, SHAPE_WAY },
	{ "how is", NULL, SHAPE_ANY },
	{ "how are", NULL, SHAPE_ANY },
	{ "what should", NULL, SHAPE_WAY },
	{ "what must", NULL, SHAPE_WAY },
	{ "what do i do", NULL, SHAPE_WAY },
	{ "what is", NULL, SHAPE_ANY },
	{ "what the", NULL, SHAPE_ANY },
	{ "what", NULL, SHAPE_ANY },
	{ "which", NULL, SHAPE_ANY },
	/* What the recogniser leaves of "how much". */
	{ "much", "cost costs pay price fee", SHAPE_MONEY },
	{ "much", "weigh weighs weight", SHAPE_MASS },
	{ "many", NULL, SHAPE_COUNT },
};

/* What the noun that is asked for ("what is the … of", "which …") tells. Forms end in blanks. */
static const struct {
	const char *nouns;
	enum shape shape;
	bool taken; /* the sentence need not say it */
} heads[] = {
	{ "weight mass", SHAPE_MASS, true },
	{ "price cost fee salary wage rent fare pay charge budget income fine deposit tax", SHAPE_MONEY, true },
	{ "allowance", SHAPE_MONEY, false },
	{ "height altitude elevation width breadth depth thickness diameter distance", SHAPE_LENGTH, true },
	{ "length", SHAPE_EXTENT, true },
	{ "size", SHAPE_SIZE, true },
	{ "duration", SHAPE_DURATION, true },
	{ "speed", SHAPE_SPEED, true },
	{ "temperature", SHAPE_TEMPERATURE, true },
	{ "age", SHAPE_AGE, true },
	{ "year date", SHAPE_DATE, true },
	{ "month day weekday days", SHAPE_DAY, true },
	{ "time hour", SHAPE_CLOCK, true },
	{ "city town country", SHAPE_CITY, true },
	{ "place", SHAPE_PLACE, true },
	{ "room building", SHAPE_PLACE, false },
	{ "colour color", SHAPE_COLOUR, true },
	{ "name", SHAPE_NAME, true },
	{ "population", SHAPE_NUMBER, false },
	{ "amount", SHAPE_NUMBER, true },
	{ "number channel", SHAPE_NUMBER, false },
	{ "address website url email", SHAPE_ADDRESS, false },
	{ "person people", SHAPE_PERSON, true },
	{ "reason", SHAPE_REASON, true },
	{ "frequency", SHAPE_OFTEN, true },
};

/* Hardly tell about what: a person "handles" what a document gives to "the officer". */
#define FAINT_SHARE 0.25
#define FAINT                                                                                      \
	"handle handles responsible deals deal care cares maximum minimum max allowed permitted "  \
	"possible exactly currently usually normally approximately maximal minimal people someone " \
	"long anything happens required able come bring describe explain exist howd whats hows "    \
	"wheres per thing things"
/* Change what is asked for. */
#define DECISIVE "first next previous former second default best worst favourite"
#define CUTS                                                                                       \
	"of for in at on to from by with between that which when if does do did has have is are "  \
	"was were can may must should will and where who before after during under over into "    \
	"without than about as"
#define ARTICLES "the a an my our your their his her its this"
#define MODALS	 "is was are were may can must should has have had did does do will could would might"

bool question_is_asking(const struct word *w)
{
	return shape_listed("many much long often tell know please mean say says there happens happen "
			    "find get need want",
			    w->s);
}

/* --- the question's words ---------------------------------------------------------------------- */

struct reader {
	struct question *q;
	struct said said;
	bool taken[SAID_WORDS], key[SAID_WORDS], sort[SAID_WORDS], faint[SAID_WORDS];
	size_t count_from; /* the word from which on a term is the counted one */
};

/* What the recogniser writes, and people: "how'd", "what's". */
static void plain_openers(struct said *s)
{
	static const char *const rows[][2] = { { "howd", "how" }, { "hows", "how" },
					       { "whats", "what" }, { "wheres per thing things", "where" },
					       { "whens", "when" }, { "whos", "who" } };

	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < ARRAY_LEN(rows); k++)
			if (strcmp(s->words[i].s, rows[k][0]) == 0) {
				s->words[i].n = strlen(rows[k][1]);
				memcpy(s->words[i].s, rows[k][1], s->words[i].n + 1);
			}
}

/* The phrase stands at word i; how many words it has, or 0. */
static size_t phrase_at(const struct said *s, size_t i, const char *phrase)
{
	size_t n = 0;

	for (const char *p = phrase; *p; n++) {
		size_t len = strcspn(p, " ");

		if (i + n >= s->n || s->words[i + n].n != len || memcmp(s->words[i + n].s, p, len) != 0)
			return 0;
		p += len + strspn(p + len, " ");
	}
	return n;
}

static size_t find_listed(const struct said *s, size_t from, const char *list)
{
	while (from < s->n && !shape_listed(list, s->words[from].s))
		from++;
	return from;
}

/* The opener at word i; NULL: none. *behind: the word after it. */
static const struct opener *opener_at(struct reader *r, size_t i, size_t *behind)
{
	for (size_t k = 0; k < ARRAY_LEN(openers); k++) {
		const struct opener *o = &openers[k];
		size_t n = phrase_at(&r->said, i, o->phrase), with = r->said.n;

		if (!n || (o->with && (with = find_listed(&r->said, i + n, o->with)) == r->said.n))
			continue;
		for (size_t j = i; j < i + n; j++)
			r->taken[j] = true;
		if (with < r->said.n) {
			r->taken[with] = o->shape != SHAPE_NUMBER;
			r->key[with] = true;
		}
		*behind = i + n;
		return o;
	}
	return NULL;
}

static bool says(const struct reader *r, size_t i)
{
	return i < r->said.n && !word_is_stop(&r->said.words[i]);
}

static void set_dimension(struct question *q, const struct word *w)
{
	memcpy(q->dimension, w->s, w->n + 1);
}

/* Does the noun at word i tell the shape? */
static bool read_head(struct reader *r, size_t i)
{
	const char *s = r->said.words[i].s;

	for (size_t k = 0; k < ARRAY_LEN(heads); k++) {
		if (!shape_listed(heads[k].nouns, s))
			continue;
		r->q->shape = heads[k].shape;
		if (heads[k].shape == SHAPE_LENGTH)
			set_dimension(r->q, &r->said.words[i]);
		r->taken[i] = heads[k].taken;
		r->key[i] = !heads[k].taken;
		return true;
	}
	return false;
}

/* "what is the *leader* of …", "which *bank* …" from word i on. */
static void read_asked(struct reader *r, size_t i, bool is_which)
{
	size_t end = i;

	while (end < r->said.n && shape_listed(ARTICLES, r->said.words[end].s))
		end++;
	size_t first = end;
	while (end < r->said.n && !shape_listed(CUTS, r->said.words[end].s))
		end++;
	if (first == end || read_head(r, is_which ? first : end - 1) || read_head(r, end - 1))
		return;
	size_t head = is_which ? first : end - 1;
	r->key[head] = says(r, head) && !is_which;
	r->sort[head] = says(r, head) && is_which;
}

/* "where was … born", "where does … live" */
static bool tells_verb(const struct reader *r, size_t i)
{
	return i < r->said.n && shape_listed("was were did does do", r->said.words[i].s);
}

/* "when was … built": what happened. */
static void key_last(struct reader *r)
{
	size_t last = r->said.n;

	if (last && says(r, last - 1))
		r->key[last - 1] = true;
}

static bool is_phrase(const struct opener *o, const char *phrase)
{
	return strcmp(o->phrase, phrase) == 0;
}

/* Which words behind the opener, from word i on, name what is asked for. */
static void read_keys(struct reader *r, const struct opener *o, size_t i, bool be)
{
	if (is_phrase(o, "what is") || is_phrase(o, "what the") || (is_phrase(o, "what") && be))
		read_asked(r, be ? i + 1 : i, false);
	else if (is_phrase(o, "which") || is_phrase(o, "what"))
		read_asked(r, i, true);
	else if (strncmp(o->phrase, "who ", 4) == 0)
		read_asked(r, i, false);
	else if (o->shape == SHAPE_PERSON && says(r, i))
		r->key[i] = true;
	else if (o->shape == SHAPE_COUNT)
		r->count_from = i;
	if (o->shape == SHAPE_DATE ||
	    (tells_verb(r, i) && (o->shape == SHAPE_PLACE || o->shape == SHAPE_TIME)))
		key_last(r);
}

/* "what is X", "what does X mean" */
static bool asks_definition(const struct reader *r, const struct opener *o, size_t i, bool be)
{
	bool does = i < r->said.n && shape_listed("does do", r->said.words[i].s) &&
		    shape_listed("mean do describe stand", r->said.words[r->said.n - 1].s);

	return strncmp(o->phrase, "what", 4) == 0 && r->q->shape == SHAPE_ANY &&
	       (be || does || o->phrase[4] == ' ');
}

static void read_opening(struct reader *r)
{
	const struct opener *o = NULL;
	size_t at = 0, i = 0;

	for (; at < r->said.n && !o; at++)
		o = opener_at(r, at, &i);
	if (!o)
		return;
	bool be = i < r->said.n && shape_listed("is are was were", r->said.words[i].s);
	r->q->shape = o->shape;
	if (o->shape == SHAPE_LENGTH || o->shape == SHAPE_EXTENT)
		set_dimension(r->q, &r->said.words[at]); /* the opener's second word */
	/* "how heavy a load": a mass with any name will do. */
	if (strncmp(o->phrase, "how ", 4) == 0 && i + 1 < r->said.n &&
	    shape_listed("a an", r->said.words[i].s))
		r->faint[i + 1] = true;
	read_keys(r, o, i, be);
	r->q->defines = asks_definition(r, o, i, be);
}

/* --- terms -------------------------------------------------------------------------------------- */

static void add_like(struct term *t, const char *s, double quality)
{
	size_t n = strlen(s);

	if (t->n_like == LIKE_MAX || n > WORD_MAX)
		return;
	memcpy(t->like[t->n_like].s, s, n + 1);
	t->like[t->n_like++].quality = quality;
}

static void add_synonym(void *ctx, const char *term)
{
	add_like(ctx, term, 0.9);
}

/* What the index knows about the word of the question at t->start. */
static void read_index_words(struct term *t, const json_t *words)
{
	for (size_t i = 0; i < json_array_size(words); i++) {
		const json_t *w = json_array_get(words, i), *like = json_object_get(w, "like");

		if (json_int(w, "start", -1) != (int64_t)t->start)
			continue;
		t->known = json_is_true(json_object_get(w, "known"));
		t->weight = MAX(t->weight, json_number_value(json_object_get(w, "weight")));
		for (size_t k = 0; k < json_array_size(like); k++) {
			const json_t *one = json_array_get(like, k);
			const char *s = json_string_value(json_array_get(one, 0));

			if (s)
				add_like(t, s, json_number_value(json_array_get(one, 1)));
		}
	}
}

static size_t find_term(const struct question *q, const struct word *w)
{
	size_t i = 0;

	while (i < q->n_terms && (q->terms[i].n != w->n || memcmp(q->terms[i].s, w->s, w->n) != 0))
		i++;
	return i;
}

static void add_term(struct reader *r, size_t at, const json_t *words)
{
	struct question *q = r->q;
	struct word w = r->said.words[at];

	word_to_term(&w);
	size_t i = find_term(q, &w);
	if (i < q->n_terms) {
		q->terms[i].key = q->terms[i].key || r->key[at];
		return;
	}
	if (i == TERMS_MAX || !w.n)
		return;
	struct term *t = &q->terms[q->n_terms++];
	*t = (struct term){ .n = w.n, .start = w.start, .known = true };
	memcpy(t->s, w.s, w.n);
	t->key = r->key[at] || shape_listed(DECISIVE, r->said.words[at].s);
	synonyms_foreach(t->s, add_synonym, t);
	read_index_words(t, words);
	t->sort = r->sort[at];
	t->share = 1;
	if (r->faint[at] || shape_listed(FAINT, r->said.words[at].s)) {
		t->share = FAINT_SHARE;
		t->key = false;
	}
	if (q->shape == SHAPE_COUNT && q->counted == SIZE_MAX && at >= r->count_from)
		q->counted = i;
}

void question_make(struct question *q, const char *text, const json_t *words)
{
	struct reader r = { .q = q, .count_from = SIZE_MAX };

	*q = (struct question){ .counted = SIZE_MAX };
	said_make(&r.said, bytes_str(text));
	plain_openers(&r.said);
	read_opening(&r);
	for (size_t i = 0; i < r.said.n; i++)
		if (!r.taken[i] && says(&r, i) && !question_is_asking(&r.said.words[i]))
			add_term(&r, i, words);
}

/* Two forms of one word that stemming keeps apart, such as "observer" and "observatory":
 * worth less than the word itself. */
static bool akin(const char *a, size_t na, const char *b, size_t nb)
{
	size_t n = MIN(na, nb), common = 0;

	while (common < n && a[common] == b[common])
		common++;
	return common >= 5 && common + 3 >= MAX(na, nb);
}

double question_meets(const struct question *q, size_t i, const struct word *w)
{
	const struct term *t = &q->terms[i];
	double best = 0;

	if (w->n == t->n && memcmp(w->s, t->s, w->n) == 0)
		return 1;
	for (size_t k = 0; k < t->n_like; k++)
		if (strcmp(t->like[k].s, w->s) == 0)
			best = MAX(best, t->like[k].quality);
	return best > 0 ? best : akin(w->s, w->n, t->s, t->n) ? 0.7 : 0;
}
