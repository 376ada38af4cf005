#include "knowledge/leaf.h"

#include <errno.h>

#include "base/alloc.h"
#include "document/sentences.h"
#include "document/utf8.h"
#include "document/words.h"
#include "knowledge/store.h"

/* Of FIFTHS for a word of the text. */
enum { HEADING = 3 * FIFTHS, PATH = 3 };

/* --- words ------------------------------------------------------------------------------- */

struct dictionary *dictionary_new(void)
{
	struct dictionary *l = mem_zalloc(sizeof(*l));

	if (l)
		atomic_init(&l->refs, 1);
	return l;
}

struct dictionary *dictionary_ref(struct dictionary *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	return l;
}

void dictionary_unref(struct dictionary *l)
{
	if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < l->n_outgrown; i++)
		mem_free(l->outgrown[i]);
	mem_free(l->outgrown);
	mem_free(l->surface_term);
	vocab_done(&l->surfaces);
	vocab_done(&l->terms);
	mem_free(l);
}

/* Readers may be in the middle of the old array: it stays. */
static bool more_surfaces(struct dictionary *l, size_t n)
{
	int32_t *old = l->surface_term;

	if (n < l->cap)
		return true;
	size_t cap = MAX(2 * l->cap, (size_t)1024);
	if (!mem_grow(&l->outgrown, &l->cap_outgrown, l->n_outgrown, sizeof(*l->outgrown)))
		return false;
	int32_t *more = mem_alloc(cap * sizeof(*more));
	if (!more)
		return false;
	if (n)
		memcpy(more, old, n * sizeof(*more));
	l->outgrown[l->n_outgrown++] = old;
	atomic_store_explicit(&l->surface_term, more, memory_order_release);
	l->cap = cap;
	return true;
}

/* A surface that is new gets its term. */
static int32_t add_surface(struct dictionary *l, const struct word *w)
{
	size_t n = l->surfaces.n;

	if (!more_surfaces(l, n))
		return VOCAB_NO_MEMORY;
	int32_t known = vocab_find(&l->surfaces, w->s, w->n);
	if (known >= 0)
		return known;
	struct word term = *w;
	word_to_term(&term);
	int32_t t = word_is_stop(w) ? -1 : vocab_add(&l->terms, term.s, term.n);
	if (t == VOCAB_NO_MEMORY)
		return t;
	l->surface_term[n] = t;
	return vocab_add(&l->surfaces, w->s, w->n);
}

/* --- reading a document ------------------------------------------------------------------- */

struct reading {
	struct leaf *f;
	struct dictionary *l;
	unsigned dim;
	size_t cap_passages, cap_tokens;
};

static int put_token(struct leaf *f, uint32_t t)
{
	buf_put(&f->words, &t, sizeof(t));
	return f->words.failed ? -ENOMEM : 0;
}

static int add_words(struct reading *r, struct bytes t)
{
	struct word w;
	size_t pos = 0;

	while (word_next(t, &pos, &w)) {
		int32_t s = add_surface(r->l, &w);

		if (s < 0 || put_token(r->f, (uint32_t)s) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_sentences(struct reading *r, struct bytes t)
{
	struct span s;
	size_t pos = 0;

	while (sentence_next(t, &pos, &s))
		if (add_words(r, bytes_sub(t, s.start, s.end - s.start)) < 0 ||
		    put_token(r->f, INDEX_SENTENCE) < 0)
			return -ENOMEM;
	return 0;
}

static size_t n_words(const struct reading *r)
{
	return r->f->words.n / sizeof(uint32_t);
}

static int add_tokens(struct reading *r, const struct store_passage *p, const char *title,
		      struct index_tokens *k)
{
	size_t from = n_words(r), outer = strlen(p->path) - MIN(strlen(p->heading), strlen(p->path));
	/* A first heading that repeats the title says it once. */
	bool titled = strncmp(p->path, title, strlen(title)) != 0;

	if ((titled && add_words(r, bytes_str(title)) < 0) ||
	    add_words(r, bytes_of(p->path, outer)) < 0 || put_token(r->f, INDEX_SENTENCE) < 0)
		return -ENOMEM;
	k->n_path = n_words(r) - from;
	if (add_words(r, bytes_str(p->heading)) < 0 || put_token(r->f, INDEX_SENTENCE) < 0)
		return -ENOMEM;
	k->n_heading = n_words(r) - from;
	if (add_sentences(r, p->text) < 0)
		return -ENOMEM;
	k->n = n_words(r) - from;
	return 0;
}

/* Until all is read a string is its place in f->strings, plus one. A damaged store may hold any
 * octets: what is no UTF-8 keeps its length and its ASCII. */
static const char *put_string(struct leaf *f, const void *s, size_t n)
{
	size_t at = f->strings.n;

	buf_put(&f->strings, s, n);
	buf_putc(&f->strings, 0);
	if (!f->strings.failed && !utf8_valid(bytes_of(s, n)))
		for (size_t i = at; i < at + n; i++)
			if (f->strings.p[i] >= 0x80)
				f->strings.p[i] = '?';
	return (const char *)(at + 1);
}

static const char *placed(const struct leaf *f, const void *s)
{
	return (const char *)f->strings.p + ((size_t)s - 1);
}

/* What was stored, or zeros. */
static void put_vector(struct reading *r, struct bytes vector)
{
	static const uint8_t none[4096];

	if (vector.n == r->dim)
		buf_put(&r->f->stored, vector.p, r->dim);
	else if (r->dim <= sizeof(none))
		buf_put(&r->f->stored, none, r->dim);
}

/* Passages of one section share the string that says which. */
static bool same_section(const struct leaf *f, const char *path)
{
	return f->n > 0 && strcmp(placed(f, f->passages[f->n - 1].path), path) == 0;
}

static int add_passage(void *ctx, const struct store_passage *p)
{
	struct reading *r = ctx;
	struct leaf *f = r->f;

	if (!mem_grow(&f->passages, &r->cap_passages, f->n, sizeof(*f->passages)) ||
	    !mem_grow(&f->tokens, &r->cap_tokens, f->n, sizeof(*f->tokens)))
		return -ENOMEM;
	f->passages[f->n] = (struct index_passage){
		.id = p->id,
		.document = &f->document,
		.ordinal = p->ordinal,
		.page = p->page,
		.start = p->start,
		.end = p->end,
		.heading = put_string(f, p->heading, strlen(p->heading)),
		.path = same_section(f, p->path) ? f->passages[f->n - 1].path :
						   put_string(f, p->path, strlen(p->path)),
		.text = bytes_of(put_string(f, p->text.p, p->text.n), p->text.n),
	};
	f->tokens[f->n] = (struct index_tokens){ .n = 0 };
	put_vector(r, p->vector);
	int e = add_tokens(r, p, placed(f, f->document.title), &f->tokens[f->n]);
	f->n++;
	return f->strings.failed || f->stored.failed ? -ENOMEM : e;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static int read_document(struct leaf *f, struct store *s, int64_t id)
{
	AUTO(buf) struct buf strings = { 0 };
	struct store_document d;
	int r = store_document(s, id, &strings, &d);

	if (r < 0)
		return r;
	f->document = (struct index_document){
		.id = id,
		.version = d.version,
		.path = put_string(f, d.path, strlen(d.path)),
		.title = put_string(f, d.title, strlen(d.title)),
		.tags = put_string(f, d.tags, strlen(d.tags)),
		.labels = put_string(f, d.labels, strlen(d.labels)),
		.mtime_us = d.mtime_us,
	};
	return f->strings.failed ? -ENOMEM : 0;
}

/* Nothing grows any more: places become pointers. */
static void place_strings(struct leaf *f)
{
	struct index_document *d = &f->document;
	const uint32_t *word = (const uint32_t *)(const void *)f->words.p;
	const char **const strings[] = { &d->path, &d->title, &d->tags, &d->labels };

	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		*strings[i] = placed(f, *strings[i]);
	d->name = last_part(d->path);
	for (size_t i = 0; i < f->n; i++) {
		struct index_passage *p = &f->passages[i];

		p->heading = placed(f, p->heading);
		p->path = placed(f, p->path);
		p->text = bytes_of(placed(f, p->text.p), p->text.n);
		f->tokens[i].surface = word;
		word += f->tokens[i].n;
	}
}

int leaf_read(struct leaf **out, struct store *s, int64_t document, struct dictionary *l, unsigned dim)
{
	AUTO(leaf) struct leaf *f = mem_zalloc(sizeof(*f));
	struct reading reading = { .f = f, .l = l, .dim = dim };

	if (!f)
		return -ENOMEM;
	atomic_init(&f->refs, 1);
	f->dim = dim;
	int r = read_document(f, s, document);
	if (r == 0)
		r = store_document_passages(s, document, add_passage, &reading);
	if (r < 0)
		return r;
	place_strings(f);
	*out = f;
	f = NULL;
	return 0;
}

struct leaf *leaf_ref(struct leaf *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

void leaf_unref(struct leaf *f)
{
	if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
		return;
	buf_done(&f->strings);
	buf_done(&f->words);
	buf_done(&f->stored);
	mem_free(f->passages);
	mem_free(f->tokens);
	mem_free(f);
}

/* --- counting -------------------------------------------------------------------------------- */

int term_counts_init(struct term_counts *c, size_t n_terms)
{
	*c = (struct term_counts){
		.n = mem_calloc(n_terms, sizeof(*c->n)),
		.touched = mem_calloc(n_terms, sizeof(*c->touched)),
	};
	return c->n && c->touched ? 0 : -ENOMEM;
}

void term_counts_done(struct term_counts *c)
{
	mem_free(c->n);
	mem_free(c->touched);
}

static void count(struct term_counts *c, int32_t term, unsigned fifths)
{
	if (term < 0)
		return;
	uint16_t *n = &c->n[term];
	if (*n == 0)
		c->touched[c->n_touched++] = (uint32_t)term;
	*n = (uint16_t)MIN(*n + fifths, (unsigned)FIFTHS_MAX);
}

/* "data base" where "database" is a word here: its term, or -1. */
static int32_t joined_term(const struct dictionary *l, uint32_t a, uint32_t b)
{
	char s[2 * WORD_MAX + 1];

	if (a == INDEX_SENTENCE || b == INDEX_SENTENCE)
		return -1;
	const char *left = l->surfaces.s[a], *right = l->surfaces.s[b];
	size_t n = strlen(left), m = strlen(right);
	if (n < 2 || m < 2 || n + m < 5 || n + m > WORD_MAX)
		return -1;
	memcpy(s, left, n);
	memcpy(s + n, right, m);
	int32_t found = vocab_find(&l->surfaces, s, n + m);
	return found < 0 ? -1 : l->surface_term[found];
}

void term_counts_passage(struct term_counts *c, const struct dictionary *l, const struct leaf *f,
			 size_t i)
{
	const struct index_tokens *k = &f->tokens[i];
	unsigned length = 0;

	c->n_touched = 0;
	for (size_t t = 0; t < k->n; t++) {
		unsigned fifths = t < k->n_path ? PATH : t < k->n_heading ? HEADING : FIFTHS;
		uint32_t surface = k->surface[t];

		if (surface == INDEX_SENTENCE)
			continue;
		if (l->surface_term[surface] >= 0)
			length += fifths;
		count(c, l->surface_term[surface], fifths);
		if (t + 1 < k->n)
			count(c, joined_term(l, surface, k->surface[t + 1]), fifths);
	}
	c->length = (float)length / FIFTHS;
}

void term_counts_clear(struct term_counts *c)
{
	for (size_t i = 0; i < c->n_touched; i++)
		c->n[c->touched[i]] = 0;
	c->n_touched = 0;
}
