#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bench/cranfield.h"

static char *read_all(const char *dir, const char *name)
{
	AUTO(mem) char *path = mem_printf("%s/%s", dir, name);
	struct buf b = { 0 };
	FILE *f = path ? fopen(path, "re") : NULL;
	char piece[65536];
	size_t n;

	if (!f) {
		fprintf(stderr, "cannot open %s/%s, a file of the Cranfield collection\n", dir,
			name);
		exit(1);
	}
	while ((n = fread(piece, 1, sizeof(piece), f)))
		buf_put(&b, piece, n);
	fclose(f);
	return buf_take(&b);
}

struct record {
	struct buf title, text;
};

static void put_record(struct cranfield *c, unsigned number, struct record *r)
{
	struct bytes t = buf_bytes(&r->text);

	if (number < 1 || number > CRANFIELD_DOCUMENTS)
		return;
	if (r->title.n && t.n > r->title.n && memcmp(t.p, r->title.p, r->title.n) == 0)
		buf_consume(&r->text, r->title.n);
	buf_puts(&r->title, "");
	buf_puts(&r->text, "");
	c->document[number].title = buf_take(&r->title);
	c->document[number].text = buf_take(&r->text);
}

static void read_documents(struct cranfield *c, const char *dir)
{
	AUTO(mem) char *all = read_all(dir, "cran.all.1400");
	struct record r = { { 0 }, { 0 } };
	unsigned number = 0;
	char field = 0;

	for (char *save, *l = strtok_r(all, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		if (l[0] == '.' && l[1] == 'I') {
			put_record(c, number, &r);
			number = (unsigned)strtoul(l + 2, NULL, 10);
		} else if (l[0] == '.' && l[1] && strchr("TABW", l[1]) && !l[2]) {
			field = l[1];
			continue;
		}
		struct buf *to = field == 'T' ? &r.title : field == 'W' ? &r.text : NULL;
		if (to && l[0] != '.') {
			buf_puts(to, l);
			buf_putc(to, ' ');
		}
	}
	put_record(c, number, &r);
}

void cranfield_read_questions(struct cranfield *c, const char *dir)
{
	AUTO(mem) char *all = read_all(dir, "cran.qry");
	struct buf b = { 0 };
	size_t n = 0;

	for (char *save, *l = strtok_r(all, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		if (l[0] == '.' && l[1] == 'I' && b.n && n < CRANFIELD_QUESTIONS)
			c->question[++n] = buf_take(&b);
		if (l[0] == '.')
			continue;
		buf_puts(&b, l);
		buf_putc(&b, ' ');
	}
	if (n < CRANFIELD_QUESTIONS)
		c->question[++n] = buf_take(&b);
	buf_done(&b);
	if (n == CRANFIELD_QUESTIONS)
		return;
	fprintf(stderr, "cran.qry has %zu questions instead of %d\n", n, CRANFIELD_QUESTIONS);
	exit(1);
}

static void read_judgements(struct cranfield *c, const char *dir)
{
	AUTO(mem) char *all = read_all(dir, "cranqrel");

	for (char *save, *l = strtok_r(all, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *p = l;
		unsigned long q = strtoul(p, &p, 10), d = strtoul(p, &p, 10);
		long code = strtol(p, &p, 10);

		if (q <= CRANFIELD_QUESTIONS && d <= CRANFIELD_DOCUMENTS && code >= 1 && code <= 4)
			c->gain[q][d] = (uint8_t)(5 - code);
	}
}

void cranfield_read(struct cranfield *c, const char *dir)
{
	read_documents(c, dir);
	cranfield_read_questions(c, dir);
	read_judgements(c, dir);
}

void cranfield_done(struct cranfield *c)
{
	for (size_t i = 0; i < ARRAY_LEN(c->document); i++) {
		mem_free(c->document[i].title);
		mem_free(c->document[i].text);
	}
	for (size_t i = 0; i < ARRAY_LEN(c->question); i++)
		mem_free(c->question[i]);
}
