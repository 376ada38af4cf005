/* markdown.c - any octets as Markdown, as plain text and as what pdftotext says; then as
 * sentences and words. The first octet chooses. Links: the knowledge layer. */
#include <stdlib.h>

#include "knowledge/markdown.h"
#include "knowledge/passages.h"
#include "knowledge/pdf.h"
#include "knowledge/plain.h"
#include "knowledge/sentences.h"
#include "knowledge/sound.h"
#include "knowledge/utf8.h"
#include "knowledge/words.h"

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

static void check(const struct outline *o)
{
	AUTO(passages) struct passages cut = { 0 };
	struct bytes text = buf_bytes(&o->text);

	if (!utf8_valid(text) || passages_cut(o, &cut) < 0)
		abort();
	for (size_t i = 0; i < cut.n; i++) {
		if (cut.p[i].end > text.n || cut.p[i].end <= cut.p[i].start)
			abort();
		check_sentences(bytes_sub(text, cut.p[i].start, cut.p[i].end - cut.p[i].start));
	}
	check_words(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(buf) struct buf text = { 0 };

	if (n == 0)
		return 0;
	check_words(bytes_of(p + 1, n - 1));
	utf8_import(&text, bytes_of(p + 1, n - 1));
	switch (p[0] % 3) {
	case 0:
		markdown_read(&o, buf_bytes(&text));
		break;
	case 1:
		plain_read(&o, buf_bytes(&text), 1);
		break;
	default:
		pdf_text_read(&o, buf_bytes(&text));
	}
	check(&o);
	return 0;
}
