/* Flite is used here and in tts_flite.c: there it speaks, here only its rules from letters
 * to sounds are asked, which need no voice. */
#include "engine/lexicon.h"

#include <ctype.h>
#include <errno.h>
#include <flite/flite.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum { WORD_LONGEST = 30, DICT_LARGEST = 64 << 20 };

/* Of libflite_cmulex, which has no header. */
cst_lexicon *cmu_lex_init(void);

/* --- the dictionary's words: a hash set of places in the file ------------------------- */

struct lexicon {
	struct buf text;
	uint32_t *slots; /* offset + 1, 0: empty */
	size_t n_slots;
};

static uint32_t hash(const char *s, size_t n)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h;
}

/* The slot of a word, or the empty one where it would be. */
static size_t find_slot(const struct lexicon *l, const char *word, size_t n)
{
	size_t i = hash(word, n) & (l->n_slots - 1);

	for (; l->slots[i]; i = (i + 1) & (l->n_slots - 1)) {
		const char *have = (const char *)l->text.p + l->slots[i] - 1;

		if (strncmp(have, word, n) == 0 && strchr(" \t", have[n]))
			break;
	}
	return i;
}

static int index_words(struct lexicon *l)
{
	size_t n_lines = 1;

	for (size_t i = 0; i < l->text.n; i++)
		n_lines += l->text.p[i] == '\n';
	for (l->n_slots = 1024; l->n_slots < n_lines * 2;)
		l->n_slots *= 2;
	l->slots = mem_calloc(l->n_slots, sizeof(*l->slots));
	if (!l->slots)
		return -ENOMEM;
	const char *text = (const char *)l->text.p;
	for (size_t at = 0; at < l->text.n; at += strcspn(text + at, "\n") + 1) {
		size_t n = strcspn(text + at, " \t\n");

		if (n && strchr(" \t", text[at + n]))
			l->slots[find_slot(l, text + at, n)] = (uint32_t)at + 1;
	}
	return 0;
}

static int read_file(struct buf *to, const char *path)
{
	FILE *f = fopen(path, "r");
	size_t got;

	if (!f)
		return -ENOENT;
	do {
		void *room = buf_reserve(to, 1 << 16);

		got = room ? fread(room, 1, 1 << 16, f) : 0;
		to->n += got;
	} while (got && to->n < DICT_LARGEST);
	fclose(f);
	buf_putc(to, '\n');
	return to->failed ? -ENOMEM : 0;
}

int lexicon_new(struct lexicon **out, const char *dict_path)
{
	struct lexicon *l = mem_zalloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	int err = read_file(&l->text, dict_path);
	if (err == 0)
		err = index_words(l);
	if (err != 0) {
		lexicon_free(l);
		return err;
	}
	*out = l;
	return 0;
}

void lexicon_free(struct lexicon *l)
{
	if (!l)
		return;
	buf_done(&l->text);
	mem_free(l->slots);
	mem_free(l);
}

bool lexicon_knows(const struct lexicon *l, const char *word)
{
	return l->slots[find_slot(l, word, strlen(word))] != 0;
}

/* --- how to say a word --------------------------------------------------------------------- */

static const char *const letter_names[] = {
	"EY",	 "B IY", "S IY", "D IY", "IY",	  "EH F", "JH IY", "EY CH", "AY",
	"JH EY", "K EY", "EH L", "EH M", "EH N", "OW",	  "P IY",  "K Y UW", "AA R",
	"EH S",	 "T IY", "Y UW", "V IY", "D AH B AH L Y UW", "EH K S", "W AY", "Z IY",
};

static const char *const digit_names[] = {
	"Z IH R OW", "W AH N",	 "T UW",      "TH R IY", "F AO R",
	"F AY V",    "S IH K S", "S EH V AH N", "EY T",	 "N AY N",
};

/* Flite's phones that the dictionary does not have. */
static const char *const phone_map[][2] = {
	{ "ax", "AH" },	  { "axr", "ER" }, { "ix", "IH" },   { "dx", "T" },  { "el", "AH L" },
	{ "em", "AH M" }, { "en", "AH N" }, { "ux", "UW" },  { "pau", "" },  { "nx", "N" },
};

static void put_phone(struct buf *b, const char *phone)
{
	size_t n = strcspn(phone, "012");
	const char *as = NULL;

	for (size_t i = 0; i < ARRAY_LEN(phone_map); i++)
		if (strlen(phone_map[i][0]) == n && memcmp(phone_map[i][0], phone, n) == 0)
			as = phone_map[i][1];
	if (as && !*as)
		return;
	if (b->n)
		buf_putc(b, ' ');
	if (as)
		buf_puts(b, as);
	else
		for (size_t i = 0; i < n; i++)
			buf_putc(b, (char)toupper((unsigned char)phone[i]));
}

static cst_lexicon *rules;
static pthread_once_t rules_once = PTHREAD_ONCE_INIT;

static void load_rules(void)
{
	rules = cmu_lex_init();
}

/* As a word, by rule or from Flite's own dictionary. */
static void put_as_word(struct buf *b, const char *word)
{
	char letters[WORD_LONGEST + 1];
	size_t n = 0;

	for (; *word && n < WORD_LONGEST; word++)
		if (isalpha((unsigned char)*word))
			letters[n++] = *word;
	letters[n] = '\0';
	if (!n)
		return;
	pthread_once(&rules_once, load_rules);
	cst_val *phones = lex_lookup(rules, letters, NULL, NULL);
	for (const cst_val *p = phones; p; p = val_cdr(p))
		put_phone(b, val_string(val_car(p)));
	delete_val(phones);
}

static void put_spelled(struct buf *b, const char *word)
{
	for (; *word; word++) {
		const char *name = isdigit((unsigned char)*word)   ? digit_names[*word - '0']
				   : isalpha((unsigned char)*word) ? letter_names[*word - 'a']
								   : NULL;

		if (name && b->n)
			buf_putc(b, ' ');
		if (name)
			buf_puts(b, name);
	}
}

/* Letters in runs as words or spelled, digits one by one: "mp3", "ext4". */
static void put_mixed(struct buf *b, const char *word)
{
	char run[WORD_LONGEST + 1];

	while (*word) {
		size_t n = 0, alpha = isalpha((unsigned char)*word) != 0;

		while (word[n] && n < WORD_LONGEST && (isalpha((unsigned char)word[n]) != 0) == alpha)
			n++;
		memcpy(run, word, n);
		run[n] = '\0';
		word += n;
		if (alpha && n > 3 && strpbrk(run, "aeiouy"))
			put_as_word(b, run);
		else
			put_spelled(b, run);
	}
}

static bool is_sayable(const char *word)
{
	return strpbrk(word, "aeiouy") != NULL;
}

static void put_line(struct buf *out, const char *word, const struct buf *phones, unsigned *nth)
{
	if (!phones->n || phones->failed)
		return;
	/* The same way twice is once. */
	if (*nth && out->n > phones->n &&
	    memcmp(out->p + out->n - 1 - phones->n, phones->p, phones->n) == 0)
		return;
	buf_puts(out, word);
	if (++*nth > 1)
		buf_printf(out, "(%u)", *nth);
	buf_putc(out, ' ');
	buf_put(out, phones->p, phones->n);
	buf_putc(out, '\n');
}

bool lexicon_pronounce(const char *word, enum lexicon_case c, struct buf *out)
{
	AUTO(buf) struct buf as_word = { 0 }, spelled = { 0 }, mixed = { 0 };
	size_t n = strlen(word), had = out->n;
	unsigned nth = 0;

	if (!n || n > WORD_LONGEST)
		return false;
	bool has_digit = strpbrk(word, "0123456789") != NULL;
	bool spell = !is_sayable(word) || (c == LEXICON_ACRONYM && n <= 6);
	if (has_digit)
		put_mixed(&mixed, word);
	if (spell && !has_digit)
		put_spelled(&spelled, word);
	if (is_sayable(word) && !has_digit)
		put_as_word(&as_word, word);
	put_line(out, word, &mixed, &nth);
	put_line(out, word, &spelled, &nth);
	put_line(out, word, &as_word, &nth);
	out->failed = out->failed || as_word.failed || spelled.failed || mixed.failed;
	return out->n > had;
}
