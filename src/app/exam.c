#include "app/exam.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { COLUMNS_MAX = 64 };
enum column { ID, QUESTION, AUDIO, SOURCES, ANSWER, N_COLUMNS };
static const char *const names[N_COLUMNS] = { [ID] = "id",
					      [QUESTION] = "question",
					      [AUDIO] = "audio",
					      [SOURCES] = "sources",
					      [ANSWER] = "answer" };

struct reader {
	struct exam *exam;
	const char *name;
	size_t at[N_COLUMNS]; /* where each column stands; COLUMNS_MAX: nowhere */
	unsigned line;
	char *why; /* [EXAM_WHY] */
};

static int wrong(struct reader *r, const char *what)
{
	snprintf(r->why, EXAM_WHY, "%.120s:%u: %.180s", r->name, r->line, what);
	return -EBADMSG;
}

/* Cells of a line, cut in place and trimmed. */
static size_t cut(char *line, char *cells[static COLUMNS_MAX])
{
	size_t n = 0;

	for (char *cell = line, *next; cell && n < COLUMNS_MAX; cell = next) {
		next = strchr(cell, '\t');
		if (next)
			*next++ = 0;
		cell += strspn(cell, " \r");
		for (char *e = cell + strlen(cell); e > cell && (e[-1] == ' ' || e[-1] == '\r');)
			*--e = 0;
		cells[n++] = cell;
	}
	return n;
}

static int read_head(struct reader *r, char *line)
{
	char *cells[COLUMNS_MAX], what[128];
	size_t n = cut(line, cells);

	for (size_t k = 0; k < N_COLUMNS; k++) {
		r->at[k] = COLUMNS_MAX;
		for (size_t i = 0; i < n; i++)
			if (strcmp(cells[i], names[k]) == 0)
				r->at[k] = i;
	}
	if (r->at[QUESTION] == COLUMNS_MAX && r->at[AUDIO] == COLUMNS_MAX)
		return wrong(
			r,
			"no column 'question' (or 'audio'); the first line names the columns, with tabs between");
	if (r->at[SOURCES] < COLUMNS_MAX)
		return 0;
	snprintf(what, sizeof(what),
		 "no column 'sources' (the right places: file, file#p=PAGE or file#h=HEADING)");
	return wrong(r, what);
}

static bool is_recording(const char *s)
{
	size_t n = strlen(s);

	return n > 4 && strcmp(s + n - 4, ".wav") == 0;
}

static int read_row(struct reader *r, char *line)
{
	struct exam *e = r->exam;
	char *cells[COLUMNS_MAX];
	const char *of[N_COLUMNS];
	size_t n = cut(line, cells);

	if (r->at[SOURCES] >= n)
		return wrong(
			r,
			"the column 'sources' is missing here; '-' there says that nothing answers");
	for (size_t k = 0; k < N_COLUMNS; k++)
		of[k] = r->at[k] < n ? cells[r->at[k]] : "";
	if (!*of[QUESTION] && !*of[AUDIO])
		return wrong(r, "no question");
	if (!mem_grow(&e->q, &e->cap, e->n, sizeof(*e->q)))
		return -ENOMEM;
	struct exam_question *q = &e->q[e->n++];
	*q = (struct exam_question){
		.id = of[ID],
		.text = of[QUESTION],
		.wav = *of[AUDIO]                   ? of[AUDIO]
		       : is_recording(of[QUESTION]) ? of[QUESTION]
						    : NULL,
		.places = strcmp(of[SOURCES], "-") == 0 ? "" : of[SOURCES],
		.answer = of[ANSWER],
		.line = r->line,
	};
	e->spoken = e->spoken || q->wav;
	return 0;
}

static int read_lines(struct reader *r, char *line)
{
	bool head = false;
	int e = 0;

	for (char *next; e == 0 && line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		r->line++;
		if (!line[strspn(line, " \t\r")])
			continue;
		e = head ? read_row(r, line) : read_head(r, line);
		head = true;
	}
	if (e == 0 && !r->exam->n) {
		snprintf(r->why, EXAM_WHY, "%.200s has no questions", r->name);
		e = -EBADMSG;
	}
	return e;
}

int exam_read(struct exam *e, struct bytes file, const char *name, char why[static EXAM_WHY])
{
	struct reader r = { .exam = e, .name = name, .why = why };
	AUTO(buf) struct buf text = { 0 };

	snprintf(why, EXAM_WHY, "out of memory");
	if (memchr(file.p ? file.p : (const uint8_t *)"", 0, file.n)) {
		snprintf(why, EXAM_WHY, "%.200s is not a table of text", name);
		return -EBADMSG;
	}
	buf_puts(&text, "");
	buf_put(&text, file.p, file.n);
	e->text = buf_take(&text);
	return e->text ? read_lines(&r, e->text) : -ENOMEM;
}

void exam_done(struct exam *e)
{
	mem_free(e->text);
	mem_free(e->q);
	*e = (struct exam){ 0 };
}

bool exam_answerable(const struct exam_question *q)
{
	return *q->places;
}

/* --- is it the right place? --------------------------------------------------------------- */

/* The next character as it counts: lower case, a run of blanks as one, none at the end; -1: over. */
static int next_plain(struct bytes *b)
{
	size_t i = 0;

	while (i < b->n && isspace(b->p[i]))
		i++;
	bool blank = i > 0 && i < b->n;
	if (!blank && i == b->n)
		return -1;
	int c = blank ? ' ' : tolower(b->p[0]);
	i = blank ? i : 1;
	b->p += i;
	b->n -= i;
	return c;
}

static struct bytes without_number(struct bytes b)
{
	size_t i = 0;

	while (i < b.n && (isdigit(b.p[i]) || b.p[i] == '.'))
		i++;
	return i && i < b.n && isspace(b.p[i]) ? bytes_sub(b, i + 1, b.n - i - 1) : b;
}

static struct bytes without_mark(struct bytes b)
{
	static const char mark[] =
		"\xc2\xb6"; /* the paragraph sign that links a heading to itself */

	for (size_t i = 0; i + 2 <= b.n; i++)
		if (memcmp(b.p + i, mark, 2) == 0)
			return bytes_sub(b, 0, i);
	return b;
}

static bool same_heading(struct bytes a, struct bytes b)
{
	int x, y;

	a = without_mark(without_number(a));
	b = without_mark(without_number(b));
	do {
		x = next_plain(&a);
		y = next_plain(&b);
	} while (x == y && x >= 0);
	return x == y;
}

bool exam_is_file(struct bytes file, const char *path)
{
	size_t n = strlen(path);

	return file.n && n >= file.n && memcmp(path + n - file.n, file.p, file.n) == 0 &&
	       (n == file.n || path[n - file.n - 1] == '/');
}

/* One acceptable place, cut at its '#'; *at moves behind it. */
static bool next_place(const char **at, struct bytes *file, struct bytes *where)
{
	while (**at == '|' || **at == ' ')
		++*at;
	size_t n = strcspn(*at, "|");
	struct bytes one = { (const uint8_t *)*at, n };
	const uint8_t *hash = n ? memchr(one.p, '#', n) : NULL;

	*at += n;
	while (one.n && one.p[one.n - 1] == ' ')
		one.n--;
	*file = hash ? bytes_sub(one, 0, (size_t)(hash - one.p)) : one;
	*where = hash ? bytes_sub(one, file->n + 1, one.n - file->n - 1) : bytes_of("", 0);
	return n > 0;
}

bool exam_next_file(const char **at, struct bytes *file)
{
	struct bytes where;

	return next_place(at, file, &where);
}

bool exam_is_place(const char *places, const char *path, unsigned page, const char *heading)
{
	struct bytes file, where;

	while (next_place(&places, &file, &where)) {
		if (!exam_is_file(file, path))
			continue;
		if (bytes_starts(where, "h=") &&
		    same_heading(bytes_sub(where, 2, where.n - 2), bytes_str(heading)))
			return true;
		if (bytes_starts(where, "p=") &&
		    strtoul((const char *)where.p + 2, NULL, 10) == page)
			return true;
		if (!where.n)
			return true;
	}
	return false;
}

static bool begins_with(struct bytes text, struct bytes with)
{
	for (int c; (c = next_plain(&with)) >= 0;)
		if (next_plain(&text) != c)
			return false;
	return true;
}

bool exam_says(const char *text, const char *answers)
{
	for (size_t n; *answers; answers += n + (answers[n] == '|')) {
		n = strcspn(answers, "|");
		struct bytes one = { (const uint8_t *)answers, n };

		for (const char *t = text; n && *t; t++)
			if (begins_with(bytes_str(t), one))
				return true;
	}
	return false;
}
