/* Text of strangers on its way to the synthesiser and into the recogniser's words. */
#include <assert.h>

#include "base/alloc.h"
#include "engine/adapt.h"
#include "engine/clause.h"
#include "engine/speakable.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(speakable) struct speakable s = { 0 };
	AUTO(buf) struct buf words = { 0 };
	AUTO(clause) struct clause c = { 0 };
	size_t spoken = 0, found = 0;

	if (speakable_make(&s, bytes_of(p, n)) != 0)
		return 0;
	/* The map accounts for every spoken word, and all of it is ASCII. */
	for (size_t i = 0; i < speakable_words(&s); i++) {
		struct spoken_word w = speakable_word(&s, i);

		assert((size_t)w.at + w.n <= n);
		spoken += w.n_spoken;
	}
	for (size_t i = 0; i < s.text.n; i++) {
		assert(s.text.p[i] >= 0x20 && s.text.p[i] < 0x7f);
		found += s.text.p[i] == ' ';
	}
	assert(spoken == (s.text.n ? found + 1 : 0));
	adapt_words(&words, bytes_of(p, n));

	for (size_t at = 0; at < n; at += 16) {
		char delta[17];
		size_t len = MIN(n - at, (size_t)16);

		memcpy(delta, p + at, len);
		delta[len] = '\0';
		clause_push(&c, delta);
		while (clause_next(&c, CLAUSE_MORE))
			;
	}
	while (clause_next(&c, CLAUSE_END))
		;
	assert(c.text.n == 0);
	return 0;
}
