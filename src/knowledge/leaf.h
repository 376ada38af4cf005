/* leaf.h - one document in memory, as it was at one version: its passages with their text and
 * the words they are made of. Immutable, reference counted; segments share it.
 *
 * The words of all documents of a collection are numbered by its `dictionary`, which only grows:
 * one thread adds to it, readers look up what they know of.
 *
 * Words: a *surface* is a word as it is written ("packages"), a *term* what is counted
 * ("packag"); a stop word has no term.
 */
#pragma once

#include "base/buf.h"
#include "document/vocab.h"

struct store;

/* --- words ------------------------------------------------------------------------------- */

struct dictionary {
	atomic_uint refs;
	struct vocab surfaces, terms;
	int32_t *_Atomic surface_term; /* [surfaces.n], -1: a stop word */
	size_t cap;
	void **outgrown; /* what readers may still look at */
	size_t n_outgrown, cap_outgrown;
};

MUST_USE struct dictionary *dictionary_new(void); /* NULL: no memory */
struct dictionary *dictionary_ref(struct dictionary *l);
void dictionary_unref(struct dictionary *l); /* NULL is fine */

/* --- documents ----------------------------------------------------------------------------- */

struct index_document {
	int64_t id, version;
	const char *path, *name, *title; /* name: the path's last part */
	const char *tags, *labels;       /* sets, as in store.h        */
	int64_t mtime_us;
};

struct index_passage {
	int64_t id;
	const struct index_document *document;
	unsigned ordinal, page;
	size_t start, end; /* octets of the document's text */
	const char *heading, *path; /* one pointer for neighbours of one section */
	struct bytes text;
};

/* Ends a sentence in a passage's tokens. */
#define INDEX_SENTENCE UINT32_MAX

struct index_tokens {
	const uint32_t *surface; /* surfaces, or INDEX_SENTENCE; title and headings first */
	size_t n, n_heading;     /* n_heading: how many of them stand in title and headings */
	size_t n_path;           /* of these, in the title and the outer headings           */
};

/* One block of memory holds all strings. */
struct leaf {
	atomic_uint refs;
	struct index_document document;
	struct index_passage *passages;
	struct index_tokens *tokens; /* [n]; point into `words` */
	size_t n;
	unsigned dim; /* of the vectors in `stored`, int8 [n][dim]; zeros: there was none; 0: none at all */
	struct buf strings, words, stored; /* stored: the vectors; whoever has copied them frees it */
};

/* Read a document; its new words go into the dictionary. dim: of the vectors that are wanted.
 * 0, -ENOENT or what the store returned. */
MUST_USE int leaf_read(struct leaf **out, struct store *s, int64_t document, struct dictionary *l,
		       unsigned dim);
struct leaf *leaf_ref(struct leaf *f);
void leaf_unref(struct leaf *f); /* NULL is fine */
static inline void leaf_auto_(struct leaf **p)
{
	leaf_unref(*p);
}

/* --- counting -------------------------------------------------------------------------------- */

/* Terms of one passage with their frequencies, in fifths: FIFTHS for a word of the text. A word
 * in the nearest heading counts 3, in the title or an outer heading 0.6, at most 51 in all. */
enum { FIFTHS = 5, FIFTHS_MAX = 255 };

struct term_counts {
	uint16_t *n;       /* [terms], zero between passages */
	uint32_t *touched; /* the passage's terms            */
	size_t n_touched;
	float length; /* of the passage, in words, headings weighed as above */
};

MUST_USE int term_counts_init(struct term_counts *c, size_t n_terms);
void term_counts_done(struct term_counts *c);
static inline void term_counts_auto_(struct term_counts *c) /* AUTO(term_counts) struct term_counts c = {0}; */
{
	term_counts_done(c);
}
/* A term also occurs where two words join to it: "data base" counts as "database" where the
 * dictionary knows that word. */
void term_counts_passage(struct term_counts *c, const struct dictionary *l, const struct leaf *f,
			 size_t i);
/* Forget them: before the next passage. */
void term_counts_clear(struct term_counts *c);
