/* Any octets as sentences and words: they lie in order inside the text, and every word has a
 * term and a sound. Links: the knowledge layer. */
#include <stdlib.h>

#include "document/sentences.h"
#include "document/utf8.h"
#include "document/words.h"
#include "knowledge/sound.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_words(struct bytes t)
{
	struct word w;
	char key[SOUND_KEY];

	for (size_t pos = 0, at = 0; word_next(t, &pos, &w); at = w.end) {
		if (w.start < at || w.end <= w.start || w.end > t.n || w.n > WORD_MAX || w.s[w.n])
			abort();
		word_to_term(&w);
		if (w.n > WORD_MAX || sound_key(w.s, w.n, key) >= SOUND_KEY)
			abort();
	}
}

static void check_sentences(struct bytes t)
{
	struct span s;

	for (size_t pos = 0, at = 0; sentence_next(t, &pos, &s); at = s.end) {
		if (s.start < at || s.end <= s.start || s.end > t.n)
			abort();
		if (utf8_floor(t, s.start) != s.start || utf8_floor(t, s.end) != s.end)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(buf) struct buf text = { 0 };

	check_words(bytes_of(p, n)); /* need not be UTF-8 */
	utf8_import(&text, bytes_of(p, n));
	if (!utf8_valid(buf_bytes(&text)))
		abort();
	check_words(buf_bytes(&text));
	check_sentences(buf_bytes(&text));
	return 0;
}
