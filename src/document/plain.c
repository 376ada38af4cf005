#include "document/plain.h"

#include "document/words.h"

enum { LINES_MAX = 512, HEADING_WORDS = 12, HEADING_OCTETS = 90 };

/* Lines of one paragraph: a run without empty lines. */
struct lines {
	struct bytes l[LINES_MAX];
	size_t n;
};

static struct bytes trim(struct bytes t)
{
	while (t.n && (t.p[0] == ' ' || t.p[0] == '\t' || t.p[0] == '\f'))
		t = bytes_sub(t, 1, t.n - 1);
	while (t.n && strchr(" \t\n\f", t.p[t.n - 1]) && t.p[t.n - 1])
		t.n--;
	return t;
}

static bool upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

static bool lower(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || c >= 0x80;
}

static bool digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* A line of at least three of one punctuation mark; the mark or 0. */
static uint8_t ruler(struct bytes l)
{
	if (l.n < 3 || !strchr("=-~^*\"#+_.`", l.p[0]) || !l.p[0])
		return 0;
	for (size_t i = 1; i < l.n; i++)
		if (l.p[i] != l.p[0])
			return 0;
	return l.p[0];
}

/* "4.2 ", "4.2. ", "A.1 ", "Chapter 3": how deep, or 0. */
static unsigned numbered(struct bytes l)
{
	unsigned depth = 0;
	size_t i = 0;

	if (bytes_starts(l, "Chapter ") || bytes_starts(l, "Appendix ") || bytes_starts(l, "Part "))
		return 1;
	if (l.n > 2 && upper(l.p[0]) && l.p[1] == '.' && digit(l.p[2])) {
		depth = 1;
		i = 2;
	}
	while (i < l.n && digit(l.p[i]) && depth < 6) {
		while (i < l.n && digit(l.p[i]))
			i++;
		depth++;
		if (i < l.n && l.p[i] == '.')
			i++;
	}
	while (depth && i < l.n && l.p[i] == ' ')
		i++;
	return depth && i > 1 && l.p[i - 1] == ' ' && i < l.n && upper(l.p[i]) ? depth : 0;
}

/* Most words that could be capitalised are. */
static bool title_case(struct bytes l)
{
	struct word w;
	size_t pos = 0, words = 0, capitals = 0;

	while (word_next(l, &pos, &w)) {
		bool small = w.end - w.start <= 3 || word_is_stop(&w);

		if (words && small)
			continue;
		words++;
		capitals += upper(l.p[w.start]) || digit(l.p[w.start]);
	}
	return words && capitals == words;
}

/* "CONTROL FILES AND THEIR FIELDS": how books set the titles of chapters. */
static bool shouted(struct bytes l)
{
	for (size_t i = 0; i < l.n; i++)
		if (lower(l.p[i]))
			return false;
	return true;
}

/* Could this line, standing alone, be a heading? Its level, or 0. */
static unsigned heading_level(struct bytes l)
{
	if (l.n < 2 || l.n > HEADING_OCTETS || words_count(l) > HEADING_WORDS)
		return 0;
	uint8_t last = l.p[l.n - 1];
	if (strchr(".,;:", last))
		return 0;
	unsigned n = numbered(l);
	if (n)
		return n;
	if (!upper(l.p[0]) || !title_case(l) || words_count(l) == 0)
		return 0;
	return shouted(l) ? 1 : 2;
}

static size_t first_word(struct bytes l)
{
	const uint8_t *space = memchr(l.p, ' ', l.n);

	return space ? (size_t)(space - l.p) : l.n;
}

/* A line that ends early though the next word would have fitted was ended on purpose: above
 * a paragraph it is a heading. One may stand on another. */
static bool stands_above(const struct lines *p, size_t i, size_t widest)
{
	for (unsigned deep = 0; deep < 3 && i + 1 < p->n; deep++, i++) {
		struct bytes l = p->l[i], next = p->l[i + 1];

		if (l.n < 2 || l.n > HEADING_OCTETS || strchr(".,;:!?", l.p[l.n - 1]) ||
		    !(upper(l.p[0]) || numbered(l)) || words_count(l) > HEADING_WORDS ||
		    !(upper(next.p[0]) || digit(next.p[0])))
			return false;
		bool early = (l.n + 1 + first_word(next)) * 5 < widest * 4;
		if (early && next.n * 10 > l.n * 13 &&
		    (next.n * 4 > widest * 3 || strchr(".:;?!", next.p[next.n - 1])))
			return true;
	}
	return false;
}

static size_t bullet(struct bytes l)
{
	static const char *const marks[] = { "* ", "- ", "+ ", "\xe2\x80\xa2", "\xe2\x97\xa6",
					     "\xe2\x96\xaa", "\xe2\x80\x93 ", "\xef\x82\xb7" };

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (bytes_starts(l, marks[i]))
			return strlen(marks[i]);
	return 0;
}

static bool step(struct bytes l) /* "1. Do", "(a) do" */
{
	size_t i = l.n && l.p[0] == '(';

	if (i + 2 >= l.n)
		return false;
	if (digit(l.p[i]))
		while (i < l.n && digit(l.p[i]))
			i++;
	else if (l.p[0] == '(' && lower(l.p[i]))
		i++;
	else
		return false;
	return i + 1 < l.n && (l.p[i] == ')' || (l.p[i] == '.' && l.p[0] != '(')) &&
	       l.p[i + 1] == ' ';
}

/* Append a line to a flowing paragraph; "connec-" + "tion" is "connection". */
static void join_line(struct buf *to, struct bytes l)
{
	size_t n = to->n;

	if (n >= 2 && to->p[n - 1] == '-' && lower(to->p[n - 2]) && l.n && lower(l.p[0])) {
		to->n--;
	} else if (n >= 4 && memcmp(to->p + n - 2, "\xc2\xad", 2) == 0) {
		to->n -= 2; /* a soft hyphen */
	} else if (n) {
		buf_putc(to, ' ');
	}
	buf_put(to, l.p, l.n);
}

struct flow {
	struct outline *to;
	struct buf para;
	enum block_kind kind;
	unsigned page;
	size_t widest; /* line of the text */
};

static void flush(struct flow *f)
{
	if (f->para.n)
		outline_add(f->to, f->kind, 0, f->page, buf_bytes(&f->para));
	if (f->para.failed)
		f->to->text.failed = true;
	buf_reset(&f->para);
	f->kind = BLOCK_PARA;
}

static void add_heading(struct flow *f, unsigned level, struct bytes l)
{
	flush(f);
	outline_add(f->to, BLOCK_HEADING, level, f->page, l);
	if (f->to->n_blocks == 1)
		outline_title(f->to, l);
}

static unsigned ruler_level(uint8_t c)
{
	const char *at = strchr("*=-~^", c);
	return at ? (unsigned)(at - "*=-~^") + 1 : 3;
}

/* A paragraph's lines: headings at its start, then items, else flowing text. */
static void take_lines(struct flow *f, const struct lines *p)
{
	size_t i = 0;

	if (p->n >= 3 && ruler(p->l[0]) && ruler(p->l[2]) == ruler(p->l[0]) && !ruler(p->l[1])) {
		add_heading(f, 1, p->l[1]);
		i = 3;
	}
	for (; i < p->n; i++) {
		struct bytes l = p->l[i];
		size_t mark = bullet(l);

		if (i + 1 < p->n && ruler(p->l[i + 1]) && !ruler(l) && !f->para.n &&
		    p->l[i + 1].n + 2 >= l.n) {
			add_heading(f, ruler_level(ruler(p->l[i + 1])), l);
			i++;
			continue;
		}
		if (ruler(l)) {
			flush(f);
			continue;
		}
		bool first = i == 0 || strchr(".:!?", p->l[i - 1].p[p->l[i - 1].n - 1]) || !f->para.n;
		unsigned level = i == 0 && (p->n == 1 || numbered(l)) ? heading_level(l) : 0;
		if (!level && first && stands_above(p, i, f->widest))
			level = numbered(l) ? numbered(l) : 2;
		if (level && !(step(l) && p->n > 1)) {
			add_heading(f, level, l);
			continue;
		}
		if (mark || step(l)) {
			flush(f);
			f->kind = BLOCK_ITEM;
		}
		join_line(&f->para, trim(bytes_sub(l, mark, l.n - mark)));
	}
	flush(f);
}

static size_t widest_line(struct bytes t)
{
	size_t widest = 0, n = 0;

	for (size_t i = 0; i < t.n; i++) {
		n = t.p[i] == '\n' ? 0 : n + 1;
		widest = MAX(widest, n);
	}
	return MIN(widest, (size_t)120);
}

void plain_read(struct outline *to, struct bytes text, unsigned page)
{
	struct flow f = {
		.to = to, .kind = BLOCK_PARA, .page = page, .widest = widest_line(text)
	};
	struct lines p = { .n = 0 };

	for (size_t i = 0; i < text.n;) {
		const uint8_t *nl = memchr(text.p + i, '\n', text.n - i);
		size_t n = nl ? (size_t)(nl - text.p) - i : text.n - i;
		struct bytes l = trim(bytes_sub(text, i, n));

		i += n + 1;
		if (l.n && p.n < LINES_MAX) {
			p.l[p.n++] = l;
			if (p.n < LINES_MAX)
				continue;
		}
		take_lines(&f, &p);
		p.n = 0;
	}
	take_lines(&f, &p);
	buf_done(&f.para);
}
