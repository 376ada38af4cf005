#include "document/markdown.h"

#include "document/entity.h"
#include "document/table.h"

enum { COLUMNS_MAX = 32, FAR = 1000 /* octets that what is opened is looked for its end */ };

struct md {
	struct outline *to;
	struct bytes text;
	size_t pos;
	struct buf para;      /* lines of the paragraph or item that is open */
	enum block_kind kind; /* what para will be                           */
	struct buf scratch;
};

static struct bytes trim(struct bytes t)
{
	while (t.n && (t.p[0] == ' ' || t.p[0] == '\t'))
		t = bytes_sub(t, 1, t.n - 1);
	while (t.n && (t.p[t.n - 1] == ' ' || t.p[t.n - 1] == '\t' || t.p[t.n - 1] == '\n'))
		t.n--;
	return t;
}

static bool next_line(struct md *m, struct bytes *line)
{
	if (m->pos >= m->text.n)
		return false;
	const uint8_t *p = m->text.p + m->pos;
	const uint8_t *nl = memchr(p, '\n', m->text.n - m->pos);
	size_t n = nl ? (size_t)(nl - p) : m->text.n - m->pos;
	*line = bytes_of(p, n);
	m->pos += n + 1;
	return true;
}

static struct bytes peek_line(const struct md *m)
{
	struct md copy = { .text = m->text, .pos = m->pos };
	struct bytes line;

	return next_line(&copy, &line) ? line : (struct bytes){ 0 };
}

static size_t indent(struct bytes l)
{
	size_t col = 0;

	for (size_t i = 0; i < l.n; i++) {
		if (l.p[i] == ' ')
			col++;
		else if (l.p[i] == '\t')
			col += 4 - col % 4;
		else
			break;
	}
	return col;
}

static bool blank(struct bytes l)
{
	return trim(l).n == 0;
}

/* --- inline ------------------------------------------------------------------- */

/* The bracket that closes the one at i, or 0. */
static size_t closing(struct bytes l, size_t i, char open, char close)
{
	unsigned depth = 0;

	if (!memchr(l.p + i, close, MIN(l.n - i, (size_t)FAR)))
		return 0;
	for (size_t k = i; k < l.n && k < i + FAR; k++) {
		if (l.p[k] == '\\')
			k++;
		else if (l.p[k] == open)
			depth++;
		else if (l.p[k] == close && --depth == 0)
			return k;
	}
	return 0;
}

static void inline_depth(struct buf *to, struct bytes l, unsigned depth);

/* [text](target), [text][label], [text], ![alt](target), [^note]; returns what was taken. */
static size_t put_link(struct buf *to, struct bytes l, size_t i, unsigned depth)
{
	size_t from = i + (l.p[i] == '!'), end = closing(l, from, '[', ']');

	if (!end)
		return 0;
	size_t after = end + 1;
	bool target = false;
	if (after < l.n && (l.p[after] == '(' || l.p[after] == '[')) {
		size_t e = closing(l, after, (char)l.p[after], l.p[after] == '(' ? ')' : ']');
		target = e != 0;
		after = e ? e + 1 : after;
	}
	if (from + 1 < end && l.p[from + 1] == '^')
		return after - i;
	if (!target && l.p[i] != '!')
		return 0; /* "[1]" and "[options]" are text */
	inline_depth(to, bytes_sub(l, from + 1, end - from - 1), depth + 1);
	return after - i;
}

/* `code`, ``co`de``. */
static size_t put_code_span(struct buf *to, struct bytes l, size_t i)
{
	size_t ticks = 0;

	while (i + ticks < l.n && l.p[i + ticks] == '`')
		ticks++;
	for (size_t k = i + ticks; k < l.n;) {
		size_t run = 0;

		while (k + run < l.n && l.p[k + run] == '`')
			run++;
		if (run == ticks) {
			buf_put(to, l.p + i + ticks, k - i - ticks);
			return k + run - i;
		}
		k += run ? run : 1;
	}
	buf_put(to, l.p + i, ticks);
	return ticks;
}

/* <https://…>, <b>, <!-- … -->; returns what was taken. */
static size_t put_angle(struct buf *to, struct bytes l, size_t i)
{
	const uint8_t *gt = memchr(l.p + i, '>', MIN(l.n - i, (size_t)FAR));
	size_t end = gt ? (size_t)(gt - l.p) : 0;
	uint8_t c = i + 1 < l.n ? l.p[i + 1] : 0;

	if (!end || !(c == '/' || c == '!' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
		return 0;
	struct bytes in = bytes_sub(l, i + 1, end - i - 1);
	if (!memchr(in.p, ' ', in.n) &&
	    (memchr(in.p, ':', in.n) || memchr(in.p, '@', in.n)))
		buf_put(to, in.p, in.n);
	return end + 1 - i;
}

static bool word_at(struct bytes l, size_t i)
{
	return i < l.n && ((l.p[i] | 32) >= 'a' ? (l.p[i] | 32) <= 'z' || l.p[i] >= 0x80
						: l.p[i] >= '0' && l.p[i] <= '9');
}

/* Is the run of * or _ at i emphasis? Not between spaces, and _ not inside a word. */
static bool is_emphasis(struct bytes l, size_t i, size_t run)
{
	uint8_t c = l.p[i];
	bool left = i > 0 && l.p[i - 1] != ' ', right = i + run < l.n && l.p[i + run] != ' ';

	if (c == '~')
		return run == 2;
	if (!left && !right)
		return false;
	return c == '*' || !(i > 0 && word_at(l, i - 1) && word_at(l, i + run));
}

static size_t put_special(struct buf *to, struct bytes l, size_t i, unsigned depth)
{
	uint8_t c = l.p[i];
	size_t run = 0;

	switch (c) {
	case '\\':
		if (i + 1 < l.n && l.p[i + 1] > ' ' && l.p[i + 1] < 0x7f && !word_at(l, i + 1)) {
			buf_putc(to, (char)l.p[i + 1]);
			return 2;
		}
		return 0;
	case '!':
		return i + 1 < l.n && l.p[i + 1] == '[' ? put_link(to, l, i, depth) : 0;
	case '[':
		return put_link(to, l, i, depth);
	case '`':
		return put_code_span(to, l, i);
	case '<':
		return put_angle(to, l, i);
	case '&':
		return entity_put(to, bytes_sub(l, i, l.n - i));
	case '*':
	case '_':
	case '~':
		while (i + run < l.n && l.p[i + run] == c)
			run++;
		if (is_emphasis(l, i, run))
			return run;
		buf_put(to, l.p + i, run);
		return run;
	default:
		return 0;
	}
}

/* What put_special() looks at. */
static bool is_special(uint8_t c)
{
	static const bool special[256] = { ['\\'] = true, ['!'] = true, ['['] = true, ['`'] = true, ['<'] = true,
					   ['&'] = true,  ['*'] = true, ['_'] = true, ['~'] = true };

	return special[c];
}

static void inline_depth(struct buf *to, struct bytes l, unsigned depth)
{
	for (size_t i = 0, n; i < l.n; i += n) {
		n = is_special(l.p[i]) && depth < 8 ? put_special(to, l, i, depth) : 0;
		if (n)
			continue;
		for (n = 1; i + n < l.n && !is_special(l.p[i + n]);)
			n++;
		buf_put(to, l.p + i, n);
	}
}

void markdown_inline(struct buf *to, struct bytes line)
{
	inline_depth(to, line, 0);
}

/* --- blocks ------------------------------------------------------------------- */

static void add_inline(struct md *m, enum block_kind kind, unsigned level, struct bytes t)
{
	buf_reset(&m->scratch);
	markdown_inline(&m->scratch, t);
	if (m->scratch.failed)
		m->to->text.failed = true;
	outline_add(m->to, kind, level, 0, buf_bytes(&m->scratch));
	if (kind == BLOCK_HEADING && level == 1)
		outline_title(m->to, buf_bytes(&m->scratch));
}

static void close_para(struct md *m)
{
	if (m->para.n)
		add_inline(m, m->kind, 0, buf_bytes(&m->para));
	if (m->para.failed)
		m->to->text.failed = true;
	buf_reset(&m->para);
	m->kind = BLOCK_PARA;
}

static void add_line(struct md *m, struct bytes l)
{
	l = trim(l);
	if (l.n && l.p[l.n - 1] == '\\')
		l.n--; /* a hard line break */
	if (m->para.n)
		buf_putc(&m->para, ' ');
	buf_put(&m->para, l.p, l.n);
}

/* "## Title ##" */
static bool atx_heading(struct md *m, struct bytes l)
{
	struct bytes t = trim(l);
	unsigned level = 0;

	while (level < t.n && t.p[level] == '#')
		level++;
	if (level < 1 || level > 6 || indent(l) > 3 || (level < t.n && t.p[level] != ' '))
		return false;
	close_para(m);
	t = trim(bytes_sub(t, level, t.n - level));
	size_t n = t.n;
	while (n && t.p[n - 1] == '#')
		n--;
	if (n == 0 || t.p[n - 1] == ' ')
		t.n = n;
	add_inline(m, BLOCK_HEADING, level, trim(t));
	return true;
}

/* A line of one repeated character, as below headings and for rules; the character or 0. */
static uint8_t ruler(struct bytes l, size_t least)
{
	struct bytes t = trim(l);
	size_t n = 0;

	if (!t.n || indent(l) > 3)
		return 0;
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] == t.p[0])
			n++;
		else if (t.p[i] != ' ')
			return 0;
	}
	return n >= least && strchr("=-*_", t.p[0]) ? t.p[0] : 0;
}

static bool setext_or_rule(struct md *m, struct bytes l)
{
	uint8_t c = ruler(l, 1);

	if (m->para.n && m->kind == BLOCK_PARA && (c == '=' || c == '-') &&
	    !memchr(trim(l).p, ' ', trim(l).n)) {
		AUTO(buf) struct buf title = m->para;
		m->para = (struct buf){ 0 };
		add_inline(m, BLOCK_HEADING, c == '=' ? 1 : 2, buf_bytes(&title));
		return true;
	}
	if (!c || c == '=' || !ruler(l, 3))
		return false;
	close_para(m);
	return true;
}

/* ``` or ~~~ to its closing fence or the end. */
static bool fence(struct md *m, struct bytes l)
{
	struct bytes t = trim(l), line;
	size_t n = 0, from = indent(l);

	while (n < t.n && (t.p[n] == '`' || t.p[n] == '~') && t.p[n] == t.p[0])
		n++;
	if (n < 3 || (t.p[0] == '`' && memchr(t.p + n, '`', t.n - n)))
		return false;
	close_para(m);
	AUTO(buf) struct buf code = { 0 };
	while (next_line(m, &line)) {
		struct bytes c = trim(line);
		size_t k = 0;

		while (k < c.n && c.p[k] == t.p[0])
			k++;
		if (k >= n && k == c.n)
			break;
		size_t cut = MIN(from, indent(line));
		cut = MIN(cut, line.n);
		buf_put(&code, line.p + cut, line.n - cut);
		buf_putc(&code, '\n');
	}
	if (code.failed)
		m->to->text.failed = true;
	outline_add(m->to, BLOCK_CODE, 0, 0, buf_bytes(&code));
	return true;
}

static bool indented_code(struct md *m, struct bytes l)
{
	if (indent(l) < 4 || m->para.n || blank(l))
		return false;
	/* Below a list item it is the item's next paragraph. */
	if (m->to->n_blocks && m->to->blocks[m->to->n_blocks - 1].kind == BLOCK_ITEM) {
		m->kind = BLOCK_ITEM;
		return false;
	}
	AUTO(buf) struct buf code = { 0 };
	for (;;) {
		size_t cut = l.n && l.p[0] == '\t' ? 1 : MIN((size_t)4, l.n);
		buf_put(&code, l.p + cut, l.n - cut);
		buf_putc(&code, '\n');
		struct bytes next = peek_line(m);
		if (m->pos >= m->text.n || (indent(next) < 4 && !blank(next)))
			break;
		if (!next_line(m, &l))
			break;
		if (blank(l))
			l.n = 0;
	}
	if (code.failed)
		m->to->text.failed = true;
	outline_add(m->to, BLOCK_CODE, 0, 0, buf_bytes(&code));
	return true;
}

/* Octets of "- ", "12. ", "* [x] " at the start of t, or 0. */
static size_t bullet(struct bytes t)
{
	size_t n = 0;

	while (n < t.n && n < 9 && t.p[n] >= '0' && t.p[n] <= '9')
		n++;
	if (n ? !(n < t.n && (t.p[n] == '.' || t.p[n] == ')')) : !(t.n && strchr("-*+", t.p[0])))
		return 0;
	n++;
	if (n < t.n && t.p[n] != ' ' && t.p[n] != '\t')
		return 0;
	if (n + 4 <= t.n && t.p[n] == ' ' && t.p[n + 1] == '[' && t.p[n + 3] == ']')
		n += 4;
	return n;
}

static bool list_item(struct md *m, struct bytes l)
{
	struct bytes t = trim(l);
	size_t n = bullet(t);

	if (!n)
		return false;
	/* A paragraph is not interrupted by "1986. was" nor by an empty bullet. */
	if (m->para.n && m->kind == BLOCK_PARA &&
	    (n == t.n || (t.p[0] >= '2' && t.p[0] <= '9') || n > 3))
		return false;
	close_para(m);
	m->kind = BLOCK_ITEM;
	/* The number of a step is part of what is said. */
	if (t.p[0] >= '0' && t.p[0] <= '9')
		add_line(m, t);
	else
		add_line(m, bytes_sub(t, n, t.n - n));
	return true;
}

/* --- tables ------------------------------------------------------------------- */

struct cells {
	struct bytes c[COLUMNS_MAX];
	size_t n;
};

static void split_row(struct bytes l, struct cells *out)
{
	struct bytes t = trim(l);
	size_t from = 0;
	bool code = false;

	out->n = 0;
	if (t.n && t.p[0] == '|')
		t = bytes_sub(t, 1, t.n - 1);
	for (size_t i = 0; i <= t.n && out->n < COLUMNS_MAX; i++) {
		if (i < t.n && t.p[i] == '\\') {
			i++;
			continue;
		}
		if (i < t.n && t.p[i] == '`')
			code = !code;
		if (i < t.n && (t.p[i] != '|' || code))
			continue;
		if (i < t.n || from < t.n)
			out->c[out->n++] = trim(bytes_sub(t, from, MIN(i, t.n) - from));
		from = i + 1;
	}
}

static bool delimiter_row(struct bytes l)
{
	struct bytes t = trim(l);
	bool dash = false;

	for (size_t i = 0; i < t.n; i++) {
		if (!strchr("|-: \t", t.p[i]) || !t.p[i])
			return false;
		dash |= t.p[i] == '-';
	}
	return dash && memchr(t.p, '|', t.n);
}

/* Each cell is read for itself: "**" in one has nothing to do with another. */
static void put_cells(struct md *m, struct table *to, struct bytes line)
{
	struct cells row;

	split_row(line, &row);
	for (size_t i = 0; i < row.n; i++) {
		buf_reset(&m->scratch);
		markdown_inline(&m->scratch, row.c[i]);
		if (m->scratch.failed)
			m->to->text.failed = true;
		table_cell(to, buf_bytes(&m->scratch), TABLE_DATA);
	}
}

static bool table(struct md *m, struct bytes l)
{
	struct bytes line;

	if (!memchr(l.p, '|', l.n) || !delimiter_row(peek_line(m)))
		return false;
	close_para(m);
	AUTO(table) struct table t = { .to = m->to };
	put_cells(m, &t, l);
	table_header(&t);
	if (!next_line(m, &line))
		return true;
	while (m->pos < m->text.n) {
		line = peek_line(m);
		if (blank(line) || !memchr(line.p, '|', line.n) || !next_line(m, &line))
			break;
		put_cells(m, &t, line);
		table_row(&t);
	}
	table_end(&t);
	return true;
}

/* --- what is not text ------------------------------------------------------------ */

/* "---" … "---" at the very start; its title is kept. */
static void front_matter(struct md *m)
{
	struct bytes line;
	size_t from = m->pos;

	if (!next_line(m, &line) || !bytes_is(trim(line), "---")) {
		m->pos = from;
		return;
	}
	struct bytes title = { 0 };
	while (next_line(m, &line)) {
		struct bytes t = trim(line);

		if (bytes_is(t, "---") || bytes_is(t, "...")) {
			if (title.n)
				outline_title(m->to, title);
			return;
		}
		if (bytes_starts(t, "title:"))
			title = trim(bytes_sub(t, 6, t.n - 6));
		if (title.n >= 2 && strchr("\"'", title.p[0]) && title.p[title.n - 1] == title.p[0])
			title = bytes_sub(title, 1, title.n - 2);
	}
	m->pos = from; /* never closed: it was a rule */
}

static bool comment(struct md *m, struct bytes l)
{
	struct bytes t = trim(l);

	if (!bytes_starts(t, "<!--"))
		return false;
	while (!memmem(l.p, l.n, "-->", 3))
		if (!next_line(m, &l))
			break;
	return true;
}

/* "[label]: target" */
static bool definition(struct bytes l)
{
	struct bytes t = trim(l);
	const uint8_t *close = t.n && t.p[0] == '[' ? memchr(t.p, ']', t.n) : NULL;

	return close && close + 1 < t.p + t.n && close[1] == ':' && indent(l) < 4 && t.p[1] != '^';
}

/* "[^label]: text": the text is a paragraph, as where it belongs to only the label says. */
static bool footnote(struct md *m, struct bytes l)
{
	struct bytes t = trim(l);
	const uint8_t *close = bytes_starts(t, "[^") ? memchr(t.p, ']', t.n) : NULL;

	if (!close || close + 1 >= t.p + t.n || close[1] != ':' || indent(l) > 3)
		return false;
	close_para(m);
	size_t n = (size_t)(close - t.p) + 2;
	buf_puts(&m->para, "Note:");
	add_line(m, bytes_sub(t, n, t.n - n));
	return true;
}

static struct bytes unquote(struct bytes l)
{
	struct bytes t = l;

	for (;;) {
		struct bytes in = t;

		while (in.n && (in.p[0] == ' ' || in.p[0] == '\t'))
			in = bytes_sub(in, 1, in.n - 1);
		if (!in.n || in.p[0] != '>' || indent(t) > 3)
			return t;
		t = bytes_sub(in, 1, in.n - 1);
		if (t.n && t.p[0] == ' ')
			t = bytes_sub(t, 1, t.n - 1);
	}
}

static void take_line(struct md *m, struct bytes l)
{
	l = unquote(l);
	if (blank(l)) {
		close_para(m);
		return;
	}
	if (!m->para.n && (comment(m, l) || definition(l)))
		return;
	if (footnote(m, l) || indented_code(m, l) || fence(m, l) || atx_heading(m, l) || setext_or_rule(m, l) ||
	    table(m, l) || list_item(m, l))
		return;
	add_line(m, l);
}

void markdown_read(struct outline *to, struct bytes text)
{
	struct md m = { .to = to, .text = text, .kind = BLOCK_PARA };
	struct bytes line;

	front_matter(&m);
	while (next_line(&m, &line))
		take_line(&m, line);
	close_para(&m);
	buf_done(&m.para);
	buf_done(&m.scratch);
}
