#include "engine/assent.h"

#include <string.h>

#include "document/words.h"

enum { WORDS_MAX = 10, LONGEST = 4 };

/* Lower case, without accents and marks, as word_next() gives them. Of several that fit the longest counts. */
static const struct {
	const char *phrases; /* '|' between them */
	bool agrees;         /* else it only goes with what does */
} table[] = {
	{ "yes|yeah|yep|yup|sure|ok|okay|alright|all right|fine|please|please do|certainly|"
	  "absolutely|definitely|of course|go ahead|do it|do that|do so|go for it|confirm|"
	  "confirmed|i confirm|agreed|i agree|correct|that s right|thats right|thats fine|"
	  "that is right|that s fine|that is fine|sounds good|by all means|why not|you may|"
	  "you can|affirmative|yes you may|yes you can|i do|you should",
	  true },
	{ "ja|jawohl|klar|na klar|gern|gerne|bitte|naturlich|einverstanden|mach das|mach es|"
	  "tu das|tu es|in ordnung|selbstverstandlich|auf jeden fall|genau|los|mach nur|nur zu|"
	  "bestatigt|ich bin einverstanden|sicher",
	  true },
	{ "oui|ouais|bien sur|d accord|daccord|c est daccord|sil te plait|sil vous plait|vas y|"
	  "allez y|faites le|fais le|s il te plait|s il vous plait|volontiers|entendu|"
	  "je confirme|absolument|certainement|bien entendu|c est d accord",
	  true },
	{ "si|claro|vale|de acuerdo|adelante|hazlo|hagalo|por favor|por supuesto|desde luego|"
	  "confirmo|claro que si|esta bien|como no",
	  true },
	{ "thanks|thank you|now|then|well|oh|uh|um|danke|jetzt|dann|merci|maintenant|alors|"
	  "gracias|ahora|entonces|bueno|bien|that|it|very much",
	  false },
};

static const char *const no[] = {
	"no", "nope", "nah", "not", "don", "dont", "never", "stop", "cancel", "nein", "nicht",
	"kein", "keine", "abbrechen", "stopp", "non", "pas", "annule", "annulez", "arrete",
	"arretez", "jamais", "nunca", "cancela", "cancelar", "tampoco", "wait", "warte",
};

/* The words from `at` on as one phrase of n. */
static bool is_phrase(const char *phrase, size_t len, const struct word *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i) {
			if (!len || *phrase != ' ')
				return false;
			phrase++, len--;
		}
		if (w[i].n > len || memcmp(phrase, w[i].s, w[i].n) != 0)
			return false;
		phrase += w[i].n, len -= w[i].n;
	}
	return len == 0;
}

static bool listed(const char *phrases, const struct word *w, size_t n)
{
	for (const char *p = phrases;; p++) {
		size_t len = strcspn(p, "|");

		if (is_phrase(p, len, w, n))
			return true;
		p += len;
		if (!*p)
			return false;
	}
}

/* How many words at w are a phrase of the table; 0: none is. */
static size_t take(const struct word *w, size_t left, bool *agrees)
{
	for (size_t n = MIN(left, (size_t)LONGEST); n > 0; n--)
		for (size_t i = 0; i < ARRAY_LEN(table); i++)
			if (listed(table[i].phrases, w, n)) {
				*agrees |= table[i].agrees;
				return n;
			}
	return 0;
}

static bool is_no(const struct word *w)
{
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (strcmp(no[i], w->s) == 0)
			return true;
	return false;
}

enum assent assent_of(const char *words)
{
	struct word w[WORDS_MAX + 1];
	size_t n = 0, pos = 0, at = 0, taken = 1;
	bool agrees = false;

	while (n < ARRAY_LEN(w) && word_next(bytes_str(words), &pos, &w[n]))
		n++;
	while (n <= WORDS_MAX && at < n && (taken = take(&w[at], n - at, &agrees)))
		at += taken;
	if (agrees && at == n)
		return ASSENT_YES;
	for (size_t i = 0; i < n; i++)
		if (is_no(&w[i]))
			return ASSENT_NO;
	return ASSENT_UNCLEAR;
}
