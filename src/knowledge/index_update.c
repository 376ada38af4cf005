/* index_update.c - a new snapshot: what an old one shows and has not changed, and what is new. */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "knowledge/index_inner.h"
#include "knowledge/store.h"
#include "knowledge/vector.h"

enum { READ_ROWS = 32768 }; /* passages of a segment while a collection is read */

static void learned_auto_(struct learned **p)
{
	learned_unref(*p);
}

/* --- what was learned -------------------------------------------------------------------------- */

static int read_learned(struct learned **out, struct store *s, int64_t collection, int64_t stamp)
{
	AUTO(learned) struct learned *l = mem_zalloc(sizeof(*l));
	AUTO(buf) struct buf model = { 0 };
	unsigned dim;
	int64_t generation;

	if (!l)
		return -ENOMEM;
	atomic_init(&l->refs, 1);
	l->stamp = stamp;
	int r = store_embedder(s, collection, &model, &dim, &generation);
	if (r == 0 && model.n)
		r = embedder_load(&l->embedder, buf_bytes(&model));
	/* None yet, or of a version that is no longer read: the next ingest learns anew. */
	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return r;
	*out = l;
	l = NULL;
	return 0;
}

static unsigned vector_dim(const struct index *x)
{
	return x->learned->embedder ? embedder_dim(x->learned->embedder) : 0;
}

/* --- segments ------------------------------------------------------------------------------------ */

/* Takes the caller's reference and `alive`, also when it fails. */
static int push_segment(struct index *x, struct segment *g, uint8_t *alive, size_t n_alive)
{
	if (!mem_grow(&x->segments, &x->cap_segments, x->n_segments, sizeof(*x->segments))) {
		segment_unref(g);
		mem_free(alive);
		return -ENOMEM;
	}
	x->segments[x->n_segments++] = (struct index_segment){ g, 0, alive, n_alive };
	return 0;
}

static int share_segments(struct index *x, const struct index *old)
{
	for (size_t i = 0; i < old->n_segments; i++) {
		const struct index_segment *o = &old->segments[i];
		uint8_t *alive = NULL;

		if (o->alive) {
			alive = mem_dup(o->alive, o->g->n_leaves);
			if (!alive)
				return -ENOMEM;
		}
		if (push_segment(x, segment_ref(o->g), alive, o->n_alive) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void number_rows(struct index *x)
{
	x->n = 0;
	for (size_t i = 0; i < x->n_segments; i++) {
		x->segments[i].first = x->n;
		x->n += x->segments[i].g->n;
	}
}

/* --- statistics ------------------------------------------------------------------------------------ */

static int grow_counts(struct index *x, const struct index *old)
{
	x->n_terms = x->dictionary->terms.n;
	x->n_surfaces = x->dictionary->surfaces.n;
	x->df = mem_calloc(x->n_terms, sizeof(*x->df));
	x->surface_count = mem_calloc(x->n_surfaces, sizeof(*x->surface_count));
	if (!x->df || !x->surface_count)
		return -ENOMEM;
	if (!old)
		return 0;
	memcpy(x->df, old->df, old->n_terms * sizeof(*x->df));
	memcpy(x->surface_count, old->surface_count, old->n_surfaces * sizeof(*x->surface_count));
	x->length = old->length;
	x->n_alive = old->n_alive;
	return 0;
}

static void count_surfaces(struct index *x, const struct leaf *f, uint32_t by)
{
	const uint32_t *word = (const uint32_t *)(const void *)f->words.p;

	for (size_t i = 0; i < f->words.n / sizeof(*word); i++)
		if (word[i] != INDEX_SENTENCE)
			x->surface_count[word[i]] += by;
}

static void count_in(struct index *x, const struct segment *g)
{
	for (size_t t = 0; t < g->n_terms; t++)
		x->df[g->terms[t]] += (uint32_t)(g->first[t + 1] - g->first[t]);
	for (size_t i = 0; i < g->n; i++)
		x->length += (double)g->length[i];
	for (size_t i = 0; i < g->n_leaves; i++)
		count_surfaces(x, g->leaves[i], 1);
	x->n_alive += g->n;
}

static size_t first_row(const struct segment *g, size_t leaf_no)
{
	size_t low = 0, high = g->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (g->rows[mid].leaf_no < leaf_no)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* What joins to a word that came later was not counted in: it is looked up. */
static void count_out(struct index *x, const struct segment *g, size_t leaf_no, struct term_counts *c)
{
	const struct leaf *f = g->leaves[leaf_no];
	size_t first = first_row(g, leaf_no);

	for (size_t i = 0; i < f->n; i++) {
		term_counts_passage(c, x->dictionary, f, i);
		for (size_t k = 0; k < c->n_touched; k++) {
			struct segment_list l = segment_list(g, c->touched[k]);

			x->df[c->touched[k]] -= segment_count(&l, (uint32_t)(first + i)) > 0;
		}
		term_counts_clear(c);
		x->length -= (double)g->length[first + i];
	}
	count_surfaces(x, f, UINT32_MAX); /* less one */
	x->n_alive -= f->n;
}

/* --- what has changed ---------------------------------------------------------------------------------- */

struct version {
	int64_t document, version;
};

struct changes {
	struct version *now; /* what there is, by id; then what of it is to be read */
	size_t n, cap;
	size_t *gone; /* [n_gone] of the old snapshot's documents: gone or changed */
	size_t n_gone, cap_gone;
};

static void changes_auto_(struct changes *c)
{
	mem_free(c->now);
	mem_free(c->gone);
}

static int add_version(void *ctx, int64_t document, int64_t version)
{
	struct changes *c = ctx;

	if (!mem_grow(&c->now, &c->cap, c->n, sizeof(*c->now)))
		return -ENOMEM;
	c->now[c->n++] = (struct version){ document, version };
	return 0;
}

static int by_document(const void *a, const void *b)
{
	int64_t x = ((const struct version *)a)->document, y = ((const struct version *)b)->document;

	return (x > y) - (x < y);
}

static int drop_leaf(struct index *x, const struct place *p, struct term_counts *c)
{
	struct index_segment *s = &x->segments[p->segment];

	if (!s->alive) {
		s->alive = mem_alloc(s->g->n_leaves);
		if (!s->alive)
			return -ENOMEM;
		memset(s->alive, 1, s->g->n_leaves);
	}
	s->alive[p->leaf_no] = 0;
	s->n_alive -= p->leaf->n;
	count_out(x, s->g, p->leaf_no, c);
	return 0;
}

static int note_gone(struct changes *c, size_t i)
{
	if (!mem_grow(&c->gone, &c->cap_gone, c->n_gone, sizeof(*c->gone)))
		return -ENOMEM;
	c->gone[c->n_gone++] = i;
	return 0;
}

/* What the old snapshot does not show is to be read, what it shows in vain has gone. */
static int compare(struct changes *c, const struct index *old)
{
	size_t kept = 0, at = 0;

	for (size_t i = 0; i < old->n_documents; i++) {
		const struct index_document *d = &old->documents[i].leaf->document;

		while (at < c->n && c->now[at].document < d->id)
			c->now[kept++] = c->now[at++];
		bool there = at < c->n && c->now[at].document == d->id;
		if (there && c->now[at].version == d->version)
			at++;
		else if (note_gone(c, i) < 0)
			return -ENOMEM;
	}
	while (at < c->n)
		c->now[kept++] = c->now[at++];
	c->n = kept;
	return 0;
}

static int read_changes(struct changes *c, const struct index *old, struct store *s, int64_t id)
{
	int r = store_versions(s, id, add_version, c);

	if (r < 0)
		return r;
	if (c->n)
		qsort(c->now, c->n, sizeof(*c->now), by_document);
	return old ? compare(c, old) : 0;
}

static int drop_leaves(struct index *x, const struct index *old, const struct changes *c)
{
	AUTO(term_counts) struct term_counts counts = { 0 };

	if (!c->n_gone)
		return 0;
	if (term_counts_init(&counts, x->n_terms) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_gone; i++)
		if (drop_leaf(x, &old->documents[c->gone[i]], &counts) < 0)
			return -ENOMEM;
	return 0;
}

struct leaves {
	struct leaf **at;
	size_t n, cap, rows;
};

static void leaves_clear(struct leaves *l)
{
	for (size_t i = 0; i < l->n; i++)
		leaf_unref(l->at[i]);
	l->n = 0;
	l->rows = 0;
}

static void leaves_auto_(struct leaves *l)
{
	leaves_clear(l);
	mem_free(l->at);
}

static int end_segment(struct index *x, struct leaves *l)
{
	struct segment *g;

	if (!l->n)
		return 0;
	if (segment_build(&g, l->at, l->n, x->dictionary) < 0)
		return -ENOMEM;
	leaves_clear(l);
	return push_segment(x, g, NULL, g->n);
}

static int read_leaves(struct index *x, struct store *s, const struct changes *c)
{
	AUTO(leaves) struct leaves l = { 0 };

	for (size_t i = 0; i < c->n; i++) {
		if (!mem_grow(&l.at, &l.cap, l.n, sizeof(*l.at)))
			return -ENOMEM;
		int r = leaf_read(&l.at[l.n], s, c->now[i].document, x->dictionary, vector_dim(x));
		if (r < 0)
			return r;
		l.rows += l.at[l.n++]->n;
		if (l.rows >= READ_ROWS && end_segment(x, &l) < 0)
			return -ENOMEM;
	}
	return end_segment(x, &l);
}

/* --- vectors ----------------------------------------------------------------------------------------------- */

/* Passages that came after the last learning are seen with what was learned before. */
static int embed_segment(struct index *x, struct index_segment *s)
{
	static const int8_t zeros[VECTOR_DIM_MAX];
	unsigned dim = vector_dim(x);

	for (size_t i = 0; dim && i < s->g->n; i++)
		if (memcmp(s->g->vectors + i * dim, zeros, dim) == 0)
			embed_passage(x->learned->embedder, x, s->first + i, s->g->vectors + i * dim);
	return segment_code(s->g);
}

/* --- merging ------------------------------------------------------------------------------------------------- */

/* Segments from..to - 1 become one, in their place. */
static int merge_segments(struct index *x, size_t from, size_t to)
{
	size_t n = to - from, n_alive = 0;
	AUTO(mem) struct segment **list = mem_calloc(n, sizeof(*list));
	AUTO(mem) const uint8_t **alive = mem_calloc(n, sizeof(*alive));
	struct segment *g;

	if (!list || !alive)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		list[i] = x->segments[from + i].g;
		alive[i] = x->segments[from + i].alive;
		n_alive += x->segments[from + i].n_alive;
	}
	if (segment_merge(&g, list, alive, n, x->n_terms) < 0)
		return -ENOMEM;
	for (size_t i = from; i < to; i++)
		index_segment_done(&x->segments[i]);
	x->segments[from] = (struct index_segment){ g, 0, NULL, n_alive };
	memmove(x->segments + from + 1, x->segments + to, (x->n_segments - to) * sizeof(*x->segments));
	x->n_segments -= n - 1;
	return 0;
}

/* The last ones, as far back as a segment holds less than twice what comes after it: each is
 * then at least twice as large as the next, and a passage is moved a logarithm of times. */
static int merge_last(struct index *x, bool all)
{
	size_t from = x->n_segments, sum = 0;

	while (from > 0 && (all || from == x->n_segments || x->segments[from - 1].g->n < 2 * sum))
		sum += x->segments[--from].g->n;
	return x->n_segments - from > 1 ? merge_segments(x, from, x->n_segments) : 0;
}

/* A quarter of it dead: made anew. */
static int rewrite_worn(struct index *x)
{
	for (size_t i = 0; i < x->n_segments; i++) {
		const struct index_segment *s = &x->segments[i];

		if (s->n_alive < s->g->n && s->n_alive * 4 <= s->g->n * 3 && merge_segments(x, i, i + 1) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* --- putting it together ----------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	int64_t x = ((const struct place *)a)->leaf->document.id;
	int64_t y = ((const struct place *)b)->leaf->document.id;

	return (x > y) - (x < y);
}

static int list_documents(struct index *x)
{
	size_t cap = 0;

	x->n_documents = 0;
	for (size_t i = 0; i < x->n_segments; i++)
		for (size_t k = 0; k < x->segments[i].g->n_leaves; k++) {
			if (!leaf_is_alive(&x->segments[i], k))
				continue;
			if (!mem_grow(&x->documents, &cap, x->n_documents, sizeof(*x->documents)))
				return -ENOMEM;
			x->documents[x->n_documents++] = (struct place){
				x->segments[i].g->leaves[k], (uint32_t)i, (uint32_t)k
			};
		}
	if (x->n_documents)
		qsort(x->documents, x->n_documents, sizeof(*x->documents), by_id);
	return 0;
}

/* Few new terms since then: only these anew. */
static int make_sounds(struct index *x, const struct index *old)
{
	const struct vocab *v = &x->dictionary->terms;
	size_t known = old ? sounds_n(old->sounds) : 0;

	if (known && (x->n_terms - known) * 8 < known) {
		x->sounds = sounds_ref(old->sounds);
		return sounds_new(&x->recent, v, known, x->n_terms);
	}
	return sounds_new(&x->sounds, v, 0, x->n_terms);
}

/* What the old one shows and has not gone stays; the rest is read. */
static int fill(struct index *x, const struct index *old, struct store *s, int64_t id)
{
	AUTO(changes) struct changes c = { 0 };
	int r = old ? share_segments(x, old) : 0;
	size_t shared = x->n_segments;

	if (r == 0)
		r = read_changes(&c, old, s, id);
	if (r == 0)
		r = read_leaves(x, s, &c);
	if (r == 0)
		r = grow_counts(x, old);
	if (r == 0 && old)
		r = drop_leaves(x, old, &c);
	number_rows(x);
	for (size_t i = shared; r == 0 && i < x->n_segments; i++) {
		count_in(x, x->segments[i].g);
		r = embed_segment(x, &x->segments[i]);
	}
	if (r == 0)
		r = merge_last(x, !old);
	if (r == 0)
		r = rewrite_worn(x);
	number_rows(x);
	if (r == 0)
		r = list_documents(x);
	return r < 0 ? r : make_sounds(x, old);
}

/* Of what is learned by the old one, unless something new was. */
static int begin(struct index *x, struct index **old, struct store *s, int64_t id)
{
	int64_t stamp = 0;
	int r = store_generation(s, id, &x->generation);

	if (r == 0)
		r = store_embedder_stamp(s, id, &stamp);
	if (r < 0)
		return r;
	if (*old && (*old)->learned->stamp != stamp)
		*old = NULL;
	x->dictionary = *old ? dictionary_ref((*old)->dictionary) : dictionary_new();
	if (!x->dictionary)
		return -ENOMEM;
	if (!*old)
		return read_learned(&x->learned, s, id, stamp);
	x->learned = (*old)->learned;
	atomic_fetch_add_explicit(&x->learned->refs, 1, memory_order_relaxed);
	return 0;
}

int index_update(struct index **out, struct index *old, struct store *s, const char *collection)
{
	AUTO(index) struct index *x = mem_zalloc(sizeof(*x));
	int64_t id;

	if (!x)
		return -ENOMEM;
	atomic_init(&x->refs, 1);
	int r = store_collection(s, collection, &id);
	if (r == 0)
		r = store_hold(s);
	if (r < 0)
		return r;
	r = begin(x, &old, s, id);
	if (r == 0)
		r = fill(x, old, s, id);
	store_release(s);
	if (r < 0)
		return r;
	*out = x;
	x = NULL;
	return 0;
}

int index_build(struct index **out, struct store *s, const char *collection)
{
	return index_update(out, NULL, s, collection);
}
