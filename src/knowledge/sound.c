#include "knowledge/sound.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "knowledge/vocab.h"

/* Below this much likeness (keys and spelling) two words are different words. */
#define LIKENESS_MIN 0.72f
/* The keys alone. */
#define HEARD_MIN 0.6f

struct row {
	int32_t term;
	uint32_t consonants; /* bit i: 'A' + i is in the key, 'A' itself (any vowel) apart */
	uint8_t n_key, n_word;
	char key[SOUND_KEY];
};

struct sounds {
	atomic_uint refs;
	const struct vocab *terms;
	size_t n;
	struct row *rows; /* grouped by the first symbol of the key */
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

/* Edit distance in which exchanging, adding or losing a vowel costs half. */
static float distance(const char *a, size_t n, const char *b, size_t m, const char *cheap)
{
	float row[64];

	n = MIN(n, (size_t)63);
	m = MIN(m, (size_t)63);
	row[0] = 0;
	for (size_t j = 1; j <= m; j++)
		row[j] = row[j - 1] + (strchr(cheap, b[j - 1]) ? 0.5f : 1);
	for (size_t i = 1; i <= n; i++) {
		float diagonal = row[0], drop = strchr(cheap, a[i - 1]) ? 0.5f : 1;

		row[0] += drop;
		for (size_t j = 1; j <= m; j++) {
			float add = strchr(cheap, b[j - 1]) ? 0.5f : 1;
			float swap = a[i - 1] == b[j - 1] ? 0 : MAX(drop, add);
			float best = MIN(diagonal + swap, MIN(row[j] + drop, row[j - 1] + add));

			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[m];
}

static uint32_t consonants_of(const char *key)
{
	uint32_t mask = 0;

	for (; *key; key++)
		mask |= *key == 'A' ? 0 : 1u << (*key - 'A');
	return mask;
}

static float likeness(const struct row *r, const char *term, const char *key, size_t n_key,
		      uint32_t consonants, const char *word, size_t n)
{
	size_t longest_key = MAX(n_key, (size_t)r->n_key), longest = MAX(n, (size_t)r->n_word);
	size_t gap = n_key > r->n_key ? n_key - r->n_key : r->n_key - n_key;

	if (gap > 3 || gap * 3 > longest_key + 2)
		return 0;
	/* Each consonant that only one of them has costs at least a change: HEARD_MIN is out of reach. */
	int lost = __builtin_popcount(r->consonants & ~consonants);
	int added = __builtin_popcount(consonants & ~r->consonants);
	if ((float)MAX(lost, added) > (1 - HEARD_MIN) * (float)longest_key + 1e-3f)
		return 0;
	float heard = 1 - distance(r->key, r->n_key, key, n_key, "A") / (float)longest_key;
	if (heard < HEARD_MIN)
		return 0;
	float spelt = 1 - distance(term, r->n_word, word, n, "aeiouy") / (float)longest;
	return 0.65f * heard + 0.35f * spelt;
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
		  const struct sound_filter *filter, struct sound_match out[static SOUND_MATCHES], size_t n_out)
{
	char key[SOUND_KEY];
	size_t n_key = s ? sound_key(word, n, key) : 0, found = n_out;

	if (n_key < 2 || n < 4) /* short words sound like too many */
		return found;
	uint32_t consonants = consonants_of(key);
	const char **terms = s->terms->s;
	size_t group = (size_t)(key[0] - 'A');
	for (size_t i = s->first[group]; i < s->first[group + 1]; i++) {
		const struct row *r = &s->rows[i];
		float l = likeness(r, terms[r->term], key, n_key, consonants, word, n);

		if (l >= LIKENESS_MIN && (!filter || filter->may(filter->ctx, r->term)))
			keep(out, &found, (struct sound_match){ r->term, l });
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
	r->n_key = (uint8_t)sound_key(terms->s[i], n, r->key);
	r->consonants = consonants_of(r->key);
	return n >= 4 && r->n_key >= 2;
}

int sounds_new(struct sounds **out, const struct vocab *terms, size_t from, size_t to)
{
	struct sounds *s = mem_zalloc(sizeof(*s));
	AUTO(mem) struct row *all = mem_calloc(to - from, sizeof(*all));
	size_t n = 0, next[26];

	if (s)
		s->rows = mem_calloc(to - from, sizeof(*s->rows));
	if (!s || !all || !s->rows) {
		if (s)
			mem_free(s->rows);
		mem_free(s);
		return -ENOMEM;
	}
	atomic_init(&s->refs, 1);
	s->terms = terms;
	s->n = to - from;
	for (size_t i = from; i < to; i++)
		if (make_row(terms, i, &all[n]))
			s->first[all[n++].key[0] - 'A' + 1]++;
	for (size_t g = 0; g < 26; g++)
		s->first[g + 1] += s->first[g];
	memcpy(next, s->first, sizeof(next));
	for (size_t i = 0; i < n; i++)
		s->rows[next[all[i].key[0] - 'A']++] = all[i];
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
	mem_free(s);
}

size_t sounds_n(const struct sounds *s)
{
	return s ? s->n : 0;
}
