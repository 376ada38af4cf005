#include "knowledge/embed.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "knowledge/embed_inner.h"

static const struct embed_ops *const kinds[] = { &embed_lsa_ops, &embed_static_ops, &embed_remote_ops };

/* --- life ------------------------------------------------------------------------------- */

void embedder_init(struct embedder *e, const struct embed_ops *ops, unsigned width, const char *name)
{
	e->ops = ops;
	atomic_init(&e->refs, 1);
	e->width = width;
	e->dim = (width + EMBED_BLOCK - 1) / EMBED_BLOCK * EMBED_BLOCK;
	snprintf(e->name, sizeof(e->name), "%s", name);
}

struct embedder *embedder_ref(struct embedder *e)
{
	if (e)
		atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
	return e;
}

void embedder_free(struct embedder *e)
{
	if (e && atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1)
		e->ops->free(e);
}

void embedder_save(const struct embedder *e, struct buf *to)
{
	put_le32(to, e->ops->magic);
	e->ops->save(e, to);
}

int embedder_load(struct embedder **out, struct bytes b)
{
	const uint8_t *magic;

	if (!take_octets(&b, 4, &magic))
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (le32(magic) == kinds[i]->magic)
			return kinds[i]->load(out, b);
	return -EBADMSG;
}

enum embed_kind embedder_kind(const struct embedder *e)
{
	return e->ops->kind;
}

const char *embedder_name(const struct embedder *e)
{
	return e->name;
}

unsigned embedder_dim(const struct embedder *e)
{
	return e->dim;
}

unsigned embedder_width(const struct embedder *e)
{
	return e->width;
}

/* --- texts ------------------------------------------------------------------------------ */

void embed_write_text(const struct embed_text *t, struct buf *to)
{
	const char *title = t->title ? t->title : "", *path = t->path ? t->path : "";

	/* A first heading that repeats the title says it once. */
	if (*title && strncmp(path, title, strlen(title)) != 0)
		buf_printf(to, "%s\n", title);
	if (*path)
		buf_printf(to, "%s\n", path);
	buf_put(to, t->text.p, t->text.n);
}

int embed_texts(const struct embedder *e, const struct embed_text *t, size_t n, float *out,
		char why[static EMBED_WHY])
{
	memset(out, 0, n * e->dim * sizeof(*out));
	int r = e->ops->texts(e, t, n, out, why);
	for (size_t i = 0; r == 0 && i < n; i++)
		embed_normalise(out + i * e->dim, e->dim);
	return r;
}

static bool finish(const struct embedder *e, bool any, float *v, int8_t *out)
{
	any = any && embed_normalise(v, e->dim);
	if (any)
		embed_quantise(v, e->dim, embedder_gain(e), out);
	else
		memset(out, 0, e->dim);
	return any;
}

static bool as_text(const struct embedder *e, const struct embed_text *t, float *v)
{
	char why[EMBED_WHY];

	return e->ops->texts(e, t, 1, v, why) == 0;
}

bool embed_passage(const struct embedder *e, const struct index *x, size_t passage, int8_t *out)
{
	const struct index_passage *p = index_passage(x, passage);
	const struct embed_text t = { p->document->title, p->heading, p->path, p->text };
	float v[EMBED_DIM_MAX];

	memset(v, 0, e->dim * sizeof(*v));
	return finish(e, e->ops->passage ? e->ops->passage(e, x, passage, v) : as_text(e, &t, v), v, out);
}

bool embed_query(const struct embedder *e, const struct index *x, const struct query *q,
		 struct bytes text, int8_t *out)
{
	float v[EMBED_DIM_MAX];

	memset(v, 0, e->dim * sizeof(*v));
	return finish(e,
		      e->ops->query ? e->ops->query(e, x, q, text, v) :
				      as_text(e, &(struct embed_text){ .text = text }, v),
		      v, out);
}

bool embedder_silent(const struct embedder *e)
{
	return atomic_load(&e->silent);
}

/* --- vectors ------------------------------------------------------------------------------ */

bool embed_normalise(float *v, unsigned dim)
{
	double sum = 0;

	for (unsigned c = 0; c < dim; c++)
		sum += (double)v[c] * (double)v[c];
	if (!(sum > 1e-30) || !isfinite(sum)) {
		memset(v, 0, dim * sizeof(*v));
		return false;
	}
	float by = (float)(1 / sqrt(sum));
	for (unsigned c = 0; c < dim; c++)
		v[c] *= by;
	return true;
}

void embed_quantise(const float *v, unsigned dim, float gain, int8_t *out)
{
	for (unsigned c = 0; c < dim; c++)
		out[c] = (int8_t)lrintf(MAX(-127.0f, MIN(127.0f, 127 * gain * v[c])));
}

/* Eight times the usual number still fits. */
float embedder_gain(const struct embedder *e)
{
	return e->ops->kind == EMBED_LSA ? 1 : MAX(1.0f, sqrtf((float)e->width) / 8);
}

float embed_cosine(const int8_t *a, const int8_t *b, unsigned dim)
{
	int32_t sum = 0;

	/* Blocks of a fixed size: the compiler makes vector instructions of them. */
	for (unsigned c = 0; c + EMBED_BLOCK <= dim; c += EMBED_BLOCK) {
		int32_t part = 0;

		for (unsigned i = 0; i < EMBED_BLOCK; i++)
			part += a[c + i] * b[c + i];
		sum += part;
	}
	return (float)sum / (127.0f * 127.0f);
}

bool embed_add(const struct embedder *e, struct embed_sum *sum, const char *term, float weight)
{
	return e->ops->add && e->ops->add(e, sum->v, term, weight);
}

bool embed_finish(const struct embedder *e, const struct embed_sum *sum, int8_t *out)
{
	float v[EMBED_DIM_MAX];

	memcpy(v, sum->v, e->dim * sizeof(*v));
	return finish(e, true, v, out);
}
