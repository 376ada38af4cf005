#include "document/passages.h"

#include <errno.h>

#include "base/alloc.h"
#include "document/sentences.h"
#include "document/words.h"

enum { WORDS_GOOD = 80, WORDS_FULL = 160, WORDS_MAX = 220, LEVELS = 6 };

struct cutter {
	const struct outline *o;
	struct passages *out;
	struct bytes heading[LEVELS + 1]; /* open headings by level; [0] unused */
	size_t start, end, words;         /* of the passage that is open        */
	unsigned page;
	bool open, bare; /* bare: a heading has come and nothing below it yet */
	struct block last_heading;
	bool failed;
};

static char *heading_path(const struct cutter *c, char **nearest)
{
	AUTO(buf) struct buf b = { 0 };
	struct bytes last = bytes_of("", 0);

	for (unsigned l = 1; l <= LEVELS; l++) {
		if (!c->heading[l].n)
			continue;
		if (b.n)
			buf_puts(&b, " > ");
		buf_put(&b, c->heading[l].p, c->heading[l].n);
		last = c->heading[l];
	}
	AUTO(buf) struct buf n = { 0 };
	buf_put(&n, last.p, last.n);
	*nearest = buf_take(&n);
	return buf_take(&b);
}

static void emit(struct cutter *c, size_t start, size_t end, unsigned page)
{
	struct passages *out = c->out;
	struct passage p = { .start = start, .end = end, .page = page };

	p.path = heading_path(c, &p.heading);
	if (!p.path || !p.heading || !mem_grow(&out->p, &out->cap, out->n, sizeof(*out->p))) {
		mem_free(p.path);
		mem_free(p.heading);
		c->failed = true;
		return;
	}
	out->p[out->n++] = p;
}

static void flush(struct cutter *c)
{
	if (c->open)
		emit(c, c->start, c->end, c->page);
	c->open = false;
	c->words = 0;
}

static void extend(struct cutter *c, size_t start, size_t end, unsigned page, size_t words)
{
	if (!c->open) {
		c->start = start;
		c->page = page;
		c->open = true;
	}
	c->end = end;
	c->words += words;
	c->bare = false;
}

/* A run of words without an end: cut at WORDS_MAX, between words. */
static void take_endless(struct cutter *c, size_t start, size_t end, unsigned page)
{
	struct bytes t = bytes_sub(buf_bytes(&c->o->text), start, end - start);
	struct word w;
	size_t pos = 0, from = 0, n = 0;

	while (word_next(t, &pos, &w)) {
		if (n && (n >= WORDS_FULL || w.end - from > WORDS_MAX * 12)) {
			flush(c);
			extend(c, start + from, start + w.start, page, n);
			flush(c);
			from = w.start;
			n = 0;
		}
		n++;
	}
	extend(c, start + from, end, page, n);
}

/* A paragraph too long for one passage: by sentences. */
static void take_long(struct cutter *c, const struct block *b)
{
	struct bytes t = bytes_sub(buf_bytes(&c->o->text), b->start, b->end - b->start);
	struct span s;
	size_t pos = 0;

	while (sentence_next(t, &pos, &s)) {
		size_t n = words_count(bytes_sub(t, s.start, s.end - s.start));

		if (c->words >= WORDS_GOOD && c->words + n > WORDS_FULL)
			flush(c);
		if (n > WORDS_MAX) {
			flush(c);
			take_endless(c, b->start + s.start, b->start + s.end, b->page);
			continue;
		}
		extend(c, b->start + s.start, b->start + s.end, b->page, n);
	}
}

static void take_text(struct cutter *c, const struct block *b)
{
	size_t n = words_count(bytes_sub(buf_bytes(&c->o->text), b->start, b->end - b->start));

	if (c->open && (c->words >= WORDS_FULL ||
			(c->words >= WORDS_GOOD && c->words + n > WORDS_FULL) ||
			c->words + n > WORDS_MAX))
		flush(c);
	if (n > WORDS_MAX)
		take_long(c, b);
	else
		extend(c, b->start, b->end, b->page, n);
}

/* A heading with nothing below it is all there is to find: it becomes a passage. */
static void bare_heading(struct cutter *c, unsigned next_level)
{
	struct bytes t = c->bare ? bytes_sub(buf_bytes(&c->o->text), c->last_heading.start,
					     c->last_heading.end - c->last_heading.start)
				 : bytes_of("", 0);

	/* "CHAPTER", alone above "FIVE", is nothing to find. */
	if (c->bare && next_level <= c->last_heading.level && (words_count(t) > 1 || !c->out->n))
		emit(c, c->last_heading.start, c->last_heading.end, c->last_heading.page);
	c->bare = false;
}

static void take_heading(struct cutter *c, const struct block *b)
{
	unsigned level = MIN(MAX(b->level, 1u), (unsigned)LEVELS);

	flush(c);
	bare_heading(c, level);
	for (unsigned l = level; l <= LEVELS; l++)
		c->heading[l] = (struct bytes){ 0 };
	c->heading[level] = bytes_sub(buf_bytes(&c->o->text), b->start, b->end - b->start);
	c->last_heading = *b;
	c->last_heading.level = level;
	c->bare = true;
}

int passages_cut(const struct outline *o, struct passages *out)
{
	struct cutter c = { .o = o, .out = out };

	*out = (struct passages){ 0 };
	for (size_t i = 0; i < o->n_blocks && !c.failed; i++) {
		if (o->blocks[i].kind == BLOCK_HEADING)
			take_heading(&c, &o->blocks[i]);
		else
			take_text(&c, &o->blocks[i]);
	}
	flush(&c);
	bare_heading(&c, 0);
	if (!c.failed)
		return 0;
	passages_done(out);
	return -ENOMEM;
}

void passages_done(struct passages *p)
{
	for (size_t i = 0; i < p->n; i++) {
		mem_free(p->p[i].heading);
		mem_free(p->p[i].path);
	}
	mem_free(p->p);
	*p = (struct passages){ 0 };
}
