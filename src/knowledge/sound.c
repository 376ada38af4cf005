#include "knowledge/sound.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "document/vocab.h"

/* Below this much likeness (keys and spelling) two words are different words. */
#define LIKENESS_MIN 0.72f
/* The keys alone. */
#define HEARD_MIN 0.6f
/* The rest is how they are spelt. */
#define HEARD_SHARE 0.65f

struct row {
	int32_t term;
	uint8_t n_word;
	char key[SOUND_KEY];
};

/* What is looked at of all rows stands apart from what few are asked for. */
struct sounds {
	atomic_uint refs;
	const struct vocab *terms;
	size_t n;
	struct row *rows; /* grouped by the first symbol of the key */
	uint64_t *symbols; /* of the keys, counted: symbols_of() */
	uint8_t *n_key;
	size_t first[27]; /* of a group: 'A' + i; [26]: the end     */
};

/* Spellings and the symbol they are spoken as; longer ones first. "" is silent. */
static const struct {
	const char *spelling, *symbol;
	bool at_start; /* only at the word's start */
} spoken[] = {
	{ "sch", "SK", false }, { "tch", "C", false }, { "dge", "J", false }, { "ght", "T", false },
	{ "tion", "XN", false }, { "sion", "XN", false }, { "cia", "XA", false }, { "kn", "N", true },
	{ "gn", "N", true },    { "pn", "N", true },   { "wr", "R", true },   { "ps", "S", true },
	{ "wh", "W", true },    { "ph", "F", false },  { "sh", "X", false },  { "ch", "C", false },
	{ "th", "T", false },   { "ck", "K", false },  { "gh", "", false },   { "qu", "KW", false },
	{ "ce", "SA", false },  { "ci", "SA", false }, { "cy", "SA", false }, { "mb", "M", false },
	{ "x", "KS", false },   { "q", "K", false },   { "c", "K", false },   { "z", "S", false },
	{ "v", "F", false },    { "d", "T", false },   { "g", "K", false },   { "b", "P", false },
	{ "j", "J", false },    { "k", "K", false },   { "p", "P", false },   { "t", "T", false },
	{ "f", "F", false },    { "s", "S", false },   { "l", "L", false },   { "m", "M", false },
	{ "n", "N", false },    { "r", "R", false },   { "a", "A", false },   { "e", "A", false },
	{ "i", "A", false },    { "o", "A", false },   { "u", "A", false },   { "y", "A", false },
	{ "w", "W", false },    { "h", "", false },
};

static size_t put_spoken(const char *s, size_t n, bool start, char *key, size_t *n_key)
{
	for (size_t i = 0; i < ARRAY_LEN(spoken); i++) {
		size_t k = strlen(spoken[i].spelling);

		if (k > n || memcmp(s, spoken[i].spelling, k) != 0 || (spoken[i].at_start && !start))
			continue;
		for (const char *c = spoken[i].symbol; *c && *n_key < SOUND_KEY - 1; c++)
			if (*n_key == 0 || key[*n_key - 1] != *c)
				key[(*n_key)++] = *c;
		return k;
	}
	return 1;
}

size_t sound_key(const char *s, size_t n, char key[static SOUND_KEY])
{
	size_t n_key = 0;

	for (size_t i = 0; i < n;)
		i += put_spoken(s + i, n - i, i == 0, key, &n_key);
	key[n_key] = 0;
	return n_key;
}

/* What it costs to add, lose or exchange a letter, in halves: a vowel costs half. In keys all
 * vowels are 'A'. */
static const uint8_t key_cost[256] = { ['A'] = 1 };
static const uint8_t word_cost[256] = { ['a'] = 1, ['e'] = 1, ['i'] = 1, ['o'] = 1, ['u'] = 1, ['y'] = 1 };

enum { COMPARED = 63, FAR = UINT8_MAX };

static unsigned cost(const uint8_t vowel[static 256], char c)
{
	return 2u - vowel[(uint8_t)c];
}

/* Edit distance in halves; FAR where it is more than `most`. */
static unsigned distance(const char *a, size_t n, const char *b, size_t m, const uint8_t vowel[static 256],
			 unsigned most)
{
	uint8_t row[COMPARED + 1], add[COMPARED + 1];

	n = MIN(n, (size_t)COMPARED);
	m = MIN(m, (size_t)COMPARED);
	/* What both begin and end with costs nothing. */
	for (; n && m && *a == *b; n--, m--)
		a++, b++;
	while (n && m && a[n - 1] == b[m - 1])
		n--, m--;
	row[0] = 0;
	for (size_t j = 1; j <= m; j++) {
		add[j] = (uint8_t)cost(vowel, b[j - 1]);
		row[j] = (uint8_t)(row[j - 1] + add[j]);
	}
	for (size_t i = 1; i <= n; i++) {
		unsigned diagonal = row[0], drop = cost(vowel, a[i - 1]), least;

		row[0] = (uint8_t)(row[0] + drop);
		least = row[0];
		for (size_t j = 1; j <= m; j++) {
			unsigned swap = a[i - 1] == b[j - 1] ? 0 : MAX(drop, (unsigned)add[j]);
			unsigned best = MIN(diagonal + swap, MIN(row[j] + drop, row[j - 1] + (unsigned)add[j]));

			diagonal = row[j];
			row[j] = (uint8_t)best;
			least = MIN(least, best);
		}
		if (least > most)
			return FAR;
	}
	return row[m] > most ? FAR : row[m];
}

/* The largest distance, in halves, of words that are at least so much alike. */
static unsigned most_for(float alike, size_t longest)
{
	return (unsigned)MAX((1 - alike) * 2 * (float)longest + 1e-3f, 0.0f);
}

/* How often each symbol of keys occurs, up to 7, in four bits each; vowels have the lowest. */
static uint64_t symbols_of(const char *key)
{
	static const char symbols[] = "ASKTXNRWFCPMLJ";
	uint64_t counts = 0;

	for (; *key; key++) {
		const char *at = strchr(symbols, *key);
		unsigned shift = 4 * (unsigned)(at - symbols);

		if ((counts >> shift & 7) < 7)
			counts += 1ull << shift;
	}
	return counts;
}

/* What it costs at least, in halves, to lose the symbols that b has fewer of. */
static unsigned lost(uint64_t a, uint64_t b)
{
	const uint64_t top = 0x8888888888888888;
	uint64_t d = (a | top) - b; /* each four: 8 + the difference */
	uint64_t more = d & ((d & top) >> 3) * 7;
	uint64_t pairs = (more & 0x0f0f0f0f0f0f0f0f) + (more >> 4 & 0x0f0f0f0f0f0f0f0f);

	return 2 * (unsigned)(pairs * 0x0101010101010101 >> 56) - (unsigned)(more & 15);
}

/* What is looked for. */
struct heard {
	const char *word;
	size_t n, n_key;
	uint64_t symbols;
	char key[SOUND_KEY];
	float least;	      /* how much alike, LIKENESS_MIN or more                       */
	uint8_t most[SOUND_KEY]; /* by the longer key: how far keys may be apart, in halves */
};

/* However they are spelt, the keys of words that are so much alike cannot differ more. */
static void ask_for(struct heard *h, float least)
{
	h->least = least;
	for (size_t i = 0; i < SOUND_KEY; i++)
		h->most[i] = (uint8_t)most_for(
			MAX((least - (1 - HEARD_SHARE)) / HEARD_SHARE, HEARD_MIN), i);
}

/* Quickly: is it out of the question? */
static bool is_far(const struct heard *h, size_t n_key, uint64_t symbols)
{
	size_t longest = MAX(h->n_key, n_key);
	size_t gap = h->n_key > n_key ? h->n_key - n_key : n_key - h->n_key;

	return gap > 3 || gap * 3 > longest + 2 || lost(symbols, h->symbols) > h->most[longest] ||
	       lost(h->symbols, symbols) > h->most[longest];
}

/* 0 where it is below what is asked for. */
static float likeness(const struct heard *h, const struct row *r, size_t n_key, const char *term)
{
	size_t longest_key = MAX(h->n_key, n_key), longest = MAX(h->n, (size_t)r->n_word);
	unsigned d = distance(r->key, n_key, h->key, h->n_key, key_cost, h->most[longest_key]);

	if (d == FAR)
		return 0;
	float heard = 1 - (float)d / (2 * (float)longest_key);
	d = distance(term, r->n_word, h->word, h->n, word_cost,
		     most_for((h->least - HEARD_SHARE * heard) / (1 - HEARD_SHARE), longest));
	return d == FAR ? 0 : HEARD_SHARE * heard + (1 - HEARD_SHARE) * (1 - (float)d / (2 * (float)longest));
}

static void keep(struct sound_match out[static SOUND_MATCHES], size_t *n, struct sound_match m)
{
	size_t i = *n;

	while (i > 0 && out[i - 1].likeness < m.likeness)
		i--;
	if (i >= SOUND_MATCHES)
		return;
	if (*n < SOUND_MATCHES)
		(*n)++;
	memmove(&out[i + 1], &out[i], (*n - i - 1) * sizeof(*out));
	out[i] = m;
}

size_t sound_find(const struct sounds *s, const char *word, size_t n,
		  const struct sound_filter *filter, float least,
		  struct sound_match out[static SOUND_MATCHES], size_t n_out)
{
	struct heard h = { .word = word, .n = n };
	size_t found = n_out;

	h.n_key = s ? sound_key(word, n, h.key) : 0;
	if (h.n_key < 2 || n < 4) /* short words sound like too many */
		return found;
	h.symbols = symbols_of(h.key);
	ask_for(&h, MAX(least, LIKENESS_MIN));
	const char **terms = s->terms->s;
	size_t group = (size_t)(h.key[0] - 'A');
	for (size_t i = s->first[group]; i < s->first[group + 1]; i++) {
		if (is_far(&h, s->n_key[i], s->symbols[i]))
			continue;
		const struct row *r = &s->rows[i];
		float l = likeness(&h, r, s->n_key[i], terms[r->term]);
		if (l < h.least || (filter && !filter->may(filter->ctx, r->term)))
			continue;
		keep(out, &found, (struct sound_match){ r->term, l });
		if (found == SOUND_MATCHES)
			ask_for(&h, MAX(h.least, out[found - 1].likeness));
	}
	return found;
}

static bool make_row(const struct vocab *terms, size_t i, struct row *r)
{
	size_t n = strlen(terms->s[i]);

	*r = (struct row){ .term = (int32_t)i, .n_word = (uint8_t)n };
	for (size_t k = 0; k < n; k++)
		if (terms->s[i][k] < 'a' || terms->s[i][k] > 'z')
			return false;
	return n >= 4 && sound_key(terms->s[i], n, r->key) >= 2;
}

int sounds_new(struct sounds **out, const struct vocab *terms, size_t from, size_t to)
{
	struct sounds *s = mem_zalloc(sizeof(*s));
	AUTO(mem) struct row *all = mem_calloc(to - from, sizeof(*all));
	size_t n = 0, next[26];

	if (!s)
		return -ENOMEM;
	atomic_init(&s->refs, 1);
	s->terms = terms;
	s->n = to - from;
	s->rows = mem_calloc(to - from, sizeof(*s->rows));
	s->symbols = mem_calloc(to - from, sizeof(*s->symbols));
	s->n_key = mem_calloc(to - from, sizeof(*s->n_key));
	if (!all || !s->rows || !s->symbols || !s->n_key) {
		sounds_unref(s);
		return -ENOMEM;
	}
	for (size_t i = from; i < to; i++)
		if (make_row(terms, i, &all[n]))
			s->first[all[n++].key[0] - 'A' + 1]++;
	for (size_t g = 0; g < 26; g++)
		s->first[g + 1] += s->first[g];
	memcpy(next, s->first, sizeof(next));
	for (size_t i = 0; i < n; i++) {
		size_t to_row = next[all[i].key[0] - 'A']++;

		s->rows[to_row] = all[i];
		s->symbols[to_row] = symbols_of(all[i].key);
		s->n_key[to_row] = (uint8_t)strlen(all[i].key);
	}
	*out = s;
	return 0;
}

struct sounds *sounds_ref(struct sounds *s)
{
	if (s)
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void sounds_unref(struct sounds *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	mem_free(s->rows);
	mem_free(s->symbols);
	mem_free(s->n_key);
	mem_free(s);
}

size_t sounds_n(const struct sounds *s)
{
	return s ? s->n : 0;
}
