#include "document/docx_style.h"

#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "document/tags.h"

static char *copy(struct bytes t)
{
	AUTO(buf) struct buf b = { 0 };

	buf_put(&b, t.p, t.n);
	return buf_take(&b);
}

/* --- styles ---------------------------------------------------------------------------- */

static struct docx_style *last(struct docx_styles *s)
{
	static struct docx_style nobody;

	return s->n ? &s->s[s->n - 1] : &nobody;
}

static void on_style(void *ctx, struct tags *t)
{
	struct docx_styles *s = ctx;

	if (s->n >= DOCX_STYLES || !tags_attr_is(t, "type", "paragraph")) {
		tags_skip(t);
		return;
	}
	struct docx_style new = { .outline = -1, .list = -1, .depth = -1 };
	new.id = copy(tags_attr(t, "styleId"));
	if (!new.id || !mem_grow(&s->s, &s->cap, s->n, sizeof(*s->s))) {
		mem_free(new.id);
		s->failed = true;
		tags_stop(t);
		return;
	}
	s->s[s->n++] = new;
}

static void on_name(void *ctx, struct tags *t)
{
	struct docx_style *s = last(ctx);
	struct bytes v = tags_attr(t, "val");

	if (v.n == 9 && strncasecmp((const char *)v.p, "heading ", 8) == 0 && v.p[8] >= '1' &&
	    v.p[8] <= '9' && s->outline < 0)
		s->outline = v.p[8] - '1';
	s->title = v.n == 5 && strncasecmp((const char *)v.p, "title", 5) == 0;
	s->contents = v.n == 5 && strncasecmp((const char *)v.p, "toc ", 4) == 0;
}

static void on_based_on(void *ctx, struct tags *t)
{
	struct docx_styles *all = ctx;
	struct docx_style *s = last(all);

	if (!all->n || s->based_on)
		return;
	s->based_on = copy(tags_attr(t, "val"));
	all->failed |= !s->based_on;
}

static void on_outline(void *ctx, struct tags *t)
{
	struct docx_styles *all = ctx;

	if (all->n)
		last(all)->outline = (int)MIN(MAX(tags_attr_int(t, "val", 9), 0L), 9L);
}

static void on_style_list(void *ctx, struct tags *t)
{
	struct docx_styles *all = ctx;

	if (all->n)
		last(all)->list = (int)tags_attr_int(t, "val", 0);
}

static void on_style_depth(void *ctx, struct tags *t)
{
	struct docx_styles *all = ctx;

	if (all->n)
		last(all)->depth = (int)tags_attr_int(t, "val", 0);
}

enum extract_verdict docx_styles_read(struct docx_styles *to, struct bytes xml)
{
	static const struct tag tags[] = {
		{ "style", on_style, NULL },	      { "name", on_name, NULL },
		{ "basedOn", on_based_on, NULL },     { "outlineLvl", on_outline, NULL },
		{ "numId", on_style_list, NULL },     { "ilvl", on_style_depth, NULL },
	};
	static const struct tag_table table = { tags, ARRAY_LEN(tags), NULL };
	enum extract_verdict v = tags_walk(xml, &table, to);

	return to->failed ? EXTRACT_NO_MEMORY : v;
}

static const struct docx_style *find(const struct docx_styles *s, struct bytes id)
{
	for (size_t i = 0; i < s->n; i++)
		if (bytes_is(id, s->s[i].id))
			return &s->s[i];
	return NULL;
}

struct docx_style docx_style_of(const struct docx_styles *s, struct bytes id)
{
	struct docx_style out = { .outline = -1, .list = -1, .depth = -1 };
	const struct docx_style *at = id.n ? find(s, id) : NULL;

	for (unsigned up = 0; at && up < 16; up++) {
		out.outline = out.outline < 0 ? at->outline : out.outline;
		if (out.list < 0) {
			out.list = at->list;
			out.depth = at->depth;
		}
		out.title |= at->title && up == 0;
		out.contents |= at->contents;
		at = at->based_on ? find(s, bytes_str(at->based_on)) : NULL;
	}
	return out;
}

/* --- lists ------------------------------------------------------------------------------- */

static void on_list(void *ctx, struct tags *t)
{
	struct docx_styles *s = ctx;

	if (s->n_lists >= DOCX_LISTS) {
		tags_skip(t);
		return;
	}
	if (!mem_grow(&s->lists, &s->cap_lists, s->n_lists, sizeof(*s->lists))) {
		s->failed = true;
		tags_stop(t);
		return;
	}
	s->lists[s->n_lists++] = (struct docx_list){ .id = tags_attr_int(t, "abstractNumId", -1) };
	s->depth = 0;
}

static void on_level(void *ctx, struct tags *t)
{
	struct docx_styles *s = ctx;

	s->depth = (int)tags_attr_int(t, "ilvl", 0);
}

static void on_format(void *ctx, struct tags *t)
{
	struct docx_styles *s = ctx;
	struct bytes v = tags_attr(t, "val");

	if (!s->n_lists || s->depth < 0 || s->depth >= DOCX_DEPTH)
		return;
	s->lists[s->n_lists - 1].mark[s->depth] =
		bytes_is(v, "bullet") || bytes_is(v, "none") ? 0
		: bytes_is(v, "lowerLetter") || bytes_is(v, "upperLetter") ? 'a' : '1';
}

static void on_number(void *ctx, struct tags *t)
{
	struct docx_styles *s = ctx;

	if (s->n_numbers >= DOCX_LISTS)
		return;
	if (!mem_grow(&s->numbers, &s->cap_numbers, s->n_numbers, sizeof(*s->numbers))) {
		s->failed = true;
		tags_stop(t);
		return;
	}
	s->numbers[s->n_numbers++] =
		(struct docx_number){ .id = tags_attr_int(t, "numId", -1), .list = -1 };
}

static void on_number_list(void *ctx, struct tags *t)
{
	struct docx_styles *s = ctx;

	if (s->n_numbers)
		s->numbers[s->n_numbers - 1].list = tags_attr_int(t, "val", -1);
}

enum extract_verdict docx_lists_read(struct docx_styles *to, struct bytes xml)
{
	static const struct tag tags[] = {
		{ "abstractNum", on_list, NULL },  { "lvl", on_level, NULL },
		{ "numFmt", on_format, NULL },	   { "num", on_number, NULL },
		{ "abstractNumId", on_number_list, NULL },
	};
	static const struct tag_table table = { tags, ARRAY_LEN(tags), NULL };
	enum extract_verdict v = tags_walk(xml, &table, to);

	return to->failed ? EXTRACT_NO_MEMORY : v;
}

void docx_count(struct docx_styles *s, long list, int depth, char to[static 16])
{
	struct docx_number *n = NULL;
	char mark = 0;

	*to = 0;
	for (size_t i = 0; i < s->n_numbers && !n; i++)
		if (s->numbers[i].id == list)
			n = &s->numbers[i];
	if (!n || depth < 0 || depth >= DOCX_DEPTH)
		return;
	unsigned count = ++n->count[depth];
	for (int d = depth + 1; d < DOCX_DEPTH; d++)
		n->count[d] = 0;
	for (size_t i = 0; i < s->n_lists; i++)
		if (s->lists[i].id == n->list)
			mark = s->lists[i].mark[depth];
	if (mark == 'a' && count <= 26)
		snprintf(to, 16, "%c. ", (char)('a' + count - 1));
	else if (mark)
		snprintf(to, 16, "%u. ", count);
}

void docx_styles_done(struct docx_styles *s)
{
	for (size_t i = 0; i < s->n; i++) {
		mem_free(s->s[i].id);
		mem_free(s->s[i].based_on);
	}
	mem_free(s->s);
	mem_free(s->lists);
	mem_free(s->numbers);
	*s = (struct docx_styles){ 0 };
}
