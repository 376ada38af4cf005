/* embed_inner.h - inside of embed*.c: what a kind of embedder is. */
#pragma once

#include <stdatomic.h>

#include "knowledge/embed.h"

struct embed_ops {
	enum embed_kind kind;
	uint32_t magic; /* how its octets begin, little endian */
	void (*free)(struct embedder *e);
	void (*save)(const struct embedder *e, struct buf *to); /* what follows the magic */
	int (*load)(struct embedder **out, struct bytes b);     /* likewise               */
	/* Not normalised; zero where nothing is known. As embed_texts(). */
	int (*texts)(const struct embedder *e, const struct embed_text *t, size_t n, float *out,
		     char why[static EMBED_WHY]);
	/* NULL: as a text. false: not without waiting. */
	bool (*passage)(const struct embedder *e, const struct index *x, size_t passage, float *out);
	/* NULL: as a text. false: no vector. */
	bool (*query)(const struct embedder *e, const struct index *x, const struct query *q,
		      struct bytes text, float *out);
	bool (*add)(const struct embedder *e, float *sum, const char *term, float weight); /* or NULL */
};

/* The head of every kind's struct. */
struct embedder {
	const struct embed_ops *ops;
	atomic_uint refs;
	atomic_bool silent; /* the last question could not be asked */
	unsigned dim, width;
	char name[EMBED_NAME_MAX];
};

extern const struct embed_ops embed_lsa_ops, embed_static_ops, embed_remote_ops;

/* Sets the head of a new one: one reference, dim from width. */
void embedder_init(struct embedder *e, const struct embed_ops *ops, unsigned width, const char *name);

/* --- octets of models: little endian ---------------------------------------------------- */

static inline void put_le32(struct buf *b, uint32_t v)
{
	const uint8_t t[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

	buf_put(b, t, 4);
}

static inline uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The next n octets of *b. */
MUST_USE static inline bool take_octets(struct bytes *b, size_t n, const uint8_t **p)
{
	if (b->n < n)
		return false;
	*p = b->p;
	*b = bytes_sub(*b, n, b->n - n);
	return true;
}
