#include "document/pdf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "document/child.h"
#include "document/plain.h"
#include "document/vocab.h"

enum {
	EDGE = 3, /* lines at a page's top and bottom that may be a running header or footer */
	PAGES_MAX = 20000,
	CPU_S = 20,
	TIMEOUT_MS = 20000,
	MEMORY_MAX = 512 * 1024 * 1024,
};

struct line {
	struct bytes t; /* trimmed */
	bool dropped;
};

struct sheet {
	size_t first, n; /* lines */
};

struct paper {
	struct line *lines;
	size_t n_lines, cap_lines;
	struct sheet *sheets;
	size_t n, cap;
	bool failed;
};

static void paper_auto_(struct paper *p)
{
	mem_free(p->lines);
	mem_free(p->sheets);
}

static struct bytes trim(struct bytes t)
{
	while (t.n && t.p[0] <= ' ')
		t = bytes_sub(t, 1, t.n - 1);
	while (t.n && t.p[t.n - 1] <= ' ')
		t.n--;
	return t;
}

static bool grow(struct paper *p, void *array, size_t *cap, size_t n, size_t size)
{
	bool ok = mem_grow(array, cap, n, size);

	p->failed = p->failed || !ok;
	return ok;
}

static void split_sheet(struct paper *p, struct bytes t)
{
	if (!grow(p, &p->sheets, &p->cap, p->n, sizeof(*p->sheets)))
		return;
	struct sheet *s = &p->sheets[p->n++];
	*s = (struct sheet){ p->n_lines, 0 };
	for (size_t i = 0; i <= t.n && !p->failed;) {
		const uint8_t *nl = i < t.n ? memchr(t.p + i, '\n', t.n - i) : NULL;
		size_t n = nl ? (size_t)(nl - t.p) - i : t.n - i;

		if (!grow(p, &p->lines, &p->cap_lines, p->n_lines, sizeof(*p->lines)))
			return;
		p->lines[p->n_lines++] = (struct line){ trim(bytes_sub(t, i, n)), false };
		s->n++;
		i += n + 1;
	}
}

static void split_paper(struct paper *p, struct bytes t)
{
	for (size_t i = 0; i < t.n && p->n < PAGES_MAX && !p->failed;) {
		const uint8_t *ff = memchr(t.p + i, '\f', t.n - i);
		size_t n = ff ? (size_t)(ff - t.p) - i : t.n - i;

		split_sheet(p, bytes_sub(t, i, n));
		i += n + 1;
	}
}

/* --- what is on every page --------------------------------------------------------------------- */

static bool digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* The line with its numbers as one '#': "12 Chapter 3" and "14 Chapter 3" are one. */
static size_t shape(struct bytes t, char to[static 96])
{
	size_t n = 0;

	for (size_t i = 0; i < t.n && n < 95; i++) {
		if (!digit(t.p[i]))
			to[n++] = (char)t.p[i];
		else if (n == 0 || to[n - 1] != '#')
			to[n++] = '#';
	}
	to[n] = 0;
	return n;
}

/* "12", "- 12 -", "Page 3 of 10", "xiv". */
static bool is_page_number(struct bytes t)
{
	static const char *const shapes[] = { "#", "- # -", "Page #", "page #", "Page # of #",
					      "# of #", "# / #", "#/#", "[#]", "(#)" };
	char s[96];

	shape(t, s);
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		if (strcmp(s, shapes[i]) == 0)
			return true;
	return t.n > 0 && t.n <= 6 && strspn(s, "ivxlc") == t.n;
}

/* The i-th line with text from the top (i >= 0) or the bottom (i < 0), or NULL. */
static struct line *edge_line(const struct paper *p, const struct sheet *s, int i)
{
	int seen = 0;

	for (size_t k = 0; k < s->n; k++) {
		struct line *l = &p->lines[s->first + (i >= 0 ? k : s->n - 1 - k)];

		if (l->t.n && seen++ == (i >= 0 ? i : -1 - i))
			return l;
	}
	return NULL;
}

/* How often each line occurs: by its shape at the edges, by its letters anywhere. */
struct shapes {
	struct vocab v;
	uint32_t *count;
	size_t cap;
};

static void count_shape(struct paper *p, struct shapes *h, const char *s, size_t n)
{
	size_t known = h->v.n;
	int32_t i = vocab_add(&h->v, s, n);

	if (i < 0 || !grow(p, &h->count, &h->cap, (size_t)i, sizeof(*h->count))) {
		p->failed = true;
		return;
	}
	if (h->v.n > known)
		h->count[i] = 0;
	h->count[i]++;
}

static uint32_t shape_count(const struct shapes *h, const char *s, size_t n)
{
	int32_t i = vocab_find(&h->v, s, n);

	return i < 0 ? 0 : h->count[i];
}

/* "4.13. Embedded code" and "4.13 Embedded code" are one. Below the page it repeats. */
static size_t letters(struct bytes t, char to[static 96])
{
	size_t n = 0;

	for (size_t i = 0; i < t.n && n < 95; i++)
		if ((t.p[i] | 32) >= 'a' || t.p[i] >= 0x80)
			to[n++] = (char)t.p[i];
	to[n] = 0;
	return n;
}

static bool numbered_below(const struct paper *p, const struct sheet *s)
{
	for (int i = -EDGE; i < 0; i++) {
		const struct line *l = edge_line(p, s, i);

		if (l && is_page_number(l->t))
			return true;
	}
	return false;
}

static bool is_furniture(const struct paper *p, const struct sheet *s, int i, struct bytes t,
			 const struct shapes *edges, const struct shapes *all)
{
	char key[96];
	size_t n = shape(t, key);
	uint32_t seen = shape_count(edges, key, n);

	if (is_page_number(t) || (seen >= 3 && seen * 10 > p->n * 3))
		return true;
	if (seen >= 3 && (i < 0 || memchr(key, '#', n)))
		return true;
	n = letters(t, key);
	return i < 0 && n > 2 && shape_count(all, key, n) > 1 && numbered_below(p, s);
}

static void drop_repeated(struct paper *p, const struct shapes *edges, const struct shapes *all)
{
	for (size_t k = 0; k < p->n; k++) {
		for (int i = -EDGE; i < EDGE; i++) {
			struct line *l = edge_line(p, &p->sheets[k], i);

			if (l && is_furniture(p, &p->sheets[k], i, l->t, edges, all))
				l->dropped = true;
		}
	}
}

static void count_lines(struct paper *p, struct shapes *edges, struct shapes *all)
{
	char key[96];

	for (size_t k = 0; k < p->n && !p->failed; k++) {
		for (int i = -EDGE; i < EDGE; i++) {
			const struct line *l = edge_line(p, &p->sheets[k], i);
			if (l)
				count_shape(p, edges, key, shape(l->t, key));
		}
	}
	for (size_t i = 0; i < p->n_lines && !p->failed; i++)
		if (p->lines[i].t.n && p->lines[i].t.n < 96)
			count_shape(p, all, key, letters(p->lines[i].t, key));
}

static void drop_furniture(struct paper *p)
{
	struct shapes edges = { .cap = 0 }, all = { .cap = 0 };

	count_lines(p, &edges, &all);
	if (!p->failed)
		drop_repeated(p, &edges, &all);
	vocab_done(&edges.v);
	vocab_done(&all.v);
	mem_free(edges.count);
	mem_free(all.count);
}

/* "4.2 Returns . . . . . . . 17" */
static void drop_contents(struct paper *p)
{
	for (size_t i = 0; i < p->n_lines; i++) {
		struct line *l = &p->lines[i];

		if (memmem(l->t.p, l->t.n, ". . . .", 7) || memmem(l->t.p, l->t.n, "......", 6))
			l->dropped = true;
	}
	/* The column of page numbers that its dots led to. */
	for (size_t i = 0, run = 0; i < p->n_lines; i++) {
		run = is_page_number(p->lines[i].t) ? run + 1 : 0;
		for (size_t k = 0; run >= 3 && k < run; k++)
			p->lines[i - k].dropped = true;
	}
}

/* --- paragraphs over the end of a page ------------------------------------------------------------ */

/* Does the text of sheet k go on in the middle of a sentence on sheet k + 1? */
static bool goes_on(const struct paper *p, size_t k)
{
	const struct line *last = NULL, *next = NULL;

	for (size_t i = 0; i < p->sheets[k].n; i++) {
		const struct line *l = &p->lines[p->sheets[k].first + i];
		last = l->t.n && !l->dropped ? l : last;
	}
	for (size_t i = 0; i < p->sheets[k + 1].n && !next; i++) {
		const struct line *l = &p->lines[p->sheets[k + 1].first + i];
		next = l->t.n && !l->dropped ? l : NULL;
	}
	return last && next && !strchr(".!?:;", last->t.p[last->t.n - 1]) && next->t.p[0] >= 'a' &&
	       next->t.p[0] <= 'z';
}

static void put_line(struct buf *b, struct line *l)
{
	if (!l->dropped)
		buf_put(b, l->t.p, l->t.n);
	buf_putc(b, '\n');
	l->dropped = true;
}

static void read_sheet(struct paper *p, size_t k, struct outline *to)
{
	AUTO(buf) struct buf b = { 0 };
	const struct sheet *s = &p->sheets[k];

	size_t end = s->n;
	while (end && (p->lines[s->first + end - 1].dropped || !p->lines[s->first + end - 1].t.n))
		end--;
	bool on = k + 1 < p->n && goes_on(p, k);
	for (size_t i = 0; i < end; i++)
		if (!p->lines[s->first + i].dropped)
			put_line(&b, &p->lines[s->first + i]);
	for (size_t i = 0, begun = 0; on && i < p->sheets[k + 1].n; i++) {
		struct line *l = &p->lines[p->sheets[k + 1].first + i];

		if (l->dropped || (!l->t.n && !begun))
			continue;
		if (!l->t.n)
			break;
		begun = 1;
		put_line(&b, l);
	}
	if (b.failed)
		p->failed = true;
	plain_read(to, buf_bytes(&b), (unsigned)k + 1);
}

void pdf_text_read(struct outline *to, struct bytes text)
{
	AUTO(paper) struct paper p = { 0 };

	split_paper(&p, text);
	if (p.n > 2 && !p.failed)
		drop_furniture(&p);
	drop_contents(&p);
	for (size_t k = 0; k < p.n && !p.failed; k++)
		read_sheet(&p, k, to);
	if (p.failed)
		to->text.failed = true;
	to->n_pages = (unsigned)MAX(p.n, (size_t)to->n_pages);
}

enum extract_verdict pdf_read(struct outline *to, struct bytes raw)
{
	static const char *const argv[] = { "pdftotext", "-q", "-enc", "UTF-8", "/dev/fd/0", "-", NULL };
	const struct child_params c = {
		.argv = argv,
		.input = raw,
		.output_max = EXTRACT_OUT_MAX,
		.memory_max = MEMORY_MAX,
		.cpu_s = CPU_S,
		.timeout_ms = TIMEOUT_MS,
	};
	AUTO(buf) struct buf text = { 0 };
	int status = 0;

	switch (child_run(&c, &text, &status)) {
	case CHILD_OK:
		break;
	case CHILD_MISSING:
		return EXTRACT_NO_TOOL;
	case CHILD_FAILED:
		return EXTRACT_MALFORMED;
	case CHILD_TIMEOUT:
		return EXTRACT_TIMEOUT;
	case CHILD_TOO_LARGE:
		return EXTRACT_TOO_LARGE;
	case CHILD_NO_MEMORY:
		return EXTRACT_NO_MEMORY;
	case CHILD_NO_SANDBOX:
		return EXTRACT_NO_SANDBOX;
	}
	pdf_text_read(to, buf_bytes(&text));
	return to->text.failed ? EXTRACT_NO_MEMORY : EXTRACT_OK;
}
