/* embed.h - texts as vectors, whoever makes them: one interface, three kinds.
 *
 *   lsa     learned from the collection itself (embed_lsa.c); the default, nothing is downloaded
 *   static  a static-embedding model in a local folder (embed_static.c)
 *   remote  an OpenAI-compatible /embeddings service (embed_remote.c)
 *
 * Vectors have length 1, or are all zero where a text has nothing the embedder knows. In the
 * index they are int8, scaled by one factor for all (embedder_gain()).
 * A collection's embedder is kept in its store as octets (embedder_save()); those of a static
 * model or a service only say where it is. Immutable, shared by references, any thread.
 */
#pragma once

#include "base/buf.h"
#include "knowledge/index.h"

struct embedder;
struct query;
struct store;

/* Dimensions in the index are multiples of EMBED_BLOCK: zeros fill them up. */
enum { EMBED_DIM_MAX = 3072, EMBED_BLOCK = 16, EMBED_NAME_MAX = 200 };

enum embed_kind { EMBED_LSA, EMBED_STATIC, EMBED_REMOTE, N_EMBED_KINDS };

/* Learn from a collection: -ENODATA where there is too little to learn from (fewer than
 * EMBED_PASSAGES_MIN passages, or too few words that recur). Reads a sample of bounded size, so
 * that it takes seconds whatever the size. Bulk work. Deterministic. */
enum { EMBED_PASSAGES_MIN = 32 };
MUST_USE int embedder_learn(struct embedder **out, struct store *s, int64_t collection);

/* To and from octets. Loading refuses what is not whole, of an older version, or no longer
 * there: -EBADMSG. Reads the files of a static model. */
void embedder_save(const struct embedder *e, struct buf *to);
MUST_USE int embedder_load(struct embedder **out, struct bytes model);
struct embedder *embedder_ref(struct embedder *e);
void embedder_free(struct embedder *e); /* drops a reference */
AUTO_DEF(embedder)

enum embed_kind embedder_kind(const struct embedder *e);
/* Tells embedders apart whose vectors must not be mixed, except that every LSA has one name. */
const char *embedder_name(const struct embedder *e);
unsigned embedder_dim(const struct embedder *e);   /* in the index: a multiple of EMBED_BLOCK */
unsigned embedder_width(const struct embedder *e); /* as it comes: at most that              */

/* --- texts ------------------------------------------------------------------------- */

/* A passage or a bare text (then only .text is set): what stands above it counts too. */
struct embed_text {
	const char *title;         /* of the document; NULL is "" */
	const char *heading, *path; /* as in struct index_passage  */
	struct bytes text;         /* UTF-8 */
};

/* Vectors of texts, [n][embedder_dim()], length 1 or 0. A service is asked over the network: blocks
 * (bulk work), tries again, and fails with -errno after that (-EACCES: the key; -EAGAIN: not just
 * now; -EBADMSG: what it answers makes no sense) and a sentence in `why`; others fail never. */
enum { EMBED_WHY = 240 };
MUST_USE int embed_texts(const struct embedder *e, const struct embed_text *t, size_t n, float *out,
			 char why[static EMBED_WHY]);
/* What a static model or a service is given for it, and what a cache knows it by. Appends. */
void embed_write_text(const struct embed_text *t, struct buf *to);

/* A passage of an index. false: nothing it knows, or it would have to ask a service; then `out`
 * is all zero. Never waits. */
bool embed_passage(const struct embedder *e, const struct index *x, size_t passage, int8_t *out);

/* A question: `q` as the index understands it, `text` as it was asked. false: no vector, and the
 * search goes on with words only: nothing it knows, or a service that does not answer at once
 * (QUERY_MS at most; what was asked lately is remembered). */
bool embed_query(const struct embedder *e, const struct index *x, const struct query *q,
		 struct bytes text, int8_t *out);
/* Could the last question not be asked of a service? Then results say so. */
bool embedder_silent(const struct embedder *e);

/* --- vectors ------------------------------------------------------------------------- */

/* Brings v[embedder_dim()] to length 1; false: it is zero. */
bool embed_normalise(float *v, unsigned dim);
/* To int8: gain x 127 is 1; what is beyond becomes the greatest. */
void embed_quantise(const float *v, unsigned dim, float gain, int8_t *out);
/* By how much all vectors of an embedder are longer than 127 in the index. The numbers of models
 * are small and of one size, sqrt(1/width): without a gain most of int8 would go unused. In a learned
 * one the first are large, so it has none. Products are greater by its square, all alike. */
float embedder_gain(const struct embedder *e);
/* Cosine of two int8 vectors without a gain, -1..1. */
float embed_cosine(const int8_t *a, const int8_t *b, unsigned dim);

/* Term weights in, vector out: what learned embedders are asked word by word. */
struct embed_sum {
	float v[EMBED_DIM_MAX];
};
/* Adds weight x the vector of a term (by its text); false: the embedder does not know it. */
bool embed_add(const struct embedder *e, struct embed_sum *sum, const char *term, float weight);
/* To int8; false: the sum is zero (then all of `out` is). */
bool embed_finish(const struct embedder *e, const struct embed_sum *sum, int8_t *out);
